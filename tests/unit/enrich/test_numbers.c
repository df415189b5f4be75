// The map from numbers to numbers, against a plain array.
#include "enrich/numbers.h"

#include <criterion/criterion.h>

#include "util/mem.h"

Test(numbers, agrees_with_an_array) {
    enum { KEYS = 500 };
    static uint64_t plain[KEYS];
    NumberMap map = NUMBER_MAP_INIT;
    size_t before = mem_in_use();
    uint32_t seed = 1, n = 0;
    cr_assert(number_map_get(&map, 0) == NUMBER_NONE && number_map_remove(&map, 0) == NUMBER_NONE);
    for (uint32_t i = 0; i < KEYS; i++)
        plain[i] = NUMBER_NONE;
    for (uint32_t step = 0; step < 100000; step++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t i = (seed >> 8) % KEYS;
        uint64_t key = i == 0 ? NUMBER_NONE : (uint64_t)i << 33; // any key will do
        if (seed & 0x80000000u) {
            n += plain[i] == NUMBER_NONE;
            plain[i] = seed;
            cr_assert(number_map_put(&map, key, seed) == 0);
        } else {
            n -= plain[i] != NUMBER_NONE;
            cr_assert(number_map_remove(&map, key) == plain[i]);
            plain[i] = NUMBER_NONE;
        }
        cr_assert(map.n == n);
        i = (seed >> 4) % KEYS;
        cr_assert(number_map_get(&map, i == 0 ? NUMBER_NONE : (uint64_t)i << 33) == plain[i]);
    }
    cr_assert(mem_in_use() - before == number_map_bytes(&map));
    number_map_deinit(&map);
    cr_assert(mem_in_use() == before);
}

Test(numbers, without_memory_nothing_changes) {
    NumberMap map = NUMBER_MAP_INIT;
    for (uint64_t i = 0; i < 40; i++)
        cr_assert(number_map_put(&map, i, i) == 0);
    mem_fail_at(1);
    cr_assert(number_map_put(&map, 40, 40) < 0); // it has to grow
    mem_fail_at(1);
    cr_assert(number_map_put(&map, 39, 7) == 0); // replacing has not
    mem_fail_at(0);
    cr_assert(map.n == 40 && number_map_get(&map, 40) == NUMBER_NONE);
    cr_assert(number_map_get(&map, 39) == 7 && number_map_get(&map, 0) == 0);
    number_map_deinit(&map);
}
