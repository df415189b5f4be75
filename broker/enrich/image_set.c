#include "enrich/image_set.h"

#include "util/mem.h"

uint32_t image_set_upper(const ImageSet *set, uint64_t address) {
    uint32_t low = 0, high = set->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->intervals[middle].base <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void reach_from(ImageSet *set, uint32_t i) {
    for (; i < set->n; i++) {
        uint64_t before = i > 0 ? set->intervals[i - 1].reach : 0;
        set->intervals[i].reach = MAX_OF(before, set->intervals[i].end);
    }
}

void image_set_remove(ImageSet *set, uint32_t i) {
    set->n_closed -= set->intervals[i].to != IMAGE_OPEN;
    module_unref(set->intervals[i].module);
    memmove(&set->intervals[i], &set->intervals[i + 1], (--set->n - i) * sizeof *set->intervals);
    reach_from(set, i);
}

void image_set_remove_stalest(ImageSet *set) {
    uint32_t stalest = 0;
    for (uint32_t i = 1; i < set->n; i++) {
        const Interval *a = &set->intervals[i], *b = &set->intervals[stalest];
        if (a->to < b->to || (a->to == b->to && a->from < b->from))
            stalest = i;
    }
    if (set->n > 0)
        image_set_remove(set, stalest);
}

void image_set_close(ImageSet *set, Interval *interval, uint64_t to) {
    interval->to = to;
    set->n_closed++;
}

Interval *image_set_insert(ImageSet *set, const Interval *take_interval, bool *ret_pushed_out) {
    *ret_pushed_out = set->n >= IMAGE_SET_INTERVALS;
    if (*ret_pushed_out)
        image_set_remove_stalest(set);
    if (set->n == set->room) {
        uint32_t room = set->room ? set->room * 2 : 16;
        Interval *larger = mem_resize(set->intervals, room * sizeof *larger);
        if (!larger) {
            module_unref(take_interval->module);
            return NULL;
        }
        set->intervals = larger;
        set->room = room;
    }
    uint32_t at = image_set_upper(set, take_interval->base);
    while (at > 0 && set->intervals[at - 1].base == take_interval->base &&
           set->intervals[at - 1].from > take_interval->from)
        at--;
    memmove(&set->intervals[at + 1], &set->intervals[at], (set->n - at) * sizeof *set->intervals);
    set->intervals[at] = *take_interval;
    set->n++;
    set->n_closed += take_interval->to != IMAGE_OPEN;
    reach_from(set, at);
    return &set->intervals[at];
}

Interval *image_set_find(ImageSet *set, uint64_t address, uint64_t at, uint64_t *io_from,
                         uint64_t *io_to, Interval **ret_next) {
    Interval *best = NULL, *next = NULL;
    uint64_t last_born = 0;
    bool before = false;
    for (uint32_t i = image_set_upper(set, address); i > 0;) {
        Interval *interval = &set->intervals[--i];
        if (interval->reach <= address)
            break;
        if (interval->end <= address)
            continue;
        if (at < interval->from) {
            *io_to = MIN_OF(*io_to, interval->from - 1);
            if (!next || interval->from < next->from)
                next = interval;
        } else if (at > interval->to) {
            *io_from = MAX_OF(*io_from, interval->to + 1);
            last_born = MAX_OF(last_born, interval->born);
            before = true;
        } else {
            *io_from = MAX_OF(*io_from, interval->from);
            *io_to = MIN_OF(*io_to, interval->to);
            if (!best || interval->from > best->from)
                best = interval;
        }
    }
    *ret_next = next && next->born <= at && !(before && last_born == next->born) ? next : NULL;
    if (*ret_next)
        *io_from = MAX_OF(*io_from, next->born);
    else if (next && next->born > at)
        *io_to = MIN_OF(*io_to, next->born - 1);
    return best;
}
