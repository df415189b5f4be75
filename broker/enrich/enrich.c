// See enrich.h. The caches are modules of their own; this file hands each feeder event to those
// that learn from it, and puts together what they know of one event, each part once and only when
// asked for.
#include "enrich/enrich.h"

#include "event/derived.h"
#include "util/map.h"
#include "util/mem.h"

#define SCAN_BYTES_DEFAULT ((size_t)512 << 20)

// What has been looked up for the event at hand.
enum {
    DONE_SUBJECT = 0x01,
    DONE_PROCESS = 0x02,
    DONE_ANCESTORS = 0x04,
    DONE_CREATOR = 0x08,
    DONE_OTHERS = 0x10,
    DONE_FILE = 0x20,
    DONE_KEY = 0x40,
    DONE_SERVICE = 0x80,
    DONE_OBJECT = 0x100,
    DONE_OPERATION = 0x200,
    DONE_STACK = 0x400,
};

struct Enricher {
    EnrichOptions options;
    Volumes *volumes;
    Accounts *accounts;
    Processes *processes;
    Files *files;
    Keys *keys;
    Objects *objects;
    Images *images;
    Stacks *stacks;
    bool learnt;   // the scan is over
    bool degraded; // it met its budget
    // The event at hand.
    const EnrichPlan *plan;
    const EventRecord *record;
    const Schema *schema;
    uint32_t done; // DONE_*
    Subject subject;
    EnrichedView view;
    Buf path;    // of a registry key
    Buf scratch; // of composed values
};

EnrichLimits enrich_limits_default(void) {
    return (EnrichLimits){
        .files = 200000,
        .file_objects = 200000,
        .requests = 16384,
        .keys = 200000,
        .processes = 20000,
        .threads = 100000,
        .services = 4096,
        .objects = 100000,
        .image_processes = 4096,
        .memory_bytes = (size_t)256 << 20,
    };
}

static size_t share(size_t bytes, uint32_t percent) {
    return bytes / 100 * percent;
}

// A scan is bounded by its budget alone: what a file knows of one key must not push out another's.
static uint32_t count(const EnrichOptions *o, uint32_t limit) {
    return o->file_knowledge ? UINT32_MAX : MAX_OF(limit, 1u);
}

int enricher_new(const EnrichOptions *options, Enricher **ret) {
    Enricher *e = mem_zalloc(sizeof *e);
    if (!e)
        return -STATUS_NO_MEMORY;
    e->options = *options;
    if (e->options.scan_bytes == 0)
        e->options.scan_bytes = SCAN_BYTES_DEFAULT;
    const EnrichOptions *o = &e->options;
    const EnrichLimits *l = &o->limits;
    bool ahead = o->file_knowledge;
    size_t bytes = ahead ? o->scan_bytes : l->memory_bytes;
    ProcessesOptions processes = {count(o, l->processes), count(o, l->threads),
                                  count(o, l->services), share(bytes, 10), ahead};
    FilesOptions files = {count(o, l->files), count(o, l->file_objects), MAX_OF(l->requests, 1u),
                          share(bytes, 40), ahead};
    KeysOptions keys = {count(o, l->keys), share(bytes, 15), ahead};
    ImagesOptions images = {count(o, l->image_processes), share(bytes, 10), ahead};
    StacksOptions stacks = {share(bytes, 20), ahead};
    int r = volumes_new(&e->volumes);
    if (r == 0)
        r = accounts_new(o->resolve_accounts, &e->accounts);
    if (r == 0)
        r = processes_new(&processes, e->volumes, e->accounts, &e->processes);
    if (r == 0)
        r = files_new(&files, e->volumes, &e->files);
    if (r == 0)
        r = keys_new(&keys, &e->keys);
    if (r == 0)
        r = objects_new(count(o, l->objects), share(bytes, 5), ahead, &e->objects);
    if (r == 0)
        r = images_new(&images, e->volumes, &e->images);
    if (r == 0)
        r = stacks_new(&stacks, e->images, &e->stacks);
    if (r < 0) {
        enricher_free(e);
        return r;
    }
    *ret = e;
    return 0;
}

Enricher *enricher_free(Enricher *e) {
    if (e) {
        stacks_free(e->stacks);
        images_free(e->images);
        objects_free(e->objects);
        keys_free(e->keys);
        files_free(e->files);
        processes_free(e->processes);
        accounts_free(e->accounts);
        volumes_free(e->volumes);
        buf_deinit(&e->path);
        buf_deinit(&e->scratch);
        mem_free(e);
    }
    return NULL;
}

