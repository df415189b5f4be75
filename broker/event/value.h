// Reading typed values out of a payload by its schema.
//
// A Payload is a view: it owns nothing and borrows record, schema and the caller's slice array. Every
// read is bounds-checked; hostile counts are bounded by the payload (an element takes at least one
// byte, or counts against PAYLOAD_BUDGET). One thread at a time for one Payload.
//
// Out-types that change what a value is, not only its text: signed and unsigned ones re-read an
// integer; OUT_PORT gives host order; OUT_BOOL a boolean; dates on 64-bit integers a time; OUT_STRING
// makes one character of an 8- or 16-bit integer, one string of an array of them, and UTF-16 text of
// a binary; OUT_UTF8, OUT_XML and OUT_JSON make UTF-8 of ANSI text and binaries; OUT_GUID a GUID of
// 16 bytes. A malformed SID or date is given as VALUE_BINARY.
#pragma once

#include "event/schema.h"
#include "util/buf.h"

typedef enum ValueKind {
    VALUE_NONE = 0, // the payload ends before the field
    VALUE_NULL,     // IN_NULL, or an absent SID
    VALUE_I64,
    VALUE_U64,
    VALUE_BOOL, // u64 as stored, so that a map can name more than two
    VALUE_DOUBLE,
    VALUE_UTF16, // data, bytes (even), without the NUL
    VALUE_ANSI,  // 8-bit text; bytes above 0x7f are read as Latin-1 unless UTF-8 is declared
    VALUE_UTF8,
    VALUE_BINARY,
    VALUE_GUID,
    VALUE_SID,
    VALUE_TIME,   // i64 is a FILETIME; FILETIME and SYSTEMTIME in-types, 64-bit integers with a
                  // date as out-type
    VALUE_STRUCT, // members through value_member
    VALUE_ARRAY,  // elements through value_element
} ValueKind;

typedef struct Value {
    uint8_t kind; // ValueKind
    uint8_t pointer_size;
    uint16_t count_; // reserved
    const Schema *schema;
    const SchemaField *field; // type, out type, map
    const uint8_t *data;      // its bytes (string without NUL and count, element area of an array)
    uint32_t bytes;
    uint32_t n_elements; // array; of a string made of characters, their number
    union {
        int64_t i64;
        uint64_t u64; // of an array whose elements' length a field gives: that length
        double f64;
    };
    uint32_t end; // payload offset behind it
} Value;

typedef struct FieldSlice {
    uint32_t offset;
    uint32_t bytes;      // whole extent in the payload, prefix and NUL included
    uint32_t n_elements; // 1 for a single value
    uint32_t present;    // 0: the payload ended before it
} FieldSlice;

#define PAYLOAD_BUDGET 65536u // elements and members visited in one event

typedef struct Payload {
    const Schema *schema;
    const uint8_t *data;
    uint32_t bytes;
    uint8_t pointer_size;
    bool truncated;    // a field reached past the end, or the budget ran out
    bool ended;        // a field was absent: all behind it are
    uint16_t n_slices; // top-level fields located so far
    uint32_t consumed; // bytes behind the last located field
    uint32_t budget;   // elements and members that may still be visited while locating
    FieldSlice *slices;
} Payload;

// slices: room for schema->n_top entries, or NULL when only fixed offsets will be read.
void payload_open(Payload *p, const Schema *schema, const EventRecord *record, FieldSlice *slices);
// Locates all top-level fields; returns the bytes consumed (== p->bytes when schema and payload agree).
uint32_t payload_scan(Payload *p);
// Value of top-level field i; locates the fields in front when needed. VALUE_NONE when absent.
Value payload_value(Payload *p, uint16_t i);
// Locates the next top-level field (the n_slices-th) and reads it in the same pass: the fast way to
// read all, once. False behind the last one. An absent field gives VALUE_NONE.
bool payload_next(Payload *p, Value *ret);
// Element i of an array, member i of a struct. Elements of variable size are walked from the start:
// iterate with value_next instead of indexing when reading all.
Value value_element(const Payload *p, const Value *array, uint32_t i);
Value value_member(const Payload *p, const Value *structure, uint16_t i);
// What the latest integer members were: counts and lengths mostly refer to one just passed.
typedef struct ValueMemo {
    uint32_t next;
    uint16_t field[4]; // index + 1 into Schema.fields; 0 = free
    uint32_t value[4];
} ValueMemo;

typedef struct ValueIter {
    const Value *parent;
    uint32_t at, i, budget;
    bool ended; // a member was absent: all behind it are
    ValueMemo memo;
} ValueIter;
bool value_first(const Payload *p, const Value *parent, ValueIter *it, Value *ret);
bool value_next(const Payload *p, ValueIter *it, Value *ret);
