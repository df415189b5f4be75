#include "enrich/mount_list.h"

#include "platform/mounts.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/utf.h"

struct MountList {
    Buf texts; // pairs, each text with its NUL
};

static void add(void *user, const char *nt_path, const char *dos_path) {
    MountList *list = user;
    buf_append(&list->texts, nt_path, strlen(nt_path) + 1);
    buf_append(&list->texts, dos_path, strlen(dos_path) + 1);
}

int mount_list_new(MountList **ret) {
    MountList *list = mem_zalloc(sizeof *list);
    if (!list)
        return -STATUS_NO_MEMORY;
    list->texts.limit = VOLUMES_BYTES_MAX;
    int r = plat_mounts(add, list);
    if (r == 0 && list->texts.failed)
        r = -STATUS_NO_MEMORY;
    if (r < 0)
        mount_list_free(list);
    else
        *ret = list;
    return r;
}

MountList *mount_list_free(MountList *list) {
    if (list) {
        buf_deinit(&list->texts);
        mem_free(list);
    }
    return NULL;
}

void mount_list_apply(const MountList *list, Volumes *volumes) {
    const char *texts = (const char *)list->texts.data;
    for (size_t at = 0; at < list->texts.bytes;) {
        const char *nt_path = texts + at, *dos_path = nt_path + strlen(nt_path) + 1;
        at = (size_t)(dos_path - texts) + strlen(dos_path) + 1;
        (void)volumes_add(volumes, nt_path, dos_path);
        if (fold_equal(nt_path, "\\SystemRoot"))
            (void)volumes_set_windows(volumes, dos_path);
    }
}
