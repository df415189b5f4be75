// Extended items of a record: stepping, finding, checking, writing. Pure functions; any thread.
//
// The chain is the file's own form (etl-format C), less its linkage bit: the bytes of the chain say
// where it ends, so that a chain cut or joined on the way needs no repair.

#include "event/record.h"

bool event_item_next(const uint8_t *ext, uint32_t ext_bytes, uint32_t *at, EventItem *ret) {
    if (*at > ext_bytes || ext_bytes - *at < EVENT_ITEM_HEAD)
        return false;
    const uint8_t *head = ext + *at;
    uint16_t bytes = load_u16(head);
    // Validated chains never fail this; it costs nothing and keeps a mistake from becoming a hang.
    if (bytes < EVENT_ITEM_HEAD || bytes > ext_bytes - *at)
        return false;
    ret->type = load_u16(head + 2);
    ret->bytes = (uint16_t)MIN_OF(load_u16(head + 6), bytes - EVENT_ITEM_HEAD);
    ret->data = head + EVENT_ITEM_HEAD;
    *at += bytes;
    return true;
}

bool event_item_find(const EventRecord *r, uint16_t type, EventItem *ret) {
    EventItem item;
    for (uint32_t at = 0; event_item_next(r->ext, r->ext_bytes, &at, &item);) {
        if (item.type == type) {
            *ret = item;
            return true;
        }
    }
    return false;
}

uint32_t event_items_valid(const uint8_t *ext_untrusted, uint32_t bytes) {
    uint32_t at = 0;
    while (bytes - at >= EVENT_ITEM_HEAD) {
        const uint8_t *head = ext_untrusted + at;
        uint32_t whole = load_u16(head), data = load_u16(head + 6);
        if (whole < EVENT_ITEM_HEAD || whole % 8 != 0 || whole > bytes - at ||
            data > whole - EVENT_ITEM_HEAD)
            break;
        at += whole;
    }
    return at;
}

uint32_t event_item_put(uint8_t *to, uint16_t type, const void *data, uint16_t bytes) {
    // 65,528 is the largest size that is a multiple of 8; the data then have 65,520 bytes at most.
    const uint16_t most = UINT16_MAX - 7 - EVENT_ITEM_HEAD;
    uint16_t n = MIN_OF(bytes, most);
    uint16_t whole = (uint16_t)(EVENT_ITEM_HEAD + ALIGN8(n));
    store_u16(to, whole);
    store_u16(to + 2, type);
    store_u16(to + 4, 0);
    store_u16(to + 6, n);
    if (n > 0)
        memcpy(to + EVENT_ITEM_HEAD, data, n);
    memset(to + EVENT_ITEM_HEAD + n, 0, (size_t)whole - EVENT_ITEM_HEAD - n);
    return whole;
}
