#include "tests/etlgen/gen.h"

#include "tests/etlgen/es_manifest.h"

void gen_init(Gen *g, EtlwWriter *writer, const EtlwClock *clock, uint32_t n_cpus, uint64_t seed) {
    *g = (Gen){0};
    g->writer = writer;
    g->clock = *clock;
    g->n_cpus = n_cpus;
    g->rng = prng_seeded(seed);
}

void gen_deinit(Gen *g) {
    buf_deinit(&g->payload);
    buf_deinit(&g->items);
    buf_deinit(&g->blob);
}

void gen_advance(Gen *g, int64_t by_100ns) {
    g->now += by_100ns;
}

void gen_advance_us(Gen *g, uint32_t low, uint32_t high) {
    g->now += (int64_t)prng_between(&g->rng, low, high) * 10 + prng_below(&g->rng, 10);
}

int64_t gen_raw(const Gen *g) {
    return etlw_clock_raw(&g->clock, g->now);
}

uint32_t gen_cpu(Gen *g) {
    return prng_below(&g->rng, g->n_cpus);
}

uint64_t gen_kernel_address(Gen *g) {
    return 0xffff960000000000u + ((prng_next(&g->rng) & 0xfffffffu) << 4);
}

static void note(Gen *g, int result) {
    if (result < 0 && g->status == 0)
        g->status = result;
}

void gen_emit(Gen *g, uint32_t cpu, EtlwEvent *event) {
    event->time = gen_raw(g);
    event->payload = g->payload.data;
    event->payload_bytes = (uint32_t)g->payload.bytes;
    if (g->payload.failed || g->items.failed)
        note(g, -(int)STATUS_NO_MEMORY);
    else if (g->status == 0)
        note(g, etlw_event(g->writer, cpu, event));
    buf_clear(&g->payload);
    buf_clear(&g->items);
}

void gen_kernel(Gen *g, uint32_t cpu, uint8_t header_type, uint8_t group, uint8_t opcode,
                uint8_t version, uint32_t pid, uint32_t tid) {
    EtlwEvent e = {.header_type = header_type, .group = group, .pid = pid, .tid = tid};
    e.desc.opcode = opcode;
    e.desc.version = version;
    if (header_type == ETL_HEADER_SYSTEM32 || header_type == ETL_HEADER_SYSTEM64) {
        e.kernel_time = prng_below(&g->rng, 40);
        e.user_time = prng_below(&g->rng, 90);
    }
    gen_emit(g, cpu, &e);
}

void gen_classic(Gen *g, uint32_t cpu, const Guid *guid, uint8_t opcode, uint8_t version,
                 uint32_t pid, uint32_t tid) {
    EtlwEvent e = {.header_type = ETL_HEADER_FULL64, .guid = *guid, .pid = pid, .tid = tid};
    e.desc.opcode = opcode;
    e.desc.version = version;
    gen_emit(g, cpu, &e);
}

// Whether `what` was stored before; remembers it.
static bool stored_already(Gen *g, const void *what) {
    for (uint32_t i = 0; i < g->n_schemas_done; i++)
        if (g->schemas_done[i] == what)
            return true;
    if (g->n_schemas_done < GEN_MAX_SCHEMAS)
        g->schemas_done[g->n_schemas_done++] = what;
    return false;
}

// Metadata of the event whose payload is under construction: that must survive.
static void store_metadata(Gen *g, uint32_t cpu, uint8_t opcode) {
    Buf kept = g->payload;
    Buf kept_items = g->items;
    g->payload = g->blob;
    g->items = (Buf)BUF_INIT;
    gen_classic(g, cpu, &event_metadata_guid, opcode, 0, 0, 0);
    g->blob = g->payload;
    g->payload = kept;
    g->items = kept_items;
}

void gen_event_info(Gen *g, uint32_t cpu, const TeiEvent *schema) {
    buf_clear(&g->blob);
    tei_event(&g->blob, schema);
    store_metadata(g, cpu, METADATA_EVENT_INFO);
}

