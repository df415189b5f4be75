// Hand-made TRACE_EVENT_INFO and EVENT_MAP_INFO blobs, TraceLogging metadata and records for the
// tests of the schema room.
#pragma once

#include <criterion/criterion.h>

#include "schema/event_info.h"
#include "schema/store.h"

typedef struct TestBlob {
    uint8_t data[65536];
    size_t bytes;
    uint32_t n_properties;
} TestBlob;

enum { PROP_STRUCT = 1, PROP_LENGTH = 2, PROP_COUNT = 4, PROP_FIXED_COUNT = 0x20 };

// A head with room for n properties, of which the first n_top are top-level; XML source, id 7
// version 2.
void blob_start(TestBlob *b, const Guid *provider, uint32_t n, uint32_t n_top);
uint32_t blob_string(TestBlob *b,
                     const char *ascii); // appends UTF-16 with its NUL; returns the offset
void blob_name(TestBlob *b, uint32_t head_offset, const char *ascii); // and stores it in the head
void blob_property(TestBlob *b, uint32_t i, const char *name, uint32_t flags, uint16_t in,
                   uint16_t out, uint16_t count, uint16_t length);
void blob_set32(TestBlob *b, uint32_t at, uint32_t v);
void blob_set16(TestBlob *b, uint32_t at, uint16_t v);

typedef struct TestMapEntry {
    uint32_t value;
    const char *text;
} TestMapEntry;
void blob_map(TestBlob *b, const char *name, uint32_t flag, const TestMapEntry *entries,
              uint32_t n);

extern const Guid test_provider;
extern const Guid test_metadata_class; // KernelTraceControl's
// A record of a manifest event (id, version); payload and ext as given.
EventRecord test_event(const Guid *provider, uint16_t id, uint8_t version);
EventRecord test_classic(const Guid *class, uint8_t opcode, uint8_t version);
// A record that carries schema data (EventInfo, EventMapInfo).
EventRecord test_metadata(uint8_t opcode, const void *payload, size_t bytes);
// A manifest chunk in `room` (payload of the record).
EventRecord test_chunk(const Guid *provider, uint32_t pid, uint16_t total, uint16_t number,
                       const char *text, size_t bytes, uint8_t *room);
// Appends a TraceLogging item (metadata without its u16 size) to ext; returns the new length.
uint32_t test_tl_item(uint8_t *ext, uint32_t at, const void *metadata, uint16_t bytes);
