// PE and PDB files made by hand, for the tests of symbols.
#pragma once

#include "client/lib/pe.h"
#include "unit/client/temp.h"

// Where things are: memory and file have the same offsets.
#define MAKE_TEXT 0x1000u // code; its bytes are all 0
#define MAKE_GAP  0x1000u // behind the code a data section

typedef struct MadeExport {
    const char *name; // NULL: by ordinal only
    uint32_t rva;     // 0: a hole in the table
    const char *forward;
} MadeExport;

typedef struct MadeFunction {
    uint32_t begin, end;
    // x64: 0 plain unwind information; else the begin of the entry that it is chained to
    uint32_t chain;
    bool indirect; // chained by the low bit of the unwind address
    uint32_t word; // ARM64: the second word as it is; 0: an .xdata record made of the bounds
} MadeFunction;

typedef struct PeMade {
    uint16_t machine;    // 0: x64
    uint32_t code_bytes; // 0: 0x1000; whole pages
    uint32_t timestamp, checksum;
    uint32_t base; // ordinal of the first export; 0: 1
    const MadeExport *exports;
    uint32_t n_exports;
    const MadeFunction *functions;
    uint32_t n_functions;
    const char *pdb; // NULL: no debug directory
    Guid guid;
    uint32_t age;
} PeMade;

typedef struct PeMadeInfo {
    uint32_t image_bytes, data; // rva of the data section
    uint32_t export_directory;
    uint32_t debug_directory, exception_directory; // rva; 0: none
} PeMadeInfo;

void pe_make(const PeMade *made, Buf *out, PeMadeInfo *ret);
// A PDB file with nothing but its identity.
void pdb_make(const Guid *guid, uint32_t age, Buf *out);
// A reader over bytes in memory.
PeSource pe_memory(Buf *bytes);
