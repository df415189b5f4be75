#include "client/etwctl/subscriptions.h"

#include "client/etwctl/broker.h"
#include "client/etwctl/subscription_rows.h"

static void print(const cJSON *reply, Buf *out) {
    if (!cJSON_IsArray(reply) || !reply->child) {
        buf_text(out, "no subscriptions\n");
        return;
    }
    subscription_rows(reply, out, view_columns());
}

static int run(void *options, const Words *operands) {
    (void)operands;
    return broker_ask(options, "subscriptions", NULL, print);
}

const Command subscriptions_command = {
    .name = "subscriptions",
    .summary = "the subscriptions that you may see",
    .operands = "",
    .groups = broker_only_groups,
    .options_bytes = sizeof(BrokerOptions),
    .run = run,
    .details = "Examples:\n"
               "  etwctl subscriptions\n"
               "  etwctl subscriptions --json\n",
};
