#include "tests/etlgen/etl_writer.h"

#include <criterion/criterion.h>

#include "util/mem.h"

// A trace in memory, with what is expected of it.
typedef struct Trace {
    Buf file;
    EtlwSink sink;
    Expect expect;
    EtlwWriter *writer;
    EtlwOptions options;
} Trace;

static void begin(Trace *t, const EtlwOptions *options) {
    *t = (Trace){.options = *options};
    etlw_sink_open_memory(&t->sink, &t->file);
    expect_init(&t->expect);
    Err err = ERR_INIT;
    cr_assert_eq(etlw_open(options, &t->sink, &t->expect, &t->writer, &err), 0, "%s", err.text);
}

static void end(Trace *t) {
    Err err = ERR_INIT;
    cr_assert_eq(etlw_close(t->writer, &err), 0, "%s", err.text);
    cr_assert_eq(etlw_sink_close(&t->sink, &err), 0);
}

static void release(Trace *t) {
    expect_deinit(&t->expect);
    buf_deinit(&t->file);
    cr_assert_eq(mem_in_use(), 0);
}

static EtlwOptions small(void) {
    EtlwOptions o = etlw_defaults();
    o.buffer_bytes = 1024;
    o.n_cpus = 2;
    o.session_name = "S";
    o.file_name = "F";
    return o;
}

static EtlwEvent event(int64_t time, const void *payload, uint32_t bytes) {
    EtlwEvent e = {.header_type = ETL_HEADER_PERFINFO64, .group = 0x0f, .time = time};
    e.desc = (EventDescriptor){.version = 2, .opcode = 46};
    e.payload = payload;
    e.payload_bytes = bytes;
    return e;
}

static uint8_t zeros[70000];

// Puts an event of `bytes` in all (header 16) at time start + i.
static int put(Trace *t, uint32_t cpu, uint32_t bytes, int64_t i) {
    EtlwEvent e = event(t->options.clock.start_raw + i, zeros, bytes - 16);
    return etlw_event(t->writer, cpu, &e);
}

static uint32_t n_rows(const Trace *t) {
    Buf lines = BUF_INIT;
    cr_assert_eq(expect_to_buf(&t->expect, t->sink.limit, &lines, NULL), 0);
    uint32_t n = 0;
    for (size_t i = 0; i < lines.bytes; i++)
        n += lines.data[i] == '\n';
    buf_deinit(&lines);
    return n - 1; // heading
}

Test(etl_writer, trace_header_is_as_documented) {
    Trace t;
    EtlwOptions o = small();
    o.clock.cpu_mhz = 3592;
    o.os_build = 9200;
    o.events_lost = 41;
    o.buffers_lost = 2;
    begin(&t, &o);
    cr_assert_eq(put(&t, 1, 24, 70), 0);
    end(&t);
    const uint8_t *f = t.file.data;
    cr_assert_eq(t.file.bytes, 2048);
    // Buffer header.
    cr_assert_eq(load_u32(f), 1024);
    cr_assert_eq(load_u32(f + 4), load_u32(f + 0x30));
    cr_assert_eq(load_u64(f + 0x18), 0);
    cr_assert_eq(load_u16(f + 0x28), 0);
    cr_assert_eq(load_u32(f + 0x2c), 3);
    cr_assert_eq(load_u16(f + 0x34), ETLW_BUFFER_FLUSH_MARKER | ETLW_BUFFER_PROC_INDEX);
    cr_assert_eq(load_u16(f + 0x36), ETLW_BUFFER_HEADER);
    // Header event: SYSTEM64, group 0, type 0, version 2; the thread stands in front of the process.
    const uint8_t *e = f + 0x48;
    static const uint8_t head[4] = {2, 0, ETL_HEADER_SYSTEM64, 0xc0};
    cr_assert_arr_eq(e, head, 4);
    cr_assert_eq(load_u16(e + 4), 0x20 + 0x118 + 8);
    cr_assert_eq(load_u16(e + 6), 0);
    cr_assert_eq(load_u32(e + 8), o.tid);
    cr_assert_eq(load_u32(e + 0xc), o.pid);
    cr_assert_eq(load_i64(e + 0x10), o.clock.start_raw);
    const uint8_t *p = e + 0x20;
    cr_assert_eq(load_u32(p), 1024);
    cr_assert_eq(load_u32(p + 8), 9200);
    cr_assert_eq(load_u32(p + 0xc), 2);
    cr_assert_eq(load_i64(p + 0x10), o.clock.start_time + 70 + 20000);
    cr_assert_eq(load_u32(p + 0x18), 156250);
    cr_assert_eq(load_u32(p + 0x20), ETLW_MODE_SEQUENTIAL);
    cr_assert_eq(load_u32(p + 0x24), 2); // buffers, the header's included
    cr_assert_eq(load_u32(p + 0x2c), 8);
    cr_assert_eq(load_u32(p + 0x30), 41);
    cr_assert_eq(load_u32(p + 0x34), 3592);
    cr_assert_eq(load_i64(p + 0xf8), o.boot_time);
    cr_assert_eq(load_i64(p + 0x100), o.clock.perf_freq);
    cr_assert_eq(load_i64(p + 0x108), o.clock.start_time);
    cr_assert_eq(load_u32(p + 0x110), ETLW_CLOCK_QPC);
    cr_assert_eq(load_u32(p + 0x114), 2);
    static const uint8_t names[8] = {'S', 0, 0, 0, 'F', 0, 0, 0};
    cr_assert_arr_eq(p + 0x118, names, 8);
    // What follows is the end marker.
    cr_assert_eq(load_u32(f + load_u32(f + 0x30)), UINT32_MAX);
    // The last buffer has the flush marker too.
    cr_assert_eq(load_u16(f + 1024 + 0x34), ETLW_BUFFER_FLUSH_MARKER | ETLW_BUFFER_PROC_INDEX);
    cr_assert_eq(load_u16(f + 1024 + 0x28), 1);
    cr_assert_eq(load_u64(f + 1024 + 0x18), 1);
    cr_assert_eq(load_u32(f + 1024 + 0x30), 0x48 + 24);
    release(&t);
}

