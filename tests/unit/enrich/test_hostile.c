// What a hostile trace, or process, can make stacks and images do: each test has a size at which
// anything quadratic takes minutes, and a time limit.
#include "image_events.h"

#include "enrich/image_set.h"
#include "enrich/stack_live.h"
#include "util/mem.h"

#define MANY   1000000u
#define K(n)   (0xfffff80000000000u + (n))
#define U(n)   (0x7ff600000000u + (n))
#define LIMIT  60
#define BUDGET ((size_t)64 << 20)

static Volumes *volumes;
static Images *images;
static Stacks *stacks;
static SchemaStore *store;
static Schema *walk_schema;
static Schema *image_schema;
static ImagePlan image_plan;
static size_t before;
static uint64_t ordinal;

static void set_up_with(bool looks_ahead) {
    const ImagesOptions image_options = {4096, BUDGET, looks_ahead};
    const StacksOptions options = {BUDGET, looks_ahead};
    TestEvent e;
    before = mem_in_use();
    ordinal = 100;
    cr_assert(volumes_new(&volumes) == 0);
    cr_assert(schema_store_new(&store) == 0);
    cr_assert(images_new(&image_options, volumes, &images) == 0);
    cr_assert(stacks_new(&options, images, &stacks) == 0);
    event_stack(&e, 0, 0, 0, (uint64_t[]){1}, 1);
    walk_schema = event_schema(store, &e);
    event_image(&e, 10, 3, false, &(TestImage){7, 0x1000, 0x1000, "a", 1});
    image_schema = event_schema(store, &e);
    image_plan = images_plan(image_schema);
}

static void set_up(void) {
    set_up_with(true);
}

static void set_up_live(void) {
    set_up_with(false);
}

static void tear_down(void) {
    schema_unref(walk_schema);
    schema_unref(image_schema);
    stacks = stacks_free(stacks);
    images = images_free(images);
    volumes = volumes_free(volumes);
    store = schema_store_free(store);
    cr_assert(mem_in_use() == before, "%zu bytes are left", mem_in_use() - before);
}

static void observe(TestEvent *e) {
    Schema schema = *walk_schema;
    schema.desc.opcode = e->record.desc.opcode;
    StackPlan plan = stacks_plan(&schema);
    e->record.ordinal = ordinal++;
    stacks_observe(stacks, &plan, &e->record, walk_schema);
}

static void walk(uint64_t time, uint32_t pid, uint32_t tid, const uint64_t *frames, uint32_t n) {
    TestEvent e;
    event_stack(&e, time, pid, tid, frames, n);
    observe(&e);
}

static void refer(bool user, uint64_t time, uint32_t tid, uint64_t key) {
    TestEvent e;
    event_reference(&e, user, time, 7, tid, key);
    observe(&e);
}

static void define(uint8_t opcode, uint64_t key, const uint64_t *frames, uint32_t n) {
    TestEvent e;
    event_definition(&e, opcode, key, frames, n);
    observe(&e);
}

static const StackView *find(uint64_t time, uint32_t tid) {
    EventRecord record = {.raw_time = (int64_t)time, .ordinal = 1, .pid = 7, .tid = tid};
    Subject subject = {.pid = 7, .tid = tid, .match_tid = tid};
    return stacks_find(stacks, &record, &subject);
}

static StackWait *expect(uint64_t time, uint32_t tid, uint64_t at) {
    EventRecord record = {.raw_time = (int64_t)time, .ordinal = at, .pid = 7, .tid = tid};
    Subject subject = {.pid = 7, .tid = tid, .match_tid = tid};
    StackWait *wait = stacks_expect(stacks, &record, &subject);
    cr_assert(wait != NULL);
    return wait;
}

static size_t bytes_of_stacks(void) {
    CacheStats stats[2];
    stacks_stats(stacks, stats);
    return (size_t)(stats[0].bytes + stats[1].bytes);
}

// --- stacks of a file --------------------------------------------------------------------------

