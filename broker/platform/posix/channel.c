// The client's side of a connection on Linux: a blocking Unix socket with timeouts and a cancel.
//
// The socket itself never blocks; waiting is done in ppoll, beside an eventfd that cancel signals and
// nobody ever reads, so that it stays signalled for all later calls.
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/port.h"
#include "platform/posix/endpoint.h"
#include "platform/posix/peer.h"
#include "util/mem.h"

#define RETRY_NS INT64_C(1000000)

struct PlatChannel {
    int fd;
    int cancel_fd;
    atomic_bool cancelled;
};

static int64_t due_at(int64_t timeout_ns) {
    return timeout_ns < 0 ? -1 : plat_now_ns() + timeout_ns;
}

// Waits until the socket is ready for `events`: 0, -STATUS_TIMEOUT, -STATUS_CANCELLED, -STATUS_IO.
static int wait_ready(PlatChannel *channel, short events, int64_t due_ns) {
    for (;;) {
        struct pollfd watched[2] = {{.fd = channel->cancel_fd, .events = POLLIN},
                                    {.fd = channel->fd, .events = events}};
        struct timespec timeout = {0, 0};
        if (due_ns >= 0) {
            int64_t left = due_ns - plat_now_ns();
            if (left < 0)
                left = 0;
            timeout.tv_sec = (time_t)(left / 1000000000);
            timeout.tv_nsec = (long)(left % 1000000000);
        }
        int n = ppoll(watched, 2, due_ns >= 0 ? &timeout : NULL, NULL);
        if (n < 0 && errno != EINTR)
            return -STATUS_IO;
        if (atomic_load_explicit(&channel->cancelled, memory_order_acquire))
            return -STATUS_CANCELLED;
        if (n > 0 && watched[1].revents != 0)
            return 0;
        if (n == 0 && due_ns >= 0)
            return -STATUS_TIMEOUT;
    }
}

// 0, or the errno; EAGAIN while the backlog is full.
static int try_connect(const EndpointPath *at, int *ret_fd) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    struct sockaddr_un address;
    endpoint_address(at, &address);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

// A name stands for the system's broker or the user's own; whoever else could put a socket there
// (a folder in /tmp made by another user) is not believed. With a path the caller chose its folder.
static int check_server(int fd, const EndpointPath *at, Err *err) {
    if (!at->named)
        return 0;
    int64_t uid = peer_uid(fd);
    if (uid == 0 || uid == (int64_t)geteuid())
        return 0;
    return err_set(err, STATUS_DENIED,
                   "%s is served by user %lld and not by this user or root: give its path as the "
                   "endpoint if you trust it",
                   at->path, (long long)uid);
}

static int connect_error(int error, const char *path, Err *err) {
    switch (error) {
    case ENOENT:
    case ECONNREFUSED:
        return err_set(err, STATUS_UNAVAILABLE, "nothing listens at %s", path);
    case EACCES:
    case EPERM:
        return err_set(err, STATUS_DENIED, "this user may not connect to %s", path);
    case EAGAIN:
        return err_set(err, STATUS_TIMEOUT, "the broker at %s did not take the connection in time",
                       path);
    default:
        return err_set(err, STATUS_IO, "cannot connect to %s: %s", path, strerror(error));
    }
}

static int connect_socket(const char *endpoint, int64_t due_ns, int *ret_fd, Err *err) {
    EndpointPath at, system;
    int result = endpoint_resolve(endpoint, &at, err);
    if (result < 0)
        return result;
    bool has_system = endpoint_resolve_system(endpoint, &system);
    for (;;) {
        int fd = -1;
        const EndpointPath *used = &at;
        int error = try_connect(&at, &fd);
        if ((error == ENOENT || error == ECONNREFUSED) && has_system) {
            int system_error = try_connect(&system, &fd);
            // When neither is there, the user's own place is the better one to name.
            if (system_error != ENOENT) {
                used = &system;
                error = system_error;
            }
        }
        if (error == 0) {
            result = check_server(fd, used, err);
            if (result < 0) {
                close(fd);
                return result;
            }
            *ret_fd = fd;
            return 0;
        }
        if (error != EAGAIN || (due_ns >= 0 && plat_now_ns() >= due_ns))
            return connect_error(error, used->path, err);
        plat_sleep_ns(RETRY_NS);
    }
}

int plat_channel_open(const char *endpoint, int64_t timeout_ns, PlatChannel **ret, Err *err) {
    PlatChannel *channel = mem_zalloc(sizeof *channel);
    if (channel == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a connection");
    channel->fd = -1;
    atomic_init(&channel->cancelled, false);
    channel->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int result = 0;
    if (channel->cancel_fd < 0)
        result = err_set(err, STATUS_IO, "cannot make an event: %s", strerror(errno));
    if (result == 0)
        result = connect_socket(endpoint, due_at(timeout_ns), &channel->fd, err);
    if (result < 0) {
        plat_channel_close(channel);
        return result;
    }
    *ret = channel;
    return 0;
}

PlatChannel *plat_channel_close(PlatChannel *channel) {
    if (channel == NULL)
        return NULL;
    if (channel->fd >= 0)
        close(channel->fd);
    if (channel->cancel_fd >= 0)
        close(channel->cancel_fd);
    mem_free(channel);
    return NULL;
}

int plat_channel_read(PlatChannel *channel, void *buffer, size_t capacity, int64_t timeout_ns,
                      size_t *ret_bytes) {
    if (capacity == 0)
        return -STATUS_INVALID_ARGUMENT;
    int64_t due_ns = due_at(timeout_ns);
    for (;;) {
        if (atomic_load_explicit(&channel->cancelled, memory_order_acquire))
            return -STATUS_CANCELLED;
        ssize_t n = recv(channel->fd, buffer, capacity, MSG_DONTWAIT);
        if (n >= 0) {
            *ret_bytes = (size_t)n;
            return 0;
        }
        // The broker closed while something of ours was still unread on its side.
        if (errno == ECONNRESET)
            return -STATUS_CLOSED;
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return -STATUS_IO;
        int result = wait_ready(channel, POLLIN, due_ns);
        if (result < 0)
            return result;
    }
}

int plat_channel_write(PlatChannel *channel, const void *data, size_t bytes, int64_t timeout_ns) {
    int64_t due_ns = due_at(timeout_ns);
    const uint8_t *from = data;
    for (;;) {
        if (atomic_load_explicit(&channel->cancelled, memory_order_acquire))
            return -STATUS_CANCELLED;
        if (bytes == 0)
            return 0;
        ssize_t n = send(channel->fd, from, bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            from += n;
            bytes -= (size_t)n;
            continue;
        }
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            return -STATUS_CLOSED;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return -STATUS_IO;
        int result = wait_ready(channel, POLLOUT, due_ns);
        if (result < 0)
            return result;
    }
}

// Called by signal handlers as well: atomics and write() only.
void plat_channel_cancel(PlatChannel *channel) {
    atomic_store_explicit(&channel->cancelled, true, memory_order_release);
    const uint64_t one = 1;
    int error = errno;
    ssize_t n = write(channel->cancel_fd, &one, sizeof one);
    (void)n; // EAGAIN at a counter of 2^64 - 2: it is signalled
    errno = error;
}

intptr_t plat_channel_wait_handle(PlatChannel *channel) {
    return channel->fd;
}
