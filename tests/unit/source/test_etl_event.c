// Header types, counters and extended items of single events.
#include "trace.h"

#include <criterion/criterion.h>

#include "source/etl_event.h"

static const Guid some_guid =
    GUID_INIT(0x11111111, 0x2222, 0x3333, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55);

// The nth record (0 = the first behind the trace header) of a one-buffer trace.
static EventRecord nth(const Trace *t, uint32_t n, EtlReader **ret_reader) {
    EtlReader *reader = trace_read(t);
    EventRecord r = {0};
    Err err = ERR_INIT;
    for (uint32_t i = 0; i <= n + 1; i++)
        cr_assert_eq(etl_next(reader, &r, &err), 1, "event %u is missing", i);
    *ret_reader = reader;
    return r;
}

static void guid_is(const Guid *guid, const char *text) {
    char buf[GUID_TEXT];
    cr_assert_str_eq(guid_format(guid, buf), text);
}

Test(etl_event, trace_header_is_the_first_event) {
    Trace t;
    trace_open(&t, NULL);
    trace_begin(&t, 0);
    trace_event(&t, TRACE_RAW + 1, 5);
    trace_end(&t);
    EtlReader *reader = trace_read(&t);
    EventRecord r;
    Err err = ERR_INIT;
    cr_assert_eq(etl_next(reader, &r, &err), 1);
    guid_is(&r.provider, "68fdd900-4a3e-11d1-84f4-0000f80464e3");
    cr_assert_eq(r.flags, EVENT_CLASSIC | EVENT_FILE_HEADER);
    cr_assert_eq(r.time, TRACE_START);
    cr_assert_eq(r.tid, 11);
    cr_assert_eq(r.pid, 22);
    cr_assert_eq(r.desc.version, 2);
    cr_assert_eq(r.payload_bytes, 0x118 + 20);
    const EtlInfo *info = etl_info(reader);
    cr_assert_str_eq(info->session_name, "Sess");
    cr_assert_str_eq(info->file_name, "f.et");
    cr_assert_eq(info->pointer_size, 8);
    cr_assert_eq(info->start_time, TRACE_START);
    cr_assert_eq(info->n_buffers, 2);
    etl_close(reader);
    trace_free(&t);
}

