#include "watch/hold.h"

#include "util/mem.h"

static void table_unref(HoldTable *table) {
    if (table && --table->refs == 0) {
        wire_table_deinit(&table->table);
        mem_free(table);
    }
}

void held_free(HeldEvent *held) {
    if (held->wait)
        stack_wait_unref(held->wait);
    schema_unref(held->schema);
    table_unref(held->table);
    mem_free(held);
}

const WireTable *held_table(const HeldEvent *held) {
    static const WireTable none = {.n = 0};
    return held->table ? &held->table->table : &none;
}

static int64_t later(int64_t time, int64_t by) {
    return time > INT64_MAX - by ? INT64_MAX : time + by;
}

// Memory of a table: its bytes, and about 16 for each slot and each entry.
static size_t table_charge(const HoldTable *table) {
    const WireTable *t = &table->table;
    return sizeof *table + t->bytes.capacity + ((size_t)t->n_slots + t->items_room) * 16u;
}

// The table that is filled is filled no more.
static void leave_table(Hold *hold) {
    HoldTable *table = hold->table;
    if (!table)
        return;
    if (table->n_held == 0)
        hold->bytes -= table->charge;
    hold->table = NULL;
    table_unref(table);
}

static int need_table(Hold *hold) {
    if (hold->table && hold->table->table.bytes.bytes >= HOLD_TABLE_FULL)
        leave_table(hold);
    if (hold->table)
        return 0;
    HoldTable *table = mem_zalloc(sizeof *table);
    if (!table)
        return -(int)STATUS_NO_MEMORY;
    wire_table_init(&table->table);
    table->refs = 1;
    hold->table = table;
    return 0;
}

// Adds what the view has to the table; FULL: not even an empty one takes it. A record always goes
// into a frame with what it refers to (WIRE_TABLE_MAX_BYTES), unless it is too large by itself.
static int add_view(Hold *hold, const EnrichedView *view, WireExtra *extra, WireEnriched *enriched,
                    WireTableMark *mark) {
    int r = need_table(hold);
    if (r < 0)
        return r;
    *mark = wire_table_mark(&hold->table->table);
    r = wire_table_add(&hold->table->table, view, extra, enriched);
    if (r != WIRE_TABLE_FULL || mark->n == 0)
        return r;
    leave_table(hold);
    return add_view(hold, view, extra, enriched, mark);
}

static void account(Hold *hold, HeldEvent *held) {
    HoldTable *table = held->table;
    if (table) {
        size_t charge = table_charge(table);
        table->refs++;
        table->n_held++;
        hold->bytes += charge - table->charge;
        table->charge = charge;
    }
    if (hold->tail)
        hold->tail->next = held;
    else
        hold->head = held;
    hold->tail = held;
    hold->n++;
    hold->bytes += held->charge;
}

int hold_put(Hold *hold, const EventRecord *record, uint32_t type, Schema *schema,
             const EnrichedView *view, StackWait *take_wait, int64_t now_ns) {
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    WireTableMark mark = {0, 0};
    int r = view ? add_view(hold, view, &extra, enriched, &mark) : WIRE_TABLE_FULL;
    bool known = r == 0;
    uint32_t bytes = r < 0 ? 0 : wire_record_bytes(record, type, known ? &extra : NULL);
    if (known && bytes == 0) { // with its enrichment the record itself is too large
        wire_table_back(&hold->table->table, mark);
        known = false;
        bytes = wire_record_bytes(record, type, NULL);
    }
    HeldEvent *held = r < 0 ? NULL : mem_alloc(sizeof *held + bytes);
    if (!held) {
        if (known)
            wire_table_back(&hold->table->table, mark);
        if (take_wait)
            stack_wait_unref(take_wait);
        return -(int)STATUS_NO_MEMORY;
    }
    if (bytes != 0)
        wire_record_put(held->record, bytes, record, type, known ? &extra : NULL);
    held->next = NULL;
    held->wait = take_wait;
    held->due_ns = later(now_ns, HOLD_LIVE_NS);
    held->due_time = later(record->time, HOLD_EVENT_TIME);
    held->time = record->time;
    held->type = type;
    held->schema = schema_ref(schema);
    held->table = known ? hold->table : NULL;
    held->bytes = bytes;
    held->charge = (uint32_t)(sizeof *held + bytes);
    account(hold, held);
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
        HoldTable *table = held->table;
        if (table && --table->n_held == 0 && table != hold->table)
            hold->bytes -= table->charge;
        if (hold->n == 0)
            leave_table(hold);
    }
    return held;
}
