// The port and channels, on both hosts: the same tests over Unix sockets and over named pipes.
#include <criterion/criterion.h>
#include <stdatomic.h>

#include "platform/clock.h"
#include "platform/thread.h"
#include "port_help.h"
#include "util/mem.h"

#define MS INT64_C(1000000)
#define S  (1000 * MS)

static void open_channel(const char *endpoint, PlatChannel **ret) {
    Err err = ERR_INIT;
    cr_assert_eq(plat_channel_open(endpoint, 10 * S, ret, &err), 0, "%s", err.text);
}

static size_t read_all(PlatChannel *channel, uint8_t *to, size_t bytes) {
    size_t got = 0;
    while (got < bytes) {
        size_t n = 0;
        int result = plat_channel_read(channel, to + got, bytes - got, 20 * S, &n);
        cr_assert_eq(result, 0, "read gives %d after %zu bytes", result, got);
        if (n == 0)
            break;
        got += n;
    }
    return got;
}

// Waits for the next event of a kind; others are errors.
static PortEvent expect(PlatPort *port, PortEventKind kind) {
    PortEvent event;
    int n = plat_port_wait(port, 10 * S, &event, 1);
    cr_assert_eq(n, 1, "no event in 10 s, kind %d was expected", (int)kind);
    cr_assert_eq(event.kind, kind, "kind %d instead of %d, error %d", event.kind, (int)kind,
                 event.error);
    return event;
}

static void expect_nothing(PlatPort *port, int64_t ns) {
    PortEvent event = {0};
    int n = plat_port_wait(port, ns, &event, 1);
    cr_assert_eq(n, 0, "an event of kind %d that nothing caused", event.kind);
}

// One server side and one client side, connected.
typedef struct Pair {
    PlatPort *port;
    PlatListener *listener;
    PlatStream *stream;
    PlatChannel *channel;
    char endpoint[64];
} Pair;

static void pair_open(Pair *pair) {
    memset(pair, 0, sizeof *pair);
    Err err = ERR_INIT;
    cr_assert_eq(plat_port_new(&pair->port, &err), 0, "%s", err.text);
    help_endpoint(pair->endpoint);
    cr_assert_eq(plat_listen(pair->port, pair->endpoint, NULL, 0, pair, &pair->listener, &err), 0,
                 "%s", err.text);
    open_channel(pair->endpoint, &pair->channel);
    PortEvent event = expect(pair->port, PORT_ACCEPTED);
    cr_assert(event.user == pair);
    pair->stream = event.stream;
    plat_stream_set_user(pair->stream, &pair->stream);
}

static void pair_close(Pair *pair) {
    plat_channel_close(pair->channel);
    plat_listener_close(pair->listener);
    plat_port_free(pair->port);
}

// ---- Echo

typedef struct EchoClient {
    PlatThread *thread;
    const char *endpoint;
    uint32_t number;
    atomic_int result;
} EchoClient;

static int echo_once(PlatChannel *channel, uint32_t number, size_t bytes, size_t at) {
    static const size_t most = 40000;
    uint8_t *data = mem_alloc(most * 2);
    int result = data == NULL ? -1 : 0;
    if (result == 0)
        help_fill(data, bytes, number, at);
    if (result == 0)
        result = plat_channel_write(channel, data, bytes, 20 * S);
    size_t got = 0;
    while (result == 0 && got < bytes) {
        size_t n = 0;
        result = plat_channel_read(channel, data + most + got, bytes - got, 20 * S, &n);
        if (result == 0 && n == 0)
            result = -2;
        got += n;
    }
    if (result == 0 && !help_check(data + most, bytes, number, at))
        result = -3;
    mem_free(data);
    return result;
}

static void echo_client(void *user) {
    EchoClient *client = user;
    PlatChannel *channel = NULL;
    int result = plat_channel_open(client->endpoint, 20 * S, &channel, NULL);
    size_t at = 0;
    for (uint32_t round = 0; result == 0 && round < 30; round++) {
        size_t bytes = 1 + (size_t)round * round * round * (client->number + 3) % 39999;
        result = echo_once(channel, client->number, bytes, at);
        at += bytes;
    }
    plat_channel_close(channel);
    atomic_store(&client->result, result);
}

