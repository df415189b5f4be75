// See etl_clock.h.
#include "source/etl_clock.h"

#define TICKS 10000000 // FILETIME units a second

// Units up to a NUL; *at goes behind it. A name that is cut off ends with the payload.
static const uint8_t *take_name(const uint8_t *p, uint32_t bytes, uint32_t *at, uint32_t *ret_units,
                                uint32_t *fixes) {
    const uint8_t *name = p + *at;
    uint32_t units = 0;
    while (bytes - *at >= 2) {
        uint16_t c = load_u16(p + *at);
        *at += 2;
        if (c == 0) {
            *ret_units = units;
            return name;
        }
        units++;
    }
    *ret_units = units;
    *fixes |= ETL_FIX_STRINGS;
    return units > 0 ? name : NULL;
}

bool etl_trace_head(const uint8_t *p, uint32_t bytes, bool wide, int64_t header_raw,
                    EtlTraceHead *ret) {
    if (bytes < (wide ? ETL_TRACE_HEAD_MIN64 : ETL_TRACE_HEAD_MIN32))
        return false;
    EtlTraceHead h = {0};
    h.buffer_bytes = load_u32(p);
    h.os_major = p[4];
    h.os_minor = p[5];
    h.sub_version = p[6];
    h.sub_minor = p[7];
    h.os_build = load_u32(p + 0x08);
    h.n_processors = load_u32(p + 0x0c);
    h.end_time = load_i64(p + 0x10);
    h.timer_resolution = load_u32(p + 0x18);
    h.max_file_mb = load_u32(p + 0x1c);
    h.mode = load_u32(p + 0x20);
    h.buffers_written = load_u32(p + 0x24);
    h.start_buffers = load_u32(p + 0x28);
    h.pointer_size = load_u32(p + 0x2c); // a u32 in both layouts, although the MOF says pointer
    h.events_lost = load_u32(p + 0x30);
    h.cpu_mhz = load_u32(p + 0x34);
    h.bias_minutes = (int32_t)load_u32(p + (wide ? 0x48 : 0x40)); // of TIME_ZONE_INFORMATION
    // Two name pointers of the trace's width stand before; from here on all is shifted by 8.
    uint32_t at = wide ? 0xf8 : 0xf0;
    h.boot_time = load_i64(p + at);
    h.perf_freq = load_i64(p + at + 8);
    h.clock.start_time = load_i64(p + at + 0x10);
    h.clock.header_raw = header_raw;
    uint32_t reserved = bytes >= at + 0x1c ? load_u32(p + at + 0x18) : 0;
    h.buffers_lost = bytes >= at + 0x20 ? load_u32(p + at + 0x1c) : 0;

    if (h.perf_freq <= 0 || h.perf_freq > ETL_FREQ_MAX) {
        h.perf_freq = ETL_FREQ_DEFAULT;
        h.fixes |= ETL_FIX_FREQ;
    }
    h.clock.type = reserved & 7u;
    h.clock.freq = h.perf_freq;
    switch (h.clock.type) {
    case ETL_CLOCK_QPC:
        break;
    case ETL_CLOCK_SYSTEM:
        h.clock.freq = TICKS;
        break;
    case ETL_CLOCK_CYCLES:
        if (h.cpu_mhz == 0 || h.cpu_mhz > ETL_FREQ_MAX / 1000000)
            h.fixes |= ETL_FIX_CPU_SPEED;
        else
            h.clock.freq = (int64_t)h.cpu_mhz * 1000000;
        break;
    default:
        h.clock.type = ETL_CLOCK_QPC;
        h.fixes |= ETL_FIX_CLOCK;
        break;
    }
    if (h.pointer_size != 4 && h.pointer_size != 8) {
        h.pointer_size = wide ? 8 : 4;
        h.fixes |= ETL_FIX_POINTER;
    }
    uint32_t names = at + 0x20;
    if (bytes > names) {
        h.session_name = take_name(p, bytes, &names, &h.session_units, &h.fixes);
        h.file_name = take_name(p, bytes, &names, &h.file_units, &h.fixes);
    }
    *ret = h;
    return true;
}

int64_t etl_clock_filetime(const EtlClock *clock, int64_t raw) {
    if (clock->type == ETL_CLOCK_SYSTEM)
        return raw;
    int64_t d;
    if (__builtin_sub_overflow(raw, clock->header_raw, &d))
        return raw < 0 ? INT64_MIN : INT64_MAX;
    int64_t ticks = d;
    if (clock->freq != TICKS) {
        // Split, so that ticks * 10^7 cannot overflow where the result does not.
        int64_t whole = d / clock->freq;
        int64_t rest = d % clock->freq;
        if (rest < 0) {
            rest += clock->freq;
            whole--;
        }
        if (__builtin_mul_overflow(whole, (int64_t)TICKS, &ticks) ||
            __builtin_add_overflow(ticks, rest * TICKS / clock->freq, &ticks))
            return d < 0 ? INT64_MIN : INT64_MAX;
    }
    int64_t time;
    if (__builtin_add_overflow(clock->start_time, ticks, &time))
        return ticks < 0 ? INT64_MIN : INT64_MAX;
    return time;
}

bool etl_clock_equal(const EtlClock *a, const EtlClock *b) {
    if (a->type != b->type)
        return false;
    if (a->type == ETL_CLOCK_SYSTEM)
        return true;
    return a->start_time == b->start_time && a->header_raw == b->header_raw && a->freq == b->freq;
}
