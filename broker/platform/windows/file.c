// Files over ReadFile with an offset, and a section for mappings. Paths are UTF-8 and go to the
// wide API.
#include "platform/file.h"

#include "platform/windows/win.h"

#include "util/mem.h"

struct PlatFile {
    HANDLE handle;
    HANDLE section;
    const void *map;
    uint64_t bytes;
};

static Status status_of(DWORD error) {
    switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
    case ERROR_BAD_NETPATH:
        return STATUS_NOT_FOUND;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
        return STATUS_DENIED;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_IO;
    }
}

static int wide_path(const char *path, wchar_t **ret, Err *err) {
    int units = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, NULL, 0);
    if (units <= 0)
        return err_set(err, STATUS_INVALID_ARGUMENT, "the path %s is not valid UTF-8", path);
    wchar_t *wide = mem_array((size_t)units, sizeof *wide);
    if (wide == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory to open %s", path);
    // The same text again: it cannot fail now.
    (void)MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, units);
    *ret = wide;
    return 0;
}

int plat_file_open(const char *path, PlatFile **ret, Err *err) {
    wchar_t *wide = NULL;
    int result = wide_path(path, &wide, err);
    if (result != 0)
        return result;
    // Others may go on writing (a session's file), rename and delete it. NULL security: not
    // inherited.
    HANDLE handle =
        CreateFileW(wide, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                    NULL, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, NULL);
    DWORD error = handle == INVALID_HANDLE_VALUE ? GetLastError() : 0;
    DWORD attributes = handle == INVALID_HANDLE_VALUE ? GetFileAttributesW(wide) : 0;
    mem_free(wide);
    if (handle == INVALID_HANDLE_VALUE) {
        // Opening a folder without backup semantics is refused as "access denied".
        if (attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0)
            return err_set(err, STATUS_INVALID_ARGUMENT,
                           "%s is not a regular file: give the path of a file", path);
        return err_set(err, status_of(error), "cannot open %s: error %lu", path, error);
    }
    LARGE_INTEGER bytes;
    if (GetFileType(handle) != FILE_TYPE_DISK) {
        result = err_set(err, STATUS_INVALID_ARGUMENT,
                         "%s is not a regular file: give the path of a file", path);
        goto fail;
    }
    if (!GetFileSizeEx(handle, &bytes)) {
        result = err_set(err, STATUS_IO, "cannot examine %s: error %lu", path, GetLastError());
        goto fail;
    }
    PlatFile *file = mem_zalloc(sizeof *file);
    if (file == NULL) {
        result = err_set(err, STATUS_NO_MEMORY, "no memory to open %s", path);
        goto fail;
    }
    file->handle = handle;
    file->bytes = (uint64_t)bytes.QuadPart;
    *ret = file;
    return 0;
fail:
    CloseHandle(handle);
    return result;
}

PlatFile *plat_file_close(PlatFile *file) {
    if (file != NULL) {
        if (file->map != NULL)
            UnmapViewOfFile(file->map);
        if (file->section != NULL)
            CloseHandle(file->section);
        CloseHandle(file->handle);
        mem_free(file);
    }
    return NULL;
}

uint64_t plat_file_size(const PlatFile *file) {
    return file->bytes;
}

int plat_file_read_at(PlatFile *file, uint64_t offset, void *buf, size_t bytes, size_t *ret_got,
                      Err *err) {
    size_t got = 0;
    while (got < bytes) {
        OVERLAPPED at = {0};
        at.Offset = (DWORD)((offset + got) & 0xffffffffu);
        at.OffsetHigh = (DWORD)((offset + got) >> 32);
        DWORD want = (DWORD)MIN_OF(bytes - got, (size_t)1 << 30);
        DWORD n = 0;
        if (!ReadFile(file->handle, (uint8_t *)buf + got, want, &n, &at)) {
            DWORD error = GetLastError();
            if (error == ERROR_HANDLE_EOF)
                break;
            return err_set(err, STATUS_IO, "reading at offset %llu failed: error %lu",
                           (unsigned long long)offset + got, error);
        }
        if (n == 0)
            break;
        got += n;
    }
    *ret_got = got;
    return 0;
}

int plat_file_map(PlatFile *file, const void **ret, Err *err) {
    if (file->map == NULL) {
        if (file->bytes == 0 || file->bytes > (uint64_t)SIZE_MAX / 2)
            return err_set(err, STATUS_UNSUPPORTED, "a file of %llu bytes cannot be mapped",
                           (unsigned long long)file->bytes);
        if (file->section == NULL)
            file->section = CreateFileMappingW(file->handle, NULL, PAGE_READONLY, 0, 0, NULL);
        if (file->section != NULL)
            file->map = MapViewOfFile(file->section, FILE_MAP_READ, 0, 0, 0);
        if (file->map == NULL)
            return err_set(err, STATUS_UNSUPPORTED, "cannot map the file: error %lu",
                           GetLastError());
    }
    *ret = file->map;
    return 0;
}
