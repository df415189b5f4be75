// Expat's callbacks fill a Reader: growing arrays of what stands in the text. Names are resolved to
// values only at the end, because the string table stands last and tasks may follow the events.

#include "schema/manifest_xml.h"

#include <expat.h>
#include <stdlib.h>

#include "util/map.h"
#include "util/mem.h"
#include "util/utf.h"

#define MAX_NAMES  16384u // of one kind in one provider
#define MAX_MAPS   8192u
#define MAX_EVENTS 65536u
#define MAX_FIELDS 262144u // of all templates of one provider

typedef enum Element {
    E_OTHER,
    E_PROVIDER,
    E_TASK,
    E_OPCODE,
    E_KEYWORD,
    E_LEVEL,
    E_CHANNEL,
    E_VALUE_MAP,
    E_BIT_MAP,
    E_MAP,
    E_TEMPLATE,
    E_DATA,
    E_STRUCT,
    E_USER_DATA,
    E_EVENT,
    E_RESOURCES,
    E_STRING,
} Element;

typedef struct Vec {
    void *items;
    uint32_t n, capacity;
} Vec;

static void *vec_push(Vec *v, size_t item_bytes, uint32_t most) {
    if (v->n >= most)
        return NULL;
    if (v->n == v->capacity) {
        uint32_t capacity = v->capacity ? v->capacity * 2 : 16;
        void *items = mem_resize(v->items, capacity * item_bytes);
        if (!items)
            return NULL;
        v->items = items;
        v->capacity = capacity;
    }
    void *item = (uint8_t *)v->items + v->n++ * item_bytes;
    memset(item, 0, item_bytes);
    return item;
}

// As they stand in the text; strings are in the manifest's arena.
typedef struct RawName {
    const char *name, *message;
    const char *alias; // a channel's chid: what events refer to
    uint64_t value;
    int32_t task; // index of the task a local opcode belongs to; -1 otherwise
    bool has_value;
} RawName;

typedef struct RawTemplate {
    const char *id;
    uint32_t first_field, n_fields;
} RawTemplate;

typedef struct RawMap {
    const char *name;
    bool bitmap;
    uint32_t first_entry, n_entries;
} RawMap;

typedef struct RawEvent {
    const char *value, *version, *level, *opcode, *task, *keywords, *channel, *fields;
    const char *symbol, *message;
} RawEvent;

typedef struct Provider {
    Manifest *manifest;
    Vec names[MANIFEST_NAME_KINDS]; // RawName
    Vec templates, fields;          // RawTemplate, ManifestField
    Vec maps, entries;              // RawMap, SchemaMapEntry
    Vec events;                     // RawEvent
} Provider;

typedef struct Reader {
    XML_Parser parser;
    bool event_source;
    int failure; // -Status
    const char *why;
    uint8_t stack[MANIFEST_MAX_DEPTH]; // Element
    uint32_t depth;
    Vec providers; // Provider*
    Provider *now;
    int32_t struct_field; // index of the open structure in now->fields, -1
    Map strings;          // id -> text, in `text`
    Arena text;
    bool english; // within <resources culture="en…">
} Reader;

static void fail(Reader *r, int status, const char *why) {
    if (r->failure == 0) {
        r->failure = -status;
        r->why = why;
        XML_StopParser(r->parser, XML_FALSE);
    }
}

static Element element_of(const char *name) {
    static const struct {
        const char *name;
        Element element;
    } known[] = {
        {"provider", E_PROVIDER},
        {"task", E_TASK},
        {"opcode", E_OPCODE},
        {"keyword", E_KEYWORD},
        {"level", E_LEVEL},
        {"channel", E_CHANNEL},
        {"valueMap", E_VALUE_MAP},
        {"bitMap", E_BIT_MAP},
        {"map", E_MAP},
        {"template", E_TEMPLATE},
        {"data", E_DATA},
        {"struct", E_STRUCT},
        {"UserData", E_USER_DATA},
        {"event", E_EVENT},
        {"resources", E_RESOURCES},
        {"string", E_STRING},
        {"importChannel", E_CHANNEL},
    };
    const char *colon = strrchr(name, ':');
    const char *local = colon ? colon + 1 : name;
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (strcmp(known[i].name, local) == 0)
            return known[i].element;
    return E_OTHER;
}

