// What the caches of enrichment need from the source beyond what watchers ask for: "(caches)" in
// the plan.
//
// Names, paths and modules come from other events than those that are wanted. The sum of these
// needs over all subscriptions joins the union as one member, is never delivered, and is shown with
// its reason and its cost. A subscription with enrich 'none' adds nothing. Pure functions; loop
// thread.
#pragma once

#include "route/plan.h"

#define CACHES_MAX_PROVIDERS 2u

typedef struct CachesNeed {
    KernelSet kernel;
    uint32_t providers; // bits, by index of caches_provider
} CachesNeed;

typedef struct CachesProvider {
    const char *name;
    Guid guid;
    uint64_t any;
    uint8_t level;
    uint16_t n_ids;
    uint16_t ids[8]; // ascending
    const char *reason;
} CachesProvider;

const CachesProvider *caches_provider(uint32_t index); // NULL beyond the last
// Why a kernel type is needed: "names of files"; "" when the caches never ask for it.
const char *caches_kernel_reason(uint32_t kernel_type_index);

// Adds what a subscription's enrichment needs.
void caches_need(CachesNeed *need, const Spec *spec);
static inline bool caches_need_equal(const CachesNeed *a, const CachesNeed *b) {
    return a->kernel == b->kernel && a->providers == b->providers;
}
static inline bool caches_need_nothing(const CachesNeed *need) {
    return need->kernel == 0 && need->providers == 0;
}
// The member's spec, for the plan alone. < 0: no memory.
int caches_spec(const CachesNeed *need, Spec **ret);
// Are events of this type among what the caches ask for?
bool caches_ask_for(const CachesNeed *need, const RouteType *type);
