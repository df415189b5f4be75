#include <criterion/criterion.h>
#include <stdio.h>

#include "client/lib/pe_symbols.h"
#include "unit/client/pe_make.h"
#include "util/mem.h"

#define LIMIT ((size_t)64 << 20)

static const Guid some_guid = GUID_INIT(0x01020304, 0x0506, 0x0708, 9, 10, 11, 12, 13, 14, 15, 16);
static Buf file;
static PeMadeInfo info;
static PeSymbols *symbols;
static size_t in_use;

static void setup(void) {
    in_use = mem_in_use();
}

static void teardown(void) {
    symbols = pe_symbols_free(symbols);
    buf_deinit(&file);
    file = (Buf)BUF_INIT;
    cr_assert_eq(mem_in_use(), in_use);
}

TestSuite(pe, .init = setup, .fini = teardown, .timeout = 60);

static void load(const PeMade *made) {
    pe_make(made, &file, &info);
    PeSource source = pe_memory(&file);
    PeReader *pe;
    cr_assert_eq(pe_open(&source, &pe), 0);
    cr_assert_eq(pe_symbols_load(pe, LIMIT, &symbols), 0);
    pe_close(pe);
}

// "name+disp", "?" behind a guess; "" for nothing.
static const char *at(uint32_t rva) {
    static char text[PE_MAX_NAME + 40];
    PeFound f;
    if (!pe_symbols_find(symbols, rva, &f))
        return "";
    char ordinal[16];
    snprintf(ordinal, sizeof ordinal, "#%u", (unsigned)f.ordinal);
    snprintf(text, sizeof text, "%s%+d%s", f.name != NULL ? f.name : ordinal, (int)(rva - f.rva),
             f.guess ? "?" : "");
    return text;
}

static const MadeExport three[] = {
    {"alpha", 0x1000, NULL}, {NULL, 0x1100, NULL}, {"gamma", 0x1200, NULL}};

Test(pe, headers) {
    const uint16_t machines[] = {PE_MACHINE_AMD64, PE_MACHINE_I386, PE_MACHINE_ARM64};
    for (size_t i = 0; i < ARRAY_COUNT(machines); i++) {
        PeMade made = {.machine = machines[i],
                       .timestamp = 0x5f000001,
                       .checksum = 77,
                       .exports = three,
                       .n_exports = 3};
        pe_make(&made, &file, &info);
        PeSource source = pe_memory(&file);
        PeReader *pe;
        cr_assert_eq(pe_open(&source, &pe), 0);
        const PeHeader *h = pe_header(pe);
        cr_assert_eq(h->machine, machines[i]);
        cr_assert_eq(h->pe32_plus, machines[i] != PE_MACHINE_I386);
        cr_assert_eq(h->timestamp, 0x5f000001u);
        cr_assert_eq(h->checksum, 77u);
        cr_assert_eq(h->image_bytes, info.image_bytes);
        cr_assert_eq(h->n_sections, 2u);
        cr_assert_eq(h->directories[PE_DIR_EXPORT].rva, info.export_directory);
        cr_assert_not_null(pe_code_at(pe, 0x1000));
        cr_assert_not_null(pe_code_at(pe, 0x1fff));
        cr_assert_null(pe_code_at(pe, 0xfff));
        cr_assert_null(pe_code_at(pe, 0x2000));
        PePdb pdb;
        cr_assert_not(pe_pdb(pe, &pdb));
        pe_close(pe);
    }
}

Test(pe, no_pe_file) {
    PeMade made = {.exports = three, .n_exports = 3};
    const struct {
        size_t at;
        uint8_t byte;
    } damage[] = {{0, 'N'}, {0x80, 'Q'}, {0x98, 0}, {61, 0xff}, {0x94, 95}};
    for (size_t i = 0; i < ARRAY_COUNT(damage); i++) {
        pe_make(&made, &file, &info);
        file.data[damage[i].at] = damage[i].byte;
        PeSource source = pe_memory(&file);
        PeReader *pe;
        cr_assert_eq(pe_open(&source, &pe), -STATUS_FORMAT, "damage %d", (int)i);
    }
}

