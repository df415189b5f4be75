// Wants from and to JSON: words become GUIDs, masks, bits and lists.
#include <stdio.h>
#include <stdlib.h>

#include "route/want.h"
#include "util/mem.h"
#include "util/utf.h"
#include "wire/json.h"

typedef struct Reader {
    Want *want;
    const RouteNames *names;
    Buf *warnings;
    Err *err;
    bool kernel_provider; // the provider "kernel" was named
} Reader;

static int no_memory(const Reader *r) {
    return err_set(r->err, STATUS_NO_MEMORY, "out of memory while reading a want");
}

#define invalid(r, ...) err_set((r)->err, STATUS_INVALID_ARGUMENT, __VA_ARGS__)

// A member is one value or an array of values: iterates over either.
static const cJSON *first_value(const cJSON *json) {
    return cJSON_IsArray(json) ? json->child : json;
}

static const cJSON *next_value(const cJSON *json, const cJSON *value) {
    return cJSON_IsArray(json) ? value->next : NULL;
}

static uint32_t count_values(const cJSON *json) {
    return cJSON_IsArray(json) ? (uint32_t)cJSON_GetArraySize(json) : 1;
}

// A string, or a number as its text; NULL for anything else.
static const char *value_word(Reader *r, const cJSON *value) {
    if (cJSON_IsString(value))
        return arena_strdup(&r->want->arena, value->valuestring);
    uint64_t n;
    if (!cJSON_IsNumber(value) || json_value_u64(value, "mask", &n, NULL) != 0)
        return NULL;
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)n);
    return arena_strdup(&r->want->arena, text);
}

static int read_words(Reader *r, const cJSON *json, const char *key, uint32_t limit,
                      const char ***ret, uint32_t *ret_n) {
    uint32_t n = count_values(json);
    if (n > limit)
        return invalid(r, "'%s' has %u values; the limit is %u: use several wants", key, n, limit);
    const char **words = arena_array(&r->want->arena, MAX_OF(n, 1u), sizeof *words);
    if (!words)
        return no_memory(r);
    uint32_t i = 0;
    for (const cJSON *v = first_value(json); v; v = next_value(json, v)) {
        if (!cJSON_IsString(v) && !cJSON_IsNumber(v))
            return invalid(r, "'%s' takes text, a number, or an array of them", key);
        words[i] = value_word(r, v);
        if (!words[i])
            return cJSON_IsString(v) ? no_memory(r)
                                     : invalid(r,
                                               "'%s': numbers are whole and below 2^53; write "
                                               "larger ones as text, such as \"0x10\"",
                                               key);
        if (words[i][0] == 0)
            return invalid(r, "'%s' has an empty value", key);
        i++;
    }
    *ret = words;
    *ret_n = n;
    return 0;
}

// --- providers ---

typedef struct Matches {
    Reader *reader;
    const char *word;
    WantProvider *list;
    uint32_t n;
    uint32_t n_exact;
    bool exact_only;
    bool failed, full;
} Matches;

static void add_match(void *user, const Guid *guid, const char *name) {
    Matches *m = user;
    if (m->exact_only && !fold_equal(name, m->word))
        return;
    for (uint32_t i = 0; i < m->n; i++)
        if (guid_equal(&m->list[i].guid, guid))
            return;
    if (m->n == WANT_MAX_PROVIDERS) {
        m->full = true;
        return;
    }
    char *copy = arena_strdup(&m->reader->want->arena, name);
    if (!copy)
        m->failed = true;
    else
        m->list[m->n++] = (WantProvider){*guid, 0, 0, copy, false};
}

static void count_exact(void *user, const Guid *guid, const char *name) {
    (void)guid;
    Matches *m = user;
    m->n_exact += fold_equal(name, m->word);
}

static int add_unknown(Reader *r, Matches *m, const char *word) {
    if (m->n == WANT_MAX_PROVIDERS) {
        m->full = true;
        return 0;
    }
    Guid guid = guid_from_name(word);
    m->list[m->n++] = (WantProvider){guid, 0, 0, word, true};
    char text[GUID_TEXT];
    int kernel = kernel_type_find(word);
    if (kernel >= 0) // what a newcomer types first
        buf_printf(r->warnings,
                   "kernel events of this name are asked for as a kernel type: "
                   "--kernel %s\n",
                   kernel_type((uint32_t)kernel)->name);
    buf_printf(r->warnings,
               "provider '%s' is not known here; it is watched by the GUID that EventSource and "
               "TraceLogging derive from this name, {%s}",
               word, guid_format(&guid, text));
    size_t before = r->warnings->bytes;
    buf_text(r->warnings, "; known names near it: ");
    size_t label = r->warnings->bytes;
    names_nearest(r->names, word, r->warnings);
    if (r->warnings->bytes == label)
        r->warnings->bytes = before; // none is near
    buf_char(r->warnings, '\n');
    return 0;
}

