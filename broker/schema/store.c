// Definitions lie in the form in which they came (blobs, parsed manifests) under their keys; find
// compiles. A second, different definition of the same key replaces the first, but only
// MAX_REPLACEMENTS times, so that two quarrelling definitions cannot make types for ever.

#include "schema/store.h"

#include "platform/dir.h"
#include "platform/file.h"
#include "schema/chunks.h"
#include "schema/event_info.h"
#include "schema/kernel_mof.h"
#include "schema/keyword_names.h"
#include "schema/manifest_xml.h"
#include "schema/provider_names.h"
#include "schema/tracelogging.h"
#include "util/map.h"
#include "util/mem.h"
#include "util/utf.h"

#define MAX_REPLACEMENTS 16u
#define MAX_PROVIDERS    65536u // learned names

// KernelTraceControl's metadata class (etl-format F).
static const Guid metadata_class =
    GUID_INIT(0xbbccf6c1, 0x6cd1, 0x48c4, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71);
enum { METADATA_EVENT_INFO = 32, METADATA_MAP_INFO = 33 };

typedef struct Blob {
    uint8_t *data;
    size_t bytes;
    uint32_t replaced;
} Blob;

typedef struct Provider {
    Guid guid;
    char *name; // or NULL
    bool event_source;
    Manifest *stream, *file; // in-stream and .man
    uint64_t stream_hash;    // of the last text, used or not
    size_t stream_bytes;
    uint32_t replaced;
} Provider;

struct SchemaStore {
    Map infos;     // InfoKey -> Blob
    Map maps;      // provider GUID, name as UTF-16 -> Blob
    Map providers; // GUID -> Provider
    Chunks chunks;
    SchemaStoreStats stats;
    size_t limit;
};

typedef struct InfoKey {
    uint8_t guid[16];
    uint8_t kind; // 'E' by id, 'M' by opcode
    uint8_t version;
    uint8_t id[2];
} InfoKey;

static InfoKey info_key(const Guid *guid, bool classic, const EventDescriptor *d) {
    InfoKey k = {.kind = classic ? 'M' : 'E', .version = d->version};
    memcpy(k.guid, guid->b, sizeof k.guid);
    store_u16(k.id, classic ? d->opcode : d->id);
    return k;
}

int schema_store_new(SchemaStore **ret) {
    SchemaStore *s = mem_zalloc(sizeof *s);
    if (!s)
        return -STATUS_NO_MEMORY;
    s->limit = SCHEMA_STORE_LIMIT;
    *ret = s;
    return 0;
}

static void blobs_free(Map *map) {
    MapEntry *e;
    for (uint32_t i = 0; map_next(map, &i, &e);) {
        Blob *b = e->value;
        mem_free(b->data);
        mem_free(b);
    }
    map_deinit(map);
}

SchemaStore *schema_store_free(SchemaStore *store) {
    if (!store)
        return NULL;
    blobs_free(&store->infos);
    blobs_free(&store->maps);
    MapEntry *e;
    for (uint32_t i = 0; map_next(&store->providers, &i, &e);) {
        Provider *p = e->value;
        manifest_free(p->stream);
        manifest_free(p->file);
        mem_free(p->name);
        mem_free(p);
    }
    map_deinit(&store->providers);
    chunks_deinit(&store->chunks);
    mem_free(store);
    return NULL;
}

void schema_store_set_limit(SchemaStore *store, size_t bytes) {
    store->limit = bytes;
}

static size_t held(const SchemaStore *s) {
    return (size_t)s->stats.bytes + s->chunks.bytes;
}

static bool has_room(const SchemaStore *s, size_t bytes) {
    return held(s) <= s->limit && bytes <= s->limit - held(s);
}

// ---- Providers
// -----------------------------------------------------------------------------------

static Provider *provider_get(const SchemaStore *s, const Guid *guid) {
    return map_get(&s->providers, guid->b, sizeof guid->b);
}

