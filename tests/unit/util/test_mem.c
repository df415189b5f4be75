#include "util/mem.h"

#include <criterion/criterion.h>

Test(mem, counts_bytes_as_asked_and_aligns) {
    size_t base = mem_in_use();
    static const size_t sizes[] = {0, 1, 7, 8, 15, 16, 17, 4095, 4096, 4097};
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        uint8_t *block = mem_alloc(sizes[i]);
        cr_assert_not_null(block);
        cr_assert_eq((uintptr_t)block % 16, 0);
        memset(block, 0xa5, sizes[i]);
        cr_assert_eq(mem_in_use(), base + sizes[i]);
        mem_free(block);
        cr_assert_eq(mem_in_use(), base);
    }
    mem_free(NULL);
    cr_assert_eq(mem_in_use(), base);
}

Test(mem, peak_is_the_highest_since_reset) {
    void *kept = mem_alloc(100);
    mem_reset_peak();
    size_t base = mem_in_use();
    cr_assert_eq(mem_peak(), base);
    void *block = mem_alloc(1000);
    mem_free(block);
    block = mem_alloc(10);
    cr_assert_eq(mem_peak(), base + 1000);
    block = mem_resize(block, 2000);
    cr_assert_eq(mem_peak(), base + 2000);
    mem_free(block);
    mem_reset_peak();
    cr_assert_eq(mem_peak(), base);
    mem_free(kept);
}

Test(mem, zeroed_blocks) {
    // Memory that was used before, so that zeros are not there by chance.
    void *dirty = mem_alloc(512);
    memset(dirty, 0xff, 512);
    mem_free(dirty);
    uint8_t *block = mem_zalloc(512);
    uint8_t *array = mem_array(64, 8);
    for (size_t i = 0; i < 512; i++)
        cr_assert(block[i] == 0 && array[i] == 0);
    mem_free(block);
    mem_free(array);
}

Test(mem, sizes_that_do_not_fit_fail) {
    size_t base = mem_in_use();
    volatile size_t most = SIZE_MAX; // volatile: the compiler warns of a constant that large
    cr_assert_null(mem_alloc(most));
    cr_assert_null(mem_alloc(most - 15));
    cr_assert_null(mem_zalloc(most));
    cr_assert_null(mem_array(most / 2 + 1, 2));
    cr_assert_null(mem_array(2, most / 2 + 1));
    cr_assert_null(mem_array(most, most));
    void *none = mem_array(0, most);
    cr_assert_not_null(none);
    mem_free(none);
    char *block = mem_strdup("abc");
    cr_assert_null(mem_resize(block, most));
    cr_assert_str_eq(block, "abc");
    mem_free(block);
    cr_assert_eq(mem_in_use(), base);
}

Test(mem, resize_keeps_contents_and_counts) {
    size_t base = mem_in_use();
    uint8_t *block = mem_resize(NULL, 10);
    cr_assert_not_null(block);
    for (uint8_t i = 0; i < 10; i++)
        block[i] = i;
    block = mem_resize(block, 100000);
    cr_assert_eq(mem_in_use(), base + 100000);
    cr_assert_eq((uintptr_t)block % 16, 0);
    for (uint8_t i = 0; i < 10; i++)
        cr_assert_eq(block[i], i);
    block = mem_resize(block, 3);
    cr_assert_eq(mem_in_use(), base + 3);
    cr_assert_eq(block[2], 2);
    block = mem_resize(block, 0);
    cr_assert_not_null(block);
    cr_assert_eq(mem_in_use(), base);
    mem_free(block);
}

Test(mem, copies) {
    char *a = mem_dup("ab\0cd", 5);
    char *b = mem_strdup("hello");
    char *c = mem_strndup("hello", 3);
    char *d = mem_strndup("hello", 5);
    char *e = mem_strndup("hello", 6); // one beyond the NUL: stops at it
    char *f = mem_strndup(NULL, 0);
    char *g = mem_dup(NULL, 0);
    cr_assert_arr_eq(a, "ab\0cd", 5);
    cr_assert_str_eq(b, "hello");
    cr_assert_str_eq(c, "hel");
    cr_assert_str_eq(d, "hello");
    cr_assert_str_eq(e, "hello");
    cr_assert_str_eq(f, "");
    cr_assert_not_null(g);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(d);
    mem_free(e);
    mem_free(f);
    mem_free(g);
}

Test(mem, fails_the_nth_call_only) {
    size_t base = mem_in_use();
    for (size_t nth = 1; nth <= 4; nth++) {
        mem_fail_at(nth);
        for (size_t call = 1; call <= 5; call++) {
            void *block = mem_alloc(1);
            cr_assert_eq(block == NULL, call == nth);
            mem_free(block);
        }
    }
    mem_fail_at(1);
    mem_fail_at(0);
    void *block = mem_alloc(1);
    cr_assert_not_null(block);

    mem_fail_at(1);
    cr_assert_null(mem_resize(block, 10));
    mem_fail_at(1);
    cr_assert_null(mem_zalloc(10));
    mem_fail_at(1);
    cr_assert_null(mem_array(2, 10));
    mem_fail_at(1);
    cr_assert_null(mem_dup("x", 1));
    mem_fail_at(1);
    cr_assert_null(mem_strdup("x"));
    mem_fail_at(1);
    cr_assert_null(mem_strndup("x", 1));
    mem_free(block);
    cr_assert_eq(mem_in_use(), base);
}

Test(mem, each_attempt_is_a_call) {
    size_t base = mem_calls();
    void *block = mem_alloc(1);
    block = mem_resize(block, 2);
    mem_free(block);
    mem_fail_at(1);
    cr_assert_null(mem_zalloc(1));
    cr_assert_eq(mem_calls(), base + 3);
}
