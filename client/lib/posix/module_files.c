// Folders on Linux, in which the files of a Windows machine may have any case.
#include "client/lib/module_files.h"

#include <dirent.h>
#include <sys/stat.h>

#include "util/utf.h"

char module_list_separator(void) {
    return ':';
}

static void cut_to(Buf *path, size_t bytes) {
    path->bytes = bytes;
    if (path->data != NULL)
        path->data[bytes] = 0;
}

bool module_entry(Buf *path, const char *name, bool allow_network) {
    (void)allow_network; // a link tells nobody anything here
    struct stat st;
    size_t before = path->bytes;
    buf_char(path, '/');
    size_t at = path->bytes;
    buf_text(path, name);
    if (path->failed)
        goto none;
    if (stat(buf_str(path), &st) == 0)
        return true;
    cut_to(path, at);
    DIR *dir = opendir(buf_str(path));
    if (dir == NULL)
        goto none;
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (fold_equal(entry->d_name, name)) {
            buf_text(path, entry->d_name);
            break;
        }
    }
    closedir(dir);
    if (entry != NULL && !path->failed)
        return true;
none:
    cut_to(path, before);
    return false;
}

bool module_local(const ModulePath *module, uint32_t candidate, bool allow_network, Buf *ret_path) {
    (void)module;
    (void)candidate;
    (void)allow_network;
    (void)ret_path;
    return false;
}
