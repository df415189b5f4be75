// A hash map from byte keys to pointers (open addressing, keys copied, order of insertion kept for
// iteration). Keys come from the outside, so the hash is keyed with a secret of the process.
// One owner; not thread-safe.
#pragma once

#include "util/base.h"

typedef struct MapEntry {
    uint64_t hash;
    void *key; // NULL: removed
    uint32_t key_bytes;
    void *value;
} MapEntry;

typedef struct Map {
    MapEntry *entries; // in order of insertion
    uint32_t *slots;   // index + 1 into entries; 0 = free
    uint32_t n_entries, n_live, n_slots;
} Map;

#define MAP_INIT                                                                                   \
    { NULL, NULL, 0, 0, 0 }

void map_deinit(Map *map); // does not free the values
void *map_get(const Map *map, const void *key, size_t key_bytes);
// Sets or replaces; returns 0, or -STATUS_NO_MEMORY with the map unchanged.
int map_set(Map *map, const void *key, size_t key_bytes, void *value);
void *map_remove(Map *map, const void *key, size_t key_bytes); // the old value or NULL
// Iteration: for (uint32_t i = 0; map_next(map, &i, &entry);) … ; removing during it is allowed.
bool map_next(const Map *map, uint32_t *i, MapEntry **ret_entry);

// Sets the secret; once, by main, before any map exists. Without it the hash has a fixed default,
// so that tests are the same on each run.
void map_seed(const uint8_t key[16]);

// Of two numbers, keyed with the same secret: for tables of their own kind (addresses, ids).
uint64_t map_hash_pair(uint64_t a, uint64_t b);
// Of bytes, keyed with it as well: two texts that an outsider chose do not collide.
uint64_t map_hash_bytes(const void *data, size_t bytes);

uint64_t hash_bytes(const void *data, size_t bytes, uint64_t seed); // fast, not keyed
uint64_t siphash13(const void *data, size_t bytes, const uint8_t key[16]);
