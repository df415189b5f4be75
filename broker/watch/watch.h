// A watch: one subscription's place in a feed, its bounded queue and its ledger.
//
// Owner: the loop. The queue holds references to sealed batches and the notices between them, in
// the order in which they go out. It is charged to the watch's user; what does not fit is dropped
// by the watch's policy and told as a GAP in its place. Numbers are given before dropping.
#pragma once

#include "policy/user.h"
#include "watch/batch.h"
#include "watch/ledger.h"

struct Feed;

typedef enum QueuePolicy {
    QUEUE_DROP_OLDEST = 0,
    QUEUE_DROP_NEWEST,
    QUEUE_DISCONNECT,
    QUEUE_WAIT, // lossless replay only: the loop stops consuming while it is full
} QueuePolicy;

typedef enum EntryKind {
    ENTRY_BATCH = 1,
    ENTRY_GAP,
    ENTRY_CHANGED,
    ENTRY_EPOCH,
    ENTRY_END,
} EntryKind;

typedef struct WatchEntry {
    uint8_t kind; // EntryKind
    uint32_t reason;
    uint32_t generation; // changed; epoch: its number
    uint32_t flags;      // changed, epoch
    uint64_t first;      // number of the first event in it (or missing)
    uint64_t count;      // gap: missing; UINT64_MAX = unknown
    int64_t from, to;
    Batch *batch;
} WatchEntry;

typedef struct Watch {
    uint32_t id;
    uint32_t generation; // of its wants
    User *user;
    struct Feed *feed; // NULL once stopped
    struct Spec *spec; // its own, one reference: equal watches of a feed differ in name and queue
    uint64_t base;     // watch number = feed number - base
    QueuePolicy policy;
    bool include_self;
    bool ended;     // an END entry has been queued: nothing more is taken
    bool failed;    // disconnect: the connection must close it
    bool blocked;   // its connection is writing (time-based sealing may wait for it)
    char name[129]; // of SPEC_MAX_NAME_BYTES

    WatchEntry *entries; // ring buffer
    uint32_t n_entries, head, capacity;
    uint64_t queue_bytes; // charged for what is queued and in flight
    uint64_t quota_bytes;

    WantLedger past;   // of earlier feeds
    WantLedger joined; // the feed's counters when this watch joined
    NumberLedger number;
    uint64_t next_number;     // of the next event that will be queued
    int64_t last_progress_ns; // when the system last took data, or the queue was empty
    int64_t unsent_time;      // FILETIME from which on events are queued and not sent (about)
    int64_t newest_time;      // FILETIME of the newest event queued
    uint64_t sent_batches, sent_bytes;
    uint64_t gaps;
    void (*notify)(void *user, struct Watch *watch); // there is something to send
    void *notify_user;
} Watch;

void watch_init(Watch *watch, uint32_t id, User *user, uint64_t quota_bytes, QueuePolicy policy);
// Drops everything queued as dropped_close and gives back all charges. The feed must have been
// left.
void watch_deinit(Watch *watch);
// A sealed batch of the watch's feed; first: number in the feed. Takes a reference when it is kept.
void watch_push_batch(Watch *watch, Batch *batch, uint64_t feed_first);
// `count` numbered events are not delivered; they have been counted as numbered already.
void watch_push_gap(Watch *watch, uint64_t first, uint64_t count, uint32_t reason, int64_t from,
                    int64_t to);
void watch_push_source_gap(Watch *watch, uint64_t events); // lost before us; no numbers
void watch_push_changed(Watch *watch, uint32_t flags);     // WIRE_CHANGED_*
void watch_push_epoch(Watch *watch, uint32_t number, uint32_t reason, uint32_t flags, int64_t time);
void watch_push_end(Watch *watch, uint32_t reason);
// The connection takes the front entry for writing: its batch's reference and charge go to the
// caller, who gives both back with watch_written or watch_abandoned.
bool watch_take(Watch *watch, WatchEntry *ret);
const WatchEntry *watch_front(const Watch *watch); // NULL when empty
void watch_written(Watch *watch, WatchEntry *entry, int64_t now_ns);
void watch_abandoned(Watch *watch, WatchEntry *entry); // the connection broke
// Drops all that is queued as one GAP (policy).
void watch_drop_queue(Watch *watch, uint32_t reason);
// Lossless: may the loop take more from the source?
bool watch_is_full(const Watch *watch);
// The ledger at this moment, open batch included.
Ledger watch_ledger(const Watch *watch);
