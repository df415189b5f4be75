// The whole event as JSON: the shape of docs/EVENT.md, literally.
#include "unit/event/make.h"

#include "util/mem.h"

static const Guid dns =
    GUID_INIT(0x1c95126e, 0x7eea, 0x49a9, 0xa3, 0xfe, 0xa3, 0x78, 0xb0, 0x3d, 0xdb, 0x4d);

static const SchemaField fields[] = {FIELD("QueryName", IN_UTF16, OUT_STRING),
                                     FIELD("Status", IN_U32, OUT_WIN32_ERROR)};

// A DNS event with every name, a message and an activity.
static void make_dns(Made *m, const char *hex) {
    make(m, fields, 2, 2, hex, 8);
    m->record.provider = m->schema->provider = dns;
    m->record.desc = (EventDescriptor){3008, 1, 16, 4, 0, 7, UINT64_C(0x8000000000000010)};
    m->record.time = INT64_C(132404548206236167);
    m->record.cpu = 3;
    m->schema->provider_name = "Microsoft-Windows-DNS-Client";
}

static const char *event_text(Made *m, const char *tail) {
    buf_clear(&m->out);
    event_json(&m->out, &m->record, m->schema, 0, tail);
    cr_assert(!m->out.failed);
    return buf_str(&m->out);
}

#define SYSTEM_START                                                                               \
    "{\"System\":{\"Provider\":{\"Name\":\"Microsoft-Windows-DNS-Client\","                        \
    "\"Guid\":\"{1c95126e-7eea-49a9-a3fe-a378b03ddb4d}\"},\"EventID\":3008,\"Version\":1,"         \
    "\"Channel\":16,\"Level\":4,\"Task\":7,\"Opcode\":0,\"Keywords\":\"0x8000000000000010\""
#define SYSTEM_END                                                                                 \
    ",\"TimeStamp\":\"2020-07-29T00:07:00.6236167Z\",\"ProcessID\":4660,\"ThreadID\":22136,"       \
    "\"Processor\":3"
#define JSON_IS(m, tail, expected)                                                                 \
    cr_assert_str_eq(event_text(m, tail), expected, "%s", buf_str(&(m)->out))

Test(event_json, plain) {
    Made m;
    make_dns(&m, "6100 0000 2b230000");
    JSON_IS(&m, NULL,
            SYSTEM_START SYSTEM_END "},\"EventData\":{\"QueryName\":\"a\",\"Status\":\"0x0000232B "
                                    "(DNS_ERROR_RCODE_NAME_ERROR)\"}}");
    made_free(&m);
}

Test(event_json, all_names_message_activity_tail) {
    Made m;
    make_dns(&m, "6100 0000 00000000");
    m.schema->event_name = "DnsQuery";
    m.schema->level_name = "Information";
    m.schema->task_name = "Query";
    m.schema->opcode_name = "Info";
    m.schema->channel_name = "Microsoft-Windows-DNS-Client/Operational";
    m.schema->keyword_names = "A, B";
    m.schema->message = "query \"%1\"%n";
    m.record.flags |= EVENT_HAS_ACTIVITY;
    m.record.activity = dns;
    uint8_t ext[24];
    m.record.ext = ext;
    m.record.ext_bytes = event_item_put(ext, EVENT_ITEM_RELATED_ACTIVITY, dns.b, 16);
    JSON_IS(&m, ",\"Enriched\":{\"ProcessName\":\"x\"}",
            SYSTEM_START
            ",\"EventName\":\"DnsQuery\",\"LevelName\":\"Information\",\"TaskName\":\"Query\","
            "\"OpcodeName\":\"Info\",\"ChannelName\":\"Microsoft-Windows-DNS-Client/Operational\","
            "\"KeywordNames\":\"A, B\"" SYSTEM_END
            ",\"ActivityID\":\"{1c95126e-7eea-49a9-a3fe-a378b03ddb4d}\","
            "\"RelatedActivityID\":\"{1c95126e-7eea-49a9-a3fe-a378b03ddb4d}\"},"
            "\"Message\":\"query \\\"a\\\"\\n\",\"EventData\":{\"QueryName\":\"a\","
            "\"Status\":\"0x00000000 (ERROR_SUCCESS)\"},\"Enriched\":{\"ProcessName\":\"x\"}}");
    made_free(&m);
}

