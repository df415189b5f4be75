#include "schema/manifest.h"

#include <stdlib.h>

#include "util/mem.h"
#include "util/utf.h"

typedef struct TypeName {
    const char *name; // without its prefix (win:, xs:)
    uint16_t type;
} TypeName;

static const TypeName in_types[] = {
    {"UnicodeString", IN_UTF16},
    {"AnsiString", IN_ANSI},
    {"Int8", IN_I8},
    {"UInt8", IN_U8},
    {"Int16", IN_I16},
    {"UInt16", IN_U16},
    {"Int32", IN_I32},
    {"UInt32", IN_U32},
    {"Int64", IN_I64},
    {"UInt64", IN_U64},
    {"Float", IN_FLOAT},
    {"Double", IN_DOUBLE},
    {"Boolean", IN_BOOL32},
    {"Binary", IN_BINARY},
    {"GUID", IN_GUID},
    {"Pointer", IN_POINTER},
    {"FILETIME", IN_FILETIME},
    {"SYSTEMTIME", IN_SYSTEMTIME},
    {"SID", IN_SID},
    {"HexInt32", IN_HEX32},
    {"HexInt64", IN_HEX64},
    {"CountedUnicodeString", IN_COUNTED_UTF16},
    {"CountedAnsiString", IN_COUNTED_ANSI},
    {"CountedBinary", IN_COUNTED_BINARY},
};

static const TypeName out_types[] = {
    {"string", OUT_STRING},
    {"dateTime", OUT_DATETIME},
    {"byte", OUT_BYTE},
    {"unsignedByte", OUT_UBYTE},
    {"short", OUT_SHORT},
    {"unsignedShort", OUT_USHORT},
    {"int", OUT_INT},
    {"unsignedInt", OUT_UINT},
    {"long", OUT_LONG},
    {"unsignedLong", OUT_ULONG},
    {"float", OUT_FLOAT},
    {"double", OUT_DOUBLE},
    {"boolean", OUT_BOOL},
    {"GUID", OUT_GUID},
    {"hexBinary", OUT_HEXBINARY},
    {"HexInt8", OUT_HEX8},
    {"HexInt16", OUT_HEX16},
    {"HexInt32", OUT_HEX32},
    {"HexInt64", OUT_HEX64},
    {"PID", OUT_PID},
    {"TID", OUT_TID},
    {"Port", OUT_PORT},
    {"IPv4", OUT_IPV4},
    {"IPv6", OUT_IPV6},
    {"SocketAddress", OUT_SOCKADDR},
    {"CIMDateTime", OUT_CIM_DATETIME},
    {"ETWTIME", OUT_ETW_TIME},
    {"Xml", OUT_XML},
    {"ErrorCode", OUT_ERROR_CODE},
    {"Win32Error", OUT_WIN32_ERROR},
    {"NTSTATUS", OUT_NTSTATUS},
    {"HResult", OUT_HRESULT},
    {"DateTimeCultureInsensitive", OUT_DATETIME_INVARIANT},
    {"Json", OUT_JSON},
    {"Utf8", OUT_UTF8},
    {"Pkcs7WithTypeInfo", OUT_PKCS7},
    {"CodePointer", OUT_CODE_POINTER},
    {"DateTimeUtc", OUT_DATETIME_UTC},
};

static const TypeName *type_find(const TypeName *table, size_t n, const char *text) {
    const char *colon = strchr(text, ':');
    const char *name = colon ? colon + 1 : text;
    for (size_t i = 0; i < n; i++)
        if (fold_equal(table[i].name, name))
            return &table[i];
    return NULL;
}

uint16_t manifest_in_type(const char *text, bool *ret_known) {
    const TypeName *t = type_find(in_types, ARRAY_COUNT(in_types), text);
    *ret_known = t != NULL;
    return t ? t->type : IN_NULL;
}

uint16_t manifest_out_type(const char *text) {
    const TypeName *t = type_find(out_types, ARRAY_COUNT(out_types), text);
    return t ? t->type : OUT_DEFAULT;
}

Manifest *manifest_free(Manifest *manifest) {
    if (manifest) {
        arena_deinit(&manifest->arena);
        mem_free(manifest);
    }
    return NULL;
}