Test(hostile, fragments_of_one_time, .init = set_up, .fini = tear_down, .timeout = LIMIT) {
    const uint64_t kernel[] = {K(1)}, user[] = {U(1)};
    for (uint32_t i = 0; i < MANY / 2; i++) {
        walk(1000, 7, i, kernel, 1);
        walk(1000, 7, i, user, 1);
    }
    cr_assert(find(1000, 1) != NULL);
    for (uint32_t i = 0; i < MANY / 10; i++)
        cr_assert(find(1000, MANY + i) == NULL);
    cr_assert(bytes_of_stacks() <= 2 * BUDGET);
}

Test(hostile, kernel_parts_of_one_thread, .init = set_up, .fini = tear_down, .timeout = LIMIT) {
    const uint64_t kernel[] = {K(1)}, user[] = {U(1)};
    for (uint32_t i = 0; i < MANY; i++)
        walk(i, 7, 70, kernel, 1);
    walk(0, 7, 70, user, 1);
    for (uint32_t i = 0; i < MANY; i += 100)
        cr_assert(find(i, 70) != NULL);
}

// One key again and again, told and not told, at its creation and at its end.
Test(hostile, one_key_for_ever, .init = set_up, .fini = tear_down, .timeout = LIMIT) {
    for (uint32_t i = 0; i < MANY / 4; i++) {
        const uint64_t kernel[] = {K(i & 15)};
        refer(false, i, 70, 0xa0);
        if (i % 3 != 0)
            define(35, 0xa0, kernel, 1);
        if (i % 7 == 0)
            define(34, 0xa0, kernel, 1);
    }
    for (uint32_t i = 0; i < MANY / 4; i += 10)
        cr_assert(find(i, 70) != NULL);
    cr_assert(bytes_of_stacks() <= 2 * BUDGET);
}

Test(hostile, keys_without_an_end, .init = set_up, .fini = tear_down, .timeout = LIMIT) {
    const uint64_t frames[] = {K(1), U(1)};
    for (uint32_t i = 0; i < MANY / 2; i++) {
        define(34, i, frames, 2);
        refer(true, i, 70, UINT64_C(1) << 40 | i);
    }
    cr_assert(bytes_of_stacks() <= 2 * BUDGET);
}

// Pairs of words whose difference the plain hash of bytes loses, whatever its seed.
Test(hostile, frames_that_are_made_to_collide, .init = set_up, .fini = tear_down,
     .timeout = LIMIT) {
    enum { PAIRS = 17 };
    uint64_t frames[2 * PAIRS];
    for (uint32_t i = 0; i < 1u << PAIRS; i++) {
        for (uint32_t b = 0; b < PAIRS; b++) {
            uint64_t bit = (i >> b) & 1;
            frames[2 * b] = U(b) ^ bit << 63;
            frames[2 * b + 1] = U(b) ^ bit << 63 ^ bit << 31;
        }
        walk(i, 7, 70, frames, 2 * PAIRS);
    }
    cr_assert(bytes_of_stacks() <= 2 * BUDGET);
}

Test(hostile, the_longest_stacks, .init = set_up, .fini = tear_down, .timeout = LIMIT) {
    uint64_t frames[500];
    for (uint32_t i = 0; i < MANY / 20; i++) {
        for (uint32_t k = 0; k < ARRAY_COUNT(frames); k++)
            frames[k] = U(i * 512u + k);
        walk(i, 7, i, frames, ARRAY_COUNT(frames));
    }
    cr_assert(stacks_degraded(stacks));
    cr_assert(bytes_of_stacks() <= 2 * BUDGET);
    const StackView *view = find(0, 0);
    cr_assert(view && view->n == STACK_MAX_FRAMES && view->incomplete);
}

// --- live stacks -------------------------------------------------------------------------------

static StackWait *waits[STACK_MAX_WAITS + 4096];

static void release(uint32_t n, uint32_t step) {
    for (uint32_t begin = 0; begin < step; begin++) // out of order
        for (uint32_t i = begin; i < n; i += step)
            waits[i] = stack_wait_unref(waits[i]);
}

