#include "client/etwctl/held.h"

#include "util/mem.h"

void held_init(HeldQueue *q) {
    *q = (HeldQueue){.newest = INT64_MIN};
    q->last = &q->first;
}

void held_deinit(HeldQueue *q) {
    Held *held;
    while ((held = held_take(q, true)) != NULL)
        held_drop(held);
}

int held_put(HeldQueue *q, const EventRecord *record, Schema *schema, StackWait *take_wait,
             const char *tail, size_t tail_bytes, void *user) {
    size_t ext = ALIGN8((size_t)record->ext_bytes);
    size_t bytes = sizeof(Held) + ext + record->payload_bytes + tail_bytes;
    Held *held = mem_alloc(bytes);
    if (!held) {
        stack_wait_unref(take_wait);
        return -(int)STATUS_NO_MEMORY;
    }
    uint8_t *data = (uint8_t *)(held + 1);
    *held = (Held){.record = *record,
                   .schema = schema_ref(schema),
                   .wait = take_wait,
                   .tail_bytes = tail_bytes,
                   .charge = bytes,
                   .user = user};
    if (record->ext_bytes > 0)
        memcpy(data, record->ext, record->ext_bytes);
    held->record.ext = data;
    data += ext;
    if (record->payload_bytes > 0)
        memcpy(data, record->payload, record->payload_bytes);
    held->record.payload = data;
    data += record->payload_bytes;
    if (tail_bytes > 0)
        memcpy(data, tail, tail_bytes);
    held->tail = (const char *)data;
    *q->last = held;
    q->last = &held->next;
    q->bytes += bytes;
    held_seen(q, record->time);
    return 0;
}

static bool may_go(const HeldQueue *q, const Held *held) {
    int64_t age;
    return !held->wait || stack_wait_complete(held->wait) || q->bytes > HELD_BYTES ||
           __builtin_sub_overflow(q->newest, held->record.time, &age) || age >= HELD_TIME;
}

Held *held_take(HeldQueue *q, bool all) {
    Held *held = q->first;
    if (!held || (!all && !may_go(q, held)))
        return NULL;
    q->first = held->next;
    if (!q->first)
        q->last = &q->first;
    q->bytes -= held->charge;
    return held;
}

void held_drop(Held *held) {
    if (!held)
        return;
    stack_wait_unref(held->wait);
    schema_unref(held->schema);
    mem_free(held);
}
