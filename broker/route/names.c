#include "route/names.h"

#include "route/fields.h"
#include "util/mem.h"
#include "util/utf.h"

static uint32_t store_providers(void *user, const char *pattern, NamesProvider each,
                                void *each_user) {
    return schema_store_providers(user, pattern, each, each_user);
}

static uint32_t store_keywords(void *user, const Guid *provider, NamesKeyword each,
                               void *each_user) {
    return schema_store_keywords(user, provider, each, each_user);
}

static const char *store_provider_name(void *user, const Guid *provider) {
    return schema_store_provider_name(user, provider);
}

static uint32_t store_events(void *user, const Guid *provider,
                             void (*each)(void *each_user, const Schema *schema), void *each_user) {
    return schema_store_events(user, provider, each, each_user);
}

RouteNames names_of_store(SchemaStore *store) {
    return (RouteNames){store, store_providers, store_keywords, store_provider_name, store_events};
}

// --- nearest names ---

#define NEAREST_MAX_CHARS 64u // longer names are compared by their first characters

typedef struct Candidate {
    char name[2 * NEAREST_MAX_CHARS];
    uint32_t distance;
} Candidate;

typedef struct Nearest {
    uint32_t wanted[NEAREST_MAX_CHARS];
    uint32_t n_wanted;
    uint32_t n;
    Candidate best[NAMES_NEAREST];
} Nearest;

static const char *without_prefix(const char *name) {
    static const char *const prefixes[] = {"Microsoft-Windows-", "Microsoft-"};
    for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
        size_t n = strlen(prefixes[i]);
        if (strlen(name) > n && fold_compare(name, n, prefixes[i], n) == 0)
            return name + n;
    }
    return name;
}

static uint32_t fold_chars(const char *name, uint32_t out[NEAREST_MAX_CHARS]) {
    uint32_t n = 0;
    for (const char *p = name, *end = name + strlen(name); p < end && n < NEAREST_MAX_CHARS; n++) {
        p += utf8_next(p, end, &out[n]);
        out[n] = fold_char(out[n]);
    }
    return n;
}

// Levenshtein, one row.
static uint32_t distance(const uint32_t *a, uint32_t a_n, const uint32_t *b, uint32_t b_n) {
    uint32_t row[NEAREST_MAX_CHARS + 1];
    for (uint32_t j = 0; j <= b_n; j++)
        row[j] = j;
    for (uint32_t i = 1; i <= a_n; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= b_n; j++) {
            uint32_t above = row[j];
            uint32_t best = diagonal + (a[i - 1] != b[j - 1]);
            best = MIN_OF(best, above + 1);
            best = MIN_OF(best, row[j - 1] + 1);
            row[j] = best;
            diagonal = above;
        }
    }
    return row[b_n];
}

// part: what of the name is compared.
static void consider(Nearest *nearest, const char *name, const char *part) {
    uint32_t chars[NEAREST_MAX_CHARS];
    uint32_t n = fold_chars(part, chars);
    uint32_t d = distance(nearest->wanted, nearest->n_wanted, chars, n);
    if (d > MAX_OF(nearest->n_wanted, n) / 3 || strlen(name) >= sizeof nearest->best[0].name)
        return;
    for (uint32_t i = 0; i < nearest->n; i++)
        if (strcmp(nearest->best[i].name, name) == 0)
            return;
    uint32_t at = nearest->n;
    while (at > 0 && nearest->best[at - 1].distance > d)
        at--;
    if (at == NAMES_NEAREST)
        return;
    if (nearest->n < NAMES_NEAREST)
        nearest->n++;
    memmove(&nearest->best[at + 1], &nearest->best[at], (nearest->n - 1 - at) * sizeof(Candidate));
    memcpy(nearest->best[at].name, name, strlen(name) + 1);
    nearest->best[at].distance = d;
}

static void consider_provider(void *user, const Guid *guid, const char *name) {
    (void)guid;
    consider(user, name, without_prefix(name));
}

static void write_nearest(const Nearest *nearest, Buf *out) {
    for (uint32_t i = 0; i < nearest->n; i++) {
        buf_text(out, i == 0 ? "" : ", ");
        buf_text(out, nearest->best[i].name);
    }
}

void names_nearest(const RouteNames *names, const char *name, Buf *out) {
    Nearest nearest = {.n = 0};
    nearest.n_wanted = fold_chars(without_prefix(name), nearest.wanted);
    names->providers(names->user, "*", consider_provider, &nearest);
    write_nearest(&nearest, out);
}

