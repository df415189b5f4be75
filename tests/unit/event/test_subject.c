// Whose an event is: every rule of etl-format I.2, for both widths of pointers.
#include "unit/event/make.h"

#include "event/subject.h"

#define NONE UINT32_MAX
#define P    4660u  // of the header
#define T    22136u // of the header

static Made m;
static SubjectPlan plan;
static Subject s;

static void tear_down(void) {
    made_free(&m);
}

// hex: the payload. ids: the header has pid and tid.
static void look(const char *class, int opcode, int version, const char *hex, int pointer,
                 bool ids) {
    made_free(&m);
    make_kernel(&m, class, opcode, version, hex, pointer);
    if (!ids)
        m.record.pid = m.record.tid = NONE;
    plan = subject_plan(m.schema);
    subject_read(&plan, &m.record, &s);
}

static void is(uint32_t pid, uint32_t tid, uint32_t match, uint32_t creator, const char *what) {
    cr_assert(s.pid == pid && s.tid == tid, "%s: pid %u tid %u", what, s.pid, s.tid);
    cr_assert_eq(s.match_tid, match, "%s: match %u", what, s.match_tid);
    cr_assert_eq(s.creator_pid, creator, "%s: creator %u", what, s.creator_pid);
}

#define Q "1122334455667788 "

Test(subject, process, .fini = tear_down) {
    // Key, pid 256, parent 512.
    look("Process", 1, 4, Q "00010000 00020000", 8, true);
    cr_assert_eq(plan.kind, SUBJECT_PROCESS);
    is(256, NONE, T, P, "start: its creator is the header's");
    look("Process", 1, 4, "11223344 00010000 00020000", 4, true);
    is(256, NONE, T, P, "start, 32 bits");
    look("Process", 2, 4, Q "00010000 00020000", 8, true);
    is(256, NONE, T, NONE, "stop");
    look("Process", 3, 4, Q "00010000 00020000", 8, false);
    is(256, NONE, NONE, NONE, "rundown");
    look("Process", 39, 5, Q "00010000 00020000", 8, false);
    is(256, NONE, NONE, NONE, "defunct");
    look("Process", 11, 2, "00010000", 8, true);
    is(256, NONE, T, NONE, "terminate");
    look("Process", 32, 2, "00010000", 8, false);
    is(256, NONE, NONE, NONE, "performance counters");
    look("Process", 33, 2, "00010000", 8, false);
    is(256, NONE, NONE, NONE, "performance counters, rundown");
    look("Process", 1, 0, "0001000000000000 0002000000000000", 8, true);
    is(256, NONE, T, P, "version 0: the pid is a pointer");
    look("Process", 1, 0, "00010000 00020000", 4, true);
    is(256, NONE, T, P, "version 0, 32 bits");
    look("Process", 1, 0, "0001000001000000 00", 8, true);
    is(P, T, T, NONE, "no pid is that large");
    // One byte short of the pid, and just enough.
    look("Process", 1, 4, Q "000100", 8, true);
    is(P, T, T, NONE, "cut short: the header's");
    look("Process", 1, 4, Q "00010000", 8, true);
    is(256, NONE, T, P, "just enough");
    look("Process", 1, 4, "", 8, false);
    is(NONE, NONE, NONE, NONE, "nothing at all");
}

