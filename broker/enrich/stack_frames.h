// The addresses of a stack, or of its kernel or user part: immutable, counted, each sequence once.
// Owner: stacks; the loop.
#pragma once

#include "event/enriched.h"

typedef struct FrameStore FrameStore;

typedef struct Frames {
    uint64_t id; // unique in the program's life
    FrameStore *store;
    struct Frames *next; // of its bucket
    uint32_t refs, hash;
    uint16_t n; // 1 … STACK_MAX_FRAMES
    uint8_t pointer_size;
    bool cut;                        // there were more
    bool begins_kernel, ends_kernel; // its innermost and its outermost frame
    uint64_t address[];
} Frames;

int frame_store_new(FrameStore **ret);
FrameStore *frame_store_free(FrameStore *store); // every reference has been given back
// Addresses of `width` (4 or 8) bytes; bytes that make no whole one are ignored. A reference; NULL:
// none in it, or no memory.
Frames *frames_get(FrameStore *store, const uint8_t *addresses, size_t bytes, uint8_t width,
                   uint8_t pointer_size);
Frames *frames_ref(Frames *frames);
Frames *frames_unref(Frames *frames); // returns NULL; NULL is allowed
size_t frames_charge(const Frames *frames);
size_t frame_store_bytes(const FrameStore *store);
