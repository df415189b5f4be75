// Schemas of the scenario `kinds`: TRACE_EVENT_INFO with all types and shapes, TraceLogging, and an
// EventSource.

#include <stdio.h>

#include "tests/etlgen/es_manifest.h"
#include "tests/etlgen/sample_value.h"
#include "tests/etlgen/scenario_kinds.h"
#include "tests/etlgen/tl_builder.h"

const Guid kinds_tracelogging_guid =
    GUID_INIT(0x4b1d5000u, 0x0003, 0x4e6b, 0x8a, 0x11, 0x6b, 0x69, 0x6e, 0x64, 0x73, 0x03);
const Guid kinds_eventsource_guid =
    GUID_INIT(0x4b1d5000u, 0x0004, 0x4e6b, 0x8a, 0x11, 0x6b, 0x69, 0x6e, 0x64, 0x73, 0x04);

#define PROVIDER_NAME "EtwBroker-Sample-Kinds"
#define PID           6120
#define TID           6124

static TeiEvent event_info(uint16_t id, const TeiField *fields, uint32_t n_fields, uint32_t n_top) {
    TeiEvent e = {.provider = kinds_guid, .provider_name = PROVIDER_NAME};
    e.desc = (EventDescriptor){
        .id = id, .channel = 16, .level = 4, .task = 7, .keyword = 0x8000000000000002u};
    e.level_name = "Information";
    e.channel_name = PROVIDER_NAME "/Operational";
    e.keyword_names = "Two|Sixty-four";
    e.task_name = "Show";
    e.fields = fields;
    e.n_fields = n_fields;
    e.n_top = n_top;
    return e;
}

// Emits the payload built in g with a schema that lives only for this call.
static void emit(Gen *g, const TeiEvent *schema) {
    gen_advance(g, 60);
    uint32_t cpu = gen_cpu(g);
    gen_event_info(g, cpu, schema);
    EtlwEvent e = {
        .header_type = ETL_HEADER_EVENT64, .guid = schema->provider, .desc = schema->desc};
    e.pid = PID;
    e.tid = TID;
    gen_emit(g, cpu, &e);
}

// Ids 1000 + in-type: three values of one type, with a message that shows them.
static void each_in_type(Gen *g) {
    for (size_t i = 0; sample_in_types[i] != UINT16_MAX; i++) {
        uint16_t in_type = sample_in_types[i];
        bool takes_rest = in_type == IN_NONNULL_STRING || in_type == IN_NONNULL_ANSI;
        TeiField fields[3] = {{.name = "First"}, {.name = "Second"}, {.name = "Third"}};
        uint32_t n = takes_rest ? 1 : 3;
        for (uint32_t k = 0; k < n; k++) {
            fields[k].in_type = in_type;
            sample_value(&g->payload, in_type, 8, k);
        }
        TeiEvent e = event_info((uint16_t)(1000 + in_type), fields, n, n);
        e.message = n == 3 ? "values %1, %2 and %3 " : "value %1 ";
        e.event_name = sample_type_name(in_type);
        emit(g, &e);
        // The same schema serves a 32-bit process: pointers are narrow there.
        gen_advance(g, 60);
        for (uint32_t k = 0; k < n; k++)
            sample_value(&g->payload, in_type, 4, k + 7);
        EtlwEvent narrow = {.header_type = ETL_HEADER_EVENT32, .guid = kinds_guid, .desc = e.desc};
        narrow.pid = PID + 4;
        narrow.tid = TID + 4;
        gen_emit(g, gen_cpu(g), &narrow);
    }
}

typedef struct TypePair {
    uint16_t in_type, out_type;
} TypePair;

