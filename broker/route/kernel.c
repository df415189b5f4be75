#include "route/kernel.h"

#include "util/utf.h"

const Guid kernel_control_guid =
    GUID_INIT(0x9e814aad, 0x3204, 0x11d2, 0x9a, 0x82, 0x00, 0x60, 0x08, 0xa8, 0x69, 0x39);

// Classes by group number of the kernel's hook ids (etl-format B.7).
static const struct {
    const char *name;
    Guid guid;
} classes[] = {
    {"EventTrace", GUID_INIT(0x68fdd900, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3)},
    {"DiskIo", GUID_INIT(0x3d6fa8d4, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c)},
    {"PageFault",
     GUID_INIT(0x3d6fa8d3, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c)},
    {"Process", GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c)},
    {"FileIo", GUID_INIT(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3)},
    {"Thread", GUID_INIT(0x3d6fa8d1, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c)},
    {"TcpIp", GUID_INIT(0x9a280ac0, 0xc8e0, 0x11d1, 0x84, 0xe2, 0, 0xc0, 0x4f, 0xb9, 0x98, 0xa2)},
    {"Job", GUID_INIT(0x3282fc76, 0xfeed, 0x498e, 0x8a, 0xa7, 0xe7, 0x0f, 0x45, 0x9d, 0x43, 0x0e)},
    {"UdpIp",
     GUID_INIT(0xbf3a50c5, 0xa9c9, 0x4988, 0xa0, 0x05, 0x2d, 0xf0, 0xb7, 0xc8, 0x0f, 0x80)},
    {"Registry",
     GUID_INIT(0xae53722e, 0xc863, 0x11d2, 0x86, 0x59, 0, 0xc0, 0x4f, 0xa3, 0x21, 0xa1)},
    {"DbgPrint",
     GUID_INIT(0x13976d09, 0xa327, 0x438c, 0x95, 0x0b, 0x7f, 0x03, 0x19, 0x28, 0x15, 0xc7)},
    {"SystemConfig",
     GUID_INIT(0x01853a65, 0x418f, 0x4f36, 0xae, 0xfc, 0xdc, 0x0f, 0x1d, 0x2f, 0xd2, 0x35)},
    {"LastBranch",
     GUID_INIT(0x99134383, 0x5248, 0x43fc, 0x83, 0x4b, 0x52, 0x94, 0x54, 0xe7, 0x5d, 0xf3)},
    {"WNF", GUID_INIT(0x42695762, 0xea50, 0x497a, 0x90, 0x68, 0x5c, 0xbb, 0xb3, 0x5e, 0x0b, 0x95)},
    {"Pool", GUID_INIT(0x0268a8b6, 0x74fd, 0x4302, 0x9d, 0xd0, 0x6e, 0x8f, 0x17, 0x95, 0xc0, 0xcf)},
    {"PerfInfo",
     GUID_INIT(0xce1dbfb4, 0x137e, 0x4da6, 0x87, 0xb0, 0x3f, 0x59, 0xaa, 0x10, 0x2c, 0xbc)},
    {"Heap", GUID_INIT(0x222962ab, 0x6180, 0x4b88, 0xa8, 0x25, 0x34, 0x6b, 0x75, 0xf2, 0xa2, 0x4a)},
    {"Object",
     GUID_INIT(0x89497f50, 0xeffe, 0x4440, 0x8c, 0xf2, 0xce, 0x6b, 0x1c, 0xdc, 0xac, 0xa7)},
    {"Power",
     GUID_INIT(0xe43445e0, 0x0903, 0x48c3, 0xb8, 0x78, 0xff, 0x0f, 0xcc, 0xeb, 0xdd, 0x04)},
    {"ModBound",
     GUID_INIT(0xa9152f00, 0x3f58, 0x4bee, 0x92, 0xa1, 0x70, 0xc7, 0xd0, 0x79, 0xd5, 0xdd)},
    {"Image", GUID_INIT(0x2cb15d1d, 0x5fc1, 0x11d2, 0xab, 0xe1, 0, 0xa0, 0xc9, 0x11, 0xf5, 0x18)},
    {"DPC", GUID_INIT(0xb2d14872, 0x7c5b, 0x463d, 0x84, 0x19, 0xee, 0x9b, 0xf7, 0xd2, 0x3e, 0x04)},
    {"CacheManager",
     GUID_INIT(0x7687a439, 0xf752, 0x45b8, 0xb7, 0x41, 0x32, 0x1a, 0xec, 0x0f, 0x8d, 0xf9)},
    {"CriticalSection",
     GUID_INIT(0x3ac66736, 0xcc59, 0x4cff, 0x81, 0x15, 0x8d, 0xf5, 0x0e, 0x39, 0x81, 0x6b)},
    {"StackWalk",
     GUID_INIT(0xdef2fe46, 0x7bd6, 0x4b80, 0xbd, 0x94, 0xf5, 0x7f, 0xe2, 0x0d, 0x0c, 0xe3)},
    {"UMS", GUID_INIT(0x9aec974b, 0x5b8e, 0x4118, 0x9b, 0x92, 0x31, 0x86, 0xd8, 0x00, 0x2c, 0xe5)},
    {"ALPC", GUID_INIT(0x45d8cccd, 0x539f, 0x4b72, 0xa8, 0xb7, 0x5c, 0x68, 0x31, 0x42, 0x60, 0x9a)},
    {"SplitIo",
     GUID_INIT(0xd837ca92, 0x12b9, 0x44a5, 0xad, 0x6a, 0x3a, 0x65, 0xb3, 0x57, 0x8a, 0xa8)},
    {"ThreadPool",
     GUID_INIT(0xc861d0e2, 0xa2c1, 0x4d36, 0x9f, 0x9c, 0x97, 0x0b, 0xab, 0x94, 0x3a, 0x12)},
    {"Hypervisor",
     GUID_INIT(0x7f2a405c, 0x69b5, 0x4bf9, 0xa1, 0xf5, 0x30, 0xe8, 0xf1, 0xaf, 0xab, 0x5e)},
    {"HypervisorX",
     GUID_INIT(0x2ce9a149, 0xeffe, 0x42f0, 0xa6, 0x35, 0xa1, 0xd3, 0x9e, 0x26, 0xc8, 0xf2)},
};

