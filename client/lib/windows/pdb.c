// PDB files through DbgHelp.
#include "client/lib/pdb.h"

#include "platform/windows/win.h"

#include <dbghelp.h>

#include "platform/windows/text.h"
#include "util/mem.h"
#include "util/utf.h"

#ifndef SYMOPT_DISABLE_SYMSRV_AUTODETECT
#define SYMOPT_DISABLE_SYMSRV_AUTODETECT 0x02000000
#endif
#define OPTIONS                                                                                    \
    (SYMOPT_UNDNAME | SYMOPT_FAIL_CRITICAL_ERRORS | SYMOPT_NO_PROMPTS | SYMOPT_EXACT_SYMBOLS |     \
     SYMOPT_IGNORE_NT_SYMPATH | SYMOPT_IGNORE_IMAGEDIR | SYMOPT_DISABLE_SYMSRV_AUTODETECT)

// cvconst.h, which mingw does not have.
enum { TAG_FUNCTION = 5, TAG_PUBLIC = 10 };

// Modules get addresses of their own, one behind the other, with room between them, and never the
// same again. Those of 32 bits must lie below 4 GiB: when that is used up, such modules have
// exports only.
#define GRAIN UINT64_C(0x10000)
static const struct {
    uint64_t first, end;
} spaces[] = {{UINT64_C(0x100000000), UINT64_C(0x7000000000000000)}, {GRAIN, UINT64_C(0xffff0000)}};

typedef DWORD(WINAPI *SetOptions)(DWORD);
typedef BOOL(WINAPI *Initialize)(HANDLE, PCWSTR, BOOL);
typedef BOOL(WINAPI *Cleanup)(HANDLE);
typedef BOOL(WINAPI *SetSearchPath)(HANDLE, PCWSTR);
typedef DWORD64(WINAPI *LoadModule_)(HANDLE, HANDLE, PCWSTR, PCWSTR, DWORD64, DWORD, PMODLOAD_DATA,
                                     DWORD);
typedef BOOL(WINAPI *UnloadModule)(HANDLE, DWORD64);
typedef BOOL(WINAPI *FromAddress)(HANDLE, DWORD64, PDWORD64, PSYMBOL_INFOW);

struct PdbSession {
    HMODULE dll;
    SetOptions set_options;
    Initialize initialize;
    Cleanup cleanup;
    SetSearchPath set_search_path;
    LoadModule_ load;
    UnloadModule unload;
    FromAddress from_address;
    uint64_t next_base[2]; // by is_32bit
};

// One for the process, over all sessions: DbgHelp has one thread.
static SRWLOCK lock = SRWLOCK_INIT;

typedef void (*AnyFunction)(void);

static bool load_api(PdbSession *s) {
    // Never one that lies beside the program or in the current folder.
    s->dll = LoadLibraryExW(L"dbghelp.dll", NULL, LOAD_LIBRARY_SEARCH_SYSTEM32);
    if (s->dll == NULL)
        return false;
#define FUNCTION(name) (AnyFunction) GetProcAddress(s->dll, name)
    s->set_options = (SetOptions)FUNCTION("SymSetOptions");
    s->initialize = (Initialize)FUNCTION("SymInitializeW");
    s->cleanup = (Cleanup)FUNCTION("SymCleanup");
    s->set_search_path = (SetSearchPath)FUNCTION("SymSetSearchPathW");
    s->load = (LoadModule_)FUNCTION("SymLoadModuleExW");
    s->unload = (UnloadModule)FUNCTION("SymUnloadModule64");
    s->from_address = (FromAddress)FUNCTION("SymFromAddrW");
#undef FUNCTION
    return s->set_options && s->initialize && s->cleanup && s->set_search_path && s->load &&
           s->unload && s->from_address;
}

// SymInitialize wants a value that no other caller uses, not a process: the session's own address.
static HANDLE handle_of(PdbSession *session) {
    return (HANDLE)session;
}

int pdb_session_new(PdbSession **ret) {
    PdbSession *session = mem_zalloc(sizeof *session);
    if (session == NULL)
        return -STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < ARRAY_COUNT(spaces); i++)
        session->next_base[i] = spaces[i].first;
    AcquireSRWLockExclusive(&lock);
    // An empty path: with none DbgHelp takes the current folder and _NT_SYMBOL_PATH.
    bool good = load_api(session) && session->initialize(handle_of(session), L"", FALSE);
    ReleaseSRWLockExclusive(&lock);
    if (!good) {
        if (session->dll != NULL)
            FreeLibrary(session->dll);
        mem_free(session);
        return -STATUS_UNSUPPORTED;
    }
    *ret = session;
    return 0;
}

