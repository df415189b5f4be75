// Names of accounts, as the system under the test knows them.
#include <criterion/criterion.h>

#include "platform/account.h"
#include "util/err.h"

static size_t sid_of(uint8_t sid[68], uint8_t authority, uint8_t n, const uint32_t *subs) {
    memset(sid, 0, 68);
    sid[0] = 1;
    sid[1] = n;
    sid[7] = authority;
    for (uint8_t i = 0; i < n; i++)
        store_u32(sid + 8 + i * 4, subs[i]);
    return 8 + n * 4u;
}

Test(account, the_first_account_of_each_system_has_a_name) {
    char name[PLAT_ACCOUNT_NAME] = "";
    uint8_t sid[68];
#ifdef _WIN32
    static const uint32_t subs[] = {18};
    size_t bytes = sid_of(sid, 5, 1, subs);
    cr_assert(plat_account_name(sid, bytes, name, sizeof name) == 0);
    const char *last = strrchr(name, '\\'); // the words are in the system's language
    cr_assert(last && last > name && last[1], "%s", name);
#else
    static const uint32_t user[] = {1, 0}, group[] = {2, 0};
    size_t bytes = sid_of(sid, 22, 2, user);
    cr_assert(plat_account_name(sid, bytes, name, sizeof name) == 0);
    cr_assert(strcmp(name, "root") == 0, "%s", name);
    // Room for the name and its NUL, and one less.
    cr_assert(plat_account_name(sid, bytes, name, 5) == 0);
    cr_assert(plat_account_name(sid, bytes, name, 4) == -STATUS_NOT_FOUND);
    bytes = sid_of(sid, 22, 2, group);
    cr_assert(plat_account_name(sid, bytes, name, sizeof name) == 0);
    cr_assert(strcmp(name, "root") == 0, "%s", name);
#endif
}

Test(account, what_nobody_has) {
    char name[PLAT_ACCOUNT_NAME] = "untouched";
    static const uint32_t nobody[] = {21, 1, 2, 3, 4}, number[] = {1, 0xfffffff0}, kind[] = {3, 0};
    uint8_t sid[68];
    size_t bytes = sid_of(sid, 5, 5, nobody);
    cr_assert(plat_account_name(sid, bytes, name, sizeof name) < 0);
    bytes = sid_of(sid, 22, 2, number);
    cr_assert(plat_account_name(sid, bytes, name, sizeof name) < 0);
    bytes = sid_of(sid, 22, 2, kind);
    cr_assert(plat_account_name(sid, bytes, name, sizeof name) < 0);
    for (size_t n = 0; n < bytes; n++) // cut
        cr_assert(plat_account_name(sid, n, name, sizeof name) == -STATUS_NOT_FOUND);
    sid[1] = 15; // more than there is
    cr_assert(plat_account_name(sid, bytes, name, sizeof name) == -STATUS_NOT_FOUND);
    cr_assert(strcmp(name, "untouched") == 0);
}
