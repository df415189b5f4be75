// See stacks.h. This file reads events; stack_file.c and stack_live.c know which fragments belong
// to which event, stack_views.c resolves them.
#include "enrich/stacks.h"

#include "enrich/numbers.h"
#include "enrich/stack_live.h"
#include "util/mem.h"

#define MAX_KEYS        65536u // stack keys that are known before they are used
#define MAX_CLR_THREADS 65536u

struct Stacks {
    StacksOptions options;
    FrameStore *store;
    StackViews *views;
    StackFile *file; // looks_ahead
    StackLive *live; // else
    History *keys;   // stack key -> Frames, from KeyCreate to KeyDelete
    NumberMap clr;   // tid -> ordinal of its last CLR event
    StackTotals totals;
    uint64_t retrievals, hits;
};

static void unref_frames(void *frames) {
    frames_unref(frames);
}

static size_t charge_frames(const void *frames) {
    return frames_charge(frames);
}

static int make_sources(Stacks *stacks) {
    return stacks->options.looks_ahead
               ? stack_file_new(stacks->options.max_bytes, stacks->store, &stacks->file)
               : stack_live_new(STACK_MAX_WAITS, &stacks->live);
}

int stacks_new(const StacksOptions *options, Images *images, Stacks **ret) {
    Stacks *stacks = mem_zalloc(sizeof *stacks);
    if (!stacks)
        return -STATUS_NO_MEMORY;
    const HistoryOptions keys = {
        .name = "Stack keys",
        .max_entries = MAX_KEYS,
        .max_bytes = options->max_bytes / 2,
        .unref = unref_frames,
        .charge = charge_frames,
    };
    stacks->options = *options;
    int r = frame_store_new(&stacks->store);
    if (r == 0)
        r = stack_views_new(images, &stacks->views);
    if (r == 0)
        r = history_new(&keys, &stacks->keys);
    if (r == 0)
        r = make_sources(stacks);
    if (r < 0) {
        stacks_free(stacks);
        return r;
    }
    *ret = stacks;
    return 0;
}

Stacks *stacks_free(Stacks *stacks) {
    if (stacks) {
        stack_live_free(stacks->live);
        stack_file_free(stacks->file);
        history_free(stacks->keys);
        stack_views_free(stacks->views);
        frame_store_free(stacks->store);
        number_map_deinit(&stacks->clr);
        mem_free(stacks);
    }
    return NULL;
}

static void add_file_totals(const StackFile *file, StackTotals *io) {
    for (FragmentIndex i = BY_TIME; i < FRAGMENT_INDEXES; i++) {
        *(i == BY_TIME ? &io->fragments : &io->linked) += stack_file_fragments(file, i);
        *(i == BY_TIME ? &io->attached : &io->linked_attached) += stack_file_attached(file, i);
    }
}

void stacks_clear(Stacks *stacks) {
    StackFile *fresh = NULL;
    if (stacks->live)
        stack_live_clear(stacks->live);
    if (stacks->file && stack_file_new(stacks->options.max_bytes, stacks->store, &fresh) == 0) {
        add_file_totals(stacks->file, &stacks->totals);
        stack_file_free(stacks->file);
        stacks->file = fresh;
    }
    history_clear(stacks->keys);
    stack_views_clear(stacks->views);
    number_map_deinit(&stacks->clr);
}

// --- which events ------------------------------------------------------------------------------

static const Guid stack_walk_class =
    GUID_INIT(0xdef2fe46, 0x7bd6, 0x4b80, 0xbd, 0x94, 0xf5, 0x7f, 0xe2, 0x0d, 0x0c, 0xe3);
static const Guid clr_provider =
    GUID_INIT(0xe13c0d23, 0xccbc, 0x4e12, 0x93, 0x1b, 0xd9, 0xcc, 0x2e, 0xee, 0x27, 0xe4);
static const Guid clr_private =
    GUID_INIT(0x763fd754, 0x7086, 0x4dfe, 0x95, 0xeb, 0xc0, 0x1a, 0x46, 0xfa, 0xf4, 0xca);

#define CLR_STACK_WALK 82

StackPlan stacks_plan(const Schema *schema) {
    StackPlan plan = {.role = STACK_NOTHING};
    bool classic = (schema->event_flags & EVENT_CLASSIC) != 0;
    if (!classic && (guid_equal(&schema->provider, &clr_provider) ||
                     guid_equal(&schema->provider, &clr_private))) {
        plan.role = schema->desc.id == CLR_STACK_WALK ? STACK_CLR : STACK_CLR_TARGET;
        return plan;
    }
    if (!classic || !guid_equal(&schema->provider, &stack_walk_class))
        return plan;
    switch (schema->desc.opcode) {
    case 32:
        plan.role = STACK_FRAMES;
        break;
    case 34:
    case 35:
    case 36:
        plan.role = STACK_DEFINITION;
        plan.created = schema->desc.opcode == 34;
        break;
    case 37:
    case 38:
        plan.role = STACK_REFERENCE;
        plan.user = schema->desc.opcode == 38;
        break;
    default:
        break;
    }
    return plan;
}

