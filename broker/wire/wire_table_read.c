// Reading the table of a received batch: checked once, as a whole, into arrays of views.
//
// Two passes: the first checks every entry and counts, the second fills one block of memory. An
// entry refers to earlier ones only, so there are no cycles. Memory is a small multiple of the
// table's size: a process of 52 bytes becomes about 130, a frame of 16 becomes 32.
#include "wire/wire_table_parts.h"

#include "util/mem.h"
#include "util/utf.h"

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS (ONES * 0x80)

typedef struct ReadText {
    const char *text;
    uint32_t bytes;
} ReadText;

typedef struct ReadProcess {
    ProcessView view;
    uint32_t parent; // process index + 1; 0: none
} ReadProcess;

struct WireTableView {
    uint32_t n;
    const uint8_t *table; // the batch's
    size_t bytes;         // of memory
    WireTableItem *items;
    uint32_t *index; // of each entry among those of its kind
    ReadProcess *processes;
    ReadText *texts;
    uint64_t *numbers;
    StackView *stacks;
    ModuleView *modules;
    FrameView *frames;
    char *strings;
};

typedef struct Counts {
    uint32_t entries, processes, texts, numbers, stacks, modules, frames;
    size_t strings;
} Counts;

typedef struct Reader {
    const uint8_t *table;
    WireTableItem *items; // of the entries in front of this one
    Counts n;
    Err *err;
} Reader;

// ---- Checking ----

static int bad(const Reader *r, const char *what) {
    return err_set(r->err, STATUS_PROTOCOL, "entry %u of a batch's table is malformed: %s",
                   (unsigned)r->n.entries, what);
}

// WTF-8 without NUL: lone surrogates come from Windows and pass.
static bool text_valid(const uint8_t *data, size_t bytes) {
    const char *p = (const char *)data, *end = p + bytes;
    while (p < end) {
        uint32_t cp;
        // Eight bytes at once that are ASCII and no NUL.
        for (uint64_t v; end - p >= 8; p += 8) {
            v = load_u64(p);
            if (((v - ONES) | v) & HIGHS)
                break;
        }
        if (p == end)
            break;
        if ((uint8_t)(*p - 1) < 0x7f) {
            p++;
            continue;
        }
        size_t n = utf8_next(p, end, &cp);
        if (cp == 0 || (n == 1 && cp == 0xfffd))
            return false;
        p += n;
    }
    return true;
}

// Texts that stand one behind the other.
static bool texts_valid(const uint8_t *data, const uint32_t *bytes, size_t n) {
    for (size_t i = 0; i < n; data += bytes[i++])
        if (!text_valid(data, bytes[i]))
            return false;
    return true;
}

static bool refers_to(const Reader *r, uint16_t reference, uint16_t kind) {
    return reference == 0 || (reference <= r->n.entries && r->items[reference - 1].kind == kind);
}

static int check_process(Reader *r, const WireTableEntry *e) {
    const uint8_t *d = e->data;
    if (e->bytes < WIRE_PROCESS_FIXED)
        return bad(r, "a process is cut");
    uint32_t text[] = {load_u16(d + PROCESS_NAME_BYTES), load_u16(d + PROCESS_PATH_BYTES),
                       load_u16(d + PROCESS_USER_BYTES), load_u32(d + PROCESS_COMMAND_BYTES)};
    uint32_t sid = d[PROCESS_SID_BYTES], texts = text[0] + text[1] + text[2], command = text[3];
    uint32_t left = e->bytes - WIRE_PROCESS_FIXED;
    if (sid > left || texts > left - sid || command > left - sid - texts)
        return bad(r, "its parts are longer than the entry");
    if (!refers_to(r, load_u16(d + PROCESS_PARENT), WIRE_TABLE_PROCESS))
        return bad(r, "its parent is no earlier process");
    if (sid != 0 && sid_length(d + WIRE_PROCESS_FIXED, sid) != sid)
        return bad(r, "its SID");
    if (!texts_valid(d + WIRE_PROCESS_FIXED + sid, text, ARRAY_COUNT(text)))
        return bad(r, "a text");
    r->n.processes++;
    r->n.strings += (size_t)texts + command + 4; // with NULs
    return 0;
}

static int check_module(Reader *r, const WireTableEntry *e) {
    if (e->bytes < WIRE_MODULE_FIXED)
        return bad(r, "a module is cut");
    uint32_t text[] = {load_u16(e->data + MODULE_PATH_BYTES), load_u16(e->data + MODULE_PDB_BYTES)};
    uint32_t texts = text[0] + text[1];
    if (texts > e->bytes - WIRE_MODULE_FIXED)
        return bad(r, "its parts are longer than the entry");
    if (!texts_valid(e->data + WIRE_MODULE_FIXED, text, ARRAY_COUNT(text)))
        return bad(r, "a text");
    r->n.modules++;
    r->n.strings += texts + 2u;
    return 0;
}

