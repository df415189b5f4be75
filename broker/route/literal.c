#include "route/literal.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/err.h"
#include "util/timefmt.h"
#include "util/utf.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static int hex_digit(char c) {
    if (is_digit(c))
        return c - '0';
    char low = (char)(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// Decimal or 0x digits over the whole text; false on overflow or anything else.
static bool parse_u64(const char *p, const char *end, uint64_t *ret) {
    uint64_t v = 0;
    bool hex = end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x';
    if (hex)
        p += 2;
    if (p == end)
        return false;
    uint64_t base = hex ? 16 : 10;
    for (; p < end; p++) {
        int d = hex ? hex_digit(*p) : is_digit(*p) ? *p - '0' : -1;
        if (d < 0 || v > (UINT64_MAX - (uint64_t)d) / base)
            return false;
        v = v * base + (uint64_t)d;
    }
    *ret = v;
    return true;
}

// "12.5", "1e3", ".5": digits only where C's strtod expects them, so that it never sees inf or hex.
static bool parse_double(const char *p, const char *end, double *ret) {
    char copy[64];
    size_t n = (size_t)(end - p);
    if (n == 0 || n >= sizeof copy)
        return false;
    bool digit = false;
    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        bool exponent = i > 0 && digit && (c | 0x20) == 'e';
        bool sign = i > 0 && (p[i - 1] | 0x20) == 'e' && (c == '-' || c == '+');
        if (!is_digit(c) && c != '.' && !exponent && !sign)
            return false;
        digit = digit || is_digit(c);
    }
    memcpy(copy, p, n);
    copy[n] = 0;
    char *stop;
    double v = strtod(copy, &stop);
    // Beyond a double's range it would be infinite, which no filter can write.
    if (!digit || *stop != 0 || v > DBL_MAX)
        return false;
    *ret = v;
    return true;
}

static bool parse_number(const char *text, size_t bytes, Literal *l) {
    const char *p = text, *end = text + bytes;
    bool negative = p < end && *p == '-';
    if (negative || (p < end && *p == '+'))
        p++;
    unsigned shift = 0;
    bool hex = end - p > 2 && p[0] == '0' && (p[1] | 0x20) == 'x';
    if (end - p > 2 && (end[-1] | 0x20) == 'b') {
        switch (end[-2] |
                0x20) { // none of these letters is a hexadecimal digit: 0x4KB is unambiguous
        case 'k':
            shift = 10;
            break;
        case 'm':
            shift = 20;
            break;
        case 'g':
            shift = 30;
            break;
        case 't':
            shift = 40;
            break;
        case 'p':
            shift = 50;
            break;
        default:
            break;
        }
        if (shift != 0)
            end -= 2;
    }
    uint64_t v;
    if (parse_u64(p, end, &v) && v <= UINT64_MAX >> shift) {
        v <<= shift;
        l->has_int = l->has_float = true;
        l->negative = negative && v != 0;
        l->hex = hex && !negative;
        l->magnitude = v;
        l->number = negative ? -(double)v : (double)v;
        return true;
    }
    double d;
    if (hex || !parse_double(p, end, &d))
        return false;
    l->has_float = true;
    l->number = (negative ? -d : d) * (double)(UINT64_C(1) << shift);
    // 1.5KB is the integer 1536 in PowerShell as well, as far as comparing goes.
    if (d >= 0 && d * (double)(UINT64_C(1) << shift) < 9007199254740992.0) {
        double scaled = d * (double)(UINT64_C(1) << shift);
        if (scaled == (double)(uint64_t)scaled) {
            l->has_int = true;
            l->magnitude = (uint64_t)scaled;
            l->negative = negative && l->magnitude != 0;
        }
    }
    return true;
}

bool literal_parse_ip4(const char *text, size_t bytes, uint8_t ret[4]) {
    uint8_t out[4];
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        unsigned v = 0, digits = 0;
        while (at < bytes && is_digit(text[at]) && digits < 3) {
            v = v * 10 + (unsigned)(text[at++] - '0');
            digits++;
        }
        if (digits == 0 || v > 255)
            return false;
        out[i] = (uint8_t)v;
        if (i < 3 && (at == bytes || text[at++] != '.'))
            return false;
    }
    if (at != bytes)
        return false;
    memcpy(ret, out, 4);
    return true;
}

