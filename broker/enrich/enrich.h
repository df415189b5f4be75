// Enrichment: what the caches know of an event's process, file, key, module and stack, at its time.
//
// Three steps. Learn (file knowledge only): all feeder events of a file, before the first event.
// Observe: feeder events, and only those, as they pass. Look up: on demand, once for each event, by
// filters (enricher_value) and for delivery (enricher_view). Nothing is looked up for an event that
// nobody wants. Owner: the loop (or dump).
#pragma once

#include "enrich/knowledge.h"

typedef struct Enricher Enricher;

EnrichLimits enrich_limits_default(void);

typedef struct EnrichOptions {
    EnrichLimits limits;
    bool file_knowledge;   // a scan comes first, and look-ups may look ahead
    size_t scan_bytes;     // budget of the scan; 0 = 512 MiB
    bool resolve_accounts; // ask this system for account names
    bool this_system;      // a live source of this machine: volumes are where this system has them
} EnrichOptions;

int enricher_new(const EnrichOptions *options, Enricher **ret);
Enricher *enricher_free(Enricher *enricher);

// What applies to the events of one type; made once with the type.
typedef struct EnrichPlan {
    uint16_t parts;  // what can be looked up for its events (enrich.c)
    bool feeder;     // caches learn from it
    bool others;     // the payload names some
    bool creator;    // Process*, Thread*, Image* events: Creator* is the header's
    uint64_t fields; // ENRICHED_BITs its events can have
    SubjectPlan subject;
    FilePlan file;
    KeyPlan key;
    ObjectPlan object;
    ProcessPlan process;
    ImagePlan image;
    StackPlan stack;
    VolumePlan volume;
    int16_t other_field[CHAIN_N];  // the same when the offset is not fixed; -1: none
    PayloadRef other_pid[CHAIN_N]; // Target, Client, Created
} EnrichPlan;

// Is it a feeder (as EnrichPlan.feeder)? By descriptor alone; any thread: the scan of a file asks
// this.
bool enrich_is_feeder(const EventRecord *record);
EnrichPlan enrich_plan(const Schema *schema);
uint64_t enrich_process_fields(void); // ENRICHED_BITs that every event with a process can have
// The same for an event whose type has a plan.
static inline bool enrich_learns_from(const EnrichPlan *plan, const EventRecord *record) {
    return plan->feeder || (record->ext_bytes != 0 && stacks_has_linked_items(record));
}

// The scan. learn: a feeder event, in order. Once its budget is spent, what was used least recently
// goes, and enricher_degraded says so.
void enricher_learn(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                    const Schema *schema);
void enricher_learned(Enricher *e);
bool enricher_degraded(const Enricher *e);
bool enricher_is_file(const Enricher *e); // file knowledge
// A new epoch of the source. again: the same file once more (what was scanned stays).
void enricher_epoch(Enricher *e, bool again);
// Events of another session of the source (EventRecord.session) need no such call: what one says
// is true of itself alone.
void enricher_observe(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                      const Schema *schema);

// One event: begin, then look up as often as needed; what was looked up is kept until the next
// begin.
void enricher_begin(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                    const Schema *schema);
const Subject *enricher_subject(Enricher *e); // pid through the thread's history when needed
// For FilterInput.resolve (user = the Enricher, after enricher_begin).
bool enricher_resolve(void *user, const EventRecord *record, EnrichedField field, Value *ret);
// Everything for delivery. with_stack: file knowledge or items give it at once.
const EnrichedView *enricher_view(Enricher *e, bool with_stack);
// Live: must the event be held for its stack? Then its wait (a reference), else NULL.
StackWait *enricher_expect(Enricher *e);
Stacks *enricher_stacks(Enricher *e);
Volumes *enricher_volumes(Enricher *e);
// this_system: reads the mount table once more and leaves it for the loop, which takes it with the
// next event. For the control thread of a live source, when the loop has seen volumes_unknown
// move; any thread, one at a time, none after enricher_free has begun. 0, or no memory.
int enricher_refresh_mounts(Enricher *e);
Accounts *enricher_accounts(Enricher *e);
#define ENRICH_STATS_MAX 16u
uint32_t enricher_stats(const Enricher *e, CacheStats *ret, uint32_t room); // rows of the profile
StackTotals enricher_stack_totals(const Enricher *e);
