// Small texts for people: numbers with separators, durations, sizes, widths on a terminal, spelling.
// Pure functions; any thread.
#pragma once

#include "util/buf.h"

#define NUMBER_TEXT 32

char *number_text(uint64_t v, char buf[NUMBER_TEXT]);    // "1,204"
char *percent_text(double share, char buf[NUMBER_TEXT]); // 0.71: "71 %"; small but not 0: "<1 %"
char *bytes_text(uint64_t bytes, char buf[NUMBER_TEXT]); // "61 MB"
char *duration_text(int64_t ms, char buf[NUMBER_TEXT]);  // "2 ms", "4.1 s", "5:07", "2:03:11"
char *uptime_text(uint64_t ms, char buf[NUMBER_TEXT]);   // "3d 04:11", "0:42"
bool parse_u64(const char *text, uint64_t *ret);         // decimal or 0x…; the whole text
bool parse_duration_ms(const char *text,
                       uint64_t *ret);             // "30" (seconds), "30s", "1.5m", "250ms", "2h"
bool parse_bytes(const char *text, uint64_t *ret); // "8MB", "64 KB", "1GB", "65536"

// Columns that a terminal gives to UTF-8 text: wide characters take two, combining ones none.
size_t text_columns(const char *text, size_t bytes);
// Appends the text so that it cannot harm or confuse a terminal: white space becomes a space, other
// control and direction-changing characters '?', invalid bytes U+FFFD. Cut at the end with "…" when
// longer than max_columns (0: never). Returns the columns written.
size_t text_clean(Buf *out, const char *text, size_t bytes, size_t max_columns);
// The same, keeping the end: "…Kernel-Process".
size_t text_clean_tail(Buf *out, const char *text, size_t bytes, size_t max_columns);
void text_pad(Buf *out, size_t columns);

// How many single-letter slips lie between two words, case-blind (up to 64 bytes each; more count as far).
uint32_t text_distance(const char *a, const char *b);
