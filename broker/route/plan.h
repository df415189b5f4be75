// The plan: what the source is asked for, so that nobody who subscribes loses anything: the union
// of all asks, for each provider and for the kernel (peers-and-asks, "Union rules").
//
// Members (subscriptions, and "(caches)") join, change and leave; each step gives the differences
// of the touched providers only, old and new. A change is a transaction: plan_change_begin widens
// (the plan holds old and new asks), then commit drops the old ones or abort the new ones. A join
// is undone with plan_leave. The plan always equals the one computed from scratch from its members.
// Owner: the loop; no callbacks are kept beyond PlanFacts.
#pragma once

#include "route/spec.h"

#define PLAN_MAX_IDS     64u     // of an event-id filter; one is kept free for PLAN_MANIFEST_ID
#define PLAN_MAX_PIDS    8u      // of a pid filter
#define PLAN_MANIFEST_ID 0xFFFEu // event that carries an EventSource's manifest
#define PLAN_LEVEL_ALL   0xFFu   // never 0: that turns many WPP providers off
#define PLAN_MAX_STACKS  64u

// EVENT_ENABLE_PROPERTY_* (the SDK's values)
enum {
    PLAN_PROPERTY_SID = 0x1,
    PLAN_PROPERTY_STACK = 0x4,
    PLAN_PROPERTY_IGNORE_KEYWORD_0 = 0x10,
};

// What is known of a provider (PlanFacts.provider).
enum {
    PLAN_FACT_CLASSIC = 1,        // MOF or WPP: 32-bit flags, one session, no filters
    PLAN_FACT_USER_MODE = 2,      // known to be registered by user-mode processes only
    PLAN_FACT_EVENTSOURCE = 4,    // may be a .NET EventSource
    PLAN_FACT_MANIFEST_KNOWN = 8, // its manifest is cached: 0xFFFE is not needed
    PLAN_FACT_TRACELOGGING = 16,  // event ids are all 0: an id filter is useless
};

typedef enum PlanPid {
    PLAN_PID_UNKNOWN = 0, // not running, or not known: may start later, so no pid filter
    PLAN_PID_ALIVE,
    PLAN_PID_EXITED, // was alive when the member joined (pid + start key), cannot come back
} PlanPid;

typedef struct PlanFacts {
    void *user;
    uint32_t (*provider)(void *user, const Guid *guid); // PLAN_FACT_*; NULL: nothing is known
    PlanPid (*pid)(void *user, uint64_t member, uint32_t pid); // NULL: all unknown
} PlanFacts;

// What EnableTraceEx2 is to be given for a provider. All zero: not enabled.
typedef struct PlanAsk {
    bool enabled;
    uint8_t level;
    uint32_t properties; // PLAN_PROPERTY_*
    uint64_t any, all;
    uint16_t n_ids;               // 0: no event-id filter
    uint16_t n_pids;              // 0: no pid filter
    uint16_t ids[PLAN_MAX_IDS];   // ascending
    uint32_t pids[PLAN_MAX_PIDS]; // ascending
} PlanAsk;

typedef struct PlanProvider {
    Guid guid;
    const char *name;    // "" when unknown; lives as long as the provider is in the plan
    uint32_t n_watchers; // members other than the caches
    uint32_t n_wants;    // asks, the caches' included
    bool caches;         // the caches are among the members
    bool capture_state;  // some member wants its state
    PlanAsk ask;
} PlanProvider;

typedef struct PlanKernel {
    KernelSet types;
    uint32_t masks[KERNEL_MASK_WORDS]; // word 0 = EnableFlags
    KernelSet stack_types;
    uint32_t n_stacks;
    KernelStackId stacks[PLAN_MAX_STACKS];
    uint32_t n_watchers;
    bool caches;
} PlanKernel;