Test(subject, thread, .fini = tear_down) {
    look("Thread", 1, 3, "00010000 00020000", 8, true);
    cr_assert_eq(plan.kind, SUBJECT_THREAD);
    is(256, 512, T, P, "start");
    for (int opcode = 2; opcode <= 4; opcode++) {
        look("Thread", opcode, 3, "00010000 00020000", 8, true);
        is(256, 512, T, NONE, "stop, rundown");
    }
    look("Thread", 3, 3, "00010000 00020000", 8, false);
    is(256, 512, 512, NONE, "rundown without ids");
    look("Thread", 1, 0, "00020000 00010000", 8, true);
    is(256, 512, T, P, "version 0 has them the other way round");
    look("Thread", 72, 2, "00010000 00020000 0000", 8, false);
    is(256, 512, 512, NONE, "name");
    look("Thread", 36, 2, "00010000 00020000", 8, false);
    cr_assert_eq(plan.kind, SUBJECT_TID);
    is(NONE, 256, 256, NONE, "switch: the new one");
    look("Thread", 36, 4, "00010000 00020000", 8, false);
    is(NONE, 256, 256, NONE, "switch, version 4");
    look("Thread", 50, 2, "00010000 00000000", 8, false);
    is(NONE, 256, NONE, NONE, "ready: the stack is another thread's");
    look("Thread", 50, 2, "00010000 00000000", 8, true);
    is(NONE, 256, T, NONE, "ready");
    look("Thread", 48, 3, "00010000 0000", 8, true);
    is(P, T, T, NONE, "priority: the header's");
}

Test(subject, image, .fini = tear_down) {
    look("Image", 10, 3, Q Q "00010000", 8, true);
    cr_assert_eq(plan.kind, SUBJECT_PROCESS);
    is(256, T, T, P, "load");
    look("Image", 2, 3, Q Q "00010000", 8, true);
    is(256, T, T, NONE, "unload");
    look("Image", 3, 3, Q Q "00010000", 8, true);
    is(256, NONE, T, NONE, "rundown: the header is the logger's");
    look("Image", 4, 2, Q Q "00000000", 8, false);
    is(0, NONE, NONE, NONE, "rundown of a driver");
    look("Image", 10, 1, "11223344 55667788 00010000", 4, false);
    is(256, NONE, NONE, NONE, "load without ids");
    look("Image", 10, 0, Q "00000000", 8, true);
    is(P, T, T, NONE, "version 0 has no pid");
    look("Image", 33, 2, Q, 8, false);
    is(NONE, NONE, NONE, NONE, "kernel base");
}

Test(subject, network, .fini = tear_down) {
    look("TcpIp", 10, 2, "00010000", 8, false);
    cr_assert_eq(plan.kind, SUBJECT_PAYLOAD);
    is(256, NONE, NONE, NONE, "send");
    look("TcpIp", 31, 2, "00010000", 8, true);
    is(256, NONE, T, NONE, "accept: the header is whoever ran");
    look("UdpIp", 27, 2, "34120000", 8, true);
    is(P, T, T, NONE, "when the process is the header's, so is the thread");
    look("TcpIp", 10, 0, "00000000 00000000 0000 0000 00000000 00010000", 8, false);
    is(256, NONE, NONE, NONE, "version 0: the pid stands last");
    look("TcpIp", 17, 2, "0100 0200", 8, true);
    is(P, T, T, NONE, "fail has no pid");
}

