// A feed: what equal subscriptions share. Events are matched, numbered and encoded once for all
// members.
//
// Owner: the loop; dies with its last member. Key = canonical wants and options (and, with policy,
// view and user). A member's number is the feed's number minus its base. Joining, leaving and
// changing seal the open batch first, so that every event in an open batch belongs to every member.
#pragma once

#include "route/spec.h"
#include "schema/types.h"
#include "watch/watch.h"

typedef struct Feed {
    uint8_t *key;
    uint32_t key_bytes;
    Spec *spec; // one reference
    OpenBatch open;
    uint64_t open_first;  // feed number of the first event of the open batch
    uint64_t next_number; // feed number of the next event
    WantLedger ledger;
    Watch **members;
    uint32_t n_members, capacity;
    int64_t last_seal_ns;
    uint64_t examined; // bytes that predicates looked at
    BatchPool *pool;
    bool listed;    // in the hub's list of feeds with an open batch
    uint32_t index; // in the hub's table
} Feed;

// Takes key and spec on success.
int feed_new(BatchPool *pool, uint8_t *take_key, uint32_t key_bytes, Spec *take_spec,
             int64_t now_ns, Feed **ret);
Feed *feed_free(Feed *feed); // no members left; returns NULL
int feed_join(Feed *feed, Watch *watch, int64_t now_ns);
void feed_leave(Feed *feed, Watch *watch, int64_t now_ns);
// Numbers and encodes one matched event. Counts an event that no frame can carry as
// dropped{oversize}.
void feed_take(Feed *feed, const EventRecord *record, const Type *type, int64_t now_ns);
void feed_seal(Feed *feed, int64_t now_ns);
// Time-based sealing: is anything open, is it time, and can any member take data?
bool feed_due(const Feed *feed, int64_t now_ns, int64_t quantum_ns);
bool feed_is_full(const Feed *feed); // a lossless member cannot take another batch
