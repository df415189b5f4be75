// Runs of text into a Buf: JSON escapes, Latin-1, hex, times. Every loop works through a local block,
// so that nothing is reserved for the worst case.
#include "event/put.h"

#include "util/timefmt.h"
#include "util/utf.h"

#define BLOCK          512u
#define LONGEST_ESCAPE 12u // two \uXXXX

char *put_time(char *p, int64_t filetime) {
    filetime_format(filetime, p); // fixed width, but for times that no calendar has
    size_t n = p[1] == 'x' ? 18 : 28;
    return p + n;
}

void put_hex_bytes(Buf *out, const void *data, size_t bytes) {
    const uint8_t *b = data;
    while (bytes > 0) {
        size_t n = MIN_OF(bytes, (size_t)(BLOCK / 2));
        char *p = put_room(out, 2 * n);
        if (!p)
            return;
        for (size_t i = 0; i < n; i++)
            p = put_hex_byte(p, b[i]);
        put_done(out, p);
        b += n;
        bytes -= n;
    }
}

void put_hex_array(Buf *out, const void *data, uint32_t n, uint32_t width) {
    const uint8_t *d = data;
    for (uint32_t i = 0; i < n;) {
        uint32_t some = MIN_OF(n - i, 32u);
        char *p = put_room(out, (size_t)some * (PUT_HEX + 3));
        if (!p)
            return;
        for (uint32_t end = i + some; i < end; i++, d += width) {
            if (i > 0)
                *p++ = ',';
            *p++ = '"';
            p = put_hex(p,
                        width == 8   ? load_u64(d)
                        : width == 4 ? load_u32(d)
                        : width == 2 ? load_u16(d)
                                     : *d,
                        1);
            *p++ = '"';
        }
        put_done(out, p);
    }
}

static char *put_unicode(char *p, uint32_t unit) {
    static const char digits[] = "0123456789abcdef";
    *p++ = '\\';
    *p++ = 'u';
    for (int shift = 12; shift >= 0; shift -= 4)
        *p++ = digits[(unit >> shift) & 15];
    return p;
}

// What JSON must not have raw: controls, quote, backslash. 0x7f is legal but hides in terminals.
static bool is_plain(uint32_t c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static char *put_escape(char *p, uint32_t c) { // c < 0x80
    char letter = 0;
    switch (c) {
    case '"':
    case '\\':
        letter = (char)c;
        break;
    case '\b':
        letter = 'b';
        break;
    case '\f':
        letter = 'f';
        break;
    case '\n':
        letter = 'n';
        break;
    case '\r':
        letter = 'r';
        break;
    case '\t':
        letter = 't';
        break;
    default:
        return put_unicode(p, c);
    }
    *p++ = '\\';
    *p++ = letter;
    return p;
}

// Lone surrogates have no UTF-8: they travel as escapes.
static char *put_character(char *p, uint32_t cp) {
    if (is_plain(cp))
        *p++ = (char)cp;
    else if (cp < 0x80)
        return put_escape(p, cp);
    else if (cp >= 0xd800 && cp < 0xe000)
        return put_unicode(p, cp);
    else
        p += utf8_put(p, cp);
    return p;
}

// Eight bytes at once: is none of them below 0x20, above 0x7e, a quote or a backslash? May answer no
// for eight good ones, never yes for a bad one.
static bool eight_plain(uint64_t v) {
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones * 0x80;
    uint64_t quote = v ^ (ones * '"'), slash = v ^ (ones * '\\'), del = v ^ (ones * 0x7f);
    return (((v - ones * 0x20) | v | (quote - ones) | (slash - ones) | (del - ones)) & highs) == 0;
}

static size_t plain_prefix(const char *text, size_t bytes) {
    size_t i = 0;
    while (i + 8 <= bytes && eight_plain(load_u64(text + i)))
        i += 8;
    while (i < bytes && is_plain((uint8_t)text[i]))
        i++;
    return i;
}

bool put_is_clean(const char *text, size_t bytes) {
    return plain_prefix(text, bytes) == bytes;
}

void put_json_utf8(Buf *out, const char *text, size_t bytes) {
    const char *end = text + bytes;
    while (text < end) {
        size_t n = plain_prefix(text, (size_t)(end - text));
        put_append(out, text, n);
        text += n;
        char local[BLOCK], *p = local;
        while (text < end && p < local + BLOCK - LONGEST_ESCAPE) {
            uint32_t cp = (uint8_t)*text;
            if (is_plain(cp) && p != local)
                break; // back to whole runs
            text += cp < 0x80 ? 1 : utf8_next(text, end, &cp);
            p = put_character(p, cp);
        }
        put_append(out, local, (size_t)(p - local));
        if (out->failed)
            return;
    }
}

// Four units at once, when they are plain ASCII: their four bytes at p.
static bool four_units(char *p, const uint8_t *units) {
    uint64_t v = load_u64(units);
    if (v & UINT64_C(0xff80ff80ff80ff80))
        return false;
    v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
    uint32_t bytes = (uint32_t)(v | v >> 16);
    if (!eight_plain(bytes | UINT64_C(0x2020202000000000)))
        return false;
    store_u32(p, bytes);
    return true;
}

void put_json_utf16(Buf *out, const void *units, size_t n) {
    const uint8_t *u = units;
    char local[BLOCK];
    for (size_t i = 0; i < n;) {
        char *p = local;
        while (i < n && p < local + BLOCK - LONGEST_ESCAPE) {
            if (n - i >= 4 && four_units(p, u + 2 * i)) {
                p += 4;
                i += 4;
                continue;
            }
            uint32_t cp = load_u16(u + 2 * i++);
            if (is_plain(cp)) {
                *p++ = (char)cp;
                continue;
            }
            if (cp >= 0xd800 && cp < 0xdc00 && i < n) {
                uint32_t low = load_u16(u + 2 * i);
                if (low >= 0xdc00 && low < 0xe000) {
                    cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
                    i++;
                }
            }
            p = put_character(p, cp);
        }
        put_append(out, local, (size_t)(p - local));
        if (out->failed)
            return;
    }
}

static void latin1(Buf *out, const uint8_t *b, size_t bytes, bool json) {
    char local[BLOCK];
    for (size_t i = 0; i < bytes;) {
        char *p = local;
        while (i < bytes && p < local + BLOCK - LONGEST_ESCAPE) {
            uint32_t c = b[i++];
            if (json)
                p = put_character(p, c);
            else
                p += utf8_put(p, c);
        }
        put_append(out, local, (size_t)(p - local));
        if (out->failed)
            return;
    }
}

void put_latin1(Buf *out, const void *data, size_t bytes) {
    latin1(out, data, bytes, false);
}

void put_json_latin1(Buf *out, const void *data, size_t bytes) {
    latin1(out, data, bytes, true);
}

void put_json_plain(Buf *out, const char *text) {
    put_json_utf8(out, text, strlen(text));
}

void put_json_text(Buf *out, const char *text) {
    put_char(out, '"');
    put_json_plain(out, text);
    put_char(out, '"');
}

void put_member(Buf *out, const char *label, size_t label_bytes, const char *text) {
    size_t bytes = strlen(text);
    if (bytes == 0)
        return;
    char *p = put_room(out, label_bytes + bytes + 2);
    if (!p)
        return;
    p = put_bytes(p, label, label_bytes);
    *p++ = '"';
    if (put_is_clean(text, bytes)) {
        p = put_bytes(p, text, bytes);
        *p++ = '"';
        put_done(out, p);
    } else {
        put_done(out, p);
        put_json_utf8(out, text, bytes);
        put_char(out, '"');
    }
}
