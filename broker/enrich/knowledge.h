// All that is known of one session: the caches together. Sessions that were appended to one file
// have one each: ids, keys and clocks of one mean nothing in another, between which the machine may
// have been started anew. Owner: enrich.c.
#pragma once

#include "enrich/files.h"
#include "enrich/keys.h"
#include "enrich/objects.h"
#include "enrich/processes.h"
#include "enrich/stacks.h"
#include "enrich/volume_events.h"

typedef struct EnrichLimits { // of the configuration, [caches]
    uint32_t files, file_objects, requests, keys, processes, threads, services, objects,
        image_processes;
    size_t memory_bytes; // of all caches; each has its share
} EnrichLimits;

typedef struct Knowledge {
    Volumes *volumes;
    Processes *processes;
    Files *files;
    Keys *keys;
    Objects *objects;
    Images *images;
    Stacks *stacks;
} Knowledge;

// limits: of what is found out live. ahead: what a file is scanned for; then `bytes` alone is the
// limit, but for the requests. accounts is borrowed.
int knowledge_new(const EnrichLimits *limits, size_t bytes, bool ahead, Accounts *accounts,
                  Knowledge **ret);
Knowledge *knowledge_free(Knowledge *knowledge);
void knowledge_clear(Knowledge *knowledge);
#define KNOWLEDGE_STATS 12u
uint32_t knowledge_stats(const Knowledge *knowledge, CacheStats ret[KNOWLEDGE_STATS]);
// What was evicted of that which a scan has told, and bytes of all caches.
uint64_t knowledge_evicted(const Knowledge *knowledge);
size_t knowledge_bytes(const Knowledge *knowledge);
