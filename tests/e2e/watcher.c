// e2e_watcher: a client of its own for the end-to-end tests, so that what a watcher receives is judged without
// etwctl. Written against etwclient.h.
//
//   e2e_watcher watch --endpoint NAME --spec JSON --out FILE [options]
//   e2e_watcher request --endpoint NAME METHOD [PARAMS]        prints the reply
//   e2e_watcher change --endpoint NAME ID SPEC                 the instance is quoted by the library
//   e2e_watcher stop --endpoint NAME ID
//
// watch writes one tab-separated line for each item, in the order of the stream; the columns are those of the golden
// files, so that a script can compare without knowing the product's JSON:
//   S  id  queue bytes                                subscribed
//   E  number filetime cpu guid id(-1 classic) version level opcode task channel keyword pid tid ptrsize datalen crc32
//   G  first count(-1 unknown) reason from to         gap
//   C  first generation                               changed
//   P  number reason flags time                       epoch
//   X  reason, then the ledger from offered to sent   end
//   T  received gap_events source_lost(-1 unknown) next_number batches        the library's totals, last line
//
// Options of watch:
//   --ready FILE    FILE is made once the subscription stands
//   --hold FILE     nothing is read until FILE exists
//   --slow MS       a pause after each batch
//   --totals        events are not written (their numbers are still checked)
//   --max N         stop after N events
//   --seconds N     give up after N seconds (120)
//
// Numbers are checked as they come: each item goes on where the one before ended, or this ends with 4.
// Exit code: 0 end of the stream or --max, 1 an error (told as "NAME: message" and a remedy), 2 usage, 3 out of time,
// 4 the numbers have a hole.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/etwclient.h"
#include "platform/args.h"
#include "platform/clock.h"
#include "tests/etlgen/crc32.h"

typedef struct Options {
    const char *endpoint, *spec, *out, *ready, *hold;
    const char *words[3];
    int n_words;
    unsigned slow_ms, seconds;
    uint64_t max;
    int totals;
} Options;

typedef struct Watch {
    const Options *options;
    EtwSubscription *subscription;
    FILE *out;
    int64_t deadline_ns;
    uint64_t next, events;
    int holes;
} Watch;

static int exists(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    fclose(file);
    return 1;
}

static int make(const char *path, unsigned id) {
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return 0;
    fprintf(file, "%u\n", id);
    return fclose(file) == 0;
}

static int tell(EtwClient *client, int32_t status) {
    EtwError error = {.struct_size = sizeof error};
    if (client == NULL || etw_error(client, &error) != ETW_STATUS_OK || error.status == 0) {
        fprintf(stderr, "%s: %s\n%s\n", etw_status_name(status), etw_status_text(status),
                etw_status_remedy(status));
        return 1;
    }
    fprintf(stderr, "%s: %s\n%s\n", etw_status_name(status), error.message, error.remedy);
    return 1;
}

