// JSON of control messages: the measured traps of cJSON 1.7.15 as regressions, the grammar, the budgets,
// the typed access.
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

#include "util/buf.h"
#include "util/mem.h"
#include "wire/json.h"

static int parse_bytes(const char *text, size_t bytes, cJSON **ret) {
    Err err = ERR_INIT;
    // Exactly so many bytes and no NUL behind them, for the sanitizer.
    char *exact = mem_dup(text, bytes);
    int result = json_parse(exact, bytes, ret, &err);
    mem_free(exact);
    cr_assert(result == 0 || (err.status == -result && err.text[0] != '\0'));
    return result;
}

static int parse(const char *text) {
    cJSON *json = NULL;
    int result = parse_bytes(text, strlen(text), &json);
    cr_assert_eq(json != NULL, result == 0);
    json_free(json);
    return result;
}

static cJSON *parsed(const char *text) {
    cJSON *json = NULL;
    cr_assert_eq(parse_bytes(text, strlen(text), &json), 0, "%s", text);
    return json;
}

static void init(void) {
    json_use_mem();
}

// ---- What cJSON takes and we do not

Test(json, traps_of_the_parser, .init = init) {
    static const char *const refused[] = {
        "{}x",
        "{} {}",
        "1 2",
        "{\"a\":1}}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"b\":2,\"\\u0061\":3}",
        "{\"x\":{\"a\":1,\"a\":1}}",
        "[[{\"a\":1,\"a\":1}]]",
        "\"\\u0000\"",
        "\"abc\\u0000def\"",
        "{\"a\\u0000b\":1}",
        "\"\xff\"",
        "\"\xc3\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xe2\x82\"",
        "\"\\ud800\"",
        "\"\\ud800x\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "\"\x01\"",
        "\"a\nb\"",
        "\"a\tb\"",
        "1e999",
        "-1e999",
        "[1e400]",
    };
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        cr_assert_eq(parse(refused[i]), -STATUS_INVALID_ARGUMENT, "%s was taken", refused[i]);
    cJSON *json = NULL;
    cr_assert_eq(parse_bytes("{}\0", 3, &json), -STATUS_INVALID_ARGUMENT, "a NUL behind the end");
    cr_assert_eq(parse_bytes("\"a\0b\"", 5, &json), -STATUS_INVALID_ARGUMENT, "a NUL in a string");
    cr_assert_eq(parse_bytes("\xef\xbb\xbf{}", 5, &json), -STATUS_INVALID_ARGUMENT,
                 "a byte order mark");
    cr_assert_eq(mem_in_use(), 0);
}

