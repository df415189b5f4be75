#include "client/lib/symbol_files.h"

#include <stdio.h>

#include "client/lib/module_files.h"
#include "platform/file.h"
#include "util/mem.h"

static int read_file(void *user, uint64_t offset, void *buf, size_t bytes, size_t *ret_got) {
    return plat_file_read_at(user, offset, buf, bytes, ret_got, NULL);
}

// 0; 1: it cannot be opened; -STATUS_NO_MEMORY.
static int open_file(SymbolPlaces *places, const char *path, PlatFile **ret) {
    int result = plat_file_open(path, ret, NULL);
    if (result == 0)
        places->opened++;
    return result == 0 || result == -STATUS_NO_MEMORY ? result : 1;
}

// ---- Which file it is
// -----------------------------------------------------------------------------

typedef enum Match { MATCH_NO = 0, MATCH_UNKNOWN, MATCH_YES } Match;

static uint64_t pages(uint64_t bytes) {
    return bytes > UINT64_MAX - 0xfff ? UINT64_MAX : (bytes + 0xfff) & ~UINT64_C(0xfff);
}

// pdb: NULL when the file names none.
static Match match(const ModuleIdentity *module, const PeHeader *header, const PePdb *pdb) {
    bool has_guid = !guid_is_null(&module->pdb_guid);
    // The size of a mapping: whole pages.
    if (module->size != 0 && pages(module->size) != pages(header->image_bytes))
        return MATCH_NO;
    if (module->timestamp != 0 && module->timestamp != header->timestamp)
        return MATCH_NO;
    if (module->checksum != 0 && header->checksum != 0 && module->checksum != header->checksum)
        return MATCH_NO;
    if (has_guid && pdb != NULL &&
        (!guid_equal(&module->pdb_guid, &pdb->guid) || module->pdb_age != pdb->age))
        return MATCH_NO;
    // A time stamp alone, as the size, may be another file's.
    return (module->timestamp != 0 && module->size != 0) || (has_guid && pdb != NULL)
               ? MATCH_YES
               : MATCH_UNKNOWN;
}

// 0: taken; 1: it is not this file; -STATUS_NO_MEMORY.
static int take_pe(SymbolPlaces *places, const ModuleIdentity *module, const char *path,
                   size_t limit, ModuleFiles *ret) {
    PlatFile *file = NULL;
    int result = open_file(places, path, &file);
    if (result != 0)
        return result;
    PeSource source = {read_file, file};
    PeReader *pe = NULL;
    result = pe_open(&source, &pe);
    if (result == -STATUS_FORMAT)
        result = 1;
    if (result == 0) {
        ret->has_pdb = pe_pdb(pe, &ret->pdb);
        Match m = match(module, pe_header(pe), ret->has_pdb ? &ret->pdb : NULL);
        if (m == MATCH_NO)
            result = 1;
        ret->verified = m == MATCH_YES;
        ret->image_bytes = pe_header(pe)->image_bytes;
        ret->is_32bit = !pe_header(pe)->pe32_plus;
    }
    if (result == 0) {
        ret->pe_path = mem_strdup(path);
        result =
            ret->pe_path != NULL ? pe_symbols_load(pe, limit, &ret->symbols) : -STATUS_NO_MEMORY;
    }
    if (result != 0)
        module_files_deinit(ret);
    pe_close(pe);
    plat_file_close(file);
    return result;
}

// ---- Where it may be
// ------------------------------------------------------------------------------

// folder and parts of it, as the disk spells them. 0; 1: not there; -STATUS_NO_MEMORY.
static int walk(const SymbolPlaces *places, Buf *path, const char *folder, const char *const *parts,
                uint32_t n) {
    bool there = true;
    buf_clear(path);
    buf_text(path, folder);
    for (uint32_t i = 0; i < n && there; i++)
        there = module_entry(path, parts[i], places->allow_network);
    return path->failed ? -STATUS_NO_MEMORY : there ? 0 : 1;
}

typedef struct PeSearch {
    SymbolPlaces *places;
    const ModuleIdentity *module;
    const ModulePath *where;
    size_t limit;
    Buf path;
    ModuleFiles *ret;
} PeSearch;

static int try_pe(PeSearch *s, const char *folder, const char *const *parts, uint32_t n) {
    int result = walk(s->places, &s->path, folder, parts, n);
    return result == 0 ? take_pe(s->places, s->module, buf_str(&s->path), s->limit, s->ret)
                       : result;
}

