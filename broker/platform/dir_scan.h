// What a system must give for dir.c: the names of the files of a folder, in any order.
#pragma once

#include "util/err.h"

int dir_scan(const char *folder, int (*each)(void *user, const char *name), void *user, Err *err);
