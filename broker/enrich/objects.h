// Kernel objects of handle events (etl-format H.11): object -> name, type number -> type name.
// Owner: the loop.
#pragma once

#include "enrich/facts.h"
#include "enrich/history.h"

typedef struct Objects Objects;

int objects_new(uint32_t max_objects, size_t max_bytes, bool looks_ahead, Objects **ret);
Objects *objects_free(Objects *objects);
void objects_clear(Objects *objects);

typedef enum ObjectRole {
    OBJECT_NOTHING = 0,
    OBJECT_TYPE_NAME, // TypeDCStart, TypeDCEnd
    OBJECT_CREATE, // CreateHandle: object, type, name; CreateObject: a new object at that address
    OBJECT_STATE,  // HandleDCStart, HandleDCEnd
    OBJECT_USE,    // CloseHandle, DuplicateHandle, Ref, Deref
    OBJECT_DELETE, // DeleteObject: object, type
} ObjectRole;

typedef struct ObjectPlan {
    uint8_t role;
    PayloadRef object, type;
    int16_t name;
    bool fresh; // CreateObject: what the address meant before is over
} ObjectPlan;

ObjectPlan objects_plan(const Schema *schema);
void objects_observe(Objects *objects, const ObjectPlan *plan, const EventRecord *record,
                     const Schema *schema);
// The event's own type number, else the object's; borrowed until the next event, as the name.
const Text *objects_type(Objects *objects, const ObjectPlan *plan, const EventRecord *record,
                         uint8_t *ret_provenance);
const Text *objects_name(Objects *objects, const ObjectPlan *plan, const EventRecord *record,
                         const Schema *schema, uint8_t *ret_provenance);
uint32_t objects_stats(const Objects *objects, CacheStats ret[2]);
