// The JSON writer. What decides its speed is copying: runs of bytes that need no escape go out in
// one piece, found eight bytes at a time.
//
// At depth 0 no commas are written, so that one writer can write many lines. Nesting beyond 63
// levels fails the buffer: no document of ours comes near, so it is a loop in the caller.
#include "util/jsonw.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/utf.h"

#define MOST_DEPTH 63u
#define ONES       UINT64_C(0x0101010101010101)
#define HIGHS      (ONES * 0x80)

static const char hex_digits[] = "0123456789abcdef";

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
                                  "25262728293031323334353637383940414243444546474849"
                                  "50515253545556575859606162636465666768697071727374"
                                  "75767778798081828384858687888990919293949596979899";

static void before_value(JsonWriter *w) {
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0)
        return;
    uint64_t bit = UINT64_C(1) << w->depth;
    if ((w->comma & bit) != 0)
        buf_char(w->out, ',');
    w->comma |= bit;
}

static void open_level(JsonWriter *w, char c) {
    before_value(w);
    if (w->depth == MOST_DEPTH) {
        w->out->failed = true;
        return;
    }
    w->depth++;
    w->comma &= ~(UINT64_C(1) << w->depth);
    buf_char(w->out, c);
}

static void close_level(JsonWriter *w, char c) {
    if (w->depth == 0) {
        w->out->failed = true;
        return;
    }
    w->depth--;
    w->after_key = false;
    buf_char(w->out, c);
}

void jsonw_object(JsonWriter *w) {
    open_level(w, '{');
}

void jsonw_object_end(JsonWriter *w) {
    close_level(w, '}');
}

void jsonw_array(JsonWriter *w) {
    open_level(w, '[');
}

void jsonw_array_end(JsonWriter *w) {
    close_level(w, ']');
}

// The high bit of each byte that is below 0x20, a quote, a backslash or not ASCII. Carries between
// bytes can only mark a byte too many behind a right one, never miss one; the first is exact.
static uint64_t special_bytes(uint64_t v) {
    uint64_t quote = v ^ (ONES * '"'), slash = v ^ (ONES * '\\');
    return ((v - ONES * 0x20) | (quote - ONES) | (slash - ONES) | v) & HIGHS;
}

// How many bytes from p on can be copied as they are: plain ASCII only.
static size_t plain_run(const uint8_t *p, size_t bytes) {
    size_t n = 0;
    while (n + 8 <= bytes && special_bytes(load_u64(p + n)) == 0)
        n += 8;
    while (n < bytes && p[n] >= 0x20 && p[n] < 0x80 && p[n] != '"' && p[n] != '\\')
        n++;
    return n;
}

// The escape of an ASCII character that needs one; returns its length.
static size_t put_escape(char *out, uint32_t c) {
    static const char names[] = "btn?fr"; // U+0008 to U+000D; the fourth (VT) has no short form
    out[0] = '\\';
    if (c == '"' || c == '\\') {
        out[1] = (char)c;
        return 2;
    }
    if (c >= 8 && c <= 13 && c != 11) {
        out[1] = names[c - 8];
        return 2;
    }
    out[1] = 'u';
    for (int i = 0; i < 4; i++)
        out[2 + i] = hex_digits[(c >> (12 - 4 * i)) & 15];
    return 6;
}

static void put_string(Buf *out, const char *text, size_t bytes) {
    if (bytes == 0) { // also when the text is NULL
        buf_append(out, "\"\"", 2);
        return;
    }
    // Quotes and text at once when nothing needs an escape, which is the rule.
    if (!buf_reserve(out, bytes + 2))
        return;
    buf_char(out, '"');
    const uint8_t *p = (const uint8_t *)text, *end = p + bytes;
    const uint8_t *run = p; // not yet copied from here on
    while (p < end) {
        p += plain_run(p, (size_t)(end - p));
        if (p == end)
            break;
        uint32_t cp;
        size_t n = utf8_next((const char *)p, (const char *)end, &cp);
        bool surrogate = cp >= 0xd800 && cp < 0xe000;
        if (n > 1 && !surrogate) {
            p += n;
            continue;
        }
        buf_append(out, run, (size_t)(p - run));
        char escape[6];
        size_t escape_bytes = cp == 0xfffd ? utf8_put(escape, cp) : put_escape(escape, cp);
        buf_append(out, escape, escape_bytes);
        p += n;
        run = p;
    }
    if (p > run)
        buf_append(out, run, (size_t)(p - run));
    buf_char(out, '"');
}

void jsonw_key(JsonWriter *w, const char *key) {
    before_value(w);
    put_string(w->out, key, strlen(key));
    buf_char(w->out, ':');
    w->after_key = true;
}

void jsonw_string(JsonWriter *w, const char *text, size_t bytes) {
    before_value(w);
    put_string(w->out, text, bytes);
}

