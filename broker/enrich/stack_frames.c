#include "enrich/stack_frames.h"

#include "enrich/images.h"
#include "enrich/text.h"
#include "util/map.h"
#include "util/mem.h"

struct FrameStore {
    Frames **buckets;
    uint32_t n_buckets, n;
    size_t bytes;
    uint64_t scratch[STACK_MAX_FRAMES];
};

int frame_store_new(FrameStore **ret) {
    *ret = mem_zalloc(sizeof **ret);
    return *ret ? 0 : -STATUS_NO_MEMORY;
}

FrameStore *frame_store_free(FrameStore *store) {
    if (store) {
        mem_free(store->buckets);
        mem_free(store);
    }
    return NULL;
}

static void grow(FrameStore *store) {
    uint32_t n = store->n_buckets ? store->n_buckets * 2 : 256;
    Frames **buckets = n ? mem_array(n, sizeof(*buckets)) : NULL;
    if (!buckets)
        return; // longer chains are no harm
    for (uint32_t i = 0; i < store->n_buckets; i++)
        for (Frames *f = store->buckets[i], *next; f; f = next) {
            next = f->next;
            f->next = buckets[f->hash & (n - 1)];
            buckets[f->hash & (n - 1)] = f;
        }
    store->bytes += (n - store->n_buckets) * sizeof(*buckets);
    mem_free(store->buckets);
    store->buckets = buckets;
    store->n_buckets = n;
}

static Frames *find(FrameStore *store, const Frames *like, const uint64_t *address) {
    Frames *f = store->n_buckets ? store->buckets[like->hash & (store->n_buckets - 1)] : NULL;
    for (; f; f = f->next)
        if (f->hash == like->hash && f->n == like->n && f->pointer_size == like->pointer_size &&
            f->cut == like->cut && memcmp(f->address, address, f->n * sizeof *address) == 0)
            return f;
    return NULL;
}

Frames *frames_get(FrameStore *store, const uint8_t *addresses, size_t bytes, uint8_t width,
                   uint8_t pointer_size) {
    size_t n = bytes / width;
    if (n == 0)
        return NULL;
    Frames like = {.store = store, .refs = 1, .pointer_size = pointer_size};
    like.cut = n > STACK_MAX_FRAMES;
    like.n = (uint16_t)MIN_OF(n, STACK_MAX_FRAMES);
    uint64_t *to = store->scratch;
    for (uint16_t i = 0; i < like.n; i++)
        to[i] = width == 4 ? load_u32(addresses + i * 4u) : load_u64(addresses + i * 8u);
    // Keyed: whoever makes stacks must not be able to make them collide.
    like.hash = (uint32_t)map_hash_bytes(to, like.n * sizeof *to);
    Frames *frames = find(store, &like, to);
    if (frames)
        return frames_ref(frames);
    if (store->n >= store->n_buckets)
        grow(store);
    frames = store->n_buckets ? mem_alloc(sizeof *frames + like.n * sizeof *to) : NULL;
    if (!frames)
        return NULL;
    like.id = serial_next();
    like.begins_kernel = address_is_kernel(to[0], pointer_size);
    like.ends_kernel = address_is_kernel(to[like.n - 1], pointer_size);
    Frames **bucket = &store->buckets[like.hash & (store->n_buckets - 1)];
    like.next = *bucket;
    *bucket = frames;
    memcpy(frames, &like, sizeof like);
    memcpy(frames->address, to, like.n * sizeof *to);
    store->n++;
    store->bytes += frames_charge(frames);
    return frames;
}

Frames *frames_ref(Frames *frames) {
    frames->refs++;
    return frames;
}

Frames *frames_unref(Frames *frames) {
    if (!frames || --frames->refs > 0)
        return NULL;
    FrameStore *store = frames->store;
    Frames **at = &store->buckets[frames->hash & (store->n_buckets - 1)];
    while (*at != frames)
        at = &(*at)->next;
    *at = frames->next;
    store->n--;
    store->bytes -= frames_charge(frames);
    mem_free(frames);
    return NULL;
}

size_t frames_charge(const Frames *frames) {
    return sizeof *frames + frames->n * sizeof frames->address[0];
}

size_t frame_store_bytes(const FrameStore *store) {
    return store->bytes;
}
