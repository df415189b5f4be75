// See processes.h. Instances stand in a history by pid (instance.h); threads.h and services.h have
// theirs. Answers are kept in `memo` until something changes: most look-ups are for a process that
// has just been looked up. What a look-up replaces (a path, a user that has become known) waits in
// `retired` for the next event, as views of it may be in use.
#include "enrich/processes.h"

#include "enrich/process_read.h"
#include "enrich/services.h"
#include "enrich/threads.h"
#include "util/mem.h"

#define MEMO_SLOTS    256u
#define SYSTEM_PID    4u
#define MAX_DEFUNCT   256u
#define MAX_PENDING   1024u
#define UNKNOWN_START (UINT64_C(1) << 63) // serials of views with a pid alone

typedef struct ProcessMemo {
    uint64_t change;      // Processes.changes when it was made; 0: never
    HistoryAnswer answer; // not its value
    uint32_t pid;
    bool has_chain; // what follows `view`
    uint8_t n_ancestors;
    const ProcessView *view; // NULL: nothing is known
    uint64_t chain_serial;
    const ProcessView *ancestors[ENRICHED_MAX_ANCESTORS];
} ProcessMemo;

typedef struct ThreadMemo {
    uint64_t change;
    HistoryAnswer answer;
    uint32_t tid;
    Thread thread;           // pid UINT32_MAX: unknown
    uint64_t service_change; // Processes.service_changes when its tag was asked for; 0: never
    HistoryAnswer service;
} ThreadMemo;

struct Processes {
    History *instances;
    History *defunct; // pid -> instance, at the one event that names it
    History *pending; // pid -> path of an image that was told before its process
    History *threads, *services;
    Volumes *volumes;
    Accounts *accounts;
    uint32_t volumes_generation, accounts_generation;
    uint64_t changes, thread_changes, service_changes; // from 1
    uint64_t last_at;
    Instance *retired;
    ProcessMemo memo[MEMO_SLOTS];
    ThreadMemo thread_memo[MEMO_SLOTS];
    ProcessView idle, system; // when no event tells of them
    ProcessView unknown[PROCESSES_UNKNOWN];
    uint32_t next_unknown;
};

// A share of the memory, but never "no limit of its own" for a small one.
static size_t share(size_t bytes, size_t part, size_t of) {
    return bytes == 0 ? 0 : MAX_OF(bytes / of * part, 1u);
}

static void pending_unref(void *value) {
    text_unref(value);
}

static size_t pending_charge(const void *value) {
    return text_charge(value);
}

static ProcessView built_in(uint32_t pid, const char *name) {
    return (ProcessView){.serial = UNKNOWN_START | pid,
                         .pid = pid,
                         .parent_pid = UINT32_MAX,
                         .session = UINT32_MAX,
                         .provenance = name[0] ? PROVENANCE_RUNDOWN : PROVENANCE_NONE,
                         .name = name,
                         .path = "",
                         .command_line = "",
                         .user = ""};
}

int processes_new(const ProcessesOptions *options, Volumes *volumes, Accounts *accounts,
                  Processes **ret) {
    size_t bytes = options->max_bytes;
    HistoryOptions instances = {.name = "Processes",
                                .max_entries = options->max_processes,
                                .max_bytes = share(bytes, 5, 8),
                                .lingers = true,
                                .looks_ahead = options->looks_ahead,
                                .unref = instance_unref,
                                .charge = instance_charge};
    HistoryOptions defunct = {.name = "Defunct",
                              .max_entries = MAX_DEFUNCT,
                              .max_bytes = share(bytes, 1, 32),
                              .unref = instance_unref,
                              .charge = instance_charge,
                              .looks_ahead = options->looks_ahead};
    HistoryOptions pending = {.name = "Pending",
                              .max_entries = MAX_PENDING,
                              .max_bytes = share(bytes, 1, 32),
                              .unref = pending_unref,
                              .charge = pending_charge};
    Processes *p = mem_zalloc(sizeof *p);
    if (!p)
        return -STATUS_NO_MEMORY;
    p->volumes = volumes;
    p->accounts = accounts;
    p->changes = p->thread_changes = p->service_changes = 1;
    p->last_at = UINT64_MAX;
    p->idle = built_in(0, "Idle");
    p->system = built_in(SYSTEM_PID, "System");
    int r = history_new(&instances, &p->instances);
    if (r == 0)
        r = history_new(&defunct, &p->defunct);
    if (r == 0)
        r = history_new(&pending, &p->pending);
    if (r == 0)
        r = threads_new(options->max_threads, share(bytes, 1, 4), options->looks_ahead,
                        &p->threads);
    if (r == 0)
        r = services_new(options->max_services, share(bytes, 1, 16), options->looks_ahead,
                         &p->services);
    if (r < 0) {
        processes_free(p);
        return r;
    }
    *ret = p;
    return 0;
}

