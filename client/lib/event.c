#include <assert.h>

#include "client/lib/internal.h"
#include "client/lib/symbols.h"
#include "util/mem.h"

static_assert((int)ETW_VALUE_ARRAY == (int)VALUE_ARRAY,
              "the public kinds are those of event/value.h");
static_assert(sizeof(((EtwValue *)0)->internal) >= sizeof(Value),
              "a value must fit its public form");
static_assert((int)ETW_STATUS_INTERNAL == (int)STATUS_INTERNAL,
              "the public statuses are those of status.def");

#define SUMMARY_BYTES 4096

int32_t etw_event_header(const EtwEvent *event, EtwHeader *header) {
    if (!event || !header || !struct_ok(header->struct_size, sizeof *header))
        return ETW_STATUS_INVALID_ARGUMENT;
    const EventRecord *r = &event->record;
    EventItem item;
    uint32_t size = header->struct_size;
    *header = (EtwHeader){
        .struct_size = size,
        .process_id = r->pid,
        .thread_id = r->tid,
        .processor = r->cpu,
        .pointer_size = event_pointer_size(r),
        .decodable = event->schema->undecodable == DECODABLE,
        .time = r->time,
        .id = r->desc.id,
        .task = r->desc.task,
        .version = r->desc.version,
        .channel = r->desc.channel,
        .level = r->desc.level,
        .opcode = r->desc.opcode,
        .keyword = r->desc.keyword,
        .has_activity = (r->flags & EVENT_HAS_ACTIVITY) != 0,
        .classic = (r->flags & EVENT_CLASSIC) != 0,
        .tracelogging = (r->flags & EVENT_TRACELOGGING) != 0,
        .payload_bytes = r->payload_bytes,
        .payload = r->payload,
    };
    memcpy(header->provider.bytes, r->provider.b, sizeof header->provider.bytes);
    memcpy(header->activity.bytes, r->activity.b, sizeof header->activity.bytes);
    if (event_item_find(r, EVENT_ITEM_RELATED_ACTIVITY, &item) && item.bytes == sizeof(Guid)) {
        header->has_related_activity = 1;
        memcpy(header->related_activity.bytes, item.data, sizeof(Guid));
    }
    return ETW_STATUS_OK;
}

int32_t etw_schema(const EtwEvent *event, EtwSchemaInfo *info) {
    if (!event || !info || !struct_ok(info->struct_size, sizeof *info))
        return ETW_STATUS_INVALID_ARGUMENT;
    const Schema *s = event->schema;
    *info = (EtwSchemaInfo){
        .struct_size = info->struct_size,
        .field_count = s->n_top,
        .provider_name = s->provider_name,
        .event_name = s->event_name,
        .task_name = s->task_name,
        .opcode_name = s->opcode_name,
        .level_name = s->level_name,
        .channel_name = s->channel_name,
        .keyword_names = s->keyword_names,
        .message = s->message,
        .source = schema_source_name(s->source),
        .undecodable = undecodable_text(s->undecodable),
    };
    return ETW_STATUS_OK;
}

uint32_t etw_field_count(const EtwEvent *event) {
    return event ? event->schema->n_top : 0;
}

void value_out(const Value *in, EtwValue *out) {
    uint32_t size = out->struct_size;
    const SchemaField *field = in->field;
    uint32_t count = 0;
    if (in->kind == VALUE_ARRAY)
        count = in->n_elements;
    else if (in->kind == VALUE_STRUCT && field)
        count = field->n_members;
    *out = (EtwValue){
        .struct_size = size,
        .kind = in->kind,
        .name = field ? field->name : "",
        .data = in->data,
        .bytes = in->data ? in->bytes : 0, // a number of the enrichment has no bytes to show
        .count = count,
        .in_type = field ? field->in_type : 0,
        .out_type = field ? field->out_type : 0,
    };
    out->v.u64 = in->u64;
    memcpy(out->internal, in, sizeof *in);
}

