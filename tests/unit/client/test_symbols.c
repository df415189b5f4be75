#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/etwclient.h"
#include "platform/thread.h"
#include "unit/client/pe_make.h"
#include "util/mem.h"

#define STAMP    0x5f123456u
#define CHECKSUM 0x4711u

static const Guid some_guid = GUID_INIT(0x01020304, 0x0506, 0x0708, 9, 10, 11, 12, 13, 14, 15, 16);
static const MadeExport three[] = {
    {"alpha", 0x1000, NULL}, {NULL, 0x1100, NULL}, {"gamma", 0x1200, NULL}};
static const MadeFunction functions[] = {{.begin = 0x1000, .end = 0x1080},
                                         {.begin = 0x1200, .end = 0x1280}};
static const PeMade plain = {
    .timestamp = STAMP,
    .checksum = CHECKSUM,
    .exports = three,
    .n_exports = 3,
    .functions = functions,
    .n_functions = 2,
    .pdb = "x.pdb",
    .guid = GUID_INIT(0x01020304, 0x0506, 0x0708, 9, 10, 11, 12, 13, 14, 15, 16),
    .age = 3};

static EtwSymbols *symbols;
static const char *folder;
static uint32_t image_bytes;
static size_t in_use;

static void put(const char *path, const PeMade *made) {
    Buf file = BUF_INIT;
    PeMadeInfo info;
    pe_make(made, &file, &info);
    temp_write(path, &file);
    image_bytes = info.image_bytes;
    buf_deinit(&file);
}

static void open_with(uint64_t cache_bytes) {
    EtwSymbolsOptions options = {.struct_size = sizeof options,
                                 .flags = ETW_SYMBOLS_NO_LOCAL,
                                 .path = folder,
                                 .cache_bytes = cache_bytes};
    cr_assert_eq(etw_symbols_open(&options, &symbols), ETW_STATUS_OK);
}

static void setup(void) {
    in_use = mem_in_use();
    folder = temp_folder();
    open_with(0);
}

static void teardown(void) {
    etw_symbols_close(symbols);
    symbols = NULL;
    temp_remove();
    cr_assert_eq(mem_in_use(), in_use);
}

TestSuite(symbols, .init = setup, .fini = teardown, .timeout = 120);

static EtwFrame frame_of(const char *module, uint64_t offset) {
    return (EtwFrame){.struct_size = sizeof(EtwFrame),
                      .module = module,
                      .offset = offset,
                      .module_size = image_bytes,
                      .time_stamp = STAMP,
                      .pdb_name = ""};
}

static const char *text_of(const EtwFrame *frame) {
    static char text[4096];
    size_t need = 0;
    int32_t status = etw_symbol_text(symbols, frame, text, sizeof text, &need);
    if (status != ETW_STATUS_OK)
        return etw_status_name(status);
    cr_assert_eq(need, strlen(text) + 1);
    return text;
}

static const char *at(const char *module, uint64_t offset) {
    EtwFrame frame = frame_of(module, offset);
    return text_of(&frame);
}

static EtwSymbolsStats stats(void) {
    EtwSymbolsStats s = {.struct_size = sizeof s};
    cr_assert_eq(etw_symbols_stats(symbols, &s), ETW_STATUS_OK);
    return s;
}

Test(symbols, names) {
    put("x.dll", &plain);
    cr_assert_str_eq(at("C:\\a\\x.dll", 0x1000), "alpha");
    cr_assert_str_eq(at("C:\\a\\x.dll", 0x1014), "alpha+0x14");
    cr_assert_str_eq(at("C:\\a\\x.dll", 0x1100), "#2");
    cr_assert_str_eq(at("C:\\a\\x.dll", 0x1110), "#2+0x10?");
    cr_assert_str_eq(at("C:\\a\\x.dll", 0x3000), "NOT_FOUND");
    cr_assert_str_eq(at("C:\\a\\x.dll", UINT64_C(0x100001000)), "NOT_FOUND");
    cr_assert_str_eq(at("", 0x1000), "NOT_FOUND");
    EtwFrame frame = frame_of("C:\\a\\x.dll", 0x1204);
    EtwSymbol symbol = {.struct_size = sizeof symbol};
    cr_assert_eq(etw_symbol(symbols, &frame, &symbol), ETW_STATUS_OK);
    cr_assert_str_eq(symbol.name, "gamma");
    cr_assert_eq(symbol.name_bytes, 5u);
    cr_assert_eq(symbol.displacement, 4);
    cr_assert_eq(symbol.flags, (uint32_t)ETW_SYMBOL_EXPORTS);
    EtwSymbolsStats s = stats();
    cr_assert_eq(s.misses, 1u);
    cr_assert_eq(s.hits, 5u);
    cr_assert_eq(s.lookups, 6u);
    cr_assert_eq(s.found, 5u);
    cr_assert_eq(s.guesses, 1u);
    cr_assert_eq(s.opened, 1u);
    cr_assert_eq(s.modules, 1u);
}