static void drop_retired(Processes *p) {
    while (p->retired) {
        Instance *instance = p->retired;
        p->retired = instance->next;
        instance_unref(instance);
    }
}

void processes_clear(Processes *p) {
    drop_retired(p);
    history_clear(p->instances);
    history_clear(p->defunct);
    history_clear(p->pending);
    history_clear(p->threads);
    history_clear(p->services);
    p->changes++;
    p->thread_changes++;
    p->service_changes++;
    p->last_at = UINT64_MAX;
}

Processes *processes_free(Processes *p) {
    if (!p)
        return NULL;
    drop_retired(p);
    history_free(p->services);
    history_free(p->threads);
    history_free(p->pending);
    history_free(p->defunct);
    history_free(p->instances);
    mem_free(p);
    return NULL;
}

// --- learning ----------------------------------------------------------------------------------

// Makes an instance of facts: what can be concluded from them, path and user as they are shown.
static Instance *build(Processes *p, const Facts *from) {
    Facts facts = *from;
    Buf command_path = BUF_INIT;
    Text *raw = NULL, *mapped = NULL;
    Instance *instance = NULL;
    if (facts.path_rank == PATH_NONE && facts.command_line[0] && facts.name[0] &&
        facts_command_path(facts.command_line, facts.name, &command_path)) {
        facts.raw_path = buf_str(&command_path);
        facts.path_rank = PATH_COMMAND_LINE;
    }
    if (facts.raw_path[0]) {
        // The kernel's own name may be cut; the path's is not.
        const char *base = facts_base_name(facts.raw_path);
        if (!facts.name[0] ||
            (strlen(base) > strlen(facts.name) && facts_name_fits(facts.name, base)))
            facts.name = base;
        raw = text_new(facts.raw_path, strlen(facts.raw_path));
        mapped = raw && p->volumes ? volumes_map(p->volumes, raw) : NULL;
        facts.path = mapped ? mapped->s : facts.raw_path;
    }
    facts.user = p->accounts && facts.sid_bytes
                     ? accounts_name(p->accounts, facts.sid, facts.sid_bytes)
                     : "";
    if (!command_path.failed)
        instance = instance_new(&facts);
    if (instance) {
        instance->volumes_generation = p->volumes_generation;
        instance->accounts_generation = p->accounts_generation;
    }
    text_unref(mapped);
    text_unref(raw);
    buf_deinit(&command_path);
    return instance;
}

// The generations that `build` notes: those from before it asks, so that nothing is missed.
static bool generations_moved(Processes *p) {
    uint32_t volumes = p->volumes ? volumes_generation(p->volumes) : 0;
    uint32_t accounts = p->accounts ? accounts_generation(p->accounts) : 0;
    if (volumes == p->volumes_generation && accounts == p->accounts_generation)
        return false;
    p->volumes_generation = volumes;
    p->accounts_generation = accounts;
    return true;
}

static HistoryKey key_of(uint32_t pid) {
    return (HistoryKey){pid, 0};
}

static bool is_open(Processes *p, uint32_t pid) {
    return history_current(p->instances, key_of(pid), NULL) != NULL;
}

