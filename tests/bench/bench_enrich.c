// Kernel enrichment as a watcher pays for it: records go from a ring through the hub, which learns
// from them, looks them up and encodes them, to one member that takes the batches. Few live objects
// (10^3 file objects, 10^3 processes) against many (10^6, 10^5), with the same sequence of events.
//
// The model ("recent"): nine of ten file events touch one of the 1,000 files that were opened last,
// the others any file; a thread goes on for 8 events on average, then nine times of ten one of the
// 32 processes that were started last follows, else any. Files are chosen anew for each event, so that no two
// in a row are the same but by chance. Worst case ("uniform"): everything is chosen out of all each
// time, and nothing that a processor or a batch remembers is of use.
//
// Figures are ns of processor time for an event put into the hub, without putting it into the ring;
// medians of rounds in which all take turns. The ratio is against few objects, round by round.
// "added": what enrichment adds to the same events with enrich "none", for a delivered event.
#include <stdio.h>
#include <stdlib.h>

#include "enrich/enrich.h"
#include "platform/clock.h"
#include "serve/loop.h"
#include "util/mem.h"
#include "wire/json.h"

#define ROUNDS       9
#define GROUP        1024u // events in the ring before they are taken
#define ROUND_EVENTS (96u * GROUP)
#define BUSY_FILES   1000u
#define BUSY_PIDS    32u

enum { USER, FILES, MIX, N_WORKS };
static const char *const work_names[N_WORKS] = {"events of a provider", "file and disk I/O",
                                                "all, with opens and starts"};

// clang-format off
static const Guid file_class = GUID_INIT(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3);
static const Guid disk_class = GUID_INIT(0x3d6fa8d4, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid process_class = GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid thread_class = GUID_INIT(0x3d6fa8d1, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid provider = GUID_INIT(0x11111111u, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
// clang-format on
#define WANTS                                                                                      \
    "{\"wants\":[{\"kernel\":[\"File\",\"DiskIO\",\"Process\",\"Thread\"]},"                       \
    "{\"provider\":\"{11111111-0001-0001-0101-010101010101}\"}],\"enrich\":\"%s\"}"

enum { // opcodes
    NAME_CREATE = 32,
    NAME_DELETE = 35,
    CREATE = 64,
    CLOSE = 66,
    READ = 67,
    WRITE = 68,
    OPERATION_END = 76,
    DISK_READ = 10,
    START = 1,
    END = 2,
    RUNDOWN = 3,
};

typedef struct World {
    bool uniform;
    uint32_t n_files, n_processes;
    Ring *ring;
    SchemaStore *store;
    Enricher *enricher;
    Hub *hub;
    User *user;
    Watch watch;
    uint64_t ordinal;
    uint32_t random;
    uint32_t next_file, next_process; // the oldest: closed, ended, and begun anew next
    uint32_t process, tid;            // whose turn it is
    uint64_t irp;
    uint32_t pending; // in the ring
    int64_t ns;       // taken by the hub
    uint64_t delivered, bytes;
} World;

static void must(int r, const char *what) {
    if (r < 0) {
        fprintf(stderr, "bench_enrich: %s: %s\n", what, status_text(-r));
        exit(1);
    }
}

static int64_t real_now(void *user) {
    (void)user;
    return plat_now_ns();
}

// --- taking ------------------------------------------------------------------------------------

static void take_batches(World *w) {
    WatchEntry entry;
    while (watch_take(&w->watch, &entry)) {
        if (entry.batch) {
            w->delivered += entry.batch->n_events;
            w->bytes += entry.batch->bytes;
        }
        watch_written(&w->watch, &entry, 0);
    }
}

static void drain(World *w) {
    RingItem item;
    int64_t start = plat_thread_cpu_ns();
    while (ring_take(w->ring, &item))
        hub_item(w->hub, &item);
    hub_tick(w->hub);
    take_batches(w);
    w->ns += plat_thread_cpu_ns() - start;
    ring_release(w->ring);
    w->pending = 0;
}

static void put(World *w, const Guid *class, uint8_t opcode, uint8_t version, uint32_t pid,
                uint32_t tid, const uint8_t *payload, uint32_t bytes) {
    bool classic = class != &provider;
    EventRecord r = {.provider = *class,
                     .desc = {.opcode = classic ? opcode : 0, .version = version},
                     .time = 130000000000000000 + (int64_t)w->ordinal,
                     .raw_time = (int64_t)w->ordinal,
                     .ordinal = w->ordinal,
                     .pid = pid,
                     .tid = tid,
                     .flags = classic ? EVENT_CLASSIC : 0,
                     .header_type = classic ? ETL_HEADER_SYSTEM64 : ETL_HEADER_EVENT64,
                     .payload = payload,
                     .payload_bytes = bytes};
    if (!classic)
        r.desc.id = 1;
    w->ordinal++;
    must(ring_put_record(w->ring, &r, RING_RECORD), "ring");
    if (++w->pending == GROUP)
        drain(w);
}

// --- events ------------------------------------------------------------------------------------

static uint32_t below(World *w, uint32_t n) {
    w->random = w->random * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)w->random * n) >> 32);
}

