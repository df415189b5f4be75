#include "tests/etlgen/etlw_header.h"

#include "util/utf.h"

#define TIMER_RESOLUTION 156250u // 100 ns
#define ZONE_NAME_UNITS  32u

static void pointer(Buf *out, uint32_t size, uint64_t v) {
    if (size == 4)
        buf_u32(out, (uint32_t)v);
    else
        buf_u64(out, v);
}

static void zone_name(Buf *out, const char *text) {
    size_t start = out->bytes;
    utf8_to_utf16(out, text, strlen(text));
    buf_zero(out, ZONE_NAME_UNITS * 2 - (out->bytes - start));
}

// A SYSTEMTIME of a switching rule: month, weekday, week of the month, hour.
static void zone_rule(Buf *out, uint16_t month, uint16_t week, uint16_t hour) {
    const uint16_t parts[8] = {0, month, 0, week, hour, 0, 0, 0};
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        buf_u16(out, parts[i]);
}

void etlw_header_put(const EtlwOptions *o, const EtlwTotals *totals, Buf *out) {
    uint32_t mode = o->mode | (o->packing != ETLW_PLAIN ? (uint32_t)ETLW_MODE_COMPRESSED : 0u);
    buf_u32(out, o->buffer_bytes);
    for (size_t i = 0; i < ARRAY_COUNT(o->os_version); i++)
        buf_char(out, (char)o->os_version[i]);
    buf_u32(out, o->os_build);
    buf_u32(out, o->n_cpus);
    buf_u64(out, (uint64_t)totals->end_time);
    buf_u32(out, TIMER_RESOLUTION);
    buf_u32(out, o->max_file_mb);
    buf_u32(out, mode);
    buf_u32(out, totals->buffers_written);
    buf_u32(out, 1); // StartBuffers
    buf_u32(out, o->pointer_size);
    buf_u32(out, totals->events_lost);
    buf_u32(out, o->clock.cpu_mhz);
    pointer(out, o->pointer_size, 9); // LoggerName, LogFileName: stale, as in real files
    pointer(out, o->pointer_size, 6);
    buf_u32(out, (uint32_t)-60); // minutes west of UTC
    zone_name(out, "@tzres.dll,-322");
    zone_rule(out, 10, 5, 3);
    buf_u32(out, 0);
    zone_name(out, "@tzres.dll,-321");
    zone_rule(out, 3, 5, 2);
    buf_u32(out, (uint32_t)-60);
    buf_u32(out, 0); // padding of TIME_ZONE_INFORMATION to 176
    buf_u64(out, (uint64_t)o->boot_time);
    buf_u64(out, (uint64_t)o->clock.perf_freq);
    buf_u64(out, (uint64_t)o->clock.start_time);
    buf_u32(out, o->clock.type);
    buf_u32(out, totals->buffers_lost);
    utf8_to_utf16(out, o->session_name, strlen(o->session_name));
    buf_u16(out, 0);
    utf8_to_utf16(out, o->file_name, strlen(o->file_name));
    if (!o->unterminated_names)
        buf_u16(out, 0);
}
