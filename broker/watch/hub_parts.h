// The hub's state, for its own files: hub.c (items of the source, looking), hub_routes.c (one
// event), and hub_members.c (subscriptions, and the caches' place in the plan). Owner: the loop.
#pragma once

#include "watch/hub.h"

#define COST_EVERY 64u // events: one in so many is timed

enum {                    // Route.asks: what of enrichment an event of the type needs for this feed
    ROUTE_RESOLVE = 0x01, // its filters read enriched fields
    ROUTE_DERIVE = 0x02,  // the same under enrich 'none': only what stands in the payload itself
    ROUTE_SUBJECT = 0x04, // whose event it is has to be looked up
    ROUTE_VIEW = 0x08,    // what is known goes with it
    ROUTE_STACK = 0x10,   // its stack as well
    ROUTE_STACK_WAIT = 0x20, // which comes in events of its own
    ROUTE_STACK_KEY = 0x40,  // which may be a key that is defined later
};

typedef struct Route {
    Feed *feed;
    Spec *spec; // one reference: a program must not outlive what it was made from
    BoundSpec *program;
    uint32_t asks; // ROUTE_*
} Route;

// What happens to events of one type: rebuilt when the hub's generation has moved on.
typedef struct TypeRoutes {
    ProviderStats *row; // NULL: only learnt from so far
    EnrichPlan *plan;   // NULL without enrichment; outlives a rebuild
    bool feeder;        // caches learn from it
    bool for_caches;    // and ask for it
    uint32_t n;
    Route routes[];
} TypeRoutes;

struct Hub {
    HubOptions options;
    TypeTable *types;
    UserTable users;
    BatchPool pool;
    Plan *plan;
    PlanDeltas deltas, cache_deltas; // scratch
    CachesNeed caches; // what "(caches)" asks for in the plan; nothing: it is no member
    Map feeds_by_key;
    Feed **feeds;
    uint32_t n_feeds, feeds_capacity;
    Feed **open_feeds; // those with something open or held
    uint32_t n_open, open_capacity;
    Watch **watches; // ascending by id
    uint32_t n_watches, watches_capacity;
    uint32_t next_id;
    uint32_t generation; // of the set of feeds
    uint32_t epoch;
    uint32_t n_lossless;
    uint64_t sealed_seen; // pool.sealed when fullness was last computed
    bool full;
    bool ended;
    int end_status;
    uint32_t sample;
    int64_t now_ns;     // as of the last tick, mark or sampled event
    int64_t event_time; // of the newest event
    int64_t held_due;   // replay: event time at which the first held event goes; INT64_MAX: none
    SourceLedger source;
    ProviderTable providers;
    const Schema *derived_of; // of the event whose filters run
    Buf derived;              // scratch of derived values
    EnrichedView no_stack;    // the view for a feed that wants no stack, when another has one
    FieldSlice slices[SCHEMA_MAX_FIELDS];
};

static inline int64_t hub_now(const Hub *hub) {
    return hub->options.now(hub->options.now_user);
}

// hub_routes.c
void hub_drop_routes(void *routes); // of the type table
void hub_release_due(Hub *hub);
void hub_take_record(Hub *hub, const EventRecord *record);
void hub_take_knowledge(Hub *hub, const EventRecord *record);