PdbSession *pdb_session_free(PdbSession *session) {
    if (session != NULL) {
        AcquireSRWLockExclusive(&lock);
        session->cleanup(handle_of(session));
        FreeLibrary(session->dll);
        ReleaseSRWLockExclusive(&lock);
        mem_free(session);
    }
    return NULL;
}

// A copy without the last component.
static wchar_t *folder_of(const wchar_t *path) {
    size_t units = wcslen(path);
    while (units > 0 && path[units] != L'\\' && path[units] != L'/')
        units--;
    wchar_t *folder = mem_array(units + 1, sizeof *folder);
    if (folder != NULL)
        memcpy(folder, path, units * sizeof *folder);
    return folder;
}

int pdb_load(PdbSession *session, const PdbImage *image, uint64_t *ret_base) {
    uint64_t base = session->next_base[image->is_32bit];
    if (image->bytes == 0 || spaces[image->is_32bit].end - base < image->bytes + 2 * GRAIN)
        return -STATUS_NOT_FOUND;
    HANDLE h = handle_of(session);
    wchar_t *pdb = text_wide(image->pdb_path);
    wchar_t *pe = image->pe_path != NULL ? text_wide(image->pe_path) : NULL;
    wchar_t *folder = pdb != NULL ? folder_of(pdb) : NULL;
    int result = -STATUS_NO_MEMORY;
    if (folder == NULL || (image->pe_path != NULL && pe == NULL))
        goto done;
    AcquireSRWLockExclusive(&lock);
    // Options are the process's: set before each use, as its other users may have their own.
    session->set_options(OPTIONS);
    DWORD64 loaded = session->load(h, NULL, pdb, NULL, base, image->bytes, NULL, 0);
    if (loaded == 0 && pe != NULL) {
        // Wine's reads a PDB only for a PE file. The folder of the one we found is the only place.
        session->set_search_path(h, folder);
        loaded = session->load(h, NULL, pe, NULL, base, image->bytes, NULL, 0);
        session->set_search_path(h, L"");
    }
    ReleaseSRWLockExclusive(&lock);
    result = loaded == base ? 0 : -STATUS_NOT_FOUND;
    if (result == 0) {
        session->next_base[image->is_32bit] =
            base + ((image->bytes + 2 * GRAIN - 1) & ~(GRAIN - 1));
        *ret_base = base;
    }
done:
    mem_free(folder);
    mem_free(pe);
    mem_free(pdb);
    return result;
}

void pdb_unload(PdbSession *session, uint64_t base) {
    AcquireSRWLockExclusive(&lock);
    session->unload(handle_of(session), base);
    ReleaseSRWLockExclusive(&lock);
}

bool pdb_find(PdbSession *session, uint64_t base, uint32_t rva, PdbFound *ret) {
    union {
        SYMBOL_INFOW info;
        uint8_t space[sizeof(SYMBOL_INFOW) + PDB_NAME_MAX * sizeof(wchar_t)];
    } u;
    memset(&u, 0, sizeof u);
    u.info.SizeOfStruct = sizeof u.info;
    u.info.MaxNameLen = PDB_NAME_MAX;
    DWORD64 displacement = 0;
    AcquireSRWLockExclusive(&lock);
    session->set_options(OPTIONS);
    BOOL found = session->from_address(handle_of(session), base + rva, &displacement, &u.info);
    ReleaseSRWLockExclusive(&lock);
    if (!found || u.info.Address < base || u.info.Address - base > rva ||
        (u.info.Tag != TAG_FUNCTION && u.info.Tag != TAG_PUBLIC))
        return false;
    ret->rva = (uint32_t)(u.info.Address - base);
    ret->bytes = u.info.Size;
    ret->function = u.info.Tag == TAG_FUNCTION && u.info.Size != 0;
    // NameLen counts what there is; what is given ends at the limit.
    utf16_to_utf8_fixed(ret->name, sizeof ret->name, u.info.Name,
                        utf16_length(u.info.Name, PDB_NAME_MAX - 1));
    // A function tells its end: DbgHelp gives its name behind that as well.
    return ret->name[0] != 0 && (!ret->function || rva - ret->rva < ret->bytes);
}

const char *pdb_environment(void) {
    return "_NT_SYMBOL_PATH";
}