Test(etl_writer, header_of_a_32_bit_logger) {
    Trace t;
    EtlwOptions o = small();
    o.pointer_size = 4;
    o.unterminated_names = true;
    begin(&t, &o);
    end(&t);
    const uint8_t *e = t.file.data + 0x48;
    cr_assert_eq(e[2], ETL_HEADER_SYSTEM32);
    cr_assert_eq(load_u16(e + 4), 0x20 + 0x110 + 6);
    cr_assert_eq(load_i64(e + 0x20 + 0xf8), o.clock.perf_freq);
    cr_assert_eq(load_i64(e + 0x20 + 0x100), o.clock.start_time);
    cr_assert_eq(load_u32(e + 0x20 + 0x108), ETLW_CLOCK_QPC);
    cr_assert_eq(t.file.bytes, 1024);
    cr_assert_eq(n_rows(&t), 1);
    release(&t);
}

Test(etl_writer, buffer_is_filled_to_the_last_byte) {
    Trace t;
    EtlwOptions o = small();
    uint32_t room = 1024 - ETLW_BUFFER_HEAD;
    const uint32_t sizes[] = {room - 1, room, room + 1};
    const int results[] = {0, 0, -(int)STATUS_OVERSIZE};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        begin(&t, &o);
        cr_assert_eq(put(&t, 0, sizes[i], 1), results[i], "%u bytes", sizes[i]);
        end(&t);
        cr_assert_eq(t.file.bytes, results[i] == 0 ? 2048 : 1024);
        cr_assert_eq(n_rows(&t), results[i] == 0 ? 2 : 1);
        release(&t);
    }
    // Two events: the second one still fits, or opens another buffer.
    for (uint32_t second = room - 48 - 1; second <= room - 48 + 1; second++) {
        begin(&t, &o);
        cr_assert_eq(put(&t, 0, 48, 1), 0);
        cr_assert_eq(put(&t, 0, second, 2), 0);
        end(&t);
        cr_assert_eq(t.file.bytes, second <= room - 48 ? 2048 : 3072);
        release(&t);
    }
}

Test(etl_writer, event_of_65535_bytes_is_the_largest) {
    Trace t;
    EtlwOptions o = etlw_defaults();
    o.buffer_bytes = 128 * 1024;
    begin(&t, &o);
    cr_assert_eq(put(&t, 0, 65534, 1), 0);
    cr_assert_eq(put(&t, 0, 65535, 2), 0);
    cr_assert_eq(put(&t, 0, 65536, 3), -(int)STATUS_OVERSIZE);
    cr_assert_eq(etlw_events(t.writer), 2);
    end(&t);
    release(&t);
}

