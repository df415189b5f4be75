#include "enrich/knowledge.h"

#include "util/mem.h"

// Never 0, which would be no limit.
static size_t share(size_t bytes, uint32_t percent) {
    return MAX_OF(bytes / 100 * percent, 1u);
}

// A scan is bounded by its budget alone: what a file knows of one key must not push out another's.
static uint32_t count(bool ahead, uint32_t limit) {
    return ahead ? UINT32_MAX : MAX_OF(limit, 1u);
}

int knowledge_new(const EnrichLimits *l, size_t bytes, bool ahead, Accounts *accounts,
                  Knowledge **ret) {
    Knowledge *k = mem_zalloc(sizeof *k);
    if (!k)
        return -STATUS_NO_MEMORY;
    const ProcessesOptions processes = {count(ahead, l->processes), count(ahead, l->threads),
                                        count(ahead, l->services), share(bytes, 10), ahead};
    const FilesOptions files = {count(ahead, l->files), count(ahead, l->file_objects),
                                MAX_OF(l->requests, 1u), share(bytes, 40), ahead};
    const KeysOptions keys = {count(ahead, l->keys), share(bytes, 15), ahead};
    const ImagesOptions images = {count(ahead, l->image_processes), share(bytes, 10), ahead};
    const StacksOptions stacks = {share(bytes, 20), ahead};
    int r = volumes_new(&k->volumes);
    if (r == 0)
        r = processes_new(&processes, k->volumes, accounts, &k->processes);
    if (r == 0)
        r = files_new(&files, k->volumes, &k->files);
    if (r == 0)
        r = keys_new(&keys, &k->keys);
    if (r == 0)
        r = objects_new(count(ahead, l->objects), share(bytes, 5), ahead, &k->objects);
    if (r == 0)
        r = images_new(&images, k->volumes, &k->images);
    if (r == 0)
        r = stacks_new(&stacks, k->images, &k->stacks);
    if (r < 0) {
        knowledge_free(k);
        return r;
    }
    *ret = k;
    return 0;
}

Knowledge *knowledge_free(Knowledge *k) {
    if (k) {
        stacks_free(k->stacks);
        images_free(k->images);
        objects_free(k->objects);
        keys_free(k->keys);
        files_free(k->files);
        processes_free(k->processes);
        volumes_free(k->volumes);
        mem_free(k);
    }
    return NULL;
}

void knowledge_clear(Knowledge *k) {
    volumes_clear(k->volumes);
    processes_clear(k->processes);
    files_clear(k->files);
    keys_clear(k->keys);
    objects_clear(k->objects);
    images_clear(k->images);
    stacks_clear(k->stacks);
}

uint32_t knowledge_stats(const Knowledge *k, CacheStats ret[KNOWLEDGE_STATS]) {
    uint32_t n = processes_stats(k->processes, ret);
    n += files_stats(k->files, ret + n);
    n += keys_stats(k->keys, ret + n);
    n += objects_stats(k->objects, ret + n);
    n += images_stats(k->images, ret + n);
    n += stacks_stats(k->stacks, ret + n);
    return n;
}

// By the budget alone: requests and types of objects have a count of their own, which more memory
// would not change.
uint64_t knowledge_evicted(const Knowledge *k) {
    CacheStats rows[KNOWLEDGE_STATS];
    uint64_t evicted = 0;
    uint32_t n = knowledge_stats(k, rows);
    for (uint32_t i = 0; i < n; i++)
        if (rows[i].limit == 0 || rows[i].limit == UINT32_MAX)
            evicted += rows[i].evicted;
    return evicted;
}

size_t knowledge_bytes(const Knowledge *k) {
    CacheStats rows[KNOWLEDGE_STATS];
    size_t bytes = 0;
    uint32_t n = knowledge_stats(k, rows);
    for (uint32_t i = 0; i < n; i++)
        bytes += rows[i].bytes;
    return bytes;
}
