// The mount table of Windows: the object manager's links (QueryDosDevice) and the mount manager's
// volumes.
#include "platform/mounts.h"

#include "platform/windows/win.h"

#include "platform/windows/text.h"
#include "util/mem.h"

#define ROOM 32768u // units; no link's target is longer

typedef struct Table {
    void (*each)(void *user, const char *nt_path, const char *dos_path);
    void *user;
    wchar_t *target; // ROOM
    wchar_t *names;  // ROOM
} Table;

static int tell(const Table *table, const wchar_t *nt_path, const wchar_t *dos_path) {
    char *nt = text_utf8(nt_path), *dos = text_utf8(dos_path);
    if (nt != NULL && dos != NULL)
        table->each(table->user, nt, dos);
    int result = nt != NULL && dos != NULL ? 0 : -STATUS_NO_MEMORY;
    mem_free(nt);
    mem_free(dos);
    return result;
}

// The device behind a name like "C:" or "Volume{…}", in table->target. False: there is none, or it
// is a link to a path (SUBST).
static bool find_device(const Table *table, const wchar_t *name) {
    return QueryDosDeviceW(name, table->target, ROOM) != 0 &&
           wcsncmp(table->target, L"\\Device\\", 8) == 0;
}

static bool is_drive(const wchar_t *path) {
    return path[0] != 0 && path[1] == L':' && path[2] == L'\\' && path[3] == 0;
}

// The best of a volume's names, in table->names; NULL: it has none.
static const wchar_t *find_place(const Table *table, const wchar_t *volume) {
    DWORD units = 0;
    if (!GetVolumePathNamesForVolumeNameW(volume, table->names, ROOM, &units))
        return NULL;
    const wchar_t *best = NULL;
    for (const wchar_t *name = table->names; *name != 0; name += wcslen(name) + 1)
        if (best == NULL || (is_drive(name) && !is_drive(best)))
            best = name;
    return best;
}

// volume: "\\?\Volume{…}\".
static int tell_volume(const Table *table, wchar_t *volume) {
    size_t n = wcslen(volume);
    if (n < 6 || wcsncmp(volume, L"\\\\?\\", 4) != 0 || volume[n - 1] != L'\\')
        return 0;
    const wchar_t *place = find_place(table, volume);
    if (place == NULL)
        place = volume;
    wchar_t link[MAX_PATH + 1];
    if (n > MAX_PATH)
        return 0;
    wcscpy(link, volume);
    link[n - 1] = 0;
    link[1] = L'?'; // \??\Volume{…}
    int result = tell(table, link, place);
    if (result == 0 && find_device(table, link + 4))
        result = tell(table, table->target, place);
    return result;
}

static int tell_volumes(const Table *table) {
    wchar_t volume[MAX_PATH + 1];
    HANDLE find = FindFirstVolumeW(volume, MAX_PATH + 1);
    if (find == INVALID_HANDLE_VALUE)
        return 0; // no mount manager: drives are enough
    int result;
    do
        result = tell_volume(table, volume);
    while (result == 0 && FindNextVolumeW(find, volume, MAX_PATH + 1));
    FindVolumeClose(find);
    return result;
}

// \SystemRoot is a link of the object manager, too.
static int tell_windows(const Table *table) {
    wchar_t folder[MAX_PATH + 2];
    UINT n = GetSystemWindowsDirectoryW(folder, MAX_PATH + 1);
    if (n == 0 || n > MAX_PATH)
        return 0;
    if (folder[n - 1] != L'\\') {
        folder[n++] = L'\\';
        folder[n] = 0;
    }
    return tell(table, L"\\SystemRoot", folder);
}

int plat_mounts(void (*each)(void *user, const char *nt_path, const char *dos_path), void *user) {
    Table table = {each, user, mem_array(ROOM, sizeof(wchar_t)), mem_array(ROOM, sizeof(wchar_t))};
    int result = table.target != NULL && table.names != NULL ? 0 : -STATUS_NO_MEMORY;
    if (result == 0)
        result = tell_volumes(&table);
    DWORD drives = GetLogicalDrives(); // network drives, too
    for (wchar_t letter = L'A'; result == 0 && letter <= L'Z'; letter++) {
        wchar_t drive[] = {letter, L':', 0}, root[] = {letter, L':', L'\\', 0};
        if ((drives >> (letter - L'A') & 1) != 0 && find_device(&table, drive))
            result = tell(&table, table.target, root);
    }
    if (result == 0)
        result = tell_windows(&table);
    mem_free(table.target);
    mem_free(table.names);
    return result;
}
