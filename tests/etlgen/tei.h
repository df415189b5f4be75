// Builds the schema blobs that merging tools store in a file: TRACE_EVENT_INFO and EVENT_MAP_INFO
// (etl-format F). They are what a provider's manifest compiles to. Any thread.
#pragma once

#include "event/schema.h"
#include "util/buf.h"

// Property flags of EVENT_PROPERTY_INFO.
enum {
    TEI_STRUCT = 0x01,
    TEI_PARAM_LENGTH = 0x02, // `length` is the index of the property that holds it
    TEI_PARAM_COUNT = 0x04,  // `count` is the index of the property that holds it
    TEI_FIXED_LENGTH = 0x10,
    TEI_FIXED_COUNT = 0x20,
    TEI_TAGS = 0x40,
};

typedef struct TeiField {
    const char *name;
    uint16_t in_type, out_type; // struct: index of the first member, number of members
    const char *map;            // name of its value map, or NULL
    uint32_t flags;             // TEI_*
    uint16_t count, length;     // 0: 1 and by type
    uint32_t tags;
} TeiField;

typedef struct TeiEvent {
    Guid provider, event_guid;
    EventDescriptor desc;
    uint32_t decoding_source; // 0 manifest, 1 MOF, 3 TraceLogging
    const char *provider_name, *level_name, *channel_name;
    const char *keyword_names; // separated by '|'
    const char *task_name, *opcode_name;
    const char *message, *provider_message, *event_name; // any name may be NULL: absent
    const TeiField *fields; // members of structs behind the top-level ones
    uint32_t n_fields, n_top;
    uint32_t flags;
} TeiEvent;

void tei_event(Buf *out, const TeiEvent *event);

enum {
    TEI_MAP_VALUES = 1,
    TEI_MAP_BITS = 2,
};

typedef struct TeiMapEntry {
    uint32_t value;
    const char *text;
} TeiMapEntry;

typedef struct TeiMap {
    const char *name;
    uint32_t flag; // TEI_MAP_*
    const TeiMapEntry *entries;
    uint32_t n_entries;
} TeiMap;

// Strings get the trailing blank that manifest maps have.
void tei_map(Buf *out, const TeiMap *map);