static int check_stack(Reader *r, const WireTableEntry *e) {
    if (e->bytes < WIRE_STACK_FIXED)
        return bad(r, "a stack is cut");
    uint32_t n = load_u32(e->data);
    if (n > STACK_MAX_FRAMES || n > (e->bytes - WIRE_STACK_FIXED) / WIRE_STACK_FRAME)
        return bad(r, "too many frames");
    const uint8_t *at = e->data + WIRE_STACK_FIXED;
    for (uint32_t i = 0; i < n; i++, at += WIRE_STACK_FRAME)
        if (!refers_to(r, load_u16(at), WIRE_TABLE_MODULE))
            return bad(r, "a frame is in no earlier module");
    r->n.stacks++;
    r->n.frames += n;
    return 0;
}

static int check(Reader *r, const WireTableEntry *e) {
    switch (e->kind) {
    case WIRE_TABLE_PROCESS:
        return check_process(r, e);
    case WIRE_TABLE_TEXT:
        if (!text_valid(e->data, e->bytes))
            return bad(r, "a text");
        r->n.texts++;
        r->n.strings += e->bytes + 1;
        return 0;
    case WIRE_TABLE_NUMBER:
        if (e->bytes < sizeof(uint64_t))
            return bad(r, "a number is cut");
        r->n.numbers++;
        return 0;
    case WIRE_TABLE_STACK:
        return check_stack(r, e);
    case WIRE_TABLE_MODULE:
        return check_module(r, e);
    default:
        return 0; // of a newer broker
    }
}

// ---- Filling ----

// A text of the entry as a string of the view's own; moves both places.
static const char *take_text(char **to, const uint8_t **from, uint32_t bytes) {
    char *text = *to;
    if (bytes > 0)
        memcpy(text, *from, bytes);
    text[bytes] = 0;
    *to += bytes + 1;
    *from += bytes;
    return text;
}

static void fill_process(WireTableView *v, uint32_t i, const uint8_t *d, char **strings) {
    ReadProcess *p = &v->processes[i];
    uint16_t parent = load_u16(d + PROCESS_PARENT);
    const uint8_t *at = d + WIRE_PROCESS_FIXED;
    *p = (ReadProcess){.parent = parent != 0 ? v->index[parent - 1] + 1 : 0};
    ProcessView *view = &p->view;
    view->pid = load_u32(d + PROCESS_PID);
    view->parent_pid = load_u32(d + PROCESS_PARENT_PID);
    view->session = load_u32(d + PROCESS_SESSION);
    view->provenance = d[PROCESS_PROVENANCE];
    view->flags = d[PROCESS_FLAGS];
    view->start_key = load_u64(d + PROCESS_START_KEY);
    view->start_time = load_i64(d + PROCESS_START_TIME);
    view->sid_bytes = d[PROCESS_SID_BYTES];
    view->sid = view->sid_bytes != 0 ? at : NULL;
    at += view->sid_bytes;
    view->name = take_text(strings, &at, load_u16(d + PROCESS_NAME_BYTES));
    view->path = take_text(strings, &at, load_u16(d + PROCESS_PATH_BYTES));
    view->user = take_text(strings, &at, load_u16(d + PROCESS_USER_BYTES));
    view->command_line = take_text(strings, &at, load_u32(d + PROCESS_COMMAND_BYTES));
}

static void fill_module(WireTableView *v, uint32_t i, const uint8_t *d, char **strings) {
    ModuleView *m = &v->modules[i];
    const uint8_t *at = d + WIRE_MODULE_FIXED;
    *m = (ModuleView){
        .base = load_u64(d + MODULE_BASE),
        .size = load_u64(d + MODULE_SIZE),
        .timestamp = load_u32(d + MODULE_TIMESTAMP),
        .checksum = load_u32(d + MODULE_CHECKSUM),
        .pdb_age = load_u32(d + MODULE_PDB_AGE),
        .provenance = d[MODULE_PROVENANCE],
    };
    memcpy(m->pdb_guid.b, d + MODULE_PDB_GUID, sizeof m->pdb_guid.b);
    m->path = take_text(strings, &at, load_u16(d + MODULE_PATH_BYTES));
    m->pdb_name = take_text(strings, &at, load_u16(d + MODULE_PDB_BYTES));
}

