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

static void reach_from(ImageSet *set, uint32_t first) {
    for (uint32_t i = first; i < set->n; i++) {
        uint64_t before = i > 0 ? set->intervals[i - 1].reach : 0;
        uint64_t reach = MAX_OF(before, set->intervals[i].end);
        if (i > first && set->intervals[i].reach == reach)
            break; // and so are all behind it
        set->intervals[i].reach = reach;
    }
}

void image_set_remove(ImageSet *set, uint32_t i) {
    set->n_closed -= set->intervals[i].to != IMAGE_OPEN;
    module_unref(set->intervals[i].module);
    memmove(&set->intervals[i], &set->intervals[i + 1], (--set->n - i) * sizeof *set->intervals);
    reach_from(set, i);
}

static bool is_staler(const Interval *a, const Interval *b) {
    return a->to < b->to || (a->to == b->to && a->from < b->from);
}

void image_set_remove_stalest(ImageSet *set) {
    uint32_t stalest = 0;
    for (uint32_t i = 1; i < set->n; i++)
        if (is_staler(&set->intervals[i], &set->intervals[stalest]))
            stalest = i;
    if (set->n > 0)
        image_set_remove(set, stalest);
}

// Puts i among the freshest, the stalest of which is first; what is too many falls out there.
static void keep_fresh(const ImageSet *set, uint32_t *kept, uint32_t *io_n, uint32_t i) {
    uint32_t at = *io_n;
    while (at > 0 && is_staler(&set->intervals[i], &set->intervals[kept[at - 1]]))
        at--;
    if (*io_n < IMAGE_SET_KEPT) {
        memmove(&kept[at + 1], &kept[at], (*io_n - at) * sizeof *kept);
        (*io_n)++;
    } else if (at == 0) {
        return;
    } else {
        memmove(&kept[0], &kept[1], --at * sizeof *kept);
    }
    kept[at] = i;
}

static bool is_among(const uint32_t *kept, uint32_t n, uint32_t i) {
    for (uint32_t k = 0; k < n; k++)
        if (kept[k] == i)
            return true;
    return false;
}

void image_set_trim(ImageSet *set) {
    uint32_t kept[IMAGE_SET_KEPT], n_kept = 0, n = 0;
    if (set->n_closed <= IMAGE_SET_KEPT + 1) {
        if (set->n_closed > IMAGE_SET_KEPT)
            image_set_remove_stalest(set);
        return;
    }
    // All at once: when a pid comes again, everything that its last process had was closed.
    for (uint32_t i = 0; i < set->n; i++)
        if (set->intervals[i].to != IMAGE_OPEN)
            keep_fresh(set, kept, &n_kept, i);
    for (uint32_t i = 0; i < set->n; i++) {
        if (set->intervals[i].to != IMAGE_OPEN && !is_among(kept, n_kept, i))
            module_unref(set->intervals[i].module);
        else
            set->intervals[n++] = set->intervals[i];
    }
    set->n = n;
    set->n_closed = n_kept;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t before = i > 0 ? set->intervals[i - 1].reach : 0;
        set->intervals[i].reach = MAX_OF(before, set->intervals[i].end);
    }
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

// The last of [first, end), which have one base, that begins at or before an ordinal; end: none.
static uint32_t begun_at(const ImageSet *set, uint32_t first, uint32_t end, uint64_t at) {
    uint32_t low = first, high = end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->intervals[middle].from <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low > first ? low - 1 : end;
}

static uint32_t first_of_base(const ImageSet *set, uint64_t base) {
    return base > 0 ? image_set_upper(set, base - 1) : 0;
}

// Those that hold one address are there one after another (a newer image closes older ones), so
// that of each base only the nearest in time matter.
Interval *image_set_find(ImageSet *set, uint64_t address, uint64_t at, uint64_t *io_from,
                         uint64_t *io_to, Interval **ret_next) {
    Interval *next = NULL;
    uint64_t last_born = 0;
    bool before = false;
    uint32_t steps = 0;
    *ret_next = NULL;
    for (uint32_t end = image_set_upper(set, address); end > 0;) {
        if (set->intervals[end - 1].reach <= address)
            break;
        uint32_t first = first_of_base(set, set->intervals[end - 1].base);
        uint32_t begun = begun_at(set, first, end, at);
        for (uint32_t i = begun == end ? first : begun + 1; i < end; i++) {
            Interval *later = &set->intervals[i];
            if (steps++ == IMAGE_SET_STEPS)
                goto lost;
            *io_to = MIN_OF(*io_to, later->from - 1);
            if (later->end <= address)
                continue;
            if (!next || later->from < next->from)
                next = later;
            break;
        }
        for (uint32_t i = begun == end ? first : begun + 1; i > first;) {
            Interval *interval = &set->intervals[--i];
            if (steps++ == IMAGE_SET_STEPS)
                goto lost;
            if (interval->end > address && at <= interval->to) {
                *io_from = MAX_OF(*io_from, interval->from);
                *io_to = MIN_OF(*io_to, interval->to);
                return interval;
            }
            if (at > interval->to) // also of a smaller one: nothing holds for longer than it may
                *io_from = MAX_OF(*io_from, interval->to + 1);
            if (interval->end <= address)
                continue;
            last_born = MAX_OF(last_born, interval->born);
            before = true;
            break;
        }
        end = first;
    }
    *ret_next = next && next->born <= at && !(before && last_born == next->born) ? next : NULL;
    if (*ret_next)
        *io_from = MAX_OF(*io_from, next->born);
    else if (next && next->born > at)
        *io_to = MIN_OF(*io_to, next->born - 1);
    return NULL;
lost:
    *io_from = *io_to = at;
    return NULL;
}