static const TypePair out_pairs[] = {
    {IN_UTF16, OUT_STRING},
    {IN_UTF16, OUT_XML},
    {IN_UTF16, OUT_JSON},
    {IN_ANSI, OUT_UTF8},
    {IN_ANSI, OUT_XML},
    {IN_ANSI, OUT_JSON},
    {IN_I8, OUT_BYTE},
    {IN_I8, OUT_STRING},
    {IN_U8, OUT_UBYTE},
    {IN_U8, OUT_HEX8},
    {IN_U8, OUT_BOOL},
    {IN_U8, OUT_STRING},
    {IN_I16, OUT_SHORT},
    {IN_U16, OUT_USHORT},
    {IN_U16, OUT_HEX16},
    {IN_U16, OUT_PORT},
    {IN_U16, OUT_STRING},
    {IN_I32, OUT_INT},
    {IN_I32, OUT_HRESULT},
    {IN_U32, OUT_UINT},
    {IN_U32, OUT_HEX32},
    {IN_U32, OUT_PID},
    {IN_U32, OUT_TID},
    {IN_U32, OUT_IPV4},
    {IN_U32, OUT_ETW_TIME},
    {IN_U32, OUT_ERROR_CODE},
    {IN_U32, OUT_WIN32_ERROR},
    {IN_U32, OUT_NTSTATUS},
    {IN_U32, OUT_HRESULT},
    {IN_I64, OUT_LONG},
    {IN_U64, OUT_ULONG},
    {IN_U64, OUT_HEX64},
    {IN_U64, OUT_ETW_TIME},
    {IN_U64, OUT_CODE_POINTER},
    {IN_FLOAT, OUT_FLOAT},
    {IN_DOUBLE, OUT_DOUBLE},
    {IN_BOOL32, OUT_BOOL},
    {IN_GUID, OUT_GUID},
    {IN_POINTER, OUT_HEX64},
    {IN_POINTER, OUT_CODE_POINTER},
    {IN_FILETIME, OUT_DATETIME},
    {IN_FILETIME, OUT_DATETIME_INVARIANT},
    {IN_FILETIME, OUT_DATETIME_UTC},
    {IN_SYSTEMTIME, OUT_DATETIME},
    {IN_SID, OUT_STRING},
    {IN_HEX32, OUT_HEX32},
    {IN_HEX32, OUT_WIN32_ERROR},
    {IN_HEX32, OUT_NTSTATUS},
    {IN_HEX32, OUT_HRESULT},
    {IN_HEX64, OUT_HEX64},
    {IN_COUNTED_UTF16, OUT_JSON},
    {IN_COUNTED_BINARY, OUT_HEXBINARY},
    {IN_UTF16, OUT_REDUCED_STRING},
    {IN_U32, OUT_NO_PRINT},
};

// Id 1500: a field for each pair of types.
static void each_out_type(Gen *g) {
    TeiField fields[ARRAY_COUNT(out_pairs)];
    char names[ARRAY_COUNT(out_pairs)][32];
    for (uint32_t i = 0; i < ARRAY_COUNT(out_pairs); i++) {
        snprintf(names[i], sizeof names[i], "%sAs%u", sample_type_name(out_pairs[i].in_type),
                 out_pairs[i].out_type);
        fields[i] = (TeiField){.name = names[i], .in_type = out_pairs[i].in_type};
        fields[i].out_type = out_pairs[i].out_type;
        sample_value(&g->payload, out_pairs[i].in_type, 8, i);
    }
    TeiEvent e = event_info(1500, fields, ARRAY_COUNT(fields), ARRAY_COUNT(fields));
    emit(g, &e);
}

