#include "blob.h"

const Guid test_provider =
    GUID_INIT(0x11111111, 0x2222, 0x3333, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55);
const Guid test_metadata_class =
    GUID_INIT(0xbbccf6c1, 0x6cd1, 0x48c4, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71);

void blob_set32(TestBlob *b, uint32_t at, uint32_t v) {
    store_u32(b->data + at, v);
}

void blob_set16(TestBlob *b, uint32_t at, uint16_t v) {
    store_u16(b->data + at, v);
}

void blob_start(TestBlob *b, const Guid *provider, uint32_t n, uint32_t n_top) {
    memset(b, 0, sizeof *b);
    memcpy(b->data, provider->b, 16);
    blob_set16(b, 0x20, 7);
    b->data[0x22] = 2; // version
    b->data[0x24] = 4; // level
    blob_set32(b, 0x64, n);
    blob_set32(b, 0x68, n_top);
    b->n_properties = n;
    b->bytes = EVENT_INFO_HEAD + (size_t)n * EVENT_INFO_PROPERTY;
}

uint32_t blob_string(TestBlob *b, const char *ascii) {
    uint32_t at = (uint32_t)b->bytes;
    for (const char *p = ascii;; p++) {
        b->data[b->bytes++] = (uint8_t)*p;
        b->data[b->bytes++] = 0;
        if (*p == '\0')
            return at;
    }
}

void blob_name(TestBlob *b, uint32_t head_offset, const char *ascii) {
    blob_set32(b, head_offset, blob_string(b, ascii));
}

void blob_property(TestBlob *b, uint32_t i, const char *name, uint32_t flags, uint16_t in,
                   uint16_t out, uint16_t count, uint16_t length) {
    uint32_t at = EVENT_INFO_HEAD + i * EVENT_INFO_PROPERTY;
    blob_set32(b, at, flags);
    blob_set32(b, at + 4, blob_string(b, name));
    blob_set16(b, at + 8, in);
    blob_set16(b, at + 10, out);
    blob_set16(b, at + 16, count);
    blob_set16(b, at + 18, length);
}

void blob_map(TestBlob *b, const char *name, uint32_t flag, const TestMapEntry *entries,
              uint32_t n) {
    memset(b, 0, sizeof *b);
    b->bytes = MAP_INFO_HEAD + (size_t)n * 8;
    blob_set32(b, 4, flag);
    blob_set32(b, 8, n);
    for (uint32_t i = 0; i < n; i++) {
        blob_set32(b, MAP_INFO_HEAD + i * 8, blob_string(b, entries[i].text));
        blob_set32(b, MAP_INFO_HEAD + i * 8 + 4, entries[i].value);
    }
    blob_set32(b, 0, blob_string(b, name));
}

EventRecord test_event(const Guid *provider, uint16_t id, uint8_t version) {
    return (EventRecord){.provider = *provider, .desc = {.id = id, .version = version, .level = 4}};
}

EventRecord test_classic(const Guid *class, uint8_t opcode, uint8_t version) {
    return (EventRecord){.provider = *class,
                         .desc = {.opcode = opcode, .version = version},
                         .flags = EVENT_CLASSIC,
                         .header_type = ETL_HEADER_SYSTEM64};
}

EventRecord test_metadata(uint8_t opcode, const void *payload, size_t bytes) {
    EventRecord r = test_classic(&test_metadata_class, opcode, 0);
    r.flags |= EVENT_SCHEMA_DATA;
    r.payload = payload;
    r.payload_bytes = (uint32_t)bytes;
    return r;
}

EventRecord test_chunk(const Guid *provider, uint32_t pid, uint16_t total, uint16_t number,
                       const char *text, size_t bytes, uint8_t *room) {
    room[0] = 1;
    room[1] = room[2] = 0;
    room[3] = 0x5b;
    store_u16(room + 4, total);
    store_u16(room + 6, number);
    memcpy(room + 8, text, bytes);
    return (EventRecord){.provider = *provider,
                         .desc = {.id = 0xfffe, .opcode = 0xfe, .task = 0xfffe},
                         .flags = EVENT_SCHEMA_DATA,
                         .pid = pid,
                         .payload = room,
                         .payload_bytes = (uint32_t)bytes + 8};
}

uint32_t test_tl_item(uint8_t *ext, uint32_t at, const void *metadata, uint16_t bytes) {
    uint8_t item[4096];
    store_u16(item, (uint16_t)(bytes + 2));
    memcpy(item + 2, metadata, bytes);
    return at + event_item_put(ext + at, EVENT_ITEM_TRACELOGGING, item, (uint16_t)(bytes + 2));
}
