// Classic kernel events of the scenario `kinds`: one of each payload that the builders know, for either
// pointer size, and what merging tools inject.

#include "tests/etlgen/scenario_kinds.h"

#define PID 7200u
#define TID 7204u

static const SidSpec user = {5, 5, {21, 1004336348, 1177238915, 682003330, 1001}};

typedef struct Kind {
    Gen *g;
    uint8_t ps;    // pointer size
    uint64_t base; // of kernel addresses
} Kind;

// With pid and tid.
static void sys(Kind *k, uint8_t group, uint8_t opcode, uint8_t version) {
    gen_advance(k->g, 90);
    gen_kernel(k->g, gen_cpu(k->g), k->ps == 4 ? ETL_HEADER_SYSTEM32 : ETL_HEADER_SYSTEM64, group,
               opcode, version, PID, TID);
}

// Without.
static void perf(Kind *k, uint8_t group, uint8_t opcode, uint8_t version) {
    gen_advance(k->g, 90);
    gen_kernel(k->g, gen_cpu(k->g), k->ps == 4 ? ETL_HEADER_PERFINFO32 : ETL_HEADER_PERFINFO64,
               group, opcode, version, 0, 0);
}

static void processes(Kind *k) {
    Buf *p = &k->g->payload;
    KpProcess process = {
        .key = k->base + 0x1080, .directory_table = 0x1ad000, .pid = PID, .parent_pid = 900};
    process.session = 1;
    process.exit_status = 259; // STILL_ACTIVE
    process.sid = &user;
    process.image = "sample.exe";
    process.command_line = "\"C:\\Program Files\\Sample\\sample.exe\" --größe 3";
    process.package = "Contoso.Sample_1.0.0.0_x64__8wekyb3d8bbwe";
    process.application = "App";
    process.flags = 1;
    process.exit_time = k->g->clock.start_time + 5000000;
    static const uint8_t opcodes[] = {PROCESS_START, PROCESS_END, PROCESS_DC_START, PROCESS_DC_END};
    for (uint8_t version = 1; version <= 4; version++) {
        for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
            kp_process(p, k->ps, version, &process);
            if (opcodes[i] >= PROCESS_DC_START)
                perf(k, GROUP_PROCESS, opcodes[i], version);
            else
                sys(k, GROUP_PROCESS, opcodes[i], version);
        }
    }
    process.sid = NULL;
    kp_process(p, k->ps, 5, &process);
    perf(k, GROUP_PROCESS, PROCESS_DEFUNCT, 5);
    buf_u32(p, PID);
    sys(k, GROUP_PROCESS, PROCESS_TERMINATE, 2);
}

static void threads(Kind *k) {
    Buf *p = &k->g->payload;
    KpThread thread = {
        .pid = PID, .tid = TID, .stack_base = k->base + 0x9000, .stack_limit = k->base + 0x3000};
    thread.affinity = 0xff;
    thread.start = 0x77712340;
    thread.teb = 0x7ffd0000;
    thread.service_tag = 31;
    thread.base_priority = 8;
    thread.page_priority = 5;
    thread.io_priority = 2;
    kp_thread(p, k->ps, &thread); // as Windows 8: no name
    sys(k, GROUP_THREAD, THREAD_START, 3);
    static const uint8_t opcodes[] = {THREAD_START, THREAD_END, THREAD_DC_START, THREAD_DC_END};
    static const char *const names[] = {"", "worker", "UI thread", ""};
    for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
        thread.name = names[i];
        kp_thread(p, k->ps, &thread);
        sys(k, GROUP_THREAD, opcodes[i], 3);
    }
    kp_thread_name(p, PID, TID, "renamed");
    perf(k, GROUP_THREAD, THREAD_SET_NAME, 2);
    kp_cswitch(p, TID, 0, 9, 0, 15, 4);
    perf(k, GROUP_THREAD, THREAD_CSWITCH, 4);
    kp_ready(p, TID);
    perf(k, GROUP_THREAD, THREAD_READY, 2);
}

