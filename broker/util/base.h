// Basic types, little-endian access and checked size arithmetic: the words every room speaks.
//
// No state, no allocation; any thread. Multi-byte integers of files and frames are little-endian
// and may stand at any address, so they are read and written only through these helpers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIN_OF(a, b)   ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b)   ((a) > (b) ? (a) : (b))
#define ALIGN8(n)      (((n) + 7u) & ~(size_t)7u)

#if defined(__GNUC__)
#define ETW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ETW_UNUSED            __attribute__((unused))
#else
#define ETW_PRINTF(fmt, args)
#define ETW_UNUSED
#endif
#if defined(__MINGW32__)
#undef ETW_PRINTF
#define ETW_PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#endif

static inline uint16_t load_u16(const void *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t load_u32(const void *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load_u64(const void *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline int64_t load_i64(const void *p) {
    int64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_u16(void *p, uint16_t v) {
    memcpy(p, &v, sizeof v);
}

static inline void store_u32(void *p, uint32_t v) {
    memcpy(p, &v, sizeof v);
}

static inline void store_u64(void *p, uint64_t v) {
    memcpy(p, &v, sizeof v);
}

static inline void store_i64(void *p, int64_t v) {
    memcpy(p, &v, sizeof v);
}

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the hosts of this project are little-endian; add byte swaps here before porting"
#endif

// Checked size arithmetic: false when the result does not fit, *ret is then untouched.
static inline bool size_add(size_t a, size_t b, size_t *ret) {
    if (a > SIZE_MAX - b)
        return false;
    *ret = a + b;
    return true;
}

static inline bool size_mul(size_t a, size_t b, size_t *ret) {
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *ret = a * b;
    return true;
}