enum { // group numbers, indexes into classes
    CLASS_DISK = 0x01,
    CLASS_PAGE_FAULT = 0x02,
    CLASS_PROCESS = 0x03,
    CLASS_FILE = 0x04,
    CLASS_THREAD = 0x05,
    CLASS_TCP = 0x06,
    CLASS_JOB = 0x07,
    CLASS_UDP = 0x08,
    CLASS_REGISTRY = 0x09,
    CLASS_DEBUG = 0x0a,
    CLASS_POOL = 0x0e,
    CLASS_PERF = 0x0f,
    CLASS_OBJECT = 0x11,
    CLASS_IMAGE = 0x14,
    CLASS_ALPC = 0x1a,
    CLASS_SPLIT = 0x1b,
};

#define CLASS(group) (&classes[group].guid)

// flags: EVENT_TRACE_FLAG_* of the SDK. Further words of the group mask follow phnt's PERFINFO
// constants, whose top three bits are the word: PERF_OB_HANDLE 0x80000040 is word 4, bit 0x40.
// Stacks: Velociraptor's lists, with 15 (DeleteValue) where it has the hot 16 (QueryValue).
static const KernelType types[] = {
    {"Process",
     "",
     0x00000001,
     0,
     0,
     0,
     1,
     2,
     {{CLASS(CLASS_PROCESS), "1-4,11,39"}},
     {{CLASS(CLASS_PROCESS), 1}, {CLASS(CLASS_PROCESS), 2}}},
    {"Thread",
     "",
     0x00000002,
     0,
     0,
     0,
     1,
     1,
     {{CLASS(CLASS_THREAD), "1-4,72"}},
     {{CLASS(CLASS_THREAD), 1}}},
    {"Image",
     "image_load,loader,module",
     0x00000004,
     0,
     0,
     0,
     1,
     1,
     {{CLASS(CLASS_IMAGE), ""}},
     {{CLASS(CLASS_IMAGE), 10}}},
    // OperationEnd comes with FILE_IO, the operations with FILE_IO_INIT, names with DISK_FILE_IO.
    {"File",
     "file_io",
     0x02000000 | 0x04000000 | 0x00000200,
     0,
     0,
     0,
     1,
     3,
     {{CLASS(CLASS_FILE), "0,32-36,64-84"}},
     {{CLASS(CLASS_FILE), 64}, {CLASS(CLASS_FILE), 70}, {CLASS(CLASS_FILE), 71}}},
    {"FileInit",
     "file_io_init",
     0x04000000,
     0,
     0,
     0,
     1,
     3,
     {{CLASS(CLASS_FILE), "64-75,77-84"}},
     {{CLASS(CLASS_FILE), 64}, {CLASS(CLASS_FILE), 70}, {CLASS(CLASS_FILE), 71}}},
    {"FileName",
     "disk_file_io",
     0x00000200,
     0,
     0,
     0,
     1,
     0,
     {{CLASS(CLASS_FILE), "0,32-36"}},
     {{0}}},
    {"MapFile",
     "vamap",
     0x00008000,
     0,
     0,
     0,
     1,
     1,
     {{CLASS(CLASS_FILE), "37-40"}},
     {{CLASS(CLASS_FILE), 37}}},
    {"Registry",
     "",
     0x00020000,
     0,
     0,
     0,
     1,
     4,
     {{CLASS(CLASS_REGISTRY), ""}},
     {{CLASS(CLASS_REGISTRY), 10},
      {CLASS(CLASS_REGISTRY), 11},
      {CLASS(CLASS_REGISTRY), 14},
      {CLASS(CLASS_REGISTRY), 15}}},
    {"Network",
     "network_tcpip,tcpip,net",
     0x00010000,
     0,
     0,
     0,
     2,
     2,
     {{CLASS(CLASS_TCP), ""}, {CLASS(CLASS_UDP), ""}},
     {{CLASS(CLASS_TCP), 12}, {CLASS(CLASS_TCP), 28}}},
    {"DiskIO", "disk", 0x00000100, 0, 0, 0, 1, 0, {{CLASS(CLASS_DISK), "10,11,14,55-57"}}, {{0}}},
    {"DiskInit",
     "disk_io_init",
     0x00000400,
     0,
     0,
     0,
     1,
     3,
     {{CLASS(CLASS_DISK), "12,13,15,58-60"}},
     {{CLASS(CLASS_DISK), 12}, {CLASS(CLASS_DISK), 13}, {CLASS(CLASS_DISK), 15}}},
    {"Driver",
     "",
     0x00800000,
     0,
     0,
     KERNEL_HOT,
     1,
     1,
     {{CLASS(CLASS_DISK), "34,35,37,52,53"}},
     {{CLASS(CLASS_DISK), 34}}},
    {"SplitIO", "", 0x00200000, 0, 0, 0, 1, 0, {{CLASS(CLASS_SPLIT), ""}}, {{0}}},
    {"Handle",
     "object_handle",
     0,
     4,
     0x40,
     KERNEL_HOT,
     1,
     3,
     {{CLASS(CLASS_OBJECT), "32-34,36-39"}},
     {{CLASS(CLASS_OBJECT), 32}, {CLASS(CLASS_OBJECT), 33}, {CLASS(CLASS_OBJECT), 34}}},
    {"Object",
     "",
     0,
     4,
     0x80,
     KERNEL_HOT,
     1,
     2,
     {{CLASS(CLASS_OBJECT), "36,37,48-51"}},
     {{CLASS(CLASS_OBJECT), 48}, {CLASS(CLASS_OBJECT), 49}}},
    {"Pool",
     "",
     0,
     1,
     0x40,
     KERNEL_HOT,
     1,
     2,
     {{CLASS(CLASS_POOL), ""}},
     {{CLASS(CLASS_POOL), 32}, {CLASS(CLASS_POOL), 34}}},
    {"PageFault",
     "memory_page_faults",
     0x00001000,
     0,
     0,
     KERNEL_HOT,
     1,
     1,
     {{CLASS(CLASS_PAGE_FAULT), "10-15"}},
     {{CLASS(CLASS_PAGE_FAULT), 14}}},
    {"HardFault",
     "memory_hard_faults",
     0x00002000,
     0,
     0,
     0,
     1,
     1,
     {{CLASS(CLASS_PAGE_FAULT), "32"}},
     {{CLASS(CLASS_PAGE_FAULT), 32}}},
    {"VirtualAlloc",
     "memory",
     0x00004000,
     0,
     0,
     0,
     1,
     2,
     {{CLASS(CLASS_PAGE_FAULT), "98,99,128,129"}},
     {{CLASS(CLASS_PAGE_FAULT), 98}, {CLASS(CLASS_PAGE_FAULT), 99}}},
    {"ProcessCounters",
     "process_counter",
     0x00000008,
     0,
     0,
     0,
     1,
     0,
     {{CLASS(CLASS_PROCESS), "32,33"}},
     {{0}}},
    {"CSwitch",
     "context_switch",
     0x00000010,
     0,
     0,
     KERNEL_HOT,
     1,
     1,
     {{CLASS(CLASS_THREAD), "36,37"}},
     {{CLASS(CLASS_THREAD), 36}}},
    {"Dispatcher",
     "ready_thread",
     0x00000800,
     0,
     0,
     KERNEL_HOT,
     1,
     1,
     {{CLASS(CLASS_THREAD), "50"}},
     {{CLASS(CLASS_THREAD), 50}}},
    {"DPC",
     "deferred_procedure_call",
     0x00000020,
     0,
     0,
     KERNEL_HOT,
     1,
     0,
     {{CLASS(CLASS_PERF), "66,68-70"}},
     {{0}}},
    {"Interrupt",
     "isr",
     0x00000040,
     0,
     0,
     KERNEL_HOT,
     1,
     0,
     {{CLASS(CLASS_PERF), "50,67,92,95"}},
     {{0}}},
    {"SystemCall",
     "syscall",
     0x00000080,
     0,
     0,
     KERNEL_HOT,
     1,
     1,
     {{CLASS(CLASS_PERF), "51,52"}},
     {{CLASS(CLASS_PERF), 51}}},
    {"Profile",
     "sampled_profile",
     0x01000000,
     0,
     0,
     KERNEL_HOT,
     1,
     1,
     {{CLASS(CLASS_PERF), "46,47,72-74"}},
     {{CLASS(CLASS_PERF), 46}}},
    {"ALPC",
     "advanced_local_procedure_calls",
     0x00100000,
     0,
     0,
     KERNEL_HOT,
     1,
     2,
     {{CLASS(CLASS_ALPC), ""}},
     {{CLASS(CLASS_ALPC), 33}, {CLASS(CLASS_ALPC), 34}}},
    {"Job", "", 0x00080000, 0, 0, 0, 1, 0, {{CLASS(CLASS_JOB), ""}}, {{0}}},
    {"DebugPrint", "dbgprint", 0x00040000, 0, 0, 0, 1, 0, {{CLASS(CLASS_DEBUG), ""}}, {{0}}},
};

