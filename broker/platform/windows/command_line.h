// Splits a Windows command line as the C run-time does. Pure.
#pragma once

#include <wchar.h>

#include "util/base.h"

// Returns an array of *ret_n UTF-8 arguments and a NULL, in one heap block; NULL: out of memory.
char **command_line_split(const wchar_t *line, int *ret_n);
