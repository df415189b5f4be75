// See replay.h. One thread reads the file and is the ring's only producer. It is stopped by closing
// the ring (which ends any wait in a put) and by `stop`, which every other wait of it looks at.
#include "source/replay.h"

#include <stdatomic.h>

#include "idl/wire.h"
#include "platform/clock.h"
#include "platform/thread.h"
#include "source/etl_event.h"
#include "util/mem.h"

#define SPEED_MAX   1e6
#define MARK_BYTES  (64u * 1024u) // of records, at full speed
#define SCAN_EVENTS 4096u         // between news of the scan's progress; a power of two
#define TICK_NS     1000000
#define TICK_UNITS  (TICK_NS / 100) // of FILETIME
// After the last record, ticks go on for a while (a batch may be too young to be sealed at the
// first), then the thread sleeps longer.
#define IDLE_TICKS    8
#define IDLE_SLEEP_NS (10 * TICK_NS)
// An event this far behind the announced end of the trace has a damaged time: it is not waited for.
#define END_SLACK_UNITS (60 * INT64_C(10000000))

struct Replay {
    ReplayOptions options;
    char *path;
    Ring *ring;
    EtlReader *reader;
    PlatThread *thread;
    PlatMutex *mutex; // for released and stats
    PlatCond *cond;
    bool released;
    ReplayStats stats;
    _Atomic bool stop;

    // The thread's own.
    ReplayStats now;
    int64_t base_time, base_ns; // file time and clock at the start of the pacing
    uint32_t base_segment;
    bool paced;          // base is set
    uint64_t since_mark; // bytes of records put since the last MARK
    EtlStats last;       // what loss was already told
};

static void publish(Replay *r) {
    r->now.progress = etl_progress(r->reader);
    const EtlStats *s = etl_stats(r->reader);
    ReplayStats snapshot = r->now;
    if (!r->now.scanning) { // the stream will meet them
        snapshot.bad_buffers += s->bad_buffers;
        snapshot.bad_bytes += s->bad_bytes;
    }
    plat_mutex_lock(r->mutex);
    r->stats = snapshot;
    plat_mutex_unlock(r->mutex);
}

static int put_mark(Replay *r, int64_t now_ns) {
    r->since_mark = 0;
    publish(r);
    return ring_put_mark(r->ring, now_ns);
}

static int put_loss(Replay *r, uint64_t events, uint64_t buffers) {
    RingLoss loss = {events, buffers};
    return ring_put_loss(r->ring, &loss);
}

static int put_record(Replay *r, const EventRecord *record, RingKind kind) {
    int result = ring_put_record(r->ring, record, kind);
    if (result == RING_OVERSIZE) {
        if (kind != RING_KNOWLEDGE) // it comes again, and is counted then
            r->now.oversize++;
        return 0;
    }
    if (result == 0 && kind == RING_RECORD) {
        r->now.events++;
        r->since_mark += sizeof *record + record->ext_bytes + record->payload_bytes;
    }
    return result;
}

// All schema data of the file first, so that every event meets its schema.
static int put_schemas(Replay *r, Err *err) {
    EtlOptions options = {0};
    options.schema_only = true;
    EtlReader *reader;
    int result = etl_open(r->path, &options, &reader, err);
    if (result < 0)
        return result;
    EventRecord record;
    while ((result = etl_next(reader, &record, err)) > 0) {
        if ((result = put_record(r, &record, RING_SCHEMA)) < 0)
            break;
    }
    etl_close(reader);
    return result;
}

// What the whole file knows, before its first event is delivered. The reader of the stream itself
// walks: its index is the one of the stream, whatever becomes of the file meanwhile, and so are the
// ordinals.
static int put_knowledge(Replay *r, Err *err) {
    EventRecord record;
    uint64_t n = 0;
    int result;
    while ((result = etl_next(r->reader, &record, err)) > 0) {
        if (r->options.feeder(&record) && (result = put_record(r, &record, RING_KNOWLEDGE)) < 0)
            break;
        if (atomic_load(&r->stop)) {
            result = -(int)STATUS_CANCELLED;
            break;
        }
        if ((++n & (SCAN_EVENTS - 1)) == 0)
            publish(r);
    }
    if (result == 0)
        result = etl_rewind(r->reader, err);
    if (result < 0)
        return result;
    r->now.scanning = false;
    publish(r);
    return ring_put_learned(r->ring);
}

