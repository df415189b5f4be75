#include "client/etwctl/summary.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/etwctl/table.h"
#include "client/etwctl/text.h"

#define WIDEST 130u // columns: on a wide screen the figures still stand near the names
#include "client/etwctl/want.h"
#include "event/format.h"
#include "util/mem.h"
#include "util/timefmt.h"

static const char *const header_names[32] = {
    [ETL_HEADER_SYSTEM32] = "System32",     [ETL_HEADER_SYSTEM64] = "System64",
    [ETL_HEADER_COMPACT32] = "Compact32",   [ETL_HEADER_COMPACT64] = "Compact64",
    [ETL_HEADER_FULL32] = "Full32",         [ETL_HEADER_INSTANCE32] = "Instance32",
    [ETL_HEADER_TIMED] = "Timed",           [ETL_HEADER_ERROR] = "Error",
    [ETL_HEADER_WNODE] = "WNode",           [ETL_HEADER_MESSAGE] = "Message",
    [ETL_HEADER_PERFINFO32] = "PerfInfo32", [ETL_HEADER_PERFINFO64] = "PerfInfo64",
    [ETL_HEADER_EVENT32] = "Event32",       [ETL_HEADER_EVENT64] = "Event64",
    [ETL_HEADER_FULL64] = "Full64",         [ETL_HEADER_INSTANCE64] = "Instance64",
};

static const char *const clock_names[] = {"?", "QPC", "system time", "CPU cycles"};

void summary_deinit(Summary *summary) {
    for (uint32_t i = 0; i < summary->n; i++) {
        schema_unref(summary->rows[i]->schema);
        mem_free(summary->rows[i]);
    }
    mem_free(summary->rows);
    *summary = (Summary){0};
}

SummaryRow *summary_row(Summary *s, const EventRecord *record, Schema *schema) {
    if (s->n == s->capacity) {
        uint32_t capacity = s->capacity ? s->capacity * 2 : 64;
        SummaryRow **rows = mem_resize(s->rows, capacity * sizeof(*rows));
        if (!rows)
            return NULL;
        s->rows = rows;
        s->capacity = capacity;
    }
    SummaryRow *row = mem_zalloc(sizeof *row);
    if (!row)
        return NULL;
    row->provider = record->provider;
    row->desc = record->desc;
    row->flags = record->flags;
    row->schema = schema_ref(schema);
    s->rows[s->n++] = row;
    return row;
}

// ---- Rows by provider ----

static const char *provider_of(const SummaryRow *row) {
    return row->schema->provider_name;
}

static int compare_provider(const SummaryRow *a, const SummaryRow *b) {
    int order = strcmp(provider_of(a), provider_of(b));
    return order != 0 || provider_of(a)[0]
               ? order
               : memcmp(a->provider.b, b->provider.b, sizeof a->provider.b);
}

// Rows that read alike are one: types may differ in what is not shown (keyword, level, metadata).
static int compare_kind(const void *a, const void *b) {
    const SummaryRow *x = *(const SummaryRow *const *)a, *y = *(const SummaryRow *const *)b;
    int order = compare_provider(x, y);
    if (order == 0)
        order = (int)((x->flags & EVENT_CLASSIC) != 0) - (int)((y->flags & EVENT_CLASSIC) != 0);
    if (order == 0)
        order = (int)x->desc.id - (int)y->desc.id;
    if (order == 0)
        order = strcmp(x->schema->event_name, y->schema->event_name);
    if (order == 0 && (x->flags & EVENT_CLASSIC))
        order = (int)x->desc.opcode - (int)y->desc.opcode;
    if (order == 0)
        order = (int)x->desc.version - (int)y->desc.version;
    if (order == 0)
        order = (int)x->schema->source - (int)y->schema->source;
    return order;
}

static void merge_alike(Summary *s) {
    if (s->n == 0)
        return;
    qsort(s->rows, s->n, sizeof(*s->rows), compare_kind);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < s->n; i++) {
        if (compare_kind(&s->rows[kept], &s->rows[i]) == 0) {
            s->rows[kept]->events += s->rows[i]->events;
            s->rows[kept]->bytes += s->rows[i]->bytes;
            enrich_counts_add(&s->rows[kept]->enrich, &s->rows[i]->enrich);
            schema_unref(s->rows[i]->schema);
            mem_free(s->rows[i]);
        } else {
            s->rows[++kept] = s->rows[i];
        }
    }
    s->n = kept + 1;
}

typedef struct Group { // rows of one provider
    uint32_t first, n;
    uint64_t events, bytes;
} Group;

static int compare_group(const void *a, const void *b) {
    const Group *x = a, *y = b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return x->first < y->first ? -1 : 1;
}

