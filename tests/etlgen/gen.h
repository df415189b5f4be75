// What every scenario works with: a writer, a moving time, random numbers and a payload under
// construction. An emit function takes the payload built so far and leaves an empty one. Failures
// are sticky in `status`. One owner, one thread.
#pragma once

#include "tests/etlgen/blob.h"
#include "tests/etlgen/enrich_expect.h"
#include "tests/etlgen/etl_writer.h"
#include "tests/etlgen/kernel_payload.h"
#include "tests/etlgen/prng.h"
#include "tests/etlgen/tei.h"

#define GEN_MAX_SCHEMAS 128

typedef struct Gen {
    EtlwWriter *writer;
    EtlwClock clock;
    Prng rng;
    uint32_t n_cpus;
    int64_t now;           // 100 ns since the start of the trace
    Buf payload;           // of the next event
    Buf items;             // data of extended items of the next event
    Buf blob;              // schema blobs
    bool schema_after_use; // a schema follows the first event that needs it, as in merged files
    const void *schemas_done[GEN_MAX_SCHEMAS];
    uint32_t n_schemas_done;
    uint32_t n_appended;    // sessions
    EnrichExpect *enriched; // what enrichment must find; NULL: not collected
    int status;             // first failure, negative
} Gen;

void gen_init(Gen *g, EtlwWriter *writer, const EtlwClock *clock, uint32_t n_cpus, uint64_t seed);
void gen_deinit(Gen *g);

// --- time, CPUs ---
void gen_advance(Gen *g, int64_t by_100ns);
void gen_advance_us(Gen *g, uint32_t low, uint32_t high); // a random number of microseconds
int64_t gen_raw(const Gen *g);                            // now, in the clock of the file
uint32_t gen_cpu(Gen *g);                                 // any CPU
uint64_t gen_kernel_address(Gen *g);                      // a plausible pool address, 16-aligned

// --- events: at the present time, with g->payload ---
void gen_emit(Gen *g, uint32_t cpu, EtlwEvent *event); // sets time and payload
// header_type: one of the kernel headers.
void gen_kernel(Gen *g, uint32_t cpu, uint8_t header_type, uint8_t group, uint8_t opcode,
                uint8_t version, uint32_t pid, uint32_t tid);
// FULL_HEADER64.
void gen_classic(Gen *g, uint32_t cpu, const Guid *guid, uint8_t opcode, uint8_t version,
                 uint32_t pid, uint32_t tid);

typedef struct GenMaps {
    const TeiMap *maps;
    uint32_t n_maps;
} GenMaps;

// An event of a provider with a manifest; its schema (and the maps that it names) is stored beside
// its first use. items may be NULL.
void gen_manifest(Gen *g, uint32_t cpu, const TeiEvent *schema, const GenMaps *maps, uint32_t pid,
                  uint32_t tid, const EtlwItem *items, uint32_t n_items);
// TraceLogging: traits and metadata as items 12 and 11.
void gen_tracelogging(Gen *g, uint32_t cpu, const Guid *provider, const Buf *traits,
                      const Buf *metadata, uint8_t level, uint64_t keyword, uint8_t opcode,
                      uint32_t pid, uint32_t tid);
// Stores a schema, a map.
void gen_event_info(Gen *g, uint32_t cpu, const TeiEvent *schema);
void gen_map_info(Gen *g, uint32_t cpu, const Guid *provider, const TeiMap *map);
// All chunks of a manifest (XML) as events 0xFFFE of the EventSource.
void gen_manifest_chunks(Gen *g, uint32_t cpu, const Guid *provider, const Buf *xml,
                         uint32_t chunk_bytes, uint32_t pid, uint32_t tid);

// Place in merged order of the event that was emitted last, when all stand on one CPU.
uint64_t gen_ordinal(const Gen *g);

// Appends a session to the file: time starts again at its trace header.
void gen_append(Gen *g, const EtlwOptions *options);
