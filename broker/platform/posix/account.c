// Users and groups by number, through the name service.
#include "platform/account.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include "util/err.h"

#define BUFFER_BYTES 65536u // a group's entry lists its members

static int copy_name(const char *name, char *ret_name, size_t cap) {
    size_t bytes = strlen(name);
    if (bytes == 0 || bytes >= cap)
        return -STATUS_NOT_FOUND;
    memcpy(ret_name, name, bytes + 1);
    return 0;
}

static int failure(int code) {
    switch (code) {
    case 0: // no entry
    case ENOENT:
    case ESRCH:
    case ERANGE: // larger than any that makes sense
        return -STATUS_NOT_FOUND;
    default:
        return -STATUS_IO;
    }
}

int plat_account_name(const uint8_t *sid, size_t sid_bytes, char *ret_name, size_t cap) {
    static const uint8_t head[8] = {1, 2, 0, 0, 0, 0, 0, 22};
    char buffer[BUFFER_BYTES];
    if (sid_bytes != 16 || memcmp(sid, head, sizeof head) != 0)
        return -STATUS_NOT_FOUND;
    uint32_t kind = load_u32(sid + 8), number = load_u32(sid + 12);
    if (kind == 1) {
        struct passwd entry, *found = NULL;
        int r = getpwuid_r(number, &entry, buffer, sizeof buffer, &found);
        return found ? copy_name(entry.pw_name, ret_name, cap) : failure(r);
    }
    if (kind == 2) {
        struct group entry, *found = NULL;
        int r = getgrgid_r(number, &entry, buffer, sizeof buffer, &found);
        return found ? copy_name(entry.gr_name, ret_name, cap) : failure(r);
    }
    return -STATUS_NOT_FOUND;
}
