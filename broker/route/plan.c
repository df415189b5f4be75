#include "route/plan_union.h"
#include "util/map.h"
#include "util/mem.h"

struct Plan {
    PlanFacts facts;
    Map entries; // Guid -> PlanEntry
    Map members; // u64 -> PlanMember
    PlanKernel kernel;
    uint64_t stamp;
    PlanEntry **touched;
    uint32_t n_touched, touched_capacity;
};

int plan_new(const PlanFacts *facts, Plan **ret) {
    Plan *plan = mem_zalloc(sizeof *plan);
    if (!plan)
        return -(int)STATUS_NO_MEMORY;
    plan->facts = *facts;
    plan->entries = plan->members = (Map)MAP_INIT;
    *ret = plan;
    return 0;
}

static void free_list(PlanOne *list) { // by member
    while (list) {
        PlanOne *next = list->next_of_member;
        mem_free(list);
        list = next;
    }
}

Plan *plan_free(Plan *plan) {
    if (!plan)
        return NULL;
    MapEntry *e;
    for (uint32_t i = 0; map_next(&plan->members, &i, &e);) {
        PlanMember *member = e->value;
        free_list(member->asks);
        free_list(member->pending);
        mem_free(member);
    }
    for (uint32_t i = 0; map_next(&plan->entries, &i, &e);) {
        PlanEntry *entry = e->value;
        mem_free((char *)entry->provider.name);
        mem_free(entry);
    }
    map_deinit(&plan->members);
    map_deinit(&plan->entries);
    mem_free(plan->touched);
    mem_free(plan);
    return NULL;
}

void plan_deltas_deinit(PlanDeltas *deltas) {
    mem_free(deltas->items);
    memset(deltas, 0, sizeof *deltas);
}

void plan_deltas_clear(PlanDeltas *deltas) {
    deltas->n = 0;
    deltas->kernel_changed = deltas->incomplete = false;
    deltas->rundown = 0;
    memset(&deltas->old_kernel, 0, sizeof deltas->old_kernel);
    memset(&deltas->new_kernel, 0, sizeof deltas->new_kernel);
}

static PlanDelta *delta_of(PlanDeltas *deltas, const Guid *guid) {
    for (uint32_t i = 0; i < deltas->n; i++)
        if (guid_equal(&deltas->items[i].guid, guid))
            return &deltas->items[i];
    return NULL;
}

static void tell_kind(PlanDelta *d) {
    const PlanAsk *old = &d->old_ask, *now = &d->new_ask;
    d->widens = !plan_ask_covers(old, now);
    d->narrows = !plan_ask_covers(now, old);
    d->filters_only = old->enabled && now->enabled && old->any == now->any &&
                      old->all == now->all && old->level == now->level &&
                      old->properties == now->properties;
}

void plan_deltas_add(PlanDeltas *to, const PlanDeltas *next) {
    for (uint32_t i = 0; i < next->n; i++) {
        const PlanDelta *d = &next->items[i];
        PlanDelta *had = delta_of(to, &d->guid);
        if (had) {
            had->new_ask = d->new_ask;
            had->capture_state = had->capture_state || d->capture_state;
            tell_kind(had);
            if (plan_ask_equal(&had->old_ask, &had->new_ask) && !had->capture_state)
                *had = to->items[--to->n];
            continue;
        }
        if (to->n == to->capacity) {
            uint32_t capacity = to->capacity ? to->capacity * 2 : 8;
            PlanDelta *items = mem_resize(to->items, capacity * sizeof *items);
            if (!items) {
                to->incomplete = true;
                continue;
            }
            to->items = items;
            to->capacity = capacity;
        }
        to->items[to->n++] = *d;
    }
    to->incomplete = to->incomplete || next->incomplete;
    to->rundown |= next->rundown;
    if (next->kernel_changed) {
        if (!to->kernel_changed)
            to->old_kernel = next->old_kernel;
        to->new_kernel = next->new_kernel;
        to->kernel_changed = to->old_kernel.types != to->new_kernel.types ||
                             to->old_kernel.stack_types != to->new_kernel.stack_types;
    }
}