Test(json, grammar, .init = init) {
    static const char *const refused[] = {
        "",         " ",          "{",           "}",         "[",
        "]",        "\"",         "\"\\",        "\"\\\"",    "{\"a\"}",
        "{\"a\":}", "{\"a\":1,}", "{,}",         "[,]",       "[1,]",
        "[1 2]",    "{1:2}",      "{a:1}",       "nul",       "nulll",
        "tru",      "True",       "NaN",         "Infinity",  "-",
        "+1",       "01",         "-01",         "1.",        ".5",
        "1e",       "1e+",        "0x10",        "1.e1",      "'a'",
        "\"\\x\"",  "\"\\u12\"",  "\"\\u12g4\"", "[1}",       "{\"a\":1]",
        "/**/1",    "1//",        "[\"a\":1]",   "{\"a\" 1}", "{\"a\":1 \"b\":2}",
        "--1",      "1-",         "00",          "\"a",       "{\"a\":\"b}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        cr_assert_eq(parse(refused[i]), -STATUS_INVALID_ARGUMENT, "%s was taken", refused[i]);
    static const char *const taken[] = {
        "{}",
        "[]",
        "0",
        "-0",
        "1",
        "-1.5e-10",
        "1E5",
        "\"\"",
        "true",
        "false",
        "null",
        " \t\r\n{ } \n",
        "[[],{},[{}],\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00\"]",
        "{\"\":{\"\":[]}}",
        "{\"a\":1,\"A\":2}",
        "[1,2,3]",
        "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "[ 1 , { \"a\" : [ ] } ]",
    };
    for (size_t i = 0; i < ARRAY_COUNT(taken); i++)
        cr_assert_eq(parse(taken[i]), 0, "%s was refused", taken[i]);
    cr_assert_eq(mem_in_use(), 0);
}

Test(json, every_truncation, .init = init) {
    const char *text =
        "{\"method\":\"subscribe\",\"params\":{\"ids\":[1,2.5e3,-7],\"n\":null,\"t\":true,"
        "\"s\":\"\\u00e4\\ud83d\\ude00\xc3\xa4\"}}";
    cJSON *json = NULL;
    for (size_t n = 0; n < strlen(text); n++)
        cr_assert_eq(parse_bytes(text, n, &json), -STATUS_INVALID_ARGUMENT, "%zu bytes", n);
    cr_assert_eq(parse_bytes(text, strlen(text), &json), 0);
    json_free(json);
}

Test(json, every_flipped_byte_is_survived, .init = init) {
    char text[] =
        "{\"method\":\"subscribe\",\"params\":{\"ids\":[1,2.5e3,-7],\"n\":null,\"s\":\"\\u00e4\"}}";
    for (size_t at = 0; at + 1 < sizeof text; at++) {
        for (int v = 1; v < 256; v++) {
            cJSON *json = NULL;
            text[at] = (char)(text[at] ^ v);
            if (parse_bytes(text, sizeof text - 1, &json) == 0)
                json_free(json);
            text[at] = (char)(text[at] ^ v);
        }
    }
    cr_assert_eq(mem_in_use(), 0);
}

// ---- Budgets

static int nested(uint32_t depth, const char *open, const char *close) {
    Buf text = BUF_INIT;
    for (uint32_t i = 0; i < depth; i++)
        buf_text(&text, open);
    buf_text(&text, "1");
    for (uint32_t i = 0; i < depth; i++)
        buf_text(&text, close);
    int result = parse(buf_str(&text));
    buf_deinit(&text);
    return result;
}

Test(json, depth, .init = init) {
    cr_assert_eq(nested(JSON_MAX_DEPTH - 1, "[", "]"), 0);
    cr_assert_eq(nested(JSON_MAX_DEPTH, "[", "]"), 0);
    cr_assert_eq(nested(JSON_MAX_DEPTH + 1, "[", "]"), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(nested(JSON_MAX_DEPTH, "{\"a\":", "}"), 0);
    cr_assert_eq(nested(JSON_MAX_DEPTH + 1, "{\"a\":", "}"), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(nested(30000, "[", "]"), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(nested(1000, "[[],", "]"), -STATUS_INVALID_ARGUMENT);
}

// n times `one`, in which # stands for the number.
static int repeated(uint32_t n, const char *open, const char *one, const char *close,
                    size_t *ret_bytes) {
    Buf text = BUF_INIT;
    buf_text(&text, open);
    for (uint32_t i = 0; i < n; i++) {
        if (i != 0)
            buf_char(&text, ',');
        for (const char *p = one; *p != '\0'; p++) {
            if (*p == '#')
                buf_printf(&text, "%u", i);
            else
                buf_char(&text, *p);
        }
    }
    buf_text(&text, close);
    *ret_bytes = text.bytes;
    int result = parse(buf_str(&text));
    buf_deinit(&text);
    return result;
}

Test(json, tokens, .init = init) {
    size_t bytes;
    // The array is a token, too; in an object each member is two.
    cr_assert_eq(repeated(JSON_MAX_TOKENS - 2, "[", "#", "]", &bytes), 0);
    cr_assert_eq(repeated(JSON_MAX_TOKENS - 1, "[", "#", "]", &bytes), 0);
    cr_assert_eq(repeated(JSON_MAX_TOKENS, "[", "#", "]", &bytes), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(repeated(JSON_MAX_MEMBERS - 1, "{", "\"k#\":1", "}", &bytes), 0);
    cr_assert_eq(repeated(JSON_MAX_MEMBERS, "{", "\"k#\":1", "}", &bytes), 0);
    cr_assert_eq(repeated(JSON_MAX_MEMBERS + 1, "{", "\"k#\":1", "}", &bytes),
                 -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(repeated(500, "[", "{\"a\":#,\"b\":0,\"c\":0}", "]", &bytes), 0);
    cr_assert_eq(repeated(600, "[", "{\"a\":#,\"b\":0,\"c\":0}", "]", &bytes),
                 -STATUS_INVALID_ARGUMENT);
}

Test(json, a_mebibyte_of_zeros_costs_nothing, .init = init) {
    const size_t bytes = 1u << 20;
    char *text = mem_alloc(bytes);
    for (size_t i = 0; i < bytes; i++)
        text[i] = i == 0 ? '[' : i + 1 == bytes ? ']' : i % 2 != 0 ? '0' : ',';
    cJSON *json = NULL;
    size_t before = mem_in_use();
    mem_reset_peak();
    cr_assert_eq(json_parse(text, bytes, &json, NULL), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(mem_peak(), before, "%zu bytes for a text that is refused", mem_peak() - before);
    mem_free(text);
}

Test(json, heap_is_bounded_by_the_text, .init = init) {
    // The worst that a request can hold: all tokens that are allowed, each as small as can be.
    size_t bytes = 0;
    mem_reset_peak();
    cr_assert_eq(repeated(JSON_MAX_TOKENS - 1, "[", "\"\"", "]", &bytes), 0);
    cr_assert_leq(mem_peak(), bytes * 2 + JSON_MAX_TOKENS * 128u, "%zu bytes for %zu", mem_peak(),
                  bytes);
}

Test(json, long_numbers, .init = init) {
    char digits[200];
    for (uint32_t n = JSON_MAX_NUMBER - 1; n <= JSON_MAX_NUMBER + 1; n++) {
        memset(digits, '1', n);
        digits[n] = '\0';
        cr_assert_eq(parse(digits), n <= JSON_MAX_NUMBER ? 0 : -STATUS_INVALID_ARGUMENT,
                     "%u digits", n);
    }
    // cJSON would take the first 63 characters and go on behind them.
    memset(digits, '0', 100);
    digits[0] = '1';
    strcpy(digits + 100, "");
    cr_assert_eq(parse(digits), -STATUS_INVALID_ARGUMENT);
}

Test(json, out_of_memory, .init = init) {
    const char *text = "{\"a\":[1,\"two\",{\"b\":null}],\"c\":\"d\"}";
    int result = -1;
    size_t n = 0;
    while (result != 0) {
        cJSON *json = NULL;
        mem_fail_at(++n);
        result = json_parse(text, strlen(text), &json, NULL);
        mem_fail_at(0);
        cr_assert(result == 0 || result == -STATUS_NO_MEMORY, "%d", result);
        json_free(json);
        cr_assert_eq(mem_in_use(), 0, "a leak when allocation %zu fails", n);
    }
    cr_assert_gt(n, 5);
}

// ---- Typed access

Test(json, keys_are_exact, .init = init) {
    cJSON *json = parsed("{\"Name\":\"x\",\"none\":null}");
    const char *text = "unchanged";
    cr_assert_eq(json_get_string(json, "name", &text, NULL), JSON_ABSENT, "the case was ignored");
    cr_assert_eq(json_get_string(json, "Nam", &text, NULL), JSON_ABSENT);
    cr_assert_eq(json_get_string(json, "none", &text, NULL), JSON_ABSENT);
    cr_assert_str_eq(text, "unchanged");
    cr_assert_eq(json_get_string(json, "Name", &text, NULL), 0);
    cr_assert_str_eq(text, "x");
    cr_assert(json_member(json, "none") == NULL);
    cr_assert(json_member(NULL, "none") == NULL);
    json_free(json);
    json = parsed("[1]");
    cr_assert(json_member(json, "0") == NULL);
    json_free(json);
}

typedef struct Number {
    const char *json;
    int result;
    uint64_t value;
} Number;

Test(json, numbers_of_64_bits, .init = init) {
    static const Number numbers[] = {
        {"0", 0, 0},
        {"-0", 0, 0},
        {"1", 0, 1},
        {"1e3", 0, 1000},
        {"9007199254740990", 0, 9007199254740990},
        {"9007199254740991", 0, 9007199254740991},
        // From 2^53 on a double may stand for its neighbour.
        {"9007199254740992", -STATUS_INVALID_ARGUMENT, 0},
        {"9007199254740993", -STATUS_INVALID_ARGUMENT, 0},
        {"9223372036854775809", -STATUS_INVALID_ARGUMENT, 0},
        {"18446744073709551615", -STATUS_INVALID_ARGUMENT, 0},
        {"1e300", -STATUS_INVALID_ARGUMENT, 0},
        {"-1", -STATUS_INVALID_ARGUMENT, 0},
        {"1.5", -STATUS_INVALID_ARGUMENT, 0},
        {"\"9223372036854775809\"", 0, UINT64_C(9223372036854775809)},
        {"\"18446744073709551615\"", 0, UINT64_MAX},
        {"\"18446744073709551616\"", -STATUS_INVALID_ARGUMENT, 0},
        {"\"0x8000000000000001\"", 0, UINT64_C(0x8000000000000001)},
        {"\"0XffFFffFFffFFffFF\"", 0, UINT64_MAX},
        {"\"0x10000000000000000\"", -STATUS_INVALID_ARGUMENT, 0},
        {"\"0\"", 0, 0},
        {"\"007\"", 0, 7},
        {"\"\"", -STATUS_INVALID_ARGUMENT, 0},
        {"\"0x\"", -STATUS_INVALID_ARGUMENT, 0},
        {"\" 1\"", -STATUS_INVALID_ARGUMENT, 0},
        {"\"1 \"", -STATUS_INVALID_ARGUMENT, 0},
        {"\"+1\"", -STATUS_INVALID_ARGUMENT, 0},
        {"\"-1\"", -STATUS_INVALID_ARGUMENT, 0},
        {"\"1f\"", -STATUS_INVALID_ARGUMENT, 0},
        {"\"0x1g\"", -STATUS_INVALID_ARGUMENT, 0},
        {"true", -STATUS_INVALID_ARGUMENT, 0},
        {"[1]", -STATUS_INVALID_ARGUMENT, 0},
        {"null", JSON_ABSENT, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        char text[128];
        snprintf(text, sizeof text, "{\"v\":%s}", numbers[i].json);
        cJSON *json = parsed(text);
        uint64_t value = 0;
        Err err = ERR_INIT;
        cr_assert_eq(json_get_u64(json, "v", &value, &err), numbers[i].result, "%s", text);
        cr_assert_eq(value, numbers[i].value, "%s", text);
        if (numbers[i].result < 0)
            cr_assert(strstr(err.text, "\"v\"") != NULL, "%s", err.text);
        json_free(json);
    }
}

Test(json, numbers_of_32_bits, .init = init) {
    cJSON *json =
        parsed("{\"a\":4294967294,\"b\":4294967295,\"c\":4294967296,\"d\":\"0xffffffff\"}");
    uint32_t value = 0;
    cr_assert_eq(json_get_u32(json, "a", &value, NULL), 0);
    cr_assert_eq(value, 4294967294u);
    cr_assert_eq(json_get_u32(json, "b", &value, NULL), 0);
    cr_assert_eq(value, UINT32_MAX);
    value = 5;
    cr_assert_eq(json_get_u32(json, "c", &value, NULL), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(value, 5);
    cr_assert_eq(json_get_u32(json, "d", &value, NULL), 0);
    cr_assert_eq(value, UINT32_MAX);
    cr_assert_eq(json_get_u32(json, "e", &value, NULL), JSON_ABSENT);
    json_free(json);
}

Test(json, other_types, .init = init) {
    cJSON *json =
        parsed("{\"t\":true,\"f\":false,\"s\":\"x\",\"n\":1,\"a\":[1,2],\"o\":{\"k\":1}}");
    bool flag = false;
    const char *text = NULL;
    const cJSON *part = NULL;
    Err err = ERR_INIT;
    cr_assert_eq(json_get_bool(json, "t", &flag, NULL), 0);
    cr_assert(flag);
    cr_assert_eq(json_get_bool(json, "f", &flag, NULL), 0);
    cr_assert(!flag);
    cr_assert_eq(json_get_bool(json, "n", &flag, &err), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(json_get_bool(json, "missing", &flag, &err), JSON_ABSENT);
    cr_assert_eq(json_get_string(json, "n", &text, &err), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(json_get_array(json, "a", &part, &err), 0);
    cr_assert_eq(cJSON_GetArraySize(part), 2);
    cr_assert_eq(json_get_array(json, "o", &part, &err), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(json_get_array(json, "missing", &part, &err), JSON_ABSENT);
    cr_assert_eq(json_get_object(json, "o", &part, &err), 0);
    cr_assert_not_null(json_member(part, "k"));
    cr_assert_eq(json_get_object(json, "a", &part, &err), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(json_get_object(json, "missing", &part, &err), JSON_ABSENT);
    static const char *const all[] = {"t", "f", "s", "n", "a", "o", NULL};
    static const char *const some[] = {"t", "f", "s", "n", "A", "o", NULL};
    cr_assert_eq(json_refuse_unknown(json, all, &err), 0);
    cr_assert_eq(json_refuse_unknown(json, some, &err), -STATUS_INVALID_ARGUMENT);
    cr_assert(strstr(err.text, "\"a\"") != NULL, "%s", err.text);
    json_free(json);
    cr_assert_eq(mem_in_use(), 0);
}
