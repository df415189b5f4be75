// The files of one module: the PE file of its identity, and the PDB file that belongs to that.
// Called under the lock of an EtwSymbols.
#pragma once

#include "client/lib/module_path.h"
#include "client/lib/pdb.h"
#include "client/lib/pe_symbols.h"
#include "client/lib/symbols.h"

typedef struct SymbolPlaces {
    FolderList folders;     // for PE and PDB files
    FolderList pdb_folders; // for PDB files only
    bool allow_network;
    bool local; // the module's own path too
    bool pdb;
    uint64_t opened, refused; // counters
} SymbolPlaces;

typedef struct ModuleFiles {
    PeSymbols *symbols; // NULL: no PE file
    char *pe_path;      // NULL: none
    uint32_t image_bytes;
    bool is_32bit;
    PePdb pdb;
    bool has_pdb;  // pdb is set: by the PE file, else by the trace
    bool verified; // the trace told an identity, and the files have it
} ModuleFiles;

// limit: for the tables. Nothing found is not an error. Errors: NO_MEMORY.
int symbol_files_find(SymbolPlaces *places, const ModuleIdentity *module, size_t limit,
                      ModuleFiles *ret);
void module_files_deinit(ModuleFiles *files);
// Opens the PDB of files with DbgHelp. Errors: NOT_FOUND, NO_MEMORY.
int symbol_files_load_pdb(SymbolPlaces *places, const ModuleFiles *files, PdbSession *session,
                          uint64_t *ret_base, uint64_t *ret_bytes);
