// Image, process and stack events as the kernel logs them, for the tests of images and stacks.
#pragma once

#include <criterion/criterion.h>

#include "enrich/stacks.h"
#include "schema/store.h"

extern const Guid class_image, class_process, class_image_id, class_stack_walk;

typedef struct TestImage {
    uint32_t pid;
    uint64_t base, size;
    const char *path;
    uint32_t timestamp;
} TestImage;

// An event in a buffer of its own: put, then event_schema. Ordinal and raw time are set by the
// caller.
typedef struct TestEvent {
    EventRecord record;
    uint8_t payload[4096];
} TestEvent;

void event_start(TestEvent *e, const Guid *class, uint8_t opcode, uint8_t version, bool narrow);
void event_u16(TestEvent *e, uint16_t v);
void event_u32(TestEvent *e, uint32_t v);
void event_u64(TestEvent *e, uint64_t v);
void event_pointer(TestEvent *e, uint64_t v);      // as wide as the event's
void event_utf16(TestEvent *e, const char *ascii); // with its NUL
void event_ansi(TestEvent *e, const char *ascii);
Schema *event_schema(SchemaStore *store, const TestEvent *e); // the caller's reference

// Image events of version 0 … 3.
void event_image(TestEvent *e, uint8_t opcode, uint8_t version, bool narrow,
                 const TestImage *image);
// StackWalk 32, 37, 38 and 34 … 36.
void event_stack(TestEvent *e, uint64_t raw_time, uint32_t pid, uint32_t tid,
                 const uint64_t *frames, uint32_t n);
void event_reference(TestEvent *e, bool user, uint64_t raw_time, uint32_t pid, uint32_t tid,
                     uint64_t key);
void event_definition(TestEvent *e, uint8_t opcode, uint64_t key, const uint64_t *frames,
                      uint32_t n);
