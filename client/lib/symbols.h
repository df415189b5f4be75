// The symbol engine under etw_symbol: finds the files of modules, keeps their tables by identity,
// and names the function at an offset. The file that reads EtwFrame is symbols_api.c alone.
#pragma once

#include "client/etwclient.h"
#include "client/lib/pe.h"
#include "event/enriched.h"

#define SYMBOL_NAME_MAX 2048u // bytes without the NUL

// What a trace tells of a module; text is untrusted and never NULL.
typedef struct ModuleIdentity {
    const char *path;
    uint64_t size;                // of the image; 0: unknown
    uint32_t timestamp, checksum; // of its PE header; 0: unknown
    Guid pdb_guid;                // null: unknown
    uint32_t pdb_age;
    const char *pdb_name; // "" unknown
} ModuleIdentity;

typedef struct SymbolFound {
    uint32_t flags; // ETW_SYMBOL_*
    int64_t displacement;
    uint32_t name_bytes;
    char name[SYMBOL_NAME_MAX + 1];
} SymbolFound;

// path NULL: from the environment. Errors: DENIED, INVALID_ARGUMENT, NO_MEMORY.
int symbols_new(uint32_t flags, const char *path, uint64_t cache_bytes, EtwSymbols **ret);
EtwSymbols *symbols_free(EtwSymbols *symbols); // NULL allowed; returns NULL
// Any thread. Errors: NOT_FOUND, NO_MEMORY.
int symbols_find(EtwSymbols *symbols, const ModuleIdentity *module, uint64_t offset,
                 SymbolFound *ret);
void symbols_stats(EtwSymbols *symbols, EtwSymbolsStats *ret); // all but struct_size
// For enriched_json (symbols: an EtwSymbols): what etw_symbol_text says of a frame.
bool symbols_frame_text(void *symbols, const FrameView *frame, Buf *out);
