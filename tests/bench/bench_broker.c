// What a delivery costs the broker, beside a bare socket sender of the same bytes in the same run; what 1,000
// subscriptions to other events cost; latency from a mark to the client. Linux only: it reads sockets directly.
// Usage: bench_broker [fanout|idle|latency]
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client/etwclient.h"
#include "platform/clock.h"
#include "platform/thread.h"
#include "serve/loop.h"
#include "util/mem.h"
#include "wire/wire_batch.h"

#define PAYLOAD 64u
#define MOST    1100u
#define ROUNDS  3

static const Guid provider = GUID_INIT(0x11111111u, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
#define PROVIDER "{11111111-0001-0001-0101-010101010101}"

static void must(bool ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "bench_broker: %s failed\n", what);
        exit(1);
    }
}

static int64_t real_now(void *user) {
    (void)user;
    return plat_now_ns();
}

static void wake(void *user) {
    plat_port_wake(user);
}

static void facts(void *user, ProfileFacts *ret) {
    (void)user;
    ret->source_kind = ret->source_name = ret->source_state = ret->clock = "bench";
}

typedef struct Bench {
    Loop loop;
    SchemaStore *store;
    Config config;
    PlatThread *thread;
    atomic_bool stop;
    int64_t loop_cpu; // of the loop thread, from the first subscription on
    atomic_bool measure;
    char endpoint[64];
    EtwClient *client;
} Bench;

static void run_loop(void *user) {
    Bench *b = user;
    int64_t start = 0;
    while (!atomic_load(&b->stop)) {
        if (start == 0 && atomic_load(&b->measure))
            start = plat_thread_cpu_ns();
        loop_step(&b->loop, INT64_MAX);
    }
    b->loop_cpu = plat_thread_cpu_ns() - start;
    server_close_all(&b->loop.server);
    while (!server_idle(&b->loop.server))
        loop_step(&b->loop, 1000000);
}

static void bench_start(Bench *b) {
    static int serial;
    Err err = ERR_INIT;
    memset(b, 0, sizeof *b);
    config_init(&b->config);
    b->config.limits.admin_reserve = b->config.limits.subscriptions = MOST + 10;
    b->config.limits.queue_bytes = UINT64_C(4) << 30;
    snprintf(b->endpoint, sizeof b->endpoint, "etwbroker-bench-%u-%d", plat_pid(), ++serial);
    must(schema_store_new(&b->store) == 0, "schema store");
    must(plat_port_new(&b->loop.port, &err) == 0, err.text);
    must(ring_new(wake, b->loop.port, &b->loop.ring) == 0, "ring");
    HubOptions hub = {.now = real_now, .store = b->store, .limits = b->config.limits};
    must(hub_new(&hub, &b->loop.hub) == 0, "hub");
    ServerOptions server = {.port = b->loop.port,
                            .hub = b->loop.hub,
                            .store = b->store,
                            .config = &b->config,
                            .endpoint = b->endpoint,
                            .lossless = true,
                            .now = real_now,
                            .facts = facts};
    must(server_start(&b->loop.server, &server, &err) == 0, err.text);
    must(plat_thread_start(&b->thread, run_loop, b) == 0, "thread");
    EtwConnectOptions options = {.struct_size = sizeof options, .endpoint = b->endpoint};
    must(etw_connect(&options, &b->client) == ETW_STATUS_OK, "connect");
}

static void bench_stop(Bench *b) {
    etw_disconnect(b->client);
    atomic_store(&b->stop, true);
    plat_port_wake(b->loop.port);
    plat_thread_join(b->thread);
    server_deinit(&b->loop.server);
    hub_free(b->loop.hub);
    ring_free(b->loop.ring);
    plat_port_free(b->loop.port);
    schema_store_free(b->store);
    config_deinit(&b->config);
}

static EventRecord record_of(const uint8_t *payload, uint32_t bytes) {
    EventRecord r = {.provider = provider,
                     .desc = {.id = 1, .level = 4},
                     .time = 130000000000000000,
                     .pid = 7,
                     .tid = 8,
                     .header_type = ETL_HEADER_EVENT64,
                     .payload = payload,
                     .payload_bytes = bytes};
    return r;
}

// Readers that only read: their work is not the broker's.
typedef struct Reader {
    int fd;
    uint64_t bytes;
    uint64_t until; // 0: to the end of the stream
    PlatThread *thread;
} Reader;

static void run_reader(void *user) {
    Reader *r = user;
    uint8_t *buf = malloc(1 << 18);
    ssize_t n;
    while ((r->until == 0 || r->bytes < r->until) && (n = read(r->fd, buf, 1 << 18)) > 0)
        r->bytes += (uint64_t)n;
    free(buf);
}

