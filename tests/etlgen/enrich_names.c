// Files, registry keys and handles of the scenario `enrich`.
#include "tests/etlgen/scenario_enrich.h"

#define GROUP_OBJECT 0x11
enum {
    OBJECT_CREATE_HANDLE = 32,
    OBJECT_CLOSE_HANDLE = 33,
    OBJECT_TYPE_DC_START = 36,
    OBJECT_HANDLE_DC_END = 39
};

#define KEY(n)    (0xffff8a0000000000u + (n)*0x100u)
#define OBJECT(n) (0xffff9b0000000000u + (n)*0x100u)
#define IRP(n)    (0xffffac0000000000u + (n)*0x100u)
#define KCB(n)    (0xffffc00000000000u + (n)*0x100u)

static void operation(Gen *g, uint8_t opcode, const KpFile *f) {
    if (opcode == FILE_READ || opcode == FILE_WRITE)
        kp_file_io(&g->payload, 8, f, 0, 512, 0x60900);
    else
        kp_file_simple(&g->payload, 8, f);
    by_thread(g, GROUP_FILE, opcode, 3, ENRICH_APP_PID, ENRICH_APP_TID);
}

static void create(Gen *g, const KpFile *f, const char *path) {
    kp_file_create(&g->payload, 8, f, FILE_DISPOSITION(1) | 0x60, 0x80, 3, path);
    by_thread(g, GROUP_FILE, FILE_CREATE, 3, ENRICH_APP_PID, ENRICH_APP_TID);
}

static void operation_end(Gen *g, const KpFile *f, uint64_t extra, uint32_t status) {
    kp_file_end(&g->payload, 8, f, extra, status);
    by_thread(g, GROUP_FILE, FILE_OPERATION_END, 3, ENRICH_APP_PID, ENRICH_APP_TID);
}

// The key's name alone, as a disk read asks for it.
static void key_is(Gen *g, uint64_t key, Knowledge k, const char *name, const char *provenance) {
    disk_read(g, key);
    must(g, k, "FileName", name);
    must(g, k, "Provenance.FileName", provenance);
    must_number(g, k, "ProcessId", ENRICH_APP_PID);
    must(g, k, "ProcessName", "app.exe");
}

