#include <criterion/criterion.h>

#include "tests/etlgen/es_manifest.h"
#include "tests/etlgen/etlw_event.h"
#include "tests/etlgen/kernel_payload.h"
#include "tests/etlgen/tei.h"
#include "tests/etlgen/tl_builder.h"
#include "util/mem.h"

static bool is_utf16(const uint8_t *p, const char *ascii) {
    for (; *ascii != 0; ascii++, p += 2)
        if (p[0] != (uint8_t)*ascii || p[1] != 0)
            return false;
    return p[0] == 0 && p[1] == 0;
}

// --- events ---

Test(etlw_event, sizes_of_all_headers) {
    static const struct {
        uint8_t type;
        size_t bytes;
    } rows[] = {
        {ETL_HEADER_SYSTEM32, 0x20},   {ETL_HEADER_SYSTEM64, 0x20},   {ETL_HEADER_COMPACT32, 0x18},
        {ETL_HEADER_COMPACT64, 0x18},  {ETL_HEADER_PERFINFO32, 0x10}, {ETL_HEADER_PERFINFO64, 0x10},
        {ETL_HEADER_FULL32, 0x30},     {ETL_HEADER_FULL64, 0x30},     {ETL_HEADER_INSTANCE32, 0x48},
        {ETL_HEADER_INSTANCE64, 0x48}, {ETL_HEADER_EVENT32, 0x50},    {ETL_HEADER_EVENT64, 0x50},
        {ETL_HEADER_ERROR, 0x50},      {ETL_HEADER_MESSAGE, 8},       {ETL_HEADER_WNODE, 4},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        EtlwEvent e = {.header_type = rows[i].type, .payload = "abc", .payload_bytes = 3};
        cr_assert_eq(etlw_event_bytes(&e), rows[i].bytes + 3, "type %u", rows[i].type);
        uint8_t bytes[0x60];
        memset(bytes, 0xee, sizeof bytes);
        etlw_event_encode(&e, bytes);
        bool size_at_4 = rows[i].type < 10 || rows[i].type == 16 || rows[i].type == 17;
        cr_assert_eq(load_u16(bytes + (size_at_4 ? 4 : 0)), rows[i].bytes + 3);
        cr_assert_eq(bytes[3], rows[i].type == ETL_HEADER_MESSAGE ? 0x90 : 0xc0);
        cr_assert_eq(memcmp(bytes + rows[i].bytes, "abc", 3), 0);
        cr_assert_eq(bytes[rows[i].bytes + 3], 0xee); // no byte more
    }
}

Test(etlw_event, limit_of_16_bit_sizes) {
    EtlwEvent e = {.header_type = ETL_HEADER_EVENT64};
    e.payload_bytes = 65535 - 0x50;
    cr_assert_eq(etlw_event_bytes(&e), 65535);
    e.payload_bytes++;
    cr_assert_eq(etlw_event_bytes(&e), 0);
}

Test(etlw_event, counters_stand_behind_kernel_headers) {
    static const uint64_t counters[2] = {0x1111, 0x2222};
    EtlwEvent e = {
        .header_type = ETL_HEADER_PERFINFO64, .group = 0x0f, .pmc = counters, .n_pmc = 2};
    e.desc = (EventDescriptor){.version = 3, .opcode = 46};
    e.has_pebs = true;
    e.pebs = 0x9999;
    uint8_t bytes[0x10 + 24];
    cr_assert_eq(etlw_event_bytes(&e), sizeof bytes);
    etlw_event_encode(&e, bytes);
    cr_assert_eq(load_u16(bytes), 0x8000 | 2 << 8 | 3);
    cr_assert_eq(load_u64(bytes + 0x10), 0x9999);
    cr_assert_eq(load_u64(bytes + 0x18), 0x1111);
    cr_assert_eq(load_u64(bytes + 0x20), 0x2222);
}