// Id 1600: lengths and counts, fixed and from other fields.
static void lengths_and_counts(Gen *g) {
    static const TeiField fields[] = {
        {.name = "Fixed8Chars", .in_type = IN_UTF16, .flags = TEI_FIXED_LENGTH, .length = 8},
        {.name = "Chars", .in_type = IN_U16},
        {.name = "CharsLong", .in_type = IN_UTF16, .flags = TEI_PARAM_LENGTH, .length = 1},
        {.name = "AnsiFixed4", .in_type = IN_ANSI, .flags = TEI_FIXED_LENGTH, .length = 4},
        {.name = "Blob6", .in_type = IN_BINARY, .flags = TEI_FIXED_LENGTH, .length = 6},
        {.name = "BlobBytes", .in_type = IN_U32},
        {.name = "Blob",
         .in_type = IN_BINARY,
         .out_type = OUT_HEXBINARY,
         .flags = TEI_PARAM_LENGTH,
         .length = 5},
        {.name = "Address6",
         .in_type = IN_BINARY,
         .out_type = OUT_IPV6,
         .flags = TEI_FIXED_LENGTH,
         .length = 16},
        {.name = "Address6Bare", .in_type = IN_BINARY, .out_type = OUT_IPV6},
        {.name = "Socket4",
         .in_type = IN_BINARY,
         .out_type = OUT_SOCKADDR,
         .flags = TEI_FIXED_LENGTH,
         .length = 16},
        {.name = "SocketBytes", .in_type = IN_U32},
        {.name = "Socket6",
         .in_type = IN_BINARY,
         .out_type = OUT_SOCKADDR,
         .flags = TEI_PARAM_LENGTH,
         .length = 10},
        {.name = "Three", .in_type = IN_U16, .flags = TEI_FIXED_COUNT, .count = 3},
        {.name = "Count", .in_type = IN_U8},
        {.name = "Words", .in_type = IN_U32, .flags = TEI_PARAM_COUNT, .count = 13},
        {.name = "Names", .in_type = IN_UTF16, .flags = TEI_PARAM_COUNT, .count = 13},
        {.name = "Sids", .in_type = IN_SID, .flags = TEI_FIXED_COUNT, .count = 2},
        {.name = "None", .in_type = IN_U16},
        {.name = "Empty", .in_type = IN_U64, .flags = TEI_PARAM_COUNT, .count = 17},
        {.name = "Tagged", .in_type = IN_U32, .flags = TEI_TAGS, .tags = 0x0abcdef},
        {.name = "Cut", .in_type = IN_UTF16},
    };
    static const uint16_t v6[8] = {0x2001, 0xdb8, 0, 0, 0, 0, 0, 1};
    Buf *p = &g->payload;
    blob_utf16(p, "fix");
    buf_zero(p, 10);
    buf_u16(p, 5);
    blob_utf16(p, "abcde");
    blob_ansi(p, "ANSI");
    buf_append(p, "\x01\x02\x03\x04\x05\x06", 6);
    buf_u32(p, 3);
    buf_append(p, "\xaa\xbb\xcc", 3);
    blob_ipv6(p, v6);
    blob_ipv6(p, v6);
    buf_u16(p, 2); // AF_INET
    blob_be16(p, 443);
    blob_ipv4(p, 0xc0a80117);
    buf_zero(p, 8);
    buf_u32(p, 28);
    buf_u16(p, 23); // AF_INET6
    blob_be16(p, 8443);
    buf_u32(p, 0);
    blob_ipv6(p, v6);
    buf_u32(p, 4); // scope
    for (uint16_t i = 1; i <= 3; i++)
        buf_u16(p, i);
    blob_u8(p, 2);
    buf_u32(p, 10);
    buf_u32(p, 20);
    blob_utf16z(p, "first");
    blob_utf16z(p, "");
    sample_value(p, IN_SID, 8, 0);
    sample_value(p, IN_SID, 8, 1);
    buf_u16(p, 0);
    buf_u32(p, 5);
    blob_utf16(p, "no NUL at the end");
    TeiEvent e = event_info(1600, fields, ARRAY_COUNT(fields), ARRAY_COUNT(fields));
    e.message = "length %2: %3; %14 words: %15%n100%% done%! ";
    emit(g, &e);
}

