// The enrichment of events: values, processes and frames out of the table of their batch.
#include <assert.h>

#include "client/lib/internal.h"
#include "util/mem.h"

static_assert((int)ETW_PROVENANCE_GUESS == (int)PROVENANCE_GUESS &&
                  (int)ETW_PROCESS_CREATED == (int)CHAIN_CREATED,
              "the public provenances and roles are those of event/enriched.h");
static_assert(ETW_PROCESS_WOW64 == PROCESS_WOW64 && ETW_PROCESS_PROTECTED == PROCESS_PROTECTED &&
                  ETW_PROCESS_PACKAGED == PROCESS_PACKAGED &&
                  ETW_PROCESS_ELEVATED == PROCESS_ELEVATED &&
                  ETW_PROCESS_ELEVATION_KNOWN == PROCESS_ELEVATION_KNOWN &&
                  ETW_PROCESS_FLAGS_KNOWN == PROCESS_FLAGS_KNOWN,
              "and so are the flags");

// ---- The table ----

int event_table_add(EventTable *table, const Schema *schema) {
    if (table->n_types == table->types_capacity) {
        uint32_t capacity = table->types_capacity ? table->types_capacity * 2 : 8;
        BatchType *types = mem_resize(table->types, capacity * sizeof *types);
        if (!types)
            return -STATUS_NO_MEMORY;
        table->types = types;
        table->types_capacity = capacity;
    }
    table->types[table->n_types++] =
        (BatchType){schema_ref((Schema *)(uintptr_t)schema), subject_plan(schema)};
    return 0;
}

void event_table_deinit(EventTable *table) {
    wire_table_close(atomic_load(&table->view));
    for (uint32_t i = 0; i < table->n_types; i++)
        schema_unref(table->types[i].schema);
    mem_free(table->types);
}

static int table_view(EventTable *table, WireTableView **ret, Err *err) {
    WireTableView *view = atomic_load_explicit(&table->view, memory_order_acquire);
    if (view) {
        *ret = view;
        return 0;
    }
    int r = wire_table_open(&table->reader, &view, err);
    if (r < 0)
        return r;
    WireTableView *first = NULL;
    if (!atomic_compare_exchange_strong_explicit(&table->view, &first, view, memory_order_acq_rel,
                                                 memory_order_acquire)) {
        wire_table_close(view); // another thread was quicker
        view = first;
    }
    *ret = view;
    return 0;
}

static const SubjectPlan *subject_of(const EtwEvent *event) {
    const EventTable *table = event->table;
    for (uint32_t i = 0; i < table->n_types; i++)
        if (table->types[i].schema == event->schema)
            return &table->types[i].subject;
    return NULL;
}

int32_t event_view(const EtwEvent *event, EnrichedView *ret, StackView *ret_stack, Err *err) {
    WireTableView *table = NULL;
    WireRecord record;
    *ret = (EnrichedView){.pid = UINT32_MAX, .tid = UINT32_MAX};
    int r = table_view(event->table, &table, err);
    if (r == 0)
        r = wire_record_get(event->wire, event->wire_bytes, &record, err);
    if (r == 0)
        r = wire_table_record(table, &record, ret, ret_stack, err);
    if (r < 0)
        return -r;
    const SubjectPlan *plan = subject_of(event);
    if (plan) {
        Subject subject;
        subject_read(plan, &event->record, &subject);
        ret->tid = subject.tid;
        if (!ret->chains[CHAIN_PROCESS].process)
            ret->pid = subject.pid;
    }
    return ETW_STATUS_OK;
}

void event_forget_composed(EtwEvent *event) {
    while (event->composed) {
        Composed *next = event->composed->next;
        mem_free(event->composed);
        event->composed = next;
    }
}

// ---- Values ----

// A composed text is kept with the event, so that it lives as long as the event does.
static int32_t keep(const EtwEvent *event, EnrichedField field, Value *v) {
    EtwEvent *e = (EtwEvent *)(uintptr_t)event;
    Composed *c = e->composed;
    while (c && c->field != field)
        c = c->next;
    if (!c) {
        c = mem_alloc(sizeof *c + v->bytes + 1u);
        if (!c)
            return ETW_STATUS_NO_MEMORY;
        *c = (Composed){.next = e->composed, .field = field, .bytes = v->bytes};
        memcpy(c->text, v->data, v->bytes);
        c->text[v->bytes] = 0;
        e->composed = c;
        atomic_store_explicit(&e->table->composed, true, memory_order_relaxed);
    }
    v->data = (const uint8_t *)c->text;
    v->bytes = c->bytes;
    return ETW_STATUS_OK;
}

