// TraceLogging metadata and provider traits that come with an event, and its payload read with them.
// Input: u8 flags, u16 bytes of metadata, metadata, u16 bytes of traits, traits, payload.
#include "tests/fuzz/decode.h"

#include "schema/tracelogging.h"
#include "schema/types.h"

static const Guid provider =
    GUID_INIT(0x11111111, 0x2222, 0x3333, 0x44, 0x44, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55);

// fix: the blob's own size is made right, so that the fuzzer need not learn it first.
static uint32_t put_item(uint8_t *to, uint16_t type, const uint8_t *data, uint32_t bytes,
                         bool fix) {
    uint32_t n = event_item_put(to, type, data, (uint16_t)bytes);
    if (fix && bytes >= 2)
        store_u16(to + EVENT_ITEM_HEAD, (uint16_t)bytes);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 128u * 1024u)
        return 0;
    FuzzLeaks leaks = fuzz_leaks_begin();
    FuzzInput in = {data, size};
    uint8_t flags = fuzz_u8(&in);
    uint32_t n_meta, n_traits, n_payload, n_ext = 0;
    uint16_t want = fuzz_u16(&in);
    uint8_t *meta = fuzz_take(&in, MIN_OF(want, 65000u), &n_meta);
    want = fuzz_u16(&in);
    uint8_t *traits = fuzz_take(&in, MIN_OF(want, 65000u), &n_traits);
    uint8_t *payload = fuzz_take(&in, 65535, &n_payload);
    uint8_t *room = mem_alloc(2 * EVENT_ITEM_HEAD + ALIGN8(n_meta) + ALIGN8(n_traits));
    if (!room)
        abort();
    n_ext = put_item(room, EVENT_ITEM_TRACELOGGING, meta, n_meta, flags & 1);
    if (n_traits > 0)
        n_ext += put_item(room + n_ext, EVENT_ITEM_TRAITS, traits, n_traits, flags & 2);
    uint8_t *ext = mem_dup(room, n_ext);
    EventRecord r = {.provider = provider,
                     .desc = {.level = 5, .channel = 11},
                     .flags = (uint16_t)(EVENT_TRACELOGGING | (flags & 4 ? EVENT_POINTER32 : 0)),
                     .ext = ext,
                     .ext_bytes = n_ext,
                     .payload = payload,
                     .payload_bytes = n_payload};
    fuzz_check(event_items_valid(ext, n_ext) == n_ext, "items that were put are intact");

    EventItem item;
    const uint8_t *blob;
    size_t n_blob;
    fuzz_check(event_item_find(&r, EVENT_ITEM_TRACELOGGING, &item), "and found");
    bool intact = tracelogging_metadata(&item, &blob, &n_blob);
    if (intact)
        fuzz_check(blob >= item.data && blob + n_blob <= item.data + item.bytes,
                   "what identifies the event lies inside the item");
    const char *name;
    size_t n_name = tracelogging_provider_name(&r, &name);
    uint64_t touched = fuzz_hash(FUZZ_HASH_START, n_name ? name : "", n_name);
    Guid group;
    if (tracelogging_group(&r, &group))
        touched = fuzz_hash(touched, group.b, sizeof group.b);

    Schema *direct, *found;
    int compiled = tracelogging_compile(&r, NULL, &direct);
    fuzz_check(compiled == 0 || compiled == BUILDER_BAD, "metadata compiles or is malformed");
    fuzz_check(intact || compiled != 0, "only intact metadata compiles");
    SchemaStore *store;
    TypeTable *types;
    if (schema_store_new(&store) != 0 || type_table_new(store, NULL, &types) != 0)
        abort();
    fuzz_check(schema_store_find(store, &r, &found) == 0, "every event gets a schema");
    fuzz_check_compiled(found);
    fuzz_check_wire(found);
    fuzz_check(compiled != 0 || found->source == SCHEMA_TRACELOGGING,
               "what compiles is what is found");
    uint64_t text = fuzz_decode(&r, found);
    if (compiled == 0) {
        fuzz_check(direct->n_fields == found->n_fields && direct->n_top == found->n_top,
                   "with the same fields");
        schema_unref(direct);
    }
    Type *type = type_table_find(types, &r), *same = type_table_find(types, &r);
    fuzz_check(type && type == same, "an event's type is found again");
    fuzz_check(fuzz_decode(&r, type->schema) == text, "and reads it alike");
    type_table_free(types);
    schema_unref(found);
    schema_store_free(store);
    mem_free(ext);
    mem_free(room);
    mem_free(payload);
    mem_free(traits);
    mem_free(meta);
    fuzz_leaks_end(&leaks);
    return (int)(touched & 0);
}