bool literal_parse_ip6(const char *text, size_t bytes, uint8_t ret[16]) {
    uint8_t out[16] = {0};
    size_t at = 0, n = 0, gap = SIZE_MAX;
    if (bytes >= 2 && text[0] == '[' && text[bytes - 1] == ']') {
        text++;
        bytes -= 2;
    }
    for (size_t i = 0; i < bytes; i++)
        if (text[i] == '%') // a zone is no part of the address
            bytes = i;
    if (bytes < 2)
        return false;
    if (text[0] == ':') {
        if (text[1] != ':')
            return false;
        gap = 0;
        at = 2;
    }
    while (at < bytes) {
        if (n == 16)
            return false;
        if (n <= 12 && literal_parse_ip4(text + at, bytes - at, out + n)) {
            n += 4;
            break;
        }
        unsigned v = 0, digits = 0;
        while (at < bytes && digits < 4 && hex_digit(text[at]) >= 0) {
            v = v * 16 + (unsigned)hex_digit(text[at++]);
            digits++;
        }
        if (digits == 0)
            return false;
        out[n++] = (uint8_t)(v >> 8);
        out[n++] = (uint8_t)(v & 0xff);
        if (at == bytes)
            break;
        if (text[at++] != ':' || at == bytes)
            return false;
        if (text[at] == ':') {
            if (gap != SIZE_MAX)
                return false;
            gap = n;
            at++;
        }
    }
    if (gap == SIZE_MAX) {
        if (n != 16)
            return false;
    } else {
        if (n > 14)
            return false;
        memmove(out + 16 - (n - gap), out + gap, n - gap);
        memset(out + gap, 0, 16 - n);
    }
    memcpy(ret, out, 16);
    return true;
}

uint8_t literal_parse_sid(const char *text, size_t bytes, uint8_t ret[LITERAL_MAX_SID]) {
    const char *p = text, *end = text + bytes;
    if (bytes < 6 || (p[0] | 0x20) != 's' || p[1] != '-' || p[2] != '1' || p[3] != '-')
        return 0;
    p += 4;
    uint8_t out[LITERAL_MAX_SID] = {1, 0};
    for (int part = 0; p <= end; part++) {
        const char *dash = memchr(p, '-', (size_t)(end - p));
        const char *stop = dash ? dash : end;
        uint64_t v;
        if (!parse_u64(p, stop, &v))
            return 0;
        if (part == 0) {
            if (v >> 48)
                return 0;
            for (int i = 0; i < 6; i++)
                out[2 + i] = (uint8_t)(v >> (8 * (5 - i)));
        } else {
            if (v > UINT32_MAX || out[1] == 15)
                return 0;
            store_u32(out + 8 + 4 * out[1], (uint32_t)v);
            out[1]++;
        }
        if (!dash)
            break;
        p = dash + 1;
    }
    if (out[1] == 0)
        return 0;
    memcpy(ret, out, sizeof out);
    return (uint8_t)(8 + 4 * out[1]);
}

static bool take_digits(const char **p, const char *end, int n, int *ret) {
    int v = 0;
    for (int i = 0; i < n; i++) {
        if (*p == end || !is_digit(**p))
            return false;
        v = v * 10 + (*(*p)++ - '0');
    }
    *ret = v;
    return true;
}

static bool take(const char **p, const char *end, char c) {
    if (*p == end || **p != c)
        return false;
    (*p)++;
    return true;
}

bool literal_parse_time(const char *text, size_t bytes, int64_t *ret) {
    const char *p = text, *end = text + bytes;
    CalendarTime c = {0};
    if (!take_digits(&p, end, 4, &c.year) || !take(&p, end, '-') ||
        !take_digits(&p, end, 2, &c.month) || !take(&p, end, '-') ||
        !take_digits(&p, end, 2, &c.day))
        return false;
    int64_t offset_minutes = 0;
    if (p < end) {
        if (*p != 'T' && *p != 't' && *p != ' ')
            return false;
        p++;
        if (!take_digits(&p, end, 2, &c.hour) || !take(&p, end, ':') ||
            !take_digits(&p, end, 2, &c.minute))
            return false;
        if (take(&p, end, ':')) {
            if (!take_digits(&p, end, 2, &c.second))
                return false;
            if (take(&p, end, '.')) {
                int digits = 0;
                while (p < end && is_digit(*p)) {
                    if (digits < 7)
                        c.ticks = c.ticks * 10 + (*p - '0');
                    digits++;
                    p++;
                }
                if (digits == 0)
                    return false;
                for (; digits < 7; digits++)
                    c.ticks *= 10;
            }
        }
        if (p < end && (*p == 'Z' || *p == 'z')) {
            p++;
        } else if (p < end && (*p == '+' || *p == '-')) {
            int sign = *p++ == '-' ? -1 : 1, hours, minutes = 0;
            if (!take_digits(&p, end, 2, &hours))
                return false;
            take(&p, end, ':');
            if (p < end && !take_digits(&p, end, 2, &minutes))
                return false;
            if (hours > 14 || minutes > 59)
                return false;
            offset_minutes = sign * (hours * 60 + minutes);
        }
        if (p != end || c.hour > 23 || c.minute > 59 || c.second > 59)
            return false;
    }
    if (c.month < 1 || c.month > 12 || c.day < 1 || c.day > 31)
        return false;
    int64_t time;
    if (!calendar_to_filetime(&c, &time))
        return false;
    *ret = time - offset_minutes * 60 * FILETIME_PER_SECOND;
    return true;
}

