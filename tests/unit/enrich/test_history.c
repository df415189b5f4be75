// The cache of reused names: what a key meant when, against a naive model too.
#include <criterion/criterion.h>
#include <stdio.h>

#include "enrich/history.h"
#include "enrich/text.h"
#include "util/mem.h"

#define LIVE    PROVENANCE_LIVE
#define RUNDOWN PROVENANCE_RUNDOWN
#define GUESS   PROVENANCE_GUESS
#define END     (UINT64_MAX - 1)

static History *history;
static size_t before;

static void unref(void *value) {
    text_unref(value);
}

static size_t charge(const void *value) {
    return text_charge(value);
}

static bool same(const void *a, const void *b) {
    return strcmp(((const Text *)a)->s, ((const Text *)b)->s) == 0;
}

static HistoryOptions options(uint32_t max_entries) {
    return (HistoryOptions){
        .name = "Test", .max_entries = max_entries, .unref = unref, .charge = charge, .same = same};
}

static void make(const HistoryOptions *o) {
    history = history_free(history);
    cr_assert(history_new(o, &history) == 0);
}

static void set_up(void) {
    before = mem_in_use();
    history = NULL;
    HistoryOptions o = options(100);
    make(&o);
}

static void tear_down(void) {
    history = history_free(history);
    cr_assert(mem_in_use() == before);
}

static HistoryKey key(uint64_t n) {
    return (HistoryKey){n, 0};
}

static Text *text(const char *s) {
    return text_new(s, strlen(s));
}

static int opens(uint64_t k, uint64_t at, const char *s) {
    return history_open(history, key(k), at, text(s), LIVE);
}

static int closes(uint64_t k, uint64_t at, const char *s) {
    return history_close(history, key(k), at, s ? text(s) : NULL, LIVE);
}

static int states(uint64_t k, uint64_t at, const char *s) {
    return history_state(history, key(k), at, text(s), RUNDOWN);
}

// What is known at an ordinal, with its provenance; "" and NONE for nothing.
static void check_line(int line, uint64_t k, uint64_t at, const char *s, uint8_t provenance) {
    uint8_t p = PROVENANCE_NONE;
    const Text *t = history_find(history, key(k), at, &p, NULL);
    cr_assert(strcmp(t ? t->s : "", s) == 0 && p == provenance,
              "line %d: \"%s\" %u at %llu instead of \"%s\" %u", line, t ? t->s : "", p,
              (unsigned long long)at, s, provenance);
    uint8_t q = PROVENANCE_NONE;
    cr_assert(history_peek(history, key(k), at, &q, NULL) == t && q == p);
}
#define check(k, at, s, p) check_line(__LINE__, k, at, s, p)
#define check_none(k, at)  check_line(__LINE__, k, at, "", PROVENANCE_NONE)

Test(history, an_open_value_lasts_from_its_event_on, .init = set_up, .fini = tear_down) {
    cr_assert(opens(1, 10, "a") == 0);
    check_none(1, 9);
    check(1, 10, "a", LIVE);
    check(1, END, "a", LIVE);
    check_none(2, 10);
    cr_assert(opens(1, 20, "b") == 0);
    check(1, 19, "a", LIVE);
    check(1, 20, "b", LIVE);
    cr_assert(opens(1, 30, "b") == 0); // the same once more: nothing changes
    uint64_t from = 0;
    (void)history_find(history, key(1), 40, NULL, &from);
    cr_assert(from == 20);
    cr_assert(opens(1, 20, "c") == 0); // told twice at once: the later counts
    check(1, 20, "c", LIVE);
    check(1, 19, "a", LIVE);
    cr_assert(opens(1, 5, "d") == 0); // time that goes back is the key's last
    check(1, 20, "d", LIVE);
}