// Of n, the `busy` ones in front of `next` most of the time.
static uint32_t choose(World *w, uint32_t n, uint32_t busy, uint32_t next) {
    if (w->uniform || below(w, 10) == 0)
        return below(w, n);
    return (next + n - 1 - below(w, MIN_OF(busy, n))) % n;
}

static uint32_t choose_file(World *w) {
    return choose(w, w->n_files, BUSY_FILES, w->next_file);
}

static uint32_t pid_of(uint32_t i) {
    return 1000 + 4 * i;
}

static uint32_t tid_of(uint32_t i, uint32_t k) {
    return 4000000 + 8 * i + 4 * k;
}

static void turn(World *w) {
    if (!w->uniform && below(w, 8) != 0)
        return;
    w->process = choose(w, w->n_processes, BUSY_PIDS, w->next_process);
    w->tid = tid_of(w->process, below(w, 2));
}

static uint64_t object_of(uint32_t i) {
    return UINT64_C(0xffffe00000001000) + i * UINT64_C(0x170);
}

static uint64_t key_of(uint32_t i) {
    return UINT64_C(0xffffc00000001000) + i * UINT64_C(0x230);
}

static uint8_t *put_utf16z(uint8_t *to, const char *text) {
    for (; *text; text++, to += 2)
        store_u16(to, (uint8_t)*text);
    store_u16(to, 0);
    return to + 2;
}

// Five processes deep, as most are.
static uint32_t parent_of(uint32_t i) {
    return i == 0 ? 4 : pid_of(i < 4 ? i - 1 : i < 16 ? 3 : 4 + i % 12);
}

static void process_event(World *w, uint8_t opcode, uint32_t i) {
    uint8_t p[512] = {0}, *at = p + 40;
    char text[128];
    store_u64(p, UINT64_C(0xffffa00000000000) + i * UINT64_C(0x1000) + (w->ordinal << 8));
    store_u32(p + 8, pid_of(i));
    store_u32(p + 12, parent_of(i));
    store_u32(p + 16, 1);
    static const uint8_t sid[] = {1, 5, 0, 0, 0, 0, 0, 5,  21, 0,  0,    0, 1, 2,
                                  3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0xe9, 3, 0, 0};
    store_u64(at, UINT64_C(0xffffd00000000000)); // TOKEN_USER
    memcpy(at + 16, sid, sizeof sid);
    at += 16 + sizeof sid;
    at += snprintf((char *)at, 16, "app%u.exe", i) + 1;
    snprintf(text, sizeof text, "\"C:\\Program Files\\Contoso\\app%u.exe\" --serve --instance %u",
             i, i);
    at = put_utf16z(at, text);
    at += 4; // no package, no application
    put(w, &process_class, opcode, 4, opcode == RUNDOWN ? UINT32_MAX : parent_of(i), 1, p,
        (uint32_t)(at - p));
}

static void thread_event(World *w, uint8_t opcode, uint32_t i, uint32_t k) {
    uint8_t p[72] = {0};
    store_u32(p, pid_of(i));
    store_u32(p + 4, tid_of(i, k));
    put(w, &thread_class, opcode, 3, opcode == RUNDOWN ? UINT32_MAX : pid_of(i), 1, p, sizeof p);
}

