// Services by the tag that their threads carry (SystemConfig/Services). Tags are unique on a
// machine while it runs; a service that runs wins over one that does not. Owner:
// enrich/processes.c.
#pragma once

#include "enrich/history.h"
#include "enrich/text.h"

int services_new(uint32_t max_services, size_t max_bytes, bool looks_ahead, History **ret);
void services_state(History *services, uint32_t tag, uint64_t at, uint32_t pid, Text *take_name);
// Name of what services_ask (as history_ask) gave for a tag; NULL: none. pid: the process whose
// thread has the tag; a service of another one is a guess.
void services_ask(History *services, uint32_t tag, uint64_t at, HistoryAnswer *ret);
const Text *services_name(const HistoryAnswer *answer, uint32_t pid, uint8_t *ret_provenance);
