#include "route/literal.h"

#include <criterion/criterion.h>

#include "util/timefmt.h"

static bool number(const char *text, Literal *ret) {
    static Arena arena = ARENA_INIT;
    return literal_number(&arena, text, strlen(text), ret) == 0;
}

Test(literal, numbers) {
    static const struct {
        const char *text;
        bool negative;
        uint64_t magnitude;
    } cases[] = {
        {"0", false, 0},
        {"42", false, 42},
        {"-42", true, 42},
        {"-0", false, 0},
        {"0x1F", false, 31},
        {"0XfF", false, 255},
        {"1KB", false, 1024},
        {"2mb", false, 2097152},
        {"0x10KB", false, 16384},
        {"3GB", false, UINT64_C(3221225472)},
        {"1TB", false, UINT64_C(1) << 40},
        {"1PB", false, UINT64_C(1) << 50},
        {"1.5KB", false, 1536},
        {"18446744073709551615", false, UINT64_MAX},
        {"-9223372036854775808", true, UINT64_C(1) << 63},
        {"0xFFFFFFFFFFFFFFFF", false, UINT64_MAX},
        {"1e3", false, 1000},
    };
    Literal l;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_assert(number(cases[i].text, &l), "%s", cases[i].text);
        cr_assert(l.has_int, "%s", cases[i].text);
        cr_assert_eq(l.negative, cases[i].negative, "%s", cases[i].text);
        cr_assert_eq(l.magnitude, cases[i].magnitude, "%s", cases[i].text);
    }
    cr_assert(number("1.25", &l) && !l.has_int && l.has_float && l.number == 1.25);
    cr_assert(number("-.5", &l) && l.number == -0.5);
    cr_assert(number("18446744073709551616", &l) && !l.has_int && l.number > 1.8e19);
    static const char *const none[] = {"",      "-",   "x",   "0x", "1x",  "KB", "0xg",
                                       "1.2.3", "inf", "nan", "1e", "--1", "e5", "1KBB"};
    for (size_t i = 0; i < ARRAY_COUNT(none); i++)
        cr_assert_not(number(none[i], &l), "%s", none[i]);
}

Test(literal, addresses) {
    uint8_t a[16];
    static const uint8_t v4[] = {192, 168, 1, 255};
    cr_assert(literal_parse_ip4("192.168.1.255", 13, a));
    cr_assert_arr_eq(a, v4, 4);
    static const char *const bad4[] = {"1.2.3",  "1.2.3.4.5", "256.1.1.1", "1..2.3",
                                       "1.2.3.", "a.b.c.d",   "1.2.3.0004"};
    for (size_t i = 0; i < ARRAY_COUNT(bad4); i++)
        cr_assert_not(literal_parse_ip4(bad4[i], strlen(bad4[i]), a), "%s", bad4[i]);
    static const struct {
        const char *text;
        uint8_t bytes[16];
    } good6[] = {
        {"::", {0}},
        {"::1", {[15] = 1}},
        {"1::", {[1] = 1}},
        {"fe80::1%12", {0xfe, 0x80, [15] = 1}},
        {"[fe80::1]", {0xfe, 0x80, [15] = 1}},
        {"1:2:3:4:5:6:7:8", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
        {"2001:DB8::ff:0:1", {0x20, 1, 0x0d, 0xb8, [11] = 0xff, [15] = 1}},
        {"::ffff:10.1.2.3", {[10] = 0xff, [11] = 0xff, 10, 1, 2, 3}},
        {"1:2:3:4:5:6:7::", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0}},
    };
    for (size_t i = 0; i < ARRAY_COUNT(good6); i++) {
        cr_assert(literal_parse_ip6(good6[i].text, strlen(good6[i].text), a), "%s", good6[i].text);
        cr_assert_arr_eq(a, good6[i].bytes, 16, "%s", good6[i].text);
    }
    static const char *const bad6[] = {"",
                                       ":",
                                       ":::",
                                       "1",
                                       "1:2",
                                       "1::2::3",
                                       "12345::",
                                       "1:2:3:4:5:6:7:8:9",
                                       "1:2:3:4:5:6:7",
                                       "g::",
                                       "1.2.3.4",
                                       "1:2:3:4:5:6:7:8::",
                                       ":1::"};
    for (size_t i = 0; i < ARRAY_COUNT(bad6); i++)
        cr_assert_not(literal_parse_ip6(bad6[i], strlen(bad6[i]), a), "%s", bad6[i]);
}

Test(literal, sids) {
    uint8_t sid[LITERAL_MAX_SID];
    static const uint8_t system[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
    cr_assert_eq(literal_parse_sid("S-1-5-18", 8, sid), 12);
    cr_assert_arr_eq(sid, system, 12);
    const char *fifteen = "s-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15";
    cr_assert_eq(literal_parse_sid(fifteen, strlen(fifteen), sid), 68);
    static const char *const bad[] = {"S-1-5",
                                      "S-1-",
                                      "S-2-5-18",
                                      "S-1-5-",
                                      "S-1-5-4294967296",
                                      "S-1-5-x",
                                      "S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        cr_assert_eq(literal_parse_sid(bad[i], strlen(bad[i]), sid), 0, "%s", bad[i]);
}

Test(literal, times) {
    static const struct {
        const char *text, *same_as;
    } cases[] = {
        {"2020-07-29T10:07:00.6236167Z", "2020-07-29T10:07:00.6236167Z"},
        {"2020-07-29 10:07:00.6236167", "2020-07-29T10:07:00.6236167Z"},
        {"2020-07-29T12:07:00.6236167+02:00", "2020-07-29T10:07:00.6236167Z"},
        {"2020-07-29T05:37:00.6236167-0430", "2020-07-29T10:07:00.6236167Z"},
        {"2020-07-29", "2020-07-29T00:00:00.0000000Z"},
        {"2020-07-29T10:07", "2020-07-29T10:07:00.0000000Z"},
        {"2020-07-29T10:07:05.5", "2020-07-29T10:07:05.5000000Z"},
        {"2020-07-29T10:07:05.123456789Z", "2020-07-29T10:07:05.1234567Z"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        int64_t t;
        char text[FILETIME_TEXT];
        cr_assert(literal_parse_time(cases[i].text, strlen(cases[i].text), &t), "%s",
                  cases[i].text);
        cr_assert_str_eq(filetime_format(t, text), cases[i].same_as);
    }
    static const char *const bad[] = {"2020",
                                      "2020-13-01",
                                      "2020-02-30",
                                      "2020-07-29T",
                                      "2020-07-29T25:00",
                                      "2020-07-29T10:60",
                                      "2020-07-29T10:07:00.",
                                      "2020-07-29x",
                                      "20200729",
                                      "2020-07-29T10:07:00+15:00"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        int64_t t;
        cr_assert_not(literal_parse_time(bad[i], strlen(bad[i]), &t), "%s", bad[i]);
    }
}
