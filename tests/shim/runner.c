// The main program of a unit test program with the shim (criterion/criterion.h).
//
// The parent lists the tests and starts itself once for each, "--shim-run INDEX PIPE"; the child
// runs that one test and tells through its exit code what became of it, and through the pipe why.
// Any other exit code is a crash, and counts as one. The options are those of Criterion that the
// test scripts use.
#include "shim/runner.h"

#include "criterion/criterion.h"

enum { DEFAULT_TIMEOUT_MS = 120000 };

static struct shim_test *g_tests;
static struct shim_test *g_suites;

struct Options {
    const char *tap;
    const char *filter;
    bool list;
};

// By suite, then name: the order of constructors is the linker's affair.
void shim_register(struct shim_test *test) {
    struct shim_test **at = test->name == NULL ? &g_suites : &g_tests;

    while (*at != NULL) {
        int order = strcmp((*at)->suite, test->suite);

        if (order == 0 && test->name != NULL) {
            order = strcmp((*at)->name, test->name);
        }
        if (order > 0) {
            break;
        }
        at = &(*at)->next;
    }
    test->next = *at;
    *at = test;
}

// ---- In the child -------------------------------------------------------------------------------

void shim_fail(const char *file, int line, const char *what, const char *message, ...) {
    char reason[REASON_BYTES - 1];
    va_list args;
    int n = snprintf(reason, sizeof reason, "%s:%d: assertion failed: %s", file, line, what);

    if (message[1] != '\0' && n > 0 && (size_t)n < sizeof reason - 1) {
        reason[n] = ':';
        va_start(args, message);
        vsnprintf(reason + n + 1, sizeof reason - (size_t)n - 1, message, args);
        va_end(args);
    }
    process_end(EXIT_FAILED, reason);
}

void shim_skip(const char *message, ...) {
    char reason[REASON_BYTES - 1];
    va_list args;

    va_start(args, message);
    vsnprintf(reason, sizeof reason, message + 1, args);
    va_end(args);
    process_end(EXIT_SKIPPED, reason);
}

void shim_note_strings(const char *actual, const char *expected) {
    fprintf(stderr, "  actual   \"%s\"\n  expected \"%s\"\n", actual, expected);
}

// Fixtures given with the suite stand in for those that the test does not name.
static void apply_suite(struct shim_test *test) {
    for (const struct shim_test *s = g_suites; s != NULL; s = s->next) {
        if (strcmp(s->suite, test->suite) != 0) {
            continue;
        }
        if (test->data.init == NULL) {
            test->data.init = s->data.init;
        }
        if (test->data.fini == NULL) {
            test->data.fini = s->data.fini;
        }
        if (!(test->data.timeout > 0)) {
            test->data.timeout = s->data.timeout;
        }
        test->data.disabled = test->data.disabled || s->data.disabled;
    }
}

static int run_child(const char *index_text, const char *pipe_text) {
    unsigned long index = strtoul(index_text, NULL, 10);
    struct shim_test *test = g_tests;

    process_begin(pipe_text);
    for (; test != NULL && index > 0; index--) {
        test = test->next;
    }
    if (test == NULL) {
        return 1;
    }
    apply_suite(test);
    if (test->data.init != NULL) {
        test->data.init();
    }
    test->run();
    if (test->data.fini != NULL) {
        test->data.fini();
    }
    fflush(NULL);
    return 0;
}

// ---- In the parent ------------------------------------------------------------------------------

static int run_test(const struct shim_test *test, unsigned index, struct Outcome *ret_outcome) {
    unsigned limit_ms = DEFAULT_TIMEOUT_MS;

    if (test->data.timeout > 0) {
        limit_ms = (unsigned)(test->data.timeout * 1000);
    }
    return process_run(index, limit_ms, ret_outcome);
}

// A TAP line is one line.
static void flatten(char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\r' || *text == '\n') {
            *text = ' ';
        }
    }
}

