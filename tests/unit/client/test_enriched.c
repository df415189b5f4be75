// The enrichment of events as clients see it: batches are made by hand, as a broker would send
// them.
#include <criterion/criterion.h>
#include <string.h>

#include "client/lib/internal.h"
#include "platform/thread.h"
#include "util/mem.h"

static const uint8_t system_sid[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};

static ProcessView p[3];
static ModuleView module;
static FrameView frames[2];
static StackView stack;
static EnrichedView view;
static Schema *schema;
static BatchSource source;
static WireTable table;
static BatchWriter writer;
static uint8_t *body;
static EtwBatch *batch;
static Err err;
static size_t before;

static const Schema *schema_of(void *user, uint32_t type, bool *ret_first_use) {
    int *uses = user;
    *ret_first_use = (*uses)++ == 0;
    return type == 1 ? schema : NULL;
}

static void setup(void) {
    static int uses;
    uses = 0;
    before = mem_in_use();
    cr_assert_eq(schema_new(&schema), 0);
    schema->source = SCHEMA_MANIFEST;
    schema->provider_name = "P";
    cr_assert_eq(schema_finish(schema, NULL), 0);
    source = (BatchSource){.schema_of = schema_of, .user = &uses, .none = schema};
    for (uint32_t i = 0; i < 3; i++)
        p[i] = (ProcessView){.serial = i + 1,
                             .pid = 1000 + i,
                             .parent_pid = 1001 + i,
                             .session = UINT32_MAX,
                             .provenance = PROVENANCE_RUNDOWN,
                             .name = "parent.exe",
                             .path = "",
                             .command_line = "",
                             .user = ""};
    p[0].name = "me.exe";
    p[0].path = "C:\\me.exe";
    p[0].sid = system_sid;
    p[0].sid_bytes = sizeof system_sid;
    p[0].start_key = 77;
    module = (ModuleView){.serial = 1,
                          .base = 0x400000,
                          .size = 0x1000,
                          .timestamp = 3,
                          .checksum = 4,
                          .pdb_age = 5,
                          .pdb_guid = {{9}},
                          .path = "C:\\me.exe",
                          .pdb_name = "me.pdb",
                          .provenance = PROVENANCE_LIVE};
    frames[0] = (FrameView){.address = UINT64_C(0xFFFFF80000000010), .flags = FRAME_KERNEL};
    frames[1] = (FrameView){.offset = 0x20, .module = &module};
    stack = (StackView){.serial = 1, .n = 2, .frames = frames};
    memset(&view, 0, sizeof view);
    view.chains[CHAIN_PROCESS] = (ProcessChain){&p[0], 2, {&p[1], &p[2]}, 0};
    view.chains[CHAIN_TARGET] = (ProcessChain){&p[2], 0, {NULL}, 0};
    view.values[0] =
        (EnrichedValue){ENRICHED_FILE_NAME, PROVENANCE_GUESS, ENRICHED_TEXT, 9, "C:\\f.txt", 8, 0};
    view.n_values = 1;
    view.stack = &stack;
    wire_table_init(&table);
    body = mem_alloc(WIRE_EVENTS_PRIVATE + WIRE_MAX_BODY);
    wire_batch_begin(&writer, body + WIRE_EVENTS_PRIVATE, WIRE_MAX_BODY);
}

static void teardown(void) {
    etw_batch_free(batch);
    batch = NULL;
    wire_table_deinit(&table);
    mem_free(body);
    schema_unref(schema);
    cr_assert_eq(mem_in_use(), before);
}

static void put_event(const EnrichedView *v, uint32_t pid, const uint8_t *ext, uint32_t ext_bytes) {
    WireExtra extra = {0};
    WireEnriched enriched[WIRE_MAX_ENRICHED];
    EventRecord event = {.pid = pid, .tid = 5, .ext = ext, .ext_bytes = ext_bytes};
    if (v)
        cr_assert_eq(wire_table_add(&table, v, &extra, enriched), 0);
    uint32_t bytes = wire_record_bytes(&event, 1, &extra);
    cr_assert(
        wire_batch_append(&writer, bytes, (uint32_t)table.bytes.bytes, &event, 1, &extra, NULL));
}

