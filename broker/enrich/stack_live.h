// Events that wait for the parts of their stacks (stacks.h: live knowledge). Owner: stacks; the
// loop.
#pragma once

#include "enrich/stack_file.h"
#include "enrich/stacks.h"

typedef struct StackLive StackLive;

int stack_live_new(uint32_t max_waits, StackLive **ret);
StackLive *stack_live_free(StackLive *live);
void stack_live_clear(StackLive *live); // all that waits is given up

typedef struct WaitFacts {
    uint64_t ordinal;
    uint64_t raw_time;
    uint64_t match; // 0: none
    uint32_t tid;   // UINT32_MAX: any
    uint32_t pid;
    StackParts parts;              // of the event's own items; borrowed
    bool keyed_kernel, keyed_user; // by these keys, which nothing has defined yet
    uint64_t kernel_key, user_key;
} WaitFacts;

// The event's wait, new or the one it has already; a reference. NULL: no memory.
StackWait *stack_live_expect(StackLive *live, const WaitFacts *facts);
// A fragment; false: nobody waits for it.
bool stack_live_fill(StackLive *live, const FragmentFacts *facts);
uint64_t stack_live_define(StackLive *live, uint64_t key,
                           Frames *frames); // returns how many waited
void stack_wait_parts(const StackWait *wait, StackParts *ret, uint64_t *ret_ordinal);
uint32_t stack_live_waits(const StackLive *live);
uint64_t stack_live_given_up(const StackLive *live);
size_t stack_live_bytes(const StackLive *live);