static void report(FILE *tap, const struct shim_test *test, struct Outcome *outcome) {
    const char *status = outcome->kind == PASSED || outcome->kind == SKIPPED ? "ok" : "not ok";

    flatten(outcome->reason);
    switch (outcome->kind) {
    case CRASHED:
        snprintf(outcome->reason, REASON_BYTES, "crashed or exited with code 0x%x",
                 outcome->exit_code);
        break;
    case TIMED_OUT:
        snprintf(outcome->reason, REASON_BYTES, "timed out");
        break;
    default:
        break;
    }
    if (outcome->kind == SKIPPED) {
        printf("[SKIP] %s::%s: %s\n", test->suite, test->name, outcome->reason);
        fprintf(tap, "ok - %s::%s # SKIP %s\n", test->suite, test->name, outcome->reason);
    } else {
        if (outcome->kind != PASSED) {
            printf("[FAIL] %s::%s: %s\n", test->suite, test->name, outcome->reason);
        }
        fprintf(tap, "%s - %s::%s  (%.2fs)\n", status, test->suite, test->name, outcome->seconds);
        if (outcome->kind != PASSED) {
            fprintf(tap, "  %s\n", outcome->reason);
        }
    }
    fflush(stdout);
    fflush(tap);
}

// '*' and '?' over "suite/name", as in Criterion's --filter.
static bool matches(const char *pattern, const char *text) {
    const char *star = NULL;
    const char *resume = NULL;

    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

static bool selected(const struct shim_test *test, const struct Options *options) {
    char name[512];

    if (options->filter == NULL) {
        return true;
    }
    snprintf(name, sizeof name, "%s/%s", test->suite, test->name);
    return matches(options->filter, name);
}

// Both "--option=value" and "--option value".
static const char *option_value(const char *option, int argc, char **argv, int *at) {
    size_t n = strlen(option);

    if (strncmp(argv[*at], option, n) != 0) {
        return NULL;
    }
    if (argv[*at][n] == '=') {
        return argv[*at] + n + 1;
    }
    if (argv[*at][n] == '\0' && *at + 1 < argc) {
        return argv[++*at];
    }
    return NULL;
}

static int read_options(int argc, char **argv, struct Options *ret_options) {
    struct Options options = {0};

    for (int i = 1; i < argc; i++) {
        const char *value = NULL;

        if ((value = option_value("--tap", argc, argv, &i)) != NULL) {
            options.tap = value;
        } else if ((value = option_value("--filter", argc, argv, &i)) != NULL) {
            options.filter = value;
        } else if (option_value("--jobs", argc, argv, &i) != NULL) {
            // One test at a time: starting a process costs little.
        } else if (strcmp(argv[i], "--list") == 0) {
            options.list = true;
        } else if (strcmp(argv[i], "--quiet") != 0 && strcmp(argv[i], "--verbose") != 0) {
            fprintf(stderr, "shim: unknown option %s\n", argv[i]);
            return -1;
        }
    }
    *ret_options = options;
    return 0;
}

int main(int argc, char **argv) {
    struct Options options = {0};
    unsigned counts[TIMED_OUT + 1] = {0};
    unsigned n_selected = 0;
    unsigned index = 0;
    unsigned failing = 0;
    FILE *tap = NULL;

    if (argc == 4 && strcmp(argv[1], "--shim-run") == 0) {
        return run_child(argv[2], argv[3]);
    }
    if (read_options(argc, argv, &options) < 0) {
        return 2;
    }
    for (const struct shim_test *t = g_tests; t != NULL; t = t->next) {
        if (selected(t, &options)) {
            n_selected++;
            if (options.list) {
                printf("%s/%s\n", t->suite, t->name);
            }
        }
    }
    if (options.list) {
        return 0;
    }
    tap = fopen(options.tap == NULL ? process_null_file : options.tap, "wb");
    if (tap == NULL) {
        fprintf(stderr, "shim: cannot write %s\n", options.tap);
        return 2;
    }
    fprintf(tap, "TAP version 13\n1..%u\n", n_selected);
    for (struct shim_test *t = g_tests; t != NULL; t = t->next, index++) {
        struct Outcome outcome = {.kind = SKIPPED, .reason = "disabled"};

        if (!selected(t, &options)) {
            continue;
        }
        apply_suite(t);
        if (!t->data.disabled && run_test(t, index, &outcome) < 0) {
            fclose(tap);
            return 3;
        }
        counts[outcome.kind]++;
        report(tap, t, &outcome);
    }
    fclose(tap);
    failing = counts[FAILED] + counts[TIMED_OUT];
    printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: %u \n",
           n_selected - counts[SKIPPED], counts[PASSED], failing, counts[CRASHED]);
    return failing + counts[CRASHED] == 0 ? 0 : 1;
}
