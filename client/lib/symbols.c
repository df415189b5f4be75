// The cache of modules and the look-up in it. Everything is under one lock, opening of files too: a
// second thread that reads a stack would need the same modules.
#include "client/lib/symbols.h"

#include <stdio.h>

#include "client/lib/module_files.h"
#include "client/lib/symbol_files.h"
#include "platform/args.h"
#include "platform/thread.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/utf.h"

#define CACHE_BYTES     (UINT64_C(64) << 20)
#define CACHE_BYTES_MIN (UINT64_C(4) << 20)
#define ENVIRONMENT_MAX 32768u
#define MAX_PDBS        64u // open at a time: what DbgHelp takes for them is not ours to count
// What the map takes for an entry beside its key.
#define MAP_ENTRY_BYTES (sizeof(MapEntry) + 3 * sizeof(uint32_t))

// A module looked for: with symbols, a PDB, both, or neither (it was not found).
typedef struct Module {
    struct Module *newer, *older; // least recently used last
    void *key;
    uint32_t key_bytes;
    size_t bytes;
    PeSymbols *symbols;
    bool verified;
    bool has_pdb;
    uint64_t pdb_base;
} Module;

struct EtwSymbols {
    PlatMutex *mutex;
    SymbolPlaces places;
    uint64_t limit;
    Map modules;
    Module *newest, *oldest;
    uint32_t n_pdbs;
    PdbSession *session; // made for the first PDB
    bool session_tried;
    EtwSymbolsStats stats;
};

// ---- Making one
// -----------------------------------------------------------------------------------

static int add_environment(const char *name, FolderList *list, bool allow_network) {
    char *value = mem_alloc(ENVIRONMENT_MAX);
    if (value == NULL)
        return -STATUS_NO_MEMORY;
    int result = 0;
    if (plat_env(name, value, ENVIRONMENT_MAX) != NULL)
        result = folder_list_add(list, value, module_list_separator(), allow_network);
    mem_free(value);
    // A list that is too long is the environment's affair: its first folders serve.
    return result == -STATUS_OVERSIZE ? 0 : result;
}

static int add_folders(EtwSymbols *s, const char *path) {
    SymbolPlaces *p = &s->places;
    int result;
    if (path != NULL) {
        result = folder_list_add(&p->folders, path, module_list_separator(), p->allow_network);
        if (result == 0 && p->folders.refused > 0)
            result = -STATUS_DENIED;
        return result == -STATUS_OVERSIZE ? -STATUS_INVALID_ARGUMENT : result;
    }
    result = add_environment("ETW_SYMBOL_PATH", &p->folders, p->allow_network);
    if (result == 0 && pdb_environment() != NULL)
        result = add_environment(pdb_environment(), &p->pdb_folders, p->allow_network);
    p->refused += p->folders.refused + p->pdb_folders.refused;
    return result;
}

int symbols_new(uint32_t flags, const char *path, uint64_t cache_bytes, EtwSymbols **ret) {
    EtwSymbols *s = mem_zalloc(sizeof *s);
    if (s == NULL)
        return -STATUS_NO_MEMORY;
    s->limit = MAX_OF(cache_bytes != 0 ? cache_bytes : CACHE_BYTES, CACHE_BYTES_MIN);
    s->places.allow_network = (flags & ETW_SYMBOLS_ALLOW_UNC) != 0;
    s->places.pdb = (flags & ETW_SYMBOLS_NO_PDB) == 0;
    // LOCAL is what Windows does anyway; on Linux no module has a file of its own path.
    s->places.local = (flags & ETW_SYMBOLS_NO_LOCAL) == 0;
    int result = add_folders(s, path);
    if (result == 0) {
        s->mutex = plat_mutex_new();
        result = s->mutex != NULL ? 0 : -STATUS_NO_MEMORY;
    }
    if (result != 0) {
        symbols_free(s);
        return result;
    }
    *ret = s;
    return 0;
}

static void drop(EtwSymbols *s, Module *m) {
    if (m->newer != NULL)
        m->newer->older = m->older;
    else if (s->newest == m)
        s->newest = m->older;
    if (m->older != NULL)
        m->older->newer = m->newer;
    else if (s->oldest == m)
        s->oldest = m->newer;
    map_remove(&s->modules, m->key, m->key_bytes);
    if (m->has_pdb) {
        pdb_unload(s->session, m->pdb_base);
        s->n_pdbs--;
    }
    s->stats.bytes -= m->bytes;
    if (m->symbols != NULL || m->has_pdb)
        s->stats.modules--;
    else
        s->stats.negative--;
    pe_symbols_free(m->symbols);
    mem_free(m->key);
    mem_free(m);
}

