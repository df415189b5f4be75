// All stack fragments of a file, learnt before the first event is looked up (stacks.h: file
// knowledge). Owner: stacks; the loop.
#pragma once

#include "enrich/stack_views.h"

// Fragments, or live events, of one time that are looked at: a clock tick of all processors, many
// times over. Hostile files have more.
#define STACK_SAME_TIME 1024u

typedef struct StackFile StackFile;

// What a fragment is about: its event's time and thread, its event's place in the order, or a match
// id.
typedef enum FragmentIndex { BY_TIME = 0, BY_ORDINAL, BY_MATCH, FRAGMENT_INDEXES } FragmentIndex;

typedef struct FragmentFacts {
    FragmentIndex index;
    uint64_t about; // raw time, ordinal, or match id
    uint32_t tid, pid;
    bool user;  // with `keyed`: what it will be; otherwise its frames tell
    bool keyed; // `key` names a stack that is not known yet
    uint64_t key;
    Frames *frames; // borrowed; NULL with `keyed`
} FragmentFacts;

int stack_file_new(size_t max_bytes, FrameStore *store, StackFile **ret);
StackFile *stack_file_free(StackFile *file);
void stack_file_add(StackFile *file, const FragmentFacts *facts);
// What a key meant up to here: for all references that wait for it. Returns how many.
uint64_t stack_file_define(StackFile *file, uint64_t key, Frames *frames);
// The fragments of one event; counts those that no event has found before. tid UINT32_MAX: any.
bool stack_file_find(StackFile *file, FragmentIndex index, uint64_t about, uint32_t tid,
                     StackParts *ret);
bool stack_file_full(const StackFile *file); // the budget is spent: nothing more is taken
uint64_t stack_file_fragments(const StackFile *file, FragmentIndex index);
uint64_t stack_file_attached(const StackFile *file, FragmentIndex index);
uint32_t stack_file_pending(const StackFile *file); // keys that wait for their definition
size_t stack_file_bytes(const StackFile *file);     // without frames, which the store counts
