// The public functions of symbols: what stands in an EtwFrame becomes the identity of a module
// here, and nowhere else.
#include <assert.h>
#include <stdio.h>

#include "client/lib/internal.h"
#include "client/lib/symbols.h"

static_assert(sizeof(EtwGuid) == sizeof(Guid), "a GUID is its 16 bytes");

int32_t etw_symbols_open(const EtwSymbolsOptions *options, EtwSymbols **symbols) {
    if (!symbols || (options && !struct_ok(options->struct_size, sizeof *options)))
        return ETW_STATUS_INVALID_ARGUMENT;
    EtwSymbols *made = NULL;
    int r = options ? symbols_new(options->flags, options->path, options->cache_bytes, &made)
                    : symbols_new(0, NULL, 0, &made);
    *symbols = made;
    return r < 0 ? -r : ETW_STATUS_OK;
}

void etw_symbols_close(EtwSymbols *symbols) {
    symbols_free(symbols);
}

#define FRAME_OLD offsetof(EtwFrame, module_base) // a caller of the first version has no more

static ModuleIdentity identity_of(const EtwFrame *frame) {
    ModuleIdentity id = {.path = frame->module ? frame->module : "", .pdb_name = ""};
    if (!struct_ok(frame->struct_size, sizeof *frame))
        return id;
    id.size = frame->module_size;
    id.timestamp = frame->time_stamp;
    id.checksum = frame->checksum;
    if (frame->pdb_age != 0) {
        memcpy(id.pdb_guid.b, frame->pdb_guid.bytes, sizeof id.pdb_guid.b);
        id.pdb_age = frame->pdb_age;
        id.pdb_name = frame->pdb_name ? frame->pdb_name : "";
    }
    return id;
}

static int find(EtwSymbols *symbols, const EtwFrame *frame, SymbolFound *ret) {
    if (!symbols || !frame || !struct_ok(frame->struct_size, FRAME_OLD))
        return -STATUS_INVALID_ARGUMENT;
    ModuleIdentity module = identity_of(frame);
    return symbols_find(symbols, &module, frame->offset, ret);
}

int32_t etw_symbol(EtwSymbols *symbols, const EtwFrame *frame, EtwSymbol *symbol) {
    if (!symbol || !struct_ok(symbol->struct_size, sizeof *symbol))
        return ETW_STATUS_INVALID_ARGUMENT;
    SymbolFound found;
    int r = find(symbols, frame, &found);
    if (r < 0)
        return -r;
    symbol->flags = found.flags;
    symbol->displacement = found.displacement;
    symbol->name_bytes = found.name_bytes;
    symbol->reserved = 0;
    // OVERSIZE: the front is there, and name_bytes tells.
    (void)text_out(found.name, found.name_bytes, symbol->name, sizeof symbol->name, NULL);
    return ETW_STATUS_OK;
}

#define FOUND_TEXT (SYMBOL_NAME_MAX + 32u)

// "NtCreateFile+0x14", with "?" behind a guess; returns its bytes.
static size_t found_text(const SymbolFound *found, char text[FOUND_TEXT]) {
    int64_t d = found->displacement;
    int n = snprintf(text, FOUND_TEXT, "%s", found->name);
    if (d != 0)
        n += snprintf(text + n, FOUND_TEXT - (size_t)n, "%c0x%llx", d < 0 ? '-' : '+',
                      (unsigned long long)(d < 0 ? -d : d));
    if ((found->flags & ETW_SYMBOL_GUESS) != 0)
        n += snprintf(text + n, FOUND_TEXT - (size_t)n, "?");
    return (size_t)n;
}

int32_t etw_symbol_text(EtwSymbols *symbols, const EtwFrame *frame, char *buf, size_t cap,
                        size_t *need) {
    if (!buf && cap > 0)
        return ETW_STATUS_INVALID_ARGUMENT;
    SymbolFound found;
    int r = find(symbols, frame, &found);
    if (r < 0)
        return -r;
    char text[FOUND_TEXT];
    return text_out(text, found_text(&found, text), buf, cap, need);
}

bool symbols_frame_text(void *symbols, const FrameView *frame, Buf *out) {
    const ModuleView *m = frame->module;
    if (!m)
        return false;
    ModuleIdentity id = {.path = m->path,
                         .size = m->size,
                         .timestamp = m->timestamp,
                         .checksum = m->checksum,
                         .pdb_guid = m->pdb_guid,
                         .pdb_age = m->pdb_age,
                         .pdb_name = m->pdb_name};
    if (id.pdb_age == 0) {
        id.pdb_guid = (Guid){{0}};
        id.pdb_name = "";
    }
    SymbolFound found;
    if (symbols_find(symbols, &id, frame->offset, &found) < 0)
        return false;
    char text[FOUND_TEXT];
    buf_append(out, text, found_text(&found, text));
    return true;
}

int32_t etw_symbols_stats(EtwSymbols *symbols, EtwSymbolsStats *stats) {
    if (!symbols || !stats || !struct_ok(stats->struct_size, sizeof *stats))
        return ETW_STATUS_INVALID_ARGUMENT;
    symbols_stats(symbols, stats);
    return ETW_STATUS_OK;
}