static int set_text(Arena *arena, const char *text, size_t bytes, Literal *l) {
    char *copy = arena_strndup(arena, text, bytes);
    uint32_t *folded = arena_array(arena, bytes + 1, sizeof *folded);
    if (!copy || !folded)
        return -(int)STATUS_NO_MEMORY;
    const char *p = text, *end = text + bytes;
    while (p < end) {
        uint32_t cp;
        p += utf8_next(p, end, &cp);
        l->n_units += cp >= 0x10000 ? 2 : 1;
        folded[l->n_folded++] = fold_char(cp);
    }
    l->text = copy;
    l->text_bytes = (uint32_t)bytes;
    l->folded = folded;
    return 0;
}

int literal_text(Arena *arena, const char *text, size_t bytes, Literal *ret) {
    memset(ret, 0, sizeof *ret);
    ret->kind = LITERAL_TEXT;
    int r = set_text(arena, text, bytes, ret);
    if (r != 0)
        return r;
    parse_number(text, bytes, ret);
    char copy[40];
    if (bytes < sizeof copy) {
        memcpy(copy, text, bytes);
        copy[bytes] = 0;
        ret->has_guid = memchr(text, 0, bytes) == NULL && guid_parse(copy, &ret->guid);
    }
    if (fold_equal(ret->text, "true") || fold_equal(ret->text, "false")) {
        ret->has_bool = true;
        ret->boolean = fold_equal(ret->text, "true");
    }
    ret->has_ip4 = literal_parse_ip4(text, bytes, ret->ip4);
    ret->has_ip6 = literal_parse_ip6(text, bytes, ret->ip6);
    ret->has_time = literal_parse_time(text, bytes, &ret->time);
    uint8_t sid[LITERAL_MAX_SID];
    ret->sid_bytes = literal_parse_sid(text, bytes, sid);
    if (ret->sid_bytes != 0) {
        ret->sid = arena_dup(arena, sid, ret->sid_bytes);
        if (!ret->sid)
            return -(int)STATUS_NO_MEMORY;
    }
    return 0;
}

int literal_bool(Arena *arena, bool value, Literal *ret) {
    memset(ret, 0, sizeof *ret);
    ret->kind = LITERAL_BOOL;
    ret->has_bool = true;
    ret->boolean = value;
    literal_set_int(ret, value);
    return set_text(arena, value ? "True" : "False", value ? 4 : 5, ret);
}

int literal_null(Arena *arena, Literal *ret) {
    memset(ret, 0, sizeof *ret);
    return set_text(arena, "", 0, ret);
}

int literal_number(Arena *arena, const char *text, size_t bytes, Literal *ret) {
    memset(ret, 0, sizeof *ret);
    ret->kind = LITERAL_NUMBER;
    if (!parse_number(text, bytes, ret))
        return 1;
    char copy[64];
    int n;
    if (ret->has_int)
        n = snprintf(copy, sizeof copy, "%s%llu", ret->negative ? "-" : "",
                     (unsigned long long)ret->magnitude);
    else
        n = snprintf(copy, sizeof copy, "%.15g", ret->number);
    if (n < 0)
        n = 0;
    return set_text(arena, copy, (size_t)n, ret);
}

void literal_set_int(Literal *literal, uint64_t value) {
    literal->has_int = literal->has_float = true;
    literal->negative = false;
    literal->magnitude = value;
    literal->number = (double)value;
}
