#include "client/etwctl/explain.h"

#include <stdio.h>

#include "client/etwctl/broker.h"
#include "client/etwctl/subscription_rows.h"
#include "client/etwctl/table.h"
#include "client/etwctl/text.h"

static void list_text(const cJSON *list, const char *label, Buf *out) {
    const cJSON *v;
    if (!cJSON_IsArray(list) || !list->child)
        return;
    buf_printf(out, "%s%s", out->bytes ? "; " : "", label);
    cJSON_ArrayForEach(v, list) {
        buf_text(out, v == list->child ? " " : ",");
        if (cJSON_IsString(v))
            buf_text(out, v->valuestring);
        else
            buf_printf(out, "%.0f", v->valuedouble);
    }
}

static void provider_line(const cJSON *p, const Column *columns, size_t n, Buf *out) {
    char watchers[NUMBER_TEXT], level[NUMBER_TEXT];
    Buf more = BUF_INIT;
    list_text(reply_member(p, "event_ids"), "ids", &more);
    list_text(reply_member(p, "pids"), "pids", &more);
    uint64_t properties = 0;
    if (parse_u64(reply_text(p, "properties"), &properties) && properties != 0)
        buf_printf(&more, "%sproperties 0x%llx", more.bytes ? "; " : "",
                   (unsigned long long)properties);
    if (reply_bool(p, "caches"))
        buf_printf(&more, "%sfor the caches", more.bytes ? "; " : "");
    snprintf(level, sizeof level, "%llu", (unsigned long long)reply_u64(p, "level"));
    const char *name = reply_text(p, "name");
    const char *cells[] = {name[0] ? name : reply_text(p, "guid"),
                           number_text(reply_u64(p, "watchers"), watchers),
                           reply_text(p, "any"),
                           reply_text(p, "all"),
                           reply_u64(p, "level") == 255 ? "all" : level,
                           more.bytes ? buf_str(&more) : "-"};
    table_row(out, columns, n, cells);
    buf_deinit(&more);
}

static void print(const cJSON *reply, Buf *out) {
    Column columns[] = {{"Provider", 40, false, true}, {"Watch", 5, true, false},
                        {"Any", 18, false, false},     {"All", 10, false, false},
                        {"Lvl", 3, true, false},       {"More", 24, false, false}};
    size_t n = ARRAY_COUNT(columns);
    const cJSON *providers = reply_member(reply, "providers"), *p;
    table_widen(columns, n, n - 1, view_columns());
    if (cJSON_IsArray(providers) && providers->child) {
        table_header(out, columns, n);
        cJSON_ArrayForEach(p, providers) {
            provider_line(p, columns, n, out);
        }
    } else {
        buf_text(out, "  no provider is asked for\n");
    }
    const cJSON *kernel = reply_member(reply, "kernel");
    Buf types = BUF_INIT, masks = BUF_INIT;
    list_text(reply_member(kernel, "types"), "", &types);
    list_text(reply_member(kernel, "masks"), "", &masks);
    list_text(reply_member(kernel, "stack_types"), "stacks of", &types);
    buf_printf(out, "  kernel types:%s\n", types.bytes ? buf_str(&types) : " none");
    buf_printf(out, "  kernel masks:%s\n", masks.bytes ? buf_str(&masks) : " none");
    const cJSON *caches = reply_member(reply, "caches"), *c;
    cJSON_ArrayForEach(c, caches) {
        const char *type = reply_text(c, "kernel");
        buf_printf(out, "  %s %s%s: %s\n", c == caches->child ? "(caches)" : "        ",
                   type[0] ? "kernel " : "", type[0] ? type : reply_text(c, "provider"),
                   reply_text(c, "reason"));
    }
    buf_deinit(&types);
    buf_deinit(&masks);
}

static int run(void *options, const Words *operands) {
    (void)operands;
    return broker_ask(options, "explain", NULL, print);
}

const Command explain_command = {
    .name = "explain",
    .summary = "what the source is asked for on behalf of all (administrators)",
    .operands = "",
    .groups = broker_only_groups,
    .options_bytes = sizeof(BrokerOptions),
    .run = run,
    .details = "The union of what all subscriptions want: keywords, level and ids of each "
               "provider, and the kernel's types.\n"
               "What comes beyond what one watcher wants is filtered for it; 'etwctl profile' "
               "shows that as Unwanted.\n"
               "(caches): what names, paths and call stacks need beside it, and goes to nobody.\n"
               "\n"
               "Examples:\n"
               "  etwctl explain\n"
               "  etwctl explain --json\n",
};
