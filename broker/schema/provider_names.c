#include "schema/provider_names.h"

const ProviderName *provider_name_find(const Guid *guid) {
    uint32_t low = 0, high = provider_names_n;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        int order = memcmp(provider_names[mid].guid.b, guid->b, sizeof guid->b);
        if (order == 0)
            return &provider_names[mid];
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}
