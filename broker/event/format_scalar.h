// How one value is written: the choice that text and JSON share, and the text of scalars.
//
// Private to the event room. No state; any thread.
#pragma once

#include "event/format.h"

typedef enum ScalarForm {
    FORM_NULL,
    FORM_DECIMAL, // VALUE_U64, VALUE_I64
    FORM_BOOL,
    FORM_DOUBLE,
    FORM_MAP,  // the name of its value; a decimal number when the map has none
    FORM_BITS, // names joined by " | ", and what is left as 0x…
    FORM_HEX,
    FORM_CODE, // 0xC0000022 (STATUS_ACCESS_DENIED)
    FORM_IPV4,
    FORM_IPV6,
    FORM_SOCKADDR,
    FORM_TIME,
    FORM_GUID,
    FORM_SID,
    FORM_BYTES, // lower-case hex
    FORM_UTF16,
    FORM_ANSI,
    FORM_UTF8,
    FORM_STRUCT,
    FORM_ARRAY,
} ScalarForm;

ScalarForm scalar_form(const Value *v, uint32_t options);
// The name that the value's map gives it; NULL when there is none (FORM_MAP).
const char *scalar_map_name(const Value *v);
// Text of the forms that are always short (SCALAR_PUT bytes at most), at p; NULL and nothing for the
// others. No quotes.
#define SCALAR_PUT 80
char *scalar_put(char *p, const Value *v, ScalarForm form);
// Text of everything but FORM_STRUCT and FORM_ARRAY. Needs no escaping in JSON, except that of
// FORM_MAP, FORM_BITS and the strings.
void scalar_text(Buf *out, const Value *v, ScalarForm form);
// FORM_BITS with its names written by `put`, so that JSON can escape them.
void scalar_bits(Buf *out, const Value *v, void (*put)(Buf *out, const char *text));
