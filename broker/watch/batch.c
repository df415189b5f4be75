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

static void table_changed(OpenBatch *open) {
    open->table_bytes = (uint32_t)open->table.bytes.bytes;
}

static void table_back(OpenBatch *open, WireTableMark mark) {
    wire_table_back(&open->table, mark);
    table_changed(open);
}

bool open_batch_fits(const OpenBatch *open, uint32_t bytes) {
    const BatchWriter *w = &open->writer;
    return !w->body || w->n == 0 || bytes + open->table_bytes <= w->capacity - w->bytes;
}

static bool make_more_room(BatchPool *pool, OpenBatch *open, uint32_t bytes) {
    BatchWriter *w = &open->writer;
    if (w->body) {
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

// bytes: of the record and of the table
static inline bool make_room(BatchPool *pool, OpenBatch *open, uint32_t bytes) {
    const BatchWriter *w = &open->writer;
    return (w->body && bytes <= w->capacity - w->bytes) || make_more_room(pool, open, bytes);
}

static inline bool type_known(const OpenBatch *open, uint32_t type) {
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

static bool note_new_type(OpenBatch *open, uint32_t type, Schema *schema) {
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

static inline bool note_type(OpenBatch *open, uint32_t type, Schema *schema) {
    return type_known(open, type) || note_new_type(open, type, schema);
}

bool open_batch_take(BatchPool *pool, OpenBatch *open, uint32_t bytes, const EventRecord *record,
                     uint32_t type, Schema *schema) {
    uint32_t table = open->table_bytes;
    return make_room(pool, open, bytes + table) && note_type(open, type, schema) &&
           wire_batch_append(&open->writer, bytes, table, record, type, NULL, NULL);
}

static int take_plain(BatchPool *pool, OpenBatch *open, const EventRecord *record, uint32_t type,
                      Schema *schema) {
    uint32_t bytes = wire_record_bytes(record, type, NULL);
    if (bytes == 0)
        return -STATUS_OVERSIZE;
    if (!open_batch_fits(open, bytes))
        return OPEN_BATCH_FULL;
    return open_batch_take(pool, open, bytes, record, type, schema) ? 0 : -STATUS_NO_MEMORY;
}

// Is there room for a record of so many bytes and the table as it is now? An empty batch grows up
// to what a frame carries.
static bool all_fits(const OpenBatch *open, uint32_t bytes) {
    if (open->writer.n > 0)
        return open_batch_fits(open, bytes);
    return WIRE_BODY_HEAD + bytes + open->table_bytes <= WIRE_MAX_BODY;
}

static void need_table(OpenBatch *open) {
    if (open->has_table)
        return;
    wire_table_init(&open->table);
    open->has_table = true;
}

int open_batch_take_view(BatchPool *pool, OpenBatch *open, const EventRecord *record, uint32_t type,
                         Schema *schema, const EnrichedView *view) {
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    bool filled = open->writer.n > 0;
    need_table(open);
    WireTableMark mark = wire_table_mark(&open->table);
    int r = wire_table_add(&open->table, view, &extra, enriched);
    table_changed(open);
    if (r < 0)
        return r;
    if (r == WIRE_TABLE_FULL)
        return filled ? OPEN_BATCH_FULL : take_plain(pool, open, record, type, schema);
    uint32_t bytes = wire_record_bytes(record, type, &extra);
    if (bytes == 0 || !all_fits(open, bytes)) {
        table_back(open, mark);
        return bytes != 0 && filled ? OPEN_BATCH_FULL
                                    : take_plain(pool, open, record, type, schema);
    }
    uint32_t table = open->table_bytes;
    if (make_room(pool, open, bytes + table) && note_type(open, type, schema) &&
        wire_batch_append(&open->writer, bytes, table, record, type, &extra, NULL))
        return 0;
    table_back(open, mark);
    return -STATUS_NO_MEMORY;
}

// Moves the entries of a held record, and fixes it where it stands. Results as wire_table_add.
static int move_entries(OpenBatch *open, const HeldRecord *held, const StackView *stack,
                        uint8_t *record) {
    uint16_t entry = 0;
    int r = wire_table_move(&open->table, held->table, record);
    if (r == 0 && stack)
        r = wire_table_add_stack(&open->table, stack, &entry);
    table_changed(open);
    if (r != 0)
        return r;
    if (stack)
        store_u16(record + WIRE_RECORD_STACK, entry);
    if (held->incomplete || stack != held->stack) {
        uint16_t flags = load_u16(record + WIRE_RECORD_FLAGS);
        store_u16(record + WIRE_RECORD_FLAGS, flags | WIRE_RECORD_STACK_INCOMPLETE);
    }
    return 0;
}

int open_batch_take_held(BatchPool *pool, OpenBatch *open, const HeldRecord *held, uint32_t type,
                         Schema *schema) {
    BatchWriter *w = &open->writer;
    uint32_t bytes = load_u32(held->record + WIRE_RECORD_SIZE);
    const StackView *stack = held->stack;
    need_table(open);
    WireTableMark mark = wire_table_mark(&open->table);
    if (!all_fits(open, bytes))
        return w->n > 0 ? OPEN_BATCH_FULL : -STATUS_OVERSIZE;
    // Fixed in the batch, behind its last record, where it counts only once all has fitted.
    if (!make_room(pool, open, bytes + open->table_bytes) || !note_type(open, type, schema))
        return -STATUS_NO_MEMORY;
    for (;;) {
        uint8_t *to = w->body + w->bytes;
        memcpy(to, held->record, bytes);
        int r = move_entries(open, held, stack, to);
        if (r == 0 && all_fits(open, bytes)) {
            uint32_t need = bytes + open->table_bytes;
            if (need > w->capacity - w->bytes) { // an empty batch that needs a larger buffer
                uint8_t *small = w->body;
                uint32_t small_capacity = w->capacity;
                uint8_t *body = mem_alloc(need + WIRE_BODY_HEAD);
                if (!body) {
                    table_back(open, mark);
                    return -STATUS_NO_MEMORY;
                }
                memcpy(body + WIRE_BODY_HEAD, to, bytes);
                wire_batch_begin(w, body, need + WIRE_BODY_HEAD);
                give_body(pool, small, small_capacity);
            }
            break;
        }
        table_back(open, mark);
        if (r < 0)
            return r;
        if (w->n > 0)
            return OPEN_BATCH_FULL;
        if (!stack)
            return -STATUS_OVERSIZE;
        stack = NULL; // alone too large with its stack: goes without, and says so
    }
    int64_t time = load_i64(held->record + WIRE_RECORD_TIME);
    w->bytes += bytes;
    w->n++;
    w->first_time = MIN_OF(w->first_time, time);
    w->last_time = MAX_OF(w->last_time, time);
    return 0;
}

static uint32_t class_of(uint32_t bytes) {
    uint32_t size = SMALLEST_CLASS;
    while (size < bytes && size < WIRE_BATCH_BYTES)
        size *= 2;
    return size < bytes ? bytes : size;
}

Batch *open_batch_seal(BatchPool *pool, OpenBatch *open) {
    BatchWriter *w = &open->writer;
    uint32_t table = open->table_bytes;
    uint32_t capacity = class_of(w->bytes + table);
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
    batch->bytes = wire_batch_seal(w, open->table.bytes.data, table);
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
    if (table != 0)
        wire_table_clear(&open->table);
    open->table_bytes = 0;
    forget_types(open);
    return batch;
}

void open_batch_deinit(BatchPool *pool, OpenBatch *open) {
    give_body(pool, open->writer.body, open->writer.capacity);
    for (uint32_t i = 0; i < open->n_types; i++)
        schema_unref(open->types[i].schema);
    mem_free(open->types);
    if (open->has_table)
        wire_table_deinit(&open->table);
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
