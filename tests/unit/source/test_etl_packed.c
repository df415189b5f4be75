// Compressed buffers, memory and files: traps of etl-format T, continued.
#include "trace.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/etlgen/lz77_pack.h"
#include "util/mem.h"

#define IDS 4096

// Packs all data buffers of a plain trace.
static void pack(const Trace *plain, Lz77Mode mode, Buf *out, size_t starts[8]) {
    Lz77Pack *p = lz77_pack_new();
    cr_assert_not_null(p);
    buf_append(out, plain->file.data, 4096);
    store_u32(out->data + 0x48 + 0x20 + 0x20, 0x04000001);
    size_t n = 0;
    for (size_t at = 4096; at < plain->file.bytes; at += 4096) {
        const uint8_t *head = plain->file.data + at;
        size_t start = out->bytes;
        starts[n++] = start;
        buf_append(out, head, 0x48);
        lz77_pack(p, head + 0x48, load_u32(head + 0x30) - 0x48, mode, out);
        store_u32(out->data + start, (uint32_t)(out->bytes - start));
        store_u32(out->data + start + 0x2c, 3);
        store_u16(out->data + start + 0x34, 0x60);
    }
    starts[n] = out->bytes;
    lz77_pack_free(p);
}

static const char *ids_of(const Buf *file, char *ids, EtlStats *stats) {
    EtlReader *reader;
    Err err = ERR_INIT;
    cr_assert_eq(etl_open_memory(file->data, file->bytes, NULL, &reader, &err), 0, "%s", err.text);
    trace_ids(reader, ids, IDS);
    if (stats != NULL)
        *stats = *etl_stats(reader);
    etl_close(reader);
    return ids;
}

Test(etl_packed, compressed_buffers) {
    Trace t;
    trace_make_three(&t);
    for (int mode = 0; mode < 2; mode++) {
        Buf file = BUF_INIT;
        size_t starts[8];
        pack(&t, mode == 0 ? LZ77_MATCH : LZ77_LITERAL, &file, starts);
        char ids[IDS];
        EtlStats stats;
        cr_assert_str_eq(ids_of(&file, ids, &stats), "1 2 3 4 5 6");
        cr_assert_eq(stats.n_diagnostics, 0);
        buf_deinit(&file);
    }
    trace_free(&t);
}

// Trap 7.
Test(etl_packed, compressed_buffers_damaged) {
    Trace t;
    trace_make_three(&t);
    char ids[IDS];
    EtlStats stats;
    Buf file = BUF_INIT;
    size_t starts[8];
    pack(&t, LZ77_LITERAL, &file, starts);
    Buf copy = BUF_INIT;
    // Cut at every byte: whole events of the prefix come out.
    for (size_t bytes = starts[2]; bytes < starts[3]; bytes++) {
        copy = (Buf){file.data, bytes, bytes, 0, false};
        const char *text = ids_of(&copy, ids, &stats);
        cr_assert(strncmp(text, "1 2 3 4", 7) == 0, "%zu: %s", bytes, text);
    }
    // Header fields of a compressed buffer.
    static const struct {
        size_t at;
        uint32_t value;
        const char *ids;
    } cases[] = {
        {0x30, 0, "1 2 3 4 5 6"},          // Offset; SavedOffset is right
        {0x30, UINT32_MAX, "1 2 3 4 5 6"}, //
        {0x04, 0, "1 2 3 4 5 6"},
        {0x04, UINT32_MAX, "1 2 3 4 5 6"},
        {0x2c, 2, "2 3 5 6"}, // LZNT1
        {0x2c, 4, "2 3 5 6"}, // XPRESS with Huffman
        {0x2c, 0, "1 2 3 4 5 6"},
        {0x00, 0, "1 2 3 4 5 6"}, // the next header is found
        {0x00, 0x48, "2 3 5 6"},
        {0x00, 0x60, "2 3 5 6"},
        {0x00, 0x7fffffff, "1 2 3 4 5 6"},
        {0x48, UINT32_MAX, "2 3 5 6"}, // stream: a match at the very start
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        copy = (Buf)BUF_INIT;
        buf_append(&copy, file.data, file.bytes);
        store_u32(copy.data + starts[0] + cases[i].at, cases[i].value);
        const char *text = ids_of(&copy, ids, &stats);
        if (cases[i].at == 0 && cases[i].value != 0 && cases[i].value < 0x100)
            cr_assert(strstr(text, "2 3") != NULL && strstr(text, "5 6") != NULL, "case %zu: %s", i,
                      text);
        else
            cr_assert_str_eq(text, cases[i].ids, "case %zu", i);
        buf_deinit(&copy);
    }
    // A header of noise: its buffer is unpacked all the same, the next one found.
    copy = (Buf)BUF_INIT;
    buf_append(&copy, file.data, file.bytes);
    memset(copy.data + starts[1], 0xa5, 0x48);
    ids_of(&copy, ids, &stats);
    cr_assert(strstr(ids, "1") != NULL && strstr(ids, "5 6") != NULL, "%s", ids);
    cr_assert(stats.n_diagnostics > 0);
    buf_deinit(&copy);
    buf_deinit(&file);
    trace_free(&t);
}

