// Types are few and mean the same as long as the system runs; objects come and go at reused
// addresses.
#include "enrich/objects.h"

#include "util/mem.h"

#define MAX_TYPES      1024u // Windows has some seventy
#define MAX_TYPE_BYTES (256u * 1024u)
#define MAX_NAME_BYTES 32768u
#define NO_TYPE        UINT32_MAX

static const Guid object_class =
    GUID_INIT(0x89497f50, 0xeffe, 0x4440, 0x8c, 0xf2, 0xce, 0x6b, 0x1c, 0xdc, 0xac, 0xa7);

typedef struct Object { // immutable: what becomes known later makes a new one
    uint32_t refs;
    uint32_t type; // number; NO_TYPE: unknown
    Text *name;    // NULL: none is known
} Object;

struct Objects {
    History *objects; // address -> Object
    History *types;   // number -> Text
    Text *given;      // name that only the event at hand has
};

// --- values -------------------------------------------------------------------------------------

static Object *object_new(uint32_t type, Text *take_name) {
    Object *object = mem_alloc(sizeof *object);
    if (!object) {
        text_unref(take_name);
        return NULL;
    }
    *object = (Object){1, type, take_name};
    return object;
}

static void object_unref(void *value) {
    Object *object = value;
    if (object && --object->refs == 0) {
        text_unref(object->name);
        mem_free(object);
    }
}

static size_t object_charge(const void *value) {
    const Object *object = value;
    return object ? sizeof *object + text_charge(object->name) : 0;
}

static bool same_text(const Text *a, const Text *b) {
    return a == b || (a && b && a->bytes == b->bytes && memcmp(a->s, b->s, a->bytes) == 0);
}

static bool object_same(const void *a, const void *b) {
    const Object *x = a, *y = b;
    return x && y && x->type == y->type && same_text(x->name, y->name);
}

static void type_unref(void *value) {
    text_unref(value);
}

static size_t type_charge(const void *value) {
    return text_charge(value);
}

static bool type_same(const void *a, const void *b) {
    return same_text(a, b);
}

// --- the caches ---------------------------------------------------------------------------------

int objects_new(uint32_t max_objects, size_t max_bytes, bool looks_ahead, Objects **ret) {
    Objects *objects = mem_zalloc(sizeof *objects);
    if (!objects)
        return -(int)STATUS_NO_MEMORY;
    const HistoryOptions of_objects = {.name = "Objects",
                                       .max_entries = max_objects,
                                       .max_bytes = max_bytes,
                                       .looks_ahead = looks_ahead,
                                       .unref = object_unref,
                                       .charge = object_charge,
                                       .same = object_same};
    const HistoryOptions of_types = {.name = "Object types",
                                     .max_entries = MAX_TYPES,
                                     .max_bytes = MAX_TYPE_BYTES,
                                     .looks_ahead = looks_ahead,
                                     .unref = type_unref,
                                     .charge = type_charge,
                                     .same = type_same};
    int r = history_new(&of_objects, &objects->objects);
    if (r == 0)
        r = history_new(&of_types, &objects->types);
    if (r < 0) {
        objects_free(objects);
        return r;
    }
    *ret = objects;
    return 0;
}

Objects *objects_free(Objects *objects) {
    if (objects) {
        history_free(objects->objects);
        history_free(objects->types);
        text_unref(objects->given);
        mem_free(objects);
    }
    return NULL;
}

void objects_clear(Objects *objects) {
    history_clear(objects->objects);
    history_clear(objects->types);
}

uint32_t objects_stats(const Objects *objects, CacheStats ret[2]) {
    ret[0] = history_stats(objects->objects);
    ret[1] = history_stats(objects->types);
    return 2;
}

// --- what an event of a type tells --------------------------------------------------------------

static bool is_there(const PayloadRef *ref) {
    return ref->at32 >= 0 || ref->at64 >= 0;
}

ObjectPlan objects_plan(const Schema *schema) {
    static const char *const names[] = {"ObjectName", "TypeName", NULL};
    ObjectPlan plan = {.object = PAYLOAD_REF_NONE, .type = PAYLOAD_REF_NONE, .name = -1};
    if (!(schema->event_flags & EVENT_CLASSIC) || !guid_equal(&schema->provider, &object_class))
        return plan;
    plan.object = payload_ref(schema, "Object");
    plan.type = payload_ref(schema, "ObjectType");
    plan.name = fact_field(schema, names);
    switch (schema->desc.opcode) {
    case 36: // TypeDCStart
    case 37: // TypeDCEnd
        if (is_there(&plan.type) && plan.name >= 0)
            plan.role = OBJECT_TYPE_NAME;
        return plan;
    case 32: // CreateHandle
        plan.role = OBJECT_CREATE;
        break;
    case 48: // CreateObject
        plan.role = OBJECT_CREATE;
        plan.fresh = true;
        break;
    case 38: // HandleDCStart
    case 39: // HandleDCEnd
        plan.role = OBJECT_STATE;
        break;
    case 49: // DeleteObject
        plan.role = OBJECT_DELETE;
        break;
    default:
        plan.role = OBJECT_USE;
        break;
    }
    if (!is_there(&plan.object))
        plan.role = OBJECT_NOTHING;
    return plan;
}

