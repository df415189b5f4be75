// The schema model: making, checking, sharing and naming. A schema is built by one thread; once
// schema_finish has returned 0 it is immutable and only its reference count changes.
//
// Offsets: a top-level field's offset counts from the start of the payload, a member's from the
// start of its structure (of each element, when the structure is an array).

#include "event/schema.h"

#include "util/mem.h"
#include "util/utf.h"

// The arena stops somewhat beyond the budget, so that schema_finish can tell "over budget" from
// "out of memory" for everything but absurd sizes.
#define ARENA_LIMIT (SCHEMA_MAX_BYTES + SCHEMA_MAX_BYTES / 2)

int schema_new(Schema **ret) {
    Schema *s = mem_zalloc(sizeof *s);
    if (!s)
        return -STATUS_NO_MEMORY;
    s->arena.limit = ARENA_LIMIT;
    s->refs = 1;
    s->provider_name = s->event_name = s->task_name = s->opcode_name = "";
    s->level_name = s->channel_name = s->keyword_names = s->message = "";
    *ret = s;
    return 0;
}

Schema *schema_ref(Schema *schema) {
    __atomic_fetch_add(&schema->refs, 1, __ATOMIC_RELAXED);
    return schema;
}

Schema *schema_unref(Schema *schema) {
    if (schema && __atomic_fetch_sub(&schema->refs, 1, __ATOMIC_ACQ_REL) == 1) {
        arena_deinit(&schema->arena);
        mem_free(schema);
    }
    return NULL;
}

size_t schema_bytes(const Schema *schema) {
    return sizeof *schema + schema->arena.bytes;
}

static bool type_known(uint16_t type) {
    return type <= IN_COUNTED_BINARY || (type >= IN_COUNTED_STRING && type <= IN_WBEM_SID);
}

static bool type_integer(uint16_t type) {
    return (type >= IN_I8 && type <= IN_U64) || type == IN_HEX32 || type == IN_HEX64 ||
           type == IN_POINTER || type == IN_SIZET || type == IN_BOOL32;
}

// Types whose extent `length` gives: characters of a string, bytes of a binary.
static bool type_has_length(uint16_t type) {
    return type == IN_UTF16 || type == IN_ANSI || type == IN_BINARY;
}

int64_t schema_type_bytes(const SchemaField *f, uint8_t pointer_size) {
    switch (f->in_type) {
    case IN_NULL:
        return 0;
    case IN_I8:
    case IN_U8:
    case IN_ANSI_CHAR:
        return 1;
    case IN_I16:
    case IN_U16:
    case IN_UTF16_CHAR:
        return 2;
    case IN_I32:
    case IN_U32:
    case IN_FLOAT:
    case IN_BOOL32:
    case IN_HEX32:
        return 4;
    case IN_I64:
    case IN_U64:
    case IN_DOUBLE:
    case IN_FILETIME:
    case IN_HEX64:
        return 8;
    case IN_GUID:
    case IN_SYSTEMTIME:
        return 16;
    case IN_POINTER:
    case IN_SIZET:
        return pointer_size;
    case IN_UTF16:
        return f->length_kind == EXTENT_FIXED ? 2 * (int64_t)f->length : -1;
    case IN_ANSI:
    case IN_BINARY:
        return f->length_kind == EXTENT_FIXED ? (int64_t)f->length : -1;
    default:
        return -1;
    }
}

static int bad(Err *err, const Schema *s, uint32_t i, const char *what) {
    const char *name = i < s->n_fields && s->fields[i].name ? s->fields[i].name : "";
    return err_set(err, STATUS_FORMAT, "schema field %u '%.80s': %s", i, name, what);
}

// The value that counts or measures field i must stand before it in the same scope and be one
// integer.
static bool refers_well(const SchemaField *fields, uint32_t i, uint32_t to) {
    return to < i && fields[to].parent == fields[i].parent && type_integer(fields[to].in_type) &&
           fields[to].count_kind == EXTENT_ONE;
}

