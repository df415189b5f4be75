#include "route/caches.h"

#include "util/mem.h"

// The least that names files and keys (etl-format I.4, I.5): with ids, so that a watcher's id
// filter at the source stays one.
static const CachesProvider providers[CACHES_MAX_PROVIDERS] = {
    {"Microsoft-Windows-Kernel-File",
     GUID_INIT(0xedd08927u, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89),
     0x90, // FILENAME, CREATE
     4,
     5,
     {10, 11, 12, 14, 30}, // NameCreate, NameDelete, Create, Close, CreateNewFile
     "names of files for Kernel-File"},
    {"Microsoft-Windows-Kernel-Registry",
     GUID_INIT(0x70eb4f03u, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd),
     0x3000, // CreateKey, OpenKey
     4,
     3,
     {1, 2, 13}, // CreateKey, OpenKey, CloseKey
     "names of keys for Kernel-Registry"},
};

enum { TYPE_PROCESS, TYPE_THREAD, TYPE_IMAGE, TYPE_FILE_NAME, N_NEEDED };

static const struct {
    const char *type, *reason;
} needed[N_NEEDED] = {
    [TYPE_PROCESS] = {"Process", "names of processes"},
    [TYPE_THREAD] = {"Thread", "processes of threads"},
    [TYPE_IMAGE] = {"Image", "modules of call stacks"},
    [TYPE_FILE_NAME] = {"FileName", "names of files"},
};

// Types with a file by its key alone, and those whose events say by themselves whose they are.
static const char *const with_files[] = {"File",   "FileInit",  "MapFile", "DiskIO",
                                         "Driver", "HardFault", NULL};
static const char *const with_pids[] = {
    "Process",         "Image",        "FileName", "MapFile",    "Network", "Registry",
    "ProcessCounters", "VirtualAlloc", "Job",      "DebugPrint", NULL};

static KernelSet set_of(const char *const *names) {
    KernelSet set = 0;
    for (; *names; names++) {
        int index = kernel_type_find(*names);
        if (index >= 0)
            set |= KERNEL_BIT(index);
    }
    return set;
}

static KernelSet bit_of(int which) {
    const char *const names[] = {needed[which].type, NULL};
    return set_of(names);
}

const CachesProvider *caches_provider(uint32_t index) {
    return index < CACHES_MAX_PROVIDERS ? &providers[index] : NULL;
}

const char *caches_kernel_reason(uint32_t kernel_type_index) {
    const KernelType *type = kernel_type(kernel_type_index);
    for (size_t i = 0; type && i < N_NEEDED; i++)
        if (strcmp(needed[i].type, type->name) == 0)
            return needed[i].reason;
    return "";
}

static bool has_id(const Want *want, uint16_t id) {
    for (uint32_t i = 0; i < want->n_ids; i++)
        if (want->ids[i] == id)
            return true;
    return want->n_ids == 0;
}

// Does what the want asks of the provider bring all that the caches need of it?
static bool covers(const Want *want, const WantProvider *p, const CachesProvider *need) {
    bool whole = want->level >= need->level &&
                 (p->any == 0 || ((p->any & need->any) == need->any && p->all == 0));
    for (uint16_t i = 0; i < need->n_ids && whole; i++)
        whole = has_id(want, need->ids[i]);
    return whole;
}

