// Clocks, threads, locks, folders and the program's surroundings, on both hosts.
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>

#include "platform/args.h"
#include "platform/clock.h"
#include "platform/dir.h"
#include "platform/thread.h"
#include "util/err.h"
#include "util/mem.h"

#define MS INT64_C(1000000)

Test(clock, runs_forward, .timeout = 60) {
    int64_t a = plat_now_ns();
    plat_sleep_ns(2 * MS);
    int64_t b = plat_now_ns();
    cr_assert_geq(b - a, 2 * MS - 100000);
    cr_assert_lt(b - a, 5000 * MS);
    // Between 2020 and 2100.
    int64_t now = plat_filetime_now();
    cr_assert_gt(now, INT64_C(132223104000000000));
    cr_assert_lt(now, INT64_C(157469184000000000));
}

Test(clock, short_sleeps, .timeout = 60) {
    int64_t best = INT64_MAX;
    for (int i = 0; i < 20; i++) {
        int64_t from = plat_now_ns();
        plat_sleep_ns(300000);
        best = MIN_OF(best, plat_now_ns() - from);
    }
    cr_assert_lt(best, 2 * MS, "the best sleep of 0.3 ms took %lld ns", (long long)best);
    plat_sleep_ns(0);
    plat_sleep_ns(-5);
}

Test(clock, cpu_time_counts_work, .timeout = 60) {
    int64_t process = plat_cpu_ns(), thread = plat_thread_cpu_ns();
    volatile uint64_t x = 1;
    // Wine counts in ticks: work until one has passed.
    for (int64_t from = plat_now_ns();
         plat_now_ns() - from < 20000 * MS && plat_thread_cpu_ns() - thread < 20 * MS;) {
        for (int i = 0; i < 100000; i++)
            x = x * 3 + 1;
    }
    cr_assert_geq(plat_thread_cpu_ns() - thread, 20 * MS);
    cr_assert_geq(plat_cpu_ns() - process, 10 * MS);
}

Test(clock, facts, .timeout = 60) {
    cr_assert_gt(plat_memory_bytes(), 100000);
    cr_assert_neq(plat_pid(), 0);
    cr_assert_gt(plat_processors(), 0);
    uint8_t a[64], b[64];
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    cr_assert(plat_random(a, sizeof a));
    cr_assert(plat_random(b, sizeof b));
    cr_assert_neq(memcmp(a, b, sizeof a), 0);
    cr_assert(plat_random(a, 0));
}

typedef struct Shared {
    PlatMutex *mutex;
    PlatCond *cond;
    uint32_t count, ready, go;
} Shared;

static void count_up(void *user) {
    Shared *shared = user;
    plat_mutex_lock(shared->mutex);
    shared->ready++;
    plat_cond_signal(shared->cond);
    plat_mutex_unlock(shared->mutex);
    for (int i = 0; i < 10000; i++) {
        plat_mutex_lock(shared->mutex);
        shared->count++;
        plat_mutex_unlock(shared->mutex);
    }
}

Test(thread, mutual_exclusion, .timeout = 60) {
    Shared shared = {plat_mutex_new(), plat_cond_new(), 0, 0, 0};
    cr_assert(shared.mutex != NULL && shared.cond != NULL);
    PlatThread *threads[4];
    for (int i = 0; i < 4; i++)
        cr_assert_eq(plat_thread_start(&threads[i], count_up, &shared), 0);
    plat_mutex_lock(shared.mutex);
    while (shared.ready < 4)
        cr_assert(plat_cond_wait(shared.cond, shared.mutex, 30000 * MS));
    plat_mutex_unlock(shared.mutex);
    for (int i = 0; i < 4; i++)
        plat_thread_join(threads[i]);
    cr_assert_eq(shared.count, 40000);
    plat_thread_join(NULL);
    cr_assert(plat_cond_free(shared.cond) == NULL);
    cr_assert(plat_mutex_free(shared.mutex) == NULL);
    cr_assert_eq(mem_in_use(), 0);
}

static void wait_for_go(void *user) {
    Shared *shared = user;
    plat_mutex_lock(shared->mutex);
    shared->ready++;
    while (!shared->go)
        plat_cond_wait(shared->cond, shared->mutex, -1);
    shared->count++;
    plat_mutex_unlock(shared->mutex);
}

Test(thread, condition_times_out_and_broadcasts, .timeout = 60) {
    Shared shared = {plat_mutex_new(), plat_cond_new(), 0, 0, 0};
    plat_mutex_lock(shared.mutex);
    int64_t from = plat_now_ns();
    while (plat_cond_wait(shared.cond, shared.mutex, 5 * MS)) // a spurious wake-up is allowed
        ;
    cr_assert_geq(plat_now_ns() - from, 4 * MS);
    cr_assert(!plat_cond_wait(shared.cond, shared.mutex, 0));
    plat_mutex_unlock(shared.mutex);
    PlatThread *threads[3];
    for (int i = 0; i < 3; i++)
        cr_assert_eq(plat_thread_start(&threads[i], wait_for_go, &shared), 0);
    for (uint32_t ready = 0; ready < 3;) {
        plat_mutex_lock(shared.mutex);
        ready = shared.ready;
        plat_mutex_unlock(shared.mutex);
        plat_sleep_ns(100000);
    }
    plat_mutex_lock(shared.mutex);
    shared.go = 1;
    plat_cond_broadcast(shared.cond);
    plat_mutex_unlock(shared.mutex);
    for (int i = 0; i < 3; i++)
        plat_thread_join(threads[i]);
    cr_assert_eq(shared.count, 3);
    plat_cond_free(shared.cond);
    plat_mutex_free(shared.mutex);
}

