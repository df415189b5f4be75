// The table of a batch: processes, texts, numbers, stacks and modules that its records refer to, each once.
//
// Entries are found again by the serial of what they were made from, so a batch decodes alone and a value
// costs a lookup, not a copy, when it comes again. One owner. idl/wire.h has the layouts.
#pragma once

#include "event/enriched.h"
#include "wire/wire_batch.h"

#define WIRE_TABLE_MAX_ENTRIES 65534u
#define WIRE_TABLE_MAX_BYTES   (128u * 1024u) // a record's own entries always fit in an empty table

typedef struct WireTable {
    Buf bytes; // encoded entries
    uint32_t n;
    struct WireTableSlot *slots; // by (kind, serial)
    uint32_t n_slots, n_used;
    uint32_t *offsets; // of each entry in bytes; for import
    uint32_t offsets_room;
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

// Adds what a view has, and fills extra (process, stack, enriched; `enriched` room for
// WIRE_MAX_ENRICHED). 0; WIRE_TABLE_FULL: seal and try again on an empty table (everything of this view was
// taken back); < 0: no memory (the same).
#define WIRE_TABLE_FULL   1
#define WIRE_MAX_ENRICHED 16u
int wire_table_add(WireTable *table, const EnrichedView *view, WireExtra *extra,
                   WireEnriched enriched[WIRE_MAX_ENRICHED]);
// The same for a stack alone (an event that was held).
int wire_table_add_stack(WireTable *table, const StackView *stack, uint16_t *ret_entry_plus_1);
// Takes the entries that a record of `from` refers to into `to` and fixes the record in place (wire form,
// as wire_record_put wrote it). Results as wire_table_add.
int wire_table_move(WireTable *to, const WireTable *from, uint8_t *record);

// --- the client's side: the table of a received batch as views ---
typedef struct WireTableView WireTableView;

// Decodes and checks a batch's table once; borrows its bytes. PROTOCOL when an entry is malformed.
int wire_table_open(const BatchReader *batch, WireTableView **ret, Err *err);
WireTableView *wire_table_close(WireTableView *view);
size_t wire_table_bytes(const WireTableView *view); // memory
// The view of one record; everything in it lives as long as the table's view. The record's entries must be
// of the right kinds, else PROTOCOL.
int wire_table_record(const WireTableView *view, const WireRecord *record, EnrichedView *ret,
                      StackView *ret_stack, Err *err);