Test(history, a_closed_value_lasts_up_to_its_event, .init = set_up, .fini = tear_down) {
    opens(1, 10, "a");
    cr_assert(closes(1, 20, NULL) == 0);
    check(1, 20, "a", LIVE);
    check_none(1, 21);
    opens(1, 30, "b");
    check_none(1, 29);
    cr_assert(closes(1, 40, "b") == 0);
    check(1, 40, "b", LIVE);
    check(1, 15, "a", LIVE);
    cr_assert(closes(2, 10, NULL) == 0); // of a key that is not known: nothing
    cr_assert(!history_has(history, key(2)));
    // The end names what was there since the last change.
    cr_assert(closes(3, 50, "x") == 0);
    check(3, 0, "x", LIVE);
    check(3, 50, "x", LIVE);
    check_none(3, 51);
    cr_assert(closes(3, 60, "y") == 0);
    check(3, 51, "y", LIVE);
    check(3, 50, "x", LIVE);
    cr_assert(closes(3, 60, "z") == 0); // no room left at that ordinal
    check(3, 60, "y", LIVE);
}

Test(history, an_end_that_does_not_fit_is_a_guess, .init = set_up, .fini = tear_down) {
    opens(1, 10, "a");
    cr_assert(closes(1, 20, "b") == 0);
    check(1, 10, "a", LIVE);
    check(1, 11, "b", GUESS);
    check(1, 20, "b", GUESS);
    check_none(1, 21);
    opens(2, 10, "a");
    cr_assert(closes(2, 10, "b") == 0);
    check(2, 10, "a", LIVE);
    check_none(2, 11);
}

Test(history, a_state_reaches_back_to_the_last_change, .init = set_up, .fini = tear_down) {
    cr_assert(states(1, 100, "a") == 0);
    check(1, 0, "a", RUNDOWN);
    check(1, 200, "a", RUNDOWN);
    opens(2, 10, "x");
    closes(2, 20, NULL);
    cr_assert(states(2, 100, "y") == 0);
    check(2, 20, "x", LIVE);
    check(2, 21, "y", RUNDOWN);
    opens(3, 10, "x");
    cr_assert(states(3, 100, "x") == 0); // told live already
    check(3, 50, "x", LIVE);
    check_none(3, 9);
    opens(4, 10, "x");
    cr_assert(states(4, 100, "y") == 0);
    check(4, 10, "x", LIVE);
    check(4, 11, "y", GUESS);
    check(4, 100, "y", GUESS);
}

Test(history, what_lingers_and_what_is_looked_for_ahead, .init = set_up, .fini = tear_down) {
    HistoryOptions o = options(10);
    o.lingers = true;
    make(&o);
    opens(1, 10, "a");
    closes(1, 20, NULL);
    opens(1, 30, "b");
    check_none(1, 9);
    check(1, 25, "a", LIVE);
    check(1, 30, "b", LIVE);
    history_look_ahead(history, true);
    check(1, 9, "a", GUESS);
    check(1, 25, "a", LIVE);
    o.lingers = false;
    make(&o);
    opens(1, 10, "a");
    closes(1, 20, NULL);
    opens(1, 30, "b");
    check_none(1, 9);
    check_none(1, 25);
    history_look_ahead(history, true);
    check(1, 9, "a", GUESS);
    check(1, 25, "b", GUESS);
    check(1, 20, "a", LIVE);
}

Test(history, how_long_an_answer_holds, .init = set_up, .fini = tear_down) {
    HistoryAnswer answer;
    history_ask(history, key(1), 5, &answer);
    cr_assert(answer.value == NULL && answer.from == 5 && answer.until == UINT64_MAX);
    opens(1, 10, "a");
    closes(1, 20, NULL);
    opens(1, 30, "b");
    static const struct {
        uint64_t at, until;
        bool lingers, ahead;
        uint64_t until_then;
    } cases[] = {
        {5, 9, true, true, 9},
        {10, 20, true, false, 29},
        {20, 20, false, true, 20},
        {25, 29, true, true, 29},
        {30, UINT64_MAX, false, false, UINT64_MAX},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        history_ask(history, key(1), cases[i].at, &answer);
        uint64_t until = answer.until;
        cr_assert(until == cases[i].until, "%zu", i);
        // Every ordinal up to there has the same answer, the next has another.
        const void *value = history_peek(history, key(1), cases[i].at, NULL, NULL);
        for (uint64_t at = cases[i].at; at <= MIN_OF(until, 100u); at++)
            cr_assert(history_peek(history, key(1), at, NULL, NULL) == value);
        if (until != UINT64_MAX)
            cr_assert(history_peek(history, key(1), until + 1, NULL, NULL) != value);
    }
    HistoryOptions o = options(10);
    o.lingers = true;
    make(&o);
    opens(1, 10, "a");
    closes(1, 20, NULL);
    opens(1, 30, "b");
    history_ask(history, key(1), 12, &answer);
    cr_assert(answer.until == 29);
}

