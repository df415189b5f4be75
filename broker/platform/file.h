// Files opened for reading: positioned reads, and a read-only mapping for those who own the file.
//
// One file may be read by several threads at once (reads carry their own offset). Another process may
// write, shorten or delete the file meanwhile: a read then comes back short, a mapping may kill the
// process (SIGBUS), so files of others are read and never mapped.
#pragma once

#include "util/err.h"

typedef struct PlatFile PlatFile;

// path: UTF-8. Errors: NOT_FOUND, DENIED, INVALID_ARGUMENT (a folder), IO, NO_MEMORY.
int plat_file_open(const char *path, PlatFile **ret, Err *err);
PlatFile *plat_file_close(PlatFile *file);     // unmaps; NULL allowed; returns NULL
uint64_t plat_file_size(const PlatFile *file); // at the time of opening
// Reads up to `bytes`; *ret_got is less only at the end of the file.
int plat_file_read_at(PlatFile *file, uint64_t offset, void *buf, size_t bytes, size_t *ret_got,
                      Err *err);
// Maps the whole file; UNSUPPORTED when that is impossible (empty, too large): read instead.
int plat_file_map(PlatFile *file, const void **ret, Err *err);