static const char *attribute(const char **attributes, const char *name) {
    for (size_t i = 0; attributes[i]; i += 2)
        if (strcmp(attributes[i], name) == 0)
            return attributes[i + 1];
    return "";
}

static const char *keep(Reader *r, const char *text) {
    if (text[0] == '\0')
        return "";
    char *copy = arena_strdup(&r->now->manifest->arena, text);
    if (!copy)
        fail(r, STATUS_NO_MEMORY, "out of memory");
    return copy ? copy : "";
}

static const char *without_prefix(const char *name) {
    return strncmp(name, "win:", 4) == 0 ? name + 4 : name;
}

static bool parse_u64(const char *text, uint64_t *ret) {
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    *ret = strtoull(text, &end, 0);
    return *end == '\0';
}

static uint32_t enclosing(const Reader *r, Element element) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->depth; i++)
        n += r->stack[i] == element;
    return n;
}

static void provider_free(Provider *p) {
    if (!p)
        return;
    for (int k = 0; k < MANIFEST_NAME_KINDS; k++)
        mem_free(p->names[k].items);
    mem_free(p->templates.items);
    mem_free(p->fields.items);
    mem_free(p->maps.items);
    mem_free(p->entries.items);
    mem_free(p->events.items);
    manifest_free(p->manifest);
    mem_free(p);
}

static void *push(Reader *r, Vec *v, size_t item_bytes, uint32_t most) {
    void *item = vec_push(v, item_bytes, most);
    if (!item)
        fail(r, v->n >= most ? STATUS_OVERSIZE : STATUS_NO_MEMORY,
             v->n >= most ? "it defines too much" : "out of memory");
    return item;
}

static void start_provider(Reader *r, const char **a) {
    Guid guid;
    // <provider> also stands in <importChannel> of other schemas and in other providers' text; one
    // without a GUID defines nothing.
    if (!guid_parse(attribute(a, "guid"), &guid))
        return;
    Provider **slot = push(r, &r->providers, sizeof(Provider *), MANIFEST_MAX_PROVIDERS);
    Provider *p = slot ? mem_zalloc(sizeof *p) : NULL;
    if (!p || !(p->manifest = mem_zalloc(sizeof *p->manifest))) {
        provider_free(p);
        fail(r, STATUS_NO_MEMORY, "out of memory");
        return;
    }
    *slot = p;
    r->now = p;
    r->struct_field = -1;
    p->manifest->arena.limit = 4u * MANIFEST_MAX_BYTES;
    p->manifest->provider = guid;
    p->manifest->event_source = r->event_source;
    p->manifest->name = keep(r, attribute(a, "name"));
}

static void start_name(Reader *r, ManifestNameKind kind, const char **a) {
    Vec *tasks = &r->now->names[MANIFEST_TASK];
    int32_t task = kind == MANIFEST_OPCODE && enclosing(r, E_TASK) > 0 ? (int32_t)tasks->n - 1 : -1;
    RawName *n = push(r, &r->now->names[kind], sizeof *n, MAX_NAMES);
    if (!n)
        return;
    n->task = task;
    n->name = keep(r, attribute(a, "name"));
    n->alias = kind == MANIFEST_CHANNEL ? keep(r, attribute(a, "chid")) : "";
    if (n->name[0] == '\0')
        n->name = n->alias;
    n->message = keep(r, attribute(a, "message"));
    n->has_value = parse_u64(attribute(a, kind == MANIFEST_KEYWORD ? "mask" : "value"), &n->value);
    // mc.exe numbers channels from 16 when they have no value of their own.
    if (kind == MANIFEST_CHANNEL && !n->has_value) {
        n->value = 15 + r->now->names[kind].n;
        n->has_value = true;
    }
}

