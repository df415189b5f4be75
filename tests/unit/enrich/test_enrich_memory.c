// The memory of all caches under floods: never beyond [caches] memory, whatever events tell.
#include "kernel_events.h"

#include <stdio.h>

#include "enrich/enrich.h"
#include "util/mem.h"

#define N        1000000u
#define KERNEL   UINT64_C(0xffff800000000000)
#define NAME_MAX 1000u

// Not the caches': views of stacks, tables of fixed size, a last name that may be longer than all.
#define FIXED_BYTES ((size_t)2 << 20)

static Enricher *enricher;
static size_t before, most;
static uint64_t ordinal;
static char long_name[NAME_MAX + 1];

static void begin(void) {
    before = mem_in_use();
    memset(long_name, 'n', NAME_MAX);
    memcpy(long_name, "\\Device\\", 8);
    memcpy(long_name + NAME_MAX - 4, ".exe", 4);
}

static void finish(void) {
    enricher = enricher_free(enricher);
    make_end();
    cr_assert_eq(mem_in_use(), before);
}

static void make_enricher(size_t bytes, bool file) {
    // Counts that are no limit at all.
    EnrichOptions o = {.limits = {100000000, 100000000, 100000000, 100000000, 100000000, 100000000,
                                  100000000, 100000000, 100000000, bytes},
                       .file_knowledge = file,
                       .scan_bytes = bytes};
    enricher = enricher_free(enricher);
    cr_assert_eq(enricher_new(&o, &enricher), 0);
    most = 0;
    ordinal = 0;
}

// An event of which another number is told each time.
typedef struct Flood {
    const char *what;
    MakeEvent event;
    uint32_t at, bytes; // of the number in the payload
    uint64_t base, step;
    uint32_t part; // one of so many of the others'
    EnrichPlan plan;
} Flood;

static void tell(Flood *f, uint64_t i, bool learn) {
    uint8_t *p = (uint8_t *)(uintptr_t)f->event.record.payload;
    uint64_t number = f->base + i * f->step;
    if (f->bytes == 8)
        store_u64(p + f->at, number);
    else
        store_u32(p + f->at, (uint32_t)number);
    EventRecord *record = &f->event.record;
    record->ordinal = ordinal++;
    record->raw_time = record->time = (int64_t)ordinal;
    record->pid = 100;
    record->tid = 110;
    if (learn)
        enricher_learn(enricher, &f->plan, record, f->event.schema);
    else
        enricher_observe(enricher, &f->plan, record, f->event.schema);
}

// clang-format off
#define NO_PLAN {.feeder = false}
// clang-format on

static uint32_t make_floods(Flood *ret, const char *name) {
    const Flood floods[] = {
        {"FileKeys", event_file_name(OP_NAME, 1, name), 0, 8, KERNEL, 0x10, 1, NO_PLAN},
        {"rundown", event_file_name(OP_NAME_RUNDOWN, 1, name), 0, 8, KERNEL, 0x10, 10, NO_PLAN},
        {"FileObjects", event_file_create(1, 1, 110, name), 8, 8, KERNEL, 0x10, 1, NO_PLAN},
        {"lent names", event_file_read(1, KERNEL, 1, 110), 24, 8, KERNEL, 0x10, 10, NO_PLAN},
        {"requests", event_file_read(1, KERNEL, 1, 110), 8, 8, KERNEL, 0x10, 1, NO_PLAN},
        {"renames", event_file_rename(1, KERNEL, KERNEL, name), 0, 8, KERNEL, 0x10, 1, NO_PLAN},
        {"processes", event_process(OP_START, 1, 4, name, NULL), 8, 4, 1000, 4, 1, NO_PLAN},
        {"ends", event_process(OP_DC_END, 1, 4, name, NULL), 8, 4, 1000, 4, 10, NO_PLAN},
        {"threads", make_thread_event(OP_START, 3, 100, 1, 5), 4, 4, 1000, 4, 1, NO_PLAN},
        {"services", make_service_event(100, 1, name), 8, 4, 1, 1, 1, NO_PLAN},
        {"keys", event_key(OP_KCB_CREATE, 1, name), 16, 8, KERNEL, 0x10, 1, NO_PLAN},
        {"objects", event_handle(false, 1, 16, name), 0, 8, KERNEL, 0x10, 1, NO_PLAN},
        {"images", make_image_event(OP_IMAGE_LOAD, 3, 1, name), 16, 4, 1000, 4, 10, NO_PLAN},
        // A process's modules stand in order: each costs what there are.
        {"modules", make_image_event(OP_IMAGE_LOAD, 3, 100, name), 0, 8, 0, 0x10000, 50, NO_PLAN},
    };
    for (uint32_t i = 0; i < ARRAY_COUNT(floods); i++) {
        ret[i] = floods[i];
        ret[i].plan = enrich_plan(floods[i].event.schema);
        cr_assert(ret[i].plan.feeder, "%s", floods[i].what);
    }
    return ARRAY_COUNT(floods);
}

