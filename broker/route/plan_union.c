#include "route/plan_union.h"

bool plan_view_has(const PlanView *view, const PlanOne *one) {
    return !view || (one->member != view->without && one->member != view->also) ||
           one->pending != view->without_pending;
}

// Sorted insertion without doubles; false when the list is full.
static bool add_id(PlanAsk *ask, uint32_t limit, uint16_t id) {
    uint32_t at = ask->n_ids;
    while (at > 0 && ask->ids[at - 1] >= id)
        at--;
    if (at < ask->n_ids && ask->ids[at] == id)
        return true;
    if (ask->n_ids == limit)
        return false;
    memmove(ask->ids + at + 1, ask->ids + at, (ask->n_ids - at) * sizeof ask->ids[0]);
    ask->ids[at] = id;
    ask->n_ids++;
    return true;
}

static bool add_pid(PlanAsk *ask, uint32_t pid) {
    uint32_t at = ask->n_pids;
    while (at > 0 && ask->pids[at - 1] >= pid)
        at--;
    if (at < ask->n_pids && ask->pids[at] == pid)
        return true;
    if (ask->n_pids == PLAN_MAX_PIDS)
        return false;
    memmove(ask->pids + at + 1, ask->pids + at, (ask->n_pids - at) * sizeof ask->pids[0]);
    ask->pids[at] = pid;
    ask->n_pids++;
    return true;
}

// An id filter only when everybody has one: a single watcher of everything ends it.
static void union_ids(const PlanEntry *entry, const PlanView *view, uint32_t facts, PlanAsk *ret) {
    bool manifest = (facts & PLAN_FACT_EVENTSOURCE) != 0;
    for (const PlanOne *one = entry->asks; one; one = one->next_of_entry) {
        if (!plan_view_has(view, one))
            continue;
        manifest = manifest || one->may_be_eventsource;
        bool fits = one->n_ids != 0;
        for (uint32_t i = 0; i < one->n_ids && fits; i++)
            fits = add_id(ret, PLAN_MAX_IDS - 1, one->ids[i]);
        if (!fits) {
            memset(ret->ids, 0, sizeof ret->ids);
            ret->n_ids = 0;
            return;
        }
    }
    // The filter would swallow the manifest events of an EventSource as well.
    if (manifest && !(facts & PLAN_FACT_MANIFEST_KNOWN))
        add_id(ret, PLAN_MAX_IDS, PLAN_MANIFEST_ID);
}

// A pid filter only when everybody has pids and all of them run: the list is matched against
// running processes at that moment, so one that may start later would be lost.
static void union_pids(const PlanFacts *facts, const PlanEntry *entry, const PlanView *view,
                       PlanAsk *ret) {
    for (const PlanOne *one = entry->asks; one; one = one->next_of_entry) {
        if (!plan_view_has(view, one))
            continue;
        bool fits = one->n_pids != 0;
        for (uint32_t i = 0; i < one->n_pids && fits; i++) {
            PlanPid state = facts->pid ? facts->pid(facts->user, one->member->id, one->pids[i])
                                       : PLAN_PID_UNKNOWN;
            if (state == PLAN_PID_ALIVE)
                fits = add_pid(ret, one->pids[i]);
            else
                fits = state == PLAN_PID_EXITED;
        }
        if (!fits) {
            memset(ret->pids, 0, sizeof ret->pids);
            ret->n_pids = 0;
            return;
        }
    }
}

