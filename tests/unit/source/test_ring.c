// The ring: contents, limits, full and empty, closing, and two threads at full speed.
#include "source/ring.h"

#include <criterion/criterion.h>
#include <stdatomic.h>

#include "platform/clock.h"
#include "platform/thread.h"
#include "util/mem.h"

static EventRecord record_of(uint32_t n, const uint8_t *bytes, uint32_t ext, uint32_t payload) {
    EventRecord r = {0};
    r.provider.b[3] = (uint8_t)n;
    r.desc.id = (uint16_t)n;
    r.time = (int64_t)n * 10;
    r.raw_time = n;
    r.ordinal = UINT64_MAX - n;
    r.pid = n + 1;
    r.tid = n + 2;
    r.cpu = 3;
    r.flags = EVENT_CLASSIC;
    r.header_type = ETL_HEADER_SYSTEM64;
    r.activity.b[15] = 9;
    r.ext = bytes;
    r.ext_bytes = ext;
    r.payload = bytes != NULL ? bytes + ext : NULL;
    r.payload_bytes = payload;
    return r;
}

static void count_wake(void *user) {
    atomic_fetch_add((atomic_int *)user, 1);
}

Test(ring, items_come_out_as_they_went_in) {
    size_t before = mem_in_use();
    Ring *ring;
    cr_assert_eq(ring_new(NULL, NULL, &ring), 0);
    RingItem item;
    cr_assert(!ring_take(ring, &item));
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    RingEpoch epoch = {1, 2, 333};
    RingLoss loss = {UINT64_MAX, 7};
    cr_assert_eq(ring_put_epoch(ring, &epoch), 0);
    EventRecord r = record_of(5, bytes, 16, 13);
    cr_assert_eq(ring_put_record(ring, &r, RING_SCHEMA), 0);
    cr_assert_eq(ring_put_record(ring, &r, RING_RECORD), 0);
    cr_assert_eq(ring_put_record(ring, &r, RING_KNOWLEDGE), 0);
    cr_assert_eq(ring_put_learned(ring), 0);
    EventRecord bare = record_of(6, NULL, 0, 0);
    cr_assert_eq(ring_put_record(ring, &bare, RING_RECORD), 0);
    cr_assert_eq(ring_put_loss(ring, &loss), 0);
    cr_assert_eq(ring_put_mark(ring, 4444), 0);
    cr_assert_eq(ring_put_end(ring, -(int)STATUS_IO), 0);
    cr_assert(ring_pending_bytes(ring) > 0);

    cr_assert(ring_take(ring, &item));
    cr_assert_eq(item.kind, RING_EPOCH);
    cr_assert_eq(item.epoch.reason, 1);
    cr_assert_eq(item.epoch.flags, 2);
    cr_assert_eq(item.epoch.time, 333);
    static const uint8_t kinds[] = {RING_SCHEMA, RING_RECORD, RING_KNOWLEDGE};
    for (int i = 0; i < 3; i++) {
        cr_assert(ring_take(ring, &item));
        cr_assert_eq(item.kind, kinds[i]);
        cr_assert_eq(item.record.ordinal, UINT64_MAX - 5);
        cr_assert_eq(memcmp(&item.record, &r, offsetof(EventRecord, ext)), 0);
        cr_assert_eq(item.record.ext_bytes, 16);
        cr_assert_eq(item.record.payload_bytes, 13);
        cr_assert_eq((uintptr_t)item.record.ext % 8, 0);
        cr_assert_eq((uintptr_t)item.record.payload % 8, 0);
        cr_assert_arr_eq(item.record.ext, bytes, 16);
        cr_assert_arr_eq(item.record.payload, bytes + 16, 13);
    }
    cr_assert(ring_take(ring, &item));
    cr_assert_eq(item.kind, RING_LEARNED);
    cr_assert(ring_take(ring, &item));
    cr_assert_eq(item.record.desc.id, 6);
    cr_assert_eq(item.record.payload_bytes, 0);
    cr_assert(ring_take(ring, &item));
    cr_assert_eq(item.kind, RING_LOSS);
    cr_assert_eq(item.loss.events, UINT64_MAX);
    cr_assert_eq(item.loss.buffers, 7);
    cr_assert(ring_take(ring, &item));
    cr_assert_eq(item.kind, RING_MARK);
    cr_assert_eq(item.mark_ns, 4444);
    cr_assert(ring_take(ring, &item));
    cr_assert_eq(item.kind, RING_END);
    cr_assert_eq(item.status, -(int)STATUS_IO);
    cr_assert(!ring_take(ring, &item));
    ring_release(ring);
    cr_assert_eq(ring_pending_bytes(ring), 0);
    cr_assert_eq(ring_wait_ns(ring), 0);
    ring_free(ring);
    cr_assert_eq(mem_in_use(), before);
}

