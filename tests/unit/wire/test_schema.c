// Schemas on the wire: round trips, every truncation, hostile TLVs, limits, reduction.
#include <criterion/criterion.h>
#include <stdio.h>

#include "util/mem.h"
#include "wire/schema_wire.h"

// A schema with all that a schema can have: nested structures, arrays, maps shared by fields.
static Schema *rich_schema(void) {
    Schema *s;
    cr_assert_eq(schema_new(&s), 0);
    Arena *a = &s->arena;
    s->provider = (Guid)GUID_INIT(0x11223344, 0x5566, 0x7788, 1, 2, 3, 4, 5, 6, 7, 8);
    s->desc = (EventDescriptor){3008, 2, 16, 4, 13, 500, UINT64_C(0x8000000000000010)};
    s->event_flags = EVENT_TRACELOGGING;
    s->source = SCHEMA_MANIFEST;
    s->flags = SCHEMA_FEEDER | SCHEMA_EVENTSOURCE;
    s->provider_name = arena_strdup(a, "Microsoft-Windows-DNS-Client");
    s->event_name = arena_strdup(a, "Query/Start");
    s->task_name = arena_strdup(a, "Qu\xc3\xa9ry");
    s->opcode_name = arena_strdup(a, "Start");
    s->level_name = arena_strdup(a, "Information");
    s->channel_name = arena_strdup(a, "Microsoft-Windows-DNS-Client/Operational");
    s->keyword_names = arena_strdup(a, "A, B");
    s->message = arena_strdup(a, "Query %1 from %2%n\xed\xa0\x80"); // a lone surrogate passes
    SchemaMapEntry *entries = arena_array(a, 3, sizeof *entries);
    entries[0] = (SchemaMapEntry){0, arena_strdup(a, "zero")};
    entries[1] = (SchemaMapEntry){7, arena_strdup(a, "")};
    entries[2] = (SchemaMapEntry){UINT32_MAX, arena_strdup(a, "all")};
    SchemaMap *maps = arena_array(a, 2, sizeof *maps);
    maps[0] = (SchemaMap){arena_strdup(a, "Types"), false, 3, entries};
    maps[1] = (SchemaMap){"", true, 2, entries};
    SchemaField *f = arena_array(a, 8, sizeof *f);
    f[0] = (SchemaField){.name = "QueryName", .in_type = IN_UTF16};
    f[1] = (SchemaField){.name = "Type", .in_type = IN_U32, .out_type = OUT_HEX32, .map = &maps[0]};
    f[2] =
        (SchemaField){.name = "Flags", .in_type = IN_U32, .map = &maps[1], .flags = FIELD_HINTED};
    f[3] = (SchemaField){.name = "Same", .in_type = IN_U16, .map = &maps[0]};
    f[4] = (SchemaField){.name = "List",
                         .in_type = IN_STRUCT,
                         .count_kind = EXTENT_FIELD,
                         .count = 3,
                         .first_member = 5,
                         .n_members = 2};
    f[5] =
        (SchemaField){.name = "X", .in_type = IN_BINARY, .length_kind = EXTENT_FIXED, .length = 6};
    f[6] = (SchemaField){.name = "Y", .in_type = IN_STRUCT, .first_member = 7, .n_members = 1};
    f[7] = (SchemaField){.name = "", .in_type = IN_POINTER, .flags = FIELD_KERNEL_ADDRESS};
    s->fields = f;
    s->n_fields = 8;
    s->n_top = 5;
    Err err = ERR_INIT;
    cr_assert_eq(schema_finish(s, &err), 0, "%s", err.text);
    return s;
}

static void check_map(const SchemaMap *got, const SchemaMap *map) {
    cr_assert_eq(got == NULL, map == NULL);
    if (map == NULL)
        return;
    cr_assert_str_eq(got->name, map->name);
    cr_assert_eq(got->bitmap, map->bitmap);
    cr_assert_eq(got->n_entries, map->n_entries);
    for (uint32_t i = 0; i < map->n_entries; i++) {
        cr_assert_eq(got->entries[i].value, map->entries[i].value);
        cr_assert_str_eq(got->entries[i].text, map->entries[i].text);
    }
}

