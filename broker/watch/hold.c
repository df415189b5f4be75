#include "watch/hold.h"

#include "util/mem.h"

void held_free(HeldEvent *held) {
    if (held->wait)
        stack_wait_unref(held->wait);
    schema_unref(held->schema);
    wire_table_deinit(&held->table);
    mem_free(held);
}

static int64_t later(int64_t time, int64_t by) {
    return time > INT64_MAX - by ? INT64_MAX : time + by;
}

// Memory of a table: its bytes, and about 16 for each slot and each entry.
static size_t table_charge(const WireTable *table) {
    return table->bytes.capacity + ((size_t)table->n_slots + table->n) * 16u;
}

// The event's entries, as far as a frame can carry them with it; ret_bytes 0: it cannot carry the
// event.
static int make_table(const EventRecord *record, uint32_t type, const EnrichedView *view,
                      WireTable *table, WireExtra *extra, WireEnriched *enriched,
                      uint32_t *ret_bytes) {
    int r = view ? wire_table_add(table, view, extra, enriched) : WIRE_TABLE_FULL;
    if (r < 0)
        return r;
    if (r == 0) {
        if (view->stack && view->stack->incomplete)
            extra->flags |= WIRE_RECORD_STACK_INCOMPLETE;
        *ret_bytes = wire_record_bytes(record, type, extra);
        if (*ret_bytes != 0 && WIRE_BODY_HEAD + *ret_bytes + table->bytes.bytes <= WIRE_MAX_BODY)
            return 0;
        wire_table_clear(table);
    }
    memset(extra, 0, sizeof *extra);
    *ret_bytes = wire_record_bytes(record, type, NULL);
    return 0;
}

int hold_put(Hold *hold, const EventRecord *record, uint32_t type, Schema *schema,
             const EnrichedView *view, StackWait *take_wait, int64_t now_ns) {
    WireTable table;
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    uint32_t bytes = 0;
    wire_table_init(&table);
    int r = make_table(record, type, view, &table, &extra, enriched, &bytes);
    HeldEvent *held = r == 0 ? mem_alloc(sizeof *held + bytes) : NULL;
    if (!held) {
        wire_table_deinit(&table);
        if (take_wait)
            stack_wait_unref(take_wait);
        return -(int)STATUS_NO_MEMORY;
    }
    if (bytes != 0)
        wire_record_put(held->record, bytes, record, type, &extra);
    held->next = NULL;
    held->wait = take_wait;
    held->due_ns = later(now_ns, HOLD_LIVE_NS);
    held->due_time = later(record->time, HOLD_EVENT_TIME);
    held->time = record->time;
    held->type = type;
    held->schema = schema_ref(schema);
    held->table = table;
    held->bytes = bytes;
    held->charge = (uint32_t)(sizeof *held + bytes + table_charge(&table));
    if (hold->tail)
        hold->tail->next = held;
    else
        hold->head = held;
    hold->tail = held;
    hold->n++;
    hold->bytes += held->charge;
    return 0;
}

bool hold_ready(const Hold *hold, int64_t now_ns, int64_t event_time) {
    const HeldEvent *head = hold->head;
    if (!head)
        return false;
    if (!head->wait || stack_wait_complete(head->wait))
        return true;
    return hold->live ? now_ns >= head->due_ns : event_time >= head->due_time;
}

int64_t hold_due_ns(const Hold *hold) {
    return hold->head && hold->live ? hold->head->due_ns : -1;
}

HeldEvent *hold_pop(Hold *hold) {
    HeldEvent *held = hold->head;
    if (held) {
        hold->head = held->next;
        if (!hold->head)
            hold->tail = NULL;
        hold->n--;
        hold->bytes -= held->charge;
    }
    return held;
}