// Adds to an instance; false when it is not the one that `more` is about.
static bool add_to(Processes *p, Instance *known, const Facts *more) {
    if (!known || !facts_agree(&known->facts, more))
        return false;
    // A second start without an end in between: only a key says that it is no other process.
    uint8_t starts = more->told & (TOLD_START | TOLD_MANIFEST_START);
    bool has_key = (more->key != 0 && known->facts.key != 0) ||
                   (more->sequence != 0 && known->facts.sequence != 0);
    if ((known->facts.told & starts) && !has_key)
        return false;
    Facts facts = known->facts;
    if (!facts_merge(&facts, more)) {
        known->facts.told |= more->told;
        return true;
    }
    Instance *instance = build(p, &facts);
    if (instance)
        (void)history_replace(p->instances, key_of(more->pid), UINT64_MAX, instance);
    return true;
}

static bool add_to_open(Processes *p, const Facts *more) {
    return add_to(p, history_current(p->instances, key_of(more->pid), NULL), more);
}

// Also to one that has ended: a second provider tells of the same end, a rundown finds the object
// that is still held.
static bool add_to_last(Processes *p, const Facts *more) {
    return add_to(p, history_peek(p->instances, key_of(more->pid), UINT64_MAX, NULL, NULL), more);
}

static Instance *build_new(Processes *p, Facts *facts, uint8_t provenance) {
    facts->provenance = provenance;
    Text *image = history_current(p->pending, key_of(facts->pid), NULL);
    if (image && facts->path_rank < PATH_IMAGE &&
        facts_name_fits(facts->name, facts_base_name(image->s))) {
        facts->raw_path = image->s;
        facts->path_rank = PATH_IMAGE;
    }
    Instance *instance = build(p, facts);
    history_forget(p->pending, key_of(facts->pid));
    return instance;
}

static void process_start(Processes *p, Facts *facts, bool manifest, uint64_t at) {
    facts->told = manifest ? TOLD_MANIFEST_START : TOLD_START;
    if (add_to_open(p, facts))
        return;
    Instance *instance = build_new(p, facts, PROVENANCE_LIVE);
    if (instance)
        (void)history_open(p->instances, key_of(facts->pid), at, instance, PROVENANCE_LIVE);
}

static void process_stop(Processes *p, Facts *facts, uint64_t at) {
    HistoryKey key = key_of(facts->pid);
    bool open = is_open(p, facts->pid);
    facts->told = TOLD_END;
    if (add_to_last(p, facts)) {
        (void)(open && history_close(p->instances, key, at, NULL, PROVENANCE_LIVE));
        return;
    }
    Instance *instance = build_new(p, facts, open ? PROVENANCE_GUESS : PROVENANCE_LIVE);
    (void)history_close(p->instances, key, at, instance, PROVENANCE_LIVE);
}

static void process_state(Processes *p, Facts *facts, uint64_t at) {
    bool open = is_open(p, facts->pid);
    facts->told = TOLD_STATE;
    if (add_to_last(p, facts))
        return;
    Instance *instance = build_new(p, facts, open ? PROVENANCE_GUESS : PROVENANCE_RUNDOWN);
    if (instance)
        (void)history_state(p->instances, key_of(facts->pid), at, instance, PROVENANCE_RUNDOWN);
}

// The process object goes, long after the process: the pid may be another's already.
static void process_defunct(Processes *p, Facts *facts, uint64_t at) {
    HistoryKey key = key_of(facts->pid);
    if (add_to_last(p, facts))
        return;
    Instance *instance = build_new(p, facts, PROVENANCE_LIVE);
    if (!instance)
        return;
    if (!is_open(p, facts->pid)) { // it ended before the trace, or its end is lost
        (void)history_close(p->instances, key, at, instance, PROVENANCE_LIVE);
        return;
    }
    if (history_open(p->defunct, key, at, instance, PROVENANCE_LIVE) == 0)
        (void)history_close(p->defunct, key, at, NULL, PROVENANCE_LIVE);
}

