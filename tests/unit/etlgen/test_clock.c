#include "tests/etlgen/etlw_clock.h"

#include <criterion/criterion.h>

#include "tests/etlgen/crc32.h"
#include "tests/etlgen/prng.h"

Test(clock, ten_megahertz_is_one_to_one) {
    EtlwClock c = ETLW_CLOCK_DEFAULT;
    cr_assert_eq(etlw_clock_raw(&c, 0), c.start_raw);
    cr_assert_eq(etlw_clock_raw(&c, 12345), c.start_raw + 12345);
    cr_assert_eq(etlw_clock_filetime(&c, c.start_raw + 12345), c.start_time + 12345);
    cr_assert_eq(etlw_clock_filetime(&c, c.start_raw - 7), c.start_time - 7);
    c.perf_freq = 0; // readers take 10 MHz
    cr_assert_eq(etlw_clock_freq(&c), 10000000);
}

Test(clock, other_frequencies_round_towards_the_past) {
    EtlwClock c = ETLW_CLOCK_DEFAULT;
    c.perf_freq = 3;
    cr_assert_eq(etlw_clock_filetime(&c, c.start_raw + 1), c.start_time + 3333333);
    cr_assert_eq(etlw_clock_filetime(&c, c.start_raw + 3), c.start_time + 10000000);
    cr_assert_eq(etlw_clock_filetime(&c, c.start_raw - 1), c.start_time - 3333334);
    c.perf_freq = 3579545;
    // Ten years do not overflow.
    int64_t ten_years = INT64_C(10) * 365 * 86400;
    cr_assert_eq(etlw_clock_filetime(&c, c.start_raw + ten_years * 3579545),
                 c.start_time + ten_years * 10000000);
}

Test(clock, system_time_and_cycles) {
    EtlwClock c = ETLW_CLOCK_DEFAULT;
    c.type = ETLW_CLOCK_SYSTEM;
    cr_assert_eq(etlw_clock_raw(&c, 99), c.start_time + 99);
    cr_assert_eq(etlw_clock_filetime(&c, 4711), 4711);
    c.type = ETLW_CLOCK_CYCLES;
    c.cpu_mhz = 3000;
    cr_assert_eq(etlw_clock_raw(&c, 10000000), c.start_raw + INT64_C(3000000000));
    cr_assert_eq(etlw_clock_filetime(&c, c.start_raw + 300), c.start_time + 1);
}

Test(crc32, known_values) {
    cr_assert_eq(etlgen_crc32(0, "", 0), 0u);
    cr_assert_eq(etlgen_crc32(0, "123456789", 9), 0xcbf43926u);
    uint32_t in_parts = etlgen_crc32(etlgen_crc32(0, "1234", 4), "56789", 5);
    cr_assert_eq(in_parts, 0xcbf43926u);
}

Test(prng, is_the_same_everywhere) {
    Prng p = prng_seeded(0);
    // First outputs of SplitMix64 for seed 0, as published with it.
    cr_assert_eq(prng_next(&p), UINT64_C(0xe220a8397b1dcdaf));
    cr_assert_eq(prng_next(&p), UINT64_C(0x6e789e6aa1b965f4));
    for (int i = 0; i < 1000; i++) {
        cr_assert_lt(prng_below(&p, 3), 3u);
        uint32_t v = prng_between(&p, 5, 6);
        cr_assert(v == 5 || v == 6);
    }
    cr_assert_eq(prng_between(&p, 9, 9), 9u);
}
