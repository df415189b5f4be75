#include "client/etwctl/set.h"

#include <stdio.h>

#include "client/etwctl/broker.h"
#include "client/etwctl/keywords.h"
#include "client/etwctl/out.h"
#include "client/etwctl/text.h"
#include "client/etwctl/want.h"
#include "util/utf.h"

typedef struct SetOptions {
    WantOptions want; // providers: which wants are meant
    Words add, remove;
    BrokerOptions broker;
    Words stacks;
    const char *name, *enrich;
    bool no_filter, what_if;
} SetOptions;

#define SET(member) offsetof(SetOptions, member)

static const Option change_options[] = {
    {"any-keyword", "keyword", OPTION_LIST, SET(want.any), "WORD,...",
     "the new mask: names or numbers; 0: every keyword"},
    {"all-keyword", NULL, OPTION_LIST, SET(want.all), "WORD,...", "... and every one of these"},
    {"add-keyword", NULL, OPTION_LIST, SET(add), "WORD,...", "keywords to add to the present mask"},
    {"remove-keyword", NULL, OPTION_LIST, SET(remove), "WORD,...", "keywords to take from it"},
    {"level", NULL, OPTION_TEXT, SET(want.level),
     "Critical|Error|Warning|Informational|Verbose|All", "up to this level, or a number"},
    {"event-id", "id", OPTION_LIST, SET(want.ids), "N,...", "events with these ids"},
    {"event-name", NULL, OPTION_LIST, SET(want.names), "GLOB,...", "events by name"},
    {"opcode", NULL, OPTION_LIST, SET(want.opcodes), "N,...", "events with these opcodes"},
    {"pid", "process-id", OPTION_LIST, SET(want.pids), "N,...", "events of these processes"},
    {"kernel", NULL, OPTION_LIST, SET(want.kernel), "TYPE,...", "kernel event types"},
    {"filter", NULL, OPTION_TEXT, SET(want.filter), "EXPRESSION", "a new filter on fields"},
    {"no-filter", NULL, OPTION_FLAG, SET(no_filter), NULL, "take the filter away"},
    {"stack", "stacks", OPTION_LIST, SET(stacks), "TYPE|PROVIDER,...",
     "call stacks of these kernel types' or providers' events;\n'*' for all, none for none"},
    {"enrich", NULL, OPTION_TEXT, SET(enrich), "default|none|all",
     "names of processes, files and keys"},
    {"name", "description", OPTION_TEXT, SET(name), "TEXT", "a new name"},
    {"provider", "provider-name", OPTION_LIST, SET(want.providers), "NAME,...",
     "change only the wants that name one of these providers\n(default: all wants of the "
     "subscription)"},
    {"what-if", NULL, OPTION_FLAG, SET(what_if), NULL,
     "only say what the source would be asked for"},
    {0},
};

static const OptionGroup groups[] = {
    {"What to change", change_options, 0},
    {"Options", broker_options, SET(broker)},
    {0},
};

// ---- The edit ----

// The members to replace in a want, as JSON text.
static int edit_members(const SetOptions *o, Buf *out, Err *err) {
    WantOptions want = o->want;
    want.providers = (Words){0}; // they choose, they are not set
    JsonWriter w = jsonw(out);
    jsonw_object(&w);
    int r = want_members(&want, &w, err);
    if (r == 0 && o->no_filter && o->want.filter)
        r = err_set(err, STATUS_INVALID_ARGUMENT, "--filter and --no-filter exclude each other");
    if (r < 0)
        return r;
    if (o->no_filter) {
        jsonw_key(&w, "filter");
        jsonw_null(&w);
    }
    jsonw_object_end(&w);
    return 0;
}

static bool names_provider(const cJSON *want, const Words *words) {
    const cJSON *p;
    if (words->n == 0)
        return true;
    cJSON_ArrayForEach(p, reply_member(want, "providers")) {
        for (uint32_t i = 0; cJSON_IsString(p) && i < words->n; i++)
            if (fold_glob(words->items[i], p->valuestring) ||
                fold_glob(words->items[i], provider_short(p->valuestring)))
                return true;
    }
    return false;
}

static bool replace_members(cJSON *want, const cJSON *members) {
    const cJSON *member;
    cJSON_ArrayForEach(member, members) {
        cJSON_DeleteItemFromObjectCaseSensitive(want, member->string);
        if (cJSON_IsNull(member))
            continue;
        cJSON *copy = cJSON_Duplicate(member, true);
        if (!copy || !cJSON_AddItemToObject(want, member->string, copy)) {
            cJSON_Delete(copy);
            return false;
        }
    }
    return true;
}

