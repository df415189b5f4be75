#include "client/etwctl/dump_enrich.h"

#include "client/etwctl/symbols_option.h"
#include "client/lib/symbols.h"
#include "event/format.h"
#include "util/utf.h"

#define MEMBER     ",\"Enriched\":{"
#define PROVENANCE ",\"Provenance\":{"

const Option enrich_dump_options[] = {
    {"enrich", NULL, OPTION_FLAG, offsetof(EnrichDumpOptions, enrich), NULL,
     "processes, file names, registry paths, stacks and more\nfrom the kernel events of the file"},
    {"knowledge", NULL, OPTION_TEXT, offsetof(EnrichDumpOptions, knowledge), "file|live",
     "file (default): all that the file tells, also later on;\nlive: only what came before, as a "
     "live session would know it"},
    {"symbols", NULL, OPTION_MAYBE_TEXT, offsetof(EnrichDumpOptions, symbols), "PATH",
     "names of functions in stacks; =PATH: folders to look\nin for modules and PDBs"},
    {"max-cached", NULL, OPTION_NUMBER, offsetof(EnrichDumpOptions, max_cached), "N",
     "with --knowledge live: remember at most N files,\nprocesses, ... of each kind"},
    {0},
};

static bool parse_knowledge(const char *text, bool *ret_file) {
    *ret_file = !text || fold_equal(text, "file");
    return *ret_file || fold_equal(text, "live");
}

int dump_enrich_check(const EnrichDumpOptions *o, bool tsv, Err *err) {
    bool file;
    if (!o->enrich) {
        const char *needs = o->knowledge        ? "knowledge"
                            : o->symbols        ? "symbols"
                            : o->max_cached.set ? "max-cached"
                                                : NULL;
        return needs ? err_set(err, STATUS_INVALID_ARGUMENT, "--%s works with --enrich only", needs)
                     : 0;
    }
    if (tsv)
        return err_set(err, STATUS_INVALID_ARGUMENT,
                       "--format tsv has raw facts only; take json or text with --enrich");
    if (!parse_knowledge(o->knowledge, &file))
        return err_set(err, STATUS_INVALID_ARGUMENT,
                       "--knowledge %.40s: it takes file (all that the file tells) or live (what "
                       "came before)",
                       o->knowledge);
    if (o->max_cached.set && (o->max_cached.value < 1 || o->max_cached.value > 100000000))
        return err_set(err, STATUS_INVALID_ARGUMENT, "--max-cached takes 1 to 100000000");
    if (o->max_cached.set && file)
        return err_set(
            err, STATUS_INVALID_ARGUMENT,
            "--max-cached is for --knowledge live: what a file tells is kept as a whole");
    return 0;
}

static void limit_all(EnrichLimits *limits, uint32_t n) {
    limits->files = limits->file_objects = limits->requests = limits->keys = n;
    limits->processes = limits->threads = limits->services = limits->objects = n;
    limits->image_processes = n;
}

int dump_enrich_open(DumpEnrich *e, const EnrichDumpOptions *o, Err *err) {
    *e = (DumpEnrich){0};
    held_init(&e->held);
    if (!o->enrich)
        return 0;
    EnrichOptions options = {.limits = enrich_limits_default()};
    if (o->max_cached.set)
        limit_all(&options.limits, (uint32_t)o->max_cached.value);
    (void)parse_knowledge(o->knowledge, &e->file_knowledge);
    options.file_knowledge = e->file_knowledge;
    if (enricher_new(&options, &e->enricher) < 0)
        return err_set(err, STATUS_NO_MEMORY, "no memory for what a file tells of its processes");
    return o->symbols ? symbols_option_open(o->symbols, &e->symbols, err) : 0;
}

void dump_enrich_close(DumpEnrich *e) {
    if (e->held.last) // it was opened
        held_deinit(&e->held);
    enricher_free(e->enricher);
    etw_symbols_close(e->symbols);
    buf_deinit(&e->tail);
    buf_deinit(&e->stack);
    buf_deinit(&e->merged);
}

