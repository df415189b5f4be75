// The kernel's classes: names, layouts and corrections, version fallback.
#include "blob.h"

#include "schema/kernel_mof.h"
#include "util/mem.h"

static const Guid process =
    GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static Schema *schema;
static size_t before;

static void set_up(void) {
    before = mem_in_use();
    schema = NULL;
}

static void tear_down(void) {
    schema = schema_unref(schema);
    cr_assert(mem_in_use() == before);
}

static const MofClass *class_of(const char *name) {
    for (uint32_t i = 0; i < kernel_mof_n_classes; i++)
        if (strcmp(kernel_mof_classes[i].name, name) == 0)
            return &kernel_mof_classes[i];
    return NULL;
}

static int compile(const char *class, uint8_t opcode, uint8_t version) {
    schema = schema_unref(schema);
    const MofClass *c = class_of(class);
    cr_assert(c != NULL, "%s", class);
    EventDescriptor d = {.opcode = opcode, .version = version};
    return kernel_mof_compile(&c->guid, &d, &schema);
}

static const SchemaField *field(const char *name) {
    int i = schema_field_index(schema, name);
    cr_assert(i >= 0, "%s has no %s", schema->event_name, name);
    return &schema->fields[i];
}

Test(kernel_mof, every_event_compiles, .init = set_up, .fini = tear_down) {
    uint32_t n = 0;
    for (uint32_t c = 0; c < kernel_mof_n_classes; c++) {
        const MofClass *class = &kernel_mof_classes[c];
        cr_assert(kernel_mof_class(&class->guid) == class, "%s: its GUID stands twice",
                  class->name);
        for (uint32_t i = 0; i < class->n_events; i++) {
            const MofEvent *e = &kernel_mof_events[class->first_event + i];
            cr_assert(kernel_mof_event(class, e->opcode, e->version) == e, "%s %u v%u stands twice",
                      class->name, e->opcode, e->version);
            EventDescriptor d = {.opcode = e->opcode, .version = e->version};
            schema = schema_unref(schema);
            cr_assert(kernel_mof_compile(&class->guid, &d, &schema) == 0, "%s", e->event_name);
            cr_assert(schema->n_top == e->n_fields && schema->n_fields == e->n_fields);
            cr_assert(strcmp(schema->event_name, e->event_name) == 0);
            n++;
        }
    }
    cr_assert(n > 500, "%u", n);
}

