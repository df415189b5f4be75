#include "util/sha1.h"

#include <criterion/criterion.h>

static void check(const char *text, const char *expected) {
    Sha1 sha;
    uint8_t digest[SHA1_BYTES];
    char hex[2 * SHA1_BYTES + 1];
    sha1_init(&sha);
    sha1_update(&sha, text, strlen(text));
    sha1_final(&sha, digest);
    for (size_t i = 0; i < SHA1_BYTES; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[2 * SHA1_BYTES] = '\0';
    cr_assert_str_eq(hex, expected);
}

// The examples of FIPS 180, and the empty message.
Test(sha1, published_examples) {
    check("", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    check("abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
    check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    static char million[1000001];
    memset(million, 'a', 1000000);
    check(million, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

// Where the padding changes its shape, and where the pieces meet, the digest stays the same.
Test(sha1, pieces_of_every_length) {
    uint8_t data[200], whole[SHA1_BYTES], parts[SHA1_BYTES];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 37);
    for (size_t bytes = 0; bytes <= sizeof data; bytes++) {
        Sha1 sha;
        sha1_init(&sha);
        sha1_update(&sha, data, bytes);
        sha1_final(&sha, whole);
        for (size_t cut = 0; cut <= bytes; cut++) {
            sha1_init(&sha);
            sha1_update(&sha, data, cut);
            sha1_update(&sha, data + cut, bytes - cut);
            sha1_final(&sha, parts);
            cr_assert_arr_eq(whole, parts, SHA1_BYTES);
        }
    }
}

// Lengths around the block, from sha1sum: 55 bytes are the most that fit with their length.
Test(sha1, padding_around_the_block) {
    check("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "c1c8bbdc22796e28c0e15163d20899b65621d65a");
    check("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "c2db330f6083854c99d4b5bfb6e8f29f201be699");
    check("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "0098ba824b5c16427bd7a1122a5a442a25ec644d");
}
