// The traps of etl-format, section T, on files built by hand: buffers, files, order and time.
#include "trace.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "util/mem.h"

#define IDS 4096

Test(etl_reader, merges_in_time_order_and_rewinds) {
    Trace t;
    trace_make_three(&t);
    char ids[IDS];
    EtlReader *reader = trace_read(&t);
    cr_assert_eq(etl_progress(reader), 0.0);
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6");
    cr_assert_eq(etl_progress(reader), 1.0);
    cr_assert_eq(etl_stats(reader)->events, 7);
    cr_assert_eq(etl_stats(reader)->buffers, 4);
    cr_assert_eq(etl_stats(reader)->by_header[ETL_HEADER_EVENT64], 6);
    cr_assert_eq(etl_stats(reader)->n_diagnostics, 0);
    cr_assert_eq(etl_info(reader)->n_cpus, 2);
    Err err = ERR_INIT;
    EventRecord r;
    cr_assert_eq(etl_next(reader, &r, &err), 0, "the end stays the end");
    cr_assert_eq(etl_rewind(reader, &err), 0);
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6");
    cr_assert_eq(etl_stats(reader)->events, 7, "counters begin anew");
    etl_close(reader);
    EtlOptions options = {0};
    options.file_order = true;
    cr_assert_eq(etl_open_memory(t.file.data, t.file.bytes, &options, &reader, &err), 0);
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 4 2 3 5 6");
    etl_close(reader);
    trace_free(&t);
}

// Trap 16.
Test(etl_reader, equal_times_keep_file_order) {
    Trace t;
    trace_open(&t, NULL);
    for (uint16_t i = 0; i < 9; i++) {
        trace_begin(&t, (uint16_t)(8 - i)); // file order is not CPU order
        trace_event(&t, TRACE_RAW + 5, (uint16_t)(2 * i + 1));
        trace_event(&t, TRACE_RAW + 5, (uint16_t)(2 * i + 2));
        trace_end(&t);
    }
    char ids[IDS];
    cr_assert_str_eq(trace_ids_of(&t, ids, IDS), "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18");
    trace_free(&t);
}

Test(etl_reader, many_cpus_merge_like_a_sort) {
    enum { CPUS = 67, EACH = 12 };
    Trace t;
    TraceOptions o = TRACE_OPTIONS;
    o.nominal = 2048;
    trace_open(&t, &o);
    // Ids are the time; CPUs take turns at random distances.
    uint32_t rng = 7;
    uint16_t times[CPUS][EACH];
    uint16_t next = 1;
    uint32_t filled[CPUS] = {0};
    for (uint32_t left = CPUS * EACH; left > 0;) {
        rng = rng * 1664525 + 1013904223;
        uint32_t cpu = (rng >> 16) % CPUS;
        if (filled[cpu] == EACH)
            continue;
        times[cpu][filled[cpu]++] = next++;
        left--;
    }
    for (uint16_t cpu = 0; cpu < CPUS; cpu++) {
        trace_begin(&t, cpu);
        for (int i = 0; i < EACH; i++)
            trace_event(&t, TRACE_RAW + times[cpu][i], times[cpu][i]);
        trace_end(&t);
    }
    EtlReader *reader = trace_read(&t);
    EventRecord r;
    Err err = ERR_INIT;
    cr_assert_eq(etl_next(reader, &r, &err), 1);
    for (uint32_t i = 1; i <= CPUS * EACH; i++) {
        cr_assert_eq(etl_next(reader, &r, &err), 1);
        cr_assert_eq(r.desc.id, i);
    }
    cr_assert_eq(etl_next(reader, &r, &err), 0);
    cr_assert_eq(etl_info(reader)->n_cpus, CPUS);
    etl_close(reader);
    trace_free(&t);
}

