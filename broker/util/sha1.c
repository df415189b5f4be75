// SHA-1 as FIPS 180-4, section 6.1, describes it; small rather than fast: it hashes provider names.
#include "util/sha1.h"

static uint32_t rotl(uint32_t v, unsigned n) {
    return (v << n) | (v >> (32 - n));
}

static uint32_t load_be32(const uint8_t *p) {
    return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

static void store_be32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static void hash_block(uint32_t h[5], const uint8_t block[64]) {
    uint32_t w[80];
    for (int t = 0; t < 16; t++)
        w[t] = load_be32(block + 4 * t);
    for (int t = 16; t < 80; t++)
        w[t] = rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int t = 0; t < 80; t++) {
        uint32_t f, k;
        if (t < 20) {
            f = (b & c) | (~b & d);
            k = 0x5a827999;
        } else if (t < 40) {
            f = b ^ c ^ d;
            k = 0x6ed9eba1;
        } else if (t < 60) {
            f = (b & c) | (b & d) | (c & d);
            k = 0x8f1bbcdc;
        } else {
            f = b ^ c ^ d;
            k = 0xca62c1d6;
        }
        uint32_t next = rotl(a, 5) + f + e + k + w[t];
        e = d;
        d = c;
        c = rotl(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

void sha1_init(Sha1 *sha) {
    static const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(sha->h, start, sizeof start);
    sha->bytes = 0;
}

void sha1_update(Sha1 *sha, const void *data, size_t bytes) {
    const uint8_t *p = data;
    while (bytes != 0) {
        size_t at = (size_t)(sha->bytes % sizeof sha->block);
        size_t n = MIN_OF(bytes, sizeof sha->block - at);
        memcpy(sha->block + at, p, n);
        sha->bytes += n;
        p += n;
        bytes -= n;
        if (at + n == sizeof sha->block)
            hash_block(sha->h, sha->block);
    }
}

void sha1_final(Sha1 *sha, uint8_t ret_digest[SHA1_BYTES]) {
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = sha->bytes * 8;
    size_t at = (size_t)(sha->bytes % sizeof sha->block);
    sha1_update(sha, padding, (at < 56 ? 56 : 120) - at);
    uint8_t length[8];
    store_be32(length, (uint32_t)(bits >> 32));
    store_be32(length + 4, (uint32_t)bits);
    sha1_update(sha, length, sizeof length);
    for (int i = 0; i < 5; i++)
        store_be32(ret_digest + 4 * i, sha->h[i]);
}
