#include "client/etwctl/watch.h"

#include "client/etwctl/broker.h"
#include "client/etwctl/out.h"
#include "client/etwctl/silence.h"
#include "client/etwctl/spec.h"
#include "client/etwctl/symbols_option.h"
#include "client/etwctl/text.h"
#include "client/etwctl/view.h"
#include "idl/wire.h"
#include "platform/args.h"
#include "platform/clock.h"

#define MS           INT64_C(1000000)
#define FLUSH_MS     100  // on a terminal
#define GAP_WARN_MS  1000 // at most one warning in this time
#define LONGEST_WAIT 1000

typedef struct WatchOptions {
    SpecOptions spec;
    BrokerOptions broker;
    OptionNumber max, timeout;
    bool show_gaps, quiet, no_summary;
    const char *symbols; // "": without a path
} WatchOptions;

static const Option output_options[] = {
    {"json", "as-json", OPTION_FLAG, offsetof(WatchOptions, broker.json), NULL,
     "one JSON object a line (docs/EVENT.md) instead of a table"},
    {"symbols", NULL, OPTION_MAYBE_TEXT, offsetof(WatchOptions, symbols), "PATH",
     "with --json: names of functions in stacks; =PATH:\nfolders to look in for modules and PDBs"},
    {"show-gaps", "include-gap", OPTION_FLAG, offsetof(WatchOptions, show_gaps), NULL,
     "gaps, changes and epochs in the output, at their place"},
    {"max", "max-events", OPTION_NUMBER, offsetof(WatchOptions, max), "N", "end after N events"},
    {"timeout", NULL, OPTION_DURATION, offsetof(WatchOptions, timeout), "TIME",
     "end after 30 (seconds), 30s, 5m"},
    {"quiet", NULL, OPTION_FLAG, offsetof(WatchOptions, quiet), NULL,
     "only events and errors: no warnings, no summary"},
    {"no-summary", NULL, OPTION_FLAG, offsetof(WatchOptions, no_summary), NULL,
     "no summary at the end"},
    {"endpoint", NULL, OPTION_TEXT, offsetof(WatchOptions, broker.endpoint), "NAME",
     "the broker's endpoint: a name, or the path of a pipe or socket"},
    {0},
};

static const OptionGroup groups[] = {
    {"What to watch", want_options, offsetof(WatchOptions, spec.want)},
    {"How", spec_options, offsetof(WatchOptions, spec)},
    {"Output", output_options, 0},
    {0},
};

typedef struct WatchRun {
    const WatchOptions *options;
    EtwClient *client;
    EtwSubscription *subscription;
    Out out;
    View view;
    EtwSymbols *symbols; // NULL: not asked for
    bool terminal;
    int64_t started_ns, last_event_ns, flushed_ns, warned_ns;
    uint64_t n_events;
    uint64_t gap_events; // not yet warned of
    uint32_t gap_reason;
    bool gap_pending, gap_unknown, silence_told;
    bool enough; // --max, --timeout
    EtwItem end; // kind 0: none came
} WatchRun;

static void warn_of_gaps(WatchRun *w, bool now) {
    int64_t time = plat_now_ns();
    if (!w->gap_pending || w->options->quiet || (!now && time - w->warned_ns < GAP_WARN_MS * MS))
        return;
    EtwItem gap = {.kind = ETW_ITEM_GAP, .reason = w->gap_reason, .gap_count = w->gap_events};
    if (w->gap_unknown)
        gap.gap_count = UINT64_MAX;
    Buf text = BUF_INIT;
    view_gap_text(&gap, &text);
    say("%s", buf_str(&text));
    buf_deinit(&text);
    w->warned_ns = time;
    w->gap_pending = w->gap_unknown = false;
    w->gap_events = 0;
}

static void take_gap(WatchRun *w, const EtwItem *item) {
    if (w->gap_pending && w->gap_reason != item->reason)
        warn_of_gaps(w, true);
    w->gap_pending = true;
    w->gap_reason = item->reason;
    if (item->gap_count == UINT64_MAX)
        w->gap_unknown = true;
    else
        w->gap_events += item->gap_count;
}