Test(history, current_is_what_is_open, .init = set_up, .fini = tear_down) {
    cr_assert(history_current(history, key(1), NULL) == NULL);
    opens(1, 10, "a");
    uint64_t from = 0;
    const Text *t = history_current(history, key(1), &from);
    cr_assert(t && strcmp(t->s, "a") == 0 && from == 10);
    closes(1, 20, NULL);
    cr_assert(history_current(history, key(1), &from) == NULL);
    cr_assert(history_stats(history).retrievals == 0);
}

Test(history, replacing_keeps_the_interval, .init = set_up, .fini = tear_down) {
    opens(1, 10, "a");
    opens(1, 20, "b");
    cr_assert(history_replace(history, key(1), 15, text("A")) == 0);
    check(1, 19, "A", LIVE);
    check(1, 20, "b", LIVE);
    cr_assert(history_replace(history, key(1), 5, text("?")) == -STATUS_NOT_FOUND);
    cr_assert(history_replace(history, key(9), 5, text("?")) == -STATUS_NOT_FOUND);
    size_t bytes = (size_t)history_stats(history).bytes;
    cr_assert(history_replace(history, key(1), 25, text("bcdef")) == 0);
    cr_assert(history_stats(history).bytes == bytes + 4);
    history_forget(history, key(1));
    history_forget(history, key(1));
    check_none(1, 15);
}

Test(history, counters, .init = set_up, .fini = tear_down) {
    opens(1, 10, "a");
    states(2, 10, "b");
    opens(3, 10, "c");
    closes(3, 20, "d");
    (void)history_find(history, key(1), 10, NULL, NULL);
    (void)history_find(history, key(1), 9, NULL, NULL);
    (void)history_find(history, key(2), 10, NULL, NULL);
    (void)history_find(history, key(3), 20, NULL, NULL);
    (void)history_find(history, key(4), 20, NULL, NULL);
    (void)history_peek(history, key(1), 10, NULL, NULL);
    CacheStats s = history_stats(history);
    cr_assert(strcmp(s.name, "Test") == 0 && s.entries == 3 && s.limit == 100);
    cr_assert(s.retrievals == 5 && s.hits == 3 && s.misses == 2);
    cr_assert(s.live == 1 && s.rundown == 1 && s.guess == 1);
    cr_assert(s.inserted == 3 && s.evicted == 0 && s.bytes > 0 && s.bytes_limit == 0);
    history_clear(history);
    s = history_stats(history);
    cr_assert(s.entries == 0 && s.bytes == 0 && s.inserted == 3 && s.retrievals == 5);
    check_none(1, 10);
    opens(1, 10, "z"); // and it goes on
    check(1, 10, "z", LIVE);
}

Test(history, the_least_recently_used_goes, .init = set_up, .fini = tear_down) {
    HistoryOptions o = options(3);
    make(&o);
    opens(1, 10, "a");
    opens(2, 11, "b");
    cr_assert(history_stats(history).entries == 2); // n - 1
    opens(3, 12, "c");
    cr_assert(history_stats(history).entries == 3 && history_stats(history).evicted == 0);
    check(1, 20, "a", LIVE);
    opens(4, 21, "d"); // 2 is the oldest use
    cr_assert(history_stats(history).entries == 3 && history_stats(history).evicted == 1);
    cr_assert(!history_has(history, key(2)) && history_has(history, key(1)));
    (void)history_peek(history, key(3), 30, NULL, NULL); // no use
    (void)history_find(history, key(3), 5, NULL, NULL);  // a miss is none either
    opens(5, 31, "e");
    cr_assert(!history_has(history, key(3)));
    o.max_entries = 1;
    make(&o);
    for (uint64_t i = 0; i < 1000; i++) {
        cr_assert(opens(i, i, "x") == 0);
        check(i, i, "x", LIVE);
        cr_assert(history_stats(history).entries == 1);
    }
}

