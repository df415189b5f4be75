#include "route/like.h"

#include "util/err.h"
#include "util/utf.h"

// One element of a segment while compiling.
typedef struct Element {
    bool any;
    uint32_t cp; // folded
    uint32_t first_set, n_sets;
} Element;

typedef struct Compiler {
    Arena *arena;
    Element elements[256];
    uint32_t n_elements;
    uint32_t starts[257]; // first element of each segment
    uint32_t n_segments;
    LikeSet sets[256];
    uint32_t n_sets;
} Compiler;

// Reads "[a-z0]" behind the bracket; returns false when it is malformed.
static bool read_set(Compiler *c, const char **p, const char *end, Element *ret) {
    const char *at = *p;
    ret->any = false;
    ret->cp = UINT32_MAX;
    ret->first_set = c->n_sets;
    bool first = true;
    for (;;) {
        if (at == end)
            return false;
        uint32_t low;
        at += utf8_next(at, end, &low);
        if (low == ']' && !first)
            break;
        first = false;
        if (low == '`' && at < end)
            at += utf8_next(at, end, &low);
        uint32_t high = low;
        if (end - at >= 2 && at[0] == '-' && at[1] != ']') {
            at++;
            at += utf8_next(at, end, &high);
            if (high == '`' && at < end)
                at += utf8_next(at, end, &high);
        }
        if (high < low || c->n_sets + 2 > ARRAY_COUNT(c->sets))
            return false;
        if (low == high) {
            c->sets[c->n_sets++] = (LikeSet){fold_char(low), fold_char(low)};
        } else if (low >= 'A' && high <= 'Z') {
            c->sets[c->n_sets++] = (LikeSet){fold_char(low), fold_char(high)};
        } else {
            // A range is of code points; texts come folded, so an ASCII range that spans capital
            // letters also gets their small ones.
            c->sets[c->n_sets++] = (LikeSet){low, high};
            if (low <= 'Z' && high >= 'A')
                c->sets[c->n_sets++] = (LikeSet){MAX_OF(low, 'A') + 32u, MIN_OF(high, 'Z') + 32u};
        }
    }
    ret->n_sets = c->n_sets - ret->first_set;
    *p = at;
    return true;
}

static bool element_matches(const Compiler *c, const Element *e, uint32_t cp) {
    if (e->any)
        return true;
    for (uint32_t i = 0; i < e->n_sets; i++)
        if (cp >= c->sets[e->first_set + i].low && cp <= c->sets[e->first_set + i].high)
            return true;
    return e->n_sets == 0 && e->cp == cp;
}

static int build_segment(const Compiler *c, uint32_t first, uint32_t n, LikeSegment *s) {
    s->n = n;
    s->n_words = (n + 63) / 64;
    // Class 0: characters that only ? matches. Then one class for each ASCII character that a
    // literal or a set names, then the literals beyond ASCII.
    uint32_t n_classes = 1;
    for (uint32_t ch = 0; ch < 128; ch++) {
        uint32_t cp = fold_char(ch);
        bool named = false;
        for (uint32_t i = 0; i < n && !named; i++)
            named = !c->elements[first + i].any && element_matches(c, &c->elements[first + i], cp);
        if (named)
            s->ascii[ch] = (uint8_t)n_classes++;
    }
    uint32_t wide[256], n_wide = 0, n_sets = 0;
    for (uint32_t i = 0; i < n; i++) {
        const Element *e = &c->elements[first + i];
        n_sets += e->n_sets;
        if (e->any || e->n_sets != 0 || e->cp < 128)
            continue;
        uint32_t at = 0;
        while (at < n_wide && wide[at] < e->cp)
            at++;
        if (at < n_wide && wide[at] == e->cp)
            continue;
        memmove(wide + at + 1, wide + at, (n_wide - at) * sizeof wide[0]);
        wide[at] = e->cp;
        n_wide++;
    }
    s->first_wide = n_classes;
    s->n_wide = n_wide;
    n_classes += n_wide;
    s->n_classes = n_classes;
    uint64_t *masks = arena_array(c->arena, (size_t)n_classes * s->n_words, sizeof *masks);
    uint32_t *wide_copy = n_wide ? arena_dup(c->arena, wide, n_wide * sizeof wide[0]) : NULL;
    LikeSet *sets = n_sets ? arena_array(c->arena, n_sets, sizeof *sets) : NULL;
    uint8_t *set_element = n_sets ? arena_alloc(c->arena, n_sets) : NULL;
    if (!masks || (n_wide && !wide_copy) || (n_sets && (!sets || !set_element)))
        return -(int)STATUS_NO_MEMORY;
    uint32_t at_set = 0;
    for (uint32_t i = 0; i < n; i++) {
        const Element *e = &c->elements[first + i];
        uint64_t bit = UINT64_C(1) << (i % 64);
        uint32_t word = i / 64;
        if (e->any)
            masks[word] |= bit; // class 0
        for (uint32_t ch = 0; ch < 128; ch++)
            if (s->ascii[ch] != 0 && element_matches(c, e, fold_char(ch)))
                masks[s->ascii[ch] * s->n_words + word] |= bit;
        for (uint32_t w = 0; w < n_wide; w++)
            if (element_matches(c, e, wide[w]))
                masks[(s->first_wide + w) * s->n_words + word] |= bit;
        for (uint32_t k = 0; k < e->n_sets; k++) {
            sets[at_set] = c->sets[e->first_set + k];
            set_element[at_set++] = (uint8_t)i;
        }
    }
    s->masks = masks;
    s->wide = wide_copy;
    s->sets = sets;
    s->set_element = set_element;
    s->n_sets = n_sets;
    return 0;
}

