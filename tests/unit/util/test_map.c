#include "util/map.h"

#include <criterion/criterion.h>

#include "util/err.h"
#include "util/mem.h"

static void *value_of(uintptr_t n) {
    return (void *)n;
}

static int set_u32(Map *map, uint32_t key, uintptr_t value) {
    return map_set(map, &key, sizeof key, value_of(value));
}

static uintptr_t get_u32(const Map *map, uint32_t key) {
    return (uintptr_t)map_get(map, &key, sizeof key);
}

static uintptr_t remove_u32(Map *map, uint32_t key) {
    return (uintptr_t)map_remove(map, &key, sizeof key);
}

Test(map, empty) {
    Map map = MAP_INIT;
    uint32_t i = 0;
    MapEntry *entry;
    cr_assert_null(map_get(&map, "x", 1));
    cr_assert_null(map_remove(&map, "x", 1));
    cr_assert_not(map_next(&map, &i, &entry));
    map_deinit(&map);
}

Test(map, keys_are_bytes_and_copied) {
    Map map = MAP_INIT;
    char key[] = "a\0b";
    cr_assert_eq(map_set(&map, key, 3, value_of(1)), 0);
    cr_assert_eq(map_set(&map, "a", 1, value_of(2)), 0);
    cr_assert_eq(map_set(&map, NULL, 0, value_of(3)), 0);
    key[0] = 'z';
    cr_assert_null(map_get(&map, key, 3));
    cr_assert_eq(map_get(&map, "a\0b", 3), value_of(1));
    cr_assert_null(map_get(&map, "a\0b", 2));
    cr_assert_eq(map_get(&map, "a", 1), value_of(2));
    cr_assert_eq(map_get(&map, "", 0), value_of(3));
    cr_assert_eq(map_set(&map, "a", 1, value_of(4)), 0);
    cr_assert_eq(map_get(&map, "a", 1), value_of(4));
    cr_assert_eq(map.n_live, 3);
    cr_assert_eq(map_remove(&map, "", 0), value_of(3));
    cr_assert_null(map_get(&map, "", 0));
    map_deinit(&map);
    cr_assert_eq(map.n_live, 0);
}

Test(map, iterates_in_order_of_insertion) {
    Map map = MAP_INIT;
    for (uint32_t k = 0; k < 1000; k++)
        cr_assert_eq(set_u32(&map, k * 7919, k + 1), 0);
    for (uint32_t k = 0; k < 1000; k += 3)
        cr_assert_eq(remove_u32(&map, k * 7919), k + 1);
    cr_assert_eq(set_u32(&map, 0, 5000), 0); // removed and set again: now the last
    uint32_t i = 0, n = 0;
    uintptr_t before = 0;
    for (MapEntry *entry; map_next(&map, &i, &entry); n++) {
        uintptr_t value = (uintptr_t)entry->value;
        cr_assert_gt(value, before);
        cr_assert(value == 5000 || (value - 1) % 3 != 0);
        cr_assert_eq(entry->key_bytes, 4);
        cr_assert_eq(load_u32(entry->key), value == 5000 ? 0 : (value - 1) * 7919);
        before = value;
    }
    cr_assert_eq(n, map.n_live);
    map_deinit(&map);
}

Test(map, removing_while_iterating) {
    for (uint32_t n_keys = 0; n_keys < 40; n_keys++) {
        Map map = MAP_INIT;
        for (uint32_t k = 0; k < n_keys; k++)
            set_u32(&map, k, k + 1);
        uint32_t i = 0, seen = 0;
        for (MapEntry *entry; map_next(&map, &i, &entry); seen++) {
            cr_assert_eq((uintptr_t)entry->value, seen + 1);
            // The key given is the entry's own copy, which goes with it.
            cr_assert_eq(map_remove(&map, entry->key, entry->key_bytes), value_of(seen + 1));
        }
        cr_assert_eq(seen, n_keys);
        cr_assert_eq(map.n_live, 0);
        map_deinit(&map);
    }
}

// Against a plain array, with sizes that pass each growth and much removal.
Test(map, behaves_like_a_plain_array, .timeout = 60) {
    enum { KEYS = 3000 };
    static uintptr_t model[KEYS];
    size_t base = mem_in_use();
    Map map = MAP_INIT;
    uint64_t random = 1;
    uint32_t live = 0;
    for (uint32_t step = 0; step < 200000; step++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t key = (uint32_t)(random >> 33) % KEYS;
        // Phases that mostly fill and phases that mostly empty.
        bool fill = (random >> 20) % 100 < (step / 10000 % 2 == 0 ? 80u : 20u);
        if (fill) {
            live += model[key] == 0;
            model[key] = step + 1;
            cr_assert_eq(set_u32(&map, key, step + 1), 0);
        } else {
            cr_assert_eq(remove_u32(&map, key), model[key]);
            live -= model[key] != 0;
            model[key] = 0;
        }
        cr_assert_eq(map.n_live, live);
        if (step % 5000 == 0)
            for (uint32_t k = 0; k < KEYS; k++)
                cr_assert_eq(get_u32(&map, k), model[k]);
    }
    map_deinit(&map);
    cr_assert_eq(mem_in_use(), base);
}

