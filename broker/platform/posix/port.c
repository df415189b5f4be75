// The port on Linux: epoll, the queue of completions, and waking.
#include "platform/posix/port_parts.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "platform/clock.h"
#include "util/mem.h"

#define EVENTS_AT_ONCE 64
// Completions that need no system call must not keep new input and connections waiting for ever.
#define UNPOLLED_MAX 16u

int plat_port_new(PlatPort **ret, Err *err) {
    PlatPort *port = mem_zalloc(sizeof *port);
    if (port == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a port");
    port->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    port->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    port->wake_object = PORT_OBJECT_WAKE;
    atomic_init(&port->state, PORT_AWAKE);
    // Edge-triggered: each write is a new edge, so that the counter need never be read.
    struct epoll_event watch = {.events = EPOLLIN | EPOLLET, .data.ptr = &port->wake_object};
    if (port->epoll_fd < 0 || port->wake_fd < 0 ||
        epoll_ctl(port->epoll_fd, EPOLL_CTL_ADD, port->wake_fd, &watch) != 0) {
        int error = errno;
        plat_port_free(port);
        return err_set(err, STATUS_IO, "cannot make an epoll port: %s", strerror(error));
    }
    *ret = port;
    return 0;
}

static void bury(PlatPort *port) {
    while (port->dead != NULL) {
        PlatStream *stream = port->dead;
        port->dead = stream->next;
        mem_free(stream);
    }
}

PlatPort *plat_port_free(PlatPort *port) {
    if (port == NULL)
        return NULL;
    while (port->listeners != NULL)
        plat_listener_close(port->listeners);
    while (port->streams != NULL)
        stream_free(port->streams);
    bury(port);
    if (port->wake_fd >= 0)
        close(port->wake_fd);
    if (port->epoll_fd >= 0)
        close(port->epoll_fd);
    mem_free(port);
    return NULL;
}

// Called by signal handlers as well: atomics and write() only.
void plat_port_wake(PlatPort *port) {
    int old = atomic_exchange_explicit(&port->state, PORT_WAKING, memory_order_acq_rel);
    if (old != PORT_SLEEPING)
        return;
    const uint64_t one = 1;
    int error = errno;
    // It fails only with EAGAIN at a counter of 2^64 - 2.
    ssize_t n = write(port->wake_fd, &one, sizeof one);
    (void)n;
    errno = error;
}

static int wait_epoll(PlatPort *port, struct epoll_event *got, int64_t timeout_ns) {
    if (timeout_ns <= 0)
        return epoll_wait(port->epoll_fd, got, EVENTS_AT_ONCE, timeout_ns < 0 ? -1 : 0);
    struct timespec timeout = {(time_t)(timeout_ns / 1000000000), (long)(timeout_ns % 1000000000)};
    if (!port->no_pwait2) {
        int n = epoll_pwait2(port->epoll_fd, got, EVENTS_AT_ONCE, &timeout, NULL);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM))
            return n;
        port->no_pwait2 = true;
    }
    struct pollfd watched = {.fd = port->epoll_fd, .events = POLLIN};
    int n = ppoll(&watched, 1, &timeout, NULL);
    return n <= 0 ? n : epoll_wait(port->epoll_fd, got, EVENTS_AT_ONCE, 0);
}

static void ask_system(PlatPort *port, int64_t timeout_ns) {
    struct epoll_event got[EVENTS_AT_ONCE];
    int expected = PORT_AWAKE;
    if (timeout_ns != 0 &&
        !atomic_compare_exchange_strong_explicit(&port->state, &expected, PORT_SLEEPING,
                                                 memory_order_acq_rel, memory_order_acquire))
        timeout_ns = 0; // woken before going to sleep
    int n = wait_epoll(port, got, timeout_ns);
    if (atomic_exchange_explicit(&port->state, PORT_AWAKE, memory_order_acq_rel) == PORT_WAKING)
        port->done.woken = true;
    port->n_unpolled = 0;
    for (int i = 0; i < n; i++) {
        // Everything becomes a queued completion before the caller runs again and may close
        // something: no pointer of this array outlives the loop.
        PortObject *object = got[i].data.ptr;
        if (*object == PORT_OBJECT_STREAM)
            stream_event((PlatStream *)(void *)object, got[i].events);
        else if (*object == PORT_OBJECT_LISTENER)
            listener_event((PlatListener *)(void *)object);
    }
}

int plat_port_wait(PlatPort *port, int64_t timeout_ns, PortEvent *events, int capacity) {
    bury(port);
    if (port->done.first != NULL) {
        timeout_ns = 0;
        if (++port->n_unpolled < UNPOLLED_MAX &&
            atomic_load_explicit(&port->state, memory_order_relaxed) == PORT_AWAKE)
            return completions_take(&port->done, events, capacity, stream_free);
    }
    int64_t due = timeout_ns > 0 ? plat_now_ns() + timeout_ns : 0;
    for (;;) {
        ask_system(port, timeout_ns);
        int n = completions_take(&port->done, events, capacity, stream_free);
        if (n > 0 || timeout_ns == 0 || capacity <= 0)
            return n;
        // A signal, or an edge that nobody waits for.
        if (timeout_ns > 0) {
            timeout_ns = due - plat_now_ns();
            if (timeout_ns <= 0)
                return 0;
        }
    }
}