static int find_in_folders(PeSearch *s) {
    const ModuleIdentity *module = s->module;
    const ModulePath *where = s->where;
    char store[32];
    snprintf(store, sizeof store, "%08X%x", (unsigned)module->timestamp, (unsigned)module->size);
    bool has_store = module->timestamp != 0 && module->size != 0 && module->size <= UINT32_MAX;
    const char *const in_store[] = {where->base, store, where->base};
    // As on the machine of the trace, whose system folder has its usual name here.
    const char *full[MODULE_PARTS_MAX + 1] = {"Windows"};
    memcpy(full + 1, where->parts, where->n_parts * sizeof full[0]);
    bool in_system = where->root == MODULE_SYSTEM;
    const char *const *parts = in_system ? full : where->parts;
    uint32_t n_parts = where->n_parts + (in_system ? 1u : 0u);
    int result = 1;
    for (uint32_t i = 0; i < s->places->folders.n && result == 1; i++) {
        const char *folder = s->places->folders.folders[i];
        if (has_store)
            result = try_pe(s, folder, in_store, 3);
        if (result == 1)
            result = try_pe(s, folder, &where->base, 1);
        if (result == 1 && n_parts > 1)
            result = try_pe(s, folder, parts, n_parts);
    }
    return result;
}

static int find_local(PeSearch *s) {
    SymbolPlaces *places = s->places;
    if (!places->local)
        return 1;
    if (s->where->root == MODULE_UNC && !places->allow_network) {
        places->refused++;
        return 1;
    }
    int result = 1;
    for (uint32_t i = 0; result == 1; i++) {
        buf_clear(&s->path);
        if (!module_local(s->where, i, places->allow_network, &s->path))
            break;
        if (s->path.failed)
            result = -STATUS_NO_MEMORY;
        else if (s->path.bytes > 0)
            result = take_pe(places, s->module, buf_str(&s->path), s->limit, s->ret);
    }
    return result;
}

// Without its PE file a module may still have its PDB, when the trace tells which.
static void pdb_of_trace(const ModuleIdentity *module, ModuleFiles *ret) {
    size_t bytes = strlen(module->pdb_name);
    if (guid_is_null(&module->pdb_guid) || bytes == 0 || bytes >= sizeof ret->pdb.name ||
        module->size == 0 || module->size > UINT32_MAX)
        return;
    ret->pdb.guid = module->pdb_guid;
    ret->pdb.age = module->pdb_age;
    memcpy(ret->pdb.name, module->pdb_name, bytes + 1);
    ret->image_bytes = (uint32_t)module->size;
    ret->has_pdb = true;
    ret->verified = true;
}

int symbol_files_find(SymbolPlaces *places, const ModuleIdentity *module, size_t limit,
                      ModuleFiles *ret) {
    *ret = (ModuleFiles){0};
    ModulePath *where = mem_alloc(sizeof *where);
    if (where == NULL)
        return -STATUS_NO_MEMORY;
    int result = 1;
    PeSearch search = {places, module, where, limit, BUF_INIT, ret};
    if (module_path_parse(module->path, where)) {
        result = find_in_folders(&search);
        if (result == 1)
            result = find_local(&search);
    } else {
        places->refused++;
    }
    buf_deinit(&search.path);
    mem_free(where);
    if (result == 1)
        pdb_of_trace(module, ret);
    return result < 0 ? result : 0;
}

void module_files_deinit(ModuleFiles *files) {
    mem_free(files->pe_path);
    pe_symbols_free(files->symbols);
    *files = (ModuleFiles){0};
}

// ---- Its PDB
// --------------------------------------------------------------------------------------

// The PE file may be given to DbgHelp, which may open what its PDB name says.
static bool pdb_name_is_safe(const SymbolPlaces *places, const char *name) {
    if (places->allow_network)
        return true;
    ModulePath *where = mem_alloc(sizeof *where);
    Buf ignored = BUF_INIT;
    bool safe = where != NULL && !path_is_network(name) && module_path_parse(name, where) &&
                (where->root == MODULE_RELATIVE || where->root == MODULE_ROOTED ||
                 (where->root == MODULE_DRIVE && module_local(where, 0, false, &ignored)));
    buf_deinit(&ignored);
    mem_free(where);
    return safe;
}

