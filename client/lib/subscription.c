#include <cjson/cJSON.h>
#include <stdio.h>

#include "client/lib/internal.h"
#include "platform/clock.h"
#include "util/mem.h"
#include "wire/schema_wire.h"

#define SUBSCRIBE_MS 30000u
#define MAX_TYPE     (1u << 24) // type ids are dense; a larger one is not from our broker

typedef struct TypeSlot {
    Schema *schema;
    uint64_t used_by; // serial of the last batch that holds a reference
} TypeSlot;

struct EtwSubscription {
    Link link;
    ErrorBox *error;
    uint32_t id;
    char *info;
    TypeSlot *types; // by type id; the reading thread's
    uint32_t n_types;
    Schema *none; // for records with an inline key
    uint64_t serial;
    uint32_t skip_pid; // events of this process are left out; 0 = none
    bool plain;        // enrich is "none"
    bool ended;
    int32_t broken;   // a frame that came could not be taken: what follows would have a hole
    PlatMutex *mutex; // of stats
    EtwStats stats;
};

static int32_t fail(EtwSubscription *s, int result, const Err *err, const char *remedy) {
    return error_box_set(s->error, result, err, remedy);
}

static int make_none(Schema **ret) {
    int r = schema_new(ret);
    if (r < 0)
        return r;
    (*ret)->source = SCHEMA_NONE;
    (*ret)->undecodable = UNDECODABLE_TYPE_LIMIT;
    r = schema_finish(*ret, NULL);
    if (r < 0)
        *ret = schema_unref(*ret);
    return r;
}

// In a replayed file the same pid is somebody else's.
static void skip_self(EtwSubscription *s, bool skip) {
    s->skip_pid = skip && (s->link.welcome.features & WIRE_FEATURE_LIVE) ? plat_pid() : 0;
}

// What of the confirmed specification concerns this side.
static void read_spec(EtwSubscription *s) {
    cJSON *root = cJSON_Parse(s->info);
    const cJSON *spec = cJSON_GetObjectItemCaseSensitive(root, "spec");
    const char *enrich = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(spec, "enrich"));
    bool self = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(spec, "include_self"));
    s->plain = enrich && strcmp(enrich, "none") == 0;
    skip_self(s, !self);
    cJSON_Delete(root);
}

int32_t etw_subscribe(EtwClient *client, const char *spec, uint32_t timeout_ms,
                      EtwSubscription **subscription) {
    if (!client || !spec || !subscription)
        return ETW_STATUS_INVALID_ARGUMENT;
    *subscription = NULL;
    Err err = ERR_INIT;
    char remedy[256] = "";
    uint32_t request = 0;
    int64_t deadline = deadline_of(timeout_ms, SUBSCRIBE_MS);
    EtwSubscription *s = mem_zalloc(sizeof *s);
    if (!s)
        return ETW_STATUS_NO_MEMORY;
    s->error = error_box_ref(client->error);
    s->mutex = plat_mutex_new();
    int r = s->mutex ? make_none(&s->none) : -STATUS_NO_MEMORY;
    if (r == 0)
        r = link_open(&s->link, client->endpoint, client->agent, deadline, &err);
    if (r == 0)
        r = link_send(&s->link, "subscribe", spec, deadline, &request, &err);
    if (r == 0)
        r = link_reply(&s->link, request, deadline, &s->info, &s->id, &err, remedy, sizeof remedy);
    if (r < 0) {
        int32_t status = fail(s, r, &err, remedy);
        etw_close(s);
        return status;
    }
    s->stats.epoch = s->link.welcome.epoch;
    read_spec(s);
    *subscription = s;
    return ETW_STATUS_OK;
}

void etw_close(EtwSubscription *subscription) {
    if (!subscription)
        return;
    link_close(&subscription->link);
    for (uint32_t i = 0; i < subscription->n_types; i++)
        schema_unref(subscription->types[i].schema);
    schema_unref(subscription->none);
    mem_free(subscription->types);
    mem_free(subscription->info);
    plat_mutex_free(subscription->mutex);
    error_box_unref(subscription->error);
    mem_free(subscription);
}

