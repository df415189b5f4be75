// Processes by time: what events tell, what look-ups give, and what happens to reused ids.
#include "make.h"

#include <stdio.h>

#include "enrich/instance.h"
#include "enrich/processes.h"
#include "util/mem.h"

#define LIVE    PROVENANCE_LIVE
#define RUNDOWN PROVENANCE_RUNDOWN
#define GUESS   PROVENANCE_GUESS
#define UNKNOWN UINT32_MAX

enum { START = 1, STOP = 2, DC_START = 3, DC_STOP = 4, LOAD = 10, DEFUNCT = 39 }; // opcodes

static Processes *processes;
static Volumes *volumes;
static Accounts *accounts;
static size_t before;

static ProcessesOptions options(void) {
    return (ProcessesOptions){.max_processes = 100, .max_threads = 100, .max_services = 100};
}

static void make(const ProcessesOptions *o) {
    processes = processes_free(processes);
    cr_assert(processes_new(o, volumes, accounts, &processes) == 0);
}

static void set_up(void) {
    before = mem_in_use();
    processes = NULL;
    cr_assert(volumes_new(&volumes) == 0);
    cr_assert(accounts_new(false, &accounts) == 0);
    ProcessesOptions o = options();
    make(&o);
}

static void tear_down(void) {
    processes = processes_free(processes);
    volumes = volumes_free(volumes);
    accounts = accounts_free(accounts);
    make_end();
    cr_assert(mem_in_use() == before, "%zu bytes are left", mem_in_use() - before);
}

static void learn(uint64_t at, MakeEvent e) {
    ProcessPlan plan = processes_plan(e.schema);
    e.record.ordinal = at;
    e.record.time = (int64_t)at * 1000;
    processes_observe(processes, &plan, &e.record, e.schema);
}

static void process(uint64_t at, uint8_t opcode, MakeProcess p) {
    learn(at, make_process_event(opcode, 4, &p, false));
}

static MakeProcess simple(uint32_t pid, uint32_t parent, const char *name) {
    return (MakeProcess){.key = 0xffff900000000000 + pid * 0x100u,
                         .pid = pid,
                         .parent = parent,
                         .session = 1,
                         .name = name};
}

static void check_line(int line, uint32_t pid, uint64_t at, const char *name, uint8_t provenance) {
    const ProcessView *v = processes_find(processes, pid, at);
    cr_assert(v && v->pid == pid && strcmp(v->name, name) == 0 && v->provenance == provenance,
              "line %d: \"%s\" %u at %llu", line, v ? v->name : "none", v ? v->provenance : 0,
              (unsigned long long)at);
    cr_assert(v->serial != 0 && v->path && v->command_line && v->user);
    cr_assert(processes_find(processes, pid, at) == v || !name[0]); // from the memo
}
#define check(pid, at, name, p) check_line(__LINE__, pid, at, name, p)

// "name <- name", or "" for none.
static const char *chain_of(uint32_t pid, uint64_t at) {
    static char text[512];
    ProcessChain chain;
    text[0] = 0;
    processes_chain(processes, pid, at, &chain);
    for (uint32_t i = 0; i < chain.n_ancestors; i++)
        (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? " <- " : "",
                       chain.ancestors[i]->name);
    return text;
}

Test(processes, every_version_of_the_classic_event, .init = set_up, .fini = tear_down) {
    static const uint32_t subs[] = {18};
    for (uint8_t version = 0; version <= 5; version++)
        for (int narrow = 0; narrow < 2; narrow++) {
            MakeProcess p = {.key = 0x80001000,
                             .pid = 1000 + version,
                             .parent = 500,
                             .session = 3,
                             .flags = 2 | 4,
                             .sid = make_sid(5, 1, subs, NULL),
                             .name = "notepad.exe",
                             .command_line = "notepad.exe a.txt"};
            processes_clear(processes);
            learn(10, make_process_event(version == 5 ? DEFUNCT : START, version, &p, narrow));
            const ProcessView *v = processes_find(processes, p.pid, 10);
            cr_assert(strcmp(v->name, "notepad.exe") == 0 && v->parent_pid == 500, "%u", version);
            cr_assert(v->session == (version >= 1 ? 3 : UNKNOWN));
            cr_assert(v->start_key == (version >= 2 ? 0x80001000 : 0));
            cr_assert(strcmp(v->command_line, version >= 2 ? "notepad.exe a.txt" : "") == 0);
            cr_assert(v->flags ==
                      (version >= 4 ? PROCESS_FLAGS_KNOWN | PROCESS_WOW64 | PROCESS_PROTECTED : 0));
            cr_assert(v->sid_bytes == 12 && strcmp(v->user, "NT AUTHORITY\\SYSTEM") == 0);
            cr_assert(v->start_time == (version == 5 ? 0 : 10000));
            cr_assert(v->provenance == LIVE && v->path[0] == 0);
        }
}

