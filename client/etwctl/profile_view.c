#include "client/etwctl/profile_view.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/etwctl/broker.h"
#include "client/etwctl/subscription_rows.h"
#include "client/etwctl/table.h"
#include "client/etwctl/text.h"
#include "client/etwctl/want.h"
#include "util/mem.h"

enum {
    PROVIDER,
    WATCH,
    MASK,
    LEVEL,
    OPTIONS,
    EVENTS,
    RATE,
    UNWANTED,
    COST,
    DELIVERED,
    DROPPED,
    N_COLUMNS
};

static const Column layout[N_COLUMNS] = {
    [PROVIDER] = {"Provider", 24, false, true}, [WATCH] = {"Watch", 8, true, false},
    [MASK] = {"Any/All", 11, false, false},     [LEVEL] = {"Lvl", 3, true, false},
    [OPTIONS] = {"Options", 9, false, false},   [EVENTS] = {"Events", 9, true, false},
    [RATE] = {"Ev/s", 6, true, false},          [UNWANTED] = {"Unwanted", 8, true, false},
    [COST] = {"Cost", 4, true, false},          [DELIVERED] = {"Delivered", 9, true, false},
    [DROPPED] = {"Dropped", 7, true, false},
};

// ---- Head ----

static void broker_line(const cJSON *b, Buf *out) {
    char a[NUMBER_TEXT], c[NUMBER_TEXT];
    buf_printf(out, "EtwBroker %s  up %s  %s", reply_text(b, "version"),
               uptime_text(reply_u64(b, "uptime_ms"), a), reply_text(b, "source"));
    const char *state = reply_text(b, "state");
    if (state[0] && strcmp(state, "running") != 0)
        buf_printf(out, " %s", state);
    buf_printf(out, ", epoch %llu (%s)", (unsigned long long)reply_u64(b, "epoch"),
               reply_bool(b, "clean") ? "clean" : "unclean");
    if (reply_member(b, "clients")) {
        buf_printf(out, "  connections %llu/%llu", (unsigned long long)reply_u64(b, "clients"),
                   (unsigned long long)reply_u64(b, "max_clients"));
        buf_printf(out, "  CPU %.1f %%", reply_double(b, "cpu_percent"));
        buf_printf(out, "  mem %s (heap %s)", bytes_text(reply_u64(b, "memory_bytes"), a),
                   bytes_text(reply_u64(b, "heap_bytes"), c));
    }
    buf_char(out, '\n');
}

static void session_line(const cJSON *s, Buf *out) {
    char a[NUMBER_TEXT], b[NUMBER_TEXT];
    buf_text(out, "SESSION ");
    const char *name = reply_text(s, "name");
    text_clean_tail(out, name, strlen(name), 40);
    buf_printf(out, "   %s", reply_text(s, "state"));
    double progress = reply_double(s, "progress");
    if (reply_member(s, "progress") && progress >= 0 && progress < 1)
        buf_printf(out, ", %.0f %%", progress * 100);
    if (reply_text(s, "clock")[0])
        buf_printf(out, "   clock %s", reply_text(s, "clock"));
    buf_printf(out, "   lost %s events, %s buffers", number_text(reply_u64(s, "lost_events"), a),
               number_text(reply_u64(s, "lost_buffers"), b));
    if (reply_u64(s, "lost_unknown") > 0)
        buf_text(out, " and more");
    if (reply_bool(s, "knowledge_degraded"))
        buf_text(out, "   NAMES INCOMPLETE (scan_memory)");
    const cJSON *l = reply_member(s, "ledger");
    if (l) {
        if (reply_u64(l, "malformed") > 0)
            buf_printf(out, "   malformed %s", number_text(reply_u64(l, "malformed"), a));
        buf_printf(out, "   self %s", number_text(reply_u64(l, "self"), a));
        if (!reply_bool(l, "balanced"))
            buf_text(out, "   LEDGER DOES NOT BALANCE");
    }
    buf_char(out, '\n');
}

// ---- Providers ----

static void mask_text(const cJSON *row, Buf *out) {
    const char *any = reply_text(row, "any"), *all = reply_text(row, "all");
    uint64_t any_mask = 0, all_mask = 0;
    if (!any[0]) {
        buf_char(out, '-');
        return;
    }
    if (parse_u64(any, &any_mask) && (any_mask == 0 || any_mask == UINT64_MAX))
        buf_text(out, "all");
    else
        buf_text(out, any);
    if (parse_u64(all, &all_mask) && all_mask != 0)
        buf_printf(out, "/%s", all);
}

