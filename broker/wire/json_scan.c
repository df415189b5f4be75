// A scanner for RFC 8259 with budgets for depth and tokens. It keeps no values: a stack of bits says
// what kind of container is open.
#include "wire/json_scan.h"

#include "util/utf.h"
#include "wire/json.h"

typedef struct Scan {
    const char *text;
    size_t bytes, at;
    uint32_t depth, tokens;
    uint32_t objects; // bit per depth: an object, not an array
    Err *err;
} Scan;

_Static_assert(JSON_MAX_DEPTH < 32, "one bit for each depth");

static int bad(Scan *scan, const char *what) {
    return err_set(scan->err, STATUS_INVALID_ARGUMENT, "JSON, byte %zu: %s", scan->at, what);
}

static int peek(const Scan *scan) {
    return scan->at < scan->bytes ? (uint8_t)scan->text[scan->at] : -1;
}

static void skip_blanks(Scan *scan) {
    while (scan->at < scan->bytes) {
        char c = scan->text[scan->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            break;
        scan->at++;
    }
}

static bool is_digit(int c) {
    return c >= '0' && c <= '9';
}

static int count_token(Scan *scan) {
    return ++scan->tokens <= JSON_MAX_TOKENS
               ? 0
               : bad(scan, "there are too many values (4096 are allowed)");
}

static int hex_unit(Scan *scan, uint32_t *ret) {
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        int c = peek(scan);
        uint32_t digit;
        if (is_digit(c))
            digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t)(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            digit = (uint32_t)(c - 'A' + 10);
        else
            return bad(scan, "\\u needs four hexadecimal digits");
        unit = unit << 4 | digit;
        scan->at++;
    }
    *ret = unit;
    return 0;
}

static int scan_unicode_escape(Scan *scan) {
    uint32_t unit;
    int result = hex_unit(scan, &unit);
    if (result < 0)
        return result;
    if (unit == 0)
        return bad(scan, "\\u0000 is not allowed");
    if (unit >= 0xdc00 && unit < 0xe000)
        return bad(scan, "a low surrogate stands alone");
    if (unit < 0xd800 || unit >= 0xdc00)
        return 0;
    if (scan->bytes - scan->at < 2 || scan->text[scan->at] != '\\' ||
        scan->text[scan->at + 1] != 'u')
        return bad(scan, "a high surrogate stands alone");
    scan->at += 2;
    result = hex_unit(scan, &unit);
    if (result == 0 && (unit < 0xdc00 || unit >= 0xe000))
        return bad(scan, "a high surrogate stands alone");
    return result;
}

static int scan_escape(Scan *scan) {
    scan->at++; // the backslash
    int c = peek(scan);
    if (c < 0)
        return bad(scan, "a string has no end");
    scan->at++;
    switch (c) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 0;
    case 'u':
        return scan_unicode_escape(scan);
    default:
        return bad(scan, "an unknown escape");
    }
}

static int scan_string(Scan *scan) {
    scan->at++; // the quote
    for (;;) {
        int c = peek(scan);
        if (c < 0)
            return bad(scan, "a string has no end");
        if (c == '"') {
            scan->at++;
            return 0;
        }
        if (c == '\\') {
            int result = scan_escape(scan);
            if (result < 0)
                return result;
        } else if (c < 0x20) {
            return bad(scan, "a control character in a string");
        } else if (c < 0x80) {
            scan->at++;
        } else {
            uint32_t cp;
            const char *p = scan->text + scan->at;
            size_t n = utf8_next(p, scan->text + scan->bytes, &cp);
            if (n < 2 || !utf8_valid(p, n))
                return bad(scan, "not UTF-8");
            scan->at += n;
        }
    }
}

