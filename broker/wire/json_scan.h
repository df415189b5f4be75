// The strict scanner in front of cJSON (json.h). Pure.
#pragma once

#include "util/err.h"

// 0 when the text is exactly one JSON value within the budgets of json.h.
int json_scan(const char *text_untrusted, size_t bytes, Err *err);
