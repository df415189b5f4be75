// See stack_live.h. A wait that is not complete stands in the table, which holds one reference, and
// in the lists through which fragments find it; it leaves them when it is complete, given up, or
// forgotten by all.
#include "enrich/stack_live.h"

#include "enrich/numbers.h"
#include "util/mem.h"

typedef enum WaitList {
    LIST_TIME = 0,
    LIST_ORDINAL,
    LIST_MATCH,
    LIST_THREAD, // has its kernel part, and waits for its thread
    LIST_KERNEL_KEY,
    LIST_USER_KEY,
    LISTS,
} WaitList;

typedef struct WaitLink {
    StackWait *before, *next; // before NULL: the list's first
    uint64_t key;
    bool in;
} WaitLink;

typedef struct WaitPart {
    bool there;
    Frames *frames; // NULL while only its key is known
} WaitPart;

struct StackWait {
    uint32_t refs;
    uint32_t tid, pid, user_pid;
    bool complete; // everything came
    bool kernel_alone;
    bool linked; // the event's own item says that its user part comes
    uint64_t ordinal;
    WaitPart kernel, user;
    StackLive *live; // NULL: out of the table
    WaitLink links[LISTS];
    StackWait *newer, *older;
};

struct StackLive {
    uint32_t max_waits, n;
    uint64_t given_up;
    NumberMap lists[LISTS]; // -> first StackWait *
    StackWait *newest, *oldest;
};

int stack_live_new(uint32_t max_waits, StackLive **ret) {
    StackLive *live = mem_zalloc(sizeof *live);
    if (!live)
        return -STATUS_NO_MEMORY;
    live->max_waits = max_waits;
    *ret = live;
    return 0;
}

static StackWait *first_of(const StackLive *live, WaitList list, uint64_t key) {
    uint64_t found = number_map_get(&live->lists[list], key);
    return found == NUMBER_NONE ? NULL : (StackWait *)(uintptr_t)found;
}

static bool list_add(StackLive *live, WaitList list, uint64_t key, StackWait *wait) {
    StackWait *first = first_of(live, list, key);
    if (number_map_put(&live->lists[list], key, (uintptr_t)wait) < 0)
        return false;
    wait->links[list] = (WaitLink){NULL, first, key, true};
    if (first)
        first->links[list].before = wait;
    return true;
}

static void list_remove(StackLive *live, WaitList list, StackWait *wait) {
    WaitLink *link = &wait->links[list];
    if (!link->in)
        return;
    if (link->next)
        link->next->links[list].before = link->before;
    if (link->before)
        link->before->links[list].next = link->next;
    else if (link->next)
        (void)number_map_put(&live->lists[list], link->key, (uintptr_t)link->next);
    else
        number_map_remove(&live->lists[list], link->key);
    link->in = false;
}

static void leave(StackWait *wait) {
    StackLive *live = wait->live;
    if (!live)
        return;
    for (uint32_t i = 0; i < LISTS; i++)
        list_remove(live, (WaitList)i, wait);
    *(wait->newer ? &wait->newer->older : &live->newest) = wait->older;
    *(wait->older ? &wait->older->newer : &live->oldest) = wait->newer;
    live->n--;
    wait->live = NULL;
    stack_wait_unref(wait);
}

StackWait *stack_wait_ref(StackWait *wait) {
    wait->refs++;
    return wait;
}

StackWait *stack_wait_unref(StackWait *wait) {
    if (!wait)
        return NULL;
    wait->refs--;
    if (wait->refs == 1 && wait->live) {
        leave(wait); // only the table knows it: which gives its own back
    } else if (wait->refs == 0) {
        frames_unref(wait->kernel.frames);
        frames_unref(wait->user.frames);
        mem_free(wait);
    }
    return NULL;
}

bool stack_wait_complete(const StackWait *wait) {
    return wait->complete || !wait->live;
}

void stack_live_clear(StackLive *live) {
    while (live->oldest) {
        live->given_up++;
        leave(live->oldest);
    }
}

StackLive *stack_live_free(StackLive *live) {
    if (live) {
        stack_live_clear(live);
        for (uint32_t i = 0; i < LISTS; i++)
            number_map_deinit(&live->lists[i]);
        mem_free(live);
    }
    return NULL;
}

static void set_part(WaitPart *part, Frames *frames) {
    part->there = true;
    if (frames && !part->frames)
        part->frames = frames_ref(frames);
}

// Nothing more can come: then it leaves the table, and lives only as long as others hold it.
static void settle(StackWait *wait) {
    if ((wait->kernel.there && !wait->kernel.frames) || (wait->user.there && !wait->user.frames))
        return;
    bool whole = wait->kernel.there && (wait->kernel_alone || !wait->kernel.frames->ends_kernel);
    if (!wait->user.there && !whole)
        return;
    wait->complete = true;
    leave(wait);
}

static bool is_system(uint32_t pid) {
    return pid == 0 || pid == 4;
}

