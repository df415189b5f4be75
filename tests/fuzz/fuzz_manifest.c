// Instrumentation manifests as XML, and the same text as an EventSource sends it: in chunks, in any
// order, repeated, of several processes. Input: u8 mode, u8 seed, the text; what stands behind the first
// NUL is a payload that is read with every event that was described.
#include "tests/fuzz/decode.h"

#include "schema/chunks.h"
#include "schema/manifest_xml.h"
#include "schema/store.h"

#define MOST_DECODED 300u

typedef struct Seen {
    const uint8_t *payload;
    uint32_t bytes;
    uint32_t n;
    uint64_t hash;
    SchemaStore *store;
} Seen;

static const Guid source_guid =
    GUID_INIT(0x22222222, 0x2222, 0x3333, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55);

static void each_schema(void *user, const Schema *s) {
    Seen *seen = user;
    if (seen->n++ >= MOST_DECODED)
        return;
    fuzz_check_compiled(s);
    fuzz_check_wire(s);
    seen->hash = fuzz_hash(seen->hash, s->event_name, strlen(s->event_name));
    EventRecord r = {.provider = s->provider,
                     .desc = s->desc,
                     .flags = s->event_flags,
                     .payload = seen->payload,
                     .payload_bytes = seen->bytes};
    uint64_t text = fuzz_decode(&r, s);
    seen->hash = fuzz_hash(seen->hash, &text, sizeof text);
    Schema *found;
    fuzz_check(schema_store_find(seen->store, &r, &found) == 0, "every event gets a schema");
    fuzz_check_compiled(found);
    schema_unref(found);
}

typedef struct Taken {
    uint32_t n;
    Guid guid[MANIFEST_MAX_PROVIDERS];
    uint32_t n_events;
} Taken;

static int take(void *user, Manifest *manifest) {
    Taken *taken = user;
    fuzz_check(taken->n < MANIFEST_MAX_PROVIDERS, "no more providers than allowed");
    for (uint32_t i = 1; i < manifest->n_events; i++) {
        const EventDescriptor *a = &manifest->events[i - 1].desc, *b = &manifest->events[i].desc;
        fuzz_check(a->id < b->id || (a->id == b->id && a->version <= b->version),
                   "events are ascending");
    }
    for (uint32_t i = 0; i < manifest->n_events; i += 1 + i / 16) {
        const ManifestEvent *e = &manifest->events[i];
        fuzz_check(manifest_event(manifest, e->desc.id, e->desc.version) != NULL,
                   "an event is found");
    }
    taken->guid[taken->n++] = manifest->provider;
    taken->n_events += manifest->n_events;
    manifest_free(manifest);
    return 0;
}

static void as_file(const char *xml, size_t bytes, Seen seen) {
    SchemaStore *store;
    if (schema_store_new(&store) != 0)
        abort();
    seen.store = store;
    Err err = ERR_INIT, other = ERR_INIT;
    static Taken taken;
    taken.n = taken.n_events = 0;
    int parsed = manifest_parse(xml, bytes, false, take, &taken, &err);
    int loaded = schema_store_xml(store, xml, bytes, &other);
    fuzz_check(parsed == loaded, "the store takes what parses");
    fuzz_check(parsed == 0 || (err.text[0] && taken.n == 0),
               "a malformed text gives nothing but the reason");
    for (uint32_t i = 0; parsed == 0 && i < taken.n; i++)
        (void)schema_store_events(store, &taken.guid[i], each_schema, &seen);
    schema_store_free(store);
}

static int feed_chunk(SchemaStore *store, uint32_t pid, uint16_t total, uint16_t number,
                      const char *text, size_t bytes) {
    uint8_t *chunk = mem_alloc(CHUNK_HEAD + bytes);
    if (!chunk)
        abort();
    chunk[0] = 1;
    chunk[1] = chunk[2] = 0;
    chunk[3] = CHUNK_MAGIC;
    store_u16(chunk + 4, total);
    store_u16(chunk + 6, number);
    memcpy(chunk + CHUNK_HEAD, text, bytes);
    EventRecord r = {.provider = source_guid,
                     .desc = {.id = 0xfffe, .opcode = 0xfe, .task = 0xfffe},
                     .flags = EVENT_SCHEMA_DATA,
                     .pid = pid,
                     .payload = chunk,
                     .payload_bytes = (uint32_t)(CHUNK_HEAD + bytes)};
    Guid learned = GUID_NULL;
    int result = schema_store_feed(store, &r, &learned);
    fuzz_check(result == 0 || result == 1, "a chunk is taken or not, never fatal");
    mem_free(chunk);
    return result;
}

