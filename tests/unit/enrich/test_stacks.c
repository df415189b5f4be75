// Which fragments belong to which event, from a file and live.
#include "image_events.h"

#include "enrich/stack_live.h"
#include "util/mem.h"

#define K(n) (0xfffff80000000000u + (n)) // kernel
#define U(n) (0x7ff600000000u + (n))     // user

static Volumes *volumes;
static Images *images;
static Stacks *stacks;
static SchemaStore *store;
static size_t before;

static void open_with(size_t max_bytes, bool looks_ahead) {
    const StacksOptions options = {max_bytes, looks_ahead};
    stacks = stacks_free(stacks);
    cr_assert(stacks_new(&options, images, &stacks) == 0);
}

static void set_up(void) {
    const ImagesOptions options = {1000, 0, true};
    before = mem_in_use();
    stacks = NULL;
    cr_assert(volumes_new(&volumes) == 0);
    cr_assert(schema_store_new(&store) == 0);
    cr_assert(images_new(&options, volumes, &images) == 0);
    open_with(0, true);
}

static void set_up_live(void) {
    set_up();
    open_with(0, false);
}

static void tear_down(void) {
    stacks = stacks_free(stacks);
    images = images_free(images);
    volumes = volumes_free(volumes);
    store = schema_store_free(store);
    cr_assert(mem_in_use() == before, "%zu bytes are left", mem_in_use() - before);
}

static uint64_t next_ordinal = 100;

static void observe(TestEvent *e) {
    Schema *schema = event_schema(store, e);
    StackPlan plan = stacks_plan(schema);
    cr_assert(plan.role != STACK_NOTHING);
    e->record.ordinal = next_ordinal++;
    stacks_observe(stacks, &plan, &e->record, schema);
    schema_unref(schema);
}

#define FRAMES(...)                                                                                \
    ((const uint64_t[]){__VA_ARGS__}), ARRAY_COUNT(((const uint64_t[]){__VA_ARGS__}))

static void walk(uint64_t time, uint32_t pid, uint32_t tid, const uint64_t *frames, size_t n) {
    TestEvent e;
    event_stack(&e, time, pid, tid, frames, (uint32_t)n);
    observe(&e);
}

static void refer(bool user, uint64_t time, uint32_t pid, uint32_t tid, uint64_t key) {
    TestEvent e;
    event_reference(&e, user, time, pid, tid, key);
    observe(&e);
}

static void define(uint8_t opcode, uint64_t key, const uint64_t *frames, size_t n) {
    TestEvent e;
    event_definition(&e, opcode, key, frames, (uint32_t)n);
    observe(&e);
}

static EventRecord event_at(uint64_t time, uint64_t ordinal) {
    return (EventRecord){.raw_time = (int64_t)time, .ordinal = ordinal, .pid = 7, .tid = 70};
}

static const StackView *find_at(uint64_t time, uint32_t tid, uint64_t ordinal) {
    EventRecord record = event_at(time, ordinal);
    Subject subject = {.pid = 7, .tid = tid, .match_tid = tid};
    return stacks_find(stacks, &record, &subject);
}

static const StackView *find(uint64_t time, uint32_t tid) {
    return find_at(time, tid, 1);
}

static void check(const StackView *view, bool incomplete, const uint64_t *frames, size_t n) {
    cr_assert(view != NULL);
    cr_assert(view->n == n, "%u frames, not %zu", view->n, n);
    for (uint32_t i = 0; i < n; i++) {
        cr_assert(view->frames[i].address == frames[i], "frame %u: %llx", i,
                  (unsigned long long)view->frames[i].address);
        cr_assert(view->frames[i].flags == (frames[i] >> 63 ? FRAME_KERNEL : 0));
    }
    cr_assert(view->incomplete == incomplete);
}

// --- from a file -------------------------------------------------------------------------------

Test(stacks, kernel_then_user, .init = set_up, .fini = tear_down) {
    walk(1000, 7, 70, FRAMES(K(1), K(2)));
    walk(1000, 7, 70, FRAMES(U(1), U(2), U(3)));
    check(find(1000, 70), false, FRAMES(K(1), K(2), U(1), U(2), U(3)));
    cr_assert(find(1000, 71) == NULL && find(999, 70) == NULL && find(1001, 70) == NULL);
    check(find(1000, UINT32_MAX), false, FRAMES(K(1), K(2), U(1), U(2), U(3)));
    StackTotals totals = stacks_totals(stacks);
    cr_assert(totals.fragments == 2 && totals.attached == 2 && totals.references == 0);
    cr_assert(totals.frames == 10 && totals.in_modules == 0);
}

