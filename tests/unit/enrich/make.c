#include "make.h"

#include <stdio.h>

#include "schema/store.h"
#include "tests/etlgen/kernel_payload.h"
#include "util/arena.h"
#include "util/mem.h"

const Guid make_process_class =
    GUID_INIT(0x3d6fa8d0u, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
const Guid make_thread_class =
    GUID_INIT(0x3d6fa8d1u, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
const Guid make_image_class =
    GUID_INIT(0x2cb15d1du, 0x5fc1, 0x11d2, 0xab, 0xe1, 0x00, 0xa0, 0xc9, 0x11, 0xf5, 0x18);
const Guid make_config_class =
    GUID_INIT(0x01853a65u, 0x418f, 0x4f36, 0xae, 0xfc, 0xdc, 0x0f, 0x1d, 0x2f, 0xd2, 0x35);
const Guid make_kernel_process =
    GUID_INIT(0x22fb2cd6u, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16);

// Kernel-Process as its manifest has it: "name type" of each field.
typedef struct Declared {
    unsigned id, version;
    const char *fields;
} Declared;

static const char start3[] =
    "ProcessID UInt32,ProcessSequenceNumber UInt64,CreateTime FILETIME,ParentProcessID UInt32,"
    "ParentProcessSequenceNumber UInt64,SessionID UInt32,Flags UInt32,"
    "ProcessTokenElevationType UInt32,ProcessTokenIsElevated UInt32,MandatoryLabel SID,"
    "ImageName UnicodeString,ImageChecksum HexInt32,TimeDateStamp HexInt32,"
    "PackageFullName UnicodeString,PackageRelativeAppId UnicodeString,";

static const Declared declared[] = {
    {1, 0,
     "ProcessID UInt32,CreateTime FILETIME,ParentProcessID UInt32,SessionID UInt32,Flags UInt32,"
     "ImageName UnicodeString,"},
    {1, 3, start3},
    {2, 0,
     "ProcessID UInt32,CreateTime FILETIME,ExitTime FILETIME,ExitCode UInt32,"
     "ImageName AnsiString,"},
    {3, 1, "ProcessID UInt32,ThreadID UInt32,StackBase Pointer,SubProcessTag UInt32,"},
    {15, 1, start3},
};

static void put_template(Buf *xml, uint32_t i) {
    char name[64], type[32];
    int used;
    buf_printf(xml, "<template tid='T%u'>", (unsigned)i);
    for (const char *f = declared[i].fields;
         sscanf(f, "%63[^ ] %31[^,],%n", name, type, &used) == 2; f += used)
        buf_printf(xml, "<data name='%s' inType='win:%s'/>", name, type);
    buf_text(xml, "</template>");
}

static void load_manifest(SchemaStore *to) {
    Buf xml = BUF_INIT;
    Err err = ERR_INIT;
    buf_text(&xml, "<events xmlns:win='http://manifests.microsoft.com/win/2004/08/windows/events'>"
                   "<provider name='Microsoft-Windows-Kernel-Process'"
                   " guid='{22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716}'><events>");
    for (uint32_t i = 0; i < ARRAY_COUNT(declared); i++)
        buf_printf(&xml, "<event value='%u' version='%u' template='T%u'/>", declared[i].id,
                   declared[i].version, (unsigned)i);
    buf_text(&xml, "</events><templates>");
    for (uint32_t i = 0; i < ARRAY_COUNT(declared); i++)
        put_template(&xml, i);
    buf_text(&xml, "</templates></provider></events>");
    cr_assert(schema_store_xml(to, buf_str(&xml), xml.bytes, &err) == 0, "%s", err.text);
    buf_deinit(&xml);
}

typedef struct Made {
    Guid provider;
    EventDescriptor desc;
    Schema *schema;
} Made;

static SchemaStore *store;
static Arena arena;
static Made made[64];
static uint32_t n_made;

static Schema *schema_of(const EventRecord *record) {
    for (uint32_t i = 0; i < n_made; i++)
        if (memcmp(&made[i].provider, &record->provider, sizeof(Guid)) == 0 &&
            memcmp(&made[i].desc, &record->desc, sizeof(EventDescriptor)) == 0)
            return made[i].schema;
    if (!store) {
        cr_assert(schema_store_new(&store) == 0);
        load_manifest(store);
    }
    cr_assert(n_made < ARRAY_COUNT(made));
    Made *m = &made[n_made++];
    m->provider = record->provider;
    m->desc = record->desc;
    cr_assert(schema_store_find(store, record, &m->schema) == 0);
    cr_assert(m->schema->source != SCHEMA_NONE, "%u/%u v%u", record->desc.id, record->desc.opcode,
              record->desc.version);
    return m->schema;
}

MakeEvent make_classic(const Guid *class, uint8_t opcode, uint8_t version, bool narrow) {
    MakeEvent e = {.payload = BUF_INIT};
    e.record.provider = *class;
    e.record.desc.opcode = opcode;
    e.record.desc.version = version;
    e.record.flags = EVENT_CLASSIC | (narrow ? EVENT_POINTER32 : 0);
    e.record.pid = e.record.tid = UINT32_MAX;
    e.record.header_type = narrow ? ETL_HEADER_SYSTEM32 : ETL_HEADER_SYSTEM64;
    e.schema = schema_of(&e.record);
    return e;
}

MakeEvent make_manifest(uint16_t id, uint8_t version) {
    MakeEvent e = {.payload = BUF_INIT};
    e.record.provider = make_kernel_process;
    e.record.desc.id = id;
    e.record.desc.version = version;
    e.record.pid = e.record.tid = UINT32_MAX;
    e.record.header_type = ETL_HEADER_EVENT64;
    e.schema = schema_of(&e.record);
    return e;
}

void make_finish(MakeEvent *e) {
    cr_assert(!e->payload.failed);
    e->record.payload_bytes = (uint32_t)e->payload.bytes;
    // Exactly as long as it is, so that sanitizers see a read behind it.
    e->record.payload = arena_dup(&arena, e->payload.data ? e->payload.data : (const uint8_t *)"",
                                  e->payload.bytes);
    cr_assert(e->record.payload != NULL);
    buf_deinit(&e->payload);
}

void make_end(void) {
    while (n_made > 0)
        schema_unref(made[--n_made].schema);
    store = schema_store_free(store);
    arena_deinit(&arena);
    arena = (Arena)ARENA_INIT;
}

const uint8_t *make_sid(uint8_t authority, uint8_t n_subs, const uint32_t *subs,
                        size_t *ret_bytes) {
    static uint8_t rooms[4][8 + 15 * 4];
    static uint32_t next;
    uint8_t *sid = rooms[next++ % 4];
    memset(sid, 0, sizeof rooms[0]);
    sid[0] = 1;
    sid[1] = n_subs;
    sid[7] = authority;
    for (uint8_t i = 0; i < n_subs; i++)
        store_u32(sid + 8 + i * 4, subs[i]);
    if (ret_bytes)
        *ret_bytes = 8 + n_subs * 4u;
    return sid;
}

static const SidSpec *spec_of(const uint8_t *sid, SidSpec *ret) {
    if (!sid)
        return NULL;
    *ret = (SidSpec){.authority = sid[7], .n_subs = sid[1]};
    for (uint8_t i = 0; i < sid[1]; i++)
        ret->subs[i] = load_u32(sid + 8 + i * 4);
    return ret;
}

MakeEvent make_process_event(uint8_t opcode, uint8_t version, const MakeProcess *p, bool narrow) {
    MakeEvent e = make_classic(&make_process_class, opcode, version, narrow);
    uint8_t pointer = narrow ? 4 : 8;
    SidSpec spec;
    const SidSpec *sid = spec_of(p->sid, &spec);
    if (version == 0) {
        blob_pointer(&e.payload, pointer, p->pid);
        blob_pointer(&e.payload, pointer, p->parent);
        blob_user_sid(&e.payload, pointer, sid);
        blob_ansiz(&e.payload, p->name);
    } else {
        KpProcess kp = {.key = p->key,
                        .directory_table = 0x187000,
                        .pid = p->pid,
                        .parent_pid = p->parent,
                        .session = p->session,
                        .exit_status = 259,
                        .flags = p->flags,
                        .sid = sid,
                        .image = p->name,
                        .command_line = p->command_line,
                        .package = p->package};
        kp_process(&e.payload, pointer, version, &kp);
    }
    make_finish(&e);
    return e;
}

MakeEvent make_manifest_process(uint16_t id, uint8_t version, const MakeProcess *p) {
    static const uint32_t medium = 8192;
    MakeEvent e = make_manifest(id, version);
    Buf *b = &e.payload;
    buf_u32(b, p->pid);
    if (id == 2) {
        buf_u64(b, (uint64_t)p->create_time);
        buf_u64(b, (uint64_t)p->create_time + 10);
        buf_u32(b, 0);
        blob_ansiz(b, p->name);
        make_finish(&e);
        return e;
    }
    if (version > 0)
        buf_u64(b, p->sequence);
    buf_u64(b, (uint64_t)p->create_time);
    buf_u32(b, p->parent);
    if (version > 0)
        buf_u64(b, 0);
    buf_u32(b, p->session);
    buf_u32(b, p->flags);
    if (version > 0) {
        buf_u32(b, p->elevation_type);
        buf_u32(b, p->elevation_type == 2);
        size_t bytes;
        const uint8_t *label = make_sid(16, 1, &medium, &bytes);
        buf_append(b, label, bytes);
    }
    blob_utf16z(b, p->name);
    if (version > 0) {
        buf_u32(b, 0);
        buf_u32(b, 0);
        blob_utf16z(b, p->package ? p->package : "");
        blob_utf16z(b, "");
    }
    make_finish(&e);
    return e;
}

MakeEvent make_thread_event(uint8_t opcode, uint8_t version, uint32_t pid, uint32_t tid,
                            uint32_t tag) {
    MakeEvent e = make_classic(&make_thread_class, opcode, version, false);
    Buf *b = &e.payload;
    buf_u32(b, version == 0 ? tid : pid);
    buf_u32(b, version == 0 ? pid : tid);
    if (version == 1 && opcode != THREAD_END) {
        buf_zero(b, 6 * 8 + 4);
    } else if (version == 2) {
        buf_zero(b, 7 * 8);
        buf_u32(b, tag);
    } else if (version >= 3) {
        buf_zero(b, 7 * 8);
        buf_u32(b, tag);
        buf_u32(b, 0);
        blob_utf16z(b, "");
    }
    make_finish(&e);
    return e;
}

MakeEvent make_image_event(uint8_t opcode, uint8_t version, uint32_t pid, const char *path) {
    MakeEvent e = make_classic(&make_image_class, opcode, version, false);
    KpImage image = {.base = 0x7ff600000000, .size = 0x10000, .pid = pid, .file_name = path};
    kp_image(&e.payload, 8, version, &image);
    make_finish(&e);
    return e;
}

MakeEvent make_service_event(uint32_t pid, uint32_t tag, const char *name) {
    MakeEvent e = make_classic(&make_config_class, CONFIG_SERVICES, 3, false);
    kp_config_service(&e.payload, pid, tag, name, "Display", "svchost.exe", "group");
    make_finish(&e);
    return e;
}
