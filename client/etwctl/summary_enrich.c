#include "client/etwctl/summary_enrich.h"

#include <stdio.h>

#include "client/etwctl/table.h"
#include "client/etwctl/text.h"

void enrich_counts_add(EnrichCounts *to, const EnrichCounts *from) {
    to->with_process += from->with_process;
    to->file_names += from->file_names;
    to->registry_paths += from->registry_paths;
    to->stacks += from->stacks;
    to->incomplete += from->incomplete;
}

void summary_enrich_count(SummaryEnrich *s, EnrichCounts *counts, const EnrichedView *view) {
    EnrichCounts one = {0};
    const ProcessView *process = view->chains[CHAIN_PROCESS].process;
    if (process && process->name[0]) {
        one.with_process = 1;
        s->by_provenance[process->provenance & 3]++;
    } else if (process) {
        s->pid_only++;
    } else {
        s->without_process++;
    }
    for (uint32_t i = 0; i < view->n_values; i++) {
        const EnrichedValue *value = &view->values[i];
        one.file_names += value->field == ENRICHED_FILE_NAME;
        one.registry_paths += value->field == ENRICHED_REGISTRY_PATH;
        s->by_provenance[value->provenance & 3]++;
    }
    enrich_counts_add(&s->all, &one);
    enrich_counts_add(counts, &one);
}

void summary_enrich_stack(SummaryEnrich *s, EnrichCounts *counts, const StackView *stack) {
    if (!stack)
        return;
    EnrichCounts one = {.stacks = stack->n > 0, .incomplete = stack->incomplete};
    enrich_counts_add(&s->all, &one);
    enrich_counts_add(counts, &one);
}

void summary_enrich_finish(SummaryEnrich *s, const Enricher *enricher) {
    s->n_caches = enricher_stats(enricher, s->caches, SUMMARY_CACHES);
    s->n_caches = MIN_OF(s->n_caches, SUMMARY_CACHES);
    s->stacks = enricher_stack_totals(enricher);
    s->degraded = enricher_degraded(enricher);
}

void summary_enrich_text(const SummaryEnrich *s, Buf *out) {
    char a[NUMBER_TEXT], b[NUMBER_TEXT], c[NUMBER_TEXT];
    if (!s->on)
        return;
    buf_printf(out, "\nENRICHMENT knowledge %s%s\n", s->file_knowledge ? "file" : "live",
               s->degraded ? ", cut short: names may be missing" : "");
    buf_printf(out, "  processes: %s events with a name, %s with a pid only, %s with neither\n",
               number_text(s->all.with_process, a), number_text(s->pid_only, b),
               number_text(s->without_process, c));
    buf_printf(out, "  names: %s live, %s rundown, %s guess\n",
               number_text(s->by_provenance[PROVENANCE_LIVE], a),
               number_text(s->by_provenance[PROVENANCE_RUNDOWN], b),
               number_text(s->by_provenance[PROVENANCE_GUESS], c));
    buf_printf(out, "  files: %s events with a name; keys: %s events with a path\n",
               number_text(s->all.file_names, a), number_text(s->all.registry_paths, b));
    buf_printf(out, "  stacks: %s events, %s incomplete; attached %s of ",
               number_text(s->all.stacks, a), number_text(s->all.incomplete, b),
               number_text(s->stacks.attached, c));
    buf_printf(out, "%s fragments, resolved %s of %s references\n",
               number_text(s->stacks.fragments, a), number_text(s->stacks.resolved, b),
               number_text(s->stacks.references, c));
    buf_printf(out, "  frames: %s of %s in known modules\n", number_text(s->stacks.in_modules, a),
               number_text(s->stacks.frames, b));
    static const Column table[] = {
        {"Cache", 16, false, false},   {"Size/Limit", 19, true, false},
        {"Inserted", 10, true, false}, {"Retrievals", 11, true, false},
        {"Hits", 11, true, false},     {"Misses", 9, true, false},
        {"Evicted", 9, true, false},   {"live/rundown/guess", 24, true, false}};
    if (s->n_caches > 0)
        table_header(out, table, ARRAY_COUNT(table));
    for (uint32_t i = 0; i < s->n_caches; i++) {
        const CacheStats *cache = &s->caches[i];
        char size[2 * NUMBER_TEXT], inserted[NUMBER_TEXT], retrievals[NUMBER_TEXT];
        char hits[NUMBER_TEXT], misses[NUMBER_TEXT], evicted[NUMBER_TEXT], by[3 * NUMBER_TEXT];
        snprintf(size, sizeof size, "%s/%s", number_text(cache->entries, a),
                 cache->limit != 0 ? number_text(cache->limit, b) : "-");
        snprintf(by, sizeof by, "%s/%s/%s", number_text(cache->live, a),
                 number_text(cache->rundown, b), number_text(cache->guess, c));
        const char *cells[] = {cache->name,
                               size,
                               number_text(cache->inserted, inserted),
                               number_text(cache->retrievals, retrievals),
                               number_text(cache->hits, hits),
                               number_text(cache->misses, misses),
                               number_text(cache->evicted, evicted),
                               by};
        table_row(out, table, ARRAY_COUNT(table), cells);
    }
}

