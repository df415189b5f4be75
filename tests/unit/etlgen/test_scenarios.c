#include <criterion/criterion.h>

#include "tests/etlgen/crc32.h"
#include "tests/etlgen/scenario.h"
#include "tests/unit/etlgen/reader_rows.h"
#include "util/mem.h"

// Options that keep the big scenarios small.
static ScenarioOptions sized(const char *name) {
    ScenarioOptions o = SCENARIO_DEFAULTS;
    if (strcmp(name, "load") == 0)
        o.n_events = 5000;
    if (strcmp(name, "quiet-noisy") == 0) {
        o.rate = 1500;
        o.duration_s = 2;
    }
    return o;
}

static void check(const char *name, const ScenarioOptions *options, const char *what) {
    Buf file = BUF_INIT, expected = BUF_INIT, actual = BUF_INIT;
    Err err = ERR_INIT;
    uint64_t out_of_order;
    char title[96];
    snprintf(title, sizeof title, "%s %s", name, what);
    cr_assert_eq(scenario_to_buf(name, options, &file, &expected, &err), 0, "%s: %s", title,
                 err.text);
    reader_rows(&file, &actual, &out_of_order);
    rows_equal(title, &actual, &expected);
    cr_assert_eq(out_of_order, 0, "%s", title);
    buf_deinit(&file);
    buf_deinit(&expected);
    buf_deinit(&actual);
}

Test(scenarios, reader_gives_what_is_expected) {
    for (const ScenarioInfo *const *s = scenario_all(); *s != NULL; s++) {
        ScenarioOptions o = sized((*s)->name);
        check((*s)->name, &o, "plain");
        o.seed = 77;
        o.n_cpus = 1;
        check((*s)->name, &o, "one CPU");
        if (!(*s)->packs)
            continue;
        o.n_cpus = 5;
        o.packing = ETLW_PACK_MATCH;
        check((*s)->name, &o, "packed");
        o.packing = ETLW_PACK_LITERAL;
        check((*s)->name, &o, "packed without matches");
    }
    cr_assert_eq(mem_in_use(), 0);
}

Test(scenarios, reader_follows_every_clock) {
    for (const ScenarioInfo *const *s = scenario_all(); *s != NULL; s++) {
        ScenarioOptions o = sized((*s)->name);
        o.perf_freq = 3579545;
        check((*s)->name, &o, "3579545 Hz");
        o.perf_freq = 0;
        o.clock_type = ETLW_CLOCK_SYSTEM;
        check((*s)->name, &o, "system time");
        o.clock_type = ETLW_CLOCK_CYCLES;
        check((*s)->name, &o, "cycles");
    }
}

Test(scenarios, small_buffers_and_many_cpus) {
    ScenarioOptions o = sized("load");
    o.n_cpus = 300;
    o.buffer_bytes = 1024;
    check("load", &o, "300 CPUs");
    o = sized("lost");
    o.n_cpus = 20;
    o.buffer_bytes = 2048;
    check("lost", &o, "small");
    o = sized("kinds");
    o.buffer_bytes = 65536 * 4;
    check("kinds", &o, "large buffers");
}

static uint32_t crc_of(const char *name, uint64_t seed, size_t *ret_bytes) {
    ScenarioOptions o = sized(name);
    o.seed = seed;
    Buf file = BUF_INIT;
    cr_assert_eq(scenario_to_buf(name, &o, &file, NULL, NULL), 0);
    uint32_t crc = etlgen_crc32(0, file.data, file.bytes);
    *ret_bytes = file.bytes;
    buf_deinit(&file);
    return crc;
}

Test(scenarios, same_seed_same_bytes) {
    for (const ScenarioInfo *const *s = scenario_all(); *s != NULL; s++) {
        size_t first, second, third;
        uint32_t crc = crc_of((*s)->name, 5, &first);
        cr_assert_eq(crc_of((*s)->name, 5, &second), crc, "%s", (*s)->name);
        cr_assert_eq(first, second);
        cr_assert_neq(crc_of((*s)->name, 6, &third), crc, "%s", (*s)->name);
    }
}