Test(history, bytes_are_a_limit_too, .init = set_up, .fini = tear_down) {
    HistoryOptions o = options(1000);
    make(&o);
    opens(1, 1, "abcd");
    opens(2, 2, "abcd");
    opens(3, 3, "abcd");
    size_t three = (size_t)history_stats(history).bytes;
    for (int more = -1; more <= 1; more++) {
        o.max_bytes = three + (size_t)more;
        make(&o);
        opens(1, 1, "abcd");
        opens(2, 2, "abcd");
        opens(3, 3, "abcd");
        cr_assert(history_stats(history).entries == (more < 0 ? 2 : 3), "%d", more);
        cr_assert(history_has(history, key(1)) == (more >= 0));
        cr_assert(history_stats(history).bytes <= o.max_bytes);
        cr_assert(history_stats(history).bytes_limit == o.max_bytes);
    }
    // What is larger than the limit stays alone until something else comes.
    o.max_bytes = 16;
    make(&o);
    opens(1, 1, "abcd");
    opens(2, 2, "abcd");
    cr_assert(history_stats(history).entries == 1);
    check(2, 2, "abcd", LIVE);
}

Test(history, bytes_are_those_of_the_heap, .init = set_up, .fini = tear_down) {
    HistoryOptions o = options(100000);
    make(&o);
    size_t empty = mem_in_use();
    char s[64];
    for (uint64_t i = 0; i < 50000; i++) {
        (void)snprintf(s, sizeof s, "\\Device\\HarddiskVolume1\\%llu", (unsigned long long)i);
        opens(i % 20000, i, s);
    }
    size_t counted = (size_t)history_stats(history).bytes, used = mem_in_use() - empty;
    cr_assert(counted <= used + used / 50 && used <= counted + counted / 50 + 70000, "%zu %zu",
              counted, used);
}

Test(history, live_knowledge_keeps_few_spans, .init = set_up, .fini = tear_down) {
    char s[2] = "a";
    for (uint64_t i = 0; i < 26; i++, s[0]++)
        opens(1, i * 10, s);
    check(1, 255, "z", LIVE);
    check(1, 175, "r", LIVE); // the ninth last
    check_none(1, 165);
    HistoryOptions o = options(10);
    o.looks_ahead = true;
    make(&o);
    s[0] = 'a';
    for (uint64_t i = 0; i < 26; i++, s[0]++)
        opens(1, i * 10, s);
    for (uint64_t i = 0; i < 26; i++) {
        s[0] = (char)('a' + i);
        check(1, i * 10 + 5, s, LIVE);
    }
}

Test(history, integers_are_values_as_well, .init = set_up, .fini = tear_down) {
    HistoryOptions o = {.name = "Numbers", .max_entries = 10};
    make(&o);
    history_open(history, key(1), 10, (void *)(uintptr_t)7, LIVE);
    cr_assert(history_find(history, key(1), 10, NULL, NULL) == (void *)(uintptr_t)7);
    for (uint32_t step = 0; step < 4; step++) {
        history_prefetch(history, key(1), step);
        history_prefetch(history, key(2), step);
    }
}

static void exercise(void) {
    char s[32];
    for (uint64_t i = 0; i < 200; i++) {
        (void)snprintf(s, sizeof s, "name %llu", (unsigned long long)(i % 7));
        Text *t = text_new(s, strlen(s));
        if (!t)
            continue;
        int r;
        switch (i % 5) {
        case 0:
            r = history_close(history, key(i % 90), i, t, LIVE);
            break;
        case 1:
            r = history_state(history, key(i % 90), i, t, RUNDOWN);
            break;
        default:
            r = history_open(history, key(i % 90), i, t, LIVE);
        }
        if (r < 0) {
            cr_assert(r == -STATUS_NO_MEMORY);
            cr_assert(!history_has(history, key(i % 90)), "it is forgotten rather than wrong");
        }
        (void)history_find(history, key(i % 13), i, NULL, NULL);
    }
}