int like_compile(Arena *arena, const char *pattern, size_t bytes, uint32_t max_units, Like *ret,
                 size_t *ret_at) {
    Compiler c;
    c.arena = arena;
    c.n_elements = c.n_segments = c.n_sets = 0;
    const char *p = pattern, *end = pattern + bytes;
    uint32_t units = 0;
    bool open = false; // a segment is being filled
    *ret = (Like){0, false, false, NULL, 0};
    *ret_at = 0;
    while (p < end) {
        const char *start = p;
        uint32_t cp;
        p += utf8_next(p, end, &cp);
        if (cp == '*') {
            units++;
            if (c.n_elements == 0)
                ret->star_first = true;
            ret->star_last = true;
            open = false;
        } else {
            Element e = {false, 0, 0, 0};
            if (cp == '?') {
                e.any = true;
                units++;
            } else if (cp == '[') {
                if (!read_set(&c, &p, end, &e)) {
                    *ret_at = (size_t)(start - pattern);
                    return LIKE_BAD_SET;
                }
                for (const char *q = start; q < p;) {
                    uint32_t inner;
                    q += utf8_next(q, p, &inner);
                    units += inner >= 0x10000 ? 2 : 1;
                }
            } else {
                if (cp == '`' && p < end) {
                    units++;
                    p += utf8_next(p, end, &cp);
                }
                e.cp = fold_char(cp);
                units += cp >= 0x10000 ? 2 : 1;
            }
            if (units <= max_units && c.n_elements < ARRAY_COUNT(c.elements)) {
                if (!open)
                    c.starts[c.n_segments++] = c.n_elements;
                c.elements[c.n_elements++] = e;
            }
            open = true;
            ret->star_last = false;
        }
        if (units > max_units || max_units > ARRAY_COUNT(c.elements)) {
            *ret_at = (size_t)(start - pattern);
            return LIKE_TOO_LONG;
        }
    }
    c.starts[c.n_segments] = c.n_elements;
    LikeSegment *segments = arena_array(arena, MAX_OF(c.n_segments, 1u), sizeof *segments);
    if (!segments)
        return -(int)STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < c.n_segments; i++) {
        int r = build_segment(&c, c.starts[i], c.starts[i + 1] - c.starts[i], &segments[i]);
        if (r != 0)
            return r;
    }
    bool literal = true;
    for (uint32_t i = 0; i < c.n_elements; i++)
        literal = literal && !c.elements[i].any && c.elements[i].n_sets == 0 &&
                  c.elements[i].cp < 0x10000;
    if (literal && c.n_segments == 1 && ret->star_first && !ret->star_last)
        ret->suffix_units = c.n_elements;
    ret->n_segments = c.n_segments;
    ret->segments = segments;
    return LIKE_OK;
}

void like_start(LikeState *state, const Like *like) {
    memset(state, 0, sizeof *state);
    state->like = like;
    state->fresh = true;
}

static const uint64_t *segment_mask(const LikeSegment *s, uint32_t cp,
                                    uint64_t room[LIKE_MAX_WORDS]) {
    if (cp < 128)
        return s->masks + (size_t)s->ascii[cp] * s->n_words;
    uint32_t low = 0, high = s->n_wide;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (s->wide[middle] < cp)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < s->n_wide && s->wide[low] == cp)
        return s->masks + (size_t)(s->first_wide + low) * s->n_words;
    if (s->n_sets == 0)
        return s->masks;
    memcpy(room, s->masks, s->n_words * sizeof room[0]);
    for (uint32_t i = 0; i < s->n_sets; i++)
        if (cp >= s->sets[i].low && cp <= s->sets[i].high)
            room[s->set_element[i] / 64] |= UINT64_C(1) << (s->set_element[i] % 64);
    return room;
}

static bool segment_found(const LikeState *state, const LikeSegment *s) {
    return (state->bits[(s->n - 1) / 64] >> ((s->n - 1) % 64) & 1) != 0;
}

bool like_step(LikeState *state, uint32_t cp) {
    const Like *like = state->like;
    if (state->segment == like->n_segments) {
        // All segments are found: a star takes the rest; without one there may be no rest.
        if (!like->star_last && !(like->n_segments == 0 && like->star_first))
            state->dead = true;
        return false;
    }
    const LikeSegment *s = &like->segments[state->segment];
    bool anchored = state->segment == 0 && !like->star_first;
    uint64_t room[LIKE_MAX_WORDS];
    const uint64_t *mask = segment_mask(s, cp, room);
    uint64_t carry = anchored && !state->fresh ? 0 : 1; // a match may begin at this character
    uint64_t any = 0;
    for (uint32_t w = 0; w < s->n_words; w++) {
        uint64_t next = state->bits[w] >> 63;
        state->bits[w] = ((state->bits[w] << 1) | carry) & mask[w];
        carry = next;
        any |= state->bits[w];
    }
    state->fresh = false;
    if (anchored && any == 0) {
        state->dead = true;
        return false;
    }
    bool last = state->segment + 1 == like->n_segments;
    if (segment_found(state, s) && !(last && !like->star_last && !anchored)) {
        state->segment++;
        memset(state->bits, 0, sizeof state->bits);
        return !(last && like->star_last);
    }
    return true;
}

bool like_end(const LikeState *state) {
    const Like *like = state->like;
    if (state->dead)
        return false;
    if (state->segment == like->n_segments)
        return true;
    // The last segment of "…*end" is checked only here: it must end where the text does.
    return state->segment + 1 == like->n_segments && !like->star_last &&
           segment_found(state, &like->segments[state->segment]);
}
