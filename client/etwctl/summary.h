// What a file holds: its header, losses, time range, and its events by provider and kind. One
// owner.
#pragma once

#include "client/etwctl/summary_enrich.h"
#include "event/schema.h"
#include "source/etl_reader.h"
#include "util/buf.h"

// Counts of one event type, kept by the caller beside the type.
typedef struct SummaryRow {
    Guid provider;
    EventDescriptor desc;
    uint16_t flags; // EVENT_*
    Schema *schema; // a reference
    uint64_t events, bytes;
    EnrichCounts enrich; // with --enrich
} SummaryRow;

typedef struct Summary {
    SummaryRow **rows; // owned
    uint32_t n, capacity;
    uint64_t events, bytes; // counted (after --provider)
    int64_t first, last;    // FILETIME of the earliest and latest event
    SummaryEnrich enrich;
} Summary;

void summary_deinit(Summary *summary);
// A new row; NULL when out of memory. It lives as long as the summary.
SummaryRow *summary_row(Summary *summary, const EventRecord *record, Schema *schema);
static inline void summary_count(Summary *s, SummaryRow *row, const EventRecord *r) {
    row->events++;
    row->bytes += r->payload_bytes;
    s->bytes += r->payload_bytes;
    if (s->events++ == 0)
        s->first = s->last = r->time;
    s->first = r->time < s->first ? r->time : s->first;
    s->last = r->time > s->last ? r->time : s->last;
}
// The reader stands at the end of its file (or where the walk was given up).
void summary_text(Summary *summary, const char *path, const EtlReader *reader, Buf *out,
                  size_t columns);
void summary_json(Summary *summary, const char *path, const EtlReader *reader, Buf *out);
// "at 0x2000+0x48: what (value 7)"
void diagnostic_text(const EtlDiagnostic *diagnostic, Buf *out);