Test(etl_event, kernel_headers) {
    static const struct {
        uint8_t type;
        uint16_t flags;
    } types[] = {
        {ETL_HEADER_SYSTEM32, EVENT_POINTER32},   {ETL_HEADER_SYSTEM64, 0},
        {ETL_HEADER_COMPACT32, EVENT_POINTER32},  {ETL_HEADER_COMPACT64, 0},
        {ETL_HEADER_PERFINFO32, EVENT_POINTER32}, {ETL_HEADER_PERFINFO64, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        bool ids = types[i].type <= ETL_HEADER_COMPACT64;
        Trace t;
        trace_open(&t, NULL);
        trace_begin(&t, 7);
        trace_kernel(&t, types[i].type, TRACE_RAW + 10, 4, 0x05, 36, "12345", 5);
        trace_end(&t);
        EtlReader *reader;
        EventRecord r = nth(&t, 0, &reader);
        cr_assert_eq(r.header_type, types[i].type);
        cr_assert_eq(r.flags, EVENT_CLASSIC | types[i].flags | (ids ? 0 : EVENT_NO_IDS));
        guid_is(&r.provider, "3d6fa8d1-fe05-11d0-9dda-00c04fd7ba7c");
        cr_assert_eq(r.desc.opcode, 36);
        cr_assert_eq(r.desc.version, 4);
        cr_assert_eq(r.desc.id, 0);
        cr_assert_eq(r.tid, ids ? 101 : UINT32_MAX);
        cr_assert_eq(r.pid, ids ? 202 : UINT32_MAX);
        cr_assert_eq(r.time, TRACE_START + 10);
        cr_assert_eq(r.raw_time, TRACE_RAW + 10);
        cr_assert_eq(r.cpu, 7);
        cr_assert_eq(r.payload_bytes, 5);
        cr_assert_arr_eq(r.payload, "12345", 5);
        cr_assert_eq(r.ext_bytes, 0);
        etl_close(reader);
        trace_free(&t);
    }
}

Test(etl_event, image_load_of_the_process_group_and_odd_groups) {
    static const struct {
        uint8_t group, opcode;
        const char *guid;
    } cases[] = {
        {0x03, 10, "2cb15d1d-5fc1-11d2-abe1-00a0c911f518"},
        {0x03, 11, "3d6fa8d0-fe05-11d0-9dda-00c04fd7ba7c"},
        {0x1e, 1, "2ce9a149-effe-42f0-a635-a1d39e26c8f2"},
        {0x1f, 1, "00000000-0000-0000-0000-000000000000"},
        {0x24, 0, "90cbdc39-4a3e-11d1-84f4-0000f80464e3"}, // only five bits are the group
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        Trace t;
        trace_open(&t, NULL);
        trace_begin(&t, 0);
        trace_kernel(&t, ETL_HEADER_SYSTEM64, TRACE_RAW, 2, cases[i].group, cases[i].opcode, "", 0);
        trace_end(&t);
        EtlReader *reader;
        EventRecord r = nth(&t, 0, &reader);
        guid_is(&r.provider, cases[i].guid);
        etl_close(reader);
        trace_free(&t);
    }
}

Test(etl_event, counters_become_items) {
    // Header of 16 bytes; PEBS flag and 0 to 7 counters; payload of 4 bytes behind them.
    uint8_t words[8 * 8 + 4];
    for (size_t i = 0; i < sizeof words; i++)
        words[i] = (uint8_t)(i + 1);
    for (uint32_t n = 0; n <= 7; n++) {
        for (uint32_t pebs = 0; pebs <= 1; pebs++) {
            size_t counters = 8 * (n + pebs);
            Trace t;
            trace_open(&t, NULL);
            trace_begin(&t, 0);
            uint16_t version = (uint16_t)(2 | n << 8 | pebs << 15);
            trace_kernel(&t, ETL_HEADER_PERFINFO64, TRACE_RAW, version, 0x0f, 46, words,
                         counters + 4);
            trace_end(&t);
            EtlReader *reader;
            EventRecord r = nth(&t, 0, &reader);
            cr_assert_eq(r.desc.version, 2);
            cr_assert_eq(r.payload_bytes, 4);
            cr_assert_eq(r.payload[0], counters + 1);
            EventItem item;
            cr_assert_eq(event_item_find(&r, EVENT_ITEM_PEBS, &item), pebs == 1);
            if (pebs) {
                cr_assert_eq(item.bytes, 8);
                cr_assert_arr_eq(item.data, words, 8);
            }
            cr_assert_eq(event_item_find(&r, EVENT_ITEM_PMC, &item), n > 0);
            if (n > 0) {
                cr_assert_eq(item.bytes, 8 * n);
                cr_assert_arr_eq(item.data, words + 8 * pebs, 8 * n);
            }
            cr_assert_eq(event_items_valid(r.ext, r.ext_bytes), r.ext_bytes);
            etl_close(reader);
            trace_free(&t);
        }
    }
}

// Trap 19.
Test(etl_event, counters_longer_than_the_event_are_payload) {
    uint8_t words[64] = {1, 2, 3};
    for (uint32_t bytes = 23; bytes <= 25; bytes++) {
        Trace t;
        trace_open(&t, NULL);
        trace_begin(&t, 0);
        trace_kernel(&t, ETL_HEADER_SYSTEM64, TRACE_RAW, 0x8202, 5, 36, words, bytes); // 3 words
        trace_event(&t, TRACE_RAW + 1, 9);
        trace_end(&t);
        EtlReader *reader;
        EventRecord r = nth(&t, 0, &reader);
        bool fits = bytes >= 24;
        cr_assert_eq(r.payload_bytes, fits ? bytes - 24 : bytes);
        cr_assert_eq(r.ext_bytes, fits ? 16 + 24 : 0);
        cr_assert_eq(trace_told(reader, "counters reach past"), !fits);
        cr_assert_eq(etl_stats(reader)->malformed, fits ? 0 : 1);
        cr_assert_eq(etl_stats(reader)->bad_buffers, 0);
        Err err = ERR_INIT;
        cr_assert_eq(etl_next(reader, &r, &err), 1);
        cr_assert_eq(r.desc.id, 9);
        etl_close(reader);
        trace_free(&t);
    }
}

Test(etl_event, full_and_instance_headers) {
    static const struct {
        uint8_t type;
        uint16_t flags;
    } types[] = {
        {ETL_HEADER_FULL32, EVENT_POINTER32},
        {ETL_HEADER_FULL64, 0},
        {ETL_HEADER_INSTANCE32, EVENT_POINTER32},
        {ETL_HEADER_INSTANCE64, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        Trace t;
        trace_open(&t, NULL);
        trace_begin(&t, 0);
        trace_full(&t, types[i].type, TRACE_RAW, &some_guid, 1, "payload", 7);
        trace_end(&t);
        EtlReader *reader;
        EventRecord r = nth(&t, 0, &reader);
        cr_assert_eq(r.flags, EVENT_CLASSIC | types[i].flags);
        cr_assert(guid_equal(&r.provider, &some_guid));
        cr_assert_eq(r.desc.opcode, 1);
        cr_assert_eq(r.desc.level, 4);
        cr_assert_eq(r.desc.version, 3);
        cr_assert_eq(r.kernel_time, 7);
        cr_assert_eq(r.user_time, 8);
        cr_assert_eq(r.payload_bytes, 7);
        cr_assert_arr_eq(r.payload, "payload", 7);
        cr_assert_eq(r.ext_bytes, 0);
        etl_close(reader);
        trace_free(&t);
    }
}

Test(etl_event, schema_data_is_marked) {
    Trace t;
    trace_open(&t, NULL);
    trace_begin(&t, 0);
    for (uint8_t opcode = 31; opcode <= 34; opcode++)
        trace_full(&t, ETL_HEADER_FULL64, TRACE_RAW, &etl_guid_metadata, opcode, "x", 1);
    trace_manifest(&t, ETL_HEADER_EVENT32, TRACE_RAW, 0xfffe, NULL, 0, "x", 1);
    uint8_t *p = t.file.data + t.file.bytes - 0x58;
    cr_assert_eq(load_u16(p + 0x28), 0xfffe);
    p[0x2d] = 0xfe;
    store_u16(p + 0x2e, 0xfffe);
    trace_manifest(&t, ETL_HEADER_EVENT32, TRACE_RAW, 0xfffe, NULL, 0, "x",
                   1); // an id like any other
    trace_end(&t);
    EtlReader *reader = trace_read(&t);
    EventRecord r;
    Err err = ERR_INIT;
    static const bool expected[] = {false, false, true, true, false, true, false};
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        cr_assert_eq(etl_next(reader, &r, &err), 1);
        cr_assert_eq((r.flags & EVENT_SCHEMA_DATA) != 0, expected[i], "event %zu", i);
    }
    cr_assert_eq(etl_next(reader, &r, &err), 0);
    etl_close(reader);
    // The pre-scan yields these and nothing else.
    EtlOptions options = {0};
    options.schema_only = true;
    cr_assert_eq(etl_open_memory(t.file.data, t.file.bytes, &options, &reader, &err), 0);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(etl_next(reader, &r, &err), 1);
        cr_assert(r.flags & EVENT_SCHEMA_DATA);
    }
    cr_assert_eq(etl_next(reader, &r, &err), 0);
    etl_close(reader);
    trace_free(&t);
}