static void start_field(Reader *r, Element element, const char **a) {
    Provider *p = r->now;
    if (p->templates.n == 0)
        return;
    RawTemplate *t = &((RawTemplate *)p->templates.items)[p->templates.n - 1];
    ManifestField *f = push(r, &p->fields, sizeof *f, MAX_FIELDS);
    if (!f)
        return;
    t->n_fields++;
    f->name = keep(r, attribute(a, "name"));
    f->in_type = keep(r, attribute(a, "inType"));
    f->out_type = keep(r, attribute(a, "outType"));
    f->map = keep(r, attribute(a, "map"));
    f->length = keep(r, attribute(a, "length"));
    f->count = keep(r, attribute(a, "count"));
    if (element == E_STRUCT) {
        if (r->struct_field >= 0)
            fail(r, STATUS_FORMAT, "a structure within a structure");
        f->is_struct = true;
        r->struct_field = (int32_t)p->fields.n - 1;
    } else if (r->struct_field >= 0) {
        ManifestField *s = &((ManifestField *)p->fields.items)[r->struct_field];
        if (s->n_members == UINT16_MAX)
            fail(r, STATUS_OVERSIZE, "a structure with too many members");
        s->n_members++;
    }
}

static void start_map(Reader *r, bool bitmap, const char **a) {
    RawMap *m = push(r, &r->now->maps, sizeof *m, MAX_MAPS);
    if (!m)
        return;
    m->bitmap = bitmap;
    m->name = keep(r, attribute(a, "name"));
    m->first_entry = r->now->entries.n;
}

static void start_entry(Reader *r, const char **a) {
    Provider *p = r->now;
    uint64_t value;
    if (p->maps.n == 0 || !parse_u64(attribute(a, "value"), &value) || value > UINT32_MAX)
        return;
    SchemaMapEntry *e = push(r, &p->entries, sizeof *e, MAX_FIELDS);
    if (!e)
        return;
    ((RawMap *)p->maps.items)[p->maps.n - 1].n_entries++;
    e->value = (uint32_t)value;
    e->text = keep(r, attribute(a, "message"));
}

static void start_event(Reader *r, const char **a) {
    RawEvent *e = push(r, &r->now->events, sizeof *e, MAX_EVENTS);
    if (!e)
        return;
    e->value = keep(r, attribute(a, "value"));
    e->version = keep(r, attribute(a, "version"));
    e->level = keep(r, attribute(a, "level"));
    e->opcode = keep(r, attribute(a, "opcode"));
    e->task = keep(r, attribute(a, "task"));
    e->keywords = keep(r, attribute(a, "keywords"));
    e->channel = keep(r, attribute(a, "channel"));
    e->fields = keep(r, attribute(a, "template"));
    e->symbol = keep(r, attribute(a, "symbol"));
    e->message = keep(r, attribute(a, "message"));
}

// The first culture of an id counts, but English replaces another one.
static void start_string(Reader *r, const char **a) {
    const char *id = attribute(a, "id"), *value = attribute(a, "value");
    if (id[0] == '\0' || (!r->english && map_get(&r->strings, id, strlen(id))))
        return;
    char *copy = arena_strdup(&r->text, value);
    if (!copy || map_set(&r->strings, id, strlen(id), copy) < 0)
        fail(r, STATUS_NO_MEMORY, "out of memory");
}

