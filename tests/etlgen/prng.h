// The generator's random numbers: SplitMix64, the same on every host for a seed. No floating point, so
// that no compiler or library can change the contents of a file. One owner; any thread.
#pragma once

#include "util/base.h"

typedef struct Prng {
    uint64_t state;
} Prng;

static inline Prng prng_seeded(uint64_t seed) {
    return (Prng){seed};
}

static inline uint64_t prng_next(Prng *p) {
    uint64_t z = (p->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// 0 … n - 1; n > 0. The bias of taking the high half is far below what a scenario could notice.
static inline uint32_t prng_below(Prng *p, uint32_t n) {
    return (uint32_t)(((prng_next(p) >> 32) * n) >> 32);
}

// low … high, both included.
static inline uint32_t prng_between(Prng *p, uint32_t low, uint32_t high) {
    return low + prng_below(p, high - low + 1);
}

static inline bool prng_chance(Prng *p, uint32_t percent) {
    return prng_below(p, 100) < percent;
}

void prng_fill(Prng *p, void *to, size_t bytes);
