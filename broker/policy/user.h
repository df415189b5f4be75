// A user of the broker: what its connections and subscriptions are charged to.
//
// Owner: the loop; found by SID, dies with its last reference, and then every charge must have come
// back. Caps are fixed by configuration; administrators have a reserve of their own, so that
// ordinary users cannot lock them out.
#pragma once

#include "platform/port.h"
#include "util/map.h"

typedef struct UserLimits {
    uint32_t connections;     // of one user
    uint32_t subscriptions;   // of one user
    uint32_t connections_all; // of all ordinary users together
    uint32_t admin_reserve;   // connections beyond connections_all for administrators
    uint64_t queue_bytes;     // of all queues of one user
    uint64_t queue_default;   // of one subscription that asks for nothing
    uint64_t queue_max;       // of one subscription
} UserLimits;

UserLimits user_limits_default(void);

typedef struct User {
    uint32_t refs;
    char sid[192];
    char name[128];
    uint32_t n_connections, n_subscriptions;
    uint64_t queue_bytes;    // queued now
    uint64_t quota_promised; // sum of its subscriptions' quotas
    struct UserTable *table;
} User;

typedef struct UserTable {
    UserLimits limits;
    Map users;              // SID -> User*
    uint32_t n_connections; // of ordinary users
    uint32_t n_admin_connections;
} UserTable;

void user_table_init(UserTable *table, const UserLimits *limits);
void user_table_deinit(UserTable *table); // all users must be gone
// A connection of this peer: BUSY when a cap is reached (err says which and what to do).
int user_connect(UserTable *table, const PlatPeer *peer, User **ret, Err *err);
// administrator: as the peer was when it connected (an elevated and a filtered token share one
// SID).
User *user_disconnect(User *user, bool administrator); // returns NULL
// A subscription with a queue of `quota` bytes (0 = the default); *ret_quota is what it gets.
int user_subscribe(User *user, uint64_t quota, uint64_t *ret_quota, Err *err);
void user_unsubscribe(User *user, uint64_t quota);
void user_charge(User *user, uint64_t bytes);
void user_refund(User *user, uint64_t bytes);
