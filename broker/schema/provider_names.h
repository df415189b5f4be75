// Names of well-known providers, for events and subscriptions whose provider nothing else names.
//
// The table is generated from provider_names.txt and sorted by GUID. No state.
#pragma once

#include "util/guid.h"

typedef struct ProviderName {
    Guid guid;
    const char *name;
    bool event_source;   // a .NET EventSource
    bool guid_from_name; // … whose GUID follows from its name
} ProviderName;

extern const ProviderName provider_names[];
extern const uint32_t provider_names_n;

const ProviderName *provider_name_find(const Guid *guid); // NULL when unknown