_Static_assert(ARRAY_COUNT(types) < KERNEL_MAX_TYPES, "KERNEL_ALL stays apart from every set");

uint32_t kernel_type_count(void) {
    return ARRAY_COUNT(types);
}

const KernelType *kernel_type(uint32_t index) {
    return index < ARRAY_COUNT(types) ? &types[index] : NULL;
}

// Case-blind and without underscores, so that image_load and ImageLoad are one.
static bool same_word(const char *a, size_t a_bytes, const char *b) {
    size_t i = 0;
    for (;;) {
        while (i < a_bytes && a[i] == '_')
            i++;
        while (*b == '_')
            b++;
        if (i == a_bytes || *b == 0)
            return i == a_bytes && *b == 0;
        if (fold_char((uint8_t)a[i]) != fold_char((uint8_t)*b))
            return false;
        i++;
        b++;
    }
}

int kernel_type_find(const char *name) {
    if (*name == 0)
        return -1;
    for (uint32_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (same_word(types[i].name, strlen(types[i].name), name))
            return (int)i;
        const char *p = types[i].aliases;
        while (*p) {
            size_t n = strcspn(p, ",");
            if (same_word(p, n, name))
                return (int)i;
            p += n + (p[n] == ',');
        }
    }
    return -1;
}

KernelSet kernel_types_match(const char *pattern) {
    if (strcmp(pattern, "*") == 0)
        return KERNEL_ALL;
    int index = kernel_type_find(pattern);
    if (index >= 0)
        return KERNEL_BIT(index);
    KernelSet set = 0;
    if (strpbrk(pattern, "*?"))
        for (uint32_t i = 0; i < ARRAY_COUNT(types); i++)
            if (fold_glob(pattern, types[i].name))
                set |= KERNEL_BIT(i);
    return set;
}

