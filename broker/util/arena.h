// An arena: many small blocks freed together. For compiled objects (schemas, filters).
// One owner; blocks are 8-aligned and zeroed; arena_bytes is what an owner is charged for.
#pragma once

#include "util/base.h"

typedef struct ArenaChunk ArenaChunk;

typedef struct Arena {
    ArenaChunk *chunks;
    size_t bytes; // taken from the heap
    size_t limit; // arena_alloc fails beyond it; 0 = none
} Arena;

#define ARENA_INIT                                                                                 \
    { NULL, 0, 0 }

void arena_deinit(Arena *arena);
void *arena_alloc(Arena *arena, size_t bytes); // NULL when out of memory or beyond the limit
void *arena_array(Arena *arena, size_t count, size_t bytes);
void *arena_dup(Arena *arena, const void *data, size_t bytes);
char *arena_strdup(Arena *arena, const char *text);
char *arena_strndup(Arena *arena, const char *text, size_t bytes);
