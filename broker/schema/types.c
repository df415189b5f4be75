// An open-addressing table of types with their hashes beside them; slots are rebuilt on `forget`,
// which is rare. Descriptors come from outside, so hashes are mixed with a secret of the process.

#include "schema/types.h"

#include "platform/clock.h"
#include "schema/tracelogging.h"
#include "util/map.h"
#include "util/mem.h"

#define KEY_FLAGS   (EVENT_CLASSIC | EVENT_TRACELOGGING | EVENT_WPP | EVENT_STRING_ONLY)
#define FIRST_SLOTS 256u

_Static_assert(sizeof(EventDescriptor) == 16, "descriptors are compared as two words");

typedef struct Slot {
    uint64_t hash; // 0: free
    Type *type;
} Slot;

struct TypeTable {
    SchemaStore *store;
    void (*drop_routes)(void *routes);
    Slot *slots;
    uint32_t n_slots;   // power of two
    uint32_t n_types;   // live, without the overflow type
    uint64_t secret[6]; // five factors of the hash, and the seed of metadata hashes
    Type *last;         // the one found last, or NULL
    Type **by_id;       // [0] is the overflow type
    uint32_t n_ids, capacity;
    Map providers; // GUID -> number of its live types (as a pointer value)
};

// What identifies a type, taken from a record without allocation.
typedef struct TypeKey {
    uint64_t words[4]; // provider, descriptor
    uint64_t tl_hash;
    uint16_t flags;
} TypeKey;

static TypeKey key_of(const TypeTable *t, const EventRecord *record) {
    TypeKey k;
    memcpy(k.words, record->provider.b, 16);
    memcpy(k.words + 2, &record->desc, 16);
    k.flags = record->flags & KEY_FLAGS;
    k.tl_hash = 0;
    EventItem item;
    if ((k.flags & EVENT_TRACELOGGING) && event_item_find(record, EVENT_ITEM_TRACELOGGING, &item)) {
        const uint8_t *meta = item.data;
        size_t bytes = item.bytes;
        (void)tracelogging_metadata(&item, &meta, &bytes); // a malformed one counts as a whole
        k.tl_hash = hash_bytes(meta, bytes, t->secret[5]) | 1u;
    }
    return k;
}

// Multilinear with secret odd factors: the products do not wait for each other. The upper half,
// where every input bit arrives, is folded onto the lower, which picks the slot.
static uint64_t hash_of(const TypeTable *t, const TypeKey *k) {
    uint64_t h = k->words[0] * t->secret[0] + k->words[1] * t->secret[1] +
                 k->words[2] * t->secret[2] + k->words[3] * t->secret[3] +
                 (k->tl_hash + k->flags) * t->secret[4];
    h ^= h >> 32;
    return h ? h : 1;
}

static bool same(const Type *type, const TypeKey *k) {
    const uint8_t *d = (const uint8_t *)&type->desc;
    uint64_t differ = (load_u64(type->provider.b) ^ k->words[0]) |
                      (load_u64(type->provider.b + 8) ^ k->words[1]) | (load_u64(d) ^ k->words[2]) |
                      (load_u64(d + 8) ^ k->words[3]) | (type->tl_hash ^ k->tl_hash) |
                      (uint64_t)(type->event_flags ^ k->flags);
    return differ == 0;
}

static Type *type_free(TypeTable *t, Type *type) {
    if (type) {
        if (type->routes && t->drop_routes)
            t->drop_routes(type->routes);
        schema_unref(type->schema);
        mem_free(type);
    }
    return NULL;
}

// The schema of what is beyond the limits: nothing is known of it.
static int overflow_type(TypeTable *t) {
    Type *type = mem_zalloc(sizeof *type);
    if (!type)
        return -STATUS_NO_MEMORY;
    int r = schema_new(&type->schema);
    if (r == 0) {
        type->schema->undecodable = UNDECODABLE_TYPE_LIMIT;
        r = schema_finish(type->schema, NULL);
    }
    if (r < 0) {
        schema_unref(type->schema);
        mem_free(type);
        return r;
    }
    t->by_id[0] = type;
    t->n_ids = 1;
    return 0;
}

int type_table_new(SchemaStore *store, void (*drop_routes)(void *routes), TypeTable **ret) {
    TypeTable *t = mem_zalloc(sizeof *t);
    if (!t)
        return -STATUS_NO_MEMORY;
    t->store = store;
    t->drop_routes = drop_routes;
    if (!plat_random(t->secret, sizeof t->secret)) // weaker, not wrong
        for (size_t i = 0; i < ARRAY_COUNT(t->secret); i++)
            t->secret[i] = (uint64_t)plat_now_ns() * UINT64_C(0x9e3779b97f4a7c15) + i;
    for (size_t i = 0; i < ARRAY_COUNT(t->secret); i++)
        t->secret[i] |= 1u;
    t->n_slots = FIRST_SLOTS;
    t->capacity = FIRST_SLOTS;
    t->slots = mem_array(t->n_slots, sizeof *t->slots);
    t->by_id = mem_array(t->capacity, sizeof *t->by_id);
    if (!t->slots || !t->by_id || overflow_type(t) < 0) {
        type_table_free(t);
        return -STATUS_NO_MEMORY;
    }
    *ret = t;
    return 0;
}

