// One process instance: what events told of it, and the view that is made of that. Immutable but
// for notes on what has been tried: more knowledge makes a new instance with a new serial. One heap
// block with its texts behind it. Owner: enrich/processes.c.
#pragma once

#include "event/enriched.h"

typedef enum PathRank { // how good a path is; the better replaces the worse
    PATH_NONE = 0,
    PATH_COMMAND_LINE,
    PATH_RELATIVE, // an image's, without a device
    PATH_MANIFEST,
    PATH_IMAGE,
} PathRank;

enum { // Facts.told: which events have told of the instance
    TOLD_START = 1,
    TOLD_MANIFEST_START = 2,
    TOLD_STATE = 4,
    TOLD_END = 8,
};

// What is known, in borrowed texts (never NULL; "" unknown).
typedef struct Facts {
    uint32_t pid, parent_pid, session; // UINT32_MAX: unknown
    uint8_t told, path_rank, provenance, flags;
    bool exact_start; // start_time is the creation time itself
    uint8_t sid_bytes;
    uint64_t key, sequence; // 0: unknown
    int64_t start_time;
    const uint8_t *sid;
    const char *name, *command_line, *raw_path;
    const char *path, *user; // what volumes and accounts made of raw_path and sid
} Facts;

// What a look-up touches stands first.
typedef struct Instance {
    uint32_t refs;
    uint32_t volumes_generation;  // raw_path was mapped with
    uint32_t accounts_generation; // sid was looked up with
    bool has_path, lacks_user;    // a raw_path; a sid without a user
    struct Instance *next;        // of those that wait for the next event (processes.c)
    ProcessView view;
    ProcessView *guess; // the same view marked as a guess; made on demand
    // The parent that a chain found, as long as Processes.changes is what it was then.
    uint64_t parent_change, parent_from;
    struct Instance *parent; // or NULL
    size_t bytes;
    Facts facts; // its texts are this block's
} Instance;

void facts_init(Facts *facts, uint32_t pid);
// Could both be of the same process, given that nothing told of an end in between?
bool facts_agree(const Facts *a, const Facts *b);
// Adds what `more` knows better; true when something that the view shows has changed.
bool facts_merge(Facts *facts, const Facts *more);
// Is `base`, the last part of a path, the image that the kernel calls `name`? The kernel's name is
// 8-bit and may be cut at 14 or 15 characters.
bool facts_name_fits(const char *name, const char *base);
const char *facts_base_name(const char *path);
// The path that a command line begins with, when it is absolute and its base name fits; else
// nothing is appended and the result is false.
bool facts_command_path(const char *command_line, const char *name, Buf *out);

Instance *instance_new(const Facts *facts); // NULL: out of memory
void instance_unref(void *instance);
size_t instance_charge(const void *instance);
const ProcessView *instance_guess(Instance *instance); // the view itself when there is no memory