Test(hostile, live_events_of_one_time, .init = set_up_live, .fini = tear_down, .timeout = LIMIT) {
    const uint64_t kernel[] = {K(1)}, user[] = {U(1)};
    uint32_t n = ARRAY_COUNT(waits);
    for (uint32_t i = 0; i < n; i++)
        waits[i] = expect(1000, i, i);
    CacheStats stats[2];
    stacks_stats(stacks, stats);
    cr_assert(stats[0].entries == STACK_MAX_WAITS && stats[0].evicted == n - STACK_MAX_WAITS);
    cr_assert(stack_wait_complete(waits[0]) && !stack_wait_complete(waits[n - 1]));
    for (uint32_t i = 0; i < MANY / 10; i++) {
        walk(1000, 7, i, kernel, 1);
        walk(1000, 7, i, user, 1);
    }
    release(n, 97);
    stacks_stats(stacks, stats);
    cr_assert(stats[0].entries == 0);
}

Test(hostile, live_kernel_parts_of_one_thread, .init = set_up_live, .fini = tear_down,
     .timeout = LIMIT) {
    const uint64_t kernel[] = {K(1)}, user[] = {U(1)};
    uint32_t n = STACK_MAX_WAITS;
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < n; i++) {
            uint64_t time = round * n + i;
            waits[i] = expect(time, 70, time);
            walk(time, 7, 70, kernel, 1);
        }
        if (round == 1)
            walk(0, 9, 70, user, 1); // of another process: they are not completed by the next
        walk(0, 7, 70, user, 1);
        for (uint32_t i = 0; i < n; i++)
            cr_assert(stack_wait_complete(waits[i]) == (round != 1));
        release(n, 31);
    }
}

Test(hostile, live_keys_that_all_wait, .init = set_up_live, .fini = tear_down, .timeout = LIMIT) {
    const uint64_t kernel[] = {K(1), U(1)};
    uint32_t n = STACK_MAX_WAITS;
    for (uint32_t i = 0; i < n; i++) {
        waits[i] = expect(i, 70, i);
        refer(false, i, 70, 0xa0);
    }
    define(35, 0xa0, kernel, 2);
    for (uint32_t i = 0; i < n; i++)
        cr_assert(stack_wait_complete(waits[i]));
    release(n, 7);
}

// An epoch ends while events still wait: they are complete as they are, and are given back later.
Test(hostile, live_cleared_while_many_wait, .init = set_up_live, .fini = tear_down,
     .timeout = LIMIT) {
    const uint64_t kernel[] = {K(1)}, user[] = {U(1)};
    uint32_t n = STACK_MAX_WAITS;
    for (uint32_t i = 0; i < n; i++) {
        waits[i] = expect(i, i & 7, i);
        walk(i, 7, i & 7, kernel, 1);
    }
    for (uint32_t i = 0; i < n; i += 2)
        waits[i] = stack_wait_unref(waits[i]);
    stacks_clear(stacks);
    images_clear(images);
    StackWait *fresh = expect(1, 1, 1);
    cr_assert(!stack_wait_complete(fresh));
    for (uint32_t i = 1; i < n; i += 2)
        cr_assert(fresh != waits[i] && stack_wait_complete(waits[i]));
    walk(1, 7, 1, user, 1);
    cr_assert(stack_wait_complete(fresh));
    const StackView *view = stack_wait_view(stacks, waits[1]);
    cr_assert(view && view->n == 1 && view->incomplete);
    stack_wait_unref(fresh);
    release(n, 3);
}

// --- images ------------------------------------------------------------------------------------

static void image(uint8_t opcode, uint32_t pid, uint64_t base, uint64_t size, const char *path) {
    TestEvent e;
    ImagePlan plan = image_plan;
    event_image(&e, opcode, 3, false, &(TestImage){pid, base, size, path, 1});
    plan.role = opcode == 2 ? IMAGE_UNLOAD : opcode == 3 ? IMAGE_STATE : IMAGE_LOAD;
    e.record.ordinal = ordinal++;
    e.record.raw_time = (int64_t)e.record.ordinal;
    images_observe(images, &plan, &e.record, image_schema);
}

