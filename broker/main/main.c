// etwbroker: puts the rooms together for one source and runs the loop until it is done.
#include <stdio.h>
#include <stdlib.h>

#include "enrich/enrich.h"
#include "idl/wire.h"
#include "main/options.h"
#include "platform/args.h"
#include "platform/clock.h"
#include "serve/loop.h"
#include "util/map.h"
#include "wire/json.h"

#define STOP_NS INT64_C(5000000000) // for the last frames to go out at a shutdown

typedef struct Broker {
    Options options;
    Config config;
    SchemaStore *store;
    Enricher *enricher;
    Replay *replay;
    Loop loop;
    bool released;
    bool told_degraded, told_unseen;
} Broker;

static int64_t real_now(void *user) {
    (void)user;
    return plat_now_ns();
}

static void wake(void *user) {
    plat_port_wake(user);
}

static const char *base_name(const char *path) {
    const char *name = path;
    for (const char *p = path; *p; p++)
        if (*p == '/' || *p == '\\')
            name = p + 1;
    return name;
}

static void source_facts(void *user, ProfileFacts *ret) {
    static const char *const clocks[] = {"?", "QPC", "system time", "CPU cycles"};
    Broker *b = user;
    ReplayStats stats = replay_stats(b->replay);
    const EtlInfo *info = replay_info(b->replay);
    int status;
    ret->source_kind = "replay";
    ret->source_name = base_name(b->options.replay);
    if (hub_ended(b->loop.hub, &status))
        ret->source_state = status < 0 ? "failed" : "ended";
    else
        ret->source_state = stats.scanning ? "scanning" : b->released ? "running" : "waiting";
    ret->progress = stats.progress;
    ret->source_wait_ns = stats.wait_ns;
    ret->clock = info->clock_type < ARRAY_COUNT(clocks) ? clocks[info->clock_type] : "?";
}

static int start(Broker *b, Err *err) {
    const Options *o = &b->options;
    config_init(&b->config);
    int r = o->config ? config_load(&b->config, o->config, err) : 0;
    if (r < 0)
        return err_prefix(err, r, "--config");
    r = schema_store_new(&b->store);
    if (r < 0)
        return err_set(err, STATUS_NO_MEMORY, "no memory for schemas");
    const char *manifests = o->manifests ? o->manifests : b->config.manifests;
    if (manifests) {
        r = schema_store_load(b->store, manifests, err);
        if (r < 0)
            return o->manifests ? err_prefix(err, r, "--manifests")
                                : err_prefix(err, r, "%s: manifests", o->config);
    }
    r = plat_port_new(&b->loop.port, err);
    if (r < 0)
        return r;
    r = ring_new(wake, b->loop.port, &b->loop.ring);
    if (r < 0)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the ring");
    EnrichOptions enrich = {.limits = b->config.caches,
                            .file_knowledge = !o->live_knowledge,
                            .scan_bytes = b->config.scan_bytes};
    r = enricher_new(&enrich, &b->enricher);
    if (r < 0)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the caches");
    HubOptions hub = {
        .now = real_now, .store = b->store, .limits = b->config.limits, .enricher = b->enricher};
    r = hub_new(&hub, &b->loop.hub);
    if (r < 0)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the hub");
    ReplayOptions replay = {.path = o->replay, .speed = o->speed, .loop = o->loop};
    if (enrich.file_knowledge)
        replay.feeder = enrich_is_feeder;
    r = replay_new(&replay, b->loop.ring, &b->replay, err);
    if (r < 0)
        return r;
    ServerOptions server = {.port = b->loop.port,
                            .hub = b->loop.hub,
                            .store = b->store,
                            .config = &b->config,
                            .endpoint = o->endpoint ? o->endpoint : b->config.endpoint,
                            .lossless = o->lossless,
                            .now = real_now,
                            .facts = source_facts,
                            .facts_user = b};
    return server_start(&b->loop.server, &server, err);
}

static bool finished(const Broker *b) {
    return !b->options.keep && b->loop.ended && server_idle(&b->loop.server) &&
           b->loop.server.n_accepted > 0;
}