Test(etl_writer, options_are_checked) {
    static const struct {
        uint32_t buffer_bytes, n_cpus, clock, pointer_size;
        bool ok;
    } rows[] = {
        {1024, 1, 1, 8, true},
        {1016, 1, 1, 8, false},
        {1032, 1, 1, 8, true},
        {1028, 1, 1, 8, false},
        {ETLW_MAX_BUFFER, 1, 1, 8, true},
        {ETLW_MAX_BUFFER + 8, 1, 1, 8, false},
        {1024, 0, 1, 8, false},
        {1024, ETLW_MAX_CPUS, 1, 8, true},
        {1024, ETLW_MAX_CPUS + 1, 1, 8, false},
        {1024, 1, 0, 8, false},
        {1024, 1, 3, 8, true},
        {1024, 1, 4, 8, false},
        {1024, 1, 1, 4, true},
        {1024, 1, 1, 6, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EtlwOptions o = small();
        o.buffer_bytes = rows[i].buffer_bytes;
        o.n_cpus = rows[i].n_cpus;
        o.clock.type = rows[i].clock;
        o.pointer_size = rows[i].pointer_size;
        EtlwSink sink;
        etlw_sink_open_null(&sink);
        EtlwWriter *w = NULL;
        Err err = ERR_INIT;
        int result = etlw_open(&o, &sink, NULL, &w, &err);
        cr_assert_eq(result, rows[i].ok ? 0 : -(int)STATUS_INVALID_ARGUMENT, "row %zu: %s", i,
                     err.text);
        cr_assert_eq(w == NULL, !rows[i].ok);
        cr_assert_eq(etlw_close(w, &err), 0);
    }
    EtlwOptions o = small();
    o.circular_buffers = 3;
    o.packing = ETLW_PACK_MATCH;
    EtlwSink sink;
    etlw_sink_open_null(&sink);
    EtlwWriter *w = NULL;
    cr_assert_eq(etlw_open(&o, &sink, NULL, &w, NULL), -(int)STATUS_UNSUPPORTED);
    cr_assert_eq(mem_in_use(), 0);
}

Test(etl_writer, sequence_is_given_on_opening_and_file_order_on_flushing) {
    Trace t;
    EtlwOptions o = small();
    o.first_sequence = 908;
    begin(&t, &o);
    put(&t, 0, 64, 1); // 908
    put(&t, 1, 64, 2); // 909
    etlw_flush(t.writer, 1);
    etlw_flush(t.writer, 1); // empty: nothing
    etlw_skip_sequence(t.writer, 5);
    put(&t, 1, 64, 3); // 915
    end(&t);
    const uint8_t *f = t.file.data;
    cr_assert_eq(t.file.bytes, 4096);
    static const uint64_t sequences[] = {0, 909, 908, 915};
    static const uint16_t cpus[] = {0, 1, 0, 1};
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(load_u64(f + i * 1024 + 0x18), sequences[i]);
        cr_assert_eq(load_u16(f + i * 1024 + 0x28), cpus[i]);
    }
    release(&t);
}

Test(etl_writer, circular_file_keeps_the_newest_buffers) {
    Trace t;
    EtlwOptions o = small();
    o.mode = ETLW_MODE_CIRCULAR;
    o.circular_buffers = 3;
    begin(&t, &o);
    for (int64_t i = 1; i <= 7; i++) { // one event a buffer
        cr_assert_eq(put(&t, 0, 900, i), 0);
        etlw_flush_all(t.writer);
        uint64_t buffers = (uint64_t)MIN_OF(i, 3);
        cr_assert_eq(etlw_bytes(t.writer), 1024 * (1 + buffers));
    }
    end(&t);
    cr_assert_eq(t.file.bytes, 4 * 1024);
    static const uint64_t sequences[] = {0, 7, 5, 6};
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(load_u64(t.file.data + i * 1024 + 0x18), sequences[i]);
    cr_assert_eq(load_u32(t.file.data + 0x48 + 0x20 + 0x24), 4);
    cr_assert_eq(n_rows(&t), 1 + 3);
    // Only the last one written has the flush marker.
    cr_assert_eq(load_u16(t.file.data + 1024 + 0x34) & ETLW_BUFFER_FLUSH_MARKER, 1);
    cr_assert_eq(load_u16(t.file.data + 2048 + 0x34) & ETLW_BUFFER_FLUSH_MARKER, 0);
    release(&t);
}

