// Processes, threads, services, network and the providers with manifests of the scenario `enrich`.
#include "tests/etlgen/demo_providers.h"
#include "tests/etlgen/scenario_enrich.h"

#define FIELDS(list) .fields = list, .n_fields = ARRAY_COUNT(list), .n_top = ARRAY_COUNT(list)

static const TeiField open_process_fields[] = {
    {.name = "TargetProcessId", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "DesiredAccess", .in_type = IN_U32, .out_type = OUT_HEX32},
    {.name = "ReturnCode", .in_type = IN_U32, .out_type = OUT_HEX32},
};
static const TeiEvent open_process = {
    .provider =
        GUID_INIT(0xe02a841cu, 0x75a3, 0x4fa7, 0xaf, 0xc8, 0xae, 0x09, 0xcf, 0x9b, 0x7f, 0x23),
    .desc = {.id = 5, .level = 4},
    .provider_name = "Microsoft-Windows-Kernel-Audit-API-Calls",
    FIELDS(open_process_fields),
};

static const TeiField wmi_fields[] = {
    {.name = "CorrelationId", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "GroupOperationId", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "OperationId", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "Commandline", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "CreatedProcessId", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "CreatedProcessCreationTime", .in_type = IN_U64, .out_type = OUT_ULONG},
    {.name = "ClientMachine", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "User", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "ClientProcessId", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "ClientProcessCreationTime", .in_type = IN_U64, .out_type = OUT_ULONG},
    {.name = "IsLocal", .in_type = IN_BOOL32, .out_type = OUT_BOOL},
};
static const TeiEvent wmi_created = {
    .provider =
        GUID_INIT(0x1418ef04u, 0xb0b4, 0x4623, 0xbf, 0x7e, 0xd7, 0x4a, 0xb4, 0x7b, 0xbd, 0xaa),
    .desc = {.id = 23, .level = 4},
    .provider_name = "Microsoft-Windows-WMI-Activity",
    FIELDS(wmi_fields),
};

static const TeiField key_opened_fields[] = {
    {.name = "BaseObject", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "KeyObject", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "Status", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "Disposition", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "BaseName", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "RelativeName", .in_type = IN_UTF16, .out_type = OUT_STRING},
};
static const TeiEvent key_opened = {
    .provider =
        GUID_INIT(0x70eb4f03u, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd),
    .desc = {.id = 2, .channel = 16, .level = 4, .opcode = 33},
    .provider_name = "Microsoft-Windows-Kernel-Registry",
    FIELDS(key_opened_fields),
};

static const TeiField file_closed_fields[] = {
    {.name = "Irp", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "FileObject", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "FileKey", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "IssuingThreadId", .in_type = IN_U32, .out_type = OUT_UINT},
};
static const TeiField file_read_fields[] = {
    {.name = "ByteOffset", .in_type = IN_U64, .out_type = OUT_HEX64},
    {.name = "Irp", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "FileObject", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "FileKey", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "IssuingThreadId", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "IOSize", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "IOFlags", .in_type = IN_U32, .out_type = OUT_HEX32},
    {.name = "ExtraFlags", .in_type = IN_U32, .out_type = OUT_HEX32},
};
#define KERNEL_FILE                                                                                \
    .provider =                                                                                    \
        GUID_INIT(0xedd08927u, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89),    \
    .provider_name = "Microsoft-Windows-Kernel-File"
static const TeiEvent file_closed = {
    KERNEL_FILE,
    .desc = {.id = 14, .version = 1, .channel = 16, .level = 4, .task = 14},
    FIELDS(file_closed_fields),
};
static const TeiEvent file_read = {
    KERNEL_FILE,
    .desc = {.id = 15, .version = 1, .channel = 16, .level = 4, .task = 15},
    FIELDS(file_read_fields),
};

