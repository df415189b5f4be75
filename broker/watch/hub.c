#include "watch/hub.h"

#include <assert.h>

#include "idl/wire.h"
#include "util/mem.h"

#define COST_EVERY 64u // events: one in so many is timed

typedef struct Route {
    Feed *feed;
    Spec *spec; // one reference: a program must not outlive what it was made from
    BoundSpec *program;
} Route;

// What happens to events of one type: rebuilt when the hub's generation has moved on.
typedef struct TypeRoutes {
    ProviderStats *row;
    uint32_t n;
    Route routes[];
} TypeRoutes;

struct Hub {
    HubOptions options;
    TypeTable *types;
    UserTable users;
    BatchPool pool;
    Plan *plan;
    PlanDeltas deltas; // scratch
    Map feeds_by_key;
    Feed **feeds;
    uint32_t n_feeds, feeds_capacity;
    Feed **open_feeds; // those with an open batch
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
    int64_t now_ns; // as of the last tick, mark or sampled event
    SourceLedger source;
    ProviderTable providers;
    FieldSlice slices[SCHEMA_MAX_FIELDS];
};

static int64_t now_of(const Hub *hub) {
    return hub->options.now(hub->options.now_user);
}

static void drop_routes(void *routes_) {
    TypeRoutes *routes = routes_;
    if (!routes)
        return;
    for (uint32_t i = 0; i < routes->n; i++) {
        spec_unbind(routes->routes[i].program);
        spec_unref(routes->routes[i].spec);
    }
    mem_free(routes);
}

// Per-provider drops: only when something is dropped is a batch read again.
static void batch_dropped(void *user, const Batch *batch) {
    Hub *hub = user;
    uint32_t at = WIRE_BODY_HEAD;
    for (uint32_t i = 0; i < batch->n_events; i++) {
        const uint8_t *record = batch->body + at;
        Type *type = type_table_get(hub->types, load_u32(record + WIRE_RECORD_TYPE));
        if (type && type->routes)
            ((TypeRoutes *)type->routes)->row->dropped++;
        at += load_u32(record + WIRE_RECORD_SIZE);
    }
}

int hub_new(const HubOptions *options, Hub **ret) {
    Hub *hub = mem_zalloc(sizeof *hub);
    if (!hub)
        return -STATUS_NO_MEMORY;
    hub->options = *options;
    hub->feeds_by_key = (Map)MAP_INIT;
    hub->deltas = (PlanDeltas)PLAN_DELTAS_INIT;
    hub->next_id = 1;
    hub->generation = 1;
    user_table_init(&hub->users, &options->limits);
    provider_table_init(&hub->providers, now_of(hub));
    hub->pool.dropped = batch_dropped;
    hub->pool.dropped_user = hub;
    PlanFacts facts = {0};
    int r = type_table_new(options->store, drop_routes, &hub->types);
    if (r == 0)
        r = plan_new(&facts, &hub->plan);
    if (r < 0) {
        hub_free(hub);
        return r;
    }
    *ret = hub;
    return 0;
}

Hub *hub_free(Hub *hub) {
    if (!hub)
        return NULL;
    assert(hub->n_watches == 0 && hub->n_feeds == 0);
    type_table_free(hub->types);
    plan_free(hub->plan);
    plan_deltas_deinit(&hub->deltas);
    provider_table_deinit(&hub->providers);
    user_table_deinit(&hub->users);
    map_deinit(&hub->feeds_by_key);
    assert(hub->pool.live == 0);
    batch_pool_deinit(&hub->pool);
    mem_free(hub->feeds);
    mem_free(hub->open_feeds);
    mem_free(hub->watches);
    mem_free(hub);
    return NULL;
}

// --- routing -----------------------------------------------------------------------------------

static ProviderStats *row_of(Hub *hub, const Type *type, const EventRecord *record) {
    const char *name = type->id == 0 ? "" : type->schema->provider_name;
    return provider_table_find(&hub->providers, &record->provider, &record->desc, record->flags,
                               name);
}

static bool rebuild_routes(Hub *hub, Type *type, const EventRecord *record) {
    drop_routes(type->routes);
    type->routes = NULL;
    TypeRoutes *routes =
        mem_zalloc(sizeof *routes + (size_t)hub->n_feeds * sizeof routes->routes[0]);
    if (!routes)
        return false;
    bool open = type->id == 0;
    routes->row = row_of(hub, type, record);
    if (!routes->row) {
        mem_free(routes);
        return false;
    }
    RouteType route_type = {&type->provider, &type->desc, type->event_flags, open, type->schema};
    for (uint32_t i = 0; i < hub->n_feeds; i++) {
        Feed *feed = hub->feeds[i];
        BoundSpec *program = NULL;
        int r = spec_bind(feed->spec, &route_type, &program);
        if (r < 0) {
            drop_routes(routes);
            return false;
        }
        if (program)
            routes->routes[routes->n++] = (Route){feed, spec_ref(feed->spec), program};
    }
    type->routes = routes;
    type->generation = hub->generation;
    return true;
}

