// The hash map. `slots` is a power-of-two table of indexes with linear probing; `entries` holds the
// entries in order of insertion, with holes where some were removed. The room for entries follows
// from n_slots (three quarters), so that it needs no field of its own.
//
// A removal closes the gap in `slots` at once (no tombstones, so probing never degrades) and leaves
// a hole in `entries` (so indexes hold while someone iterates); holes go when map_set needs room.
#include "util/map.h"

#include "util/err.h"
#include "util/mem.h"

#define FIRST_SLOTS 8u
#define MOST_SLOTS  (UINT32_C(1) << 30)

// The secret of the process; fixed until map_seed, so that tests are the same on each run.
static uint8_t map_key[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

void map_seed(const uint8_t key[16]) {
    memcpy(map_key, key, sizeof map_key);
}

uint64_t map_hash_pair(uint64_t a, uint64_t b) {
    uint64_t x = (a ^ load_u64(map_key)) * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 29) ^ b ^ load_u64(map_key + 8)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 32)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t map_hash_bytes(const void *data, size_t bytes) {
    return siphash13(data, bytes, map_key);
}

static uint32_t room_of(uint32_t n_slots) {
    return n_slots / 4 * 3;
}

void map_deinit(Map *map) {
    for (uint32_t i = 0; i < map->n_entries; i++)
        mem_free(map->entries[i].key);
    mem_free(map->entries);
    mem_free(map->slots);
    *map = (Map)MAP_INIT;
}

// The slot that refers to the key, or the free slot where it would go. Needs n_slots != 0.
static uint32_t find_slot(const Map *map, uint64_t hash, const void *key, size_t key_bytes) {
    uint32_t mask = map->n_slots - 1;
    uint32_t at = (uint32_t)hash & mask;
    for (; map->slots[at] != 0; at = (at + 1) & mask) {
        const MapEntry *entry = &map->entries[map->slots[at] - 1];
        if (entry->hash == hash && entry->key_bytes == key_bytes &&
            (key_bytes == 0 || memcmp(entry->key, key, key_bytes) == 0))
            break;
    }
    return at;
}

void *map_get(const Map *map, const void *key, size_t key_bytes) {
    if (map->n_live == 0)
        return NULL;
    uint32_t at = find_slot(map, siphash13(key, key_bytes, map_key), key, key_bytes);
    return map->slots[at] != 0 ? map->entries[map->slots[at] - 1].value : NULL;
}

// Moves the live entries into new tables of a size that fits them: larger, smaller or the same.
static int rebuild(Map *map) {
    uint32_t n_slots = FIRST_SLOTS;
    // A third of the room or more is free afterwards, which pays for the next rebuild.
    while (room_of(n_slots) < map->n_live + map->n_live / 2 + 1) {
        if (n_slots == MOST_SLOTS)
            return -STATUS_NO_MEMORY;
        n_slots *= 2;
    }
    MapEntry *entries = mem_array(room_of(n_slots), sizeof *entries);
    uint32_t *slots = mem_array(n_slots, sizeof *slots);
    if (entries == NULL || slots == NULL) {
        mem_free(entries);
        mem_free(slots);
        return -STATUS_NO_MEMORY;
    }
    uint32_t n = 0;
    for (uint32_t i = 0; i < map->n_entries; i++) {
        if (map->entries[i].key == NULL)
            continue;
        entries[n] = map->entries[i];
        uint32_t at = (uint32_t)entries[n].hash & (n_slots - 1);
        while (slots[at] != 0)
            at = (at + 1) & (n_slots - 1);
        slots[at] = ++n;
    }
    mem_free(map->entries);
    mem_free(map->slots);
    map->entries = entries;
    map->slots = slots;
    map->n_entries = n;
    map->n_slots = n_slots;
    return 0;
}

