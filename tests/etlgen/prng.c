#include "tests/etlgen/prng.h"

void prng_fill(Prng *p, void *to, size_t bytes) {
    uint8_t *at = to;
    while (bytes > 0) {
        uint64_t v = prng_next(p);
        size_t n = MIN_OF(bytes, sizeof v);
        memcpy(at, &v, n);
        at += n;
        bytes -= n;
    }
}
