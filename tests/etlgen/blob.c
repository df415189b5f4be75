#include "tests/etlgen/blob.h"

#include "util/utf.h"

void blob_u8(Buf *out, uint8_t v) {
    buf_append(out, &v, 1);
}

void blob_be16(Buf *out, uint16_t v) {
    const uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};
    buf_append(out, bytes, sizeof bytes);
}

void blob_pointer(Buf *out, uint8_t pointer_size, uint64_t v) {
    if (pointer_size == 4)
        buf_u32(out, (uint32_t)v);
    else
        buf_u64(out, v);
}

void blob_utf16(Buf *out, const char *utf8) {
    utf8_to_utf16(out, utf8, strlen(utf8));
}

void blob_utf16z(Buf *out, const char *utf8) {
    blob_utf16(out, utf8);
    buf_u16(out, 0);
}

void blob_ansi(Buf *out, const char *text) {
    buf_append(out, text, strlen(text));
}

void blob_ansiz(Buf *out, const char *text) {
    buf_append(out, text, strlen(text) + 1);
}

void blob_guid(Buf *out, const Guid *guid) {
    buf_append(out, guid->b, sizeof guid->b);
}

void blob_ipv4(Buf *out, uint32_t address) {
    blob_be16(out, (uint16_t)(address >> 16));
    blob_be16(out, (uint16_t)address);
}

void blob_ipv6(Buf *out, const uint16_t groups[8]) {
    for (size_t i = 0; i < 8; i++)
        blob_be16(out, groups[i]);
}

void blob_counted_utf16(Buf *out, const char *utf8) {
    size_t at = out->bytes;
    buf_u16(out, 0);
    blob_utf16(out, utf8);
    if (!out->failed)
        store_u16(out->data + at, (uint16_t)(out->bytes - at - 2));
}

void blob_sid(Buf *out, const SidSpec *sid) {
    blob_u8(out, 1);
    blob_u8(out, sid->n_subs);
    buf_zero(out, 5);
    blob_u8(out, sid->authority);
    for (uint8_t i = 0; i < sid->n_subs; i++)
        buf_u32(out, sid->subs[i]);
}

void blob_user_sid(Buf *out, uint8_t pointer_size, const SidSpec *sid) {
    if (sid == NULL) {
        buf_u32(out, 0);
        return;
    }
    // TOKEN_USER: the address that the SID had in the kernel, attributes, padding to two pointers.
    blob_pointer(out, pointer_size, pointer_size == 4 ? 0xa3c41f08u : 0xffffd50f3ac41f10u);
    buf_u32(out, 0);
    if (pointer_size == 8)
        buf_u32(out, 0);
    blob_sid(out, sid);
}
