// Decoder for MS-XCA "Plain LZ77" (XPRESS without Huffman), the compression of .etl buffers.
//
// Pure; any thread. Input is untrusted: no read or write outside the given ranges, and what was
// produced before an error is a valid prefix of the original.
#pragma once

#include "util/base.h"

typedef enum Lz77End {
    LZ77_DONE,      // input used up at a token boundary
    LZ77_TRUNCATED, // input ends inside a token
    LZ77_DISTANCE,  // a match reaches back before the first byte
    LZ77_LENGTH,    // a match length that no encoder writes
    LZ77_FULL,      // more output than `capacity`
} Lz77End;

// Returns the bytes written to out; *ret_end (may be NULL) tells why it ended.
size_t lz77_decode(const void *in_untrusted, size_t in_bytes, void *out, size_t capacity,
                   Lz77End *ret_end);