static void begin_process(World *w, uint8_t opcode, uint32_t i) {
    process_event(w, opcode, i);
    thread_event(w, opcode, i, 0);
    thread_event(w, opcode, i, 1);
}

static void end_process(World *w, uint32_t i) {
    thread_event(w, END, i, 0);
    thread_event(w, END, i, 1);
    process_event(w, END, i);
}

static void file_end(World *w, uint32_t pid, uint32_t tid) {
    uint8_t p[20] = {0};
    store_u64(p, UINT64_C(0xffffb00000000000) + w->irp * 0x80);
    put(w, &file_class, OPERATION_END, 3, pid, tid, p, sizeof p);
}

static void name_event(World *w, uint8_t opcode, uint32_t i, const char *path) {
    uint8_t p[256];
    store_u64(p, key_of(i));
    uint8_t *end = put_utf16z(p + 8, path);
    put(w, &file_class, opcode, 2, UINT32_MAX, UINT32_MAX, p, (uint32_t)(end - p));
}

static void path_of(uint32_t i, char text[96]) {
    snprintf(text, 96, "\\Device\\HarddiskVolume3\\Users\\someone\\Documents\\Folder %u\\%u.txt",
             i % 100, i);
}

static void open_file(World *w, uint32_t i, uint32_t pid, uint32_t tid) {
    uint8_t p[256] = {0};
    char path[96];
    path_of(i, path);
    w->irp = (w->irp + 1) % 4096;
    store_u64(p, UINT64_C(0xffffb00000000000) + w->irp * 0x80);
    store_u64(p + 8, object_of(i));
    store_u32(p + 16, tid);
    uint8_t *end = put_utf16z(p + 32, path);
    name_event(w, NAME_CREATE, i, path);
    put(w, &file_class, CREATE, 3, pid, tid, p, (uint32_t)(end - p));
    file_end(w, pid, tid);
}

static void close_file(World *w, uint32_t i, uint32_t pid, uint32_t tid) {
    uint8_t p[28] = {0};
    char path[96];
    path_of(i, path);
    w->irp = (w->irp + 1) % 4096;
    store_u64(p, UINT64_C(0xffffb00000000000) + w->irp * 0x80);
    store_u64(p + 8, object_of(i));
    store_u64(p + 16, key_of(i));
    store_u32(p + 24, tid);
    put(w, &file_class, CLOSE, 3, pid, tid, p, sizeof p);
    file_end(w, pid, tid);
    name_event(w, NAME_DELETE, i, path);
}

static void file_io(World *w, uint8_t opcode, uint32_t pid, uint32_t tid) {
    uint8_t p[48] = {0};
    uint32_t i = choose_file(w);
    w->irp = (w->irp + 1) % 4096;
    store_u64(p + 8, UINT64_C(0xffffb00000000000) + w->irp * 0x80);
    store_u64(p + 16, object_of(i));
    store_u64(p + 24, key_of(i));
    store_u32(p + 32, tid);
    put(w, &file_class, opcode, 3, pid, tid, p, sizeof p);
    file_end(w, pid, tid);
}

// The header has the ids of whoever ran at that moment, or none.
static void disk_io(World *w, uint32_t tid) {
    uint8_t p[52] = {0};
    store_u64(p + 24, key_of(choose_file(w)));
    store_u32(p + 48, tid);
    put(w, &disk_class, DISK_READ, 3, UINT32_MAX, UINT32_MAX, p, sizeof p);
}

static void user_event(World *w, uint32_t pid, uint32_t tid) {
    static const uint8_t payload[64];
    put(w, &provider, 0, 0, pid, tid, payload, sizeof payload);
}

