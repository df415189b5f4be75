// See volumes.h. Mappings are sorted by their folded prefix, and a path goes down through them byte
// by byte, so that looking up is linear in the path whatever the mappings are: both come from
// outside.
#include "enrich/volumes.h"

#include "util/err.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/utf.h"

#define UNKNOWN_KEPT 64u // unknown volumes that are counted only once

typedef struct Mapping {
    char *key; // folded prefix, without a backslash at its end
    char *dos; // likewise
    uint32_t key_bytes, dos_bytes;
    bool bare; // dos was empty: what follows loses its backslash
} Mapping;

struct Volumes {
    Mapping *mappings; // ascending by key
    uint32_t n, room;
    size_t bytes;        // of all keys and targets
    char *windows;       // "C:\Windows", or NULL
    Buf folded_windows;  // its path on the drive, "\windows"
    uint32_t generation; // never 0
    uint64_t unknown;
    uint32_t n_seen; // of unknown volumes in this generation
    uint64_t seen[UNKNOWN_KEPT];
    Buf scratch;
};

int volumes_new(Volumes **ret) {
    Volumes *v = mem_zalloc(sizeof *v);
    if (!v)
        return -STATUS_NO_MEMORY;
    v->generation = 1;
    *ret = v;
    return 0;
}

static void changed(Volumes *v) {
    if (++v->generation == 0)
        v->generation = 1;
    v->n_seen = 0;
}

void volumes_clear(Volumes *v) {
    for (uint32_t i = 0; i < v->n; i++) {
        mem_free(v->mappings[i].key);
        mem_free(v->mappings[i].dos);
    }
    mem_free(v->mappings);
    mem_free(v->windows);
    buf_deinit(&v->folded_windows);
    buf_deinit(&v->scratch);
    v->mappings = NULL;
    v->windows = NULL;
    v->n = v->room = 0;
    v->bytes = 0;
    changed(v);
}

Volumes *volumes_free(Volumes *v) {
    if (v) {
        volumes_clear(v);
        mem_free(v);
    }
    return NULL;
}

uint32_t volumes_generation(const Volumes *v) {
    return v->generation;
}

uint64_t volumes_unknown(const Volumes *v) {
    return v->unknown;
}

// --- folded text -------------------------------------------------------------------------------

// The folded bytes of one character; an invalid byte stays itself and so equals nothing else.
static size_t next_folded(const char *p, const char *end, char out[4], size_t *ret_n) {
    uint8_t c = (uint8_t)*p;
    if (c < 0x80) {
        out[0] = (char)fold_char(c);
        *ret_n = 1;
        return 1;
    }
    uint32_t cp;
    size_t n = utf8_next(p, end, &cp);
    if (n == 1) {
        out[0] = *p;
        *ret_n = 1;
    } else {
        *ret_n = utf8_put(out, fold_char(cp));
    }
    return n;
}

static void fold_text(Buf *out, const char *text, size_t bytes) {
    for (const char *p = text, *end = text + bytes; p < end;) {
        char folded[4];
        size_t n;
        p += next_folded(p, end, folded, &n);
        buf_append(out, folded, n);
    }
}

// The bytes of `path` that fold to all of `key`, when a component ends there; 0: it is no prefix.
static size_t prefix_of(const char *path, size_t bytes, const char *key, size_t key_bytes) {
    const char *p = path, *end = path + bytes;
    size_t at = 0;
    while (p < end && at < key_bytes) {
        char folded[4];
        size_t n;
        p += next_folded(p, end, folded, &n);
        if (n > key_bytes - at || memcmp(folded, key + at, n) != 0)
            return 0;
        at += n;
    }
    return at == key_bytes && (p == end || *p == '\\') ? (size_t)(p - path) : 0;
}

// --- mappings ----------------------------------------------------------------------------------

