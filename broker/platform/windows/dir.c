// Listing a folder on Windows.
#include "platform/dir.h"

#include "platform/windows/win.h"

#include "platform/dir_scan.h"
#include "platform/windows/text.h"
#include "util/buf.h"
#include "util/mem.h"

static wchar_t *pattern_of(const char *folder) {
    Buf pattern = BUF_INIT;
    buf_printf(&pattern, "%s\\*", folder[0] != '\0' ? folder : ".");
    wchar_t *wide = pattern.failed ? NULL : text_wide(buf_str(&pattern));
    buf_deinit(&pattern);
    return wide;
}

int dir_scan(const char *folder, int (*each)(void *user, const char *name), void *user, Err *err) {
    wchar_t *pattern = pattern_of(folder);
    if (pattern == NULL)
        return err_set(err, STATUS_INVALID_ARGUMENT, "the folder %s is no valid name", folder);
    WIN32_FIND_DATAW found;
    HANDLE find =
        FindFirstFileExW(pattern, FindExInfoBasic, &found, FindExSearchNameMatch, NULL, 0);
    DWORD code = find == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    mem_free(pattern);
    char text[300];
    if (find == INVALID_HANDLE_VALUE)
        return err_set(
            err,
            code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND || code == ERROR_DIRECTORY
                ? STATUS_NOT_FOUND
                : STATUS_IO,
            "cannot list the folder %s: %s", folder, text_error(code, text, sizeof text));
    int result = 0;
    do {
        if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)
            continue;
        char *name = text_utf8(found.cFileName);
        result = name != NULL ? each(user, name) : -STATUS_NO_MEMORY;
        mem_free(name);
    } while (result == 0 && FindNextFileW(find, &found));
    code = GetLastError();
    FindClose(find);
    if (result == 0 && code != ERROR_NO_MORE_FILES)
        result = err_set(err, STATUS_IO, "cannot list the folder %s: %s", folder,
                         text_error(code, text, sizeof text));
    return result;
}

bool plat_is_dir(const char *path) {
    wchar_t *wide = text_wide(path);
    if (wide == NULL)
        return false;
    DWORD attributes = GetFileAttributesW(wide);
    mem_free(wide);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}
