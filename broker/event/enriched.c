// What a view says about an event, field by field: chains first, then values, then what stands in
// the event itself (items, and payload fields under other names).
//
// Pure; any thread. A value's field gives its name and the way it is written.
#include "event/derived.h"
#include "event/put.h"

#define TEXT_FIELD(name_)                                                                          \
    { .name = name_, .in_type = IN_ANSI, .out_type = OUT_UTF8, .offset32 = -1, .offset64 = -1 }
#define NUMBER_FIELD(name_)                                                                        \
    { .name = name_, .in_type = IN_U64, .offset32 = -1, .offset64 = -1 }
#define BOOL_FIELD(name_)                                                                          \
    { .name = name_, .in_type = IN_BOOL32, .offset32 = -1, .offset64 = -1 }

// By field: of which process a field tells, and what; the values of chains know no more.
typedef enum Part {
    PART_NONE = 0,
    PART_PID,
    PART_NAME,
    PART_PATH,
    PART_COMMAND_LINE,
    PART_USER,
    PART_SID,
    PART_SESSION,
    PART_ELEVATED,
    PART_WOW64,
    PART_PROTECTED,
    PART_PARENT_PID,
    PART_CHAIN,
} Part;

typedef struct FieldPlace {
    uint8_t role; // ChainRole
    uint8_t part; // Part; PART_NONE: a value
    bool parent;  // of the nearest ancestor
    SchemaField field;
} FieldPlace;

