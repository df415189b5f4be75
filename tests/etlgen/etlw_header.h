// The payload of the trace header event: TRACE_LOGFILE_HEADER and two names (etl-format A.5). Pure.
#pragma once

#include "tests/etlgen/etl_writer.h"

// What is known only when the session ends.
typedef struct EtlwTotals {
    int64_t end_time; // FILETIME; 0: never finished
    uint32_t buffers_written, events_lost, buffers_lost;
} EtlwTotals;

void etlw_header_put(const EtlwOptions *options, const EtlwTotals *totals, Buf *out);
