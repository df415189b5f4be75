// See history.h. Nodes of 64 bytes, each in a cache line of its own, stand in chunks (their numbers
// never change); `slots` finds them by hash with linear probing and no tombstones: a look-up
// touches one slot and one node. The order of use is a queue of node numbers: a use writes one
// entry at its end, and an entry counts only while its node's tick is its own place, so a use
// touches no other node. The queue is packed when it is full and at least half of it is stale.
#include "enrich/history.h"

#include "util/map.h"
#include "util/mem.h"

#define OPEN_END    UINT64_MAX
#define CHUNK_BITS  10u
#define CHUNK_NODES (1u << CHUNK_BITS)
#define NO_NODE     UINT32_MAX
#define CACHE_LINE  64u
// Without looking ahead nobody asks far back (an event held for its stack at most).
#define LIVE_SPANS 8u

typedef struct Span {
    uint64_t from, to; // inclusive
    void *value;
    uint32_t provenance;
    uint32_t tick; // of a node's last span: place of its latest use in the queue + 1; 0: none
} Span;

typedef struct Node {
    HistoryKey key;
    Span *more;            // earlier spans, ascending; NULL: none
    uint32_t n_more, room; // of more; a free node: n_more is the next free one
    Span last;             // the newest
} Node;

typedef struct Slot {
    uint32_t hash;
    uint32_t node; // number + 1; 0 = free
} Slot;

typedef struct Chunk {
    Node *nodes; // on a line's boundary
    void *block; // what holds them
} Chunk;

_Static_assert(sizeof(Node) == CACHE_LINE, "one line a node");

struct History {
    HistoryOptions options;
    CacheStats stats;               // but for …
    uint64_t answers[PROVENANCE_N]; // retrievals by provenance; NONE: misses
    Chunk *chunks;
    uint32_t n_chunks, chunks_room;
    uint32_t n_nodes; // ever made
    uint32_t free_node;
    uint32_t last; // found last: an event asks for the same key more than once; NO_NODE: none
    Slot *slots;
    uint32_t n_slots;
    uint32_t *uses; // node numbers
    uint32_t uses_head, n_uses, uses_room;
    // Looking ahead: keys have been forgotten, with all their changes up to this ordinal.
    bool has_forgotten;
    uint64_t forgotten;
};

int history_new(const HistoryOptions *options, History **ret) {
    History *h = mem_zalloc(sizeof *h);
    if (!h)
        return -STATUS_NO_MEMORY;
    h->options = *options;
    h->free_node = h->last = NO_NODE;
    h->stats.name = options->name;
    h->stats.limit = options->max_entries;
    h->stats.bytes_limit = options->max_bytes;
    *ret = h;
    return 0;
}

static inline Node *node_at(const History *h, uint32_t i) {
    return &h->chunks[i >> CHUNK_BITS].nodes[i & (CHUNK_NODES - 1)];
}

static void drop_value(const History *h, void *value) {
    if (value && h->options.unref)
        h->options.unref(value);
}

static size_t charge_of(const History *h, const void *value) {
    return value && h->options.charge ? h->options.charge(value) : 0;
}

static bool same(const History *h, const void *a, const void *b) {
    return a == b || (a && b && h->options.same && h->options.same(a, b));
}

static uint32_t hash_of(HistoryKey key) {
    return (uint32_t)map_hash_pair(key.a, key.b);
}

static uint32_t find_slot(const History *h, HistoryKey key, uint32_t hash) {
    uint32_t mask = h->n_slots - 1;
    uint32_t at = hash & mask;
    for (; h->slots[at].node != 0; at = (at + 1) & mask) {
        if (h->slots[at].hash != hash)
            continue;
        const Node *node = node_at(h, h->slots[at].node - 1);
        if (node->key.a == key.a && node->key.b == key.b)
            break;
    }
    return at;
}

