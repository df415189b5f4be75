// Writing schemas. schema_read.c reads them.
#include "wire/schema_wire.h"

#include "util/mem.h"

#define MAX_PAYLOAD (WIRE_MAX_OUT - WIRE_HEAD_BYTES)
// Names that even a schema without anything else keeps, when they are not absurdly long.
#define KEPT_NAME_BYTES 1024u

typedef enum Parts { PARTS_ALL = 0, PARTS_NO_MESSAGE, PARTS_NO_MAPS, PARTS_NOTHING } Parts;

typedef struct MapList {
    const SchemaMap **items;
    uint16_t n;
} MapList;

static size_t begin_tlv(Buf *out, uint16_t tag) {
    buf_u16(out, tag);
    buf_u16(out, 0);
    buf_u32(out, 0);
    return out->bytes;
}

static void pad4(Buf *out, size_t from) {
    while (!out->failed && (out->bytes - from) % 4 != 0)
        buf_zero(out, 1);
}

static void end_tlv(Buf *out, size_t from) {
    if (out->failed)
        return;
    store_u32(out->data + from - 4, (uint32_t)(out->bytes - from));
    pad4(out, from);
}

static void put_text(Buf *out, uint16_t tag, const char *text) {
    if (text[0] == '\0')
        return;
    size_t from = begin_tlv(out, tag);
    buf_append(out, text, strlen(text));
    end_tlv(out, from);
}

// Fields share maps: each is sent once. At most one for each field, so that the list always has room.
static uint16_t map_index(MapList *maps, const SchemaMap *map) {
    for (uint16_t i = 0; i < maps->n; i++) {
        if (maps->items[i] == map)
            return i;
    }
    maps->items[maps->n] = map;
    return maps->n++;
}

static void put_map(Buf *out, uint16_t index, const SchemaMap *map) {
    size_t from = begin_tlv(out, WIRE_TLV_MAP);
    buf_u16(out, index);
    buf_u16(out, map->bitmap ? 1 : 0);
    buf_u32(out, map->n_entries);
    for (uint32_t i = 0; i < map->n_entries && !out->failed; i++) {
        size_t bytes = strlen(map->entries[i].text);
        buf_u32(out, map->entries[i].value);
        buf_u32(out, (uint32_t)bytes);
        buf_append(out, map->entries[i].text, bytes);
    }
    const char *name = map->name != NULL ? map->name : "";
    size_t bytes = strlen(name);
    buf_u32(out, (uint32_t)bytes);
    buf_append(out, name, bytes);
    end_tlv(out, from);
}

static void put_field(Buf *out, const SchemaField *field, uint16_t map) {
    size_t from = out->bytes;
    size_t bytes = MIN_OF(strlen(field->name), (size_t)UINT16_MAX);
    buf_u16(out, field->in_type);
    buf_u16(out, field->out_type);
    buf_u16(out, field->flags);
    const uint8_t kinds[2] = {field->count_kind, field->length_kind};
    buf_append(out, kinds, sizeof kinds);
    buf_u16(out, field->count);
    buf_u16(out, field->length);
    buf_u16(out, field->first_member);
    buf_u16(out, field->n_members);
    buf_u16(out, map);
    buf_u16(out, (uint16_t)bytes);
    buf_append(out, field->name, bytes);
    pad4(out, from);
}

static void put_fields(Buf *out, const Schema *schema, MapList *maps) {
    if (schema->n_fields == 0)
        return;
    size_t from = begin_tlv(out, WIRE_TLV_FIELDS);
    buf_u16(out, schema->n_fields);
    buf_u16(out, schema->n_top);
    for (uint16_t i = 0; i < schema->n_fields; i++) {
        const SchemaField *field = &schema->fields[i];
        bool mapped = maps != NULL && field->map != NULL;
        put_field(out, field, mapped ? (uint16_t)(map_index(maps, field->map) + 1) : 0);
    }
    end_tlv(out, from);
    for (uint16_t i = 0; maps != NULL && i < maps->n; i++)
        put_map(out, i, maps->items[i]);
}