static int compare_events(const void *a, const void *b) {
    const SummaryRow *x = *(const SummaryRow *const *)a, *y = *(const SummaryRow *const *)b;
    if (x->events != y->events)
        return x->events > y->events ? -1 : 1;
    return compare_kind(a, b);
}

// The most frequent provider first, in it the most frequent event. NULL when out of memory.
static Group *make_groups(Summary *s, uint32_t *ret_n) {
    merge_alike(s);
    Group *groups = mem_array((size_t)s->n + 1, sizeof *groups);
    uint32_t n = 0;
    *ret_n = 0;
    if (!groups)
        return NULL;
    for (uint32_t i = 0; i < s->n; i++) {
        if (i == 0 || compare_provider(s->rows[i - 1], s->rows[i]) != 0)
            groups[n++].first = i;
        Group *g = &groups[n - 1];
        g->n++;
        g->events += s->rows[i]->events;
        g->bytes += s->rows[i]->bytes;
    }
    for (uint32_t i = 0; i < n; i++)
        qsort(s->rows + groups[i].first, groups[i].n, sizeof(*s->rows), compare_events);
    if (n > 0)
        qsort(groups, n, sizeof *groups, compare_group);
    *ret_n = n;
    return groups;
}

static const char *group_name(const SummaryRow *row, char guid[GUID_TEXT]) {
    return provider_of(row)[0] ? provider_of(row) : guid_format(&row->provider, guid);
}

static void event_name(const SummaryRow *row, Buf *out) {
    const char *name = row->schema->event_name;
    if (name[0])
        buf_text(out, name);
    else if (row->flags & EVENT_WPP)
        buf_printf(out, "message %u", row->desc.id);
    else if (row->flags & EVENT_CLASSIC)
        buf_printf(out, "opcode %u", row->desc.opcode);
    else
        buf_printf(out, "event %u", row->desc.id);
}

// ---- Text ----

// What a reader of the table can do about events that it shows without fields.
static void undescribed(const Summary *s, Buf *out) {
    uint64_t manifest = 0, wpp = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->rows[i]->schema->undecodable == UNDECODABLE_NO_SCHEMA)
            manifest += s->rows[i]->events;
        else if (s->rows[i]->schema->undecodable == UNDECODABLE_WPP)
            wpp += s->rows[i]->events;
    }
    char text[NUMBER_TEXT];
    if (manifest > 0)
        buf_printf(out,
                   "  %s events have no description in the file: give the .man files of their "
                   "providers with --manifests FOLDER\n",
                   number_text(manifest, text));
    if (wpp > 0)
        buf_printf(out,
                   "  %s WPP messages need their provider's TMF or PDB file; they are shown raw\n",
                   number_text(wpp, text));
}

static void head_text(const Summary *s, const char *path, const EtlReader *reader, Buf *out) {
    const EtlInfo *info = etl_info(reader);
    const EtlStats *stats = etl_stats(reader);
    char a[NUMBER_TEXT], b[NUMBER_TEXT], c[NUMBER_TEXT], from[FILETIME_TEXT], to[FILETIME_TEXT];
    buf_text(out, "FILE ");
    text_clean(out, path, strlen(path), 0);
    buf_printf(out, "  %s, %s buffers of %s%s%s%s\n", bytes_text(info->file_bytes, a),
               number_text(info->n_buffers, b), bytes_text(info->buffer_bytes, c),
               info->compressed ? ", compressed" : "", info->circular_wrapped ? ", circular" : "",
               info->appended ? ", appended sessions" : "");
    buf_text(out, "  session ");
    text_clean(out, info->session_name, strlen(info->session_name), 60);
    buf_printf(out, ", Windows %u.%u build %u, %u processors, %u-bit, clock %s at %s Hz\n",
               info->os_major, info->os_minor, info->os_build, info->n_processors,
               info->pointer_size * 8,
               clock_names[info->clock_type < ARRAY_COUNT(clock_names) ? info->clock_type : 0],
               number_text((uint64_t)MAX_OF(info->raw_freq, 0), a));
    buf_printf(out, "  %s events", number_text(s->events, a));
    if (s->events > 0)
        buf_printf(out, " from %s to %s (%s)", filetime_format(s->first, from),
                   filetime_format(s->last, to), duration_text((s->last - s->first) / 10000, b));
    buf_printf(out, "\n  lost %s events, %s buffers (by the header)",
               number_text(info->events_lost, a), number_text(info->buffers_lost, b));
    if (stats->lost_event_flags + stats->lost_buffer_flags > 0)
        buf_printf(out, "; buffers marked: %s events lost, %s buffer lost",
                   number_text(stats->lost_event_flags, a),
                   number_text(stats->lost_buffer_flags, b));
    if (stats->sequence_gaps > 0)
        buf_printf(out, "; %s buffers missing by their numbers",
                   number_text(stats->sequence_gaps, a));
    buf_char(out, '\n');
    if (stats->bad_buffers + stats->malformed + stats->skipped + stats->out_of_order > 0)
        buf_printf(out,
                   "  damaged: %s buffers (%s given up), %s malformed events; %s of unknown kind, "
                   "%s out of order\n",
                   number_text(stats->bad_buffers, a), bytes_text(stats->bad_bytes, b),
                   number_text(stats->malformed, c), number_text(stats->skipped, from),
                   number_text(stats->out_of_order, to));
    buf_text(out, "  headers:");
    bool any = false;
    for (uint32_t i = 0; i < ARRAY_COUNT(header_names); i++) {
        if (stats->by_header[i] == 0)
            continue;
        buf_printf(out, "%s %s %s", any ? "," : "", header_names[i] ? header_names[i] : "other",
                   number_text(stats->by_header[i], a));
        any = true;
    }
    buf_text(out, any ? "\n" : " none\n");
}

