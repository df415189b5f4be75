// Per-provider figures of the profile: one row for each provider, and one for each kernel type.
//
// Owner: the hub (loop). Rows are made at a provider's first event or subscription and live as long
// as the table; beyond PROVIDER_STATS_MAX rows everything else is counted in one named "(others)".
#pragma once

#include "schema/types.h"
#include "util/map.h"

#define PROVIDER_STATS_MAX 4096u

typedef struct ProviderStats {
    Guid guid;       // null for a kernel type and for "(others)"
    int kernel_type; // index of route/kernel.h, or -1
    char *name;      // owned
    uint64_t events, bytes;
    uint64_t wanted;    // some watcher's static part matched
    uint64_t unmatched; // of these: every filter said no
    uint64_t internal;
    uint64_t for_caches;                    // of these: only the caches wanted them
    uint64_t observed;                      // caches learnt from them, whoever wanted them
    uint64_t observed_ns, observed_samples; // of sampled events: what that took
    uint64_t delivered;                     // sum over watchers of matched events
    uint64_t dropped;                       // sum over watchers of events dropped from queues
    uint64_t cost_ns, cost_samples;         // of sampled events
    uint64_t window_events;                 // at the start of the rate window
    double rate;                            // events a second of the last full window
} ProviderStats;

typedef struct ProviderTable {
    Map by_key;
    ProviderStats **rows;
    uint32_t n, capacity;
    ProviderStats *others;
    int64_t window_ns; // start of the rate window
} ProviderTable;

void provider_table_init(ProviderTable *table, int64_t now_ns);
void provider_table_deinit(ProviderTable *table);
// The row of a type's provider; NULL only when out of memory.
ProviderStats *provider_table_find(ProviderTable *table, const Guid *provider,
                                   const EventDescriptor *desc, uint16_t event_flags,
                                   const char *name);
// The row of a kernel type (index of route/kernel.h).
ProviderStats *provider_table_kernel(ProviderTable *table, uint32_t kernel_type_index);
// The type in whose row events of this kernel type are counted: types may share events.
int provider_row_type(uint32_t kernel_type_index);
// Closes the rate window when at least a second has passed.
void provider_table_rates(ProviderTable *table, int64_t now_ns);
