#include <stdatomic.h>
#include <stdio.h>

#include "client/lib/internal.h"
#include "util/mem.h"

static int hold_schema(EtwBatch *batch, const Schema *schema) {
    if (batch->n_schemas == batch->schemas_capacity) {
        uint32_t capacity = batch->schemas_capacity ? batch->schemas_capacity * 2 : 8;
        Schema **schemas = mem_resize(batch->schemas, capacity * sizeof(*schemas));
        if (!schemas)
            return -STATUS_NO_MEMORY;
        batch->schemas = schemas;
        batch->schemas_capacity = capacity;
    }
    batch->schemas[batch->n_schemas++] = schema_ref((Schema *)(uintptr_t)schema);
    return 0;
}

// Everything is checked here, once, so that the accessors cannot fail later.
static int fill(EtwBatch *batch, BatchReader *reader, const BatchSource *source, Err *err) {
    WireRecord record;
    bool holds_none = false;
    int r;
    while ((r = wire_batch_next(reader, &record, err)) == 1) {
        bool first_use = false;
        const Schema *schema = record.type != 0
                                   ? source->schema_of(source->user, record.type, &first_use)
                                   : source->none;
        if (!schema)
            return err_set(err, STATUS_PROTOCOL, "an event of type %u came before its schema",
                           record.type);
        if (first_use || (record.type == 0 && !holds_none)) {
            holds_none = holds_none || record.type == 0;
            r = hold_schema(batch, schema);
            if (r < 0)
                return err_set(err, STATUS_NO_MEMORY, "no memory for a batch");
        }
        EtwEvent *event = &batch->events[batch->n_events++];
        event->schema = schema;
        wire_record_event(&record, record.type != 0 ? schema : NULL, &event->record);
    }
    return r;
}

int batch_make(const Frame *frame, const BatchSource *source, EtwBatch **ret, Err *err) {
    if (frame->payload_bytes < WIRE_EVENTS_PRIVATE + WIRE_BODY_HEAD)
        return err_set(err, STATUS_PROTOCOL, "an EVENTS frame of %u bytes is too short",
                       frame->payload_bytes);
    size_t bytes = frame->payload_bytes - WIRE_EVENTS_PRIVATE;
    EtwBatch *batch = mem_zalloc(sizeof *batch);
    BatchReader reader;
    int r = -STATUS_NO_MEMORY;
    if (!batch)
        goto no_memory;
    batch->refs = 1;
    batch->notice.kind = ETW_ITEM_EVENT;
    batch->first = load_u64(frame->payload);
    batch->body = mem_dup(frame->payload + WIRE_EVENTS_PRIVATE, bytes);
    if (!batch->body)
        goto no_memory;
    r = wire_batch_open(batch->body, bytes, &reader, err);
    if (r < 0)
        goto failed;
    size_t events_bytes;
    if (!size_mul(reader.n, sizeof(EtwEvent), &events_bytes))
        goto no_memory;
    batch->events = mem_alloc(events_bytes ? events_bytes : 1);
    if (!batch->events)
        goto no_memory;
    r = fill(batch, &reader, source, err);
    if (r < 0)
        goto failed;
    *ret = batch;
    return 0;
no_memory:
    r = err_set(err, STATUS_NO_MEMORY, "no memory for a batch of %zu bytes", bytes);
failed:
    etw_batch_free(batch);
    return r;
}

int batch_make_notice(const EtwItem *notice, EtwBatch **ret) {
    EtwBatch *batch = mem_zalloc(sizeof *batch);
    if (!batch)
        return -STATUS_NO_MEMORY;
    batch->refs = 1;
    batch->notice = *notice;
    *ret = batch;
    return 0;
}

EtwBatch *etw_batch_ref(EtwBatch *batch) {
    if (batch)
        atomic_fetch_add_explicit((_Atomic uint32_t *)&batch->refs, 1, memory_order_relaxed);
    return batch;
}

void etw_batch_free(EtwBatch *batch) {
    if (!batch ||
        atomic_fetch_sub_explicit((_Atomic uint32_t *)&batch->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < batch->n_schemas; i++)
        schema_unref(batch->schemas[i]);
    mem_free(batch->schemas);
    mem_free(batch->events);
    mem_free(batch->body);
    mem_free(batch);
}

uint32_t etw_batch_count(const EtwBatch *batch) {
    return batch ? batch->n_events : 0;
}

void etw_batch_rewind(EtwBatch *batch) {
    if (batch)
        batch->cursor = 0;
}

int32_t etw_batch_next(EtwBatch *batch, EtwItem *item) {
    if (!batch || !item || !struct_ok(item->struct_size, sizeof *item))
        return ETW_STATUS_INVALID_ARGUMENT;
    uint32_t size = item->struct_size;
    if (batch->notice.kind != ETW_ITEM_EVENT) {
        if (batch->cursor > 0)
            return ETW_STATUS_END;
        batch->cursor++;
        *item = batch->notice;
        item->struct_size = size;
        return ETW_STATUS_OK;
    }
    while (batch->cursor < batch->n_events && batch->skip_pid != 0 &&
           batch->events[batch->cursor].record.pid == batch->skip_pid)
        batch->cursor++;
    if (batch->cursor >= batch->n_events)
        return ETW_STATUS_END;
    *item = (EtwItem){.struct_size = size, .kind = ETW_ITEM_EVENT};
    item->number = batch->first + batch->cursor;
    item->event = &batch->events[batch->cursor++];
    return ETW_STATUS_OK;
}

const char *etw_reason_text(uint32_t item_kind, uint32_t reason) {
    static const char *const gaps[] = {
        [WIRE_GAP_QUEUE] = "the watcher was too slow",     [WIRE_GAP_RATE] = "the rate limit",
        [WIRE_GAP_OVERSIZE] = "too large to be delivered", [WIRE_GAP_POLICY] = "a change of policy",
        [WIRE_GAP_SOURCE] = "lost before the broker",
    };
    static const char *const epochs[] = {
        [WIRE_EPOCH_START] = "the source started",
        [WIRE_EPOCH_LOOP] = "the trace begins again",
        [WIRE_EPOCH_SESSION] = "the session was replaced",
    };
    static const char *const ends[] = {
        [WIRE_END_SOURCE] = "the source has ended",
        [WIRE_END_STOPPED] = "the subscription was stopped",
        [WIRE_END_STALLED] = "the reader made no progress",
        [WIRE_END_SHUTDOWN] = "the broker stops",
        [WIRE_END_SLOW] = "the reader was too slow",
        [WIRE_END_POLICY] = "the policy no longer allows it",
        [WIRE_END_FAILED] = "the source failed",
    };
    const char *text = NULL;
    if (item_kind == ETW_ITEM_GAP && reason < ARRAY_COUNT(gaps))
        text = gaps[reason];
    else if (item_kind == ETW_ITEM_EPOCH && reason < ARRAY_COUNT(epochs))
        text = epochs[reason];
    else if (item_kind == ETW_ITEM_END && reason < ARRAY_COUNT(ends))
        text = ends[reason];
    return text ? text : "unknown reason";
}
