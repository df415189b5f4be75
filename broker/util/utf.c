// UTF-8, UTF-16 and case folding. Decoding is strict (no overlongs, nothing above U+10FFFF) but
// lets lone surrogates pass, so that any UTF-16 survives the way there and back. Every loop is
// linear in its text, whatever the text and the pattern: both come from outside.
#include "util/utf.h"

#include "util/fold.h"

#define REPLACEMENT 0xfffdu
#define ONES        UINT64_C(0x0101010101010101)
#define HIGHS       (ONES * 0x80)

static bool is_surrogate(uint32_t cp) {
    return cp >= 0xd800 && cp < 0xe000;
}

static bool is_high(uint32_t unit) {
    return (unit & 0xfc00) == 0xd800;
}

static bool is_low(uint32_t unit) {
    return (unit & 0xfc00) == 0xdc00;
}

size_t utf8_put(char out[4], uint32_t cp) {
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | (cp >> 6));
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp > 0x10ffff)
        cp = REPLACEMENT;
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | (cp >> 12));
        out[1] = (char)(0x80 | ((cp >> 6) & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (cp >> 18));
    out[1] = (char)(0x80 | ((cp >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((cp >> 6) & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

// As utf8_next, but returns 0 for an invalid byte.
static size_t decode(const uint8_t *p, size_t bytes, uint32_t *ret_cp) {
    uint32_t c = p[0];
    if (c < 0x80) {
        *ret_cp = c;
        return 1;
    }
    if (c < 0xc2 || c > 0xf4 || bytes < 2 || (p[1] & 0xc0) != 0x80)
        return 0;
    if (c < 0xe0) {
        *ret_cp = ((c & 0x1f) << 6) | (p[1] & 0x3fu);
        return 2;
    }
    if (bytes < 3 || (p[2] & 0xc0) != 0x80)
        return 0;
    if (c < 0xf0) {
        uint32_t cp = ((c & 0x0f) << 12) | ((p[1] & 0x3fu) << 6) | (p[2] & 0x3fu);
        if (cp < 0x800)
            return 0;
        *ret_cp = cp;
        return 3;
    }
    if (bytes < 4 || (p[3] & 0xc0) != 0x80)
        return 0;
    uint32_t cp = ((c & 0x07) << 18) | ((p[1] & 0x3fu) << 12);
    cp |= ((p[2] & 0x3fu) << 6) | (p[3] & 0x3fu);
    if (cp < 0x10000 || cp > 0x10ffff)
        return 0;
    *ret_cp = cp;
    return 4;
}

size_t utf8_next(const char *p, const char *end, uint32_t *ret_cp) {
    size_t n = decode((const uint8_t *)p, (size_t)(end - p), ret_cp);
    if (n == 0) {
        *ret_cp = REPLACEMENT;
        return 1;
    }
    return n;
}

bool utf8_valid(const char *text, size_t bytes) {
    const uint8_t *p = (const uint8_t *)text;
    while (bytes != 0) {
        if (bytes >= 8 && (load_u64(p) & HIGHS) == 0) {
            p += 8;
            bytes -= 8;
            continue;
        }
        uint32_t cp;
        size_t n = decode(p, bytes, &cp);
        if (n == 0 || is_surrogate(cp))
            return false;
        p += n;
        bytes -= n;
    }
    return true;
}

// The character at units[*i]; moves *i behind it.
static uint32_t next_utf16(const uint8_t *units, size_t n, size_t *i) {
    uint32_t cp = load_u16(units + 2 * *i);
    ++*i;
    if (is_high(cp) && *i < n) {
        uint32_t low = load_u16(units + 2 * *i);
        if (is_low(low)) {
            ++*i;
            cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return cp;
}

void utf16_to_utf8(Buf *out, const void *units, size_t n) {
    const uint8_t *p = units;
    size_t start = out->bytes;
    // Through a small local buffer: one pass, and no reservation for the worst case.
    char local[512];
    size_t used = 0;
    for (size_t i = 0; i < n;) {
        if (used > sizeof local - 4) {
            buf_append(out, local, used);
            used = 0;
        }
        uint32_t unit = load_u16(p + 2 * i);
        if (unit < 0x80) {
            local[used++] = (char)unit;
            i++;
        } else {
            used += utf8_put(local + used, next_utf16(p, n, &i));
        }
    }
    buf_append(out, local, used);
    if (out->failed && out->bytes != start) {
        out->bytes = start; // all or nothing
        out->data[start] = 0;
    }
}

size_t utf16_to_utf8_fixed(char *out, size_t cap, const void *units, size_t n) {
    size_t needed = 0, used = 0;
    bool fits = cap != 0;
    for (size_t i = 0; i < n;) {
        char c[4];
        size_t bytes = utf8_put(c, next_utf16(units, n, &i));
        needed += bytes;
        fits = fits && bytes < cap - used; // one byte stays for the NUL
        if (fits) {
            memcpy(out + used, c, bytes);
            used += bytes;
        }
    }
    if (cap != 0)
        out[used] = '\0';
    return needed;
}

void utf8_to_utf16(Buf *out, const char *text, size_t bytes) {
    const uint8_t *p = (const uint8_t *)text;
    size_t start = out->bytes;
    uint8_t local[512];
    size_t used = 0;
    while (bytes != 0) {
        if (used > sizeof local - 4) {
            buf_append(out, local, used);
            used = 0;
        }
        uint32_t cp;
        size_t n = decode(p, bytes, &cp);
        if (n == 0) {
            n = 1;
            cp = REPLACEMENT;
        }
        p += n;
        bytes -= n;
        if (cp >= 0x10000) {
            store_u16(local + used, (uint16_t)(0xd800 + ((cp - 0x10000) >> 10)));
            used += 2;
            cp = 0xdc00 + ((cp - 0x10000) & 0x3ff);
        }
        store_u16(local + used, (uint16_t)cp);
        used += 2;
    }
    buf_append(out, local, used);
    if (out->failed && out->bytes != start) {
        out->bytes = start;
        out->data[start] = 0;
    }
}

size_t utf16_length(const void *units, size_t max_units) {
    const uint8_t *p = units;
    size_t n = 0;
    while (n < max_units && load_u16(p + 2 * n) != 0)
        n++;
    return n;
}

static uint32_t map_char(const FoldRange *ranges, uint32_t n_ranges, uint32_t cp) {
    uint32_t low = 0, high = n_ranges;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const FoldRange *range = &ranges[middle];
        if (cp < range->first) {
            high = middle;
        } else if (cp > range->last) {
            low = middle + 1;
        } else {
            if ((cp - range->first) % range->stride != 0)
                return cp;
            return (uint32_t)((int32_t)cp + range->delta);
        }
    }
    return cp;
}

uint32_t fold_char(uint32_t cp) {
    if (cp < 0x80)
        return cp - 'A' < 26 ? cp + 32 : cp;
    if (cp >= 0x2e80 && cp < 0xa640)
        return cp; // CJK has no case: its texts need no search
    return map_char(fold_ranges, n_fold_ranges, cp);
}

uint32_t upper_char(uint32_t cp) {
    if (cp < 0x80)
        return cp - 'a' < 26 ? cp - 32 : cp;
    return map_char(upper_ranges, n_upper_ranges, cp);
}

// Decodes and folds. Invalid bytes get values of their own above Unicode, so that two names that
// differ only in broken bytes do not count as equal.
static inline size_t next_folded(const uint8_t *p, const uint8_t *end, uint32_t *ret) {
    uint32_t cp = *p;
    if (cp < 0x80) {
        *ret = cp - 'A' < 26 ? cp + 32 : cp;
        return 1;
    }
    size_t n = decode(p, (size_t)(end - p), &cp);
    if (n == 0) {
        *ret = 0x110000 + *p;
        return 1;
    }
    *ret = fold_char(cp);
    return n;
}

int fold_compare(const char *a, size_t a_bytes, const char *b, size_t b_bytes) {
    if (a_bytes == 0 || b_bytes == 0) // also when the text is NULL
        return (a_bytes != 0) - (b_bytes != 0);
    const uint8_t *p = (const uint8_t *)a, *p_end = p + a_bytes;
    const uint8_t *q = (const uint8_t *)b, *q_end = q + b_bytes;
    while (p < p_end && q < q_end) {
        uint32_t x, y;
        p += next_folded(p, p_end, &x);
        q += next_folded(q, q_end, &y);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return p < p_end ? 1 : q < q_end ? -1 : 0;
}

bool fold_equal(const char *a, const char *b) {
    return fold_compare(a, strlen(a), b, strlen(b)) == 0;
}

// ---- Globs ----
//
// A pattern is a sequence of segments between stars. The first segment is anchored at the start,
// the last at the end, and each between them may be taken at its leftmost place behind the one
// before: taking a later place never helps. Each text character is therefore searched for one
// segment only. A search starts naively, which is fastest for names; when it has done more work
// than a few passes over what it has read, it goes on with a bit-parallel automaton (Baeza-Yates
// and Gonnet's shift-and), whose time does not depend on the data.

#define WORDS 4u
// Of longer segments, the automaton finds the head and the rest is compared.
#define MOST_BITS   (WORDS * 64u)
#define TABLE_SLOTS (MOST_BITS * 2u)

typedef struct Segment {
    const uint8_t *start, *end;
} Segment;

// Matches the segment at the text; NULL when it does not, else the place behind the match. Adds the
// characters compared to *work.
static const uint8_t *match_here(Segment seg, const uint8_t *text, const uint8_t *end,
                                 size_t *work) {
    const uint8_t *p = seg.start;
    size_t n = 0;
    while (p < seg.end && text < end) {
        uint32_t want, have;
        n++;
        if (*p == '?') {
            p++;
            text += next_folded(text, end, &have);
            continue;
        }
        p += next_folded(p, seg.end, &want);
        text += next_folded(text, end, &have);
        if (want != have) {
            *work += n;
            return NULL;
        }
    }
    *work += n;
    return p == seg.end ? text : NULL;
}

typedef struct Automaton {
    uint32_t n_bits;            // characters of the segment that it knows
    const uint8_t *tail;        // where the rest of the segment starts
    uint64_t any[WORDS];        // places of '?'
    uint32_t keys[TABLE_SLOTS]; // character + 1; 0 = free
    uint64_t masks[TABLE_SLOTS][WORDS];
} Automaton;

static uint32_t find_key(const Automaton *a, uint32_t cp) {
    uint32_t at = (cp * 2654435761u) >> 23; // 9 bits: TABLE_SLOTS is 512
    _Static_assert(TABLE_SLOTS == 512, "the shift above");
    while (a->keys[at] != 0 && a->keys[at] != cp + 1)
        at = (at + 1) % TABLE_SLOTS;
    return at;
}

static void automaton_init(Automaton *a, Segment seg) {
    memset(a->any, 0, sizeof a->any);
    memset(a->keys, 0, sizeof a->keys);
    const uint8_t *p = seg.start;
    uint32_t bit = 0;
    for (; p < seg.end && bit < MOST_BITS; bit++) {
        if (*p == '?') {
            a->any[bit / 64] |= UINT64_C(1) << (bit % 64);
            p++;
            continue;
        }
        uint32_t cp;
        p += next_folded(p, seg.end, &cp);
        uint32_t at = find_key(a, cp);
        if (a->keys[at] == 0) {
            a->keys[at] = cp + 1;
            memset(a->masks[at], 0, sizeof a->masks[at]);
        }
        a->masks[at][bit / 64] |= UINT64_C(1) << (bit % 64);
    }
    a->n_bits = bit;
    a->tail = p;
}

static const uint8_t *search_automaton(Segment seg, const uint8_t *text, const uint8_t *end) {
    Automaton a;
    automaton_init(&a, seg);
    uint32_t n_words = (a.n_bits + 63) / 64;
    uint64_t goal = UINT64_C(1) << ((a.n_bits - 1) % 64);
    uint64_t state[WORDS] = {0};
    size_t work = 0;
    while (text < end) {
        uint32_t cp;
        text += next_folded(text, end, &cp);
        uint32_t at = find_key(&a, cp);
        bool known = a.keys[at] != 0;
        uint64_t carry = 1;
        for (uint32_t w = 0; w < n_words; w++) {
            uint64_t mask = a.any[w] | (known ? a.masks[at][w] : 0);
            uint64_t out = state[w] >> 63;
            state[w] = ((state[w] << 1) | carry) & mask;
            carry = out;
        }
        if ((state[n_words - 1] & goal) != 0) {
            const uint8_t *behind = match_here((Segment){a.tail, seg.end}, text, end, &work);
            if (behind != NULL)
                return behind;
        }
    }
    return NULL;
}

// The place behind the leftmost match of a segment that is not empty, or NULL.
static const uint8_t *search(Segment seg, const uint8_t *text, const uint8_t *end) {
    size_t work = 0;
    const uint8_t *from = text;
    while (text < end) {
        const uint8_t *behind = match_here(seg, text, end, &work);
        if (behind != NULL)
            return behind;
        uint32_t cp;
        text += next_folded(text, end, &cp);
        if (work > 256 + 4 * (size_t)(text - from))
            return search_automaton(seg, text, end);
    }
    return NULL;
}

static size_t count_chars(const uint8_t *p, const uint8_t *end) {
    size_t n = 0;
    uint32_t cp;
    for (; p < end; n++)
        p += next_folded(p, end, &cp);
    return n;
}

bool fold_glob(const char *pattern, const char *text) {
    const uint8_t *p = (const uint8_t *)pattern, *p_end = p + strlen(pattern);
    const uint8_t *t = (const uint8_t *)text, *t_end = t + strlen(text);
    size_t work = 0;
    bool anchored = true;
    for (;;) {
        const uint8_t *star = p < p_end ? memchr(p, '*', (size_t)(p_end - p)) : NULL;
        Segment seg = {p, star != NULL ? star : p_end};
        if (anchored) {
            t = match_here(seg, t, t_end, &work);
            if (t == NULL)
                return false;
            if (star == NULL)
                return t == t_end;
            anchored = false;
        } else if (star == NULL) {
            if (seg.start == seg.end)
                return true;
            // The last one: skips to where just its number of characters is left. Counted from the
            // start, because broken UTF-8 cannot be decoded backwards.
            size_t have = count_chars(t, t_end), want = count_chars(seg.start, seg.end);
            if (have < want)
                return false;
            uint32_t cp;
            for (; have > want; have--)
                t += next_folded(t, t_end, &cp);
            return match_here(seg, t, t_end, &work) != NULL;
        } else if (seg.start < seg.end) {
            t = search(seg, t, t_end);
            if (t == NULL)
                return false;
        }
        p = star + 1;
    }
}