Test(etlw_event, items_are_padded_and_linked) {
    const EtlwItem items[2] = {{3, 4, "\x02\x00\x00"}, {99, 9, "123456789"}};
    EtlwEvent e = {.header_type = ETL_HEADER_EVENT32, .items = items, .n_items = 2, .flags = 0x40};
    uint8_t bytes[0x50 + 16 + 24];
    cr_assert_eq(etlw_event_bytes(&e), sizeof bytes);
    etlw_event_encode(&e, bytes);
    cr_assert_eq(load_u16(bytes + 4), 0x41);
    static const uint8_t expected[] = {16,  0,   3,   0,   1,   0, 4, 0, 2, 0, 0,   0,   0,   0,
                                       0,   0,   24,  0,   99,  0, 0, 0, 9, 0, '1', '2', '3', '4',
                                       '5', '6', '7', '8', '9', 0, 0, 0, 0, 0, 0,   0};
    cr_assert_arr_eq(bytes + 0x50, expected, sizeof expected);
}

Test(etlw_event, groups_name_classes) {
    char text[GUID_TEXT];
    Guid g = etlw_group_guid(0x05, 1);
    cr_assert_str_eq(guid_format(&g, text), "3d6fa8d1-fe05-11d0-9dda-00c04fd7ba7c");
    g = etlw_group_guid(0x03, 10); // an image all the same
    cr_assert_str_eq(guid_format(&g, text), "2cb15d1d-5fc1-11d2-abe1-00a0c911f518");
    g = etlw_group_guid(0x1e, 0);
    cr_assert_str_eq(guid_format(&g, text), "2ce9a149-effe-42f0-a635-a1d39e26c8f2");
    g = etlw_group_guid(0x1f, 0);
    cr_assert(guid_is_null(&g));
}

// --- schema blobs ---

Test(tei, offsets_lead_to_the_strings) {
    static const TeiField fields[] = {
        {.name = "Mode", .in_type = IN_U32, .out_type = OUT_UINT, .map = "ModeMap"},
        {.name = "Data", .in_type = IN_BINARY, .flags = TEI_PARAM_LENGTH, .length = 0},
    };
    TeiEvent e = {.desc = {.id = 7,
                           .version = 2,
                           .channel = 16,
                           .level = 4,
                           .opcode = 1,
                           .task = 9,
                           .keyword = 0x21}};
    e.provider_name = "Prov";
    e.keyword_names = "One|Two";
    e.message = "hello %1";
    e.fields = fields;
    e.n_fields = e.n_top = 2;
    Buf b = BUF_INIT;
    buf_u32(&b, 0); // offsets are relative to the blob, wherever it begins
    tei_event(&b, &e);
    cr_assert_not(b.failed);
    const uint8_t *p = b.data + 4;
    cr_assert_eq(load_u16(p + 0x20), 7);
    cr_assert_eq(load_u16(p + 0x26), 9);
    cr_assert_eq(load_u64(p + 0x28), 0x21);
    cr_assert(is_utf16(p + load_u32(p + 0x34), "Prov"));
    cr_assert_eq(load_u32(p + 0x38), 0); // no level name
    cr_assert(is_utf16(p + load_u32(p + 0x40), "One"));
    cr_assert(is_utf16(p + load_u32(p + 0x40) + 8, "Two"));
    cr_assert_eq(load_u16(p + load_u32(p + 0x40) + 16), 0); // end of the list
    cr_assert(is_utf16(p + load_u32(p + 0x4c), "hello %1"));
    cr_assert_eq(load_u32(p + 0x64), 2);
    cr_assert_eq(load_u32(p + 0x68), 2);
    cr_assert(is_utf16(p + load_u32(p + 0x70 + 4), "Mode"));
    cr_assert(is_utf16(p + load_u32(p + 0x70 + 0xc), "ModeMap"));
    cr_assert_eq(load_u16(p + 0x70 + 0x10), 1); // count
    cr_assert_eq(load_u32(p + 0x88), TEI_PARAM_LENGTH);
    cr_assert(is_utf16(p + load_u32(p + 0x88 + 4), "Data"));
    cr_assert_eq(load_u32(p + 0x88 + 0xc), 0);
    buf_deinit(&b);
}

