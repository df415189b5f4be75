// Files over pread and mmap.
#include "platform/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"

struct PlatFile {
    int fd;
    uint64_t bytes;
    void *map;
};

static Status status_of(int error) {
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return STATUS_NOT_FOUND;
    case EACCES:
    case EPERM:
        return STATUS_DENIED;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_IO;
    }
}

int plat_file_open(const char *path, PlatFile **ret, Err *err) {
    // O_NONBLOCK: opening a FIFO must not wait for a writer; it has no meaning for regular files.
    int fd;
    do {
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) {
        int error = errno;
        return err_set(err, status_of(error), "cannot open %s: %s", path, strerror(error));
    }
    int result;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        result = err_set(err, STATUS_IO, "cannot examine %s: %s", path, strerror(errno));
        goto fail;
    }
    if (!S_ISREG(st.st_mode)) {
        result = err_set(err, STATUS_INVALID_ARGUMENT,
                         "%s is not a regular file: give the path of a file", path);
        goto fail;
    }
    PlatFile *file = mem_zalloc(sizeof *file);
    if (file == NULL) {
        result = err_set(err, STATUS_NO_MEMORY, "no memory to open %s", path);
        goto fail;
    }
    file->fd = fd;
    file->bytes = (uint64_t)st.st_size;
    *ret = file;
    return 0;
fail:
    (void)close(fd);
    return result;
}

PlatFile *plat_file_close(PlatFile *file) {
    if (file != NULL) {
        if (file->map != NULL)
            (void)munmap(file->map, (size_t)file->bytes);
        (void)close(file->fd);
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
        ssize_t n = pread(file->fd, (uint8_t *)buf + got, bytes - got, (off_t)(offset + got));
        if (n < 0) {
            if (errno == EINTR)
                continue;
            return err_set(err, STATUS_IO, "reading at offset %llu failed: %s",
                           (unsigned long long)offset + got, strerror(errno));
        }
        if (n == 0)
            break;
        got += (size_t)n;
    }
    *ret_got = got;
    return 0;
}

int plat_file_map(PlatFile *file, const void **ret, Err *err) {
    if (file->map == NULL) {
        if (file->bytes == 0 || file->bytes > (uint64_t)SIZE_MAX / 2)
            return err_set(err, STATUS_UNSUPPORTED, "a file of %llu bytes cannot be mapped",
                           (unsigned long long)file->bytes);
        void *map = mmap(NULL, (size_t)file->bytes, PROT_READ, MAP_PRIVATE, file->fd, 0);
        if (map == MAP_FAILED)
            return err_set(err, STATUS_UNSUPPORTED, "cannot map the file: %s", strerror(errno));
        file->map = map;
    }
    *ret = file->map;
    return 0;
}