// Once: the scan has met more than its budget holds.
static void tell_degraded(Broker *b) {
    if (b->told_degraded || !enricher_degraded(b->enricher))
        return;
    b->told_degraded = true;
    fprintf(stderr,
            "etwbroker: %s: the file's knowledge exceeds scan_memory; names may be missing. Give "
            "[caches] scan_memory more, or take --knowledge live\n",
            b->options.replay);
}

// Once: the trace is over before anybody came, and the broker waits for a first client.
static void tell_unseen(Broker *b) {
    if (b->told_unseen || !b->loop.ended || b->loop.server.n_accepted > 0 || b->options.quiet)
        return;
    b->told_unseen = true;
    fprintf(stderr,
            "etwbroker: the trace has ended and nobody has watched it; --start 1 holds it until "
            "somebody does, --loop repeats it. Ctrl+C ends the broker\n");
}

static void run(Broker *b) {
    while (!plat_interrupted() && !finished(b)) {
        if (!b->released && b->loop.server.n_subscribed >= b->options.start_count) {
            replay_release(b->replay);
            b->released = true;
        }
        loop_step(&b->loop, INT64_MAX);
        tell_degraded(b);
        tell_unseen(b);
    }
}

// Lets the last frames go out, then closes what is left.
static void stop(Broker *b) {
    Server *server = &b->loop.server;
    if (!server->listener)
        return;
    server_stop(server);
    int64_t deadline = plat_now_ns() + STOP_NS;
    while (!server_idle(server) && plat_now_ns() < deadline)
        loop_step(&b->loop, deadline - plat_now_ns());
    server_close_all(server);
    while (!server_idle(server))
        loop_step(&b->loop, 1000000);
}

static void clean(Broker *b) {
    if (b->loop.server.listener || b->loop.server.conns)
        server_deinit(&b->loop.server);
    replay_free(b->replay);
    hub_free(b->loop.hub);
    enricher_free(b->enricher);
    ring_free(b->loop.ring);
    plat_port_free(b->loop.port);
    schema_store_free(b->store);
    config_deinit(&b->config);
}

static void say_started(const Broker *b) {
    char path[512];
    Err err = ERR_INIT;
    const EtlInfo *info = replay_info(b->replay);
    const char *endpoint = b->loop.server.options.endpoint;
    if (b->options.quiet)
        return;
    if (plat_endpoint_path(endpoint, path, sizeof path, &err) < 0)
        snprintf(path, sizeof path, "%s", endpoint ? endpoint : "");
    fprintf(stderr, "etwbroker %s: replaying %s (%u buffers, %u processors), listening at %s\n",
            ETW_VERSION, b->options.replay, info->n_buffers, info->n_cpus, path);
    if (b->options.start_count > 0)
        fprintf(stderr, "etwbroker: waiting for %u subscription%s\n", b->options.start_count,
                b->options.start_count == 1 ? "" : "s");
}

int main(int argc, char **argv) {
    Err err = ERR_INIT;
    static Broker broker;
    uint8_t seed[16];
    json_use_mem();
    plat_console_utf8();
    if (!plat_args(&argc, &argv)) {
        fputs("etwbroker: no memory for the command line\n", stderr);
        return 1;
    }
    int r = options_parse(argc, argv, &broker.options, &err);
    if (r == OPTIONS_DONE)
        return 0;
    if (r < 0) {
        fprintf(stderr, "etwbroker: %s\n", err.text);
        return 2;
    }
    if (plat_random(seed, sizeof seed))
        map_seed(seed);
    r = start(&broker, &err);
    if (r == 0)
        r = plat_on_interrupt(wake, broker.loop.port);
    if (r < 0) {
        fprintf(stderr, "etwbroker: %s\n", err.text[0] ? err.text : status_text(-r));
    } else {
        say_started(&broker);
        run(&broker);
        int status;
        if (hub_ended(broker.loop.hub, &status) && status < 0)
            r = err_set(&err, (Status)-status, "the replay of %s failed: %s", broker.options.replay,
                        status_text(-status));
        stop(&broker);
        if (r < 0)
            fprintf(stderr, "etwbroker: %s\n", err.text);
    }
    plat_on_interrupt(NULL, NULL);
    clean(&broker);
    return r < 0 ? 1 : 0;
}