Test(etl_reader, time_that_goes_back_is_kept_and_flagged) {
    Trace t;
    trace_open(&t, NULL);
    trace_begin(&t, 0);
    trace_event(&t, TRACE_RAW + 50, 1);
    trace_event(&t, TRACE_RAW + 20, 2);
    trace_event(&t, TRACE_RAW + 30, 3);
    trace_event(&t, TRACE_RAW + 60, 4);
    trace_end(&t);
    trace_begin(&t, 1);
    trace_event(&t, TRACE_RAW + 10, 5);
    trace_event(&t, TRACE_RAW + 55, 6);
    trace_end(&t);
    EtlReader *reader = trace_read(&t);
    EventRecord r;
    Err err = ERR_INIT;
    static const uint16_t order[] = {5, 1, 2, 3, 6, 4};
    cr_assert_eq(etl_next(reader, &r, &err), 1);
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        cr_assert_eq(etl_next(reader, &r, &err), 1);
        cr_assert_eq(r.desc.id, order[i]);
        bool back = order[i] == 2 || order[i] == 3;
        cr_assert_eq((r.flags & EVENT_OUT_OF_ORDER) != 0, back);
    }
    cr_assert_eq(etl_stats(reader)->out_of_order, 2);
    etl_close(reader);
    trace_free(&t);
}

// Trap 1: for every length, the whole events that are there come out.
Test(etl_reader, truncated_at_every_byte) {
    Trace t;
    trace_make_three(&t);
    size_t last = t.file.bytes - 4096; // the last buffer: events at 0x48 and 0xa0 of 84 bytes
    for (size_t bytes = 0; bytes <= 4096; bytes++) {
        EtlReader *reader;
        Err err = ERR_INIT;
        cr_assert_eq(etl_open_memory(t.file.data, last + bytes, NULL, &reader, &err), 0);
        char ids[IDS];
        const char *expected = bytes < 0x48 + 84   ? "1 2 3 4"
                               : bytes < 0xa0 + 84 ? "1 2 3 4 5"
                                                   : "1 2 3 4 5 6";
        cr_assert_str_eq(trace_ids(reader, ids, IDS), expected, "cut at %zu", bytes);
        bool told = bytes > 0 && bytes < 4096;
        cr_assert_eq(etl_stats(reader)->n_diagnostics > 0, told, "cut at %zu", bytes);
        etl_close(reader);
    }
    trace_free(&t);
}

// Trap 2, and the property of the issue: a damaged size costs nothing in a file with a grid.
Test(etl_reader, impossible_buffer_sizes) {
    static const uint32_t sizes[] = {0,          1,         0x47,  0x48,      4095,
                                     4097,       8192,      12288, 16u << 20, (16u << 20) + 1,
                                     0x7fffffff, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        for (size_t k = 1; k <= 3; k++) {
            Trace t;
            trace_make_three(&t);
            store_u32(t.file.data + 4096 * k, sizes[i]);
            EtlReader *reader = trace_read(&t);
            char ids[IDS];
            cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6", "size %u in buffer %zu",
                             sizes[i], k);
            cr_assert(etl_stats(reader)->n_diagnostics > 0);
            etl_close(reader);
            trace_free(&t);
        }
    }
    // A whole header of noise: the events behind it are still there.
    for (size_t k = 1; k <= 3; k++) {
        Trace t;
        trace_make_three(&t);
        memset(t.file.data + 4096 * k, 0xa5, 0x48);
        EtlReader *reader = trace_read(&t);
        EventRecord r;
        Err err = ERR_INIT;
        uint32_t seen = 0;
        while (etl_next(reader, &r, &err) > 0)
            seen |= 1u << r.desc.id;
        cr_assert_eq(seen, 0x7f, "%x", seen);
        etl_close(reader);
        trace_free(&t);
    }
}

Test(etl_reader, size_of_the_first_buffer_is_damaged) {
    static const uint32_t sizes[] = {0x48, 0x200, 8192, 4095, 65536};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        Trace t;
        trace_make_three(&t);
        store_u32(t.file.data, sizes[i]);
        char ids[IDS];
        cr_assert_str_eq(trace_ids_of(&t, ids, IDS), "1 2 3 4 5 6", "size %u", sizes[i]);
        trace_free(&t);
    }
}