Test(map, shrinks_and_does_not_grow_by_churn) {
    Map map = MAP_INIT;
    for (uint32_t k = 0; k < 10000; k++)
        set_u32(&map, k, 1);
    for (uint32_t k = 0; k < 10000; k++)
        remove_u32(&map, k);
    cr_assert_eq(map.n_entries, 0);
    for (uint32_t k = 0; k < 100000; k++) { // a queue of ten
        set_u32(&map, k, 1);
        if (k >= 10)
            cr_assert_eq(remove_u32(&map, k - 10), 1);
    }
    cr_assert_eq(map.n_live, 10);
    cr_assert_leq(map.n_slots, 32);
    map_deinit(&map);
}

Test(map, out_of_memory_changes_nothing) {
    size_t base = mem_in_use();
    Map map = MAP_INIT;
    for (uint32_t k = 0; k < 200; k++) {
        for (size_t nth = 1;; nth++) {
            uint32_t live = map.n_live;
            mem_fail_at(nth);
            int r = set_u32(&map, k, k + 1);
            mem_fail_at(0);
            if (r == 0)
                break;
            cr_assert_eq(r, -STATUS_NO_MEMORY);
            cr_assert_leq(nth, 3);
            cr_assert_eq(map.n_live, live);
            cr_assert_eq(get_u32(&map, k), 0);
            for (uint32_t before = 0; before < k; before++)
                cr_assert_eq(get_u32(&map, before), before + 1);
        }
    }
    mem_fail_at(1); // a replacement takes no memory
    cr_assert_eq(set_u32(&map, 5, 77), 0);
    mem_fail_at(0);
    cr_assert_eq(get_u32(&map, 5), 77);
    map_deinit(&map);
    cr_assert_eq(mem_in_use(), base);
}

Test(map, the_seed_moves_the_keys) {
    static const uint8_t seed[16] = {9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};
    Map a = MAP_INIT, b = MAP_INIT;
    set_u32(&a, 1, 1);
    map_seed(seed);
    set_u32(&b, 1, 1);
    cr_assert_neq(a.entries[0].hash, b.entries[0].hash);
    cr_assert_eq(get_u32(&b, 1), 1);
    map_deinit(&a);
    map_deinit(&b);
}

// Expected values: CPython's siphash13 of bytes(range(n)) with PYTHONHASHSEED=0.
Test(map, siphash13_of_known_inputs) {
    static const struct {
        size_t bytes;
        uint64_t hash;
    } known[] = {
        {1, UINT64_C(0x68a914128e01e473)},  {7, UINT64_C(0x2f098ab0c751325a)},
        {8, UINT64_C(0xead411e67ebe2eea)},  {9, UINT64_C(0x75927f9d95124362)},
        {15, UINT64_C(0xf30eb725bb91c9ea)}, {16, UINT64_C(0x8972188433a5c5b7)},
        {17, UINT64_C(0x4883c49a2c009c1d)}, {63, UINT64_C(0x385d3e39e5f37359)},
    };
    static const uint8_t key[16] = {0};
    uint8_t data[64];
    for (uint8_t i = 0; i < 64; i++)
        data[i] = i;
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        cr_assert_eq(siphash13(data, known[i].bytes, key), known[i].hash);
}

// Every single bit of the input must reach the low bits, which choose the slot.
Test(map, hash_bytes_spreads) {
    uint8_t data[40] = {0};
    for (size_t bytes = 1; bytes <= sizeof data; bytes++) {
        uint64_t zero = hash_bytes(data, bytes, 0);
        cr_assert_neq(zero, hash_bytes(data, bytes, 1));
        cr_assert_neq(zero, hash_bytes(data, bytes - 1, 0));
        uint32_t same_low = 0;
        for (size_t bit = 0; bit < bytes * 8; bit++) {
            data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            uint64_t h = hash_bytes(data, bytes, 0);
            data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            cr_assert_neq(h, zero);
            same_low += (h & 0xff) == (zero & 0xff);
        }
        cr_assert_leq(same_low, 8);
    }
}