static int check_field(const Schema *s, const SchemaField *fields, uint32_t i, Err *err) {
    const SchemaField *f = &fields[i];
    uint32_t scope_end = s->n_top;
    if (f->parent != UINT16_MAX)
        scope_end = (uint32_t)fields[f->parent].first_member + fields[f->parent].n_members;
    bool last = i + 1 == scope_end && f->parent == UINT16_MAX;
    if (!type_known(f->in_type))
        return bad(err, s, i, "its type is unknown");
    switch (f->count_kind) {
    case EXTENT_ONE:
    case EXTENT_FIXED:
    case EXTENT_PREFIX16:
        break;
    case EXTENT_FIELD:
        if (!refers_well(fields, i, f->count))
            return bad(err, s, i, "its count is not an integer in front of it");
        break;
    case EXTENT_REST:
        if (!last)
            return bad(err, s, i, "it takes the rest of the payload and is not the last field");
        break;
    default:
        return bad(err, s, i, "its kind of count is unknown");
    }
    if (f->length_kind != EXTENT_ONE && !type_has_length(f->in_type))
        return bad(err, s, i, "its type takes no length");
    switch (f->length_kind) {
    case EXTENT_ONE:
    case EXTENT_FIXED:
    case EXTENT_PREFIX16:
        break;
    case EXTENT_FIELD:
        if (!refers_well(fields, i, f->length))
            return bad(err, s, i, "its length is not an integer in front of it");
        break;
    case EXTENT_REST:
        if (!last || f->count_kind != EXTENT_ONE)
            return bad(err, s, i, "it takes the rest of the payload and is not the last field");
        break;
    default:
        return bad(err, s, i, "its kind of length is unknown");
    }
    if (f->map) {
        const SchemaMap *m = f->map;
        if (m->n_entries > 0 && !m->entries)
            return bad(err, s, i, "its map has no entries");
        for (uint32_t e = 0; e < m->n_entries; e++)
            if (!m->entries[e].text || (e > 0 && m->entries[e - 1].value >= m->entries[e].value))
                return bad(err, s, i, "its map is not in ascending order");
    }
    return 0;
}

// Sets parents; every field behind the top-level ones must belong to exactly one structure that
// stands in front of it, so the tree has no loops and its depth follows from one pass.
static int check_tree(const Schema *s, SchemaField *fields, Err *err) {
    uint8_t depth[SCHEMA_MAX_FIELDS];
    uint32_t claimed = s->n_top;
    for (uint32_t i = 0; i < s->n_fields; i++) {
        fields[i].parent = UINT16_MAX;
        depth[i] = 0;
    }
    for (uint32_t i = 0; i < s->n_fields; i++) {
        SchemaField *f = &fields[i];
        if (!f->name)
            f->name = "";
        if (i >= s->n_top && f->parent == UINT16_MAX)
            return bad(err, s, i, "it belongs to no structure");
        if (f->in_type != IN_STRUCT) {
            f->first_member = f->n_members = 0;
            continue;
        }
        uint32_t first = f->first_member, end = first + f->n_members;
        if (f->n_members == 0)
            continue;
        if (first <= i || first < s->n_top || end > s->n_fields)
            return bad(err, s, i, "its members lie outside of the schema or in front of it");
        if (depth[i] + 1 >= SCHEMA_MAX_DEPTH)
            return bad(err, s, i, "structures are nested too deeply");
        for (uint32_t m = first; m < end; m++) {
            if (fields[m].parent != UINT16_MAX)
                return bad(err, s, m, "it belongs to two structures");
            fields[m].parent = (uint16_t)i;
            depth[m] = (uint8_t)(depth[i] + 1);
        }
        claimed += f->n_members;
    }
    return claimed == s->n_fields ? 0 : bad(err, s, s->n_top, "some fields belong to no structure");
}

