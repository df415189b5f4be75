#include "tests/etlgen/tl_builder.h"

#include "event/schema.h"
#include "tests/etlgen/blob.h"

// 7 bits a byte, highest first; bit 7 says that another follows.
static void put_tags(Buf *out, uint32_t tags) {
    uint32_t shift = 21;
    while (shift > 0 && (tags >> shift) == 0)
        shift -= 7;
    for (;; shift -= 7) {
        uint8_t more = shift > 0 ? 0x80 : 0;
        blob_u8(out, (uint8_t)(((tags >> shift) & 0x7f) | more));
        if (shift == 0)
            break;
    }
}

TlBuilder tlb_begin(Buf *out, const char *event_name, uint32_t tags) {
    TlBuilder tl = {out, out->bytes};
    buf_u16(out, 0);
    put_tags(out, tags);
    blob_ansiz(out, event_name);
    return tl;
}

static void put_head(TlBuilder *tl, const char *name, uint8_t in_type, uint8_t out_type,
                     uint32_t tags) {
    bool chain = out_type != 0 || tags != 0;
    blob_ansiz(tl->out, name);
    blob_u8(tl->out, (uint8_t)(in_type | (chain ? TLB_CHAIN : 0)));
    if (!chain)
        return;
    blob_u8(tl->out, (uint8_t)(out_type | (tags != 0 ? TLB_CHAIN : 0)));
    if (tags != 0)
        put_tags(tl->out, tags);
}

void tlb_field(TlBuilder *tl, const char *name, uint8_t in_type, uint8_t out_type, uint32_t tags) {
    put_head(tl, name, in_type, out_type, tags);
}

void tlb_const_array(TlBuilder *tl, const char *name, uint8_t in_type, uint8_t out_type,
                     uint16_t count) {
    put_head(tl, name, in_type | TLB_CONST_COUNT, out_type, 0);
    buf_u16(tl->out, count);
}

void tlb_var_array(TlBuilder *tl, const char *name, uint8_t in_type, uint8_t out_type) {
    put_head(tl, name, in_type | TLB_VAR_COUNT, out_type, 0);
}

void tlb_custom(TlBuilder *tl, const char *name, uint8_t in_type, uint8_t out_type,
                const void *info, uint16_t info_bytes) {
    put_head(tl, name, in_type | TLB_CUSTOM, out_type, 0);
    buf_u16(tl->out, info_bytes);
    buf_append(tl->out, info, info_bytes);
}

void tlb_struct(TlBuilder *tl, const char *name, uint8_t n_members, uint32_t count) {
    uint8_t kind = count == 0 ? 0 : count == UINT32_MAX ? TLB_VAR_COUNT : TLB_CONST_COUNT;
    put_head(tl, name, (uint8_t)(IN_STRUCT | kind), n_members, 0);
    if (kind == TLB_CONST_COUNT)
        buf_u16(tl->out, (uint16_t)count);
}

void tlb_end(TlBuilder *tl) {
    if (!tl->out->failed)
        store_u16(tl->out->data + tl->start, (uint16_t)(tl->out->bytes - tl->start));
}

void tlb_traits(Buf *out, const char *provider_name, const Guid *group) {
    size_t start = out->bytes;
    buf_u16(out, 0);
    blob_ansiz(out, provider_name);
    if (group != NULL) {
        buf_u16(out, 3 + 16);
        blob_u8(out, 1);
        blob_guid(out, group);
    }
    if (!out->failed)
        store_u16(out->data + start, (uint16_t)(out->bytes - start));
}
