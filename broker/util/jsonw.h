// A JSON writer for the hot path: appends to a Buf, no tree, no allocation of its own. Commas are
// kept by the writer, except at depth 0, so that one writer can write many lines. Strings are
// escaped; WTF-8 lone surrogates become \udXXX, invalid bytes U+FFFD. More than 63 levels, or an
// end without a beginning, fail the Buf.
#pragma once

#include "util/buf.h"

typedef struct JsonWriter {
    Buf *out;
    uint32_t depth;
    uint64_t comma; // bit per depth: a value has been written at this level
    bool after_key;
} JsonWriter;

static inline JsonWriter jsonw(Buf *out) {
    return (JsonWriter){out, 0, 0, false};
}

void jsonw_object(JsonWriter *w);     // {
void jsonw_object_end(JsonWriter *w); // }
void jsonw_array(JsonWriter *w);
void jsonw_array_end(JsonWriter *w);
void jsonw_key(JsonWriter *w, const char *key); // key is escaped as well
void jsonw_string(JsonWriter *w, const char *text, size_t bytes);
void jsonw_text(JsonWriter *w, const char *text); // NUL-terminated; NULL writes null
void jsonw_utf16(JsonWriter *w, const void *units, size_t n);
void jsonw_i64(JsonWriter *w, int64_t v);
void jsonw_u64(JsonWriter *w, uint64_t v);
void jsonw_u64_text(JsonWriter *w, uint64_t v); // "123": 64-bit values of control messages
void jsonw_hex(JsonWriter *w, uint64_t v);      // "0x1f"
void jsonw_double(JsonWriter *w, double v);     // null when not finite; shortest round-trip text
void jsonw_bool(JsonWriter *w, bool v);
void jsonw_null(JsonWriter *w);
void jsonw_raw(JsonWriter *w, const char *json, size_t bytes); // one complete value
