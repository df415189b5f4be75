// Descriptions of events from outside: TRACE_EVENT_INFO, EVENT_MAP_INFO, TraceLogging items,
// manifests and their chunks. The first byte picks which; whatever compiles must pass schema_finish
// again.
#include <stdlib.h>

#include "schema/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const Guid metadata_class =
    GUID_INIT(0xbbccf6c1, 0x6cd1, 0x48c4, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71);
static const Guid provider =
    GUID_INIT(0x11111111, 0x2222, 0x3333, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55);

static void check(void *user, const Schema *schema) {
    (void)user;
    if (schema->n_fields > SCHEMA_MAX_FIELDS || schema_bytes(schema) > SCHEMA_MAX_BYTES ||
        schema_finish((Schema *)(uintptr_t)schema, NULL) != 0)
        abort();
}

static void find(SchemaStore *store, const EventRecord *record) {
    Schema *schema;
    if (schema_store_find(store, record, &schema) != 0)
        abort();
    check(NULL, schema);
    schema_unref(schema);
}

static void feed(SchemaStore *store, const EventRecord *record) {
    Guid learned;
    int r = schema_store_feed(store, record, &learned);
    if (r < 0)
        abort();
    if (r == 1)
        (void)schema_store_events(store, &learned, check, NULL);
}

static void tracelogging(SchemaStore *store, const uint8_t *data, size_t bytes) {
    EventRecord r = {.provider = provider, .flags = EVENT_TRACELOGGING, .ext = data};
    r.ext_bytes = event_items_valid(data, (uint32_t)bytes);
    find(store, &r);
    // The same bytes as the metadata of one well-formed item.
    uint8_t item[4096 + EVENT_ITEM_HEAD];
    uint16_t n = (uint16_t)MIN_OF(bytes, (size_t)4000);
    r.ext = item;
    r.ext_bytes = event_item_put(item, EVENT_ITEM_TRACELOGGING, data, n);
    if (n >= 2)
        store_u16(item + EVENT_ITEM_HEAD, n);
    find(store, &r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes) {
    if (bytes < 1 || bytes > 65535)
        return 0;
    SchemaStore *store;
    if (schema_store_new(&store) != 0)
        return 0;
    EventRecord r = {.provider = metadata_class,
                     .flags = EVENT_CLASSIC | EVENT_SCHEMA_DATA,
                     .payload = data + 1,
                     .payload_bytes = (uint32_t)bytes - 1};
    EventRecord chunk = {.provider = provider,
                         .desc = {.id = 0xfffe, .opcode = 0xfe, .task = 0xfffe},
                         .flags = EVENT_SCHEMA_DATA,
                         .payload = data + 1,
                         .payload_bytes = (uint32_t)bytes - 1};
    switch (data[0] % 5) {
    case 0:
    case 1:
        r.desc.opcode = 32 + data[0] % 5;
        feed(store, &r);
        break;
    case 2:
        tracelogging(store, data + 1, bytes - 1);
        break;
    case 3:
        if (schema_store_xml(store, (const char *)data + 1, bytes - 1, NULL) == 0)
            (void)schema_store_events(store, &provider, check, NULL);
        break;
    default:
        feed(store, &chunk);
        find(store, &chunk);
        break;
    }
    schema_store_free(store);
    return 0;
}