Test(tei, map_is_like_the_real_specimen) {
    // etl-specimens: DnsIpTypeMap {1 "static ", 2 "dynamic "}-like layout, 0x40 bytes of head.
    static const TeiMapEntry entries[] = {{0, "static"}, {1, "dynamic"}};
    const TeiMap map = {"DnsIpTypeMap", TEI_MAP_VALUES, entries, 2};
    Buf b = BUF_INIT;
    tei_map(&b, &map);
    static const uint32_t words[] = {0x20, 1, 2, 0, 0x3a, 0, 0x4a, 1};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        cr_assert_eq(load_u32(b.data + i * 4), words[i], "word %zu is %x", i,
                     load_u32(b.data + i * 4));
    cr_assert(is_utf16(b.data + 0x20, "DnsIpTypeMap"));
    cr_assert(is_utf16(b.data + 0x3a, "static "));
    cr_assert(is_utf16(b.data + 0x4a, "dynamic "));
    buf_deinit(&b);
}

// --- TraceLogging ---

Test(tl_builder, metadata_bytes) {
    Buf b = BUF_INIT;
    TlBuilder tl = tlb_begin(&b, "E", 0);
    tlb_field(&tl, "a", IN_UTF16, 0, 0);
    tlb_field(&tl, "b", IN_U8, 3, 0);
    tlb_field(&tl, "c", IN_U8, 0, 0x80);
    tlb_const_array(&tl, "d", IN_U16, 0, 3);
    tlb_var_array(&tl, "e", IN_U16, 4);
    tlb_struct(&tl, "f", 2, 0);
    tlb_custom(&tl, "g", IN_U8, 0, "xy", 2);
    tlb_end(&tl);
    static const uint8_t expected[] = {
        40, 0,    0, 'E', 0,   'a', 0,    1, 'b', 0, 0x84, 3, 'c', 0, 0x84, 0x80, 0x81, 0x00, 'd',
        0,  0x26, 3, 0,   'e', 0,   0xc6, 4, 'f', 0, 0x98, 2, 'g', 0, 0x64, 2,    0,    'x',  'y'};
    cr_assert_eq(b.bytes, sizeof expected, "%zu bytes", b.bytes);
    cr_assert_eq(load_u16(b.data), b.bytes);
    cr_assert_arr_eq(b.data + 2, expected + 2, sizeof expected - 2);
    buf_deinit(&b);
}

Test(tl_builder, tags_take_one_to_four_bytes) {
    static const struct {
        uint32_t tags;
        uint8_t bytes[4];
        size_t n;
    } rows[] = {
        {0, {0}, 1},
        {0x7f, {0x7f}, 1},
        {0x80, {0x81, 0x00}, 2},
        {0x3fff, {0xff, 0x7f}, 2},
        {0x4000, {0x81, 0x80, 0x00}, 3},
        {0x1fffff, {0xff, 0xff, 0x7f}, 3},
        {0x200000, {0x81, 0x80, 0x80, 0x00}, 4},
        {0xfffffff, {0xff, 0xff, 0xff, 0x7f}, 4},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        Buf b = BUF_INIT;
        TlBuilder tl = tlb_begin(&b, "", rows[i].tags);
        tlb_end(&tl);
        cr_assert_eq(b.bytes, 2 + rows[i].n + 1);
        cr_assert_arr_eq(b.data + 2, rows[i].bytes, rows[i].n);
        buf_deinit(&b);
    }
}