Test(etl_reader, trimmed_header_buffer) {
    Trace t;
    TraceOptions o = TRACE_OPTIONS;
    o.trim = true;
    trace_open(&t, &o);
    trace_three_buffers(&t);
    EtlReader *reader = trace_read(&t);
    char ids[IDS];
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6");
    cr_assert_eq(etl_stats(reader)->n_diagnostics, 0);
    etl_close(reader);
    trace_free(&t);
}

Test(etl_reader, nominal_size_is_wrong) {
    static const uint32_t sizes[] = {0, 1023, 1024, 8192, 65536, UINT32_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        Trace t;
        trace_make_three(&t);
        store_u32(t.file.data + 0x48 + 0x20, sizes[i]);
        char ids[IDS];
        cr_assert_str_eq(trace_ids_of(&t, ids, IDS), "1 2 3 4 5 6", "nominal %u", sizes[i]);
        trace_free(&t);
    }
}

// Trap 3.
Test(etl_reader, end_of_events_by_offset_then_saved_offset) {
    static const struct {
        uint32_t offset, saved; // 0xffff: the right value
        const char *ids;
    } cases[] = {
        {0xffff, 0, "1 2 3 4 5 6"},
        {0xffff, 0x48, "1 2 3 4 5 6"},
        {0xffff, UINT32_MAX, "1 2 3 4 5 6"},
        {0, 0xffff, "1 2 3 4 5 6"},
        {0x47, 0xffff, "1 2 3 4 5 6"},
        {4097, 0xffff, "1 2 3 4 5 6"},
        {UINT32_MAX, UINT32_MAX, "1 2 3 4 5 6"}, // the fill ends it
        {4096, 4096, "1 2 3 4 5 6"},
        {0, 0, "1 2 3 4 5 6"},
        {0x48, 0x48, "1 2 3 4"},            // an empty buffer
        {0xa0, 0xa0, "1 2 3 4 5"},          // believed: both agree
        {0xa0, 0xffff, "1 2 3 4 5 6"},      // an event stands where the fill should begin
        {0xa0 + 84, 0xffff, "1 2 3 4 5 6"}, // not rounded up
        {0xa0 + 83, 0, "1 2 3 4 5"},        // the last event reaches past it
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        Trace t;
        trace_make_three(&t);
        uint8_t *head = trace_buffer_head(&t);
        if (cases[i].offset != 0xffff)
            store_u32(head + 0x30, cases[i].offset);
        if (cases[i].saved != 0xffff)
            store_u32(head + 4, cases[i].saved);
        store_u32(head + 8, 0x17838); // CurrentOffset: nonsense, never used
        char ids[IDS];
        cr_assert_str_eq(trace_ids_of(&t, ids, IDS), cases[i].ids, "case %zu", i);
        trace_free(&t);
    }
}

