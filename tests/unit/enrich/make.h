// Events of the kernel's classes and of Kernel-Process with their real schemas, for the tests of
// the enrich room. Everything that is made lives until make_end.
#pragma once

#include <criterion/criterion.h>

#include "enrich/facts.h"
#include "util/buf.h"

extern const Guid make_process_class, make_thread_class, make_image_class, make_config_class,
    make_kernel_process;

typedef struct MakeEvent {
    EventRecord record;
    Schema *schema; // borrowed
    Buf payload;    // append here, then make_finish
} MakeEvent;

// narrow: pointers of 4 bytes.
MakeEvent make_classic(const Guid *class, uint8_t opcode, uint8_t version, bool narrow);
// Any manifest event that make.c's manifest declares: Kernel-Process 1 (0, 3), 2 (0), 15 (1), 3
// (1).
MakeEvent make_manifest(uint16_t id, uint8_t version);
void make_finish(MakeEvent *e);
void make_end(void); // drops everything that was made

typedef struct MakeProcess {
    uint64_t key;
    uint32_t pid, parent, session, flags;
    const uint8_t *sid; // as make_sid gives it, or NULL
    const char *name, *command_line, *package;
    // Kernel-Process only
    uint64_t sequence;
    int64_t create_time;
    uint32_t elevation_type; // also IsElevated, when it is 2
} MakeProcess;

// Whole events, finished. Versions 0 … 5.
MakeEvent make_process_event(uint8_t opcode, uint8_t version, const MakeProcess *p, bool narrow);
MakeEvent make_manifest_process(uint16_t id, uint8_t version, const MakeProcess *p);
MakeEvent make_thread_event(uint8_t opcode, uint8_t version, uint32_t pid, uint32_t tid,
                            uint32_t tag);
MakeEvent make_image_event(uint8_t opcode, uint8_t version, uint32_t pid, const char *path);
MakeEvent make_service_event(uint32_t pid, uint32_t tag, const char *name);

// S-1-AUTHORITY-sub-sub…, up to 15; the bytes in a static buffer until the next call but three.
const uint8_t *make_sid(uint8_t authority, uint8_t n_subs, const uint32_t *subs, size_t *ret_bytes);
