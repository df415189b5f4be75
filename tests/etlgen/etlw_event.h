// One event of a generated file: every header type of etl-format B, encoded byte by byte, and the row
// that a reader must give for it. No state; any thread.
#pragma once

#include "event/record.h"
#include "tests/etlgen/expect.h"

typedef struct EtlwItem {
    uint16_t type; // EVENT_ITEM_*
    uint16_t bytes;
    const void *data;
} EtlwItem;

// WPP option bits (TRACE_MESSAGE_*).
enum {
    WPP_SEQUENCE = 0x01,
    WPP_GUID = 0x02,
    WPP_COMPONENT = 0x04,
    WPP_TIMESTAMP = 0x08,
    WPP_PERF_TIMESTAMP = 0x10, // alone: a counter that is not the event's time
    WPP_SYSTEM_INFO = 0x20,
    WPP_POINTER32 = 0x40,
    WPP_POINTER64 = 0x80,
};

// Everything that any header can hold; what a header type lacks is ignored. Zero is a valid default.
typedef struct EtlwEvent {
    uint8_t
        header_type; // ETL_HEADER_*; ETL_HEADER_MESSAGE = WPP; any other number = to be stepped over
    uint8_t group;   // kernel headers (SYSTEM, COMPACT, PERFINFO): event group
    Guid guid;       // provider | class | message; kernel headers have none
    EventDescriptor desc; // classic: opcode, version, FULL also level; WPP: id = message number
    int64_t time;         // raw clock; WPP without WPP_TIMESTAMP has none
    uint32_t pid, tid;
    uint32_t kernel_time, user_time;
    uint16_t flags; // EVENT_HEADER.Flags; the bit for extended items is set by itself
    uint16_t property;
    Guid activity;
    const EtlwItem *items; // EVENT_HEADER only
    uint32_t n_items;
    const void *payload;
    uint32_t payload_bytes;
    const uint64_t *pmc; // kernel headers: counters behind the header, at most 7
    uint8_t n_pmc;
    bool has_pebs;
    uint64_t pebs;
    uint32_t instance, parent_instance; // INSTANCE headers
    Guid parent_guid;
    uint16_t wpp_options;
    uint32_t wpp_sequence, wpp_component;
} EtlwEvent;

// Size as the event's Size field has it (not rounded); 0 when it does not fit into 16 bits.
size_t etlw_event_bytes(const EtlwEvent *event);
// Writes exactly etlw_event_bytes(event) bytes; the padding to 8 is the caller's.
void etlw_event_encode(const EtlwEvent *event, uint8_t *to);
bool etlw_event_has_time(const EtlwEvent *event);
// A reader yields nothing for a header type that it must step over.
bool etlw_event_expected(const EtlwEvent *event);
// Fills row (but for its place) and sets ext_text; raw_time: the event's, or the one it inherits.
void etlw_event_row(const EtlwEvent *event, int64_t raw_time, ExpectRow *row, Buf *ext_text);
// Class GUID of a kernel event (etl-format B.7).
Guid etlw_group_guid(uint8_t group, uint8_t opcode);
