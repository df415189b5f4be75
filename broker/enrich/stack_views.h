// Stacks as they are handed out: addresses resolved to modules. The last STACK_VIEWS different ones
// are kept, so that a stack that comes again has the same serial, and costs little. Owner: stacks;
// the loop.
#pragma once

#include "enrich/images.h"
#include "enrich/stack_frames.h"

#define STACK_VIEWS 1024u

typedef struct StackParts {
    Frames *kernel, *user; // borrowed; NULL: not there
    uint32_t user_pid;     // whose modules user frames are in
    bool incomplete;       // there is more, or was
} StackParts;

typedef struct StackViews StackViews;

int stack_views_new(Images *images, StackViews **ret);
StackViews *stack_views_free(StackViews *views);
void stack_views_clear(StackViews *views);
// The frames as of an ordinal; lives until the next call. No frames, but parts that are incomplete:
// a view without any, which is incomplete. NULL: no frames, or no memory.
const StackView *stack_views_get(StackViews *views, const StackParts *parts, uint64_t at);
size_t stack_views_bytes(const StackViews *views);
void stack_views_counts(const StackViews *views, uint64_t *ret_frames, uint64_t *ret_in_modules);
