// Files on Windows, where a module's path may be that of a file here.
#include "client/lib/module_files.h"

#include "platform/windows/win.h"

#include "platform/windows/text.h"
#include "util/mem.h"
#include "util/utf.h"

#define RECALL_ON_OPEN 0x00040000u // a file that its cloud would have to bring
#define RECALL_ON_DATA 0x00400000u

char module_list_separator(void) {
    return 0;
}

static bool is_link(const WIN32_FIND_DATAW *found) {
    return (found->dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
           found->dwReserved0 == IO_REPARSE_TAG_SYMLINK;
}

bool module_entry(Buf *path, const char *name, bool allow_network) {
    size_t before = path->bytes;
    buf_char(path, '\\');
    buf_text(path, name);
    wchar_t *wide = path->failed ? NULL : text_wide(buf_str(path));
    path->failed = wide == NULL; // the text is valid
    WIN32_FIND_DATAW entry;
    HANDLE search = wide != NULL ? FindFirstFileW(wide, &entry) : INVALID_HANDLE_VALUE;
    mem_free(wide);
    if (search != INVALID_HANDLE_VALUE)
        FindClose(search);
    if (search == INVALID_HANDLE_VALUE || (!allow_network && is_link(&entry))) {
        path->bytes = before;
        if (path->data != NULL)
            path->data[before] = 0;
        return false;
    }
    return true;
}

// A drive of this machine: neither mapped to a server nor a second name of one.
static bool drive_is_local(wchar_t letter) {
    wchar_t root[] = {letter, L':', L'\\', 0}, name[] = {letter, L':', 0}, target[512];
    UINT type = GetDriveTypeW(root);
    if (type != DRIVE_FIXED && type != DRIVE_REMOVABLE && type != DRIVE_CDROM &&
        type != DRIVE_RAMDISK)
        return false;
    DWORD n = QueryDosDeviceW(name, target, ARRAY_COUNT(target));
    return n == 0 || wcsncmp(target, L"\\??\\UNC\\", 8) != 0;
}

// The path, below its first `from` units, has no symbolic link (which may lead to a server), and
// its file is really here.
static bool is_plain(wchar_t *path, size_t from) {
    for (size_t i = from;; i++) {
        wchar_t c = path[i];
        if (c != 0 && c != L'\\')
            continue;
        WIN32_FIND_DATAW found;
        path[i] = 0;
        HANDLE search = FindFirstFileW(path, &found);
        path[i] = c;
        if (search == INVALID_HANDLE_VALUE)
            return false;
        FindClose(search);
        if (is_link(&found))
            return false;
        if (c == 0)
            return (found.dwFileAttributes &
                    (RECALL_ON_OPEN | RECALL_ON_DATA | FILE_ATTRIBUTE_OFFLINE)) == 0;
    }
}

static void add_windows_folder(Buf *path, size_t units) { // units: 2 = its drive only
    wchar_t folder[MAX_PATH];
    UINT n = GetSystemWindowsDirectoryW(folder, MAX_PATH);
    if (n < 3 || n >= MAX_PATH)
        path->failed = true;
    else
        utf16_to_utf8(path, folder, MIN_OF((size_t)n, units));
}

// What stands in front of the parts; false: nothing for this candidate.
static bool root_of(const ModulePath *module, uint32_t candidate, bool allow_network, Buf *path) {
    if (candidate > 0 && module->root != MODULE_RELATIVE)
        return false;
    switch ((ModuleRoot)module->root) {
    case MODULE_DRIVE:
        if (!allow_network && !drive_is_local((wchar_t)module->drive))
            return false;
        buf_printf(path, "%c:", module->drive);
        return true;
    case MODULE_ROOTED:
        add_windows_folder(path, 2);
        return true;
    case MODULE_SYSTEM:
        add_windows_folder(path, MAX_PATH);
        return true;
    case MODULE_DEVICE:
        if (module->volume == 0)
            return false;
        buf_printf(path, "\\\\?\\GLOBALROOT\\Device\\HarddiskVolume%u", (unsigned)module->volume);
        return true;
    case MODULE_UNC:
        if (!allow_network)
            return false;
        buf_printf(path, "\\\\%s\\%s", module->server, module->share);
        return true;
    case MODULE_RELATIVE: {
        // Drivers and parts of the kernel are often named without a folder, or from the system's.
        static const char *const folders[] = {"", "\\System32", "\\System32\\drivers"};
        if (candidate >= ARRAY_COUNT(folders))
            return false;
        add_windows_folder(path, MAX_PATH);
        buf_text(path, folders[candidate]);
        return true;
    }
    default:
        return false;
    }
}

bool module_local(const ModulePath *module, uint32_t candidate, bool allow_network, Buf *ret_path) {
    if (!root_of(module, candidate, allow_network, ret_path))
        return false;
    // The root is the system's own; its length in units is at most that in bytes.
    wchar_t *root = ret_path->failed ? NULL : text_wide(buf_str(ret_path));
    size_t root_units = root != NULL ? wcslen(root) : 0;
    mem_free(root);
    for (uint32_t i = 0; i < module->n_parts; i++) {
        buf_char(ret_path, '\\');
        buf_text(ret_path, module->parts[i]);
    }
    wchar_t *wide = ret_path->failed ? NULL : text_wide(buf_str(ret_path));
    bool plain = wide != NULL && (allow_network || is_plain(wide, root_units + 1));
    if (!plain)
        buf_clear(ret_path);
    ret_path->failed = wide == NULL || root_units == 0; // the texts are valid
    mem_free(wide);
    return true;
}
