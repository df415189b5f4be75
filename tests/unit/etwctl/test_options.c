#include <criterion/criterion.h>

#include "client/etwctl/options.h"
#include "util/mem.h"

typedef struct Inner {
    Words ids;
    const char *text;
} Inner;

typedef struct Target {
    Inner inner;
    bool flag;
    OptionNumber number, time, size, live;
    const char *where;
} Target;

static const Option inner_options[] = {
    {"event-id", "id", OPTION_LIST, offsetof(Inner, ids), "N,...", "ids"},
    {"event-text", NULL, OPTION_TEXT, offsetof(Inner, text), "TEXT", "text\nof two lines"},
    {0},
};
static const Option outer_options[] = {
    {"flag", NULL, OPTION_FLAG, offsetof(Target, flag), NULL, "a flag"},
    {"number", NULL, OPTION_NUMBER, offsetof(Target, number), "N", "a number"},
    {"time", NULL, OPTION_DURATION, offsetof(Target, time), "TIME", "a time"},
    {"size", NULL, OPTION_BYTES, offsetof(Target, size), "SIZE", "a size"},
    {"where", NULL, OPTION_MAYBE_TEXT, offsetof(Target, where), "PATH", "perhaps a path"},
    {"live", NULL, OPTION_MAYBE_DURATION, offsetof(Target, live), "TIME", "perhaps a time"},
    {0},
};
static const OptionGroup groups[] = {
    {"Inner", inner_options, offsetof(Target, inner)},
    {"Outer", outer_options, 0},
    {0},
};

static Target target;
static Words operands;
static Err err;

static int parse(const char *line) {
    static char copy[256]; // what is parsed points into it
    char *argv[16];
    int argc = 0;
    memset(&target, 0, sizeof target);
    operands = (Words){0};
    err = (Err)ERR_INIT;
    size_t bytes = strlen(line) + 1;
    cr_assert(bytes <= sizeof copy);
    memcpy(copy, line, bytes);
    for (char *p = strtok(copy, " "); p && argc < 16; p = strtok(NULL, " "))
        argv[argc++] = p;
    return options_parse(groups, argc, argv, &target, &operands, &err);
}

static void done(void) {
    options_deinit(groups, &target);
    words_deinit(&operands);
    cr_assert_eq(mem_in_use(), 0);
}

Test(etwctl_options, values_stand_behind_a_blank_or_an_equals_sign) {
    cr_assert_eq(parse("one --number 5 --size=8MB two --time 250ms --flag three"), 0, "%s",
                 err.text);
    cr_assert(target.number.set && target.number.value == 5);
    cr_assert(target.size.set && target.size.value == 8u << 20);
    cr_assert(target.time.set && target.time.value == 250);
    cr_assert(target.flag && !target.live.set);
    cr_assert_eq(operands.n, 3);
    cr_assert_str_eq(operands.items[0], "one");
    cr_assert_str_eq(operands.items[2], "three");
    done();
}

Test(etwctl_options, lists_are_split_and_added_to) {
    cr_assert_eq(parse("--event-id 1,2,,3 --id 4"), 0);
    cr_assert_eq(target.inner.ids.n, 4);
    cr_assert_str_eq(target.inner.ids.items[2], "3");
    cr_assert_str_eq(target.inner.ids.items[3], "4");
    done();
    cr_assert_eq(parse("--event-id ,"), -STATUS_INVALID_ARGUMENT);
    done();
}

Test(etwctl_options, powershell_spelling_and_beginnings_are_understood) {
    cr_assert_eq(parse("-EventId 7 -Num 3 -LIVE"), 0, "%s", err.text);
    cr_assert_eq(target.inner.ids.n, 1);
    cr_assert(target.number.set && target.live.set && target.live.value == 0);
    done();
}

Test(etwctl_options, a_beginning_of_two_names_is_refused) {
    cr_assert_eq(parse("--event 7"), -STATUS_INVALID_ARGUMENT);
    cr_assert(strstr(err.text, "several options"), "%s", err.text);
    done();
}

Test(etwctl_options, an_optional_value_is_taken_only_when_it_is_one) {
    cr_assert_eq(parse("--live 2 --flag"), 0);
    cr_assert_eq(target.live.value, 2000);
    done();
    cr_assert_eq(parse("--live two"), 0);
    cr_assert(target.live.set && target.live.value == 0);
    cr_assert_eq(operands.n, 1);
    done();
    cr_assert_eq(parse("--live=x"), -STATUS_INVALID_ARGUMENT);
    done();
}

