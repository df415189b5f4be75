#include "rig.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>

#include "idl/wire.h"
#include "platform/clock.h"
#include "platform/thread.h"
#include "util/mem.h"

const Guid rig_provider = GUID_INIT(0x11111111u, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);

struct Rig {
    Loop loop;
    SchemaStore *store;
    Enricher *enricher; // NULL: none
    Config config;
    PlatThread *thread;
    atomic_bool stop;
    char endpoint[64];
    int64_t time;
    size_t heap_before;
};

static int64_t real_now(void *user) {
    (void)user;
    return plat_now_ns();
}

static void wake(void *user) {
    plat_port_wake(user);
}

static void facts(void *user, ProfileFacts *ret) {
    (void)user;
    ret->source_kind = "replay";
    ret->source_name = "rig";
    ret->source_state = "running";
    ret->clock = "QPC";
}

static void run(void *user) {
    Rig *rig = user;
    while (!atomic_load(&rig->stop))
        loop_step(&rig->loop, INT64_MAX);
    server_stop(&rig->loop.server);
    int64_t deadline = plat_now_ns() + 2000000000;
    while (!server_idle(&rig->loop.server) && plat_now_ns() < deadline)
        loop_step(&rig->loop, 10000000);
    server_close_all(&rig->loop.server);
    while (!server_idle(&rig->loop.server))
        loop_step(&rig->loop, 1000000);
}

Rig *rig_start(const RigOptions *options) {
    static int serial;
    Err err = ERR_INIT;
    size_t heap = mem_in_use();
    Rig *rig = mem_zalloc(sizeof *rig);
    cr_assert_not_null(rig);
    rig->heap_before = heap;
    config_init(&rig->config);
    if (options && options->queue_bytes)
        rig->config.limits.queue_default = options->queue_bytes;
    if (options && options->handshake_ms)
        rig->config.handshake_ms = options->handshake_ms;
    if (options && options->stalled_ms)
        rig->config.stalled_ms = options->stalled_ms;
    if (options && options->slow_ms)
        rig->config.slow_ms = options->slow_ms;
    if (options && options->queue_user)
        rig->config.limits.queue_bytes = options->queue_user;
    if (options && options->connections)
        rig->config.limits.admin_reserve = options->connections;
    rig->time = 130000000000000000;
    snprintf(rig->endpoint, sizeof rig->endpoint, "etwbroker-unit-%u-%d", plat_pid(), ++serial);
    cr_assert_eq(schema_store_new(&rig->store), 0);
    cr_assert_eq(plat_port_new(&rig->loop.port, &err), 0, "%s", err.text);
    cr_assert_eq(ring_new(wake, rig->loop.port, &rig->loop.ring), 0);
    HubOptions hub = {.now = real_now, .store = rig->store, .limits = rig->config.limits};
    EnrichOptions enrich = {.limits = rig->config.caches};
    if (options && options->enrich)
        cr_assert_eq(enricher_new(&enrich, &rig->enricher), 0);
    hub.enricher = rig->enricher;
    cr_assert_eq(hub_new(&hub, &rig->loop.hub), 0);
    ServerOptions server = {.port = rig->loop.port,
                            .hub = rig->loop.hub,
                            .store = rig->store,
                            .config = &rig->config,
                            .endpoint = rig->endpoint,
                            .lossless = options && options->lossless,
                            .now = real_now,
                            .facts = facts};
    cr_assert_eq(server_start(&rig->loop.server, &server, &err), 0, "%s", err.text);
    cr_assert_eq(plat_thread_start(&rig->thread, run, rig), 0);
    return rig;
}

void rig_request_stop(Rig *rig) {
    atomic_store(&rig->stop, true);
    ring_close(rig->loop.ring);
    plat_port_wake(rig->loop.port);
}

void rig_stop(Rig *rig) {
    rig_request_stop(rig);
    plat_thread_join(rig->thread);
    cr_assert(source_ledger_balanced(hub_source(rig->loop.hub)));
    server_deinit(&rig->loop.server);
    hub_free(rig->loop.hub);
    enricher_free(rig->enricher);
    ring_free(rig->loop.ring);
    plat_port_free(rig->loop.port);
    schema_store_free(rig->store);
    config_deinit(&rig->config);
    size_t heap = rig->heap_before;
    mem_free(rig);
    cr_assert_eq(mem_in_use(), heap, "%zu bytes were not given back", mem_in_use() - heap);
}

const char *rig_endpoint(const Rig *rig) {
    return rig->endpoint;
}

void rig_epoch(Rig *rig) {
    RingEpoch epoch = {.reason = WIRE_EPOCH_START, .time = rig->time};
    cr_assert_eq(ring_put_epoch(rig->loop.ring, &epoch), 0);
}

void rig_event(Rig *rig, const Guid *provider, uint16_t id, uint8_t level, uint64_t keyword,
               const void *payload, uint32_t bytes) {
    EventRecord r = {.provider = *provider,
                     .desc = {.id = id, .level = level, .keyword = keyword},
                     .time = rig->time++,
                     .pid = 7,
                     .tid = 8,
                     .header_type = ETL_HEADER_EVENT64,
                     .payload = payload,
                     .payload_bytes = bytes};
    cr_assert_eq(ring_put_record(rig->loop.ring, &r, RING_RECORD), 0);
    cr_assert_eq(ring_put_mark(rig->loop.ring, plat_now_ns()), 0);
}

void rig_loss(Rig *rig, uint64_t events) {
    RingLoss loss = {.events = events};
    cr_assert_eq(ring_put_loss(rig->loop.ring, &loss), 0);
}

void rig_end(Rig *rig) {
    cr_assert_eq(ring_put_end(rig->loop.ring, 0), 0);
}
