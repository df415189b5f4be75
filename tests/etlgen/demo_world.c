#include "tests/etlgen/demo_world.h"

#include "tests/etlgen/demo_providers.h"

#define KERNEL_BASE     0xfffff80352a00000u
#define NTDLL_BASE      0x00007ffb5a010000u
#define KERNEL32_BASE   0x00007ffb58f20000u
#define VOLUME          "\\Device\\HarddiskVolume3\\"
#define SYSTEM_DLLS     VOLUME "Windows\\System32\\"
#define STACK_KEY_COUNT 4u

const SidSpec sid_system = {5, 1, {18}};
const SidSpec sid_network_service = {5, 1, {20}};
const SidSpec sid_ana = {5, 5, {21, 1004336348, 1177238915, 682003330, 1001}};
static const SidSpec medium_label = {16, 1, {8192}};

void world_init(World *w, Gen *g) {
    *w = (World){.g = g, .next_pid = 9216, .next_port = 50210, .dns_index = 7};
}

void world_short(World *w) {
    gen_advance_us(w->g, 4, 60);
}

// A thread stays on its CPU most of the time.
static uint32_t cpu_of(World *w, uint32_t tid) {
    return prng_chance(&w->g->rng, 85) ? tid / 4 % w->g->n_cpus : gen_cpu(w->g);
}

static void sys(World *w, const WorldProcess *p, uint8_t group, uint8_t opcode, uint8_t version) {
    world_short(w);
    gen_kernel(w->g, cpu_of(w, p->tid), ETL_HEADER_SYSTEM64, group, opcode, version, p->pid,
               p->tid);
}

static void perf(World *w, uint32_t tid, uint8_t group, uint8_t opcode, uint8_t version) {
    gen_kernel(w->g, cpu_of(w, tid), ETL_HEADER_PERFINFO64, group, opcode, version, 0, 0);
}

static int64_t filetime(const World *w) {
    return etlw_clock_filetime(&w->g->clock, gen_raw(w->g));
}

// --- stacks ---

static uint32_t user_frames(World *w, const WorldProcess *p, uint64_t *frames) {
    frames[0] = NTDLL_BASE + 0x9d654;
    frames[1] = KERNEL32_BASE + 0x24c10 + prng_below(&w->g->rng, 8) * 0x130;
    frames[2] = p->image_base + 0x1a40 + prng_below(&w->g->rng, 64) * 0x40;
    frames[3] = p->image_base + 0x11e0;
    frames[4] = KERNEL32_BASE + 0x17344;
    frames[5] = NTDLL_BASE + 0x526b1;
    return 6;
}

static uint32_t kernel_frames(World *w, uint64_t *frames) {
    uint32_t n = prng_between(&w->g->rng, 3, 6);
    for (uint32_t i = 0; i < n; i++)
        frames[i] = KERNEL_BASE + 0x2f4000 + prng_below(&w->g->rng, 0x4000) * 0x11;
    frames[n++] = KERNEL_BASE + 0x40d4b5; // system service exit
    return n;
}

void world_stack(World *w, const WorldProcess *p, int64_t at) {
    uint64_t frames[16];
    uint32_t n = kernel_frames(w, frames);
    world_short(w);
    kp_stack(&w->g->payload, 8, at, p->pid, p->tid, frames, n);
    perf(w, p->tid, GROUP_STACK, STACK_WALK, 2);
    if (p->pid <= 4)
        return;
    n = user_frames(w, p, frames);
    world_short(w);
    kp_stack(&w->g->payload, 8, at, p->pid, p->tid, frames, n);
    perf(w, p->tid, GROUP_STACK, STACK_WALK, 2);
}

// Samples refer to stacks by key; a few stacks are enough. What the keys mean comes at the end.
static uint64_t stack_key(uint32_t i, bool user) {
    return 0xffff8a8344100000u + i * 0x340 + (user ? 0x10000 : 0);
}

