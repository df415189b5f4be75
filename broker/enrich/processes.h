// Processes, threads and services by time (etl-format I.2, I.3): pid -> instance, tid -> process
// and service tag, tag -> service. Owner: the loop.
#pragma once

#include "enrich/accounts.h"
#include "enrich/facts.h"
#include "enrich/history.h"
#include "enrich/volumes.h"

typedef struct Processes Processes;

typedef struct ProcessesOptions {
    uint32_t max_processes, max_threads, max_services;
    size_t max_bytes;
    bool looks_ahead;
} ProcessesOptions;

// volumes and accounts may be NULL: paths stay as they are, users unknown.
int processes_new(const ProcessesOptions *options, Volumes *volumes, Accounts *accounts,
                  Processes **ret);
Processes *processes_free(Processes *processes);
void processes_clear(Processes *processes);

typedef enum ProcessRole {
    PROCESS_NOTHING = 0,
    PROCESS_START,   // Process/Start; Kernel-Process 1
    PROCESS_STOP,    // Process/Stop; Kernel-Process 2
    PROCESS_STATE,   // DCStart, DCStop; Kernel-Process 15
    PROCESS_DEFUNCT, // only names itself
    THREAD_START,
    THREAD_STOP,
    THREAD_STATE,
    SERVICE_STATE, // SystemConfig/Services: pid, tag, name
    PROCESS_IMAGE, // Image Load and DC: the first whose base name fits gives the process its path
} ProcessRole;

typedef struct ProcessPlan {
    uint8_t role;
    bool manifest;
    PayloadRef pid, tid, parent, session, tag, key, flags;
    int16_t sid, name, command_line, package; // fields
    int16_t elevated, create_time;
    bool elevation_type; // `elevated` is a TOKEN_ELEVATION_TYPE, not a boolean
    PayloadRef sequence;
} ProcessPlan;

ProcessPlan processes_plan(const Schema *schema);
void processes_observe(Processes *processes, const ProcessPlan *plan, const EventRecord *record,
                       const Schema *schema);
// The instance of a pid at an ordinal. When nothing is known of the pid, a view with the pid alone
// (name "", but Idle and System have theirs) that lives for PROCESSES_UNKNOWN - 1 calls more. NULL
// only for UINT32_MAX. Borrowed until the next event: the next observe, or the next call with
// another `at`. The event itself may be the start: an instance that begins at `at` is found. Path
// and user are filled in as soon as they are known.
#define PROCESSES_UNKNOWN 16u
const ProcessView *processes_find(Processes *processes, uint32_t pid, uint64_t at);
// The same with its ancestors (nearest first): each parent as it was when its child started.
// UINT32_MAX: no process.
void processes_chain(Processes *processes, uint32_t pid, uint64_t at, ProcessChain *ret);
// Process of a thread at an ordinal; UINT32_MAX: unknown. tid 0 is Idle, pid 0.
uint32_t processes_of_thread(Processes *processes, uint32_t tid, uint64_t at);
// Name of the service that a thread works for; NULL: none, or unknown.
const Text *processes_service(Processes *processes, uint32_t tid, uint64_t at,
                              uint8_t *ret_provenance);
// For a caller that keeps the chain of a pid (and with_service that of a thread's service) which it
// was given for the ordinal before: is that the answer for the event at `at` as well? Then it counts
// as asked for again.
bool processes_again(Processes *processes, uint32_t pid, uint32_t tid, uint64_t at,
                     bool with_service);
// All three at once, "Processes", "Threads", "Services".
uint32_t processes_stats(const Processes *processes, CacheStats ret[3]);
