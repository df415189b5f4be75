// The rules of etl-format I.2, as a table: class, opcodes (or ids), and which fields of the payload
// say whom the event is about. The first row that fits counts; no row: the header.
#include "event/subject.h"

enum {
    START = 1,        // SubjectPlan.start
    ACTOR = 2,        // SubjectPlan.actor
    MATCH_HEADER = 4, // SubjectPlan.match_header
    NO_STACK = 8,     // SubjectPlan.no_stack
};

typedef struct Rule {
    Guid class;
    uint8_t first, last; // opcodes, or ids
    uint8_t kind;        // SubjectKind
    uint8_t flags;
    const char *pid, *tid; // fields; NULL: none
} Rule;

// clang-format off
#define PROCESS    GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c)
#define THREAD     GUID_INIT(0x3d6fa8d1, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c)
#define IMAGE      GUID_INIT(0x2cb15d1d, 0x5fc1, 0x11d2, 0xab, 0xe1, 0x00, 0xa0, 0xc9, 0x11, 0xf5, 0x18)
#define TCP_IP     GUID_INIT(0x9a280ac0, 0xc8e0, 0x11d1, 0x84, 0xe2, 0x00, 0xc0, 0x4f, 0xb9, 0x98, 0xa2)
#define UDP_IP     GUID_INIT(0xbf3a50c5, 0xa9c9, 0x4988, 0xa0, 0x05, 0x2d, 0xf0, 0xb7, 0xc8, 0x0f, 0x80)
#define FILE_IO    GUID_INIT(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0x00, 0x00, 0xf8, 0x04, 0x64, 0xe3)
#define DISK_IO    GUID_INIT(0x3d6fa8d4, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c)
#define PAGE_FAULT GUID_INIT(0x3d6fa8d3, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c)
#define PERF_INFO  GUID_INIT(0xce1dbfb4, 0x137e, 0x4da6, 0x87, 0xb0, 0x3f, 0x59, 0xaa, 0x10, 0x2c, 0xbc)
#define STACK_WALK GUID_INIT(0xdef2fe46, 0x7bd6, 0x4b80, 0xbd, 0x94, 0xf5, 0x7f, 0xe2, 0x0d, 0x0c, 0xe3)
#define SYS_CONFIG GUID_INIT(0x01853a65, 0x418f, 0x4f36, 0xae, 0xfc, 0xdc, 0x0f, 0x1d, 0x2f, 0xd2, 0x35)
#define OBJECT     GUID_INIT(0x89497f50, 0xeffe, 0x4440, 0x8c, 0xf2, 0xce, 0x6b, 0x1c, 0xdc, 0xac, 0xa7)
// KernelTraceControl injects these with the time of the event that they go with.
#define IMAGE_ID   GUID_INIT(0xb3e675d7, 0x2554, 0x4f18, 0x83, 0x0b, 0x27, 0x62, 0x73, 0x25, 0x60, 0xde)
#define META_DATA  GUID_INIT(0xbbccf6c1, 0x6cd1, 0x48c4, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71)
#define SYS_CONFIG_EX GUID_INIT(0x9b79ee91, 0xb5fd, 0x41c0, 0xa2, 0x43, 0x42, 0x48, 0xe2, 0x66, 0xe9, 0xd0)
#define WIN_SAT    GUID_INIT(0xed54dff8, 0xc409, 0x4cf6, 0xbf, 0x83, 0x05, 0xe1, 0xe6, 0x1a, 0x09, 0xc4)