const char *dump_enrich_tail(DumpEnrich *e, const EnrichedView *view, const EventRecord *record,
                             const Schema *schema) {
    buf_clear(&e->tail);
    enriched_json(&e->tail, view, record, schema, e->symbols ? symbols_frame_text : NULL,
                  e->symbols);
    return buf_str(&e->tail);
}

const char *dump_enrich_held_tail(DumpEnrich *e, const Held *held, const StackView *stack) {
    // The stack alone: with the same ids as the header's, no items and no schema, no more is said.
    EventRecord bare = held->record;
    bare.ext_bytes = bare.payload_bytes = 0;
    const EnrichedView view = {.pid = bare.pid, .tid = bare.tid, .stack = stack};
    buf_clear(&e->stack);
    buf_clear(&e->merged);
    if (stack)
        enriched_json(&e->stack, &view, &bare, NULL, e->symbols ? symbols_frame_text : NULL,
                      e->symbols);
    enriched_merge(&e->merged, held->tail, held->tail_bytes, buf_str(&e->stack), e->stack.bytes);
    return buf_str(&e->merged);
}

static size_t find(const char *text, size_t bytes, const char *what) {
    size_t n = strlen(what);
    for (size_t i = 0; i + n <= bytes; i++)
        if (memcmp(text + i, what, n) == 0)
            return i;
    return SIZE_MAX;
}

void enriched_merge(Buf *out, const char *base, size_t base_bytes, const char *more,
                    size_t more_bytes) {
    size_t head = sizeof MEMBER - 1;
    if (base_bytes <= head + 1 || more_bytes <= head + 1) {
        buf_append(out, base_bytes > head + 1 ? base : more,
                   base_bytes > head + 1 ? base_bytes : more_bytes);
        return;
    }
    // A quote within a string is escaped: the member's name cannot be part of a value.
    size_t at = find(base, base_bytes, PROVENANCE);
    if (at == SIZE_MAX)
        at = base_bytes - 1;
    buf_append(out, base, at);
    if (base[at - 1] != '{')
        buf_char(out, ',');
    buf_append(out, more + head, more_bytes - head - 1);
    buf_append(out, base + at, base_bytes - at);
}

// Takes "Name=raw value" out, which the enriched value says better.
static void drop_raw(Buf *summary, const char *name, const EventRecord *record,
                     const Schema *schema) {
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    Payload payload;
    int field = schema_field_index(schema, name);
    if (field < 0)
        return;
    payload_open(&payload, schema, record, slices);
    Value value = payload_value(&payload, (uint16_t)field);
    Buf raw = BUF_INIT;
    buf_printf(&raw, "%s=", name);
    value_text(&raw, &payload, &value, 0);
    size_t at =
        raw.failed ? SIZE_MAX : find((const char *)summary->data, summary->bytes, buf_str(&raw));
    if (at != SIZE_MAX) {
        size_t end = at + raw.bytes;
        if (end < summary->bytes && summary->data[end] == ' ')
            end++;
        memmove(summary->data + at, summary->data + end, summary->bytes - end);
        summary->bytes -= end - at;
    }
    buf_deinit(&raw);
}

void dump_enrich_summary(DumpEnrich *e, const EnrichedView *view, const EventRecord *record,
                         const Schema *schema, Buf *summary) {
    buf_clear(&e->merged);
    for (uint32_t i = 0; i < view->n_values; i++) {
        const EnrichedValue *value = &view->values[i];
        bool is_name = value->field == ENRICHED_FILE_NAME || value->field == ENRICHED_REGISTRY_PATH;
        if (!is_name || find(buf_str(summary), summary->bytes, value->text) != SIZE_MAX)
            continue;
        const char *name = enriched_field_name((EnrichedField)value->field);
        drop_raw(summary, name, record, schema);
        buf_printf(&e->merged, "%s=", name);
        buf_append(&e->merged, value->text, value->bytes);
        buf_char(&e->merged, ' ');
    }
    if (e->merged.bytes == 0)
        return;
    buf_append(&e->merged, summary->data, summary->bytes);
    buf_clear(summary);
    buf_append(summary, e->merged.data, e->merged.bytes);
}
