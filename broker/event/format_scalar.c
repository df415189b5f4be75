// The text of scalars, as TDH writes them.
#include "event/format_scalar.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "event/codes.h"
#include "event/put.h"
#include "util/utf.h"

// Windows' address families, whatever the host's are.
#define FAMILY_INET  2
#define FAMILY_INET6 23

static ScalarForm integer_form(const SchemaField *f, uint32_t bytes) {
    switch (f->out_type) {
    case OUT_DEFAULT:
        break;
    case OUT_HEX8:
    case OUT_HEX16:
    case OUT_HEX32:
    case OUT_HEX64:
    case OUT_CODE_POINTER:
        return FORM_HEX;
    case OUT_IPV4:
        return bytes == 4 ? FORM_IPV4 : FORM_DECIMAL;
    case OUT_ERROR_CODE:
    case OUT_WIN32_ERROR:
    case OUT_NTSTATUS:
    case OUT_HRESULT:
        return bytes <= 4 ? FORM_CODE : FORM_HEX;
    case OUT_BYTE:
    case OUT_UBYTE:
    case OUT_SHORT:
    case OUT_USHORT:
    case OUT_INT:
    case OUT_UINT:
    case OUT_LONG:
    case OUT_ULONG:
    case OUT_PID:
    case OUT_TID:
    case OUT_PORT:
        return FORM_DECIMAL;
    default:
        break;
    }
    switch (f->in_type) {
    case IN_POINTER:
    case IN_SIZET:
    case IN_HEX32:
    case IN_HEX64:
        return FORM_HEX;
    default:
        return FORM_DECIMAL;
    }
}

static bool sockaddr_known(const Value *v) {
    if (v->bytes < 8)
        return false;
    uint16_t family = load_u16(v->data);
    return family == FAMILY_INET || (family == FAMILY_INET6 && v->bytes >= 24);
}

static ScalarForm binary_form(const Value *v) {
    switch (v->field->out_type) {
    case OUT_IPV6:
        return v->bytes == 16 ? FORM_IPV6 : FORM_BYTES;
    case OUT_IPV4:
        return v->bytes == 4 ? FORM_IPV4 : FORM_BYTES;
    case OUT_SOCKADDR:
        return sockaddr_known(v) ? FORM_SOCKADDR : FORM_BYTES;
    default:
        return FORM_BYTES;
    }
}

ScalarForm scalar_form(const Value *v, uint32_t options) {
    switch (v->kind) {
    case VALUE_U64:
    case VALUE_I64:
    case VALUE_BOOL:
        if (v->field->map && !(options & FORMAT_NO_MAPS))
            return v->field->map->bitmap ? FORM_BITS : FORM_MAP;
        return v->kind == VALUE_BOOL ? FORM_BOOL : integer_form(v->field, v->bytes);
    case VALUE_DOUBLE:
        return FORM_DOUBLE;
    case VALUE_UTF16:
        return FORM_UTF16;
    case VALUE_ANSI:
        return FORM_ANSI;
    case VALUE_UTF8:
        return FORM_UTF8;
    case VALUE_BINARY:
        return binary_form(v);
    case VALUE_GUID:
        return FORM_GUID;
    case VALUE_SID:
        return FORM_SID;
    case VALUE_TIME:
        return FORM_TIME;
    case VALUE_STRUCT:
        return FORM_STRUCT;
    case VALUE_ARRAY:
        return FORM_ARRAY;
    default:
        return FORM_NULL;
    }
}

// The bits of a number as they stood in the payload.
static uint64_t raw_bits(const Value *v) {
    return v->bytes > 0 && v->bytes < 8 ? v->u64 & ((UINT64_C(1) << (8 * v->bytes)) - 1) : v->u64;
}

// ---- Maps ----

