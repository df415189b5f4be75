#include "watch/hub_parts.h"

#include <assert.h>

#include "idl/wire.h"
#include "util/mem.h"

// Per-provider drops: only when something is dropped is a batch read again.
static void batch_dropped(void *user, const Batch *batch) {
    Hub *hub = user;
    uint32_t at = WIRE_BODY_HEAD;
    for (uint32_t i = 0; i < batch->n_events; i++) {
        const uint8_t *record = batch->body + at;
        Type *type = type_table_get(hub->types, load_u32(record + WIRE_RECORD_TYPE));
        const TypeRoutes *routes = type ? type->routes : NULL;
        if (routes && routes->row)
            routes->row->dropped++;
        at += load_u32(record + WIRE_RECORD_SIZE);
    }
}

int hub_new(const HubOptions *options, Hub **ret) {
    Hub *hub = mem_zalloc(sizeof *hub);
    if (!hub)
        return -STATUS_NO_MEMORY;
    hub->options = *options;
    hub->held_due = INT64_MAX;
    hub->feeds_by_key = (Map)MAP_INIT;
    hub->deltas = hub->cache_deltas = (PlanDeltas)PLAN_DELTAS_INIT;
    hub->next_id = 1;
    hub->generation = 1;
    user_table_init(&hub->users, &options->limits);
    provider_table_init(&hub->providers, hub_now(hub));
    hub->pool.dropped = batch_dropped;
    hub->pool.dropped_user = hub;
    PlanFacts facts = {0};
    int r = type_table_new(options->store, hub_drop_routes, &hub->types);
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
    plan_deltas_deinit(&hub->cache_deltas);
    buf_deinit(&hub->derived);
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

// quantum_ns 0: everything goes, what is held as well.
static void seal_open(Hub *hub, int64_t quantum_ns) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < hub->n_open; i++) {
        Feed *feed = hub->open_feeds[i];
        if (quantum_ns == 0) {
            feed_flush(feed, hub->now_ns);
        } else {
            if (feed->hold.n > 0)
                feed_release(feed, hub->now_ns, hub->event_time);
            if (feed_due(feed, hub->now_ns, quantum_ns))
                feed_seal(feed, hub->now_ns);
        }
        if (feed_is_pending(feed))
            hub->open_feeds[kept++] = feed;
        else
            feed->listed = false;
    }
    hub->n_open = kept;
}

// Replay: before an event is learnt from, so that what is held does not depend on when the loop
// ticks.
void hub_release_due(Hub *hub) {
    hub->held_due = INT64_MAX;
    for (uint32_t i = 0; i < hub->n_open; i++) {
        Feed *feed = hub->open_feeds[i];
        if (feed->hold.n == 0)
            continue;
        feed_release(feed, hub->now_ns, hub->event_time);
        if (feed->hold.n > 0)
            hub->held_due = MIN_OF(hub->held_due, feed->hold.head->due_time);
    }
}

void hub_seal_all(Hub *hub) {
    hub->now_ns = hub_now(hub);
    seal_open(hub, 0);
}

// Overdue, and still there: no member can take data; the write's completion is the next chance.
static void sooner(int64_t due_ns, int64_t *next_ns) {
    if (due_ns > 0 && (*next_ns < 0 || due_ns < *next_ns))
        *next_ns = due_ns;
}

int64_t hub_tick(Hub *hub) {
    hub->now_ns = hub_now(hub);
    seal_open(hub, HUB_QUANTUM_NS);
    int64_t next = -1;
    for (uint32_t i = 0; i < hub->n_open; i++) {
        const Feed *feed = hub->open_feeds[i];
        int64_t held = hold_due_ns(&feed->hold);
        if (feed->open.writer.n > 0)
            sooner(feed->last_seal_ns + HUB_QUANTUM_NS - hub->now_ns, &next);
        if (held >= 0)
            sooner(held - hub->now_ns, &next);
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
    hub_seal_all(hub); // while the stacks of the old epoch are still there
    if (hub->options.enricher)
        enricher_epoch(hub->options.enricher, epoch->reason == WIRE_EPOCH_LOOP);
    hub->source = (SourceLedger){0};
    hub->event_time = 0;
    hub->held_due = INT64_MAX;
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
        hub_take_record(hub, &item->record);
        break;
    case RING_KNOWLEDGE:
        hub_take_knowledge(hub, &item->record);
        break;
    case RING_LEARNED:
        if (hub->options.enricher)
            enricher_learned(hub->options.enricher);
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
    provider_table_rates(&hub->providers, hub_now(hub));
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

Enricher *hub_enricher(const Hub *hub) {
    return hub->options.enricher;
}

const CachesNeed *hub_caches(const Hub *hub) {
    return &hub->caches;
}

bool hub_caches_want_row(const Hub *hub, const ProviderStats *row) {
    for (uint32_t i = 0; i < kernel_type_count() && row->kernel_type >= 0; i++)
        if ((hub->caches.kernel & KERNEL_BIT(i)) && provider_row_type(i) == row->kernel_type)
            return true;
    const CachesProvider *p;
    for (uint32_t i = 0; row->kernel_type < 0 && (p = caches_provider(i)) != NULL; i++)
        if ((hub->caches.providers & 1u << i) && guid_equal(&p->guid, &row->guid))
            return true;
    return false;
}

uint64_t hub_held_bytes(const Hub *hub) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < hub->n_feeds; i++)
        bytes += hub->feeds[i]->hold.bytes;
    return bytes;
}