static int make_batch(void) {
    uint32_t bytes = wire_batch_seal(&writer, table.bytes.data, (uint32_t)table.bytes.bytes);
    Frame frame = {
        .type = WIRE_EVENTS, .payload = body, .payload_bytes = WIRE_EVENTS_PRIVATE + bytes};
    store_u64(body, 0);
    return batch_make(&frame, &source, &batch, &err);
}

static const EtwEvent *next_event(void) {
    EtwItem item = {.struct_size = sizeof item};
    return etw_batch_next(batch, &item) == ETW_STATUS_OK ? item.event : NULL;
}

static void text_is(const EtwEvent *event, const char *name, const char *expected) {
    EtwValue v = {.struct_size = sizeof v};
    char text[200];
    size_t need;
    cr_assert_eq(etw_enriched(event, name, &v), ETW_STATUS_OK, "%s", name);
    cr_assert_eq(etw_value_text(event, &v, text, sizeof text, &need), ETW_STATUS_OK);
    cr_assert_str_eq(text, expected, "%s: %s", name, text);
}

static void check_event(const EtwEvent *event) {
    text_is(event, "processname", "me.exe");
    text_is(event, "FileName", "C:\\f.txt");
    text_is(event, "UserId", "S-1-5-18");
    text_is(event, "CallChain", "parent.exe <- parent.exe");
    text_is(event, "TargetProcessName", "parent.exe");
    text_is(event, "ParentProcessId", "1001");
    cr_assert_str_eq(etw_enriched_provenance(event, "FileName"), "guess");
    cr_assert_str_eq(etw_enriched_provenance(event, "ProcessPath"), "rundown");
    cr_assert_str_eq(etw_enriched_provenance(event, "RegistryPath"), "");
    cr_assert_str_eq(etw_enriched_provenance(event, "Nonsense"), "");
    EtwValue v = {.struct_size = sizeof v};
    cr_assert_eq(etw_enriched(event, "ParentProcessId", &v), ETW_STATUS_OK);
    cr_assert(v.v.u64 == 1001 && v.data == NULL && v.bytes == 0, "a number has no bytes");
    cr_assert_eq(etw_enriched(event, "RegistryPath", &v), ETW_STATUS_NOT_FOUND);
    cr_assert_eq(etw_enriched(event, "Nonsense", &v), ETW_STATUS_NOT_FOUND);
    cr_assert_eq(etw_enriched(event, "ProcessName", &(EtwValue){0}), ETW_STATUS_INVALID_ARGUMENT);
    // The listing has what asking by name gives, each once.
    uint32_t n = etw_enriched_count(event);
    cr_assert_eq(n, 8);
    for (uint32_t i = 0; i < n; i++) {
        EtwValue again = {.struct_size = sizeof again};
        cr_assert_eq(etw_enriched_at(event, i, &v), ETW_STATUS_OK);
        cr_assert_eq(etw_enriched(event, v.name, &again), ETW_STATUS_OK);
        cr_assert(v.kind == again.kind && v.bytes == again.bytes && v.v.u64 == again.v.u64 &&
                  v.data == again.data);
    }
    cr_assert_eq(etw_enriched_at(event, n, &v), ETW_STATUS_NOT_FOUND);
    // Processes.
    EtwProcess process = {.struct_size = sizeof process};
    cr_assert_eq(etw_process(event, ETW_PROCESS_EVENT, 0, &process), ETW_STATUS_OK);
    cr_assert(process.process_id == 1000 && process.parent_process_id == 1001 &&
              process.session_id == UINT32_MAX && process.start_key == 77 &&
              process.provenance == ETW_PROVENANCE_RUNDOWN && process.sid_bytes == 12);
    cr_assert_str_eq(process.path, "C:\\me.exe");
    cr_assert_str_eq(process.command_line, "");
    cr_assert_eq(etw_process(event, ETW_PROCESS_EVENT, 2, &process), ETW_STATUS_OK);
    cr_assert(process.process_id == 1002 && process.sid == NULL);
    cr_assert_eq(etw_process(event, ETW_PROCESS_EVENT, 3, &process), ETW_STATUS_NOT_FOUND);
    cr_assert_eq(etw_process(event, ETW_PROCESS_TARGET, 0, &process), ETW_STATUS_OK);
    cr_assert_eq(etw_process(event, ETW_PROCESS_CLIENT, 0, &process), ETW_STATUS_NOT_FOUND);
    cr_assert_eq(etw_process(event, (EtwProcessRole)5, 0, &process), ETW_STATUS_INVALID_ARGUMENT);
    // Frames.
    EtwFrame f = {.struct_size = sizeof f};
    cr_assert_eq(etw_frame(event, 0, &f), ETW_STATUS_OK);
    cr_assert(f.flags == 1 && f.address == UINT64_C(0xFFFFF80000000010) && !f.module[0] &&
              !f.pdb_name[0] && f.module_base == 0);
    cr_assert_eq(etw_frame(event, 1, &f), ETW_STATUS_OK);
    cr_assert(f.flags == 0 && f.address == 0x400020 && f.offset == 0x20 &&
              f.module_base == 0x400000 && f.module_size == 0x1000 && f.time_stamp == 3 &&
              f.checksum == 4 && f.pdb_age == 5 && f.pdb_guid.bytes[0] == 9 &&
              f.provenance == ETW_PROVENANCE_LIVE);
    cr_assert_str_eq(f.module, "C:\\me.exe");
    cr_assert_str_eq(f.pdb_name, "me.pdb");
    cr_assert_eq(etw_frame(event, 2, &f), ETW_STATUS_NOT_FOUND);
    // Texts.
    char text[2000];
    size_t need;
    cr_assert_eq(etw_event_text(event, ETW_TEXT_JSON, text, sizeof text, &need), ETW_STATUS_OK);
    cr_assert(strstr(text, ",\"Enriched\":{\"ProcessId\":1000,\"ProcessName\":\"me.exe\","), "%s",
              text);
    cr_assert(strstr(text, "\"Stack\":[{\"Address\":\"0xFFFFF80000000010\",\"Kernel\":true},"
                           "{\"Module\":\"C:\\\\me.exe\",\"Offset\":\"0x20\"}]"),
              "%s", text);
    cr_assert_eq(etw_event_text(event, ETW_TEXT_SUMMARY, text, sizeof text, &need), ETW_STATUS_OK);
    cr_assert_str_eq(text, "FileName=C:\\f.txt");
}

