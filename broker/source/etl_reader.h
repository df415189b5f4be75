// Reads .etl files: buffers, events, clocks, loss, in merged time order, with bounded memory.
//
// Format facts and guarantees: docs/ETL.md. One owner, one thread at a time. Files are read, never
// mapped: a session may shorten its file meanwhile, and a mapping answers that with a signal. A
// record's pointers stay valid until the next call on the same reader. Malformed input never stops
// the walk where anything intact is left: it is reported as a diagnostic (file offset, what, what
// was done) and counted.
#pragma once

#include "event/record.h"
#include "util/err.h"

typedef struct EtlReader EtlReader;

typedef struct EtlOptions {
    // Yield only EVENT_SCHEMA_DATA records, in file order (no merge): the pre-scan.
    bool schema_only;
    bool file_order; // no merge: buffers as they stand in the file
    // Read window of a CPU, at least 128 KiB; 0 = one buffer, less when CPUs are many.
    uint32_t window_bytes;
    size_t memory_bytes; // of all windows (beyond one per CPU of the least size); 0 = 256 MiB
} EtlOptions;

// Facts of the trace header (etl-format A.5). Strings are UTF-8 and owned by the reader.
typedef struct EtlInfo {
    uint32_t buffer_bytes, os_build, n_processors, timer_resolution, max_file_mb, mode;
    uint32_t buffers_written, start_buffers, pointer_size, events_lost, cpu_mhz, buffers_lost;
    uint8_t os_major, os_minor, sub_version, sub_minor;
    int64_t start_time, end_time, boot_time; // FILETIME; end 0 = never finalised
    int64_t perf_freq;   // of the performance counter (10 MHz when the file has 0)
    int64_t raw_freq;    // ticks a second of raw times, by clock_type
    int64_t header_time; // raw clock of the header event
    uint32_t clock_type; // 1 QPC, 2 system time, 3 CPU cycles (as used)
    int32_t bias_minutes;
    const char *session_name, *file_name;
    uint64_t file_bytes;
    uint32_t n_buffers; // found in the file, header buffers included
    uint32_t n_cpus;    // highest CPU index seen + 1
    bool compressed, circular_wrapped, appended;
} EtlInfo;

typedef struct EtlStats {
    uint64_t events;         // yielded
    uint64_t buffers, bytes; // walked
    uint64_t bad_buffers;    // given up at some point (their intact front was kept)
    uint64_t bad_bytes;      // payload bytes given up
    uint64_t skipped;        // unknown header types stepped over
    uint64_t malformed;      // events yielded although something inside them is wrong
    uint64_t out_of_order;   // only counted (and flagged) when merging
    uint64_t lost_event_flags, lost_buffer_flags; // buffers with BufferFlag 2 / 4
    uint64_t sequence_gaps;                       // missing sequence numbers
    uint64_t by_header[32];                       // events by header type
    uint32_t n_diagnostics;                       // all; the first ETL_DIAGNOSTICS_KEPT are kept
} EtlStats;

#define ETL_DIAGNOSTICS_KEPT 256
typedef struct EtlDiagnostic {
    uint64_t offset;  // of the buffer in the file
    uint32_t at;      // offset inside the (uncompressed) buffer
    const char *what; // static text: what was found and what was done
    uint64_t value;   // the offending number
} EtlDiagnostic;

// Opens and indexes the file (buffer headers only). Errors: NOT_FOUND, IO, FORMAT (not an .etl
// file; the text says what was expected at which offset), NO_MEMORY.
int etl_open(const char *path, const EtlOptions *options, EtlReader **ret, Err *err);
// The same over bytes in memory, borrowed for the reader's life (fuzzing, tests).
int etl_open_memory(const void *data, size_t bytes, const EtlOptions *options, EtlReader **ret,
                    Err *err);
EtlReader *etl_close(EtlReader *reader); // returns NULL
// 1: *ret is the next event; 0: end; < 0 fatal (I/O, memory) with err filled. ret->ordinal counts
// what was yielded since the open or the last rewind, from 0: in a merged walk the event's place in
// merged order, the same in each walk; with schema_only or file_order only a count.
int etl_next(EtlReader *reader, EventRecord *ret, Err *err);
int etl_rewind(EtlReader *reader, Err *err);
const EtlInfo *etl_info(const EtlReader *reader);
const EtlStats *etl_stats(const EtlReader *reader);
uint32_t etl_diagnostics(const EtlReader *reader, const EtlDiagnostic **ret); // the kept ones
// How many trace headers with a new clock came before the last event (0 = the file's own).
uint32_t etl_segment(const EtlReader *reader);
double etl_progress(const EtlReader *reader); // 0…1, by bytes
// Raw clock value of the same clock (payload timestamps) to FILETIME.
int64_t etl_to_filetime(const EtlReader *reader, int64_t raw);