// Id 1700: a struct, a fixed and a counted array of structs, a struct in a struct.
static void structs(Gen *g) {
    static const TeiField fields[] = {
        {.name = "Point", .in_type = 6, .out_type = 2, .flags = TEI_STRUCT},
        {.name = "Corners",
         .in_type = 8,
         .out_type = 2,
         .flags = TEI_STRUCT | TEI_FIXED_COUNT,
         .count = 2},
        {.name = "Items", .in_type = IN_U16},
        {.name = "Item",
         .in_type = 10,
         .out_type = 3,
         .flags = TEI_STRUCT | TEI_PARAM_COUNT,
         .count = 2},
        {.name = "Outer", .in_type = 13, .out_type = 2, .flags = TEI_STRUCT},
        {.name = "After", .in_type = IN_U32},
        {.name = "X", .in_type = IN_I32},
        {.name = "Y", .in_type = IN_I32},
        {.name = "X", .in_type = IN_I32},
        {.name = "Y", .in_type = IN_I32},
        {.name = "Id", .in_type = IN_U32},
        {.name = "Name", .in_type = IN_UTF16},
        {.name = "Where", .in_type = 15, .out_type = 2, .flags = TEI_STRUCT},
        {.name = "Depth", .in_type = IN_U8},
        {.name = "Inner", .in_type = 17, .out_type = 2, .flags = TEI_STRUCT},
        {.name = "Row", .in_type = IN_U16},
        {.name = "Text", .in_type = IN_ANSI},
        {.name = "Row", .in_type = IN_U16},
        {.name = "Text", .in_type = IN_ANSI},
    };
    Buf *p = &g->payload;
    buf_u32(p, 1);
    buf_u32(p, (uint32_t)-1);
    for (uint32_t i = 0; i < 4; i++)
        buf_u32(p, i * 100);
    buf_u16(p, 2);
    for (uint32_t i = 0; i < 2; i++) {
        buf_u32(p, 7 + i);
        blob_utf16z(p, i == 0 ? "seven" : "eight");
        buf_u16(p, (uint16_t)i);
        blob_ansiz(p, "where");
    }
    blob_u8(p, 1);
    buf_u16(p, 77);
    blob_ansiz(p, "inner");
    buf_u32(p, 0xcafe);
    TeiEvent e = event_info(1700, fields, ARRAY_COUNT(fields), 6);
    emit(g, &e);
}

// Id 1800: a value map and a bitmap; known values, unknown ones, none.
static void maps(Gen *g) {
    static const TeiMapEntry states[] = {{0, "Stopped"}, {1, "Starting"}, {4, "Running"}};
    static const TeiMapEntry rights[] = {
        {1, "Read"}, {2, "Write"}, {0x10, "Delete"}, {0x80000000u, "Special"}};
    static const TeiMap all[] = {{"StateMap", TEI_MAP_VALUES, states, ARRAY_COUNT(states)},
                                 {"RightsMap", TEI_MAP_BITS, rights, ARRAY_COUNT(rights)}};
    static const TeiField fields[] = {
        {.name = "State", .in_type = IN_U32, .map = "StateMap"},
        {.name = "Rights", .in_type = IN_HEX32, .map = "RightsMap"},
        {.name = "Small", .in_type = IN_U8, .map = "StateMap"},
        {.name = "Missing", .in_type = IN_U32, .map = "NoSuchMap"},
    };
    static const uint32_t values[][3] = {{4, 0x80000013u, 1}, {9, 0x24, 0}, {0, 0, 4}};
    TeiEvent e = event_info(1800, fields, ARRAY_COUNT(fields), ARRAY_COUNT(fields));
    e.message = "state %1, rights %2 ";
    for (size_t i = 0; i < ARRAY_COUNT(all); i++)
        gen_map_info(g, 0, &kinds_guid, &all[i]);
    for (size_t i = 0; i < ARRAY_COUNT(values); i++) {
        buf_u32(&g->payload, values[i][0]);
        buf_u32(&g->payload, values[i][1]);
        blob_u8(&g->payload, (uint8_t)values[i][2]);
        buf_u32(&g->payload, 5);
        emit(g, &e);
    }
}