static void check_schema(const Schema *got, const Schema *s) {
    cr_assert(guid_equal(&got->provider, &s->provider));
    cr_assert_eq(got->desc.id, s->desc.id);
    cr_assert_eq(got->desc.version, s->desc.version);
    cr_assert_eq(got->desc.channel, s->desc.channel);
    cr_assert_eq(got->desc.level, s->desc.level);
    cr_assert_eq(got->desc.opcode, s->desc.opcode);
    cr_assert_eq(got->desc.task, s->desc.task);
    cr_assert_eq(got->desc.keyword, s->desc.keyword);
    cr_assert_eq(got->event_flags, s->event_flags);
    cr_assert_eq(got->source, s->source);
    cr_assert_eq(got->undecodable, s->undecodable);
    cr_assert_eq(got->flags, s->flags);
    cr_assert_str_eq(got->provider_name, s->provider_name);
    cr_assert_str_eq(got->event_name, s->event_name);
    cr_assert_str_eq(got->task_name, s->task_name);
    cr_assert_str_eq(got->opcode_name, s->opcode_name);
    cr_assert_str_eq(got->level_name, s->level_name);
    cr_assert_str_eq(got->channel_name, s->channel_name);
    cr_assert_str_eq(got->keyword_names, s->keyword_names);
    cr_assert_str_eq(got->message, s->message);
    cr_assert_eq(got->n_fields, s->n_fields);
    cr_assert_eq(got->n_top, s->n_top);
    for (uint16_t i = 0; i < s->n_fields; i++) {
        const SchemaField *g = &got->fields[i], *f = &s->fields[i];
        cr_assert_str_eq(g->name, f->name);
        cr_assert_eq(g->in_type, f->in_type);
        cr_assert_eq(g->out_type, f->out_type);
        cr_assert_eq(g->flags, f->flags);
        cr_assert_eq(g->count_kind, f->count_kind);
        cr_assert_eq(g->length_kind, f->length_kind);
        cr_assert_eq(g->count, f->count);
        cr_assert_eq(g->length, f->length);
        cr_assert_eq(g->first_member, f->first_member);
        cr_assert_eq(g->n_members, f->n_members);
        cr_assert_eq(g->parent, f->parent);
        cr_assert_eq(g->offset32, f->offset32);
        cr_assert_eq(g->offset64, f->offset64);
        check_map(g->map, f->map);
    }
}

static Buf encode(const Schema *schema, int wanted) {
    Buf out = BUF_INIT;
    int result = schema_wire_put(&out, 77, schema);
    cr_assert_eq(result, wanted, "%d", result);
    cr_assert_leq(out.bytes, WIRE_MAX_OUT - WIRE_HEAD_BYTES);
    return out;
}

static int decode(const uint8_t *data, size_t bytes, Schema **ret) {
    Err err = ERR_INIT;
    uint32_t type = 0;
    uint8_t *exact = mem_dup(data, bytes); // exactly so many, for the sanitizer
    int result = schema_wire_get(exact, bytes, &type, ret, &err);
    mem_free(exact);
    cr_assert(result == 0 ? type == 77 || type != 0 : err.status == -result && err.text[0] != '\0');
    return result;
}

Test(schema, round_trip) {
    Schema *schema = rich_schema(), *got;
    Buf out = encode(schema, 0);
    cr_assert_eq(decode(out.data, out.bytes, &got), 0);
    check_schema(got, schema);
    cr_assert(got->fields[1].map == got->fields[3].map, "a shared map was copied");
    cr_assert_leq(schema_bytes(got), schema_bytes(schema), "it grew on the way");
    // Once more: what was read can be sent on.
    Buf again = encode(got, 0);
    cr_assert_eq(again.bytes, out.bytes);
    cr_assert_eq(memcmp(again.data, out.data, out.bytes), 0);
    buf_deinit(&again);
    buf_deinit(&out);
    schema_unref(schema);
    schema_unref(got);
    cr_assert_eq(mem_in_use(), 0);
}

Test(schema, nothing_known) {
    Schema *schema, *got;
    cr_assert_eq(schema_new(&schema), 0);
    schema->undecodable = UNDECODABLE_WPP;
    schema->event_flags = EVENT_WPP;
    cr_assert_eq(schema_finish(schema, NULL), 0);
    Buf out = encode(schema, 0);
    cr_assert_eq(out.bytes, WIRE_SCHEMA_FIXED);
    cr_assert_eq(decode(out.data, out.bytes, &got), 0);
    check_schema(got, schema);
    buf_deinit(&out);
    schema_unref(schema);
    schema_unref(got);
}