static void observe_image(Processes *p, const ProcessPlan *plan, const EventRecord *record,
                          const Schema *schema) {
    uint32_t pid = process_id(&plan->pid, record);
    HistoryKey key = key_of(pid);
    if (pid == 0 || pid == UINT32_MAX)
        return; // drivers
    const Instance *open = history_current(p->instances, key, NULL);
    if (open ? open->facts.path_rank == PATH_IMAGE : history_has(p->pending, key))
        return;
    ProcessTexts texts = {NULL, NULL};
    Facts facts;
    if (process_image(plan, record, schema, &texts, &facts)) {
        size_t n = strlen(facts.name);
        if (open && facts_name_fits(open->facts.name, facts.name)) {
            facts.name = ""; // what it is called is the kernel's affair
            (void)add_to_open(p, &facts);
            p->changes++;
        } else if (!open && n > 4 && (facts.name[n - 4] == '.') &&
                   (facts.name[n - 3] | 32) == 'e') {
            (void)history_open(p->pending, key, record->ordinal, text_ref(texts.name),
                               PROVENANCE_RUNDOWN);
        }
    }
    process_texts_drop(&texts);
}

static void observe_process(Processes *p, const ProcessPlan *plan, const EventRecord *record,
                            const Schema *schema) {
    ProcessTexts texts = {NULL, NULL};
    Facts facts;
    process_facts(plan, record, schema, &texts, &facts);
    uint64_t at = record->ordinal;
    p->changes++;
    if (facts.pid != UINT32_MAX) {
        switch (plan->role) {
        case PROCESS_START:
            process_start(p, &facts, plan->manifest, at);
            break;
        case PROCESS_STOP:
            process_stop(p, &facts, at);
            break;
        case PROCESS_STATE:
            process_state(p, &facts, at);
            break;
        default:
            process_defunct(p, &facts, at);
        }
    }
    process_texts_drop(&texts);
}

static void observe_thread(Processes *p, const ProcessPlan *plan, const EventRecord *record) {
    uint32_t tid = process_id(&plan->tid, record);
    Thread thread = {process_id(&plan->pid, record), process_id(&plan->tag, record)};
    if (thread.tag == UINT32_MAX)
        thread.tag = 0;
    if (tid == 0 || tid == UINT32_MAX || thread.pid == UINT32_MAX)
        return; // the idle threads are all called 0
    p->thread_changes++;
    if (plan->role == THREAD_START)
        threads_start(p->threads, tid, record->ordinal, thread);
    else if (plan->role == THREAD_STOP)
        threads_stop(p->threads, tid, record->ordinal, thread);
    else
        threads_state(p->threads, tid, record->ordinal, thread);
}

static void observe_service(Processes *p, const ProcessPlan *plan, const EventRecord *record,
                            const Schema *schema) {
    uint32_t pid = process_id(&plan->pid, record), tag = process_id(&plan->tag, record);
    Text *name = fact_text(record, schema, plan->name);
    if (!name)
        return;
    p->service_changes++;
    if (p->accounts)
        accounts_service(p->accounts, name->s);
    if (tag != 0 && tag != UINT32_MAX)
        services_state(p->services, tag, record->ordinal, pid == UINT32_MAX ? 0 : pid, name);
    else
        text_unref(name);
}

void processes_observe(Processes *p, const ProcessPlan *plan, const EventRecord *record,
                       const Schema *schema) {
    drop_retired(p);
    switch (plan->role) {
    case PROCESS_NOTHING:
        break;
    case THREAD_START:
    case THREAD_STOP:
    case THREAD_STATE:
        observe_thread(p, plan, record);
        break;
    case SERVICE_STATE:
        observe_service(p, plan, record, schema);
        break;
    case PROCESS_IMAGE:
        p->changes += generations_moved(p);
        observe_image(p, plan, record, schema);
        break;
    default:
        p->changes += generations_moved(p);
        observe_process(p, plan, record, schema);
    }
}

