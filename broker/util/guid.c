// GUID text, and the GUIDs of EventSource and TraceLogging providers, which are made from the name.
#include "util/guid.h"

#include "util/sha1.h"
#include "util/utf.h"

// Where the n-th pair of hex digits of the text stands in memory: the first three parts are
// little-endian integers, the last two are bytes.
static const uint8_t text_order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static bool dash_before(size_t pair) {
    return pair == 4 || pair == 6 || pair == 8 || pair == 10;
}

char *guid_format(const Guid *g, char buf[GUID_TEXT]) {
    static const char digits[] = "0123456789abcdef";
    char *p = buf;
    for (size_t i = 0; i < 16; i++) {
        if (dash_before(i))
            *p++ = '-';
        uint8_t b = g->b[text_order[i]];
        *p++ = digits[b >> 4];
        *p++ = digits[b & 15];
    }
    *p = '\0';
    return buf;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool guid_parse(const char *text, Guid *ret) {
    Guid g;
    bool brace = *text == '{';
    if (brace)
        text++;
    for (size_t i = 0; i < 16; i++) {
        if (dash_before(i) && *text++ != '-')
            return false;
        int high = hex_digit(text[0]);
        int low = high < 0 ? -1 : hex_digit(text[1]);
        if (low < 0)
            return false;
        g.b[text_order[i]] = (uint8_t)(high * 16 + low);
        text += 2;
    }
    if (brace && *text++ != '}')
        return false;
    if (*text != '\0')
        return false;
    *ret = g;
    return true;
}

static void hash_unit(Sha1 *sha, uint32_t unit) {
    uint8_t be[2] = {(uint8_t)(unit >> 8), (uint8_t)unit};
    sha1_update(sha, be, sizeof be);
}

// As EventSource.GenerateGuidFromName(name.ToUpperInvariant()) of .NET: an RFC 4122 version 5 GUID,
// except that the digest is taken as the GUID's memory bytes, not as big-endian fields, and that
// the variant bits are left as they come.
Guid guid_from_name(const char *name) {
    static const uint8_t name_space[16] = {0x48, 0x2c, 0x2d, 0xb2, 0xc3, 0x90, 0x47, 0xc8,
                                           0x87, 0xf8, 0x1a, 0x15, 0xbf, 0xc1, 0x30, 0xfb};
    Sha1 sha;
    sha1_init(&sha);
    sha1_update(&sha, name_space, sizeof name_space);
    const char *end = name + strlen(name);
    while (name < end) {
        uint32_t cp;
        name += utf8_next(name, end, &cp);
        if (cp >= 0xd800 && cp < 0xe000)
            cp = 0xfffd; // what .NET's encoder writes for a lone surrogate
        if (cp < 0x10000) {
            hash_unit(&sha, upper_char(cp));
        } else {
            hash_unit(&sha, 0xd800 + ((cp - 0x10000) >> 10));
            hash_unit(&sha, 0xdc00 + ((cp - 0x10000) & 0x3ff));
        }
    }
    uint8_t digest[SHA1_BYTES];
    sha1_final(&sha, digest);
    Guid g;
    memcpy(g.b, digest, sizeof g.b);
    g.b[7] = (uint8_t)((g.b[7] & 0x0f) | 0x50);
    return g;
}
