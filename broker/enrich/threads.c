#include "enrich/threads.h"

// The top bit is always set, so that no thread is NULL; a tag has 31 bits.
#define PRESENT (UINT64_C(1) << 63)

_Static_assert(sizeof(void *) == 8, "a thread is packed into a pointer");

static void *pack(Thread thread) {
    uint64_t bits = PRESENT | (uint64_t)(thread.tag & INT32_MAX) << 32 | thread.pid;
    return (void *)(uintptr_t)bits;
}

static Thread unpack(const void *value) {
    uint64_t bits = (uint64_t)(uintptr_t)value & ~PRESENT;
    return (Thread){(uint32_t)bits, (uint32_t)(bits >> 32)};
}

int threads_new(uint32_t max_threads, size_t max_bytes, bool looks_ahead, History **ret) {
    HistoryOptions options = {.name = "Threads",
                              .max_entries = max_threads,
                              .max_bytes = max_bytes,
                              .lingers = true,
                              .looks_ahead = looks_ahead};
    return history_new(&options, ret);
}

// What is open already, when it is the same thread: a tag that only one of two events has is kept.
static bool is_open(History *threads, HistoryKey key, Thread thread) {
    const void *value = history_current(threads, key, NULL);
    if (!value || unpack(value).pid != thread.pid)
        return false;
    if (thread.tag != 0 && unpack(value).tag == 0)
        (void)history_replace(threads, key, UINT64_MAX, pack(thread));
    return unpack(value).tag == 0 || thread.tag == 0 || unpack(value).tag == thread.tag;
}

void threads_start(History *threads, uint32_t tid, uint64_t at, Thread thread) {
    (void)history_open(threads, (HistoryKey){tid, 0}, at, pack(thread), PROVENANCE_LIVE);
}

void threads_stop(History *threads, uint32_t tid, uint64_t at, Thread thread) {
    HistoryKey key = {tid, 0};
    void *value = is_open(threads, key, thread) ? NULL : pack(thread);
    (void)history_close(threads, key, at, value, PROVENANCE_LIVE);
}

void threads_state(History *threads, uint32_t tid, uint64_t at, Thread thread) {
    HistoryKey key = {tid, 0};
    if (!is_open(threads, key, thread))
        (void)history_state(threads, key, at, pack(thread), PROVENANCE_RUNDOWN);
}

bool threads_find(History *threads, uint32_t tid, uint64_t at, Thread *ret,
                  HistoryAnswer *ret_answer) {
    history_ask(threads, (HistoryKey){tid, 0}, at, ret_answer);
    if (ret_answer->value)
        *ret = unpack(ret_answer->value);
    return ret_answer->value != NULL;
}