// --- looking up --------------------------------------------------------------------------------

// Path and user as they are known by now: another instance when they have changed.
static Instance *refresh(Processes *p, History *history, uint64_t at, Instance *instance) {
    bool remap = instance->has_path && instance->volumes_generation != p->volumes_generation;
    bool rename = instance->lacks_user && instance->accounts_generation != p->accounts_generation;
    if (!remap && !rename)
        return instance;
    Instance *fresh = build(p, &instance->facts);
    if (!fresh)
        return instance;
    if (strcmp(fresh->facts.path, instance->facts.path) == 0 &&
        strcmp(fresh->facts.user, instance->facts.user) == 0) {
        instance->volumes_generation = p->volumes_generation;
        instance->accounts_generation = p->accounts_generation;
        instance_unref(fresh);
        return instance;
    }
    instance->refs++;
    instance->next = p->retired;
    p->retired = instance;
    p->changes++;
    return history_replace(history, key_of(fresh->facts.pid), at, fresh) == 0 ? fresh : instance;
}

// Without the memo. NULL: nothing is known.
static Instance *find(Processes *p, uint32_t pid, uint64_t at, HistoryAnswer *ret) {
    HistoryKey key = key_of(pid);
    history_ask(p->instances, key, at, ret);
    Instance *instance = ret->value;
    if (history_has(p->defunct, key)) {
        uint8_t provenance = PROVENANCE_NONE;
        uint64_t from;
        Instance *gone = history_peek(p->defunct, key, at, &provenance, &from);
        ret->until = at; // the next event may be the one that names itself
        if (gone && provenance != PROVENANCE_GUESS) {
            ret->from = from;
            ret->provenance = provenance;
            return refresh(p, p->defunct, at, gone);
        }
    }
    return instance ? refresh(p, p->instances, at, instance) : NULL;
}

static const ProcessView *view_of(Instance *instance, uint8_t provenance) {
    if (!instance)
        return NULL;
    return provenance == PROVENANCE_GUESS ? instance_guess(instance) : &instance->view;
}

static inline bool holds(const HistoryAnswer *answer, uint64_t at) {
    return at >= answer->from && at <= answer->until;
}

static void fill_memo(Processes *p, ProcessMemo *memo, uint32_t pid, uint64_t at) {
    Instance *instance = find(p, pid, at, &memo->answer);
    memo->pid = pid;
    memo->change = p->changes;
    memo->view = view_of(instance, memo->answer.provenance);
    memo->answer.from = MIN_OF(memo->answer.from, at); // a guess begins behind the event
    memo->has_chain = false;
}

static inline ProcessMemo *memo_at(Processes *p, uint32_t pid) {
    return &p->memo[(pid >> 2) % MEMO_SLOTS];
}

static inline bool memo_holds(const Processes *p, const ProcessMemo *memo, uint32_t pid,
                              uint64_t at) {
    return memo->change == p->changes && memo->pid == pid && holds(&memo->answer, at);
}

static inline ProcessMemo *memo_of(Processes *p, uint32_t pid, uint64_t at) {
    ProcessMemo *memo = memo_at(p, pid);
    if (memo_holds(p, memo, pid, at))
        history_again(p->instances, &memo->answer);
    else
        fill_memo(p, memo, pid, at);
    return memo;
}

static inline void begin(Processes *p, uint64_t at) {
    if (at != p->last_at) {
        drop_retired(p);
        p->last_at = at;
    }
    p->changes += generations_moved(p);
}

static const ProcessView *built_in_view(const Processes *p, uint32_t pid) {
    return pid == 0 ? &p->idle : pid == SYSTEM_PID ? &p->system : NULL;
}

static const ProcessView *show_unknown(Processes *p, const ProcessMemo *memo) {
    const ProcessView *view = built_in_view(p, memo->pid);
    if (view)
        return view;
    ProcessView *unknown = &p->unknown[p->next_unknown++ % PROCESSES_UNKNOWN];
    *unknown = built_in(memo->pid, "");
    return unknown;
}