static bool is_kernel_word(const char *word) {
    Guid guid;
    return fold_equal(word, "kernel") || fold_equal(word, "Windows Kernel") ||
           fold_equal(word, "NT Kernel Logger") ||
           (guid_parse(word, &guid) && guid_equal(&guid, &kernel_control_guid));
}

static int compare_provider(const void *a, const void *b) {
    const WantProvider *x = a, *y = b;
    return memcmp(x->guid.b, y->guid.b, sizeof x->guid.b);
}

static int read_providers(Reader *r, const cJSON *json, const char *key) {
    Want *w = r->want;
    int result =
        read_words(r, json, key, WANT_MAX_PROVIDERS, &w->provider_words, &w->n_provider_words);
    if (result != 0)
        return result;
    Matches m = {.reader = r};
    m.list = arena_array(&w->arena, WANT_MAX_PROVIDERS, sizeof *m.list);
    if (!m.list)
        return no_memory(r);
    for (uint32_t i = 0; i < w->n_provider_words && !m.failed && !m.full; i++) {
        const char *word = w->provider_words[i];
        if (strlen(word) > WANT_MAX_NAME_BYTES)
            return invalid(r, "'%s': a provider name has at most %u bytes", key,
                           WANT_MAX_NAME_BYTES);
        if (is_kernel_word(word)) {
            r->kernel_provider = true;
            continue;
        }
        Guid guid;
        m.word = word;
        m.exact_only = false;
        if (guid_parse(word, &guid)) {
            const char *name =
                r->names->provider_name ? r->names->provider_name(r->names->user, &guid) : NULL;
            add_match(&m, &guid, name ? name : "");
            continue;
        }
        // A full name wins over names that only end in it.
        m.n_exact = 0;
        r->names->providers(r->names->user, word, count_exact, &m);
        m.exact_only = m.n_exact != 0;
        if (r->names->providers(r->names->user, word, add_match, &m) != 0)
            continue;
        if (strpbrk(word, "*?"))
            return err_set(
                r->err, STATUS_NOT_FOUND,
                "no known provider matches '%s'; 'etwctl providers' lists them, a GUID is "
                "taken as it is",
                word);
        result = add_unknown(r, &m, word);
        if (result != 0)
            return result;
    }
    if (m.failed)
        return no_memory(r);
    if (m.full)
        return invalid(r, "'%s' stands for more than %u providers; name them more closely", key,
                       WANT_MAX_PROVIDERS);
    if (m.n != 0)
        qsort(m.list, m.n, sizeof *m.list, compare_provider);
    w->providers = m.list;
    w->n_providers = m.n;
    return 0;
}

// --- kernel types, keywords, level ---

static int read_kernel(Reader *r, const cJSON *json) {
    const char **words = NULL;
    uint32_t n = 0;
    int result = read_words(r, json, "kernel", KERNEL_MAX_TYPES, &words, &n);
    if (result != 0)
        return result;
    for (uint32_t i = 0; i < n; i++) {
        KernelSet set = kernel_types_match(words[i]);
        if (set == 0)
            return names_no_kernel_type(words[i], r->err);
        r->want->kernel |= set;
    }
    return 0;
}

