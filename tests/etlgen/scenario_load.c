// `load` and `quiet-noisy`: many small events from invented providers, for benchmarks and fairness.

#include <stdlib.h>

#include "tests/etlgen/scenario.h"
#include "tests/etlgen/tl_builder.h"
#include "util/timefmt.h"

#define N_PROVIDERS     4
#define N_IDS           4  // events of each provider: one for each level from 2 to 5
#define FIXED_BYTES     26 // of a load event in front of its filler
#define DEFAULT_PAYLOAD 64u
#define MAX_PAYLOAD     60000u

static const Guid load_guids[N_PROVIDERS] = {
    GUID_INIT(0x7c1d0001u, 0x51aa, 0x4f0e, 0x9b, 0x01, 0x10, 0xad, 0x00, 0x00, 0x00, 0x01),
    GUID_INIT(0x7c1d0002u, 0x51aa, 0x4f0e, 0x9b, 0x01, 0x10, 0xad, 0x00, 0x00, 0x00, 0x02),
    GUID_INIT(0x7c1d0003u, 0x51aa, 0x4f0e, 0x9b, 0x01, 0x10, 0xad, 0x00, 0x00, 0x00, 0x03),
    GUID_INIT(0x7c1d0004u, 0x51aa, 0x4f0e, 0x9b, 0x01, 0x10, 0xad, 0x00, 0x00, 0x00, 0x04),
};
static const char *const load_names[N_PROVIDERS] = {"EtwBroker-Load-Alpha", "EtwBroker-Load-Beta",
                                                    "EtwBroker-Load-Gamma", "EtwBroker-Load-Delta"};
static const char *const keyword_names[5] = {"Alpha", "Beta", "Gamma", "Delta", "Rare"};
static const char *const level_names[6] = {"",        "Critical",    "Error",
                                           "Warning", "Information", "Verbose"};

// Sequence numbers each provider's events: a reader can see what is missing.
static const TeiField load_fields[] = {
    {.name = "Sequence", .in_type = IN_U64},
    {.name = "Worker", .in_type = IN_U32},
    {.name = "Status", .in_type = IN_HEX32, .out_type = OUT_NTSTATUS},
    {.name = "Elapsed", .in_type = IN_U64},
    {.name = "FillerBytes", .in_type = IN_U16},
    {.name = "Filler", .in_type = IN_BINARY, .flags = TEI_PARAM_LENGTH, .length = 4},
};

static TeiEvent load_event(uint32_t provider, uint32_t id, uint32_t keyword_bit) {
    TeiEvent e = {0};
    e.provider = load_guids[provider];
    e.desc = (EventDescriptor){.id = (uint16_t)(id + 1), .channel = 16, .level = (uint8_t)(2 + id)};
    e.desc.task = 1;
    e.desc.keyword = UINT64_C(1) << keyword_bit;
    e.provider_name = load_names[provider];
    e.level_name = level_names[2 + id];
    e.keyword_names = keyword_names[keyword_bit];
    e.task_name = "Work";
    e.message = "Worker %2 ended item %1 with %3 ";
    e.fields = load_fields;
    e.n_fields = e.n_top = ARRAY_COUNT(load_fields);
    return e;
}

// Ids 1-4 have keywords 0x1, 0x2, 0x4, 0x8; id 1 is an error and carries 0x10 too.
static void manifest_event(Gen *g, uint32_t cpu, TeiEvent schemas[N_PROVIDERS][N_IDS],
                           uint32_t provider, uint32_t id, uint64_t sequence,
                           uint32_t payload_bytes) {
    uint32_t filler = payload_bytes > FIXED_BYTES ? payload_bytes - FIXED_BYTES : 0;
    uint32_t worker = prng_below(&g->rng, 64);
    buf_u64(&g->payload, sequence);
    buf_u32(&g->payload, worker);
    buf_u32(&g->payload, id == 0 ? 0xc0000022u : 0);
    buf_u64(&g->payload, prng_below(&g->rng, 100000));
    buf_u16(&g->payload, (uint16_t)filler);
    if (filler > 0 && buf_reserve(&g->payload, filler)) {
        prng_fill(&g->rng, g->payload.data + g->payload.bytes, filler);
        g->payload.bytes += filler;
    }
    gen_manifest(g, cpu, &schemas[provider][id], NULL, 4000 + 4 * (worker / 8), 9000 + 4 * worker,
                 NULL, 0);
}

