// One event as it stands in a batch: EventRecord to bytes and back. idl/wire.h has the layout.
//
// Writing is on the hot path (one memcpy of the payload, no branches beyond the optional parts);
// reading checks everything, because a client does not trust its broker either. Pure functions.
#pragma once

#include "event/schema.h"
#include "idl/wire.h"

// One enriched field of a record.
typedef struct WireEnriched {
    uint8_t field;
    uint8_t provenance;
    uint16_t entry; // of the batch's table
} WireEnriched;
#define WIRE_ENRICHED_BYTES 4u
#define WIRE_KEY_BYTES      32u // of an inline key: GUID, descriptor

// What a record has beyond its event; all zero when there is none.
typedef struct WireExtra {
    uint16_t flags;   // WIRE_RECORD_MASKED, WIRE_RECORD_STACK_INCOMPLETE
    uint16_t process; // table entry + 1
    uint16_t stack;   // table entry + 1
    uint16_t n_enriched;
    const WireEnriched *enriched;
} WireExtra;

// Event flags that belong to the type (Schema.event_flags) and do not travel with each record.
#define WIRE_TYPE_FLAGS                                                                            \
    (EVENT_CLASSIC | EVENT_TRACELOGGING | EVENT_STRING_ONLY | EVENT_WPP | EVENT_SCHEMA_DATA |      \
     EVENT_FILE_HEADER)

// Bytes of the record, padding included; 0 when it is larger than WIRE_MAX_RECORD or its parts than
// their 16-bit lengths: oversize. extra may be NULL.
uint32_t wire_record_bytes(const EventRecord *event, uint32_t type, const WireExtra *extra);
// Writes it; bytes is what wire_record_bytes gave. `to` need not be aligned.
void wire_record_put(uint8_t *to, uint32_t bytes, const EventRecord *event, uint32_t type,
                     const WireExtra *extra);

// A record that has been checked: pointers into the batch.
typedef struct WireRecord {
    uint32_t bytes;
    uint16_t flags; // WIRE_RECORD_*
    uint16_t cpu;
    int64_t time;
    uint32_t type, pid, tid;
    uint16_t ext_bytes, payload_bytes;
    uint16_t n_enriched, process, stack;
    const uint8_t *activity; // NULL without
    const uint8_t *key;      // NULL without; WIRE_KEY_BYTES
    const uint8_t *enriched; // n_enriched x WIRE_ENRICHED_BYTES
    const uint8_t *ext;
    const uint8_t *payload;
} WireRecord;

int wire_record_get(const uint8_t *record_untrusted, size_t room, WireRecord *ret, Err *err);
WireEnriched wire_record_enriched(const WireRecord *record, uint16_t i);
// The event of a record. schema describes its type (SCHEMA frame); with an inline key it may be NULL,
// and the record's own key counts. Header facts that do not travel are zero (raw_time, header_flags,
// property, header_type, kernel and user time).
void wire_record_event(const WireRecord *record, const Schema *schema, EventRecord *ret);
// Where the payload of a record that wire_record_put wrote begins (for masking in place).
uint32_t wire_record_payload_at(const uint8_t *record);
