// The connection to the broker that the commands share, and its replies as JSON trees. Main thread.
#pragma once

#include <cjson/cJSON.h>

#include "client/etwctl/options.h"
#include "client/etwctl/say.h"

typedef struct BrokerOptions {
    const char *endpoint;
    bool json;
} BrokerOptions;

extern const Option broker_options[]; // of BrokerOptions
// For commands that have nothing else.
extern const OptionGroup broker_only_groups[];

// Connects; on failure says why and returns NULL.
EtwClient *broker_connect(const char *endpoint);
// A request with its reply as text (etw_free) and as a tree (cJSON_Delete); either may be NULL. On failure says why
// and returns false.
bool broker_request(EtwClient *client, const char *method, const char *params, char **ret_text,
                    cJSON **ret);
// The whole of a command that asks once and prints: the reply as it is with --json, else through `print`, which
// appends to out. Returns an exit code.
int broker_ask(const BrokerOptions *options, const char *method, const char *params,
               void (*print)(const cJSON *reply, Buf *out));

// Reading replies: missing members and other types read as 0, "" and NULL.
uint64_t reply_u64(const cJSON *object, const char *key); // numbers, and 64-bit values as text
double reply_double(const cJSON *object, const char *key);
const char *reply_text(const cJSON *object, const char *key);
bool reply_bool(const cJSON *object, const char *key);
const cJSON *reply_member(const cJSON *object, const char *key);