static int read_keywords(Reader *r, const char *key, const char **words, uint32_t n, bool all) {
    Want *w = r->want;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t mask;
        if (names_parse_mask(words[i], &mask)) {
            if (w->n_providers == 0)
                *(all ? &w->all : &w->any) |= mask;
            for (uint32_t p = 0; p < w->n_providers; p++)
                *(all ? &w->providers[p].all : &w->providers[p].any) |= mask;
            continue;
        }
        if (w->n_providers == 0)
            return invalid(
                r,
                "'%s': keyword '%.40s' needs a provider to which it belongs; name one, or "
                "give the mask as a number",
                key, words[i]);
        for (uint32_t p = 0; p < w->n_providers; p++) {
            WantProvider *provider = &w->providers[p];
            if (!names_keyword(r->names, &provider->guid, words[i], &mask)) {
                Buf near = BUF_INIT;
                char text[GUID_TEXT];
                names_nearest_keyword(r->names, &provider->guid, words[i], &near);
                int result = err_set(
                    r->err, STATUS_NOT_FOUND,
                    "provider %s has no keyword '%.60s'%s%s; 'etwctl providers NAME' lists them, a "
                    "number is taken as it is",
                    *provider->name ? provider->name : guid_format(&provider->guid, text), words[i],
                    near.bytes ? "; near it: " : "", buf_str(&near));
                buf_deinit(&near);
                return result;
            }
            *(all ? &provider->all : &provider->any) |= mask;
        }
    }
    return 0;
}

static int read_level(Reader *r, const cJSON *json) {
    const char **words = NULL;
    uint32_t n = 0;
    int result = read_words(r, json, "level", 1, &words, &n);
    if (result != 0)
        return result;
    if (n != 1 || !want_parse_level(words[0], &r->want->level))
        return invalid(
            r,
            "level '%.40s' is neither Critical, Error, Warning, Informational, Verbose, All "
            "nor a number from 0 to 255",
            n == 1 ? words[0] : "");
    return 0;
}

// --- lists ---

static int compare_u32(const void *a, const void *b) {
    uint32_t x = load_u32(a), y = load_u32(b);
    return x < y ? -1 : x > y;
}

static int read_numbers(Reader *r, const cJSON *json, const char *key, uint32_t limit,
                        uint64_t highest, uint32_t **ret, uint32_t *ret_n) {
    uint32_t n = count_values(json);
    if (n > limit)
        return invalid(r, "'%s' has %u values; the limit is %u: use several wants", key, n, limit);
    uint32_t *list = arena_array(&r->want->arena, MAX_OF(n, 1u), sizeof *list);
    if (!list)
        return no_memory(r);
    uint32_t i = 0;
    for (const cJSON *v = first_value(json); v; v = next_value(json, v)) {
        uint64_t number;
        int result = json_value_u64(v, key, &number, r->err);
        if (result != 0)
            return result;
        if (number > highest)
            return invalid(r, "'%s': %llu is out of range; the highest value is %llu", key,
                           (unsigned long long)number, (unsigned long long)highest);
        list[i++] = (uint32_t)number;
    }
    if (n != 0)
        qsort(list, n, sizeof *list, compare_u32);
    uint32_t kept = 0;
    for (i = 0; i < n; i++)
        if (kept == 0 || list[kept - 1] != list[i])
            list[kept++] = list[i];
    *ret = list;
    *ret_n = kept;
    return 0;
}

static int read_ids(Reader *r, const cJSON *json) {
    uint32_t *list = NULL, n = 0;
    int result = read_numbers(r, json, "event_ids", WANT_MAX_IDS, UINT16_MAX, &list, &n);
    if (result != 0)
        return result;
    r->want->ids = arena_array(&r->want->arena, MAX_OF(n, 1u), sizeof *r->want->ids);
    if (!r->want->ids)
        return no_memory(r);
    for (uint32_t i = 0; i < n; i++)
        r->want->ids[i] = (uint16_t)list[i];
    r->want->n_ids = n;
    return 0;
}

static int read_opcodes(Reader *r, const cJSON *json) {
    const char **words = NULL;
    uint32_t n = 0;
    int result = read_words(r, json, "opcodes", 256, &words, &n);
    if (result != 0)
        return result;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t opcode = 256;
        if (!names_parse_mask(words[i], &opcode))
            for (uint32_t k = 0; k < 256 && opcode == 256; k++)
                if (*opcode_default_name((uint8_t)k) &&
                    fold_equal(opcode_default_name((uint8_t)k), words[i]))
                    opcode = k;
        if (opcode > 255)
            return invalid(
                r,
                "opcode '%.40s' is neither a number up to 255 nor one of Info, Start, Stop, "
                "DCStart …; providers' own opcodes: use event_names",
                words[i]);
        r->want->opcodes[opcode / 8] = (uint8_t)(r->want->opcodes[opcode / 8] | 1u << (opcode % 8));
        r->want->has_opcodes = true;
    }
    return 0;
}

