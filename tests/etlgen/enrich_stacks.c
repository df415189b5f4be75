// Stacks, and feeder events that lie, of the scenario `enrich`.
#include "tests/etlgen/scenario_enrich.h"

#define N(list)  ARRAY_COUNT(list)
#define KERNEL   "C:\\Windows\\system32\\ntoskrnl.exe"
#define NTDLL    "C:\\Windows\\System32\\ntdll.dll"
#define APP      "C:\\Apps\\app.exe"
#define DLL_BASE 0x0000000180000000u

static const uint64_t kernel_1[] = {KERNEL_BASE + 0x1234, KERNEL_BASE + 0x40d4b5};
static const uint64_t kernel_2[] = {KERNEL_BASE + 0x2222, KERNEL_BASE + 0x40d4b5};
static const uint64_t user_1[] = {NTDLL_BASE + 0x9d654, APP_BASE + 0x1a40, 0x00007ff7000010f0u};

// An event of a thread that can have a stack; returns its raw time.
static int64_t event_of(Gen *g, uint32_t pid, uint32_t tid) {
    buf_u32(&g->payload, pid);
    buf_u32(&g->payload, tid);
    blob_utf16z(&g->payload, "worker");
    by_thread(g, GROUP_THREAD, THREAD_SET_NAME, 2, pid, tid);
    return gen_raw(g);
}

static void walk(Gen *g, int64_t at, uint32_t pid, uint32_t tid, const uint64_t *frames,
                 uint32_t n) {
    kp_stack(&g->payload, 8, at, pid, tid, frames, n);
    by_nobody(g, GROUP_STACK, STACK_WALK, 2);
}

static void refer(Gen *g, bool user, int64_t at, uint64_t key) {
    kp_stack_key(&g->payload, 8, at, ENRICH_APP_PID, ENRICH_APP_TID, key);
    by_nobody(g, GROUP_STACK, user ? STACK_USER_KEY : STACK_KERNEL_KEY, 2);
}

static void define(Gen *g, uint8_t opcode, uint64_t key, const uint64_t *frames, uint32_t n) {
    kp_stack_definition(&g->payload, 8, key, frames, n);
    by_nobody(g, GROUP_STACK, opcode, 2);
}

static void must_stack(Gen *g, uint64_t n, Knowledge k, const EnrichFrame *frames, uint32_t count) {
    enrich_stack(g->enriched, n, k, frames, count);
}

// An expectation about an event that lies back: the lines need not be in order.
static void whole(Gen *g, uint64_t n, Knowledge k) {
    enrich_text(g->enriched, n, k, "StackIncomplete", NULL);
}

static const EnrichFrame first_whole[] = {{KERNEL, 0x1234},
                                          {KERNEL, 0x40d4b5},
                                          {NTDLL, 0x9d654},
                                          {APP, 0x1a40},
                                          {NULL, 0x00007ff7000010f0u}};
static const EnrichFrame second_whole[] = {{KERNEL, 0x2222},
                                           {KERNEL, 0x40d4b5},
                                           {NTDLL, 0x9d654},
                                           {APP, 0x1a40},
                                           {NULL, 0x00007ff7000010f0u}};

// One return to user mode completes all kernel stacks of the thread that wait.
static void late_user_part(Gen *g) {
    int64_t at_1 = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    uint64_t n_1 = gen_ordinal(g);
    walk(g, at_1, ENRICH_APP_PID, ENRICH_APP_TID, kernel_1, N(kernel_1));
    int64_t at_2 = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    uint64_t n_2 = gen_ordinal(g);
    walk(g, at_2, ENRICH_APP_PID, ENRICH_APP_TID, kernel_2, N(kernel_2));
    gen_advance(g, 10000);
    walk(g, at_2, ENRICH_APP_PID, ENRICH_APP_TID, user_1, N(user_1));
    must_stack(g, n_1, KNOWN_BOTH, first_whole, N(first_whole));
    whole(g, n_1, KNOWN_BOTH);
    must_stack(g, n_2, KNOWN_BOTH, second_whole, N(second_whole));
    whole(g, n_2, KNOWN_BOTH);
    // Another thread's stack of the same time is nobody's here.
    int64_t at_3 = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must(g, KNOWN_BOTH, "Stack", NULL);
    walk(g, at_3, ENRICH_APP_PID, 9999, user_1, N(user_1));
}

