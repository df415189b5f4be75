// Device paths of Windows mean nothing here.
#include "platform/mounts.h"

int plat_mounts(void (*each)(void *user, const char *nt_path, const char *dos_path), void *user) {
    (void)each;
    (void)user;
    return 0;
}