// A MOF event: its key is (event class GUID, opcode, version).
static void mof_event(Gen *g) {
    static const Guid class_guid =
        GUID_INIT(0x4b1d5000u, 0x0005, 0x4e6b, 0x8a, 0x11, 0x6b, 0x69, 0x6e, 0x64, 0x73, 0x05);
    static const TeiField fields[] = {
        {.name = "Handle", .in_type = IN_POINTER},
        {.name = "Owner", .in_type = IN_WBEM_SID},
        {.name = "Path", .in_type = IN_COUNTED_STRING},
    };
    TeiEvent e = event_info(0, fields, ARRAY_COUNT(fields), ARRAY_COUNT(fields));
    e.event_guid = class_guid;
    e.decoding_source = 1;
    e.desc = (EventDescriptor){.version = 2, .opcode = 14};
    e.opcode_name = "Assign";
    gen_advance(g, 60);
    gen_event_info(g, 0, &e);
    for (uint32_t i = 0; i < ARRAY_COUNT(fields); i++)
        sample_value(&g->payload, fields[i].in_type, 8, i);
    gen_classic(g, 0, &class_guid, 14, 2, PID, TID);
    // Nothing describes this one.
    gen_advance(g, 60);
    EtlwEvent none = {
        .header_type = ETL_HEADER_EVENT64, .guid = kinds_guid, .pid = PID, .tid = TID};
    none.desc = (EventDescriptor){.id = 4711, .level = 3, .keyword = 0x2};
    buf_append(&g->payload, "\x10\x20\x30\x40", 4);
    gen_emit(g, 0, &none);
}

void kinds_schemas(Gen *g) {
    each_in_type(g);
    each_out_type(g);
    lengths_and_counts(g);
    structs(g);
    maps(g);
    mof_event(g);
}

// --- TraceLogging ---

typedef struct TlPair {
    uint8_t in_type, out_type;
} TlPair;

// Numbers of out-types as TraceLogging has them.
static const TlPair tl_out_types[] = {
    {IN_I32, 0},    {IN_U8, 2},        {IN_U8, 3},   {IN_I32, 4},    {IN_U32, 5},
    {IN_U32, 6},    {IN_U16, 7},       {IN_U32, 8},  {IN_BINARY, 9}, {IN_BINARY, 10},
    {IN_UTF16, 11}, {IN_UTF16, 12},    {IN_U32, 13}, {IN_U32, 14},   {IN_U32, 15},
    {IN_U64, 16},   {IN_U32, 17},      {IN_I32, 18}, {IN_ANSI, 35},  {IN_BINARY, 36},
    {IN_HEX64, 37}, {IN_FILETIME, 38}, {IN_U32, 1},
};

static void emit_tl(Gen *g, const Buf *traits, Buf *metadata) {
    gen_advance(g, 60);
    gen_tracelogging(g, gen_cpu(g), &kinds_tracelogging_guid, traits, metadata, 5, 0x4, 0, PID,
                     TID);
    buf_clear(metadata);
}

static void tl_all_types(Gen *g, const Buf *traits, Buf *metadata, uint8_t kind) {
    static const char *const names[] = {"EveryType", "ConstArrays", "VarArrays"};
    TlBuilder tl = tlb_begin(metadata, names[kind], kind == 1 ? 0x0abcdef : kind);
    for (uint32_t i = 0; sample_tl_in_types[i] != UINT16_MAX; i++) {
        uint8_t in_type = (uint8_t)sample_tl_in_types[i];
        if (kind != 0 && in_type == IN_NULL)
            continue;
        const char *name = sample_type_name(in_type);
        uint32_t n = 1;
        if (kind == 0) {
            tlb_field(&tl, name, in_type, 0, i % 4 == 3 ? 0x3fff + i : 0);
        } else if (kind == 1) {
            tlb_const_array(&tl, name, in_type, 0, (uint16_t)(n = 2));
        } else {
            tlb_var_array(&tl, name, in_type, 0);
            n = i % 4;
            buf_u16(&g->payload, (uint16_t)n);
        }
        for (uint32_t k = 0; k < n; k++)
            sample_value(&g->payload, in_type, 8, k);
    }
    tlb_end(&tl);
    emit_tl(g, traits, metadata);
}

