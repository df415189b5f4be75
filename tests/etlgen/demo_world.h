// The machine of the sample trace: processes, modules, files, registry keys and connections, and what
// the kernel and the providers log when something happens to them. Built on Gen. One owner, one thread.
#pragma once

#include "tests/etlgen/gen.h"

#define WORLD_MAX_PROCESSES 48
#define WORLD_MAX_FILES     128
#define WORLD_MAX_KEYS      16

typedef struct WorldProcess {
    uint32_t pid, parent_pid, session, tid; // tid: of its main thread
    const char *image;                      // "winword.exe"
    const char *path;                       // NT path of the image
    const char *command_line;
    const SidSpec *user;
    uint64_t key, directory_table, image_base;
    int64_t started; // FILETIME; 0 before the trace
    uint64_t sequence;
    bool ended;
} WorldProcess;

typedef struct WorldFile {
    const char *path;
    uint64_t key;
    bool deleted;
} WorldFile;

typedef struct WorldKey {
    const char *path;
    uint64_t handle; // KCB
} WorldKey;

typedef struct World {
    Gen *g;
    WorldProcess processes[WORLD_MAX_PROCESSES];
    uint32_t n_processes;
    WorldFile files[WORLD_MAX_FILES];
    uint32_t n_files;
    WorldKey keys[WORLD_MAX_KEYS];
    uint32_t n_keys;
    uint32_t next_pid;
    const SidSpec *next_user; // of the next process; NULL: its parent's
    uint64_t n_started;
    uint16_t next_port;
    uint32_t dns_index;
} World;

extern const SidSpec sid_system, sid_network_service, sid_ana;

void world_init(World *w, Gen *g);

// --- what was there before, and what is there at the end (rundown) ---
WorldProcess *world_existing(World *w, uint32_t pid, uint32_t parent_pid, uint32_t session,
                             const char *image, const char *path, const char *command_line,
                             const SidSpec *user);
void world_existing_key(World *w, const char *path);
void world_rundown_begin(World *w);
void world_rundown_end(World *w);

// --- time: moves on, and the rest of the machine does what it does ---
void world_pass(World *w, uint32_t milliseconds);
void world_short(World *w); // some microseconds, nothing else happens

// --- things that happen; `p` does them ---
WorldProcess *world_start(World *w, WorldProcess *parent, const char *image, const char *path,
                          const char *command_line);
void world_end(World *w, WorldProcess *p, uint32_t exit_code);
void world_load_image(World *w, WorldProcess *p, const char *path, const char *pdb);

typedef struct WorldHandle {
    uint64_t object;
    WorldFile *file;
} WorldHandle;
// disposition: 1 open, 2 create, 5 overwrite-if.
WorldHandle world_open(World *w, WorldProcess *p, const char *path, uint32_t disposition);
void world_open_fails(World *w, WorldProcess *p, const char *path, uint32_t nt_status);
void world_read(World *w, WorldProcess *p, WorldHandle h, uint64_t offset, uint32_t bytes);
void world_write(World *w, WorldProcess *p, WorldHandle h, uint64_t offset, uint32_t bytes);
void world_rename(World *w, WorldProcess *p, WorldHandle h, const char *to);
void world_delete(World *w, WorldProcess *p, WorldHandle h);
void world_close(World *w, WorldProcess *p, WorldHandle h);

// The path's key must exist; text: the REG_SZ that is set.
void world_set_value(World *w, WorldProcess *p, const char *key_path, const char *name,
                     const char *text);
void world_query_value(World *w, WorldProcess *p, const char *key_path, const char *name);

void world_dns(World *w, WorldProcess *p, const char *name, uint32_t type, uint32_t status,
               const char *results);
void world_tcp(World *w, WorldProcess *p, uint32_t address, uint16_t port, uint32_t sends,
               uint32_t receives);
void world_tcp6(World *w, WorldProcess *p, const uint16_t address[8], uint16_t port);

// Kernel and user frames of p for the event at raw time `at`, as two StackWalk events.
void world_stack(World *w, const WorldProcess *p, int64_t at);
