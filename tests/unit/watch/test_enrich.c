#include <criterion/criterion.h>
#include <stdio.h>

#include "fake_enrich.h"
#include "idl/wire.h"
#include "util/mem.h"
#include "watch/hub.h"
#include "wire/json.h"

// A hub with an enricher that the test drives: what is asked of it and when, what stands on the
// wire, and the wait for stacks.

static const Guid provider_a = GUID_INIT(0x11111111u, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
static const Guid process_class =
    GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid file_class =
    GUID_INIT(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3);
static const Guid perf_class =
    GUID_INIT(0xce1dbfb4, 0x137e, 0x4da6, 0x87, 0xb0, 0x3f, 0x59, 0xaa, 0x10, 0x2c, 0xbc);
static const Guid stack_class =
    GUID_INIT(0xdef2fe46, 0x7bd6, 0x4b80, 0xbd, 0x94, 0xf5, 0x7f, 0xe2, 0x0d, 0x0c, 0xe3);
static const Guid kernel_file =
    GUID_INIT(0xedd08927u, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89);
#define A           "\"{11111111-0001-0001-0101-010101010101}\""
#define KERNEL_FILE "\"{edd08927-9cc4-4e65-b970-c2560fb5c289}\""
#define MS          INT64_C(1000000)

enum { CREATE = 64, READ = 67, START = 1, STATE = 3 };

static size_t memory_before;
static int64_t clock_ns;
static SchemaStore *store;
static Hub *hub;
static Enricher *enricher;
static User *user;
static RouteNames names;
static int64_t next_time;
static uint64_t ordinal;

static int64_t fake_now(void *unused) {
    (void)unused;
    return clock_ns;
}

static void begin(bool file_mode, bool live, bool enriched) {
    memory_before = mem_in_use();
    clock_ns = 1000 * MS;
    next_time = 130000000000000000;
    ordinal = 1;
    enricher = fake_new(file_mode);
    cr_assert_eq(schema_store_new(&store), 0);
    HubOptions options = {.now = fake_now,
                          .store = store,
                          .limits = user_limits_default(),
                          .own_pid = 666,
                          .enricher = enriched ? enricher : NULL,
                          .live = live};
    cr_assert_eq(hub_new(&options, &hub), 0);
    names = names_of_store(store);
    PlatPeer peer = {.sid = "S-1-22-1-0", .administrator = true};
    cr_assert_eq(user_connect(hub_users(hub), &peer, &user, NULL), 0);
}

static void begin_live(void) {
    begin(false, true, true);
}

static void begin_replay(void) {
    begin(false, false, true);
}

static void begin_file(void) {
    begin(true, false, true);
}

static void begin_without(void) {
    begin(false, false, false);
}

static void finish(void) {
    cr_assert(source_ledger_balanced(hub_source(hub)));
    cr_assert_eq(user->queue_bytes, 0);
    cr_assert_eq(fake.waits_alive, 0, "every wait was given back");
    cr_assert_eq(plan_members(hub_plan(hub)), 0, "the caches left with the last watcher");
    user_disconnect(user, true);
    hub_free(hub);
    schema_store_free(store);
    enricher_free(enricher);
    cr_assert_eq(mem_in_use(), memory_before);
}

static Spec *spec_of(const char *text) {
    cJSON *json = NULL;
    Spec *spec = NULL;
    Buf warnings = BUF_INIT;
    Err err = ERR_INIT;
    cr_assert_eq(json_parse(text, strlen(text), &json, &err), 0, "%s", err.text);
    cr_assert_eq(spec_from_json(json, &names, &spec, &warnings, &err), 0, "%s", err.text);
    json_free(json);
    buf_deinit(&warnings);
    return spec;
}

static void subscribe(Watch *watch, const char *text) {
    Spec *spec = spec_of(text);
    Err err = ERR_INIT;
    cr_assert_eq(hub_subscribe(hub, user, spec, true, watch, &err), 0, "%s", err.text);
    spec_unref(spec);
}

static void change(Watch *watch, const char *text, PlanDeltas *deltas) {
    Spec *spec = spec_of(text);
    Err err = ERR_INIT;
    cr_assert_eq(hub_change(hub, watch, spec, deltas, &err), 0, "%s", err.text);
    spec_unref(spec);
}

static EventRecord record_of(const Guid *provider, uint8_t opcode, uint16_t id, uint32_t pid) {
    static const uint8_t payload[64] = {1, 2, 3, 4};
    bool classic = kernel_is_class(provider, NULL);
    return (EventRecord){.provider = *provider,
                         .desc = {.id = id, .opcode = opcode, .level = 4, .version = 2},
                         .time = next_time,
                         .ordinal = ordinal,
                         .flags = classic ? EVENT_CLASSIC : 0,
                         .pid = pid,
                         .tid = 1,
                         .payload = payload,
                         .payload_bytes = sizeof payload};
}

static void put(const EventRecord *record, uint8_t kind) {
    RingItem item = {.kind = kind};
    item.record = *record;
    hub_item(hub, &item);
    next_time++;
    ordinal++;
}

static void kernel(const Guid *class_guid, uint8_t opcode, uint32_t pid) {
    EventRecord record = record_of(class_guid, opcode, 0, pid);
    put(&record, RING_RECORD);
}

static void event(uint16_t id, uint32_t pid) {
    EventRecord record = record_of(&provider_a, 0, id, pid);
    put(&record, RING_RECORD);
}

// What a client would see of one event.
typedef struct Seen {
    uint32_t pid;
    char name[16]; // of its process; "" when nothing is known
    uint32_t frames;
    bool incomplete;
} Seen;

typedef struct Got {
    uint32_t n, gaps, epochs;
    uint32_t largest; // bytes of a batch
    uint64_t next;    // number
    Seen seen[4096];
} Got;

static Got got;

static void read_batch(const Batch *batch) {
    BatchReader reader;
    WireRecord record;
    WireTableView *table;
    Err err = ERR_INIT;
    cr_assert_eq(wire_batch_open(batch->body, batch->bytes, &reader, &err), 0, "%s", err.text);
    cr_assert_eq(wire_table_open(&reader, &table, &err), 0, "%s", err.text);
    got.largest = MAX_OF(got.largest, batch->bytes);
    while (wire_batch_next(&reader, &record, &err) == 1) {
        EnrichedView view;
        StackView stack;
        cr_assert_eq(wire_table_record(table, &record, &view, &stack, &err), 0, "%s", err.text);
        cr_assert_lt(got.n, ARRAY_COUNT(got.seen));
        Seen *seen = &got.seen[got.n++];
        const ProcessView *process = view.chains[CHAIN_PROCESS].process;
        seen->pid = record.pid;
        snprintf(seen->name, sizeof seen->name, "%.15s", process ? process->name : "");
        seen->frames = view.stack ? view.stack->n : 0;
        seen->incomplete = (record.flags & WIRE_RECORD_STACK_INCOMPLETE) != 0;
    }
    wire_table_close(table);
}

// Takes what is queued (not what is held or open), as a connection would.
static void read_all(Watch *watch) {
    WatchEntry entry;
    memset(&got, 0, sizeof got);
    uint64_t next = UINT64_MAX;
    while (watch_take(watch, &entry)) {
        if (entry.kind == ENTRY_BATCH ||
            (entry.kind == ENTRY_GAP && entry.reason != WIRE_GAP_SOURCE)) {
            cr_assert(next == UINT64_MAX || entry.first == next, "numbers have no hole");
            next = entry.first + entry.count;
        }
        if (entry.kind == ENTRY_BATCH)
            read_batch(entry.batch);
        else if (entry.kind == ENTRY_GAP)
            got.gaps += (uint32_t)entry.count;
        got.epochs += entry.kind == ENTRY_EPOCH;
        watch_written(watch, &entry, clock_ns);
    }
    got.next = next;
    Ledger ledger = watch_ledger(watch);
    cr_assert(ledger_balanced(&ledger));
}

// Time passes, and the loop looks.
static int64_t tick(int64_t ns) {
    clock_ns += ns;
    return hub_tick(hub);
}

static uint64_t held(const Watch *watch) {
    Ledger ledger = watch_ledger(watch);
    cr_assert(ledger_balanced(&ledger));
    return ledger.held;
}

#define WITH_STACKS "{\"wants\":[{\"kernel\":[\"File\"]}],\"stacks\":[\"File\"]}"

// ---- What is asked of the enricher, and when ----

Test(enrich, feeders_are_observed_and_the_rest_costs_nothing, .init = begin_live, .fini = finish) {
    Watch a;
    kernel(&process_class, START, 7); // nobody is there
    cr_assert_eq(fake.observed, 1, "feeders are observed for those who come later");
    event(1, 7);
    cr_assert_eq(fake.observed, 1, "others never");
    cr_assert_eq(fake.begun, 0);
    subscribe(&a, "{\"wants\":[{\"provider\":" A ",\"event_ids\":[2]}],\"enrich\":\"none\"}");
    event(1, 7);
    event(2, 7);
    cr_assert_eq(fake.begun, 0, "enrich none: nothing is looked up");
    change(&a, "{\"wants\":[{\"provider\":" A ",\"event_ids\":[2]}]}", NULL);
    event(1, 7);
    cr_assert_eq(fake.begun, 0, "not wanted");
    event(2, 7);
    cr_assert_eq(fake.begun, 1);
    cr_assert_eq(fake.views, 1);
    change(&a, "{\"wants\":[{\"provider\":" A ",\"filter\":\"Id -eq 2\"}]}", NULL);
    event(1, 7);
    cr_assert_eq(fake.begun, 1, "the filter needs nothing, and says no");
    event(2, 7);
    cr_assert_eq(fake.begun, 2);
    cr_assert_eq(fake.resolved, 0);
    cr_assert_eq(fake.planned, 3, "once for each type, however often routes are made anew");
    hub_unsubscribe(hub, &a);
}

Test(enrich, an_event_is_looked_up_once_for_all_feeds, .init = begin_live, .fini = finish) {
    Watch a, b, c;
    subscribe(&a, "{\"wants\":[{\"provider\":" A ",\"filter\":\"ProcessName -eq 'p7'\"}]}");
    subscribe(&b, "{\"wants\":[{\"provider\":" A "}]}");
    subscribe(&c, "{\"wants\":[{\"provider\":" A ",\"filter\":\"ProcessName -like 'p*'\"}]}");
    event(1, 7);
    event(1, 8);
    cr_assert_eq(fake.begun, 2);
    hub_seal_all(hub);
    read_all(&a);
    cr_assert_eq(got.n, 1);
    cr_assert_str_eq(got.seen[0].name, "p7");
    read_all(&b);
    cr_assert_eq(got.n, 2);
    cr_assert_str_eq(got.seen[1].name, "p8");
    read_all(&c);
    cr_assert_eq(got.n, 2);
    hub_unsubscribe(hub, &a);
    hub_unsubscribe(hub, &b);
    hub_unsubscribe(hub, &c);
}

Test(enrich, a_feeder_finds_itself, .init = begin_live, .fini = finish) {
    Watch a;
    subscribe(&a, "{\"wants\":[{\"kernel\":[\"Process\"]}]}");
    kernel(&process_class, START, 7);
    cr_assert_eq(fake.begun, 1);
    cr_assert(fake.observed_first);
    hub_unsubscribe(hub, &a);
}

Test(enrich, the_brokers_own_events_are_learnt_from_and_go_nowhere, .init = begin_live,
     .fini = finish) {
    Watch a;
    subscribe(&a, "{\"wants\":[{}]}");
    kernel(&process_class, START, 666);
    event(1, 666);
    cr_assert_eq(fake.observed, 1);
    cr_assert_eq(hub_source(hub)->self, 2);
    cr_assert_eq(hub_source(hub)->received, 2);
    hub_seal_all(hub);
    read_all(&a);
    cr_assert_eq(got.n, 0);
    hub_unsubscribe(hub, &a);
}

Test(enrich, without_an_enricher_all_is_as_before, .init = begin_without, .fini = finish) {
    Watch a;
    subscribe(&a,
              "{\"wants\":[{\"provider\":" A "},{\"kernel\":[\"File\"]}],\"stacks\":[\"File\"]}");
    cr_assert_eq(plan_members(hub_plan(hub)), 1, "no caches");
    event(1, 7);
    kernel(&process_class, START, 7);
    kernel(&file_class, CREATE, 7);
    cr_assert_eq(fake.observed + fake.begun + fake.expected + fake.planned, 0);
    cr_assert_eq(hub_source(hub)->unwanted, 1);
    hub_seal_all(hub);
    read_all(&a);
    cr_assert_eq(got.n, 2);
    cr_assert_str_eq(got.seen[0].name, "");
    hub_unsubscribe(hub, &a);
}

Test(enrich, knowledge_counts_nowhere, .init = begin_file, .fini = finish) {
    Watch a;
    RingItem learned = {.kind = RING_LEARNED};
    EventRecord start = record_of(&process_class, START, 0, 7),
                other = record_of(&provider_a, 0, 1, 7);
    put(&start, RING_KNOWLEDGE);
    put(&other, RING_KNOWLEDGE); // no feeder: the scan was too generous
    hub_item(hub, &learned);
    cr_assert_eq(fake.learnt, 1);
    cr_assert_eq(fake.learnt_all, 1);
    cr_assert_eq(fake.observed, 0);
    cr_assert_eq(hub_source(hub)->received, 0);
    cr_assert_eq(hub_provider_count(hub), 0, "no rows in the profile");
    subscribe(&a, "{\"wants\":[{\"kernel\":[\"Process\"]}]}");
    put(&start, RING_RECORD);
    put(&start, RING_KNOWLEDGE); // late: harmless
    cr_assert_eq(fake.planned, 2);
    hub_seal_all(hub);
    read_all(&a);
    cr_assert_eq(got.n, 1);
    hub_unsubscribe(hub, &a);
}

// An event of any type may have a stack that stands under a key: a scan must not lose it.
Test(enrich, knowledge_of_stack_keys, .init = begin_file, .fini = finish) {
    uint8_t ext[32];
    const uint8_t key[16] = {[8] = 7};
    EventRecord other = record_of(&provider_a, 0, 1, 7);
    other.ext = ext;
    other.ext_bytes = event_item_put(ext, EVENT_ITEM_STACK_KEY64, key, sizeof key);
    put(&other, RING_KNOWLEDGE);
    cr_assert_eq(fake.learnt, 1);
}

Test(enrich, epochs_are_told, .init = begin_live, .fini = finish) {
    RingItem epoch = {.kind = RING_EPOCH, .epoch = {.reason = WIRE_EPOCH_START}};
    hub_item(hub, &epoch);
    cr_assert_eq(fake.epochs, 1);
    cr_assert_eq(fake.epochs_again, 0);
    epoch.epoch.reason = WIRE_EPOCH_LOOP;
    hub_item(hub, &epoch);
    cr_assert_eq(fake.epochs, 2);
    cr_assert_eq(fake.epochs_again, 1);
}

Test(enrich, pids_of_events_that_name_only_a_thread, .init = begin_live, .fini = finish) {
    Watch a;
    subscribe(&a, "{\"wants\":[{\"kernel\":[\"Profile\"],\"pids\":[7777]}]}");
    kernel(&perf_class, 46, UINT32_MAX); // the fake knows its thread's process
    cr_assert_eq(fake.begun, 1);
    hub_unsubscribe(hub, &a);
}

// ---- On the wire ----

Test(enrich, the_table_counts_against_the_batch, .init = begin_live, .fini = finish) {
    Watch a;
    subscribe(&a, "{\"wants\":[{\"provider\":" A "}]}");
    fake.name_bytes = 1000; // a new process with each event
    for (uint32_t i = 0; i < 300; i++)
        event(1, 1000 + i);
    hub_seal_all(hub);
    cr_assert_gt(watch_ledger(&a).number.queued, 0);
    uint32_t before = a.n_entries;
    read_all(&a);
    cr_assert_eq(got.n, 300);
    cr_assert_gt(before, 4, "300 KB of names are no single batch");
    cr_assert_leq(got.largest, WIRE_BATCH_BYTES);
    hub_unsubscribe(hub, &a);
}

Test(enrich, one_process_costs_once_a_batch, .init = begin_live, .fini = finish) {
    Watch a;
    subscribe(&a, "{\"wants\":[{\"provider\":" A "}]}");
    fake.name_bytes = 1000;
    for (uint32_t i = 0; i < 300; i++)
        event(1, 7);
    hub_seal_all(hub);
    cr_assert_eq(a.n_entries, 1);
    read_all(&a);
    cr_assert_eq(got.n, 300);
    cr_assert_lt(got.largest, 300 * 112 + 2000);
    hub_unsubscribe(hub, &a);
}

Test(enrich, the_largest_record_keeps_its_place, .init = begin_live, .fini = finish) {
    Watch a;
    static uint8_t payload[65528], ext[66000];
    uint32_t ext_bytes = event_item_put(ext, EVENT_ITEM_STACK64, payload, 65000);
    subscribe(&a, "{\"wants\":[{\"provider\":" A "}]}");
    fake.name_bytes = 60000;
    event(1, 7);
    EventRecord large = record_of(&provider_a, 0, 1, 8);
    large.payload = payload;
    large.payload_bytes = sizeof payload;
    large.ext = ext;
    large.ext_bytes = ext_bytes;
    put(&large, RING_RECORD);
    event(1, 9);
    hub_seal_all(hub);
    cr_assert_eq(a.n_entries, 3);
    read_all(&a);
    cr_assert_eq(got.n, 3);
    cr_assert_eq(got.seen[1].pid, 8);
    cr_assert_eq(got.seen[2].pid, 9);
    cr_assert_str_eq(got.seen[1].name, "nnnnnnnnnnnnnnn");
    hub_unsubscribe(hub, &a);
}

Test(enrich, a_file_gives_stacks_at_once_to_those_who_ask, .init = begin_file, .fini = finish) {
    Watch a, b;
    subscribe(&a, WITH_STACKS);
    subscribe(&b, "{\"wants\":[{\"kernel\":[\"File\"]}]}");
    kernel(&file_class, CREATE, 7);
    kernel(&file_class, READ, 7); // whoever made the file may have asked for it
    cr_assert_eq(fake.begun, 2);
    cr_assert_eq(held(&a), 0);
    hub_seal_all(hub);
    read_all(&a);
    cr_assert_eq(got.n, 2);
    cr_assert_eq(got.seen[0].frames, 1);
    cr_assert_eq(got.seen[1].frames, 1);
    cr_assert_not(got.seen[0].incomplete);
    read_all(&b);
    cr_assert_eq(got.n, 2);
    cr_assert_eq(got.seen[0].frames, 0, "the other feed's stack is not its own");
    cr_assert_str_eq(got.seen[0].name, "p7");
    hub_unsubscribe(hub, &a);
    hub_unsubscribe(hub, &b);
}

// ---- Holding ----

Test(hold, waits_for_the_stack_and_keeps_order, .init = begin_live, .fini = finish) {
    Watch a;
    subscribe(&a, WITH_STACKS);
    kernel(&file_class, READ, 6); // live: no stack was asked for reads
    cr_assert_eq(held(&a), 0);
    kernel(&file_class, CREATE, 7);
    kernel(&file_class, READ, 8);
    kernel(&file_class, CREATE, 9);
    cr_assert_eq(held(&a), 3, "those behind wait as well");
    tick(2 * MS);
    read_all(&a);
    cr_assert_eq(got.n, 1);
    fake_stack(1, true); // of 9
    tick(2 * MS);
    cr_assert_eq(held(&a), 3, "7 is first");
    fake_stack(0, false);
    tick(2 * MS);
    cr_assert_eq(held(&a), 3, "its first part");
    fake_stack(0, true);
    tick(0);
    cr_assert_eq(held(&a), 0);
    tick(2 * MS);
    read_all(&a);
    cr_assert_eq(got.n, 3);
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert_eq(got.seen[i].pid, 7 + i);
        cr_assert_eq(got.seen[i].name[1], (char)('7' + (char)i), "what was known travels along");
        cr_assert_not(got.seen[i].incomplete);
    }
    cr_assert_eq(got.seen[0].frames, 2);
    cr_assert_eq(got.seen[1].frames, 0);
    cr_assert_eq(got.seen[2].frames, 1);
    hub_unsubscribe(hub, &a);
}

