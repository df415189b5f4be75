// etlgen: writes generated traces, and what a reader must find in them.

#include <stdio.h>
#include <stdlib.h>

#include "tests/etlgen/scenario.h"

static const char help[] =
    "etlgen - writes a generated .etl trace: the same options give the same bytes on every host\n"
    "\n"
    "usage: etlgen [SCENARIO] --out FILE [options]      (SCENARIO: demo)\n"
    "       etlgen --list | --help\n"
    "\n"
    "  --out FILE          the trace\n"
    "  --expect FILE       what a reader must give: one line an event, in time order "
    "(tab-separated,\n"
    "                      the columns of etwctl dump --format tsv)\n"
    "  --enriched PREFIX   enrich, enrich-small, enrich-appended: what enrichment must say, in\n"
    "                      PREFIX.file.jsonl and PREFIX.live.jsonl\n"
    "  --seed N            another trace of the same kind (1)\n"
    "  --events N          about so many events, where the scenario can scale\n"
    "  --cpus N            processors (1 to 2048)\n"
    "  --duration SECONDS  of trace time\n"
    "  --rate N            quiet-noisy: events a second of the noisy provider\n"
    "  --payload BYTES     load, quiet-noisy: bytes of a payload (64)\n"
    "  --mix LIST          load: parts of the mixture "
    "(manifest=50,kernel=30,tracelogging=15,wpp=5)\n"
    "  --buffer BYTES      size of a trace buffer, a multiple of 8\n"
    "  --clock 1|2|3       performance counter, system time, cycle counter\n"
    "  --freq HZ           of the performance counter (10000000)\n"
    "  --compress          buffers packed with plain LZ77, as merging tools do\n"
    "  --compress-literal  the same without matches: larger than plain, and legal\n"
    "\n"
    "examples:\n"
    "  etlgen --out sample.etl\n"
    "  etlgen load --events 5000000 --cpus 16 --compress --out load.etl\n"
    "  etlgen load --mix manifest=1 --payload 200 --out small.etl --events 100000\n"
    "  etlgen kinds --clock 3 --out kinds.etl --expect kinds.tsv\n"
    "  etlgen quiet-noisy --rate 50000 --duration 30 --out noisy.etl\n";

static int bad_usage(const char *what, const char *value) {
    fprintf(stderr, "etlgen: %s '%s'; see 'etlgen --help'\n", what, value);
    return 2;
}

static void list(void) {
    for (const ScenarioInfo *const *s = scenario_all(); *s != NULL; s++) {
        printf("%-14s %s", (*s)->name, (*s)->summary);
        if ((*s)->scales)
            printf(" [--events %llu]", (unsigned long long)(*s)->n_events);
        if ((*s)->packs)
            printf(" [--compress]");
        printf("\n");
    }
}

static bool number(const char *text, uint64_t max, uint64_t *ret) {
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long v = strtoull(text, &end, 10);
    if (*end != 0 || v == 0 || v > max)
        return false;
    *ret = v;
    return true;
}

// Every part must be "name=number" with a name that `load` knows.
static bool mix_valid(const char *text) {
    static const char *const names[] = {"manifest=", "kernel=", "tracelogging=", "wpp="};
    while (*text != 0) {
        size_t i = 0;
        while (i < ARRAY_COUNT(names) && strncmp(text, names[i], strlen(names[i])) != 0)
            i++;
        if (i == ARRAY_COUNT(names))
            return false;
        text += strlen(names[i]);
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || digits > 6)
            return false;
        text += digits;
        if (*text == ',' && text[1] != 0)
            text++;
        else if (*text != 0)
            return false;
    }
    return true;
}

typedef struct Arguments {
    const char *scenario, *out, *expect, *enriched;
    ScenarioOptions options;
} Arguments;