size_t manifest_bytes(const Manifest *manifest) {
    return sizeof *manifest + manifest->arena.bytes;
}

const ManifestEvent *manifest_event(const Manifest *manifest, uint16_t id, uint8_t version) {
    uint32_t low = 0, high = manifest->n_events;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (manifest->events[mid].desc.id < id)
            low = mid + 1;
        else
            high = mid;
    }
    const ManifestEvent *last = NULL;
    for (; low < manifest->n_events && manifest->events[low].desc.id == id; low++) {
        last = &manifest->events[low];
        if (last->desc.version == version)
            return last;
    }
    return manifest->event_source ? last : NULL;
}

static const ManifestName *name_of(const Manifest *m, ManifestNameKind kind, uint64_t value,
                                   uint16_t task) {
    const ManifestName *general = NULL;
    for (uint32_t i = 0; i < m->n_names[kind]; i++) {
        const ManifestName *n = &m->names[kind][i];
        if (n->value != value)
            continue;
        if (n->task == (int32_t)task)
            return n;
        if (n->task < 0 && !general)
            general = n;
    }
    return general;
}

static int keyword_names(SchemaBuilder *b, const Manifest *m, uint64_t mask) {
    Buf text = BUF_INIT;
    for (uint32_t i = 0; i < m->n_names[MANIFEST_KEYWORD]; i++) {
        const ManifestName *n = &m->names[MANIFEST_KEYWORD][i];
        if (n->value == 0 || (n->value & mask) != n->value)
            continue;
        if (text.bytes > 0)
            buf_text(&text, ", ");
        buf_text(&text, n->name);
        if (text.bytes > SCHEMA_MAX_BYTES / 4)
            break;
    }
    int r = text.failed ? -STATUS_NO_MEMORY : 0;
    if (r == 0 && text.bytes > 0)
        r = builder_text(b, (const char *)text.data, text.bytes, &b->schema->keyword_names);
    buf_deinit(&text);
    return r;
}

static bool number(const char *text, uint16_t *ret) {
    char *end;
    unsigned long v = strtoul(text, &end, 0);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || v > UINT16_MAX)
        return false;
    *ret = (uint16_t)v;
    return true;
}

// A number, or a field in front of node i in the same scope (the last one of that name).
static bool extent(const SchemaBuilder *b, int32_t i, const char *text, uint8_t *ret_kind,
                   uint16_t *ret) {
    if (text[0] == '\0')
        return true;
    if (number(text, ret)) {
        *ret_kind = EXTENT_FIXED;
        return true;
    }
    for (int32_t k = i; k-- > 0;)
        if (b->nodes[k].parent == b->nodes[i].parent && fold_equal(b->nodes[k].field.name, text)) {
            *ret_kind = EXTENT_FIELD;
            *ret = (uint16_t)k;
            return true;
        }
    return false;
}

static int field_map(SchemaBuilder *b, const Manifest *m, const char *name, const SchemaMap **ret) {
    for (uint32_t i = 0; i < m->n_maps; i++) {
        const ManifestMap *map = &m->maps[i];
        if (strcmp(map->name, name) != 0)
            continue;
        const char *copy;
        int r = builder_text(b, name, strlen(name), &copy);
        SchemaMapEntry *entries = NULL;
        if (r == 0 && map->n_entries > SCHEMA_MAX_BYTES / sizeof *entries)
            r = BUILDER_BAD;
        if (r == 0 && !(entries = mem_array(MAX_OF(map->n_entries, 1u), sizeof *entries)))
            r = -STATUS_NO_MEMORY;
        for (uint32_t e = 0; r == 0 && e < map->n_entries; e++) {
            entries[e].value = map->entries[e].value;
            const char *text = map->entries[e].text;
            r = builder_text(b, text, strlen(text), &entries[e].text);
        }
        if (r == 0)
            r = builder_map(b, copy, map->bitmap, entries, map->n_entries, ret);
        mem_free(entries);
        return r;
    }
    return 0; // a map that is not there leaves the number
}