static void images(Kind *k) {
    static const Guid pdb_guid =
        GUID_INIT(0xec83d8dfu, 0x5559, 0x46e0, 0xb6, 0x30, 0x13, 0x3e, 0xbd, 0x97, 0x92, 0x66);
    Buf *p = &k->g->payload;
    KpImage image = {
        .base = k->ps == 4 ? 0x77710000u : 0x00007ff812340000u, .size = 0x1f6000, .pid = PID};
    image.checksum = 0x1f7a31;
    image.time_date_stamp = 0x9b64aa6f;
    image.signature_level = 8;
    image.signature_type = 1;
    image.file_name = "\\Device\\HarddiskVolume3\\Windows\\System32\\ntdll.dll";
    static const uint8_t opcodes[] = {IMAGE_LOAD, IMAGE_UNLOAD, IMAGE_DC_START, IMAGE_DC_END};
    for (uint8_t version = 1; version <= 3; version++) {
        for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
            kp_image(p, k->ps, version, &image);
            if (opcodes[i] == IMAGE_LOAD || opcodes[i] == IMAGE_UNLOAD)
                sys(k, GROUP_IMAGE, opcodes[i], version);
            else
                perf(k, GROUP_IMAGE, opcodes[i], version);
        }
    }
    // The hook that makes a process; then what a merging tool adds at the same time.
    kp_image(p, k->ps, 3, &image);
    sys(k, GROUP_PROCESS, IMAGE_LOAD, 3);
    kp_image_id(p, k->ps, &image, "NTDLL.DLL");
    gen_classic(k->g, 0, &image_id_guid, IMAGE_ID_INFO, 2, PID, UINT32_MAX);
    kp_image_rsds(p, k->ps, &image, &pdb_guid, 1, "ntdll.pdb");
    gen_classic(k->g, 0, &image_id_guid, IMAGE_ID_RSDS, 2, PID, UINT32_MAX);
}

static void files(Kind *k) {
    Buf *p = &k->g->payload;
    static const char path[] = "\\Device\\HarddiskVolume3\\Users\\ana\\Documents\\report.docx";
    KpFile f = {k->base + 0x7010, k->base + 0x2a40, k->base + 0x51170, TID};
    kp_file_name(p, k->ps, f.key, path);
    perf(k, GROUP_FILE, FILE_CREATE_NAME, 2);
    kp_file_create(p, k->ps, &f, FILE_DISPOSITION(3) | 0x60, 0x80, 3, path);
    sys(k, GROUP_FILE, FILE_CREATE, 3);
    kp_file_end(p, k->ps, &f, 2, 0);
    sys(k, GROUP_FILE, FILE_OPERATION_END, 3);
    kp_file_io(p, k->ps, &f, 0, 4096, 0x60900);
    sys(k, GROUP_FILE, FILE_READ, 3);
    kp_file_io(p, k->ps, &f, 0x100000000u, 512, 0x60a00);
    sys(k, GROUP_FILE, FILE_WRITE, 3);
    kp_file_info(p, k->ps, &f, 4096, 20);
    sys(k, GROUP_FILE, FILE_SET_INFO, 3);
    kp_file_info(p, k->ps, &f, 0, 5);
    sys(k, GROUP_FILE, FILE_QUERY_INFO, 3);
    kp_file_dir(p, k->ps, &f, 4096, 37, "*.docx");
    sys(k, GROUP_FILE, FILE_DIR_ENUM, 3);
    kp_file_simple(p, k->ps, &f);
    sys(k, GROUP_FILE, FILE_FLUSH, 3);
    kp_file_path(p, k->ps, &f, 0, 10,
                 "\\Device\\HarddiskVolume3\\Users\\ana\\Documents\\report (1).docx");
    sys(k, GROUP_FILE, FILE_RENAME_PATH, 3);
    kp_file_info(p, k->ps, &f, 0, 10);
    sys(k, GROUP_FILE, FILE_RENAME, 3);
    kp_file_path(p, k->ps, &f, 1, 13, path);
    sys(k, GROUP_FILE, FILE_DELETE_PATH, 3);
    kp_file_info(p, k->ps, &f, 1, 13);
    sys(k, GROUP_FILE, FILE_DELETE, 3);
    kp_file_end(p, k->ps, &f, 0, 0xc0000022u);
    sys(k, GROUP_FILE, FILE_OPERATION_END, 3);
    kp_file_simple(p, k->ps, &f);
    sys(k, GROUP_FILE, FILE_CLEANUP, 3);
    kp_file_simple(p, k->ps, &f);
    sys(k, GROUP_FILE, FILE_CLOSE, 3);
    static const uint8_t names[] = {FILE_NAME, FILE_DELETE_NAME, FILE_RUNDOWN};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        kp_file_name(p, k->ps, f.key, path);
        perf(k, GROUP_FILE, names[i], 2);
    }
    kp_disk_init(p, k->ps, &f);
    sys(k, GROUP_DISK, DISK_READ_INIT, 3);
    kp_disk_io(p, k->ps, &f, 0, 4096, 0x1233000, 6210);
    perf(k, GROUP_DISK, DISK_READ, 3);
    kp_disk_io(p, k->ps, &f, 0, 4096, 0x1233000, 6210);
    perf(k, GROUP_DISK, DISK_WRITE, 3);
    kp_hard_fault(p, k->ps, gen_raw(k->g), 0x3000, 0x7ffd2000, &f, 16384);
    perf(k, GROUP_MEMORY, MEMORY_HARD_FAULT, 2);
}

