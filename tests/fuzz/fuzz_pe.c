// PE files and PDB identities read from memory, and every look-up in what came of it; input that is
// no PE file is a module's path and a search path as well.
#include "tests/fuzz/fuzz.h"

#include "client/lib/module_path.h"
#include "client/lib/pe_symbols.h"

#define LIMIT ((size_t)1 << 20)

static int read_input(void *user, uint64_t offset, void *buf, size_t bytes, size_t *ret_got) {
    const FuzzInput *in = user;
    size_t n = offset < in->left ? MIN_OF(bytes, in->left - (size_t)offset) : 0;
    if (n > 0)
        memcpy(buf, in->p + offset, n);
    *ret_got = n;
    return 0;
}

static void look_up(const PeSymbols *s, uint32_t rva) {
    PeFound f;
    if (!pe_symbols_find(s, rva, &f))
        return;
    fuzz_check(f.name == NULL || (strlen(f.name) > 0 && strlen(f.name) <= PE_MAX_NAME), "a name");
    fuzz_check(f.guess == (pe_belongs(s, rva, f.rva) != 1), "a guess is what is not proved");
    fuzz_check(!f.guess || (f.rva < rva && rva - f.rva <= PE_GUESS_DISTANCE), "it is near");
    fuzz_check(f.rva <= rva || pe_function_at(s, rva)->owner == f.rva, "or of the owner");
}

static void check_tables(const PeSymbols *s) {
    for (uint32_t i = 1; i < s->n_exports; i++)
        fuzz_check(s->exports[i - 1].rva < s->exports[i].rva, "exports are in order");
    for (uint32_t i = 0; i < s->n_functions; i++) {
        fuzz_check(s->functions[i].begin < s->functions[i].end, "bounds");
        fuzz_check(i == 0 || s->functions[i - 1].begin <= s->functions[i].begin, "in order");
    }
    uint64_t random = 1;
    for (uint32_t i = 0; i < s->n_exports && i < 256; i++) {
        look_up(s, s->exports[i].rva);
        look_up(s, s->exports[i].rva + fuzz_random(&random) % 4096);
    }
    for (uint32_t i = 0; i < s->n_functions && i < 256; i++) {
        look_up(s, s->functions[i].begin);
        look_up(s, s->functions[i].end - 1);
        look_up(s, s->functions[i].end);
    }
    for (uint32_t i = 0; i < 64; i++)
        look_up(s, fuzz_random(&random));
}

static void read_path(const uint8_t *data, size_t size) {
    char *text = mem_strndup((const char *)data, size);
    ModulePath *path = mem_alloc(sizeof *path);
    if (text == NULL || path == NULL)
        abort();
    if (module_path_parse(text, path)) {
        fuzz_check(path->n_parts > 0 && path->base == path->parts[path->n_parts - 1], "a file");
        for (uint32_t i = 0; i < path->n_parts; i++) {
            fuzz_check(module_part_ok(path->parts[i]), "each part may be opened");
            fuzz_check(strcmp(path->parts[i], "..") != 0 && strchr(path->parts[i], '/') == NULL,
                       "no part leads upwards");
        }
        fuzz_check((path->root == MODULE_UNC) == (path->server != NULL), "a server is told");
        fuzz_check(!path_is_network(text) || path->root == MODULE_UNC,
                   "what is a server's is told");
    }
    FolderList list = {0};
    if (folder_list_add(&list, text, ':', false) == 0) {
        for (uint32_t i = 0; i < list.n; i++)
            fuzz_check(!path_is_network(list.folders[i]), "no folder on a server");
    }
    folder_list_deinit(&list);
    mem_free(path);
    mem_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FuzzLeaks leaks = fuzz_leaks_begin();
    FuzzInput in = {data, size};
    PeSource source = {read_input, &in};
    Guid guid;
    (void)pdb_guid(&source, &guid);
    PeReader *pe;
    if (pe_open(&source, &pe) == 0) {
        PePdb pdb;
        if (pe_pdb(pe, &pdb))
            fuzz_check(strlen(pdb.name) < PE_MAX_PDB_NAME, "the PDB's name ends");
        PeSymbols *symbols;
        if (pe_symbols_load(pe, LIMIT, &symbols) == 0) {
            check_tables(symbols);
            fuzz_check(symbols->bytes <= LIMIT + (1u << 20), "the tables keep their limit");
            pe_symbols_free(symbols);
        }
        pe_close(pe);
    } else if (size < 8192) {
        read_path(data, size);
    }
    fuzz_leaks_end(&leaks);
    return 0;
}
