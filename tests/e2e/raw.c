// e2e_raw: hostile and odd clients, byte by byte, on both hosts' transports.
//
//   e2e_raw ENDPOINT CASE...       each prints "ok: …" or "FAIL: …" lines; exit code 1 when one failed, 2 usage
//
// The broker must have been started with handshake_ms = 1000 and administrator_connections = 260 (protocol.sh does).
// Frames are put together here from the offsets of idl/wire.h, not with the product's encoder.
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "idl/wire.h"
#include "platform/clock.h"
#include "platform/port.h"
#include "platform/thread.h"

#define SECOND       INT64_C(1000000000)
#define HANDSHAKE_MS 1000
#define PATIENCE     (20 * SECOND)
#define CONNECTIONS  260 // administrator_connections of the broker under test
#define IN_USE       2   // by the watcher beside

static const char *endpoint;
static int n_failed;

static void result(int good, const char *format, ...) ETW_PRINTF(2, 3);

static void result(int good, const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf(good ? "ok: " : "FAIL: ");
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
    n_failed += !good;
}

// --- connections and frames ----------------------------------------------------------------------

static PlatChannel *open_channel(void) {
    PlatChannel *channel = NULL;
    Err err = ERR_INIT;
    if (plat_channel_open(endpoint, PATIENCE, &channel, &err) < 0) {
        result(0, "connect: %s", err.text);
        exit(1);
    }
    return channel;
}

static int put(PlatChannel *channel, const void *data, size_t bytes) {
    return plat_channel_write(channel, data, bytes, PATIENCE);
}

// Reads exactly `bytes`: 1; 0 at the end of the stream or when it breaks; -1 when nothing comes.
static int get(PlatChannel *channel, void *data, size_t bytes) {
    size_t have = 0;
    while (have < bytes) {
        size_t got = 0;
        int r = plat_channel_read(channel, (char *)data + have, bytes - have, PATIENCE, &got);
        if (r == -STATUS_TIMEOUT)
            return -1;
        if (r < 0 || got == 0)
            return 0;
        have += got;
    }
    return 1;
}

static void hello_put(uint8_t hello[WIRE_HELLO_BYTES], uint16_t min, uint16_t max) {
    memset(hello, 0, WIRE_HELLO_BYTES);
    store_u32(hello + WIRE_HELLO_MAGIC, WIRE_MAGIC);
    store_u16(hello + WIRE_HELLO_MIN, min);
    store_u16(hello + WIRE_HELLO_MAX, max);
    memcpy(hello + WIRE_HELLO_AGENT, "e2e_raw", 7);
}

static void head_put(uint8_t head[WIRE_HEAD_BYTES], uint32_t size, uint16_t type,
                     uint32_t request) {
    memset(head, 0, WIRE_HEAD_BYTES);
    store_u32(head + WIRE_HEAD_SIZE, size);
    store_u16(head + WIRE_HEAD_TYPE, type);
    store_u32(head + WIRE_HEAD_REQUEST, request);
}

typedef struct Answer {
    uint16_t type;
    uint32_t request;
    char *text; // NUL-terminated
} Answer;

// 1: a frame; 0: the broker has closed; -1: nothing came.
static int get_frame(PlatChannel *channel, Answer *ret) {
    uint8_t head[WIRE_HEAD_BYTES];
    int r = get(channel, head, sizeof head);
    if (r != 1)
        return r;
    uint32_t size = load_u32(head + WIRE_HEAD_SIZE);
    ret->type = load_u16(head + WIRE_HEAD_TYPE);
    ret->request = load_u32(head + WIRE_HEAD_REQUEST);
    free(ret->text);
    ret->text = calloc(1, (size_t)size + 1);
    if (ret->text == NULL || size < WIRE_HEAD_BYTES || size > WIRE_MAX_REPLY)
        return -1;
    return get(channel, ret->text, size - WIRE_HEAD_BYTES);
}

static int closed(PlatChannel *channel) {
    uint8_t byte;
    return get(channel, &byte, 1) == 0;
}

static PlatChannel *greet(void) {
    PlatChannel *channel = open_channel();
    uint8_t hello[WIRE_HELLO_BYTES];
    Answer answer = {0};
    hello_put(hello, WIRE_VERSION_OLDEST, WIRE_VERSION);
    if (put(channel, hello, sizeof hello) < 0 || get_frame(channel, &answer) != 1 ||
        answer.type != WIRE_WELCOME)
        result(0, "no WELCOME");
    free(answer.text);
    return channel;
}

