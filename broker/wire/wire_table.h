// The table of a batch: processes, texts, numbers, stacks and modules that its records refer to,
// each once.
//
// Entries are found again by the serial of what they were made from, so a batch decodes alone and a
// value costs a lookup, not a copy, when it comes again. A serial of 0 is never shared; but
// processes of which nothing but the pid is known are, by that. One owner. idl/wire.h has the
// layouts.
#pragma once

#include "event/enriched.h"
#include "wire/wire_batch.h"

#define WIRE_TABLE_MAX_ENTRIES 65534u
// With the largest record it still makes a batch. A record's own entries always fit in an empty
// table: when they would not, their texts are cut.
#define WIRE_TABLE_MAX_BYTES (WIRE_MAX_BODY - WIRE_BODY_HEAD - WIRE_MAX_RECORD)

typedef struct WireTable {
    Buf bytes; // encoded entries
    uint32_t n;
    struct WireTableSlot *slots; // by (kind, serial)
    uint32_t n_slots, n_used;
    struct WireTableItem *items; // what each entry was made from, and where it stands in bytes
    uint32_t items_room;
    uint32_t generation;   // slots of another one are free
    uint64_t memo_serial;  // the process found or added last; 0: none
    uint16_t memo_process; // its entry + 1
} WireTable;

typedef struct WireTableMark { // for taking back what one record added
    uint32_t n;
    size_t bytes;
} WireTableMark;

void wire_table_init(WireTable *table);
void wire_table_deinit(WireTable *table);
void wire_table_clear(WireTable *table); // keeps the memory
WireTableMark wire_table_mark(const WireTable *table);
void wire_table_back(WireTable *table, WireTableMark mark);

// Adds what a view has, and fills extra (process, stack, enriched, and WIRE_RECORD_STACK_INCOMPLETE
// in flags, which keeps its other bits; `enriched` room for WIRE_MAX_ENRICHED). 0; WIRE_TABLE_FULL:
// seal and try again on an empty table (everything of this view was taken back); < 0: no memory
// (the same).
#define WIRE_TABLE_FULL   1
#define WIRE_MAX_ENRICHED 16u
int wire_table_add(WireTable *table, const EnrichedView *view, WireExtra *extra,
                   WireEnriched enriched[WIRE_MAX_ENRICHED]);
// The same for a stack alone (an event that was held). 0 for a stack without frames.
int wire_table_add_stack(WireTable *table, const StackView *stack, uint16_t *ret_entry_plus_1);
// Takes the entries that a record of `from` refers to into `to` and fixes the record in place (wire
// form, as wire_record_put wrote it). Results as wire_table_add; the record is then as it was.
int wire_table_move(WireTable *to, const WireTable *from, uint8_t *record);

// --- the client's side: the table of a received batch as views ---
typedef struct WireTableView WireTableView;

// Decodes and checks a batch's table once; the views keep texts of their own and borrow the rest of
// the batch's bytes. PROTOCOL when an entry is malformed; kinds that are not known are stepped
// over.
int wire_table_open(const BatchReader *batch, WireTableView **ret, Err *err);
WireTableView *wire_table_close(WireTableView *view);
size_t wire_table_bytes(const WireTableView *view); // memory
// The view of one record; everything in it lives as long as the table's view. The record's entries
// must be of the right kinds, and at most WIRE_MAX_ENRICHED, else PROTOCOL; enriched fields that
// are not known are left out. Its pid and tid are the process entry's and the record's own.
// ret_stack is where the view's stack is kept.
int wire_table_record(const WireTableView *view, const WireRecord *record, EnrichedView *ret,
                      StackView *ret_stack, Err *err);
// Takes the entries that a record, which wire_table_record has found good, refers to into a table
// of its own (a copy that outlives its batch), and fixes the record in place. Results as
// wire_table_move.
int wire_table_extract(const WireTableView *view, uint8_t *record, WireTable *to);