static void sample(World *w, const WorldProcess *p) {
    kp_sample(&w->g->payload, 8, p->pid <= 4 ? KERNEL_BASE + 0x301234 : p->image_base + 0x1a44,
              p->tid, 1);
    perf(w, p->tid, GROUP_PERF, PERF_SAMPLE, 2);
    int64_t at = gen_raw(w->g);
    uint32_t key = prng_below(&w->g->rng, STACK_KEY_COUNT);
    world_short(w);
    kp_stack_key(&w->g->payload, 8, at, p->pid, p->tid, stack_key(key, false));
    perf(w, p->tid, GROUP_STACK, STACK_KERNEL_KEY, 2);
    if (p->pid <= 4)
        return;
    kp_stack_key(&w->g->payload, 8, at, p->pid, p->tid, stack_key(key, true));
    perf(w, p->tid, GROUP_STACK, STACK_USER_KEY, 2);
}

// --- processes ---

static WorldProcess *add_process(World *w, const WorldProcess *from) {
    if (w->n_processes == WORLD_MAX_PROCESSES) {
        w->g->status = -(int)STATUS_INTERNAL;
        return &w->processes[0];
    }
    WorldProcess *p = &w->processes[w->n_processes++];
    *p = *from;
    p->key = gen_kernel_address(w->g);
    p->directory_table = (uint64_t)prng_between(&w->g->rng, 0x100, 0xffff) << 12;
    p->image_base = 0x00007ff600000000u + ((uint64_t)prng_below(&w->g->rng, 0xffff) << 16);
    p->sequence = ++w->n_started;
    return p;
}

WorldProcess *world_existing(World *w, uint32_t pid, uint32_t parent_pid, uint32_t session,
                             const char *image, const char *path, const char *command_line,
                             const SidSpec *user) {
    WorldProcess p = {.pid = pid, .parent_pid = parent_pid, .session = session, .tid = pid + 4};
    p.image = image;
    p.path = path;
    p.command_line = command_line;
    p.user = user;
    return add_process(w, &p);
}

static void put_process(World *w, const WorldProcess *p, int32_t exit_status) {
    KpProcess k = {.key = p->key, .directory_table = p->directory_table, .pid = p->pid};
    k.parent_pid = p->parent_pid;
    k.session = p->session;
    k.exit_status = exit_status;
    k.sid = p->user;
    k.image = p->image;
    k.command_line = p->command_line;
    kp_process(&w->g->payload, 8, 4, &k);
}

static void put_thread(World *w, const WorldProcess *p) {
    KpThread t = {.pid = p->pid,
                  .tid = p->tid,
                  .stack_base = p->key + 0x7000,
                  .stack_limit = p->key + 0x1000};
    t.user_stack_base = p->pid <= 4 ? 0 : 0x000000c3f2100000u;
    t.user_stack_limit = p->pid <= 4 ? 0 : 0x000000c3f20f2000u;
    t.affinity = 0xff;
    t.start = p->pid <= 4 ? KERNEL_BASE + 0x2a1000 : p->image_base + 0x11c0;
    t.teb = p->pid <= 4 ? 0 : 0x000000c3f1e2f000u;
    t.base_priority = 8;
    t.page_priority = 5;
    t.io_priority = 2;
    t.name = "";
    kp_thread(&w->g->payload, 8, &t);
}

static KpImage image_of(World *w, const WorldProcess *p, const char *path) {
    const char *base = strrchr(path, '\\');
    KpImage i = {
        .size = 0x1c000u + (uint32_t)strlen(path) * 0x1000u, .pid = p->pid, .file_name = path};
    i.time_date_stamp = 0x65a00000u + (uint32_t)strlen(path) * 7919u;
    i.checksum = 0x30000u + (uint32_t)strlen(path);
    i.signature_level = 8; // Microsoft
    i.signature_type = 1;
    if (base != NULL && strcmp(base + 1, "ntdll.dll") == 0)
        i.base = NTDLL_BASE;
    else if (base != NULL && strcmp(base + 1, "kernel32.dll") == 0)
        i.base = KERNEL32_BASE;
    else if (base != NULL && strcmp(base + 1, "ntoskrnl.exe") == 0)
        i.base = KERNEL_BASE;
    else if (strcmp(path, p->path) == 0)
        i.base = p->image_base;
    else
        i.base = 0x00007ffb20000000u + ((uint64_t)(prng_next(&w->g->rng) & 0x2fff) << 16);
    return i;
}

