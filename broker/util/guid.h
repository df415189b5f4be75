// GUIDs, as the 16 bytes in which files and frames hold them (first three parts little-endian).
#pragma once

#include "util/base.h"

typedef struct Guid {
    uint8_t b[16];
} Guid;

#define GUID_NULL ((Guid){{0}})
#define GUID_TEXT 37 // "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" and a NUL
// A constant GUID: static const Guid g = GUID_INIT(0x68fdd900, 0x4a3e, 0x11d1, 0x84, 0xf4, …);
#define GUID_INIT(a, b_, c, d0, d1, d2, d3, d4, d5, d6, d7)                                        \
    {                                                                                              \
        {                                                                                          \
            (uint8_t)((a)&0xff), (uint8_t)(((a) >> 8) & 0xff), (uint8_t)(((a) >> 16) & 0xff),      \
                (uint8_t)(((a) >> 24) & 0xff), (uint8_t)((b_)&0xff),                               \
                (uint8_t)(((b_) >> 8) & 0xff), (uint8_t)((c)&0xff), (uint8_t)(((c) >> 8) & 0xff),  \
                d0, d1, d2, d3, d4, d5, d6, d7                                                     \
        }                                                                                          \
    }

static inline bool guid_equal(const Guid *a, const Guid *b) {
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static inline bool guid_is_null(const Guid *g) {
    return load_u64(g->b) == 0 && load_u64(g->b + 8) == 0;
}

static inline uint64_t guid_hash(const Guid *g) {
    uint64_t h = load_u64(g->b) ^ (load_u64(g->b + 8) * 0x9e3779b97f4a7c15u);
    return h ^ (h >> 29);
}

// Lower-case text without braces; returns buf.
char *guid_format(const Guid *g, char buf[GUID_TEXT]);
// Accepts both cases, with or without braces; false when text is anything else.
bool guid_parse(const char *text, Guid *ret);
// The GUID that EventSource and TraceLogging derive from a provider name: SHA-1 over a fixed
// namespace and the upper-cased UTF-16BE name, version nibble 5. name: UTF-8.
Guid guid_from_name(const char *name);
