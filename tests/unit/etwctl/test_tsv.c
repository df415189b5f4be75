#include <criterion/criterion.h>

#include "client/etwctl/crc32.h"
#include "client/etwctl/tsv.h"

Test(etwctl_crc32, check_values_at_each_length_of_a_step, .init = crc32_init) {
    // The published check value, and zlib's of 0 … n-1.
    static const struct {
        size_t bytes;
        uint32_t crc;
    } known[] = {{0, 0x00000000}, {1, 0xd202ef8d},  {7, 0xad5809f9}, {8, 0x88aa689f},
                 {9, 0xbce14302}, {16, 0xcecee288}, {17, 0x2c183a19}};
    uint8_t data[32];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    cr_assert_eq(crc32_update(0, "123456789", 9), 0xcbf43926u);
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        cr_assert_eq(crc32_update(0, data, known[i].bytes), known[i].crc, "%zu bytes",
                     known[i].bytes);
    for (size_t cut = 0; cut <= 17; cut++)
        cr_assert_eq(crc32_update(crc32_update(0, data, cut), data + cut, 17 - cut), 0x2c183a19u,
                     "cut at %zu", cut);
}

static const uint8_t payload[3] = {1, 2, 3};

static EventRecord record_of(uint8_t type) {
    return (EventRecord){
        .provider =
            GUID_INIT(0x11111111, 0x2222, 0x3333, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55),
        .desc = {.id = 5,
                 .version = 1,
                 .channel = 16,
                 .level = 4,
                 .opcode = 2,
                 .task = 9,
                 .keyword = UINT64_MAX},
        .time = 132449000000034000,
        .raw_time = -5,
        .pid = 8,
        .tid = 7,
        .cpu = 3,
        .header_type = type,
        .header_flags = 1,
        .payload = payload,
        .payload_bytes = sizeof payload,
    };
}

static const char *line(Buf *out, const EventRecord *r) {
    buf_clear(out);
    tsv_row(out, 34, r);
    return buf_str(out);
}

Test(etwctl_tsv, a_manifest_event_without_items, .init = crc32_init) {
    Buf out = BUF_INIT;
    EventRecord r = record_of(ETL_HEADER_EVENT64);
    cr_assert_str_eq(line(&out, &r), "34\t-5\t132449000000034000\t3\t19\t11111111-2222-3333-4444-"
                                     "555555555555\t5\t1\t4\t2\t9\t16\t"
                                     "18446744073709551615\t8\t7\t8\t1\t3\t55bc801d\t\t-\n");
    buf_deinit(&out);
}

Test(etwctl_tsv, classic_events_have_no_id_and_some_no_process, .init = crc32_init) {
    Buf out = BUF_INIT;
    EventRecord r = record_of(ETL_HEADER_PERFINFO32);
    r.flags = EVENT_CLASSIC | EVENT_POINTER32 | EVENT_NO_IDS;
    r.pid = r.tid = UINT32_MAX;
    cr_assert(strstr(line(&out, &r), "5555\t-1\t1\t4\t2\t9\t16\t18446744073709551615\t-1\t-1\t4\t"),
              "%s", buf_str(&out));
    // A header that has ids may have one of all ones: then that is its number.
    r.flags = EVENT_CLASSIC;
    cr_assert(strstr(line(&out, &r), "\t4294967295\t4294967295\t8\t"), "%s", buf_str(&out));
    buf_deinit(&out);
}

Test(etwctl_tsv, wpp_messages_without_a_guid_say_so, .init = crc32_init) {
    Buf out = BUF_INIT;
    EventRecord r = record_of(ETL_HEADER_MESSAGE);
    r.flags = EVENT_WPP;
    r.header_flags = 0x2a; // GUID
    cr_assert(strstr(line(&out, &r), "\t15\t11111111-2222-3333-4444-555555555555\t-1\t"), "%s",
              buf_str(&out));
    r.header_flags = 0x2e; // a component id wins
    cr_assert(strstr(line(&out, &r), "\t15\tcomponent-11111111\t-1\t"), "%s", buf_str(&out));
    r.header_flags = 0x28;
    cr_assert(strstr(line(&out, &r), "\t15\tmessage-noguid\t-1\t"), "%s", buf_str(&out));
    buf_deinit(&out);
}

Test(etwctl_tsv, items_are_listed_and_summed_up, .init = crc32_init) {
    enum { MANY = 300 };
    static uint8_t ext[MANY * (EVENT_ITEM_HEAD + 8)];
    Buf out = BUF_INIT;
    EventRecord r = record_of(ETL_HEADER_EVENT64);
    uint32_t n = event_item_put(ext, EVENT_ITEM_SESSION_ID, "\x01\x00\x00\x00", 4);
    n += event_item_put(ext + n, EVENT_ITEM_EVENT_KEY, "abcdefgh", 8);
    r.ext = ext;
    r.ext_bytes = n;
    cr_assert_str_eq(strstr(line(&out, &r), "\t55bc801d\t") + 10, "3:4,10:8\t2bbd7f39\n");
    // As many as fit into an event: the line grows.
    r.ext_bytes = 0;
    for (int i = 0; i < MANY; i++)
        r.ext_bytes += event_item_put(ext + r.ext_bytes, EVENT_ITEM_EVENT_KEY, "abcdefgh", 8);
    const char *text = line(&out, &r);
    size_t commas = 0;
    for (const char *p = text; *p; p++)
        commas += *p == ',';
    cr_assert_eq(commas, MANY - 1);
    cr_assert_eq(out.bytes, strlen(text));
    buf_deinit(&out);
}