static int scan_number(Scan *scan) {
    size_t from = scan->at;
    if (peek(scan) == '-')
        scan->at++;
    if (!is_digit(peek(scan)))
        return bad(scan, "a number needs a digit here");
    if (peek(scan) == '0') {
        scan->at++;
        if (is_digit(peek(scan)))
            return bad(scan, "a number begins with 0");
    }
    while (is_digit(peek(scan)))
        scan->at++;
    if (peek(scan) == '.') {
        scan->at++;
        if (!is_digit(peek(scan)))
            return bad(scan, "a number needs a digit here");
        while (is_digit(peek(scan)))
            scan->at++;
    }
    if (peek(scan) == 'e' || peek(scan) == 'E') {
        scan->at++;
        if (peek(scan) == '+' || peek(scan) == '-')
            scan->at++;
        if (!is_digit(peek(scan)))
            return bad(scan, "a number needs a digit here");
        while (is_digit(peek(scan)))
            scan->at++;
    }
    // cJSON copies numbers into 64 bytes and would read the rest as something else.
    if (scan->at - from > JSON_MAX_NUMBER)
        return bad(scan, "a number is too long");
    return 0;
}

static int scan_word(Scan *scan, const char *word) {
    size_t bytes = strlen(word);
    if (scan->bytes - scan->at < bytes || memcmp(scan->text + scan->at, word, bytes) != 0)
        return bad(scan, "a value is expected here");
    scan->at += bytes;
    return 0;
}

static int scan_scalar(Scan *scan, int c) {
    if (c == '"')
        return scan_string(scan);
    if (c == '-' || is_digit(c))
        return scan_number(scan);
    return scan_word(scan, c == 't' ? "true" : c == 'f' ? "false" : "null");
}

static bool in_object(const Scan *scan) {
    return scan->depth != 0 && (scan->objects >> scan->depth & 1) != 0;
}

// A key and its colon; the scanner stands at the next thing afterwards.
static int scan_key(Scan *scan) {
    skip_blanks(scan);
    if (peek(scan) != '"')
        return bad(scan, "a key is expected here");
    int result = count_token(scan);
    if (result == 0)
        result = scan_string(scan);
    if (result < 0)
        return result;
    skip_blanks(scan);
    if (peek(scan) != ':')
        return bad(scan, "':' is expected here");
    scan->at++;
    skip_blanks(scan);
    return 0;
}

// Opens a container; *ret_open is false when it was empty and is closed again.
static int open_container(Scan *scan, int c, bool *ret_open) {
    if (scan->depth == JSON_MAX_DEPTH)
        return bad(scan, "it is nested too deeply (16 levels are allowed)");
    scan->depth++;
    uint32_t bit = UINT32_C(1) << scan->depth;
    scan->objects = c == '{' ? scan->objects | bit : scan->objects & ~bit;
    scan->at++;
    skip_blanks(scan);
    *ret_open = peek(scan) != (c == '{' ? '}' : ']');
    if (*ret_open)
        return c == '{' ? scan_key(scan) : 0;
    scan->at++;
    scan->depth--;
    return 0;
}

// Behind a value: closes containers until another value follows (*ret_more) or all are closed.
static int after_value(Scan *scan, bool *ret_more) {
    *ret_more = false;
    while (scan->depth != 0) {
        skip_blanks(scan);
        int c = peek(scan);
        if (c == ',') {
            scan->at++;
            skip_blanks(scan);
            *ret_more = true;
            return in_object(scan) ? scan_key(scan) : 0;
        }
        if (c != (in_object(scan) ? '}' : ']'))
            return bad(scan, in_object(scan) ? "',' or '}' is expected here"
                                             : "',' or ']' is expected here");
        scan->at++;
        scan->depth--;
    }
    return 0;
}

int json_scan(const char *text_untrusted, size_t bytes, Err *err) {
    Scan scan = {text_untrusted, bytes, 0, 0, 0, 0, err};
    skip_blanks(&scan);
    for (bool more = true; more;) {
        int result = count_token(&scan);
        if (result < 0)
            return result;
        int c = peek(&scan);
        bool opened = false;
        if (c == '{' || c == '[')
            result = open_container(&scan, c, &opened);
        else
            result = scan_scalar(&scan, c);
        if (result < 0)
            return result;
        if (!opened)
            result = after_value(&scan, &more);
        if (result < 0)
            return result;
    }
    skip_blanks(&scan);
    return scan.at == bytes ? 0 : bad(&scan, "something stands behind the value");
}
