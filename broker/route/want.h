// One want: which events somebody asks for. A subscription is an OR of up to SPEC_MAX_WANTS of
// them.
//
// A static part, which the event's type decides (provider or kernel type, ids, names, opcodes,
// level, keywords, rundown), and a dynamic part (pids, filter). Immutable after want_from_json.
// Loop thread.
//
// - Providers and kernel types are an OR; a want with neither looks at every event of the source
// and
//   asks the source for nothing.
// - level: event level 0 always passes, else event level <= want level.
// - keywords: any = 0 passes everything (and `all` is then unused); else keyword-0 events pass
// (unless
//   ignore_keyword0) and others need (kw & any) != 0 and (kw & all) == all. ETW's own rule.
//   Keywords and level restrict manifest and TraceLogging events; kernel classes have neither.
// - ids restrict events that have one: under a want with kernel types, kernel events pass;
// TraceLogging
//   events have id 0; classic events of other providers have none and do not match.
// - event names and opcodes restrict all.
// - Rundown events (SCHEMA_RUNDOWN) answer a capture-state or a file's end, perhaps asked for by
//   others, so they match only with include_rundown or when the want names them: by id, by opcode, by
//   an event name without wildcards or with "DC" or "Rundown" in it, or by a provider named …Rundown.
#pragma once

#include "route/filter.h"
#include "route/kernel.h"
#include "route/names.h"
#include "util/jsonw.h"

typedef struct cJSON cJSON;

#define WANT_MAX_PROVIDERS  256u
#define WANT_MAX_IDS        1024u
#define WANT_MAX_NAMES      64u
#define WANT_MAX_NAME_BYTES 256u
#define WANT_MAX_PIDS       256u
#define WANT_MAX_KEYWORDS   64u
#define WANT_LEVEL_ALL      255u
#define WANT_LEVEL_DEFAULT  5u

typedef struct WantProvider {
    Guid guid;
    uint64_t any, all; // keyword words resolved for this provider
    const char *name;  // "" when only the GUID is known
    bool hashed;       // unknown name: the GUID is EventSource's hash of it
} WantProvider;

typedef struct Want {
    WantProvider *providers; // ascending by GUID, no doubles
    uint32_t n_providers;
    KernelSet kernel;
    uint64_t any, all; // for events of no named provider (a want without providers): numbers only
    uint8_t level;     // 1..255; 255 = all
    bool ignore_keyword0;
    bool has_opcodes;
    uint8_t opcodes[32]; // bitmap
    uint16_t *ids;       // ascending, no doubles
    uint32_t n_ids;
    const char **names; // event name globs
    uint32_t n_names;
    uint32_t *pids; // ascending, no doubles
    uint32_t n_pids;
    Filter *filter; // or NULL
    // As typed, for the echo: lists of words.
    const char **provider_words, **any_words, **all_words;
    uint32_t n_provider_words, n_any_words, n_all_words;
    Arena arena; // all of the above but the filter
} Want;

// Reads one want. Keys: provider | providers, kernel, any, all, level, event_ids, event_names,
// opcodes, pids, filter, ignore_keyword0; others and doubled ones are refused by name. `json` must
// have passed the wire room's scan (depth, bytes). Adds lines to *warnings (unknown provider, `all`
// without `any`, hot kernel types). Errors: -STATUS_INVALID_ARGUMENT, -STATUS_NOT_FOUND (wildcard
// or keyword without match), -STATUS_FILTER, -STATUS_NO_MEMORY.
int want_from_json(const cJSON *json, const RouteNames *names, Want **ret, Buf *warnings, Err *err);
Want *want_free(Want *want);
void want_to_json(const Want *want, JsonWriter *w);
// Level by name or number ("Informational", "info", "4", "All"); false when it is neither.
bool want_parse_level(const char *text, uint8_t *ret);

// Does the type match the static part? For RouteType.open, call it for each event with its own
// provider and desc.
bool want_matches_type(const Want *want, const RouteType *type, bool include_rundown);
// Keyword rule alone (also the kernel's, by the union).
static inline bool want_keyword_passes(uint64_t keyword, uint64_t any, uint64_t all, bool ignore0) {
    if (keyword == 0)
        return !ignore0;
    return any == 0 || ((keyword & any) != 0 && (keyword & all) == all);
}

// The dynamic part, bound to a type that matches statically.
typedef struct BoundWant {
    const Want *want;
    const Schema *schema;
    BoundFilter *filter;
    SubjectPlan subject; // whose its events are, for pid lists
} BoundWant;

int want_bind(const Want *want, const RouteType *type, BoundWant *ret); // < 0: no memory
void want_unbind(BoundWant *bound);
bool want_matches_event(const BoundWant *bound, const FilterInput *input, FilterCounters *counters);
