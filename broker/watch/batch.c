#include "watch/batch.h"

#include "idl/wire.h"
#include "util/mem.h"

// Smallest class: a batch of one small event. Classes double up to WIRE_BATCH_BYTES.
#define SMALLEST_CLASS 512u

void batch_pool_deinit(BatchPool *pool) {
    while (pool->n_free > 0)
        mem_free(pool->free_bodies[--pool->n_free]);
}

static uint8_t *take_body(BatchPool *pool, uint32_t capacity) {
    if (capacity == WIRE_BATCH_BYTES && pool->n_free > 0)
        return pool->free_bodies[--pool->n_free];
    return mem_alloc(capacity);
}

static void give_body(BatchPool *pool, uint8_t *body, uint32_t capacity) {
    if (body && capacity == WIRE_BATCH_BYTES && pool->n_free < ARRAY_COUNT(pool->free_bodies))
        pool->free_bodies[pool->n_free++] = body;
    else
        mem_free(body);
}

bool open_batch_fits(const OpenBatch *open, uint32_t bytes) {
    const BatchWriter *w = &open->writer;
    return !w->body || w->n == 0 || bytes <= w->capacity - w->bytes;
}

static bool make_room(BatchPool *pool, OpenBatch *open, uint32_t bytes) {
    BatchWriter *w = &open->writer;
    if (w->body && bytes > w->capacity - w->bytes) {
        // Only an empty batch is exchanged for a larger one; the caller seals a filled one first.
        give_body(pool, w->body, w->capacity);
        w->body = NULL;
    }
    if (!w->body) {
        uint32_t capacity = WIRE_BATCH_BYTES;
        if (bytes > capacity - WIRE_BODY_HEAD)
            capacity = bytes + WIRE_BODY_HEAD;
        uint8_t *body = take_body(pool, capacity);
        if (!body)
            return false;
        wire_batch_begin(w, body, capacity);
    }
    return true;
}

static bool type_known(const OpenBatch *open, uint32_t type) {
    if (type < OPEN_BATCH_SEEN)
        return (open->seen[type / 32] >> (type % 32)) & 1u;
    for (uint32_t i = 0; i < open->n_types; i++)
        if (open->types[i].id == type)
            return true;
    return false;
}

static void forget_types(OpenBatch *open) {
    for (uint32_t i = 0; i < open->n_types; i++)
        if (open->types[i].id < OPEN_BATCH_SEEN)
            open->seen[open->types[i].id / 32] = 0;
    open->n_types = 0;
}

static bool note_type(OpenBatch *open, uint32_t type, Schema *schema) {
    if (type_known(open, type))
        return true;
    if (open->n_types == open->types_capacity) {
        uint32_t more = open->types_capacity ? open->types_capacity * 2 : 32;
        BatchType *types = mem_resize(open->types, more * sizeof *types);
        if (!types)
            return false;
        open->types = types;
        open->types_capacity = more;
    }
    open->types[open->n_types++] = (BatchType){type, schema_ref(schema)};
    if (type < OPEN_BATCH_SEEN)
        open->seen[type / 32] |= 1u << (type % 32);
    return true;
}

bool open_batch_take(BatchPool *pool, OpenBatch *open, uint32_t bytes, const EventRecord *record,
                     uint32_t type, Schema *schema) {
    return make_room(pool, open, bytes) && note_type(open, type, schema) &&
           wire_batch_append(&open->writer, bytes, 0, record, type, NULL, NULL);
}

static uint32_t class_of(uint32_t bytes) {
    uint32_t size = SMALLEST_CLASS;
    while (size < bytes && size < WIRE_BATCH_BYTES)
        size *= 2;
    return size < bytes ? bytes : size;
}

Batch *open_batch_seal(BatchPool *pool, OpenBatch *open) {
    BatchWriter *w = &open->writer;
    uint32_t capacity = class_of(w->bytes);
    size_t types_bytes = open->n_types * sizeof(BatchType);
    Batch *batch = mem_zalloc(sizeof *batch + types_bytes);
    if (!batch)
        return NULL;
    bool keep = capacity >= w->capacity; // the buffer itself becomes the batch
    uint8_t *body = keep ? w->body : take_body(pool, capacity);
    if (!body) {
        mem_free(batch);
        return NULL;
    }
    batch->bytes = wire_batch_seal(w, NULL, 0);
    if (!keep)
        memcpy(body, w->body, batch->bytes);
    batch->body = body;
    batch->capacity = keep ? w->capacity : capacity;
    batch->charge = batch->capacity + (uint32_t)(sizeof *batch + types_bytes) + BATCH_OVERHEAD;
    batch->refs = 1;
    batch->pool = pool;
    batch->n_events = w->n;
    batch->first_time = w->first_time;
    batch->last_time = w->last_time;
    batch->types = (BatchType *)(void *)(batch + 1);
    batch->n_types = open->n_types;
    if (types_bytes) // the references go with them
        memcpy(batch->types, open->types, types_bytes);
    pool->live++;
    pool->sealed++;
    pool->live_bytes += batch->capacity;

    if (keep)
        *w = (BatchWriter){0};
    else
        wire_batch_begin(w, w->body, w->capacity);
    forget_types(open);
    return batch;
}

void open_batch_deinit(BatchPool *pool, OpenBatch *open) {
    give_body(pool, open->writer.body, open->writer.capacity);
    for (uint32_t i = 0; i < open->n_types; i++)
        schema_unref(open->types[i].schema);
    mem_free(open->types);
    memset(open, 0, sizeof *open);
}

Batch *batch_ref(Batch *batch) {
    batch->refs++;
    return batch;
}

Batch *batch_unref(Batch *batch) {
    if (batch && --batch->refs == 0) {
        batch->pool->live--;
        batch->pool->live_bytes -= batch->capacity;
        give_body(batch->pool, batch->body, batch->capacity);
        for (uint32_t i = 0; i < batch->n_types; i++)
            schema_unref(batch->types[i].schema);
        mem_free(batch);
    }
    return NULL;
}