Test(client_enriched, an_event_and_its_copy, .init = setup, .fini = teardown) {
    EtwEvent *copy = NULL, *second = NULL;
    put_event(&view, 4, NULL, 0);
    put_event(NULL, 4, NULL, 0);
    cr_assert_eq(make_batch(), 0, "%s", err.text);
    const EtwEvent *event = next_event();
    check_event(event);
    cr_assert_eq(etw_event_copy(event, &copy), ETW_STATUS_OK);
    const EtwEvent *plain = next_event();
    cr_assert_eq(etw_enriched_count(plain), 0);
    cr_assert_eq(etw_event_copy(plain, &second), ETW_STATUS_OK);
    etw_batch_free(batch);
    batch = NULL;
    memset(body, 0xdd, WIRE_MAX_BODY);
    check_event(copy);
    cr_assert_eq(etw_enriched_count(second), 0);
    etw_event_free(second);
    EtwEvent *third = NULL;
    cr_assert_eq(etw_event_copy(copy, &third), ETW_STATUS_OK);
    etw_event_free(copy);
    check_event(third);
    etw_event_free(third);
}

Test(client_enriched, an_older_callers_frame_is_filled_to_its_end, .init = setup,
     .fini = teardown) {
    union {
        EtwFrame frame;
        uint8_t bytes[sizeof(EtwFrame)];
    } f;
    const uint32_t old = (uint32_t)offsetof(EtwFrame, module_base);
    put_event(&view, 4, NULL, 0);
    cr_assert_eq(make_batch(), 0);
    const EtwEvent *event = next_event();
    memset(&f, 0xee, sizeof f);
    f.frame.struct_size = old;
    cr_assert_eq(etw_frame(event, 1, &f.frame), ETW_STATUS_OK);
    cr_assert(f.frame.struct_size == old && f.frame.offset == 0x20);
    for (size_t i = old; i < sizeof f; i++)
        cr_assert_eq(f.bytes[i], 0xee, "%zu", i);
    f.frame.struct_size = old - 1;
    cr_assert_eq(etw_frame(event, 1, &f.frame), ETW_STATUS_INVALID_ARGUMENT);
}