uint32_t etw_id(EtwSubscription *subscription) {
    return subscription ? subscription->id : 0;
}

const char *etw_subscription_info(EtwSubscription *subscription) {
    return subscription && subscription->info ? subscription->info : "{}";
}

int32_t etw_stats(EtwSubscription *subscription, EtwStats *stats) {
    if (!subscription || !stats || !struct_ok(stats->struct_size, sizeof *stats))
        return ETW_STATUS_INVALID_ARGUMENT;
    uint32_t size = stats->struct_size;
    plat_mutex_lock(subscription->mutex);
    *stats = subscription->stats;
    plat_mutex_unlock(subscription->mutex);
    stats->struct_size = size;
    return ETW_STATUS_OK;
}

void etw_cancel(EtwSubscription *subscription) {
    if (subscription && subscription->link.channel)
        plat_channel_cancel(subscription->link.channel);
}

intptr_t etw_wait_handle(EtwSubscription *subscription) {
    return subscription && subscription->link.channel
               ? plat_channel_wait_handle(subscription->link.channel)
               : -1;
}

// --- reading -----------------------------------------------------------------------------------

static const Schema *schema_of(void *user, uint32_t type, bool *ret_first_use) {
    EtwSubscription *s = user;
    if (type >= s->n_types || !s->types[type].schema)
        return NULL;
    TypeSlot *slot = &s->types[type];
    *ret_first_use = slot->used_by != s->serial;
    slot->used_by = s->serial;
    return slot->schema;
}

static int take_schema(EtwSubscription *s, const Frame *frame, Err *err) {
    uint32_t type;
    Schema *schema;
    int r = schema_wire_get(frame->payload, frame->payload_bytes, &type, &schema, err);
    if (r < 0)
        return r;
    if (type == 0 || type >= MAX_TYPE) {
        schema_unref(schema);
        return err_set(err, STATUS_PROTOCOL, "a schema for type %u", type);
    }
    if (type >= s->n_types) {
        uint32_t n = MAX_OF(s->n_types * 2, (type + 64) & ~63u);
        TypeSlot *types = mem_resize(s->types, n * sizeof *types);
        if (!types) {
            schema_unref(schema);
            return err_set(err, STATUS_NO_MEMORY, "no memory for a schema");
        }
        memset(types + s->n_types, 0, (n - s->n_types) * sizeof *types);
        s->types = types;
        s->n_types = n;
    }
    schema_unref(s->types[type].schema);
    s->types[type] = (TypeSlot){schema, 0};
    return 0;
}

static int take_events(EtwSubscription *s, const Frame *frame, EtwBatch **ret, Err *err) {
    BatchSource source = {schema_of, s, s->none, s->plain};
    EtwBatch *batch;
    uint64_t skipped = 0;
    s->serial++;
    int r = batch_make(frame, &source, &batch, err);
    if (r < 0)
        return r;
    if (s->skip_pid != 0)
        r = batch_skip(batch, s->skip_pid, &skipped, err);
    if (r < 0) {
        etw_batch_free(batch);
        return r;
    }
    *ret = batch;
    plat_mutex_lock(s->mutex);
    s->stats.received += batch->n_events - skipped;
    s->stats.skipped_self += skipped;
    s->stats.batches++;
    s->stats.bytes += frame->payload_bytes + WIRE_HEAD_BYTES;
    s->stats.next_number = batch->first + batch->n_events;
    plat_mutex_unlock(s->mutex);
    return 0;
}

static void count_gap(EtwSubscription *s, const WireGap *gap) {
    plat_mutex_lock(s->mutex);
    if (gap->reason == WIRE_GAP_SOURCE) {
        if (gap->count == UINT64_MAX || s->stats.source_lost == UINT64_MAX)
            s->stats.source_lost = UINT64_MAX;
        else
            s->stats.source_lost += gap->count;
    } else {
        s->stats.gap_events += gap->count;
        s->stats.next_number = gap->first + gap->count;
    }
    plat_mutex_unlock(s->mutex);
}

