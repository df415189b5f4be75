// A filter's program for one event type. Private to the filter files.
#pragma once

#include "route/filter_ast.h"

#define BOUND_TRUE     0xffffu // jump targets that end the program
#define BOUND_FALSE    0xfffeu
#define BOUND_MAX_PATH 4u // nesting of "Struct.Member" that names a value

typedef enum BoundSource {
    BOUND_MISSING = 0, // nothing of that name in this type
    BOUND_HEADER,
    BOUND_ENRICHED, // the resolver, then `path` if there is one
    BOUND_PAYLOAD,
} BoundSource;

typedef struct BoundStep {
    const FilterPredicate *predicate;
    uint16_t on_true, on_false;    // next step, or BOUND_*
    uint8_t source;                // BoundSource
    uint8_t n_path;                // 0: no payload field
    uint16_t path[BOUND_MAX_PATH]; // top-level field, member of it, …
} BoundStep;

struct BoundFilter {
    RouteType type;
    SubjectPlan subject;
    uint16_t entry; // first step, or BOUND_*
    uint16_t n_steps;
    bool needs_slices; // some field has no fixed offset
    bool reads_payload;
    BoundStep steps[]; // steps point at later-run ones by index
};

typedef struct FilterEval {
    const RouteType *type;
    const SubjectPlan *subject;
    const EventRecord *record;
    const FilterInput *input;
    Payload *payload; // or NULL: this evaluation cannot read the payload
    bool unjudged;
    uint64_t examined;
} FilterEval;

// One comparison (filter_compare.c).
bool filter_compare_step(FilterEval *eval, const BoundStep *step);
