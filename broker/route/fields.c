#include "route/fields.h"

#include "util/utf.h"

typedef struct FieldName {
    const char *name;
    uint8_t field;
} FieldName;

// The first name of each field is the canonical one.
static const FieldName header_names[] = {
    {"Id", HEADER_EVENT_ID},
    {"EventId", HEADER_EVENT_ID},
    {"Version", HEADER_VERSION},
    {"Channel", HEADER_CHANNEL},
    {"LogName", HEADER_CHANNEL},
    {"Level", HEADER_LEVEL},
    {"LevelDisplayName", HEADER_LEVEL},
    {"Opcode", HEADER_OPCODE},
    {"OpcodeDisplayName", HEADER_OPCODE},
    {"Task", HEADER_TASK},
    {"TaskDisplayName", HEADER_TASK},
    {"Keywords", HEADER_KEYWORD},
    {"Keyword", HEADER_KEYWORD},
    {"KeywordsDisplayNames", HEADER_KEYWORD},
    {"ProviderName", HEADER_PROVIDER_NAME},
    {"Provider", HEADER_PROVIDER_NAME},
    {"ProviderId", HEADER_PROVIDER_ID},
    {"ProviderGuid", HEADER_PROVIDER_ID},
    {"EventName", HEADER_EVENT_NAME},
    {"ProcessId", HEADER_PROCESS_ID},
    {"PID", HEADER_PROCESS_ID},
    {"ThreadId", HEADER_THREAD_ID},
    {"TID", HEADER_THREAD_ID},
    {"Processor", HEADER_PROCESSOR},
    {"ProcessorNumber", HEADER_PROCESSOR},
    {"CPU", HEADER_PROCESSOR},
    {"TimeStamp", HEADER_TIME},
    {"TimeStampUtc", HEADER_TIME},
    {"TimeCreated", HEADER_TIME},
    {"ActivityId", HEADER_ACTIVITY_ID},
    {"RelatedActivityId", HEADER_RELATED_ACTIVITY_ID},
};

static uint8_t find(const FieldName *names, size_t n, const char *name) {
    for (size_t i = 0; i < n; i++)
        if (fold_equal(names[i].name, name))
            return names[i].field;
    return 0;
}

static const char *name_of(const FieldName *names, size_t n, uint8_t field) {
    for (size_t i = 0; i < n; i++)
        if (names[i].field == field)
            return names[i].name;
    return "";
}

// ---- Enriched fields: which events can have them ----

#define FILES    (ENRICHED_BIT(ENRICHED_FILE_NAME))
#define REQUESTS (ENRICHED_BIT(ENRICHED_OPERATION) | ENRICHED_BIT(ENRICHED_DURATION))
#define KEYS                                                                                       \
    (ENRICHED_BIT(ENRICHED_REGISTRY_PATH) | ENRICHED_BIT(ENRICHED_VALUE_NAME) |                    \
     ENRICHED_BIT(ENRICHED_DATA))
#define ENDPOINTS                                                                                  \
    (ENRICHED_BIT(ENRICHED_LOCAL_ADDRESS) | ENRICHED_BIT(ENRICHED_LOCAL_PORT) |                    \
     ENRICHED_BIT(ENRICHED_REMOTE_ADDRESS) | ENRICHED_BIT(ENRICHED_REMOTE_PORT) |                  \
     ENRICHED_BIT(ENRICHED_DIRECTION))
#define OBJECTS (ENRICHED_BIT(ENRICHED_OBJECT_TYPE) | ENRICHED_BIT(ENRICHED_OBJECT_NAME))
#define CREATORS                                                                                   \
    (ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_ID) | ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_NAME) |     \
     ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_PATH) | ENRICHED_BIT(ENRICHED_CREATOR_COMMAND_LINE))
#define SPECIAL (FILES | REQUESTS | KEYS | ENDPOINTS | OBJECTS | CREATORS)

static const struct {
    const char *type;
    uint64_t fields;
} of_types[] = {
    {"Process", CREATORS},
    {"Thread", CREATORS},
    {"Image", CREATORS | FILES},
    {"File", FILES | REQUESTS},
    {"FileInit", FILES},
    {"FileName", FILES},
    {"MapFile", FILES},
    {"DiskIO", FILES},
    {"HardFault", FILES},
    {"Driver", FILES},
    {"Registry", KEYS & ~ENRICHED_BIT(ENRICHED_DATA)}, // its SetValue tells no data
    {"Network", ENDPOINTS},
    {"Handle", OBJECTS},
    {"Object", OBJECTS},
};

static const struct {
    Guid provider;
    uint64_t fields;
} of_providers[] = {
    // Kernel-Process, Kernel-File, Kernel-Registry, Kernel-Network
    {GUID_INIT(0x22fb2cd6u, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16),
     CREATORS | FILES},
    {GUID_INIT(0xedd08927u, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89),
     FILES | REQUESTS},
    {GUID_INIT(0x70eb4f03u, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd), KEYS},
    {GUID_INIT(0x7dd42a49u, 0x5329, 0x4832, 0x8d, 0xfd, 0x43, 0xd9, 0x79, 0x15, 0x3a, 0x88),
     ENDPOINTS},
};

uint64_t enriched_of_caches(void) {
    uint64_t own = ENDPOINTS | ENRICHED_BIT(ENRICHED_VALUE_NAME) | ENRICHED_BIT(ENRICHED_DATA) |
                   ENRICHED_BIT(ENRICHED_USER_SID); // a SID may stand in an item of the event
    return (ENRICHED_BIT(ENRICHED_N) - 2) & ~own;
}

bool enriched_of_kernel(EnrichedField field, KernelSet set) {
    if (!(SPECIAL & ENRICHED_BIT(field)))
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(of_types); i++) {
        int type = kernel_type_find(of_types[i].type);
        if (type >= 0 && (set & KERNEL_BIT(type)) && (of_types[i].fields & ENRICHED_BIT(field)))
            return true;
    }
    return false;
}

bool enriched_of_provider(EnrichedField field, const Guid *provider) {
    if (!(SPECIAL & ENRICHED_BIT(field)))
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(of_providers); i++)
        if (guid_equal(&of_providers[i].provider, provider))
            return (of_providers[i].fields & ENRICHED_BIT(field)) != 0;
    return false;
}

HeaderField header_field_find(const char *name) {
    return (HeaderField)find(header_names, ARRAY_COUNT(header_names), name);
}

const char *header_field_name(HeaderField field) {
    return name_of(header_names, ARRAY_COUNT(header_names), (uint8_t)field);
}
