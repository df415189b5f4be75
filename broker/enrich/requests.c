// See requests.h. Entries stand in one array that grows up to the limit; `slots` finds them by hash
// with linear probing and no tombstones; a ring of entry numbers through item 0 keeps their order.
#include "enrich/requests.h"

#include "util/err.h"
#include "util/map.h"
#include "util/mem.h"

typedef struct Item {
    Request request;
    uint32_t before, after; // in order of use; a free one: after is the next free one, 0 ends
} Item;

struct Requests {
    CacheStats stats;
    Item *items; // [0] is the ring's head: its `after` is the least recent
    uint32_t n_items, room;
    uint32_t free_item;
    uint32_t *slots; // item number; 0 = free
    uint32_t n_slots;
};

// With its places in `slots`, when both have just grown.
#define REQUEST_BYTES (2 * (sizeof(Item) + 2 * sizeof(uint32_t)))

int requests_new(uint32_t max, size_t max_bytes, Requests **ret) {
    Requests *r = mem_zalloc(sizeof *r);
    if (!r)
        return -STATUS_NO_MEMORY;
    r->stats.name = "Requests";
    r->stats.limit = MIN_OF(max, UINT32_C(1) << 28);
    if (max_bytes != 0)
        r->stats.limit = MAX_OF(MIN_OF(r->stats.limit, max_bytes / REQUEST_BYTES), 1u);
    *ret = r;
    return 0;
}

void requests_clear(Requests *r) {
    for (uint32_t i = 0; i < r->n_slots; i++)
        if (r->slots[i] != 0)
            text_unref(r->items[r->slots[i]].request.new_name);
    mem_free(r->items);
    mem_free(r->slots);
    CacheStats stats = r->stats;
    stats.entries = stats.bytes = 0;
    *r = (Requests){.stats = stats};
}

Requests *requests_free(Requests *r) {
    if (r) {
        requests_clear(r);
        mem_free(r);
    }
    return NULL;
}

static uint32_t home_of(const Requests *r, uint64_t irp) {
    return (uint32_t)map_hash_pair(irp, 0) & (r->n_slots - 1);
}

static uint32_t find_slot(const Requests *r, uint64_t irp) {
    uint32_t at = home_of(r, irp);
    while (r->slots[at] != 0 && r->items[r->slots[at]].request.irp != irp)
        at = (at + 1) & (r->n_slots - 1);
    return at;
}

static uint32_t find_item(const Requests *r, uint64_t irp) {
    return r->n_slots ? r->slots[find_slot(r, irp)] : 0;
}

static bool grow_slots(Requests *r) {
    if (r->n_slots != 0 && r->stats.entries + 1 <= r->n_slots / 4 * 3)
        return true;
    uint32_t n = r->n_slots ? r->n_slots * 2 : 64;
    uint32_t *slots = mem_array(n, sizeof *slots);
    if (!slots)
        return false;
    uint32_t *old = r->slots, n_old = r->n_slots;
    r->slots = slots;
    r->n_slots = n;
    for (uint32_t i = 0; i < n_old; i++)
        if (old[i] != 0)
            slots[find_slot(r, r->items[old[i]].request.irp)] = old[i];
    mem_free(old);
    r->stats.bytes += (n - n_old) * sizeof *slots;
    return true;
}

// A free item; at least one more than the ring's head is made at first.
static bool grow_items(Requests *r) {
    if (r->free_item != 0 || r->n_items < r->room)
        return true;
    uint32_t room = r->room ? r->room * 2 : 32;
    Item *items = mem_resize(r->items, room * sizeof *items);
    if (!items)
        return false;
    r->stats.bytes += (room - r->room) * sizeof *items;
    r->items = items;
    r->room = room;
    if (r->n_items == 0) {
        memset(&items[0], 0, sizeof items[0]);
        r->n_items = 1;
    }
    return true;
}

static void unlink_item(Requests *r, uint32_t i) {
    r->items[r->items[i].before].after = r->items[i].after;
    r->items[r->items[i].after].before = r->items[i].before;
}

static void link_latest(Requests *r, uint32_t i) {
    r->items[i].after = 0;
    r->items[i].before = r->items[0].before;
    r->items[r->items[0].before].after = i;
    r->items[0].before = i;
}

static void remove_item(Requests *r, uint32_t i) {
    uint32_t mask = r->n_slots - 1;
    uint32_t hole = find_slot(r, r->items[i].request.irp);
    for (uint32_t at = (hole + 1) & mask; r->slots[at] != 0; at = (at + 1) & mask) {
        uint32_t home = home_of(r, r->items[r->slots[at]].request.irp);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            r->slots[hole] = r->slots[at];
            hole = at;
        }
    }
    r->slots[hole] = 0;
    unlink_item(r, i);
    r->items[i].after = r->free_item;
    r->free_item = i;
    r->stats.entries--;
}

Request *requests_begin(Requests *r, uint64_t irp, Request *ret_old) {
    uint32_t i = find_item(r, irp);
    if (i != 0) {
        *ret_old = r->items[i].request;
        unlink_item(r, i);
    } else {
        Request old = {0};
        if (r->stats.entries == r->stats.limit) {
            uint32_t least = r->items[0].after;
            old = r->items[least].request;
            remove_item(r, least);
            r->stats.evicted++;
        } else if (!grow_slots(r) || !grow_items(r)) {
            return NULL;
        }
        *ret_old = old;
        i = r->free_item;
        if (i != 0)
            r->free_item = r->items[i].after;
        else
            i = r->n_items++;
        r->items[i].request.irp = irp;
        r->slots[find_slot(r, irp)] = i;
        r->stats.entries++;
    }
    r->stats.inserted++;
    r->items[i].request = (Request){.irp = irp};
    link_latest(r, i);
    return &r->items[i].request;
}

Request *requests_find(Requests *r, uint64_t irp) {
    uint32_t i = find_item(r, irp);
    return i ? &r->items[i].request : NULL;
}

bool requests_end(Requests *r, uint64_t irp, Request *ret) {
    r->stats.retrievals++;
    uint32_t i = find_item(r, irp);
    if (i == 0) {
        r->stats.misses++;
        return false;
    }
    r->stats.hits++;
    r->stats.live++;
    *ret = r->items[i].request;
    remove_item(r, i);
    return true;
}

CacheStats requests_stats(const Requests *r) {
    return r->stats;
}
