#include "schema/event_names.h"

#include <stddef.h>

// Asked once for each event type: a walk of some hundred entries is cheap enough.
const char *event_name_find(const Guid *provider, uint16_t id) {
    for (uint32_t i = 0; i < event_names_n; i++)
        if (event_names[i].id == id && guid_equal(&event_names[i].provider, provider))
            return event_names[i].name;
    return NULL;
}
