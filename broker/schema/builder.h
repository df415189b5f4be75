// Builds a Schema from a tree of fields given in any order: what every compiler of this room uses.
//
// The compilers of this room see fields depth-first (TraceLogging, templates) or by index
// (TRACE_EVENT_INFO); a Schema wants the members of each structure side by side behind the top
// level. One owner, one thread, short-lived. All text goes to the schema's arena. Functions return
// 0, BUILDER_BAD for a description that is malformed or over budget, or -STATUS_NO_MEMORY.
#pragma once

#include "event/schema.h"

#define BUILDER_BAD 1
#define BUILDER_TOP (-1)

typedef struct SchemaNode {
    SchemaField field; // count/length of EXTENT_FIELD are node indexes until builder_finish
    int32_t parent, next, first_child, last_child;
    uint16_t n_children;
} SchemaNode;

typedef struct SchemaBuilder {
    Schema *schema;
    SchemaNode *nodes;
    uint32_t n_nodes, capacity;
    int32_t first_top, last_top;
    uint16_t n_top;
    size_t text_bytes; // taken so far, against SCHEMA_MAX_BYTES
} SchemaBuilder;

int builder_init(SchemaBuilder *b);
void builder_deinit(SchemaBuilder *b); // drops the schema unless it was finished
// Adds a field under node `parent` (a structure) or BUILDER_TOP; *ret stays valid until the next
// one.
int builder_add(SchemaBuilder *b, int32_t parent, SchemaField **ret, int32_t *ret_index);
// Lays the fields out, applies the hints and finishes the schema.
int builder_finish(SchemaBuilder *b, Schema **ret);

int builder_alloc(SchemaBuilder *b, size_t count, size_t bytes, void **ret);
// Text into the arena; trims blanks at the end (manifest strings carry them).
int builder_text(SchemaBuilder *b, const char *text, size_t bytes, const char **ret);
int builder_utf16(SchemaBuilder *b, const void *units, size_t n_units, const char **ret);
int builder_printf(SchemaBuilder *b, const char **ret, const char *format, ...) ETW_PRINTF(3, 4);
// A copy of a map with its entries in ascending order and without duplicates (the first stays).
int builder_map(SchemaBuilder *b, const char *name, bool bitmap, const SchemaMapEntry *entries,
                uint32_t n_entries, const SchemaMap **ret);

// "Task/Opcode", or "Task" for opcode Info: TraceEvent's names. Falls back to "EventID(n)" or, for
// a classic event, "Opcode(n)". Needs desc, task_name and opcode_name of the schema.
int builder_event_name(SchemaBuilder *b);
// Default level and opcode names, EventID names, SCHEMA_RUNDOWN: what follows from desc and names.
int builder_defaults(SchemaBuilder *b);