Test(processes, what_is_known_of_nothing, .init = set_up, .fini = tear_down) {
    cr_assert(processes_find(processes, UNKNOWN, 5) == NULL);
    check(0, 5, "Idle", RUNDOWN);
    check(4, 5, "System", RUNDOWN);
    const ProcessView *a = processes_find(processes, 77, 5), *b = processes_find(processes, 78, 5);
    cr_assert(a->pid == 77 && b->pid == 78 && a->serial != b->serial);
    cr_assert(a->name[0] == 0 && a->provenance == PROVENANCE_NONE && a->parent_pid == UNKNOWN &&
              a->session == UNKNOWN && a->flags == 0 && a->sid == NULL);
    cr_assert(processes_find(processes, 77, 5)->serial == a->serial);
    cr_assert(strcmp(chain_of(77, 5), "") == 0 && strcmp(chain_of(4, 5), "") == 0);
    ProcessChain chain;
    processes_chain(processes, UNKNOWN, 5, &chain);
    cr_assert(chain.process == NULL && chain.n_ancestors == 0);
    process(10, DC_START, simple(0, 0, "Idle")); // told by the trace: one with a key
    cr_assert(processes_find(processes, 0, 10)->start_key != 0);
    cr_assert(strcmp(chain_of(0, 10), "") == 0);
}

Test(processes, a_pid_is_used_again, .init = set_up, .fini = tear_down) {
    process(10, START, simple(100, 4, "first.exe"));
    process(20, STOP, simple(100, 4, "first.exe"));
    MakeProcess p = simple(100, 4, "second.exe");
    p.key++;
    process(30, START, p);
    check(100, 9, "", PROVENANCE_NONE);
    check(100, 10, "first.exe", LIVE);
    check(100, 29, "first.exe", LIVE); // it is still meant
    check(100, 30, "second.exe", LIVE);
    uint64_t serial = processes_find(processes, 100, 15)->serial;
    cr_assert(processes_find(processes, 100, 25)->serial == serial);
    cr_assert(processes_find(processes, 100, 30)->serial != serial);
    p.name = "third.exe"; // the end of the second is lost
    p.key++;
    process(40, START, p);
    check(100, 39, "second.exe", LIVE);
    check(100, 40, "third.exe", LIVE);
    p.key++; // the same program again
    process(50, START, p);
    cr_assert(processes_find(processes, 100, 49)->serial !=
              processes_find(processes, 100, 50)->serial);
}

Test(processes, the_same_program_without_keys_starts_twice, .init = set_up, .fini = tear_down) {
    MakeProcess p = simple(100, 4, "a.exe");
    learn(10, make_process_event(START, 1, &p, true));
    learn(20, make_process_event(START, 1, &p, true));
    cr_assert(processes_find(processes, 100, 10)->serial !=
              processes_find(processes, 100, 20)->serial);
}

Test(processes, rundowns_reach_back, .init = set_up, .fini = tear_down) {
    process(1000, DC_STOP, simple(200, 4, "old.exe"));
    check(200, 0, "old.exe", RUNDOWN);
    check(200, 2000, "old.exe", RUNDOWN);
    cr_assert(processes_find(processes, 200, 0)->start_time == 0);
    process(10, START, simple(300, 200, "new.exe"));
    process(1001, DC_STOP, simple(300, 200, "new.exe"));
    check(300, 10, "new.exe", LIVE); // one instance, and it was seen to start
    check(300, 1500, "new.exe", LIVE);
    check(300, 9, "", PROVENANCE_NONE);
    cr_assert(processes_find(processes, 300, 10)->serial ==
              processes_find(processes, 300, 2000)->serial);
    process(20, STOP, simple(400, 4, "ended.exe")); // only its end was told
    check(400, 0, "ended.exe", LIVE);
    check(400, 21, "ended.exe", LIVE);
    process(1002, DC_STOP, simple(400, 4, "ended.exe")); // its object is still held
    cr_assert(processes_find(processes, 400, 0)->serial ==
              processes_find(processes, 400, 2000)->serial);
    MakeProcess p = simple(300, 200, "other.exe"); // a change that nobody told
    p.key += 8;
    process(1100, DC_STOP, p);
    check(300, 10, "new.exe", LIVE);
    check(300, 11, "other.exe", GUESS);
    check(300, 1100, "other.exe", GUESS);
}

