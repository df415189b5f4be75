// Writing the table of a batch. What comes again is one look-up: entries are found by the serial of
// what they were made from in a table with open addressing, and the process of the event before by
// a memo.
//
// Taking back relies on the order of insertion: the slot of the newest entry lies on nobody else's
// probe, so emptying slots from the newest to the oldest needs no tombstones; growing inserts in
// the same order.
#include "wire/wire_table_parts.h"

#include "util/mem.h"

#define FIRST_SLOTS 16u
#define FIRST_ITEMS 16u

typedef struct WireTableSlot {
    uint64_t serial;
    uint32_t generation; // another one than the table's: free
    uint16_t kind;
    uint16_t entry;
} WireTableSlot;

// The longest texts. Only a view whose own entries overflow an empty table gets beyond the first;
// with the last, the largest view (5 chains of 17, 384 modules) takes 110 KiB.
typedef struct Cut {
    uint32_t text, long_text; // long: those without a 16-bit length
} Cut;
static const Cut cuts[] = {{UINT16_MAX, UINT32_MAX}, {1024, 1024}, {64, 64}};

// ---- The table ----

void wire_table_init(WireTable *table) {
    memset(table, 0, sizeof *table);
    table->generation = 1;
}

void wire_table_deinit(WireTable *table) {
    buf_deinit(&table->bytes);
    mem_free(table->slots);
    mem_free(table->items);
    wire_table_init(table);
}

void wire_table_clear(WireTable *table) {
    buf_clear(&table->bytes);
    table->n = table->n_used = 0;
    table->memo_serial = 0;
    if (++table->generation == 0) {
        if (table->n_slots != 0)
            memset(table->slots, 0, table->n_slots * sizeof *table->slots);
        table->generation = 1;
    }
}

// The slot of a key, or the free one where it would go. Needs n_slots != 0.
static WireTableSlot *slot_of(const WireTable *table, uint16_t kind, uint64_t serial) {
    uint64_t hash = (serial ^ ((uint64_t)kind << 56)) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t mask = table->n_slots - 1, at = (uint32_t)(hash >> 40) & mask;
    for (;; at = (at + 1) & mask) {
        WireTableSlot *slot = &table->slots[at];
        if (slot->generation != table->generation || (slot->serial == serial && slot->kind == kind))
            return slot;
    }
}

// Entry + 1; 0: not there.
static uint32_t find(const WireTable *table, uint16_t kind, uint64_t serial) {
    if (serial == 0 || table->n_used == 0)
        return 0;
    const WireTableSlot *slot = slot_of(table, kind, serial);
    return slot->generation == table->generation ? slot->entry + 1u : 0;
}

static void enter(WireTable *table, const WireTableItem *item, uint32_t entry) {
    WireTableSlot *slot = slot_of(table, item->kind, item->serial);
    *slot = (WireTableSlot){item->serial, table->generation, item->kind, (uint16_t)entry};
    table->n_used++;
}

static int grow_slots(WireTable *table) {
    if (table->n_slots != 0 && table->n_used + 1 <= table->n_slots / 4 * 3)
        return 0;
    if (table->generation == 0) // zeroed instead of wire_table_init
        table->generation = 1;
    uint32_t n_slots = table->n_slots != 0 ? table->n_slots * 2 : FIRST_SLOTS;
    WireTableSlot *slots = mem_array(n_slots, sizeof *slots);
    if (!slots)
        return -STATUS_NO_MEMORY;
    mem_free(table->slots);
    table->slots = slots;
    table->n_slots = n_slots;
    table->n_used = 0;
    for (uint32_t i = 0; i < table->n; i++)
        if (table->items[i].serial != 0)
            enter(table, &table->items[i], i);
    return 0;
}

static int grow_items(WireTable *table) {
    if (table->n < table->items_room)
        return 0;
    uint32_t room = table->items_room != 0 ? table->items_room * 2 : FIRST_ITEMS;
    WireTableItem *items = mem_resize(table->items, room * sizeof *items);
    if (!items)
        return -STATUS_NO_MEMORY;
    table->items = items;
    table->items_room = room;
    return 0;
}

