// What the tests of this room make by hand: users, records and sealed batches.
#pragma once

#include "policy/user.h"
#include "watch/watch.h"

typedef struct Bench {
    UserTable table;
    User *user;
    BatchPool pool;
    OpenBatch open;
    Schema *schema;
    uint64_t next; // number of the next event that make_batch puts in
} Bench;

void bench_init(Bench *b, uint64_t user_queue_bytes);
void bench_deinit(Bench *b); // checks that every charge and every batch came back
EventRecord make_record(int64_t time, const void *payload, uint32_t bytes);
// A sealed batch of n events with 8 bytes of payload each; *ret_first is the number of its first
// event.
Batch *make_batch(Bench *b, uint32_t n, uint64_t *ret_first);
// The same, pushed into the watch and given up.
void push_batch(Bench *b, Watch *watch, uint32_t n);