static const Rule rules[] = {
    {PROCESS, 1, 1, SUBJECT_PROCESS, START, "ProcessId", NULL},
    {PROCESS, 0, 255, SUBJECT_PROCESS, 0, "ProcessId", NULL},
    {THREAD, 1, 1, SUBJECT_THREAD, START, "ProcessId", "TThreadId"},
    {THREAD, 2, 4, SUBJECT_THREAD, 0, "ProcessId", "TThreadId"},
    {THREAD, 72, 72, SUBJECT_THREAD, 0, "ProcessId", "ThreadId"},
    {THREAD, 36, 36, SUBJECT_TID, 0, NULL, "NewThreadId"},
    // Its stack is that of the thread that made the other one ready.
    {THREAD, 50, 50, SUBJECT_TID, MATCH_HEADER, NULL, "TThreadId"},
    {IMAGE, 10, 10, SUBJECT_PROCESS, START | ACTOR, "ProcessId", NULL},
    {IMAGE, 2, 2, SUBJECT_PROCESS, ACTOR, "ProcessId", NULL},
    {IMAGE, 0, 255, SUBJECT_PROCESS, 0, "ProcessId", NULL},
    {TCP_IP, 0, 255, SUBJECT_PAYLOAD, 0, "PID", NULL},
    {UDP_IP, 0, 255, SUBJECT_PAYLOAD, 0, "PID", NULL},
    {FILE_IO, 37, 40, SUBJECT_PAYLOAD, 0, "ProcessId", NULL},
    {FILE_IO, 64, 95, SUBJECT_TID, 0, NULL, "TTID"},
    {DISK_IO, 10, 11, SUBJECT_TID, NO_STACK, NULL, "IssuingThreadId"},
    {DISK_IO, 14, 14, SUBJECT_TID, NO_STACK, NULL, "IssuingThreadId"},
    {DISK_IO, 55, 57, SUBJECT_TID, NO_STACK, NULL, "IssuingThreadId"},
    {DISK_IO, 0, 255, SUBJECT_TID, 0, NULL, "IssuingThreadId"},
    {PAGE_FAULT, 32, 32, SUBJECT_TID, 0, NULL, "TThreadId"},
    {PAGE_FAULT, 98, 99, SUBJECT_PAYLOAD, 0, "ProcessId", NULL},
    {PAGE_FAULT, 128, 129, SUBJECT_PAYLOAD, 0, "ProcessId", NULL},
    {PERF_INFO, 46, 47, SUBJECT_TID, 0, NULL, "ThreadId"},
    {STACK_WALK, 0, 255, SUBJECT_PAYLOAD, NO_STACK, "StackProcess", "StackThread"},
    {SYS_CONFIG, 15, 15, SUBJECT_PROCESS, 0, "ProcessId", NULL},
    {OBJECT, 38, 39, SUBJECT_PROCESS, 0, "ProcessId", NULL},
    {IMAGE_ID, 0, 255, SUBJECT_PAYLOAD, NO_STACK, "ProcessId", NULL},
    {META_DATA, 0, 255, SUBJECT_HEADER, NO_STACK, NULL, NULL},
    {SYS_CONFIG_EX, 0, 255, SUBJECT_HEADER, NO_STACK, NULL, NULL},
    {WIN_SAT, 0, 255, SUBJECT_HEADER, NO_STACK, NULL, NULL},
};
// Of manifest events, by id: Microsoft-Windows-Kernel-Process tells of the same things.
#define KERNEL_PROCESS GUID_INIT(0x22fb2cd6, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16)
static const Rule id_rules[] = {
    {KERNEL_PROCESS, 1, 1, SUBJECT_PROCESS, START | MATCH_HEADER, "ProcessID", NULL},
    {KERNEL_PROCESS, 2, 2, SUBJECT_PROCESS, MATCH_HEADER, "ProcessID", NULL},
    {KERNEL_PROCESS, 3, 3, SUBJECT_THREAD, START | MATCH_HEADER, "ProcessID", "ThreadID"},
    {KERNEL_PROCESS, 4, 4, SUBJECT_THREAD, MATCH_HEADER, "ProcessID", "ThreadID"},
    {KERNEL_PROCESS, 5, 5, SUBJECT_PROCESS, START | ACTOR | MATCH_HEADER, "ProcessID", NULL},
    {KERNEL_PROCESS, 6, 6, SUBJECT_PROCESS, ACTOR | MATCH_HEADER, "ProcessID", NULL},
    {KERNEL_PROCESS, 15, 15, SUBJECT_PROCESS, MATCH_HEADER, "ProcessID", NULL},
};
// clang-format on

