#include "unit/client/temp.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#ifdef _WIN32
#include <direct.h>
#include <process.h>
#include <windows.h>
#define make_dir(path) _mkdir(path)
#define own_pid()      _getpid()
#else
#include <dirent.h>
#include <unistd.h>
#define make_dir(path) mkdir(path, 0700)
#define own_pid()      getpid()
#endif

static char root[300];

const char *temp_folder(void) {
    static unsigned n;
    const char *in = getenv("ETW_TMP");
#ifdef _WIN32
    in = getenv("TEMP");
#endif
    snprintf(root, sizeof root, "%s/etw-symbols-%d-%u", in != NULL ? in : "/tmp", (int)own_pid(),
             n++);
    cr_assert_eq(make_dir(root), 0, "%s", root);
    return root;
}

static void remove_tree(const char *folder) {
    char path[1200];
#ifdef _WIN32
    WIN32_FIND_DATAA found;
    snprintf(path, sizeof path, "%s/*", folder);
    HANDLE search = FindFirstFileA(path, &found);
    while (search != INVALID_HANDLE_VALUE) {
        snprintf(path, sizeof path, "%s/%s", folder, found.cFileName);
        if ((found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0)
            DeleteFileA(path);
        else if (strcmp(found.cFileName, ".") != 0 && strcmp(found.cFileName, "..") != 0)
            remove_tree(path);
        if (!FindNextFileA(search, &found)) {
            FindClose(search);
            break;
        }
    }
    RemoveDirectoryA(folder);
#else
    DIR *dir = opendir(folder);
    struct dirent *entry;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct stat st;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            remove_tree(path);
        else
            unlink(path);
    }
    if (dir != NULL)
        closedir(dir);
    rmdir(folder);
#endif
}

void temp_remove(void) {
    if (root[0] != 0)
        remove_tree(root);
    root[0] = 0;
}

void temp_write(const char *path, const Buf *bytes) {
    char full[1200];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *p = full + strlen(root) + 1; *p != 0; p++) {
        if (*p == '/') {
            *p = 0;
            make_dir(full);
            *p = '/';
        }
    }
    FILE *file = fopen(full, "wb");
    cr_assert_not_null(file, "%s", full);
    cr_assert_eq(fwrite(bytes->data, 1, bytes->bytes, file), bytes->bytes);
    fclose(file);
}
