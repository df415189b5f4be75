// What the tests of the port share: endpoint names of this process, and an echo server.
#pragma once

#include "platform/port.h"

// "etwtest-<pid>-<n>": a name that no other test uses.
const char *help_endpoint(char buf[64]);
// The byte that stands at offset `at` of stream `stream`.
uint8_t help_byte(uint32_t stream, size_t at);
void help_fill(uint8_t *to, size_t bytes, uint32_t stream, size_t at);
bool help_check(const uint8_t *from, size_t bytes, uint32_t stream, size_t at);

// Serves until `n_closed` connections have come and gone: what comes in goes out again.
typedef struct EchoServer {
    PlatPort *port;
    PlatListener *listener;
    uint32_t n_accepted, n_closed, n_failed;
    char endpoint[64];
} EchoServer;
void echo_open(EchoServer *server);
void echo_run(EchoServer *server, uint32_t until_closed);
void echo_close(EchoServer *server);