// Keys mean what is defined next behind the reference; then they are used again.
static void keyed(Gen *g) {
    static const uint64_t key_k = 0xffff8a8344100000u, key_u = 0xffff8a8344110000u;
    int64_t at_1 = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    uint64_t n_1 = gen_ordinal(g);
    refer(g, false, at_1, key_k);
    refer(g, true, at_1, key_u);
    define(g, STACK_KEY_DELETE, key_k, kernel_1, N(kernel_1));
    int64_t at_2 = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    uint64_t n_2 = gen_ordinal(g);
    refer(g, false, at_2, key_k);
    refer(g, true, at_2, key_u);
    define(g, STACK_KEY_RUNDOWN, key_k, kernel_2, N(kernel_2));
    define(g, STACK_KEY_RUNDOWN, key_u, user_1, N(user_1));
    must_stack(g, n_1, KNOWN_BOTH, first_whole, N(first_whole));
    must_stack(g, n_2, KNOWN_BOTH, second_whole, N(second_whole));
}

// What is at an address changes: the time of the event counts, not that of the definition.
static void reloaded(Gen *g) {
    static const uint64_t in_dll[] = {DLL_BASE + 0x100, APP_BASE + 0x1a40};
    static const EnrichFrame in_one[] = {{"C:\\Apps\\one.dll", 0x100}, {APP, 0x1a40}};
    static const EnrichFrame in_two[] = {{"C:\\Apps\\two.dll", 0x100}, {APP, 0x1a40}};
    static const EnrichFrame in_none[] = {{NULL, DLL_BASE + 0x100}, {APP, 0x1a40}};
    static const uint64_t key = 0xffff8a8344120000u;
    image_event(g, IMAGE_LOAD, ENRICH_APP_PID, DLL_BASE, 0x8000, VOLUME1 "Apps\\one.dll");
    must(g, KNOWN_BOTH, "FileName", "C:\\Apps\\one.dll");
    int64_t at = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, in_one, N(in_one));
    walk(g, at, ENRICH_APP_PID, ENRICH_APP_TID, in_dll, N(in_dll));
    at = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, in_one, N(in_one));
    refer(g, true, at, key);
    image_event(g, IMAGE_UNLOAD, ENRICH_APP_PID, DLL_BASE, 0x8000, VOLUME1 "Apps\\one.dll");
    define(g, STACK_KEY_DELETE, key, in_dll, N(in_dll));
    at = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, in_none, N(in_none));
    walk(g, at, ENRICH_APP_PID, ENRICH_APP_TID, in_dll, N(in_dll));
    image_event(g, IMAGE_LOAD, ENRICH_APP_PID, DLL_BASE, 0x8000, VOLUME1 "Apps\\two.dll");
    at = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, in_two, N(in_two));
    walk(g, at, ENRICH_APP_PID, ENRICH_APP_TID, in_dll, N(in_dll));
    // The first one again: there, not there, and there.
    image_event(g, IMAGE_UNLOAD, ENRICH_APP_PID, DLL_BASE, 0x8000, VOLUME1 "Apps\\two.dll");
    at = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, in_none, N(in_none));
    walk(g, at, ENRICH_APP_PID, ENRICH_APP_TID, in_dll, N(in_dll));
    image_event(g, IMAGE_LOAD, ENRICH_APP_PID, DLL_BASE, 0x8000, VOLUME1 "Apps\\one.dll");
    at = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, in_one, N(in_one));
    walk(g, at, ENRICH_APP_PID, ENRICH_APP_TID, in_dll, N(in_dll));
}

