#include "profile/profile.h"

#include "profile/keys.h"

#define SLOW_SHARE 0.5 // of its quota: a queue fuller than this is called slow

static const char *state_of(const Watch *watch, double share) {
    if (watch->failed)
        return "failed";
    if (watch->ended)
        return watch->n_entries > 0 ? "draining" : "ended";
    if (share > SLOW_SHARE)
        return watch->policy == QUEUE_WAIT ? "holding the source" : "slow";
    return "ok";
}

static const char *policy_name(QueuePolicy policy) {
    switch (policy) {
    case QUEUE_DROP_NEWEST:
        return "drop-newest";
    case QUEUE_DISCONNECT:
        return "disconnect";
    case QUEUE_WAIT:
        return "wait";
    default:
        return "drop-oldest";
    }
}

void ledger_json(const Ledger *l, bool administrator, JsonWriter *w) {
    jsonw_object(w);
    if (administrator) {
        key_counter(w, "offered", l->want.offered);
        key_counter(w, "denied_scope", l->want.denied_scope);
        key_counter(w, "denied_policy", l->want.denied_policy);
        key_counter(w, "denied_cost", l->want.denied_cost);
        key_counter(w, "filtered", l->want.filtered);
        key_counter(w, "unjudged", l->want.unjudged);
        key_counter(w, "matched", l->want.matched);
        key_counter(w, "held", l->held);
    }
    key_counter(w, "numbered", l->number.numbered);
    key_counter(w, "dropped_queue", l->number.dropped_queue);
    key_counter(w, "dropped_rate", l->number.dropped_rate);
    key_counter(w, "dropped_oversize", l->number.dropped_oversize);
    key_counter(w, "dropped_policy", l->number.dropped_policy);
    key_counter(w, "dropped_close", l->number.dropped_close);
    key_counter(w, "queued", l->number.queued);
    key_counter(w, "sent", l->number.sent);
    jsonw_key(w, "balanced");
    jsonw_bool(w, ledger_balanced(l));
    jsonw_object_end(w);
}

void subscription_json(Hub *hub, const Watch *watch, const ProfileViewer *viewer, JsonWriter *w) {
    (void)hub;
    ProfileClient client = {"", 0};
    if (viewer->client)
        viewer->client(viewer->client_user, watch, &client);
    Ledger ledger = watch_ledger(watch);
    double share = watch->quota_bytes ? (double)watch->queue_bytes / (double)watch->quota_bytes : 0;
    jsonw_object(w);
    key_number(w, "id", watch->id);
    key_text(w, "name", watch->name);
    key_text(w, "user", watch->user->name[0] ? watch->user->name : watch->user->sid);
    key_text(w, "sid", watch->user->sid);
    key_text(w, "process", client.agent);
    key_number(w, "pid", client.pid);
    key_number(w, "generation", watch->generation);
    jsonw_key(w, "spec");
    if (watch->spec)
        spec_to_json(watch->spec, w);
    else
        jsonw_null(w);
    if (viewer->administrator) // others' wants are nobody else's business
        key_number(w, "equal_watchers", watch->feed ? watch->feed->n_members : 0);
    key_text(w, "queue_policy", policy_name(watch->policy));
    key_counter(w, "queue_bytes", watch->queue_bytes);
    key_counter(w, "queue_quota", watch->quota_bytes);
    key_share(w, "queue_share", share);
    key_text(w, "state", state_of(watch, share));
    // Event time that is queued and not sent: what a reader is behind.
    int64_t lag = watch->number.queued > 0 && watch->newest_time > watch->unsent_time
                      ? (watch->newest_time - watch->unsent_time) / 10000
                      : 0;
    jsonw_key(w, "lag_ms");
    jsonw_i64(w, lag);
    key_counter(w, "batches", watch->sent_batches);
    key_counter(w, "bytes", watch->sent_bytes);
    key_counter(w, "gaps", watch->gaps);
    jsonw_key(w, "ledger");
    ledger_json(&ledger, viewer->administrator, w);
    jsonw_object_end(w);
}

void subscriptions_json(Hub *hub, const ProfileViewer *viewer, JsonWriter *w) {
    Watch *watch;
    jsonw_array(w);
    for (uint32_t i = 0; hub_next_watch(hub, &i, &watch);)
        if (viewer->administrator || watch->user == viewer->user)
            subscription_json(hub, watch, viewer, w);
    jsonw_array_end(w);
}