int32_t etw_field_at(const EtwEvent *event, uint32_t index, EtwValue *value) {
    if (!event || !value || !struct_ok(value->struct_size, sizeof *value))
        return ETW_STATUS_INVALID_ARGUMENT;
    if (index >= event->schema->n_top)
        return ETW_STATUS_NOT_FOUND;
    // Nothing is kept between calls, so that threads need no lock; most fields lie at fixed
    // offsets.
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    Payload payload;
    payload_open(&payload, event->schema, &event->record, slices);
    Value v = payload_value(&payload, (uint16_t)index);
    value_out(&v, value);
    if (v.kind == VALUE_NONE)
        value->name = event->schema->fields[index].name;
    return ETW_STATUS_OK;
}

int32_t etw_field(const EtwEvent *event, const char *name, EtwValue *value) {
    if (!event || !name)
        return ETW_STATUS_INVALID_ARGUMENT;
    int index = schema_field_index(event->schema, name);
    return index < 0 ? ETW_STATUS_NOT_FOUND : etw_field_at(event, (uint32_t)index, value);
}

int32_t etw_value_at(const EtwEvent *event, const EtwValue *value, uint32_t index,
                     EtwValue *element) {
    if (!event || !value || !element || !struct_ok(value->struct_size, sizeof *value) ||
        !struct_ok(element->struct_size, sizeof *element))
        return ETW_STATUS_INVALID_ARGUMENT;
    if (value->kind != ETW_VALUE_ARRAY && value->kind != ETW_VALUE_STRUCT)
        return ETW_STATUS_TYPE;
    if (index >= value->count)
        return ETW_STATUS_NOT_FOUND;
    Value parent;
    Payload payload;
    memcpy(&parent, value->internal, sizeof parent);
    payload_open(&payload, event->schema, &event->record, NULL);
    Value v = parent.kind == VALUE_ARRAY ? value_element(&payload, &parent, index)
                                         : value_member(&payload, &parent, (uint16_t)index);
    value_out(&v, element);
    return ETW_STATUS_OK;
}

int32_t etw_value_text(const EtwEvent *event, const EtwValue *value, char *buf, size_t cap,
                       size_t *need) {
    if (!event || !value || !struct_ok(value->struct_size, sizeof *value) || (!buf && cap > 0))
        return ETW_STATUS_INVALID_ARGUMENT;
    Value v;
    Payload payload;
    Buf text = BUF_INIT;
    memcpy(&v, value->internal, sizeof v);
    payload_open(&payload, event->schema, &event->record, NULL);
    if (value->kind != ETW_VALUE_NONE)
        value_text(&text, &payload, &v, 0);
    int32_t status =
        text.failed ? ETW_STATUS_NO_MEMORY : text_out(buf_str(&text), text.bytes, buf, cap, need);
    buf_deinit(&text);
    return status;
}

static int32_t write_text(const EtwEvent *event, EtwTextKind kind, EtwSymbols *symbols, Buf *out) {
    EnrichedView view;
    StackView stack;
    bool enriched = !event->table->plain && (kind == ETW_TEXT_JSON || kind == ETW_TEXT_SUMMARY);
    int32_t status = enriched ? event_view(event, &view, &stack, NULL) : ETW_STATUS_OK;
    if (status != ETW_STATUS_OK)
        return status;
    Buf tail = BUF_INIT;
    switch (kind) {
    case ETW_TEXT_JSON:
        if (enriched)
            enriched_json(&tail, &view, &event->record, event->schema,
                          symbols ? symbols_frame_text : NULL, symbols);
        event_json(out, &event->record, event->schema, 0, buf_str(&tail));
        out->failed |= tail.failed;
        break;
    case ETW_TEXT_SUMMARY:
        if (enriched)
            enriched_summary(out, &view, &event->record, event->schema, SUMMARY_BYTES);
        else
            event_summary(out, &event->record, event->schema, SUMMARY_BYTES);
        break;
    case ETW_TEXT_MESSAGE:
        if (!event_message(out, &event->record, event->schema))
            status = ETW_STATUS_NOT_FOUND;
        break;
    case ETW_TEXT_LABEL:
        event_label(out, &event->record, event->schema);
        break;
    default:
        status = ETW_STATUS_INVALID_ARGUMENT;
    }
    buf_deinit(&tail);
    return status;
}

