// The broker's configuration file (INI): [broker], [limits] and [caches]. docs/POLICY.md documents
// each key.
//
// Read once at start, any thread. Fails closed: an unknown section or key, a key that stands twice,
// a value that does not parse, a line longer than CONFIG_MAX_LINE or a file larger than
// CONFIG_MAX_BYTES is an error that names the line.
#pragma once

#include "enrich/enrich.h"
#include "policy/user.h"

#define CONFIG_MAX_LINE  4096u
#define CONFIG_MAX_BYTES (1024u * 1024u)

typedef struct Config {
    UserLimits limits;
    EnrichLimits caches;
    uint64_t
        scan_bytes;  // [caches] scan_memory: of what is learnt from a file before it is replayed
    char *endpoint;  // NULL = the default
    char *manifests; // folder or file of .man manifests, NULL = none
    uint32_t handshake_ms; // a connection that has not said HELLO by then is closed
    uint32_t stalled_ms;   // lossless watch without progress
    uint32_t slow_ms;      // other watches without progress, before they are disconnected
} Config;

void config_init(Config *config); // the defaults
void config_deinit(Config *config);
// Reads over what config has. On failure config is unusable but may be given to config_deinit.
int config_load(Config *config, const char *path, Err *err);
int config_parse(Config *config, const char *text_untrusted, size_t bytes, const char *name,
                 Err *err);
// "8 MB", "512 KB", "1 GB", "4096": 1024-based; false when it is anything else or too large.
bool config_parse_bytes(const char *text, uint64_t *ret);