Test(client_enriched, frames_of_items_serve_when_the_table_has_none, .init = setup,
     .fini = teardown) {
    uint8_t ext[64], data[24];
    store_u64(data, 0);
    store_u64(data + 8, UINT64_C(0xFFFF800000000000));
    store_u64(data + 16, 0x7fff0000);
    uint32_t n = event_item_put(ext, EVENT_ITEM_STACK64, data, sizeof data);
    view.stack = NULL;
    put_event(&view, 4, ext, n);
    cr_assert_eq(make_batch(), 0, "%s", err.text);
    const EtwEvent *event = next_event();
    EtwFrame f = {.struct_size = sizeof f};
    cr_assert_eq(etw_frame(event, 0, &f), ETW_STATUS_OK);
    cr_assert(f.flags == 1 && f.address == UINT64_C(0xFFFF800000000000) && !f.module[0]);
    cr_assert_eq(etw_frame(event, 1, &f), ETW_STATUS_OK);
    cr_assert(f.flags == 0 && f.address == 0x7fff0000);
    cr_assert_eq(etw_frame(event, 2, &f), ETW_STATUS_NOT_FOUND);
}

Test(client_enriched, a_subscription_without_enrichment_shows_none, .init = setup,
     .fini = teardown) {
    char text[1000];
    size_t need;
    EtwEvent *copy = NULL;
    EtwProcess process = {.struct_size = sizeof process};
    source.plain = true;
    put_event(&view, 4, NULL, 0);
    cr_assert_eq(make_batch(), 0);
    const EtwEvent *event = next_event();
    cr_assert_eq(etw_enriched_count(event), 0);
    cr_assert_eq(etw_process(event, ETW_PROCESS_EVENT, 0, &process), ETW_STATUS_NOT_FOUND);
    cr_assert_eq(etw_event_text(event, ETW_TEXT_JSON, text, sizeof text, &need), ETW_STATUS_OK);
    cr_assert_null(strstr(text, "Enriched"));
    cr_assert_eq(etw_event_copy(event, &copy), ETW_STATUS_OK);
    cr_assert_eq(etw_enriched_count(copy), 0);
    etw_event_free(copy);
}

Test(client_enriched, a_damaged_table_is_told_when_it_is_asked_for, .init = setup,
     .fini = teardown) {
    char text[1000];
    size_t need;
    EtwValue v = {.struct_size = sizeof v};
    EtwFrame f = {.struct_size = sizeof f};
    EtwProcess process = {.struct_size = sizeof process};
    EtwHeader header = {.struct_size = sizeof header};
    EtwEvent *copy = NULL;
    uint64_t skipped;
    put_event(&view, 4, NULL, 0);
    table.bytes.data[WIRE_TABLE_HEAD + 34] = 0xff; // of the name's length
    table.bytes.data[WIRE_TABLE_HEAD + 35] = 0xff;
    cr_assert_eq(make_batch(), 0);
    const EtwEvent *event = next_event();
    cr_assert_eq(etw_event_header(event, &header), ETW_STATUS_OK);
    cr_assert_eq(etw_enriched_count(event), 0);
    cr_assert_eq(etw_enriched(event, "ProcessName", &v), ETW_STATUS_PROTOCOL);
    cr_assert_eq(etw_enriched_at(event, 0, &v), ETW_STATUS_PROTOCOL);
    cr_assert_eq(etw_process(event, ETW_PROCESS_EVENT, 0, &process), ETW_STATUS_PROTOCOL);
    cr_assert_eq(etw_frame(event, 0, &f), ETW_STATUS_PROTOCOL);
    cr_assert_eq(etw_event_text(event, ETW_TEXT_JSON, text, sizeof text, &need),
                 ETW_STATUS_PROTOCOL);
    cr_assert_eq(etw_event_copy(event, &copy), ETW_STATUS_PROTOCOL);
    cr_assert_eq(batch_skip(batch, 1000, &skipped, &err), -STATUS_PROTOCOL);
}