Test(stacks, one_return_completes_all_that_wait, .init = set_up, .fini = tear_down) {
    walk(1000, 7, 70, FRAMES(K(1)));
    walk(1100, 7, 70, FRAMES(K(2)));
    walk(1150, 7, 71, FRAMES(K(3))); // another thread
    walk(1200, 7, 70, FRAMES(K(4)));
    walk(1200, 7, 70, FRAMES(U(1)));
    walk(1300, 7, 70, FRAMES(K(5))); // never came back
    check(find(1000, 70), false, FRAMES(K(1), U(1)));
    check(find(1100, 70), false, FRAMES(K(2), U(1)));
    check(find(1150, 71), true, FRAMES(K(3)));
    check(find(1200, 70), false, FRAMES(K(4), U(1)));
    check(find(1300, 70), true, FRAMES(K(5)));
    cr_assert(stacks_totals(stacks).attached == 6);
}

// The return that completed a kernel part is its own, also when another user part has its time; of
// two kernel parts of one time and thread the first counts.
Test(stacks, parts_that_compete, .init = set_up, .fini = tear_down) {
    walk(1000, 7, 70, FRAMES(K(1)));
    walk(1500, 7, 70, FRAMES(U(1)));
    walk(1000, 7, 70, FRAMES(U(2)));
    check(find(1000, 70), false, FRAMES(K(1), U(1)));
    walk(2000, 7, 70, FRAMES(K(1)));
    walk(2000, 7, 70, FRAMES(K(2)));
    walk(2000, 7, 70, FRAMES(U(3)));
    check(find(2000, 70), false, FRAMES(K(1), U(3)));
}

Test(stacks, system_processes_have_no_user_part, .init = set_up, .fini = tear_down) {
    walk(1000, 0, 0, FRAMES(K(1)));
    walk(1000, 4, 8, FRAMES(K(2)));
    walk(1001, 4, 8, FRAMES(U(2)));
    check(find(1000, 0), false, FRAMES(K(1)));
    check(find(1000, 8), false, FRAMES(K(2)));
    check(find(1001, 8), false, FRAMES(U(2)));
}

Test(stacks, a_tid_of_another_process_completes_nothing, .init = set_up, .fini = tear_down) {
    walk(1000, 7, 70, FRAMES(K(1)));
    walk(2000, 9, 70, FRAMES(U(1)));
    walk(3000, 7, 70, FRAMES(U(2)));
    check(find(1000, 70), true, FRAMES(K(1)));
}

Test(stacks, both_parts_in_one, .init = set_up, .fini = tear_down) {
    walk(1000, 7, 70, FRAMES(K(1), U(1)));
    walk(2000, 7, 70, FRAMES(U(2)));
    check(find(1000, 70), false, FRAMES(K(1), U(1)));
}

Test(stacks, keys_mean_what_is_defined_next, .init = set_up, .fini = tear_down) {
    refer(false, 1000, 7, 70, 0xa0);
    refer(true, 1000, 7, 70, 0xb0);
    define(35, 0xa0, FRAMES(K(1), K(2)));
    refer(false, 2000, 7, 70, 0xa0); // used again
    refer(true, 2000, 7, 70, 0xb0);
    define(36, 0xb0, FRAMES(U(1)));
    define(36, 0xa0, FRAMES(K(3)));
    refer(true, 3000, 7, 70, 0xb0); // never defined
    check(find(1000, 70), false, FRAMES(K(1), K(2), U(1)));
    check(find(2000, 70), false, FRAMES(K(3), U(1)));
    check(find(3000, 70), true, NULL, 0); // there is a stack, and that is all
    CacheStats stats[2];
    stacks_stats(stacks, stats);
    cr_assert(stats[0].hits == 2 && stats[0].misses == 1);
    StackTotals totals = stacks_totals(stacks);
    cr_assert(totals.references == 5 && totals.resolved == 4 && totals.attached == 5);
}

Test(stacks, keys_that_are_told_at_their_creation, .init = set_up, .fini = tear_down) {
    define(34, 0xa0, FRAMES(U(1)));
    refer(true, 1000, 7, 70, 0xa0);
    define(35, 0xa0, FRAMES(U(1)));
    refer(true, 2000, 7, 70, 0xa0);
    define(34, 0xa0, FRAMES(U(2))); // told late
    refer(true, 3000, 7, 70, 0xa0);
    check(find(1000, 70), false, FRAMES(U(1)));
    check(find(2000, 70), false, FRAMES(U(2)));
    check(find(3000, 70), false, FRAMES(U(2)));
    cr_assert(stacks_totals(stacks).resolved == 3);
}

