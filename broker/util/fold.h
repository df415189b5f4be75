// The case tables, generated from fold.txt: only utf.c reads them. Sorted, ranges do not overlap.
#pragma once

#include "util/base.h"

typedef struct FoldRange {
    uint32_t first, last;
    uint32_t stride; // 1, or 2 where upper and lower case alternate
    int32_t delta;
} FoldRange;

extern const FoldRange fold_ranges[];
extern const uint32_t n_fold_ranges;
extern const FoldRange upper_ranges[];
extern const uint32_t n_upper_ranges;
