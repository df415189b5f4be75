// The server: listener, connections, and what requests need to know.
//
// Owner: the loop.
#pragma once

#include "policy/config.h"
#include "profile/profile.h"
#include "serve/conn.h"

#define SERVER_HELLO_MAX 128u // connections that have not said HELLO; the oldest gives way

typedef struct ServerOptions {
    PlatPort *port;
    Hub *hub;
    SchemaStore *store;
    const Config *config;
    const char *endpoint;
    const char *sddl;
    bool lossless; // the default queue policy is to wait
    int64_t (*now)(void *user);
    void *now_user;
    void (*facts)(void *user, ProfileFacts *ret); // source's part of the profile
    void *facts_user;
} ServerOptions;

typedef struct Server {
    ServerOptions options;
    PlatListener *listener;
    Conn **conns;
    uint32_t n_conns, capacity;
    Conn **ready; // with something to send
    uint32_t n_ready, ready_capacity;
    Guid instance;
    RouteNames names;
    int64_t started_ns;
    int64_t last_tick_ns;
    uint32_t n_subscribed; // ever
    uint32_t n_accepted;   // ever
    bool stopping;
} Server;

int server_start(Server *server, const ServerOptions *options, Err *err);
void server_event(Server *server, const PortEvent *event);
void server_pump(Server *server);              // starts writes
int64_t server_tick(Server *server);           // deadlines; ns until the next call
void server_stop(Server *server);              // no new connections; END(shutdown) to all
void server_close_all(Server *server);         // closes every connection at once
void server_deinit(Server *server);            // all connections must be gone
void server_ready(Server *server, Conn *conn); // conn has something to send
bool server_idle(const Server *server);        // no connections
int64_t server_now(const Server *server);
