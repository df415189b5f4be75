// The multiplexer core: ring items in, sealed batches into the queues of watches out.
//
// Owner: the loop; no locks. The hub holds the types, the feeds, the subscriptions by id, the union
// of all wants (what a source is asked for) and the source's ledger. It does no I/O: connections
// take entries from their watch and tell back what was written.
#pragma once

#include "enrich/enrich.h"
#include "route/caches.h"
#include "source/ring.h"
#include "watch/feed.h"
#include "watch/provider_stats.h"

#define HUB_QUANTUM_NS INT64_C(1000000) // an open batch waits no longer than this for company

typedef struct Hub Hub;

typedef struct HubOptions {
    int64_t (*now)(void *user); // monotonic ns; a fake clock in tests
    void *now_user;
    SchemaStore *store; // borrowed
    UserLimits limits;
    uint32_t own_pid; // whose events are `self`; 0 = none (replay)
    // Borrowed. NULL: nothing is enriched, held, or asked for by caches.
    Enricher *enricher;
    bool live; // the source is a live session: waits go by the clock, not by event time
} HubOptions;

int hub_new(const HubOptions *options, Hub **ret);
Hub *hub_free(Hub *hub); // all subscriptions must have left

// --- the source's side ---
void hub_item(Hub *hub, const RingItem *item);
bool hub_is_full(Hub *hub); // a lossless watch cannot take more: stop consuming
// Releases what has been held long enough and seals what is due; returns the ns until it wants to
// be called again, or -1 when nothing is open.
int64_t hub_tick(Hub *hub);
void hub_seal_all(Hub *hub); // what is held goes as well, complete or not

// --- the subscribers' side ---
// spec is only referenced. watch is the connection's and initialised here. Errors: BUSY, OVERSIZE,
// NO_MEMORY. lossless: the default queue policy is to wait.
int hub_subscribe(Hub *hub, User *user, Spec *spec, bool lossless, Watch *watch, Err *err);
// New wants for a subscription; deltas (may be NULL) tells what it changes at the source in all.
int hub_change(Hub *hub, Watch *watch, Spec *spec, PlanDeltas *deltas, Err *err);
// What hub_change would do at the source, without doing it (-WhatIf).
int hub_preview(Hub *hub, const Watch *watch, const Spec *spec, PlanDeltas *deltas, Err *err);
void hub_leave(Hub *hub, Watch *watch);       // leaves feed and plan; queue and id stay
void hub_unsubscribe(Hub *hub, Watch *watch); // leaves, drops the queue, forgets the id
Watch *hub_find(Hub *hub, uint32_t id);
void hub_end_all(Hub *hub, uint32_t reason);

// --- looking ---
uint32_t hub_epoch(const Hub *hub);
bool hub_ended(const Hub *hub, int *ret_status);
const SourceLedger *hub_source(const Hub *hub);
const Plan *hub_plan(const Hub *hub);
Enricher *hub_enricher(const Hub *hub);       // NULL: none
const CachesNeed *hub_caches(const Hub *hub); // what the caches ask for
bool hub_caches_want_row(const Hub *hub, const ProviderStats *row);
uint64_t hub_held_bytes(const Hub *hub); // of events that wait for their stacks
TypeTable *hub_types(Hub *hub);
UserTable *hub_users(Hub *hub);
uint32_t hub_watch_count(const Hub *hub);
bool hub_next_watch(const Hub *hub, uint32_t *i, Watch **ret); // for (uint32_t i = 0; …)
uint32_t hub_provider_count(const Hub *hub);
ProviderStats *hub_provider(Hub *hub, uint32_t i);
void hub_rates(Hub *hub); // closes a rate window when a second has passed
uint32_t hub_feed_count(const Hub *hub);
const BatchPool *hub_pool(const Hub *hub);
// Watchers whose wants take this row's events by their static part.
uint32_t hub_watchers_of(const Hub *hub, const ProviderStats *row);
bool hub_wants_row(const Spec *spec, const ProviderStats *row);
