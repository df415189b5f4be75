#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "client/etwclient.h"
#include "platform/clock.h"
#include "platform/thread.h"
#include "unit/common/rig.h"

#define WAIT_MS 10000u
#define SPEC    "{\"wants\":[{\"provider\":\"" RIG_PROVIDER "\"}]}"

static Rig *rig;
static EtwClient *client;

static EtwClient *connect_to(const char *endpoint) {
    EtwConnectOptions options = {
        .struct_size = sizeof options, .endpoint = endpoint, .agent = "unit"};
    EtwClient *c = NULL;
    int32_t status = etw_connect(&options, &c);
    EtwError error = {.struct_size = sizeof error};
    etw_error(c, &error);
    cr_assert_eq(status, ETW_STATUS_OK, "%s", error.message);
    return c;
}

static void start_with(const RigOptions *options) {
    rig = rig_start(options);
    client = connect_to(rig_endpoint(rig));
}

static void setup(void) {
    start_with(NULL);
}

static void setup_small(void) {
    start_with(&(RigOptions){.queue_bytes = 128 * 1024});
}

static void setup_lossless(void) {
    start_with(&(RigOptions){.queue_bytes = 128 * 1024, .lossless = true});
}

static void setup_enriched(void) {
    start_with(&(RigOptions){.enrich = true});
}

static void teardown(void) {
    etw_disconnect(client);
    rig_stop(rig);
}

static EtwSubscription *subscribe(const char *spec) {
    EtwSubscription *s = NULL;
    int32_t status = etw_subscribe(client, spec, WAIT_MS, &s);
    EtwError error = {.struct_size = sizeof error};
    etw_error(client, &error);
    cr_assert_eq(status, ETW_STATUS_OK, "%s", error.message);
    return s;
}

static void refused(const char *spec, int32_t expected, const char *word) {
    EtwSubscription *s = NULL;
    EtwError error = {.struct_size = sizeof error};
    cr_assert_eq(etw_subscribe(client, spec, WAIT_MS, &s), expected);
    cr_assert_null(s);
    etw_error(client, &error);
    cr_assert_eq(error.status, expected);
    cr_assert_not_null(strstr(error.message, word), "'%s' lacks '%s'", error.message, word);
}

// Reads until n events (0: until END); checks that numbers and gaps leave no hole.
typedef struct Got {
    uint64_t events, gaps, source_lost, next;
    uint32_t ended, epochs, changes;
    EtwLedger ledger;
} Got;

static void read_until(EtwSubscription *s, Got *got, uint64_t n) {
    while (!got->ended && (n == 0 || got->events < n)) {
        EtwBatch *batch;
        EtwItem item = {.struct_size = sizeof item};
        cr_assert_eq(etw_read(s, WAIT_MS, &batch), ETW_STATUS_OK);
        while (etw_batch_next(batch, &item) == ETW_STATUS_OK) {
            if (item.kind == ETW_ITEM_EVENT) {
                cr_assert_eq(item.number, got->next);
                got->next++;
                got->events++;
            } else if (item.kind == ETW_ITEM_GAP && item.reason == WIRE_GAP_SOURCE) {
                got->source_lost += item.gap_count;
            } else if (item.kind == ETW_ITEM_GAP) {
                cr_assert_eq(item.number, got->next);
                got->next += item.gap_count;
                got->gaps += item.gap_count;
            } else if (item.kind == ETW_ITEM_EPOCH) {
                got->epochs++;
            } else if (item.kind == ETW_ITEM_CHANGED) {
                cr_assert_eq(item.number, got->next);
                got->changes++;
            } else {
                got->ended = item.reason;
                got->ledger = item.ledger;
            }
        }
        etw_batch_free(batch);
    }
}

Test(client, nobody_listens) {
    EtwConnectOptions options = {
        .struct_size = sizeof options, .endpoint = "etwbroker-unit-nobody", .timeout_ms = 500};
    EtwClient *c = NULL;
    EtwError error = {.struct_size = sizeof error};
    cr_assert_eq(etw_connect(&options, &c), ETW_STATUS_UNAVAILABLE);
    cr_assert_not_null(c);
    cr_assert_eq(etw_error(c, &error), ETW_STATUS_OK);
    cr_assert_eq(error.status, ETW_STATUS_UNAVAILABLE);
    cr_assert_neq(error.remedy[0], 0);
    char *reply = NULL;
    cr_assert_eq(etw_request(c, "ping", NULL, 0, &reply), ETW_STATUS_CLOSED);
    etw_disconnect(c);
}