Test(ring, largest_record) {
    Ring *ring;
    cr_assert_eq(ring_new(NULL, NULL, &ring), 0);
    uint8_t *bytes = mem_zalloc(RING_MAX_RECORD + 8);
    for (uint32_t ext = 0; ext <= 16; ext += 16) {
        for (uint32_t n = RING_MAX_RECORD - 1; n <= RING_MAX_RECORD + 1; n++) {
            EventRecord r = record_of(1, bytes, ext, n - ext);
            cr_assert_eq(ring_put_record(ring, &r, RING_RECORD),
                         n <= RING_MAX_RECORD ? 0 : RING_OVERSIZE);
        }
    }
    EventRecord r = record_of(1, bytes, UINT32_MAX, UINT32_MAX);
    cr_assert_eq(ring_put_record(ring, &r, RING_RECORD), RING_OVERSIZE);
    RingItem item;
    for (int i = 0; i < 4; i++) {
        cr_assert(ring_take(ring, &item));
        cr_assert_eq(item.record.ext_bytes + item.record.payload_bytes,
                     RING_MAX_RECORD - 1 + (uint32_t)i % 2);
    }
    cr_assert(!ring_take(ring, &item));
    mem_free(bytes);
    ring_free(ring);
}

Test(ring, records_wake_by_their_bytes_and_everything_else_at_once) {
    atomic_int wakes = 0;
    Ring *ring;
    RingItem item;
    static const uint8_t payload[1000] = {0};
    EventRecord record = {.payload = payload, .payload_bytes = sizeof payload};
    cr_assert_eq(ring_new(count_wake, &wakes, &ring), 0);
    while (ring_take(ring, &item)) {
    }
    // Less than RING_WAKE_BYTES of records: no system call yet.
    uint32_t n = 0;
    while (ring_pending_bytes(ring) + 1200 < RING_WAKE_BYTES) {
        cr_assert_eq(ring_put_record(ring, &record, RING_RECORD), 0);
        n++;
    }
    cr_assert_eq(atomic_load(&wakes), 0, "%u records", n);
    cr_assert_eq(ring_put_record(ring, &record, RING_RECORD), 0);
    cr_assert_eq(ring_put_record(ring, &record, RING_RECORD), 0);
    cr_assert_eq(atomic_load(&wakes), 1);
    while (ring_take(ring, &item)) {
    }
    ring_release(ring);
    cr_assert_eq(ring_put_record(ring, &record, RING_RECORD), 0);
    cr_assert_eq(atomic_load(&wakes), 1);
    cr_assert_eq(ring_put_mark(ring, 1), 0);
    cr_assert_eq(atomic_load(&wakes), 2, "a mark ends a group");
    ring_free(ring);
}

