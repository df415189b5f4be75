// The caches together: plans, both kinds of knowledge, epochs, sessions, and what is put together
// of one event.
#include "kernel_events.h"

#include <stdio.h>

#include "enrich/enrich.h"
#include "platform/mounts.h"
#include "schema/store.h"
#include "tests/etlgen/blob.h"
#include "util/mem.h"

static const Guid provider =
    GUID_INIT(0x51c3a7e2u, 0x0d4b, 0x4f0a, 0x9b, 0x3c, 0x2e, 0x77, 0x15, 0xd0, 0x6a, 0x84);

#define FILE_KEY UINT64_C(0xffffc00000001230)
#define KCB      UINT64_C(0xffffc00000004560)
#define NOBODY   UINT32_MAX

static Enricher *enricher;
static size_t before;
static SchemaStore *own_store; // of `provider`
static Schema *own_schema;
static uint16_t session; // of what is told

static void make_enricher(const EnrichOptions *options) {
    enricher = enricher_free(enricher);
    EnrichOptions o = *options;
    if (o.limits.memory_bytes == 0)
        o.limits = enrich_limits_default();
    cr_assert_eq(enricher_new(&o, &enricher), 0);
}

static void begin_live(void) {
    before = mem_in_use();
    enricher = NULL;
    session = 0;
    make_enricher(&(EnrichOptions){.file_knowledge = false});
}

static void begin_file(void) {
    begin_live();
    make_enricher(&(EnrichOptions){.file_knowledge = true});
}

static void finish(void) {
    enricher = enricher_free(enricher);
    own_schema = schema_unref(own_schema);
    own_store = schema_store_free(own_store);
    make_end();
    cr_assert_eq(mem_in_use(), before, "%zu bytes left behind", mem_in_use() - before);
}

// --- events ------------------------------------------------------------------------------------

static MakeEvent at(MakeEvent e, uint64_t ordinal, uint32_t pid, uint32_t tid) {
    e.record.ordinal = ordinal;
    e.record.time = (int64_t)ordinal * 1000;
    e.record.raw_time = (int64_t)ordinal;
    e.record.pid = pid;
    e.record.tid = tid;
    e.record.session = session;
    return e;
}

// Names three others.
static MakeEvent names_others(uint32_t target, uint32_t client, uint32_t created) {
    static const char xml[] =
        "<events xmlns:win='http://manifests.microsoft.com/win/2004/08/windows/events'>"
        "<provider name='P' guid='{51c3a7e2-0d4b-4f0a-9b3c-2e7715d06a84}'>"
        "<events><event value='1' version='0' template='T'/></events><templates>"
        "<template tid='T'><data name='Text' inType='win:UnicodeString'/>"
        "<data name='TargetProcessId' inType='win:UInt32'/>"
        "<data name='ClientProcessId' inType='win:UInt32'/>"
        "<data name='CreatedProcessId' inType='win:UInt32'/></template></templates>"
        "</provider></events>";
    MakeEvent e = {.record = {.provider = provider, .desc.id = 1}, .payload = BUF_INIT};
    Err err = ERR_INIT;
    if (!own_schema) {
        cr_assert_eq(schema_store_new(&own_store), 0);
        cr_assert_eq(schema_store_xml(own_store, xml, sizeof xml - 1, &err), 0, "%s", err.text);
        cr_assert_eq(schema_store_find(own_store, &e.record, &own_schema), 0);
        cr_assert_neq(own_schema->source, SCHEMA_NONE);
    }
    e.schema = own_schema;
    blob_utf16z(&e.payload, "in front"); // so that offsets are not fixed
    buf_u32(&e.payload, target);
    buf_u32(&e.payload, client);
    buf_u32(&e.payload, created);
    make_finish(&e);
    return e;
}

static void learn(MakeEvent e) {
    EnrichPlan plan = enrich_plan(e.schema);
    cr_assert(enrich_learns_from(&plan, &e.record));
    enricher_learn(enricher, &plan, &e.record, e.schema);
}

static void observe(MakeEvent e) {
    EnrichPlan plan = enrich_plan(e.schema);
    cr_assert(enrich_learns_from(&plan, &e.record));
    enricher_observe(enricher, &plan, &e.record, e.schema);
}

// As the loop does: learnt from if it is a feeder, then looked up.
static EnrichPlan current_plan;
static MakeEvent current;