static void ledger_out(const WireLedger *in, EtwLedger *out) {
    *out = (EtwLedger){
        .offered = in->offered,
        .denied_scope = in->denied_scope,
        .denied_policy = in->denied_policy,
        .denied_cost = in->denied_cost,
        .filtered = in->filtered,
        .matched = in->matched,
        .held = in->held,
        .numbered = in->numbered,
        .dropped_queue = in->dropped_queue,
        .dropped_rate = in->dropped_rate,
        .dropped_oversize = in->dropped_oversize,
        .dropped_policy = in->dropped_policy,
        .dropped_close = in->dropped_close,
        .queued = in->queued,
        .sent = in->sent,
    };
}

static int take_notice(EtwSubscription *s, const Frame *frame, EtwItem *item, Err *err) {
    int r;
    WireGap gap;
    WireChanged changed;
    WireEpoch epoch;
    WireEnd end;
    switch (frame->type) {
    case WIRE_GAP:
        r = wire_gap_get(frame, &gap, err);
        if (r < 0)
            return r;
        item->kind = ETW_ITEM_GAP;
        item->number = gap.first;
        item->gap_count = gap.count;
        item->reason = gap.reason;
        item->from = gap.from;
        item->to = gap.to;
        count_gap(s, &gap);
        return 0;
    case WIRE_CHANGED:
        r = wire_changed_get(frame, &changed, err);
        if (r < 0)
            return r;
        item->kind = ETW_ITEM_CHANGED;
        item->number = changed.first;
        item->generation = changed.generation;
        s->plain = (changed.flags & WIRE_CHANGED_PLAIN) != 0;
        skip_self(s, !(changed.flags & WIRE_CHANGED_SELF));
        return 0;
    case WIRE_EPOCH:
        r = wire_epoch_get(frame, &epoch, err);
        if (r < 0)
            return r;
        item->kind = ETW_ITEM_EPOCH;
        item->generation = epoch.number;
        item->reason = epoch.reason;
        item->flags = epoch.flags;
        item->from = epoch.time;
        plat_mutex_lock(s->mutex);
        s->stats.epoch = epoch.number;
        plat_mutex_unlock(s->mutex);
        return 0;
    case WIRE_END:
        r = wire_end_get(frame, &end, err);
        if (r < 0)
            return r;
        item->kind = ETW_ITEM_END;
        item->reason = end.reason;
        ledger_out(&end.ledger, &item->ledger);
        s->ended = true;
        return 0;
    default:
        return 1; // not for us, or of a newer broker
    }
}

int32_t etw_read(EtwSubscription *subscription, uint32_t timeout_ms, EtwBatch **batch) {
    EtwSubscription *s = subscription;
    if (!s || !batch)
        return ETW_STATUS_INVALID_ARGUMENT;
    *batch = NULL;
    if (s->broken)
        return s->broken;
    if (s->ended)
        return ETW_STATUS_END;
    Err err = ERR_INIT;
    int64_t deadline =
        timeout_ms == UINT32_MAX ? -1 : plat_now_ns() + (int64_t)timeout_ms * 1000000;
    for (;;) {
        Frame frame;
        int r = link_frame(&s->link, deadline, &frame, &err);
        bool taken = r == 1;
        if (r == 1 && frame.type == WIRE_SCHEMA) {
            r = take_schema(s, &frame, &err);
            if (r == 0)
                continue;
        } else if (r == 1 && frame.type == WIRE_EVENTS) {
            r = take_events(s, &frame, batch, &err);
            if (r == 0)
                return ETW_STATUS_OK;
        } else if (r == 1) {
            EtwItem item = {.struct_size = sizeof item};
            r = take_notice(s, &frame, &item, &err);
            if (r == 1)
                continue;
            if (r == 0)
                r = batch_make_notice(&item, batch);
            if (r == 0)
                return ETW_STATUS_OK;
        }
        if (r == -STATUS_TIMEOUT || r == -STATUS_CANCELLED)
            return -r; // expected: not an error to remember
        if (taken)
            s->broken = -r;
        return fail(s, r, &err, NULL);
    }
}
