// A sealed batch: the body of an EVENTS frame, immutable and shared by reference between the
// watches of a feed, and the pool of buffers in which open batches fill.
//
// The loop owns pool and batches: plain reference counts. A sealed batch is moved to the smallest
// size class that holds it, so that a queue of small batches does not pin 64 KiB each; every holder
// is charged all of it.
#pragma once

#include "wire/wire_table.h"

// A type whose events stand in a batch. The schema is held: the type table may forget the type
// while the batch is still queued, and the schema must go out before the batch.
typedef struct BatchType {
    uint32_t id;
    Schema *schema; // one reference
} BatchType;

// For an entry in a holder's queue and the allocator's own.
#define BATCH_OVERHEAD 128u

typedef struct Batch {
    uint32_t refs;
    uint32_t n_events;
    uint32_t bytes;    // of the body
    uint32_t capacity; // of the body's buffer
    uint32_t charge;   // of each holder: the buffer and what stands around it
    int64_t first_time, last_time;
    uint32_t n_types; // distinct type ids in it, for schemas to send first
    BatchType *types; // behind this structure
    uint8_t *body;
    struct BatchPool *pool;
} Batch;

#define OPEN_BATCH_SEEN 16384u

// A body being filled: capacity is at least WIRE_BATCH_BYTES. What each event touches stands in
// front.
typedef struct OpenBatch {
    BatchWriter writer; // body NULL: none begun
    uint32_t n_types, types_capacity;
    BatchType *types;                    // distinct, in order of first use
    uint32_t table_bytes;                // of `table`
    bool has_table;                      // `table` is initialised
    uint32_t seen[OPEN_BATCH_SEEN / 32]; // bit for each type id below OPEN_BATCH_SEEN in `types`
    WireTable table;                     // what its records refer to; goes behind them at sealing
} OpenBatch;

typedef struct BatchPool {
    uint8_t *free_bodies[16]; // open buffers of WIRE_BATCH_BYTES
    uint32_t n_free;
    uint64_t live, live_bytes; // sealed batches
    uint64_t sealed;           // ever
    // Told of each batch that a watch drops from its queue (per-provider figures of the profile).
    void (*dropped)(void *user, const Batch *batch);
    void *dropped_user;
} BatchPool;

void batch_pool_deinit(BatchPool *pool);
// Does a record of this size go into the batch as it is? If not, the caller seals first.
bool open_batch_fits(const OpenBatch *open, uint32_t bytes);
// Begins when needed and encodes one record (bytes: wire_record_bytes) of a type and its schema.
// False: out of memory, nothing taken.
bool open_batch_take(BatchPool *pool, OpenBatch *open, uint32_t bytes, const EventRecord *record,
                     uint32_t type, Schema *schema);
// The same with what is known of the event, in the batch's table. 0; OPEN_BATCH_FULL: seal first,
// then it fits; -STATUS_OVERSIZE: no frame can carry it; -STATUS_NO_MEMORY. Unless 0, nothing was
// taken. When only the enrichment is too much for a frame, the event goes without it.
#define OPEN_BATCH_FULL 1
int open_batch_take_view(BatchPool *pool, OpenBatch *open, const EventRecord *record, uint32_t type,
                         Schema *schema, const EnrichedView *view);
// The same for an event in wire form whose entries stand in a table of its own, with the stack that
// has come for it (NULL: none). The record stays as it is.
typedef struct HeldRecord {
    const uint8_t *record;
    const WireTable *table;
    const StackView *stack;
    bool incomplete; // a part of its stack did not come
} HeldRecord;
int open_batch_take_held(BatchPool *pool, OpenBatch *open, const HeldRecord *held, uint32_t type,
                         Schema *schema);
// Seals: the open batch is empty afterwards. NULL when out of memory (the open batch stays).
Batch *open_batch_seal(BatchPool *pool, OpenBatch *open);
void open_batch_deinit(BatchPool *pool, OpenBatch *open);

Batch *batch_ref(Batch *batch);
Batch *batch_unref(Batch *batch); // returns NULL