static void count_unasked(Hub *hub, const EventRecord *record, const Type *type,
                          ProviderStats *row) {
    static const Guid stack_walk =
        GUID_INIT(0xdef2fe46u, 0x7bd6, 0x4b80, 0xbd, 0x94, 0xf5, 0x7f, 0xe2, 0x0d, 0x0c, 0xe3);
    if (record->flags & EVENT_SCHEMA_DATA)
        hub->source.internal_schema++;
    else if (guid_equal(&record->provider, &stack_walk))
        hub->source.internal_stack++;
    else if (type->schema->flags & SCHEMA_RUNDOWN)
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

// True when the static part of at least one feed took the event.
static bool offer(Hub *hub, const EventRecord *record, Type *type, TypeRoutes *routes,
                  uint64_t *ret_delivered) {
    Payload payload;
    bool opened = false;
    bool wanted = false;
    for (uint32_t i = 0; i < routes->n; i++) {
        Feed *feed = routes->routes[i].feed;
        const BoundSpec *program = routes->routes[i].program;
        if (!program->always) {
            if (!opened) {
                payload_open(&payload, type->schema, record, hub->slices);
                opened = true;
            }
            FilterInput input = {.record = record, .payload = &payload};
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
        feed_take(feed, record, type, hub->now_ns);
        if (!feed->listed && feed->open.writer.n > 0 && !list_open(hub, feed))
            feed_seal(feed, hub->now_ns); // cannot be remembered for later: goes out now
    }
    return wanted;
}

static void take_record(Hub *hub, const EventRecord *record) {
    hub->source.received++;
    if (hub->options.own_pid != 0 && record->pid == hub->options.own_pid) {
        hub->source.self++;
        return;
    }
    bool timed = ++hub->sample % COST_EVERY == 0;
    if (timed)
        hub->now_ns = now_of(hub);
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
        count_unasked(hub, record, type, row);
    }
    if (timed) {
        row->cost_ns += (uint64_t)(now_of(hub) - start);
        row->cost_samples++;
    }
}

static void seal_open(Hub *hub, int64_t quantum_ns) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < hub->n_open; i++) {
        Feed *feed = hub->open_feeds[i];
        if (quantum_ns == 0 || feed_due(feed, hub->now_ns, quantum_ns))
            feed_seal(feed, hub->now_ns);
        if (feed->open.writer.n > 0)
            hub->open_feeds[kept++] = feed;
        else
            feed->listed = false;
    }
    hub->n_open = kept;
}

void hub_seal_all(Hub *hub) {
    hub->now_ns = now_of(hub);
    seal_open(hub, 0);
}

int64_t hub_tick(Hub *hub) {
    hub->now_ns = now_of(hub);
    seal_open(hub, HUB_QUANTUM_NS);
    int64_t next = -1;
    for (uint32_t i = 0; i < hub->n_open; i++) {
        int64_t due = hub->open_feeds[i]->last_seal_ns + HUB_QUANTUM_NS - hub->now_ns;
        if (due <= 0)
            continue; // no member can take data: the write's completion is the next chance
        if (next < 0 || due < next)
            next = due;
    }
    return next;
}

static void take_loss(Hub *hub, const RingLoss *loss) {
    if (loss->events == UINT64_MAX || loss->buffers > 0)
        hub->source.lost_unknown++;
    if (loss->events != UINT64_MAX)
        hub->source.lost_events += loss->events;
    if (loss->buffers != UINT64_MAX)
        hub->source.lost_buffers += loss->buffers;
    // A lost buffer held an unknown number of events: say so, never guess.
    uint64_t events = loss->buffers > 0 ? UINT64_MAX : loss->events;
    hub_seal_all(hub);
    for (uint32_t i = 0; i < hub->n_watches; i++)
        watch_push_source_gap(hub->watches[i], events);
}

static void take_epoch(Hub *hub, const RingEpoch *epoch) {
    hub_seal_all(hub);
    hub->source = (SourceLedger){0};
    hub->epoch++;
    for (uint32_t i = 0; i < hub->n_watches; i++)
        watch_push_epoch(hub->watches[i], hub->epoch, epoch->reason, epoch->flags, epoch->time);
}

