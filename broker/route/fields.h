// The field names that filters know beside the payload's own: the event header's and the enriched
// ones.
//
// Constant tables, no state; any thread. Names are case-blind. Order of precedence for a bare name:
// header, enriched, payload; "EventData.X" is always the payload's X.
#pragma once

#include "event/enriched.h"
#include "route/kernel.h"

typedef enum HeaderField {
    HEADER_NONE = 0,
    HEADER_EVENT_ID, // EventId, Id; missing for classic events
    HEADER_VERSION,  // Version
    HEADER_CHANNEL,  // Channel: number, and the schema's channel name
    HEADER_LEVEL,    // Level, LevelDisplayName: number, and the level's name
    HEADER_OPCODE,   // Opcode, OpcodeDisplayName: number, and the opcode's name
    HEADER_TASK,     // Task, TaskDisplayName: number, and the task's name
    HEADER_KEYWORD,  // Keyword, Keywords, KeywordsDisplayNames: number, and each keyword's name
    HEADER_PROVIDER_NAME, // ProviderName, Provider
    HEADER_PROVIDER_ID,   // ProviderId, ProviderGuid
    HEADER_EVENT_NAME,    // EventName: TraceEvent's spelling
    // Up to here the event's type decides.
    HEADER_PROCESS_ID,  // ProcessId, PID; the payload's PID or ProcessId when the header has none
    HEADER_THREAD_ID,   // ThreadId, TID
    HEADER_PROCESSOR,   // Processor, CPU
    HEADER_TIME,        // TimeStamp, TimeCreated, TimeStampUtc: FILETIME, UTC
    HEADER_ACTIVITY_ID, // ActivityId; missing when null
    HEADER_RELATED_ACTIVITY_ID, // RelatedActivityId: from the extended item
    HEADER_N,
} HeaderField;

HeaderField header_field_find(const char *name);  // HEADER_NONE when it is none
const char *header_field_name(HeaderField field); // canonical spelling
// Those that only the caches know; the others stand in the event itself, under another name or in
// another form.
uint64_t enriched_of_caches(void);
// Is it a value that events of these kernel types can have? (process fields: all)
bool enriched_of_kernel(EnrichedField field, KernelSet types);
// The same for a provider that is not the kernel's class: by its GUID; process fields: all.
bool enriched_of_provider(EnrichedField field, const Guid *provider);
static inline bool header_field_by_type(HeaderField field) {
    return field > HEADER_NONE && field <= HEADER_EVENT_NAME;
}