void caches_need(CachesNeed *need, const Spec *spec) {
    if (spec->enrich == SPEC_ENRICH_NONE)
        return;
    KernelSet wanted = 0;
    bool asked[CACHES_MAX_PROVIDERS] = {false}, covered[CACHES_MAX_PROVIDERS] = {false};
    for (uint32_t i = 0; i < spec->n_wants; i++) {
        const Want *want = spec->wants[i];
        wanted |= want->kernel;
        for (uint32_t p = 0; p < want->n_providers; p++) {
            const WantProvider *provider = &want->providers[p];
            wanted |= kernel_types_of_class(&provider->guid);
            for (uint32_t k = 0; k < CACHES_MAX_PROVIDERS; k++) {
                if (!guid_equal(&provider->guid, &providers[k].guid))
                    continue;
                asked[k] = true;
                covered[k] = covered[k] || covers(want, provider, &providers[k]);
            }
        }
    }
    KernelSet every = KERNEL_BIT(kernel_type_count()) - 1;
    bool stacks = spec->stack_kernel != 0 || spec->stack_providers || spec->n_stack_guids != 0;
    bool services = spec->enrich == SPEC_ENRICH_ALL ||
                    (spec_enriched(spec) & ENRICHED_BIT(ENRICHED_SERVICE_NAME)) != 0;
    need->kernel |= bit_of(TYPE_PROCESS);
    if (stacks || services || (wanted & every & ~set_of(with_pids)) != 0)
        need->kernel |= bit_of(TYPE_THREAD);
    if (stacks)
        need->kernel |= bit_of(TYPE_IMAGE);
    if ((wanted & set_of(with_files)) != 0)
        need->kernel |= bit_of(TYPE_FILE_NAME);
    for (uint32_t k = 0; k < CACHES_MAX_PROVIDERS; k++)
        if (asked[k] && !covered[k])
            need->providers |= 1u << k;
}

static int provider_want(const CachesProvider *from, Want **ret) {
    Want *want = mem_zalloc(sizeof *want);
    if (!want)
        return -(int)STATUS_NO_MEMORY;
    want->level = from->level;
    want->providers = arena_array(&want->arena, 1, sizeof *want->providers);
    want->ids = arena_array(&want->arena, from->n_ids, sizeof *want->ids);
    if (!want->providers || !want->ids) {
        want_free(want);
        return -(int)STATUS_NO_MEMORY;
    }
    want->providers[0] = (WantProvider){.guid = from->guid, .any = from->any, .name = from->name};
    want->n_providers = 1;
    memcpy(want->ids, from->ids, from->n_ids * sizeof *want->ids);
    want->n_ids = from->n_ids;
    *ret = want;
    return 0;
}

int caches_spec(const CachesNeed *need, Spec **ret) {
    Spec *spec = mem_zalloc(sizeof *spec);
    int r = spec ? 0 : -(int)STATUS_NO_MEMORY;
    if (spec)
        spec->refs = 1;
    if (r == 0 && need->kernel != 0) {
        Want *want = mem_zalloc(sizeof *want);
        r = want ? 0 : -(int)STATUS_NO_MEMORY;
        if (want) {
            want->level = WANT_LEVEL_DEFAULT;
            want->kernel = need->kernel;
            spec->wants[spec->n_wants++] = want;
        }
    }
    for (uint32_t k = 0; r == 0 && k < CACHES_MAX_PROVIDERS; k++) {
        if (!(need->providers & 1u << k))
            continue;
        r = provider_want(&providers[k], &spec->wants[spec->n_wants]);
        if (r == 0)
            spec->n_wants++;
    }
    if (r != 0) {
        spec_unref(spec);
        return r;
    }
    *ret = spec;
    return 0;
}

bool caches_ask_for(const CachesNeed *need, const RouteType *type) {
    if (type->event_flags & EVENT_CLASSIC)
        return need->kernel != 0 &&
               kernel_matches(need->kernel, type->provider, type->desc->opcode);
    for (uint32_t k = 0; k < CACHES_MAX_PROVIDERS; k++) {
        if (!(need->providers & 1u << k) || !guid_equal(type->provider, &providers[k].guid))
            continue;
        if (type->desc->level > providers[k].level ||
            !want_keyword_passes(type->desc->keyword, providers[k].any, 0, false))
            return false;
        for (uint16_t i = 0; i < providers[k].n_ids; i++)
            if (providers[k].ids[i] == type->desc->id)
                return true;
        return false;
    }
    return false;
}