Test(port, echo_many_streams, .timeout = 120) {
    EchoServer server;
    echo_open(&server);
    EchoClient clients[24];
    for (uint32_t i = 0; i < ARRAY_COUNT(clients); i++) {
        clients[i].endpoint = server.endpoint;
        clients[i].number = i;
        atomic_init(&clients[i].result, 1);
        cr_assert_eq(plat_thread_start(&clients[i].thread, echo_client, &clients[i]), 0);
    }
    echo_run(&server, ARRAY_COUNT(clients));
    for (uint32_t i = 0; i < ARRAY_COUNT(clients); i++) {
        plat_thread_join(clients[i].thread);
        cr_assert_eq(atomic_load(&clients[i].result), 0, "client %u ended with %d", i,
                     atomic_load(&clients[i].result));
    }
    cr_assert_eq(server.n_accepted, ARRAY_COUNT(clients));
    cr_assert_eq(server.n_failed, 0);
    echo_close(&server);
    cr_assert_eq(mem_in_use(), 0, "%zu bytes are left", mem_in_use());
}

// ---- Slow readers, order, ends

Test(port, slow_reader_gets_all_spans, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    const size_t span_bytes = 150000;
    uint8_t *data = mem_alloc(span_bytes * PORT_SPANS_MAX);
    uint8_t *got = mem_alloc(span_bytes * PORT_SPANS_MAX);
    cr_assert(data != NULL && got != NULL);
    help_fill(data, span_bytes * PORT_SPANS_MAX, 1, 0);
    PortSpan spans[PORT_SPANS_MAX];
    for (size_t i = 0; i < PORT_SPANS_MAX; i++)
        spans[i] = (PortSpan){data + i * span_bytes, span_bytes};
    cr_assert_eq(plat_stream_write(pair.stream, spans, PORT_SPANS_MAX), 0);
    // Far more than any buffer of the system: it cannot be done before the reader begins.
    expect_nothing(pair.port, 50 * MS);
    cr_assert_eq(plat_stream_write(pair.stream, spans, 1), -STATUS_INVALID_ARGUMENT);
    size_t have = 0;
    bool written = false;
    while (have < span_bytes * PORT_SPANS_MAX) {
        size_t n = 0;
        cr_assert_eq(plat_channel_read(pair.channel, got + have, 10007, S, &n), 0);
        cr_assert_gt(n, 0);
        have += n;
        PortEvent event;
        if (plat_port_wait(pair.port, 0, &event, 1) == 1) {
            cr_assert_eq(event.kind, PORT_WRITTEN, "kind %d", event.kind);
            cr_assert_eq(event.bytes, span_bytes * PORT_SPANS_MAX);
            cr_assert(event.user == &pair.stream);
            cr_assert(!written);
            written = true;
        } else if (!written && have == span_bytes * PORT_SPANS_MAX) {
            expect(pair.port, PORT_WRITTEN);
            written = true;
        }
    }
    cr_assert(written);
    cr_assert(help_check(got, have, 1, 0));
    mem_free(data);
    mem_free(got);
    pair_close(&pair);
}

Test(port, what_was_written_is_read_after_the_close, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    uint8_t data[20000], got[20001];
    help_fill(data, sizeof data, 2, 0);
    PortSpan span = {data, sizeof data};
    cr_assert_eq(plat_stream_write(pair.stream, &span, 1), 0);
    expect(pair.port, PORT_WRITTEN);
    plat_stream_close(pair.stream);
    PortEvent event = expect(pair.port, PORT_CLOSED);
    cr_assert(event.user == &pair.stream);
    expect_nothing(pair.port, 5 * MS);
    cr_assert_eq(read_all(pair.channel, got, sizeof got), sizeof data);
    cr_assert(help_check(got, sizeof data, 2, 0));
    // And the end stays the end.
    size_t n = 1;
    cr_assert_eq(plat_channel_read(pair.channel, got, 1, S, &n), 0);
    cr_assert_eq(n, 0);
    pair_close(&pair);
}

Test(port, an_empty_write_completes, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    PortSpan span = {"", 0};
    cr_assert_eq(plat_stream_write(pair.stream, &span, 1), 0);
    PortEvent event = expect(pair.port, PORT_WRITTEN);
    cr_assert_eq(event.bytes, 0);
    cr_assert_eq(plat_stream_write(pair.stream, NULL, 0), 0);
    expect(pair.port, PORT_WRITTEN);
    cr_assert_eq(plat_stream_write(pair.stream, &span, PORT_SPANS_MAX + 1),
                 -STATUS_INVALID_ARGUMENT);
    pair_close(&pair);
}