static void begin(MakeEvent e) {
    current = e;
    current_plan = enrich_plan(e.schema);
    if (enrich_learns_from(&current_plan, &current.record))
        enricher_observe(enricher, &current_plan, &current.record, current.schema);
    enricher_begin(enricher, &current_plan, &current.record, current.schema);
}

static void has_line(int line, EnrichedField field, const char *expected) {
    Value v;
    Buf text = BUF_INIT;
    bool there = enricher_resolve(enricher, &current.record, field, &v);
    cr_assert_eq(there, expected != NULL, "line %d: %s", line, enriched_field_name(field));
    if (there) {
        value_text(&text, NULL, &v, 0);
        cr_assert_str_eq(buf_str(&text), expected, "line %d: %s is %s", line,
                         enriched_field_name(field), buf_str(&text));
    }
    buf_deinit(&text);
}
#define has(field, expected) has_line(__LINE__, ENRICHED_##field, expected)

static uint8_t provenance(EnrichedField field) {
    return enriched_provenance(enricher_view(enricher, false), field);
}

static CacheStats row(const char *name) {
    CacheStats rows[ENRICH_STATS_MAX];
    uint32_t n = enricher_stats(enricher, rows, ARRAY_COUNT(rows));
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i];
    cr_assert_fail("no row %s", name);
    return rows[0];
}

// --- plans -------------------------------------------------------------------------------------

static uint64_t fields_of(MakeEvent e) {
    return enrich_plan(e.schema).fields;
}

Test(enrich, fields_that_a_type_can_have, .init = begin_live, .fini = finish) {
    const uint64_t creators =
        ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_ID) | ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_NAME) |
        ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_PATH) | ENRICHED_BIT(ENRICHED_CREATOR_COMMAND_LINE);
    const MakeProcess p = {.pid = 8, .name = "\\Device\\x.exe", .command_line = ""};
    uint64_t process = fields_of(event_process(OP_START, 8, 4, "x.exe", NULL));
    uint64_t manifest = fields_of(make_manifest_process(1, 3, &p));
    uint64_t disk = fields_of(event_disk_read(FILE_KEY, 1));
    uint64_t key = fields_of(event_key(OP_SET_VALUE, KCB, "v"));
    uint64_t others = fields_of(names_others(1, 2, 3));
    MakeEvent end = event_file_end(1);
    cr_assert_eq(process & creators, creators);
    cr_assert_eq(manifest & creators, creators);
    cr_assert_eq((disk | key | others | fields_of(end)) & creators, 0);
    cr_assert(disk & ENRICHED_BIT(ENRICHED_FILE_NAME));
    cr_assert_not((process | key | others) & ENRICHED_BIT(ENRICHED_FILE_NAME));
    cr_assert(manifest & ENRICHED_BIT(ENRICHED_FILE_NAME)); // of the image
    cr_assert(key & ENRICHED_BIT(ENRICHED_REGISTRY_PATH));
    cr_assert(key & ENRICHED_BIT(ENRICHED_VALUE_NAME));
    cr_assert(fields_of(end) & ENRICHED_BIT(ENRICHED_DURATION));
    cr_assert_not(disk & ENRICHED_BIT(ENRICHED_DURATION));
    cr_assert(others & ENRICHED_BIT(ENRICHED_CLIENT_COMMAND_LINE));
    cr_assert_not((process | manifest) & ENRICHED_BIT(ENRICHED_TARGET_PROCESS_NAME));
    cr_assert(process & disk & key & others & ENRICHED_BIT(ENRICHED_CALL_CHAIN));
}

// --- looking up --------------------------------------------------------------------------------

