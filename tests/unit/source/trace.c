#include "trace.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "util/mem.h"

static void pad8(Trace *t) {
    size_t at = t->file.bytes - t->buffer;
    buf_zero(&t->file, ALIGN8(at) - at);
}

static void open_buffer(Trace *t, uint16_t cpu, uint16_t type, uint32_t sequence) {
    t->buffer = t->file.bytes;
    buf_zero(&t->file, 0x48);
    uint8_t *head = t->file.data + t->buffer;
    store_u32(head, t->nominal);
    store_u64(head + 0x18, sequence);
    store_u16(head + 0x28, cpu);
    store_u16(head + 0x2a, 3);
    store_u16(head + 0x34, 0x20);
    store_u16(head + 0x36, type);
}

static void header_buffer(Trace *t, const TraceOptions *o) {
    open_buffer(t, 0, 4, 0);
    size_t event = t->file.bytes;
    uint32_t body = o->narrow ? 0x110 : 0x118;
    uint32_t bytes = 0x20 + body + 2 * 5 + 2 * 5 - o->cut;
    buf_zero(&t->file, 0x20 + body);
    uint8_t *p = t->file.data + event;
    store_u32(p, 0xc0000002u | (o->narrow ? 1u : 2u) << 16);
    store_u16(p + 4, (uint16_t)bytes);
    store_u32(p + 8, 11); // thread
    store_u32(p + 12, 22);
    store_i64(p + 16, o->raw);
    p += 0x20;
    store_u32(p, t->nominal);
    p[4] = 10;
    store_u32(p + 8, 19041);
    store_u32(p + 12, 4);
    store_i64(p + 0x10, o->end);
    store_u32(p + 0x20, o->mode);
    store_u32(p + 0x24, o->buffers_written);
    store_u32(p + 0x2c, o->narrow ? 4 : 8);
    store_u32(p + 0x30, o->events_lost);
    store_u32(p + 0x34, o->cpu_mhz);
    uint8_t *q = p + (o->narrow ? 0xf0 : 0xf8);
    store_i64(q, o->start - 1000);
    store_i64(q + 8, o->freq);
    store_i64(q + 16, o->start);
    store_u32(q + 24, o->clock);
    store_u32(q + 28, o->buffers_lost);
    buf_append(&t->file, "S\0e\0s\0s\0\0\0f\0.\0e\0t\0\0\0", 20);
    t->file.bytes = event + bytes;
    uint32_t used = (uint32_t)(t->file.bytes - t->buffer);
    pad8(t);
    uint8_t *head = t->file.data + t->buffer;
    store_u32(head + 4, 0); // as Windows 7 writes it
    store_u32(head + 0x30, used);
    if (o->trim) {
        store_u32(head, (uint32_t)(t->file.bytes - t->buffer));
        return;
    }
    while (t->file.bytes < t->buffer + t->nominal)
        buf_char(&t->file, (char)0xff);
}

void trace_open(Trace *t, const TraceOptions *options) {
    TraceOptions o = TRACE_OPTIONS;
    if (options != NULL)
        o = *options;
    *t = (Trace){BUF_INIT, o.nominal != 0 ? o.nominal : 4096, 0, 1};
    header_buffer(t, &o);
}

void trace_append(Trace *t, const TraceOptions *options) {
    t->next_sequence = 1;
    header_buffer(t, options);
}

void trace_free(Trace *t) {
    cr_assert(!t->file.failed);
    buf_deinit(&t->file);
}

void trace_begin(Trace *t, uint16_t cpu) {
    open_buffer(t, cpu, 0, t->next_sequence++);
}

void trace_end(Trace *t) {
    uint32_t used = (uint32_t)(t->file.bytes - t->buffer);
    cr_assert(used <= t->nominal, "test buffer overflows");
    uint8_t *head = t->file.data + t->buffer;
    store_u32(head + 4, used);
    store_u32(head + 0x30, used);
    while (t->file.bytes < t->buffer + t->nominal)
        buf_char(&t->file, (char)0xff);
}

uint8_t *trace_buffer_head(Trace *t) {
    return t->file.data + t->buffer;
}

size_t trace_at(const Trace *t) {
    return t->file.bytes - t->buffer;
}

void trace_manifest(Trace *t, uint8_t type, int64_t raw, uint16_t id, const void *items,
                    size_t n_items, const void *payload, size_t bytes) {
    size_t at = t->file.bytes;
    buf_zero(&t->file, 0x50);
    uint8_t *p = t->file.data + at;
    store_u16(p, (uint16_t)(0x50 + n_items + bytes));
    store_u16(p + 2, (uint16_t)(0xc000u | type));
    store_u16(p + 4, n_items > 0 ? 1 : 0);
    store_u32(p + 8, 101);
    store_u32(p + 12, 202);
    store_i64(p + 16, raw);
    memset(p + 0x18, 0x77, 16);
    store_u16(p + 0x28, id);
    buf_append(&t->file, items, n_items);
    buf_append(&t->file, payload, bytes);
    pad8(t);
}

