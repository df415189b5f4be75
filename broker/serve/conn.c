#include "serve/conn.h"

#include <assert.h>
#include <stdio.h>

#include "serve/request.h"
#include "serve/server.h"
#include "util/mem.h"
#include "wire/schema_wire.h"
#include "wire/wire_batch.h"

#define LEAD_MAX    (512u * 1024u)       // schemas and heads of one write; more goes with the next
#define LINGER_NS   INT64_C(10000000000) // after END, for the client to close first
#define REQUESTS_NS INT64_C(1000000)     // of requests in one round of the loop

int conn_new(struct Server *server, PlatStream *stream, int64_t now_ns, Conn **ret) {
    Conn *conn = mem_zalloc(sizeof *conn);
    if (!conn)
        return -STATUS_NO_MEMORY;
    conn->server = server;
    conn->stream = stream;
    conn->opened_ns = conn->idle_ns = now_ns;
    frame_reader_init(&conn->reader, FRAME_TO_BROKER);
    *ret = conn;
    return 0;
}

Conn *conn_free(Conn *conn) {
    assert(conn->state == CONN_CLOSED);
    for (uint32_t i = 0; i < conn->n_inflight; i++)
        watch_abandoned(&conn->watch, &conn->inflight[i]);
    if (conn->has_watch)
        hub_unsubscribe(conn->server->options.hub, &conn->watch);
    if (conn->user)
        user_disconnect(conn->user, conn->administrator);
    frame_reader_deinit(&conn->reader);
    buf_deinit(&conn->out);
    buf_deinit(&conn->lead);
    mem_free(conn->types_sent);
    if (conn->peer)
        plat_peer_deinit(conn->peer);
    mem_free(conn->peer);
    mem_free(conn);
    return NULL;
}

void conn_close(Conn *conn) {
    if (conn->state == CONN_CLOSED)
        return;
    conn->state = CONN_CLOSED;
    // Nothing more will be delivered: leave the feed now, so that the source is not held.
    if (conn->has_watch)
        hub_leave(conn->server->options.hub, &conn->watch);
    plat_stream_close(conn->stream);
}

void conn_close_soon(Conn *conn) {
    if (conn->state == CONN_CLOSED)
        return;
    if (conn->state != CONN_CLOSING)
        conn->idle_ns = server_now(conn->server); // from here on it has time to take what is queued
    conn->state = CONN_CLOSING;
    server_ready(conn->server, conn);
}

// --- in ----------------------------------------------------------------------------------------

static void read_more(Conn *conn) {
    if (conn->reading || conn->state == CONN_CLOSED || conn->state == CONN_CLOSING ||
        conn->pending || conn->out.bytes > CONN_REPLY_PAUSE)
        return;
    uint8_t *room;
    size_t n = frame_reader_room(&conn->reader, &room);
    if (n == 0 || plat_stream_read(conn->stream, room, n) < 0) {
        conn_close(conn);
        return;
    }
    conn->reading = true;
}

static int identify(Conn *conn, const WireHello *hello, uint16_t *ret_version, Err *err) {
    Server *server = conn->server;
    int r = wire_negotiate(hello, ret_version, err);
    if (r < 0)
        return r;
    memcpy(conn->agent, hello->agent, sizeof conn->agent);
    conn->peer = mem_zalloc(sizeof *conn->peer);
    if (!conn->peer)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a connection");
    r = plat_stream_peer(conn->stream, conn->peer, err);
    if (r < 0)
        return r;
    conn->administrator = conn->peer->administrator;
    return user_connect(hub_users(server->options.hub), conn->peer, &conn->user, err);
}

static void welcome(Conn *conn, uint16_t version) {
    Server *server = conn->server;
    WireWelcome w = {.version = version,
                     .epoch = hub_epoch(server->options.hub),
                     .instance = server->instance,
                     .max_in = WIRE_MAX_IN};
    snprintf(w.agent, sizeof w.agent, "etwbroker %s", ETW_VERSION);
    uint8_t frame[WIRE_HEAD_BYTES + WIRE_WELCOME_BYTES];
    frame_head_put(frame, WIRE_WELCOME, WIRE_WELCOME_BYTES, 0, 0);
    wire_welcome_put(frame + WIRE_HEAD_BYTES, &w);
    buf_append(&conn->out, frame, sizeof frame);
    if (conn->out.failed) // the client must not wait for it
        conn_close(conn);
    else
        server_ready(server, conn);
}