Test(port, close_with_operations_under_way, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    uint8_t in[100];
    const size_t bytes = 4u << 20;
    uint8_t *out = mem_zalloc(bytes);
    cr_assert_not_null(out);
    PortSpan spans[2] = {{out, bytes / 2}, {out + bytes / 2, bytes / 2}};
    cr_assert_eq(plat_stream_read(pair.stream, in, sizeof in), 0);
    cr_assert_eq(plat_stream_write(pair.stream, spans, 2), 0);
    expect_nothing(pair.port, 5 * MS);
    plat_stream_close(pair.stream);
    plat_stream_close(pair.stream); // once is enough
    cr_assert_eq(plat_stream_read(pair.stream, in, sizeof in), -STATUS_CLOSED);
    cr_assert_eq(plat_stream_write(pair.stream, spans, 2), -STATUS_CLOSED);
    PortEvent event = expect(pair.port, PORT_CLOSED);
    cr_assert(event.user == &pair.stream);
    expect_nothing(pair.port, 5 * MS);
    mem_free(out);
    pair_close(&pair);
}

Test(port, completed_but_not_taken_is_dropped_by_close, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    uint8_t in[100];
    PortSpan span = {"hello", 5};
    cr_assert_eq(plat_channel_write(pair.channel, "x", 1, S), 0);
    cr_assert_eq(plat_stream_read(pair.stream, in, sizeof in), 0);
    cr_assert_eq(plat_stream_write(pair.stream, &span, 1), 0);
    plat_stream_close(pair.stream);
    expect(pair.port, PORT_CLOSED);
    expect_nothing(pair.port, 5 * MS);
    pair_close(&pair);
}

Test(port, client_goes_away, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    uint8_t in[100];
    cr_assert_eq(plat_stream_read(pair.stream, in, sizeof in), 0);
    cr_assert_eq(plat_stream_read(pair.stream, in, sizeof in), -STATUS_INVALID_ARGUMENT);
    pair.channel = plat_channel_close(pair.channel);
    PortEvent event = expect(pair.port, PORT_READ);
    cr_assert_eq(event.bytes, 0);
    cr_assert(event.stream == pair.stream);
    // Writing to nobody fails; it raises no signal.
    PortSpan span = {"hello", 5};
    cr_assert_eq(plat_stream_write(pair.stream, &span, 1), 0);
    event = expect(pair.port, PORT_FAILED);
    cr_assert(event.write);
    cr_assert_neq(event.error, 0);
    plat_stream_close(pair.stream);
    expect(pair.port, PORT_CLOSED);
    pair_close(&pair);
}

Test(port, both_sides_at_once, .timeout = 60) {
    // The other side closes while a large write is blocked: it fails, once.
    Pair pair;
    pair_open(&pair);
    const size_t bytes = 4u << 20;
    uint8_t *out = mem_zalloc(bytes);
    PortSpan spans[3] = {{out, bytes / 4}, {out, bytes / 4}, {out, bytes / 2}};
    cr_assert_eq(plat_stream_write(pair.stream, spans, 3), 0);
    expect_nothing(pair.port, 5 * MS);
    pair.channel = plat_channel_close(pair.channel);
    PortEvent event = expect(pair.port, PORT_FAILED);
    cr_assert(event.write);
    expect_nothing(pair.port, 5 * MS);
    plat_stream_close(pair.stream);
    expect(pair.port, PORT_CLOSED);
    mem_free(out);
    pair_close(&pair);
}

// ---- Waiting and waking

Test(port, timeouts_are_fine_grained, .timeout = 60) {
    PlatPort *port;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    PortEvent event;
    int64_t best = INT64_MAX, least = INT64_MAX;
    for (int i = 0; i < 30; i++) {
        int64_t from = plat_now_ns();
        cr_assert_eq(plat_port_wait(port, 500000, &event, 1), 0);
        int64_t took = plat_now_ns() - from;
        best = MIN_OF(best, took);
        least = MIN_OF(least, took);
    }
    cr_assert_geq(least, 400000, "a wait of 0.5 ms took %lld ns", (long long)least);
    cr_assert_lt(best, 2 * MS, "the best wait of 0.5 ms took %lld ns", (long long)best);
    int64_t from = plat_now_ns();
    cr_assert_eq(plat_port_wait(port, 0, &event, 1), 0);
    cr_assert_lt(plat_now_ns() - from, S);
    plat_port_free(port);
}