static void load(uint8_t opcode, uint64_t ordinal, uint32_t pid, uint64_t base, const char *path) {
    TestEvent e;
    event_image(&e, opcode, 3, false, &(TestImage){pid, base, 0x1000, path, 1});
    Schema *schema = event_schema(store, &e);
    ImagePlan plan = images_plan(schema);
    e.record.ordinal = ordinal;
    images_observe(images, &plan, &e.record, schema);
    schema_unref(schema);
}

Test(stacks, modules_at_the_time_of_the_event, .init = set_up, .fini = tear_down) {
    load(3, 1, 0, K(0), "\\nt.exe");
    load(10, 10, 7, U(0), "\\a.dll");
    load(2, 20, 7, U(0), "\\a.dll");
    load(10, 30, 7, U(0), "\\b.dll");
    load(10, 1, 9, U(0), "\\creator.dll");
    walk(1000, 7, 70, FRAMES(K(0x10), K(0x2000)));
    walk(1000, 7, 70, FRAMES(U(0x20)));
    walk(2000, 9, 90, FRAMES(U(0x30)));
    const StackView *view = find_at(1000, 70, 15);
    check(view, false, FRAMES(K(0x10), K(0x2000), U(0x20)));
    cr_assert(strcmp(view->frames[0].module->path, "\\nt.exe") == 0);
    cr_assert(view->frames[0].offset == 0x10 && view->frames[1].module == NULL &&
              view->frames[1].offset == 0);
    cr_assert(strcmp(view->frames[2].module->path, "\\a.dll") == 0);
    uint64_t serial = view->serial;
    cr_assert(serial != 0 && find_at(1000, 70, 11)->serial == serial);
    view = find_at(1000, 70, 25);
    cr_assert(view->frames[2].module == NULL && view->serial != serial);
    view = find_at(1000, 70, 30);
    cr_assert(strcmp(view->frames[2].module->path, "\\b.dll") == 0 && view->serial != serial);
    cr_assert(find_at(1000, 70, 15)->serial == serial);
    // The process is the fragment's, not the event's (7).
    view = find_at(2000, 90, 15);
    cr_assert(strcmp(view->frames[0].module->path, "\\creator.dll") == 0);
    cr_assert(stacks_totals(stacks).in_modules == 2 + 2 + 1 + 2 + 2 + 1);
}

Test(stacks, equal_stacks_share_a_serial, .init = set_up, .fini = tear_down) {
    for (uint64_t t = 1000; t < 1010; t++) {
        walk(t, 7, 70, FRAMES(K(1)));
        walk(t, 7, 70, FRAMES(U(1)));
        walk(t, 4, 8, FRAMES(K(1)));
        walk(t, 9, 90, FRAMES(U(1)));
    }
    uint64_t serial = find(1000, 70)->serial, system = find(1000, 8)->serial,
             other = find(1000, 90)->serial;
    cr_assert(serial != system && serial != other && system != other);
    for (uint64_t t = 1001; t < 1010; t++) {
        cr_assert(find(t, 70)->serial == serial);
        cr_assert(find(t, 8)->serial == system);
        cr_assert(find(t, 90)->serial == other);
    }
    // What is learnt of images later and changes nothing keeps the serial.
    load(10, 5, 7, U(0x100000), "\\else.dll");
    cr_assert(find(1000, 70)->serial == serial);
    load(3, 6, 7, U(0), "\\here.dll");
    cr_assert(find(1000, 70)->serial != serial);
}

Test(stacks, the_last_views_are_kept, .init = set_up, .fini = tear_down) {
    uint64_t first = 0;
    for (uint64_t i = 0; i <= 1024; i++)
        walk(1000 + i, 7, 70, FRAMES(U(i)));
    for (uint64_t i = 0; i < 1024; i++) {
        uint64_t serial = find(1000 + i, 70)->serial;
        first = i == 0 ? serial : first;
    }
    cr_assert(find(1000, 70)->serial == first); // 1,024 of them
    uint64_t second = find(1001, 70)->serial;
    for (uint64_t i = 2; i <= 1024; i++)
        (void)find(1000 + i, 70);
    cr_assert(find(1001, 70)->serial == second);
    cr_assert(find(1000, 70)->serial != first); // the 1,025th pushed it out
}

Test(stacks, longest_stacks, .init = set_up, .fini = tear_down) {
    static uint64_t frames[STACK_MAX_FRAMES + 1];
    for (uint32_t i = 0; i <= STACK_MAX_FRAMES; i++)
        frames[i] = U(i);
    for (uint32_t n = STACK_MAX_FRAMES - 1; n <= STACK_MAX_FRAMES + 1; n++) {
        walk(1000 + n, 7, 70, frames, n);
        check(find(1000 + n, 70), n > STACK_MAX_FRAMES, frames, MIN_OF(n, STACK_MAX_FRAMES));
        // Together with a kernel part.
        walk(2000 + n, 7, 71, FRAMES(K(1)));
        walk(2000 + n, 7, 71, frames, n - 1);
        const StackView *view = find(2000 + n, 71);
        cr_assert(view->n == MIN_OF(n, STACK_MAX_FRAMES));
        cr_assert(view->incomplete == (n > STACK_MAX_FRAMES));
    }
}