// True when the handshake is over.
static bool take_hello(Conn *conn) {
    Err err = ERR_INIT;
    WireHello hello;
    uint16_t version = 0;
    int r = frame_reader_hello(&conn->reader, &hello, &err);
    if (r == 0)
        return false;
    if (r < 0) { // not our protocol: no answer
        conn_close(conn);
        return false;
    }
    r = identify(conn, &hello, &version, &err);
    if (r < 0) {
        conn_reply_error(conn, 0, -r, err.text);
        conn_close_soon(conn);
        return false;
    }
    conn->state = CONN_READY;
    welcome(conn, version);
    return conn->state == CONN_READY;
}

static void take_frames(Conn *conn) {
    if (conn->state == CONN_HELLO && !take_hello(conn))
        return;
    int64_t start = server_now(conn->server);
    conn->pending = false;
    while (conn->state == CONN_READY && conn->out.bytes <= CONN_REPLY_PAUSE) {
        Err err = ERR_INIT;
        Frame frame;
        // A read may hold thousands of small requests that are dear: events have their turn.
        if (server_now(conn->server) - start >= REQUESTS_NS) {
            conn->pending = true;
            server_ready(conn->server, conn);
            return;
        }
        int r = frame_reader_next(&conn->reader, &frame, &err);
        if (r == 0)
            return;
        if (r < 0 || frame.type != WIRE_REQUEST) {
            conn_reply_error(conn, 0, STATUS_PROTOCOL,
                             r < 0 ? err.text : "only REQUEST frames may be sent");
            conn_close_soon(conn);
            return;
        }
        conn->idle_ns = server_now(conn->server);
        request_take(conn, &frame);
    }
}

// --- out ---------------------------------------------------------------------------------------

void conn_reply(Conn *conn, uint32_t request, uint32_t subscription, const char *json,
                size_t bytes) {
    if (conn->state == CONN_CLOSED)
        return;
    size_t start = conn->out.bytes;
    uint8_t head[WIRE_HEAD_BYTES];
    frame_head_put(head, WIRE_REPLY, (uint32_t)bytes, subscription, request);
    buf_append(&conn->out, head, sizeof head);
    buf_append(&conn->out, json, bytes);
    if (conn->out.failed) { // no memory for a reply: the client must not wait for it
        conn->out.bytes = start;
        conn->out.failed = false;
        conn_close_soon(conn);
        return;
    }
    server_ready(conn->server, conn);
}

void conn_reply_error(Conn *conn, uint32_t request, int status, const char *message) {
    Buf json = BUF_INIT;
    JsonWriter w = jsonw(&json);
    jsonw_object(&w);
    jsonw_key(&w, "ok");
    jsonw_bool(&w, false);
    jsonw_key(&w, "error");
    jsonw_object(&w);
    jsonw_key(&w, "code");
    jsonw_text(&w, status_name(status));
    jsonw_key(&w, "status");
    jsonw_i64(&w, status);
    jsonw_key(&w, "message");
    jsonw_text(&w, message[0] ? message : status_text(status));
    jsonw_key(&w, "remedy");
    jsonw_text(&w, status_remedy(status));
    jsonw_object_end(&w);
    jsonw_object_end(&w);
    if (json.failed)
        conn_close_soon(conn);
    else
        conn_reply(conn, request, 0, (const char *)json.data, json.bytes);
    buf_deinit(&json);
}

static bool type_was_sent(Conn *conn, uint32_t id) {
    return id / 8 < conn->types_sent_bytes && (conn->types_sent[id / 8] >> (id % 8)) & 1;
}

static bool note_type_sent(Conn *conn, uint32_t id) {
    if (id / 8 >= conn->types_sent_bytes) {
        uint32_t bytes = MAX_OF(conn->types_sent_bytes * 2, (id / 8 + 64) & ~63u);
        uint8_t *bits = mem_resize(conn->types_sent, bytes);
        if (!bits)
            return false;
        memset(bits + conn->types_sent_bytes, 0, bytes - conn->types_sent_bytes);
        conn->types_sent = bits;
        conn->types_sent_bytes = bytes;
    }
    conn->types_sent[id / 8] |= (uint8_t)(1u << (id % 8));
    return true;
}

// The schemas of a batch that the connection has not seen. 1: all are in `lead`; 0: it is full, the
// rest goes with the next write; < 0: no memory.
static int put_schemas(Conn *conn, const Batch *batch) {
    for (uint32_t i = 0; i < batch->n_types; i++) {
        uint32_t id = batch->types[i].id;
        if (id == 0 || type_was_sent(conn, id))
            continue;
        if (conn->lead.bytes >= LEAD_MAX)
            return 0;
        size_t at = conn->lead.bytes;
        buf_zero(&conn->lead, WIRE_HEAD_BYTES);
        schema_wire_put(&conn->lead, id, batch->types[i].schema);
        if (conn->lead.failed || !note_type_sent(conn, id))
            return -STATUS_NO_MEMORY;
        frame_head_put(conn->lead.data + at, WIRE_SCHEMA,
                       (uint32_t)(conn->lead.bytes - at - WIRE_HEAD_BYTES), conn->watch.id, 0);
    }
    return 1;
}