static void step(World *w, int work) {
    turn(w);
    uint32_t pid = pid_of(w->process), tid = w->tid;
    uint32_t dice = work == USER ? 99 : work == FILES ? 10 + below(w, 60) : below(w, 100);
    if (dice < 1) {
        uint32_t i = 16 + (w->next_process - 16) % (w->n_processes - 16); // the parents stay
        end_process(w, i);
        begin_process(w, START, i);
        w->next_process = i + 1 < w->n_processes ? i + 1 : 16;
    } else if (dice < 10) {
        uint32_t i = w->next_file;
        close_file(w, i, pid, tid);
        open_file(w, i, pid, tid);
        w->next_file = (i + 1) % w->n_files;
    } else if (dice < 60) {
        file_io(w, dice < 40 ? READ : WRITE, pid, tid);
    } else if (dice < 70) {
        disk_io(w, tid);
    } else {
        user_event(w, pid, tid);
    }
}

// --- worlds ------------------------------------------------------------------------------------

typedef struct WorldOptions {
    uint32_t files, processes;
    bool uniform;
    const char *enrich;
    EnrichLimits limits;
} WorldOptions;

typedef struct Memory {
    size_t now, peak;
} Memory;

static void subscribe(World *w, const char *enrich) {
    char text[512];
    cJSON *json = NULL;
    Spec *spec = NULL;
    Buf warnings = BUF_INIT;
    Err err = ERR_INIT;
    RouteNames names = names_of_store(w->store);
    snprintf(text, sizeof text, WANTS, enrich);
    must(json_parse(text, strlen(text), &json, &err), err.text);
    must(spec_from_json(json, &names, &spec, &warnings, &err), err.text);
    must(hub_subscribe(w->hub, w->user, spec, true, &w->watch, &err), err.text);
    json_free(json);
    buf_deinit(&warnings);
    spec_unref(spec);
}

static World *world_new(const WorldOptions *o, Ring *ring, Memory *ret_memory) {
    World *w = mem_zalloc(sizeof *w);
    must(w ? 0 : -STATUS_NO_MEMORY, "world");
    *w = (World){.uniform = o->uniform,
                 .n_files = o->files,
                 .n_processes = o->processes,
                 .next_process = 16,
                 .ring = ring,
                 .random = 1};
    must(schema_store_new(&w->store), "schemas");
    size_t before = mem_in_use();
    mem_reset_peak();
    EnrichOptions options = {.limits = o->limits};
    must(enricher_new(&options, &w->enricher), "enricher");
    must(volumes_add(enricher_volumes(w->enricher), "\\Device\\HarddiskVolume3", "C:"), "volume");
    HubOptions hub = {.now = real_now,
                      .store = w->store,
                      .limits = user_limits_default(),
                      .enricher = w->enricher};
    must(hub_new(&hub, &w->hub), "hub");
    PlatPeer peer = {.sid = "S-1-22-1-0", .administrator = true};
    Err err = ERR_INIT;
    must(user_connect(hub_users(w->hub), &peer, &w->user, &err), err.text);
    subscribe(w, o->enrich);
    for (uint32_t i = 0; i < o->processes; i++)
        begin_process(w, RUNDOWN, i);
    for (uint32_t i = 0; i < o->files; i++)
        open_file(w, i, pid_of(i % o->processes), tid_of(i % o->processes, 0));
    drain(w);
    *ret_memory = (Memory){mem_in_use() - before, mem_peak() - before};
    return w;
}

static World *world_free(World *w) {
    hub_unsubscribe(w->hub, &w->watch);
    user_disconnect(w->user, true);
    hub_free(w->hub);
    enricher_free(w->enricher);
    schema_store_free(w->store);
    mem_free(w);
    return NULL;
}

typedef struct Cost {
    double event, delivered; // ns
    double wire;             // bytes for an event delivered
} Cost;

static Cost run(World *w, int work) {
    drain(w);
    uint64_t first = w->ordinal, delivered = w->delivered, bytes = w->bytes;
    w->ns = 0;
    while (w->ordinal - first < ROUND_EVENTS)
        step(w, work);
    drain(w);
    Cost cost = {(double)w->ns / (double)(w->ordinal - first),
                 (double)w->ns / (double)(w->delivered - delivered),
                 (double)(w->bytes - bytes) / (double)(w->delivered - delivered)};
    return cost;
}

// --- figures -----------------------------------------------------------------------------------

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values) {
    double v[ROUNDS];
    memcpy(v, values, sizeof v);
    qsort(v, ROUNDS, sizeof *v, compare);
    return v[ROUNDS / 2];
}

