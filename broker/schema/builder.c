#include "schema/builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "schema/event_names.h"
#include "schema/hints.h"
#include "util/mem.h"
#include "util/utf.h"

int builder_init(SchemaBuilder *b) {
    *b = (SchemaBuilder){.first_top = -1, .last_top = -1};
    return schema_new(&b->schema);
}

void builder_deinit(SchemaBuilder *b) {
    b->schema = schema_unref(b->schema);
    mem_free(b->nodes);
    b->nodes = NULL;
}

int builder_alloc(SchemaBuilder *b, size_t count, size_t bytes, void **ret) {
    size_t total;
    if (!size_mul(count, bytes, &total) || total > SCHEMA_MAX_BYTES - b->text_bytes)
        return BUILDER_BAD;
    void *p = arena_alloc(&b->schema->arena, total);
    if (!p)
        return -STATUS_NO_MEMORY;
    b->text_bytes += total;
    *ret = p;
    return 0;
}

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Names need not be the UTF-8 that they claim to be: bytes that are none become U+FFFD, since a client
// refuses a schema whose texts are not text. Returns the bytes it takes; out may be NULL.
static size_t repaired(char *out, const char *text, size_t bytes) {
    size_t n = 0;
    for (const char *p = text, *end = text + bytes; p < end;) {
        uint32_t cp;
        char put[4];
        size_t taken = utf8_next(p, end, &cp);
        size_t given = taken == 1 && cp == 0xfffd ? utf8_put(put, cp) : taken;
        if (out)
            memcpy(out + n, taken == 1 && cp == 0xfffd ? put : p, given);
        n += given;
        p += taken;
    }
    return n;
}

int builder_text(SchemaBuilder *b, const char *text, size_t bytes, const char **ret) {
    while (bytes > 0 && blank(text[bytes - 1]))
        bytes--;
    if (bytes == 0) {
        *ret = "";
        return 0;
    }
    void *copy;
    int r = builder_alloc(b, repaired(NULL, text, bytes) + 1, 1, &copy);
    if (r != 0)
        return r;
    (void)repaired(copy, text, bytes);
    *ret = copy;
    return 0;
}

int builder_utf16(SchemaBuilder *b, const void *units, size_t n_units, const char **ret) {
    const uint8_t *u = units;
    while (n_units > 0) {
        uint16_t c = load_u16(u + 2 * (n_units - 1));
        if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            break;
        n_units--;
    }
    if (n_units == 0) {
        *ret = "";
        return 0;
    }
    size_t need = utf16_to_utf8_fixed(NULL, 0, u, n_units);
    void *copy;
    int r = builder_alloc(b, need + 1, 1, &copy);
    if (r != 0)
        return r;
    (void)utf16_to_utf8_fixed(copy, need + 1, u, n_units);
    *ret = copy;
    return 0;
}

int builder_printf(SchemaBuilder *b, const char **ret, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return BUILDER_BAD;
    return builder_text(b, text, MIN_OF((size_t)n, sizeof text - 1), ret);
}

int builder_add(SchemaBuilder *b, int32_t parent, SchemaField **ret, int32_t *ret_index) {
    if (b->n_nodes >= SCHEMA_MAX_FIELDS)
        return BUILDER_BAD;
    if (b->n_nodes == b->capacity) {
        uint32_t capacity = b->capacity ? b->capacity * 2 : 16;
        SchemaNode *nodes = mem_resize(b->nodes, capacity * sizeof *nodes);
        if (!nodes)
            return -STATUS_NO_MEMORY;
        b->nodes = nodes;
        b->capacity = capacity;
    }
    int32_t i = (int32_t)b->n_nodes++;
    SchemaNode *n = &b->nodes[i];
    *n = (SchemaNode){.parent = parent, .next = -1, .first_child = -1, .last_child = -1};
    n->field.name = "";
    int32_t *first = &b->first_top, *last = &b->last_top;
    if (parent >= 0) {
        first = &b->nodes[parent].first_child;
        last = &b->nodes[parent].last_child;
        b->nodes[parent].n_children++;
    } else {
        b->n_top++;
    }
    if (*last >= 0)
        b->nodes[*last].next = i;
    else
        *first = i;
    *last = i;
    *ret = &n->field;
    if (ret_index)
        *ret_index = i;
    return 0;
}

// Breadth first: the top level, then the members of each structure in the order of the structures.
static void lay_out(SchemaBuilder *b, SchemaField *fields, uint16_t *order, uint16_t *place) {
    uint32_t n = 0;
    for (int32_t i = b->first_top; i >= 0; i = b->nodes[i].next)
        order[n++] = (uint16_t)i;
    for (uint32_t at = 0; at < n; at++) {
        const SchemaNode *node = &b->nodes[order[at]];
        place[order[at]] = (uint16_t)at;
        fields[at] = node->field;
        fields[at].first_member = (uint16_t)n;
        fields[at].n_members = node->n_children;
        for (int32_t i = node->first_child; i >= 0; i = b->nodes[i].next)
            order[n++] = (uint16_t)i;
    }
    for (uint32_t i = 0; i < n; i++) {
        SchemaField *f = &fields[i];
        if (f->count_kind == EXTENT_FIELD && f->count < n)
            f->count = place[f->count];
        if (f->length_kind == EXTENT_FIELD && f->length < n)
            f->length = place[f->length];
    }
}

