#include <criterion/criterion.h>
#include <stdio.h>

#include "idl/wire.h"
#include "util/mem.h"
#include "watch/hub.h"
#include "wire/json.h"

// A hub with a clock that only the test moves, two providers and hand-made events.

static const Guid provider_a = GUID_INIT(0x11111111u, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
static const Guid provider_b = GUID_INIT(0x22222222u, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2);
#define A "\"{11111111-0001-0001-0101-010101010101}\""
#define B "\"{22222222-0002-0002-0202-020202020202}\""

static int64_t clock_ns;
static SchemaStore *store;
static Hub *hub;
static User *user;
static RouteNames names;
static int64_t next_time;

static int64_t fake_now(void *unused) {
    (void)unused;
    return clock_ns;
}

static void setup(void) {
    clock_ns = 1000000000;
    next_time = 130000000000000000;
    cr_assert_eq(schema_store_new(&store), 0);
    HubOptions options = {
        .now = fake_now, .store = store, .limits = user_limits_default(), .own_pid = 666};
    cr_assert_eq(hub_new(&options, &hub), 0);
    names = names_of_store(store);
    PlatPeer peer = {.sid = "S-1-22-1-0", .administrator = true};
    cr_assert_eq(user_connect(hub_users(hub), &peer, &user, NULL), 0);
}

static void teardown(void) {
    cr_assert(source_ledger_balanced(hub_source(hub)));
    cr_assert_eq(user->queue_bytes, 0);
    user_disconnect(user, true);
    hub_free(hub);
    schema_store_free(store);
}

static Spec *spec_of(const char *text) {
    cJSON *json = NULL;
    Spec *spec = NULL;
    Buf warnings = BUF_INIT;
    Err err = ERR_INIT;
    cr_assert_eq(json_parse(text, strlen(text), &json, &err), 0, "%s", err.text);
    cr_assert_eq(spec_from_json(json, &names, &spec, &warnings, &err), 0, "%s", err.text);
    json_free(json);
    buf_deinit(&warnings);
    return spec;
}

static void subscribe(Watch *watch, const char *text) {
    Spec *spec = spec_of(text);
    Err err = ERR_INIT;
    cr_assert_eq(hub_subscribe(hub, user, spec, true, watch, &err), 0, "%s", err.text);
    spec_unref(spec);
}

static void change(Watch *watch, const char *text) {
    Spec *spec = spec_of(text);
    Err err = ERR_INIT;
    cr_assert_eq(hub_change(hub, watch, spec, NULL, &err), 0, "%s", err.text);
    spec_unref(spec);
}

static void event(const Guid *provider, uint16_t id, uint8_t level, uint64_t keyword,
                  uint32_t pid) {
    static const uint8_t payload[] = {1, 2, 3, 4};
    RingItem item = {.kind = RING_RECORD};
    item.record = (EventRecord){.provider = *provider,
                                .desc = {.id = id, .level = level, .keyword = keyword},
                                .time = next_time++,
                                .pid = pid,
                                .tid = 1,
                                .header_type = ETL_HEADER_EVENT64,
                                .payload = payload,
                                .payload_bytes = sizeof payload};
    hub_item(hub, &item);
}

static void item(RingItem i) {
    hub_item(hub, &i);
}

// Takes everything queued, as a connection would; returns the events, checking numbers and ledger.
typedef struct Seen {
    uint64_t events, gaps, epochs, changes, next;
    uint32_t end;
} Seen;

static Seen drain(Watch *watch, uint64_t next) {
    Seen seen = {.next = next};
    WatchEntry entry;
    hub_seal_all(hub);
    while (watch_take(watch, &entry)) {
        switch (entry.kind) {
        case ENTRY_BATCH:
            cr_assert_eq(entry.first, seen.next, "numbers have no hole");
            seen.next += entry.count;
            seen.events += entry.count;
            break;
        case ENTRY_GAP:
            if (entry.reason != WIRE_GAP_SOURCE) {
                cr_assert_eq(entry.first, seen.next);
                seen.next += entry.count;
                seen.gaps += entry.count;
            }
            break;
        case ENTRY_CHANGED:
            cr_assert_eq(entry.first, seen.next);
            seen.changes++;
            break;
        case ENTRY_EPOCH:
            seen.epochs++;
            break;
        default:
            seen.end = entry.reason;
        }
        watch_written(watch, &entry, clock_ns);
    }
    Ledger ledger = watch_ledger(watch);
    cr_assert(ledger_balanced(&ledger));
    return seen;
}

Test(hub, each_watcher_gets_what_it_asked_for, .init = setup, .fini = teardown) {
    Watch all, narrow, other;
    subscribe(&all, "{\"wants\":[{\"provider\":" A ",\"level\":255}]}");
    subscribe(&narrow, "{\"wants\":[{\"provider\":" A ",\"level\":3,\"any\":\"0x10\"}]}");
    subscribe(&other, "{\"wants\":[{\"provider\":" B ",\"event_ids\":[7]}]}");
    event(&provider_a, 1, 4, 0x10, 5); // all
    event(&provider_a, 2, 3, 0x10, 5); // all, narrow
    event(&provider_a, 3, 3, 0x20, 5); // all
    event(&provider_a, 4, 0, 0, 5);    // all, narrow: level 0 and keyword 0 pass
    event(&provider_b, 7, 4, 0, 5);    // other
    event(&provider_b, 8, 4, 0, 5);    // nobody
    cr_assert_eq(drain(&all, 0).events, 4);
    cr_assert_eq(drain(&narrow, 0).events, 2);
    cr_assert_eq(drain(&other, 0).events, 1);
    const SourceLedger *s = hub_source(hub);
    cr_assert_eq(s->received, 6);
    cr_assert_eq(s->wanted, 5);
    cr_assert_eq(s->unwanted, 1);
    hub_unsubscribe(hub, &all);
    hub_unsubscribe(hub, &narrow);
    hub_unsubscribe(hub, &other);
}

Test(hub, equal_wants_share_one_feed, .init = setup, .fini = teardown) {
    Watch a, b, c;
    subscribe(&a, "{\"wants\":[{\"provider\":" A ",\"level\":4}],\"name\":\"one\"}");
    event(&provider_a, 1, 4, 0, 5);
    subscribe(&b, "{\"wants\":[{\"level\":4,\"provider\":" A "}],\"name\":\"two\"}");
    subscribe(&c, "{\"wants\":[{\"provider\":" A ",\"level\":3}]}");
    cr_assert_eq(hub_feed_count(hub), 2);
    event(&provider_a, 1, 4, 0, 5);
    Seen first = drain(&a, 0);
    cr_assert_eq(first.events, 2);
    cr_assert_eq(drain(&b, 0).events, 1, "a late joiner starts at its own 0");
    cr_assert_eq(a.feed, b.feed);
    hub_unsubscribe(hub, &a);
    event(&provider_a, 1, 4, 0, 5);
    cr_assert_eq(drain(&b, 1).events, 1);
    hub_unsubscribe(hub, &b);
    cr_assert_eq(hub_feed_count(hub), 1, "a feed dies with its last member");
    hub_unsubscribe(hub, &c);
}

Test(hub, self_and_malformed_are_counted_apart, .init = setup, .fini = teardown) {
    Watch all;
    subscribe(&all, "{\"wants\":[{\"provider\":" A "}]}");
    event(&provider_a, 1, 4, 0, 666);
    event(&provider_a, 1, 4, 0, 5);
    cr_assert_eq(drain(&all, 0).events, 1);
    cr_assert_eq(hub_source(hub)->self, 1);
    hub_unsubscribe(hub, &all);
}

Test(hub, filters_count_as_filtered, .init = setup, .fini = teardown) {
    Watch w;
    subscribe(&w, "{\"wants\":[{\"provider\":" A ",\"filter\":\"Id -gt 5\"}]}");
    for (uint16_t id = 1; id <= 10; id++)
        event(&provider_a, id, 4, 0, 5);
    cr_assert_eq(drain(&w, 0).events, 5);
    Watch pid;
    subscribe(&pid, "{\"wants\":[{\"provider\":" A ",\"pids\":[5]}]}");
    event(&provider_a, 6, 4, 0, 5);
    event(&provider_a, 6, 4, 0, 9);
    cr_assert_eq(drain(&pid, 0).events, 1);
    Ledger ledger = watch_ledger(&pid);
    cr_assert_eq(ledger.want.offered, 2);
    cr_assert_eq(ledger.want.filtered, 1);
    cr_assert_eq(ledger.want.matched, 1);
    hub_unsubscribe(hub, &w);
    hub_unsubscribe(hub, &pid);
}

Test(hub, a_change_splits_the_stream_exactly, .init = setup, .fini = teardown) {
    Watch w, bystander;
    subscribe(&w, "{\"wants\":[{\"provider\":" A ",\"any\":\"0x10\"}]}");
    subscribe(&bystander, "{\"wants\":[{\"provider\":" A ",\"any\":\"0x10\"}]}");
    event(&provider_a, 1, 4, 0x10, 5);
    event(&provider_a, 1, 4, 0x20, 5);
    change(&w, "{\"wants\":[{\"provider\":" A ",\"any\":\"0x20\"}]}");
    event(&provider_a, 1, 4, 0x20, 5);
    event(&provider_a, 1, 4, 0x20, 5);
    event(&provider_a, 1, 4, 0x10, 5);
    Seen seen = drain(&w, 0);
    cr_assert_eq(seen.events, 3);
    cr_assert_eq(seen.changes, 1);
    cr_assert_eq(drain(&bystander, 0).events, 2, "its neighbour is not touched");
    Ledger ledger = watch_ledger(&w);
    // The type decides both masks, so nothing was offered that did not match.
    cr_assert_eq(ledger.want.offered, 3);
    cr_assert_eq(ledger.number.sent, 3);
    cr_assert_eq(w.generation, 1);
    hub_unsubscribe(hub, &w);
    hub_unsubscribe(hub, &bystander);
}

Test(hub, batches_are_sealed_by_time, .init = setup, .fini = teardown) {
    Watch w;
    subscribe(&w, "{\"wants\":[{\"provider\":" A "}]}");
    clock_ns += HUB_QUANTUM_NS;
    hub_tick(hub);
    event(&provider_a, 1, 4, 0, 5);
    cr_assert_null(watch_front(&w), "waits for company");
    clock_ns += HUB_QUANTUM_NS - 1;
    cr_assert_null(watch_front(&w));
    hub_tick(hub);
    clock_ns += 1;
    hub_tick(hub);
    cr_assert_not_null(watch_front(&w), "and no longer than the quantum");
    // While the connection is busy there is no point in a small batch.
    w.blocked = true;
    event(&provider_a, 1, 4, 0, 5);
    clock_ns += 10 * HUB_QUANTUM_NS;
    hub_tick(hub);
    cr_assert_eq(w.n_entries, 1);
    w.blocked = false;
    hub_tick(hub);
    cr_assert_eq(w.n_entries, 2);
    cr_assert_eq(drain(&w, 0).events, 2);
    hub_unsubscribe(hub, &w);
}

Test(hub, the_ledger_balances_at_every_read, .init = setup, .fini = teardown) {
    Watch w;
    subscribe(&w,
              "{\"wants\":[{\"provider\":" A ",\"filter\":\"Id -ne 3\"}],\"queue_bytes\":131072,"
              "\"queue_policy\":\"drop-oldest\"}");
    for (int i = 0; i < 20000; i++) {
        event(&provider_a, (uint16_t)(i % 7), 4, 0, 5);
        Ledger ledger = watch_ledger(&w);
        cr_assert(ledger_balanced(&ledger), "after %d events", i + 1);
        cr_assert(source_ledger_balanced(hub_source(hub)));
    }
    cr_assert_gt(w.number.dropped_queue, 0);
    Seen seen = drain(&w, 0);
    Ledger ledger = watch_ledger(&w);
    cr_assert_eq(seen.events + seen.gaps, ledger.number.numbered);
    cr_assert_eq(seen.gaps, ledger.number.dropped_queue);
    cr_assert_eq(hub_provider(hub, 0)->dropped, seen.gaps);
    hub_unsubscribe(hub, &w);
}

Test(hub, a_lossless_watch_holds_the_source, .init = setup, .fini = teardown) {
    Watch w;
    subscribe(&w, "{\"wants\":[{\"provider\":" A "}],\"queue_bytes\":131072}");
    uint32_t n = 0;
    while (!hub_is_full(hub)) {
        event(&provider_a, 1, 4, 0, 5);
        cr_assert_lt(++n, 100000);
    }
    Seen seen = drain(&w, 0);
    cr_assert_eq(seen.events, n);
    cr_assert_eq(seen.gaps, 0);
    cr_assert_not(hub_is_full(hub));
    hub_unsubscribe(hub, &w);
}

Test(hub, losses_epochs_and_the_end_are_told, .init = setup, .fini = teardown) {
    Watch w, late;
    item((RingItem){.kind = RING_EPOCH, .epoch = {.reason = WIRE_EPOCH_START}});
    subscribe(&w, "{\"wants\":[{\"provider\":" A "}]}");
    event(&provider_a, 1, 4, 0, 5);
    item((RingItem){.kind = RING_LOSS, .loss = {.events = 3}});
    event(&provider_a, 1, 4, 0, 5);
    cr_assert_eq(hub_source(hub)->lost_events, 3);
    item((RingItem){.kind = RING_EPOCH, .epoch = {.reason = WIRE_EPOCH_LOOP}});
    cr_assert_eq(hub_source(hub)->received, 0, "an epoch's ledger starts anew");
    cr_assert_eq(hub_epoch(hub), 2);
    event(&provider_a, 1, 4, 0, 5);
    item((RingItem){.kind = RING_END, .status = 0});
    Seen seen = drain(&w, 0);
    cr_assert_eq(seen.events, 3);
    cr_assert_eq(seen.epochs, 1);
    cr_assert_eq(seen.end, WIRE_END_SOURCE);
    subscribe(&late, "{\"wants\":[{\"provider\":" A "}]}");
    cr_assert_eq(drain(&late, 0).end, WIRE_END_SOURCE);
    hub_unsubscribe(hub, &w);
    hub_unsubscribe(hub, &late);
}

Test(hub, ids_are_never_reused, .init = setup, .fini = teardown) {
    Watch a, b;
    subscribe(&a, "{\"wants\":[{\"provider\":" A "}]}");
    uint32_t id = a.id;
    cr_assert_eq(hub_find(hub, id), &a);
    hub_unsubscribe(hub, &a);
    cr_assert_null(hub_find(hub, id));
    subscribe(&b, "{\"wants\":[{\"provider\":" A "}]}");
    cr_assert_gt(b.id, id);
    hub_unsubscribe(hub, &b);
}

Test(hub, the_plan_follows_its_watches, .init = setup, .fini = teardown) {
    Watch a, b;
    subscribe(&a, "{\"wants\":[{\"provider\":" A ",\"any\":\"0x10\",\"level\":3}]}");
    subscribe(&b, "{\"wants\":[{\"provider\":" A ",\"any\":\"0x40\",\"level\":5}]}");
    const PlanProvider *p = plan_provider(hub_plan(hub), &provider_a);
    cr_assert_not_null(p);
    cr_assert_eq(p->ask.any, 0x50);
    cr_assert_eq(p->ask.level, 5);
    cr_assert_eq(p->n_watchers, 2);
    change(&b, "{\"wants\":[{\"provider\":" A ",\"any\":\"0x20\",\"level\":4}]}");
    p = plan_provider(hub_plan(hub), &provider_a);
    cr_assert_eq(p->ask.any, 0x30);
    cr_assert_eq(p->ask.level, 4);
    hub_unsubscribe(hub, &a);
    p = plan_provider(hub_plan(hub), &provider_a);
    cr_assert_eq(p->ask.any, 0x20);
    hub_unsubscribe(hub, &b);
    cr_assert_null(plan_provider(hub_plan(hub), &provider_a));
}

Test(hub, wait_needs_a_lossless_replay, .init = setup, .fini = teardown) {
    Watch w;
    Err err = ERR_INIT;
    Spec *spec = spec_of("{\"wants\":[{\"provider\":" A "}],\"queue_policy\":\"wait\"}");
    cr_assert_eq(hub_subscribe(hub, user, spec, false, &w, &err), -STATUS_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, "--lossless"));
    spec_unref(spec);
}