// NULL when out of memory or when there are too many.
static Provider *provider_make(SchemaStore *s, const Guid *guid) {
    Provider *p = provider_get(s, guid);
    if (p || s->providers.n_live >= MAX_PROVIDERS || !has_room(s, sizeof *p))
        return p;
    p = mem_zalloc(sizeof *p);
    if (!p)
        return NULL;
    p->guid = *guid;
    if (map_set(&s->providers, guid->b, sizeof guid->b, p) < 0) {
        mem_free(p);
        return NULL;
    }
    s->stats.bytes += sizeof *p;
    return p;
}

// Names are a convenience: when there is no room for one, it is not learned.
static void provider_learn(SchemaStore *s, const Guid *guid, const char *name, size_t bytes) {
    Provider *p = provider_get(s, guid);
    if (bytes == 0 || bytes > 1024 || (p && p->name) || !has_room(s, bytes + 1))
        return;
    if (!p && !(p = provider_make(s, guid)))
        return;
    p->name = mem_strndup(name, bytes);
    if (p->name)
        s->stats.bytes += bytes + 1;
}

const char *schema_store_provider_name(const SchemaStore *store, const Guid *guid) {
    const Provider *p = provider_get(store, guid);
    if (p && p->name)
        return p->name;
    const ProviderName *known = provider_name_find(guid);
    if (known)
        return known->name;
    const MofClass *class = kernel_mof_class(guid);
    return class ? class->provider : NULL;
}

static const char *short_name(const char *name) {
    static const char *const heads[] = {"Microsoft-Windows-", "Microsoft-"};
    for (size_t i = 0; i < ARRAY_COUNT(heads); i++) {
        size_t n = strlen(heads[i]);
        if (strlen(name) > n && fold_compare(name, n, heads[i], n) == 0)
            return name + n;
    }
    return name;
}

static bool name_matches(const char *pattern, const char *name) {
    return fold_glob(pattern, name) || fold_glob(pattern, short_name(name));
}

uint32_t schema_store_providers(const SchemaStore *store, const char *pattern,
                                void (*each)(void *user, const Guid *guid, const char *name),
                                void *user) {
    uint32_t n = 0;
    MapEntry *e;
    for (uint32_t i = 0; map_next(&store->providers, &i, &e);) {
        const Provider *p = e->value;
        const char *name = schema_store_provider_name(store, &p->guid);
        if (name && name_matches(pattern, name)) {
            each(user, &p->guid, name);
            n++;
        }
    }
    for (uint32_t i = 0; i < provider_names_n; i++) {
        const ProviderName *p = &provider_names[i];
        if (!provider_get(store, &p->guid) && name_matches(pattern, p->name)) {
            each(user, &p->guid, p->name);
            n++;
        }
    }
    return n;
}

// ---- Learning
// ------------------------------------------------------------------------------------

// 1: new; 0: known already or refused.
static int blob_put(SchemaStore *s, Map *map, const void *key, size_t key_bytes, const void *data,
                    size_t bytes) {
    Blob *old = map_get(map, key, key_bytes);
    if (old && old->bytes == bytes && memcmp(old->data, data, bytes) == 0)
        return 0;
    if (!has_room(s, bytes + key_bytes + sizeof *old) ||
        (old && old->replaced >= MAX_REPLACEMENTS)) {
        s->stats.rejected++;
        return 0;
    }
    uint8_t *copy = mem_dup(data, bytes);
    Blob *b = old ? old : mem_zalloc(sizeof *b);
    if (!copy || !b || (!old && map_set(map, key, key_bytes, b) < 0)) {
        mem_free(copy);
        if (!old)
            mem_free(b);
        return -STATUS_NO_MEMORY;
    }
    if (old) {
        mem_free(old->data);
        s->stats.bytes -= old->bytes;
        old->replaced++;
    } else {
        s->stats.bytes += key_bytes + sizeof *b;
    }
    b->data = copy;
    b->bytes = bytes;
    s->stats.bytes += bytes;
    return 1;
}

