#include "watch/watch.h"

#include <assert.h>

#include "idl/wire.h"
#include "util/mem.h"
#include "watch/feed.h"

void watch_init(Watch *watch, uint32_t id, User *user, uint64_t quota_bytes, QueuePolicy policy) {
    *watch = (Watch){.id = id, .user = user, .quota_bytes = quota_bytes, .policy = policy};
}

static WatchEntry *entry_at(const Watch *watch, uint32_t i) {
    assert(watch->capacity > 0);
    return &watch->entries[(watch->head + i) % watch->capacity];
}

static void wake(Watch *watch) {
    if (watch->notify)
        watch->notify(watch->notify_user, watch);
}

static bool reserve(Watch *watch) {
    if (watch->n_entries < watch->capacity)
        return true;
    uint32_t capacity = watch->capacity ? watch->capacity * 2 : 8;
    WatchEntry *entries = mem_array(capacity, sizeof *entries);
    if (!entries)
        return false;
    for (uint32_t i = 0; i < watch->n_entries; i++)
        entries[i] = *entry_at(watch, i);
    mem_free(watch->entries);
    watch->entries = entries;
    watch->capacity = capacity;
    watch->head = 0;
    return true;
}

// A notice that memory does not allow makes the watch unable to tell the truth: it fails instead.
static bool push(Watch *watch, const WatchEntry *entry) {
    if (!reserve(watch)) {
        watch->failed = true;
        wake(watch);
        return false;
    }
    watch->n_entries++;
    *entry_at(watch, watch->n_entries - 1) = *entry;
    wake(watch);
    return true;
}

// Closes the hole from the nearer end: what is removed stands near one, and the queue may be long.
static void remove_entry(Watch *watch, uint32_t i) {
    if (i < watch->n_entries / 2) {
        for (; i > 0; i--)
            *entry_at(watch, i) = *entry_at(watch, i - 1);
        watch->head = (watch->head + 1) % watch->capacity;
    } else {
        for (; i + 1 < watch->n_entries; i++)
            *entry_at(watch, i) = *entry_at(watch, i + 1);
    }
    watch->n_entries--;
}

static bool gaps_join(const WatchEntry *a, const WatchEntry *b) {
    return a->kind == ENTRY_GAP && b->kind == ENTRY_GAP && a->reason == b->reason &&
           a->count != UINT64_MAX && b->count != UINT64_MAX && a->first + a->count == b->first;
}

static void gap_extend(WatchEntry *gap, const WatchEntry *more) {
    gap->count += more->count;
    gap->to = more->to;
}

#define NOTICES_MAX 16u // of neighbours in a queue

static void source_gap_extend(WatchEntry *gap, uint64_t events) {
    gap->count =
        gap->count == UINT64_MAX || events == UINT64_MAX ? UINT64_MAX : gap->count + events;
}

// A run of notices at the front or the back of the queue, told in at most four: one gap of all its
// numbers (by the reason of the largest), the last epoch, the last change, the sum of what the
// source lost.
static void condense(Watch *watch, uint32_t from, uint32_t n) {
    WatchEntry gap = {0}, epoch = {0}, changed = {0}, source = {0};
    uint64_t largest = 0;
    for (uint32_t i = from; i < from + n; i++) {
        const WatchEntry *e = entry_at(watch, i);
        if (e->kind == ENTRY_EPOCH) {
            epoch = *e;
        } else if (e->kind == ENTRY_CHANGED) {
            changed = *e;
        } else if (e->reason == WIRE_GAP_SOURCE) {
            if (source.kind)
                source_gap_extend(&source, e->count);
            else
                source = *e;
        } else {
            if (gap.kind)
                gap_extend(&gap, e);
            else
                gap = *e;
            if (e->count > largest) {
                largest = e->count;
                gap.reason = e->reason;
            }
        }
    }
    if (gap.kind) // what comes next
        changed.first = source.first = gap.first + gap.count;
    const WatchEntry *const told[] = {&gap, &epoch, &changed, &source};
    uint32_t n_told = 0;
    for (size_t i = 0; i < ARRAY_COUNT(told); i++)
        n_told += told[i]->kind != 0;
    uint32_t gone = n - n_told;
    uint32_t at = from == 0 ? gone : from;
    for (size_t i = 0; i < ARRAY_COUNT(told); i++)
        if (told[i]->kind)
            *entry_at(watch, at++) = *told[i];
    if (from == 0)
        watch->head = (watch->head + gone) % watch->capacity;
    watch->n_entries -= gone;
}

