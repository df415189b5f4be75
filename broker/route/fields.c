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

HeaderField header_field_find(const char *name) {
    return (HeaderField)find(header_names, ARRAY_COUNT(header_names), name);
}

const char *header_field_name(HeaderField field) {
    return name_of(header_names, ARRAY_COUNT(header_names), (uint8_t)field);
}