// --- plans -------------------------------------------------------------------------------------

// How each of them is called by the providers that name other processes (WMI-Activity,
// Kernel-Audit-API-Calls).
static const struct {
    uint8_t role;
    const char *name;
} other_names[] = {
    {CHAIN_TARGET, "TargetProcessId"},
    {CHAIN_CLIENT, "ClientProcessId"},
    {CHAIN_CREATED, "CreatedProcessId"},
};

static uint64_t process_fields(uint32_t role) {
    switch (role) {
    case CHAIN_CREATOR:
        return ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_ID) |
               ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_NAME) |
               ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_PATH) |
               ENRICHED_BIT(ENRICHED_CREATOR_COMMAND_LINE);
    case CHAIN_TARGET:
        return ENRICHED_BIT(ENRICHED_TARGET_PROCESS_NAME) |
               ENRICHED_BIT(ENRICHED_TARGET_PROCESS_PATH) |
               ENRICHED_BIT(ENRICHED_TARGET_COMMAND_LINE);
    case CHAIN_CLIENT:
        return ENRICHED_BIT(ENRICHED_CLIENT_PROCESS_NAME) |
               ENRICHED_BIT(ENRICHED_CLIENT_PROCESS_PATH) |
               ENRICHED_BIT(ENRICHED_CLIENT_COMMAND_LINE);
    case CHAIN_CREATED:
        return ENRICHED_BIT(ENRICHED_CREATED_PROCESS_NAME) |
               ENRICHED_BIT(ENRICHED_CREATED_PROCESS_PATH) |
               ENRICHED_BIT(ENRICHED_CREATED_COMMAND_LINE);
    default:
        return ENRICHED_BIT(ENRICHED_PROCESS_NAME) | ENRICHED_BIT(ENRICHED_PROCESS_PATH) |
               ENRICHED_BIT(ENRICHED_COMMAND_LINE) | ENRICHED_BIT(ENRICHED_PARENT_PROCESS_ID) |
               ENRICHED_BIT(ENRICHED_PARENT_PROCESS_NAME) |
               ENRICHED_BIT(ENRICHED_PARENT_PROCESS_PATH) |
               ENRICHED_BIT(ENRICHED_PARENT_COMMAND_LINE) | ENRICHED_BIT(ENRICHED_CALL_CHAIN) |
               ENRICHED_BIT(ENRICHED_USER) | ENRICHED_BIT(ENRICHED_USER_SID) |
               ENRICHED_BIT(ENRICHED_SESSION_ID) | ENRICHED_BIT(ENRICHED_IS_ELEVATED) |
               ENRICHED_BIT(ENRICHED_IS_WOW64) | ENRICHED_BIT(ENRICHED_IS_PROTECTED) |
               ENRICHED_BIT(ENRICHED_SERVICE_NAME);
    }
}

EnrichPlan enrich_plan(const Schema *schema) {
    EnrichPlan plan = {
        .subject = subject_plan(schema),
        .file = files_plan(schema),
        .key = keys_plan(schema),
        .object = objects_plan(schema),
        .process = processes_plan(schema),
        .image = images_plan(schema),
        .stack = stacks_plan(schema),
        .volume = volumes_plan(schema),
        .fields = process_fields(CHAIN_PROCESS) | derived_fields(schema),
    };
    plan.creator = plan.subject.kind == SUBJECT_PROCESS || plan.subject.kind == SUBJECT_THREAD;
    if (plan.creator)
        plan.fields |= process_fields(CHAIN_CREATOR);
    for (uint32_t i = 0; i < CHAIN_N; i++)
        plan.other_pid[i] = (PayloadRef)PAYLOAD_REF_NONE;
    if (!(schema->event_flags & EVENT_CLASSIC)) {
        for (uint32_t i = 0; i < ARRAY_COUNT(other_names); i++) {
            uint8_t role = other_names[i].role;
            plan.other_field[role] = (int16_t)schema_field_index(schema, other_names[i].name);
            if (plan.other_field[role] < 0)
                continue;
            plan.other_pid[role] = payload_ref(schema, other_names[i].name);
            plan.others = true;
            plan.fields |= process_fields(role);
        }
    }
    if (plan.file.role != FILE_NOTHING)
        plan.fields |= ENRICHED_BIT(ENRICHED_FILE_NAME);
    if (plan.file.role == FILE_END)
        plan.fields |= ENRICHED_BIT(ENRICHED_OPERATION) | ENRICHED_BIT(ENRICHED_DURATION);
    if (plan.key.role != KEY_NOTHING)
        plan.fields |= ENRICHED_BIT(ENRICHED_REGISTRY_PATH);
    if (plan.object.role != OBJECT_NOTHING)
        plan.fields |= ENRICHED_BIT(ENRICHED_OBJECT_TYPE) | ENRICHED_BIT(ENRICHED_OBJECT_NAME);
    EventRecord probe = {
        .provider = schema->provider, .desc = schema->desc, .flags = schema->event_flags};
    plan.feeder = enrich_is_feeder(&probe);
    return plan;
}