static void kernel_event(Gen *g, uint32_t cpu, uint64_t sequence) {
    uint32_t tid = 9000 + 4 * prng_below(&g->rng, 64), pid = 4000 + 4 * ((tid - 9000) / 32);
    KpFile f = {0xffff960012340000u + (sequence % 97) * 0x200,
                0xffff960055000000u + (sequence % 31) * 0x100,
                0xffffd50f00000000u + (sequence % 31) * 0x1000, tid};
    switch (prng_below(&g->rng, 4)) {
    case 0:
        kp_file_io(&g->payload, 8, &f, sequence * 4096, 4096, 0x60900);
        gen_kernel(g, cpu, ETL_HEADER_SYSTEM64, GROUP_FILE, FILE_READ, 3, pid, tid);
        break;
    case 1:
        kp_file_io(&g->payload, 8, &f, sequence * 512, 512, 0x60a00);
        gen_kernel(g, cpu, ETL_HEADER_SYSTEM64, GROUP_FILE, FILE_WRITE, 3, pid, tid);
        break;
    case 2:
        kp_cswitch(&g->payload, tid, 0, 8, 0, 0, prng_below(&g->rng, 100));
        gen_kernel(g, cpu, ETL_HEADER_PERFINFO64, GROUP_THREAD, THREAD_CSWITCH, 4, 0, 0);
        break;
    default:
        kp_sample(&g->payload, 8, 0x7ffd12340000u + prng_below(&g->rng, 65536), tid, 1);
        gen_kernel(g, cpu, ETL_HEADER_PERFINFO64, GROUP_PERF, PERF_SAMPLE, 2, 0, 0);
        break;
    }
}

static void wpp_event(Gen *g, uint32_t cpu, uint64_t sequence) {
    static const Guid message_guid =
        GUID_INIT(0x5e9be5cau, 0x91a4, 0x0d57, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88);
    EtlwEvent e = {
        .header_type = ETL_HEADER_MESSAGE, .guid = message_guid, .pid = 4008, .tid = 9052};
    e.desc.id = (uint16_t)(10 + sequence % 5);
    e.wpp_options = WPP_SEQUENCE | WPP_GUID | WPP_TIMESTAMP | WPP_PERF_TIMESTAMP | WPP_SYSTEM_INFO;
    e.wpp_sequence = (uint32_t)sequence;
    buf_u32(&g->payload, (uint32_t)sequence);
    gen_emit(g, cpu, &e);
}

typedef struct Mix {
    uint32_t manifest, kernel, tracelogging, wpp; // parts of their sum
} Mix;

// "manifest=50,kernel=30": what is not named is left out. Anything else in the text is ignored here;
// etlgen checks it.
static Mix parse_mix(const char *text) {
    Mix mix = {0};
    while (*text != 0) {
        const char *value = strchr(text, '=');
        if (value == NULL)
            break;
        uint32_t n = (uint32_t)strtoul(value + 1, NULL, 10);
        if (*text == 'm')
            mix.manifest = n;
        else if (*text == 'k')
            mix.kernel = n;
        else if (*text == 't')
            mix.tracelogging = n;
        else if (*text == 'w')
            mix.wpp = n;
        text = strchr(value, ',');
        if (text == NULL)
            break;
        text++;
    }
    return mix;
}

