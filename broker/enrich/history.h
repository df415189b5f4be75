// What a reused name meant, when: the cache under all kernel enrichment.
//
// A key (FileKey, KCB, pid, tid …) has a history of values with intervals on the time axis of
// EventRecord.ordinal. Events tell of it in three ways:
//
//   open   from here on the key means this (Create, Name, KCBCreate, Process/Start);
//   close  up to here it meant this (Delete, KCBDelete, Process/Stop); value may be NULL: not told;
//   state  it means this now and has since its last change (rundown), so backwards as well.
//
// Looking up at an ordinal gives the interval that holds it. Between intervals: with `lingers` the
// one before (a process that has ended is still meant until its pid is reused); else, with
// `looks_ahead` (a file that was scanned first), the one behind it as a guess: a key can be used a
// moment before it is named; else nothing: a closed key is never answered with its old name.
//
// Bounded: at most max_entries keys and max_bytes; the key least recently used goes, with its whole
// history (true LRU: a hit or a change is a use). With `looks_ahead` nothing reaches back over what
// was forgotten, since it might have been of the same key: answers are missing, never another's.
// Counted: CacheStats. Owner: the loop; no locks.
#pragma once

#include "event/enriched.h"

typedef struct CacheStats {
    const char *name;
    uint64_t entries, limit; // keys
    uint64_t bytes, bytes_limit;
    // limit or bytes_limit 0: none of its own
    uint64_t retrievals, hits, misses, inserted, evicted;
    uint64_t live, rundown, guess; // hits by provenance
} CacheStats;

typedef struct HistoryOptions {
    const char *name;
    uint32_t max_entries; // at least 1
    size_t max_bytes;     // 0: none
    bool lingers;
    bool looks_ahead;
    void (*unref)(void *value);          // NULL: values are not counted (integers in a pointer)
    size_t (*charge)(const void *value); // bytes it is charged with; NULL: 0
    bool (*same)(const void *a, const void *b); // NULL: pointers are compared
} HistoryOptions;

typedef struct HistoryKey {
    uint64_t a, b; // b: 0 when one number is enough
} HistoryKey;

typedef struct History History;

int history_new(const HistoryOptions *options, History **ret);
History *history_free(History *history);
void history_clear(History *history); // forgets all; counters stay
void history_look_ahead(History *history, bool on);
// These take one reference to the value, also on failure (-STATUS_NO_MEMORY, and then the key is
// forgotten rather than wrong). Ordinals of one key must not go back; one that does is taken as the
// key's last one. Opening with the same value as the open one changes nothing.
int history_open(History *history, HistoryKey key, uint64_t at, void *take_value,
                 uint8_t provenance);
// A closing or stated value that is not the same as the open one counts as a guess from the last
// change on, because something in between was not told.
int history_close(History *history, HistoryKey key, uint64_t at, void *take_value,
                  uint8_t provenance);
int history_state(History *history, HistoryKey key, uint64_t at, void *take_value,
                  uint8_t provenance);
// Up to here it meant something that is not known: as history_close without a value, and what a
// later state says does not reach back over it.
int history_end(History *history, HistoryKey key, uint64_t at);
// The value at an ordinal, borrowed until the next change; NULL: not known. ret_from (may be NULL):
// the ordinal at which its interval begins. Counts a retrieval, and a hit or a miss.
void *history_find(History *history, HistoryKey key, uint64_t at, uint8_t *ret_provenance,
                   uint64_t *ret_from);
// The same for a caller that keeps the answer: it holds up to ordinal `until` as long as nothing
// changes (no open, close, state, replace, forget or clear of any key).
typedef struct HistoryAnswer {
    void *value;        // NULL: not known
    uint64_t from;      // where its interval begins; the ordinal asked for when there is none
    uint64_t until;     // inclusive
    uint32_t place;     // for history_again
    uint8_t provenance; // PROVENANCE_NONE: not known
} HistoryAnswer;
void history_ask(History *history, HistoryKey key, uint64_t at, HistoryAnswer *ret);
// A kept answer is given again: a retrieval and a use like any other, without looking.
void history_again(History *history, const HistoryAnswer *answer);
// The same without counting and without being a use.
void *history_peek(History *history, HistoryKey key, uint64_t at, uint8_t *ret_provenance,
                   uint64_t *ret_from);
// The value of the open interval: what the key means now; NULL: none. No use, not counted.
void *history_current(History *history, HistoryKey key, uint64_t *ret_from);
// For a caller who knows the keys of some events ahead: fetches what a look-up will touch. Step 0
// the slot, step 1 (an event or so later) the node, step 2 the value.
void history_prefetch(const History *history, HistoryKey key, uint32_t step);
// Puts another value in the place of the one that history_find just gave for the same key and
// ordinal (a path that has become presentable, a process that has learnt its path); takes a
// reference. Nothing is evicted for it, so that other values of the same event stay: the limit is
// kept at the next change.
int history_replace(History *history, HistoryKey key, uint64_t at, void *take_value);
void history_forget(History *history, HistoryKey key);
bool history_has(History *history, HistoryKey key);
CacheStats history_stats(const History *history);
