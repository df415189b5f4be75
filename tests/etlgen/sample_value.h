// A plausible value of every in-type, as it stands in a payload: for events that show all types. Pure.
#pragma once

#include "event/schema.h"
#include "util/buf.h"

// Every in-type of a manifest or MOF class but IN_STRUCT, ended by UINT16_MAX.
extern const uint16_t sample_in_types[];
// The same for TraceLogging.
extern const uint16_t sample_tl_in_types[];

// variant: any number; the same gives the same value. Strings are NUL-terminated where the type is.
void sample_value(Buf *out, uint16_t in_type, uint8_t pointer_size, uint32_t variant);
const char *sample_type_name(uint16_t in_type); // "Utf16", …
