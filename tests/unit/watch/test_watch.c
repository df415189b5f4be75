#include <criterion/criterion.h>

#include "idl/wire.h"
#include "make.h"
#include "util/mem.h"

// Batches of 100 events: 100 x 48 + 24 bytes in the class of 8 KiB.
#define EVENTS 100u
#define CLASS  ((uint64_t)(8192u + sizeof(Batch) + sizeof(BatchType) + BATCH_OVERHEAD))

static Bench bench;
static Watch watch;

static void start(uint64_t quota, QueuePolicy policy) {
    bench_init(&bench, 1 << 20);
    watch_init(&watch, 1, bench.user, quota, policy);
}

static void setup(void) {
    start(3 * CLASS, QUEUE_DROP_OLDEST);
}

static void setup_newest(void) {
    start(3 * CLASS, QUEUE_DROP_NEWEST);
}

static void setup_wait(void) {
    start(2 * WIRE_BATCH_BYTES, QUEUE_WAIT);
}

static void setup_disconnect(void) {
    start(2 * CLASS, QUEUE_DISCONNECT);
}

static void balanced(void) {
    const NumberLedger *n = &watch.number;
    cr_assert_eq(n->numbered, n->dropped_queue + n->dropped_rate + n->dropped_oversize +
                                  n->dropped_policy + n->dropped_close + n->queued + n->sent);
}

static void teardown(void) {
    balanced();
    watch_deinit(&watch);
    balanced();
    bench_deinit(&bench);
}

static WatchEntry take(EntryKind kind) {
    WatchEntry entry = {.kind = 0};
    cr_assert(watch_take(&watch, &entry));
    cr_assert_eq(entry.kind, kind);
    return entry;
}

static void deliver(uint64_t first, uint64_t count) {
    WatchEntry entry = take(ENTRY_BATCH);
    cr_assert_eq(entry.first, first);
    cr_assert_eq(entry.count, count);
    watch_written(&watch, &entry, 1);
    balanced();
}

static void expect_gap(uint64_t first, uint64_t count, uint32_t reason) {
    WatchEntry entry = take(ENTRY_GAP);
    cr_assert_eq(entry.first, first);
    cr_assert_eq(entry.count, count);
    cr_assert_eq(entry.reason, reason);
}

Test(watch, delivers_in_order_and_counts, .init = setup, .fini = teardown) {
    push_batch(&bench, &watch, EVENTS);
    push_batch(&bench, &watch, 1);
    cr_assert_eq(watch.number.queued, EVENTS + 1);
    cr_assert_eq(bench.user->queue_bytes, watch.queue_bytes);
    cr_assert_gt(watch.queue_bytes, 0);
    deliver(0, EVENTS);
    deliver(EVENTS, 1);
    cr_assert_eq(watch.number.sent, EVENTS + 1);
    cr_assert_eq(watch.queue_bytes, 0);
    cr_assert_null(watch_front(&watch));
}

Test(watch, queue_at_its_quota, .init = setup, .fini = teardown) {
    push_batch(&bench, &watch, EVENTS);
    push_batch(&bench, &watch, EVENTS);
    cr_assert_eq(watch.queue_bytes, 2 * CLASS);
    push_batch(&bench, &watch, EVENTS); // fills it to the byte
    cr_assert_eq(watch.queue_bytes, 3 * CLASS);
    cr_assert_eq(watch.number.dropped_queue, 0);
    push_batch(&bench, &watch, EVENTS); // one more
    cr_assert_eq(watch.number.dropped_queue, EVENTS);
    cr_assert_eq(watch.queue_bytes, 3 * CLASS);
}

Test(watch, drop_oldest_tells_one_gap_before_the_next_event, .init = setup, .fini = teardown) {
    for (int i = 0; i < 10; i++)
        push_batch(&bench, &watch, EVENTS);
    expect_gap(0, 7 * EVENTS, WIRE_GAP_QUEUE);
    deliver(7 * EVENTS, EVENTS);
    deliver(8 * EVENTS, EVENTS);
    deliver(9 * EVENTS, EVENTS);
    cr_assert_eq(watch.number.dropped_queue, 7 * EVENTS);
    cr_assert_eq(watch.number.sent, 3 * EVENTS);
}

Test(watch, drop_oldest_never_touches_a_begun_batch, .init = setup, .fini = teardown) {
    push_batch(&bench, &watch, EVENTS);
    WatchEntry begun = take(ENTRY_BATCH);
    for (int i = 0; i < 5; i++)
        push_batch(&bench, &watch, EVENTS);
    // What is begun stays charged: two more fit.
    cr_assert_eq(watch.queue_bytes, 3 * CLASS);
    watch_written(&watch, &begun, 1);
    expect_gap(EVENTS, 3 * EVENTS, WIRE_GAP_QUEUE);
    deliver(4 * EVENTS, EVENTS);
    deliver(5 * EVENTS, EVENTS);
}

