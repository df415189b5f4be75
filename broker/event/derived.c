#include "event/derived.h"

#include "util/utf.h"

// clang-format off
static const Guid tcp_ip = GUID_INIT(0x9a280ac0, 0xc8e0, 0x11d1, 0x84, 0xe2, 0x00, 0xc0, 0x4f, 0xb9, 0x98, 0xa2);
static const Guid udp_ip = GUID_INIT(0xbf3a50c5, 0xa9c9, 0x4988, 0xa0, 0x05, 0x2d, 0xf0, 0xb7, 0xc8, 0x0f, 0x80);
static const Guid registry = GUID_INIT(0xae53722e, 0xc863, 0x11d2, 0x86, 0x59, 0x00, 0xc0, 0x4f, 0xa3, 0x21, 0xa1);
// Microsoft-Windows-Kernel-Network and -Kernel-Registry
static const Guid kernel_network = GUID_INIT(0x7dd42a49, 0x5329, 0x4832, 0x8d, 0xfd, 0x43, 0xd9, 0x79, 0x15, 0x3a, 0x88);
static const Guid kernel_registry = GUID_INIT(0x70eb4f03, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd);
// clang-format on

typedef enum Family { FAMILY_NONE, FAMILY_TCP, FAMILY_UDP, FAMILY_VALUE, FAMILY_DATA } Family;

typedef enum NetworkAct { ACT_OTHER, ACT_SEND, ACT_RECEIVE, ACT_CONNECT, ACT_ACCEPT } NetworkAct;

// What kind of event it is, and (network) what it tells. Opcodes of TcpIp and UdpIp are the ids of
// Kernel-Network, where UDP's stand 32 higher; IPv6's stand 16 higher in both.
static Family family_of(const Schema *schema, NetworkAct *ret_act) {
    enum { UDP_IDS = 32, IPV6_OPS = 16 };
    *ret_act = ACT_OTHER;
    Family family = FAMILY_NONE;
    uint32_t op = schema->desc.opcode;
    if (schema->event_flags & EVENT_CLASSIC) {
        if (guid_equal(&schema->provider, &registry))
            return op >= 14 && op <= 16 ? FAMILY_VALUE : FAMILY_NONE;
        family = guid_equal(&schema->provider, &tcp_ip)   ? FAMILY_TCP
                 : guid_equal(&schema->provider, &udp_ip) ? FAMILY_UDP
                                                          : FAMILY_NONE;
    } else if (guid_equal(&schema->provider, &kernel_registry)) {
        return FAMILY_DATA;
    } else if (guid_equal(&schema->provider, &kernel_network)) {
        op = schema->desc.id;
        family = op >= 10 + UDP_IDS ? FAMILY_UDP : FAMILY_TCP;
        if (family == FAMILY_UDP)
            op -= UDP_IDS;
    }
    if (family == FAMILY_NONE)
        return family;
    switch (op >= 10 + IPV6_OPS ? op - IPV6_OPS : op) {
    case 10:
        *ret_act = ACT_SEND;
        break;
    case 11:
        *ret_act = ACT_RECEIVE;
        break;
    case 12:
        *ret_act = family == FAMILY_TCP ? ACT_CONNECT : ACT_OTHER;
        break;
    case 15:
        *ret_act = family == FAMILY_TCP ? ACT_ACCEPT : ACT_OTHER;
        break;
    default:
        break;
    }
    return family;
}

static const char *direction_of(NetworkAct act) {
    return act == ACT_SEND || act == ACT_CONNECT     ? "Outbound"
           : act == ACT_RECEIVE || act == ACT_ACCEPT ? "Inbound"
                                                     : NULL;
}

// The field that holds a value; NULL: none does.
static const char *source_of(Family family, NetworkAct act, EnrichedField field) {
    if (family == FAMILY_VALUE)
        return field == ENRICHED_VALUE_NAME ? "KeyName" : NULL;
    if (family == FAMILY_DATA)
        return field == ENRICHED_VALUE_NAME ? "ValueName"
               : field == ENRICHED_DATA     ? "CapturedData"
                                            : NULL;
    bool swapped = family == FAMILY_UDP && act == ACT_RECEIVE;
    switch (field) {
    case ENRICHED_LOCAL_ADDRESS:
        return swapped ? "daddr" : "saddr";
    case ENRICHED_REMOTE_ADDRESS:
        return swapped ? "saddr" : "daddr";
    case ENRICHED_LOCAL_PORT:
        return swapped ? "dport" : "sport";
    case ENRICHED_REMOTE_PORT:
        return swapped ? "sport" : "dport";
    default:
        return NULL;
    }
}

uint64_t derived_fields(const Schema *schema) {
    static const EnrichedField fields[] = {ENRICHED_LOCAL_ADDRESS,  ENRICHED_LOCAL_PORT,
                                           ENRICHED_REMOTE_ADDRESS, ENRICHED_REMOTE_PORT,
                                           ENRICHED_VALUE_NAME,     ENRICHED_DATA};
    NetworkAct act;
    Family family = family_of(schema, &act);
    uint64_t set = 0;
    if (family == FAMILY_NONE)
        return 0;
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        const char *source = source_of(family, act, fields[i]);
        if (source && schema_field_index(schema, source) >= 0)
            set |= ENRICHED_BIT(fields[i]);
    }
    if (schema_field_index(schema, "Type") < 0)
        set &= ~ENRICHED_BIT(ENRICHED_DATA);
    if (direction_of(act))
        set |= ENRICHED_BIT(ENRICHED_DIRECTION);
    return set;
}

