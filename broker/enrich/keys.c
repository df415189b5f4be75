// Names are kept as the kernel writes them (\REGISTRY\MACHINE\…) and mapped when they are shown,
// because HKCU depends on who asks.
#include "enrich/keys.h"

#include "util/mem.h"
#include "util/utf.h"

// A longer name counts as unknown: no key has one, and names that grow with each relative open end
// here.
#define MAX_NAME_BYTES 32768u
#define MAX_SID_TEXT   256u

// clang-format off
static const Guid registry_class = GUID_INIT(0xae53722e, 0xc863, 0x11d2, 0x86, 0x59, 0x00, 0xc0, 0x4f, 0xa3, 0x21, 0xa1);
static const Guid kernel_registry = GUID_INIT(0x70eb4f03, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd);
// clang-format on

struct Keys {
    History *names; // KCB or key object -> Text
    Buf path;       // of a key that is being opened
};

static void drop_name(void *name) {
    text_unref(name);
}

static size_t charge_name(const void *name) {
    return text_charge(name);
}

static bool same_name(const void *a, const void *b) {
    const Text *x = a, *y = b;
    if (!x || !y)
        return x == y;
    return (x->bytes == y->bytes && memcmp(x->s, y->s, x->bytes) == 0) ||
           fold_compare(x->s, x->bytes, y->s, y->bytes) == 0;
}

int keys_new(const KeysOptions *options, Keys **ret) {
    Keys *keys = mem_zalloc(sizeof *keys);
    if (!keys)
        return -(int)STATUS_NO_MEMORY;
    const HistoryOptions history = {.name = "Keys",
                                    .max_entries = options->max_keys,
                                    .max_bytes = options->max_bytes,
                                    .looks_ahead = options->looks_ahead,
                                    .unref = drop_name,
                                    .charge = charge_name,
                                    .same = same_name};
    int r = history_new(&history, &keys->names);
    if (r < 0) {
        keys_free(keys);
        return r;
    }
    keys->path.limit = 2 * MAX_NAME_BYTES;
    *ret = keys;
    return 0;
}

Keys *keys_free(Keys *keys) {
    if (keys) {
        history_free(keys->names);
        buf_deinit(&keys->path);
        mem_free(keys);
    }
    return NULL;
}

void keys_clear(Keys *keys) {
    history_clear(keys->names);
}

uint32_t keys_stats(const Keys *keys, CacheStats ret[1]) {
    ret[0] = history_stats(keys->names);
    return 1;
}

// --- what an event of a type tells --------------------------------------------------------------

static int16_t field_of(const Schema *schema, const char *name) {
    return fact_field(schema, (const char *const[]){name, NULL});
}

static bool is_there(const PayloadRef *ref) {
    return ref->at32 >= 0 || ref->at64 >= 0;
}

static uint8_t classic_role(const EventDescriptor *desc) {
    enum { FIRST_WITH_KCB_EVENTS = 2 };
    switch (desc->opcode) {
    case 10: // Create
    case 11: // Open
        return KEY_OPEN;
    case 14: // SetValue
    case 15: // DeleteValue
    case 16: // QueryValue
        return KEY_VALUE;
    case 22: // KCBCreate; before, the rundown
        return desc->version < FIRST_WITH_KCB_EVENTS ? KEY_KCB_STATE : KEY_KCB_OPEN;
    case 23:
        return KEY_KCB_CLOSE;
    case 24:
    case 25:
        return KEY_KCB_STATE;
    default: // operations, ChangeNotify
        return KEY_OTHER;
    }
}

