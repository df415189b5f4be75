#include "client/etwctl/dump.h"

#include "client/etwctl/crc32.h"
#include "client/etwctl/dump_enrich.h"
#include "client/etwctl/out.h"
#include "client/etwctl/progress.h"
#include "client/etwctl/row.h"
#include "client/etwctl/selection.h"
#include "client/etwctl/subscription_rows.h"
#include "client/etwctl/summary.h"
#include "client/etwctl/text.h"
#include "client/etwctl/tsv.h"
#include "event/format.h"
#include "platform/args.h"
#include "platform/dir.h"
#include "schema/types.h"
#include "util/mem.h"
#include "util/utf.h"

#define STEP_EVENTS   1024u // between looks at Ctrl+C and the progress bar; a power of two
#define SUMMARY_BYTES 4096u // of one line

typedef enum DumpFormat { DUMP_TEXT, DUMP_JSON, DUMP_TSV } DumpFormat;

typedef struct DumpOptions {
    Words providers;
    const char *format, *manifests, *output;
    OptionNumber limit;
    bool json, summary, strict, quiet;
    EnrichDumpOptions enrich;
} DumpOptions;

static const Option options_table[] = {
    {"format", NULL, OPTION_TEXT, offsetof(DumpOptions, format), "text|json|tsv",
     "text: a table (default); json: one object a line\n(docs/EVENT.md); tsv: raw facts and CRC-32 "
     "of payloads"},
    {"json", "as-json", OPTION_FLAG, offsetof(DumpOptions, json), NULL,
     "the same as --format json"},
    {"provider", "provider-name", OPTION_LIST, offsetof(DumpOptions, providers), "NAME,...",
     "only events of these providers: names, globs, GUIDs;\n'kernel' for the kernel's classic "
     "events"},
    {"limit", "max", OPTION_NUMBER, offsetof(DumpOptions, limit), "N",
     "end after N events of each file"},
    {"summary", NULL, OPTION_FLAG, offsetof(DumpOptions, summary), NULL,
     "what is in the file instead of its events\n(with --format json: as one object)"},
    {"manifests", NULL, OPTION_TEXT, offsetof(DumpOptions, manifests), "PATH",
     "a .man file, or a folder of them, to decode with"},
    {"output", NULL, OPTION_TEXT, offsetof(DumpOptions, output), "FILE",
     "write there instead of standard output"},
    {"strict", NULL, OPTION_FLAG, offsetof(DumpOptions, strict), NULL,
     "exit code 3 when anything in a file was damaged"},
    {"quiet", NULL, OPTION_FLAG, offsetof(DumpOptions, quiet), NULL,
     "no progress bar, no report of damage"},
    {0},
};

static const OptionGroup groups[] = {
    {"Options", options_table, 0},
    {"Enrichment", enrich_dump_options, offsetof(DumpOptions, enrich)},
    {0},
};

// What is known of a type, kept in Type.routes.
typedef struct TypeFacts {
    bool chosen;
    SummaryRow *row; // of the summary; NULL without --summary, and before its first event
    EnrichPlan plan; // with --enrich
} TypeFacts;

typedef struct Dump {
    const DumpOptions *options;
    DumpFormat format;
    const char *path;
    Out *out;
    size_t columns; // 0: lines are not cut
    EtlReader *reader;
    SchemaStore *store;
    TypeTable *types;
    Selection selection;
    Summary summary;
    DumpEnrich enrich;
    Progress progress;
    TypeFacts overflow;  // of events beyond the type table's limits
    uint64_t n, n_shown; // events read, events written
    Buf label, line;
} Dump;

static int no_memory(Err *err) {
    return err_set(err, STATUS_NO_MEMORY, "no memory for a file's event types");
}

// First pass: what describes events may stand behind them in the file.
static int learn(Dump *d, Err *err) {
    EtlReader *reader = NULL;
    EventRecord record;
    const EtlOptions options = {.schema_only = true};
    int r = etl_open(d->path, &options, &reader, err);
    if (r < 0)
        return r;
    while ((r = etl_next(reader, &record, err)) == 1) {
        Guid provider;
        r = schema_store_feed(d->store, &record, &provider);
        if (r < 0) {
            r = no_memory(err);
            break;
        }
    }
    etl_close(reader);
    return r;
}

