// Immutable, counted text of the caches: paths, key names, command lines. WTF-8, NUL-terminated.
// Owner: the loop (or dump); plain counts.
#pragma once

#include "util/base.h"

typedef struct Text {
    uint32_t refs;
    uint32_t bytes;      // without NUL
    uint64_t serial;     // unique in the program's life
    uint32_t generation; // of the volumes it was last mapped with (volumes.h)
    char s[];
} Text;

Text *text_new(const char *utf8, size_t bytes); // NULL: out of memory
// From UTF-16LE units, up to the first NUL or the end; lone surrogates become WTF-8.
Text *text_from_utf16(const uint8_t *units, size_t bytes);
Text *text_ref(Text *text);
Text *text_unref(Text *text);         // returns NULL; NULL is allowed
size_t text_charge(const Text *text); // bytes of memory; 0 for NULL
// Serials of things that are known by their content have this bit (composed texts).
#define SERIAL_OF_CONTENT (UINT64_C(1) << 63)
uint64_t serial_next(void); // for everything that goes into a batch's table