static void run_load(const ScenarioOptions *o, Gen *g) {
    static const Guid tl_guid =
        GUID_INIT(0x7c1d0010u, 0x51aa, 0x4f0e, 0x9b, 0x01, 0x10, 0xad, 0x00, 0x00, 0x00, 0x10);
    TeiEvent schemas[N_PROVIDERS][N_IDS];
    for (uint32_t p = 0; p < N_PROVIDERS; p++)
        for (uint32_t i = 0; i < N_IDS; i++)
            schemas[p][i] = load_event(p, i, i);
    for (uint32_t p = 0; p < N_PROVIDERS; p++) {
        schemas[p][0].desc.keyword |= 0x10;
        schemas[p][0].keyword_names = "Alpha|Rare";
    }
    Buf traits = BUF_INIT, metadata = BUF_INIT;
    tlb_traits(&traits, "EtwBroker.Load.Tracing", NULL);
    TlBuilder tl = tlb_begin(&metadata, "Item", 0);
    tlb_field(&tl, "Sequence", IN_U64, 0, 0);
    tlb_field(&tl, "Name", IN_UTF16, 0, 0);
    tlb_end(&tl);

    Mix mix = parse_mix(o->mix != NULL ? o->mix : "manifest=50,kernel=30,tracelogging=15,wpp=5");
    uint32_t parts = mix.manifest + mix.kernel + mix.tracelogging + mix.wpp;
    if (parts == 0)
        mix.manifest = parts = 1;
    uint32_t payload =
        o->payload_bytes != 0 ? MIN_OF(o->payload_bytes, MAX_PAYLOAD) : DEFAULT_PAYLOAD;
    int64_t step =
        (int64_t)o->duration_s * FILETIME_PER_SECOND / (int64_t)MAX_OF(o->n_events, UINT64_C(1));
    uint64_t sequences[N_PROVIDERS] = {0};
    for (uint64_t n = 0; n < o->n_events && g->status == 0; n++) {
        uint32_t cpu = gen_cpu(g), pick = prng_below(&g->rng, parts);
        if (pick < mix.manifest) {
            // Most events are verbose ones of the first provider, as in real traces.
            uint32_t dice8 = prng_below(&g->rng, 8);
            uint32_t provider = dice8 < N_PROVIDERS ? dice8 : 0;
            uint32_t dice = prng_below(&g->rng, 100);
            uint32_t id = dice < 60 ? 3 : dice < 90 ? 2 : dice < 98 ? 1 : 0;
            manifest_event(g, cpu, schemas, provider, id, sequences[provider]++, payload);
        } else if (pick < mix.manifest + mix.kernel) {
            kernel_event(g, cpu, n);
        } else if (pick < mix.manifest + mix.kernel + mix.tracelogging) {
            buf_u64(&g->payload, n);
            blob_utf16z(&g->payload, "a short name");
            gen_tracelogging(g, cpu, &tl_guid, &traits, &metadata, 4, 0x2, 0, 4020, 9100);
        } else {
            wpp_event(g, cpu, n);
        }
        gen_advance(g, step > 0 ? step : 1);
    }
    buf_deinit(&traits);
    buf_deinit(&metadata);
}

const ScenarioInfo scenario_load = {
    .name = "load",
    .summary = "many events of several providers, keywords and levels, for benchmarks",
    .n_events = 1000000,
    .n_cpus = 8,
    .duration_s = 60,
    .scales = true,
    .packs = true,
    .run = run_load,
};

// Provider 1 at `rate` events a second all the time, provider 2 twice a second.
static void run_quiet_noisy(const ScenarioOptions *o, Gen *g) {
    TeiEvent schemas[N_PROVIDERS][N_IDS];
    for (uint32_t p = 0; p < N_PROVIDERS; p++)
        for (uint32_t i = 0; i < N_IDS; i++)
            schemas[p][i] = load_event(p, i, i);
    uint32_t payload =
        o->payload_bytes != 0 ? MIN_OF(o->payload_bytes, MAX_PAYLOAD) : DEFAULT_PAYLOAD;
    uint64_t n_noisy = 0, n_quiet = 0, n_all = (uint64_t)o->rate * o->duration_s;
    for (; n_noisy < n_all && g->status == 0; n_noisy++) {
        g->now = (int64_t)(n_noisy * FILETIME_PER_SECOND / o->rate);
        manifest_event(g, gen_cpu(g), schemas, 0, 3, n_noisy, payload);
        if ((uint64_t)g->now >= n_quiet * (FILETIME_PER_SECOND / 2))
            manifest_event(g, gen_cpu(g), schemas, 1, 2, n_quiet++, payload);
        // The flush timer of a real session: no event waits longer than a second.
        if (n_noisy % o->rate == o->rate - 1)
            etlw_flush_all(g->writer);
    }
}

const ScenarioInfo scenario_quiet_noisy = {
    .name = "quiet-noisy",
    .summary = "one provider at --rate events a second beside one with two a second",
    .n_cpus = 4,
    .duration_s = 10,
    .rate = 20000,
    .packs = true,
    .run = run_quiet_noisy,
};
