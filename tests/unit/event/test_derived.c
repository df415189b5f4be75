// Values in other forms: addresses and ports, names and data of registry values.
#include "unit/event/make.h"

#include <stdio.h>

#include "event/derived.h"
#include "util/mem.h"

static Made m;
static Buf scratch;

static void tear_down(void) {
    made_free(&m);
    buf_deinit(&scratch);
}

static void kernel(const char *class, int opcode, int version, const char *hex) {
    made_free(&m);
    make_kernel(&m, class, opcode, version, hex, 8);
}

static void says(EnrichedField field, const char *text) {
    Value v;
    const char *name = enriched_field_name(field);
    bool there = derived_value(&m.record, m.schema, field, &scratch, &v);
    cr_assert_eq(there, text != NULL, "%s of %s", name, m.schema->event_name);
    if (text) {
        cr_assert(v.kind == VALUE_UTF8 && v.data && !v.field && !v.schema, "%s", name);
        cr_assert(v.bytes == strlen(text) && memcmp(v.data, text, v.bytes) == 0, "%s: %.*s", name,
                  (int)v.bytes, (const char *)v.data);
    }
}

static void counts(EnrichedField field, uint64_t n) {
    Value v;
    cr_assert(derived_value(&m.record, m.schema, field, &scratch, &v));
    cr_assert(v.kind == VALUE_U64 && v.u64 == n, "%s: kind %u, %llu", enriched_field_name(field),
              v.kind, (unsigned long long)v.u64);
}

#define NETWORK                                                                                    \
    (ENRICHED_BIT(ENRICHED_LOCAL_ADDRESS) | ENRICHED_BIT(ENRICHED_LOCAL_PORT) |                    \
     ENRICHED_BIT(ENRICHED_REMOTE_ADDRESS) | ENRICHED_BIT(ENRICHED_REMOTE_PORT))
#define DIRECTED (NETWORK | ENRICHED_BIT(ENRICHED_DIRECTION))

// PID, size, daddr 10.0.0.2, saddr 192.168.1.1, dport 443, sport 50000.
#define IPV4 "00010000 10000000 0a000002 c0a80101 01bb c350"
#define IPV6                                                                                       \
    "00010000 10000000 20010db8000000000000000000000001 fe800000000000000000000000000002 "         \
    "0050 c351"

static void local_is(const char *local, uint64_t local_port, const char *remote,
                     uint64_t remote_port) {
    says(ENRICHED_LOCAL_ADDRESS, local);
    counts(ENRICHED_LOCAL_PORT, local_port);
    says(ENRICHED_REMOTE_ADDRESS, remote);
    counts(ENRICHED_REMOTE_PORT, remote_port);
    says(ENRICHED_VALUE_NAME, NULL);
    says(ENRICHED_DATA, NULL);
    says(ENRICHED_FILE_NAME, NULL);
}

Test(derived, tcp, .fini = tear_down) {
    static const struct {
        int opcode;
        const char *direction;
    } ops[] = {{10, "Outbound"}, {11, "Inbound"}, {12, "Outbound"}, {13, NULL},
               {14, NULL},       {15, "Inbound"}, {16, NULL},       {18, NULL}};
    for (size_t i = 0; i < ARRAY_COUNT(ops); i++) {
        kernel("TcpIp", ops[i].opcode, 2, IPV4);
        local_is("192.168.1.1", 50000, "10.0.0.2", 443);
        says(ENRICHED_DIRECTION, ops[i].direction);
        cr_assert_eq(derived_fields(m.schema), ops[i].direction ? DIRECTED : NETWORK);
        kernel("TcpIp", ops[i].opcode + 16, 2, IPV6);
        local_is("fe80::2", 50001, "2001:db8::1", 80);
        says(ENRICHED_DIRECTION, ops[i].direction);
        cr_assert_eq(derived_fields(m.schema), ops[i].direction ? DIRECTED : NETWORK);
    }
    kernel("TcpIp", 12, 0, "0a000002 c0a80101 01bb c350 10000000 00010000");
    local_is("192.168.1.1", 50000, "10.0.0.2", 443);
    kernel("TcpIp", 17, 2, "0100 0200");
    cr_assert_eq(derived_fields(m.schema), 0);
    says(ENRICHED_LOCAL_ADDRESS, NULL);
}

