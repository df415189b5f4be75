// Call stacks and the events that they belong to (etl-format H.8, I.6).
//
// Fragments (StackWalk 32, 37, 38; extended items 5, 6, 17, 18) name their event by raw time and
// thread. A fragment that ends in the kernel waits for its thread's next one that begins in user
// mode; that one completes all that wait. Keyed fragments name a stack that is defined later (34,
// 35, 36; keys are reused: the first definition behind the reference counts).
//
// Two ways of knowing. File: all fragments are learnt before the first event is looked up. Live:
// events that want a stack say so (stacks_expect) and it fills as fragments come. Owner: the loop.
#pragma once

#include "enrich/images.h"

typedef struct Stacks Stacks;

typedef struct StacksOptions {
    size_t max_bytes; // of fragments and definitions
    bool looks_ahead; // file knowledge
} StacksOptions;

int stacks_new(const StacksOptions *options, Images *images, Stacks **ret);
Stacks *stacks_free(Stacks *stacks);
void stacks_clear(Stacks *stacks);

typedef enum StackRole {
    STACK_NOTHING = 0,
    STACK_FRAMES,     // 32
    STACK_REFERENCE,  // 37 kernel, 38 user
    STACK_DEFINITION, // 34, 35, 36
    STACK_CLR,        // CLRStackWalk (82): of the CLR event right before it on its thread
    STACK_CLR_TARGET, // any other CLR event: to be observed so that a walk finds the one before it
} StackRole;

typedef struct StackPlan {
    uint8_t role;
    bool user;    // 38
    bool created; // 34: holds from here on; 35, 36: held up to here
} StackPlan;

StackPlan stacks_plan(const Schema *schema);
// File: in the scan only, else everything is there twice.
void stacks_observe(Stacks *stacks, const StackPlan *plan, const EventRecord *record,
                    const Schema *schema);
// Has the event a stack item that others need, or that needs others (a match id, a stack key)? Such
// events are observed as well, whatever their type: in the scan, and live before stacks_expect.
bool stacks_has_linked_items(const EventRecord *record);
void stacks_observe_items(Stacks *stacks, const EventRecord *record);
bool stacks_degraded(
    const Stacks *stacks); // file: the budget was spent, some fragments are not known

// Live: an event whose stack is wanted. Shared by all that want the same event; counted. At most
// STACK_MAX_WAITS: beyond that the oldest is given up, and is then complete. All are given back
// before stacks_free.
#define STACK_MAX_WAITS 65536u
typedef struct StackWait StackWait;
StackWait *stacks_expect(Stacks *stacks, const EventRecord *record,
                         const Subject *subject); // NULL: no memory
StackWait *stack_wait_ref(StackWait *wait);
StackWait *stack_wait_unref(StackWait *wait);
bool stack_wait_complete(const StackWait *wait); // nothing more can come
// What has come so far, resolved at the time of the event; without frames and incomplete when all
// that has come are keys that nothing has defined. NULL: nothing. Lives until the next call.
const StackView *stack_wait_view(Stacks *stacks, StackWait *wait);

// File, and items of the event itself: the stack of an event, as stack_wait_view; NULL: it has
// none. Lives until the next call.
const StackView *stacks_find(Stacks *stacks, const EventRecord *record, const Subject *subject);
// Has the event a stack of its own (items), complete in itself?
bool stacks_in_items(const EventRecord *record);

typedef struct StackTotals {
    uint64_t fragments;          // of StackWalk, learnt
    uint64_t attached;           // of them, found by their event
    uint64_t references;         // keyed
    uint64_t resolved;           // of them, with a definition
    uint64_t frames, in_modules; // handed out
    uint64_t linked;             // CLR stack walks, and items with a match id or a key
    uint64_t linked_attached;    // of them, found by their event
    uint64_t unexpected;         // live: of all these, that nobody waited for
} StackTotals;
StackTotals stacks_totals(const Stacks *stacks);
uint32_t stacks_stats(const Stacks *stacks, CacheStats ret[2]);
