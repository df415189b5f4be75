// The answer to "providers": which providers, kernel types, events and fields there are.
//
// Owner: the loop.
#pragma once

#include "route/names.h"
#include "util/err.h"
#include "util/jsonw.h"

struct cJSON;

// Writes the result of the method (docs/PROTOCOL.md) for params, an object; < 0 with err filled.
int catalog_providers(SchemaStore *store, const RouteNames *names, const struct cJSON *params,
                      JsonWriter *w, Err *err);
