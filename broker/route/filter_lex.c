#include "route/filter_lex.h"

#include "util/utf.h"

// PowerShell takes typographic quotes and dashes for the plain ones; text pasted from documents has them.
static bool is_single_quote(uint32_t cp) {
    return cp == '\'' || (cp >= 0x2018 && cp <= 0x201b);
}

static bool is_double_quote(uint32_t cp) {
    return cp == '"' || (cp >= 0x201c && cp <= 0x201e);
}

static bool is_dash(uint32_t cp) {
    return cp == '-' || (cp >= 0x2013 && cp <= 0x2015);
}

static bool is_space(uint32_t cp) {
    return cp == ' ' || (cp >= '\t' && cp <= '\r') || cp == 0xa0 || cp == 0x85 || cp == 0xfeff;
}

static bool is_letter(uint32_t cp) {
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z');
}

static bool is_digit(uint32_t cp) {
    return cp >= '0' && cp <= '9';
}

// Characters that end a bare word.
static bool ends_word(uint32_t cp) {
    return is_space(cp) || is_single_quote(cp) || is_double_quote(cp) ||
           (cp < 128 && cp != 0 && strchr("(){},;|&<>=", (int)cp) != NULL) || cp == 0;
}

static uint32_t peek(const FilterLex *lex, uint32_t at, uint32_t *ret_bytes) {
    if (at >= lex->bytes) {
        *ret_bytes = 0;
        return 0;
    }
    uint32_t cp;
    *ret_bytes = (uint32_t)utf8_next(lex->text + at, lex->text + lex->bytes, &cp);
    return cp;
}

static void finish(FilterLex *lex, FilterToken *t, FilterTokenKind kind, uint32_t start,
                   uint32_t end) {
    t->kind = (uint8_t)kind;
    t->text = lex->text + start;
    t->bytes = end - start;
    t->end = end;
    lex->at = end;
}

static int lex_string(FilterLex *lex, FilterToken *t, bool twice, uint32_t *ret_at, Err *err) {
    uint32_t n;
    peek(lex, lex->at, &n);
    uint32_t start = lex->at + n, at = start;
    for (;;) {
        if (at >= lex->bytes) {
            *ret_at = t->at;
            return err_set(err, STATUS_FILTER,
                           "the text that begins here has no closing quote; "
                           "a quote inside of it is doubled");
        }
        uint32_t cp = peek(lex, at, &n);
        if (twice ? is_double_quote(cp) : is_single_quote(cp)) {
            uint32_t again;
            uint32_t next = peek(lex, at + n, &again);
            if (again != 0 && (twice ? is_double_quote(next) : is_single_quote(next))) {
                at += n + again;
                continue;
            }
            finish(lex, t, TOKEN_STRING, start, at);
            t->double_quoted = twice;
            t->end = lex->at = at + n;
            return 0;
        }
        at += n;
    }
}

// A GUID in braces is a value, not a block.
static bool lex_braced_guid(FilterLex *lex, FilterToken *t) {
    if (lex->bytes - lex->at < 38)
        return false;
    const char *p = lex->text + lex->at;
    for (uint32_t i = 1; i < 37; i++) {
        bool dash = i == 9 || i == 14 || i == 19 || i == 24;
        char c = p[i];
        bool hex = is_digit((uint8_t)c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
        if (dash ? c != '-' : !hex)
            return false;
    }
    if (p[37] != '}')
        return false;
    finish(lex, t, TOKEN_STRING, lex->at + 1, lex->at + 37);
    t->end = ++lex->at;
    return true;
}

static int foreign_operator(const FilterLex *lex, uint32_t at, uint32_t *ret_at, Err *err) {
    static const struct {
        const char *text, *use;
    } known[] = {
        {"===", "-eq"}, {"==", "-eq"}, {"=", "-eq"}, {"!=", "-ne"}, {"<>", "-ne"},
        {"<=", "-le"},  {">=", "-ge"}, {"<", "-lt"}, {">", "-gt"},  {"&&", "-and"},
        {"||", "-or"},  {"&", "-and"}, {"|", "-or"}, {";", "-and"},
    };
    *ret_at = at;
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        size_t n = strlen(known[i].text);
        if (lex->bytes - at >= n && memcmp(lex->text + at, known[i].text, n) == 0)
            return err_set(err, STATUS_FILTER, "'%s' is not an operator here; use %s",
                           known[i].text, known[i].use);
    }
    return err_set(err, STATUS_FILTER,
                   "a control character has no meaning here; put texts in quotes");
}

