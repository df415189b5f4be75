#include "schema/tracelogging.h"

#include "util/utf.h"

// In-type byte: 5 bits of type and three flags.
enum {
    TL_TYPE = 0x1f,
    TL_CONST_COUNT = 0x20,
    TL_VARIABLE_COUNT = 0x40,
    TL_CUSTOM = 0x60,
    TL_CHAIN = 0x80,
    TL_STRUCT = 24,
    TL_BINARY = 14,
};

// Out-types of TraceLogging, where they differ from TDH's.
enum {
    TL_OUT_NO_PRINT = 1,
    TL_OUT_STRING = 2,
    TL_OUT_BOOL = 3,
    TL_OUT_HEX = 4,
    TL_OUT_PID = 5,
    TL_OUT_TID = 6,
    TL_OUT_PORT = 7,
    TL_OUT_IPV4 = 8,
    TL_OUT_IPV6 = 9,
    TL_OUT_SOCKADDR = 10,
    TL_OUT_XML = 11,
    TL_OUT_JSON = 12,
    TL_OUT_WIN32 = 13,
    TL_OUT_NTSTATUS = 14,
    TL_OUT_HRESULT = 15,
    TL_OUT_FILETIME = 16,
    TL_OUT_SIGNED = 17,
    TL_OUT_UNSIGNED = 18,
    TL_OUT_UTF8 = 35,
};

typedef struct Cursor {
    const uint8_t *p, *end;
} Cursor;

static bool take_u8(Cursor *c, uint8_t *ret) {
    if (c->p == c->end)
        return false;
    *ret = *c->p++;
    return true;
}

static bool take_u16(Cursor *c, uint16_t *ret) {
    if (c->end - c->p < 2)
        return false;
    *ret = load_u16(c->p);
    c->p += 2;
    return true;
}

static bool take_name(Cursor *c, const char **ret, size_t *ret_bytes) {
    const uint8_t *nul = memchr(c->p, 0, (size_t)(c->end - c->p));
    if (!nul)
        return false;
    *ret = (const char *)c->p;
    *ret_bytes = (size_t)(nul - c->p);
    c->p = nul + 1;
    return true;
}

// Tags: up to four bytes of 7 bits, the high bit says that another one follows.
static bool skip_tags(Cursor *c) {
    uint8_t b = 0;
    for (int i = 0; i < 4; i++) {
        if (!take_u8(c, &b))
            return false;
        if (!(b & 0x80))
            return true;
    }
    return false;
}

bool tracelogging_metadata(const EventItem *item, const uint8_t **ret, size_t *ret_bytes) {
    if (item->bytes < 2)
        return false;
    size_t bytes = load_u16(item->data);
    if (bytes < 4 || bytes > item->bytes)
        return false;
    *ret = item->data;
    *ret_bytes = bytes;
    return true;
}

// The traits behind the name; NULL when the item is missing or its size is wrong.
static bool traits(const EventRecord *record, Cursor *ret) {
    EventItem item;
    if (!event_item_find(record, EVENT_ITEM_TRAITS, &item) || item.bytes < 3)
        return false;
    size_t bytes = load_u16(item.data);
    if (bytes < 3 || bytes > item.bytes)
        return false;
    *ret = (Cursor){item.data + 2, item.data + bytes};
    return true;
}

size_t tracelogging_provider_name(const EventRecord *record, const char **ret) {
    Cursor c;
    size_t n;
    return traits(record, &c) && take_name(&c, ret, &n) ? n : 0;
}

bool tracelogging_group(const EventRecord *record, Guid *ret) {
    Cursor c;
    const char *name;
    size_t n;
    if (!traits(record, &c) || !take_name(&c, &name, &n))
        return false;
    while (c.end - c.p >= 3) {
        size_t chunk = load_u16(c.p);
        if (chunk < 3 || chunk > (size_t)(c.end - c.p))
            return false;
        if (c.p[2] == 1 && chunk == 3 + sizeof ret->b) {
            memcpy(ret->b, c.p + 3, sizeof ret->b);
            return true;
        }
        c.p += chunk;
    }
    return false;
}

static uint16_t hex_of(uint16_t in) {
    switch (in) {
    case IN_I8:
    case IN_U8:
        return OUT_HEX8;
    case IN_I16:
    case IN_U16:
        return OUT_HEX16;
    case IN_I32:
    case IN_U32:
    case IN_HEX32:
    case IN_BOOL32:
        return OUT_HEX32;
    case IN_BINARY:
    case IN_COUNTED_BINARY:
        return OUT_HEXBINARY;
    default:
        return OUT_HEX64;
    }
}

static uint16_t integer_of(uint16_t in, bool is_signed) {
    switch (in) {
    case IN_I8:
    case IN_U8:
        return is_signed ? OUT_BYTE : OUT_UBYTE;
    case IN_I16:
    case IN_U16:
        return is_signed ? OUT_SHORT : OUT_USHORT;
    case IN_I32:
    case IN_U32:
    case IN_HEX32:
        return is_signed ? OUT_INT : OUT_UINT;
    default:
        return is_signed ? OUT_LONG : OUT_ULONG;
    }
}

