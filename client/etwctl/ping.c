#include "client/etwctl/ping.h"

#include "client/etwctl/broker.h"

static void print(const cJSON *reply, Buf *out) {
    buf_printf(out, "EtwBroker %s, %s %s, epoch %llu, instance %s\n", reply_text(reply, "version"),
               reply_text(reply, "source"), reply_text(reply, "state"),
               (unsigned long long)reply_u64(reply, "epoch"), reply_text(reply, "instance"));
    buf_printf(out, "you are %s (%s), %s\n", reply_text(reply, "user"), reply_text(reply, "sid"),
               reply_bool(reply, "administrator") ? "an administrator" : "not an administrator");
}

static int run(void *options, const Words *operands) {
    (void)operands;
    return broker_ask(options, "ping", NULL, print);
}

const Command ping_command = {
    .name = "ping",
    .summary = "whether the broker answers, and who it takes you for",
    .operands = "",
    .groups = broker_only_groups,
    .options_bytes = sizeof(BrokerOptions),
    .run = run,
    .details = "Examples:\n"
               "  etwctl ping\n"
               "  etwctl ping --endpoint lab\n",
};
