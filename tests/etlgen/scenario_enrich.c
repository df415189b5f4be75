// `enrich`: what the caches of kernel enrichment must get right, each with its exact result.
// `enrich-small`: the same under a limit of three entries (etwctl dump --max-cached 3).
#include "tests/etlgen/scenario_enrich.h"

#include "tests/etlgen/scenario.h"

static const TeiField said_fields[] = {{.name = "Number", .in_type = IN_U32, .out_type = OUT_UINT}};
static const TeiEvent said = {
    .provider =
        GUID_INIT(0x51c3a7e2u, 0x0d4b, 0x4f0a, 0x9b, 0x3c, 0x2e, 0x77, 0x15, 0xd0, 0x6a, 0x84),
    .desc = {.id = 7, .level = 4},
    .provider_name = "EtwBroker-Enrich",
    .fields = said_fields,
    .n_fields = 1,
    .n_top = 1,
};
static const SidSpec ana = ENRICH_ANA;

void must(Gen *g, Knowledge k, const char *member, const char *value) {
    enrich_text(g->enriched, gen_ordinal(g), k, member, value);
}

void must_number(Gen *g, Knowledge k, const char *member, uint64_t value) {
    enrich_number(g->enriched, gen_ordinal(g), k, member, value);
}

void must_true(Gen *g, Knowledge k, const char *member) {
    enrich_true(g->enriched, gen_ordinal(g), k, member);
}

void by_thread(Gen *g, uint8_t group, uint8_t opcode, uint8_t version, uint32_t pid, uint32_t tid) {
    gen_advance(g, 100);
    gen_kernel(g, 0, ETL_HEADER_SYSTEM64, group, opcode, version, pid, tid);
}

void by_nobody(Gen *g, uint8_t group, uint8_t opcode, uint8_t version) {
    gen_advance(g, 100);
    gen_kernel(g, 0, ETL_HEADER_PERFINFO64, group, opcode, version, 0, 0);
}

void user_event(Gen *g, uint32_t pid, uint32_t tid) {
    gen_advance(g, 100);
    buf_u32(&g->payload, 1);
    gen_manifest(g, 0, &said, NULL, pid, tid, NULL, 0);
}

void file_name(Gen *g, uint8_t opcode, uint64_t key, const char *name) {
    kp_file_name(&g->payload, 8, key, name);
    by_nobody(g, GROUP_FILE, opcode, 2);
}

void disk_read(Gen *g, uint64_t key) {
    const KpFile f = {gen_kernel_address(g), 0, key, ENRICH_APP_TID};
    kp_disk_io(&g->payload, 8, &f, 0, 4096, 0x100000, 900);
    by_nobody(g, GROUP_DISK, DISK_READ, 3);
}

void process_event(Gen *g, uint8_t opcode, uint32_t pid, uint32_t parent, uint32_t flags,
                   const char *image, const char *command_line) {
    KpProcess p = {.key = 0xffffa00000000000u + (uint64_t)pid * 0x1000,
                   .pid = pid,
                   .parent_pid = parent,
                   .session = 1,
                   .exit_status = opcode == PROCESS_END ? 0 : 259,
                   .flags = flags,
                   .sid = pid > 4 ? &ana : NULL,
                   .image = image,
                   .command_line = command_line};
    kp_process(&g->payload, 8, 4, &p);
    if (opcode == PROCESS_START || opcode == PROCESS_END)
        by_thread(g, GROUP_PROCESS, opcode, 4, opcode == PROCESS_START ? parent : pid,
                  ENRICH_APP_TID);
    else
        by_nobody(g, GROUP_PROCESS, opcode, 4);
}

void thread_event(Gen *g, uint8_t opcode, uint32_t pid, uint32_t tid, uint32_t tag) {
    const KpThread t = {.pid = pid, .tid = tid, .service_tag = tag, .base_priority = 8, .name = ""};
    kp_thread(&g->payload, 8, &t);
    by_thread(g, GROUP_THREAD, opcode, 3, opcode == THREAD_START ? ENRICH_APP_PID : pid, 77);
}

void image_event(Gen *g, uint8_t opcode, uint32_t pid, uint64_t base, uint64_t size,
                 const char *path) {
    const KpImage i = {.base = base,
                       .size = size,
                       .pid = pid,
                       .time_date_stamp = 0x60000000u + (uint32_t)strlen(path),
                       .file_name = path};
    kp_image(&g->payload, 8, 3, &i);
    if (opcode == IMAGE_LOAD || opcode == IMAGE_UNLOAD)
        by_thread(g, GROUP_IMAGE, opcode, 3, pid, ENRICH_APP_TID);
    else
        by_nobody(g, GROUP_IMAGE, opcode, 3);
}

static void volume(Gen *g, const char *nt_path, const char *dos_path) {
    blob_utf16z(&g->payload, nt_path);
    blob_utf16z(&g->payload, dos_path);
    gen_classic(g, 0, &sys_config_ex_guid, SYS_CONFIG_VOLUME, 0, 0, 0);
}

