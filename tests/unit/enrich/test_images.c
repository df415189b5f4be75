// Modules by process, address and time.
#include "image_events.h"

#include <stdio.h>

#include "util/mem.h"

#define BASE 0x7ff600000000u
#define SIZE 0x20000u

static Volumes *volumes;
static Images *images;
static SchemaStore *store;
static size_t before;

static void open_with(uint32_t max_processes, size_t max_bytes, bool looks_ahead) {
    const ImagesOptions options = {max_processes, max_bytes, looks_ahead};
    images = images_free(images);
    cr_assert(images_new(&options, volumes, &images) == 0);
}

static void set_up(void) {
    before = mem_in_use();
    images = NULL;
    cr_assert(volumes_new(&volumes) == 0);
    cr_assert(schema_store_new(&store) == 0);
    open_with(1000, 0, true);
}

static void tear_down(void) {
    images = images_free(images);
    volumes = volumes_free(volumes);
    store = schema_store_free(store);
    cr_assert(mem_in_use() == before, "%zu bytes are left", mem_in_use() - before);
}

static void observe(TestEvent *e, uint64_t ordinal) {
    Schema *schema = event_schema(store, e);
    ImagePlan plan = images_plan(schema);
    e->record.ordinal = ordinal;
    e->record.time = (int64_t)ordinal * 10000000; // a second each
    if (e->record.raw_time == 0)
        e->record.raw_time = (int64_t)(1000000 + ordinal);
    images_observe(images, &plan, &e->record, schema);
    schema_unref(schema);
}

enum { UNLOAD = 2, DC_START = 3, DC_STOP = 4, LOAD = 10 };

static void tell(uint8_t opcode, uint64_t ordinal, uint32_t pid, uint64_t base, const char *path,
                 uint32_t timestamp) {
    TestEvent e;
    event_image(&e, opcode, 3, false, &(TestImage){pid, base, SIZE, path, timestamp});
    observe(&e, ordinal);
}

static void process(uint8_t opcode, uint64_t ordinal, uint32_t pid) {
    TestEvent e;
    event_start(&e, &class_process, opcode, 2, false);
    event_pointer(&e, 0xffff8000u);
    event_u32(&e, pid);
    observe(&e, ordinal);
}

static void identity(uint8_t opcode, uint64_t ordinal, uint64_t of, uint32_t pid, uint64_t base,
                     const char *pdb) {
    TestEvent e;
    event_start(&e, &class_image_id, opcode, 2, false);
    e.record.raw_time = (int64_t)(1000000 + of);
    event_pointer(&e, base);
    if (opcode == 0) {
        event_pointer(&e, SIZE);
        event_u32(&e, pid);
        event_u32(&e, 0x5eed);
        event_utf16(&e, pdb);
    } else {
        event_u32(&e, pid);
        for (uint32_t i = 0; i < 4; i++)
            event_u32(&e, 0x11111111u * (i + 1));
        event_u32(&e, 7);
        event_ansi(&e, pdb);
    }
    observe(&e, ordinal);
}

static const ModuleView *at(uint32_t pid, uint64_t address, uint64_t ordinal) {
    return images_find(images, pid, address, 8, ordinal);
}

static const char *path_at(uint32_t pid, uint64_t address, uint64_t ordinal) {
    const ModuleView *m = at(pid, address, ordinal);
    return m ? m->path : "-";
}

#define IS(text, expected) cr_assert(strcmp(text, expected) == 0, "%s", text)

Test(images, an_interval_in_address_and_time, .init = set_up, .fini = tear_down) {
    tell(LOAD, 10, 7, BASE, "\\a.dll", 1);
    tell(UNLOAD, 20, 7, BASE, "\\a.dll", 1);
    IS(path_at(7, BASE, 10), "\\a.dll");
    IS(path_at(7, BASE, 20), "\\a.dll");
    IS(path_at(7, BASE, 21), "-");
    IS(path_at(7, BASE - 1, 15), "-");
    IS(path_at(7, BASE + SIZE - 1, 15), "\\a.dll");
    IS(path_at(7, BASE + SIZE, 15), "-");
    IS(path_at(8, BASE, 15), "-");
    const ModuleView *m = at(7, BASE, 15);
    cr_assert(m->base == BASE && m->size == SIZE && m->timestamp == 1 && m->checksum == 0xc0de);
    cr_assert(m->provenance == PROVENANCE_LIVE && m->pdb_age == 0 && m->pdb_name[0] == 0);
    CacheStats stats;
    cr_assert(images_stats(images, &stats) == 1 && stats.entries == 1 && stats.hits == 4 &&
              stats.misses == 4 && stats.retrievals == 8 && stats.live == 4);
}