void world_load_image(World *w, WorldProcess *p, const char *path, const char *pdb) {
    KpImage i = image_of(w, p, path);
    kp_image(&w->g->payload, 8, 3, &i);
    sys(w, p, GROUP_IMAGE, IMAGE_LOAD, 3);
    // What a merging tool adds carries the time of the load itself.
    const char *base = strrchr(path, '\\') + 1;
    kp_image_id(&w->g->payload, 8, &i, base);
    gen_classic(w->g, 0, &image_id_guid, IMAGE_ID_INFO, 2, p->pid, UINT32_MAX);
    if (pdb != NULL) {
        Guid signature =
            GUID_INIT(0xec83d8dfu, 0x5559, 0x46e0, 0xb6, 0x30, 0x13, 0x3e, 0xbd, 0, 0, 0);
        store_u32(signature.b + 12, i.time_date_stamp);
        kp_image_rsds(&w->g->payload, 8, &i, &signature, 1, pdb);
        gen_classic(w->g, 0, &image_id_guid, IMAGE_ID_RSDS, 2, p->pid, UINT32_MAX);
    }
    world_short(w);
    Buf *b = &w->g->payload;
    buf_u64(b, i.base);
    buf_u64(b, i.size);
    buf_u32(b, p->pid);
    buf_u32(b, i.checksum);
    buf_u32(b, i.time_date_stamp);
    buf_u64(b, i.base);
    blob_utf16z(b, path);
    gen_manifest(w->g, cpu_of(w, p->tid), &image_loaded, NULL, p->pid, p->tid, NULL, 0);
}

static void manifest_process_start(World *w, const WorldProcess *parent, const WorldProcess *p) {
    Buf *b = &w->g->payload;
    buf_u32(b, p->pid);
    buf_u64(b, p->sequence);
    buf_u64(b, (uint64_t)p->started);
    buf_u32(b, parent->pid);
    buf_u64(b, parent->sequence);
    buf_u32(b, p->session);
    buf_u32(b, 0);
    buf_u32(b, 1);
    buf_u32(b, 0);
    blob_sid(b, &medium_label);
    blob_utf16z(b, p->path);
    buf_u32(b, 0x3f1a2);
    buf_u32(b, 0x65a31f40);
    blob_utf16z(b, "");
    blob_utf16z(b, "");
    // The stack of the creating thread as an extended item; user and session too.
    uint64_t stack[17] = {0};
    uint32_t n = user_frames(w, parent, stack + 1);
    Buf sid = BUF_INIT;
    blob_sid(&sid, parent->user != NULL ? parent->user : &sid_system);
    const EtlwItem items[] = {
        {EVENT_ITEM_SID, (uint16_t)sid.bytes, sid.data},
        {EVENT_ITEM_SESSION_ID, 4, &parent->session},
        {EVENT_ITEM_STACK64, (uint16_t)(8 + 8 * n), stack},
        {EVENT_ITEM_START_KEY, 8, &parent->sequence},
    };
    if (sid.failed)
        w->g->status = -(int)STATUS_NO_MEMORY;
    else
        gen_manifest(w->g, cpu_of(w, parent->tid), &process_started, NULL, parent->pid, parent->tid,
                     items, ARRAY_COUNT(items));
    buf_deinit(&sid);
}

WorldProcess *world_start(World *w, WorldProcess *parent, const char *image, const char *path,
                          const char *command_line) {
    WorldProcess from = {.parent_pid = parent->pid, .session = parent->session};
    from.pid = w->next_pid;
    from.tid = w->next_pid + 4;
    w->next_pid += 4 * prng_between(&w->g->rng, 3, 90);
    from.image = image;
    from.path = path;
    from.command_line = command_line;
    from.user = w->next_user != NULL ? w->next_user : parent->user;
    w->next_user = NULL;
    from.started = filetime(w);
    WorldProcess *p = add_process(w, &from);
    put_process(w, p, 259); // STILL_ACTIVE
    sys(w, parent, GROUP_PROCESS, PROCESS_START, 4);
    world_stack(w, parent, gen_raw(w->g));
    put_thread(w, p);
    sys(w, parent, GROUP_THREAD, THREAD_START, 3);
    world_short(w);
    manifest_process_start(w, parent, p);
    world_pass(w, 2);
    world_load_image(w, p, path, NULL);
    world_load_image(w, p, SYSTEM_DLLS "ntdll.dll", "ntdll.pdb");
    world_load_image(w, p, SYSTEM_DLLS "kernel32.dll", "kernel32.pdb");
    world_load_image(w, p, SYSTEM_DLLS "KernelBase.dll", "kernelbase.pdb");
    return p;
}

