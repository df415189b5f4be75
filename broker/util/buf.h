// A growable byte buffer with a sticky failure: append freely, look at `failed` once at the end.
// One owner; not thread-safe. A Buf used for text is kept NUL-terminated behind `bytes`.
#pragma once

#include "util/base.h"

typedef struct Buf {
    uint8_t *data;
    size_t bytes;
    size_t capacity;
    size_t limit; // bytes beyond which appending fails; 0 = none
    bool failed;  // out of memory or beyond the limit; contents stay valid up to `bytes`
} Buf;

#define BUF_INIT                                                                                   \
    { NULL, 0, 0, 0, false }

void buf_deinit(Buf *buf);
void buf_clear(Buf *buf); // keeps the memory, resets `failed`
bool buf_reserve(Buf *buf, size_t more);
void buf_append(Buf *buf, const void *data, size_t bytes);
void buf_zero(Buf *buf, size_t bytes);
void buf_char(Buf *buf, char c);
void buf_text(Buf *buf, const char *text);
void buf_printf(Buf *buf, const char *format, ...) ETW_PRINTF(2, 3);
void buf_u16(Buf *buf, uint16_t v);
void buf_u32(Buf *buf, uint32_t v);
void buf_u64(Buf *buf, uint64_t v);
const char *buf_str(Buf *buf); // NUL-terminated text; "" when empty or failed at the first byte
