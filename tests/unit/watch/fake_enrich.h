// An Enricher that the test drives: what is known, and when stacks come. It stands in the place of
// the real one in this program.
//
// Every event is known to come from the process of its header's pid, called "p<pid>". Process
// events (class and manifest Kernel-Process) feed it. Live (not file_mode): each event of which a
// stack is expected gets a wait, which the test completes.
#pragma once

#include "enrich/enrich.h"

#define FAKE_WAITS 4096u

typedef struct Fake {
    bool file_mode;
    bool no_memory;      // enricher_expect gives none
    uint32_t name_bytes; // of the process's name; 0: as above
    uint32_t begun, observed, learnt, learnt_all, epochs, epochs_again, views, expected, resolved;
    uint32_t planned;
    uint64_t observed_ordinal; // of the last
    uint32_t waits_alive;
    StackWait *waits[FAKE_WAITS]; // by order of expecting; weak
    uint32_t n_waits;
    bool observed_first; // the event of the last begin had been observed
} Fake;

extern Fake fake;

Enricher *fake_new(bool file_mode);
// The stack of the nth expecting event: a first part, and the rest.
void fake_stack(uint32_t nth, bool complete);