void world_end(World *w, WorldProcess *p, uint32_t exit_code) {
    Buf *b = &w->g->payload;
    world_short(w);
    buf_u32(b, p->pid);
    buf_u64(b, p->sequence);
    buf_u64(b, (uint64_t)p->started);
    buf_u64(b, (uint64_t)filetime(w));
    buf_u32(b, exit_code);
    buf_u32(b, 1);
    buf_u32(b, prng_between(&w->g->rng, 60, 900));
    buf_u64(b, 9437184);
    buf_u64(b, 12582912);
    buf_u64(b, prng_next(&w->g->rng) & 0xffffffffu);
    for (int i = 0; i < 5; i++)
        buf_u32(b, prng_below(&w->g->rng, 400));
    blob_ansiz(b, p->image);
    gen_manifest(w->g, cpu_of(w, p->tid), &process_stopped, NULL, p->pid, p->tid, NULL, 0);
    put_thread(w, p);
    sys(w, p, GROUP_THREAD, THREAD_END, 3);
    KpImage i = image_of(w, p, p->path);
    kp_image(b, 8, 3, &i);
    sys(w, p, GROUP_IMAGE, IMAGE_UNLOAD, 3);
    put_process(w, p, (int32_t)exit_code);
    sys(w, p, GROUP_PROCESS, PROCESS_END, 4);
    p->ended = true;
}

// --- files ---

static WorldFile *file_of(World *w, const char *path, bool *ret_new) {
    *ret_new = false;
    for (uint32_t i = 0; i < w->n_files; i++)
        if (!w->files[i].deleted && strcmp(w->files[i].path, path) == 0)
            return &w->files[i];
    if (w->n_files == WORLD_MAX_FILES) {
        w->g->status = -(int)STATUS_INTERNAL;
        return &w->files[0];
    }
    *ret_new = true;
    WorldFile *f = &w->files[w->n_files++];
    *f = (WorldFile){path, gen_kernel_address(w->g), false};
    return f;
}

static void name_event(World *w, const WorldProcess *p, uint8_t opcode, const WorldFile *f) {
    world_short(w);
    kp_file_name(&w->g->payload, 8, f->key, f->path);
    perf(w, p->tid, GROUP_FILE, opcode, 2);
}

static void operation_end(World *w, const WorldProcess *p, const KpFile *f, uint64_t extra,
                          uint32_t status) {
    kp_file_end(&w->g->payload, 8, f, extra, status);
    sys(w, p, GROUP_FILE, FILE_OPERATION_END, 3);
}

static void manifest_create(World *w, const WorldProcess *p, const TeiEvent *event, const KpFile *f,
                            uint32_t options, const char *path) {
    Buf *b = &w->g->payload;
    buf_u64(b, f->irp);
    buf_u64(b, f->object);
    buf_u32(b, f->tid);
    buf_u32(b, options);
    buf_u32(b, 0x80);
    buf_u32(b, 3);
    blob_utf16z(b, path);
    gen_manifest(w->g, cpu_of(w, p->tid), event, NULL, p->pid, p->tid, NULL, 0);
}

static KpFile create_event(World *w, WorldProcess *p, const char *path, uint32_t disposition) {
    KpFile f = {gen_kernel_address(w->g), gen_kernel_address(w->g), 0, p->tid};
    uint32_t options = FILE_DISPOSITION(disposition) | 0x60;
    kp_file_create(&w->g->payload, 8, &f, options, 0x80, 3, path);
    sys(w, p, GROUP_FILE, FILE_CREATE, 3);
    world_stack(w, p, gen_raw(w->g));
    world_short(w);
    manifest_create(w, p, disposition == 1 ? &file_created : &file_new_created, &f, options, path);
    return f;
}

