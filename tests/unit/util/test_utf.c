#include "util/utf.h"

#include <time.h>

#include <criterion/criterion.h>

#include "util/mem.h"

static const char *utf8_of(Buf *buf, const uint16_t *units, size_t n) {
    buf_clear(buf);
    utf16_to_utf8(buf, units, n);
    return buf_str(buf);
}

Test(utf, every_character_there_and_back) {
    Buf utf8 = BUF_INIT, utf16 = BUF_INIT;
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        char text[4];
        uint32_t back = UINT32_MAX;
        size_t n = utf8_put(text, cp);
        cr_assert_eq(n, cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4);
        cr_assert_eq(utf8_next(text, text + n, &back), n);
        cr_assert_eq(back, cp);
        cr_assert_eq(utf8_valid(text, n), cp < 0xd800 || cp > 0xdfff);
        buf_clear(&utf16);
        utf8_to_utf16(&utf16, text, n);
        cr_assert_eq(utf16.bytes, cp < 0x10000 ? 2 : 4);
        buf_clear(&utf8);
        utf16_to_utf8(&utf8, utf16.data, utf16.bytes / 2);
        cr_assert_eq(utf8.bytes, n);
        cr_assert_arr_eq(utf8.data, text, n);
        for (size_t cut = 1; cut < n; cut++) { // every broken-off head is one invalid byte
            cr_assert_eq(utf8_next(text, text + cut, &back), 1);
            cr_assert_eq(back, 0xfffd);
            cr_assert_not(utf8_valid(text, cut));
        }
    }
    char text[4];
    cr_assert_eq(utf8_put(text, 0x110000), 3);
    cr_assert_arr_eq(text, "\xef\xbf\xbd", 3);
    cr_assert_eq(utf8_put(text, UINT32_MAX), 3);
    buf_deinit(&utf8);
    buf_deinit(&utf16);
}

// The decoder against the table of well-formed sequences of the Unicode standard (table 3-7), with
// surrogates let through: all first two bytes, and what may follow.
Test(utf, only_well_formed_sequences) {
    static const uint8_t followers[] = {0x00, 0x41, 0x7f, 0x80, 0x9f, 0xbf, 0xc0, 0xff};
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            for (size_t k = 0; k < ARRAY_COUNT(followers) * ARRAY_COUNT(followers); k++) {
                uint8_t c = followers[k / 8], d = followers[k % 8];
                char text[4] = {(char)a, (char)b, (char)c, (char)d};
                bool tail_c = (c & 0xc0) == 0x80, tail_d = (d & 0xc0) == 0x80;
                size_t length = 1;
                bool good = a < 0x80;
                if (a >= 0xc2 && a <= 0xdf) {
                    good = b >= 0x80 && b <= 0xbf;
                    length = 2;
                } else if (a >= 0xe0 && a <= 0xef) {
                    good = b >= (a == 0xe0 ? 0xa0u : 0x80u) && b <= 0xbf && tail_c;
                    length = 3;
                } else if (a >= 0xf0 && a <= 0xf4) {
                    good = b >= (a == 0xf0 ? 0x90u : 0x80u) && b <= (a == 0xf4 ? 0x8fu : 0xbfu) &&
                           tail_c && tail_d;
                    length = 4;
                }
                uint32_t cp;
                size_t n = utf8_next(text, text + 4, &cp);
                if (n != (good ? length : 1) || (cp == 0xfffd && good && a != 0xef))
                    cr_assert_fail("%02x %02x %02x %02x: %d", a, b, c, d, (int)n);
                if (!good)
                    cr_assert_eq(cp, 0xfffd);
            }
        }
    }
}

Test(utf, surrogates) {
    Buf buf = BUF_INIT;
    static const uint16_t pair[] = {0xd83d, 0xde00};
    static const uint16_t reversed[] = {0xde00, 0xd83d};
    static const uint16_t high_high_low[] = {0xd83d, 0xd83d, 0xde00};
    static const uint16_t high_letter[] = {0xdbff, 'a'};
    cr_assert_str_eq(utf8_of(&buf, pair, 2), "\xf0\x9f\x98\x80");
    cr_assert_str_eq(utf8_of(&buf, pair, 1), "\xed\xa0\xbd");
    cr_assert_str_eq(utf8_of(&buf, reversed, 2), "\xed\xb8\x80\xed\xa0\xbd");
    cr_assert_str_eq(utf8_of(&buf, high_high_low, 3), "\xed\xa0\xbd\xf0\x9f\x98\x80");
    cr_assert_str_eq(utf8_of(&buf, high_letter, 2), "\xed\xaf\xbf"
                                                    "a");
    // Halves that were converted apart meet again.
    buf_clear(&buf);
    utf8_to_utf16(&buf, "\xed\xa0\xbd\xed\xb8\x80", 6);
    cr_assert_arr_eq(buf.data, pair, 4);
    buf_deinit(&buf);
}

