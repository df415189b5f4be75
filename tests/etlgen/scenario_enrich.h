// Parts of the scenario `enrich`: each writes events and what enrichment must make of them. Own
// keys, objects, processes and threads in each part, on one CPU.
#pragma once

#include "tests/etlgen/gen.h"

#define ENRICH_APP_PID 500u // app.exe, there before the trace; its parent is System
#define ENRICH_APP_TID 510u
#define ENRICH_ANA                                                                                 \
    {                                                                                              \
        5, 5, {                                                                                    \
            21, 1004336348, 1177238915, 682003330, 1001                                            \
        }                                                                                          \
    }
#define ENRICH_ANA_TEXT "S-1-5-21-1004336348-1177238915-682003330-1001"
#define VOLUME1         "\\Device\\HarddiskVolume1\\"
#define VOLUME10        "\\Device\\HarddiskVolume10\\"
#define KERNEL_BASE     0xfffff80352a00000u
#define NTDLL_BASE      0x00007ffb5a010000u
#define APP_BASE        0x00007ff6a0000000u

// What the last event must have; value NULL: it must not have it.
void must(Gen *g, Knowledge k, const char *member, const char *value);
void must_number(Gen *g, Knowledge k, const char *member, uint64_t value);
void must_true(Gen *g, Knowledge k, const char *member);

// --- events, 10 us apart ---
void by_thread(Gen *g, uint8_t group, uint8_t opcode, uint8_t version, uint32_t pid, uint32_t tid);
void by_nobody(Gen *g, uint8_t group, uint8_t opcode, uint8_t version); // PerfInfo header
void user_event(Gen *g, uint32_t pid, uint32_t tid); // of a provider of ours, with a manifest
void file_name(Gen *g, uint8_t opcode, uint64_t key, const char *name);
void disk_read(Gen *g, uint64_t key);
void process_event(Gen *g, uint8_t opcode, uint32_t pid, uint32_t parent, uint32_t flags,
                   const char *image, const char *command_line);
void thread_event(Gen *g, uint8_t opcode, uint32_t pid, uint32_t tid, uint32_t tag);
void image_event(Gen *g, uint8_t opcode, uint32_t pid, uint64_t base, uint64_t size,
                 const char *path);

void enrich_files(Gen *g);
void enrich_renames(Gen *g);
void enrich_registry(Gen *g);
void enrich_processes(Gen *g);
void enrich_handles(Gen *g);
void enrich_network(Gen *g);
void enrich_manifests(Gen *g);
void enrich_stacks(Gen *g);
void enrich_hostile(Gen *g);
void enrich_end(Gen *g); // the rundown