Test(hold, live_goes_after_100_ms, .init = begin_live, .fini = finish) {
    Watch a;
    subscribe(&a, WITH_STACKS);
    kernel(&file_class, CREATE, 7);
    int64_t due = tick(0);
    cr_assert_eq(due, 100 * MS, "the loop is told when to look again");
    tick(40 * MS);
    kernel(&file_class, CREATE, 8);
    fake_stack(1, false); // a part of it
    cr_assert_eq(tick(60 * MS - 1), 1);
    cr_assert_eq(held(&a), 2);
    tick(1);
    cr_assert_eq(held(&a), 1);
    tick(40 * MS - 1);
    cr_assert_eq(held(&a), 1);
    cr_assert_leq(tick(1), 1 * MS);
    cr_assert_eq(held(&a), 0);
    tick(1 * MS);
    read_all(&a);
    cr_assert_eq(got.n, 2);
    cr_assert(got.seen[0].incomplete && got.seen[0].frames == 0);
    cr_assert(got.seen[1].incomplete && got.seen[1].frames == 1);
    hub_unsubscribe(hub, &a);
}

Test(hold, a_replay_goes_by_event_time, .init = begin_replay, .fini = finish) {
    Watch a;
    subscribe(&a, WITH_STACKS);
    kernel(&file_class, READ, 7); // of a file: it may have one
    fake_stack(0, false);
    cr_assert_eq(tick(3600 * 1000 * MS), -1, "the clock does not matter");
    cr_assert_eq(held(&a), 1);
    next_time += HOLD_EVENT_TIME - 2;
    event(1, 7); // nobody's, but it has a time
    tick(0);
    cr_assert_eq(held(&a), 1);
    event(1, 7);
    tick(0);
    cr_assert_eq(held(&a), 0);
    hub_seal_all(hub);
    read_all(&a);
    cr_assert_eq(got.n, 1);
    cr_assert(got.seen[0].incomplete);
    hub_unsubscribe(hub, &a);
}