Test(etl_event, manifest_header_fields) {
    Trace t;
    trace_open(&t, NULL);
    trace_begin(&t, 0);
    size_t at = t.file.bytes;
    trace_manifest(&t, ETL_HEADER_EVENT64, TRACE_RAW, 0x1234, NULL, 0, "abc", 3);
    uint8_t *p = t.file.data + at;
    store_u16(p + 4, 0x0004);
    store_u16(p + 6, 0x0002);
    p[0x2a] = 3;
    p[0x2b] = 11;
    p[0x2c] = 5;
    p[0x2d] = 9;
    store_u16(p + 0x2e, 77);
    store_u64(p + 0x30, UINT64_C(0x8000000000000001));
    store_u32(p + 0x38, 4);
    store_u32(p + 0x3c, 5);
    p[0x40] = 0xaa;
    trace_end(&t);
    EtlReader *reader;
    EventRecord r = nth(&t, 0, &reader);
    cr_assert_eq(r.flags, EVENT_STRING_ONLY | EVENT_HAS_ACTIVITY);
    cr_assert_eq(r.header_flags, 4);
    cr_assert_eq(r.property, 2);
    cr_assert_eq(r.desc.id, 0x1234);
    cr_assert_eq(r.desc.version, 3);
    cr_assert_eq(r.desc.channel, 11);
    cr_assert_eq(r.desc.level, 5);
    cr_assert_eq(r.desc.opcode, 9);
    cr_assert_eq(r.desc.task, 77);
    cr_assert_eq(r.desc.keyword, UINT64_C(0x8000000000000001));
    cr_assert_eq(r.kernel_time, 4);
    cr_assert_eq(r.user_time, 5);
    cr_assert_eq(r.activity.b[0], 0xaa);
    cr_assert_eq(r.provider.b[0], 0x77);
    cr_assert_eq(r.tid, 101);
    cr_assert_eq(r.pid, 202);
    etl_close(reader);
    trace_free(&t);
}