KeyPlan keys_plan(const Schema *schema) {
    KeyPlan plan = {.handle = PAYLOAD_REF_NONE,
                    .result = PAYLOAD_REF_NONE,
                    .status = PAYLOAD_REF_NONE,
                    .name = -1,
                    .base_name = -1};
    if (schema->event_flags & EVENT_CLASSIC) {
        if (!guid_equal(&schema->provider, &registry_class))
            return plan;
        plan.handle = payload_ref(schema, "KeyHandle");
        plan.name = field_of(schema, "KeyName");
        if (is_there(&plan.handle))
            plan.role = classic_role(&schema->desc);
        return plan;
    }
    if (!guid_equal(&schema->provider, &kernel_registry))
        return plan;
    PayloadRef object = payload_ref(schema, "KeyObject");
    if (!is_there(&object))
        return plan;
    switch (schema->desc.id) {
    case 1: // CreateKey
    case 2: // OpenKey
        plan.role = KEY_MANIFEST_OPEN;
        plan.handle = payload_ref(schema, "BaseObject");
        plan.result = object;
        plan.status = payload_ref(schema, "Status");
        plan.name = field_of(schema, "RelativeName");
        plan.base_name = field_of(schema, "BaseName");
        return plan;
    case 13: // CloseKey
        plan.role = KEY_MANIFEST_CLOSE;
        break;
    default:
        plan.role = KEY_MANIFEST_OTHER;
        break;
    }
    plan.handle = object;
    plan.name = field_of(schema, "KeyName");
    return plan;
}

// --- paths as the kernel writes them ------------------------------------------------------------

typedef struct Name {
    Value v;
    bool there;    // and not empty
    bool absolute; // begins with a backslash
} Name;

static Name name_of(const EventRecord *record, const Schema *schema, int16_t field) {
    Name name = {0};
    if (!fact_value(record, schema, field, &name.v))
        return name;
    if (name.v.kind == VALUE_UTF16) {
        name.there = name.v.bytes >= 2 && load_u16(name.v.data) != 0;
        name.absolute = name.there && load_u16(name.v.data) == '\\';
    } else if (name.v.kind == VALUE_ANSI || name.v.kind == VALUE_UTF8) {
        name.there = name.v.bytes != 0 && name.v.data[0] != 0;
        name.absolute = name.there && name.v.data[0] == '\\';
    }
    return name;
}

static void put_name(Buf *out, const Name *name) {
    if (name->v.kind == VALUE_UTF16)
        utf16_to_utf8(out, name->v.data, utf16_length(name->v.data, name->v.bytes / 2));
    else
        value_text(out, NULL, &name->v, 0);
}

static uint64_t number_of(const PayloadRef *ref, const EventRecord *record) {
    uint64_t v;
    return payload_ref_get(ref, record, &v) ? v : 0;
}

static void put_behind(Buf *out, size_t start, const Name *name) {
    if (out->bytes > start && out->data[out->bytes - 1] != '\\')
        buf_char(out, '\\');
    put_name(out, name);
}

static bool put_base(Keys *keys, uint64_t handle, uint64_t at, Buf *out, uint8_t *ret_provenance) {
    const Text *base =
        handle ? history_find(keys->names, (HistoryKey){handle, 0}, at, ret_provenance, NULL)
               : NULL;
    if (base)
        buf_append(out, base->s, base->bytes);
    return base != NULL;
}

// A name that is relative to a key.
static bool put_relative(Keys *keys, uint64_t handle, uint64_t at, const Name *name, Buf *out,
                         uint8_t *ret_provenance) {
    size_t start = out->bytes;
    if (name->absolute || (handle == 0 && name->there)) {
        put_name(out, name);
        *ret_provenance = PROVENANCE_LIVE;
        return true;
    }
    if (put_base(keys, handle, at, out, ret_provenance)) {
        if (name->there)
            put_behind(out, start, name);
        return true;
    }
    if (name->there)
        put_name(out, name);
    *ret_provenance = PROVENANCE_GUESS;
    return name->there;
}

static void cut(Buf *out, size_t start) {
    out->bytes = start;
    if (out->data)
        out->data[start] = 0;
}

// Some events of the manifest repeat the key's last part as its name.
static void put_unless_repeated(Buf *out, size_t start, const Name *name) {
    size_t end = out->bytes;
    put_behind(out, start, name);
    size_t n = out->bytes - end;
    if (!out->failed && n <= end - start &&
        fold_compare((const char *)out->data + end - n, n, (const char *)out->data + end, n) == 0)
        cut(out, end);
}

