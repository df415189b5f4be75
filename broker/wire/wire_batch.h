// The body of an EVENTS frame: writing it into a caller's buffer, and reading it with every check.
//
// A body decodes alone, given the schemas of its types; equal watchers share it, each with 24 private
// bytes in front (frame head and first number). One owner for a writer; a reader may be copied.
#pragma once

#include "wire/wire_record.h"

#define WIRE_PRIVATE_BYTES (WIRE_HEAD_BYTES + WIRE_EVENTS_PRIVATE)
#define WIRE_MAX_BODY      (WIRE_MAX_OUT - WIRE_PRIVATE_BYTES)

typedef struct BatchWriter {
    uint8_t *body; // borrowed
    uint32_t capacity;
    uint32_t bytes;                // written so far, head included
    uint32_t n;                    // records
    int64_t first_time, last_time; // earliest and latest of them
} BatchWriter;

// Room for WIRE_BODY_HEAD at least; more than WIRE_MAX_BODY is not used.
void wire_batch_begin(BatchWriter *batch, uint8_t *body, uint32_t capacity);
// Appends one record: false when it does not fit (seal first), true and *ret_record (may be NULL) where
// it stands. bytes is what wire_record_bytes gave, not 0. table_bytes are kept free for the table.
bool wire_batch_append(BatchWriter *batch, uint32_t bytes, uint32_t table_bytes,
                       const EventRecord *event, uint32_t type, const WireExtra *extra,
                       uint8_t **ret_record);
// Writes head and table (may be empty, must fit) and returns the bytes of the body. The buffer may be
// moved between begin and seal when batch->body is set anew.
uint32_t wire_batch_seal(BatchWriter *batch, const uint8_t *table, uint32_t table_bytes);
// The 24 bytes in front of a body for one watcher.
void wire_private_put(uint8_t *to, uint32_t body_bytes, uint32_t subscription, uint64_t first);

typedef struct BatchReader {
    const uint8_t *at, *end; // records that are left
    uint32_t n, left;
    int64_t first_time, last_time;
    const uint8_t *table;
    uint32_t table_bytes;
    uint32_t n_table; // entries
} BatchReader;

// Checks the head, the table's chain and the number of records; the records are checked one by one as
// they are read. PROTOCOL when something is wrong.
int wire_batch_open(const uint8_t *body_untrusted, size_t bytes, BatchReader *ret, Err *err);
// 1: *ret is the next record; 0: the end; < 0: PROTOCOL (the batch is not usable from here on).
int wire_batch_next(BatchReader *batch, WireRecord *ret, Err *err);

typedef struct WireTableEntry {
    uint16_t kind; // WIRE_TABLE_*
    uint32_t bytes;
    const uint8_t *data;
} WireTableEntry;
// Steps through the checked table: uint32_t at = 0; while (wire_table_next(&batch, &at, &entry)) …
bool wire_table_next(const BatchReader *batch, uint32_t *at, WireTableEntry *ret);
#define WIRE_TABLE_HEAD 8u