// 0: loaded; 1: it is not this file; -STATUS_NO_MEMORY.
static int take_pdb(SymbolPlaces *places, const ModuleFiles *files, PdbSession *session,
                    const char *path, uint64_t *ret_base, uint64_t *ret_bytes) {
    PlatFile *file = NULL;
    int result = open_file(places, path, &file);
    if (result != 0)
        return result;
    PeSource source = {read_file, file};
    Guid guid;
    uint64_t bytes = plat_file_size(file);
    bool same = pdb_guid(&source, &guid) && guid_equal(&guid, &files->pdb.guid);
    plat_file_close(file);
    if (!same)
        return 1;
    PdbImage image = {path, files->pe_path, files->image_bytes, files->is_32bit};
    if (image.pe_path != NULL && !pdb_name_is_safe(places, files->pdb.name))
        image.pe_path = NULL;
    result = pdb_load(session, &image, ret_base);
    if (result == 0)
        *ret_bytes = bytes;
    return result == -STATUS_NO_MEMORY || result == 0 ? result : 1;
}

static const char *base_of(const char *path) {
    const char *base = path;
    for (const char *p = path; *p != 0; p++) {
        if (*p == '\\' || *p == '/')
            base = p + 1;
    }
    return base;
}

typedef struct PdbSearch {
    SymbolPlaces *places;
    const ModuleFiles *files;
    PdbSession *session;
    Buf path;
    uint64_t *ret_base, *ret_bytes;
} PdbSearch;

static int try_path(PdbSearch *s) {
    return take_pdb(s->places, s->files, s->session, buf_str(&s->path), s->ret_base, s->ret_bytes);
}

static int try_pdb(PdbSearch *s, const char *folder, const char *const *parts, uint32_t n) {
    int result = walk(s->places, &s->path, folder, parts, n);
    return result == 0 ? try_path(s) : result;
}

static int find_pdb_in(PdbSearch *s, const FolderList *list, const char *base) {
    const uint8_t *g = s->files->pdb.guid.b;
    char store[48];
    snprintf(store, sizeof store, "%08X%04X%04X%02X%02X%02X%02X%02X%02X%02X%02X%x",
             (unsigned)load_u32(g), load_u16(g + 4), load_u16(g + 6), g[8], g[9], g[10], g[11],
             g[12], g[13], g[14], g[15], (unsigned)s->files->pdb.age);
    const char *const in_store[] = {base, store, base};
    int result = 1;
    for (uint32_t i = 0; i < list->n && result == 1; i++) {
        result = try_pdb(s, list->folders[i], in_store, 3);
        if (result == 1)
            result = try_pdb(s, list->folders[i], &base, 1);
    }
    return result;
}

// Beside the PE file, where programs are built and installed.
static int find_pdb_beside(PdbSearch *s, const char *base) {
    const char *pe_path = s->files->pe_path;
    if (pe_path == NULL)
        return 1;
    buf_clear(&s->path);
    size_t folder = (size_t)(base_of(pe_path) - pe_path);
    if (folder == 0)
        return 1;
    buf_append(&s->path, pe_path, folder - 1);
    bool there = module_entry(&s->path, base, s->places->allow_network);
    return s->path.failed ? -STATUS_NO_MEMORY : there ? try_path(s) : 1;
}

// Where the linker wrote it: on the machine that has built the program.
static int find_pdb_local(PdbSearch *s) {
    if (!s->places->local)
        return 1;
    ModulePath *where = mem_alloc(sizeof *where);
    if (where == NULL)
        return -STATUS_NO_MEMORY;
    int result = 1;
    buf_clear(&s->path);
    if (module_path_parse(s->files->pdb.name, where) && where->root == MODULE_DRIVE &&
        module_local(where, 0, s->places->allow_network, &s->path)) {
        if (s->path.failed)
            result = -STATUS_NO_MEMORY;
        else if (s->path.bytes > 0)
            result = try_path(s);
    }
    mem_free(where);
    return result;
}

int symbol_files_load_pdb(SymbolPlaces *places, const ModuleFiles *files, PdbSession *session,
                          uint64_t *ret_base, uint64_t *ret_bytes) {
    const char *base = base_of(files->pdb.name);
    if (!files->has_pdb || !module_part_ok(base))
        return -STATUS_NOT_FOUND;
    PdbSearch s = {places, files, session, BUF_INIT, ret_base, ret_bytes};
    int result = find_pdb_beside(&s, base);
    if (result == 1)
        result = find_pdb_in(&s, &places->folders, base);
    if (result == 1)
        result = find_pdb_in(&s, &places->pdb_folders, base);
    if (result == 1)
        result = find_pdb_local(&s);
    buf_deinit(&s.path);
    return result == 1 ? -STATUS_NOT_FOUND : result;
}
