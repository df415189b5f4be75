// TRACE_EVENT_INFO and EVENT_MAP_INFO blobs, fed to the store as metadata events, and payloads read
// with what compiled. Input: blocks of {u8 kind, u16 bytes, bytes}; kind 0 an event's description, 1 a
// map's, 2 a payload.
#include "tests/fuzz/decode.h"

#include "schema/event_info.h"
#include "schema/store.h"

#define MOST_BLOCKS 64u

static const Guid metadata_class =
    GUID_INIT(0xbbccf6c1, 0x6cd1, 0x48c4, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71);

typedef struct Reading {
    const uint8_t *payload;
    uint32_t bytes;
    uint32_t n;
} Reading;

static void read_with(void *user, const Schema *s) {
    Reading *reading = user;
    fuzz_check_compiled(s);
    reading->n++;
    EventRecord r = {.provider = s->provider,
                     .desc = s->desc,
                     .flags = s->event_flags,
                     .pid = 4,
                     .tid = 8,
                     .payload = reading->payload,
                     .payload_bytes = reading->bytes};
    uint64_t here = fuzz_decode(&r, s);
    r.flags |= EVENT_POINTER32;
    fuzz_decode(&r, s);
    r.flags = s->event_flags;
    // What the client makes of it.
    Buf sent = BUF_INIT;
    fuzz_check_wire(s);
    if (schema_wire_put(&sent, 1, s) == 0) {
        Schema *there;
        uint32_t type;
        fuzz_check(schema_wire_get(sent.data, sent.bytes, &type, &there, NULL) == 0, "it arrives");
        fuzz_check(fuzz_decode(&r, there) == here, "both sides read the payload the same way");
        schema_unref(there);
    }
    buf_deinit(&sent);
}

static void feed(SchemaStore *store, const uint8_t *blob, uint32_t bytes, uint8_t opcode,
                 const Reading *reading) {
    EventRecord r = {.provider = metadata_class,
                     .desc = {.opcode = opcode},
                     .flags = EVENT_CLASSIC | EVENT_SCHEMA_DATA,
                     .payload = blob,
                     .payload_bytes = bytes};
    Guid learned;
    SchemaStoreStats before = schema_store_stats(store);
    int first = schema_store_feed(store, &r, &learned);
    fuzz_check(first >= 0 && first <= 1, "metadata is taken or not, never fatal");
    SchemaStoreStats after = schema_store_stats(store);
    fuzz_check(after.rejected - before.rejected <= 1, "it is rejected once");
    fuzz_check(!first || after.rejected == before.rejected, "what is new was not rejected");
    Guid ignored;
    fuzz_check(schema_store_feed(store, &r, &ignored) == 0, "the second time it is not new");
    fuzz_check(schema_store_stats(store).bytes == after.bytes, "nor does it take memory");
    EventInfoKey key;
    if (opcode == 32 && first == 1 && event_info_key(blob, bytes, &key)) {
        EventRecord event = {.provider = key.provider,
                             .desc = key.desc,
                             .flags = key.source == DECODING_WBEM  ? EVENT_CLASSIC
                                      : key.source == DECODING_WPP ? EVENT_WPP
                                                                   : 0,
                             .payload = reading->payload,
                             .payload_bytes = reading->bytes};
        Schema *s;
        fuzz_check(schema_store_find(store, &event, &s) == 0, "every event gets a schema");
        fuzz_check_compiled(s);
        fuzz_decode(&event, s);
        schema_unref(s);
        (void)schema_store_provider_name(store, &key.provider);
    }
    if (first == 1) {
        Reading all = *reading;
        all.n = 0;
        uint32_t n = schema_store_events(store, &learned, read_with, &all);
        fuzz_check(n == all.n, "the events that were counted were given");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 256u * 1024u)
        return 0;
    FuzzLeaks leaks = fuzz_leaks_begin();
    SchemaStore *store;
    if (schema_store_new(&store) != 0)
        return 0;
    FuzzInput in = {data, size};
    uint8_t *payload = mem_dup("", 0);
    Reading reading = {payload, 0, 0};
    for (uint32_t i = 0; i < MOST_BLOCKS && in.left > 0; i++) {
        uint8_t kind = fuzz_u8(&in);
        uint32_t bytes;
        uint16_t n = fuzz_u16(&in);
        uint8_t *block = fuzz_take(&in, n, &bytes);
        if (kind % 3 == 2) {
            mem_free(payload);
            payload = block;
            reading = (Reading){payload, bytes, 0};
            continue;
        }
        feed(store, block, bytes, (uint8_t)(32 + kind % 3), &reading);
        mem_free(block);
    }
    fuzz_check(schema_store_stats(store).bytes <= SCHEMA_STORE_LIMIT, "the store keeps its limit");
    mem_free(payload);
    schema_store_free(store);
    fuzz_leaks_end(&leaks);
    return 0;
}