static int take_batch(WatchRun *w, EtwBatch *batch, Err *err) {
    EtwItem item = {.struct_size = sizeof item};
    uint64_t before = w->n_events;
    int r = 0;
    while (r == 0 && !w->enough && etw_batch_next(batch, &item) == ETW_STATUS_OK) {
        view_item(&w->view, &item);
        if (item.kind == ETW_ITEM_EVENT) {
            w->n_events++;
            if (w->view.failed != ETW_STATUS_OK)
                return err_set(err, (Status)w->view.failed, "event %llu cannot be shown: %s",
                               (unsigned long long)item.number, etw_status_text(w->view.failed));
            if (w->options->max.set && w->n_events >= w->options->max.value)
                w->enough = true;
        } else if (item.kind == ETW_ITEM_GAP) {
            take_gap(w, &item);
        } else if (item.kind == ETW_ITEM_END) {
            w->end = item;
        }
        r = out_step(&w->out, err);
    }
    if (w->n_events != before)
        w->last_event_ns = plat_now_ns();
    return r;
}

static void tick(WatchRun *w, int64_t now) {
    warn_of_gaps(w, false);
    int64_t ms = (now - w->started_ns) / MS;
    if (w->options->timeout.set && (uint64_t)ms >= w->options->timeout.value)
        w->enough = true;
    if (w->n_events == 0 && !w->silence_told && ms >= SILENCE_MS && !w->options->quiet) {
        w->silence_told = true;
        silence_explain(w->client, etw_id(w->subscription));
    }
}

static uint32_t wait_ms(const WatchRun *w, int64_t now) {
    uint64_t wait = LONGEST_WAIT;
    uint64_t ms = (uint64_t)((now - w->started_ns) / MS);
    if (w->options->timeout.set)
        wait = MIN_OF(wait, w->options->timeout.value > ms ? w->options->timeout.value - ms : 0);
    return (uint32_t)wait;
}

// Until the end, --max, --timeout, Ctrl+C (CANCELLED) or a failure. OUT_CLOSED and < 0 come from
// the output.
static int32_t watch_loop(WatchRun *w, int *ret_out, Err *err) {
    int32_t status = ETW_STATUS_OK;
    int r = 0;
    while (r == 0 && !w->enough) {
        EtwBatch *batch = NULL;
        int64_t now = plat_now_ns();
        // Output that waits is written as soon as nothing more is there.
        status = etw_read(w->subscription, w->out.buf.bytes > 0 ? 0 : wait_ms(w, now), &batch);
        if (status == ETW_STATUS_OK) {
            r = take_batch(w, batch, err);
            etw_batch_free(batch);
        } else if (status != ETW_STATUS_TIMEOUT) {
            break;
        }
        now = plat_now_ns();
        bool late = w->terminal && now - w->flushed_ns >= FLUSH_MS * MS;
        if (r == 0 && w->out.buf.bytes > 0 && (late || status == ETW_STATUS_TIMEOUT)) {
            r = out_flush(&w->out, err);
            w->flushed_ns = now;
        }
        tick(w, now);
    }
    *ret_out = r;
    return w->enough && status == ETW_STATUS_TIMEOUT ? ETW_STATUS_OK : status;
}

// ---- The end ----

static bool balanced(const EtwLedger *l) {
    uint64_t dropped = l->dropped_queue + l->dropped_rate + l->dropped_oversize +
                       l->dropped_policy + l->dropped_close;
    if (l->numbered != dropped + l->queued + l->sent)
        return false;
    if (l->offered == 0 && l->matched == 0)
        return true; // only the numbers are told to this user
    return l->offered ==
               l->denied_scope + l->denied_policy + l->denied_cost + l->filtered + l->matched &&
           l->matched == l->held + l->numbered;
}

static void term(Buf *out, const char *name, uint64_t v, bool always) {
    char number[NUMBER_TEXT];
    if (v == 0 && !always)
        return;
    if (out->bytes > 0 && out->data[out->bytes - 1] != ' ')
        buf_text(out, " + ");
    buf_printf(out, "%s %s", name, number_text(v, number));
}

static void say_ledger(const EtwLedger *l) {
    Buf text = BUF_INIT;
    if (l->offered != 0 || l->matched != 0) {
        term(&text, "offered", l->offered, true);
        buf_text(&text, " = ");
        term(&text, "out of scope", l->denied_scope, false);
        term(&text, "denied by policy", l->denied_policy, false);
        term(&text, "denied for cost", l->denied_cost, false);
        term(&text, "filtered", l->filtered, true);
        term(&text, "matched", l->matched, true);
        buf_text(&text, "; ");
    }
    term(&text, "numbered", l->numbered, true);
    buf_text(&text, " = ");
    term(&text, "dropped", l->dropped_queue, true);
    term(&text, "over the rate", l->dropped_rate, false);
    term(&text, "too large", l->dropped_oversize, false);
    term(&text, "dropped by policy", l->dropped_policy, false);
    term(&text, "dropped at close", l->dropped_close, false);
    term(&text, "queued", l->queued, false);
    term(&text, "sent", l->sent, true);
    say("ledger %s: %s", balanced(l) ? "balanced" : "DOES NOT BALANCE", buf_str(&text));
    buf_deinit(&text);
}