static bool points_into(const Buf *buf, const uint8_t *data) {
    return buf->data && data >= buf->data && data <= buf->data + buf->bytes;
}

static int32_t value_of(const EtwEvent *event, const EnrichedView *view, EnrichedField field,
                        EtwValue *value) {
    Buf scratch = BUF_INIT;
    Value v;
    int32_t status = ETW_STATUS_NOT_FOUND;
    if (enriched_value(view, &event->record, event->schema, field, &scratch, &v))
        status = points_into(&scratch, v.data) ? keep(event, field, &v) : ETW_STATUS_OK;
    else if (scratch.failed)
        status = ETW_STATUS_NO_MEMORY;
    buf_deinit(&scratch);
    if (status == ETW_STATUS_OK) {
        value_out(&v, value);
        value->name = enriched_field_name(field); // of a derived one the field may be the payload's
    }
    return status;
}

static int32_t view_for_caller(const EtwEvent *event, EnrichedView *view, StackView *stack) {
    return event->table->plain ? ETW_STATUS_NOT_FOUND : event_view(event, view, stack, NULL);
}

// Steps to the next field that the event has; ENRICHED_NONE behind the last one.
static EnrichedField next_field(const EtwEvent *event, const EnrichedView *view, Buf *scratch,
                                EnrichedField field) {
    Value v;
    for (int i = (int)field + 1; i < ENRICHED_N; i++) {
        buf_clear(scratch);
        if (enriched_value(view, &event->record, event->schema, (EnrichedField)i, scratch, &v))
            return (EnrichedField)i;
    }
    return ENRICHED_NONE;
}

uint32_t etw_enriched_count(const EtwEvent *event) {
    EnrichedView view;
    StackView stack;
    if (!event || view_for_caller(event, &view, &stack) != ETW_STATUS_OK)
        return 0;
    Buf scratch = BUF_INIT;
    uint32_t n = 0;
    EnrichedField field = ENRICHED_NONE;
    while ((field = next_field(event, &view, &scratch, field)) != ENRICHED_NONE)
        n++;
    buf_deinit(&scratch);
    return n;
}

int32_t etw_enriched_at(const EtwEvent *event, uint32_t index, EtwValue *value) {
    EnrichedView view;
    StackView stack;
    if (!event || !value || !struct_ok(value->struct_size, sizeof *value))
        return ETW_STATUS_INVALID_ARGUMENT;
    int32_t status = view_for_caller(event, &view, &stack);
    if (status != ETW_STATUS_OK)
        return status;
    Buf scratch = BUF_INIT;
    EnrichedField field = next_field(event, &view, &scratch, ENRICHED_NONE);
    for (; index > 0 && field != ENRICHED_NONE; index--)
        field = next_field(event, &view, &scratch, field);
    buf_deinit(&scratch);
    return field == ENRICHED_NONE ? ETW_STATUS_NOT_FOUND : value_of(event, &view, field, value);
}

int32_t etw_enriched(const EtwEvent *event, const char *name, EtwValue *value) {
    EnrichedView view;
    StackView stack;
    if (!event || !name || !value || !struct_ok(value->struct_size, sizeof *value))
        return ETW_STATUS_INVALID_ARGUMENT;
    EnrichedField field = enriched_field_find(name);
    if (field == ENRICHED_NONE)
        return ETW_STATUS_NOT_FOUND;
    int32_t status = view_for_caller(event, &view, &stack);
    return status == ETW_STATUS_OK ? value_of(event, &view, field, value) : status;
}

const char *etw_enriched_provenance(const EtwEvent *event, const char *name) {
    EnrichedView view;
    StackView stack;
    if (!event || !name || view_for_caller(event, &view, &stack) != ETW_STATUS_OK)
        return "";
    return provenance_name(enriched_provenance(&view, enriched_field_find(name)));
}