static inline const ProcessView *shown(Processes *p, const ProcessMemo *memo) {
    return memo->view ? memo->view : show_unknown(p, memo);
}

const ProcessView *processes_find(Processes *p, uint32_t pid, uint64_t at) {
    if (pid == UINT32_MAX)
        return NULL;
    begin(p, at);
    return shown(p, memo_of(p, pid, at));
}

// A pid and where its interval begins: an instance, even when another of the pid is in the chain
// too.
typedef struct Link {
    uint32_t pid;
    uint64_t from;
} Link;

static bool in_chain(const Link *links, uint32_t n, Link link) {
    for (uint32_t i = 0; i < n; i++)
        if (links[i].pid == link.pid && links[i].from == link.from)
            return true;
    return false;
}

// The parent of a process that began at `from`; NULL: not known. Its view may be a built-in one's.
static const ProcessView *parent_of(Processes *p, const ProcessView *child, uint64_t from,
                                    Instance **ret_parent, uint64_t *ret_from) {
    HistoryAnswer answer;
    *ret_parent = NULL;
    *ret_from = 0;
    if (child->parent_pid == UINT32_MAX)
        return NULL;
    *ret_parent = find(p, child->parent_pid, from, &answer);
    if (!*ret_parent)
        return built_in_view(p, child->parent_pid);
    *ret_from = answer.from;
    // A parent was there before its child; one that was not has only inherited the pid.
    const ProcessView *view = view_of(*ret_parent, answer.provenance);
    bool is_younger = *ret_from > from || (view->start_time != 0 && child->start_time != 0 &&
                                           view->start_time > child->start_time);
    return is_younger ? NULL : view;
}

// instance: the child's own, if its parent may be noted there; from: where it begins.
static void climb(Processes *p, Instance *instance, uint64_t from, ProcessChain *ret) {
    Link links[1 + ENRICHED_MAX_ANCESTORS] = {{ret->process->pid, from}};
    const ProcessView *child = ret->process;
    while (ret->n_ancestors < ENRICHED_MAX_ANCESTORS) {
        const ProcessView *view;
        Instance *parent;
        uint64_t parent_from;
        if (instance && instance->parent_change == p->changes) {
            parent = instance->parent;
            parent_from = instance->parent_from;
            view = &parent->view;
        } else {
            view = parent_of(p, child, from, &parent, &parent_from);
            if (instance && parent && view == &parent->view) {
                instance->parent = parent;
                instance->parent_from = parent_from;
                instance->parent_change = p->changes;
            }
        }
        Link link = {child->parent_pid, parent_from};
        if (!view || in_chain(links, ret->n_ancestors + 1, link))
            return;
        ret->ancestors[ret->n_ancestors++] = view;
        links[ret->n_ancestors] = link;
        child = view;
        instance = parent;
        from = parent_from;
    }
}

// Finds the chain of the memo's process, once for as long as its answer holds.
static void fill_chain(Processes *p, ProcessMemo *memo, const ProcessView *process, uint64_t at) {
    uint64_t from = at;
    ProcessChain chain = {.process = process};
    Instance *instance = history_peek(p->instances, key_of(memo->pid), at, NULL, &from);
    if (!instance || &instance->view != process || from > at) {
        from = instance && from <= at ? from : at;
        instance = NULL; // a guess, or what names itself
    }
    climb(p, instance, from, &chain);
    memo->has_chain = true;
    memo->n_ancestors = (uint8_t)chain.n_ancestors;
    memo->chain_serial = enriched_chain_serial(&chain);
    memcpy(memo->ancestors, chain.ancestors, chain.n_ancestors * sizeof *memo->ancestors);
}

