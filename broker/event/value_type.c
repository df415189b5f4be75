// The types: strings, binaries, SIDs, numbers, times.
//
// A character (UTF-16 or ANSI, or an 8- or 16-bit integer with out-type string) is text of one
// character; what is malformed is given as the bytes that it is.
#include "event/value_read.h"
#include "util/timefmt.h"

// ---- Strings and binaries ----

static bool out_is_utf8(uint16_t out) {
    return out == OUT_UTF8 || out == OUT_XML || out == OUT_JSON;
}

// Bytes before the first NUL unit, or all of them.
static uint32_t until_nul16(const uint8_t *p, uint32_t bytes) {
    uint32_t i = 0;
    for (; bytes - i >= 8; i += 8) {
        // Has one of the four units no bit set? The classic test has no false negatives; a false
        // positive (a borrow out of a NUL below) cannot come before a true one.
        uint64_t v = load_u64(p + i);
        if ((v - UINT64_C(0x0001000100010001)) & ~v & UINT64_C(0x8000800080008000))
            break;
    }
    while (bytes - i >= 2 && load_u16(p + i) != 0)
        i += 2;
    return bytes - i >= 2 ? i : bytes & ~1u;
}

static uint32_t until_nul8(const uint8_t *p, uint32_t bytes) {
    const uint8_t *nul = bytes ? memchr(p, 0, bytes) : NULL;
    return nul ? (uint32_t)(nul - p) : bytes;
}

void value_set_text(Value *v, bool wide, const uint8_t *data, uint32_t bytes, bool fixed) {
    v->data = data;
    if (wide) {
        v->kind = VALUE_UTF16;
        bytes &= ~1u;
        if (fixed)
            bytes = until_nul16(data, bytes);
        while (bytes > 0 && load_u16(data + bytes - 2) == 0)
            bytes -= 2;
    } else {
        v->kind = out_is_utf8(v->field->out_type) ? VALUE_UTF8 : VALUE_ANSI;
        if (fixed)
            bytes = until_nul8(data, bytes);
        while (bytes > 0 && data[bytes - 1] == 0)
            bytes--;
    }
    v->bytes = bytes;
}

// Takes `want` bytes at `at`, or what there is of them. False: nothing is there though some should be.
static bool take(Walk *w, uint32_t at, uint64_t want, uint32_t *ret_bytes) {
    uint32_t rest = w->p->bytes - at;
    if (want > rest) {
        w->stopped = w->stopped || rest > 0;
        if (rest == 0)
            return false;
        w->stopped = true;
        want = rest;
    }
    *ret_bytes = (uint32_t)want;
    return true;
}

bool value_read_prefix(Walk *w, uint32_t *at, uint32_t size, bool big_endian, uint32_t *ret) {
    if (w->p->bytes - *at < size) {
        w->stopped = w->stopped || w->p->bytes > *at;
        return false;
    }
    const uint8_t *p = w->p->data + *at;
    if (size == 4)
        *ret = load_u32(p);
    else
        *ret = big_endian ? (uint32_t)p[0] << 8 | p[1] : load_u16(p);
    *at += size;
    return true;
}

static bool read_string(Walk *w, bool wide, uint64_t length, uint32_t at, Value *v) {
    const SchemaField *f = v->field;
    const uint8_t *data = w->p->data + at;
    uint32_t rest = w->p->bytes - at, bytes;
    switch (f->length_kind) {
    case EXTENT_ONE: {
        if (rest == 0)
            return false;
        // Unterminated: to the end, with an odd byte behind the last unit if there is one.
        uint32_t text = wide ? until_nul16(data, rest) : until_nul8(data, rest);
        uint32_t nul = wide ? 2 : 1;
        v->kind = wide ? VALUE_UTF16 : out_is_utf8(f->out_type) ? VALUE_UTF8 : VALUE_ANSI;
        v->data = data;
        v->bytes = text;
        v->end = rest - text >= nul ? at + text + nul : at + rest;
        return true;
    }
    case EXTENT_PREFIX16: {
        uint32_t count;
        if (!value_read_prefix(w, &at, 2, false, &count))
            return false;
        data = w->p->data + at;
        if (!take(w, at, count, &bytes))
            bytes = 0, w->stopped = true;
        break;
    }
    case EXTENT_REST:
        bytes = rest;
        break;
    default:
        if (!take(w, at, wide ? 2 * length : length, &bytes))
            return false;
        break;
    }
    value_set_text(v, wide, data, bytes, f->length_kind == EXTENT_FIXED);
    v->end = at + bytes;
    return true;
}

