// The part of a summary that --enrich adds: what the caches knew, and how far the stacks came. One
// owner.
#pragma once

#include "enrich/enrich.h"

#define SUMMARY_CACHES 24u

typedef struct EnrichCounts { // of one event type
    uint64_t with_process;    // events whose process has a name
    uint64_t file_names, registry_paths;
    uint64_t stacks, incomplete; // events with a stack; of them, those that lack a part
} EnrichCounts;

typedef struct SummaryEnrich {
    bool on, file_knowledge, degraded;
    EnrichCounts all;
    uint64_t pid_only, without_process;
    uint64_t by_provenance[4]; // of processes and names
    CacheStats caches[SUMMARY_CACHES];
    uint32_t n_caches;
    StackTotals stacks;
} SummaryEnrich;

// stack: may come later than the view (NULL: none).
void summary_enrich_count(SummaryEnrich *s, EnrichCounts *counts, const EnrichedView *view);
void summary_enrich_stack(SummaryEnrich *s, EnrichCounts *counts, const StackView *stack);
void summary_enrich_finish(SummaryEnrich *s, const Enricher *enricher);
void summary_enrich_text(const SummaryEnrich *s, Buf *out);
void summary_enrich_json(const SummaryEnrich *s, JsonWriter *w); // a member "Enrichment"
void enrich_counts_add(EnrichCounts *to, const EnrichCounts *from);
void enrich_counts_json(const EnrichCounts *counts, JsonWriter *w); // members