// What the trace header says was lost before the file was written: its place is not known, so it
// comes first. A lost buffer held an unknown number of events.
static int put_header_losses(Replay *r) {
    const EtlInfo *info = etl_info(r->reader);
    uint64_t buffers = MAX_OF((uint64_t)info->buffers_lost, etl_stats(r->reader)->sequence_gaps);
    int result = 0;
    if (info->events_lost > 0)
        result = put_loss(r, info->events_lost, 0);
    if (result == 0 && buffers > 0)
        result = put_loss(r, UINT64_MAX, buffers);
    return result;
}

// Losses found on the way: flags of the buffer just opened, and buffers given up by the reader.
// Where the header has the numbers, a flag only repeats that something was lost.
static int put_walk_losses(Replay *r) {
    const EtlStats *s = etl_stats(r->reader);
    const EtlInfo *info = etl_info(r->reader);
    uint64_t events = 0, buffers = 0;
    if (s->lost_event_flags != r->last.lost_event_flags && info->events_lost == 0)
        events = UINT64_MAX;
    if (s->lost_buffer_flags != r->last.lost_buffer_flags && info->buffers_lost == 0 &&
        s->sequence_gaps == 0)
        events = buffers = UINT64_MAX;
    if (s->bad_buffers != r->last.bad_buffers)
        events = UINT64_MAX;
    r->last.lost_event_flags = s->lost_event_flags;
    r->last.lost_buffer_flags = s->lost_buffer_flags;
    r->last.bad_buffers = s->bad_buffers;
    return events | buffers ? put_loss(r, events, buffers) : 0;
}

// RT_LostEvent: the session that wrote the file was itself told of a loss here.
static int put_event_loss(Replay *r, const EventRecord *record) {
    if ((record->flags & EVENT_CLASSIC) == 0 ||
        !guid_equal(&record->provider, &etl_guid_lost_event))
        return 0;
    if (record->desc.opcode == 32)
        return put_loss(r, UINT64_MAX, 0);
    if (record->desc.opcode == 33 || record->desc.opcode == 34)
        return put_loss(r, UINT64_MAX, UINT64_MAX);
    return 0;
}

// Waits until an event of this time is due. Records of the same tick are delivered together.
static int pace(Replay *r, const EventRecord *record) {
    uint32_t segment = etl_segment(r->reader);
    if (!r->paced || segment != r->base_segment) {
        // The pause between two sessions in one file is not waited for.
        r->paced = true;
        r->base_segment = segment;
        r->base_time = record->time;
        r->base_ns = plat_now_ns();
        return 0;
    }
    int64_t delta;
    if (__builtin_sub_overflow(record->time, r->base_time, &delta))
        return 0;
    const EtlInfo *info = etl_info(r->reader);
    if (!info->appended && info->end_time > info->start_time &&
        record->time - END_SLACK_UNITS > info->end_time)
        return 0;
    int64_t tick = delta / TICK_UNITS;
    double due_ns = (double)tick * TICK_NS / r->options.speed;
    if (due_ns > 9e17) // thirty years
        due_ns = 9e17;
    int64_t due = r->base_ns + (int64_t)due_ns;
    int ticks = 0;
    for (;;) {
        int64_t now = plat_now_ns();
        if (now >= due)
            return 0;
        if (ticks < IDLE_TICKS) {
            ticks++;
            int result = put_mark(r, now);
            if (result < 0)
                return result;
        }
        if (atomic_load(&r->stop))
            return -(int)STATUS_CANCELLED;
        plat_sleep_ns(MIN_OF(due - now, ticks < IDLE_TICKS ? TICK_NS : IDLE_SLEEP_NS));
    }
}

static int put_round(Replay *r, Err *err) {
    int result = put_header_losses(r);
    EventRecord record;
    r->last = (EtlStats){0};
    while (result == 0 && (result = etl_next(r->reader, &record, err)) > 0) {
        result = r->options.speed > 0 ? pace(r, &record) : 0;
        if (result == 0)
            result = put_walk_losses(r);
        if (result == 0)
            result = put_record(r, &record, RING_RECORD);
        if (result == 0)
            result = put_event_loss(r, &record);
        if (result == 0 && r->since_mark >= MARK_BYTES)
            result = put_mark(r, plat_now_ns());
    }
    if (result == 0)
        result = put_walk_losses(r); // of buffers behind the last event
    return result;
}