Test(hold, is_bounded, .init = begin_replay, .fini = finish) {
    Watch a;
    subscribe(&a, WITH_STACKS);
    static const uint8_t payload[60000] = {0};
    uint32_t n = 0;
    uint64_t most = 0;
    for (; n < 100; n++) {
        EventRecord record = record_of(&file_class, CREATE, 0, 7);
        record.payload = payload;
        record.payload_bytes = sizeof payload;
        put(&record, RING_RECORD);
        cr_assert_leq(hub_held_bytes(hub), HOLD_MAX_BYTES);
        most = MAX_OF(most, held(&a));
    }
    cr_assert_gt(most, HOLD_MAX_BYTES / 64000 - 2);
    cr_assert_lt(held(&a), n, "the first ones went early");
    hub_seal_all(hub);
    cr_assert_eq(held(&a), 0);
    cr_assert_eq(hub_held_bytes(hub), 0);
    read_all(&a);
    cr_assert_eq(got.n, n);
    cr_assert_not(got.seen[0].incomplete, "a file may have none for it");
    hub_unsubscribe(hub, &a);
}

Test(hold, neighbours_share_what_they_refer_to, .init = begin_live, .fini = finish) {
    Watch a;
    const uint32_t n = 12000;
    fake.name_bytes = 2000; // alone in front of each event they would take 24 MB
    subscribe(&a,
              "{\"wants\":[{\"kernel\":[\"File\"]},{\"provider\":" A "}],\"stacks\":[\"File\"]}");
    kernel(&file_class, CREATE, 7);
    for (uint32_t i = 1; i < n; i++)
        event(1, 7 + i % 20);
    cr_assert_eq(held(&a), n, "%u events a tenth of a second at 120,000/s", (unsigned)n);
    fake_stack(0, true);
    tick(0);
    cr_assert_eq(held(&a), 0);
    cr_assert_eq(hub_held_bytes(hub), 0);
    hub_unsubscribe(hub, &a);
}