static int feed_event_info(SchemaStore *s, const uint8_t *data, size_t bytes, Guid *ret_provider) {
    EventInfoKey key;
    if (!event_info_key(data, bytes, &key)) {
        s->stats.rejected++;
        return 0;
    }
    // TraceLogging events bring their own description, WPP's is no description of fields.
    if (key.source != DECODING_XML && key.source != DECODING_WBEM)
        return 0;
    bool classic = key.source == DECODING_WBEM;
    InfoKey k = info_key(&key.provider, classic, &key.desc);
    int r = blob_put(s, &s->infos, &k, sizeof k, data, bytes);
    if (r <= 0)
        return r;
    const uint8_t *units;
    size_t n = event_info_provider_name(data, bytes, &units);
    if (n > 0 && n <= 512) {
        char name[2048];
        size_t need = utf16_to_utf8_fixed(name, sizeof name, units, n);
        if (need < sizeof name)
            provider_learn(s, &key.provider, name, need);
    }
    s->stats.event_infos++;
    *ret_provider = key.provider;
    return 1;
}

#define MAP_KEY_MAX 1024u

static size_t map_key(uint8_t *key, const Guid *provider, const void *units, size_t n_units) {
    if (n_units > (MAP_KEY_MAX - sizeof provider->b) / 2)
        return 0;
    memcpy(key, provider->b, sizeof provider->b);
    memcpy(key + sizeof provider->b, units, n_units * 2);
    return sizeof provider->b + n_units * 2;
}

static int feed_map_info(SchemaStore *s, const uint8_t *data, size_t bytes, Guid *ret_provider) {
    const uint8_t *name;
    size_t n;
    uint8_t key[MAP_KEY_MAX];
    Guid provider;
    if (bytes < sizeof provider.b ||
        !map_info_name(data + sizeof provider.b, bytes - sizeof provider.b, &name, &n)) {
        s->stats.rejected++;
        return 0;
    }
    memcpy(provider.b, data, sizeof provider.b);
    size_t key_bytes = map_key(key, &provider, name, n);
    if (key_bytes == 0) {
        s->stats.rejected++;
        return 0;
    }
    int r =
        blob_put(s, &s->maps, key, key_bytes, data + sizeof provider.b, bytes - sizeof provider.b);
    if (r <= 0)
        return r;
    s->stats.map_infos++;
    *ret_provider = provider;
    return 1;
}

typedef struct Taken {
    SchemaStore *store;
    const Guid *only; // in-stream: the GUID under which the chunks came
    uint32_t n;
    Guid last;
} Taken;

static int take_manifest(void *user, Manifest *m) {
    Taken *t = user;
    SchemaStore *s = t->store;
    // A process can describe only the provider that it writes as.
    if (t->only && !guid_equal(t->only, &m->provider)) {
        s->stats.rejected++;
        manifest_free(m);
        return 0;
    }
    Provider *p = provider_make(s, &m->provider);
    Manifest **slot = p ? (m->event_source ? &p->stream : &p->file) : NULL;
    size_t bytes = manifest_bytes(m);
    if (!slot || !has_room(s, bytes) || (*slot && p->replaced >= MAX_REPLACEMENTS)) {
        s->stats.rejected++;
        manifest_free(m);
        return 0;
    }
    if (*slot) {
        s->stats.bytes -= manifest_bytes(*slot);
        manifest_free(*slot);
        p->replaced++;
    }
    *slot = m;
    s->stats.bytes += bytes;
    s->stats.manifests++;
    if (m->event_source)
        p->event_source = true;
    provider_learn(s, &m->provider, m->name, strlen(m->name));
    t->n++;
    t->last = m->provider;
    return 0;
}

