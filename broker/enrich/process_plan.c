// What an event type tells of processes, and reading it: the classic Process, Thread, Image and
// SystemConfig classes, and Kernel-Process, all by field name.
#include "enrich/process_read.h"

static const Guid process_class =
    GUID_INIT(0x3d6fa8d0u, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid thread_class =
    GUID_INIT(0x3d6fa8d1u, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid image_class =
    GUID_INIT(0x2cb15d1du, 0x5fc1, 0x11d2, 0xab, 0xe1, 0x00, 0xa0, 0xc9, 0x11, 0xf5, 0x18);
static const Guid config_class =
    GUID_INIT(0x01853a65u, 0x418f, 0x4f36, 0xae, 0xfc, 0xdc, 0x0f, 0x1d, 0x2f, 0xd2, 0x35);
static const Guid kernel_process =
    GUID_INIT(0x22fb2cd6u, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16);

enum { // Flags of Process version 4
    FLAG_PACKAGED = 1,
    FLAG_WOW64 = 2,
    FLAG_PROTECTED = 4,
};

enum { ELEVATION_DEFAULT = 1, ELEVATION_FULL, ELEVATION_LIMITED }; // TOKEN_ELEVATION_TYPE

static bool is_class(const Schema *schema, const Guid *guid) {
    return memcmp(&schema->provider, guid, sizeof *guid) == 0;
}

static uint8_t classic_role(const Schema *schema) {
    uint8_t opcode = schema->desc.opcode;
    if (is_class(schema, &process_class)) {
        static const uint8_t roles[] = {PROCESS_NOTHING, PROCESS_START, PROCESS_STOP, PROCESS_STATE,
                                        PROCESS_STATE};
        return opcode == 39 ? PROCESS_DEFUNCT : opcode < ARRAY_COUNT(roles) ? roles[opcode] : 0;
    }
    if (is_class(schema, &thread_class)) {
        static const uint8_t roles[] = {PROCESS_NOTHING, THREAD_START, THREAD_STOP, THREAD_STATE,
                                        THREAD_STATE};
        return opcode < ARRAY_COUNT(roles) ? roles[opcode] : 0;
    }
    if (is_class(schema, &image_class))
        return opcode == 10 || opcode == 3 || opcode == 4 ? PROCESS_IMAGE : PROCESS_NOTHING;
    if (is_class(schema, &config_class) && opcode == 15)
        return SERVICE_STATE;
    return PROCESS_NOTHING;
}

static uint8_t manifest_role(const Schema *schema) {
    if (!is_class(schema, &kernel_process))
        return PROCESS_NOTHING;
    switch (schema->desc.id) {
    case 1:
        return PROCESS_START;
    case 2:
        return PROCESS_STOP;
    case 3:
        return THREAD_START;
    case 4:
        return THREAD_STOP;
    case 5:
        return PROCESS_IMAGE;
    case 15:
        return PROCESS_STATE;
    default:
        return PROCESS_NOTHING;
    }
}

static PayloadRef first_ref(const Schema *schema, const char *a, const char *b) {
    PayloadRef ref = payload_ref(schema, a);
    return ref.bytes64 != 0 ? ref : payload_ref(schema, b);
}

static bool has(const PayloadRef *ref) {
    return ref->at32 >= 0 || ref->at64 >= 0;
}

ProcessPlan processes_plan(const Schema *schema) {
    static const char *const sid[] = {"UserSID", NULL};
    static const char *const process_name[] = {"ImageFileName", "ImageName", NULL};
    static const char *const image_name[] = {"FileName", "ImageName", NULL};
    static const char *const service_name[] = {"ServiceName", NULL};
    static const char *const command_line[] = {"CommandLine", NULL};
    static const char *const package[] = {"PackageFullName", NULL};
    static const char *const elevated[] = {"ProcessTokenIsElevated", NULL};
    static const char *const elevation[] = {"ProcessTokenElevationType", "TokenElevationType",
                                            NULL};
    static const char *const create_time[] = {"CreateTime", NULL};
    ProcessPlan plan = {.role = PROCESS_NOTHING};
    if (schema->source == SCHEMA_NONE)
        return plan;
    plan.manifest = !(schema->event_flags & EVENT_CLASSIC);
    plan.role = plan.manifest ? manifest_role(schema) : classic_role(schema);
    if (plan.role == PROCESS_NOTHING)
        return plan;
    plan.pid = payload_ref(schema, "ProcessID");
    plan.tid = first_ref(schema, "TThreadId", "ThreadID");
    plan.parent = first_ref(schema, "ParentId", "ParentProcessID");
    plan.session = payload_ref(schema, "SessionID");
    plan.tag = payload_ref(schema, "SubProcessTag");
    plan.key = payload_ref(schema, "UniqueProcessKey");
    plan.flags = payload_ref(schema, "Flags");
    plan.sequence = payload_ref(schema, "ProcessSequenceNumber");
    plan.sid = fact_field(schema, sid);
    plan.name = fact_field(schema, plan.role == PROCESS_IMAGE   ? image_name
                                   : plan.role == SERVICE_STATE ? service_name
                                                                : process_name);
    plan.command_line = fact_field(schema, command_line);
    plan.package = fact_field(schema, package);
    plan.elevated = fact_field(schema, elevated);
    plan.elevation_type = plan.elevated < 0;
    if (plan.elevation_type)
        plan.elevated = fact_field(schema, elevation);
    plan.create_time = fact_field(schema, create_time);
    bool is_thread = plan.role >= THREAD_START && plan.role <= THREAD_STATE;
    if (!has(&plan.pid) || (is_thread && !has(&plan.tid)) ||
        (plan.role == SERVICE_STATE && !has(&plan.tag)))
        plan.role = PROCESS_NOTHING;
    return plan;
}

static uint32_t read_u32(const PayloadRef *ref, const EventRecord *record) {
    uint64_t value;
    return payload_ref_get(ref, record, &value) && value < UINT32_MAX ? (uint32_t)value
                                                                      : UINT32_MAX;
}

static uint64_t read_u64(const PayloadRef *ref, const EventRecord *record) {
    uint64_t value;
    return payload_ref_get(ref, record, &value) ? value : 0;
}

static Value read_value(Payload *payload, int16_t field) {
    if (field >= 0)
        return payload_value(payload, (uint16_t)field);
    return (Value){.kind = VALUE_NONE};
}

static const char *text_of(Payload *payload, int16_t field, Text **ret) {
    Value value = read_value(payload, field);
    *ret = fact_value_text(&value);
    return *ret ? (*ret)->s : "";
}

static uint8_t elevation_of(const ProcessPlan *plan, Payload *payload) {
    Value v = read_value(payload, plan->elevated);
    if (v.kind != VALUE_U64 && v.kind != VALUE_I64 && v.kind != VALUE_BOOL)
        return 0;
    if (!plan->elevation_type)
        return PROCESS_ELEVATION_KNOWN | (v.u64 != 0 ? PROCESS_ELEVATED : 0);
    // A token without a twin says nothing: SYSTEM's is one, and so is that of a plain user.
    if (v.u64 == ELEVATION_FULL)
        return PROCESS_ELEVATION_KNOWN | PROCESS_ELEVATED;
    return v.u64 == ELEVATION_LIMITED ? PROCESS_ELEVATION_KNOWN : 0;
}

static uint8_t path_rank(const char *path) {
    if (path[0] != '\\' || strncmp(path, "\\Device\\", 8) == 0 || strncmp(path, "\\??\\", 4) == 0 ||
        strncmp(path, "\\SystemRoot\\", 12) == 0 || path[1] == '\\')
        return PATH_IMAGE;
    return PATH_RELATIVE; // Windows 8: \Windows\… of no device
}

void process_facts(const ProcessPlan *plan, const EventRecord *record, const Schema *schema,
                   ProcessTexts *texts, Facts *ret) {
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    Payload payload;
    payload_open(&payload, schema, record, slices);
    facts_init(ret, read_u32(&plan->pid, record));
    ret->parent_pid = read_u32(&plan->parent, record);
    ret->session = read_u32(&plan->session, record);
    ret->key = read_u64(&plan->key, record);
    ret->sequence = read_u64(&plan->sequence, record);
    ret->name = text_of(&payload, plan->name, &texts->name);
    if (strchr(ret->name, '\\')) { // Kernel-Process has the path
        ret->raw_path = ret->name;
        ret->path_rank = PATH_MANIFEST;
        ret->name = facts_base_name(ret->raw_path);
    }
    ret->command_line = text_of(&payload, plan->command_line, &texts->command_line);
    Value value = read_value(&payload, plan->sid);
    if (value.kind == VALUE_SID && sid_length(value.data, value.bytes) != 0) {
        ret->sid = value.data;
        ret->sid_bytes = (uint8_t)sid_length(value.data, value.bytes);
    }
    value = read_value(&payload, plan->create_time);
    if (value.kind == VALUE_TIME && value.i64 > 0) {
        ret->start_time = value.i64;
        ret->exact_start = true;
    } else if (plan->role == PROCESS_START) {
        ret->start_time = record->time;
    }
    uint64_t flags;
    if (!plan->manifest && payload_ref_get(&plan->flags, record, &flags))
        ret->flags =
            (uint8_t)(PROCESS_FLAGS_KNOWN | (flags & FLAG_PACKAGED ? PROCESS_PACKAGED : 0) |
                      (flags & FLAG_WOW64 ? PROCESS_WOW64 : 0) |
                      (flags & FLAG_PROTECTED ? PROCESS_PROTECTED : 0));
    value = read_value(&payload, plan->package);
    if (value.kind == VALUE_UTF16 && value.bytes > 0)
        ret->flags |= PROCESS_PACKAGED;
    ret->flags |= elevation_of(plan, &payload);
    ret->provenance = plan->role == PROCESS_STATE ? PROVENANCE_RUNDOWN : PROVENANCE_LIVE;
}

bool process_image(const ProcessPlan *plan, const EventRecord *record, const Schema *schema,
                   ProcessTexts *texts, Facts *ret) {
    texts->name = fact_text(record, schema, plan->name);
    if (!texts->name)
        return false;
    facts_init(ret, read_u32(&plan->pid, record));
    ret->raw_path = texts->name->s;
    ret->path_rank = path_rank(ret->raw_path);
    ret->name = facts_base_name(ret->raw_path);
    return true;
}

void process_texts_drop(ProcessTexts *texts) {
    text_unref(texts->name);
    text_unref(texts->command_line);
}

uint32_t process_id(const PayloadRef *ref, const EventRecord *record) {
    return read_u32(ref, record);
}