Test(client, ping_and_broker, .init = setup, .fini = teardown) {
    char *reply = NULL;
    EtwBrokerInfo info = {.struct_size = sizeof info};
    cr_assert_eq(etw_request(client, "ping", NULL, WAIT_MS, &reply), ETW_STATUS_OK);
    cr_assert_not_null(strstr(reply, "\"administrator\":true"));
    etw_free(reply);
    cr_assert_eq(etw_broker(client, &info), ETW_STATUS_OK);
    cr_assert_eq(info.protocol, 1);
    cr_assert_not_null(strstr(info.agent, "etwbroker"));
}

Test(client, stats_balance, .init = setup, .fini = teardown) {
    EtwSubscription *s = subscribe(SPEC);
    Got got = {0};
    char *reply = NULL;
    for (uint16_t id = 0; id < 5; id++)
        rig_event(rig, &rig_provider, id, 4, 0, "x", 1);
    read_until(s, &got, 5);
    cr_assert_eq(etw_request(client, "stats", NULL, WAIT_MS, &reply), ETW_STATUS_OK);
    cr_assert_not_null(strstr(reply, "\"received\":\"5\""), "%s", reply);
    cr_assert_not_null(strstr(reply, "\"numbered\":\"5\""), "%s", reply);
    cr_assert_null(strstr(reply, "\"balanced\":false"), "%s", reply);
    etw_free(reply);
    etw_close(s);
}

Test(client, requests_that_are_wrong_are_answered, .init = setup, .fini = teardown) {
    char *reply = NULL;
    EtwError error = {.struct_size = sizeof error};
    cr_assert_eq(etw_request(client, "nonsense", NULL, WAIT_MS, &reply), ETW_STATUS_UNSUPPORTED);
    cr_assert_eq(etw_request(client, "ping", "[1]", WAIT_MS, &reply), ETW_STATUS_INVALID_ARGUMENT);
    cr_assert_eq(etw_request(client, "ping", "{", WAIT_MS, &reply), ETW_STATUS_INVALID_ARGUMENT);
    cr_assert_eq(etw_request(client, "providers", "{\"nmae\":\"x\"}", WAIT_MS, &reply),
                 ETW_STATUS_INVALID_ARGUMENT);
    etw_error(client, &error);
    cr_assert_not_null(strstr(error.message, "nmae"), "%s", error.message);
    cr_assert_eq(
        etw_request(client, "providers", "{\"name\":\"No-Such-Provider\"}", WAIT_MS, &reply),
        ETW_STATUS_NOT_FOUND);
    // The connection is still good.
    cr_assert_eq(etw_request(client, "ping", NULL, WAIT_MS, &reply), ETW_STATUS_OK);
    etw_free(reply);
}