static int feed_chunk(SchemaStore *s, const EventRecord *record, Guid *ret_provider) {
    char *xml;
    size_t bytes;
    if (!chunk_is(record)) {
        s->stats.rejected++;
        return 0;
    }
    s->stats.manifest_chunks++;
    const Provider *quarrel = provider_get(s, &record->provider);
    if (quarrel && quarrel->replaced >= MAX_REPLACEMENTS)
        return 0; // settled: it is neither put together nor parsed any more
    int r = chunks_feed(&s->chunks, record, has_room(s, 1) ? s->limit - held(s) : 0, &xml, &bytes);
    if (r == CHUNK_BAD)
        s->stats.rejected++;
    if (r != CHUNK_COMPLETE)
        return r < 0 ? r : 0;
    // Every enable makes the EventSource repeat its manifest: the same text is not parsed again.
    uint64_t hash = hash_bytes(xml, bytes, 0);
    Provider *p = provider_get(s, &record->provider);
    Taken t = {.store = s, .only = &record->provider};
    if (!p || p->stream_hash != hash || p->stream_bytes != bytes) {
        r = manifest_parse(xml, bytes, true, take_manifest, &t, NULL);
        if (r < 0 && r != -STATUS_NO_MEMORY)
            s->stats.rejected++;
        p = provider_make(s, &record->provider);
        if (p && r != -STATUS_NO_MEMORY) {
            p->stream_hash = hash;
            p->stream_bytes = bytes;
            if (t.n == 0)
                p->replaced++; // a text that is no use costs as much as one that is
        }
    }
    mem_free(xml);
    if (r == -STATUS_NO_MEMORY)
        return r;
    *ret_provider = record->provider;
    return t.n > 0;
}

int schema_store_feed(SchemaStore *store, const EventRecord *record, Guid *ret_provider) {
    if (!(record->flags & EVENT_CLASSIC) && record->desc.id == 0xfffe)
        return feed_chunk(store, record, ret_provider);
    if ((record->flags & EVENT_CLASSIC) && guid_equal(&record->provider, &metadata_class)) {
        if (record->desc.opcode == METADATA_EVENT_INFO)
            return feed_event_info(store, record->payload, record->payload_bytes, ret_provider);
        if (record->desc.opcode == METADATA_MAP_INFO)
            return feed_map_info(store, record->payload, record->payload_bytes, ret_provider);
    }
    return 0;
}

int schema_store_xml(SchemaStore *store, const char *xml_untrusted, size_t bytes, Err *err) {
    Taken t = {.store = store};
    int r = manifest_parse(xml_untrusted, bytes, false, take_manifest, &t, err);
    if (r < 0 && r != -STATUS_NO_MEMORY)
        store->stats.rejected++;
    if (r == 0 && t.n == 0)
        return err_set(err, STATUS_OVERSIZE,
                       "no room for the manifest: the limit of %zu bytes of definitions is reached",
                       store->limit);
    return r < 0 ? r : 0;
}

typedef struct Load {
    SchemaStore *store;
    Err *err;
    int first; // error of a folder's files
} Load;

static int load_file(void *user, const char *path) {
    Load *load = user;
    PlatFile *file;
    int r = plat_file_open(path, &file, load->err);
    if (r < 0)
        return r;
    uint64_t size = plat_file_size(file);
    if (size > MANIFEST_MAX_BYTES) {
        plat_file_close(file);
        return err_set(load->err, STATUS_OVERSIZE, "'%s' has %llu bytes; at most %u are taken",
                       path, (unsigned long long)size, MANIFEST_MAX_BYTES);
    }
    size_t got = 0;
    char *xml = mem_alloc((size_t)size + 1);
    if (!xml)
        r = err_set(load->err, STATUS_NO_MEMORY, "'%s': out of memory", path);
    else
        r = plat_file_read_at(file, 0, xml, (size_t)size, &got, load->err);
    if (r == 0)
        r = err_prefix(load->err, schema_store_xml(load->store, xml, got, load->err), "'%s'", path);
    mem_free(xml);
    plat_file_close(file);
    return r;
}

// In a folder, a file that is no good is reported (the first one) and the others are still loaded.
static int load_each(void *user, const char *path) {
    Load *load = user, one = {load->store, NULL, 0};
    Err err = ERR_INIT;
    one.err = &err;
    int r = load_file(&one, path);
    if (r < 0 && load->first == 0) {
        load->first = r;
        if (load->err)
            *load->err = err;
    }
    return r == -STATUS_NO_MEMORY ? r : 0;
}

int schema_store_load(SchemaStore *store, const char *path, Err *err) {
    Load load = {store, err, 0};
    if (!plat_is_dir(path))
        return load_file(&load, path);
    int r = plat_dir_list(path, ".man", load_each, &load, err);
    if (r == 0)
        r = plat_dir_list(path, ".xml", load_each, &load, err);
    return r < 0 ? r : load.first;
}