const char *scalar_map_name(const Value *v) {
    const SchemaMap *map = v->field->map;
    uint64_t value = raw_bits(v);
    uint32_t low = 0, high = map->n_entries;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const SchemaMapEntry *e = &map->entries[middle];
        if (e->value == value)
            return e->text;
        if (e->value < value)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

void scalar_bits(Buf *out, const Value *v, void (*put)(Buf *out, const char *text)) {
    const SchemaMap *map = v->field->map;
    uint64_t value = raw_bits(v), rest = value;
    if (value == 0) {
        bool named = map->n_entries > 0 && map->entries[0].value == 0;
        put(out, named ? map->entries[0].text : "0");
        return;
    }
    bool first = true;
    for (uint32_t i = 0; i < map->n_entries; i++) {
        const SchemaMapEntry *e = &map->entries[i];
        if (e->value == 0 || (value & e->value) != e->value)
            continue;
        if (!first)
            BUF_LITERAL(out, " | ");
        put(out, e->text);
        first = false;
        rest &= ~(uint64_t)e->value;
    }
    if (rest != 0) {
        if (!first)
            BUF_LITERAL(out, " | ");
        char local[PUT_HEX];
        buf_append(out, local, (size_t)(put_hex(local, rest, 1) - local));
    }
}

// ---- Codes ----

static void code_text(Buf *out, const Value *v) {
    uint32_t code = (uint32_t)raw_bits(v);
    const char *name;
    switch (v->field->out_type) {
    case OUT_WIN32_ERROR:
        name = code_win32_name(code);
        break;
    case OUT_NTSTATUS:
        name = code_ntstatus_name(code);
        break;
    case OUT_HRESULT:
        name = code_hresult_name(code);
        break;
    default: // OUT_ERROR_CODE: any of the three; their ranges hardly meet
        name = code >> 31 == 0 ? code_win32_name(code) : code_ntstatus_name(code);
        if (!name)
            name = code_hresult_name(code);
        break;
    }
    char local[PUT_HEX];
    buf_append(out, local, (size_t)(put_hex(local, code, 8) - local));
    if (name) {
        BUF_LITERAL(out, " (");
        buf_text(out, name);
        buf_char(out, ')');
    }
}

// ---- Addresses ----

#define IPV4_TEXT 16
static char *put_ipv4(char *p, const uint8_t *a) {
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            *p++ = '.';
        p = put_decimal(p, a[i]);
    }
    return p;
}

// RFC 5952: lower case, no leading zeros, the longest run of at least two zero groups (the first of
// equals) as "::", addresses that carry an IPv4 address in dotted form.
#define IPV6_TEXT 48
static char *put_ipv6(char *p, const uint8_t *a) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (memcmp(a, mapped, sizeof mapped) == 0)
        return put_ipv4(PUT_LITERAL(p, "::ffff:"), a + 12);
    uint32_t group[8];
    int best = -1, best_n = 1;
    for (int i = 0; i < 8; i++)
        group[i] = (uint32_t)a[2 * i] << 8 | a[2 * i + 1];
    for (int i = 0; i < 8;) {
        int n = 0;
        while (i + n < 8 && group[i + n] == 0)
            n++;
        if (n > best_n) {
            best = i;
            best_n = n;
        }
        i += n > 0 ? n : 1;
    }
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            p = PUT_LITERAL(p, "::");
            i += best_n - 1;
            continue;
        }
        if (i > 0 && p[-1] != ':')
            *p++ = ':';
        bool started = false;
        for (int shift = 12; shift >= 0; shift -= 4) {
            uint32_t digit = (group[i] >> shift) & 15;
            started = started || digit != 0 || shift == 0;
            if (started)
                *p++ = "0123456789abcdef"[digit];
        }
    }
    return p;
}

// SOCKADDR_IN {u16 family, u16be port, addr 4}, SOCKADDR_IN6 {u16 family, u16be port, u32 flow,
// addr 16, u32 scope}. A port of 0 means "none" and is left out, as Windows' own formatter does.
static char *put_sockaddr(char *p, const Value *v) {
    const uint8_t *d = v->data;
    uint32_t port = (uint32_t)d[2] << 8 | d[3];
    if (load_u16(d) == FAMILY_INET) {
        p = put_ipv4(p, d + 4);
    } else {
        if (port != 0)
            *p++ = '[';
        p = put_ipv6(p, d + 8);
        uint32_t scope = v->bytes >= 28 ? load_u32(d + 24) : 0;
        if (scope != 0) {
            *p++ = '%';
            p = put_decimal(p, scope);
        }
        if (port != 0)
            *p++ = ']';
    }
    if (port != 0) {
        *p++ = ':';
        p = put_decimal(p, port);
    }
    return p;
}

// ---- SIDs ----

size_t sid_length(const uint8_t *sid_untrusted, size_t max) {
    if (max < 8 || sid_untrusted[0] != 1 || sid_untrusted[1] > 15)
        return 0;
    size_t bytes = 8 + 4 * (size_t)sid_untrusted[1];
    return bytes <= max ? bytes : 0;
}

