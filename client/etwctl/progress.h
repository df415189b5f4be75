// A progress bar on standard error, when that is a terminal and the work takes long enough. One owner.
#pragma once

#include "util/base.h"

typedef struct Progress {
    const char *name;
    int64_t started_ns, shown_ns;
    bool on, shown;
} Progress;

void progress_begin(Progress *progress, const char *name, bool allowed);
void progress_step(Progress *progress, double share,
                   uint64_t events);   // cheap enough for each thousand events
void progress_end(Progress *progress); // wipes the line
