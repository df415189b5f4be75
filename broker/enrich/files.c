// See files.h. Names are kept as the events tell them and mapped to drives when they are asked for;
// the mapped text then takes the place of the raw one.
//
// A name in `objects` with provenance guess is relative to a directory handle that no event names.
// A name in `keys` that was lent by an object carries LENT in its pointer: without name events
// nobody tells when a FileKey is given to another file, so what an object's own Create said then
// counts more.
#include "enrich/files.h"

#include "enrich/requests.h"
#include "util/err.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/utf.h"

#define LENT       ((uintptr_t)1)
#define MEMO_NAMES 64u
#define MEMO_BYTES 4096u // of a name; longer ones share one place
#define N_NUMBERS  256u

_Static_assert(sizeof(void *) >= sizeof(uint64_t), "object_keys keeps FileKeys in pointers");

typedef struct Memo { // a payload's name and how it is shown
    Text *raw, *shown;
} Memo;

struct Files {
    bool looks_ahead;
    Volumes *volumes;     // borrowed
    History *keys;        // FileKey -> Text, or'ed with LENT
    History *objects;     // FileObject -> Text
    History *object_keys; // file knowledge: FileObject -> FileKey that it is used with; else NULL
    Requests *requests;
    size_t renames_bytes, renames_max; // of the new names that requests hold; 0: no limit
    Request ended;                     // the request that the latest OperationEnd ended …
    uint64_t ended_at;                 // … if irp is not 0
    uint64_t learned;                  // file knowledge: the scan has told all ordinals below
    uint64_t last;                     // ordinal observed last
    bool ends_seen;                    // the session has OperationEnd events
    Text *names[2][N_NUMBERS];         // event names of operations, by opcode and by id
    Memo memo[MEMO_NAMES];
    Buf scratch;
};

static Text *name_of(void *value) {
    return (Text *)((uintptr_t)value & ~LENT);
}

static void *lent(Text *text) {
    return (void *)((uintptr_t)text | LENT);
}

static bool is_lent(const void *value) {
    return ((uintptr_t)value & LENT) != 0;
}

static void name_unref(void *value) {
    text_unref(name_of(value));
}

static size_t name_charge(const void *value) {
    return text_charge((const Text *)((uintptr_t)value & ~LENT));
}

static bool same_text(const Text *a, const Text *b) {
    return a == b || fold_compare(a->s, a->bytes, b->s, b->bytes) == 0;
}

static bool name_same(const void *a, const void *b) {
    return same_text((const Text *)((uintptr_t)a & ~LENT), (const Text *)((uintptr_t)b & ~LENT));
}

static HistoryKey key_of(uint64_t number) {
    return (HistoryKey){number, 0};
}

// --- life --------------------------------------------------------------------------------------

int files_new(const FilesOptions *options, Volumes *volumes, Files **ret) {
    Files *f = mem_zalloc(sizeof *f);
    if (!f)
        return -STATUS_NO_MEMORY;
    f->volumes = volumes;
    f->looks_ahead = options->looks_ahead;
    size_t requests_bytes = options->max_bytes / 16;
    size_t bytes = options->max_bytes - 2 * requests_bytes;
    f->renames_max = options->max_bytes ? requests_bytes + 1 : 0;
    HistoryOptions keys = {.name = "Files",
                           .max_entries = MAX_OF(options->max_files, 1u),
                           .max_bytes = bytes ? bytes / 2 + 1 : 0,
                           .looks_ahead = options->looks_ahead,
                           .unref = name_unref,
                           .charge = name_charge,
                           .same = name_same};
    HistoryOptions objects = keys;
    objects.name = "File objects";
    objects.max_entries = MAX_OF(options->max_objects, 1u);
    objects.max_bytes = bytes ? (options->looks_ahead ? bytes / 8 * 3 : bytes / 2) + 1 : 0;
    HistoryOptions object_keys = {.name = "Keys of objects",
                                  .max_entries = objects.max_entries,
                                  .max_bytes = bytes ? bytes / 8 + 1 : 0,
                                  .looks_ahead = true};
    int r = history_new(&keys, &f->keys);
    if (r == 0)
        r = history_new(&objects, &f->objects);
    if (r == 0 && options->looks_ahead)
        r = history_new(&object_keys, &f->object_keys);
    if (r == 0)
        r = requests_new(MAX_OF(options->max_operations, 1u), f->renames_max, &f->requests);
    if (r < 0)
        files_free(f);
    else
        *ret = f;
    return r;
}