Test(hold, is_charged_to_the_users_of_its_members, .init = begin_live, .fini = finish) {
    Watch a, b;
    const uint64_t step = 65536;
    static const uint8_t payload[1000] = {0};
    hub_users(hub)->limits.queue_bytes = 4 * step; // two for each member
    subscribe(&a, WITH_STACKS);
    subscribe(&b, WITH_STACKS);
    cr_assert_eq(hub_feed_count(hub), 1);
    uint64_t most = 0, early = 0;
    for (uint32_t n = 1; early == 0 && n < 1000; n++) {
        EventRecord record = record_of(&file_class, CREATE, 0, 7);
        record.payload = payload;
        record.payload_bytes = sizeof payload;
        put(&record, RING_RECORD);
        uint64_t bytes = hub_held_bytes(hub);
        cr_assert_leq(bytes, 2 * step);
        cr_assert_eq(user->queue_bytes, 2 * ((bytes + step - 1) / step) * step);
        most = MAX_OF(most, bytes);
        early = n - held(&a);
    }
    cr_assert_gt(most, 2 * step - 2000, "all of it was used");
    cr_assert_gt(early, 0, "the oldest went without its stack");
    hub_seal_all(hub);
    cr_assert_eq(hub_held_bytes(hub), 0);
    hub_unsubscribe(hub, &a);
    hub_unsubscribe(hub, &b);
}