// One option with a value; 0 ok, 2 not valid.
static int take_value(Arguments *a, const char *name, const char *value) {
    ScenarioOptions *o = &a->options;
    uint64_t n = 0;
    if (strcmp(name, "--out") == 0) {
        a->out = value;
        return 0;
    }
    if (strcmp(name, "--expect") == 0) {
        a->expect = value;
        return 0;
    }
    if (strcmp(name, "--enriched") == 0) {
        a->enriched = value;
        return 0;
    }
    if (strcmp(name, "--mix") == 0) {
        o->mix = value;
        return mix_valid(value) ? 0 : bad_usage("not a mixture:", value);
    }
    static const struct {
        const char *name;
        uint64_t max;
    } numbers[] = {
        {"--seed", UINT64_MAX},
        {"--events", UINT32_MAX},
        {"--cpus", ETLW_MAX_CPUS},
        {"--duration", 1000000},
        {"--rate", 10000000},
        {"--payload", 60000},
        {"--buffer", ETLW_MAX_BUFFER},
        {"--clock", ETLW_CLOCK_CYCLES},
        {"--freq", UINT64_C(10000000000)},
    };
    size_t i = 0;
    while (i < ARRAY_COUNT(numbers) && strcmp(name, numbers[i].name) != 0)
        i++;
    if (i == ARRAY_COUNT(numbers))
        return bad_usage("unknown option", name);
    if (!number(value, numbers[i].max, &n)) {
        fprintf(stderr, "etlgen: %s takes a number from 1 to %llu, not '%s'\n", name,
                (unsigned long long)numbers[i].max, value);
        return 2;
    }
    switch (i) {
    case 0:
        o->seed = n;
        break;
    case 1:
        o->n_events = n;
        break;
    case 2:
        o->n_cpus = (uint32_t)n;
        break;
    case 3:
        o->duration_s = (uint32_t)n;
        break;
    case 4:
        o->rate = (uint32_t)n;
        break;
    case 5:
        o->payload_bytes = (uint32_t)n;
        break;
    case 6:
        o->buffer_bytes = (uint32_t)n;
        break;
    case 7:
        o->clock_type = (uint32_t)n;
        break;
    default:
        o->perf_freq = (int64_t)n;
        break;
    }
    return 0;
}

static int parse(int argc, char **argv, Arguments *a) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--compress") == 0) {
            a->options.packing = ETLW_PACK_MATCH;
        } else if (strcmp(argv[i], "--compress-literal") == 0) {
            a->options.packing = ETLW_PACK_LITERAL;
        } else if (argv[i][0] == '-') {
            if (i + 1 >= argc)
                return bad_usage("no value for", argv[i]);
            int result = take_value(a, argv[i], argv[i + 1]);
            if (result != 0)
                return result;
            i++;
        } else if (a->scenario == NULL) {
            a->scenario = argv[i];
        } else {
            return bad_usage("more than one scenario:", argv[i]);
        }
    }
    if (a->scenario == NULL)
        a->scenario = "demo";
    if (a->out == NULL) {
        fprintf(stderr, "etlgen: where to? --out FILE is missing; see 'etlgen --help'\n");
        return 2;
    }
    return 0;
}

static int write_file(const char *prefix, const char *suffix, const Buf *text, Err *err) {
    char path[1024];
    snprintf(path, sizeof path, "%s%s", prefix, suffix);
    FILE *file = fopen(path, "wb");
    bool ok = file != NULL && fwrite(text->data, 1, text->bytes, file) == text->bytes;
    if (file != NULL)
        ok = fclose(file) == 0 && ok;
    return ok ? 0 : err_set(err, STATUS_IO, "cannot write %s", path);
}

static int write_enriched(const Arguments *a, Err *err) {
    Buf file = BUF_INIT, live = BUF_INIT;
    int result = scenario_enriched(a->scenario, &a->options, &file, &live, err);
    if (result == 0)
        result = write_file(a->enriched, ".file.jsonl", &file, err);
    if (result == 0)
        result = write_file(a->enriched, ".live.jsonl", &live, err);
    buf_deinit(&file);
    buf_deinit(&live);
    return result;
}

int main(int argc, char **argv) {
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list();
        return 0;
    }
    Arguments a = {NULL, NULL, NULL, NULL, SCENARIO_DEFAULTS};
    int result = parse(argc, argv, &a);
    if (result != 0)
        return result;
    Err err = ERR_INIT;
    ScenarioTotals totals;
    if (scenario_to_file(a.scenario, &a.options, a.out, a.expect, &totals, &err) < 0 ||
        (a.enriched != NULL && write_enriched(&a, &err) < 0)) {
        fprintf(stderr, "etlgen: %s\n", err.text);
        return 1;
    }
    printf("%s: %llu events, %llu bytes\n", a.out, (unsigned long long)totals.events,
           (unsigned long long)totals.bytes);
    return 0;
}
