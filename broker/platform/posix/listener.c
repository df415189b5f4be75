// Listening Unix sockets.
//
// Taking a path is done under a lock on its folder, so that of two brokers that start at the same
// moment one wins; a socket file that nobody listens on any more is replaced. The mode is set before
// listening starts: no one can connect in between.
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/clock.h"
#include "platform/posix/endpoint.h"
#include "platform/posix/port_parts.h"
#include "util/mem.h"

#define BACKLOG         256
#define ACCEPTS_AT_ONCE 64
#define LOCK_TRIES      1000 // of a millisecond each
#define DEFAULT_MODE    0600u
#define PERMISSION_BITS 0777u

static int lock_folder(const char *folder, int *ret_fd, Err *err) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO,
                       "cannot open the folder of the socket, %s: %s", folder, strerror(errno));
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || i == LOCK_TRIES) {
            int error = errno;
            close(fd);
            return err_set(err, STATUS_CONFLICT, "cannot lock the folder of the socket, %s: %s",
                           folder, strerror(error));
        }
        plat_sleep_ns(1000000);
    }
    *ret_fd = fd;
    return 0;
}

// Makes sure that the path is free: 0, or why not.
static int clear_path(const EndpointPath *at, Err *err) {
    struct stat st;
    if (lstat(at->path, &st) != 0) {
        if (errno == ENOENT)
            return 0;
        return err_set(err, STATUS_IO, "cannot look at %s: %s", at->path, strerror(errno));
    }
    if (!S_ISSOCK(st.st_mode))
        return err_set(err, STATUS_CONFLICT,
                       "%s exists and is no socket: remove it, or choose another endpoint",
                       at->path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set(err, STATUS_IO, "cannot make a socket: %s", strerror(errno));
    struct sockaddr_un address;
    endpoint_address(at, &address);
    int error = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(fd);
    if (error != ECONNREFUSED) // EAGAIN: its backlog is full, EACCES: it is another user's
        return err_set(err, STATUS_CONFLICT,
                       "another broker listens at %s: stop it, or choose another endpoint",
                       at->path);
    if (unlink(at->path) != 0 && errno != ENOENT)
        return err_set(err, STATUS_IO, "cannot remove the stale socket %s: %s", at->path,
                       strerror(errno));
    return 0;
}

static int bind_path(int fd, const EndpointPath *at, uint32_t mode, struct stat *ret_st, Err *err) {
    struct sockaddr_un address;
    endpoint_address(at, &address);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        return err_set(err, STATUS_IO, "cannot bind a socket to %s: %s", at->path, strerror(errno));
    if (chmod(at->path, (mode_t)(mode & PERMISSION_BITS)) != 0 || lstat(at->path, ret_st) != 0 ||
        listen(fd, BACKLOG) != 0) {
        int error = errno;
        unlink(at->path);
        return err_set(err, STATUS_IO, "cannot listen at %s: %s", at->path, strerror(error));
    }
    return 0;
}

static int open_socket(const EndpointPath *at, uint32_t mode, int *ret_fd, struct stat *ret_st,
                       Err *err) {
    int lock = -1;
    int result = lock_folder(at->folder, &lock, err);
    if (result < 0)
        return result;
    int fd = -1;
    result = clear_path(at, err);
    if (result < 0)
        goto unlock;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        result = err_set(err, STATUS_IO, "cannot make a socket: %s", strerror(errno));
        goto unlock;
    }
    result = bind_path(fd, at, mode, ret_st, err);
    if (result < 0) {
        close(fd);
        goto unlock;
    }
    *ret_fd = fd;
unlock:
    close(lock); // and with it the lock
    return result;
}

// A descriptor for each connection: the usual soft limit of 1,024 is lower than the broker's caps.
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit); // with the old limit the broker works, with fewer
    }
}

int plat_listen(PlatPort *port, const char *endpoint, const char *sddl, uint32_t mode, void *user,
                PlatListener **ret, Err *err) {
    (void)sddl;
    raise_descriptor_limit();
    EndpointPath at;
    int result = endpoint_resolve(endpoint, &at, err);
    if (result == 0)
        result = endpoint_make_folder(&at, err);
    if (result < 0)
        return result;
    PlatListener *listener = mem_zalloc(sizeof *listener);
    if (listener == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a listener");
    listener->object = PORT_OBJECT_LISTENER;
    listener->port = port;
    listener->user = user;
    struct stat st = {0};
    result = open_socket(&at, mode != 0 ? mode : DEFAULT_MODE, &listener->fd, &st, err);
    if (result < 0) {
        mem_free(listener);
        return result;
    }
    memcpy(listener->path, at.path, sizeof listener->path);
    listener->device = st.st_dev;
    listener->inode = st.st_ino;
    listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    listener->next = port->listeners;
    port->listeners = listener;
    struct epoll_event watch = {.events = EPOLLIN, .data.ptr = listener};
    if (epoll_ctl(port->epoll_fd, EPOLL_CTL_ADD, listener->fd, &watch) != 0) {
        result =
            err_set(err, STATUS_IO, "cannot watch the socket %s: %s", at.path, strerror(errno));
        plat_listener_close(listener);
        return result;
    }
    *ret = listener;
    return 0;
}

PlatListener *plat_listener_close(PlatListener *listener) {
    if (listener == NULL)
        return NULL;
    PlatPort *port = listener->port;
    // Connections that the owner has not seen yet go with it: they would name a user that is gone.
    for (PlatStream *stream = port->streams, *next; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->listener == listener && (stream->state.ready & READY_ACCEPTED) != 0)
            stream_free(stream);
    }
    struct stat st;
    if (lstat(listener->path, &st) == 0 && st.st_dev == listener->device &&
        st.st_ino == listener->inode)
        unlink(listener->path);
    close(listener->fd);
    if (listener->spare_fd >= 0)
        close(listener->spare_fd);
    PlatListener **link = &port->listeners;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    mem_free(listener);
    return NULL;
}

// Out of descriptors: the socket would stay readable and the loop would spin. One client is accepted
// with the spare descriptor and turned away.
static void turn_away(PlatListener *listener) {
    if (listener->spare_fd < 0)
        return;
    close(listener->spare_fd);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    listener->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void listener_event(PlatListener *listener) {
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE)
                turn_away(listener);
            else if (errno == EINTR || errno == ECONNABORTED)
                continue;
            return;
        }
        PlatStream *stream;
        if (stream_new(listener->port, fd, &stream) == 0) {
            stream->listener = listener;
            stream->state.listener_user = listener->user;
            completions_add(&listener->port->done, &stream->state, READY_ACCEPTED);
        }
    }
}