void gen_map_info(Gen *g, uint32_t cpu, const Guid *provider, const TeiMap *map) {
    buf_clear(&g->blob);
    blob_guid(&g->blob, provider);
    tei_map(&g->blob, map);
    store_metadata(g, cpu, METADATA_MAP_INFO);
}

static const TeiMap *find_map(const GenMaps *maps, const char *name) {
    for (uint32_t i = 0; maps != NULL && i < maps->n_maps; i++)
        if (strcmp(maps->maps[i].name, name) == 0)
            return &maps->maps[i];
    return NULL;
}

static void store_schema(Gen *g, uint32_t cpu, const TeiEvent *schema, const GenMaps *maps) {
    if (stored_already(g, schema))
        return;
    gen_event_info(g, cpu, schema);
    for (uint32_t i = 0; i < schema->n_fields; i++) {
        const TeiMap *map =
            schema->fields[i].map != NULL ? find_map(maps, schema->fields[i].map) : NULL;
        if (map != NULL && !stored_already(g, map))
            gen_map_info(g, cpu, &schema->provider, map);
    }
}

void gen_manifest(Gen *g, uint32_t cpu, const TeiEvent *schema, const GenMaps *maps, uint32_t pid,
                  uint32_t tid, const EtlwItem *items, uint32_t n_items) {
    if (!g->schema_after_use)
        store_schema(g, cpu, schema, maps);
    EtlwEvent e = {
        .header_type = ETL_HEADER_EVENT64, .guid = schema->provider, .desc = schema->desc};
    e.pid = pid;
    e.tid = tid;
    e.items = items;
    e.n_items = n_items;
    e.kernel_time = prng_below(&g->rng, 40);
    e.user_time = prng_below(&g->rng, 90);
    gen_emit(g, cpu, &e);
    if (g->schema_after_use)
        store_schema(g, cpu, schema, maps);
}

void gen_tracelogging(Gen *g, uint32_t cpu, const Guid *provider, const Buf *traits,
                      const Buf *metadata, uint8_t level, uint64_t keyword, uint8_t opcode,
                      uint32_t pid, uint32_t tid) {
    const EtlwItem items[2] = {
        {EVENT_ITEM_TRAITS, (uint16_t)traits->bytes, traits->data},
        {EVENT_ITEM_TRACELOGGING, (uint16_t)metadata->bytes, metadata->data},
    };
    if (traits->failed || metadata->failed || traits->bytes > UINT16_MAX ||
        metadata->bytes > UINT16_MAX) {
        note(g, -(int)STATUS_OVERSIZE);
        return;
    }
    EtlwEvent e = {.header_type = ETL_HEADER_EVENT64, .guid = *provider};
    e.desc = (EventDescriptor){.channel = 11, .level = level, .opcode = opcode, .keyword = keyword};
    e.pid = pid;
    e.tid = tid;
    e.items = items;
    e.n_items = 2;
    gen_emit(g, cpu, &e);
}

void gen_manifest_chunks(Gen *g, uint32_t cpu, const Guid *provider, const Buf *xml,
                         uint32_t chunk_bytes, uint32_t pid, uint32_t tid) {
    if (xml->failed) {
        note(g, -(int)STATUS_NO_MEMORY);
        return;
    }
    uint32_t n = es_manifest_chunks(xml->bytes, chunk_bytes);
    for (uint32_t i = 0; i < n; i++) {
        buf_clear(&g->payload);
        es_manifest_chunk(&g->payload, xml->data, xml->bytes, chunk_bytes, i);
        EtlwEvent e = {
            .header_type = ETL_HEADER_EVENT64, .guid = *provider, .pid = pid, .tid = tid};
        e.desc = (EventDescriptor){.id = 0xfffe, .version = 1, .opcode = 0xfe, .task = 0xfffe};
        e.desc.keyword = UINT64_MAX;
        gen_emit(g, cpu, &e);
        gen_advance(g, 3);
    }
}

uint64_t gen_ordinal(const Gen *g) {
    return etlw_events(g->writer) + g->n_appended; // each trace header is one as well
}

void gen_append(Gen *g, const EtlwOptions *options) {
    note(g, etlw_append(g->writer, options));
    g->clock = options->clock;
    g->now = 0;
    g->n_appended++;
}
