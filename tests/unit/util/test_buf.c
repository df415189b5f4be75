#include "util/buf.h"

#include <criterion/criterion.h>

#include "util/mem.h"

Test(buf, appends_everything_little_endian) {
    Buf buf = BUF_INIT;
    cr_assert_str_eq(buf_str(&buf), "");
    buf_text(&buf, "");
    buf_append(&buf, NULL, 0);
    buf_zero(&buf, 0);
    cr_assert_eq(buf.bytes, 0);
    buf_u16(&buf, 0x0102);
    buf_u32(&buf, 0x03040506);
    buf_u64(&buf, UINT64_C(0x0708090a0b0c0d0e));
    buf_char(&buf, 'x');
    buf_zero(&buf, 3);
    buf_text(&buf, "yz");
    static const uint8_t expected[] = {2, 1, 6, 5,   4, 3, 14, 13,  12,  11, 10,
                                       9, 8, 7, 'x', 0, 0, 0,  'y', 'z', 0};
    cr_assert_not(buf.failed);
    cr_assert_eq(buf.bytes, sizeof expected - 1);
    cr_assert_arr_eq(buf.data, expected, sizeof expected);
    buf_deinit(&buf);
    cr_assert(buf.data == NULL && buf.bytes == 0 && buf.capacity == 0);
}

Test(buf, is_terminated_behind_each_append) {
    Buf buf = BUF_INIT;
    for (size_t i = 1; i <= 5000; i++) {
        buf_char(&buf, 'a');
        cr_assert_eq(buf.bytes, i);
        cr_assert_gt(buf.capacity, buf.bytes);
        cr_assert_eq(buf.data[i], 0);
    }
    buf_clear(&buf);
    cr_assert_str_eq(buf_str(&buf), "");
    buf_deinit(&buf);
}

Test(buf, limit_is_exact_and_failure_sticks) {
    for (size_t limit = 1; limit <= 300; limit++) {
        Buf buf = {.limit = limit};
        for (size_t i = 0; i < limit; i++)
            buf_char(&buf, 'x');
        cr_assert(!buf.failed && buf.bytes == limit);
        cr_assert_leq(buf.capacity, limit + 1);
        buf_append(&buf, "", 0);
        cr_assert_not(buf.failed);
        buf_char(&buf, 'y');
        cr_assert(buf.failed && buf.bytes == limit);
        cr_assert_eq(strlen(buf_str(&buf)), limit);
        buf_clear(&buf);
        cr_assert_not(buf.failed);
        buf_zero(&buf, limit + 1);
        cr_assert(buf.failed && buf.bytes == 0);
        buf_char(&buf, 'z'); // would fit, but would leave a hole
        buf_printf(&buf, "%d", 1);
        cr_assert_eq(buf.bytes, 0);
        cr_assert_not(buf_reserve(&buf, 1));
        buf_deinit(&buf);
    }
}

Test(buf, reserve_at_the_limit) {
    Buf buf = {.limit = 100};
    cr_assert(buf_reserve(&buf, 99));
    cr_assert(buf_reserve(&buf, 100));
    cr_assert_not(buf_reserve(&buf, 101));
    cr_assert(buf.failed);
    buf_clear(&buf);
    cr_assert(buf_reserve(&buf, 0));
    cr_assert_not(buf_reserve(&buf, SIZE_MAX));
    buf_deinit(&buf);
    Buf free_buf = BUF_INIT;
    buf_char(&free_buf, 'x');
    cr_assert_not(buf_reserve(&free_buf, SIZE_MAX));
    cr_assert_str_eq(buf_str(&free_buf), "x");
    buf_deinit(&free_buf);
}

Test(buf, bytes_written_by_the_caller) {
    Buf buf = BUF_INIT;
    cr_assert(buf_reserve(&buf, 4));
    memcpy(buf.data, "abcd", 4);
    buf.bytes = 4;
    cr_assert_str_eq(buf_str(&buf), "abcd");
    buf_deinit(&buf);
}

Test(buf, printf_of_every_length) {
    char text[600];
    memset(text, 'p', sizeof text);
    for (size_t n = 0; n < sizeof text; n++) { // its local buffer ends at 255
        Buf buf = BUF_INIT;
        buf_char(&buf, '<');
        buf_printf(&buf, "%.*s%d", (int)n, text, 7);
        cr_assert_not(buf.failed);
        cr_assert_eq(buf.bytes, n + 2);
        cr_assert_eq(strlen(buf_str(&buf)), n + 2);
        cr_assert_eq(buf.data[n + 1], '7');
        buf_deinit(&buf);
    }
}

Test(buf, printf_at_the_limit) {
    for (size_t n = 250; n < 260; n++) {
        for (size_t limit = n - 1; limit <= n + 1; limit++) {
            Buf buf = {.limit = limit};
            buf_printf(&buf, "%*d", (int)n, 5);
            cr_assert_eq(buf.failed, limit < n);
            cr_assert_eq(buf.bytes, limit < n ? 0 : n);
            buf_deinit(&buf);
        }
    }
}

Test(buf, out_of_memory_keeps_the_contents) {
    Buf buf = BUF_INIT;
    mem_fail_at(1);
    buf_char(&buf, 'a');
    cr_assert(buf.failed);
    cr_assert_str_eq(buf_str(&buf), "");
    buf_clear(&buf);
    buf_text(&buf, "kept");
    char large[300] = {0};
    mem_fail_at(1);
    buf_append(&buf, large, sizeof large);
    cr_assert(buf.failed);
    cr_assert_str_eq(buf_str(&buf), "kept");
    buf_clear(&buf);
    mem_fail_at(1);
    buf_printf(&buf, "%400d", 1);
    cr_assert(buf.failed);
    buf_deinit(&buf);
}
