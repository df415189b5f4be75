// Services by the tag that their threads carry (SystemConfig/Services). Tags are unique on a
// machine while it runs; a service that runs wins over one that does not. Owner:
// enrich/processes.c.
#pragma once

#include "enrich/history.h"
#include "enrich/text.h"

int services_new(uint32_t max_services, size_t max_bytes, bool looks_ahead, History **ret);
void services_state(History *services, uint32_t tag, uint64_t at, uint32_t pid, Text *take_name);
// pid: the process whose thread has the tag; a service of another one is a guess.
const Text *services_find(History *services, uint32_t tag, uint64_t at, uint32_t pid,
                          uint8_t *ret_provenance);
