#include "client/etwctl/crc32.h"

#define POLYNOMIAL 0xedb88320u

// tables[k][b]: the remainder of byte b with k zero bytes behind it.
static uint32_t tables[8][256];

void crc32_init(void) {
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t r = b;
        for (int bit = 0; bit < 8; bit++)
            r = (r >> 1) ^ (POLYNOMIAL & (0u - (r & 1)));
        tables[0][b] = r;
    }
    for (uint32_t b = 0; b < 256; b++)
        for (int k = 1; k < 8; k++)
            tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xff];
}

uint32_t crc32_update(uint32_t crc, const void *data, size_t bytes) {
    const uint8_t *p = data;
    uint32_t r = ~crc;
    for (; bytes >= 8; bytes -= 8, p += 8) {
        uint32_t a = load_u32(p) ^ r, b = load_u32(p + 4);
        r = tables[7][a & 0xff] ^ tables[6][(a >> 8) & 0xff] ^ tables[5][(a >> 16) & 0xff] ^
            tables[4][a >> 24] ^ tables[3][b & 0xff] ^ tables[2][(b >> 8) & 0xff] ^
            tables[1][(b >> 16) & 0xff] ^ tables[0][b >> 24];
    }
    for (; bytes > 0; bytes--, p++)
        r = (r >> 8) ^ tables[0][(r ^ *p) & 0xff];
    return ~r;
}