static const FieldPlace places[ENRICHED_N] = {
    [ENRICHED_PROCESS_NAME] = {CHAIN_PROCESS, PART_NAME, false, TEXT_FIELD("ProcessName")},
    [ENRICHED_PROCESS_PATH] = {CHAIN_PROCESS, PART_PATH, false, TEXT_FIELD("ProcessPath")},
    [ENRICHED_COMMAND_LINE] = {CHAIN_PROCESS, PART_COMMAND_LINE, false, TEXT_FIELD("CommandLine")},
    [ENRICHED_PARENT_PROCESS_ID] = {CHAIN_PROCESS, PART_PARENT_PID, false,
                                    NUMBER_FIELD("ParentProcessId")},
    [ENRICHED_PARENT_PROCESS_NAME] = {CHAIN_PROCESS, PART_NAME, true,
                                      TEXT_FIELD("ParentProcessName")},
    [ENRICHED_PARENT_PROCESS_PATH] = {CHAIN_PROCESS, PART_PATH, true,
                                      TEXT_FIELD("ParentProcessPath")},
    [ENRICHED_PARENT_COMMAND_LINE] = {CHAIN_PROCESS, PART_COMMAND_LINE, true,
                                      TEXT_FIELD("ParentProcessCommandLine")},
    [ENRICHED_CALL_CHAIN] = {CHAIN_PROCESS, PART_CHAIN, false, TEXT_FIELD("CallChain")},
    [ENRICHED_USER] = {CHAIN_PROCESS, PART_USER, false, TEXT_FIELD("User")},
    [ENRICHED_USER_SID] = {CHAIN_PROCESS,
                           PART_SID,
                           false,
                           {.name = "UserSid", .in_type = IN_SID, .offset32 = -1, .offset64 = -1}},
    [ENRICHED_SESSION_ID] = {CHAIN_PROCESS, PART_SESSION, false, NUMBER_FIELD("SessionId")},
    [ENRICHED_IS_ELEVATED] = {CHAIN_PROCESS, PART_ELEVATED, false, BOOL_FIELD("IsElevated")},
    [ENRICHED_FILE_NAME] = {.field = TEXT_FIELD("FileName")},
    [ENRICHED_REGISTRY_PATH] = {.field = TEXT_FIELD("RegistryPath")},
    [ENRICHED_VALUE_NAME] = {.field = TEXT_FIELD("ValueName")},
    [ENRICHED_DATA] = {.field = TEXT_FIELD("Data")},
    [ENRICHED_LOCAL_ADDRESS] = {.field = TEXT_FIELD("LocalAddress")},
    [ENRICHED_LOCAL_PORT] = {.field = NUMBER_FIELD("LocalPort")},
    [ENRICHED_REMOTE_ADDRESS] = {.field = TEXT_FIELD("RemoteAddress")},
    [ENRICHED_REMOTE_PORT] = {.field = NUMBER_FIELD("RemotePort")},
    [ENRICHED_CREATOR_PROCESS_ID] = {CHAIN_CREATOR, PART_PID, false,
                                     NUMBER_FIELD("CreatorProcessId")},
    [ENRICHED_CREATOR_PROCESS_NAME] = {CHAIN_CREATOR, PART_NAME, false,
                                       TEXT_FIELD("CreatorProcessName")},
    [ENRICHED_CREATOR_PROCESS_PATH] = {CHAIN_CREATOR, PART_PATH, false,
                                       TEXT_FIELD("CreatorProcessPath")},
    [ENRICHED_CREATOR_COMMAND_LINE] = {CHAIN_CREATOR, PART_COMMAND_LINE, false,
                                       TEXT_FIELD("CreatorProcessCommandLine")},
    [ENRICHED_TARGET_PROCESS_NAME] = {CHAIN_TARGET, PART_NAME, false,
                                      TEXT_FIELD("TargetProcessName")},
    [ENRICHED_TARGET_PROCESS_PATH] = {CHAIN_TARGET, PART_PATH, false,
                                      TEXT_FIELD("TargetProcessPath")},
    [ENRICHED_TARGET_COMMAND_LINE] = {CHAIN_TARGET, PART_COMMAND_LINE, false,
                                      TEXT_FIELD("TargetProcessCommandLine")},
    [ENRICHED_CLIENT_PROCESS_NAME] = {CHAIN_CLIENT, PART_NAME, false,
                                      TEXT_FIELD("ClientProcessName")},
    [ENRICHED_CLIENT_PROCESS_PATH] = {CHAIN_CLIENT, PART_PATH, false,
                                      TEXT_FIELD("ClientProcessPath")},
    [ENRICHED_CLIENT_COMMAND_LINE] = {CHAIN_CLIENT, PART_COMMAND_LINE, false,
                                      TEXT_FIELD("ClientProcessCommandLine")},
    [ENRICHED_CREATED_PROCESS_NAME] = {CHAIN_CREATED, PART_NAME, false,
                                       TEXT_FIELD("CreatedProcessName")},
    [ENRICHED_CREATED_PROCESS_PATH] = {CHAIN_CREATED, PART_PATH, false,
                                       TEXT_FIELD("CreatedProcessPath")},
    [ENRICHED_CREATED_COMMAND_LINE] = {CHAIN_CREATED, PART_COMMAND_LINE, false,
                                       TEXT_FIELD("CreatedProcessCommandLine")},
    [ENRICHED_IS_WOW64] = {CHAIN_PROCESS, PART_WOW64, false, BOOL_FIELD("IsWow64")},
    [ENRICHED_IS_PROTECTED] = {CHAIN_PROCESS, PART_PROTECTED, false, BOOL_FIELD("IsProtected")},
    [ENRICHED_SERVICE_NAME] = {.field = TEXT_FIELD("ServiceName")},
    [ENRICHED_OBJECT_TYPE] = {.field = TEXT_FIELD("ObjectType")},
    [ENRICHED_OBJECT_NAME] = {.field = TEXT_FIELD("ObjectName")},
    [ENRICHED_OPERATION] = {.field = TEXT_FIELD("Operation")},
    [ENRICHED_DURATION] = {.field = NUMBER_FIELD("Duration")},
    [ENRICHED_DIRECTION] = {.field = TEXT_FIELD("Direction")},
};

static bool give_bytes(Value *ret, ValueKind kind, const void *data, size_t bytes) {
    ret->kind = (uint8_t)kind;
    ret->data = data;
    ret->bytes = (uint32_t)bytes;
    return bytes > 0;
}

static bool give_text(Value *ret, const char *text) {
    return give_bytes(ret, VALUE_UTF8, text, strlen(text));
}

static bool give_number(Value *ret, uint64_t v) {
    ret->kind = VALUE_U64;
    ret->bytes = 8;
    ret->u64 = v;
    return true;
}

static bool give_bool(Value *ret, uint8_t flags, uint8_t known, uint8_t bit) {
    ret->kind = VALUE_BOOL;
    ret->bytes = 4;
    ret->u64 = (flags & bit) != 0;
    return (flags & known) != 0;
}

uint64_t enriched_descendant_serial(uint64_t serial, uint64_t parent) {
    if (parent == 0 || serial == 0)
        return serial;
    uint64_t mixed = (parent ^ (parent >> 32)) * UINT64_C(0x9e3779b97f4a7c15) + serial;
    return (mixed ^ (mixed >> 29)) * UINT64_C(0xbf58476d1ce4e5b9) | 1;
}

