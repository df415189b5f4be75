#include "unit/client/pe_make.h"

#include <criterion/criterion.h>

#define HEADERS 0x400u

static void pad(Buf *out, uint32_t to) {
    cr_assert(out->bytes <= to);
    buf_zero(out, to - out->bytes);
}

static void align(Buf *out, uint32_t to) {
    buf_zero(out, (to - out->bytes % to) % to);
}

static void patch(Buf *out, size_t at, uint32_t word) {
    store_u32(out->data + at, word);
}

static uint32_t here(const Buf *out) {
    return (uint32_t)out->bytes;
}

// The directory, its three tables, then the texts.
static PeDirectory put_exports(const PeMade *made, Buf *out) {
    uint32_t n = made->n_exports, n_names = 0;
    for (uint32_t i = 0; i < n; i++)
        n_names += made->exports[i].name != NULL;
    uint32_t at = here(out), functions = at + 40, names = functions + 4 * n,
             ordinals = names + 4 * n_names;
    buf_zero(out, 16);
    buf_u32(out, made->base != 0 ? made->base : 1);
    buf_u32(out, n);
    buf_u32(out, n_names);
    buf_u32(out, functions);
    buf_u32(out, names);
    buf_u32(out, ordinals);
    for (uint32_t i = 0; i < n; i++)
        buf_u32(out, made->exports[i].rva);
    buf_zero(out, 4 * n_names);
    for (uint32_t i = 0; i < n; i++) {
        if (made->exports[i].name != NULL)
            buf_u16(out, (uint16_t)i);
    }
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (made->exports[i].name != NULL) {
            patch(out, names + 4 * k++, here(out));
            buf_append(out, made->exports[i].name, strlen(made->exports[i].name) + 1);
        }
        if (made->exports[i].forward != NULL) {
            patch(out, functions + 4 * i, here(out));
            buf_append(out, made->exports[i].forward, strlen(made->exports[i].forward) + 1);
        }
    }
    return (PeDirectory){at, here(out) - at};
}

static PeDirectory put_functions(const PeMade *made, Buf *out) {
    bool arm = made->machine == PE_MACHINE_ARM64;
    uint32_t n = made->n_functions, entry = arm ? 8 : 12, at = here(out);
    buf_zero(out, n * entry);
    for (uint32_t i = 0; i < n; i++) {
        const MadeFunction *f = &made->functions[i];
        patch(out, at + i * entry, f->begin);
        if (arm) {
            patch(out, at + i * entry + 4, f->word != 0 ? f->word : here(out));
            buf_u32(out, (f->end - f->begin) / 4);
            continue;
        }
        patch(out, at + i * entry + 4, f->end);
        uint32_t to = at;
        for (uint32_t k = 0; k < n && f->chain != 0; k++) {
            if (made->functions[k].begin == f->chain)
                to = at + k * entry;
        }
        if (f->indirect) {
            patch(out, at + i * entry + 8, to | 1u);
            continue;
        }
        patch(out, at + i * entry + 8, here(out));
        // Version 1, one unwind code, which takes two slots.
        buf_char(out, f->chain != 0 ? (char)(1 | 4 << 3) : 1);
        buf_char(out, 0);
        buf_char(out, 1);
        buf_zero(out, 5);
        if (f->chain != 0) // its copy is filled in below
            buf_u32(out, to);
        align(out, 4);
        buf_zero(out, 8);
    }
    // A chained entry holds a copy of the one that it belongs to.
    for (uint32_t i = 0; i < n && !arm; i++) {
        const MadeFunction *f = &made->functions[i];
        if (f->chain == 0 || f->indirect)
            continue;
        uint32_t unwind = load_u32(out->data + at + i * entry + 8);
        uint32_t to = load_u32(out->data + unwind + 8);
        memcpy(out->data + unwind + 8, out->data + to, 12);
    }
    return (PeDirectory){at, n * entry};
}

static PeDirectory put_debug(const PeMade *made, Buf *out) {
    uint32_t at = here(out), name_bytes = (uint32_t)strlen(made->pdb) + 1;
    // An entry of another kind stands first.
    buf_zero(out, 12);
    buf_u32(out, 16);
    buf_zero(out, 12);
    buf_zero(out, 12);
    buf_u32(out, 2);
    buf_u32(out, 24 + name_bytes);
    buf_u32(out, at + 56);
    buf_u32(out, at + 56);
    buf_append(out, "RSDS", 4);
    buf_append(out, made->guid.b, sizeof made->guid.b);
    buf_u32(out, made->age);
    buf_append(out, made->pdb, name_bytes);
    return (PeDirectory){at, 56};
}