enum { PLAIN, FEW, MANY, FEW_UNIFORM, MANY_UNIFORM, BOUNDED, N_WORLDS };

static void print_work(int work, Cost costs[N_WORLDS][ROUNDS]) {
    static const struct {
        int world, against;
        const char *name;
    } rows[] = {{PLAIN, PLAIN, "enrich none"},
                {FEW, FEW, "few, recent"},
                {MANY, FEW, "many, recent"},
                {BOUNDED, FEW, "many, default limits"},
                {FEW_UNIFORM, FEW_UNIFORM, "few, uniform"},
                {MANY_UNIFORM, FEW_UNIFORM, "many, uniform"}};
    printf("%s\n  %-22s %10s %8s %12s %12s\n", work_names[work], "", "ns/event", "ratio",
           "added ns", "bytes/event");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        double ns[ROUNDS], ratio[ROUNDS], added[ROUNDS], wire[ROUNDS];
        for (int r = 0; r < ROUNDS; r++) {
            const Cost *c = &costs[rows[i].world][r];
            ns[r] = c->event;
            ratio[r] = c->event / costs[rows[i].against][r].event;
            added[r] = c->delivered - costs[PLAIN][r].delivered;
            wire[r] = c->wire;
        }
        printf("  %-22s %10.1f %8.2f %12.1f %12.1f\n", rows[i].name, median(ns), median(ratio),
               median(added), median(wire));
    }
}

static void print_memory(const char *name, const Memory *m, const EnrichLimits *limits,
                         const World *w) {
    CacheStats rows[ENRICH_STATS_MAX];
    uint32_t n = enricher_stats(w->enricher, rows, ENRICH_STATS_MAX);
    uint64_t evicted = 0, bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        evicted += rows[i].evicted;
        bytes += rows[i].bytes;
    }
    printf("  %-22s %6.1f MiB when filled, peak %6.1f, counted %6.1f, limit %6.1f, evicted %llu\n",
           name, (double)m->now / 1048576, (double)m->peak / 1048576, (double)bytes / 1048576,
           (double)limits->memory_bytes / 1048576, (unsigned long long)evicted);
}

int main(void) {
    EnrichLimits large = enrich_limits_default(), normal = large;
    large.files = large.file_objects = 1u << 20;
    large.processes = 1u << 17;
    large.threads = 1u << 18;
    large.memory_bytes = (size_t)1 << 30;
    const WorldOptions options[N_WORLDS] = {
        [PLAIN] = {1000, 1000, false, "none", large},
        [FEW] = {1000, 1000, false, "default", large},
        [MANY] = {1000000, 100000, false, "default", large},
        [FEW_UNIFORM] = {1000, 1000, true, "default", large},
        [MANY_UNIFORM] = {1000000, 100000, true, "default", large},
        [BOUNDED] = {1000000, 100000, false, "default", normal},
    };
    static Cost costs[N_WORKS][N_WORLDS][ROUNDS];
    World *worlds[N_WORLDS];
    Memory memory[N_WORLDS];
    Ring *ring;
    must(ring_new(NULL, NULL, &ring), "ring");
    for (int i = 0; i < N_WORLDS; i++)
        worlds[i] = world_new(&options[i], ring, &memory[i]);
    for (int work = 0; work < N_WORKS; work++)
        for (int r = -1; r < ROUNDS; r++)
            for (int i = 0; i < N_WORLDS; i++) {
                Cost cost = run(worlds[i], work);
                if (r >= 0)
                    costs[work][i][r] = cost;
            }
    puts("enrichment of live events: few = 10^3 file objects and 10^3 processes, many = 10^6 and "
         "10^5");
    for (int work = 0; work < N_WORKS; work++)
        print_work(work, costs[work]);
    puts("memory of the caches");
    print_memory("few", &memory[FEW], &large, worlds[FEW]);
    print_memory("many", &memory[MANY], &large, worlds[MANY]);
    print_memory("many, default limits", &memory[BOUNDED], &normal, worlds[BOUNDED]);
    for (int i = 0; i < N_WORLDS; i++)
        world_free(worlds[i]);
    ring_free(ring);
    return 0;
}