// ---- Finding
// -------------------------------------------------------------------------------------

static const void *find_map(void *user, const Guid *provider, const void *units, size_t n_units,
                            size_t *ret_bytes) {
    const SchemaStore *s = user;
    uint8_t key[MAP_KEY_MAX];
    size_t n = map_key(key, provider, units, n_units);
    const Blob *b = n ? map_get(&s->maps, key, n) : NULL;
    if (!b)
        return NULL;
    *ret_bytes = b->bytes;
    return b->data;
}

// What nothing describes: names as far as they are known, no fields, and the reason.
static int find_nothing(SchemaStore *s, const EventRecord *record, Undecodable why, Schema **ret) {
    SchemaBuilder b;
    int r = builder_init(&b);
    if (r < 0)
        return r;
    Schema *n = b.schema;
    n->provider = record->provider;
    n->desc = record->desc;
    n->event_flags =
        record->flags & (EVENT_CLASSIC | EVENT_TRACELOGGING | EVENT_WPP | EVENT_STRING_ONLY);
    n->undecodable = (uint8_t)why;
    const char *name = schema_store_provider_name(s, &record->provider);
    if (name)
        r = builder_text(&b, name, strlen(name), &n->provider_name);
    const MofClass *class = kernel_mof_class(&record->provider);
    if (r == 0 && (record->flags & EVENT_WPP))
        r = builder_printf(&b, &n->event_name, "Message(%u)", record->desc.id);
    if (r == 0 && class && (record->flags & EVENT_CLASSIC)) {
        n->task_name = class->name;
        r = builder_printf(&b, &n->event_name, "%s/Opcode(%u)", class->prefix, record->desc.opcode);
    }
    if (r == 0)
        r = builder_defaults(&b);
    if (r == 0)
        r = builder_finish(&b, ret);
    builder_deinit(&b);
    return r == BUILDER_BAD ? -STATUS_INTERNAL : r;
}

static int one_string(SchemaStore *s, const EventRecord *record, Schema **ret) {
    SchemaBuilder b;
    SchemaField *f;
    int r = builder_init(&b);
    if (r < 0)
        return r;
    b.schema->provider = record->provider;
    b.schema->desc = record->desc;
    b.schema->source = SCHEMA_STRING;
    b.schema->event_flags = EVENT_STRING_ONLY;
    b.schema->event_name = "EventWriteString"; // TraceEvent's
    const char *name = schema_store_provider_name(s, &record->provider);
    if (name)
        r = builder_text(&b, name, strlen(name), &b.schema->provider_name);
    if (r == 0)
        r = builder_defaults(&b);
    if (r == 0)
        r = builder_add(&b, BUILDER_TOP, &f, NULL);
    if (r == 0) {
        f->name = "Message";
        f->in_type = IN_UTF16;
        r = builder_finish(&b, ret);
    }
    builder_deinit(&b);
    return r;
}

// The event that carries an EventSource's manifest.
static int manifest_data(SchemaStore *s, const EventRecord *record, Schema **ret) {
    static const SchemaField fields[] = {
        {.name = "Format", .in_type = IN_U8},
        {.name = "MajorVersion", .in_type = IN_U8},
        {.name = "MinorVersion", .in_type = IN_U8},
        {.name = "Magic", .in_type = IN_U8},
        {.name = "TotalChunks", .in_type = IN_U16},
        {.name = "ChunkNumber", .in_type = IN_U16},
        {.name = "Data", .in_type = IN_NONNULL_ANSI, .out_type = OUT_UTF8},
    };
    SchemaBuilder b;
    int r = builder_init(&b);
    if (r < 0)
        return r;
    b.schema->provider = record->provider;
    b.schema->desc = record->desc;
    b.schema->source = SCHEMA_MANIFEST;
    b.schema->flags = SCHEMA_EVENTSOURCE;
    b.schema->event_name = "ManifestData"; // TraceEvent's
    const char *name = schema_store_provider_name(s, &record->provider);
    if (name)
        r = builder_text(&b, name, strlen(name), &b.schema->provider_name);
    if (r == 0)
        r = builder_defaults(&b);
    for (size_t i = 0; r == 0 && i < ARRAY_COUNT(fields); i++) {
        SchemaField *f;
        r = builder_add(&b, BUILDER_TOP, &f, NULL);
        if (r == 0)
            *f = fields[i];
    }
    if (r == 0)
        r = builder_finish(&b, ret);
    builder_deinit(&b);
    return r;
}