static size_t item(uint8_t *to, uint32_t bytes, uint16_t type, uint16_t linkage, uint16_t data) {
    store_u16(to, (uint16_t)bytes);
    store_u16(to + 2, type);
    store_u16(to + 4, linkage);
    store_u16(to + 6, data);
    return bytes;
}

Test(etl_event, items_are_separated_from_the_payload) {
    uint8_t items[64] = {0};
    size_t n = item(items, 24, EVENT_ITEM_RELATED_ACTIVITY, 1, 16);
    n += item(items + n, 16, EVENT_ITEM_TRACELOGGING, 0, 5);
    Trace t;
    trace_open(&t, NULL);
    trace_begin(&t, 0);
    trace_manifest(&t, ETL_HEADER_EVENT64, TRACE_RAW, 1, items, n, "tail", 4);
    trace_end(&t);
    EtlReader *reader;
    EventRecord r = nth(&t, 0, &reader);
    cr_assert_eq(r.ext_bytes, 40);
    cr_assert_eq(r.flags, EVENT_TRACELOGGING);
    cr_assert_arr_eq(r.payload, "tail", 4);
    cr_assert_eq(r.payload_bytes, 4);
    EventItem found;
    cr_assert(event_item_find(&r, EVENT_ITEM_TRACELOGGING, &found));
    cr_assert_eq(found.bytes, 5);
    etl_close(reader);
    trace_free(&t);
}

// Trap 18: each kind of broken chain keeps the items before it, leaves the payload out, is told, and
// does not disturb the next event.
Test(etl_event, broken_item_chains) {
    static const struct {
        uint16_t bytes, linkage, data;
        bool intact;
    } second[] = {
        {16, 0, 8, true},      {16, 0, 9, false}, {16, 1, 8, false}, // linked, nothing follows
        {0, 0, 0, false},      {7, 0, 0, false},  {8, 0, 0, true},
        {12, 0, 4, false},     {24, 0, 8, false}, {0xffff, 0, 8, false},
        {0xfff8, 0, 8, false}, {16, 2, 8, true}, // reserved bits of the linkage word
    };
    for (size_t i = 0; i < ARRAY_COUNT(second); i++) {
        uint8_t items[40] = {0};
        size_t n = item(items, 24, EVENT_ITEM_SID, 1, 16);
        item(items + n, second[i].bytes, EVENT_ITEM_SESSION_ID, second[i].linkage, second[i].data);
        n += second[i].bytes == 8 ? 8 : 16;
        Trace t;
        trace_open(&t, NULL);
        trace_begin(&t, 0);
        trace_manifest(&t, ETL_HEADER_EVENT64, TRACE_RAW, 1, items, n, "", 0);
        trace_event(&t, TRACE_RAW + 1, 2);
        trace_end(&t);
        EtlReader *reader;
        EventRecord r = nth(&t, 0, &reader);
        cr_assert_eq(event_items_valid(r.ext, r.ext_bytes), r.ext_bytes);
        EventItem found;
        cr_assert(event_item_find(&r, EVENT_ITEM_SID, &found), "case %zu", i);
        cr_assert_eq(r.payload_bytes, 0);
        cr_assert_eq(etl_stats(reader)->malformed, second[i].intact ? 0 : 1, "case %zu", i);
        cr_assert_eq(trace_told(reader, "payload left out"), !second[i].intact, "case %zu", i);
        Err err = ERR_INIT;
        cr_assert_eq(etl_next(reader, &r, &err), 1);
        cr_assert_eq(r.desc.id, 2);
        etl_close(reader);
        trace_free(&t);
    }
    // Flag without room for one item.
    for (size_t n = 0; n <= 8; n++) {
        uint8_t items[8] = {8, 0, 1};
        Trace t;
        trace_open(&t, NULL);
        trace_begin(&t, 0);
        size_t at = t.file.bytes;
        trace_manifest(&t, ETL_HEADER_EVENT64, TRACE_RAW, 1, NULL, 0, items, n);
        store_u16(t.file.data + at + 4, 1);
        trace_end(&t);
        EtlReader *reader;
        EventRecord r = nth(&t, 0, &reader);
        cr_assert_eq(r.ext_bytes, n == 8 ? 8 : 0);
        cr_assert_eq(r.payload_bytes, 0);
        cr_assert_eq(trace_told(reader, "payload left out"), n < 8);
        etl_close(reader);
        trace_free(&t);
    }
}