Test(processes, looking_ahead_is_a_guess, .init = set_up, .fini = tear_down) {
    ProcessesOptions o = options();
    o.looks_ahead = true;
    make(&o);
    process(10, START, simple(100, 4, "a.exe"));
    check(100, 9, "a.exe", GUESS);
    const ProcessView *guess = processes_find(processes, 100, 9);
    const ProcessView *known = processes_find(processes, 100, 10);
    cr_assert(guess != known && guess->serial != known->serial);
    cr_assert(processes_find(processes, 100, 8)->serial == guess->serial);
    cr_assert(strcmp(chain_of(100, 9), "System") == 0);
    // But nobody's parent started behind it.
    process(70, DC_STOP, simple(800, 900, "orphan.exe"));
    process(60, START, simple(900, 4, "young.exe"));
    check(900, 0, "young.exe", GUESS);
    cr_assert(strcmp(chain_of(800, 70), "") == 0, "%s", chain_of(800, 70));
}

Test(processes, a_defunct_process_names_itself, .init = set_up, .fini = tear_down) {
    process(10, DEFUNCT, simple(616, 4, "smss.exe")); // ended before the trace
    check(616, 10, "smss.exe", LIVE);
    check(616, 5, "smss.exe", LIVE);
    check(616, 11, "smss.exe", LIVE);
    process(20, START, simple(700, 4, "a.exe"));
    process(30, STOP, simple(700, 4, "a.exe"));
    uint64_t serial = processes_find(processes, 700, 30)->serial;
    process(40, DEFUNCT, simple(700, 4, "a.exe"));
    cr_assert(processes_find(processes, 700, 40)->serial == serial);
    MakeProcess p = simple(700, 4, "b.exe"); // started and ended unseen
    p.key += 8;
    process(50, DEFUNCT, p);
    check(700, 30, "a.exe", LIVE);
    check(700, 50, "b.exe", LIVE);
    p.name = "c.exe";
    p.key += 8;
    process(60, START, p);
    check(700, 70, "c.exe", LIVE); // and remembered
    p.name = "d.exe";
    p.key += 8;
    process(70, DEFUNCT, p); // while the pid is another's already
    check(700, 69, "c.exe", LIVE);
    check(700, 70, "d.exe", LIVE);
    check(700, 71, "c.exe", LIVE);
}

Test(processes, both_providers_tell_of_one_process, .init = set_up, .fini = tear_down) {
    for (int classic_first = 0; classic_first < 2; classic_first++) {
        processes_clear(processes);
        MakeProcess p = simple(100, 4, "longnamedproce"); // cut at 14
        p.command_line = "longnamedprocess.exe /x";
        MakeProcess m = {.pid = 100,
                         .parent = 4,
                         .session = 1,
                         .name = "\\Device\\HarddiskVolume3\\Tools\\LongNamedProcess.exe",
                         .package = "Some.Package_1",
                         .sequence = 42,
                         .create_time = 9990,
                         .elevation_type = 2};
        MakeEvent classic = make_process_event(START, 4, &p, false);
        MakeEvent manifest = make_manifest_process(1, 3, &m);
        learn(10, classic_first ? classic : manifest);
        learn(11, classic_first ? manifest : classic);
        const ProcessView *v = processes_find(processes, 100, 10);
        cr_assert(v->serial == processes_find(processes, 100, 50)->serial);
        cr_assert(strcmp(v->name, "LongNamedProcess.exe") == 0, "%s", v->name);
        cr_assert(strcmp(v->path, m.name) == 0);
        cr_assert(strcmp(v->command_line, p.command_line) == 0);
        cr_assert(v->start_time == 9990 && v->start_key == p.key && v->provenance == LIVE);
        cr_assert(v->flags == (PROCESS_FLAGS_KNOWN | PROCESS_PACKAGED | PROCESS_ELEVATED |
                               PROCESS_ELEVATION_KNOWN));
        // Both tell of the end as well.
        m.name = "longnamedproce";
        learn(20, make_manifest_process(2, 0, &m));
        learn(21, make_process_event(STOP, 4, &p, false));
        check(100, 30, "LongNamedProcess.exe", LIVE);
        cr_assert(processes_find(processes, 100, 30)->serial ==
                  processes_find(processes, 100, 10)->serial);
        // The next of the same name is another, whichever provider comes first.
        m.name = "\\Device\\HarddiskVolume3\\Tools\\LongNamedProcess.exe";
        m.sequence++;
        m.create_time = 39990;
        learn(40, make_manifest_process(1, 3, &m));
        cr_assert(processes_find(processes, 100, 40)->serial !=
                  processes_find(processes, 100, 30)->serial);
    }
}