// --- entries ---

static PlanEntry *get_entry(const Plan *plan, const Guid *guid) {
    return map_get(&plan->entries, guid->b, sizeof guid->b);
}

static PlanEntry *make_entry(Plan *plan, const Guid *guid, const char *name) {
    PlanEntry *entry = get_entry(plan, guid);
    if (entry)
        return entry;
    entry = mem_zalloc(sizeof *entry);
    if (!entry)
        return NULL;
    entry->provider.guid = *guid;
    entry->provider.name = mem_strdup(name);
    if (!entry->provider.name || map_set(&plan->entries, guid->b, sizeof guid->b, entry) != 0) {
        mem_free((char *)entry->provider.name);
        mem_free(entry);
        return NULL;
    }
    return entry;
}

static void drop_entry_if_empty(Plan *plan, PlanEntry *entry) {
    if (entry->asks)
        return;
    Guid guid = entry->provider.guid;
    map_remove(&plan->entries, guid.b, sizeof guid.b);
    mem_free((char *)entry->provider.name);
    mem_free(entry);
}

// --- building a member's asks (before anything is changed) ---

// Nothing but a GUID, or a name whose hash is the GUID: its events may need the manifest event,
// which an id filter would swallow.
static bool may_be_eventsource(const WantProvider *provider) {
    Guid hash = guid_from_name(provider->name);
    return provider->hashed || *provider->name == 0 || guid_equal(&hash, &provider->guid);
}

static PlanOne *new_one(const Want *want, const WantProvider *provider, const Spec *spec) {
    size_t bytes =
        sizeof(PlanOne) + want->n_pids * sizeof(uint32_t) + want->n_ids * sizeof(uint16_t);
    PlanOne *one = mem_zalloc(bytes);
    if (!one)
        return NULL;
    one->level = want->level;
    one->any = provider->any;
    one->all = provider->any == 0 ? 0 : provider->all; // ETW does not use it then
    one->capture_state = spec->capture_state;
    one->ignore_keyword0 = want->ignore_keyword0;
    one->stack = spec_wants_provider_stack(spec, &provider->guid);
    one->may_be_eventsource = may_be_eventsource(provider);
    uint32_t *pids = (uint32_t *)(one + 1);
    uint16_t *ids = (uint16_t *)(pids + want->n_pids);
    if (want->n_pids != 0)
        memcpy(pids, want->pids, want->n_pids * sizeof *pids);
    if (want->n_ids != 0)
        memcpy(ids, want->ids, want->n_ids * sizeof *ids);
    one->pids = pids;
    one->n_pids = want->n_pids;
    one->ids = ids;
    one->n_ids = want->n_ids;
    return one;
}

// A provider that is a classic kernel class is switched on by kernel types, not by EnableTraceEx2.
static PlanKernelNeed kernel_need(const Spec *spec) {
    PlanKernelNeed need = {0, spec->stack_kernel};
    for (uint32_t i = 0; i < spec->n_wants; i++) {
        const Want *want = spec->wants[i];
        need.types |= want->kernel;
        for (uint32_t p = 0; p < want->n_providers; p++)
            need.types |= kernel_types_of_class(&want->providers[p].guid);
    }
    need.stack_types &= need.types;
    return need;
}

static bool reserve(Plan *plan, PlanDeltas *deltas, uint32_t more) {
    if (more > plan->touched_capacity) {
        PlanEntry **touched = mem_resize(plan->touched, more * sizeof *touched);
        if (!touched)
            return false;
        plan->touched = touched;
        plan->touched_capacity = more;
    }
    if (more > deltas->capacity) {
        PlanDelta *items = mem_resize(deltas->items, more * sizeof *items);
        if (!items)
            return false;
        deltas->items = items;
        deltas->capacity = more;
    }
    return true;
}

// For asks that go: their entries fit into `touched` since they came, only the caller's list may
// not grow.
static void reserve_or_tell(Plan *plan, PlanDeltas *deltas, uint32_t more) {
    if (!reserve(plan, deltas, more))
        deltas->incomplete = true;
}

