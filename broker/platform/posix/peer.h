// Who is at the other end of a connected Unix socket. No state; any thread.
#pragma once

#include "platform/port.h"

int peer_of_socket(int fd, PlatPeer *ret, Err *err);
// Only the user; -1 when the system does not tell.
int64_t peer_uid(int fd);
