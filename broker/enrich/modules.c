#include "enrich/modules.h"

#include "util/map.h"
#include "util/mem.h"

struct Modules {
    Volumes *volumes;
    Module **buckets;
    uint32_t n_buckets, n;
    size_t bytes;
};

int modules_new(Volumes *volumes, Modules **ret) {
    Modules *modules = mem_zalloc(sizeof *modules);
    if (!modules)
        return -STATUS_NO_MEMORY;
    modules->volumes = volumes;
    *ret = modules;
    return 0;
}

Modules *modules_free(Modules *modules) {
    if (modules) {
        mem_free(modules->buckets);
        mem_free(modules);
    }
    return NULL;
}

// Keyed, as names are chosen by whoever loads the image.
static uint64_t hash_text(const Text *text) {
    return text ? map_hash_bytes(text->s, text->bytes) : 0;
}

static uint32_t hash_of(const ModuleFacts *f) {
    uint64_t hash = map_hash_pair(f->base ^ f->size, (uint64_t)f->timestamp << 32 | f->checksum);
    hash = map_hash_pair(hash + f->provenance, hash_text(f->path));
    if (f->pdb_age != 0)
        hash = map_hash_pair(hash ^ guid_hash(&f->pdb_guid), hash_text(f->pdb));
    return (uint32_t)(hash ^ hash >> 32);
}

static bool same_text(const Text *a, const Text *b) {
    return a == b || (a && b && a->bytes == b->bytes && memcmp(a->s, b->s, a->bytes) == 0);
}

static bool same_facts(const ModuleFacts *a, const ModuleFacts *b) {
    return a->base == b->base && a->size == b->size && a->timestamp == b->timestamp &&
           a->checksum == b->checksum && a->pdb_age == b->pdb_age &&
           a->provenance == b->provenance && guid_equal(&a->pdb_guid, &b->pdb_guid) &&
           same_text(a->path, b->path) && same_text(a->pdb, b->pdb);
}

static void grow(Modules *modules) {
    uint32_t n = modules->n_buckets ? modules->n_buckets * 2 : 256;
    Module **buckets = n ? mem_array(n, sizeof(*buckets)) : NULL;
    if (!buckets)
        return; // longer chains are no harm
    for (uint32_t i = 0; i < modules->n_buckets; i++)
        for (Module *m = modules->buckets[i], *next; m; m = next) {
            next = m->next;
            m->next = buckets[m->hash & (n - 1)];
            buckets[m->hash & (n - 1)] = m;
        }
    modules->bytes += (n - modules->n_buckets) * sizeof(*buckets);
    mem_free(modules->buckets);
    modules->buckets = buckets;
    modules->n_buckets = n;
}

static size_t charge_of(const Module *m) {
    size_t bytes = sizeof *m + text_charge(m->facts.path) + text_charge(m->facts.pdb);
    return bytes + (m->shown == m->facts.path ? 0 : text_charge(m->shown));
}

static Module *make(Modules *modules, const ModuleFacts *facts, uint32_t hash) {
    if (modules->n >= modules->n_buckets)
        grow(modules);
    Module *m = modules->n_buckets ? mem_zalloc(sizeof *m) : NULL;
    if (!m)
        return NULL;
    m->generation = volumes_generation(modules->volumes);
    if (facts->path) {
        m->shown = volumes_map(modules->volumes, facts->path);
        if (!m->shown) {
            mem_free(m);
            return NULL;
        }
    }
    m->facts = *facts;
    if (facts->path)
        text_ref(facts->path);
    if (facts->pdb)
        text_ref(facts->pdb);
    m->view = (ModuleView){
        .serial = serial_next(),
        .base = facts->base,
        .size = facts->size,
        .timestamp = facts->timestamp,
        .checksum = facts->checksum,
        .pdb_age = facts->pdb_age,
        .pdb_guid = facts->pdb_guid,
        .path = m->shown ? m->shown->s : "",
        .pdb_name = facts->pdb ? facts->pdb->s : "",
        .provenance = facts->provenance,
    };
    m->refs = 1;
    m->hash = hash;
    m->owner = modules;
    uint32_t at = hash & (modules->n_buckets - 1);
    m->next = modules->buckets[at];
    modules->buckets[at] = m;
    modules->n++;
    modules->bytes += charge_of(m);
    return m;
}

// The volumes have changed. True: its path is shown as before.
static bool renew(Module *m) {
    uint32_t generation = volumes_generation(m->owner->volumes);
    if (m->generation == generation)
        return true;
    Text *shown = m->facts.path ? volumes_map(m->owner->volumes, m->facts.path) : NULL;
    bool same = same_text(shown, m->shown);
    text_unref(shown);
    if (same)
        m->generation = generation;
    return same;
}

Module *modules_get(Modules *modules, const ModuleFacts *facts) {
    uint32_t hash = hash_of(facts);
    Module *m = modules->n_buckets ? modules->buckets[hash & (modules->n_buckets - 1)] : NULL;
    for (; m; m = m->next)
        if (m->hash == hash && same_facts(&m->facts, facts) && renew(m))
            return module_ref(m);
    return make(modules, facts, hash);
}

Module *module_ref(Module *module) {
    module->refs++;
    return module;
}

Module *module_unref(Module *module) {
    if (!module || --module->refs > 0)
        return NULL;
    Modules *modules = module->owner;
    Module **at = &modules->buckets[module->hash & (modules->n_buckets - 1)];
    while (*at != module)
        at = &(*at)->next;
    *at = module->next;
    modules->n--;
    modules->bytes -= charge_of(module);
    text_unref(module->shown);
    text_unref(module->facts.path);
    text_unref(module->facts.pdb);
    mem_free(module);
    return NULL;
}

bool module_is_current(const Module *module) {
    return module->generation == volumes_generation(module->owner->volumes);
}

size_t modules_bytes(const Modules *modules) {
    return modules->bytes;
}