Test(etl_writer, loss_is_marked_and_counted) {
    Trace t;
    EtlwOptions o = small();
    begin(&t, &o);
    put(&t, 0, 64, 1);
    etlw_mark(t.writer, 0, ETLW_BUFFER_EVENTS_LOST);
    etlw_mark(t.writer, 1, ETLW_BUFFER_BUFFER_LOST); // opens an empty buffer
    etlw_count_lost(t.writer, 7, 3);
    etlw_count_lost(t.writer, 1, 0);
    end(&t);
    const uint8_t *f = t.file.data;
    cr_assert_eq(load_u16(f + 1024 + 0x34), ETLW_BUFFER_PROC_INDEX | ETLW_BUFFER_EVENTS_LOST);
    cr_assert_eq(load_u16(f + 2048 + 0x34),
                 ETLW_BUFFER_PROC_INDEX | ETLW_BUFFER_BUFFER_LOST | ETLW_BUFFER_FLUSH_MARKER);
    cr_assert_eq(load_u32(f + 2048 + 0x30), ETLW_BUFFER_HEAD);
    cr_assert_eq(load_u32(f + 0x68 + 0x30), 8);
    cr_assert_eq(load_u32(f + 0x68 + 0x114), 3);
    release(&t);
}

Test(etl_writer, packed_buffers_have_their_own_sizes) {
    Trace t;
    EtlwOptions o = small();
    o.packing = ETLW_PACK_MATCH;
    begin(&t, &o);
    for (int64_t i = 1; i <= 60; i++)
        put(&t, 0, 64, i);
    end(&t);
    const uint8_t *f = t.file.data;
    cr_assert_eq(load_u32(f + 0x68 + 0x20), ETLW_MODE_SEQUENTIAL | (uint32_t)ETLW_MODE_COMPRESSED);
    cr_assert_eq(load_u16(f + 0x34) & ETLW_BUFFER_COMPRESSED, 0);
    size_t at = 1024, n = 0;
    while (at < t.file.bytes) {
        uint32_t bytes = load_u32(f + at);
        cr_assert_eq(load_u16(f + at + 0x34) & ETLW_BUFFER_COMPRESSED, ETLW_BUFFER_COMPRESSED);
        cr_assert_lt(bytes, 600);
        cr_assert_eq(load_u32(f + at + 4), load_u32(f + at + 0x30));
        at += bytes;
        n++;
    }
    cr_assert_eq(at, t.file.bytes);
    cr_assert_eq(n, 5); // 14 events of 64 bytes in each
    release(&t);
}

Test(etl_writer, oddities_of_the_header_buffer) {
    Trace t;
    EtlwOptions o = small();
    o.trim_header_buffer = true;
    o.exact_offsets = true;
    o.unterminated_names = true;
    o.unfinished = true;
    o.buffer_bytes = 4096;
    begin(&t, &o);
    put(&t, 0, 61, 1);
    end(&t);
    const uint8_t *f = t.file.data;
    cr_assert_eq(load_u32(f), 0x400);
    cr_assert_eq(t.file.bytes, 0x400 + 4096);
    cr_assert_eq(load_u32(f + 0x30) % 8, 6);
    cr_assert_eq(load_u32(f + 0x400 + 0x30), 0x48 + 61);
    cr_assert_eq(load_i64(f + 0x68 + 0x10), 0); // EndTime
    cr_assert_eq(load_u32(f + 0x68 + 0x24), 0); // BuffersWritten
    release(&t);
    o = small();
    o.zero_saved_offset = true;
    o.old_cpu_field = true;
    begin(&t, &o);
    put(&t, 1, 64, 1);
    end(&t);
    f = t.file.data;
    cr_assert_eq(load_u32(f + 4), 0);
    cr_assert_neq(load_u32(f + 0x30), 0);
    cr_assert_eq(f[1024 + 0x28], 1);
    cr_assert_eq(f[1024 + 0x29], 0x10);
    cr_assert_eq(load_u16(f + 1024 + 0x34) & ETLW_BUFFER_PROC_INDEX, 0);
    cr_assert_eq(load_u32(f + 1024 + 4), 0x48 + 64); // data buffers are right
    release(&t);
}

Test(etl_writer, tail_of_a_preallocated_file) {
    Trace t;
    EtlwOptions o = small();
    o.stale_tail_buffers = 2;
    o.zero_tail_bytes = 3 * 1024;
    begin(&t, &o);
    put(&t, 0, 64, 1);
    end(&t);
    const uint8_t *f = t.file.data;
    cr_assert_eq(t.file.bytes, 7 * 1024);
    cr_assert_eq(load_u16(f + 1024 + 0x2a), o.logger_id);
    cr_assert_eq(load_u16(f + 2048 + 0x2a), o.logger_id + 1);
    cr_assert_lt(load_i64(f + 2048 + 0x10), o.clock.start_raw);
    for (size_t i = 4 * 1024; i < t.file.bytes; i++)
        cr_assert_eq(f[i], 0);
    cr_assert_eq(n_rows(&t), 2);
    release(&t);
}

