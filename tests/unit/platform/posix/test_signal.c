// Ctrl+C on Linux: the handler wakes a port and cancels a channel from signal context.
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../port_help.h"
#include "platform/args.h"

#define S INT64_C(1000000000)

static void wake_port(void *user) {
    plat_port_wake(user);
}

Test(signal, wakes_the_port, .timeout = 60) {
    PlatPort *port;
    PortEvent event;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    cr_assert_eq(plat_on_interrupt(wake_port, port), 0);
    cr_assert(!plat_interrupted());
    raise(SIGTERM);
    cr_assert(plat_interrupted());
    cr_assert_eq(plat_port_wait(port, 10 * S, &event, 1), 1);
    cr_assert_eq(event.kind, PORT_WOKEN);
    plat_on_interrupt(NULL, NULL);
    plat_port_free(port);
}

Test(signal, the_second_one_ends_the_process, .timeout = 60) {
    pid_t child = fork();
    if (child == 0) {
        plat_on_interrupt(NULL, NULL);
        raise(SIGINT);
        if (!plat_interrupted())
            _exit(1);
        raise(SIGINT);
        _exit(2);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT, "%x", (unsigned)status);
}