Test(enrich, only_what_is_asked_for_and_once, .init = begin_live, .fini = finish) {
    observe(at(event_process(OP_DC_START, 100, 4, "app.exe", NULL), 1, 100, 5));
    observe(at(make_thread_event(OP_DC_START, 3, 100, 110, 0), 2, 100, 5));
    observe(
        at(event_file_name(OP_NAME, FILE_KEY, "\\Device\\HarddiskVolume1\\f"), 3, NOBODY, NOBODY));
    begin(at(event_disk_read(FILE_KEY, 110), 4, NOBODY, NOBODY));
    cr_assert_eq(row("Files").retrievals + row("Processes").retrievals + row("Threads").retrievals,
                 0);
    has(FILE_NAME, "\\Device\\HarddiskVolume1\\f");
    cr_assert_eq(row("Files").retrievals, 1);
    cr_assert_eq(row("Processes").retrievals, 0);
    has(FILE_NAME, "\\Device\\HarddiskVolume1\\f");
    has(REGISTRY_PATH, NULL); // not of this type
    cr_assert_eq(row("Files").retrievals, 1);
    cr_assert_eq(row("Keys").retrievals, 0);
    has(PROCESS_NAME, "app.exe");
    has(COMMAND_LINE, "app.exe");
    cr_assert_eq(row("Processes").retrievals, 1);
    cr_assert_eq(row("Threads").retrievals, 1);
    const EnrichedView *view = enricher_view(enricher, false);
    cr_assert_eq(view->pid, 100);
    cr_assert_eq(view->tid, 110);
    cr_assert_eq(view->n_values, 1);
    cr_assert_eq(view->values[0].provenance, PROVENANCE_LIVE);
    cr_assert_eq(view->chains[CHAIN_PROCESS].process->provenance, PROVENANCE_RUNDOWN);
    cr_assert_eq(view->chains[CHAIN_PROCESS].n_ancestors, 1); // System
    cr_assert_null(view->chains[CHAIN_CREATOR].process);
    cr_assert_null(view->stack);
    cr_assert_eq(row("Files").retrievals, 1);
    // Another event with nothing: nothing of the one before stays.
    begin(at(event_key(OP_QUERY, 0, ""), 5, NOBODY, NOBODY));
    view = enricher_view(enricher, false);
    cr_assert_eq(view->n_values, 0);
    cr_assert_eq(view->pid, NOBODY);
    cr_assert_null(view->chains[CHAIN_PROCESS].process);
}

Test(enrich, whose_event_it_is, .init = begin_live, .fini = finish) {
    observe(at(event_process(OP_DC_START, 100, 4, "app.exe", NULL), 1, 100, 5));
    observe(at(event_process(OP_DC_START, 200, 4, "other.exe", NULL), 2, 100, 5));
    observe(at(make_thread_event(OP_DC_START, 3, 100, 110, 0), 3, 100, 5));
    // The thread's process, whoever happened to run.
    begin(at(event_disk_read(FILE_KEY, 110), 4, 200, 210));
    cr_assert_eq(enricher_subject(enricher)->pid, 100);
    has(PROCESS_NAME, "app.exe");
    // A thread that nothing is known of is not the one that ran.
    begin(at(event_disk_read(FILE_KEY, 120), 5, 200, 210));
    cr_assert_eq(enricher_subject(enricher)->pid, NOBODY);
    cr_assert_eq(enricher_subject(enricher)->tid, 120);
    has(PROCESS_NAME, NULL);
    has(CALL_CHAIN, NULL);
    // But if it did run, the header knows.
    begin(at(event_disk_read(FILE_KEY, 210), 6, 200, 210));
    cr_assert_eq(enricher_subject(enricher)->pid, 200);
    has(PROCESS_NAME, "other.exe");
    // Cut short: the header.
    MakeEvent cut = event_disk_read(FILE_KEY, 110);
    cut.record.payload_bytes = 8;
    begin(at(cut, 7, 200, 210));
    has(PROCESS_NAME, "other.exe");
}

Test(enrich, who_created_it, .init = begin_live, .fini = finish) {
    observe(at(event_process(OP_DC_START, 100, 4, "shell.exe", NULL), 1, NOBODY, NOBODY));
    observe(at(event_process(OP_DC_START, 200, 100, "broker.exe", NULL), 2, NOBODY, NOBODY));
    // A parent that was chosen by somebody else.
    begin(at(event_process(OP_START, 300, 100, "child.exe", NULL), 3, 200, 210));
    has(PROCESS_NAME, "child.exe");
    has(PARENT_PROCESS_NAME, "shell.exe");
    has(CREATOR_PROCESS_NAME, "broker.exe");
    has(CREATOR_PROCESS_ID, "200");
    has(CREATOR_COMMAND_LINE, "broker.exe");
    cr_assert_eq(enricher_view(enricher, false)->pid, 300);
    MakeProcess p = {.pid = 304,
                     .parent = 100,
                     .sequence = 77,
                     .create_time = 4000,
                     .name = "\\Device\\HarddiskVolume1\\twin.exe",
                     .package = ""};
    begin(at(make_manifest_process(1, 3, &p), 4, 200, 210));
    has(PROCESS_NAME, "twin.exe");
    has(PARENT_PROCESS_NAME, "shell.exe");
    has(CREATOR_PROCESS_NAME, "broker.exe");
    has(FILE_NAME, "\\Device\\HarddiskVolume1\\twin.exe");
    // Nobody creates by ending.
    begin(at(event_process(OP_END, 300, 100, "child.exe", NULL), 5, 200, 210));
    has(PROCESS_NAME, "child.exe");
    has(CREATOR_PROCESS_NAME, NULL);
}