Test(tl_builder, traits_with_and_without_a_group) {
    static const Guid group = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    Buf b = BUF_INIT;
    tlb_traits(&b, "solar_system", NULL);
    static const uint8_t plain[] = {15,  0,   's', 'o', 'l', 'a', 'r', '_',
                                    's', 'y', 's', 't', 'e', 'm', 0};
    cr_assert_eq(b.bytes, sizeof plain);
    cr_assert_arr_eq(b.data, plain, sizeof plain);
    buf_clear(&b);
    tlb_traits(&b, "p", &group);
    cr_assert_eq(b.bytes, 2 + 2 + 19);
    cr_assert_eq(load_u16(b.data), b.bytes);
    cr_assert_eq(load_u16(b.data + 4), 19);
    cr_assert_eq(b.data[6], 1);
    buf_deinit(&b);
}

// --- manifests ---

Test(es_manifest, chunks_put_together_give_the_manifest) {
    static const EsManifestField field = {"x", "win:Int32", NULL, NULL, NULL};
    static const EsManifestEvent event = {1, 0, 4, 0, 0, "E", NULL, "a < b & \"c\"", &field, 1};
    const EsManifest m = {.name = "N", .events = &event, .n_events = 1};
    Buf xml = BUF_INIT, whole = BUF_INIT, chunk = BUF_INIT;
    es_manifest_xml(&xml, &m);
    cr_assert_not_null(strstr(buf_str(&xml), "a &lt; b &amp; &quot;c&quot;"));
    const uint32_t sizes[] = {1, 100, (uint32_t)xml.bytes - 1, (uint32_t)xml.bytes,
                              (uint32_t)xml.bytes + 1};
    const uint32_t counts[] = {(uint32_t)xml.bytes, (uint32_t)((xml.bytes + 99) / 100), 2, 1, 1};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        buf_clear(&whole);
        uint32_t n = es_manifest_chunks(xml.bytes, sizes[i]);
        cr_assert_eq(n, counts[i]);
        for (uint32_t k = 0; k < n; k++) {
            buf_clear(&chunk);
            es_manifest_chunk(&chunk, xml.data, xml.bytes, sizes[i], k);
            cr_assert_eq(load_u32(chunk.data), 0x5b000101u);
            cr_assert_eq(load_u16(chunk.data + 4), (uint16_t)n);
            cr_assert_eq(load_u16(chunk.data + 6), (uint16_t)k);
            buf_append(&whole, chunk.data + 8, chunk.bytes - 8);
        }
        cr_assert_eq(whole.bytes, xml.bytes);
        cr_assert_arr_eq(whole.data, xml.data, xml.bytes);
    }
    buf_deinit(&xml);
    buf_deinit(&whole);
    buf_deinit(&chunk);
    cr_assert_eq(mem_in_use(), 0);
}

// --- kernel payloads: the fixed parts have the sizes of etl-format H ---

static size_t bytes_of(Buf *b) {
    size_t n = b->bytes;
    cr_assert_not(b->failed);
    buf_clear(b);
    return n;
}