// First mapping in [low, high) whose byte `at` is not below c; all have the same bytes in front.
static uint32_t lower_bound(const Volumes *v, uint32_t low, uint32_t high, size_t at, unsigned c) {
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const Mapping *m = &v->mappings[middle];
        if (m->key_bytes <= at || (uint8_t)m->key[at] < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Narrows [low, high) to those with byte c at `at`.
static bool narrow(const Volumes *v, uint32_t *low, uint32_t *high, size_t at, uint8_t c) {
    const Mapping *first = &v->mappings[*low], *last = &v->mappings[*high - 1];
    if (first->key_bytes > at && (uint8_t)first->key[at] == c && last->key_bytes > at &&
        (uint8_t)last->key[at] == c)
        return true; // ascending: so have all between
    *low = lower_bound(v, *low, *high, at, c);
    *high = lower_bound(v, *low, *high, at, c + 1u);
    return *low < *high;
}

// The mapping with the longest prefix of the path, and the bytes of the path that it stands for.
static const Mapping *find_mapping(const Volumes *v, const char *path, size_t bytes,
                                   size_t *ret_bytes) {
    const Mapping *best = NULL;
    uint32_t low = 0, high = v->n;
    size_t at = 0;
    for (const char *p = path, *end = path + bytes; low < high;) {
        if (at > 0 && v->mappings[low].key_bytes == at && (p == end || *p == '\\')) {
            best = &v->mappings[low]; // the shortest of those that are left comes first
            *ret_bytes = (size_t)(p - path);
        }
        if (p == end)
            break;
        char folded[4];
        size_t n;
        p += next_folded(p, end, folded, &n);
        for (size_t i = 0; i < n && low < high; i++)
            if (!narrow(v, &low, &high, at++, (uint8_t)folded[i]))
                low = high;
    }
    return best;
}

static uint32_t find_key(const Volumes *v, const char *key, size_t bytes, bool *ret_found) {
    uint32_t low = 0, high = v->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const Mapping *m = &v->mappings[middle];
        int order = memcmp(m->key, key, MIN_OF(m->key_bytes, bytes));
        if (order == 0)
            order = m->key_bytes < bytes ? -1 : m->key_bytes > bytes;
        if (order == 0) {
            *ret_found = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_found = false;
    return low;
}

// Bytes of a text without one backslash at its end; longer than any path: VOLUMES_PATH_MAX + 1.
static size_t trimmed(const char *text) {
    size_t n = 0;
    while (n <= VOLUMES_PATH_MAX && text[n])
        n++;
    if (n > VOLUMES_PATH_MAX)
        return n;
    return n > 0 && text[n - 1] == '\\' ? n - 1 : n;
}

static int replace_target(Volumes *v, Mapping *m, const char *dos, size_t bytes, bool bare) {
    if (m->dos_bytes == bytes && m->bare == bare && memcmp(m->dos, dos, bytes) == 0)
        return 0;
    if (v->bytes - m->dos_bytes + bytes > VOLUMES_BYTES_MAX)
        return 1;
    char *copy = mem_strndup(dos, bytes);
    if (!copy)
        return -STATUS_NO_MEMORY;
    mem_free(m->dos);
    v->bytes = v->bytes - m->dos_bytes + bytes;
    m->dos = copy;
    m->dos_bytes = (uint32_t)bytes;
    m->bare = bare;
    changed(v);
    return 0;
}

static int insert(Volumes *v, uint32_t at, Mapping mapping) {
    if (v->n == v->room) {
        uint32_t room = v->room ? v->room * 2 : 16;
        Mapping *more = mem_resize(v->mappings, room * sizeof *more);
        if (!more)
            return -STATUS_NO_MEMORY;
        v->mappings = more;
        v->room = room;
    }
    memmove(v->mappings + at + 1, v->mappings + at, (v->n - at) * sizeof *v->mappings);
    v->mappings[at] = mapping;
    v->n++;
    v->bytes += mapping.key_bytes + mapping.dos_bytes;
    changed(v);
    return 0;
}

int volumes_add(Volumes *v, const char *nt_path, const char *dos_path) {
    size_t nt_bytes = trimmed(nt_path), dos_bytes = trimmed(dos_path);
    if (nt_path[0] != '\\' || nt_bytes == 0 || nt_bytes > VOLUMES_PATH_MAX ||
        dos_bytes > VOLUMES_PATH_MAX)
        return 1;
    bool bare = dos_path[0] == 0, found;
    buf_clear(&v->scratch);
    fold_text(&v->scratch, nt_path, nt_bytes);
    if (v->scratch.failed)
        return -STATUS_NO_MEMORY;
    const char *key = buf_str(&v->scratch);
    size_t key_bytes = v->scratch.bytes;
    uint32_t at = find_key(v, key, key_bytes, &found);
    if (found)
        return replace_target(v, &v->mappings[at], dos_path, dos_bytes, bare);
    if (v->n == VOLUMES_MAX || v->bytes + key_bytes + dos_bytes > VOLUMES_BYTES_MAX)
        return 1;
    Mapping mapping = {mem_strndup(key, key_bytes), mem_strndup(dos_path, dos_bytes),
                       (uint32_t)key_bytes, (uint32_t)dos_bytes, bare};
    int r = mapping.key && mapping.dos ? insert(v, at, mapping) : -STATUS_NO_MEMORY;
    if (r < 0) {
        mem_free(mapping.key);
        mem_free(mapping.dos);
    }
    return r;
}

static bool has_drive(const char *path, size_t bytes) {
    return bytes >= 2 && fold_char((uint8_t)path[0]) - 'a' < 26 && path[1] == ':';
}

int volumes_set_windows(Volumes *v, const char *windows_folder) {
    size_t bytes = trimmed(windows_folder);
    if (bytes > VOLUMES_PATH_MAX || bytes < 4 || !has_drive(windows_folder, bytes) ||
        windows_folder[2] != '\\')
        return 1;
    if (v->windows && strlen(v->windows) == bytes && memcmp(v->windows, windows_folder, bytes) == 0)
        return 0;
    Buf folded = BUF_INIT;
    fold_text(&folded, windows_folder + 2, bytes - 2);
    char *copy = folded.failed ? NULL : mem_strndup(windows_folder, bytes);
    if (!copy) {
        buf_deinit(&folded);
        return -STATUS_NO_MEMORY;
    }
    mem_free(v->windows);
    buf_deinit(&v->folded_windows);
    v->windows = copy;
    v->folded_windows = folded;
    changed(v);
    return 0;
}

// --- mapping a path ----------------------------------------------------------------------------

// All folded; without a backslash at the end.
static const char *const device_roots[] = {"\\??", "\\dosdevices", "\\global??"};
static const char *const redirectors[] = {"\\device\\mup", "\\device\\lanmanredirector",
                                          "\\device\\webdavredirector", "\\device\\dfsclient"};
static const char *const providers[] = {"dfsclient", "lanmanredirector", "webdavredirector"};
static const char *const volume_devices[] = {"\\device\\harddisk", "\\device\\cdrom",
                                             "\\device\\floppy"};

static size_t prefix_in(const char *path, size_t bytes, const char *const *keys, size_t n) {
    size_t found = 0;
    for (size_t i = 0; i < n && found == 0; i++)
        found = prefix_of(path, bytes, keys[i], strlen(keys[i]));
    return found;
}

// `;Z:0000000000020d40`, `;LanmanRedirector`, and provider names stand in front of the server.
static size_t skip_providers(const char *rest, size_t bytes) {
    size_t at = 0;
    while (at < bytes) {
        size_t component = 0;
        while (at + 1 + component < bytes && rest[at + 1 + component] != '\\')
            component++;
        const char *name = rest + at + 1;
        bool skip = component > 0 &&
                    (name[0] == ';' ||
                     prefix_in(name, component, providers, ARRAY_COUNT(providers)) == component);
        if (!skip)
            break;
        at += 1 + component;
    }
    return at;
}

// A volume that nothing maps is counted once in each generation.
static void count_unknown(Volumes *v, const char *path, size_t bytes) {
    for (size_t i = 0; i < ARRAY_COUNT(volume_devices); i++) {
        const char *key = volume_devices[i];
        size_t n = strlen(key);
        if (bytes <= n || fold_compare(path, n, key, n) != 0)
            continue;
        while (n < bytes && path[n] != '\\')
            n++;
        uint64_t hash = hash_bytes(path, n, 0);
        for (uint32_t k = 0; k < MIN_OF(v->n_seen, UNKNOWN_KEPT); k++)
            if (v->seen[k] == hash)
                return;
        v->seen[v->n_seen % UNKNOWN_KEPT] = hash;
        if (++v->n_seen == 2 * UNKNOWN_KEPT)
            v->n_seen = UNKNOWN_KEPT;
        v->unknown++;
        return;
    }
}

typedef struct Shown {
    const char *front;       // replaces …
    size_t front_bytes, cut; // … this many bytes of the path
} Shown;

// \??\ and its like without a mapping of their own for what follows.
static bool show_dos_device(const char *path, size_t bytes, size_t root, Shown *ret) {
    const char *rest = path + root;
    size_t n = bytes - root;
    if (n > 1 && has_drive(rest + 1, n - 1) && (n == 3 || rest[3] == '\\')) {
        *ret = (Shown){"", 0, root + 1};
        return true;
    }
    size_t unc = prefix_of(rest, n, "\\unc", 4);
    if (unc == 0 || unc == n)
        return false;
    *ret = (Shown){"\\", 1, root + unc};
    return true;
}

static bool show_mup(const char *path, size_t bytes, size_t root, Shown *ret) {
    size_t cut = root + skip_providers(path + root, bytes - root);
    if (bytes - cut < 2)
        return false;
    *ret = (Shown){"\\", 1, cut};
    return true;
}

// Bytes of \??\GLOBALROOT in front of a device path, however often it stands there.
static size_t skip_global_root(const char *path, size_t bytes) {
    for (size_t at = 0;;) {
        size_t root = prefix_in(path + at, bytes - at, device_roots, ARRAY_COUNT(device_roots));
        size_t global = prefix_of(path + at + root, bytes - at - root, "\\globalroot", 11);
        if (root == 0 || global == 0)
            return at;
        at += root + global;
    }
}

static bool show_in_windows(const Volumes *v, const char *path, size_t bytes, Shown *ret) {
    size_t n = prefix_of(path, bytes, "\\systemroot", 11);
    if (n != 0) {
        *ret = (Shown){v->windows, strlen(v->windows), n};
        return true;
    }
    if (prefix_of(path, bytes, "\\windows", 8) == 0 &&
        prefix_of(path, bytes, (const char *)v->folded_windows.data, v->folded_windows.bytes) == 0)
        return false;
    *ret = (Shown){v->windows, 2, 0};
    return true;
}

// False: it is shown as it stands.
static bool show(Volumes *v, const char *path, size_t bytes, Shown *ret) {
    if (bytes < 2 || path[0] != '\\' || path[1] == '\\')
        return false; // on a drive, relative, pseudo name, UNC
    size_t known = 0;
    const Mapping *m = find_mapping(v, path, bytes, &known);
    size_t root = prefix_in(path, bytes, device_roots, ARRAY_COUNT(device_roots));
    if (root != 0 && known <= root && show_dos_device(path, bytes, root, ret))
        return true;
    root = prefix_in(path, bytes, redirectors, ARRAY_COUNT(redirectors));
    if (root != 0 && known <= root)
        return show_mup(path, bytes, root, ret);
    if (m) {
        *ret = (Shown){m->dos, m->dos_bytes, known + (m->bare && known < bytes)};
        return ret->front_bytes != 0 || ret->cut < bytes; // never to nothing
    }
    if (v->windows && show_in_windows(v, path, bytes, ret))
        return true;
    count_unknown(v, path, bytes);
    return false;
}

Text *volumes_map(Volumes *v, Text *raw) {
    if (raw->generation == v->generation)
        return text_ref(raw);
    Shown shown;
    size_t global = skip_global_root(raw->s, raw->bytes);
    if (!show(v, raw->s + global, raw->bytes - global, &shown)) {
        raw->generation = v->generation;
        return text_ref(raw);
    }
    shown.cut += global;
    buf_clear(&v->scratch);
    buf_append(&v->scratch, shown.front, shown.front_bytes);
    buf_append(&v->scratch, raw->s + shown.cut, raw->bytes - shown.cut);
    Text *text = v->scratch.failed ? NULL : text_new(buf_str(&v->scratch), v->scratch.bytes);
    if (text)
        text->generation = v->generation;
    return text;
}