// Sends a request with this payload and takes the answer; false when there is none.
static int ask_bytes(PlatChannel *channel, const char *json, size_t bytes, Answer *ret) {
    static uint32_t next = 1;
    uint8_t head[WIRE_HEAD_BYTES];
    uint32_t request = next++;
    head_put(head, (uint32_t)(WIRE_HEAD_BYTES + bytes), WIRE_REQUEST, request);
    return put(channel, head, sizeof head) >= 0 && put(channel, json, bytes) >= 0 &&
           get_frame(channel, ret) == 1 && ret->type == WIRE_REPLY && ret->request == request;
}

static int ask(PlatChannel *channel, const char *json, Answer *ret) {
    return ask_bytes(channel, json, strlen(json), ret);
}

static int is_ok(const Answer *answer) {
    return strncmp(answer->text, "{\"ok\":true", 10) == 0;
}

static int says(const Answer *answer, const char *code) {
    return strncmp(answer->text, "{\"ok\":false", 11) == 0 && strstr(answer->text, code) != NULL;
}

static int ping(PlatChannel *channel) {
    Answer answer = {0};
    int good = ask(channel, "{\"method\":\"ping\"}", &answer) && is_ok(&answer);
    free(answer.text);
    return good;
}

static uint64_t profile_number(const char *key) {
    PlatChannel *channel = greet();
    Answer answer = {0};
    uint64_t value = UINT64_MAX;
    if (ask(channel, "{\"method\":\"profile\"}", &answer)) {
        const char *at = strstr(answer.text, key);
        if (at != NULL)
            value = strtoull(at + strlen(key), NULL, 10);
    }
    free(answer.text);
    plat_channel_close(channel);
    return value;
}

// --- cases -----------------------------------------------------------------------------------------

// A client that says nothing, or not enough, is closed after the handshake deadline and not before.
static void silent(void) {
    for (size_t bytes = 0; bytes < WIRE_HELLO_BYTES; bytes += WIRE_HELLO_BYTES - 1) {
        uint8_t hello[WIRE_HELLO_BYTES];
        hello_put(hello, 1, 1);
        int64_t start = plat_now_ns();
        PlatChannel *channel = open_channel();
        if (bytes > 0)
            put(channel, hello, bytes);
        int end = closed(channel);
        int64_t ms = (plat_now_ns() - start) / 1000000;
        result(end && ms >= HANDSHAKE_MS * 9 / 10 && ms < HANDSHAKE_MS + 10000,
               "%zu bytes of HELLO: closed after %" PRId64 " ms (handshake_ms = %d)", bytes, ms,
               HANDSHAKE_MS);
        plat_channel_close(channel);
    }
    PlatChannel *idle = greet();
    int64_t until = plat_now_ns() + 2 * HANDSHAKE_MS * INT64_C(1000000);
    while (plat_now_ns() < until)
        plat_sleep_ns(50000000);
    result(ping(idle),
           "a connection that has shaken hands may be idle for longer than the deadline");
    plat_channel_close(idle);
}

// Silent and half-frame clients do not keep a good one out.
static void crowd(void) {
    enum { N = 200 };
    static PlatChannel *channels[N];
    uint8_t hello[WIRE_HELLO_BYTES], head[WIRE_HEAD_BYTES];
    int64_t best = INT64_MAX;
    hello_put(hello, 1, 1);
    for (int i = 0; i < N; i++) {
        channels[i] = open_channel();
        if (i % 4 == 1)
            put(channels[i], hello, 20);
        if (i % 4 == 2) { // half a request
            put(channels[i], hello, sizeof hello);
            head_put(head, 1000, WIRE_REQUEST, 1);
            put(channels[i], head, sizeof head);
        }
        if (i % 4 == 3) // half a head
            put(channels[i], hello, sizeof hello), put(channels[i], head, 7);
    }
    // The machine may be busy with others: the best of three counts.
    for (int i = 0; i < 3; i++) {
        int64_t start = plat_now_ns();
        PlatChannel *good = greet();
        if (ping(good) && plat_now_ns() - start < best)
            best = plat_now_ns() - start;
        plat_channel_close(good);
    }
    result(best < SECOND,
           "beside %d silent and half-frame clients a good one has its answer within 1 s (%" PRId64
           " ms)",
           N, best / 1000000);
    for (int i = 0; i < N; i++)
        plat_channel_close(channels[i]);
}

