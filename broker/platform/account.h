// Names of accounts as this system knows them. Blocking: a domain controller may have to answer, so
// never on the loop. Any thread.
#pragma once

#include "util/base.h"

#define PLAT_ACCOUNT_NAME 1024u // room that is enough for every name

// The account of a binary SID as UTF-8: "DOMAIN\name" on Windows; on posix the user or group that
// S-1-22-1-uid or S-1-22-2-gid stands for. 0; -STATUS_NOT_FOUND: there is none; other failures may
// pass.
int plat_account_name(const uint8_t *sid, size_t sid_bytes, char *ret_name, size_t cap);
