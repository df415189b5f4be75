// Socket paths and their folders.
#include "platform/posix/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/port.h"

#define DEFAULT_NAME  "etwbroker"
#define SYSTEM_FOLDER "/run/etwbroker"

static bool is_path(const char *endpoint) {
    return strchr(endpoint, '/') != NULL || strchr(endpoint, '\\') != NULL;
}

static bool name_valid(const char *name) {
    for (const char *p = name; *p != '\0'; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
        bool other = (*p >= '0' && *p <= '9') || *p == '-' || *p == '_';
        // No leading dot: "." and ".." are folders, and a hidden socket is a surprise.
        if (!letter && !other && !(*p == '.' && p != name))
            return false;
    }
    return *name != '\0';
}

static int too_long(const char *endpoint, Err *err) {
    return err_set(
        err, STATUS_INVALID_ARGUMENT,
        "the endpoint \"%.120s\" gives a socket path of more than %zu bytes: choose a shorter one",
        endpoint, ENDPOINT_PATH_BYTES - 1);
}

static int put_named(const char *folder, const char *name, EndpointPath *ret, Err *err) {
    int n = snprintf(ret->folder, sizeof ret->folder, "%s", folder);
    if (n < 0 || (size_t)n >= sizeof ret->folder)
        return too_long(name, err);
    n = snprintf(ret->path, sizeof ret->path, "%s/%s.sock", folder, name);
    if (n < 0 || (size_t)n >= sizeof ret->path)
        return too_long(name, err);
    ret->named = true;
    ret->system = strcmp(folder, SYSTEM_FOLDER) == 0;
    return 0;
}

// The user's own run-time folder; "" when the environment names none that belongs to this user.
static void user_runtime_folder(char *folder, size_t cap) {
    folder[0] = '\0';
    const char *base = getenv("XDG_RUNTIME_DIR");
    struct stat st;
    if (base == NULL || base[0] != '/' || stat(base, &st) != 0 || !S_ISDIR(st.st_mode) ||
        st.st_uid != geteuid())
        return;
    // Cut only when it is too long for any socket: put_named then says so.
    int n = snprintf(folder, cap, "%s/etwbroker", base);
    if (n < 0)
        folder[0] = '\0';
}

int endpoint_resolve(const char *endpoint, EndpointPath *ret, Err *err) {
    EndpointPath at;
    memset(&at, 0, sizeof at);
    const char *name = endpoint != NULL && endpoint[0] != '\0' ? endpoint : DEFAULT_NAME;
    if (is_path(name)) {
        int n = snprintf(at.path, sizeof at.path, "%s", name);
        if (n < 0 || (size_t)n >= sizeof at.path)
            return too_long(name, err);
        const char *slash = strrchr(at.path, '/');
        if (slash == NULL || slash[1] == '\0')
            return err_set(err, STATUS_INVALID_ARGUMENT,
                           "the endpoint \"%.120s\" is no socket path: give a name or /folder/file",
                           name);
        size_t bytes = slash == at.path ? 1 : (size_t)(slash - at.path);
        memcpy(at.folder, at.path, bytes);
        *ret = at;
        return 0;
    }
    if (!name_valid(name))
        return err_set(
            err, STATUS_INVALID_ARGUMENT,
            "the endpoint name \"%.120s\" may hold only letters, digits, '-', '_' and inner '.'",
            name);
    char folder[512];
    user_runtime_folder(folder, sizeof folder);
    if (folder[0] == '\0') {
        if (geteuid() == 0)
            snprintf(folder, sizeof folder, "%s", SYSTEM_FOLDER);
        else
            snprintf(folder, sizeof folder, "/tmp/etwbroker-%u", (unsigned)geteuid());
    }
    int result = put_named(folder, name, &at, err);
    if (result == 0)
        *ret = at;
    return result;
}

bool endpoint_resolve_system(const char *endpoint, EndpointPath *ret) {
    const char *name = endpoint != NULL && endpoint[0] != '\0' ? endpoint : DEFAULT_NAME;
    if (is_path(name) || !name_valid(name))
        return false;
    EndpointPath own, at;
    memset(&own, 0, sizeof own);
    memset(&at, 0, sizeof at);
    if (endpoint_resolve(endpoint, &own, NULL) == 0 && own.system)
        return false;
    if (put_named(SYSTEM_FOLDER, name, &at, NULL) != 0)
        return false;
    *ret = at;
    return true;
}

int endpoint_make_folder(const EndpointPath *at, Err *err) {
    if (!at->named)
        return 0;
    // The system's folder is open to look-ups: the mode of each socket says who may connect.
    mode_t mode = at->system ? 0755 : 0700;
    bool made = mkdir(at->folder, mode) == 0;
    if (!made && errno != EEXIST)
        return err_set(err, STATUS_IO, "cannot make the folder %s: %s", at->folder,
                       strerror(errno));
    struct stat st;
    if (lstat(at->folder, &st) != 0)
        return err_set(err, STATUS_IO, "cannot look at the folder %s: %s", at->folder,
                       strerror(errno));
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
        return err_set(err, STATUS_DENIED,
                       "the folder %s must be a folder of this user that nobody else may write to: "
                       "remove it, or name another endpoint",
                       at->folder);
    if (made && chmod(at->folder, mode) != 0) // the umask may have taken bits that clients need
        return err_set(err, STATUS_IO, "cannot set the mode of %s: %s", at->folder,
                       strerror(errno));
    return 0;
}

void endpoint_address(const EndpointPath *at, struct sockaddr_un *ret) {
    memset(ret, 0, sizeof *ret);
    ret->sun_family = AF_UNIX;
    memcpy(ret->sun_path, at->path, sizeof ret->sun_path);
}

int plat_endpoint_path(const char *endpoint, char *buf, size_t cap, Err *err) {
    EndpointPath at;
    int result = endpoint_resolve(endpoint, &at, err);
    if (result < 0)
        return result;
    size_t bytes = strlen(at.path) + 1;
    if (bytes > cap)
        return err_set(err, STATUS_INVALID_ARGUMENT, "no room for the path of the endpoint");
    memcpy(buf, at.path, bytes);
    return 0;
}