Test(images, reload_at_the_same_base, .init = set_up, .fini = tear_down) {
    tell(LOAD, 10, 7, BASE, "\\a.dll", 1);
    tell(UNLOAD, 20, 7, BASE, "\\a.dll", 1);
    tell(LOAD, 30, 7, BASE, "\\b.dll", 2);
    tell(UNLOAD, 40, 7, BASE, "\\b.dll", 2);
    tell(LOAD, 50, 7, BASE, "\\a.dll", 1);
    IS(path_at(7, BASE, 20), "\\a.dll");
    IS(path_at(7, BASE, 25), "-");
    IS(path_at(7, BASE, 30), "\\b.dll");
    IS(path_at(7, BASE, 45), "-");
    IS(path_at(7, BASE, 50), "\\a.dll");
    cr_assert(at(7, BASE, 15)->serial == at(7, BASE, 55)->serial);
}

Test(images, a_newer_image_closes_what_it_covers, .init = set_up, .fini = tear_down) {
    tell(LOAD, 10, 7, BASE, "\\low.dll", 1);
    tell(LOAD, 11, 7, BASE + SIZE, "\\high.dll", 1);
    tell(LOAD, 12, 7, BASE + 2 * SIZE, "\\other.dll", 1);
    tell(LOAD, 20, 7, BASE + SIZE / 2, "\\new.dll", 1); // both Unloads were lost
    IS(path_at(7, BASE, 19), "\\low.dll");
    IS(path_at(7, BASE, 20), "-");
    IS(path_at(7, BASE + SIZE, 19), "\\high.dll");
    IS(path_at(7, BASE + SIZE, 20), "\\new.dll");
    IS(path_at(7, BASE + SIZE + SIZE / 2, 20), "-");
    IS(path_at(7, BASE + 2 * SIZE, 20), "\\other.dll");
}

Test(images, told_twice_is_one, .init = set_up, .fini = tear_down) {
    tell(LOAD, 10, 7, BASE, "\\Windows\\a.dll", 1);
    tell(LOAD, 11, 7, BASE, "\\Windows\\a.dll", 1);
    cr_assert(at(7, BASE, 10) == at(7, BASE, 12));
    // The rundown has the device that Load left out.
    tell(DC_STOP, 30, 7, BASE, "\\Device\\HarddiskVolume2\\Windows\\a.dll", 1);
    IS(path_at(7, BASE, 10), "\\Device\\HarddiskVolume2\\Windows\\a.dll");
    cr_assert(at(7, BASE, 10)->provenance == PROVENANCE_LIVE);
    IS(path_at(7, BASE, 9), "\\Device\\HarddiskVolume2\\Windows\\a.dll"); // a guess
    cr_assert(at(7, BASE, 9)->provenance == PROVENANCE_GUESS);
}

Test(images, rundown_and_lone_unload_reach_back, .init = set_up, .fini = tear_down) {
    tell(DC_STOP, 90, 7, BASE, "\\old.dll", 1);
    tell(UNLOAD, 50, 8, BASE, "\\gone.dll", 1);
    IS(path_at(7, BASE, 0), "\\old.dll");
    IS(path_at(7, BASE, 100), "\\old.dll");
    cr_assert(at(7, BASE, 0)->provenance == PROVENANCE_RUNDOWN);
    IS(path_at(8, BASE, 0), "\\gone.dll");
    IS(path_at(8, BASE, 50), "\\gone.dll");
    IS(path_at(8, BASE, 51), "-");
    // But not into the time of what was unloaded there.
    tell(LOAD, 10, 9, BASE, "\\first.dll", 1);
    tell(UNLOAD, 20, 9, BASE, "\\first.dll", 1);
    tell(DC_STOP, 90, 9, BASE, "\\second.dll", 2);
    IS(path_at(9, BASE, 20), "\\first.dll");
    IS(path_at(9, BASE, 21), "\\second.dll");
}