// A received datagram has the packet's own source, which is the other side (net.4.5.2.x64: queries
// from other machines to port 1900 of this one).
Test(derived, udp, .fini = tear_down) {
    kernel("UdpIp", 10, 2, IPV4);
    local_is("192.168.1.1", 50000, "10.0.0.2", 443);
    says(ENRICHED_DIRECTION, "Outbound");
    kernel("UdpIp", 11, 2, IPV4);
    local_is("10.0.0.2", 443, "192.168.1.1", 50000);
    says(ENRICHED_DIRECTION, "Inbound");
    cr_assert_eq(derived_fields(m.schema), DIRECTED);
    kernel("UdpIp", 26, 2, IPV6);
    local_is("fe80::2", 50001, "2001:db8::1", 80);
    kernel("UdpIp", 27, 2, IPV6);
    local_is("2001:db8::1", 80, "fe80::2", 50001);
}

Test(derived, cut_addresses_are_no_addresses, .fini = tear_down) {
    kernel("TcpIp", 10, 2, IPV4);
    m.record.payload_bytes = 16; // PID, size, daddr, saddr
    says(ENRICHED_LOCAL_ADDRESS, "192.168.1.1");
    says(ENRICHED_REMOTE_PORT, NULL);
    m.record.payload_bytes = 15;
    says(ENRICHED_LOCAL_ADDRESS, NULL);
    says(ENRICHED_REMOTE_ADDRESS, "10.0.0.2");
    m.record.payload_bytes = 0;
    says(ENRICHED_REMOTE_ADDRESS, NULL);
    says(ENRICHED_DIRECTION, "Outbound");
}

static void manifest(const SchemaField *fields, uint16_t n, const Guid *provider, uint16_t id,
                     const char *hex) {
    made_free(&m);
    make(&m, fields, n, n, hex, 8);
    m.schema->provider = *provider;
    m.schema->desc.id = id;
}

Test(derived, kernel_network, .fini = tear_down) {
    static const Guid provider =
        GUID_INIT(0x7dd42a49, 0x5329, 0x4832, 0x8d, 0xfd, 0x43, 0xd9, 0x79, 0x15, 0x3a, 0x88);
    static const SchemaField bare[] = {
        FIELD("PID", IN_U32, OUT_DEFAULT),   FIELD("size", IN_U32, OUT_DEFAULT),
        FIELD("daddr", IN_U32, OUT_DEFAULT), FIELD("saddr", IN_U32, OUT_DEFAULT),
        FIELD("dport", IN_U16, OUT_DEFAULT), FIELD("sport", IN_U16, OUT_DEFAULT),
    };
    static const SchemaField typed[] = {
        FIELD("PID", IN_U32, OUT_PID),
        FIELD("size", IN_U32, OUT_DEFAULT),
        SIZED("daddr", IN_BINARY, OUT_IPV6, EXTENT_FIXED, 16),
        SIZED("saddr", IN_BINARY, OUT_IPV6, EXTENT_FIXED, 16),
        FIELD("dport", IN_U16, OUT_PORT),
        FIELD("sport", IN_U16, OUT_PORT),
    };
    static const struct {
        uint16_t id;
        const char *direction;
        bool swapped;
    } ids[] = {{10, "Outbound", false}, {11, "Inbound", false},  {12, "Outbound", false},
               {13, NULL, false},       {15, "Inbound", false},  {18, NULL, false},
               {42, "Outbound", false}, {43, "Inbound", true},   {26, "Outbound", false},
               {27, "Inbound", false},  {28, "Outbound", false}, {31, "Inbound", false},
               {58, "Outbound", false}, {59, "Inbound", true}};
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        manifest(bare, 6, &provider, ids[i].id, IPV4);
        cr_assert_eq(derived_fields(m.schema), ids[i].direction ? DIRECTED : NETWORK);
        says(ENRICHED_DIRECTION, ids[i].direction);
        if (ids[i].swapped)
            local_is("10.0.0.2", 443, "192.168.1.1", 50000);
        else
            local_is("192.168.1.1", 50000, "10.0.0.2", 443);
        manifest(typed, 6, &provider, ids[i].id, IPV6);
        if (ids[i].swapped)
            local_is("2001:db8::1", 80, "fe80::2", 50001);
        else
            local_is("fe80::2", 50001, "2001:db8::1", 80);
    }
}

