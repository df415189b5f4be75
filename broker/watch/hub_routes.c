// What happens to one event: its type, what is learnt from it, and the feeds that take it.
#include "event/derived.h"
#include "util/mem.h"
#include "watch/hub_parts.h"

void hub_drop_routes(void *routes_) {
    TypeRoutes *routes = routes_;
    if (!routes)
        return;
    for (uint32_t i = 0; i < routes->n; i++) {
        spec_unbind(routes->routes[i].program);
        spec_unref(routes->routes[i].spec);
    }
    mem_free(routes->plan);
    mem_free(routes);
}

static ProviderStats *row_of(Hub *hub, const Type *type, const EventRecord *record) {
    const char *name = type->id == 0 ? "" : type->schema->provider_name;
    return provider_table_find(&hub->providers, &record->provider, &record->desc, record->flags,
                               name);
}

// What enrichment makes of a type is computed once, however often its routes are made anew.
static TypeRoutes *new_routes(Hub *hub, Type *type, uint32_t n_feeds) {
    TypeRoutes *old = type->routes;
    TypeRoutes *routes = mem_zalloc(sizeof *routes + (size_t)n_feeds * sizeof routes->routes[0]);
    if (!routes)
        return NULL;
    if (old) {
        routes->plan = old->plan;
        old->plan = NULL;
    } else if (hub->options.enricher) {
        routes->plan = mem_alloc(sizeof *routes->plan);
        if (!routes->plan) {
            mem_free(routes);
            return NULL;
        }
        *routes->plan = enrich_plan(type->schema);
    }
    routes->feeder = routes->plan && routes->plan->feeder;
    hub_drop_routes(old);
    type->routes = routes;
    type->generation = 0; // of no generation: not complete
    return routes;
}

// Do events of this class get their stacks in events of their own? A live session logs them for the
// listed events only; whoever made a file may have listed others.
static bool stack_comes(const Hub *hub, const Spec *spec, const Type *type) {
    if (!hub->options.live)
        return kernel_matches(spec->stack_kernel, &type->provider, type->desc.opcode);
    for (uint32_t i = 0; i < kernel_type_count(); i++) {
        const KernelType *k = kernel_type(i);
        for (uint8_t s = 0; (spec->stack_kernel & KERNEL_BIT(i)) && s < k->n_stacks; s++)
            if (k->stacks[s].opcode == type->desc.opcode &&
                guid_equal(k->stacks[s].class_guid, &type->provider))
                return true;
    }
    return false;
}

static uint32_t asks_of(const Hub *hub, const Spec *spec, const BoundSpec *program,
                        const Type *type, const EnrichPlan *plan) {
    uint32_t asks = 0;
    if (!plan)
        return 0;
    bool none = spec->enrich == SPEC_ENRICH_NONE;
    if (!program->always && spec_enriched(spec) != 0)
        asks |= none ? ROUTE_DERIVE : ROUTE_RESOLVE;
    if (!program->always && plan->subject.kind == SUBJECT_TID)
        asks |= ROUTE_SUBJECT;
    if (none)
        return asks;
    asks |= ROUTE_VIEW;
    if (plan->subject.no_stack)
        return asks;
    if (kernel_is_class(&type->provider, NULL)) {
        if (spec->stack_kernel != 0 && stack_comes(hub, spec, type))
            asks |= ROUTE_STACK | ROUTE_STACK_WAIT;
    } else if (spec_wants_provider_stack(spec, &type->provider)) {
        // The CLR tells stacks in events of their own, like the kernel.
        asks |= ROUTE_STACK |
                (plan->stack.role == STACK_CLR_TARGET ? ROUTE_STACK_WAIT : ROUTE_STACK_KEY);
    }
    return asks;
}

static bool rebuild_routes(Hub *hub, Type *type, const EventRecord *record) {
    TypeRoutes *routes = new_routes(hub, type, hub->n_feeds);
    if (!routes)
        return false;
    bool open = type->id == 0;
    routes->row = row_of(hub, type, record);
    if (!routes->row)
        return false;
    RouteType route_type = {&type->provider, &type->desc, type->event_flags, open, type->schema};
    routes->for_caches = routes->feeder && !open && caches_ask_for(&hub->caches, &route_type);
    for (uint32_t i = 0; i < hub->n_feeds; i++) {
        Feed *feed = hub->feeds[i];
        BoundSpec *program = NULL;
        if (spec_bind(feed->spec, &route_type, &program) < 0)
            return false;
        if (program)
            routes->routes[routes->n++] =
                (Route){feed, spec_ref(feed->spec), program,
                        asks_of(hub, feed->spec, program, type, routes->plan)};
    }
    type->generation = hub->generation;
    return true;
}