static void machine(Gen *g) {
    blob_utf16z(&g->payload, "C:\\Windows\\system32");
    blob_utf16z(&g->payload, "C:\\Windows\\");
    gen_classic(g, 0, &sys_config_ex_guid, SYS_CONFIG_PATHS, 0, 0, 0);
    volume(g, "\\??\\", "");
    volume(g, "\\SystemRoot\\", "C:\\Windows\\");
    volume(g, VOLUME1, "C:\\");
    volume(g, VOLUME10, "D:\\");
    volume(g, "\\Device\\Mup\\", "\\\\");
    gen_advance(g, 1000);
    process_event(g, PROCESS_DC_START, 4, 0, 0, "System", "");
    must(g, KNOWN_BOTH, "ProcessName", "System");
    must(g, KNOWN_BOTH, "Provenance.Process", "rundown");
    process_event(g, PROCESS_DC_START, ENRICH_APP_PID, 4, 0, "app.exe", "app.exe --serve");
    thread_event(g, THREAD_DC_START, ENRICH_APP_PID, ENRICH_APP_TID, 0);
    must_number(g, KNOWN_BOTH, "ThreadId", ENRICH_APP_TID);
    must(g, KNOWN_BOTH, "ProcessName", "app.exe");
    image_event(g, IMAGE_DC_START, 0, KERNEL_BASE, 0xa00000,
                "\\SystemRoot\\system32\\ntoskrnl.exe");
    must(g, KNOWN_BOTH, "FileName", "C:\\Windows\\system32\\ntoskrnl.exe");
    image_event(g, IMAGE_DC_START, ENRICH_APP_PID, APP_BASE, 0x40000, VOLUME1 "Apps\\app.exe");
    must(g, KNOWN_BOTH, "ProcessName", "app.exe");
    must(g, KNOWN_BOTH, "FileName", "C:\\Apps\\app.exe");
    image_event(g, IMAGE_DC_START, ENRICH_APP_PID, NTDLL_BASE, 0x1f0000,
                "\\Windows\\System32\\ntdll.dll");
    must(g, KNOWN_BOTH, "FileName", "C:\\Windows\\System32\\ntdll.dll");
}

static void run_enrich(const ScenarioOptions *o, Gen *g) {
    (void)o;
    machine(g);
    enrich_files(g);
    enrich_renames(g);
    enrich_registry(g);
    enrich_processes(g);
    enrich_handles(g);
    enrich_network(g);
    enrich_manifests(g);
    enrich_hostile(g);
    enrich_stacks(g);
    enrich_end(g);
}

// Four names in a cache of three: the one that was used least recently goes, with live knowledge (a
// scan meets the limit before the first look-up, so its result is another).
static void run_small(const ScenarioOptions *o, Gen *g) {
    (void)o;
    static const struct {
        uint64_t key;
        const char *name, *shown;
    } files[] = {
        {0xffffb00000000010u, VOLUME1 "one", "C:\\one"},
        {0xffffb00000000020u, VOLUME1 "two", "C:\\two"},
        {0xffffb00000000030u, VOLUME1 "three", "C:\\three"},
        {0xffffb00000000040u, VOLUME1 "four", "C:\\four"},
    };
    volume(g, VOLUME1, "C:\\");
    for (size_t i = 0; i < 3; i++)
        file_name(g, FILE_CREATE_NAME, files[i].key, files[i].name);
    for (size_t i = 0; i < 3; i++) { // all three fit
        disk_read(g, files[i].key);
        must(g, KNOWN_LIVE, "FileName", files[i].shown);
    }
    disk_read(g, files[0].key); // used again: now `two` is the oldest
    must(g, KNOWN_LIVE, "FileName", files[0].shown);
    file_name(g, FILE_CREATE_NAME, files[3].key, files[3].name);
    static const bool there[] = {true, false, true, true};
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        disk_read(g, files[i].key);
        must(g, KNOWN_LIVE, "FileName", there[i] ? files[i].shown : NULL);
    }
    file_name(g, FILE_CREATE_NAME, files[1].key, files[1].name); // and comes back
    disk_read(g, files[1].key);
    must(g, KNOWN_LIVE, "FileName", files[1].shown);
}

static void prepare_enrich(const ScenarioOptions *o, EtlwOptions *w) {
    (void)o;
    w->session_name = "EtwBroker Enrich";
    w->n_cpus = 1;
}

const ScenarioInfo scenario_enrich = {
    .name = "enrich",
    .summary = "reused keys, late names, renames, stacks and more, with what enrichment must say",
    .n_cpus = 1,
    .packs = true,
    .prepare = prepare_enrich,
    .run = run_enrich,
};

const ScenarioInfo scenario_enrich_small = {
    .name = "enrich-small",
    .summary = "more files than a cache of three entries holds",
    .n_cpus = 1,
    .prepare = prepare_enrich,
    .run = run_small,
};
