#include "source/etl_clock.h"

#include <criterion/criterion.h>

static EtlClock clock_of(uint32_t type, int64_t freq) {
    return (EtlClock){INT64_C(132449000000000000), 5000000000, freq, type};
}

Test(etl_clock, ticks_become_filetime) {
    EtlClock c = clock_of(ETL_CLOCK_QPC, 10000000);
    cr_assert_eq(etl_clock_filetime(&c, 5000000000), c.start_time);
    cr_assert_eq(etl_clock_filetime(&c, 5000000001), c.start_time + 1);
    cr_assert_eq(etl_clock_filetime(&c, 4999999999), c.start_time - 1);
    c = clock_of(ETL_CLOCK_QPC, 3579545);
    cr_assert_eq(etl_clock_filetime(&c, c.header_raw + 3579545), c.start_time + 10000000);
    cr_assert_eq(etl_clock_filetime(&c, c.header_raw + 1), c.start_time + 2); // 2.79 units
    cr_assert_eq(etl_clock_filetime(&c, c.header_raw - 1), c.start_time - 3);
    c = clock_of(ETL_CLOCK_CYCLES, 3000000000);
    cr_assert_eq(etl_clock_filetime(&c, c.header_raw + 299), c.start_time);
    cr_assert_eq(etl_clock_filetime(&c, c.header_raw + 300), c.start_time + 1);
    c = clock_of(ETL_CLOCK_SYSTEM, 10000000);
    cr_assert_eq(etl_clock_filetime(&c, 12345), 12345, "a system clock's time is FILETIME already");
}

Test(etl_clock, order_is_kept_across_the_header) {
    EtlClock c = clock_of(ETL_CLOCK_QPC, 2337949);
    int64_t last = INT64_MIN;
    for (int64_t d = -5000; d < 5000; d++) {
        int64_t t = etl_clock_filetime(&c, c.header_raw + d);
        cr_assert(t >= last);
        last = t;
    }
}

Test(etl_clock, extremes_saturate) {
    static const int64_t freqs[] = {1, 2337949, 10000000, ETL_FREQ_MAX};
    for (size_t i = 0; i < ARRAY_COUNT(freqs); i++) {
        EtlClock c = clock_of(ETL_CLOCK_QPC, freqs[i]);
        int64_t high = etl_clock_filetime(&c, INT64_MAX), low = etl_clock_filetime(&c, INT64_MIN);
        cr_assert(high >= c.start_time);
        cr_assert(low <= c.start_time);
        if (freqs[i] <= 10000000) {
            cr_assert_eq(low, freqs[i] < 10000000 ? INT64_MIN : low);
            cr_assert_eq(high, freqs[i] < 10000000 ? INT64_MAX : high);
        }
        c.header_raw = INT64_MIN;
        cr_assert_eq(etl_clock_filetime(&c, INT64_MAX), INT64_MAX);
        c.header_raw = INT64_MAX;
        cr_assert_eq(etl_clock_filetime(&c, INT64_MIN), INT64_MIN);
    }
}

static void make_head(uint8_t *p, bool wide, int64_t freq, uint32_t clock, uint32_t mhz) {
    memset(p, 0, 0x140);
    store_u32(p, 65536);
    store_u32(p + 0x2c, wide ? 8 : 4);
    store_u32(p + 0x34, mhz);
    uint8_t *q = p + (wide ? 0xf8 : 0xf0);
    store_i64(q + 8, freq);
    store_i64(q + 16, 777);
    store_u32(q + 24, clock);
    store_u32(q + 28, 5);
}

