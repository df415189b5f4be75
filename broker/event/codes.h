// Names of status codes: Win32 errors, NTSTATUS, HRESULT. Tables of the common ones; any thread.
#pragma once

#include "util/base.h"

// NULL when the code is not in the table.
const char *code_win32_name(uint32_t code);
const char *code_ntstatus_name(uint32_t code);
const char *code_hresult_name(uint32_t code); // 0x8007xxxx: the Win32 error's, when not its own