Test(etl_packed, buffer_that_unpacks_to_more_than_a_buffer) {
    Trace t;
    trace_make_three(&t);
    Buf file = BUF_INIT;
    size_t starts[8];
    pack(&t, LZ77_MATCH, &file, starts);
    // Behind the last buffer one that unpacks to 2 GiB of one byte.
    size_t start = file.bytes;
    buf_zero(&file, 0x48);
    uint8_t bomb[] = {0xff, 0xff, 0xff, 0x7f, 0, 7, 0, 15, 255, 0, 0, 0xff, 0xff, 0xff, 0x7f};
    buf_append(&file, bomb, sizeof bomb);
    uint8_t *head = file.data + start;
    store_u32(head, (uint32_t)(file.bytes - start));
    store_u32(head + 4, UINT32_MAX);
    store_u32(head + 0x2c, 3);
    store_u32(head + 0x30, UINT32_MAX);
    store_u16(head + 0x34, 0x60);
    mem_reset_peak();
    size_t before = mem_in_use();
    char ids[IDS];
    EtlStats stats;
    cr_assert_str_eq(ids_of(&file, ids, &stats), "1 2 3 4 5 6");
    cr_assert(mem_peak() - before < 300000, "%zu bytes", mem_peak() - before);
    cr_assert_eq(stats.bad_buffers, 2, "too much output, and no event in it");
    buf_deinit(&file);
    trace_free(&t);
}

// ---- Memory and files

Test(etl_packed, memory_is_one_window_a_cpu) {
    Trace t;
    trace_open(&t, NULL);
    for (uint32_t i = 0; i < 400; i++) {
        trace_begin(&t, (uint16_t)(i % 4));
        trace_event(&t, TRACE_RAW + i, 1);
        trace_end(&t);
    }
    // From a file: windows are allocated.
    const char *path = "unit_source_memory.tmp.etl";
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(t.file.data, 1, t.file.bytes, f), t.file.bytes);
    fclose(f);
    size_t before = mem_in_use();
    mem_reset_peak();
    EtlReader *reader;
    Err err = ERR_INIT;
    cr_assert_eq(etl_open(path, NULL, &reader, &err), 0, "%s", err.text);
    EventRecord r;
    uint32_t n = 0;
    while (etl_next(reader, &r, &err) > 0)
        n++;
    cr_assert_eq(n, 401);
    etl_close(reader);
    // Five windows of 4 KiB, the index, the reader and its log, the trace header.
    cr_assert(mem_peak() - before < 5 * 4096 + 24 * 512 + 100000, "%zu", mem_peak() - before);
    cr_assert_eq(mem_in_use(), before);
    remove(path);
    trace_free(&t);
}

// More CPUs than memory for their unpacked buffers: some come late and say so, none is lost.
Test(etl_packed, memory_limit_of_compressed_files) {
    enum { CPUS = 6 };
    Trace t;
    trace_open(&t, NULL);
    for (uint16_t i = 0; i < 3 * CPUS; i++) {
        trace_begin(&t, i % CPUS);
        for (uint16_t k = 0; k < 10; k++)
            trace_event(&t, TRACE_RAW + 1000 * (i / CPUS) + 10 * k + i, (uint16_t)(1 + i * 10 + k));
        trace_end(&t);
    }
    Lz77Pack *p = lz77_pack_new();
    Buf file = BUF_INIT;
    buf_append(&file, t.file.data, 4096);
    store_u32(file.data + 0x48 + 0x20 + 0x20, 0x04000001);
    for (size_t at = 4096; at < t.file.bytes; at += 4096) {
        size_t start = file.bytes;
        buf_append(&file, t.file.data + at, 0x48);
        lz77_pack(p, t.file.data + at + 0x48, load_u32(t.file.data + at + 0x30) - 0x48, LZ77_MATCH,
                  &file);
        store_u32(file.data + start, (uint32_t)(file.bytes - start));
        store_u32(file.data + start + 0x2c, 3);
        store_u16(file.data + start + 0x34, 0x60);
    }
    lz77_pack_free(p);
    static const size_t limits[] = {1, 952, 2000, 4000, 6 * 4096, 0};
    for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
        EtlOptions options = {0};
        options.memory_bytes = limits[i];
        EtlReader *reader;
        Err err = ERR_INIT;
        cr_assert_eq(etl_open_memory(file.data, file.bytes, &options, &reader, &err), 0, "%s",
                     err.text);
        bool seen[1 + 3 * CPUS * 10] = {false};
        EventRecord r;
        uint32_t n = 0;
        while (etl_next(reader, &r, &err) > 0) {
            cr_assert(r.desc.id < ARRAY_COUNT(seen));
            cr_assert(!seen[r.desc.id]);
            seen[r.desc.id] = true;
            n++;
        }
        cr_assert_eq(n, ARRAY_COUNT(seen), "limit %zu: %u events", limits[i], n);
        bool enough = limits[i] == 0 || limits[i] == 6 * 4096;
        cr_assert_eq(trace_told(reader, "some come late"), !enough, "limit %zu", limits[i]);
        cr_assert_eq(etl_stats(reader)->out_of_order > 0, !enough, "limit %zu", limits[i]);
        etl_close(reader);
    }
    buf_deinit(&file);
    trace_free(&t);
}