Test(etl_clock, trace_head_sizes_at_their_limits) {
    uint8_t p[0x140];
    for (int wide = 0; wide < 2; wide++) {
        uint32_t least = wide ? 0x110 : 0x108;
        make_head(p, wide, 2337949, 2, 0);
        EtlTraceHead h;
        cr_assert(!etl_trace_head(p, least - 1, wide, 9, &h));
        cr_assert(etl_trace_head(p, least, wide, 9, &h));
        cr_assert_eq(h.clock.start_time, 777);
        cr_assert_eq(h.clock.type, ETL_CLOCK_QPC, "no clock type in so short a header");
        cr_assert(h.fixes & ETL_FIX_CLOCK);
        cr_assert(etl_trace_head(p, least + 4, wide, 9, &h));
        cr_assert_eq(h.clock.type, ETL_CLOCK_SYSTEM);
        cr_assert_eq(h.buffers_lost, 0);
        cr_assert(etl_trace_head(p, least + 8, wide, 9, &h));
        cr_assert_eq(h.buffers_lost, 5);
        cr_assert_eq(h.clock.header_raw, 9);
        cr_assert_eq(h.perf_freq, 2337949);
        cr_assert_null(h.session_name);
    }
}

Test(etl_clock, impossible_values_are_repaired) {
    static const struct {
        int64_t freq;
        uint32_t clock, mhz;
        uint32_t type;
        int64_t as_used;
        uint32_t fixes;
    } cases[] = {
        {0, 1, 0, 1, 10000000, ETL_FIX_FREQ},
        {-1, 1, 0, 1, 10000000, ETL_FIX_FREQ},
        {ETL_FREQ_MAX, 1, 0, 1, ETL_FREQ_MAX, 0},
        {ETL_FREQ_MAX + 1, 1, 0, 1, 10000000, ETL_FIX_FREQ},
        {1, 1, 0, 1, 1, 0},
        {3579545, 0, 0, 1, 3579545, ETL_FIX_CLOCK},
        {3579545, 4, 0, 1, 3579545, ETL_FIX_CLOCK},
        {3579545, 7, 0, 1, 3579545, ETL_FIX_CLOCK},
        {3579545, 9, 0, 1, 3579545, 0}, // only the low bits are the type
        {3579545, 2, 0, 2, 10000000, 0},
        {3579545, 3, 3000, 3, 3000000000, 0},
        {3579545, 3, 0, 3, 3579545, ETL_FIX_CPU_SPEED},
        {3579545, 3, UINT32_MAX, 3, 3579545, ETL_FIX_CPU_SPEED},
    };
    uint8_t p[0x140];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        make_head(p, true, cases[i].freq, cases[i].clock, cases[i].mhz);
        EtlTraceHead h;
        cr_assert(etl_trace_head(p, 0x118, true, 0, &h));
        cr_assert_eq(h.clock.type, cases[i].type, "case %zu", i);
        cr_assert_eq(h.clock.freq, cases[i].as_used, "case %zu", i);
        cr_assert_eq(h.fixes, cases[i].fixes, "case %zu: %x", i, h.fixes);
    }
    make_head(p, true, 1, 1, 0);
    store_u32(p + 0x2c, 5);
    EtlTraceHead h;
    cr_assert(etl_trace_head(p, 0x118, true, 0, &h));
    cr_assert_eq(h.pointer_size, 8);
    cr_assert_eq(h.fixes, ETL_FIX_POINTER);
}

Test(etl_clock, names_may_be_missing_or_cut_off) {
    uint8_t p[0x140];
    make_head(p, false, 1, 1, 0);
    memcpy(p + 0x110, "a\0b\0\0\0c\0d\0\0\0", 12);
    EtlTraceHead h;
    cr_assert(etl_trace_head(p, 0x110 + 12, false, 0, &h));
    cr_assert_eq(h.session_units, 2);
    cr_assert_eq(h.file_units, 2);
    cr_assert_eq(h.fixes, 0);
    cr_assert(etl_trace_head(p, 0x110 + 11, false, 0, &h));
    cr_assert_eq(h.file_units, 2, "no terminator");
    cr_assert_eq(h.fixes, ETL_FIX_STRINGS);
    cr_assert(etl_trace_head(p, 0x110 + 6, false, 0, &h));
    cr_assert_eq(h.session_units, 2);
    cr_assert_null(h.file_name);
    cr_assert(etl_trace_head(p, 0x110 + 3, false, 0, &h));
    cr_assert_eq(h.session_units, 1);
    cr_assert_null(h.file_name);
    cr_assert(etl_trace_head(p, 0x110 + 1, false, 0, &h));
    cr_assert_null(h.session_name);
}