TypeTable *type_table_free(TypeTable *table) {
    if (!table)
        return NULL;
    for (uint32_t i = 0; i < table->n_ids; i++)
        type_free(table, table->by_id[i]);
    mem_free(table->by_id);
    mem_free(table->slots);
    map_deinit(&table->providers);
    mem_free(table);
    return NULL;
}

static void slot_put(Slot *slots, uint32_t n_slots, uint64_t hash, Type *type) {
    uint32_t i = (uint32_t)hash & (n_slots - 1);
    while (slots[i].hash)
        i = (i + 1) & (n_slots - 1);
    slots[i] = (Slot){hash, type};
}

static int grow_slots(TypeTable *t) {
    if ((t->n_types + 1) * 2 <= t->n_slots)
        return 0;
    uint32_t n = t->n_slots * 2;
    Slot *slots = mem_array(n, sizeof *slots);
    if (!slots)
        return -STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < t->n_slots; i++)
        if (t->slots[i].hash)
            slot_put(slots, n, t->slots[i].hash, t->slots[i].type);
    mem_free(t->slots);
    t->slots = slots;
    t->n_slots = n;
    return 0;
}

static int grow_ids(TypeTable *t) {
    if (t->n_ids < t->capacity)
        return 0;
    uint32_t capacity = t->capacity * 2;
    Type **by_id = mem_resize(t->by_id, capacity * sizeof *by_id);
    if (!by_id)
        return -STATUS_NO_MEMORY;
    t->by_id = by_id;
    t->capacity = capacity;
    return 0;
}

static uintptr_t provider_count(const TypeTable *t, const Guid *provider) {
    return (uintptr_t)map_get(&t->providers, provider->b, sizeof provider->b);
}

static Type *make(TypeTable *t, const EventRecord *record, const TypeKey *k, uint64_t hash) {
    uintptr_t of_provider = provider_count(t, &record->provider);
    if (t->n_types >= TYPES_MAX || of_provider >= TYPES_MAX_PROVIDER || t->n_ids == UINT32_MAX / 2)
        return t->by_id[0];
    Type *type = mem_zalloc(sizeof *type);
    if (!type || grow_slots(t) < 0 || grow_ids(t) < 0 ||
        schema_store_find(t->store, record, &type->schema) < 0)
        goto fail;
    if (map_set(&t->providers, record->provider.b, sizeof record->provider.b,
                (void *)(of_provider + 1)) < 0)
        goto fail;
    type->id = t->n_ids;
    type->provider = record->provider;
    type->desc = record->desc;
    type->tl_hash = k->tl_hash;
    type->event_flags = k->flags;
    t->by_id[t->n_ids++] = type;
    t->n_types++;
    slot_put(t->slots, t->n_slots, hash, type);
    return type;
fail:
    if (type)
        schema_unref(type->schema);
    mem_free(type);
    return NULL;
}

Type *type_table_find(TypeTable *table, const EventRecord *record) {
    TypeKey k = key_of(table, record);
    if (table->last && same(table->last, &k))
        return table->last;
    uint64_t hash = hash_of(table, &k);
    uint32_t i = (uint32_t)hash & (table->n_slots - 1);
    for (; table->slots[i].hash; i = (i + 1) & (table->n_slots - 1))
        if (table->slots[i].hash == hash && same(table->slots[i].type, &k)) {
            table->last = table->slots[i].type;
            return table->last;
        }
    Type *type = make(table, record, &k, hash);
    if (type && type->id != 0)
        table->last = type;
    return type;
}

void type_table_forget(TypeTable *table, const Guid *provider) {
    if (provider_count(table, provider) == 0)
        return;
    table->last = NULL;
    for (uint32_t id = 1; id < table->n_ids; id++) {
        Type *type = table->by_id[id];
        if (!type || !guid_equal(&type->provider, provider))
            continue;
        table->by_id[id] = type_free(table, type);
        table->n_types--;
    }
    map_remove(&table->providers, provider->b, sizeof provider->b);
    // Slots: put those that stay anew, within the same memory, so that forgetting cannot fail.
    memset(table->slots, 0, table->n_slots * sizeof *table->slots);
    for (uint32_t id = 1; id < table->n_ids; id++) {
        const Type *type = table->by_id[id];
        if (!type)
            continue;
        TypeKey k = {.tl_hash = type->tl_hash, .flags = type->event_flags};
        memcpy(k.words, type->provider.b, 16);
        memcpy(k.words + 2, &type->desc, 16);
        slot_put(table->slots, table->n_slots, hash_of(table, &k), table->by_id[id]);
    }
}

Type *type_table_get(TypeTable *table, uint32_t id) {
    return id < table->n_ids ? table->by_id[id] : NULL;
}

uint32_t type_table_count(const TypeTable *table) {
    return table->n_ids;
}
