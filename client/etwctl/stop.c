#include "client/etwctl/stop.h"

#include "client/etwctl/broker.h"
#include "client/etwctl/out.h"
#include "client/etwctl/text.h"

typedef struct StopOptions {
    const char *endpoint;
} StopOptions;

static const Option options_table[] = {
    {"endpoint", NULL, OPTION_TEXT, offsetof(StopOptions, endpoint), "NAME",
     "the broker's endpoint: a name, or the path of a pipe or socket"},
    {0},
};
static const OptionGroup groups[] = {{"Options", options_table, 0}, {0}};

static int stop_all(EtwClient *client, const Words *ids) {
    int code = EXIT_OK;
    Buf out = BUF_INIT;
    for (uint32_t i = 0; i < ids->n; i++) {
        uint64_t id = 0;
        parse_u64(ids->items[i], &id);
        int32_t status = etw_stop(client, (uint32_t)id);
        // The others are stopped even so.
        if (status != ETW_STATUS_OK)
            code = say_client(client, status);
        else
            buf_printf(&out, "subscription %u is stopped\n", (unsigned)id);
    }
    int written = out_text(buf_str(&out), out.bytes);
    buf_deinit(&out);
    return code != EXIT_OK ? code : written;
}

static int run(void *options, const Words *operands) {
    const StopOptions *o = options;
    Err err = ERR_INIT;
    Words ids = {0};
    int code = EXIT_OK;
    for (uint32_t i = 0; i < operands->n; i++)
        if (!words_add_list(&ids, operands->items[i]))
            code = EXIT_FAILED;
    for (uint32_t i = 0; i < ids.n && code == EXIT_OK; i++) {
        uint64_t id;
        if (parse_u64(ids.items[i], &id) && id > 0 && id <= UINT32_MAX)
            continue;
        err_set(&err, STATUS_INVALID_ARGUMENT,
                "'%.60s' is not the id of a subscription; 'etwctl subscriptions' lists them",
                ids.items[i]);
        code = say_usage(&err, "stop");
    }
    EtwClient *client = code == EXIT_OK ? broker_connect(o->endpoint) : NULL;
    if (client)
        code = stop_all(client, &ids);
    else if (code == EXIT_OK)
        code = EXIT_FAILED;
    etw_disconnect(client);
    words_deinit(&ids);
    return code;
}

const Command stop_command = {
    .name = "stop",
    .summary = "end subscriptions",
    .operands = "ID...",
    .groups = groups,
    .options_bytes = sizeof(StopOptions),
    .least = 1,
    .most = UINT32_MAX,
    .run = run,
    .details = "Your own subscriptions, from any program; administrators may stop anybody's. The "
               "watcher is told.\n"
               "\n"
               "Examples:\n"
               "  etwctl stop 3\n"
               "  etwctl stop 3 4 7\n",
};