// --- learning ----------------------------------------------------------------------------------

static uint64_t load_pointer(const uint8_t *p, uint8_t width) {
    return width == 4 ? load_u32(p) : load_u64(p);
}

static void add(Stacks *stacks, const FragmentFacts *facts) {
    if (stacks->file) {
        stack_file_add(stacks->file, facts);
        return;
    }
    StackTotals *totals = &stacks->totals;
    *(facts->index == BY_TIME ? &totals->fragments : &totals->linked) += 1;
    if (stack_live_fill(stacks->live, facts))
        *(facts->index == BY_TIME ? &totals->attached : &totals->linked_attached) += 1;
    else
        totals->unexpected++;
}

// A key as its frames when KeyCreate told them, else as a key to be told.
static void set_key(Stacks *stacks, FragmentFacts *facts, uint64_t key, uint64_t at) {
    facts->frames = history_find(stacks->keys, (HistoryKey){key, 0}, at, NULL, NULL);
    facts->keyed = facts->frames == NULL;
    facts->key = key;
    stacks->totals.references++;
    stacks->totals.resolved += facts->frames != NULL;
}

#define FRAGMENT_HEAD 16u // u64 raw time, u32 pid, u32 tid

static void observe_fragment(Stacks *stacks, const StackPlan *plan, const EventRecord *record) {
    uint8_t width = event_pointer_size(record);
    const uint8_t *p = record->payload;
    if (record->payload_bytes < FRAGMENT_HEAD + width)
        return;
    FragmentFacts facts = {.index = BY_TIME,
                           .about = load_u64(p),
                           .pid = load_u32(p + 8),
                           .tid = load_u32(p + 12),
                           .user = plan->user};
    if (plan->role == STACK_REFERENCE) {
        set_key(stacks, &facts, load_pointer(p + FRAGMENT_HEAD, width), record->ordinal);
        add(stacks, &facts);
        return;
    }
    facts.frames = frames_get(stacks->store, p + FRAGMENT_HEAD,
                              record->payload_bytes - FRAGMENT_HEAD, width, width);
    if (facts.frames)
        add(stacks, &facts);
    frames_unref(facts.frames);
}

static void observe_definition(Stacks *stacks, const StackPlan *plan, const EventRecord *record) {
    uint8_t width = event_pointer_size(record);
    if (record->payload_bytes < 2u * width)
        return;
    uint64_t key = load_pointer(record->payload, width);
    Frames *frames = frames_get(stacks->store, record->payload + width,
                                record->payload_bytes - width, width, width);
    if (!frames)
        return;
    stacks->totals.resolved += stacks->file ? stack_file_define(stacks->file, key, frames)
                                            : stack_live_define(stacks->live, key, frames);
    if (plan->created)
        (void)history_open(stacks->keys, (HistoryKey){key, 0}, record->ordinal, frames_ref(frames),
                           PROVENANCE_LIVE);
    else
        (void)history_close(stacks->keys, (HistoryKey){key, 0}, record->ordinal, NULL,
                            PROVENANCE_LIVE);
    frames_unref(frames);
}

#define CLR_HEAD 8u // u16 instance, u8, u8, u32 FrameCount

// The walk belongs to the event right before it: LoadVerbose, ILToNativeMap, walk is of the map.
static void observe_clr(Stacks *stacks, const EventRecord *record) {
    uint64_t target = number_map_remove(&stacks->clr, record->tid);
    if (target == NUMBER_NONE || record->payload_bytes < CLR_HEAD)
        return;
    uint8_t width = event_pointer_size(record);
    uint64_t bytes = (uint64_t)load_u32(record->payload + 4) * width;
    // All are the user's, also those above 2 GiB of a 32-bit program: never a 32-bit kernel's.
    FragmentFacts facts = {
        .index = BY_ORDINAL, .about = target, .pid = record->pid, .tid = record->tid, .user = true};
    facts.frames = frames_get(stacks->store, record->payload + CLR_HEAD,
                              (size_t)MIN_OF(bytes, record->payload_bytes - CLR_HEAD), width, 8);
    if (facts.frames)
        add(stacks, &facts);
    frames_unref(facts.frames);
}

static void observe_clr_target(Stacks *stacks, const EventRecord *record) {
    if (stacks->clr.n >= MAX_CLR_THREADS)
        number_map_deinit(&stacks->clr);
    if (number_map_put(&stacks->clr, record->tid, record->ordinal) < 0)
        number_map_remove(&stacks->clr, record->tid); // rather none than a wrong one
}