typedef struct Waker {
    PlatPort *port;
    atomic_int rounds, seen;
} Waker;

static void wake_often(void *user) {
    Waker *waker = user;
    for (int i = 1; i <= 2000; i++) {
        atomic_store(&waker->rounds, i);
        plat_port_wake(waker->port);
        if (i % 100 == 0)
            plat_sleep_ns(100000);
    }
}

Test(port, wake_from_a_thread, .timeout = 60) {
    Waker waker = {0};
    cr_assert_eq(plat_port_new(&waker.port, NULL), 0);
    PortEvent events[4];
    // Before the wait, and many times: one event.
    plat_port_wake(waker.port);
    plat_port_wake(waker.port);
    cr_assert_eq(plat_port_wait(waker.port, 10 * S, events, 4), 1);
    cr_assert_eq(events[0].kind, PORT_WOKEN);
    expect_nothing(waker.port, 2 * MS);
    PlatThread *thread;
    cr_assert_eq(plat_thread_start(&thread, wake_often, &waker), 0);
    // What was stored before a wake is seen after it: the last round cannot be missed.
    for (int seen = 0; seen < 2000;) {
        cr_assert_geq(plat_port_wait(waker.port, 10 * S, events, 4), 1, "a wake was lost at %d",
                      seen);
        cr_assert_eq(events[0].kind, PORT_WOKEN);
        seen = atomic_load(&waker.rounds);
    }
    plat_thread_join(thread);
    plat_port_free(waker.port);
}

static void wake_once(void *user) {
    plat_sleep_ns(20 * MS); // by then the other side sleeps
    plat_port_wake(user);
}

Test(port, a_wake_ends_the_sleep, .timeout = 60) {
    // At once and not at the timeout.
    PlatPort *port;
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    for (int i = 0; i < 5; i++) {
        PlatThread *thread;
        PortEvent event;
        int64_t from = plat_now_ns();
        cr_assert_eq(plat_thread_start(&thread, wake_once, port), 0);
        cr_assert_eq(plat_port_wait(port, i % 2 != 0 ? -1 : 30 * S, &event, 1), 1);
        cr_assert_eq(event.kind, PORT_WOKEN);
        cr_assert_lt(plat_now_ns() - from, 10 * S, "the wake came after %lld ns",
                     (long long)(plat_now_ns() - from));
        plat_thread_join(thread);
    }
    plat_port_free(port);
}

// Keeps a write completing at once and goes on until an event of `kind` comes.
static bool comes_among_writes(Pair *pair, PortEventKind kind) {
    PortSpan span = {"", 0};
    bool came = false;
    for (int i = 0; i < 2000 && !came; i++) {
        PortEvent events[4];
        int n = plat_port_wait(pair->port, 0, events, 4);
        for (int e = 0; e < n; e++) {
            if (events[e].kind == PORT_WRITTEN)
                cr_assert_eq(plat_stream_write(pair->stream, &span, 1), 0);
            came = came || events[e].kind == kind;
        }
        if (i >= 1000)
            plat_sleep_ns(MS);
    }
    return came;
}

Test(port, completions_starve_nobody, .timeout = 60) {
    // Writes that need no system call must keep neither a wake nor input waiting.
    Pair pair;
    pair_open(&pair);
    PortSpan span = {"", 0};
    uint8_t in[8];
    cr_assert_eq(plat_stream_read(pair.stream, in, sizeof in), 0);
    cr_assert_eq(plat_stream_write(pair.stream, &span, 1), 0);
    plat_port_wake(pair.port);
    cr_assert(comes_among_writes(&pair, PORT_WOKEN));
    cr_assert_eq(plat_channel_write(pair.channel, "abc", 3, S), 0);
    cr_assert(comes_among_writes(&pair, PORT_READ));
    cr_assert_eq(memcmp(in, "abc", 3), 0);
    pair_close(&pair);
}

// ---- Listening

