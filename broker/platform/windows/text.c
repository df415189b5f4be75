// Conversions. Names of files and arguments may hold lone surrogates; they survive as WTF-8 in one
// direction and are refused in the other, where only Windows itself could be asked for them.
#include "platform/windows/text.h"

#include "platform/windows/win.h"
#include <stdio.h>

#include "util/mem.h"
#include "util/utf.h"

wchar_t *text_wide(const char *utf8) {
    int units = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8, -1, NULL, 0);
    if (units <= 0)
        return NULL;
    wchar_t *wide = mem_array((size_t)units, sizeof *wide);
    if (wide == NULL)
        return NULL;
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8, -1, wide, units) != units) {
        mem_free(wide);
        return NULL;
    }
    return wide;
}

char *text_utf8(const wchar_t *wide) {
    size_t units = wcslen(wide);
    size_t bytes = utf16_to_utf8_fixed(NULL, 0, wide, units);
    char *text = mem_alloc(bytes + 1);
    if (text != NULL)
        utf16_to_utf8_fixed(text, bytes + 1, wide, units);
    return text;
}

const char *text_error(unsigned long code, char *buf, size_t cap) {
    wchar_t wide[256];
    DWORD n = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, code,
                             0, wide, ARRAY_COUNT(wide), NULL);
    while (n != 0 && (wide[n - 1] == L'\r' || wide[n - 1] == L'\n' || wide[n - 1] == L' '))
        n--;
    char text[512];
    utf16_to_utf8_fixed(text, sizeof text, wide, n);
    if (n == 0)
        snprintf(buf, cap, "error %lu", code);
    else
        snprintf(buf, cap, "%s (error %lu)", text, code);
    return buf;
}
