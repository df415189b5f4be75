#include <criterion/criterion.h>

#include "platform/mounts.h"

static void count(void *user, const char *nt_path, const char *dos_path) {
    (void)nt_path;
    (void)dos_path;
    ++*(int *)user;
}

Test(mounts, none_here) {
    int n = 0;
    cr_assert_eq(plat_mounts(count, &n), 0);
    cr_assert_eq(n, 0);
}
