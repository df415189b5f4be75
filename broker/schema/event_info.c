#include "schema/event_info.h"

#include "util/mem.h"
#include "util/utf.h"

// Offsets of TRACE_EVENT_INFO (etl-format F).
enum {
    AT_EVENT_GUID = 0x10,
    AT_DESCRIPTOR = 0x20,
    AT_DECODING_SOURCE = 0x30,
    AT_PROVIDER_NAME = 0x34,
    AT_LEVEL_NAME = 0x38,
    AT_CHANNEL_NAME = 0x3c,
    AT_KEYWORDS = 0x40,
    AT_TASK_NAME = 0x44,
    AT_OPCODE_NAME = 0x48,
    AT_MESSAGE = 0x4c,
    AT_EVENT_NAME = 0x5c,
    AT_N_PROPERTIES = 0x64,
    AT_N_TOP = 0x68,
};

// EVENT_PROPERTY_INFO.Flags.
enum {
    PROPERTY_STRUCT = 1,
    PROPERTY_PARAM_LENGTH = 2,
    PROPERTY_PARAM_COUNT = 4,
    PROPERTY_FIXED_COUNT = 0x20,
    PROPERTY_CUSTOM_SCHEMA = 0x80,
};

// Flags of EVENT_MAP_INFO.
enum {
    MAP_VALUES = 1,
    MAP_BITS = 2,
    MAP_PATTERN = 4,
    MAP_WBEM_VALUES = 8,
    MAP_WBEM_BITS = 0x10,
    MAP_WBEM_FLAG = 0x20,
    MAP_WBEM_NONE = 0x40,
};

typedef struct Blob {
    const uint8_t *data;
    size_t bytes;
} Blob;

// A NUL-terminated UTF-16 string at `offset`; one that runs to the end of the blob is accepted.
static bool blob_string(const Blob *blob, uint32_t offset, const uint8_t **ret, size_t *ret_n) {
    if (offset >= blob->bytes)
        return false;
    *ret = blob->data + offset;
    *ret_n = utf16_length(*ret, (blob->bytes - offset) / 2);
    return true;
}

// The string whose offset stands at `at`; offset 0 means that there is none.
static int blob_text(SchemaBuilder *b, const Blob *blob, uint32_t at, const char **ret) {
    uint32_t offset = load_u32(blob->data + at);
    const uint8_t *units;
    size_t n;
    if (offset == 0)
        return 0;
    if (!blob_string(blob, offset, &units, &n))
        return BUILDER_BAD;
    return builder_utf16(b, units, n, ret);
}

bool event_info_key(const void *blob_untrusted, size_t bytes, EventInfoKey *ret) {
    const uint8_t *p = blob_untrusted;
    if (bytes < EVENT_INFO_HEAD)
        return false;
    uint32_t n = load_u32(p + AT_N_PROPERTIES), top = load_u32(p + AT_N_TOP);
    if (n > (bytes - EVENT_INFO_HEAD) / EVENT_INFO_PROPERTY || top > n)
        return false;
    uint32_t source = load_u32(p + AT_DECODING_SOURCE);
    if (source > DECODING_TRACELOGGING)
        return false;
    const uint8_t *d = p + AT_DESCRIPTOR;
    EventInfoKey key = {.source = (uint8_t)source};
    key.desc =
        (EventDescriptor){load_u16(d), d[2], d[3], d[4], d[5], load_u16(d + 6), load_u64(d + 8)};
    memcpy(key.provider.b, p, sizeof key.provider.b);
    Guid event;
    memcpy(event.b, p + AT_EVENT_GUID, sizeof event.b);
    if (source == DECODING_WBEM && !guid_is_null(&event))
        key.provider = event;
    *ret = key;
    return true;
}

size_t event_info_provider_name(const void *blob_untrusted, size_t bytes,
                                const uint8_t **ret_units) {
    Blob blob = {blob_untrusted, bytes};
    size_t n = 0;
    if (bytes < EVENT_INFO_HEAD)
        return 0;
    uint32_t offset = load_u32(blob.data + AT_PROVIDER_NAME);
    return offset != 0 && blob_string(&blob, offset, ret_units, &n) ? n : 0;
}

// Keywords are strings one behind the other, ended by an empty one: joined with ", ".
static int keywords(SchemaBuilder *b, const Blob *blob, const char **ret) {
    uint32_t at = load_u32(blob->data + AT_KEYWORDS);
    if (at == 0)
        return 0;
    if (at >= blob->bytes)
        return BUILDER_BAD;
    Buf text = BUF_INIT;
    text.limit = SCHEMA_MAX_BYTES;
    while (at < blob->bytes && !text.failed) {
        const uint8_t *units = blob->data + at;
        size_t n = utf16_length(units, (blob->bytes - at) / 2), keep = n;
        if (n == 0)
            break;
        while (keep > 0 && load_u16(units + 2 * (keep - 1)) == ' ')
            keep--;
        if (keep > 0) {
            if (text.bytes > 0)
                buf_text(&text, ", ");
            utf16_to_utf8(&text, units, keep);
        }
        at += (uint32_t)(2 * (n + 1));
    }
    int r = text.failed ? -STATUS_NO_MEMORY : 0;
    if (r == 0 && text.bytes > 0)
        r = builder_text(b, (const char *)text.data, text.bytes, ret);
    buf_deinit(&text);
    return r;
}