static uint32_t list_length(const PlanOne *list) {
    uint32_t n = 0;
    for (; list; list = list->next_of_member)
        n++;
    return n;
}

static void drop_built(Plan *plan, PlanOne *list) {
    while (list) {
        PlanOne *next = list->next_of_member;
        PlanEntry *entry = list->entry;
        mem_free(list);
        // Several asks may share a new entry: it goes with the last one that looks.
        bool shared = false;
        for (const PlanOne *other = next; other; other = other->next_of_member)
            shared = shared || other->entry == entry;
        if (!shared)
            drop_entry_if_empty(plan, entry);
        list = next;
    }
}

// Makes the asks of a spec, with their entries, but links nothing.
static int build(Plan *plan, PlanMember *member, const Spec *spec, bool pending, PlanDeltas *deltas,
                 PlanOne **ret) {
    PlanOne *list = NULL;
    for (uint32_t i = 0; i < spec->n_wants; i++) {
        const Want *want = spec->wants[i];
        for (uint32_t p = 0; p < want->n_providers; p++) {
            const WantProvider *provider = &want->providers[p];
            if (kernel_is_class(&provider->guid, NULL))
                continue;
            PlanOne *one = new_one(want, provider, spec);
            PlanEntry *entry = one ? make_entry(plan, &provider->guid, provider->name) : NULL;
            if (!entry) {
                mem_free(one);
                drop_built(plan, list);
                return -(int)STATUS_NO_MEMORY;
            }
            one->member = member;
            one->entry = entry;
            one->pending = pending;
            one->next_of_member = list;
            list = one;
        }
    }
    if (!reserve(plan, deltas,
                 list_length(list) + list_length(member->asks) + list_length(member->pending))) {
        drop_built(plan, list);
        return -(int)STATUS_NO_MEMORY;
    }
    *ret = list;
    return 0;
}

// --- steps: touch, change, settle ---

static void touch(Plan *plan, PlanEntry *entry) {
    if (entry->touched)
        return;
    entry->touched = true;
    entry->before = entry->provider.ask;
    plan->touched[plan->n_touched++] = entry;
}

static void touch_list(Plan *plan, const PlanOne *list) {
    for (; list; list = list->next_of_member)
        touch(plan, list->entry);
}

static void link_list(PlanOne *list) {
    for (; list; list = list->next_of_member) {
        list->next_of_entry = list->entry->asks;
        list->entry->asks = list;
    }
}

static void unlink_list(PlanOne *list) {
    for (; list; list = list->next_of_member) {
        PlanOne **at = &list->entry->asks;
        while (*at != list)
            at = &(*at)->next_of_entry;
        *at = list->next_of_entry;
    }
}

// Counts of an entry; `beside`: watchers other than this member.
static void count(Plan *plan, PlanEntry *entry, const PlanMember *member, uint32_t *ret_beside) {
    PlanProvider *p = &entry->provider;
    uint64_t stamp = ++plan->stamp;
    p->n_watchers = p->n_wants = *ret_beside = 0;
    p->caches = p->capture_state = false;
    for (PlanOne *one = entry->asks; one; one = one->next_of_entry) {
        p->n_wants++;
        p->caches = p->caches || one->member->caches;
        p->capture_state = p->capture_state || one->capture_state;
        if (one->member->stamp == stamp)
            continue;
        one->member->stamp = stamp;
        if (one->member->caches)
            continue;
        p->n_watchers++;
        *ret_beside += one->member != member;
    }
}

// Has this member asks of the entry that want its state, current or pending ones?
static bool wants_state(const PlanOne *list, const PlanEntry *entry) {
    for (; list; list = list->next_of_member)
        if (list->entry == entry && list->capture_state)
            return true;
    return false;
}