// Notices must not pile up behind a reader that has stopped: gaps that meet become one, and an
// epoch of which nothing is left to deliver is told by the next one alone.
static void fold_neighbours(Watch *watch) {
    while (watch->n_entries >= 2) {
        uint32_t n = watch->n_entries;
        WatchEntry *last = entry_at(watch, n - 1);
        WatchEntry *before = entry_at(watch, n - 2);
        if (gaps_join(before, last)) {
            gap_extend(before, last);
            watch->n_entries--;
        } else if (last->kind == ENTRY_EPOCH && before->kind == ENTRY_EPOCH) {
            remove_entry(watch, n - 2);
        } else if (last->kind == ENTRY_EPOCH && before->kind == ENTRY_GAP && n >= 3 &&
                   entry_at(watch, n - 3)->kind == ENTRY_EPOCH) {
            remove_entry(watch, n - 3);
            if (watch->n_entries >= 3 && gaps_join(entry_at(watch, watch->n_entries - 3),
                                                   entry_at(watch, watch->n_entries - 2))) {
                gap_extend(entry_at(watch, watch->n_entries - 3),
                           entry_at(watch, watch->n_entries - 2));
                remove_entry(watch, watch->n_entries - 2);
            }
        } else {
            return;
        }
    }
}

static void fold_tail(Watch *watch) {
    fold_neighbours(watch);
    uint32_t run = 0;
    while (run < watch->n_entries && run <= NOTICES_MAX) {
        uint8_t kind = entry_at(watch, watch->n_entries - 1 - run)->kind;
        if (kind == ENTRY_BATCH || kind == ENTRY_END)
            break;
        run++;
    }
    if (run > NOTICES_MAX)
        condense(watch, watch->n_entries - run, run);
}

static void count_drop(Watch *watch, uint64_t events, uint32_t reason) {
    switch (reason) {
    case WIRE_GAP_RATE:
        watch->number.dropped_rate += events;
        break;
    case WIRE_GAP_OVERSIZE:
        watch->number.dropped_oversize += events;
        break;
    case WIRE_GAP_POLICY:
        watch->number.dropped_policy += events;
        break;
    default:
        watch->number.dropped_queue += events;
    }
}

static void release(Watch *watch, WatchEntry *entry) {
    watch->queue_bytes -= entry->batch->charge;
    user_refund(watch->user, entry->batch->charge);
    watch->number.queued -= entry->batch->n_events;
    entry->batch = batch_unref(entry->batch);
}

static void tell_drop(const Batch *batch) {
    if (batch->pool->dropped)
        batch->pool->dropped(batch->pool->dropped_user, batch);
}

static WatchEntry gap_of(const WatchEntry *batch_entry, uint32_t reason) {
    return (WatchEntry){.kind = ENTRY_GAP,
                        .reason = reason,
                        .first = batch_entry->first,
                        .count = batch_entry->count,
                        .from = batch_entry->from,
                        .to = batch_entry->to};
}

