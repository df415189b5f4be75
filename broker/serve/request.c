#include "serve/request.h"

#include <assert.h>
#include <cjson/cJSON.h>
#include <stdio.h>

#include "idl/wire.h"
#include "serve/catalog.h"
#include "wire/json.h"

#define CHANGE_REPLY_REST (128u * 1024u) // for what a change is answered with after it was made

// A method writes its result (one JSON value) to w; < 0 with err filled is a refusal.
typedef struct Call {
    Conn *conn;
    Server *server;
    Hub *hub;
    const cJSON *params; // an object
    uint32_t request;
    uint32_t subscription; // for the head of the reply
    JsonWriter *w;
    Err *err;
} Call;

static void reply_client(void *user, const Watch *watch, ProfileClient *ret) {
    (void)user;
    const Conn *conn = watch->notify_user;
    if (!conn)
        return;
    ret->agent = conn->agent;
    ret->pid = conn->peer ? conn->peer->pid : 0;
}

static ProfileViewer viewer_of(const Conn *conn) {
    return (ProfileViewer){
        .user = conn->user, .administrator = conn->administrator, .client = reply_client};
}

static void warnings_json(JsonWriter *w, Buf *warnings) {
    jsonw_key(w, "warnings");
    jsonw_array(w);
    const char *text = buf_str(warnings);
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n > 0)
            jsonw_string(w, text, n);
        text += n + (text[n] == '\n');
    }
    jsonw_array_end(w);
}

// A member that must be there.
static int need(int r, const char *key, Err *err) {
    return r == JSON_ABSENT ? err_set(err, STATUS_INVALID_ARGUMENT, "\"%s\" is missing", key) : r;
}

// --- subscribe, change, unsubscribe ------------------------------------------------------------

static void notify(void *user, Watch *watch) {
    (void)watch;
    Conn *conn = user;
    server_ready(conn->server, conn);
}

static int subscribe(Call *call) {
    Conn *conn = call->conn;
    if (conn->has_watch)
        return err_set(
            call->err, STATUS_CONFLICT,
            "this connection has a subscription already; open another connection for a second one");
    Spec *spec = NULL;
    Buf warnings = BUF_INIT;
    int r = spec_from_json(call->params, &call->server->names, &spec, &warnings, call->err);
    if (r == 0)
        r = hub_subscribe(call->hub, conn->user, spec, call->server->options.lossless, &conn->watch,
                          call->err);
    if (r < 0)
        goto out;
    conn->has_watch = true;
    conn->watch.notify = notify;
    conn->watch.notify_user = conn;
    call->subscription = conn->watch.id;
    JsonWriter *w = call->w;
    jsonw_object(w);
    jsonw_key(w, "id");
    jsonw_u64(w, conn->watch.id);
    jsonw_key(w, "queue_bytes");
    jsonw_u64_text(w, conn->watch.quota_bytes);
    jsonw_key(w, "spec");
    spec_to_json(spec, w);
    warnings_json(w, &warnings);
    jsonw_object_end(w);
    if (w->out->failed) { // a subscription that cannot be confirmed is none
        hub_unsubscribe(call->hub, &conn->watch);
        conn->has_watch = false;
        goto out; // the failed reply is told
    }
    call->server->n_subscribed++;
    server_ready(call->server, conn);
out:
    spec_unref(spec);
    buf_deinit(&warnings);
    return r;
}

// The subscription that a change or stop names: the caller's own, or anybody's for an
// administrator. Ids start anew with the broker, so the instance must be quoted.
static int named_watch(Call *call, Watch **ret) {
    uint32_t id = 0;
    const char *instance = "";
    char own[GUID_TEXT];
    int r = need(json_get_u32(call->params, "id", &id, call->err), "id", call->err);
    if (r == 0)
        r = need(json_get_string(call->params, "instance", &instance, call->err), "instance",
                 call->err);
    if (r < 0)
        return r;
    guid_format(&call->server->instance, own);
    if (strcmp(instance, own) != 0)
        return err_set(
            call->err, STATUS_CONFLICT,
            "subscription %u is of another run of the broker (%.40s); list the present ones first",
            id, instance);
    Watch *watch = hub_find(call->hub, id);
    // Another user's id answers as an unknown one: it tells nothing about others.
    if (!watch || (watch->user != call->conn->user && !call->conn->administrator))
        return err_set(call->err, STATUS_NOT_FOUND,
                       "no subscription %u; 'etwctl subscriptions' lists yours", id);
    *ret = watch;
    return 0;
}

