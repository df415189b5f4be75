#include "watch/feed.h"

#include <assert.h>

#include "idl/wire.h"
#include "util/mem.h"

int feed_new(BatchPool *pool, uint8_t *take_key, uint32_t key_bytes, Spec *take_spec,
             int64_t now_ns, Feed **ret) {
    Feed *feed = mem_zalloc(sizeof *feed);
    if (!feed)
        return -STATUS_NO_MEMORY;
    feed->pool = pool;
    feed->key = take_key;
    feed->key_bytes = key_bytes;
    feed->spec = take_spec;
    feed->last_seal_ns = now_ns;
    *ret = feed;
    return 0;
}

Feed *feed_free(Feed *feed) {
    if (feed) {
        assert(feed->n_members == 0 && !feed_is_pending(feed) && feed->hold_charge == 0);
        open_batch_deinit(feed->pool, &feed->open);
        spec_unref(feed->spec);
        mem_free(feed->members);
        mem_free(feed->key);
        mem_free(feed);
    }
    return NULL;
}

int feed_join(Feed *feed, Watch *watch, int64_t now_ns) {
    if (feed->n_members == feed->capacity) {
        uint32_t capacity = feed->capacity ? feed->capacity * 2 : 4;
        Watch **members = mem_resize(feed->members, capacity * sizeof(*members));
        if (!members)
            return -STATUS_NO_MEMORY;
        feed->members = members;
        feed->capacity = capacity;
    }
    feed_flush(feed, now_ns);
    feed->members[feed->n_members++] = watch;
    watch->feed = feed;
    watch->base = feed->next_number - watch->next_number;
    watch->joined = feed->ledger;
    watch->last_progress_ns = now_ns;
    return 0;
}

void feed_leave(Feed *feed, Watch *watch, int64_t now_ns) {
    feed_flush(feed, now_ns);
    WantLedger mine = feed->ledger;
    want_ledger_subtract(&mine, &watch->joined);
    want_ledger_add(&watch->past, &mine);
    watch->joined = (WantLedger){0};
    watch->feed = NULL;
    for (uint32_t i = 0; i < feed->n_members; i++) {
        if (feed->members[i] == watch) {
            feed->members[i] = feed->members[--feed->n_members];
            return;
        }
    }
    assert(!"a watch leaves a feed that it is a member of");
}

// A numbered event that cannot be delivered to anyone: its place is a gap.
static void lose(Feed *feed, int64_t time, int64_t now_ns, uint32_t reason) {
    feed_seal(feed, now_ns);
    uint64_t number = feed->next_number++;
    feed->ledger.numbered++;
    for (uint32_t i = 0; i < feed->n_members; i++)
        watch_push_gap(feed->members[i], number - feed->members[i]->base, 1, reason, time, time);
}

// What open_batch_take_* gave: numbered, or a gap.
static inline void taken(Feed *feed, int result, int64_t time, int64_t now_ns) {
    if (result != 0) {
        lose(feed, time, now_ns, result == -STATUS_OVERSIZE ? WIRE_GAP_OVERSIZE : WIRE_GAP_QUEUE);
        return;
    }
    if (feed->open.writer.n == 1)
        feed->open_first = feed->next_number;
    feed->next_number++;
    feed->ledger.numbered++;
}

static inline int encode(Feed *feed, const EventRecord *record, const Type *type,
                         const EnrichedView *view, int64_t now_ns) {
    if (!view) {
        uint32_t bytes = wire_record_bytes(record, type->id, NULL);
        if (bytes == 0)
            return -STATUS_OVERSIZE;
        if (!open_batch_fits(&feed->open, bytes))
            feed_seal(feed, now_ns);
        return open_batch_take(feed->pool, &feed->open, bytes, record, type->id, type->schema)
                   ? 0
                   : -STATUS_NO_MEMORY;
    }
    int r = open_batch_take_view(feed->pool, &feed->open, record, type->id, type->schema, view);
    if (r == OPEN_BATCH_FULL) {
        feed_seal(feed, now_ns);
        r = open_batch_take_view(feed->pool, &feed->open, record, type->id, type->schema, view);
    }
    return r;
}

// Charged in steps, so that an event costs nothing.
#define HOLD_STEP UINT64_C(65536)

static uint64_t hold_steps(const Feed *feed) {
    return (feed->hold.bytes + HOLD_STEP - 1) / HOLD_STEP * HOLD_STEP;
}

