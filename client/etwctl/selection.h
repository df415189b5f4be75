// Which providers `dump` shows: names, globs and GUIDs, judged once for each event type. One owner.
#pragma once

#include "client/etwctl/words.h"
#include "schema/store.h"

typedef struct Selection {
    const Words *words;
    Guid *guids; // of the words that name a provider
    uint32_t n_guids, capacity;
    bool no_memory;
} Selection;

// Looks the words up. Words that nothing matches are taken for the name of an EventSource; *ret_unknown is the
// first such word, or NULL. words must outlive the selection.
int selection_init(Selection *selection, const Words *words, const SchemaStore *store,
                   const char **ret_unknown);
void selection_deinit(Selection *selection);
// Everything is chosen by an empty selection.
bool selection_has(const Selection *selection, const Guid *provider, const char *provider_name);
