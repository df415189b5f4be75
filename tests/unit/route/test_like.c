#include "route/like.h"

#include <criterion/criterion.h>
#include <time.h>

#include "util/utf.h"

static bool likes(const char *pattern, const char *text) {
    Arena arena = ARENA_INIT;
    Like like;
    size_t at;
    cr_assert_eq(like_compile(&arena, pattern, strlen(pattern), 256, &like, &at), LIKE_OK, "%s",
                 pattern);
    LikeState state;
    like_start(&state, &like);
    for (const char *p = text, *end = text + strlen(text); p < end;) {
        uint32_t cp;
        p += utf8_next(p, end, &cp);
        if (!like_step(&state, fold_char(cp)))
            break;
    }
    bool result = like_end(&state);
    arena_deinit(&arena);
    return result;
}

Test(like, stars_and_question_marks) {
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"**", "x", true},
        {"a", "a", true},
        {"a", "A", true},
        {"a", "ab", false},
        {"a", "", false},
        {"a*", "abc", true},
        {"a*", "ba", false},
        {"*a", "ba", true},
        {"*a", "ab", false},
        {"*a", "aa", true},
        {"*a*", "xxaxx", true},
        {"*a*", "xx", false},
        {"a*c", "ac", true},
        {"a*c", "abcbc", true},
        {"a*c", "abcb", false},
        {"a*b*c", "aXbYc", true},
        {"a*b*c", "acb", false},
        {"?", "a", true},
        {"?", "", false},
        {"?", "ab", false},
        {"??", "ab", true},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"*?", "", false},
        {"*?", "a", true},
        {"?*", "", false},
        {"*.top", "evil.TOP", true},
        {"*.top", "evil.top.", false},
        {"*ab*ab", "ab", false},
        {"*ab*ab", "abab", true},
        {"*aab", "aaab", true},
        {"*abab*", "abaabab", true},
        {"*a?a*", "xabax", true},
        {"C:\\Windows\\*", "c:\\windows\\x.dll", true},
        {"*\\Run*", "\\CurrentVersion\\RunOnce", true},
        {"*\xc3\xa4*", "\xc3\x84pfel", true},           // ä and Ä
        {"\xf0\x90\x90\x80", "\xf0\x90\x90\xa8", true}, // DESERET capital and small long I
        {"?", "\xf0\x90\x90\xa8", true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        cr_assert_eq(likes(cases[i].pattern, cases[i].text), cases[i].match, "'%s' like '%s'",
                     cases[i].text, cases[i].pattern);
}

Test(like, sets_and_escapes) {
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"[abc]", "b", true},
        {"[abc]", "B", true},
        {"[abc]", "d", false},
        {"[a-c]x", "cx", true},
        {"[a-c]x", "dx", false},
        {"*[0-9]", "file7", true},
        {"*[0-9]", "file", false},
        {"[A-C]", "b", true},
        {"[X-Z]*", "yes", true},
        {"`*", "*", true},
        {"`*", "a", false},
        {"a`?b", "a?b", true},
        {"a`?b", "axb", false},
        {"`[x`]", "[x]", true},
        {"[`]]", "]", true},
        {"[]a]", "]", true},
        {"a[-x]", "a-", true},
        {"]", "]", true},
        {"[\xce\xb1-\xcf\x89]", "\xce\xa3", true}, // α to ω, and Σ
        {"[0-z]", "Q", true},
        {"``", "`", true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        cr_assert_eq(likes(cases[i].pattern, cases[i].text), cases[i].match, "'%s' like '%s'",
                     cases[i].text, cases[i].pattern);
    static const char *const bad[] = {"[", "x[abc", "[z-a]", "[]", "*[`]"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        Arena arena = ARENA_INIT;
        Like like;
        size_t at;
        cr_assert_eq(like_compile(&arena, bad[i], strlen(bad[i]), 256, &like, &at), LIKE_BAD_SET,
                     "%s", bad[i]);
        arena_deinit(&arena);
    }
}

// The obvious matcher, exponential but right, as a check on random patterns and texts.
static bool slow(const char *p, const char *t) {
    if (*p == 0)
        return *t == 0;
    if (*p == '*')
        return slow(p + 1, t) || (*t && slow(p, t + 1));
    return *t && (*p == '?' || *p == *t) && slow(p + 1, t + 1);
}