Test(hold, members_change_only_when_nothing_is_held, .init = begin_live, .fini = finish) {
    Watch a, b;
    subscribe(&a, WITH_STACKS);
    kernel(&file_class, CREATE, 7);
    cr_assert_eq(held(&a), 1);
    subscribe(&b, WITH_STACKS);
    cr_assert_eq(hub_feed_count(hub), 1, "equal watchers");
    cr_assert_eq(held(&a), 0, "flushed before b came");
    read_all(&a);
    cr_assert_eq(got.n, 1);
    kernel(&file_class, CREATE, 8);
    cr_assert_eq(held(&a), 1);
    cr_assert_eq(held(&b), 1);
    hub_leave(hub, &b);
    cr_assert_eq(held(&b), 0);
    read_all(&b);
    cr_assert_eq(got.n, 1);
    cr_assert(got.seen[0].incomplete);
    kernel(&file_class, CREATE, 9);
    change(&a, "{\"wants\":[{\"provider\":" A "}]}", NULL);
    cr_assert_eq(held(&a), 0);
    read_all(&a);
    cr_assert_eq(got.n, 2);
    hub_unsubscribe(hub, &a);
    hub_unsubscribe(hub, &b);
}

Test(hold, notices_stand_behind_what_came_before, .init = begin_live, .fini = finish) {
    Watch a;
    subscribe(&a, WITH_STACKS);
    RingItem loss = {.kind = RING_LOSS, .loss = {.events = 3}},
             epoch = {.kind = RING_EPOCH, .epoch = {.reason = WIRE_EPOCH_LOOP}},
             end = {.kind = RING_END};
    const RingItem *items[] = {&loss, &epoch, &end};
    for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
        kernel(&file_class, CREATE, 7);
        cr_assert_eq(held(&a), 1);
        hub_item(hub, items[i]);
        cr_assert_eq(held(&a), 0);
        const WatchEntry *front = watch_front(&a);
        cr_assert_not_null(front);
        cr_assert_eq(front->kind, ENTRY_BATCH);
        read_all(&a);
        cr_assert_eq(got.n, 1);
    }
    hub_unsubscribe(hub, &a);
}

