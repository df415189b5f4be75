// What port.c, stream.c and listener.c share: the objects behind port.h on Windows.
//
// Every started operation is an OVERLAPPED inside of its object and comes back through the completion
// port exactly once; an object is freed when none of its operations is under way any more. Owner: the
// thread of the port; only `waking` and `iocp` are touched by others.
#pragma once

#include <stdatomic.h>

#include "platform/completions.h"
#include "platform/windows/win.h"

typedef enum PipeOpKind { OP_CONNECT = 1, OP_READ, OP_WRITE } PipeOpKind;

typedef struct PipeOp {
    OVERLAPPED overlapped; // first: what the completion port gives back
    PipeOpKind kind;
    void *owner; // PipeInstance or PlatStream
} PipeOp;

// Instances that wait for a client at the same time, so that a burst of clients finds some. Never less
// than one: the name is ours as long as one instance is open.
#define LISTENING_INSTANCES 4

typedef struct PipeInstance {
    PipeOp connect;
    PlatListener *listener;
    HANDLE pipe; // INVALID_HANDLE_VALUE: none
    bool pending;
    bool posted; // by us: a client was there before we waited; the OVERLAPPED says nothing
} PipeInstance;

struct PlatPort {
    HANDLE iocp;
    HANDLE timer;
    bool armed;     // the timer will come due at due_ns
    int64_t due_ns; // monotonic
    atomic_bool waking;
    uint32_t n_unpolled; // waits answered from the queue since the system was last asked
    Completions done;
    PlatStream *streams; // all
    PlatStream *dead;    // their PORT_CLOSED is handed out; freed at the next wait
    PlatListener *listeners;
    PlatListener *closing; // closed, with operations under way
};

struct PlatListener {
    PlatPort *port;
    void *user;
    PlatListener *next;
    bool closed;
    wchar_t *path;
    PSECURITY_DESCRIPTOR security;
    PipeInstance instances[LISTENING_INSTANCES];
};

struct PlatStream {
    PlatPort *port;
    HANDLE pipe;
    PlatListener *listener; // until PORT_ACCEPTED is handed out
    PlatStream *previous, *next;
    StreamState state;
    bool read_pending;
    int n_writes_pending;
    PipeOp read;
    PipeOp writes[PORT_SPANS_MAX];
};

PlatStream *stream_new(PlatPort *port, HANDLE take_pipe); // NULL: no memory; the pipe is closed
void stream_free(PlatStream *stream); // nothing under way; closes; takes it off all lists
void stream_completed(PlatStream *stream, PipeOp *op);
void listener_completed(PipeInstance *instance);
bool listener_busy(const PlatListener *listener); // has operations under way
void listener_free(PlatListener *listener);