// Every allocation of a subscription's life fails in turn: refused or done, never half.
Test(hub, survives_every_failing_allocation, .init = setup, .fini = teardown) {
    Watch base;
    subscribe(&base, "{\"wants\":[{\"provider\":" B "}]}");
    for (size_t nth = 1; nth < 200; nth++) {
        Watch w;
        Err err = ERR_INIT;
        Spec *spec = spec_of("{\"wants\":[{\"provider\":" A ",\"filter\":\"Id -gt 0\"}]}");
        Spec *second = spec_of("{\"wants\":[{\"provider\":" A ",\"level\":2}]}");
        mem_fail_at(nth);
        int r = hub_subscribe(hub, user, spec, true, &w, &err);
        if (r == 0) {
            event(&provider_a, (uint16_t)nth, 2, 0, 5);
            hub_seal_all(hub);
            hub_change(hub, &w, second, NULL, &err);
            event(&provider_a, (uint16_t)nth, 2, 0, 5);
        }
        mem_fail_at(0);
        if (r == 0) {
            Ledger ledger = watch_ledger(&w);
            cr_assert(ledger_balanced(&ledger), "allocation %zu", nth);
            hub_unsubscribe(hub, &w);
        }
        cr_assert(source_ledger_balanced(hub_source(hub)));
        cr_assert_eq(hub_watch_count(hub), 1);
        cr_assert_eq(plan_members(hub_plan(hub)), 1, "allocation %zu", nth);
        spec_unref(spec);
        spec_unref(second);
    }
    hub_unsubscribe(hub, &base);
}