Test(schema, appends_behind_what_is_there) {
    Schema *schema = rich_schema();
    Buf out = BUF_INIT;
    buf_text(&out, "odd");
    cr_assert_eq(schema_wire_put(&out, 5, schema), 0);
    Schema *got;
    uint32_t type;
    cr_assert_eq(schema_wire_get(out.data + 3, out.bytes - 3, &type, &got, NULL), 0);
    cr_assert_eq(type, 5);
    check_schema(got, schema);
    schema_unref(got);
    buf_deinit(&out);
    schema_unref(schema);
}

Test(schema, every_truncation, .timeout = 60) {
    Schema *schema = rich_schema(), *got;
    Buf out = encode(schema, 0);
    // Cut between two parts it is a smaller schema; anywhere else it must be refused.
    uint32_t accepted = 0;
    for (size_t n = 0; n < out.bytes; n++) {
        int result = decode(out.data, n, &got);
        cr_assert(result == 0 || result == -STATUS_PROTOCOL, "%zu bytes give %d", n, result);
        if (result == 0) {
            accepted++;
            schema_unref(got);
        }
    }
    // 8 names, 1 table of fields without its maps is refused; the ends may lack up to 3 bytes of padding.
    cr_assert_geq(accepted, 9);
    cr_assert_leq(accepted, 9 * 4);
    buf_deinit(&out);
    schema_unref(schema);
    cr_assert_eq(mem_in_use(), 0);
}

Test(schema, every_flipped_byte_is_survived, .timeout = 100) {
    Schema *schema = rich_schema(), *got;
    Buf out = encode(schema, 0);
    static const uint8_t masks[] = {0x01, 0x80, 0xff, 0x20};
    uint32_t refused = 0;
    for (size_t at = 0; at < out.bytes; at++) {
        for (size_t m = 0; m < ARRAY_COUNT(masks); m++) {
            out.data[at] ^= masks[m];
            int result = decode(out.data, out.bytes, &got);
            cr_assert(result == 0 || result == -STATUS_PROTOCOL || result == -STATUS_NO_MEMORY,
                      "byte %zu: %d", at, result);
            if (result == 0)
                schema_unref(got);
            else
                refused++;
            out.data[at] ^= masks[m];
        }
    }
    cr_assert_gt(refused, 100);
    buf_deinit(&out);
    schema_unref(schema);
    cr_assert_eq(mem_in_use(), 0);
}

Test(schema, out_of_memory) {
    Schema *schema = rich_schema();
    size_t before = mem_in_use();
    int result = -1;
    for (size_t n = 1; result != 0; n++) {
        Buf out = BUF_INIT;
        mem_fail_at(n);
        result = schema_wire_put(&out, 77, schema);
        mem_fail_at(0);
        // When a growth of the buffer fails the smaller forms may still fit into what there is.
        cr_assert(result >= 0 || result == -STATUS_NO_MEMORY, "%d", result);
        if (result < 0)
            cr_assert_eq(out.bytes, 0);
        buf_deinit(&out);
        cr_assert_eq(mem_in_use(), before);
        cr_assert_lt(n, 100);
    }
    Buf out = encode(schema, 0);
    before = mem_in_use();
    result = -1;
    for (size_t n = 1; result != 0; n++) {
        Schema *got = NULL;
        uint32_t type;
        mem_fail_at(n);
        result = schema_wire_get(out.data, out.bytes, &type, &got, NULL);
        mem_fail_at(0);
        cr_assert(result == 0 || result == -STATUS_NO_MEMORY, "%d", result);
        if (result == 0)
            schema_unref(got);
        cr_assert_eq(mem_in_use(), before);
    }
    buf_deinit(&out);
    schema_unref(schema);
}

// ---- Hostile parts, one at a time behind a good fixed part

static Buf fixed_part(void) {
    Buf out = BUF_INIT;
    buf_zero(&out, WIRE_SCHEMA_FIXED);
    store_u32(out.data + WIRE_SCHEMA_TYPE, 1);
    return out;
}

static void put_tlv(Buf *out, uint16_t tag, const void *data, uint32_t bytes) {
    buf_u16(out, tag);
    buf_u16(out, 0);
    buf_u32(out, bytes);
    buf_append(out, data, bytes);
    buf_zero(out, (4 - bytes % 4) % 4);
}

static int decode_with(uint16_t tag, const void *data, uint32_t bytes) {
    Buf out = fixed_part();
    put_tlv(&out, tag, data, bytes);
    Schema *got;
    int result = decode(out.data, out.bytes, &got);
    if (result == 0)
        schema_unref(got);
    buf_deinit(&out);
    return result;
}