Test(ring, wake_only_for_the_first_item_after_an_empty_look) {
    atomic_int wakes = 0;
    Ring *ring;
    cr_assert_eq(ring_new(count_wake, &wakes, &ring), 0);
    RingItem item;
    cr_assert_eq(ring_put_mark(ring, 1), 0);
    cr_assert_eq(atomic_load(&wakes), 1, "the consumer has not looked yet: it sleeps");
    cr_assert_eq(ring_put_mark(ring, 2), 0);
    cr_assert_eq(atomic_load(&wakes), 1);
    cr_assert(ring_take(ring, &item));
    cr_assert_eq(ring_put_mark(ring, 3), 0);
    cr_assert_eq(atomic_load(&wakes), 1, "it is at work");
    cr_assert(ring_take(ring, &item));
    cr_assert(ring_take(ring, &item));
    cr_assert_eq(ring_put_mark(ring, 4), 0);
    cr_assert_eq(atomic_load(&wakes), 1, "it has not found the ring empty");
    cr_assert(ring_take(ring, &item));
    cr_assert(!ring_take(ring, &item));
    cr_assert_eq(ring_put_mark(ring, 5), 0);
    cr_assert_eq(atomic_load(&wakes), 2);
    ring_free(ring);
}

// ---- Two threads

typedef struct Producer {
    Ring *ring;
    uint32_t n;
    uint32_t max_payload;
    _Atomic uint32_t done; // records put
    _Atomic int result;
} Producer;

static uint32_t size_of(uint32_t i, uint32_t max) {
    return (i * 2654435761u >> 7) % (max + 1);
}

static void produce(void *user) {
    Producer *p = user;
    uint8_t *bytes = mem_alloc(p->max_payload + 8);
    int result = 0;
    for (uint32_t i = 0; result == 0 && i < p->n; i++) {
        uint32_t size = size_of(i, p->max_payload);
        memset(bytes, (int)(i & 0xff), size + 8);
        EventRecord r = record_of(i, bytes, (i % 3) * 8 <= size ? (i % 3) * 8 : 0, size);
        r.payload = bytes;
        result = ring_put_record(p->ring, &r, RING_RECORD);
        if (result == 0)
            atomic_fetch_add(&p->done, 1);
    }
    if (result == 0)
        result = ring_put_end(p->ring, 0);
    atomic_store(&p->result, result);
    mem_free(bytes);
}

typedef struct Sleeper {
    PlatMutex *mutex;
    PlatCond *cond;
    bool awake;
} Sleeper;

static void wake_sleeper(void *user) {
    Sleeper *s = user;
    plat_mutex_lock(s->mutex);
    s->awake = true;
    plat_cond_signal(s->cond);
    plat_mutex_unlock(s->mutex);
}

// A consumer that sleeps whenever the ring is empty: a lost wake-up would hang it.
static void run_pair(uint32_t n, uint32_t max_payload, uint32_t release_each) {
    Sleeper sleeper = {plat_mutex_new(), plat_cond_new(), false};
    Producer p = {.n = n, .max_payload = max_payload};
    cr_assert_eq(ring_new(wake_sleeper, &sleeper, &p.ring), 0);
    PlatThread *thread;
    cr_assert_eq(plat_thread_start(&thread, produce, &p), 0);
    uint32_t seen = 0;
    bool end = false;
    while (!end) {
        RingItem item;
        if (!ring_take(p.ring, &item)) {
            ring_release(p.ring);
            plat_mutex_lock(sleeper.mutex);
            while (!sleeper.awake)
                cr_assert(plat_cond_wait(sleeper.cond, sleeper.mutex, INT64_C(20000000000)),
                          "the wake-up was lost at record %u", seen);
            sleeper.awake = false;
            plat_mutex_unlock(sleeper.mutex);
            continue;
        }
        if (item.kind == RING_END) {
            end = true;
        } else {
            cr_assert_eq(item.kind, RING_RECORD);
            cr_assert_eq(item.record.raw_time, seen);
            uint32_t size = size_of(seen, max_payload);
            cr_assert_eq(item.record.payload_bytes, size);
            for (uint32_t k = 0; k < size; k += 61)
                cr_assert_eq(item.record.payload[k], seen & 0xff);
            if (size > 0)
                cr_assert_eq(item.record.payload[size - 1], seen & 0xff);
            seen++;
        }
        if (seen % release_each == 0)
            ring_release(p.ring);
    }
    plat_thread_join(thread);
    cr_assert_eq(seen, n);
    cr_assert_eq(atomic_load(&p.result), 0);
    ring_free(p.ring);
    plat_cond_free(sleeper.cond);
    plat_mutex_free(sleeper.mutex);
}

