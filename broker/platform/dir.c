// The part of dir.h that no system differs in: matching and order.
#include "platform/dir.h"

#include <stdlib.h>

#include "platform/dir_scan.h"
#include "util/mem.h"

typedef struct Names {
    char **items;
    size_t n, capacity;
    const char *suffix;
} Names;

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool ends_with(const char *name, const char *suffix) {
    size_t n = strlen(name), m = strlen(suffix);
    if (m > n)
        return false;
    for (size_t i = 0; i < m; i++) {
        if (lower(name[n - m + i]) != lower(suffix[i]))
            return false;
    }
    return true;
}

static int add_name(void *user, const char *name) {
    Names *names = user;
    if (!ends_with(name, names->suffix))
        return 0;
    if (names->n == names->capacity) {
        size_t capacity = names->capacity == 0 ? 32 : names->capacity * 2;
        char **items = mem_resize(names->items, capacity * sizeof *items);
        if (items == NULL)
            return -STATUS_NO_MEMORY;
        names->items = items;
        names->capacity = capacity;
    }
    names->items[names->n] = mem_strdup(name);
    if (names->items[names->n] == NULL)
        return -STATUS_NO_MEMORY;
    names->n++;
    return 0;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int visit(const char *folder, const char *name, int (*each)(void *user, const char *path),
                 void *user, Err *err) {
    size_t folder_bytes = strlen(folder), name_bytes = strlen(name);
    while (folder_bytes > 1 &&
           (folder[folder_bytes - 1] == '/' || folder[folder_bytes - 1] == '\\'))
        folder_bytes--;
    char *path = mem_alloc(folder_bytes + name_bytes + 2);
    if (path == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a path");
    memcpy(path, folder, folder_bytes);
    path[folder_bytes] = '/';
    memcpy(path + folder_bytes + 1, name, name_bytes + 1);
    int result = each(user, path);
    mem_free(path);
    return result;
}

int plat_dir_list(const char *folder, const char *suffix, int (*each)(void *user, const char *path),
                  void *user, Err *err) {
    Names names = {NULL, 0, 0, suffix};
    int result = dir_scan(folder, add_name, &names, err);
    if (result == -STATUS_NO_MEMORY)
        err_set(err, STATUS_NO_MEMORY, "no memory for the names in %s", folder);
    if (result == 0 && names.n != 0)
        qsort(names.items, names.n, sizeof *names.items, by_name);
    for (size_t i = 0; result == 0 && i < names.n; i++)
        result = visit(folder, names.items[i], each, user, err);
    for (size_t i = 0; i < names.n; i++)
        mem_free(names.items[i]);
    mem_free(names.items);
    return result;
}
