#include "source/lz77.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/etlgen/lz77_pack.h"
#include "util/mem.h"

// The two examples of MS-XCA, 3.1: all literals, and one long match.
Test(lz77, examples_of_the_specification) {
    const uint8_t in1[] = {0x3f, 0,   0,   0,   'a', 'b', 'c', 'd', 'e', 'f',
                           'g',  'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p',
                           'q',  'r', 's', 't', 'u', 'v', 'w', 'x', 'y', 'z'};
    uint8_t out[400];
    Lz77End end;
    cr_assert_eq(lz77_decode(in1, sizeof in1, out, sizeof out, &end), 26);
    cr_assert_eq(end, LZ77_DONE);
    cr_assert_arr_eq(out, "abcdefghijklmnopqrstuvwxyz", 26);

    const uint8_t in2[] = {0xff, 0xff, 0xff, 0x1f, 0x61, 0x62, 0x63,
                           0x17, 0x00, 0x0f, 0xff, 0x26, 0x01};
    cr_assert_eq(lz77_decode(in2, sizeof in2, out, sizeof out, &end), 300);
    cr_assert_eq(end, LZ77_DONE);
    for (size_t i = 0; i < 300; i++)
        cr_assert_eq(out[i], "abc"[i % 3]);
}

Test(lz77, capacity_is_exact) {
    const uint8_t in[] = {0xff, 0xff, 0xff, 0x1f, 0x61, 0x62, 0x63,
                          0x17, 0x00, 0x0f, 0xff, 0x26, 0x01};
    for (size_t capacity = 299; capacity <= 301; capacity++) {
        uint8_t *out = mem_alloc(capacity);
        Lz77End end;
        cr_assert_eq(lz77_decode(in, sizeof in, out, capacity, &end), MIN_OF(capacity, 300));
        cr_assert_eq(end, capacity < 300 ? LZ77_FULL : LZ77_DONE);
        mem_free(out);
    }
}

Test(lz77, length_codes_at_their_limits) {
    // One literal, then one match of distance 1; length codes in all four widths.
    static const struct {
        uint8_t code[12];
        size_t bytes;
        size_t length; // 0: refused
    } cases[] = {
        {{0x00, 0}, 2, 3},
        {{0x06, 0}, 2, 9},
        {{0x07, 0, 0x00}, 3, 10},
        {{0x07, 0, 0x0e}, 3, 24},
        {{0x07, 0, 0x0f, 0}, 4, 25},
        {{0x07, 0, 0x0f, 254}, 4, 279},
        {{0x07, 0, 0x0f, 255, 21, 0}, 6, 0}, // shorter than the shorter form holds
        {{0x07, 0, 0x0f, 255, 22, 0}, 6, 25},
        {{0x07, 0, 0x0f, 255, 0xff, 0xff}, 6, 65538},
        {{0x07, 0, 0x0f, 255, 0, 0, 0x00, 0x00, 1, 0}, 10, 65539},
        {{0x07, 0, 0x0f, 255, 0, 0, 21, 0, 0, 0}, 10, 0},
        {{0x07, 0, 0x0f, 255, 0, 0, 0, 0, 0, 0x80}, 10, 0},
    };
    uint8_t *out = mem_alloc(70000);
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t in[32];
        store_u32(in, 0x7fffffff); // literal, then matches
        in[4] = 'x';
        memcpy(in + 5, cases[i].code, cases[i].bytes);
        Lz77End end;
        size_t n = lz77_decode(in, 5 + cases[i].bytes, out, 70000, &end);
        cr_assert_eq(n, 1 + cases[i].length, "case %zu: %zu", i, n);
        cr_assert_eq(end, cases[i].length > 0 ? LZ77_DONE : LZ77_LENGTH, "case %zu", i);
        for (size_t k = 0; k < n; k++)
            cr_assert_eq(out[k], 'x');
        // Every cut keeps what came before the token.
        for (size_t cut = 6; cut < 5 + cases[i].bytes; cut++) {
            cr_assert_eq(lz77_decode(in, cut, out, 70000, &end), 1, "case %zu cut %zu", i, cut);
            cr_assert_eq(end, LZ77_TRUNCATED, "case %zu cut %zu", i, cut);
        }
    }
    mem_free(out);
}

