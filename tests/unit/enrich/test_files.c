// Scripts of kernel events, each run twice: as a file that is scanned first, and live.
#include <criterion/criterion.h>
#include <stdio.h>

#include "enrich/files.h"
#include "schema/store.h"
#include "util/err.h"
#include "util/mem.h"

static const Guid file_io =
    GUID_INIT(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3);
static const Guid disk_io =
    GUID_INIT(0x3d6fa8d4, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid page_fault =
    GUID_INIT(0x3d6fa8d3, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid image =
    GUID_INIT(0x2cb15d1d, 0x5fc1, 0x11d2, 0xab, 0xe1, 0, 0xa0, 0xc9, 0x11, 0xf5, 0x18);
static const Guid kernel_file =
    GUID_INIT(0xedd08927, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89);

enum { // opcodes of FileIo, and some of other classes
    NAME = 0,
    FILE_CREATED = 32,
    FILE_DELETED = 35,
    RUNDOWN = 36,
    MAP_FILE = 37,
    CREATE = 64,
    CLEANUP = 65,
    CLOSE = 66,
    READ = 67,
    WRITE = 68,
    SET_INFO = 69,
    DELETE = 70,
    RENAME = 71,
    DIR_ENUM = 72,
    QUERY = 74,
    END = 76,
    NOTIFY = 77,
    CREATE_NEW = 78,
    DELETE_PATH = 79,
    RENAME_PATH = 80,
    LINK_PATH = 81,
    SET_LINK = 82,
    DISK = 0x100, // DiskIo Read
    FAULT = 0x200,
    LOAD = 0x300,     // Image Load
    MANIFEST = 0x400, // + id of Kernel-File
};

typedef struct Step {
    int op;
    uint64_t irp, object, key;
    const char *name; // of the payload
    uint32_t status;  // of END
    const char *file; // expected: "live NAME", …; NULL: not known. File knowledge
    const char *live; // the same, live; "=": as file
    const char *ends; // END: the operation it ends, or NULL
} Step;

#define K1        UINT64_C(0xfffff8a000001230)
#define K2        UINT64_C(0xfffff8a000004560)
#define O1        UINT64_C(0xfffffa8000001000)
#define O2        UINT64_C(0xfffffa8000002000)
#define I1        UINT64_C(0xfffffa80aaaa0000)
#define I2        UINT64_C(0xfffffa80bbbb0000)

#define MAX_STEPS 64

typedef struct World {
    SchemaStore *store;
    Volumes *volumes;
    Files *files;
    uint8_t version;
    bool narrow;
    Buf payload[MAX_STEPS];
    EventRecord record[MAX_STEPS];
    Schema *schema[MAX_STEPS];
    FilePlan plan[MAX_STEPS];
} World;

static World w;
static size_t in_use;
static const FilesOptions many = {1000, 1000, 1000, 0, false};

// Kernel-File, as its manifest has it.
static const char manifest[] =
    "<instrumentationManifest><instrumentation><events>"
    "<provider name='Microsoft-Windows-Kernel-File' guid='{edd08927-9cc4-4e65-b970-c2560fb5c289}' "
    "symbol='K' resourceFileName='x' messageFileName='x'><tasks>"
    "<task name='NameCreate' value='10'/><task name='NameDelete' value='11'/>"
    "<task name='Create' value='12'/><task name='Close' value='14'/><task name='Read' value='15'/>"
    "<task name='OperationEnd' value='24'/><task name='RenamePath' value='27'/></tasks><events>"
    "<event value='10' version='0' task='NameCreate' template='Name'/>"
    "<event value='11' version='0' task='NameDelete' template='Name'/>"
    "<event value='12' version='1' task='Create' template='Create'/>"
    "<event value='14' version='1' task='Close' template='Close'/>"
    "<event value='15' version='1' task='Read' template='Read'/>"
    "<event value='24' version='0' task='OperationEnd' template='End'/>"
    "<event value='27' version='1' task='RenamePath' template='Path'/></events><templates>"
    "<template tid='Name'><data name='FileKey' inType='win:Pointer'/>"
    "<data name='FileName' inType='win:UnicodeString'/></template>"
    "<template tid='Create'><data name='Irp' inType='win:Pointer'/>"
    "<data name='FileObject' inType='win:Pointer'/><data name='IssuingThreadId' "
    "inType='win:UInt32'/>"
    "<data name='CreateOptions' inType='win:UInt32'/>"
    "<data name='CreateAttributes' inType='win:UInt32'/><data name='ShareAccess' "
    "inType='win:UInt32'/>"
    "<data name='FileName' inType='win:UnicodeString'/></template>"
    "<template tid='Close'><data name='Irp' inType='win:Pointer'/>"
    "<data name='FileObject' inType='win:Pointer'/><data name='FileKey' inType='win:Pointer'/>"
    "<data name='IssuingThreadId' inType='win:UInt32'/></template>"
    "<template tid='Read'><data name='ByteOffset' inType='win:UInt64'/>"
    "<data name='Irp' inType='win:Pointer'/><data name='FileObject' inType='win:Pointer'/>"
    "<data name='FileKey' inType='win:Pointer'/><data name='IssuingThreadId' inType='win:UInt32'/>"
    "<data name='IOSize' inType='win:UInt32'/><data name='IOFlags' inType='win:UInt32'/>"
    "<data name='ExtraFlags' inType='win:UInt32'/></template>"
    "<template tid='End'><data name='Irp' inType='win:Pointer'/>"
    "<data name='ExtraInformation' inType='win:Pointer'/>"
    "<data name='Status' inType='win:UInt32'/></template>"
    "<template tid='Path'><data name='Irp' inType='win:Pointer'/>"
    "<data name='FileObject' inType='win:Pointer'/><data name='FileKey' inType='win:Pointer'/>"
    "<data name='ExtraInformation' inType='win:Pointer'/>"
    "<data name='IssuingThreadId' inType='win:UInt32'/><data name='InfoClass' inType='win:UInt32'/>"
    "<data name='FilePath' inType='win:UnicodeString'/></template>"
    "</templates></provider></events></instrumentation></instrumentationManifest>";

static void start(void) {
    in_use = mem_in_use();
    memset(&w, 0, sizeof w);
    w.version = 3;
    cr_assert_eq(schema_store_new(&w.store), 0);
    cr_assert_eq(volumes_new(&w.volumes), 0);
}

static void finish(void) {
    mem_fail_at(0);
    for (int i = 0; i < MAX_STEPS; i++) {
        buf_deinit(&w.payload[i]);
        schema_unref(w.schema[i]);
    }
    files_free(w.files);
    volumes_free(w.volumes);
    schema_store_free(w.store);
    cr_assert_eq(mem_in_use(), in_use);
}

static void put_pointer(Buf *out, uint64_t p) {
    if (w.narrow)
        buf_u32(out, (uint32_t)p);
    else
        buf_u64(out, p);
}

static void put_name(Buf *out, const char *name) {
    for (; name && *name; name++)
        buf_u16(out, (uint8_t)*name);
    buf_u16(out, 0);
}

// Irp, FileObject, FileKey with the thread where the version has it.
static void put_head(Buf *out, const Step *s, bool with_key) {
    put_pointer(out, s->irp);
    if (w.version == 2)
        put_pointer(out, 7);
    put_pointer(out, s->object);
    if (with_key)
        put_pointer(out, s->key);
}

static void put_tid(Buf *out) {
    if (w.version == 3)
        buf_u32(out, 7);
}

static void put_file_io(Buf *out, const Step *s) {
    switch (s->op) {
    case NAME:
    case FILE_CREATED:
    case FILE_DELETED:
    case RUNDOWN:
        put_pointer(out, s->key);
        put_name(out, s->name);
        return;
    case MAP_FILE:
        put_pointer(out, 0x1000);
        put_pointer(out, s->key ? s->key : s->object);
        buf_u64(out, 0);
        put_pointer(out, 0x1000);
        buf_u32(out, 4);
        return;
    case CREATE:
    case CREATE_NEW:
        put_head(out, s, false);
        put_tid(out);
        buf_u32(out, 0);
        buf_u32(out, 0);
        buf_u32(out, 0);
        put_name(out, s->name);
        return;
    case READ:
    case WRITE:
        buf_u64(out, 0);
        put_head(out, s, true);
        put_tid(out);
        buf_u32(out, 512);
        buf_u32(out, 0);
        return;
    case END:
        put_pointer(out, s->irp);
        put_pointer(out, 512);
        buf_u32(out, s->status);
        return;
    case DIR_ENUM:
    case NOTIFY:
        put_head(out, s, true);
        put_tid(out);
        for (int i = 0; i < 3; i++)
            buf_u32(out, 0);
        put_name(out, s->name);
        return;
    case CLEANUP:
    case CLOSE:
        put_head(out, s, true);
        put_tid(out);
        return;
    default: // SetInfo …, and with a path behind it
        put_head(out, s, true);
        put_pointer(out, 0);
        put_tid(out);
        buf_u32(out, 10);
        if (s->op >= DELETE_PATH && s->op <= LINK_PATH)
            put_name(out, s->name);
    }
}

static void put_manifest(Buf *out, const Step *s) {
    int id = s->op - MANIFEST;
    if (id == 15)
        buf_u64(out, 0);
    if (id >= 12)
        buf_u64(out, s->irp);
    if (id >= 12 && id != 24)
        buf_u64(out, s->object);
    if (id != 12 && id != 24)
        buf_u64(out, s->key);
    if (id == 24 || id == 27)
        buf_u64(out, 0);
    if (id == 24)
        buf_u32(out, s->status);
    else if (id >= 12)
        buf_u32(out, 7);
    for (int i = 0; i < (id == 12 || id == 15 ? 3 : id == 27 ? 1 : 0); i++)
        buf_u32(out, 0);
    if (id <= 12 || id == 27)
        put_name(out, s->name);
}

static void put_other(Buf *out, const Step *s) {
    switch (s->op) {
    case DISK:
        for (int i = 0; i < 4; i++)
            buf_u32(out, 0);
        buf_u64(out, 0);
        put_pointer(out, s->key);
        put_pointer(out, s->irp);
        buf_u64(out, 0);
        buf_u32(out, 7);
        return;
    case FAULT:
        buf_u64(out, 0);
        buf_u64(out, 0);
        put_pointer(out, 0x1000);
        put_pointer(out, s->key);
        buf_u32(out, 7);
        buf_u32(out, 4096);
        return;
    default: // LOAD, version 3
        put_pointer(out, 0x400000);
        put_pointer(out, 0x1000);
        for (int i = 0; i < 4; i++)
            buf_u32(out, 4);
        put_pointer(out, 0x400000);
        for (int i = 0; i < 4; i++)
            buf_u32(out, 0);
        put_name(out, s->name);
    }
}

static void make(int i, const Step *s) {
    Buf *payload = &w.payload[i];
    EventRecord *record = &w.record[i];
    memset(record, 0, sizeof *record);
    buf_clear(payload);
    record->flags = (uint16_t)(EVENT_CLASSIC | (w.narrow ? EVENT_POINTER32 : 0));
    if (s->op >= MANIFEST) {
        record->provider = kernel_file;
        record->flags = 0;
        record->desc.id = (uint16_t)(s->op - MANIFEST);
        record->desc.task = record->desc.id;
        record->desc.version = record->desc.id >= 12 && record->desc.id != 24;
        put_manifest(payload, s);
    } else if (s->op >= DISK) {
        record->provider = s->op == DISK ? disk_io : s->op == FAULT ? page_fault : image;
        record->desc.opcode = s->op == FAULT ? 32 : 10;
        record->desc.version = s->op == FAULT ? 2 : 3;
        put_other(payload, s);
    } else {
        record->provider = file_io;
        record->desc.opcode = (uint8_t)s->op;
        record->desc.version = w.version;
        put_file_io(payload, s);
    }
    cr_assert_not(payload->failed);
    record->payload = payload->data;
    record->payload_bytes = (uint32_t)payload->bytes;
    record->ordinal = (uint64_t)i;
    record->time = 1000 * (int64_t)i;
    w.schema[i] = schema_unref(w.schema[i]);
    cr_assert_eq(schema_store_find(w.store, record, &w.schema[i]), 0);
    w.plan[i] = files_plan(w.schema[i]);
}

static void observe(int i, bool scanning) {
    files_observe(w.files, &w.plan[i], &w.record[i], w.schema[i], scanning);
}

static const char *name_at(int i, char *buf, size_t cap) {
    uint8_t provenance = PROVENANCE_NONE;
    const Text *name = files_name(w.files, &w.plan[i], &w.record[i], w.schema[i], &provenance);
    if (!name) {
        cr_assert_eq(provenance, PROVENANCE_NONE);
        return NULL;
    }
    snprintf(buf, cap, "%s %s", provenance_name(provenance), name->s);
    return buf;
}

static bool equal(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void check(int i, const Step *s, bool live) {
    char buf[256];
    const char *name = name_at(i, buf, sizeof buf);
    const char *expected = live && !equal(s->live, "=") ? s->live : s->file;
    cr_assert(equal(name, expected), "%s, step %d: %s, not %s", live ? "live" : "file", i,
              name ? name : "nothing", expected ? expected : "nothing");
    FileOperation operation;
    bool ends = files_operation(w.files, &w.plan[i], &w.record[i], &operation);
    cr_assert_eq(ends, s->ends != NULL, "%s, step %d", live ? "live" : "file", i);
    if (!ends)
        return;
    snprintf(buf, sizeof buf, "%s %d", operation.event_name->s, (int)(operation.duration / 1000));
    cr_assert(equal(buf, s->ends), "%s, step %d: ends %s, not %s", live ? "live" : "file", i, buf,
              s->ends);
}

static void begin(const FilesOptions *options, bool live) {
    FilesOptions o = *options;
    o.looks_ahead = !live;
    w.files = files_free(w.files);
    cr_assert_eq(files_new(&o, w.volumes, &w.files), 0);
}

static void run(const FilesOptions *options, const Step *steps, int n) {
    cr_assert_leq(n, MAX_STEPS);
    for (int i = 0; i < n; i++)
        make(i, &steps[i]);
    begin(options, true);
    for (int i = 0; i < n; i++) {
        observe(i, false);
        check(i, &steps[i], true);
    }
    begin(options, false);
    for (int i = 0; i < n; i++)
        observe(i, true);
    for (int pass = 0; pass < 2; pass++) // a file can be played again
        for (int i = 0; i < n; i++) {
            observe(i, false);
            check(i, &steps[i], false);
        }
}

#define RUN(steps) run(&many, steps, (int)ARRAY_COUNT(steps))
#define LIVE_A     "live \\Device\\V\\a"
#define LIVE_B     "live \\Device\\V\\b"
#define A          "\\Device\\V\\a"
#define B          "\\Device\\V\\b"

Test(files, key_reused_with_names, .init = start, .fini = finish) {
    const Step steps[] = {
        {DISK, 0, 0, K1, NULL, 0, "guess " A, NULL, NULL}, // a moment before it is named
        {FILE_CREATED, 0, 0, K1, A, 0, LIVE_A, "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, LIVE_A, "=", NULL},
        {FAULT, 0, 0, K1, NULL, 0, LIVE_A, "=", NULL},
        {FILE_DELETED, 0, 0, K1, A, 0, LIVE_A, "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, "guess " B, NULL, NULL}, // never the old name
        {NAME, 0, 0, K1, B, 0, LIVE_B, "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, LIVE_B, "=", NULL},
        {MAP_FILE, 0, 0, K1, NULL, 0, LIVE_B, "=", NULL},
        {DISK, 0, 0, K2, NULL, 0, NULL, "=", NULL},
        {DISK, 0, 0, 0, NULL, 0, NULL, "=", NULL},
    };
    RUN(steps);
}

Test(files, name_only_at_the_end, .init = start, .fini = finish) {
    const Step steps[] = {
        {DISK, 0, 0, K1, NULL, 0, "rundown " A, NULL, NULL},
        {FAULT, 0, 0, K2, NULL, 0, LIVE_B, NULL, NULL},
        {FILE_DELETED, 0, 0, K2, B, 0, LIVE_B, "=", NULL},
        {RUNDOWN, 0, 0, K1, A, 0, "rundown " A, "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, "rundown " A, "=", NULL},
    };
    RUN(steps);
}

Test(files, objects_by_create_and_close, .init = start, .fini = finish) {
    for (uint8_t v = 2; v <= 3; v++) {
        for (int narrow = 0; narrow < 2; narrow++) {
            w.version = v;
            w.narrow = narrow;
            const Step steps[] = {
                {READ, I1, O1, 0, NULL, 0, NULL, "=", NULL},
                {CREATE, I1, O1, 0, A, 0, LIVE_A, "=", NULL},
                {END, I1, 0, 0, NULL, 0, LIVE_A, "=", "FileIO/Create 1"},
                {READ, I1, O1, 0, NULL, 0, LIVE_A, "=", NULL},
                {CREATE, I2, O2, 0, B, 0, LIVE_B, "=", NULL},
                {END, I1, 0, 0, NULL, 0, LIVE_A, "=", "FileIO/Read 2"},
                {QUERY, I1, O2, 0, NULL, 0, LIVE_B, "=", NULL},
                {CLEANUP, I1, O1, 0, NULL, 0, LIVE_A, "=", NULL},
                {CLOSE, I1, O1, 0, NULL, 0, LIVE_A, "=", NULL},
                {WRITE, I1, O1, 0, NULL, 0, NULL, "=", NULL}, // closed: not the old name
                {CREATE, I1, O1, 0, B, 0, LIVE_B, "=", NULL}, // and open anew
                {WRITE, I1, O1, 0, NULL, 0, LIVE_B, "=", NULL},
                {CREATE, I1, O1, 0, A, 0, LIVE_A, "=", NULL}, // its Close was lost
                {SET_INFO, I1, O1, 0, NULL, 0, LIVE_A, "=", NULL},
                {CREATE, I1, O1, 0, "", 0, NULL, "=", NULL}, // the volume: no name
                {SET_INFO, I1, O1, 0, NULL, 0, NULL, "=", NULL},
                {MAP_FILE, 0, O2, 0, NULL, 0, LIVE_B, "=", NULL}, // an object where a key is told
            };
            RUN(steps);
        }
    }
}

Test(files, object_lends_its_name, .init = start, .fini = finish) {
    const Step steps[] = {
        {DISK, 0, 0, K1, NULL, 0, "guess " A, NULL, NULL},
        {CREATE, I1, O1, 0, A, 0, LIVE_A, "=", NULL},
        {READ, I1, O1, K1, NULL, 0, LIVE_A, "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, LIVE_A, "=", NULL},
        {READ, I1, O2, K1, NULL, 0, LIVE_A, "=", NULL}, // opened before the trace
        {CLOSE, I1, O1, K1, NULL, 0, LIVE_A, "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, LIVE_A, "=", NULL},          // written lazily
        {DIR_ENUM, I1, O2, K1, "*.txt", 0, LIVE_A, "=", NULL}, // a pattern is no name
        {NOTIFY, I1, O2, K1, "", 0, LIVE_A, "=", NULL},
    };
    RUN(steps);
}

Test(files, lent_key_given_to_another_file, .init = start, .fini = finish) {
    const Step steps[] = {
        // No name events: only what the objects say.
        {CREATE, I1, O1, 0, A, 0, LIVE_A, "=", NULL},
        {CLOSE, I1, O1, K1, NULL, 0, LIVE_A, "=", NULL},
        {CREATE, I1, O1, 0, B, 0, LIVE_B, "=", NULL},
        {READ, I1, O1, K1, NULL, 0, LIVE_B, "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, LIVE_B, "=", NULL},
        {CLOSE, I1, O1, K1, NULL, 0, LIVE_B, "=", NULL},
        {CREATE, I1, O1, 0, "dir\\c", 0, "guess dir\\c", "=", NULL},
        {READ, I1, O1, K1, NULL, 0, "guess dir\\c", "=", NULL}, // not B
        // Told: an alias of the opener does not count.
        {NAME, 0, 0, K2, A, 0, LIVE_A, "=", NULL},
        {CREATE, I1, O2, 0, "\\Device\\V\\A~1", 0, "live \\Device\\V\\A~1", "=", NULL},
        {READ, I1, O2, K2, NULL, 0, LIVE_A, "=", NULL},
    };
    RUN(steps);
}

Test(files, relative_opens, .init = start, .fini = finish) {
    const Step steps[] = {
        {NAME, 0, 0, K1, "\\Device\\V\\dir\\c", 0, "live \\Device\\V\\dir\\c", "=", NULL},
        {CREATE, I1, O1, 0, "c", 0, "live \\Device\\V\\dir\\c", "guess c", NULL},
        {END, I1, 0, 0, NULL, 0, "live \\Device\\V\\dir\\c", "guess c", "FileIO/Create 1"},
        {QUERY, I1, O1, 0, NULL, 0, "guess c", "=", NULL}, // without a key
        {READ, I1, O1, K1, NULL, 0, "live \\Device\\V\\dir\\c", "=", NULL},
        {CLOSE, I1, O1, K1, NULL, 0, "live \\Device\\V\\dir\\c", "=", NULL},
        {CREATE, I1, O1, 0, "dir\\c", 0, "guess dir\\c", "=", NULL}, // never used with a key
        {CLOSE, I1, O1, 0, NULL, 0, "guess dir\\c", "=", NULL},
        {CREATE, I1, O1, 0, "d", 0, "guess d", "=", NULL}, // of the next Create
        {CREATE, I1, O1, 0, "e", 0, "live \\Device\\V\\e", "guess e", NULL},
        {NAME, 0, 0, K2, "\\Device\\V\\e", 0, "live \\Device\\V\\e", "=", NULL},
        {READ, I1, O1, K2, NULL, 0, "live \\Device\\V\\e", "=", NULL},
        {FILE_DELETED, 0, 0, K2, "\\Device\\V\\e", 0, "live \\Device\\V\\e", "=", NULL},
        {DISK, 0, 0, K2, NULL, 0, NULL, "=", NULL}, // a relative name never names a key
        {READ, I1, O1, K2, NULL, 0, "guess e", "=", NULL},
        {DISK, 0, 0, K2, NULL, 0, NULL, "=", NULL},
    };
    RUN(steps);
}

Test(files, create_and_create_new, .init = start, .fini = finish) {
    const Step steps[] = {
        {CREATE, I1, O1, 0, "e", 0, "live \\Device\\V\\e", "guess e", NULL},
        {CREATE_NEW, I1, O1, 0, "e", 0, "live \\Device\\V\\e", "guess e", NULL},
        {END, I1, 0, 0, NULL, 0, "live \\Device\\V\\e", "guess e", "FileIO/Create 2"},
        {NAME, 0, 0, K2, "\\Device\\V\\e", 0, "live \\Device\\V\\e", "=", NULL},
        {READ, I1, O1, K2, NULL, 0, "live \\Device\\V\\e", "=", NULL},
        {CREATE, I1, O2, 0, A, 0, LIVE_A, "=", NULL},
        {CREATE, I1, O2, 0, B, 0, LIVE_B, "=", NULL}, // not the same: its end was lost
        {CREATE_NEW, I2, O2, 0, A, 0, LIVE_A, "=", NULL},
        {READ, I1, O2, 0, NULL, 0, LIVE_A, "=", NULL},
    };
    RUN(steps);
}

Test(files, lent_name_fits_relative_open, .init = start, .fini = finish) {
    const Step steps[] = {
        {CREATE, I1, O1, 0, "\\Device\\V\\dir\\c", 0, "live \\Device\\V\\dir\\c", "=", NULL},
        {READ, I1, O1, K1, NULL, 0, "live \\Device\\V\\dir\\c", "=", NULL},
        {CREATE, I1, O2, 0, "DIR\\C", 0, "live \\Device\\V\\dir\\c", "guess DIR\\C", NULL},
        {READ, I1, O2, K1, NULL, 0, "live \\Device\\V\\dir\\c", "=", NULL},
    };
    RUN(steps);
}

Test(files, rename_that_succeeds, .init = start, .fini = finish) {
    const Step steps[] = {
        {CREATE, I1, O1, 0, A, 0, LIVE_A, "=", NULL},
        {END, I1, 0, 0, NULL, 0, LIVE_A, "=", "FileIO/Create 1"},
        {WRITE, I1, O1, K1, NULL, 0, LIVE_A, "=", NULL},
        {END, I1, 0, 0, NULL, 0, LIVE_A, "=", "FileIO/Write 1"},
        {RENAME_PATH, I1, O1, K1, B, 0, LIVE_B, "=", NULL},
        {RENAME, I1, O1, K1, NULL, 0, LIVE_A, "=", NULL}, // the old one
        {DISK, 0, 0, K1, NULL, 0, LIVE_A, "=", NULL},     // has not happened yet
        {END, I1, 0, 0, NULL, 0, LIVE_A, "=", "FileIO/Rename 2"},
        {DISK, 0, 0, K1, NULL, 0, LIVE_B, "=", NULL},
        {CLEANUP, I1, O1, 0, NULL, 0, LIVE_B, "=", NULL},
        // The other order, failing.
        {RENAME, I2, O1, K1, NULL, 0, LIVE_B, "=", NULL},
        {RENAME_PATH, I2, O1, K1, "\\Device\\V\\no", 0, "live \\Device\\V\\no", "=", NULL},
        {END, I2, 0, 0, NULL, 0xC0000022u, LIVE_B, "=", "FileIO/Rename 2"},
        {READ, I1, O1, K1, NULL, 0, LIVE_B, "=", NULL},
        // A link, and a path that is only relative, rename nothing.
        {LINK_PATH, I2, O1, K1, "\\Device\\V\\l", 0, "live \\Device\\V\\l", "=", NULL},
        {SET_LINK, I2, O1, K1, NULL, 0, LIVE_B, "=", NULL},
        {END, I2, 0, 0, NULL, 0, LIVE_B, "=", "FileIO/SetLink 1"},
        {RENAME_PATH, I2, O1, K1, "x", 0, "live x", "=", NULL},
        {END, I2, 0, 0, NULL, 0, LIVE_B, "=", "FileIO/RenamePath 1"},
        {DISK, 0, 0, K1, NULL, 0, LIVE_B, "=", NULL},
        // The end of a rename is lost: when its IRP is used again it has happened.
        {RENAME_PATH, I2, O1, K1, A, 0, LIVE_A, "=", NULL},
        {READ, I2, O2, K2, NULL, 0, NULL, "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, LIVE_A, "=", NULL},
    };
    RUN(steps);
}

Test(files, rename_without_ends, .init = start, .fini = finish) {
    const Step steps[] = {
        {NAME, 0, 0, K1, A, 0, LIVE_A, "=", NULL},
        {RENAME, I1, O1, K1, NULL, 0, LIVE_A, "=", NULL},
        {RENAME_PATH, I1, O1, K1, B, 0, LIVE_B, "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, LIVE_B, "=", NULL},
        {DELETE_PATH, I1, O1, K1, B, 0, LIVE_B, "=", NULL},
        {DELETE_PATH, I1, O2, K2, A, 0, LIVE_A, "=", NULL},
        {DELETE, I1, O2, K2, NULL, 0, LIVE_A, "=", NULL}, // the path event has told it
    };
    RUN(steps);
}

Test(files, requests_pair_by_irp, .init = start, .fini = finish) {
    const Step steps[] = {
        {END, I1, 0, 0, NULL, 0, NULL, "=", NULL}, // began before the trace
        {READ, I1, O1, K1, NULL, 0, "rundown " A, NULL, NULL},
        {WRITE, I2, O1, K1, NULL, 0, "rundown " A, NULL, NULL},
        {END, I1, 0, 0, NULL, 0, "rundown " A, NULL, "FileIO/Read 2"},
        {END, I1, 0, 0, NULL, 0, NULL, "=", NULL}, // only once
        {QUERY, I1, O1, K1, NULL, 0, "rundown " A, NULL, NULL},
        {END, I2, 0, 0, NULL, 0, "rundown " A, NULL, "FileIO/Write 4"},
        {SET_INFO, I1, O1, K2, NULL, 0, NULL, "=", NULL}, // the end of QueryInfo was lost
        {END, I1, 0, 0, NULL, 0, NULL, "=", "FileIO/SetInfo 1"},
        {READ, 0, O1, K1, NULL, 0, "rundown " A, NULL, NULL},
        {END, 0, 0, 0, NULL, 0, NULL, "=", NULL},
        {RUNDOWN, 0, 0, K1, A, 0, "rundown " A, "=", NULL},
    };
    RUN(steps);
}

Test(files, name_at_the_start_of_the_request, .init = start, .fini = finish) {
    const Step steps[] = {
        {CREATE, I1, O1, 0, A, 0, LIVE_A, "=", NULL},
        {CLOSE, I1, O1, K1, NULL, 0, LIVE_A, "=", NULL},
        {FILE_DELETED, 0, 0, K1, A, 0, LIVE_A, "=", NULL},
        {CREATE, I2, O1, 0, B, 0, LIVE_B, "=", NULL},
        {END, I1, 0, 0, NULL, 0, LIVE_A, "=", "FileIO/Close 3"},
    };
    RUN(steps);
}

Test(files, kernel_file_manifest, .init = start, .fini = finish) {
    Err err = ERR_INIT;
    cr_assert_eq(schema_store_xml(w.store, manifest, sizeof manifest - 1, &err), 0, "%s", err.text);
    char create[64], read[64], path[64];
    const Step steps[] = {
        {MANIFEST + 10, 0, 0, K1, A, 0, LIVE_A, "=", NULL},
        {MANIFEST + 12, I1, O1, 0, "a", 0, LIVE_A, "guess a", NULL},
        {MANIFEST + 24, I1, 0, 0, NULL, 0, LIVE_A, "guess a", create},
        {MANIFEST + 15, I1, O1, K1, NULL, 0, LIVE_A, "=", NULL},
        {MANIFEST + 24, I1, 0, 0, NULL, 0, LIVE_A, "=", read},
        {MANIFEST + 27, I1, O1, K1, B, 0, LIVE_B, "=", NULL},
        {MANIFEST + 24, I1, 0, 0, NULL, 0, LIVE_A, "=", path},
        {MANIFEST + 15, I1, O1, K1, NULL, 0, LIVE_B, "=", NULL},
        {MANIFEST + 14, I1, O1, K1, NULL, 0, LIVE_B, "=", NULL},
        {MANIFEST + 15, I1, O1, 0, NULL, 0, NULL, "=", NULL},
        {MANIFEST + 11, 0, 0, K1, B, 0, LIVE_B, "=", NULL},
        {MANIFEST + 15, I1, O1, K1, NULL, 0, NULL, "=", NULL},
    };
    for (int i = 0; i < 6; i++)
        make(i, &steps[i]);
    snprintf(create, sizeof create, "%s 1", w.schema[1]->event_name);
    snprintf(read, sizeof read, "%s 1", w.schema[3]->event_name);
    snprintf(path, sizeof path, "%s 1", w.schema[5]->event_name);
    RUN(steps);
}

Test(files, mapped_to_drives, .init = start, .fini = finish) {
    cr_assert_eq(volumes_add(w.volumes, "\\Device\\V\\", "C:\\"), 0);
    cr_assert_eq(volumes_set_windows(w.volumes, "C:\\Windows"), 0);
    const Step steps[] = {
        {CREATE, I1, O1, 0, A, 0, "live C:\\a", "=", NULL},
        {READ, I1, O1, K1, NULL, 0, "live C:\\a", "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, "live C:\\a", "=", NULL},
        {CREATE, I1, O2, 0, "\\Device\\V\\A", 0, "live C:\\A", "=", NULL},
        {READ, I1, O2, K1, NULL, 0, "live C:\\a", "=", NULL}, // the same, raw or mapped
        {FILE_DELETED, 0, 0, K1, A, 0, "live C:\\a", "=", NULL},
        {FILE_CREATED, 0, 0, K1, B, 0, "live C:\\b", "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, "live C:\\b", "=", NULL},
        {RUNDOWN, 0, 0, K1, B, 0, "live C:\\b", "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, "live C:\\b", "=", NULL}, // told twice, not a guess
        {LOAD, 0, 0, 0, "\\Windows\\System32\\x.dll", 0, "live C:\\Windows\\System32\\x.dll", "=",
         NULL},
        {LOAD, 0, 0, 0, "\\SystemRoot\\x.sys", 0, "live C:\\Windows\\x.sys", "=", NULL},
        {LOAD, 0, 0, 0, "", 0, NULL, "=", NULL},
        {RENAME_PATH, I1, O1, K1, "\\??\\C:\\z", 0, "live C:\\z", "=", NULL},
        {DISK, 0, 0, K1, NULL, 0, "live C:\\z", "=", NULL},
    };
    RUN(steps);
}

static const Text *text_at(int i) {
    uint8_t provenance;
    return files_name(w.files, &w.plan[i], &w.record[i], w.schema[i], &provenance);
}

Test(files, mapped_text_takes_the_place, .init = start, .fini = finish) {
    const Step steps[] = {
        {NAME, 0, 0, K1, A, 0, NULL, NULL, NULL},
        {DISK, 0, 0, K1, NULL, 0, NULL, NULL, NULL},
        {LOAD, 0, 0, 0, A, 0, NULL, NULL, NULL},
        {LOAD, 0, 0, 0, B, 0, NULL, NULL, NULL},
    };
    for (int i = 0; i < 4; i++)
        make(i, &steps[i]);
    begin(&many, true);
    observe(0, false);
    observe(1, false);
    const Text *raw = text_at(1);
    cr_assert_str_eq(raw->s, A);
    cr_assert_eq(volumes_add(w.volumes, "\\Device\\V", "C:"), 0); // a volume is mounted
    const Text *first = text_at(1);
    cr_assert_str_eq(first->s, "C:\\a");
    uint64_t serial = first->serial;
    size_t calls = mem_calls();
    cr_assert(text_at(1)->serial == serial);
    cr_assert_eq(mem_calls(), calls, "no allocation when nothing has changed");
    CacheStats stats[3];
    cr_assert_eq(files_stats(w.files, stats), 3u);
    cr_assert_eq(stats[0].entries, 1u);
    cr_assert_eq(stats[0].hits, 3u);
    cr_assert_eq(stats[0].live, 3u);
    serial = text_at(2)->serial; // equal names of payloads are one text
    cr_assert_str_eq(text_at(3)->s, "C:\\b");
    cr_assert(text_at(2)->serial == serial);
}

Test(files, limits, .init = start, .fini = finish) {
    for (uint32_t limit = 2; limit <= 4; limit++) {
        FilesOptions small = {limit, limit, limit, 0, false};
        begin(&small, true);
        for (int i = 0; i < 3; i++) {
            Step name = {NAME, 0, 0, K1 + 16u * (unsigned)i, A, 0, NULL, NULL, NULL};
            make(i, &name);
            observe(i, false);
            Step open = {
                CREATE, I1 + 16u * (unsigned)i, O1 + 16u * (unsigned)i, 0, A, 0, NULL, NULL, NULL};
            make(3 + i, &open);
            w.record[3 + i].ordinal = (uint64_t)i;
            observe(3 + i, false);
        }
        bool kept = limit >= 3;
        char buf[128];
        for (int i = 0; i < 3; i++) {
            Step disk = {DISK, 0, 0, K1 + 16u * (unsigned)i, NULL, 0, NULL, NULL, NULL};
            Step read = {READ, 0, O1 + 16u * (unsigned)i, 0, NULL, 0, NULL, NULL, NULL};
            Step end = {END, I1 + 16u * (unsigned)i, 0, 0, NULL, 0, NULL, NULL, NULL};
            make(6 + i, &disk);
            cr_assert_eq(name_at(6 + i, buf, sizeof buf) != NULL, kept || i > 0, "%u %d", limit, i);
            make(9 + i, &read);
            cr_assert_eq(name_at(9 + i, buf, sizeof buf) != NULL, kept || i > 0, "%u %d", limit, i);
            make(12 + i, &end);
            observe(12 + i, false);
            FileOperation operation;
            cr_assert_eq(files_operation(w.files, &w.plan[12 + i], &w.record[12 + i], &operation),
                         kept || i > 0, "%u %d", limit, i);
        }
        CacheStats stats[3];
        files_stats(w.files, stats);
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(stats[i].limit, limit);
            cr_assert_eq(stats[i].inserted, 3u);
            cr_assert_eq(stats[i].evicted, kept ? 0u : 1u);
            uint64_t ended = i != 1 ? 0 : kept ? 3 : 2; // names of the operations
            cr_assert_eq(stats[i].retrievals, 3u + ended);
            cr_assert_eq(stats[i].hits, (kept ? 3u : 2u) + ended);
            cr_assert_eq(stats[i].misses, kept ? 0u : 1u);
            cr_assert_eq(stats[i].entries, i == 2 ? 0u : MIN_OF(limit, 3u));
        }
    }
}

Test(files, bytes_are_bounded, .init = start, .fini = finish) {
    enum { BYTES = 200000 };
    static char name[2000];
    memset(name, 'n', sizeof name - 1);
    name[0] = '\\';
    for (int live = 0; live < 2; live++) {
        FilesOptions o = {1u << 20, 1u << 20, 10, BYTES, false};
        begin(&o, live);
        size_t before = mem_in_use();
        for (unsigned i = 0; i < 500; i++) {
            Step open = {CREATE, I1, O1 + 16u * i, 0, name, 0, NULL, NULL, NULL};
            Step read = {READ, I1, O1 + 16u * i, K1 + 16u * i, NULL, 0, NULL, NULL, NULL};
            make(0, &open);
            make(1, &read);
            for (int k = 0; k < 2; k++) {
                w.record[k].ordinal = 2 * i + (unsigned)k;
                observe(k, !live);
            }
        }
        cr_assert_leq(mem_in_use() - before, BYTES + 150000u); // chunks of empty nodes
        CacheStats stats[3];
        files_stats(w.files, stats);
        cr_assert_gt(stats[0].evicted, 0u);
        cr_assert_leq(stats[0].bytes + stats[1].bytes, BYTES + 2u);
    }
}

// A scan that stopped early: what comes behind is learnt as it passes.
Test(files, scan_that_stopped, .init = start, .fini = finish) {
    const Step steps[] = {
        {NAME, 0, 0, K1, A, 0, NULL, NULL, NULL},
        {DISK, 0, 0, K1, NULL, 0, NULL, NULL, NULL},
        {FILE_DELETED, 0, 0, K1, A, 0, NULL, NULL, NULL},
        {NAME, 0, 0, K1, B, 0, NULL, NULL, NULL},
        {DISK, 0, 0, K1, NULL, 0, NULL, NULL, NULL},
    };
    static const char *const expected[] = {LIVE_A, LIVE_A, LIVE_A, LIVE_B, LIVE_B};
    char buf[128];
    for (int scanned = 0; scanned <= 5; scanned++) {
        for (int i = 0; i < 5; i++)
            make(i, &steps[i]);
        begin(&many, false);
        for (int i = 0; i < scanned; i++)
            observe(i, true);
        for (int i = 0; i < 5; i++) {
            observe(i, false);
            const char *name = name_at(i, buf, sizeof buf);
            cr_assert(equal(name, expected[i]), "%d of %d: %s", i, scanned, name);
        }
        files_clear(w.files);
        cr_assert_null(name_at(4, buf, sizeof buf));
    }
}

// Payloads of every length: what is not there is not read, and tells nothing.
Test(files, cut_payloads, .init = start, .fini = finish) {
    static const int ops[] = {NAME, FILE_DELETED, RUNDOWN, CREATE,      CLOSE,       READ,  RENAME,
                              END,  DIR_ENUM,     DISK,    RENAME_PATH, DELETE_PATH, FAULT, LOAD};
    char buf[256];
    for (int mode = 0; mode < 2; mode++) {
        begin(&many, mode);
        uint64_t ordinal = 0;
        for (size_t k = 0; k < ARRAY_COUNT(ops); k++) {
            Step step = {ops[k], I1, O1, K1, A, 0, NULL, NULL, NULL};
            make(0, &step);
            uint32_t whole = w.record[0].payload_bytes;
            for (uint32_t bytes = 0; bytes <= whole; bytes++) {
                uint8_t *exact = mem_dup(w.record[0].payload, bytes); // ASan sees a byte too many
                EventRecord record = w.record[0];
                record.payload = exact;
                record.payload_bytes = bytes;
                record.ordinal = ordinal++;
                uint8_t provenance;
                FileOperation operation;
                files_observe(w.files, &w.plan[0], &record, w.schema[0], !mode);
                (void)files_name(w.files, &w.plan[0], &record, w.schema[0], &provenance);
                (void)files_operation(w.files, &w.plan[0], &record, &operation);
                mem_free(exact);
            }
        }
        (void)name_at(0, buf, sizeof buf);
    }
}

Test(files, nothing_for_others, .init = start, .fini = finish) {
    Step step = {READ, I1, O1, K1, NULL, 0, NULL, NULL, NULL};
    make(0, &step);
    w.record[0].provider.b[0] ^= 1; // unknown
    w.schema[0] = schema_unref(w.schema[0]);
    cr_assert_eq(schema_store_find(w.store, &w.record[0], &w.schema[0]), 0);
    cr_assert_eq(w.schema[0]->source, SCHEMA_NONE);
    FilePlan plan = files_plan(w.schema[0]);
    cr_assert_eq(plan.role, FILE_NOTHING);
    cr_assert_eq(plan.name, -1);
    static const struct {
        uint8_t opcode, role;
    } roles[] = {
        {0, FILE_NAME_OPEN},   {32, FILE_NAME_OPEN}, {33, FILE_NOTHING},     {35, FILE_NAME_CLOSE},
        {36, FILE_NAME_STATE}, {40, FILE_DISK},      {64, FILE_CREATE},      {78, FILE_CREATE},
        {65, FILE_OPERATION},  {66, FILE_CLOSE},     {67, FILE_OPERATION},   {75, FILE_OPERATION},
        {76, FILE_END},        {77, FILE_OPERATION}, {79, FILE_RENAME_PATH}, {81, FILE_RENAME_PATH},
        {82, FILE_OPERATION},  {96, FILE_DISK},      {99, FILE_DISK},        {101, FILE_DISK}};
    for (size_t i = 0; i < ARRAY_COUNT(roles); i++) {
        EventRecord record = {.provider = file_io, .flags = EVENT_CLASSIC};
        record.desc.opcode = roles[i].opcode;
        record.desc.version = 3;
        w.schema[1] = schema_unref(w.schema[1]);
        cr_assert_eq(schema_store_find(w.store, &record, &w.schema[1]), 0);
        cr_assert_eq(files_plan(w.schema[1]).role, roles[i].role, "%d", roles[i].opcode);
    }
}

Test(files, no_memory, .init = start, .fini = finish, .timeout = 60) {
    cr_assert_eq(volumes_add(w.volumes, "\\Device\\V\\", "C:\\"), 0);
    const Step steps[] = {
        {NAME, 0, 0, K1, A, 0, NULL, NULL, NULL},
        {CREATE, I1, O1, 0, B, 0, NULL, NULL, NULL},
        {END, I1, 0, 0, NULL, 0, NULL, NULL, NULL},
        {READ, I1, O1, K1, NULL, 0, NULL, NULL, NULL},
        {CREATE, I2, O2, 0, "c", 0, NULL, NULL, NULL},
        {READ, I2, O2, K2, NULL, 0, NULL, NULL, NULL},
        {RENAME_PATH, I1, O1, K1, B, 0, NULL, NULL, NULL},
        {END, I1, 0, 0, NULL, 0, NULL, NULL, NULL},
        {CLOSE, I1, O1, K1, NULL, 0, NULL, NULL, NULL},
        {FILE_DELETED, 0, 0, K1, B, 0, NULL, NULL, NULL},
        {LOAD, 0, 0, 0, A, 0, NULL, NULL, NULL},
    };
    int n = (int)ARRAY_COUNT(steps);
    for (int i = 0; i < n; i++)
        make(i, &steps[i]);
    for (int live = 0; live < 2; live++) {
        bool done = false;
        for (size_t nth = 1; !done; nth++) {
            Volumes *volumes;
            cr_assert_eq(volumes_new(&volumes), 0);
            cr_assert_eq(volumes_add(volumes, "\\Device\\V\\", "C:\\"), 0);
            size_t calls = mem_calls();
            FilesOptions o = many;
            o.looks_ahead = !live;
            mem_fail_at(nth);
            if (files_new(&o, volumes, &w.files) == 0) {
                for (int pass = live; pass < 2; pass++)
                    for (int i = 0; i < n; i++) {
                        uint8_t provenance;
                        FileOperation operation;
                        observe(i, pass == 0);
                        (void)files_name(w.files, &w.plan[i], &w.record[i], w.schema[i],
                                         &provenance);
                        (void)files_operation(w.files, &w.plan[i], &w.record[i], &operation);
                    }
            }
            done = mem_calls() - calls < nth;
            mem_fail_at(0);
            w.files = files_free(w.files);
            volumes_free(volumes);
        }
    }
}