// The subscription's wants with the edit done to those that are meant: *ret owns them.
static int edit_wants(EtwClient *client, const SetOptions *o, uint32_t id,
                      const cJSON *subscriptions, const cJSON *members, cJSON **ret, Err *err) {
    const cJSON *s, *spec = NULL;
    cJSON_ArrayForEach(s, subscriptions) {
        if (reply_u64(s, "id") == id)
            spec = reply_member(s, "spec");
    }
    if (!spec)
        return err_set(err, STATUS_NOT_FOUND,
                       "there is no subscription %u; 'etwctl subscriptions' lists yours",
                       (unsigned)id);
    cJSON *wants = cJSON_Duplicate(reply_member(spec, "wants"), true), *want;
    uint32_t n = 0;
    int r = wants ? 0 : err_set(err, STATUS_CONFLICT, "subscription %u has ended", (unsigned)id);
    cJSON_ArrayForEach(want, wants) {
        if (r < 0 || !names_provider(want, &o->want.providers))
            continue;
        n++;
        if (!replace_members(want, members))
            r = err_set(err, STATUS_NO_MEMORY, "no memory to change a subscription");
        if (r == 0 && o->add.n + o->remove.n > 0)
            r = keywords_edit(client, want, &o->add, &o->remove, err);
    }
    if (r == 0 && n == 0)
        r = err_set(
            err, STATUS_NOT_FOUND,
            "subscription %u has no want that names %.80s; 'etwctl subscriptions' shows its wants",
            (unsigned)id, o->want.providers.n ? o->want.providers.items[0] : "anything");
    if (r < 0)
        cJSON_Delete(wants);
    else
        *ret = wants;
    return r;
}

static bool has_spec_members(const SetOptions *o) {
    return o->name || o->enrich || o->stacks.n > 0;
}

static void stack_members(const SetOptions *o, JsonWriter *w) {
    bool none = o->stacks.n == 1 && fold_equal(o->stacks.items[0], "none");
    jsonw_key(w, "stacks");
    jsonw_array(w);
    for (uint32_t i = 0; i < o->stacks.n && !none; i++)
        jsonw_text(w, o->stacks.items[i]);
    jsonw_array_end(w);
}

static void change_text(const SetOptions *o, const char *want_json, const char *wants_json,
                        Buf *out) {
    JsonWriter w = jsonw(out);
    jsonw_object(&w);
    if (want_json) {
        jsonw_key(&w, "want");
        jsonw_raw(&w, want_json, strlen(want_json));
    }
    if (has_spec_members(o) || wants_json) {
        jsonw_key(&w, "spec");
        jsonw_object(&w);
        if (o->name) {
            jsonw_key(&w, "name");
            jsonw_text(&w, o->name);
        }
        if (o->enrich) {
            jsonw_key(&w, "enrich");
            jsonw_text(&w, o->enrich);
        }
        if (o->stacks.n > 0)
            stack_members(o, &w);
        if (wants_json) {
            jsonw_key(&w, "wants");
            jsonw_raw(&w, wants_json, strlen(wants_json));
        }
        jsonw_object_end(&w);
    }
    if (o->what_if) {
        jsonw_key(&w, "preview");
        jsonw_bool(&w, true);
    }
    jsonw_object_end(&w);
}

// The change as the broker takes it. Masks that are added to, and wants that are chosen, need the
// present state.
static int make_change(EtwClient *client, const SetOptions *o, uint32_t id, Buf *out, Err *err) {
    Buf members = BUF_INIT;
    int r = edit_members(o, &members, err);
    bool nothing = members.bytes <= 2;
    bool looked_at = o->want.providers.n + o->add.n + o->remove.n > 0;
    if (r == 0 && nothing && !has_spec_members(o) && o->add.n + o->remove.n == 0)
        r = err_set(err, STATUS_INVALID_ARGUMENT, "nothing to change is given");
    if (r == 0 && o->want.any.n > 0 && o->add.n + o->remove.n > 0)
        r = err_set(err, STATUS_INVALID_ARGUMENT,
                    "--any-keyword sets the whole mask: leave out --add-keyword and "
                    "--remove-keyword");
    if (r < 0 || !looked_at) {
        if (r == 0)
            change_text(o, nothing ? NULL : buf_str(&members), NULL, out);
        buf_deinit(&members);
        return r;
    }
    cJSON *subscriptions = NULL, *edit = cJSON_Parse(buf_str(&members)), *wants = NULL;
    buf_deinit(&members);
    if (!edit)
        return err_set(err, STATUS_NO_MEMORY, "no memory to change a subscription");
    if (!broker_request(client, "subscriptions", NULL, NULL, &subscriptions)) {
        cJSON_Delete(edit);
        return err_set(err, STATUS_IO, "the present state of subscription %u is not known",
                       (unsigned)id);
    }
    r = edit_wants(client, o, id, subscriptions, edit, &wants, err);
    if (r == 0) {
        char *text = cJSON_PrintUnformatted(wants);
        if (text)
            change_text(o, NULL, text, out);
        else
            r = err_set(err, STATUS_NO_MEMORY, "no memory to change a subscription");
        cJSON_free(text);
    }
    cJSON_Delete(wants);
    cJSON_Delete(edit);
    cJSON_Delete(subscriptions);
    return r;
}