#define SID_TEXT 200 // "S-1-", the authority, 15 of "-4294967295"
void sid_text(Buf *out, const uint8_t *sid, size_t bytes) {
    if (sid_length(sid, bytes) == 0) {
        put_hex_bytes(out, sid, bytes);
        return;
    }
    char *p = put_room(out, SID_TEXT);
    if (!p)
        return;
    uint64_t authority = 0;
    for (int i = 2; i < 8; i++)
        authority = authority << 8 | sid[i];
    p = PUT_LITERAL(p, "S-1-");
    // MS-DTYP 2.4.2.1: an authority that needs more than 32 bits is written in hex.
    p = authority > UINT32_MAX ? put_hex(p, authority, 12) : put_decimal(p, authority);
    for (uint32_t i = 0; i < sid[1]; i++) {
        *p++ = '-';
        p = put_decimal(p, load_u32(sid + 8 + 4 * i));
    }
    put_done(out, p);
}

// ---- Doubles ----

static void float_text(Buf *out, float f) {
    char local[40];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(local, sizeof local, "%.*g", digits, (double)f);
        float back = strtof(local, NULL);
        if (digits == 9 || memcmp(&back, &f, sizeof f) == 0)
            break;
    }
    for (char *p = local; *p; p++)
        if (*p == ',') // a locale's decimal point
            *p = '.';
    buf_text(out, local);
}

static void double_text(Buf *out, const Value *v) {
    double d = v->f64;
    if (!(fabs(d) <= DBL_MAX)) { // as .NET and JSON5 spell them
        buf_text(out, d > 0 ? "Infinity" : d < 0 ? "-Infinity" : "NaN");
    } else if (v->field->in_type == IN_FLOAT) {
        float_text(out, (float)d);
    } else {
        JsonWriter w = jsonw(out);
        jsonw_double(&w, d);
    }
}

// ---- All ----

char *scalar_put(char *p, const Value *v, ScalarForm form) {
    switch (form) {
    case FORM_DECIMAL:
        return v->kind == VALUE_I64 ? put_signed(p, v->i64) : put_decimal(p, v->u64);
    case FORM_HEX:
        return put_hex(p, raw_bits(v), 1);
    case FORM_BOOL:
        return v->u64 ? PUT_LITERAL(p, "true") : PUT_LITERAL(p, "false");
    case FORM_IPV4:
        return put_ipv4(p, v->data);
    case FORM_IPV6:
        return put_ipv6(p, v->data);
    case FORM_SOCKADDR:
        return put_sockaddr(p, v);
    case FORM_TIME:
        return put_time(p, v->i64);
    case FORM_GUID:
        return put_guid(p, v->data);
    default:
        return NULL;
    }
}

void scalar_text(Buf *out, const Value *v, ScalarForm form) {
    switch (form) {
    case FORM_MAP: {
        const char *name = scalar_map_name(v);
        if (name)
            buf_text(out, name);
        else
            scalar_text(out, v, v->kind == VALUE_BOOL ? FORM_BOOL : FORM_DECIMAL);
        break;
    }
    case FORM_BITS:
        scalar_bits(out, v, buf_text);
        break;
    case FORM_CODE:
        code_text(out, v);
        break;
    case FORM_DOUBLE:
        double_text(out, v);
        break;
    case FORM_SID:
        sid_text(out, v->data, v->bytes);
        break;
    case FORM_BYTES:
        put_hex_bytes(out, v->data, v->bytes);
        break;
    case FORM_UTF16:
        utf16_to_utf8(out, v->data, v->bytes / 2);
        break;
    case FORM_ANSI:
        put_latin1(out, v->data, v->bytes);
        break;
    case FORM_UTF8: {
        // Bytes from outside: an invalid one becomes U+FFFD, so that text is always UTF-8.
        const char *p = (const char *)v->data, *end = p + v->bytes;
        while (p < end) {
            uint32_t cp;
            char local[4];
            p += utf8_next(p, end, &cp);
            buf_append(out, local, utf8_put(local, cp));
        }
        break;
    }
    case FORM_NULL:
    case FORM_STRUCT:
    case FORM_ARRAY:
        break;
    default: {
        char *p = put_room(out, SCALAR_PUT);
        if (p)
            put_done(out, scalar_put(p, v, form));
        break;
    }
    }
}