void summary_text(Summary *s, const char *path, const EtlReader *reader, Buf *out, size_t columns) {
    Column table[] = {{"Provider and event", 50, false, false},
                      {"Id", 5, true, false},
                      {"Ver", 3, true, false},
                      {"Events", 12, true, false},
                      {"Bytes", 14, true, false},
                      {"Schema", 12, false, false}};
    size_t n_columns = ARRAY_COUNT(table);
    uint32_t n;
    table_narrow(table, n_columns, 0, 27, columns);
    table_widen(table, n_columns, 0, MIN_OF(columns, WIDEST));
    head_text(s, path, reader, out);
    Group *groups = make_groups(s, &n);
    if (n > 0)
        table_header(out, table, n_columns);
    for (uint32_t i = 0; i < n; i++) {
        char events[NUMBER_TEXT], bytes[NUMBER_TEXT], id[16], version[16], guid[GUID_TEXT];
        const char *total[] = {group_name(s->rows[groups[i].first], guid),
                               "",
                               "",
                               number_text(groups[i].events, events),
                               number_text(groups[i].bytes, bytes),
                               ""};
        table_row(out, table, n_columns, total);
        for (uint32_t j = groups[i].first; j < groups[i].first + groups[i].n; j++) {
            const SummaryRow *row = s->rows[j];
            Buf name = BUF_INIT;
            buf_text(&name, "  ");
            event_name(row, &name);
            if (row->flags & EVENT_CLASSIC)
                snprintf(id, sizeof id, "-");
            else
                snprintf(id, sizeof id, "%u", row->desc.id);
            snprintf(version, sizeof version, "%u", row->desc.version);
            const char *cells[] = {buf_str(&name),
                                   id,
                                   version,
                                   number_text(row->events, events),
                                   number_text(row->bytes, bytes),
                                   schema_source_name(row->schema->source)};
            table_row(out, table, n_columns, cells);
            buf_deinit(&name);
        }
    }
    mem_free(groups);
    undescribed(s, out);
    summary_enrich_text(&s->enrich, out);
}

// ---- JSON ----

static void number_member(JsonWriter *w, const char *key, uint64_t v) {
    jsonw_key(w, key);
    jsonw_u64(w, v);
}

static void text_member(JsonWriter *w, const char *key, const char *text) {
    jsonw_key(w, key);
    jsonw_text(w, text);
}

static void time_member(JsonWriter *w, const char *key, int64_t time) {
    char text[FILETIME_TEXT];
    jsonw_key(w, key);
    if (time == 0)
        jsonw_null(w);
    else
        jsonw_text(w, filetime_format(time, text));
}

