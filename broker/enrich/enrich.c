// See enrich.h. The caches are modules of their own (knowledge.h); this file hands each feeder
// event to those that learn from it, and puts together what they know of one event, each part once
// and only when asked for.
#include "enrich/enrich.h"

#include <stdatomic.h>

#include "enrich/mount_list.h"
#include "event/derived.h"
#include "util/map.h"
#include "util/mem.h"

#define SCAN_BYTES_DEFAULT ((size_t)512 << 20)
#define SESSIONS_MAX       64u // of one file; nothing is known of those behind

// What can be looked up for a type's events, and what has been for the event at hand.
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

// What is left of the event before: most events are about the same thread.
typedef struct Kept {
    bool chain; // the view's process with its ancestors are those of pid
    uint32_t pid, tid;
    bool service;                // the tid's was looked up
    EnrichedValue service_value; // field ENRICHED_NONE: none
} Kept;

struct Enricher {
    EnrichOptions options;
    Accounts *accounts;
    // File knowledge: one for each session of the file, made when it is met. Live: only the first.
    Knowledge *sessions[SESSIONS_MAX];
    Knowledge *nothing; // stays empty: of sessions beyond SESSIONS_MAX, or without memory
    Knowledge *now;     // of the event at hand
    uint16_t session;
    bool learnt;             // the scan is over
    bool degraded;           // it met its budget
    uint64_t evicted_before; // up to the latest epoch
    // this_system: the list in use, and one that another thread has left for the loop.
    MountList *mounts;
    _Atomic(MountList *) fresh_mounts;
    // The event at hand.
    const EnrichPlan *plan;
    const EventRecord *record;
    const Schema *schema;
    uint32_t done; // DONE_*
    Subject subject;
    EnrichedView view; // its process and ancestors are left from the event before, unless done
    Kept kept;
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

// --- sessions ----------------------------------------------------------------------------------

static size_t bytes_in_use(const Enricher *e) {
    size_t bytes = 0;
    for (uint32_t i = 0; i < SESSIONS_MAX; i++)
        if (e->sessions[i])
            bytes += knowledge_bytes(e->sessions[i]);
    return bytes;
}

static int make_session(Enricher *e, size_t bytes, Knowledge **ret) {
    return knowledge_new(&e->options.limits, bytes, e->options.file_knowledge, e->accounts, ret);
}

// What the sessions before it have left of the budget.
static Knowledge *session_of_file(Enricher *e, uint16_t session) {
    if (session >= SESSIONS_MAX)
        return e->nothing;
    Knowledge **k = &e->sessions[session];
    size_t used = bytes_in_use(e), all = e->options.scan_bytes;
    if (!*k && make_session(e, used < all ? all - used : 0, k) < 0)
        return e->nothing;
    return *k;
}

static void clear_all(Enricher *e) {
    for (uint32_t i = 1; i < SESSIONS_MAX; i++)
        e->sessions[i] = knowledge_free(e->sessions[i]);
    knowledge_clear(e->sessions[0]);
    e->evicted_before = knowledge_evicted(e->sessions[0]);
    e->now = e->sessions[0];
    e->session = 0;
    if (e->mounts)
        mount_list_apply(e->mounts, e->now->volumes);
}

// The session of an event becomes the one at hand.
static void turn_to(Enricher *e, const EventRecord *record) {
    if (record->session == e->session)
        return;
    if (e->options.file_knowledge)
        e->now = session_of_file(e, record->session);
    else
        clear_all(e);
    e->kept.chain = false;
    e->session = record->session;
}

// --- the mount table ---------------------------------------------------------------------------

int enricher_refresh_mounts(Enricher *e) {
    MountList *list;
    int r = e->options.this_system ? mount_list_new(&list) : 0;
    if (r == 0 && e->options.this_system)
        mount_list_free(atomic_exchange(&e->fresh_mounts, list));
    return r;
}

static void take_mounts(Enricher *e) {
    if (!atomic_load_explicit(&e->fresh_mounts, memory_order_relaxed))
        return;
    mount_list_free(e->mounts);
    e->mounts = atomic_exchange(&e->fresh_mounts, NULL);
    mount_list_apply(e->mounts, e->now->volumes);
}

// --- life --------------------------------------------------------------------------------------

int enricher_new(const EnrichOptions *options, Enricher **ret) {
    Enricher *e = mem_zalloc(sizeof *e);
    if (!e)
        return -STATUS_NO_MEMORY;
    e->options = *options;
    if (e->options.scan_bytes == 0)
        e->options.scan_bytes = SCAN_BYTES_DEFAULT;
    atomic_init(&e->fresh_mounts, NULL);
    bool ahead = options->file_knowledge;
    int r = accounts_new(options->resolve_accounts, &e->accounts);
    if (r == 0)
        r = make_session(e, ahead ? e->options.scan_bytes : options->limits.memory_bytes,
                         &e->sessions[0]);
    if (r == 0 && ahead)
        r = make_session(e, 0, &e->nothing);
    e->now = e->sessions[0];
    if (r == 0)
        r = enricher_refresh_mounts(e);
    if (r < 0) {
        enricher_free(e);
        return r;
    }
    take_mounts(e);
    *ret = e;
    return 0;
}

Enricher *enricher_free(Enricher *e) {
    if (e) {
        for (uint32_t i = 0; i < SESSIONS_MAX; i++)
            knowledge_free(e->sessions[i]);
        knowledge_free(e->nothing);
        accounts_free(e->accounts);
        mount_list_free(e->mounts);
        mount_list_free(atomic_load(&e->fresh_mounts));
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

uint64_t enrich_process_fields(void) {
    return process_fields(CHAIN_PROCESS);
}

static uint16_t parts_of(const EnrichPlan *plan) {
    uint32_t parts = DONE_SUBJECT | DONE_PROCESS | DONE_ANCESTORS | DONE_SERVICE;
    if (plan->creator)
        parts |= DONE_CREATOR;
    if (plan->others)
        parts |= DONE_OTHERS;
    if (plan->file.role == FILE_END)
        parts |= DONE_OPERATION;
    else if (plan->file.role != FILE_NOTHING)
        parts |= DONE_FILE;
    if (plan->key.role != KEY_NOTHING)
        parts |= DONE_KEY;
    if (plan->object.role != OBJECT_NOTHING)
        parts |= DONE_OBJECT;
    if (!plan->subject.no_stack)
        parts |= DONE_STACK;
    return (uint16_t)parts;
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
    plan.parts = parts_of(&plan);
    EventRecord probe = {
        .provider = schema->provider, .desc = schema->desc, .flags = schema->event_flags};
    plan.feeder = enrich_is_feeder(&probe);
    return plan;
}

// --- learning ----------------------------------------------------------------------------------

static void feed(Knowledge *k, const EnrichPlan *plan, const EventRecord *record,
                 const Schema *schema, bool scanning) {
    if (plan->volume.role != VOLUME_NOTHING)
        volumes_observe(k->volumes, &plan->volume, record, schema);
    if (plan->process.role != PROCESS_NOTHING)
        processes_observe(k->processes, &plan->process, record, schema);
    if (plan->image.role != IMAGE_NOTHING)
        images_observe(k->images, &plan->image, record, schema);
    if (plan->file.role != FILE_NOTHING)
        files_observe(k->files, &plan->file, record, schema, scanning);
    if (plan->key.role != KEY_NOTHING)
        keys_observe(k->keys, &plan->key, record, schema);
    if (plan->object.role != OBJECT_NOTHING)
        objects_observe(k->objects, &plan->object, record, schema);
    if (plan->stack.role != STACK_NOTHING)
        stacks_observe(k->stacks, &plan->stack, record, schema);
    if (record->ext_bytes != 0 && stacks_has_linked_items(record))
        stacks_observe_items(k->stacks, record);
}

void enricher_learn(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                    const Schema *schema) {
    if (!e->options.file_knowledge || e->learnt)
        return;
    turn_to(e, record);
    if (e->now == e->nothing)
        e->degraded = true;
    else
        feed(e->now, plan, record, schema, true);
}

void enricher_learned(Enricher *e) {
    uint64_t evicted = 0;
    e->learnt = true;
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (!e->sessions[i])
            continue;
        evicted += knowledge_evicted(e->sessions[i]);
        e->degraded |= stacks_degraded(e->sessions[i]->stacks);
    }
    e->degraded |= evicted != e->evicted_before;
}

bool enricher_degraded(const Enricher *e) {
    return e->degraded;
}

bool enricher_is_file(const Enricher *e) {
    return e->options.file_knowledge;
}

void enricher_epoch(Enricher *e, bool again) {
    e->plan = NULL;
    e->kept.chain = false;
    if (e->options.file_knowledge && (again || !e->learnt))
        return; // what was scanned is true of every round
    clear_all(e);
    e->learnt = e->degraded = false;
}

void enricher_observe(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                      const Schema *schema) {
    take_mounts(e);
    turn_to(e, record);
    if (!e->options.file_knowledge)
        feed(e->now, plan, record, schema, false);
    else if (plan->file.role != FILE_NOTHING) // requests are not learnt in advance
        files_observe(e->now->files, &plan->file, record, schema, false);
}

// --- looking up --------------------------------------------------------------------------------

void enricher_begin(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                    const Schema *schema) {
    take_mounts(e);
    turn_to(e, record);
    e->plan = plan;
    e->record = record;
    e->schema = schema;
    e->done = 0;
    e->view.n_values = 0;
    e->view.stack = NULL;
    for (uint32_t i = CHAIN_CREATOR; i < CHAIN_N; i++)
        e->view.chains[i].process = NULL, e->view.chains[i].n_ancestors = 0;
}

// Is this part to be looked up now? False when it has been, or when the type has none.
static inline bool todo(Enricher *e, uint32_t part) {
    if (!(e->plan->parts & ~e->done & part))
        return false;
    e->done |= part;
    return true;
}

// Is what is left of the event before true of this one as well?
static void take_kept(Enricher *e) {
    Kept *kept = &e->kept;
    if (!kept->chain || kept->pid != e->subject.pid || kept->tid != e->subject.tid ||
        !processes_again(e->now->processes, kept->pid, kept->tid, e->record->ordinal,
                         kept->service)) {
        kept->chain = false;
        return;
    }
    e->done |= DONE_PROCESS | DONE_ANCESTORS;
    if (!kept->service)
        return;
    e->done |= DONE_SERVICE;
    if (kept->service_value.field != ENRICHED_NONE)
        e->view.values[e->view.n_values++] = kept->service_value;
}

const Subject *enricher_subject(Enricher *e) {
    if (todo(e, DONE_SUBJECT)) {
        Subject *s = &e->subject;
        subject_read(&e->plan->subject, e->record, s);
        if (s->pid == UINT32_MAX && s->tid != UINT32_MAX)
            s->pid = processes_of_thread(e->now->processes, s->tid, e->record->ordinal);
        if (s->pid == UINT32_MAX && (s->tid == UINT32_MAX || s->tid == e->record->tid))
            s->pid = e->record->pid; // of another thread the header says nothing
        e->view.pid = s->pid;
        e->view.tid = s->tid;
        take_kept(e);
    }
    return &e->subject;
}

static const ProcessView *process_of(Enricher *e) {
    ProcessChain *chain = &e->view.chains[CHAIN_PROCESS];
    uint32_t pid = enricher_subject(e)->pid;
    if (todo(e, DONE_PROCESS)) {
        chain->process = processes_find(e->now->processes, pid, e->record->ordinal);
        chain->n_ancestors = 0;
        e->kept.chain = false;
    }
    return chain->process;
}

static void chain_of_pid(Enricher *e, uint32_t role, uint32_t pid) {
    processes_chain(e->now->processes, pid, e->record->ordinal, &e->view.chains[role]);
}

static void need_ancestors(Enricher *e) {
    const Subject *s = enricher_subject(e);
    if (!todo(e, DONE_ANCESTORS))
        return;
    chain_of_pid(e, CHAIN_PROCESS, s->pid);
    e->done |= DONE_PROCESS;
    e->kept.chain = true;
    e->kept.pid = s->pid;
    e->kept.tid = s->tid;
    e->kept.service = false;
}

static void need_creator(Enricher *e) {
    if (!todo(e, DONE_CREATOR))
        return;
    uint32_t pid = enricher_subject(e)->creator_pid;
    if (pid != UINT32_MAX)
        chain_of_pid(e, CHAIN_CREATOR, pid);
}

static void need_others(Enricher *e) {
    if (!todo(e, DONE_OTHERS))
        return;
    for (uint32_t role = CHAIN_TARGET; role < CHAIN_N; role++) {
        uint64_t pid;
        if (e->plan->other_field[role] >= 0 &&
            (payload_ref_get(&e->plan->other_pid[role], e->record, &pid) ||
             fact_u64(e->record, e->schema, e->plan->other_field[role], &pid)) &&
            pid != 0 && pid < UINT32_MAX) // 0 names none
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
    if (!todo(e, DONE_FILE))
        return;
    uint8_t provenance = PROVENANCE_NONE;
    const Text *name = files_name(e->now->files, plan, e->record, e->schema, &provenance);
    add_text(e, ENRICHED_FILE_NAME, name, provenance);
}

static void need_operation(Enricher *e) {
    FileOperation operation;
    if (!todo(e, DONE_OPERATION) ||
        !files_operation(e->now->files, &e->plan->file, e->record, &operation))
        return;
    add_text(e, ENRICHED_FILE_NAME, operation.name, operation.provenance);
    add_text(e, ENRICHED_OPERATION, operation.event_name, PROVENANCE_LIVE);
    EnrichedValue *v = add_value(e, ENRICHED_DURATION, PROVENANCE_LIVE);
    v->kind = ENRICHED_NUMBER;
    v->number = operation.duration > 0 ? (uint64_t)operation.duration : 0;
}

static void need_key(Enricher *e) {
    if (!todo(e, DONE_KEY))
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
    if (!keys_path(e->now->keys, &e->plan->key, e->record, e->schema, sid, sid_bytes, &e->path,
                   &provenance))
        return;
    EnrichedValue *v = add_value(e, ENRICHED_REGISTRY_PATH, provenance);
    v->text = buf_str(&e->path);
    v->bytes = (uint32_t)e->path.bytes;
    // The same key is used again and again: its path is shared by what it is.
    v->serial = SERIAL_OF_CONTENT | (map_hash_bytes(v->text, v->bytes) >> 1);
}

static void need_service(Enricher *e) {
    uint32_t tid = enricher_subject(e)->tid;
    if (!todo(e, DONE_SERVICE))
        return;
    uint32_t before = e->view.n_values;
    uint8_t provenance = PROVENANCE_NONE;
    const Text *name = tid == UINT32_MAX ? NULL
                                         : processes_service(e->now->processes, tid,
                                                             e->record->ordinal, &provenance);
    add_text(e, ENRICHED_SERVICE_NAME, name, provenance);
    e->kept.service = true;
    if (e->view.n_values != before)
        e->kept.service_value = e->view.values[before];
    else
        e->kept.service_value.field = ENRICHED_NONE;
}

static void need_object(Enricher *e) {
    const ObjectPlan *plan = &e->plan->object;
    if (!todo(e, DONE_OBJECT))
        return;
    uint8_t provenance = PROVENANCE_NONE;
    const Text *text = objects_type(e->now->objects, plan, e->record, &provenance);
    add_text(e, ENRICHED_OBJECT_TYPE, text, provenance);
    text = objects_name(e->now->objects, plan, e->record, e->schema, &provenance);
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
    need_service(e);
    if (e->plan->parts & ~e->done & ~(uint32_t)DONE_STACK) { // few types have more
        need_creator(e);
        need_others(e);
        need_file(e);
        need_operation(e);
        need_key(e);
        need_object(e);
    }
    if (with_stack && todo(e, DONE_STACK))
        e->view.stack = stacks_find(e->now->stacks, e->record, enricher_subject(e));
    else if (!with_stack && !(e->done & DONE_STACK))
        e->view.stack = NULL;
    return &e->view;
}

StackWait *enricher_expect(Enricher *e) {
    if (e->options.file_knowledge || e->plan->subject.no_stack)
        return NULL;
    return stacks_expect(e->now->stacks, e->record, enricher_subject(e));
}

Stacks *enricher_stacks(Enricher *e) {
    return e->sessions[0]->stacks;
}

Volumes *enricher_volumes(Enricher *e) {
    return e->now->volumes;
}

Accounts *enricher_accounts(Enricher *e) {
    return e->accounts;
}

StackTotals enricher_stack_totals(const Enricher *e) {
    StackTotals sum = stacks_totals(e->sessions[0]->stacks);
    for (uint32_t i = 1; i < SESSIONS_MAX; i++) {
        if (!e->sessions[i])
            continue;
        StackTotals t = stacks_totals(e->sessions[i]->stacks);
        sum.fragments += t.fragments;
        sum.attached += t.attached;
        sum.references += t.references;
        sum.resolved += t.resolved;
        sum.frames += t.frames;
        sum.in_modules += t.in_modules;
        sum.linked += t.linked;
        sum.linked_attached += t.linked_attached;
        sum.unexpected += t.unexpected;
    }
    return sum;
}

static void add_stats(CacheStats *sum, const CacheStats *row) {
    sum->entries += row->entries;
    sum->bytes += row->bytes;
    sum->retrievals += row->retrievals;
    sum->hits += row->hits;
    sum->misses += row->misses;
    sum->inserted += row->inserted;
    sum->evicted += row->evicted;
    sum->live += row->live;
    sum->rundown += row->rundown;
    sum->guess += row->guess;
}

_Static_assert(KNOWLEDGE_STATS + 1 <= ENRICH_STATS_MAX, "the rows and the accounts'");

uint32_t enricher_stats(const Enricher *e, CacheStats *ret, uint32_t room) {
    CacheStats rows[ENRICH_STATS_MAX], more[KNOWLEDGE_STATS];
    uint32_t n = knowledge_stats(e->sessions[0], rows);
    for (uint32_t i = 1; i < SESSIONS_MAX; i++) {
        uint32_t k = e->sessions[i] ? knowledge_stats(e->sessions[i], more) : 0;
        while (k-- > 0)
            add_stats(&rows[k], &more[k]);
    }
    n += accounts_stats(e->accounts, rows + n);
    for (uint32_t i = 0; i < n; i++)
        if (rows[i].limit == UINT32_MAX) // file knowledge is bounded by its bytes
            rows[i].limit = 0;
    n = MIN_OF(n, room);
    memcpy(ret, rows, n * sizeof *ret);
    return n;
}
