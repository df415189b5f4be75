// The functions that a PE file tells of itself: its exports, and the bounds of all functions from
// the exception directory (.pdata), by which a name is known to be the right one. Immutable once
// made; any thread.
#pragma once

#include "client/lib/pe.h"

#define PE_MAX_NAME 2048u // bytes of an export's name; longer ones have their ordinal only
// A name that the bounds do not prove is given at most so far from its address, in the same
// section.
#define PE_GUESS_DISTANCE 65536u

typedef struct PeExport {
    uint32_t rva;
    uint32_t name; // offset into names; UINT32_MAX: none
    uint32_t ordinal;
} PeExport;

// One entry of .pdata. owner: beginning of the function of which this is a part (chained unwind
// information); 0: a part whose function is not told.
typedef struct PeFunction {
    uint32_t begin, end, owner;
} PeFunction;

typedef struct PeRange {
    uint32_t begin, end;
} PeRange;

typedef struct PeSymbols {
    PeExport *exports; // code only, no forwarders; by rva, one for each
    uint32_t n_exports;
    PeFunction *functions; // by begin
    uint32_t n_functions;
    bool bounded; // functions hold for this machine: without them no name is certain
    PeRange *code;
    uint32_t n_code;
    char *names;
    size_t bytes; // heap
} PeSymbols;

typedef struct PeFound {
    const char *name; // NULL: by ordinal
    uint32_t ordinal;
    uint32_t rva;
    bool guess;
} PeFound;

// limit: heap bytes of the result; names and bounds beyond their share of it are left out. A
// damaged directory counts as absent. Errors: NO_MEMORY.
int pe_symbols_load(PeReader *pe, size_t limit, PeSymbols **ret);
PeSymbols *pe_symbols_free(PeSymbols *symbols); // NULL allowed; returns NULL
// The export whose code holds rva. False: none that is worth telling.
bool pe_symbols_find(const PeSymbols *symbols, uint32_t rva, PeFound *ret);
// Part of a function by the file's own bounds; NULL: none known.
const PeFunction *pe_function_at(const PeSymbols *symbols, uint32_t rva);
// Whether rva belongs to what begins at symbol_rva, at or below it or at the owner of its part:
// 1 proved, 0 possible (a guess), -1 no.
int pe_belongs(const PeSymbols *symbols, uint32_t rva, uint32_t symbol_rva);
