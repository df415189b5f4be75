// Accounts that are the same on every Windows machine, by SID, with their English names. Pure.
#pragma once

#include "util/base.h"

#define SID_MAX_BYTES   68u
#define WELL_KNOWN_NAME 128u // room that is enough for every name here

// False: none of them. sid must be well-formed (sid_length).
bool well_known_name(const uint8_t *sid, size_t sid_bytes, char ret_name[WELL_KNOWN_NAME]);
// S-1-5-80-…, the SID of a service, which follows from its name; returns its bytes, 0: no memory.
size_t service_sid(const char *service, uint8_t ret_sid[SID_MAX_BYTES]);
