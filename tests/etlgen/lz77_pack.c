#include "tests/etlgen/lz77_pack.h"

#include "util/mem.h"

#define WINDOW_BYTES 8192u // a distance is 13 bits
#define MIN_MATCH    3u
#define MAX_CHAIN    32u
#define HASH_BITS    13u
#define NOWHERE      UINT32_MAX

struct Lz77Pack {
    uint32_t head[1u << HASH_BITS]; // newest position with this hash
    uint32_t prev[WINDOW_BYTES];    // by position in the window: the one before with the same hash
};

Lz77Pack *lz77_pack_new(void) {
    return mem_alloc(sizeof(Lz77Pack));
}

Lz77Pack *lz77_pack_free(Lz77Pack *pack) {
    mem_free(pack);
    return NULL;
}

static uint32_t hash3(const uint8_t *p) {
    uint32_t v = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return (v * 0x9e3779b1u) >> (32 - HASH_BITS);
}

static void remember(Lz77Pack *pack, const uint8_t *data, size_t bytes, size_t at) {
    if (at + MIN_MATCH > bytes)
        return;
    uint32_t h = hash3(data + at);
    pack->prev[at % WINDOW_BYTES] = pack->head[h];
    pack->head[h] = (uint32_t)at;
}

// Longest match for data[at…] within the window; 0 when there is none of at least MIN_MATCH.
static size_t find_match(const Lz77Pack *pack, const uint8_t *data, size_t bytes, size_t at,
                         size_t *ret_distance) {
    size_t best = 0, room = bytes - at;
    if (room < MIN_MATCH)
        return 0;
    uint32_t candidate = pack->head[hash3(data + at)];
    for (uint32_t n = 0; n < MAX_CHAIN && candidate != NOWHERE; n++) {
        if (at - candidate > WINDOW_BYTES)
            break;
        size_t length = 0;
        while (length < room && data[candidate + length] == data[at + length])
            length++;
        if (length >= MIN_MATCH && length > best) {
            best = length;
            *ret_distance = at - candidate;
        }
        uint32_t older = pack->prev[candidate % WINDOW_BYTES];
        if (older != NOWHERE && older >= candidate)
            break; // the slot was overwritten by a newer position
        candidate = older;
    }
    return best;
}

// The output side: a flag word is reserved in front of the 32 items that it describes; half a byte may
// wait for the next long match.
typedef struct Stream {
    Buf *out;
    uint32_t flags;
    uint32_t n_flags;
    size_t flags_at;
    size_t nibble_at; // 0: none waits (offset 0 is always a flag word)
} Stream;

static void put_flag(Stream *s, uint32_t flag) {
    s->flags = s->flags << 1 | flag;
    if (++s->n_flags < 32)
        return;
    if (!s->out->failed)
        store_u32(s->out->data + s->flags_at, s->flags);
    s->flags = 0;
    s->n_flags = 0;
    s->flags_at = s->out->bytes;
    buf_u32(s->out, 0);
}

static void put_match(Stream *s, size_t distance, size_t length) {
    Buf *out = s->out;
    size_t rest = length - MIN_MATCH;
    buf_u16(out, (uint16_t)((distance - 1) << 3 | MIN_OF(rest, 7u)));
    if (rest >= 7) {
        size_t more = rest - 7;
        uint8_t nibble = (uint8_t)MIN_OF(more, 15u);
        if (s->nibble_at == 0) {
            s->nibble_at = out->bytes;
            buf_char(out, (char)nibble);
        } else {
            if (!out->failed)
                out->data[s->nibble_at] = (uint8_t)(out->data[s->nibble_at] | nibble << 4);
            s->nibble_at = 0;
        }
        if (more >= 15) {
            size_t byte = more - 15;
            buf_char(out, (char)MIN_OF(byte, 255u));
            if (byte >= 255) {
                if (rest <= UINT16_MAX) {
                    buf_u16(out, (uint16_t)rest);
                } else {
                    buf_u16(out, 0);
                    buf_u32(out, (uint32_t)rest);
                }
            }
        }
    }
    put_flag(s, 1);
}

void lz77_pack(Lz77Pack *pack, const void *data, size_t bytes, Lz77Mode mode, Buf *out) {
    const uint8_t *p = data;
    memset(pack->head, 0xff, sizeof pack->head);
    memset(pack->prev, 0xff, sizeof pack->prev);
    Stream s = {out, 0, 0, out->bytes, 0};
    buf_u32(out, 0);
    for (size_t at = 0; at < bytes && !out->failed;) {
        size_t distance = 0, length = 0;
        if (mode == LZ77_MATCH)
            length = find_match(pack, p, bytes, at, &distance);
        if (length == 0) {
            buf_char(out, (char)p[at]);
            put_flag(&s, 0);
            length = 1;
        } else {
            put_match(&s, distance, length);
        }
        if (mode == LZ77_MATCH)
            for (size_t i = 0; i < length; i++)
                remember(pack, p, bytes, at + i);
        at += length;
    }
    // Unused flags are ones: a decoder meets a match with no input left, the end of the stream.
    if (!out->failed) {
        uint32_t unused = 32 - s.n_flags;
        uint32_t flags = unused == 32 ? UINT32_MAX : s.flags << unused | ((1u << unused) - 1);
        store_u32(out->data + s.flags_at, flags);
    }
}