uint64_t enriched_chain_serial(const ProcessChain *chain) {
    uint64_t serial = 0;
    for (uint32_t i = MIN_OF(chain->n_ancestors, ENRICHED_MAX_ANCESTORS); i-- > 0;) {
        if (chain->ancestors[i]->serial == 0)
            return 0;
        serial = enriched_descendant_serial(chain->ancestors[i]->serial, serial);
    }
    return chain->process ? enriched_descendant_serial(chain->process->serial, serial) : 0;
}

// Ancestors up to the last one with a name; one without in between stands as its number.
static uint32_t named_ancestors(const ProcessChain *chain) {
    uint32_t n = MIN_OF(chain->n_ancestors, ENRICHED_MAX_ANCESTORS);
    while (n > 0 && !chain->ancestors[n - 1]->name[0])
        n--;
    return n;
}

static bool give_chain(Value *ret, const ProcessChain *chain, Buf *scratch) {
    uint32_t n = named_ancestors(chain);
    size_t mark = scratch->bytes;
    for (uint32_t i = 0; i < n; i++) {
        const ProcessView *p = chain->ancestors[i];
        if (i > 0)
            BUF_LITERAL(scratch, " <- ");
        if (p->name[0]) {
            buf_text(scratch, p->name);
            continue;
        }
        char local[PUT_DECIMAL];
        buf_append(scratch, local, (size_t)(put_decimal(local, p->pid) - local));
    }
    return n > 0 && !scratch->failed &&
           give_bytes(ret, VALUE_UTF8, scratch->data + mark, scratch->bytes - mark);
}

static bool of_process(const ProcessView *p, uint8_t part, Value *ret) {
    switch (part) {
    case PART_PID:
        return p->pid != UINT32_MAX && give_number(ret, p->pid);
    case PART_NAME:
        return give_text(ret, p->name);
    case PART_PATH:
        return give_text(ret, p->path);
    case PART_COMMAND_LINE:
        return give_text(ret, p->command_line);
    case PART_USER:
        return give_text(ret, p->user);
    case PART_SID:
        return give_bytes(ret, VALUE_SID, p->sid, p->sid_bytes);
    case PART_SESSION:
        return p->session != UINT32_MAX && give_number(ret, p->session);
    case PART_ELEVATED:
        return give_bool(ret, p->flags, PROCESS_ELEVATION_KNOWN, PROCESS_ELEVATED);
    case PART_WOW64:
        return give_bool(ret, p->flags, PROCESS_FLAGS_KNOWN, PROCESS_WOW64);
    case PART_PROTECTED:
        return give_bool(ret, p->flags, PROCESS_FLAGS_KNOWN, PROCESS_PROTECTED);
    case PART_PARENT_PID:
        return p->parent_pid != UINT32_MAX && give_number(ret, p->parent_pid);
    default:
        return false;
    }
}

// The process that a field tells of; NULL: not known.
static const ProcessView *process_of(const EnrichedView *view, const FieldPlace *place) {
    const ProcessChain *chain = &view->chains[place->role];
    if (!place->parent)
        return chain->process;
    return chain->process && chain->n_ancestors > 0 ? chain->ancestors[0] : NULL;
}

static const EnrichedValue *value_of(const EnrichedView *view, EnrichedField field) {
    for (uint32_t i = 0; i < MIN_OF(view->n_values, ENRICHED_MAX_VALUES); i++)
        if (view->values[i].field == (uint8_t)field)
            return &view->values[i];
    return NULL;
}

static bool from_view(const EnrichedView *view, EnrichedField field, Buf *scratch, Value *ret) {
    const FieldPlace *place = &places[field];
    if (place->part == PART_NONE) {
        const EnrichedValue *v = value_of(view, field);
        if (!v)
            return false;
        return v->kind == ENRICHED_NUMBER ? give_number(ret, v->number)
                                          : give_bytes(ret, VALUE_UTF8, v->text, v->bytes);
    }
    const ProcessView *p = process_of(view, place);
    if (!p)
        return false;
    if (place->part == PART_CHAIN)
        return give_chain(ret, &view->chains[place->role], scratch);
    return of_process(p, place->part, ret);
}

