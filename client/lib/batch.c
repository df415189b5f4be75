#include <stdio.h>

#include "client/lib/internal.h"
#include "util/mem.h"

// Records are checked here, once, so that their accessors cannot fail later; the table when it is
// asked for.
static int fill(EtwBatch *batch, BatchReader *reader, const BatchSource *source, Err *err) {
    WireRecord record;
    bool holds_none = false;
    const uint8_t *at = reader->at;
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
            r = event_table_add(&batch->table, schema);
            if (r < 0)
                return err_set(err, STATUS_NO_MEMORY, "no memory for a batch");
        }
        EtwEvent *event = &batch->events[batch->n_events++];
        *event = (EtwEvent){.schema = schema, .table = &batch->table, .wire = at};
        event->wire_bytes = record.bytes;
        at += record.bytes;
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
    batch->table.reader = reader;
    batch->table.plain = source->plain;
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

int batch_skip(EtwBatch *batch, uint32_t pid, uint64_t *ret_skipped, Err *err) {
    uint64_t skipped = 0;
    for (uint32_t i = 0; i < batch->n_events; i++) {
        EtwEvent *event = &batch->events[i];
        EnrichedView view = {.pid = event->record.pid};
        StackView stack;
        if (load_u16(event->wire + WIRE_RECORD_PROCESS) != 0) {
            int32_t status = event_view(event, &view, &stack, err);
            if (status != ETW_STATUS_OK)
                return -status;
        }
        event->skip = view.pid == pid;
        skipped += event->skip;
    }
    *ret_skipped = skipped;
    return 0;
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
    if (atomic_load_explicit(&batch->table.composed, memory_order_relaxed))
        for (uint32_t i = 0; i < batch->n_events; i++)
            event_forget_composed(&batch->events[i]);
    event_table_deinit(&batch->table);
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
    while (batch->cursor < batch->n_events && batch->events[batch->cursor].skip)
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