static void forget_requests(Files *f) {
    requests_clear(f->requests);
    f->renames_bytes = 0;
    f->ended = (Request){0};
}

void files_clear(Files *f) {
    history_clear(f->keys);
    history_clear(f->objects);
    if (f->object_keys)
        history_clear(f->object_keys);
    forget_requests(f);
    for (uint32_t i = 0; i < MEMO_NAMES; i++) {
        text_unref(f->memo[i].raw);
        text_unref(f->memo[i].shown);
        f->memo[i] = (Memo){NULL, NULL};
    }
    f->learned = f->last = 0;
    f->ends_seen = false;
}

Files *files_free(Files *f) {
    if (!f)
        return NULL;
    if (f->requests)
        files_clear(f);
    history_free(f->keys);
    history_free(f->objects);
    history_free(f->object_keys);
    requests_free(f->requests);
    for (uint32_t i = 0; i < 2 * N_NUMBERS; i++)
        text_unref(f->names[i / N_NUMBERS][i % N_NUMBERS]);
    buf_deinit(&f->scratch);
    mem_free(f);
    return NULL;
}

uint32_t files_stats(const Files *f, CacheStats ret[3]) {
    ret[0] = history_stats(f->keys);
    ret[1] = history_stats(f->objects);
    ret[2] = requests_stats(f->requests);
    ret[2].bytes += f->renames_bytes;
    ret[2].bytes_limit = 2 * f->renames_max;
    return 3;
}

// --- names, ready to be shown ------------------------------------------------------------------

// The name of a span that history_find or history_peek just gave, mapped; it stays in the span.
static Text *shown(Files *f, History *history, uint64_t number, uint64_t at, void *value) {
    Text *text = name_of(value);
    if (!text || text->generation == volumes_generation(f->volumes))
        return text;
    Text *mapped = volumes_map(f->volumes, text);
    if (!mapped)
        return text; // as it is: better than nothing
    if (mapped == text) {
        text_unref(mapped);
        return text;
    }
    history_replace(history, key_of(number), at, is_lent(value) ? lent(mapped) : mapped);
    return mapped;
}

static Text *find_name(Files *f, History *history, uint64_t number, uint64_t at,
                       uint8_t *ret_provenance) {
    if (number == 0)
        return NULL;
    void *value = history_find(history, key_of(number), at, ret_provenance, NULL);
    return shown(f, history, number, at, value);
}

// By key when that is sure, else by object, else what there is.
static Text *find_file(Files *f, uint64_t object, uint64_t key, uint64_t at,
                       uint8_t *ret_provenance) {
    uint8_t of_key = PROVENANCE_NONE, of_object = PROVENANCE_NONE;
    Text *by_key = find_name(f, f->keys, key, at, &of_key);
    if (by_key && of_key != PROVENANCE_GUESS) {
        *ret_provenance = of_key;
        return by_key;
    }
    Text *by_object = find_name(f, f->objects, object, at, &of_object);
    if (by_key && of_object != PROVENANCE_LIVE) {
        *ret_provenance = of_key;
        return by_key;
    }
    if (by_object)
        *ret_provenance = of_object;
    return by_object;
}

// A name that stands in the payload, mapped. Equal names mostly give the same Text.
static Text *payload_name(Files *f, int16_t field, const EventRecord *record,
                          const Schema *schema) {
    Value v;
    if (!fact_value(record, schema, field, &v) || v.bytes == 0)
        return NULL;
    buf_clear(&f->scratch);
    if (v.kind == VALUE_UTF16)
        utf16_to_utf8(&f->scratch, v.data, v.bytes / 2);
    else if (v.kind == VALUE_UTF8 || v.kind == VALUE_ANSI)
        value_text(&f->scratch, NULL, &v, 0);
    if (f->scratch.failed || f->scratch.bytes == 0)
        return NULL;
    const char *name = buf_str(&f->scratch);
    uint64_t place = f->scratch.bytes > MEMO_BYTES ? 0 : hash_bytes(name, f->scratch.bytes, 0);
    Memo *memo = &f->memo[place % MEMO_NAMES];
    if (memo->raw && memo->raw->bytes == f->scratch.bytes &&
        memcmp(memo->raw->s, name, f->scratch.bytes) == 0 &&
        memo->shown->generation == volumes_generation(f->volumes))
        return memo->shown;
    Memo fresh = {text_new(name, f->scratch.bytes), NULL};
    if (fresh.raw)
        fresh.shown = volumes_map(f->volumes, fresh.raw);
    if (!fresh.shown) {
        text_unref(fresh.raw);
        return NULL;
    }
    text_unref(memo->raw);
    text_unref(memo->shown);
    *memo = fresh;
    return memo->shown;
}