Test(history, each_allocation_may_fail, .init = set_up, .fini = tear_down, .timeout = 60) {
    HistoryOptions o = options(60);
    size_t calls = mem_calls();
    make(&o);
    exercise();
    size_t n = mem_calls() - calls;
    for (size_t at = 1; at <= n; at++) {
        history = history_free(history);
        cr_assert(mem_in_use() == before);
        mem_fail_at(at);
        if (history_new(&o, &history) == 0)
            exercise();
        mem_fail_at(0);
    }
}

// --- against a model ---------------------------------------------------------------------------

#define KEYS  40u
#define SPANS 4000u

typedef struct ModelSpan {
    uint64_t from, to;
    uint32_t value;
    uint8_t provenance;
} ModelSpan;

typedef struct ModelKey {
    bool known;
    uint64_t used;
    uint32_t n;
    ModelSpan spans[SPANS];
} ModelKey;

typedef struct Model {
    uint32_t max;
    bool lingers, ahead;
    uint64_t clock, evicted;
    bool has_forgotten;
    uint64_t forgotten;
    ModelKey keys[KEYS];
} Model;

static void model_add(ModelKey *k, uint64_t from, uint64_t to, uint32_t value, uint8_t provenance) {
    k->spans[k->n++] = (ModelSpan){from, to, value, provenance};
}

static void model_forget(Model *m, ModelKey *k) {
    if (!k->known)
        return;
    const ModelSpan *last = &k->spans[k->n - 1];
    m->forgotten = MAX_OF(m->forgotten, last->to == UINT64_MAX ? last->from : last->to);
    m->has_forgotten = true;
    k->known = false;
}

static void model_use(Model *m, uint32_t k, uint64_t silent_until) {
    m->keys[k].used = ++m->clock;
    if (m->keys[k].known)
        return;
    m->keys[k].known = true;
    m->keys[k].n = 0;
    if (m->has_forgotten)
        model_add(&m->keys[k], 0, silent_until, 0, LIVE);
    uint32_t n = 0, oldest = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        if (!m->keys[i].known)
            continue;
        if (n++ == 0 || m->keys[i].used < m->keys[oldest].used)
            oldest = i;
    }
    if (n > m->max) {
        model_forget(m, &m->keys[oldest]);
        m->evicted++;
    }
}

static void model_end(Model *m, uint32_t i, uint64_t at) {
    ModelKey *k = &m->keys[i];
    model_use(m, i, at);
    ModelSpan *last = k->n ? &k->spans[k->n - 1] : NULL;
    if (last && (last->to == UINT64_MAX || (last->value == 0 && last->to < at)))
        last->to = at;
    else if (!last || last->to < at)
        model_add(k, last ? last->to + 1 : 0, at, 0, LIVE);
}

static void model_change(Model *m, uint32_t i, int how, uint64_t at, uint32_t value) {
    ModelKey *k = &m->keys[i];
    if (how == 1 && value == 0 && !k->known) {
        if (m->has_forgotten)
            model_end(m, i, at);
        return;
    }
    model_use(m, i, how == 0 ? at - 1 : m->forgotten);
    ModelSpan *last = k->n ? &k->spans[k->n - 1] : NULL;
    bool open = last && last->to == UINT64_MAX;
    uint64_t next = last && !open ? last->to + 1 : 0;
    if (open && (last->value == value || (how == 1 && value == 0))) {
        if (how == 1)
            last->to = at;
        return;
    }
    switch (how) {
    case 0: // open
        if (open)
            last->to = at - 1;
        model_add(k, MAX_OF(at, next), UINT64_MAX, value, LIVE);
        break;
    case 1: // close
        if (open) {
            last->to = last->from;
            if (at > last->from)
                model_add(k, last->from + 1, at, value, GUESS);
        } else if (value != 0 && next <= at) {
            model_add(k, next, at, value, LIVE);
        }
        break;
    default: // state
        if (open)
            last->to = last->from;
        model_add(k, open ? last->from + 1 : next, UINT64_MAX, value, open ? GUESS : RUNDOWN);
    }
}

