// What enrichment must make of a generated file: for each event that a scenario asks about, members
// of its Enriched object, under file and under live knowledge. Known from how the scenario was
// written, never from the enricher. One owner, one thread.
//
// Lines are {"n":ORDINAL,"FileName":"C:\\a.txt","Provenance.FileName":"live"}: a dot leads into an
// object; null means that the member must not be there. Events stand on one CPU, so that their
// order is that of writing.
#pragma once

#include "util/buf.h"
#include "util/jsonw.h"

typedef enum Knowledge {
    KNOWN_FILE = 1,
    KNOWN_LIVE = 2,
    KNOWN_BOTH = 3,
} Knowledge;

typedef struct EnrichExpect {
    Buf lines[2]; // file, live
    uint64_t at[2];
    bool open[2];
} EnrichExpect;

typedef struct EnrichFrame {
    const char *module; // NULL: an address in no module
    uint64_t offset;    // or the address
} EnrichFrame;

void enrich_expect_init(EnrichExpect *e);
void enrich_expect_deinit(EnrichExpect *e);
void enrich_expect_end(EnrichExpect *e); // closes the last lines
// n: of the event. value NULL: absent. e NULL: nothing is collected.
void enrich_text(EnrichExpect *e, uint64_t n, Knowledge k, const char *member, const char *value);
void enrich_number(EnrichExpect *e, uint64_t n, Knowledge k, const char *member, uint64_t value);
void enrich_true(EnrichExpect *e, uint64_t n, Knowledge k, const char *member);
void enrich_stack(EnrichExpect *e, uint64_t n, Knowledge k, const EnrichFrame *frames,
                  uint32_t n_frames);