int map_set(Map *map, const void *key, size_t key_bytes, void *value) {
    if (key_bytes > UINT32_MAX)
        return -STATUS_NO_MEMORY;
    uint64_t hash = siphash13(key, key_bytes, map_key);
    if (map->n_slots != 0) {
        uint32_t at = find_slot(map, hash, key, key_bytes);
        if (map->slots[at] != 0) {
            map->entries[map->slots[at] - 1].value = value;
            return 0;
        }
    }
    void *copy = mem_dup(key, key_bytes);
    if (copy == NULL)
        return -STATUS_NO_MEMORY;
    if (map->n_entries == room_of(map->n_slots)) {
        int r = rebuild(map);
        if (r < 0) {
            mem_free(copy);
            return r;
        }
    }
    uint32_t at = find_slot(map, hash, key, key_bytes);
    map->entries[map->n_entries] = (MapEntry){hash, copy, (uint32_t)key_bytes, value};
    map->slots[at] = ++map->n_entries;
    map->n_live++;
    return 0;
}

// Frees a slot by moving up those behind it that probing would otherwise no longer reach.
static void close_gap(Map *map, uint32_t gap) {
    uint32_t mask = map->n_slots - 1;
    for (uint32_t at = (gap + 1) & mask; map->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t home = (uint32_t)map->entries[map->slots[at] - 1].hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            map->slots[gap] = map->slots[at];
            gap = at;
        }
    }
    map->slots[gap] = 0;
}

void *map_remove(Map *map, const void *key, size_t key_bytes) {
    if (map->n_live == 0)
        return NULL;
    uint32_t at = find_slot(map, siphash13(key, key_bytes, map_key), key, key_bytes);
    if (map->slots[at] == 0)
        return NULL;
    MapEntry *entry = &map->entries[map->slots[at] - 1];
    void *value = entry->value;
    close_gap(map, at);
    mem_free(entry->key); // last: the caller's key may be this copy
    *entry = (MapEntry){0, NULL, 0, NULL};
    map->n_live--;
    while (map->n_entries != 0 && map->entries[map->n_entries - 1].key == NULL)
        map->n_entries--;
    return value;
}

bool map_next(const Map *map, uint32_t *i, MapEntry **ret_entry) {
    while (*i < map->n_entries) {
        MapEntry *entry = &map->entries[(*i)++];
        if (entry->key != NULL) {
            *ret_entry = entry;
            return true;
        }
    }
    return false;
}

static uint64_t rotl(uint64_t v, unsigned n) {
    return (v << n) | (v >> (64 - n));
}

uint64_t hash_bytes(const void *data, size_t bytes, uint64_t seed) {
    const uint64_t k1 = UINT64_C(0x9e3779b97f4a7c15), k2 = UINT64_C(0xd6e8feb86659fd93);
    const uint8_t *p = data;
    uint64_t h = seed ^ ((uint64_t)bytes * k1);
    for (; bytes >= 8; bytes -= 8, p += 8) {
        h = (h ^ load_u64(p)) * k2;
        h ^= h >> 32;
    }
    if (bytes != 0) {
        uint64_t tail = 0;
        memcpy(&tail, p, bytes);
        h = (h ^ tail) * k2;
        h ^= h >> 32;
    }
    // The loop alone leaves the low bits, which choose a slot, deaf to the last word's high ones.
    h = (h ^ (h >> 32)) * k1;
    h = (h ^ (h >> 29)) * k2;
    return h ^ (h >> 32);
}

typedef struct Sip {
    uint64_t v0, v1, v2, v3;
} Sip;

static inline void sip_round(Sip *s) {
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

// SipHash (Aumasson, Bernstein) with one round per word and three at the end.
uint64_t siphash13(const void *data, size_t bytes, const uint8_t key[16]) {
    uint64_t k0 = load_u64(key), k1 = load_u64(key + 8);
    Sip s = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
             k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    const uint8_t *p = data;
    uint64_t last = (uint64_t)bytes << 56;
    for (; bytes >= 8; bytes -= 8, p += 8) {
        uint64_t m = load_u64(p);
        s.v3 ^= m;
        sip_round(&s);
        s.v0 ^= m;
    }
    uint64_t tail = 0;
    if (bytes != 0)
        memcpy(&tail, p, bytes);
    last |= tail;
    s.v3 ^= last;
    sip_round(&s);
    s.v0 ^= last;
    s.v2 ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
