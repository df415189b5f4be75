#include "client/etwctl/sessions.h"

#include "client/etwctl/broker.h"
#include "client/etwctl/table.h"
#include "client/etwctl/text.h"

static void print(const cJSON *reply, Buf *out) {
    static const Column columns[] = {{"Name", 44, false, true},
                                     {"Kind", 8, false, false},
                                     {"State", 10, false, false},
                                     {"Lost events", 14, true, false},
                                     {"Lost buffers", 14, true, false}};
    const cJSON *s;
    table_header(out, columns, ARRAY_COUNT(columns));
    cJSON_ArrayForEach(s, reply) {
        char events[NUMBER_TEXT], buffers[NUMBER_TEXT];
        const char *cells[] = {reply_text(s, "name"), reply_text(s, "kind"), reply_text(s, "state"),
                               number_text(reply_u64(s, "lost_events"), events),
                               number_text(reply_u64(s, "lost_buffers"), buffers)};
        table_row(out, columns, ARRAY_COUNT(columns), cells);
    }
}

static int run(void *options, const Words *operands) {
    (void)operands;
    return broker_ask(options, "sessions", NULL, print);
}

const Command sessions_command = {
    .name = "sessions",
    .summary = "the broker's sources of events",
    .operands = "",
    .groups = broker_only_groups,
    .options_bytes = sizeof(BrokerOptions),
    .run = run,
    .details = "Examples:\n"
               "  etwctl sessions\n"
               "  etwctl sessions --json\n",
};
