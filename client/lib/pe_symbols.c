#include "client/lib/pe_symbols.h"

#include <stdlib.h>

#include "util/buf.h"
#include "util/mem.h"

#define MAX_FUNCTIONS 65536u // of an export directory: ordinals are 16 bits
#define MAX_NAMES     131072u
#define MAX_NAME_HEAP (16u << 20)
#define MAX_BOUNDS    (2u << 20)
#define MAX_CHAIN     32u
#define NO_NAME       UINT32_MAX

// ---- Exports
// --------------------------------------------------------------------------------------

typedef struct ExportTables {
    uint32_t base;
    uint32_t n_functions, n_names;
    uint32_t *functions, *names;
    uint16_t *ordinals;
} ExportTables;

static void tables_deinit(ExportTables *t) {
    mem_free(t->functions);
    mem_free(t->names);
    mem_free(t->ordinals);
}

// 0, -STATUS_NO_MEMORY, or 1: there is no directory that can be read.
static int tables_read(PeReader *pe, ExportTables *t) {
    uint8_t d[40];
    PeDirectory directory = pe_header(pe)->directories[PE_DIR_EXPORT];
    if (directory.rva == 0 || !pe_read(pe, directory.rva, d, sizeof d))
        return 1;
    t->base = load_u32(d + 16);
    t->n_functions = load_u32(d + 20);
    t->n_names = load_u32(d + 24);
    if (t->n_functions == 0 || t->n_functions > MAX_FUNCTIONS || t->n_names > MAX_NAMES)
        return 1;
    t->functions = mem_array(t->n_functions, sizeof *t->functions);
    t->names = mem_array(t->n_names, sizeof *t->names);
    t->ordinals = mem_array(t->n_names, sizeof *t->ordinals);
    if (t->functions == NULL || t->names == NULL || t->ordinals == NULL)
        return -STATUS_NO_MEMORY;
    if (!pe_read(pe, load_u32(d + 28), t->functions, t->n_functions * sizeof *t->functions))
        return 1;
    if (!pe_read(pe, load_u32(d + 32), t->names, t->n_names * sizeof *t->names) ||
        !pe_read(pe, load_u32(d + 36), t->ordinals, t->n_names * sizeof *t->ordinals))
        t->n_names = 0;
    return 0;
}

// By rva; of several names for one address the first of the name table stays, so that both hosts
// agree.
static int compare_exports(const void *a_, const void *b_) {
    const PeExport *a = a_, *b = b_;
    if (a->rva != b->rva)
        return a->rva < b->rva ? -1 : 1;
    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    return a->ordinal < b->ordinal ? -1 : a->ordinal > b->ordinal;
}

static int load_exports(PeReader *pe, const ExportTables *t, size_t names_limit, PeSymbols *s) {
    s->exports = mem_array(t->n_functions, sizeof *s->exports);
    if (s->exports == NULL)
        return -STATUS_NO_MEMORY;
    uint32_t *first = mem_alloc((size_t)t->n_functions * sizeof *first);
    if (first == NULL)
        return -STATUS_NO_MEMORY;
    memset(first, 0xff, (size_t)t->n_functions * sizeof *first);
    for (uint32_t i = 0; i < t->n_names; i++) {
        if (t->ordinals[i] < t->n_functions && first[t->ordinals[i]] == NO_NAME)
            first[t->ordinals[i]] = i;
    }
    PeDirectory directory = pe_header(pe)->directories[PE_DIR_EXPORT];
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n_functions; i++) {
        uint32_t rva = t->functions[i];
        // A forwarder: its "address" is the text "OTHER.Function" inside the directory.
        if (rva == 0 || (rva >= directory.rva && rva - directory.rva < directory.bytes))
            continue;
        if (pe_code_at(pe, rva) != NULL)
            s->exports[n++] = (PeExport){rva, first[i], t->base + i};
    }
    mem_free(first);
    if (n > 0)
        qsort(s->exports, n, sizeof *s->exports, compare_exports);
    Buf names = BUF_INIT;
    for (uint32_t i = 0; i < n; i++) {
        PeExport e = s->exports[i];
        if (s->n_exports > 0 && s->exports[s->n_exports - 1].rva == e.rva)
            continue;
        char name[PE_MAX_NAME + 1];
        int length = e.name != NO_NAME ? pe_read_text(pe, t->names[e.name], name, sizeof name) : -1;
        e.name = NO_NAME;
        if (length > 0 && names.bytes + (size_t)length + 1 <= names_limit) {
            e.name = (uint32_t)names.bytes;
            buf_append(&names, name, (size_t)length + 1);
        }
        s->exports[s->n_exports++] = e;
    }
    bool failed = names.failed;
    // To size: these tables stay.
    if (!failed && names.bytes > 0) {
        s->names = mem_dup(names.data, names.bytes);
        failed = s->names == NULL;
        s->bytes += names.bytes;
    }
    buf_deinit(&names);
    if (failed)
        return -STATUS_NO_MEMORY;
    PeExport *fitted = mem_resize(s->exports, s->n_exports * sizeof *s->exports);
    if (fitted == NULL)
        return -STATUS_NO_MEMORY;
    s->exports = fitted;
    s->bytes += s->n_exports * sizeof *s->exports;
    return 0;
}

