// UTF-8 and UTF-16 at the seam to Windows. Pure; any thread.
#pragma once

#include <wchar.h>

#include "util/base.h"

// A heap copy as UTF-16 (free with mem_free); NULL when it is no UTF-8, or out of memory.
wchar_t *text_wide(const char *utf8);
// A heap copy as UTF-8 (lone surrogates become WTF-8); NULL when out of memory.
char *text_utf8(const wchar_t *wide);
// Text of a Windows error code, one line, in buf.
const char *text_error(unsigned long code, char *buf, size_t cap);
