#include "policy/config.h"

#include <ini.h>
#include <stdlib.h>

#include "platform/file.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/utf.h"

typedef enum KeyKind { KEY_TEXT, KEY_U32, KEY_BYTES } KeyKind;

typedef struct ConfigKey {
    const char *section, *name;
    KeyKind kind;
    size_t offset; // in Config
    uint64_t least, most;
} ConfigKey;

#define LIMIT(field)  offsetof(Config, limits) + offsetof(UserLimits, field)
#define CACHES(field) offsetof(Config, caches) + offsetof(EnrichLimits, field)
#define MIB           (UINT64_C(1024) * 1024)
#define MOST_ENTRIES  UINT64_C(100000000)

_Static_assert(sizeof(((EnrichLimits *)0)->memory_bytes) == sizeof(uint64_t),
               "sizes are read as 64 bits");

static const ConfigKey keys[] = {
    {"broker", "endpoint", KEY_TEXT, offsetof(Config, endpoint), 1, 200},
    {"broker", "manifests", KEY_TEXT, offsetof(Config, manifests), 1, 1000},
    {"limits", "handshake_ms", KEY_U32, offsetof(Config, handshake_ms), 100, 600000},
    {"limits", "stalled_ms", KEY_U32, offsetof(Config, stalled_ms), 1000, 86400000},
    {"limits", "slow_ms", KEY_U32, offsetof(Config, slow_ms), 1000, 86400000},
    {"limits", "connections_per_user", KEY_U32, LIMIT(connections), 1, 10000},
    {"limits", "connections", KEY_U32, LIMIT(connections_all), 1, 10000},
    {"limits", "administrator_connections", KEY_U32, LIMIT(admin_reserve), 1, 10000},
    {"limits", "subscriptions_per_user", KEY_U32, LIMIT(subscriptions), 1, 10000},
    {"limits", "queue", KEY_BYTES, LIMIT(queue_default), 128 * 1024, 4096 * MIB},
    {"limits", "queue_max", KEY_BYTES, LIMIT(queue_max), 128 * 1024, 16384 * MIB},
    {"limits", "queue_per_user", KEY_BYTES, LIMIT(queue_bytes), 128 * 1024, 65536 * MIB},
    {"caches", "files", KEY_U32, CACHES(files), 1, MOST_ENTRIES},
    {"caches", "file_objects", KEY_U32, CACHES(file_objects), 1, MOST_ENTRIES},
    {"caches", "requests", KEY_U32, CACHES(requests), 1, MOST_ENTRIES},
    {"caches", "keys", KEY_U32, CACHES(keys), 1, MOST_ENTRIES},
    {"caches", "processes", KEY_U32, CACHES(processes), 1, MOST_ENTRIES},
    {"caches", "threads", KEY_U32, CACHES(threads), 1, MOST_ENTRIES},
    {"caches", "services", KEY_U32, CACHES(services), 1, MOST_ENTRIES},
    {"caches", "objects", KEY_U32, CACHES(objects), 1, MOST_ENTRIES},
    {"caches", "image_processes", KEY_U32, CACHES(image_processes), 1, MOST_ENTRIES},
    {"caches", "memory", KEY_BYTES, CACHES(memory_bytes), MIB, 65536 * MIB},
    {"caches", "scan_memory", KEY_BYTES, offsetof(Config, scan_bytes), MIB, 65536 * MIB},
};

void config_init(Config *config) {
    *config = (Config){.limits = user_limits_default(),
                       .caches = enrich_limits_default(),
                       .scan_bytes = 512 * MIB,
                       .handshake_ms = 5000,
                       .stalled_ms = 60000,
                       .slow_ms = 600000};
}

void config_deinit(Config *config) {
    mem_free(config->endpoint);
    mem_free(config->manifests);
    config->endpoint = config->manifests = NULL;
}

bool config_parse_bytes(const char *text, uint64_t *ret) {
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    uint64_t value = strtoull(text, &end, 10);
    if (end - text > 15)
        return false;
    while (*end == ' ')
        end++;
    unsigned shift = 0;
    if (fold_equal(end, "KB"))
        shift = 10;
    else if (fold_equal(end, "MB"))
        shift = 20;
    else if (fold_equal(end, "GB"))
        shift = 30;
    else if (*end != 0)
        return false;
    if (value > UINT64_MAX >> shift)
        return false;
    *ret = value << shift;
    return true;
}

typedef struct Parse {
    Config *config;
    const char *name; // of the file
    Err *err;
    int result;
    bool seen[ARRAY_COUNT(keys)];
} Parse;

static int fail(Parse *p, int line, const char *what, const char *word) {
    p->result = err_set(p->err, STATUS_FORMAT, "%s:%d: %s '%.80s'; docs/POLICY.md lists the keys",
                        p->name, line, what, word);
    return 0;
}