static void set_binary(Value *v, const uint8_t *data, uint32_t bytes) {
    v->kind = VALUE_BINARY;
    v->data = data;
    v->bytes = bytes;
    uint16_t out = v->field->out_type;
    if (out == OUT_STRING) // a hint says that these bytes are UTF-16 text
        value_set_text(v, true, data, bytes, false);
    else if (out_is_utf8(out))
        value_set_text(v, false, data, bytes, false);
    else if (out == OUT_GUID && bytes == 16)
        v->kind = VALUE_GUID;
}

static bool read_binary(Walk *w, uint64_t length, uint32_t at, Value *v) {
    const SchemaField *f = v->field;
    uint32_t bytes;
    switch (f->length_kind) {
    case EXTENT_ONE:
        // An IPv6 address may leave its length out; any other binary without one is empty.
        if (!take(w, at, f->out_type == OUT_IPV6 ? 16 : 0, &bytes))
            return false;
        break;
    case EXTENT_PREFIX16:
        if (!value_read_prefix(w, &at, 2, false, &bytes))
            return false;
        if (!take(w, at, bytes, &bytes))
            bytes = 0, w->stopped = true;
        break;
    case EXTENT_REST:
        bytes = w->p->bytes - at;
        break;
    default:
        if (!take(w, at, length, &bytes))
            return false;
        break;
    }
    set_binary(v, w->p->data + at, bytes);
    v->end = at + bytes;
    return true;
}

// In-types that carry their own count of bytes.
static bool read_counted(Walk *w, uint32_t at, Value *v) {
    uint16_t type = v->field->in_type;
    bool big_endian = type == IN_REVERSED_COUNTED_STRING || type == IN_REVERSED_COUNTED_ANSI;
    uint32_t count, bytes = 0;
    if (!value_read_prefix(w, &at, type == IN_HEXDUMP ? 4 : 2, big_endian, &count))
        return false;
    if (!take(w, at, count, &bytes))
        w->stopped = true; // the count stands, nothing of what it counts
    const uint8_t *data = w->p->data + at;
    switch (type) {
    case IN_COUNTED_UTF16:
    case IN_COUNTED_STRING:
    case IN_REVERSED_COUNTED_STRING:
        value_set_text(v, true, data, bytes, false);
        break;
    case IN_COUNTED_ANSI:
    case IN_COUNTED_ANSI_STRING:
    case IN_REVERSED_COUNTED_ANSI:
        value_set_text(v, false, data, bytes, false);
        break;
    default:
        set_binary(v, data, bytes);
        break;
    }
    v->end = at + bytes;
    return true;
}

// ---- SIDs ----

// {u8 revision 1, u8 count <= 15, 6 bytes of authority, u32[count]}. A malformed one is given as
// binary over the extent that its count claims: nothing better is known.
static bool read_sid(Walk *w, uint32_t at, Value *v) {
    uint32_t rest = w->p->bytes - at;
    const uint8_t *data = w->p->data + at;
    if (rest < 8) {
        w->stopped = w->stopped || rest > 0;
        return false;
    }
    uint32_t bytes;
    if (!take(w, at, 8 + 4u * data[1], &bytes))
        return false;
    bool good = data[0] == 1 && data[1] <= 15 && bytes == 8 + 4u * data[1];
    v->kind = good ? VALUE_SID : VALUE_BINARY;
    v->data = data;
    v->bytes = bytes;
    v->end = at + bytes;
    return true;
}

