// The replay thread: order of items, gate, marks, losses, rounds, pacing, shutdown.
#include "source/replay.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "idl/wire.h"
#include "platform/clock.h"
#include "source/etl_event.h"
#include "trace.h"
#include "util/mem.h"

typedef struct Seen {
    // One letter an item: E epoch, S schema, k knowledge, K all learned, M mark, L loss, r record,
    // X end.
    char text[4096];
    size_t n;
    uint32_t n_records, n_marks, n_epochs, n_schemas, n_losses;
    RingLoss losses[8];
    int status;
    uint32_t reasons[8];
    uint64_t learnt[64], streamed[64]; // ordinals
    int64_t learnt_raw[64], streamed_raw[64];
    uint32_t n_learnt;
} Seen;

static bool take(Ring *ring, Seen *s, RingItem *item) {
    if (!ring_take(ring, item))
        return false;
    char c = '?';
    switch (item->kind) {
    case RING_EPOCH:
        c = 'E';
        if (s->n_epochs < 8)
            s->reasons[s->n_epochs] = item->epoch.reason;
        s->n_epochs++;
        break;
    case RING_SCHEMA:
        c = 'S';
        s->n_schemas++;
        break;
    case RING_MARK:
        c = 'M';
        s->n_marks++;
        break;
    case RING_LOSS:
        c = 'L';
        if (s->n_losses < 8)
            s->losses[s->n_losses] = item->loss;
        s->n_losses++;
        break;
    case RING_KNOWLEDGE:
        c = 'k';
        if (s->n_learnt < 64) {
            s->learnt[s->n_learnt] = item->record.ordinal;
            s->learnt_raw[s->n_learnt] = item->record.raw_time;
        }
        s->n_learnt++;
        break;
    case RING_LEARNED:
        c = 'K';
        break;
    case RING_RECORD:
        c = 'r';
        if (s->n_records < 64) {
            s->streamed[s->n_records] = item->record.ordinal;
            s->streamed_raw[s->n_records] = item->record.raw_time;
        }
        s->n_records++;
        break;
    case RING_END:
        c = 'X';
        s->status = item->status;
        break;
    }
    if (s->n + 1 < sizeof s->text)
        s->text[s->n++] = c;
    s->text[s->n] = 0;
    return true;
}

// Takes until the end (true) or until `ms` have passed.
static bool drain(Ring *ring, Seen *s, int64_t ms) {
    int64_t deadline = plat_now_ns() + ms * 1000000;
    RingItem item;
    while (plat_now_ns() < deadline) {
        while (take(ring, s, &item)) {
            if (item.kind == RING_END) {
                ring_release(ring);
                return true;
            }
        }
        ring_release(ring);
        plat_sleep_ns(200000);
    }
    return false;
}

static const char *write_file(const Trace *t, const char *name) {
    FILE *f = fopen(name, "wb");
    cr_assert_not_null(f);
    cr_assert_eq(fwrite(t->file.data, 1, t->file.bytes, f), t->file.bytes);
    fclose(f);
    return name;
}

static void start_with(const char *path, double speed, bool loop,
                       bool (*feeder)(const EventRecord *record), Ring **ring, Replay **replay) {
    cr_assert_eq(ring_new(NULL, NULL, ring), 0);
    ReplayOptions options = {path, speed, loop, feeder};
    Err err = ERR_INIT;
    cr_assert_eq(replay_new(&options, *ring, replay, &err), 0, "%s", err.text);
}

static void start(const char *path, double speed, bool loop, Ring **ring, Replay **replay) {
    start_with(path, speed, loop, NULL, ring, replay);
}

static void simple(Trace *t) {
    trace_open(t, NULL);
    trace_begin(t, 0);
    trace_event(t, TRACE_RAW + 10, 1);
    trace_full(t, ETL_HEADER_FULL64, TRACE_RAW + 20, &etl_guid_metadata, 32, "blob", 4);
    trace_event(t, TRACE_RAW + 30, 2);
    trace_end(t);
}