static bool key_of(const ObjectPlan *plan, const EventRecord *record, HistoryKey *ret) {
    *ret = (HistoryKey){0, 0};
    return payload_ref_get(&plan->object, record, &ret->a) && ret->a != 0;
}

static uint32_t type_of(const ObjectPlan *plan, const EventRecord *record) {
    uint64_t type;
    return payload_ref_get(&plan->type, record, &type) ? (uint32_t)type : NO_TYPE;
}

// False: there is a name, but it cannot be kept (too long, or no memory). *ret: a new reference, or
// NULL.
static bool name_of(const ObjectPlan *plan, const EventRecord *record, const Schema *schema,
                    Text **ret) {
    Value v;
    *ret = NULL;
    if (!fact_value(record, schema, plan->name, &v) || v.bytes == 0)
        return true;
    Text *name = fact_text(record, schema, plan->name);
    if (name && name->bytes > MAX_NAME_BYTES)
        name = text_unref(name);
    *ret = name;
    return name != NULL;
}

// --- learning -----------------------------------------------------------------------------------

// Another handle to an object that is known: it tells the same, or the name that was missing.
static bool is_known(Objects *objects, HistoryKey key, uint64_t at, uint32_t type, Text *name) {
    Object *known = history_peek(objects->objects, key, at, NULL, NULL);
    if (!known || (type != NO_TYPE && known->type != NO_TYPE && type != known->type))
        return false;
    if (!name || same_text(known->name, name))
        return true;
    if (known->name)
        return false;
    // Made anew: an object does not change under the history, which is charged for it.
    Object *named = object_new(known->type != NO_TYPE ? known->type : type, text_ref(name));
    if (named)
        (void)history_replace(objects->objects, key, at, named);
    return true;
}

static void learn_object(Objects *objects, const ObjectPlan *plan, const EventRecord *record,
                         const Schema *schema) {
    HistoryKey key;
    uint64_t at = record->ordinal;
    if (!key_of(plan, record, &key))
        return;
    if (plan->role == OBJECT_DELETE || plan->fresh)
        (void)history_end(objects->objects, key, plan->fresh && at != 0 ? at - 1 : at);
    if (plan->role == OBJECT_DELETE)
        return;
    uint32_t type = type_of(plan, record);
    Text *name;
    if (!name_of(plan, record, schema, &name)) {
        history_forget(objects->objects, key);
        return;
    }
    if (plan->fresh || !is_known(objects, key, at, type, name)) {
        Object *object = object_new(type, name ? text_ref(name) : NULL);
        if (!object)
            history_forget(objects->objects, key);
        else if (plan->role == OBJECT_STATE)
            (void)history_state(objects->objects, key, at, object, PROVENANCE_RUNDOWN);
        else
            (void)history_open(objects->objects, key, at, object, PROVENANCE_LIVE);
    }
    text_unref(name);
}

void objects_observe(Objects *objects, const ObjectPlan *plan, const EventRecord *record,
                     const Schema *schema) {
    switch (plan->role) {
    case OBJECT_TYPE_NAME: {
        uint32_t type = type_of(plan, record);
        Text *name = NULL;
        if (type != NO_TYPE && name_of(plan, record, schema, &name) && name)
            (void)history_state(objects->types, (HistoryKey){type, 0}, record->ordinal, name,
                                PROVENANCE_RUNDOWN);
        break;
    }
    case OBJECT_CREATE:
    case OBJECT_STATE:
    case OBJECT_DELETE:
        learn_object(objects, plan, record, schema);
        break;
    default:
        break;
    }
}

// --- looking up ---------------------------------------------------------------------------------

const Text *objects_type(Objects *objects, const ObjectPlan *plan, const EventRecord *record,
                         uint8_t *ret_provenance) {
    HistoryKey key;
    uint32_t type = type_of(plan, record);
    if (plan->role == OBJECT_NOTHING)
        return NULL;
    if (type == NO_TYPE && key_of(plan, record, &key)) {
        const Object *object = history_find(objects->objects, key, record->ordinal, NULL, NULL);
        type = object ? object->type : NO_TYPE;
    }
    if (type == NO_TYPE)
        return NULL;
    return history_find(objects->types, (HistoryKey){type, 0}, record->ordinal, ret_provenance,
                        NULL);
}

const Text *objects_name(Objects *objects, const ObjectPlan *plan, const EventRecord *record,
                         const Schema *schema, uint8_t *ret_provenance) {
    HistoryKey key;
    if (plan->role == OBJECT_NOTHING || plan->role == OBJECT_TYPE_NAME)
        return NULL;
    if (key_of(plan, record, &key)) {
        const Object *object =
            history_find(objects->objects, key, record->ordinal, ret_provenance, NULL);
        if (object && object->name)
            return object->name;
    }
    text_unref(objects->given);
    if (name_of(plan, record, schema, &objects->given) && objects->given)
        *ret_provenance =
            (uint8_t)(plan->role == OBJECT_STATE ? PROVENANCE_RUNDOWN : PROVENANCE_LIVE);
    return objects->given;
}