Test(schema, names) {
    cr_assert_eq(decode_with(WIRE_TLV_EVENT_NAME, "abc", 3), 0);
    cr_assert_eq(decode_with(WIRE_TLV_EVENT_NAME, "", 0), 0);
    cr_assert_eq(decode_with(WIRE_TLV_EVENT_NAME, "a\0c", 3), -STATUS_PROTOCOL);
    cr_assert_eq(decode_with(WIRE_TLV_EVENT_NAME, "a\xff", 2), -STATUS_PROTOCOL);
    cr_assert_eq(decode_with(WIRE_TLV_EVENT_NAME, "a\xc3", 2), -STATUS_PROTOCOL);
    cr_assert_eq(decode_with(WIRE_TLV_EVENT_NAME, "\xc0\x80", 2), -STATUS_PROTOCOL);
    cr_assert_eq(decode_with(WIRE_TLV_EVENT_NAME, "\xed\xa0\x80", 3), 0); // WTF-8
    Buf out = fixed_part();
    put_tlv(&out, WIRE_TLV_MESSAGE, "one", 3);
    put_tlv(&out, WIRE_TLV_MESSAGE, "two", 3);
    Schema *got;
    cr_assert_eq(decode(out.data, out.bytes, &got), -STATUS_PROTOCOL);
    buf_deinit(&out);
}

Test(schema, unknown_parts_are_skipped) {
    Buf out = fixed_part();
    put_tlv(&out, 9999, "future", 6);
    put_tlv(&out, WIRE_TLV_EVENT_NAME, "name", 4);
    put_tlv(&out, 0, "", 0);
    put_tlv(&out, UINT16_MAX, "\0\xff", 2);
    Schema *got;
    cr_assert_eq(decode(out.data, out.bytes, &got), 0);
    cr_assert_str_eq(got->event_name, "name");
    schema_unref(got);
    buf_deinit(&out);
}

Test(schema, fixed_part) {
    Buf out = fixed_part();
    Schema *got;
    cr_assert_eq(decode(out.data, out.bytes, &got), 0);
    schema_unref(got);
    store_u32(out.data + WIRE_SCHEMA_TYPE, 0);
    cr_assert_eq(decode(out.data, out.bytes, &got), -STATUS_PROTOCOL);
    store_u32(out.data + WIRE_SCHEMA_TYPE, 1);
    for (uint32_t v = 0; v < 256; v++) {
        out.data[WIRE_SCHEMA_SOURCE] = (uint8_t)v;
        int result = decode(out.data, out.bytes, &got);
        cr_assert_eq(result == 0, v <= SCHEMA_STRING);
        if (result == 0)
            schema_unref(got);
    }
    out.data[WIRE_SCHEMA_SOURCE] = 0;
    for (uint32_t v = 0; v < 256; v++) {
        out.data[WIRE_SCHEMA_UNDECODABLE] = (uint8_t)v;
        int result = decode(out.data, out.bytes, &got);
        cr_assert_eq(result == 0, v <= UNDECODABLE_TYPE_LIMIT);
        if (result == 0)
            schema_unref(got);
    }
    buf_deinit(&out);
}

static int decode_fields(uint16_t n, uint16_t n_top, uint16_t in_type, uint16_t map) {
    Buf part = BUF_INIT;
    buf_u16(&part, n);
    buf_u16(&part, n_top);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t field[WIRE_FIELD_FIXED] = {0};
        store_u16(field, in_type);
        store_u16(field + 16, map);
        buf_append(&part, field, sizeof field);
    }
    int result = part.failed ? 1 : decode_with(WIRE_TLV_FIELDS, part.data, (uint32_t)part.bytes);
    buf_deinit(&part);
    return result;
}