static bool is_absolute(const Text *raw) {
    return raw->s[0] == '\\';
}

// --- learning ----------------------------------------------------------------------------------

static uint64_t number(const PayloadRef *ref, const EventRecord *record) {
    uint64_t n = 0;
    return payload_ref_get(ref, record, &n) ? n : 0;
}

// Before a told name is compared with the key's present one: that may be mapped already, and if it
// was lent, it is told now. Gives the name, mapped when the other is.
static Text *compared(Files *f, HistoryKey key, uint64_t at, Text *take_name) {
    uint64_t from = 0;
    void *known = history_peek(f->keys, key, at, NULL, &from);
    if (!known || from > at)
        return take_name;
    Text *present = name_of(known), *name = take_name;
    if (present->generation != 0 && !same_text(present, name)) {
        Text *mapped = volumes_map(f->volumes, name);
        if (mapped) {
            text_unref(name);
            name = mapped;
        }
        present = shown(f, f->keys, key.a, at, known);
    }
    if (is_lent(known) && same_text(present, name))
        (void)history_replace(f->keys, key, at, text_ref(present));
    return name;
}

static void learn_name(Files *f, const FilePlan *plan, const EventRecord *record,
                       const Schema *schema) {
    HistoryKey key = key_of(number(&plan->key, record));
    if (key.a == 0)
        return;
    uint64_t at = record->ordinal;
    Text *name = fact_text(record, schema, plan->name);
    if (name)
        name = compared(f, key, at, name);
    if (plan->role == FILE_NAME_CLOSE && !name)
        (void)history_end(f->keys, key, at);
    else if (plan->role == FILE_NAME_CLOSE)
        (void)history_close(f->keys, key, at, name, PROVENANCE_LIVE);
    else if (!name)
        return;
    else if (plan->role == FILE_NAME_OPEN)
        (void)history_open(f->keys, key, at, name, PROVENANCE_LIVE);
    else
        (void)history_state(f->keys, key, at, name, PROVENANCE_RUNDOWN);
}

static void learn_create(Files *f, const FilePlan *plan, const EventRecord *record,
                         const Schema *schema) {
    HistoryKey object = key_of(number(&plan->object, record));
    if (object.a == 0)
        return;
    uint64_t at = record->ordinal;
    if (at > 0) { // what was there has ended, whether or not a Close was seen
        (void)history_close(f->objects, object, at - 1, NULL, PROVENANCE_LIVE);
        if (f->object_keys)
            (void)history_close(f->object_keys, object, at - 1, NULL, PROVENANCE_LIVE);
    }
    Text *name = fact_text(record, schema, plan->name);
    if (name)
        (void)history_open(f->objects, object, at, name,
                           is_absolute(name) ? PROVENANCE_LIVE : PROVENANCE_GUESS);
}

// Could a file of this name have been opened as `relative`?
static bool ends_with(const Text *name, const Text *relative) {
    if (name->bytes <= relative->bytes)
        return false;
    size_t at = name->bytes - relative->bytes;
    return name->s[at - 1] == '\\' &&
           fold_compare(name->s + at, relative->bytes, relative->s, relative->bytes) == 0;
}

// An operation names object and key: the key gets the object's name when it has none, or one that
// an earlier object lent it and that is not this one's.
static void lend(Files *f, uint64_t object, uint64_t key, uint64_t at) {
    if (object == 0 || key == 0)
        return;
    if (f->object_keys)
        (void)history_open(f->object_keys, key_of(object), at, (void *)(uintptr_t)key,
                           PROVENANCE_LIVE);
    uint8_t provenance;
    uint64_t from = 0;
    void *known = history_peek(f->keys, key_of(key), at, NULL, &from);
    if (from > at)
        known = NULL;
    if (known && !is_lent(known))
        return; // told by name events: nothing that an object says is better
    Text *own = history_peek(f->objects, key_of(object), at, &provenance, &from);
    if (!own || from > at || name_of(known) == own)
        return;
    bool relative = provenance == PROVENANCE_GUESS;
    if (!known) {
        if (!relative)
            (void)history_open(f->keys, key_of(key), at, lent(text_ref(own)), PROVENANCE_LIVE);
        return;
    }
    if (relative) {
        if (!ends_with(name_of(known), own) && at > 0)
            (void)history_close(f->keys, key_of(key), at - 1, NULL, PROVENANCE_LIVE);
        return;
    }
    // One of them may be mapped already.
    Text *known_shown = shown(f, f->keys, key, at, known);
    own = shown(f, f->objects, object, at, own);
    if (known_shown->bytes == own->bytes && memcmp(known_shown->s, own->s, own->bytes) == 0)
        (void)history_replace(f->objects, key_of(object), at, text_ref(known_shown));
    else if (!same_text(known_shown, own))
        (void)history_open(f->keys, key_of(key), at, lent(text_ref(own)), PROVENANCE_LIVE);
}