Test(symbols, text_rule) {
    put("x.dll", &plain);
    EtwFrame frame = frame_of("x.dll", 0x1014);
    char text[16];
    size_t need;
    for (size_t cap = 0; cap <= 12; cap++) {
        memset(text, '!', sizeof text);
        int32_t status = etw_symbol_text(symbols, &frame, text, cap, &need);
        cr_assert_eq(need, sizeof "alpha+0x14");
        cr_assert_eq(status, cap >= need ? ETW_STATUS_OK : ETW_STATUS_OVERSIZE);
        cr_assert_eq(text[cap], '!');
        if (cap > 0)
            cr_assert(strncmp(text, "alpha+0x14", cap - 1) == 0);
    }
    cr_assert_eq(etw_symbol_text(symbols, &frame, NULL, 0, &need), ETW_STATUS_OVERSIZE);
    cr_assert_eq(etw_symbol_text(symbols, &frame, NULL, 1, &need), ETW_STATUS_INVALID_ARGUMENT);
}

Test(symbols, arguments) {
    put("x.dll", &plain);
    EtwFrame frame = frame_of("x.dll", 0x1000);
    EtwSymbol symbol = {.struct_size = sizeof symbol - 1};
    EtwSymbolsStats s = {.struct_size = 8};
    EtwSymbolsOptions options = {.struct_size = 4};
    EtwSymbols *other = NULL;
    cr_assert_eq(etw_symbols_open(&options, &other), ETW_STATUS_INVALID_ARGUMENT);
    cr_assert_eq(etw_symbols_open(NULL, NULL), ETW_STATUS_INVALID_ARGUMENT);
    cr_assert_eq(etw_symbol(symbols, &frame, &symbol), ETW_STATUS_INVALID_ARGUMENT);
    cr_assert_eq(etw_symbol(symbols, &frame, NULL), ETW_STATUS_INVALID_ARGUMENT);
    cr_assert_eq(etw_symbol_text(symbols, NULL, NULL, 0, NULL), ETW_STATUS_INVALID_ARGUMENT);
    cr_assert_eq(etw_symbol_text(NULL, &frame, NULL, 0, NULL), ETW_STATUS_INVALID_ARGUMENT);
    cr_assert_eq(etw_symbols_stats(symbols, &s), ETW_STATUS_INVALID_ARGUMENT);
    etw_symbols_close(NULL);
    // A frame of the first version of the library has no identity: a guess.
    frame.struct_size = offsetof(EtwFrame, module_base);
    cr_assert_str_eq(text_of(&frame), "alpha?");
    frame.struct_size--;
    cr_assert_str_eq(text_of(&frame), "INVALID_ARGUMENT");
    frame = (EtwFrame){.struct_size = sizeof frame};
    cr_assert_str_eq(text_of(&frame), "NOT_FOUND");
}

Test(symbols, servers) {
    EtwSymbolsOptions options = {.struct_size = sizeof options, .path = "\\\\server\\symbols"};
    EtwSymbols *other = NULL;
    cr_assert_eq(etw_symbols_open(&options, &other), ETW_STATUS_DENIED);
    cr_assert_null(other);
    options.path = "//server/symbols;/a";
    cr_assert_eq(etw_symbols_open(&options, &other), ETW_STATUS_DENIED);
    options.flags = ETW_SYMBOLS_ALLOW_UNC; // nothing is opened before somebody asks
    cr_assert_eq(etw_symbols_open(&options, &other), ETW_STATUS_OK);
    etw_symbols_close(other);
}

