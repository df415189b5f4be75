// Reading an access token: who a client is, what it belongs to, and how far it is to be believed.
// All calls go through pipe_ops. No state; any thread.
#pragma once

#include "platform/windows/win.h"

#include "platform/port.h"

// The token's user as text; *ret_deny_only (may be NULL): the user counts only where something is denied.
bool token_user(HANDLE token, char *sid, size_t cap, bool *ret_deny_only);
// Fills everything of a peer but pid and name.
int token_peer(HANDLE token, PlatPeer *ret, Err *err);
