// Whom an event is about: its effective process and thread (etl-format I.2).
//
// Kernel events often have no ids in their header, or those of whoever happened to run. A plan is
// made once for each type; reading is two bounded loads. Pure; any thread.
#pragma once

#include "event/schema.h"

// Where one number stands in a payload: at a fixed offset for either pointer size.
typedef struct PayloadRef {
    int16_t at32, at64;       // -1: not there
    uint8_t bytes32, bytes64; // 1, 2, 4 or 8
} PayloadRef;

#define PAYLOAD_REF_NONE                                                                           \
    { -1, -1, 0, 0 }

// Of a top-level integer or pointer field, by name (case-blind); not found, or behind something of
// variable size: PAYLOAD_REF_NONE.
PayloadRef payload_ref(const Schema *schema, const char *name);
static inline bool payload_ref_get(const PayloadRef *ref, const EventRecord *record,
                                   uint64_t *ret) {
    bool narrow = (record->flags & EVENT_POINTER32) != 0;
    int at = narrow ? ref->at32 : ref->at64;
    uint32_t bytes = narrow ? ref->bytes32 : ref->bytes64;
    if (at < 0 || record->payload_bytes < bytes || (uint32_t)at > record->payload_bytes - bytes)
        return false;
    const uint8_t *p = record->payload + at;
    switch (bytes) {
    case 1:
        *ret = *p;
        return true;
    case 2:
        *ret = load_u16(p);
        return true;
    case 4:
        *ret = load_u32(p);
        return true;
    case 8:
        *ret = load_u64(p);
        return true;
    default:
        return false;
    }
}

typedef enum SubjectKind {
    SUBJECT_HEADER = 0, // the header's ids, when it has them
    SUBJECT_PROCESS, // the payload's process is the subject; the header's is its creator or the logger
    SUBJECT_THREAD,  // the same with a thread
    SUBJECT_PAYLOAD, // the payload says who did it; the header's ids do not count
    SUBJECT_TID, // the payload says only which thread: the process comes from the thread's history
} SubjectKind;

typedef struct SubjectPlan {
    uint8_t kind;      // SubjectKind
    bool match_header; // stacks: only the header's tid says whose the stack is; else, when it has
                       // none, the payload's
    bool no_stack; // never the target of a stack (StackWalk itself, injected events, completions)
    PayloadRef pid, tid;
    bool start; // Start and Load: the header's process is the creator
    bool actor; // Image/Load, Unload: the header's thread acts, in the process of the payload
} SubjectPlan;

typedef struct Subject {
    uint32_t pid, tid;    // UINT32_MAX: unknown. SUBJECT_TID: pid UINT32_MAX and a tid: ask the
                          // thread's history
    uint32_t match_tid;   // for stacks; UINT32_MAX: none, the time alone counts
    uint32_t creator_pid; // SUBJECT_PROCESS, SUBJECT_THREAD of start events: the header's; else MAX
} Subject;

// By class and opcode of the kernel's classic events, whatever session logs them; all others, and
// those whose payload lacks the field, are the header's. A classic event without a pid in its
// header takes the payload's PID or ProcessId.
SubjectPlan subject_plan(const Schema *schema);
void subject_read(const SubjectPlan *plan, const EventRecord *record, Subject *ret);