static bool read_field(const EventRecord *record, const Schema *schema, const char *name,
                       Value *ret) {
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    Payload payload;
    int i = schema_field_index(schema, name);
    if (i < 0)
        return false;
    payload_open(&payload, schema, record, slices);
    *ret = payload_value(&payload, (uint16_t)i);
    return ret->kind != VALUE_NONE && ret->kind != VALUE_NULL;
}

static bool give_text(Buf *scratch, Value *ret) {
    if (scratch->failed)
        return false;
    const char *text = buf_str(scratch);
    *ret = (Value){
        .kind = VALUE_UTF8, .data = (const uint8_t *)text, .bytes = (uint32_t)scratch->bytes};
    return !scratch->failed;
}

static void give_number(uint64_t n, Value *ret) {
    *ret = (Value){.kind = VALUE_U64, .u64 = n};
}

// Whatever the schema calls them: 4 or 16 bytes in network order.
static bool give_address(const Value *v, Buf *scratch, Value *ret) {
    static const SchemaField ipv4 = {.name = "", .in_type = IN_U32, .out_type = OUT_IPV4};
    static const SchemaField ipv6 = {.name = "", .in_type = IN_BINARY, .out_type = OUT_IPV6};
    Value address;
    if ((v->kind == VALUE_U64 || v->kind == VALUE_I64) && v->bytes == 4)
        address =
            (Value){.kind = VALUE_U64, .field = &ipv4, .data = v->data, .u64 = load_u32(v->data)};
    else if (v->kind == VALUE_BINARY && v->bytes == 16)
        address = (Value){.kind = VALUE_BINARY, .field = &ipv6, .data = v->data};
    else
        return false;
    address.bytes = v->bytes;
    value_text(scratch, NULL, &address, 0);
    return give_text(scratch, ret);
}

static bool give_port(const Value *v, Value *ret) {
    if ((v->kind != VALUE_U64 && v->kind != VALUE_I64) || v->bytes != 2)
        return false;
    give_number((uint64_t)v->data[0] << 8 | v->data[1], ret);
    return true;
}

static void put_bytes(Buf *out, const uint8_t *data, uint32_t bytes) {
    static const char digits[] = "0123456789abcdef";
    if (!buf_reserve(out, 2 * (size_t)bytes))
        return;
    for (uint32_t i = 0; i < bytes; i++) {
        buf_char(out, digits[data[i] >> 4]);
        buf_char(out, digits[data[i] & 15]);
    }
}

// Units without the NULs at their end; those inside stay, as they would hide text.
static void put_string(Buf *out, const uint8_t *units, uint32_t n) {
    while (n > 0 && load_u16(units + 2 * (n - 1)) == 0)
        n--;
    utf16_to_utf8(out, units, n);
}

static void put_strings(Buf *out, const uint8_t *units, uint32_t n) {
    for (uint32_t at = 0; at < n;) {
        uint32_t length = (uint32_t)utf16_length(units + 2 * (size_t)at, n - at);
        if (length != 0 && out->bytes != 0)
            buf_text(out, "; ");
        utf16_to_utf8(out, units + 2 * (size_t)at, length);
        at += length + 1;
    }
}

static bool give_data(const Value *type, const Value *v, Buf *scratch, Value *ret) {
    enum {
        REG_SZ = 1,
        REG_EXPAND_SZ = 2,
        REG_DWORD = 4,
        REG_DWORD_BE = 5,
        REG_MULTI_SZ = 7,
        REG_QWORD = 11
    };
    if (v->kind != VALUE_BINARY && v->kind != VALUE_UTF16)
        return false;
    uint64_t kind = type->kind == VALUE_U64 || type->kind == VALUE_I64 ? type->u64 : UINT64_MAX;
    if (kind == REG_SZ || kind == REG_EXPAND_SZ) {
        put_string(scratch, v->data, v->bytes / 2);
    } else if (kind == REG_MULTI_SZ) {
        put_strings(scratch, v->data, v->bytes / 2);
    } else if ((kind == REG_DWORD || kind == REG_DWORD_BE) && v->bytes == 4) {
        uint32_t n = load_u32(v->data);
        give_number(kind == REG_DWORD ? n
                                      : (uint32_t)v->data[0] << 24 | (uint32_t)v->data[1] << 16 |
                                            (uint32_t)v->data[2] << 8 | v->data[3],
                    ret);
        return true;
    } else if (kind == REG_QWORD && v->bytes == 8) {
        give_number(load_u64(v->data), ret);
        return true;
    } else {
        put_bytes(scratch, v->data, v->bytes);
    }
    return give_text(scratch, ret);
}

bool derived_value(const EventRecord *record, const Schema *schema, EnrichedField field,
                   Buf *scratch, Value *ret) {
    NetworkAct act;
    Family family = family_of(schema, &act);
    if (family == FAMILY_NONE)
        return false;
    buf_clear(scratch);
    if (field == ENRICHED_DIRECTION) {
        const char *direction = direction_of(act);
        if (!direction)
            return false;
        buf_text(scratch, direction);
        return give_text(scratch, ret);
    }
    const char *source = source_of(family, act, field);
    Value v, type;
    if (!source || !read_field(record, schema, source, &v))
        return false;
    switch (field) {
    case ENRICHED_LOCAL_ADDRESS:
    case ENRICHED_REMOTE_ADDRESS:
        return give_address(&v, scratch, ret);
    case ENRICHED_LOCAL_PORT:
    case ENRICHED_REMOTE_PORT:
        return give_port(&v, ret);
    case ENRICHED_VALUE_NAME:
        if (v.kind != VALUE_UTF16)
            return false;
        utf16_to_utf8(scratch, v.data, v.bytes / 2);
        return give_text(scratch, ret);
    default:
        return read_field(record, schema, "Type", &type) && give_data(&type, &v, scratch, ret);
    }
}