static void count_unasked(Hub *hub, const EventRecord *record, const Type *type,
                          const TypeRoutes *routes, ProviderStats *row) {
    static const Guid stack_walk =
        GUID_INIT(0xdef2fe46u, 0x7bd6, 0x4b80, 0xbd, 0x94, 0xf5, 0x7f, 0xe2, 0x0d, 0x0c, 0xe3);
    if (record->flags & EVENT_SCHEMA_DATA)
        hub->source.internal_schema++;
    else if (guid_equal(&record->provider, &stack_walk))
        hub->source.internal_stack++;
    else if (routes->for_caches) {
        hub->source.internal_caches++;
        row->for_caches++;
    } else if (type->schema->flags & SCHEMA_RUNDOWN)
        hub->source.internal_rundown++;
    else {
        hub->source.unwanted++;
        return;
    }
    row->internal++;
}

static bool list_open(Hub *hub, Feed *feed) {
    if (hub->n_open == hub->open_capacity) {
        uint32_t capacity = hub->open_capacity ? hub->open_capacity * 2 : 16;
        Feed **list = mem_resize(hub->open_feeds, capacity * sizeof(*list));
        if (!list)
            return false;
        hub->open_feeds = list;
        hub->open_capacity = capacity;
    }
    hub->open_feeds[hub->n_open++] = feed;
    feed->listed = true;
    return true;
}

// One event on its way through the routes of its type; looked up at most once.
typedef struct Passage {
    Hub *hub;
    const EventRecord *record;
    Type *type;
    const TypeRoutes *routes;
    bool begun;
} Passage;

static Enricher *begin(Passage *p) {
    Enricher *e = p->hub->options.enricher;
    if (!p->begun) {
        enricher_begin(e, p->routes->plan, p->record, p->type->schema);
        p->begun = true;
    }
    return e;
}

// For FilterInput.resolve under enrich 'none'.
static bool derive(void *user, const EventRecord *record, EnrichedField field, Value *ret) {
    Hub *hub = user;
    buf_clear(&hub->derived);
    return derived_value(record, hub->derived_of, field, &hub->derived, ret);
}

static void prepare(Passage *p, uint32_t asks, FilterInput *input) {
    if (asks & ROUTE_RESOLVE) {
        input->resolve_user = begin(p);
        input->resolve = enricher_resolve;
    } else if (asks & ROUTE_DERIVE) {
        p->hub->derived_of = p->type->schema;
        input->resolve_user = p->hub;
        input->resolve = derive;
    }
    if (asks & ROUTE_SUBJECT)
        input->subject = enricher_subject(begin(p));
}

static bool has_stack_key(const EventRecord *record) {
    EventItem item;
    return record->ext_bytes != 0 && (event_item_find(record, EVENT_ITEM_STACK_KEY64, &item) ||
                                      event_item_find(record, EVENT_ITEM_STACK_KEY32, &item));
}

// Delivers with what is known, or holds until its stack has come.
static void deliver(Passage *p, Feed *feed, uint32_t asks) {
    Hub *hub = p->hub;
    Enricher *e = begin(p);
    StackWait *wait = NULL;
    if ((asks & ROUTE_STACK_WAIT) || ((asks & ROUTE_STACK_KEY) && has_stack_key(p->record)))
        wait = enricher_expect(e);
    bool now = (asks & ROUTE_STACK) && !wait;
    const EnrichedView *view = enricher_view(e, now);
    if (view && view->stack && !now) { // another feed has asked for it
        hub->no_stack = *view;
        hub->no_stack.stack = NULL;
        view = &hub->no_stack;
    }
    feed_take(feed, p->record, p->type, view, wait, hub->now_ns);
    if (!hub->options.live && feed->hold.n > 0)
        hub->held_due = MIN_OF(hub->held_due, feed->hold.head->due_time);
}

