// See history.h. Nodes of 64 bytes stand in chunks (their numbers never change); `slots` finds them by
// hash with linear probing and no tombstones. The order of use is a queue of (node, tick): a use writes one
// entry at its end, and an entry counts only while it has its node's latest tick, so a use touches no
// other node. The queue is packed when it has twice as many entries as there are nodes.
#include "enrich/history.h"

#include "util/map.h"
#include "util/mem.h"

#define OPEN_END    UINT64_MAX
#define CHUNK_BITS  10u
#define CHUNK_NODES (1u << CHUNK_BITS)
#define NO_NODE     UINT32_MAX
// Without looking ahead nobody asks far back (an event held for its stack at most).
#define LIVE_SPANS 8u

typedef struct Span {
    uint64_t from, to; // inclusive
    void *value;
    uint32_t provenance;
    uint32_t tick; // of a node's last span: the node's latest use
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

typedef struct Use {
    uint32_t node, tick;
} Use;

struct History {
    HistoryOptions options;
    CacheStats stats;
    Node **chunks;
    uint32_t n_chunks, chunks_room;
    uint32_t n_nodes; // ever made
    uint32_t free_node;
    Slot *slots;
    uint32_t n_slots;
    Use *uses;
    uint32_t uses_head, n_uses, uses_room;
    uint32_t tick;
};

int history_new(const HistoryOptions *options, History **ret) {
    History *h = mem_zalloc(sizeof *h);
    if (!h)
        return -STATUS_NO_MEMORY;
    h->options = *options;
    h->free_node = NO_NODE;
    h->stats.name = options->name;
    h->stats.limit = options->max_entries;
    h->stats.bytes_limit = options->max_bytes;
    *ret = h;
    return 0;
}

static Node *node_at(const History *h, uint32_t i) {
    return &h->chunks[i >> CHUNK_BITS][i & (CHUNK_NODES - 1)];
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

static uint32_t find_node(const History *h, HistoryKey key) {
    if (h->n_slots == 0)
        return NO_NODE;
    uint32_t slot = find_slot(h, key, hash_of(key));
    return h->slots[slot].node - 1; // 0 - 1 is NO_NODE
}

// --- order of use ------------------------------------------------------------------------------

static void pack_uses(History *h) {
    uint32_t kept = 0;
    for (uint32_t i = h->uses_head; i < h->n_uses; i++) {
        Use use = h->uses[i];
        Node *node = node_at(h, use.node);
        if (node->last.tick != use.tick)
            continue;
        node->last.tick = kept + 1;
        h->uses[kept] = (Use){use.node, kept + 1};
        kept++;
    }
    h->uses_head = 0;
    h->n_uses = kept;
    h->tick = kept;
}

static bool use(History *h, uint32_t i) {
    Node *node = node_at(h, i);
    if (node->last.tick == h->tick && h->tick != 0)
        return true; // it is the latest already
    if (h->n_uses == h->uses_room) {
        if (h->n_uses > 0 && h->n_uses >= 2 * h->stats.entries) {
            pack_uses(h);
            node = node_at(h, i);
        }
        if (h->n_uses > h->uses_room / 2 || h->uses_room == 0) {
            uint32_t room = h->uses_room ? h->uses_room * 2 : 64;
            Use *uses = mem_resize(h->uses, room * sizeof *uses);
            if (!uses)
                return h->n_uses < h->uses_room;
            h->stats.bytes += (room - h->uses_room) * sizeof *uses;
            h->uses = uses;
            h->uses_room = room;
        }
    }
    node->last.tick = ++h->tick;
    h->uses[h->n_uses++] = (Use){i, node->last.tick};
    return true;
}

// --- nodes -------------------------------------------------------------------------------------

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
    memset(node, 0, sizeof *node); // no entry of the queue has tick 0
    node->n_more = h->free_node;
    h->free_node = i;
    h->stats.entries--;
    h->stats.bytes -= sizeof(Node);
}

static bool evict_one(History *h, uint32_t keep) {
    while (h->uses_head < h->n_uses) {
        Use use = h->uses[h->uses_head];
        if (node_at(h, use.node)->last.tick != use.tick) {
            h->uses_head++;
            continue;
        }
        if (use.node == keep)
            return false; // only the one in use is left
        h->uses_head++;
        remove_node(h, use.node);
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

static uint32_t fresh_node(History *h) {
    if (h->free_node != NO_NODE) {
        uint32_t i = h->free_node;
        h->free_node = node_at(h, i)->n_more;
        node_at(h, i)->n_more = 0;
        return i;
    }
    if (h->n_nodes >> CHUNK_BITS == h->n_chunks) {
        if (h->n_chunks == h->chunks_room) {
            uint32_t room = h->chunks_room ? h->chunks_room * 2 : 8;
            Node **chunks = mem_resize(h->chunks, room * sizeof(*chunks));
            if (!chunks)
                return NO_NODE;
            h->chunks = chunks;
            h->chunks_room = room;
        }
        Node *chunk = mem_array(CHUNK_NODES, sizeof *chunk);
        if (!chunk)
            return NO_NODE;
        h->chunks[h->n_chunks++] = chunk;
    }
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
    return i;
}

// --- spans -------------------------------------------------------------------------------------

// A node without spans has a last one whose value is NULL and whose provenance is none.
static bool is_empty(const Node *node) {
    return node->last.provenance == PROVENANCE_NONE;
}

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

static int begin(History *h, HistoryKey key, uint32_t *ret) {
    uint32_t i = find_node(h, key);
    if (i == NO_NODE) {
        i = make_node(h, key);
        if (i == NO_NODE)
            return -STATUS_NO_MEMORY;
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
    int r = begin(h, key, &i);
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
        return 0;
    int r = begin(h, key, &i);
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

int history_state(History *h, HistoryKey key, uint64_t at, void *take_value, uint8_t provenance) {
    uint32_t i;
    int r = begin(h, key, &i);
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

static Span *span_at(const History *h, Node *node, uint64_t at, bool *ret_guess) {
    *ret_guess = false;
    if (is_empty(node))
        return NULL;
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
    }
    if (before && at <= before->to)
        return before;
    if (before && h->options.lingers)
        return before;
    if (after && h->options.looks_ahead) {
        *ret_guess = true;
        return after;
    }
    return NULL;
}

static void *give(const Span *span, bool guess, uint8_t *ret_provenance, uint64_t *ret_from) {
    if (!span)
        return NULL;
    if (ret_provenance)
        *ret_provenance = (uint8_t)(guess ? PROVENANCE_GUESS : span->provenance);
    if (ret_from)
        *ret_from = span->from;
    return span->value;
}

void *history_peek(const History *h, HistoryKey key, uint64_t at, uint8_t *ret_provenance,
                   uint64_t *ret_from) {
    bool guess = false;
    uint32_t i = find_node(h, key);
    const Span *span = i == NO_NODE ? NULL : span_at(h, node_at(h, i), at, &guess);
    return give(span, guess, ret_provenance, ret_from);
}

void *history_find(History *h, HistoryKey key, uint64_t at, uint8_t *ret_provenance,
                   uint64_t *ret_from) {
    h->stats.retrievals++;
    bool guess = false;
    uint32_t i = find_node(h, key);
    Span *span = i == NO_NODE ? NULL : span_at(h, node_at(h, i), at, &guess);
    if (!span) {
        h->stats.misses++;
        return NULL;
    }
    (void)use(h, i);
    h->stats.hits++;
    uint32_t provenance = guess ? PROVENANCE_GUESS : span->provenance;
    h->stats.live += provenance == PROVENANCE_LIVE;
    h->stats.rundown += provenance == PROVENANCE_RUNDOWN;
    h->stats.guess += provenance == PROVENANCE_GUESS;
    return give(span, guess, ret_provenance, ret_from);
}

int history_replace(History *h, HistoryKey key, uint64_t at, void *take_value) {
    bool guess = false;
    uint32_t i = find_node(h, key);
    Span *span = i == NO_NODE ? NULL : span_at(h, node_at(h, i), at, &guess);
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

bool history_has(const History *h, HistoryKey key) {
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
        mem_free(h->chunks[i]);
    mem_free(h->chunks);
    mem_free(h->slots);
    mem_free(h->uses);
    CacheStats stats = h->stats;
    HistoryOptions options = h->options;
    stats.entries = stats.bytes = 0;
    *h = (History){.options = options, .stats = stats, .free_node = NO_NODE};
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
    return h->stats;
}