// Does a TOKEN_USER with a null pointer and a SID behind it stand here? Real kernel events write
// four zero bytes for "no SID"; synthetic ones (sawbuck) a whole TOKEN_USER whose pointer is zero.
static bool has_pointerless_sid(const uint8_t *data, uint32_t rest, uint32_t pointer_size) {
    uint32_t head = 2 * pointer_size;
    if (rest < head + 8)
        return false;
    const uint8_t *sid = data + head;
    bool no_pointer = pointer_size == 4 || load_u64(data) == 0;
    return no_pointer && load_u32(data + pointer_size) <= 0xffff && sid[0] == 1 && sid[1] >= 1 &&
           sid[1] <= 15 && load_u32(sid + 2) == 0 && rest - head >= 8 + 4u * sid[1];
}

static bool read_wbem_sid(Walk *w, uint32_t at, Value *v) {
    const Payload *p = w->p;
    uint32_t rest = p->bytes - at, head = 2u * p->pointer_size;
    const uint8_t *data = p->data + at;
    if (rest < 4) {
        w->stopped = w->stopped || rest > 0;
        return false;
    }
    if (load_u32(data) == 0 && !has_pointerless_sid(data, rest, p->pointer_size)) {
        v->kind = VALUE_NULL;
        v->end = at + 4;
        return true;
    }
    if (rest < head + 8) {
        w->stopped = true;
        return false;
    }
    return read_sid(w, at + head, v);
}

// ---- Numbers and times ----

static bool out_is_signed(uint16_t out) {
    return out == OUT_BYTE || out == OUT_SHORT || out == OUT_INT || out == OUT_LONG;
}

static bool out_is_unsigned(uint16_t out) {
    return out == OUT_UBYTE || out == OUT_USHORT || out == OUT_UINT || out == OUT_ULONG;
}

static bool out_is_date(uint16_t out) {
    return out == OUT_DATETIME || out == OUT_CIM_DATETIME || out == OUT_DATETIME_INVARIANT ||
           out == OUT_DATETIME_UTC;
}

// v: zero-extended; bytes: its width in the payload.
static void set_integer(Value *v, uint64_t raw, uint32_t bytes, bool is_signed) {
    uint16_t out = v->field->out_type;
    v->kind = VALUE_U64;
    v->u64 = raw;
    if (out == OUT_DEFAULT) {
        // the common case: as the in-type says
    } else if (out_is_signed(out)) {
        is_signed = true;
    } else if (out_is_unsigned(out)) {
        is_signed = false;
    } else if (out == OUT_BOOL) {
        v->kind = VALUE_BOOL;
        return;
    } else if (out == OUT_PORT && bytes == 2) {
        v->u64 = (raw >> 8 | raw << 8) & 0xffff;
        return;
    } else if (out == OUT_STRING && bytes <= 2) {
        value_set_text(v, bytes == 2, v->data, bytes, false);
        v->n_elements = 1;
        return;
    } else if (out_is_date(out) && bytes == 8) {
        v->kind = VALUE_TIME;
        return;
    }
    if (is_signed) {
        v->kind = VALUE_I64;
        uint32_t shift = 64 - 8 * bytes;
        v->i64 = (int64_t)(raw << shift) >> shift; // arithmetic on every compiler we build with
    }
}

static void set_systemtime(Value *v) {
    const uint8_t *d = v->data;
    CalendarTime c = {
        .year = load_u16(d),
        .month = load_u16(d + 2),
        .weekday = load_u16(d + 4),
        .day = load_u16(d + 6),
        .hour = load_u16(d + 8),
        .minute = load_u16(d + 10),
        .second = load_u16(d + 12),
        .ticks = load_u16(d + 14) * 10000, // milliseconds
    };
    int64_t time;
    if (load_u16(d + 14) < 1000 && calendar_to_filetime(&c, &time)) {
        v->kind = VALUE_TIME;
        v->i64 = time;
    } else {
        v->kind = VALUE_BINARY; // no date (all zero, mostly): nothing is lost so
    }
}