void plan_union(const PlanFacts *facts, const PlanEntry *entry, const PlanView *view,
                PlanAsk *ret) {
    uint32_t known = facts->provider ? facts->provider(facts->user, &entry->provider.guid) : 0;
    bool classic = (known & PLAN_FACT_CLASSIC) != 0;
    bool everything = false, ignore_keyword0 = true, stack = false;
    uint64_t any = 0, all = UINT64_MAX;
    uint8_t level = 0;
    memset(ret, 0, sizeof *ret);
    for (const PlanOne *one = entry->asks; one; one = one->next_of_entry) {
        if (!plan_view_has(view, one))
            continue;
        ret->enabled = true;
        // A classic provider has 32 flag bits: a mask without any of them cannot mean "nothing".
        if (one->any == 0 || (classic && (one->any & UINT32_MAX) == 0)) {
            everything = true;
            all = 0;
        } else {
            any |= one->any;
            all &= one->all;
        }
        level = MAX_OF(level, one->level);
        ignore_keyword0 = ignore_keyword0 && one->ignore_keyword0;
        stack = stack || one->stack;
    }
    if (!ret->enabled)
        return;
    ret->level = level;
    ret->any = everything ? UINT64_MAX : any;
    if (classic) {
        ret->any &= UINT32_MAX;
        return;
    }
    ret->all = all;
    if (ignore_keyword0)
        ret->properties |= PLAN_PROPERTY_IGNORE_KEYWORD_0;
    if (stack)
        ret->properties |= PLAN_PROPERTY_STACK;
    if (!(known & PLAN_FACT_TRACELOGGING))
        union_ids(entry, view, known, ret);
    if (known & PLAN_FACT_USER_MODE)
        union_pids(facts, entry, view, ret);
}

static void add_stack(PlanKernel *kernel, const KernelStackId *id) {
    for (uint32_t i = 0; i < kernel->n_stacks; i++)
        if (kernel->stacks[i].opcode == id->opcode &&
            guid_equal(kernel->stacks[i].class_guid, id->class_guid))
            return;
    if (kernel->n_stacks < PLAN_MAX_STACKS)
        kernel->stacks[kernel->n_stacks++] = *id;
}

void plan_kernel_union(const PlanKernelNeed *needs, PlanKernel *ret) {
    ret->types = needs->types;
    ret->stack_types = needs->stack_types;
    kernel_masks(needs->types, ret->masks);
    ret->n_stacks = 0;
    memset(ret->stacks, 0, sizeof ret->stacks);
    for (uint32_t i = 0; kernel_type(i); i++)
        if (needs->stack_types & KERNEL_BIT(i))
            for (uint8_t k = 0; k < kernel_type(i)->n_stacks; k++)
                add_stack(ret, &kernel_type(i)->stacks[k]);
}

bool plan_ask_equal(const PlanAsk *a, const PlanAsk *b) {
    return a->enabled == b->enabled && a->level == b->level && a->properties == b->properties &&
           a->any == b->any && a->all == b->all && a->n_ids == b->n_ids && a->n_pids == b->n_pids &&
           memcmp(a->ids, b->ids, a->n_ids * sizeof a->ids[0]) == 0 &&
           memcmp(a->pids, b->pids, a->n_pids * sizeof a->pids[0]) == 0;
}

static bool has_id(const PlanAsk *ask, uint16_t id) {
    for (uint32_t i = 0; i < ask->n_ids; i++)
        if (ask->ids[i] == id)
            return true;
    return ask->n_ids == 0;
}

static bool has_pid(const PlanAsk *ask, uint32_t pid) {
    for (uint32_t i = 0; i < ask->n_pids; i++)
        if (ask->pids[i] == pid)
            return true;
    return ask->n_pids == 0;
}

bool plan_ask_covers(const PlanAsk *wide, const PlanAsk *narrow) {
    if (!narrow->enabled)
        return true;
    if (!wide->enabled || wide->level < narrow->level || (narrow->any & ~wide->any) != 0 ||
        (wide->all & ~narrow->all) != 0)
        return false;
    if ((wide->properties & PLAN_PROPERTY_IGNORE_KEYWORD_0) &&
        !(narrow->properties & PLAN_PROPERTY_IGNORE_KEYWORD_0))
        return false;
    if ((narrow->properties & ~wide->properties & ~(uint32_t)PLAN_PROPERTY_IGNORE_KEYWORD_0) != 0)
        return false;
    if ((wide->n_ids != 0 && narrow->n_ids == 0) || (wide->n_pids != 0 && narrow->n_pids == 0))
        return false;
    for (uint32_t i = 0; i < narrow->n_ids; i++)
        if (!has_id(wide, narrow->ids[i]))
            return false;
    for (uint32_t i = 0; i < narrow->n_pids; i++)
        if (!has_pid(wide, narrow->pids[i]))
            return false;
    return true;
}

