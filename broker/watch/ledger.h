// The ledger: every event is delivered, filtered, or counted as lost, exactly (docs/LEDGER.md).
//
// Three equations, each term a counter of its own, none a remainder:
//   S: received = malformed + self + internal + unwanted + wanted          (source, each epoch)
//   W: offered = denied{scope, policy, cost} + filtered + matched; matched = held + numbered
//   N: numbered = dropped{queue, rate, oversize, policy, close} + queued + sent
// Owner: the loop; plain counters.
#pragma once

#include "util/base.h"

typedef struct SourceLedger {
    uint64_t received;
    uint64_t malformed; // no type could be made, or larger than any frame
    uint64_t self;      // the broker's own doing
    uint64_t internal_schema, internal_stack, internal_rundown,
        internal_caches; // consumed here, asked for by no watcher
    uint64_t unwanted;   // no watcher's static part matches
    uint64_t wanted;
    uint64_t lost_events, lost_buffers; // before us; not part of the equation
    uint64_t lost_unknown;              // times that a loss of unknown size was told
} SourceLedger;

// W and what of N a feed can count; a watch adds differences of these.
typedef struct WantLedger {
    uint64_t offered;
    uint64_t denied_scope, denied_policy, denied_cost;
    uint64_t filtered;
    uint64_t matched;
    uint64_t numbered;
    uint64_t unjudged; // a predicate met a missing value; not part of the equation
} WantLedger;

typedef struct NumberLedger {
    uint64_t numbered;
    uint64_t dropped_queue, dropped_rate, dropped_oversize, dropped_policy, dropped_close;
    uint64_t queued;
    uint64_t sent;
} NumberLedger;

typedef struct Ledger { // of one subscription, as read at one moment
    WantLedger want;
    uint64_t held;
    NumberLedger number;
} Ledger;

bool source_ledger_balanced(const SourceLedger *s);
bool ledger_balanced(const Ledger *l);
void want_ledger_add(WantLedger *to, const WantLedger *add);
void want_ledger_subtract(WantLedger *from, const WantLedger *sub);
