// The modules of one process (or of the kernel) by address and time: intervals in one array,
// ordered by base address and then by ordinal; `reach` bounds how far back an address has to be
// looked for. Owner: images; the loop.
#pragma once

#include "enrich/modules.h"

#define IMAGE_OPEN          UINT64_MAX // Interval.to
#define IMAGE_SET_INTERVALS 8192u      // beyond that the stalest goes
#define IMAGE_SET_KEPT      64u        // closed ones that image_set_trim leaves
#define IMAGE_SET_STEPS     1024u      // looked at for one address: hostile sets have more

typedef struct Interval {
    uint64_t base, end; // addresses; end is exclusive
    uint64_t reach;     // highest end up to here
    uint64_t from, to;  // ordinals, inclusive
    uint64_t born;      // its process's first ordinal, as far as known
    int64_t told[2];    // raw times of its first and of its latest Image event
    Module *module;
    bool native_pdb; // told by ImageID 36
} Interval;

typedef struct ImageSet {
    uint32_t pid;
    uint32_t n, room, n_closed;
    uint64_t since; // the process's first ordinal, as far as known
    int64_t start_time;
    bool started, ended;
    Interval *intervals;
    struct ImageSet *newer, *older; // use
} ImageSet;

// First interval whose base is above the address.
uint32_t image_set_upper(const ImageSet *set, uint64_t address);
// Takes the module. NULL: no memory. Moves the others.
Interval *image_set_insert(ImageSet *set, const Interval *take_interval, bool *ret_pushed_out);
void image_set_remove(ImageSet *set, uint32_t i);
void image_set_remove_stalest(ImageSet *set);
void image_set_trim(ImageSet *set); // what ended first goes, else what began first
void image_set_close(ImageSet *set, Interval *interval, uint64_t to);
// The newest interval that holds the address at an ordinal; narrows [from, to] to where that is so.
// When nothing has been there before, *ret_next is what comes next in the same process: a new
// process runs in ntdll.dll before its Image/Load.
Interval *image_set_find(ImageSet *set, uint64_t address, uint64_t at, uint64_t *io_from,
                         uint64_t *io_to, Interval **ret_next);
