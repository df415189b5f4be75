// Modules of processes and of the kernel by address and time (etl-format H.3, I.6, I.8). An address
// is resolved at the time of the event that it belongs to: images unload, and others load at their
// place.
//
// A process's modules are intervals on the time axis of EventRecord.ordinal. Load opens, Unload
// closes, a rundown tells what has been there since the process began. A newer image closes older
// ones whose addresses it takes (their Unload was lost). An exit closes nothing: unloads and stacks
// come after it; the next process with this pid does. Equal modules are one object in all
// processes, with one serial. Owner: the loop.
#pragma once

#include "enrich/facts.h"
#include "enrich/history.h"
#include "enrich/volumes.h"

typedef struct Images Images;

typedef struct ImagesOptions {
    uint32_t max_processes; // with modules; least recently used first out
    size_t max_bytes;
    bool looks_ahead;
} ImagesOptions;

int images_new(const ImagesOptions *options, Volumes *volumes, Images **ret);
Images *images_free(Images *images);
void images_clear(Images *images);

typedef enum ImageRole {
    IMAGE_NOTHING = 0,
    IMAGE_LOAD,     // Image/Load; Kernel-Process 5
    IMAGE_UNLOAD,   // Image/Unload; Kernel-Process 6
    IMAGE_STATE,    // DCStart, DCStop
    IMAGE_IDENTITY, // ImageID 0: time stamp
    IMAGE_PDB,      // ImageID 36, 37: GUID, age, name
    IMAGE_EXIT,     // Process/Stop: what a later rundown tells is of another process
    IMAGE_START,    // Process/Start: what was open is closed
} ImageRole;

typedef struct ImagePlan {
    uint8_t role;
    PayloadRef pid, base, size, timestamp, checksum, age;
    int16_t name, guid;
    bool il; // IMAGE_PDB: of the intermediate language, second to that of native code
} ImagePlan;

ImagePlan images_plan(const Schema *schema);
void images_observe(Images *images, const ImagePlan *plan, const EventRecord *record,
                    const Schema *schema);
bool address_is_kernel(uint64_t address, uint8_t pointer_size);
// Module of an address in a process at an ordinal (kernel addresses: in the kernel's, pid 0);
// borrowed until the next event. NULL: in none.
const ModuleView *images_find(Images *images, uint32_t pid, uint64_t address, uint8_t pointer_size,
                              uint64_t at);
uint32_t images_stats(const Images *images, CacheStats ret[1]);

// For whoever keeps what was found (stacks). The answer to images_find holds for [*io_from,
// *io_to], which are narrowed, as long as images_version stays the same.
const ModuleView *images_find_within(Images *images, uint32_t pid, uint64_t address,
                                     uint8_t pointer_size, uint64_t at, uint64_t *io_from,
                                     uint64_t *io_to);
uint64_t images_version(Images *images);
// A view that was found lives as long as it is held; all are released before images_free.
void images_hold(const ModuleView *module);
void images_release(const ModuleView *module);