Test(stacks, payloads_of_any_length, .init = set_up, .fini = tear_down) {
    for (int narrow = 0; narrow < 2; narrow++) {
        uint32_t width = narrow ? 4 : 8;
        for (uint32_t bytes = 0; bytes <= 16 + 3 * width; bytes++) {
            TestEvent e;
            event_start(&e, &class_stack_walk, 32, 2, narrow);
            event_u64(&e, 1000 + bytes + 100u * width);
            event_u32(&e, 7);
            event_u32(&e, 70);
            for (int i = 0; i < 3; i++)
                event_pointer(&e, 0x401000);
            e.record.payload_bytes = bytes;
            observe(&e);
            const StackView *view = find(1000 + bytes + 100u * width, 70);
            uint32_t n = bytes < 16 + width ? 0 : (bytes - 16) / width;
            cr_assert((view ? view->n : 0) == n, "%u bytes", bytes);
            e.record.desc.opcode = 36;
            observe(&e);
            e.record.desc.opcode = 38;
            observe(&e);
        }
    }
}

Test(stacks, narrow_kernel_addresses, .init = set_up, .fini = tear_down) {
    TestEvent e;
    event_start(&e, &class_stack_walk, 32, 2, true);
    event_u64(&e, 1000);
    event_u32(&e, 7);
    event_u32(&e, 70);
    event_u32(&e, 0x80000000);
    event_u32(&e, 0x7fffffff);
    observe(&e);
    const StackView *view = find(1000, 70);
    cr_assert(view->n == 2 && view->frames[0].flags == FRAME_KERNEL && view->frames[1].flags == 0);
    cr_assert(!view->incomplete);
}

Test(stacks, beyond_the_budget_nothing_is_taken, .init = set_up, .fini = tear_down) {
    open_with(400000, true);
    cr_assert(!stacks_degraded(stacks));
    uint64_t i = 0;
    for (; i < 100000 && !stacks_degraded(stacks); i++)
        walk(1000 + i, 7, 70, FRAMES(U(i)));
    cr_assert(i > 1000 && i < 10000, "%llu", (unsigned long long)i);
    CacheStats stats[2];
    cr_assert(stacks_stats(stacks, stats) == 2);
    cr_assert(stats[0].bytes < 700000 && stats[0].bytes_limit == 400000);
    cr_assert(stats[0].entries == i - 1);
    check(find(1000, 70), false, FRAMES(U(0)));
    cr_assert(find(1000 + i, 70) == NULL);
    stacks_clear(stacks);
    cr_assert(!stacks_degraded(stacks) && find(1000, 70) == NULL);
    cr_assert(stacks_totals(stacks).fragments == i - 1);
}

// Hostile files put everything at one time.
Test(stacks, as_many_of_one_time_as_are_looked_at, .init = set_up, .fini = tear_down) {
    for (uint32_t i = 0; i <= STACK_SAME_TIME; i++)
        walk(1000, 7, 100 + i, FRAMES(U(i)));
    check(find(1000, 100 + STACK_SAME_TIME - 2), false, FRAMES(U(STACK_SAME_TIME - 2)));
    check(find(1000, 100 + STACK_SAME_TIME - 1), false, FRAMES(U(STACK_SAME_TIME - 1)));
    cr_assert(find(1000, 100 + STACK_SAME_TIME) == NULL);
}

// --- items of the event itself -----------------------------------------------------------------

typedef struct ItemEvent {
    EventRecord record;
    uint8_t ext[8192];
} ItemEvent;

static void item_event(ItemEvent *e, uint64_t ordinal) {
    memset(e, 0, sizeof *e);
    e->record = event_at(1000, ordinal);
    e->record.ext = e->ext;
}

static void add_item(ItemEvent *e, uint16_t type, uint64_t match, const uint64_t *frames,
                     size_t n) {
    uint8_t data[4096];
    bool narrow = type == EVENT_ITEM_STACK32 || type == EVENT_ITEM_STACK_KEY32;
    uint16_t bytes = 8;
    store_u64(data, match);
    for (size_t i = 0; i < n; i++) {
        if (narrow)
            store_u32(data + bytes, (uint32_t)frames[i]);
        else
            store_u64(data + bytes, frames[i]);
        bytes = (uint16_t)(bytes + (narrow ? 4 : 8));
    }
    e->record.ext_bytes += event_item_put(e->ext + e->record.ext_bytes, type, data, bytes);
}