Test(utf, invalid_bytes_become_replacements) {
    Buf buf = BUF_INIT;
    utf8_to_utf16(&buf, "a\xff\xc3\xe2\x82z\xf0\x9f\x98", 9);
    static const uint16_t expected[] = {'a', 0xfffd, 0xfffd, 0xfffd, 0xfffd,
                                        'z', 0xfffd, 0xfffd, 0xfffd};
    cr_assert_eq(buf.bytes, sizeof expected);
    cr_assert_arr_eq(buf.data, expected, sizeof expected);
    buf_deinit(&buf);
}

// Around the local buffers of both directions, with a pair or a three-byte character at each place.
Test(utf, long_texts) {
    static uint16_t units[1200];
    Buf utf8 = BUF_INIT, utf16 = BUF_INIT;
    for (size_t n = 240; n < 540; n++) {
        for (int kind = 0; kind < 3; kind++) {
            for (size_t i = 0; i < n; i++)
                units[i] = (uint16_t)(kind == 0 ? 'a' + i % 26 : kind == 1 ? 0x20ac : 0xd800);
            units[n] = 0xd83d;
            units[n + 1] = 0xde00;
            units[n + 2] = 'z';
            // Pairs, when all before them are high surrogates, begin at the last of these.
            buf_clear(&utf8);
            buf_clear(&utf16);
            utf16_to_utf8(&utf8, units, n + 3);
            cr_assert_eq(utf8.bytes, (kind == 0 ? n : 3 * n) + 5);
            utf8_to_utf16(&utf16, (const char *)utf8.data, utf8.bytes);
            cr_assert_eq(utf16.bytes, 2 * (n + 3));
            cr_assert_arr_eq(utf16.data, units, 2 * (n + 3));
        }
    }
    buf_deinit(&utf8);
    buf_deinit(&utf16);
}

Test(utf, unaligned_units) {
    uint8_t bytes[7] = {0, 'a', 0, 0xac, 0x20, 0, 0};
    Buf buf = BUF_INIT;
    utf16_to_utf8(&buf, bytes + 1, 2);
    cr_assert_str_eq(buf_str(&buf), "a\xe2\x82\xac");
    cr_assert_eq(utf16_length(bytes + 1, 3), 2);
    cr_assert_eq(utf16_length(bytes + 1, 2), 2);
    cr_assert_eq(utf16_length(bytes + 1, 1), 1);
    cr_assert_eq(utf16_length(bytes + 1, 0), 0);
    cr_assert_eq(utf16_length(bytes + 5, 1), 0);
    buf_deinit(&buf);
}

Test(utf, conversion_beyond_the_limit_appends_nothing) {
    static uint16_t units[1000];
    for (size_t i = 0; i < ARRAY_COUNT(units); i++)
        units[i] = 0x20ac;
    for (size_t limit = 3002; limit <= 3004; limit++) {
        Buf buf = {.limit = limit};
        buf_text(&buf, "abc");
        utf16_to_utf8(&buf, units, 1000);
        cr_assert_eq(buf.failed, limit < 3003);
        cr_assert_eq(buf.bytes, limit < 3003 ? 3 : 3003);
        cr_assert_eq(strlen(buf_str(&buf)), buf.bytes);
        buf_deinit(&buf);
    }
    static char text[1000];
    memset(text, 'x', sizeof text);
    for (size_t limit = 2000; limit <= 2002; limit++) {
        Buf buf = {.limit = limit};
        buf_char(&buf, 'a');
        utf8_to_utf16(&buf, text, 1000);
        cr_assert_eq(buf.failed, limit < 2001);
        cr_assert_eq(buf.bytes, limit < 2001 ? 1 : 2001);
        buf_deinit(&buf);
    }
    Buf buf = BUF_INIT;
    mem_fail_at(1);
    utf16_to_utf8(&buf, units, 1);
    cr_assert(buf.failed && buf.bytes == 0);
    buf_deinit(&buf);
}