static void XMLCALL on_start(void *user, const char *name, const char **a) {
    Reader *r = user;
    if (r->failure)
        return;
    if (r->depth == MANIFEST_MAX_DEPTH) {
        fail(r, STATUS_FORMAT, "elements are nested too deeply");
        return;
    }
    Element e = element_of(name);
    // UserData holds free XML that only repeats names.
    if (enclosing(r, E_USER_DATA) > 0)
        e = E_OTHER;
    r->stack[r->depth++] = (uint8_t)e;
    if (e == E_PROVIDER && enclosing(r, E_PROVIDER) == 1) {
        r->now = NULL;
        start_provider(r, a);
        return;
    }
    if (e == E_RESOURCES)
        r->english = strncmp(attribute(a, "culture"), "en", 2) == 0;
    if (e == E_STRING)
        start_string(r, a);
    if (!r->now || enclosing(r, E_PROVIDER) == 0 || r->failure)
        return;
    switch (e) {
    case E_TASK:
        start_name(r, MANIFEST_TASK, a);
        break;
    case E_OPCODE:
        start_name(r, MANIFEST_OPCODE, a);
        break;
    case E_KEYWORD:
        start_name(r, MANIFEST_KEYWORD, a);
        break;
    case E_LEVEL:
        start_name(r, MANIFEST_LEVEL, a);
        break;
    case E_CHANNEL:
        start_name(r, MANIFEST_CHANNEL, a);
        break;
    case E_VALUE_MAP:
    case E_BIT_MAP:
        start_map(r, e == E_BIT_MAP, a);
        break;
    case E_MAP:
        start_entry(r, a);
        break;
    case E_TEMPLATE: {
        RawTemplate *t = push(r, &r->now->templates, sizeof *t, MAX_EVENTS);
        if (t) {
            t->id = keep(r, attribute(a, "tid"));
            t->first_field = r->now->fields.n;
        }
        r->struct_field = -1;
        break;
    }
    case E_DATA:
    case E_STRUCT:
        if (enclosing(r, E_TEMPLATE) > 0)
            start_field(r, e, a);
        break;
    case E_EVENT:
        start_event(r, a);
        break;
    default:
        break;
    }
}

static void XMLCALL on_end(void *user, const char *name) {
    Reader *r = user;
    (void)name;
    if (r->failure || r->depth == 0)
        return;
    Element e = r->stack[--r->depth];
    if (e == E_STRUCT)
        r->struct_field = -1;
}

static void XMLCALL on_doctype(void *user, const char *name, const char *system, const char *public,
                               int subset) {
    (void)name, (void)system, (void)public, (void)subset;
    fail(user, STATUS_FORMAT, "document type declarations are refused");
}

static void XMLCALL on_entity(void *user, const char *name, int parameter, const char *value,
                              int bytes, const char *base, const char *system, const char *public,
                              const char *notation) {
    (void)name, (void)parameter, (void)value, (void)bytes, (void)base, (void)system, (void)public;
    (void)notation;
    fail(user, STATUS_FORMAT, "entity declarations are refused");
}

// ---- Resolution
// ----------------------------------------------------------------------------------

// "$(string.id)" -> the text of the string table; anything else stays.
static const char *localized(Reader *r, const char *text) {
    static const char open[] = "$(string.";
    size_t n = strlen(text);
    if (n < sizeof open || strncmp(text, open, sizeof open - 1) != 0 || text[n - 1] != ')')
        return text;
    const char *value = map_get(&r->strings, text + sizeof open - 1, n - sizeof open);
    return value ? keep(r, value) : "";
}

typedef struct WellKnown {
    const char *name;
    uint64_t value;
} WellKnown;

static const WellKnown well_known_levels[] = {
    {"LogAlways", 0}, {"Critical", 1},      {"Error", 2},
    {"Warning", 3},   {"Informational", 4}, {"Verbose", 5},
};
static const WellKnown well_known_opcodes[] = {
    {"Info", 0},    {"Start", 1},     {"Stop", 2},      {"DC_Start", 3},
    {"DC_Stop", 4}, {"Extension", 5}, {"Reply", 6},     {"Resume", 7},
    {"Suspend", 8}, {"Send", 9},      {"Receive", 240},
};
static const WellKnown well_known_keywords[] = {
    {"AnyKeyword", 0},
    {"ResponseTime", UINT64_C(0x0001000000000000)},
    {"WDIContext", UINT64_C(0x0002000000000000)},
    {"WDIDiag", UINT64_C(0x0004000000000000)},
    {"SQM", UINT64_C(0x0008000000000000)},
    {"AuditFailure", UINT64_C(0x0010000000000000)},
    {"CorrelationHint", UINT64_C(0x0010000000000000)},
    {"AuditSuccess", UINT64_C(0x0020000000000000)},
    {"EventlogClassic", UINT64_C(0x0080000000000000)},
};

