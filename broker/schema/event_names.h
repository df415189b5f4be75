// TraceEvent's names for the events of some manifest providers (CLR), which differ from
// Task/Opcode. The table is generated from event_names.txt. No state.
#pragma once

#include "util/guid.h"

typedef struct EventName {
    Guid provider;
    uint16_t id;
    const char *name;
} EventName;

extern const EventName event_names[];
extern const uint32_t event_names_n;

const char *event_name_find(const Guid *provider, uint16_t id); // NULL when there is none
