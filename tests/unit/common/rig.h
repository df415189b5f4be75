// A broker inside the test: hub, server and loop on a thread of their own, fed by hand through the
// ring. The endpoint is private to the process. Client calls run in the test's thread.
#pragma once

#include "serve/loop.h"

typedef struct Rig Rig;

typedef struct RigOptions {
    bool lossless;
    uint64_t queue_bytes;  // default queue; 0 = the broker's
    uint32_t handshake_ms; // 0 = the broker's
    uint32_t stalled_ms;
    uint32_t slow_ms;
    uint64_t queue_user;  // of all queues of a user; 0 = the broker's
    uint32_t connections; // of administrators; 0 = the broker's
    bool enrich;          // with caches, of live knowledge
} RigOptions;

Rig *rig_start(const RigOptions *options); // options may be NULL
void rig_request_stop(Rig *rig);           // begins what rig_stop does, and does not wait
void rig_stop(Rig *rig); // stops as the program does; checks that all memory came back
const char *rig_endpoint(const Rig *rig);
// Feeds the source's side.
void rig_epoch(Rig *rig);
void rig_event(Rig *rig, const Guid *provider, uint16_t id, uint8_t level, uint64_t keyword,
               const void *payload, uint32_t bytes);
void rig_loss(Rig *rig, uint64_t events);
void rig_end(Rig *rig);
extern const Guid rig_provider; // {11111111-0001-0001-0101-010101010101}
#define RIG_PROVIDER "{11111111-0001-0001-0101-010101010101}"
