// .etl files built by hand, byte by byte, for the tests of the reader: nothing of the reader's own code
// takes part. Sizes and places are those of etl-format A and B.
#pragma once

#include "source/etl_reader.h"
#include "util/buf.h"

typedef struct Trace {
    Buf file;
    uint32_t nominal; // buffer size
    size_t buffer;    // where the open buffer begins
    uint32_t next_sequence;
} Trace;

typedef struct TraceOptions {
    uint32_t nominal; // 0: 4096
    uint32_t mode, clock, cpu_mhz, buffers_written, events_lost, buffers_lost;
    int64_t freq, start, raw; // freq 0 is written as 0
    int64_t end;
    bool narrow;  // 32-bit layout
    uint32_t cut; // bytes taken off the end of the header event
    bool trim;    // header buffer as long as its events
} TraceOptions;

#define TRACE_START INT64_C(132449000000000000)
#define TRACE_RAW   INT64_C(5000000000)
#define TRACE_OPTIONS                                                                              \
    { 0, 1, 1, 3000, 0, 0, 0, 10000000, TRACE_START, TRACE_RAW, 0, false, 0, false }

void trace_open(Trace *t, const TraceOptions *options); // NULL: TRACE_OPTIONS
// A further header buffer (appended session).
void trace_append(Trace *t, const TraceOptions *options);
void trace_free(Trace *t);

// Buffers: begin, events, end. Ending fills the slack with 0xFF and sets the sizes.
void trace_begin(Trace *t, uint16_t cpu);
void trace_end(Trace *t);
uint8_t *trace_buffer_head(Trace *t); // of the open or last buffer; valid until the next append
size_t trace_at(const Trace *t);      // in-buffer offset of what comes next

// Events; each is padded to 8. Bytes of the payload count up from `seed`.
void trace_manifest(Trace *t, uint8_t type, int64_t raw, uint16_t id, const void *items,
                    size_t n_items, const void *payload, size_t bytes);
void trace_event(Trace *t, int64_t raw, uint16_t id); // EVENT64, 4 bytes of payload
void trace_kernel(Trace *t, uint8_t type, int64_t raw, uint16_t version, uint8_t group,
                  uint8_t opcode, const void *payload, size_t bytes);
void trace_full(Trace *t, uint8_t type, int64_t raw, const Guid *guid, uint8_t opcode,
                const void *payload, size_t bytes);
void trace_wpp(Trace *t, uint16_t number, uint16_t options, const void *fields, size_t bytes);
void trace_raw(Trace *t, const void *data, size_t bytes);

// Three buffers of two CPUs, behind an open trace or with it; ids 1 to 6 in time order.
void trace_three_buffers(Trace *t);
void trace_make_three(Trace *t);

// Opens what was built (memory); asserts success.
EtlReader *trace_read(const Trace *t);
// Ids of all events but trace headers as "1 2 3", for comparing streams; stops at 1,000.
const char *trace_ids(EtlReader *reader, char *buf, size_t cap);
const char *trace_ids_of(const Trace *t, char *buf, size_t cap);
bool trace_told(const EtlReader *reader, const char *part); // a diagnostic's text contains this
