// Arguments, terminal and signals on Linux.
#include "platform/args.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/err.h"

bool plat_args(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    return true;
}

void plat_console_utf8(void) {
}

bool plat_is_terminal(int fd) {
    return isatty(fd) == 1;
}

uint32_t plat_terminal_columns(void) {
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0)
        return size.ws_col;
    return 80;
}

const char *plat_env(const char *name, char *buf, size_t cap) {
    const char *value = getenv(name);
    if (value == NULL)
        return NULL;
    size_t bytes = strlen(value) + 1;
    if (bytes > cap)
        return NULL;
    memcpy(buf, value, bytes);
    return buf;
}

static atomic_bool interrupted;
// The pair is changed while the signals are blocked in this thread; a handler on another thread may
// see the old wake with the old user or none, never a mixture: wake is cleared first.
static _Atomic(void (*)(void *)) on_wake;
static _Atomic(void *) on_wake_user;

static void handle_signal(int number) {
    (void)number;
    atomic_store(&interrupted, true);
    void (*wake)(void *) = atomic_load(&on_wake);
    if (wake != NULL)
        wake(atomic_load(&on_wake_user));
}

int plat_on_interrupt(void (*wake)(void *user), void *user) {
    sigset_t ours, old;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    if (pthread_sigmask(SIG_BLOCK, &ours, &old) != 0)
        return -STATUS_IO;
    atomic_store(&on_wake, NULL);
    atomic_store(&on_wake_user, user);
    atomic_store(&on_wake, wake);
    // Once: the second signal finds the default action and ends the process.
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle_signal;
    action.sa_flags = (int)(SA_RESETHAND | SA_RESTART);
    sigemptyset(&action.sa_mask);
    int result = 0;
    if (!atomic_load(&interrupted) &&
        (sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0))
        result = -STATUS_IO;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return result;
}

bool plat_interrupted(void) {
    return atomic_load(&interrupted);
}