Test(images, a_pid_that_comes_again, .init = set_up, .fini = tear_down) {
    process(1, 5, 7);
    tell(LOAD, 10, 7, BASE, "\\a.exe", 1);
    process(2, 20, 7);
    IS(path_at(7, BASE, 29), "\\a.exe"); // late stacks
    process(1, 30, 7);
    IS(path_at(7, BASE, 29), "\\a.exe");
    IS(path_at(7, BASE, 30), "-");
    tell(LOAD, 40, 7, BASE, "\\b.exe", 2);
    IS(path_at(7, BASE, 29), "\\a.exe");
    IS(path_at(7, BASE, 30), "\\b.exe"); // a guess, of the same process
    cr_assert(at(7, BASE, 30)->provenance == PROVENANCE_GUESS);
    IS(path_at(7, BASE, 40), "\\b.exe");
    // What a rundown tells holds since the process began.
    tell(DC_STOP, 50, 7, BASE + SIZE, "\\c.dll", 3);
    IS(path_at(7, BASE + SIZE, 29), "-");
    IS(path_at(7, BASE + SIZE, 30), "\\c.dll");
    process(2, 60, 7);
    tell(DC_STOP, 90, 7, BASE + 2 * SIZE, "\\d.dll", 4); // its Start was lost
    IS(path_at(7, BASE + 2 * SIZE, 60), "-");
    IS(path_at(7, BASE + 2 * SIZE, 61), "\\d.dll");
}

Test(images, a_start_told_by_two_providers, .init = set_up, .fini = tear_down) {
    TestEvent e;
    for (int i = 0; i < 3; i++) {
        static const int64_t times[] = {100000000, 109999999, 110000000};
        event_start(&e, &class_process, 1, 2, false);
        event_pointer(&e, 1);
        event_u32(&e, 7);
        Schema *schema = event_schema(store, &e);
        ImagePlan plan = images_plan(schema);
        e.record.ordinal = (uint64_t)i * 10 + 10;
        e.record.time = times[i];
        images_observe(images, &plan, &e.record, schema);
        schema_unref(schema);
        if (i == 0)
            tell(LOAD, 15, 7, BASE, "\\a.exe", 1);
        IS(path_at(7, BASE, e.record.ordinal + 6), i < 2 ? "\\a.exe" : "-");
    }
}

Test(images, identity_before_and_behind_its_image, .init = set_up, .fini = tear_down) {
    identity(36, 9, 10, 7, BASE, "a.pdb");
    tell(LOAD, 10, 7, BASE, "\\a.dll", 0);
    identity(0, 11, 10, 7, BASE, "a.dll");
    const ModuleView *m = at(7, BASE, 10);
    IS(m->pdb_name, "a.pdb");
    cr_assert(m->pdb_age == 7 && m->timestamp == 0x5eed);
    cr_assert(load_u32(m->pdb_guid.b) == 0x11111111 && load_u32(m->pdb_guid.b + 12) == 0x44444444);
    // That of intermediate language is second.
    identity(37, 12, 10, 7, BASE, "il.pdb");
    IS(at(7, BASE, 10)->pdb_name, "a.pdb");
    tell(LOAD, 20, 7, BASE + SIZE, "\\il.dll", 1);
    identity(37, 21, 20, 7, BASE + SIZE, "il.pdb");
    IS(at(7, BASE + SIZE, 20)->pdb_name, "il.pdb");
    identity(36, 22, 20, 7, BASE + SIZE, "native.pdb");
    IS(at(7, BASE + SIZE, 20)->pdb_name, "native.pdb");
}

Test(images, identity_of_the_one_that_comes_next, .init = set_up, .fini = tear_down) {
    tell(LOAD, 10, 7, BASE, "\\a.dll", 1);
    identity(36, 11, 10, 7, BASE, "a.pdb");
    tell(UNLOAD, 20, 7, BASE, "\\a.dll", 1);
    identity(36, 29, 30, 7, BASE, "b.pdb");
    IS(at(7, BASE, 15)->pdb_name, "a.pdb");
    tell(LOAD, 30, 7, BASE, "\\b.dll", 2);
    IS(at(7, BASE, 15)->pdb_name, "a.pdb");
    IS(at(7, BASE, 30)->pdb_name, "b.pdb");
    // Told again with the rundown of the same image.
    tell(DC_STOP, 90, 7, BASE, "\\b.dll", 2);
    identity(36, 91, 90, 7, BASE, "b.pdb");
    IS(at(7, BASE, 30)->pdb_name, "b.pdb");
    IS(at(7, BASE, 15)->pdb_name, "a.pdb");
}

