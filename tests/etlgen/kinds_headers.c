// Headers, WPP messages and extended items of the scenario `kinds`.

#include "tests/etlgen/scenario_kinds.h"

const Guid kinds_guid =
    GUID_INIT(0x4b1d5000u, 0x0001, 0x4e6b, 0x8a, 0x11, 0x6b, 0x69, 0x6e, 0x64, 0x73, 0x01);
const Guid kinds_message_guid =
    GUID_INIT(0x4b1d5000u, 0x0002, 0x4e6b, 0x8a, 0x11, 0x6b, 0x69, 0x6e, 0x64, 0x73, 0x02);

static const uint64_t counters[7] = {1000001, 2000002, 3000003, 4000004, 5, 6000000000006, 7};

static void kernel_headers(Gen *g) {
    static const uint8_t types[] = {ETL_HEADER_SYSTEM32,   ETL_HEADER_SYSTEM64,
                                    ETL_HEADER_COMPACT32,  ETL_HEADER_COMPACT64,
                                    ETL_HEADER_PERFINFO32, ETL_HEADER_PERFINFO64};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        for (uint8_t n_pmc = 0; n_pmc <= 7; n_pmc++) {
            for (int pebs = 0; pebs <= 1; pebs++) {
                gen_advance(g, 100);
                EtlwEvent e = {.header_type = types[i], .group = GROUP_THREAD, .pid = 8, .tid = 7};
                e.desc = (EventDescriptor){.version = 2, .opcode = THREAD_CSWITCH};
                e.pmc = counters;
                e.n_pmc = n_pmc;
                e.has_pebs = pebs != 0;
                e.pebs = 0x1122334455667788u;
                kp_cswitch(&g->payload, 100 + n_pmc, 0, 8, 0, 6, 3);
                gen_emit(g, gen_cpu(g), &e);
            }
        }
        // Every kernel group, and the image hook in the process group.
        for (uint8_t group = 0; group <= 0x1e; group++) {
            gen_advance(g, 50);
            buf_u64(&g->payload, group);
            gen_kernel(g, gen_cpu(g), types[i], group, group == GROUP_PROCESS ? IMAGE_LOAD : 119, 9,
                       12, 16);
        }
    }
}

static void other_headers(Gen *g) {
    static const uint8_t types[] = {
        ETL_HEADER_FULL32,  ETL_HEADER_FULL64,  ETL_HEADER_INSTANCE32, ETL_HEADER_INSTANCE64,
        ETL_HEADER_EVENT32, ETL_HEADER_EVENT64, ETL_HEADER_ERROR};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        // Payloads of 0 … 9 bytes: every padding.
        for (uint32_t bytes = 0; bytes < 10; bytes++) {
            gen_advance(g, 70);
            EtlwEvent e = {.header_type = types[i], .guid = kinds_guid, .pid = 8, .tid = 7};
            e.desc = (EventDescriptor){
                5, 1, 16, (uint8_t)(bytes % 6), (uint8_t)bytes, 3, 0x8000000000000021u};
            e.kernel_time = 3;
            e.user_time = 4;
            e.flags = (uint16_t)(bytes % 2 == 0 ? 0 : 0x10); // NO_CPUTIME
            e.property = (uint16_t)(bytes % 3 == 0 ? 8 : 0); // RELOGGABLE
            e.instance = 21;
            e.parent_instance = 20;
            e.parent_guid = kinds_message_guid;
            e.activity = bytes % 2 == 0 ? GUID_NULL : kinds_message_guid;
            for (uint32_t k = 0; k < bytes; k++)
                blob_u8(&g->payload, (uint8_t)(0x30 + k));
            gen_emit(g, gen_cpu(g), &e);
        }
    }
    // Ids that mean "unknown" in a header that has them.
    gen_advance(g, 70);
    buf_u32(&g->payload, 1);
    gen_classic(g, 0, &kinds_guid, 1, 0, 4, UINT32_MAX);
    // A string and nothing else.
    EtlwEvent text = {
        .header_type = ETL_HEADER_EVENT64, .guid = kinds_guid, .flags = 4, .pid = 8, .tid = 7};
    gen_advance(g, 70);
    blob_utf16z(&g->payload, "EtwWriteString: tiếng Việt");
    gen_emit(g, 0, &text);
}

static void unknown_headers(Gen *g) {
    static const uint8_t types[] = {ETL_HEADER_TIMED, ETL_HEADER_WNODE, 22, 63, 200, 255};
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        EtlwEvent e = {.header_type = types[i]};
        buf_u32(&g->payload, 0x01020304);
        buf_zero(&g->payload, 4 + i);
        gen_emit(g, gen_cpu(g), &e);
    }
}

// All 256 combinations of the option bits.
static void messages(Gen *g) {
    for (uint16_t options = 0; options < 256; options++) {
        gen_advance(g, 30);
        EtlwEvent e = {
            .header_type = ETL_HEADER_MESSAGE, .guid = kinds_message_guid, .pid = 8, .tid = 7};
        e.desc.id = (uint16_t)(10 + options);
        e.wpp_options = options;
        e.wpp_sequence = 99;
        e.wpp_component = 0x1234;
        buf_u32(&g->payload, options);
        gen_emit(g, options % 2, &e);
    }
}

