// JSON of control messages: cJSON behind a strict door.
//
// cJSON 1.7.15 takes nesting to 1000, trailing bytes, duplicate keys, invalid UTF-8, raw control
// characters and \u0000, compares keys without case and holds numbers as doubles. So a text is first
// walked by a strict RFC 8259 scanner with budgets, and only then parsed; what the tree can still hide
// (duplicate keys that are spelled differently, infinities) is checked on it. One thread at a time for
// one tree.
#pragma once

#include <cjson/cJSON.h>

#include "util/err.h"

#define JSON_MAX_DEPTH   16u
#define JSON_MAX_TOKENS  4096u // values and keys
#define JSON_MAX_MEMBERS 64u   // of one object
#define JSON_MAX_NUMBER  40u   // characters of one number

// Lets cJSON take its memory from mem_…; programs call it first of all, before any tree exists. The
// client library does not: the setting is the whole process's, and that is its host's.
void json_use_mem(void);

// Parses one complete value. INVALID_ARGUMENT with the offset and what is wrong, or NO_MEMORY.
int json_parse(const char *text_untrusted, size_t bytes, cJSON **ret, Err *err);
cJSON *json_free(cJSON *json); // returns NULL; NULL is allowed

// Members of an object, by exact name. A member that is absent or null gives JSON_ABSENT and leaves
// *ret alone; one of another type is INVALID_ARGUMENT, and err names it.
#define JSON_ABSENT 1
const cJSON *json_member(const cJSON *object, const char *key); // NULL: absent or null
int json_get_string(const cJSON *object, const char *key, const char **ret, Err *err);
int json_get_bool(const cJSON *object, const char *key, bool *ret, Err *err);
// From a number below 2^53, or a string: decimal, or 0x and hexadecimal digits.
int json_get_u64(const cJSON *object, const char *key, uint64_t *ret, Err *err);
int json_get_u32(const cJSON *object, const char *key, uint32_t *ret, Err *err);
int json_get_array(const cJSON *object, const char *key, const cJSON **ret, Err *err);
int json_get_object(const cJSON *object, const char *key, const cJSON **ret, Err *err);
// The same rules for one value, for example of an array; what: its name for err.
int json_value_u64(const cJSON *value, const char *what, uint64_t *ret, Err *err);
// INVALID_ARGUMENT when the object has a member that is not in the list (ended by NULL).
int json_refuse_unknown(const cJSON *object, const char *const *allowed, Err *err);
