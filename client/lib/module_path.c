#include "client/lib/module_path.h"

#include "util/mem.h"
#include "util/utf.h"

static bool is_separator(char c) {
    return c == '\\' || c == '/';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static char upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

// Length of prefix when text begins with it, A-Z case-blind, any separator for '\'; else 0.
static size_t begins(const char *text, const char *prefix) {
    size_t n = 0;
    for (; prefix[n] != 0; n++) {
        if (prefix[n] == '\\' ? !is_separator(text[n]) : upper(text[n]) != upper(prefix[n]))
            return 0;
    }
    return n;
}

// CON, NUL, COM1 … in any folder and with any ending are devices on Windows.
static bool is_dos_device(const char *text) {
    static const char *const names[] = {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"};
    size_t stem = strcspn(text, ".");
    while (stem > 0 && text[stem - 1] == ' ')
        stem--;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strlen(names[i]) == stem && begins(text, names[i]) == stem)
            return true;
    }
    // COM and LPT with a digit, which may be a superscript one (two bytes in UTF-8).
    if (begins(text, "COM") == 0 && begins(text, "LPT") == 0)
        return false;
    const char *digit = text + 3;
    if (stem == 4)
        return *digit >= '0' && *digit <= '9';
    return stem == 5 && (memcmp(digit, "\xc2\xb9", 2) == 0 || memcmp(digit, "\xc2\xb2", 2) == 0 ||
                         memcmp(digit, "\xc2\xb3", 2) == 0);
}

bool module_part_ok(const char *text) {
    size_t n = strlen(text);
    if (n == 0 || n > MODULE_PART_MAX || !utf8_valid(text, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text[i] < 0x20 || strchr("<>:\"|?*/\\\x7f", text[i]) != NULL)
            return false;
    }
    // Windows drops dots and spaces at the end: "x.dll." is another name of x.dll, "..." one of
    // "..".
    if (text[n - 1] == '.' || text[n - 1] == ' ')
        return false;
    return !is_dos_device(text);
}

// Cuts rest, in place, into parts.
static bool cut(char *rest, ModulePath *path) {
    while (*rest != 0) {
        size_t n = strcspn(rest, "\\/");
        bool last = rest[n] == 0;
        rest[n] = 0;
        if (path->n_parts == MODULE_PARTS_MAX || !module_part_ok(rest))
            return false;
        path->parts[path->n_parts++] = rest;
        if (last)
            break;
        rest += n + 1;
        if (*rest == 0) // a folder
            return false;
    }
    return path->n_parts > 0;
}

static bool parse_unc(char *rest, ModulePath *path) {
    path->root = MODULE_UNC;
    if (!cut(rest, path) || path->n_parts < 3)
        return false;
    path->server = path->parts[0];
    path->share = path->parts[1];
    path->n_parts -= 2;
    memmove(path->parts, path->parts + 2, path->n_parts * sizeof path->parts[0]);
    return true;
}

static bool parse_device(char *rest, ModulePath *path) {
    size_t n;
    if ((n = begins(rest, "Mup\\")) != 0 || (n = begins(rest, "LanmanRedirector\\")) != 0 ||
        (n = begins(rest, "WebDavRedirector\\")) != 0)
        return parse_unc(rest + n, path);
    path->root = MODULE_DEVICE;
    size_t device = strcspn(rest, "\\/");
    if (rest[device] == 0)
        return false;
    if ((n = begins(rest, "HarddiskVolume")) != 0) {
        uint32_t volume = 0;
        for (; n < device && volume < 100000 && rest[n] >= '0' && rest[n] <= '9'; n++)
            volume = volume * 10 + (uint32_t)(rest[n] - '0');
        path->volume = n == device ? volume : 0;
    }
    return cut(rest + device + 1, path);
}

static bool parse(char *p, ModulePath *path) {
    size_t n;
    if ((n = begins(p, "\\??\\")) != 0 || (n = begins(p, "\\\\?\\")) != 0) {
        p += n;
        if ((n = begins(p, "UNC\\")) != 0)
            return parse_unc(p + n, path);
        // Volume GUIDs, GLOBALROOT and other names of the object manager are none of ours.
        if (!is_letter(p[0]) || p[1] != ':')
            return false;
    }
    if (is_letter(p[0]) && p[1] == ':') {
        if (!is_separator(p[2])) // "C:x.dll": of the current folder
            return false;
        path->root = MODULE_DRIVE;
        path->drive = upper(p[0]);
        return cut(p + 3, path);
    }
    if (is_separator(p[0]) && is_separator(p[1])) {
        if (p[2] == '.' || p[2] == '?')
            return false;
        return parse_unc(p + 2, path);
    }
    if ((n = begins(p, "\\Device\\")) != 0)
        return parse_device(p + n, path);
    if ((n = begins(p, "\\SystemRoot\\")) != 0) {
        path->root = MODULE_SYSTEM;
        return cut(p + n, path);
    }
    path->root = is_separator(p[0]) ? MODULE_ROOTED : MODULE_RELATIVE;
    return cut(p + (is_separator(p[0]) ? 1 : 0), path);
}