Test(utf, fixed_never_cuts_a_character) {
    static const uint16_t units[] = {'a', 0xe4, 0x20ac, 0xd83d, 0xde00, 'b'};
    static const char whole[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"
                                "b";
    static const size_t fits[] = {0, 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11}; // by capacity
    for (size_t cap = 0; cap < ARRAY_COUNT(fits); cap++) {
        char out[16];
        memset(out, '#', sizeof out);
        cr_assert_eq(utf16_to_utf8_fixed(out, cap, units, ARRAY_COUNT(units)), 11);
        if (cap == 0) {
            cr_assert_eq(out[0], '#');
            continue;
        }
        cr_assert_eq(strlen(out), fits[cap]);
        cr_assert_arr_eq(out, whole, fits[cap]);
        cr_assert_eq(out[cap], '#');
    }
    // Nothing that comes behind what did not fit may be taken.
    static const uint16_t large_small[] = {0x20ac, 'a'};
    char out[3];
    cr_assert_eq(utf16_to_utf8_fixed(out, sizeof out, large_small, 2), 4);
    cr_assert_str_eq(out, "");
    cr_assert_eq(utf16_to_utf8_fixed(NULL, 0, NULL, 0), 0);
}

Test(utf, valid_in_words_and_tails) {
    char text[40];
    for (size_t n = 0; n < sizeof text; n++) {
        memset(text, 'a', sizeof text);
        cr_assert(utf8_valid(text, n));
        for (size_t bad = 0; bad < n; bad++) {
            text[bad] = (char)0x80;
            cr_assert_not(utf8_valid(text, n));
            cr_assert(utf8_valid(text, bad));
            text[bad] = 'a';
        }
    }
}

Test(fold, is_the_simple_folding_of_unicode) {
    static const uint32_t known[][2] = {
        {'A', 'a'},           {'Z', 'z'},
        {'[', '['},           {'@', '@'},
        {0xb5, 0x3bc},        {0xc4, 0xe4},
        {0xd7, 0xd7},         {0xdf, 0xdf},
        {0x100, 0x101},       {0x101, 0x101},
        {0x12e, 0x12f},       {0x130, 0x130},
        {0x131, 0x131},       {0x178, 0xff},
        {0x17f, 's'},         {0x212a, 'k'},
        {0x212b, 0xe5},       {0x3a3, 0x3c3},
        {0x3c2, 0x3c3},       {0x410, 0x430},
        {0x1e9e, 0xdf},       {0x13a0, 0x13a0},
        {0x13f8, 0x13f0},     {0xab70, 0x13a0},
        {0x10400, 0x10428},   {0x1e921, 0x1e943},
        {0x10ffff, 0x10ffff}, {0x4e00, 0x4e00},
        {0xa640, 0xa641},     {0xff21, 0xff41},
        {0x10a0, 0x2d00},     {0xfb06, 0xfb06},
        {0x110000, 0x110000}, {UINT32_MAX, UINT32_MAX},
    };
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        cr_assert_eq(fold_char(known[i][0]), known[i][1], "U+%04X", (unsigned)known[i][0]);
    uint32_t n = 0;
    for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
        uint32_t folded = fold_char(cp);
        n += folded != cp;
        cr_assert_eq(fold_char(folded), folded, "folding twice changes nothing more");
    }
    cr_assert_eq(n, 1454, "the lines C and S of CaseFolding.txt 15.0");
}

Test(fold, upper_case_for_names) {
    static const uint32_t known[][2] = {
        {'a', 'A'},    {'z', 'Z'},       {'{', '{'},       {0xe4, 0xc4},       {0xdf, 0xdf},
        {0xff, 0x178}, {0x131, 0x131},   {0x17f, 0x17f},   {0x3c2, 0x3a3},     {0x430, 0x410},
        {0xb5, 0x39c}, {0x10d0, 0x1c90}, {0x1c90, 0x1c90}, {0x10428, 0x10428}, {0x1f80, 0x1f88},
    };
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        cr_assert_eq(upper_char(known[i][0]), known[i][1], "U+%04X", (unsigned)known[i][0]);
}

