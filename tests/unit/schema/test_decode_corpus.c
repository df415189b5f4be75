// Every event of the corpus, decoded: schema and payload must agree to the last byte, but for the
// exceptions that are named here, and every event must give one valid line of JSON.
#include <criterion/criterion.h>
#include <stdio.h>

#include "event/format.h"
#include "schema/types.h"
#include "source/etl_reader.h"
#include "unit/common/corpus.h"
#include "util/utf.h"

typedef struct Expected {
    const char *file;
    uint32_t events;
    uint32_t undecodable; // no schema in the file or built in
    uint32_t trailing;    // events with bytes behind their last field
    // Which these are: event name, and why.
    const char *names;
} Expected;

static const Expected corpus[] = {
    {"AMSITrace.etl", 21, 0, 0, ""},
    {"SelfDescribingSingleEvent.etl", 23, 0, 0, ""},
    {"ShutdownPerfDiagLogger.etl", 17078, 0, 0, ""},
    {"diaghub.user_paged.1.etl", 22035, 21758, 0, ""},
    {"gcevents.etl", 71, 69, 0, ""},
    {"image_data_32_v1.etl", 27, 0, 0, ""},
    // synthetic: 64-bit payloads behind 32-bit headers (etl-format T 17)
    {"image_data_64_v2.etl", 27, 0, 26, "Image/DCStart Image/Load Image/Unload"},
    {"marissa_mytrace.etl", 10, 0, 0, ""},
    // PerfView's own provider stores a level in eight bytes that its manifest says are four
    {"net.4.5.2.x64.etl", 179474, 1627, 2, "ClrEnableParameters"},
    {"powershell.etl", 114, 112, 0, ""},
    {"primitive-types.etl", 7, 0, 0, ""},
    {"process_data_32_v2.etl", 9, 0, 0, ""},
    // synthetic, as image_data_64_v2
    {"process_data_64_v3.etl", 9, 0, 8,
     "Process/DCStart Process/Start Process/Stop Process/DCStop"},
    {"pyetw_out.etl", 114, 60, 0, ""},
    {"made/features.etl", 76, 54, 0, ""},
    {"made/libtrace64.etl", 124, 0, 0, ""},
    {"made/libtrace64_circular_rotated.etl", 124, 0, 0, ""},
    {"made/libtrace64_clock2_systemtime.etl", 124, 0, 0, ""},
    {"made/libtrace64_clock3_cycles_3000MHz.etl", 124, 0, 0, ""},
    {"made/libtrace64_lz_literal.etl", 124, 0, 0, ""},
    {"made/libtrace64_lz_match.etl", 124, 0, 0, ""},
    {"made/libtrace64_qpc_3579545Hz.etl", 124, 0, 0, ""},
};

// ---- A strict reader of JSON, which builds nothing ----

typedef struct Json {
    const char *p, *end;
    int depth;
} Json;

static bool json_value(Json *j);

static bool json_take(Json *j, char c) {
    if (j->p < j->end && *j->p == c) {
        j->p++;
        return true;
    }
    return false;
}

static bool json_string(Json *j) {
    if (!json_take(j, '"'))
        return false;
    const char *start = j->p;
    bool ascii = true;
    while (j->p < j->end && *j->p != '"') {
        uint8_t c = (uint8_t)*j->p++;
        if (c < 0x20)
            return false;
        ascii = ascii && c < 0x80;
        if (c != '\\')
            continue;
        if (j->p >= j->end)
            return false;
        c = (uint8_t)*j->p++;
        if (c == 'u') {
            for (int i = 0; i < 4; i++, j->p++)
                if (j->p >= j->end || !strchr("0123456789abcdefABCDEF", *j->p))
                    return false;
        } else if (!strchr("\"\\/bfnrt", c)) {
            return false;
        }
    }
    bool valid = ascii || utf8_valid(start, (size_t)(j->p - start));
    return json_take(j, '"') && valid;
}

static bool json_digits(Json *j) {
    const char *start = j->p;
    while (j->p < j->end && *j->p >= '0' && *j->p <= '9')
        j->p++;
    return j->p > start;
}

static bool json_number(Json *j) {
    json_take(j, '-');
    if (!json_take(j, '0') && !json_digits(j))
        return false;
    if (json_take(j, '.') && !json_digits(j))
        return false;
    if (json_take(j, 'e') || json_take(j, 'E')) {
        if (!json_take(j, '+'))
            json_take(j, '-');
        return json_digits(j);
    }
    return true;
}

static bool json_word(Json *j, const char *word) {
    size_t n = strlen(word);
    if ((size_t)(j->end - j->p) < n || memcmp(j->p, word, n) != 0)
        return false;
    j->p += n;
    return true;
}

static bool json_group(Json *j, char close) {
    bool object = close == '}';
    j->p++;
    if (json_take(j, close))
        return true;
    if (++j->depth > 80)
        return false;
    do {
        if (object && !(json_string(j) && json_take(j, ':')))
            return false;
        if (!json_value(j))
            return false;
    } while (json_take(j, ','));
    j->depth--;
    return json_take(j, close);
}