// ---- Processes ----

int32_t etw_process(const EtwEvent *event, EtwProcessRole role, uint32_t index,
                    EtwProcess *process) {
    EnrichedView view;
    StackView stack;
    if (!event || !process || !struct_ok(process->struct_size, sizeof *process) ||
        (unsigned)role >= CHAIN_N)
        return ETW_STATUS_INVALID_ARGUMENT;
    int32_t status = view_for_caller(event, &view, &stack);
    if (status != ETW_STATUS_OK)
        return status;
    const ProcessChain *chain = &view.chains[role];
    if (!chain->process || index > chain->n_ancestors)
        return ETW_STATUS_NOT_FOUND;
    const ProcessView *p = index == 0 ? chain->process : chain->ancestors[index - 1];
    *process = (EtwProcess){
        .struct_size = process->struct_size,
        .process_id = p->pid,
        .parent_process_id = p->parent_pid,
        .session_id = p->session,
        .flags = p->flags,
        .provenance = p->provenance,
        .start_key = p->start_key,
        .start_time = p->start_time,
        .name = p->name,
        .path = p->path,
        .command_line = p->command_line,
        .user = p->user,
        .sid = p->sid,
        .sid_bytes = p->sid_bytes,
    };
    return ETW_STATUS_OK;
}

// ---- Frames ----

#define FRAME_FIRST_BYTES offsetof(EtwFrame, module_base) // struct_size of the first version

static int32_t frame_of_items(const EtwEvent *event, uint32_t index, EtwFrame *ret) {
    EventItem item;
    uint32_t width = 8;
    if (!event_item_find(&event->record, EVENT_ITEM_STACK64, &item)) {
        width = 4;
        if (!event_item_find(&event->record, EVENT_ITEM_STACK32, &item))
            return ETW_STATUS_NOT_FOUND;
    }
    // u64 MatchId, then addresses (etl-format C).
    if (item.bytes < 8 || index >= (item.bytes - 8u) / width)
        return ETW_STATUS_NOT_FOUND;
    const uint8_t *at = item.data + 8 + (size_t)index * width;
    ret->address = width == 8 ? load_u64(at) : load_u32(at);
    ret->flags = width == 8 ? ret->address >= UINT64_C(0xFFFF800000000000)
                            : ret->address >= UINT64_C(0x80000000);
    return ETW_STATUS_OK;
}

static void frame_of_view(const FrameView *frame, EtwFrame *ret) {
    const ModuleView *m = frame->module;
    ret->flags = frame->flags & FRAME_KERNEL;
    ret->address = frame->address;
    ret->offset = frame->offset;
    if (!m)
        return;
    ret->module = m->path;
    ret->module_base = m->base;
    ret->module_size = m->size;
    ret->time_stamp = m->timestamp;
    ret->checksum = m->checksum;
    ret->pdb_age = m->pdb_age;
    ret->provenance = m->provenance;
    memcpy(ret->pdb_guid.bytes, m->pdb_guid.b, sizeof ret->pdb_guid.bytes);
    ret->pdb_name = m->pdb_name;
}

int32_t etw_frame(const EtwEvent *event, uint32_t index, EtwFrame *frame) {
    if (!event || !frame || !struct_ok(frame->struct_size, FRAME_FIRST_BYTES))
        return ETW_STATUS_INVALID_ARGUMENT;
    uint32_t size = frame->struct_size;
    EtwFrame f = {.struct_size = size, .module = "", .pdb_name = ""};
    EnrichedView view = {.stack = NULL};
    StackView stack;
    int32_t status = view_for_caller(event, &view, &stack);
    if (status != ETW_STATUS_OK && status != ETW_STATUS_NOT_FOUND)
        return status;
    if (status == ETW_STATUS_OK && view.stack && view.stack->n > 0) {
        if (index >= view.stack->n)
            return ETW_STATUS_NOT_FOUND;
        frame_of_view(&view.stack->frames[index], &f);
    } else {
        status = frame_of_items(event, index, &f);
        if (status != ETW_STATUS_OK)
            return status;
    }
    // Only what the caller knows of.
    memcpy(frame, &f, size < sizeof f ? FRAME_FIRST_BYTES : sizeof f);
    return ETW_STATUS_OK;
}