Test(processes, elevation, .init = set_up, .fini = tear_down) {
    MakeProcess m = {.pid = 1, .parent = 4, .name = "\\Device\\X\\a.exe", .elevation_type = 3};
    learn(1, make_manifest_process(15, 1, &m));
    const ProcessView *v = processes_find(processes, 1, 1);
    cr_assert(v->flags == PROCESS_ELEVATION_KNOWN && v->provenance == RUNDOWN);
    m.pid = 2; // version 0 does not tell
    learn(2, make_manifest_process(1, 0, &m));
    v = processes_find(processes, 2, 2);
    cr_assert(v->flags == 0 && strcmp(v->name, "a.exe") == 0);
}

Test(processes, paths_from_images, .init = set_up, .fini = tear_down) {
    volumes_add(volumes, "\\Device\\HarddiskVolume2\\", "C:\\");
    process(10, START, simple(100, 4, "svchost.exe"));
    learn(11, make_image_event(LOAD, 3, 100, "\\Device\\HarddiskVolume2\\Windows\\ntdll.dll"));
    learn(12, make_image_event(LOAD, 3, 100, "\\Windows\\SvcHost.exe")); // of no device
    learn(13, make_image_event(DC_STOP, 3, 100, "\\Device\\HarddiskVolume2\\Windows\\SvcHost.exe"));
    learn(14, make_image_event(LOAD, 3, 100, "\\Device\\HarddiskVolume2\\Temp\\svchost.exe"));
    const ProcessView *v = processes_find(processes, 100, 10);
    cr_assert(strcmp(v->path, "C:\\Windows\\SvcHost.exe") == 0, "%s", v->path);
    cr_assert(strcmp(v->name, "svchost.exe") == 0);        // as the kernel calls it
    process(20, START, simple(101, 4, "ApplicationFram")); // cut at 15
    learn(21, make_image_event(LOAD, 2, 101,
                               "\\Device\\HarddiskVolume2\\Windows\\ApplicationFrameHost.exe"));
    check(101, 20, "ApplicationFrameHost.exe", LIVE);
    // At the end the images come before their process.
    learn(30, make_image_event(DC_STOP, 1, 102, "\\Device\\HarddiskVolume2\\late.exe"));
    process(31, DC_STOP, simple(102, 4, "late.exe"));
    cr_assert(strcmp(processes_find(processes, 102, 0)->path, "C:\\late.exe") == 0);
    MakeProcess again = simple(102, 4, "late.exe"); // of another folder, for all that is known
    again.key++;
    process(32, START, again);
    cr_assert(processes_find(processes, 102, 32)->path[0] == 0);
    learn(32, make_image_event(LOAD, 3, 0, "\\Device\\HarddiskVolume2\\driver.sys"));
    check(0, 32, "Idle", RUNDOWN);
    // Before the process was told of, but of another name.
    learn(33, make_image_event(DC_STOP, 3, 103, "\\Device\\HarddiskVolume2\\other.exe"));
    process(34, DC_STOP, simple(103, 4, "name.exe"));
    cr_assert(processes_find(processes, 103, 0)->path[0] == 0);
}

Test(processes, a_mapping_that_becomes_known_later, .init = set_up, .fini = tear_down) {
    process(10, START, simple(100, 4, "a.exe"));
    learn(11, make_image_event(LOAD, 3, 100, "\\Device\\HarddiskVolume2\\a.exe"));
    const ProcessView *old = processes_find(processes, 100, 20);
    uint64_t serial = old->serial;
    cr_assert(strcmp(old->path, "\\Device\\HarddiskVolume2\\a.exe") == 0);
    volumes_add(volumes, "\\Device\\HarddiskVolume2\\", "C:\\");
    const ProcessView *v = processes_find(processes, 100, 20);
    cr_assert(strcmp(v->path, "C:\\a.exe") == 0 && v->serial != serial);
    (void)processes_find(processes, 104, 20);
    cr_assert(strcmp(old->path, "\\Device\\HarddiskVolume2\\a.exe") == 0); // until the next event
    serial = v->serial;
    volumes_add(volumes, "\\Device\\HarddiskVolume9\\", "K:\\"); // of no concern
    cr_assert(processes_find(processes, 100, 21)->serial == serial);
}

Test(processes, users_that_become_known_later, .init = set_up, .fini = tear_down) {
    uint8_t sid[68];
    static const uint8_t head[12] = {1, 6, 0, 0, 0, 0, 0, 5, 80};
    memcpy(sid, head, sizeof head);
    // S-1-5-80-… of Dnscache.
    static const uint32_t subs[] = {80, 859482183, 879914841, 863379149, 1145462774, 2388618682};
    MakeProcess p = simple(100, 4, "svchost.exe");
    p.sid = make_sid(5, 6, subs, NULL);
    process(10, START, p);
    cr_assert(processes_find(processes, 100, 10)->user[0] == 0);
    cr_assert(processes_find(processes, 100, 10)->sid_bytes == 32);
    learn(20, make_service_event(100, 30, "Dnscache"));
    const ProcessView *v = processes_find(processes, 100, 10);
    cr_assert(strcmp(v->user, "NT SERVICE\\Dnscache") == 0, "%s", v->user);
}