static bool well_known(const WellKnown *table, size_t n, const char *name, uint64_t *ret) {
    for (size_t i = 0; i < n; i++)
        if (fold_equal(table[i].name, name)) {
            *ret = table[i].value;
            return true;
        }
    return false;
}

static bool well_known_value(ManifestNameKind kind, const char *name, uint64_t *ret) {
    switch (kind) {
    case MANIFEST_LEVEL:
        return well_known(well_known_levels, ARRAY_COUNT(well_known_levels), name, ret);
    case MANIFEST_OPCODE:
        return well_known(well_known_opcodes, ARRAY_COUNT(well_known_opcodes), name, ret);
    case MANIFEST_KEYWORD:
        return well_known(well_known_keywords, ARRAY_COUNT(well_known_keywords), name, ret);
    default:
        return false;
    }
}

// The key of a name in the index: kind, owning task, name.
static size_t index_key(char *key, size_t cap, int kind, int32_t task, const char *name,
                        size_t bytes) {
    size_t head = 1 + sizeof task;
    if (bytes > cap - head)
        bytes = cap - head;
    key[0] = (char)kind;
    memcpy(key + 1, &task, sizeof task);
    memcpy(key + head, name, bytes);
    return head + bytes;
}

typedef struct Index {
    Map map; // key -> value + 1 of names (in `values`), template + 1
    bool failed;
} Index;

#define KEY_MAX       512
#define KIND_TEMPLATE MANIFEST_NAME_KINDS

static void index_add(Index *ix, int kind, int32_t task, const char *name, const void *target) {
    char key[KEY_MAX];
    size_t n = index_key(key, sizeof key, kind, task, name, strlen(name));
    if (!map_get(&ix->map, key, n) && map_set(&ix->map, key, n, (void *)(uintptr_t)target) < 0)
        ix->failed = true;
}

static const void *index_get(const Index *ix, int kind, int32_t task, const char *name,
                             size_t bytes) {
    char key[KEY_MAX];
    return map_get(&ix->map, key, index_key(key, sizeof key, kind, task, name, bytes));
}

// The value of a reference: a name of this manifest, a well-known one, or a number.
static uint64_t refer(const Index *ix, ManifestNameKind kind, int32_t task, const char *text,
                      size_t bytes) {
    uint64_t value = 0;
    if (bytes == 0)
        return 0;
    const ManifestName *n = task >= 0 ? index_get(ix, (int)kind, task, text, bytes) : NULL;
    if (!n)
        n = index_get(ix, (int)kind, -1, text, bytes);
    if (n)
        return n->value;
    char name[64];
    if (bytes >= sizeof name)
        return 0;
    memcpy(name, text, bytes);
    name[bytes] = '\0';
    if (well_known_value(kind, without_prefix(name), &value) || parse_u64(name, &value))
        return value;
    return 0;
}

static uint64_t keyword_mask(const Index *ix, const char *text) {
    uint64_t mask = 0;
    while (*text) {
        size_t skip = strspn(text, " \t\r\n,");
        text += skip;
        size_t n = strcspn(text, " \t\r\n,");
        mask |= refer(ix, MANIFEST_KEYWORD, -1, text, n);
        text += n;
    }
    return mask;
}

static int event_compare(const void *a, const void *b) {
    const EventDescriptor *x = &((const ManifestEvent *)a)->desc,
                          *y = &((const ManifestEvent *)b)->desc;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->version > y->version) - (x->version < y->version);
}

