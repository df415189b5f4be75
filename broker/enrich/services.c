#include "enrich/services.h"

#include "util/mem.h"
#include "util/utf.h"

typedef struct Service {
    uint32_t pid; // 0: it does not run
    Text *name;
} Service;

static void service_unref(void *value) {
    Service *service = value;
    text_unref(service->name);
    mem_free(service);
}

static size_t service_charge(const void *value) {
    return sizeof(Service) + text_charge(((const Service *)value)->name);
}

int services_new(uint32_t max_services, size_t max_bytes, bool looks_ahead, History **ret) {
    HistoryOptions options = {.name = "Services",
                              .max_entries = max_services,
                              .max_bytes = max_bytes,
                              .lingers = true,
                              .looks_ahead = looks_ahead,
                              .unref = service_unref,
                              .charge = service_charge};
    return history_new(&options, ret);
}

void services_state(History *services, uint32_t tag, uint64_t at, uint32_t pid, Text *take_name) {
    HistoryKey key = {tag, 0};
    const Service *known = history_current(services, key, NULL);
    bool same_name = known && fold_equal(known->name->s, take_name->s);
    if (known && known->pid != 0 && (pid == 0 || (same_name && known->pid == pid))) {
        text_unref(take_name);
        return;
    }
    Service *service = mem_alloc(sizeof *service);
    if (!service) {
        text_unref(take_name);
        return;
    }
    *service = (Service){pid, take_name};
    if (known && (same_name || known->pid == 0))
        (void)history_replace(services, key, UINT64_MAX, service);
    else
        (void)history_state(services, key, at, service, PROVENANCE_RUNDOWN);
}

void services_ask(History *services, uint32_t tag, uint64_t at, HistoryAnswer *ret) {
    history_ask(services, (HistoryKey){tag, 0}, at, ret);
}

const Text *services_name(const HistoryAnswer *answer, uint32_t pid, uint8_t *ret_provenance) {
    const Service *service = answer->value;
    if (!service)
        return NULL;
    bool is_other = service->pid != 0 && service->pid != pid;
    *ret_provenance = is_other ? PROVENANCE_GUESS : answer->provenance;
    return service->name;
}