Test(symbols, identities) {
    put("x.dll", &plain);
    const struct {
        uint64_t size;
        uint32_t stamp, checksum;
        bool guid, age;
        uint8_t guid_bit;
        const char *expected;
    } cases[] = {
        {image_bytes, STAMP, 0, false, false, 0, "alpha"},
        {image_bytes, STAMP, CHECKSUM, false, false, 0, "alpha"},
        {image_bytes - 0x800, STAMP, 0, false, false, 0, "alpha"}, // whole pages
        {image_bytes - 0x1000, STAMP, 0, false, false, 0, "NOT_FOUND"},
        {image_bytes + 1, STAMP, 0, false, false, 0, "NOT_FOUND"},
        {image_bytes, STAMP + 1, 0, false, false, 0, "NOT_FOUND"},
        {image_bytes, STAMP, CHECKSUM + 1, false, false, 0, "NOT_FOUND"},
        {image_bytes, 0, 0, false, false, 0, "alpha?"}, // the size alone
        {0, STAMP, 0, false, false, 0, "alpha?"},
        {0, 0, 0, false, false, 0, "alpha?"},
        {0, 0, 0, true, true, 0, "alpha"}, // the PDB's identity
        {0, 0, 0, true, false, 0, "NOT_FOUND"},
        {0, 0, 0, true, true, 1, "NOT_FOUND"},
        {image_bytes, STAMP, 0, true, true, 1, "NOT_FOUND"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        EtwFrame frame = frame_of("x.dll", 0x1000);
        frame.module_size = cases[i].size;
        frame.time_stamp = cases[i].stamp;
        frame.checksum = cases[i].checksum;
        if (cases[i].guid) {
            memcpy(frame.pdb_guid.bytes, some_guid.b, 16);
            frame.pdb_guid.bytes[7] ^= cases[i].guid_bit;
            frame.pdb_age = cases[i].age ? 3 : 4;
            frame.pdb_name = "x.pdb";
        }
        cr_assert_str_eq(text_of(&frame), cases[i].expected, "case %d", (int)i);
    }
}

// A file without a checksum, as most programs', agrees with any.
Test(symbols, no_checksum) {
    PeMade made = plain;
    made.checksum = 0;
    put("x.dll", &made);
    EtwFrame frame = frame_of("x.dll", 0x1000);
    frame.checksum = 99;
    cr_assert_str_eq(text_of(&frame), "alpha");
}

Test(symbols, places) {
    char store[64];
    PeMade other = plain;
    other.timestamp = 7;
    put("flat.dll", &other); // another build stands where one would look first
    put("Windows/SYSTEM32/FLAT.dll", &plain);
    snprintf(store, sizeof store, "s.dll/%08X%x/s.dll", STAMP, (unsigned)image_bytes);
    put(store, &plain);
    cr_assert_str_eq(at("C:\\Windows\\System32\\flat.dll", 0x1000), "alpha");
    cr_assert_eq(stats().opened, 2u);
    cr_assert_str_eq(at("flat.dll", 0x1000), "NOT_FOUND");
    cr_assert_str_eq(at("s.dll", 0x1000), "alpha");
    cr_assert_str_eq(at("D:\\s.dll", 0x1000), "alpha");
    cr_assert_str_eq(at("\\Device\\HarddiskVolume1\\windows\\system32\\FLAT.DLL", 0x1000), "alpha");
}

Test(symbols, drivers) {
    put("WINDOWS/system32/Drivers/X.sys", &plain);
    cr_assert_str_eq(at("\\SystemRoot\\System32\\drivers\\x.sys", 0x1000), "alpha");
    cr_assert_str_eq(at("\\Windows\\System32\\drivers\\x.sys", 0x1000), "alpha");
    cr_assert_str_eq(at("C:\\Windows\\System32\\drivers\\x.sys", 0x1000), "alpha");
    cr_assert_str_eq(at("x.sys", 0x1000), "NOT_FOUND"); // not flat
}

// What an event names must not lead out of the folder.
Test(symbols, hostile_paths) {
    char inside[400];
    put("secret.dll", &plain);
    put("d/x.dll", &plain);
    snprintf(inside, sizeof inside, "%s/d", folder);
    etw_symbols_close(symbols);
    folder = inside;
    open_with(0);
    static const char *const modules[] = {"..\\secret.dll",     "../secret.dll",
                                          "C:\\..\\secret.dll", "\\\\.\\..\\secret.dll",
                                          "d/../../secret.dll", "NUL"};
    for (size_t i = 0; i < ARRAY_COUNT(modules); i++) {
        EtwFrame frame = frame_of(modules[i], 0x1000);
        cr_assert_str_eq(text_of(&frame), "NOT_FOUND", "%s", modules[i]);
        cr_assert_eq(stats().refused, i + 1);
    }
    char absolute[700];
    snprintf(absolute, sizeof absolute, "%s/../secret.dll", inside);
    cr_assert_str_eq(at(absolute, 0x1000), "NOT_FOUND");
    cr_assert_eq(stats().opened, 0u);
    cr_assert_str_eq(at("x.dll", 0x1000), "alpha");
}

Test(symbols, negative_results_stay) {
    cr_assert_str_eq(at("late.dll", 0x1000), "NOT_FOUND");
    put("late.dll", &plain);
    image_bytes = 0;
    cr_assert_str_eq(at("late.dll", 0x1000), "NOT_FOUND");
    EtwSymbolsStats s = stats();
    cr_assert_eq(s.negative, 1u);
    cr_assert_eq(s.misses, 1u);
    cr_assert_eq(s.hits, 1u);
    cr_assert_eq(s.opened, 0u);
}

// No end of names that are not found: the cache keeps its limit.
Test(symbols, negative_results_are_bounded) {
    etw_symbols_close(symbols);
    open_with(1); // 4 MiB, the least
    char name[256];
    memset(name, 'n', sizeof name);
    for (uint32_t i = 0; i < 12000; i++) {
        snprintf(name + 200, 20, "%u.dll", (unsigned)i);
        cr_assert_str_eq(at(name, 0), "NOT_FOUND");
    }
    EtwSymbolsStats s = stats();
    cr_assert_eq(s.limit, UINT64_C(4) << 20);
    cr_assert_leq(s.bytes, s.limit);
    cr_assert_gt(s.evicted, 0u);
    cr_assert_eq(s.negative + s.evicted, 12000u);
    cr_assert_lt(mem_in_use() - in_use, (size_t)(s.limit + s.limit / 2));
}

// Three modules of which the limit takes two: the one not used for longest goes.
Test(symbols, least_recently_used_goes) {
    enum { N = 130000 };
    MadeFunction *many = mem_array(N, sizeof *many);
    for (uint32_t i = 0; i < N; i++)
        many[i] = (MadeFunction){.begin = 0x1000 + 4 * i, .end = 0x1000 + 4 * i + 4};
    PeMade made = plain;
    made.code_bytes = 0x100000;
    made.functions = many;
    made.n_functions = N;
    put("a.dll", &made);
    put("b.dll", &made);
    put("c.dll", &made);
    mem_free(many);
    etw_symbols_close(symbols);
    open_with(UINT64_C(4) << 20);
    cr_assert_str_eq(at("a.dll", 0x1000), "alpha");
    uint64_t one = stats().bytes;
    cr_assert_geq(one, UINT64_C(12) * N);
    cr_assert_str_eq(at("b.dll", 0x1000), "alpha");
    cr_assert_str_eq(at("a.dll", 0x1000), "alpha");
    cr_assert_eq(stats().evicted, 0u);
    cr_assert_str_eq(at("c.dll", 0x1000), "alpha");
    EtwSymbolsStats s = stats();
    cr_assert_eq(s.evicted, 1u);
    cr_assert_eq(s.modules, 2u);
    cr_assert_leq(s.bytes, s.limit);
    cr_assert_str_eq(at("a.dll", 0x1000), "alpha");
    cr_assert_eq(stats().misses, 3u);
    cr_assert_str_eq(at("b.dll", 0x1000), "alpha");
    cr_assert_eq(stats().misses, 4u);
}

// Names are data of a file that anybody may have made.
Test(symbols, hostile_names) {
    const MadeExport exports[] = {{"a\x1b[2Jb", 0x1000, NULL}, {"\xff\xfe", 0x1010, NULL}};
    put("x.dll", &(PeMade){.exports = exports, .n_exports = 2, .timestamp = STAMP});
    cr_assert_str_eq(at("x.dll", 0x1000), "a\xef\xbf\xbd[2Jb");
    cr_assert_str_eq(at("x.dll", 0x1010), "\xef\xbf\xbd\xef\xbf\xbd");
}

Test(symbols, long_names) {
    static char name[PE_MAX_PDB_NAME * 2 + 1];
    EtwSymbol symbol = {.struct_size = sizeof symbol};
    for (size_t n = sizeof symbol.name - 2; n <= sizeof symbol.name; n++) {
        char module[32];
        memset(name, 'n', n);
        name[n] = 0;
        const MadeExport exports[] = {{name, 0x1000, NULL}};
        snprintf(module, sizeof module, "x%u.dll", (unsigned)n);
        put(module, &(PeMade){.exports = exports, .n_exports = 1, .timestamp = STAMP});
        EtwFrame frame = frame_of(module, 0x1000);
        cr_assert_eq(etw_symbol(symbols, &frame, &symbol), ETW_STATUS_OK);
        cr_assert_eq(symbol.name_bytes, n);
        cr_assert_eq(strlen(symbol.name), MIN_OF(n, sizeof symbol.name - 1));
        cr_assert_eq(strlen(text_of(&frame)), n);
    }
}

Test(symbols, environment) {
#ifndef _WIN32
    put("x.dll", &plain);
    etw_symbols_close(symbols);
    char value[400];
    snprintf(value, sizeof value, "//server/x:/nowhere:%s", folder);
    setenv("ETW_SYMBOL_PATH", value, 1);
    cr_assert_eq(etw_symbols_open(NULL, &symbols), ETW_STATUS_OK);
    unsetenv("ETW_SYMBOL_PATH");
    cr_assert_str_eq(at("x.dll", 0x1000), "alpha");
    cr_assert_eq(stats().refused, 1u);
#endif
}

Test(symbols, failing_memory) {
    put("Windows/x.dll", &plain);
    size_t before = mem_in_use();
    for (size_t n = 1;; n++) {
        EtwFrame frame = frame_of("C:\\windows\\x.dll", 0x1004);
        char text[64];
        EtwSymbols *s = NULL;
        EtwSymbolsOptions options = {
            .struct_size = sizeof options, .flags = ETW_SYMBOLS_NO_LOCAL, .path = folder};
        size_t calls = mem_calls();
        mem_fail_at(n);
        int32_t status = etw_symbols_open(&options, &s);
        if (status == ETW_STATUS_OK)
            status = etw_symbol_text(s, &frame, text, sizeof text, NULL);
        mem_fail_at(0);
        bool reached = mem_calls() - calls >= n;
        // A second try, with memory, must not remember what the first one could not see.
        if (reached && s != NULL) {
            cr_assert_eq(status, ETW_STATUS_NO_MEMORY, "allocation %d", (int)n);
            status = etw_symbol_text(s, &frame, text, sizeof text, NULL);
            cr_assert_eq(status, ETW_STATUS_OK, "allocation %d", (int)n);
            cr_assert_str_eq(text, "alpha+0x4");
        }
        etw_symbols_close(s);
        cr_assert_eq(mem_in_use(), before, "allocation %d", (int)n);
        if (!reached) {
            cr_assert_gt(n, 12u);
            break;
        }
    }
}

static void look(void *user) {
    uint32_t *wrong = user;
    for (uint32_t i = 0; i < 2000; i++) {
        char module[32], text[64];
        snprintf(module, sizeof module, "%s%u.dll", i % 3 == 0 ? "no" : "t", (unsigned)(i % 7));
        EtwFrame frame = frame_of(module, 0x1000 + i % 0x80);
        int32_t status = etw_symbol_text(symbols, &frame, text, sizeof text, NULL);
        *wrong += i % 3 == 0 ? status != ETW_STATUS_NOT_FOUND
                             : status != ETW_STATUS_OK || strncmp(text, "alpha", 5) != 0;
    }
}

Test(symbols, threads) {
    for (uint32_t i = 0; i < 7; i++) {
        char name[32];
        snprintf(name, sizeof name, "t%u.dll", (unsigned)i);
        put(name, &plain);
    }
    PlatThread *threads[4];
    uint32_t wrong[4] = {0};
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(plat_thread_start(&threads[i], look, &wrong[i]), 0);
    for (uint32_t i = 0; i < 4; i++) {
        plat_thread_join(threads[i]);
        cr_assert_eq(wrong[i], 0u);
    }
    cr_assert_eq(stats().lookups, 8000u);
    cr_assert_eq(stats().misses, 14u);
}