// --- learning ----------------------------------------------------------------------------------

static void feed(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                 const Schema *schema, bool scanning) {
    if (plan->volume.role != VOLUME_NOTHING)
        volumes_observe(e->volumes, &plan->volume, record, schema);
    if (plan->process.role != PROCESS_NOTHING)
        processes_observe(e->processes, &plan->process, record, schema);
    if (plan->image.role != IMAGE_NOTHING)
        images_observe(e->images, &plan->image, record, schema);
    if (plan->file.role != FILE_NOTHING)
        files_observe(e->files, &plan->file, record, schema, scanning);
    if (plan->key.role != KEY_NOTHING)
        keys_observe(e->keys, &plan->key, record, schema);
    if (plan->object.role != OBJECT_NOTHING)
        objects_observe(e->objects, &plan->object, record, schema);
    if (plan->stack.role != STACK_NOTHING)
        stacks_observe(e->stacks, &plan->stack, record, schema);
    if (record->ext_bytes != 0 && stacks_has_linked_items(record))
        stacks_observe_items(e->stacks, record);
}

void enricher_learn(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                    const Schema *schema) {
    if (!e->options.file_knowledge || e->learnt)
        return;
    feed(e, plan, record, schema, true);
}

static bool evicted(const CacheStats *rows, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (rows[i].evicted != 0)
            return true;
    return false;
}

void enricher_learned(Enricher *e) {
    CacheStats rows[ENRICH_STATS_MAX] = {{0}};
    e->learnt = true;
    e->degraded =
        evicted(rows, enricher_stats(e, rows, ARRAY_COUNT(rows))) || stacks_degraded(e->stacks);
}

bool enricher_degraded(const Enricher *e) {
    return e->degraded;
}

bool enricher_is_file(const Enricher *e) {
    return e->options.file_knowledge;
}

void enricher_epoch(Enricher *e, bool again) {
    e->plan = NULL;
    if (e->options.file_knowledge && (again || !e->learnt))
        return; // what was scanned is true of every round
    volumes_clear(e->volumes);
    processes_clear(e->processes);
    files_clear(e->files);
    keys_clear(e->keys);
    objects_clear(e->objects);
    images_clear(e->images);
    stacks_clear(e->stacks);
    e->learnt = false;
}

void enricher_observe(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                      const Schema *schema) {
    if (!e->options.file_knowledge)
        feed(e, plan, record, schema, false);
    else if (plan->file.role != FILE_NOTHING) // requests are not learnt in advance
        files_observe(e->files, &plan->file, record, schema, false);
}

// --- looking up --------------------------------------------------------------------------------

void enricher_begin(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                    const Schema *schema) {
    e->plan = plan;
    e->record = record;
    e->schema = schema;
    e->done = 0;
    e->view.n_values = 0;
    e->view.stack = NULL;
    for (uint32_t i = 0; i < CHAIN_N; i++)
        e->view.chains[i].process = NULL, e->view.chains[i].n_ancestors = 0;
}

static bool todo(Enricher *e, uint32_t part) {
    if (e->done & part)
        return false;
    e->done |= part;
    return true;
}

const Subject *enricher_subject(Enricher *e) {
    if (todo(e, DONE_SUBJECT)) {
        Subject *s = &e->subject;
        subject_read(&e->plan->subject, e->record, s);
        if (s->pid == UINT32_MAX && s->tid != UINT32_MAX)
            s->pid = processes_of_thread(e->processes, s->tid, e->record->ordinal);
        if (s->pid == UINT32_MAX) // the nearest that is known
            s->pid = e->record->pid;
        e->view.pid = s->pid;
        e->view.tid = s->tid;
    }
    return &e->subject;
}

static const ProcessView *process_of(Enricher *e) {
    if (todo(e, DONE_PROCESS))
        e->view.chains[CHAIN_PROCESS].process =
            processes_find(e->processes, enricher_subject(e)->pid, e->record->ordinal);
    return e->view.chains[CHAIN_PROCESS].process;
}