static void number_member(JsonWriter *w, const char *key, uint64_t v) {
    jsonw_key(w, key);
    jsonw_u64(w, v);
}

void enrich_counts_json(const EnrichCounts *counts, JsonWriter *w) {
    number_member(w, "WithProcess", counts->with_process);
    number_member(w, "FileNames", counts->file_names);
    number_member(w, "RegistryPaths", counts->registry_paths);
    number_member(w, "Stacks", counts->stacks);
    number_member(w, "StacksIncomplete", counts->incomplete);
}

static void cache_json(const CacheStats *cache, JsonWriter *w) {
    jsonw_object(w);
    jsonw_key(w, "Name");
    jsonw_text(w, cache->name);
    number_member(w, "Entries", cache->entries);
    number_member(w, "Limit", cache->limit);
    number_member(w, "Bytes", cache->bytes);
    number_member(w, "BytesLimit", cache->bytes_limit);
    number_member(w, "Retrievals", cache->retrievals);
    number_member(w, "Hits", cache->hits);
    number_member(w, "Misses", cache->misses);
    number_member(w, "Inserted", cache->inserted);
    number_member(w, "Evicted", cache->evicted);
    number_member(w, "Live", cache->live);
    number_member(w, "Rundown", cache->rundown);
    number_member(w, "Guess", cache->guess);
    jsonw_object_end(w);
}

void summary_enrich_json(const SummaryEnrich *s, JsonWriter *w) {
    if (!s->on)
        return;
    jsonw_key(w, "Enrichment");
    jsonw_object(w);
    jsonw_key(w, "Knowledge");
    jsonw_text(w, s->file_knowledge ? "file" : "live");
    jsonw_key(w, "Degraded");
    jsonw_bool(w, s->degraded);
    enrich_counts_json(&s->all, w);
    number_member(w, "WithPidOnly", s->pid_only);
    number_member(w, "WithoutProcess", s->without_process);
    number_member(w, "NamesLive", s->by_provenance[PROVENANCE_LIVE]);
    number_member(w, "NamesRundown", s->by_provenance[PROVENANCE_RUNDOWN]);
    number_member(w, "NamesGuess", s->by_provenance[PROVENANCE_GUESS]);
    number_member(w, "StackFragments", s->stacks.fragments);
    number_member(w, "StackFragmentsAttached", s->stacks.attached);
    number_member(w, "StackReferences", s->stacks.references);
    number_member(w, "StackReferencesResolved", s->stacks.resolved);
    number_member(w, "Frames", s->stacks.frames);
    number_member(w, "FramesInModules", s->stacks.in_modules);
    jsonw_key(w, "Caches");
    jsonw_array(w);
    for (uint32_t i = 0; i < s->n_caches; i++)
        cache_json(&s->caches[i], w);
    jsonw_array_end(w);
    jsonw_object_end(w);
}
