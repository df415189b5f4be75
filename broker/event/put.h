// Writing digits and escapes straight into a Buf: what value and event text is made of.
//
// Private to the event room. put_* write at p and return the place behind; the caller has made room.
// room/fill bracket such writes and keep the Buf's NUL. No state; no allocation beyond the Buf's.
#pragma once

#include "util/buf.h"
#include "util/guid.h"

// A place for `bytes` more bytes, or NULL when the Buf has failed.
static inline char *put_room(Buf *out, size_t bytes) {
    // The common case without a call: memory is there and nothing limits it.
    bool easy = !out->failed && out->limit == 0 && out->capacity - out->bytes > bytes;
    return easy || buf_reserve(out, bytes) ? (char *)out->data + out->bytes : NULL;
}

static inline void put_done(Buf *out, char *end) {
    out->bytes = (size_t)((uint8_t *)end - out->data);
    *end = '\0';
}

static inline char *put_bytes(char *p, const void *data, size_t n) {
    memcpy(p, data, n);
    return p + n;
}

static inline void put_append(Buf *out, const void *data, size_t n) {
    char *p = put_room(out, n);
    if (p)
        put_done(out, put_bytes(p, data, n));
}

static inline void put_char(Buf *out, char c) {
    put_append(out, &c, 1);
}

// A string literal; the compiler knows its length.
#define PUT_LITERAL(p, text)   put_bytes(p, text, sizeof(text) - 1)
#define BUF_LITERAL(out, text) put_append(out, text, sizeof(text) - 1)

static inline char *put_pair(char *p, uint32_t v) { // two decimal digits
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    memcpy(p, pairs + 2 * v, 2);
    return p + 2;
}

#define PUT_DECIMAL 20 // most bytes
static inline char *put_decimal(char *p, uint64_t v) {
    char local[PUT_DECIMAL];
    char *q = local + sizeof local;
    while (v >= 100) {
        q -= 2;
        put_pair(q, (uint32_t)(v % 100));
        v /= 100;
    }
    if (v >= 10) {
        q -= 2;
        put_pair(q, (uint32_t)v);
    } else {
        *--q = (char)('0' + v);
    }
    return put_bytes(p, q, (size_t)(local + sizeof local - q));
}

#define PUT_SIGNED 21
static inline char *put_signed(char *p, int64_t v) {
    if (v < 0)
        *p++ = '-';
    return put_decimal(p, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

// "0x1F": as TDH, upper-case digits, no leading zeros beyond `digits`.
#define PUT_HEX 18
static inline char *put_hex(char *p, uint64_t v, int digits) {
    int n = (67 - __builtin_clzll(v | 1)) / 4;
    n = MAX_OF(n, digits);
    *p++ = '0';
    *p++ = 'x';
    for (int i = n - 1; i >= 0; i--, v >>= 4)
        p[i] = "0123456789ABCDEF"[v & 15];
    return p + n;
}

static inline char *put_hex_byte(char *p, uint8_t b) { // lower case
    p[0] = "0123456789abcdef"[b >> 4];
    p[1] = "0123456789abcdef"[b & 15];
    return p + 2;
}

// "{68fdd900-4a3e-11d1-84f4-0000f80464e3}"
#define PUT_GUID 38
static inline char *put_guid(char *p, const void *guid) {
    const uint8_t *b = guid;
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    *p++ = '{';
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        p = put_hex_byte(p, b[order[i]]);
    }
    *p++ = '}';
    return p;
}

#define PUT_TIME 32                        // most bytes, with a NUL that it writes
char *put_time(char *p, int64_t filetime); // ISO 8601, UTC, 7 digits
void put_hex_bytes(Buf *out, const void *data, size_t bytes);   // lower-case pairs
void put_latin1(Buf *out, const void *data, size_t bytes);      // as UTF-8
void put_json_utf8(Buf *out, const char *text, size_t bytes);   // escaped, without the quotes
void put_json_utf16(Buf *out, const void *units, size_t n);     // the same
void put_json_latin1(Buf *out, const void *data, size_t bytes); // the same
void put_json_plain(Buf *out, const char *text);                // the same, NUL-terminated
void put_json_text(Buf *out, const char *text);                 // with the quotes
// `"0x1","0x2"`: n integers of 1, 2, 4 or 8 bytes.
void put_hex_array(Buf *out, const void *data, uint32_t n, uint32_t width);
// Is the text JSON as it stands? Most names are: ASCII without quotes, backslashes and controls.
bool put_is_clean(const char *text, size_t bytes);
// `"Label":"text"`, escaped; nothing when the text is empty. label: with comma, quotes and colon.
void put_member(Buf *out, const char *label, size_t label_bytes, const char *text);
#define PUT_MEMBER(out, label, text) put_member(out, label, sizeof(label) - 1, text)
