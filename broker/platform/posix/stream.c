// Streams of the port on Linux: connected Unix sockets.
#include "platform/posix/port_parts.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/posix/peer.h"
#include "util/mem.h"

#define WATCH_IN  (EPOLLIN | EPOLLRDHUP | EPOLLET)
#define WATCH_OUT (WATCH_IN | EPOLLOUT)

// Whole batches should leave with one call; the system cuts it to net.core.wmem_max.
#define SEND_BUFFER_BYTES (512 * 1024)

int stream_new(PlatPort *port, int take_fd, PlatStream **ret) {
    PlatStream *stream = mem_zalloc(sizeof *stream);
    if (stream == NULL) {
        close(take_fd);
        return -STATUS_NO_MEMORY;
    }
    stream->object = PORT_OBJECT_STREAM;
    stream->fd = take_fd;
    stream->port = port;
    stream->state.stream = stream;
    stream->readable = true;
    int bytes = SEND_BUFFER_BYTES;
    (void)setsockopt(take_fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    struct epoll_event watch = {.events = WATCH_IN, .data.ptr = stream};
    if (epoll_ctl(port->epoll_fd, EPOLL_CTL_ADD, take_fd, &watch) != 0) {
        close(take_fd);
        mem_free(stream);
        return -STATUS_IO;
    }
    stream->next = port->streams;
    if (port->streams != NULL)
        port->streams->previous = stream;
    port->streams = stream;
    *ret = stream;
    return 0;
}

void stream_free(PlatStream *stream) {
    PlatPort *port = stream->port;
    completions_remove(&port->done, &stream->state);
    if (stream->fd >= 0)
        close(stream->fd);
    stream->fd = -1;
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        port->streams = stream->next;
    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    // The caller may still hold the event that names it.
    stream->next = port->dead;
    port->dead = stream;
}

static void read_done(PlatStream *stream, size_t bytes, int error) {
    stream->state.read_bytes = bytes;
    stream->state.read_error = error;
    completions_add(&stream->port->done, &stream->state, READY_READ);
}

static void try_read(PlatStream *stream) {
    ssize_t n;
    do
        n = recv(stream->fd, stream->read_buffer, stream->read_capacity, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        read_done(stream, (size_t)n, 0);
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
        stream->readable = false;
    else
        read_done(stream, 0, errno);
}

static void write_done(PlatStream *stream, int error) {
    stream->state.write_error = error;
    completions_add(&stream->port->done, &stream->state, READY_WRITTEN);
}

static void watch_out(PlatStream *stream, bool on) {
    if (stream->watch_out == on)
        return;
    struct epoll_event watch = {.events = on ? WATCH_OUT : WATCH_IN, .data.ptr = stream};
    if (epoll_ctl(stream->port->epoll_fd, EPOLL_CTL_MOD, stream->fd, &watch) == 0)
        stream->watch_out = on;
    else if (on)
        write_done(stream, errno);
}

static void advance(PlatStream *stream, size_t bytes) {
    stream->state.written += bytes;
    while (stream->span < stream->n_spans && bytes >= stream->spans[stream->span].iov_len)
        bytes -= stream->spans[stream->span++].iov_len;
    if (bytes != 0) {
        struct iovec *span = &stream->spans[stream->span];
        span->iov_base = (uint8_t *)span->iov_base + bytes;
        span->iov_len -= bytes;
    }
}

static void try_write(PlatStream *stream) {
    struct msghdr message = {.msg_iov = stream->spans + stream->span,
                             .msg_iovlen = (size_t)(stream->n_spans - stream->span)};
    ssize_t n;
    do
        n = sendmsg(stream->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        write_done(stream, errno);
        return;
    }
    if (n > 0)
        advance(stream, (size_t)n);
    if (stream->span == stream->n_spans)
        write_done(stream, 0);
    else
        watch_out(stream, true); // reports at once when there is room again already
}

void stream_event(PlatStream *stream, uint32_t epoll_events) {
    if (stream->state.closed)
        return;
    if (epoll_events & ~(uint32_t)EPOLLOUT) {
        stream->readable = true;
        if (stream->state.reading && !(stream->state.ready & READY_READ))
            try_read(stream);
    }
    if (epoll_events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
        if (stream->state.writing && !(stream->state.ready & READY_WRITTEN))
            try_write(stream);
        else if (stream->watch_out)
            watch_out(stream, false); // the watcher keeps up again
    }
}

void plat_stream_set_user(PlatStream *stream, void *user) {
    stream->state.user = user;
}

int plat_stream_read(PlatStream *stream, void *buffer, size_t capacity) {
    if (stream->state.closed)
        return -STATUS_CLOSED;
    if (stream->state.reading || capacity == 0)
        return -STATUS_INVALID_ARGUMENT;
    stream->state.reading = true;
    stream->read_buffer = buffer;
    stream->read_capacity = capacity;
    if (stream->readable)
        try_read(stream);
    return 0;
}

int plat_stream_write(PlatStream *stream, const PortSpan *spans, int n) {
    if (stream->state.closed)
        return -STATUS_CLOSED;
    if (stream->state.writing || n < 0 || n > PORT_SPANS_MAX)
        return -STATUS_INVALID_ARGUMENT;
    stream->state.writing = true;
    stream->state.written = 0;
    stream->span = 0;
    stream->n_spans = 0;
    for (int i = 0; i < n; i++) {
        if (spans[i].bytes != 0) // the system only reads from them
            stream->spans[stream->n_spans++] =
                (struct iovec){(void *)(uintptr_t)spans[i].data, spans[i].bytes};
    }
    if (stream->n_spans == 0)
        write_done(stream, 0);
    else
        try_write(stream);
    return 0;
}

void plat_stream_close(PlatStream *stream) {
    if (stream->state.closed)
        return;
    stream->state.closed = true;
    // Leaves the epoll set with it. What the socket has taken still reaches the peer.
    close(stream->fd);
    stream->fd = -1;
    stream->state.ready = 0;
    completions_add(&stream->port->done, &stream->state, READY_CLOSED);
}

int plat_stream_peer(PlatStream *stream, PlatPeer *ret, Err *err) {
    if (stream->state.closed)
        return err_set(err, STATUS_CLOSED, "the connection is closed");
    return peer_of_socket(stream->fd, ret, err);
}
