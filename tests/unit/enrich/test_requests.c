#include <criterion/criterion.h>

#include "enrich/requests.h"
#include "util/err.h"
#include "util/mem.h"

static Requests *make(uint32_t max) {
    Requests *r = NULL;
    cr_assert_eq(requests_new(max, 0, &r), 0);
    return r;
}

static uint64_t put(Requests *r, uint64_t irp, uint64_t ordinal) {
    Request old;
    Request *request = requests_begin(r, irp, &old);
    cr_assert_not_null(request);
    cr_assert_eq(request->irp, irp);
    cr_assert_eq(request->ordinal, 0u);
    cr_assert_null(request->new_name);
    request->ordinal = ordinal;
    text_unref(old.new_name);
    return old.irp ? old.ordinal : UINT64_MAX;
}

static uint64_t take(Requests *r, uint64_t irp) {
    Request request;
    return requests_end(r, irp, &request) ? request.ordinal : UINT64_MAX;
}

Test(requests, least_recent_goes) {
    size_t before = mem_in_use();
    for (uint32_t max = 2; max <= 4; max++) {
        Requests *r = make(max);
        cr_assert_eq(put(r, 1, 10), UINT64_MAX);
        cr_assert_eq(put(r, 2, 20), UINT64_MAX);
        cr_assert_eq(put(r, 1, 11), 10u, "the same IRP again: the old one comes back");
        cr_assert_eq(put(r, 3, 30), max == 2 ? 20u : UINT64_MAX);
        cr_assert_eq(take(r, 2), max == 2 ? UINT64_MAX : 20u);
        cr_assert_eq(take(r, 1), 11u);
        cr_assert_eq(take(r, 1), UINT64_MAX, "only once");
        cr_assert_eq(take(r, 3), 30u);
        CacheStats stats = requests_stats(r);
        cr_assert_eq(stats.entries, 0u);
        cr_assert_eq(stats.limit, max);
        cr_assert_eq(stats.inserted, 4u);
        cr_assert_eq(stats.evicted, max == 2 ? 1u : 0u);
        cr_assert_eq(stats.retrievals, 4u);
        cr_assert_eq(stats.hits + stats.misses, 4u);
        requests_free(r);
    }
    cr_assert_eq(mem_in_use(), before);
}

// Against an array that does the same slowly.
Test(requests, as_a_plain_list) {
    enum { MAX = 50, IRPS = 120 };
    static uint64_t list[MAX]; // irps, the least recent first; the ordinal is the irp's last one
    static uint64_t last[IRPS + 1];
    uint32_t n = 0, state = 7;
    size_t before = mem_in_use();
    Requests *r = make(MAX);
    for (uint64_t step = 1; step < 40000; step++) {
        state = state * 1664525u + 1013904223u;
        uint64_t irp = 1 + (state >> 8) % IRPS;
        uint32_t at = 0;
        while (at < n && list[at] != irp)
            at++;
        bool there = at < n;
        cr_assert_eq(requests_find(r, irp) != NULL, there);
        if (state >> 31) {
            cr_assert_eq(take(r, irp), there ? last[irp] : UINT64_MAX);
            if (there)
                memmove(list + at, list + at + 1, (--n - at) * sizeof *list);
            continue;
        }
        uint64_t gone = there ? irp : n == MAX ? list[0] : 0;
        cr_assert_eq(put(r, irp, step), gone ? last[gone] : UINT64_MAX);
        if (gone) {
            at = there ? at : 0;
            memmove(list + at, list + at + 1, (--n - at) * sizeof *list);
        }
        list[n++] = irp;
        last[irp] = step;
        cr_assert_eq(requests_stats(r).entries, n);
        if (step % 9000 == 0) {
            requests_clear(r);
            n = 0;
        }
    }
    requests_free(r);
    cr_assert_eq(mem_in_use(), before);
}

Test(requests, no_memory) {
    size_t before = mem_in_use();
    for (size_t nth = 1;; nth++) {
        Requests *r = NULL;
        mem_fail_at(nth);
        int failures = 0, result = requests_new(1000, 0, &r);
        for (uint64_t irp = 1; result == 0 && irp <= 500; irp++) {
            Request old;
            uint64_t entries = requests_stats(r).entries;
            Request *request = requests_begin(r, irp, &old);
            if (!request) {
                failures++;
                cr_assert_eq(requests_stats(r).entries, entries);
                cr_assert_null(requests_find(r, irp));
                continue;
            }
            request->new_name = text_new("x", 1);
        }
        mem_fail_at(0);
        requests_free(r);
        cr_assert_eq(mem_in_use(), before);
        if (nth > 600)
            break;
        cr_assert(result == 0 || result == -STATUS_NO_MEMORY);
        cr_assert_leq(failures, 1);
    }
}

Test(requests, bytes_are_a_limit_too) {
    size_t before = mem_in_use();
    static const size_t limits[] = {1, 10000, 100000, 1000000};
    for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
        Requests *r = NULL;
        cr_assert_eq(requests_new(1000000, limits[i], &r), 0);
        size_t empty = mem_in_use();
        for (uint64_t irp = 1; irp < 20000; irp++) {
            (void)put(r, irp, irp);
            size_t used = mem_in_use() - empty;
            cr_assert(used <= MAX_OF(limits[i], 8192u), "%zu of %zu", used, limits[i]);
            cr_assert_eq(used, requests_stats(r).bytes);
        }
        cr_assert_gt(requests_stats(r).entries, limits[i] / 250);
        requests_free(r);
    }
    cr_assert_eq(mem_in_use(), before);
}