EtwSymbols *symbols_free(EtwSymbols *s) {
    if (s != NULL) {
        while (s->oldest != NULL)
            drop(s, s->oldest);
        map_deinit(&s->modules);
        pdb_session_free(s->session);
        folder_list_deinit(&s->places.folders);
        folder_list_deinit(&s->places.pdb_folders);
        plat_mutex_free(s->mutex);
        mem_free(s);
    }
    return NULL;
}

// ---- Modules
// --------------------------------------------------------------------------------------

static void make_key(const ModuleIdentity *module, Buf *key) {
    buf_u64(key, module->size);
    buf_u32(key, module->timestamp);
    buf_u32(key, module->checksum);
    buf_append(key, module->pdb_guid.b, sizeof module->pdb_guid.b);
    buf_u32(key, module->pdb_age);
    // A path beyond the limit is refused, whatever follows.
    buf_append(key, module->path, strnlen(module->path, MODULE_PATH_MAX));
    buf_char(key, 0);
    buf_append(key, module->pdb_name, strnlen(module->pdb_name, PE_MAX_PDB_NAME));
}

static void push_newest(EtwSymbols *s, Module *m) {
    m->newer = NULL;
    m->older = s->newest;
    if (s->newest != NULL)
        s->newest->newer = m;
    else
        s->oldest = m;
    s->newest = m;
}

static void touch(EtwSymbols *s, Module *m) {
    if (s->newest == m)
        return;
    m->newer->older = m->older;
    if (m->older != NULL)
        m->older->newer = m->newer;
    else
        s->oldest = m->newer;
    push_newest(s, m);
}

static void evict(EtwSymbols *s, Module *but) {
    while (s->oldest != but && s->stats.bytes > s->limit) {
        s->stats.evicted++;
        drop(s, s->oldest);
    }
    for (Module *m = s->oldest; s->n_pdbs > MAX_PDBS && m != but;) {
        Module *newer = m->newer;
        if (m->has_pdb) {
            s->stats.evicted++;
            drop(s, m);
        }
        m = newer;
    }
}

static int load_pdb(EtwSymbols *s, const ModuleFiles *files, Module *m) {
    if (!s->places.pdb || !files->has_pdb)
        return 0;
    if (!s->session_tried) {
        int result = pdb_session_new(&s->session);
        if (result == -STATUS_NO_MEMORY)
            return result;
        s->session_tried = true;
    }
    if (s->session == NULL)
        return 0;
    uint64_t bytes = 0;
    int result = symbol_files_load_pdb(&s->places, files, s->session, &m->pdb_base, &bytes);
    if (result == 0) {
        m->has_pdb = true;
        // DbgHelp's memory is guessed by the file's size.
        m->bytes += (size_t)MIN_OF(bytes, s->limit / 8);
    }
    return result == -STATUS_NO_MEMORY ? result : 0;
}

static int load(EtwSymbols *s, const ModuleIdentity *module, const Buf *key, Module **ret) {
    Module *m = mem_zalloc(sizeof *m);
    if (m == NULL)
        return -STATUS_NO_MEMORY;
    ModuleFiles files = {0};
    m->key = mem_dup(key->data, key->bytes);
    m->key_bytes = (uint32_t)key->bytes;
    int result = m->key != NULL ? 0 : -STATUS_NO_MEMORY;
    if (result == 0)
        result = symbol_files_find(&s->places, module, (size_t)s->limit, &files);
    if (result == 0)
        result = load_pdb(s, &files, m);
    if (result == 0)
        result = map_set(&s->modules, m->key, m->key_bytes, m);
    if (result == 0) {
        m->symbols = files.symbols;
        files.symbols = NULL;
        m->verified = files.verified;
        m->bytes += sizeof *m + 2 * key->bytes + MAP_ENTRY_BYTES +
                    (m->symbols != NULL ? m->symbols->bytes : 0);
        s->stats.bytes += m->bytes;
        if (m->has_pdb)
            s->n_pdbs++;
        if (m->symbols != NULL || m->has_pdb)
            s->stats.modules++;
        else
            s->stats.negative++;
        push_newest(s, m);
        evict(s, m);
        *ret = m;
    } else {
        if (m->has_pdb)
            pdb_unload(s->session, m->pdb_base);
        mem_free(m->key);
        mem_free(m);
    }
    module_files_deinit(&files);
    return result;
}

static int module_of(EtwSymbols *s, const ModuleIdentity *module, Module **ret) {
    Buf key = BUF_INIT;
    make_key(module, &key);
    int result = key.failed ? -STATUS_NO_MEMORY : 0;
    Module *m = result == 0 ? map_get(&s->modules, key.data, key.bytes) : NULL;
    if (m != NULL) {
        s->stats.hits++;
        touch(s, m);
        *ret = m;
    } else if (result == 0) {
        s->stats.misses++;
        result = load(s, module, &key, ret);
    }
    buf_deinit(&key);
    return result;
}