void processes_chain(Processes *p, uint32_t pid, uint64_t at, ProcessChain *ret) {
    ret->process = NULL;
    ret->n_ancestors = 0;
    ret->serial = 0;
    if (pid == UINT32_MAX)
        return;
    begin(p, at);
    ProcessMemo *memo = memo_of(p, pid, at);
    ret->process = shown(p, memo);
    if (!memo->has_chain)
        fill_chain(p, memo, ret->process, at);
    ret->n_ancestors = memo->n_ancestors;
    ret->serial = memo->chain_serial;
    for (uint32_t i = 0; i < memo->n_ancestors; i++)
        ret->ancestors[i] = memo->ancestors[i];
}

static void fill_thread_memo(Processes *p, ThreadMemo *memo, uint32_t tid, uint64_t at) {
    memo->thread = (Thread){UINT32_MAX, 0};
    (void)threads_find(p->threads, tid, at, &memo->thread, &memo->answer);
    memo->answer.from = MIN_OF(memo->answer.from, at);
    memo->tid = tid;
    memo->change = p->thread_changes;
    memo->service_change = 0;
}

static inline ThreadMemo *thread_at(Processes *p, uint32_t tid) {
    return &p->thread_memo[(tid >> 2) % MEMO_SLOTS];
}

static inline bool thread_holds(const Processes *p, const ThreadMemo *memo, uint32_t tid,
                                uint64_t at) {
    return memo->change == p->thread_changes && memo->tid == tid && holds(&memo->answer, at);
}

static inline bool service_holds(const Processes *p, const ThreadMemo *memo, uint64_t at) {
    return memo->service_change == p->service_changes && holds(&memo->service, at);
}

static inline ThreadMemo *thread_of(Processes *p, uint32_t tid, uint64_t at) {
    ThreadMemo *memo = thread_at(p, tid);
    if (thread_holds(p, memo, tid, at))
        history_again(p->threads, &memo->answer);
    else
        fill_thread_memo(p, memo, tid, at);
    return memo;
}

uint32_t processes_of_thread(Processes *p, uint32_t tid, uint64_t at) {
    if (tid == 0 || tid == UINT32_MAX)
        return tid;
    return thread_of(p, tid, at)->thread.pid;
}

const Text *processes_service(Processes *p, uint32_t tid, uint64_t at, uint8_t *ret_provenance) {
    if (tid == 0 || tid == UINT32_MAX)
        return NULL;
    ThreadMemo *memo = thread_of(p, tid, at);
    if (memo->thread.tag == 0)
        return NULL;
    if (service_holds(p, memo, at)) {
        history_again(p->services, &memo->service);
    } else {
        services_ask(p->services, memo->thread.tag, at, &memo->service);
        memo->service.from = MIN_OF(memo->service.from, at);
        memo->service_change = p->service_changes;
    }
    uint8_t of_service = PROVENANCE_NONE;
    const Text *name = services_name(&memo->service, memo->thread.pid, &of_service);
    if (name) // the weaker of the two
        *ret_provenance = MAX_OF(memo->answer.provenance, of_service);
    return name;
}

bool processes_again(Processes *p, uint32_t pid, uint32_t tid, uint64_t at, bool with_service) {
    const ProcessMemo *memo = memo_at(p, pid);
    const ThreadMemo *thread = thread_at(p, tid);
    bool has_thread = with_service && tid != 0 && tid != UINT32_MAX;
    bool has_service = has_thread && thread->thread.tag != 0;
    p->changes += generations_moved(p);
    // A view of an unknown process does not last.
    if (p->retired || at < p->last_at || !memo->view || !memo_holds(p, memo, pid, at) ||
        !memo->has_chain || (has_thread && !thread_holds(p, thread, tid, at)) ||
        (has_service && !service_holds(p, thread, at)))
        return false;
    p->last_at = at;
    history_again(p->instances, &memo->answer);
    if (has_thread)
        history_again(p->threads, &thread->answer);
    if (has_service)
        history_again(p->services, &thread->service);
    return true;
}

uint32_t processes_stats(const Processes *p, CacheStats ret[3]) {
    ret[0] = history_stats(p->instances);
    ret[1] = history_stats(p->threads);
    ret[2] = history_stats(p->services);
    return 3;
}