static void add_delta(PlanDeltas *deltas, const PlanEntry *entry, const PlanAsk *new_ask,
                      uint32_t other_watchers, bool capture_state) {
    const PlanAsk *old = &entry->before;
    if ((plan_ask_equal(old, new_ask) && !capture_state) || deltas->n == deltas->capacity)
        return;
    PlanDelta *d = &deltas->items[deltas->n++];
    *d = (PlanDelta){
        .guid = entry->provider.guid,
        .old_ask = *old,
        .new_ask = *new_ask,
        .other_watchers = other_watchers,
        .capture_state = capture_state,
        .caches = entry->provider.caches,
    };
    tell_kind(d);
}

static void kernel_of_members(const Plan *plan, const PlanView *view, PlanKernel *ret) {
    PlanKernelNeed all = {0, 0};
    MapEntry *e;
    memset(ret, 0, sizeof *ret);
    for (uint32_t i = 0; map_next(&plan->members, &i, &e);) {
        const PlanMember *member = e->value;
        bool looked_past = view && (view->without == member || view->also == member);
        bool current = !looked_past || view->without_pending;
        bool pending = member->changing && (!looked_past || !view->without_pending);
        PlanKernelNeed need = {0, 0};
        if (current)
            need = member->kernel;
        if (pending) {
            need.types |= member->pending_kernel.types;
            need.stack_types |= member->pending_kernel.stack_types;
        }
        all.types |= need.types;
        all.stack_types |= need.stack_types;
        ret->n_watchers += need.types != 0 && !member->caches;
        ret->caches = ret->caches || (need.types != 0 && member->caches);
    }
    plan_kernel_union(&all, ret);
}

static KernelSet real_types(KernelSet set) {
    return set & (KERNEL_BIT(kernel_type_count()) - 1);
}

static void set_kernel(PlanDeltas *deltas, const PlanKernel *before, const PlanKernel *after) {
    if (before->types == after->types && before->stack_types == after->stack_types)
        return;
    deltas->kernel_changed = true;
    deltas->old_kernel = *before;
    deltas->new_kernel = *after;
    deltas->rundown = real_types(after->types) & ~real_types(before->types);
}

// Computes what was touched, tells the differences, forgets providers that nobody asks for.
static void settle(Plan *plan, const PlanMember *member, const PlanOne *fresh, const PlanOne *held,
                   PlanDeltas *deltas) {
    for (uint32_t i = 0; i < plan->n_touched; i++) {
        PlanEntry *entry = plan->touched[i];
        uint32_t beside;
        entry->touched = false;
        plan_union(&plan->facts, entry, NULL, &entry->provider.ask);
        count(plan, entry, member, &beside);
        add_delta(deltas, entry, &entry->provider.ask, beside,
                  wants_state(fresh, entry) && !wants_state(held, entry));
        drop_entry_if_empty(plan, entry);
    }
    plan->n_touched = 0;
    PlanKernel before = plan->kernel;
    kernel_of_members(plan, NULL, &plan->kernel);
    set_kernel(deltas, &before, &plan->kernel);
}

static PlanMember *get_member(const Plan *plan, uint64_t id) {
    return map_get(&plan->members, &id, sizeof id);
}

int plan_join(Plan *plan, uint64_t id, const Spec *spec, uint32_t options, PlanDeltas *deltas) {
    plan_deltas_clear(deltas);
    if (get_member(plan, id))
        return -(int)STATUS_CONFLICT;
    PlanMember *member = mem_zalloc(sizeof *member);
    if (!member)
        return -(int)STATUS_NO_MEMORY;
    member->id = id;
    member->caches = (options & PLAN_MEMBER_CACHES) != 0;
    member->kernel = kernel_need(spec);
    PlanOne *list = NULL;
    int r = map_set(&plan->members, &id, sizeof id, member);
    if (r == 0) {
        r = build(plan, member, spec, false, deltas, &list);
        if (r != 0)
            map_remove(&plan->members, &id, sizeof id);
    }
    if (r != 0) {
        mem_free(member);
        return r;
    }
    member->asks = list;
    touch_list(plan, list);
    link_list(list);
    settle(plan, member, list, NULL, deltas);
    return 0;
}