void jsonw_text(JsonWriter *w, const char *text) {
    if (text == NULL)
        jsonw_null(w);
    else
        jsonw_string(w, text, strlen(text));
}

void jsonw_utf16(JsonWriter *w, const void *units, size_t n) {
    before_value(w);
    const uint8_t *p = units;
    char local[512];
    size_t used = 0;
    local[used++] = '"';
    for (size_t i = 0; i < n; i++) {
        if (used > sizeof local - 6) {
            buf_append(w->out, local, used);
            used = 0;
        }
        uint32_t unit = load_u16(p + 2 * i);
        if (unit >= 0x20 && unit < 0x80 && unit != '"' && unit != '\\') {
            local[used++] = (char)unit;
        } else if (unit < 0x80) {
            used += put_escape(local + used, unit);
        } else if (unit < 0xd800 || unit >= 0xe000) {
            used += utf8_put(local + used, unit);
        } else {
            uint32_t low = i + 1 < n ? load_u16(p + 2 * i + 2) : 0;
            if (unit < 0xdc00 && (low & 0xfc00) == 0xdc00) {
                used += utf8_put(local + used, 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
                i++;
            } else {
                used += put_escape(local + used, unit);
            }
        }
    }
    buf_append(w->out, local, used);
    buf_char(w->out, '"');
}

// Writes the digits of v so that they end at `end`; returns where they start.
static char *digits_before(char *end, uint64_t v) {
    while (v >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v >= 10) {
        end -= 2;
        memcpy(end, digit_pairs + 2 * v, 2);
    } else {
        *--end = (char)('0' + v);
    }
    return end;
}

void jsonw_i64(JsonWriter *w, int64_t v) {
    before_value(w);
    char local[24], *end = local + sizeof local;
    char *start = digits_before(end, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
    if (v < 0)
        *--start = '-';
    buf_append(w->out, start, (size_t)(end - start));
}

void jsonw_u64(JsonWriter *w, uint64_t v) {
    before_value(w);
    char local[24], *end = local + sizeof local;
    char *start = digits_before(end, v);
    buf_append(w->out, start, (size_t)(end - start));
}

void jsonw_u64_text(JsonWriter *w, uint64_t v) {
    before_value(w);
    char local[24], *end = local + sizeof local;
    end[-1] = '"';
    char *start = digits_before(end - 1, v);
    *--start = '"';
    buf_append(w->out, start, (size_t)(end - start));
}

void jsonw_hex(JsonWriter *w, uint64_t v) {
    before_value(w);
    char local[24], *end = local + sizeof local;
    char *start = end;
    *--start = '"';
    do {
        *--start = hex_digits[v & 15];
        v >>= 4;
    } while (v != 0);
    *--start = 'x';
    *--start = '0';
    *--start = '"';
    buf_append(w->out, start, (size_t)(end - start));
}

static bool same_double(double a, double b) {
    return load_u64(&a) == load_u64(&b); // tells 0 from -0, unlike ==
}

void jsonw_double(JsonWriter *w, double v) {
    if (!(fabs(v) <= DBL_MAX)) { // NaN too; mingw's isfinite does not pass -Wconversion
        jsonw_null(w);
        return;
    }
    // Whole numbers that a double holds exactly need no search for the shortest text.
    if (v >= -9007199254740992.0 && v <= 9007199254740992.0 && same_double(v, (double)(int64_t)v)) {
        jsonw_i64(w, (int64_t)v);
        return;
    }
    before_value(w);
    // Every text of up to 15 digits survives as a double, so that %.15g is the shortest when it
    // comes back at all, except below the normal range, where fewer digits may do.
    char local[40];
    int digits = fabs(v) < DBL_MIN ? 1 : 15;
    for (; digits < 17; digits++) {
        snprintf(local, sizeof local, "%.*g", digits, v);
        if (same_double(strtod(local, NULL), v))
            break;
    }
    if (digits == 17)
        snprintf(local, sizeof local, "%.17g", v);
    // The C library writes its locale's decimal point, of one or more bytes.
    char *to = local;
    bool point = false;
    for (const char *from = local; *from != '\0'; from++) {
        bool plain = (*from >= '0' && *from <= '9') || *from == '-' || *from == '+' || *from == 'e';
        if (plain)
            *to++ = *from;
        else if (!point)
            *to++ = '.';
        point = point || !plain;
    }
    buf_append(w->out, local, (size_t)(to - local));
}

void jsonw_bool(JsonWriter *w, bool v) {
    before_value(w);
    buf_append(w->out, v ? "true" : "false", v ? 4 : 5);
}

void jsonw_null(JsonWriter *w) {
    before_value(w);
    buf_append(w->out, "null", 4);
}

void jsonw_raw(JsonWriter *w, const char *json, size_t bytes) {
    before_value(w);
    buf_append(w->out, json, bytes);
}
