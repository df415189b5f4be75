#include "route/filter_ast.h"
#include "util/mem.h"
#include "util/utf.h"

Filter *filter_free(Filter *filter) {
    if (filter) {
        arena_deinit(&filter->arena);
        mem_free(filter);
    }
    return NULL;
}

const char *filter_text(const Filter *filter) {
    return filter->text;
}

uint64_t filter_enriched(const Filter *filter) {
    return filter->enriched;
}

size_t filter_bytes(const Filter *filter) {
    return filter ? sizeof *filter + filter->arena.bytes : 0;
}

static bool same_field(const FilterPredicate *a, const FilterPredicate *b) {
    return a->header == b->header && a->enriched == b->enriched &&
           (a->header != HEADER_NONE || fold_equal(a->name, b->name));
}

void filter_fields(const Filter *filter,
                   void (*each)(void *user, HeaderField header, EnrichedField enriched,
                                const char *name),
                   void *user) {
    for (uint32_t i = 0; i < filter->n_predicates; i++) {
        const FilterPredicate *p = filter->predicates[i];
        bool seen = false;
        for (uint32_t k = 0; k < i && !seen; k++)
            seen = same_field(p, filter->predicates[k]);
        if (!seen)
            each(user, (HeaderField)p->header, (EnrichedField)p->enriched, p->name);
    }
}

// --- canonical text ---

static void write_quoted(Buf *out, const char *text, size_t bytes) {
    buf_char(out, '\'');
    for (const char *p = text, *end = text + bytes; p < end;) {
        uint32_t cp;
        size_t n = utf8_next(p, end, &cp);
        buf_append(out, p, n);
        // All that the reader takes for a single quote is doubled.
        if (cp == '\'' || (cp >= 0x2018 && cp <= 0x201b))
            buf_append(out, p, n);
        p += n;
    }
    buf_char(out, '\'');
}

static bool plain_name(const char *name) {
    bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || *name == '_';
    for (const char *p = name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              *p == '_' || *p == '.'))
            return false;
    return letter;
}

static bool is_operator_word(const char *name) {
    static const char *const words[] = {"and",     "or", "not",   "eq",       "ne",
                                        "lt",      "le", "gt",    "ge",       "like",
                                        "notlike", "in", "notin", "contains", "notcontains"};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++)
        if (fold_equal(words[i], name))
            return true;
    return false;
}

static void write_field(Buf *out, const FilterPredicate *p) {
    if (p->header != HEADER_NONE) {
        buf_text(out, header_field_name((HeaderField)p->header));
    } else if (p->enriched != ENRICHED_NONE) {
        buf_text(out, enriched_field_name((EnrichedField)p->enriched));
    } else {
        bool plain = plain_name(p->name);
        bool clash = header_field_find(p->name) != HEADER_NONE ||
                     enriched_field_find(p->name) != ENRICHED_NONE || is_operator_word(p->name) ||
                     (strlen(p->name) >= 10 && fold_compare(p->name, 10, "EventData.", 10) == 0);
        if (clash || !plain)
            buf_text(out, "EventData.");
        if (plain)
            buf_text(out, p->name);
        else
            write_quoted(out, p->name, strlen(p->name));
    }
}

static void write_literal(Buf *out, const Literal *l) {
    switch (l->kind) {
    case LITERAL_NULL:
        buf_text(out, "$null");
        break;
    case LITERAL_BOOL:
        buf_text(out, l->boolean ? "$true" : "$false");
        break;
    case LITERAL_NUMBER:
        if (l->hex && l->has_int)
            buf_printf(out, "0x%llx", (unsigned long long)l->magnitude);
        else
            buf_append(out, l->text, l->text_bytes);
        break;
    default:
        write_quoted(out, l->text, l->text_bytes);
        break;
    }
}

static void write_predicate(Buf *out, const FilterPredicate *p) {
    static const char *const words[] = {"eq", "ne",    "lt",       "le",
                                        "gt", "ge",    "like",     "notlike",
                                        "in", "notin", "contains", "notcontains"};
    write_field(out, p);
    if (p->word == WORD_TRUTH)
        return;
    buf_text(out, " -");
    buf_text(out, words[p->word]);
    for (uint32_t i = 0; i < p->n_literals; i++) {
        buf_text(out, i == 0 ? " " : ", ");
        write_literal(out, &p->literals[i]);
    }
}

static void write_node(Buf *out, const FilterNode *node) {
    if (node->kind == NODE_PREDICATE) {
        write_predicate(out, node->predicate);
        return;
    }
    if (node->kind == NODE_NOT) {
        const FilterNode *inner = node->first;
        bool bare = inner->kind == NODE_NOT ||
                    (inner->kind == NODE_PREDICATE && inner->predicate->word == WORD_TRUTH);
        buf_text(out, bare ? "-not " : "-not (");
        write_node(out, inner);
        if (!bare)
            buf_char(out, ')');
        return;
    }
    for (const FilterNode *child = node->first; child; child = child->next) {
        if (child != node->first)
            buf_text(out, node->kind == NODE_AND ? " -and " : " -or ");
        // Left to right with one precedence: the first group needs no parentheses.
        bool group = (child->kind == NODE_AND || child->kind == NODE_OR) && child != node->first;
        if (group)
            buf_char(out, '(');
        write_node(out, child);
        if (group)
            buf_char(out, ')');
    }
}

void filter_write(const Filter *filter, Buf *out) {
    write_node(out, filter->root);
}