static void fill_stack(WireTableView *v, uint32_t i, const uint8_t *d, FrameView **frames) {
    uint32_t n = load_u32(d);
    FrameView *to = *frames;
    v->stacks[i] = (StackView){
        .n = n, .incomplete = (load_u32(d + 4) & WIRE_STACK_INCOMPLETE) != 0, .frames = to};
    const uint8_t *at = d + WIRE_STACK_FIXED;
    for (uint32_t k = 0; k < n; k++, at += WIRE_STACK_FRAME) {
        uint16_t module = load_u16(at);
        uint64_t place = load_u64(at + 8);
        to[k] = (FrameView){.flags = load_u16(at + 2) & WIRE_FRAME_KERNEL ? FRAME_KERNEL : 0};
        if (module == 0) {
            to[k].address = place;
            continue;
        }
        to[k].module = &v->modules[v->index[module - 1]];
        to[k].offset = place;
        to[k].address = to[k].module->base != 0 ? to[k].module->base + place : 0;
    }
    *frames += n;
}

static void fill(WireTableView *v, const BatchReader *batch) {
    WireTableEntry e;
    Counts n = {0};
    char *strings = v->strings;
    FrameView *frames = v->frames;
    for (uint32_t at = 0; wire_table_next(batch, &at, &e); n.entries++) {
        uint32_t *index = &v->index[n.entries];
        *index = 0;
        switch (e.kind) {
        case WIRE_TABLE_PROCESS:
            *index = n.processes++;
            fill_process(v, *index, e.data, &strings);
            break;
        case WIRE_TABLE_TEXT: {
            const uint8_t *from = e.data;
            *index = n.texts++;
            v->texts[*index] = (ReadText){take_text(&strings, &from, e.bytes), e.bytes};
            break;
        }
        case WIRE_TABLE_NUMBER:
            *index = n.numbers++;
            v->numbers[*index] = load_u64(e.data);
            break;
        case WIRE_TABLE_STACK:
            *index = n.stacks++;
            fill_stack(v, *index, e.data, &frames);
            break;
        case WIRE_TABLE_MODULE:
            *index = n.modules++;
            fill_module(v, *index, e.data, &strings);
            break;
        default:
            break;
        }
    }
}

// One block for everything; all sizes are multiples of the table's, which is at most WIRE_MAX_BODY.
static WireTableView *make(const Counts *n) {
    size_t sizes[] = {
        n->processes * sizeof(ReadProcess), n->stacks * sizeof(StackView),
        n->modules * sizeof(ModuleView),    n->frames * sizeof(FrameView),
        n->texts * sizeof(ReadText),        n->numbers * sizeof(uint64_t),
        n->entries * sizeof(uint32_t),      n->strings,
    };
    size_t bytes = ALIGN8(sizeof(WireTableView));
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++)
        bytes += ALIGN8(sizes[i]);
    WireTableView *v = mem_alloc(bytes);
    if (!v)
        return NULL;
    *v = (WireTableView){.n = n->entries, .bytes = bytes};
    uint8_t *parts[ARRAY_COUNT(sizes)], *at = (uint8_t *)v + ALIGN8(sizeof *v);
    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        parts[i] = at;
        at += ALIGN8(sizes[i]);
    }
    v->processes = (ReadProcess *)(void *)parts[0];
    v->stacks = (StackView *)(void *)parts[1];
    v->modules = (ModuleView *)(void *)parts[2];
    v->frames = (FrameView *)(void *)parts[3];
    v->texts = (ReadText *)(void *)parts[4];
    v->numbers = (uint64_t *)(void *)parts[5];
    v->index = (uint32_t *)(void *)parts[6];
    v->strings = (char *)parts[7];
    return v;
}

int wire_table_open(const BatchReader *batch, WireTableView **ret, Err *err) {
    Reader r = {.table = batch->table, .err = err};
    WireTableEntry e;
    int result = 0;
    r.items = mem_array(batch->n_table != 0 ? batch->n_table : 1, sizeof *r.items);
    if (!r.items)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the table of a batch");
    for (uint32_t at = 0; result == 0;) {
        uint32_t from = at;
        if (!wire_table_next(batch, &at, &e))
            break;
        if (r.n.entries >= WIRE_TABLE_MAX_ENTRIES)
            result = bad(&r, "too many");
        else
            result = check(&r, &e);
        if (result == 0)
            r.items[r.n.entries++] = (WireTableItem){.at = from, .kind = e.kind};
    }
    WireTableView *v = result == 0 ? make(&r.n) : NULL;
    if (!v) {
        mem_free(r.items);
        return result < 0 ? result
                          : err_set(err, STATUS_NO_MEMORY, "no memory for the table of a batch");
    }
    v->table = batch->table;
    v->items = r.items;
    v->bytes += MAX_OF(v->n, 1u) * sizeof *v->items;
    fill(v, batch);
    *ret = v;
    return 0;
}