static int read_names(Reader *r, const cJSON *json) {
    int result =
        read_words(r, json, "event_names", WANT_MAX_NAMES, &r->want->names, &r->want->n_names);
    for (uint32_t i = 0; result == 0 && i < r->want->n_names; i++)
        if (strlen(r->want->names[i]) > WANT_MAX_NAME_BYTES)
            result = invalid(r, "'event_names': a name has at most %u bytes", WANT_MAX_NAME_BYTES);
    return result;
}

static int read_filter(Reader *r, const cJSON *json) {
    if (!cJSON_IsString(json))
        return invalid(r, "'filter' takes text");
    return err_prefix(
        r->err,
        filter_parse(json->valuestring, strlen(json->valuestring), &r->want->filter, NULL, r->err),
        "filter");
}

// --- the whole ---

#define LEVEL_OWN 16u // winmeta.xml: 6 to 15 are reserved

static const char *const want_keys[] = {"provider", "providers", "kernel",    "any",
                                        "all",      "level",     "event_ids", "event_names",
                                        "opcodes",  "pids",      "filter",    "ignore_keyword0",
                                        NULL};

static int refuse_doubles(const cJSON *json, Err *err) {
    for (const cJSON *a = json->child; a; a = a->next)
        for (const cJSON *b = a->next; b; b = b->next)
            if (a->string && b->string && strcmp(a->string, b->string) == 0)
                return err_set(err, STATUS_INVALID_ARGUMENT, "key '%.60s' stands twice", a->string);
    return 0;
}

static int read_want(Reader *r, const cJSON *json) {
    Want *w = r->want;
    const cJSON *v;
    int result = 0;
    if (json_member(json, "provider") && json_member(json, "providers"))
        return invalid(r, "'provider' and 'providers' are the same: give one");
    const char *key = json_member(json, "provider") ? "provider" : "providers";
    if ((v = json_member(json, key)) != NULL)
        result = read_providers(r, v, key);
    if (result == 0 && (v = json_member(json, "kernel")) != NULL)
        result = read_kernel(r, v);
    if (result == 0 && (v = json_member(json, "any")) != NULL)
        result = read_words(r, v, "any", WANT_MAX_KEYWORDS, &w->any_words, &w->n_any_words);
    if (result == 0 && (v = json_member(json, "all")) != NULL)
        result = read_words(r, v, "all", WANT_MAX_KEYWORDS, &w->all_words, &w->n_all_words);
    if (result == 0)
        result = read_keywords(r, "any", w->any_words, w->n_any_words, false);
    if (result == 0)
        result = read_keywords(r, "all", w->all_words, w->n_all_words, true);
    if (result == 0 && (v = json_member(json, "level")) != NULL)
        result = read_level(r, v);
    if (result == 0 && (v = json_member(json, "event_ids")) != NULL)
        result = read_ids(r, v);
    if (result == 0 && (v = json_member(json, "event_names")) != NULL)
        result = read_names(r, v);
    if (result == 0 && (v = json_member(json, "opcodes")) != NULL)
        result = read_opcodes(r, v);
    if (result == 0 && (v = json_member(json, "pids")) != NULL)
        result = read_numbers(r, v, "pids", WANT_MAX_PIDS, UINT32_MAX, &w->pids, &w->n_pids);
    if (result == 0 && (v = json_member(json, "filter")) != NULL)
        result = read_filter(r, v);
    if (result == 0 && (v = json_member(json, "ignore_keyword0")) != NULL) {
        if (!cJSON_IsBool(v))
            return invalid(r, "'ignore_keyword0' takes true or false");
        w->ignore_keyword0 = cJSON_IsTrue(v);
    }
    return result;
}

// Whose events are meant, for a warning.
static const char *whose(const Want *w) {
    if (w->n_providers == 0)
        return "these kernel types";
    if (w->kernel != 0)
        return "what is asked for";
    return w->n_providers == 1 && w->providers[0].name[0] ? w->providers[0].name
                                                          : "these providers";
}

