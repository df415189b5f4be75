// The type table: one entry for each kind of event that has been seen.
//
// Key: (provider, descriptor, classic?, hash of TraceLogging metadata). Finding a type is the hot path's
// first step (a few ns: one hash, one compare). Owner: the loop. Ids are dense, start at 1 and are never
// reused; id 0 is the overflow type: beyond TYPES_MAX, or TYPES_MAX_PROVIDER of one provider.
#pragma once

#include "schema/store.h"

#define TYPES_MAX          16384u
#define TYPES_MAX_PROVIDER 2048u

typedef struct Type {
    uint32_t id;
    uint32_t generation; // of the routes below; owner: watch
    Guid provider;
    EventDescriptor desc;
    uint64_t tl_hash; // of the TraceLogging item; 0 without
    uint16_t event_flags;
    Schema *schema;         // never NULL
    uint64_t events, bytes; // seen
    void *routes;           // owner: watch (freed by its hook)
} Type;

typedef struct TypeTable TypeTable;

// drop_routes is called for a type's routes before it goes.
int type_table_new(SchemaStore *store, void (*drop_routes)(void *routes), TypeTable **ret);
TypeTable *type_table_free(TypeTable *table);
// Finds or makes the type; NULL only when out of memory (the caller counts the event as malformed).
Type *type_table_find(TypeTable *table, const EventRecord *record);
// New definitions for a provider: its types are made anew (new ids) at their next event.
void type_table_forget(TypeTable *table, const Guid *provider);
Type *type_table_get(TypeTable *table, uint32_t id); // NULL when there is none
uint32_t type_table_count(const TypeTable *table);   // highest id + 1
