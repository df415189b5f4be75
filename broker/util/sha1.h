// SHA-1 (FIPS 180-4), for the GUIDs that are derived from names. Not for any security purpose.
// One owner; no allocation.
#pragma once

#include "util/base.h"

#define SHA1_BYTES 20

typedef struct Sha1 {
    uint32_t h[5];
    uint64_t bytes; // hashed so far, with those in block
    uint8_t block[64];
} Sha1;

void sha1_init(Sha1 *sha);
void sha1_update(Sha1 *sha, const void *data, size_t bytes);
void sha1_final(Sha1 *sha, uint8_t ret_digest[SHA1_BYTES]); // init again before the next use