static uint32_t model_find(Model *m, uint32_t i, uint64_t at, uint8_t *ret_provenance) {
    ModelKey *k = &m->keys[i];
    ModelSpan *span = NULL, *after = NULL;
    for (uint32_t s = 0; k->known && s < k->n; s++) {
        if (k->spans[s].from <= at)
            span = &k->spans[s];
        else if (!after)
            after = &k->spans[s];
    }
    if (!span || (at > span->to && !m->lingers)) {
        span = m->ahead ? after : NULL;
        *ret_provenance = GUESS;
    } else {
        *ret_provenance = span->provenance;
    }
    if (!span || span->value == 0) {
        *ret_provenance = PROVENANCE_NONE;
        return 0;
    }
    model_use(m, i, 0);
    return span->value;
}

static uint64_t random_state;
static uint32_t random_below(uint32_t n) {
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

static void compare_with_model(uint32_t seed) {
    static Model m;
    memset(&m, 0, sizeof m);
    random_state = seed;
    m.max = 1 + random_below(KEYS + 4);
    m.lingers = seed & 1;
    m.ahead = true; // nothing is trimmed then
    HistoryOptions o = {
        .name = "Model", .max_entries = m.max, .lingers = m.lingers, .looks_ahead = true};
    make(&o);
    uint64_t at = 1;
    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t i = random_below(KEYS), value = 1 + random_below(3);
        // Keys that collide in the table's low bits as well as any do.
        HistoryKey k = {i * 0x1000u, i % 3};
        at += 1 + random_below(3);
        switch (random_below(8)) {
        case 0:
            history_open(history, k, at, (void *)(uintptr_t)value, LIVE);
            model_change(&m, i, 0, at, value);
            break;
        case 1:
            value = random_below(4);
            history_close(history, k, at, (void *)(uintptr_t)value, LIVE);
            model_change(&m, i, 1, at, value);
            break;
        case 2:
            history_state(history, k, at, (void *)(uintptr_t)value, RUNDOWN);
            model_change(&m, i, 2, at, value);
            break;
        case 3:
            if (random_below(20) == 0) {
                history_forget(history, k);
                model_forget(&m, &m.keys[i]);
            } else if (random_below(3) == 0) {
                history_end(history, k, at);
                model_end(&m, i, at);
            }
            break;
        default: {
            uint64_t when = random_below(2) ? at : random_below((uint32_t)at + 3);
            uint8_t provenance = PROVENANCE_NONE, expected;
            uint32_t want = model_find(&m, i, when, &expected);
            uint32_t got = (uint32_t)(uintptr_t)history_find(history, k, when, &provenance, NULL);
            cr_assert(got == want && provenance == expected,
                      "seed %u step %u key %u at %llu: %u (%u) instead of %u (%u)", seed, step, i,
                      (unsigned long long)when, got, provenance, want, expected);
        }
        }
        if (step % 64 == 0)
            for (uint32_t j = 0; j < KEYS; j++)
                cr_assert(history_has(history, (HistoryKey){j * 0x1000u, j % 3}) == m.keys[j].known,
                          "seed %u step %u key %u", seed, step, j);
    }
    cr_assert(history_stats(history).evicted == m.evicted);
}

Test(history, is_what_a_naive_model_says, .init = set_up, .fini = tear_down, .timeout = 120) {
    for (uint32_t seed = 1; seed <= 40; seed++)
        compare_with_model(seed);
}

