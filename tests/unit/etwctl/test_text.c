#include <criterion/criterion.h>

#include "client/etwctl/text.h"

Test(etwctl_text, numbers_have_separators_at_each_thousand) {
    char buf[NUMBER_TEXT];
    cr_assert_str_eq(number_text(0, buf), "0");
    cr_assert_str_eq(number_text(999, buf), "999");
    cr_assert_str_eq(number_text(1000, buf), "1,000");
    cr_assert_str_eq(number_text(1001, buf), "1,001");
    cr_assert_str_eq(number_text(2014233, buf), "2,014,233");
    cr_assert_str_eq(number_text(UINT64_MAX, buf), "18,446,744,073,709,551,615");
}

Test(etwctl_text, percents_do_not_hide_what_is_small) {
    char buf[NUMBER_TEXT];
    cr_assert_str_eq(percent_text(0, buf), "0 %");
    cr_assert_str_eq(percent_text(-1, buf), "0 %");
    cr_assert_str_eq(percent_text(0.00001, buf), "<1 %");
    cr_assert_str_eq(percent_text(0.0051, buf), "1 %");
    cr_assert_str_eq(percent_text(0.714, buf), "71 %");
    cr_assert_str_eq(percent_text(1, buf), "100 %");
}

Test(etwctl_text, sizes_and_times) {
    char buf[NUMBER_TEXT];
    cr_assert_str_eq(bytes_text(1023, buf), "1023 bytes");
    cr_assert_str_eq(bytes_text(1024, buf), "1.0 KB");
    cr_assert_str_eq(bytes_text(64u << 20, buf), "64 MB");
    cr_assert_str_eq(duration_text(999, buf), "999 ms");
    cr_assert_str_eq(duration_text(1000, buf), "1.0 s");
    cr_assert_str_eq(duration_text(4100, buf), "4.1 s");
    cr_assert_str_eq(duration_text(100000, buf), "1:40");
    cr_assert_str_eq(duration_text(3599999, buf), "59:59");
    cr_assert_str_eq(duration_text(3600000, buf), "1:00:00");
    cr_assert_str_eq(duration_text(-5, buf), "0 ms");
    cr_assert_str_eq(uptime_text(59999, buf), "59 s");
    cr_assert_str_eq(uptime_text(60000, buf), "0:01");
    cr_assert_str_eq(uptime_text((3u * 1440 + 4 * 60 + 11) * UINT64_C(60000), buf), "3d 04:11");
}

Test(etwctl_text, whole_numbers) {
    uint64_t v = 7;
    cr_assert(parse_u64("0", &v) && v == 0);
    cr_assert(parse_u64("18446744073709551615", &v) && v == UINT64_MAX);
    cr_assert(!parse_u64("18446744073709551616", &v) && v == UINT64_MAX);
    cr_assert(parse_u64("0xFfFfFfFfFfFfFfFf", &v) && v == UINT64_MAX);
    cr_assert(!parse_u64("0x10000000000000000", &v));
    cr_assert(!parse_u64("", &v) && !parse_u64("0x", &v) && !parse_u64("12a", &v) &&
              !parse_u64("-1", &v) && !parse_u64(" 1", &v));
}

Test(etwctl_text, durations_are_seconds_unless_they_say_otherwise) {
    uint64_t ms = 0;
    cr_assert(parse_duration_ms("30", &ms) && ms == 30000);
    cr_assert(parse_duration_ms("30s", &ms) && ms == 30000);
    cr_assert(parse_duration_ms("5m", &ms) && ms == 300000);
    cr_assert(parse_duration_ms("250ms", &ms) && ms == 250);
    cr_assert(parse_duration_ms("1.5h", &ms) && ms == 5400000);
    cr_assert(parse_duration_ms("0", &ms) && ms == 0);
    cr_assert(!parse_duration_ms("", &ms) && !parse_duration_ms("s", &ms) &&
              !parse_duration_ms("5x", &ms) && !parse_duration_ms("1.2.3", &ms) &&
              !parse_duration_ms("-1", &ms));
}

Test(etwctl_text, sizes_are_bytes_unless_they_say_otherwise) {
    uint64_t bytes = 0;
    cr_assert(parse_bytes("65536", &bytes) && bytes == 65536);
    cr_assert(parse_bytes("8MB", &bytes) && bytes == 8u << 20);
    cr_assert(parse_bytes("8 mb", &bytes) && bytes == 8u << 20);
    cr_assert(parse_bytes("64K", &bytes) && bytes == 64u << 10);
    cr_assert(!parse_bytes("8XB", &bytes) && !parse_bytes("MB", &bytes));
}

static const char *clean(Buf *out, const char *text, size_t most) {
    buf_clear(out);
    text_clean(out, text, strlen(text), most);
    return buf_str(out);
}

Test(etwctl_text, texts_cannot_control_a_terminal) {
    Buf out = BUF_INIT;
    cr_assert_str_eq(clean(&out, "a\x1b[31mb\r\nc\td\x7f", 0), "a?[31mb  c d?");
    // U+009B is a control character of its own, U+202E turns the writing direction.
    cr_assert_str_eq(clean(&out,
                           "a\xc2\x9b"
                           "b\xe2\x80\xae"
                           "c",
                           0),
                     "a?b?c");
    cr_assert_str_eq(clean(&out, "\xff", 0), "\xef\xbf\xbd");
    buf_deinit(&out);
}

Test(etwctl_text, texts_are_cut_at_columns_not_bytes) {
    Buf out = BUF_INIT;
    cr_assert_str_eq(clean(&out, "abcde", 6), "abcde");
    cr_assert_str_eq(clean(&out, "abcdef", 6), "abcdef");
    cr_assert_str_eq(clean(&out, "abcdefg", 6), "abcde\xe2\x80\xa6");
    cr_assert_str_eq(clean(&out, "\xc3\xa4\xc3\xb6\xc3\xbc", 3), "\xc3\xa4\xc3\xb6\xc3\xbc");
    // Wide characters take two columns: one of them and the ellipsis fit into four.
    cr_assert_str_eq(clean(&out, "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2", 4),
                     "\xe6\xbc\xa2\xe2\x80\xa6");
    cr_assert_eq(text_columns("\xe6\xbc\xa2\xe5\xad\x97", 6), 4);
    buf_clear(&out);
    cr_assert_eq(text_clean_tail(&out, "Microsoft-Windows-Kernel-Process", 32, 15), 15);
    cr_assert_str_eq(buf_str(&out), "\xe2\x80\xa6"
                                    "Kernel-Process");
    buf_deinit(&out);
}

Test(etwctl_text, distance_counts_slips) {
    cr_assert_eq(text_distance("watch", "watch"), 0);
    cr_assert_eq(text_distance("Watch", "watch"), 0);
    cr_assert_eq(text_distance("wach", "watch"), 1);
    cr_assert_eq(text_distance("wtach", "watch"), 1);
    cr_assert_eq(text_distance("", "abc"), 3);
    cr_assert_eq(text_distance("kitten", "sitting"), 3);
    char longest[66];
    memset(longest, 'a', 64);
    longest[64] = '\0';
    cr_assert_eq(text_distance(longest, ""), 64);
    cr_assert_eq(text_distance(longest, longest), 0);
    longest[64] = 'a';
    longest[65] = '\0';
    cr_assert_eq(text_distance(longest, longest), 64); // too long to be compared
}