static uint32_t find_node(History *h, HistoryKey key) {
    if (h->last != NO_NODE) {
        const Node *node = node_at(h, h->last);
        if (node->key.a == key.a && node->key.b == key.b)
            return h->last;
    }
    if (h->n_slots == 0)
        return NO_NODE;
    uint32_t slot = find_slot(h, key, hash_of(key));
    uint32_t found = h->slots[slot].node - 1; // 0 - 1 is NO_NODE
    if (found != NO_NODE)
        h->last = found;
    return found;
}

// --- order of use ------------------------------------------------------------------------------

static bool is_stale(const History *h, uint32_t place) {
    return node_at(h, h->uses[place])->last.tick != place + 1;
}

static void pack_uses(History *h) {
    uint32_t kept = 0;
    for (uint32_t i = h->uses_head; i < h->n_uses; i++) {
        if (is_stale(h, i))
            continue;
        h->uses[kept] = h->uses[i];
        node_at(h, h->uses[kept])->last.tick = kept + 1;
        kept++;
    }
    h->uses_head = 0;
    h->n_uses = kept;
}

static bool make_use_room(History *h) {
    if (h->n_uses >= 2 * h->stats.entries && h->n_uses > 0)
        pack_uses(h);
    if (h->n_uses < h->uses_room && h->n_uses <= h->uses_room / 2)
        return true;
    uint32_t room = h->uses_room ? h->uses_room * 2 : 64;
    uint32_t *uses = room ? mem_resize(h->uses, room * sizeof *uses) : NULL;
    if (!uses)
        return h->n_uses < h->uses_room;
    h->stats.bytes += (room - h->uses_room) * sizeof *uses;
    h->uses = uses;
    h->uses_room = room;
    return true;
}

static inline bool use(History *h, uint32_t i) {
    Node *node = node_at(h, i);
    if (node->last.tick == h->n_uses && h->n_uses != 0)
        return true; // it is the latest already
    if (h->n_uses == h->uses_room && !make_use_room(h))
        return false;
    h->uses[h->n_uses++] = i;
    node->last.tick = h->n_uses;
    return true;
}

// --- nodes -------------------------------------------------------------------------------------

// A node without spans has a last one whose value is NULL and whose provenance is none.
static bool is_empty(const Node *node) {
    return node->last.provenance == PROVENANCE_NONE;
}

static void drop_spans(History *h, Node *node) {
    for (uint32_t i = 0; i < node->n_more; i++) {
        h->stats.bytes -= charge_of(h, node->more[i].value);
        drop_value(h, node->more[i].value);
    }
    h->stats.bytes -= charge_of(h, node->last.value) + node->room * sizeof(Span);
    drop_value(h, node->last.value);
    mem_free(node->more);
}

static void remove_node(History *h, uint32_t i) {
    Node *node = node_at(h, i);
    if (h->options.looks_ahead && !is_empty(node)) {
        uint64_t change = node->last.to == OPEN_END ? node->last.from : node->last.to;
        h->has_forgotten = true;
        h->forgotten = MAX_OF(h->forgotten, change);
    }
    if (h->last == i)
        h->last = NO_NODE;
    uint32_t mask = h->n_slots - 1;
    uint32_t hole = find_slot(h, node->key, hash_of(node->key));
    // Those behind move up, unless they would then stand in front of where they are looked for.
    for (uint32_t at = (hole + 1) & mask; h->slots[at].node != 0; at = (at + 1) & mask) {
        uint32_t home = h->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            h->slots[hole] = h->slots[at];
            hole = at;
        }
    }
    h->slots[hole] = (Slot){0, 0};
    drop_spans(h, node);
    memset(node, 0, sizeof *node); // no place in the queue is its own
    node->n_more = h->free_node;
    h->free_node = i;
    h->stats.entries--;
    h->stats.bytes -= sizeof(Node);
}