static int add_field(SchemaBuilder *b, const Manifest *m, const ManifestField *from, int32_t parent,
                     int32_t *ret_node) {
    SchemaField *f;
    int32_t i;
    int r = builder_add(b, parent, &f, &i);
    if (r == 0)
        r = builder_text(b, from->name, strlen(from->name), &f->name);
    if (r != 0)
        return r;
    *ret_node = i;
    if (from->is_struct) {
        f->in_type = IN_STRUCT;
        return extent(b, i, from->count, &f->count_kind, &f->count) ? 0 : BUILDER_BAD;
    }
    bool known;
    f->in_type = manifest_in_type(from->in_type, &known);
    f->out_type = manifest_out_type(from->out_type);
    if (!known || !extent(b, i, from->count, &f->count_kind, &f->count))
        return BUILDER_BAD;
    if (f->in_type == IN_UTF16 || f->in_type == IN_ANSI || f->in_type == IN_BINARY) {
        if (!extent(b, i, from->length, &f->length_kind, &f->length))
            return BUILDER_BAD;
        if (f->length_kind == EXTENT_FIXED && f->length == 0)
            f->length_kind = EXTENT_ONE; // "0": by the NUL
        if (f->in_type == IN_BINARY && f->length_kind == EXTENT_ONE && f->out_type == OUT_IPV6) {
            f->length_kind = EXTENT_FIXED;
            f->length = 16;
        }
    }
    return from->map[0] ? field_map(b, m, from->map, &f->map) : 0;
}

static int add_fields(SchemaBuilder *b, const Manifest *m, const ManifestTemplate *t) {
    uint32_t i = 0;
    while (i < t->n_fields) {
        int32_t node, member;
        const ManifestField *f = &t->fields[i++];
        int r = add_field(b, m, f, BUILDER_TOP, &node);
        // A template's structures hold plain fields only.
        for (uint32_t k = 0; r == 0 && k < f->n_members && i < t->n_fields; k++)
            r = add_field(b, m, &t->fields[i++], node, &member);
        if (r != 0)
            return r;
    }
    return 0;
}

static int text_of(SchemaBuilder *b, const ManifestName *n, const char **ret) {
    return n ? builder_text(b, n->name, strlen(n->name), ret) : 0;
}

static int compile(SchemaBuilder *b, const Manifest *m, const ManifestEvent *e) {
    Schema *s = b->schema;
    int r = builder_text(b, m->name, strlen(m->name), &s->provider_name);
    if (r == 0)
        r = text_of(b, name_of(m, MANIFEST_TASK, e->desc.task, 0), &s->task_name);
    if (r == 0)
        r = text_of(b, name_of(m, MANIFEST_OPCODE, s->desc.opcode, e->desc.task), &s->opcode_name);
    if (r == 0)
        r = text_of(b, name_of(m, MANIFEST_LEVEL, s->desc.level, 0), &s->level_name);
    if (r == 0)
        r = text_of(b, name_of(m, MANIFEST_CHANNEL, s->desc.channel, 0), &s->channel_name);
    if (r == 0)
        r = keyword_names(b, m, e->desc.keyword);
    if (r == 0)
        r = builder_text(b, e->message, strlen(e->message), &s->message);
    // An EventSource's event without a task of its own is named by its symbol.
    if (r == 0 && m->event_source && s->task_name[0] == '\0' && e->symbol[0] != '\0')
        r = builder_text(b, e->symbol, strlen(e->symbol), &s->event_name);
    if (r == 0)
        r = builder_defaults(b);
    if (r == 0 && e->fields)
        r = add_fields(b, m, e->fields);
    return r;
}

int manifest_compile(const Manifest *manifest, const ManifestEvent *event,
                     const EventRecord *record, Schema **ret) {
    if (!event)
        return MANIFEST_NONE;
    SchemaBuilder b;
    int r = builder_init(&b);
    if (r < 0)
        return r;
    b.schema->provider = manifest->provider;
    b.schema->desc = record ? record->desc : event->desc;
    b.schema->source = SCHEMA_MANIFEST;
    if (manifest->event_source)
        b.schema->flags |= SCHEMA_EVENTSOURCE;
    r = compile(&b, manifest, event);
    if (r == 0)
        r = builder_finish(&b, ret);
    builder_deinit(&b);
    return r;
}