// Appends an entry for `bytes` of data and says where they go; *ret_entry is entry + 1.
static int put(WireTable *table, uint16_t kind, uint64_t serial, size_t bytes, uint8_t **ret_data,
               uint16_t *ret_entry) {
    // Compared before anything is added: lengths of texts can come near SIZE_MAX on 32-bit hosts.
    if (table->n >= WIRE_TABLE_MAX_ENTRIES || bytes > WIRE_TABLE_MAX_BYTES)
        return WIRE_TABLE_FULL;
    size_t room = ALIGN8(WIRE_TABLE_HEAD + bytes);
    if (table->bytes.bytes + room > WIRE_TABLE_MAX_BYTES)
        return WIRE_TABLE_FULL;
    int r = grow_items(table);
    if (r == 0 && serial != 0)
        r = grow_slots(table);
    if (r == 0 && !buf_reserve(&table->bytes, room)) {
        table->bytes.failed = false; // what is there stays good
        r = -STATUS_NO_MEMORY;
    }
    if (r != 0)
        return r;
    uint32_t at = (uint32_t)table->bytes.bytes;
    uint8_t *to = table->bytes.data + at;
    store_u64(to + room - 8, 0);
    store_u16(to, kind & TABLE_WIRE_KIND);
    store_u16(to + 2, 0);
    store_u32(to + 4, (uint32_t)(WIRE_TABLE_HEAD + bytes));
    table->bytes.bytes += room;
    table->items[table->n] = (WireTableItem){serial, at, kind};
    if (serial != 0)
        enter(table, &table->items[table->n], table->n);
    table->n++;
    *ret_data = to + WIRE_TABLE_HEAD;
    *ret_entry = (uint16_t)table->n;
    return 0;
}

WireTableMark wire_table_mark(const WireTable *table) {
    return (WireTableMark){table->n, table->bytes.bytes};
}

void wire_table_back(WireTable *table, WireTableMark mark) {
    while (table->n > mark.n) {
        const WireTableItem *item = &table->items[--table->n];
        if (item->serial == 0)
            continue;
        slot_of(table, item->kind, item->serial)->generation = 0;
        table->n_used--;
    }
    table->bytes.bytes = mark.bytes;
    if (table->memo_process > mark.n)
        table->memo_serial = 0;
}

// ---- What a view has ----

static uint32_t cut_bytes(const char *text, size_t bytes, uint32_t most) {
    if (bytes <= most)
        return (uint32_t)bytes;
    bytes = most;
    while (bytes > 0 && ((uint8_t)text[bytes] & 0xc0) == 0x80) // never inside a character
        bytes--;
    return (uint32_t)bytes;
}

static uint8_t *append(uint8_t *to, const void *data, size_t bytes) {
    if (bytes > 0)
        memcpy(to, data, bytes);
    return to + bytes;
}

static bool is_bare(const ProcessView *p) {
    return p->parent_pid == UINT32_MAX && p->session == UINT32_MAX && p->flags == 0 &&
           p->sid_bytes == 0 && p->start_key == 0 && p->start_time == 0 && !p->name[0] &&
           !p->path[0] && !p->command_line[0] && !p->user[0];
}

static WireTableItem process_key(const ProcessView *p) {
    WireTableItem key = {.serial = p->serial, .kind = WIRE_TABLE_PROCESS};
    if (p->serial == 0 && is_bare(p)) {
        key.serial = (p->pid + UINT64_C(1)) | (uint64_t)p->provenance << 40;
        key.kind = TABLE_BARE | WIRE_TABLE_PROCESS;
    }
    return key;
}

static int put_process(WireTable *table, const Cut *cut, const ProcessView *p,
                       const WireTableItem *key, uint16_t parent, uint16_t *ret) {
    uint32_t name = cut_bytes(p->name, strlen(p->name), cut->text);
    uint32_t path = cut_bytes(p->path, strlen(p->path), cut->text);
    uint32_t user = cut_bytes(p->user, strlen(p->user), cut->text);
    uint32_t command = cut_bytes(p->command_line, strlen(p->command_line), cut->long_text);
    // A reader refuses a malformed SID, so it does not travel.
    uint8_t sid = p->sid_bytes;
    if (sid != 0 && sid_length(p->sid, sid) != sid)
        sid = 0;
    size_t bytes;
    uint8_t *to;
    if (!size_add((size_t)WIRE_PROCESS_FIXED + sid + name + path + user, command, &bytes))
        return WIRE_TABLE_FULL;
    int r = put(table, key->kind, key->serial, bytes, &to, ret);
    if (r != 0)
        return r;
    store_u32(to + PROCESS_PID, p->pid);
    store_u32(to + PROCESS_PARENT_PID, p->parent_pid);
    store_u32(to + PROCESS_SESSION, p->session);
    store_u16(to + PROCESS_PARENT, parent);
    to[PROCESS_PROVENANCE] = p->provenance;
    to[PROCESS_FLAGS] = p->flags;
    store_u64(to + PROCESS_START_KEY, p->start_key);
    store_i64(to + PROCESS_START_TIME, p->start_time);
    store_u16(to + PROCESS_SID_BYTES, sid);
    store_u16(to + PROCESS_NAME_BYTES, (uint16_t)name);
    store_u16(to + PROCESS_PATH_BYTES, (uint16_t)path);
    store_u16(to + PROCESS_USER_BYTES, (uint16_t)user);
    store_u32(to + PROCESS_COMMAND_BYTES, command);
    to = append(to + WIRE_PROCESS_FIXED, p->sid, sid);
    to = append(to, p->name, name);
    to = append(to, p->path, path);
    to = append(to, p->user, user);
    append(to, p->command_line, command);
    return 0;
}

