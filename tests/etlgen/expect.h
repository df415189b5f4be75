// What a reader must find in a generated file: one row for each event, in the columns of the corpus'
// golden .tsv files, in merged time order. Kept beside the writer and computed from what was asked for,
// never read back from the file.
//
// Order: by trace header (appended files), then by time within it, ties by file order; a time that goes
// backwards within its CPU does not move the event before those in front of it. Memory grows with the
// number of events (about 150 bytes each). One owner, one thread.
#pragma once

#include "tests/etlgen/etlw_clock.h"
#include "util/buf.h"
#include "util/err.h"
#include "util/guid.h"

typedef enum ExpectGuid {
    EXPECT_GUID_OF_EVENT,
    EXPECT_GUID_COMPONENT, // WPP with a component id: "component-00001234"
    EXPECT_GUID_NONE,      // WPP without either: "message-noguid"
} ExpectGuid;

typedef struct ExpectRow {
    int64_t raw_time;
    Guid guid;
    uint64_t keyword;
    int32_t id; // -1: classic
    uint32_t component;
    uint32_t pid, tid;
    uint32_t data_bytes, data_crc;
    uint32_t ext_crc;
    uint32_t ext_text, ext_text_bytes; // "type:bytes,…" in the text store
    uint32_t buffer, index;            // place: buffer id, number of the event in it
    uint32_t end;                      // in-buffer offset behind the event
    uint16_t version, task, header_flags;
    uint8_t header_type, level, opcode, channel, pointer_size, guid_kind;
    bool no_ids; // no pid and tid in the header
} ExpectRow;

typedef struct ExpectBuffer {
    uint64_t file_offset;
    uint64_t order; // rank among the buffers as a reader takes them
    uint32_t segment;
    uint16_t cpu;
    bool written; // false: still open, dropped, or overwritten in a circular file
} ExpectBuffer;

typedef struct Expect {
    ExpectRow *rows;
    size_t n_rows, rows_capacity;
    ExpectBuffer *buffers;
    size_t n_buffers, buffers_capacity;
    EtlwClock *segments;
    size_t n_segments, segments_capacity;
    Buf text;
    bool failed; // out of memory
} Expect;

void expect_init(Expect *expect);
void expect_deinit(Expect *expect);
uint32_t expect_segment(Expect *expect, const EtlwClock *clock);        // returns its number
uint32_t expect_buffer(Expect *expect, uint32_t segment, uint16_t cpu); // returns its id
void expect_written(Expect *expect, uint32_t buffer, uint64_t file_offset, uint64_t order);
void expect_gone(Expect *expect, uint32_t buffer);
// The row is copied; its ext_text is set from text ("" for none).
void expect_row(Expect *expect, const ExpectRow *row, const char *ext_text);

// Called for each row in order; `line` ends with a line feed. < 0 stops and is forwarded.
typedef int (*ExpectLine)(void *context, const char *line, size_t bytes);
// file_limit: bytes of the file that exist (0 = all). Includes the heading line.
int expect_lines(const Expect *expect, uint64_t file_limit, ExpectLine emit, void *context,
                 Err *err);
int expect_to_buf(const Expect *expect, uint64_t file_limit, Buf *out, Err *err);
int expect_to_file(const Expect *expect, uint64_t file_limit, const char *path, Err *err);