int builder_finish(SchemaBuilder *b, Schema **ret) {
    Schema *s = b->schema;
    if (b->n_nodes > 0) {
        void *fields;
        int r = builder_alloc(b, b->n_nodes, sizeof(SchemaField), &fields);
        if (r != 0)
            return r;
        uint16_t order[SCHEMA_MAX_FIELDS], place[SCHEMA_MAX_FIELDS];
        lay_out(b, fields, order, place);
        s->fields = fields;
        s->n_fields = (uint16_t)b->n_nodes;
        s->n_top = b->n_top;
        hints_apply(s, fields);
    }
    int r = schema_finish(s, NULL);
    if (r < 0)
        return r == -STATUS_FORMAT ? BUILDER_BAD : r;
    *ret = s;
    b->schema = NULL;
    return 0;
}

static int entry_compare(const void *a, const void *b) {
    const SchemaMapEntry *x = a, *y = b;
    return x->value < y->value ? -1 : x->value > y->value;
}

int builder_map(SchemaBuilder *b, const char *name, bool bitmap, const SchemaMapEntry *entries,
                uint32_t n_entries, const SchemaMap **ret) {
    void *map_memory, *copy;
    int r = builder_alloc(b, 1, sizeof(SchemaMap), &map_memory);
    if (r == 0)
        r = builder_alloc(b, n_entries, sizeof(SchemaMapEntry), &copy);
    if (r != 0)
        return r;
    SchemaMapEntry *e = copy;
    if (n_entries > 0)
        memcpy(e, entries, n_entries * sizeof *e);
    qsort(e, n_entries, sizeof *e, entry_compare);
    uint32_t n = 0;
    for (uint32_t i = 0; i < n_entries; i++)
        if (n == 0 || e[n - 1].value != e[i].value)
            e[n++] = e[i];
    SchemaMap *map = map_memory;
    *map = (SchemaMap){.name = name, .bitmap = bitmap, .n_entries = n, .entries = e};
    *ret = map;
    return 0;
}

// The opcode that says nothing beyond the task: win:Info, under whatever name.
static bool opcode_is_info(const Schema *s) {
    return s->desc.opcode == 0 && (s->opcode_name[0] == '\0' || fold_equal(s->opcode_name, "Info"));
}

int builder_event_name(SchemaBuilder *b) {
    Schema *s = b->schema;
    if (s->event_name[0] != '\0')
        return 0;
    if (s->task_name[0] != '\0') {
        if (opcode_is_info(s)) {
            s->event_name = s->task_name;
            return 0;
        }
        if (s->opcode_name[0] != '\0')
            return builder_printf(b, &s->event_name, "%s/%s", s->task_name, s->opcode_name);
        return builder_printf(b, &s->event_name, "%s/Opcode(%u)", s->task_name, s->desc.opcode);
    }
    if (s->event_flags & EVENT_CLASSIC)
        return builder_printf(b, &s->event_name, "Opcode(%u)", s->desc.opcode);
    return builder_printf(b, &s->event_name, "EventID(%u)", s->desc.id);
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && fold_equal(text + n - m, end);
}

// winmeta's names carry a prefix in blobs and manifests that nobody types.
static const char *plain(const char *name) {
    return strncmp(name, "win:", 4) == 0 ? name + 4 : name;
}

int builder_defaults(SchemaBuilder *b) {
    Schema *s = b->schema;
    s->task_name = plain(s->task_name);
    s->opcode_name = plain(s->opcode_name);
    s->channel_name = plain(s->channel_name);
    if (s->level_name[0] == '\0' || plain(s->level_name) != s->level_name)
        s->level_name = level_default_name(s->desc.level);
    if (!(s->event_flags & (EVENT_CLASSIC | EVENT_TRACELOGGING | EVENT_WPP | EVENT_STRING_ONLY))) {
        const char *known = event_name_find(&s->provider, s->desc.id);
        if (known && s->event_name[0] == '\0')
            s->event_name = known;
    }
    if (s->opcode_name[0] == '\0')
        s->opcode_name = opcode_default_name(s->desc.opcode);
    int r = builder_event_name(b);
    if (r != 0)
        return r;
    // Opcodes 3 and 4 are winmeta's DC_Start and DC_Stop; providers with opcodes of their own
    // (CLR: 35 DCStart …) tell by the name.
    if ((!(s->event_flags & EVENT_CLASSIC) && (s->desc.opcode == 3 || s->desc.opcode == 4)) ||
        ends_with(s->task_name, "Rundown") || strstr(s->opcode_name, "DCStart") ||
        strstr(s->opcode_name, "DCEnd") || strstr(s->opcode_name, "DCStop") ||
        strstr(s->opcode_name, "Rundown"))
        s->flags |= SCHEMA_RUNDOWN;
    return 0;
}