// An entry says who its parent is, so what it is found by covers its ancestors: two processes that
// are the same and whose parents are known differently (cut at another depth, learnt in between)
// are two entries.
static WireTableItem descendant_key(const ProcessView *p, uint64_t parent) {
    WireTableItem key = process_key(p);
    key.serial = enriched_descendant_serial(key.serial, parent);
    return key;
}

// Ancestors stand in front of their descendants: an entry refers to earlier ones only.
static int put_chain(WireTable *table, const Cut *cut, const ProcessChain *chain,
                     const WireTableItem *keys, uint32_t n, uint16_t *ret) {
    uint32_t known = 0;
    uint16_t parent = 0;
    for (; known < n && parent == 0; known++)
        parent = (uint16_t)find(table, keys[known].kind, keys[known].serial);
    if (parent != 0)
        known--; // the one that was found
    while (known-- > 0) {
        int r = put_process(table, cut, chain->ancestors[known], &keys[known], parent, &parent);
        if (r != 0)
            return r;
    }
    return put_process(table, cut, chain->process, &keys[n], parent, ret);
}

static void remember(WireTable *table, uint64_t serial, uint16_t entry) {
    if (serial != 0) {
        table->memo_serial = serial;
        table->memo_process = entry;
    }
}

static int add_chain(WireTable *table, const Cut *cut, const ProcessChain *chain, uint16_t *ret) {
    WireTableItem keys[ENRICHED_MAX_ANCESTORS + 1]; // of the ancestors; the last: of the process
    uint32_t n = MIN_OF(chain->n_ancestors, ENRICHED_MAX_ANCESTORS);
    uint64_t parent = 0;
    for (uint32_t i = n; i-- > 0;) {
        keys[i] = descendant_key(chain->ancestors[i], parent);
        parent = keys[i].serial;
    }
    keys[n] = descendant_key(chain->process, parent);
    uint16_t entry = (uint16_t)find(table, keys[n].kind, keys[n].serial);
    if (entry == 0) {
        int r = put_chain(table, cut, chain, keys, n, &entry);
        if (r != 0)
            return r;
    }
    remember(table, keys[n].serial, entry);
    *ret = entry;
    return 0;
}

// The event's process: most often that of the event before, or one that is there already.
static int add_process(WireTable *table, const Cut *cut, const ProcessChain *chain, uint16_t *ret) {
    uint64_t serial = chain->serial;
    if (serial == 0)
        return add_chain(table, cut, chain, ret);
    if (serial == table->memo_serial) {
        *ret = table->memo_process;
        return 0;
    }
    uint16_t entry = (uint16_t)find(table, WIRE_TABLE_PROCESS, serial);
    if (entry == 0)
        return add_chain(table, cut, chain, ret);
    remember(table, serial, entry);
    *ret = entry;
    return 0;
}

static int add_text(WireTable *table, const Cut *cut, const EnrichedValue *value, uint16_t *ret) {
    *ret = (uint16_t)find(table, WIRE_TABLE_TEXT, value->serial);
    if (*ret != 0)
        return 0;
    uint8_t *to;
    uint32_t bytes = cut_bytes(value->text, value->bytes, cut->long_text);
    int r = put(table, WIRE_TABLE_TEXT, value->serial, bytes, &to, ret);
    if (r == 0)
        append(to, value->text, bytes);
    return r;
}

static int add_number(WireTable *table, uint64_t number, uint16_t *ret) {
    uint8_t *to;
    int r = put(table, WIRE_TABLE_NUMBER, 0, sizeof number, &to, ret);
    if (r == 0)
        store_u64(to, number);
    return r;
}

