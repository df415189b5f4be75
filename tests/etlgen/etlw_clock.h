// Time base of a generated trace: from "100 ns since the start" to the raw clock of the file, and from
// the raw clock to FILETIME (etl-format B.8). Integers only. Pure; any thread.
#pragma once

#include "util/base.h"

enum {
    ETLW_CLOCK_QPC = 1,
    ETLW_CLOCK_SYSTEM = 2,
    ETLW_CLOCK_CYCLES = 3,
};

typedef struct EtlwClock {
    uint32_t type;      // ETLW_CLOCK_*
    int64_t perf_freq;  // ticks a second of QPC
    uint32_t cpu_mhz;   // of the cycle counter
    int64_t start_time; // FILETIME of the trace header event
    int64_t start_raw;  // raw clock of the trace header event (ETLW_CLOCK_SYSTEM: start_time)
} EtlwClock;

#define ETLW_CLOCK_DEFAULT                                                                         \
    { ETLW_CLOCK_QPC, 10000000, 3000, INT64_C(133500000000000000), INT64_C(52117044128) }

int64_t etlw_clock_freq(const EtlwClock *clock); // raw units a second
int64_t etlw_clock_raw(const EtlwClock *clock, int64_t since_start_100ns);
int64_t etlw_clock_filetime(const EtlwClock *clock, int64_t raw);