// Whose modules a stack is in, and whose return to user mode completes it.
static void of_two_processes(Gen *g) {
    static const uint32_t svc = 800, tid = 850; // a service, with an image where app.exe has its
    static const uint64_t in_svc[] = {APP_BASE + 0x1a40};
    static const EnrichFrame of_creator[] = {
        {NTDLL, 0x9d654}, {APP, 0x1a40}, {NULL, 0x00007ff7000010f0u}};
    static const EnrichFrame of_svc[] = {{"C:\\Apps\\svc.exe", 0x1a40}};
    static const EnrichFrame kernel_only[] = {{KERNEL, 0x1234}, {KERNEL, 0x40d4b5}};
    image_event(g, IMAGE_LOAD, svc, APP_BASE, 0x40000, VOLUME1 "Apps\\svc.exe");
    // A thread that app.exe starts in it: the event is svchost.exe's, its stack app.exe's.
    thread_event(g, THREAD_START, svc, 840, 0);
    must(g, KNOWN_BOTH, "ProcessName", "svchost.exe");
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, of_creator, N(of_creator));
    walk(g, gen_raw(g), ENRICH_APP_PID, 77, user_1, N(user_1));
    // A thread of app.exe ends in the kernel; its number is given to one of the service.
    thread_event(g, THREAD_START, ENRICH_APP_PID, tid, 0);
    int64_t at = event_of(g, ENRICH_APP_PID, tid);
    must(g, KNOWN_BOTH, "ProcessName", "app.exe");
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, kernel_only, N(kernel_only));
    must_true(g, KNOWN_BOTH, "StackIncomplete");
    walk(g, at, ENRICH_APP_PID, tid, kernel_1, N(kernel_1));
    thread_event(g, THREAD_END, ENRICH_APP_PID, tid, 0);
    thread_event(g, THREAD_START, svc, tid, 0);
    at = event_of(g, svc, tid);
    must(g, KNOWN_BOTH, "ProcessName", "svchost.exe");
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, of_svc, N(of_svc));
    whole(g, gen_ordinal(g), KNOWN_BOTH);
    walk(g, at, svc, tid, in_svc, N(in_svc));
}

static void incomplete(Gen *g) {
    static const EnrichFrame kernel_only[] = {{KERNEL, 0x1234}, {KERNEL, 0x40d4b5}};
    // System has no user part; another process whose user part never comes lacks it.
    int64_t at = event_of(g, 4, 14);
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, kernel_only, N(kernel_only));
    whole(g, gen_ordinal(g), KNOWN_BOTH);
    walk(g, at, 4, 14, kernel_1, N(kernel_1));
    at = event_of(g, 800, 820);
    must_stack(g, gen_ordinal(g), KNOWN_BOTH, kernel_only, N(kernel_only));
    must_true(g, KNOWN_BOTH, "StackIncomplete");
    walk(g, at, 800, 820, kernel_1, N(kernel_1));
    // A user part after 11 s: only who knows the file waits so long.
    at = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must_stack(g, gen_ordinal(g), KNOWN_FILE, first_whole, N(first_whole));
    whole(g, gen_ordinal(g), KNOWN_FILE);
    must_stack(g, gen_ordinal(g), KNOWN_LIVE, kernel_only, N(kernel_only));
    must_true(g, KNOWN_LIVE, "StackIncomplete");
    walk(g, at, ENRICH_APP_PID, ENRICH_APP_TID, kernel_1, N(kernel_1));
    gen_advance(g, INT64_C(110000000));
    disk_read(g, 0xffff8a0000000100u); // the file's KEY(1)
    must(g, KNOWN_BOTH, "FileName", "C:\\b.txt");
    walk(g, at, ENRICH_APP_PID, ENRICH_APP_TID, user_1, N(user_1));
    // More frames than are kept.
    uint64_t deep[1000];
    for (uint32_t i = 0; i < N(deep); i++)
        deep[i] = APP_BASE + 0x1000 + i;
    at = event_of(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must_true(g, KNOWN_BOTH, "StackIncomplete");
    walk(g, at, ENRICH_APP_PID, ENRICH_APP_TID, deep, N(deep));
}

void enrich_stacks(Gen *g) {
    late_user_part(g);
    keyed(g);
    reloaded(g);
    of_two_processes(g);
    incomplete(g);
}

// ---- Feeders that lie ----

typedef struct Feeder {
    uint8_t group, opcode, version;
} Feeder;

