#include "unit/event/make.h"

#include "schema/kernel_mof.h"

static int digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

uint32_t from_hex(const char *hex, uint8_t *to, size_t cap) {
    uint32_t n = 0;
    while (*hex) {
        if (*hex == ' ') {
            hex++;
            continue;
        }
        int high = digit(hex[0]), low = digit(hex[1]);
        cr_assert(high >= 0 && low >= 0 && n < cap, "bad hex in a test: %s", hex);
        to[n++] = (uint8_t)(high * 16 + low);
        hex += 2;
    }
    return n;
}

void make(Made *m, const SchemaField *fields, uint16_t n_fields, uint16_t n_top, const char *hex,
          int pointer) {
    memset(m, 0, sizeof *m);
    cr_assert_eq(schema_new(&m->schema), 0);
    Schema *s = m->schema;
    SchemaField *copy = NULL;
    if (n_fields > 0) {
        copy = arena_array(&s->arena, n_fields, sizeof *copy);
        cr_assert(copy != NULL);
        memcpy(copy, fields, n_fields * sizeof *copy);
    }
    s->fields = copy;
    s->n_fields = n_fields;
    s->n_top = n_top;
    s->source = SCHEMA_MANIFEST;
    Err err = ERR_INIT;
    cr_assert_eq(schema_finish(s, &err), 0, "%s", err.text);
    m->record.payload = m->bytes;
    m->record.payload_bytes = from_hex(hex, m->bytes, sizeof m->bytes);
    m->record.flags = pointer == 4 ? EVENT_POINTER32 : 0;
    m->record.pid = 4660;
    m->record.tid = 22136;
    payload_open(&m->payload, s, &m->record, m->slices);
}

void make_kernel(Made *m, const char *class, int opcode, int version, const char *hex,
                 int pointer) {
    memset(m, 0, sizeof *m);
    const MofClass *c = kernel_mof_classes;
    while (c < kernel_mof_classes + kernel_mof_n_classes && strcmp(c->name, class) != 0)
        c++;
    cr_assert(c < kernel_mof_classes + kernel_mof_n_classes, "no class %s", class);
    EventDescriptor d = {.opcode = (uint8_t)opcode, .version = (uint8_t)version};
    cr_assert_eq(kernel_mof_compile(&c->guid, &d, &m->schema), 0, "%s %d", class, opcode);
    m->record =
        (EventRecord){.provider = c->guid,
                      .desc = d,
                      .pid = 4660,
                      .tid = 22136,
                      .flags = (uint16_t)(EVENT_CLASSIC | (pointer == 4 ? EVENT_POINTER32 : 0)),
                      .payload = m->bytes,
                      .payload_bytes = from_hex(hex, m->bytes, sizeof m->bytes)};
    payload_open(&m->payload, m->schema, &m->record, m->slices);
}

void made_free(Made *m) {
    buf_deinit(&m->out);
    m->schema = schema_unref(m->schema);
}

const char *made_text(Made *m, uint16_t i) {
    Value v = payload_value(&m->payload, i);
    buf_clear(&m->out);
    value_text(&m->out, &m->payload, &v, 0);
    return buf_str(&m->out);
}

const char *made_json(Made *m, uint16_t i) {
    Value v = payload_value(&m->payload, i);
    buf_clear(&m->out);
    JsonWriter w = jsonw(&m->out);
    value_json(&w, &m->payload, &v, 0);
    return buf_str(&m->out);
}

const char *made_payload_json(Made *m) {
    buf_clear(&m->out);
    JsonWriter w = jsonw(&m->out);
    payload_json(&w, &m->payload, 0);
    return buf_str(&m->out);
}
