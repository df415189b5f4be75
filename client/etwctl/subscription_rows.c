#include "client/etwctl/subscription_rows.h"

#include <stdio.h>

#include "client/etwctl/broker.h"
#include "client/etwctl/table.h"
#include "client/etwctl/text.h"
#include "client/etwctl/want.h"
#include "platform/args.h"

#define WIDEST 200

enum { ID, USER, PROCESS, NAME, WANTS, MATCHED, DELIVERED, DROPPED, QUEUE, LAG, STATE, N_COLUMNS };

static const Column layout[N_COLUMNS] = {
    [ID] = {"Id", 3, true, false},
    [USER] = {"User", 8, false, false},
    [PROCESS] = {"Process", 13, false, false},
    [NAME] = {"Name", 8, false, false},
    [WANTS] = {"Wants", 21, false, false},
    [MATCHED] = {"Matched", 9, true, false},
    [DELIVERED] = {"Delivered", 9, true, false},
    [DROPPED] = {"Dropped", 7, true, false},
    [QUEUE] = {"Queue", 5, true, false},
    [LAG] = {"Lag", 6, true, false},
    [STATE] = {"State", 7, false, false},
};

size_t view_columns(void) {
    if (!plat_is_terminal(1))
        return VIEW_COLUMNS;
    size_t columns = plat_terminal_columns();
    return MIN_OF(MAX_OF(columns, (size_t)VIEW_LEAST), (size_t)WIDEST);
}

static void wants_text(const cJSON *spec, Buf *out) {
    const cJSON *wants = reply_member(spec, "wants"), *want;
    cJSON_ArrayForEach(want, wants) {
        if (want != wants->child)
            buf_text(out, " | ");
        want_text(want, out);
    }
    if (cJSON_IsArray(reply_member(spec, "stacks")))
        buf_text(out, ", stacks");
    if (reply_bool(spec, "include_rundown"))
        buf_text(out, ", rundown");
}

// "etwctl 0.1.0" and 4711: "etwctl 4711".
static void process_text(const cJSON *subscription, Buf *out) {
    const char *agent = reply_text(subscription, "process");
    size_t name = strcspn(agent, " /");
    buf_append(out, agent, name);
    uint64_t pid = reply_u64(subscription, "pid");
    if (pid != 0)
        buf_printf(out, "%s%llu", name > 0 ? " " : "", (unsigned long long)pid);
    else if (name == 0)
        buf_char(out, '-');
}

static void row(const cJSON *s, const Column *columns, Buf *out) {
    char id[NUMBER_TEXT], matched[NUMBER_TEXT], sent[NUMBER_TEXT], dropped[NUMBER_TEXT],
        queue[NUMBER_TEXT], lag[NUMBER_TEXT];
    Buf process = BUF_INIT, wants = BUF_INIT;
    const cJSON *l = reply_member(s, "ledger");
    const char *name = reply_text(s, "name"), *user = reply_text(s, "user");
    snprintf(id, sizeof id, "%llu", (unsigned long long)reply_u64(s, "id"));
    process_text(s, &process);
    wants_text(reply_member(s, "spec"), &wants);
    // Users who may not see what was offered see what was numbered for them.
    const char *matched_key = reply_member(l, "matched") ? "matched" : "numbered";
    const char *cells[N_COLUMNS] = {
        [ID] = id,
        [USER] = user[0] ? user : "-",
        [PROCESS] = buf_str(&process),
        [NAME] = name[0] ? name : "-",
        [WANTS] = wants.bytes ? buf_str(&wants) : "-",
        [MATCHED] = number_text(reply_u64(l, matched_key), matched),
        [DELIVERED] = number_text(reply_u64(l, "sent"), sent),
        [DROPPED] = number_text(reply_u64(l, "dropped_queue") + reply_u64(l, "dropped_rate") +
                                    reply_u64(l, "dropped_oversize") +
                                    reply_u64(l, "dropped_policy") + reply_u64(l, "dropped_close"),
                                dropped),
        [QUEUE] = percent_text(reply_double(s, "queue_share"), queue),
        [LAG] = duration_text((int64_t)reply_double(s, "lag_ms"), lag),
        [STATE] = reply_text(s, "state"),
    };
    table_row(out, columns, N_COLUMNS, cells);
    buf_deinit(&process);
    buf_deinit(&wants);
}

void subscription_rows(const cJSON *subscriptions, Buf *out, size_t columns) {
    Column own[N_COLUMNS];
    memcpy(own, layout, sizeof own);
    const cJSON *s;
    // A state like "holding the source" is worth more than the end of the wants.
    size_t state = own[STATE].width;
    cJSON_ArrayForEach(s, subscriptions) {
        state = MAX_OF(state, strlen(reply_text(s, "state")));
    }
    own[STATE].width = (uint16_t)MIN_OF(state, (size_t)20);
    static const uint8_t drop[] = {USER, PROCESS, NAME};
    table_narrow(own, N_COLUMNS, WANTS, 14, columns);
    table_drop(own, N_COLUMNS, drop, ARRAY_COUNT(drop), columns);
    table_widen(own, N_COLUMNS, WANTS, columns);
    table_header(out, own, N_COLUMNS);
    cJSON_ArrayForEach(s, subscriptions) {
        row(s, own, out);
    }
}