Test(enrich, others_by_id_and_time, .init = begin_live, .fini = finish) {
    observe(at(event_process(OP_START, 100, 4, "app.exe", NULL), 1, 4, 8));
    observe(at(event_process(OP_START, 200, 4, "first.exe", NULL), 2, 4, 8));
    observe(at(event_process(OP_START, 300, 100, "made.exe", NULL), 3, 100, 8));
    begin(at(names_others(200, 100, 300), 10, 100, 110));
    has(PROCESS_NAME, "app.exe");
    has(TARGET_PROCESS_NAME, "first.exe");
    has(CLIENT_PROCESS_NAME, "app.exe");
    has(CREATED_PROCESS_NAME, "made.exe");
    has(CREATED_COMMAND_LINE, "made.exe");
    has(CREATOR_PROCESS_NAME, NULL);
    const EnrichedView *view = enricher_view(enricher, false);
    cr_assert_eq(view->chains[CHAIN_CREATED].n_ancestors, 2);
    cr_assert_eq(view->chains[CHAIN_CREATED].ancestors[0]->pid, 100);
    // The id is given again; the event from before still means the first.
    observe(at(event_process(OP_END, 200, 4, "first.exe", NULL), 20, 200, 8));
    observe(at(event_process(OP_START, 200, 4, "second.exe", NULL), 30, 4, 8));
    begin(at(names_others(200, 0, NOBODY), 25, 100, 110));
    has(TARGET_PROCESS_NAME, "first.exe");
    has(CLIENT_PROCESS_NAME, NULL); // 0 is nobody, not Idle
    has(CREATED_PROCESS_NAME, NULL);
    begin(at(names_others(200, 999, 0), 40, 100, 110));
    has(TARGET_PROCESS_NAME, "second.exe");
    has(CLIENT_PROCESS_NAME, NULL);
}

Test(enrich, whose_hive_it_is, .init = begin_live, .fini = finish) {
    static const uint32_t ana_subs[] = {21, 1, 2, 3, 1001}, bo_subs[] = {21, 1, 2, 3, 1002};
    size_t bytes;
    const uint8_t *ana = make_sid(5, 5, ana_subs, &bytes), *bo = make_sid(5, 5, bo_subs, &bytes);
    observe(at(event_process(OP_START, 100, 4, "app.exe", ana), 1, 4, 8));
    observe(
        at(event_key(OP_KCB_CREATE, KCB, "\\REGISTRY\\USER\\S-1-5-21-1-2-3-1001\\Run"), 2, 4, 8));
    observe(at(event_key(OP_KCB_CREATE, KCB + 8, "\\REGISTRY\\USER\\S-1-5-21-1-2-3-1002\\Run"), 3,
               4, 8));
    begin(at(event_key(OP_SET_VALUE, KCB, "v"), 4, 100, 110));
    has(REGISTRY_PATH, "HKCU\\Run");
    has(VALUE_NAME, "v");
    cr_assert_eq(provenance(ENRICHED_REGISTRY_PATH), PROVENANCE_LIVE);
    begin(at(event_key(OP_SET_VALUE, KCB + 8, "v"), 5, 100, 110));
    has(REGISTRY_PATH, "HKU\\S-1-5-21-1-2-3-1002\\Run");
    // The user whom the event names goes first; without a process it is all there is.
    uint8_t ext[64];
    for (uint32_t i = 0; i < 2; i++) {
        MakeEvent e = at(event_key(OP_SET_VALUE, KCB + 8, "v"), 6 + i, i ? 999 : 100, 110);
        e.record.ext = ext;
        e.record.ext_bytes = event_item_put(ext, EVENT_ITEM_SID, bo, (uint16_t)bytes);
        begin(e);
        has(REGISTRY_PATH, "HKCU\\Run");
    }
}