Test(hold, an_oversize_event_keeps_its_place, .init = begin_live, .fini = finish) {
    Watch a;
    static uint8_t payload[70000];
    subscribe(&a, WITH_STACKS);
    kernel(&file_class, CREATE, 7);
    EventRecord record = record_of(&file_class, CREATE, 0, 8);
    record.payload = payload;
    record.payload_bytes = sizeof payload; // its length has 16 bits on the wire
    put(&record, RING_RECORD);
    kernel(&file_class, CREATE, 9);
    cr_assert_eq(held(&a), 3);
    for (uint32_t i = 0; i < 3; i++)
        fake_stack(i, true);
    tick(0);
    tick(1 * MS);
    cr_assert_eq(held(&a), 0);
    read_all(&a);
    cr_assert_eq(got.n, 2);
    cr_assert_eq(got.gaps, 1);
    cr_assert_eq(watch_ledger(&a).number.dropped_oversize, 1);
    hub_unsubscribe(hub, &a);
}

Test(hold, stops_at_a_full_lossless_watch, .init = begin_live, .fini = finish) {
    Watch a;
    static const uint8_t payload[30000] = {0};
    subscribe(
        &a, "{\"wants\":[{\"kernel\":[\"File\"]}],\"stacks\":[\"File\"],\"queue_bytes\":\"131072\","
            "\"queue_policy\":\"wait\"}");
    for (uint32_t i = 0; i < 30; i++) {
        EventRecord record = record_of(&file_class, CREATE, 0, 7);
        record.payload = payload;
        record.payload_bytes = sizeof payload;
        put(&record, RING_RECORD);
    }
    for (uint32_t i = 0; i < 30; i++)
        fake_stack(i, true);
    tick(1 * MS);
    cr_assert(hub_is_full(hub));
    cr_assert_gt(held(&a), 20, "what fits, and no more");
    uint32_t n = 0;
    for (int i = 0; i < 40 && n < 30; i++) {
        read_all(&a);
        n += got.n;
        tick(2 * MS);
    }
    cr_assert_eq(n, 30);
    hub_unsubscribe(hub, &a);
}