Test(event_json, unknown_ids_are_null) {
    Made m;
    make_dns(&m, "0000 00000000");
    m.record.flags |= EVENT_NO_IDS;
    m.record.pid = m.record.tid = UINT32_MAX;
    cr_assert(strstr(event_text(&m, NULL), ",\"ProcessID\":null,\"ThreadID\":null,") != NULL);
    m.record.pid = UINT32_MAX - 1;
    m.record.tid = 0;
    cr_assert(strstr(event_text(&m, NULL), ",\"ProcessID\":4294967294,\"ThreadID\":0,") != NULL);
    made_free(&m);
}

Test(event_json, undecodable) {
    Made m;
    make_dns(&m, "0a0B");
    m.schema->source = SCHEMA_NONE;
    m.schema->undecodable = UNDECODABLE_WPP;
    m.schema->provider_name = "";
    JSON_IS(&m, NULL,
            "{\"System\":{\"Provider\":{\"Name\":null,"
            "\"Guid\":\"{1c95126e-7eea-49a9-a3fe-a378b03ddb4d}\"},\"EventID\":3008,\"Version\":1,"
            "\"Channel\":16,\"Level\":4,\"Task\":7,\"Opcode\":0,"
            "\"Keywords\":\"0x8000000000000010\"" SYSTEM_END
            "},\"Undecodable\":\"a WPP message needs its provider's TMF or PDB file\","
            "\"Raw\":\"0a0b\"}");
    buf_clear(&m.out);
    event_json(&m.out, &m.record, NULL, 0, NULL);
    cr_assert(strstr(buf_str(&m.out), "\"Undecodable\":\"no manifest, metadata or class "
                                      "describes it\",\"Raw\":\"0a0b\"}") != NULL);
    made_free(&m);
}

Test(event_json, what_the_schema_leaves_over) {
    Made m;
    make_dns(&m, "0000 00000000 cafe");
    cr_assert(strstr(event_text(&m, NULL), "},\"Trailing\":\"cafe\"}") != NULL);
    made_free(&m);
    make_dns(&m, "0000 000000");
    cr_assert(strstr(event_text(&m, NULL), "\"Status\":null},\"Incomplete\":true,"
                                           "\"Trailing\":\"000000\"}") != NULL);
    made_free(&m);
    make_dns(&m, "0000");
    cr_assert(strstr(event_text(&m, NULL), "\"Status\":null}}") != NULL, "shorter is no damage");
    made_free(&m);
}

Test(event_json, names_that_stand_twice) {
    const SchemaField f[] = {FIELD("Pad", IN_U8, OUT_DEFAULT), FIELD("pad", IN_U8, OUT_DEFAULT),
                             FIELD("Pad", IN_U8, OUT_DEFAULT), FIELD("a\"b\\", IN_U8, OUT_DEFAULT),
                             FIELD("Pad", IN_U8, OUT_DEFAULT), FIELD("a\"b\\", IN_U8, OUT_DEFAULT)};
    Made m;
    make(&m, f, 6, 6, "010203040506", 8);
    cr_assert_str_eq(made_payload_json(&m),
                     "{\"Pad\":1,\"pad\":2,\"Pad#2\":3,\"a\\\"b\\\\\":4,\"Pad#3\":5,"
                     "\"a\\\"b\\\\#2\":6}");
    made_free(&m);
}

Test(event_json, inside_another_writer) {
    Made m;
    make_dns(&m, "6100 0000 05000000");
    JsonWriter w = jsonw(&m.out);
    jsonw_array(&w);
    jsonw_u64(&w, 1);
    payload_json(&w, &m.payload, 0);
    Value v = payload_value(&m.payload, 0);
    value_json(&w, &m.payload, &v, 0);
    jsonw_array_end(&w);
    cr_assert_str_eq(buf_str(&m.out), "[1,{\"QueryName\":\"a\",\"Status\":\"0x00000005 "
                                      "(ERROR_ACCESS_DENIED)\"},\"a\"]");
    made_free(&m);
}

// ---- Extended ----

typedef struct ItemCase {
    uint16_t type;
    const char *hex, *json;
} ItemCase;