Test(subject, files_and_disks, .fini = tear_down) {
    // v2: Irp, TTID as wide as a pointer; v3: Irp, FileObject, FileKey, TTID.
    look("FileIo", 66, 2, Q "0001000000000000" Q Q, 8, true);
    cr_assert_eq(plan.kind, SUBJECT_TID);
    is(NONE, 256, T, NONE, "close, version 2");
    look("FileIo", 66, 2, "11223344 00010000", 4, false);
    is(NONE, 256, 256, NONE, "close, version 2, 32 bits");
    look("FileIo", 66, 3, Q Q Q "00010000", 8, false);
    is(NONE, 256, 256, NONE, "close, version 3");
    look("FileIo", 66, 3, Q Q Q "78560000", 8, true);
    is(P, T, T, NONE, "the header's own thread: the header's process");
    look("FileIo", 64, 3, Q Q "00010000", 8, true);
    is(NONE, 256, T, NONE, "create");
    look("FileIo", 67, 3, Q Q Q Q "00010000", 8, true);
    is(NONE, 256, T, NONE, "read");
    look("FileIo", 80, 3, Q Q Q Q "00010000", 8, true);
    is(NONE, 256, T, NONE, "rename path");
    look("FileIo", 76, 3, Q Q "00000000", 8, true);
    is(P, T, T, NONE, "end: the header's");
    look("FileIo", 36, 2, Q "0000", 8, false);
    is(NONE, NONE, NONE, NONE, "names belong to nobody");
    look("FileIo", 37, 2, Q Q Q Q "00010000", 8, true);
    is(256, NONE, T, NONE, "map");
    look("FileIo", 40, 3, Q Q Q Q "00010000", 8, false);
    is(256, NONE, NONE, NONE, "map, rundown");

    look("DiskIo", 10, 3, "00000000 00000000 00000000 00000000 0000000000000000" Q Q Q "00010000",
         8, false);
    is(NONE, 256, 256, NONE, "read");
    cr_assert(plan.no_stack);
    look("DiskIo", 12, 3, Q "00010000", 8, true);
    is(NONE, 256, T, NONE, "its start: the header's is whoever ran");
    cr_assert_not(plan.no_stack);
    look("DiskIo", 12, 2, Q, 8, true);
    is(P, T, T, NONE, "version 2 does not tell");
    look("DiskIo", 14, 3, "00000000 00000000" Q Q "00010000", 8, false);
    is(NONE, 256, 256, NONE, "flush");
    cr_assert(plan.no_stack);
    look("DiskIo", 57, 3, "00000000 00000000" Q Q "00010000", 8, false);
    is(NONE, 256, 256, NONE, "optical flush");
    cr_assert(plan.no_stack);
    look("DiskIo", 58, 3, Q "00010000", 8, false);
    cr_assert_not(plan.no_stack);
}

Test(subject, memory_and_samples, .fini = tear_down) {
    look("PageFault", 32, 2, Q Q Q Q "00010000 00100000", 8, false);
    is(NONE, 256, 256, NONE, "hard fault");
    look("PageFault", 98, 2, Q Q "00010000 00000000", 8, true);
    is(256, NONE, T, NONE, "allocation");
    look("PageFault", 129, 2, Q Q "00010000 00000000", 8, false);
    is(256, NONE, NONE, NONE, "allocation, rundown");
    look("PageFault", 11, 2, Q Q, 8, true);
    is(P, T, T, NONE, "soft fault");
    look("PerfInfo", 46, 2, Q "00010000 0100 0000", 8, false);
    is(NONE, 256, 256, NONE, "sample");
    look("PerfInfo", 46, 2, Q "00000000 0100 0000", 8, false);
    is(NONE, 0, 0, NONE, "sample of the idle thread");
    look("PerfInfo", 51, 2, Q, 8, true);
    is(P, T, T, NONE, "system call");
}

Test(subject, the_rest, .fini = tear_down) {
    for (int opcode = 32; opcode <= 38; opcode = opcode == 32 ? 37 : opcode + 1) {
        look("StackWalk", opcode, 2, Q "00010000 00020000" Q, 8, false);
        is(256, 512, 512, NONE, "stack");
        cr_assert(plan.no_stack && plan.kind == SUBJECT_PAYLOAD);
    }
    look("StackWalk", 36, 2, Q Q, 8, false);
    is(NONE, NONE, NONE, NONE, "definition");
    cr_assert(plan.no_stack);
    look("SystemConfig", 15, 3, "00010000 04000000 07000000", 8, true);
    is(256, NONE, T, NONE, "service");
    look("ImageID", 36, 2, Q "34120000", 8, true);
    is(P, T, T, NONE, "injected");
    cr_assert(plan.no_stack);
    look("MetaData", 32, 0, "00", 8, true);
    cr_assert(plan.no_stack);
    look("SysConfig", 35, 0, "00000000", 8, true);
    cr_assert(plan.no_stack);
    look("ObTrace", 38, 2, Q "00010000 04000000 0200 0000", 8, false);
    is(256, NONE, NONE, NONE, "handle, rundown");
    look("ObTrace", 32, 2, Q "04000000 0200 0000", 8, true);
    is(P, T, T, NONE, "handle");
    look("Registry", 11, 2, Q "00000000 00000000" Q "0000", 8, true);
    is(P, T, T, NONE, "registry: the header's");
    cr_assert_not(plan.no_stack);
    look("HeapTrace", 38, 2, Q Q Q Q "00000000 00010000", 8, false);
    is(256, NONE, NONE, NONE, "a classic event without ids takes the payload's");
    look("HeapTrace", 38, 2, Q Q Q Q "00000000 00010000", 8, true);
    is(P, T, T, NONE, "but the header's counts");
}