void hub_end_all(Hub *hub, uint32_t reason) {
    hub_seal_all(hub);
    for (uint32_t i = 0; i < hub->n_watches; i++)
        watch_push_end(hub->watches[i], reason);
}

void hub_item(Hub *hub, const RingItem *item) {
    Guid provider;
    switch (item->kind) {
    case RING_RECORD:
        take_record(hub, &item->record);
        break;
    case RING_SCHEMA:
        if (schema_store_feed(hub->options.store, &item->record, &provider) == 1)
            type_table_forget(hub->types, &provider);
        break;
    case RING_LOSS:
        take_loss(hub, &item->loss);
        break;
    case RING_MARK:
        hub_tick(hub);
        break;
    case RING_EPOCH:
        take_epoch(hub, &item->epoch);
        break;
    case RING_END:
        hub->ended = true;
        hub->end_status = item->status;
        hub_end_all(hub, item->status < 0 ? WIRE_END_FAILED : WIRE_END_SOURCE);
        break;
    default:
        assert(!"a ring holds no other items");
    }
}

bool hub_is_full(Hub *hub) {
    if (hub->n_lossless == 0)
        return false;
    // Fullness begins with a sealed batch only; while it lasts it is looked at each time.
    if (!hub->full && hub->sealed_seen == hub->pool.sealed)
        return false;
    hub->sealed_seen = hub->pool.sealed;
    hub->full = false;
    for (uint32_t i = 0; i < hub->n_feeds && !hub->full; i++)
        hub->full = feed_is_full(hub->feeds[i]);
    return hub->full;
}

// --- subscribers -------------------------------------------------------------------------------

static int feed_of(Hub *hub, Spec *spec, Feed **ret) {
    Buf key = BUF_INIT;
    spec_key(spec, &key);
    if (key.failed) {
        buf_deinit(&key);
        return -STATUS_NO_MEMORY;
    }
    Feed *feed = map_get(&hub->feeds_by_key, key.data, key.bytes);
    if (feed) {
        buf_deinit(&key);
        *ret = feed;
        return 0;
    }
    int r = -STATUS_NO_MEMORY;
    if (hub->n_feeds == hub->feeds_capacity) {
        uint32_t capacity = hub->feeds_capacity ? hub->feeds_capacity * 2 : 16;
        Feed **feeds = mem_resize(hub->feeds, capacity * sizeof(*feeds));
        if (!feeds)
            goto failed;
        hub->feeds = feeds;
        hub->feeds_capacity = capacity;
    }
    r = feed_new(&hub->pool, key.data, (uint32_t)key.bytes, spec, hub->now_ns, &feed);
    if (r < 0)
        goto failed;
    spec_ref(spec); // feed and key belong together from here on
    r = map_set(&hub->feeds_by_key, feed->key, feed->key_bytes, feed);
    if (r < 0) {
        feed_free(feed);
        return r;
    }
    feed->index = hub->n_feeds;
    hub->feeds[hub->n_feeds++] = feed;
    hub->generation++;
    *ret = feed;
    return 0;
failed:
    buf_deinit(&key);
    return r;
}

static void feed_drop_if_empty(Hub *hub, Feed *feed) {
    if (feed->n_members > 0)
        return;
    for (uint32_t i = 0; feed->listed && i < hub->n_open; i++) {
        if (hub->open_feeds[i] == feed) {
            hub->open_feeds[i] = hub->open_feeds[--hub->n_open];
            break;
        }
    }
    map_remove(&hub->feeds_by_key, feed->key, feed->key_bytes);
    hub->feeds[feed->index] = hub->feeds[--hub->n_feeds];
    hub->feeds[feed->index]->index = feed->index;
    hub->generation++;
    feed_free(feed);
}

static QueuePolicy policy_of(const Spec *spec, bool lossless) {
    switch (spec->queue_policy) {
    case SPEC_QUEUE_DROP_OLDEST:
        return QUEUE_DROP_OLDEST;
    case SPEC_QUEUE_DROP_NEWEST:
        return QUEUE_DROP_NEWEST;
    case SPEC_QUEUE_DISCONNECT:
        return QUEUE_DISCONNECT;
    case SPEC_QUEUE_WAIT:
        return QUEUE_WAIT;
    default:
        return lossless ? QUEUE_WAIT : QUEUE_DROP_OLDEST;
    }
}

