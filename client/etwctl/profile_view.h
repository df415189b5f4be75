// The profile as a table ('etwctl profile --help' explains its columns). Pure functions over the
// broker's JSON.
#pragma once

#include <cjson/cJSON.h>

#include "util/buf.h"

// all: also a row for each provider that nobody watches.
void profile_view(const cJSON *profile, Buf *out, size_t columns, bool all);
