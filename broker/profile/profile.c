#include "profile/profile.h"

#include <stdio.h>

#include "platform/clock.h"
#include "profile/keys.h"
#include "util/mem.h"

static void hex_text(JsonWriter *w, const char *key, uint64_t v) {
    char buf[24];
    snprintf(buf, sizeof buf, "0x%llx", (unsigned long long)v);
    key_text(w, key, buf);
}

static void broker_json(Hub *hub, const ProfileFacts *facts, bool administrator, JsonWriter *w) {
    char guid[GUID_TEXT];
    int status;
    jsonw_object(w);
    key_text(w, "version", facts->version);
    key_text(w, "instance", guid_format(&facts->instance, guid));
    key_number(w, "uptime_ms", (uint64_t)(facts->uptime_ns / 1000000));
    key_text(w, "source", facts->source_kind);
    key_text(w, "state", facts->source_state);
    key_number(w, "epoch", hub_epoch(hub));
    jsonw_key(w, "clean");
    jsonw_bool(w, !hub_ended(hub, &status) || status == 0);
    if (administrator) {
        key_number(w, "clients", facts->n_clients);
        key_number(w, "max_clients", facts->max_clients);
        key_number(w, "subscriptions", hub_watch_count(hub));
        key_number(w, "feeds", hub_feed_count(hub));
        key_number(w, "types", type_table_count(hub_types(hub)));
        int64_t cpu_ns = plat_cpu_ns();
        key_number(w, "cpu_ms", (uint64_t)(cpu_ns / 1000000));
        key_share(w, "cpu_percent",
                  facts->uptime_ns > 0 ? 100.0 * (double)cpu_ns / (double)facts->uptime_ns : 0);
        key_counter(w, "memory_bytes", plat_memory_bytes());
        key_counter(w, "heap_bytes", mem_in_use());
        key_counter(w, "heap_peak_bytes", mem_peak());
        key_counter(w, "batches_live", hub_pool(hub)->live);
        key_counter(w, "batch_bytes_live", hub_pool(hub)->live_bytes);
        key_counter(w, "held_bytes", hub_held_bytes(hub));
    }
    jsonw_object_end(w);
}

static void source_json(const SourceLedger *s, JsonWriter *w) {
    jsonw_object(w);
    key_counter(w, "received", s->received);
    key_counter(w, "malformed", s->malformed);
    key_counter(w, "self", s->self);
    key_counter(w, "internal_schema", s->internal_schema);
    key_counter(w, "internal_stack", s->internal_stack);
    key_counter(w, "internal_rundown", s->internal_rundown);
    key_counter(w, "internal_caches", s->internal_caches);
    key_counter(w, "unwanted", s->unwanted);
    key_counter(w, "wanted", s->wanted);
    jsonw_key(w, "balanced");
    jsonw_bool(w, source_ledger_balanced(s));
    jsonw_object_end(w);
}

static double row_cost(const ProviderStats *row) {
    // Sampled time scaled to all events of the row.
    return row->cost_samples
               ? (double)row->cost_ns / (double)row->cost_samples * (double)row->events
               : 0;
}

// What the caches learnt from the row took, scaled in the same way.
static double observed_cost(const ProviderStats *row) {
    return row->observed_samples
               ? (double)row->observed_ns / (double)row->observed_samples * (double)row->observed
               : 0;
}

static void row_json(Hub *hub, const ProviderStats *row, double cost_all, JsonWriter *w) {
    char guid[GUID_TEXT];
    jsonw_object(w);
    key_text(w, "name", row->name);
    if (row->kernel_type >= 0)
        key_text(w, "kernel", kernel_type((uint32_t)row->kernel_type)->name);
    else
        key_text(w, "guid", guid_format(&row->guid, guid));
    key_number(w, "watchers", hub_watchers_of(hub, row));
    jsonw_key(w, "caches");
    jsonw_bool(w, hub_caches_want_row(hub, row));
    const PlanProvider *plan =
        row->kernel_type < 0 ? plan_provider(hub_plan(hub), &row->guid) : NULL;
    if (plan && plan->ask.enabled) {
        hex_text(w, "any", plan->ask.any);
        hex_text(w, "all", plan->ask.all);
        key_number(w, "level", plan->ask.level);
        jsonw_key(w, "event_ids");
        jsonw_array(w);
        for (uint32_t i = 0; i < plan->ask.n_ids; i++)
            jsonw_u64(w, plan->ask.ids[i]);
        jsonw_array_end(w);
    }
    key_counter(w, "events", row->events);
    key_counter(w, "bytes", row->bytes);
    key_share(w, "rate", row->rate);
    key_counter(w, "wanted", row->wanted);
    key_counter(w, "unmatched", row->unmatched);
    key_counter(w, "internal", row->internal);
    key_counter(w, "for_caches", row->for_caches);
    key_counter(w, "observed", row->observed);
    key_counter(w, "delivered", row->delivered);
    key_counter(w, "dropped", row->dropped);
    // Unwanted: came, and was of use to nobody.
    uint64_t taken = row->wanted - row->unmatched + row->for_caches;
    key_share(w, "unwanted_share",
              row->events ? (double)(row->events - taken) / (double)row->events : 0);
    key_share(w, "cost_share", cost_all > 0 ? row_cost(row) / cost_all : 0);
    key_share(w, "caches_cost_share", cost_all > 0 ? observed_cost(row) / cost_all : 0);
    jsonw_object_end(w);
}

