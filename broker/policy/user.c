#include "policy/user.h"

#include <assert.h>

#include "util/mem.h"

#define MIB         (UINT64_C(1024) * 1024)
#define QUEUE_LEAST (128 * 1024) // two batches of the largest size

UserLimits user_limits_default(void) {
    return (UserLimits){
        .connections = 32,
        .subscriptions = 1100,
        .connections_all = 1200,
        .admin_reserve = 1200,
        .queue_bytes = 256 * MIB,
        .queue_default = 8 * MIB,
        .queue_max = 256 * MIB,
    };
}

void user_table_init(UserTable *table, const UserLimits *limits) {
    *table = (UserTable){.limits = *limits, .users = MAP_INIT};
}

void user_table_deinit(UserTable *table) {
    assert(table->users.n_live == 0);
    map_deinit(&table->users);
}

static int user_find(UserTable *table, const PlatPeer *peer, User **ret) {
    User *user = map_get(&table->users, peer->sid, strlen(peer->sid));
    if (!user) {
        user = mem_zalloc(sizeof *user);
        if (!user)
            return -STATUS_NO_MEMORY;
        memcpy(user->sid, peer->sid, sizeof user->sid);
        memcpy(user->name, peer->name, sizeof user->name);
        user->table = table;
        if (map_set(&table->users, user->sid, strlen(user->sid), user) < 0) {
            mem_free(user);
            return -STATUS_NO_MEMORY;
        }
    }
    *ret = user;
    return 0;
}

static void user_release(User *user) {
    if (user->refs > 0 || user->n_subscriptions > 0)
        return;
    assert(user->queue_bytes == 0 && user->quota_promised == 0 && user->n_connections == 0);
    map_remove(&user->table->users, user->sid, strlen(user->sid));
    mem_free(user);
}

int user_connect(UserTable *table, const PlatPeer *peer, User **ret, Err *err) {
    const UserLimits *limits = &table->limits;
    bool admin = peer->administrator;
    if (admin ? table->n_admin_connections >= limits->admin_reserve
              : table->n_connections >= limits->connections_all)
        return err_set(err, STATUS_BUSY,
                       "the broker has no free connection (limit %u); try again later",
                       admin ? limits->admin_reserve : limits->connections_all);
    User *user;
    int r = user_find(table, peer, &user);
    if (r < 0)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a user");
    if (!admin && user->n_connections >= limits->connections) {
        r = err_set(err, STATUS_BUSY, "your user has %u connections, the limit; close one first",
                    user->n_connections);
        user_release(user);
        return r;
    }
    user->refs++;
    user->n_connections++;
    if (admin)
        table->n_admin_connections++;
    else
        table->n_connections++;
    *ret = user;
    return 0;
}

User *user_disconnect(User *user, bool administrator) {
    if (!user)
        return NULL;
    if (administrator)
        user->table->n_admin_connections--;
    else
        user->table->n_connections--;
    user->n_connections--;
    user->refs--;
    user_release(user);
    return NULL;
}

int user_subscribe(User *user, uint64_t quota, uint64_t *ret_quota, Err *err) {
    const UserLimits *limits = &user->table->limits;
    if (user->n_subscriptions >= limits->subscriptions)
        return err_set(err, STATUS_BUSY,
                       "your user has %u subscriptions, the limit; stop one first",
                       user->n_subscriptions);
    if (quota == 0)
        quota = limits->queue_default;
    if (quota < QUEUE_LEAST)
        quota = QUEUE_LEAST;
    if (quota > limits->queue_max)
        return err_set(err, STATUS_OVERSIZE,
                       "a queue of %llu bytes is above the limit of %llu; ask for a smaller one",
                       (unsigned long long)quota, (unsigned long long)limits->queue_max);
    // Promises may exceed what a user may really queue: the charge at run time is what counts.
    user->n_subscriptions++;
    user->quota_promised += quota;
    *ret_quota = quota;
    return 0;
}

void user_unsubscribe(User *user, uint64_t quota) {
    assert(user->n_subscriptions > 0 && user->quota_promised >= quota);
    user->n_subscriptions--;
    user->quota_promised -= quota;
    user_release(user);
}

void user_charge(User *user, uint64_t bytes) {
    user->queue_bytes += bytes;
}

void user_refund(User *user, uint64_t bytes) {
    assert(user->queue_bytes >= bytes);
    user->queue_bytes -= bytes;
}