void enrich_hostile(Gen *g) {
    static const Feeder feeders[] = {
        {GROUP_PROCESS, PROCESS_START, 4},    {GROUP_PROCESS, PROCESS_DC_START, 4},
        {GROUP_PROCESS, PROCESS_END, 4},      {GROUP_PROCESS, PROCESS_DEFUNCT, 5},
        {GROUP_THREAD, THREAD_START, 3},      {GROUP_THREAD, THREAD_END, 3},
        {GROUP_IMAGE, IMAGE_LOAD, 3},         {GROUP_IMAGE, IMAGE_UNLOAD, 3},
        {GROUP_FILE, FILE_NAME, 2},           {GROUP_FILE, FILE_CREATE_NAME, 2},
        {GROUP_FILE, FILE_DELETE_NAME, 2},    {GROUP_FILE, FILE_RUNDOWN, 2},
        {GROUP_FILE, FILE_CREATE, 3},         {GROUP_FILE, FILE_CLOSE, 3},
        {GROUP_FILE, FILE_RENAME_PATH, 3},    {GROUP_FILE, FILE_OPERATION_END, 3},
        {GROUP_REGISTRY, REG_KCB_CREATE, 2},  {GROUP_REGISTRY, REG_KCB_DELETE, 2},
        {GROUP_STACK, STACK_WALK, 2},         {GROUP_STACK, STACK_KERNEL_KEY, 2},
        {GROUP_STACK, STACK_KEY_DELETE, 2},   {GROUP_CONFIG, CONFIG_SERVICES, 3},
        {GROUP_STACK, STACK_KEY_RUNDOWN, 99}, {GROUP_PROCESS, PROCESS_START, 99},
    };
    static const uint8_t lengths[] = {0, 1, 3, 7, 11, 19, 40, 200};
    for (size_t i = 0; i < N(feeders); i++) {
        for (size_t k = 0; k < N(lengths); k++) {
            for (uint8_t b = 0; b < lengths[k]; b++)
                blob_u8(&g->payload, (uint8_t)(0xff - b % 3));
            by_nobody(g, feeders[i].group, feeders[i].opcode, feeders[i].version);
        }
    }
    // Names without an end, of half a unit too many, and with half of a pair.
    buf_u64(&g->payload, 0xffff8a000000f000u);
    blob_utf16(&g->payload, VOLUME1 "cut");
    by_nobody(g, GROUP_FILE, FILE_CREATE_NAME, 2);
    disk_read(g, 0xffff8a000000f000u);
    must(g, KNOWN_BOTH, "FileName", "C:\\cut");
    buf_u64(&g->payload, 0xffff8a000000f100u);
    blob_utf16(&g->payload, VOLUME1 "odd");
    blob_u8(&g->payload, 'x');
    by_nobody(g, GROUP_FILE, FILE_CREATE_NAME, 2);
    disk_read(g, 0xffff8a000000f100u);
    must(g, KNOWN_BOTH, "FileName", "C:\\odd");
    buf_u64(&g->payload, 0xffff8a000000f200u);
    blob_utf16(&g->payload, VOLUME1 "half");
    buf_u16(&g->payload, 0xd800);
    buf_u16(&g->payload, 0);
    by_nobody(g, GROUP_FILE, FILE_CREATE_NAME, 2);
    disk_read(g, 0xffff8a000000f200u);
    must(g, KNOWN_BOTH, "FileName", "C:\\half\xed\xa0\x80");
    // An image that ends behind the end of memory; parents in a ring.
    image_event(g, IMAGE_LOAD, ENRICH_APP_PID, UINT64_MAX - 0xfff, UINT64_MAX, VOLUME1 "wrap.dll");
    process_event(g, PROCESS_DC_START, 690, 690, 0, "self.exe", "");
    process_event(g, PROCESS_DC_START, 691, 692, 0, "ring1.exe", "");
    process_event(g, PROCESS_DC_START, 692, 691, 0, "ring2.exe", "");
    static const uint32_t pids[] = {690, 691, 692};
    static const char *const names[] = {"self.exe", "ring1.exe", "ring2.exe"};
    for (size_t i = 0; i < N(pids); i++) {
        user_event(g, pids[i], pids[i] + 4);
        must(g, KNOWN_BOTH, "ProcessName", names[i]);
    }
    // And what was known still is.
    disk_read(g, 0xffff8a0000000100u);
    must(g, KNOWN_BOTH, "FileName", "C:\\b.txt");
    user_event(g, ENRICH_APP_PID, ENRICH_APP_TID);
    must(g, KNOWN_BOTH, "ProcessName", "app.exe");
    must(g, KNOWN_BOTH, "ProcessPath", "C:\\Apps\\app.exe");
}