Test(like, agrees_with_the_obvious_matcher) {
    uint32_t seed = 1;
    uint32_t matches = 0;
    for (int round = 0; round < 60000; round++) {
        char pattern[9], text[13];
        size_t n = 0, m = 0;
        for (size_t k = (seed = seed * 1664525u + 1013904223u) >> 29; n < k; n++)
            pattern[n] = "ab?*ab*a"[(seed = seed * 1664525u + 1013904223u) >> 29];
        for (size_t k = (seed = seed * 1664525u + 1013904223u) >> 28; m < MIN_OF(k, 12u); m++)
            text[m] = "ab"[(seed = seed * 1664525u + 1013904223u) >> 31];
        pattern[n] = text[m] = 0;
        cr_assert_eq(likes(pattern, text), slow(pattern, text), "'%s' like '%s'", text, pattern);
        matches += slow(pattern, text);
    }
    cr_assert(matches > 5000 && matches < 55000, "both outcomes are met: %u", matches);
}

Test(like, words_of_64_elements_at_their_borders) {
    for (size_t n = 62; n <= 256; n++) {
        if (n > 66 && n < 126)
            n = 126;
        if (n > 130 && n < 190)
            n = 190;
        if (n > 194 && n < 254)
            n = 254;
        char pattern[260] = "*", text[600];
        memset(pattern + 1, 'a', n - 1);
        pattern[n] = 'b';
        pattern[n + 1] = 0;
        memset(text, 'a', 500);
        memcpy(text + 500, "b", 2);
        if (n + 1 <= 256) {
            cr_assert(likes(pattern, text), "%zu", n);
            cr_assert(likes(pattern, text + 500 - (n - 1)), "%zu exactly", n);
            cr_assert_not(likes(pattern, text + 500 - (n - 2)), "%zu, one too few", n);
        }
    }
}

Test(like, length_limit) {
    char pattern[300];
    memset(pattern, 'x', sizeof pattern);
    Arena arena = ARENA_INIT;
    Like like;
    size_t at;
    cr_assert_eq(like_compile(&arena, pattern, 255, 256, &like, &at), LIKE_OK);
    cr_assert_eq(like_compile(&arena, pattern, 256, 256, &like, &at), LIKE_OK);
    cr_assert_eq(like_compile(&arena, pattern, 257, 256, &like, &at), LIKE_TOO_LONG);
    // A character beyond the BMP has two units.
    for (size_t i = 0; i < 64; i++)
        memcpy(pattern + 4 * i, "\xf0\x90\x90\x80", 4);
    cr_assert_eq(like_compile(&arena, pattern, 256, 128, &like, &at), LIKE_OK);
    cr_assert_eq(like_compile(&arena, pattern, 256, 127, &like, &at), LIKE_TOO_LONG);
    arena_deinit(&arena);
}

// core.md: the usual greedy matcher takes 14 ms for *a{200}b* on 64 KiB.
Test(like, time_does_not_depend_on_the_pattern, .timeout = 20) {
    char pattern[210];
    pattern[0] = '*';
    memset(pattern + 1, 'a', 200);
    memcpy(pattern + 201, "b*", 3);
    Arena arena = ARENA_INIT;
    Like hard, easy;
    size_t at;
    cr_assert_eq(like_compile(&arena, pattern, strlen(pattern), 256, &hard, &at), LIKE_OK);
    cr_assert_eq(like_compile(&arena, "*b*", 3, 256, &easy, &at), LIKE_OK);
    const Like *likes_of[] = {&easy, &hard};
    double seconds[2];
    for (int k = 0; k < 2; k++) {
        clock_t start = clock();
        for (int round = 0; round < 30; round++) {
            LikeState state;
            like_start(&state, likes_of[k]);
            for (int i = 0; i < 32768; i++)
                like_step(&state, 'a');
            cr_assert_not(like_end(&state));
        }
        seconds[k] = (double)(clock() - start) / CLOCKS_PER_SEC;
    }
    cr_assert_lt(seconds[1], 12 * seconds[0] + 0.02, "%f against %f", seconds[1], seconds[0]);
    arena_deinit(&arena);
}