// ---- Looking up
// -----------------------------------------------------------------------------------

// The name as text that may be shown: what is no character, or controls a terminal, becomes U+FFFD.
static void set_name(SymbolFound *ret, const char *name) {
    const char *end = name + strlen(name);
    uint32_t n = 0;
    while (name < end) {
        uint32_t cp;
        char out[4];
        name += utf8_next(name, end, &cp);
        if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0xd800 && cp < 0xe000))
            cp = 0xfffd;
        size_t bytes = utf8_put(out, cp);
        if (n + bytes > SYMBOL_NAME_MAX)
            break;
        memcpy(ret->name + n, out, bytes);
        n += (uint32_t)bytes;
    }
    ret->name[n] = 0;
    ret->name_bytes = n;
}

// As pe_belongs, when there may be no PE file.
static int belongs(const Module *m, uint32_t rva, uint32_t symbol_rva) {
    if (m->symbols != NULL)
        return pe_belongs(m->symbols, rva, symbol_rva);
    if (symbol_rva == rva)
        return 1;
    return rva - symbol_rva <= PE_GUESS_DISTANCE ? 0 : -1;
}

// What the PDB says: 1 proved, 0 a guess, -1 nothing.
static int find_pdb(EtwSymbols *s, const Module *m, uint32_t rva, PdbFound *ret) {
    if (!m->has_pdb)
        return -1;
    int proof = -1;
    if (pdb_find(s->session, m->pdb_base, rva, ret))
        proof = ret->function ? 1 : belongs(m, rva, ret->rva);
    if (proof == 1)
        return 1;
    // A cold part has no symbol of its own: the function that owns it may.
    const PeFunction *f = m->symbols != NULL ? pe_function_at(m->symbols, rva) : NULL;
    PdbFound owner;
    if (f != NULL && f->owner != 0 && f->owner != f->begin &&
        pdb_find(s->session, m->pdb_base, f->owner, &owner) && owner.rva == f->owner) {
        *ret = owner;
        return 1;
    }
    return proof;
}

static bool find(EtwSymbols *s, const Module *m, uint32_t rva, SymbolFound *ret) {
    PdbFound pdb;
    PeFound pe;
    int proof = find_pdb(s, m, rva, &pdb);
    bool has_pe = proof < 1 && m->symbols != NULL && pe_symbols_find(m->symbols, rva, &pe);
    // Of two guesses the nearer one.
    if (has_pe && (proof < 0 || !pe.guess || pe.rva > pdb.rva)) {
        char ordinal[16];
        snprintf(ordinal, sizeof ordinal, "#%u", (unsigned)pe.ordinal);
        set_name(ret, pe.name != NULL ? pe.name : ordinal);
        ret->displacement = (int64_t)rva - pe.rva;
        ret->flags = ETW_SYMBOL_EXPORTS | (pe.guess ? ETW_SYMBOL_GUESS : 0u);
    } else if (proof >= 0) {
        set_name(ret, pdb.name);
        ret->displacement = (int64_t)rva - pdb.rva;
        ret->flags = ETW_SYMBOL_PDB | (proof == 0 ? ETW_SYMBOL_GUESS : 0u);
    } else {
        return false;
    }
    if (!m->verified)
        ret->flags |= ETW_SYMBOL_GUESS;
    return true;
}

int symbols_find(EtwSymbols *s, const ModuleIdentity *module, uint64_t offset, SymbolFound *ret) {
    if (module->path[0] == 0 || offset > UINT32_MAX)
        return -STATUS_NOT_FOUND;
    plat_mutex_lock(s->mutex);
    s->stats.lookups++;
    Module *m = NULL;
    int result = module_of(s, module, &m);
    if (result == 0) {
        if (find(s, m, (uint32_t)offset, ret)) {
            s->stats.found++;
            if ((ret->flags & ETW_SYMBOL_GUESS) != 0)
                s->stats.guesses++;
        } else {
            result = -STATUS_NOT_FOUND;
        }
    }
    plat_mutex_unlock(s->mutex);
    return result;
}

void symbols_stats(EtwSymbols *s, EtwSymbolsStats *ret) {
    plat_mutex_lock(s->mutex);
    uint32_t size = ret->struct_size;
    *ret = s->stats;
    ret->struct_size = size;
    ret->opened = s->places.opened;
    ret->refused = s->places.refused;
    ret->limit = s->limit;
    plat_mutex_unlock(s->mutex);
}