static void put_end(Conn *conn, const WatchEntry *entry) {
    Ledger l = watch_ledger(&conn->watch);
    bool all = conn->administrator; // others see what concerns their own queue
    WireEnd end = {.reason = entry->reason,
                   .ledger = {
                       .offered = all ? l.want.offered : 0,
                       .denied_scope = all ? l.want.denied_scope : 0,
                       .denied_policy = all ? l.want.denied_policy : 0,
                       .denied_cost = all ? l.want.denied_cost : 0,
                       .filtered = all ? l.want.filtered : 0,
                       .matched = all ? l.want.matched : 0,
                       .held = all ? l.held : 0,
                       .numbered = l.number.numbered,
                       .dropped_queue = l.number.dropped_queue,
                       .dropped_rate = l.number.dropped_rate,
                       .dropped_oversize = l.number.dropped_oversize,
                       .dropped_policy = l.number.dropped_policy,
                       .dropped_close = l.number.dropped_close,
                       .queued = l.number.queued,
                       .sent = l.number.sent,
                   }};
    uint8_t frame[WIRE_HEAD_BYTES + WIRE_END_BYTES];
    frame_head_put(frame, WIRE_END, WIRE_END_BYTES, conn->watch.id, 0);
    wire_end_put(frame + WIRE_HEAD_BYTES, &end);
    buf_append(&conn->lead, frame, sizeof frame);
}

static void put_notice(Conn *conn, const WatchEntry *entry) {
    uint8_t frame[WIRE_HEAD_BYTES + WIRE_GAP_BYTES];
    uint8_t *payload = frame + WIRE_HEAD_BYTES;
    uint16_t type;
    uint32_t bytes;
    if (entry->kind == ENTRY_GAP) {
        WireGap gap = {entry->first, entry->count, entry->reason, entry->from, entry->to};
        type = WIRE_GAP;
        bytes = WIRE_GAP_BYTES;
        wire_gap_put(payload, &gap);
    } else if (entry->kind == ENTRY_CHANGED) {
        WireChanged changed = {entry->first, entry->generation, entry->flags};
        type = WIRE_CHANGED;
        bytes = WIRE_CHANGED_BYTES;
        wire_changed_put(payload, &changed);
    } else {
        WireEpoch epoch = {entry->generation, entry->reason, entry->flags, entry->from};
        type = WIRE_EPOCH;
        bytes = WIRE_EPOCH_BYTES;
        wire_epoch_put(payload, &epoch);
    }
    frame_head_put(frame, type, bytes, conn->watch.id, 0);
    buf_append(&conn->lead, frame, WIRE_HEAD_BYTES + bytes);
}

// A stretch of `lead`, followed by a batch body (or none).
typedef struct Segment {
    size_t lead_from, lead_to;
    const Batch *batch;
} Segment;

static uint32_t gather(Conn *conn, Segment *segments) {
    uint32_t n = 0;
    size_t from = 0;
    const WatchEntry *front;
    uint64_t inflight = 0;
    while (conn->has_watch && conn->n_inflight < CONN_BATCHES && conn->lead.bytes < LEAD_MAX &&
           (front = watch_front(&conn->watch)) != NULL) {
        // END tells the final ledger: it waits until everything before it has been taken.
        if (front->kind == ENTRY_END && conn->n_inflight > 0)
            break;
        if (front->kind == ENTRY_BATCH) {
            // What is being written stays charged and cannot be dropped: it may take half of the
            // quota, or drop-oldest would have nothing old left to drop.
            if (conn->n_inflight > 0 &&
                inflight + front->batch->charge > conn->watch.quota_bytes / 2)
                break;
            int r = put_schemas(conn, front->batch);
            if (r < 0)
                conn->lead.failed = true;
            if (r <= 0)
                break;
            inflight += front->batch->charge;
        }
        WatchEntry entry;
        watch_take(&conn->watch, &entry);
        if (entry.kind == ENTRY_END) {
            // Ended before the source did: what still comes is no longer its, or the ledger would
            // not be final. At the source's end nothing comes, and the profile goes on showing the
            // watchers.
            if (entry.reason != WIRE_END_SOURCE && entry.reason != WIRE_END_FAILED)
                hub_leave(conn->server->options.hub, &conn->watch);
            put_end(conn, &entry);
            conn->end_sent = true;
            conn->idle_ns = server_now(conn->server);
            break;
        }
        if (entry.kind != ENTRY_BATCH) {
            put_notice(conn, &entry);
            continue;
        }
        conn->inflight[conn->n_inflight++] = entry;
        uint8_t head[WIRE_PRIVATE_BYTES];
        wire_private_put(head, entry.batch->bytes, conn->watch.id, entry.first);
        buf_append(&conn->lead, head, sizeof head);
        segments[n++] = (Segment){from, conn->lead.bytes, entry.batch};
        from = conn->lead.bytes;
    }
    if (conn->lead.bytes > from)
        segments[n++] = (Segment){from, conn->lead.bytes, NULL};
    return n;
}

