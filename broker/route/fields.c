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

static const FieldName enriched_names[] = {
    {"ProcessName", ENRICHED_PROCESS_NAME},
    {"ProcessPath", ENRICHED_PROCESS_PATH},
    {"CommandLine", ENRICHED_COMMAND_LINE},
    {"ParentProcessId", ENRICHED_PARENT_PROCESS_ID},
    {"ParentProcessName", ENRICHED_PARENT_PROCESS_NAME},
    {"ParentProcessPath", ENRICHED_PARENT_PROCESS_PATH},
    {"ParentProcessCommandLine", ENRICHED_PARENT_COMMAND_LINE},
    {"ParentCommandLine", ENRICHED_PARENT_COMMAND_LINE},
    {"CallChain", ENRICHED_CALL_CHAIN},
    {"User", ENRICHED_USER},
    {"UserName", ENRICHED_USER},
    {"UserSid", ENRICHED_USER_SID},
    {"UserId", ENRICHED_USER_SID},
    {"SessionId", ENRICHED_SESSION_ID},
    {"IsElevated", ENRICHED_IS_ELEVATED},
    {"FileName", ENRICHED_FILE_NAME},
    {"RegistryPath", ENRICHED_REGISTRY_PATH},
    {"ValueName", ENRICHED_VALUE_NAME},
    {"Data", ENRICHED_DATA},
    {"LocalAddress", ENRICHED_LOCAL_ADDRESS},
    {"LocalPort", ENRICHED_LOCAL_PORT},
    {"RemoteAddress", ENRICHED_REMOTE_ADDRESS},
    {"RemotePort", ENRICHED_REMOTE_PORT},
    {"CreatorProcessId", ENRICHED_CREATOR_PROCESS_ID},
    {"CreatorProcessName", ENRICHED_CREATOR_PROCESS_NAME},
    {"CreatorProcessPath", ENRICHED_CREATOR_PROCESS_PATH},
    {"CreatorProcessCommandLine", ENRICHED_CREATOR_COMMAND_LINE},
    {"CreatorCommandLine", ENRICHED_CREATOR_COMMAND_LINE},
    {"TargetProcessName", ENRICHED_TARGET_PROCESS_NAME},
    {"TargetProcessPath", ENRICHED_TARGET_PROCESS_PATH},
    {"TargetProcessCommandLine", ENRICHED_TARGET_COMMAND_LINE},
    {"TargetCommandLine", ENRICHED_TARGET_COMMAND_LINE},
    {"ClientProcessName", ENRICHED_CLIENT_PROCESS_NAME},
    {"ClientProcessPath", ENRICHED_CLIENT_PROCESS_PATH},
    {"ClientProcessCommandLine", ENRICHED_CLIENT_COMMAND_LINE},
    {"ClientCommandLine", ENRICHED_CLIENT_COMMAND_LINE},
    {"CreatedProcessName", ENRICHED_CREATED_PROCESS_NAME},
    {"CreatedProcessPath", ENRICHED_CREATED_PROCESS_PATH},
    {"CreatedProcessCommandLine", ENRICHED_CREATED_COMMAND_LINE},
    {"CreatedCommandLine", ENRICHED_CREATED_COMMAND_LINE},
};

_Static_assert(ENRICHED_N <= 64, "sets of enriched fields are 64 bits wide");

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

HeaderField header_field_find(const char *name) {
    return (HeaderField)find(header_names, ARRAY_COUNT(header_names), name);
}

EnrichedField enriched_field_find(const char *name) {
    return (EnrichedField)find(enriched_names, ARRAY_COUNT(enriched_names), name);
}

const char *header_field_name(HeaderField field) {
    return name_of(header_names, ARRAY_COUNT(header_names), (uint8_t)field);
}

const char *enriched_field_name(EnrichedField field) {
    return name_of(enriched_names, ARRAY_COUNT(enriched_names), (uint8_t)field);
}