static int64_t bare_sender(uint32_t n_readers, uint64_t n_events, uint32_t *ret_record) {
    static uint8_t payload[PAYLOAD];
    static uint8_t body[WIRE_BATCH_BYTES];
    static Reader readers[MOST];
    uint8_t head[WIRE_PRIVATE_BYTES] = {0};
    BatchWriter w;
    EventRecord r = record_of(payload, sizeof payload);
    uint32_t bytes = wire_record_bytes(&r, 1, NULL);
    *ret_record = bytes;
    wire_batch_begin(&w, body, sizeof body);
    while (wire_batch_append(&w, bytes, 0, &r, 1, NULL, NULL)) {
    }
    uint64_t n_batches = n_events / w.n;
    int fds[MOST];
    for (uint32_t i = 0; i < n_readers; i++) {
        int pair[2];
        must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
        fds[i] = pair[0];
        readers[i] = (Reader){.fd = pair[1]};
        must(plat_thread_start(&readers[i].thread, run_reader, &readers[i]) == 0, "thread");
    }
    int64_t start = plat_thread_cpu_ns();
    for (uint64_t b = 0; b < n_batches; b++)
        for (uint32_t i = 0; i < n_readers; i++) {
            struct iovec iov[2] = {{head, sizeof head}, {body, w.bytes}};
            must(writev(fds[i], iov, 2) == (ssize_t)(sizeof head + w.bytes), "writev");
        }
    int64_t cpu = plat_thread_cpu_ns() - start;
    for (uint32_t i = 0; i < n_readers; i++) {
        close(fds[i]);
        plat_thread_join(readers[i].thread);
        close(readers[i].fd);
    }
    return cpu;
}