WorldHandle world_open(World *w, WorldProcess *p, const char *path, uint32_t disposition) {
    KpFile f = create_event(w, p, path, disposition);
    bool is_new;
    WorldFile *file = file_of(w, path, &is_new);
    if (is_new && disposition != 1)
        name_event(w, p, FILE_CREATE_NAME, file);
    operation_end(w, p, &f, disposition == 1 ? 1 : 2, 0);
    return (WorldHandle){f.object, file};
}

void world_open_fails(World *w, WorldProcess *p, const char *path, uint32_t nt_status) {
    KpFile f = create_event(w, p, path, 1);
    operation_end(w, p, &f, 0, nt_status);
}

static KpFile request(World *w, const WorldProcess *p, WorldHandle h) {
    return (KpFile){gen_kernel_address(w->g), h.object, h.file->key, p->tid};
}

void world_read(World *w, WorldProcess *p, WorldHandle h, uint64_t offset, uint32_t bytes) {
    KpFile f = request(w, p, h);
    kp_file_io(&w->g->payload, 8, &f, offset, bytes, 0x60900);
    sys(w, p, GROUP_FILE, FILE_READ, 3);
    if (prng_chance(&w->g->rng, 30)) { // not in the cache
        kp_disk_init(&w->g->payload, 8, &f);
        sys(w, p, GROUP_DISK, DISK_READ_INIT, 3);
        gen_advance_us(w->g, 60, 400);
        kp_disk_io(&w->g->payload, 8, &f, 0, bytes, 0x4a1000000u + offset, 1800);
        perf(w, p->tid, GROUP_DISK, DISK_READ, 3);
    }
    operation_end(w, p, &f, bytes, 0);
}

void world_write(World *w, WorldProcess *p, WorldHandle h, uint64_t offset, uint32_t bytes) {
    KpFile f = request(w, p, h);
    kp_file_io(&w->g->payload, 8, &f, offset, bytes, 0x60a00);
    sys(w, p, GROUP_FILE, FILE_WRITE, 3);
    operation_end(w, p, &f, bytes, 0);
}

static void path_events(World *w, WorldProcess *p, const KpFile *f, uint8_t path_opcode,
                        uint8_t opcode, const TeiEvent *event, uint64_t extra, uint32_t info_class,
                        const char *path) {
    Buf *b = &w->g->payload;
    kp_file_path(b, 8, f, extra, info_class, path);
    sys(w, p, GROUP_FILE, path_opcode, 3);
    kp_file_info(b, 8, f, extra, info_class);
    sys(w, p, GROUP_FILE, opcode, 3);
    world_stack(w, p, gen_raw(w->g));
    world_short(w);
    kp_file_path(b, 8, f, extra, info_class, path); // the same layout
    gen_manifest(w->g, cpu_of(w, p->tid), event, NULL, p->pid, p->tid, NULL, 0);
    operation_end(w, p, f, 0, 0);
}

void world_rename(World *w, WorldProcess *p, WorldHandle h, const char *to) {
    KpFile f = request(w, p, h);
    path_events(w, p, &f, FILE_RENAME_PATH, FILE_RENAME, &file_path_renamed, 0, 10, to);
    name_event(w, p, FILE_DELETE_NAME, h.file);
    h.file->path = to;
    name_event(w, p, FILE_CREATE_NAME, h.file);
}

void world_delete(World *w, WorldProcess *p, WorldHandle h) {
    KpFile f = request(w, p, h);
    path_events(w, p, &f, FILE_DELETE_PATH, FILE_DELETE, &file_path_deleted, 1, 13, h.file->path);
    name_event(w, p, FILE_DELETE_NAME, h.file);
    h.file->deleted = true;
}

void world_close(World *w, WorldProcess *p, WorldHandle h) {
    static const uint8_t opcodes[] = {FILE_CLEANUP, FILE_CLOSE};
    for (size_t i = 0; i < ARRAY_COUNT(opcodes); i++) {
        KpFile f = request(w, p, h);
        kp_file_simple(&w->g->payload, 8, &f);
        sys(w, p, GROUP_FILE, opcodes[i], 3);
        operation_end(w, p, &f, 0, 0);
    }
}

