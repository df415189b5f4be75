#include <assert.h>

#include "client/lib/internal.h"
#include "util/mem.h"

static_assert((int)ETW_VALUE_ARRAY == (int)VALUE_ARRAY,
              "the public kinds are those of event/value.h");
static_assert(sizeof(((EtwValue *)0)->internal) >= sizeof(Value),
              "a value must fit its public form");
static_assert((int)ETW_STATUS_INTERNAL == (int)STATUS_INTERNAL,
              "the public statuses are those of status.def");

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

static void value_out(const Value *in, EtwValue *out) {
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
        .bytes = in->bytes,
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

int32_t etw_event_text(const EtwEvent *event, EtwTextKind kind, char *buf, size_t cap,
                       size_t *need) {
    if (!event || (!buf && cap > 0))
        return ETW_STATUS_INVALID_ARGUMENT;
    Buf text = BUF_INIT;
    int32_t status = ETW_STATUS_OK;
    switch (kind) {
    case ETW_TEXT_JSON:
        event_json(&text, &event->record, event->schema, 0, NULL);
        break;
    case ETW_TEXT_SUMMARY:
        event_summary(&text, &event->record, event->schema, 4096);
        break;
    case ETW_TEXT_MESSAGE:
        if (!event_message(&text, &event->record, event->schema))
            status = ETW_STATUS_NOT_FOUND;
        break;
    case ETW_TEXT_LABEL:
        event_label(&text, &event->record, event->schema);
        break;
    default:
        status = ETW_STATUS_INVALID_ARGUMENT;
    }
    if (status == ETW_STATUS_OK)
        status = text.failed ? ETW_STATUS_NO_MEMORY
                             : text_out(buf_str(&text), text.bytes, buf, cap, need);
    buf_deinit(&text);
    return status;
}

int32_t etw_event_copy(const EtwEvent *event, EtwEvent **copy) {
    if (!event || !copy)
        return ETW_STATUS_INVALID_ARGUMENT;
    const EventRecord *r = &event->record;
    EtwEvent *c = mem_alloc(sizeof *c + r->ext_bytes + r->payload_bytes);
    if (!c)
        return ETW_STATUS_NO_MEMORY;
    uint8_t *data = (uint8_t *)(c + 1);
    c->record = *r;
    c->schema = schema_ref((Schema *)(uintptr_t)event->schema);
    if (r->ext_bytes)
        memcpy(data, r->ext, r->ext_bytes);
    if (r->payload_bytes)
        memcpy(data + r->ext_bytes, r->payload, r->payload_bytes);
    c->record.ext = data;
    c->record.payload = data + r->ext_bytes;
    *copy = c;
    return ETW_STATUS_OK;
}

void etw_event_free(EtwEvent *copy) {
    if (copy) {
        schema_unref((Schema *)(uintptr_t)copy->schema);
        mem_free(copy);
    }
}

int32_t etw_frame(const EtwEvent *event, uint32_t index, EtwFrame *frame) {
    if (!event || !frame || !struct_ok(frame->struct_size, sizeof *frame))
        return ETW_STATUS_INVALID_ARGUMENT;
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
    uint64_t address = width == 8 ? load_u64(at) : load_u32(at);
    bool kernel = width == 8 ? address >= UINT64_C(0xFFFF800000000000) : address >= 0x80000000u;
    *frame = (EtwFrame){
        .struct_size = frame->struct_size, .flags = kernel, .address = address, .module = ""};
    return ETW_STATUS_OK;
}
