// The trace header event and the clock it defines: raw ticks to FILETIME.
// Pure; any thread.
#pragma once

#include "util/base.h"

#define ETL_CLOCK_QPC    1u
#define ETL_CLOCK_SYSTEM 2u
#define ETL_CLOCK_CYCLES 3u
#define ETL_FREQ_DEFAULT 10000000     // 100 ns ticks: what every Windows since 10 1809 has
#define ETL_FREQ_MAX     900000000000 // keeps remainder * 10^7 within 63 bits; no clock is that fast

typedef struct EtlClock {
    int64_t start_time; // FILETIME of `header_raw`
    int64_t header_raw;
    int64_t freq;  // ticks a second, > 0
    uint32_t type; // ETL_CLOCK_*
} EtlClock;

// What was repaired in a trace header.
enum {
    ETL_FIX_FREQ = 1,         // PerfFreq missing or impossible: 10 MHz taken
    ETL_FIX_CLOCK = 2,        // unknown clock type: QPC taken
    ETL_FIX_POINTER = 4,      // PointerSize neither 4 nor 8: that of the header's type taken
    ETL_FIX_STRINGS = 8,      // a name is cut off
    ETL_FIX_CPU_SPEED = 0x10, // cycle clock without a CPU speed: PerfFreq taken
};

// TRACE_LOGFILE_HEADER.
typedef struct EtlTraceHead {
    uint32_t buffer_bytes, os_build, n_processors, timer_resolution, max_file_mb, mode;
    uint32_t buffers_written, start_buffers, pointer_size, events_lost, cpu_mhz, buffers_lost;
    uint8_t os_major, os_minor, sub_version, sub_minor;
    int32_t bias_minutes;
    int64_t end_time, boot_time;
    int64_t perf_freq; // repaired
    EtlClock clock;
    const uint8_t *session_name, *file_name; // UTF-16 units inside the payload; NULL = none
    uint32_t session_units, file_units;
    uint32_t fixes; // ETL_FIX_*
} EtlTraceHead;

// Shortest payload that still has StartTime.
#define ETL_TRACE_HEAD_MIN32 0x108u
#define ETL_TRACE_HEAD_MIN64 0x110u

// Reads the payload of an EventTrace/0 event; false when it is too short. wide: 64-bit layout (by
// the type of the event's header, not by PointerSize). header_raw: the event's raw time.
bool etl_trace_head(const uint8_t *payload_untrusted, uint32_t bytes, bool wide, int64_t header_raw,
                    EtlTraceHead *ret);
// Saturates at the ends of int64; rounds towards the past, so that order is kept.
int64_t etl_clock_filetime(const EtlClock *clock, int64_t raw);
// Equal clocks give equal times for all raw values.
bool etl_clock_equal(const EtlClock *a, const EtlClock *b);