static bool put_manifest_open(Keys *keys, const KeyPlan *plan, const EventRecord *record,
                              const Name *name, const Schema *schema, Buf *out,
                              uint8_t *ret_provenance) {
    uint64_t base_object = number_of(&plan->handle, record);
    Name base = name_of(record, schema, plan->base_name);
    if (name->absolute || !base.there ||
        (!base.absolute &&
         history_peek(keys->names, (HistoryKey){base_object, 0}, record->ordinal, NULL, NULL)))
        return put_relative(keys, base_object, record->ordinal, name, out, ret_provenance);
    size_t start = out->bytes;
    put_name(out, &base);
    if (name->there)
        put_behind(out, start, name);
    *ret_provenance = (uint8_t)(base.absolute ? PROVENANCE_LIVE : PROVENANCE_GUESS);
    return true;
}

static bool put_path(Keys *keys, const KeyPlan *plan, const EventRecord *record,
                     const Schema *schema, Buf *out, uint8_t *ret_provenance) {
    uint64_t handle = number_of(&plan->handle, record);
    uint64_t at = record->ordinal;
    size_t start = out->bytes;
    Name name = {0};
    if (plan->role != KEY_VALUE) // there it is the value's
        name = name_of(record, schema, plan->name);
    switch (plan->role) {
    case KEY_KCB_OPEN:
    case KEY_KCB_CLOSE:
    case KEY_KCB_STATE:
        if (!name.there)
            return put_base(keys, handle, at, out, ret_provenance);
        put_name(out, &name);
        *ret_provenance =
            (uint8_t)(plan->role == KEY_KCB_STATE ? PROVENANCE_RUNDOWN : PROVENANCE_LIVE);
        return true;
    case KEY_VALUE:
        return put_base(keys, handle, at, out, ret_provenance);
    case KEY_OPEN:
    case KEY_OTHER:
        return put_relative(keys, handle, at, &name, out, ret_provenance);
    case KEY_MANIFEST_OPEN:
        return put_manifest_open(keys, plan, record, &name, schema, out, ret_provenance);
    case KEY_MANIFEST_CLOSE:
    case KEY_MANIFEST_OTHER:
        if (name.there && !name.absolute && put_base(keys, handle, at, out, ret_provenance)) {
            put_unless_repeated(out, start, &name);
            return true;
        }
        return put_relative(keys, handle, at, &name, out, ret_provenance);
    default:
        return false;
    }
}

static bool path_fits(const Buf *out, size_t start) {
    return !out->failed && out->bytes - start <= MAX_NAME_BYTES;
}

// --- learning -----------------------------------------------------------------------------------

static Text *bounded(Text *name) {
    return name && name->bytes > MAX_NAME_BYTES ? text_unref(name) : name;
}

static Text *name_text(const EventRecord *record, const Schema *schema, int16_t field) {
    return bounded(fact_text(record, schema, field));
}

// The name that a successful open gives its key object; NULL: not known.
static Text *opened_name(Keys *keys, const KeyPlan *plan, const EventRecord *record,
                         const Schema *schema, uint8_t *ret_provenance) {
    Buf *path = &keys->path;
    buf_clear(path);
    bool known = put_path(keys, plan, record, schema, path, ret_provenance) && path_fits(path, 0) &&
                 path->data[0] == '\\';
    return known ? text_new((const char *)path->data, path->bytes) : NULL;
}

static void learn_base(Keys *keys, const KeyPlan *plan, const EventRecord *record,
                       const Schema *schema) {
    HistoryKey key = {number_of(&plan->handle, record), 0};
    if (key.a == 0 || history_peek(keys->names, key, record->ordinal, NULL, NULL))
        return;
    Name base = name_of(record, schema, plan->base_name);
    Text *name = base.absolute ? name_text(record, schema, plan->base_name) : NULL;
    if (name)
        (void)history_state(keys->names, key, record->ordinal, name, PROVENANCE_LIVE);
}

static void learn_open(Keys *keys, HistoryKey key, uint64_t at, Text *take_name,
                       uint8_t provenance) {
    if (take_name)
        (void)history_open(keys->names, key, at, take_name, provenance);
    else // it means something else now, who knows what
        (void)history_end(keys->names, key, at ? at - 1 : 0);
}

