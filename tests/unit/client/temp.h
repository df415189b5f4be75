// A folder of a test's own, and files in it.
#pragma once

#include "util/buf.h"

// A new folder for this test, removed with all that it holds.
const char *temp_folder(void);
void temp_remove(void);
// Writes folder/sub/sub/name, making the folders; path has '/' between its parts.
void temp_write(const char *path, const Buf *bytes);
