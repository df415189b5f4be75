// Names of accounts by SID: the well-known ones of Windows built in, others asked of the system on
// a thread of its own, never on the event path (security.md, threat 19).
//
// accounts_name never blocks: a name that is not known yet is asked for once, and is there at a
// later call; a refusal is remembered as well. Bounded: ACCOUNTS_MAX names, least recently used
// first out. Owner: the loop; the thread sees only its queue.
#pragma once

#include "enrich/history.h"

typedef struct Accounts Accounts;

#define ACCOUNTS_MAX 4096u

// resolve: asks the system (platform/account.h); false: the well-known ones only (a file of another
// machine, whose SIDs mean nothing here).
int accounts_new(bool resolve, Accounts **ret);
Accounts *accounts_free(Accounts *accounts); // joins the thread
// "NT AUTHORITY\SYSTEM", "CORP\ana"; "" when unknown or not there yet. Lives until ACCOUNTS_MAX - 1
// other accounts have been asked for: copy what is to be kept.
const char *accounts_name(Accounts *accounts, const uint8_t *sid, size_t sid_bytes);
// Changes when a name has become known, or room to ask for one: asking again may be worth it then.
// Takes what has been answered meanwhile; never blocks.
uint32_t accounts_generation(Accounts *accounts);
// A service of this name exists: its account "NT SERVICE\name" is known from now on.
void accounts_service(Accounts *accounts, const char *service);
// Waits until what was asked for has been answered, at most timeout_ms (dump, tests).
void accounts_settle(Accounts *accounts, uint32_t timeout_ms);
uint32_t accounts_stats(const Accounts *accounts, CacheStats ret[1]);