Test(derived, classic_value_names, .fini = tear_down) {
    for (int opcode = 10; opcode <= 29; opcode++) {
        kernel("Registry", opcode, 2,
               "0000000000000000 00000000 00000000 1122334455667788 5200 7500 6e00 0000");
        bool value = opcode >= 14 && opcode <= 16;
        says(ENRICHED_VALUE_NAME, value ? "Run" : NULL);
        says(ENRICHED_DATA, NULL);
        cr_assert_eq(derived_fields(m.schema), value ? ENRICHED_BIT(ENRICHED_VALUE_NAME) : 0);
    }
    kernel("Registry", 14, 2, "0000000000000000 00000000 00000000 1122334455667788 0000");
    says(ENRICHED_VALUE_NAME, ""); // the default value
    kernel("Registry", 14, 2, "0000000000000000 00000000 00000000 1122334455667788 5200 75");
    says(ENRICHED_VALUE_NAME, "R");
    kernel("Registry", 14, 2, "0000000000000000 00000000 00000000 1122334455667788");
    says(ENRICHED_VALUE_NAME, NULL);
}

static const Guid kernel_registry =
    GUID_INIT(0x70eb4f03, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd);
static const SchemaField set_value[] = {
    FIELD("KeyObject", IN_POINTER, OUT_DEFAULT),
    FIELD("Status", IN_U32, OUT_NTSTATUS),
    FIELD("Type", IN_U32, OUT_DEFAULT),
    FIELD("DataSize", IN_U32, OUT_DEFAULT),
    FIELD("KeyName", IN_UTF16, OUT_DEFAULT),
    FIELD("ValueName", IN_UTF16, OUT_DEFAULT),
    FIELD("CapturedDataSize", IN_U16, OUT_DEFAULT),
    SIZED("CapturedData", IN_BINARY, OUT_DEFAULT, EXTENT_FIELD, 6),
};

static void registry_data(int type, const char *hex) {
    char text[1024];
    uint32_t bytes = 0;
    for (const char *p = hex; *p; p++)
        bytes += *p != ' ';
    bytes /= 2;
    snprintf(text, sizeof text,
             "1122334455667788 00000000 %02x000000 %02x000000 0000 4100 0000 %02x00 %s", type & 255,
             bytes, bytes, hex);
    manifest(set_value, 8, &kernel_registry, 5, text);
}

