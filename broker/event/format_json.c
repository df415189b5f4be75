// Values and payloads as JSON.
//
// The hot path of dump and of every consumer that wants JSON: one pass over the payload, no
// allocation but the output's, no printf. Names that stand twice in one scope get "#2", "#3": found
// by hash, so that a schema of a thousand equal names costs no more than one of different ones.
#include "event/format_json.h"

#include "event/format_scalar.h"
#include "event/put.h"

// The largest integers that every JSON reader keeps.
#define JSON_EXACT (INT64_C(1) << 53)

typedef struct JsonOut {
    Buf *out;
    Payload *p;
    uint32_t options;
    uint32_t budget; // elements, members and 64-byte pieces of names still to write
    uint32_t hashes[SCHEMA_MAX_FIELDS]; // of names, by field index; written before read
} JsonOut;

// The names that one object has had so far.
typedef struct Names {
    uint32_t first; // field index of the first
    uint64_t bloom[4];
} Names;

static void write_value(JsonOut *j, const Value *v);
static void write_form(JsonOut *j, const Value *v, ScalarForm form);
static void write_large(JsonOut *j, const Value *v, ScalarForm form);

// ---- Names ----

static uint32_t name_hash(const char *name, size_t bytes) {
    uint64_t h = bytes;
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8)
        h = (h ^ load_u64(name + i)) * UINT64_C(0x9e3779b97f4a7c15), h ^= h >> 32;
    uint64_t tail = 0;
    for (; i < bytes; i++)
        tail = tail << 8 | (uint8_t)name[i];
    h = (h ^ tail) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(h >> 32);
}

// Which occurrence of its name field i is: 1, 2, …
static uint32_t occurrence(JsonOut *j, Names *names, uint32_t i, const char *name, size_t bytes) {
    uint32_t hash = name_hash(name, bytes);
    j->hashes[i] = hash;
    uint64_t *word = &names->bloom[hash >> 6 & 3], bit = UINT64_C(1) << (hash & 63);
    uint32_t n = 1;
    if (*word & bit) {
        const SchemaField *fields = j->p->schema->fields;
        for (uint32_t k = names->first; k < i; k++)
            if (j->hashes[k] == hash && strcmp(fields[k].name, name) == 0)
                n++;
    }
    *word |= bit;
    return n;
}

// Writes `,"name":` and returns a place for SCALAR_PUT + 2 more bytes, or NULL when the Buf failed.
static char *write_name(JsonOut *j, Names *names, uint32_t i, bool comma) {
    const char *name = j->p->schema->fields[i].name;
    size_t bytes = strlen(name);
    uint32_t n = occurrence(j, names, i, name, bytes);
    Buf *out = j->out;
    char *p = put_room(out, bytes + 4 + SCALAR_PUT + 2);
    if (!p)
        return NULL;
    if (comma)
        *p++ = ',';
    *p++ = '"';
    if (n == 1 && put_is_clean(name, bytes)) {
        p = put_bytes(p, name, bytes);
    } else {
        put_done(out, p);
        put_json_utf8(out, name, bytes);
        p = put_room(out, 1 + PUT_DECIMAL + 2 + SCALAR_PUT + 2);
        if (!p)
            return NULL;
        if (n > 1) {
            *p++ = '#';
            p = put_decimal(p, n);
        }
    }
    return PUT_LITERAL(p, "\":");
}

// ---- Values ----

static bool pay(JsonOut *j, const SchemaField *f) {
    uint32_t price = 1 + (f ? (uint32_t)(strlen(f->name) / 64) : 0);
    if (j->budget < price) {
        j->budget = 0;
        j->p->truncated = true;
        return false;
    }
    j->budget -= price;
    return true;
}

// Numbers, addresses, times and the like at p; NULL when the value is of another form.
static char *put_small(char *p, const Value *v, ScalarForm form) {
    bool bare;
    switch (form) {
    case FORM_NULL:
        return PUT_LITERAL(p, "null");
    case FORM_DECIMAL:
        bare = v->kind == VALUE_I64 ? v->i64 >= -JSON_EXACT && v->i64 <= JSON_EXACT
                                    : v->u64 <= (uint64_t)JSON_EXACT;
        break;
    case FORM_BOOL:
        bare = true;
        break;
    case FORM_HEX:
    case FORM_IPV4:
    case FORM_IPV6:
    case FORM_SOCKADDR:
    case FORM_TIME:
    case FORM_GUID:
        bare = false;
        break;
    default:
        return NULL;
    }
    if (bare)
        return scalar_put(p, v, form);
    *p++ = '"';
    p = scalar_put(p, v, form);
    *p++ = '"';
    return p;
}