Test(enrich, services_and_objects, .init = begin_live, .fini = finish) {
    observe(at(make_service_event(100, 7, "Dnscache"), 1, NOBODY, NOBODY));
    observe(at(make_thread_event(OP_START, 3, 100, 110, 7), 2, 100, 5));
    observe(at(event_object_type(16, "Event"), 3, NOBODY, NOBODY));
    observe(at(event_handle(false, 0xffffe000aa00, 16, "\\Go"), 4, 100, 110));
    begin(at(event_handle(true, 0xffffe000aa00, 16, NULL), 5, 100, 110));
    has(OBJECT_NAME, "\\Go");
    has(OBJECT_TYPE, "Event");
    has(SERVICE_NAME, "Dnscache");
    cr_assert_eq(provenance(ENRICHED_SERVICE_NAME), PROVENANCE_RUNDOWN);
    cr_assert_eq(provenance(ENRICHED_OBJECT_NAME), PROVENANCE_LIVE);
}

Test(enrich, operations, .init = begin_file, .fini = finish) {
    learn(at(event_file_name(OP_NAME, FILE_KEY, "\\Device\\f"), 1, NOBODY, NOBODY));
    enricher_learned(enricher);
    MakeEvent read = event_file_read(0x5000, 0x6000, FILE_KEY, 110), end = event_file_end(0x5000);
    for (int round = 0; round < 2; round++) { // each round of a loop pairs anew
        begin(at(read, 2, 100, 110));
        begin(at(end, 5, 100, 110));
        has(OPERATION, "FileIO/Read");
        has(DURATION, "3000");
        has(FILE_NAME, "\\Device\\f");
        begin(at(end, 6, 100, 110));
        has(OPERATION, NULL);
        has(FILE_NAME, NULL);
        enricher_epoch(enricher, true);
    }
}

// --- the kinds of knowledge --------------------------------------------------------------------

Test(enrich, a_file_knows_what_comes, .init = begin_file, .fini = finish) {
    cr_assert(enricher_is_file(enricher));
    MakeEvent late =
        at(event_file_name(OP_NAME_RUNDOWN, FILE_KEY, "\\Device\\late"), 9, NOBODY, NOBODY);
    learn(at(event_process(OP_DC_END, 100, 4, "app.exe", NULL), 8, NOBODY, NOBODY));
    learn(late);
    enricher_learned(enricher);
    cr_assert_not(enricher_degraded(enricher));
    learn(at(event_file_name(OP_NAME_RUNDOWN, FILE_KEY + 8, "\\Device\\too"), 10, NOBODY, NOBODY));
    observe(
        at(event_file_name(OP_NAME_RUNDOWN, FILE_KEY + 16, "\\Device\\later"), 11, NOBODY, NOBODY));
    for (int round = 0; round < 3; round++) {
        begin(at(event_disk_read(FILE_KEY, 110), 1, 100, 110));
        has(FILE_NAME, "\\Device\\late");
        has(PROCESS_NAME, "app.exe");
        cr_assert_eq(provenance(ENRICHED_FILE_NAME), PROVENANCE_RUNDOWN);
        begin(at(event_disk_read(FILE_KEY + 8, 110), 2, 100, 110));
        has(FILE_NAME, NULL); // the scan was over
        begin(late);
        enricher_epoch(enricher, true);
    }
    enricher_epoch(enricher, false); // another file
    begin(at(event_disk_read(FILE_KEY, 110), 1, 100, 110));
    has(FILE_NAME, NULL);
    has(PROCESS_NAME, NULL);
    learn(late);
    enricher_learned(enricher);
    begin(at(event_disk_read(FILE_KEY, 110), 1, 100, 110));
    has(FILE_NAME, "\\Device\\late");
}

Test(enrich, live_knows_what_has_come, .init = begin_live, .fini = finish) {
    cr_assert_not(enricher_is_file(enricher));
    learn(at(event_file_name(OP_NAME, FILE_KEY, "\\Device\\early"), 1, NOBODY, NOBODY));
    begin(at(event_disk_read(FILE_KEY, 110), 2, 100, 110));
    has(FILE_NAME, NULL);
    for (int again = 0; again < 2; again++) {
        begin(at(event_file_name(OP_NAME, FILE_KEY, "\\Device\\now"), 3, NOBODY, NOBODY));
        has(FILE_NAME, "\\Device\\now");
        begin(at(event_disk_read(FILE_KEY, 110), 4, 100, 110));
        has(FILE_NAME, "\\Device\\now");
        enricher_epoch(enricher, again);
        begin(at(event_disk_read(FILE_KEY, 110), 1, 100, 110));
        has(FILE_NAME, NULL);
    }
}