typedef struct Compile {
    SchemaBuilder b;
    Blob blob;
    Guid provider;
    uint32_t n_properties, n_visited;
    const MapFinder *maps;
} Compile;

// `p` refers to a property of the scope [first, …) whose nodes begin at first_node.
static bool scope_node(uint32_t p, uint32_t first, uint32_t i, int32_t first_node, uint16_t *ret) {
    if (p < first || p >= i)
        return false;
    *ret = (uint16_t)((uint32_t)first_node + (p - first));
    return true;
}

static bool type_measured(uint16_t type) {
    return type == IN_UTF16 || type == IN_ANSI || type == IN_BINARY;
}

static int value_field(Compile *c, const uint8_t *p, SchemaField *f) {
    uint32_t flags = load_u32(p), map_at = load_u32(p + 12);
    f->in_type = load_u16(p + 8);
    f->out_type = load_u16(p + 10);
    if (f->in_type == IN_STRUCT)
        return BUILDER_BAD;
    if (map_at == 0 || (flags & PROPERTY_CUSTOM_SCHEMA) || !c->maps)
        return 0;
    const uint8_t *name;
    size_t n, bytes;
    if (!blob_string(&c->blob, map_at, &name, &n))
        return BUILDER_BAD;
    const void *map = c->maps->find(c->maps->user, &c->provider, name, n, &bytes);
    if (!map)
        return 0;
    int r = map_info_compile(&c->b, map, bytes, &f->map);
    return r == BUILDER_BAD ? 0 : r; // an unusable map leaves the number
}

// Counts and lengths: a number, or the property that holds it (same scope, in front).
static bool extents(const uint8_t *p, uint32_t first, uint32_t i, int32_t first_node,
                    SchemaField *f) {
    uint32_t flags = load_u32(p);
    uint16_t count = load_u16(p + 16), length = load_u16(p + 18);
    if (flags & PROPERTY_PARAM_COUNT) {
        f->count_kind = EXTENT_FIELD;
        if (!scope_node(count, first, i, first_node, &f->count))
            return false;
    } else if ((flags & PROPERTY_FIXED_COUNT) || count > 1) {
        f->count_kind = EXTENT_FIXED;
        f->count = count;
    }
    if (!type_measured(f->in_type))
        return true;
    if (flags & PROPERTY_PARAM_LENGTH) {
        f->length_kind = EXTENT_FIELD;
        return scope_node(length, first, i, first_node, &f->length);
    }
    if (f->in_type == IN_BINARY && length == 0 && f->out_type == OUT_IPV6)
        length = 16;
    if (length > 0) {
        f->length_kind = EXTENT_FIXED;
        f->length = length;
    }
    return true;
}

// The properties [first, end) become the children of node `parent`. Each visit is paid from a
// budget of PropertyCount, members stand behind their structure, and the depth is bounded.
static int scope(Compile *c, uint32_t first, uint32_t end, int32_t parent, uint32_t depth) {
    const uint8_t *table = c->blob.data + EVENT_INFO_HEAD;
    if (end - first > c->n_properties - c->n_visited || depth >= SCHEMA_MAX_DEPTH)
        return BUILDER_BAD;
    c->n_visited += end - first;
    int32_t first_node = (int32_t)c->b.n_nodes;
    for (uint32_t i = first; i < end; i++) {
        const uint8_t *p = table + (size_t)i * EVENT_INFO_PROPERTY, *name;
        SchemaField *f;
        size_t n;
        int r = builder_add(&c->b, parent, &f, NULL);
        if (r != 0)
            return r;
        uint32_t name_at = load_u32(p + 4);
        if (name_at != 0) {
            if (!blob_string(&c->blob, name_at, &name, &n))
                return BUILDER_BAD;
            r = builder_utf16(&c->b, name, n, &f->name);
            if (r != 0)
                return r;
        }
        if (load_u32(p) & PROPERTY_STRUCT)
            f->in_type = IN_STRUCT;
        else if ((r = value_field(c, p, f)) != 0)
            return r;
        if (!extents(p, first, i, first_node, f))
            return BUILDER_BAD;
    }
    for (uint32_t i = first; i < end; i++) {
        const uint8_t *p = table + (size_t)i * EVENT_INFO_PROPERTY;
        if (!(load_u32(p) & PROPERTY_STRUCT))
            continue;
        uint32_t from = load_u16(p + 8), n = load_u16(p + 10);
        if (from <= i || from + n > c->n_properties)
            return BUILDER_BAD;
        int r = scope(c, from, from + n, first_node + (int32_t)(i - first), depth + 1);
        if (r != 0)
            return r;
    }
    return 0;
}