static int put_module(WireTable *table, const Cut *cut, const ModuleView *m, uint16_t *ret) {
    uint32_t path = cut_bytes(m->path, strlen(m->path), cut->text);
    uint32_t pdb = cut_bytes(m->pdb_name, strlen(m->pdb_name), cut->text);
    uint8_t *to;
    int r =
        put(table, WIRE_TABLE_MODULE, m->serial, (size_t)WIRE_MODULE_FIXED + path + pdb, &to, ret);
    if (r != 0)
        return r;
    memset(to, 0, WIRE_MODULE_FIXED);
    store_u64(to + MODULE_BASE, m->base);
    store_u64(to + MODULE_SIZE, m->size);
    store_u32(to + MODULE_TIMESTAMP, m->timestamp);
    store_u32(to + MODULE_CHECKSUM, m->checksum);
    store_u32(to + MODULE_PDB_AGE, m->pdb_age);
    to[MODULE_PROVENANCE] = m->provenance;
    store_u16(to + MODULE_PATH_BYTES, (uint16_t)path);
    store_u16(to + MODULE_PDB_BYTES, (uint16_t)pdb);
    memcpy(to + MODULE_PDB_GUID, m->pdb_guid.b, sizeof m->pdb_guid.b);
    to = append(to + WIRE_MODULE_FIXED, m->path, path);
    append(to, m->pdb_name, pdb);
    return 0;
}

// Entries + 1 of the frames' modules; 0: in none.
static int add_modules(WireTable *table, const Cut *cut, const FrameView *frames, uint32_t n,
                       uint16_t *ret) {
    for (uint32_t i = 0; i < n; i++) {
        const ModuleView *m = frames[i].module;
        ret[i] = 0;
        if (!m)
            continue;
        if (i > 0 && frames[i - 1].module == m) { // neighbours mostly are in one module
            ret[i] = ret[i - 1];
            continue;
        }
        ret[i] = (uint16_t)find(table, WIRE_TABLE_MODULE, m->serial);
        for (uint32_t k = 0; k < i && m->serial == 0 && ret[i] == 0; k++)
            if (frames[k].module == m)
                ret[i] = ret[k];
        int r = ret[i] != 0 ? 0 : put_module(table, cut, m, &ret[i]);
        if (r != 0)
            return r;
    }
    return 0;
}

static int add_stack(WireTable *table, const Cut *cut, const StackView *stack, uint16_t *ret) {
    *ret = (uint16_t)find(table, WIRE_TABLE_STACK, stack->serial);
    if (*ret != 0 || stack->n == 0)
        return 0;
    uint16_t modules[STACK_MAX_FRAMES];
    uint32_t n = MIN_OF(stack->n, STACK_MAX_FRAMES);
    uint8_t *to;
    int r = add_modules(table, cut, stack->frames, n, modules);
    if (r == 0)
        r = put(table, WIRE_TABLE_STACK, stack->serial,
                WIRE_STACK_FIXED + (size_t)n * WIRE_STACK_FRAME, &to, ret);
    if (r != 0)
        return r;
    store_u32(to, n);
    store_u32(to + 4, stack->incomplete || n < stack->n ? WIRE_STACK_INCOMPLETE : 0);
    for (uint32_t i = 0; i < n; i++) {
        const FrameView *frame = &stack->frames[i];
        uint8_t *at = to + WIRE_STACK_FIXED + (size_t)i * WIRE_STACK_FRAME;
        store_u16(at, modules[i]);
        store_u16(at + 2, frame->flags & FRAME_KERNEL ? WIRE_FRAME_KERNEL : 0);
        store_u32(at + 4, 0);
        store_u64(at + 8, modules[i] != 0 ? frame->offset : frame->address);
    }
    return 0;
}

// Creator and the others, with the provenance of the process.
static int add_others(WireTable *table, const Cut *cut, const EnrichedView *view,
                      WireEnriched *enriched, uint16_t *n) {
    for (uint32_t role = CHAIN_CREATOR; role < CHAIN_N; role++) {
        uint16_t entry;
        const ProcessView *p = view->chains[role].process;
        if (!p)
            continue;
        int r = add_process(table, cut, &view->chains[role], &entry);
        if (r != 0)
            return r;
        enriched[(*n)++] = (WireEnriched){(uint8_t)(WIRE_ENRICHED_CREATOR + role - CHAIN_CREATOR),
                                          p->provenance, (uint16_t)(entry - 1)};
    }
    return 0;
}

