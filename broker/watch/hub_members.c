// Subscriptions: joining, changing, leaving; and what enrichment asks of the source for them.
#include <assert.h>

#include "idl/wire.h"
#include "util/mem.h"
#include "watch/hub_parts.h"

// --- what the caches ask for --------------------------------------------------------------------

// The needs of all feeds but one (may be NULL), and of one more spec (may be NULL).
static CachesNeed needs_of(const Hub *hub, const Feed *without, const Spec *plus) {
    CachesNeed need = {0, 0};
    if (!hub->options.enricher)
        return need;
    for (uint32_t i = 0; i < hub->n_feeds; i++)
        if (hub->feeds[i] != without)
            caches_need(&need, hub->feeds[i]->spec);
    if (plus)
        caches_need(&need, plus);
    return need;
}

// Brings the caches' place in the plan up to date; what that changes at the source is added to
// *told (may be NULL). Never fails when less is needed than before and there is memory; without,
// more is asked for than is needed, until the next time.
static int update_caches(Hub *hub, const Spec *plus, PlanDeltas *told) {
    CachesNeed need = needs_of(hub, NULL, plus);
    if (caches_need_equal(&need, &hub->caches))
        return 0;
    PlanDeltas *step = &hub->cache_deltas;
    int r = 0;
    if (caches_need_nothing(&need)) {
        plan_leave(hub->plan, PLAN_CACHES, step);
    } else {
        Spec *spec;
        r = caches_spec(&need, &spec);
        if (r < 0)
            return r;
        if (caches_need_nothing(&hub->caches)) {
            r = plan_join(hub->plan, PLAN_CACHES, spec, PLAN_MEMBER_CACHES, step);
        } else {
            r = plan_change_begin(hub->plan, PLAN_CACHES, spec, step);
            if (r == 0) {
                if (told)
                    plan_deltas_add(told, step);
                plan_change_commit(hub->plan, PLAN_CACHES, step);
            }
        }
        spec_unref(spec);
    }
    if (r < 0)
        return r;
    if (told)
        plan_deltas_add(told, step);
    hub->caches = need;
    hub->generation++; // which types are the caches' has changed
    for (uint32_t i = 0; i < kernel_type_count(); i++)
        if (need.kernel & KERNEL_BIT(i))
            provider_table_kernel(&hub->providers, (uint32_t)provider_row_type(i));
    return 0;
}

// --- subscriptions ------------------------------------------------------------------------------

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
    feed->hold.live = hub->options.live;
    if (hub->options.enricher)
        feed->hold.stacks = enricher_stacks(hub->options.enricher);
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

// A provider that is asked for has a row in the profile before its first event. Without memory it
// gets one with that event.
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
    hub->now_ns = hub_now(hub);
    watch_init(watch, hub->next_id, user, quota, policy_of(spec, lossless));
    memcpy(watch->name, spec->name, MIN_OF(strlen(spec->name), sizeof watch->name - 1));
    watch->include_self = spec->include_self;
    Feed *feed = NULL;
    r = reserve_watch(hub);
    if (r == 0)
        r = plan_join(hub->plan, watch->id, spec, 0, &hub->deltas);
    if (r < 0)
        goto no_plan;
    r = update_caches(hub, spec, &hub->deltas);
    if (r < 0)
        goto no_feed;
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
    update_caches(hub, NULL, NULL);
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
    hub->now_ns = hub_now(hub);
    int r = plan_change_begin(hub->plan, watch->id, spec, deltas);
    if (r < 0)
        return err_set(err, (Status)-r, "the change of subscription %u failed; it is as before",
                       watch->id);
    // A live source is widened here, before the feeds are swapped; a replay gives everything
    // anyway.
    Feed *feed = NULL;
    r = update_caches(hub, spec, deltas);
    if (r == 0)
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
    watch_push_changed(watch, (spec->enrich == SPEC_ENRICH_NONE ? WIRE_CHANGED_PLAIN : 0) |
                                  (spec->include_self ? WIRE_CHANGED_SELF : 0));
    // What is no longer asked for belongs to the answer, as a preview has it.
    bool told = deltas != &hub->deltas;
    plan_change_commit(hub->plan, watch->id, &hub->deltas);
    if (told)
        plan_deltas_add(deltas, &hub->deltas);
    update_caches(hub, NULL, told ? deltas : NULL);
    return 0;
failed:
    plan_change_abort(hub->plan, watch->id, &hub->deltas);
    update_caches(hub, NULL, NULL);
    return err_set(err, STATUS_NO_MEMORY, "no memory to change subscription %u; it is as before",
                   watch->id);
}

int hub_preview(Hub *hub, const Watch *watch, const Spec *spec, PlanDeltas *deltas, Err *err) {
    const Feed *alone = watch->feed && watch->feed->n_members == 1 ? watch->feed : NULL;
    CachesNeed need = needs_of(hub, alone, spec);
    Spec *caches = NULL;
    int r = 0;
    if (caches_need_equal(&need, &hub->caches)) {
        r = plan_preview(hub->plan, watch->id, spec, deltas);
    } else {
        if (!caches_need_nothing(&need))
            r = caches_spec(&need, &caches);
        if (r == 0)
            r = plan_preview_caches(hub->plan, watch->id, spec, caches, deltas);
        spec_unref(caches);
    }
    return r < 0 ? err_set(err, (Status)-r, "no memory for a preview") : 0;
}

void hub_leave(Hub *hub, Watch *watch) {
    if (!watch->feed)
        return;
    hub->now_ns = hub_now(hub);
    Feed *feed = watch->feed;
    feed_leave(feed, watch, hub->now_ns);
    feed_drop_if_empty(hub, feed);
    plan_leave(hub->plan, watch->id, &hub->deltas);
    update_caches(hub, NULL, NULL);
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
