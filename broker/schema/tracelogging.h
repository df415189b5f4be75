// TraceLogging metadata (extended item 11) and provider traits (item 12) to a Schema (etl-format C,
// E).
//
// Both items come with every event and are taken as hostile: names must end inside the item, nested
// structures are bounded by SCHEMA_MAX_FIELDS and SCHEMA_MAX_DEPTH. No state.
#pragma once

#include "schema/builder.h"

// The part of the item that identifies the event: the metadata without padding behind its own size.
// False when its size is not that of an intact blob.
bool tracelogging_metadata(const EventItem *item, const uint8_t **ret, size_t *ret_bytes);
// The provider's name (UTF-8, not NUL-terminated) from traits; 0 when there is none.
size_t tracelogging_provider_name(const EventRecord *record, const char **ret);
// Group GUID of the traits (chunk type 1).
bool tracelogging_group(const EventRecord *record, Guid *ret);
// 0, BUILDER_BAD or -STATUS_NO_MEMORY. provider_name: what to use when the traits have none, or
// NULL.
int tracelogging_compile(const EventRecord *record, const char *provider_name, Schema **ret);