Test(subject, other_providers_are_the_headers, .fini = tear_down) {
    static const SchemaField fields[] = {FIELD("ProcessId", IN_U32, OUT_PID),
                                         FIELD("ThreadId", IN_U32, OUT_TID)};
    make(&m, fields, 2, 2, "00010000 00020000", 8);
    plan = subject_plan(m.schema);
    subject_read(&plan, &m.record, &s);
    is(P, T, T, NONE, "manifest");
    m.record.pid = m.record.tid = NONE;
    subject_read(&plan, &m.record, &s);
    is(NONE, NONE, NONE, NONE, "manifest, no ids");
    // The class alone does not make it a classic event.
    m.schema->provider =
        (Guid)GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
    m.schema->desc.opcode = 1;
    plan = subject_plan(m.schema);
    cr_assert_eq(plan.kind, SUBJECT_HEADER);
    m.schema->event_flags = EVENT_CLASSIC;
    plan = subject_plan(m.schema);
    cr_assert_eq(plan.kind, SUBJECT_PROCESS);
}

Test(subject, refs_stop_at_what_has_no_fixed_place, .fini = tear_down) {
    static const SchemaField fields[] = {
        FIELD("One", IN_U8, OUT_DEFAULT),
        FIELD("Two", IN_I16, OUT_DEFAULT),
        FIELD("Pointer", IN_POINTER, OUT_DEFAULT),
        FIELD("Wide", IN_HEX64, OUT_DEFAULT),
        FIELD("Real", IN_DOUBLE, OUT_DEFAULT),
        COUNTED("List", IN_U32, OUT_DEFAULT, EXTENT_FIXED, 2),
        FIELD("Text", IN_UTF16, OUT_DEFAULT),
        FIELD("Behind", IN_U32, OUT_DEFAULT),
    };
    make(&m, fields, 8, 8, "01 feff 0102030405060708 1112131415161718", 8);
    uint64_t v = 0;
    PayloadRef ref = payload_ref(m.schema, "one");
    cr_assert(payload_ref_get(&ref, &m.record, &v) && v == 1);
    ref = payload_ref(m.schema, "TWO");
    cr_assert(payload_ref_get(&ref, &m.record, &v) && v == 0xfffe);
    ref = payload_ref(m.schema, "Pointer");
    cr_assert(payload_ref_get(&ref, &m.record, &v) && v == UINT64_C(0x0807060504030201));
    m.record.flags = EVENT_POINTER32;
    cr_assert(payload_ref_get(&ref, &m.record, &v) && v == 0x04030201);
    ref = payload_ref(m.schema, "Wide");
    m.record.payload_bytes = 14; // with narrow pointers it ends at 15
    cr_assert_not(payload_ref_get(&ref, &m.record, &v));
    m.record.payload_bytes = 15;
    cr_assert(payload_ref_get(&ref, &m.record, &v));
    static const char *const no[] = {"Real", "List", "Text", "Behind", "", "Nothing"};
    m.record.payload_bytes = 64;
    for (size_t i = 0; i < ARRAY_COUNT(no); i++) {
        ref = payload_ref(m.schema, no[i]);
        cr_assert_not(payload_ref_get(&ref, &m.record, &v), "%s", no[i]);
    }
}