static bool evict_one(History *h, uint32_t keep) {
    for (; h->uses_head < h->n_uses; h->uses_head++) {
        if (is_stale(h, h->uses_head))
            continue;
        uint32_t oldest = h->uses[h->uses_head];
        if (oldest == keep)
            return false; // only the one in use is left
        h->uses_head++;
        remove_node(h, oldest);
        h->stats.evicted++;
        return true;
    }
    return false;
}

static void keep_limits(History *h, uint32_t keep) {
    while (h->stats.entries > h->options.max_entries ||
           (h->options.max_bytes != 0 && h->stats.bytes > h->options.max_bytes))
        if (!evict_one(h, keep))
            break;
}

static bool grow_slots(History *h) {
    if (h->n_slots != 0 && h->stats.entries + 1 <= h->n_slots / 8 * 5)
        return true;
    uint32_t n = h->n_slots ? h->n_slots * 2 : 64;
    Slot *slots = n ? mem_array(n, sizeof *slots) : NULL;
    if (!slots)
        return h->n_slots != 0 && h->stats.entries + 1 < h->n_slots;
    Slot *old = h->slots;
    uint32_t n_old = h->n_slots;
    h->slots = slots;
    h->n_slots = n;
    h->stats.bytes += (n - n_old) * sizeof *slots;
    for (uint32_t i = 0; i < n_old; i++) {
        if (old[i].node == 0)
            continue;
        uint32_t at = old[i].hash & (n - 1);
        while (slots[at].node != 0)
            at = (at + 1) & (n - 1);
        slots[at] = old[i];
    }
    mem_free(old);
    return true;
}

static bool add_chunk(History *h) {
    if (h->n_chunks == h->chunks_room) {
        uint32_t room = h->chunks_room ? h->chunks_room * 2 : 8;
        Chunk *chunks = mem_resize(h->chunks, room * sizeof *chunks);
        if (!chunks)
            return false;
        h->chunks = chunks;
        h->chunks_room = room;
    }
    uint8_t *block = mem_zalloc(CHUNK_NODES * sizeof(Node) + CACHE_LINE);
    if (!block)
        return false;
    size_t skip = CACHE_LINE - (uintptr_t)block % CACHE_LINE;
    h->chunks[h->n_chunks++] = (Chunk){(Node *)(void *)(block + skip), block};
    return true;
}

static uint32_t fresh_node(History *h) {
    if (h->free_node != NO_NODE) {
        uint32_t i = h->free_node;
        h->free_node = node_at(h, i)->n_more;
        node_at(h, i)->n_more = 0;
        return i;
    }
    if (h->n_nodes >> CHUNK_BITS == h->n_chunks && !add_chunk(h))
        return NO_NODE;
    return h->n_nodes++;
}

static uint32_t make_node(History *h, HistoryKey key) {
    if (!grow_slots(h))
        return NO_NODE;
    uint32_t i = fresh_node(h);
    if (i == NO_NODE)
        return NO_NODE;
    uint32_t hash = hash_of(key);
    h->slots[find_slot(h, key, hash)] = (Slot){hash, i + 1};
    node_at(h, i)->key = key;
    h->stats.entries++;
    h->stats.bytes += sizeof(Node);
    h->stats.inserted++;
    h->last = i;
    return i;
}

// --- spans -------------------------------------------------------------------------------------

static bool push_span(History *h, Node *node, Span span) {
    h->stats.bytes += charge_of(h, span.value);
    span.tick = node->last.tick;
    if (is_empty(node)) {
        node->last = span;
        return true;
    }
    if (!h->options.looks_ahead && node->n_more >= LIVE_SPANS) {
        h->stats.bytes -= charge_of(h, node->more[0].value);
        drop_value(h, node->more[0].value);
        memmove(node->more, node->more + 1, --node->n_more * sizeof *node->more);
    }
    if (node->n_more == node->room) {
        uint32_t room = node->room ? node->room * 2 : 1;
        Span *more = mem_resize(node->more, room * sizeof *more);
        if (!more) {
            h->stats.bytes -= charge_of(h, span.value);
            return false;
        }
        h->stats.bytes += (room - node->room) * sizeof *more;
        node->more = more;
        node->room = room;
    }
    node->more[node->n_more++] = node->last;
    node->last = span;
    return true;
}

