#include "util/jsonw.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "util/mem.h"

static Buf buf;

static JsonWriter start(void) {
    buf_clear(&buf);
    return jsonw(&buf);
}

static void release(void) {
    buf_deinit(&buf);
}

Test(jsonw, commas_and_nesting, .fini = release) {
    JsonWriter w = start();
    jsonw_object(&w);
    jsonw_key(&w, "a");
    jsonw_i64(&w, -1);
    jsonw_key(&w, "b");
    jsonw_array(&w);
    jsonw_array_end(&w);
    jsonw_key(&w, "c");
    jsonw_array(&w);
    jsonw_null(&w);
    jsonw_bool(&w, true);
    jsonw_bool(&w, false);
    jsonw_object(&w);
    jsonw_object_end(&w);
    jsonw_object(&w);
    jsonw_key(&w, "d\"");
    jsonw_text(&w, NULL);
    jsonw_object_end(&w);
    jsonw_raw(&w, "[1,2]", 5);
    jsonw_text(&w, "x");
    jsonw_array_end(&w);
    jsonw_key(&w, "e");
    jsonw_hex(&w, 31);
    jsonw_object_end(&w);
    cr_assert_str_eq(buf_str(&buf), "{\"a\":-1,\"b\":[],\"c\":[null,true,false,{},{\"d\\\"\":null},"
                                    "[1,2],\"x\"],\"e\":\"0x1f\"}");
    cr_assert_not(buf.failed);
}

Test(jsonw, one_writer_for_many_lines, .fini = release) {
    JsonWriter w = start();
    for (int i = 0; i < 2; i++) {
        jsonw_object(&w);
        jsonw_object_end(&w);
        buf_char(&buf, '\n');
    }
    cr_assert_str_eq(buf_str(&buf), "{}\n{}\n");
}

Test(jsonw, depth_at_the_limit, .fini = release) {
    for (uint32_t depth = 62; depth <= 64; depth++) {
        JsonWriter w = start();
        for (uint32_t i = 0; i < depth; i++)
            jsonw_array(&w);
        cr_assert_eq(buf.failed, depth > 63);
        if (depth > 63)
            continue;
        jsonw_i64(&w, 1);
        jsonw_i64(&w, 2);
        for (uint32_t i = 0; i < depth; i++)
            jsonw_array_end(&w);
        cr_assert_not(buf.failed);
        cr_assert_eq(buf.bytes, 2 * depth + 3);
    }
    JsonWriter w = start();
    jsonw_array_end(&w);
    cr_assert(buf.failed);
}

Test(jsonw, integers, .fini = release) {
    JsonWriter w = start();
    jsonw_array(&w);
    jsonw_i64(&w, INT64_MIN);
    jsonw_i64(&w, INT64_MAX);
    jsonw_i64(&w, 0);
    jsonw_u64(&w, 0);
    jsonw_u64(&w, UINT64_MAX);
    jsonw_u64_text(&w, UINT64_MAX);
    jsonw_u64_text(&w, 0);
    jsonw_hex(&w, 0);
    jsonw_hex(&w, UINT64_MAX);
    jsonw_array_end(&w);
    cr_assert_str_eq(buf_str(&buf),
                     "[-9223372036854775808,9223372036854775807,0,0,18446744073709551615,"
                     "\"18446744073709551615\",\"0\",\"0x0\",\"0xffffffffffffffff\"]");
    uint64_t power = 1;
    for (int digits = 1; digits <= 19; digits++, power *= 10) {
        for (int step = -1; step <= 1; step++) {
            uint64_t v = power + (uint64_t)(int64_t)step;
            w = start();
            jsonw_u64(&w, v);
            cr_assert_eq(strtoull(buf_str(&buf), NULL, 10), v);
            cr_assert_eq(buf.bytes, step < 0 && digits > 1 ? (size_t)digits - 1 : (size_t)digits);
        }
    }
}

static const char *string_of(const char *text, size_t bytes) {
    JsonWriter w = start();
    jsonw_string(&w, text, bytes);
    return buf_str(&buf);
}