// What a change does to the source tells what others want: administrators only.
static void deltas_json(const Conn *conn, const PlanDeltas *deltas, JsonWriter *w) {
    if (!conn->administrator)
        return;
    jsonw_key(w, "changes");
    jsonw_array(w);
    for (uint32_t i = 0; i < deltas->n; i++) {
        Buf text = BUF_INIT;
        char guid[GUID_TEXT];
        jsonw_object(w);
        jsonw_key(w, "provider");
        jsonw_text(w, guid_format(&deltas->items[i].guid, guid));
        plan_delta_text(&deltas->items[i], &text);
        jsonw_key(w, "text");
        jsonw_text(w, buf_str(&text));
        jsonw_key(w, "other_watchers");
        jsonw_u64(w, deltas->items[i].other_watchers);
        jsonw_object_end(w);
        buf_deinit(&text);
    }
    jsonw_array_end(w);
    jsonw_key(w, "kernel_changed");
    jsonw_bool(w, deltas->kernel_changed);
}

// The present spec as JSON with members replaced: those of "spec", and in every want those of
// "want".
static int edited_spec(Call *call, const Watch *watch, Spec **ret, Buf *warnings) {
    static const char *const allowed[] = {"id", "instance", "spec", "want", "preview", NULL};
    int r = json_refuse_unknown(call->params, allowed, call->err);
    if (r < 0)
        return r;
    const cJSON *spec = cJSON_GetObjectItemCaseSensitive(call->params, "spec");
    const cJSON *want = cJSON_GetObjectItemCaseSensitive(call->params, "want");
    if ((spec && !cJSON_IsObject(spec)) || (want && !cJSON_IsObject(want)) || (!spec && !want))
        return err_set(call->err, STATUS_INVALID_ARGUMENT,
                       "change takes \"spec\" (members to replace) or \"want\" (members to replace "
                       "in each want)");
    Buf text = BUF_INIT;
    JsonWriter w = jsonw(&text);
    spec_to_json(watch->spec, &w);
    cJSON *now = NULL;
    if (text.failed)
        r = err_set(call->err, STATUS_NO_MEMORY, "no memory to change a subscription");
    else
        r = json_parse((const char *)text.data, text.bytes, &now, call->err);
    buf_deinit(&text);
    const cJSON *member;
    cJSON_ArrayForEach(member, spec) {
        cJSON_DeleteItemFromObjectCaseSensitive(now, member->string);
        cJSON *copy = cJSON_Duplicate(member, true);
        if (r == 0 && (!copy || !cJSON_AddItemToObject(now, member->string, copy)))
            r = err_set(call->err, STATUS_NO_MEMORY, "no memory to change a subscription");
    }
    cJSON *each;
    cJSON_ArrayForEach(each, cJSON_GetObjectItemCaseSensitive(now, "wants")) {
        cJSON_ArrayForEach(member, want) {
            cJSON_DeleteItemFromObjectCaseSensitive(each, member->string);
            if (cJSON_IsNull(member))
                continue; // null takes a member away
            cJSON *copy = cJSON_Duplicate(member, true);
            if (r == 0 && (!copy || !cJSON_AddItemToObject(each, member->string, copy)))
                r = err_set(call->err, STATUS_NO_MEMORY, "no memory to change a subscription");
        }
    }
    if (r == 0)
        r = spec_from_json(now, &call->server->names, ret, warnings, call->err);
    json_free(now);
    return r;
}