static void options_text(const cJSON *row, Buf *out) {
    const cJSON *ids = reply_member(row, "event_ids"), *id;
    if (cJSON_IsArray(ids) && ids->child) {
        buf_text(out, "id ");
        cJSON_ArrayForEach(id, ids) {
            buf_printf(out, "%s%.0f", id == ids->child ? "" : ",", id->valuedouble);
        }
    }
    if (reply_bool(row, "caches") &&
        reply_u64(row, "watchers") > 0) // else the Watch column says it
        buf_printf(out, "%scaches", out->bytes > 0 ? "; " : "");
    if (out->bytes == 0)
        buf_char(out, '-');
}

static void provider_row(const cJSON *row, const Column *columns, Buf *out) {
    char watch[NUMBER_TEXT], level[NUMBER_TEXT], events[NUMBER_TEXT], rate[NUMBER_TEXT],
        unwanted[NUMBER_TEXT], cost[NUMBER_TEXT], delivered[NUMBER_TEXT], dropped[NUMBER_TEXT];
    Buf mask = BUF_INIT, options = BUF_INIT;
    mask_text(row, &mask);
    options_text(row, &options);
    bool caches = reply_bool(row, "caches") && reply_u64(row, "watchers") == 0;
    bool came = reply_u64(row, "events") > 0;
    snprintf(level, sizeof level, "%llu", (unsigned long long)reply_u64(row, "level"));
    const char *name = reply_text(row, "name");
    double per_second = reply_double(row, "rate");
    const char *cells[N_COLUMNS] = {
        [PROVIDER] = provider_short(name[0] ? name : reply_text(row, "guid")),
        [WATCH] = caches ? "(caches)" : number_text(reply_u64(row, "watchers"), watch),
        [MASK] = buf_str(&mask),
        [LEVEL] = !reply_member(row, "level")      ? "-"
                  : reply_u64(row, "level") == 255 ? "all"
                                                   : level,
        [OPTIONS] = buf_str(&options),
        [EVENTS] = number_text(reply_u64(row, "events"), events),
        [RATE] = number_text(per_second > 0 ? (uint64_t)(per_second + 0.5) : 0, rate),
        [UNWANTED] =
            came && !caches ? percent_text(reply_double(row, "unwanted_share"), unwanted) : "-",
        [COST] = came ? percent_text(reply_double(row, "cost_share"), cost) : "-",
        [DELIVERED] = caches ? "-" : number_text(reply_u64(row, "delivered"), delivered),
        [DROPPED] = caches ? "-" : number_text(reply_u64(row, "dropped"), dropped),
    };
    table_row(out, columns, N_COLUMNS, cells);
    buf_deinit(&mask);
    buf_deinit(&options);
}

// Watched now, delivered to somebody before, of no use to anybody.
static int use_of(const cJSON *row) {
    if (reply_u64(row, "watchers") > 0 || reply_bool(row, "caches"))
        return 2;
    return reply_u64(row, "delivered") > 0 ? 1 : 0;
}

// The useful first, the costly in front.
static int compare_rows(const void *a, const void *b) {
    const cJSON *x = *(const cJSON *const *)a, *y = *(const cJSON *const *)b;
    if (use_of(x) != use_of(y))
        return use_of(x) > use_of(y) ? -1 : 1;
    double cost_x = reply_double(x, "cost_share"), cost_y = reply_double(y, "cost_share");
    if (cost_x != cost_y)
        return cost_x > cost_y ? -1 : 1;
    uint64_t events_x = reply_u64(x, "events"), events_y = reply_u64(y, "events");
    if (events_x != events_y)
        return events_x > events_y ? -1 : 1;
    return strcmp(reply_text(x, "name"), reply_text(y, "name"));
}

