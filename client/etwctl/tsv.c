#include "client/etwctl/tsv.h"

#include "client/etwctl/crc32.h"

#define ROW_MOST          512u // without the list of items
#define ITEM_MOST         16u  // "65535:65535,"

#define MESSAGE_COMPONENT 0x04u // WPP option flags: a component id, a GUID
#define MESSAGE_GUID      0x02u

static char *put_u64(char *p, uint64_t v) {
    char digits[20];
    int n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    while (n > 0)
        *p++ = digits[--n];
    return p;
}

static char *put_i64(char *p, int64_t v) {
    if (v < 0)
        *p++ = '-';
    return put_u64(p, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static char *put_text(char *p, const char *text) {
    size_t n = strlen(text);
    memcpy(p, text, n);
    return p + n;
}

static char *put_hex32(char *p, uint32_t v) {
    for (int shift = 28; shift >= 0; shift -= 4)
        *p++ = "0123456789abcdef"[(v >> shift) & 15];
    return p;
}

// A pid or tid; a header may also have one of all ones, which is a number then.
static char *put_id(char *p, const EventRecord *r, uint32_t id) {
    return (r->flags & EVENT_NO_IDS) ? put_text(p, "-1") : put_u64(p, id);
}

static char *put_guid(char *p, const EventRecord *r) {
    if (r->header_type == ETL_HEADER_MESSAGE && (r->header_flags & MESSAGE_COMPONENT))
        return put_hex32(put_text(p, "component-"), load_u32(r->provider.b));
    if (r->header_type == ETL_HEADER_MESSAGE && !(r->header_flags & MESSAGE_GUID))
        return put_text(p, "message-noguid");
    guid_format(&r->provider, p);
    return p + GUID_TEXT - 1;
}

static char *put_items(Buf *out, char *p, const EventRecord *r) {
    EventItem item;
    uint32_t crc = 0, n = 0;
    for (uint32_t at = 0; event_item_next(r->ext, r->ext_bytes, &at, &item); n++) {
        out->bytes = (size_t)((uint8_t *)p - out->data);
        if (!buf_reserve(out, ITEM_MOST + ROW_MOST))
            return NULL;
        p = (char *)out->data + out->bytes;
        if (n > 0)
            *p++ = ',';
        p = put_u64(p, item.type);
        *p++ = ':';
        p = put_u64(p, item.bytes);
        crc = crc32_update(crc, item.data, item.bytes);
    }
    *p++ = '\t';
    if (n == 0)
        *p++ = '-';
    else
        p = put_hex32(p, crc);
    return p;
}

void tsv_header(Buf *out) {
    buf_text(out, "#n\traw_ts\tfiletime\tcpu\thdrtype\tguid\tid(-1 "
                  "classic)\tversion\tlevel\topcode\ttask\tchannel\tkeyword\tpid\t"
                  "tid\tptrsize\thdrflags\tdatalen\tcrc32(data)\text(type:len,...)\tcrc32(ext "
                  "datas concatenated)\n");
}

void tsv_row(Buf *out, uint64_t n, const EventRecord *r) {
    if (!buf_reserve(out, ROW_MOST))
        return;
    char *p = (char *)out->data + out->bytes;
    const EventDescriptor *d = &r->desc;
    bool has_id = (r->flags & (EVENT_CLASSIC | EVENT_WPP)) == 0;
    p = put_u64(p, n);
    *p++ = '\t';
    p = put_i64(p, r->raw_time);
    *p++ = '\t';
    p = put_i64(p, r->time);
    *p++ = '\t';
    p = put_u64(p, r->cpu);
    *p++ = '\t';
    p = put_u64(p, r->header_type);
    *p++ = '\t';
    p = put_guid(p, r);
    *p++ = '\t';
    p = has_id ? put_u64(p, d->id) : put_text(p, "-1");
    *p++ = '\t';
    p = put_u64(p, d->version);
    *p++ = '\t';
    p = put_u64(p, d->level);
    *p++ = '\t';
    p = put_u64(p, d->opcode);
    *p++ = '\t';
    p = put_u64(p, d->task);
    *p++ = '\t';
    p = put_u64(p, d->channel);
    *p++ = '\t';
    p = put_u64(p, d->keyword);
    *p++ = '\t';
    p = put_id(p, r, r->pid);
    *p++ = '\t';
    p = put_id(p, r, r->tid);
    *p++ = '\t';
    *p++ = (char)('0' + event_pointer_size(r));
    *p++ = '\t';
    p = put_u64(p, r->header_flags);
    *p++ = '\t';
    p = put_u64(p, r->payload_bytes);
    *p++ = '\t';
    p = put_hex32(p, crc32_update(0, r->payload, r->payload_bytes));
    *p++ = '\t';
    p = put_items(out, p, r);
    if (!p)
        return;
    *p++ = '\n';
    *p = '\0';
    out->bytes = (size_t)((uint8_t *)p - out->data);
}