static void say_summary(WatchRun *w) {
    char events[NUMBER_TEXT], time[NUMBER_TEXT], rate[NUMBER_TEXT], gaps[NUMBER_TEXT],
        lost[NUMBER_TEXT];
    EtwStats stats = {.struct_size = sizeof stats};
    etw_stats(w->subscription, &stats);
    int64_t ns = (w->n_events > 0 ? w->last_event_ns : plat_now_ns()) - w->started_ns;
    double seconds = (double)MAX_OF(ns, 1) / 1e9;
    uint64_t per_second = (uint64_t)((double)w->n_events / seconds + 0.5);
    Buf text = BUF_INIT;
    buf_printf(&text, "%s event%s in %s (%s/s)", number_text(w->n_events, events),
               w->n_events == 1 ? "" : "s", duration_text(ns / MS, time),
               number_text(per_second, rate));
    if (stats.gap_events == 0)
        buf_text(&text, ", no gaps");
    else
        buf_printf(&text, ", %s lost in gaps", number_text(stats.gap_events, gaps));
    if (stats.source_lost == 0)
        buf_text(&text, ", none lost before the broker");
    else if (stats.source_lost == UINT64_MAX)
        buf_text(&text, ", an unknown number lost before the broker");
    else
        buf_printf(&text, ", %s lost before the broker", number_text(stats.source_lost, lost));
    if (stats.skipped_self > 0)
        buf_printf(&text, ", %s of etwctl itself left out", number_text(stats.skipped_self, lost));
    say("%s", buf_str(&text));
    buf_deinit(&text);
    if (w->end.kind != 0) {
        say_ledger(&w->end.ledger);
        uint64_t taken = stats.received + stats.skipped_self;
        if (!w->enough && w->end.ledger.sent != taken)
            say("%s of %s sent events arrived", number_text(taken, events),
                number_text(w->end.ledger.sent, rate));
    }
}

static int code_of_end(const EtwItem *end) {
    if (end->kind == 0 || end->reason == WIRE_END_SOURCE || end->reason == WIRE_END_STOPPED)
        return EXIT_OK;
    say("the watch has ended: %s", etw_reason_text(ETW_ITEM_END, end->reason));
    return EXIT_FAILED;
}

static void say_warnings(EtwSubscription *subscription, const OptionNumber *asked) {
    cJSON *info = cJSON_Parse(etw_subscription_info(subscription));
    const cJSON *warning;
    cJSON_ArrayForEach(warning, reply_member(info, "warnings")) {
        if (cJSON_IsString(warning))
            say("%s", warning->valuestring);
    }
    uint64_t queue = reply_u64(info, "queue_bytes");
    if (asked->set && queue != asked->value) {
        char a[NUMBER_TEXT], b[NUMBER_TEXT];
        say("--queue %s: it has %s; the broker's limits hold", bytes_text(asked->value, a),
            bytes_text(queue, b));
    }
    cJSON_Delete(info);
}

static void on_interrupt(void *user) {
    etw_cancel(user);
}

static int watch_subscribed(WatchRun *w) {
    Err err = ERR_INIT;
    int r = 0;
    const WatchOptions *o = w->options;
    if (!o->quiet)
        say_warnings(w->subscription, &o->spec.queue);
    int out = out_open(&w->out, NULL, &err);
    if (out < 0)
        return say_error(&err);
    w->terminal = plat_is_terminal(1);
    w->started_ns = w->flushed_ns = plat_now_ns();
    w->warned_ns = w->started_ns - GAP_WARN_MS * MS;
    view_begin(&w->view, &w->out.buf, o->broker.json, o->show_gaps, !o->quiet,
               w->terminal ? plat_terminal_columns() : 0, w->symbols);
    plat_on_interrupt(on_interrupt, w->subscription);
    int32_t status = watch_loop(w, &r, &err);
    plat_on_interrupt(NULL, NULL);
    view_end(&w->view);
    int closed = out_close(&w->out, &err);
    if (r == 0)
        r = closed;
    int code = EXIT_OK;
    warn_of_gaps(w, true);
    if (r < 0)
        code = say_error(&err);
    else if (status != ETW_STATUS_OK && status != ETW_STATUS_TIMEOUT && status != ETW_STATUS_END &&
             status != ETW_STATUS_CANCELLED)
        code = say_client(w->client, status);
    if (!o->quiet && !o->no_summary && r != OUT_CLOSED)
        say_summary(w);
    return code != EXIT_OK ? code : code_of_end(&w->end);
}

