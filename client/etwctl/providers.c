#include "client/etwctl/providers.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/etwctl/broker.h"
#include "client/etwctl/subscription_rows.h"
#include "client/etwctl/table.h"
#include "client/etwctl/text.h"
#include "platform/args.h"
#include "util/jsonw.h"
#include "util/mem.h"

static void keyword_rows(const cJSON *keywords, Buf *out) {
    static const Column columns[] = {{"Keyword", 48, false, false}, {"Mask", 18, false, false}};
    const cJSON *k;
    if (!cJSON_IsArray(keywords) || !keywords->child)
        return;
    buf_char(out, '\n');
    table_header(out, columns, ARRAY_COUNT(columns));
    cJSON_ArrayForEach(k, keywords) {
        const char *cells[] = {reply_text(k, "name"), reply_text(k, "mask")};
        table_row(out, columns, ARRAY_COUNT(columns), cells);
    }
}

static void event_row(const cJSON *e, const Column *columns, size_t n, Buf *out) {
    char id[NUMBER_TEXT], version[NUMBER_TEXT], level[NUMBER_TEXT];
    Buf fields = BUF_INIT;
    const cJSON *list = reply_member(e, "fields"), *f;
    cJSON_ArrayForEach(f, list) {
        if (f != list->child)
            buf_text(&fields, ", ");
        buf_text(&fields, cJSON_IsString(f) ? f->valuestring : "?");
    }
    // Classic events have no id; their opcode tells them apart.
    if (cJSON_IsNumber(reply_member(e, "id")))
        snprintf(id, sizeof id, "%llu", (unsigned long long)reply_u64(e, "id"));
    else
        snprintf(id, sizeof id, "op %llu", (unsigned long long)reply_u64(e, "opcode"));
    snprintf(version, sizeof version, "%llu", (unsigned long long)reply_u64(e, "version"));
    snprintf(level, sizeof level, "%llu", (unsigned long long)reply_u64(e, "level"));
    const char *cells[] = {
        id, version, level, reply_text(e, "keyword"), reply_text(e, "name"), buf_str(&fields)};
    table_row(out, columns, n, cells);
    buf_deinit(&fields);
}

static int compare_events(const void *a, const void *b) {
    static const char *const keys[] = {"id", "opcode", "version"};
    const cJSON *x = *(const cJSON *const *)a, *y = *(const cJSON *const *)b;
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        uint64_t u = reply_u64(x, keys[i]), v = reply_u64(y, keys[i]);
        if (u != v)
            return u < v ? -1 : 1;
    }
    return strcmp(reply_text(x, "name"), reply_text(y, "name"));
}

static void event_rows(const cJSON *events, Buf *out) {
    Column columns[] = {{"Id", 6, true, false},      {"Ver", 3, true, false},
                        {"Lvl", 3, true, false},     {"Keyword", 18, false, false},
                        {"Event", 34, false, false}, {"Fields", 30, false, false}};
    size_t n = ARRAY_COUNT(columns);
    const cJSON *e;
    if (!cJSON_IsArray(events) || !events->child)
        return;
    size_t n_events = (size_t)cJSON_GetArraySize(events), i = 0;
    const cJSON **sorted = mem_array(n_events, sizeof *sorted);
    if (!sorted)
        return;
    cJSON_ArrayForEach(e, events) {
        if (i < n_events)
            sorted[i++] = e;
    }
    qsort(sorted, n_events, sizeof *sorted, compare_events);
    if (plat_is_terminal(1))
        table_widen(columns, n, n - 1, view_columns());
    else
        columns[n - 1].width = 0; // all of them
    buf_char(out, '\n');
    table_header(out, columns, n);
    for (i = 0; i < n_events; i++)
        event_row(sorted[i], columns, n, out);
    mem_free(sorted);
}

static void print(const cJSON *reply, Buf *out) {
    static const Column columns[] = {{"Provider", 70, false, false}, {"GUID", 36, false, false}};
    const cJSON *p;
    table_header(out, columns, ARRAY_COUNT(columns));
    cJSON_ArrayForEach(p, reply_member(reply, "providers")) {
        const char *cells[] = {reply_text(p, "name"), reply_text(p, "guid")};
        table_row(out, columns, ARRAY_COUNT(columns), cells);
    }
    keyword_rows(reply_member(reply, "keywords"), out);
    event_rows(reply_member(reply, "events"), out);
}

static int run(void *options, const Words *operands) {
    Buf params = BUF_INIT;
    JsonWriter w = jsonw(&params);
    jsonw_object(&w);
    if (operands->n > 0) {
        jsonw_key(&w, "name");
        jsonw_text(&w, operands->items[0]);
        jsonw_key(&w, "detail");
        jsonw_bool(&w, true);
    }
    jsonw_object_end(&w);
    int code = broker_ask(options, "providers", buf_str(&params), print);
    buf_deinit(&params);
    return code;
}

const Command providers_command = {
    .name = "providers",
    .summary = "known providers; one of them with its keywords and events",
    .operands = "[NAME|GLOB]",
    .groups = broker_only_groups,
    .options_bytes = sizeof(BrokerOptions),
    .most = 1,
    .run = run,
    .details = "Names are exact, without 'Microsoft-Windows-', or globs. When one provider is "
               "meant, its keywords and the\n"
               "events that are known of it follow.\n"
               "\n"
               "Examples:\n"
               "  etwctl providers\n"
               "  etwctl providers '*Kernel*'\n"
               "  etwctl providers DNS-Client\n",
};
