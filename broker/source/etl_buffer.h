// The image of one buffer: where its events end, and how a compressed one is unpacked.
// Pure; any thread; bytes are untrusted.
#pragma once

#include "source/etl_format.h"

// Room that the image of a compressed buffer may need, header included. nominal: the file's buffer size.
uint32_t etl_buffer_image_bytes(const EtlBufferHead *head, uint32_t nominal);
// Unpacks: header, then events. raw: the buffer's `bytes` in the file. Returns the bytes of the image
// (a valid prefix when *ret_what is not NULL).
uint32_t etl_buffer_inflate(const uint8_t *raw, uint32_t bytes, uint8_t *image, uint32_t capacity,
                            const char **ret_what);
// End of the events in an image of `bytes` (at least ETL_BUFFER_HEAD). image: its bytes, or NULL when
// only the header is at hand: then the fill behind the events is not looked at.
uint32_t etl_buffer_events_end(const EtlBufferHead *head, const uint8_t *image, uint32_t bytes,
                               const char **ret_what);