static void rename_file(Files *f, uint64_t object, uint64_t key, uint64_t at, Text *name) {
    if (key != 0)
        (void)history_open(f->keys, key_of(key), at, text_ref(name), PROVENANCE_LIVE);
    uint64_t from = 0;
    if (object != 0 && history_peek(f->objects, key_of(object), at, NULL, &from) && from <= at)
        (void)history_open(f->objects, key_of(object), at, text_ref(name), PROVENANCE_LIVE);
}

static void learn(Files *f, const FilePlan *plan, const EventRecord *record, const Schema *schema) {
    uint64_t at = record->ordinal;
    switch (plan->role) {
    case FILE_NAME_OPEN:
    case FILE_NAME_CLOSE:
    case FILE_NAME_STATE:
        learn_name(f, plan, record, schema);
        return;
    case FILE_CREATE:
        learn_create(f, plan, record, schema);
        return;
    case FILE_CLOSE:
    case FILE_OPERATION:
    case FILE_RENAME_PATH: {
        uint64_t object = number(&plan->object, record), key = number(&plan->key, record);
        lend(f, object, key, at);
        if (plan->role == FILE_CLOSE && object != 0) {
            (void)history_close(f->objects, key_of(object), at, NULL, PROVENANCE_LIVE);
            if (f->object_keys)
                (void)history_close(f->object_keys, key_of(object), at, NULL, PROVENANCE_LIVE);
        }
        if (plan->own_name && key != 0 && !history_peek(f->keys, key_of(key), at, NULL, NULL)) {
            Text *name = fact_text(record, schema, plan->name);
            if (name && is_absolute(name))
                (void)history_open(f->keys, key_of(key), at, lent(name), PROVENANCE_LIVE);
            else
                text_unref(name);
        }
        return;
    }
    default:
        return;
    }
}

// --- requests ----------------------------------------------------------------------------------

static uint16_t number_of(const FilePlan *plan, const EventRecord *record) {
    return plan->manifest ? record->desc.id : record->desc.opcode;
}

// The event's name, kept as long as the Files: the schema may go first.
static const Text *event_name(Files *f, const FilePlan *plan, const EventRecord *record,
                              const Schema *schema) {
    uint16_t i = number_of(plan, record);
    if (i >= N_NUMBERS)
        return NULL;
    Text **name = &f->names[plan->manifest][i];
    if (!*name)
        *name = text_new(schema->event_name, strlen(schema->event_name));
    return *name;
}

enum { PART_ALONE, PART_PATH, PART_OP, PART_CREATE };

// Delete, Rename and SetLink come as two events: the operation, and one that tells a path.
static uint8_t part_of(const FilePlan *plan, const EventRecord *record) {
    if (plan->role == FILE_RENAME_PATH)
        return PART_PATH;
    if (plan->role == FILE_CREATE)
        return PART_CREATE;
    uint16_t op = number_of(plan, record);
    bool has_path = plan->manifest ? op == 18 || op == 19 || op == 29 || op == 17
                                   : op == 70 || op == 71 || op == 82 || op == 69;
    return has_path ? PART_OP : PART_ALONE;
}

static Text *hold_name(Files *f, Text *take_name) {
    f->renames_bytes += text_charge(take_name);
    return take_name;
}

static Text *drop_name(Files *f, Text *name) {
    f->renames_bytes -= text_charge(name);
    return text_unref(name);
}

// May the request wait with its new name until its end tells whether it has succeeded?
static bool may_wait(const Files *f, uint64_t irp, const Text *new_name) {
    return irp != 0 && f->ends_seen &&
           (f->renames_max == 0 || f->renames_bytes + text_charge(new_name) <= f->renames_max);
}