// Traps 4 and 5: damage inside a buffer costs the rest of that buffer and nothing else.
Test(etl_reader, damage_ends_its_buffer_only) {
    static const struct {
        uint32_t marker_and_size;
        const char *told;
    } cases[] = {
        {0x00000000, "no event marker"},
        {0x40130058, "no event marker"},
        {0x80130058, "no event marker"},
        {0xc0130000, "smaller than its header"},
        {0xc013004f, "smaller than its header"},
        {0xc0130ff8, "reaches past the end"},
        {0xc013ffff, "reaches past the end"},
        {0xc0000058, "unknown header type"}, // 0, 5 to 9: no place for a size is known
        {0xc0090058, "unknown header type"},
        {0xc0200007, "unknown header type with an impossible size"},
        {0xc020ffff, "unknown header type with an impossible size"},
        {0x90000007, "message smaller"},
        {0x9000ffff, "message reaches past"},
        {0xb0000000, "obsolete"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        Trace t;
        trace_make_three(&t);
        uint8_t *event = t.file.data + 4096 + 0xa0; // second event of the first data buffer: id 4
        store_u32(event, cases[i].marker_and_size);
        EtlReader *reader = trace_read(&t);
        char ids[IDS];
        cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 5 6", "case %zu", i);
        cr_assert(trace_told(reader, cases[i].told), "case %zu", i);
        cr_assert_eq(etl_stats(reader)->bad_buffers, 1);
        cr_assert_eq(etl_stats(reader)->bad_bytes, 88);
        const EtlDiagnostic *d;
        cr_assert_eq(etl_diagnostics(reader, &d), 1);
        cr_assert_eq(d->offset, 4096);
        cr_assert_eq(d->at, 0xa0);
        etl_close(reader);
        trace_free(&t);
    }
}

// Trap 5: sizes around the end of the events.
Test(etl_reader, last_event_ends_at_the_end_or_past_it) {
    for (uint32_t bytes = 3919; bytes <= 3925; bytes++) {
        // The largest payload that a 4,096-byte buffer holds behind 0x48 + 0x50: 3,944; here an
        // event of 0x50 + bytes begins at 0xa0, so that it ends at 4,096 - 3,952 + … exactly.
        Trace t;
        trace_open(&t, NULL);
        trace_begin(&t, 0);
        trace_event(&t, TRACE_RAW + 1, 1);
        size_t at = t.file.bytes;
        uint8_t payload[4000] = {0};
        trace_manifest(&t, ETL_HEADER_EVENT64, TRACE_RAW + 2, 2, NULL, 0, payload, 3856);
        cr_assert_eq(trace_at(&t), 4096);
        trace_end(&t);
        uint32_t size = 0x50 + 3856 + bytes - 3922;
        store_u16(t.file.data + at, (uint16_t)size);
        char ids[IDS];
        cr_assert_str_eq(trace_ids_of(&t, ids, IDS), bytes <= 3922 ? "1 2" : "1");
        trace_free(&t);
    }
}

// Trap 6.
Test(etl_reader, unknown_header_types_are_stepped_over) {
    static const uint8_t types[] = {12, 14, 22, 40, 255};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        Trace t;
        trace_open(&t, NULL);
        trace_begin(&t, 0);
        trace_event(&t, TRACE_RAW + 1, 1);
        uint8_t odd[24] = {0};
        store_u32(odd, 0xc0000000u | (uint32_t)types[i] << 16 | 19);
        trace_raw(&t, odd, sizeof odd);
        uint8_t old[16] = {0};
        store_u32(old, 0xb0000010);
        trace_raw(&t, old, sizeof old);
        trace_event(&t, TRACE_RAW + 2, 2);
        trace_end(&t);
        EtlReader *reader = trace_read(&t);
        char ids[IDS];
        cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2");
        cr_assert_eq(etl_stats(reader)->skipped, 2);
        cr_assert_eq(etl_stats(reader)->bad_buffers, 0);
        cr_assert(trace_told(reader, "stepped over"));
        etl_close(reader);
        trace_free(&t);
    }
}

// Trap 8.
Test(etl_reader, buffers_without_events) {
    for (uint16_t type = 0; type <= 9; type++) {
        Trace t;
        trace_open(&t, NULL);
        trace_three_buffers(&t);
        trace_begin(&t, 0);
        uint8_t other[64];
        memset(other, 0x11, sizeof other);
        if (type != 4)
            trace_raw(&t, other, sizeof other);
        trace_end(&t);
        store_u16(trace_buffer_head(&t) + 0x36, type);
        trace_begin(&t, 0); // empty
        trace_end(&t);
        trace_begin(&t, 0);
        trace_event(&t, TRACE_RAW + 70, 7);
        trace_end(&t);
        EtlReader *reader = trace_read(&t);
        char ids[IDS];
        cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6 7", "type %u", type);
        bool quiet = type == 2 || type == 3 || type == 6 || type == 7 || type == 4;
        cr_assert_eq(etl_stats(reader)->bad_buffers, quiet ? 0 : 1, "type %u", type);
        etl_close(reader);
        // With events inside, the type is what is wrong.
        store_u16(trace_buffer_head(&t) + 0x36, type);
        cr_assert_str_eq(trace_ids_of(&t, ids, IDS), "1 2 3 4 5 6 7", "type %u", type);
        trace_free(&t);
    }
}

