// A feed: what equal subscriptions share. Events are matched, numbered and encoded once for all
// members.
//
// Owner: the loop; dies with its last member. Key = canonical wants and options (and, with policy,
// view and user). A member's number is the feed's number minus its base. Joining, leaving and
// changing flush what is held and seal the open batch first, so that every event in either belongs
// to every member.
#pragma once

#include "route/spec.h"
#include "schema/types.h"
#include "watch/hold.h"
#include "watch/watch.h"

typedef struct Feed {
    uint8_t *key;
    uint32_t key_bytes;
    uint32_t index; // in the hub's table
    Spec *spec;     // one reference
    OpenBatch open;
    uint64_t open_first;  // feed number of the first event of the open batch
    uint64_t next_number; // feed number of the next event
    uint32_t n_members, capacity;
    Watch **members;
    bool listed;          // in the hub's list of feeds with something open or held
    Hold hold;            // events that wait for their stacks, and what came behind them
    uint64_t hold_charge; // of each member's user for it, in steps
    WantLedger ledger;
    int64_t last_seal_ns;
    uint64_t examined; // bytes that predicates looked at
    BatchPool *pool;
} Feed;

// Takes key and spec on success.
int feed_new(BatchPool *pool, uint8_t *take_key, uint32_t key_bytes, Spec *take_spec,
             int64_t now_ns, Feed **ret);
Feed *feed_free(Feed *feed); // no members left; returns NULL
int feed_join(Feed *feed, Watch *watch, int64_t now_ns);
void feed_leave(Feed *feed, Watch *watch, int64_t now_ns);
// Takes one matched event: numbers and encodes it, or holds it for its stack (take_wait, a
// reference; NULL: it needs none) or behind one that is held. view: what is known of it, NULL:
// nothing goes with it. Counts an event that no frame can carry as dropped{oversize}. What is held
// is charged to each member's user like a queued batch; where it finds no room, the oldest go
// early, as they do beyond HOLD_MAX_BYTES.
void feed_take(Feed *feed, const EventRecord *record, const Type *type, const EnrichedView *view,
               StackWait *take_wait, int64_t now_ns);
// Encodes what has been held long enough; stops at a full lossless member, but for what is beyond
// the bound.
void feed_release(Feed *feed, int64_t now_ns, int64_t event_time);
// All that is held goes, complete or not, and the open batch is sealed.
void feed_flush(Feed *feed, int64_t now_ns);
static inline bool feed_is_pending(const Feed *feed) {
    return feed->open.writer.n > 0 || feed->hold.n > 0;
}
void feed_seal(Feed *feed, int64_t now_ns);
// Time-based sealing: is anything open, is it time, and can any member take data?
bool feed_due(const Feed *feed, int64_t now_ns, int64_t quantum_ns);
bool feed_is_full(const Feed *feed); // a lossless member cannot take another batch