// ---- Bounds
// ---------------------------------------------------------------------------------------

// The beginning of the function of which this x64 entry is a part.
static uint32_t chain_owner(PeReader *pe, uint32_t begin, uint32_t unwind) {
    for (uint32_t depth = 0; depth < MAX_CHAIN; depth++) {
        uint8_t next[12], info[4];
        if ((unwind & 1) != 0) { // it is another entry, of which this is a part
            if (!pe_read(pe, unwind & ~UINT32_C(1), next, sizeof next))
                return 0;
        } else {
            if (!pe_read(pe, unwind, info, sizeof info))
                return 0;
            uint32_t version = info[0] & 7u, flags = (uint32_t)info[0] >> 3;
            if ((version != 1 && version != 2) || (flags & 4) == 0)
                return begin;
            // Behind the unwind codes, of which there is an even number of slots.
            uint32_t codes = ((uint32_t)info[2] + 1) & ~UINT32_C(1);
            if (unwind > UINT32_MAX - 4 - 2 * codes ||
                !pe_read(pe, unwind + 4 + 2 * codes, next, sizeof next))
                return 0;
        }
        begin = load_u32(next);
        unwind = load_u32(next + 8);
    }
    return 0;
}

static bool arm64_entry(PeReader *pe, const uint8_t entry[8], PeFunction *ret) {
    uint32_t begin = load_u32(entry), unwind = load_u32(entry + 4), words;
    uint32_t kind = unwind & 3;
    if (kind == 3)
        return false;
    if (kind == 0) {
        uint8_t header[4];
        if (!pe_read(pe, unwind, header, sizeof header))
            return false;
        words = load_u32(header) & 0x3ffffu;
    } else {
        words = (unwind >> 2) & 0x7ffu;
    }
    if (begin > UINT32_MAX - words * 4)
        return false;
    // Kind 2: a part without a prologue, whose function is not told.
    *ret = (PeFunction){begin, begin + words * 4, kind == 2 ? 0 : begin};
    return true;
}

// What is damaged, or out of order (Windows itself looks entries up by halving), is left out;
// without any entry the bounds are unknown.
static int load_bounds(PeReader *pe, size_t limit, PeSymbols *s) {
    const PeHeader *h = pe_header(pe);
    PeDirectory directory = h->directories[PE_DIR_EXCEPTION];
    uint32_t entry_bytes = h->machine == PE_MACHINE_AMD64   ? 12
                           : h->machine == PE_MACHINE_ARM64 ? 8
                                                            : 0;
    uint32_t n = entry_bytes > 0 && directory.rva != 0 ? directory.bytes / entry_bytes : 0;
    if (n == 0 || n > MAX_BOUNDS || n * sizeof(PeFunction) > limit)
        return 0;
    uint8_t *raw = mem_alloc((size_t)n * entry_bytes);
    PeFunction *functions = mem_array(n, sizeof *functions);
    int result = raw != NULL && functions != NULL ? 0 : -STATUS_NO_MEMORY;
    uint32_t kept = 0;
    if (result == 0 && pe_read(pe, directory.rva, raw, (size_t)n * entry_bytes)) {
        for (uint32_t i = 0; i < n; i++) {
            const uint8_t *entry = raw + (size_t)i * entry_bytes;
            PeFunction f = {load_u32(entry), load_u32(entry + 4), 0};
            if (h->machine == PE_MACHINE_ARM64 && !arm64_entry(pe, entry, &f))
                continue;
            if (f.begin == 0 || f.begin >= f.end || f.end > h->image_bytes ||
                (kept > 0 && f.begin < functions[kept - 1].begin))
                continue;
            if (h->machine == PE_MACHINE_AMD64)
                f.owner = chain_owner(pe, f.begin, load_u32(entry + 8));
            functions[kept++] = f;
        }
    }
    mem_free(raw);
    if (result != 0 || kept == 0) {
        mem_free(functions);
        return result;
    }
    PeFunction *fitted = mem_resize(functions, kept * sizeof *functions);
    if (fitted == NULL) {
        mem_free(functions);
        return -STATUS_NO_MEMORY;
    }
    s->functions = fitted;
    s->n_functions = kept;
    s->bounded = true;
    s->bytes += kept * sizeof *functions;
    return 0;
}

