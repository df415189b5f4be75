// What the shim's runner and its two hosts say to each other: start one test in a process of its
// own.
#pragma once

enum {
    EXIT_FAILED = 101,
    EXIT_SKIPPED = 102,
    REASON_BYTES = 2048, // a pipe holds more, so a child never waits for its parent
};

struct Outcome {
    enum { PASSED, FAILED, SKIPPED, CRASHED, TIMED_OUT } kind;
    unsigned exit_code;
    double seconds;
    char reason[REASON_BYTES];
};

extern const char *const process_null_file;

// In the parent: runs this program with "--shim-run INDEX PIPE" and waits for it, limit_ms at most.
// 0, or < 0 if it could not be started; that has been told on stderr.
int process_run(unsigned index, unsigned limit_ms, struct Outcome *ret_outcome);

// In the child: takes the pipe's name from the command line.
void process_begin(const char *pipe_text);

// In the child, from any thread: ends it at once, without any handler of the code under test.
_Noreturn void process_end(int exit_code, const char *reason);

// The kind that an exit code means.
static inline void outcome_from_exit(struct Outcome *outcome) {
    switch (outcome->exit_code) {
    case 0:
        outcome->kind = PASSED;
        break;
    case EXIT_FAILED:
        outcome->kind = FAILED;
        break;
    case EXIT_SKIPPED:
        outcome->kind = SKIPPED;
        break;
    default:
        outcome->kind = CRASHED;
        break;
    }
}
