// Splits filter text into tokens. No allocation: tokens point into the text; the state is a plain value
// that can be copied to look ahead.
#pragma once

#include "route/fields.h"
#include "util/err.h"

typedef enum FilterTokenKind {
    TOKEN_END = 0,
    TOKEN_OPEN,  // ( and @(
    TOKEN_CLOSE, // )
    TOKEN_BRACE_OPEN,
    TOKEN_BRACE_CLOSE,
    TOKEN_COMMA,
    TOKEN_BANG,     // !
    TOKEN_STRING,   // raw, between the quotes; doubled quotes still doubled
    TOKEN_WORD,     // bare: field, dashless operator, number, bare value
    TOKEN_OPERATOR, // -word: text is the word
    TOKEN_CONSTANT, // $true, $false, $null: text is the word
} FilterTokenKind;

typedef struct FilterToken {
    uint8_t kind;       // FilterTokenKind
    bool double_quoted; // of a string
    const char *text;
    uint32_t bytes;
    uint32_t at;  // byte offset in the filter, for messages
    uint32_t end; // byte offset behind it
} FilterToken;

typedef struct FilterLex {
    const char *text;
    uint32_t bytes;
    uint32_t at; // next byte to read
} FilterLex;

// Reads the next token. Fails with -STATUS_FILTER, *ret_at the byte offset and err the reason
// (without the position).
int filter_lex_next(FilterLex *lex, FilterToken *ret, uint32_t *ret_at, Err *err);
// Text of a string token without the doubling, into out (room for token->bytes); returns its bytes.
uint32_t filter_lex_unquote(const FilterToken *token, char *out);
// Is the token this word (case-blind; as a bare word or with a dash)?
bool filter_token_is(const FilterToken *token, const char *word);
// Number of the character (1 for the first) that stands at a byte offset.
uint32_t filter_column(const char *text, uint32_t bytes, uint32_t at);