// --- keywords ---

// Channel keywords (bits 48 and up) have names of their own kind and share no prefix.
#define KEYWORD_CHANNEL_BITS UINT64_C(0xffff000000000000)

typedef struct KeywordSearch {
    const char *word;
    char prefix[128]; // that all keywords share, up to a separator
    uint32_t n;
    uint64_t exact, globbed;
    bool is_exact, is_globbed;
    Nearest *nearest;
} KeywordSearch;

static void shared_prefix(void *user, uint64_t mask, const char *name) {
    KeywordSearch *s = user;
    if (mask & KEYWORD_CHANNEL_BITS)
        return;
    if (s->n++ == 0) {
        size_t n = MIN_OF(strlen(name), sizeof s->prefix - 1);
        memcpy(s->prefix, name, n);
        s->prefix[n] = 0;
        return;
    }
    size_t n = 0;
    while (s->prefix[n] && s->prefix[n] == name[n])
        n++;
    s->prefix[n] = 0;
}

static const char *short_keyword(const KeywordSearch *s, const char *name) {
    size_t n = strlen(s->prefix);
    if (n != 0 && strncmp(name, s->prefix, n) == 0 && name[n] != 0)
        return name + n;
    return name;
}

static void match_keyword(void *user, uint64_t mask, const char *name) {
    KeywordSearch *s = user;
    const char *rest = short_keyword(s, name);
    if (fold_equal(name, s->word) || fold_equal(rest, s->word)) {
        s->exact |= mask;
        s->is_exact = true;
    }
    if (strpbrk(s->word, "*?") && (fold_glob(s->word, name) || fold_glob(s->word, rest))) {
        s->globbed |= mask;
        s->is_globbed = true;
    }
}

static void find_prefix(const RouteNames *names, const Guid *provider, KeywordSearch *s) {
    names->keywords(names->user, provider, shared_prefix, s);
    size_t n = strlen(s->prefix);
    while (n > 0 && !strchr("_:./-", s->prefix[n - 1]))
        n--;
    if (s->n == 1) { // one keyword shares everything with itself: only a …KEYWORD_ is a prefix then
        n = 0;
        for (size_t i = 0; s->prefix[i]; i++)
            if (strncmp(s->prefix + i, "KEYWORD_", 8) == 0)
                n = i + 8;
    }
    s->prefix[n] = 0;
}

bool names_parse_mask(const char *text, uint64_t *ret) {
    uint64_t v = 0, base = 10;
    if (text[0] == '0' && (text[1] | 0x20) == 'x') {
        base = 16;
        text += 2;
    }
    if (*text == 0)
        return false;
    for (; *text; text++) {
        char low = (char)(*text | 0x20);
        uint64_t digit;
        if (*text >= '0' && *text <= '9')
            digit = (uint64_t)(*text - '0');
        else if (base == 16 && low >= 'a' && low <= 'f')
            digit = (uint64_t)(low - 'a') + 10;
        else
            return false;
        if (v > (UINT64_MAX - digit) / base)
            return false;
        v = v * base + digit;
    }
    *ret = v;
    return true;
}

bool names_keyword(const RouteNames *names, const Guid *provider, const char *word, uint64_t *ret) {
    if (names_parse_mask(word, ret))
        return true;
    if (strcmp(word, "*") == 0) {
        *ret = UINT64_MAX;
        return true;
    }
    KeywordSearch s = {.word = word};
    find_prefix(names, provider, &s);
    names->keywords(names->user, provider, match_keyword, &s);
    if (s.is_exact)
        *ret = s.exact;
    else if (s.is_globbed)
        *ret = s.globbed;
    return s.is_exact || s.is_globbed;
}

static void consider_keyword(void *user, uint64_t mask, const char *name) {
    (void)mask;
    KeywordSearch *s = user;
    consider(s->nearest, name, short_keyword(s, name));
    consider(s->nearest, name, name);
}

void names_nearest_keyword(const RouteNames *names, const Guid *provider, const char *name,
                           Buf *out) {
    Nearest nearest = {.n = 0};
    KeywordSearch s = {.word = name, .nearest = &nearest};
    find_prefix(names, provider, &s);
    nearest.n_wanted = fold_chars(name, nearest.wanted);
    names->keywords(names->user, provider, consider_keyword, &s);
    write_nearest(&nearest, out);
}

// --- kernel types ---

