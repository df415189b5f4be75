// Payloads against schemas that are as hostile as schema_finish lets through: reading, JSON, messages,
// summaries. Input: u8 number of fields; 10 bytes for each (types, extents, structure); u8 length of
// the message, the message; u8 flags; u16 bytes of extended items, those; the rest is the payload.
#include <stdio.h>
#include <stdlib.h>

#include "event/format.h"
#include "util/mem.h"
#include "util/utf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t in_types[] = {
    IN_NULL,
    IN_UTF16,
    IN_ANSI,
    IN_I8,
    IN_U8,
    IN_I16,
    IN_U16,
    IN_I32,
    IN_U32,
    IN_I64,
    IN_U64,
    IN_FLOAT,
    IN_DOUBLE,
    IN_BOOL32,
    IN_BINARY,
    IN_GUID,
    IN_POINTER,
    IN_FILETIME,
    IN_SYSTEMTIME,
    IN_SID,
    IN_HEX32,
    IN_HEX64,
    IN_COUNTED_UTF16,
    IN_COUNTED_ANSI,
    IN_STRUCT,
    IN_STRUCT,
    IN_STRUCT,
    IN_COUNTED_BINARY,
    IN_COUNTED_STRING,
    IN_REVERSED_COUNTED_STRING,
    IN_NONNULL_STRING,
    IN_NONNULL_ANSI,
    IN_UTF16_CHAR,
    IN_ANSI_CHAR,
    IN_SIZET,
    IN_HEXDUMP,
    IN_WBEM_SID,
};

static const char *const names[] = {
    "A",        "B",
    "A",        "FileName",
    "Reserved", "a\"\\\n",
    "",         "a name of sixty-four bytes and more, which is paid for twice: 0123456789"};

static const SchemaMapEntry entries[] = {{0, "zero"}, {1, "one \"1\""}, {2, "two"}, {4, "four"}};
static const SchemaMap maps[] = {{"Values", false, 4, entries}, {"Bits", true, 4, entries}};

typedef struct Input {
    const uint8_t *p;
    size_t left;
} Input;

static uint8_t byte(Input *in) {
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->p++;
}

static uint16_t word(Input *in) {
    uint16_t low = byte(in);
    return (uint16_t)(low | byte(in) << 8);
}

