// Kernel enrichment with few and with many live objects: what one event costs, and what memory it
// takes.
//
// Each figure is one event observed and looked up, in ns of processor time, the median of ROUNDS.
// "all": the events go to all objects alike, in no order, which no cache of the processor holds;
// "busy": nine of ten go to the thousand that were opened last, as on a real system. Ratios are
// against the same with 10^3 objects.
#include <stdio.h>
#include <stdlib.h>

#include "enrich/files.h"
#include "platform/clock.h"
#include "schema/store.h"
#include "util/mem.h"

#define ROUNDS 5
#define EVENTS 400000u
#define FEW    1000u
#define MANY   1000000u
#define BUSY   1000u

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v) {
    qsort(v, ROUNDS, sizeof *v, compare);
    return v[ROUNDS / 2];
}

static void must(int result) {
    if (result < 0) {
        fprintf(stderr, "bench_enrich: %s\n", status_text(-result));
        exit(1);
    }
}

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n) {
    random_state = random_state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)random_state * n) >> 32);
}

static uint32_t choose(uint32_t n, bool busy) {
    if (!busy || n <= BUSY || random_below(10) == 0)
        return random_below(n);
    return n - BUSY + random_below(BUSY);
}

// ---- Files ----

enum { CREATE = 64, CLOSE = 66, READ = 67, END = 76, NAME = 0, N_KINDS = 5 };

typedef struct Kind {
    EventRecord record;
    Schema *schema;
    FilePlan plan;
    uint8_t payload[256];
} Kind;

static Kind kinds[N_KINDS];

static void make_kind(SchemaStore *store, Kind *kind, uint8_t opcode, uint32_t bytes) {
    static const Guid file_io =
        GUID_INIT(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3);
    kind->record = (EventRecord){.provider = file_io, .flags = EVENT_CLASSIC};
    kind->record.desc.opcode = opcode;
    kind->record.desc.version = 3;
    kind->record.payload = kind->payload;
    kind->record.payload_bytes = bytes;
    must(schema_store_find(store, &kind->record, &kind->schema));
    kind->plan = files_plan(kind->schema);
}

static uint64_t object_of(uint32_t i) {
    return UINT64_C(0xffffe00000001000) + i * UINT64_C(0x170);
}

static uint64_t key_of(uint32_t i) {
    return UINT64_C(0xffffc00000001000) + i * UINT64_C(0x230);
}

static uint64_t ordinal;
static bool told; // name events as well; otherwise objects lend their names to keys

static void observe(Files *files, Kind *kind) {
    kind->record.ordinal = ordinal++;
    files_observe(files, &kind->plan, &kind->record, kind->schema, false);
}

static void open_file(Files *files, uint32_t i) {
    char path[96];
    int n = snprintf(path, sizeof path,
                     "\\Device\\HarddiskVolume3\\Users\\someone\\Documents\\%u.txt", i);
    uint8_t *p = kinds[0].payload;
    store_u64(p, 0xaaaa0000);
    store_u64(p + 8, object_of(i));
    for (int k = 0; k <= n; k++)
        store_u16(p + 32 + 2 * k, (uint8_t)path[k]);
    kinds[0].record.payload_bytes = 32 + 2 * ((uint32_t)n + 1);
    observe(files, &kinds[0]);
    store_u64(kinds[4].payload, key_of(i));
    memcpy(kinds[4].payload + 8, p + 32, 2 * ((size_t)n + 1));
    kinds[4].record.payload_bytes = 8 + 2 * ((uint32_t)n + 1);
    if (told)
        observe(files, &kinds[4]);
    store_u64(kinds[3].payload, 0xaaaa0000);
    observe(files, &kinds[3]);
}

static const Text *read_file(Files *files, uint32_t i) {
    uint8_t *p = kinds[2].payload, provenance;
    store_u64(p + 8, 0xaaaa0000 + i);
    store_u64(p + 16, object_of(i));
    store_u64(p + 24, key_of(i));
    observe(files, &kinds[2]);
    const Text *name =
        files_name(files, &kinds[2].plan, &kinds[2].record, kinds[2].schema, &provenance);
    store_u64(kinds[3].payload, 0xaaaa0000 + i);
    observe(files, &kinds[3]);
    return name;
}

