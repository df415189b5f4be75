// Kernel types: the words that stand for parts of the system trace (Process, Image, File, Registry,
// Network …), their classic classes and opcodes, and what StartTrace and TraceSetInformation need
// for them. Constant tables, no state; any thread.
#pragma once

#include "util/guid.h"

#define KERNEL_MAX_TYPES  64u
#define KERNEL_MASK_WORDS 8u // PERFINFO_GROUPMASK; word 0 is EnableFlags

typedef uint64_t KernelSet; // bit per kernel type, by index
#define KERNEL_BIT(index) (UINT64_C(1) << (index))
#define KERNEL_ALL        UINT64_MAX // "*": every type, and kernel classes that no type covers

enum {
    KERNEL_HOT = 1, // tens of thousands of events a second on an idle machine: warn
};

typedef struct KernelClassOps {
    const Guid *class_guid;
    const char *opcodes; // "1-4,39": ascending, inclusive; "" = all
} KernelClassOps;

typedef struct KernelStackId { // CLASSIC_EVENT_ID
    const Guid *class_guid;
    uint8_t opcode;
} KernelStackId;

typedef struct KernelType {
    const char *name;    // "Image"
    const char *aliases; // "image_load,imageload,loader"
    uint32_t flags;      // EVENT_TRACE_FLAG_*: word 0 of the group mask
    uint8_t mask_word;   // a further word of the group mask, 0 = none
    uint32_t mask_bits;
    uint8_t options; // KERNEL_*
    uint8_t n_classes, n_stacks;
    KernelClassOps classes[3];
    KernelStackId stacks[6]; // events that get a stack under "-Stack TYPE"; none: not supported
} KernelType;

uint32_t kernel_type_count(void);
const KernelType *kernel_type(uint32_t index); // NULL beyond the last
// Index of a type by name or alias (case-blind, '_' ignored), or -1.
int kernel_type_find(const char *name);
// Types whose name matches a glob (case-blind); "*" gives KERNEL_ALL; 0 when none does.
KernelSet kernel_types_match(const char *pattern);
// Is it one of the kernel's classic classes? Then *ret_group (may be NULL) is its group number.
bool kernel_is_class(const Guid *guid, uint8_t *ret_group);
const Guid *kernel_class(uint8_t group);      // NULL for no such group
const char *kernel_class_name(uint8_t group); // "FileIo"; "" for no such group
// Do these types cover this event?
bool kernel_matches(KernelSet types, const Guid *class_guid, uint8_t opcode);
// Types that have this class, whatever their opcodes; 0 when it is none of the kernel's.
KernelSet kernel_types_of_class(const Guid *class_guid);
// Group mask of a set (KERNEL_ALL: of all types in the table).
void kernel_masks(KernelSet types, uint32_t ret_words[KERNEL_MASK_WORDS]);
// SystemTraceControlGuid {9e814aad-…}: the provider "kernel".
extern const Guid kernel_control_guid;