// Trap 21, and every combination of the fields in front of a message's arguments.
Test(etl_event, messages_with_every_option) {
    for (uint32_t options = 0; options < 0x100; options++) {
        uint8_t fields[64];
        size_t n = 0;
        if (options & 1)
            n += 4;
        memset(fields, 0x63, sizeof fields);
        bool component = (options & 4) != 0, guid = !component && (options & 2) != 0;
        if (component)
            store_u32(fields + n, 0x1234);
        if (guid)
            memcpy(fields + n, some_guid.b, 16);
        n += component ? 4 : guid ? 16 : 0;
        if (options & 0x18) {
            store_i64(fields + n, TRACE_RAW + 50);
            n += 8;
        }
        if (options & 0x20) {
            store_u32(fields + n, 1);
            store_u32(fields + n + 4, 2);
            n += 8;
        }
        memcpy(fields + n, "args", 4);
        Trace t;
        trace_open(&t, NULL);
        trace_begin(&t, 0);
        trace_event(&t, TRACE_RAW + 20, 1);
        trace_wpp(&t, 53, (uint16_t)options, fields, n + 4);
        trace_end(&t);
        EtlReader *reader;
        EventRecord r = nth(&t, 1, &reader);
        cr_assert_eq(r.header_type, ETL_HEADER_MESSAGE);
        cr_assert_eq(r.header_flags, options);
        cr_assert_eq(r.desc.id, 53);
        cr_assert_eq(r.payload_bytes, 4, "options %x", options);
        cr_assert_arr_eq(r.payload, "args", 4);
        bool timed = (options & 8) != 0;
        cr_assert_eq(r.raw_time, TRACE_RAW + (timed ? 50 : 20), "options %x", options);
        uint32_t flags = EVENT_WPP;
        flags |= timed ? 0 : EVENT_TIME_GUESSED;
        flags |= (options & 0x20) ? 0 : EVENT_NO_IDS;
        flags |= (options & 0x40) ? EVENT_POINTER32 : 0;
        cr_assert_eq(r.flags, flags, "options %x", options);
        cr_assert_eq(r.tid, (options & 0x20) ? 1 : UINT32_MAX);
        cr_assert_eq(r.pid, (options & 0x20) ? 2 : UINT32_MAX);
        Guid expected = GUID_NULL;
        if (component)
            store_u32(expected.b, 0x1234);
        if (guid)
            expected = some_guid;
        cr_assert(guid_equal(&r.provider, &expected));
        etl_close(reader);
        trace_free(&t);
    }
}

Test(etl_event, message_too_short_for_its_fields) {
    uint8_t fields[48] = {0};
    store_i64(fields + 16, TRACE_RAW); // GUID, time and ids: 32 bytes
    for (size_t n = 0; n <= 33; n++) {
        Trace t;
        trace_open(&t, NULL);
        trace_begin(&t, 0);
        trace_wpp(&t, 1, 0x2a, fields, n);
        trace_event(&t, TRACE_RAW + 1, 2);
        trace_end(&t);
        EtlReader *reader;
        EventRecord r = nth(&t, 0, &reader);
        cr_assert(r.flags & EVENT_WPP);
        cr_assert_eq(r.payload_bytes, n < 32 ? n : n - 32);
        cr_assert_eq(trace_told(reader, "message too short"), n < 32);
        etl_close(reader);
        trace_free(&t);
    }
}