static const StackView *find_items(ItemEvent *e) {
    Subject subject = {.pid = 7, .tid = 70, .match_tid = 70};
    return stacks_find(stacks, &e->record, &subject);
}

Test(stacks, items, .init = set_up, .fini = tear_down) {
    ItemEvent e;
    load(10, 1, 7, 0x400000, "\\a.exe");
    item_event(&e, 5);
    cr_assert(!stacks_in_items(&e.record) && !stacks_has_linked_items(&e.record));
    add_item(&e, EVENT_ITEM_STACK64, 0, NULL, 0); // no frames
    cr_assert(!stacks_in_items(&e.record) && find_items(&e) == NULL);
    item_event(&e, 5);
    add_item(&e, EVENT_ITEM_STACK64, 0, FRAMES(U(1), U(2)));
    cr_assert(stacks_in_items(&e.record) && !stacks_has_linked_items(&e.record));
    check(find_items(&e), false, FRAMES(U(1), U(2)));
    uint64_t serial = find_items(&e)->serial;
    cr_assert(find_items(&e)->serial == serial);
    item_event(&e, 5);
    add_item(&e, EVENT_ITEM_STACK32, 0, FRAMES(0x400010, 0x70000000));
    const StackView *view = find_items(&e);
    check(view, false, FRAMES(0x400010, 0x70000000));
    cr_assert(strcmp(view->frames[0].module->path, "\\a.exe") == 0);
    // Items win over fragments; a kernel part alone takes the fragments' user part.
    walk(1000, 7, 70, FRAMES(K(1)));
    walk(1000, 7, 70, FRAMES(U(9)));
    check(find_items(&e), false, FRAMES(0x400010, 0x70000000));
    item_event(&e, 5);
    add_item(&e, EVENT_ITEM_STACK64, 0, FRAMES(K(5)));
    check(find_items(&e), false, FRAMES(K(5), U(9)));
}

Test(stacks, items_with_a_match_id, .init = set_up, .fini = tear_down) {
    ItemEvent a, b, c;
    item_event(&a, 5);
    add_item(&a, EVENT_ITEM_STACK64, 77, FRAMES(K(1)));
    item_event(&b, 6);
    add_item(&b, EVENT_ITEM_STACK64, 77, FRAMES(U(1)));
    item_event(&c, 7);
    add_item(&c, EVENT_ITEM_STACK64, 78, FRAMES(K(1)));
    cr_assert(!stacks_in_items(&a.record) && stacks_has_linked_items(&a.record));
    stacks_observe_items(stacks, &a.record);
    stacks_observe_items(stacks, &b.record);
    stacks_observe_items(stacks, &c.record);
    check(find_items(&a), false, FRAMES(K(1), U(1)));
    check(find_items(&c), true, FRAMES(K(1)));
}

Test(stacks, items_with_a_key, .init = set_up, .fini = tear_down) {
    ItemEvent e;
    item_event(&e, 5);
    add_item(&e, EVENT_ITEM_STACK_KEY64, 0, FRAMES(0xa0));
    cr_assert(!stacks_in_items(&e.record) && stacks_has_linked_items(&e.record));
    stacks_observe_items(stacks, &e.record);
    check(find_items(&e), true, NULL, 0);
    define(36, 0xa0, FRAMES(U(1), U(2)));
    check(find_items(&e), false, FRAMES(U(1), U(2)));
    item_event(&e, 6);
    add_item(&e, EVENT_ITEM_STACK_KEY32, 0, FRAMES(0xa0));
    cr_assert(find_items(&e) == NULL); // nobody observed it
    cr_assert(stacks_totals(stacks).references == 1 && stacks_totals(stacks).resolved == 1);
}

Test(stacks, items_cut_anywhere, .init = set_up, .fini = tear_down) {
    static const uint16_t types[] = {EVENT_ITEM_STACK32, EVENT_ITEM_STACK64, EVENT_ITEM_STACK_KEY32,
                                     EVENT_ITEM_STACK_KEY64};
    for (uint32_t t = 0; t < ARRAY_COUNT(types); t++) {
        for (uint16_t bytes = 0; bytes < 40; bytes++) {
            ItemEvent e;
            uint8_t data[64] = {1, 2, 3};
            item_event(&e, 5);
            e.record.ext_bytes = event_item_put(e.ext, types[t], data, bytes);
            stacks_observe_items(stacks, &e.record);
            (void)find_items(&e);
            bool narrow = types[t] == EVENT_ITEM_STACK32 || types[t] == EVENT_ITEM_STACK_KEY32;
            cr_assert(stacks_has_linked_items(&e.record) == (bytes >= (narrow ? 12 : 16)));
        }
    }
}