static void need_ancestors(Enricher *e) {
    const ProcessView *process = process_of(e);
    if (todo(e, DONE_ANCESTORS) && process)
        processes_chain(e->processes, process, e->record->ordinal, &e->view.chains[CHAIN_PROCESS]);
}

static void chain_of_pid(Enricher *e, uint32_t role, uint32_t pid) {
    const ProcessView *process = processes_find(e->processes, pid, e->record->ordinal);
    if (process)
        processes_chain(e->processes, process, e->record->ordinal, &e->view.chains[role]);
}

static void need_creator(Enricher *e) {
    if (!e->plan->creator || !todo(e, DONE_CREATOR))
        return;
    uint32_t pid = enricher_subject(e)->creator_pid;
    if (pid != UINT32_MAX)
        chain_of_pid(e, CHAIN_CREATOR, pid);
}

static void need_others(Enricher *e) {
    if (!e->plan->others || !todo(e, DONE_OTHERS))
        return;
    for (uint32_t role = CHAIN_TARGET; role < CHAIN_N; role++) {
        uint64_t pid;
        if (e->plan->other_field[role] >= 0 &&
            (payload_ref_get(&e->plan->other_pid[role], e->record, &pid) ||
             fact_u64(e->record, e->schema, e->plan->other_field[role], &pid)) &&
            pid < UINT32_MAX)
            chain_of_pid(e, role, (uint32_t)pid);
    }
}

static EnrichedValue *add_value(Enricher *e, EnrichedField field, uint8_t provenance) {
    EnrichedValue *v = &e->view.values[e->view.n_values++];
    *v = (EnrichedValue){.field = (uint8_t)field, .provenance = provenance, .kind = ENRICHED_TEXT};
    return v;
}

static void add_text(Enricher *e, EnrichedField field, const Text *text, uint8_t provenance) {
    if (!text)
        return;
    EnrichedValue *v = add_value(e, field, provenance);
    v->serial = text->serial;
    v->text = text->s;
    v->bytes = text->bytes;
}

static void need_file(Enricher *e) {
    const FilePlan *plan = &e->plan->file;
    if (plan->role == FILE_NOTHING || plan->role == FILE_END || !todo(e, DONE_FILE))
        return;
    uint8_t provenance = PROVENANCE_NONE;
    const Text *name = files_name(e->files, plan, e->record, e->schema, &provenance);
    add_text(e, ENRICHED_FILE_NAME, name, provenance);
}

static void need_operation(Enricher *e) {
    FileOperation operation;
    if (e->plan->file.role != FILE_END || !todo(e, DONE_OPERATION | DONE_FILE) ||
        !files_operation(e->files, &e->plan->file, e->record, &operation))
        return;
    add_text(e, ENRICHED_FILE_NAME, operation.name, operation.provenance);
    EnrichedValue *v = add_value(e, ENRICHED_OPERATION, PROVENANCE_LIVE);
    v->text = operation.event_name;
    v->bytes = (uint32_t)strlen(operation.event_name);
    v->serial = SERIAL_OF_CONTENT | (map_hash_bytes(v->text, v->bytes) >> 1);
    v = add_value(e, ENRICHED_DURATION, PROVENANCE_LIVE);
    v->kind = ENRICHED_NUMBER;
    v->number = operation.duration > 0 ? (uint64_t)operation.duration : 0;
}

static void need_key(Enricher *e) {
    if (e->plan->key.role == KEY_NOTHING || !todo(e, DONE_KEY))
        return;
    const ProcessView *process = process_of(e);
    EventItem item;
    const uint8_t *sid = process ? process->sid : NULL;
    size_t sid_bytes = process ? process->sid_bytes : 0;
    if (event_item_find(e->record, EVENT_ITEM_SID, &item)) {
        sid = item.data;
        sid_bytes = item.bytes;
    }
    uint8_t provenance = PROVENANCE_NONE;
    buf_clear(&e->path);
    if (!keys_path(e->keys, &e->plan->key, e->record, e->schema, sid, sid_bytes, &e->path,
                   &provenance))
        return;
    EnrichedValue *v = add_value(e, ENRICHED_REGISTRY_PATH, provenance);
    v->text = buf_str(&e->path);
    v->bytes = (uint32_t)e->path.bytes;
    // The same key is used again and again: its path is shared by what it is.
    v->serial = SERIAL_OF_CONTENT | (map_hash_bytes(v->text, v->bytes) >> 1);
}