Test(derived, data_by_its_type, .fini = tear_down) {
    static const struct {
        int type;
        const char *hex, *text;
    } texts[] = {
        {1, "6100 6200 0000", "ab"},
        {1, "6100 6200", "ab"},                 // unterminated
        {1, "6100 6200 63", "ab"},              // odd
        {1, "", ""},                            //
        {1, "0000", ""},                        //
        {1, "61", ""},                          // half a character
        {2, "2500 6100 2500 0000 0000", "%a%"}, //
        {1, "3dd8", "\xed\xa0\xbd"},            // a lone surrogate
        {7, "6100 0000 6200 6300 0000 0000", "a; bc"},
        {7, "6100 0000 6200", "a; b"},
        {7, "0000 0000 6100 0000 0000 0000 6200", "a; b"},
        {7, "0000 0000", ""},
        {7, "", ""},
        {7, "6100 0000 62", "a"},
        {3, "00ff10", "00ff10"},
        {3, "", ""},
        {0, "0102", "0102"},
        {6, "6100", "6100"},
        {4, "010203", "010203"}, // n - 1, n + 1
        {4, "0102030405", "0102030405"},
        {5, "010203", "010203"},
        {11, "01020304050607", "01020304050607"},
        {11, "010203040506070809", "010203040506070809"},
        {255, "01", "01"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        registry_data(texts[i].type, texts[i].hex);
        says(ENRICHED_DATA, texts[i].text);
    }
    registry_data(4, "01020304");
    counts(ENRICHED_DATA, 0x04030201);
    registry_data(5, "01020304");
    counts(ENRICHED_DATA, 0x01020304);
    registry_data(11, "0102030405060708");
    counts(ENRICHED_DATA, UINT64_C(0x0807060504030201));
    says(ENRICHED_VALUE_NAME, "A");
    says(ENRICHED_LOCAL_ADDRESS, NULL);
    cr_assert_eq(derived_fields(m.schema),
                 ENRICHED_BIT(ENRICHED_VALUE_NAME) | ENRICHED_BIT(ENRICHED_DATA));
    // NULs inside would hide what stands behind them.
    registry_data(1, "6100 0000 6200 0000");
    Value v;
    cr_assert(derived_value(&m.record, m.schema, ENRICHED_DATA, &scratch, &v));
    cr_assert(v.bytes == 3 && memcmp(v.data, "a\0b", 3) == 0);
    // A payload that ends early tells what it has.
    registry_data(3, "010203");
    m.record.payload_bytes--;
    says(ENRICHED_DATA, "0102");
    m.record.payload_bytes -= 2;
    says(ENRICHED_DATA, NULL);
    says(ENRICHED_VALUE_NAME, "A");
    m.record.payload_bytes = 0;
    says(ENRICHED_VALUE_NAME, NULL);
}

Test(derived, other_registry_events, .fini = tear_down) {
    static const SchemaField query[] = {
        FIELD("KeyObject", IN_POINTER, OUT_DEFAULT), FIELD("ValueName", IN_UTF16, OUT_DEFAULT),
        SIZED("CapturedData", IN_BINARY, OUT_DEFAULT, EXTENT_REST, 0)};
    manifest(query, 2, &kernel_registry, 7, "1122334455667788 4100 0000");
    says(ENRICHED_VALUE_NAME, "A");
    cr_assert_eq(derived_fields(m.schema), ENRICHED_BIT(ENRICHED_VALUE_NAME));
    manifest(query, 3, &kernel_registry, 7, "1122334455667788 4100 0000 01");
    says(ENRICHED_DATA, NULL); // of no type
    cr_assert_eq(derived_fields(m.schema), ENRICHED_BIT(ENRICHED_VALUE_NAME));
    manifest(query, 1, &kernel_registry, 13, "1122334455667788");
    cr_assert_eq(derived_fields(m.schema), 0);
    static const Guid other = {{1, 2, 3}};
    manifest(query, 2, &other, 7, "1122334455667788 4100 0000");
    says(ENRICHED_VALUE_NAME, NULL);
    cr_assert_eq(derived_fields(m.schema), 0);
}

Test(derived, without_memory_there_is_no_value, .fini = tear_down) {
    static const EnrichedField fields[] = {ENRICHED_LOCAL_ADDRESS, ENRICHED_DIRECTION,
                                           ENRICHED_VALUE_NAME, ENRICHED_DATA};
    Value v;
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        if (i < 2)
            kernel("TcpIp", 10, 2, IPV4);
        else
            registry_data(3, "0102");
        buf_deinit(&scratch);
        size_t before = mem_in_use();
        mem_fail_at(1);
        cr_assert_not(derived_value(&m.record, m.schema, fields[i], &scratch, &v));
        mem_fail_at(0);
        cr_assert_eq(mem_in_use(), before);
        cr_assert(derived_value(&m.record, m.schema, fields[i], &scratch, &v));
    }
    buf_deinit(&scratch);
}
