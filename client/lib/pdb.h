// Function names from PDB files, where the system can read them: DbgHelp on Windows; nothing on
// Linux.
//
// A PDB is given to DbgHelp by the path of a file that has been found and compared already: DbgHelp
// gets no search path of anybody's, and asks no server. It is single-threaded: calls from any
// thread are serialised by a lock of the process. A program that uses DbgHelp itself must not do so
// meanwhile.
#pragma once

#include "util/err.h"

#define PDB_NAME_MAX 2048u

typedef struct PdbSession PdbSession;

typedef struct PdbFound {
    char name[PDB_NAME_MAX]; // UTF-8, undecorated
    uint32_t rva, bytes;     // bytes: 0 unknown
    bool function;           // false: a public symbol, whose end is not known
} PdbFound;

// Errors: UNSUPPORTED (no DbgHelp on this system), NO_MEMORY.
int pdb_session_new(PdbSession **ret);
PdbSession *pdb_session_free(PdbSession *session); // NULL allowed; returns NULL
typedef struct PdbImage {
    const char *pdb_path;
    // The PE file, for a DbgHelp that cannot read a PDB without one; NULL: there is none, or what
    // its own PDB name says must not be followed.
    const char *pe_path;
    uint32_t bytes; // of the image
    bool is_32bit;
} PdbImage;

// *ret_base names the module in this session. Errors: NOT_FOUND, NO_MEMORY.
int pdb_load(PdbSession *session, const PdbImage *image, uint64_t *ret_base);
void pdb_unload(PdbSession *session, uint64_t base);
// The symbol at or below rva.
bool pdb_find(PdbSession *session, uint64_t base, uint32_t rva, PdbFound *ret);
// The variable of the environment that names more folders with PDB files, or NULL.
const char *pdb_environment(void);