Test(replay, schemas_first_then_the_gate_then_the_events, .timeout = 60) {
    Trace t;
    simple(&t);
    const char *path = write_file(&t, "unit_source_replay1.tmp.etl");
    Ring *ring;
    Replay *replay;
    start(path, 0, false, &ring, &replay);
    cr_assert_str_eq(replay_info(replay)->session_name, "Sess");
    Seen s = {0};
    cr_assert(!drain(ring, &s, 60), "it holds at the gate");
    cr_assert_str_eq(s.text, "ESM");
    replay_release(replay);
    cr_assert(drain(ring, &s, 20000));
    cr_assert_str_eq(s.text, "ESMrrrrMX");
    cr_assert_eq(s.status, 0);
    cr_assert_eq(s.reasons[0], WIRE_EPOCH_START);
    ReplayStats stats = replay_stats(replay);
    for (int i = 0; i < 2000 && stats.rounds == 0; i++) { // the last snapshot follows the end
        plat_sleep_ns(1000000);
        stats = replay_stats(replay);
    }
    cr_assert_eq(stats.events, 4);
    cr_assert_eq(stats.rounds, 1);
    cr_assert_eq(stats.progress, 1.0);
    cr_assert_eq(stats.bad_buffers, 0);
    replay_free(replay);
    ring_free(ring);
    remove(path);
    trace_free(&t);
}

static bool takes_all(const EventRecord *record) {
    (void)record;
    return true;
}

static bool takes_even(const EventRecord *record) {
    return !(record->flags & (EVENT_CLASSIC | EVENT_FILE_HEADER)) && record->desc.id % 2 == 0;
}

static bool takes_none(const EventRecord *record) {
    (void)record;
    return false;
}

Test(replay, knowledge_comes_before_the_gate_and_once, .timeout = 60) {
    Trace t;
    simple(&t);
    const char *path = write_file(&t, "unit_source_replay7.tmp.etl");
    Ring *ring;
    Replay *replay;
    start_with(path, 0, true, takes_even, &ring, &replay);
    Seen s = {0};
    cr_assert(!drain(ring, &s, 60), "it holds at the gate");
    cr_assert_str_eq(s.text, "ESkKM");
    ReplayStats stats = replay_stats(replay);
    cr_assert(!stats.scanning);
    cr_assert_eq(stats.events, 0);
    cr_assert(stats.progress < 1, "the stream has not begun: %g", stats.progress);
    replay_release(replay);
    for (int i = 0; i < 200 && s.n_epochs < 4; i++)
        drain(ring, &s, 20);
    cr_assert_eq(strncmp(s.text, "ESkKMrrrrMErrrrME", 17), 0, "%.40s", s.text);
    cr_assert_eq(s.learnt[0], 3);
    for (uint32_t i = 0; i < MIN_OF(s.n_records, 64u); i++)
        cr_assert_eq(s.streamed[i], i % 4, "each round counts from 0");
    replay_free(replay);
    ring_free(ring);
    // A file without a feeder: the scan's end is told all the same.
    start_with(path, 0, false, takes_none, &ring, &replay);
    replay_release(replay);
    s = (Seen){0};
    cr_assert(drain(ring, &s, 20000));
    cr_assert_str_eq(s.text, "ESKMrrrrMX");
    replay_free(replay);
    ring_free(ring);
    remove(path);
    trace_free(&t);
}

// Damage, two CPUs, equal times, losses told by events, a second session, times that go back.
static void uneven(Trace *t) {
    trace_open(t, NULL);
    trace_begin(t, 0);
    trace_event(t, TRACE_RAW + 10, 2);
    trace_full(t, ETL_HEADER_FULL64, TRACE_RAW + 30, &etl_guid_lost_event, 32, "", 0);
    trace_event(t, TRACE_RAW + 30, 4);
    trace_raw(t, "\0\0\0\0\0\0\0\0", 8);
    trace_event(t, TRACE_RAW + 31, 6);
    trace_end(t);
    trace_begin(t, 1);
    trace_event(t, TRACE_RAW + 5, 8);
    trace_event(t, TRACE_RAW + 30, 1);
    trace_event(t, TRACE_RAW + 20, 10);
    trace_event(t, TRACE_RAW + 40, 12);
    trace_end(t);
    TraceOptions later = TRACE_OPTIONS;
    later.raw = 77;
    trace_append(t, &later);
    trace_begin(t, 1);
    trace_event(t, 80, 14);
    trace_event(t, 90, 3);
    trace_end(t);
    trace_begin(t, 0);
    trace_event(t, 85, 16);
    trace_end(t);
}

