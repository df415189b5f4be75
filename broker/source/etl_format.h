// The fixed parts of an .etl file: buffer header, flags, limits (docs/ETL.md, "Format facts used").
// Constants and inline readers; any thread.
#pragma once

#include "util/base.h"

#define ETL_BUFFER_HEAD 0x48u
#define ETL_BUFFER_MAX  (16u << 20) // ETW's own maximum; 1 MiB before Windows 8
#define ETL_EVENT_MAX   0x10000u    // sizes are 16 bits wide; rounded up to 8
#define ETL_CPU_MAX     2047u
#define ETL_FILL        0xffffffffu // behind the last event of a buffer

// BufferFlag
#define ETL_BUFFER_EVENTS_LOST 0x0002u
#define ETL_BUFFER_BUFFER_LOST 0x0004u
#define ETL_BUFFER_PROC_INDEX  0x0020u
#define ETL_BUFFER_COMPRESSED  0x0040u

// BufferType
enum {
    ETL_BUFFER_GENERIC = 0,
    ETL_BUFFER_RUNDOWN = 1,
    ETL_BUFFER_CTX_SWAP = 2,
    ETL_BUFFER_REFTIME = 3,
    ETL_BUFFER_HEADER = 4,
    ETL_BUFFER_BATCHED = 5,
    ETL_BUFFER_EMPTY = 6,
    ETL_BUFFER_DBG_INFO = 7,
    ETL_BUFFER_TYPES = 8,
};

// LogFileMode
#define ETL_MODE_CIRCULAR    0x00000002u
#define ETL_MODE_PREALLOCATE 0x00000020u
#define ETL_MODE_COMPRESSED  0x04000000u

// WMI_BUFFER_HEADER, the fields that can be relied on.
typedef struct EtlBufferHead {
    uint32_t bytes;  // in the file, header included
    uint32_t saved;  // 0 or too small in many header buffers
    uint32_t offset; // end of the events, header included
    uint32_t state;  // in compressed buffers: the format (3 = plain LZ77)
    uint64_t sequence;
    int64_t time;
    uint16_t cpu;
    uint16_t logger;
    uint16_t flags;
    uint16_t type;
} EtlBufferHead;

static inline void etl_buffer_head(const uint8_t raw[ETL_BUFFER_HEAD], EtlBufferHead *ret) {
    ret->bytes = load_u32(raw);
    ret->saved = load_u32(raw + 0x04);
    ret->time = load_i64(raw + 0x10);
    ret->sequence = load_u64(raw + 0x18);
    ret->logger = load_u16(raw + 0x2a);
    ret->state = load_u32(raw + 0x2c);
    ret->offset = load_u32(raw + 0x30);
    ret->flags = load_u16(raw + 0x34);
    ret->type = load_u16(raw + 0x36);
    // Before Windows 8 this was a byte, with the alignment beside it.
    ret->cpu = (ret->flags & ETL_BUFFER_PROC_INDEX) ? load_u16(raw + 0x28) : raw[0x28];
}