static int find_info(SchemaStore *s, const EventRecord *record, bool classic, Schema **ret) {
    InfoKey key = info_key(&record->provider, classic, &record->desc);
    const Blob *b = map_get(&s->infos, &key, sizeof key);
    if (!b)
        return MANIFEST_NONE;
    MapFinder maps = {find_map, s};
    return event_info_compile(b->data, b->bytes, record, &maps, ret);
}

static int find_manifest(SchemaStore *s, const EventRecord *record, Schema **ret) {
    const Provider *p = provider_get(s, &record->provider);
    if (!p)
        return MANIFEST_NONE;
    const Manifest *order[] = {p->stream, p->file};
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        if (!order[i])
            continue;
        int r = manifest_compile(
            order[i], manifest_event(order[i], record->desc.id, record->desc.version), record, ret);
        if (r != MANIFEST_NONE)
            return r;
    }
    return MANIFEST_NONE;
}

static int find_classic(SchemaStore *s, const EventRecord *record, Schema **ret) {
    // The kernel's own table goes first: it knows more than the MOF from which blobs are made.
    int r = kernel_mof_compile(&record->provider, &record->desc, ret);
    return r == BUILDER_BAD ? find_info(s, record, true, ret) : r;
}

static int find_tracelogging(SchemaStore *s, const EventRecord *record, Schema **ret) {
    const char *name = "";
    size_t n = tracelogging_provider_name(record, &name);
    provider_learn(s, &record->provider, name, n);
    int r = tracelogging_compile(record, schema_store_provider_name(s, &record->provider), ret);
    const Provider *p = provider_get(s, &record->provider);
    const ProviderName *known = provider_name_find(&record->provider);
    if (r == 0 && ((p && p->event_source) || (known && known->event_source)))
        (*ret)->flags |= SCHEMA_EVENTSOURCE; // still the only holder
    return r;
}

int schema_store_find(SchemaStore *store, const EventRecord *record, Schema **ret) {
    int r;
    Undecodable why = UNDECODABLE_NO_SCHEMA;
    if (record->flags & EVENT_WPP) {
        r = MANIFEST_NONE;
        why = UNDECODABLE_WPP;
    } else if (record->flags & EVENT_TRACELOGGING) {
        r = find_tracelogging(store, record, ret);
    } else if (record->flags & EVENT_STRING_ONLY) {
        r = one_string(store, record, ret);
    } else if (record->flags & EVENT_CLASSIC) {
        r = find_classic(store, record, ret);
    } else if (chunk_is(record)) {
        r = manifest_data(store, record, ret);
    } else {
        r = find_info(store, record, false, ret);
        if (r == MANIFEST_NONE)
            r = find_manifest(store, record, ret);
    }
    if (r <= 0)
        return r;
    if (r == BUILDER_BAD) {
        why = UNDECODABLE_BAD_SCHEMA;
        store->stats.rejected++;
    }
    return find_nothing(store, record, why, ret);
}

// ---- Enumeration
// ---------------------------------------------------------------------------------

// What one event's description tells of keywords: its names stand in the order of the bits of its
// mask (so in every blob of the corpus); the upper 16 bits are of channels and have none.
typedef struct Derived {
    uint64_t given; // masks that `each` has had
    uint32_t n;
    void (*each)(void *user, uint64_t mask, const char *name);
    void *user;
} Derived;

static void give_keyword(Derived *d, uint64_t mask, const char *name) {
    if (mask == 0 || (d->given & mask) == mask)
        return;
    d->given |= mask;
    d->n++;
    d->each(d->user, mask, name);
}