static void registry(Kind *k) {
    Buf *p = &k->g->payload;
    static const char run[] =
        "\\REGISTRY\\MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run";
    uint64_t key = k->base + 0x3f0c0;
    static const struct {
        uint8_t opcode;
        bool has_key;
        uint32_t status, index;
        const char *name;
    } rows[] = {
        {REG_KCB_RUNDOWN_BEGIN, true, 0, 0, run},
        {REG_KCB_CREATE, true, 0, 0, run},
        {REG_CREATE, true, 0, 0, "Sub"},
        {REG_OPEN, false, 0, 0, run},
        {REG_OPEN, true, 0xc0000034u, 0, "None"},
        {REG_QUERY, true, 0, 2, ""},
        {REG_SET_VALUE, true, 0, 0, "Updater"},
        {REG_QUERY_VALUE, true, 0, 2, "Updater"},
        {REG_DELETE_VALUE, true, 0, 0, "Updater"},
        {17, true, 0x8000001au, 3, ""},
        {18, true, 0, 1, ""},
        {REG_CLOSE, true, 0, 0, ""},
        {REG_KCB_DELETE, true, 0, 0, run},
        {REG_KCB_RUNDOWN_END, true, 0, 0, run},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int64_t since = rows[i].opcode >= REG_KCB_CREATE && rows[i].opcode <= REG_KCB_RUNDOWN_END
                            ? 0
                            : gen_raw(k->g);
        kp_registry(p, k->ps, since, rows[i].status, rows[i].index, rows[i].has_key ? key : 0,
                    rows[i].name);
        sys(k, GROUP_REGISTRY, rows[i].opcode, 2);
    }
}

static void network(Kind *k) {
    Buf *p = &k->g->payload;
    static const uint16_t local6[8] = {0xfe80, 0, 0, 0, 0x1c2, 0x3ff, 0xfe04, 0x5a},
                          remote6[8] = {0x2606, 0x4700, 0, 0, 0, 0, 0x6810, 0x84e5};
    for (uint8_t ipv6 = 0; ipv6 <= 1; ipv6++) {
        uint8_t add = ipv6 ? NET_IPV6 : 0;
        KpFlow f = {PID,    0,       ipv6 != 0, 0xc0a80117, 0x0d6b2a10,
                    local6, remote6, 50123,     443,        k->base + 0x88010};
        kp_tcp_connect(p, k->ps, &f, 0);
        perf(k, GROUP_TCP, TCP_CONNECT + add, 2);
        kp_tcp_connect(p, k->ps, &f, 0);
        perf(k, GROUP_TCP, TCP_ACCEPT + add, 2);
        f.bytes = 517;
        kp_tcp_send(p, k->ps, &f, 1000, 1001, 0);
        perf(k, GROUP_TCP, TCP_SEND + add, 2);
        f.bytes = 1460;
        kp_net_plain(p, k->ps, &f, 0);
        perf(k, GROUP_TCP, TCP_RECV + add, 2);
        kp_net_plain(p, k->ps, &f, 0);
        perf(k, GROUP_TCP, TCP_DISCONNECT + add, 2);
        f.remote_port = 53;
        kp_net_plain(p, k->ps, &f, 0);
        perf(k, GROUP_UDP, UDP_SEND + add, 2);
        kp_net_plain(p, k->ps, &f, 0);
        perf(k, GROUP_UDP, UDP_RECV + add, 2);
    }
}

