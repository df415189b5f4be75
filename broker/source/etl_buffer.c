// See etl_buffer.h.
#include "source/etl_buffer.h"

#include "source/etl_event.h"
#include "source/lz77.h"

#define STATE_LZNT1       2u
#define STATE_XPRESS_HUFF 4u

static bool end_possible(uint32_t end, uint32_t bytes) {
    return end >= ETL_BUFFER_HEAD && end <= bytes;
}

uint32_t etl_buffer_image_bytes(const EtlBufferHead *head, uint32_t nominal) {
    uint32_t need = MAX_OF(nominal, (uint32_t)ETL_BUFFER_HEAD);
    // Both hold the unpacked size; one of them may be damaged.
    if (head->offset <= ETL_BUFFER_MAX)
        need = MAX_OF(need, head->offset);
    else if (head->saved <= ETL_BUFFER_MAX)
        need = MAX_OF(need, head->saved);
    return MIN_OF(need, ETL_BUFFER_MAX);
}

uint32_t etl_buffer_inflate(const uint8_t *raw, uint32_t bytes, uint8_t *image, uint32_t capacity,
                            const char **ret_what) {
    *ret_what = NULL;
    EtlBufferHead head;
    etl_buffer_head(raw, &head);
    memcpy(image, raw, ETL_BUFFER_HEAD);
    if (head.state == STATE_LZNT1 || head.state == STATE_XPRESS_HUFF) {
        *ret_what = "compression format is not supported (only plain LZ77 is); buffer left out";
        return ETL_BUFFER_HEAD;
    }
    Lz77End end;
    size_t made = lz77_decode(raw + ETL_BUFFER_HEAD, bytes - ETL_BUFFER_HEAD,
                              image + ETL_BUFFER_HEAD, capacity - ETL_BUFFER_HEAD, &end);
    uint32_t total = ETL_BUFFER_HEAD + (uint32_t)made;
    switch (end) {
    case LZ77_DONE:
        if (total != head.offset && total != head.saved)
            *ret_what = "unpacked size is not the one in the buffer header; kept what there is";
        break;
    case LZ77_TRUNCATED:
        *ret_what = "compressed data are cut off; kept what there is";
        break;
    case LZ77_FULL:
        *ret_what = "compressed data unpack to more than the buffer size; kept what fits";
        break;
    default:
        *ret_what = "compressed data are damaged; kept what came before";
        break;
    }
    return total;
}

uint32_t etl_buffer_events_end(const EtlBufferHead *head, const uint8_t *image, uint32_t bytes,
                               const char **ret_what) {
    *ret_what = NULL;
    // Offset is right in all buffers; SavedOffset is 0 or too small in many header buffers.
    if (!end_possible(head->offset, bytes))
        return end_possible(head->saved, bytes) ? head->saved : bytes;
    uint32_t end = head->offset;
    // Behind the events there is fill. Where an event stands instead, and SavedOffset covers it, the
    // damaged one of the two is Offset.
    size_t next = ALIGN8((size_t)end);
    if (image != NULL && head->saved > next && end_possible(head->saved, bytes)) {
        EtlSpot spot;
        if (etl_event_scan(image + next, head->saved - (uint32_t)next, &spot) == ETL_SCAN_EVENT) {
            *ret_what = "events stand behind their announced end; read up to SavedOffset";
            end = head->saved;
        }
    }
    return end;
}