static void file_json(const Summary *s, const char *path, const EtlReader *reader, JsonWriter *w) {
    const EtlInfo *info = etl_info(reader);
    const EtlStats *stats = etl_stats(reader);
    text_member(w, "File", path);
    number_member(w, "FileBytes", info->file_bytes);
    text_member(w, "Session", info->session_name);
    number_member(w, "OsMajor", info->os_major);
    number_member(w, "OsMinor", info->os_minor);
    number_member(w, "OsBuild", info->os_build);
    number_member(w, "Processors", info->n_processors);
    number_member(w, "PointerSize", info->pointer_size);
    text_member(w, "Clock",
                clock_names[info->clock_type < ARRAY_COUNT(clock_names) ? info->clock_type : 0]);
    number_member(w, "ClockFrequency", (uint64_t)MAX_OF(info->raw_freq, 0));
    number_member(w, "Buffers", info->n_buffers);
    number_member(w, "BufferBytes", info->buffer_bytes);
    jsonw_key(w, "Compressed");
    jsonw_bool(w, info->compressed);
    number_member(w, "Events", s->events);
    number_member(w, "PayloadBytes", s->bytes);
    time_member(w, "First", s->first);
    time_member(w, "Last", s->last);
    number_member(w, "EventsLost", info->events_lost);
    number_member(w, "BuffersLost", info->buffers_lost);
    number_member(w, "BuffersMarkedEventsLost", stats->lost_event_flags);
    number_member(w, "BuffersMarkedBufferLost", stats->lost_buffer_flags);
    number_member(w, "BuffersMissing", stats->sequence_gaps);
    number_member(w, "BadBuffers", stats->bad_buffers);
    number_member(w, "BadBytes", stats->bad_bytes);
    number_member(w, "Malformed", stats->malformed);
    number_member(w, "Skipped", stats->skipped);
    number_member(w, "OutOfOrder", stats->out_of_order);
    jsonw_key(w, "Headers");
    jsonw_object(w);
    for (uint32_t i = 0; i < ARRAY_COUNT(header_names); i++) {
        char name[16];
        snprintf(name, sizeof name, "%u", (unsigned)i);
        if (stats->by_header[i] > 0)
            number_member(w, header_names[i] ? header_names[i] : name, stats->by_header[i]);
    }
    jsonw_object_end(w);
}

static void diagnostics_json(const EtlReader *reader, JsonWriter *w) {
    const EtlDiagnostic *list;
    uint32_t n = etl_diagnostics(reader, &list);
    number_member(w, "DiagnosticCount", etl_stats(reader)->n_diagnostics);
    jsonw_key(w, "Diagnostics");
    jsonw_array(w);
    for (uint32_t i = 0; i < n; i++) {
        jsonw_object(w);
        number_member(w, "Offset", list[i].offset);
        number_member(w, "At", list[i].at);
        text_member(w, "What", list[i].what);
        number_member(w, "Value", list[i].value);
        jsonw_object_end(w);
    }
    jsonw_array_end(w);
}

void summary_json(Summary *s, const char *path, const EtlReader *reader, Buf *out) {
    JsonWriter w = jsonw(out);
    uint32_t n;
    jsonw_object(&w);
    file_json(s, path, reader, &w);
    jsonw_key(&w, "Providers");
    jsonw_array(&w);
    Group *groups = make_groups(s, &n);
    for (uint32_t i = 0; i < n; i++) {
        char guid[GUID_TEXT];
        const SummaryRow *first = s->rows[groups[i].first];
        jsonw_object(&w);
        text_member(&w, "Name", group_name(first, guid));
        number_member(&w, "Events", groups[i].events);
        number_member(&w, "PayloadBytes", groups[i].bytes);
        jsonw_key(&w, "Kinds");
        jsonw_array(&w);
        for (uint32_t j = groups[i].first; j < groups[i].first + groups[i].n; j++) {
            const SummaryRow *row = s->rows[j];
            jsonw_object(&w);
            text_member(&w, "Guid", guid_format(&row->provider, guid));
            jsonw_key(&w, "EventID");
            if (row->flags & EVENT_CLASSIC)
                jsonw_null(&w);
            else
                jsonw_u64(&w, row->desc.id);
            number_member(&w, "Version", row->desc.version);
            number_member(&w, "Opcode", row->desc.opcode);
            text_member(&w, "EventName", row->schema->event_name);
            number_member(&w, "Events", row->events);
            number_member(&w, "PayloadBytes", row->bytes);
            if (s->enrich.on)
                enrich_counts_json(&row->enrich, &w);
            text_member(&w, "Schema", schema_source_name(row->schema->source));
            if (row->schema->undecodable != DECODABLE)
                text_member(&w, "Undecodable", undecodable_text(row->schema->undecodable));
            jsonw_object_end(&w);
        }
        jsonw_array_end(&w);
        jsonw_object_end(&w);
    }
    jsonw_array_end(&w);
    summary_enrich_json(&s->enrich, &w);
    diagnostics_json(reader, &w);
    jsonw_object_end(&w);
    buf_char(out, '\n');
    mem_free(groups);
}

void diagnostic_text(const EtlDiagnostic *d, Buf *out) {
    buf_printf(out, "at 0x%llx", (unsigned long long)d->offset);
    if (d->at > 0)
        buf_printf(out, "+0x%x", (unsigned)d->at);
    buf_printf(out, ": %s (value %llu)", d->what, (unsigned long long)d->value);
}
