#include "fake_enrich.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "route/kernel.h"
#include "util/mem.h"

struct Enricher {
    const EventRecord *record;
    const EnrichPlan *plan;
    ProcessView process;
    EnrichedView view;
    Subject subject;
    char name[70000];
    FrameView frame;
    StackView stack;
    ModuleView module;
};

struct StackWait {
    uint32_t refs;
    uint32_t parts; // that have come
    bool complete;
    FrameView frames[2];
    StackView view;
};

Fake fake;

static const Guid kernel_process =
    GUID_INIT(0x22fb2cd6u, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16);

EnrichLimits enrich_limits_default(void) {
    return (EnrichLimits){.files = 1};
}

int enricher_new(const EnrichOptions *options, Enricher **ret) {
    memset(&fake, 0, sizeof fake);
    fake.file_mode = options->file_knowledge;
    *ret = mem_zalloc(sizeof **ret);
    return *ret ? 0 : -(int)STATUS_NO_MEMORY;
}

Enricher *fake_new(bool file_mode) {
    EnrichOptions options = {.file_knowledge = file_mode};
    Enricher *e;
    cr_assert_eq(enricher_new(&options, &e), 0);
    return e;
}

Enricher *enricher_free(Enricher *e) {
    mem_free(e);
    return NULL;
}

static bool feeds(const Guid *provider) {
    uint8_t group = 0;
    return guid_equal(provider, &kernel_process) ||
           (kernel_is_class(provider, &group) && (group == 0x03 || group == 0x18));
}

bool stacks_has_linked_items(const EventRecord *record) {
    EventItem item;
    return event_item_find(record, EVENT_ITEM_STACK_KEY64, &item);
}

bool enrich_is_feeder(const EventRecord *record) {
    return feeds(&record->provider);
}

uint64_t enrich_process_fields(void) {
    return 0;
}

EnrichPlan enrich_plan(const Schema *schema) {
    EnrichPlan plan;
    uint8_t group = 0;
    memset(&plan, 0, sizeof plan);
    fake.planned++;
    plan.feeder = feeds(&schema->provider);
    plan.subject.no_stack = kernel_is_class(&schema->provider, &group) && group == 0x18;
    if (group == 0x0f) // PerfInfo: only the thread
        plan.subject.kind = SUBJECT_TID;
    return plan;
}

void enricher_learn(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                    const Schema *schema) {
    (void)e, (void)plan, (void)record, (void)schema;
    fake.learnt++;
}

void enricher_learned(Enricher *e) {
    (void)e;
    fake.learnt_all++;
}

bool enricher_degraded(const Enricher *e) {
    (void)e;
    return false;
}

void enricher_epoch(Enricher *e, bool again) {
    (void)e;
    fake.epochs++;
    fake.epochs_again += again;
}

void enricher_observe(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                      const Schema *schema) {
    (void)e, (void)schema;
    cr_assert(enrich_learns_from(plan, record));
    fake.observed++;
    fake.observed_ordinal = record->ordinal;
}

void enricher_begin(Enricher *e, const EnrichPlan *plan, const EventRecord *record,
                    const Schema *schema) {
    (void)schema;
    fake.begun++;
    fake.observed_first = fake.observed_ordinal == record->ordinal;
    e->record = record;
    e->plan = plan;
    if (fake.name_bytes != 0) {
        memset(e->name, 'n', fake.name_bytes);
        e->name[fake.name_bytes] = 0;
    } else {
        snprintf(e->name, sizeof e->name, "p%u", (unsigned)record->pid);
    }
    e->process = (ProcessView){.serial = 1 + record->pid,
                               .pid = record->pid,
                               .name = e->name,
                               .path = "",
                               .command_line = "",
                               .user = ""};
    memset(&e->view, 0, sizeof e->view);
    e->view.pid = record->pid;
    e->view.tid = record->tid;
    e->view.chains[CHAIN_PROCESS].process = &e->process;
    e->subject = (Subject){7777, record->tid, record->tid, UINT32_MAX};
}

const Subject *enricher_subject(Enricher *e) {
    return &e->subject;
}

bool enricher_resolve(void *user, const EventRecord *record, EnrichedField field, Value *ret) {
    Enricher *e = user;
    cr_assert_eq(e->record, record, "begun for this event");
    fake.resolved++;
    if (field != ENRICHED_PROCESS_NAME)
        return false;
    memset(ret, 0, sizeof *ret);
    ret->kind = VALUE_UTF8;
    ret->data = (const uint8_t *)e->name;
    ret->bytes = (uint32_t)strlen(e->name);
    return true;
}

static void make_stack(StackView *view, FrameView *frames, uint32_t n, uint64_t serial) {
    for (uint32_t i = 0; i < n; i++)
        frames[i] = (FrameView){.address = 0x1000 + i, .offset = 0x1000 + i};
    *view = (StackView){.serial = serial, .n = n, .frames = frames};
}

const EnrichedView *enricher_view(Enricher *e, bool with_stack) {
    fake.views++;
    if (with_stack && fake.file_mode) {
        make_stack(&e->stack, &e->frame, 1, 900000 + e->record->ordinal);
        e->view.stack = &e->stack; // stays there until the next begin
    }
    return &e->view;
}

StackWait *enricher_expect(Enricher *e) {
    (void)e;
    fake.expected++;
    if (fake.file_mode || fake.no_memory)
        return NULL;
    cr_assert_lt(fake.n_waits, FAKE_WAITS);
    StackWait *wait = mem_zalloc(sizeof *wait);
    if (!wait)
        return NULL;
    wait->refs = 1;
    fake.waits_alive++;
    fake.waits[fake.n_waits++] = wait;
    return wait;
}

void fake_stack(uint32_t nth, bool complete) {
    StackWait *wait = fake.waits[nth];
    wait->parts++;
    wait->complete = complete;
}

StackWait *stack_wait_ref(StackWait *wait) {
    wait->refs++;
    return wait;
}

StackWait *stack_wait_unref(StackWait *wait) {
    if (--wait->refs == 0) {
        fake.waits_alive--;
        mem_free(wait);
    }
    return NULL;
}

bool stack_wait_complete(const StackWait *wait) {
    return wait->complete;
}

const StackView *stack_wait_view(Stacks *stacks, StackWait *wait) {
    (void)stacks;
    if (wait->parts == 0)
        return NULL;
    make_stack(&wait->view, wait->frames, MIN_OF(wait->parts, 2), 0);
    return &wait->view;
}

Stacks *enricher_stacks(Enricher *e) {
    return (Stacks *)(void *)e; // only handed through
}

Volumes *enricher_volumes(Enricher *e) {
    (void)e;
    return NULL;
}

uint32_t enricher_stats(const Enricher *e, CacheStats *ret, uint32_t room) {
    (void)e, (void)ret, (void)room;
    return 0;
}

StackTotals enricher_stack_totals(const Enricher *e) {
    (void)e;
    return (StackTotals){0};
}