// Every allocation fails in turn; nothing leaks, and the error says what it is.
Test(etl_packed, out_of_memory_at_every_point) {
    Trace t;
    trace_make_three(&t);
    Buf file = BUF_INIT;
    size_t starts[8];
    pack(&t, LZ77_MATCH, &file, starts);
    size_t before = mem_in_use();
    for (size_t nth = 1;; nth++) {
        mem_fail_at(nth);
        EtlReader *reader = NULL;
        Err err = ERR_INIT;
        EventRecord r;
        int result = etl_open_memory(file.data, file.bytes, NULL, &reader, &err);
        if (result == 0) {
            while ((result = etl_next(reader, &r, &err)) > 0)
                ;
            etl_close(reader);
        }
        bool reached = result < 0;
        mem_fail_at(0);
        cr_assert_eq(mem_in_use(), before, "allocation %zu", nth);
        if (!reached)
            break;
        cr_assert_eq(result, -(int)STATUS_NO_MEMORY);
        cr_assert(nth < 100);
    }
    buf_deinit(&file);
    trace_free(&t);
}

// Small windows give the same stream as whole buffers.
Test(etl_packed, windows_smaller_than_a_buffer) {
    Trace t;
    TraceOptions o = TRACE_OPTIONS;
    o.nominal = 1u << 20;
    trace_open(&t, &o);
    uint8_t *payload = mem_zalloc(65000);
    for (uint16_t cpu = 0; cpu < 2; cpu++) {
        trace_begin(&t, cpu);
        for (uint16_t i = 0; i < 24; i++)
            trace_manifest(&t, ETL_HEADER_EVENT64, TRACE_RAW + 2 * i + cpu, (uint16_t)(2 * i + cpu),
                           NULL, 0, payload, i % 3 == 0 ? 65000u : i * 997u);
        trace_end(&t);
    }
    mem_free(payload);
    const char *path = "unit_source_window.tmp.etl";
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(t.file.data, 1, t.file.bytes, f), t.file.bytes);
    fclose(f);
    static const uint32_t windows[] = {1, 131071, 131072, 131073, 500000, 0};
    for (size_t i = 0; i < ARRAY_COUNT(windows); i++) {
        EtlOptions options = {0};
        options.window_bytes = windows[i];
        EtlReader *reader;
        Err err = ERR_INIT;
        cr_assert_eq(etl_open(path, &options, &reader, &err), 0, "%s", err.text);
        EventRecord r;
        cr_assert_eq(etl_next(reader, &r, &err), 1);
        for (uint32_t n = 0; n < 48; n++) {
            cr_assert_eq(etl_next(reader, &r, &err), 1);
            cr_assert_eq(r.desc.id, n);
            cr_assert_eq(r.payload_bytes, (n / 2) % 3 == 0 ? 65000 : (n / 2) * 997);
        }
        cr_assert_eq(etl_next(reader, &r, &err), 0);
        cr_assert_eq(etl_stats(reader)->n_diagnostics, 0);
        etl_close(reader);
    }
    remove(path);
    trace_free(&t);
}

// A session may cut its file while we read it.
Test(etl_packed, file_becomes_shorter_while_it_is_read) {
    Trace t;
    trace_make_three(&t);
    const char *path = "unit_source_shrink.tmp.etl";
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(t.file.data, 1, t.file.bytes, f), t.file.bytes);
    fclose(f);
    EtlReader *reader;
    Err err = ERR_INIT;
    cr_assert_eq(etl_open(path, NULL, &reader, &err), 0, "%s", err.text);
    f = fopen(path, "wb"); // empties it
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(t.file.data, 1, 4096 + 4096 + 0xa0, f), 4096 + 4096 + 0xa0);
    fclose(f);
    char ids[IDS];
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 4");
    cr_assert(trace_told(reader, "has become shorter"));
    etl_close(reader);
    remove(path);
    trace_free(&t);
}