static int32_t give_text(const EtwEvent *event, EtwTextKind kind, EtwSymbols *symbols, char *buf,
                         size_t cap, size_t *need) {
    if (!event || (!buf && cap > 0))
        return ETW_STATUS_INVALID_ARGUMENT;
    Buf text = BUF_INIT;
    int32_t status = write_text(event, kind, symbols, &text);
    if (status == ETW_STATUS_OK)
        status = text.failed ? ETW_STATUS_NO_MEMORY
                             : text_out(buf_str(&text), text.bytes, buf, cap, need);
    buf_deinit(&text);
    return status;
}

int32_t etw_event_text(const EtwEvent *event, EtwTextKind kind, char *buf, size_t cap,
                       size_t *need) {
    return give_text(event, kind, NULL, buf, cap, need);
}

int32_t etw_event_json(const EtwEvent *event, EtwSymbols *symbols, char *buf, size_t cap,
                       size_t *need) {
    return give_text(event, ETW_TEXT_JSON, symbols, buf, cap, need);
}

// A copy is a batch of one: its record as it came, with a table of what it refers to.
typedef struct EventCopy {
    EtwEvent event; // first
    EventTable table;
    BatchType type;
    uint8_t *entries; // of the table
    // Behind: the record.
} EventCopy;

// The entries that the copied record refers to, in a table of its own.
static int32_t copy_table(const EtwEvent *event, EventCopy *c, uint8_t *record) {
    EnrichedView view;
    StackView stack;
    Err err = ERR_INIT;
    int32_t status = event_view(event, &view, &stack, &err);
    if (status != ETW_STATUS_OK)
        return status;
    WireTable table;
    wire_table_init(&table);
    int r = wire_table_extract(atomic_load(&event->table->view), record, &table);
    if (r == WIRE_TABLE_FULL) // a sealed table is never so large
        r = -STATUS_PROTOCOL;
    if (r == 0 && table.n > 0) {
        c->entries = mem_dup(table.bytes.data, table.bytes.bytes);
        c->table.reader.table = c->entries;
        c->table.reader.table_bytes = (uint32_t)table.bytes.bytes;
        c->table.reader.n_table = table.n;
        if (!c->entries)
            r = -STATUS_NO_MEMORY;
    }
    wire_table_deinit(&table);
    return -r;
}

int32_t etw_event_copy(const EtwEvent *event, EtwEvent **copy) {
    if (!event || !copy)
        return ETW_STATUS_INVALID_ARGUMENT;
    size_t head = ALIGN8(sizeof(EventCopy));
    EventCopy *c = mem_alloc(head + event->wire_bytes);
    if (!c)
        return ETW_STATUS_NO_MEMORY;
    memset(c, 0, sizeof *c);
    uint8_t *record = (uint8_t *)c + head;
    memcpy(record, event->wire, event->wire_bytes);
    int32_t status = event->table->plain ? ETW_STATUS_OK : copy_table(event, c, record);
    if (status != ETW_STATUS_OK) {
        mem_free(c);
        return status;
    }
    c->type.schema = schema_ref((Schema *)(uintptr_t)event->schema);
    c->type.subject = subject_plan(event->schema);
    c->table.plain = event->table->plain;
    c->table.types = &c->type;
    c->table.n_types = 1;
    c->event = *event;
    c->event.table = &c->table;
    c->event.wire = record;
    c->event.composed = NULL;
    c->event.record.ext = record + (event->record.ext - event->wire);
    c->event.record.payload = record + (event->record.payload - event->wire);
    *copy = &c->event;
    return ETW_STATUS_OK;
}

void etw_event_free(EtwEvent *copy) {
    if (!copy)
        return;
    EventCopy *c = (EventCopy *)(void *)copy;
    event_forget_composed(copy);
    wire_table_close(atomic_load(&c->table.view));
    schema_unref(c->type.schema);
    mem_free(c->entries);
    mem_free(c);
}
