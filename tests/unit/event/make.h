// Schemas, payloads and records for the event tests, made from literals.
#pragma once

#include "event/format.h"

#include <criterion/criterion.h>

// Field initialisers: NAME is the field's name.
#define FIELD(name_, in_, out_)                                                                    \
    { .name = name_, .in_type = in_, .out_type = out_ }
#define COUNTED(name_, in_, out_, kind_, n_)                                                       \
    { .name = name_, .in_type = in_, .out_type = out_, .count_kind = kind_, .count = n_ }
#define SIZED(name_, in_, out_, kind_, n_)                                                         \
    { .name = name_, .in_type = in_, .out_type = out_, .length_kind = kind_, .length = n_ }

typedef struct Made {
    Schema *schema;
    EventRecord record;
    uint8_t bytes[8192];
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    Payload payload;
    Buf out;
} Made;

// The schema is finished; hex: the payload in hex digits, spaces ignored. pointer: 4 or 8.
void make(Made *m, const SchemaField *fields, uint16_t n_fields, uint16_t n_top, const char *hex,
          int pointer);
// The same by a kernel class of kernel_mof.txt ("FileIo"); its header has pid 4660 and tid 22136.
void make_kernel(Made *m, const char *class, int opcode, int version, const char *hex, int pointer);
void made_free(Made *m);
// Parses hex digits; returns the bytes.
uint32_t from_hex(const char *hex, uint8_t *to, size_t cap);
// Text and JSON of top-level field i, in m->out.
const char *made_text(Made *m, uint16_t i);
const char *made_json(Made *m, uint16_t i);
// {"…": …} of the payload.
const char *made_payload_json(Made *m);