void enrich_processes(Gen *g) {
    // One after the other with the same pid and the same tid.
    process_event(g, PROCESS_START, 600, ENRICH_APP_PID, 2, "one.exe", "one.exe -x");
    must_number(g, KNOWN_BOTH, "ProcessId", 600);
    must(g, KNOWN_BOTH, "ProcessName", "one.exe");
    must(g, KNOWN_BOTH, "CommandLine", "one.exe -x");
    must(g, KNOWN_BOTH, "UserSid", ENRICH_ANA_TEXT);
    must_number(g, KNOWN_BOTH, "SessionId", 1);
    must_true(g, KNOWN_BOTH, "IsWow64");
    must_number(g, KNOWN_BOTH, "ParentProcessId", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "ParentProcessName", "app.exe");
    must(g, KNOWN_BOTH, "ParentProcessPath", "C:\\Apps\\app.exe");
    must(g, KNOWN_BOTH, "ParentProcessCommandLine", "app.exe --serve");
    must(g, KNOWN_BOTH, "CallChain", "app.exe <- System <- Idle");
    must_number(g, KNOWN_BOTH, "CreatorProcessId", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "CreatorProcessName", "app.exe");
    must(g, KNOWN_BOTH, "Provenance.Process", "live");
    thread_event(g, THREAD_START, 600, 610, 0);
    must(g, KNOWN_BOTH, "ProcessName", "one.exe");
    must(g, KNOWN_BOTH, "CreatorProcessName", "app.exe");
    image_event(g, IMAGE_LOAD, 600, 0x400000, 0x20000, VOLUME10 "tools\\one.exe");
    user_event(g, 600, 610);
    must(g, KNOWN_BOTH, "ProcessName", "one.exe");
    must(g, KNOWN_BOTH, "ProcessPath", "D:\\tools\\one.exe");
    kp_sample(&g->payload, 8, 0x401000, 610, 1);
    by_nobody(g, GROUP_PERF, PERF_SAMPLE, 2);
    must_number(g, KNOWN_BOTH, "ProcessId", 600);
    must_number(g, KNOWN_BOTH, "ThreadId", 610);
    must(g, KNOWN_BOTH, "ProcessName", "one.exe");
    thread_event(g, THREAD_END, 600, 610, 0);
    process_event(g, PROCESS_END, 600, ENRICH_APP_PID, 2, "one.exe", "one.exe -x");
    must(g, KNOWN_BOTH, "ProcessName", "one.exe");
    process_event(g, PROCESS_START, 600, ENRICH_APP_PID, 4, "two.exe", "two.exe /y");
    must(g, KNOWN_BOTH, "ProcessName", "two.exe");
    must_true(g, KNOWN_BOTH, "IsProtected");
    process_event(g, PROCESS_START, 640, ENRICH_APP_PID, 0, "other.exe", "other.exe");
    thread_event(g, THREAD_START, 640, 610, 0);
    kp_sample(&g->payload, 8, 0x401000, 610, 1);
    by_nobody(g, GROUP_PERF, PERF_SAMPLE, 2);
    must_number(g, KNOWN_BOTH, "ProcessId", 640);
    must(g, KNOWN_BOTH, "ProcessName", "other.exe");
    user_event(g, 600, 612);
    must(g, KNOWN_BOTH, "ProcessName", "two.exe");
    must(g, KNOWN_BOTH, "CommandLine", "two.exe /y");

    // There before the trace, and named at its end alone; and one that nothing names.
    user_event(g, 650, 654);
    must(g, KNOWN_FILE, "ProcessName", "late.exe");
    must(g, KNOWN_FILE, "Provenance.Process", "rundown");
    must(g, KNOWN_LIVE, "ProcessName", NULL);
    kp_sample(&g->payload, 8, 0x401000, 654, 1);
    by_nobody(g, GROUP_PERF, PERF_SAMPLE, 2);
    must_number(g, KNOWN_FILE, "ProcessId", 650);
    must(g, KNOWN_LIVE, "ProcessName", NULL);
    user_event(g, 699, 698);
    must(g, KNOWN_BOTH, "ProcessName", NULL);

    // Services by the tag of the thread.
    process_event(g, PROCESS_DC_START, 800, 4, 0, "svchost.exe", "svchost.exe -k net");
    kp_config_service(&g->payload, 800, 5, "Dnscache", "DNS Client", "svchost.exe", "net");
    by_thread(g, GROUP_CONFIG, CONFIG_SERVICES, 3, 4, 14);
    thread_event(g, THREAD_DC_START, 800, 810, 5);
    thread_event(g, THREAD_DC_START, 800, 820, 9);
    user_event(g, 800, 810);
    must(g, KNOWN_BOTH, "ServiceName", "Dnscache");
    user_event(g, 800, 820);
    must(g, KNOWN_FILE, "ServiceName", "LateSvc");
    must(g, KNOWN_LIVE, "ServiceName", NULL);
    user_event(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must(g, KNOWN_BOTH, "ServiceName", NULL);
}

static void flow_must(Gen *g, const char *local, const char *remote, uint16_t local_port,
                      uint16_t remote_port, const char *direction) {
    must_number(g, KNOWN_BOTH, "ProcessId", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "ProcessName", "app.exe");
    must(g, KNOWN_BOTH, "LocalAddress", local);
    must(g, KNOWN_BOTH, "RemoteAddress", remote);
    must_number(g, KNOWN_BOTH, "LocalPort", local_port);
    must_number(g, KNOWN_BOTH, "RemotePort", remote_port);
    must(g, KNOWN_BOTH, "Direction", direction);
}

void enrich_network(Gen *g) {
    static const uint16_t here6[8] = {0x2001, 0xdb8, 0, 0, 0, 0, 0, 5};
    static const uint16_t there6[8] = {0x2001, 0xdb8, 0x40, 0, 0, 0, 0, 0x28};
    KpFlow f = {.pid = ENRICH_APP_PID,
                .bytes = 26,
                .local4 = 0x0a000005,
                .remote4 = 0xc6336414,
                .local6 = here6,
                .remote6 = there6,
                .local_port = 50210,
                .remote_port = 443};
    kp_tcp_connect(&g->payload, 8, &f, 0);
    by_nobody(g, GROUP_TCP, TCP_CONNECT, 2);
    flow_must(g, "10.0.0.5", "198.51.100.20", 50210, 443, "Outbound");
    kp_tcp_send(&g->payload, 8, &f, 1, 2, 0);
    by_nobody(g, GROUP_TCP, TCP_SEND, 2);
    flow_must(g, "10.0.0.5", "198.51.100.20", 50210, 443, "Outbound");
    kp_net_plain(&g->payload, 8, &f, 0);
    by_nobody(g, GROUP_TCP, TCP_RECV, 2);
    flow_must(g, "10.0.0.5", "198.51.100.20", 50210, 443, "Inbound");
    f.ipv6 = true;
    kp_tcp_connect(&g->payload, 8, &f, 0);
    by_nobody(g, GROUP_TCP, TCP_ACCEPT + NET_IPV6, 2);
    flow_must(g, "2001:db8::5", "2001:db8:40::28", 50210, 443, "Inbound");
}

static void process_started_event(Gen *g, uint32_t pid, bool elevated) {
    static const SidSpec label = {16, 1, {12288}};
    Buf *b = &g->payload;
    buf_u32(b, pid);
    buf_u64(b, 71);
    buf_u64(b, (uint64_t)etlw_clock_filetime(&g->clock, gen_raw(g)));
    buf_u32(b, ENRICH_APP_PID);
    buf_u64(b, 12);
    buf_u32(b, 1);
    buf_u32(b, 0);
    buf_u32(b, elevated ? 2 : 3);
    buf_u32(b, elevated ? 1 : 0);
    blob_sid(b, &label);
    blob_utf16z(b, VOLUME1 "Apps\\helper.exe");
    buf_u32(b, 0);
    buf_u32(b, 0x65a31f40);
    blob_utf16z(b, "");
    blob_utf16z(b, "");
    gen_advance(g, 100);
    gen_manifest(g, 0, &process_started, NULL, ENRICH_APP_PID, ENRICH_APP_TID, NULL, 0);
}

void enrich_manifests(Gen *g) {
    Buf *b = &g->payload;
    // Kernel-Process, without the classic event.
    process_started_event(g, 680, true);
    user_event(g, 680, 684);
    must(g, KNOWN_BOTH, "ProcessName", "helper.exe");
    must(g, KNOWN_BOTH, "ProcessPath", "C:\\Apps\\helper.exe");
    must(g, KNOWN_BOTH, "ParentProcessName", "app.exe");
    must_true(g, KNOWN_BOTH, "IsElevated");

    // Kernel-File: the object's name from Create until Close.
    buf_u64(b, 0xffffac0000005000u);
    buf_u64(b, 0xffff9b0000005000u);
    buf_u32(b, ENRICH_APP_TID);
    buf_zero(b, 12);
    blob_utf16z(b, VOLUME1 "manifest.txt");
    gen_advance(g, 100);
    gen_manifest(g, 0, &file_created, NULL, ENRICH_APP_PID, ENRICH_APP_TID, NULL, 0);
    must(g, KNOWN_BOTH, "FileName", "C:\\manifest.txt");
    for (int closed = 0; closed < 2; closed++) {
        buf_u64(b, 4096);
        buf_u64(b, 0xffffac0000005000u);
        buf_u64(b, 0xffff9b0000005000u);
        buf_u64(b, closed ? 0xffff8a0000006000u : 0xffff8a0000005000u);
        buf_u32(b, ENRICH_APP_TID);
        buf_zero(b, 12);
        gen_advance(g, 100);
        gen_manifest(g, 0, &file_read, NULL, ENRICH_APP_PID, ENRICH_APP_TID, NULL, 0);
        must(g, KNOWN_BOTH, "FileName", closed ? NULL : "C:\\manifest.txt");
        if (closed)
            break;
        buf_u64(b, 0xffffac0000005000u);
        buf_u64(b, 0xffff9b0000005000u);
        buf_u64(b, 0xffff8a0000005000u);
        buf_u32(b, ENRICH_APP_TID);
        gen_advance(g, 100);
        gen_manifest(g, 0, &file_closed, NULL, ENRICH_APP_PID, ENRICH_APP_TID, NULL, 0);
        must(g, KNOWN_BOTH, "FileName", "C:\\manifest.txt");
    }

    // Kernel-Registry: the key's path from its opening; a value with its data.
    buf_u64(b, 0);
    buf_u64(b, 0xffffc00000005000u);
    buf_u32(b, 0);
    buf_u32(b, 2);
    blob_utf16z(b, "");
    blob_utf16z(b, "\\REGISTRY\\MACHINE\\SOFTWARE\\Run");
    gen_advance(g, 100);
    gen_manifest(g, 0, &key_opened, NULL, ENRICH_APP_PID, ENRICH_APP_TID, NULL, 0);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SOFTWARE\\Run");
    buf_u64(b, 0xffffc00000005000u);
    buf_u32(b, 0);
    buf_u32(b, 1); // REG_SZ
    buf_u32(b, 12);
    blob_utf16z(b, "");
    blob_utf16z(b, "Updater");
    buf_u16(b, 12);
    blob_utf16z(b, "u.exe");
    buf_zero(b, 10);
    gen_advance(g, 100);
    gen_manifest(g, 0, &registry_value_set, NULL, ENRICH_APP_PID, ENRICH_APP_TID, NULL, 0);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SOFTWARE\\Run");
    must(g, KNOWN_BOTH, "ValueName", "Updater");
    must(g, KNOWN_BOTH, "Data", "u.exe");

    // Processes that a payload names.
    buf_u32(b, 800);
    buf_u32(b, 0x1410);
    buf_u32(b, 0);
    gen_advance(g, 100);
    gen_manifest(g, 0, &open_process, NULL, ENRICH_APP_PID, ENRICH_APP_TID, NULL, 0);
    must(g, KNOWN_BOTH, "ProcessName", "app.exe");
    must(g, KNOWN_BOTH, "TargetProcessName", "svchost.exe");
    must(g, KNOWN_BOTH, "TargetProcessCommandLine", "svchost.exe -k net");
    blob_utf16z(b, "{0}");
    buf_u32(b, 1);
    buf_u32(b, 2);
    blob_utf16z(b, "helper.exe");
    buf_u32(b, 680);
    buf_u64(b, 0);
    blob_utf16z(b, "ANA-LAPTOP");
    blob_utf16z(b, "CORP\\ana");
    buf_u32(b, ENRICH_APP_PID);
    buf_u64(b, 0);
    buf_u32(b, 1);
    gen_advance(g, 100);
    gen_manifest(g, 0, &wmi_created, NULL, 800, 810, NULL, 0);
    must(g, KNOWN_BOTH, "ProcessName", "svchost.exe");
    must(g, KNOWN_BOTH, "ClientProcessName", "app.exe");
    must(g, KNOWN_BOTH, "ClientProcessCommandLine", "app.exe --serve");
    must(g, KNOWN_BOTH, "CreatedProcessName", "helper.exe");
}
