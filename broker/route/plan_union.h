// The union of asks for one provider and for the kernel. Private to the plan files; pure functions.
#pragma once

#include "route/plan.h"

typedef struct PlanMember PlanMember;
typedef struct PlanEntry PlanEntry;
typedef struct PlanOne PlanOne;

// What one want of one member asks of one provider.
struct PlanOne {
    PlanMember *member;
    PlanEntry *entry;
    PlanOne *next_of_entry;
    PlanOne *next_of_member;
    bool pending; // of a change that is not committed
    bool capture_state, ignore_keyword0, stack;
    bool may_be_eventsource; // by its name, or for want of one
    uint8_t level;           // 1..255
    uint64_t any, all;       // any 0: everything
    uint32_t n_ids, n_pids;  // 0: all
    const uint32_t *pids;
    const uint16_t *ids;
};

typedef struct PlanKernelNeed {
    KernelSet types, stack_types;
} PlanKernelNeed;

struct PlanMember {
    uint64_t id;
    bool caches;
    bool changing;
    uint64_t stamp;   // of the last count that saw it
    PlanOne *asks;    // current
    PlanOne *pending; // of the open change
    PlanKernelNeed kernel, pending_kernel;
};

struct PlanEntry {
    PlanProvider provider;
    PlanOne *asks;
    bool touched;
    PlanAsk before;
};

// Which asks count: all, or all but the current or the pending ones of a member, or of two.
typedef struct PlanView {
    const PlanMember *without, *also;
    bool without_pending; // else without their current ones
} PlanView;

bool plan_view_has(const PlanView *view, const PlanOne *one);
void plan_union(const PlanFacts *facts, const PlanEntry *entry, const PlanView *view, PlanAsk *ret);
void plan_kernel_union(const PlanKernelNeed *needs, PlanKernel *ret); // fills masks and stacks
