// See lz77.h. Tokens (MS-XCA 2.4): a 32-bit flag word, used from bit 31 down, tells literal bytes (0)
// from matches (1). A match is a u16: distance - 1 in the upper 13 bits, length in the lower 3; a
// length of 7 goes on in a nibble (two matches share one byte), then a byte, a u16, a u32.
#include "source/lz77.h"

// The longest length that is worth copying: everything longer fills any output.
#define LENGTH_MAX 0x7fffffffu

// Copies are made in chunks that may run past their end, as long as they stay inside the output.
#define SLACK 32u

// Copies n bytes from `distance` back; room: what may be written, at least n. Where source and target
// overlap, the pattern repeats.
static void copy_match(uint8_t *to, size_t distance, size_t n, size_t room) {
    const uint8_t *from = to - distance;
    if (distance >= 16 && n + SLACK <= room) {
        for (size_t i = 0; i < n; i += 16)
            memcpy(to + i, from + i, 16);
        return;
    }
    if (distance == 1) {
        memset(to, *from, n);
        return;
    }
    while (n > 0) {
        // Each pass doubles what can be copied at once.
        size_t step = MIN_OF(n, (size_t)(to - from));
        memcpy(to, from, step);
        to += step;
        n -= step;
    }
}

// Number of zero bits from bit n - 1 of flags down, at most n; 0 < n <= 32.
static unsigned literal_run(uint32_t flags, unsigned n) {
    uint32_t top = flags << (32 - n);
    return top == 0 ? n : MIN_OF((unsigned)__builtin_clz(top), n);
}

size_t lz77_decode(const void *in_untrusted, size_t in_bytes, void *out_, size_t capacity,
                   Lz77End *ret_end) {
    const uint8_t *in = in_untrusted;
    const uint8_t *const in_end = in + in_bytes;
    const uint8_t *nibble_at = NULL; // the byte whose high nibble is still unused
    uint8_t *const out = out_;
    size_t made = 0;
    Lz77End end = LZ77_DONE;
    uint32_t flags = 0;
    unsigned n_flags = 0;

    for (;;) {
        if (n_flags == 0) {
            if (in_end - in < 4) {
                end = in == in_end ? LZ77_DONE : LZ77_TRUNCATED;
                break;
            }
            flags = load_u32(in);
            in += 4;
            n_flags = 32;
        }
        if (((flags >> (n_flags - 1)) & 1) == 0) {
            if (in_end - in >= (ptrdiff_t)SLACK && capacity - made >= SLACK) {
                unsigned run = literal_run(flags, n_flags);
                memcpy(out + made, in, 16);
                if (run > 16)
                    memcpy(out + made + 16, in + 16, 16);
                in += run;
                made += run;
                n_flags -= run;
                continue;
            }
            n_flags--;
            if (in == in_end)
                break;
            if (made == capacity) {
                end = LZ77_FULL;
                break;
            }
            out[made++] = *in++;
            continue;
        }
        n_flags--;
        if (in_end - in < 2) {
            // Encoders set the unused flags of the last word, so this is the usual end.
            end = in == in_end ? LZ77_DONE : LZ77_TRUNCATED;
            break;
        }
        uint32_t word = load_u16(in);
        in += 2;
        size_t distance = (word >> 3) + 1;
        uint32_t length = word & 7;
        if (length == 7) {
            if (nibble_at == NULL) {
                if (in == in_end) {
                    end = LZ77_TRUNCATED;
                    break;
                }
                nibble_at = in;
                length = *in++ & 15u;
            } else {
                length = *nibble_at >> 4;
                nibble_at = NULL;
            }
            if (length == 15) {
                if (in == in_end) {
                    end = LZ77_TRUNCATED;
                    break;
                }
                length = *in++;
                if (length == 255) {
                    if (in_end - in < 2) {
                        end = LZ77_TRUNCATED;
                        break;
                    }
                    length = load_u16(in);
                    in += 2;
                    if (length == 0) {
                        if (in_end - in < 4) {
                            end = LZ77_TRUNCATED;
                            break;
                        }
                        length = load_u32(in);
                        in += 4;
                    }
                    if (length < 15 + 7 || length > LENGTH_MAX) {
                        end = LZ77_LENGTH;
                        break;
                    }
                    length -= 15 + 7;
                }
                length += 15;
            }
            length += 7;
        }
        length += 3;
        if (distance > made) {
            end = LZ77_DISTANCE;
            break;
        }
        size_t n = length;
        if (n > capacity - made) {
            n = capacity - made;
            end = LZ77_FULL;
        }
        copy_match(out + made, distance, n, capacity - made);
        made += n;
        if (end == LZ77_FULL)
            break;
    }
    if (ret_end != NULL)
        *ret_end = end;
    return made;
}