static void *room(Reader *r, Provider *p, uint32_t n, size_t bytes) {
    void *memory = arena_array(&p->manifest->arena, MAX_OF(n, 1u), bytes);
    if (!memory)
        fail(r, STATUS_NO_MEMORY, "out of memory");
    return memory;
}

static void resolve_names(Reader *r, Provider *p, Index *ix) {
    Manifest *m = p->manifest;
    for (int k = 0; k < MANIFEST_NAME_KINDS; k++) {
        const RawName *raw = p->names[k].items;
        ManifestName *names = room(r, p, p->names[k].n, sizeof *names);
        if (!names)
            return;
        for (uint32_t i = 0; i < p->names[k].n; i++) {
            ManifestName *n = &names[i];
            n->name = without_prefix(raw[i].name);
            n->message = localized(r, raw[i].message);
            n->value = raw[i].value;
            if (!raw[i].has_value)
                (void)well_known_value((ManifestNameKind)k, n->name, &n->value);
            n->task = -1;
            if (raw[i].task >= 0) // local opcodes: the index of the task becomes its value
                n->task =
                    (int32_t)(((const RawName *)p->names[MANIFEST_TASK].items)[raw[i].task].value &
                              UINT16_MAX);
            index_add(ix, k, raw[i].task >= 0 ? n->task : -1, raw[i].name, n);
            if (raw[i].alias[0])
                index_add(ix, k, -1, raw[i].alias, n);
        }
        m->names[k] = names;
        m->n_names[k] = p->names[k].n;
    }
}

static void resolve_templates(Reader *r, Provider *p, Index *ix) {
    ManifestField *fields = room(r, p, p->fields.n, sizeof *fields);
    ManifestTemplate *templates = room(r, p, p->templates.n, sizeof *templates);
    if (!fields || !templates)
        return;
    if (p->fields.n)
        memcpy(fields, p->fields.items, p->fields.n * sizeof *fields);
    const RawTemplate *raw = p->templates.items;
    for (uint32_t i = 0; i < p->templates.n; i++) {
        templates[i] = (ManifestTemplate){raw[i].id, fields + raw[i].first_field, raw[i].n_fields};
        index_add(ix, KIND_TEMPLATE, -1, raw[i].id, &templates[i]);
    }
}

static void resolve_maps(Reader *r, Provider *p) {
    Manifest *m = p->manifest;
    SchemaMapEntry *entries = room(r, p, p->entries.n, sizeof *entries);
    ManifestMap *maps = room(r, p, p->maps.n, sizeof *maps);
    if (!entries || !maps)
        return;
    const SchemaMapEntry *raw_entries = p->entries.items;
    for (uint32_t i = 0; i < p->entries.n; i++)
        entries[i] = (SchemaMapEntry){raw_entries[i].value, localized(r, raw_entries[i].text)};
    const RawMap *raw = p->maps.items;
    for (uint32_t i = 0; i < p->maps.n; i++)
        maps[i] = (ManifestMap){raw[i].name, raw[i].bitmap, entries + raw[i].first_entry,
                                raw[i].n_entries};
    m->maps = maps;
    m->n_maps = p->maps.n;
}

static void resolve_events(Reader *r, Provider *p, const Index *ix) {
    Manifest *m = p->manifest;
    ManifestEvent *events = room(r, p, p->events.n, sizeof *events);
    if (!events)
        return;
    const RawEvent *raw = p->events.items;
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->events.n; i++) {
        uint64_t id, version = 0;
        if (!parse_u64(raw[i].value, &id) || id > UINT16_MAX)
            continue;
        (void)parse_u64(raw[i].version, &version);
        ManifestEvent *e = &events[n++];
        uint16_t task = (uint16_t)refer(ix, MANIFEST_TASK, -1, raw[i].task, strlen(raw[i].task));
        e->desc = (EventDescriptor){
            .id = (uint16_t)id,
            .version = (uint8_t)version,
            .channel =
                (uint8_t)refer(ix, MANIFEST_CHANNEL, -1, raw[i].channel, strlen(raw[i].channel)),
            .level = (uint8_t)refer(ix, MANIFEST_LEVEL, -1, raw[i].level, strlen(raw[i].level)),
            .opcode =
                (uint8_t)refer(ix, MANIFEST_OPCODE, task, raw[i].opcode, strlen(raw[i].opcode)),
            .task = task,
            .keyword = keyword_mask(ix, raw[i].keywords),
        };
        if (raw[i].fields[0])
            e->fields = index_get(ix, KIND_TEMPLATE, -1, raw[i].fields, strlen(raw[i].fields));
        e->symbol = raw[i].symbol;
        e->message = localized(r, raw[i].message);
    }
    qsort(events, n, sizeof *events, event_compare);
    m->events = events;
    m->n_events = n;
}