Test(client, events_arrive_with_their_bytes, .init = setup, .fini = teardown) {
    EtwSubscription *s = subscribe(SPEC);
    cr_assert_gt(etw_id(s), 0);
    rig_event(rig, &rig_provider, 5, 4, 0x8000000000000001u, "hello", 5);
    EtwBatch *batch;
    EtwItem item = {.struct_size = sizeof item};
    EtwHeader header = {.struct_size = sizeof header};
    cr_assert_eq(etw_read(s, WAIT_MS, &batch), ETW_STATUS_OK);
    cr_assert_eq(etw_batch_next(batch, &item), ETW_STATUS_OK);
    cr_assert_eq(item.kind, ETW_ITEM_EVENT);
    cr_assert_eq(etw_event_header(item.event, &header), ETW_STATUS_OK);
    cr_assert_eq(header.id, 5);
    cr_assert_eq(header.level, 4);
    cr_assert_eq(header.keyword, 0x8000000000000001u);
    cr_assert_eq(header.process_id, 7);
    cr_assert_eq(header.time, 130000000000000000);
    cr_assert_eq(header.payload_bytes, 5);
    cr_assert_eq(memcmp(header.payload, "hello", 5), 0);
    cr_assert_eq(header.decodable, 0);
    char text[1024];
    size_t need = 0;
    cr_assert_eq(etw_event_text(item.event, ETW_TEXT_JSON, text, sizeof text, &need),
                 ETW_STATUS_OK);
    cr_assert_eq(need, strlen(text) + 1);
    cr_assert_not_null(strstr(text, "\"Raw\":\"68656c6c6f\""), "%s", text);
    // Text functions tell what they need and give the front.
    char small[8];
    cr_assert_eq(etw_event_text(item.event, ETW_TEXT_JSON, small, sizeof small, &need),
                 ETW_STATUS_OVERSIZE);
    cr_assert_eq(need, strlen(text) + 1);
    cr_assert_eq(strlen(small), 7);
    cr_assert_eq(memcmp(small, text, 7), 0);
    cr_assert_eq(etw_event_text(item.event, ETW_TEXT_JSON, NULL, 0, &need), ETW_STATUS_OVERSIZE);
    // A copy outlives its batch and its subscription.
    EtwEvent *copy = NULL;
    cr_assert_eq(etw_event_copy(item.event, &copy), ETW_STATUS_OK);
    cr_assert_eq(etw_batch_next(batch, &item), ETW_STATUS_END);
    etw_batch_free(batch);
    etw_close(s);
    char again[1024];
    cr_assert_eq(etw_event_text(copy, ETW_TEXT_JSON, again, sizeof again, NULL), ETW_STATUS_OK);
    cr_assert_str_eq(again, text);
    etw_event_free(copy);
}

Test(client, timeouts_and_cancel, .init = setup, .fini = teardown) {
    EtwSubscription *s = subscribe(SPEC);
    EtwBatch *batch;
    int64_t start = plat_now_ns();
    cr_assert_eq(etw_read(s, 0, &batch), ETW_STATUS_TIMEOUT);
    cr_assert_eq(etw_read(s, 50, &batch), ETW_STATUS_TIMEOUT);
    cr_assert_geq(plat_now_ns() - start, 45000000);
    etw_cancel(s);
    cr_assert_eq(etw_read(s, UINT32_MAX, &batch), ETW_STATUS_CANCELLED);
    cr_assert_eq(etw_read(s, UINT32_MAX, &batch), ETW_STATUS_CANCELLED, "sticky");
    etw_close(s);
}

static void cancel_later(void *user) {
    plat_sleep_ns(30000000);
    etw_cancel(user);
}

Test(client, cancel_from_another_thread, .init = setup, .fini = teardown) {
    EtwSubscription *s = subscribe(SPEC);
    EtwBatch *batch;
    PlatThread *thread;
    cr_assert_eq(plat_thread_start(&thread, cancel_later, s), 0);
    cr_assert_eq(etw_read(s, UINT32_MAX, &batch), ETW_STATUS_CANCELLED);
    plat_thread_join(thread);
    etw_close(s);
}

Test(client, bad_specs_say_what_is_wrong, .init = setup, .fini = teardown) {
    refused("{\"wants\":[{\"provider\":\"" RIG_PROVIDER "\",\"filter\":\"Id -match 5\"}]}",
            ETW_STATUS_FILTER, "regex");
    refused("{\"wants\":[{\"levle\":3}]}", ETW_STATUS_INVALID_ARGUMENT, "levle");
    refused("{\"wants\":[]}", ETW_STATUS_INVALID_ARGUMENT, "want");
    refused("{\"wants\":[{}],\"queue_bytes\":\"99999999999\"}", ETW_STATUS_OVERSIZE, "limit");
    refused("{\"wants\":[{}],\"queue_policy\":\"wait\"}", ETW_STATUS_INVALID_ARGUMENT, "lossless");
    EtwSubscription *s = subscribe(SPEC);
    etw_close(s);
}

