#include "kernel_events.h"

#include "tests/etlgen/kernel_payload.h"

static const Guid file_io =
    GUID_INIT(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3);
static const Guid disk_io =
    GUID_INIT(0x3d6fa8d4, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid registry =
    GUID_INIT(0xae53722e, 0xc863, 0x11d2, 0x86, 0x59, 0, 0xc0, 0x4f, 0xa3, 0x21, 0xa1);
static const Guid object_class =
    GUID_INIT(0x89497f50, 0xeffe, 0x4440, 0x8c, 0xf2, 0xce, 0x6b, 0x1c, 0xdc, 0xac, 0xa7);

static MakeEvent finished(MakeEvent e) {
    make_finish(&e);
    return e;
}

MakeEvent event_file_name(uint8_t opcode, uint64_t key, const char *name) {
    MakeEvent e = make_classic(&file_io, opcode, 2, false);
    kp_file_name(&e.payload, 8, key, name);
    return finished(e);
}

MakeEvent event_disk_read(uint64_t key, uint32_t tid) {
    const KpFile f = {0x1000, 0, key, tid};
    MakeEvent e = make_classic(&disk_io, DISK_READ, 3, false);
    kp_disk_io(&e.payload, 8, &f, 0, 4096, 0, 1);
    return finished(e);
}

MakeEvent event_file_create(uint64_t irp, uint64_t object, uint32_t tid, const char *name) {
    const KpFile f = {irp, object, 0, tid};
    MakeEvent e = make_classic(&file_io, FILE_CREATE, 3, false);
    kp_file_create(&e.payload, 8, &f, FILE_DISPOSITION(1), 0, 0, name);
    return finished(e);
}

MakeEvent event_file_read(uint64_t irp, uint64_t object, uint64_t key, uint32_t tid) {
    const KpFile f = {irp, object, key, tid};
    MakeEvent e = make_classic(&file_io, FILE_READ, 3, false);
    kp_file_io(&e.payload, 8, &f, 0, 512, 0);
    return finished(e);
}

MakeEvent event_file_rename(uint64_t irp, uint64_t object, uint64_t key, const char *to) {
    const KpFile f = {irp, object, key, 1};
    MakeEvent e = make_classic(&file_io, FILE_RENAME_PATH, 3, false);
    kp_file_path(&e.payload, 8, &f, 0, 10, to);
    return finished(e);
}

MakeEvent event_file_end(uint64_t irp) {
    const KpFile f = {.irp = irp};
    MakeEvent e = make_classic(&file_io, FILE_OPERATION_END, 3, false);
    kp_file_end(&e.payload, 8, &f, 512, 0);
    return finished(e);
}

MakeEvent event_key(uint8_t opcode, uint64_t handle, const char *name) {
    MakeEvent e = make_classic(&registry, opcode, 2, false);
    kp_registry(&e.payload, 8, 0, 0, 0, handle, name);
    return finished(e);
}

MakeEvent event_object_type(uint16_t type, const char *name) {
    MakeEvent e = make_classic(&object_class, 36, 2, false);
    buf_u16(&e.payload, type);
    buf_u16(&e.payload, 0);
    blob_utf16z(&e.payload, name);
    return finished(e);
}

MakeEvent event_handle(bool close, uint64_t object, uint16_t type, const char *name) {
    MakeEvent e = make_classic(&object_class, close ? 33 : 32, 2, false);
    buf_u64(&e.payload, object);
    buf_u32(&e.payload, 4);
    buf_u16(&e.payload, type);
    if (!close)
        blob_utf16z(&e.payload, name);
    return finished(e);
}

MakeEvent event_process(uint8_t opcode, uint32_t pid, uint32_t parent, const char *name,
                        const uint8_t *sid) {
    MakeProcess p = {.key = 0xffffa00000000000u + pid,
                     .pid = pid,
                     .parent = parent,
                     .session = 1,
                     .sid = sid,
                     .name = name,
                     .command_line = name};
    return make_process_event(opcode, 4, &p, false);
}