// True when the static part of at least one feed took the event.
static bool offer(Hub *hub, const EventRecord *record, Type *type, TypeRoutes *routes,
                  uint64_t *ret_delivered) {
    Passage passage = {hub, record, type, routes, false};
    Payload payload;
    bool opened = false;
    bool wanted = false;
    for (uint32_t i = 0; i < routes->n; i++) {
        Feed *feed = routes->routes[i].feed;
        const BoundSpec *program = routes->routes[i].program;
        uint32_t asks = routes->routes[i].asks;
        if (!program->always) {
            if (!opened) {
                payload_open(&payload, type->schema, record, hub->slices);
                opened = true;
            }
            FilterInput input = {.record = record, .payload = &payload};
            if (asks & (ROUTE_RESOLVE | ROUTE_DERIVE | ROUTE_SUBJECT))
                prepare(&passage, asks, &input);
            FilterCounters counters = {0};
            bool offered = true;
            bool matches = spec_matches(program, &input, &counters, &offered);
            if (!offered)
                continue;
            wanted = true;
            feed->ledger.offered++;
            feed->ledger.unjudged += counters.unjudged;
            feed->examined += counters.examined;
            if (!matches) {
                feed->ledger.filtered++;
                continue;
            }
        } else {
            wanted = true;
            feed->ledger.offered++;
        }
        feed->ledger.matched++;
        *ret_delivered += feed->n_members;
        if (asks & ROUTE_VIEW)
            deliver(&passage, feed, asks);
        else
            feed_take(feed, record, type, NULL, NULL, hub->now_ns);
        if (!feed->listed && feed_is_pending(feed) && !list_open(hub, feed))
            feed_flush(feed, hub->now_ns); // cannot be remembered for later: goes out now
    }
    return wanted;
}

void hub_take_record(Hub *hub, const EventRecord *record) {
    Enricher *e = hub->options.enricher;
    hub->source.received++;
    bool self = hub->options.own_pid != 0 && record->pid == hub->options.own_pid;
    if (self && !e) {
        hub->source.self++;
        return;
    }
    bool timed = ++hub->sample % COST_EVERY == 0;
    if (timed)
        hub->now_ns = hub_now(hub);
    int64_t start = hub->now_ns;
    Type *type = type_table_find(hub->types, record);
    if (!type || ((!type->routes || type->generation != hub->generation) &&
                  !rebuild_routes(hub, type, record))) {
        hub->source.malformed++;
        return;
    }
    TypeRoutes *routes = type->routes;
    // The overflow type stands for many providers.
    ProviderStats *row = type->id != 0 ? routes->row : row_of(hub, type, record);
    if (!row) {
        hub->source.malformed++;
        return;
    }
    if (e) {
        hub->event_time = record->time;
        if (record->time >= hub->held_due)
            hub_release_due(hub);
        if (routes->plan && enrich_learns_from(routes->plan, record)) {
            enricher_observe(e, routes->plan, record, type->schema);
            row->observed++;
            if (timed) {
                row->observed_ns += (uint64_t)(hub_now(hub) - start);
                row->observed_samples++;
            }
        }
        // What the broker does itself is learnt from, since names are shared, and goes to nobody.
        if (self) {
            hub->source.self++;
            return;
        }
    }
    uint32_t bytes = record->payload_bytes + record->ext_bytes;
    type->events++;
    type->bytes += bytes;
    row->events++;
    row->bytes += bytes;
    uint64_t delivered = 0;
    // Schema data is the broker's own business: schemas travel in their own frames.
    if (routes->n > 0 && !(record->flags & EVENT_SCHEMA_DATA) &&
        offer(hub, record, type, routes, &delivered)) {
        hub->source.wanted++;
        row->wanted++;
        row->delivered += delivered;
        if (delivered == 0)
            row->unmatched++;
    } else {
        count_unasked(hub, record, type, routes, row);
    }
    if (timed) {
        row->cost_ns += (uint64_t)(hub_now(hub) - start);
        row->cost_samples++;
    }
}

// Before the stream: it will come again there, and counts then.
void hub_take_knowledge(Hub *hub, const EventRecord *record) {
    Enricher *e = hub->options.enricher;
    Type *type = e ? type_table_find(hub->types, record) : NULL;
    if (!type)
        return;
    TypeRoutes *routes = type->routes ? type->routes : new_routes(hub, type, 0);
    if (routes && routes->plan && enrich_learns_from(routes->plan, record))
        enricher_learn(e, routes->plan, record, type->schema);
}