Test(replay, ordinals_of_the_scan_are_those_of_the_stream, .timeout = 60) {
    Trace t;
    uneven(&t);
    for (uint32_t cut = 0; cut < 2; cut++) {
        if (cut > 0) // the last buffer is not whole
            t.file.bytes -= 4096 - 0x60;
        const char *path = write_file(&t, "unit_source_replay8.tmp.etl");
        for (int all = 0; all < 2; all++) {
            Ring *ring;
            Replay *replay;
            start_with(path, 0, false, all ? takes_all : takes_even, &ring, &replay);
            replay_release(replay);
            Seen s = {0};
            cr_assert(drain(ring, &s, 20000));
            cr_assert_eq(s.status, 0);
            cr_assert(s.n_records > 8 && s.n_records < 64);
            if (all)
                cr_assert_eq(s.n_learnt, s.n_records);
            else
                cr_assert(s.n_learnt >= 5 && s.n_learnt < s.n_records, "%u", s.n_learnt);
            for (uint32_t i = 0; i < s.n_records; i++)
                cr_assert_eq(s.streamed[i], i, "no gaps");
            for (uint32_t i = 0; i < s.n_learnt; i++) {
                cr_assert(s.learnt[i] < s.n_records);
                cr_assert_eq(s.learnt_raw[i], s.streamed_raw[s.learnt[i]]);
                cr_assert(i == 0 || s.learnt[i] > s.learnt[i - 1]);
            }
            ReplayStats stats = replay_stats(replay);
            for (int i = 0; i < 2000 && stats.rounds == 0; i++) {
                plat_sleep_ns(1000000);
                stats = replay_stats(replay);
            }
            cr_assert(stats.bad_buffers <= 2, "damage is counted once: %llu",
                      (unsigned long long)stats.bad_buffers);
            replay_free(replay);
            ring_free(ring);
        }
        remove(path);
    }
    trace_free(&t);
}

Test(replay, losses_are_told, .timeout = 60) {
    Trace t;
    TraceOptions o = TRACE_OPTIONS;
    o.events_lost = 41;
    trace_open(&t, &o);
    trace_begin(&t, 0);
    trace_event(&t, TRACE_RAW + 1, 1);
    trace_full(&t, ETL_HEADER_FULL64, TRACE_RAW + 2, &etl_guid_lost_event, 32, "", 0);
    trace_full(&t, ETL_HEADER_FULL64, TRACE_RAW + 3, &etl_guid_lost_event, 33, "", 0);
    trace_full(&t, ETL_HEADER_FULL64, TRACE_RAW + 4, &etl_guid_lost_event, 31, "", 0);
    trace_end(&t);
    t.next_sequence = 4; // two are missing
    trace_begin(&t, 0);
    trace_event(&t, TRACE_RAW + 5, 2);
    trace_end(&t);
    store_u16(trace_buffer_head(&t) + 0x34, 0x26); // repeats what the header and the gap say
    trace_begin(&t, 0);
    trace_event(&t, TRACE_RAW + 6, 2);
    trace_raw(&t, "\0\0\0\0\0\0\0\0", 8); // damage
    trace_end(&t);
    const char *path = write_file(&t, "unit_source_replay2.tmp.etl");
    Ring *ring;
    Replay *replay;
    start(path, 0, false, &ring, &replay);
    replay_release(replay);
    Seen s = {0};
    cr_assert(drain(ring, &s, 20000));
    cr_assert_str_eq(s.text, "EMLLrrrLrLrrrLMX");
    static const RingLoss expected[] = {
        {41, 0}, {UINT64_MAX, 2}, {UINT64_MAX, 0}, {UINT64_MAX, UINT64_MAX}, {UINT64_MAX, 0}};
    cr_assert_eq(s.n_losses, ARRAY_COUNT(expected));
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        cr_assert_eq(s.losses[i].events, expected[i].events, "loss %zu", i);
        cr_assert_eq(s.losses[i].buffers, expected[i].buffers, "loss %zu", i);
    }
    replay_free(replay);
    ring_free(ring);
    // Without numbers in the header, the flags are all there is: an unknown number.
    Trace u;
    trace_open(&u, NULL);
    trace_begin(&u, 0);
    trace_event(&u, TRACE_RAW + 1, 1);
    trace_end(&u);
    store_u16(trace_buffer_head(&u) + 0x34, 0x22);
    trace_begin(&u, 0);
    trace_event(&u, TRACE_RAW + 2, 1);
    trace_end(&u);
    store_u16(trace_buffer_head(&u) + 0x34, 0x24);
    write_file(&u, path);
    start(path, 0, false, &ring, &replay);
    replay_release(replay);
    s = (Seen){0};
    cr_assert(drain(ring, &s, 20000));
    cr_assert_eq(s.n_losses, 2);
    cr_assert(strstr(s.text, "EM") == s.text, "%s", s.text);
    cr_assert_eq(s.losses[0].events, UINT64_MAX);
    cr_assert_eq(s.losses[0].buffers, 0);
    cr_assert_eq(s.losses[1].buffers, UINT64_MAX);
    replay_free(replay);
    ring_free(ring);
    remove(path);
    trace_free(&t);
    trace_free(&u);
}