int filter_lex_next(FilterLex *lex, FilterToken *t, uint32_t *ret_at, Err *err) {
    memset(t, 0, sizeof *t);
    uint32_t n, cp;
    while ((cp = peek(lex, lex->at, &n)), n != 0 && is_space(cp))
        lex->at += n;
    t->at = t->end = lex->at;
    t->text = lex->text + lex->at;
    if (n == 0)
        return 0;
    uint32_t at = lex->at, next_bytes;
    uint32_t next = peek(lex, at + n, &next_bytes);
    FilterTokenKind single = cp == '('   ? TOKEN_OPEN
                             : cp == ')' ? TOKEN_CLOSE
                             : cp == '}' ? TOKEN_BRACE_CLOSE
                             : cp == ',' ? TOKEN_COMMA
                                         : TOKEN_END;
    if (single != TOKEN_END) {
        finish(lex, t, single, at, at + 1);
        return 0;
    }
    if (cp == '{') {
        if (!lex_braced_guid(lex, t))
            finish(lex, t, TOKEN_BRACE_OPEN, at, at + 1);
        return 0;
    }
    if (cp == '@' && next == '(') {
        finish(lex, t, TOKEN_OPEN, at, at + 2);
        return 0;
    }
    if (is_single_quote(cp) || is_double_quote(cp))
        return lex_string(lex, t, is_double_quote(cp), ret_at, err);
    if (cp == '!' && next != '=') {
        finish(lex, t, TOKEN_BANG, at, at + 1);
        return 0;
    }
    if (cp == '!' || ends_word(cp))
        return foreign_operator(lex, at, ret_at, err);
    bool dash = is_dash(cp);
    if (dash && is_letter(next)) {
        uint32_t end = at + n;
        while ((cp = peek(lex, end, &next_bytes)), next_bytes != 0 && (is_letter(cp)))
            end += next_bytes;
        finish(lex, t, TOKEN_OPERATOR, at + n, end);
        return 0;
    }
    if (dash && !is_digit(next) && next != '.') {
        *ret_at = at;
        return err_set(err, STATUS_FILTER,
                       "a dash stands alone; an operator follows it directly, as in -eq");
    }
    uint32_t end = at + n;
    while ((cp = peek(lex, end, &next_bytes)), next_bytes != 0 && !ends_word(cp))
        end += next_bytes;
    if (lex->text[at] != '$') {
        finish(lex, t, TOKEN_WORD, at, end);
        return 0;
    }
    finish(lex, t, TOKEN_CONSTANT, at + 1, end);
    if (filter_token_is(t, "true") || filter_token_is(t, "false") || filter_token_is(t, "null"))
        return 0;
    // $_.Name and $PSItem.Name are fields.
    for (uint32_t i = 0; i < t->bytes; i++) {
        if (t->text[i] != '.')
            continue;
        FilterToken head = *t;
        head.bytes = i;
        if (filter_token_is(&head, "_") || filter_token_is(&head, "PSItem")) {
            finish(lex, t, TOKEN_WORD, at + 1 + i + 1, end);
            if (t->bytes != 0)
                return 0;
        }
        break;
    }
    *ret_at = at;
    return err_set(err, STATUS_FILTER,
                   "variables are not known to the broker; put the value in (in PowerShell, double "
                   "quotes around the filter do)");
}

uint32_t filter_lex_unquote(const FilterToken *token, char *out) {
    uint32_t n = 0;
    const char *p = token->text, *end = p + token->bytes;
    while (p < end) {
        uint32_t cp;
        size_t bytes = utf8_next(p, end, &cp);
        memcpy(out + n, p, bytes);
        n += (uint32_t)bytes;
        p += bytes;
        if (p < end && (token->double_quoted ? is_double_quote(cp) : is_single_quote(cp)))
            p += utf8_next(p, end, &cp); // its double
    }
    return n;
}

bool filter_token_is(const FilterToken *token, const char *word) {
    return fold_compare(token->text, token->bytes, word, strlen(word)) == 0;
}

uint32_t filter_column(const char *text, uint32_t bytes, uint32_t at) {
    uint32_t column = 1;
    for (const char *p = text, *end = text + bytes; p < end && (uint32_t)(p - text) < at;
         column++) {
        uint32_t cp;
        p += utf8_next(p, end, &cp);
    }
    return column;
}