typedef struct PlanDelta {
    Guid guid;
    PlanAsk old_ask, new_ask; // old not enabled: enable; new not enabled: disable; else re-enable
    uint32_t other_watchers;  // watchers of the provider beside the member that caused this
    bool widens;        // new passes something that old does not: do it before the member is told
    bool narrows;       // old passes something that new does not: may wait for the linger
    bool capture_state; // ask for the state once after enabling (newly wanted by this member)
    bool filters_only;  // masks and level are as before
    bool caches;        // the caches are among those that ask
} PlanDelta;

typedef struct PlanDeltas {
    PlanDelta *items;
    uint32_t n, capacity;
    bool kernel_changed;
    PlanKernel old_kernel, new_kernel;
    KernelSet rundown; // kernel types newly wanted: their rundown feeds the caches
    // Memory for the list ran out while asks went away, which never fails: the plan is right, items
    // is not complete; compare every provider (plan_next) with what is enabled.
    bool incomplete;
} PlanDeltas;

#define PLAN_DELTAS_INIT                                                                           \
    { 0 }
void plan_deltas_deinit(PlanDeltas *deltas);
void plan_deltas_clear(PlanDeltas *deltas); // keeps the memory
// A step and the next one told as one: what came back to where it was is left out.
void plan_deltas_add(PlanDeltas *to, const PlanDeltas *next);

typedef struct Plan Plan;

int plan_new(const PlanFacts *facts, Plan **ret);
Plan *plan_free(Plan *plan);

enum {
    PLAN_MEMBER_CACHES = 1, // enrichment's own asks: counted apart, shown as "(caches)"
};
#define PLAN_CACHES UINT64_C(0) // their member id; ids of subscriptions begin at 1

// Each step fills *deltas (cleared first). On failure (no memory, no such member, member twice:
// -STATUS_CONFLICT or -STATUS_NOT_FOUND) the plan is unchanged. Leave, commit and abort need no
// memory: they fail only for a member or change that is not there. `spec` is only read during the
// call.
int plan_join(Plan *plan, uint64_t member, const Spec *spec, uint32_t options, PlanDeltas *deltas);
int plan_leave(Plan *plan, uint64_t member, PlanDeltas *deltas);
int plan_change_begin(Plan *plan, uint64_t member, const Spec *spec, PlanDeltas *deltas);
int plan_change_commit(Plan *plan, uint64_t member, PlanDeltas *deltas);
int plan_change_abort(Plan *plan, uint64_t member, PlanDeltas *deltas);
// The net differences that a join or change of this member would make (-WhatIf); the plan stays.
int plan_preview(Plan *plan, uint64_t member, const Spec *spec, PlanDeltas *deltas);
// The same when the caches' asks become those of `caches` with it (NULL: none).
int plan_preview_caches(Plan *plan, uint64_t member, const Spec *spec, const Spec *caches,
                        PlanDeltas *deltas);
// Facts changed (a pid exited, a manifest arrived, a provider was found to be classic): computes
// the provider anew; guid NULL: all of them.
int plan_refresh(Plan *plan, const Guid *guid, PlanDeltas *deltas);

const PlanProvider *plan_provider(const Plan *plan, const Guid *guid); // NULL when nobody asks
// Iteration: for (uint32_t i = 0; (p = plan_next(plan, &i)) != NULL;) …
const PlanProvider *plan_next(const Plan *plan, uint32_t *i);
const PlanKernel *plan_kernel(const Plan *plan);
uint32_t plan_members(const Plan *plan);

bool plan_ask_equal(const PlanAsk *a, const PlanAsk *b);
bool plan_ask_covers(const PlanAsk *wide, const PlanAsk *narrow); // passes all that narrow passes
// "any 0x10 -> 0x50, level 4 -> 5; 1 other watcher" for -WhatIf, set and logs.
void plan_delta_text(const PlanDelta *delta, Buf *out);
// ETW's rule: does a provider enabled so log this event? (events of the pid filter's processes)
bool plan_ask_passes(const PlanAsk *ask, const EventDescriptor *desc, uint32_t pid);
