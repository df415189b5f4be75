// Events that wait for their stacks, in the order of the file (live knowledge: fragments come
// behind their events). Bounded as the broker's feeds are, by HELD_TIME of event time; and by
// HELD_BYTES, which are more than theirs: events stand here as JSON. One owner.
#pragma once

#include "enrich/enrich.h"

#define HELD_TIME  (10 * INT64_C(10000000)) // 100 ns
#define HELD_BYTES (64u * 1024u * 1024u)

typedef struct Held { // one event, with a copy of its bytes behind it
    struct Held *next;
    EventRecord record;
    Schema *schema;   // a reference
    StackWait *wait;  // NULL: waits only for those in front of it
    const char *tail; // what is known but for the stack (enriched_json)
    size_t tail_bytes, charge;
    void *user; // the caller's, borrowed
} Held;

typedef struct HeldQueue {
    Held *first, **last;
    size_t bytes;
    int64_t newest; // FILETIME
} HeldQueue;

void held_init(HeldQueue *queue);
void held_deinit(HeldQueue *queue);
static inline bool held_any(const HeldQueue *queue) {
    return queue->first != NULL;
}
// Copies the event; takes the wait, also on failure (-STATUS_NO_MEMORY).
int held_put(HeldQueue *queue, const EventRecord *record, Schema *schema, StackWait *take_wait,
             const char *tail, size_t tail_bytes, void *user);
// An event of this time has been read.
static inline void held_seen(HeldQueue *queue, int64_t time) {
    if (time > queue->newest)
        queue->newest = time;
}
// The oldest, when it need not wait any longer (all: in any case); NULL: none. Given back with
// held_drop.
Held *held_take(HeldQueue *queue, bool all);
void held_drop(Held *held);
