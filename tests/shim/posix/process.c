// A test's process on Linux, for the configurations that cannot have Criterion (runner.h).
#include "shim/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *const process_null_file = "/dev/null";

static int g_reason_pipe = -1; // in a child

void process_begin(const char *pipe_text) {
    g_reason_pipe = (int)strtol(pipe_text, NULL, 10);
    fcntl(g_reason_pipe, F_SETFD, FD_CLOEXEC);
}

void process_end(int exit_code, const char *reason) {
    fflush(stdout);
    fflush(stderr);
    if (write(g_reason_pipe, reason, strlen(reason)) < 0) {
        perror("shim: reason");
    }
    _exit(exit_code);
}

static double now_seconds(void) {
    struct timespec t = {0};

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// True if it ended before the deadline. Polled: a signal or a pidfd would be one more thing that a
// test could upset.
static int wait_until(pid_t pid, double deadline, int *ret_status) {
    const struct timespec step = {.tv_nsec = 2000000};

    for (;;) {
        pid_t ended = waitpid(pid, ret_status, WNOHANG);

        if (ended == pid || (ended < 0 && errno != EINTR)) {
            return 1;
        }
        if (now_seconds() > deadline) {
            return 0;
        }
        nanosleep(&step, NULL);
    }
}

int process_run(unsigned index, unsigned limit_ms, struct Outcome *ret_outcome) {
    struct Outcome outcome = {.kind = TIMED_OUT};
    char index_text[16];
    char pipe_text[16];
    int ends[2];
    int status = 0;
    ssize_t got = 0;
    double began = now_seconds();
    pid_t pid = -1;

    if (pipe(ends) < 0) {
        perror("shim: pipe");
        return -1;
    }
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    snprintf(index_text, sizeof index_text, "%u", index);
    snprintf(pipe_text, sizeof pipe_text, "%d", ends[1]);
    fflush(NULL);
    pid = fork();
    if (pid < 0) {
        perror("shim: fork");
        close(ends[0]);
        close(ends[1]);
        return -1;
    }
    if (pid == 0) {
        // A group of its own, so that whatever it starts can be ended with it.
        setpgid(0, 0);
        execl("/proc/self/exe", "unit", "--shim-run", index_text, pipe_text, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (wait_until(pid, began + (double)limit_ms / 1000, &status)) {
        outcome.exit_code =
            WIFEXITED(status) ? (unsigned)WEXITSTATUS(status) : 128u + (unsigned)WTERMSIG(status);
        outcome_from_exit(&outcome);
    }
    kill(-pid, SIGKILL);
    if (outcome.kind == TIMED_OUT) {
        waitpid(pid, &status, 0);
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    got = read(ends[0], outcome.reason, REASON_BYTES - 1);
    outcome.reason[got > 0 ? got : 0] = '\0';
    close(ends[0]);
    outcome.seconds = now_seconds() - began;
    *ret_outcome = outcome;
    return 0;
}
