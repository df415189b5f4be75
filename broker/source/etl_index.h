// The index of an .etl file: where its buffers stand, in what order they are to be read, and which
// clock they follow. Made by one pass over the buffer headers; 24 bytes a buffer.
//
// A damaged buffer header costs at most that header: in uncompressed files buffers stand at multiples
// of the nominal size, in compressed ones the next pair of consistent headers is looked for. One owner.
#pragma once

#include "source/etl_clock.h"
#include "source/etl_format.h"
#include "source/etl_input.h"

#define ETL_INDEX_NONE UINT32_MAX

typedef struct EtlBuffer {
    uint64_t offset;
    uint32_t bytes;    // in the file, as far as present
    uint32_t sequence; // 0: none
    uint32_t next;     // index of the next buffer of the same queue, ETL_INDEX_NONE = last
    uint16_t cpu;
    uint8_t flags; // low byte of BufferFlag
    uint8_t type;  // ETL_BUFFER_*; ETL_BUFFER_TYPES for a number that is none
} EtlBuffer;

// Buffers that follow one trace header. Sessions that were appended to a file come one after the
// other in time, and their raw clocks cannot be compared: they are merged one by one.
typedef struct EtlSegment {
    uint32_t first, n; // of the buffers
    EtlClock clock;
    uint32_t buffer_bytes;  // nominal
    uint64_t sequence_gaps; // missing numbers
    uint32_t events_lost, buffers_lost;
} EtlSegment;

typedef struct EtlIndex {
    EtlBuffer *buffers;
    uint32_t n_buffers, capacity;
    EtlSegment *segments;
    uint32_t n_segments;
    uint32_t buffer_bytes; // nominal, of the first trace header
    uint32_t n_cpus;       // highest plausible CPU + 1
    bool compressed, circular_wrapped;
    uint64_t bytes; // sum over the buffers
    uint64_t sequence_gaps;
    uint64_t lost_event_flags, lost_buffer_flags;
} EtlIndex;

// Reads all buffer headers and the trace headers. head: the first trace header; its names point into
// *ret_head_bytes, which the caller frees (mem_free). FORMAT when this is no .etl file.
int etl_index_build(EtlIndex *index, EtlInput *input, EtlLog *log, EtlTraceHead *ret_head,
                    uint8_t **ret_head_bytes, Err *err);
void etl_index_deinit(EtlIndex *index);