// --- registry ---

void world_existing_key(World *w, const char *path) {
    if (w->n_keys < WORLD_MAX_KEYS)
        w->keys[w->n_keys++] = (WorldKey){path, gen_kernel_address(w->g)};
    else
        w->g->status = -(int)STATUS_INTERNAL;
}

static uint64_t key_handle(World *w, const char *path) {
    for (uint32_t i = 0; i < w->n_keys; i++)
        if (strcmp(w->keys[i].path, path) == 0)
            return w->keys[i].handle;
    w->g->status = -(int)STATUS_INTERNAL;
    return 0;
}

void world_set_value(World *w, WorldProcess *p, const char *key_path, const char *name,
                     const char *text) {
    Buf *b = &w->g->payload;
    uint64_t handle = key_handle(w, key_path);
    kp_registry(b, 8, gen_raw(w->g), 0, 0, 0, key_path);
    sys(w, p, GROUP_REGISTRY, REG_OPEN, 2);
    kp_registry(b, 8, gen_raw(w->g), 0, 0, handle, name);
    sys(w, p, GROUP_REGISTRY, REG_SET_VALUE, 2);
    world_stack(w, p, gen_raw(w->g));
    world_short(w);
    buf_u64(b, handle);
    buf_u32(b, 0);
    buf_u32(b, 1); // REG_SZ
    size_t size_at = b->bytes;
    buf_u32(b, 0);
    blob_utf16z(b, key_path);
    blob_utf16z(b, name);
    size_t captured_at = b->bytes;
    buf_u16(b, 0);
    blob_utf16z(b, text);
    if (!b->failed) {
        size_t bytes = b->bytes - captured_at - 2;
        store_u32(b->data + size_at, (uint32_t)bytes);
        store_u16(b->data + captured_at, (uint16_t)bytes);
    }
    buf_u32(b, 0);
    buf_u32(b, 0);
    buf_u16(b, 0);
    gen_manifest(w->g, cpu_of(w, p->tid), &registry_value_set, NULL, p->pid, p->tid, NULL, 0);
    kp_registry(b, 8, gen_raw(w->g), 0, 0, handle, "");
    sys(w, p, GROUP_REGISTRY, REG_CLOSE, 2);
}

void world_query_value(World *w, WorldProcess *p, const char *key_path, const char *name) {
    uint64_t handle = key_handle(w, key_path);
    kp_registry(&w->g->payload, 8, gen_raw(w->g), 0, 2, handle, name);
    sys(w, p, GROUP_REGISTRY, REG_QUERY_VALUE, 2);
}

// --- network ---

void world_dns(World *w, WorldProcess *p, const char *name, uint32_t type, uint32_t status,
               const char *results) {
    Buf *b = &w->g->payload;
    world_short(w);
    blob_utf16z(b, name);
    buf_u32(b, type);
    buf_u64(b, 0x40026000);
    blob_utf16z(b, "192.0.2.53;");
    buf_u32(b, 1);
    buf_u32(b, w->dns_index++);
    buf_u32(b, 12);
    buf_u32(b, 0);
    gen_manifest(w->g, cpu_of(w, p->tid), &dns_query_called, NULL, p->pid, p->tid, NULL, 0);
    // The resolver's datagrams.
    KpFlow f = {
        .pid = p->pid, .bytes = 46, .local4 = 0xc0000217, .remote4 = 0xc0000235, .remote_port = 53};
    f.local_port = w->next_port++;
    f.connection = gen_kernel_address(w->g);
    world_short(w);
    kp_net_plain(b, 8, &f, 0);
    perf(w, p->tid, GROUP_UDP, UDP_SEND, 2);
    world_pass(w, 6);
    f.bytes = 110;
    kp_net_plain(b, 8, &f, 0);
    perf(w, p->tid, GROUP_UDP, UDP_RECV, 2);
    world_short(w);
    blob_utf16z(b, name);
    buf_u32(b, type);
    buf_u64(b, 0x40026000);
    buf_u32(b, status);
    blob_utf16z(b, results);
    gen_manifest(w->g, cpu_of(w, p->tid), &dns_query_completed, NULL, p->pid, p->tid, NULL, 0);
}