static int reserve_watch(Hub *hub) {
    if (hub->n_watches < hub->watches_capacity)
        return 0;
    uint32_t capacity = hub->watches_capacity ? hub->watches_capacity * 2 : 16;
    Watch **watches = mem_resize(hub->watches, capacity * sizeof(*watches));
    if (!watches)
        return -STATUS_NO_MEMORY;
    hub->watches = watches;
    hub->watches_capacity = capacity;
    return 0;
}

// A provider that is asked for has a row in the profile before its first event. Without memory it gets
// one with that event.
static void make_rows(Hub *hub, const Spec *spec) {
    static const EventDescriptor none = {0};
    for (uint32_t i = 0; i < spec->n_wants; i++) {
        const Want *want = spec->wants[i];
        for (uint32_t j = 0; j < want->n_providers; j++)
            provider_table_find(&hub->providers, &want->providers[j].guid, &none, 0,
                                want->providers[j].name);
        for (uint32_t k = 0; want->kernel != KERNEL_ALL && k < kernel_type_count(); k++)
            if (want->kernel & KERNEL_BIT(k))
                provider_table_kernel(&hub->providers, k);
    }
}

int hub_subscribe(Hub *hub, User *user, Spec *spec, bool lossless, Watch *watch, Err *err) {
    if (spec->queue_policy == SPEC_QUEUE_WAIT && !lossless)
        return err_set(
            err, STATUS_INVALID_ARGUMENT,
            "queue_policy 'wait' is for a lossless replay (etwbroker --replay FILE --lossless)");
    uint64_t quota;
    int r = user_subscribe(user, spec->queue_bytes, &quota, err);
    if (r < 0)
        return r;
    hub->now_ns = now_of(hub);
    watch_init(watch, hub->next_id, user, quota, policy_of(spec, lossless));
    memcpy(watch->name, spec->name, MIN_OF(strlen(spec->name), sizeof watch->name - 1));
    watch->include_self = spec->include_self;
    Feed *feed = NULL;
    r = reserve_watch(hub);
    if (r == 0)
        r = plan_join(hub->plan, watch->id, spec, 0, &hub->deltas);
    if (r < 0)
        goto no_plan;
    r = feed_of(hub, spec, &feed);
    if (r < 0)
        goto no_feed;
    r = feed_join(feed, watch, hub->now_ns);
    if (r < 0)
        goto no_member;
    watch->spec = spec_ref(spec);
    make_rows(hub, spec);
    hub->next_id++;
    hub->watches[hub->n_watches++] = watch;
    if (watch->policy == QUEUE_WAIT)
        hub->n_lossless++;
    if (hub->ended)
        watch_push_end(watch, hub->end_status < 0 ? WIRE_END_FAILED : WIRE_END_SOURCE);
    return 0;

no_member:
    feed_drop_if_empty(hub, feed);
no_feed:
    plan_leave(hub->plan, watch->id, &hub->deltas);
no_plan:
    user_unsubscribe(user, quota);
    return err_set(err, (Status)-r, "no memory for a subscription; stop another one first");
}

int hub_change(Hub *hub, Watch *watch, Spec *spec, PlanDeltas *deltas, Err *err) {
    if (!watch->feed || watch->ended)
        return err_set(err, STATUS_CONFLICT, "subscription %u has ended; start a new one",
                       watch->id);
    if (!deltas)
        deltas = &hub->deltas;
    hub->now_ns = now_of(hub);
    int r = plan_change_begin(hub->plan, watch->id, spec, deltas);
    if (r < 0)
        return err_set(err, (Status)-r, "the change of subscription %u failed; it is as before",
                       watch->id);
    // A live source is widened here, before the feeds are swapped; a replay gives everything
    // anyway.
    Feed *feed = NULL;
    r = feed_of(hub, spec, &feed);
    if (r < 0)
        goto failed;
    Feed *old = watch->feed;
    if (feed != old) {
        // Room in the new feed first, so that leaving the old one cannot strand the watch.
        feed_leave(old, watch, hub->now_ns);
        r = feed_join(feed, watch, hub->now_ns);
        if (r < 0) {
            int back = feed_join(old, watch, hub->now_ns); // its place is still reserved
            assert(back == 0);
            (void)back;
            feed_drop_if_empty(hub, feed);
            goto failed;
        }
        feed_drop_if_empty(hub, old);
    }
    spec_ref(spec);
    spec_unref(watch->spec);
    watch->spec = spec;
    make_rows(hub, spec);
    watch->generation++;
    watch->include_self = spec->include_self;
    memset(watch->name, 0, sizeof watch->name);
    memcpy(watch->name, spec->name, MIN_OF(strlen(spec->name), sizeof watch->name - 1));
    watch_push_changed(watch);
    if (deltas != &hub->deltas)
        plan_change_commit(hub->plan, watch->id, &hub->deltas);
    else
        plan_change_commit(hub->plan, watch->id, deltas);
    return 0;
failed:
    plan_change_abort(hub->plan, watch->id, &hub->deltas);
    return err_set(err, STATUS_NO_MEMORY, "no memory to change subscription %u; it is as before",
                   watch->id);
}