// A request is over. names: what events do to names is not known from the scan.
static void settle(Files *f, Request *request, uint64_t at, bool succeeded, bool names) {
    if (request->new_name && succeeded && names)
        rename_file(f, request->object, request->key, at, request->new_name);
    request->new_name = drop_name(f, request->new_name);
}

static void begin_request(Files *f, const FilePlan *plan, const EventRecord *record,
                          const Schema *schema, bool names) {
    uint64_t irp = number(&plan->irp, record), object = number(&plan->object, record);
    uint64_t key = number(&plan->key, record), at = record->ordinal;
    Text *new_name = plan->new_name ? fact_text(record, schema, plan->name) : NULL;
    if (new_name && !is_absolute(new_name))
        new_name = text_unref(new_name);
    if (new_name && !may_wait(f, irp, new_name)) { // renames mostly succeed
        if (names)
            rename_file(f, object, key, at, new_name);
        new_name = text_unref(new_name);
    }
    if (irp == 0)
        return;
    // RenamePath adds to the Rename of the same request, or comes in front of it.
    uint8_t part = part_of(plan, record);
    bool of_two = part == PART_PATH || part == PART_OP;
    Request *pending = of_two ? requests_find(f->requests, irp) : NULL;
    bool both = pending && pending->object == object &&
                ((part == PART_PATH && pending->part == PART_OP) ||
                 (part == PART_OP && pending->part == PART_PATH));
    if (both && part == PART_PATH) {
        if (new_name) {
            drop_name(f, pending->new_name);
            pending->new_name = hold_name(f, new_name);
        }
        return;
    }
    Request old;
    Request *request = requests_begin(f->requests, irp, &old);
    if (!request) {
        text_unref(new_name);
        return;
    }
    if (both) { // the operation itself has none
        request->new_name = old.new_name;
        old.new_name = NULL;
    } else {
        request->new_name = hold_name(f, new_name);
    }
    request->part = part;
    request->number = number_of(plan, record);
    request->object = object;
    request->key = key;
    request->ordinal = at;
    request->time = record->time;
    request->event_name = event_name(f, plan, record, schema);
    settle(f, &old, at, true, names); // its end was not seen
}

// Create and CreateNewFile (64 and 78; 12 and 30) tell of one request: the second says nothing new.
static bool is_told_again(Files *f, const FilePlan *plan, const EventRecord *record) {
    if (plan->role != FILE_CREATE)
        return false;
    uint64_t object = number(&plan->object, record);
    const Request *pending = requests_find(f->requests, number(&plan->irp, record));
    return pending && object != 0 && pending->object == object && pending->part == PART_CREATE &&
           pending->number != number_of(plan, record);
}

static void end_request(Files *f, const FilePlan *plan, const EventRecord *record, bool names) {
    f->ends_seen = true;
    f->ended = (Request){0};
    Request request;
    uint64_t irp = number(&plan->irp, record), status = 0;
    if (irp == 0 || !requests_end(f->requests, irp, &request))
        return;
    bool known = payload_ref_get(&plan->status, record, &status);
    bool succeeded = !known || (status & 0x80000000u) == 0;
    settle(f, &request, record->ordinal, succeeded, names);
    f->ended = request;
    f->ended_at = record->ordinal;
}

void files_observe(Files *f, const FilePlan *plan, const EventRecord *record, const Schema *schema,
                   bool scanning) {
    if (plan->role == FILE_NOTHING || plan->role == FILE_DISK || plan->role == FILE_IMAGE)
        return;
    uint64_t at = record->ordinal;
    if (at < f->last) // another pass: what was pending then has nothing to do with it
        forget_requests(f);
    f->last = at;
    if (is_told_again(f, plan, record)) {
        if (scanning)
            f->learned = at + 1;
        return;
    }
    bool names = scanning || at >= f->learned;
    if (scanning)
        f->learned = at + 1;
    // Objects keep all their intervals for looking back into the file, but one that is closed, or
    // not open yet, has no name.
    history_look_ahead(f->objects, scanning);
    if (names)
        learn(f, plan, record, schema);
    history_look_ahead(f->objects, false);
    if (plan->role == FILE_END)
        end_request(f, plan, record, names);
    else if (plan->role >= FILE_CREATE && plan->role <= FILE_RENAME_PATH)
        begin_request(f, plan, record, schema, names);
}