Test(watch, drop_newest_keeps_what_it_has, .init = setup_newest, .fini = teardown) {
    for (int i = 0; i < 6; i++)
        push_batch(&bench, &watch, EVENTS);
    deliver(0, EVENTS);
    push_batch(&bench, &watch, EVENTS);
    deliver(EVENTS, EVENTS);
    deliver(2 * EVENTS, EVENTS);
    expect_gap(3 * EVENTS, 3 * EVENTS, WIRE_GAP_QUEUE);
    deliver(6 * EVENTS, EVENTS);
}

Test(watch, disconnect_ends_with_the_gap_told, .init = setup_disconnect, .fini = teardown) {
    for (int i = 0; i < 4; i++)
        push_batch(&bench, &watch, EVENTS);
    deliver(0, EVENTS);
    deliver(EVENTS, EVENTS);
    expect_gap(2 * EVENTS, EVENTS, WIRE_GAP_QUEUE);
    cr_assert_eq(take(ENTRY_END).reason, WIRE_END_SLOW);
    cr_assert_eq(watch.number.dropped_close, EVENTS, "after its end nothing is taken");
}

Test(watch, wait_never_drops_and_says_when_it_is_full, .init = setup_wait, .fini = teardown) {
    watch.feed = (struct Feed *)&bench; // only asked whether there is one
    cr_assert_not(watch_is_full(&watch));
    while (!watch_is_full(&watch))
        push_batch(&bench, &watch, EVENTS);
    cr_assert_gt(watch.queue_bytes + WIRE_BATCH_BYTES, watch.quota_bytes);
    cr_assert_leq(watch.queue_bytes, watch.quota_bytes);
    push_batch(&bench, &watch, 1000); // what was open when it became full
    cr_assert_eq(watch.number.dropped_queue, 0);
    WatchEntry entry;
    while (watch_take(&watch, &entry))
        watch_written(&watch, &entry, 1);
    cr_assert_not(watch_is_full(&watch));
    watch.feed = NULL;
}

Test(watch, the_user_has_a_limit_of_its_own, .init = setup, .fini = teardown) {
    Watch other;
    watch_init(&other, 2, bench.user, 1 << 20, QUEUE_DROP_OLDEST);
    bench.table.limits.queue_bytes = 4 * CLASS;
    uint64_t first;
    for (int i = 0; i < 3; i++) {
        Batch *batch = make_batch(&bench, EVENTS, &first);
        watch_push_batch(&watch, batch, first);
        watch_push_batch(&other, batch, first);
        batch_unref(batch);
    }
    cr_assert_eq(bench.user->queue_bytes, 4 * CLASS);
    cr_assert_eq(watch.number.dropped_queue + other.number.dropped_queue, 2 * EVENTS);
    watch_deinit(&other);
}

Test(watch, a_stopped_reader_does_not_pile_up_notices, .init = setup, .fini = teardown) {
    for (uint32_t epoch = 1; epoch < 1000; epoch++) {
        watch_push_epoch(&watch, epoch, WIRE_EPOCH_LOOP, 0, epoch);
        for (int i = 0; i < 5; i++)
            push_batch(&bench, &watch, EVENTS);
        cr_assert_lt(watch.n_entries, 16, "%u entries after %u epochs", watch.n_entries, epoch);
    }
    // What it finds when it reads again: where it is, and every number accounted for.
    uint64_t next = 0;
    uint32_t last_epoch = 0;
    WatchEntry entry;
    while (watch_take(&watch, &entry)) {
        if (entry.kind == ENTRY_EPOCH) {
            cr_assert_gt(entry.generation, last_epoch);
            last_epoch = entry.generation;
            continue;
        }
        cr_assert_eq(entry.first, next);
        next += entry.count;
        if (entry.kind == ENTRY_BATCH)
            watch_written(&watch, &entry, 1);
    }
    cr_assert_eq(next, watch.number.numbered);
    cr_assert_eq(last_epoch, 999);
}

Test(watch, drop_newest_does_not_pile_up_notices_either, .init = setup_newest, .fini = teardown) {
    for (uint32_t epoch = 1; epoch < 1000; epoch++) {
        watch_push_epoch(&watch, epoch, WIRE_EPOCH_LOOP, 0, epoch);
        push_batch(&bench, &watch, EVENTS);
        cr_assert_lt(watch.n_entries, 16);
    }
    uint64_t next = 0;
    WatchEntry entry;
    while (watch_take(&watch, &entry)) {
        if (entry.kind == ENTRY_EPOCH)
            continue;
        cr_assert_eq(entry.first, next);
        next += entry.count;
        if (entry.kind == ENTRY_BATCH)
            watch_written(&watch, &entry, 1);
    }
    cr_assert_eq(next, watch.number.numbered);
}