Test(port, nobody_listens, .timeout = 60) {
    char endpoint[64];
    PlatChannel *channel = NULL;
    Err err = ERR_INIT;
    cr_assert_eq(plat_channel_open(help_endpoint(endpoint), S, &channel, &err),
                 -STATUS_UNAVAILABLE);
    cr_assert_eq(err.status, STATUS_UNAVAILABLE);
    cr_assert(strstr(err.text, endpoint) != NULL, "%s", err.text);
    cr_assert(channel == NULL);
}

Test(port, endpoint_names, .timeout = 60) {
    char buf[256];
    Err err = ERR_INIT;
    cr_assert_eq(plat_endpoint_path(NULL, buf, sizeof buf, &err), 0, "%s", err.text);
    cr_assert(strstr(buf, "etwbroker") != NULL);
    cr_assert_eq(plat_endpoint_path("my-test.1", buf, sizeof buf, &err), 0, "%s", err.text);
    cr_assert(strstr(buf, "my-test.1") != NULL);
    static const char *const refused[] = {".", "..", ".x", "a b", "a:b", "a\nb", "\xc3\xa4", "a|b"};
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
        cr_assert_eq(plat_endpoint_path(refused[i], buf, sizeof buf, &err),
                     -STATUS_INVALID_ARGUMENT, "\"%s\" gives %s", refused[i], buf);
    char name[300];
    memset(name, 'n', sizeof name);
    name[299] = '\0';
    cr_assert_eq(plat_endpoint_path(name, buf, sizeof buf, &err), -STATUS_INVALID_ARGUMENT);
    cr_assert_eq(plat_endpoint_path("x", buf, 3, &err), -STATUS_INVALID_ARGUMENT);
}

Test(port, listen_again_after_the_close, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    plat_stream_close(pair.stream);
    expect(pair.port, PORT_CLOSED);
    pair.listener = plat_listener_close(pair.listener);
    Err err = ERR_INIT;
    cr_assert_eq(plat_listen(pair.port, pair.endpoint, NULL, 0, &pair, &pair.listener, &err), 0,
                 "%s", err.text);
    plat_channel_close(pair.channel);
    open_channel(pair.endpoint, &pair.channel);
    expect(pair.port, PORT_ACCEPTED);
    pair_close(&pair);
    cr_assert_eq(mem_in_use(), 0, "%zu bytes are left", mem_in_use());
}

Test(port, closing_the_listener_drops_new_connections, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    PlatChannel *late;
    open_channel(pair.endpoint, &late);
    pair.listener = plat_listener_close(pair.listener);
    // Connections that were handed out live on; the late one was never seen and is gone.
    uint8_t in[8];
    size_t n = 1;
    int result = plat_channel_read(late, in, sizeof in, 10 * S, &n);
    cr_assert(result == -STATUS_CLOSED || (result == 0 && n == 0), "%d, %zu bytes", result, n);
    PortSpan span = {"abc", 3};
    cr_assert_eq(plat_stream_write(pair.stream, &span, 1), 0);
    expect(pair.port, PORT_WRITTEN);
    cr_assert_eq(read_all(pair.channel, in, 3), 3);
    plat_channel_close(late);
    pair_close(&pair);
}

Test(port, many_connections_at_once, .timeout = 60) {
    PlatPort *port;
    PlatListener *listener;
    char endpoint[64];
    cr_assert_eq(plat_port_new(&port, NULL), 0);
    cr_assert_eq(plat_listen(port, help_endpoint(endpoint), NULL, 0, NULL, &listener, NULL), 0);
    PlatChannel *channels[100];
    PlatStream *streams[100];
    uint32_t n_accepted = 0;
    for (uint32_t i = 0; i < 100; i++) {
        // Named pipes take as many as there are instances at a time: the loop must run in between.
        PortEvent event;
        open_channel(endpoint, &channels[i]);
        while (n_accepted <= i && plat_port_wait(port, 10 * S, &event, 1) == 1) {
            cr_assert_eq(event.kind, PORT_ACCEPTED);
            streams[n_accepted++] = event.stream;
        }
        cr_assert_eq(n_accepted, i + 1);
    }
    for (uint32_t i = 0; i < 100; i++) {
        uint8_t number = (uint8_t)i, got = 0;
        PortSpan span = {&number, 1};
        cr_assert_eq(plat_stream_write(streams[i], &span, 1), 0);
        PortEvent event = expect(port, PORT_WRITTEN);
        cr_assert(event.stream == streams[i]);
        cr_assert_eq(read_all(channels[i], &got, 1), 1);
        cr_assert_eq(got, number);
        plat_channel_close(channels[i]);
    }
    plat_port_free(port); // closes all that is left
    cr_assert_eq(mem_in_use(), 0, "%zu bytes are left", mem_in_use());
}