// Looks a name up in everything that is asked for by name: known events, and none of them has it.
static bool is_unknown(const Reader *r, const char *name,
                       NamesField (*of_provider)(const RouteNames *, const Guid *, const char *,
                                                 Buf *),
                       NamesField (*of_kernel)(const RouteNames *, KernelSet, const char *, Buf *),
                       Buf *nearest) {
    const Want *w = r->want;
    bool unknown = w->n_providers > 0 || w->kernel != 0;
    for (uint32_t i = 0; unknown && i < w->n_providers; i++)
        unknown =
            of_provider(r->names, &w->providers[i].guid, name, nearest) == NAMES_FIELD_UNKNOWN;
    if (unknown && w->kernel != 0)
        unknown = of_kernel(r->names, w->kernel, name, nearest) == NAMES_FIELD_UNKNOWN;
    // "*" includes classes of which nothing is known: only what looks misspelt is told.
    return unknown && (w->kernel != KERNEL_ALL || nearest->bytes > 0);
}

// A misspelt field would only be missing in every event, and the watcher silent.
static void warn_field(void *user, HeaderField header, EnrichedField enriched, const char *name) {
    Reader *r = user;
    Buf nearest = BUF_INIT;
    if (header == HEADER_NONE && enriched == ENRICHED_NONE &&
        is_unknown(r, name, names_field, names_kernel_field, &nearest))
        buf_printf(r->warnings, "no known event of %s has a field '%.100s'%s%s\n", whose(r->want),
                   name, nearest.bytes > 0 ? "; near it: " : "", buf_str(&nearest));
    buf_deinit(&nearest);
}

// So would a misspelt event.
static void warn_names(Reader *r) {
    for (uint32_t i = 0; i < r->want->n_names; i++) {
        const char *name = r->want->names[i];
        Buf nearest = BUF_INIT;
        if (is_unknown(r, name, names_event, names_kernel_event, &nearest))
            buf_printf(r->warnings, "no known event of %s is called '%.100s'%s%s\n", whose(r->want),
                       name, nearest.bytes > 0 ? "; near it: " : "", buf_str(&nearest));
        buf_deinit(&nearest);
    }
}

// Can any event that is wanted have this value, by enrichment or in a field of its own?
static bool may_have(const Reader *r, EnrichedField field) {
    const Want *w = r->want;
    if (w->n_providers == 0 && w->kernel == 0)
        return true;
    if (w->kernel != 0 && enriched_of_kernel(field, w->kernel))
        return true;
    for (uint32_t i = 0; i < w->n_providers; i++) {
        const Guid *guid = &w->providers[i].guid;
        KernelSet types = kernel_types_of_class(guid);
        if (types != 0 ? enriched_of_kernel(field, types) : enriched_of_provider(field, guid))
            return true;
        Buf nearest = BUF_INIT;
        NamesField known = names_field(r->names, guid, enriched_field_name(field), &nearest);
        buf_deinit(&nearest);
        if (types == 0 && known != NAMES_FIELD_UNKNOWN)
            return true;
    }
    return false;
}

static void warn_enriched(Reader *r, uint64_t fields) {
    bool any = false;
    for (uint32_t i = 1; i < ENRICHED_N; i++) {
        if (!(fields & ENRICHED_BIT(i)) || may_have(r, (EnrichedField)i))
            continue;
        buf_printf(r->warnings, any ? ", %s" : "no event that is asked for has a value for %s",
                   enriched_field_name((EnrichedField)i));
        any = true;
    }
    if (any)
        buf_text(r->warnings, ": what the filter compares with it is never true (-ne, -notlike and "
                              "-notin: always)\n");
}

static void warn(Reader *r) {
    Want *w = r->want;
    bool all = w->all != 0, any = w->any != 0;
    for (uint32_t i = 0; i < w->n_providers; i++) {
        all = all || w->providers[i].all != 0;
        any = any || w->providers[i].any != 0;
    }
    if (all && !any)
        buf_text(r->warnings,
                 "'all' is not used while 'any' is 0: ETW passes every event then; give the "
                 "mask as 'any' as well\n");
    if (w->kernel != 0 && w->n_providers == 0 && (any || all || w->level < WANT_LEVEL_DEFAULT))
        buf_text(r->warnings,
                 "kernel events have neither keyword nor level: 'any', 'all' and 'level' do "
                 "not narrow them\n");
    if (r->kernel_provider && w->kernel == KERNEL_ALL)
        buf_text(r->warnings,
                 "'kernel' stands for every kernel type, the most frequent ones included; "
                 "name types to narrow it\n");
    else if (w->kernel == KERNEL_ALL)
        buf_text(r->warnings,
                 "kernel '*' includes the most frequent types; name types to narrow it\n");
    if (w->filter)
        filter_fields(w->filter, warn_field, r);
    warn_names(r);
    if (w->level > WANT_LEVEL_DEFAULT && w->level < LEVEL_OWN)
        buf_printf(r->warnings,
                   "level %u is none of the five, and no provider's own (they begin at %u): it "
                   "takes what Verbose takes\n",
                   w->level, LEVEL_OWN);
    if (w->filter)
        warn_enriched(r, filter_enriched(w->filter));
    if (w->n_ids != 0 && w->kernel != 0 && w->n_providers == 0)
        buf_text(r->warnings, "kernel events have no ids: 'event_ids' does not narrow them; use "
                              "event_names\n");
}