static bool from_items(const EventRecord *record, EnrichedField field, Value *ret) {
    EventItem item;
    if (record->ext_bytes == 0)
        return false;
    if (field == ENRICHED_USER_SID)
        return event_item_find(record, EVENT_ITEM_SID, &item) &&
               sid_length(item.data, item.bytes) != 0 &&
               give_bytes(ret, VALUE_SID, item.data, sid_length(item.data, item.bytes));
    return event_item_find(record, EVENT_ITEM_SESSION_ID, &item) && item.bytes >= 4 &&
           give_number(ret, load_u32(item.data));
}

static const uint64_t derived =
    ENRICHED_BIT(ENRICHED_VALUE_NAME) | ENRICHED_BIT(ENRICHED_DATA) |
    ENRICHED_BIT(ENRICHED_LOCAL_ADDRESS) | ENRICHED_BIT(ENRICHED_LOCAL_PORT) |
    ENRICHED_BIT(ENRICHED_REMOTE_ADDRESS) | ENRICHED_BIT(ENRICHED_REMOTE_PORT) |
    ENRICHED_BIT(ENRICHED_DIRECTION);

bool enriched_value(const EnrichedView *view, const EventRecord *record, const Schema *schema,
                    EnrichedField field, Buf *scratch, Value *ret) {
    if (field <= ENRICHED_NONE || field >= ENRICHED_N)
        return false;
    Value v = {.pointer_size = event_pointer_size(record), .field = &places[field].field};
    if (from_view(view, field, scratch, &v)) {
        *ret = v;
        return true;
    }
    v = (Value){.pointer_size = event_pointer_size(record), .field = &places[field].field};
    if ((field == ENRICHED_USER_SID || field == ENRICHED_SESSION_ID) &&
        from_items(record, field, &v)) {
        *ret = v;
        return true;
    }
    if (!(ENRICHED_BIT(field) & derived) || !schema ||
        !derived_value(record, schema, field, scratch, &v) || v.kind == VALUE_NONE ||
        v.kind == VALUE_NULL)
        return false;
    // Texts and numbers are what their field says; anything else keeps the payload's own type.
    if (!v.field || v.kind == VALUE_UTF8 || v.kind == VALUE_U64)
        v.field = &places[field].field;
    *ret = v;
    return true;
}

uint8_t enriched_provenance(const EnrichedView *view, EnrichedField field) {
    if (field <= ENRICHED_NONE || field >= ENRICHED_N)
        return PROVENANCE_NONE;
    const FieldPlace *place = &places[field];
    if (place->part == PART_NONE) {
        const EnrichedValue *v = value_of(view, field);
        return v ? v->provenance : PROVENANCE_NONE;
    }
    const ProcessView *p = process_of(view, place);
    if (!p)
        return PROVENANCE_NONE;
    if (place->part != PART_CHAIN) {
        Value ignored = {0};
        return of_process(p, place->part, &ignored) ? p->provenance : PROVENANCE_NONE;
    }
    // A chain is as certain as its weakest link.
    const ProcessChain *chain = &view->chains[place->role];
    uint8_t weakest = PROVENANCE_NONE;
    for (uint32_t i = 0; i < named_ancestors(chain); i++)
        weakest = MAX_OF(weakest, chain->ancestors[i]->provenance);
    return weakest;
}

void enriched_summary(Buf *out, const EnrichedView *view, const EventRecord *record,
                      const Schema *schema, size_t max_bytes) {
    static const uint8_t telling[] = {ENRICHED_FILE_NAME, ENRICHED_REGISTRY_PATH};
    size_t mark = out->bytes;
    for (size_t i = 0; i < ARRAY_COUNT(telling) && schema && !schema->message[0]; i++) {
        const EnrichedValue *v = value_of(view, (EnrichedField)telling[i]);
        const char *name = enriched_field_name((EnrichedField)telling[i]);
        if (!v || v->kind != ENRICHED_TEXT || schema_field_index(schema, name) >= 0 ||
            out->bytes - mark + strlen(name) + v->bytes + 2 > max_bytes)
            continue;
        buf_text(out, name);
        buf_char(out, '=');
        size_t from = out->bytes;
        buf_append(out, v->text, v->bytes);
        for (; from < out->bytes; from++) // one line
            if (out->data[from] < ' ')
                out->data[from] = ' ';
        buf_char(out, ' ');
    }
    size_t front = out->bytes;
    event_summary(out, record, schema, max_bytes - (front - mark));
    if (front > mark && out->bytes == front) // nothing came behind
        out->data[--out->bytes] = 0;
}