Test(client, the_end_carries_a_balanced_ledger, .init = setup, .fini = teardown) {
    EtwSubscription *s =
        subscribe("{\"wants\":[{\"provider\":\"" RIG_PROVIDER "\",\"filter\":\"Id -lt 3\"}]}");
    for (uint16_t id = 0; id < 10; id++)
        rig_event(rig, &rig_provider, id, 4, 0, "x", 1);
    rig_end(rig);
    Got got = {0};
    EtwBatch *batch;
    read_until(s, &got, 0);
    cr_assert_eq(got.events, 3);
    cr_assert_eq(got.ended, WIRE_END_SOURCE);
    cr_assert_eq(got.ledger.numbered, 3);
    cr_assert_eq(got.ledger.sent, 3);
    cr_assert_eq(got.ledger.queued, 0);
    cr_assert_eq(etw_read(s, WAIT_MS, &batch), ETW_STATUS_END);
    etw_close(s);
}

Test(client, a_slow_reader_is_told_exactly_what_it_missed, .init = setup_small, .fini = teardown) {
    static uint8_t payload[1000];
    EtwSubscription *slow = subscribe(SPEC);
    EtwSubscription *good = subscribe("{\"wants\":[{\"provider\":\"" RIG_PROVIDER
                                      "\",\"level\":4}],\"queue_bytes\":67108864}");
    const uint64_t n = 20000;
    for (uint64_t i = 0; i < n; i++)
        rig_event(rig, &rig_provider, 1, 4, 0, payload, sizeof payload);
    rig_end(rig);
    Got g = {0}, b = {0};
    read_until(good, &g, 0);
    cr_assert_eq(g.events, n);
    cr_assert_eq(g.gaps, 0);
    read_until(slow, &b, 0);
    cr_assert_eq(b.events + b.gaps, n);
    cr_assert_gt(b.gaps, 0);
    cr_assert_eq(b.ledger.dropped_queue, b.gaps);
    cr_assert_eq(b.ledger.sent, b.events);
    EtwStats stats = {.struct_size = sizeof stats};
    cr_assert_eq(etw_stats(slow, &stats), ETW_STATUS_OK);
    cr_assert_eq(stats.received, b.events);
    cr_assert_eq(stats.gap_events, b.gaps);
    cr_assert_eq(stats.next_number, n);
    etw_close(slow);
    etw_close(good);
}

Test(client, lossless_loses_nothing, .init = setup_lossless, .fini = teardown) {
    // The ring holds 8 MiB and the queue 128 KiB: the producer must be slower than the reader, not
    // the reader lossy.
    static uint8_t payload[500];
    EtwSubscription *s = subscribe(SPEC);
    const uint64_t n = 10000;
    for (uint64_t i = 0; i < n; i++)
        rig_event(rig, &rig_provider, 1, 4, 0, payload, sizeof payload);
    rig_end(rig);
    plat_sleep_ns(50000000); // let it fill
    Got got = {0};
    read_until(s, &got, 0);
    cr_assert_eq(got.events, n);
    cr_assert_eq(got.gaps, 0);
    etw_close(s);
}

