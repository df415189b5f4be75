#include "client/etwctl/options.h"

#include "client/etwctl/text.h"
#include "util/utf.h"

#define HELP_COLUMN 30

typedef struct Found {
    const Option *option;
    size_t at; // of the variable
    bool help;
    bool ambiguous;
} Found;

// Is the word the name, or its beginning? Case and dashes do not matter: EventId is event-id, as
// PowerShell's users write it.
static bool is_named(const char *name, const char *text, size_t bytes, bool *ret_whole) {
    size_t i = 0;
    for (; name && *name; name++) {
        if (*name == '-')
            continue;
        while (i < bytes && text[i] == '-')
            i++;
        if (i == bytes)
            break;
        if (fold_char((uint8_t)*name) != fold_char((uint8_t)text[i]))
            return false;
        i++;
    }
    *ret_whole = name && *name == '\0' && i == bytes;
    return name && i == bytes && bytes > 0;
}

static Found find_option(const OptionGroup *groups, const char *text, size_t bytes) {
    Found found = {0};
    bool whole;
    if (is_named("help", text, bytes, &whole) && whole)
        return (Found){.help = true};
    for (const OptionGroup *g = groups; g->options; g++) {
        for (const Option *o = g->options; o->name; o++) {
            Found this = {.option = o, .at = g->at + o->at};
            if (is_named(o->alias, text, bytes, &whole) && whole)
                return this;
            if (!is_named(o->name, text, bytes, &whole))
                continue;
            if (whole)
                return this;
            this.ambiguous = found.option != NULL;
            found = this;
        }
    }
    return found;
}

static bool is_option(const OptionGroup *groups, const char *text, size_t bytes) {
    bool whole;
    for (const OptionGroup *g = groups; g->options; g++) {
        for (const Option *o = g->options; o->name; o++) {
            if ((is_named(o->alias, text, bytes, &whole) && whole) ||
                (is_named(o->name, text, bytes, &whole) && whole))
                return true;
        }
    }
    return false;
}

const char *options_foreign(const OptionGroup *own, const OptionGroup *other, int argc,
                            char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        const char *name = argv[i] + (strncmp(argv[i], "--", 2) == 0 ? 2 : 1);
        size_t bytes = argv[i][0] == '-' ? strcspn(name, "=") : 0;
        if (bytes > 0 && !find_option(own, name, bytes).option && is_option(other, name, bytes))
            return argv[i];
    }
    return NULL;
}

// Was the value of an option left out, and is this the next option? A filter may begin with -not.
static bool is_next_option(const OptionGroup *groups, const char *word) {
    if (word[0] != '-' || word[1] == '\0')
        return false;
    return word[1] == '-' ? word[2] != '\0' : is_option(groups, word + 1, strcspn(word + 1, "="));
}

static int unknown(const OptionGroup *groups, const char *text, size_t bytes, Err *err) {
    char word[64];
    const char *best = NULL;
    size_t n = MIN_OF(bytes, sizeof word - 1);
    memcpy(word, text, n);
    word[n] = '\0';
    uint32_t least = (uint32_t)(n / 3) + 2;
    for (const OptionGroup *g = groups; g->options; g++) {
        for (const Option *o = g->options; o->name; o++) {
            const char *names[] = {o->name, o->alias};
            for (size_t i = 0; i < 2 && names[i]; i++) {
                uint32_t distance = text_distance(word, names[i]);
                if (distance < least) {
                    least = distance;
                    best = names[i];
                }
            }
        }
    }
    if (best)
        err_set(err, STATUS_INVALID_ARGUMENT, "there is no option --%s; did you mean --%s?", word,
                best);
    else
        err_set(err, STATUS_INVALID_ARGUMENT, "there is no option --%s", word);
    return OPTIONS_UNKNOWN;
}

static int bad_value(const Option *o, const char *value, const char *takes, Err *err) {
    return err_set(err, STATUS_INVALID_ARGUMENT, "--%s %.80s: it takes %s", o->name, value, takes);
}

