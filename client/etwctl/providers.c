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

static void names_text(const cJSON *list, Buf *out) {
    const cJSON *f;
    cJSON_ArrayForEach(f, list) {
        if (f != list->child)
            buf_text(out, ", ");
        buf_text(out, cJSON_IsString(f) ? f->valuestring : "?");
    }
}

// A list of names in lines of `width` columns, indented but for the first; 0: in one line.
static void wrap(const char *names, size_t indent, size_t width, Buf *out) {
    while (*names) {
        size_t n = strlen(names);
        if (width > 0 && n > width) {
            n = width;
            while (n > 0 && names[n] != ' ')
                n--;
            if (n == 0) // one name that is longer than the line
                n = strcspn(names, " ");
        }
        text_clean(out, names, n, 0);
        buf_char(out, '\n');
        names += n + strspn(names + n, " ");
        if (*names)
            text_pad(out, indent);
    }
}

static void event_row(const cJSON *e, const Column *columns, size_t n, size_t width, Buf *out) {
    char id[NUMBER_TEXT], version[NUMBER_TEXT], level[NUMBER_TEXT];
    Buf fields = BUF_INIT;
    const cJSON *enriched = reply_member(e, "enriched");
    names_text(reply_member(e, "fields"), &fields);
    if (cJSON_IsArray(enriched) && enriched->child) {
        buf_text(&fields, fields.bytes > 0 ? " + " : "+ ");
        names_text(enriched, &fields);
    }
    // Classic events have no id; their opcode tells them apart.
    if (cJSON_IsNumber(reply_member(e, "id")))
        snprintf(id, sizeof id, "%llu", (unsigned long long)reply_u64(e, "id"));
    else
        snprintf(id, sizeof id, "op %llu", (unsigned long long)reply_u64(e, "opcode"));
    snprintf(version, sizeof version, "%llu", (unsigned long long)reply_u64(e, "version"));
    snprintf(level, sizeof level, "%llu", (unsigned long long)reply_u64(e, "level"));
    const char *all[] = {id, version, level, reply_text(e, "keyword"), reply_text(e, "name"), ""};
    const char *kernel[] = {id, version, reply_text(e, "name"), ""};
    size_t start = out->bytes, indent = table_width(columns, n);
    table_row(out, columns, n, n == ARRAY_COUNT(all) ? all : kernel);
    if (fields.bytes > 0 && !out->failed) {
        out->bytes--; // its line feed: the fields follow
        size_t used = text_columns((const char *)out->data + start, out->bytes - start);
        text_pad(out, used < indent ? indent - used : 1);
        wrap(buf_str(&fields), indent, width > indent ? width - indent : 0, out);
    }
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

// Is it an older version of the event behind it? Of the kernel's there are many.
static bool is_superseded(const cJSON *const *sorted, size_t i, size_t n) {
    const char *name = reply_text(sorted[i], "name");
    for (size_t k = i + 1; k < n; k++)
        if (strcmp(reply_text(sorted[k], "name"), name) == 0 &&
            reply_u64(sorted[k], "opcode") == reply_u64(sorted[i], "opcode"))
            return true;
    return false;
}

static void event_rows(const cJSON *reply, bool kernel, Buf *out) {
    static const Column all[] = {{"Id", 6, true, false},      {"Ver", 3, true, false},
                                 {"Lvl", 3, true, false},     {"Keyword", 18, false, false},
                                 {"Event", 34, false, false}, {"Fields", 0, false, false}},
                        of_kernel[] = {{"Opcode", 6, true, false},
                                       {"Ver", 3, true, false},
                                       {"Event", 28, false, false},
                                       {"Fields", 0, false, false}};
    const Column *columns = kernel ? of_kernel : all;
    size_t n = kernel ? ARRAY_COUNT(of_kernel) : ARRAY_COUNT(all);
    size_t width = plat_is_terminal(1) ? view_columns() : 0;
    const cJSON *events = reply_member(reply, "events"), *e;
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
    buf_char(out, '\n');
    table_header(out, columns, n);
    for (i = 0; i < n_events; i++)
        if (!kernel || !is_superseded(sorted, i, n_events))
            event_row(sorted[i], columns, n, width, out);
    mem_free(sorted);
    Buf enriched = BUF_INIT;
    names_text(reply_member(reply, "enriched"), &enriched);
    if (enriched.bytes > 0) {
        buf_text(out,
                 "\n  Behind '+': what enrichment adds (docs/FIELDS.md). To every event with a "
                 "process it adds\n  ");
        wrap(buf_str(&enriched), 2, width > 2 ? width - 2 : 0, out);
    }
    buf_deinit(&enriched);
}

static void kernel_rows(const cJSON *types, Buf *out) {
    static const Column columns[] = {{"Kernel type", 16, false, false},
                                     {"Events", 16, false, false},
                                     {"Stacks", 6, false, false},
                                     {"Rate", 8, false, false},
                                     {"Also called", 0, false, false}};
    const cJSON *t, *c;
    table_header(out, columns, ARRAY_COUNT(columns));
    cJSON_ArrayForEach(t, types) {
        Buf classes = BUF_INIT;
        cJSON_ArrayForEach(c, reply_member(t, "classes")) {
            buf_printf(&classes, "%s%s", classes.bytes > 0 ? ", " : "",
                       cJSON_IsString(c) ? c->valuestring : "?");
        }
        const char *cells[] = {reply_text(t, "name"), buf_str(&classes),
                               reply_bool(t, "stacks") ? "yes" : "-",
                               reply_bool(t, "hot") ? "high" : "-", reply_text(t, "aliases")};
        table_row(out, columns, ARRAY_COUNT(columns), cells);
        buf_deinit(&classes);
    }
}

static void print(const cJSON *reply, Buf *out) {
    static const Column columns[] = {{"Provider", 70, false, false}, {"GUID", 36, false, false}};
    const cJSON *p, *kernel = reply_member(reply, "kernel");
    if (kernel) {
        kernel_rows(kernel, out);
        event_rows(reply, true, out);
        return;
    }
    table_header(out, columns, ARRAY_COUNT(columns));
    cJSON_ArrayForEach(p, reply_member(reply, "providers")) {
        const char *cells[] = {reply_text(p, "name"), reply_text(p, "guid")};
        table_row(out, columns, ARRAY_COUNT(columns), cells);
    }
    keyword_rows(reply_member(reply, "keywords"), out);
    event_rows(reply, false, out);
}

typedef struct ProvidersOptions {
    BrokerOptions broker;
    const char *kernel; // "": the operand, or all
} ProvidersOptions;

static const Option kernel_options[] = {
    {"kernel", NULL, OPTION_MAYBE_TEXT, offsetof(ProvidersOptions, kernel), "TYPE",
     "kernel types instead; one of them with its events and\ntheir fields"},
    {0},
};

static const OptionGroup groups[] = {
    {"What to show", kernel_options, 0},
    {"Options", broker_options, offsetof(ProvidersOptions, broker)},
    {0},
};

static int run(void *options, const Words *operands) {
    const ProvidersOptions *o = options;
    Err err = ERR_INIT;
    const char *name = operands->n > 0 ? operands->items[0] : NULL;
    Buf params = BUF_INIT;
    JsonWriter w = jsonw(&params);
    if (o->kernel && o->kernel[0] && name) {
        err_set(&err, STATUS_INVALID_ARGUMENT, "either a provider or --kernel=TYPE, not both");
        return say_usage(&err, "providers");
    }
    jsonw_object(&w);
    if (o->kernel) {
        jsonw_key(&w, "kernel");
        jsonw_text(&w, o->kernel[0] ? o->kernel : name ? name : "*");
    } else if (name) {
        jsonw_key(&w, "name");
        jsonw_text(&w, name);
        jsonw_key(&w, "detail");
        jsonw_bool(&w, true);
    }
    jsonw_object_end(&w);
    int code = broker_ask(&o->broker, "providers", buf_str(&params), print);
    buf_deinit(&params);
    return code;
}

const Command providers_command = {
    .name = "providers",
    .summary = "providers and kernel types; one of them with its events and fields",
    .operands = "[NAME|GLOB]",
    .groups = groups,
    .options_bytes = sizeof(ProvidersOptions),
    .most = 1,
    .run = run,
    .details = "Names are exact, without 'Microsoft-Windows-', or globs. When one provider is "
               "meant, its keywords and the\n"
               "events that are known of it follow, with the names of their fields, which "
               "filters take.\n"
               "Kernel events have types instead: File, Registry, Network ... A file may tell "
               "more events than the\n"
               "broker knows before it has been read.\n"
               "\n"
               "Examples:\n"
               "  etwctl providers\n"
               "  etwctl providers '*Kernel*'\n"
               "  etwctl providers DNS-Client\n"
               "  etwctl providers --kernel\n"
               "  etwctl providers --kernel File\n",
};