static void provider_rows(const cJSON *list, Buf *out, size_t columns, bool all) {
    Column own[N_COLUMNS];
    memcpy(own, layout, sizeof own);
    size_t n = (size_t)cJSON_GetArraySize(list), i = 0, longest = 0;
    const cJSON **rows = mem_array(n + 1, sizeof *rows), *row;
    if (!rows)
        return;
    cJSON_ArrayForEach(row, list) {
        if (i < n)
            rows[i++] = row;
    }
    if (n > 0)
        qsort(rows, n, sizeof *rows, compare_rows);
    for (i = 0; i < n; i++)
        if (all || use_of(rows[i]) > 0)
            longest = MAX_OF(longest, strlen(provider_short(reply_text(rows[i], "name"))));
    // No wider than the names need: the figures should stand beside them.
    size_t wanted = table_width(own, N_COLUMNS) - own[PROVIDER].width + longest;
    static const uint8_t drop[] = {OPTIONS, MASK, DELIVERED};
    table_narrow(own, N_COLUMNS, PROVIDER, 16, columns);
    table_drop(own, N_COLUMNS, drop, ARRAY_COUNT(drop), columns);
    table_widen(own, N_COLUMNS, PROVIDER, MIN_OF(columns, wanted));
    table_header(out, own, N_COLUMNS);
    uint64_t folded = 0, folded_events = 0;
    for (i = 0; i < n; i++) {
        if (all || use_of(rows[i]) > 0) {
            provider_row(rows[i], own, out);
        } else {
            folded++;
            folded_events += reply_u64(rows[i], "events");
        }
    }
    if (folded > 0) {
        char number[NUMBER_TEXT], events[NUMBER_TEXT];
        buf_printf(out, "  %s more provider%s: %s events, unwanted\n", number_text(folded, number),
                   folded == 1 ? "" : "s", number_text(folded_events, events));
    }
    mem_free(rows);
}

// ---- Caches ----

static const char *limit_text(uint64_t limit, char number[NUMBER_TEXT]) {
    // None of its own: the memory of all, or what a file tells.
    return limit == 0 || limit == UINT32_MAX ? "-" : number_text(limit, number);
}

static void cache_rows(const cJSON *caches, Buf *out, size_t width) {
    static const uint8_t drop[] = {6, 2}; // how it is known, retrievals
    Column columns[] = {
        {"Cache", 14, false, false},
        {"Size/Limit", 17, true, false},
        {"Retrievals", 11, true, false},
        {"Hits", 11, true, false},
        {"Misses", 9, true, false},
        {"Evicted", 9, true, false},
        {"live/rundown/guess", 23, true, false},
    };
    const cJSON *c;
    table_drop(columns, ARRAY_COUNT(columns), drop, ARRAY_COUNT(drop), width);
    if (!cJSON_IsArray(caches) || !caches->child)
        return;
    table_header(out, columns, ARRAY_COUNT(columns));
    cJSON_ArrayForEach(c, caches) {
        char size[NUMBER_TEXT], limit[NUMBER_TEXT], both[2 * NUMBER_TEXT + 2], n[4][NUMBER_TEXT];
        char from[3][NUMBER_TEXT], provenance[3 * NUMBER_TEXT + 2];
        snprintf(both, sizeof both, "%s/%s", number_text(reply_u64(c, "size"), size),
                 limit_text(reply_u64(c, "limit"), limit));
        snprintf(provenance, sizeof provenance, "%s/%s/%s",
                 number_text(reply_u64(c, "live"), from[0]),
                 number_text(reply_u64(c, "rundown"), from[1]),
                 number_text(reply_u64(c, "guess"), from[2]));
        const char *cells[] = {reply_text(c, "name"),
                               both,
                               number_text(reply_u64(c, "retrievals"), n[0]),
                               number_text(reply_u64(c, "hits"), n[1]),
                               number_text(reply_u64(c, "misses"), n[2]),
                               number_text(reply_u64(c, "evicted"), n[3]),
                               provenance};
        table_row(out, columns, ARRAY_COUNT(columns), cells);
    }
}

void profile_view(const cJSON *profile, Buf *out, size_t columns, bool all) {
    const cJSON *session;
    broker_line(reply_member(profile, "broker"), out);
    cJSON_ArrayForEach(session, reply_member(profile, "sessions")) {
        session_line(session, out);
        const cJSON *providers = reply_member(session, "providers");
        if (cJSON_IsArray(providers))
            provider_rows(providers, out, columns, all);
    }
    const cJSON *subscriptions = reply_member(profile, "subscriptions");
    if (cJSON_IsArray(subscriptions) && subscriptions->child)
        subscription_rows(subscriptions, out, columns);
    else
        buf_text(out, "  no subscriptions\n");
    cache_rows(reply_member(profile, "caches"), out, columns);
}