Test(hold, events_that_carry_no_key_do_not_wait_for_a_providers_stack, .init = begin_live,
     .fini = finish) {
    Watch a;
    uint8_t ext[32];
    uint64_t key[2] = {1, 2};
    subscribe(&a, "{\"wants\":[{\"provider\":" A "}],\"stacks\":[\"*\"]}");
    event(1, 7);
    cr_assert_eq(fake.expected, 0);
    cr_assert_eq(held(&a), 0);
    EventRecord record = record_of(&provider_a, 0, 1, 8);
    record.ext = ext;
    record.ext_bytes = event_item_put(ext, EVENT_ITEM_STACK_KEY64, key, sizeof key);
    put(&record, RING_RECORD);
    cr_assert_eq(fake.expected, 1);
    cr_assert_eq(held(&a), 1);
    hub_unsubscribe(hub, &a);
}

Test(hold, the_same_when_no_wait_can_be_had, .init = begin_live, .fini = finish) {
    Watch a;
    subscribe(&a, WITH_STACKS);
    fake.no_memory = true;
    kernel(&file_class, CREATE, 7);
    cr_assert_eq(held(&a), 0);
    hub_seal_all(hub);
    read_all(&a);
    cr_assert_eq(got.n, 1);
    hub_unsubscribe(hub, &a);
}

Test(hold, survives_every_failing_allocation, .init = begin_live, .fini = finish) {
    for (size_t nth = 1; nth < 120; nth++) {
        Watch a;
        subscribe(&a, WITH_STACKS);
        uint32_t first = fake.n_waits;
        mem_fail_at(nth);
        for (uint32_t i = 0; i < 4; i++)
            kernel(&file_class, i % 2 == 0 ? CREATE : READ, 7 + i);
        if (fake.n_waits > first && fake.waits_alive > 0 && held(&a) > 0)
            tick(1 * MS);
        tick(200 * MS);
        tick(2 * MS);
        mem_fail_at(0);
        hub_seal_all(hub);
        read_all(&a);
        cr_assert_eq(got.n + got.gaps + hub_source(hub)->malformed, 4, "allocation %zu", nth);
        RingItem epoch = {.kind = RING_EPOCH, .epoch = {.reason = WIRE_EPOCH_START}};
        hub_item(hub, &epoch); // counters of the source begin anew
        Ledger ledger = watch_ledger(&a);
        cr_assert(ledger_balanced(&ledger), "allocation %zu", nth);
        hub_unsubscribe(hub, &a);
        if (fake.n_waits > FAKE_WAITS - 8)
            break;
    }
}

// ---- (caches) ----

Test(caches, join_with_the_first_who_needs_them_and_leave_with_the_last, .init = begin_live,
     .fini = finish) {
    Watch a, b;
    subscribe(&a, "{\"wants\":[{\"provider\":" A "}],\"enrich\":\"none\"}");
    cr_assert(caches_need_nothing(hub_caches(hub)));
    cr_assert_eq(plan_members(hub_plan(hub)), 1);
    subscribe(&b, "{\"wants\":[{\"kernel\":[\"DiskIO\"]}]}");
    cr_assert_eq(plan_members(hub_plan(hub)), 3);
    KernelSet types = plan_kernel(hub_plan(hub))->types;
    const char *const needed[] = {"Process", "Thread", "FileName", "DiskIO"};
    for (size_t i = 0; i < ARRAY_COUNT(needed); i++)
        cr_assert(types & KERNEL_BIT(kernel_type_find(needed[i])), "%s", needed[i]);
    cr_assert_not(types & KERNEL_BIT(kernel_type_find("Image")), "only stacks need modules");
    cr_assert(plan_kernel(hub_plan(hub))->caches);
    cr_assert_eq(plan_kernel(hub_plan(hub))->n_watchers, 1);
    hub_unsubscribe(hub, &b);
    cr_assert_eq(plan_kernel(hub_plan(hub))->types, 0);
    cr_assert_eq(plan_members(hub_plan(hub)), 1);
    hub_unsubscribe(hub, &a);
}

Test(caches, their_events_are_counted_apart_and_go_to_nobody, .init = begin_live, .fini = finish) {
    Watch a;
    kernel(&process_class, START, 7);
    kernel(&process_class, STATE, 7);
    cr_assert_eq(hub_source(hub)->unwanted, 1, "nobody has asked yet");
    cr_assert_eq(hub_source(hub)->internal_rundown, 1);
    subscribe(&a, "{\"wants\":[{\"provider\":" A "}]}");
    kernel(&process_class, START, 7);
    kernel(&process_class, STATE, 7);
    kernel(&stack_class, 32, 7);
    kernel(&file_class, CREATE, 7);
    cr_assert_eq(hub_source(hub)->internal_caches, 2);
    cr_assert_eq(hub_source(hub)->internal_stack, 1);
    cr_assert_eq(hub_source(hub)->unwanted, 2);
    hub_seal_all(hub);
    read_all(&a);
    cr_assert_eq(got.n, 0);
    change(&a, "{\"wants\":[{\"kernel\":[\"Process\"]}]}", NULL);
    kernel(&process_class, START, 7);
    cr_assert_eq(hub_source(hub)->internal_caches, 2, "now somebody wants it");
    cr_assert_eq(hub_source(hub)->wanted, 1);
    bool found = false;
    for (uint32_t i = 0; i < hub_provider_count(hub); i++) {
        const ProviderStats *row = hub_provider(hub, i);
        if (strcmp(row->name, "Kernel Process") != 0)
            continue;
        found = true;
        cr_assert(hub_caches_want_row(hub, row));
        cr_assert_eq(row->observed, 5);
        cr_assert_eq(row->for_caches, 2);
        cr_assert_eq(row->internal, 3);
    }
    cr_assert(found);
    hub_unsubscribe(hub, &a);
}

