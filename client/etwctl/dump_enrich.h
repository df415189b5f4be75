// Enrichment of a dump: what --enrich takes, the caches, and events that wait for their stacks. One
// owner.
#pragma once

#include "client/etwclient.h"
#include "client/etwctl/held.h"
#include "client/etwctl/options.h"

typedef struct EnrichDumpOptions {
    bool enrich;
    const char *knowledge, *symbols; // symbols "": without a path
    OptionNumber max_cached;
} EnrichDumpOptions;

extern const Option enrich_dump_options[];

typedef struct DumpEnrich {
    Enricher *enricher; // NULL: not asked for
    bool file_knowledge;
    EtwSymbols *symbols; // NULL: no names of functions
    HeldQueue held;
    Buf tail, stack, merged;
} DumpEnrich;

// INVALID_ARGUMENT: options that do not go together.
int dump_enrich_check(const EnrichDumpOptions *options, bool tsv, Err *err);
int dump_enrich_open(DumpEnrich *e, const EnrichDumpOptions *options, Err *err);
void dump_enrich_close(DumpEnrich *e);
// The Enriched member of an event that has been looked up; lives until the next call.
const char *dump_enrich_tail(DumpEnrich *e, const EnrichedView *view, const EventRecord *record,
                             const Schema *schema);
// The same of an event that was held, with its stack (NULL: none came).
const char *dump_enrich_held_tail(DumpEnrich *e, const Held *held, const StackView *stack);
// Puts names in front of a summary that lacks them, and takes out the raw form of the same field.
void dump_enrich_summary(DumpEnrich *e, const EnrichedView *view, const EventRecord *record,
                         const Schema *schema, Buf *summary);
// Two times `,"Enriched":{…}`, or nothing, as one; members are inserted before "Provenance".
void enriched_merge(Buf *out, const char *base, size_t base_bytes, const char *more,
                    size_t more_bytes);
