#include <stdio.h>

#include "profile/profile.h"

#define SLOW_SHARE 0.5 // of its quota: a queue fuller than this is called slow

static void counter(JsonWriter *w, const char *key, uint64_t v) {
    jsonw_key(w, key);
    jsonw_u64_text(w, v);
}

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

static void ledger_json(const Ledger *l, bool administrator, JsonWriter *w) {
    jsonw_object(w);
    if (administrator) {
        counter(w, "offered", l->want.offered);
        counter(w, "denied_scope", l->want.denied_scope);
        counter(w, "denied_policy", l->want.denied_policy);
        counter(w, "denied_cost", l->want.denied_cost);
        counter(w, "filtered", l->want.filtered);
        counter(w, "unjudged", l->want.unjudged);
        counter(w, "matched", l->want.matched);
        counter(w, "held", l->held);
    }
    counter(w, "numbered", l->number.numbered);
    counter(w, "dropped_queue", l->number.dropped_queue);
    counter(w, "dropped_rate", l->number.dropped_rate);
    counter(w, "dropped_oversize", l->number.dropped_oversize);
    counter(w, "dropped_policy", l->number.dropped_policy);
    counter(w, "dropped_close", l->number.dropped_close);
    counter(w, "queued", l->number.queued);
    counter(w, "sent", l->number.sent);
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
    jsonw_key(w, "id");
    jsonw_u64(w, watch->id);
    jsonw_key(w, "name");
    jsonw_text(w, watch->name);
    jsonw_key(w, "user");
    jsonw_text(w, watch->user->name[0] ? watch->user->name : watch->user->sid);
    jsonw_key(w, "sid");
    jsonw_text(w, watch->user->sid);
    jsonw_key(w, "process");
    jsonw_text(w, client.agent);
    jsonw_key(w, "pid");
    jsonw_u64(w, client.pid);
    jsonw_key(w, "generation");
    jsonw_u64(w, watch->generation);
    jsonw_key(w, "spec");
    if (watch->feed)
        spec_to_json(watch->feed->spec, w);
    else
        jsonw_null(w);
    jsonw_key(w, "equal_watchers");
    jsonw_u64(w, watch->feed ? watch->feed->n_members : 0);
    jsonw_key(w, "queue_policy");
    jsonw_text(w, policy_name(watch->policy));
    counter(w, "queue_bytes", watch->queue_bytes);
    counter(w, "queue_quota", watch->quota_bytes);
    jsonw_key(w, "queue_share");
    jsonw_double(w, share);
    jsonw_key(w, "state");
    jsonw_text(w, state_of(watch, share));
    // Event time that lies between the newest event queued and the newest one sent.
    jsonw_key(w, "lag_ms");
    int64_t lag = watch->n_entries > 0 && watch->last_event_time > 0 && watch->newest_time > watch->last_event_time
                      ? (watch->newest_time - watch->last_event_time) / 10000
                      : 0;
    jsonw_i64(w, lag);
    counter(w, "batches", watch->sent_batches);
    counter(w, "bytes", watch->sent_bytes);
    counter(w, "gaps", watch->gaps);
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