Test(fold, compare_orders_folded_characters) {
    cr_assert(fold_equal("", ""));
    cr_assert(fold_equal("Microsoft-Windows-KERNEL", "microsoft-windows-kernel"));
    cr_assert(fold_equal("\xc3\x84\xd0\x96\xe2\x84\xaa", "\xc3\xa4\xd0\xb6k")); // Kelvin sign
    cr_assert_not(fold_equal("a", "ab"));
    cr_assert_not(fold_equal("ss", "\xc3\x9f"));
    cr_assert_eq(fold_compare("a", 1, "B", 1), -1);
    cr_assert_eq(fold_compare("b", 1, "A", 1), 1);
    cr_assert_eq(fold_compare("A", 1, "ab", 2), -1);
    cr_assert_eq(fold_compare("ab", 2, "A", 1), 1);
    cr_assert_eq(fold_compare("ab", 1, "Ac", 1), 0);
    cr_assert_eq(fold_compare("a\0b", 3, "A\0B", 3), 0);
    cr_assert_eq(fold_compare(NULL, 0, NULL, 0), 0);
    // By character, not by 16-bit unit: U+FF5E stands before U+10000.
    cr_assert_eq(fold_compare("\xef\xbd\x9e", 3, "\xf0\x90\x80\x80", 4), -1);
    // Broken bytes are equal only to themselves, and lone surrogates as well.
    cr_assert(fold_equal("\xff", "\xff"));
    cr_assert_not(fold_equal("\xff", "\xfe"));
    cr_assert_not(fold_equal("\xff", "\xef\xbf\xbd"));
    cr_assert_not(fold_equal("\xed\xa0\x80", "\xed\xa0\x81"));
}

Test(glob, examples) {
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"**", "", true},
        {"*", "anything", true},
        {"?", "", false},
        {"?", "a", true},
        {"?", "ab", false},
        {"?*", "", false},
        {"*?", "a", true},
        {"?*?", "a", false},
        {"?*?", "ab", true},
        {"abc", "ABC", true},
        {"abc", "ab", false},
        {"abc", "abcd", false},
        {"a*", "Abc", true},
        {"a*", "bc", false},
        {"*c", "abC", true},
        {"*c", "abcd", false},
        {"*b*", "abc", true},
        {"*b*", "ac", false},
        {"a*c", "ac", true},
        {"a*a", "a", false},
        {"ab*ba", "aba", false},
        {"ab*ba", "abba", true},
        {"*ab*ab*", "xabyab", true},
        {"*ab*ab*", "xaby", false},
        {"*aab", "aaab", true},
        {"*a?c*", "xabxabc", true},
        {"Microsoft-Windows-*Kernel*", "microsoft-windows-fookernel-bar", true},
        {"*\xc3\x84*", "x\xc3\xa4y", true},
        {"?", "\xc3\xa4", true},
        {"??", "\xc3\xa4", false},
        {"?", "\xf0\x9f\x98\x80", true},
        {"a?b",
         "a\xff"
         "b",
         true},
        {"a??b",
         "a\xff\xfe"
         "b",
         true},
        {"*\xff", "ab\xff", true},
        {"*\xff", "ab\xfe", false},
        // The pattern's character must not be found inside a character of the text.
        {"*\x9f*", "\xc3\x9f", false},
        {"*?\xff", "\xc3\xff", true},
        {"[a]", "[A]", true},
        {"\\*", "\\x", true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        cr_assert_eq(fold_glob(cases[i].pattern, cases[i].text), cases[i].matches, "%s on %s",
                     cases[i].pattern, cases[i].text);
}

// The textbook definition by a table, for ASCII.
static bool slow_glob(const char *pattern, const char *text) {
    enum { MOST = 1200 };
    static bool row[MOST + 1];
    size_t n = strlen(text);
    memset(row, 0, sizeof row);
    row[0] = true;
    for (; *pattern != '\0'; pattern++) {
        if (*pattern == '*') {
            for (size_t i = 1; i <= n; i++)
                row[i] = row[i] || row[i - 1];
            continue;
        }
        for (size_t i = n; i > 0; i--)
            row[i] = row[i - 1] && (*pattern == '?' || fold_char((uint8_t)*pattern) ==
                                                           fold_char((uint8_t)text[i - 1]));
        row[0] = false;
    }
    return row[n];
}