static int set_value(const Option *o, void *at, const char *value, Err *err) {
    OptionNumber number = {0, true};
    switch ((OptionKind)o->kind) {
    case OPTION_FLAG:
        *(bool *)at = true;
        return 0;
    case OPTION_TEXT:
        *(const char **)at = value;
        return 0;
    case OPTION_MAYBE_TEXT:
        *(const char **)at = value ? value : "";
        return 0;
    case OPTION_LIST: {
        Words *words = at;
        uint32_t before = words->n;
        if (!words_add_list(words, value))
            return err_set(err, STATUS_NO_MEMORY, "no memory for the command line");
        if (words->n == before)
            return bad_value(o, value, "at least one word", err);
        return 0;
    }
    case OPTION_NUMBER:
        if (!parse_u64(value, &number.value))
            return bad_value(o, value, "a whole number", err);
        break;
    case OPTION_DURATION:
        if (!parse_duration_ms(value, &number.value))
            return bad_value(o, value, "a duration: seconds, or 250ms, 30s, 5m, 2h", err);
        break;
    case OPTION_BYTES:
        if (!parse_bytes(value, &number.value))
            return bad_value(o, value, "a size: bytes, or 64KB, 8MB, 1GB", err);
        break;
    case OPTION_MAYBE_DURATION:
        if (value && !parse_duration_ms(value, &number.value))
            return bad_value(o, value, "a duration: seconds, or 500ms, 2s, 1m", err);
        break;
    }
    *(OptionNumber *)at = number;
    return 0;
}

int options_parse(const OptionGroup *groups, int argc, char **argv, void *target, Words *operands,
                  Err *err) {
    bool only_operands = false;
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        if (only_operands || arg[0] != '-' || arg[1] == '\0') {
            if (!words_add(operands, arg, strlen(arg)))
                return err_set(err, STATUS_NO_MEMORY, "no memory for the command line");
            continue;
        }
        if (strcmp(arg, "--") == 0) {
            only_operands = true;
            continue;
        }
        if (strcmp(arg, "-h") == 0 || strcmp(arg, "-?") == 0)
            return OPTIONS_HELP;
        // One dash before a word is how PowerShell writes options: understood as well.
        const char *name = arg + (arg[1] == '-' ? 2 : 1);
        size_t bytes = strcspn(name, "=");
        const char *value = name[bytes] ? name + bytes + 1 : NULL;
        Found found = find_option(groups, name, bytes);
        if (found.help)
            return OPTIONS_HELP;
        if (!found.option)
            return unknown(groups, name, bytes, err);
        const Option *o = found.option;
        if (found.ambiguous)
            return err_set(
                err, STATUS_INVALID_ARGUMENT,
                "%.60s is the beginning of several options (one is --%s); write more of it", arg,
                o->name);
        if (o->kind == OPTION_FLAG && value)
            return err_set(err, STATUS_INVALID_ARGUMENT, "--%s takes no value", o->name);
        uint64_t ignored;
        if (o->kind == OPTION_MAYBE_DURATION) {
            if (!value && i + 1 < argc && parse_duration_ms(argv[i + 1], &ignored))
                value = argv[++i];
        } else if (o->kind != OPTION_FLAG && o->kind != OPTION_MAYBE_TEXT && !value) {
            if (i + 1 >= argc)
                return err_set(err, STATUS_INVALID_ARGUMENT, "--%s needs a value: %s", o->name,
                               o->value);
            if (is_next_option(groups, argv[i + 1]))
                return err_set(err, STATUS_INVALID_ARGUMENT,
                               "--%s needs a value, and %.60s is an option; if it is meant as the "
                               "value: --%s=%.60s",
                               o->name, argv[i + 1], o->name, argv[i + 1]);
            value = argv[++i];
        }
        int r = set_value(o, (uint8_t *)target + found.at, value, err);
        if (r < 0)
            return r;
    }
    return 0;
}

void options_deinit(const OptionGroup *groups, void *target) {
    for (const OptionGroup *g = groups; g->options; g++)
        for (const Option *o = g->options; o->name; o++)
            if (o->kind == OPTION_LIST)
                words_deinit((Words *)(void *)((uint8_t *)target + g->at + o->at));
}

void options_help(const OptionGroup *groups, Buf *out) {
    for (const OptionGroup *g = groups; g->options; g++) {
        buf_printf(out, "\n%s:\n", g->title);
        for (const Option *o = g->options; o->name; o++) {
            size_t start = out->bytes;
            buf_printf(out, "  --%s", o->name);
            if (o->kind == OPTION_MAYBE_DURATION)
                buf_printf(out, " [%s]", o->value);
            else if (o->kind == OPTION_MAYBE_TEXT)
                buf_printf(out, "[=%s]", o->value);
            else if (o->kind != OPTION_FLAG)
                buf_printf(out, " %s", o->value);
            size_t used = out->bytes - start;
            if (used + 2 > HELP_COLUMN) {
                buf_char(out, '\n');
                used = 0;
            }
            text_pad(out, HELP_COLUMN - used);
            for (const char *p = o->help; *p; p++) {
                buf_char(out, *p);
                if (*p == '\n')
                    text_pad(out, HELP_COLUMN);
            }
            buf_char(out, '\n');
        }
    }
}