static const PlanDelta *delta_of(const PlanDeltas *deltas, const Guid *guid) {
    for (uint32_t i = 0; i < deltas->n; i++)
        if (guid_equal(&deltas->items[i].guid, guid))
            return &deltas->items[i];
    return NULL;
}

Test(caches, previews_and_changes_tell_of_them, .init = begin_live, .fini = finish) {
    Watch a;
    PlanDeltas deltas = PLAN_DELTAS_INIT;
    Err err = ERR_INIT;
    subscribe(&a, "{\"wants\":[{\"provider\":" A "}],\"enrich\":\"none\"}");
    const char *text = "{\"wants\":[{\"provider\":" KERNEL_FILE ",\"any\":\"0x200\",\"level\":4}]}";
    Spec *spec = spec_of(text);
    cr_assert_eq(hub_preview(hub, &a, spec, &deltas, &err), 0);
    const PlanDelta *d = delta_of(&deltas, &kernel_file);
    cr_assert_not_null(d);
    cr_assert_eq(d->new_ask.any, 0x290, "0x200 is asked for, names need 0x90");
    cr_assert(d->caches);
    cr_assert(deltas.kernel_changed, "names of processes");
    cr_assert_eq(plan_members(hub_plan(hub)), 1, "only looked");
    cr_assert_null(plan_provider(hub_plan(hub), &kernel_file));
    spec_unref(spec);
    change(&a, text, &deltas);
    d = delta_of(&deltas, &kernel_file);
    cr_assert_not_null(d);
    cr_assert_eq(d->new_ask.any, 0x290);
    cr_assert_not(d->old_ask.enabled);
    cr_assert(deltas.kernel_changed);
    const PlanProvider *p = plan_provider(hub_plan(hub), &kernel_file);
    cr_assert(p->caches);
    cr_assert_eq(p->n_watchers, 1);
    // Back to where nothing more is needed than is asked for.
    spec = spec_of("{\"wants\":[{\"provider\":" KERNEL_FILE ",\"any\":\"0x90\",\"level\":4}]}");
    cr_assert_eq(hub_preview(hub, &a, spec, &deltas, &err), 0);
    d = delta_of(&deltas, &kernel_file);
    cr_assert_not_null(d);
    cr_assert_eq(d->old_ask.any, 0x290);
    cr_assert_eq(d->new_ask.any, 0x90);
    spec_unref(spec);
    cr_assert_eq(plan_provider(hub_plan(hub), &kernel_file)->ask.any, 0x290, "only looked");
    cr_assert(plan_provider(hub_plan(hub), &kernel_file)->caches);
    // The change itself says the same: what goes away with it as well.
    change(&a, "{\"wants\":[{\"provider\":" KERNEL_FILE ",\"any\":\"0x90\",\"level\":4}]}",
           &deltas);
    d = delta_of(&deltas, &kernel_file);
    cr_assert_not_null(d);
    cr_assert(d->old_ask.any == 0x290 && d->new_ask.any == 0x90);
    cr_assert_not(deltas.kernel_changed);
    change(&a,
           "{\"wants\":[{\"provider\":" KERNEL_FILE
           ",\"any\":\"0x90\",\"level\":4}],\"enrich\":\"none\"}",
           &deltas);
    cr_assert(deltas.kernel_changed && deltas.new_kernel.types == 0, "no names of processes");
    cr_assert_null(delta_of(&deltas, &kernel_file));
    plan_deltas_deinit(&deltas);
    hub_unsubscribe(hub, &a);
}

Test(caches, survive_every_failing_allocation, .init = begin_live, .fini = finish) {
    for (size_t nth = 1; nth < 150; nth++) {
        Watch w;
        Err err = ERR_INIT;
        PlanDeltas deltas = PLAN_DELTAS_INIT;
        Spec *spec = spec_of("{\"wants\":[{\"provider\":" KERNEL_FILE ",\"any\":\"0x200\"}]}");
        Spec *second = spec_of(WITH_STACKS);
        mem_fail_at(nth);
        int r = hub_subscribe(hub, user, spec, true, &w, &err);
        if (r == 0) {
            hub_preview(hub, &w, second, &deltas, &err);
            hub_change(hub, &w, second, &deltas, &err);
        }
        mem_fail_at(0);
        if (r == 0)
            hub_unsubscribe(hub, &w);
        cr_assert_eq(hub_watch_count(hub), 0);
        cr_assert_eq(plan_members(hub_plan(hub)), 0, "allocation %zu", nth);
        spec_unref(spec);
        spec_unref(second);
        plan_deltas_deinit(&deltas);
    }
}