static void put_section(Buf *out, size_t at, const char *name, uint32_t rva, uint32_t bytes,
                        uint32_t flags) {
    memcpy(out->data + at, name, strlen(name));
    patch(out, at + 8, bytes);
    patch(out, at + 12, rva);
    patch(out, at + 16, bytes);
    patch(out, at + 20, rva);
    patch(out, at + 36, flags);
}

void pe_make(const PeMade *made, Buf *out, PeMadeInfo *ret) {
    bool pe32 = made->machine == PE_MACHINE_I386;
    uint32_t code = made->code_bytes != 0 ? made->code_bytes : 0x1000;
    uint32_t data = MAKE_TEXT + code + MAKE_GAP, fixed = pe32 ? 96 : 112;
    PeDirectory exports = {0, 0}, functions = {0, 0}, debug = {0, 0};
    buf_clear(out);
    pad(out, data);
    if (made->n_exports > 0)
        exports = put_exports(made, out);
    align(out, 4);
    if (made->n_functions > 0)
        functions = put_functions(made, out);
    align(out, 4);
    if (made->pdb != NULL)
        debug = put_debug(made, out);
    uint32_t data_bytes = here(out) - data;
    align(out, 0x1000);
    cr_assert(!out->failed);
    uint32_t image = here(out);

    memcpy(out->data, "MZ", 2);
    patch(out, 60, 0x80);
    uint8_t *coff = out->data + 0x80;
    memcpy(coff, "PE\0\0", 4);
    store_u16(coff + 4, made->machine != 0 ? made->machine : (uint16_t)PE_MACHINE_AMD64);
    store_u16(coff + 6, 2);
    store_u32(coff + 8, made->timestamp);
    store_u16(coff + 20, (uint16_t)(fixed + 16 * 8));
    uint8_t *optional = coff + 24;
    store_u16(optional, pe32 ? 0x10b : 0x20b);
    store_u32(optional + 32, 0x1000);
    store_u32(optional + 36, 0x200);
    store_u32(optional + 56, image);
    store_u32(optional + 60, HEADERS);
    store_u32(optional + 64, made->checksum);
    store_u32(optional + fixed - 4, 16);
    memcpy(optional + fixed + 8 * PE_DIR_EXPORT, &exports, 8);
    memcpy(optional + fixed + 8 * PE_DIR_EXCEPTION, &functions, 8);
    memcpy(optional + fixed + 8 * PE_DIR_DEBUG, &debug, 8);
    size_t sections = 0x80 + 24 + fixed + 16 * 8;
    put_section(out, sections, ".text", MAKE_TEXT, code, 0x60000020);
    put_section(out, sections + 40, ".rdata", data, data_bytes, 0x40000040);
    *ret = (PeMadeInfo){image, data, exports.rva, debug.rva, functions.rva};
}

void pdb_make(const Guid *guid, uint32_t age, Buf *out) {
    enum { BLOCK = 512 };
    buf_clear(out);
    buf_zero(out, 6 * BLOCK);
    cr_assert(!out->failed);
    memcpy(out->data,
           "Microsoft C/C++ MSF 7.00\r\n\x1a"
           "DS\0\0",
           32);
    // Stream 0 of 600 bytes has two blocks; stream 1 the third. The directory is in block 4, its
    // list in 5.
    const uint32_t super[] = {BLOCK, 1, 6, 6 * 4, 0, 5};
    const uint32_t directory[] = {2, 600, 28, 1, 2, 3};
    memcpy(out->data + 32, super, sizeof super);
    memcpy(out->data + 4 * BLOCK, directory, sizeof directory);
    patch(out, 5 * BLOCK, 4);
    patch(out, 3 * BLOCK, 20000404);
    patch(out, 3 * BLOCK + 8, age);
    memcpy(out->data + 3 * BLOCK + 12, guid->b, sizeof guid->b);
}

static int read_memory(void *user, uint64_t offset, void *buf, size_t bytes, size_t *ret_got) {
    const Buf *b = user;
    size_t n = offset < b->bytes ? MIN_OF(bytes, b->bytes - (size_t)offset) : 0;
    if (n > 0)
        memcpy(buf, b->data + offset, n);
    *ret_got = n;
    return 0;
}

PeSource pe_memory(Buf *bytes) {
    return (PeSource){read_memory, bytes};
}
