// Threads and locks over pthread. Condition variables count on the monotonic clock, so that a change
// of the wall clock neither shortens nor lengthens a wait.
#include "platform/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "util/err.h"
#include "util/mem.h"

struct PlatThread {
    pthread_t handle;
    void (*run)(void *user);
    void *user;
};

struct PlatMutex {
    pthread_mutex_t mutex;
};

struct PlatCond {
    pthread_cond_t cond;
};

// A lock that fails is a bug of ours (not initialised, not the owner): going on would race.
static void must(int error) {
    if (error != 0)
        abort();
}

static void *thread_main(void *arg) {
    PlatThread *thread = arg;
    thread->run(thread->user);
    return NULL;
}

int plat_thread_start(PlatThread **ret, void (*run)(void *user), void *user) {
    PlatThread *thread = mem_zalloc(sizeof *thread);
    if (thread == NULL)
        return -STATUS_NO_MEMORY;
    thread->run = run;
    thread->user = user;
    int error = pthread_create(&thread->handle, NULL, thread_main, thread);
    if (error != 0) {
        mem_free(thread);
        return error == EAGAIN ? -STATUS_NO_MEMORY : -STATUS_IO;
    }
    *ret = thread;
    return 0;
}

void plat_thread_join(PlatThread *thread) {
    if (thread == NULL)
        return;
    must(pthread_join(thread->handle, NULL));
    mem_free(thread);
}

PlatMutex *plat_mutex_new(void) {
    PlatMutex *mutex = mem_zalloc(sizeof *mutex);
    if (mutex == NULL)
        return NULL;
    if (pthread_mutex_init(&mutex->mutex, NULL) != 0) {
        mem_free(mutex);
        return NULL;
    }
    return mutex;
}

PlatMutex *plat_mutex_free(PlatMutex *mutex) {
    if (mutex != NULL) {
        must(pthread_mutex_destroy(&mutex->mutex));
        mem_free(mutex);
    }
    return NULL;
}

void plat_mutex_lock(PlatMutex *mutex) {
    must(pthread_mutex_lock(&mutex->mutex));
}

void plat_mutex_unlock(PlatMutex *mutex) {
    must(pthread_mutex_unlock(&mutex->mutex));
}

PlatCond *plat_cond_new(void) {
    PlatCond *cond = mem_zalloc(sizeof *cond);
    if (cond == NULL)
        return NULL;
    pthread_condattr_t attributes;
    bool made = false;
    if (pthread_condattr_init(&attributes) == 0) {
        made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
               pthread_cond_init(&cond->cond, &attributes) == 0;
        pthread_condattr_destroy(&attributes);
    }
    if (!made) {
        mem_free(cond);
        return NULL;
    }
    return cond;
}

PlatCond *plat_cond_free(PlatCond *cond) {
    if (cond != NULL) {
        must(pthread_cond_destroy(&cond->cond));
        mem_free(cond);
    }
    return NULL;
}

bool plat_cond_wait(PlatCond *cond, PlatMutex *mutex, int64_t timeout_ns) {
    if (timeout_ns < 0) {
        must(pthread_cond_wait(&cond->cond, &mutex->mutex));
        return true;
    }
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    due.tv_sec += (time_t)(timeout_ns / 1000000000);
    due.tv_nsec += (long)(timeout_ns % 1000000000);
    if (due.tv_nsec >= 1000000000) {
        due.tv_nsec -= 1000000000;
        due.tv_sec++;
    }
    int error = pthread_cond_timedwait(&cond->cond, &mutex->mutex, &due);
    if (error == ETIMEDOUT)
        return false;
    must(error);
    return true;
}

void plat_cond_signal(PlatCond *cond) {
    must(pthread_cond_signal(&cond->cond));
}

void plat_cond_broadcast(PlatCond *cond) {
    must(pthread_cond_broadcast(&cond->cond));
}
