#include "util/arena.h"

#include <criterion/criterion.h>

#include "util/mem.h"

Test(arena, blocks_are_zeroed_aligned_and_apart) {
    size_t base = mem_in_use();
    Arena arena = ARENA_INIT;
    uint8_t *blocks[2000];
    for (size_t i = 0; i < ARRAY_COUNT(blocks); i++) {
        size_t bytes = i % 97;
        blocks[i] = arena_alloc(&arena, bytes);
        cr_assert_not_null(blocks[i]);
        cr_assert_eq((uintptr_t)blocks[i] % 8, 0);
        for (size_t k = 0; k < bytes; k++)
            cr_assert_eq(blocks[i][k], 0);
        memset(blocks[i], (int)(i & 0xff), bytes);
    }
    for (size_t i = 0; i < ARRAY_COUNT(blocks); i++)
        for (size_t k = 0; k < i % 97; k++)
            cr_assert_eq(blocks[i][k], i & 0xff);
    cr_assert_eq(mem_in_use() - base, arena.bytes, "the charge is what the heap counts");
    arena_deinit(&arena);
    cr_assert_eq(mem_in_use(), base);
    cr_assert_eq(arena.bytes, 0);
    arena_deinit(&arena);
}

Test(arena, limit_is_exact) {
    Arena probe = ARENA_INIT;
    cr_assert_not_null(arena_alloc(&probe, 100000));
    size_t needed = probe.bytes;
    arena_deinit(&probe);
    for (size_t limit = needed - 1; limit <= needed + 1; limit++) {
        Arena arena = {.limit = limit};
        void *block = arena_alloc(&arena, 100000);
        cr_assert_eq(block != NULL, limit >= needed);
        cr_assert_eq(arena.bytes, limit >= needed ? needed : 0);
        if (block != NULL)
            cr_assert_null(arena_alloc(&arena, 1));
        arena_deinit(&arena);
    }
}

Test(arena, small_blocks_use_the_whole_limit) {
    for (size_t limit = 1; limit < 5000; limit += 7) {
        Arena arena = {.limit = limit};
        size_t got = 0;
        while (arena_alloc(&arena, 8) != NULL)
            got += 8;
        cr_assert_leq(arena.bytes, limit);
        if (limit >= 1024)
            cr_assert_geq(got, limit * 3 / 4, "limit %d, got %d", (int)limit, (int)got);
        arena_deinit(&arena);
    }
}

Test(arena, a_large_block_leaves_the_open_chunk_in_use) {
    Arena arena = ARENA_INIT;
    cr_assert_not_null(arena_alloc(&arena, 8));
    cr_assert_not_null(arena_alloc(&arena, 200000));
    size_t bytes = arena.bytes;
    cr_assert_not_null(arena_alloc(&arena, 64));
    cr_assert_eq(arena.bytes, bytes);
    arena_deinit(&arena);
}

Test(arena, sizes_that_do_not_fit_fail) {
    Arena arena = ARENA_INIT;
    cr_assert_null(arena_alloc(&arena, SIZE_MAX));
    cr_assert_null(arena_alloc(&arena, SIZE_MAX - 7));
    cr_assert_null(arena_array(&arena, SIZE_MAX / 2 + 1, 2));
    cr_assert_null(arena_array(&arena, 2, SIZE_MAX / 2 + 1));
    cr_assert_eq(arena.bytes, 0);
    arena_deinit(&arena);
}

Test(arena, copies) {
    Arena arena = ARENA_INIT;
    cr_assert_arr_eq(arena_dup(&arena, "a\0b", 3), "a\0b", 3);
    cr_assert_not_null(arena_dup(&arena, NULL, 0));
    cr_assert_str_eq(arena_strdup(&arena, "hello"), "hello");
    cr_assert_str_eq(arena_strndup(&arena, "hello", 4), "hell");
    cr_assert_str_eq(arena_strndup(&arena, "hello", 5), "hello");
    cr_assert_str_eq(arena_strndup(&arena, "hello", 6), "hello");
    cr_assert_str_eq(arena_strndup(&arena, NULL, 0), "");
    cr_assert_not_null(arena_array(&arena, 0, 8));
    arena_deinit(&arena);
}

Test(arena, out_of_memory_changes_nothing) {
    Arena arena = ARENA_INIT;
    mem_fail_at(1);
    cr_assert_null(arena_alloc(&arena, 8));
    cr_assert_eq(arena.bytes, 0);
    char *kept = arena_strdup(&arena, "kept");
    size_t bytes = arena.bytes;
    mem_fail_at(1);
    cr_assert_null(arena_alloc(&arena, 100000));
    cr_assert_eq(arena.bytes, bytes);
    cr_assert_str_eq(kept, "kept");
    cr_assert_not_null(arena_alloc(&arena, 100000));
    arena_deinit(&arena);
}
