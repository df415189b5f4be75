#include "client/lib/internal.h"

#include <cjson/cJSON.h>
#include <stdio.h>

#include "platform/clock.h"
#include "util/jsonw.h"
#include "util/mem.h"

static int64_t left_of(int64_t deadline_ns) {
    if (deadline_ns < 0)
        return -1;
    int64_t left = deadline_ns - plat_now_ns();
    return left > 0 ? left : 0;
}

int link_frame(Link *link, int64_t deadline_ns, Frame *ret, Err *err) {
    for (;;) {
        int r = frame_reader_next(&link->reader, ret, err);
        if (r != 0)
            return r;
        uint8_t *room;
        size_t n = frame_reader_room(&link->reader, &room);
        if (n == 0)
            return err_set(err, STATUS_NO_MEMORY, "no memory for a frame");
        size_t got = 0;
        r = plat_channel_read(link->channel, room, n, left_of(deadline_ns), &got);
        if (r == -STATUS_TIMEOUT)
            return err_set(err, STATUS_TIMEOUT,
                           "the broker did not answer in time; try again or wait longer");
        if (r == -STATUS_CANCELLED)
            return err_set(err, STATUS_CANCELLED, "cancelled");
        if (r < 0)
            return err_set(err, (Status)-r, "reading from the broker failed: %s", status_text(-r));
        if (got == 0)
            return err_set(err, STATUS_CLOSED, "the broker closed the connection; connect again");
        frame_reader_commit(&link->reader, got);
    }
}

static int write_all(Link *link, const void *data, size_t bytes, int64_t deadline_ns, Err *err) {
    int r = plat_channel_write(link->channel, data, bytes, left_of(deadline_ns));
    if (r < 0)
        return err_set(err, (Status)-r, "writing to the broker failed: %s", status_text(-r));
    return 0;
}

static int refusal(const cJSON *root, Err *err, char *remedy, size_t remedy_cap) {
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
    const cJSON *status = cJSON_GetObjectItemCaseSensitive(error, "status");
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
    const char *help = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "remedy"));
    int code = cJSON_IsNumber(status) ? status->valueint : 0;
    // A newer broker may know more codes than this library.
    if (code <= 0 || strcmp(status_name(code), "UNKNOWN") == 0)
        code = STATUS_INTERNAL;
    snprintf(remedy, remedy_cap, "%s", help ? help : "");
    return err_set(err, (Status)code, "%s", message ? message : status_text(code));
}

static int take_reply(const Frame *frame, char **ret, Err *err, char *remedy, size_t remedy_cap) {
    cJSON *root = cJSON_ParseWithLength((const char *)frame->payload, frame->payload_bytes);
    const cJSON *ok = cJSON_GetObjectItemCaseSensitive(root, "ok");
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(root, "result");
    int r = 0;
    if (cJSON_IsFalse(ok)) {
        r = refusal(root, err, remedy, remedy_cap);
    } else if (!cJSON_IsTrue(ok) || !result) {
        r = err_set(err, STATUS_PROTOCOL, "the broker's reply is not one of the protocol");
    } else {
        char *text = cJSON_PrintUnformatted(result);
        *ret = text ? mem_strdup(text) : NULL;
        cJSON_free(text);
        if (!*ret)
            r = err_set(err, STATUS_NO_MEMORY, "no memory for a reply");
    }
    cJSON_Delete(root);
    return r;
}

int link_reply(Link *link, uint32_t request, int64_t deadline_ns, char **ret,
               uint32_t *ret_subscription, Err *err, char *remedy, size_t remedy_cap) {
    Frame frame;
    for (;;) {
        int r = link_frame(link, deadline_ns, &frame, err);
        if (r < 0)
            return r;
        if (frame.type != WIRE_REPLY)
            continue;
        // Request 0: a refusal of the connection itself. Others belong to requests that timed out.
        if (frame.request != request && frame.request != 0)
            continue;
        if (ret_subscription)
            *ret_subscription = frame.subscription;
        return take_reply(&frame, ret, err, remedy, remedy_cap);
    }
}

int link_send(Link *link, const char *method, const char *params, int64_t deadline_ns,
              uint32_t *ret_request, Err *err) {
    Buf frame = BUF_INIT;
    buf_zero(&frame, WIRE_HEAD_BYTES);
    buf_text(&frame, "{\"method\":");
    JsonWriter w = jsonw(&frame);
    jsonw_text(&w, method);
    buf_text(&frame, ",\"params\":");
    buf_text(&frame, params && params[0] ? params : "{}");
    buf_text(&frame, "}");
    int r;
    if (frame.failed) {
        r = err_set(err, STATUS_NO_MEMORY, "no memory for a request");
    } else if (frame.bytes > WIRE_MAX_IN) {
        r = err_set(err, STATUS_OVERSIZE, "the request has %zu bytes; %u are allowed", frame.bytes,
                    WIRE_MAX_IN);
    } else {
        uint32_t request = ++link->next_request;
        if (request == 0) // 0 stands for the connection
            request = ++link->next_request;
        frame_head_put(frame.data, WIRE_REQUEST, (uint32_t)(frame.bytes - WIRE_HEAD_BYTES), 0,
                       request);
        *ret_request = request;
        r = write_all(link, frame.data, frame.bytes, deadline_ns, err);
    }
    buf_deinit(&frame);
    return r;
}

static int shake_hands(Link *link, const char *agent, int64_t deadline_ns, Err *err) {
    uint8_t bytes[WIRE_HELLO_BYTES];
    WireHello hello = {.min_version = WIRE_VERSION_OLDEST, .max_version = WIRE_VERSION};
    snprintf(hello.agent, sizeof hello.agent, "%s", agent ? agent : "");
    wire_hello_put(bytes, &hello);
    int r = write_all(link, bytes, sizeof bytes, deadline_ns, err);
    // A broker that refuses says so and closes: its answer may be there although the write failed.
    Frame frame;
    int r2 = link_frame(link, deadline_ns, &frame, r < 0 ? NULL : err);
    if (r2 < 0)
        return r < 0 ? r : r2;
    if (frame.type == WIRE_REPLY) {
        char *none = NULL;
        char remedy[8];
        r = take_reply(&frame, &none, err, remedy, sizeof remedy);
        mem_free(none);
        return r < 0 ? r : err_set(err, STATUS_PROTOCOL, "the broker answered HELLO with a reply");
    }
    return wire_welcome_get(&frame, &link->welcome, err);
}

int link_open(Link *link, const char *endpoint, const char *agent, int64_t deadline_ns, Err *err) {
    *link = (Link){0};
    frame_reader_init(&link->reader, FRAME_TO_CLIENT);
    int r = plat_channel_open(endpoint, left_of(deadline_ns), &link->channel, err);
    if (r == 0)
        r = shake_hands(link, agent, deadline_ns, err);
    if (r < 0)
        link_close(link);
    return r;
}

void link_close(Link *link) {
    if (link->channel)
        link->channel = plat_channel_close(link->channel);
    frame_reader_deinit(&link->reader);
}
