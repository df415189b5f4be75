#include "tests/etlgen/scenario.h"

static const ScenarioInfo *const all[] = {
    &scenario_demo,
    &scenario_kinds,
    &scenario_load,
    &scenario_quiet_noisy,
    &scenario_lost,
    &scenario_circular,
    &scenario_appended,
    &scenario_truncated,
    &scenario_markers,
    &scenario_merged,
    &scenario_preallocated,
    &scenario_win7,
    &scenario_unfinished,
    &scenario_damaged,
    &scenario_enrich,
    &scenario_enrich_small,
    &scenario_enrich_appended,
    NULL,
};

const ScenarioInfo *const *scenario_all(void) {
    return all;
}

const ScenarioInfo *scenario_find(const char *name) {
    for (size_t i = 0; all[i] != NULL; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

static ScenarioOptions complete(const ScenarioInfo *info, const ScenarioOptions *options) {
    ScenarioOptions o = *options;
    if (o.seed == 0)
        o.seed = 1;
    if (o.n_events == 0)
        o.n_events = info->n_events;
    if (o.n_cpus == 0)
        o.n_cpus = info->n_cpus;
    if (o.duration_s == 0)
        o.duration_s = info->duration_s;
    if (o.rate == 0)
        o.rate = info->rate;
    if (o.clock_type == 0)
        o.clock_type = ETLW_CLOCK_QPC;
    return o;
}

static EtlwOptions writer_options(const ScenarioInfo *info, const ScenarioOptions *o) {
    EtlwOptions w = etlw_defaults();
    w.n_cpus = o->n_cpus;
    w.packing = o->packing;
    w.clock.type = o->clock_type;
    if (o->perf_freq != 0)
        w.clock.perf_freq = o->perf_freq;
    if (o->clock_type == ETLW_CLOCK_SYSTEM)
        w.clock.start_raw = w.clock.start_time;
    if (info->prepare != NULL)
        info->prepare(o, &w);
    if (o->buffer_bytes != 0)
        w.buffer_bytes = o->buffer_bytes;
    return w;
}

// One run into an open sink.
static int run_with(const ScenarioInfo *info, const ScenarioOptions *o, EtlwSink *sink,
                    Expect *expect, EnrichExpect *enriched, uint64_t *ret_events, Err *err) {
    EtlwOptions w = writer_options(info, o);
    EtlwWriter *writer = NULL;
    int result = etlw_open(&w, sink, expect, &writer, err);
    if (result < 0)
        return result;
    Gen g;
    gen_init(&g, writer, &w.clock, o->n_cpus, o->seed);
    g.enriched = enriched;
    info->run(o, &g);
    *ret_events = etlw_events(writer);
    int status = g.status;
    gen_deinit(&g);
    result = etlw_close(writer, err);
    if (result == 0 && status < 0)
        result = err_set(err, (Status)-status, "scenario %s: an event was refused: %s", info->name,
                         status_text(-status));
    return result;
}

static int run(const ScenarioInfo *info, const ScenarioOptions *o, EtlwSink *sink, Expect *expect,
               uint64_t *ret_events, Err *err) {
    return run_with(info, o, sink, expect, NULL, ret_events, err);
}

static const ScenarioInfo *find(const char *name, Err *err) {
    const ScenarioInfo *info = scenario_find(name);
    if (info == NULL)
        err_set(err, STATUS_NOT_FOUND, "no scenario '%s'; 'etlgen --list' names them", name);
    return info;
}

static int prepare(const ScenarioInfo *info, const ScenarioOptions *options,
                   ScenarioOptions *ret_options, uint64_t *ret_limit, Err *err) {
    const char *name = info->name;
    if (options->packing != ETLW_PLAIN && !info->packs)
        return err_set(err, STATUS_UNSUPPORTED, "scenario %s cannot be compressed", name);
    if (options->n_events != 0 && !info->scales)
        return err_set(err, STATUS_UNSUPPORTED, "scenario %s has a fixed number of events", name);
    *ret_options = complete(info, options);
    *ret_limit = 0;
    if (info->cut == NULL)
        return 0;
    // The place of the cut depends on the size: a run into nothing finds it.
    EtlwSink sink;
    uint64_t n_events;
    etlw_sink_open_null(&sink);
    int result = run(info, ret_options, &sink, NULL, &n_events, err);
    if (result == 0)
        *ret_limit = info->cut(ret_options, sink.bytes);
    return result;
}

int scenario_to_file(const char *name, const ScenarioOptions *options, const char *path,
                     const char *expect_path, ScenarioTotals *ret_totals, Err *err) {
    const ScenarioInfo *info = find(name, err);
    if (info == NULL)
        return -(int)STATUS_NOT_FOUND;
    ScenarioOptions o = SCENARIO_DEFAULTS;
    uint64_t limit = 0, n_events = 0;
    int result = prepare(info, options, &o, &limit, err);
    if (result < 0)
        return result;
    EtlwSink sink;
    result = etlw_sink_open_file(&sink, path, err);
    if (result < 0)
        return result;
    sink.limit = limit;
    Expect expect;
    expect_init(&expect);
    result = run(info, &o, &sink, expect_path != NULL ? &expect : NULL, &n_events, err);
    int closed = etlw_sink_close(&sink, result == 0 ? err : NULL);
    if (result == 0)
        result = closed;
    if (result == 0 && expect_path != NULL)
        result = expect_to_file(&expect, limit, expect_path, err);
    if (ret_totals != NULL)
        *ret_totals =
            (ScenarioTotals){n_events, limit != 0 ? MIN_OF(limit, sink.bytes) : sink.bytes};
    expect_deinit(&expect);
    return result;
}

int scenario_to_buf(const char *name, const ScenarioOptions *options, Buf *file, Buf *expect_tsv,
                    Err *err) {
    const ScenarioInfo *info = find(name, err);
    if (info == NULL)
        return -(int)STATUS_NOT_FOUND;
    ScenarioOptions o = SCENARIO_DEFAULTS;
    uint64_t limit = 0, n_events = 0;
    int result = prepare(info, options, &o, &limit, err);
    if (result < 0)
        return result;
    EtlwSink sink;
    etlw_sink_open_memory(&sink, file);
    sink.limit = limit;
    Expect expect;
    expect_init(&expect);
    result = run(info, &o, &sink, expect_tsv != NULL ? &expect : NULL, &n_events, err);
    int closed = etlw_sink_close(&sink, result == 0 ? err : NULL);
    if (result == 0)
        result = closed;
    if (result == 0 && expect_tsv != NULL)
        result = expect_to_buf(&expect, limit, expect_tsv, err);
    expect_deinit(&expect);
    return result;
}

int scenario_enriched(const char *name, const ScenarioOptions *options, Buf *ret_file,
                      Buf *ret_live, Err *err) {
    const ScenarioInfo *info = find(name, err);
    if (info == NULL)
        return -(int)STATUS_NOT_FOUND;
    ScenarioOptions o = SCENARIO_DEFAULTS;
    uint64_t limit = 0, n_events = 0;
    int result = prepare(info, options, &o, &limit, err);
    if (result < 0)
        return result;
    EtlwSink sink;
    EnrichExpect enriched;
    etlw_sink_open_null(&sink);
    enrich_expect_init(&enriched);
    result = run_with(info, &o, &sink, NULL, &enriched, &n_events, err);
    enrich_expect_end(&enriched);
    if (result == 0 && (enriched.lines[0].failed || enriched.lines[1].failed))
        result = err_set(err, STATUS_NO_MEMORY, "no memory for the expectation");
    if (result == 0) {
        buf_append(ret_file, enriched.lines[0].data, enriched.lines[0].bytes);
        buf_append(ret_live, enriched.lines[1].data, enriched.lines[1].bytes);
    }
    enrich_expect_deinit(&enriched);
    return result;
}
