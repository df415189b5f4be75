#include "enrich/stack_views.h"

#include "enrich/text.h"
#include "util/map.h"
#include "util/mem.h"

#define BUCKETS 2048u

typedef struct Entry {
    StackView view;
    StackParts parts; // held
    // The modules are right for these ordinals, as long as images have this version.
    uint64_t from, to, version;
    uint32_t in_modules;
    struct Entry *next;          // of its bucket
    struct Entry *newer, *older; // use
} Entry;

struct StackViews {
    Images *images;
    Entry *buckets[BUCKETS];
    Entry *newest, *oldest;
    uint32_t n;
    size_t bytes;
    uint64_t frames, in_modules;
    StackView missing; // a stack of which nothing is known but that there is one
    FrameView scratch[STACK_MAX_FRAMES];
};

int stack_views_new(Images *images, StackViews **ret) {
    StackViews *views = mem_zalloc(sizeof *views);
    if (!views)
        return -STATUS_NO_MEMORY;
    views->images = images;
    views->missing.incomplete = true;
    *ret = views;
    return 0;
}

static Entry **bucket_of(StackViews *views, const StackParts *parts) {
    uint64_t hash =
        map_hash_pair(parts->kernel ? parts->kernel->id : 0,
                      parts->user ? parts->user->id ^ (uint64_t)parts->user_pid << 32 : 0);
    return &views->buckets[hash & (BUCKETS - 1)];
}

static void unlink_entry(StackViews *views, Entry *e) {
    *(e->newer ? &e->newer->older : &views->newest) = e->older;
    *(e->older ? &e->older->newer : &views->oldest) = e->newer;
}

static void push_entry(StackViews *views, Entry *e) {
    e->newer = NULL;
    e->older = views->newest;
    *(views->newest ? &views->newest->newer : &views->oldest) = e;
    views->newest = e;
}

static void release_modules(const FrameView *frames, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (frames[i].module)
            images_release(frames[i].module);
}

static size_t charge_of(const Entry *e) {
    return sizeof *e + e->view.n * sizeof *e->view.frames;
}

static void drop(StackViews *views, Entry *e) {
    Entry **at = bucket_of(views, &e->parts);
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_entry(views, e);
    views->n--;
    views->bytes -= charge_of(e);
    release_modules(e->view.frames, e->view.n);
    frames_unref(e->parts.kernel);
    frames_unref(e->parts.user);
    mem_free((void *)(uintptr_t)e->view.frames);
    mem_free(e);
}

void stack_views_clear(StackViews *views) {
    while (views->oldest)
        drop(views, views->oldest);
}

StackViews *stack_views_free(StackViews *views) {
    if (views) {
        stack_views_clear(views);
        mem_free(views);
    }
    return NULL;
}

static uint32_t resolve_part(StackViews *views, const Frames *part, uint32_t pid, uint64_t at,
                             uint32_t n, Entry *io) {
    for (uint16_t i = 0; part && i < part->n && n < STACK_MAX_FRAMES; i++) {
        FrameView *frame = &views->scratch[n++];
        uint64_t address = part->address[i];
        frame->address = address;
        frame->flags = address_is_kernel(address, part->pointer_size) ? FRAME_KERNEL : 0;
        frame->module = images_find_within(views->images, pid, address, part->pointer_size, at,
                                           &io->from, &io->to);
        frame->offset = frame->module ? address - frame->module->base : 0;
        io->in_modules += frame->module != NULL;
        // A path that is mapped anew makes a new module, which must not take this one away.
        if (frame->module)
            images_hold(frame->module);
    }
    return n;
}

static bool same_frames(const StackViews *views, uint32_t n, const StackView *view) {
    for (uint32_t i = 0; i < n; i++)
        if (views->scratch[i].module != view->frames[i].module)
            return false;
    return n == view->n;
}

static Entry *find(StackViews *views, const StackParts *parts, uint64_t at, uint64_t version,
                   bool exact) {
    for (Entry *e = *bucket_of(views, parts); e; e = e->next) {
        if (e->parts.kernel != parts->kernel || e->parts.user != parts->user ||
            e->parts.user_pid != parts->user_pid || e->parts.incomplete != parts->incomplete)
            continue;
        if (exact ? e->version == version && e->from <= at && at <= e->to
                  : same_frames(views, e->view.n, &e->view))
            return e;
    }
    return NULL;
}

static Entry *add(StackViews *views, const StackParts *parts, const Entry *facts, uint32_t n) {
    Entry *e = mem_alloc(sizeof *e);
    FrameView *frames = mem_dup(views->scratch, n * sizeof *frames);
    if (!e || !frames) {
        mem_free(frames);
        mem_free(e);
        return NULL;
    }
    *e = *facts;
    e->parts = *parts;
    if (parts->kernel)
        frames_ref(parts->kernel);
    if (parts->user)
        frames_ref(parts->user);
    bool cut = (parts->kernel && parts->kernel->cut) || (parts->user && parts->user->cut) ||
               (parts->kernel ? parts->kernel->n : 0u) + (parts->user ? parts->user->n : 0u) > n;
    e->view = (StackView){serial_next(), n, parts->incomplete || cut, frames};
    for (uint32_t i = 0; i < n; i++)
        if (frames[i].module)
            images_hold(frames[i].module);
    Entry **bucket = bucket_of(views, parts);
    e->next = *bucket;
    *bucket = e;
    push_entry(views, e);
    views->n++;
    views->bytes += charge_of(e);
    if (views->n > STACK_VIEWS)
        drop(views, views->oldest);
    return e;
}

const StackView *stack_views_get(StackViews *views, const StackParts *caller_parts, uint64_t at) {
    StackParts parts = *caller_parts;
    if (!parts.kernel && !parts.user)
        return parts.incomplete ? &views->missing : NULL;
    if (!parts.user && !(parts.kernel && !parts.kernel->ends_kernel))
        parts.user_pid = 0; // kernel frames alone are shared by all processes
    uint64_t version = images_version(views->images);
    Entry *e = find(views, &parts, at, version, true);
    if (!e) {
        Entry facts = {.from = 0, .to = UINT64_MAX, .version = version};
        uint32_t n = resolve_part(views, parts.kernel, parts.user_pid, at, 0, &facts);
        n = resolve_part(views, parts.user, parts.user_pid, at, n, &facts);
        e = find(views, &parts, at, version, false);
        if (e) {
            e->from = facts.from;
            e->to = facts.to;
            e->version = version;
        } else {
            e = add(views, &parts, &facts, n);
        }
        release_modules(views->scratch, n);
    }
    if (!e)
        return NULL;
    if (views->newest != e) {
        unlink_entry(views, e);
        push_entry(views, e);
    }
    views->frames += e->view.n;
    views->in_modules += e->in_modules;
    return &e->view;
}

size_t stack_views_bytes(const StackViews *views) {
    return sizeof *views + views->bytes;
}

void stack_views_counts(const StackViews *views, uint64_t *ret_frames, uint64_t *ret_in_modules) {
    *ret_frames = views->frames;
    *ret_in_modules = views->in_modules;
}