void enrich_files(Gen *g) {
    // A key that is used again.
    file_name(g, FILE_CREATE_NAME, KEY(1), VOLUME1 "a.txt");
    must(g, KNOWN_BOTH, "FileName", "C:\\a.txt");
    key_is(g, KEY(1), KNOWN_BOTH, "C:\\a.txt", "live");
    file_name(g, FILE_DELETE_NAME, KEY(1), VOLUME1 "a.txt");
    must(g, KNOWN_BOTH, "FileName", "C:\\a.txt");
    disk_read(g, KEY(1)); // nobody's: never the old name; who knows the file guesses the next one
    must(g, KNOWN_LIVE, "FileName", NULL);
    must(g, KNOWN_FILE, "FileName", "C:\\b.txt");
    must(g, KNOWN_FILE, "Provenance.FileName", "guess");
    file_name(g, FILE_CREATE_NAME, KEY(1), VOLUME1 "b.txt");
    key_is(g, KEY(1), KNOWN_BOTH, "C:\\b.txt", "live");

    // Named by nothing but the rundown at the end (enrich_end), or by a deletion; or never.
    key_is(g, KEY(2), KNOWN_FILE, "C:\\late\\end.txt", "rundown");
    disk_read(g, KEY(2));
    must(g, KNOWN_LIVE, "FileName", NULL);
    must(g, KNOWN_LIVE, "Provenance.FileName", NULL);
    disk_read(g, KEY(3));
    must(g, KNOWN_FILE, "FileName", "C:\\late\\deleted.txt");
    must(g, KNOWN_LIVE, "FileName", NULL);
    file_name(g, FILE_DELETE_NAME, KEY(3), VOLUME1 "late\\deleted.txt");
    disk_read(g, KEY(4));
    must(g, KNOWN_BOTH, "FileName", NULL);
    must(g, KNOWN_BOTH, "ProcessName", "app.exe");

    // Create, Close, and the object's address once more.
    KpFile f = {IRP(1), OBJECT(1), KEY(5), ENRICH_APP_TID};
    create(g, &f, VOLUME1 "first.doc");
    must(g, KNOWN_BOTH, "FileName", "C:\\first.doc");
    operation_end(g, &f, 1, 0);
    operation(g, FILE_READ, &f);
    must(g, KNOWN_BOTH, "FileName", "C:\\first.doc");
    gen_advance(g, 2400);
    operation_end(g, &f, 512, 0);
    must(g, KNOWN_BOTH, "Operation", "FileIO/Read");
    must_number(g, KNOWN_BOTH, "Duration", 2500);
    must(g, KNOWN_BOTH, "FileName", "C:\\first.doc");
    operation(g, FILE_CLOSE, &f);
    must(g, KNOWN_BOTH, "FileName", "C:\\first.doc");
    f = (KpFile){IRP(1), OBJECT(1), KEY(6), ENRICH_APP_TID};
    create(g, &f, VOLUME10 "second.doc");
    must(g, KNOWN_BOTH, "FileName", "D:\\second.doc");
    operation(g, FILE_WRITE, &f);
    must(g, KNOWN_BOTH, "FileName", "D:\\second.doc");
    operation(g, FILE_CLOSE, &f);

    // Opened relative to a folder: what the key is called says more.
    f = (KpFile){IRP(2), OBJECT(2), KEY(7), ENRICH_APP_TID};
    create(g, &f, "sub\\x.txt");
    must(g, KNOWN_LIVE, "FileName", "sub\\x.txt");
    must(g, KNOWN_LIVE, "Provenance.FileName", "guess");
    file_name(g, FILE_CREATE_NAME, KEY(7), VOLUME1 "folder\\sub\\x.txt");
    operation(g, FILE_READ, &f);
    must(g, KNOWN_BOTH, "FileName", "C:\\folder\\sub\\x.txt");

    // Prefixes end where a component ends.
    file_name(g, FILE_CREATE_NAME, KEY(8), "\\Device\\HarddiskVolume1\\v");
    must(g, KNOWN_BOTH, "FileName", "C:\\v");
    file_name(g, FILE_CREATE_NAME, KEY(9), "\\Device\\HarddiskVolume10\\v");
    must(g, KNOWN_BOTH, "FileName", "D:\\v");
    file_name(g, FILE_CREATE_NAME, KEY(10), "\\Device\\HarddiskVolume2\\v");
    must(g, KNOWN_BOTH, "FileName", "\\Device\\HarddiskVolume2\\v");
    file_name(g, FILE_CREATE_NAME, KEY(11), "\\device\\HARDDISKVOLUME1\\v");
    must(g, KNOWN_BOTH, "FileName", "C:\\v");
    file_name(g, FILE_CREATE_NAME, KEY(12), "\\Device\\Mup\\server\\share\\f");
    must(g, KNOWN_BOTH, "FileName", "\\\\server\\share\\f");
    file_name(g, FILE_CREATE_NAME, KEY(13),
              "\\Device\\Mup\\DfsClient\\;Z:0000000000020d40\\server\\share\\g");
    must(g, KNOWN_BOTH, "FileName", "\\\\server\\share\\g");
    file_name(g, FILE_CREATE_NAME, KEY(14), "\\Device\\NamedPipe\\spoolss");
    must(g, KNOWN_BOTH, "FileName", "\\Device\\NamedPipe\\spoolss");
}

static void rename_path(Gen *g, const KpFile *f, const char *to) {
    kp_file_path(&g->payload, 8, f, 0, 10, to);
    by_thread(g, GROUP_FILE, FILE_RENAME_PATH, 3, ENRICH_APP_PID, ENRICH_APP_TID);
    kp_file_info(&g->payload, 8, f, 0, 10);
    by_thread(g, GROUP_FILE, FILE_RENAME, 3, ENRICH_APP_PID, ENRICH_APP_TID);
}