bool module_path_parse(const char *untrusted, ModulePath *ret) {
    size_t bytes = strlen(untrusted);
    if (bytes == 0 || bytes >= MODULE_PATH_MAX)
        return false;
    memset(ret, 0, offsetof(ModulePath, text));
    memcpy(ret->text, untrusted, bytes + 1);
    if (!parse(ret->text, ret))
        return false;
    ret->base = ret->parts[ret->n_parts - 1];
    return true;
}

// ---- Search paths
// ---------------------------------------------------------------------------------

bool path_is_network(const char *path) {
    size_t n = begins(path, "\\??\\");
    if (n == 0 && is_separator(path[0]) && is_separator(path[1])) {
        n = begins(path, "\\\\?\\");
        if (n == 0)
            return true;
    }
    // Behind such a prefix only a drive or a volume of this machine.
    return n != 0 && !(is_letter(path[n]) && path[n + 1] == ':') &&
           begins(path + n, "Volume{") == 0;
}

static bool is_address(const char *text) {
    return begins(text, "http:") != 0 || begins(text, "https:") != 0 || strstr(text, "://") != NULL;
}

static int add(FolderList *list, const char *text, size_t bytes, bool allow_network) {
    if (bytes == 0)
        return 0;
    char *folder = mem_strndup(text, bytes);
    if (folder == NULL)
        return -STATUS_NO_MEMORY;
    int result = 0;
    if (is_address(folder)) {
        mem_free(folder);
    } else if (path_is_network(folder) && !allow_network) {
        list->refused++;
        mem_free(folder);
    } else if (list->n == FOLDER_LIST_MAX) {
        mem_free(folder);
        result = -STATUS_OVERSIZE;
    } else {
        if (list->folders == NULL)
            list->folders = mem_array(FOLDER_LIST_MAX, sizeof *list->folders);
        if (list->folders == NULL) {
            mem_free(folder);
            return -STATUS_NO_MEMORY;
        }
        list->folders[list->n++] = folder;
    }
    return result;
}

// One element: a folder, or "srv*A*B" with the word in front dropped.
static int add_element(FolderList *list, const char *text, size_t bytes, bool allow_network) {
    const char *end = text + bytes;
    const char *star = memchr(text, '*', bytes);
    if (star == NULL)
        return add(list, text, bytes, allow_network);
    int result = 0;
    // "symsrv*symsrv.dll*A*B" names a library in its second place.
    if ((size_t)(star - text) == 6 && begins(text, "symsrv") != 0) {
        const char *dll = star + 1;
        star = memchr(dll, '*', (size_t)(end - dll));
    }
    while (result == 0 && star != NULL) {
        const char *folder = star + 1;
        star = memchr(folder, '*', (size_t)(end - folder));
        result = add(list, folder, (size_t)((star != NULL ? star : end) - folder), allow_network);
    }
    return result;
}

int folder_list_add(FolderList *list, const char *path, char separator, bool allow_network) {
    int result = 0;
    const char *start = path;
    for (const char *p = path; result == 0; p++) {
        bool ends = *p == 0 || *p == ';';
        if (!ends && separator != 0 && *p == separator) {
            // Not behind the letter of a drive, nor in "https://".
            bool drive = p > start && is_letter(p[-1]) && (p - start == 1 || p[-2] == '*') &&
                         is_separator(p[1]);
            ends = !drive && !(p[1] == '/' && p[2] == '/');
        }
        if (!ends)
            continue;
        result = add_element(list, start, (size_t)(p - start), allow_network);
        if (*p == 0)
            break;
        start = p + 1;
    }
    return result;
}

void folder_list_deinit(FolderList *list) {
    for (uint32_t i = 0; i < list->n; i++)
        mem_free(list->folders[i]);
    mem_free(list->folders);
    *list = (FolderList){0};
}
