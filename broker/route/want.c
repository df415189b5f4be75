#include "route/want.h"

#include "util/mem.h"
#include "util/utf.h"

Want *want_free(Want *want) {
    if (want) {
        filter_free(want->filter);
        arena_deinit(&want->arena);
        mem_free(want);
    }
    return NULL;
}

bool want_parse_level(const char *text, uint8_t *ret) {
    static const struct {
        const char *name;
        uint8_t level;
    } levels[] = {
        {"Critical", 1},         {"Error", 2},          {"Warning", 3},       {"Warn", 3},
        {"Information", 4},      {"Info", 4},           {"Informational", 4}, {"Verbose", 5},
        {"All", WANT_LEVEL_ALL}, {"*", WANT_LEVEL_ALL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
        if (fold_equal(levels[i].name, text)) {
            *ret = levels[i].level;
            return true;
        }
    }
    uint64_t n;
    if (!names_parse_mask(text, &n) || n > 255)
        return false;
    *ret = n == 0 ? WANT_LEVEL_ALL : (uint8_t)n; // 0 means everything
    return true;
}

static const WantProvider *find_provider(const Want *want, const Guid *guid) {
    uint32_t low = 0, high = want->n_providers;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = memcmp(want->providers[middle].guid.b, guid->b, sizeof guid->b);
        if (order == 0)
            return &want->providers[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool id_listed(const Want *want, uint16_t id) {
    uint32_t low = 0, high = want->n_ids;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (want->ids[middle] == id)
            return true;
        if (want->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool contains_folded(const char *text, const char *part) {
    size_t n = strlen(part), length = strlen(text);
    for (size_t i = 0; i + n <= length; i++)
        if (fold_compare(text + i, n, part, n) == 0)
            return true;
    return false;
}

static bool ends_folded(const char *text, const char *end) {
    size_t n = strlen(end), length = strlen(text);
    return length >= n && fold_compare(text + length - n, n, end, n) == 0;
}

// Does this pattern speak of rundown events, or only take them along?
static bool names_rundown(const char *pattern) {
    return !strpbrk(pattern, "*?") || contains_folded(pattern, "/DC") ||
           contains_folded(pattern, "DCStart") || contains_folded(pattern, "DCStop") ||
           contains_folded(pattern, "DCEnd") || contains_folded(pattern, "Rundown");
}

bool want_matches_type(const Want *want, const RouteType *type, bool include_rundown) {
    const EventDescriptor *d = type->desc;
    const Schema *schema = type->schema;
    bool classic = (type->event_flags & EVENT_CLASSIC) != 0;
    bool kernel =
        want->kernel != 0 && classic && kernel_matches(want->kernel, type->provider, d->opcode);
    const WantProvider *provider = kernel ? NULL : find_provider(want, type->provider);
    bool everything = want->n_providers == 0 && want->kernel == 0;
    if (!kernel && !provider && !everything)
        return false;
    bool named = false; // the want names this very event
    if (!kernel) {
        if (d->level > want->level)
            return false;
        uint64_t any = provider ? provider->any : want->any;
        uint64_t all = provider ? provider->all : want->all;
        if (!want_keyword_passes(d->keyword, any, all, want->ignore_keyword0))
            return false;
        if (want->n_ids != 0) {
            if ((classic && !(type->event_flags & EVENT_WPP)) || !id_listed(want, d->id))
                return false;
            named = true;
        }
    }
    if (want->has_opcodes) {
        if (!(want->opcodes[d->opcode / 8] >> (d->opcode % 8) & 1))
            return false;
        named = true;
    }
    if (want->n_names != 0) {
        bool found = false;
        for (uint32_t i = 0; i < want->n_names; i++) {
            if (!fold_glob(want->names[i], schema->event_name))
                continue;
            found = true;
            named = named || names_rundown(want->names[i]);
        }
        if (!found)
            return false;
    }
    if ((schema->flags & SCHEMA_RUNDOWN) && !include_rundown && !named)
        return provider && (ends_folded(schema->provider_name, "Rundown") ||
                            ends_folded(provider->name, "Rundown"));
    return true;
}

int want_bind(const Want *want, const RouteType *type, BoundWant *ret) {
    BoundFilter *filter = NULL;
    if (want->filter) {
        int r = filter_bind(want->filter, type, &filter);
        if (r < 0)
            return r;
    }
    *ret = (BoundWant){want, type->schema, filter, subject_plan(type->schema)};
    return 0;
}

void want_unbind(BoundWant *bound) {
    bound->filter = filter_unbind(bound->filter);
}

bool want_matches_event(const BoundWant *bound, const FilterInput *input,
                        FilterCounters *counters) {
    const Want *want = bound->want;
    if (want->n_pids != 0) {
        Subject own;
        const Subject *subject = input->subject;
        if (!subject) {
            subject_read(&bound->subject, input->record, &own);
            subject = &own;
        }
        uint32_t i = 0;
        while (i < want->n_pids && want->pids[i] != subject->pid)
            i++;
        if (i == want->n_pids)
            return false;
    }
    return filter_eval(bound->filter, input, counters);
}