Test(images, identity_waits_for_its_own_time, .init = set_up, .fini = tear_down) {
    identity(36, 9, 30, 7, BASE, "b.pdb");
    tell(LOAD, 10, 7, BASE, "\\a.dll", 1);
    tell(UNLOAD, 20, 7, BASE, "\\a.dll", 1);
    tell(LOAD, 30, 7, BASE, "\\b.dll", 2);
    IS(at(7, BASE, 15)->pdb_name, "");
    IS(at(7, BASE, 30)->pdb_name, "b.pdb");
}

Test(images, all_layouts, .init = set_up, .fini = tear_down) {
    for (uint8_t version = 0; version <= 3; version++) {
        for (int narrow = 0; narrow < 2; narrow++) {
            TestEvent e;
            uint32_t pid = 100u + version * 2u + (uint32_t)narrow;
            event_image(&e, LOAD, version, narrow == 1,
                        &(TestImage){pid, 0x400000, SIZE, "\\old.dll", 5});
            observe(&e, 10);
            const ModuleView *m = images_find(images, pid, 0x41ffff, narrow ? 4 : 8, 10);
            cr_assert(m != NULL && strcmp(m->path, "\\old.dll") == 0, "v%u", version);
            cr_assert(m->timestamp == (version >= 2 ? 5u : 0u));
            // Each byte that is missing: never a wrong module, never outside.
            for (uint32_t cut = e.record.payload_bytes; cut-- > 0;) {
                e.record.payload_bytes = cut;
                observe(&e, 11);
            }
        }
    }
}

Test(images, sizes_that_no_image_has, .init = set_up, .fini = tear_down) {
    static const struct {
        uint64_t base, size;
        bool taken;
    } cases[] = {{BASE, 0, false},
                 {BASE, 1, true},
                 {BASE, UINT32_MAX, true},
                 {BASE, (uint64_t)UINT32_MAX + 1, false},
                 {UINT64_MAX - 0x1000, 0x1000, true},
                 {UINT64_MAX - 0x1000, 0x1001, false}};
    for (uint32_t i = 0; i < ARRAY_COUNT(cases); i++) {
        TestEvent e;
        event_image(&e, LOAD, 2, false, &(TestImage){0, cases[i].base, cases[i].size, "\\x", 1});
        e.record.pid = 0;
        images_clear(images);
        observe(&e, 10);
        uint32_t pid = 0;
        cr_assert((at(pid, cases[i].base, 10) != NULL) == cases[i].taken, "%u", i);
    }
}

Test(images, kernel_addresses, .init = set_up, .fini = tear_down) {
    cr_assert(!address_is_kernel(0x7fffffffffffffff, 8) && address_is_kernel(1ull << 63, 8));
    cr_assert(!address_is_kernel(0x7fffffff, 4) && address_is_kernel(0x80000000, 4));
    cr_assert(!address_is_kernel(0x80000000, 8));
    tell(DC_START, 1, 0, 0xfffff80000000000, "\\SystemRoot\\nt.exe", 1);
    tell(DC_START, 1, 4, 0xfffff80010000000, "\\SystemRoot\\disk.sys", 1);
    tell(DC_START, 1, 7, 0xfffff80020000000, "\\not.sys", 1);
    cr_assert(at(7, 0xfffff80000000010, 5) != NULL);
    cr_assert(at(7, 0xfffff80010000010, 5) != NULL);
    cr_assert(at(7, 0xfffff80020000010, 5) == NULL);
}

Test(images, one_module_for_all_processes, .init = set_up, .fini = tear_down) {
    tell(DC_START, 1, 1, BASE, "\\Windows\\System32\\ntdll.dll", 1);
    uint64_t serial = at(1, BASE, 1)->serial;
    CacheStats one, many;
    images_stats(images, &one);
    for (uint32_t pid = 2; pid <= 300; pid++) {
        tell(DC_START, pid, pid, BASE, "\\Windows\\System32\\ntdll.dll", 1);
        cr_assert(at(pid, BASE, pid)->serial == serial);
    }
    images_stats(images, &many);
    cr_assert(many.entries == 300);
    // Its path stands there once: a process costs its first 16 intervals.
    cr_assert(many.bytes - one.bytes < 300 * 2000, "%llu",
              (unsigned long long)(many.bytes - one.bytes));
}