static int change(Call *call) {
    Watch *watch = NULL;
    int r = named_watch(call, &watch);
    if (r < 0)
        return r;
    assert(watch);
    if (!watch->feed)
        return err_set(call->err, STATUS_CONFLICT, "subscription %u has ended; start a new one",
                       watch->id);
    bool preview = false;
    r = json_get_bool(call->params, "preview", &preview, call->err);
    if (r < 0)
        return r;
    Spec *spec = NULL;
    Buf warnings = BUF_INIT;
    PlanDeltas deltas = PLAN_DELTAS_INIT;
    r = edited_spec(call, watch, &spec, &warnings);
    assert(r < 0 || spec);
    if (r == 0 && (spec->queue_bytes != watch->spec->queue_bytes ||
                   spec->queue_policy != watch->spec->queue_policy))
        r = err_set(call->err, STATUS_INVALID_ARGUMENT,
                    "queue_bytes and queue_policy hold for a subscription's life; start a new one");
    JsonWriter *w = call->w;
    if (r == 0) {
        // All that the reply may need is there before anything is changed: a change that was made
        // must not be answered as a failure.
        jsonw_object(w);
        jsonw_key(w, "id");
        jsonw_u64(w, watch->id);
        jsonw_key(w, "spec");
        spec_to_json(spec, w);
        warnings_json(w, &warnings);
        if (!buf_reserve(w->out, CHANGE_REPLY_REST) || w->out->failed)
            r = err_set(call->err, STATUS_NO_MEMORY, "no memory to change subscription %u",
                        watch->id);
    }
    if (r == 0) {
        r = preview ? hub_preview(call->hub, watch, spec, &deltas, call->err)
                    : hub_change(call->hub, watch, spec, &deltas, call->err);
    }
    if (r == 0) {
        call->subscription = watch->id;
        jsonw_key(w, "generation");
        jsonw_u64(w, watch->generation);
        deltas_json(call->conn, &deltas, w);
        jsonw_object_end(w);
    }
    spec_unref(spec);
    plan_deltas_deinit(&deltas);
    buf_deinit(&warnings);
    return r;
}

static int unsubscribe(Call *call) {
    static const char *const allowed[] = {"id", "instance", NULL};
    Watch *watch = NULL;
    int r = json_refuse_unknown(call->params, allowed, call->err);
    if (r == 0)
        r = named_watch(call, &watch);
    if (r < 0)
        return r;
    assert(watch);
    hub_leave(call->hub, watch);
    watch_push_end(watch, WIRE_END_STOPPED);
    ProfileViewer viewer = viewer_of(call->conn);
    subscription_json(call->hub, watch, &viewer, call->w);
    return 0;
}

// --- looking -----------------------------------------------------------------------------------

// Methods without parameters: members that they do not know are refused as everywhere.
static int no_params(Call *call) {
    static const char *const allowed[] = {NULL};
    return json_refuse_unknown(call->params, allowed, call->err);
}

static int subscriptions(Call *call) {
    int r = no_params(call);
    if (r < 0)
        return r;
    ProfileViewer viewer = viewer_of(call->conn);
    subscriptions_json(call->hub, &viewer, call->w);
    return 0;
}

static void facts_of(Server *server, ProfileFacts *facts) {
    *facts = (ProfileFacts){.version = ETW_VERSION,
                            .instance = server->instance,
                            .uptime_ns = server_now(server) - server->started_ns,
                            .n_clients = server->n_conns,
                            .max_clients = server->options.config->limits.connections_all,
                            .progress = -1};
    server->options.facts(server->options.facts_user, facts);
}

static int profile(Call *call) {
    int r = no_params(call);
    if (r < 0)
        return r;
    ProfileFacts facts;
    ProfileViewer viewer = viewer_of(call->conn);
    facts_of(call->server, &facts);
    profile_json(call->hub, &facts, &viewer, call->w);
    return 0;
}

static int stats(Call *call) {
    int r = no_params(call);
    if (r < 0)
        return r;
    ProfileFacts facts;
    ProfileViewer viewer = viewer_of(call->conn);
    facts_of(call->server, &facts);
    stats_json(call->hub, &facts, &viewer, call->w);
    return 0;
}

static int explain(Call *call) {
    int r = no_params(call);
    if (r < 0)
        return r;
    if (!call->conn->administrator)
        return err_set(call->err, STATUS_DENIED,
                       "explain shows what all users want; only administrators may see it");
    explain_json(call->hub, call->w);
    return 0;
}

static int providers(Call *call) {
    return catalog_providers(call->server->options.store, &call->server->names, call->params,
                             call->w, call->err);
}

