#include "tests/etlgen/etlw_clock.h"

#define UNITS INT64_C(10000000) // 100 ns in a second

// v * to / from without overflow while the result fits; rounds towards the past, so that order is kept.
static int64_t scale(int64_t v, int64_t to, int64_t from) {
    int64_t whole = v / from, rest = v % from;
    if (rest < 0) {
        whole--;
        rest += from;
    }
    return whole * to + rest * to / from;
}

int64_t etlw_clock_freq(const EtlwClock *clock) {
    switch (clock->type) {
    case ETLW_CLOCK_SYSTEM:
        return UNITS;
    case ETLW_CLOCK_CYCLES:
        return (int64_t)clock->cpu_mhz * 1000000;
    default:
        return clock->perf_freq != 0 ? clock->perf_freq : UNITS;
    }
}

int64_t etlw_clock_raw(const EtlwClock *clock, int64_t since_start_100ns) {
    int64_t from = clock->type == ETLW_CLOCK_SYSTEM ? clock->start_time : clock->start_raw;
    return from + scale(since_start_100ns, etlw_clock_freq(clock), UNITS);
}

int64_t etlw_clock_filetime(const EtlwClock *clock, int64_t raw) {
    if (clock->type == ETLW_CLOCK_SYSTEM)
        return raw;
    return clock->start_time + scale(raw - clock->start_raw, UNITS, etlw_clock_freq(clock));
}
