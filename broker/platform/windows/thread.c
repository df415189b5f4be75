// Threads and locks over Win32: SRW locks and condition variables need no clean-up and cannot fail.
#include "platform/thread.h"

#include "platform/windows/win.h"
#include <process.h>
#include <stdlib.h>

#include "util/err.h"
#include "util/mem.h"

struct PlatThread {
    HANDLE handle;
    void (*run)(void *user);
    void *user;
};

struct PlatMutex {
    SRWLOCK lock;
};

struct PlatCond {
    CONDITION_VARIABLE cond;
};

static unsigned __stdcall thread_main(void *arg) {
    PlatThread *thread = arg;
    thread->run(thread->user);
    return 0;
}

int plat_thread_start(PlatThread **ret, void (*run)(void *user), void *user) {
    PlatThread *thread = mem_zalloc(sizeof *thread);
    if (thread == NULL)
        return -STATUS_NO_MEMORY;
    thread->run = run;
    thread->user = user;
    // Not CreateThread: the C library keeps data for each thread.
    thread->handle = (HANDLE)_beginthreadex(NULL, 0, thread_main, thread, 0, NULL);
    if (thread->handle == NULL) {
        mem_free(thread);
        return -STATUS_NO_MEMORY;
    }
    *ret = thread;
    return 0;
}

void plat_thread_join(PlatThread *thread) {
    if (thread == NULL)
        return;
    if (WaitForSingleObject(thread->handle, INFINITE) != WAIT_OBJECT_0)
        abort(); // going on would free what the thread still uses
    CloseHandle(thread->handle);
    mem_free(thread);
}

PlatMutex *plat_mutex_new(void) {
    PlatMutex *mutex = mem_zalloc(sizeof *mutex);
    if (mutex != NULL)
        InitializeSRWLock(&mutex->lock);
    return mutex;
}

PlatMutex *plat_mutex_free(PlatMutex *mutex) {
    mem_free(mutex);
    return NULL;
}

void plat_mutex_lock(PlatMutex *mutex) {
    AcquireSRWLockExclusive(&mutex->lock);
}

void plat_mutex_unlock(PlatMutex *mutex) {
    ReleaseSRWLockExclusive(&mutex->lock);
}

PlatCond *plat_cond_new(void) {
    PlatCond *cond = mem_zalloc(sizeof *cond);
    if (cond != NULL)
        InitializeConditionVariable(&cond->cond);
    return cond;
}

PlatCond *plat_cond_free(PlatCond *cond) {
    mem_free(cond);
    return NULL;
}

bool plat_cond_wait(PlatCond *cond, PlatMutex *mutex, int64_t timeout_ns) {
    DWORD ms = INFINITE;
    if (timeout_ns >= 0) {
        int64_t wanted = timeout_ns / 1000000 + (timeout_ns % 1000000 != 0);
        ms = wanted < INT32_MAX ? (DWORD)wanted : (DWORD)INT32_MAX;
    }
    return SleepConditionVariableSRW(&cond->cond, &mutex->lock, ms, 0) != 0;
}

void plat_cond_signal(PlatCond *cond) {
    WakeConditionVariable(&cond->cond);
}

void plat_cond_broadcast(PlatCond *cond) {
    WakeAllConditionVariable(&cond->cond);
}
