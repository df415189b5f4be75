#include "enrich/numbers.h"

#include "util/err.h"
#include "util/map.h"
#include "util/mem.h"

void number_map_deinit(NumberMap *map) {
    mem_free(map->slots);
    *map = (NumberMap)NUMBER_MAP_INIT;
}

static uint32_t home_of(const NumberMap *map, uint64_t key) {
    return (uint32_t)map_hash_pair(key, 0) & (map->n_slots - 1);
}

// Where the key stands, or the free slot where it would.
static uint32_t slot_of(const NumberMap *map, uint64_t key) {
    uint32_t at = home_of(map, key);
    while (map->slots[at].value != NUMBER_NONE && map->slots[at].key != key)
        at = (at + 1) & (map->n_slots - 1);
    return at;
}

uint64_t number_map_get(const NumberMap *map, uint64_t key) {
    return map->n == 0 ? NUMBER_NONE : map->slots[slot_of(map, key)].value;
}

static int grow(NumberMap *map) {
    if (map->n_slots > UINT32_MAX / 4)
        return -STATUS_NO_MEMORY;
    NumberMap larger = {NULL, map->n_slots ? map->n_slots * 2 : 64, map->n};
    larger.slots = mem_alloc(larger.n_slots * sizeof *larger.slots);
    if (!larger.slots)
        return -STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < larger.n_slots; i++)
        larger.slots[i] = (NumberSlot){0, NUMBER_NONE};
    for (uint32_t i = 0; i < map->n_slots; i++)
        if (map->slots[i].value != NUMBER_NONE)
            larger.slots[slot_of(&larger, map->slots[i].key)] = map->slots[i];
    mem_free(map->slots);
    *map = larger;
    return 0;
}

int number_map_put(NumberMap *map, uint64_t key, uint64_t value) {
    uint32_t at = 0;
    bool there = false;
    if (map->n_slots > 0) {
        at = slot_of(map, key);
        there = map->slots[at].value != NUMBER_NONE;
    }
    if (!there) {
        if (map->n_slots == 0 || map->n + 1 > map->n_slots / 8 * 5) {
            int r = grow(map);
            if (r < 0)
                return r;
            at = slot_of(map, key);
        }
        map->n++;
    }
    map->slots[at] = (NumberSlot){key, value};
    return 0;
}

uint64_t number_map_remove(NumberMap *map, uint64_t key) {
    if (map->n == 0)
        return NUMBER_NONE;
    uint32_t mask = map->n_slots - 1;
    uint32_t hole = slot_of(map, key);
    uint64_t old = map->slots[hole].value;
    if (old == NUMBER_NONE)
        return old;
    // Those behind move up, unless they would then stand in front of where they are looked for.
    for (uint32_t at = (hole + 1) & mask; map->slots[at].value != NUMBER_NONE;
         at = (at + 1) & mask) {
        uint32_t home = home_of(map, map->slots[at].key);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole] = (NumberSlot){0, NUMBER_NONE};
    map->n--;
    return old;
}

size_t number_map_bytes(const NumberMap *map) {
    return map->n_slots * sizeof *map->slots;
}