static void garbage(void) {
    static const char http[] =
        "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: none of ours at all, but long\r\n\r\n";
    PlatChannel *channel = open_channel();
    put(channel, http, sizeof http - 1);
    result(closed(channel), "another protocol's greeting: closed without an answer");
    plat_channel_close(channel);
    uint8_t hello[WIRE_HELLO_BYTES];
    static const struct {
        uint16_t min, max;
        int good;
    } versions[] = {{1, 1, 1}, {1, 60000, 1}, {2, 60000, 0}, {0, 0, 0}};
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        Answer answer = {0};
        channel = open_channel();
        hello_put(hello, versions[i].min, versions[i].max);
        put(channel, hello, sizeof hello);
        int r = get_frame(channel, &answer);
        int good = versions[i].good
                       ? r == 1 && answer.type == WIRE_WELCOME
                       : r == 0 || (r == 1 && says(&answer, "VERSION") && closed(channel)) ||
                             (r == 1 && says(&answer, "PROTOCOL") && closed(channel));
        result(good, "versions %u to %u: %s", versions[i].min, versions[i].max,
               versions[i].good ? "WELCOME" : "refused");
        free(answer.text);
        plat_channel_close(channel);
    }
}

static void sizes(void) {
    static const struct {
        uint32_t size;
        uint16_t type;
        int survives;
    } cases[] = {{0, WIRE_REQUEST, 0},
                 {15, WIRE_REQUEST, 0},
                 {WIRE_MAX_IN, WIRE_REQUEST, 1},
                 {WIRE_MAX_IN + 1, WIRE_REQUEST, 0},
                 {0x7fffffff, WIRE_REQUEST, 0},
                 {0xffffffff, WIRE_REQUEST, 0},
                 {100, WIRE_EVENTS, 0},
                 {100, 99, 0},
                 {100, 0, 0}};
    static char payload[WIRE_MAX_IN];
    memset(payload, ' ', sizeof payload);
    memcpy(payload, "{\"method\":\"ping\"}", 17);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t head[WIRE_HEAD_BYTES];
        Answer answer = {0};
        PlatChannel *channel = greet();
        uint32_t bytes = cases[i].size < WIRE_HEAD_BYTES ? 0 : cases[i].size - WIRE_HEAD_BYTES;
        head_put(head, cases[i].size, cases[i].type, 7);
        put(channel, head, sizeof head);
        if (cases[i].survives || bytes < 1000)
            put(channel, payload, bytes);
        int r = get_frame(channel, &answer);
        if (cases[i].survives)
            result(r == 1 && is_ok(&answer) && ping(channel),
                   "a frame of %u bytes, the largest: answered", cases[i].size);
        else
            result((r == 0 || (r == 1 && says(&answer, "PROTOCOL") && closed(channel))),
                   "a frame of type %u that claims %u bytes: refused and closed", cases[i].type,
                   cases[i].size);
        free(answer.text);
        plat_channel_close(channel);
    }
    uint8_t head[WIRE_HEAD_BYTES];
    Answer answer = {0};
    PlatChannel *channel = greet();
    head_put(head, WIRE_HEAD_BYTES, WIRE_REQUEST, 7);
    put(channel, head, sizeof head);
    int r = get_frame(channel, &answer);
    result(r == 0 || (r == 1 && says(&answer, "")),
           "a request without a payload: an error, and no hang");
    free(answer.text);
    plat_channel_close(channel);
}

static void slowly(void) {
    uint8_t bytes[WIRE_HELLO_BYTES + WIRE_HEAD_BYTES + 17];
    Answer answer = {0};
    hello_put(bytes, 1, 1);
    head_put(bytes + WIRE_HELLO_BYTES, WIRE_HEAD_BYTES + 17, WIRE_REQUEST, 3);
    memcpy(bytes + WIRE_HELLO_BYTES + WIRE_HEAD_BYTES, "{\"method\":\"ping\"}", 17);
    PlatChannel *channel = open_channel();
    int good = 1;
    for (size_t i = 0; i < sizeof bytes; i++) {
        good = good && put(channel, bytes + i, 1) >= 0;
        plat_sleep_ns(1000000);
    }
    good = good && get_frame(channel, &answer) == 1 && answer.type == WIRE_WELCOME;
    good = good && get_frame(channel, &answer) == 1 && answer.request == 3 && is_ok(&answer);
    result(good, "HELLO and a request, a byte at a time: answered");
    free(answer.text);
    plat_channel_close(channel);
    // And all at once: three requests in one write.
    uint8_t all[WIRE_HELLO_BYTES + 3 * (WIRE_HEAD_BYTES + 17)];
    memcpy(all, bytes, sizeof bytes);
    memcpy(all + sizeof bytes, bytes + WIRE_HELLO_BYTES, WIRE_HEAD_BYTES + 17);
    memcpy(all + sizeof bytes + WIRE_HEAD_BYTES + 17, bytes + WIRE_HELLO_BYTES,
           WIRE_HEAD_BYTES + 17);
    channel = open_channel();
    put(channel, all, sizeof all);
    answer = (Answer){0};
    good = get_frame(channel, &answer) == 1;
    for (int i = 0; i < 3; i++)
        good = good && get_frame(channel, &answer) == 1 && is_ok(&answer);
    result(good, "HELLO and three requests in one write: answered");
    free(answer.text);
    plat_channel_close(channel);
}

