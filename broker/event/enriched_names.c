// Names of enriched fields and provenances.
#include "event/enriched.h"
#include "util/utf.h"

typedef struct FieldName {
    const char *name;
    uint8_t field;
} FieldName;

// The first name of each field is the canonical one.
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
    {"IsWow64", ENRICHED_IS_WOW64},
    {"IsProtected", ENRICHED_IS_PROTECTED},
    {"ServiceName", ENRICHED_SERVICE_NAME},
    {"ObjectType", ENRICHED_OBJECT_TYPE},
    {"ObjectTypeName", ENRICHED_OBJECT_TYPE},
    {"ObjectName", ENRICHED_OBJECT_NAME},
    {"Operation", ENRICHED_OPERATION},
    {"Duration", ENRICHED_DURATION},
    {"Direction", ENRICHED_DIRECTION},
};

_Static_assert(ENRICHED_N <= 64, "sets of enriched fields are 64 bits wide");

EnrichedField enriched_field_find(const char *name) {
    for (size_t i = 0; i < ARRAY_COUNT(enriched_names); i++)
        if (fold_equal(enriched_names[i].name, name))
            return (EnrichedField)enriched_names[i].field;
    return ENRICHED_NONE;
}

const char *enriched_field_name(EnrichedField field) {
    for (size_t i = 0; i < ARRAY_COUNT(enriched_names); i++)
        if (enriched_names[i].field == (uint8_t)field)
            return enriched_names[i].name;
    return "";
}

const char *provenance_name(uint8_t provenance) {
    static const char *const names[] = {"", "live", "rundown", "guess"};
    return provenance < ARRAY_COUNT(names) ? names[provenance] : "";
}
