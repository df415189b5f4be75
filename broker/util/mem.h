// The accounting allocator: every heap block of the program goes through here, so that quotas can
// be charged, leaks counted and each allocation failed in turn (torture).
//
// Any thread; counters are atomic. mem_free(NULL) is allowed. Blocks are aligned for any type. A
// size of 0 gives a block (not NULL). A block that is not of this allocator, or was freed, aborts.
#pragma once

#include "util/base.h"

void *mem_alloc(size_t bytes);               // NULL when out of memory
void *mem_zalloc(size_t bytes);              // zeroed
void *mem_array(size_t count, size_t bytes); // zeroed; NULL also when count * bytes overflows
void *mem_resize(void *block, size_t bytes); // as realloc; the old block stays on failure
void *mem_dup(const void *data, size_t bytes);
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t bytes);
void mem_free(void *block);

size_t mem_in_use(void); // bytes of live blocks, as asked for
size_t mem_peak(void);   // highest mem_in_use since mem_reset_peak
void mem_reset_peak(void);
size_t mem_calls(void); // allocations tried so far (alloc, zalloc, array, resize, dup …)
// Makes the nth allocation from now fail (1 = the next one); 0 = none. For tests only.
void mem_fail_at(size_t nth);
