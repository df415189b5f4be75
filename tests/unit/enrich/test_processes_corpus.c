// Processes of a real trace: everything that tells of them is learned, then asked for at its own
// time. The comparison with another library's text, event for event, is end to end; here are the
// facts of the file that it rests on.
#include "make.h"

#include <stdio.h>

#include "enrich/processes.h"
#include "schema/types.h"
#include "source/etl_reader.h"
#include "unit/common/corpus.h"
#include "util/mem.h"

static SchemaStore *store;
static TypeTable *types;
static Processes *processes;
static Volumes *volumes;
static Accounts *accounts;
static ProcessPlan plans[TYPES_MAX];
static bool planned[TYPES_MAX];
static uint64_t n_events;

static const ProcessPlan *plan_of(const EventRecord *record, const Type **ret_type) {
    Guid provider;
    if (record->flags & EVENT_SCHEMA_DATA)
        cr_assert(schema_store_feed(store, record, &provider) >= 0);
    const Type *type = type_table_find(types, record);
    cr_assert(type != NULL);
    if (!planned[type->id])
        plans[type->id] = processes_plan(type->schema);
    planned[type->id] = true;
    *ret_type = type;
    return &plans[type->id];
}

// Every event once; learn: from those that tell; each (may be NULL) sees them all.
static void walk(const char *path, bool learn,
                 void (*each)(const EventRecord *record, const ProcessPlan *plan)) {
    Err err = ERR_INIT;
    EtlReader *reader;
    EtlOptions options = {0};
    EventRecord record;
    const Type *type;
    cr_assert(etl_open(path, &options, &reader, &err) == 0, "%s", err.text);
    for (n_events = 0; etl_next(reader, &record, &err) > 0; n_events++) {
        record.ordinal = n_events;
        const ProcessPlan *plan = plan_of(&record, &type);
        if (learn && plan->role != PROCESS_NOTHING)
            processes_observe(processes, plan, &record, type->schema);
        if (each)
            each(&record, plan);
    }
    etl_close(reader);
}

static void begin(bool looks_ahead) {
    ProcessesOptions o = {.max_processes = 1000,
                          .max_threads = 10000,
                          .max_services = 1000,
                          .looks_ahead = looks_ahead};
    memset(planned, 0, sizeof planned);
    cr_assert(schema_store_new(&store) == 0 && type_table_new(store, NULL, &types) == 0);
    cr_assert(volumes_new(&volumes) == 0 && accounts_new(false, &accounts) == 0);
    cr_assert(processes_new(&o, volumes, accounts, &processes) == 0);
}

static void end(size_t before) {
    processes_free(processes);
    accounts_free(accounts);
    volumes_free(volumes);
    type_table_free(types);
    schema_store_free(store);
    cr_assert(mem_in_use() == before);
}

static uint64_t n_with_pid, n_named, n_threads, n_threads_right;

static void ask(const EventRecord *record, const ProcessPlan *plan) {
    (void)plan;
    if (record->pid == UINT32_MAX)
        return;
    n_with_pid++;
    const ProcessView *view = processes_find(processes, record->pid, record->ordinal);
    n_named += view->name[0] != 0;
    // Manifest events are logged by the thread itself: its process is the header's.
    if (record->header_type != ETL_HEADER_EVENT64 || record->tid == UINT32_MAX)
        return;
    n_threads++;
    uint32_t pid = processes_of_thread(processes, record->tid, record->ordinal);
    n_threads_right += pid == record->pid;
}

static void check(uint32_t pid, uint64_t at, const char *name, const char *path_end,
                  const char *user, const char *chain) {
    ProcessChain c;
    char text[256] = "";
    const ProcessView *v = processes_find(processes, pid, at);
    processes_chain(processes, pid, at, &c);
    for (uint32_t i = 0; i < c.n_ancestors; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " <- " : "",
                       c.ancestors[i]->name);
    cr_assert(strcmp(v->name, name) == 0, "%u: %s", pid, v->name);
    size_t n = strlen(v->path), n_end = strlen(path_end);
    cr_assert(n >= n_end && (n_end > 0 || n == 0) && strcmp(v->path + n - n_end, path_end) == 0,
              "%u: %s", pid, v->path);
    cr_assert(strcmp(v->user, user) == 0, "%u: %s", pid, v->user);
    cr_assert(strcmp(text, chain) == 0, "%u: %s", pid, text);
}

#define SYSTEM32 "\\Device\\HarddiskVolume2\\Windows\\System32\\"

Test(processes_corpus, net_x64, .timeout = 120) {
    char path[1024];
    if (!corpus_file("net.4.5.2.x64.etl", path, sizeof path))
        cr_skip_test("no corpus");
    size_t before = mem_in_use();
    begin(true);
    walk(path, true, NULL);
    cr_assert(n_events == 179474);
    CacheStats stats[3];
    processes_stats(processes, stats);
    cr_assert(stats[0].entries == 35 && stats[1].entries == 671 && stats[2].entries == 157,
              "%llu %llu %llu", (unsigned long long)stats[0].entries,
              (unsigned long long)stats[1].entries, (unsigned long long)stats[2].entries);
    // Every event whose header has a process is of one that the trace knows, threads included.
    walk(path, false, ask);
    cr_assert(n_with_pid == 79317 && n_named == n_with_pid, "%llu of %llu",
              (unsigned long long)n_named, (unsigned long long)n_with_pid);
    cr_assert(n_threads == 34765 && n_threads_right == n_threads, "%llu of %llu",
              (unsigned long long)n_threads_right, (unsigned long long)n_threads);
    // One that was there, one that ran only within the trace, two whose end was before.
    check(624, 0, "csrss.exe", SYSTEM32 "csrss.exe", "NT AUTHORITY\\SYSTEM",
          "smss.exe <- smss.exe <- System <- Idle");
    check(3676, 29325, "Test.x64.exe",
          "\\clrmain\\public\\PerfInvestigations\\20-07-28.TestTraces\\Test.x64.exe", "",
          "cmd.exe <- explorer.exe");
    check(3676, 29324, "Test.x64.exe", "Test.x64.exe", "", "cmd.exe <- explorer.exe");
    check(3676, 121065, "Test.x64.exe", "Test.x64.exe", "", "cmd.exe <- explorer.exe");
    check(616, 136938, "smss.exe", "", "NT AUTHORITY\\SYSTEM", "smss.exe <- System <- Idle");
    check(988, 138054, "LogonUI.exe", "", "NT AUTHORITY\\SYSTEM",
          "winlogon.exe <- smss.exe <- smss.exe <- System <- Idle");
    // Samples before the rundown of their thread.
    cr_assert(processes_of_thread(processes, 3780, 1637) == 3988);
    end(before);
}