// Turns the oldest queued batch into a gap; false when none is queued.
static bool drop_oldest(Watch *watch, uint32_t reason) {
    uint32_t i = 0;
    while (i < watch->n_entries && entry_at(watch, i)->kind != ENTRY_BATCH)
        i++;
    if (i == watch->n_entries)
        return false;
    WatchEntry *entry = entry_at(watch, i);
    WatchEntry gap = gap_of(entry, reason);
    count_drop(watch, gap.count, reason);
    tell_drop(entry->batch);
    release(watch, entry);
    *entry = gap;
    watch->gaps++;
    if (i >= NOTICES_MAX) {
        condense(watch, 0, i + 1);
        return true;
    }
    // Everything in front of i is notices: join the gaps among them, keep the last epoch.
    for (uint32_t at = i; at > 0; at--) {
        WatchEntry *before = entry_at(watch, at - 1);
        WatchEntry *here = entry_at(watch, at);
        if (gaps_join(before, here)) {
            gap_extend(before, here);
            remove_entry(watch, at);
        } else if (at >= 2 && before->kind == ENTRY_EPOCH && here->kind == ENTRY_GAP &&
                   gaps_join(entry_at(watch, at - 2), here)) {
            // gap, epoch, gap -> gap, epoch: nothing of either side is delivered
            gap_extend(entry_at(watch, at - 2), here);
            remove_entry(watch, at);
        } else if (before->kind == ENTRY_EPOCH && here->kind == ENTRY_EPOCH) {
            remove_entry(watch, at - 1);
        }
    }
    return true;
}

static bool has_room(const Watch *watch, uint32_t bytes) {
    // An empty queue takes any one batch: the largest record is larger than the smallest queue, and
    // a user's other queues must not starve this one altogether.
    if (watch->queue_bytes == 0)
        return true;
    return watch->queue_bytes + bytes <= watch->quota_bytes &&
           watch->user->queue_bytes + bytes <= watch->user->table->limits.queue_bytes;
}

void watch_push_batch(Watch *watch, Batch *batch, uint64_t feed_first) {
    uint64_t first = feed_first - watch->base;
    assert(first == watch->next_number);
    watch->next_number = first + batch->n_events;
    watch->number.numbered += batch->n_events;
    WatchEntry entry = {.kind = ENTRY_BATCH,
                        .first = first,
                        .count = batch->n_events,
                        .from = batch->first_time,
                        .to = batch->last_time,
                        .batch = batch};
    if (watch->ended || watch->failed) {
        watch->number.dropped_close += batch->n_events;
        return;
    }
    bool room = has_room(watch, batch->charge);
    if (!room && watch->policy == QUEUE_DROP_OLDEST) {
        while (!(room = has_room(watch, batch->charge)) && drop_oldest(watch, WIRE_GAP_QUEUE)) {
        }
    }
    if (!room && watch->policy == QUEUE_WAIT)
        room = true; // the loop has stopped at watch_is_full: at most one batch comes on top
    if (!room || !reserve(watch)) {
        count_drop(watch, batch->n_events, WIRE_GAP_QUEUE);
        tell_drop(batch);
        watch->gaps++;
        WatchEntry gap = gap_of(&entry, WIRE_GAP_QUEUE);
        if (push(watch, &gap))
            fold_tail(watch);
        if (watch->policy == QUEUE_DISCONNECT)
            watch_push_end(watch, WIRE_END_SLOW);
        return;
    }
    batch_ref(batch);
    watch->queue_bytes += batch->charge;
    user_charge(watch->user, batch->charge);
    watch->number.queued += batch->n_events;
    if (watch->number.queued == batch->n_events)
        watch->unsent_time = batch->first_time;
    watch->newest_time = batch->last_time;
    push(watch, &entry);
}

void watch_push_gap(Watch *watch, uint64_t first, uint64_t count, uint32_t reason, int64_t from,
                    int64_t to) {
    WatchEntry gap = {.kind = ENTRY_GAP,
                      .reason = reason,
                      .first = first,
                      .count = count,
                      .from = from,
                      .to = to};
    assert(first == watch->next_number);
    watch->next_number += count;
    watch->number.numbered += count;
    if (watch->ended || watch->failed) {
        watch->number.dropped_close += count;
        return;
    }
    count_drop(watch, count, reason);
    watch->gaps++;
    if (push(watch, &gap))
        fold_tail(watch);
}