static void set_offsets(const Schema *s, SchemaField *fields, uint8_t pointer) {
    int64_t bytes[SCHEMA_MAX_FIELDS] = {0}; // of the whole field, -1 = varies
    for (uint32_t i = s->n_fields; i-- > 0;) {
        const SchemaField *f = &fields[i];
        int64_t one = schema_type_bytes(f, pointer);
        if (f->in_type == IN_STRUCT) {
            one = 0;
            for (uint32_t m = f->first_member;
                 one >= 0 && m < (uint32_t)f->first_member + f->n_members; m++)
                one = bytes[m] < 0 ? -1 : one + bytes[m];
        }
        if (one > INT32_MAX)
            one = -1;
        if (one >= 0 && f->count_kind == EXTENT_FIXED)
            one *= f->count;
        else if (f->count_kind != EXTENT_ONE)
            one = -1;
        if (one >= 0 && (f->flags & FIELD_PAD3))
            one += 3;
        bytes[i] = one > INT32_MAX ? -1 : one;
    }
    // Members of one scope are contiguous, so each scope is a run of fields with the same parent.
    int64_t at = 0;
    for (uint32_t i = 0; i < s->n_fields; i++) {
        bool starts = i == 0 || i == s->n_top || fields[i].parent != fields[i - 1].parent;
        if (starts)
            at = 0;
        int32_t offset = at < 0 || at > INT32_MAX ? -1 : (int32_t)at;
        if (pointer == 4)
            fields[i].offset32 = offset;
        else
            fields[i].offset64 = offset;
        at = at < 0 || bytes[i] < 0 ? -1 : at + bytes[i];
    }
}

int schema_finish(Schema *schema, Err *err) {
    if (schema->n_fields > SCHEMA_MAX_FIELDS)
        return err_set(err, STATUS_FORMAT, "a schema with %u fields; at most %u are taken",
                       schema->n_fields, SCHEMA_MAX_FIELDS);
    if (schema->n_top > schema->n_fields || (schema->n_fields > 0 && !schema->fields))
        return err_set(err, STATUS_FORMAT, "a schema with %u top-level fields of %u", schema->n_top,
                       schema->n_fields);
    if (schema_bytes(schema) > SCHEMA_MAX_BYTES)
        return err_set(err, STATUS_FORMAT, "a schema of %zu bytes; at most %u are taken",
                       schema_bytes(schema), SCHEMA_MAX_BYTES);
    if (!schema->provider_name || !schema->event_name || !schema->task_name ||
        !schema->opcode_name || !schema->level_name || !schema->channel_name ||
        !schema->keyword_names || !schema->message)
        return err_set(err, STATUS_FORMAT, "a schema with a name that is missing");
    SchemaField *fields = (SchemaField *)(uintptr_t)schema->fields; // still ours until we return
    int r = check_tree(schema, fields, err);
    for (uint32_t i = 0; r == 0 && i < schema->n_fields; i++)
        r = check_field(schema, fields, i, err);
    if (r < 0)
        return r;
    set_offsets(schema, fields, 4);
    set_offsets(schema, fields, 8);
    return 0;
}

int schema_field_index(const Schema *schema, const char *name) {
    for (uint32_t i = 0; i < schema->n_top; i++)
        if (fold_equal(schema->fields[i].name, name))
            return (int)i;
    return -1;
}

const char *schema_source_name(uint8_t source) {
    static const char *const names[] = {"none",   "event-info", "tracelogging",
                                        "kernel", "manifest",   "string"};
    return source < ARRAY_COUNT(names) ? names[source] : "";
}

const char *undecodable_text(uint8_t undecodable) {
    static const char *const texts[] = {
        "",
        "no manifest, metadata or class describes it",
        "a WPP message needs its provider's TMF or PDB file",
        "its description is malformed or over budget",
        "the type table is full",
    };
    return undecodable < ARRAY_COUNT(texts) ? texts[undecodable] : "";
}

const char *level_default_name(uint8_t level) {
    static const char *const names[] = {"LogAlways", "Critical",    "Error",
                                        "Warning",   "Information", "Verbose"};
    return level < ARRAY_COUNT(names) ? names[level] : "";
}

const char *opcode_default_name(uint8_t opcode) {
    static const char *const names[] = {"Info",      "Start", "Stop",   "DCStart", "DCStop",
                                        "Extension", "Reply", "Resume", "Suspend", "Send"};
    if (opcode == 240)
        return "Receive";
    return opcode < ARRAY_COUNT(names) ? names[opcode] : "";
}