Test(processes, chains, .init = set_up, .fini = tear_down) {
    process(1, DC_START, simple(4, 0, "System"));
    process(2, DC_START, simple(300, 4, "smss.exe"));
    process(10, START, simple(400, 300, "winlogon.exe"));
    process(20, START, simple(500, 400, "userinit.exe"));
    process(30, START, simple(600, 500, "explorer.exe"));
    process(40, STOP, simple(500, 400, "userinit.exe"));
    MakeProcess p = simple(500, 600, "evil.exe"); // its pid is used again
    p.key++;
    process(50, START, p);
    static const char expected[] = "userinit.exe <- winlogon.exe <- smss.exe <- System <- Idle";
    for (int round = 0; round < 2; round++) {
        cr_assert(strcmp(chain_of(600, 35), expected) == 0, "%s", chain_of(600, 35));
        cr_assert(strcmp(chain_of(600, 60), expected) == 0);
        cr_assert(strcmp(chain_of(500, 60),
                         "explorer.exe <- userinit.exe <- winlogon.exe <- smss.exe <- System"
                         " <- Idle") == 0,
                  "%s", chain_of(500, 60));
    }
    // A parent that started behind its child has only the pid in common.
    process(70, DC_STOP, simple(800, 900, "orphan.exe"));
    process(60, START, simple(900, 4, "young.exe"));
    cr_assert(strcmp(chain_of(800, 70), "") == 0, "%s", chain_of(800, 70));
}

Test(processes, chains_end, .init = set_up, .fini = tear_down) {
    // Two that were there before the trace and name each other: pids that were used again.
    process(1, DC_START, simple(100, 104, "a.exe"));
    process(2, DC_START, simple(104, 100, "b.exe"));
    process(3, DC_START, simple(108, 108, "self.exe"));
    cr_assert(strcmp(chain_of(100, 5), "b.exe") == 0);
    cr_assert(strcmp(chain_of(104, 5), "a.exe") == 0);
    cr_assert(strcmp(chain_of(108, 5), "") == 0);
    // 20 generations: the nearest 16.
    char name[32];
    for (uint32_t i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "g%u", (unsigned)i);
        process(10 + i, START, simple(1000 + i * 4, 1000 + i * 4 - 4, name));
    }
    for (uint32_t i = 15; i <= 18; i++) { // the i-th has i - 1 ancestors and more: n - 1, n, n + 1
        ProcessChain chain;
        processes_chain(processes, 1000 + i * 4, 100, &chain);
        cr_assert(chain.n_ancestors == MIN_OF(i, ENRICHED_MAX_ANCESTORS), "%u", i);
        cr_assert(chain.ancestors[chain.n_ancestors - 1]->pid ==
                  1000 + (i - chain.n_ancestors) * 4);
    }
}

Test(processes, threads, .init = set_up, .fini = tear_down) {
    for (uint8_t version = 0; version <= 4; version++) {
        processes_clear(processes);
        learn(10, make_thread_event(START, version, 100, 8, 3));
        learn(20, make_thread_event(STOP, version, 100, 8, 3));
        learn(30, make_thread_event(START, version, 200, 8, 0));
        cr_assert(processes_of_thread(processes, 8, 9) == UNKNOWN);
        cr_assert(processes_of_thread(processes, 8, 10) == 100, "%u", version);
        cr_assert(processes_of_thread(processes, 8, 29) == 100);
        cr_assert(processes_of_thread(processes, 8, 30) == 200);
        cr_assert(processes_of_thread(processes, 8, 30) == 200);
        learn(40, make_thread_event(DC_STOP, version, 300, 12, 0));
        cr_assert(processes_of_thread(processes, 12, 0) == 300);
        learn(50, make_thread_event(STOP, version, 400, 16, 0)); // only its end
        cr_assert(processes_of_thread(processes, 16, 1) == 400);
        learn(60, make_thread_event(START, version, 100, 24, 0));
        learn(70, make_thread_event(START, version, 200, 24, 0)); // its end was lost
        cr_assert(processes_of_thread(processes, 24, 69) == 100);
        cr_assert(processes_of_thread(processes, 24, 70) == 200);
    }
    cr_assert(processes_of_thread(processes, 0, 1) == 0);
    cr_assert(processes_of_thread(processes, UNKNOWN, 1) == UNKNOWN);
    learn(60, make_thread_event(DC_START, 3, 500, 0, 0)); // an idle thread stays Idle's
    cr_assert(processes_of_thread(processes, 0, 70) == 0);
    MakeEvent e = make_manifest(3, 1);
    buf_u32(&e.payload, 600);
    buf_u32(&e.payload, 20);
    buf_u64(&e.payload, 0);
    buf_u32(&e.payload, 7);
    make_finish(&e);
    learn(80, e);
    cr_assert(processes_of_thread(processes, 20, 80) == 600);
}