void stacks_observe(Stacks *stacks, const StackPlan *plan, const EventRecord *record,
                    const Schema *schema) {
    (void)schema; // these layouts are fixed
    if (stacks_degraded(stacks))
        return;
    switch (plan->role) {
    case STACK_FRAMES:
    case STACK_REFERENCE:
        observe_fragment(stacks, plan, record);
        break;
    case STACK_DEFINITION:
        observe_definition(stacks, plan, record);
        break;
    case STACK_CLR:
        observe_clr(stacks, record);
        break;
    case STACK_CLR_TARGET:
        observe_clr_target(stacks, record);
        break;
    default:
        break;
    }
}

bool stacks_degraded(const Stacks *stacks) {
    return stacks->file && stack_file_full(stacks->file);
}

// --- items of the event itself -----------------------------------------------------------------

typedef struct StackItem {
    uint64_t match;
    uint8_t width;
    bool keyed;
    uint64_t key;
    const uint8_t *addresses;
    uint32_t bytes;
} StackItem;

static bool read_item(const EventItem *item, StackItem *ret) {
    bool narrow = item->type == EVENT_ITEM_STACK32 || item->type == EVENT_ITEM_STACK_KEY32;
    bool keyed = item->type == EVENT_ITEM_STACK_KEY32 || item->type == EVENT_ITEM_STACK_KEY64;
    if (!keyed && !narrow && item->type != EVENT_ITEM_STACK64)
        return false;
    uint8_t width = narrow ? 4 : 8;
    if (item->bytes < 8u + width)
        return false;
    *ret = (StackItem){.match = load_u64(item->data),
                       .width = width,
                       .keyed = keyed,
                       .addresses = item->data + 8,
                       .bytes = item->bytes - 8u};
    if (keyed)
        ret->key = load_pointer(ret->addresses, width);
    return true;
}

static bool next_item(const EventRecord *record, uint32_t *at, StackItem *ret) {
    EventItem item;
    while (event_item_next(record->ext, record->ext_bytes, at, &item))
        if (read_item(&item, ret))
            return true;
    return false;
}

bool stacks_in_items(const EventRecord *record) {
    StackItem item;
    for (uint32_t at = 0; next_item(record, &at, &item);)
        if (!item.keyed && item.match == 0)
            return true;
    return false;
}

bool stacks_has_linked_items(const EventRecord *record) {
    StackItem item;
    for (uint32_t at = 0; next_item(record, &at, &item);)
        if (item.keyed || item.match != 0)
            return true;
    return false;
}

// Parts of the items; new references. keys: those of keyed items that nothing has defined yet.
typedef struct ItemParts {
    Frames *kernel, *user;
    uint64_t match;
    bool keyed;
    uint64_t key;
} ItemParts;

static void add_part(ItemParts *parts, Frames *take_frames) {
    Frames **slot = take_frames->begins_kernel ? &parts->kernel : &parts->user;
    if (*slot)
        frames_unref(take_frames);
    else
        *slot = take_frames;
}

static void read_parts(Stacks *stacks, const EventRecord *record, ItemParts *ret) {
    StackItem item;
    *ret = (ItemParts){.kernel = NULL};
    for (uint32_t at = 0; next_item(record, &at, &item);) {
        if (item.match != 0)
            ret->match = item.match;
        if (item.keyed) {
            Frames *known = stacks->file ? NULL // the scan has made a fragment of it
                                         : history_peek(stacks->keys, (HistoryKey){item.key, 0},
                                                        record->ordinal, NULL, NULL);
            if (known) {
                add_part(ret, frames_ref(known));
            } else {
                ret->keyed = true;
                ret->key = item.key;
            }
            continue;
        }
        Frames *frames =
            frames_get(stacks->store, item.addresses, item.bytes, item.width, item.width);
        if (frames)
            add_part(ret, frames);
    }
}

static void drop_parts(ItemParts *parts) {
    frames_unref(parts->kernel);
    frames_unref(parts->user);
}

void stacks_observe_items(Stacks *stacks, const EventRecord *record) {
    ItemParts parts;
    if (stacks_degraded(stacks) || !stacks_has_linked_items(record))
        return;
    read_parts(stacks, record, &parts);
    FragmentFacts facts = {.pid = record->pid, .tid = record->tid};
    if (parts.user && !parts.kernel && parts.match != 0) {
        facts.index = BY_MATCH;
        facts.about = parts.match;
        facts.frames = parts.user;
        facts.user = true;
        add(stacks, &facts);
    }
    StackItem item;
    for (uint32_t at = 0; stacks->file && next_item(record, &at, &item);) {
        if (!item.keyed)
            continue;
        facts = (FragmentFacts){
            .index = BY_ORDINAL, .about = record->ordinal, .pid = record->pid, .tid = record->tid};
        set_key(stacks, &facts, item.key, record->ordinal);
        add(stacks, &facts);
    }
    drop_parts(&parts);
}

