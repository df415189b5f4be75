// <windows.h> without its STATUS_… macros: they are NTSTATUS values, and several have the names of our
// own status codes (STATUS_NO_MEMORY, STATUS_TIMEOUT). Include this, never <windows.h>.
#pragma once

#define WIN32_NO_STATUS
#include <windows.h>
#undef WIN32_NO_STATUS

// What macros of <windows.h> are made of.
#define STATUS_WAIT_0           ((DWORD)0x00000000)
#define STATUS_ABANDONED_WAIT_0 ((DWORD)0x00000080)
#define STATUS_USER_APC         ((DWORD)0x000000C0)
#define STATUS_PENDING          ((DWORD)0x00000103)