static void check(bool good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

static Schema *build(Input *in, char *message) {
    Schema *s;
    if (schema_new(&s) < 0)
        return NULL;
    uint16_t n = byte(in) % 40;
    SchemaField *fields = arena_array(&s->arena, n ? n : 1, sizeof *fields);
    uint16_t n_top = n, next = n;
    for (uint16_t i = 0; i < n; i++) {
        SchemaField *f = &fields[i];
        uint8_t type = byte(in), out = byte(in), kinds = byte(in), more = byte(in);
        f->in_type = in_types[type % ARRAY_COUNT(in_types)];
        f->out_type = out % 48 < 39 ? out % 48 : out % 2 ? OUT_REDUCED_STRING : OUT_NO_PRINT;
        f->count_kind = kinds % 8 < 5 ? kinds % 8 : 0;
        bool sized = f->in_type == IN_UTF16 || f->in_type == IN_ANSI || f->in_type == IN_BINARY;
        f->length_kind = sized && kinds / 8 % 8 < 5 ? kinds / 8 % 8 : 0;
        f->count = word(in);
        f->length = word(in);
        if (f->count_kind == EXTENT_FIELD)
            f->count = i ? f->count % i : 0;
        if (f->length_kind == EXTENT_FIELD)
            f->length = i ? f->length % i : 0;
        f->flags = more & (FIELD_NO_PRINT | FIELD_PAD3 | FIELD_KERNEL_ADDRESS);
        f->map = more & 0x40 ? &maps[more >> 7] : NULL;
        f->name = names[(more >> 3) % ARRAY_COUNT(names)];
        // Structures take their members from the end, so that trees of any shape come up.
        uint16_t members =
            f->in_type == IN_STRUCT ? (uint16_t)(word(in) % 4) : (word(in), (uint16_t)0);
        if (members > 0 && next - members > i) {
            next = (uint16_t)(next - members);
            f->first_member = next;
            f->n_members = members;
            n_top = next;
        }
    }
    s->fields = fields;
    s->n_fields = n;
    s->n_top = n_top;
    s->source = SCHEMA_EVENT_INFO;
    uint8_t length = byte(in);
    size_t bytes = MIN_OF(in->left, (size_t)length);
    memcpy(message, in->p, bytes);
    message[bytes] = '\0';
    in->p += bytes;
    in->left -= bytes;
    s->message = message;
    if (schema_finish(s, NULL) < 0)
        return schema_unref(s);
    return s;
}

static void touch(Payload *p, const Value *v, int depth, uint32_t *budget) {
    if (v->kind == VALUE_NONE || *budget == 0 || depth > 40)
        return;
    --*budget;
    check(v->end <= p->bytes, "a value ends inside the payload");
    if (v->bytes > 0)
        check(v->data >= p->data && v->data + v->bytes <= p->data + p->bytes,
              "its bytes lie inside");
    ValueIter it;
    Value item;
    uint32_t i = 0;
    for (bool more = value_first(p, v, &it, &item); more && *budget > 0;
         more = value_next(p, &it, &item)) {
        if (i < 4) { // by index: the same value
            Value same =
                v->kind == VALUE_ARRAY ? value_element(p, v, i) : value_member(p, v, (uint16_t)i);
            check(
                (same.bytes == 0 && item.bytes == 0) ||
                    (same.kind == item.kind && same.bytes == item.bytes && same.data == item.data),
                "an element by index is the element in order");
        }
        touch(p, &item, depth + 1, budget);
        i++;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static FieldSlice slices[SCHEMA_MAX_FIELDS];
    char message[256];
    Input in = {data, size};
    Schema *s = build(&in, message);
    if (!s)
        return 0;
    uint8_t flags = byte(&in);
    EventRecord r = {.flags = (flags & 1 ? EVENT_POINTER32 : 0) | (flags & 2 ? EVENT_CLASSIC : 0)};
    uint32_t ext_bytes = word(&in);
    ext_bytes = (uint32_t)MIN_OF((size_t)ext_bytes, in.left);
    uint8_t *ext = mem_dup(in.p, ext_bytes);
    in.p += ext_bytes;
    in.left -= ext_bytes;
    uint8_t *payload = mem_dup(in.p, in.left); // of its exact size, for the sanitizer
    r.ext = ext;
    r.ext_bytes = event_items_valid(ext, ext_bytes);
    r.payload = payload;
    r.payload_bytes = (uint32_t)in.left;

    Payload p;
    payload_open(&p, s, &r, slices);
    uint32_t consumed = payload_scan(&p);
    check(consumed <= r.payload_bytes, "no more is consumed than there is");
    for (uint32_t i = 0; i < s->n_top; i++) {
        Value located = payload_value(&p, (uint16_t)i);
        Payload fresh;
        payload_open(&fresh, s, &r, NULL);
        Value direct = payload_value(&fresh, (uint16_t)i);
        // (Fields without bytes behind a cut padding may be seen either way.)
        if (!p.truncated && (located.bytes > 0 || direct.bytes > 0))
            check(located.kind == direct.kind && located.end == direct.end,
                  "a field is the same with and without slices");
        uint32_t budget = 2000;
        touch(&p, &located, 0, &budget);
    }
    Buf out = BUF_INIT;
    event_json(&out, &r, s, 0, NULL);
    check(!out.failed && out.bytes < 32u << 20, "an event's JSON has less than 32 MiB");
    buf_clear(&out);
    event_message(&out, &r, s);
    check(!out.failed && out.bytes < 32u << 20, "so has its message");
    buf_clear(&out);
    event_summary(&out, &r, s, 100);
    check(out.bytes <= 100, "a summary keeps its limit");
    buf_clear(&out);
    s->message = "";
    event_summary(&out, &r, s, 100);
    check(out.bytes <= 100, "a summary of fields keeps its limit");
    buf_deinit(&out);
    mem_free(payload);
    mem_free(ext);
    schema_unref(s);
    return 0;
}
