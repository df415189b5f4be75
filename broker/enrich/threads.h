// Threads by id and time: the process of each and the tag of the service that it works for. Values
// are packed into the history's pointers: a machine has many threads. Owner: enrich/processes.c.
#pragma once

#include "enrich/history.h"

typedef struct Thread {
    uint32_t pid, tag; // tag 0: none
} Thread;

int threads_new(uint32_t max_threads, size_t max_bytes, bool looks_ahead, History **ret);
void threads_start(History *threads, uint32_t tid, uint64_t at, Thread thread);
void threads_stop(History *threads, uint32_t tid, uint64_t at, Thread thread);
void threads_state(History *threads, uint32_t tid, uint64_t at, Thread thread);
// ret_answer: as history_ask.
bool threads_find(History *threads, uint32_t tid, uint64_t at, Thread *ret,
                  HistoryAnswer *ret_answer);