static int64_t broker_fanout(uint32_t n_readers, uint64_t n_events, bool different,
                             uint32_t others) {
    static uint8_t payload[PAYLOAD];
    static Bench b;
    static Reader readers[MOST];
    static EtwSubscription *subs[MOST];
    uint32_t n_subs = n_readers + others;
    bench_start(&b);
    for (uint32_t i = 0; i < n_subs; i++) {
        char spec[256];
        if (i < n_readers)
            snprintf(spec, sizeof spec,
                     "{\"wants\":[{\"provider\":\"" PROVIDER "\",\"level\":%u}]}",
                     different ? 4 + i : 4);
        else
            snprintf(spec, sizeof spec,
                     "{\"wants\":[{\"provider\":\"{33333333-0001-0001-0101-%012x}\"}]}", i);
        must(etw_subscribe(b.client, spec, 0, &subs[i]) == ETW_STATUS_OK, "subscribe");
        if (i < n_readers) {
            readers[i] = (Reader){.fd = (int)etw_wait_handle(subs[i])};
            must(fcntl(readers[i].fd, F_SETFL, 0) == 0,
                 "fcntl"); // the client library reads without waiting; here a thread waits
            must(plat_thread_start(&readers[i].thread, run_reader, &readers[i]) == 0, "thread");
        }
    }
    EventRecord r = record_of(payload, sizeof payload);
    atomic_store(&b.measure, true);
    plat_port_wake(b.loop.port);
    int64_t start = plat_thread_cpu_ns();
    for (uint64_t i = 0; i < n_events; i++) {
        must(ring_put_record(b.loop.ring, &r, RING_RECORD) == 0, "ring");
        if (i % 500 == 499)
            must(ring_put_mark(b.loop.ring, plat_now_ns()) == 0, "ring");
    }
    int64_t producer = plat_thread_cpu_ns() - start;
    // All delivered: every reader has at least the records' bytes.
    uint32_t bytes = wire_record_bytes(&r, 1, NULL);
    for (uint32_t i = 0; i < n_readers; i++)
        while (*(volatile uint64_t *)&readers[i].bytes < n_events * bytes)
            plat_sleep_ns(1000000);
    atomic_store(&b.stop, true);
    plat_port_wake(b.loop.port);
    for (uint32_t i = 0; i < n_readers; i++)
        plat_thread_join(readers[i].thread);
    for (uint32_t i = 0; i < n_subs; i++)
        etw_close(subs[i]);
    bench_stop(&b);
    return producer + b.loop_cpu;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fanout(void) {
    static const struct {
        uint32_t n;
        bool different;
    } cases[] = {{1, false}, {10, false}, {100, false}, {10, true}};
    printf(
        "broker CPU for each delivery (source thread and loop), records of %u bytes of payload\n",
        PAYLOAD);
    printf("  %-22s %12s %12s %8s\n", "watchers", "broker ns", "bare ns", "ratio");
    for (size_t c = 0; c < ARRAY_COUNT(cases); c++) {
        double ratio[ROUNDS], broker[ROUNDS], bare[ROUNDS];
        uint32_t n = cases[c].n, record;
        uint64_t events = 3000000 / n + 200000;
        for (int i = 0; i < ROUNDS; i++) {
            bare[i] = (double)bare_sender(n, events, &record) / (double)(events * n);
            broker[i] =
                (double)broker_fanout(n, events, cases[c].different, 0) / (double)(events * n);
            ratio[i] = broker[i] / bare[i];
        }
        qsort(ratio, ROUNDS, sizeof *ratio, compare);
        qsort(broker, ROUNDS, sizeof *broker, compare);
        qsort(bare, ROUNDS, sizeof *bare, compare);
        printf("  %-3u %-18s %12.1f %12.1f %8.2f\n", n, cases[c].different ? "different" : "equal",
               broker[ROUNDS / 2], bare[ROUNDS / 2], ratio[ROUNDS / 2]);
    }
}

static void idle(void) {
    double ratio[ROUNDS];
    uint64_t events = 2000000;
    for (int i = 0; i < ROUNDS; i++) {
        double one = (double)broker_fanout(1, events, false, 0);
        double many = (double)broker_fanout(1, events, false, 999);
        ratio[i] = many / one;
    }
    qsort(ratio, ROUNDS, sizeof *ratio, compare);
    printf(
        "one watcher beside 999 subscriptions to other events: %.2f times the CPU of one alone\n",
        ratio[ROUNDS / 2]);
}

// --- latency -----------------------------------------------------------------------------------

#define TICKS    3000u
#define PER_TICK 100u // 100,000 events/s at 1 ms

typedef struct Latency {
    EtwSubscription *s;
    double ms[TICKS];
    uint32_t n;
} Latency;

static void run_latency(void *user) {
    Latency *l = user;
    uint64_t events = 0;
    EtwBatch *batch;
    EtwItem item = {.struct_size = sizeof item};
    EtwHeader header = {.struct_size = sizeof header};
    while (events < (uint64_t)TICKS * PER_TICK && etw_read(l->s, 10000, &batch) == ETW_STATUS_OK) {
        int64_t now = plat_now_ns();
        while (etw_batch_next(batch, &item) == ETW_STATUS_OK) {
            if (item.kind != ETW_ITEM_EVENT)
                continue;
            if (++events % PER_TICK == 0 && l->n < TICKS) {
                etw_event_header(item.event, &header);
                l->ms[l->n++] = (double)(now - (int64_t)load_u64(header.payload)) / 1e6;
            }
        }
        etw_batch_free(batch);
    }
}

static int64_t bare_ticks(void) {
    static uint8_t bytes[PER_TICK * 104];
    Reader reader = {.fd = -1};
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    reader.fd = pair[1];
    must(plat_thread_start(&reader.thread, run_reader, &reader) == 0, "thread");
    int64_t start = plat_thread_cpu_ns(), due = plat_now_ns();
    for (uint32_t t = 0; t < TICKS; t++) {
        must(write(pair[0], bytes, sizeof bytes) == sizeof bytes, "write");
        due += 1000000;
        int64_t left = due - plat_now_ns();
        if (left > 0)
            plat_sleep_ns(left);
    }
    int64_t cpu = plat_thread_cpu_ns() - start;
    close(pair[0]);
    plat_thread_join(reader.thread);
    close(pair[1]);
    return cpu;
}

static void latency(void) {
    static Bench b;
    static Latency l;
    uint8_t payload[PAYLOAD] = {0};
    PlatThread *thread;
    int64_t bare = bare_ticks();
    bench_start(&b);
    must(etw_subscribe(b.client, "{\"wants\":[{\"provider\":\"" PROVIDER "\"}]}", 0, &l.s) ==
             ETW_STATUS_OK,
         "subscribe");
    must(plat_thread_start(&thread, run_latency, &l) == 0, "thread");
    EventRecord r = record_of(payload, sizeof payload);
    atomic_store(&b.measure, true);
    int64_t start = plat_thread_cpu_ns(), due = plat_now_ns();
    for (uint32_t t = 0; t < TICKS; t++) {
        store_u64(payload, (uint64_t)plat_now_ns());
        for (uint32_t i = 0; i < PER_TICK; i++)
            must(ring_put_record(b.loop.ring, &r, RING_RECORD) == 0, "ring");
        must(ring_put_mark(b.loop.ring, plat_now_ns()) == 0, "ring");
        due += 1000000;
        int64_t left = due - plat_now_ns();
        if (left > 0)
            plat_sleep_ns(left);
    }
    int64_t producer = plat_thread_cpu_ns() - start;
    plat_thread_join(thread);
    etw_close(l.s);
    bench_stop(&b);
    qsort(l.ms, l.n, sizeof *l.ms, compare);
    must(l.n > 0, "latency");
    printf("from a mark to the client at 100,000 events/s: p50 %.2f ms, p99 %.2f ms (%u marks); "
           "CPU %.2f times a bare "
           "socket at that tick\n",
           l.ms[l.n / 2], l.ms[l.n * 99 / 100], l.n,
           (double)(b.loop_cpu + producer) / (double)bare);
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (!what[0] || strcmp(what, "fanout") == 0)
        fanout();
    if (!what[0] || strcmp(what, "idle") == 0)
        idle();
    if (!what[0] || strcmp(what, "latency") == 0)
        latency();
    return 0;
}