static int add_values(WireTable *table, const Cut *cut, const EnrichedView *view,
                      WireEnriched *enriched, uint16_t *n) {
    for (uint32_t i = 0; i < MIN_OF(view->n_values, ENRICHED_MAX_VALUES); i++) {
        const EnrichedValue *value = &view->values[i];
        uint16_t entry;
        if (value->kind == ENRICHED_TEXT && value->bytes == 0)
            continue;
        int r = value->kind == ENRICHED_NUMBER ? add_number(table, value->number, &entry)
                                               : add_text(table, cut, value, &entry);
        if (r != 0)
            return r;
        enriched[(*n)++] = (WireEnriched){value->field, value->provenance, (uint16_t)(entry - 1)};
    }
    return 0;
}
_Static_assert(ENRICHED_MAX_VALUES + CHAIN_N - 1 <= WIRE_MAX_ENRICHED, "a view fits");

// Straight into the caller's structure: copied as a whole, it would wait for the narrower stores.
static int add_view(WireTable *table, const Cut *cut, const EnrichedView *view, WireExtra *ret,
                    WireEnriched *enriched) {
    int r = 0;
    ret->process = ret->stack = ret->n_enriched = 0;
    if (view->chains[CHAIN_PROCESS].process)
        r = add_process(table, cut, &view->chains[CHAIN_PROCESS], &ret->process);
    if (r == 0 && view->n_values != 0)
        r = add_values(table, cut, view, enriched, &ret->n_enriched);
    if (r == 0)
        r = add_others(table, cut, view, enriched, &ret->n_enriched);
    if (r == 0 && view->stack)
        r = add_stack(table, cut, view->stack, &ret->stack);
    return r;
}

int wire_table_add(WireTable *table, const EnrichedView *view, WireExtra *extra,
                   WireEnriched enriched[WIRE_MAX_ENRICHED]) {
    WireTableMark mark = wire_table_mark(table);
    const WireExtra before = *extra;
    int r = WIRE_TABLE_FULL;
    for (size_t i = 0; i < ARRAY_COUNT(cuts) && r == WIRE_TABLE_FULL; i++) {
        if (i > 0 && mark.n != 0) // an empty table is tried first
            break;
        r = add_view(table, &cuts[i], view, extra, enriched);
        if (r != 0)
            wire_table_back(table, mark);
    }
    if (r != 0) {
        *extra = before;
        return r;
    }
    extra->enriched = enriched;
    if (view->stack && view->stack->incomplete)
        extra->flags |= WIRE_RECORD_STACK_INCOMPLETE;
    return 0;
}

int wire_table_add_stack(WireTable *table, const StackView *stack, uint16_t *ret_entry_plus_1) {
    WireTableMark mark = wire_table_mark(table);
    uint16_t entry = 0;
    int r = WIRE_TABLE_FULL;
    for (size_t i = 0; i < ARRAY_COUNT(cuts) && r == WIRE_TABLE_FULL; i++) {
        if (i > 0 && mark.n != 0)
            break;
        r = add_stack(table, &cuts[i], stack, &entry);
        if (r != 0)
            wire_table_back(table, mark);
    }
    if (r == 0)
        *ret_entry_plus_1 = entry;
    return r;
}

// ---- From table to table ----

#define MEMO_ENTRIES 512u
#define MOST_DEPTH   64u // of parents; longer than a view shows, short enough for the stack

// Entries without a serial that were imported for this record.
typedef struct Import {
    WireTable *to;
    const TableSource *from;
    uint32_t n;
    struct {
        uint16_t from, to; // to: entry + 1
    } memo[MEMO_ENTRIES];
} Import;

static int import(Import *i, uint32_t entry, uint32_t depth, uint16_t *ret);

static int copy_entry(Import *i, uint32_t entry, uint8_t **ret_data, uint16_t *ret) {
    const WireTableItem *item = &i->from->items[entry];
    const uint8_t *at = i->from->bytes + item->at;
    uint32_t bytes = load_u32(at + 4) - WIRE_TABLE_HEAD;
    int r = put(i->to, item->kind, item->serial, bytes, ret_data, ret);
    if (r != 0)
        return r;
    append(*ret_data, at + WIRE_TABLE_HEAD, bytes);
    if (item->serial == 0 && i->n < MEMO_ENTRIES) {
        i->memo[i->n].from = (uint16_t)entry;
        i->memo[i->n++].to = *ret;
    }
    return 0;
}

