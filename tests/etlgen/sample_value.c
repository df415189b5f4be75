#include "tests/etlgen/sample_value.h"

#include "tests/etlgen/blob.h"

const uint16_t sample_in_types[] = {
    IN_NULL,
    IN_UTF16,
    IN_ANSI,
    IN_I8,
    IN_U8,
    IN_I16,
    IN_U16,
    IN_I32,
    IN_U32,
    IN_I64,
    IN_U64,
    IN_FLOAT,
    IN_DOUBLE,
    IN_BOOL32,
    IN_GUID,
    IN_POINTER,
    IN_FILETIME,
    IN_SYSTEMTIME,
    IN_SID,
    IN_HEX32,
    IN_HEX64,
    IN_COUNTED_UTF16,
    IN_COUNTED_ANSI,
    IN_COUNTED_BINARY,
    IN_COUNTED_STRING,
    IN_COUNTED_ANSI_STRING,
    IN_REVERSED_COUNTED_STRING,
    IN_REVERSED_COUNTED_ANSI,
    IN_NONNULL_STRING,
    IN_NONNULL_ANSI,
    IN_UTF16_CHAR,
    IN_ANSI_CHAR,
    IN_SIZET,
    IN_HEXDUMP,
    IN_WBEM_SID,
    UINT16_MAX,
};

const uint16_t sample_tl_in_types[] = {
    IN_NULL,     IN_UTF16,         IN_ANSI,         IN_I8,
    IN_U8,       IN_I16,           IN_U16,          IN_I32,
    IN_U32,      IN_I64,           IN_U64,          IN_FLOAT,
    IN_DOUBLE,   IN_BOOL32,        IN_BINARY,       IN_GUID,
    IN_FILETIME, IN_SYSTEMTIME,    IN_SID,          IN_HEX32,
    IN_HEX64,    IN_COUNTED_UTF16, IN_COUNTED_ANSI, IN_COUNTED_BINARY,
    UINT16_MAX,
};

static const char *const texts[] = {"alpha", "Größe 12 €", "", "日本語 text", "emoji 😀 end"};
static const SidSpec sids[] = {
    {5, 1, {18}},
    {5, 5, {21, 1004336348, 1177238915, 682003330, 1001}},
    {1, 1, {0}},
    {15, 2, {2, 1}},
};

static void be_count(Buf *out, size_t at) {
    size_t n = out->bytes - at - 2;
    if (out->failed)
        return;
    out->data[at] = (uint8_t)(n >> 8);
    out->data[at + 1] = (uint8_t)n;
}

static void le_count(Buf *out, size_t at, size_t width) {
    if (out->failed)
        return;
    if (width == 2)
        store_u16(out->data + at, (uint16_t)(out->bytes - at - 2));
    else
        store_u32(out->data + at, (uint32_t)(out->bytes - at - 4));
}

static void counted(Buf *out, uint16_t in_type, uint32_t variant) {
    size_t at = out->bytes;
    const char *text = texts[variant % ARRAY_COUNT(texts)];
    buf_u16(out, 0);
    switch (in_type) {
    case IN_BINARY:
    case IN_COUNTED_BINARY:
        for (uint32_t i = 0; i < 3 + variant % 5; i++)
            blob_u8(out, (uint8_t)(0xf0 + i * 3));
        break;
    case IN_COUNTED_ANSI:
    case IN_COUNTED_ANSI_STRING:
    case IN_REVERSED_COUNTED_ANSI:
        blob_ansi(out, "counted ansi");
        break;
    default:
        blob_utf16(out, text);
        break;
    }
    if (in_type == IN_REVERSED_COUNTED_STRING || in_type == IN_REVERSED_COUNTED_ANSI)
        be_count(out, at);
    else
        le_count(out, at, 2);
}

static void system_time(Buf *out, uint32_t variant) {
    const uint16_t parts[8] = {2024, 2, 4, 29, 23, 59, (uint16_t)(variant % 60), 123};
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
        buf_u16(out, parts[i]);
}

