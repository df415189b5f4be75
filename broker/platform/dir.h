// Listing a folder.
#pragma once

#include "util/err.h"

// Calls each(user, path) for the files (no folders) of a folder whose name ends with the suffix,
// letters A-Z case-blind; in the order of their names (bytes). path = folder/name, UTF-8. A negative
// result of each ends the listing and is returned. NOT_FOUND when there is no such folder.
int plat_dir_list(const char *folder, const char *suffix, int (*each)(void *user, const char *path),
                  void *user, Err *err);
// True when path names an existing folder.
bool plat_is_dir(const char *path);