// ---- Channels

Test(channel, read_times_out, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    uint8_t in[8];
    size_t n = 77;
    int64_t from = plat_now_ns();
    cr_assert_eq(plat_channel_read(pair.channel, in, sizeof in, 20 * MS, &n), -STATUS_TIMEOUT);
    cr_assert_geq(plat_now_ns() - from, 15 * MS);
    cr_assert_eq(n, 77);
    cr_assert_eq(plat_channel_read(pair.channel, in, sizeof in, 0, &n), -STATUS_TIMEOUT);
    // Nothing of the stream was lost by that.
    PortSpan span = {"abcdef", 6};
    cr_assert_eq(plat_stream_write(pair.stream, &span, 1), 0);
    expect(pair.port, PORT_WRITTEN);
    cr_assert_eq(read_all(pair.channel, in, 6), 6);
    cr_assert_eq(memcmp(in, "abcdef", 6), 0);
    pair_close(&pair);
}

Test(channel, write_times_out, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    uint8_t *data = mem_zalloc(8u << 20);
    int64_t from = plat_now_ns();
    cr_assert_eq(plat_channel_write(pair.channel, data, 8u << 20, 20 * MS), -STATUS_TIMEOUT);
    cr_assert_lt(plat_now_ns() - from, 10 * S);
    mem_free(data);
    pair_close(&pair);
}

Test(channel, one_byte_reads, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    uint8_t data[3000], got[1];
    help_fill(data, sizeof data, 4, 0);
    PortSpan span = {data, sizeof data};
    cr_assert_eq(plat_stream_write(pair.stream, &span, 1), 0);
    for (size_t i = 0; i < sizeof data; i++) {
        cr_assert_eq(read_all(pair.channel, got, 1), 1);
        cr_assert_eq(got[0], data[i]);
    }
    pair_close(&pair);
}

typedef struct Reader {
    PlatChannel *channel;
    atomic_int result;
    atomic_bool started;
} Reader;

static void blocked_reader(void *user) {
    Reader *reader = user;
    uint8_t in[8];
    size_t n;
    atomic_store(&reader->started, true);
    atomic_store(&reader->result, plat_channel_read(reader->channel, in, sizeof in, -1, &n));
}

Test(channel, cancel_is_sticky, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    Reader reader = {.channel = pair.channel};
    PlatThread *thread;
    cr_assert_eq(plat_thread_start(&thread, blocked_reader, &reader), 0);
    while (!atomic_load(&reader.started))
        plat_sleep_ns(100000);
    plat_sleep_ns(5 * MS); // most likely it waits by now; the result is the same when it does not
    plat_channel_cancel(pair.channel);
    plat_thread_join(thread);
    cr_assert_eq(atomic_load(&reader.result), -STATUS_CANCELLED);
    uint8_t in[8];
    size_t n;
    PortSpan span = {"abc", 3};
    cr_assert_eq(plat_stream_write(pair.stream, &span, 1), 0);
    expect(pair.port, PORT_WRITTEN);
    cr_assert_eq(plat_channel_read(pair.channel, in, sizeof in, -1, &n), -STATUS_CANCELLED);
    cr_assert_eq(plat_channel_write(pair.channel, "x", 1, -1), -STATUS_CANCELLED);
    pair_close(&pair);
}

Test(channel, write_to_a_closed_side, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    plat_stream_close(pair.stream);
    expect(pair.port, PORT_CLOSED);
    int result = 0;
    for (int i = 0; i < 100 && result == 0; i++)
        result = plat_channel_write(pair.channel, "x", 1, S);
    cr_assert_eq(result, -STATUS_CLOSED);
    pair_close(&pair);
}

Test(channel, has_a_wait_handle, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    cr_assert(plat_channel_wait_handle(pair.channel) > 0);
    pair_close(&pair);
}

// ---- Identity, as far as it is the same on both hosts

