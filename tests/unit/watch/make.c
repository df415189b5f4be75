#include "make.h"

#include <criterion/criterion.h>

void bench_init(Bench *b, uint64_t user_queue_bytes) {
    *b = (Bench){.next = 0};
    cr_assert_eq(schema_new(&b->schema), 0);
    cr_assert_eq(schema_finish(b->schema, NULL), 0);
    UserLimits limits = user_limits_default();
    limits.queue_bytes = user_queue_bytes;
    user_table_init(&b->table, &limits);
    PlatPeer peer = {.sid = "S-1-22-1-4711", .name = "ana"};
    cr_assert_eq(user_connect(&b->table, &peer, &b->user, NULL), 0);
}

void bench_deinit(Bench *b) {
    cr_assert_eq(b->user->queue_bytes, 0, "charges came back");
    user_disconnect(b->user, false);
    open_batch_deinit(&b->pool, &b->open);
    cr_assert_eq(b->pool.live, 0, "batches came back");
    cr_assert_eq(b->pool.live_bytes, 0);
    batch_pool_deinit(&b->pool);
    user_table_deinit(&b->table);
    schema_unref(b->schema);
}

EventRecord make_record(int64_t time, const void *payload, uint32_t bytes) {
    EventRecord r = {.time = time, .pid = 4, .tid = 8, .payload = payload, .payload_bytes = bytes};
    r.provider.b[0] = 1;
    return r;
}

Batch *make_batch(Bench *b, uint32_t n, uint64_t *ret_first) {
    static const uint8_t payload[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    for (uint32_t i = 0; i < n; i++) {
        EventRecord r = make_record((int64_t)(1000 + b->next + i), payload, sizeof payload);
        uint32_t bytes = wire_record_bytes(&r, 1, NULL);
        cr_assert(open_batch_fits(&b->open, bytes));
        cr_assert(open_batch_take(&b->pool, &b->open, bytes, &r, 1, b->schema));
    }
    *ret_first = b->next;
    b->next += n;
    Batch *batch = open_batch_seal(&b->pool, &b->open);
    cr_assert_not_null(batch);
    return batch;
}

void push_batch(Bench *b, Watch *watch, uint32_t n) {
    uint64_t first;
    Batch *batch = make_batch(b, n, &first);
    watch_push_batch(watch, batch, first);
    batch_unref(batch);
}