static const Rule *find_rule(const Rule *list, size_t n, const Guid *guid, uint32_t number) {
    for (size_t i = 0; i < n; i++)
        if (number >= list[i].first && number <= list[i].last && guid_equal(&list[i].class, guid))
            return &list[i];
    return NULL;
}

static const Rule *rule_of(const Schema *schema) {
    return schema->event_flags & EVENT_CLASSIC
               ? find_rule(rules, ARRAY_COUNT(rules), &schema->provider, schema->desc.opcode)
               : find_rule(id_rules, ARRAY_COUNT(id_rules), &schema->provider, schema->desc.id);
}

static PayloadRef ref_of(const Schema *schema, const char *name) {
    return name ? payload_ref(schema, name) : (PayloadRef)PAYLOAD_REF_NONE;
}

static bool is_there(const PayloadRef *ref) {
    return ref->at32 >= 0 || ref->at64 >= 0;
}

SubjectPlan subject_plan(const Schema *schema) {
    SubjectPlan plan = {.kind = SUBJECT_HEADER,
                        .match_header = true,
                        .pid = PAYLOAD_REF_NONE,
                        .tid = PAYLOAD_REF_NONE};
    const Rule *rule = rule_of(schema);
    if (rule) {
        plan.no_stack = (rule->flags & NO_STACK) != 0;
        plan.pid = ref_of(schema, rule->pid);
        plan.tid = ref_of(schema, rule->tid);
        if (is_there(&plan.pid) || is_there(&plan.tid)) {
            plan.kind = rule->kind;
            plan.match_header = (rule->flags & MATCH_HEADER) != 0;
            plan.start = (rule->flags & START) != 0;
            plan.actor = (rule->flags & ACTOR) != 0;
        }
    }
    // A classic event without ids in its header still tells its process when its payload does.
    if (plan.kind == SUBJECT_HEADER && (schema->event_flags & EVENT_CLASSIC)) {
        plan.pid = payload_ref(schema, "PID");
        if (!is_there(&plan.pid))
            plan.pid = payload_ref(schema, "ProcessId");
    }
    return plan;
}

static uint32_t id_at(const PayloadRef *ref, const EventRecord *record) {
    uint64_t v;
    // A pointer that holds an id may carry more than its 32 bits only when it is no id.
    return payload_ref_get(ref, record, &v) && v <= UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

void subject_read(const SubjectPlan *plan, const EventRecord *record, Subject *ret) {
    if (plan->kind == SUBJECT_HEADER && record->pid != UINT32_MAX) { // most of all events
        ret->pid = record->pid;
        ret->tid = ret->match_tid = record->tid;
        ret->creator_pid = UINT32_MAX;
        return;
    }
    Subject s = {record->pid, record->tid, record->tid, UINT32_MAX};
    uint32_t pid = id_at(&plan->pid, record), tid = id_at(&plan->tid, record);
    if (plan->kind == SUBJECT_HEADER) {
        if (s.pid == UINT32_MAX)
            s.pid = pid;
        *ret = s;
        return;
    }
    if (pid != UINT32_MAX || tid != UINT32_MAX) { // else the payload is cut short: the header
        bool same_process = plan->kind == SUBJECT_PAYLOAD && pid == record->pid;
        if (tid == UINT32_MAX && (plan->actor || same_process))
            tid = record->tid;
        if (plan->kind == SUBJECT_TID && tid == record->tid)
            pid = record->pid;
        s.pid = pid;
        s.tid = tid;
        if (plan->start)
            s.creator_pid = record->pid;
        if (s.match_tid == UINT32_MAX && !plan->match_header)
            s.match_tid = tid;
    }
    *ret = s;
}
