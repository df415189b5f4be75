// See stack_file.h. Fragments stand in chunks and are known by their number. Those that are about
// the same are chained, in order; so are, each in its own chain, those that wait for the same key
// and those that wait for the same thread to return to user mode.
#include "enrich/stack_file.h"

#include "enrich/numbers.h"
#include "util/mem.h"

#define CHUNK_BITS      12u
#define CHUNK_FRAGMENTS (1u << CHUNK_BITS)
#define NONE            UINT32_MAX

enum {
    KEYED = 0x01,    // `frames` is not known; next_key is in use
    WAITS = 0x02,    // its user part has not come; `user` is the next of its thread that waits
    ATTACHED = 0x04, // an event has found it
    USER = 0x08,     // it begins in user mode
    WHOLE = 0x10,    // it begins in the kernel and ends in user mode
};

typedef struct Fragment {
    union {
        Frames *frames;
        uint64_t next_key;
    };
    uint32_t pid, tid;
    uint32_t user; // fragment that completes it
    uint32_t next; // about the same
    uint32_t flags;
    uint32_t last; // of a chain's first: its last
} Fragment;

struct StackFile {
    size_t max_bytes;
    FrameStore *store;
    Fragment **chunks;
    uint32_t n_chunks, chunks_room, n;
    NumberMap about[FRAGMENT_INDEXES]; // -> first fragment
    NumberMap keys;                    // key -> first that waits for it
    NumberMap threads;                 // tid -> first that waits for its user part
    uint64_t fragments[FRAGMENT_INDEXES], attached[FRAGMENT_INDEXES];
    bool full;
};

int stack_file_new(size_t max_bytes, FrameStore *store, StackFile **ret) {
    StackFile *file = mem_zalloc(sizeof *file);
    if (!file)
        return -STATUS_NO_MEMORY;
    file->max_bytes = max_bytes;
    file->store = store;
    *ret = file;
    return 0;
}

static Fragment *at(const StackFile *file, uint32_t i) {
    return &file->chunks[i >> CHUNK_BITS][i & (CHUNK_FRAGMENTS - 1)];
}

StackFile *stack_file_free(StackFile *file) {
    if (!file)
        return NULL;
    for (uint32_t i = 0; i < file->n; i++)
        if (!(at(file, i)->flags & KEYED))
            frames_unref(at(file, i)->frames);
    for (uint32_t i = 0; i < file->n_chunks; i++)
        mem_free(file->chunks[i]);
    mem_free(file->chunks);
    for (uint32_t i = 0; i < FRAGMENT_INDEXES; i++)
        number_map_deinit(&file->about[i]);
    number_map_deinit(&file->keys);
    number_map_deinit(&file->threads);
    mem_free(file);
    return NULL;
}

static uint32_t fresh(StackFile *file) {
    if (file->n == NONE)
        return NONE;
    if (file->n >> CHUNK_BITS == file->n_chunks) {
        if (file->n_chunks == file->chunks_room) {
            uint32_t room = file->chunks_room ? file->chunks_room * 2 : 16;
            Fragment **chunks = mem_resize(file->chunks, room * sizeof(*chunks));
            if (!chunks)
                return NONE;
            file->chunks = chunks;
            file->chunks_room = room;
        }
        Fragment *chunk = mem_array(CHUNK_FRAGMENTS, sizeof *chunk);
        if (!chunk)
            return NONE;
        file->chunks[file->n_chunks++] = chunk;
    }
    return file->n;
}

static uint32_t first_of(const NumberMap *map, uint64_t key) {
    uint64_t found = number_map_get(map, key);
    return found == NUMBER_NONE ? NONE : (uint32_t)found;
}

static bool chain(StackFile *file, const FragmentFacts *facts, uint32_t i) {
    uint32_t first = first_of(&file->about[facts->index], facts->about);
    at(file, i)->next = NONE;
    at(file, i)->last = i;
    if (first == NONE)
        return number_map_put(&file->about[facts->index], facts->about, i) == 0;
    at(file, at(file, first)->last)->next = i;
    at(file, first)->last = i;
    return true;
}

// The thread has come back to user mode: all that waits for it is complete.
static void complete(StackFile *file, uint32_t tid, uint32_t user) {
    uint64_t found = number_map_remove(&file->threads, tid);
    for (uint32_t i = found == NUMBER_NONE ? NONE : (uint32_t)found; i != NONE;) {
        Fragment *waiting = at(file, i);
        i = waiting->user;
        // Another process's: the number of the thread has been given again.
        waiting->user = waiting->pid == at(file, user)->pid ? user : NONE;
        if (waiting->user != NONE)
            waiting->flags &= ~(uint32_t)WAITS;
        else
            waiting->flags |= WAITS; // for good
    }
}

static void await(StackFile *file, Fragment *fragment, uint32_t i) {
    if (fragment->pid == 0 || fragment->pid == 4)
        return;
    uint32_t first = first_of(&file->threads, fragment->tid);
    fragment->flags |= WAITS;
    fragment->user = NONE;
    if (number_map_put(&file->threads, fragment->tid, i) == 0)
        fragment->user = first;
}

