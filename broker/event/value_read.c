// Extents: how long fields, elements and structures are, and what counts and lengths refer to.
//
// A character array is one string, never an array: nobody wants "C:" as a list of numbers.
#include "event/value_read.h"

// ---- Sizes ----

static int64_t capped(int64_t bytes) {
    return bytes > INT32_MAX ? -1 : bytes;
}

static int64_t field_bytes(const Schema *s, const SchemaField *f, uint8_t pointer_size) {
    int64_t one = value_element_bytes(s, f, pointer_size);
    if (one < 0)
        return -1;
    if (f->count_kind == EXTENT_FIXED)
        one *= f->count;
    else if (f->count_kind != EXTENT_ONE)
        return -1;
    return capped(one + ((f->flags & FIELD_PAD3) ? 3 : 0));
}

static int64_t struct_bytes(const Schema *s, const SchemaField *f, uint8_t pointer_size) {
    if (f->n_members == 0)
        return 0;
    // The last member's offset is known exactly when everything before it is fixed.
    const SchemaField *last = &s->fields[f->first_member + f->n_members - 1];
    int32_t offset = value_offset(last, pointer_size);
    int64_t bytes = offset < 0 ? -1 : field_bytes(s, last, pointer_size);
    return bytes < 0 ? -1 : capped(offset + bytes);
}

int64_t value_element_bytes(const Schema *s, const SchemaField *f, uint8_t pointer_size) {
    return f->in_type == IN_STRUCT ? struct_bytes(s, f, pointer_size)
                                   : schema_type_bytes(f, pointer_size);
}

// ---- References ----

static void remember(const Scope *s, uint32_t i, uint64_t value) {
    ValueMemo *m = s->memo;
    if (!m)
        return;
    m->field[m->next & 3] = (uint16_t)(i + 1);
    m->value[m->next & 3] = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    m->next++;
}

bool value_find(Walk *w, const Scope *s, uint32_t i, uint32_t *ret_at) {
    const Payload *p = w->p;
    int32_t offset = value_offset(&p->schema->fields[i], p->pointer_size);
    uint32_t at = s->start;
    if (offset >= 0) {
        if ((uint32_t)offset > p->bytes - at)
            return false;
        *ret_at = at + (uint32_t)offset;
        return true;
    }
    if (s->first == 0 && p->slices && i < p->n_slices) {
        *ret_at = p->slices[i].offset;
        return p->slices[i].present != 0;
    }
    Scope walk = {s->start, s->first, NULL};
    for (uint32_t j = s->first; j < i; j++) {
        Value v;
        if (!value_read_field(w, &walk, j, at, &v) || w->stopped)
            return false;
        at = v.end;
    }
    *ret_at = at;
    return true;
}

// The integer that field i of the scope holds; 0 when it is absent or none. Negative counts become
// huge ones and are cut by the payload like any other lie.
static uint64_t refer(Walk *w, const Scope *s, uint32_t i) {
    if (s->memo) {
        for (int m = 0; m < 4; m++)
            if (s->memo->field[m] == i + 1)
                return s->memo->value[m];
    }
    const Payload *p = w->p;
    const SchemaField *f = &p->schema->fields[i];
    int64_t bytes = value_element_bytes(p->schema, f, p->pointer_size);
    uint32_t at;
    if (!value_find(w, s, i, &at) || bytes <= 0 || bytes > p->bytes - at)
        return 0;
    switch (bytes) {
    case 1:
        return p->data[at];
    case 2:
        return load_u16(p->data + at);
    case 4:
        return load_u32(p->data + at);
    case 8:
        return load_u64(p->data + at);
    default:
        return 0;
    }
}

// ---- One element, a structure, an array, a field ----

static bool read_struct(Walk *w, uint32_t at, Value *v) {
    const SchemaField *f = v->field;
    const Payload *p = w->p;
    uint32_t start = at;
    int64_t bytes = struct_bytes(p->schema, f, p->pointer_size);
    v->kind = VALUE_STRUCT;
    v->data = p->data + at;
    if (bytes >= 0 && bytes <= p->bytes - at) {
        at += (uint32_t)bytes;
    } else {
        ValueMemo memo = {0, {0}, {0}};
        Scope scope = {at, f->first_member, &memo};
        for (uint32_t m = 0; m < f->n_members && !w->stopped; m++) {
            Value member;
            if (!value_read_field(w, &scope, f->first_member + m, at, &member))
                break;
            at = member.end;
        }
        if (at == start && at == p->bytes)
            return false; // nothing of it is there
    }
    v->bytes = at - start;
    v->end = at;
    return true;
}