static uint32_t next_random(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

Test(glob, short_ones_match_as_defined, .timeout = 60) {
    uint64_t random = 1;
    char pattern[12], text[16];
    uint32_t n_matches = 0;
    for (int round = 0; round < 400000; round++) {
        size_t p = next_random(&random) % sizeof pattern, t = next_random(&random) % sizeof text;
        for (size_t i = 0; i < p; i++)
            pattern[i] = "abB*?*"[next_random(&random) % 6];
        for (size_t i = 0; i < t; i++)
            text[i] = "aAb"[next_random(&random) % 3];
        pattern[p] = text[t] = '\0';
        bool expected = slow_glob(pattern, text);
        n_matches += expected;
        if (fold_glob(pattern, text) != expected)
            cr_assert_fail("%s on %s", pattern, text);
    }
    cr_assert_gt(n_matches, 10000);
}

// Long runs of one letter make the naive search give up, so that these go through the automaton,
// with segments around one word (64), around all its words (256), and beyond.
Test(glob, long_ones_match_as_defined, .timeout = 120) {
    uint64_t random = 2;
    static char pattern[700], text[1201];
    uint32_t n_matches = 0;
    static const size_t lengths[] = {30, 63, 64, 65, 127, 128, 129, 255, 256, 257, 258, 300};
    for (int round = 0; round < 6000; round++) {
        size_t segment = lengths[next_random(&random) % ARRAY_COUNT(lengths)];
        size_t t = 700 + next_random(&random) % 500, p = 0;
        memset(text, 'a', t);
        for (uint32_t k = next_random(&random) % 6; k != 0; k--)
            text[next_random(&random) % t] = "bcA"[next_random(&random) % 3];
        text[t] = '\0';
        for (int segments = 0; segments < 2; segments++) {
            pattern[p++] = '*';
            // From the text, so that about half of them match; then changed here and there.
            memcpy(pattern + p, text + next_random(&random) % (t - segment), segment);
            for (uint32_t k = next_random(&random) % 3; k != 0; k--)
                pattern[p + next_random(&random) % segment] = "?ab"[next_random(&random) % 3];
            p += segment;
        }
        pattern[p++] = '*';
        pattern[p] = '\0';
        bool expected = slow_glob(pattern, text);
        n_matches += expected;
        if (fold_glob(pattern, text) != expected)
            cr_assert_fail("%s on %s", pattern, text);
    }
    cr_assert_gt(n_matches, 600);
    cr_assert_lt(n_matches, 5400);
}

// The shortest of three runs of "*aaa...b*" with n characters between the stars.
static double seconds_of(size_t n, const char *text) {
    char pattern[300];
    double best = 1e9;
    memset(pattern, 'a', sizeof pattern);
    pattern[0] = '*';
    memcpy(pattern + n, "b*", 3);
    for (int run = 0; run < 3; run++) {
        clock_t start = clock();
        cr_assert_not(fold_glob(pattern, text));
        double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
        best = seconds < best ? seconds : best;
    }
    return best;
}

Test(glob, hostile_patterns_take_linear_time, .timeout = 60) {
    enum { TEXT = 1 << 20 };
    char *text = mem_alloc(TEXT + 1);
    char pattern[1024];
    memset(text, 'a', TEXT);
    text[TEXT] = '\0';
    static const size_t lengths[] = {63, 64, 65, 200, 255, 256};
    for (size_t i = 0; i < ARRAY_COUNT(lengths); i++) {
        size_t n = lengths[i];
        memset(pattern, 'a', sizeof pattern);
        pattern[0] = '*';
        memcpy(pattern + n, "b*", 3);
        cr_assert_not(fold_glob(pattern, text));
        memset(pattern + 1, '?', n - 1);
        cr_assert_not(fold_glob(pattern, text));
        pattern[n / 2 + 1] = 'a';
        cr_assert_not(fold_glob(pattern, text));
    }
    // Naively 40 times as long; a few clock ticks are allowed for coarse clocks.
    cr_assert_lt(seconds_of(256, text), 10 * seconds_of(6, text) + 0.05);
    // Many stars: exponential for the backtracking kind.
    for (size_t i = 0; i < 1000; i += 2)
        pattern[i] = '*', pattern[i + 1] = 'a';
    memcpy(pattern + 1000, "*b", 3);
    cr_assert_not(fold_glob(pattern, text));
    text[TEXT - 1] = 'B';
    cr_assert(fold_glob(pattern, text));
    mem_free(text);
}