// In pieces that are shuffled, some sent twice, beside another process' unfinished text, it is the text.
static void as_chunks(const char *xml, size_t bytes, uint8_t mode, uint64_t random, Seen seen) {
    SchemaStore *store, *whole;
    if (bytes == 0 || schema_store_new(&store) != 0 || schema_store_new(&whole) != 0)
        return;
    uint16_t total = (uint16_t)(1 + mode / 4 % 32);
    if (total > bytes)
        total = (uint16_t)bytes;
    uint16_t order[32];
    for (uint16_t i = 0; i < total; i++)
        order[i] = i;
    for (uint16_t i = total; i > 1; i--) {
        uint16_t k = (uint16_t)(fuzz_random(&random) % i), t = order[i - 1];
        order[i - 1] = order[k];
        order[k] = t;
    }
    int in_one = feed_chunk(whole, 1, 1, 0, xml, bytes);
    int last = 0;
    for (uint16_t i = 0; i < total; i++) {
        size_t from = bytes * order[i] / total, to = bytes * (order[i] + 1u) / total;
        fuzz_check(last == 0, "nothing is new before the last chunk");
        if (fuzz_random(&random) % 4 == 0)
            (void)feed_chunk(store, 2, 9, (uint16_t)(i % 8), xml + from, to - from);
        last = feed_chunk(store, 1, total, order[i], xml + from, to - from);
        if (i + 1 < total && fuzz_random(&random) % 4 == 0)
            fuzz_check(feed_chunk(store, 1, total, order[i], xml + from, to - from) == 0,
                       "the same chunk again changes nothing");
    }
    fuzz_check(last == in_one, "the last chunk gives what the whole text gives");
    fuzz_check(schema_store_stats(store).manifests == schema_store_stats(whole).manifests,
               "as many manifests");
    Seen a = seen, b = seen;
    a.store = store;
    b.store = whole;
    uint32_t n = schema_store_events(store, &source_guid, each_schema, &a);
    fuzz_check(n == schema_store_events(whole, &source_guid, each_schema, &b) && a.hash == b.hash,
               "and the same events");
    schema_store_free(whole);
    schema_store_free(store);
}

// Chunks as they come, heads included: {u16 bytes, payload of the event} …
static void raw_chunks(FuzzInput *in) {
    Chunks chunks = {0};
    for (int i = 0; i < 256 && in->left > 0; i++) {
        uint32_t pid = fuzz_u8(in) % 80, bytes;
        uint16_t n = fuzz_u16(in);
        uint8_t *payload = fuzz_take(in, n % 4096u, &bytes);
        EventRecord r = {.provider = source_guid,
                         .desc = {.id = 0xfffe, .opcode = 0xfe, .task = 0xfffe},
                         .pid = pid,
                         .payload = payload,
                         .payload_bytes = bytes};
        if (chunk_is(&r)) {
            char *xml = NULL;
            size_t n_xml = 0, room = 16384 - MIN_OF(chunks.bytes, 16384u);
            int result = chunks_feed(&chunks, &r, room, &xml, &n_xml);
            fuzz_check(result >= 0 && result <= CHUNK_BAD, "a chunk is taken, complete or bad");
            fuzz_check((result == CHUNK_COMPLETE) == (xml != NULL), "a complete text is given");
            fuzz_check(chunks.bytes <= 16384, "no more is held than there is room for");
            fuzz_check(chunks.streams.n_live <= CHUNKS_MAX_STREAMS, "nor more streams");
            mem_free(xml);
        }
        mem_free(payload);
    }
    chunks_deinit(&chunks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 3 || size > 256u * 1024u)
        return 0;
    FuzzLeaks leaks = fuzz_leaks_begin();
    FuzzInput in = {data, size};
    uint8_t mode = fuzz_u8(&in), seed = fuzz_u8(&in);
    if (mode % 4 == 3) {
        raw_chunks(&in);
    } else {
        const uint8_t *nul = memchr(in.p, 0, in.left);
        uint32_t n_xml, n_payload;
        uint8_t *xml = fuzz_take(&in, nul ? (size_t)(nul - in.p) : in.left, &n_xml);
        (void)fuzz_u8(&in);
        uint8_t *payload = fuzz_take(&in, 65535, &n_payload);
        Seen seen = {payload, n_payload, 0, FUZZ_HASH_START, NULL};
        if (mode % 4 < 2)
            as_file((const char *)xml, n_xml, seen);
        else
            as_chunks((const char *)xml, n_xml, mode, seed + 1u, seen);
        mem_free(payload);
        mem_free(xml);
    }
    fuzz_leaks_end(&leaks);
    return 0;
}