// To a file and to memory, with and without an expectation: the same bytes.
Test(scenarios, file_and_memory_agree) {
    char path[32], expect_path[32];
    static const char *const names[] = {"circular", "truncated", "appended", "merged"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        snprintf(path, sizeof path, "etlgen-%zu.etl", i);
        snprintf(expect_path, sizeof expect_path, "etlgen-%zu.tsv", i);
        ScenarioOptions o = sized(names[i]);
        ScenarioTotals totals;
        Err err = ERR_INIT;
        cr_assert_eq(scenario_to_file(names[i], &o, path, expect_path, &totals, &err), 0, "%s",
                     err.text);
        Buf file = BUF_INIT, expected = BUF_INIT;
        cr_assert_eq(scenario_to_buf(names[i], &o, &file, &expected, &err), 0, "%s", err.text);
        cr_assert_eq(totals.bytes, file.bytes);
        const Buf *wanted[2] = {&file, &expected};
        const char *paths[2] = {path, expect_path};
        for (size_t k = 0; k < 2; k++) {
            FILE *f = fopen(paths[k], "rb");
            cr_assert_not_null(f);
            uint8_t *bytes = mem_alloc(wanted[k]->bytes + 1);
            cr_assert_eq(fread(bytes, 1, wanted[k]->bytes + 1, f), wanted[k]->bytes);
            cr_assert_eq(memcmp(bytes, wanted[k]->data, wanted[k]->bytes), 0, "%s", paths[k]);
            mem_free(bytes);
            fclose(f);
            remove(paths[k]);
        }
        buf_deinit(&file);
        buf_deinit(&expected);
    }
}

Test(scenarios, refusals_say_what_is_wrong) {
    ScenarioOptions o = SCENARIO_DEFAULTS;
    Err err = ERR_INIT;
    Buf file = BUF_INIT;
    cr_assert_eq(scenario_to_buf("nonesuch", &o, &file, NULL, &err), -(int)STATUS_NOT_FOUND);
    cr_assert_not_null(strstr(err.text, "nonesuch"));
    o.packing = ETLW_PACK_MATCH;
    cr_assert_eq(scenario_to_buf("circular", &o, &file, NULL, &err), -(int)STATUS_UNSUPPORTED);
    o.packing = ETLW_PLAIN;
    o.n_events = 5;
    cr_assert_eq(scenario_to_buf("demo", &o, &file, NULL, &err), -(int)STATUS_UNSUPPORTED);
    o.n_events = 0;
    o.buffer_bytes = 1028;
    cr_assert_eq(scenario_to_buf("demo", &o, &file, NULL, &err), -(int)STATUS_INVALID_ARGUMENT);
    o.buffer_bytes = 1024; // a manifest chunk does not fit
    cr_assert_eq(scenario_to_buf("kinds", &o, &file, NULL, &err), -(int)STATUS_OVERSIZE);
    o.buffer_bytes = 0;
    cr_assert_eq(scenario_to_file("demo", &o, "no/such/folder/x.etl", NULL, NULL, &err),
                 -(int)STATUS_IO);
    buf_deinit(&file);
    cr_assert_eq(mem_in_use(), 0);
}

// What the README and `make run` rely on.
Test(scenarios, demo_tells_its_story) {
    ScenarioOptions o = SCENARIO_DEFAULTS;
    Buf file = BUF_INIT, expected = BUF_INIT;
    cr_assert_eq(scenario_to_buf("demo", &o, &file, &expected, NULL), 0);
    size_t n_lines = 0;
    for (size_t i = 0; i < expected.bytes; i++)
        n_lines += expected.data[i] == '\n';
    cr_assert_geq(n_lines, 3000);
    cr_assert_leq(n_lines, 5500);
    static const char *const needed[] = {
        "1c95126e-7eea-49a9-a3fe-a378b03ddb4d\t3008\t", // DNS-Client
        "22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716\t1\t",    // Kernel-Process
        "22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716\t2\t",
        "22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716\t5\t",
        "2a576b87-09a7-520e-c21a-4942f0271d67\t1101\t",         // AMSI
        "a0c1853b-5c40-4b15-8766-3cf1c58f985a\t4104\t",         // PowerShell
        "8d2f1c60-3a44-5b1e-b762-0c4e619a5d10\t65534\t",        // EventSource manifest
        "ae53722e-c863-11d2-8659-00c04fa321a1\t-1\t2\t0\t14\t", // Registry/SetValue
        "90cbdc39-4a3e-11d1-84f4-0000f80464e3\t-1\t3\t0\t80\t", // FileIO/RenamePath
        "9a280ac0-c8e0-11d1-84e2-00c04fb998a2\t-1\t2\t0\t12\t", // TcpIp/Connect
        "9a280ac0-c8e0-11d1-84e2-00c04fb998a2\t-1\t2\t0\t28\t", // and IPv6
        "def2fe46-7bd6-4b80-bd94-f57fe20d0ce3\t-1\t2\t0\t32\t", // StackWalk
        "\t15\t3f6d0a91-77c2-3e58-9a0e-512bd4861f73\t",         // WPP
        "c9e1d3b7-5a20-4d7f-8619-e04a927b35cc\t117\t",          // nothing describes it
    };
    for (size_t i = 0; i < ARRAY_COUNT(needed); i++)
        cr_assert_not_null(strstr(buf_str(&expected), needed[i]), "%s", needed[i]);
    buf_deinit(&file);
    buf_deinit(&expected);
}