Test(images, paths_are_mapped_anew, .init = set_up, .fini = tear_down) {
    tell(DC_START, 1, 7, BASE, "\\Device\\HarddiskVolume2\\a.dll", 1);
    tell(DC_START, 1, 8, BASE, "\\Device\\HarddiskVolume2\\a.dll", 1);
    tell(DC_START, 1, 7, BASE + SIZE, "\\Device\\HarddiskVolume20\\b.dll", 1);
    const ModuleView *held = at(7, BASE, 1);
    uint64_t serial = held->serial, other = at(7, BASE + SIZE, 1)->serial;
    uint64_t version = images_version(images);
    images_hold(held);
    cr_assert(volumes_add(volumes, "\\Device\\HarddiskVolume2\\", "C:\\") == 0);
    cr_assert(images_version(images) != version);
    IS(path_at(7, BASE, 1), "C:\\a.dll");
    cr_assert(at(7, BASE, 1)->serial != serial);
    cr_assert(at(8, BASE, 1)->serial == at(7, BASE, 1)->serial);
    cr_assert(at(7, BASE + SIZE, 1)->serial == other); // nothing has changed for it
    IS(held->path, "\\Device\\HarddiskVolume2\\a.dll");
    images_release(held);
}

Test(images, what_is_known_within, .init = set_up, .fini = tear_down) {
    tell(LOAD, 10, 7, BASE, "\\a.dll", 1);
    tell(UNLOAD, 20, 7, BASE, "\\a.dll", 1);
    tell(LOAD, 30, 7, BASE, "\\b.dll", 2);
    uint64_t from = 0, to = UINT64_MAX;
    cr_assert(images_find_within(images, 7, BASE, 8, 15, &from, &to) != NULL);
    cr_assert(from == 10 && to == 20);
    from = 0, to = UINT64_MAX;
    cr_assert(images_find_within(images, 7, BASE, 8, 25, &from, &to) == NULL);
    cr_assert(from == 21 && to == 29);
    from = 17, to = 18; // narrowed, never widened
    cr_assert(images_find_within(images, 7, BASE, 8, 17, &from, &to) != NULL);
    cr_assert(from == 17 && to == 18);
}

Test(images, live_does_not_look_ahead, .init = set_up, .fini = tear_down) {
    open_with(10, 0, false);
    tell(LOAD, 10, 7, BASE, "\\a.dll", 1);
    IS(path_at(7, BASE, 9), "-");
    IS(path_at(7, BASE, 10), "\\a.dll");
}

// The last 64 that were unloaded stay, for events that are held for their stacks.
Test(images, live_keeps_the_last_unloads, .init = set_up, .fini = tear_down) {
    open_with(10, 0, false);
    for (uint32_t i = 0; i < 65; i++) {
        tell(LOAD, 10 * i, 7, BASE + i * SIZE, "\\a.dll", 1);
        tell(UNLOAD, 10 * i + 5, 7, BASE + i * SIZE, "\\a.dll", 1);
        cr_assert((at(7, BASE, 5) != NULL) == (i < 64), "%u", i);
    }
    IS(path_at(7, BASE + SIZE, 15), "\\a.dll");
    IS(path_at(7, BASE + 64 * SIZE, 645), "\\a.dll");
}

Test(images, as_many_processes_as_allowed, .init = set_up, .fini = tear_down) {
    open_with(3, 0, true);
    for (uint32_t pid = 1; pid <= 3; pid++)
        tell(LOAD, pid, pid, BASE, "\\a.dll", 1);
    CacheStats stats;
    images_stats(images, &stats);
    cr_assert(stats.entries == 3 && stats.evicted == 0 && stats.limit == 3);
    cr_assert(at(1, BASE, 9) != NULL); // 2 is now the one not used for longest
    tell(LOAD, 4, 4, BASE, "\\a.dll", 1);
    images_stats(images, &stats);
    cr_assert(stats.entries == 3 && stats.evicted == 1 && stats.inserted == 4);
    cr_assert(at(1, BASE, 9) && !at(2, BASE, 9) && at(3, BASE, 9) && at(4, BASE, 9));
}