int names_no_kernel_type(const char *word, Err *err) {
    Nearest nearest = {.n = 0};
    Buf text = BUF_INIT;
    nearest.n_wanted = fold_chars(word, nearest.wanted);
    for (uint32_t k = 0; kernel_type(k); k++)
        consider(&nearest, kernel_type(k)->name, kernel_type(k)->name);
    if (nearest.n > 0)
        buf_printf(&text, "did you mean %s? There", nearest.best[0].name);
    else
        buf_text(&text, "there");
    buf_text(&text, " are");
    for (uint32_t k = 0; kernel_type(k); k++)
        buf_printf(&text, " %s", kernel_type(k)->name);
    int r = err_set(err, STATUS_NOT_FOUND, "'%.40s' is no kernel type; %s", word, buf_str(&text));
    buf_deinit(&text);
    return r;
}

// --- fields and events ---

typedef struct EventSearch {
    char name[2 * NEAREST_MAX_CHARS];
    KernelSet types; // only events that these cover; 0: all
    uint32_t n;      // events that were looked at
    bool found;
    Nearest nearest;
} EventSearch;

static bool is_meant(EventSearch *s, const Schema *schema) {
    bool meant = s->types == 0 || kernel_matches(s->types, &schema->provider, schema->desc.opcode);
    s->n += meant;
    return meant;
}

static void consider_fields(void *user, const Schema *schema) {
    EventSearch *s = user;
    if (!is_meant(s, schema))
        return;
    if (schema_field_index(schema, s->name) >= 0)
        s->found = true;
    for (uint16_t i = 0; !s->found && i < schema->n_top; i++)
        consider(&s->nearest, schema->fields[i].name, schema->fields[i].name);
}

static void consider_event(void *user, const Schema *schema) {
    EventSearch *s = user;
    if (!is_meant(s, schema))
        return;
    if (fold_glob(s->name, schema->event_name))
        s->found = true;
    else
        consider(&s->nearest, schema->event_name, schema->event_name);
}

// Of a provider, or of the classes that kernel types cover.
static NamesField search(const RouteNames *names, const Guid *provider, KernelSet types,
                         const char *name, size_t bytes,
                         void (*each)(void *user, const Schema *schema), Buf *nearest) {
    EventSearch s = {.types = types};
    if (!names->events || bytes >= sizeof s.name)
        return NAMES_FIELD_NO_EVENTS;
    memcpy(s.name, name, bytes);
    s.nearest.n_wanted = fold_chars(s.name, s.nearest.wanted);
    if (each == consider_fields) {
        for (uint32_t i = 1; i < ENRICHED_N; i++)
            consider(&s.nearest, enriched_field_name((EnrichedField)i),
                     enriched_field_name((EnrichedField)i));
        for (uint32_t i = 1; i < HEADER_N; i++)
            consider(&s.nearest, header_field_name((HeaderField)i),
                     header_field_name((HeaderField)i));
    }
    if (provider)
        names->events(names->user, provider, each, &s);
    for (uint32_t group = 0; types != 0 && kernel_class((uint8_t)group); group++)
        if (types == KERNEL_ALL || (kernel_types_of_class(kernel_class((uint8_t)group)) & types))
            names->events(names->user, kernel_class((uint8_t)group), each, &s);
    if (s.n == 0)
        return NAMES_FIELD_NO_EVENTS;
    if (s.found)
        return NAMES_FIELD_KNOWN;
    if (s.nearest.n > 0 && nearest->bytes > 0) // of another provider
        buf_text(nearest, ", ");
    write_nearest(&s.nearest, nearest);
    return NAMES_FIELD_UNKNOWN;
}

NamesField names_field(const RouteNames *names, const Guid *provider, const char *name,
                       Buf *nearest) {
    return search(names, provider, 0, name, strcspn(name, "."), consider_fields, nearest);
}

NamesField names_kernel_field(const RouteNames *names, KernelSet types, const char *name,
                              Buf *nearest) {
    return search(names, NULL, types, name, strcspn(name, "."), consider_fields, nearest);
}

NamesField names_event(const RouteNames *names, const Guid *provider, const char *glob,
                       Buf *nearest) {
    return search(names, provider, 0, glob, strlen(glob), consider_event, nearest);
}

NamesField names_kernel_event(const RouteNames *names, KernelSet types, const char *glob,
                              Buf *nearest) {
    return search(names, NULL, types, glob, strlen(glob), consider_event, nearest);
}