static void put_fixed(Buf *out, uint32_t type, const Schema *schema, Parts parts) {
    uint8_t fixed[WIRE_SCHEMA_FIXED] = {0};
    store_u32(fixed + WIRE_SCHEMA_TYPE, type);
    store_u32(fixed + WIRE_SCHEMA_FLAGS, schema->flags);
    memcpy(fixed + WIRE_SCHEMA_PROVIDER, schema->provider.b, sizeof schema->provider.b);
    uint8_t *desc = fixed + WIRE_SCHEMA_DESCRIPTOR;
    store_u16(desc, schema->desc.id);
    desc[2] = schema->desc.version;
    desc[3] = schema->desc.channel;
    desc[4] = schema->desc.level;
    desc[5] = schema->desc.opcode;
    store_u16(desc + 6, schema->desc.task);
    store_u64(desc + 8, schema->desc.keyword);
    store_u16(fixed + WIRE_SCHEMA_EVENT_FLAGS, schema->event_flags);
    bool nothing = parts == PARTS_NOTHING;
    fixed[WIRE_SCHEMA_SOURCE] = nothing ? SCHEMA_NONE : schema->source;
    fixed[WIRE_SCHEMA_UNDECODABLE] = nothing ? UNDECODABLE_BAD_SCHEMA : schema->undecodable;
    buf_append(out, fixed, sizeof fixed);
}

static void put_parts(Buf *out, uint32_t type, const Schema *schema, MapList *maps, Parts parts) {
    put_fixed(out, type, schema, parts);
    if (parts == PARTS_NOTHING) {
        if (strlen(schema->provider_name) <= KEPT_NAME_BYTES)
            put_text(out, WIRE_TLV_PROVIDER_NAME, schema->provider_name);
        if (strlen(schema->event_name) <= KEPT_NAME_BYTES)
            put_text(out, WIRE_TLV_EVENT_NAME, schema->event_name);
        return;
    }
    put_text(out, WIRE_TLV_PROVIDER_NAME, schema->provider_name);
    put_text(out, WIRE_TLV_EVENT_NAME, schema->event_name);
    put_text(out, WIRE_TLV_TASK_NAME, schema->task_name);
    put_text(out, WIRE_TLV_OPCODE_NAME, schema->opcode_name);
    put_text(out, WIRE_TLV_LEVEL_NAME, schema->level_name);
    put_text(out, WIRE_TLV_CHANNEL_NAME, schema->channel_name);
    put_text(out, WIRE_TLV_KEYWORD_NAMES, schema->keyword_names);
    if (parts == PARTS_ALL)
        put_text(out, WIRE_TLV_MESSAGE, schema->message);
    maps->n = 0;
    put_fields(out, schema, parts < PARTS_NO_MAPS ? maps : NULL);
}

int schema_wire_put(Buf *out, uint32_t type, const Schema *schema) {
    if (out->failed)
        return -STATUS_NO_MEMORY;
    MapList maps = {NULL, 0};
    maps.items = mem_array(schema->n_fields + 1u, sizeof(SchemaMap *));
    if (maps.items == NULL)
        return -STATUS_NO_MEMORY;
    const size_t from = out->bytes, limit = out->limit;
    int result = -STATUS_NO_MEMORY;
    for (Parts parts = PARTS_ALL; parts <= PARTS_NOTHING; parts++) {
        out->bytes = from;
        out->failed = false;
        out->limit = from + MAX_PAYLOAD;
        if (limit != 0 && limit < out->limit)
            out->limit = limit;
        put_parts(out, type, schema, &maps, parts);
        // Out of memory looks the same as too large: the smaller forms then fail as well, or fit.
        if (!out->failed) {
            result = parts == PARTS_ALL ? 0 : SCHEMA_WIRE_REDUCED;
            break;
        }
    }
    if (result < 0)
        out->bytes = from;
    out->limit = limit;
    mem_free(maps.items);
    return result;
}
