// The growable buffer. Invariant: with memory, capacity > bytes, so that the NUL behind the
// contents always has its place; without memory, bytes is 0. A failed Buf takes nothing more: what
// it holds stays a prefix of what was appended, without holes.
#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/mem.h"

#define FIRST_CAPACITY 64u

void buf_deinit(Buf *buf) {
    mem_free(buf->data);
    buf->data = NULL;
    buf->bytes = 0;
    buf->capacity = 0;
    buf->failed = false;
}

void buf_clear(Buf *buf) {
    buf->bytes = 0;
    buf->failed = false;
    if (buf->data != NULL)
        buf->data[0] = 0;
}

static bool fail(Buf *buf) {
    buf->failed = true;
    return false;
}

static bool grow(Buf *buf, size_t more) {
    size_t wanted;
    if (!size_add(buf->bytes, more, &wanted))
        return fail(buf);
    if (buf->limit != 0 && wanted > buf->limit)
        return fail(buf);
    if (!size_add(wanted, 1, &wanted))
        return fail(buf);
    if (wanted <= buf->capacity)
        return true;
    size_t doubled;
    if (!size_mul(buf->capacity, 2, &doubled))
        doubled = wanted;
    size_t capacity = MAX_OF(MAX_OF(doubled, wanted), FIRST_CAPACITY);
    // The memory of a limited buffer is charged to someone: never take more than the limit allows.
    if (buf->limit != 0 && capacity - 1 > buf->limit)
        capacity = MAX_OF(buf->limit + 1, wanted);
    uint8_t *data = mem_resize(buf->data, capacity);
    if (data == NULL)
        return fail(buf);
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

bool buf_reserve(Buf *buf, size_t more) {
    if (buf->failed)
        return false;
    // The common case, without the checked arithmetic: neither limit nor growth is near.
    if (more < buf->capacity - buf->bytes && buf->limit == 0)
        return true;
    return grow(buf, more);
}

void buf_append(Buf *buf, const void *data, size_t bytes) {
    if (bytes == 0 || !buf_reserve(buf, bytes))
        return;
    memcpy(buf->data + buf->bytes, data, bytes);
    buf->bytes += bytes;
    buf->data[buf->bytes] = 0;
}

void buf_zero(Buf *buf, size_t bytes) {
    if (bytes == 0 || !buf_reserve(buf, bytes))
        return;
    memset(buf->data + buf->bytes, 0, bytes + 1);
    buf->bytes += bytes;
}

void buf_char(Buf *buf, char c) {
    if (!buf_reserve(buf, 1))
        return;
    buf->data[buf->bytes++] = (uint8_t)c;
    buf->data[buf->bytes] = 0;
}

void buf_text(Buf *buf, const char *text) {
    buf_append(buf, text, strlen(text));
}

void buf_printf(Buf *buf, const char *format, ...) {
    if (buf->failed)
        return;
    char local[256];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(local, sizeof local, format, args);
    va_end(args);
    if (n < 0) {
        buf->failed = true;
        return;
    }
    size_t bytes = (size_t)n;
    if (bytes < sizeof local) {
        buf_append(buf, local, bytes);
        return;
    }
    if (!buf_reserve(buf, bytes))
        return;
    va_start(args, format);
    n = vsnprintf((char *)buf->data + buf->bytes, bytes + 1, format, args);
    va_end(args);
    if (n < 0 || (size_t)n != bytes) {
        buf->data[buf->bytes] = 0;
        buf->failed = true;
        return;
    }
    buf->bytes += bytes;
}

void buf_u16(Buf *buf, uint16_t v) {
    buf_append(buf, &v, sizeof v);
}

void buf_u32(Buf *buf, uint32_t v) {
    buf_append(buf, &v, sizeof v);
}

void buf_u64(Buf *buf, uint64_t v) {
    buf_append(buf, &v, sizeof v);
}

const char *buf_str(Buf *buf) {
    if (buf->data == NULL)
        return "";
    // Again, for callers that reserved and then wrote the bytes themselves.
    buf->data[buf->bytes] = 0;
    return (const char *)buf->data;
}
