// The parsed form of a filter: what filter_parse makes and binding reads. Private to the filter files.
#pragma once

#include "route/filter.h"
#include "route/like.h"
#include "route/literal.h"

typedef enum FilterOp {
    OP_EQ = 0, // any of the literals is equal: -eq, -ne, -in, -contains and their negations
    OP_LIKE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_TRUTH,
} FilterOp;

// How the word was spelled, for the canonical text.
typedef enum FilterWord {
    WORD_EQ = 0,
    WORD_NE,
    WORD_LT,
    WORD_LE,
    WORD_GT,
    WORD_GE,
    WORD_LIKE,
    WORD_NOTLIKE,
    WORD_IN,
    WORD_NOTIN,
    WORD_CONTAINS,
    WORD_NOTCONTAINS,
    WORD_TRUTH,
} FilterWord;

typedef enum FilterNegate {
    NEGATE_NO = 0,
    NEGATE_EACH, // -ne, -notlike: an array matches when any element differs
    NEGATE_ALL,  // -notin, -notcontains: an array matches when no element is in the list
} FilterNegate;

typedef struct FilterPredicate {
    uint8_t op;       // FilterOp
    uint8_t word;     // FilterWord
    uint8_t negate;   // FilterNegate
    uint8_t header;   // HeaderField
    uint8_t enriched; // EnrichedField
    const char *name; // payload name (also of an enriched field, for its fallback)
    uint32_t n_literals;
    const Literal *literals;
    const Like *like;
} FilterPredicate;

typedef enum FilterNodeKind { NODE_PREDICATE = 0, NODE_NOT, NODE_AND, NODE_OR } FilterNodeKind;

typedef struct FilterNode FilterNode;
struct FilterNode {
    uint8_t kind;             // FilterNodeKind
    uint32_t n;               // children of AND and OR (2 or more), 1 of NOT
    FilterNode *first, *last; // children
    FilterNode *next;         // sibling
    FilterPredicate *predicate;
};

struct Filter {
    Arena arena;
    FilterNode *root;
    uint32_t n_predicates;
    FilterPredicate *predicates[FILTER_MAX_PREDICATES];
    uint64_t enriched;
    char *text; // canonical
};

// Writes the canonical text (filter_text.c).
void filter_write(const Filter *filter, Buf *out);