static void need_service(Enricher *e) {
    if (!todo(e, DONE_SERVICE))
        return;
    uint32_t tid = enricher_subject(e)->tid;
    uint8_t provenance = PROVENANCE_NONE;
    if (tid != UINT32_MAX)
        add_text(e, ENRICHED_SERVICE_NAME,
                 processes_service(e->processes, tid, e->record->ordinal, &provenance), provenance);
}

static void need_object(Enricher *e) {
    const ObjectPlan *plan = &e->plan->object;
    if (plan->role == OBJECT_NOTHING || !todo(e, DONE_OBJECT))
        return;
    uint8_t provenance = PROVENANCE_NONE;
    const Text *text = objects_type(e->objects, plan, e->record, &provenance);
    add_text(e, ENRICHED_OBJECT_TYPE, text, provenance);
    text = objects_name(e->objects, plan, e->record, e->schema, &provenance);
    add_text(e, ENRICHED_OBJECT_NAME, text, provenance);
}

bool enricher_resolve(void *user, const EventRecord *record, EnrichedField field, Value *ret) {
    Enricher *e = user;
    if (!(e->plan->fields & ENRICHED_BIT(field)))
        return false;
    switch (field) {
    case ENRICHED_FILE_NAME:
        need_file(e);
        need_operation(e);
        break;
    case ENRICHED_OPERATION:
    case ENRICHED_DURATION:
        need_operation(e);
        break;
    case ENRICHED_REGISTRY_PATH:
        need_key(e);
        break;
    case ENRICHED_SERVICE_NAME:
        need_service(e);
        break;
    case ENRICHED_OBJECT_TYPE:
    case ENRICHED_OBJECT_NAME:
        need_object(e);
        break;
    case ENRICHED_PARENT_PROCESS_NAME:
    case ENRICHED_PARENT_PROCESS_PATH:
    case ENRICHED_PARENT_COMMAND_LINE:
    case ENRICHED_CALL_CHAIN:
        need_ancestors(e);
        break;
    case ENRICHED_CREATOR_PROCESS_ID:
    case ENRICHED_CREATOR_PROCESS_NAME:
    case ENRICHED_CREATOR_PROCESS_PATH:
    case ENRICHED_CREATOR_COMMAND_LINE:
        need_creator(e);
        break;
    case ENRICHED_VALUE_NAME:
    case ENRICHED_DATA:
    case ENRICHED_LOCAL_ADDRESS:
    case ENRICHED_LOCAL_PORT:
    case ENRICHED_REMOTE_ADDRESS:
    case ENRICHED_REMOTE_PORT:
    case ENRICHED_DIRECTION:
        break; // of the payload itself
    default:
        if (e->plan->others)
            need_others(e);
        (void)process_of(e);
        break;
    }
    buf_clear(&e->scratch);
    return enriched_value(&e->view, record, e->schema, field, &e->scratch, ret);
}

const EnrichedView *enricher_view(Enricher *e, bool with_stack) {
    (void)enricher_subject(e);
    need_ancestors(e);
    need_creator(e);
    need_others(e);
    need_file(e);
    need_operation(e);
    need_key(e);
    need_service(e);
    need_object(e);
    if (with_stack && !e->plan->subject.no_stack && todo(e, DONE_STACK))
        e->view.stack = stacks_find(e->stacks, e->record, enricher_subject(e));
    else if (!with_stack && !(e->done & DONE_STACK))
        e->view.stack = NULL;
    return &e->view;
}

StackWait *enricher_expect(Enricher *e) {
    if (e->options.file_knowledge || e->plan->subject.no_stack)
        return NULL;
    return stacks_expect(e->stacks, e->record, enricher_subject(e));
}

Stacks *enricher_stacks(Enricher *e) {
    return e->stacks;
}

Volumes *enricher_volumes(Enricher *e) {
    return e->volumes;
}

Accounts *enricher_accounts(Enricher *e) {
    return e->accounts;
}

StackTotals enricher_stack_totals(const Enricher *e) {
    return stacks_totals(e->stacks);
}

uint32_t enricher_stats(const Enricher *e, CacheStats *ret, uint32_t room) {
    CacheStats rows[ENRICH_STATS_MAX];
    uint32_t n = processes_stats(e->processes, rows);
    n += files_stats(e->files, rows + n);
    n += keys_stats(e->keys, rows + n);
    n += objects_stats(e->objects, rows + n);
    n += images_stats(e->images, rows + n);
    n += stacks_stats(e->stacks, rows + n);
    n += accounts_stats(e->accounts, rows + n);
    n = MIN_OF(n, room);
    memcpy(ret, rows, n * sizeof *ret);
    return n;
}