#define FLOODS_MAX 20u

static void drown(size_t bytes, bool file, const char *name, uint32_t n) {
    Flood floods[FLOODS_MAX];
    uint32_t n_floods = make_floods(floods, name);
    make_enricher(bytes, file);
    size_t empty = mem_in_use();
    MakeEvent end = event_file_end(77); // there are ends: renames wait for theirs
    EnrichPlan plan = enrich_plan(end.schema);
    enricher_observe(enricher, &plan, &end.record, end.schema);
    for (uint32_t f = 0; f < n_floods; f++) {
        most = 0;
        for (uint32_t i = 0; i < n / floods[f].part; i++) {
            tell(&floods[f], i, file);
            if (i % 1024 == 0)
                most = MAX_OF(most, mem_in_use() - empty);
        }
        cr_assert_leq(most, bytes + FIXED_BYTES, "%s: %zu", floods[f].what, most);
    }
    for (uint32_t i = 0; i < n / 20; i++) // all together
        for (uint32_t f = 0; f < n_floods; f++)
            tell(&floods[f], (uint64_t)i * 7919, file);
    most = MAX_OF(most, mem_in_use() - empty);
    cr_assert_leq(most, bytes + FIXED_BYTES, "all: %zu", most);
    CacheStats rows[ENRICH_STATS_MAX];
    size_t charged = 0;
    uint32_t n_rows = enricher_stats(enricher, rows, ARRAY_COUNT(rows));
    for (uint32_t i = 0; i < n_rows; i++) {
        charged += rows[i].bytes;
        cr_assert(rows[i].bytes_limit == 0 || rows[i].bytes <= rows[i].bytes_limit + FIXED_BYTES,
                  "%s: %zu of %zu", rows[i].name, (size_t)rows[i].bytes,
                  (size_t)rows[i].bytes_limit);
    }
    printf("%s, %zu KiB, names of %zu: at most %zu KiB in use, %zu charged\n",
           file ? "file" : "live", bytes / 1024, strlen(name), most / 1024, charged / 1024);
    make_end(); // what was made of events
}

Test(enrich_memory, a_million_of_each, .init = begin, .fini = finish, .timeout = 250) {
    drown((size_t)64 << 20, false, "\\Device\\a.exe", N);
}

Test(enrich_memory, long_names, .init = begin, .fini = finish, .timeout = 200) {
    drown((size_t)64 << 20, false, long_name, 50000);
}

Test(enrich_memory, little_memory, .init = begin, .fini = finish, .timeout = 200) {
    drown((size_t)1 << 20, false, "\\Device\\a.exe", 50000);
    drown((size_t)1 << 20, false, long_name, 5000);
}

Test(enrich_memory, a_scan, .init = begin, .fini = finish, .timeout = 200) {
    drown((size_t)32 << 20, true, "\\Device\\a.exe", 200000);
    drown((size_t)32 << 20, true, long_name, 20000);
}

// Names that only pass by are kept for a while, whatever their length.
Test(enrich_memory, names_of_images, .init = begin, .fini = finish, .timeout = 60) {
    static char name[30001];
    make_enricher((size_t)1 << 20, false);
    size_t empty = mem_in_use();
    memset(name, 'n', sizeof name - 1);
    name[0] = '\\';
    for (uint32_t i = 0; i < 200; i++) {
        snprintf(name + 1, 8, "%07u", i);
        name[8] = 'n';
        MakeEvent e = make_image_event(OP_IMAGE_LOAD, 3, 100 + i, name);
        EnrichPlan plan = enrich_plan(e.schema);
        e.record.ordinal = ordinal++;
        enricher_begin(enricher, &plan, &e.record, e.schema);
        const EnrichedView *view = enricher_view(enricher, false);
        cr_assert_eq(view->n_values, 1);
        cr_assert_eq(view->values[0].bytes, sizeof name - 1);
        make_end();
    }
    size_t used = mem_in_use() - empty;
    cr_assert_leq(used, (size_t)256 << 10, "%zu", used);
}