// JSON that is meant to hurt: each is refused on a connection that lives on, and costs the broker little.
static void bombs(void) {
    enum { SIZE = 65000 };
    static char deep[SIZE], wide[SIZE], objects[SIZE], text[SIZE];
    memset(deep, '[', SIZE);
    for (int i = 0; i < SIZE; i++)
        wide[i] = i % 2 ? ',' : '0';
    wide[0] = '[';
    wide[SIZE - 1] = ']';
    for (int i = 0; i + 5 <= SIZE; i += 5)
        memcpy(objects + i, "{\"a\":", 5);
    memset(text, 'x', SIZE);
    memcpy(text, "{\"method\":\"", 11);
    memcpy(text + SIZE - 2, "\"}", 2);
    static const char *const small[] = {
        "{\"method\":\"ping\"} x",
        "{\"method\":\"ping\",\"method\":\"profile\"}",
        "{\"method\":\"ping\",\"extra\":1}",
        "{\"Method\":\"ping\"}",
        "{\"method\":\"pi\\u0000ng\"}",
        "{\"method\":\"\xff\xfe\"}",
        "{\"method\":\"\xc0\xaf\"}",
        "{\"method\":\"\\ud800\"}",
        "{\"method\":1e400}",
        "{\"method\":\"ping\",\"params\":[]}",
        "\"ping\"",
        "null",
        "{\"method\":\"subscribe\",\"params\":{\"wants\":[{\"any\":18446744073709551616}]}}",
        "{\"method\":\"subscribe\",\"params\":{\"wants\":[{\"level\":-1}]}}",
        "{\"method\":\"subscribe\",\"params\":{\"wants\":[{\"event_ids\":[65536]}]}}",
        "{\"method\":\"providers\",\"params\":{\"name\":5}}",
        "",
    };
    uint64_t before = profile_number("\"heap_peak_bytes\":\"");
    PlatChannel *channel = greet();
    Answer answer = {0};
    const char *const large[] = {deep, wide, objects, text};
    int good = 1;
    for (size_t i = 0; i < 4; i++)
        good = good && ask_bytes(channel, large[i], SIZE, &answer) && says(&answer, "");
    result(good && ping(channel),
           "64 KB of [[[, [0,0, {\"a\":{\"a\": and a long name: refused, the connection lives on");
    uint64_t after = profile_number("\"heap_peak_bytes\":\"");
    result(before != UINT64_MAX && after - before < 8 * 1024 * 1024,
           "they cost at most 8 MiB of heap (%" PRIu64 " KiB)", (after - before) / 1024);
    for (size_t i = 0; i < sizeof small / sizeof small[0] - 1; i++)
        result(ask(channel, small[i], &answer) && says(&answer, ""), "refused: request %zu: %.70s",
               i, i >= 5 && i <= 6 ? "(bytes that are no UTF-8)" : small[i]);
    result(ping(channel), "after all these the same connection answers");
    result(ask(channel, "{\"method\":\"subscribe\",\"params\":{\"wants\":[{\"event_ids\":[1]}]}}",
               &answer) &&
               is_ok(&answer),
           "and can subscribe");
    // Events may come in front of the reply; there are none of this kind.
    result(ask(channel, "{\"method\":\"subscribe\",\"params\":{\"wants\":[{}]}}", &answer) &&
               says(&answer, "CONFLICT"),
           "a second subscription on it: CONFLICT");
    free(answer.text);
    plat_channel_close(channel);
}

typedef struct Writer {
    PlatChannel *channel;
    atomic_uint sent;
    atomic_uint ended;
} Writer;

enum { FLOOD = 300, FLOOD_BYTES = 32 * 1024 };