// Cut off anywhere, it is either refused or read as far as it goes.
Test(pe, truncated) {
    const MadeFunction functions[] = {{.begin = 0x1000, .end = 0x1080},
                                      {.begin = 0x1080, .end = 0x1090, .chain = 0x1000}};
    PeMade made = {.exports = three,
                   .n_exports = 3,
                   .functions = functions,
                   .n_functions = 2,
                   .pdb = "x.pdb",
                   .age = 1};
    pe_make(&made, &file, &info);
    size_t all = file.bytes;
    uint32_t opened = 0, loaded = 0;
    for (size_t n = 0; n <= all; n += n >= 0x400 && n < info.data ? 0x100 : 1) {
        file.bytes = n;
        PeSource source = pe_memory(&file);
        PeReader *pe;
        if (pe_open(&source, &pe) != 0)
            continue;
        opened++;
        PePdb pdb;
        bool has_pdb = pe_pdb(pe, &pdb);
        cr_assert_eq(pe_symbols_load(pe, LIMIT, &symbols), 0);
        loaded += symbols->n_exports == 3 && symbols->n_functions == 2 && has_pdb;
        symbols = pe_symbols_free(symbols);
        pe_close(pe);
    }
    file.bytes = all;
    cr_assert_gt(opened, loaded);
    cr_assert_gt(loaded, 0u);
}

Test(pe, exports) {
    const MadeExport exports[] = {
        {"alpha", 0x1000, NULL},   {NULL, 0x1100, NULL}, {"forwarded", 0, "NTDLL.RtlAlpha"},
        {"gamma", 0x1200, NULL},   {NULL, 0, NULL},      {"data", 0x3000, NULL},
        {"gamma_2", 0x1200, NULL}, {NULL, 0x1200, NULL}, {"", 0x1300, NULL}};
    load(&(PeMade){.exports = exports, .n_exports = ARRAY_COUNT(exports), .base = 10});
    cr_assert_eq(symbols->n_exports, 4u);
    cr_assert_str_eq(at(0x1000), "alpha+0");
    cr_assert_str_eq(at(0x1100), "#11+0");
    cr_assert_str_eq(at(0x1200), "gamma+0"); // the first of its names
    cr_assert_str_eq(at(0x1300), "#18+0");   // an empty name is none
    cr_assert_str_eq(at(0xfff), "");
    cr_assert_str_eq(at(0x2000), ""); // no code
    cr_assert_str_eq(at(0x3000), "");
    cr_assert_str_eq(at(info.export_directory + 80), "");
}

// Even when the directory lies among the code, as old linkers put it, a forwarder is none.
Test(pe, forwarder_in_code) {
    const MadeExport exports[] = {{"alpha", 0x1000, NULL}, {"forwarded", 0, "NTDLL.RtlAlpha"}};
    pe_make(&(PeMade){.exports = exports, .n_exports = 2}, &file, &info);
    store_u32(file.data + 0x80 + 24 + 112 + 16 * 8 + 40 + 36, 0x60000020);
    PeSource source = pe_memory(&file);
    PeReader *pe;
    cr_assert_eq(pe_open(&source, &pe), 0);
    cr_assert_eq(pe_symbols_load(pe, LIMIT, &symbols), 0);
    pe_close(pe);
    cr_assert_eq(symbols->n_exports, 1u);
}

Test(pe, long_names) {
    char names[3][PE_MAX_NAME + 2];
    MadeExport exports[3];
    for (uint32_t i = 0; i < 3; i++) {
        size_t n = PE_MAX_NAME - 1 + i;
        memset(names[i], 'a' + (int)i, n);
        names[i][n] = 0;
        exports[i] = (MadeExport){names[i], 0x1000 + i * 16, NULL};
    }
    load(&(PeMade){.exports = exports, .n_exports = 3});
    PeFound f;
    cr_assert(pe_symbols_find(symbols, 0x1000, &f));
    cr_assert_eq(strlen(f.name), (size_t)PE_MAX_NAME - 1);
    cr_assert(pe_symbols_find(symbols, 0x1010, &f));
    cr_assert_eq(strlen(f.name), (size_t)PE_MAX_NAME);
    cr_assert(pe_symbols_find(symbols, 0x1020, &f));
    cr_assert_null(f.name);
    cr_assert_eq(f.ordinal, 3u);
}