Test(images, as_many_bytes_as_allowed, .init = set_up, .fini = tear_down) {
    open_with(100000, 200000, true);
    for (uint32_t i = 0; i < 5000; i++) {
        char path[64];
        snprintf(path, sizeof path, "\\Device\\HarddiskVolume2\\%u.dll", i);
        tell(LOAD, i, i % 100 + 1, BASE + i * SIZE, path, i);
        CacheStats stats;
        images_stats(images, &stats);
        cr_assert(stats.bytes <= 200000 || stats.entries == 1);
    }
    CacheStats stats;
    images_stats(images, &stats);
    cr_assert(stats.evicted > 0 && stats.entries > 1);
    IS(path_at(4999 % 100 + 1, BASE + (uint64_t)4999 * SIZE, 4999),
       "\\Device\\HarddiskVolume2\\4999.dll");
}

Test(images, as_many_intervals_as_a_process_may_have, .init = set_up, .fini = tear_down) {
    for (uint32_t i = 0; i <= 8192; i++)
        tell(LOAD, i, 7, BASE + (uint64_t)(i * 7919u % 8193u) * SIZE, "\\a.dll", i + 1);
    cr_assert(at(7, BASE + SIZE, 8192) != NULL);
    CacheStats stats;
    images_stats(images, &stats);
    cr_assert(stats.evicted == 1); // the oldest one, i = 0
    IS(path_at(7, BASE, 8192), "-");
}

// Against a plain list of what was told: random loads and unloads that overlap.
Test(images, agrees_with_a_plain_list, .init = set_up, .fini = tear_down) {
    enum { N = 400 };
    static struct {
        uint64_t base, from, to;
        uint32_t stamp;
    } plain[N];
    uint32_t n = 0, seed = 12345;
    for (uint64_t t = 1; t < N; t++) {
        seed = seed * 1664525u + 1013904223u;
        uint64_t base = BASE + (uint64_t)(seed >> 24) % 32u * (SIZE / 4);
        bool unload = (seed >> 16 & 3) == 0;
        uint32_t i = 0;
        if (unload) {
            while (i < n && !(plain[i].to == UINT64_MAX && plain[i].base == base))
                i++;
            if (i == n)
                continue;
            plain[i].to = t;
            tell(UNLOAD, t, 7, base, "\\x.dll", plain[i].stamp);
            continue;
        }
        for (i = 0; i < n; i++)
            if (plain[i].to == UINT64_MAX && plain[i].base < base + SIZE &&
                base < plain[i].base + SIZE)
                plain[i].to = t - 1;
        plain[n].base = base;
        plain[n].from = t;
        plain[n].to = UINT64_MAX;
        plain[n++].stamp = (uint32_t)t;
        tell(LOAD, t, 7, base, "\\x.dll", (uint32_t)t);
    }
    for (uint64_t t = 1; t < N; t++) {
        for (uint64_t address = BASE; address < BASE + 9 * SIZE; address += SIZE / 8) {
            uint32_t expected = 0;
            for (uint32_t i = 0; i < n; i++)
                if (address >= plain[i].base && address < plain[i].base + SIZE &&
                    t >= plain[i].from && t <= plain[i].to)
                    expected = plain[i].stamp;
            const ModuleView *m = at(7, address, t);
            uint32_t found = m && m->provenance != PROVENANCE_GUESS ? m->timestamp : 0;
            cr_assert(found == expected, "%llx at %llu: %u, not %u", (unsigned long long)address,
                      (unsigned long long)t, found, expected);
        }
    }
}

Test(images, every_allocation_may_fail, .init = set_up, .fini = tear_down) {
    images = images_free(images);
    for (size_t nth = 1; nth < 200; nth++) {
        const ImagesOptions options = {4, 0, true};
        mem_fail_at(nth);
        if (images_new(&options, volumes, &images) == 0) {
            TestEvent e;
            event_image(&e, LOAD, 3, false, &(TestImage){7, BASE, SIZE, "\\a.dll", 1});
            // The schema is not what is tested here.
            mem_fail_at(0);
            Schema *schema = event_schema(store, &e);
            ImagePlan plan = images_plan(schema);
            mem_fail_at(nth > 2 ? nth - 2 : 0);
            for (uint32_t i = 0; i < 20; i++) {
                e.record.ordinal = i;
                store_u64(e.payload, BASE + i * SIZE);
                images_observe(images, &plan, &e.record, schema);
                (void)at(7, BASE, i);
            }
            mem_fail_at(0);
            schema_unref(schema);
        }
        mem_fail_at(0);
        images = images_free(images);
    }
}