Test(port, the_peer_is_this_user, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    uint8_t in[8];
    cr_assert_eq(plat_channel_write(pair.channel, "x", 1, S), 0);
    cr_assert_eq(plat_stream_read(pair.stream, in, sizeof in), 0);
    expect(pair.port, PORT_READ);
    PlatPeer peer;
    Err err = ERR_INIT;
    cr_assert_eq(plat_stream_peer(pair.stream, &peer, &err), 0, "%s", err.text);
    cr_assert_eq(strncmp(peer.sid, "S-1-", 4), 0, "%s", peer.sid);
    cr_assert(peer.administrator);
    cr_assert_eq(peer.pid, plat_pid());
    cr_assert_gt(peer.n_groups, 0);
    const char *sid = NULL;
    uint32_t i = 0, n = 0;
    while (plat_peer_group(&peer, &i, &sid)) {
        cr_assert_eq(strncmp(sid, "S-1-", 4), 0, "%s", sid);
        n++;
    }
    cr_assert_eq(n, peer.n_groups + peer.n_deny_groups);
    plat_peer_deinit(&peer);
    plat_stream_close(pair.stream);
    cr_assert_eq(plat_stream_peer(pair.stream, &peer, &err), -STATUS_CLOSED);
    pair_close(&pair);
    cr_assert_eq(mem_in_use(), 0, "%zu bytes are left", mem_in_use());
}

// ---- Out of memory

static int open_all(const char *endpoint) {
    PlatPort *port = NULL;
    PlatListener *listener = NULL;
    PlatChannel *channel = NULL;
    Err err = ERR_INIT;
    int result = plat_port_new(&port, &err);
    if (result == 0)
        result = plat_listen(port, endpoint, NULL, 0, NULL, &listener, &err);
    if (result == 0)
        result = plat_channel_open(endpoint, 10 * S, &channel, &err);
    cr_assert(result == 0 || err.status == -result);
    plat_channel_close(channel);
    plat_listener_close(listener);
    plat_port_free(port);
    return result;
}

Test(port, each_allocation_fails_in_turn, .timeout = 60) {
    char endpoint[64];
    int result = -1;
    size_t n = 0;
    help_endpoint(endpoint);
    while (result != 0) {
        mem_fail_at(++n);
        result = open_all(endpoint);
        mem_fail_at(0);
        cr_assert_eq(mem_in_use(), 0, "a leak when allocation %zu fails", n);
        cr_assert_lt(n, 100);
    }
    cr_assert_gt(n, 3);
}

Test(port, no_memory_for_a_connection, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    PlatChannel *channel;
    open_channel(pair.endpoint, &channel);
    mem_fail_at(1);
    expect_nothing(pair.port, 50 * MS);
    mem_fail_at(0);
    uint8_t byte;
    size_t n = 1;
    int result = plat_channel_read(channel, &byte, 1, 10 * S, &n);
    cr_assert(result == -STATUS_CLOSED || (result == 0 && n == 0), "%d", result);
    plat_channel_close(channel);
    // The next one is served.
    open_channel(pair.endpoint, &channel);
    expect(pair.port, PORT_ACCEPTED);
    plat_channel_close(channel);
    pair_close(&pair);
    cr_assert_eq(mem_in_use(), 0, "%zu bytes are left", mem_in_use());
}

Test(port, no_memory_for_an_identity, .timeout = 60) {
    Pair pair;
    pair_open(&pair);
    uint8_t in[8];
    cr_assert_eq(plat_channel_write(pair.channel, "x", 1, S), 0);
    cr_assert_eq(plat_stream_read(pair.stream, in, sizeof in), 0);
    expect(pair.port, PORT_READ);
    const size_t before = mem_in_use();
    PlatPeer peer;
    int result = -1;
    size_t n = 0;
    while (result != 0) {
        Err err = ERR_INIT;
        mem_fail_at(++n);
        result = plat_stream_peer(pair.stream, &peer, &err);
        mem_fail_at(0);
        if (result == 0)
            plat_peer_deinit(&peer);
        else
            cr_assert_eq(err.status, -result);
        cr_assert_eq(mem_in_use(), before, "a leak when allocation %zu fails", n);
        cr_assert_lt(n, 1000);
    }
    cr_assert_gt(n, 2);
    pair_close(&pair);
}
