// Pipe names and the default security of a pipe. No state; any thread.
#pragma once

#include "platform/windows/win.h"

#include "util/err.h"

// The pipe's path as UTF-16, on the heap. *ret_named: the user named the endpoint (it is not the
// default one), and so says whom he trusts.
int endpoint_resolve(const char *endpoint, wchar_t **ret_path, bool *ret_named, Err *err);
// The security descriptor of a text (UTF-8 SDDL), or the default one for NULL: everything for this
// user and SYSTEM, PIPE_CLIENT_ACCESS for administrators. Free with LocalFree.
int endpoint_security(const char *sddl, PSECURITY_DESCRIPTOR *ret, Err *err);
// The SID of this process's user as text.
bool endpoint_own_sid(char *buf, size_t cap);
