// The loop: ring to hub, hub to connections, connections to hub. One thread owns all of it.
#pragma once

#include "serve/server.h"
#include "source/replay.h"

#define LOOP_BYTES (256u * 1024u)   // of ring items before I/O has its turn
#define LOOP_NS    INT64_C(1000000) // or so long

typedef struct Loop {
    PlatPort *port;
    Ring *ring;
    Hub *hub;
    Server server;
    bool ended; // RING_END has been taken
} Loop;

// One round: items (at most LOOP_BYTES or LOOP_NS), sealing, writes, completions. Waits when there
// is nothing to do, at most max_wait_ns.
void loop_step(Loop *loop, int64_t max_wait_ns);