static int sessions(Call *call) {
    int r = no_params(call);
    if (r < 0)
        return r;
    ProfileFacts facts;
    facts_of(call->server, &facts);
    JsonWriter *w = call->w;
    jsonw_array(w);
    jsonw_object(w);
    jsonw_key(w, "name");
    jsonw_text(w, facts.source_name);
    jsonw_key(w, "kind");
    jsonw_text(w, facts.source_kind);
    jsonw_key(w, "state");
    jsonw_text(w, facts.source_state);
    jsonw_key(w, "lost_events");
    jsonw_u64_text(w, hub_source(call->hub)->lost_events);
    jsonw_key(w, "lost_buffers");
    jsonw_u64_text(w, hub_source(call->hub)->lost_buffers);
    jsonw_object_end(w);
    jsonw_array_end(w);
    return 0;
}

static int ping(Call *call) {
    int r = no_params(call);
    if (r < 0)
        return r;
    ProfileFacts facts;
    char guid[GUID_TEXT];
    facts_of(call->server, &facts);
    JsonWriter *w = call->w;
    jsonw_object(w);
    jsonw_key(w, "version");
    jsonw_text(w, ETW_VERSION);
    jsonw_key(w, "instance");
    jsonw_text(w, guid_format(&call->server->instance, guid));
    jsonw_key(w, "epoch");
    jsonw_u64(w, hub_epoch(call->hub));
    jsonw_key(w, "source");
    jsonw_text(w, facts.source_kind);
    jsonw_key(w, "state");
    jsonw_text(w, facts.source_state);
    jsonw_key(w, "user");
    jsonw_text(w, call->conn->user->name[0] ? call->conn->user->name : call->conn->user->sid);
    jsonw_key(w, "sid");
    jsonw_text(w, call->conn->user->sid);
    jsonw_key(w, "administrator");
    jsonw_bool(w, call->conn->administrator);
    jsonw_object_end(w);
    return 0;
}

static const struct Method {
    const char *name;
    int (*run)(Call *call);
} methods[] = {
    {"subscribe", subscribe},
    {"change", change},
    {"unsubscribe", unsubscribe},
    {"profile", profile},
    {"subscriptions", subscriptions},
    {"explain", explain},
    {"providers", providers},
    {"sessions", sessions},
    {"ping", ping},
    {"stats", stats},
};

static int run(Call *call, const cJSON *root) {
    static const char *const allowed[] = {"method", "params", NULL};
    const char *name = "";
    int r = json_refuse_unknown(root, allowed, call->err);
    if (r == 0)
        r = need(json_get_string(root, "method", &name, call->err), "method", call->err);
    if (r < 0)
        return r;
    call->params = cJSON_GetObjectItemCaseSensitive(root, "params");
    cJSON *none = NULL;
    if (!call->params)
        call->params = none = cJSON_CreateObject();
    r = err_set(call->err, STATUS_UNSUPPORTED, "no method '%.60s'; docs/PROTOCOL.md lists them",
                name);
    if (!cJSON_IsObject(call->params)) {
        r = err_set(call->err, STATUS_INVALID_ARGUMENT, "params must be an object");
    } else {
        for (size_t i = 0; i < ARRAY_COUNT(methods); i++)
            if (strcmp(methods[i].name, name) == 0) {
                *call->err = (Err)ERR_INIT;
                r = methods[i].run(call);
                break;
            }
    }
    cJSON_Delete(none);
    return r;
}

void request_take(Conn *conn, const Frame *frame) {
    Err err = ERR_INIT;
    Buf reply = BUF_INIT;
    JsonWriter w = jsonw(&reply);
    cJSON *root = NULL;
    Call call = {.conn = conn,
                 .server = conn->server,
                 .hub = conn->server->options.hub,
                 .request = frame->request,
                 .w = &w,
                 .err = &err};
    reply.limit = WIRE_MAX_REPLY - WIRE_HEAD_BYTES;
    int r = json_parse((const char *)frame->payload, frame->payload_bytes, &root, &err);
    jsonw_object(&w);
    jsonw_key(&w, "ok");
    jsonw_bool(&w, true);
    jsonw_key(&w, "result");
    if (r == 0)
        r = run(&call, root);
    jsonw_object_end(&w);
    json_free(root);
    if (r == 0 && reply.failed)
        r = err_set(&err, STATUS_OVERSIZE, "the answer is larger than %u bytes; ask for less",
                    WIRE_MAX_REPLY);
    if (r < 0)
        conn_reply_error(conn, frame->request, -r, err.text);
    else
        conn_reply(conn, frame->request, call.subscription, (const char *)reply.data, reply.bytes);
    buf_deinit(&reply);
}