// --- looking up --------------------------------------------------------------------------------

// The name of the FileKey that an object is used with after the Create at `at`, until its Close.
static Text *find_opened(Files *f, uint64_t object, uint64_t at, uint8_t *ret_provenance) {
    uint64_t used = 0, created = 0, opened = UINT64_MAX;
    if (!f->object_keys)
        return NULL;
    void *key = history_peek(f->object_keys, key_of(object), at, NULL, &used);
    if (!key || used < at)
        return NULL;
    (void)history_peek(f->objects, key_of(object), at, NULL, &created);
    (void)history_peek(f->objects, key_of(object), used, NULL, &opened);
    if (opened != created) // another Create was in between
        return NULL;
    return find_name(f, f->keys, (uint64_t)(uintptr_t)key, used, ret_provenance);
}

static Text *find_created(Files *f, uint64_t object, uint64_t at, uint8_t *ret_provenance) {
    uint8_t provenance = PROVENANCE_NONE;
    Text *own = find_name(f, f->objects, object, at, &provenance);
    if (own && provenance != PROVENANCE_GUESS) {
        *ret_provenance = provenance;
        return own;
    }
    Text *opened = own ? find_opened(f, object, at, ret_provenance) : NULL;
    if (opened)
        return opened;
    if (own)
        *ret_provenance = PROVENANCE_GUESS;
    return own;
}

static Text *find_ended(Files *f, const Request *request, uint8_t *ret_provenance) {
    Text *name = request->key
                     ? find_file(f, request->object, request->key, request->ordinal, ret_provenance)
                     : find_created(f, request->object, request->ordinal, ret_provenance);
    return name;
}

static const Request *ended_by(const Files *f, const FilePlan *plan, const EventRecord *record) {
    if (plan->role != FILE_END || f->ended.irp == 0 || f->ended_at != record->ordinal ||
        f->ended.irp != number(&plan->irp, record))
        return NULL;
    return &f->ended;
}

const Text *files_name(Files *f, const FilePlan *plan, const EventRecord *record,
                       const Schema *schema, uint8_t *ret_provenance) {
    uint64_t at = record->ordinal;
    uint8_t provenance = PROVENANCE_NONE;
    Text *name = NULL;
    switch (plan->role) {
    case FILE_NAME_OPEN:
    case FILE_NAME_CLOSE:
    case FILE_NAME_STATE:
        name = find_name(f, f->keys, number(&plan->key, record), at, &provenance);
        if (name && provenance != PROVENANCE_GUESS)
            break;
        name = payload_name(f, plan->name, record, schema); // surer than what others told
        provenance = plan->role == FILE_NAME_STATE ? PROVENANCE_RUNDOWN : PROVENANCE_LIVE;
        break;
    case FILE_CREATE:
        name = find_created(f, number(&plan->object, record), at, &provenance);
        if (name)
            break;
        name = payload_name(f, plan->name, record, schema);
        // Mapped names begin with a drive or a backslash; relative ones cannot have a drive.
        provenance = PROVENANCE_GUESS;
        if (name && (name->s[0] == '\\' || (name->bytes > 2 && name->s[1] == ':')))
            provenance = PROVENANCE_LIVE;
        break;
    case FILE_RENAME_PATH:
        name = payload_name(f, plan->name, record, schema);
        provenance = PROVENANCE_LIVE;
        break;
    case FILE_CLOSE:
    case FILE_OPERATION:
    case FILE_DISK:
        name = find_file(f, number(&plan->object, record), number(&plan->key, record), at,
                         &provenance);
        break;
    case FILE_END: {
        const Request *request = ended_by(f, plan, record);
        name = request ? find_ended(f, request, &provenance) : NULL;
        break;
    }
    case FILE_IMAGE:
        name = payload_name(f, plan->name, record, schema);
        provenance = PROVENANCE_LIVE;
        break;
    default:
        break;
    }
    if (name)
        *ret_provenance = provenance;
    return name;
}

bool files_operation(Files *f, const FilePlan *plan, const EventRecord *record,
                     FileOperation *ret) {
    const Request *request = ended_by(f, plan, record);
    if (!request)
        return false;
    FileOperation operation = {request->event_name, record->time - request->time, NULL,
                               PROVENANCE_NONE};
    if (operation.duration < 0)
        operation.duration = 0;
    operation.name = find_ended(f, request, &operation.provenance);
    *ret = operation;
    return true;
}