Test(schema, field_limits) {
    for (uint16_t n = SCHEMA_MAX_FIELDS - 1; n <= SCHEMA_MAX_FIELDS + 1; n++)
        cr_assert_eq(decode_fields(n, n, IN_U32, 0), n <= SCHEMA_MAX_FIELDS ? 0 : -STATUS_PROTOCOL,
                     "%u", n);
    cr_assert_eq(decode_fields(3, 4, IN_U32, 0), -STATUS_PROTOCOL);
    cr_assert_eq(decode_fields(3, 2, IN_U32, 0), -STATUS_PROTOCOL); // one belongs to no structure
    cr_assert_eq(decode_fields(1, 1, 99, 0), -STATUS_PROTOCOL);     // a type that there is not
    cr_assert_eq(decode_fields(1, 1, IN_U32, 1), -STATUS_PROTOCOL); // a map that there is not
    cr_assert_eq(decode_fields(1, 1, IN_U32, UINT16_MAX), -STATUS_PROTOCOL);
    cr_assert_eq(decode_with(WIRE_TLV_FIELDS, "\1\0\1", 3), -STATUS_PROTOCOL);
    cr_assert_eq(decode_with(WIRE_TLV_FIELDS, "\xff\xff\0\0", 4), -STATUS_PROTOCOL);
    cr_assert_eq(decode_with(WIRE_TLV_FIELDS, "", 0), -STATUS_PROTOCOL);
}

// One structure in another, n deep.
static int decode_depth(uint16_t n) {
    Buf part = BUF_INIT;
    buf_u16(&part, n);
    buf_u16(&part, 1);
    for (uint16_t i = 0; i < n; i++) {
        uint8_t field[WIRE_FIELD_FIXED] = {0};
        store_u16(field, i + 1 < n ? IN_STRUCT : IN_U32);
        store_u16(field + 12, (uint16_t)(i + 1)); // first member
        store_u16(field + 14, i + 1 < n ? 1 : 0); // members
        buf_append(&part, field, sizeof field);
    }
    int result = decode_with(WIRE_TLV_FIELDS, part.data, (uint32_t)part.bytes);
    buf_deinit(&part);
    return result;
}

Test(schema, depth) {
    cr_assert_eq(decode_depth(SCHEMA_MAX_DEPTH - 1), 0);
    cr_assert_eq(decode_depth(SCHEMA_MAX_DEPTH), 0);
    cr_assert_eq(decode_depth(SCHEMA_MAX_DEPTH + 1), -STATUS_PROTOCOL);
}

static int decode_map(uint16_t index, uint16_t bitmap, uint32_t n_said, uint32_t n, uint32_t step) {
    Buf part = BUF_INIT;
    buf_u16(&part, index);
    buf_u16(&part, bitmap);
    buf_u32(&part, n_said);
    for (uint32_t i = 0; i < n; i++) {
        buf_u32(&part, i * step);
        buf_u32(&part, 1);
        buf_char(&part, 'x');
    }
    buf_u32(&part, 0);
    Buf out = fixed_part();
    // A field that uses it, so that schema_finish looks at it as well.
    uint8_t fields[4 + WIRE_FIELD_FIXED] = {1, 0, 1, 0, IN_U32, 0};
    store_u16(fields + 4 + 16, 1);
    put_tlv(&out, WIRE_TLV_FIELDS, fields, sizeof fields);
    put_tlv(&out, WIRE_TLV_MAP, part.data, (uint32_t)part.bytes);
    Schema *got;
    int result = decode(out.data, out.bytes, &got);
    if (result == 0)
        schema_unref(got);
    buf_deinit(&out);
    buf_deinit(&part);
    return result;
}

Test(schema, maps) {
    cr_assert_eq(decode_map(0, 0, 3, 3, 1), 0);
    cr_assert_eq(decode_map(0, 1, 0, 0, 1), 0);
    cr_assert_eq(decode_map(0, 2, 3, 3, 1), -STATUS_PROTOCOL); // neither map nor bitmap
    cr_assert_eq(decode_map(1, 0, 3, 3, 1), -STATUS_PROTOCOL); // an index that is not its turn
    cr_assert_eq(decode_map(0, 0, 4, 3, 1), -STATUS_PROTOCOL); // fewer entries
    cr_assert_eq(decode_map(0, 0, 2, 3, 1), -STATUS_PROTOCOL); // an entry read as the name
    cr_assert_eq(decode_map(0, 0, UINT32_MAX, 3, 1), -STATUS_PROTOCOL);
    cr_assert_eq(decode_map(0, 0, 0x20000000, 3, 1), -STATUS_PROTOCOL);
    cr_assert_eq(decode_map(0, 0, 3, 3, 0), -STATUS_PROTOCOL); // not ascending
}