static const char *guid_text(const EtwGuid *guid, char text[40]) {
    const uint8_t *b = guid->bytes;
    snprintf(text, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[3],
             b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
    return text;
}

static int64_t or_unknown(uint64_t count) {
    return count == UINT64_MAX ? -1 : (int64_t)count;
}

static void put_event(Watch *w, const EtwItem *item) {
    char guid[40];
    EtwHeader h = {.struct_size = sizeof h};
    if (etw_event_header(item->event, &h) != ETW_STATUS_OK) {
        fprintf(w->out, "E\t%" PRIu64 "\tno header\n", item->number);
        return;
    }
    fprintf(w->out,
            "E\t%" PRIu64 "\t%" PRId64 "\t%u\t%s\t%d\t%u\t%u\t%u\t%u\t%u\t%" PRIu64
            "\t%u\t%u\t%u\t%u\t%08x\n",
            item->number, h.time, h.processor, guid_text(&h.provider, guid),
            h.classic ? -1 : (int)h.id, h.version, h.level, h.opcode, h.task, h.channel, h.keyword,
            h.process_id, h.thread_id, h.pointer_size, h.payload_bytes,
            etlgen_crc32(0, h.payload, h.payload_bytes));
}

static void put_end(Watch *w, const EtwItem *item) {
    const EtwLedger *l = &item->ledger;
    const uint64_t terms[] = {
        l->offered,          l->denied_scope,   l->denied_policy, l->denied_cost,   l->filtered,
        l->matched,          l->held,           l->numbered,      l->dropped_queue, l->dropped_rate,
        l->dropped_oversize, l->dropped_policy, l->dropped_close, l->queued,        l->sent};
    fprintf(w->out, "X\t%u", item->reason);
    for (size_t i = 0; i < sizeof terms / sizeof terms[0]; i++)
        fprintf(w->out, "\t%" PRIu64, terms[i]);
    fprintf(w->out, "\n");
}

static void expect_number(Watch *w, const EtwItem *item, const char *what) {
    if (item->number == w->next)
        return;
    fprintf(stderr, "%s number %" PRIu64 " came where %" PRIu64 " was next\n", what, item->number,
            w->next);
    w->holes = 1;
    w->next = item->number;
}

static void take(Watch *w, const EtwItem *item) {
    switch (item->kind) {
    case ETW_ITEM_EVENT:
        expect_number(w, item, "event");
        w->next++;
        w->events++;
        if (!w->options->totals)
            put_event(w, item);
        break;
    case ETW_ITEM_GAP:
        expect_number(w, item, "gap");
        if (item->reason != 5) // lost before the broker: those have no numbers
            w->next += item->gap_count;
        fprintf(w->out, "G\t%" PRIu64 "\t%" PRId64 "\t%u\t%" PRId64 "\t%" PRId64 "\n", item->number,
                or_unknown(item->gap_count), item->reason, item->from, item->to);
        break;
    case ETW_ITEM_CHANGED:
        expect_number(w, item, "change");
        fprintf(w->out, "C\t%" PRIu64 "\t%u\n", item->number, item->generation);
        break;
    case ETW_ITEM_EPOCH:
        fprintf(w->out, "P\t%u\t%u\t%u\t%" PRId64 "\n", item->generation, item->reason, item->flags,
                item->from);
        break;
    case ETW_ITEM_END:
        put_end(w, item);
        break;
    default:
        fprintf(w->out, "?\t%u\n", item->kind);
    }
}

// 0 end, 1 error, 3 out of time.
static int read_all(Watch *w, EtwClient *client) {
    const Options *o = w->options;
    for (;;) {
        EtwBatch *batch = NULL;
        int64_t left_ms = (w->deadline_ns - plat_now_ns()) / 1000000;
        if (left_ms <= 0)
            return 3;
        int32_t status =
            etw_read(w->subscription, left_ms > 1000 ? 1000 : (uint32_t)left_ms, &batch);
        if (status == ETW_STATUS_END)
            return 0;
        if (status == ETW_STATUS_TIMEOUT)
            continue;
        if (status != ETW_STATUS_OK)
            return tell(client, status);
        EtwItem item = {.struct_size = sizeof item};
        int done = 0;
        while (!done && etw_batch_next(batch, &item) == ETW_STATUS_OK) {
            take(w, &item);
            done = o->max != 0 && w->events >= o->max;
        }
        etw_batch_free(batch);
        fflush(w->out); // a script looks at what has come so far
        if (done)
            return 0;
        if (o->slow_ms != 0)
            plat_sleep_ns((int64_t)o->slow_ms * 1000000);
    }
}

static uint64_t reply_number(const char *json, const char *key) {
    const char *at = strstr(json, key);
    return at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10);
}

static int watch(const Options *o, EtwClient *client) {
    Watch w = {.options = o, .deadline_ns = plat_now_ns() + (int64_t)o->seconds * 1000000000};
    int code = 1;
    w.out = fopen(o->out, "wb");
    if (w.out == NULL) {
        fprintf(stderr, "%s cannot be written\n", o->out);
        return 2;
    }
    int32_t status = etw_subscribe(client, o->spec, 0, &w.subscription);
    if (status != ETW_STATUS_OK) {
        tell(client, status);
        fclose(w.out);
        return 1;
    }
    fprintf(w.out, "S\t%u\t%" PRIu64 "\n", etw_id(w.subscription),
            reply_number(etw_subscription_info(w.subscription), "\"queue_bytes\":\""));
    fflush(w.out);
    if (o->ready != NULL && !make(o->ready, etw_id(w.subscription)))
        fprintf(stderr, "%s cannot be written\n", o->ready);
    while (o->hold != NULL && !exists(o->hold) && plat_now_ns() < w.deadline_ns)
        plat_sleep_ns(10000000);
    code = read_all(&w, client);
    EtwStats stats = {.struct_size = sizeof stats};
    if (etw_stats(w.subscription, &stats) == ETW_STATUS_OK)
        fprintf(w.out, "T\t%" PRIu64 "\t%" PRIu64 "\t%" PRId64 "\t%" PRIu64 "\t%" PRIu64 "\n",
                stats.received, stats.gap_events, or_unknown(stats.source_lost), stats.next_number,
                stats.batches);
    etw_close(w.subscription);
    if (fclose(w.out) != 0)
        fprintf(stderr, "%s cannot be written\n", o->out);
    if (code == 3)
        fprintf(stderr, "no end within %u s\n", o->seconds);
    return code == 0 && w.holes ? 4 : code;
}