int plan_leave(Plan *plan, uint64_t id, PlanDeltas *deltas) {
    plan_deltas_clear(deltas);
    PlanMember *member = get_member(plan, id);
    if (!member)
        return -(int)STATUS_NOT_FOUND;
    reserve_or_tell(plan, deltas, list_length(member->asks) + list_length(member->pending));
    touch_list(plan, member->asks);
    touch_list(plan, member->pending);
    unlink_list(member->asks);
    unlink_list(member->pending);
    map_remove(&plan->members, &id, sizeof id);
    settle(plan, member, NULL, NULL, deltas);
    free_list(member->asks);
    free_list(member->pending);
    mem_free(member);
    return 0;
}

int plan_change_begin(Plan *plan, uint64_t id, const Spec *spec, PlanDeltas *deltas) {
    plan_deltas_clear(deltas);
    PlanMember *member = get_member(plan, id);
    if (!member)
        return -(int)STATUS_NOT_FOUND;
    if (member->changing)
        return -(int)STATUS_CONFLICT;
    PlanOne *list;
    int r = build(plan, member, spec, true, deltas, &list);
    if (r != 0)
        return r;
    member->changing = true;
    member->pending = list;
    member->pending_kernel = kernel_need(spec);
    touch_list(plan, list);
    link_list(list);
    settle(plan, member, list, member->asks, deltas);
    return 0;
}

// Ends a change: one of the two lists goes.
static int end_change(Plan *plan, uint64_t id, bool commit, PlanDeltas *deltas) {
    plan_deltas_clear(deltas);
    PlanMember *member = get_member(plan, id);
    if (!member)
        return -(int)STATUS_NOT_FOUND;
    if (!member->changing)
        return -(int)STATUS_CONFLICT;
    PlanOne *gone = commit ? member->asks : member->pending;
    reserve_or_tell(plan, deltas, list_length(gone));
    touch_list(plan, gone);
    unlink_list(gone);
    if (commit) {
        member->asks = member->pending;
        member->kernel = member->pending_kernel;
        for (PlanOne *one = member->asks; one; one = one->next_of_member)
            one->pending = false;
    }
    member->pending = NULL;
    member->pending_kernel = (PlanKernelNeed){0, 0};
    member->changing = false;
    settle(plan, member, NULL, NULL, deltas);
    free_list(gone);
    return 0;
}

int plan_change_commit(Plan *plan, uint64_t id, PlanDeltas *deltas) {
    return end_change(plan, id, true, deltas);
}

int plan_change_abort(Plan *plan, uint64_t id, PlanDeltas *deltas) {
    return end_change(plan, id, false, deltas);
}

// A member as it would be after a change: its new asks are linked, and taken out again.
typedef struct Guest {
    PlanMember made; // when it is not in the plan yet
    PlanMember *member;
    const Spec *spec; // NULL: it would have nothing
    PlanOne *list;
} Guest;

static int guest_enter(Plan *plan, uint64_t id, const Spec *spec, Guest *ret) {
    *ret = (Guest){.made = {.id = id, .caches = id == PLAN_CACHES}, .spec = spec};
    ret->member = get_member(plan, id);
    if (!ret->member)
        ret->member = &ret->made;
    return ret->member->changing ? -(int)STATUS_CONFLICT : 0;
}

