#include <criterion/criterion.h>

#include "platform/mounts.h"
#include "util/mem.h"

typedef struct Seen {
    int n;
    bool malformed;
} Seen;

static void see(void *user, const char *nt_path, const char *dos_path) {
    Seen *seen = user;
    size_t n = strlen(dos_path);
    seen->n++;
    if (nt_path[0] != '\\' || nt_path[1] == 0 || n < 3 || dos_path[n - 1] != '\\')
        seen->malformed = true;
}

Test(mounts, what_they_are) {
    size_t before = mem_in_use();
    Seen seen = {0, false};
    cr_assert_eq(plat_mounts(see, &seen), 0);
    cr_assert_not(seen.malformed);
    cr_assert_eq(mem_in_use(), before);
}

Test(mounts, no_memory) {
    size_t before = mem_in_use();
    Seen all = {0, false};
    cr_assert_eq(plat_mounts(see, &all), 0);
    for (size_t nth = 1; nth < 200; nth++) {
        Seen seen = {0, false};
        size_t calls = mem_calls();
        mem_fail_at(nth);
        int result = plat_mounts(see, &seen);
        mem_fail_at(0);
        bool failed = mem_calls() - calls >= nth;
        cr_assert_eq(mem_in_use(), before);
        cr_assert_eq(result, failed ? -STATUS_NO_MEMORY : 0);
        if (!failed) {
            cr_assert_eq(seen.n, all.n);
            return;
        }
    }
    cr_assert(false, "it never succeeds");
}
