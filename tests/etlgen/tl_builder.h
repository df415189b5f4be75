// Builds TraceLogging metadata (extended item type 11) and provider traits (type 12), etl-format E.
// The payload is the caller's: fields in order, packed. Any thread; failure is the Buf's sticky one.
#pragma once

#include "util/buf.h"
#include "util/guid.h"

enum {
    TLB_CONST_COUNT = 0x20,
    TLB_VAR_COUNT = 0x40,
    TLB_CUSTOM = 0x60,
    TLB_CHAIN = 0x80,
};

typedef struct TlBuilder {
    Buf *out;
    size_t start;
} TlBuilder;

// Starts a blob at the end of out. tags: up to 28 bits.
TlBuilder tlb_begin(Buf *out, const char *event_name, uint32_t tags);
// out_type 0 and tags 0 are left out of the encoding, as the Windows macros do.
void tlb_field(TlBuilder *tl, const char *name, uint8_t in_type, uint8_t out_type, uint32_t tags);
void tlb_const_array(TlBuilder *tl, const char *name, uint8_t in_type, uint8_t out_type,
                     uint16_t count);
void tlb_var_array(TlBuilder *tl, const char *name, uint8_t in_type, uint8_t out_type);
void tlb_custom(TlBuilder *tl, const char *name, uint8_t in_type, uint8_t out_type,
                const void *info, uint16_t info_bytes);
// The n_members fields that follow are its members. count: 0 one struct, UINT32_MAX as many as the
// u16 in the data says, else fixed.
void tlb_struct(TlBuilder *tl, const char *name, uint8_t n_members, uint32_t count);
void tlb_end(TlBuilder *tl); // sets the size

// group: NULL for none.
void tlb_traits(Buf *out, const char *provider_name, const Guid *group);