static int import_process(Import *i, uint32_t entry, uint32_t depth, uint16_t *ret) {
    const uint8_t *at = i->from->bytes + i->from->items[entry].at + WIRE_TABLE_HEAD;
    uint16_t parent = load_u16(at + PROCESS_PARENT);
    uint8_t *data;
    int r = 0;
    if (depth == MOST_DEPTH) // a hostile table
        parent = 0;
    if (parent != 0)
        r = import(i, parent - 1u, depth + 1, &parent);
    if (r == 0)
        r = copy_entry(i, entry, &data, ret);
    if (r == 0)
        store_u16(data + PROCESS_PARENT, parent);
    return r;
}

static int import_stack(Import *i, uint32_t entry, uint16_t *ret) {
    const uint8_t *at = i->from->bytes + i->from->items[entry].at + WIRE_TABLE_HEAD;
    uint16_t modules[STACK_MAX_FRAMES];
    uint32_t n = MIN_OF(load_u32(at), STACK_MAX_FRAMES);
    uint8_t *data;
    int r = 0;
    for (uint32_t k = 0; k < n && r == 0; k++) {
        modules[k] = load_u16(at + WIRE_STACK_FIXED + (size_t)k * WIRE_STACK_FRAME);
        if (modules[k] != 0)
            r = import(i, modules[k] - 1u, 0, &modules[k]);
    }
    if (r == 0)
        r = copy_entry(i, entry, &data, ret);
    for (uint32_t k = 0; k < n && r == 0; k++)
        store_u16(data + WIRE_STACK_FIXED + (size_t)k * WIRE_STACK_FRAME, modules[k]);
    return r;
}

static int import(Import *i, uint32_t entry, uint32_t depth, uint16_t *ret) {
    const WireTableItem *item = &i->from->items[entry];
    uint8_t *data;
    uint16_t found = (uint16_t)find(i->to, item->kind, item->serial);
    for (uint32_t k = 0; k < i->n && item->serial == 0 && found == 0; k++)
        if (i->memo[k].from == entry)
            found = i->memo[k].to;
    if (found != 0) {
        *ret = found;
        return 0;
    }
    switch (item->kind & TABLE_WIRE_KIND) {
    case WIRE_TABLE_PROCESS:
        return import_process(i, entry, depth, ret);
    case WIRE_TABLE_STACK:
        return import_stack(i, entry, ret);
    default:
        return copy_entry(i, entry, &data, ret);
    }
}

int wire_table_import(WireTable *to, const TableSource *from, uint8_t *record) {
    WireTableMark mark = wire_table_mark(to);
    Import i;
    i.to = to;
    i.from = from;
    i.n = 0;
    uint16_t flags = load_u16(record + WIRE_RECORD_FLAGS);
    uint16_t process = load_u16(record + WIRE_RECORD_PROCESS);
    uint16_t stack = load_u16(record + WIRE_RECORD_STACK);
    uint16_t n = load_u16(record + WIRE_RECORD_ENRICHED);
    uint16_t entries[WIRE_MAX_ENRICHED];
    uint8_t *at = record + WIRE_RECORD_FIXED;
    at += flags & WIRE_RECORD_ACTIVITY ? 16 : 0;
    at += flags & WIRE_RECORD_INLINE_KEY ? WIRE_KEY_BYTES : 0;
    int r = n > WIRE_MAX_ENRICHED ? -STATUS_PROTOCOL : 0;
    if (r == 0 && process != 0)
        r = import(&i, process - 1u, 0, &process);
    if (r == 0 && stack != 0)
        r = import(&i, stack - 1u, 0, &stack);
    for (uint16_t k = 0; k < n && r == 0; k++) {
        const uint8_t *field = at + (size_t)k * WIRE_ENRICHED_BYTES;
        entries[k] = 0;
        if (enriched_is_known(field[0]))
            r = import(&i, load_u16(field + 2), 0, &entries[k]);
    }
    if (r != 0) {
        wire_table_back(to, mark);
        return r;
    }
    store_u16(record + WIRE_RECORD_PROCESS, process);
    store_u16(record + WIRE_RECORD_STACK, stack);
    for (uint16_t k = 0; k < n; k++) {
        uint8_t *field = at + (size_t)k * WIRE_ENRICHED_BYTES;
        if (entries[k] == 0) // what it means is not known here
            memset(field, 0, WIRE_ENRICHED_BYTES);
        else
            store_u16(field + 2, (uint16_t)(entries[k] - 1));
    }
    return 0;
}

int wire_table_move(WireTable *to, const WireTable *from, uint8_t *record) {
    TableSource source = {from->bytes.data, from->items};
    return wire_table_import(to, &source, record);
}
