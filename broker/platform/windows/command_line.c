// The rules of the Microsoft C run-time: the program's name ends at its closing quote or at a blank and
// knows no escapes; in arguments 2n backslashes before a quote are n, an odd number makes the quote
// literal, and two quotes inside of quotes are one.
#include "platform/windows/command_line.h"

#include "util/buf.h"
#include "util/mem.h"
#include "util/utf.h"

static bool is_blank(wchar_t c) {
    return c == L' ' || c == L'\t';
}

static void put(Buf *units, wchar_t c) {
    buf_u16(units, (uint16_t)c);
}

static const wchar_t *take_program(const wchar_t *p, Buf *units) {
    bool quoted = false;
    for (; *p != 0 && (quoted || !is_blank(*p)); p++) {
        if (*p == L'"')
            quoted = !quoted;
        else
            put(units, *p);
    }
    return p;
}

static const wchar_t *take_argument(const wchar_t *p, Buf *units) {
    bool quoted = false;
    while (*p != 0 && (quoted || !is_blank(*p))) {
        size_t n = 0;
        while (p[n] == L'\\')
            n++;
        bool quote = p[n] == L'"';
        for (size_t i = 0; i < (quote ? n / 2 : n); i++)
            put(units, L'\\');
        p += n;
        if (!quote) {
            if (n == 0)
                put(units, *p++);
        } else if (n % 2 != 0) {
            put(units, *p++);
        } else if (quoted && p[1] == L'"') {
            put(units, L'"');
            p += 2;
        } else {
            quoted = !quoted;
            p++;
        }
    }
    return p;
}

static void end_argument(Buf *units, Buf *texts, int *n) {
    utf16_to_utf8(texts, units->data, units->bytes / 2);
    buf_char(texts, '\0');
    if (units->failed)
        texts->failed = true;
    buf_clear(units);
    ++*n;
}

char **command_line_split(const wchar_t *line, int *ret_n) {
    Buf units = BUF_INIT, texts = BUF_INIT;
    int n = 0;
    const wchar_t *p = take_program(line, &units);
    end_argument(&units, &texts, &n);
    for (;;) {
        while (is_blank(*p))
            p++;
        if (*p == 0)
            break;
        p = take_argument(p, &units);
        end_argument(&units, &texts, &n);
    }
    buf_deinit(&units);
    size_t pointers = ((size_t)n + 1) * sizeof(char *);
    uint8_t *block = texts.failed ? NULL : mem_zalloc(pointers + texts.bytes);
    char **arguments = (char **)(void *)block;
    if (block != NULL) {
        char *text = (char *)block + pointers;
        memcpy(text, texts.data, texts.bytes);
        for (int i = 0; i < n; i++) {
            arguments[i] = text;
            text += strlen(text) + 1;
        }
        *ret_n = n;
    }
    buf_deinit(&texts);
    return arguments;
}