Test(schema, memory_is_bounded_by_the_budget) {
    // 16 bytes of memory for each 8 on the wire: the worst case stays below twice the frame.
    Buf part = BUF_INIT;
    uint32_t n = 30000;
    buf_u16(&part, 0);
    buf_u16(&part, 0);
    buf_u32(&part, n);
    for (uint32_t i = 0; i < n; i++) {
        buf_u32(&part, i);
        buf_u32(&part, 0);
    }
    buf_u32(&part, 0);
    mem_reset_peak();
    size_t before = mem_in_use();
    cr_assert_eq(decode_with(WIRE_TLV_MAP, part.data, (uint32_t)part.bytes), -STATUS_PROTOCOL);
    cr_assert_leq(mem_peak() - before, 3u * WIRE_MAX_OUT);
    buf_deinit(&part);
}

// ---- Schemas that are too large for a frame

static Schema *large_schema(uint32_t message_bytes, uint32_t map_bytes, uint32_t n_fields,
                            uint32_t name_bytes) {
    Schema *s;
    cr_assert_eq(schema_new(&s), 0);
    s->arena.limit = 0; // larger than any compiler would make it
    s->source = SCHEMA_MANIFEST;
    s->provider_name = "Provider";
    s->event_name = "Event";
    char *message = arena_alloc(&s->arena, message_bytes + 1);
    memset(message, 'm', message_bytes);
    s->message = message;
    char *text = arena_alloc(&s->arena, map_bytes + 1);
    memset(text, 't', map_bytes);
    SchemaMapEntry *entry = arena_alloc(&s->arena, sizeof *entry);
    *entry = (SchemaMapEntry){1, text};
    SchemaMap *map = arena_alloc(&s->arena, sizeof *map);
    *map = (SchemaMap){"map", false, 1, entry};
    char *name = arena_alloc(&s->arena, name_bytes + 1);
    memset(name, 'n', name_bytes);
    SchemaField *fields = arena_array(&s->arena, n_fields, sizeof *fields);
    for (uint32_t i = 0; i < n_fields; i++)
        fields[i] =
            (SchemaField){.name = name, .in_type = IN_U32, .map = map, .parent = UINT16_MAX};
    s->fields = fields;
    s->n_fields = s->n_top = (uint16_t)n_fields;
    return s;
}

typedef struct Large {
    uint32_t message, map, n_fields, name;
    int result;
    bool has_message, has_map, has_fields;
} Large;

Test(schema, too_large_for_a_frame) {
    static const Large cases[] = {
        {100000, 50000, 10, 10, 0, true, true, true},
        {200000, 100000, 10, 10, SCHEMA_WIRE_REDUCED, false, true, true},
        {1000, 300000, 10, 10, SCHEMA_WIRE_REDUCED, false, false, true},
        {0, 0, 1000, 300, SCHEMA_WIRE_REDUCED, false, false, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const Large *c = &cases[i];
        Schema *schema = large_schema(c->message, c->map, c->n_fields, c->name), *got;
        Buf out = encode(schema, c->result);
        cr_assert_eq(decode(out.data, out.bytes, &got), 0, "case %zu", i);
        cr_assert_str_eq(got->provider_name, "Provider");
        cr_assert_str_eq(got->event_name, "Event");
        cr_assert_eq(got->message[0] != '\0', c->has_message);
        cr_assert_eq(got->n_fields, c->has_fields ? c->n_fields : 0);
        cr_assert_eq(got->n_fields != 0 && got->fields[0].map != NULL, c->has_map);
        cr_assert_eq(got->source, c->has_fields ? SCHEMA_MANIFEST : SCHEMA_NONE);
        cr_assert_eq(got->undecodable, c->has_fields ? DECODABLE : UNDECODABLE_BAD_SCHEMA);
        schema_unref(got);
        buf_deinit(&out);
        schema_unref(schema);
    }
    cr_assert_eq(mem_in_use(), 0);
}

Test(schema, frame_limit_to_the_byte) {
    // The message alone fills the frame: at n-1, n, n+1 bytes of room.
    Schema *schema = large_schema(0, 0, 0, 0);
    schema->provider_name = schema->event_name = "";
    const uint32_t most = WIRE_MAX_OUT - WIRE_HEAD_BYTES - WIRE_SCHEMA_FIXED - WIRE_TLV_HEAD;
    char *message = arena_alloc(&schema->arena, most + 2);
    for (uint32_t n = most - 1; n <= most + 1; n++) {
        memset(message, 'm', n);
        message[n] = '\0';
        schema->message = message;
        Buf out = encode(schema, n <= most ? 0 : SCHEMA_WIRE_REDUCED);
        buf_deinit(&out);
    }
    schema_unref(schema);
}