static void flood_write(void *user) {
    Writer *w = user;
    static char payload[FLOOD_BYTES];
    memset(payload, ' ', sizeof payload);
    memcpy(payload, "{\"method\":\"providers\"}", 22);
    for (uint32_t i = 0; i < FLOOD; i++) {
        uint8_t head[WIRE_HEAD_BYTES];
        head_put(head, WIRE_HEAD_BYTES + FLOOD_BYTES, WIRE_REQUEST, i + 1);
        if (plat_channel_write(w->channel, head, sizeof head, 60 * SECOND) < 0 ||
            plat_channel_write(w->channel, payload, sizeof payload, 60 * SECOND) < 0)
            break;
        atomic_fetch_add(&w->sent, 1);
    }
    atomic_store(&w->ended, 1);
}

// A client that asks and does not read: beyond 1 MiB of replies the broker stops reading its requests.
static void unread(void) {
    Writer writer = {.channel = greet()};
    PlatThread *thread = NULL;
    uint64_t before = profile_number("\"heap_bytes\":\"");
    if (plat_thread_start(&thread, flood_write, &writer) < 0) {
        result(0, "no thread");
        return;
    }
    // Stuck: no progress for a second.
    int64_t since = plat_now_ns(), deadline = plat_now_ns() + PATIENCE;
    for (unsigned last = 0; plat_now_ns() - since < SECOND && plat_now_ns() < deadline;) {
        plat_sleep_ns(10000000);
        unsigned now = atomic_load(&writer.sent);
        if (now != last || now == 0)
            since = plat_now_ns();
        last = now;
    }
    unsigned taken = atomic_load(&writer.sent);
    uint64_t after = profile_number("\"heap_bytes\":\"");
    result(taken < FLOOD && !atomic_load(&writer.ended),
           "with unread replies the broker stops reading (%u of %d requests)", taken, FLOOD);
    result(after < before + 4 * 1024 * 1024, "what waits for it is at most 4 MiB (%" PRId64 " KiB)",
           ((int64_t)after - (int64_t)before) / 1024);
    PlatChannel *other = greet();
    result(ping(other), "others are served meanwhile");
    plat_channel_close(other);
    Answer answer = {0};
    uint32_t n = 0;
    while (n < FLOOD && get_frame(writer.channel, &answer) == 1 && answer.request == n + 1 &&
           is_ok(&answer))
        n++;
    result(n == FLOOD, "when it reads at last, every request has its reply, in order (%u of %d)", n,
           FLOOD);
    plat_thread_join(thread);
    free(answer.text);
    plat_channel_close(writer.channel);
}

// Connections of administrators are capped; the one above the cap is told so.
static void caps(void) {
    static PlatChannel *channels[CONNECTIONS + 1];
    int n = 0, refused = 0, most = CONNECTIONS - IN_USE;
    Answer answer = {0};
    for (; n <= CONNECTIONS && !refused; n++) {
        uint8_t hello[WIRE_HELLO_BYTES];
        hello_put(hello, 1, 1);
        channels[n] = open_channel();
        put(channels[n], hello, sizeof hello);
        refused = get_frame(channels[n], &answer) != 1 || answer.type != WIRE_WELCOME;
    }
    result(refused && n == most + 1,
           "beside %d in use, of %d, connection %d is the first that is refused (%s)", IN_USE,
           CONNECTIONS, n, refused ? "yes" : "none is");
    result(refused && answer.text != NULL && says(&answer, "BUSY") && closed(channels[n - 1]),
           "with BUSY, and closed");
    for (int i = 0; i < n; i++)
        plat_channel_close(channels[i]);
    // Their places are free again as soon as the broker has seen that they are gone.
    int64_t deadline = plat_now_ns() + PATIENCE;
    int good = 0;
    while (!good && plat_now_ns() < deadline) {
        PlatChannel *channel = open_channel();
        uint8_t hello[WIRE_HELLO_BYTES];
        hello_put(hello, 1, 1);
        put(channel, hello, sizeof hello);
        good = get_frame(channel, &answer) == 1 && answer.type == WIRE_WELCOME && ping(channel);
        plat_channel_close(channel);
    }
    result(good, "when they have gone, a new one is welcome");
    free(answer.text);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {{"silent", silent}, {"crowd", crowd}, {"garbage", garbage}, {"sizes", sizes},
             {"slowly", slowly}, {"bombs", bombs}, {"unread", unread},   {"caps", caps}};

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: e2e_raw ENDPOINT CASE...\n");
        return 2;
    }
    endpoint = argv[1];
    for (int i = 2; i < argc; i++) {
        size_t k = 0;
        while (k < sizeof cases / sizeof cases[0] && strcmp(cases[k].name, argv[i]) != 0)
            k++;
        if (k == sizeof cases / sizeof cases[0]) {
            fprintf(stderr, "no case '%s'\n", argv[i]);
            return 2;
        }
        cases[k].run();
    }
    return n_failed != 0;
}