Test(client, change_and_stop_from_another_connection, .init = setup, .fini = teardown) {
    EtwSubscription *s =
        subscribe("{\"wants\":[{\"provider\":\"" RIG_PROVIDER "\",\"any\":\"0x1\"}]}");
    EtwClient *other = connect_to(rig_endpoint(rig));
    char *reply = NULL;
    rig_event(rig, &rig_provider, 1, 4, 1, "x", 1);
    Got got = {0};
    read_until(s, &got, 1);
    cr_assert_eq(etw_change(other, etw_id(s), "{\"want\":{\"any\":\"0x2\"}}", WAIT_MS, &reply),
                 ETW_STATUS_OK);
    cr_assert_not_null(strstr(reply, "0x2"), "%s", reply);
    etw_free(reply);
    rig_event(rig, &rig_provider, 1, 4, 1, "x", 1);
    rig_event(rig, &rig_provider, 1, 4, 2, "x", 1);
    read_until(s, &got, 2);
    cr_assert_eq(got.changes, 1);
    // A preview changes nothing.
    cr_assert_eq(etw_change(other, etw_id(s), "{\"want\":{\"any\":\"0x4\"},\"preview\":true}",
                            WAIT_MS, &reply),
                 ETW_STATUS_OK);
    etw_free(reply);
    rig_event(rig, &rig_provider, 1, 4, 2, "x", 1);
    read_until(s, &got, 3);
    cr_assert_eq(etw_change(other, 999, "{\"want\":{}}", WAIT_MS, NULL), ETW_STATUS_NOT_FOUND);
    cr_assert_eq(etw_change(other, etw_id(s), "{\"want\":{\"any\":\"nonsense\"}}", WAIT_MS, NULL),
                 ETW_STATUS_NOT_FOUND);
    cr_assert_eq(
        etw_request(other, "change",
                    "{\"id\":1,\"instance\":\"00000000-0000-0000-0000-000000000000\",\"want\":{}}",
                    WAIT_MS, &reply),
        ETW_STATUS_CONFLICT);
    cr_assert_eq(etw_stop(other, etw_id(s)), ETW_STATUS_OK);
    read_until(s, &got, 0);
    cr_assert_eq(got.ended, WIRE_END_STOPPED);
    cr_assert_eq(etw_change(other, etw_id(s), "{\"want\":{}}", WAIT_MS, NULL), ETW_STATUS_CONFLICT);
    etw_close(s);
    etw_disconnect(other);
}

// What is known of an event reaches the reader from the change on that asks for it, not before.
static bool next_has_process(EtwSubscription *s) {
    for (;;) {
        EtwBatch *batch;
        EtwItem item = {.struct_size = sizeof item};
        EtwProcess process = {.struct_size = sizeof process};
        cr_assert_eq(etw_read(s, WAIT_MS, &batch), ETW_STATUS_OK);
        cr_assert_eq(etw_batch_next(batch, &item), ETW_STATUS_OK);
        int32_t status = ETW_STATUS_END;
        if (item.kind == ETW_ITEM_EVENT)
            status = etw_process(item.event, ETW_PROCESS_EVENT, 0, &process);
        etw_batch_free(batch);
        if (status != ETW_STATUS_END)
            return status == ETW_STATUS_OK;
    }
}

Test(client, a_change_of_enrichment_is_seen, .init = setup_enriched, .fini = teardown) {
    EtwSubscription *s =
        subscribe("{\"wants\":[{\"provider\":\"" RIG_PROVIDER "\"}],\"enrich\":\"none\"}");
    rig_event(rig, &rig_provider, 1, 4, 0, "x", 1);
    cr_assert_not(next_has_process(s));
    cr_assert_eq(
        etw_change(client, etw_id(s), "{\"spec\":{\"enrich\":\"default\"}}", WAIT_MS, NULL),
        ETW_STATUS_OK);
    rig_event(rig, &rig_provider, 1, 4, 0, "x", 1);
    cr_assert(next_has_process(s));
    cr_assert_eq(etw_change(client, etw_id(s), "{\"spec\":{\"enrich\":\"none\"}}", WAIT_MS, NULL),
                 ETW_STATUS_OK);
    rig_event(rig, &rig_provider, 1, 4, 0, "x", 1);
    cr_assert_not(next_has_process(s));
    etw_close(s);
}

Test(client, losses_and_epochs_are_items, .init = setup, .fini = teardown) {
    EtwSubscription *s = subscribe(SPEC);
    rig_epoch(rig);
    rig_event(rig, &rig_provider, 1, 4, 0, "x", 1);
    rig_loss(rig, 41);
    rig_end(rig);
    Got got = {0};
    read_until(s, &got, 0);
    cr_assert_eq(got.epochs, 1);
    cr_assert_eq(got.source_lost, 41);
    EtwStats stats = {.struct_size = sizeof stats};
    etw_stats(s, &stats);
    cr_assert_eq(stats.source_lost, 41);
    etw_close(s);
}

Test(client, a_subscription_outlives_its_client, .init = setup, .fini = teardown) {
    EtwClient *first = connect_to(rig_endpoint(rig));
    EtwSubscription *s = NULL;
    cr_assert_eq(etw_subscribe(first, SPEC, WAIT_MS, &s), ETW_STATUS_OK);
    etw_disconnect(first);
    rig_event(rig, &rig_provider, 1, 4, 0, "x", 1);
    Got got = {0};
    read_until(s, &got, 1);
    etw_close(s);
}

