// Account names: the well-known ones, services, and those that the system is asked for.
#include "make.h"

#include <stdio.h>

#include "enrich/accounts.h"
#include "enrich/well_known.h"
#include "util/mem.h"

static Accounts *accounts;
static size_t before;

static void set_up(void) {
    before = mem_in_use();
    accounts = NULL;
}

static void tear_down(void) {
    accounts = accounts_free(accounts);
    cr_assert(mem_in_use() == before);
}

// "S-1-5-32-544" to bytes.
static size_t parse(const char *text, uint8_t sid[SID_MAX_BYTES]) {
    unsigned authority, sub;
    int used;
    memset(sid, 0, SID_MAX_BYTES);
    sid[0] = 1;
    cr_assert(sscanf(text, "S-1-%u%n", &authority, &used) == 1);
    sid[7] = (uint8_t)authority;
    for (text += used; sscanf(text, "-%u%n", &sub, &used) == 1; text += used)
        store_u32(sid + 8 + 4 * sid[1]++, sub);
    return 8 + 4u * sid[1];
}

static const char *name_of(const char *text) {
    uint8_t sid[SID_MAX_BYTES];
    size_t bytes = parse(text, sid);
    return accounts_name(accounts, sid, bytes);
}

Test(accounts, the_well_known_ones, .init = set_up, .fini = tear_down) {
    static const struct {
        const char *sid, *name;
    } cases[] = {
        {"S-1-0-0", "NULL SID"},
        {"S-1-1-0", "Everyone"},
        {"S-1-3-4", "OWNER RIGHTS"},
        {"S-1-5-7", "NT AUTHORITY\\ANONYMOUS LOGON"},
        {"S-1-5-11", "NT AUTHORITY\\Authenticated Users"},
        {"S-1-5-18", "NT AUTHORITY\\SYSTEM"},
        {"S-1-5-19", "NT AUTHORITY\\LOCAL SERVICE"},
        {"S-1-5-20", "NT AUTHORITY\\NETWORK SERVICE"},
        {"S-1-5-5-0-73423", "NT AUTHORITY\\LogonSessionId_0_73423"},
        {"S-1-5-32-544", "BUILTIN\\Administrators"},
        {"S-1-5-32-583", "BUILTIN\\Device Owners"},
        {"S-1-5-80-0", "NT SERVICE\\ALL SERVICES"},
        {"S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
         "NT SERVICE\\TrustedInstaller"},
        {"S-1-5-90-0-3", "Window Manager\\DWM-3"},
        {"S-1-5-90-0", "Window Manager\\Window Manager Group"},
        {"S-1-5-96-0-4294967295", "Font Driver Host\\UMFD-4294967295"},
        {"S-1-15-2-1", "APPLICATION PACKAGE AUTHORITY\\ALL APPLICATION PACKAGES"},
        {"S-1-15-3-1", "APPLICATION PACKAGE AUTHORITY\\Your Internet connection"},
        {"S-1-16-8192", "Mandatory Label\\Medium Mandatory Level"},
        {"S-1-16-16384", "Mandatory Label\\System Mandatory Level"},
        // and what looks like one
        {"S-1-5", ""},
        {"S-1-5-21", ""},
        {"S-1-5-18-1", ""},
        {"S-1-5-32", ""},
        {"S-1-5-32-1", ""},
        {"S-1-5-90-1-3", ""},
        {"S-1-5-80-1-2-3-4-5", ""},
        {"S-1-5-80-956008885-3418522649-1831038044-1853292631", ""},
        {"S-1-5-21-1-2-3-500", ""},
        {"S-1-22-1-0", ""},
        {"S-1-9-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15", ""},
    };
    cr_assert(accounts_new(false, &accounts) == 0);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
            const char *name = name_of(cases[i].sid);
            cr_assert(strcmp(name, cases[i].name) == 0, "%s: \"%s\"", cases[i].sid, name);
        }
    CacheStats stats;
    cr_assert(accounts_stats(accounts, &stats) == 1);
    cr_assert(stats.entries == ARRAY_COUNT(cases) && stats.hits == ARRAY_COUNT(cases));
    cr_assert(stats.limit == ACCOUNTS_MAX && strcmp(stats.name, "Accounts") == 0);
    // An authority beyond 8 bits is another.
    uint8_t sid[SID_MAX_BYTES];
    size_t bytes = parse("S-1-5-18", sid);
    sid[2] = 1;
    cr_assert(accounts_name(accounts, sid, bytes)[0] == 0);
}