// --- asking ------------------------------------------------------------------------------------

StackWait *stacks_expect(Stacks *stacks, const EventRecord *record, const Subject *subject) {
    ItemParts parts;
    if (!stacks->live)
        return NULL;
    read_parts(stacks, record, &parts);
    WaitFacts facts = {
        .ordinal = record->ordinal,
        .raw_time = (uint64_t)record->raw_time,
        .match = parts.match,
        .tid = subject->match_tid,
        .pid = record->pid,
        .parts = {.kernel = parts.kernel, .user = parts.user},
        // Which part a key is only its definition tells; one that stands alone is all there is.
        .keyed_user = parts.keyed && !parts.user,
        .user_key = parts.key,
    };
    StackWait *wait = stack_live_expect(stacks->live, &facts);
    drop_parts(&parts);
    return wait;
}

static const StackView *view_of(Stacks *stacks, const StackParts *parts, uint64_t at) {
    const StackView *view = stack_views_get(stacks->views, parts, at);
    stacks->hits += view && view->n > 0;
    return view;
}

const StackView *stack_wait_view(Stacks *stacks, StackWait *wait) {
    StackParts parts;
    uint64_t at;
    stacks->retrievals++;
    stack_wait_parts(wait, &parts, &at);
    return view_of(stacks, &parts, at);
}

static const StackView *find_fragments(Stacks *stacks, const EventRecord *record,
                                       const Subject *subject) {
    StackParts parts;
    if (!stacks->file)
        return NULL;
    if (!stack_file_find(stacks->file, BY_ORDINAL, record->ordinal, UINT32_MAX, &parts) &&
        !stack_file_find(stacks->file, BY_TIME, (uint64_t)record->raw_time, subject->match_tid,
                         &parts))
        return NULL;
    return view_of(stacks, &parts, record->ordinal);
}

const StackView *stacks_find(Stacks *stacks, const EventRecord *record, const Subject *subject) {
    ItemParts items;
    stacks->retrievals++;
    read_parts(stacks, record, &items);
    if (!items.kernel && !items.user)
        return find_fragments(stacks, record, subject);
    StackParts parts = {.kernel = items.kernel, .user = items.user, .user_pid = record->pid};
    // A kernel part alone: its user part may stand elsewhere, and does when it has a match id.
    if (!items.user && items.kernel->ends_kernel) {
        StackParts more = {.kernel = NULL};
        if (stacks->file && items.match != 0)
            (void)stack_file_find(stacks->file, BY_MATCH, items.match, UINT32_MAX, &more);
        else if (stacks->file)
            (void)stack_file_find(stacks->file, BY_TIME, (uint64_t)record->raw_time,
                                  subject->match_tid, &more);
        parts.user = more.user;
        if (more.user)
            parts.user_pid = more.user_pid;
        parts.incomplete = items.match != 0 && !more.user;
    }
    const StackView *view = view_of(stacks, &parts, record->ordinal);
    drop_parts(&items);
    return view;
}

// --- counts ------------------------------------------------------------------------------------

StackTotals stacks_totals(const Stacks *stacks) {
    StackTotals totals = stacks->totals;
    if (stacks->file)
        add_file_totals(stacks->file, &totals);
    stack_views_counts(stacks->views, &totals.frames, &totals.in_modules);
    return totals;
}

uint32_t stacks_stats(const Stacks *stacks, CacheStats ret[2]) {
    StackTotals totals = stacks_totals(stacks);
    ret[0] = (CacheStats){.name = "Stacks",
                          .bytes_limit = stacks->options.max_bytes,
                          .retrievals = stacks->retrievals,
                          .hits = stacks->hits,
                          .misses = stacks->retrievals - stacks->hits,
                          .inserted = totals.fragments + totals.linked,
                          .live = stacks->hits};
    ret[0].bytes = frame_store_bytes(stacks->store) + stack_views_bytes(stacks->views);
    if (stacks->file) {
        for (FragmentIndex i = BY_TIME; i < FRAGMENT_INDEXES; i++)
            ret[0].entries += stack_file_fragments(stacks->file, i);
        ret[0].bytes += stack_file_bytes(stacks->file);
    } else {
        ret[0].entries = stack_live_waits(stacks->live);
        ret[0].limit = STACK_MAX_WAITS;
        ret[0].evicted = stack_live_given_up(stacks->live);
        ret[0].bytes += stack_live_bytes(stacks->live);
    }
    ret[1] = history_stats(stacks->keys);
    ret[1].retrievals = totals.references;
    ret[1].hits = totals.resolved;
    ret[1].misses = totals.references - totals.resolved;
    return 2;
}
