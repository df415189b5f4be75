// The one event record: what every source delivers and every later room reads.
//
// It has EVENT_RECORD's content as ProcessTrace gives it. Classic kernel events carry the class
// GUID and their opcode; WPP messages the message GUID, with `id` the message number. A record does
// not own memory: ext and payload point into the source's buffer and live as long as the source
// says.
#pragma once

#include "util/guid.h"

// Header types of an .etl file (etl-format B.1); live sources give the nearest.
enum {
    ETL_HEADER_SYSTEM32 = 1,
    ETL_HEADER_SYSTEM64 = 2,
    ETL_HEADER_COMPACT32 = 3,
    ETL_HEADER_COMPACT64 = 4,
    ETL_HEADER_FULL32 = 10,
    ETL_HEADER_INSTANCE32 = 11,
    ETL_HEADER_TIMED = 12,
    ETL_HEADER_ERROR = 13,
    ETL_HEADER_WNODE = 14,
    ETL_HEADER_MESSAGE = 15,
    ETL_HEADER_PERFINFO32 = 16,
    ETL_HEADER_PERFINFO64 = 17,
    ETL_HEADER_EVENT32 = 18,
    ETL_HEADER_EVENT64 = 19,
    ETL_HEADER_FULL64 = 20,
    ETL_HEADER_INSTANCE64 = 21,
};

// EventRecord.flags: the consumer's view (values of ours, they travel on the wire).
enum {
    EVENT_CLASSIC = 0x0001,      // no manifest id: identified by (GUID, opcode, version)
    EVENT_POINTER32 = 0x0002,    // pointers of the payload are 4 bytes wide; otherwise 8
    EVENT_TRACELOGGING = 0x0004, // an EVENT_SCHEMA_TL item describes the payload
    EVENT_STRING_ONLY = 0x0008,  // payload is one UTF-16 string
    EVENT_WPP = 0x0010,          // a WPP message
    EVENT_HAS_ACTIVITY = 0x0020, // `activity` is not null
    EVENT_NO_IDS = 0x0040,       // the header has no pid and tid (both are UINT32_MAX)
    EVENT_OUT_OF_ORDER = 0x0080, // its time went backwards within its CPU
    EVENT_SCHEMA_DATA =
        0x0100, // describes events (metadata, manifest chunk): feeds the schema room
    EVENT_TIME_GUESSED = 0x0200, // the header had no time; it is the previous event's
    EVENT_FILE_HEADER = 0x0400,  // the trace header event of the file
};

// Extended item types (EVENT_HEADER_EXT_TYPE_*; etl-format C).
enum {
    EVENT_ITEM_RELATED_ACTIVITY = 1,
    EVENT_ITEM_SID = 2,
    EVENT_ITEM_SESSION_ID = 3,
    EVENT_ITEM_INSTANCE = 4,
    EVENT_ITEM_STACK32 = 5,
    EVENT_ITEM_STACK64 = 6,
    EVENT_ITEM_PEBS = 7,
    EVENT_ITEM_PMC = 8,
    EVENT_ITEM_PSM_KEY = 9,
    EVENT_ITEM_EVENT_KEY = 10,
    EVENT_ITEM_TRACELOGGING = 11,
    EVENT_ITEM_TRAITS = 12,
    EVENT_ITEM_START_KEY = 13,
    EVENT_ITEM_CONTROL_GUID = 14,
    EVENT_ITEM_QPC_DELTA = 15,
    EVENT_ITEM_CONTAINER = 16,
    EVENT_ITEM_STACK_KEY32 = 17,
    EVENT_ITEM_STACK_KEY64 = 18,
};

// EVENT_DESCRIPTOR. For classic events id is 0, task 0 and keyword 0.
typedef struct EventDescriptor {
    uint16_t id;
    uint8_t version;
    uint8_t channel;
    uint8_t level;
    uint8_t opcode;
    uint16_t task;
    uint64_t keyword;
} EventDescriptor;

typedef struct EventRecord {
    Guid provider; // provider, or class of a classic event, or message GUID of a WPP message
    EventDescriptor desc;
    int64_t time;     // FILETIME, UTC
    int64_t raw_time; // in the source's clock units
    uint64_t
        ordinal;  // place in the order of its source, from 0 in each epoch (a merged file, a live
                  // session): the time axis of enrichment, without ties
    uint32_t pid; // UINT32_MAX: not known from the header
    uint32_t tid;
    uint16_t cpu;
    uint16_t flags;        // EVENT_*
    uint16_t header_flags; // EVENT_HEADER.Flags as stored, or the WPP option flags
    uint16_t property;     // EVENT_HEADER.EventProperty
    uint8_t header_type;   // ETL_HEADER_*
    uint16_t session;      // which of the sessions that were appended to one file, from 0
    uint32_t kernel_time;  // of the header, in its units; 0 when it has none
    uint32_t user_time;
    Guid activity;
    // Extended items, in file form: head of 8 bytes {u16 bytes of the whole item, u16 type, u16
    // linkage, u16 data bytes}, data, padding to 8. Already validated; PEBS and PMC words of kernel
    // headers appear as items of type 7 and 8. Instance ids of INSTANCE headers are not kept.
    const uint8_t *ext;
    const uint8_t *payload;
    uint32_t ext_bytes;
    uint32_t payload_bytes;
} EventRecord;

static inline uint8_t event_pointer_size(const EventRecord *r) {
    return (r->flags & EVENT_POINTER32) ? 4 : 8;
}

typedef struct EventItem {
    uint16_t type;
    uint16_t bytes; // of data
    const uint8_t *data;
} EventItem;

#define EVENT_ITEM_HEAD 8
// Steps through validated items: uint32_t at = 0; while (event_item_next(ext, n, &at, &item)) …
bool event_item_next(const uint8_t *ext, uint32_t ext_bytes, uint32_t *at, EventItem *ret);
// First item of a type.
bool event_item_find(const EventRecord *r, uint16_t type, EventItem *ret);
// Checks a chain taken from outside; returns the bytes of its intact prefix.
uint32_t event_items_valid(const uint8_t *ext_untrusted, uint32_t bytes);
// Writes one item at `to` (room for EVENT_ITEM_HEAD + ALIGN8(bytes)); returns the bytes written.
uint32_t event_item_put(uint8_t *to, uint16_t type, const void *data, uint16_t bytes);
