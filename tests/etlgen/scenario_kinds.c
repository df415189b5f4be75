// `kinds`: a few events of everything that an .etl file can hold.

#include "tests/etlgen/scenario_kinds.h"

#include "tests/etlgen/scenario.h"

static void run_kinds(const ScenarioOptions *o, Gen *g) {
    (void)o;
    g->schema_after_use = true;
    kinds_headers(g);
    kinds_items(g);
    kinds_schemas(g);
    kinds_tracelogging(g);
    kinds_eventsource(g);
    kinds_kernel(g, 8);
    kinds_kernel(g, 4);
}

const ScenarioInfo scenario_kinds = {
    .name = "kinds",
    .summary = "every header type, WPP option set, extended item, in-type and kernel payload",
    .n_cpus = 4,
    .packs = true,
    .run = run_kinds,
};
