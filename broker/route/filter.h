// The filter language: parsed once, bound to each event type, evaluated for each event.
//
// PowerShell's operators with or without the dash, case-blind:
//
//     expression: term { (-and | -or) term }       one precedence, left to right, as in PowerShell
//     term:       [-not | !] ( "(" expression ")" | field )  |  comparison
//                 (`-not a -eq 1` is refused: PowerShell negates `a` alone, nobody means that)
//     comparison: field operator value  |  value operator field
//     operator:   -eq -ne -lt -le -gt -ge -like -notlike -in -notin -contains -notcontains
//     value:      'text' "text" (quotes doubled) 12 -3 0x1F 4KB 1.5 $true $false $null bare-word
//                 and lists of them with commas (also in parentheses or @( )) for -in and -contains
//
// `{ … }` around the whole is accepted, and `$_.` before a field. A field alone is its truth.
// `-like` has PowerShell's wildcards: * ? [a-z], escaped with a backtick; backslashes are literal.
//
// Comparing follows PowerShell: the field's type rules. Numbers compare with numbers (and texts
// that are numbers), GUIDs, SIDs, IP addresses and times (ISO 8601, UTC when no zone is given) as
// such, all else as text, case folded. A value with a map equals its number and its text. Arrays
// match when any element does (-notin, -notcontains: when none does). A missing value is $null:
// -ne, -notlike, -notin, -notcontains are true, all else is false; that is counted as `unjudged`.
//
// Filter and BoundFilter are immutable after creation; evaluating allocates nothing and takes no
// lock, any thread may do so with an input of its own.
#pragma once

#include "event/subject.h"
#include "event/value.h"
#include "route/fields.h"
#include "util/err.h"

#define FILTER_MAX_BYTES      4096u // of text
#define FILTER_MAX_PREDICATES 64u   // comparisons
#define FILTER_MAX_DEPTH      16u   // nesting of parentheses and -not
#define FILTER_MAX_PATTERN    256u  // UTF-16 units of a -like pattern
#define FILTER_MAX_IN         256u  // elements of a list

typedef struct Filter Filter;
typedef struct BoundFilter BoundFilter;

// Parses `bytes` of text (UTF-8, need not end in NUL). Empty or blank text is no filter:
// *ret = NULL and 0. Errors: -STATUS_FILTER with "column N: what; what to do"; *ret_column (may be
// NULL) is the 1-based character (not byte) position for a caret, 0 when there is none;
// -STATUS_NO_MEMORY.
int filter_parse(const char *text_untrusted, size_t bytes, Filter **ret, uint32_t *ret_column,
                 Err *err);
Filter *filter_free(Filter *filter); // returns NULL; NULL is allowed
// Canonical text: dashes, canonical field names, single quotes, parentheses where they matter.
// Parsing it gives an equal filter; equal filters have equal text (what feeds compare).
// When that would exceed FILTER_MAX_BYTES it is the text as typed.
const char *filter_text(const Filter *filter);
// Enriched fields it reads (ENRICHED_BIT set), for the enrichment plan.
uint64_t filter_enriched(const Filter *filter);
// Calls back for each field it names, once each: header (not HEADER_NONE), enriched (not
// ENRICHED_NONE) or payload (both none); for policy checks. name: without "EventData.".
void filter_fields(const Filter *filter,
                   void (*each)(void *user, HeaderField header, EnrichedField enriched,
                                const char *name),
                   void *user);
size_t filter_bytes(const Filter *filter); // memory, for charging

// The type of event that filters are bound to. provider and desc are read while binding only; the
// schema must outlive what is bound.
typedef struct RouteType {
    const Guid *provider;
    const EventDescriptor *desc;
    uint16_t event_flags; // EVENT_CLASSIC …
    bool open;            // the overflow type: provider and desc differ from event to event
    const Schema *schema; // never NULL
} RouteType;

typedef enum FilterVerdict {
    FILTER_DEPENDS = 0, // on the event
    FILTER_ALWAYS,      // the type alone makes it true
    FILTER_NEVER,       // the type alone makes it false
} FilterVerdict;

// Makes the program for a type: fields resolved, type-level predicates folded, the cheapest first
// within each chain of -and or -or. The filter must outlive it. < 0: no memory.
int filter_bind(const Filter *filter, const RouteType *type, BoundFilter **ret);
BoundFilter *filter_unbind(BoundFilter *bound);         // returns NULL; NULL is allowed
FilterVerdict filter_verdict(const BoundFilter *bound); // NULL: FILTER_ALWAYS
bool filter_reads_payload(const BoundFilter *bound);

// What enrichment knows about the event: fills *ret (VALUE_UTF8, VALUE_U64, VALUE_BOOL, VALUE_SID,
// …; schema and field NULL; data stays valid for the evaluation) and returns true, or false when it
// does not know; then a payload field of that name counts.
typedef bool (*FilterResolve)(void *user, const EventRecord *record, EnrichedField field,
                              Value *ret);

typedef struct FilterInput {
    const EventRecord *record;
    Payload
        *payload; // opened for this record and the type's schema, with slices; NULL: done inside
    FilterResolve resolve; // NULL: nothing is enriched
    void *resolve_user;
    // What ProcessId, ThreadId and pid lists mean, with a pid from the thread's history where the
    // event only tells the thread; NULL: as far as the event itself tells.
    const Subject *subject;
} FilterInput;

typedef struct FilterCounters {
    uint64_t evaluated; // calls that had to look at an event
    uint64_t unjudged;  // events for which a compared value was missing
    uint64_t examined;  // bytes looked at (the cost bucket's unit)
} FilterCounters;

// NULL bound: true. Adds to *counters.
bool filter_eval(const BoundFilter *bound, const FilterInput *input, FilterCounters *counters);