Test(enrich, a_scan_over_its_budget_says_so, .init = begin_live, .fini = finish) {
    char name[] = "\\Device\\HarddiskVolume1\\a rather long name of a file 0000";
    EnrichOptions o = {.file_knowledge = true, .scan_bytes = 256 * 1024};
    make_enricher(&o);
    for (uint32_t file = 0; file < 2; file++) {
        for (uint32_t i = 0; i < (file ? 10u : 3000u); i++) {
            name[sizeof name - 2] = (char)('0' + i % 10);
            learn(at(event_file_name(OP_NAME, FILE_KEY + i * 8, name), i, NOBODY, NOBODY));
        }
        cr_assert_not(enricher_degraded(enricher));
        enricher_learned(enricher);
        cr_assert_eq(enricher_degraded(enricher), file == 0);
        cr_assert_leq(row("Files").bytes, o.scan_bytes / 2);
        enricher_epoch(enricher, true);
        cr_assert_eq(enricher_degraded(enricher), file == 0);
        enricher_epoch(enricher, false); // the next file is another matter
        cr_assert_not(enricher_degraded(enricher));
    }
    // Requests have a limit of their own, and nothing is learnt from them.
    o.limits = enrich_limits_default();
    o.limits.requests = 2;
    make_enricher(&o);
    for (uint32_t i = 0; i < 10; i++) {
        learn(at(event_file_read(0x5000 + i * 8, 0x6000, FILE_KEY, 110), i, 100, 110));
    }
    enricher_learned(enricher);
    cr_assert_gt(row("Requests").evicted, 0);
    cr_assert_not(enricher_degraded(enricher));
}

// --- sessions that were appended to one file ---------------------------------------------------

static void tell_boots(void (*tell)(MakeEvent e)) {
    session = 0;
    tell(at(event_process(OP_DC_START, 100, 4, "first.exe", NULL), 1, NOBODY, NOBODY));
    tell(at(make_thread_event(OP_DC_START, 3, 100, 110, 0), 2, 100, 5));
    tell(at(event_key(OP_KCB_CREATE, KCB, "\\REGISTRY\\MACHINE\\First"), 3, 100, 5));
    session = 1; // the machine has been started again
    tell(at(make_thread_event(OP_DC_END, 3, 200, 110, 0), 20, 100, 5));
    tell(at(event_process(OP_DC_END, 100, 4, "second.exe", NULL), 21, NOBODY, NOBODY));
    tell(at(event_process(OP_DC_END, 200, 4, "two.exe", NULL), 22, NOBODY, NOBODY));
    tell(at(event_file_name(OP_NAME_RUNDOWN, FILE_KEY, "\\Device\\second"), 23, NOBODY, NOBODY));
    tell(at(event_key(OP_KCB_RUNDOWN, KCB, "\\REGISTRY\\MACHINE\\Second"), 24, 4, 5));
}

Test(enrich, what_one_session_says_is_true_of_itself, .init = begin_file, .fini = finish) {
    tell_boots(learn);
    enricher_learned(enricher);
    cr_assert_not(enricher_degraded(enricher));
    for (int round = 0; round < 2; round++) {
        session = 0;
        begin(at(event_disk_read(FILE_KEY, 110), 5, NOBODY, NOBODY));
        has(PROCESS_NAME, "first.exe");
        has(FILE_NAME, NULL);
        begin(at(event_key(OP_QUERY, KCB, ""), 6, 100, 5));
        has(REGISTRY_PATH, "HKLM\\First");
        session = 1;
        begin(at(event_disk_read(FILE_KEY, 110), 10, NOBODY, NOBODY));
        has(PROCESS_NAME, "two.exe");
        has(FILE_NAME, "\\Device\\second");
        cr_assert_eq(provenance(ENRICHED_FILE_NAME), PROVENANCE_RUNDOWN);
        begin(at(event_key(OP_QUERY, KCB, ""), 11, 100, 5));
        has(PROCESS_NAME, "second.exe");
        has(REGISTRY_PATH, "HKLM\\Second");
        cr_assert_eq(provenance(ENRICHED_PROCESS_NAME), PROVENANCE_RUNDOWN);
        enricher_epoch(enricher, true);
    }
    cr_assert_eq(row("Processes").entries, 3);
    cr_assert_eq(row("Keys").entries, 2);
    enricher_epoch(enricher, false);
    cr_assert_eq(row("Processes").entries, 0);
}

