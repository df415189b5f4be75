#include <stdio.h>

#include "client/lib/internal.h"
#include "util/mem.h"

#define CONNECT_MS 5000u
#define REQUEST_MS 30000u

int32_t etw_connect(const EtwConnectOptions *options, EtwClient **client) {
    if (!client)
        return ETW_STATUS_INVALID_ARGUMENT;
    *client = NULL;
    if (options && !struct_ok(options->struct_size, sizeof *options))
        return ETW_STATUS_INVALID_ARGUMENT;
    EtwClient *c = mem_zalloc(sizeof *c);
    if (!c)
        return ETW_STATUS_NO_MEMORY;
    const char *endpoint = options ? options->endpoint : NULL;
    const char *agent = options && options->agent ? options->agent : "etwclient " ETW_VERSION;
    c->mutex = plat_mutex_new();
    c->error = error_box_new();
    c->endpoint = endpoint ? mem_strdup(endpoint) : NULL;
    c->agent = mem_strdup(agent);
    if (!c->mutex || !c->error || !c->agent || (endpoint && !c->endpoint)) {
        etw_disconnect(c);
        return ETW_STATUS_NO_MEMORY;
    }
    *client = c;
    Err err = ERR_INIT;
    int r = link_open(&c->link, endpoint, c->agent,
                      deadline_of(options ? options->timeout_ms : 0, CONNECT_MS), &err);
    if (r < 0)
        return error_box_set(c->error, r, &err, NULL);
    c->connected = true;
    return ETW_STATUS_OK;
}

void etw_disconnect(EtwClient *client) {
    if (!client)
        return;
    if (client->connected)
        link_close(&client->link);
    plat_mutex_free(client->mutex);
    error_box_unref(client->error);
    mem_free(client->endpoint);
    mem_free(client->agent);
    mem_free(client);
}

int32_t etw_broker(EtwClient *client, EtwBrokerInfo *info) {
    if (!client || !info || !struct_ok(info->struct_size, sizeof *info))
        return ETW_STATUS_INVALID_ARGUMENT;
    plat_mutex_lock(client->mutex);
    bool connected = client->connected;
    plat_mutex_unlock(client->mutex);
    if (!connected)
        return ETW_STATUS_CLOSED;
    const WireWelcome *w = &client->link.welcome;
    info->protocol = w->version;
    info->features = w->features;
    info->epoch = w->epoch;
    info->reserved = 0;
    memcpy(info->instance.bytes, w->instance.b, sizeof info->instance.bytes);
    snprintf(info->agent, sizeof info->agent, "%.47s", w->agent);
    return ETW_STATUS_OK;
}

int32_t etw_request(EtwClient *client, const char *method, const char *params, uint32_t timeout_ms,
                    char **reply) {
    if (!client || !method || !reply)
        return ETW_STATUS_INVALID_ARGUMENT;
    *reply = NULL;
    Err err = ERR_INIT;
    char remedy[256] = "";
    uint32_t request = 0;
    int64_t deadline = deadline_of(timeout_ms, REQUEST_MS);
    plat_mutex_lock(client->mutex);
    bool lost = false;
    int r;
    if (!client->connected) {
        r = err_set(&err, STATUS_CLOSED, "there is no connection to a broker; connect again");
    } else {
        r = link_send(&client->link, method, params, deadline, &request, &err);
        // Half a frame may be out: nothing more can be said on this connection.
        lost = r == -STATUS_TIMEOUT;
        if (r == 0)
            r = link_reply(&client->link, request, deadline, reply, NULL, &err, remedy,
                           sizeof remedy);
        if (lost || r == -STATUS_CLOSED || r == -STATUS_IO || r == -STATUS_PROTOCOL) {
            link_close(&client->link);
            client->connected = false;
        }
    }
    plat_mutex_unlock(client->mutex);
    return r < 0 ? error_box_set(client->error, r, &err, remedy) : ETW_STATUS_OK;
}

// {"id":N,"instance":"…"} and more members (JSON text without the outer braces, may be "").
static int32_t request_about(EtwClient *client, const char *method, uint32_t id, const char *more,
                             uint32_t timeout_ms, char **reply) {
    char guid[GUID_TEXT];
    Buf params = BUF_INIT;
    buf_printf(&params, "{\"id\":%u,\"instance\":\"%s\"", id,
               guid_format(&client->link.welcome.instance, guid));
    buf_text(&params, more);
    buf_text(&params, "}");
    int32_t status = ETW_STATUS_NO_MEMORY;
    if (!params.failed)
        status = etw_request(client, method, buf_str(&params), timeout_ms, reply);
    buf_deinit(&params);
    return status;
}

int32_t etw_change(EtwClient *client, uint32_t id, const char *spec, uint32_t timeout_ms,
                   char **reply) {
    if (!client || !spec)
        return ETW_STATUS_INVALID_ARGUMENT;
    const char *start = spec;
    while (*start == ' ' || *start == '\t' || *start == '\n' || *start == '\r')
        start++;
    const char *end = start + strlen(start);
    while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\n' || end[-1] == '\r'))
        end--;
    if (end - start < 2 || *start != '{' || end[-1] != '}') {
        Err err = ERR_INIT;
        err_set(&err, STATUS_INVALID_ARGUMENT, "a change is a JSON object");
        return error_box_set(client->error, STATUS_INVALID_ARGUMENT, &err, NULL);
    }
    Buf more = BUF_INIT;
    size_t inside = (size_t)(end - start - 2);
    if (strspn(start + 1, " \t\r\n") < inside) {
        buf_text(&more, ",");
        buf_append(&more, start + 1, inside);
    }
    char *text = NULL;
    int32_t status = ETW_STATUS_NO_MEMORY;
    if (!more.failed)
        status = request_about(client, "change", id, buf_str(&more), timeout_ms, &text);
    buf_deinit(&more);
    if (reply)
        *reply = text;
    else
        mem_free(text);
    return status;
}

int32_t etw_stop(EtwClient *client, uint32_t id) {
    if (!client)
        return ETW_STATUS_INVALID_ARGUMENT;
    char *text = NULL;
    int32_t status = request_about(client, "unsubscribe", id, "", 0, &text);
    mem_free(text);
    return status;
}
