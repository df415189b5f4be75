// Listing a folder on Linux.
#include "platform/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "platform/dir_scan.h"

int dir_scan(const char *folder, int (*each)(void *user, const char *name), void *user, Err *err) {
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return err_set(err, errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO,
                       "cannot list the folder %s: %s", folder, strerror(errno));
    int result = 0;
    while (result == 0) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            if (errno != 0)
                result = err_set(err, STATUS_IO, "cannot list the folder %s: %s", folder,
                                 strerror(errno));
            break;
        }
        struct stat st;
        if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && !S_ISDIR(st.st_mode))
            result = each(user, entry->d_name);
    }
    closedir(dir);
    return result;
}

bool plat_is_dir(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}