void keys_observe(Keys *keys, const KeyPlan *plan, const EventRecord *record,
                  const Schema *schema) {
    HistoryKey key = {number_of(&plan->handle, record), 0};
    uint64_t at = record->ordinal;
    uint8_t provenance = PROVENANCE_LIVE;
    Text *name;
    switch (plan->role) {
    case KEY_KCB_OPEN:
        if (key.a != 0)
            learn_open(keys, key, at, name_text(record, schema, plan->name), PROVENANCE_LIVE);
        break;
    case KEY_KCB_CLOSE:
        name = key.a != 0 ? name_text(record, schema, plan->name) : NULL;
        if (name)
            (void)history_close(keys->names, key, at, name, PROVENANCE_LIVE);
        else if (key.a != 0)
            (void)history_end(keys->names, key, at);
        break;
    case KEY_KCB_STATE:
        name = key.a != 0 ? name_text(record, schema, plan->name) : NULL;
        if (name)
            (void)history_state(keys->names, key, at, name, PROVENANCE_RUNDOWN);
        break;
    case KEY_MANIFEST_OPEN:
        learn_base(keys, plan, record, schema);
        key.a = number_of(&plan->result, record);
        if (key.a == 0 || (int32_t)(uint32_t)number_of(&plan->status, record) < 0)
            break;
        name = opened_name(keys, plan, record, schema, &provenance);
        learn_open(keys, key, at, name, provenance);
        break;
    case KEY_MANIFEST_CLOSE:
        if (key.a != 0) {
            bool full = name_of(record, schema, plan->name).absolute;
            name = full ? name_text(record, schema, plan->name) : NULL;
            if (name)
                (void)history_close(keys->names, key, at, name, PROVENANCE_LIVE);
            else
                (void)history_end(keys->names, key, at);
        }
        break;
    default:
        break;
    }
}

// --- showing ------------------------------------------------------------------------------------

// Does the path begin with it, up to a backslash or the end?
static bool begins(const char *path, size_t bytes, const char *prefix, size_t prefix_bytes) {
    return bytes >= prefix_bytes && fold_compare(path, prefix_bytes, prefix, prefix_bytes) == 0 &&
           (bytes == prefix_bytes || path[prefix_bytes] == '\\');
}

// Puts a shorter text in the place of the first `old` bytes of the path.
static void shorten(Buf *out, size_t start, size_t old, const char *text) {
    size_t n = strlen(text);
    uint8_t *path = out->data + start;
    memcpy(path, text, n);
    memmove(path + n, path + old, out->bytes - start - old);
    cut(out, out->bytes - (old - n));
}

static void show(Buf *out, size_t start, const uint8_t *sid, size_t sid_bytes) {
    static const char machine[] = "\\REGISTRY\\MACHINE", users[] = "\\REGISTRY\\USER";
    const char *path = (const char *)out->data + start;
    size_t bytes = out->bytes - start;
    if (begins(path, bytes, machine, sizeof machine - 1)) {
        shorten(out, start, sizeof machine - 1, "HKLM");
        return;
    }
    if (!begins(path, bytes, users, sizeof users - 1))
        return;
    // The limit lies below the capacity: the buffer never grows, so nothing is allocated.
    char scratch[MAX_SID_TEXT];
    Buf own = {(uint8_t *)scratch, 0, sizeof scratch, sizeof scratch - 1, false};
    size_t front = sizeof users; // with the backslash behind it
    if (sid && bytes > front && sid_length(sid, sid_bytes) != 0) {
        sid_text(&own, sid, sid_bytes);
        if (!own.failed && begins(path + front, bytes - front, scratch, own.bytes)) {
            shorten(out, start, front + own.bytes, "HKCU");
            return;
        }
        buf_text(&own, "_Classes");
        if (!own.failed && begins(path + front, bytes - front, scratch, own.bytes)) {
            shorten(out, start, front + own.bytes, "HKCU\\Software\\Classes");
            return;
        }
    }
    shorten(out, start, sizeof users - 1, "HKU");
}

bool keys_path(Keys *keys, const KeyPlan *plan, const EventRecord *record, const Schema *schema,
               const uint8_t *sid, size_t sid_bytes, Buf *out, uint8_t *ret_provenance) {
    size_t start = out->bytes;
    uint8_t provenance = PROVENANCE_NONE;
    if (!put_path(keys, plan, record, schema, out, &provenance) || !path_fits(out, start)) {
        cut(out, start);
        return false;
    }
    show(out, start, sid, sid_bytes);
    *ret_provenance = provenance;
    return true;
}