Test(etl_writer, cut_file_keeps_what_is_whole) {
    for (uint64_t limit = 1024 + 0x48 + 64 - 1; limit <= 1024 + 0x48 + 64 + 1; limit++) {
        Trace t;
        EtlwOptions o = small();
        begin(&t, &o);
        t.sink.limit = limit;
        put(&t, 0, 64, 1);
        put(&t, 0, 64, 2);
        end(&t);
        cr_assert_eq(t.file.bytes, limit);
        cr_assert_eq(n_rows(&t), limit >= 1024 + 0x48 + 64 ? 2 : 1);
        release(&t);
    }
}

Test(etl_writer, appended_session_has_its_own_clock) {
    Trace t;
    EtlwOptions o = small();
    begin(&t, &o);
    put(&t, 0, 64, 10);
    EtlwOptions next = small();
    next.clock.start_raw = 5; // after a restart
    next.clock.start_time += INT64_C(10000000000);
    cr_assert_eq(etlw_append(t.writer, &next), 0);
    EtlwEvent e = event(6, zeros, 8);
    cr_assert_eq(etlw_event(t.writer, 0, &e), 0);
    cr_assert_eq(etlw_backwards(t.writer), 0);
    end(&t);
    const uint8_t *f = t.file.data;
    cr_assert_eq(t.file.bytes, 4096);
    cr_assert_eq(load_u16(f + 2048 + 0x36), ETLW_BUFFER_HEADER);
    cr_assert_eq(load_i64(f + 2048 + 0x48 + 0x10), 5);
    cr_assert_eq(load_i64(f + 2048 + 0x68 + 0x10), next.clock.start_time + 1 + 20000);
    cr_assert_eq(load_i64(f + 0x68 + 0x10), o.clock.start_time + 10 + 20000);
    Buf lines = BUF_INIT;
    cr_assert_eq(expect_to_buf(&t.expect, 0, &lines, NULL), 0);
    const char *last = strstr(buf_str(&lines), "\n3\t6\t");
    cr_assert_not_null(last);
    buf_deinit(&lines);
    release(&t);
}

Test(etl_writer, backward_times_are_counted_and_stay_where_they_are) {
    Trace t;
    EtlwOptions o = small();
    begin(&t, &o);
    put(&t, 0, 24, 100);
    put(&t, 0, 32, 50);
    put(&t, 1, 40, 70);
    cr_assert_eq(etlw_backwards(t.writer), 1);
    end(&t);
    Buf lines = BUF_INIT;
    cr_assert_eq(expect_to_buf(&t.expect, 0, &lines, NULL), 0);
    // By payload size: 24 (70 on CPU 1), 8 (100), 16 (50 behind it).
    static const char *const order[] = {"\t24\t", "\t8\t", "\t16\t"};
    const char *at = strstr(buf_str(&lines), "\n1\t");
    for (size_t i = 0; i < 3; i++) {
        char row[8] = {'\n', (char)('1' + i), '\t', 0};
        at = strstr(at, row);
        cr_assert_not_null(at);
        const char *stop = strchr(at + 1, '\n');
        const char *field = strstr(at, order[i]);
        cr_assert(field != NULL && field < stop, "row %zu", i + 1);
    }
    buf_deinit(&lines);
    release(&t);
}

Test(etl_writer, every_allocation_may_fail) {
    for (size_t nth = 1; nth < 400; nth++) {
        Buf file = BUF_INIT;
        EtlwSink sink;
        Expect expect;
        expect_init(&expect);
        etlw_sink_open_memory(&sink, &file);
        EtlwOptions o = small();
        o.packing = ETLW_PACK_MATCH;
        EtlwWriter *w = NULL;
        mem_fail_at(nth);
        int result = etlw_open(&o, &sink, &expect, &w, NULL);
        bool opened = result == 0;
        if (opened) {
            EtlwEvent e = event(o.clock.start_raw + 1, zeros, 64);
            for (uint32_t cpu = 0; cpu < 40; cpu++)
                etlw_event(w, cpu, &e);
            result = etlw_close(w, NULL);
        }
        if (result == 0)
            result = etlw_sink_close(&sink, NULL);
        Buf lines = BUF_INIT;
        if (result == 0)
            result = expect_to_buf(&expect, 0, &lines, NULL);
        mem_fail_at(0);
        buf_deinit(&lines);
        expect_deinit(&expect);
        buf_deinit(&file);
        cr_assert_eq(mem_in_use(), 0, "leak when allocation %zu fails", nth);
        if (result == 0) {
            cr_assert_gt(nth, 10);
            return;
        }
        cr_assert_eq(result, -(int)STATUS_NO_MEMORY, "allocation %zu: %d", nth, result);
    }
    cr_assert_fail("never got through");
}
