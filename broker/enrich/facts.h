// Reading the few payload fields that the caches need: integers at fixed offsets (event/subject.h)
// and names. Pure.
#pragma once

#include "enrich/text.h"
#include "event/format.h"
#include "event/subject.h"

// Top-level field by name, or -1 (several names: the first that the schema has; ended by NULL).
int16_t fact_field(const Schema *schema, const char *const *names);
// The text of a field (UTF-16 or 8-bit) as a new Text; NULL: absent, empty or no memory.
Text *fact_text(const EventRecord *record, const Schema *schema, int16_t field);
Text *fact_value_text(const Value *value); // the same of a value
// Any field, when offsets are not fixed; slices are scratch of the call.
bool fact_value(const EventRecord *record, const Schema *schema, int16_t field, Value *ret);
bool fact_u64(const EventRecord *record, const Schema *schema, int16_t field, uint64_t *ret);
