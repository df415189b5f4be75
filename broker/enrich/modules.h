// Modules as they are shown, each once: the same image at the same address in 300 processes is one
// object with one serial. Immutable, but for the count; what is learnt later makes another. Owner:
// images; the loop.
#pragma once

#include "enrich/text.h"
#include "enrich/volumes.h"
#include "event/enriched.h"

typedef struct Modules Modules;

typedef struct ModuleFacts {
    uint64_t base, size;
    uint32_t timestamp, checksum, pdb_age;
    uint8_t provenance;
    Guid pdb_guid;
    Text *path; // as the event has it; NULL: none
    Text *pdb;  // NULL: unknown
} ModuleFacts;

typedef struct Module {
    ModuleView view; // first: modules are handed out as views
    ModuleFacts facts;
    Text *shown; // the path as of `generation` of the volumes
    uint32_t generation;
    uint32_t refs, hash;
    struct Module *next; // of its bucket
    Modules *owner;
} Module;

int modules_new(Volumes *volumes, Modules **ret);
Modules *modules_free(Modules *modules); // every reference has been given back
// A reference; facts' texts stay the caller's. NULL: no memory.
Module *modules_get(Modules *modules, const ModuleFacts *facts);
Module *module_ref(Module *module);
Module *module_unref(Module *module); // returns NULL
// Is its path still as the volumes map it? modules_get with its facts gives what it has become.
bool module_is_current(const Module *module);
size_t modules_bytes(const Modules *modules);