WireTableView *wire_table_close(WireTableView *view) {
    if (view) {
        mem_free(view->items);
        mem_free(view);
    }
    return NULL;
}

size_t wire_table_bytes(const WireTableView *view) {
    return view->bytes;
}

// ---- One record ----

static bool is_kind(const WireTableView *v, uint32_t entry, uint16_t kind) {
    return entry < v->n && v->items[entry].kind == kind;
}

static void give_chain(const WireTableView *v, uint32_t entry, ProcessChain *ret) {
    const ReadProcess *p = &v->processes[v->index[entry]];
    ret->process = &p->view;
    while (p->parent != 0 && ret->n_ancestors < ENRICHED_MAX_ANCESTORS) {
        p = &v->processes[p->parent - 1];
        ret->ancestors[ret->n_ancestors++] = &p->view;
    }
}

static void give_value(const WireTableView *v, const WireEnriched *e, EnrichedView *ret) {
    if (ret->n_values == ENRICHED_MAX_VALUES)
        return;
    EnrichedValue *value = &ret->values[ret->n_values++];
    uint32_t index = v->index[e->entry];
    *value = (EnrichedValue){.field = e->field, .provenance = e->provenance, .text = ""};
    if (v->items[e->entry].kind == WIRE_TABLE_NUMBER) {
        value->kind = ENRICHED_NUMBER;
        value->number = v->numbers[index];
    } else {
        value->kind = ENRICHED_TEXT;
        value->text = v->texts[index].text;
        value->bytes = v->texts[index].bytes;
    }
}

static int wrong(Err *err, const char *what) {
    return err_set(err, STATUS_PROTOCOL, "a record names no such entry of its table: %s", what);
}

static int check_record(const WireTableView *v, const WireRecord *record, Err *err) {
    uint32_t roles = 0;
    if (record->process != 0 && !is_kind(v, record->process - 1u, WIRE_TABLE_PROCESS))
        return wrong(err, "its process");
    if (record->stack != 0 && !is_kind(v, record->stack - 1u, WIRE_TABLE_STACK))
        return wrong(err, "its call stack");
    if (record->n_enriched > WIRE_MAX_ENRICHED)
        return err_set(err, STATUS_PROTOCOL, "a record has %u enriched fields",
                       (unsigned)record->n_enriched);
    for (uint16_t i = 0; i < record->n_enriched; i++) {
        WireEnriched e = wire_record_enriched(record, i);
        if (enriched_is_role(e.field)) {
            uint32_t bit = 1u << (e.field - WIRE_ENRICHED_CREATOR);
            if (!is_kind(v, e.entry, WIRE_TABLE_PROCESS) || (roles & bit))
                return wrong(err, "another process");
            roles |= bit;
        } else if (enriched_is_known(e.field) && !is_kind(v, e.entry, WIRE_TABLE_TEXT) &&
                   !is_kind(v, e.entry, WIRE_TABLE_NUMBER)) {
            return wrong(err, "an enriched value");
        }
    }
    return 0;
}

int wire_table_record(const WireTableView *view, const WireRecord *record, EnrichedView *ret,
                      StackView *ret_stack, Err *err) {
    int r = check_record(view, record, err);
    if (r < 0)
        return r;
    // Only what counts is set: a view has a kilobyte.
    ret->pid = record->pid;
    ret->tid = record->tid;
    ret->n_values = 0;
    ret->stack = NULL;
    for (uint32_t i = 0; i < CHAIN_N; i++) {
        ret->chains[i].process = NULL;
        ret->chains[i].n_ancestors = 0;
        ret->chains[i].serial = 0;
    }
    if (record->process != 0) {
        give_chain(view, record->process - 1u, &ret->chains[CHAIN_PROCESS]);
        ret->pid = ret->chains[CHAIN_PROCESS].process->pid;
    }
    for (uint16_t i = 0; i < record->n_enriched; i++) {
        WireEnriched e = wire_record_enriched(record, i);
        if (enriched_is_role(e.field))
            give_chain(view, e.entry,
                       &ret->chains[e.field - WIRE_ENRICHED_CREATOR + CHAIN_CREATOR]);
        else if (enriched_is_known(e.field))
            give_value(view, &e, ret);
    }
    *ret_stack =
        record->stack != 0 ? view->stacks[view->index[record->stack - 1u]] : (StackView){.n = 0};
    ret_stack->incomplete |= (record->flags & WIRE_RECORD_STACK_INCOMPLETE) != 0;
    if (ret_stack->n > 0 || ret_stack->incomplete)
        ret->stack = ret_stack;
    return 0;
}

int wire_table_extract(const WireTableView *view, uint8_t *record, WireTable *to) {
    TableSource source = {view->table, view->items};
    return wire_table_import(to, &source, record);
}