static void resolve(Reader *r, Provider *p) {
    Index ix = {MAP_INIT, false};
    resolve_names(r, p, &ix);
    if (!r->failure)
        resolve_templates(r, p, &ix);
    if (!r->failure)
        resolve_maps(r, p);
    if (!r->failure)
        resolve_events(r, p, &ix);
    if (ix.failed)
        fail(r, STATUS_NO_MEMORY, "out of memory");
    map_deinit(&ix.map);
}

static int parse(Reader *r, const char *xml, size_t bytes, Err *err) {
    static const XML_Memory_Handling_Suite memory = {mem_alloc, mem_resize, mem_free};
    r->parser = XML_ParserCreate_MM(NULL, &memory, NULL);
    if (!r->parser)
        return err_set(err, STATUS_NO_MEMORY, "manifest: out of memory");
    XML_SetUserData(r->parser, r);
    XML_SetElementHandler(r->parser, on_start, on_end);
    XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
    XML_SetEntityDeclHandler(r->parser, on_entity);
    enum XML_Status status = XML_Parse(r->parser, xml, (int)bytes, XML_TRUE);
    unsigned long line = XML_GetCurrentLineNumber(r->parser);
    if (r->failure)
        return err_set(err, (Status)-r->failure, "manifest, line %lu: %s", line, r->why);
    if (status != XML_STATUS_OK) {
        enum XML_Error code = XML_GetErrorCode(r->parser);
        return err_set(err, code == XML_ERROR_NO_MEMORY ? STATUS_NO_MEMORY : STATUS_FORMAT,
                       "manifest, line %lu: %s", line, XML_ErrorString(code));
    }
    for (uint32_t i = 0; i < r->providers.n && !r->failure; i++) {
        r->now = ((Provider **)r->providers.items)[i];
        resolve(r, r->now);
    }
    if (r->failure)
        return err_set(err, (Status)-r->failure, "manifest: %s", r->why);
    if (r->providers.n == 0)
        return err_set(err, STATUS_FORMAT, "manifest: no provider with a GUID in it");
    return 0;
}

int manifest_parse(const char *xml_untrusted, size_t bytes, bool event_source,
                   int (*take)(void *user, Manifest *take_manifest), void *user, Err *err) {
    if (bytes > MANIFEST_MAX_BYTES)
        return err_set(err, STATUS_OVERSIZE, "manifest of %zu bytes; at most %u are taken", bytes,
                       MANIFEST_MAX_BYTES);
    Reader r = {.event_source = event_source, .struct_field = -1};
    r.text.limit = 2u * MANIFEST_MAX_BYTES;
    int result = parse(&r, xml_untrusted, bytes, err);
    for (uint32_t i = 0; i < r.providers.n; i++) {
        Provider *p = ((Provider **)r.providers.items)[i];
        if (result == 0) {
            Manifest *m = p->manifest;
            p->manifest = NULL;
            result = take(user, m);
        }
        provider_free(p);
    }
    mem_free(r.providers.items);
    map_deinit(&r.strings);
    arena_deinit(&r.text);
    if (r.parser)
        XML_ParserFree(r.parser);
    return result;
}