static int prepare(Dump *d, Err *err) {
    int r = schema_store_new(&d->store);
    if (r == 0)
        r = type_table_new(d->store, mem_free, &d->types);
    if (r < 0)
        return no_memory(err);
    r = dump_enrich_open(&d->enrich, &d->options->enrich, err);
    if (r < 0)
        return r;
    d->summary.enrich.on = d->options->enrich.enrich;
    d->summary.enrich.file_knowledge = d->enrich.file_knowledge;
    if (d->options->manifests) {
        r = schema_store_load(d->store, d->options->manifests, err);
        if (r < 0)
            return err_prefix(err, r, "--manifests");
    }
    bool needs_schemas =
        d->format != DUMP_TSV || d->options->summary || d->options->providers.n > 0;
    if (needs_schemas) {
        r = learn(d, err);
        if (r < 0)
            return r;
    }
    const char *unknown;
    r = selection_init(&d->selection, &d->options->providers, d->store, &unknown);
    if (r < 0)
        return no_memory(err);
    if (unknown && !d->options->quiet)
        say("provider '%s' is not known; taken for the name of an EventSource", unknown);
    return etl_open(d->path, NULL, &d->reader, err);
}

// The facts of the record's type; the schema is borrowed, or, when *ret_own is set, the caller's.
static TypeFacts *find_type(Dump *d, const EventRecord *record, Schema **ret_schema,
                            bool *ret_own) {
    Type *type = type_table_find(d->types, record);
    if (!type)
        return NULL;
    TypeFacts *facts = type->routes;
    *ret_schema = type->schema;
    *ret_own = false;
    if (type->id == 0) { // beyond the table's limits: compiled for each event, slow but whole
        if (schema_store_find(d->store, record, ret_schema) < 0)
            return NULL;
        *ret_own = true;
        facts = &d->overflow;
    } else if (!facts) {
        facts = type->routes = mem_zalloc(sizeof *facts);
        if (!facts)
            return NULL;
    } else {
        return facts;
    }
    facts->chosen = selection_has(&d->selection, &record->provider, (*ret_schema)->provider_name);
    if (d->enrich.enricher)
        facts->plan = enrich_plan(*ret_schema);
    return facts;
}

// First of two walks with --knowledge file: what the caches learn from.
static int scan(Dump *d, Err *err) {
    EventRecord record;
    uint64_t n = 0;
    int r;
    while ((r = etl_next(d->reader, &record, err)) == 1) {
        if (enrich_is_feeder(&record)) {
            Schema *schema = NULL;
            bool own;
            TypeFacts *facts = find_type(d, &record, &schema, &own);
            if (!facts)
                return no_memory(err);
            enricher_learn(d->enrich.enricher, &facts->plan, &record, schema);
            if (own)
                schema_unref(schema);
        }
        if ((++n & (STEP_EVENTS - 1)) == 0) {
            if (plat_interrupted())
                return 0;
            progress_step(&d->progress, etl_progress(d->reader) / 2, n);
        }
    }
    if (r < 0)
        return r;
    enricher_learned(d->enrich.enricher);
    if (enricher_degraded(d->enrich.enricher))
        say("%s: the file tells more than fits in memory; names may be missing", d->path);
    return etl_rewind(d->reader, err);
}

static const char *process_name(const EnrichedView *view) {
    const ProcessView *process = view ? view->chains[CHAIN_PROCESS].process : NULL;
    return process ? process->name : "";
}

static void write_event(Dump *d, const EventRecord *record, const Schema *schema,
                        const EnrichedView *view) {
    Buf *out = &d->out->buf;
    switch (d->format) {
    case DUMP_TSV:
        tsv_row(out, d->n, record);
        break;
    case DUMP_JSON:
        event_json(out, record, schema, 0,
                   view ? dump_enrich_tail(&d->enrich, view, record, schema) : NULL);
        buf_char(out, '\n');
        break;
    case DUMP_TEXT:
        buf_clear(&d->label);
        buf_clear(&d->line);
        event_label(&d->label, record, schema);
        event_summary(&d->line, record, schema, SUMMARY_BYTES);
        if (view)
            dump_enrich_summary(&d->enrich, view, record, schema, &d->line);
        row_write(out, record->time, view ? view->pid : record->pid, process_name(view),
                  buf_str(&d->label), d->label.bytes, buf_str(&d->line), d->line.bytes, d->columns);
        break;
    }
}

static void write_held(Dump *d, Held *held) {
    const StackView *stack =
        held->wait ? stack_wait_view(enricher_stacks(d->enrich.enricher), held->wait) : NULL;
    if (d->options->summary) {
        SummaryRow *row = held->user;
        summary_enrich_stack(&d->summary.enrich, &row->enrich, stack);
    } else {
        event_json(&d->out->buf, &held->record, held->schema, 0,
                   dump_enrich_held_tail(&d->enrich, held, stack));
        buf_char(&d->out->buf, '\n');
    }
    held_drop(held);
}

