// The manifest that a .NET EventSource writes into its own stream (etl-format G): XML built from a
// table, and its chunks as payloads of event 0xFFFE. Any thread.
#pragma once

#include "util/buf.h"
#include "util/guid.h"

typedef struct EsManifestField {
    const char *name;
    const char *in_type;  // "win:UnicodeString", …
    const char *out_type; // or NULL
    const char *map;      // or NULL
    const char *length;   // name of the field with the length, or NULL
} EsManifestField;

typedef struct EsManifestEvent {
    uint16_t id;
    uint8_t version, level, opcode; // opcode: 0, or a number of the opcodes table / a standard one
    uint16_t task;                  // 0: none
    const char *symbol;
    const char *keywords; // names, separated by blanks, or NULL
    const char *message;  // or NULL
    const EsManifestField *fields;
    uint32_t n_fields;
} EsManifestEvent;

typedef struct EsManifestName {
    uint64_t value;
    const char *name; // a map's: its text
} EsManifestName;

typedef struct EsManifestMap {
    const char *name;
    bool bitmap;
    const EsManifestName *entries;
    uint32_t n_entries;
} EsManifestMap;

typedef struct EsManifest {
    Guid guid;
    const char *name;
    const EsManifestName *tasks, *opcodes, *keywords; // keywords: masks
    uint32_t n_tasks, n_opcodes, n_keywords;
    const EsManifestMap *maps;
    uint32_t n_maps;
    const EsManifestEvent *events;
    uint32_t n_events;
} EsManifest;

#define ES_MANIFEST_CHUNK 0xFF00u // bytes of XML in one event, at most

void es_manifest_xml(Buf *out, const EsManifest *manifest);
// Number of events for xml_bytes; chunk_bytes 1 … ES_MANIFEST_CHUNK.
uint32_t es_manifest_chunks(size_t xml_bytes, uint32_t chunk_bytes);
// Payload of chunk i.
void es_manifest_chunk(Buf *out, const void *xml, size_t xml_bytes, uint32_t chunk_bytes,
                       uint32_t i);