void trace_event(Trace *t, int64_t raw, uint16_t id) {
    trace_manifest(t, ETL_HEADER_EVENT64, raw, id, NULL, 0, "data", 4);
}

void trace_kernel(Trace *t, uint8_t type, int64_t raw, uint16_t version, uint8_t group,
                  uint8_t opcode, const void *payload, size_t bytes) {
    uint32_t head = type <= 2 ? 0x20 : type <= 4 ? 0x18 : 0x10;
    size_t at = t->file.bytes;
    buf_zero(&t->file, head);
    uint8_t *p = t->file.data + at;
    store_u16(p, version);
    p[2] = type;
    p[3] = 0xc0;
    store_u16(p + 4, (uint16_t)(head + bytes));
    p[6] = opcode;
    p[7] = group;
    if (head > 0x10) {
        store_u32(p + 8, 101);
        store_u32(p + 12, 202);
        store_i64(p + 16, raw);
    } else {
        store_i64(p + 8, raw);
    }
    buf_append(&t->file, payload, bytes);
    pad8(t);
}

void trace_full(Trace *t, uint8_t type, int64_t raw, const Guid *guid, uint8_t opcode,
                const void *payload, size_t bytes) {
    uint32_t head = type == ETL_HEADER_INSTANCE32 || type == ETL_HEADER_INSTANCE64 ? 0x48 : 0x30;
    size_t at = t->file.bytes;
    buf_zero(&t->file, head);
    uint8_t *p = t->file.data + at;
    store_u16(p, (uint16_t)(head + bytes));
    p[2] = type;
    p[3] = 0xc0;
    p[4] = opcode;
    p[5] = 4;
    store_u16(p + 6, 3);
    store_u32(p + 8, 101);
    store_u32(p + 12, 202);
    store_i64(p + 16, raw);
    memcpy(p + 0x18, guid->b, 16);
    store_u32(p + 0x28, 7);
    store_u32(p + 0x2c, 8);
    buf_append(&t->file, payload, bytes);
    pad8(t);
}

void trace_wpp(Trace *t, uint16_t number, uint16_t options, const void *fields, size_t bytes) {
    buf_u16(&t->file, (uint16_t)(8 + bytes));
    buf_u16(&t->file, 0x9000);
    buf_u16(&t->file, number);
    buf_u16(&t->file, options);
    buf_append(&t->file, fields, bytes);
    pad8(t);
}

void trace_raw(Trace *t, const void *data, size_t bytes) {
    buf_append(&t->file, data, bytes);
}

void trace_three_buffers(Trace *t) {
    trace_begin(t, 0);
    trace_event(t, TRACE_RAW + 10, 1);
    trace_event(t, TRACE_RAW + 40, 4);
    trace_end(t);
    trace_begin(t, 1);
    trace_event(t, TRACE_RAW + 20, 2);
    trace_event(t, TRACE_RAW + 30, 3);
    trace_end(t);
    trace_begin(t, 0);
    trace_event(t, TRACE_RAW + 50, 5);
    trace_event(t, TRACE_RAW + 60, 6);
    trace_end(t);
}

void trace_make_three(Trace *t) {
    trace_open(t, NULL);
    trace_three_buffers(t);
}

EtlReader *trace_read(const Trace *t) {
    EtlReader *reader = NULL;
    Err err = ERR_INIT;
    cr_assert_eq(etl_open_memory(t->file.data, t->file.bytes, NULL, &reader, &err), 0, "%s",
                 err.text);
    return reader;
}

const char *trace_ids(EtlReader *reader, char *buf, size_t cap) {
    EventRecord r;
    Err err = ERR_INIT;
    size_t n = 0;
    int result;
    buf[0] = 0;
    for (int i = 0; (result = etl_next(reader, &r, &err)) > 0; i++) {
        cr_assert(i < 1000, "more events than any test makes");
        if (r.flags & EVENT_FILE_HEADER)
            continue;
        n += (size_t)snprintf(buf + n, cap - n, "%s%u", n > 0 ? " " : "", r.desc.id);
        cr_assert(n < cap);
    }
    cr_assert_eq(result, 0, "%s", err.text);
    return buf;
}

const char *trace_ids_of(const Trace *t, char *buf, size_t cap) {
    EtlReader *reader = trace_read(t);
    trace_ids(reader, buf, cap);
    etl_close(reader);
    return buf;
}

bool trace_told(const EtlReader *reader, const char *part) {
    const EtlDiagnostic *d;
    uint32_t n = etl_diagnostics(reader, &d);
    for (uint32_t i = 0; i < n; i++) {
        if (strstr(d[i].what, part) != NULL)
            return true;
    }
    return false;
}
