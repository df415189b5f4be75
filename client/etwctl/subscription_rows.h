// The subscription rows of `profile` and `subscriptions`. Pure functions over the broker's JSON.
#pragma once

#include <cjson/cJSON.h>

#include "util/buf.h"

#define VIEW_COLUMNS 110 // what the tables are made for
#define VIEW_LEAST   80  // narrower terminals wrap

// columns: room; wider terminals show longer texts.
void subscription_rows(const cJSON *subscriptions, Buf *out, size_t columns);
// Columns that tables may take on standard output: the terminal's, at least VIEW_LEAST.
size_t view_columns(void);