Test(client_enriched, own_events_are_those_of_the_effective_process, .init = setup,
     .fini = teardown) {
    uint64_t skipped = 0;
    EnrichedView of_me = {.pid = 1000, .chains[0] = {&p[0], 0, {NULL}, 0}};
    EnrichedView of_other = {.pid = 1001, .chains[0] = {&p[1], 0, {NULL}, 0}};
    put_event(&of_me, 4, NULL, 0);       // about us, though another logged it
    put_event(&of_other, 1000, NULL, 0); // logged by us, about another
    put_event(NULL, 1000, NULL, 0);      // nothing is known beyond the header
    put_event(NULL, 4, NULL, 0);
    cr_assert_eq(make_batch(), 0);
    cr_assert_eq(batch_skip(batch, 1000, &skipped, &err), 0);
    cr_assert_eq(skipped, 2);
    EtwItem item = {.struct_size = sizeof item};
    cr_assert(etw_batch_next(batch, &item) == ETW_STATUS_OK && item.number == 1);
    cr_assert(etw_batch_next(batch, &item) == ETW_STATUS_OK && item.number == 3);
    cr_assert_eq(etw_batch_next(batch, &item), ETW_STATUS_END);
}

static void read_in_thread(void *user) {
    EtwValue v = {.struct_size = sizeof v};
    for (int i = 0; i < 100; i++)
        if (etw_enriched(user, "CallChain", &v) != ETW_STATUS_OK)
            return;
    text_is(user, "ProcessName", "me.exe");
}

Test(client_enriched, two_threads_read_two_events_of_one_batch, .init = setup, .fini = teardown) {
    put_event(&view, 4, NULL, 0);
    put_event(&view, 4, NULL, 0);
    cr_assert_eq(make_batch(), 0);
    const EtwEvent *one = next_event(), *two = next_event();
    PlatThread *thread = NULL;
    cr_assert_eq(plat_thread_start(&thread, read_in_thread, (void *)(uintptr_t)one), 0);
    read_in_thread((void *)(uintptr_t)two);
    plat_thread_join(thread);
    check_event(one);
    check_event(two);
}

Test(client_enriched, failing_allocations_leave_nothing_behind, .init = setup, .fini = teardown) {
    put_event(&view, 4, NULL, 0);
    cr_assert_eq(make_batch(), 0);
    const EtwEvent *event = next_event();
    for (size_t nth = 1;; nth++) {
        EtwEvent *copy = NULL;
        mem_fail_at(nth);
        int32_t status = etw_event_copy(event, &copy);
        mem_fail_at(0);
        if (status == ETW_STATUS_OK) {
            cr_assert_gt(nth, 4);
            check_event(copy);
            etw_event_free(copy);
            break;
        }
        cr_assert_eq(status, ETW_STATUS_NO_MEMORY);
    }
    for (size_t nth = 1;; nth++) {
        EtwValue v = {.struct_size = sizeof v};
        mem_fail_at(nth);
        int32_t status = etw_enriched(event, "CallChain", &v);
        mem_fail_at(0);
        if (status == ETW_STATUS_OK)
            break;
        cr_assert_eq(status, ETW_STATUS_NO_MEMORY);
    }
    check_event(event);
}
