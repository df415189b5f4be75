// Events of a feed that wait for their call stacks, in order.
//
// A stack comes after its event: the kernel part at once, the user part when the thread returns to
// user mode. So that order is kept, everything behind a waiting event waits as well. The first goes
// when its stack is whole or its time has come: 100 ms of the loop's clock for a live source, 10 s
// of event time for a file, and at once while more than HOLD_MAX_BYTES are held. Events stand here
// in wire form; the table entries that they refer to are shared by neighbours, as in a batch: a
// process with its ancestors takes many times the room of an event. Owner: the feed.
#pragma once

#include "enrich/stacks.h"
#include "wire/wire_table.h"

#define HOLD_LIVE_NS    (INT64_C(100) * 1000000)
#define HOLD_EVENT_TIME (INT64_C(10) * 10000000) // FILETIME
#define HOLD_MAX_BYTES  (4u * 1024u * 1024u)
#define HOLD_TABLE_FULL (64u * 1024u) // bytes of a table from which on the next one is begun

// What neighbours in the hold refer to; lives as long as one of them.
typedef struct HoldTable {
    WireTable table;
    uint32_t refs;   // its events, and the hold while it is filled
    uint32_t n_held; // its events in the hold
    size_t charge;   // in the hold's bytes
} HoldTable;

typedef struct HeldEvent {
    struct HeldEvent *next;
    StackWait *wait;  // a reference; NULL: only its turn
    int64_t due_ns;   // live: when it goes at the latest
    int64_t due_time; // else: the same in event time
    int64_t time;
    uint32_t type;
    uint32_t charge;
    Schema *schema;   // a reference
    HoldTable *table; // a reference; NULL: nothing goes with it
    uint32_t bytes;   // 0: larger than any frame may carry; it only holds the place of a gap
    uint8_t record[];
} HeldEvent;

typedef struct Hold {
    uint32_t n;
    bool live;
    size_t bytes;
    Stacks *stacks; // borrowed; of the waits
    HeldEvent *head, *tail;
    HoldTable *table; // that is filled now; NULL: none
} Hold;

// take_wait (may be NULL): the reference goes here, on failure as well. < 0: no memory.
int hold_put(Hold *hold, const EventRecord *record, uint32_t type, Schema *schema,
             const EnrichedView *view, StackWait *take_wait, int64_t now_ns);
// May the first go? event_time: of the newest event that was seen.
bool hold_ready(const Hold *hold, int64_t now_ns, int64_t event_time);
static inline bool hold_is_over(const Hold *hold) {
    return hold->bytes > HOLD_MAX_BYTES;
}
// When the first goes at the latest; -1: not by the clock.
int64_t hold_due_ns(const Hold *hold);
HeldEvent *hold_pop(Hold *hold); // NULL when empty
const WireTable *held_table(const HeldEvent *held);
void held_free(HeldEvent *held);