static int preview(Plan *plan, uint64_t id, const Spec *spec, bool with_caches, const Spec *caches,
                   PlanDeltas *deltas) {
    plan_deltas_clear(deltas);
    Guest guests[2] = {{.list = NULL}};
    uint32_t n = with_caches ? 2 : 1, all = 0;
    int r = guest_enter(plan, id, spec, &guests[0]);
    if (r == 0 && with_caches)
        r = guest_enter(plan, PLAN_CACHES, caches, &guests[1]);
    for (uint32_t i = 0; i < n && r == 0; i++) {
        if (guests[i].spec)
            r = build(plan, guests[i].member, guests[i].spec, true, deltas, &guests[i].list);
        all += list_length(guests[i].list) + list_length(guests[i].member->asks);
        if (r == 0) // at once: a failure of the second must not take an entry of the first
            link_list(guests[i].list);
    }
    if (r == 0 && !reserve(plan, deltas, all))
        r = -(int)STATUS_NO_MEMORY;
    if (r == 0) {
        PlanView after = {guests[0].member, with_caches ? guests[1].member : NULL, false};
        for (uint32_t i = 0; i < n; i++) {
            touch_list(plan, guests[i].list);
            touch_list(plan, guests[i].member->asks);
        }
        for (uint32_t i = 0; i < plan->n_touched; i++) {
            PlanEntry *entry = plan->touched[i];
            PlanAsk ask;
            uint32_t beside;
            plan_union(&plan->facts, entry, &after, &ask);
            count(plan, entry, guests[0].member, &beside);
            add_delta(deltas, entry, &ask, beside,
                      wants_state(guests[0].list, entry) &&
                          !wants_state(guests[0].member->asks, entry));
        }
        PlanKernel kernel;
        PlanKernelNeed sum = {0, 0};
        kernel_of_members(plan, &after, &kernel);
        for (uint32_t i = 0; i < n; i++) {
            PlanKernelNeed need = {0, 0};
            if (guests[i].spec)
                need = kernel_need(guests[i].spec);
            kernel.n_watchers += need.types != 0 && !guests[i].member->caches;
            kernel.caches = kernel.caches || (need.types != 0 && guests[i].member->caches);
            sum.types |= need.types;
            sum.stack_types |= need.stack_types;
        }
        sum.types |= kernel.types;
        sum.stack_types |= kernel.stack_types;
        plan_kernel_union(&sum, &kernel);
        set_kernel(deltas, &plan->kernel, &kernel);
    }
    for (uint32_t i = 0; i < n; i++)
        unlink_list(guests[i].list);
    for (uint32_t i = 0; i < plan->n_touched; i++) { // as it was
        uint32_t beside;
        plan->touched[i]->touched = false;
        count(plan, plan->touched[i], NULL, &beside);
    }
    plan->n_touched = 0;
    PlanOne **end = &guests[0].list; // as one list: they may share a new entry
    while (*end)
        end = &(*end)->next_of_member;
    *end = guests[1].list;
    drop_built(plan, guests[0].list);
    return r;
}

int plan_preview(Plan *plan, uint64_t id, const Spec *spec, PlanDeltas *deltas) {
    return preview(plan, id, spec, false, NULL, deltas);
}

int plan_preview_caches(Plan *plan, uint64_t id, const Spec *spec, const Spec *caches,
                        PlanDeltas *deltas) {
    return preview(plan, id, spec, true, caches, deltas);
}

int plan_refresh(Plan *plan, const Guid *guid, PlanDeltas *deltas) {
    plan_deltas_clear(deltas);
    PlanEntry *one = guid ? get_entry(plan, guid) : NULL;
    if (guid && !one)
        return 0;
    if (!reserve(plan, deltas, guid ? 1 : plan->entries.n_live))
        return -(int)STATUS_NO_MEMORY;
    MapEntry *e;
    if (one)
        touch(plan, one);
    else
        for (uint32_t i = 0; map_next(&plan->entries, &i, &e);)
            touch(plan, e->value);
    settle(plan, NULL, NULL, NULL, deltas);
    return 0;
}

const PlanProvider *plan_provider(const Plan *plan, const Guid *guid) {
    const PlanEntry *entry = get_entry(plan, guid);
    return entry ? &entry->provider : NULL;
}

const PlanProvider *plan_next(const Plan *plan, uint32_t *i) {
    MapEntry *e;
    if (!map_next(&plan->entries, i, &e))
        return NULL;
    const PlanEntry *entry = e->value;
    return &entry->provider;
}

const PlanKernel *plan_kernel(const Plan *plan) {
    return &plan->kernel;
}

uint32_t plan_members(const Plan *plan) {
    return plan->members.n_live;
}
