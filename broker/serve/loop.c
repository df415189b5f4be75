#include "serve/loop.h"

#define EVENTS 64

// Takes items until the budget is used up, the ring is dry, or a lossless watch is full. True when
// there is more to take at once.
static bool take_items(Loop *loop) {
    RingItem item;
    size_t bytes = 0;
    int64_t start = server_now(&loop->server);
    for (uint32_t n = 1;; n++) {
        if (hub_is_full(loop->hub)) {
            ring_release(loop->ring);
            return false;
        }
        if (!ring_take(loop->ring, &item)) {
            ring_release(loop->ring);
            return false;
        }
        hub_item(loop->hub, &item);
        if (item.kind == RING_END)
            loop->ended = true;
        if (item.kind == RING_RECORD)
            bytes += 64 + item.record.ext_bytes + item.record.payload_bytes;
        if (bytes >= LOOP_BYTES || (n % 64 == 0 && server_now(&loop->server) - start >= LOOP_NS)) {
            ring_release(loop->ring);
            return true;
        }
    }
}

void loop_step(Loop *loop, int64_t max_wait_ns) {
    PortEvent events[EVENTS];
    bool more = take_items(loop);
    int64_t wait = hub_tick(loop->hub);
    int64_t deadline = server_tick(&loop->server);
    server_pump(&loop->server);
    if (wait < 0 || deadline < wait)
        wait = deadline;
    if (max_wait_ns < wait)
        wait = MAX_OF(max_wait_ns, 0); // the caller's deadline may have passed: < 0 is for ever
    if (more || loop->server.n_ready > 0)
        wait = 0;
    int n = plat_port_wait(loop->port, wait, events, EVENTS);
    for (int i = 0; i < n; i++)
        if (events[i].kind != PORT_WOKEN)
            server_event(&loop->server, &events[i]);
}