// One value for an interval; takes it in any case.
static int put(History *h, uint32_t i, uint64_t from, uint64_t to, void *take_value,
               uint8_t provenance) {
    Node *node = node_at(h, i);
    Span span = {from, to, take_value, provenance, 0};
    if (push_span(h, node, span))
        return 0;
    drop_value(h, take_value);
    remove_node(h, i);
    return -STATUS_NO_MEMORY;
}

// A span without a value: what the key meant up to `to` is not known, and nothing later says it.
static Span unknown_up_to(uint64_t from, uint64_t to) {
    return (Span){from, to, NULL, PROVENANCE_LIVE, 0};
}

// The key's node. silent_until: of a new one, the last ordinal of which a change tells nothing,
// when the key may have been forgotten.
static int begin(History *h, HistoryKey key, uint64_t silent_until, uint32_t *ret) {
    uint32_t i = find_node(h, key);
    if (i == NO_NODE) {
        i = make_node(h, key);
        if (i == NO_NODE)
            return -STATUS_NO_MEMORY;
        if (h->has_forgotten) // the first span needs no memory
            (void)push_span(h, node_at(h, i), unknown_up_to(0, silent_until));
    }
    if (!use(h, i)) { // it could never be evicted
        remove_node(h, i);
        return -STATUS_NO_MEMORY;
    }
    *ret = i;
    return 0;
}

static bool is_open(const Node *node) {
    return !is_empty(node) && node->last.to == OPEN_END;
}

// First ordinal that a new span of the node may have.
static uint64_t next_from(const Node *node) {
    if (is_empty(node))
        return 0;
    return node->last.to == OPEN_END ? node->last.from + 1 : node->last.to + 1;
}

int history_open(History *h, HistoryKey key, uint64_t at, void *take_value, uint8_t provenance) {
    uint32_t i;
    int r = begin(h, key, MAX_OF(at, 1u) - 1, &i);
    if (r < 0) {
        drop_value(h, take_value);
        return r;
    }
    Node *node = node_at(h, i);
    if (is_open(node)) {
        if (same(h, node->last.value, take_value)) {
            drop_value(h, take_value);
            return 0;
        }
        at = MAX_OF(at, node->last.from);
        if (at == node->last.from) { // told twice at once: the later counts
            h->stats.bytes += charge_of(h, take_value);
            h->stats.bytes -= charge_of(h, node->last.value);
            drop_value(h, node->last.value);
            node->last.value = take_value;
            node->last.provenance = provenance;
            keep_limits(h, i);
            return 0;
        }
        node->last.to = at - 1;
    } else {
        at = MAX_OF(at, next_from(node));
    }
    r = put(h, i, at, OPEN_END, take_value, provenance);
    keep_limits(h, i);
    return r;
}

int history_close(History *h, HistoryKey key, uint64_t at, void *take_value, uint8_t provenance) {
    uint32_t i = find_node(h, key);
    if (i == NO_NODE && !take_value)
        return h->has_forgotten ? history_end(h, key, at) : 0;
    int r = begin(h, key, h->forgotten, &i);
    if (r < 0) {
        drop_value(h, take_value);
        return r;
    }
    Node *node = node_at(h, i);
    if (is_open(node)) {
        at = MAX_OF(at, node->last.from);
        if (!take_value || same(h, node->last.value, take_value)) {
            node->last.to = at;
            drop_value(h, take_value);
            return 0;
        }
        // Something in between was not told: what the end says is the better guess.
        node->last.to = node->last.from;
        if (at == node->last.from) {
            drop_value(h, take_value);
            return 0;
        }
        r = put(h, i, node->last.from + 1, at, take_value, PROVENANCE_GUESS);
    } else if (take_value) {
        uint64_t from = next_from(node);
        if (from > at)
            drop_value(h, take_value);
        else
            r = put(h, i, from, at, take_value, provenance);
    }
    keep_limits(h, i);
    return r;
}

