// Appending the pieces of event payloads to a Buf: pointers of either width, strings, SIDs, network
// order. Failure is the Buf's sticky one. Any thread.
#pragma once

#include "util/buf.h"
#include "util/guid.h"

void blob_u8(Buf *out, uint8_t v);
void blob_be16(Buf *out, uint16_t v); // ports
void blob_pointer(Buf *out, uint8_t pointer_size, uint64_t v);
void blob_utf16z(Buf *out, const char *utf8); // with NUL
void blob_utf16(Buf *out, const char *utf8);  // without
void blob_ansiz(Buf *out, const char *text);
void blob_ansi(Buf *out, const char *text);
void blob_guid(Buf *out, const Guid *guid);
void blob_ipv4(Buf *out, uint32_t address); // 0x0a000001 = 10.0.0.1
void blob_ipv6(Buf *out, const uint16_t groups[8]);
// UTF-16 with its byte count in front (IN_COUNTED_UTF16).
void blob_counted_utf16(Buf *out, const char *utf8);

typedef struct SidSpec {
    uint8_t authority; // 5: NT
    uint8_t n_subs;
    uint32_t subs[15];
} SidSpec;

void blob_sid(Buf *out, const SidSpec *sid);
// The Sid field of kernel events: TOKEN_USER and the SID, or four zero bytes for NULL.
void blob_user_sid(Buf *out, uint8_t pointer_size, const SidSpec *sid);
