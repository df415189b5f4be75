// Where sockets stand on Linux, and who may own the folders: used by the listener and by the client.
//
// Names live in a folder of their own: $XDG_RUNTIME_DIR/etwbroker when that is set (the broker of a
// user), else /run/etwbroker for root (the broker of the system), else /tmp/etwbroker-<uid>. A client
// that finds nothing in its own folder looks in the system's. No state; any thread.
#pragma once

#include <sys/un.h>

#include "util/err.h"

#define ENDPOINT_PATH_BYTES sizeof(((struct sockaddr_un *)0)->sun_path)

typedef struct EndpointPath {
    char path[ENDPOINT_PATH_BYTES];
    char folder[ENDPOINT_PATH_BYTES];
    bool named;  // by a name or by default: the folder is ours to make
    bool system; // the folder is the system's
} EndpointPath;

int endpoint_resolve(const char *endpoint, EndpointPath *ret, Err *err);
// The same name in the system's folder; false when the first one was there already, or is no name.
bool endpoint_resolve_system(const char *endpoint, EndpointPath *ret);
// Makes the folder of a named endpoint, or checks that it belongs to this user and that nobody else
// may write there.
int endpoint_make_folder(const EndpointPath *at, Err *err);
void endpoint_address(const EndpointPath *at, struct sockaddr_un *ret);