void watch_push_source_gap(Watch *watch, uint64_t events) {
    if (watch->ended)
        return;
    WatchEntry *last = watch->n_entries ? entry_at(watch, watch->n_entries - 1) : NULL;
    if (last && last->kind == ENTRY_GAP && last->reason == WIRE_GAP_SOURCE) {
        source_gap_extend(last, events);
        return;
    }
    WatchEntry gap = {
        .kind = ENTRY_GAP, .reason = WIRE_GAP_SOURCE, .first = watch->next_number, .count = events};
    if (push(watch, &gap))
        fold_tail(watch);
}

void watch_push_changed(Watch *watch, uint32_t flags) {
    if (watch->ended)
        return;
    WatchEntry entry = {.kind = ENTRY_CHANGED,
                        .first = watch->next_number,
                        .generation = watch->generation,
                        .flags = flags};
    WatchEntry *last = watch->n_entries ? entry_at(watch, watch->n_entries - 1) : NULL;
    if (last && last->kind == ENTRY_CHANGED)
        *last = entry;
    else if (push(watch, &entry))
        fold_tail(watch);
}

void watch_push_epoch(Watch *watch, uint32_t number, uint32_t reason, uint32_t flags,
                      int64_t time) {
    if (watch->ended)
        return;
    WatchEntry entry = {
        .kind = ENTRY_EPOCH, .reason = reason, .generation = number, .flags = flags, .from = time};
    if (push(watch, &entry))
        fold_tail(watch);
}

void watch_push_end(Watch *watch, uint32_t reason) {
    if (watch->ended)
        return;
    WatchEntry entry = {.kind = ENTRY_END, .reason = reason, .first = watch->next_number};
    if (push(watch, &entry))
        watch->ended = true;
}

const WatchEntry *watch_front(const Watch *watch) {
    return watch->n_entries ? entry_at(watch, 0) : NULL;
}

bool watch_take(Watch *watch, WatchEntry *ret) {
    if (watch->n_entries == 0)
        return false;
    *ret = *entry_at(watch, 0);
    watch->head = (watch->head + 1) % watch->capacity;
    watch->n_entries--;
    return true;
}

void watch_written(Watch *watch, WatchEntry *entry, int64_t now_ns) {
    watch->last_progress_ns = now_ns;
    if (entry->kind != ENTRY_BATCH)
        return;
    watch->number.sent += entry->batch->n_events;
    watch->sent_batches++;
    watch->sent_bytes += entry->batch->bytes;
    watch->unsent_time = entry->to;
    release(watch, entry);
}

void watch_abandoned(Watch *watch, WatchEntry *entry) {
    if (entry->kind != ENTRY_BATCH)
        return;
    watch->number.dropped_close += entry->batch->n_events;
    release(watch, entry);
}

void watch_drop_queue(Watch *watch, uint32_t reason) {
    while (drop_oldest(watch, reason)) {
    }
}

bool watch_is_full(const Watch *watch) {
    // An empty queue always takes one more: other queues of its user must not stop it, and the
    // source, for ever.
    return watch->policy == QUEUE_WAIT && !watch->ended && !watch->failed && watch->feed &&
           !has_room(watch, WIRE_BATCH_BYTES);
}

Ledger watch_ledger(const Watch *watch) {
    Ledger ledger = {.want = watch->past, .number = watch->number};
    if (watch->feed) {
        WantLedger now = watch->feed->ledger;
        want_ledger_subtract(&now, &watch->joined);
        want_ledger_add(&ledger.want, &now);
        // The open batch is shared: what it holds is numbered for each member, and not yet in its
        // queue.
        ledger.number.numbered += watch->feed->open.writer.n;
        ledger.number.queued += watch->feed->open.writer.n;
        ledger.held = watch->feed->hold.n; // flushed before anybody joins: all of it is this one's
    }
    return ledger;
}

void watch_deinit(Watch *watch) {
    assert(!watch->feed);
    WatchEntry entry;
    while (watch_take(watch, &entry))
        watch_abandoned(watch, &entry);
    assert(watch->queue_bytes == 0 && watch->number.queued == 0);
    mem_free(watch->entries);
    watch->entries = NULL;
    watch->capacity = 0;
}
