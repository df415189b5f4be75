#include "image_events.h"

const Guid class_image =
    GUID_INIT(0x2cb15d1d, 0x5fc1, 0x11d2, 0xab, 0xe1, 0x00, 0xa0, 0xc9, 0x11, 0xf5, 0x18);
const Guid class_process =
    GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
const Guid class_image_id =
    GUID_INIT(0xb3e675d7, 0x2554, 0x4f18, 0x83, 0x0b, 0x27, 0x62, 0x73, 0x25, 0x60, 0xde);
const Guid class_stack_walk =
    GUID_INIT(0xdef2fe46, 0x7bd6, 0x4b80, 0xbd, 0x94, 0xf5, 0x7f, 0xe2, 0x0d, 0x0c, 0xe3);

void event_start(TestEvent *e, const Guid *class, uint8_t opcode, uint8_t version, bool narrow) {
    memset(e, 0, sizeof *e);
    e->record.provider = *class;
    e->record.desc.opcode = opcode;
    e->record.desc.version = version;
    e->record.flags = (uint16_t)(EVENT_CLASSIC | (narrow ? EVENT_POINTER32 : 0));
    e->record.header_type = narrow ? ETL_HEADER_PERFINFO32 : ETL_HEADER_PERFINFO64;
    e->record.pid = e->record.tid = UINT32_MAX;
    e->record.payload = e->payload;
}

static void put(TestEvent *e, const void *data, size_t bytes) {
    cr_assert(e->record.payload_bytes + bytes <= sizeof e->payload);
    memcpy(e->payload + e->record.payload_bytes, data, bytes);
    e->record.payload_bytes += (uint32_t)bytes;
}

void event_u16(TestEvent *e, uint16_t v) {
    put(e, &v, sizeof v);
}

void event_u32(TestEvent *e, uint32_t v) {
    put(e, &v, sizeof v);
}

void event_u64(TestEvent *e, uint64_t v) {
    put(e, &v, sizeof v);
}

void event_pointer(TestEvent *e, uint64_t v) {
    put(e, &v, event_pointer_size(&e->record));
}

void event_utf16(TestEvent *e, const char *ascii) {
    do
        event_u16(e, (uint8_t)*ascii);
    while (*ascii++);
}

void event_ansi(TestEvent *e, const char *ascii) {
    put(e, ascii, strlen(ascii) + 1);
}

Schema *event_schema(SchemaStore *store, const TestEvent *e) {
    Schema *schema = NULL;
    cr_assert(schema_store_find(store, &e->record, &schema) == 0);
    cr_assert(schema->source != SCHEMA_NONE);
    return schema;
}

void event_image(TestEvent *e, uint8_t opcode, uint8_t version, bool narrow,
                 const TestImage *image) {
    event_start(e, &class_image, opcode, version, narrow);
    event_pointer(e, image->base);
    if (version == 0) {
        e->record.pid = image->pid;
        event_u32(e, (uint32_t)image->size);
        event_utf16(e, image->path);
        return;
    }
    event_pointer(e, image->size);
    event_u32(e, image->pid);
    if (version >= 2) {
        event_u32(e, 0xc0de); // ImageChecksum
        event_u32(e, image->timestamp);
        event_u32(e, 0);
        event_pointer(e, image->base);
        for (int i = 0; i < 4; i++)
            event_u32(e, 0);
    }
    event_utf16(e, image->path);
}

void event_stack(TestEvent *e, uint64_t raw_time, uint32_t pid, uint32_t tid,
                 const uint64_t *frames, uint32_t n) {
    event_start(e, &class_stack_walk, 32, 2, false);
    event_u64(e, raw_time);
    event_u32(e, pid);
    event_u32(e, tid);
    for (uint32_t i = 0; i < n; i++)
        event_pointer(e, frames[i]);
}

void event_reference(TestEvent *e, bool user, uint64_t raw_time, uint32_t pid, uint32_t tid,
                     uint64_t key) {
    event_start(e, &class_stack_walk, user ? 38 : 37, 2, false);
    event_u64(e, raw_time);
    event_u32(e, pid);
    event_u32(e, tid);
    event_pointer(e, key);
}

void event_definition(TestEvent *e, uint8_t opcode, uint64_t key, const uint64_t *frames,
                      uint32_t n) {
    event_start(e, &class_stack_walk, opcode, 2, false);
    event_pointer(e, key);
    for (uint32_t i = 0; i < n; i++)
        event_pointer(e, frames[i]);
}
