// The queue of completions.
#include "platform/completions.h"

void completions_add(Completions *queue, StreamState *state, uint8_t what) {
    state->ready |= what;
    if (state->queued)
        return;
    state->queued = true;
    state->next = NULL;
    if (queue->last != NULL)
        queue->last->next = state;
    else
        queue->first = state;
    queue->last = state;
}

void completions_remove(Completions *queue, StreamState *state) {
    StreamState *before = NULL;
    for (StreamState *s = queue->first; state->queued && s != NULL; before = s, s = s->next) {
        if (s != state)
            continue;
        if (before != NULL)
            before->next = s->next;
        else
            queue->first = s->next;
        if (queue->last == s)
            queue->last = before;
        state->queued = false;
        break;
    }
}

static void fill_event(StreamState *state, PortEvent *event) {
    event->user = state->user;
    event->stream = state->stream;
    if (state->ready & READY_ACCEPTED) {
        state->ready &= (uint8_t)~READY_ACCEPTED;
        event->kind = PORT_ACCEPTED;
        event->user = state->listener_user;
    } else if (state->ready & READY_WRITTEN) {
        state->ready &= (uint8_t)~READY_WRITTEN;
        state->writing = false;
        event->kind = state->write_error != 0 ? PORT_FAILED : PORT_WRITTEN;
        event->write = true;
        event->error = state->write_error;
        event->bytes = state->written;
    } else if (state->ready & READY_READ) {
        state->ready &= (uint8_t)~READY_READ;
        state->reading = false;
        event->kind = state->read_error != 0 ? PORT_FAILED : PORT_READ;
        event->error = state->read_error;
        event->bytes = state->read_bytes;
    } else {
        state->ready = 0;
        event->kind = PORT_CLOSED;
    }
}

int completions_take(Completions *queue, PortEvent *events, int capacity,
                     void (*gone)(PlatStream *stream)) {
    int n = 0;
    if (queue->woken && capacity > 0) {
        queue->woken = false;
        events[n++] = (PortEvent){.kind = PORT_WOKEN};
    }
    while (n < capacity && queue->first != NULL) {
        StreamState *state = queue->first;
        events[n] = (PortEvent){0};
        fill_event(state, &events[n]);
        bool closed = events[n].kind == PORT_CLOSED;
        n++;
        if (state->ready != 0)
            continue;
        queue->first = state->next;
        if (queue->first == NULL)
            queue->last = NULL;
        state->queued = false;
        if (closed)
            gone(state->stream);
    }
    return n;
}
