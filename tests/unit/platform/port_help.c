#include "port_help.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>

#include "platform/clock.h"
#include "util/mem.h"

const char *help_endpoint(char buf[64]) {
    static atomic_uint next;
    snprintf(buf, 64, "etwtest-%u-%u", (unsigned)plat_pid(), atomic_fetch_add(&next, 1u));
    return buf;
}

uint8_t help_byte(uint32_t stream, size_t at) {
    uint64_t x = (at + 1) * UINT64_C(0x9e3779b97f4a7c15) + stream * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint8_t)(x >> 40);
}

void help_fill(uint8_t *to, size_t bytes, uint32_t stream, size_t at) {
    for (size_t i = 0; i < bytes; i++)
        to[i] = help_byte(stream, at + i);
}

bool help_check(const uint8_t *from, size_t bytes, uint32_t stream, size_t at) {
    for (size_t i = 0; i < bytes; i++) {
        if (from[i] != help_byte(stream, at + i))
            return false;
    }
    return true;
}

typedef struct EchoConn {
    uint8_t buffer[16384];
} EchoConn;

void echo_open(EchoServer *server) {
    memset(server, 0, sizeof *server);
    Err err = ERR_INIT;
    cr_assert_eq(plat_port_new(&server->port, &err), 0, "%s", err.text);
    help_endpoint(server->endpoint);
    cr_assert_eq(
        plat_listen(server->port, server->endpoint, NULL, 0, server, &server->listener, &err), 0,
        "%s", err.text);
}

static void echo_back(PlatStream *stream, EchoConn *conn, size_t bytes) {
    // Three spans, one of them perhaps empty.
    size_t a = bytes / 3, b = bytes / 2;
    PortSpan spans[3] = {
        {conn->buffer, a}, {conn->buffer + a, b - a}, {conn->buffer + b, bytes - b}};
    cr_assert_eq(plat_stream_write(stream, spans, 3), 0);
}

static void echo_event(EchoServer *server, const PortEvent *event) {
    EchoConn *conn = event->user;
    switch (event->kind) {
    case PORT_ACCEPTED:
        cr_assert(event->user == server);
        server->n_accepted++;
        conn = mem_zalloc(sizeof *conn);
        cr_assert_not_null(conn);
        plat_stream_set_user(event->stream, conn);
        cr_assert_eq(plat_stream_read(event->stream, conn->buffer, sizeof conn->buffer), 0);
        break;
    case PORT_READ:
        if (event->bytes == 0)
            plat_stream_close(event->stream);
        else
            echo_back(event->stream, conn, event->bytes);
        break;
    case PORT_WRITTEN:
        cr_assert_eq(plat_stream_read(event->stream, conn->buffer, sizeof conn->buffer), 0);
        break;
    case PORT_FAILED:
        server->n_failed++;
        plat_stream_close(event->stream);
        break;
    case PORT_CLOSED:
        mem_free(conn);
        server->n_closed++;
        break;
    default:
        break;
    }
}

void echo_run(EchoServer *server, uint32_t until_closed) {
    while (server->n_closed < until_closed) {
        PortEvent events[8];
        int n = plat_port_wait(server->port, INT64_C(30000000000), events, 8);
        cr_assert_gt(n, 0, "nothing happened for 30 s: %u of %u closed", server->n_closed,
                     until_closed);
        for (int i = 0; i < n; i++)
            echo_event(server, &events[i]);
    }
}

void echo_close(EchoServer *server) {
    server->listener = plat_listener_close(server->listener);
    server->port = plat_port_free(server->port);
}
