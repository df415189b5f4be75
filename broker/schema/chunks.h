// Reassembles the in-stream manifests of .NET EventSources (etl-format G): event 0xFFFE carries one
// chunk of XML; chunks come for each provider and process, in any order, repeated, or never all.
//
// Owner: the store. Bounded: CHUNKS_MAX_STREAMS unfinished manifests (the oldest goes first),
// MANIFEST_MAX_BYTES each.
#pragma once

#include "event/record.h"
#include "util/err.h"
#include "util/map.h"

#define CHUNKS_MAX_STREAMS 64u
#define CHUNKS_MAX_TOTAL   1024u // of one manifest; real ones have up to 257 (16 MiB of 0xFF00 bytes)
#define CHUNK_HEAD         8u
#define CHUNK_MAGIC        0x5b

typedef struct Chunks {
    Map streams;
    size_t bytes; // held by unfinished manifests
} Chunks;

typedef enum ChunkResult {
    CHUNK_TAKEN = 0,
    CHUNK_COMPLETE = 1, // *ret_xml is the manifest; the caller frees it
    CHUNK_BAD = 2,
} ChunkResult;

// True for records that look like a manifest chunk: id, opcode, task and magic.
bool chunk_is(const EventRecord *record);
void chunks_deinit(Chunks *chunks);
// A ChunkResult, or -STATUS_NO_MEMORY. room: bytes that may be held beyond what is held already.
int chunks_feed(Chunks *chunks, const EventRecord *record, size_t room, char **ret_xml,
                size_t *ret_bytes);
