// The constants of a filter, with every form they can be compared in worked out at parse time: number,
// GUID, SID, IP address, time, folded text. Immutable; lives in the arena it came from.
#pragma once

#include "util/arena.h"
#include "util/guid.h"

typedef enum LiteralKind {
    LITERAL_NULL = 0,
    LITERAL_TEXT,   // quoted, or a bare word that is no number
    LITERAL_NUMBER, // int or float
    LITERAL_BOOL,
} LiteralKind;

#define LITERAL_MAX_SID 68u // revision, count, authority, 15 sub-authorities

typedef struct Literal {
    uint8_t kind; // LiteralKind
    bool has_int, has_float, has_bool, has_guid, has_ip4, has_ip6, has_time;
    bool negative; // of the integer: its value is -magnitude
    bool hex;      // written as 0x…: a bit pattern, equal to negative numbers of the same bits
    bool boolean;
    uint8_t sid_bytes; // 0: not a SID
    uint64_t magnitude;
    double number;    // has_float; also set when has_int
    int64_t time;     // FILETIME
    const char *text; // as PowerShell prints it; "" for $null
    uint32_t text_bytes;
    uint32_t n_folded; // characters
    uint32_t n_units;  // UTF-16 units of the text
    const uint32_t *folded;
    const uint8_t *sid;
    Guid guid;
    uint8_t ip4[4], ip6[16];
} Literal;

// < 0: no memory.
int literal_text(Arena *arena, const char *text, size_t bytes, Literal *ret);
int literal_bool(Arena *arena, bool value, Literal *ret);
int literal_null(Arena *arena, Literal *ret);
// A number word: decimal, 0x…, fraction and exponent, with KB MB GB TB PB. 0; 1: it is none; < 0.
int literal_number(Arena *arena, const char *text, size_t bytes, Literal *ret);
// Sets the integer form (names that stand for numbers, such as levels).
void literal_set_int(Literal *literal, uint64_t value);

bool literal_parse_time(const char *text, size_t bytes, int64_t *ret); // ISO 8601; no zone: UTC
bool literal_parse_ip4(const char *text, size_t bytes, uint8_t ret[4]);
bool literal_parse_ip6(const char *text, size_t bytes, uint8_t ret[16]);
// Returns the bytes of the SID, 0 when text is none.
uint8_t literal_parse_sid(const char *text, size_t bytes, uint8_t ret[LITERAL_MAX_SID]);
