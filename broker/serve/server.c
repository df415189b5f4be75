#include "serve/server.h"

#include <assert.h>

#include "idl/wire.h"
#include "platform/clock.h"
#include "util/mem.h"

#define TICK_NS INT64_C(100000000)

int server_start(Server *server, const ServerOptions *options, Err *err) {
    *server = (Server){.options = *options};
    server->started_ns = server->last_tick_ns = options->now(options->now_user);
    server->names = names_of_store(options->store);
    if (!plat_random(server->instance.b, sizeof server->instance.b))
        return err_set(err, STATUS_IO, "the system gives no random numbers");
    // 0600: the broker's own user, until a policy opens it to others.
    return plat_listen(options->port, options->endpoint, options->sddl, 0600, server,
                       &server->listener, err);
}

int64_t server_now(const Server *server) {
    return server->options.now(server->options.now_user);
}

bool server_idle(const Server *server) {
    return server->n_conns == 0;
}

static bool grow(void **list, uint32_t n, uint32_t *capacity) {
    if (n < *capacity)
        return true;
    uint32_t more = *capacity ? *capacity : 16;
    while (more <= n)
        more *= 2;
    void *grown = mem_resize(*list, more * sizeof(void *));
    if (!grown)
        return false;
    *list = grown;
    *capacity = more;
    return true;
}

void server_ready(Server *server, Conn *conn) {
    if (conn->listed)
        return;
    // Room for every connection twice (one may be listed again while it is served): reserved when
    // it was made.
    assert(server->n_ready < server->ready_capacity);
    server->ready[server->n_ready++] = conn;
    conn->listed = true;
}

// Silent connections must not keep others out until their deadline (security.md, threat 9).
static void make_way(Server *server) {
    Conn *oldest = NULL;
    uint32_t n = 0;
    for (uint32_t i = 0; i < server->n_conns; i++) {
        Conn *conn = server->conns[i];
        if (conn->state != CONN_HELLO)
            continue;
        n++;
        if (!oldest || conn->opened_ns < oldest->opened_ns)
            oldest = conn;
    }
    if (n >= SERVER_HELLO_MAX)
        conn_close(oldest);
}

static void accept_conn(Server *server, PlatStream *stream) {
    Conn *conn = NULL;
    if (server->n_conns >= SERVER_HELLO_MAX)
        make_way(server);
    if (server->stopping || !grow((void **)&server->conns, server->n_conns, &server->capacity) ||
        !grow((void **)&server->ready, 2 * (server->n_conns + 1), &server->ready_capacity) ||
        conn_new(server, stream, server_now(server), &conn) < 0) {
        plat_stream_set_user(stream, NULL);
        plat_stream_close(stream);
        return;
    }
    plat_stream_set_user(stream, conn);
    conn->index = server->n_conns;
    server->conns[server->n_conns++] = conn;
    server->n_accepted++;
    conn_start(conn);
}

static void forget_conn(Server *server, Conn *conn) {
    for (uint32_t i = 0; conn->listed && i < server->n_ready; i++) {
        if (server->ready[i] == conn) {
            server->ready[i] = server->ready[--server->n_ready];
            break;
        }
    }
    server->conns[conn->index] = server->conns[--server->n_conns];
    server->conns[conn->index]->index = conn->index;
    conn_free(conn);
}

void server_event(Server *server, const PortEvent *event) {
    if (event->kind == PORT_ACCEPTED) {
        accept_conn(server, event->stream);
        return;
    }
    Conn *conn = event->user;
    if (!conn)
        return; // a stream that was refused
    if (event->kind == PORT_CLOSED)
        forget_conn(server, conn);
    else
        conn_event(conn, event);
}

void server_pump(Server *server) {
    uint32_t n = server->n_ready;
    if (n == 0)
        return;
    // Connections may be listed again while they are served: those wait for the next round.
    for (uint32_t i = 0; i < n; i++) {
        Conn *conn = server->ready[i];
        conn->listed = false;
        conn_pump(conn);
    }
    memmove(server->ready, server->ready + n, (server->n_ready - n) * sizeof(Conn *));
    server->n_ready -= n;
}

int64_t server_tick(Server *server) {
    int64_t now = server_now(server);
    int64_t passed = now - server->last_tick_ns;
    if (passed < TICK_NS)
        return TICK_NS - passed;
    server->last_tick_ns = now;
    for (uint32_t i = 0; i < server->n_conns; i++)
        conn_tick(server->conns[i], now);
    hub_rates(server->options.hub);
    return TICK_NS;
}

void server_stop(Server *server) {
    server->stopping = true;
    server->listener = plat_listener_close(server->listener);
    hub_end_all(server->options.hub, WIRE_END_SHUTDOWN);
    for (uint32_t i = 0; i < server->n_conns; i++)
        conn_close_soon(server->conns[i]);
}

void server_close_all(Server *server) {
    for (uint32_t i = 0; i < server->n_conns; i++)
        conn_close(server->conns[i]);
}

void server_deinit(Server *server) {
    assert(server->n_conns == 0);
    if (server->listener)
        server->listener = plat_listener_close(server->listener);
    mem_free(server->conns);
    mem_free(server->ready);
    server->conns = server->ready = NULL;
}
