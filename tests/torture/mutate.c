// Mutated and truncated .etl files: no crash, no hang, and nothing intact is lost.
//
//   torture_mutate [COUNT [SEED]]     COUNT copies (default 2000); the same seed gives the same copies
//   ETW_TORTURE_KEEP=FILE             where to put the copy that failed
//
// The files are excerpts of the corpus (ETW_CORPUS), if there is one, and scenarios of the generator.
// Each copy is read in file order, merged, and for schemas only; every byte that a record points to is
// read. Then the promise is checked: for damage inside one buffer, all events of the other buffers and
// those in front of the first bad byte are there, unchanged and in order; for a cut, likewise.
//
// What an undamaged buffer holds is found by reading it alone, unpacked, behind the file's header buffer.
#include <stdio.h>
#include <stdlib.h>

#include "platform/clock.h"
#include "source/etl_buffer.h"
#include "source/etl_reader.h"
#include "tests/etlgen/scenario.h"
#include "util/mem.h"

#define MAX_BASES   64
#define MAX_BUFFERS 24 // of an excerpt, header buffer included
#define HANG_NS     INT64_C(10000000000)

typedef struct Event {
    uint64_t hash;
    uint32_t end; // in the buffer's image, behind the event's last byte
} Event;

typedef struct Part { // one buffer of a base
    size_t offset, bytes;
    uint32_t first, n; // of the base's events
    uint8_t *image;    // unpacked
    uint32_t image_bytes;
    bool packed;
} Part;

typedef struct Base {
    char name[80];
    uint8_t *data;
    size_t bytes;
    Part parts[MAX_BUFFERS];
    uint32_t n_parts;
    Event *events;
    uint32_t n_events;
    bool reordered; // circular or several sessions: order depends on headers
} Base;

static Base bases[MAX_BASES];
static uint32_t n_bases;
static uint64_t rng_state;
static volatile uint64_t touched;