Test(pe, many_exports) {
    for (uint32_t n = 65535; n <= 65537; n++) {
        MadeExport *exports = mem_array(n, sizeof *exports);
        for (uint32_t i = 0; i < n; i++)
            exports[i] = (MadeExport){NULL, 0x1000 + i, NULL};
        load(&(PeMade){.exports = exports, .n_exports = n, .code_bytes = 0x20000});
        mem_free(exports);
        cr_assert_eq(symbols->n_exports, n <= 65536 ? n : 0u);
        symbols = pe_symbols_free(symbols);
    }
}

// Names beyond their share of the limit leave the ordinals.
Test(pe, names_limit) {
    pe_make(&(PeMade){.exports = three, .n_exports = 3}, &file, &info);
    PeSource source = pe_memory(&file);
    for (size_t names = 5; names <= 13; names++) {
        PeReader *pe;
        cr_assert_eq(pe_open(&source, &pe), 0);
        cr_assert_eq(pe_symbols_load(pe, 8 * names, &symbols), 0);
        pe_close(pe);
        cr_assert_str_eq(at(0x1000), names >= 6 ? "alpha+0" : "#1+0");
        cr_assert_str_eq(at(0x1200), names >= 12 ? "gamma+0" : "#3+0");
        symbols = pe_symbols_free(symbols);
    }
}

Test(pe, bounds) {
    // alpha [1000,1080) with a cold part before it and one behind; a static function; a leaf
    // without bounds.
    const MadeExport exports[] = {
        {"alpha", 0x1040, NULL}, {"inner", 0x1060, NULL}, {"leaf", 0x1200, NULL}};
    const MadeFunction functions[] = {
        {.begin = 0x1000, .end = 0x1010, .chain = 0x1040},
        {.begin = 0x1040, .end = 0x1080},
        {.begin = 0x1100, .end = 0x1140},
        {.begin = 0x1300, .end = 0x1310, .chain = 0x1040, .indirect = true},
        {.begin = 0x1310, .end = 0x1320, .chain = 0x1300},
        {.begin = 0x1320, .end = 0x1330, .chain = 0x1100},
    };
    load(&(PeMade){.exports = exports, .n_exports = 3, .functions = functions, .n_functions = 6});
    cr_assert(symbols->bounded);
    cr_assert_eq(symbols->n_functions, 6u);
    cr_assert_str_eq(at(0x1000), "alpha-64");
    cr_assert_str_eq(at(0x100f), "alpha-49");
    cr_assert_str_eq(at(0x1010), ""); // nothing below
    cr_assert_str_eq(at(0x1040), "alpha+0");
    cr_assert_str_eq(at(0x105f), "alpha+31");
    cr_assert_str_eq(at(0x1060), "inner+0"); // a second entry of the same function
    cr_assert_str_eq(at(0x107f), "inner+31");
    cr_assert_str_eq(at(0x1080), "inner+32?");
    cr_assert_str_eq(at(0x1100), "inner+160?"); // a static function
    cr_assert_str_eq(at(0x1200), "leaf+0");
    cr_assert_str_eq(at(0x1201), "leaf+1?");
    cr_assert_str_eq(at(0x1300), "alpha+704");
    cr_assert_str_eq(at(0x1315), "alpha+725"); // chained twice
    cr_assert_str_eq(at(0x1325), "leaf+293?"); // a part of the static function
}

Test(pe, damaged_bounds) {
    const MadeFunction functions[] = {{.begin = 0x1000, .end = 0x1020},
                                      {.begin = 0x1200, .end = 0x1240},
                                      {.begin = 0x1100, .end = 0x1120},  // out of order
                                      {.begin = 0x1100, .end = 0x10ff},  // backwards
                                      {.begin = 0x1400, .end = 0x99999}, // beyond the image
                                      {.begin = 0, .end = 0x20}};
    load(&(PeMade){.exports = three, .n_exports = 3, .functions = functions, .n_functions = 6});
    cr_assert_eq(symbols->n_functions, 2u);
    cr_assert_str_eq(at(0x1010), "alpha+16");
    cr_assert_str_eq(at(0x1020), "alpha+32?");
    cr_assert_str_eq(at(0x1110), "#2+16?");
    cr_assert_str_eq(at(0x1230), "gamma+48");
}