static const char *service_at(uint32_t tid, uint64_t at, uint8_t provenance) {
    uint8_t p = PROVENANCE_NONE;
    const Text *name = processes_service(processes, tid, at, &p);
    cr_assert(p == provenance, "%u", p);
    return name ? name->s : "";
}

Test(processes, services, .init = set_up, .fini = tear_down) {
    learn(10, make_thread_event(START, 3, 100, 8, 3));
    learn(11, make_thread_event(START, 3, 100, 12, 0));
    learn(12, make_thread_event(START, 3, 100, 16, 9));
    cr_assert(strcmp(service_at(8, 20, PROVENANCE_NONE), "") == 0);
    learn(20, make_service_event(0, 3, "Stopped")); // it does not run
    learn(21, make_service_event(100, 3, "Dnscache"));
    learn(22, make_service_event(0, 3, "Stopped"));
    learn(23, make_service_event(0, 0, "None"));
    learn(24, make_service_event(200, 9, "Elsewhere"));
    cr_assert(strcmp(service_at(8, 10, RUNDOWN), "Dnscache") == 0);
    cr_assert(strcmp(service_at(12, 20, PROVENANCE_NONE), "") == 0);
    cr_assert(strcmp(service_at(16, 20, GUESS), "Elsewhere") == 0);
    cr_assert(strcmp(service_at(99, 20, PROVENANCE_NONE), "") == 0);
    cr_assert(strcmp(service_at(0, 20, PROVENANCE_NONE), "") == 0);
    // The tag of a thread that only its rundown tells.
    learn(30, make_thread_event(START, 1, 100, 20, 0));
    learn(31, make_thread_event(DC_STOP, 3, 100, 20, 3));
    cr_assert(strcmp(service_at(20, 30, RUNDOWN), "Dnscache") == 0);
}

Test(processes, limits_and_counters, .init = set_up, .fini = tear_down) {
    CacheStats stats[3];
    for (uint32_t n = 2; n <= 4; n++) { // n - 1, n, n + 1 of 3
        ProcessesOptions o = options();
        o.max_processes = o.max_threads = o.max_services = 3;
        make(&o);
        for (uint32_t i = 1; i <= n; i++) {
            process(i, START, simple(i * 4 + 100, 4, "a.exe"));
            learn(i, make_thread_event(START, 3, 100, i * 4, i));
            learn(i, make_service_event(100, i, "x"));
        }
        cr_assert(processes_stats(processes, stats) == 3);
        for (int i = 0; i < 3; i++) {
            cr_assert(stats[i].entries == MIN_OF(n, 3u) && stats[i].evicted == (n > 3), "%d", i);
            cr_assert(stats[i].limit == 3 && stats[i].inserted == n);
        }
        check(104, 10, n > 3 ? "" : "a.exe", n > 3 ? PROVENANCE_NONE : LIVE);
    }
    cr_assert(strcmp(stats[0].name, "Processes") == 0 && strcmp(stats[1].name, "Threads") == 0 &&
              strcmp(stats[2].name, "Services") == 0);
    // Look-ups that the memo answers are look-ups.
    processes_stats(processes, stats);
    CacheStats was = stats[0], threads = stats[1];
    for (int i = 0; i < 10; i++) {
        (void)processes_find(processes, 112, 20);
        (void)processes_find(processes, 999, 20);
        (void)processes_of_thread(processes, 12, 20);
        (void)processes_of_thread(processes, 996, 20);
    }
    processes_stats(processes, stats);
    cr_assert(stats[0].retrievals == was.retrievals + 20 && stats[0].hits == was.hits + 10 &&
              stats[0].misses == was.misses + 10 && stats[0].live == was.live + 10);
    cr_assert(stats[1].retrievals == threads.retrievals + 20 &&
              stats[1].hits == threads.hits + 10 && stats[1].misses == threads.misses + 10);
}

Test(processes, memory_is_bounded, .init = set_up, .fini = tear_down) {
    ProcessesOptions o = options();
    o.max_processes = 100000;
    o.max_bytes = 256 * 1024;
    make(&o);
    char *command_line = mem_alloc(20001);
    memset(command_line, 'x', 20000);
    command_line[20000] = 0;
    for (uint32_t i = 1; i <= 100; i++) {
        MakeProcess p = simple(i * 4, 4, "a.exe");
        p.command_line = command_line;
        process(i, START, p);
    }
    mem_free(command_line);
    CacheStats stats[3];
    processes_stats(processes, stats);
    cr_assert(stats[0].bytes <= 160 * 1024 && stats[0].evicted > 50 && stats[0].entries >= 5);
    cr_assert(stats[0].bytes_limit == 160 * 1024);
    check(400, 100, "a.exe", LIVE);
}

