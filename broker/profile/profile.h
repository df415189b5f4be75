// The profile: who watches what, at what cost, and what was lost; and the list of subscriptions.
//
// Owner: the loop; reads the hub, changes nothing but its rate windows. Shapes: docs/PROTOCOL.md.
// Users who are not administrators see their own subscriptions (N ledger only) and the session's
// state, no totals about others (security.md, threat 21).
#pragma once

#include "util/jsonw.h"
#include "watch/hub.h"

typedef struct ProfileFacts { // what the hub does not know
    const char *version;
    const char *source_kind; // "replay" | "live"
    const char *source_name; // file or session name
    const char
        *source_state; // "scanning", "waiting" (for subscribers), "running", "ended", "failed"
    double progress;   // of a replay, 0…1; < 0 unknown
    int64_t uptime_ns;
    uint32_t n_clients, max_clients;
    uint64_t source_wait_ns; // that the source's thread has waited for the loop
    Guid instance;
    const char *clock; // "QPC", "system time", "CPU cycles"
} ProfileFacts;

// Who sits behind a watch: asked of serve, which owns connections.
typedef struct ProfileClient {
    const char *agent; // "" when unknown
    uint32_t pid;
} ProfileClient;

typedef struct ProfileViewer {
    const User *user;
    bool administrator;
    void (*client)(void *user, const Watch *watch, ProfileClient *ret);
    void *client_user;
} ProfileViewer;

void profile_json(Hub *hub, const ProfileFacts *facts, const ProfileViewer *viewer, JsonWriter *w);
// Array of subscriptions that the viewer may see.
void subscriptions_json(Hub *hub, const ProfileViewer *viewer, JsonWriter *w);
// The ledger of one subscription; W only for administrators.
void ledger_json(const Ledger *ledger, bool administrator, JsonWriter *w);
void subscription_json(Hub *hub, const Watch *watch, const ProfileViewer *viewer, JsonWriter *w);
// Only the counters: cheap enough to be asked for each second.
void stats_json(Hub *hub, const ProfileFacts *facts, const ProfileViewer *viewer, JsonWriter *w);
// The union of all wants: what a live source is asked for, and on whose behalf.
void explain_json(Hub *hub, JsonWriter *w);
