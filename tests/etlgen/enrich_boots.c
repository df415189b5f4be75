// `enrich-appended`: two sessions in one file, the machine restarted between them. All ids, keys,
// addresses and raw times of the first are used again for something else.
#include "tests/etlgen/scenario.h"
#include "tests/etlgen/scenario_enrich.h"

#define KEY_1     0xffff8a0000000100u
#define KEY_2     0xffff8a0000000200u
#define LATE_PID  600u
#define FIRST     VOLUME1 "Apps\\first.exe"
#define SECOND    VOLUME1 "Apps\\second.exe"
#define FIRST_KCB 0xffffc00000000100u

// The same raw time in both sessions, and the same thread.
static void with_stack(Gen *g, uint64_t offset, const char *module) {
    const uint64_t address = APP_BASE + offset;
    const EnrichFrame frame = {module, offset};
    buf_u32(&g->payload, ENRICH_APP_PID);
    buf_u32(&g->payload, ENRICH_APP_TID);
    blob_utf16z(&g->payload, "worker");
    by_thread(g, GROUP_THREAD, THREAD_SET_NAME, 2, ENRICH_APP_PID, ENRICH_APP_TID);
    enrich_stack(g->enriched, gen_ordinal(g), KNOWN_FILE, &frame, 1);
    int64_t at = gen_raw(g);
    kp_stack(&g->payload, 8, at, ENRICH_APP_PID, ENRICH_APP_TID, &address, 1);
    by_nobody(g, GROUP_STACK, STACK_WALK, 2);
}

static void query(Gen *g, const char *file, const char *live) {
    kp_registry(&g->payload, 8, gen_raw(g), 0, 0, FIRST_KCB, "");
    by_thread(g, GROUP_REGISTRY, REG_QUERY, 2, ENRICH_APP_PID, ENRICH_APP_TID);
    must(g, KNOWN_FILE, "RegistryPath", file);
    must(g, KNOWN_LIVE, "RegistryPath", live);
}

static void first_boot(Gen *g) {
    with_stack(g, 0x10, FIRST);
    process_event(g, PROCESS_DC_START, ENRICH_APP_PID, 4, 0, "first.exe", "first.exe");
    thread_event(g, THREAD_DC_START, ENRICH_APP_PID, ENRICH_APP_TID, 0);
    image_event(g, IMAGE_DC_START, ENRICH_APP_PID, APP_BASE, 0x40000, FIRST);
    file_name(g, FILE_CREATE_NAME, KEY_1, VOLUME1 "one.txt");
    kp_registry(&g->payload, 8, gen_raw(g), 0, 0, FIRST_KCB, "\\REGISTRY\\MACHINE\\One");
    by_thread(g, GROUP_REGISTRY, REG_KCB_CREATE, 2, ENRICH_APP_PID, ENRICH_APP_TID);
    disk_read(g, KEY_1);
    must(g, KNOWN_BOTH, "FileName", VOLUME1 "one.txt");
    must(g, KNOWN_BOTH, "ProcessName", "first.exe");
    disk_read(g, KEY_2); // only the second session names it
    must(g, KNOWN_BOTH, "FileName", NULL);
    user_event(g, LATE_PID, LATE_PID + 10); // a process of the second session
    must(g, KNOWN_BOTH, "ProcessName", NULL);
    query(g, "HKLM\\One", "HKLM\\One");
}

static void second_boot(Gen *g) {
    with_stack(g, 0x20, SECOND);
    disk_read(g, KEY_1); // what the first session said of it is over
    must(g, KNOWN_BOTH, "FileName", NULL);
    must(g, KNOWN_FILE, "ProcessName", "second.exe");
    must(g, KNOWN_FILE, "Provenance.Process", "rundown");
    must(g, KNOWN_LIVE, "ProcessName", NULL);
    disk_read(g, KEY_2);
    must(g, KNOWN_FILE, "FileName", VOLUME1 "two.txt");
    must(g, KNOWN_FILE, "Provenance.FileName", "rundown");
    must(g, KNOWN_LIVE, "FileName", NULL);
    user_event(g, LATE_PID, LATE_PID + 10);
    must(g, KNOWN_FILE, "ProcessName", "late.exe");
    must(g, KNOWN_LIVE, "ProcessName", NULL);
    query(g, "HKLM\\Two", NULL);
    process_event(g, PROCESS_DC_END, ENRICH_APP_PID, 4, 0, "second.exe", "second.exe");
    process_event(g, PROCESS_DC_END, LATE_PID, 4, 0, "late.exe", "late.exe");
    thread_event(g, THREAD_DC_END, ENRICH_APP_PID, ENRICH_APP_TID, 0);
    image_event(g, IMAGE_DC_END, ENRICH_APP_PID, APP_BASE, 0x40000, SECOND);
    file_name(g, FILE_RUNDOWN, KEY_2, VOLUME1 "two.txt");
    kp_registry(&g->payload, 8, gen_raw(g), 0, 0, FIRST_KCB, "\\REGISTRY\\MACHINE\\Two");
    by_thread(g, GROUP_REGISTRY, REG_KCB_RUNDOWN_END, 2, 4, 8);
}

static void prepare(const ScenarioOptions *o, EtlwOptions *w) {
    (void)o;
    w->mode = ETLW_MODE_APPEND;
}

static void run(const ScenarioOptions *o, Gen *g) {
    EtlwOptions next = etlw_defaults();
    first_boot(g);
    next.n_cpus = o->n_cpus;
    next.mode = ETLW_MODE_APPEND;
    next.clock = g->clock;                         // with the same raw times
    next.clock.start_time += INT64_C(72000000000); // two hours
    next.boot_time = next.clock.start_time - INT64_C(6000000000);
    gen_append(g, &next);
    second_boot(g);
}

const ScenarioInfo scenario_enrich_appended = {
    .name = "enrich-appended",
    .summary = "two sessions in one file that use the same ids and keys for other things",
    .n_cpus = 1,
    .packs = true,
    .prepare = prepare,
    .run = run,
};
