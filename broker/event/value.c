// Payloads and the values in them: the public face of reading (value_read.h does the work).
#include "event/value_read.h"

// ---- Payloads ----

void payload_open(Payload *p, const Schema *schema, const EventRecord *record, FieldSlice *slices) {
    *p = (Payload){
        .schema = schema,
        .data = record->payload,
        .bytes = record->payload_bytes,
        .pointer_size = event_pointer_size(record),
        .budget = PAYLOAD_BUDGET,
        .slices = slices,
    };
}

bool payload_next(Payload *p, Value *ret) {
    uint32_t i = p->n_slices;
    if (i >= p->schema->n_top)
        return false;
    Walk w = {p, p->budget, false};
    Scope top = {0, 0, NULL};
    bool there = false;
    if (p->truncated || p->ended)
        *ret = (Value){.pointer_size = p->pointer_size,
                       .schema = p->schema,
                       .field = &p->schema->fields[i],
                       .end = p->consumed};
    else
        there = value_read_field(&w, &top, i, p->consumed, ret);
    if (p->slices)
        p->slices[i] = (FieldSlice){
            .offset = p->consumed,
            .bytes = ret->end - p->consumed,
            .n_elements = ret->kind == VALUE_ARRAY ? ret->n_elements
                          : there                  ? 1
                                                   : 0,
            .present = there,
        };
    p->ended = !there;
    p->n_slices++;
    p->consumed = ret->end;
    p->budget = w.budget;
    p->truncated = p->truncated || w.stopped;
    return true;
}

uint32_t payload_scan(Payload *p) {
    Value v;
    while (payload_next(p, &v))
        ;
    return p->consumed;
}

Value payload_value(Payload *p, uint16_t i) {
    Value v = {.pointer_size = p->pointer_size, .schema = p->schema};
    if (i >= p->schema->n_top)
        return v;
    const SchemaField *f = &p->schema->fields[i];
    v.field = f;
    uint32_t at;
    int32_t offset = value_offset(f, p->pointer_size);
    if (offset >= 0) {
        if ((uint32_t)offset > p->bytes)
            return v;
        at = (uint32_t)offset;
    } else if (p->slices) {
        if (i >= p->n_slices) {
            while (p->n_slices <= i)
                payload_next(p, &v);
            return v;
        }
        if (!p->slices[i].present)
            return v;
        at = p->slices[i].offset;
    } else {
        Walk find = {p, PAYLOAD_BUDGET, false};
        Scope top = {0, 0, NULL};
        if (!value_find(&find, &top, i, &at))
            return v;
    }
    Walk w = {p, PAYLOAD_BUDGET, false};
    Scope top = {0, 0, NULL};
    value_read_field(&w, &top, i, at, &v);
    return v;
}

// ---- Elements and members ----

static Value no_value(const Payload *p, const SchemaField *f, uint32_t at) {
    return (Value){.pointer_size = p->pointer_size, .schema = p->schema, .field = f, .end = at};
}

bool value_first(const Payload *p, const Value *parent, ValueIter *it, Value *ret) {
    *it = (ValueIter){.parent = parent, .budget = PAYLOAD_BUDGET};
    it->at = parent->data ? (uint32_t)(parent->data - p->data) : 0;
    return value_next(p, it, ret);
}

bool value_next(const Payload *p, ValueIter *it, Value *ret) {
    const Value *parent = it->parent;
    const SchemaField *f = parent->field;
    Walk w = {p, it->budget, false};
    if (parent->kind == VALUE_ARRAY) {
        if (it->i >= parent->n_elements)
            return false;
        *ret = no_value(p, f, it->at);
        if (!value_read_one(&w, parent->u64, it->at, ret))
            return false;
    } else if (parent->kind == VALUE_STRUCT) {
        if (it->i >= f->n_members || it->budget == 0)
            return false;
        Scope scope = {(uint32_t)(parent->data - p->data), f->first_member, &it->memo};
        uint32_t member = f->first_member + it->i;
        // A member behind the end is given as absent: its name is part of the structure.
        if (it->ended)
            *ret = no_value(p, &p->schema->fields[member], it->at);
        else
            it->ended = !value_read_field(&w, &scope, member, it->at, ret) || w.stopped;
    } else {
        return false;
    }
    it->at = ret->end;
    it->i++;
    it->budget = w.budget;
    return true;
}

Value value_element(const Payload *p, const Value *array, uint32_t i) {
    Value v = no_value(p, array->field, 0);
    if (array->kind != VALUE_ARRAY || i >= array->n_elements)
        return v;
    uint32_t start = (uint32_t)(array->data - p->data);
    int64_t size = value_element_bytes(p->schema, array->field, p->pointer_size);
    if (size >= 0) {
        Walk w = {p, PAYLOAD_BUDGET, false};
        v.end = start + i * (uint32_t)size;
        value_read_one(&w, array->u64, v.end, &v);
        return v;
    }
    ValueIter it;
    bool more = value_first(p, array, &it, &v);
    for (; more; more = value_next(p, &it, &v))
        if (it.i == i + 1)
            return v;
    return no_value(p, array->field, 0);
}

Value value_member(const Payload *p, const Value *structure, uint16_t i) {
    if (structure->kind != VALUE_STRUCT || i >= structure->field->n_members)
        return no_value(p, structure->field, 0);
    const SchemaField *f = structure->field;
    ValueMemo memo = {0, {0}, {0}};
    Scope scope = {(uint32_t)(structure->data - p->data), f->first_member, &memo};
    Walk w = {p, PAYLOAD_BUDGET, false};
    uint32_t at;
    Value v = no_value(p, &p->schema->fields[f->first_member + i], 0);
    if (value_find(&w, &scope, f->first_member + i, &at))
        value_read_field(&w, &scope, f->first_member + i, at, &v);
    return v;
}