Test(kernel_payload, fixed_sizes) {
    Buf b = BUF_INIT;
    const KpFile f = {1, 2, 3, 4};
    for (uint8_t ps = 4; ps <= 8; ps = (uint8_t)(ps + 4)) {
        KpProcess p = {.image = "", .command_line = ""};
        static const size_t fixed[6] = {0,  16, 16,
                                        16, 20, 28}; // without pointers; version 4 and 5 with flags
        for (uint8_t v = 1; v <= 5; v++) {
            size_t pointers = v >= 3 ? 2 : 1, strings = v >= 4 ? 7 : v >= 2 ? 3 : 1;
            kp_process(&b, ps, v, &p);
            cr_assert_eq(bytes_of(&b), fixed[v] + pointers * ps + 4 + strings, "process v%u, %u", v,
                         ps);
        }
        static const SidSpec system = {5, 1, {18}};
        p.sid = &system;
        kp_process(&b, ps, 1, &p);
        cr_assert_eq(bytes_of(&b), 16u + ps + 2u * ps + 12 + 1);
        KpThread t = {.name = NULL};
        kp_thread(&b, ps, &t);
        cr_assert_eq(bytes_of(&b), 8u + 7u * ps + 8);
        KpImage i = {.file_name = ""};
        kp_image(&b, ps, 1, &i);
        cr_assert_eq(bytes_of(&b), 2u * ps + 4 + 2);
        kp_image(&b, ps, 3, &i);
        cr_assert_eq(bytes_of(&b), 3u * ps + 4 + 12 + 16 + 2);
        kp_file_create(&b, ps, &f, 0, 0, 0, "");
        cr_assert_eq(bytes_of(&b), 2u * ps + 16 + 2);
        kp_file_io(&b, ps, &f, 0, 0, 0);
        cr_assert_eq(bytes_of(&b), 8 + 3u * ps + 16);
        kp_file_info(&b, ps, &f, 0, 0);
        cr_assert_eq(bytes_of(&b), 4u * ps + 8);
        kp_file_dir(&b, ps, &f, 0, 0, "");
        cr_assert_eq(bytes_of(&b), 3u * ps + 16 + 2);
        kp_file_end(&b, ps, &f, 0, 0);
        cr_assert_eq(bytes_of(&b), 2u * ps + 4);
        kp_registry(&b, ps, 0, 0, 0, 0, "");
        cr_assert_eq(bytes_of(&b), (ps == 8 ? 24u : 20u) + 2);
        kp_disk_io(&b, ps, &f, 0, 0, 0, 0);
        cr_assert_eq(bytes_of(&b), 24 + 2u * ps + 12);
        kp_sample(&b, ps, 0, 0, 0);
        cr_assert_eq(bytes_of(&b), ps + 8u);
        KpFlow flow = {.pid = 1};
        kp_tcp_send(&b, ps, &flow, 0, 0, 0);
        cr_assert_eq(bytes_of(&b), 20 + 12 + (size_t)ps);
        kp_tcp_connect(&b, ps, &flow, 0);
        cr_assert_eq(bytes_of(&b), 20 + 20 + (size_t)ps);
        kp_net_plain(&b, ps, &flow, 0);
        cr_assert_eq(bytes_of(&b), 20 + 4 + (size_t)ps);
    }
    kp_cswitch(&b, 1, 2, 3, 4, 5, 6);
    cr_assert_eq(bytes_of(&b), 24);
    kp_ready(&b, 1);
    cr_assert_eq(bytes_of(&b), 8);
    buf_deinit(&b);
}

Test(kernel_payload, addresses_and_ports_are_in_network_order) {
    Buf b = BUF_INIT;
    KpFlow f = {.pid = 7, .bytes = 9, .local4 = 0x0a000001, .remote4 = 0xc0a80117};
    f.local_port = 0x1234;
    f.remote_port = 443;
    f.connection = 5;
    kp_net_plain(&b, 8, &f, 3);
    static const uint8_t expected[] = {7,    0,  0, 0, 9, 0, 0,    0,    0xc0, 0xa8, 0x01,
                                       0x17, 10, 0, 0, 1, 1, 0xbb, 0x12, 0x34, 3,    0,
                                       0,    0,  5, 0, 0, 0, 0,    0,    0,    0};
    cr_assert_eq(b.bytes, sizeof expected);
    cr_assert_arr_eq(b.data, expected, sizeof expected);
    buf_deinit(&b);
}

Test(blob, sid_is_as_windows_stores_it) {
    static const SidSpec ana = {5, 2, {32, 544}};
    static const uint8_t expected[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0};
    Buf b = BUF_INIT;
    blob_sid(&b, &ana);
    cr_assert_eq(b.bytes, sizeof expected);
    cr_assert_arr_eq(b.data, expected, sizeof expected);
    buf_clear(&b);
    blob_user_sid(&b, 8, NULL);
    cr_assert_eq(b.bytes, 4);
    cr_assert_eq(load_u32(b.data), 0);
    buf_deinit(&b);
}
