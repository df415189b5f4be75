// The filter words of the command line, and the wants that they make (docs/PROTOCOL.md).
//
// What can be judged without the broker (numbers, ranges) is judged here; names, levels and filters are the
// broker's to judge, so that their rules stand in one place.
#pragma once

#include "client/etwctl/options.h"
#include "util/jsonw.h"

typedef struct WantOptions {
    Words providers, kernel, any, all, ids, names, opcodes, pids;
    const char *level, *filter;
} WantOptions;

extern const Option want_options[]; // of WantOptions

// Writes the members that are given, without braces: the caller may add more. Nothing is written on failure.
int want_members(const WantOptions *options, JsonWriter *w, Err *err);
bool want_is_empty(const WantOptions *options);
// A want of the broker's JSON as a few words: "Registry SetValue, filter".
struct cJSON;
void want_text(const struct cJSON *want, Buf *out);
// "Microsoft-Windows-DNS-Client" as people say it: "DNS-Client".
const char *provider_short(const char *name);