static void start(uint32_t pid, int64_t time) {
    TestEvent e;
    ImagePlan plan = {.role = IMAGE_START, .pid = PAYLOAD_REF_NONE};
    event_start(&e, &class_process, 1, 2, false);
    e.record.pid = pid;
    e.record.time = time;
    e.record.ordinal = ordinal++;
    images_observe(images, &plan, &e.record, image_schema);
}

static uint64_t size_of_images(void) {
    CacheStats stats[1];
    images_stats(images, stats);
    return stats[0].bytes;
}

// As many as a process may have, each below the one before.
Test(hostile, images_downwards, .init = set_up, .fini = tear_down, .timeout = LIMIT) {
    for (uint32_t i = 0; i < MANY / 50; i++)
        image(10, 7, U((MANY - i) * 0x10000u), 0x10000, "\\a.dll");
    cr_assert(size_of_images() <= BUDGET);
}

// One image comes and goes at one place; another, gone, covers all of them.
Test(hostile, look_ups_among_many_that_have_gone, .init = set_up, .fini = tear_down,
     .timeout = LIMIT) {
    image(10, 7, U(0), 0x80000000u, "\\wide.dll");
    image(2, 7, U(0), 0x80000000u, "\\wide.dll");
    for (uint32_t i = 0; i < 8000; i++) {
        image(10, 7, U(0x10000), 0x10000, "\\a.dll");
        image(2, 7, U(0x10000), 0x10000, "\\a.dll");
    }
    uint64_t last = ordinal;
    image(10, 7, U(0x10000), 0x10000, "\\last.dll");
    for (uint32_t i = 0; i < MANY / 4; i++) {
        const ModuleView *m = images_find(images, 7, U(0x10000 + (i & 0xff)), 8, last);
        cr_assert(m && m->path[1] == 'l');
        m = images_find(images, 7, U(0x100000 + i), 8, last);
        cr_assert(m == NULL);
    }
}

Test(hostile, as_many_as_are_looked_at, .init = set_up, .fini = tear_down) {
    for (uint32_t n = IMAGE_SET_STEPS - 1; n <= IMAGE_SET_STEPS + 1; n++) {
        uint64_t to = UINT64_MAX, from = 0, at = ordinal;
        image(10, n, U(0), 0x80000000u, "\\wide.dll");
        image(2, n, U(0), 0x80000000u, "\\wide.dll");
        for (uint32_t i = 1; i < n; i++)
            image(10, n, U(i * 0x10000u), 0x10000, "\\a.dll");
        const ModuleView *m = images_find_within(images, n, U(0x70000000), 8, at, &from, &to);
        cr_assert((m != NULL) == (n <= IMAGE_SET_STEPS));
        cr_assert(from == at && to == (m ? at + 1 : at));
    }
}

// All that a process has is closed at once when its pid is given again.
Test(hostile, live_pid_again_and_again, .init = set_up_live, .fini = tear_down, .timeout = LIMIT) {
    for (uint32_t round = 1; round <= 20; round++) {
        for (uint32_t i = 0; i < 8192; i++)
            image(10, 7, U(i * 0x10000u), 0x10000, "\\a.dll");
        uint64_t last = ordinal - 1;
        start(7, (int64_t)round * 100000000);
        // The last that were closed are still known as they were.
        for (uint32_t i = 8192 - IMAGE_SET_KEPT - 1; i < 8192; i++) {
            const ModuleView *m = images_find(images, 7, U(i * 0x10000u), 8, last);
            cr_assert((m != NULL) == (i >= 8192 - IMAGE_SET_KEPT));
            cr_assert(images_find(images, 7, U(i * 0x10000u), 8, last + 1) == NULL);
        }
    }
}