// Traps 9 and 14.
Test(etl_reader, files_that_are_none) {
    Trace t;
    trace_make_three(&t);
    EtlReader *reader = NULL;
    Err err = ERR_INIT;
    static const size_t short_files[] = {0, 1, 71, 72, 0x4f, 0x50, 0x48 + 0x20 + 0x117};
    for (size_t i = 0; i < ARRAY_COUNT(short_files); i++) {
        int result = etl_open_memory(t.file.data, short_files[i], NULL, &reader, &err);
        cr_assert_eq(result, -(int)STATUS_FORMAT, "%zu bytes", short_files[i]);
        cr_assert(strstr(err.text, "not an .etl file") != NULL, "%s", err.text);
    }
    uint8_t *copy = mem_dup(t.file.data, t.file.bytes);
    static const struct {
        size_t at;
        uint32_t value;
    } damage[] = {
        {0, 0},
        {0, 0x47},
        {0, (16u << 20) + 1}, // size of the first buffer
        {0x48, 0},
        {0x48, UINT32_MAX}, // no event
        {0x48, 0xc0130002}, // another header type
        {0x4c, 0x0000011f}, // smaller than the trace header
        {0x4c, 0x01000158}, // another event
        {0, 0x0b5a0000},    // NT 5: a WNODE header
    };
    for (size_t i = 0; i < ARRAY_COUNT(damage); i++) {
        memcpy(copy, t.file.data, t.file.bytes);
        store_u32(copy + damage[i].at, damage[i].value);
        cr_assert_eq(etl_open_memory(copy, t.file.bytes, NULL, &reader, &err), -(int)STATUS_FORMAT,
                     "case %zu", i);
    }
    memset(copy, 0, t.file.bytes);
    cr_assert_eq(etl_open_memory(copy, t.file.bytes, NULL, &reader, &err), -(int)STATUS_FORMAT);
    mem_free(copy);
    cr_assert_eq(etl_open("no/such/file.etl", NULL, &reader, &err), -(int)STATUS_NOT_FOUND);
    cr_assert(strstr(err.text, "no/such/file.etl") != NULL, "%s", err.text);
    // Marked as another type of buffer, it is the header buffer all the same.
    store_u16(t.file.data + 0x36, 0);
    reader = trace_read(&t);
    cr_assert(trace_told(reader, "not marked as a header buffer"));
    char ids[IDS];
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6");
    etl_close(reader);
    trace_free(&t);
}

Test(etl_reader, processor_numbers_at_their_limits) {
    for (uint32_t cpu = 2046; cpu <= 2048; cpu++) {
        Trace t;
        trace_open(&t, NULL);
        trace_three_buffers(&t);
        trace_begin(&t, (uint16_t)cpu);
        trace_event(&t, TRACE_RAW + 45, 45);
        trace_end(&t);
        EtlReader *reader = trace_read(&t);
        cr_assert_eq(etl_info(reader)->n_cpus, cpu <= 2047 ? cpu + 1 : 2);
        cr_assert_eq(trace_told(reader, "impossible processor"), cpu == 2048);
        char ids[IDS];
        cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 45 5 6");
        etl_close(reader);
        // Before Windows 8 the number was one byte.
        store_u16(trace_buffer_head(&t) + 0x34, 0);
        store_u16(trace_buffer_head(&t) + 0x28, 0x0805);
        reader = trace_read(&t);
        cr_assert_eq(etl_info(reader)->n_cpus, 6);
        etl_close(reader);
        trace_free(&t);
    }
}

// Trap 11.
Test(etl_reader, circular_files_are_turned_back) {
    for (uint32_t first = 0; first < 6; first++) {
        Trace t;
        TraceOptions o = TRACE_OPTIONS;
        o.mode = 2;
        trace_open(&t, &o);
        for (uint32_t i = 0; i < 6; i++) {
            uint32_t n = (first + i) % 6;
            t.next_sequence = 100 + n;
            trace_begin(&t, (uint16_t)(n % 2));
            trace_event(&t, TRACE_RAW + 10 * (n + 1), (uint16_t)(n + 1));
            trace_end(&t);
        }
        EtlReader *reader = trace_read(&t);
        char ids[IDS];
        cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6", "first %u", first);
        cr_assert_eq(etl_info(reader)->circular_wrapped, first != 0);
        cr_assert_eq(etl_stats(reader)->out_of_order, 0);
        cr_assert_eq(etl_stats(reader)->sequence_gaps, 0);
        etl_close(reader);
        trace_free(&t);
    }
}

