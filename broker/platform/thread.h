// Threads, locks and once-set flags. Implemented in platform/posix and platform/windows.
#pragma once

#include "util/base.h"

typedef struct PlatThread PlatThread;
typedef struct PlatMutex PlatMutex;
typedef struct PlatCond PlatCond;

int plat_thread_start(PlatThread **ret, void (*run)(void *user), void *user); // 0 or -STATUS_*
void plat_thread_join(PlatThread *thread); // frees it; NULL allowed

PlatMutex *plat_mutex_new(void); // NULL: no memory
PlatMutex *plat_mutex_free(PlatMutex *mutex);
void plat_mutex_lock(PlatMutex *mutex);
void plat_mutex_unlock(PlatMutex *mutex);

PlatCond *plat_cond_new(void);
PlatCond *plat_cond_free(PlatCond *cond);
// timeout_ns < 0: forever. True when signalled (or spuriously), false at the timeout.
bool plat_cond_wait(PlatCond *cond, PlatMutex *mutex, int64_t timeout_ns);
void plat_cond_signal(PlatCond *cond);
void plat_cond_broadcast(PlatCond *cond);
