// Private to the two halves of wire_table.h: what a table's entries are on both sides, and taking
// entries from one table into another.
#pragma once

#include "wire/wire_table.h"

// Field offsets within entries (idl/wire.h).
enum {
    PROCESS_PID = 0,
    PROCESS_PARENT_PID = 4,
    PROCESS_SESSION = 8,
    PROCESS_PARENT = 12,
    PROCESS_PROVENANCE = 14,
    PROCESS_FLAGS = 15,
    PROCESS_START_KEY = 16,
    PROCESS_START_TIME = 24,
    PROCESS_SID_BYTES = 32,
    PROCESS_NAME_BYTES = 34,
    PROCESS_PATH_BYTES = 36,
    PROCESS_USER_BYTES = 38,
    PROCESS_COMMAND_BYTES = 40,
    MODULE_BASE = 0,
    MODULE_SIZE = 8,
    MODULE_TIMESTAMP = 16,
    MODULE_CHECKSUM = 20,
    MODULE_PDB_AGE = 24,
    MODULE_PROVENANCE = 28,
    MODULE_PATH_BYTES = 30,
    MODULE_PDB_BYTES = 32,
    MODULE_PDB_GUID = 36,
};

// Key kinds are the wire's, and this one: a process of which only the pid is known, found by it.
#define TABLE_BARE      0x100u
#define TABLE_WIRE_KIND 0xffu

typedef struct WireTableItem {
    uint64_t serial; // 0: not shared
    uint32_t at;     // of the entry's head
    uint16_t kind;   // of its key
} WireTableItem;

typedef struct TableSource {
    const uint8_t *bytes;
    const WireTableItem *items;
} TableSource;

// Imports what a record refers to and fixes it in place; takes everything back on failure.
int wire_table_import(WireTable *to, const TableSource *from, uint8_t *record);

static inline bool enriched_is_role(uint8_t field) {
    return field >= WIRE_ENRICHED_CREATOR && field <= WIRE_ENRICHED_CREATED;
}

// Fields that this version knows; others are stepped over.
static inline bool enriched_is_known(uint8_t field) {
    return (field > ENRICHED_NONE && field < ENRICHED_N) || enriched_is_role(field);
}