// Types of fixed size. bytes: theirs.
static void set_fixed(Value *v, uint32_t bytes) {
    const uint8_t *d = v->data;
    switch (v->field->in_type) {
    case IN_NULL:
        v->kind = VALUE_NULL;
        break;
    case IN_I8:
        set_integer(v, d[0], 1, true);
        break;
    case IN_U8:
        set_integer(v, d[0], 1, false);
        break;
    case IN_I16:
        set_integer(v, load_u16(d), 2, true);
        break;
    case IN_U16:
        set_integer(v, load_u16(d), 2, false);
        break;
    case IN_I32:
        set_integer(v, load_u32(d), 4, true);
        break;
    case IN_U32:
    case IN_HEX32:
        set_integer(v, load_u32(d), 4, false);
        break;
    case IN_I64:
        set_integer(v, load_u64(d), 8, true);
        break;
    case IN_U64:
    case IN_HEX64:
        set_integer(v, load_u64(d), 8, false);
        break;
    case IN_POINTER:
    case IN_SIZET:
        set_integer(v, bytes == 4 ? load_u32(d) : load_u64(d), bytes, false);
        break;
    case IN_BOOL32:
        v->kind = VALUE_BOOL;
        v->u64 = load_u32(d);
        break;
    case IN_FLOAT: {
        float f;
        memcpy(&f, d, sizeof f);
        v->kind = VALUE_DOUBLE;
        v->f64 = (double)f;
        break;
    }
    case IN_DOUBLE:
        v->kind = VALUE_DOUBLE;
        memcpy(&v->f64, d, sizeof v->f64);
        break;
    case IN_FILETIME:
        v->kind = VALUE_TIME;
        v->i64 = load_i64(d);
        break;
    case IN_SYSTEMTIME:
        set_systemtime(v);
        break;
    case IN_GUID:
        v->kind = VALUE_GUID;
        break;
    case IN_ANSI_CHAR:
        value_set_text(v, false, d, 1, false);
        v->n_elements = 1;
        break;
    case IN_UTF16_CHAR:
        value_set_text(v, true, d, 2, false);
        v->n_elements = 1;
        break;
    default:
        break;
    }
}

// ---- All of them ----

bool value_read_typed(Walk *w, uint64_t length, uint32_t at, Value *v) {
    const Payload *p = w->p;
    const SchemaField *f = v->field;
    switch (f->in_type) {
    case IN_UTF16:
    case IN_NONNULL_STRING:
        if (f->in_type == IN_UTF16)
            return read_string(w, true, length, at, v);
        value_set_text(v, true, p->data + at, p->bytes - at, false);
        v->end = p->bytes;
        return at < p->bytes;
    case IN_ANSI:
        return read_string(w, false, length, at, v);
    case IN_NONNULL_ANSI:
        value_set_text(v, false, p->data + at, p->bytes - at, false);
        v->end = p->bytes;
        return at < p->bytes;
    case IN_BINARY:
        return read_binary(w, length, at, v);
    case IN_COUNTED_UTF16:
    case IN_COUNTED_ANSI:
    case IN_COUNTED_BINARY:
    case IN_COUNTED_STRING:
    case IN_COUNTED_ANSI_STRING:
    case IN_REVERSED_COUNTED_STRING:
    case IN_REVERSED_COUNTED_ANSI:
    case IN_HEXDUMP:
        return read_counted(w, at, v);
    case IN_SID:
        return read_sid(w, at, v);
    case IN_WBEM_SID:
        return read_wbem_sid(w, at, v);
    default: {
        int64_t bytes = value_element_bytes(p->schema, f, p->pointer_size);
        if (bytes < 0 || bytes > p->bytes - at) {
            w->stopped = w->stopped || at < p->bytes;
            return false;
        }
        v->data = p->data + at;
        v->bytes = (uint32_t)bytes;
        v->end = at + (uint32_t)bytes;
        set_fixed(v, (uint32_t)bytes);
        return true;
    }
    }
}
