// One provider as an instrumentation manifest describes it, and its compilation to Schemas.
//
// Made by manifest_xml.c; immutable then. All text lies in the manifest's arena, `$(string.x)` is
// resolved, names that events refer to (tasks, opcodes …) are resolved to values. One owner.
#pragma once

#include "schema/builder.h"

#define MANIFEST_NONE 2 // manifest_compile: the manifest does not describe this event

typedef enum ManifestNameKind {
    MANIFEST_TASK,
    MANIFEST_OPCODE,
    MANIFEST_KEYWORD,
    MANIFEST_LEVEL,
    MANIFEST_CHANNEL,
    MANIFEST_NAME_KINDS,
} ManifestNameKind;

typedef struct ManifestName {
    const char *name;    // without a "win:" prefix
    const char *message; // "" when it has none
    uint64_t value;      // keywords: the mask
    int32_t task;        // opcodes of one task only: that task's value; otherwise -1
} ManifestName;

typedef struct ManifestField { // attributes as they stand; "" when absent
    const char *name, *in_type, *out_type, *map, *length, *count;
    bool is_struct;
    uint16_t n_members; // of a structure: they follow
} ManifestField;

typedef struct ManifestTemplate {
    const char *id;
    const ManifestField *fields;
    uint32_t n_fields;
} ManifestTemplate;

typedef struct ManifestMap {
    const char *name;
    bool bitmap;
    const SchemaMapEntry *entries;
    uint32_t n_entries;
} ManifestMap;

typedef struct ManifestEvent {
    EventDescriptor desc;
    const ManifestTemplate *fields; // NULL: no fields
    const char *symbol, *message;
} ManifestEvent;

typedef struct Manifest {
    Guid provider;
    const char *name;
    bool event_source;     // came in-stream from a .NET EventSource
    ManifestEvent *events; // ascending by id, then version
    uint32_t n_events;
    const ManifestName *names[MANIFEST_NAME_KINDS];
    uint32_t n_names[MANIFEST_NAME_KINDS];
    const ManifestMap *maps;
    uint32_t n_maps;
    Arena arena;
} Manifest;

Manifest *manifest_free(Manifest *manifest); // returns NULL
size_t manifest_bytes(const Manifest *manifest);
// The event of this id and version; of an EventSource, whose versions need not agree with the
// running code's, else the highest version of the id.
const ManifestEvent *manifest_event(const Manifest *manifest, uint16_t id, uint8_t version);
// record may be NULL (enumeration): then the event's own descriptor is taken.
int manifest_compile(const Manifest *manifest, const ManifestEvent *event,
                     const EventRecord *record, Schema **ret);
uint16_t manifest_in_type(const char *text, bool *ret_known);
uint16_t manifest_out_type(const char *text);