Test(jsonw, escapes, .fini = release) {
    cr_assert_str_eq(string_of("", 0), "\"\"");
    cr_assert_str_eq(string_of(NULL, 0), "\"\"");
    cr_assert_str_eq(string_of("\"\\/", 3), "\"\\\"\\\\/\"");
    cr_assert_str_eq(string_of("\b\t\n\v\f\r", 6), "\"\\b\\t\\n\\u000b\\f\\r\"");
    cr_assert_str_eq(string_of("a\0b", 3), "\"a\\u0000b\"");
    cr_assert_str_eq(string_of("\x01\x1f\x20\x7f", 4), "\"\\u0001\\u001f \x7f\"");
    cr_assert_str_eq(string_of("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", 9),
                     "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"");
    // Lone surrogates and invalid bytes; a replacement character that was there stays.
    cr_assert_str_eq(string_of("\xed\xa0\x80x\xed\xbf\xbf", 7), "\"\\ud800x\\udfff\"");
    cr_assert_str_eq(string_of("a\xff"
                               "b\xc3",
                               4),
                     "\"a\xef\xbf\xbd"
                     "b\xef\xbf\xbd\"");
    cr_assert_str_eq(string_of("\xef\xbf\xbd", 3), "\"\xef\xbf\xbd\"");
    cr_assert_str_eq(string_of("\xe2\x82\xac", 2), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
}

// Each byte at each place of a text, around the eight-byte steps.
Test(jsonw, every_byte_at_every_place, .fini = release) {
    char text[20];
    for (size_t n = 1; n <= sizeof text; n++) {
        for (size_t at = 0; at < n; at++) {
            for (unsigned c = 0; c < 256; c++) {
                memset(text, 'x', sizeof text);
                text[at] = (char)c;
                const char *out = string_of(text, n);
                cr_assert_arr_eq(out, "\"xxxxxxxxxxxxxxxxxxxx", at + 1);
                const char *tail = out + buf.bytes - (n - at);
                cr_assert_arr_eq(tail, "xxxxxxxxxxxxxxxxxxxx", n - at - 1);
                cr_assert_eq(out[buf.bytes - 1], '"');
                size_t middle = buf.bytes - n - 1;
                size_t expected = c >= 0x80 ? 3 : c == '"' || c == '\\' ? 2 : c >= 0x20 ? 1 : 6;
                if (c >= 8 && c <= 13 && c != 11)
                    expected = 2;
                cr_assert_eq(middle, expected, "%02x", c);
            }
        }
    }
}

Test(jsonw, neighbours_in_one_word, .fini = release) {
    // Two special bytes side by side, where subtraction carries from one into the next.
    static const uint8_t special[] = {0x00, 0x1f, 0x20, 0x21, '"', '#', '[', '\\', ']', 0x7f};
    for (size_t a = 0; a < ARRAY_COUNT(special); a++) {
        for (size_t b = 0; b < ARRAY_COUNT(special); b++) {
            char text[9] = "xxxxxxxx";
            text[3] = (char)special[a];
            text[4] = (char)special[b];
            Buf expected = BUF_INIT; // from the strings of each alone, without their quotes
            buf_text(&expected, "\"xxx");
            for (size_t i = 3; i <= 4; i++) {
                const char *alone = string_of(text + i, 1);
                buf_append(&expected, alone + 1, strlen(alone) - 2);
            }
            buf_text(&expected, "xxx\"");
            cr_assert_str_eq(string_of(text, 8), buf_str(&expected));
            buf_deinit(&expected);
        }
    }
}

static const char *utf16_of(const uint16_t *units, size_t n) {
    JsonWriter w = start();
    jsonw_utf16(&w, units, n);
    return buf_str(&buf);
}

Test(jsonw, utf16, .fini = release) {
    static const uint16_t mixed[] = {'a', '"', 0, 0xe4, 0x20ac, 0xd83d, 0xde00, '\n'};
    static const uint16_t lone[] = {0xd83d, 'x', 0xde00, 0xd800};
    static const uint16_t reversed[] = {0xde00, 0xd83d};
    cr_assert_str_eq(utf16_of(NULL, 0), "\"\"");
    cr_assert_str_eq(utf16_of(mixed, 8), "\"a\\\"\\u0000\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\\n\"");
    cr_assert_str_eq(utf16_of(lone, 4), "\"\\ud83dx\\ude00\\ud800\"");
    cr_assert_str_eq(utf16_of(reversed, 2), "\"\\ude00\\ud83d\"");
    cr_assert_str_eq(utf16_of(mixed + 5, 1), "\"\\ud83d\"");
    // The same as by way of UTF-8, around the local buffer.
    static uint16_t units[600];
    static const char tail[] = "\xf0\x9f\x98\x80\\u0001\"";
    static char expected[2000];
    for (size_t n = 490; n < 530; n++) {
        for (size_t i = 0; i < n; i++)
            units[i] = 'a';
        units[n] = 0xd83d;
        units[n + 1] = 0xde00;
        units[n + 2] = 1;
        memset(expected, 'a', n + 1);
        expected[0] = '"';
        memcpy(expected + n + 1, tail, sizeof tail);
        cr_assert_str_eq(utf16_of(units, n + 3), expected);
    }
}

static const char *double_of(double v) {
    JsonWriter w = start();
    jsonw_double(&w, v);
    return buf_str(&buf);
}

Test(jsonw, doubles, .fini = release) {
    cr_assert_str_eq(double_of(0.0), "0");
    cr_assert_str_eq(double_of(-0.0), "-0");
    cr_assert_str_eq(double_of(0.1), "0.1");
    cr_assert_str_eq(double_of(-1.5), "-1.5");
    cr_assert_str_eq(double_of(0.1 + 0.2), "0.30000000000000004");
    cr_assert_str_eq(double_of(1e22), "1e+22");
    cr_assert_str_eq(double_of(1e15), "1000000000000000");
    cr_assert_str_eq(double_of(9007199254740992.0), "9007199254740992");
    cr_assert_str_eq(double_of(-9007199254740992.0), "-9007199254740992");
    cr_assert_str_eq(double_of(9007199254740994.0), "9007199254740994");
    cr_assert_str_eq(double_of(5e-324), "5e-324");
    cr_assert_str_eq(double_of(2.2250738585072014e-308), "2.2250738585072014e-308");
    cr_assert_str_eq(double_of(DBL_MAX), "1.7976931348623157e+308");
    cr_assert_str_eq(double_of((double)INFINITY), "null");
    cr_assert_str_eq(double_of(-(double)INFINITY), "null");
    cr_assert_str_eq(double_of((double)NAN), "null");
}

Test(jsonw, doubles_come_back, .fini = release, .timeout = 60) {
    uint64_t random = 3;
    for (int round = 0; round < 200000; round++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t bits = random ^ (random >> 31);
        double v, back;
        memcpy(&v, &bits, sizeof v);
        if (!(fabs(v) <= DBL_MAX))
            continue;
        back = strtod(double_of(v), NULL);
        cr_assert_arr_eq(&back, &v, sizeof v, "%s", buf_str(&buf));
    }
}

Test(jsonw, failures_stick_in_the_buffer) {
    for (size_t limit = 1; limit <= 12; limit++) {
        Buf limited = {.limit = limit};
        JsonWriter w = jsonw(&limited);
        jsonw_array(&w);
        jsonw_text(&w, "a\nb"); // "a\nb" in quotes: six
        jsonw_i64(&w, 12);
        jsonw_array_end(&w);
        cr_assert_eq(limited.failed, limit < 11);
        if (limit >= 11)
            cr_assert_str_eq(buf_str(&limited), "[\"a\\nb\",12]");
        buf_deinit(&limited);
    }
    Buf none = BUF_INIT;
    JsonWriter w = jsonw(&none);
    mem_fail_at(1);
    jsonw_text(&w, "x");
    jsonw_i64(&w, 1);
    cr_assert(none.failed && none.bytes == 0);
    buf_deinit(&none);
}
