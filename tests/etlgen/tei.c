#include "tests/etlgen/tei.h"

#include "tests/etlgen/blob.h"

#define HEAD_BYTES     112u
#define PROPERTY_BYTES 24u

// Appends a string and stores its offset, relative to the blob's start, at `slot`. NULL: stays absent.
static void string_at(Buf *out, size_t start, size_t slot, const char *text) {
    if (text == NULL)
        return;
    uint32_t offset = (uint32_t)(out->bytes - start);
    blob_utf16z(out, text);
    if (!out->failed)
        store_u32(out->data + start + slot, offset);
}

// A list of strings, each with its NUL, ended by an empty one.
static void list_at(Buf *out, size_t start, size_t slot, const char *texts) {
    if (texts == NULL)
        return;
    uint32_t offset = (uint32_t)(out->bytes - start);
    while (*texts != 0) {
        size_t n = strcspn(texts, "|");
        char one[128];
        n = MIN_OF(n, sizeof one - 1);
        memcpy(one, texts, n);
        one[n] = 0;
        blob_utf16z(out, one);
        texts += n;
        if (*texts == '|')
            texts++;
    }
    buf_u16(out, 0);
    if (!out->failed)
        store_u32(out->data + start + slot, offset);
}

static void descriptor(Buf *out, const EventDescriptor *d) {
    buf_u16(out, d->id);
    blob_u8(out, d->version);
    blob_u8(out, d->channel);
    blob_u8(out, d->level);
    blob_u8(out, d->opcode);
    buf_u16(out, d->task);
    buf_u64(out, d->keyword);
}

static void property(Buf *out, const TeiField *f) {
    buf_u32(out, f->flags);
    buf_u32(out, 0); // name, map: filled in when the strings follow
    buf_u16(out, f->in_type);
    buf_u16(out, f->out_type);
    buf_u32(out, 0);
    buf_u16(out, f->count == 0 && !(f->flags & TEI_PARAM_COUNT) ? 1 : f->count);
    buf_u16(out, f->length);
    buf_u32(out, f->tags);
}

void tei_event(Buf *out, const TeiEvent *e) {
    size_t start = out->bytes;
    blob_guid(out, &e->provider);
    blob_guid(out, &e->event_guid);
    descriptor(out, &e->desc);
    buf_u32(out, e->decoding_source);
    buf_zero(out, 0x64 - 0x34);
    buf_u32(out, e->n_fields);
    buf_u32(out, e->n_top);
    buf_u32(out, e->flags);
    for (uint32_t i = 0; i < e->n_fields; i++)
        property(out, &e->fields[i]);
    string_at(out, start, 0x34, e->provider_name);
    string_at(out, start, 0x38, e->level_name);
    string_at(out, start, 0x3c, e->channel_name);
    list_at(out, start, 0x40, e->keyword_names);
    string_at(out, start, 0x44, e->task_name);
    string_at(out, start, 0x48, e->opcode_name);
    string_at(out, start, 0x4c, e->message);
    string_at(out, start, 0x50, e->provider_message);
    string_at(out, start, 0x5c, e->event_name);
    for (uint32_t i = 0; i < e->n_fields; i++) {
        size_t at = HEAD_BYTES + (size_t)i * PROPERTY_BYTES;
        string_at(out, start, at + 4, e->fields[i].name);
        string_at(out, start, at + 0xc, e->fields[i].map);
    }
}

void tei_map(Buf *out, const TeiMap *map) {
    size_t start = out->bytes;
    buf_u32(out, 0);
    buf_u32(out, map->flag);
    buf_u32(out, map->n_entries);
    buf_u32(out, 0);
    for (uint32_t i = 0; i < map->n_entries; i++) {
        buf_u32(out, 0);
        buf_u32(out, map->entries[i].value);
    }
    string_at(out, start, 0, map->name);
    for (uint32_t i = 0; i < map->n_entries; i++) {
        char text[128];
        size_t n = MIN_OF(strlen(map->entries[i].text), sizeof text - 2);
        memcpy(text, map->entries[i].text, n);
        text[n] = ' ';
        text[n + 1] = 0;
        string_at(out, start, 16 + (size_t)i * 8, text);
    }
}