static void tl_out(Gen *g, const Buf *traits, Buf *metadata) {
    TlBuilder tl = tlb_begin(metadata, "OutTypes", 0);
    for (uint32_t i = 0; i < ARRAY_COUNT(tl_out_types); i++) {
        uint8_t out = tl_out_types[i].out_type;
        uint8_t in = tl_out_types[i].in_type;
        char name[16];
        snprintf(name, sizeof name, "Out%u", out);
        tlb_field(&tl, name, in, out, out == 4 ? 1 : 0);
        if (out == 9 || out == 10) { // an address must have its length
            buf_u16(&g->payload, 16);
            buf_u16(&g->payload, out == 10 ? 2 : 0x120);
            blob_be16(&g->payload, 443);
            blob_ipv4(&g->payload, 0x0a000001);
            buf_zero(&g->payload, 8);
        } else {
            sample_value(&g->payload, in, 8, i);
        }
    }
    tlb_end(&tl);
    emit_tl(g, traits, metadata);
}

static void tl_structs(Gen *g, const Buf *traits, Buf *metadata) {
    Buf *p = &g->payload;
    TlBuilder tl = tlb_begin(metadata, "Structs", 0);
    tlb_struct(&tl, "Outer", 3, 0);
    tlb_field(&tl, "A", IN_U8, 0, 0);
    tlb_struct(&tl, "Inner", 2, 2); // twice
    tlb_field(&tl, "B", IN_U16, 0, 0);
    tlb_field(&tl, "Name", IN_UTF16, 0, 0);
    tlb_field(&tl, "C", IN_HEX32, 0, 0);
    tlb_struct(&tl, "Rows", 1, UINT32_MAX);
    tlb_field(&tl, "Cell", IN_COUNTED_UTF16, 0, 0);
    tlb_custom(&tl, "Custom", IN_U8, 0, "\x09\x08", 2);
    tlb_field(&tl, "Last", IN_U32, 0, 0);
    tlb_end(&tl);
    blob_u8(p, 1);
    for (uint16_t i = 0; i < 2; i++) {
        buf_u16(p, (uint16_t)(100 + i));
        blob_utf16z(p, i == 0 ? "eins" : "zwei");
    }
    buf_u32(p, 0xc0000005u);
    buf_u16(p, 2);
    blob_counted_utf16(p, "cell 1");
    blob_counted_utf16(p, "");
    buf_u16(p, 3);
    buf_append(p, "abc", 3);
    buf_u32(p, 42);
    emit_tl(g, traits, metadata);
}

void kinds_tracelogging(Gen *g) {
    Buf traits = BUF_INIT, metadata = BUF_INIT;
    tlb_traits(&traits, "EtwBroker.Sample.Kinds", &kinds_message_guid);
    for (uint8_t kind = 0; kind < 3; kind++)
        tl_all_types(g, &traits, &metadata, kind);
    tl_out(g, &traits, &metadata);
    tl_structs(g, &traits, &metadata);
    // An event without fields; traits without a group.
    buf_clear(&traits);
    tlb_traits(&traits, "EtwBroker.Sample.Kinds", NULL);
    TlBuilder tl = tlb_begin(&metadata, "Nothing", 0);
    tlb_end(&tl);
    emit_tl(g, &traits, &metadata);
    buf_deinit(&traits);
    buf_deinit(&metadata);
}

// --- EventSource ---

