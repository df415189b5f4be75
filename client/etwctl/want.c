#include "client/etwctl/want.h"

#include "client/etwctl/broker.h"
#include "client/etwctl/text.h"

#define WANT(member) offsetof(WantOptions, member)

const Option want_options[] = {
    {"provider", "provider-name", OPTION_LIST, WANT(providers), "NAME,...",
     "providers by name (Microsoft-Windows- may be left out),\nglob or GUID"},
    {"kernel", NULL, OPTION_LIST, WANT(kernel), "TYPE,...",
     "kernel events: Process, Thread, Image, File, Registry,\nNetwork ...; '*' for all"},
    {"any-keyword", "keyword", OPTION_LIST, WANT(any), "WORD,...",
     "events with one of these keywords: names or masks\n(--keyword is the same)"},
    {"all-keyword", NULL, OPTION_LIST, WANT(all), "WORD,...", "... and with every one of these"},
    {"level", NULL, OPTION_TEXT, WANT(level), "Critical|Error|Warning|Informational|Verbose|All",
     "up to this level, or a number (default: Verbose)"},
    {"event-id", "id", OPTION_LIST, WANT(ids), "N,...", "events with these ids (--id is the same)"},
    {"event-name", NULL, OPTION_LIST, WANT(names), "GLOB,...",
     "events by name, for kernel and TraceLogging events:\nProcess/Start, FileIO/*"},
    {"opcode", NULL, OPTION_LIST, WANT(opcodes), "N,...", "events with these opcodes"},
    {"pid", "process-id", OPTION_LIST, WANT(pids), "N,...", "events of these processes"},
    {"filter", NULL, OPTION_TEXT, WANT(filter), "EXPRESSION",
     "on fields, with PowerShell's operators:\n'QueryName -like \"*.top\" -and QueryType -eq 1'"},
    {0},
};

static void words_member(JsonWriter *w, const char *key, const Words *words) {
    if (words->n == 0)
        return;
    jsonw_key(w, key);
    jsonw_array(w);
    for (uint32_t i = 0; i < words->n; i++)
        jsonw_text(w, words->items[i]);
    jsonw_array_end(w);
}

static int check_numbers(const char *option, const Words *words, uint64_t most, Err *err) {
    for (uint32_t i = 0; i < words->n; i++) {
        uint64_t v;
        if (!parse_u64(words->items[i], &v) || v > most)
            return err_set(err, STATUS_INVALID_ARGUMENT,
                           "--%s %.60s: it takes numbers from 0 to %llu", option, words->items[i],
                           (unsigned long long)most);
    }
    return 0;
}

static void numbers_member(JsonWriter *w, const char *key, const Words *words) {
    if (words->n == 0)
        return;
    jsonw_key(w, key);
    jsonw_array(w);
    for (uint32_t i = 0; i < words->n; i++) {
        uint64_t v = 0;
        parse_u64(words->items[i], &v);
        jsonw_u64(w, v);
    }
    jsonw_array_end(w);
}

int want_members(const WantOptions *o, JsonWriter *w, Err *err) {
    int r = check_numbers("event-id", &o->ids, UINT16_MAX, err);
    if (r == 0)
        r = check_numbers("pid", &o->pids, UINT32_MAX, err);
    if (r < 0)
        return r;
    words_member(w, "providers", &o->providers);
    words_member(w, "kernel", &o->kernel);
    words_member(w, "any", &o->any);
    words_member(w, "all", &o->all);
    if (o->level) {
        jsonw_key(w, "level");
        jsonw_text(w, o->level);
    }
    numbers_member(w, "event_ids", &o->ids);
    words_member(w, "event_names", &o->names);
    words_member(w, "opcodes", &o->opcodes);
    numbers_member(w, "pids", &o->pids);
    if (o->filter) {
        jsonw_key(w, "filter");
        jsonw_text(w, o->filter);
    }
    return 0;
}

bool want_is_empty(const WantOptions *o) {
    return o->providers.n + o->kernel.n + o->any.n + o->all.n + o->ids.n + o->names.n +
                   o->opcodes.n + o->pids.n ==
               0 &&
           !o->level && !o->filter;
}

const char *provider_short(const char *name) {
    static const char prefix[] = "Microsoft-Windows-";
    size_t n = sizeof prefix - 1;
    return strncmp(name, prefix, n) == 0 && name[n] != '\0' ? name + n : name;
}

static void list_text(const cJSON *list, const char *before, Buf *out) {
    if (!cJSON_IsArray(list) || !list->child)
        return;
    buf_text(out, out->bytes && *before ? " " : "");
    buf_text(out, before);
    for (const cJSON *v = list->child; v; v = v->next) {
        if (v != list->child)
            buf_char(out, ',');
        if (cJSON_IsString(v))
            buf_text(out, provider_short(v->valuestring));
        else if (cJSON_IsNumber(v))
            buf_printf(out, "%.0f", v->valuedouble);
    }
}

void want_text(const cJSON *want, Buf *out) {
    Buf text = BUF_INIT;
    list_text(reply_member(want, "providers"), "", &text);
    // Names say which kernel events are meant: "Process/Start".
    if (!reply_member(want, "event_names"))
        list_text(reply_member(want, "kernel"), text.bytes ? "+ " : "", &text);
    list_text(reply_member(want, "event_ids"), "id ", &text);
    list_text(reply_member(want, "event_names"), text.bytes ? "named " : "", &text);
    list_text(reply_member(want, "any"), "any ", &text);
    list_text(reply_member(want, "all"), "all ", &text);
    list_text(reply_member(want, "opcodes"), "opcode ", &text);
    list_text(reply_member(want, "pids"), "pid ", &text);
    if (text.bytes == 0)
        buf_text(&text, "everything");
    uint64_t level = reply_u64(want, "level");
    if (level != 0 && level != 5 && level != 255)
        buf_printf(&text, ", level %u", (unsigned)level);
    if (cJSON_IsString(reply_member(want, "filter")))
        buf_text(&text, ", filter");
    buf_append(out, buf_str(&text), text.bytes);
    buf_deinit(&text);
}
