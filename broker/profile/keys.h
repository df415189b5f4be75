// One member of a JSON object in one call: what the writers of this room share.
#pragma once

#include "util/jsonw.h"

static inline void key_text(JsonWriter *w, const char *key, const char *value) {
    jsonw_key(w, key);
    jsonw_text(w, value);
}

static inline void key_number(JsonWriter *w, const char *key, uint64_t v) {
    jsonw_key(w, key);
    jsonw_u64(w, v);
}

// A 64-bit counter: a string, as all of them on the control connection.
static inline void key_counter(JsonWriter *w, const char *key, uint64_t v) {
    jsonw_key(w, key);
    jsonw_u64_text(w, v);
}

static inline void key_share(JsonWriter *w, const char *key, double v) {
    jsonw_key(w, key);
    jsonw_double(w, v);
}