Test(ring, two_threads_small_records, .timeout = 120) {
    run_pair(300000, 200, 1);
}

Test(ring, two_threads_batches_of_releases, .timeout = 120) {
    run_pair(200000, 400, 1000);
}

Test(ring, two_threads_large_records_wrap, .timeout = 120) {
    run_pair(3000, RING_MAX_RECORD - 8, 3);
}

static void wait_until_full(Producer *p) {
    uint32_t last = UINT32_MAX;
    int64_t deadline = plat_now_ns() + INT64_C(20000000000);
    // Full is when the producer makes no more progress while its ring is nearly full.
    while (ring_pending_bytes(p->ring) < RING_BLOCKS * RING_BLOCK_BYTES - 4096 ||
           atomic_load(&p->done) != last) {
        last = atomic_load(&p->done);
        plat_sleep_ns(5000000);
        cr_assert(plat_now_ns() < deadline, "the ring never fills");
    }
}

Test(ring, full_ring_makes_the_producer_wait_and_lose_nothing, .timeout = 120) {
    Producer p = {.n = 60000, .max_payload = 300};
    cr_assert_eq(ring_new(NULL, NULL, &p.ring), 0);
    PlatThread *thread;
    cr_assert_eq(plat_thread_start(&thread, produce, &p), 0);
    wait_until_full(&p);
    uint32_t full = atomic_load(&p.done);
    cr_assert(full < p.n);
    plat_sleep_ns(20000000);
    uint32_t seen = 0;
    RingItem item;
    for (bool end = false; !end;) {
        if (!ring_take(p.ring, &item)) {
            plat_sleep_ns(100000);
            continue;
        }
        end = item.kind == RING_END;
        if (!end)
            cr_assert_eq(item.record.raw_time, seen++);
        ring_release(p.ring);
    }
    cr_assert_eq(seen, p.n);
    plat_thread_join(thread);
    cr_assert(ring_wait_ns(p.ring) >= 20000000, "the wait is measured");
    ring_free(p.ring);
}

Test(ring, closing_ends_a_waiting_producer, .timeout = 60) {
    Producer p = {.n = 1000000, .max_payload = 300};
    cr_assert_eq(ring_new(NULL, NULL, &p.ring), 0);
    PlatThread *thread;
    cr_assert_eq(plat_thread_start(&thread, produce, &p), 0);
    wait_until_full(&p);
    ring_close(p.ring);
    plat_thread_join(thread);
    cr_assert_eq(atomic_load(&p.result), -(int)STATUS_CANCELLED);
    // For good: each later put says so, what was put before can still be taken.
    cr_assert_eq(ring_put_mark(p.ring, 1), -(int)STATUS_CANCELLED);
    RingItem item;
    uint32_t seen = 0;
    while (ring_take(p.ring, &item))
        seen++;
    cr_assert_eq(seen, atomic_load(&p.done));
    ring_free(p.ring);
}

Test(ring, out_of_memory) {
    size_t before = mem_in_use();
    for (size_t nth = 1; nth < 20; nth++) {
        mem_fail_at(nth);
        Ring *ring = NULL;
        int result = ring_new(NULL, NULL, &ring);
        mem_fail_at(0);
        if (result == 0) {
            cr_assert(nth > 2);
            ring_free(ring);
            cr_assert_eq(mem_in_use(), before);
            return;
        }
        cr_assert_eq(result, -(int)STATUS_NO_MEMORY);
        cr_assert_eq(mem_in_use(), before);
    }
    cr_assert_fail("ring_new never succeeds");
}