void enrich_renames(Gen *g) {
    const KpFile good = {IRP(20), OBJECT(20), KEY(20), ENRICH_APP_TID};
    create(g, &good, VOLUME1 "draft.tmp");
    file_name(g, FILE_CREATE_NAME, KEY(20), VOLUME1 "draft.tmp");
    rename_path(g, &good, VOLUME1 "final.doc");
    operation_end(g, &good, 0, 0);
    operation(g, FILE_READ, &good);
    must(g, KNOWN_BOTH, "FileName", "C:\\final.doc");
    key_is(g, KEY(20), KNOWN_BOTH, "C:\\final.doc", "live");
    const KpFile bad = {IRP(21), OBJECT(21), KEY(21), ENRICH_APP_TID};
    create(g, &bad, VOLUME1 "keeps.tmp");
    file_name(g, FILE_CREATE_NAME, KEY(21), VOLUME1 "keeps.tmp");
    rename_path(g, &bad, VOLUME1 "denied.doc");
    operation_end(g, &bad, 0, 0xc0000022u);
    operation(g, FILE_READ, &bad);
    must(g, KNOWN_BOTH, "FileName", "C:\\keeps.tmp");
    disk_read(g, KEY(21));
    must(g, KNOWN_BOTH, "FileName", "C:\\keeps.tmp");
}

static void registry(Gen *g, uint8_t opcode, uint64_t handle, const char *name, uint32_t pid) {
    kp_registry(&g->payload, 8, gen_raw(g), 0, 0, handle, name);
    by_thread(g, GROUP_REGISTRY, opcode, 2, pid, pid + 10);
}

#define MACHINE "\\REGISTRY\\MACHINE\\"
#define ANA_KEY "\\REGISTRY\\USER\\" ENRICH_ANA_TEXT