Test(pe, guess_distance) {
    const MadeExport exports[] = {{"alpha", 0x1000, NULL}};
    load(&(PeMade){.exports = exports, .n_exports = 1, .code_bytes = 0x20000});
    cr_assert_not(symbols->bounded);
    cr_assert_str_eq(at(0x1000), "alpha+0");
    cr_assert_str_eq(at(0x1000 + PE_GUESS_DISTANCE - 1), "alpha+65535?");
    cr_assert_str_eq(at(0x1000 + PE_GUESS_DISTANCE), "alpha+65536?");
    cr_assert_str_eq(at(0x1000 + PE_GUESS_DISTANCE + 1), "");
}

Test(pe, x86_names_are_guesses_but_at_their_address) {
    load(&(PeMade){.machine = PE_MACHINE_I386, .exports = three, .n_exports = 3});
    cr_assert_str_eq(at(0x1200), "gamma+0");
    cr_assert_str_eq(at(0x1201), "gamma+1?");
}

Test(pe, arm64_bounds) {
    const MadeExport exports[] = {
        {"packed", 0x1000, NULL}, {"full", 0x1100, NULL}, {"last", 0x1200, NULL}};
    const MadeFunction functions[] = {
        {.begin = 0x1000, .word = 1u | 0x10u << 2}, // 64 bytes
        {.begin = 0x1100, .end = 0x1180},
        {.begin = 0x1180, .word = 2u | 0x8u << 2}, // a part of an unknown function
        {.begin = 0x1200, .word = 3u | 0x8u << 2}, // not defined
    };
    load(&(PeMade){.machine = PE_MACHINE_ARM64,
                   .exports = exports,
                   .n_exports = 3,
                   .functions = functions,
                   .n_functions = 4});
    cr_assert_eq(symbols->n_functions, 3u);
    cr_assert_str_eq(at(0x103c), "packed+60");
    cr_assert_str_eq(at(0x1040), "packed+64?");
    cr_assert_str_eq(at(0x117c), "full+124");
    cr_assert_str_eq(at(0x1184), "full+132?");
    cr_assert_str_eq(at(0x1204), "last+4?");
}

// A chain that leads to itself ends, and owns nothing.
Test(pe, chain_loop) {
    const MadeFunction functions[] = {
        {.begin = 0x1000, .end = 0x1020, .chain = 0x1000},
        {.begin = 0x1100, .end = 0x1120, .chain = 0x1100, .indirect = true}};
    load(&(PeMade){.exports = three, .n_exports = 3, .functions = functions, .n_functions = 2});
    cr_assert_eq(symbols->functions[0].owner, 0u);
    cr_assert_eq(symbols->functions[1].owner, 0u);
    cr_assert_str_eq(at(0x1010), "alpha+16"); // it lies in its bounds all the same
}

// As many entries and sections as are read, each entry chained to itself, in the last section.
Test(pe, chains_without_an_end_among_many_sections) {
    enum { N = 2 << 20, HEAD = 0x80 + 24 + 240, RAW = 0x10000 };
    const uint32_t data = 0x10000000, n_sections = PE_MAX_SECTIONS;
    uint8_t *p = NULL;
    buf_zero(&file, RAW + (size_t)N * 12);
    cr_assert_not(file.failed);
    p = file.data;
    memcpy(p, "MZ", 2);
    store_u32(p + 60, 0x80);
    memcpy(p + 0x80, "PE\0\0", 4);
    store_u16(p + 0x84, PE_MACHINE_AMD64);
    store_u16(p + 0x86, (uint16_t)n_sections);
    store_u16(p + 0x94, 240);
    store_u16(p + 0x98, 0x20b);
    store_u32(p + 0x98 + 56, UINT32_MAX);
    store_u32(p + 0x98 + 108, 16);
    store_u32(p + 0x98 + 112 + 8 * PE_DIR_EXCEPTION, data);
    store_u32(p + 0x98 + 112 + 8 * PE_DIR_EXCEPTION + 4, N * 12);
    for (uint32_t i = 0; i < n_sections; i++) {
        bool last = i == n_sections - 1;
        uint8_t *s = p + HEAD + i * 40;
        store_u32(s + 8, last ? N * 12 : 16);
        store_u32(s + 12, last ? data : (i + 1) * 0x1000);
        store_u32(s + 16, last ? N * 12 : 16);
        store_u32(s + 20, RAW);
        store_u32(s + 36, 0x60000020);
    }
    for (uint32_t i = 0; i < N; i++) {
        store_u32(p + RAW + i * 12, i * 16 + 16);
        store_u32(p + RAW + i * 12 + 4, i * 16 + 32);
        store_u32(p + RAW + i * 12 + 8, (data + i * 12) | 1u);
    }
    PeSource source = pe_memory(&file);
    PeReader *pe;
    cr_assert_eq(pe_open(&source, &pe), 0);
    cr_assert_eq(pe_symbols_load(pe, LIMIT, &symbols), 0);
    cr_assert_eq(symbols->n_functions, (uint32_t)N);
    cr_assert_eq(symbols->functions[N - 1].owner, 0u);
    pe_close(pe);
}

