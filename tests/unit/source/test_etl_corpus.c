// The reader on real files. The goldens are compared line for line by the end-to-end tests; here: counts
// stated by the corpus' own description, and that variants of one stream are one stream.
#include <criterion/criterion.h>
#include <stdio.h>

#include "source/etl_reader.h"
#include "unit/common/corpus.h"
#include "util/mem.h"

typedef struct Stream {
    uint64_t events, hash, times; // hash: everything but times; times: FILETIME
} Stream;

static uint64_t mix(uint64_t h, const void *data, size_t n) {
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

// trace_header: count the trace header event, whose payload names clock and sizes.
static Stream read_stream(EtlReader *reader, bool trace_header) {
    Stream s = {0, UINT64_C(0xcbf29ce484222325), UINT64_C(0xcbf29ce484222325)};
    EventRecord r;
    Err err = ERR_INIT;
    int result;
    int64_t last = INT64_MIN;
    while ((result = etl_next(reader, &r, &err)) > 0) {
        s.events++;
        cr_assert(r.time >= last, "event %llu", (unsigned long long)s.events);
        last = r.time;
        cr_assert_eq(event_items_valid(r.ext, r.ext_bytes), r.ext_bytes);
        if (!trace_header && (r.flags & EVENT_FILE_HEADER))
            continue;
        s.hash = mix(s.hash, r.provider.b, 16);
        s.hash = mix(s.hash, &r.desc.id, 2);
        s.hash = mix(s.hash, &r.desc.opcode, 1);
        s.hash = mix(s.hash, &r.pid, 4);
        s.hash = mix(s.hash, &r.tid, 4);
        s.hash = mix(s.hash, &r.cpu, 2);
        s.hash = mix(s.hash, &r.flags, 2);
        s.hash = mix(s.hash, r.ext, r.ext_bytes);
        s.hash = mix(s.hash, r.payload, r.payload_bytes);
        s.times = mix(s.times, &r.time, 8);
    }
    cr_assert_eq(result, 0, "%s", err.text);
    return s;
}

static bool stream_of(const char *name, bool trace_header, Stream *ret) {
    char path[1024];
    if (corpus_file(name, path, sizeof path) == NULL)
        return false;
    Stream streams[4];
    for (int i = 0; i < 4; i++) {
        EtlReader *reader;
        Err err = ERR_INIT;
        if (i < 2) {
            EtlOptions options = {0};
            options.window_bytes = i == 0 ? 0 : 1;
            cr_assert_eq(etl_open(path, &options, &reader, &err), 0, "%s", err.text);
            streams[i] = read_stream(reader, trace_header);
            cr_assert_eq(etl_rewind(reader, &err), 0);
        } else {
            size_t bytes;
            void *data = corpus_load(name, &bytes);
            cr_assert_eq(etl_open_memory(data, bytes, NULL, &reader, &err), 0, "%s", err.text);
            streams[i] = read_stream(reader, trace_header);
            cr_assert_eq(etl_stats(reader)->bad_buffers, 0);
            cr_assert_eq(etl_stats(reader)->out_of_order, 0);
            cr_assert_eq(etl_stats(reader)->sequence_gaps, 0);
            mem_free(data);
            etl_close(reader);
            continue;
        }
        Stream again = read_stream(reader, trace_header);
        cr_assert_eq(memcmp(&again, &streams[i], sizeof again), 0, "a second round is the same");
        etl_close(reader);
    }
    for (int i = 1; i < 4; i++)
        cr_assert_eq(memcmp(&streams[i], &streams[0], sizeof streams[0]), 0,
                     "%s: way %d of reading", name, i);
    *ret = streams[0];
    return true;
}

Test(etl_corpus, real_files, .timeout = 120) {
    static const struct {
        const char *name;
        uint64_t events;
    } files[] = {
        {"net.4.5.2.x64.etl", 179474},
        {"ShutdownPerfDiagLogger.etl", 17078},
        {"diaghub.user_paged.1.etl", 22035},
        {"gcevents.etl", 71},
        {"powershell.etl", 114},
        {"AMSITrace.etl", 21},
        {"primitive-types.etl", 7},
        {"SelfDescribingSingleEvent.etl", 23},
    };
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        Stream s;
        if (!stream_of(files[i].name, true, &s))
            return;
        cr_assert_eq(s.events, files[i].events, "%s: %llu", files[i].name,
                     (unsigned long long)s.events);
    }
    char path[1024];
    EtlReader *reader;
    Err err = ERR_INIT;
    cr_assert_eq(etl_open(corpus_file("AMSITrace.etl", path, sizeof path), NULL, &reader, &err), 0);
    cr_assert_eq(etl_info(reader)->events_lost, 3);
    etl_close(reader);
}

Test(etl_corpus, variants_of_one_stream, .timeout = 120) {
    Stream base, s;
    if (!stream_of("made/libtrace64.etl", false, &base))
        return;
    cr_assert_eq(base.events, 124);
    static const struct {
        const char *name;
        bool same_times; // the others round to their own ticks
    } variants[] = {
        {"made/libtrace64_lz_literal.etl", true},
        {"made/libtrace64_lz_match.etl", true},
        {"made/libtrace64_circular_rotated.etl", true},
        {"made/libtrace64_clock2_systemtime.etl", true},
        {"made/libtrace64_clock3_cycles_3000MHz.etl", false},
        {"made/libtrace64_qpc_3579545Hz.etl", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(variants); i++) {
        cr_assert(stream_of(variants[i].name, false, &s));
        cr_assert_eq(s.events, base.events, "%s", variants[i].name);
        cr_assert_eq(s.hash, base.hash, "%s", variants[i].name);
        if (variants[i].same_times)
            cr_assert_eq(s.times, base.times, "%s", variants[i].name);
    }
}

// Features has every header type; the schema pre-scan finds the three chunks of its manifest.
Test(etl_corpus, pre_scan) {
    static const struct {
        const char *name;
        uint32_t schemas;
    } files[] = {{"made/features.etl", 3}, {"net.4.5.2.x64.etl", 61 + 24 + 4}};
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        char path[1024];
        if (corpus_file(files[i].name, path, sizeof path) == NULL)
            return;
        EtlOptions options = {0};
        options.schema_only = true;
        EtlReader *reader;
        Err err = ERR_INIT;
        cr_assert_eq(etl_open(path, &options, &reader, &err), 0, "%s", err.text);
        EventRecord r;
        uint32_t n = 0;
        while (etl_next(reader, &r, &err) > 0) {
            cr_assert(r.flags & EVENT_SCHEMA_DATA);
            n++;
        }
        cr_assert_eq(n, files[i].schemas, "%s: %u", files[i].name, n);
        etl_close(reader);
    }
}