static int set_key(Parse *p, const ConfigKey *key, const char *value, int line) {
    void *field = (char *)p->config + key->offset;
    uint64_t number = 0;
    if (key->kind == KEY_TEXT) {
        size_t n = strlen(value);
        if (n < key->least || n > key->most || !utf8_valid(value, n))
            return fail(p, line, "not a usable text for", key->name);
        char *copy = mem_strdup(value);
        if (!copy) {
            p->result = err_set(p->err, STATUS_NO_MEMORY, "%s:%d: no memory", p->name, line);
            return 0;
        }
        mem_free(*(char **)field);
        *(char **)field = copy;
        return 1;
    }
    if (!config_parse_bytes(value, &number) ||
        (key->kind == KEY_U32 && strspn(value, "0123456789") != strlen(value)))
        return fail(
            p, line,
            key->kind == KEY_BYTES ? "not a size (like 8 MB):" : "not a whole number:", value);
    if (number < key->least || number > key->most) {
        p->result = err_set(p->err, STATUS_FORMAT,
                            "%s:%d: %s = %.40s is out of range; it takes %llu to %llu", p->name,
                            line, key->name, value, (unsigned long long)key->least,
                            (unsigned long long)key->most);
        return 0;
    }
    if (key->kind == KEY_U32)
        *(uint32_t *)field = (uint32_t)number;
    else
        *(uint64_t *)field = number;
    return 1;
}

static int take_line(void *user, const char *section, const char *name, const char *value,
                     int line) {
    Parse *p = user;
    if (p->result < 0)
        return 0;
    bool known = false;
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
        known = known || strcmp(keys[i].section, section) == 0;
    if (!known)
        return fail(p, line, section[0] ? "no such section" : "a key before any section:",
                    section[0] ? section
                    : name     ? name
                               : "");
    if (!name) // a section begins
        return 1;
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
            continue;
        if (p->seen[i])
            return fail(p, line, "this key stands twice:", name);
        p->seen[i] = true;
        return set_key(p, &keys[i], value ? value : "", line);
    }
    return fail(p, line, "no such key", name);
}

// inih's own limits must never be reached: what it would cut is refused before it sees the text.
static int scan_lines(Parse *p, const char *text, size_t bytes) {
    if (bytes > CONFIG_MAX_BYTES)
        return err_set(p->err, STATUS_OVERSIZE, "%s: larger than %u bytes", p->name,
                       CONFIG_MAX_BYTES);
    int line = 1;
    size_t start = 0;
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == 0)
            return err_set(p->err, STATUS_FORMAT, "%s:%d: a NUL byte; save the file as UTF-8 text",
                           p->name, line);
        if (text[i] == '\n') {
            line++;
            start = i + 1;
        } else if (i - start >= CONFIG_MAX_LINE) {
            return err_set(p->err, STATUS_FORMAT, "%s:%d: the line is longer than %u bytes",
                           p->name, line, CONFIG_MAX_LINE);
        }
    }
    return 0;
}

int config_parse(Config *config, const char *text_untrusted, size_t bytes, const char *name,
                 Err *err) {
    Parse p = {.config = config, .name = name, .err = err};
    int r = scan_lines(&p, text_untrusted, bytes);
    if (r < 0)
        return r;
    char *text = mem_strndup(text_untrusted, bytes);
    if (!text)
        return err_set(err, STATUS_NO_MEMORY, "%s: no memory", name);
    int bad_line = ini_parse_string(text, take_line, &p);
    mem_free(text);
    if (p.result < 0)
        return p.result;
    if (bad_line < 0)
        return err_set(err, STATUS_NO_MEMORY, "%s: no memory", name);
    if (bad_line > 0)
        return err_set(err, STATUS_FORMAT, "%s:%d: not 'key = value' nor '[section]'", name,
                       bad_line);
    if (config->limits.queue_default > config->limits.queue_max)
        return err_set(err, STATUS_FORMAT,
                       "%s: limits: queue is above queue_max; lower the one or raise the other",
                       name);
    return 0;
}

int config_load(Config *config, const char *path, Err *err) {
    PlatFile *file;
    int r = plat_file_open(path, &file, err);
    if (r < 0)
        return r;
    uint64_t size = plat_file_size(file);
    uint8_t *text = NULL;
    size_t got = 0;
    if (size > CONFIG_MAX_BYTES) {
        r = err_set(err, STATUS_OVERSIZE, "%s: larger than %u bytes", path, CONFIG_MAX_BYTES);
        goto out;
    }
    text = mem_alloc((size_t)size + 1);
    if (!text) {
        r = err_set(err, STATUS_NO_MEMORY, "%s: no memory", path);
        goto out;
    }
    r = plat_file_read_at(file, 0, text, (size_t)size, &got, err);
    if (r == 0)
        r = config_parse(config, (const char *)text, got, path, err);
out:
    mem_free(text);
    plat_file_close(file);
    return r;
}