Test(pe, codeview) {
    char name[PE_MAX_PDB_NAME + 2];
    for (size_t n = PE_MAX_PDB_NAME - 2; n <= PE_MAX_PDB_NAME; n++) {
        memset(name, 'p', n);
        name[n] = 0;
        pe_make(&(PeMade){.pdb = name, .guid = some_guid, .age = 3}, &file, &info);
        PeSource source = pe_memory(&file);
        PeReader *pe;
        PePdb pdb;
        cr_assert_eq(pe_open(&source, &pe), 0);
        cr_assert_eq(pe_pdb(pe, &pdb), n < PE_MAX_PDB_NAME);
        if (n < PE_MAX_PDB_NAME) {
            cr_assert(guid_equal(&pdb.guid, &some_guid));
            cr_assert_eq(pdb.age, 3u);
            cr_assert_str_eq(pdb.name, name);
        }
        // Another signature (NB10, MTOC) is none of ours.
        file.data[info.debug_directory + 56] = 'M';
        PeReader *again;
        cr_assert_eq(pe_open(&source, &again), 0);
        cr_assert_not(pe_pdb(again, &pdb));
        pe_close(again);
        pe_close(pe);
    }
}

Test(pe, pdb_identity) {
    Guid guid;
    pdb_make(&some_guid, 1, &file);
    PeSource source = pe_memory(&file);
    cr_assert(pdb_guid(&source, &guid));
    cr_assert(guid_equal(&guid, &some_guid));
    const size_t damage[] = {0, 31, 32, 52, 4 * 512, 5 * 512 + 1};
    for (size_t i = 0; i < ARRAY_COUNT(damage); i++) {
        pdb_make(&some_guid, 1, &file);
        file.data[damage[i]] ^= 0x55;
        bool same = pdb_guid(&source, &guid) && guid_equal(&guid, &some_guid);
        cr_assert_not(same, "damage at %d", (int)damage[i]);
    }
    pdb_make(&some_guid, 1, &file);
    size_t all = file.bytes;
    for (file.bytes = 0; file.bytes < all; file.bytes++)
        cr_assert_not(pdb_guid(&source, &guid) && file.bytes < 5 * 512, "%d", (int)file.bytes);
}

Test(pe, failing_memory) {
    const MadeFunction functions[] = {{.begin = 0x1000, .end = 0x1080}};
    pe_make(&(PeMade){.exports = three, .n_exports = 3, .functions = functions, .n_functions = 1},
            &file, &info);
    PeSource source = pe_memory(&file);
    size_t before = mem_in_use();
    for (size_t n = 1;; n++) {
        PeReader *pe = NULL;
        mem_fail_at(n);
        int r = pe_open(&source, &pe);
        if (r == 0)
            r = pe_symbols_load(pe, LIMIT, &symbols);
        mem_fail_at(0);
        pe_close(pe);
        if (r == 0) {
            cr_assert_gt(n, 8u);
            break;
        }
        cr_assert_eq(r, -STATUS_NO_MEMORY);
        cr_assert_null(symbols);
        cr_assert_eq(mem_in_use(), before);
    }
}