Test(etl_reader, gaps_in_the_sequence_are_lost_buffers) {
    Trace t;
    trace_open(&t, NULL);
    static const uint32_t numbers[] = {908, 909, 911, 915};
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        t.next_sequence = numbers[i];
        trace_begin(&t, 0);
        trace_event(&t, TRACE_RAW + (int64_t)i, 1);
        trace_end(&t);
    }
    EtlReader *reader = trace_read(&t);
    cr_assert_eq(etl_stats(reader)->sequence_gaps, 4);
    cr_assert(trace_told(reader, "sequence numbers are missing"));
    etl_close(reader);
    // One number out of all reason is damage, not a million lost buffers.
    store_u64(trace_buffer_head(&t) + 0x18, 0x80000000);
    reader = trace_read(&t);
    cr_assert_eq(etl_stats(reader)->sequence_gaps, 0);
    cr_assert(trace_told(reader, "too far apart"));
    etl_close(reader);
    store_u64(trace_buffer_head(&t) + 0x18, UINT64_MAX);
    reader = trace_read(&t);
    cr_assert_eq(etl_stats(reader)->sequence_gaps, 0, "910; the unnumbered buffer may be that one");
    etl_close(reader);
    trace_free(&t);
}

Test(etl_reader, lost_flags_are_counted) {
    Trace t;
    TraceOptions o = TRACE_OPTIONS;
    o.events_lost = 41;
    o.buffers_lost = 3;
    trace_open(&t, &o);
    trace_three_buffers(&t);
    uint8_t *head = t.file.data + 4096;
    store_u16(head + 0x34, 0x22);
    store_u16(head + 4096 + 0x34, 0x26);
    EtlReader *reader = trace_read(&t);
    cr_assert_eq(etl_info(reader)->events_lost, 41);
    cr_assert_eq(etl_info(reader)->buffers_lost, 3);
    char ids[IDS];
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6");
    cr_assert_eq(etl_stats(reader)->lost_event_flags, 2);
    cr_assert_eq(etl_stats(reader)->lost_buffer_flags, 1);
    etl_close(reader);
    trace_free(&t);
}

// Trap 12.
Test(etl_reader, appended_sessions_have_their_own_clock) {
    Trace t;
    trace_make_three(&t);
    TraceOptions o = TRACE_OPTIONS;
    o.start = TRACE_START + 1000000;
    o.raw = 777; // the machine was started again
    o.freq = 3579545;
    o.clock = 1;
    o.events_lost = 2;
    trace_append(&t, &o);
    trace_begin(&t, 0);
    trace_event(&t, 777 + 3579545, 7);
    trace_end(&t);
    trace_begin(&t, 1);
    trace_event(&t, 777 + 1, 8);
    trace_end(&t);
    EtlReader *reader = trace_read(&t);
    cr_assert(etl_info(reader)->appended);
    cr_assert_eq(etl_info(reader)->events_lost, 2);
    EventRecord r;
    Err err = ERR_INIT;
    static const uint16_t order[] = {0, 1, 2, 3, 4, 5, 6, 0, 8, 7};
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        cr_assert_eq(etl_next(reader, &r, &err), 1);
        cr_assert_eq(r.desc.id, order[i], "event %zu: %u", i, r.desc.id);
        cr_assert_eq(etl_segment(reader), i < 7 ? 0 : 1);
        cr_assert_eq(r.session, i < 7 ? 0 : 1);
        cr_assert_eq(r.flags & EVENT_OUT_OF_ORDER, 0);
        if (order[i] == 6)
            cr_assert_eq(etl_to_filetime(reader, TRACE_RAW), TRACE_START);
    }
    cr_assert_eq(r.time, TRACE_START + 1000000 + 10000000);
    cr_assert_eq(etl_to_filetime(reader, 777), TRACE_START + 1000000);
    cr_assert_eq(etl_next(reader, &r, &err), 0);
    etl_close(reader);
    trace_free(&t);
}

