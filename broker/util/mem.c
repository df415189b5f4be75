// The accounting allocator. Each block is preceded by a 16-byte header that holds the size asked
// for, so that mem_free needs no size and the counters stay exact; 16 bytes keep malloc's
// alignment.
//
// Any thread. Counters use relaxed order: they order nothing else, and each is exact on its own.
#include "util/mem.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>

#define HEADER_BYTES 16u
// A block of a foreign allocator, or one freed twice, must stop the program: the counters that
// quotas rest on would be wrong from then on.
#define HEADER_LIVE UINT64_C(0x6b6f6c42776c7645)
#define HEADER_DEAD UINT64_C(0x6461654442776c65)

typedef struct MemHeader {
    uint64_t bytes;
    uint64_t mark;
} MemHeader;

_Static_assert(sizeof(MemHeader) == HEADER_BYTES, "the header keeps blocks 16-aligned");
_Static_assert(alignof(max_align_t) <= HEADER_BYTES, "blocks are aligned for any type");

static atomic_size_t in_use;
static atomic_size_t peak;
static atomic_size_t calls;
static atomic_size_t fail_countdown;

// Counts the call; true when the test harness wants this one to fail. Compare-and-swap, so that two
// threads cannot both (or neither) be the nth.
static bool begin_call(void) {
    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    size_t left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    while (left != 0) {
        if (atomic_compare_exchange_weak_explicit(&fail_countdown, &left, left - 1,
                                                  memory_order_relaxed, memory_order_relaxed))
            return left == 1;
    }
    return false;
}

static void count_up(size_t bytes) {
    size_t now = atomic_fetch_add_explicit(&in_use, bytes, memory_order_relaxed) + bytes;
    size_t high = atomic_load_explicit(&peak, memory_order_relaxed);
    while (now > high) {
        if (atomic_compare_exchange_weak_explicit(&peak, &high, now, memory_order_relaxed,
                                                  memory_order_relaxed))
            break;
    }
}

static void count_down(size_t bytes) {
    atomic_fetch_sub_explicit(&in_use, bytes, memory_order_relaxed);
}

static MemHeader *header_of(void *block) {
    MemHeader *header = (MemHeader *)block - 1;
    if (header->mark != HEADER_LIVE)
        abort();
    return header;
}

static void *allocate(size_t bytes, bool zeroed) {
    size_t total;
    if (begin_call() || !size_add(bytes, HEADER_BYTES, &total))
        return NULL;
    MemHeader *header = zeroed ? calloc(1, total) : malloc(total);
    if (header == NULL)
        return NULL;
    header->bytes = bytes;
    header->mark = HEADER_LIVE;
    count_up(bytes);
    return header + 1;
}

void *mem_alloc(size_t bytes) {
    return allocate(bytes, false);
}

void *mem_zalloc(size_t bytes) {
    return allocate(bytes, true);
}

void *mem_array(size_t count, size_t bytes) {
    size_t total;
    if (!size_mul(count, bytes, &total))
        return NULL;
    return allocate(total, true);
}

void *mem_resize(void *block, size_t bytes) {
    if (block == NULL)
        return mem_alloc(bytes);
    MemHeader *header = header_of(block);
    size_t old_bytes = (size_t)header->bytes;
    size_t total;
    if (begin_call() || !size_add(bytes, HEADER_BYTES, &total))
        return NULL;
    MemHeader *moved = realloc(header, total);
    if (moved == NULL)
        return NULL;
    moved->bytes = bytes;
    if (bytes >= old_bytes)
        count_up(bytes - old_bytes);
    else
        count_down(old_bytes - bytes);
    return moved + 1;
}

void *mem_dup(const void *data, size_t bytes) {
    void *block = mem_alloc(bytes);
    if (block != NULL && bytes != 0)
        memcpy(block, data, bytes);
    return block;
}

char *mem_strdup(const char *text) {
    return mem_dup(text, strlen(text) + 1);
}

char *mem_strndup(const char *text, size_t bytes) {
    const char *end = bytes != 0 ? memchr(text, 0, bytes) : NULL;
    if (end != NULL)
        bytes = (size_t)(end - text);
    size_t total;
    if (!size_add(bytes, 1, &total))
        return NULL;
    char *copy = mem_alloc(total);
    if (copy == NULL)
        return NULL;
    if (bytes != 0)
        memcpy(copy, text, bytes);
    copy[bytes] = '\0';
    return copy;
}

void mem_free(void *block) {
    if (block == NULL)
        return;
    MemHeader *header = header_of(block);
    count_down((size_t)header->bytes);
    header->mark = HEADER_DEAD;
    free(header);
}

size_t mem_in_use(void) {
    return atomic_load_explicit(&in_use, memory_order_relaxed);
}

size_t mem_peak(void) {
    return atomic_load_explicit(&peak, memory_order_relaxed);
}

void mem_reset_peak(void) {
    atomic_store_explicit(&peak, mem_in_use(), memory_order_relaxed);
}

size_t mem_calls(void) {
    return atomic_load_explicit(&calls, memory_order_relaxed);
}

void mem_fail_at(size_t nth) {
    atomic_store_explicit(&fail_countdown, nth, memory_order_relaxed);
}