static bool json_value(Json *j) {
    if (j->p >= j->end)
        return false;
    switch (*j->p) {
    case '{':
        return json_group(j, '}');
    case '[':
        return json_group(j, ']');
    case '"':
        return json_string(j);
    case 't':
        return json_word(j, "true");
    case 'f':
        return json_word(j, "false");
    case 'n':
        return json_word(j, "null");
    default:
        return json_number(j);
    }
}

static bool json_valid(const Buf *text) {
    Json j = {(const char *)text->data, (const char *)text->data + text->bytes, 0};
    return json_value(&j) && j.p == j.end;
}

Test(decode_corpus, the_json_reader_is_strict) {
    static const char *const good[] = {"{}", "[]", "{\"a\":[1,-2.5e+3,null,true,\"\\u0000\\n\"]}",
                                       "0"};
    static const char *const bad[] = {"",       "{",      "{\"a\"}", "[1,]",      "{\"a\":1}}",
                                      "01",     "\"\n\"", "\"\\x\"", "\"\xff\"",  "nul",
                                      "[1 ,2]", "{a:1}",  "1.",      "\"\\u12\"", "NaN"};
    for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
        Buf b = {(uint8_t *)(uintptr_t)good[i], strlen(good[i]), 0, 0, false};
        cr_assert(json_valid(&b), "%s", good[i]);
    }
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        Buf b = {(uint8_t *)(uintptr_t)bad[i], strlen(bad[i]), 0, 0, false};
        cr_assert(!json_valid(&b), "%s", bad[i]);
    }
}

// ---- The corpus ----

static EtlReader *open_file(const char *path, bool schema_only) {
    EtlOptions options = {.schema_only = schema_only};
    EtlReader *reader;
    Err err = ERR_INIT;
    cr_assert_eq(etl_open(path, &options, &reader, &err), 0, "%s", err.text);
    return reader;
}

static void decode_file(const Expected *x, const char *path) {
    SchemaStore *store;
    TypeTable *types;
    cr_assert_eq(schema_store_new(&store), 0);
    cr_assert_eq(type_table_new(store, NULL, &types), 0);
    EventRecord r;
    Guid changed;
    Err err = ERR_INIT;
    EtlReader *reader = open_file(path, true);
    while (etl_next(reader, &r, &err) == 1)
        cr_assert(schema_store_feed(store, &r, &changed) >= 0);
    etl_close(reader);

    reader = open_file(path, false);
    static FieldSlice slices[SCHEMA_MAX_FIELDS];
    uint32_t events = 0, undecodable = 0, trailing = 0;
    Buf text = BUF_INIT;
    while (etl_next(reader, &r, &err) == 1) {
        Type *type = type_table_find(types, &r);
        cr_assert(type != NULL);
        const Schema *s = type->schema;
        bool decodable = s->source != SCHEMA_NONE && s->undecodable == DECODABLE;
        if (!decodable) {
            undecodable++;
        } else {
            Payload p;
            payload_open(&p, s, &r, slices);
            uint32_t consumed = payload_scan(&p);
            cr_assert(consumed <= r.payload_bytes);
            if (consumed != r.payload_bytes) {
                trailing++;
                cr_assert(strstr(x->names, s->event_name) != NULL,
                          "%s: event %u (%s/%s, id %u): %u of %u bytes are read", x->file, events,
                          s->provider_name, s->event_name, r.desc.id, consumed, r.payload_bytes);
            }
            cr_assert(!p.truncated, "%s: event %u (%s) reaches past its end", x->file, events,
                      s->event_name);
        }
        buf_clear(&text);
        event_json(&text, &r, s, 0, NULL);
        cr_assert(!text.failed && json_valid(&text), "%s: event %u: %.300s", x->file, events,
                  buf_str(&text));
        buf_clear(&text);
        event_summary(&text, &r, s, 120);
        cr_assert(!text.failed && text.bytes <= 120);
        buf_clear(&text);
        event_label(&text, &r, s);
        cr_assert(text.bytes > 0);
        events++;
    }
    cr_assert_eq(err.status, 0, "%s: %s", x->file, err.text);
    cr_assert_eq(events, x->events, "%s: %u events, not %u", x->file, events, x->events);
    cr_assert_eq(undecodable, x->undecodable, "%s: %u undecodable events, not %u", x->file,
                 undecodable, x->undecodable);
    cr_assert_eq(trailing, x->trailing, "%s: %u events with bytes left over, not %u", x->file,
                 trailing, x->trailing);
    buf_deinit(&text);
    etl_close(reader);
    type_table_free(types);
    schema_store_free(store);
}

Test(decode_corpus, every_event, .timeout = 300) {
    char path[1024];
    for (size_t i = 0; i < ARRAY_COUNT(corpus); i++) {
        const char *file = corpus_file(corpus[i].file, path, sizeof path);
        if (!file)
            return;
        decode_file(&corpus[i], file);
    }
}