// --- CLR ---------------------------------------------------------------------------------------

static bool clr_narrow;

static void clr_event(uint16_t id, uint64_t ordinal, uint32_t tid, const uint64_t *frames,
                      uint32_t n, uint32_t count) {
    static const Guid clr =
        GUID_INIT(0xe13c0d23, 0xccbc, 0x4e12, 0x93, 0x1b, 0xd9, 0xcc, 0x2e, 0xee, 0x27, 0xe4);
    TestEvent e;
    Schema schema = {.provider = clr, .desc = {.id = id}};
    StackPlan plan = stacks_plan(&schema);
    cr_assert(plan.role == (id == 82 ? STACK_CLR : STACK_CLR_TARGET));
    event_start(&e, &clr, 0, 0, false);
    e.record.flags = clr_narrow ? EVENT_POINTER32 : 0;
    e.record.ordinal = ordinal;
    e.record.pid = 7;
    e.record.tid = tid;
    event_u32(&e, 9);
    event_u32(&e, count);
    for (uint32_t i = 0; i < n; i++)
        event_pointer(&e, frames[i]);
    stacks_observe(stacks, &plan, &e.record, &schema);
}

Test(stacks, clr_walks_belong_to_the_event_before, .init = set_up, .fini = tear_down) {
    const uint64_t frames[] = {U(1), U(2), U(3)};
    clr_event(143, 10, 70, NULL, 0, 0);
    clr_event(190, 11, 70, NULL, 0, 0);
    clr_event(143, 12, 71, NULL, 0, 0);
    clr_event(82, 13, 70, frames, 3, 2); // fewer than stand there
    clr_event(82, 14, 70, frames, 3, 3); // of none
    cr_assert(find_at(5, 70, 10) == NULL);
    check(find_at(5, 70, 11), false, FRAMES(U(1), U(2)));
    cr_assert(find_at(5, 71, 12) == NULL);
    clr_event(143, 20, 70, NULL, 0, 0);
    clr_event(82, 21, 70, frames, 3, UINT32_MAX); // more than stand there
    check(find_at(5, 70, 20), false, FRAMES(U(1), U(2), U(3)));
    StackTotals totals = stacks_totals(stacks);
    cr_assert(totals.linked == 2 && totals.linked_attached == 2 && totals.fragments == 0);
}

// A 32-bit program that may use 4 GiB has code above 2 GiB, where a 32-bit kernel would be.
Test(stacks, clr_walks_have_no_kernel_frames, .init = set_up, .fini = tear_down) {
    const uint64_t frames[] = {0x80001000, 0x7fff0000};
    clr_narrow = true;
    clr_event(143, 10, 70, NULL, 0, 0);
    clr_event(82, 11, 70, frames, 2, 2);
    clr_narrow = false;
    const StackView *view = find_at(5, 70, 10);
    check(view, false, FRAMES(0x80001000, 0x7fff0000));
}

// --- live --------------------------------------------------------------------------------------

static StackWait *expect_at(uint64_t time, uint32_t tid, uint64_t ordinal) {
    EventRecord record = event_at(time, ordinal);
    Subject subject = {.pid = 7, .tid = tid, .match_tid = tid};
    StackWait *wait = stacks_expect(stacks, &record, &subject);
    cr_assert(wait != NULL);
    return wait;
}

static void check_wait(StackWait *wait, bool complete, const uint64_t *frames, size_t n) {
    cr_assert(stack_wait_complete(wait) == complete);
    check(stack_wait_view(stacks, wait), !complete, frames, n);
}

Test(stacks, live_parts_come_one_by_one, .init = set_up_live, .fini = tear_down) {
    StackWait *wait = expect_at(1000, 70, 1), *other = expect_at(1000, 71, 2);
    cr_assert(!stack_wait_complete(wait) && stack_wait_view(stacks, wait) == NULL);
    StackWait *again = expect_at(1000, 70, 1);
    cr_assert(again == wait);
    stack_wait_unref(again);
    walk(1000, 7, 70, FRAMES(K(1)));
    check_wait(wait, false, FRAMES(K(1)));
    walk(1000, 7, 70, FRAMES(U(1)));
    check_wait(wait, true, FRAMES(K(1), U(1)));
    cr_assert(!stack_wait_complete(other));
    walk(1000, 7, 72, FRAMES(U(1))); // nobody waits for it
    StackTotals totals = stacks_totals(stacks);
    cr_assert(totals.fragments == 3 && totals.attached == 2 && totals.unexpected == 1);
    stack_wait_unref(wait);
    stack_wait_unref(other);
}

