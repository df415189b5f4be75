// Reading schemas from SCHEMA frames.
//
// Two passes over the same checked bytes: the first checks every length and adds up what the schema
// will need, the second copies into one block. So the schema takes no more memory than the one that was
// sent, and nothing is allocated for lengths that lie.
#include "util/utf.h"
#include "wire/schema_wire.h"

#define N_TEXTS (WIRE_TLV_MESSAGE + 1u)

typedef struct Span {
    const uint8_t *data; // NULL: not there
    uint32_t bytes;
} Span;

typedef struct Parsed {
    Span texts[N_TEXTS]; // by tag
    Span fields;
    uint32_t n_maps;
    size_t total; // bytes of the block
} Parsed;

// The block, handed out in pieces; `left` was added up by the first pass, and is checked all the same.
typedef struct Block {
    uint8_t *at;
    size_t left;
} Block;

static int bad(Err *err, const char *what, uint32_t number) {
    return err_set(err, STATUS_PROTOCOL, "a schema frame is malformed: %s (%u)", what,
                   (unsigned)number);
}

// WTF-8 without NUL: lone surrogates come from providers and pass; anything else is a lie about the text.
static bool text_valid(const uint8_t *data, size_t bytes) {
    const char *p = (const char *)data, *end = p + bytes;
    while (p < end) {
        uint32_t cp;
        if (*p > 0) {
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

// Takes `bytes` from the front of a span; NULL when it has fewer.
static const uint8_t *take(Span *span, size_t bytes) {
    if (bytes > span->bytes)
        return NULL;
    const uint8_t *at = span->data;
    span->data += bytes;
    span->bytes -= (uint32_t)bytes;
    return at;
}

static int next_tlv(Span *rest, uint16_t *ret_tag, Span *ret, Err *err) {
    const uint8_t *head = take(rest, WIRE_TLV_HEAD);
    if (head == NULL)
        return bad(err, "a tag is cut", rest->bytes);
    uint16_t tag = load_u16(head);
    uint32_t bytes = load_u32(head + 4);
    const uint8_t *data = take(rest, bytes);
    // The padding may be missing behind the last one.
    uint32_t padding = (4 - bytes % 4) % 4;
    if (data == NULL || (rest->bytes != 0 && take(rest, padding) == NULL))
        return bad(err, "a part is longer than the frame", tag);
    *ret_tag = tag;
    *ret = (Span){data, bytes};
    return 0;
}

// ---- First pass

static int add_total(Parsed *parsed, size_t bytes, Err *err) {
    parsed->total += bytes; // each is below 2^32 and their number below 2^16
    return parsed->total <= SCHEMA_MAX_BYTES
               ? 0
               : bad(err, "it needs too much memory", SCHEMA_MAX_BYTES);
}

static int check_map(Parsed *parsed, Span map, Err *err) {
    const uint8_t *fixed = take(&map, 8);
    if (fixed == NULL)
        return bad(err, "a value map is cut", parsed->n_maps);
    // Maps stand in the order of their indexes, so that they need no table here.
    if (load_u16(fixed) != parsed->n_maps || load_u16(fixed + 2) > 1)
        return bad(err, "a value map has a wrong index or kind", load_u16(fixed));
    uint32_t n = load_u32(fixed + 4);
    if (n > map.bytes / 8)
        return bad(err, "a value map has fewer entries than it says", n);
    for (uint32_t i = 0; i <= n; i++) { // the last one is the name: without a value
        const uint8_t *head = take(&map, i < n ? 8 : 4);
        uint32_t bytes = head != NULL ? load_u32(head + (i < n ? 4 : 0)) : 0;
        const uint8_t *text = head != NULL ? take(&map, bytes) : NULL;
        if (text == NULL || !text_valid(text, bytes))
            return bad(err, "a text of a value map is cut or not UTF-8", i);
        int result =
            add_total(parsed, (i < n ? sizeof(SchemaMapEntry) : 0) + (size_t)bytes + 1, err);
        if (result < 0)
            return result;
    }
    parsed->n_maps++;
    return add_total(parsed, sizeof(SchemaMap), err);
}

static int check_fields(Parsed *parsed, Span fields, Err *err) {
    const uint8_t *counts = take(&fields, 4);
    if (counts == NULL)
        return bad(err, "the fields are cut", fields.bytes);
    uint16_t n = load_u16(counts);
    if (n > SCHEMA_MAX_FIELDS || load_u16(counts + 2) > n)
        return bad(err, "it has too many fields", n);
    for (uint16_t i = 0; i < n; i++) {
        const uint8_t *fixed = take(&fields, WIRE_FIELD_FIXED);
        uint16_t bytes = fixed != NULL ? load_u16(fixed + 18) : 0;
        const uint8_t *name = fixed != NULL ? take(&fields, bytes) : NULL;
        if (name == NULL || !text_valid(name, bytes))
            return bad(err, "a field is cut, or its name is not UTF-8", i);
        uint32_t padding = (4 - (WIRE_FIELD_FIXED + bytes) % 4) % 4;
        if (take(&fields, padding) == NULL && i + 1 < n)
            return bad(err, "a field is cut", i);
        int result = add_total(parsed, sizeof(SchemaField) + bytes + 1u, err);
        if (result < 0)
            return result;
    }
    return 0;
}

static int check_part(Parsed *parsed, uint16_t tag, Span part, Err *err) {
    if (tag >= WIRE_TLV_PROVIDER_NAME && tag <= WIRE_TLV_MESSAGE) {
        if (parsed->texts[tag].data != NULL)
            return bad(err, "a name stands twice", tag);
        if (!text_valid(part.data, part.bytes))
            return bad(err, "a name is not UTF-8", tag);
        parsed->texts[tag] = part;
        return add_total(parsed, part.bytes + (size_t)1, err);
    }
    if (tag == WIRE_TLV_MAP)
        return check_map(parsed, part, err);
    if (tag == WIRE_TLV_FIELDS) {
        if (parsed->fields.data != NULL)
            return bad(err, "the fields stand twice", tag);
        parsed->fields = part;
        return check_fields(parsed, part, err);
    }
    return 0; // of a later version
}

// ---- Second pass: lengths are known to be right

static void *piece(Block *block, size_t bytes) {
    if (bytes > block->left)
        return NULL;
    void *at = block->at;
    if (bytes != 0) // the block of an empty schema is NULL
        block->at += bytes;
    block->left -= bytes;
    return at;
}

static const char *copy_text(Block *block, const uint8_t *data, size_t bytes) {
    char *text = piece(block, bytes + 1);
    if (text == NULL)
        return "";
    if (bytes != 0)
        memcpy(text, data, bytes);
    text[bytes] = '\0';
    return text;
}

static void read_map(Block *aligned, Block *texts, Span map, SchemaMap *ret) {
    const uint8_t *fixed = take(&map, 8);
    uint32_t n = load_u32(fixed + 4);
    SchemaMapEntry *entries = piece(aligned, n * sizeof *entries);
    if (entries == NULL)
        return; // cannot be: the first pass counted them
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *head = take(&map, 8);
        uint32_t bytes = load_u32(head + 4);
        entries[i].value = load_u32(head);
        entries[i].text = copy_text(texts, take(&map, bytes), bytes);
    }
    uint32_t name_bytes = load_u32(take(&map, 4));
    ret->name = copy_text(texts, take(&map, name_bytes), name_bytes);
    ret->bitmap = load_u16(fixed + 2) == 1;
    ret->n_entries = n;
    ret->entries = entries;
}

static int read_fields(Schema *schema, Block *aligned, Block *texts, Span part, SchemaMap *maps,
                       uint32_t n_maps, Err *err) {
    const uint8_t *counts = take(&part, 4);
    uint16_t n = load_u16(counts);
    SchemaField *fields = piece(aligned, n * sizeof *fields);
    if (fields == NULL)
        return bad(err, "it has too many fields", n);
    for (uint16_t i = 0; i < n; i++) {
        const uint8_t *at = take(&part, WIRE_FIELD_FIXED);
        SchemaField *field = &fields[i];
        memset(field, 0, sizeof *field);
        field->in_type = load_u16(at);
        field->out_type = load_u16(at + 2);
        field->flags = load_u16(at + 4);
        field->count_kind = at[6];
        field->length_kind = at[7];
        field->count = load_u16(at + 8);
        field->length = load_u16(at + 10);
        field->first_member = load_u16(at + 12);
        field->n_members = load_u16(at + 14);
        uint16_t map = load_u16(at + 16), bytes = load_u16(at + 18);
        if (map > n_maps)
            return bad(err, "a field names a value map that is not there", map);
        field->map = map != 0 ? &maps[map - 1] : NULL;
        field->name = copy_text(texts, take(&part, bytes), bytes);
        (void)take(&part, (4 - (WIRE_FIELD_FIXED + bytes) % 4) % 4);
    }
    schema->fields = fields;
    schema->n_fields = n;
    schema->n_top = load_u16(counts + 2);
    return 0;
}

static void read_fixed(Schema *schema, const uint8_t *fixed) {
    schema->flags = load_u32(fixed + WIRE_SCHEMA_FLAGS);
    memcpy(schema->provider.b, fixed + WIRE_SCHEMA_PROVIDER, sizeof schema->provider.b);
    const uint8_t *desc = fixed + WIRE_SCHEMA_DESCRIPTOR;
    schema->desc.id = load_u16(desc);
    schema->desc.version = desc[2];
    schema->desc.channel = desc[3];
    schema->desc.level = desc[4];
    schema->desc.opcode = desc[5];
    schema->desc.task = load_u16(desc + 6);
    schema->desc.keyword = load_u64(desc + 8);
    schema->event_flags = load_u16(fixed + WIRE_SCHEMA_EVENT_FLAGS);
    schema->source = fixed[WIRE_SCHEMA_SOURCE];
    schema->undecodable = fixed[WIRE_SCHEMA_UNDECODABLE];
}

// Structures in front, texts behind them: one block, no padding between texts.
static int read_parts(Schema *schema, const Parsed *parsed, Span rest, Err *err) {
    uint8_t *memory = parsed->total != 0 ? arena_alloc(&schema->arena, parsed->total) : NULL;
    if (parsed->total != 0 && memory == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a schema");
    uint32_t n_entries = 0, n_fields = 0;
    uint16_t tag = 0;
    Span part = {NULL, 0}, again = rest;
    while (again.bytes != 0) {
        int result = next_tlv(&again, &tag, &part, err);
        if (result < 0)
            return result;
        if (tag == WIRE_TLV_MAP)
            n_entries += load_u32(part.data + 4);
        else if (tag == WIRE_TLV_FIELDS)
            n_fields = load_u16(part.data);
    }
    size_t structures = parsed->n_maps * sizeof(SchemaMap) + n_entries * sizeof(SchemaMapEntry) +
                        n_fields * sizeof(SchemaField);
    Block aligned = {memory, structures};
    Block texts = {memory != NULL ? memory + structures : NULL, parsed->total - structures};
    SchemaMap *maps = piece(&aligned, parsed->n_maps * sizeof *maps);
    uint32_t n_maps = 0;
    again = rest;
    while (again.bytes != 0) {
        int result = next_tlv(&again, &tag, &part, err);
        if (result < 0)
            return result;
        if (tag == WIRE_TLV_MAP)
            read_map(&aligned, &texts, part, &maps[n_maps++]);
    }
    const char **names[N_TEXTS] = {
        [WIRE_TLV_PROVIDER_NAME] = &schema->provider_name,
        [WIRE_TLV_EVENT_NAME] = &schema->event_name,
        [WIRE_TLV_TASK_NAME] = &schema->task_name,
        [WIRE_TLV_OPCODE_NAME] = &schema->opcode_name,
        [WIRE_TLV_LEVEL_NAME] = &schema->level_name,
        [WIRE_TLV_CHANNEL_NAME] = &schema->channel_name,
        [WIRE_TLV_KEYWORD_NAMES] = &schema->keyword_names,
        [WIRE_TLV_MESSAGE] = &schema->message,
    };
    for (size_t i = 0; i < N_TEXTS; i++) {
        const Span *text = &parsed->texts[i];
        if (text->data != NULL && names[i] != NULL)
            *names[i] = copy_text(&texts, text->data, text->bytes);
    }
    if (parsed->fields.data == NULL)
        return 0;
    return read_fields(schema, &aligned, &texts, parsed->fields, maps, n_maps, err);
}

int schema_wire_get(const uint8_t *payload_untrusted, size_t bytes, uint32_t *ret_type,
                    Schema **ret, Err *err) {
    if (bytes < WIRE_SCHEMA_FIXED || bytes > WIRE_MAX_OUT - WIRE_HEAD_BYTES)
        return bad(err, "its size", (uint32_t)MIN_OF(bytes, (size_t)UINT32_MAX));
    const uint8_t *fixed = payload_untrusted;
    if (load_u32(fixed + WIRE_SCHEMA_TYPE) == 0)
        return bad(err, "its type id", 0);
    if (fixed[WIRE_SCHEMA_SOURCE] > SCHEMA_STRING ||
        fixed[WIRE_SCHEMA_UNDECODABLE] > UNDECODABLE_TYPE_LIMIT)
        return bad(err, "its source is unknown", fixed[WIRE_SCHEMA_SOURCE]);
    Span rest = {fixed + WIRE_SCHEMA_FIXED, (uint32_t)(bytes - WIRE_SCHEMA_FIXED)};
    Parsed parsed;
    memset(&parsed, 0, sizeof parsed);
    for (Span again = rest; again.bytes != 0;) {
        uint16_t tag = 0;
        Span part = {NULL, 0};
        int result = next_tlv(&again, &tag, &part, err);
        if (result == 0)
            result = check_part(&parsed, tag, part, err);
        if (result < 0)
            return result;
    }
    Schema *schema;
    int result = schema_new(&schema);
    if (result < 0)
        return err_set(err, STATUS_NO_MEMORY, "no memory for a schema");
    read_fixed(schema, fixed);
    result = read_parts(schema, &parsed, rest, err);
    if (result == 0) {
        result = schema_finish(schema, err);
        if (result == -STATUS_FORMAT) { // the frame is at fault, whatever the schema says
            if (err != NULL)
                err->status = STATUS_PROTOCOL;
            result = err_prefix(err, -STATUS_PROTOCOL, "a schema frame is malformed");
        }
    }
    if (result < 0) {
        schema_unref(schema);
        return result;
    }
    *ret_type = load_u32(fixed + WIRE_SCHEMA_TYPE);
    *ret = schema;
    return 0;
}
