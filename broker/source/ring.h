// The ring between a source thread and the loop: single producer, single consumer, 32 x 256 KiB.
//
// The producer copies events in undecoded and waits when the ring is full: it never drops. The
// consumer reads items in order; an item's pointers are valid until ring_release. Memory is fixed
// at creation. Closing from the consumer's side wakes a waiting producer for good.
#pragma once

#include "event/record.h"
#include "util/err.h"

#define RING_BLOCKS      32u
#define RING_BLOCK_BYTES (256u * 1024u)
// Items and payload of the largest record; larger ones are refused (counted by the producer).
#define RING_WAKE_BYTES (64u * 1024u)
#define RING_MAX_RECORD (160u * 1024u)

typedef enum RingKind {
    RING_RECORD = 1,
    RING_SCHEMA,    // a record that describes others; comes before the first record of its types
    RING_LOSS,      // the source lost events or buffers
    RING_MARK,      // end of an ETW buffer, or a replay tick: a good moment to seal
    RING_EPOCH,     // a new life of the source: clock and ledger start anew
    RING_END,       // nothing follows
    RING_KNOWLEDGE, // a record to learn from before the stream begins, where it will come again
    RING_LEARNED,   // the last RING_KNOWLEDGE has come
} RingKind;

typedef struct RingLoss {
    uint64_t events, buffers; // lost since the last item; an unknown number is UINT64_MAX
} RingLoss;

typedef struct RingEpoch {
    uint32_t reason; // WIRE_EPOCH_* of idl/wire.h
    uint32_t flags;
    int64_t time;
} RingEpoch;

typedef struct RingItem {
    uint8_t kind; // RingKind
    union {
        EventRecord record; // RING_RECORD, RING_SCHEMA, RING_KNOWLEDGE
        RingLoss loss;
        RingEpoch epoch;
        int64_t mark_ns; // RING_MARK: producer's monotonic clock
        int status;      // RING_END: 0 or -(Status) of the failure that ended the source
    };
} RingItem;

typedef struct Ring Ring;

// wake (may be NULL) is called from the producer's thread when the consumer has found the ring
// empty and there is reason to look again: an item other than RING_RECORD and RING_KNOWLEDGE, or
// RING_WAKE_BYTES of these. A producer therefore ends a group of records with a mark. It must be
// cheap and must not block.
int ring_new(void (*wake)(void *user), void *user, Ring **ret);
Ring *ring_free(Ring *ring); // both sides must have stopped

// Producer. Each waits while the ring is full; 0, or -STATUS_CANCELLED once the ring is closed.
// ring_put_record: > 0 (RING_OVERSIZE) when the record is larger than RING_MAX_RECORD.
#define RING_OVERSIZE 1
int ring_put_record(Ring *ring, const EventRecord *record, RingKind kind);
int ring_put_loss(Ring *ring, const RingLoss *loss);
int ring_put_mark(Ring *ring, int64_t now_ns);
int ring_put_epoch(Ring *ring, const RingEpoch *epoch);
int ring_put_learned(Ring *ring);
int ring_put_end(Ring *ring, int status);
uint64_t ring_wait_ns(const Ring *ring); // how long the producer has waited in all

// Consumer.
bool ring_take(Ring *ring, RingItem *ret);   // false: empty at this moment
void ring_release(Ring *ring);               // gives back everything taken so far
size_t ring_pending_bytes(const Ring *ring); // a snapshot
void ring_close(Ring *ring);