void conn_pump(Conn *conn) {
    if (conn->pending && conn->state == CONN_READY) {
        take_frames(conn);
        read_more(conn);
    }
    if (conn->writing || conn->state == CONN_CLOSED)
        return;
    buf_clear(&conn->lead);
    if (conn->out.bytes > 0) {
        Buf swap = conn->lead;
        conn->lead = conn->out;
        conn->out = swap;
    }
    Segment segments[CONN_BATCHES + 1];
    uint32_t n = conn->state == CONN_READY || (conn->state == CONN_CLOSING && conn->has_watch)
                     ? gather(conn, segments)
                     : 0;
    if (conn->state != CONN_READY && n == 0 && conn->lead.bytes > 0) {
        segments[0] = (Segment){0, conn->lead.bytes, NULL};
        n = 1;
    }
    if (conn->lead.failed || (conn->has_watch && conn->watch.failed)) {
        conn_close(conn);
        return;
    }
    if (n == 0) {
        if (conn->state == CONN_CLOSING)
            conn_close(conn);
        return;
    }
    PortSpan spans[PORT_SPANS_MAX];
    int n_spans = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (segments[i].lead_to > segments[i].lead_from)
            spans[n_spans++] = (PortSpan){conn->lead.data + segments[i].lead_from,
                                          segments[i].lead_to - segments[i].lead_from};
        if (segments[i].batch)
            spans[n_spans++] = (PortSpan){segments[i].batch->body, segments[i].batch->bytes};
    }
    if (plat_stream_write(conn->stream, spans, n_spans) < 0) {
        conn_close(conn);
        return;
    }
    conn->writing = true;
    conn->watch.blocked = true;
}

static void written(Conn *conn) {
    int64_t now = server_now(conn->server);
    conn->writing = false;
    conn->watch.blocked = false;
    for (uint32_t i = 0; i < conn->n_inflight; i++)
        watch_written(&conn->watch, &conn->inflight[i], now);
    conn->n_inflight = 0;
    conn->watch.last_progress_ns = now;
    if (conn->end_sent || conn->state == CONN_CLOSING)
        conn->idle_ns = now;
    server_ready(conn->server, conn);
    if (conn->state == CONN_READY && !conn->reading) {
        take_frames(conn); // requests that waited for room
        read_more(conn);
    }
}

void conn_start(Conn *conn) {
    read_more(conn);
}

void conn_event(Conn *conn, const PortEvent *event) {
    switch (event->kind) {
    case PORT_READ:
        conn->reading = false;
        if (event->bytes == 0) {
            conn_close(conn);
            return;
        }
        frame_reader_commit(&conn->reader, event->bytes);
        take_frames(conn);
        read_more(conn);
        break;
    case PORT_WRITTEN:
        written(conn);
        break;
    case PORT_FAILED:
        conn_close(conn);
        break;
    default:
        break;
    }
}

void conn_tick(Conn *conn, int64_t now_ns) {
    const Config *config = conn->server->options.config;
    Watch *watch = &conn->watch;
    if (conn->state == CONN_CLOSED)
        return;
    if (conn->state == CONN_HELLO || conn->state == CONN_CLOSING) {
        if (now_ns - conn->opened_ns > (int64_t)config->handshake_ms * 1000000 &&
            now_ns - conn->idle_ns > (int64_t)config->handshake_ms * 1000000)
            conn_close(conn);
        return;
    }
    if (!conn->has_watch)
        return;
    if (conn->end_sent && !conn->writing) {
        if (now_ns - conn->idle_ns > LINGER_NS)
            conn_close(conn);
        return;
    }
    if (!conn->writing && watch->n_entries == 0) {
        watch->last_progress_ns = now_ns;
        return;
    }
    uint32_t limit_ms = watch->policy == QUEUE_WAIT ? config->stalled_ms : config->slow_ms;
    if (now_ns - watch->last_progress_ns > (int64_t)limit_ms * 1000000) {
        // The reader takes nothing: an END would only wait behind what it does not read.
        conn_close(conn);
    }
}
