// A hash map from one number to another, for the indexes of the caches. Open addressing, no
// tombstones. One owner; not thread-safe.
#pragma once

#include "util/base.h"

#define NUMBER_NONE UINT64_MAX // no value may be this

typedef struct NumberSlot {
    uint64_t key, value;
} NumberSlot;

typedef struct NumberMap {
    NumberSlot *slots;
    uint32_t n_slots, n;
} NumberMap;

#define NUMBER_MAP_INIT                                                                            \
    { NULL, 0, 0 }

void number_map_deinit(NumberMap *map);
uint64_t number_map_get(const NumberMap *map, uint64_t key); // NUMBER_NONE: not there
// 0, or -STATUS_NO_MEMORY with the map unchanged. Replacing a value that is there never fails.
int number_map_put(NumberMap *map, uint64_t key, uint64_t value);
uint64_t number_map_remove(NumberMap *map, uint64_t key); // the old value
size_t number_map_bytes(const NumberMap *map);