int history_end(History *h, HistoryKey key, uint64_t at) {
    uint32_t i = find_node(h, key);
    if (!h->options.looks_ahead || (i != NO_NODE && is_open(node_at(h, i))))
        return history_close(h, key, at, NULL, PROVENANCE_LIVE);
    int r = begin(h, key, at, &i);
    if (r < 0)
        return r;
    Node *node = node_at(h, i);
    uint64_t from = next_from(node);
    if (from <= at && !is_empty(node) && !node->last.value)
        node->last.to = at;
    else if (from <= at)
        r = put(h, i, from, at, NULL, PROVENANCE_LIVE);
    keep_limits(h, i);
    return r;
}

int history_state(History *h, HistoryKey key, uint64_t at, void *take_value, uint8_t provenance) {
    uint32_t i;
    int r = begin(h, key, h->forgotten, &i);
    if (r < 0) {
        drop_value(h, take_value);
        return r;
    }
    Node *node = node_at(h, i);
    if (is_open(node)) {
        if (same(h, node->last.value, take_value)) {
            drop_value(h, take_value);
            return 0;
        }
        node->last.to = node->last.from;
        r = put(h, i, node->last.from + 1, OPEN_END, take_value, PROVENANCE_GUESS);
    } else {
        r = put(h, i, next_from(node), OPEN_END, take_value, provenance);
    }
    (void)at;
    keep_limits(h, i);
    return r;
}

// --- looking up --------------------------------------------------------------------------------

static Span *span_i(Node *node, uint32_t i) {
    return i < node->n_more ? &node->more[i] : &node->last;
}

typedef struct Found {
    Span *span; // NULL: nothing
    bool guess;
    uint64_t until; // last ordinal with the same answer
} Found;

static Found span_at(const History *h, Node *node, uint64_t at) {
    Found found = {NULL, false, OPEN_END};
    if (is_empty(node))
        return found;
    Span *before = NULL, *after = NULL;
    if (at >= node->last.from) {
        before = &node->last;
    } else {
        uint32_t low = 0, high = node->n_more; // first span that begins behind `at`
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if (node->more[middle].from <= at)
                low = middle + 1;
            else
                high = middle;
        }
        after = span_i(node, low);
        before = low > 0 ? span_i(node, low - 1) : NULL;
        found.until = after->from - 1;
    }
    if (before && (at <= before->to || h->options.lingers)) {
        found.span = before;
        if (!h->options.lingers)
            found.until = before->to;
    } else if (after && h->options.looks_ahead) {
        found.span = after;
        found.guess = true;
    }
    if (found.span && !found.span->value)
        found.span = NULL;
    return found;
}

static Found find(History *h, HistoryKey key, uint64_t at, uint32_t *ret_node) {
    *ret_node = find_node(h, key);
    if (*ret_node == NO_NODE)
        return (Found){NULL, false, OPEN_END};
    return span_at(h, node_at(h, *ret_node), at);
}

static void *give(const Found *found, uint8_t *ret_provenance, uint64_t *ret_from) {
    if (!found->span)
        return NULL;
    if (ret_provenance)
        *ret_provenance = (uint8_t)(found->guess ? PROVENANCE_GUESS : found->span->provenance);
    if (ret_from)
        *ret_from = found->span->from;
    return found->span->value;
}

void *history_peek(History *h, HistoryKey key, uint64_t at, uint8_t *ret_provenance,
                   uint64_t *ret_from) {
    uint32_t i;
    Found found = find(h, key, at, &i);
    return give(&found, ret_provenance, ret_from);
}