// Membership changes only when nothing is held, so the same members give back.
static void refund_hold(Feed *feed) {
    uint64_t now = hold_steps(feed);
    if (now >= feed->hold_charge)
        return;
    for (uint32_t i = 0; i < feed->n_members; i++)
        user_refund(feed->members[i]->user, feed->hold_charge - now);
    feed->hold_charge = now;
}

// False: one of the users has no room for what is held.
static bool charge_hold(Feed *feed) {
    uint64_t now = hold_steps(feed);
    uint32_t n = 0;
    if (now <= feed->hold_charge)
        return true;
    for (; n < feed->n_members; n++) {
        User *user = feed->members[n]->user;
        uint64_t more = now - feed->hold_charge;
        if (user->queue_bytes + more > user->table->limits.queue_bytes)
            break;
        user_charge(user, more);
    }
    if (n == feed->n_members) {
        feed->hold_charge = now;
        return true;
    }
    while (n-- > 0)
        user_refund(feed->members[n]->user, now - feed->hold_charge);
    return false;
}

static void release_first(Feed *feed, int64_t now_ns) {
    HeldEvent *e = hold_pop(&feed->hold);
    refund_hold(feed);
    int r = -STATUS_OVERSIZE;
    if (e->bytes != 0) {
        HeldRecord held = {.record = e->record, .table = held_table(e)};
        if (e->wait) {
            held.stack = stack_wait_view(feed->hold.stacks, e->wait);
            // A file may have no stack for the event at all; a live source was asked for one.
            held.incomplete = held.stack ? !stack_wait_complete(e->wait) || held.stack->incomplete
                                         : feed->hold.live;
        }
        r = open_batch_take_held(feed->pool, &feed->open, &held, e->type, e->schema);
        if (r == OPEN_BATCH_FULL) {
            feed_seal(feed, now_ns);
            r = open_batch_take_held(feed->pool, &feed->open, &held, e->type, e->schema);
        }
    }
    taken(feed, r, e->time, now_ns);
    held_free(e);
}

void feed_take(Feed *feed, const EventRecord *record, const Type *type, const EnrichedView *view,
               StackWait *take_wait, int64_t now_ns) {
    if (!take_wait && feed->hold.n == 0) {
        taken(feed, encode(feed, record, type, view, now_ns), record->time, now_ns);
        return;
    }
    if (hold_put(&feed->hold, record, type->id, type->schema, view, take_wait, now_ns) < 0) {
        feed_flush(feed, now_ns);
        lose(feed, record->time, now_ns, WIRE_GAP_QUEUE);
    }
    while (hold_is_over(&feed->hold) || !charge_hold(feed))
        release_first(feed, now_ns);
}

void feed_release(Feed *feed, int64_t now_ns, int64_t event_time) {
    while (hold_ready(&feed->hold, now_ns, event_time) && !feed_is_full(feed))
        release_first(feed, now_ns);
}

void feed_flush(Feed *feed, int64_t now_ns) {
    while (feed->hold.n > 0)
        release_first(feed, now_ns);
    feed_seal(feed, now_ns);
}

void feed_seal(Feed *feed, int64_t now_ns) {
    feed->last_seal_ns = now_ns;
    if (feed->open.writer.n == 0)
        return;
    uint64_t first = feed->open_first;
    uint32_t n = feed->open.writer.n;
    int64_t from = feed->open.writer.first_time;
    int64_t to = feed->open.writer.last_time;
    Batch *batch = open_batch_seal(feed->pool, &feed->open);
    if (!batch) {
        // No memory for the sealed copy: what was open is lost, and said so.
        open_batch_deinit(feed->pool, &feed->open);
        for (uint32_t i = 0; i < feed->n_members; i++)
            watch_push_gap(feed->members[i], first - feed->members[i]->base, n, WIRE_GAP_QUEUE,
                           from, to);
        return;
    }
    for (uint32_t i = 0; i < feed->n_members; i++)
        watch_push_batch(feed->members[i], batch, first);
    batch_unref(batch);
}

bool feed_due(const Feed *feed, int64_t now_ns, int64_t quantum_ns) {
    if (feed->open.writer.n == 0 || now_ns - feed->last_seal_ns < quantum_ns)
        return false;
    for (uint32_t i = 0; i < feed->n_members; i++)
        if (!feed->members[i]->blocked)
            return true;
    return false;
}

bool feed_is_full(const Feed *feed) {
    for (uint32_t i = 0; i < feed->n_members; i++)
        if (watch_is_full(feed->members[i]))
            return true;
    return false;
}