static uint16_t out_type(uint16_t in, uint8_t out) {
    switch (out) {
    case TL_OUT_NO_PRINT:
        return OUT_NO_PRINT;
    case TL_OUT_STRING:
        return OUT_STRING;
    case TL_OUT_BOOL:
        return OUT_BOOL;
    case TL_OUT_HEX:
        return hex_of(in);
    case TL_OUT_PID:
        return OUT_PID;
    case TL_OUT_TID:
        return OUT_TID;
    case TL_OUT_PORT:
        return OUT_PORT;
    case TL_OUT_IPV4:
        return OUT_IPV4;
    case TL_OUT_IPV6:
        return OUT_IPV6;
    case TL_OUT_SOCKADDR:
        return OUT_SOCKADDR;
    case TL_OUT_XML:
        return OUT_XML;
    case TL_OUT_JSON:
        return OUT_JSON;
    case TL_OUT_WIN32:
        return OUT_WIN32_ERROR;
    case TL_OUT_NTSTATUS:
        return OUT_NTSTATUS;
    case TL_OUT_HRESULT:
        return OUT_HRESULT;
    case TL_OUT_FILETIME:
        return OUT_DATETIME;
    case TL_OUT_SIGNED:
        return integer_of(in, true);
    case TL_OUT_UNSIGNED:
        return integer_of(in, false);
    default: // 35 and up are TDH's own numbers
        return out >= TL_OUT_UTF8 && out <= OUT_DATETIME_UTC ? out : OUT_DEFAULT;
    }
}

// One open structure: how many of its members are still to come.
typedef struct Open {
    int32_t node;
    uint32_t left;
} Open;

static int take_field(SchemaBuilder *b, Cursor *c, int32_t parent, int32_t *ret_node,
                      uint32_t *ret_members) {
    const char *name;
    size_t name_bytes;
    uint8_t in, out = 0;
    if (!take_name(c, &name, &name_bytes) || !take_u8(c, &in))
        return BUILDER_BAD;
    if ((in & TL_CHAIN) && !take_u8(c, &out))
        return BUILDER_BAD;
    if ((in & TL_CHAIN) && (out & 0x80) && !skip_tags(c))
        return BUILDER_BAD;
    out &= 0x7f;
    SchemaField *f;
    int r = builder_add(b, parent, &f, ret_node);
    if (r == 0)
        r = builder_text(b, name, name_bytes, &f->name);
    if (r != 0)
        return r;
    *ret_members = 0;
    uint8_t type = in & TL_TYPE;
    if (type > IN_COUNTED_BINARY)
        return BUILDER_BAD;
    f->in_type = type;
    if ((in & TL_CUSTOM) ==
        TL_CUSTOM) { // u16 bytes of type information here, counted bytes in the data
        uint16_t n;
        if (!take_u16(c, &n) || c->end - c->p < n)
            return BUILDER_BAD;
        c->p += n;
        f->in_type = IN_COUNTED_BINARY;
        f->out_type = OUT_HEXBINARY;
        return 0;
    }
    if (in & TL_CONST_COUNT) {
        f->count_kind = EXTENT_FIXED;
        if (!take_u16(c, &f->count))
            return BUILDER_BAD;
    } else if (in & TL_VARIABLE_COUNT) {
        f->count_kind = EXTENT_PREFIX16;
    }
    if (type == TL_STRUCT) {
        *ret_members = out;
        return 0;
    }
    if (type == TL_BINARY) // in the data it is counted, as type 25 is
        f->in_type = IN_COUNTED_BINARY;
    f->out_type = out_type(f->in_type, out);
    if (f->out_type == OUT_NO_PRINT)
        f->flags |= FIELD_NO_PRINT;
    return 0;
}

static int take_fields(SchemaBuilder *b, Cursor *c) {
    Open open[SCHEMA_MAX_DEPTH];
    uint32_t depth = 0;
    while (c->p < c->end || depth > 0) {
        int32_t node;
        uint32_t members;
        if (c->p == c->end)
            return BUILDER_BAD; // a structure lacks members
        int r = take_field(b, c, depth ? open[depth - 1].node : BUILDER_TOP, &node, &members);
        if (r != 0)
            return r;
        if (depth)
            open[depth - 1].left--;
        if (members) {
            if (depth == SCHEMA_MAX_DEPTH)
                return BUILDER_BAD;
            open[depth++] = (Open){node, members};
        }
        while (depth && open[depth - 1].left == 0)
            depth--;
    }
    return 0;
}

static int compile(SchemaBuilder *b, const EventRecord *record, const char *provider_name) {
    EventItem item;
    const uint8_t *meta;
    size_t bytes, n;
    if (!event_item_find(record, EVENT_ITEM_TRACELOGGING, &item) ||
        !tracelogging_metadata(&item, &meta, &bytes))
        return BUILDER_BAD;
    Schema *s = b->schema;
    s->provider = record->provider;
    s->desc = record->desc;
    s->source = SCHEMA_TRACELOGGING;
    s->event_flags = EVENT_TRACELOGGING;
    const char *text;
    int r = 0;
    if ((n = tracelogging_provider_name(record, &text)) > 0)
        r = builder_text(b, text, n, &s->provider_name);
    else if (provider_name)
        r = builder_text(b, provider_name, strlen(provider_name), &s->provider_name);
    if (r != 0)
        return r;
    Cursor c = {meta + 2, meta + bytes};
    if (!skip_tags(&c) || !take_name(&c, &text, &n))
        return BUILDER_BAD;
    r = builder_text(b, text, n, &s->event_name);
    if (r == 0)
        r = take_fields(b, &c);
    return r == 0 ? builder_defaults(b) : r;
}

int tracelogging_compile(const EventRecord *record, const char *provider_name, Schema **ret) {
    SchemaBuilder b;
    int r = builder_init(&b);
    if (r < 0)
        return r;
    r = compile(&b, record, provider_name);
    if (r == 0)
        r = builder_finish(&b, ret);
    builder_deinit(&b);
    return r;
}