static void tcp(World *w, WorldProcess *p, KpFlow *f, uint32_t sends, uint32_t receives) {
    Buf *b = &w->g->payload;
    uint8_t add = f->ipv6 ? NET_IPV6 : 0;
    f->pid = p->pid;
    f->local_port = w->next_port++;
    f->connection = gen_kernel_address(w->g);
    world_short(w);
    kp_tcp_connect(b, 8, f, 0);
    perf(w, p->tid, GROUP_TCP, TCP_CONNECT + add, 2);
    world_stack(w, p, gen_raw(w->g));
    for (uint32_t i = 0; i < MAX_OF(sends, receives); i++) {
        world_short(w);
        if (i < sends) {
            f->bytes = i == 0 ? 517 : prng_between(&w->g->rng, 60, 1400);
            kp_tcp_send(b, 8, f, 1000 + i, 1001 + i, 0);
            perf(w, p->tid, GROUP_TCP, TCP_SEND + add, 2);
        }
        world_pass(w, 2);
        if (i < receives) {
            f->bytes = prng_between(&w->g->rng, 100, 1460);
            kp_net_plain(b, 8, f, 0);
            perf(w, p->tid, GROUP_TCP, TCP_RECV + add, 2);
        }
    }
    world_short(w);
    f->bytes = 0;
    kp_net_plain(b, 8, f, 0);
    perf(w, p->tid, GROUP_TCP, TCP_DISCONNECT + add, 2);
}

void world_tcp(World *w, WorldProcess *p, uint32_t address, uint16_t port, uint32_t sends,
               uint32_t receives) {
    KpFlow f = {.local4 = 0xc0000217, .remote4 = address, .remote_port = port};
    tcp(w, p, &f, sends, receives);
}

void world_tcp6(World *w, WorldProcess *p, const uint16_t address[8], uint16_t port) {
    static const uint16_t local[8] = {0x2001, 0xdb8, 0x17, 0, 0, 0, 0, 0x23};
    KpFlow f = {.ipv6 = true, .local6 = local, .remote6 = address, .remote_port = port};
    tcp(w, p, &f, 2, 3);
}

// --- rundown ---

static void image_rundown(World *w, const WorldProcess *p, const char *path, uint8_t opcode) {
    KpImage i = image_of(w, p, path);
    gen_advance(w->g, 40);
    kp_image(&w->g->payload, 8, 3, &i);
    perf(w, p->tid, GROUP_IMAGE, opcode, 3);
}

static void process_rundown(World *w, uint8_t process_opcode, uint8_t thread_opcode,
                            uint8_t image_opcode) {
    for (uint32_t i = 0; i < w->n_processes; i++) {
        const WorldProcess *p = &w->processes[i];
        if (p->ended)
            continue;
        gen_advance(w->g, 60);
        put_process(w, p, 259);
        perf(w, p->tid, GROUP_PROCESS, process_opcode, 4);
        gen_advance(w->g, 60);
        put_thread(w, p);
        gen_kernel(w->g, cpu_of(w, p->tid), ETL_HEADER_SYSTEM64, GROUP_THREAD, thread_opcode, 3,
                   3012, 3016);
        if (p->pid == 4) {
            image_rundown(w, p, "\\SystemRoot\\system32\\ntoskrnl.exe", image_opcode);
            continue;
        }
        image_rundown(w, p, p->path, image_opcode);
        image_rundown(w, p, SYSTEM_DLLS "ntdll.dll", image_opcode);
        image_rundown(w, p, SYSTEM_DLLS "kernel32.dll", image_opcode);
    }
}

static void key_rundown(World *w, uint8_t opcode) {
    for (uint32_t i = 0; i < w->n_keys; i++) {
        gen_advance(w->g, 60);
        kp_registry(&w->g->payload, 8, 0, 0, 0, w->keys[i].handle, w->keys[i].path);
        gen_kernel(w->g, 0, ETL_HEADER_SYSTEM64, GROUP_REGISTRY, opcode, 2, 3012, 3016);
    }
}

