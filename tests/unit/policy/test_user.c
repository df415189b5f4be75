#include <criterion/criterion.h>

#include "policy/user.h"

static UserTable table;
static PlatPeer ana = {.sid = "S-1-22-1-1000", .name = "ana"};
static PlatPeer bo = {.sid = "S-1-22-1-1001", .name = "bo"};
static PlatPeer root = {.sid = "S-1-22-1-0", .name = "root", .administrator = true};

static void setup(void) {
    UserLimits limits = user_limits_default();
    limits.connections = 3;
    limits.connections_all = 4;
    limits.admin_reserve = 2;
    limits.subscriptions = 2;
    limits.queue_default = 1 << 20;
    limits.queue_max = 2 << 20;
    user_table_init(&table, &limits);
}

static void teardown(void) {
    cr_assert_eq(table.users.n_live, 0);
    user_table_deinit(&table);
}

Test(user, connections_of_one_user_are_capped, .init = setup, .fini = teardown) {
    User *u[4];
    Err err = ERR_INIT;
    for (int i = 0; i < 3; i++)
        cr_assert_eq(user_connect(&table, &ana, &u[i], &err), 0);
    cr_assert_eq(u[0], u[2], "one object for each user");
    cr_assert_eq(user_connect(&table, &ana, &u[3], &err), -STATUS_BUSY);
    cr_assert_eq(user_connect(&table, &bo, &u[3], &err), 0, "others are not concerned");
    user_disconnect(u[0], false);
    cr_assert_eq(user_connect(&table, &ana, &u[0], &err), 0);
    for (int i = 0; i < 4; i++)
        user_disconnect(u[i], false);
}

Test(user, administrators_have_a_reserve, .init = setup, .fini = teardown) {
    User *u[4], *a[2], *none = NULL;
    Err err = ERR_INIT;
    for (int i = 0; i < 4; i++)
        cr_assert_eq(user_connect(&table, i < 3 ? &ana : &bo, &u[i], &err), 0);
    cr_assert_eq(user_connect(&table, &bo, &none, &err), -STATUS_BUSY,
                 "all ordinary places are taken");
    cr_assert_eq(user_connect(&table, &root, &a[0], &err), 0);
    cr_assert_eq(user_connect(&table, &root, &a[1], &err), 0);
    cr_assert_eq(user_connect(&table, &root, &none, &err), -STATUS_BUSY);
    for (int i = 0; i < 4; i++)
        user_disconnect(u[i], false);
    user_disconnect(a[0], true);
    user_disconnect(a[1], true);
    cr_assert_eq(table.n_connections, 0);
    cr_assert_eq(table.n_admin_connections, 0);
}

Test(user, an_elevated_and_a_filtered_token_share_a_user, .init = setup, .fini = teardown) {
    PlatPeer elevated = ana;
    elevated.administrator = true;
    User *plain, *high;
    cr_assert_eq(user_connect(&table, &ana, &plain, NULL), 0);
    cr_assert_eq(user_connect(&table, &elevated, &high, NULL), 0);
    cr_assert_eq(plain, high);
    user_disconnect(plain, false);
    user_disconnect(high, true);
    cr_assert_eq(table.n_connections, 0);
    cr_assert_eq(table.n_admin_connections, 0);
}

Test(user, subscriptions_and_quotas, .init = setup, .fini = teardown) {
    User *u;
    uint64_t quota = 0;
    Err err = ERR_INIT;
    cr_assert_eq(user_connect(&table, &ana, &u, &err), 0);
    cr_assert_eq(user_subscribe(u, 0, &quota, &err), 0);
    cr_assert_eq(quota, 1 << 20, "the default");
    uint64_t second = 0;
    cr_assert_eq(user_subscribe(u, (2 << 20) + 1, &second, &err), -STATUS_OVERSIZE);
    cr_assert_eq(user_subscribe(u, 2 << 20, &second, &err), 0);
    uint64_t third = 0;
    cr_assert_eq(user_subscribe(u, 0, &third, &err), -STATUS_BUSY);
    user_unsubscribe(u, quota);
    cr_assert_eq(user_subscribe(u, 1, &third, &err), 0);
    cr_assert_eq(third, 128 * 1024, "never less than two batches");
    user_unsubscribe(u, second);
    user_disconnect(u, false);
    // The user lives until its last subscription has gone.
    cr_assert_eq(table.users.n_live, 1);
    user_unsubscribe(u, third);
}