Test(lz77, distance_before_the_first_byte_is_refused) {
    uint8_t out[16];
    uint8_t in[] = {0xff, 0xff, 0xff, 0x3f, 'a', 'b', 0, 0};
    Lz77End end;
    for (uint32_t distance = 1; distance <= 3; distance++) {
        store_u16(in + 6, (uint16_t)((distance - 1) << 3));
        size_t n = lz77_decode(in, sizeof in, out, sizeof out, &end);
        cr_assert_eq(n, distance <= 2 ? 5 : 2);
        cr_assert_eq(end, distance <= 2 ? LZ77_DONE : LZ77_DISTANCE);
    }
    cr_assert_eq(lz77_decode(in, 0, out, sizeof out, &end), 0);
    cr_assert_eq(end, LZ77_DONE);
    for (size_t cut = 1; cut < 4; cut++) {
        cr_assert_eq(lz77_decode(in, cut, out, sizeof out, &end), 0);
        cr_assert_eq(end, LZ77_TRUNCATED);
    }
}

// Two matches share one byte of length nibbles, whatever stands between.
Test(lz77, nibbles_are_shared) {
    uint8_t in[16];
    store_u32(in, 0x6fffffff); // literal, match, match, literal, then matches
    in[4] = 'q';
    store_u16(in + 5, 7);
    in[7] = 0x21; // low nibble: 1 (11 bytes), high nibble: 2 (12 bytes)
    store_u16(in + 8, 7);
    in[10] = 'r';
    uint8_t out[64];
    Lz77End end;
    cr_assert_eq(lz77_decode(in, 11, out, sizeof out, &end), 1 + 11 + 12 + 1);
    cr_assert_eq(end, LZ77_DONE);
    cr_assert_eq(out[23], 'q');
    cr_assert_eq(out[24], 'r');
}

// The generator's encoder is the other implementation of the format.
Test(lz77, gives_back_what_was_packed, .timeout = 60) {
    Lz77Pack *pack = lz77_pack_new();
    cr_assert_not_null(pack);
    uint64_t rng = 42;
    uint8_t *data = mem_alloc(65536), *out = mem_alloc(65536);
    for (int round = 0; round < 120; round++) {
        rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t n = round < 40 ? (size_t)round : (size_t)(rng >> 48);
        for (size_t i = 0; i < n; i++) {
            rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
            // From noise to long runs.
            data[i] = (uint8_t)(round % 3 == 0                   ? rng >> 56
                                : round % 3 == 1                 ? (rng >> 56) & 3
                                : i > 0 && (rng >> 50) % 97 != 0 ? data[i - 1]
                                                                 : rng >> 56);
        }
        for (int mode = 0; mode < 2; mode++) {
            Buf packed = BUF_INIT;
            lz77_pack(pack, data, n, mode == 0 ? LZ77_MATCH : LZ77_LITERAL, &packed);
            cr_assert(!packed.failed);
            Lz77End end;
            size_t made = lz77_decode(packed.data, packed.bytes, out, n, &end);
            cr_assert_eq(made, n, "round %d mode %d", round, mode);
            cr_assert_eq(end, LZ77_DONE, "round %d mode %d: %d", round, mode, (int)end);
            cr_assert_eq(memcmp(out, data, n), 0, "round %d mode %d", round, mode);
            // A cut stream gives a true prefix.
            size_t cut = packed.bytes / 2;
            made = lz77_decode(packed.data, cut, out, n, &end);
            cr_assert(made <= n && memcmp(out, data, made) == 0, "round %d mode %d", round, mode);
            buf_deinit(&packed);
        }
    }
    mem_free(data);
    mem_free(out);
    lz77_pack_free(pack);
}
