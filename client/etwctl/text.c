#include "client/etwctl/text.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/utf.h"

#define ELLIPSIS "\xe2\x80\xa6"

char *number_text(uint64_t v, char buf[NUMBER_TEXT]) {
    char *p = &buf[NUMBER_TEXT - 1];
    *p = '\0';
    for (int digits = 0; digits == 0 || v != 0; digits++, v /= 10) {
        if (digits > 0 && digits % 3 == 0)
            *--p = ',';
        *--p = (char)('0' + v % 10);
    }
    memmove(buf, p, strlen(p) + 1);
    return buf;
}

char *percent_text(double share, char buf[NUMBER_TEXT]) {
    double percent = share * 100;
    if (!(percent > 0))
        snprintf(buf, NUMBER_TEXT, "0 %%");
    else if (percent < 0.5)
        snprintf(buf, NUMBER_TEXT, "<1 %%");
    else
        snprintf(buf, NUMBER_TEXT, "%.0f %%", MIN_OF(percent, 99999.0));
    return buf;
}

char *bytes_text(uint64_t bytes, char buf[NUMBER_TEXT]) {
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
    size_t unit = 0;
    double v = (double)bytes;
    while (v >= 1024 && unit + 1 < ARRAY_COUNT(units)) {
        v /= 1024;
        unit++;
    }
    snprintf(buf, NUMBER_TEXT, unit > 0 && v < 10 ? "%.1f %s" : "%.0f %s", v, units[unit]);
    return buf;
}

char *duration_text(int64_t ms, char buf[NUMBER_TEXT]) {
    if (ms < 0)
        ms = 0;
    long long seconds = ms / 1000;
    if (ms < 1000)
        snprintf(buf, NUMBER_TEXT, "%d ms", (int)ms);
    else if (seconds < 100)
        snprintf(buf, NUMBER_TEXT, "%.1f s", (double)ms / 1000);
    else if (seconds < 3600)
        snprintf(buf, NUMBER_TEXT, "%lld:%02lld", seconds / 60, seconds % 60);
    else
        snprintf(buf, NUMBER_TEXT, "%lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60,
                 seconds % 60);
    return buf;
}

char *uptime_text(uint64_t ms, char buf[NUMBER_TEXT]) {
    unsigned long long minutes = ms / 60000, days = minutes / 1440;
    if (ms < 60000)
        snprintf(buf, NUMBER_TEXT, "%llu s", (unsigned long long)ms / 1000);
    else if (days > 0)
        snprintf(buf, NUMBER_TEXT, "%llud %02llu:%02llu", days, minutes / 60 % 24, minutes % 60);
    else
        snprintf(buf, NUMBER_TEXT, "%llu:%02llu", minutes / 60, minutes % 60);
    return buf;
}

bool parse_u64(const char *text, uint64_t *ret) {
    uint32_t base = 10;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
    }
    if (*text == '\0')
        return false;
    uint64_t v = 0;
    for (; *text; text++) {
        char c = *text;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A') + 10
                                                : 99;
        if (digit >= base || v > (UINT64_MAX - digit) / base)
            return false;
        v = v * base + digit;
    }
    *ret = v;
    return true;
}

typedef struct Unit {
    const char *name;
    double factor;
} Unit;

// "NUMBER[ ]UNIT"; the first unit is taken when none is written.
static bool parse_measure(const char *text, const Unit *units, size_t n, uint64_t *ret) {
    size_t digits = strspn(text, "0123456789.");
    char number[32];
    if (digits == 0 || digits >= sizeof number)
        return false;
    memcpy(number, text, digits);
    number[digits] = '\0';
    char *end;
    double v = strtod(number, &end);
    if (*end != '\0')
        return false;
    text += digits;
    while (*text == ' ')
        text++;
    for (size_t i = 0; i < n; i++) {
        if ((*text == '\0' && i == 0) || (*text != '\0' && fold_equal(text, units[i].name))) {
            v *= units[i].factor;
            if (!(v >= 0 && v < 1e18))
                return false;
            *ret = (uint64_t)(v + 0.5);
            return true;
        }
    }
    return false;
}

bool parse_duration_ms(const char *text, uint64_t *ret) {
    static const Unit units[] = {{"s", 1000},    {"ms", 1},     {"m", 60000},   {"min", 60000},
                                 {"h", 3600000}, {"sec", 1000}, {"d", 86400000}};
    return parse_measure(text, units, ARRAY_COUNT(units), ret);
}

bool parse_bytes(const char *text, uint64_t *ret) {
    static const Unit units[] = {{"B", 1},          {"bytes", 1},       {"KB", 1024},
                                 {"K", 1024},       {"KiB", 1024},      {"MB", 1048576},
                                 {"M", 1048576},    {"MiB", 1048576},   {"GB", 1073741824},
                                 {"G", 1073741824}, {"GiB", 1073741824}};
    return parse_measure(text, units, ARRAY_COUNT(units), ret);
}

// ---- Widths ----

typedef struct Range {
    uint32_t first, last;
} Range;