int want_from_json(const cJSON *json, const RouteNames *names, Want **ret, Buf *warnings,
                   Err *err) {
    Err local = ERR_INIT;
    Buf ignored = BUF_INIT;
    if (!err)
        err = &local;
    if (!cJSON_IsObject(json))
        return err_set(err, STATUS_INVALID_ARGUMENT, "a want is a JSON object");
    int result = json_refuse_unknown(json, want_keys, err);
    if (result == 0)
        result = refuse_doubles(json, err);
    if (result != 0)
        return result;
    Want *w = mem_zalloc(sizeof *w);
    if (!w)
        return err_set(err, STATUS_NO_MEMORY, "out of memory while reading a want");
    w->level = WANT_LEVEL_DEFAULT;
    Reader r = {w, names, warnings ? warnings : &ignored, err, false};
    result = read_want(&r, json);
    if (result == 0) {
        if (r.kernel_provider && w->kernel == 0)
            w->kernel = KERNEL_ALL;
        warn(&r);
    }
    buf_deinit(&ignored);
    if (result != 0) {
        want_free(w);
        return result;
    }
    *ret = w;
    return 0;
}

static void write_words(JsonWriter *w, const char *key, const char *const *words, uint32_t n) {
    jsonw_key(w, key);
    jsonw_array(w);
    for (uint32_t i = 0; i < n; i++)
        jsonw_text(w, words[i]);
    jsonw_array_end(w);
}

void want_to_json(const Want *want, JsonWriter *w) {
    jsonw_object(w);
    if (want->n_providers != 0) {
        jsonw_key(w, "providers");
        jsonw_array(w);
        for (uint32_t i = 0; i < want->n_providers; i++) {
            char text[GUID_TEXT];
            jsonw_text(w, *want->providers[i].name ? want->providers[i].name
                                                   : guid_format(&want->providers[i].guid, text));
        }
        jsonw_array_end(w);
    }
    if (want->kernel != 0) {
        jsonw_key(w, "kernel");
        jsonw_array(w);
        if (want->kernel == KERNEL_ALL)
            jsonw_text(w, "*");
        else
            for (uint32_t i = 0; kernel_type(i); i++)
                if (want->kernel & KERNEL_BIT(i))
                    jsonw_text(w, kernel_type(i)->name);
        jsonw_array_end(w);
    }
    if (want->n_any_words != 0)
        write_words(w, "any", want->any_words, want->n_any_words);
    if (want->n_all_words != 0)
        write_words(w, "all", want->all_words, want->n_all_words);
    jsonw_key(w, "level");
    jsonw_u64(w, want->level);
    if (want->n_ids != 0) {
        jsonw_key(w, "event_ids");
        jsonw_array(w);
        for (uint32_t i = 0; i < want->n_ids; i++)
            jsonw_u64(w, want->ids[i]);
        jsonw_array_end(w);
    }
    if (want->n_names != 0)
        write_words(w, "event_names", want->names, want->n_names);
    if (want->has_opcodes) {
        jsonw_key(w, "opcodes");
        jsonw_array(w);
        for (uint32_t i = 0; i < 256; i++)
            if (want->opcodes[i / 8] >> (i % 8) & 1)
                jsonw_u64(w, i);
        jsonw_array_end(w);
    }
    if (want->n_pids != 0) {
        jsonw_key(w, "pids");
        jsonw_array(w);
        for (uint32_t i = 0; i < want->n_pids; i++)
            jsonw_u64(w, want->pids[i]);
        jsonw_array_end(w);
    }
    if (want->filter) {
        jsonw_key(w, "filter");
        jsonw_text(w, filter_text(want->filter));
    }
    if (want->ignore_keyword0) {
        jsonw_key(w, "ignore_keyword0");
        jsonw_bool(w, true);
    }
    jsonw_object_end(w);
}
