// Clocks of the system, and small facts about this process. Any thread.
#pragma once

#include "util/base.h"

int64_t plat_now_ns(void);        // monotonic
int64_t plat_filetime_now(void);  // UTC
int64_t plat_cpu_ns(void);        // CPU time of this process
int64_t plat_thread_cpu_ns(void); // CPU time of this thread
void plat_sleep_ns(int64_t ns);   // to well under a millisecond
size_t plat_memory_bytes(void);   // resident (working set)
uint32_t plat_pid(void);
bool plat_random(void *out, size_t bytes); // from the system's secure source
uint32_t plat_processors(void);
