// Compressor for the MS-XCA "Plain LZ77" format of compressed .etl buffers.
//
// It finds real matches (hash chains over the 8 KiB window, all length encodings), so that files made
// with it exercise a decompressor; the literal mode gives the worst legal stream (larger than its
// input). One owner, one thread at a time; the same input gives the same output on every host.
#pragma once

#include "util/buf.h"

typedef enum Lz77Mode {
    LZ77_MATCH,
    LZ77_LITERAL, // no matches at all
} Lz77Mode;

typedef struct Lz77Pack Lz77Pack;

Lz77Pack *lz77_pack_new(void);            // NULL when out of memory
Lz77Pack *lz77_pack_free(Lz77Pack *pack); // returns NULL
// Appends the packed form of data to out (out->failed when it does not fit). bytes < 4 GiB.
void lz77_pack(Lz77Pack *pack, const void *data, size_t bytes, Lz77Mode mode, Buf *out);