#define CACHES_MAX 32u

static void caches_json(const Enricher *enricher, JsonWriter *w) {
    CacheStats rows[CACHES_MAX];
    uint32_t n = enricher ? enricher_stats(enricher, rows, CACHES_MAX) : 0;
    jsonw_array(w);
    for (uint32_t i = 0; i < n; i++) {
        const CacheStats *c = &rows[i];
        jsonw_object(w);
        key_text(w, "name", c->name);
        key_counter(w, "size", c->entries);
        key_counter(w, "limit", c->limit);
        key_counter(w, "bytes", c->bytes);
        key_counter(w, "bytes_limit", c->bytes_limit);
        key_counter(w, "retrievals", c->retrievals);
        key_counter(w, "hits", c->hits);
        key_counter(w, "misses", c->misses);
        key_counter(w, "inserted", c->inserted);
        key_counter(w, "evicted", c->evicted);
        key_counter(w, "live", c->live);
        key_counter(w, "rundown", c->rundown);
        key_counter(w, "guess", c->guess);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

static void stacks_json(const Enricher *enricher, JsonWriter *w) {
    StackTotals t = enricher_stack_totals(enricher);
    jsonw_object(w);
    key_counter(w, "fragments", t.fragments);
    key_counter(w, "attached", t.attached);
    key_counter(w, "references", t.references);
    key_counter(w, "resolved", t.resolved);
    key_counter(w, "frames", t.frames);
    key_counter(w, "in_modules", t.in_modules);
    jsonw_object_end(w);
}

void profile_json(Hub *hub, const ProfileFacts *facts, const ProfileViewer *viewer, JsonWriter *w) {
    hub_rates(hub);
    jsonw_object(w);
    jsonw_key(w, "broker");
    broker_json(hub, facts, viewer->administrator, w);
    jsonw_key(w, "sessions");
    jsonw_array(w);
    jsonw_object(w);
    key_text(w, "name", facts->source_name);
    key_text(w, "kind", facts->source_kind);
    key_text(w, "state", facts->source_state);
    key_text(w, "clock", facts->clock);
    key_share(w, "progress", facts->progress);
    const SourceLedger *source = hub_source(hub);
    key_counter(w, "lost_events", source->lost_events);
    key_counter(w, "lost_buffers", source->lost_buffers);
    key_counter(w, "lost_unknown", source->lost_unknown);
    const Enricher *enricher = hub_enricher(hub);
    if (enricher) { // a file was too large to be known as a whole before it was replayed
        jsonw_key(w, "knowledge_degraded");
        jsonw_bool(w, enricher_degraded(enricher));
    }
    if (viewer->administrator) {
        key_counter(w, "wait_ns", facts->source_wait_ns);
        jsonw_key(w, "ledger");
        source_json(source, w);
        double cost_all = 0;
        for (uint32_t i = 0; i < hub_provider_count(hub); i++)
            cost_all += row_cost(hub_provider(hub, i));
        jsonw_key(w, "providers");
        jsonw_array(w);
        for (uint32_t i = 0; i < hub_provider_count(hub); i++)
            row_json(hub, hub_provider(hub, i), cost_all, w);
        jsonw_array_end(w);
    }
    jsonw_object_end(w);
    jsonw_array_end(w);
    jsonw_key(w, "subscriptions");
    subscriptions_json(hub, viewer, w);
    // Totals over what everybody watches: not for others' eyes.
    jsonw_key(w, "caches");
    caches_json(viewer->administrator ? enricher : NULL, w);
    if (viewer->administrator && enricher) {
        jsonw_key(w, "stacks");
        stacks_json(enricher, w);
    }
    jsonw_object_end(w);
}

void stats_json(Hub *hub, const ProfileFacts *facts, const ProfileViewer *viewer, JsonWriter *w) {
    const SourceLedger *source = hub_source(hub);
    Watch *watch;
    jsonw_object(w);
    key_number(w, "epoch", hub_epoch(hub));
    key_text(w, "state", facts->source_state);
    key_counter(w, "lost_events", source->lost_events);
    key_counter(w, "lost_buffers", source->lost_buffers);
    key_counter(w, "lost_unknown", source->lost_unknown);
    if (viewer->administrator) {
        jsonw_key(w, "ledger");
        source_json(source, w);
    }
    jsonw_key(w, "subscriptions");
    jsonw_array(w);
    for (uint32_t i = 0; hub_next_watch(hub, &i, &watch);) {
        if (!viewer->administrator && watch->user != viewer->user)
            continue;
        Ledger ledger = watch_ledger(watch);
        jsonw_object(w);
        key_number(w, "id", watch->id);
        jsonw_key(w, "ledger");
        ledger_json(&ledger, viewer->administrator, w);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    jsonw_object_end(w);
}

static void masks_json(const uint32_t *masks, JsonWriter *w) {
    jsonw_array(w);
    for (uint32_t i = 0; i < KERNEL_MASK_WORDS; i++) {
        char buf[16];
        snprintf(buf, sizeof buf, "0x%08x", (unsigned)masks[i]);
        jsonw_text(w, buf);
    }
    jsonw_array_end(w);
}

static void kernel_types_json(KernelSet types, JsonWriter *w) {
    jsonw_array(w);
    for (uint32_t i = 0; i < kernel_type_count(); i++)
        if (types & KERNEL_BIT(i))
            jsonw_text(w, kernel_type(i)->name);
    jsonw_array_end(w);
}

// What the caches ask for, and why.
static void caches_asks_json(const CachesNeed *need, JsonWriter *w) {
    const CachesProvider *p;
    jsonw_array(w);
    for (uint32_t i = 0; i < kernel_type_count(); i++) {
        if (!(need->kernel & KERNEL_BIT(i)))
            continue;
        jsonw_object(w);
        key_text(w, "kernel", kernel_type(i)->name);
        key_text(w, "reason", caches_kernel_reason(i));
        jsonw_object_end(w);
    }
    for (uint32_t i = 0; (p = caches_provider(i)) != NULL; i++) {
        char guid[GUID_TEXT];
        if (!(need->providers & 1u << i))
            continue;
        jsonw_object(w);
        key_text(w, "provider", p->name);
        key_text(w, "guid", guid_format(&p->guid, guid));
        hex_text(w, "any", p->any);
        key_text(w, "reason", p->reason);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

void explain_json(Hub *hub, JsonWriter *w) {
    const Plan *plan = hub_plan(hub);
    const PlanProvider *p;
    char guid[GUID_TEXT];
    jsonw_object(w);
    jsonw_key(w, "providers");
    jsonw_array(w);
    for (uint32_t i = 0; (p = plan_next(plan, &i)) != NULL;) {
        jsonw_object(w);
        key_text(w, "name", p->name);
        key_text(w, "guid", guid_format(&p->guid, guid));
        key_number(w, "watchers", p->n_watchers);
        key_number(w, "wants", p->n_wants);
        jsonw_key(w, "caches");
        jsonw_bool(w, p->caches);
        hex_text(w, "any", p->ask.any);
        hex_text(w, "all", p->ask.all);
        key_number(w, "level", p->ask.level);
        hex_text(w, "properties", p->ask.properties);
        jsonw_key(w, "event_ids");
        jsonw_array(w);
        for (uint32_t j = 0; j < p->ask.n_ids; j++)
            jsonw_u64(w, p->ask.ids[j]);
        jsonw_array_end(w);
        jsonw_key(w, "pids");
        jsonw_array(w);
        for (uint32_t j = 0; j < p->ask.n_pids; j++)
            jsonw_u64(w, p->ask.pids[j]);
        jsonw_array_end(w);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
    const PlanKernel *kernel = plan_kernel(plan);
    jsonw_key(w, "kernel");
    jsonw_object(w);
    jsonw_key(w, "types");
    kernel_types_json(kernel->types, w);
    jsonw_key(w, "masks");
    masks_json(kernel->masks, w);
    jsonw_key(w, "stack_types");
    kernel_types_json(kernel->stack_types, w);
    key_number(w, "watchers", kernel->n_watchers);
    jsonw_key(w, "caches");
    jsonw_bool(w, kernel->caches);
    jsonw_object_end(w);
    jsonw_key(w, "caches");
    caches_asks_json(hub_caches(hub), w);
    jsonw_object_end(w);
}