static void reopen_file(Files *files, uint32_t i) {
    uint8_t *p = kinds[1].payload;
    store_u64(p, 0xaaaa0000);
    store_u64(p + 8, object_of(i));
    store_u64(p + 16, key_of(i));
    observe(files, &kinds[1]);
    open_file(files, i);
}

typedef struct FileCosts {
    double all, busy, reopen; // ns
    size_t bytes, peak;       // of memory
    uint64_t evicted;
} FileCosts;

static double time_reads(Files *files, uint32_t n, bool busy) {
    double v[ROUNDS];
    uint64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = plat_thread_cpu_ns();
        for (uint32_t i = 0; i < EVENTS; i++) {
            const Text *name = read_file(files, choose(n, busy));
            sum += name ? name->bytes : 0;
        }
        v[round] = (double)(plat_thread_cpu_ns() - start) / EVENTS / 2; // Read and OperationEnd
    }
    if (sum == 0)
        puts("no names");
    return median(v);
}

static double time_reopens(Files *files, uint32_t n) {
    double v[ROUNDS];
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = plat_thread_cpu_ns();
        for (uint32_t i = 0; i < EVENTS / 4; i++)
            reopen_file(files, choose(n, true));
        v[round] = (double)(plat_thread_cpu_ns() - start) / EVENTS * 4 / 3; // Close, Create, End
    }
    return median(v);
}

static FileCosts bench_files(uint32_t n, uint32_t max, size_t max_bytes) {
    Volumes *volumes;
    Files *files;
    FileCosts costs = {0};
    FilesOptions options = {max, max, 65536, max_bytes, false};
    must(volumes_new(&volumes));
    must(volumes_add(volumes, "\\Device\\HarddiskVolume3\\", "C:\\"));
    size_t before = mem_in_use();
    mem_reset_peak();
    must(files_new(&options, volumes, &files));
    for (uint32_t i = 0; i < n; i++) {
        open_file(files, i);
        read_file(files, i);
    }
    costs.all = time_reads(files, n, false);
    costs.busy = time_reads(files, n, true);
    costs.reopen = time_reopens(files, n);
    costs.bytes = mem_in_use() - before;
    costs.peak = mem_peak() - before;
    CacheStats stats[3];
    files_stats(files, stats);
    costs.evicted = stats[0].evicted + stats[1].evicted;
    files_free(files);
    volumes_free(volumes);
    return costs;
}

static void print_files(const char *what, const FileCosts *c, const FileCosts *few, size_t limit) {
    printf(
        "files, %-22s all %4.0f ns (%.2f)  busy %4.0f ns (%.2f)  open and close %4.0f ns (%.2f)  "
        "memory %5.1f MiB, peak %5.1f, limit %5.1f, evicted %llu\n",
        what, c->all, c->all / few->all, c->busy, c->busy / few->busy, c->reopen,
        c->reopen / few->reopen, (double)c->bytes / 1048576, (double)c->peak / 1048576,
        (double)limit / 1048576, (unsigned long long)c->evicted);
}

int main(void) {
    SchemaStore *store;
    must(schema_store_new(&store));
    make_kind(store, &kinds[0], CREATE, 0);
    make_kind(store, &kinds[1], CLOSE, 28);
    make_kind(store, &kinds[2], READ, 48);
    make_kind(store, &kinds[3], END, 20);
    make_kind(store, &kinds[4], NAME, 0);
    size_t large = (size_t)512 << 20, small = (size_t)64 << 20;
    for (int i = 0; i < 2; i++) {
        told = i != 0;
        puts(told ? "files, with name events" : "files, without name events");
        FileCosts few = bench_files(FEW, 1u << 20, large);
        FileCosts many = bench_files(MANY, 1u << 20, large);
        FileCosts bounded = bench_files(MANY, 1u << 20, small);
        print_files("10^3", &few, &few, large);
        print_files("10^6", &many, &few, large);
        print_files("10^6, little memory", &bounded, &few, small);
    }
    for (int i = 0; i < N_KINDS; i++)
        schema_unref(kinds[i].schema);
    schema_store_free(store);
    return 0;
}