StackWait *stack_live_expect(StackLive *live, const WaitFacts *facts) {
    StackWait *wait = first_of(live, LIST_ORDINAL, facts->ordinal);
    if (wait)
        return stack_wait_ref(wait);
    wait = mem_zalloc(sizeof *wait);
    if (!wait)
        return NULL;
    wait->refs = 2; // the table's and the caller's
    wait->tid = facts->tid;
    wait->pid = wait->user_pid = facts->pid;
    wait->ordinal = facts->ordinal;
    wait->live = live;
    wait->linked = facts->match != 0;
    if (facts->parts.kernel || facts->keyed_kernel)
        set_part(&wait->kernel, facts->parts.kernel);
    if (facts->parts.user || facts->keyed_user)
        set_part(&wait->user, facts->parts.user);
    // The event's own item has no other part to come, unless it says so.
    wait->kernel_alone = wait->kernel.there && !wait->linked;
    wait->older = live->newest;
    *(live->newest ? &live->newest->newer : &live->oldest) = wait;
    live->newest = wait;
    live->n++;
    bool ok = list_add(live, LIST_ORDINAL, facts->ordinal, wait) &&
              list_add(live, LIST_TIME, facts->raw_time, wait);
    if (ok && wait->linked)
        ok = list_add(live, LIST_MATCH, facts->match, wait);
    if (ok && facts->keyed_kernel)
        ok = list_add(live, LIST_KERNEL_KEY, facts->kernel_key, wait);
    if (ok && facts->keyed_user)
        ok = list_add(live, LIST_USER_KEY, facts->user_key, wait);
    if (!ok) {
        stack_wait_unref(wait);
        return NULL;
    }
    if (live->n > live->max_waits) {
        live->given_up++;
        leave(live->oldest);
    }
    settle(wait);
    return wait;
}

static void key_part(StackLive *live, const FragmentFacts *facts, StackWait *wait, bool user) {
    WaitList list = user ? LIST_USER_KEY : LIST_KERNEL_KEY;
    if (facts->keyed && !wait->links[list].in)
        (void)list_add(live, list, facts->key, wait);
}

static void fill_user(StackLive *live, const FragmentFacts *facts, StackWait *wait) {
    if (wait->user.there)
        return;
    set_part(&wait->user, facts->frames);
    wait->user_pid = facts->pid;
    key_part(live, facts, wait, true);
    list_remove(live, LIST_THREAD, wait);
    settle(wait);
}

static void fill_kernel(StackLive *live, const FragmentFacts *facts, StackWait *wait) {
    if (wait->kernel.there)
        return;
    set_part(&wait->kernel, facts->frames);
    wait->kernel_alone = is_system(facts->pid);
    wait->pid = facts->pid;
    if (!wait->user.there)
        wait->user_pid = facts->pid;
    key_part(live, facts, wait, false);
    if (!wait->kernel_alone && !wait->user.there && facts->index == BY_TIME)
        (void)list_add(live, LIST_THREAD, facts->tid, wait);
    settle(wait);
}

static bool complete_thread(StackLive *live, const FragmentFacts *facts) {
    bool found = false;
    for (StackWait *wait = first_of(live, LIST_THREAD, facts->tid), *next; wait; wait = next) {
        next = wait->links[LIST_THREAD].next;
        if (wait->pid == facts->pid) {
            fill_user(live, facts, wait);
            found = true;
        } else { // the number of the thread has been given again
            list_remove(live, LIST_THREAD, wait);
        }
    }
    return found;
}

bool stack_live_fill(StackLive *live, const FragmentFacts *facts) {
    static const WaitList lists[FRAGMENT_INDEXES] = {LIST_TIME, LIST_ORDINAL, LIST_MATCH};
    WaitList list = lists[facts->index];
    bool user = facts->keyed ? facts->user : !facts->frames->begins_kernel;
    bool found = false;
    // First those whose thread it is: their kernel part came before, so this is theirs.
    if (user && facts->index == BY_TIME)
        found = complete_thread(live, facts);
    uint32_t steps = 0;
    StackWait *wait = first_of(live, list, facts->about), *next;
    for (; wait && steps++ < STACK_SAME_TIME; wait = next) {
        next = wait->links[list].next;
        if (facts->index == BY_TIME && wait->tid != UINT32_MAX && wait->tid != facts->tid)
            continue;
        found = true;
        if (user)
            fill_user(live, facts, wait);
        else
            fill_kernel(live, facts, wait);
    }
    return found;
}

uint64_t stack_live_define(StackLive *live, uint64_t key, Frames *frames) {
    uint64_t n = 0;
    for (WaitList list = LIST_KERNEL_KEY; list <= LIST_USER_KEY; list++) {
        for (StackWait *wait; (wait = first_of(live, list, key)) != NULL; n++) {
            set_part(list == LIST_USER_KEY ? &wait->user : &wait->kernel, frames);
            list_remove(live, list, wait);
            settle(wait);
        }
    }
    return n;
}

void stack_wait_parts(const StackWait *wait, StackParts *ret, uint64_t *ret_ordinal) {
    *ret = (StackParts){.kernel = wait->kernel.frames,
                        .user = wait->user.frames,
                        .user_pid = wait->user_pid,
                        .incomplete = !wait->complete && (wait->kernel.there || wait->user.there)};
    *ret_ordinal = wait->ordinal;
}

uint32_t stack_live_waits(const StackLive *live) {
    return live->n;
}

uint64_t stack_live_given_up(const StackLive *live) {
    return live->given_up;
}

size_t stack_live_bytes(const StackLive *live) {
    size_t bytes = sizeof *live + live->n * sizeof(StackWait);
    for (uint32_t i = 0; i < LISTS; i++)
        bytes += number_map_bytes(&live->lists[i]);
    return bytes;
}