int hub_preview(Hub *hub, const Watch *watch, const Spec *spec, PlanDeltas *deltas, Err *err) {
    int r = plan_preview(hub->plan, watch->id, spec, deltas);
    return r < 0 ? err_set(err, (Status)-r, "no memory for a preview") : 0;
}

void hub_leave(Hub *hub, Watch *watch) {
    if (!watch->feed)
        return;
    hub->now_ns = now_of(hub);
    Feed *feed = watch->feed;
    feed_leave(feed, watch, hub->now_ns);
    feed_drop_if_empty(hub, feed);
    plan_leave(hub->plan, watch->id, &hub->deltas);
    if (watch->policy == QUEUE_WAIT)
        hub->n_lossless--;
    hub->full = hub->full && hub->n_lossless > 0;
}

void hub_unsubscribe(Hub *hub, Watch *watch) {
    hub_leave(hub, watch);
    uint64_t quota = watch->quota_bytes;
    User *user = watch->user;
    watch_deinit(watch);
    watch->spec = spec_unref(watch->spec);
    for (uint32_t i = 0; i < hub->n_watches; i++) {
        if (hub->watches[i] == watch) {
            memmove(hub->watches + i, hub->watches + i + 1,
                    (hub->n_watches - i - 1) * sizeof(Watch *));
            hub->n_watches--;
            break;
        }
    }
    user_unsubscribe(user, quota);
}

Watch *hub_find(Hub *hub, uint32_t id) {
    uint32_t low = 0, high = hub->n_watches;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (hub->watches[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < hub->n_watches && hub->watches[low]->id == id ? hub->watches[low] : NULL;
}

// --- looking -----------------------------------------------------------------------------------

uint32_t hub_epoch(const Hub *hub) {
    return hub->epoch;
}

bool hub_ended(const Hub *hub, int *ret_status) {
    if (ret_status)
        *ret_status = hub->end_status;
    return hub->ended;
}

const SourceLedger *hub_source(const Hub *hub) {
    return &hub->source;
}

const Plan *hub_plan(const Hub *hub) {
    return hub->plan;
}

TypeTable *hub_types(Hub *hub) {
    return hub->types;
}

UserTable *hub_users(Hub *hub) {
    return &hub->users;
}

uint32_t hub_watch_count(const Hub *hub) {
    return hub->n_watches;
}

bool hub_next_watch(const Hub *hub, uint32_t *i, Watch **ret) {
    if (*i >= hub->n_watches)
        return false;
    *ret = hub->watches[(*i)++];
    return true;
}

uint32_t hub_provider_count(const Hub *hub) {
    return hub->providers.n;
}

ProviderStats *hub_provider(Hub *hub, uint32_t i) {
    return i < hub->providers.n ? hub->providers.rows[i] : NULL;
}

void hub_rates(Hub *hub) {
    provider_table_rates(&hub->providers, now_of(hub));
}

uint32_t hub_feed_count(const Hub *hub) {
    return hub->n_feeds;
}

const BatchPool *hub_pool(const Hub *hub) {
    return &hub->pool;
}

bool hub_wants_row(const Spec *spec, const ProviderStats *row) {
    for (uint32_t i = 0; i < spec->n_wants; i++) {
        const Want *want = spec->wants[i];
        if (want->n_providers == 0 && want->kernel == 0)
            return true;
        if (row->kernel_type >= 0 && (want->kernel & KERNEL_BIT((uint32_t)row->kernel_type)))
            return true;
        for (uint32_t j = 0; j < want->n_providers; j++) {
            const Guid *guid = &want->providers[j].guid;
            if (row->kernel_type < 0) {
                if (guid_equal(guid, &row->guid))
                    return true;
                continue;
            }
            const KernelType *type = kernel_type((uint32_t)row->kernel_type);
            for (uint32_t k = 0; k < type->n_classes; k++)
                if (guid_equal(guid, type->classes[k].class_guid))
                    return true;
        }
    }
    return false;
}

uint32_t hub_watchers_of(const Hub *hub, const ProviderStats *row) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < hub->n_watches; i++)
        if (hub->watches[i]->feed && hub_wants_row(hub->watches[i]->feed->spec, row))
            n++;
    return n;
}