// Those that need not wait any longer; at the end all.
static void write_all_held(Dump *d, bool all) {
    Held *held;
    while ((held = held_take(&d->enrich.held, all)) != NULL)
        write_held(d, held);
}

static int take_enriched(Dump *d, const EventRecord *record, Schema *schema, TypeFacts *facts) {
    DumpEnrich *e = &d->enrich;
    bool summary = d->options->summary, stacks = summary || d->format == DUMP_JSON;
    int r = 0;
    enricher_begin(e->enricher, &facts->plan, record, schema);
    // Live, the parts of a stack come behind their event.
    StackWait *wait = stacks && !e->file_knowledge ? enricher_expect(e->enricher) : NULL;
    const EnrichedView *view = enricher_view(e->enricher, stacks && !wait);
    if (summary) {
        summary_enrich_count(&d->summary.enrich, &facts->row->enrich, view);
        if (wait) // neither payload nor schema is needed again
            r = held_put(&e->held, &(EventRecord){.time = record->time}, schema, wait, NULL, 0,
                         facts->row);
        else
            summary_enrich_stack(&d->summary.enrich, &facts->row->enrich, view->stack);
    } else if (wait || held_any(&e->held)) {
        const char *tail = dump_enrich_tail(e, view, record, schema);
        r = held_put(&e->held, record, schema, wait, tail, e->tail.bytes, NULL);
    } else {
        write_event(d, record, schema, view);
    }
    return r;
}

static int take_chosen(Dump *d, const EventRecord *record, Schema *schema, TypeFacts *facts) {
    d->n_shown++;
    if (d->options->summary && !facts->row) {
        facts->row = summary_row(&d->summary, record, schema);
        if (!facts->row)
            return -(int)STATUS_NO_MEMORY;
    }
    if (d->options->summary)
        summary_count(&d->summary, facts->row, record);
    if (d->enrich.enricher)
        return take_enriched(d, record, schema, facts);
    if (!d->options->summary)
        write_event(d, record, schema, NULL);
    return 0;
}

// The file as it is: no type is looked up, nothing is decoded.
static void take_plain(Dump *d, const EventRecord *record) {
    d->n_shown++;
    write_event(d, record, NULL, NULL);
}

static int take(Dump *d, const EventRecord *record, Err *err) {
    bool plain = d->format == DUMP_TSV && !d->options->summary && d->options->providers.n == 0;
    Schema *schema = NULL;
    bool own = false;
    TypeFacts *facts = NULL;
    int r = 0;
    if (!plain) {
        facts = find_type(d, record, &schema, &own);
        if (!facts)
            return no_memory(err);
    }
    if (held_any(&d->enrich.held)) { // as in the broker: before anything is learnt from this one
        held_seen(&d->enrich.held, record->time);
        write_all_held(d, false);
    }
    if (facts && d->enrich.enricher && enrich_learns_from(&facts->plan, record))
        enricher_observe(d->enrich.enricher, &facts->plan, record, schema);
    if (facts && facts->chosen)
        r = take_chosen(d, record, schema, facts);
    else if (!facts)
        take_plain(d, record);
    write_all_held(d, false);
    if (own)
        schema_unref(schema);
    d->n++;
    return r < 0 ? no_memory(err) : out_step(d->out, err);
}

static int walk(Dump *d, Err *err) {
    EventRecord record;
    int r = 0;
    uint64_t limit = d->options->limit.set ? d->options->limit.value : UINT64_MAX;
    bool over_output = !d->options->output && !d->options->summary && plat_is_terminal(1);
    bool scans = d->enrich.enricher && d->enrich.file_knowledge;
    progress_begin(&d->progress, d->path, !d->options->quiet && !over_output);
    if (scans)
        r = scan(d, err);
    while (r >= 0 && d->n_shown < limit && !plat_interrupted() &&
           (r = etl_next(d->reader, &record, err)) == 1) {
        r = take(d, &record, err);
        if (r != 0)
            break;
        if ((d->n & (STEP_EVENTS - 1)) == 0) {
            double share = etl_progress(d->reader);
            progress_step(&d->progress, scans ? 0.5 + share / 2 : share, d->n);
        }
    }
    write_all_held(d, true);
    progress_end(&d->progress);
    return r;
}