bool plan_ask_passes(const PlanAsk *ask, const EventDescriptor *desc, uint32_t pid) {
    return ask->enabled && desc->level <= ask->level &&
           want_keyword_passes(desc->keyword, ask->any, ask->all,
                               (ask->properties & PLAN_PROPERTY_IGNORE_KEYWORD_0) != 0) &&
           has_id(ask, desc->id) && has_pid(ask, pid);
}

// --- text ---

static void write_mask(Buf *out, uint64_t any) {
    if (any == UINT64_MAX || any == UINT32_MAX)
        buf_text(out, "all");
    else
        buf_printf(out, "0x%llx", (unsigned long long)any);
}

static void write_level(Buf *out, uint8_t level) {
    if (level == PLAN_LEVEL_ALL)
        buf_text(out, "all");
    else
        buf_printf(out, "%u", level);
}

static void write_list(Buf *out, const PlanAsk *ask, bool pids) {
    uint32_t n = pids ? ask->n_pids : ask->n_ids;
    if (n == 0)
        buf_text(out, "all");
    for (uint32_t i = 0; i < n; i++)
        buf_printf(out, i == 0 ? "%u" : ",%u", pids ? ask->pids[i] : ask->ids[i]);
}

typedef struct Writer {
    Buf *out;
    bool begun;
} Writer;

static void item(Writer *w, const char *name) {
    buf_text(w->out, w->begun ? ", " : "");
    buf_text(w->out, name);
    buf_char(w->out, ' ');
    w->begun = true;
}

void plan_delta_text(const PlanDelta *d, Buf *out) {
    const PlanAsk *a = &d->old_ask, *b = &d->new_ask;
    Writer w = {out, false};
    if (!b->enabled) {
        buf_text(out, a->enabled ? "disabled" : "unchanged");
    } else {
        bool fresh = !a->enabled;
        if (fresh)
            buf_text(out, "enabled with ");
        if (fresh || a->any != b->any) {
            item(&w, "any");
            if (!fresh) {
                write_mask(out, a->any);
                buf_text(out, " -> ");
            }
            write_mask(out, b->any);
        }
        if (fresh ? b->all != 0 : a->all != b->all) {
            item(&w, "all");
            if (!fresh)
                buf_printf(out, "0x%llx -> ", (unsigned long long)a->all);
            buf_printf(out, "0x%llx", (unsigned long long)b->all);
        }
        if (fresh || a->level != b->level) {
            item(&w, "level");
            if (!fresh) {
                write_level(out, a->level);
                buf_text(out, " -> ");
            }
            write_level(out, b->level);
        }
        for (int pids = 0; pids < 2; pids++) {
            uint32_t n = pids ? b->n_pids : b->n_ids;
            bool same =
                pids
                    ? a->n_pids == b->n_pids && memcmp(a->pids, b->pids, n * sizeof b->pids[0]) == 0
                    : a->n_ids == b->n_ids && memcmp(a->ids, b->ids, n * sizeof b->ids[0]) == 0;
            if (fresh ? n == 0 : same)
                continue;
            item(&w, pids ? "pids" : "ids");
            if (!fresh) {
                write_list(out, a, pids != 0);
                buf_text(out, " -> ");
            }
            write_list(out, b, pids != 0);
        }
        if (!fresh && a->properties != b->properties) {
            item(&w, "properties");
            buf_printf(out, "0x%x -> 0x%x", a->properties, b->properties);
        }
        if (!w.begun)
            buf_text(out, d->capture_state ? "state asked for anew" : "unchanged");
    }
    if (d->other_watchers == 0)
        buf_text(out, "; no other watcher");
    else
        buf_printf(out, "; %u other watcher%s", d->other_watchers,
                   d->other_watchers == 1 ? "" : "s");
}