Test(processes, payloads_cut_anywhere, .init = set_up, .fini = tear_down) {
    static const uint32_t subs[] = {21, 1, 2, 3, 4};
    MakeProcess p = simple(100, 4, "name.exe");
    p.sid = make_sid(5, 5, subs, NULL);
    p.command_line = "\"C:\\Program Files\\name.exe\" /x";
    p.package = "p";
    MakeProcess m = {.pid = 100, .parent = 4, .name = "\\Device\\X\\a.exe", .elevation_type = 1};
    MakeEvent events[] = {
        make_process_event(START, 4, &p, false),
        make_process_event(DC_STOP, 2, &p, true),
        make_process_event(STOP, 3, &p, false),
        make_process_event(DEFUNCT, 5, &p, false),
        make_manifest_process(1, 3, &m),
        make_manifest_process(2, 0, &m),
        make_thread_event(START, 3, 100, 8, 3),
        make_thread_event(STOP, 1, 100, 8, 3),
        make_image_event(LOAD, 3, 100, "\\Device\\X\\name.exe"),
        make_service_event(100, 3, "Dnscache"),
    };
    uint64_t at = 1;
    for (size_t i = 0; i < ARRAY_COUNT(events); i++) {
        ProcessPlan plan = processes_plan(events[i].schema);
        cr_assert(plan.role != PROCESS_NOTHING, "%zu", i);
        uint8_t *whole = mem_dup(events[i].record.payload, events[i].record.payload_bytes);
        for (uint32_t n = 0; n <= events[i].record.payload_bytes; n++) {
            EventRecord record = events[i].record;
            uint8_t *exact = mem_dup(whole, n);
            record.payload = exact;
            record.payload_bytes = n;
            record.ordinal = at++;
            processes_observe(processes, &plan, &record, events[i].schema);
            mem_free(exact);
            (void)processes_find(processes, 100, at);
            (void)chain_of(100, at);
        }
        mem_free(whole);
    }
}

Test(processes, types_that_tell_nothing, .init = set_up, .fini = tear_down) {
    MakeEvent terminate = make_classic(&make_process_class, 11, 2, false);
    MakeEvent unload = make_classic(&make_image_class, 2, 3, false);
    MakeEvent driver = make_classic(&make_image_class, LOAD, 0, false); // has no process
    MakeEvent old = make_classic(&make_config_class, 15, 0, false);     // has no tags
    MakeEvent name = make_classic(&make_thread_class, 72, 2, false);
    cr_assert(processes_plan(terminate.schema).role == PROCESS_NOTHING);
    cr_assert(processes_plan(unload.schema).role == PROCESS_NOTHING);
    cr_assert(processes_plan(driver.schema).role == PROCESS_NOTHING);
    cr_assert(processes_plan(old.schema).role == PROCESS_NOTHING);
    cr_assert(processes_plan(name.schema).role == PROCESS_NOTHING);
}

// Everything that is learned and asked for, with each allocation failing in turn: what is answered
// is right or nothing, and nothing is left behind.
Test(processes, each_allocation_may_fail, .init = set_up, .fini = tear_down, .timeout = 120) {
    static const uint32_t subs[] = {18};
    MakeProcess p = simple(100, 4, "a.exe");
    p.sid = make_sid(5, 1, subs, NULL);
    p.command_line = "C:\\x\\a.exe";
    MakeProcess m = {.pid = 100, .parent = 4, .name = "\\Device\\X\\a.exe", .elevation_type = 1};
    MakeProcess other = simple(100, 4, "b.exe");
    other.key++;
    MakeEvent events[] = {
        make_image_event(DC_START, 3, 104, "\\Device\\X\\c.exe"),
        make_process_event(START, 4, &p, false),
        make_thread_event(START, 3, 100, 8, 3),
        make_service_event(100, 3, "svc"),
        make_image_event(LOAD, 3, 100, "\\Device\\X\\a.exe"),
        make_manifest_process(1, 3, &m),
        make_process_event(DEFUNCT, 4, &other, false),
        make_thread_event(STOP, 1, 100, 8, 0),
        make_process_event(STOP, 4, &p, false),
        make_process_event(DC_STOP, 4, &other, false),
    };
    ProcessesOptions o = options();
    o.looks_ahead = true;
    size_t n_calls = 1000;
    for (size_t at = 0; at <= n_calls; at++) {
        processes = processes_free(processes);
        volumes = volumes_free(volumes);
        accounts = accounts_free(accounts);
        size_t calls = mem_calls();
        mem_fail_at(at);
        bool made = volumes_new(&volumes) == 0 && accounts_new(false, &accounts) == 0 &&
                    processes_new(&o, volumes, accounts, &processes) == 0;
        for (size_t i = 0; made && i < ARRAY_COUNT(events); i++) {
            learn(10 + i, events[i]);
            uint8_t provenance;
            const char *name = processes_find(processes, 100, 10 + i)->name;
            cr_assert(strcmp(name, "a.exe") == 0 || strcmp(name, "b.exe") == 0 || !name[0]);
            (void)chain_of(100, 10 + i);
            uint32_t pid = processes_of_thread(processes, 8, 10 + i);
            cr_assert(pid == 100 || pid == UNKNOWN);
            (void)processes_service(processes, 8, 10 + i, &provenance);
            if (i == 6)
                volumes_add(volumes, "\\Device\\X\\", "X:\\");
        }
        mem_fail_at(0);
        if (at == 0)
            n_calls = mem_calls() - calls;
    }
    cr_assert(n_calls > 50 && n_calls < 1000);
}

