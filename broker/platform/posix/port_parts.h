// What port.c, stream.c and listener.c share: the objects behind port.h on Linux.
//
// Every operation is tried at once; what completes is queued on its stream, and plat_port_wait hands
// it out. Streams are watched edge-triggered for input from the start, and for output only while a
// write is blocked, so that a write the socket takes at once costs one sendmsg and no epoll_ctl.
// Owner: the thread of the port; only `state` and `wake_fd` are touched by others.
#pragma once

#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "platform/completions.h"

// What an epoll event belongs to: the first member of each watched object.
typedef enum PortObject {
    PORT_OBJECT_WAKE = 1,
    PORT_OBJECT_LISTENER,
    PORT_OBJECT_STREAM
} PortObject;

// PlatPort.state: who must write to wake_fd. A waker writes only when it finds SLEEPING.
enum { PORT_AWAKE = 0, PORT_SLEEPING, PORT_WAKING };

struct PlatPort {
    int epoll_fd;
    int wake_fd;
    PortObject wake_object;
    atomic_int state;
    bool no_pwait2;      // the kernel lacks epoll_pwait2
    uint32_t n_unpolled; // waits answered from the queue since the system was last asked
    Completions done;
    PlatStream *streams; // all
    PlatStream *dead;    // their PORT_CLOSED is handed out; freed at the next wait
    PlatListener *listeners;
};

struct PlatListener {
    PortObject object;
    int fd;
    int spare_fd; // given up for a moment when descriptors run out, to turn a client away
    PlatPort *port;
    void *user;
    PlatListener *next;
    dev_t device; // of the socket file: unlinked only while it is still ours
    ino_t inode;
    char path[108];
};

struct PlatStream {
    PortObject object;
    int fd;
    PlatPort *port;
    PlatListener *listener; // until PORT_ACCEPTED is handed out
    PlatStream *previous, *next;
    StreamState state;
    bool readable;  // no EAGAIN since the last input edge
    bool watch_out; // EPOLLOUT is registered
    uint8_t *read_buffer;
    size_t read_capacity;
    struct iovec spans[PORT_SPANS_MAX];
    int n_spans, span;
};

int stream_new(PlatPort *port, int take_fd, PlatStream **ret);
void stream_free(PlatStream *stream); // closes; takes it off all lists
void stream_event(PlatStream *stream, uint32_t epoll_events);
void listener_event(PlatListener *listener);