Test(watch, oversize_is_a_gap_in_its_place, .init = setup, .fini = teardown) {
    push_batch(&bench, &watch, 2);
    watch_push_gap(&watch, 2, 1, WIRE_GAP_OVERSIZE, 5, 5);
    bench.next++;
    push_batch(&bench, &watch, 2);
    deliver(0, 2);
    expect_gap(2, 1, WIRE_GAP_OVERSIZE);
    deliver(3, 2);
    cr_assert_eq(watch.number.dropped_oversize, 1);
}

Test(watch, source_losses_join_and_unknown_stays_unknown, .init = setup, .fini = teardown) {
    watch_push_source_gap(&watch, 3);
    watch_push_source_gap(&watch, 4);
    WatchEntry entry = take(ENTRY_GAP);
    cr_assert_eq(entry.count, 7);
    cr_assert_eq(entry.reason, WIRE_GAP_SOURCE);
    watch_push_source_gap(&watch, 3);
    watch_push_source_gap(&watch, UINT64_MAX);
    watch_push_source_gap(&watch, 1);
    cr_assert_eq(take(ENTRY_GAP).count, UINT64_MAX);
    cr_assert_eq(watch.number.numbered, 0, "no numbers were used");
}

Test(watch, policy_takes_the_queue_as_one_gap, .init = setup, .fini = teardown) {
    push_batch(&bench, &watch, 5);
    push_batch(&bench, &watch, 6);
    watch_drop_queue(&watch, WIRE_GAP_POLICY);
    expect_gap(0, 11, WIRE_GAP_POLICY);
    cr_assert_eq(watch.number.dropped_policy, 11);
    cr_assert_eq(watch.queue_bytes, 0);
}

Test(watch, an_abandoned_write_is_dropped_at_close, .init = setup, .fini = teardown) {
    push_batch(&bench, &watch, 5);
    WatchEntry begun = take(ENTRY_BATCH);
    watch_abandoned(&watch, &begun);
    cr_assert_eq(watch.number.dropped_close, 5);
    cr_assert_eq(watch.number.sent, 0);
}

Test(watch, a_notice_without_memory_fails_the_watch, .init = setup, .fini = teardown) {
    mem_fail_at(1);
    watch_push_epoch(&watch, 1, WIRE_EPOCH_START, 0, 0);
    mem_fail_at(0);
    cr_assert(watch.failed);
    push_batch(&bench, &watch, 5);
    cr_assert_eq(watch.number.dropped_close, 5);
}

// Every kind of notice between batches that nobody takes: few remain, and they account for every
// number.
static void heap_up(void) {
    for (uint32_t i = 1; i <= 3000; i++) {
        push_batch(&bench, &watch, EVENTS);
        watch_push_source_gap(&watch, 1);
        watch.generation = i;
        watch_push_changed(&watch, 0);
        watch_push_gap(&watch, bench.next, 1, WIRE_GAP_OVERSIZE, 5, 5);
        bench.next++;
        if (i % 3 == 0)
            watch_push_epoch(&watch, i, WIRE_EPOCH_LOOP, 0, i);
        cr_assert_lt(watch.n_entries, 64, "%u entries after %u rounds", watch.n_entries, i);
    }
    uint64_t next = 0, lost = 0;
    uint32_t epoch = 0, generation = 0;
    WatchEntry entry;
    while (watch_take(&watch, &entry)) {
        if (entry.kind == ENTRY_GAP && entry.reason == WIRE_GAP_SOURCE) {
            lost += entry.count;
        } else if (entry.kind == ENTRY_EPOCH) {
            cr_assert_gt(entry.generation, epoch);
            epoch = entry.generation;
        } else {
            cr_assert_eq(entry.first, next);
            next += entry.count;
            if (entry.kind == ENTRY_CHANGED) {
                cr_assert_gt(entry.generation, generation);
                generation = entry.generation;
            }
        }
        watch_written(&watch, &entry, 1);
    }
    cr_assert_eq(next, watch.number.numbered);
    cr_assert_eq(lost, 3000);
    cr_assert_eq(epoch, 3000);
    cr_assert_eq(generation, 3000);
}

Test(watch, no_kind_of_notice_piles_up_before_batches, .init = setup, .fini = teardown) {
    heap_up();
}

Test(watch, nor_behind_them, .init = setup_newest, .fini = teardown) {
    heap_up();
}