static bool in_ranges(uint32_t cp, const Range *ranges, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (cp >= ranges[i].first && cp <= ranges[i].last)
            return true;
    return false;
}

// An approximation of Unicode's East Asian Width and of its non-spacing marks: enough to keep columns.
static size_t char_columns(uint32_t cp) {
    static const Range none[] = {
        {0x300, 0x36f}, {0x200b, 0x200d}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}};
    static const Range wide[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf},   {0xac00, 0xd7a3},
                                 {0xf900, 0xfaff}, {0xfe30, 0xfe6f},   {0xff00, 0xff60},
                                 {0xffe0, 0xffe6}, {0x1f300, 0x1faff}, {0x20000, 0x3fffd}};
    if (cp < 0x300)
        return 1;
    if (in_ranges(cp, none, ARRAY_COUNT(none)))
        return 0;
    return in_ranges(cp, wide, ARRAY_COUNT(wide)) ? 2 : 1;
}

size_t text_columns(const char *text, size_t bytes) {
    const char *end = text + bytes;
    size_t columns = 0;
    while (text < end) {
        uint32_t cp;
        text += utf8_next(text, end, &cp);
        columns += char_columns(cp);
    }
    return columns;
}

// What a terminal is given for a character.
static uint32_t harmless(uint32_t cp) {
    static const Range directions[] = {{0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}};
    if (cp == ' ' || (cp >= '\t' && cp <= '\r'))
        return ' ';
    if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) ||
        in_ranges(cp, directions, ARRAY_COUNT(directions)))
        return '?';
    return cp >= 0xd800 && cp <= 0xdfff ? 0xfffd : cp;
}

static bool is_plain(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if ((uint8_t)text[i] < 0x20 || (uint8_t)text[i] > 0x7e)
            return false;
    return true;
}

// Writes characters until `limit` columns are used.
static size_t put_clean(Buf *out, const char *text, size_t bytes, size_t limit) {
    if (bytes <= limit && is_plain(text, bytes)) {
        buf_append(out, text, bytes);
        return bytes;
    }
    const char *end = text + bytes;
    size_t columns = 0;
    while (text < end) {
        uint32_t cp;
        char utf8[4];
        text += utf8_next(text, end, &cp);
        cp = harmless(cp);
        size_t width = char_columns(cp);
        if (columns + width > limit)
            break;
        columns += width;
        buf_append(out, utf8, utf8_put(utf8, cp));
    }
    return columns;
}

size_t text_clean(Buf *out, const char *text, size_t bytes, size_t max_columns) {
    if (max_columns == 0)
        return put_clean(out, text, bytes, SIZE_MAX);
    if (bytes > max_columns && text_columns(text, bytes) > max_columns) {
        size_t columns = put_clean(out, text, bytes, max_columns - 1);
        buf_text(out, ELLIPSIS);
        return columns + 1;
    }
    return put_clean(out, text, bytes, max_columns);
}

size_t text_clean_tail(Buf *out, const char *text, size_t bytes, size_t max_columns) {
    size_t columns = text_columns(text, bytes);
    if (max_columns == 0 || columns <= max_columns)
        return put_clean(out, text, bytes, SIZE_MAX);
    const char *end = text + bytes;
    while (text < end && columns > max_columns - 1) {
        uint32_t cp;
        text += utf8_next(text, end, &cp);
        columns -= char_columns(cp);
    }
    buf_text(out, ELLIPSIS);
    return 1 + put_clean(out, text, (size_t)(end - text), SIZE_MAX);
}

void text_pad(Buf *out, size_t columns) {
    static const char spaces[] = "                                                                ";
    for (; columns > sizeof spaces - 1; columns -= sizeof spaces - 1)
        buf_append(out, spaces, sizeof spaces - 1);
    buf_append(out, spaces, columns);
}

// ---- Spelling ----

// Levenshtein's distance, with neighbours changed over as one slip; three rows of the table at a time.
uint32_t text_distance(const char *a, const char *b) {
    enum { LONGEST = 64 };
    size_t n_a = strlen(a), n_b = strlen(b);
    if (n_a > LONGEST || n_b > LONGEST)
        return LONGEST;
    uint32_t rows[3][LONGEST + 1];
    for (size_t j = 0; j <= n_b; j++)
        rows[0][j] = (uint32_t)j;
    for (size_t i = 1; i <= n_a; i++) {
        uint32_t *now = rows[i % 3], *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];
        now[0] = (uint32_t)i;
        for (size_t j = 1; j <= n_b; j++) {
            uint32_t x = fold_char((uint8_t)a[i - 1]), y = fold_char((uint8_t)b[j - 1]);
            uint32_t best = up[j - 1] + (x != y);
            best = MIN_OF(best, up[j] + 1);
            best = MIN_OF(best, now[j - 1] + 1);
            if (i > 1 && j > 1 && x == fold_char((uint8_t)b[j - 2]) &&
                y == fold_char((uint8_t)a[i - 2]))
                best = MIN_OF(best, up2[j - 2] + 1);
            now[j] = best;
        }
    }
    return rows[n_a % 3][n_b];
}