Test(history, many_keys_come_and_go, .init = set_up, .fini = tear_down, .timeout = 60) {
    HistoryOptions o = {.name = "Many", .max_entries = 3000};
    make(&o);
    random_state = 5;
    for (uint64_t i = 1; i <= 200000; i++) {
        cr_assert(history_open(history, key(i * 0x150), i, (void *)(uintptr_t)i, LIVE) == 0);
        uint64_t k = i > 2000 ? i - random_below(2000) : i;
        cr_assert(history_find(history, key(k * 0x150), i, NULL, NULL) == (void *)(uintptr_t)k);
        if (i % 7 == 0)
            history_forget(history, key((i - random_below((uint32_t)MIN_OF(i, 1500))) * 0x150));
        if (i % 7 == 0) // so that it is there for the look-ups
            for (uint64_t j = MAX_OF(i, 2001) - 2000; j <= i; j += 1)
                if (!history_has(history, key(j * 0x150)))
                    history_open(history, key(j * 0x150), 0, (void *)(uintptr_t)j, LIVE);
    }
    cr_assert(history_stats(history).entries <= 3000);
    // What has been left is used again.
    cr_assert(mem_in_use() - before < 4 * 1024 * 64 + 8192 * 8 + 16384 * 4 + 4096);
    cr_assert(history_stats(history).bytes < 3000 * 64 + 4096 * 2 * 8 + 8192 * 2 * 4);
}

static void set_up_ahead(void) {
    set_up();
    HistoryOptions o = options(2);
    o.looks_ahead = true;
    make(&o);
}

// A key whose changes are forgotten: what is told of it later does not reach back over them, nor
// is it a guess for what was before.
Test(history, nothing_reaches_back_over_what_was_forgotten, .init = set_up_ahead,
     .fini = tear_down) {
    opens(1, 10, "a");
    closes(1, 40, NULL);
    opens(2, 50, "b");
    opens(3, 60, "c"); // 1 goes
    cr_assert(history_stats(history).evicted == 1);
    check(2, 20, "b", GUESS); // made before: all is known of it
    check(3, 20, "c", GUESS);
    check(3, 60, "c", LIVE);
    opens(2, 61, "b");
    states(1, 100, "d"); // 3 goes, forgotten with its change at 60
    check_none(1, 30);
    check_none(1, 40);
    check(1, 41, "d", RUNDOWN); // its own last change, or anybody's who is forgotten
    check(1, END, "d", RUNDOWN);
    closes(3, 110, "c"); // 2 goes
    check_none(3, 60);
    check(3, 61, "c", LIVE);
    check(3, 110, "c", LIVE);
    history_clear(history);
    states(1, 100, "d");
    check(1, 0, "d", RUNDOWN); // nothing has been forgotten of a new epoch
}

// Its end is told while it is forgotten.
Test(history, an_end_of_what_was_forgotten, .init = set_up_ahead, .fini = tear_down) {
    opens(1, 10, "a");
    opens(2, 20, "b");
    opens(3, 30, "c");
    closes(1, 60, NULL);
    states(1, 100, "d");
    check_none(1, 60);
    check(1, 61, "d", RUNDOWN);
    // Live, nobody asks far back, and nothing is kept for it.
    HistoryOptions o = options(2);
    make(&o);
    for (uint64_t k = 1; k < 4; k++)
        opens(k, 10 * k, "a");
    closes(1, 60, NULL);
    cr_assert(!history_has(history, key(1)));
    opens(1, 70, "d");
    check(1, 70, "d", LIVE);
}

Test(history, an_end_of_something_unknown, .init = set_up_ahead, .fini = tear_down) {
    cr_assert(history_end(history, key(1), 20) == 0);
    cr_assert(history_end(history, key(1), 30) == 0);
    check_none(1, 25);
    states(1, 100, "a");
    check_none(1, 30);
    check(1, 31, "a", RUNDOWN);
    cr_assert(history_end(history, key(1), 110) == 0); // as a close without a value
    check(1, 110, "a", RUNDOWN);
    check_none(1, 111);
    cr_assert(history_end(history, key(1), 150) == 0);
    states(1, 200, "b");
    check_none(1, 150);
    check(1, 151, "b", RUNDOWN);
    HistoryAnswer answer;
    CacheStats old = history_stats(history);
    history_ask(history, key(1), 5, &answer);
    cr_assert_null(answer.value);
    cr_assert_eq(answer.until, 30);
    cr_assert(history_stats(history).misses == old.misses + 1);
    cr_assert(history_current(history, key(1), NULL) != NULL);
}