bool kernel_is_class(const Guid *guid, uint8_t *ret_group) {
    for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
        if (guid_equal(&classes[i].guid, guid)) {
            if (ret_group)
                *ret_group = (uint8_t)i;
            return true;
        }
    }
    return false;
}

const Guid *kernel_class(uint8_t group) {
    return group < ARRAY_COUNT(classes) ? &classes[group].guid : NULL;
}

const char *kernel_class_name(uint8_t group) {
    return group < ARRAY_COUNT(classes) ? classes[group].name : "";
}

static bool opcode_listed(const char *list, uint8_t opcode) {
    const char *p = list;
    while (*p) {
        unsigned low = 0, high;
        while (*p >= '0' && *p <= '9')
            low = low * 10 + (unsigned)(*p++ - '0');
        high = low;
        if (*p == '-') {
            p++;
            for (high = 0; *p >= '0' && *p <= '9'; p++)
                high = high * 10 + (unsigned)(*p - '0');
        }
        if (opcode >= low && opcode <= high)
            return true;
        if (*p == ',')
            p++;
    }
    return *list == 0;
}

bool kernel_matches(KernelSet set, const Guid *class_guid, uint8_t opcode) {
    if (set == KERNEL_ALL)
        return kernel_is_class(class_guid, NULL);
    for (uint32_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (!(set & KERNEL_BIT(i)))
            continue;
        for (uint8_t c = 0; c < types[i].n_classes; c++)
            if (guid_equal(types[i].classes[c].class_guid, class_guid) &&
                opcode_listed(types[i].classes[c].opcodes, opcode))
                return true;
    }
    return false;
}

KernelSet kernel_types_of_class(const Guid *class_guid) {
    KernelSet set = 0;
    for (uint32_t i = 0; i < ARRAY_COUNT(types); i++)
        for (uint8_t c = 0; c < types[i].n_classes; c++)
            if (guid_equal(types[i].classes[c].class_guid, class_guid))
                set |= KERNEL_BIT(i);
    return set;
}

void kernel_masks(KernelSet set, uint32_t ret_words[KERNEL_MASK_WORDS]) {
    memset(ret_words, 0, KERNEL_MASK_WORDS * sizeof ret_words[0]);
    for (uint32_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (!(set & KERNEL_BIT(i)))
            continue;
        ret_words[0] |= types[i].flags;
        if (types[i].mask_word != 0)
            ret_words[types[i].mask_word] |= types[i].mask_bits;
    }
}
