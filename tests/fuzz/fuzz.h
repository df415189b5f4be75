// What the fuzz targets share: the entry point, a cursor over the input, a generator for choices that
// need not be steered, and the check that makes a broken invariant a crash.
//
// Every target is single-threaded and keeps no state from input to input; FuzzLeaks holds it to that.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "util/base.h"
#include "util/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_check(bool good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "not so: %s\n", what);
    abort();
}

// Blocks of the accounting allocator that outlive an input are leaks, seen at once.
typedef struct FuzzLeaks {
    size_t in_use;
} FuzzLeaks;

static inline FuzzLeaks fuzz_leaks_begin(void) {
    return (FuzzLeaks){mem_in_use()};
}

static inline void fuzz_leaks_end(const FuzzLeaks *leaks) {
    fuzz_check(mem_in_use() == leaks->in_use, "every block of this input was freed");
}

// Reading behind the end gives zeros.
typedef struct FuzzInput {
    const uint8_t *p;
    size_t left;
} FuzzInput;

static inline uint8_t fuzz_u8(FuzzInput *in) {
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->p++;
}

static inline uint16_t fuzz_u16(FuzzInput *in) {
    uint16_t low = fuzz_u8(in);
    return (uint16_t)(low | fuzz_u8(in) << 8);
}

// The next n bytes, or what is left: a copy of exactly that size, so that the sanitizer sees the first
// byte that is read behind it. The caller frees it.
static inline uint8_t *fuzz_take(FuzzInput *in, size_t n, uint32_t *ret_bytes) {
    n = MIN_OF(n, in->left);
    uint8_t *copy = mem_dup(n > 0 ? in->p : (const uint8_t *)"", n);
    if (!copy)
        abort();
    in->p += n;
    in->left -= n;
    *ret_bytes = (uint32_t)n;
    return copy;
}

// xorshift64*: the same choices for the same input.
static inline uint32_t fuzz_random(uint64_t *state) {
    uint64_t x = *state ? *state : 0x9e3779b97f4a7c15u;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (uint32_t)((x * 0x2545f4914f6cdd1du) >> 32);
}

// FNV-1a, to compare streams without keeping them.
static inline uint64_t fuzz_hash(uint64_t h, const void *data, size_t bytes) {
    const uint8_t *p = data;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h;
}
#define FUZZ_HASH_START 0xcbf29ce484222325u
