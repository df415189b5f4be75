// Patterns of -like: PowerShell's wildcards (* ? [a-z] and the backtick), case folded, matched in one
// pass over characters that come one at a time, so that no value needs to be copied or decoded first.
//
// Between stars stand segments; each is searched with Shift-And (a bit per pattern element, up to 256),
// so that the time is linear in the text whatever the pattern: `*a{200}b*` on 64 KiB of a's costs the
// same as `*b*` times the words of 64 elements. A Like is immutable and lives in the arena it came from.
#pragma once

#include "util/arena.h"

#define LIKE_MAX_WORDS 4u // 256 elements

typedef struct LikeSet {
    uint32_t low, high; // inclusive, both folded when single letters
} LikeSet;

typedef struct LikeSegment {
    uint32_t n;       // elements
    uint32_t n_words; // of 64 elements
    uint32_t n_classes;
    uint8_t ascii[128];         // class of an ASCII character; 0 = in none
    const uint32_t *wide;       // other characters that stand in the pattern, ascending
    uint32_t n_wide;            // their classes follow the ASCII ones
    uint32_t first_wide;        // class of wide[0]
    const uint64_t *masks;      // n_classes * n_words: elements that a class's characters match
    const LikeSet *sets;        // ranges for characters in no class
    const uint8_t *set_element; // element of each range
    uint32_t n_sets;
} LikeSegment;

typedef struct Like {
    uint32_t n_segments;
    bool star_first, star_last; // else the first or last segment is anchored
    const LikeSegment *segments;
    // "*.dll": so many UTF-16 units, all literal, decide at the end of the text; 0 = another form.
    uint32_t suffix_units;
} Like;

enum {
    LIKE_OK = 0,
    LIKE_TOO_LONG = 1, // more than max_units UTF-16 units
    LIKE_BAD_SET = 2,  // "[" without "]", or a range that runs backwards
};

// Compiles; *ret_at (bytes) is where the trouble is. < 0: no memory.
int like_compile(Arena *arena, const char *pattern, size_t bytes, uint32_t max_units, Like *ret,
                 size_t *ret_at);

// Matching: like_start, like_step for each character until it is decided, like_end.
typedef struct LikeState {
    const Like *like;
    uint32_t segment;
    bool fresh; // nothing of the anchored first segment has been read
    bool dead;  // cannot match any more
    uint64_t bits[LIKE_MAX_WORDS];
} LikeState;

void like_start(LikeState *state, const Like *like);
// cp: case-folded. False when the result is decided already (like_end gives it).
bool like_step(LikeState *state, uint32_t cp);
bool like_end(const LikeState *state); // the text is at its end