Test(etwctl_options, an_optional_text_stands_behind_an_equals_sign_only) {
    cr_assert_eq(parse("--flag"), 0);
    cr_assert_null(target.where);
    done();
    cr_assert_eq(parse("--where operand"), 0);
    cr_assert_str_eq(target.where, "");
    cr_assert_eq(operands.n, 1);
    done();
    cr_assert_eq(parse("--where=path operand"), 0);
    cr_assert_eq(strncmp(target.where, "path", 4), 0);
    done();
}

Test(etwctl_options, unknown_names_are_answered_with_the_nearest) {
    cr_assert_eq(parse("--nunber 5"), OPTIONS_UNKNOWN);
    cr_assert(strstr(err.text, "--nunber") && strstr(err.text, "--number"), "%s", err.text);
    done();
    cr_assert_eq(parse("--xyzzyxyz"), OPTIONS_UNKNOWN);
    cr_assert(!strstr(err.text, "mean"), "%s", err.text);
    done();
}

Test(etwctl_options, missing_and_wrong_values_name_the_option) {
    static const struct {
        const char *line, *name;
    } cases[] = {{"--number", "--number"},      {"--number x", "--number"},
                 {"--time 5parsecs", "--time"}, {"--size big", "--size"},
                 {"--flag=yes", "--flag"},      {"--number 18446744073709551616", "--number"}};
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_assert_eq(parse(cases[i].line), -STATUS_INVALID_ARGUMENT, "%s", cases[i].line);
        cr_assert(strstr(err.text, cases[i].name), "%s: %s", cases[i].line, err.text);
        done();
    }
}

Test(etwctl_options, two_dashes_end_the_options) {
    cr_assert_eq(parse("-- --flag -x"), 0);
    cr_assert(!target.flag);
    cr_assert_eq(operands.n, 2);
    done();
    cr_assert_eq(parse("- --flag"), 0); // a single dash is an operand
    cr_assert(target.flag);
    cr_assert_eq(operands.n, 1);
    done();
}

Test(etwctl_options, the_next_option_is_no_value) {
    const char *const lines[] = {"--event-text --flag", "--event-text --flagg",
                                 "--event-id --number 3", "--number -Flag",
                                 "--event-text -EventText x"};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        cr_assert_eq(parse(lines[i]), -STATUS_INVALID_ARGUMENT, "%s", lines[i]);
        cr_assert(strstr(err.text, "needs a value, and -"), "%s: %s", lines[i], err.text);
        done();
    }
    // A filter may begin with a dash, and '=' takes everything.
    cr_assert_eq(parse("--event-text -not --flag"), 0);
    cr_assert_str_eq(target.inner.text, "-not");
    cr_assert(target.flag);
    done();
    cr_assert_eq(parse("--event-text=--flag"), 0);
    cr_assert_str_eq(target.inner.text, "--flag");
    cr_assert(!target.flag);
    done();
    cr_assert_eq(parse("--event-text -- --flag"), 0);
    cr_assert_str_eq(target.inner.text, "--");
    done();
}

Test(etwctl_options, options_of_another_command_are_found) {
    static const OptionGroup own[] = {{"Inner", inner_options, 0}, {0}};
    static const OptionGroup other[] = {{"Outer", outer_options, 0}, {0}};
    char words[][16] = {"file", "-", "--event-id=3", "--nothing", "-Number=4", "--", "--flag"};
    char *argv[ARRAY_COUNT(words)];
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        argv[i] = words[i];
    cr_assert_str_eq(options_foreign(own, other, 5, argv), "-Number=4");
    cr_assert_null(options_foreign(own, other, 4, argv));
    strcpy(words[4], "--num"); // whole names only
    cr_assert_null(options_foreign(own, other, 7, argv));
}

Test(etwctl_options, help_is_told_apart) {
    cr_assert_eq(parse("--number 3 --help"), OPTIONS_HELP);
    done();
    cr_assert_eq(parse("-h"), OPTIONS_HELP);
    done();
    Buf text = BUF_INIT;
    options_help(groups, &text);
    cr_assert(strstr(buf_str(&text), "  --event-id N,..."));
    cr_assert(strstr(buf_str(&text), "  --live [TIME]"));
    buf_deinit(&text);
}

Test(etwctl_options, each_allocation_may_fail) {
    size_t n = mem_calls();
    cr_assert_eq(parse("a b --event-id 1,2,3"), 0);
    n = mem_calls() - n;
    done();
    for (size_t i = 1; i <= n; i++) {
        mem_fail_at(i);
        cr_assert_eq(parse("a b --event-id 1,2,3"), -STATUS_NO_MEMORY, "allocation %zu", i);
        mem_fail_at(0);
        done();
    }
}