void kinds_eventsource(Gen *g) {
    static const EsManifestField fields[] = {
        {"text", "win:UnicodeString", NULL, NULL, NULL},
        {"flag", "win:Boolean", NULL, NULL, NULL},
        {"small", "win:Int16", NULL, NULL, NULL},
        {"big", "win:UInt64", NULL, NULL, NULL},
        {"ratio", "win:Double", NULL, NULL, NULL},
        {"id", "win:GUID", NULL, NULL, NULL},
        {"when", "win:FILETIME", NULL, NULL, NULL},
        {"where", "win:Pointer", NULL, NULL, NULL},
        {"mode", "win:Int32", NULL, "Mode", NULL},
        {"dataSize", "win:UInt32", NULL, NULL, NULL},
        {"data", "win:Binary", NULL, NULL, "dataSize"},
    };
    static const EsManifestName tasks[] = {{1, "Work"}, {65533, "Report"}};
    static const EsManifestName opcodes[] = {{11, "Checkpoint"}};
    static const EsManifestName keywords[] = {{1, "Fast"}, {2, "Slow"}};
    static const EsManifestName modes[] = {{0, "Off"}, {1, "On"}, {2, "Auto"}};
    static const EsManifestMap map = {"Mode", false, modes, ARRAY_COUNT(modes)};
    static const EsManifestEvent events[] = {
        {1, 0, 4, 0, 65533, "Report", "Fast Slow", "Report \"{0}\" <%1> & co", fields,
         ARRAY_COUNT(fields)},
        {2, 1, 5, 11, 1, "WorkCheckpoint", "Fast", NULL, fields, 1},
        {3, 0, 2, 1, 1, "WorkStart", NULL, NULL, NULL, 0},
    };
    const EsManifest manifest = {.guid = kinds_eventsource_guid,
                                 .name = "EtwBroker-Sample-EventSource",
                                 .tasks = tasks,
                                 .n_tasks = ARRAY_COUNT(tasks),
                                 .opcodes = opcodes,
                                 .n_opcodes = ARRAY_COUNT(opcodes),
                                 .keywords = keywords,
                                 .n_keywords = ARRAY_COUNT(keywords),
                                 .maps = &map,
                                 .n_maps = 1,
                                 .events = events,
                                 .n_events = ARRAY_COUNT(events)};
    Buf xml = BUF_INIT;
    es_manifest_xml(&xml, &manifest);
    // Small chunks: a manifest that arrives in pieces; then, restated, all at once.
    gen_manifest_chunks(g, 0, &kinds_eventsource_guid, &xml, 700, PID, TID);
    gen_advance(g, 500);
    gen_manifest_chunks(g, 0, &kinds_eventsource_guid, &xml, ES_MANIFEST_CHUNK, PID, TID);
    buf_deinit(&xml);
    for (size_t i = 0; i < ARRAY_COUNT(events); i++) {
        static const uint16_t types[] = {IN_UTF16,  IN_BOOL32, IN_I16,      IN_U64,
                                         IN_DOUBLE, IN_GUID,   IN_FILETIME, IN_POINTER};
        EtlwEvent e = {.header_type = ETL_HEADER_EVENT64,
                       .guid = kinds_eventsource_guid,
                       .pid = PID,
                       .tid = TID};
        e.desc = (EventDescriptor){
            .id = events[i].id, .version = events[i].version, .level = events[i].level};
        e.desc.opcode = events[i].opcode;
        e.desc.task = events[i].task;
        e.desc.keyword = i == 0 ? 3 : i == 1 ? 1 : 0;
        for (size_t k = 0; k < ARRAY_COUNT(types) && k < events[i].n_fields; k++)
            sample_value(&g->payload, types[k], 8, (uint32_t)k);
        if (i == 0) {
            buf_u32(&g->payload, 2);
            buf_u32(&g->payload, 4);
            buf_append(&g->payload, "\x11\x22\x33\x44", 4);
        }
        gen_advance(g, 60);
        gen_emit(g, 0, &e);
    }
}