static void write_array(JsonOut *j, const Value *v) {
    ValueIter it;
    Value item;
    put_char(j->out, '[');
    bool more = value_first(j->p, v, &it, &item);
    // Stacks: addresses of one width, side by side.
    if (more && scalar_form(&item, j->options) == FORM_HEX &&
        item.bytes * v->n_elements == v->bytes && v->n_elements <= j->budget) {
        j->budget -= v->n_elements;
        put_hex_array(j->out, v->data, v->n_elements, item.bytes);
        more = false;
    }
    for (bool first = true; more && pay(j, NULL); first = false) {
        if (!first)
            put_char(j->out, ',');
        write_value(j, &item);
        more = value_next(j->p, &it, &item);
    }
    put_char(j->out, ']');
}

static void write_member(JsonOut *j, Names *names, uint32_t i, const Value *v) {
    char *p = write_name(j, names, i, i > names->first);
    if (!p)
        return;
    ScalarForm form = scalar_form(v, j->options);
    char *end = pay(j, v->field) ? put_small(p, v, form) : PUT_LITERAL(p, "null");
    put_done(j->out, end ? end : p);
    if (!end)
        write_large(j, v, form);
}

static void write_struct(JsonOut *j, const Value *v) {
    ValueIter it;
    Value item;
    Names names = {v->field->first_member, {0}};
    put_char(j->out, '{');
    bool more = value_first(j->p, v, &it, &item);
    for (uint32_t i = names.first; more && j->budget > 0; i++) {
        write_member(j, &names, i, &item);
        more = value_next(j->p, &it, &item);
    }
    put_char(j->out, '}');
}

// The forms of any length.
static void write_large(JsonOut *j, const Value *v, ScalarForm form) {
    Buf *out = j->out;
    switch (form) {
    case FORM_STRUCT:
        write_struct(j, v);
        return;
    case FORM_ARRAY:
        write_array(j, v);
        return;
    case FORM_DOUBLE: {
        bool finite = v->f64 - v->f64 == 0.0;
        if (!finite)
            put_char(out, '"');
        scalar_text(out, v, form);
        if (!finite)
            put_char(out, '"');
        return;
    }
    case FORM_MAP: {
        const char *name = scalar_map_name(v);
        if (name)
            put_json_text(out, name);
        else
            write_form(j, v, v->kind == VALUE_BOOL ? FORM_BOOL : FORM_DECIMAL);
        return;
    }
    default:
        break;
    }
    put_char(out, '"');
    switch (form) {
    case FORM_BITS:
        scalar_bits(out, v, put_json_plain);
        break;
    case FORM_UTF16:
        put_json_utf16(out, v->data, v->bytes / 2);
        break;
    case FORM_ANSI:
        put_json_latin1(out, v->data, v->bytes);
        break;
    case FORM_UTF8:
        put_json_utf8(out, (const char *)v->data, v->bytes);
        break;
    default: // codes, SIDs, bytes: nothing to escape
        scalar_text(out, v, form);
        break;
    }
    put_char(out, '"');
}

static void write_form(JsonOut *j, const Value *v, ScalarForm form) {
    char *p = put_room(j->out, SCALAR_PUT + 2);
    if (!p)
        return;
    char *end = put_small(p, v, form);
    if (end)
        put_done(j->out, end);
    else
        write_large(j, v, form);
}

static void write_value(JsonOut *j, const Value *v) {
    write_form(j, v, scalar_form(v, j->options));
}

void value_json(JsonWriter *w, Payload *p, const Value *v, uint32_t options) {
    JsonOut j;
    j.out = w->out;
    j.p = p;
    j.options = options;
    j.budget = PAYLOAD_BUDGET;
    jsonw_raw(w, "", 0); // the writer's comma
    write_value(&j, v);
}

void json_payload(Buf *out, Payload *p, uint32_t options) {
    JsonOut j;
    j.out = out;
    j.p = p;
    j.options = options;
    j.budget = PAYLOAD_BUDGET + SCHEMA_MAX_BYTES / 64; // every top-level name once is no attack
    Names names = {0, {0}};
    Value v;
    put_char(out, '{');
    p->n_slices = 0;
    p->consumed = 0;
    p->truncated = p->ended = false;
    p->budget = PAYLOAD_BUDGET;
    for (uint32_t i = 0; payload_next(p, &v); i++)
        write_member(&j, &names, i, &v);
    put_char(out, '}');
}

void payload_json(JsonWriter *w, Payload *p, uint32_t options) {
    jsonw_raw(w, "", 0);
    json_payload(w->out, p, options);
}
