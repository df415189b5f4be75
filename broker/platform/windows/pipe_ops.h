// The Windows calls that the security of the pipes hangs on, behind a table, so that tests can record
// their arguments and let each of them fail: Wine enforces none of what they ask for.
//
// The table is set before the first pipe is made and not changed while pipes are in use.
#pragma once

#include "platform/windows/win.h"

typedef struct PipeOps {
    HANDLE(WINAPI *create_named_pipe)
    (LPCWSTR name, DWORD open_mode, DWORD pipe_mode, DWORD max_instances, DWORD out_bytes,
     DWORD in_bytes, DWORD timeout, LPSECURITY_ATTRIBUTES security);
    HANDLE(WINAPI *create_file)
    (LPCWSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security, DWORD disposition,
     DWORD flags, HANDLE template_file);
    BOOL(WINAPI *impersonate)(HANDLE pipe);
    BOOL(WINAPI *open_thread_token)(HANDLE thread, DWORD access, BOOL as_self, PHANDLE token);
    BOOL(WINAPI *revert)(void);
    BOOL(WINAPI *token_information)
    (HANDLE token, TOKEN_INFORMATION_CLASS what, LPVOID data, DWORD bytes, PDWORD needed);
    BOOL(WINAPI *token_membership)(HANDLE token, PSID sid, PBOOL member);
    BOOL(WINAPI *object_security)
    (HANDLE object, SECURITY_INFORMATION what, PSECURITY_DESCRIPTOR data, DWORD bytes,
     LPDWORD needed);
    // Ends the process: it may run with a client's rights and must not go on.
    void (*fatal)(const char *what);
} PipeOps;

extern PipeOps pipe_ops;

// What a client asks for (docs/PROTOCOL.md): read, write, attributes, READ_CONTROL, SYNCHRONIZE, and
// not FILE_CREATE_PIPE_INSTANCE, which GENERIC_WRITE holds.
#define PIPE_CLIENT_ACCESS 0x0012019Bu
