// The arena: a list of chunks, the first of which is being filled. `bytes` counts whole chunks with
// their headers, which is what the heap counts, so that a quota charged with arena.bytes is exact.
#include "util/arena.h"

#include "util/mem.h"

#define FIRST_CHUNK_BYTES 512u
#define MOST_CHUNK_BYTES  (64u * 1024u)

struct ArenaChunk {
    ArenaChunk *next;
    size_t used; // of the room behind this header
    size_t room;
    uint64_t pad_; // keeps the room 16-aligned behind a 16-aligned header
};

static uint8_t *chunk_data(ArenaChunk *chunk) {
    return (uint8_t *)(chunk + 1);
}

void arena_deinit(Arena *arena) {
    ArenaChunk *chunk = arena->chunks;
    while (chunk != NULL) {
        ArenaChunk *next = chunk->next;
        mem_free(chunk);
        chunk = next;
    }
    arena->chunks = NULL;
    arena->bytes = 0;
}

static ArenaChunk *chunk_new(Arena *arena, size_t room) {
    size_t total, taken;
    if (!size_add(room, sizeof(ArenaChunk), &total) || !size_add(arena->bytes, total, &taken))
        return NULL;
    if (arena->limit != 0 && taken > arena->limit)
        return NULL;
    ArenaChunk *chunk = mem_zalloc(total);
    if (chunk == NULL)
        return NULL;
    chunk->room = room;
    arena->bytes = taken;
    return chunk;
}

// Room for a new chunk that must hold `bytes`: doubling up to a maximum, and not beyond the limit.
static size_t pick_room(const Arena *arena, size_t bytes) {
    size_t total = MAX_OF(arena->bytes, (size_t)FIRST_CHUNK_BYTES);
    total = MIN_OF(total, (size_t)MOST_CHUNK_BYTES);
    if (arena->limit != 0) {
        size_t left = arena->limit - MIN_OF(arena->bytes, arena->limit);
        total = MIN_OF(total, left & ~(size_t)7u);
    }
    size_t room = total > sizeof(ArenaChunk) ? total - sizeof(ArenaChunk) : 0;
    return MAX_OF(room, bytes);
}

void *arena_alloc(Arena *arena, size_t bytes) {
    if (bytes > SIZE_MAX - 7)
        return NULL;
    bytes = bytes == 0 ? 8 : ALIGN8(bytes);
    ArenaChunk *head = arena->chunks;
    if (head == NULL || head->room - head->used < bytes) {
        ArenaChunk *chunk = chunk_new(arena, pick_room(arena, bytes));
        if (chunk == NULL)
            return NULL;
        // Whichever has more left stays at the head, so that one large block wastes no open chunk.
        if (head != NULL && head->room - head->used > chunk->room - bytes) {
            chunk->next = head->next;
            head->next = chunk;
        } else {
            chunk->next = head;
            arena->chunks = chunk;
        }
        head = chunk;
    }
    void *block = chunk_data(head) + head->used;
    head->used += bytes;
    return block;
}

void *arena_array(Arena *arena, size_t count, size_t bytes) {
    size_t total;
    return size_mul(count, bytes, &total) ? arena_alloc(arena, total) : NULL;
}

void *arena_dup(Arena *arena, const void *data, size_t bytes) {
    void *block = arena_alloc(arena, bytes);
    if (block != NULL && bytes != 0)
        memcpy(block, data, bytes);
    return block;
}

char *arena_strdup(Arena *arena, const char *text) {
    return arena_dup(arena, text, strlen(text) + 1);
}

char *arena_strndup(Arena *arena, const char *text, size_t bytes) {
    const char *end = bytes != 0 ? memchr(text, 0, bytes) : NULL;
    if (end != NULL)
        bytes = (size_t)(end - text);
    size_t total;
    if (!size_add(bytes, 1, &total))
        return NULL;
    char *copy = arena_alloc(arena, total);
    if (copy != NULL && bytes != 0)
        memcpy(copy, text, bytes);
    return copy; // the block is zeroed: the NUL is there
}