Test(thread, out_of_memory, .timeout = 60) {
    PlatThread *thread = NULL;
    mem_fail_at(1);
    cr_assert_eq(plat_thread_start(&thread, count_up, NULL), -STATUS_NO_MEMORY);
    cr_assert(thread == NULL);
    mem_fail_at(1);
    cr_assert(plat_mutex_new() == NULL);
    mem_fail_at(1);
    cr_assert(plat_cond_new() == NULL);
    cr_assert_eq(mem_in_use(), 0);
}

// ---- Folders

typedef struct Seen {
    char names[2048];
    uint32_t n, stop_at;
} Seen;

static int see(void *user, const char *path) {
    Seen *seen = user;
    const char *name = strrchr(path, '/');
    cr_assert_not_null(name);
    size_t used = strlen(seen->names);
    snprintf(seen->names + used, sizeof seen->names - used, "%s ", name + 1);
    seen->n++;
    return seen->n == seen->stop_at ? -STATUS_FORMAT : 0;
}

// make runs tests from the project's root, on both hosts.
#define HERE "tests/unit/platform/folder"

Test(dir, lists_by_suffix_in_order, .timeout = 60) {
    Seen seen = {{0}, 0, 0};
    Err err = ERR_INIT;
    cr_assert_eq(plat_dir_list(HERE, ".Man", see, &seen, &err), 0, "%s", err.text);
    // In the order of bytes, whatever the case of the suffix, and no folders.
    cr_assert_str_eq(seen.names, "B.MAN a.man ");
    Seen one = {{0}, 0, 1};
    cr_assert_eq(plat_dir_list(HERE "/", ".man", see, &one, &err), -STATUS_FORMAT);
    cr_assert_eq(one.n, 1);
    Seen none = {{0}, 0, 0};
    cr_assert_eq(plat_dir_list(HERE, ".nothing", see, &none, &err), 0);
    cr_assert_eq(none.n, 0);
    Seen all = {{0}, 0, 0};
    cr_assert_eq(plat_dir_list(HERE, "", see, &all, &err), 0);
    cr_assert_str_eq(all.names, "B.MAN a.man c.txt d.man.bak ");
    cr_assert_eq(plat_dir_list(HERE "/nonexistent", "", see, &none, &err), -STATUS_NOT_FOUND);
    cr_assert(plat_is_dir(HERE));
    cr_assert(!plat_is_dir(HERE "/a.man"));
    cr_assert(!plat_is_dir(HERE "/nonexistent"));
    cr_assert_eq(mem_in_use(), 0);
}

Test(dir, out_of_memory, .timeout = 60) {
    int result = -1;
    size_t n = 0;
    while (result != 0) {
        Seen seen = {{0}, 0, 0};
        mem_fail_at(++n);
        result = plat_dir_list(HERE, "", see, &seen, NULL);
        mem_fail_at(0);
        cr_assert(result == 0 || result == -STATUS_NO_MEMORY || result == -STATUS_INVALID_ARGUMENT,
                  "%d when allocation %zu fails", result, n);
        cr_assert_eq(mem_in_use(), 0, "a leak when allocation %zu fails", n);
        cr_assert_lt(n, 1000);
    }
    cr_assert_gt(n, 3);
}

// ---- Surroundings

Test(args, are_there, .timeout = 60) {
    static char name[] = "program";
    char *list[] = {name, NULL};
    int argc = 1;
    char **argv = list;
    cr_assert(plat_args(&argc, &argv));
    cr_assert_geq(argc, 1);
    cr_assert_not_null(argv[0]);
    cr_assert(argv[argc] == NULL);
}

Test(args, environment, .timeout = 60) {
    char buf[4096];
    cr_assert_not_null(plat_env("PATH", buf, sizeof buf));
    cr_assert_neq(buf[0], '\0');
    cr_assert(plat_env("ETW_TEST_NO_SUCH_VARIABLE", buf, sizeof buf) == NULL);
    cr_assert(plat_env("PATH", buf, 1) == NULL, "a value that does not fit was given");
}

Test(args, terminal, .timeout = 60) {
    plat_console_utf8();
    cr_assert_gt(plat_terminal_columns(), 0);
    cr_assert(!plat_is_terminal(77));
    cr_assert(!plat_is_terminal(-1));
}

Test(args, interrupt, .timeout = 60) {
    cr_assert(!plat_interrupted());
    cr_assert_eq(plat_on_interrupt(NULL, NULL), 0);
    cr_assert_eq(plat_on_interrupt(NULL, NULL), 0);
    cr_assert(!plat_interrupted());
}
