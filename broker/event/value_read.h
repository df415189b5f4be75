// Reading one field, element or member at a place in a payload. Private to value*.c.
//
// `at` never exceeds the payload. Every field, element and member that is visited is paid for from
// the walk's budget, so that nested counts cannot multiply; a field that reaches past the end stops
// the walk, because what stands behind it is unknown.
#pragma once

#include "event/value.h"

typedef struct Walk {
    const Payload *p;
    uint32_t budget;
    bool stopped; // the payload ended inside a field, or the budget ran out
} Walk;

// The fields among which counts and lengths refer to each other: the top level or one structure.
typedef struct Scope {
    uint32_t start;  // payload offset of the structure
    uint16_t first;  // its first member
    ValueMemo *memo; // or NULL
} Scope;

static inline int32_t value_offset(const SchemaField *f, uint8_t pointer_size) {
    return pointer_size == 4 ? f->offset32 : f->offset64;
}

// Bytes of one element, or -1 when only the payload can tell.
int64_t value_element_bytes(const Schema *s, const SchemaField *f, uint8_t pointer_size);
// Payload offset of field i of the scope; false when the payload ends before it.
bool value_find(Walk *w, const Scope *s, uint32_t i, uint32_t *ret_at);
// Reads field i at `at`; false when it is absent: VALUE_NONE with end == at.
bool value_read_field(Walk *w, const Scope *s, uint32_t i, uint32_t at, Value *v);
// One element of v->field. length: what length_kind FIXED or FIELD comes to.
bool value_read_one(Walk *w, uint64_t length, uint32_t at, Value *v);
// The same for everything but structures (value_type.c).
bool value_read_typed(Walk *w, uint64_t length, uint32_t at, Value *v);
// The length in front of counted types and of PREFIX16 extents: size 2 or 4; moves *at behind it.
bool value_read_prefix(Walk *w, uint32_t *at, uint32_t size, bool big_endian, uint32_t *ret);
// A string of known extent: a buffer of fixed size ends at its first NUL (what follows is stale), a
// counted one keeps NULs inside (they would hide text) and loses those at its end.
void value_set_text(Value *v, bool wide, const uint8_t *data, uint32_t bytes, bool fixed);