// Names that are missing for want of files would only be absent.
static void report_symbols(const Dump *d) {
    if (d->enrich.symbols && d->format == DUMP_TEXT && !d->options->summary) {
        say("--symbols: call stacks are shown with --json");
        return;
    }
    EtwSymbolsStats stats = {.struct_size = sizeof stats};
    char found[NUMBER_TEXT], lookups[NUMBER_TEXT], missing[NUMBER_TEXT];
    if (!d->enrich.symbols || etw_symbols_stats(d->enrich.symbols, &stats) != ETW_STATUS_OK)
        return;
    say("function names: %s of %s frames in modules; %s modules have no file or PDB in %s",
        number_text(stats.found, found), number_text(stats.lookups, lookups),
        number_text(stats.negative, missing),
        d->options->enrich.symbols[0] ? d->options->enrich.symbols
                                      : "ETW_SYMBOL_PATH (--symbols=FOLDER names others)");
}

static void report_damage(const Dump *d) {
    const EtlDiagnostic *list;
    uint32_t kept = etl_diagnostics(d->reader, &list), all = etl_stats(d->reader)->n_diagnostics;
    for (uint32_t i = 0; i < kept; i++) {
        Buf text = BUF_INIT;
        diagnostic_text(&list[i], &text);
        say("%s: %s", d->path, buf_str(&text));
        buf_deinit(&text);
    }
    if (all > kept)
        say("%s: and %u more", d->path, (unsigned)(all - kept));
}

static void begin_output(Dump *d) {
    if (d->options->summary)
        return;
    if (d->format == DUMP_TSV)
        tsv_header(&d->out->buf);
    else if (d->format == DUMP_TEXT)
        row_header(&d->out->buf, d->columns);
}

// One file; 0, OUT_CLOSED, or < 0 when nothing more can be read or written. *ret_damaged: the file
// has flaws.
static int dump_file(Dump *d, bool *ret_damaged, Err *err) {
    int r = prepare(d, err);
    if (r == 0) {
        begin_output(d);
        r = walk(d, err);
        *ret_damaged = etl_stats(d->reader)->n_diagnostics > 0;
        if (r >= 0 && d->options->summary) {
            if (d->enrich.enricher)
                summary_enrich_finish(&d->summary.enrich, d->enrich.enricher);
            if (d->format == DUMP_JSON)
                summary_json(&d->summary, d->path, d->reader, &d->out->buf);
            else
                summary_text(&d->summary, d->path, d->reader, &d->out->buf, view_columns());
        }
        // What was read of a file that then failed is shown as well.
        int flushed = out_flush(d->out, err);
        if (r == 0)
            r = flushed;
        if (*ret_damaged && !d->options->quiet)
            report_damage(d);
        if (!d->options->quiet)
            report_symbols(d);
    }
    dump_enrich_close(&d->enrich);
    selection_deinit(&d->selection);
    summary_deinit(&d->summary);
    type_table_free(d->types);
    schema_store_free(d->store);
    if (d->reader)
        etl_close(d->reader);
    buf_deinit(&d->label);
    buf_deinit(&d->line);
    return r;
}

static bool parse_format(const char *text, DumpFormat *ret) {
    static const char *const names[] = {
        [DUMP_TEXT] = "text", [DUMP_JSON] = "json", [DUMP_TSV] = "tsv"};
    for (uint32_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (fold_equal(text, names[i])) {
            *ret = (DumpFormat)i;
            return true;
        }
    }
    return false;
}

// Opening the output empties it: a trace, one of those to be read above all, must not be lost so.
static int check_output(const char *output, const Words *inputs, Err *err) {
    EtlReader *reader = NULL;
    bool trace = false;
    if (!output || strcmp(output, "-") == 0)
        return 0;
    for (uint32_t i = 0; i < inputs->n; i++)
        trace = trace || strcmp(inputs->items[i], output) == 0;
    if (!trace && etl_open(output, &(EtlOptions){0}, &reader, NULL) == 0) {
        etl_close(reader);
        trace = true;
    }
    return trace ? err_set(err, STATUS_INVALID_ARGUMENT,
                           "--output %.300s is a trace and would be lost; choose another name",
                           output)
                 : 0;
}

// Folders that are not there are no error, ETW_SYMBOL_PATH may have some; but those typed are told.
static void check_folders(const char *path) {
    while (*path) {
        char folder[512];
        size_t n = strcspn(path, ";");
        if (n > 0 && n < sizeof folder) {
            memcpy(folder, path, n);
            folder[n] = '\0';
            // Not judged: srv*FOLDER*ADDRESS, and lists with ':' (Linux).
            if (!strpbrk(folder, "*") && !(n > 2 && strchr(folder + 2, ':')) &&
                !plat_is_dir(folder))
                say("--symbols: there is no folder %s", folder);
        }
        path += n + (path[n] == ';');
    }
}