bool value_read_one(Walk *w, uint64_t length, uint32_t at, Value *v) {
    if (w->budget == 0) {
        w->stopped = true;
        return false;
    }
    w->budget--;
    return v->field->in_type == IN_STRUCT ? read_struct(w, at, v)
                                          : value_read_typed(w, length, at, v);
}

static bool is_character(const SchemaField *f) {
    return f->in_type == IN_UTF16_CHAR || f->in_type == IN_ANSI_CHAR ||
           (f->out_type == OUT_STRING &&
            (f->in_type == IN_U16 || f->in_type == IN_U8 || f->in_type == IN_I8));
}

static bool read_array(Walk *w, const Scope *s, uint64_t length, uint32_t at, Value *v) {
    const Payload *p = w->p;
    const SchemaField *f = v->field;
    uint64_t count = 0;
    uint32_t prefix;
    switch (f->count_kind) {
    case EXTENT_FIXED:
        count = f->count;
        break;
    case EXTENT_FIELD:
        count = refer(w, s, f->count);
        break;
    case EXTENT_PREFIX16:
        if (!value_read_prefix(w, &at, 2, false, &prefix))
            return false;
        count = prefix;
        break;
    default: // EXTENT_REST
        count = UINT32_MAX;
        break;
    }
    bool rest = f->count_kind == EXTENT_REST;
    uint32_t start = at, n = 0;
    int64_t size = value_element_bytes(p->schema, f, p->pointer_size);
    if (size > 0) {
        uint32_t fit = (p->bytes - at) / (uint32_t)size;
        n = count < fit ? (uint32_t)count : fit;
        at += n * (uint32_t)size;
    } else if (size == 0) {
        // No bytes, so the payload sets no bound.
        n = rest ? 0 : (uint32_t)MIN_OF(count, (uint64_t)w->budget);
        w->budget -= n;
    } else {
        while (n < count && !(rest && at == p->bytes)) {
            Value element = {.pointer_size = p->pointer_size, .schema = p->schema, .field = f};
            if (!value_read_one(w, length, at, &element))
                break;
            at = element.end;
            n++;
            if (w->stopped)
                break;
        }
    }
    if (n < count && !rest) {
        if (n == 0 && start == p->bytes && f->count_kind != EXTENT_PREFIX16)
            return false; // nothing of it is there
        w->stopped = true;
    }
    v->data = p->data + start;
    v->bytes = at - start;
    v->n_elements = n;
    v->end = at;
    if (is_character(f)) {
        value_set_text(v, size == 2, v->data, v->bytes, f->count_kind == EXTENT_FIXED);
    } else {
        v->kind = VALUE_ARRAY;
        v->u64 = length;
    }
    return true;
}

bool value_read_field(Walk *w, const Scope *s, uint32_t i, uint32_t at, Value *v) {
    const Payload *p = w->p;
    const SchemaField *f = &p->schema->fields[i];
    *v = (Value){.pointer_size = p->pointer_size, .schema = p->schema, .field = f, .end = at};
    uint64_t length = f->length_kind == EXTENT_FIELD ? refer(w, s, f->length) : f->length;
    bool there = f->count_kind == EXTENT_ONE ? value_read_one(w, length, at, v)
                                             : read_array(w, s, length, at, v);
    if (!there) {
        v->kind = VALUE_NONE;
        v->end = at;
        return false;
    }
    if (f->flags & FIELD_PAD3)
        v->end += MIN_OF(3u, p->bytes - v->end);
    if (s->memo && (v->kind == VALUE_U64 || v->kind == VALUE_I64 || v->kind == VALUE_BOOL)) {
        // As refer() would read it: zero-extended to its width, ports as they stand.
        uint64_t raw = v->u64;
        if (v->kind == VALUE_I64 && v->bytes < 8)
            raw &= (UINT64_C(1) << (8 * v->bytes)) - 1;
        if (f->out_type != OUT_PORT)
            remember(s, i, raw);
    }
    return true;
}
