#include "tests/etlgen/lz77_pack.h"

#include <criterion/criterion.h>

#include "tests/etlgen/prng.h"
#include "util/mem.h"

// A decoder written from MS-XCA 2.4.4, for these tests only. Returns the bytes made; SIZE_MAX when the
// stream is not legal or makes more than cap.
static size_t unpack(const uint8_t *in, size_t n, uint8_t *out, size_t cap) {
    size_t i = 0, made = 0, nibble_at = 0;
    bool have_nibble = false;
    uint32_t flags = 0, left = 0;
    for (;;) {
        if (left == 0) {
            if (i + 4 > n)
                return i == n ? made : SIZE_MAX;
            flags = load_u32(in + i);
            i += 4;
            left = 32;
        }
        left--;
        if (((flags >> left) & 1) == 0) {
            if (i >= n || made >= cap)
                return SIZE_MAX;
            out[made++] = in[i++];
            continue;
        }
        if (i == n)
            return made;
        if (i + 2 > n)
            return SIZE_MAX;
        uint32_t word = load_u16(in + i);
        i += 2;
        size_t distance = (word >> 3) + 1, length = word & 7;
        if (length == 7) {
            if (have_nibble) {
                length = in[nibble_at] >> 4;
                have_nibble = false;
            } else {
                if (i >= n)
                    return SIZE_MAX;
                nibble_at = i;
                length = in[i++] & 15;
                have_nibble = true;
            }
            if (length == 15) {
                if (i >= n)
                    return SIZE_MAX;
                length = in[i++];
                if (length == 255) {
                    if (i + 2 > n)
                        return SIZE_MAX;
                    length = load_u16(in + i);
                    i += 2;
                    if (length == 0) {
                        if (i + 4 > n)
                            return SIZE_MAX;
                        length = load_u32(in + i);
                        i += 4;
                    }
                    if (length < 15 + 7)
                        return SIZE_MAX;
                    length -= 15 + 7;
                }
                length += 15;
            }
            length += 7;
        }
        length += 3;
        if (distance > made || length > cap - made)
            return SIZE_MAX;
        for (; length > 0; length--, made++)
            out[made] = out[made - distance];
    }
}

static size_t round_trip(const uint8_t *data, size_t bytes, Lz77Mode mode) {
    Lz77Pack *pack = lz77_pack_new();
    Buf packed = BUF_INIT;
    buf_u16(&packed, 0xabcd); // it appends: what is there stays
    lz77_pack(pack, data, bytes, mode, &packed);
    cr_assert_not(packed.failed);
    cr_assert_eq(load_u16(packed.data), 0xabcd);
    uint8_t *out = mem_alloc(bytes + 1);
    size_t made = unpack(packed.data + 2, packed.bytes - 2, out, bytes);
    cr_assert_eq(made, bytes, "made %zu of %zu bytes", made, bytes);
    cr_assert(bytes == 0 || memcmp(out, data, bytes) == 0);
    size_t packed_bytes = packed.bytes - 2;
    mem_free(out);
    buf_deinit(&packed);
    lz77_pack_free(pack);
    return packed_bytes;
}

Test(lz77_pack, every_run_length_survives) {
    // A run of n bytes is a match of n - 1: all length encodings and their borders are in here.
    static uint8_t data[70000];
    memset(data, 'r', sizeof data);
    for (size_t n = 0; n < 600; n++)
        round_trip(data, n, LZ77_MATCH);
    const size_t borders[] = {65536 + 2, 65536 + 3, 65536 + 4, 65536 + 5, 70000};
    for (size_t i = 0; i < ARRAY_COUNT(borders); i++)
        cr_assert_lt(round_trip(data, borders[i], LZ77_MATCH), 32);
}

Test(lz77_pack, pairs_of_long_matches_share_a_byte) {
    // Ten different runs in a row: nibbles are used in pairs.
    uint8_t data[10 * 20];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)('a' + i / 20);
    // Each: a literal, a match of 19 = 2 bytes, length 7, half a byte of more.
    size_t packed = round_trip(data, sizeof data, LZ77_MATCH);
    cr_assert_eq(packed, 4 + 10 * (1 + 2) + 10 / 2);
}

Test(lz77_pack, finds_matches_up_to_the_window_only) {
    static uint8_t data[8192 + 64];
    Prng rng = prng_seeded(7);
    prng_fill(&rng, data, sizeof data);
    memcpy(data + 8192, data, 32); // distance 8192: the farthest
    size_t inside = round_trip(data, 8192 + 32, LZ77_MATCH);
    memmove(data + 8193, data + 8192, 32); // one farther
    data[8192] = (uint8_t)(data[8191] ^ 0x55);
    size_t outside = round_trip(data, 8193 + 32, LZ77_MATCH);
    cr_assert_gt(outside, inside + 20, "%zu and %zu bytes", outside, inside);
}

Test(lz77_pack, literals_cost_36_bytes_for_32) {
    uint8_t data[320];
    memset(data, 0, sizeof data);
    cr_assert_eq(round_trip(data, 320, LZ77_LITERAL), 360 + 4);
    cr_assert_eq(round_trip(data, 31, LZ77_LITERAL), 4 + 31);
    cr_assert_eq(round_trip(data, 32, LZ77_LITERAL), 4 + 32 + 4);
    cr_assert_eq(round_trip(data, 33, LZ77_LITERAL), 4 + 32 + 4 + 1);
    cr_assert_eq(round_trip(data, 0, LZ77_LITERAL), 4);
}

Test(lz77_pack, random_mixtures_survive) {
    static uint8_t data[40000];
    Prng rng = prng_seeded(42);
    for (int round = 0; round < 60; round++) {
        size_t n = 0, want = prng_below(&rng, sizeof data);
        while (n < want) {
            size_t part = MIN_OF((size_t)(1 + prng_below(&rng, 300)), want - n);
            if (n > 8 && prng_chance(&rng, 60)) {
                size_t from = prng_below(&rng, (uint32_t)n);
                for (size_t i = 0; i < part; i++)
                    data[n + i] = data[from + i];
            } else {
                prng_fill(&rng, data + n, part);
            }
            n += part;
        }
        size_t packed = round_trip(data, n, LZ77_MATCH);
        cr_assert_leq(packed, n + n / 8 + 8);
        round_trip(data, n, LZ77_LITERAL);
    }
}

Test(lz77_pack, says_when_memory_is_short) {
    Lz77Pack *pack = lz77_pack_new();
    static const uint8_t data[1000];
    Buf packed = BUF_INIT;
    packed.limit = 10;
    lz77_pack(pack, data, sizeof data, LZ77_LITERAL, &packed);
    cr_assert(packed.failed);
    buf_deinit(&packed);
    lz77_pack_free(pack);
    mem_fail_at(1);
    cr_assert_null(lz77_pack_new());
    mem_fail_at(0);
}