Test(enrich, live_knowledge_ends_with_its_session, .init = begin_live, .fini = finish) {
    tell_boots(observe);
    begin(at(event_disk_read(FILE_KEY, 110), 30, NOBODY, NOBODY));
    has(PROCESS_NAME, "two.exe");
    session = 2;
    begin(at(event_disk_read(FILE_KEY, 110), 31, NOBODY, NOBODY));
    has(PROCESS_NAME, NULL);
    has(FILE_NAME, NULL);
}

Test(enrich, many_sessions_share_one_budget, .init = begin_live, .fini = finish) {
    enricher = enricher_free(enricher);
    size_t empty = mem_in_use();
    EnrichOptions o = {.file_knowledge = true, .scan_bytes = 4 << 20};
    make_enricher(&o);
    size_t one = mem_in_use() - empty;
    char name[200];
    memset(name, 'n', sizeof name);
    name[0] = '\\';
    name[sizeof name - 1] = 0;
    for (uint32_t s = 0; s < 80; s++) {
        session = (uint16_t)s;
        learn(at(event_file_name(OP_NAME, FILE_KEY, "\\Device\\mine"), s * 1000, NOBODY, NOBODY));
        MakeEvent e = event_file_name(OP_NAME, FILE_KEY, name);
        EnrichPlan plan = enrich_plan(e.schema);
        for (uint32_t i = 1; i < 500; i++) {
            uint8_t *payload = (uint8_t *)(uintptr_t)e.record.payload;
            store_u64(payload, FILE_KEY + i * 8);
            e = at(e, s * 1000 + i, NOBODY, NOBODY);
            enricher_learn(enricher, &plan, &e.record, e.schema);
        }
    }
    enricher_learned(enricher);
    cr_assert(enricher_degraded(enricher));
    CacheStats rows[ENRICH_STATS_MAX];
    size_t bytes = 0;
    uint32_t n = enricher_stats(enricher, rows, ARRAY_COUNT(rows));
    for (uint32_t i = 0; i < n; i++)
        bytes += rows[i].bytes;
    cr_assert_leq(bytes, o.scan_bytes + 64 * 32768, "%zu", bytes); // what an empty one takes
    size_t used = mem_in_use() - empty, most = 65 * one + o.scan_bytes * 3 / 2;
    cr_assert_leq(used, most, "%zu of %zu", used, most);
    session = 0;
    begin(at(event_disk_read(FILE_KEY, 110), 1, NOBODY, NOBODY));
    has(FILE_NAME, "\\Device\\mine");
    session = 79; // too many
    begin(at(event_disk_read(FILE_KEY, 110), 79001, NOBODY, NOBODY));
    has(FILE_NAME, NULL);
    session = 0;
}

// --- this system's volumes ---------------------------------------------------------------------

typedef struct Mount {
    char nt_path[600], dos_path[600];
} Mount;

static void keep_mount(void *user, const char *nt_path, const char *dos_path) {
    Mount *last = user;
    if (strncmp(nt_path, "\\Device\\", 8) == 0) {
        snprintf(last->nt_path, sizeof last->nt_path, "%s", nt_path);
        snprintf(last->dos_path, sizeof last->dos_path, "%s", dos_path);
    }
}

// Where the system has no mounts of this kind, paths stay as they are.
Test(enrich, volumes_of_this_system, .init = begin_live, .fini = finish) {
    Mount last = {"\\Device\\HarddiskVolume1", "\\Device\\HarddiskVolume1\\"};
    cr_assert_eq(plat_mounts(keep_mount, &last), 0);
    char raw[640], shown[640];
    snprintf(raw, sizeof raw, "%s\\folder\\x", last.nt_path);
    snprintf(shown, sizeof shown, "%sfolder\\x", last.dos_path);
    for (int here = 0; here < 2; here++) {
        make_enricher(&(EnrichOptions){.this_system = here});
        for (int epoch = 0; epoch < 2; epoch++) {
            observe(at(event_file_name(OP_NAME, FILE_KEY, raw), 1, NOBODY, NOBODY));
            begin(at(event_disk_read(FILE_KEY, 110), 2, NOBODY, NOBODY));
            has(FILE_NAME, here ? shown : raw);
            enricher_epoch(enricher, false);
            session = 0;
        }
    }
    // What the loop has now is replaced at the next event, not in the middle of one.
    begin(at(event_file_name(OP_NAME, FILE_KEY, raw), 1, NOBODY, NOBODY));
    cr_assert_eq(volumes_add(enricher_volumes(enricher), last.nt_path, "Q:\\"), 0);
    has(FILE_NAME, "Q:\\folder\\x");
    uint32_t generation = volumes_generation(enricher_volumes(enricher));
    cr_assert_eq(enricher_refresh_mounts(enricher), 0);
    cr_assert_eq(enricher_refresh_mounts(enricher), 0); // one is enough
    cr_assert_eq(volumes_generation(enricher_volumes(enricher)), generation);
    // A name that has been shown stays as it was then.
    begin(at(event_file_name(OP_NAME, FILE_KEY + 8, raw), 2, NOBODY, NOBODY));
    bool mounted = strncmp(last.dos_path, "\\Device", 7) != 0;
    has(FILE_NAME, mounted ? shown : "Q:\\folder\\x");
    uint64_t unknown = volumes_unknown(enricher_volumes(enricher));
    begin(
        at(event_file_name(OP_NAME, FILE_KEY, "\\Device\\HarddiskVolume77\\x"), 3, NOBODY, NOBODY));
    has(FILE_NAME, "\\Device\\HarddiskVolume77\\x");
    cr_assert_eq(volumes_unknown(enricher_volumes(enricher)), unknown + 1, "look again");
    enricher_refresh_mounts(enricher); // freed with the rest
}

