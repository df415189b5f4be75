// The path of a module as an event tells it, taken apart, and the folders in which its file is
// looked for. The path is hostile: what comes out has no component that leads upwards, names a
// device or a stream, or that a system would read as another name; nothing here opens anything.
// Pure; any thread.
#pragma once

#include "util/buf.h"
#include "util/err.h"

#define MODULE_PATH_MAX  4096u // bytes with the NUL
#define MODULE_PARTS_MAX 64u
#define MODULE_PART_MAX  255u

typedef enum ModuleRoot {
    MODULE_RELATIVE = 0, // "system32\x.dll", "x.dll"
    MODULE_ROOTED,       // "\Windows\x.dll": of the volume with the system
    MODULE_DRIVE,        // "C:\…", also behind "\??\" and "\\?\"
    MODULE_DEVICE,       // "\Device\HarddiskVolume3\…"; other devices have volume 0
    MODULE_SYSTEM,       // "\SystemRoot\…"
    MODULE_UNC,          // "\\server\share\…" and its other spellings
} ModuleRoot;

typedef struct ModulePath {
    uint8_t root;               // ModuleRoot
    char drive;                 // 'A' … 'Z'; 0: none
    uint32_t volume;            // of HarddiskVolume; 0: none
    const char *server, *share; // UNC
    uint32_t n_parts;           // below the root, at least one
    const char *parts[MODULE_PARTS_MAX];
    const char *base; // the last part
    char text[MODULE_PATH_MAX];
} ModulePath;

// False: refused, or no path at all.
bool module_path_parse(const char *path_untrusted, ModulePath *ret);
// Whether text may stand as one component of a path on either host.
bool module_part_ok(const char *text_untrusted);

typedef struct FolderList {
    char **folders;
    uint32_t n;
    uint32_t refused; // network folders that were left out
} FolderList;

#define FOLDER_LIST_MAX 64u

// Adds the folders of a search path: ';' between them, or `separator` (0: none) where it is neither
// behind a drive letter nor part of "://". "srv*A*B" and "cache*A" give A and B; addresses
// ("https://…") give nothing. Folders of the network are left out and counted unless allowed.
// Errors: NO_MEMORY, OVERSIZE (more than FOLDER_LIST_MAX).
int folder_list_add(FolderList *list, const char *path, char separator, bool allow_network);
void folder_list_deinit(FolderList *list);
// "\\server…", "//server…", "\\?\UNC\…", "\??\UNC\…", and "\\.\…"
bool path_is_network(const char *path);