Test(client, connections_at_the_limit) {
    rig = rig_start(&(RigOptions){.connections = 3});
    EtwClient *c[3], *more = NULL;
    EtwError error = {.struct_size = sizeof error};
    EtwConnectOptions options = {.struct_size = sizeof options, .endpoint = rig_endpoint(rig)};
    for (int i = 0; i < 3; i++)
        c[i] = connect_to(rig_endpoint(rig));
    cr_assert_eq(etw_connect(&options, &more), ETW_STATUS_BUSY);
    etw_error(more, &error);
    cr_assert_not_null(strstr(error.message, "limit"), "%s", error.message);
    etw_disconnect(more);
    etw_disconnect(c[0]);
    // The place is free once the broker has seen the end of the first.
    int32_t status = ETW_STATUS_BUSY;
    for (int i = 0; i < 200 && status != ETW_STATUS_OK; i++) {
        plat_sleep_ns(5000000);
        status = etw_connect(&options, &c[0]);
        if (status != ETW_STATUS_OK)
            etw_disconnect(c[0]);
    }
    cr_assert_eq(status, ETW_STATUS_OK);
    for (int i = 0; i < 3; i++)
        etw_disconnect(c[i]);
    rig_stop(rig);
}

Test(client, arguments_are_checked, .init = setup, .fini = teardown) {
    EtwSubscription *s = NULL;
    EtwBatch *batch = NULL;
    EtwStats stats = {.struct_size = 4};
    cr_assert_eq(etw_subscribe(NULL, SPEC, 0, &s), ETW_STATUS_INVALID_ARGUMENT);
    cr_assert_eq(etw_read(NULL, 0, &batch), ETW_STATUS_INVALID_ARGUMENT);
    s = subscribe(SPEC);
    cr_assert_eq(etw_stats(s, &stats), ETW_STATUS_INVALID_ARGUMENT,
                 "a struct_size that is too small");
    cr_assert_eq(etw_change(client, etw_id(s), "no object", 0, NULL), ETW_STATUS_INVALID_ARGUMENT);
    etw_close(s);
    etw_close(NULL);
    etw_disconnect(NULL);
    etw_batch_free(NULL);
    etw_event_free(NULL);
    etw_free(NULL);
    etw_cancel(NULL);
}

// Beyond the type table's limits records have no schema: a batch that mixes both kinds keeps what
// it needs.
Test(client, a_kept_batch_of_untyped_events_outlives_its_subscription, .init = setup,
     .fini = teardown) {
    const uint32_t n = 2100; // of one provider; 2,048 get a type
    EtwSubscription *s = subscribe(SPEC);
    for (uint32_t i = 0; i < n; i++)
        rig_event(rig, &rig_provider, (uint16_t)i, 4, 0, "x", 1);
    EtwBatch *kept[2100];
    uint32_t n_kept = 0;
    for (uint32_t got = 0; got < n; n_kept++) {
        cr_assert_eq(etw_read(s, WAIT_MS, &kept[n_kept]), ETW_STATUS_OK);
        got += etw_batch_count(kept[n_kept]);
    }
    etw_close(s);
    char text[1024];
    EtwItem item = {.struct_size = sizeof item};
    for (uint32_t i = 0; i < n_kept; i++) {
        while (etw_batch_next(kept[i], &item) == ETW_STATUS_OK)
            cr_assert_eq(etw_event_text(item.event, ETW_TEXT_JSON, text, sizeof text, NULL),
                         ETW_STATUS_OK);
        etw_batch_free(kept[i]);
    }
}