static int run(void *options, const Words *operands) {
    const DumpOptions *o = options;
    Err err = ERR_INIT;
    Out out;
    DumpFormat format = DUMP_TEXT;
    if (o->format && !parse_format(o->format, &format)) {
        err_set(&err, STATUS_INVALID_ARGUMENT, "--format %.40s: it takes text, json or tsv",
                o->format);
        return say_usage(&err, "dump");
    }
    if (o->json && o->format && format != DUMP_JSON) {
        err_set(&err, STATUS_INVALID_ARGUMENT, "--json and --format %.40s exclude each other",
                o->format);
        return say_usage(&err, "dump");
    }
    if (o->json)
        format = DUMP_JSON;
    if (o->limit.set && o->limit.value == 0) {
        err_set(&err, STATUS_INVALID_ARGUMENT, "--limit 0: it takes 1 or more");
        return say_usage(&err, "dump");
    }
    if (dump_enrich_check(&o->enrich, format == DUMP_TSV, &err) < 0)
        return say_usage(&err, "dump");
    // What a file tells as a whole is bounded by memory alone.
    if (o->enrich.max_cached.set &&
        (!o->enrich.knowledge || !fold_equal(o->enrich.knowledge, "live"))) {
        err_set(&err, STATUS_INVALID_ARGUMENT, "--max-cached works with --knowledge live only");
        return say_usage(&err, "dump");
    }
    for (uint32_t i = 0; i < operands->n; i++) {
        if (o->enrich.symbols && !o->enrich.symbols[0] && plat_is_dir(operands->items[i])) {
            err_set(&err, STATUS_INVALID_ARGUMENT,
                    "%.300s is a folder; if it is where symbols are: --symbols=%.300s",
                    operands->items[i], operands->items[i]);
            return say_usage(&err, "dump");
        }
    }
    if (check_output(o->output, operands, &err) < 0)
        return say_usage(&err, "dump");
    if (o->enrich.symbols && !o->quiet)
        check_folders(o->enrich.symbols);
    crc32_init();
    if (out_open(&out, o->output, &err) < 0)
        return say_error(&err);
    plat_on_interrupt(NULL, NULL);
    size_t columns = !o->output && plat_is_terminal(1) ? plat_terminal_columns() : 0;
    int code = EXIT_OK;
    bool any_damage = false;
    for (uint32_t i = 0; i < operands->n && !out.closed && !plat_interrupted(); i++) {
        Dump dump = {.options = o,
                     .format = format,
                     .path = operands->items[i],
                     .out = &out,
                     .columns = columns};
        bool damaged = false;
        // One file that cannot be read does not keep the others from being shown.
        if (dump_file(&dump, &damaged, &err) < 0)
            code = say_error(&err);
        any_damage = any_damage || damaged;
    }
    if (out_close(&out, &err) < 0)
        code = say_error(&err);
    if (code == EXIT_OK && plat_interrupted())
        return EXIT_INTERRUPTED;
    return code == EXIT_OK && o->strict && any_damage ? EXIT_DAMAGED : code;
}

const Command dump_command = {
    .name = "dump",
    .summary = "read .etl files, without a broker",
    .operands = "FILE...",
    .groups = groups,
    .options_bytes = sizeof(DumpOptions),
    .least = 1,
    .most = UINT32_MAX,
    .run = run,
    .details =
        "Events of all processors in the order of their time (UTC); definitions that stand "
        "anywhere in\n"
        "the file decode them. Damage never ends the reading where anything intact is left: it is "
        "told\n"
        "on standard error at the end, with the place in the file, and the exit code stays 0 "
        "unless\n"
        "--strict is given.\n"
        "\n"
        "With --enrich kernel events show whose they are and which file or key they mean; JSON has "
        "it all\n"
        "under Enriched, with stacks. Names often stand behind their first use, at the end of the "
        "file: with\n"
        "--knowledge file it is read twice.\n"
        "\n"
        "Exit codes: 0 read, 1 a file could not be read, 2 wrong usage, 3 damage (--strict), 130 "
        "interrupted.\n"
        "\n"
        "Examples:\n"
        "  etwctl dump boot.etl --summary\n"
        "  etwctl dump boot.etl --json --provider 'DNS-Client,kernel' | jq .EventData\n"
        "  etwctl dump boot.etl --enrich --provider kernel\n"
        "  etwctl dump boot.etl --enrich --summary\n"
        "  etwctl dump trace.etl --manifests manifests/ --limit 100\n"
        "  etwctl dump a.etl b.etl --format tsv --output both.tsv --strict\n",
};