Test(replay, rounds_are_epochs, .timeout = 60) {
    Trace t;
    simple(&t);
    const char *path = write_file(&t, "unit_source_replay3.tmp.etl");
    Ring *ring;
    Replay *replay;
    start(path, 0, true, &ring, &replay);
    replay_release(replay);
    Seen s = {0};
    for (int i = 0; i < 200 && s.n_epochs < 6; i++)
        drain(ring, &s, 20);
    cr_assert(s.n_epochs >= 6);
    cr_assert_eq(strncmp(s.text, "ESMrrrrMErrrrME", 15), 0, "%.40s", s.text);
    cr_assert_eq(s.reasons[0], WIRE_EPOCH_START);
    cr_assert_eq(s.reasons[1], WIRE_EPOCH_LOOP);
    cr_assert_eq(s.reasons[5], WIRE_EPOCH_LOOP);
    replay_free(replay); // in the middle of a round, the ring full or not
    ring_free(ring);
    remove(path);
    trace_free(&t);
}

Test(replay, full_speed_marks_follow_the_bytes, .timeout = 60) {
    Trace t;
    trace_open(&t, NULL);
    for (uint16_t i = 0; i < 300; i++) {
        trace_begin(&t, 0);
        for (int k = 0; k < 40; k++)
            trace_event(&t, TRACE_RAW + i, i);
        trace_end(&t);
    }
    const char *path = write_file(&t, "unit_source_replay4.tmp.etl");
    Ring *ring;
    Replay *replay;
    start(path, 0, false, &ring, &replay);
    replay_release(replay);
    uint64_t since = 0, most = 0;
    RingItem item;
    Seen s = {0};
    int64_t deadline = plat_now_ns() + INT64_C(20000000000);
    bool end = false;
    while (!end && plat_now_ns() < deadline) {
        if (!take(ring, &s, &item)) {
            ring_release(ring);
            plat_sleep_ns(100000);
            continue;
        }
        end = item.kind == RING_END;
        if (item.kind == RING_RECORD)
            since += sizeof(EventRecord) + item.record.payload_bytes;
        if (item.kind == RING_MARK) {
            most = MAX_OF(most, since);
            since = 0;
        }
    }
    cr_assert(end);
    cr_assert_eq(s.n_records, 12001);
    cr_assert(most >= 64 * 1024 && most < 65 * 1024 + 512, "%llu", (unsigned long long)most);
    replay_free(replay);
    ring_free(ring);
    remove(path);
    trace_free(&t);
}

// 200 ms of file time at several speeds: the order of the durations is what can be tested on a busy
// machine; the lower bounds are exact.
Test(replay, speeds, .timeout = 120) {
    Trace t;
    trace_open(&t, NULL);
    trace_begin(&t, 0);
    for (uint16_t i = 0; i < 41; i++)
        trace_event(&t, TRACE_RAW + i * 50000, i);
    trace_end(&t);
    const char *path = write_file(&t, "unit_source_replay5.tmp.etl");
    static const double speeds[] = {1, 2, 4};
    for (size_t i = 0; i < ARRAY_COUNT(speeds); i++) {
        Ring *ring;
        Replay *replay;
        start(path, speeds[i], false, &ring, &replay);
        replay_release(replay);
        int64_t begun = plat_now_ns();
        Seen s = {0};
        cr_assert(drain(ring, &s, 60000));
        int64_t ms = (plat_now_ns() - begun) / 1000000;
        cr_assert_eq(s.n_records, 42);
        cr_assert(ms >= (int64_t)(200 / speeds[i]) - 2, "%lld ms at speed %g", (long long)ms,
                  speeds[i]);
        // One for each ms that the thread got to run: how many that is, a busy machine decides.
        cr_assert(s.n_marks >= 2, "%u marks", s.n_marks);
        cr_assert_eq(ring_wait_ns(ring), 0);
        replay_free(replay);
        ring_free(ring);
    }
    // A damaged time decades ahead is not waited for when the header says when the trace ended.
    store_i64(t.file.data + 0x48 + 0x20 + 0x10, TRACE_START + 2000000);
    store_i64(t.file.data + 4096 + 0x48 + 40 * 88 + 16, INT64_MAX / 2);
    write_file(&t, path);
    Ring *ring;
    Replay *replay;
    start(path, 100, false, &ring, &replay);
    replay_release(replay);
    Seen s = {0};
    cr_assert(drain(ring, &s, 20000));
    cr_assert_eq(s.n_records, 42);
    replay_free(replay);
    ring_free(ring);
    remove(path);
    trace_free(&t);
}