Test(client, equal_subscriptions_keep_what_is_their_own, .init = setup, .fini = teardown) {
    EtwSubscription *a = subscribe("{\"wants\":[{\"provider\":\"" RIG_PROVIDER
                                   "\"}],\"name\":\"first\",\"include_self\":true}");
    EtwSubscription *b =
        subscribe("{\"wants\":[{\"provider\":\"" RIG_PROVIDER "\"}],\"name\":\"second\"}");
    char *reply = NULL;
    cr_assert_eq(etw_change(client, etw_id(b), "{\"want\":{\"level\":3}}", WAIT_MS, &reply),
                 ETW_STATUS_OK);
    cr_assert_not_null(strstr(reply, "\"name\":\"second\""), "%s", reply);
    cr_assert_null(strstr(reply, "include_self"), "%s", reply);
    etw_free(reply);
    // What a change cannot do is refused, not ignored.
    cr_assert_eq(etw_change(client, etw_id(b), "{\"spec\":{\"queue_policy\":\"drop-newest\"}}",
                            WAIT_MS, NULL),
                 ETW_STATUS_INVALID_ARGUMENT);
    etw_close(a);
    etw_close(b);
}

Test(client, unknown_parameters_are_refused_everywhere, .init = setup, .fini = teardown) {
    static const char *const methods[] = {"profile", "subscriptions", "explain", "sessions",
                                          "ping"};
    char *reply = NULL;
    for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
        cr_assert_eq(etw_request(client, methods[i], "{\"nonsense\":1}", WAIT_MS, &reply),
                     ETW_STATUS_INVALID_ARGUMENT, "%s", methods[i]);
}

// A queue of the same user that nobody reads takes the user's whole limit.
Test(client, a_hoarder_does_not_stop_a_lossless_watch) {
    static uint8_t payload[1000];
    const uint64_t n = 5000;
    start_with(&(RigOptions){.lossless = true, .queue_user = 1 << 20});
    EtwSubscription *hoarder =
        subscribe("{\"wants\":[{\"provider\":\"" RIG_PROVIDER
                  "\"}],\"queue_policy\":\"drop-oldest\",\"queue_bytes\":\"4194304\"}");
    EtwSubscription *s = subscribe(SPEC);
    Got got = {0};
    for (uint64_t i = 0; i < n; i += 50) {
        for (int k = 0; k < 50; k++)
            rig_event(rig, &rig_provider, 1, 4, 0, payload, sizeof payload);
        read_until(s, &got, i + 50);
    }
    cr_assert_eq(got.events, n);
    cr_assert_eq(got.gaps, 0);
    etw_close(hoarder);
    etw_close(s);
    teardown();
}

Test(client, an_end_before_the_sources_has_a_final_ledger) {
    static uint8_t payload[1000];
    start_with(NULL);
    EtwSubscription *s =
        subscribe("{\"wants\":[{\"provider\":\"" RIG_PROVIDER
                  "\"}],\"queue_policy\":\"disconnect\",\"queue_bytes\":\"131072\"}");
    for (int i = 0; i < 3000; i++)
        rig_event(rig, &rig_provider, 1, 4, 0, payload, sizeof payload);
    Got got = {0};
    read_until(s, &got, 0);
    cr_assert_eq(got.ended, WIRE_END_SLOW);
    cr_assert_eq(got.ledger.queued, 0);
    cr_assert_eq(got.ledger.numbered,
                 got.ledger.sent + got.ledger.dropped_queue + got.ledger.dropped_close);
    etw_close(s);
    teardown();
}

// Connections older than the handshake deadline get their queue and END at a stop, too.
Test(client, a_stop_lets_an_old_connection_drain) {
    static uint8_t payload[1000];
    start_with(&(RigOptions){.handshake_ms = 500});
    EtwSubscription *s = subscribe(SPEC);
    plat_sleep_ns(700000000);
    for (int i = 0; i < 4000; i++)
        rig_event(rig, &rig_provider, 1, 4, 0, payload, sizeof payload);
    etw_disconnect(client);
    char *reply = NULL;
    client = connect_to(rig_endpoint(rig)); // behind the events: they have been taken
    cr_assert_eq(etw_request(client, "ping", NULL, WAIT_MS, &reply), ETW_STATUS_OK);
    etw_free(reply);
    etw_disconnect(client);
    rig_request_stop(rig);
    plat_sleep_ns(150000000);
    Got got = {0};
    read_until(s, &got, 0);
    cr_assert_eq(got.ended, WIRE_END_SHUTDOWN);
    etw_close(s);
    rig_stop(rig);
}
