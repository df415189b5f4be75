#include "client/etwctl/profile.h"

#include "client/etwctl/broker.h"
#include "client/etwctl/out.h"
#include "client/etwctl/profile_view.h"
#include "client/etwctl/subscription_rows.h"
#include "platform/args.h"
#include "platform/clock.h"

#define MS           INT64_C(1000000)
#define LIVE_MS      2000u
#define LIVE_LEAST   100u
#define INTERRUPT_MS 50 // how soon Ctrl+C is seen while waiting

typedef struct ProfileOptions {
    BrokerOptions broker;
    OptionNumber live, count;
    bool all;
} ProfileOptions;

static const Option options_table[] = {
    {"live", "continuous", OPTION_MAYBE_DURATION, offsetof(ProfileOptions, live), "TIME",
     "again and again, each 2 seconds or each TIME"},
    {"count", "max-samples", OPTION_NUMBER, offsetof(ProfileOptions, count), "N",
     "end after N times (implies --live)"},
    {"all", NULL, OPTION_FLAG, offsetof(ProfileOptions, all), NULL,
     "also a row for each provider that nobody watches"},
    {0},
};

static const OptionGroup groups[] = {
    {"Profile", options_table, 0},
    {"Options", broker_options, offsetof(ProfileOptions, broker)},
    {0},
};

static int sample(EtwClient *client, const ProfileOptions *o, bool redraw, Out *out, Err *err) {
    char *text = NULL;
    cJSON *profile = NULL;
    if (!broker_request(client, "profile", NULL, &text, &profile))
        return 1;
    if (o->broker.json) {
        buf_text(&out->buf, text);
        buf_char(&out->buf, '\n');
    } else {
        if (redraw)
            buf_text(&out->buf, "\x1b[H\x1b[J"); // home, clear to the end
        profile_view(profile, &out->buf, view_columns(), o->all);
    }
    cJSON_Delete(profile);
    etw_free(text);
    return out_flush(out, err);
}

static void wait_for(uint64_t ms) {
    int64_t until = plat_now_ns() + (int64_t)ms * MS;
    for (int64_t left; (left = until - plat_now_ns()) > 0 && !plat_interrupted();)
        plat_sleep_ns(MIN_OF(left, INTERRUPT_MS * MS));
}

static int run(void *options, const Words *operands) {
    (void)operands;
    ProfileOptions *o = options;
    Err err = ERR_INIT;
    Out out;
    bool live = o->live.set || o->count.set;
    uint64_t count = o->count.set ? o->count.value : live ? UINT64_MAX : 1;
    uint64_t pause = o->live.value > 0 ? MAX_OF(o->live.value, (uint64_t)LIVE_LEAST) : LIVE_MS;
    EtwClient *client = broker_connect(o->broker.endpoint);
    if (!client)
        return EXIT_FAILED;
    int r = out_open(&out, NULL, &err);
    bool redraw = live && plat_is_terminal(1);
    if (live)
        plat_on_interrupt(NULL, NULL);
    bool failed = false;
    for (uint64_t i = 0; r == 0 && !failed && i < count && !plat_interrupted(); i++) {
        if (i > 0)
            wait_for(pause);
        if (i > 0 && plat_interrupted())
            break;
        if (i > 0 && !redraw && !o->broker.json)
            buf_char(&out.buf, '\n');
        r = sample(client, o, redraw, &out, &err);
        failed = r == 1 && !out.closed;
    }
    int closed = out_close(&out, &err);
    if (r == 0)
        r = closed;
    etw_disconnect(client);
    if (r < 0)
        return say_error(&err);
    return failed ? EXIT_FAILED : EXIT_OK;
}

const Command profile_command = {
    .name = "profile",
    .summary = "who watches what, at what cost, and what was lost",
    .operands = "",
    .groups = groups,
    .options_bytes = sizeof(ProfileOptions),
    .run = run,
    .details =
        "Provider rows: watchers; the keywords, level and ids that the source is asked for; "
        "events that\n"
        "came and how many a second; Unwanted, the share that went to nobody; Cost, the "
        "share of the\n"
        "broker's time; what was delivered and dropped, summed over watchers. Subscription "
        "rows: what\n"
        "matched, was delivered and dropped, how full the queue is and how far behind.\n"
        "A high Unwanted with a high Cost says where to tune. '(caches)': nobody watches it, "
        "names and\n"
        "paths come from it. Cache rows: how often something was looked up and found, and how "
        "it is known:\n"
        "told when it happened (live), told by a rundown, or the nearest thing known (guess).\n"
        "\n"
        "Administrators see everybody; others their own subscriptions.\n"
        "\n"
        "Examples:\n"
        "  etwctl profile\n"
        "  etwctl profile --live 1s\n"
        "  etwctl profile --json --live 10s --count 6\n",
};