Test(kernel_mof, names_as_traceevent_has_them, .init = set_up, .fini = tear_down) {
    static const struct {
        const char *class;
        uint8_t opcode, version;
        const char *event, *opcode_name;
    } cases[] = {
        {"EventTrace", 0, 2, "EventTrace", "Header"},
        {"EventTrace", 8, 2, "EventTrace/RundownComplete", "RDComplete"},
        {"Process", 1, 4, "Process/Start", "Start"},
        {"Process", 2, 4, "Process/Stop", "End"},
        {"Process", 4, 4, "Process/DCStop", "DCEnd"},
        {"Process", 11, 2, "Process/Terminate", "Terminate"},
        {"Thread", 36, 4, "Thread/CSwitch", "CSwitch"},
        {"Thread", 50, 2, "Dispatcher/ReadyThread", "ReadyThread"},
        {"Thread", 61, 2, "Thread/ThreadMigration", "Thread Migration"},
        {"Thread", 64, 2, "Thread/WorkerThreadStart", "Start"},
        {"Image", 10, 3, "Image/Load", "Load"},
        {"Image", 2, 3, "Image/Unload", "UnLoad"},
        {"FileIo", 64, 3, "FileIO/Create", "Create"},
        {"FileIo", 79, 3, "FileIO/DeletePath", "DeletePath"},
        {"FileIo", 40, 2, "FileIO/MapFileDCStop", "MapFileDCEnd"},
        {"TcpIp", 12, 2, "TcpIp/Connect", "ConnectIPV4"},
        {"TcpIp", 28, 2, "TcpIp/ConnectIPV6", "ConnectIPV6"},
        {"UdpIp", 10, 2, "UdpIp/Send", "SendIPV4"},
        {"DiskIo", 10, 3, "DiskIO/Read", "Read"},
        {"PageFault", 32, 2, "Memory/HardFault", "HardFault"},
        {"PageFault", 98, 2, "VirtualMem/Alloc", "VirtualAlloc"},
        {"PerfInfo", 46, 2, "PerfInfo/Sample", "SampleProf"},
        {"Registry", 14, 2, "Registry/SetValue", "SetValue"},
        {"StackWalk", 32, 2, "StackWalk/Stack", "Stack"},
        {"ALPC", 33, 2, "ALPC/SendMessage", "ALPC-Send-Message"},
        {"ObTrace", 32, 2, "Object/CreateHandle", "CreateHandle"},
        {"SysConfig", 35, 0, "SysConfig/VolumeMapping", "VolumeMapping"},
        {"ImageID", 36, 2, "ImageID/DbgID_RSDS", "DbgID_RSDS"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_assert(compile(cases[i].class, cases[i].opcode, cases[i].version) == 0);
        cr_assert(strcmp(schema->event_name, cases[i].event) == 0, "%s", schema->event_name);
        cr_assert(strcmp(schema->opcode_name, cases[i].opcode_name) == 0, "%s",
                  schema->opcode_name);
        cr_assert(strcmp(schema->task_name, cases[i].class) == 0);
    }
    cr_assert(compile("Process", 1, 4) == 0 &&
              strcmp(schema->provider_name, "Windows Kernel") == 0);
    cr_assert(compile("ImageID", 0, 2) == 0 &&
              strcmp(schema->provider_name, "KernelTraceControl") == 0);
}

Test(kernel_mof, versions_fall_back_downwards, .init = set_up, .fini = tear_down) {
    cr_assert(compile("Process", 1, 4) == 0 && schema_field_index(schema, "PackageFullName") >= 0);
    cr_assert(compile("Process", 1, 200) == 0 &&
              schema_field_index(schema, "PackageFullName") >= 0);
    cr_assert(schema->desc.version == 200, "the event's own version stays");
    cr_assert(compile("Process", 1, 3) == 0 && schema_field_index(schema, "PackageFullName") == -1);
    cr_assert(compile("Process", 39, 4) == 0 && schema_field_index(schema, "ExitTime") == -1);
    cr_assert(compile("Process", 39, 5) == 0 && field("ExitTime")->in_type == IN_FILETIME);
    cr_assert(compile("Process", 39, 1) == BUILDER_BAD, "older than any that is known");
    cr_assert(compile("Process", 200, 4) == BUILDER_BAD);
    EventDescriptor d = {.opcode = 1, .version = 4};
    cr_assert(kernel_mof_compile(&test_provider, &d, &schema) == BUILDER_BAD);
}

Test(kernel_mof, corrections, .init = set_up, .fini = tear_down) {
    cr_assert(compile("TcpIp", 10, 2) == 0);
    cr_assert(field("connid")->in_type == IN_POINTER && field("daddr")->out_type == OUT_IPV4);
    cr_assert(field("dport")->in_type == IN_U16 && field("dport")->out_type == OUT_PORT);
    cr_assert(compile("TcpIp", 26, 2) == 0);
    cr_assert(field("daddr")->in_type == IN_BINARY && field("daddr")->length == 16);
    cr_assert(field("daddr")->length_kind == EXTENT_FIXED && field("daddr")->out_type == OUT_IPV6);
    cr_assert(compile("TcpIp", 10, 1) == 0 && field("connid")->in_type == IN_U32);
    cr_assert(compile("UdpIp", 27, 2) == 0 && field("connid")->in_type == IN_POINTER);
    cr_assert(compile("FileIo", 67, 3) == 0 && field("ExtraFlags")->offset64 == 44);
    cr_assert(compile("FileIo", 67, 2) == 0 && schema_field_index(schema, "ExtraFlags") == -1);
    cr_assert(field("TTID")->in_type == IN_POINTER);
    cr_assert(compile("FileIo", 64, 3) == 0 && field("TTID")->in_type == IN_U32);
    cr_assert(compile("FileIo", 78, 3) == 0 && compile("FileIo", 82, 3) == 0);
    cr_assert(compile("Thread", 1, 3) == 0 && field("ThreadName")->in_type == IN_UTF16);
    cr_assert(compile("Thread", 1, 1) == 0 && (field("WaitMode")->flags & FIELD_PAD3));
    cr_assert(compile("Thread", 2, 1) == 0 && schema->n_top == 2);
    cr_assert(compile("Thread", 1, 0) == 0 && strcmp(schema->fields[0].name, "TThreadId") == 0);
    cr_assert(compile("StackWalk", 32, 2) == 0);
    cr_assert(field("Stack")->count_kind == EXTENT_REST && schema->n_top == 4);
    cr_assert(compile("StackWalk", 36, 2) == 0 && field("StackFrame")->count_kind == EXTENT_REST);
    cr_assert(compile("Image", 3, 0) == 0 && compile("Image", 2, 1) == 0);
    cr_assert(compile("ObTrace", 34, 3) == 0 && field("SourceProcessId")->offset64 == 20);
    cr_assert(field("ObjectType")->offset64 == 24);
    cr_assert(compile("ObTrace", 34, 2) == 0 &&
              schema_field_index(schema, "SourceProcessId") == -1);
    cr_assert(compile("SystemConfig", 24, 2) == 0);
    cr_assert(field("NodeMap")->length == 16 && field("NodeMap")->count_kind == EXTENT_FIELD);
    cr_assert(compile("SystemConfig", 10, 3) == 0);
    cr_assert(field("ComputerName")->length_kind == EXTENT_FIXED &&
              field("ComputerName")->length == 256);
    cr_assert(compile("PerfInfo", 34, 0) == 0 && schema->n_top == 1);
    cr_assert(compile("PageFault", 100, 4) == 0 && field("HeapTag")->in_type == IN_U64);
    cr_assert(compile("Process", 1, 4) == 0 && field("UserSID")->in_type == IN_WBEM_SID);
    cr_assert(compile("EventTrace", 0, 2) == 0 && field("PointerSize")->in_type == IN_U32);
    cr_assert(field("TimeZoneInformation")->length == 176);
    cr_assert(compile("RT_LostEvent", 33, 0) == 0 && schema->n_top == 0);
}

Test(kernel_mof, kernel_addresses_are_marked, .init = set_up, .fini = tear_down) {
    static const struct {
        const char *class;
        uint8_t opcode, version;
        const char *field;
    } marked[] = {
        {"Process", 1, 4, "UniqueProcessKey"},
        {"Process", 1, 4, "DirectoryTableBase"},
        {"Thread", 1, 3, "StackBase"},
        {"Thread", 1, 3, "Win32StartAddr"},
        {"Image", 10, 3, "ImageBase"},
        {"FileIo", 64, 3, "IrpPtr"},
        {"FileIo", 64, 3, "FileObject"},
        {"FileIo", 67, 3, "FileKey"},
        {"DiskIo", 10, 3, "Irp"},
        {"Registry", 14, 2, "KeyHandle"},
        {"TcpIp", 10, 2, "connid"},
        {"StackWalk", 32, 2, "Stack"},
        {"StackWalk", 37, 2, "StackKey"},
        {"PerfInfo", 46, 2, "InstructionPointer"},
        {"PageFault", 32, 2, "FileObject"},
        {"ObTrace", 32, 2, "Object"},
        {"PoolTrace", 32, 2, "Entry"},
        {"PerfInfo", 68, 2, "Routine"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(marked); i++) {
        cr_assert(compile(marked[i].class, marked[i].opcode, marked[i].version) == 0);
        cr_assert(field(marked[i].field)->flags & FIELD_KERNEL_ADDRESS, "%s.%s", schema->event_name,
                  marked[i].field);
    }
    cr_assert(compile("Thread", 1, 3) == 0 &&
              !(field("UserStackBase")->flags & FIELD_KERNEL_ADDRESS));
    cr_assert(!(field("Affinity")->flags & FIELD_KERNEL_ADDRESS));
    cr_assert(compile("FileIo", 64, 2) == 0 && !(field("TTID")->flags & FIELD_KERNEL_ADDRESS));
}

Test(kernel_mof, rundown_is_flagged, .init = set_up, .fini = tear_down) {
    static const struct {
        const char *class;
        uint8_t opcode, version;
        bool rundown;
    } cases[] = {
        {"Process", 1, 4, false},   {"Process", 3, 4, true},     {"Process", 4, 4, true},
        {"Process", 33, 2, true},   {"FileIo", 36, 2, true},     {"FileIo", 0, 2, false},
        {"Registry", 24, 2, true},  {"Registry", 25, 2, true},   {"Registry", 22, 2, false},
        {"StackWalk", 36, 2, true}, {"StackWalk", 35, 2, false}, {"Image", 3, 3, true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_assert(compile(cases[i].class, cases[i].opcode, cases[i].version) == 0);
        cr_assert(((schema->flags & SCHEMA_RUNDOWN) != 0) == cases[i].rundown, "%s",
                  schema->event_name);
    }
}

Test(kernel_mof, the_guid_of_process) {
    cr_assert(kernel_mof_class(&process) == class_of("Process"));
}
