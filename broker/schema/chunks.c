#include "schema/chunks.h"

#include "schema/manifest_xml.h"
#include "util/mem.h"

typedef struct Part {
    uint8_t *data;
    size_t bytes;
} Part;

typedef struct Stream {
    uint16_t total, have;
    size_t bytes;
    Part parts[];
} Stream;

typedef struct StreamKey {
    Guid provider;
    uint32_t pid;
} StreamKey;

bool chunk_is(const EventRecord *record) {
    return record->desc.id == 0xfffe && record->desc.opcode == 0xfe &&
           record->desc.task == 0xfffe && !(record->flags & EVENT_CLASSIC) &&
           record->payload_bytes > CHUNK_HEAD && record->payload[0] == 1 &&
           record->payload[3] == CHUNK_MAGIC;
}

static Stream *stream_free(Chunks *chunks, Stream *s) {
    if (s) {
        chunks->bytes -= s->bytes;
        for (uint32_t i = 0; i < s->total; i++)
            mem_free(s->parts[i].data);
        mem_free(s);
    }
    return NULL;
}

void chunks_deinit(Chunks *chunks) {
    MapEntry *entry;
    for (uint32_t i = 0; map_next(&chunks->streams, &i, &entry);)
        stream_free(chunks, entry->value);
    map_deinit(&chunks->streams);
}

static void drop(Chunks *chunks, const StreamKey *key) {
    stream_free(chunks, map_remove(&chunks->streams, key, sizeof *key));
}

static void drop_oldest(Chunks *chunks) {
    MapEntry *entry;
    uint32_t i = 0;
    if (map_next(&chunks->streams, &i, &entry)) {
        StreamKey key;
        memcpy(&key, entry->key, sizeof key);
        drop(chunks, &key);
    }
}

static int stream_of(Chunks *chunks, const StreamKey *key, uint16_t total, Stream **ret) {
    Stream *s = map_get(&chunks->streams, key, sizeof *key);
    if (s && s->total != total) {
        drop(chunks, key);
        s = NULL;
    }
    if (!s) {
        while (chunks->streams.n_live >= CHUNKS_MAX_STREAMS)
            drop_oldest(chunks);
        s = mem_zalloc(sizeof *s + total * sizeof(Part));
        if (!s)
            return -STATUS_NO_MEMORY;
        s->total = total;
        if (map_set(&chunks->streams, key, sizeof *key, s) < 0) {
            mem_free(s);
            return -STATUS_NO_MEMORY;
        }
    }
    *ret = s;
    return 0;
}

static int join(const Stream *s, char **ret_xml, size_t *ret_bytes) {
    char *xml = mem_alloc(MAX_OF(s->bytes, 1u));
    if (!xml)
        return -STATUS_NO_MEMORY;
    size_t at = 0;
    for (uint32_t i = 0; i < s->total; i++) {
        memcpy(xml + at, s->parts[i].data, s->parts[i].bytes);
        at += s->parts[i].bytes;
    }
    *ret_xml = xml;
    *ret_bytes = at;
    return CHUNK_COMPLETE;
}

int chunks_feed(Chunks *chunks, const EventRecord *record, size_t room, char **ret_xml,
                size_t *ret_bytes) {
    StreamKey key;
    memset(&key, 0, sizeof key);
    key.provider = record->provider;
    key.pid = record->pid;
    uint16_t total = load_u16(record->payload + 4), number = load_u16(record->payload + 6);
    size_t bytes = record->payload_bytes - CHUNK_HEAD;
    if (total == 0 || total > CHUNKS_MAX_TOTAL || number >= total)
        return CHUNK_BAD;
    Stream *s;
    int r = stream_of(chunks, &key, total, &s);
    if (r < 0)
        return r;
    Part *part = &s->parts[number];
    if (part->data) { // again from the start: what is there may belong to another text
        if (part->bytes == bytes && memcmp(part->data, record->payload + CHUNK_HEAD, bytes) == 0)
            return CHUNK_TAKEN;
        drop(chunks, &key);
        r = stream_of(chunks, &key, total, &s);
        if (r < 0)
            return r;
        part = &s->parts[number];
    }
    if (bytes > MANIFEST_MAX_BYTES - s->bytes || bytes > room) {
        drop(chunks, &key);
        return CHUNK_BAD;
    }
    part->data = mem_dup(record->payload + CHUNK_HEAD, bytes);
    if (!part->data)
        return -STATUS_NO_MEMORY;
    part->bytes = bytes;
    s->bytes += bytes;
    s->have++;
    chunks->bytes += bytes;
    if (s->have < s->total)
        return CHUNK_TAKEN;
    r = join(s, ret_xml, ret_bytes);
    drop(chunks, &key);
    return r;
}