void *history_find(History *h, HistoryKey key, uint64_t at, uint8_t *ret_provenance,
                   uint64_t *ret_from) {
    uint32_t i;
    uint8_t provenance = PROVENANCE_NONE;
    Found found = find(h, key, at, &i);
    void *value = give(&found, &provenance, ret_from);
    h->answers[provenance]++;
    if (!found.span)
        return NULL;
    (void)use(h, i);
    if (ret_provenance)
        *ret_provenance = provenance;
    return value;
}

void history_ask(History *h, HistoryKey key, uint64_t at, HistoryAnswer *ret) {
    uint32_t i;
    Found found = find(h, key, at, &i);
    *ret = (HistoryAnswer){.from = at, .until = found.until, .place = NO_NODE};
    ret->value = give(&found, &ret->provenance, &ret->from);
    h->answers[ret->provenance]++;
    if (found.span) {
        ret->place = i;
        (void)use(h, i);
    }
}

void history_again(History *h, const HistoryAnswer *answer) {
    h->answers[answer->provenance]++;
    if (answer->place != NO_NODE)
        (void)use(h, answer->place);
}

void *history_current(History *h, HistoryKey key, uint64_t *ret_from) {
    uint32_t i = find_node(h, key);
    if (i == NO_NODE || !is_open(node_at(h, i)))
        return NULL;
    if (ret_from)
        *ret_from = node_at(h, i)->last.from;
    return node_at(h, i)->last.value;
}

void history_prefetch(const History *h, HistoryKey key, uint32_t step) {
    if (h->n_slots == 0)
        return;
    const Slot *slot = &h->slots[hash_of(key) & (h->n_slots - 1)];
    if (step == 0) {
        __builtin_prefetch(slot);
        return;
    }
    // A key that stands further on is not worth looking for.
    if (slot->node == 0)
        return;
    const Node *node = node_at(h, slot->node - 1);
    if (step == 1)
        __builtin_prefetch(node, 1);
    else if (h->options.unref && node->last.value)
        __builtin_prefetch(node->last.value);
}

int history_replace(History *h, HistoryKey key, uint64_t at, void *take_value) {
    uint32_t i;
    Span *span = find(h, key, at, &i).span;
    if (!span) {
        drop_value(h, take_value);
        return -STATUS_NOT_FOUND;
    }
    h->stats.bytes += charge_of(h, take_value);
    h->stats.bytes -= charge_of(h, span->value);
    drop_value(h, span->value);
    span->value = take_value;
    return 0;
}

bool history_has(History *h, HistoryKey key) {
    return find_node(h, key) != NO_NODE;
}

void history_forget(History *h, HistoryKey key) {
    uint32_t i = find_node(h, key);
    if (i != NO_NODE)
        remove_node(h, i);
}

void history_clear(History *h) {
    for (uint32_t i = 0; i < h->n_slots; i++)
        if (h->slots[i].node != 0)
            drop_spans(h, node_at(h, h->slots[i].node - 1));
    for (uint32_t i = 0; i < h->n_chunks; i++)
        mem_free(h->chunks[i].block);
    mem_free(h->chunks);
    mem_free(h->slots);
    mem_free(h->uses);
    History empty = {
        .options = h->options, .stats = h->stats, .free_node = NO_NODE, .last = NO_NODE};
    memcpy(empty.answers, h->answers, sizeof empty.answers);
    empty.stats.entries = empty.stats.bytes = 0;
    *h = empty; // none is forgotten
}

void history_look_ahead(History *h, bool on) {
    h->options.looks_ahead = on;
}

History *history_free(History *h) {
    if (h) {
        history_clear(h);
        mem_free(h);
    }
    return NULL;
}

CacheStats history_stats(const History *h) {
    CacheStats stats = h->stats;
    stats.misses = h->answers[PROVENANCE_NONE];
    stats.live = h->answers[PROVENANCE_LIVE];
    stats.rundown = h->answers[PROVENANCE_RUNDOWN];
    stats.guess = h->answers[PROVENANCE_GUESS];
    stats.hits = stats.live + stats.rundown + stats.guess;
    stats.retrievals = stats.hits + stats.misses;
    return stats;
}
