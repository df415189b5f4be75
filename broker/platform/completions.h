// The queue of completions behind plat_port_wait: what no system differs in. Owner: the port's thread.
//
// Each stream has at most one accept, one read, one write and its end to report; they are bits of its
// state, and streams with bits stand in a list in the order in which their first one came.
#pragma once

#include "platform/port.h"

enum {
    READY_ACCEPTED = 0x01,
    READY_READ = 0x02,
    READY_WRITTEN = 0x04,
    READY_CLOSED = 0x08, // alone: closing takes the others back
};

typedef struct StreamState StreamState;
struct StreamState {
    PlatStream *stream; // whose it is
    void *user;
    void *listener_user; // for READY_ACCEPTED
    StreamState *next;   // in the list
    uint8_t ready;       // READY_* not yet handed out
    bool queued;         // is in the list
    bool closed;
    bool reading, writing; // started, and the completion not yet handed out
    int read_error, write_error;
    size_t read_bytes, written;
};

typedef struct Completions {
    StreamState *first, *last;
    bool woken; // PORT_WOKEN is due
} Completions;

void completions_add(Completions *queue, StreamState *state, uint8_t what);
void completions_remove(Completions *queue, StreamState *state); // a walk; for clean-up only
// Hands out up to `capacity` events; gone is called for each stream whose PORT_CLOSED is handed out.
int completions_take(Completions *queue, PortEvent *events, int capacity,
                     void (*gone)(PlatStream *stream));