static void derive_keywords(Derived *d, const Schema *schema) {
    uint64_t mask = schema->desc.keyword & UINT64_C(0xffffffffffff);
    uint32_t n_bits = 0, n_names = schema->keyword_names[0] ? 1 : 0;
    for (uint64_t m = mask; m; m &= m - 1)
        n_bits++;
    for (const char *p = schema->keyword_names; (p = strstr(p, ", ")); p += 2)
        n_names++;
    if (n_bits != n_names)
        return;
    const char *name = schema->keyword_names;
    for (uint64_t m = mask; m; m &= m - 1) {
        const char *end = strstr(name, ", ");
        size_t bytes = end ? (size_t)(end - name) : strlen(name);
        char copy[128];
        if (bytes > 0 && bytes < sizeof copy) {
            memcpy(copy, name, bytes);
            copy[bytes] = '\0';
            give_keyword(d, m & (~m + 1), copy);
        }
        name = end ? end + 2 : name + bytes;
    }
}

uint32_t schema_store_keywords(const SchemaStore *store, const Guid *provider,
                               void (*each)(void *user, uint64_t mask, const char *name),
                               void *user) {
    const Provider *p = provider_get(store, provider);
    const Manifest *m = p ? (p->file ? p->file : p->stream) : NULL;
    Derived d = {.each = each, .user = user};
    for (uint32_t i = 0; m && i < m->n_names[MANIFEST_KEYWORD]; i++) {
        const ManifestName *n = &m->names[MANIFEST_KEYWORD][i];
        d.given |= n->value;
        d.n++;
        each(user, n->value, n->name);
    }
    if (m)
        return d.n;
    uint32_t n_known;
    const KeywordName *known = keyword_names_of(provider, &n_known);
    for (uint32_t i = 0; i < n_known; i++)
        give_keyword(&d, known[i].mask, known[i].name);
    MapEntry *e;
    for (uint32_t i = 0; map_next(&store->infos, &i, &e);) {
        const Blob *b = e->value;
        Schema *schema;
        if (memcmp(e->key, provider->b, sizeof provider->b) != 0 ||
            event_info_compile(b->data, b->bytes, NULL, NULL, &schema) != 0)
            continue;
        derive_keywords(&d, schema);
        schema_unref(schema);
    }
    return d.n;
}

// `schema` is read only after the compilation whose result `r` is.
static bool give(int r, Schema **schema, void (*each)(void *user, const Schema *schema),
                 void *user) {
    if (r != 0)
        return false;
    each(user, *schema);
    *schema = schema_unref(*schema);
    return true;
}

uint32_t schema_store_events(SchemaStore *store, const Guid *provider,
                             void (*each)(void *user, const Schema *schema), void *user) {
    uint32_t n = 0;
    MapEntry *e;
    Schema *schema = NULL;
    MapFinder maps = {find_map, store};
    const MofClass *class = kernel_mof_class(provider);
    for (uint32_t i = 0; class && i < class->n_events; i++) {
        const MofEvent *event = &kernel_mof_events[class->first_event + i];
        EventDescriptor d = {.opcode = event->opcode, .version = event->version};
        n += give(kernel_mof_compile(provider, &d, &schema), &schema, each, user);
    }
    for (uint32_t i = 0; map_next(&store->infos, &i, &e);) {
        const Blob *b = e->value;
        if (memcmp(e->key, provider->b, sizeof provider->b) == 0)
            n += give(event_info_compile(b->data, b->bytes, NULL, &maps, &schema), &schema, each,
                      user);
    }
    const Provider *p = provider_get(store, provider);
    const Manifest *m = p ? (p->file ? p->file : p->stream) : NULL;
    for (uint32_t i = 0; m && i < m->n_events; i++) {
        InfoKey key = info_key(provider, false, &m->events[i].desc);
        if (!map_get(&store->infos, &key, sizeof key))
            n += give(manifest_compile(m, &m->events[i], NULL, &schema), &schema, each, user);
    }
    return n;
}

SchemaStoreStats schema_store_stats(const SchemaStore *store) {
    SchemaStoreStats stats = store->stats;
    stats.bytes = held(store);
    return stats;
}