void world_rundown_begin(World *w) {
    process_rundown(w, PROCESS_DC_START, THREAD_DC_START, IMAGE_DC_START);
    key_rundown(w, REG_KCB_RUNDOWN_BEGIN);
}

void world_rundown_end(World *w) {
    uint64_t frames[16];
    process_rundown(w, PROCESS_DC_END, THREAD_DC_END, IMAGE_DC_END);
    key_rundown(w, REG_KCB_RUNDOWN_END);
    for (uint32_t i = 0; i < w->n_files; i++)
        if (!w->files[i].deleted)
            name_event(w, &w->processes[0], FILE_RUNDOWN, &w->files[i]);
    for (uint32_t i = 0; i < STACK_KEY_COUNT; i++) {
        uint32_t n = kernel_frames(w, frames);
        gen_advance(w->g, 30);
        kp_stack_definition(&w->g->payload, 8, stack_key(i, false), frames, n);
        perf(w, 0, GROUP_STACK, STACK_KEY_RUNDOWN, 2);
        n = user_frames(w, &w->processes[w->n_processes - 1], frames);
        gen_advance(w->g, 30);
        kp_stack_definition(&w->g->payload, 8, stack_key(i, true), frames, n);
        perf(w, 0, GROUP_STACK, STACK_KEY_RUNDOWN, 2);
    }
}

// --- the rest of the machine ---

static WorldProcess *anybody(World *w) {
    for (;;) {
        WorldProcess *p = &w->processes[prng_below(&w->g->rng, w->n_processes)];
        if (!p->ended)
            return p;
    }
}

// A service looks at a file of its own.
static void glance_at_file(World *w, WorldProcess *p) {
    static const char *const paths[] = {
        VOLUME "Windows\\System32\\drivers\\etc\\hosts",
        VOLUME "Windows\\System32\\config\\SOFTWARE.LOG1",
        VOLUME "ProgramData\\Microsoft\\Search\\Data\\Windows.db",
        VOLUME "Windows\\Fonts\\segoeui.ttf",
        "\\Device\\Mup\\files.corp.example\\home\\ana\\notes.txt",
    };
    uint32_t i = prng_below(&w->g->rng, ARRAY_COUNT(paths));
    WorldHandle h = world_open(w, p, paths[i], 1);
    world_read(w, p, h, 0, 4096);
    world_close(w, p, h);
}

static void background(World *w) {
    WorldProcess *p = anybody(w);
    uint32_t dice = prng_below(&w->g->rng, 100);
    if (dice < 40) {
        kp_cswitch(&w->g->payload, p->tid, 0, 9, 0, 15, prng_below(&w->g->rng, 20));
        perf(w, p->tid, GROUP_THREAD, THREAD_CSWITCH, 4);
    } else if (dice < 52) {
        sample(w, p);
    } else if (p->pid <= 4) {
        return; // the rest is what programs do
    } else if (dice < 76 && w->n_files > 0) {
        WorldHandle h = {0xffff9600a1b2c000u + p->pid,
                         &w->files[prng_below(&w->g->rng, w->n_files)]};
        if (h.file->deleted)
            return;
        KpFile f = request(w, p, h);
        uint32_t bytes = 4096u << prng_below(&w->g->rng, 4);
        kp_file_io(&w->g->payload, 8, &f, (uint64_t)bytes * prng_below(&w->g->rng, 100), bytes,
                   0x60900);
        sys(w, p, GROUP_FILE, FILE_READ, 3);
    } else if (dice < 95 && w->n_keys > 0) {
        static const char *const names[] = {"Start", "ProxyEnable", "Hidden", "Locale"};
        world_query_value(w, p, w->keys[prng_below(&w->g->rng, w->n_keys)].path,
                          names[prng_below(&w->g->rng, ARRAY_COUNT(names))]);
    } else {
        glance_at_file(w, p);
    }
}

void world_pass(World *w, uint32_t milliseconds) {
    int64_t end = w->g->now + (int64_t)milliseconds * 10000;
    for (gen_advance_us(w->g, 200, 1500); w->g->now < end; gen_advance_us(w->g, 200, 3000))
        background(w);
}
