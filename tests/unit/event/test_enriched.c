// What a view says: as values by name, and as the Enriched member of the JSON.
#include "event/enriched.h"

#include "make.h"
#include "util/mem.h"

static const uint8_t system_sid[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
static const uint8_t service_sid[] = {1, 1, 0, 0, 0, 0, 0, 5, 20, 0, 0, 0};

static Made made;
static ProcessView p[20];
static ProcessView other;
static EnrichedView view;
static Buf out, scratch;
static uint8_t ext[64];

static void setup(void) {
    static const SchemaField fields[] = {FIELD("A", IN_U32, OUT_DEFAULT)};
    make(&made, fields, 1, 1, "01000000", 8);
    made.record.pid = 1000;
    made.record.tid = 5;
    for (uint32_t i = 0; i < 20; i++)
        p[i] = (ProcessView){.pid = 1000 + i,
                             .parent_pid = UINT32_MAX,
                             .session = UINT32_MAX,
                             .provenance = PROVENANCE_LIVE,
                             .name = "n.exe",
                             .path = "",
                             .command_line = "",
                             .user = ""};
    other = p[0];
    memset(&view, 0, sizeof view);
    view.pid = 1000;
    view.tid = 5;
    view.chains[CHAIN_PROCESS].process = &p[0];
    out = scratch = (Buf)BUF_INIT;
}

static void teardown(void) {
    buf_deinit(&out);
    buf_deinit(&scratch);
    made_free(&made);
}

static const char *json(void) {
    buf_clear(&out);
    enriched_json(&out, &view, &made.record, made.schema, NULL, NULL);
    return buf_str(&out);
}

#define JSON_IS(expected) cr_assert_str_eq(json(), expected, "%s", buf_str(&out))

static bool get(EnrichedField field, Value *v) {
    buf_clear(&scratch);
    return enriched_value(&view, &made.record, made.schema, field, &scratch, v);
}

static bool text_is(EnrichedField field, const char *expected) {
    Value v;
    return get(field, &v) && v.kind == VALUE_UTF8 && v.bytes == strlen(expected) &&
           memcmp(v.data, expected, v.bytes) == 0 &&
           strcmp(v.field->name, enriched_field_name(field)) == 0;
}

static bool number_is(EnrichedField field, uint64_t expected) {
    Value v;
    return get(field, &v) && v.kind == VALUE_U64 && v.u64 == expected;
}

static void fill_everything(void) {
    p[0].name = "svchost.exe";
    p[0].path = "C:\\Windows\\System32\\svchost.exe";
    p[0].command_line = "svchost.exe -k \"x\"";
    p[0].user = "NT AUTHORITY\\SYSTEM";
    p[0].sid = system_sid;
    p[0].sid_bytes = sizeof system_sid;
    p[0].session = 0;
    p[0].parent_pid = 1001;
    p[0].flags = PROCESS_ELEVATION_KNOWN | PROCESS_ELEVATED | PROCESS_FLAGS_KNOWN | PROCESS_WOW64;
    p[1].name = "services.exe";
    p[1].path = "C:\\Windows\\System32\\services.exe";
    p[1].command_line = "services.exe";
    p[1].provenance = PROVENANCE_RUNDOWN;
    p[2].name = "wininit.exe";
    view.chains[CHAIN_PROCESS] = (ProcessChain){&p[0], 2, {&p[1], &p[2]}, 0};
    other.name = "o.exe";
    other.path = "C:\\o.exe";
    other.command_line = "o";
    other.provenance = PROVENANCE_GUESS;
    for (int i = CHAIN_CREATOR; i < CHAIN_N; i++)
        view.chains[i].process = &other;
    view.values[0] =
        (EnrichedValue){ENRICHED_FILE_NAME, PROVENANCE_RUNDOWN, ENRICHED_TEXT, 1, "C:\\f", 4, 0};
    view.values[1] = (EnrichedValue){
        ENRICHED_DURATION, PROVENANCE_LIVE, ENRICHED_NUMBER, 0, "", 0, (UINT64_C(1) << 53) + 1};
    view.n_values = 2;
    view.pid = 1100;
    view.tid = 6;
}

Test(enriched, everything_in_its_order, .init = setup, .fini = teardown) {
    fill_everything();
    JSON_IS(",\"Enriched\":{\"ProcessId\":1100,\"ThreadId\":6,\"ProcessName\":\"svchost.exe\","
            "\"ProcessPath\":\"C:\\\\Windows\\\\System32\\\\svchost.exe\","
            "\"CommandLine\":\"svchost.exe -k \\\"x\\\"\",\"User\":\"NT AUTHORITY\\\\SYSTEM\","
            "\"UserSid\":\"S-1-5-18\",\"SessionId\":0,\"IsElevated\":true,\"IsWow64\":true,"
            "\"IsProtected\":false,\"ParentProcessId\":1001,\"ParentProcessName\":\"services.exe\","
            "\"ParentProcessPath\":\"C:\\\\Windows\\\\System32\\\\services.exe\","
            "\"ParentProcessCommandLine\":\"services.exe\","
            "\"CallChain\":\"services.exe <- wininit.exe\","
            "\"CreatorProcessId\":1000,\"CreatorProcessName\":\"o.exe\","
            "\"CreatorProcessPath\":\"C:\\\\o.exe\",\"CreatorProcessCommandLine\":\"o\","
            "\"TargetProcessName\":\"o.exe\",\"TargetProcessPath\":\"C:\\\\o.exe\","
            "\"TargetProcessCommandLine\":\"o\",\"ClientProcessName\":\"o.exe\","
            "\"ClientProcessPath\":\"C:\\\\o.exe\",\"ClientProcessCommandLine\":\"o\","
            "\"CreatedProcessName\":\"o.exe\",\"CreatedProcessPath\":\"C:\\\\o.exe\","
            "\"CreatedProcessCommandLine\":\"o\",\"FileName\":\"C:\\\\f\","
            "\"Duration\":\"9007199254740993\",\"Provenance\":{\"Process\":\"live\","
            "\"Creator\":\"guess\",\"Target\":\"guess\",\"Client\":\"guess\",\"Created\":\"guess\","
            "\"FileName\":\"rundown\",\"Duration\":\"live\"}}");
    // As the event's tail.
    Buf whole = BUF_INIT;
    event_json(&whole, &made.record, made.schema, 0, buf_str(&out));
    cr_assert(strstr(buf_str(&whole), "\"EventData\":{\"A\":1},\"Enriched\":{\"ProcessId\":1100,"),
              "%s", buf_str(&whole));
    buf_deinit(&whole);
}

Test(enriched, nothing_known_says_nothing, .init = setup, .fini = teardown) {
    memset(&view, 0, sizeof view);
    view.pid = view.tid = UINT32_MAX;
    buf_text(&out, "before");
    enriched_json(&out, &view, &made.record, made.schema, NULL, NULL);
    cr_assert_str_eq(buf_str(&out), "before");
    Value v;
    for (int i = -1; i <= ENRICHED_N + 1; i++)
        cr_assert(!get((EnrichedField)i, &v) &&
                  enriched_provenance(&view, (EnrichedField)i) == PROVENANCE_NONE);
    // A process of which only the number is known, and that is the header's.
    p[0].name = "";
    p[0].provenance = PROVENANCE_NONE;
    view.pid = 1000;
    view.chains[CHAIN_PROCESS].process = &p[0];
    JSON_IS("");
}

Test(enriched, ids_only_when_they_say_something_new, .init = setup, .fini = teardown) {
    JSON_IS(",\"Enriched\":{\"ProcessName\":\"n.exe\",\"Provenance\":{\"Process\":\"live\"}}");
    made.record.pid = made.record.tid = UINT32_MAX;
    JSON_IS(",\"Enriched\":{\"ProcessId\":1000,\"ThreadId\":5,\"ProcessName\":\"n.exe\","
            "\"Provenance\":{\"Process\":\"live\"}}");
}

Test(enriched, booleans_only_when_they_are_known, .init = setup, .fini = teardown) {
    Value v;
    p[0].flags = PROCESS_ELEVATED | PROCESS_WOW64 | PROCESS_PROTECTED;
    cr_assert(!get(ENRICHED_IS_ELEVATED, &v) && !get(ENRICHED_IS_WOW64, &v) &&
              !get(ENRICHED_IS_PROTECTED, &v));
    p[0].flags = PROCESS_ELEVATION_KNOWN;
    cr_assert(get(ENRICHED_IS_ELEVATED, &v) && v.kind == VALUE_BOOL && v.u64 == 0);
    cr_assert(!get(ENRICHED_IS_WOW64, &v));
    p[0].flags = PROCESS_FLAGS_KNOWN | PROCESS_PROTECTED;
    cr_assert(get(ENRICHED_IS_PROTECTED, &v) && v.u64 == 1);
    cr_assert(get(ENRICHED_IS_WOW64, &v) && v.u64 == 0);
    cr_assert(!get(ENRICHED_IS_ELEVATED, &v));
}

Test(enriched, the_call_chain_ends_with_the_last_name, .init = setup, .fini = teardown) {
    ProcessChain *c = &view.chains[CHAIN_PROCESS];
    Value v;
    *c = (ProcessChain){&p[0], 3, {&p[1], &p[2], &p[3]}, 0};
    p[1].name = "a";
    p[2].name = "b";
    p[3].name = "";
    cr_assert(text_is(ENRICHED_CALL_CHAIN, "a <- b"));
    p[2].name = "";
    p[3].name = "c";
    cr_assert(text_is(ENRICHED_CALL_CHAIN, "a <- 1002 <- c"));
    p[1].name = p[3].name = "";
    cr_assert(!get(ENRICHED_CALL_CHAIN, &v));
    c->n_ancestors = 16;
    char expected[200] = "";
    for (uint32_t i = 0; i < 16; i++) {
        c->ancestors[i] = &p[i + 1];
        p[i + 1].name = "x";
        p[i + 1].provenance = i == 7 ? PROVENANCE_GUESS : PROVENANCE_LIVE;
        strcat(expected, i == 0 ? "x" : " <- x");
    }
    cr_assert(text_is(ENRICHED_CALL_CHAIN, expected));
    cr_assert_eq(enriched_provenance(&view, ENRICHED_CALL_CHAIN), PROVENANCE_GUESS);
    cr_assert_eq(enriched_provenance(&view, ENRICHED_PARENT_PROCESS_NAME), PROVENANCE_LIVE);
}

Test(enriched, sid_and_session_of_the_event_stand_in, .init = setup, .fini = teardown) {
    Value v;
    cr_assert(!get(ENRICHED_USER_SID, &v) && !get(ENRICHED_SESSION_ID, &v));
    uint32_t n = event_item_put(ext, EVENT_ITEM_SID, service_sid, sizeof service_sid);
    n += event_item_put(ext + n, EVENT_ITEM_SESSION_ID, "\x07\0\0", 4);
    made.record.ext = ext;
    made.record.ext_bytes = n;
    cr_assert(get(ENRICHED_USER_SID, &v) && v.kind == VALUE_SID && v.bytes == 12 &&
              memcmp(v.data, service_sid, 12) == 0);
    cr_assert(number_is(ENRICHED_SESSION_ID, 7));
    cr_assert_eq(enriched_provenance(&view, ENRICHED_USER_SID), PROVENANCE_NONE);
    // The process's own count first.
    p[0].sid = system_sid;
    p[0].sid_bytes = sizeof system_sid;
    p[0].session = 3;
    cr_assert(get(ENRICHED_USER_SID, &v) && memcmp(v.data, system_sid, 12) == 0);
    cr_assert(number_is(ENRICHED_SESSION_ID, 3));
    cr_assert_eq(enriched_provenance(&view, ENRICHED_USER_SID), PROVENANCE_LIVE);
    // A malformed one is none.
    p[0].sid_bytes = 0;
    ext[EVENT_ITEM_HEAD + 1] = 2;
    cr_assert(!get(ENRICHED_USER_SID, &v));
}

Test(enriched, every_field_comes_from_its_place, .init = setup, .fini = teardown) {
    fill_everything();
    cr_assert(text_is(ENRICHED_PROCESS_NAME, "svchost.exe"));
    cr_assert(text_is(ENRICHED_PARENT_COMMAND_LINE, "services.exe"));
    cr_assert(number_is(ENRICHED_PARENT_PROCESS_ID, 1001));
    cr_assert(number_is(ENRICHED_CREATOR_PROCESS_ID, 1000));
    cr_assert(text_is(ENRICHED_TARGET_PROCESS_PATH, "C:\\o.exe"));
    cr_assert(text_is(ENRICHED_CREATED_COMMAND_LINE, "o"));
    cr_assert(text_is(ENRICHED_FILE_NAME, "C:\\f"));
    cr_assert(number_is(ENRICHED_DURATION, (UINT64_C(1) << 53) + 1));
    cr_assert_eq(enriched_provenance(&view, ENRICHED_FILE_NAME), PROVENANCE_RUNDOWN);
    cr_assert_eq(enriched_provenance(&view, ENRICHED_PARENT_PROCESS_NAME), PROVENANCE_RUNDOWN);
    cr_assert_eq(enriched_provenance(&view, ENRICHED_CLIENT_PROCESS_NAME), PROVENANCE_GUESS);
    cr_assert_eq(enriched_provenance(&view, ENRICHED_REGISTRY_PATH), PROVENANCE_NONE);
    // Every field that has a value has a name, and can be written as text.
    Payload none = {0};
    Value v;
    for (int i = 1; i < ENRICHED_N; i++) {
        if (!get((EnrichedField)i, &v))
            continue;
        cr_assert_str_eq(v.field->name, enriched_field_name((EnrichedField)i));
        buf_clear(&out);
        value_text(&out, &none, &v, 0);
        cr_assert_gt(out.bytes, 0, "%s", v.field->name);
    }
}

static bool name_user_frames(void *user, const FrameView *frame, Buf *to) {
    (*(int *)user)++;
    if (!frame->module || frame->offset == 0x20)
        return false;
    buf_text(to, "F\"+0x1");
    return true;
}

Test(enriched, stacks_by_module_and_offset, .init = setup, .fini = teardown) {
    ModuleView m = {.path = "C:\\a.dll", .pdb_name = ""};
    FrameView f[] = {{.address = UINT64_C(0xFFFFF80000001234), .flags = FRAME_KERNEL},
                     {.address = 1, .offset = 0x1f, .module = &m},
                     {.address = 2, .offset = 0x20, .module = &m, .flags = FRAME_KERNEL},
                     {.address = 0xabc}};
    StackView stack = {.n = 4, .frames = f, .incomplete = true};
    memset(&view.chains, 0, sizeof view.chains);
    view.stack = &stack;
    JSON_IS(",\"Enriched\":{\"Stack\":[{\"Address\":\"0xFFFFF80000001234\",\"Kernel\":true},"
            "{\"Module\":\"C:\\\\a.dll\",\"Offset\":\"0x1F\"},"
            "{\"Module\":\"C:\\\\a.dll\",\"Offset\":\"0x20\"},{\"Address\":\"0xABC\"}],"
            "\"StackIncomplete\":true}");
    int asked = 0;
    stack.incomplete = false;
    buf_clear(&out);
    enriched_json(&out, &view, &made.record, made.schema, name_user_frames, &asked);
    cr_assert_eq(asked, 4);
    cr_assert(strstr(buf_str(&out), "\"Offset\":\"0x1F\",\"Symbol\":\"F\\\"+0x1\"},{"), "%s",
              buf_str(&out));
    cr_assert(strstr(buf_str(&out), "\"Offset\":\"0x20\"},"));
    stack = (StackView){.n = 0, .incomplete = true};
    JSON_IS(",\"Enriched\":{\"StackIncomplete\":true}");
}

Test(enriched, the_summary_begins_with_the_path, .init = setup, .fini = teardown) {
    fill_everything();
    enriched_summary(&out, &view, &made.record, made.schema, 4096);
    cr_assert_str_eq(buf_str(&out), "FileName=C:\\f A=1");
    buf_clear(&out);
    view.values[0].text = "C:\\\n";
    enriched_summary(&out, &view, &made.record, made.schema, 4096);
    cr_assert_str_eq(buf_str(&out), "FileName=C:\\  A=1");
    for (size_t most = 0; most <= 20; most++) {
        buf_clear(&out);
        enriched_summary(&out, &view, &made.record, made.schema, most);
        cr_assert_leq(out.bytes, most + 3, "%zu: %s", most, buf_str(&out)); // the ellipsis
    }
    buf_clear(&out);
    made.schema->message = "says all";
    enriched_summary(&out, &view, &made.record, made.schema, 4096);
    cr_assert_str_eq(buf_str(&out), "says all");
}

Test(enriched, without_memory_the_buffer_has_failed_and_nothing_leaks, .init = setup,
     .fini = teardown) {
    fill_everything();
    json();
    size_t whole = out.bytes;
    size_t before = mem_in_use() - out.capacity;
    for (size_t nth = 1;; nth++) {
        Buf one = BUF_INIT;
        mem_fail_at(nth);
        enriched_json(&one, &view, &made.record, made.schema, NULL, NULL);
        mem_fail_at(0);
        bool good = !one.failed;
        cr_assert(!good || one.bytes == whole);
        buf_deinit(&one);
        if (good)
            break;
    }
    cr_assert_eq(mem_in_use(), before + out.capacity);
}
