// The scenarios: named, deterministic traces. The same name and options give the same bytes on
// every host. etlgen writes them to files; unit tests take them as bytes in memory. Any thread.
#pragma once

#include "tests/etlgen/gen.h"

// 0 stands for the scenario's own default everywhere.
typedef struct ScenarioOptions {
    uint64_t seed;
    uint64_t n_events; // about so many, where the scenario can scale
    uint32_t n_cpus;
    uint32_t duration_s;    // of trace time, where the scenario has one
    uint32_t rate;          // events a second of the noisy provider
    uint32_t payload_bytes; // of load events
    uint32_t buffer_bytes;
    uint32_t clock_type; // ETLW_CLOCK_*
    int64_t perf_freq;   // of ETLW_CLOCK_QPC
    EtlwPacking packing;
    const char *mix; // of load: "manifest=50,kernel=30,tracelogging=15,wpp=5"
} ScenarioOptions;

#define SCENARIO_DEFAULTS                                                                          \
    { 0 }

typedef struct ScenarioTotals {
    uint64_t events; // written, trace headers not counted
    uint64_t bytes;  // of the file
} ScenarioTotals;

typedef struct ScenarioInfo {
    const char *name;
    const char *summary; // one line
    uint64_t n_events;   // default
    uint32_t n_cpus, duration_s, rate;
    bool scales; // n_events is an option
    bool packs;  // may be compressed
    // Completes the defaults of the writer (oddities); may be NULL.
    void (*prepare)(const ScenarioOptions *options, EtlwOptions *writer);
    // Writes the events; options are complete.
    void (*run)(const ScenarioOptions *options, Gen *g);
    // Bytes of the file that are kept of `bytes`; NULL: all.
    uint64_t (*cut)(const ScenarioOptions *options, uint64_t bytes);
} ScenarioInfo;

// NULL-terminated.
const ScenarioInfo *const *scenario_all(void);
const ScenarioInfo *scenario_find(const char *name); // NULL: no such scenario

// expect_path, ret_totals: may be NULL.
int scenario_to_file(const char *name, const ScenarioOptions *options, const char *path,
                     const char *expect_path, ScenarioTotals *ret_totals, Err *err);
// Appends the file to `file` and, when not NULL, the expectation's lines to `expect_tsv`.
int scenario_to_buf(const char *name, const ScenarioOptions *options, Buf *file, Buf *expect_tsv,
                    Err *err);

// What enrichment must make of the scenario's file, as lines (enrich_expect.h): of file and of live
// knowledge. Nothing for a scenario that has no such expectation.
int scenario_enriched(const char *name, const ScenarioOptions *options, Buf *ret_file,
                      Buf *ret_live, Err *err);

extern const ScenarioInfo scenario_enrich, scenario_enrich_small, scenario_enrich_appended;
extern const ScenarioInfo scenario_demo, scenario_kinds, scenario_load, scenario_quiet_noisy;
extern const ScenarioInfo scenario_lost, scenario_circular, scenario_appended, scenario_truncated;
extern const ScenarioInfo scenario_markers, scenario_merged, scenario_preallocated, scenario_win7;
extern const ScenarioInfo scenario_unfinished, scenario_damaged;