static int names(Compile *c, const EventInfoKey *key) {
    Schema *s = c->b.schema;
    const struct {
        uint32_t at;
        const char **to;
    } texts[] = {
        {AT_PROVIDER_NAME, &s->provider_name}, {AT_LEVEL_NAME, &s->level_name},
        {AT_CHANNEL_NAME, &s->channel_name},   {AT_TASK_NAME, &s->task_name},
        {AT_OPCODE_NAME, &s->opcode_name},     {AT_MESSAGE, &s->message},
    };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        int r = blob_text(&c->b, &c->blob, texts[i].at, texts[i].to);
        if (r != 0)
            return r;
    }
    int r = keywords(&c->b, &c->blob, &s->keyword_names);
    if (r != 0)
        return r;
    // The field at 0x5c is the event's name only for XML and TraceLogging; for WBEM it names the
    // activity id. Offsets beyond the blob mean that an older TDH left it unset.
    if (key->source == DECODING_XML || key->source == DECODING_TRACELOGGING) {
        const uint8_t *units;
        size_t n;
        uint32_t at = load_u32(c->blob.data + AT_EVENT_NAME);
        if (at >= EVENT_INFO_HEAD && blob_string(&c->blob, at, &units, &n) &&
            key->source == DECODING_TRACELOGGING) {
            r = builder_utf16(&c->b, units, n, &s->event_name);
            if (r != 0)
                return r;
        }
    }
    return builder_defaults(&c->b);
}

int event_info_compile(const void *blob_untrusted, size_t bytes, const EventRecord *record,
                       const MapFinder *maps, Schema **ret) {
    EventInfoKey key;
    if (!event_info_key(blob_untrusted, bytes, &key))
        return BUILDER_BAD;
    Compile c = {.blob = {blob_untrusted, bytes}, .maps = maps};
    int r = builder_init(&c.b);
    if (r < 0)
        return r;
    memcpy(c.provider.b, c.blob.data, sizeof c.provider.b);
    Schema *s = c.b.schema;
    s->provider = record ? record->provider : key.provider;
    s->desc = record ? record->desc : key.desc;
    s->source = SCHEMA_EVENT_INFO;
    if (key.source == DECODING_WBEM)
        s->event_flags = EVENT_CLASSIC;
    else if (key.source == DECODING_TRACELOGGING)
        s->event_flags = EVENT_TRACELOGGING;
    c.n_properties = load_u32(c.blob.data + AT_N_PROPERTIES);
    r = names(&c, &key);
    if (r == 0)
        r = scope(&c, 0, load_u32(c.blob.data + AT_N_TOP), BUILDER_TOP, 0);
    if (r == 0)
        r = builder_finish(&c.b, ret);
    builder_deinit(&c.b);
    return r;
}

bool map_info_name(const void *blob_untrusted, size_t bytes, const uint8_t **ret_units,
                   size_t *ret_n_units) {
    Blob blob = {blob_untrusted, bytes};
    if (bytes < MAP_INFO_HEAD)
        return false;
    uint32_t n = load_u32(blob.data + 8);
    if (n > (bytes - MAP_INFO_HEAD) / 8)
        return false;
    return blob_string(&blob, load_u32(blob.data), ret_units, ret_n_units) && *ret_n_units > 0;
}

int map_info_compile(SchemaBuilder *b, const void *blob_untrusted, size_t bytes,
                     const SchemaMap **ret) {
    Blob blob = {blob_untrusted, bytes};
    const uint8_t *units;
    size_t n_units;
    if (!map_info_name(blob_untrusted, bytes, &units, &n_units))
        return BUILDER_BAD;
    uint32_t flag = load_u32(blob.data + 4), n = load_u32(blob.data + 8);
    // Pattern maps rewrite text, and a value type other than ULONG (0) has no numbers to compare.
    if ((flag & MAP_PATTERN) || load_u32(blob.data + 12) != 0 || n > SCHEMA_MAX_BYTES / 8)
        return BUILDER_BAD;
    bool wbem_bits = (flag & (MAP_WBEM_BITS | MAP_WBEM_FLAG)) != 0;
    const char *name;
    int r = builder_utf16(b, units, n_units, &name);
    if (r != 0)
        return r;
    SchemaMapEntry *entries = mem_array(MAX_OF(n, 1u), sizeof *entries);
    if (!entries)
        return -STATUS_NO_MEMORY;
    for (uint32_t i = 0; r == 0 && i < n; i++) {
        const uint8_t *e = blob.data + MAP_INFO_HEAD + (size_t)i * 8;
        entries[i].value = load_u32(e + 4);
        // BitMap qualifiers of MOF hold bit numbers, not masks.
        if ((flag & MAP_WBEM_BITS) && entries[i].value < 32)
            entries[i].value = UINT32_C(1) << entries[i].value;
        r = blob_string(&blob, load_u32(e), &units, &n_units)
                ? builder_utf16(b, units, n_units, &entries[i].text)
                : BUILDER_BAD;
    }
    if (r == 0)
        r = builder_map(b, name, (flag & MAP_BITS) || wbem_bits, entries, n, ret);
    mem_free(entries);
    return r;
}