Test(accounts, malformed_ones_have_no_name, .init = set_up, .fini = tear_down) {
    cr_assert(accounts_new(false, &accounts) == 0);
    uint8_t sid[SID_MAX_BYTES];
    size_t bytes = parse("S-1-5-18", sid);
    for (size_t n = 0; n < bytes; n++)
        cr_assert(accounts_name(accounts, sid, n)[0] == 0);
    cr_assert(accounts_name(accounts, sid, bytes + 4)[0] != 0); // more than the SID behind it
    sid[1] = 16;
    cr_assert(accounts_name(accounts, sid, sizeof sid)[0] == 0);
    sid[1] = 1;
    sid[0] = 2;
    cr_assert(accounts_name(accounts, sid, bytes)[0] == 0);
    cr_assert(accounts_name(accounts, NULL, 0)[0] == 0);
}

Test(accounts, services_by_their_names, .init = set_up, .fini = tear_down) {
    cr_assert(accounts_new(false, &accounts) == 0);
    uint8_t sid[SID_MAX_BYTES];
    static const char trusted[] = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
    uint8_t expected[SID_MAX_BYTES];
    size_t bytes = parse(trusted, expected);
    cr_assert(service_sid("trustedINSTALLER", sid) == bytes && memcmp(sid, expected, bytes) == 0);
    bytes = service_sid("Dnscache", sid);
    cr_assert(accounts_name(accounts, sid, bytes)[0] == 0);
    uint32_t generation = accounts_generation(accounts);
    accounts_service(accounts, "Dnscache");
    cr_assert(accounts_generation(accounts) != generation);
    cr_assert(strcmp(accounts_name(accounts, sid, bytes), "NT SERVICE\\Dnscache") == 0);
    generation = accounts_generation(accounts);
    accounts_service(accounts, "dnscache"); // known already
    cr_assert(accounts_generation(accounts) == generation);
    cr_assert(strcmp(accounts_name(accounts, sid, bytes), "NT SERVICE\\Dnscache") == 0);
}

Test(accounts, the_least_recently_asked_goes, .init = set_up, .fini = tear_down, .timeout = 30) {
    cr_assert(accounts_new(false, &accounts) == 0);
    char text[64];
    CacheStats stats;
    for (uint32_t i = 0; i < ACCOUNTS_MAX + 1; i++) {
        (void)snprintf(text, sizeof text, "S-1-5-5-0-%u", (unsigned)i);
        const char *first = i == 0 ? "" : name_of("S-1-5-5-0-0");
        cr_assert(i == 0 || strcmp(first, "NT AUTHORITY\\LogonSessionId_0_0") == 0);
        cr_assert(strlen(name_of(text)) > 10);
        accounts_stats(accounts, &stats);
        cr_assert(stats.entries == MIN_OF(i + 1, ACCOUNTS_MAX));
    }
    cr_assert(stats.evicted == 1);
}