void sample_value(Buf *out, uint16_t in_type, uint8_t pointer_size, uint32_t variant) {
    switch (in_type) {
    case IN_NULL:
        break;
    case IN_UTF16:
        blob_utf16z(out, texts[variant % ARRAY_COUNT(texts)]);
        break;
    case IN_ANSI:
        blob_ansiz(out, variant % 2 == 0 ? "plain ansi" : "caf\xe9");
        break;
    case IN_I8:
    case IN_U8:
        blob_u8(out, (uint8_t)(0x80 + variant));
        break;
    case IN_I16:
    case IN_U16:
        buf_u16(out, (uint16_t)(0x8001 + variant * 257));
        break;
    case IN_I32:
    case IN_U32:
    case IN_HEX32:
        buf_u32(out, 0x80000001u + variant * 0x10203u);
        break;
    case IN_I64:
    case IN_U64:
    case IN_HEX64:
        buf_u64(out, 0x8000000000000001u + variant * 0x102030405u);
        break;
    case IN_FLOAT: // 3.25 and its neighbours, as bits
        buf_u32(out, 0x40500000u + variant);
        break;
    case IN_DOUBLE: // -0.1
        buf_u64(out, 0xbfb999999999999au + variant);
        break;
    case IN_BOOL32:
        buf_u32(out, variant % 3);
        break;
    case IN_GUID: {
        Guid guid = GUID_INIT(0x01234567u, 0x89ab, 0xcdef, 1, 2, 3, 4, 5, 6, 7, (uint8_t)variant);
        blob_guid(out, &guid);
        break;
    }
    case IN_POINTER:
    case IN_SIZET:
        blob_pointer(out, pointer_size, 0x00007ffd8123a000u + variant * 16);
        break;
    case IN_FILETIME:
        buf_u64(out, 133500000001234567u + variant);
        break;
    case IN_SYSTEMTIME:
        system_time(out, variant);
        break;
    case IN_SID:
        blob_sid(out, &sids[variant % ARRAY_COUNT(sids)]);
        break;
    case IN_WBEM_SID:
        blob_user_sid(out, pointer_size,
                      variant % 2 == 0 ? &sids[variant % ARRAY_COUNT(sids)] : NULL);
        break;
    case IN_NONNULL_STRING:
        blob_utf16(out, "to the end");
        break;
    case IN_NONNULL_ANSI:
        blob_ansi(out, "to the end");
        break;
    case IN_UTF16_CHAR:
        buf_u16(out, (uint16_t)(0x263a + variant));
        break;
    case IN_ANSI_CHAR:
        blob_u8(out, (uint8_t)('A' + variant % 26));
        break;
    case IN_HEXDUMP: {
        size_t at = out->bytes;
        buf_u32(out, 0);
        buf_u32(out, 0xdeadbeefu);
        blob_u8(out, (uint8_t)variant);
        le_count(out, at, 4);
        break;
    }
    default:
        counted(out, in_type, variant);
        break;
    }
}

const char *sample_type_name(uint16_t in_type) {
    static const char *const names[] = {
        "Null",   "Utf16",        "Ansi",        "I8",       "U8",           "I16",    "U16",
        "I32",    "U32",          "I64",         "U64",      "Float",        "Double", "Bool",
        "Binary", "Guid",         "Pointer",     "FileTime", "SystemTime",   "Sid",    "Hex32",
        "Hex64",  "CountedUtf16", "CountedAnsi", "Struct",   "CountedBinary"};
    static const char *const more[] = {
        "CountedString", "CountedAnsiString", "ReversedString", "ReversedAnsi",
        "RestString",    "RestAnsi",          "Utf16Char",      "AnsiChar",
        "SizeT",         "HexDump",           "WbemSid"};
    if (in_type < ARRAY_COUNT(names))
        return names[in_type];
    if (in_type >= IN_COUNTED_STRING && in_type - IN_COUNTED_STRING < (int)ARRAY_COUNT(more))
        return more[in_type - IN_COUNTED_STRING];
    return "Other";
}
