// Pipe names and SDDL.
#include "platform/windows/endpoint.h"

#include <sddl.h>
#include <stdio.h>

#include "platform/port.h"
#include "platform/windows/pipe_ops.h"
#include "platform/windows/text.h"
#include "platform/windows/token.h"
#include "util/mem.h"

#define PREFIX       "\\\\.\\pipe\\"
#define DEFAULT_NAME "etwbroker"
// What follows \\.\ may have 256 characters in all.
#define NAME_MAX_BYTES 200u

static bool name_valid(const char *name) {
    for (const char *p = name; *p != '\0'; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
        bool other = (*p >= '0' && *p <= '9') || *p == '-' || *p == '_';
        if (!letter && !other && !(*p == '.' && p != name))
            return false;
    }
    return *name != '\0' && strlen(name) <= NAME_MAX_BYTES;
}

int plat_endpoint_path(const char *endpoint, char *buf, size_t cap, Err *err) {
    const char *name = endpoint != NULL && endpoint[0] != '\0' ? endpoint : DEFAULT_NAME;
    // A full path must be a local pipe: \\server\pipe\… would hand the user's credentials to a server.
    if (_strnicmp(name, PREFIX, strlen(PREFIX)) == 0)
        name += strlen(PREFIX);
    else if (strpbrk(name, "\\/") != NULL)
        return err_set(err, STATUS_INVALID_ARGUMENT,
                       "the endpoint \"%.120s\" is no local pipe: give a name, or " PREFIX "name",
                       name);
    if (!name_valid(name))
        return err_set(
            err, STATUS_INVALID_ARGUMENT,
            "the endpoint name \"%.120s\" may hold only letters, digits, '-', '_' and inner "
            "'.', at most %u of them",
            name, NAME_MAX_BYTES);
    size_t bytes = strlen(PREFIX) + strlen(name) + 1;
    if (bytes > cap)
        return err_set(err, STATUS_INVALID_ARGUMENT, "no room for the path of the endpoint");
    snprintf(buf, cap, "%s%s", PREFIX, name);
    return 0;
}

int endpoint_resolve(const char *endpoint, wchar_t **ret_path, bool *ret_named, Err *err) {
    char path[sizeof PREFIX + NAME_MAX_BYTES];
    int result = plat_endpoint_path(endpoint, path, sizeof path, err);
    if (result < 0)
        return result;
    wchar_t *wide = text_wide(path);
    if (wide == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the name of a pipe");
    *ret_path = wide;
    *ret_named = endpoint != NULL && endpoint[0] != '\0';
    return 0;
}

bool endpoint_own_sid(char *buf, size_t cap) {
    HANDLE token;
    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token))
        return false;
    bool ok = token_user(token, buf, cap, NULL);
    CloseHandle(token);
    return ok;
}

int endpoint_security(const char *sddl, PSECURITY_DESCRIPTOR *ret, Err *err) {
    char own[192], text[1024];
    if (sddl == NULL) {
        if (!endpoint_own_sid(own, sizeof own))
            return err_set(err, STATUS_IO, "cannot read the token of this process");
        // Further instances of the pipe are checked against it too: only who has all rights makes them.
        snprintf(text, sizeof text, "O:%sG:%sD:P(A;;FA;;;%s)(A;;FA;;;SY)(A;;0x%x;;;BA)", own, own,
                 own, PIPE_CLIENT_ACCESS);
        sddl = text;
    }
    wchar_t *wide = text_wide(sddl);
    if (wide == NULL)
        return err_set(err, STATUS_INVALID_ARGUMENT, "the security of the pipe is no valid text");
    BOOL ok =
        ConvertStringSecurityDescriptorToSecurityDescriptorW(wide, SDDL_REVISION_1, ret, NULL);
    DWORD code = GetLastError();
    mem_free(wide);
    char error[300];
    return ok ? 0
              : err_set(err, STATUS_INVALID_ARGUMENT, "\"%.200s\" is no valid SDDL: %s", sddl,
                        text_error(code, error, sizeof error));
}