Test(stacks, live_one_return_completes_all, .init = set_up_live, .fini = tear_down) {
    StackWait *a = expect_at(1000, 70, 1), *b = expect_at(1001, 70, 2),
              *none = expect_at(1002, 70, 3), *system = expect_at(1003, UINT32_MAX, 4);
    walk(1000, 7, 70, FRAMES(K(1)));
    walk(1001, 7, 70, FRAMES(K(2)));
    walk(1003, 4, 8, FRAMES(K(3)));
    check_wait(system, true, FRAMES(K(3)));
    walk(5000, 9, 70, FRAMES(U(8))); // the thread of another process
    cr_assert(!stack_wait_complete(a));
    walk(1001, 7, 70, FRAMES(U(1)));
    check_wait(b, true, FRAMES(K(2), U(1)));
    cr_assert(!stack_wait_complete(none));
    stack_wait_unref(a);
    stack_wait_unref(b);
    stack_wait_unref(none);
    stack_wait_unref(system);
    StackWait *c = expect_at(2000, 70, 5), *d = expect_at(2001, 70, 6);
    walk(2000, 7, 70, FRAMES(K(1)));
    walk(2001, 7, 70, FRAMES(K(2)));
    walk(9999, 7, 70, FRAMES(U(2))); // its own event is not wanted
    check_wait(c, true, FRAMES(K(1), U(2)));
    check_wait(d, true, FRAMES(K(2), U(2)));
    stack_wait_unref(c);
    stack_wait_unref(d);
}

Test(stacks, live_keys, .init = set_up_live, .fini = tear_down) {
    StackWait *wait = expect_at(1000, 70, 1);
    define(34, 0xa0, FRAMES(K(1)));
    refer(false, 1000, 7, 70, 0xa0); // known already
    check_wait(wait, false, FRAMES(K(1)));
    StackWait *keys_only = expect_at(1500, 71, 2);
    cr_assert(stack_wait_view(stacks, keys_only) == NULL);
    refer(false, 1500, 7, 71, 0xc0);
    check_wait(keys_only, false, NULL, 0); // there is a stack, and that is all
    stack_wait_unref(keys_only);
    refer(true, 1000, 7, 70, 0xb0);
    cr_assert(!stack_wait_complete(wait));
    define(35, 0xb1, FRAMES(U(7)));
    cr_assert(!stack_wait_complete(wait));
    define(35, 0xb0, FRAMES(U(1)));
    check_wait(wait, true, FRAMES(K(1), U(1)));
    stack_wait_unref(wait);
    StackTotals totals = stacks_totals(stacks);
    cr_assert(totals.references == 3 && totals.resolved == 2);
}

Test(stacks, live_items, .init = set_up_live, .fini = tear_down) {
    ItemEvent a, b;
    Subject subject = {.match_tid = 70};
    item_event(&a, 5);
    add_item(&a, EVENT_ITEM_STACK64, 77, FRAMES(K(1)));
    item_event(&b, 6);
    add_item(&b, EVENT_ITEM_STACK64, 77, FRAMES(U(1)));
    stacks_observe_items(stacks, &a.record);
    StackWait *wait = stacks_expect(stacks, &a.record, &subject);
    check_wait(wait, false, FRAMES(K(1)));
    stacks_observe_items(stacks, &b.record);
    check_wait(wait, true, FRAMES(K(1), U(1)));
    stack_wait_unref(wait);
    item_event(&a, 7);
    add_item(&a, EVENT_ITEM_STACK64, 0, FRAMES(K(3), K(4)));
    wait = stacks_expect(stacks, &a.record, &subject);
    check_wait(wait, true, FRAMES(K(3), K(4)));
    stack_wait_unref(wait);
    item_event(&a, 8);
    add_item(&a, EVENT_ITEM_STACK_KEY64, 0, FRAMES(0xa0));
    stacks_observe_items(stacks, &a.record);
    wait = stacks_expect(stacks, &a.record, &subject);
    check_wait(wait, false, NULL, 0);
    define(35, 0xa0, FRAMES(U(5)));
    check_wait(wait, true, FRAMES(U(5)));
    stack_wait_unref(wait);
}

Test(stacks, live_clr, .init = set_up_live, .fini = tear_down) {
    const uint64_t frames[] = {U(1), U(2)};
    StackWait *wanted = expect_at(1000, 70, 10), *next = expect_at(1001, 70, 11);
    clr_event(143, 10, 70, NULL, 0, 0);
    clr_event(190, 11, 70, NULL, 0, 0);
    clr_event(82, 12, 70, frames, 2, 2);
    cr_assert(!stack_wait_complete(wanted));
    check_wait(next, true, FRAMES(U(1), U(2)));
    stack_wait_unref(wanted);
    stack_wait_unref(next);
}