// ---- All of it
// ------------------------------------------------------------------------------------

static int load_code(PeReader *pe, PeSymbols *s) {
    const PeHeader *h = pe_header(pe);
    s->code = mem_array(h->n_sections, sizeof *s->code);
    if (s->code == NULL)
        return -STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < h->n_sections; i++) {
        const PeSection *section = &h->sections[i];
        if (section->code)
            s->code[s->n_code++] = (PeRange){section->rva, section->rva + section->bytes};
    }
    s->bytes += h->n_sections * sizeof *s->code;
    return 0;
}

int pe_symbols_load(PeReader *pe, size_t limit, PeSymbols **ret) {
    PeSymbols *s = mem_zalloc(sizeof *s);
    if (s == NULL)
        return -STATUS_NO_MEMORY;
    s->bytes = sizeof *s;
    ExportTables tables = {0};
    int result = load_code(pe, s);
    if (result == 0)
        result = tables_read(pe, &tables);
    if (result == 0)
        result = load_exports(pe, &tables, MIN_OF(limit / 8, (size_t)MAX_NAME_HEAP), s);
    tables_deinit(&tables);
    if (result >= 0)
        result = load_bounds(pe, limit / 2, s);
    if (result < 0) {
        pe_symbols_free(s);
        return result;
    }
    *ret = s;
    return 0;
}

PeSymbols *pe_symbols_free(PeSymbols *s) {
    if (s != NULL) {
        mem_free(s->exports);
        mem_free(s->functions);
        mem_free(s->code);
        mem_free(s->names);
        mem_free(s);
    }
    return NULL;
}

// ---- Looking up
// -----------------------------------------------------------------------------------

const PeFunction *pe_function_at(const PeSymbols *s, uint32_t rva) {
    uint32_t low = 0, high = s->n_functions; // the first that begins behind rva
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->functions[middle].begin <= rva)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && rva < s->functions[low - 1].end ? &s->functions[low - 1] : NULL;
}

static const PeExport *export_below(const PeSymbols *s, uint32_t rva) {
    uint32_t low = 0, high = s->n_exports;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->exports[middle].rva <= rva)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &s->exports[low - 1] : NULL;
}

static const PeRange *code_at(const PeSymbols *s, uint32_t rva) {
    for (uint32_t i = 0; i < s->n_code; i++) {
        if (rva >= s->code[i].begin && rva < s->code[i].end)
            return &s->code[i];
    }
    return NULL;
}

int pe_belongs(const PeSymbols *s, uint32_t rva, uint32_t symbol_rva) {
    const PeRange *code = code_at(s, rva);
    if (code == NULL)
        return -1;
    if (symbol_rva == rva)
        return 1;
    const PeFunction *f = pe_function_at(s, rva);
    if (f != NULL) {
        // An entry in the middle of a function is of that function as well.
        if (symbol_rva >= f->begin && symbol_rva < rva)
            return 1;
        if (f->owner != 0 && symbol_rva == f->owner)
            return 1;
    }
    return symbol_rva < rva && symbol_rva >= code->begin && rva - symbol_rva <= PE_GUESS_DISTANCE
               ? 0
               : -1;
}

bool pe_symbols_find(const PeSymbols *s, uint32_t rva, PeFound *ret) {
    const PeExport *e = export_below(s, rva);
    int belongs = e != NULL ? pe_belongs(s, rva, e->rva) : -1;
    const PeFunction *f = belongs < 1 ? pe_function_at(s, rva) : NULL;
    if (f != NULL && f->owner != 0 && f->owner != f->begin) {
        // The cold part of a function lies elsewhere: its name is that of its owner.
        const PeExport *owner = export_below(s, f->owner);
        if (owner != NULL && owner->rva == f->owner && pe_belongs(s, rva, owner->rva) == 1) {
            e = owner;
            belongs = 1;
        }
    }
    if (belongs < 0)
        return false;
    *ret = (PeFound){.name = e->name != NO_NAME ? s->names + e->name : NULL,
                     .ordinal = e->ordinal,
                     .rva = e->rva,
                     .guess = belongs == 0};
    return true;
}