Test(etl_reader, second_header_of_the_same_session_changes_nothing) {
    Trace t;
    trace_make_three(&t);
    TraceOptions o = TRACE_OPTIONS;
    o.events_lost = 5;
    trace_append(&t, &o);
    trace_begin(&t, 1);
    trace_event(&t, TRACE_RAW + 35, 35);
    trace_end(&t);
    EtlReader *reader = trace_read(&t);
    cr_assert(!etl_info(reader)->appended);
    cr_assert_eq(etl_info(reader)->events_lost, 5, "the later count is the final one");
    char ids[IDS];
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 35 4 5 6");
    etl_close(reader);
    trace_free(&t);
}

// A trace header event among others (merged files keep those of their sources) is no new clock.
Test(etl_reader, header_event_in_a_data_buffer_is_an_event) {
    Trace t;
    trace_open(&t, NULL);
    uint8_t payload[0x118] = {0};
    trace_begin(&t, 0);
    trace_kernel(&t, ETL_HEADER_SYSTEM64, TRACE_RAW + 1, 2, 0, 0, payload, sizeof payload);
    trace_event(&t, TRACE_RAW + 2, 2);
    trace_end(&t);
    EtlReader *reader = trace_read(&t);
    cr_assert(!etl_info(reader)->appended);
    EventRecord r;
    Err err = ERR_INIT;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(etl_next(reader, &r, &err), 1);
    cr_assert_eq(r.time, TRACE_START + 2);
    etl_close(reader);
    trace_free(&t);
}

// Trap 13.
Test(etl_reader, preallocated_tails) {
    char ids[IDS];
    Trace t;
    TraceOptions o = TRACE_OPTIONS;
    o.mode = 0x21;
    o.buffers_written = 4;
    trace_open(&t, &o);
    trace_three_buffers(&t);
    size_t used = t.file.bytes;
    buf_zero(&t.file, 10 * 4096 + 100);
    EtlReader *reader = trace_read(&t);
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6");
    cr_assert(trace_told(reader, "unused buffers"));
    cr_assert_eq(etl_stats(reader)->bad_buffers, 0);
    etl_close(reader);
    // Left over from an earlier session: older time, other logger.
    t.file.bytes = used;
    trace_begin(&t, 0);
    trace_event(&t, TRACE_RAW - 99999, 99);
    trace_end(&t);
    store_i64(trace_buffer_head(&t) + 0x10, TRACE_RAW - 90000);
    store_u16(trace_buffer_head(&t) + 0x2a, 9);
    reader = trace_read(&t);
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6");
    cr_assert(trace_told(reader, "earlier session"));
    etl_close(reader);
    // One sign alone is not enough to drop a buffer.
    store_i64(trace_buffer_head(&t) + 0x10, TRACE_RAW + 90000);
    store_u32(t.file.data + 0x48 + 0x20 + 0x24, 0);                 // BuffersWritten: unknown
    cr_assert_str_eq(trace_ids_of(&t, ids, IDS), "1 2 3 4 5 6 99"); // kept, late in its CPU
    trace_free(&t);
    // A zeroed header in the middle is damage, not the end.
    trace_make_three(&t);
    memset(t.file.data + 2 * 4096, 0, 0x48);
    reader = trace_read(&t);
    EventRecord r;
    Err err = ERR_INIT;
    uint32_t seen = 0;
    while (etl_next(reader, &r, &err) > 0)
        seen |= 1u << r.desc.id;
    cr_assert_eq(seen, 0x7f);
    etl_close(reader);
    memset(t.file.data + 2 * 4096, 0, 4096); // the whole buffer: it is lost, the others are not
    cr_assert_str_eq(trace_ids_of(&t, ids, IDS), "1 4 5 6");
    trace_free(&t);
}