Test(stacks, live_waits_are_forgotten_with_their_holders, .init = set_up_live, .fini = tear_down) {
    CacheStats stats[2];
    StackWait *wait = expect_at(1000, 70, 1);
    StackWait *second = stack_wait_ref(wait);
    walk(1000, 7, 70, FRAMES(K(1)));
    stacks_stats(stacks, stats);
    cr_assert(stats[0].entries == 1 && stats[0].limit == STACK_MAX_WAITS);
    stack_wait_unref(second);
    stack_wait_unref(wait);
    stacks_stats(stacks, stats);
    cr_assert(stats[0].entries == 0 && stats[0].evicted == 0);
    walk(1000, 7, 70, FRAMES(U(1)));
    // What is cleared is complete as it is.
    wait = expect_at(2000, 70, 2);
    walk(2000, 7, 70, FRAMES(K(1)));
    stacks_clear(stacks);
    cr_assert(stack_wait_complete(wait));
    check(stack_wait_view(stacks, wait), true, FRAMES(K(1)));
    stack_wait_unref(wait);
}

Test(stacks, live_gives_the_oldest_up, .init = set_up_live, .fini = tear_down) {
    StackLive *live = NULL;
    StackWait *waits[4];
    cr_assert(stack_live_new(3, &live) == 0);
    for (uint32_t i = 0; i < 4; i++) {
        waits[i] = stack_live_expect(live, &(WaitFacts){.ordinal = i, .raw_time = 5, .tid = 70});
        cr_assert(waits[i] != NULL && stack_live_waits(live) == MIN_OF(i + 1, 3u));
        cr_assert(stack_wait_complete(waits[0]) == (i == 3));
    }
    cr_assert(stack_live_given_up(live) == 1);
    StackParts parts;
    uint64_t at;
    stack_wait_parts(waits[0], &parts, &at);
    cr_assert(!parts.kernel && !parts.user && !parts.incomplete && at == 0);
    for (uint32_t i = 0; i < 4; i++)
        stack_wait_unref(waits[i]);
    cr_assert(stack_live_waits(live) == 0);
    stack_live_free(live);
}

// --- memory ------------------------------------------------------------------------------------

static void everything(bool looks_ahead, size_t nth) {
    const StacksOptions options = {0, looks_ahead};
    Schema schema = {.provider = class_stack_walk, .event_flags = EVENT_CLASSIC};
    TestEvent events[6];
    ItemEvent item;
    Subject subject = {.match_tid = 70};
    uint64_t frames[] = {K(1), K(2), U(1)};
    event_stack(&events[0], 1000, 7, 70, frames, 2);
    event_reference(&events[1], false, 1001, 7, 70, 0xa0);
    event_stack(&events[2], 1001, 7, 70, frames + 2, 1);
    event_definition(&events[3], 34, 0xa0, frames, 1);
    event_reference(&events[4], true, 1002, 7, 70, 0xa0);
    event_definition(&events[5], 35, 0xb0, frames, 3);
    item_event(&item, 50);
    add_item(&item, EVENT_ITEM_STACK_KEY64, 3, FRAMES(0xb0));
    mem_fail_at(nth);
    if (stacks_new(&options, images, &stacks) == 0) {
        EventRecord record = event_at(1000, 49);
        StackWait *wait = stacks_expect(stacks, &record, &subject);
        StackWait *with_item = stacks_expect(stacks, &item.record, &subject);
        stacks_observe_items(stacks, &item.record);
        for (uint32_t i = 0; i < 6; i++) {
            schema.desc.opcode = events[i].record.desc.opcode;
            StackPlan plan = stacks_plan(&schema);
            stacks_observe(stacks, &plan, &events[i].record, &schema);
        }
        (void)find(1000, 70);
        (void)find_items(&item);
        if (wait)
            (void)stack_wait_view(stacks, wait);
        stack_wait_unref(wait);
        stack_wait_unref(with_item);
    }
    mem_fail_at(0);
    stacks = stacks_free(stacks);
}

Test(stacks, every_allocation_may_fail, .init = set_up, .fini = tear_down) {
    stacks = stacks_free(stacks);
    size_t used = mem_in_use();
    for (size_t nth = 0; nth < 60; nth++) {
        everything(true, nth);
        cr_assert(mem_in_use() == used, "file, allocation %zu", nth);
        everything(false, nth);
        cr_assert(mem_in_use() == used, "live, allocation %zu", nth);
    }
}