static uint64_t rng(void) { // splitmix64
    uint64_t z = (rng_state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static size_t below(size_t n) {
    return n == 0 ? 0 : (size_t)(rng() % n);
}

static uint32_t round_number;
static const uint8_t *copy_data; // of the round, for the report
static size_t copy_bytes;

_Noreturn static void fail(const char *what, const char *detail) {
    fprintf(stderr, "torture_mutate: copy %u: %s: %s\n", round_number, what, detail);
    const char *keep = getenv("ETW_TORTURE_KEEP"); // where to put the file that failed
    FILE *f = keep != NULL && copy_data != NULL ? fopen(keep, "wb") : NULL;
    if (f != NULL) {
        fwrite(copy_data, 1, copy_bytes, f);
        fclose(f);
    }
    exit(1);
}

static uint64_t mix(uint64_t h, const void *data, size_t n) {
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

// Without what other buffers decide: a time taken over from an event before, and order within the CPU.
static uint64_t hash_of(const EventRecord *r) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    uint16_t flags = (uint16_t)(r->flags & ~(EVENT_OUT_OF_ORDER));
    h = mix(h, r->provider.b, 16);
    h = mix(h, &r->desc.id, 2);
    h = mix(h, &r->desc.opcode, 1);
    h = mix(h, &r->desc.keyword, 8);
    h = mix(h, &r->pid, 4);
    h = mix(h, &r->tid, 4);
    h = mix(h, &flags, 2);
    if ((r->flags & EVENT_TIME_GUESSED) == 0)
        h = mix(h, &r->time, 8);
    h = mix(h, r->ext, r->ext_bytes);
    return mix(h, r->payload, r->payload_bytes);
}

typedef struct Stream {
    uint64_t *hashes;
    uint32_t n, capacity;
    bool opened;
} Stream;

static void stream_add(Stream *s, uint64_t hash) {
    if (s->n == s->capacity) {
        s->capacity = s->capacity == 0 ? 1024 : s->capacity * 2;
        s->hashes = mem_resize(s->hashes, s->capacity * sizeof *s->hashes);
        if (s->hashes == NULL)
            fail("out of memory", "");
    }
    s->hashes[s->n++] = hash;
}

static void drain(EtlReader *reader, Stream *s) {
    EventRecord r;
    Err err = ERR_INIT;
    int result;
    while ((result = etl_next(reader, &r, &err)) > 0) {
        if (event_items_valid(r.ext, r.ext_bytes) != r.ext_bytes)
            fail("a record's items are not valid", "");
        stream_add(s, hash_of(&r));
    }
    if (result < 0)
        fail("reading failed", err.text);
    touched += s->n;
}

// The copy ends exactly at the end of a heap block, so that a sanitizer sees each byte too far.
static void read_stream(const uint8_t *data, size_t bytes, bool file_order, bool schema_only,
                        Stream *ret) {
    *ret = (Stream){0};
    EtlOptions options = {0};
    options.file_order = file_order;
    options.schema_only = schema_only;
    EtlReader *reader;
    Err err = ERR_INIT;
    int result = etl_open_memory(data, bytes, &options, &reader, &err);
    if (result < 0) {
        if (result != -(int)STATUS_FORMAT)
            fail("opening failed", err.text);
        return;
    }
    ret->opened = true;
    drain(reader, ret);
    etl_close(reader);
}

// ---- Bases

static uint8_t *inflate(const uint8_t *raw, size_t bytes, uint32_t *ret_bytes) {
    uint8_t *image = mem_alloc(1u << 20);
    if (image == NULL)
        fail("out of memory", "");
    const char *what;
    *ret_bytes = etl_buffer_inflate(raw, (uint32_t)bytes, image, 1u << 20, &what);
    return image;
}

// The events of each part, read alone.
static void learn_part(Base *b, uint32_t i) {
    Part *part = &b->parts[i];
    const uint8_t *raw = b->data + part->offset;
    EtlBufferHead head;
    etl_buffer_head(raw, &head);
    part->packed = (head.flags & ETL_BUFFER_COMPRESSED) != 0;
    if (part->packed) {
        part->image = inflate(raw, part->bytes, &part->image_bytes);
    } else {
        part->image = mem_dup(raw, part->bytes);
        part->image_bytes = (uint32_t)part->bytes;
    }
    // Header buffer and this part's image, as a file of two buffers.
    size_t front = i == 0 ? 0 : b->parts[0].bytes;
    uint8_t *file = mem_alloc(front + part->image_bytes);
    if (file == NULL)
        fail("out of memory", "");
    memcpy(file, b->data, front);
    memcpy(file + front, part->image, part->image_bytes);
    store_u32(file + front, part->image_bytes);
    store_u16(file + front + 0x34, (uint16_t)(head.flags & ~ETL_BUFFER_COMPRESSED));
    EtlOptions options = {0};
    options.file_order = true;
    EtlReader *reader;
    Err err = ERR_INIT;
    if (etl_open_memory(file, front + part->image_bytes, &options, &reader, &err) < 0)
        fail(b->name, err.text);
    EventRecord r;
    part->first = b->n_events;
    while (etl_next(reader, &r, &err) > 0) {
        const uint8_t *end = r.payload + r.payload_bytes;
        if (end <= file + front) // of the header buffer
            continue;
        Event *events = mem_resize(b->events, (b->n_events + 1u) * sizeof *events);
        if (events == NULL)
            fail("out of memory", "");
        b->events = events;
        events[b->n_events++] = (Event){hash_of(&r), (uint32_t)(end - (file + front))};
    }
    part->n = b->n_events - part->first;
    etl_close(reader);
    mem_free(file);
}

// An excerpt: the header buffer, then up to n buffers from the given one on.
static void add_base(const char *name, const uint8_t *data, size_t bytes, uint32_t from,
                     uint32_t n) {
    if (n_bases == MAX_BASES)
        return;
    Base *b = &bases[n_bases];
    *b = (Base){0};
    snprintf(b->name, sizeof b->name, "%.60s from %u", name, from);
    size_t at = 0;
    uint32_t index = 0, headers = 0;
    b->data = mem_alloc(bytes);
    if (b->data == NULL)
        fail("out of memory", "");
    while (at + ETL_BUFFER_HEAD <= bytes && b->n_parts < MAX_BUFFERS && b->n_parts <= n) {
        EtlBufferHead head;
        etl_buffer_head(data + at, &head);
        if (head.bytes < ETL_BUFFER_HEAD || head.bytes > bytes - at)
            break; // whole buffers only
        if (index == 0 || index > from) {
            memcpy(b->data + b->bytes, data + at, head.bytes);
            b->parts[b->n_parts++] = (Part){.offset = b->bytes, .bytes = head.bytes};
            b->bytes += head.bytes;
            headers += head.type == ETL_BUFFER_HEADER;
        }
        at += head.bytes;
        index++;
    }
    if (b->n_parts < 2) {
        mem_free(b->data);
        return;
    }
    EtlReader *reader;
    Err err = ERR_INIT;
    if (etl_open_memory(b->data, b->bytes, NULL, &reader, &err) < 0)
        fail(b->name, err.text);
    const EtlInfo *info = etl_info(reader);
    b->reordered = (info->mode & 2) != 0 || (info->mode & 0x20) != 0 || headers > 1;
    etl_close(reader);
    for (uint32_t i = 0; i < b->n_parts; i++)
        learn_part(b, i);
    // The base itself must be its parts in a row: this also checks the check.
    Stream s;
    read_stream(b->data, b->bytes, true, false, &s);
    bool same = s.n == b->n_events || b->reordered;
    for (uint32_t i = 0; same && !b->reordered && i < s.n; i++)
        same = s.hashes[i] == b->events[i].hash;
    if (!same)
        fail(b->name, "the file is not the sum of its buffers");
    mem_free(s.hashes);
    n_bases++;
}

static void add_corpus(const char *folder) {
    static const struct {
        const char *name;
        uint32_t from, n;
    } files[] = {
        {"net.4.5.2.x64.etl", 0, 6},
        {"net.4.5.2.x64.etl", 150, 6},
        {"net.4.5.2.x64.etl", 340, 6},
        {"ShutdownPerfDiagLogger.etl", 0, 6},
        {"diaghub.user_paged.1.etl", 0, 6},
        {"diaghub.user_paged.1.etl", 90, 6},
        {"gcevents.etl", 0, 20},
        {"powershell.etl", 0, 20},
        {"AMSITrace.etl", 0, 20},
        {"primitive-types.etl", 0, 20},
        {"SelfDescribingSingleEvent.etl", 0, 20},
        {"pyetw_out.etl", 0, 20},
        {"marissa_mytrace.etl", 0, 20},
        {"image_data_32_v1.etl", 0, 20},
        {"process_data_64_v3.etl", 0, 20},
        {"made/features.etl", 0, 20},
        {"made/libtrace64.etl", 0, 20},
        {"made/libtrace64_lz_literal.etl", 0, 20},
        {"made/libtrace64_lz_match.etl", 0, 20},
        {"made/libtrace64_circular_rotated.etl", 0, 20},
    };
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
        FILE *f = fopen(path, "rb");
        if (f == NULL)
            fail("cannot open", path);
        fseek(f, 0, SEEK_END);
        size_t bytes = (size_t)ftell(f);
        rewind(f);
        uint8_t *data = mem_alloc(bytes);
        if (data == NULL || fread(data, 1, bytes, f) != bytes)
            fail("cannot read", path);
        fclose(f);
        add_base(files[i].name, data, bytes, files[i].from, files[i].n);
        mem_free(data);
    }
}

static void add_scenarios(void) {
    for (const ScenarioInfo *const *info = scenario_all(); *info != NULL; info++) {
        for (int packing = 0; packing < 2; packing++) {
            if (packing > 0 && !(*info)->packs)
                continue;
            ScenarioOptions options = SCENARIO_DEFAULTS;
            options.packing = packing == 0 ? ETLW_PLAIN : ETLW_PACK_MATCH;
            options.buffer_bytes = 16384;
            if ((*info)->scales)
                options.n_events = 3000;
            Buf file = BUF_INIT;
            Err err = ERR_INIT;
            if (scenario_to_buf((*info)->name, &options, &file, NULL, &err) < 0) {
                // Some scenarios have events that need larger buffers.
                buf_clear(&file);
                options.buffer_bytes = 0;
                if (scenario_to_buf((*info)->name, &options, &file, NULL, &err) < 0)
                    fail((*info)->name, err.text);
            }
            // Deliberate damage and cuts are tested by the units.
            if (strcmp((*info)->name, "damaged") != 0)
                add_base((*info)->name, file.data, file.bytes, 0, 12);
            buf_deinit(&file);
        }
    }
}

// ---- Damage

static void damage_bytes(uint8_t *p, size_t n) {
    if (n == 0)
        return;
    switch (below(6)) {
    case 0: // bits
        for (size_t k = 1 + below(4); k > 0; k--)
            p[below(n)] ^= (uint8_t)(1u << below(8));
        break;
    case 1: // bytes
        for (size_t k = 1 + below(16); k > 0; k--)
            p[below(n)] = (uint8_t)rng();
        break;
    case 2: { // a run of one value
        static const uint8_t values[] = {0, 0xff, 0x7f, 0x80, 0xc0};
        size_t at = below(n);
        memset(p + at, values[below(5)], 1 + below(MIN_OF(n - at, 512)));
        break;
    }
    case 3: { // noise
        size_t at = below(n);
        for (size_t k = 1 + below(MIN_OF(n - at, 512)); k > 0; k--)
            p[at + k - 1] = (uint8_t)rng();
        break;
    }
    case 4: { // a telling number at a place where one may stand
        static const uint32_t values[] = {0,          1,          7,          8,
                                          0x47,       0x48,       0x4f,       0x50,
                                          0xffff,     0x10000,    0x7fffffff, 0x80000000,
                                          0xc0130000, 0xffffffff, 0xc0020020, 0x90000008};
        size_t at = below(n) & ~(size_t)3;
        if (n - at >= 4)
            store_u32(p + at, values[below(ARRAY_COUNT(values))]);
        break;
    }
    default: { // one place copied over another
        size_t from = below(n), to = below(n);
        memmove(p + to, p + from, 1 + below(MIN_OF(n - MAX_OF(from, to), 256)));
        break;
    }
    }
}

static uint32_t first_difference(const uint8_t *a, const uint8_t *b, uint32_t n) {
    uint32_t i = 0;
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

// Events of a part that end in front of the first image byte that differs.
static uint32_t intact_events(const Base *b, const Part *part, const uint8_t *raw, size_t bytes) {
    uint32_t good;
    if (part->packed) {
        if (bytes < ETL_BUFFER_HEAD)
            return 0;
        uint32_t image_bytes;
        uint8_t *image = inflate(raw, bytes, &image_bytes);
        good = first_difference(image + ETL_BUFFER_HEAD, part->image + ETL_BUFFER_HEAD,
                                MIN_OF(image_bytes, part->image_bytes) - ETL_BUFFER_HEAD) +
               ETL_BUFFER_HEAD;
        mem_free(image);
    } else {
        good = first_difference(raw, part->image, (uint32_t)MIN_OF(bytes, part->bytes));
    }
    uint32_t n = 0;
    while (n < part->n && b->events[part->first + n].end <= good)
        n++;
    return n;
}

static void expect(const Base *b, const Stream *s, uint32_t front, uint32_t back,
                   const char *what) {
    char text[200];
    snprintf(text, sizeof text, "%s: %s: %u events, expected the first %u and the last %u of %u",
             b->name, what, s->n, front, back, b->n_events);
    if (s->n < front + back)
        fail("intact events are lost", text);
    for (uint32_t i = 0; i < front; i++) {
        if (s->hashes[i] != b->events[i].hash)
            fail("an intact event before the damage is changed or lost", text);
    }
    for (uint32_t i = 0; i < back; i++) {
        if (s->hashes[s->n - back + i] != b->events[b->n_events - back + i].hash)
            fail("an intact event behind the damage is changed or lost", text);
    }
}

typedef enum Kind { BODY, HEADER, CUT, ANYTHING } Kind;

static void round_of(uint32_t number, const char *tmp) {
    const Base *b = &bases[below(n_bases)];
    static const Kind kinds[] = {BODY,   BODY, BODY, BODY,     HEADER,
                                 HEADER, CUT,  CUT,  ANYTHING, ANYTHING};
    Kind kind = kinds[below(ARRAY_COUNT(kinds))];
    size_t bytes = b->bytes;
    uint32_t which = 1 + (uint32_t)below(b->n_parts - 1);
    const Part *part = &b->parts[which];
    if (kind == CUT)
        bytes = below(b->bytes + 1);
    uint8_t *copy = mem_alloc(bytes);
    if (copy == NULL)
        fail("out of memory", "");
    memcpy(copy, b->data, bytes);
    switch (kind) {
    case BODY:
        damage_bytes(copy + part->offset + ETL_BUFFER_HEAD, part->bytes - ETL_BUFFER_HEAD);
        break;
    case HEADER:
        damage_bytes(copy + part->offset, ETL_BUFFER_HEAD);
        break;
    case CUT:
        break;
    case ANYTHING:
        for (size_t k = 1 + below(4); k > 0; k--)
            damage_bytes(copy, bytes);
        if (below(4) == 0) // a piece taken out: everything behind stands elsewhere
            bytes -= below(bytes / 2);
        if (below(3) == 0)
            damage_bytes(copy, MIN_OF(bytes, b->parts[0].bytes));
        break;
    }
    // Exactly as long as the file.
    uint8_t *exact = mem_dup(copy, bytes);
    if (exact == NULL && bytes > 0)
        fail("out of memory", "");
    mem_free(copy);
    copy_data = exact;
    copy_bytes = bytes;

    int64_t begun = plat_now_ns();
    Stream in_order, merged, schemas;
    read_stream(exact, bytes, true, false, &in_order);
    read_stream(exact, bytes, false, false, &merged);
    read_stream(exact, bytes, false, true, &schemas);
    if (in_order.opened != merged.opened || in_order.n != merged.n)
        fail(b->name, "merging loses events");
    if (plat_now_ns() - begun > HANG_NS)
        fail(b->name, "reading takes too long");

    if (kind == CUT && in_order.opened && !b->reordered) {
        uint32_t front = 0;
        for (uint32_t i = 0; i < b->n_parts && b->parts[i].offset < bytes; i++) {
            const Part *p = &b->parts[i];
            size_t left = bytes - p->offset;
            front =
                p->first + (left >= p->bytes ? p->n : intact_events(b, p, exact + p->offset, left));
        }
        expect(b, &in_order, front, 0, "cut");
    }
    if (kind == BODY && !b->reordered) {
        uint32_t kept = intact_events(b, part, exact + part->offset, part->bytes);
        expect(b, &in_order, part->first + kept, b->n_events - part->first - part->n,
               "damaged buffer");
    }
    if (kind == BODY && b->reordered && in_order.n + part->n < b->n_events)
        fail(b->name, "more than the damaged buffer's events are lost");
    if (kind == HEADER && !b->reordered)
        expect(b, &in_order, part->first, b->n_events - part->first - part->n, "damaged header");

    if (number % 64 == 0 && tmp != NULL) {
        // From a file, through small windows: the same stream.
        char path[1024];
        snprintf(path, sizeof path, "%s/mutated.etl", tmp);
        FILE *f = fopen(path, "wb");
        if (f == NULL || fwrite(exact, 1, bytes, f) != bytes || fclose(f) != 0)
            fail("cannot write", path);
        EtlOptions options = {0};
        options.window_bytes = 1;
        EtlReader *reader;
        Err err = ERR_INIT;
        Stream s = {0};
        if (etl_open(path, &options, &reader, &err) == 0) {
            drain(reader, &s);
            etl_close(reader);
        }
        if (s.n != merged.n ||
            (s.n > 0 && memcmp(s.hashes, merged.hashes, s.n * sizeof *s.hashes) != 0))
            fail(b->name, "a file and the same bytes in memory are read differently");
        mem_free(s.hashes);
        remove(path);
    }
    mem_free(in_order.hashes);
    mem_free(merged.hashes);
    mem_free(schemas.hashes);
    copy_data = NULL;
    mem_free(exact);
}

int main(int argc, char **argv) {
    uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 2000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    const char *corpus = getenv("ETW_CORPUS");
    const char *tmp = getenv("ETW_TMP");
    if (corpus != NULL && corpus[0] != 0)
        add_corpus(corpus);
    else
        fprintf(stderr, "torture_mutate: no corpus (ETW_CORPUS); generated files only\n");
    add_scenarios();
    int64_t begun = plat_now_ns();
    for (uint32_t i = 0; i < count; i++) {
        rng_state = seed * UINT64_C(0x100000001) + i;
        round_number = i;
        round_of(i, tmp);
    }
    for (uint32_t i = 0; i < n_bases; i++) {
        for (uint32_t k = 0; k < bases[i].n_parts; k++)
            mem_free(bases[i].parts[k].image);
        mem_free(bases[i].data);
        mem_free(bases[i].events);
    }
    if (mem_in_use() != 0)
        fail("memory leaks", "");
    printf("%u mutated copies of %u files (seed %llu): %llu events read in %.1f s\n", count,
           n_bases, (unsigned long long)seed, (unsigned long long)touched,
           (double)(plat_now_ns() - begun) * 1e-9);
    return 0;
}
