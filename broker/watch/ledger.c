#include "watch/ledger.h"

bool source_ledger_balanced(const SourceLedger *s) {
    uint64_t internal =
        s->internal_schema + s->internal_stack + s->internal_rundown + s->internal_caches;
    return s->received == s->malformed + s->self + internal + s->unwanted + s->wanted;
}

bool ledger_balanced(const Ledger *l) {
    const WantLedger *w = &l->want;
    const NumberLedger *n = &l->number;
    uint64_t denied = w->denied_scope + w->denied_policy + w->denied_cost;
    uint64_t dropped = n->dropped_queue + n->dropped_rate + n->dropped_oversize +
                       n->dropped_policy + n->dropped_close;
    return w->offered == denied + w->filtered + w->matched && w->matched == l->held + w->numbered &&
           w->numbered == n->numbered && n->numbered == dropped + n->queued + n->sent;
}

void want_ledger_add(WantLedger *to, const WantLedger *add) {
    to->offered += add->offered;
    to->denied_scope += add->denied_scope;
    to->denied_policy += add->denied_policy;
    to->denied_cost += add->denied_cost;
    to->filtered += add->filtered;
    to->matched += add->matched;
    to->numbered += add->numbered;
    to->unjudged += add->unjudged;
}

void want_ledger_subtract(WantLedger *from, const WantLedger *sub) {
    from->offered -= sub->offered;
    from->denied_scope -= sub->denied_scope;
    from->denied_policy -= sub->denied_policy;
    from->denied_cost -= sub->denied_cost;
    from->filtered -= sub->filtered;
    from->matched -= sub->matched;
    from->numbered -= sub->numbered;
    from->unjudged -= sub->unjudged;
}