Test(processes, short_names_and_base_names) {
    static const struct {
        const char *name, *base;
        bool fits;
    } cases[] = {
        {"a.exe", "A.EXE", true},
        {"a.exe", "a.exe.mui", false},
        {"a.exe", "b.exe", false},
        {"", "a.exe", false},
        {"a.exe", "", false},
        {"abcdefghijklm", "abcdefghijklmn.exe", false},       // 13
        {"abcdefghijklmn", "abcdefghijklmnop.exe", true},     // 14
        {"abcdefghijklmno", "ABCDEFGHIJKLMNOP.exe", true},    // 15
        {"abcdefghijklmnop", "abcdefghijklmnopq.exe", false}, // 16
        {"abcdefghijklmnop", "abcdefghijklmno", false},
        {"caf\xc3\xa9.exe", "caf\xd0\xb6.exe", true}, // no 8-bit form
        {"caf?.exe", "caf\xd0\xb6.exe", true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        cr_assert(facts_name_fits(cases[i].name, cases[i].base) == cases[i].fits, "%zu", i);
}

Test(processes, command_lines) {
    static const struct {
        const char *line, *name, *path;
    } cases[] = {
        {"C:\\Windows\\a.exe /x", "a.exe", "C:\\Windows\\a.exe"},
        {"C:\\Windows\\a.exe", "A.exe", "C:\\Windows\\a.exe"},
        {"\"C:\\Program Files\\a b.exe\" C:\\a.exe", "a b.exe", "C:\\Program Files\\a b.exe"},
        {"C:\\Program Files\\a.exe -q x", "a.exe", "C:\\Program Files\\a.exe"},
        {"  \"C:\\a.exe", "a.exe", "C:\\a.exe"},
        {"\\SystemRoot\\System32\\smss.exe", "smss.exe", "\\SystemRoot\\System32\\smss.exe"},
        {"%SystemRoot%\\system32\\csrss.exe ObjectDirectory=\\Windows", "csrss.exe",
         "\\SystemRoot\\system32\\csrss.exe"},
        {"\\??\\C:\\Windows\\a.exe", "a.exe", "\\??\\C:\\Windows\\a.exe"},
        {"\\\\server\\share\\a.exe /x", "a.exe", "\\\\server\\share\\a.exe"},
        {"a.exe C:\\a.exe", "a.exe", NULL},
        {"C:\\Windows\\b.exe /x", "a.exe", NULL},
        {"C:a.exe", "a.exe", NULL},
        {"", "a.exe", NULL},
        {"\"", "a.exe", NULL},
        {"C:\\a.exe", "", NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        Buf out = BUF_INIT;
        buf_text(&out, "=");
        bool found = facts_command_path(cases[i].line, cases[i].name, &out);
        cr_assert(found == (cases[i].path != NULL), "%zu", i);
        cr_assert(strcmp(buf_str(&out) + 1, found ? cases[i].path : "") == 0, "%zu: %s", i,
                  buf_str(&out));
        buf_deinit(&out);
    }
}

Test(processes, a_path_from_the_command_line_is_the_last_resort, .init = set_up,
     .fini = tear_down) {
    MakeProcess p = simple(100, 4, "a.exe");
    p.command_line = "\"C:\\From Line\\a.exe\" /x";
    process(10, START, p);
    cr_assert(strcmp(processes_find(processes, 100, 10)->path, "C:\\From Line\\a.exe") == 0);
    learn(11, make_image_event(LOAD, 3, 100, "\\Device\\X\\a.exe"));
    cr_assert(strcmp(processes_find(processes, 100, 12)->path, "\\Device\\X\\a.exe") == 0);
}