Test(accounts, the_system_is_asked_once, .init = set_up, .fini = tear_down, .timeout = 60) {
    cr_assert(accounts_new(true, &accounts) == 0);
    cr_assert(name_of("S-1-5-21-1-2-3-1234")[0] == 0);
    cr_assert(name_of("S-1-22-1-0")[0] == 0); // not there yet
    accounts_settle(accounts, 30000);
    CacheStats stats;
    accounts_stats(accounts, &stats);
    cr_assert(stats.entries == 2);
    for (int i = 0; i < 3; i++)
        cr_assert(name_of("S-1-5-21-1-2-3-1234")[0] == 0); // the refusal is remembered
    uint64_t inserted = stats.inserted;
    accounts_settle(accounts, 30000);
    accounts_stats(accounts, &stats);
    cr_assert(stats.inserted == inserted);
#ifndef _WIN32
    cr_assert(strcmp(name_of("S-1-22-1-0"), "root") == 0);
    cr_assert(strcmp(name_of("S-1-22-1-0"), "root") == 0);
#endif
}

Test(accounts, more_than_the_queue_holds, .init = set_up, .fini = tear_down, .timeout = 120) {
    cr_assert(accounts_new(true, &accounts) == 0);
    char text[64];
    // Those for which there is no room are asked for at a later call.
    CacheStats stats = {0};
    for (int round = 0; round < 100 && stats.entries < 300; round++) {
        for (uint32_t i = 0; i < 300; i++) {
            (void)snprintf(text, sizeof text, "S-1-22-9-%u", (unsigned)i);
            cr_assert(name_of(text)[0] == 0);
        }
        accounts_settle(accounts, 30000);
        accounts_stats(accounts, &stats);
    }
    cr_assert(stats.entries == 300);
    // Whoever was turned away is told that it may ask again.
    uint32_t generation = accounts_generation(accounts);
    for (uint32_t i = 0; i < 400; i++) {
        (void)snprintf(text, sizeof text, "S-1-22-10-%u", (unsigned)i);
        (void)name_of(text);
        accounts_stats(accounts, &stats);
        if (stats.entries < 300 + i + 1)
            break;
    }
    if (stats.entries < 700) { // else the thread was as fast as this one
        accounts_settle(accounts, 30000);
        cr_assert(accounts_generation(accounts) != generation);
    }
}

Test(accounts, a_service_told_while_the_system_is_asked, .init = set_up, .fini = tear_down,
     .timeout = 60) {
    cr_assert(accounts_new(true, &accounts) == 0);
    uint8_t sid[SID_MAX_BYTES];
    size_t bytes = service_sid("NoSuchServiceHere", sid);
    (void)accounts_name(accounts, sid, bytes);
    accounts_service(accounts, "NoSuchServiceHere");
    accounts_settle(accounts, 30000);
    const char *name = accounts_name(accounts, sid, bytes);
    cr_assert(strcmp(name, "NT SERVICE\\NoSuchServiceHere") == 0, "%s", name);
}

Test(accounts, going_away_with_questions_open, .init = set_up, .fini = tear_down, .timeout = 60) {
    char text[64];
    for (int round = 0; round < 20; round++) {
        cr_assert(accounts_new(true, &accounts) == 0);
        for (int i = 0; i < round; i++) {
            (void)snprintf(text, sizeof text, "S-1-22-1-%d", i);
            (void)name_of(text);
        }
        accounts = accounts_free(accounts);
        cr_assert(mem_in_use() == before);
    }
}

Test(accounts, each_allocation_may_fail, .init = set_up, .fini = tear_down, .timeout = 60) {
    for (size_t at = 1; at <= 40; at++) {
        mem_fail_at(at);
        int r = accounts_new(at % 2, &accounts);
        if (r == 0) {
            (void)name_of("S-1-5-18");
            (void)name_of("S-1-5-18");
            (void)name_of("S-1-22-1-0");
            accounts_service(accounts, "Dnscache");
            accounts_settle(accounts, 30000);
            (void)name_of("S-1-22-1-0");
        } else {
            cr_assert(r == -STATUS_NO_MEMORY);
        }
        mem_fail_at(0);
        accounts = accounts_free(accounts);
        cr_assert(mem_in_use() == before, "%zu", at);
    }
}
