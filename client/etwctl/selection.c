#include "client/etwctl/selection.h"

#include "client/etwctl/want.h"
#include "util/mem.h"
#include "util/utf.h"

static void add_guid(void *user, const Guid *guid, const char *name) {
    (void)name;
    Selection *s = user;
    if (s->n_guids == s->capacity) {
        uint32_t capacity = s->capacity ? s->capacity * 2 : 16;
        Guid *guids = mem_resize(s->guids, capacity * sizeof *guids);
        if (!guids) {
            s->no_memory = true;
            return;
        }
        s->guids = guids;
        s->capacity = capacity;
    }
    s->guids[s->n_guids++] = *guid;
}

// Kernel classes belong to one provider for people, whatever their GUIDs.
static bool is_kernel(const char *word) {
    return fold_equal(word, "kernel") || fold_equal(word, "Windows Kernel");
}

int selection_init(Selection *selection, const Words *words, const SchemaStore *store,
                   const char **ret_unknown) {
    *selection = (Selection){.words = words};
    *ret_unknown = NULL;
    for (uint32_t i = 0; i < words->n; i++) {
        const char *word = words->items[i];
        Guid guid;
        if (guid_parse(word, &guid)) {
            add_guid(selection, &guid, "");
        } else if (schema_store_providers(store, word, add_guid, selection) == 0 &&
                   !is_kernel(word) && !strpbrk(word, "*?")) {
            guid = guid_from_name(word);
            add_guid(selection, &guid, "");
            if (!*ret_unknown)
                *ret_unknown = word;
        }
    }
    return selection->no_memory ? -STATUS_NO_MEMORY : 0;
}

void selection_deinit(Selection *selection) {
    mem_free(selection->guids);
    *selection = (Selection){0};
}

bool selection_has(const Selection *s, const Guid *provider, const char *provider_name) {
    if (s->words->n == 0)
        return true;
    for (uint32_t i = 0; i < s->n_guids; i++)
        if (guid_equal(&s->guids[i], provider))
            return true;
    // Names that only the events themselves tell (TraceLogging), and the kernel's.
    for (uint32_t i = 0; i < s->words->n && provider_name[0]; i++) {
        const char *word = s->words->items[i];
        if (fold_glob(word, provider_name) || fold_glob(word, provider_short(provider_name)) ||
            (is_kernel(word) && fold_equal(provider_name, "Windows Kernel")))
            return true;
    }
    return false;
}