static uint32_t kind_of(const FragmentFacts *facts) {
    if (facts->keyed || !facts->frames)
        return facts->user ? USER : 0;
    if (!facts->frames->begins_kernel)
        return USER;
    return facts->frames->ends_kernel ? 0 : WHOLE;
}

bool stack_file_full(const StackFile *file) {
    return file->full;
}

static bool has_room(StackFile *file) {
    if (file->max_bytes != 0 &&
        stack_file_bytes(file) + frame_store_bytes(file->store) > file->max_bytes)
        file->full = true;
    return !file->full;
}

void stack_file_add(StackFile *file, const FragmentFacts *facts) {
    uint32_t i = has_room(file) ? fresh(file) : NONE;
    if (i == NONE) {
        file->full = true;
        return;
    }
    Fragment *fragment = at(file, i);
    *fragment = (Fragment){.pid = facts->pid, .tid = facts->tid, .user = NONE};
    fragment->flags = kind_of(facts);
    if (!chain(file, facts, i)) {
        file->full = true;
        return;
    }
    file->n++;
    file->fragments[facts->index]++;
    if (facts->keyed) {
        uint32_t first = first_of(&file->keys, facts->key);
        if (number_map_put(&file->keys, facts->key, i) == 0) {
            fragment->flags |= KEYED;
            fragment->next_key = first;
        }
    } else if (facts->frames) {
        fragment->frames = frames_ref(facts->frames);
    }
    if (facts->index != BY_TIME)
        return; // these are about their event alone
    if (fragment->flags & USER)
        complete(file, facts->tid, i);
    else if (!(fragment->flags & WHOLE))
        await(file, fragment, i);
}

uint64_t stack_file_define(StackFile *file, uint64_t key, Frames *frames) {
    uint64_t found = number_map_remove(&file->keys, key);
    uint64_t n = 0;
    for (uint32_t i = found == NUMBER_NONE ? NONE : (uint32_t)found; i != NONE; n++) {
        Fragment *fragment = at(file, i);
        i = (uint32_t)fragment->next_key;
        fragment->flags &= ~(uint32_t)KEYED;
        fragment->frames = frames_ref(frames);
    }
    return n;
}

static void attach(StackFile *file, FragmentIndex index, Fragment *fragment) {
    if (!(fragment->flags & ATTACHED)) {
        fragment->flags |= ATTACHED;
        file->attached[index]++;
    }
}

static Frames *frames_of(const Fragment *fragment, bool *io_incomplete) {
    if ((fragment->flags & KEYED) || !fragment->frames) {
        *io_incomplete = true;
        return NULL;
    }
    return fragment->frames;
}

static bool is_whole(const Fragment *fragment) {
    if (fragment->flags & KEYED)
        return false;
    return (fragment->flags & WHOLE) || (fragment->frames && !fragment->frames->ends_kernel);
}

// The user part of a stack: what completed its kernel part, else the fragment that has the same
// time.
bool stack_file_find(StackFile *file, FragmentIndex index, uint64_t about, uint32_t tid,
                     StackParts *ret) {
    Fragment *kernel = NULL, *user = NULL;
    bool incomplete = false;
    uint32_t steps = 0, i = first_of(&file->about[index], about);
    for (; i != NONE && steps++ < STACK_SAME_TIME; i = at(file, i)->next) {
        Fragment *fragment = at(file, i);
        if (tid != UINT32_MAX && fragment->tid != tid)
            continue;
        attach(file, index, fragment);
        if (fragment->flags & USER)
            user = user ? user : fragment;
        else
            kernel = kernel ? kernel : fragment;
    }
    if (!kernel && !user)
        return false;
    if (kernel && is_whole(kernel))
        user = NULL;
    else if (kernel && (kernel->flags & WAITS))
        incomplete = user == NULL;
    else if (kernel && kernel->user != NONE)
        user = at(file, kernel->user);
    if (user) // also one that another event's time stands on
        attach(file, index, user);
    *ret = (StackParts){.user_pid = user ? user->pid : kernel->pid};
    ret->kernel = kernel ? frames_of(kernel, &incomplete) : NULL;
    ret->user = user ? frames_of(user, &incomplete) : NULL;
    ret->incomplete = incomplete;
    return true;
}

uint64_t stack_file_fragments(const StackFile *file, FragmentIndex index) {
    return file->fragments[index];
}

uint64_t stack_file_attached(const StackFile *file, FragmentIndex index) {
    return file->attached[index];
}

uint32_t stack_file_pending(const StackFile *file) {
    return file->keys.n;
}

size_t stack_file_bytes(const StackFile *file) {
    size_t bytes = file->n_chunks * (size_t)CHUNK_FRAGMENTS * sizeof(Fragment);
    for (uint32_t i = 0; i < FRAGMENT_INDEXES; i++)
        bytes += number_map_bytes(&file->about[i]);
    return bytes + number_map_bytes(&file->keys) + number_map_bytes(&file->threads);
}