static int request(EtwClient *client, const char *method, const char *params) {
    char *reply = NULL;
    int32_t status = etw_request(client, method, params, 0, &reply);
    if (status != ETW_STATUS_OK)
        return tell(client, status);
    printf("%s\n", reply);
    etw_free(reply);
    return 0;
}

static int change(EtwClient *client, unsigned id, const char *spec) {
    char *reply = NULL;
    int32_t status = etw_change(client, id, spec, 0, &reply);
    if (status != ETW_STATUS_OK)
        return tell(client, status);
    printf("%s\n", reply);
    etw_free(reply);
    return 0;
}

static int stop(EtwClient *client, unsigned id) {
    int32_t status = etw_stop(client, id);
    return status == ETW_STATUS_OK ? 0 : tell(client, status);
}

static const char **text_option(Options *o, const char *name) {
    return strcmp(name, "--endpoint") == 0 ? &o->endpoint
           : strcmp(name, "--spec") == 0   ? &o->spec
           : strcmp(name, "--out") == 0    ? &o->out
           : strcmp(name, "--ready") == 0  ? &o->ready
           : strcmp(name, "--hold") == 0   ? &o->hold
                                           : NULL;
}

static int parse(int argc, char **argv, Options *o) {
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--totals") == 0) {
            o->totals = 1;
        } else if (strncmp(argv[i], "--", 2) != 0) {
            if (o->n_words == 3)
                return 0;
            o->words[o->n_words++] = argv[i];
        } else if (i + 1 == argc) {
            return 0;
        } else {
            const char **text = text_option(o, argv[i]);
            const char *value = argv[++i];
            if (text != NULL)
                *text = value;
            else if (strcmp(argv[i - 1], "--slow") == 0)
                o->slow_ms = (unsigned)strtoul(value, NULL, 10);
            else if (strcmp(argv[i - 1], "--seconds") == 0)
                o->seconds = (unsigned)strtoul(value, NULL, 10);
            else if (strcmp(argv[i - 1], "--max") == 0)
                o->max = strtoull(value, NULL, 10);
            else
                return 0;
        }
    }
    return 1;
}

int main(int argc, char **argv) {
    Options o = {.spec = "{\"wants\":[{}]}", .seconds = 120};
    EtwClient *client = NULL;
    if (!plat_args(&argc, &argv) || argc < 2 || !parse(argc, argv, &o)) {
        fprintf(stderr, "usage: see the head of tests/e2e/watcher.c\n");
        return 2;
    }
    EtwConnectOptions connect = {.struct_size = sizeof connect,
                                 .timeout_ms = 20000,
                                 .endpoint = o.endpoint,
                                 .agent = "e2e_watcher"};
    int32_t status = etw_connect(&connect, &client);
    int code = 2;
    if (status != ETW_STATUS_OK)
        code = tell(client, status);
    else if (strcmp(argv[1], "watch") == 0 && o.out != NULL)
        code = watch(&o, client);
    else if (strcmp(argv[1], "request") == 0 && o.n_words > 0)
        code = request(client, o.words[0], o.words[1]);
    else if (strcmp(argv[1], "change") == 0 && o.n_words == 2)
        code = change(client, (unsigned)strtoul(o.words[0], NULL, 10), o.words[1]);
    else if (strcmp(argv[1], "stop") == 0 && o.n_words == 1)
        code = stop(client, (unsigned)strtoul(o.words[0], NULL, 10));
    else
        fprintf(stderr, "usage: see the head of tests/e2e/watcher.c\n");
    etw_disconnect(client);
    return code;
}