// ---- The answer ----

static void print(const cJSON *reply, bool preview, Buf *out) {
    const cJSON *change, *changes = reply_member(reply, "changes"), *want;
    Buf wants = BUF_INIT;
    cJSON_ArrayForEach(want, reply_member(reply_member(reply, "spec"), "wants")) {
        buf_text(&wants, wants.bytes ? " | " : "");
        want_text(want, &wants);
    }
    buf_printf(out, "subscription %llu %s: %s\n", (unsigned long long)reply_u64(reply, "id"),
               preview ? "would be" : "is now", buf_str(&wants));
    buf_deinit(&wants);
    cJSON_ArrayForEach(change, changes) {
        buf_text(out, "  ");
        if (cJSON_GetArraySize(changes) > 1) // else it is clear which provider is meant
            buf_printf(out, "{%s}: ", reply_text(change, "provider"));
        buf_printf(out, "%s\n", reply_text(change, "text"));
    }
    if (reply_bool(reply, "kernel_changed"))
        buf_text(out, "  the kernel's event types change\n");
    else if (cJSON_GetArraySize(changes) == 0)
        buf_text(out, "  the source is asked for the same as before\n");
}

static int print_reply(const SetOptions *o, const char *text) {
    Buf out = BUF_INIT;
    cJSON *reply = cJSON_Parse(text);
    const cJSON *warning;
    cJSON_ArrayForEach(warning, reply_member(reply, "warnings")) {
        if (cJSON_IsString(warning))
            say("%s", warning->valuestring);
    }
    if (o->broker.json) {
        buf_text(&out, text);
        buf_char(&out, '\n');
    } else {
        print(reply, o->what_if, &out);
    }
    int code = out_text(buf_str(&out), out.bytes);
    cJSON_Delete(reply);
    buf_deinit(&out);
    return code;
}

static int run(void *options, const Words *operands) {
    const SetOptions *o = options;
    Err err = ERR_INIT;
    uint64_t id;
    if (!parse_u64(operands->items[0], &id) || id == 0 || id > UINT32_MAX) {
        err_set(&err, STATUS_INVALID_ARGUMENT,
                "'%.60s' is not the id of a subscription; 'etwctl subscriptions' lists them",
                operands->items[0]);
        return say_usage(&err, "set");
    }
    EtwClient *client = broker_connect(o->broker.endpoint);
    if (!client)
        return EXIT_FAILED;
    Buf change = BUF_INIT;
    char *reply = NULL;
    int code = EXIT_FAILED;
    int r = make_change(client, o, (uint32_t)id, &change, &err);
    if (r < 0) {
        code = r == -STATUS_INVALID_ARGUMENT ? say_usage(&err, "set") : say_error(&err);
    } else {
        int32_t status = etw_change(client, (uint32_t)id, buf_str(&change), 0, &reply);
        code = status == ETW_STATUS_OK ? print_reply(o, reply) : say_client(client, status);
    }
    etw_free(reply);
    buf_deinit(&change);
    etw_disconnect(client);
    return code;
}

const Command set_command = {
    .name = "set",
    .summary = "change a subscription while it runs: keywords, level, ids, filter",
    .operands = "ID",
    .groups = groups,
    .options_bytes = sizeof(SetOptions),
    .least = 1,
    .most = 1,
    .run = run,
    .details =
        "Takes your own subscriptions from any program. What is not named stays as it is. Only "
        "the\n"
        "difference is asked of the source; events that were already queued still arrive.\n"
        "\n"
        "Examples:\n"
        "  etwctl set 3 --any-keyword Process,Image\n"
        "  etwctl set 3 --add-keyword 0x40 --what-if\n"
        "  etwctl set 7 --filter 'FileName -notlike \"C:\\Windows\\*\"' --level Informational\n"
        "  etwctl set 7 --provider DNS-Client --no-filter --name dns\n",
};