// At every stage, freeing comes back at once.
Test(replay, shutdown_never_hangs, .timeout = 60) {
    Trace t;
    trace_open(&t, NULL);
    trace_begin(&t, 0);
    trace_event(&t, TRACE_RAW, 1);
    trace_event(&t, TRACE_RAW + INT64_C(36000000000), 2); // an hour later
    trace_end(&t);
    const char *path = write_file(&t, "unit_source_replay6.tmp.etl");
    size_t before = mem_in_use();
    for (int stage = 0; stage < 4; stage++) {
        Ring *ring;
        Replay *replay;
        // 0: at once; 1: at the gate; 2: waiting for an event; 3: waiting for room.
        start(path, stage == 2 ? 1 : 0, stage == 3, &ring, &replay);
        Seen s = {0};
        if (stage > 0)
            drain(ring, &s, 30);
        if (stage > 1) {
            replay_release(replay);
            if (stage == 3) {
                for (int i = 0;
                     i < 10000 && ring_pending_bytes(ring) < RING_BLOCKS * RING_BLOCK_BYTES - 4096;
                     i++)
                    plat_sleep_ns(1000000);
            } else {
                drain(ring, &s, 50);
                cr_assert_eq(s.n_records, 2, "%s", s.text);
            }
        }
        int64_t begun = plat_now_ns();
        replay_free(replay);
        cr_assert(plat_now_ns() - begun < INT64_C(5000000000), "stage %d", stage);
        ring_free(ring);
        cr_assert_eq(mem_in_use(), before, "stage %d", stage);
    }
    remove(path);
    trace_free(&t);
}

static _Atomic bool scan_goes_on;

// A slow look at each event stands for a file that takes long to scan.
static bool takes_its_time(const EventRecord *record) {
    (void)record;
    scan_goes_on = true;
    plat_sleep_ns(20000);
    return false;
}

Test(replay, freeing_ends_a_scan, .timeout = 60) {
    Trace t;
    trace_open(&t, NULL);
    for (uint16_t i = 0; i < 5000; i++) {
        trace_begin(&t, 0);
        for (int k = 0; k < 44; k++)
            trace_event(&t, TRACE_RAW + i, i);
        trace_end(&t);
    }
    const char *path = write_file(&t, "unit_source_replay9.tmp.etl");
    size_t before = mem_in_use();
    for (int full = 0; full < 2; full++) {
        Ring *ring;
        Replay *replay;
        start_with(path, 0, false, full ? takes_all : takes_its_time, &ring, &replay);
        cr_assert(replay_stats(replay).scanning);
        for (int i = 0; i < 20000; i++) {
            if (full ? ring_pending_bytes(ring) > RING_BLOCKS * RING_BLOCK_BYTES - 4096
                     : scan_goes_on)
                break;
            plat_sleep_ns(1000000);
        }
        int64_t begun = plat_now_ns();
        replay_free(replay);
        cr_assert(plat_now_ns() - begun < INT64_C(3000000000));
        ring_free(ring);
        cr_assert_eq(mem_in_use(), before);
    }
    remove(path);
    trace_free(&t);
}

Test(replay, refuses_what_cannot_be_replayed) {
    Ring *ring;
    cr_assert_eq(ring_new(NULL, NULL, &ring), 0);
    Replay *replay = NULL;
    Err err = ERR_INIT;
    ReplayOptions options = {"no/such/file.etl", 0, false, NULL};
    cr_assert_eq(replay_new(&options, ring, &replay, &err), -(int)STATUS_NOT_FOUND);
    cr_assert(strstr(err.text, "no/such/file.etl") != NULL, "%s", err.text);
    volatile double zero = 0;
    double speeds[] = {-1, 1000001, zero / zero, 1 / zero};
    for (size_t i = 0; i < ARRAY_COUNT(speeds); i++) {
        options.speed = speeds[i];
        cr_assert_eq(replay_new(&options, ring, &replay, &err), -(int)STATUS_INVALID_ARGUMENT);
    }
    ring_free(ring);
}
