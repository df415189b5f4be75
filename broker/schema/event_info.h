// TRACE_EVENT_INFO and EVENT_MAP_INFO blobs (etl-format F): checks every offset and compiles.
//
// The blobs come from TDH or from metadata events of merged files; both are taken as hostile. No
// state.
#pragma once

#include "schema/builder.h"

#define EVENT_INFO_HEAD     112u
#define EVENT_INFO_PROPERTY 24u
#define MAP_INFO_HEAD       16u

enum { DECODING_XML = 0, DECODING_WBEM = 1, DECODING_WPP = 2, DECODING_TRACELOGGING = 3 };

// What identifies a blob, without compiling it.
typedef struct EventInfoKey {
    Guid provider;  // of a WBEM blob: the event class when it has one
    uint8_t source; // DECODING_*
    EventDescriptor desc;
} EventInfoKey;

// False when the blob is too short or its property table does not fit.
bool event_info_key(const void *blob_untrusted, size_t bytes, EventInfoKey *ret);
// Name of the provider in the blob as UTF-16 units; 0 when it has none.
size_t event_info_provider_name(const void *blob_untrusted, size_t bytes,
                                const uint8_t **ret_units);

// Finds a map blob by provider and name (UTF-16 units as in the event blob); NULL when unknown.
typedef struct MapFinder {
    const void *(*find)(void *user, const Guid *provider, const void *name_units, size_t n_units,
                        size_t *ret_bytes);
    void *user;
} MapFinder;

// record may be NULL (enumeration): then the descriptor of the blob stands for the event's.
// 0, BUILDER_BAD or -STATUS_NO_MEMORY.
int event_info_compile(const void *blob_untrusted, size_t bytes, const EventRecord *record,
                       const MapFinder *maps, Schema **ret);

// Name of a map blob as UTF-16 units; false when the blob is malformed.
bool map_info_name(const void *blob_untrusted, size_t bytes, const uint8_t **ret_units,
                   size_t *ret_n_units);
int map_info_compile(SchemaBuilder *b, const void *blob_untrusted, size_t bytes,
                     const SchemaMap **ret);
