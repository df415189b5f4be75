// Status names and the error detail. Texts often quote names that came from outside, so that every
// text is made valid UTF-8 without control characters before it can reach a terminal or a log.
#include "util/err.h"

#include <stdarg.h>
#include <stdio.h>

#include "util/utf.h"

static bool is_control(uint32_t cp) {
    return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x2028 || cp == 0x2029;
}

// Puts text, cleaned, at err->text + at; cuts at a character boundary. text may not lie in err.
static void put_text(Err *err, size_t at, const char *text) {
    const char *end = text + strlen(text);
    const size_t cap = sizeof err->text - 1;
    while (text < end) {
        uint32_t cp;
        size_t n = utf8_next(text, end, &cp);
        bool bad = (n == 1 && cp == 0xfffd) || (cp >= 0xd800 && cp < 0xe000);
        if (bad || is_control(cp)) {
            if (at == cap)
                break;
            err->text[at++] = bad ? '?' : ' ';
        } else {
            if (n > cap - at)
                break;
            memcpy(err->text + at, text, n);
            at += n;
        }
        text += n;
    }
    err->text[at] = '\0';
}

// vsnprintf cuts at a byte: takes a character that lost its tail off the end again.
static void drop_cut_character(char *text) {
    size_t bytes = strlen(text);
    size_t back = 0;
    while (back < 3 && back < bytes && ((uint8_t)text[bytes - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back == bytes)
        return;
    char *lead = text + bytes - 1 - back;
    uint8_t c = (uint8_t)*lead;
    size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
    if (need > back + 1)
        *lead = '\0';
}

static void format_text(char *text, size_t cap, const char *format, va_list args) ETW_PRINTF(3, 0);
static void format_text(char *text, size_t cap, const char *format, va_list args) {
    int n = vsnprintf(text, cap, format, args);
    if (n < 0)
        text[0] = '\0';
    else if ((size_t)n >= cap)
        drop_cut_character(text);
}

int err_set(Err *err, Status status, const char *format, ...) {
    if (err != NULL) {
        // Formatted aside: the arguments may point into err itself.
        char text[sizeof err->text];
        va_list args;
        va_start(args, format);
        format_text(text, sizeof text, format, args);
        va_end(args);
        err->status = (int)status;
        put_text(err, 0, text);
    }
    return -(int)status;
}

int err_prefix(Err *err, int result, const char *format, ...) {
    if (err == NULL)
        return result;
    char prefix[sizeof err->text];
    va_list args;
    va_start(args, format);
    format_text(prefix, sizeof prefix, format, args);
    va_end(args);
    char old[sizeof err->text];
    memcpy(old, err->text, sizeof old);
    if (old[0] == '\0' && result < 0) {
        // The failing function told nothing: the code is still better than an empty text.
        err->status = -result;
        snprintf(old, sizeof old, "%s", status_text(-result));
    }
    put_text(err, 0, prefix);
    size_t at = strlen(err->text);
    put_text(err, at, ": ");
    put_text(err, strlen(err->text), old);
    return result;
}

const char *status_name(int status) {
    switch (status) {
#define STATUS(name, number, text, remedy)                                                         \
    case number:                                                                                   \
        return #name;
#include "idl/status.def"
#undef STATUS
    default:
        return "UNKNOWN";
    }
}

const char *status_text(int status) {
    switch (status) {
#define STATUS(name, number, text, remedy)                                                         \
    case number:                                                                                   \
        return text;
#include "idl/status.def"
#undef STATUS
    default:
        return "unknown status";
    }
}

const char *status_remedy(int status) {
    switch (status) {
#define STATUS(name, number, text, remedy)                                                         \
    case number:                                                                                   \
        return remedy;
#include "idl/status.def"
#undef STATUS
    default:
        return "";
    }
}