// Trap 15 and the clocks.
Test(etl_reader, clocks) {
    static const struct {
        uint32_t clock, mhz;
        int64_t freq, raw, delta, expected; // expected: FILETIME after the start
    } cases[] = {
        {1, 0, 10000000, TRACE_RAW, 1234, 1234},   {1, 0, 2337949, TRACE_RAW, 2337949, 10000000},
        {2, 0, 10000000, TRACE_START, 1234, 1234}, {3, 3000, 10000000, TRACE_RAW, 3000000, 10000},
        {0, 0, 10000000, TRACE_RAW, 7, 7},         {1, 0, 0, TRACE_RAW, 7, 7},
        {1, 0, 10000000, TRACE_RAW, -7, -7}, // a rundown event from before
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        Trace t;
        TraceOptions o = TRACE_OPTIONS;
        o.clock = cases[i].clock;
        o.cpu_mhz = cases[i].mhz;
        o.freq = cases[i].freq;
        o.raw = cases[i].raw;
        trace_open(&t, &o);
        trace_begin(&t, 0);
        trace_event(&t, cases[i].raw + cases[i].delta, 1);
        trace_end(&t);
        EtlReader *reader = trace_read(&t);
        EventRecord r;
        Err err = ERR_INIT;
        do {
            cr_assert_eq(etl_next(reader, &r, &err), 1);
        } while (r.desc.id != 1);
        cr_assert_eq(r.time, TRACE_START + cases[i].expected, "case %zu", i);
        cr_assert_eq(trace_told(reader, "clock"), cases[i].clock == 0 || cases[i].freq == 0);
        etl_close(reader);
        trace_free(&t);
    }
}

Test(etl_reader, narrow_layout) {
    Trace t;
    TraceOptions o = TRACE_OPTIONS;
    o.narrow = true;
    o.freq = 2337949;
    trace_open(&t, &o);
    trace_three_buffers(&t);
    EtlReader *reader = trace_read(&t);
    cr_assert_eq(etl_info(reader)->pointer_size, 4);
    cr_assert_eq(etl_info(reader)->perf_freq, 2337949);
    cr_assert_str_eq(etl_info(reader)->session_name, "Sess");
    char ids[IDS];
    cr_assert_str_eq(trace_ids(reader, ids, IDS), "1 2 3 4 5 6");
    etl_close(reader);
    trace_free(&t);
}

Test(etl_reader, message_without_time_takes_that_of_its_cpu) {
    Trace t;
    trace_open(&t, NULL);
    trace_begin(&t, 0);
    trace_wpp(&t, 9, 0, "abcd", 4); // nothing before it
    trace_event(&t, TRACE_RAW + 30, 1);
    trace_end(&t);
    trace_begin(&t, 1);
    trace_event(&t, TRACE_RAW + 20, 2);
    trace_end(&t);
    trace_begin(&t, 0);
    trace_wpp(&t, 10, 0, "abcd", 4); // first of its buffer
    trace_end(&t);
    char ids[IDS];
    cr_assert_str_eq(trace_ids_of(&t, ids, IDS), "9 2 1 10");
    trace_free(&t);
}

Test(etl_reader, ordinals_count_from_each_rewind) {
    Trace t;
    trace_make_three(&t);
    EtlReader *reader = trace_read(&t);
    EventRecord r;
    Err err = ERR_INIT;
    for (int round = 0; round < 2; round++) {
        uint64_t n = 0;
        while (etl_next(reader, &r, &err) > 0)
            cr_assert_eq(r.ordinal, n++);
        cr_assert_eq(n, 7);
        cr_assert_eq(etl_rewind(reader, &err), 0);
    }
    etl_close(reader);
    // Without a merge it is a count only.
    const EtlOptions options = {.file_order = true};
    cr_assert_eq(etl_open_memory(t.file.data, t.file.bytes, &options, &reader, &err), 0);
    for (uint64_t n = 0; etl_next(reader, &r, &err) > 0; n++)
        cr_assert_eq(r.ordinal, n);
    etl_close(reader);
    trace_free(&t);
}