static int run(void *options, const Words *operands) {
    WatchOptions *o = options;
    Err err = ERR_INIT;
    Buf spec = BUF_INIT;
    for (uint32_t i = 0; i < operands->n; i++)
        if (!words_add_list(&o->spec.want.providers, operands->items[i]))
            return EXIT_FAILED;
    int r = spec_text(&o->spec, &spec, &err);
    if (r == 0 && o->max.set && o->max.value == 0)
        r = err_set(&err, STATUS_INVALID_ARGUMENT, "--max 0: it takes 1 or more");
    if (r == 0 && o->symbols && !o->broker.json)
        r = err_set(&err, STATUS_INVALID_ARGUMENT,
                    "--symbols works with --json only: the table shows no stacks");
    if (r < 0) {
        buf_deinit(&spec);
        return r == -STATUS_INVALID_ARGUMENT ? say_usage(&err, "watch") : say_error(&err);
    }
    WatchRun w = {.options = o};
    int code = EXIT_FAILED;
    if (o->symbols && symbols_option_open(o->symbols, &w.symbols, &err) < 0)
        say_error(&err);
    else if ((w.client = broker_connect(o->broker.endpoint)) != NULL) {
        int32_t status = etw_subscribe(w.client, buf_str(&spec), 0, &w.subscription);
        code = status == ETW_STATUS_OK ? watch_subscribed(&w) : say_client(w.client, status);
    }
    buf_deinit(&spec);
    etw_close(w.subscription);
    etw_disconnect(w.client);
    etw_symbols_close(w.symbols);
    return code;
}

const Command watch_command = {
    .name = "watch",
    .summary = "watch events as they happen, or as a replay delivers them",
    .operands = "[PROVIDER...]",
    .groups = groups,
    .options_bytes = sizeof(WatchOptions),
    .most = UINT32_MAX,
    .run = run,
    .details =
        "Without any filter everything that the broker's source delivers is shown. Filters of one "
        "kind\n"
        "are an OR, kinds are an AND. After the last event a summary on standard error tells what "
        "was\n"
        "lost, and whether the ledger balances. Times are UTC.\n"
        "\n"
        "The filter language has PowerShell's operators, with or without the dash, and is "
        "case-blind:\n"
        "  -eq -ne -lt -le -gt -ge   -like -notlike (* ? [a-z])   -in -notin   -contains "
        "-notcontains\n"
        "  -and -or -not (of one precedence, from left to right)   ( )   'text' \"text\" 12 0x1F "
        "4KB\n"
        "Fields are those of the event's header (ProcessId, Level, EventName, TimeStamp ...), what "
        "is\n"
        "known of it (ProcessName, ProcessPath, User, FileName, RegistryPath, RemoteAddress ...: "
        "docs/FIELDS.md),\n"
        "and its own, in this order; EventData.NAME is always its own. A missing field makes -ne, "
        "-notlike\n"
        "and -notin true and everything else false.\n"
        "\n"
        "Exit codes: 0 ended (also by Ctrl+C), 1 failed, 2 wrong usage.\n"
        "\n"
        "Examples:\n"
        "  etwctl watch DNS-Client --id 3008 --filter 'QueryName -like \"*.top\"'\n"
        "  etwctl watch --kernel Process --event-name Process/Start\n"
        "  etwctl watch --kernel Network --event-name 'TcpIp/Connect*,TcpIp/Accept*' --json\n"
        "  etwctl watch Kernel-File --keyword CREATE_NEW_FILE,DELETE_PATH --timeout 5m\n"
        "  etwctl watch --kernel File --stack File --json --symbols=/data/machine-7\n"
        "  etwctl watch Microsoft-Windows-PowerShell,PowerShellCore --id 4104 --name scripts\n"
        "  etwctl watch --spec "
        "'{\"wants\":[{\"provider\":\"DNS-Client\"},{\"kernel\":[\"Process\"]}]}'\n",
};