static void stacks(Kind *k) {
    Buf *p = &k->g->payload;
    uint64_t kernel[6], narrow = k->ps == 4 ? 0x0fffffffu : UINT64_MAX;
    for (uint32_t i = 0; i < ARRAY_COUNT(kernel); i++)
        kernel[i] = (k->ps == 4 ? 0x81a00000u : 0xfffff80412300000u) + i * 0x1234;
    const uint64_t user_frames[] = {0x77712345, 0x77715678, 0x00401010};
    kp_sample(p, k->ps, 0x00007ff812345678u & narrow, TID, 1);
    perf(k, GROUP_PERF, PERF_SAMPLE, 2);
    int64_t sampled = gen_raw(k->g);
    kp_stack(p, k->ps, sampled, PID, TID, kernel, ARRAY_COUNT(kernel));
    perf(k, GROUP_STACK, STACK_WALK, 2);
    kp_stack(p, k->ps, sampled, PID, TID, user_frames, ARRAY_COUNT(user_frames));
    perf(k, GROUP_STACK, STACK_WALK, 2);
    // Keys are defined after they are used.
    uint64_t kernel_key = k->base + 0x430ed90, user_key = k->base + 0x430ee10;
    kp_sample(p, k->ps, 0x00007ff812345690u & narrow, TID, 1);
    perf(k, GROUP_PERF, PERF_SAMPLE, 2);
    sampled = gen_raw(k->g);
    kp_stack_key(p, k->ps, sampled, PID, TID, kernel_key);
    perf(k, GROUP_STACK, STACK_KERNEL_KEY, 2);
    kp_stack_key(p, k->ps, sampled, PID, TID, user_key);
    perf(k, GROUP_STACK, STACK_USER_KEY, 2);
    kp_stack_definition(p, k->ps, kernel_key, kernel, ARRAY_COUNT(kernel));
    perf(k, GROUP_STACK, STACK_KEY_DELETE, 2);
    kp_stack_definition(p, k->ps, user_key, user_frames, ARRAY_COUNT(user_frames));
    perf(k, GROUP_STACK, STACK_KEY_RUNDOWN, 2);
}

static void configuration(Kind *k) {
    Buf *p = &k->g->payload;
    kp_config_cpu(p, k->ps, 3000, 8, "ANA-LAPTOP", "CORP");
    sys(k, GROUP_CONFIG, CONFIG_CPU, 3);
    kp_config_service(p, 1580, 31, "Dnscache", "DNS Client", "svchost.exe", "NetworkService");
    sys(k, GROUP_CONFIG, CONFIG_SERVICES, 3);
    kp_config_platform(p, "Contoso", "Laptop 5", "01/02/2024", "1.17.0");
    sys(k, GROUP_CONFIG, CONFIG_PLATFORM, 2);
    gen_advance(k->g, 90);
    blob_utf16z(p, "\\Device\\HarddiskVolume3\\");
    blob_utf16z(p, "C:\\");
    gen_classic(k->g, 0, &sys_config_ex_guid, SYS_CONFIG_VOLUME, 0, 0, 0);
    blob_utf16z(p, "C:\\Windows\\System32");
    blob_utf16z(p, "C:\\Windows\\");
    gen_classic(k->g, 0, &sys_config_ex_guid, SYS_CONFIG_PATHS, 0, 0, 0);
}

void kinds_kernel(Gen *g, uint8_t pointer_size) {
    Kind k = {g, pointer_size, pointer_size == 4 ? 0x87000000u : 0xffff8c0a00000000u};
    processes(&k);
    threads(&k);
    images(&k);
    files(&k);
    registry(&k);
    network(&k);
    stacks(&k);
    configuration(&k);
}
