// UTF-16LE, UTF-8 and case folding. Lone surrogates pass as WTF-8 (three bytes), so that nothing is
// lost; case folding is Unicode's simple case folding (C + S) from a generated table, never the C
// library's, so that both hosts and all locales agree. Pure functions; any thread.
#pragma once

#include "util/buf.h"

// Appends n 16-bit units (unaligned little-endian) as WTF-8. A conversion that fails its Buf has
// appended nothing.
void utf16_to_utf8(Buf *out, const void *units, size_t n);
// The same into a fixed buffer; returns the bytes needed without the NUL; out is always terminated
// when cap > 0 and never cut inside a character.
size_t utf16_to_utf8_fixed(char *out, size_t cap, const void *units, size_t n);
// Appends UTF-8 (or WTF-8) text as UTF-16LE units; an invalid byte becomes U+FFFD.
void utf8_to_utf16(Buf *out, const char *text, size_t bytes);
// Units before the first NUL, or max_units.
size_t utf16_length(const void *units, size_t max_units);
bool utf8_valid(const char *text, size_t bytes); // strict: no surrogates, no overlongs
// Decodes one character at p (end > p): returns its length, *ret_cp the code point; an invalid byte
// gives length 1 and 0xFFFD.
size_t utf8_next(const char *p, const char *end, uint32_t *ret_cp);
size_t utf8_put(char out[4], uint32_t cp);

uint32_t fold_char(uint32_t cp);
// The simple upper case of a character below U+10000, as .NET's ToUpperInvariant has it (dotless i
// and long s stay); for guid_from_name only: compare with fold_…, never with upper_char.
uint32_t upper_char(uint32_t cp);
// Orders by folded code point: -1, 0 or 1. An invalid byte equals only the same byte, not U+FFFD.
int fold_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes); // both (W|U)TF-8
bool fold_equal(const char *a, const char *b);                                  // NUL-terminated
// Globs with * and ? (one character) over text, case-folded; there is no escape. Linear in the text
// when no piece between two stars is longer than 256 characters; at worst text * pattern beyond.
bool fold_glob(const char *pattern, const char *text);