static bool wait_released(Replay *r) {
    plat_mutex_lock(r->mutex);
    while (!r->released && !atomic_load(&r->stop))
        plat_cond_wait(r->cond, r->mutex, -1);
    plat_mutex_unlock(r->mutex);
    return !atomic_load(&r->stop);
}

static void run(void *user) {
    Replay *r = user;
    Err err = ERR_INIT;
    RingEpoch epoch = {WIRE_EPOCH_START, 0, etl_info(r->reader)->start_time};
    int result = ring_put_epoch(r->ring, &epoch);
    if (result == 0)
        result = put_schemas(r, &err);
    if (result == 0 && r->options.feeder != NULL)
        result = put_knowledge(r, &err);
    if (result == 0)
        result = put_mark(r, plat_now_ns());
    if (result < 0 || !wait_released(r)) {
        (void)ring_put_end(r->ring, result);
        return;
    }
    for (;;) {
        uint64_t before = r->now.events;
        r->paced = false;
        result = put_round(r, &err);
        r->now.rounds++;
        // A file whose rounds yield nothing would spin.
        if (result < 0 || !r->options.loop || r->now.events == before)
            break;
        if ((result = put_mark(r, plat_now_ns())) < 0)
            break;
        r->now.bad_buffers += etl_stats(r->reader)->bad_buffers;
        r->now.bad_bytes += etl_stats(r->reader)->bad_bytes;
        if ((result = etl_rewind(r->reader, &err)) < 0)
            break;
        epoch.reason = WIRE_EPOCH_LOOP;
        if ((result = ring_put_epoch(r->ring, &epoch)) < 0)
            break;
    }
    if (ring_put_mark(r->ring, plat_now_ns()) == 0)
        (void)ring_put_end(r->ring, result);
    publish(r);
}

int replay_new(const ReplayOptions *options, Ring *ring, Replay **ret, Err *err) {
    // Written so that a NaN is refused as well.
    if (!(options->speed >= 0 && options->speed <= SPEED_MAX))
        return err_set(err, STATUS_INVALID_ARGUMENT,
                       "replay speed %g: give 0 for full speed, or a factor up to 1000000",
                       options->speed);
    Replay *r = mem_zalloc(sizeof *r);
    if (r == NULL)
        return err_set(err, STATUS_NO_MEMORY, "no memory for the replay");
    r->options = *options;
    r->ring = ring;
    r->path = mem_strdup(options->path);
    r->mutex = plat_mutex_new();
    r->cond = plat_cond_new();
    int result;
    if (r->path == NULL || r->mutex == NULL || r->cond == NULL) {
        result = err_set(err, STATUS_NO_MEMORY, "no memory for the replay");
        goto fail;
    }
    r->options.path = r->path;
    r->now.scanning = r->stats.scanning = options->feeder != NULL;
    result = etl_open(r->path, NULL, &r->reader, err);
    if (result < 0)
        goto fail;
    result = plat_thread_start(&r->thread, run, r);
    if (result < 0) {
        result = err_set(err, STATUS_IO, "cannot start the replay thread");
        goto fail;
    }
    *ret = r;
    return 0;
fail:
    etl_close(r->reader);
    if (r->cond != NULL)
        plat_cond_free(r->cond);
    if (r->mutex != NULL)
        plat_mutex_free(r->mutex);
    mem_free(r->path);
    mem_free(r);
    return result;
}

void replay_release(Replay *r) {
    plat_mutex_lock(r->mutex);
    r->released = true;
    plat_cond_signal(r->cond);
    plat_mutex_unlock(r->mutex);
}

Replay *replay_free(Replay *r) {
    if (r != NULL) {
        atomic_store(&r->stop, true);
        ring_close(r->ring);
        plat_mutex_lock(r->mutex);
        plat_cond_signal(r->cond);
        plat_mutex_unlock(r->mutex);
        plat_thread_join(r->thread);
        etl_close(r->reader);
        plat_cond_free(r->cond);
        plat_mutex_free(r->mutex);
        mem_free(r->path);
        mem_free(r);
    }
    return NULL;
}

const EtlInfo *replay_info(const Replay *r) {
    return etl_info(r->reader);
}

ReplayStats replay_stats(const Replay *r) {
    plat_mutex_lock(r->mutex);
    ReplayStats stats = r->stats;
    plat_mutex_unlock(r->mutex);
    stats.wait_ns = ring_wait_ns(r->ring); // as of now: the thread itself may be waiting
    return stats;
}
