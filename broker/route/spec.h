// What a subscription asks for: up to 16 wants and the options that hold for all of them.
// Immutable, reference-counted (loop only).
#pragma once

#include "route/want.h"

#define SPEC_MAX_WANTS      16u
#define SPEC_MAX_NAME_BYTES 128u
#define SPEC_MAX_STACKS     32u

typedef enum SpecQueuePolicy {
    SPEC_QUEUE_DEFAULT = 0, // the broker's: drop-oldest live, wait under --lossless
    SPEC_QUEUE_DROP_OLDEST,
    SPEC_QUEUE_DROP_NEWEST,
    SPEC_QUEUE_DISCONNECT,
    SPEC_QUEUE_WAIT,
} SpecQueuePolicy;

typedef enum SpecEnrich {
    SPEC_ENRICH_DEFAULT = 0, // what the events' types call for
    SPEC_ENRICH_NONE,        // and nothing joins the union on its behalf
    SPEC_ENRICH_ALL,
} SpecEnrich;

typedef struct Spec {
    uint32_t refs;
    uint32_t n_wants;
    Want *wants[SPEC_MAX_WANTS];
    char *name;           // "" when it has none
    uint64_t queue_bytes; // 0: the broker's default
    uint8_t queue_policy; // SpecQueuePolicy
    uint8_t enrich;       // SpecEnrich
    bool include_rundown;
    bool capture_state;
    bool include_self;      // kept for the client library
    bool stack_providers;   // stacks of every named provider's events ("providers" or "*")
    KernelSet stack_kernel; // stacks of these kernel types
    Guid *stack_guids;      // stacks of these providers
    uint32_t n_stack_guids;
} Spec;

// {"wants":[…], "name", "queue_bytes", "queue_policy", "include_rundown", "capture_state",
//  "include_self", "stacks":["File", "*", "DNS-Client"], "enrich":"default"|"none"|"all"}.
// Unknown and doubled keys are refused by name. Warnings: lines of text.
int spec_from_json(const cJSON *json, const RouteNames *names, Spec **ret, Buf *warnings, Err *err);
Spec *spec_ref(Spec *spec);
Spec *spec_unref(Spec *spec);                       // returns NULL; NULL is allowed
void spec_to_json(const Spec *spec, JsonWriter *w); // as typed, with names and masks resolved
// The part that decides which events match and what they carry, as bytes: feeds with equal keys can
// be one. Leaves out name, queue, capture_state and include_self.
void spec_key(const Spec *spec, Buf *out);
const char *spec_queue_policy_name(uint8_t policy);
bool spec_parse_queue_policy(const char *text, uint8_t *ret);
uint64_t spec_enriched(const Spec *spec); // ENRICHED_BITs its filters read
// Are stacks of this provider's events asked for? (providers that are not the kernel's classes)
bool spec_wants_provider_stack(const Spec *spec, const Guid *provider);
size_t spec_bytes(const Spec *spec); // memory, for charging

// A spec's program for one type: the wants that match it statically.
typedef struct BoundSpec {
    uint32_t n;
    BoundWant wants[SPEC_MAX_WANTS]; // those that can pass; one is enough when `always`
    bool always;                     // some want takes every event of the type: no need to evaluate
    bool open;                       // the overflow type: the static part is checked for each event
    bool include_rundown;
    RouteType type;
} BoundSpec;

// 0: *ret is its program, to be freed with spec_unbind; 1: no want matches the type (*ret = NULL);
// < 0: no memory. Spec and schema must outlive it.
int spec_bind(const Spec *spec, const RouteType *type, BoundSpec **ret);
BoundSpec *spec_unbind(BoundSpec *bound); // returns NULL; NULL is allowed
// Does the event match dynamically? (offered = the caller has a program for its type; for open
// types *ret_offered says whether the static part matched, else it is set to true; may be NULL.)
bool spec_matches(const BoundSpec *bound, const FilterInput *input, FilterCounters *counters,
                  bool *ret_offered);
