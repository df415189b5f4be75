// Writes .etl files: buffers of each CPU, the trace header, compression, loss, and on request every
// oddity that a reader must survive (etl-format A, T). Made for test material, so it writes exactly what
// it is told; it never repairs.
//
// Events of one CPU must come in time order for a regular file; those of different CPUs need not.
// Memory: one buffer for each CPU. One owner, one thread. After the first failure everything is a no-op
// and etlw_close reports it.
#pragma once

#include "tests/etlgen/etlw_event.h"
#include "tests/etlgen/etlw_sink.h"
#include "tests/etlgen/lz77_pack.h"

#define ETLW_BUFFER_HEAD 0x48u
#define ETLW_MIN_BUFFER  1024u
#define ETLW_MAX_BUFFER  (16u * 1024u * 1024u)
#define ETLW_MAX_CPUS    2048u

// LogFileMode bits.
enum {
    ETLW_MODE_SEQUENTIAL = 0x1,
    ETLW_MODE_CIRCULAR = 0x2,
    ETLW_MODE_APPEND = 0x4,
    ETLW_MODE_PREALLOCATE = 0x20,
    ETLW_MODE_COMPRESSED = 0x04000000,
};

// Buffer flags and types (WMI_BUFFER_HEADER).
enum {
    ETLW_BUFFER_FLUSH_MARKER = 0x01,
    ETLW_BUFFER_EVENTS_LOST = 0x02,
    ETLW_BUFFER_BUFFER_LOST = 0x04,
    ETLW_BUFFER_PROC_INDEX = 0x20,
    ETLW_BUFFER_COMPRESSED = 0x40,
};
enum {
    ETLW_BUFFER_GENERIC = 0,
    ETLW_BUFFER_RUNDOWN = 1,
    ETLW_BUFFER_REFTIME = 3,
    ETLW_BUFFER_HEADER = 4,
    ETLW_BUFFER_EMPTY_MARKER = 6,
    ETLW_BUFFER_DBG_INFO = 7,
};

typedef enum EtlwPacking {
    ETLW_PLAIN,
    ETLW_PACK_MATCH,   // as merging tools do; a buffer that does not shrink stays plain
    ETLW_PACK_LITERAL, // larger than plain, legal all the same
} EtlwPacking;

typedef struct EtlwOptions {
    uint32_t buffer_bytes; // multiple of 8
    uint32_t n_cpus;       // of the header; a CPU beyond it can still be written
    EtlwClock clock;
    EtlwPacking packing;
    uint32_t mode;                        // LogFileMode; the bit for compression is set by itself
    uint32_t pointer_size;                // 4 or 8: of the logger
    const char *session_name, *file_name; // UTF-8
    uint32_t os_version[4];               // major, minor, sub, subminor
    uint32_t os_build;
    int64_t boot_time;
    uint32_t max_file_mb, events_lost, buffers_lost;
    uint32_t pid, tid; // of the trace header event
    uint16_t logger_id;
    uint64_t first_sequence; // of the data buffers: 1, more in a later NEWFILE segment
    // Oddities.
    uint32_t circular_buffers;   // > 0: data buffers go round over so many places
    bool trim_header_buffer;     // as long as its events (merged files), not buffer_bytes
    bool zero_saved_offset;      // in header buffers (Windows 7)
    bool exact_offsets;          // end of events not rounded up to 8
    bool old_cpu_field;          // no PROC_INDEX: byte CPU number, byte alignment (Windows 7)
    bool unfinished;             // session still open: EndTime and BuffersWritten are 0
    bool unterminated_names;     // the file name of the header lacks its NUL
    uint32_t zero_tail_bytes;    // preallocated, never used
    uint32_t stale_tail_buffers; // preallocated, left over from an earlier session
} EtlwOptions;

// Sensible defaults: 64 KiB buffers, 4 CPUs, QPC at 10 MHz, 64 bit, Windows 11.
EtlwOptions etlw_defaults(void);

typedef struct EtlwWriter EtlwWriter;

// sink: borrowed and open; the caller closes it after etlw_close. expect: NULL, or where the rows
// of a reader are collected (borrowed).
int etlw_open(const EtlwOptions *options, EtlwSink *sink, Expect *expect, EtlwWriter **ret,
              Err *err);
// Writes what is left and the final trace header. The writer is gone afterwards in any case.
int etlw_close(EtlwWriter *take_writer, Err *err);

// 0, or -OVERSIZE (more than a buffer or 65,535 bytes; the file is not changed), or -NO_MEMORY/-IO.
int etlw_event(EtlwWriter *writer, uint32_t cpu, const EtlwEvent *event);
// An event of the buffer that holds the trace header (group masks, partition info, dropped times…).
int etlw_header_event(EtlwWriter *writer, const EtlwEvent *event);
// Bytes at the place of an event, for damage; nothing is expected of them. Rounded up to 8 with zeros.
int etlw_raw(EtlwWriter *writer, uint32_t cpu, const void *data, size_t bytes);
// Ends the CPU's buffer now, as the flush timer does; nothing happens when it is empty.
int etlw_flush(EtlwWriter *writer, uint32_t cpu);
int etlw_flush_all(EtlwWriter *writer);
// Or-s ETLW_BUFFER_EVENTS_LOST / BUFFER_LOST into the flags of the CPU's open buffer.
int etlw_mark(EtlwWriter *writer, uint32_t cpu, uint16_t buffer_flags);
// The next n sequence numbers are never written: buffers that were lost.
void etlw_skip_sequence(EtlwWriter *writer, uint32_t n);
void etlw_count_lost(EtlwWriter *writer, uint32_t events, uint32_t buffers);
// Flushes the CPU, then writes a buffer of this type without events (EMPTY_MARKER, REFTIME, DBG_INFO).
int etlw_marker_buffer(EtlwWriter *writer, uint32_t cpu, uint16_t type, int64_t raw_time);
// Type of the buffers that this CPU opens from now on (GENERIC, RUNDOWN).
int etlw_buffer_type(EtlwWriter *writer, uint32_t cpu, uint16_t type);
// Appends a session: another trace header buffer with another time base follows what is there.
// buffer_bytes and the oddities of the file stay.
int etlw_append(EtlwWriter *writer, const EtlwOptions *options);

uint64_t etlw_events(const EtlwWriter *writer);    // accepted so far
uint64_t etlw_bytes(const EtlwWriter *writer);     // of the file so far
uint64_t etlw_backwards(const EtlwWriter *writer); // events whose time went back on their CPU