Test(event_json, extended_items) {
    static const ItemCase cases[] = {
        {2, "010500000000000515000000010000000200000003000000e9030000",
         "\"UserSid\":\"S-1-5-21-1-2-3-1001\""},
        {3, "02000000", "\"SessionID\":2"},
        {4, "010000000200000011111111222233334444555555555555",
         "\"InstanceId\":1,\"ParentInstanceId\":2,"
         "\"ParentGuid\":\"{11111111-2222-3333-4444-555555555555}\""},
        {5, "00000000000000003412008000104000",
         "\"StackTrace\":[\"0x80001234\",\"0x401000\"],\"StackMatchId\":\"0x0\""},
        {6, "4d000000000000000010000000f8ffff00100000f67f0000",
         "\"StackTrace\":[\"0xFFFFF80000001000\",\"0x7FF600001000\"],\"StackMatchId\":\"0x4D\""},
        {6, "0000000000000000", "\"StackTrace\":[],\"StackMatchId\":\"0x0\""},
        {7, "0900000000000000", "\"PebsIndex\":\"0x9\""},
        {8, "0a000000000000000b00000000000000", "\"PmcCounters\":[10,11]"},
        {8, "ffffffffffffffff", "\"PmcCounters\":[\"18446744073709551615\"]"},
        {9, "50006b0067005f0031002e0030000000", "\"PsmKey\":\"Pkg_1.0\""},
        {10, "2211000000000000", "\"EventKey\":\"0x1122\""},
        {12, "1d0053796e746800130001111111112222333344445555555555550000",
         "\"ProviderTraits\":{\"Name\":\"Synth\","
         "\"GroupGuid\":\"{11111111-2222-3333-4444-555555555555}\"}"},
        {12, "080053796e746800", "\"ProviderTraits\":{\"Name\":\"Synth\"}"},
        {12, "ff0053796e7468", "\"ProviderTraits\":{\"Name\":\"Synth\"}"},
        {12, "0200", "\"ProviderTraits\":{\"Name\":\"\"}"},
        {12, "0000", "\"ProviderTraits\":{\"Name\":\"\"}"},
        {13, "0100000003000000", "\"ProcessStartKey\":12884901889"},
        {14, "11111111222233334444555555555555",
         "\"ControlGuid\":\"{11111111-2222-3333-4444-555555555555}\""},
        {15, "0500000000000000", "\"QpcDelta\":5"},
        {16, "11111111222233334444555555555555",
         "\"ContainerID\":\"{11111111-2222-3333-4444-555555555555}\""},
        {17, "0000000000000000adde0000", "\"StackKey\":\"0xDEAD\",\"StackKeyMatchId\":\"0x0\""},
        {18, "01000000000000000010000080faffff",
         "\"StackKey\":\"0xFFFFFA8000001000\",\"StackKeyMatchId\":\"0x1\""},
        // too short, malformed, unknown: raw
        {3, "020000", "\"Items\":[{\"Type\":3,\"Data\":\"020000\"}]"},
        {18, "01000000000000000010000080faff",
         "\"Items\":[{\"Type\":18,\"Data\":\"01000000000000000010000080faff\"}]"},
        {2, "0110000000000005", "\"Items\":[{\"Type\":2,\"Data\":\"0110000000000005\"}]"},
        {0, "01", "\"Items\":[{\"Type\":0,\"Data\":\"01\"}]"},
        {19, "", "\"Items\":[{\"Type\":19,\"Data\":\"\"}]"},
        {65535, "01", "\"Items\":[{\"Type\":65535,\"Data\":\"01\"}]"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        Made m;
        make_dns(&m, "0000 00000000");
        uint8_t data[64], ext[128];
        uint16_t n = (uint16_t)from_hex(cases[i].hex, data, sizeof data);
        m.record.ext = ext;
        m.record.ext_bytes = event_item_put(ext, cases[i].type, data, n);
        const char *json = event_text(&m, NULL), *at = strstr(json, ",\"Extended\":{");
        cr_assert(at != NULL, "case %zu: %s", i, json);
        at += strlen(",\"Extended\":{");
        size_t want = strlen(cases[i].json);
        cr_assert(strncmp(at, cases[i].json, want) == 0 && strcmp(at + want, "}}") == 0,
                  "case %zu: %s", i, at);
        made_free(&m);
    }
}

Test(event_json, several_and_repeated_items) {
    Made m;
    make_dns(&m, "0000 00000000");
    uint8_t ext[256];
    uint32_t n = event_item_put(ext, 3, "\x01\0\0", 4);
    n += event_item_put(ext + n, 99, "\xaa", 1);
    n += event_item_put(ext + n, 13, "\x05\0\0\0\0\0\0", 8);
    n += event_item_put(ext + n, 3, "\x02\0\0", 4);
    m.record.ext = ext;
    m.record.ext_bytes = n;
    cr_assert(strstr(event_text(&m, NULL),
                     ",\"Extended\":{\"SessionID\":1,\"ProcessStartKey\":5,\"Items\":["
                     "{\"Type\":99,\"Data\":\"aa\"},{\"Type\":3,\"Data\":\"02000000\"}]}}") != NULL,
              "%s", buf_str(&m.out));
    // items that are shown elsewhere make no empty Extended
    n = event_item_put(ext, EVENT_ITEM_RELATED_ACTIVITY, dns.b, 16);
    n += event_item_put(ext + n, EVENT_ITEM_TRACELOGGING, "\x02\0", 2);
    m.record.ext_bytes = n;
    cr_assert(strstr(event_text(&m, NULL), "Extended") == NULL);
    made_free(&m);
}

Test(event_json, every_allocation_may_fail) {
    // what is written when memory ends is a prefix of the whole, and the Buf says so
    Made m;
    make_dns(&m, "6100 0a00 0000 05000000");
    m.schema->message = "it said %1";
    Buf whole = BUF_INIT;
    event_json(&whole, &m.record, m.schema, 0, NULL);
    cr_assert(!whole.failed);
    for (size_t limit = 1; limit < whole.bytes; limit += 7) {
        Buf cut = BUF_INIT;
        cut.limit = limit;
        event_json(&cut, &m.record, m.schema, 0, NULL);
        cr_assert(cut.failed && cut.bytes <= limit, "limit %zu", limit);
        buf_deinit(&cut);
    }
    buf_deinit(&whole);
    made_free(&m);
}

Test(event_json, takes_no_memory_of_its_own) {
    // once the output's memory is there, an event costs no allocation: arrays, maps, messages
    static const SchemaMapEntry bits[] = {{1, "\"one\""}, {2, "two"}};
    static const SchemaMap map = {"Bits", true, 2, bits};
    SchemaField f[] = {COUNTED("Stack", IN_POINTER, OUT_DEFAULT, EXTENT_FIXED, 2),
                       FIELD("Flags", IN_U32, OUT_DEFAULT), FIELD("R", IN_DOUBLE, OUT_DEFAULT),
                       FIELD("Sid", IN_SID, OUT_DEFAULT), FIELD("Name", IN_UTF16, OUT_DEFAULT)};
    f[1].map = &map;
    Made m;
    make(&m, f, 5, 5,
         "0100000000000000 0200000000000000 03000000 9a9999999999b93f 0101000000000005 12000000"
         "6100 0a00 0000",
         8);
    m.schema->message = "%5 \"%1\" %2 %3!s! %4";
    event_text(&m, NULL);
    cr_assert(strstr(buf_str(&m.out), "\"Flags\":\"\\\"one\\\" | two\",\"R\":0.1") != NULL, "%s",
              buf_str(&m.out));
    size_t before = mem_calls();
    for (int i = 0; i < 100; i++) {
        buf_clear(&m.out);
        event_json(&m.out, &m.record, m.schema, 0, NULL);
        buf_clear(&m.out);
        event_summary(&m.out, &m.record, m.schema, 100);
        buf_clear(&m.out);
        event_label(&m.out, &m.record, m.schema);
    }
    cr_assert_eq(mem_calls(), before);
    made_free(&m);
}

Test(event_json, huge_messages_are_escaped_in_place) {
    static char message[70001];
    memset(message, '"', sizeof message - 1);
    Made m;
    make_dns(&m, "0000 00000000");
    m.schema->message = message;
    const char *json = event_text(&m, NULL);
    const char *at = strstr(json, ",\"Message\":\"");
    cr_assert(at != NULL);
    at += strlen(",\"Message\":\"");
    for (int i = 0; i < 70000; i++, at += 2)
        cr_assert(at[0] == '\\' && at[1] == '"');
    cr_assert(strncmp(at, "\",\"EventData\":", 14) == 0);
    made_free(&m);
}
