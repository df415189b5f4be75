// One event in a buffer: finding its size and time (scan), and turning it into an EventRecord
// (decode). Bytes are untrusted; both stay inside the range they are given.
// Pure; any thread.
#pragma once

#include "event/record.h"
#include "source/etl_clock.h"
#include "source/etl_format.h"

typedef enum EtlScan {
    ETL_SCAN_EVENT,
    ETL_SCAN_SKIP, // a kind that cannot be read, but its size is known
    ETL_SCAN_END,  // the fill that ends a buffer
    ETL_SCAN_BAD,  // nothing behind this can be trusted
} EtlScan;

typedef struct EtlSpot {
    uint32_t bytes; // the event's size; the next one stands at the next multiple of 8
    uint8_t type;   // ETL_HEADER_*
    bool timed;
    int64_t raw;      // raw time when timed
    const char *what; // SKIP, BAD: static text
    uint64_t value;   // the number at fault
} EtlSpot;

// Room for the PEBS and PMC words of a kernel header as two items.
#define ETL_SCRATCH (EVENT_ITEM_HEAD + 8 + EVENT_ITEM_HEAD + 7 * 8)

// Where size and time stand in each header type, and the header's bytes (0: not to be read this way).
typedef struct EtlShape {
    uint8_t size_at; // 0 or 4
    uint8_t bytes;
    uint8_t time_at;
    uint8_t flags; // of the record: EVENT_POINTER32
} EtlShape;
#define ETL_SHAPES 22u
extern const EtlShape etl_shapes[ETL_SHAPES];

// All but the usual case of etl_event_scan.
EtlScan etl_event_scan_rare(const uint8_t *p, uint32_t avail, EtlSpot *ret);

// p: an event, avail > 0: bytes to the end of the buffer's events.
static inline EtlScan etl_event_scan(const uint8_t *p, uint32_t avail, EtlSpot *ret) {
    if (avail >= 8) {
        uint32_t marker = load_u32(p);
        uint32_t type = (marker >> 16) & 0xff;
        if (marker >= 0xc0000000u && type < ETL_SHAPES) {
            const EtlShape *shape = &etl_shapes[type];
            uint32_t bytes = load_u16(p + shape->size_at);
            if (shape->bytes != 0 && bytes >= shape->bytes && bytes <= avail) {
                ret->bytes = bytes;
                ret->type = (uint8_t)type;
                ret->timed = true;
                ret->raw = load_i64(p + shape->time_at);
                return ETL_SCAN_EVENT;
            }
        }
    }
    return etl_event_scan_rare(p, avail, ret);
}
// For SPOT found at p. Fills all of ret except time (and raw_time of events without one) and cpu.
// scratch must live as long as the record. *ret_what: NULL, or what is wrong inside the event.
void etl_event_decode(const uint8_t *p, const EtlSpot *spot, uint8_t scratch[ETL_SCRATCH],
                      EventRecord *ret, const char **ret_what);
// Does the event at p describe other events (EVENT_SCHEMA_DATA)? Cheaper than decoding it.
bool etl_event_is_schema(const uint8_t *p, const EtlSpot *spot);

extern const Guid etl_guid_event_trace;
extern const Guid etl_guid_metadata;   // KernelTraceControl's: 32 EventInfo, 33 EventMapInfo
extern const Guid etl_guid_lost_event; // RT_LostEvent: 32 event, 33 buffer, 34 file
