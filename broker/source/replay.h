// The replay source: an .etl file, put into a ring by a thread of its own at a chosen speed.
#pragma once

#include "source/etl_reader.h"
#include "source/ring.h"

typedef struct Replay Replay;

typedef struct ReplayOptions {
    const char *path;
    double speed; // 0 = as fast as the consumer takes it; 1 = real time; 2 = twice as fast …
    bool loop;    // begin again at the end, each round a new epoch
    // File knowledge: records that it takes are put once before the stream, as RING_KNOWLEDGE.
    // Called from the replay's thread. NULL: no scan.
    bool (*feeder)(const EventRecord *record);
} ReplayOptions;

typedef struct ReplayStats { // a consistent snapshot; any thread
    uint64_t events, oversize, rounds, bad_buffers, bad_bytes, wait_ns;
    double progress; // of this round, or of the scan
    bool scanning;   // the scan for knowledge is still to come or under way
} ReplayStats;

// Opens the file and starts the thread. It first scans the file for schema data and puts RING_EPOCH
// and all RING_SCHEMA items; with a feeder it walks the file in merged order, puts what the feeder
// takes as RING_KNOWLEDGE, with the ordinals that these records have in the stream, and then
// RING_LEARNED (once, not again for the rounds of a loop). Then it holds until replay_release (so
// that subscribers can come first), then the events with RING_LOSS (losses that the file tells of),
// RING_MARK ticks (each ms at real-time speeds; at max speed after each 64 KiB of records) and
// RING_END.
int replay_new(const ReplayOptions *options, Ring *ring, Replay **ret, Err *err);
void replay_release(Replay *replay);
Replay *replay_free(Replay *replay); // closes the ring, joins the thread, returns NULL
const EtlInfo *replay_info(const Replay *replay);
ReplayStats replay_stats(const Replay *replay);