void kinds_headers(Gen *g) {
    kernel_headers(g);
    other_headers(g);
    unknown_headers(g);
    messages(g);
}

// --- extended items ---

typedef struct ItemSpan {
    uint16_t type;
    size_t at, bytes;
} ItemSpan;

static void item(Buf *data, ItemSpan *spans, size_t *n, uint16_t type, size_t start) {
    spans[*n] = (ItemSpan){type, start, data->bytes - start};
    (*n)++;
    // Items are 8-aligned in the file; here only the data must not move into each other.
    buf_zero(data, ALIGN8(data->bytes) - data->bytes);
}

static void stack_item(Buf *data, ItemSpan *spans, size_t *n, uint16_t type, uint8_t pointer_size) {
    size_t start = data->bytes;
    buf_u64(data, 0); // MatchId
    blob_pointer(data, pointer_size, pointer_size == 4 ? 0x77310000u : 0x00007ffd81230000u);
    blob_pointer(data, pointer_size, pointer_size == 4 ? 0x00401010u : 0x00007ff612341010u);
    item(data, spans, n, type, start);
}

static void number_item(Buf *data, ItemSpan *spans, size_t *n, uint16_t type, uint64_t v,
                        size_t bytes) {
    size_t start = data->bytes;
    buf_append(data, &v, bytes);
    item(data, spans, n, type, start);
}

static void guid_item(Buf *data, ItemSpan *spans, size_t *n, uint16_t type) {
    size_t start = data->bytes;
    blob_guid(data, &kinds_message_guid);
    item(data, spans, n, type, start);
}

static size_t build_items(Buf *data, ItemSpan *spans) {
    static const SidSpec user = {5, 5, {21, 1004336348, 1177238915, 682003330, 1001}};
    size_t n = 0, start;
    guid_item(data, spans, &n, EVENT_ITEM_RELATED_ACTIVITY);
    start = data->bytes;
    blob_sid(data, &user);
    item(data, spans, &n, EVENT_ITEM_SID, start);
    number_item(data, spans, &n, EVENT_ITEM_SESSION_ID, 2, 4);
    start = data->bytes;
    buf_u32(data, 21);
    buf_u32(data, 20);
    blob_guid(data, &kinds_message_guid);
    item(data, spans, &n, EVENT_ITEM_INSTANCE, start);
    stack_item(data, spans, &n, EVENT_ITEM_STACK32, 4);
    stack_item(data, spans, &n, EVENT_ITEM_STACK64, 8);
    number_item(data, spans, &n, EVENT_ITEM_PEBS, 77, 8);
    start = data->bytes;
    buf_append(data, counters, sizeof counters);
    item(data, spans, &n, EVENT_ITEM_PMC, start);
    start = data->bytes;
    blob_utf16z(data, "Contoso.App_8wekyb3d8bbwe");
    item(data, spans, &n, EVENT_ITEM_PSM_KEY, start);
    number_item(data, spans, &n, EVENT_ITEM_EVENT_KEY, 0xabcdef, 8);
    number_item(data, spans, &n, EVENT_ITEM_START_KEY, 0x00040000000004d2u, 8);
    guid_item(data, spans, &n, EVENT_ITEM_CONTROL_GUID);
    number_item(data, spans, &n, EVENT_ITEM_QPC_DELTA, 123, 8);
    guid_item(data, spans, &n, EVENT_ITEM_CONTAINER);
    start = data->bytes;
    buf_u64(data, 0);
    buf_u32(data, 0x8f001230u);
    item(data, spans, &n, EVENT_ITEM_STACK_KEY32, start);
    start = data->bytes;
    buf_u64(data, 0);
    buf_u64(data, 0xfffffa830343ed90u);
    item(data, spans, &n, EVENT_ITEM_STACK_KEY64, start);
    // One that no Windows has, and an empty one.
    number_item(data, spans, &n, 99, 0x5566, 2);
    start = data->bytes;
    item(data, spans, &n, 98, start);
    return n;
}

void kinds_items(Gen *g) {
    ItemSpan spans[24];
    EtlwItem items[24];
    Buf data = BUF_INIT;
    size_t n = build_items(&data, spans);
    if (data.failed) {
        g->status = -(int)STATUS_NO_MEMORY;
        n = 0;
    }
    for (size_t i = 0; i < n; i++)
        items[i] = (EtlwItem){spans[i].type, (uint16_t)spans[i].bytes, data.data + spans[i].at};
    for (uint8_t wide = 0; wide <= 1; wide++) {
        for (size_t i = 0; i <= n; i++) {
            gen_advance(g, 40);
            EtlwEvent e = {.header_type = wide ? ETL_HEADER_EVENT64 : ETL_HEADER_EVENT32};
            e.guid = kinds_guid;
            e.desc = (EventDescriptor){.id = 6, .level = 4, .keyword = 0x40};
            e.pid = 8;
            e.tid = 7;
            e.items = i < n ? &items[i] : items; // the last time all of them
            e.n_items = i < n ? 1 : (uint32_t)n;
            buf_zero(&g->payload, i % 9);
            gen_emit(g, gen_cpu(g), &e);
        }
    }
    buf_deinit(&data);
}