void enrich_registry(Gen *g) {
    registry(g, REG_KCB_RUNDOWN_BEGIN, KCB(1), MACHINE "SOFTWARE\\Contoso", 4);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SOFTWARE\\Contoso");
    registry(g, REG_OPEN, KCB(1), "Office\\Options", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SOFTWARE\\Contoso\\Office\\Options");
    must(g, KNOWN_BOTH, "ProcessName", "app.exe");
    registry(g, REG_OPEN, 0, MACHINE "SYSTEM\\Select", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SYSTEM\\Select");
    registry(g, REG_OPEN, KCB(1), MACHINE "SYSTEM\\Absolute", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SYSTEM\\Absolute");
    registry(g, REG_QUERY, KCB(1), "", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SOFTWARE\\Contoso");
    must(g, KNOWN_BOTH, "Provenance.RegistryPath", "rundown");
    registry(g, REG_SET_VALUE, KCB(1), "Colour", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SOFTWARE\\Contoso");
    must(g, KNOWN_BOTH, "ValueName", "Colour");

    // A key control block that is used again.
    registry(g, REG_KCB_CREATE, KCB(2), MACHINE "SOFTWARE\\Old", ENRICH_APP_PID);
    registry(g, REG_QUERY, KCB(2), "", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SOFTWARE\\Old");
    must(g, KNOWN_BOTH, "Provenance.RegistryPath", "live");
    registry(g, REG_KCB_DELETE, KCB(2), MACHINE "SOFTWARE\\Old", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SOFTWARE\\Old");
    registry(g, REG_QUERY, KCB(2), "", ENRICH_APP_PID);
    must(g, KNOWN_LIVE, "RegistryPath", NULL);
    registry(g, REG_KCB_CREATE, KCB(2), MACHINE "SOFTWARE\\New", ENRICH_APP_PID);
    registry(g, REG_QUERY, KCB(2), "", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SOFTWARE\\New");

    // Named by the rundown at the end alone.
    registry(g, REG_QUERY, KCB(3), "", ENRICH_APP_PID);
    must(g, KNOWN_FILE, "RegistryPath", "HKLM\\SOFTWARE\\Late");
    must(g, KNOWN_FILE, "Provenance.RegistryPath", "rundown");
    must(g, KNOWN_LIVE, "RegistryPath", NULL);

    // The hive of the user whom the process runs as, and of another.
    registry(g, REG_KCB_CREATE, KCB(4), ANA_KEY "\\Software\\Run", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKCU\\Software\\Run");
    registry(g, REG_QUERY, KCB(4), "", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKCU\\Software\\Run");
    registry(g, REG_QUERY, KCB(4), "", 4);
    must(g, KNOWN_BOTH, "RegistryPath", "HKU\\" ENRICH_ANA_TEXT "\\Software\\Run");
    registry(g, REG_KCB_CREATE, KCB(5), ANA_KEY "_Classes\\.txt", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKCU\\Software\\Classes\\.txt");
    registry(g, REG_KCB_CREATE, KCB(6), "\\REGISTRY\\USER\\S-1-5-18\\Environment", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "HKU\\S-1-5-18\\Environment");
    registry(g, REG_KCB_CREATE, KCB(7), "\\REGISTRY\\A\\{0a1b}\\Root", ENRICH_APP_PID);
    must(g, KNOWN_BOTH, "RegistryPath", "\\REGISTRY\\A\\{0a1b}\\Root");
}

static void handle_event(Gen *g, uint8_t opcode, uint64_t object, const char *name) {
    Buf *b = &g->payload;
    buf_u64(b, object);
    if (opcode == OBJECT_HANDLE_DC_END)
        buf_u32(b, ENRICH_APP_PID);
    buf_u32(b, 0x1f4);
    buf_u16(b, 16);
    blob_utf16z(b, name);
    by_thread(g, GROUP_OBJECT, opcode, 2, ENRICH_APP_PID, ENRICH_APP_TID);
}

void enrich_handles(Gen *g) {
    buf_u16(&g->payload, 16);
    buf_u16(&g->payload, 0);
    blob_utf16z(&g->payload, "Event");
    by_thread(g, GROUP_OBJECT, OBJECT_TYPE_DC_START, 2, 4, 14);
    handle_event(g, OBJECT_CREATE_HANDLE, OBJECT(40), "\\BaseNamedObjects\\Ready");
    must(g, KNOWN_BOTH, "ObjectType", "Event");
    must(g, KNOWN_BOTH, "ObjectName", "\\BaseNamedObjects\\Ready");
    handle_event(g, OBJECT_CLOSE_HANDLE, OBJECT(40), "");
    must(g, KNOWN_BOTH, "ObjectType", "Event");
    must(g, KNOWN_BOTH, "ObjectName", "\\BaseNamedObjects\\Ready");
    handle_event(g, OBJECT_CLOSE_HANDLE, OBJECT(41), "");
    must(g, KNOWN_FILE, "ObjectName", "\\BaseNamedObjects\\Late");
    must(g, KNOWN_LIVE, "ObjectName", NULL);
    handle_event(g, OBJECT_CLOSE_HANDLE, OBJECT(42), "");
    must(g, KNOWN_BOTH, "ObjectType", "Event");
    must(g, KNOWN_BOTH, "ObjectName", NULL);
}

void enrich_end(Gen *g) {
    file_name(g, FILE_RUNDOWN, KEY(2), VOLUME1 "late\\end.txt");
    must(g, KNOWN_BOTH, "FileName", "C:\\late\\end.txt");
    must(g, KNOWN_BOTH, "Provenance.FileName", "rundown");
    registry(g, REG_KCB_RUNDOWN_END, KCB(3), MACHINE "SOFTWARE\\Late", 4);
    must(g, KNOWN_BOTH, "RegistryPath", "HKLM\\SOFTWARE\\Late");
    handle_event(g, OBJECT_HANDLE_DC_END, OBJECT(41), "\\BaseNamedObjects\\Late");
    process_event(g, PROCESS_DC_END, 650, 4, 0, "late.exe", "late.exe");
    must(g, KNOWN_BOTH, "ProcessName", "late.exe");
    thread_event(g, THREAD_DC_END, 650, 654, 0);
    kp_config_service(&g->payload, 800, 9, "LateSvc", "Late Service", "svchost.exe", "g");
    by_thread(g, GROUP_CONFIG, CONFIG_SERVICES, 3, 4, 14);
    process_event(g, PROCESS_DC_END, ENRICH_APP_PID, 4, 0, "app.exe", "app.exe --serve");
}