// --- no memory ---------------------------------------------------------------------------------

Test(enrich, each_allocation_may_fail, .init = begin_live, .fini = finish, .timeout = 60) {
    enricher = enricher_free(enricher);
    const MakeEvent events[] = {
        at(event_process(OP_DC_START, 100, 4, "app.exe", NULL), 1, NOBODY, NOBODY),
        at(make_thread_event(OP_DC_START, 3, 100, 110, 0), 2, 100, 5),
        at(event_file_name(OP_NAME, FILE_KEY, "\\Device\\f"), 3, NOBODY, NOBODY),
        at(event_key(OP_KCB_CREATE, KCB, "\\REGISTRY\\MACHINE\\K"), 4, 100, 110),
        at(make_image_event(OP_IMAGE_LOAD, 3, 100, "\\Device\\app.exe"), 5, 100, 110),
        at(event_disk_read(FILE_KEY, 110), 6, NOBODY, NOBODY),
        at(event_key(OP_QUERY, KCB, ""), 7, 100, 110),
        at(event_disk_read(FILE_KEY, 110), 8, NOBODY, NOBODY),
    };
    MakeEvent all[2 * ARRAY_COUNT(events)];
    EnrichPlan plans[ARRAY_COUNT(events)];
    for (uint32_t i = 0; i < ARRAY_COUNT(all); i++) {
        all[i] = events[i % ARRAY_COUNT(events)];
        all[i].record.session = i >= ARRAY_COUNT(events);
        all[i].record.ordinal += i >= ARRAY_COUNT(events) ? 20 : 0;
        plans[i % ARRAY_COUNT(events)] = enrich_plan(all[i].schema);
    }
    size_t idle = mem_in_use();
    for (uint32_t file = 0; file < 2; file++) {
        for (size_t nth = 1; nth < 2000; nth++) {
            EnrichOptions o = {.limits = enrich_limits_default(), .file_knowledge = file};
            size_t calls = mem_calls();
            mem_fail_at(nth);
            if (enricher_new(&o, &enricher) == 0) {
                for (uint32_t i = 0; file && i < ARRAY_COUNT(all); i++)
                    if (enrich_learns_from(&plans[i % ARRAY_COUNT(events)], &all[i].record))
                        enricher_learn(enricher, &plans[i % ARRAY_COUNT(events)], &all[i].record,
                                       all[i].schema);
                enricher_learned(enricher);
                for (uint32_t i = 0; i < ARRAY_COUNT(all); i++) {
                    const EnrichPlan *plan = &plans[i % ARRAY_COUNT(events)];
                    if (enrich_learns_from(plan, &all[i].record))
                        enricher_observe(enricher, plan, &all[i].record, all[i].schema);
                    enricher_begin(enricher, plan, &all[i].record, all[i].schema);
                    const EnrichedView *view = enricher_view(enricher, true);
                    for (uint32_t v = 0; v < view->n_values; v++)
                        cr_assert_not_null(view->values[v].text);
                }
            }
            mem_fail_at(0);
            bool failed = mem_calls() - calls >= nth;
            enricher = enricher_free(enricher);
            cr_assert_eq(mem_in_use(), idle, "allocation %zu", nth);
            if (!failed)
                break;
            cr_assert_lt(nth, 1999);
        }
    }
}
