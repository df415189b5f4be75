// Parses the filter language into a Filter. See filter.h for the grammar.
#include "route/filter_ast.h"
#include "route/filter_lex.h"
#include "route/want.h"
#include "util/mem.h"
#include "util/utf.h"

typedef struct Parser {
    FilterLex lex;
    FilterToken token; // the current one
    Filter *filter;
    uint32_t depth;
    uint32_t error_at;
    bool has_error_at;
    Err *err;
} Parser;

static void set_place(Parser *p, uint32_t at) {
    p->error_at = at;
    p->has_error_at = true;
}

// fail(parser, byte offset, format, …): sets place and text, gives -STATUS_FILTER.
#define fail(p, at, ...) (set_place(p, at), err_set((p)->err, STATUS_FILTER, __VA_ARGS__))

static int no_memory(Parser *p) {
    return err_set(p->err, STATUS_NO_MEMORY, "out of memory while reading the filter");
}

static int advance(Parser *p) {
    int r = filter_lex_next(&p->lex, &p->token, &p->error_at, p->err);
    if (r != 0)
        p->has_error_at = true;
    return r;
}

// Token texts in messages, cut to a readable length.
static int shown(const FilterToken *t) {
    uint32_t n = 0;
    while (n < t->bytes && n < 40) {
        uint32_t cp;
        n += (uint32_t)utf8_next(t->text + n, t->text + t->bytes, &cp);
    }
    return (int)MIN_OF(n, t->bytes);
}

static int unexpected(Parser *p, const char *wanted) {
    const FilterToken *t = &p->token;
    if (t->kind == TOKEN_END)
        return fail(p, t->at, "the filter ends here, but %s must follow", wanted);
    return fail(p, t->at, "'%.*s' stands where %s must",
                (int)(t->end - t->at > 40 ? 40 : t->end - t->at), p->lex.text + t->at, wanted);
}

static const struct {
    const char *name;
    uint8_t word, op, negate;
} operators[] = {
    {"eq", WORD_EQ, OP_EQ, NEGATE_NO},
    {"ne", WORD_NE, OP_EQ, NEGATE_EACH},
    {"lt", WORD_LT, OP_LT, NEGATE_NO},
    {"le", WORD_LE, OP_LE, NEGATE_NO},
    {"gt", WORD_GT, OP_GT, NEGATE_NO},
    {"ge", WORD_GE, OP_GE, NEGATE_NO},
    {"like", WORD_LIKE, OP_LIKE, NEGATE_NO},
    {"notlike", WORD_NOTLIKE, OP_LIKE, NEGATE_EACH},
    {"in", WORD_IN, OP_EQ, NEGATE_NO},
    {"notin", WORD_NOTIN, OP_EQ, NEGATE_ALL},
    {"contains", WORD_CONTAINS, OP_EQ, NEGATE_NO},
    {"notcontains", WORD_NOTCONTAINS, OP_EQ, NEGATE_ALL},
};

static int find_operator(const FilterToken *t) {
    if (t->kind != TOKEN_OPERATOR && t->kind != TOKEN_WORD)
        return -1;
    for (size_t i = 0; i < ARRAY_COUNT(operators); i++) {
        if (filter_token_is(t, operators[i].name))
            return (int)i;
        // -ieq, -ilike …: the explicit spelling of what they are here anyway.
        if (t->kind == TOKEN_OPERATOR && t->bytes > 1 && (t->text[0] | 0x20) == 'i') {
            FilterToken rest = *t;
            rest.text++;
            rest.bytes--;
            if (filter_token_is(&rest, operators[i].name))
                return (int)i;
        }
    }
    return -1;
}

// A dash-word that is no operator of ours: say what to do instead.
static int refuse_operator(Parser *p) {
    const FilterToken *t = &p->token;
    FilterToken rest = *t;
    bool case_prefix = t->bytes > 1 && ((t->text[0] | 0x20) == 'c' || (t->text[0] | 0x20) == 'i');
    if (case_prefix) {
        rest.text++;
        rest.bytes--;
    }
    if (filter_token_is(t, "match") || filter_token_is(t, "notmatch") ||
        (case_prefix && (filter_token_is(&rest, "match") || filter_token_is(&rest, "notmatch"))))
        return fail(p, t->at, "no regex in the broker: use -like or Where-Object");
    if (case_prefix && find_operator(&rest) >= 0)
        return fail(
            p, t->at,
            "-%.*s: the broker compares without regard to case; use -%.*s here and -%.*s in "
            "Where-Object behind it",
            shown(t), t->text, shown(&rest), rest.text, shown(t), t->text);
    if (filter_token_is(t, "xor") || filter_token_is(t, "band") || filter_token_is(t, "bor") ||
        filter_token_is(t, "is") || filter_token_is(t, "isnot") || filter_token_is(t, "replace") ||
        filter_token_is(t, "split") || filter_token_is(t, "join"))
        return fail(p, t->at, "-%.*s is not in the broker's language; use Where-Object for it",
                    shown(t), t->text);
    return fail(
        p, t->at,
        "-%.*s is not an operator; there are -eq -ne -lt -le -gt -ge -like -notlike -in -notin "
        "-contains -notcontains -and -or -not",
        shown(t), t->text);
}

static bool is_word(const FilterToken *t, const char *word) {
    return (t->kind == TOKEN_OPERATOR || t->kind == TOKEN_WORD) && filter_token_is(t, word);
}

static bool is_constant(const FilterToken *t) {
    return t->kind == TOKEN_STRING || t->kind == TOKEN_CONSTANT;
}

// A bare word that is a number, at the start of a term.
static bool is_number(const FilterToken *t) {
    if (t->kind != TOKEN_WORD || t->bytes == 0)
        return false;
    char c = t->text[0];
    return (c >= '0' && c <= '9') || c == '-' ||
           (c == '.' && t->bytes > 1 && t->text[1] >= '0' && t->text[1] <= '9');
}

static int read_literal(Parser *p, Literal *ret) {
    const FilterToken *t = &p->token;
    Arena *arena = &p->filter->arena;
    int r;
    if (t->kind == TOKEN_STRING) {
        char *copy = arena_alloc(arena, (size_t)t->bytes + 1);
        if (!copy)
            return no_memory(p);
        uint32_t n = filter_lex_unquote(t, copy);
        if (!utf8_valid(copy, n))
            return fail(p, t->at, "the text is not valid UTF-8");
        r = literal_text(arena, copy, n, ret);
    } else if (t->kind == TOKEN_CONSTANT) {
        r = filter_token_is(t, "null") ? literal_null(arena, ret)
                                       : literal_bool(arena, filter_token_is(t, "true"), ret);
    } else if (t->kind == TOKEN_WORD && find_operator(t) < 0 && !is_word(t, "and") &&
               !is_word(t, "or") && !is_word(t, "not")) {
        if (!utf8_valid(t->text, t->bytes))
            return fail(p, t->at, "the text is not valid UTF-8");
        r = literal_number(arena, t->text, t->bytes, ret);
        if (r == 1)
            r = literal_text(arena, t->text, t->bytes, ret);
    } else if (t->kind == TOKEN_OPERATOR || t->kind == TOKEN_WORD) {
        return fail(p, t->at, "a value must follow the operator; put '%.*s' in quotes if it is one",
                    (int)(t->end - t->at), p->lex.text + t->at);
    } else {
        return unexpected(p, "a value");
    }
    if (r != 0)
        return no_memory(p);
    return advance(p);
}

// literal {, literal}, with or without parentheses; *ret_list says whether it is more than one value.
static int read_list(Parser *p, bool allow_list, Literal **ret, uint32_t *ret_n, bool *ret_list) {
    Literal *list = NULL;
    uint32_t n = 0, capacity = 0;
    bool parenthesis = p->token.kind == TOKEN_OPEN;
    uint32_t start = p->token.at;
    int r = parenthesis ? advance(p) : 0;
    while (r == 0) {
        if (n == FILTER_MAX_IN) {
            r = fail(p, p->token.at, "a list has at most %u values; use several, joined with -or",
                     FILTER_MAX_IN);
            break;
        }
        if (n == capacity) {
            capacity = capacity ? capacity * 4 : 1;
            capacity = MIN_OF(capacity, FILTER_MAX_IN);
            Literal *more = arena_array(&p->filter->arena, capacity, sizeof *more);
            if (!more)
                return no_memory(p);
            if (n != 0)
                memcpy(more, list, n * sizeof *more);
            list = more;
        }
        r = read_literal(p, &list[n]);
        if (r != 0)
            break;
        n++;
        if (p->token.kind != TOKEN_COMMA)
            break;
        r = advance(p);
    }
    if (r == 0 && parenthesis) {
        if (p->token.kind != TOKEN_CLOSE)
            return unexpected(p, "a comma or ')'");
        r = advance(p);
    }
    if (r == 0 && n > 1 && !allow_list)
        return fail(p, start, "this operator takes one value; use -in for a list");
    *ret = list;
    *ret_n = n;
    *ret_list = n > 1 || parenthesis;
    return r;
}

// Fills header, enriched and name from the current token, which is a field's word.
static int read_field(Parser *p, FilterPredicate *predicate) {
    FilterToken t = p->token;
    Arena *arena = &p->filter->arena;
    if (t.kind != TOKEN_WORD)
        return unexpected(p, "a field name");
    if (t.text[0] == '[')
        return fail(p, t.at, "casts are not in the broker's language; write the value alone");
    if (!utf8_valid(t.text, t.bytes))
        return fail(p, t.at, "the field name is not valid UTF-8");
    char *name = arena_strndup(arena, t.text, t.bytes);
    if (!name)
        return no_memory(p);
    static const char payload_prefix[] = "EventData.";
    size_t prefix = sizeof payload_prefix - 1;
    int r = advance(p);
    if (r != 0)
        return r;
    bool payload = t.bytes >= prefix && fold_compare(name, prefix, payload_prefix, prefix) == 0;
    if (payload) {
        name += prefix;
        // EventData.'any name'
        if (*name == 0 && p->token.kind == TOKEN_STRING && p->token.at == t.end) {
            char *quoted = arena_alloc(arena, (size_t)p->token.bytes + 1);
            if (!quoted)
                return no_memory(p);
            uint32_t n = filter_lex_unquote(&p->token, quoted);
            if (!utf8_valid(quoted, n) || memchr(quoted, 0, n) != NULL)
                return fail(p, p->token.at, "the field name is not valid UTF-8");
            name = quoted;
            r = advance(p);
            if (r != 0)
                return r;
        }
        if (*name == 0)
            return fail(p, t.at, "EventData. must be followed by a field name");
    } else {
        predicate->header = (uint8_t)header_field_find(name);
        if (predicate->header == HEADER_NONE)
            predicate->enriched = (uint8_t)enriched_field_find(name);
    }
    predicate->name = name;
    if (predicate->enriched != ENRICHED_NONE)
        p->filter->enriched |= ENRICHED_BIT(predicate->enriched);
    return 0;
}

static int new_predicate(Parser *p, uint32_t at, FilterPredicate **ret) {
    if (p->filter->n_predicates == FILTER_MAX_PREDICATES)
        return fail(p, at,
                    "a filter has at most %u comparisons; use -in for lists, or several wants",
                    FILTER_MAX_PREDICATES);
    FilterPredicate *predicate = arena_alloc(&p->filter->arena, sizeof *predicate);
    if (!predicate)
        return no_memory(p);
    p->filter->predicates[p->filter->n_predicates++] = predicate;
    *ret = predicate;
    return 0;
}

static FilterNode *new_node(Parser *p, FilterNodeKind kind, FilterPredicate *predicate) {
    FilterNode *node = arena_alloc(&p->filter->arena, sizeof *node);
    if (node) {
        node->kind = (uint8_t)kind;
        node->predicate = predicate;
    }
    return node;
}

static void append(FilterNode *parent, FilterNode *child) {
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->n++;
}

// Level names are numbers: Level -le Warning.
static void name_levels(FilterPredicate *predicate) {
    if (predicate->header != HEADER_LEVEL)
        return;
    for (uint32_t i = 0; i < predicate->n_literals; i++) {
        Literal *l = (Literal *)&predicate->literals[i];
        uint8_t level;
        if (l->kind == LITERAL_TEXT && !l->has_int && want_parse_level(l->text, &level) &&
            level <= WANT_LEVEL_DEFAULT)
            literal_set_int(l, level);
    }
}

static int set_operands(Parser *p, FilterPredicate *predicate, Literal *literals, uint32_t n,
                        uint32_t at) {
    predicate->literals = literals;
    predicate->n_literals = n;
    name_levels(predicate);
    if (predicate->op != OP_LIKE)
        return 0;
    const Literal *l = &literals[0];
    if (l->kind == LITERAL_NULL)
        return fail(p, at, "-like needs a pattern; compare with $null by -eq or -ne");
    Like *like = arena_alloc(&p->filter->arena, sizeof *like);
    if (!like)
        return no_memory(p);
    size_t where = 0;
    int r =
        like_compile(&p->filter->arena, l->text, l->text_bytes, FILTER_MAX_PATTERN, like, &where);
    if (r < 0)
        return no_memory(p);
    if (r == LIKE_TOO_LONG)
        return fail(p, at, "the pattern is longer than %u characters; use a shorter part of it",
                    FILTER_MAX_PATTERN);
    if (r == LIKE_BAD_SET)
        return fail(p, at,
                    "the pattern's '[' at its byte %u is not the start of a set such as [a-z]; "
                    "put a backtick before a bracket that is meant literally",
                    (unsigned)where + 1);
    predicate->like = like;
    return 0;
}

static int apply_operator(Parser *p, int index, FilterPredicate *predicate) {
    (void)p;
    predicate->word = operators[index].word;
    predicate->op = operators[index].op;
    predicate->negate = operators[index].negate;
    return 0;
}

// field [operator value]
static int parse_field_term(Parser *p, bool bare, FilterNode **ret) {
    uint32_t at = p->token.at;
    FilterPredicate *predicate = NULL;
    int r = new_predicate(p, at, &predicate);
    if (r == 0)
        r = read_field(p, predicate);
    if (r != 0)
        return r;
    int op = find_operator(&p->token);
    bool negated = false;
    if (op < 0 && is_word(&p->token, "not")) { // Id -not -in 1,2
        FilterLex before = p->lex;
        FilterToken not_token = p->token;
        r = advance(p);
        if (r != 0)
            return r;
        op = find_operator(&p->token);
        negated = op >= 0 && (operators[op].word == WORD_IN || operators[op].word == WORD_LIKE ||
                              operators[op].word == WORD_CONTAINS);
        if (!negated) {
            p->lex = before;
            p->token = not_token;
            op = -1;
        }
    }
    if (op < 0) {
        if (p->token.kind == TOKEN_OPERATOR && !is_word(&p->token, "and") &&
            !is_word(&p->token, "or"))
            return refuse_operator(p);
        predicate->op = OP_TRUTH;
        predicate->word = WORD_TRUTH;
    } else {
        if (bare)
            return fail(p, at,
                        "-not binds to the field alone in PowerShell; write -not (… %.*s …), or "
                        "the negated operator",
                        (int)(p->token.end - p->token.at), p->lex.text + p->token.at);
        if (negated)
            op++; // its negation stands behind it in the table
        apply_operator(p, op, predicate);
        r = advance(p);
        if (r != 0)
            return r;
        uint32_t value_at = p->token.at;
        Literal *literals = NULL;
        uint32_t n = 0;
        bool list = false;
        bool in = predicate->word == WORD_IN || predicate->word == WORD_NOTIN;
        r = read_list(p, in, &literals, &n, &list);
        if (r == 0)
            r = set_operands(p, predicate, literals, n, value_at);
        if (r != 0)
            return r;
    }
    *ret = new_node(p, NODE_PREDICATE, predicate);
    return *ret ? 0 : no_memory(p);
}

// value operator field: turned around.
static int parse_value_term(Parser *p, FilterNode **ret) {
    uint32_t at = p->token.at;
    Literal *literals = NULL;
    uint32_t n = 0;
    bool list = false;
    FilterPredicate *predicate = NULL;
    int r = new_predicate(p, at, &predicate);
    if (r == 0)
        r = read_list(p, true, &literals, &n, &list);
    if (r != 0)
        return r;
    int op = find_operator(&p->token);
    if (op < 0)
        return p->token.kind == TOKEN_OPERATOR ? refuse_operator(p) : unexpected(p, "an operator");
    uint32_t op_at = p->token.at;
    static const uint8_t turned[] = {WORD_EQ,       WORD_NE,          WORD_GT,    WORD_GE,
                                     WORD_LT,       WORD_LE,          WORD_TRUTH, WORD_TRUTH,
                                     WORD_CONTAINS, WORD_NOTCONTAINS, WORD_IN,    WORD_NOTIN};
    uint8_t word = turned[operators[op].word];
    if (word == WORD_TRUTH)
        return fail(p, op_at, "the field must stand on the left of -like");
    if (n > 1 && word != WORD_IN && word != WORD_NOTIN)
        return fail(p, at, "this operator takes one value; use -contains with a list on its left");
    apply_operator(p, word, predicate); // the table is in the order of FilterWord
    r = advance(p);
    if (r == 0)
        r = read_field(p, predicate);
    if (r == 0)
        r = set_operands(p, predicate, literals, n, at);
    if (r != 0)
        return r;
    *ret = new_node(p, NODE_PREDICATE, predicate);
    return *ret ? 0 : no_memory(p);
}

static int parse_expression(Parser *p, FilterNode **ret);

// Is this parenthesis a list of values, "(1, 2) -contains Id", or an expression?
static int looks_like_list(const Parser *p, bool *ret) {
    Parser ahead = *p;
    Err ignored = ERR_INIT;
    ahead.err = &ignored;
    *ret = false;
    if (advance(&ahead) != 0 || (!is_constant(&ahead.token) && !is_number(&ahead.token)))
        return 0; // an error shows when the text is really read
    if (advance(&ahead) != 0)
        return 0;
    *ret = ahead.token.kind == TOKEN_COMMA || ahead.token.kind == TOKEN_CLOSE;
    return 0;
}

static int enter(Parser *p, uint32_t at) {
    if (p->depth == FILTER_MAX_DEPTH)
        return fail(p, at, "parentheses and -not are nested more than %u deep", FILTER_MAX_DEPTH);
    p->depth++;
    return 0;
}

static int parse_parenthesis(Parser *p, FilterNode **ret) {
    uint32_t at = p->token.at;
    int r = enter(p, at);
    if (r == 0)
        r = advance(p);
    if (r == 0)
        r = parse_expression(p, ret);
    if (r != 0)
        return r;
    if (p->token.kind != TOKEN_CLOSE)
        return p->token.kind == TOKEN_END
                   ? fail(p, at, "the parenthesis that opens here is never closed")
                   : unexpected(p, "-and, -or or ')'");
    p->depth--;
    return advance(p);
}

static int parse_term(Parser *p, bool bare, FilterNode **ret) {
    const FilterToken *t = &p->token;
    int r;
    if (t->kind == TOKEN_BANG || is_word(t, "not")) {
        r = enter(p, t->at);
        if (r == 0)
            r = advance(p);
        FilterNode *inner = NULL;
        if (r == 0)
            r = parse_term(p, true, &inner);
        if (r != 0)
            return r;
        p->depth--;
        *ret = new_node(p, NODE_NOT, NULL);
        if (!*ret)
            return no_memory(p);
        append(*ret, inner);
        return 0;
    }
    if (t->kind == TOKEN_OPEN) {
        bool list;
        looks_like_list(p, &list);
        if (!list)
            return parse_parenthesis(p, ret);
        return parse_value_term(p, ret);
    }
    if (is_constant(t) || is_number(t)) {
        if (bare)
            return fail(p, t->at,
                        "-not binds to the value alone in PowerShell; put the comparison in "
                        "parentheses");
        return parse_value_term(p, ret);
    }
    if (t->kind == TOKEN_OPERATOR)
        return is_word(t, "and") || is_word(t, "or") || find_operator(t) >= 0
                   ? unexpected(p, "a field name")
                   : refuse_operator(p);
    if (is_word(t, "and") || is_word(t, "or"))
        return unexpected(p, "a field name");
    if (t->kind != TOKEN_WORD)
        return unexpected(p, "a field name");
    return parse_field_term(p, bare, ret);
}

static int parse_expression(Parser *p, FilterNode **ret) {
    FilterNode *left = NULL;
    int r = parse_term(p, false, &left);
    while (r == 0 && left && (is_word(&p->token, "and") || is_word(&p->token, "or"))) {
        FilterNodeKind kind = is_word(&p->token, "and") ? NODE_AND : NODE_OR;
        FilterNode *right = NULL;
        r = advance(p);
        if (r == 0)
            r = parse_term(p, false, &right);
        if (r != 0 || !right)
            return r;
        if (left->kind != kind) {
            FilterNode *node = new_node(p, kind, NULL);
            if (!node)
                return no_memory(p);
            append(node, left);
            left = node;
        }
        if (right->kind == kind) { // a -and (b -and c): one chain
            for (FilterNode *child = right->first; child;) {
                FilterNode *next = child->next;
                child->next = NULL;
                append(left, child);
                child = next;
            }
        } else {
            append(left, right);
        }
    }
    *ret = left;
    return r;
}

static int parse_all(Parser *p, FilterNode **ret) {
    int r = advance(p);
    if (r != 0)
        return r;
    bool braces = p->token.kind == TOKEN_BRACE_OPEN;
    if (braces) {
        r = advance(p);
        if (r != 0)
            return r;
        if (p->token.kind == TOKEN_BRACE_CLOSE) {
            r = advance(p);
            *ret = NULL;
            return r != 0                       ? r
                   : p->token.kind == TOKEN_END ? 0
                                                : unexpected(p, "the end of the filter");
        }
    }
    if (p->token.kind == TOKEN_END && !braces) {
        *ret = NULL;
        return 0;
    }
    r = parse_expression(p, ret);
    if (r != 0)
        return r;
    if (braces) {
        if (p->token.kind != TOKEN_BRACE_CLOSE)
            return unexpected(p, "-and, -or or '}'");
        r = advance(p);
        if (r != 0)
            return r;
    }
    if (p->token.kind == TOKEN_END)
        return 0;
    if (p->token.kind == TOKEN_OPERATOR && find_operator(&p->token) < 0 &&
        !is_word(&p->token, "not"))
        return refuse_operator(p);
    return unexpected(p, "-and, -or or the end of the filter");
}

int filter_parse(const char *text_untrusted, size_t bytes, Filter **ret, uint32_t *ret_column,
                 Err *err) {
    Err local = ERR_INIT;
    Buf text = BUF_INIT;
    if (!err)
        err = &local;
    if (ret_column)
        *ret_column = 0;
    if (bytes > FILTER_MAX_BYTES)
        return err_set(err, STATUS_FILTER,
                       "the filter has %zu bytes; the limit is %u: use -in for lists, "
                       "or several wants",
                       bytes, FILTER_MAX_BYTES);
    // Filters and their parts are handed on as C strings: what stands behind a NUL would be lost.
    const char *nul = bytes > 0 ? memchr(text_untrusted, 0, bytes) : NULL;
    if (nul) {
        uint32_t column =
            filter_column(text_untrusted, (uint32_t)bytes, (uint32_t)(nul - text_untrusted));
        if (ret_column)
            *ret_column = column;
        return err_set(err, STATUS_FILTER, "column %u: a NUL character; remove it", column);
    }
    Filter *filter = mem_zalloc(sizeof *filter);
    if (!filter)
        return err_set(err, STATUS_NO_MEMORY, "out of memory while reading the filter");
    Parser p = {.lex = {text_untrusted, (uint32_t)bytes, 0}, .filter = filter, .err = err};
    int r = parse_all(&p, &filter->root);
    if (r == 0 && filter->root) {
        filter_write(filter, &text);
        // What is echoed must be taken again: a canonical form over the limit gives way to what was
        // typed.
        if (!text.failed && text.bytes <= FILTER_MAX_BYTES)
            filter->text = arena_strndup(&filter->arena, (const char *)text.data, text.bytes);
        else if (!text.failed)
            filter->text = arena_strndup(&filter->arena, text_untrusted, bytes);
        if (!filter->text)
            r = no_memory(&p);
    }
    buf_deinit(&text);
    if (r != 0) {
        if (p.has_error_at && r == -(int)STATUS_FILTER) {
            uint32_t column = filter_column(text_untrusted, (uint32_t)bytes, p.error_at);
            if (ret_column)
                *ret_column = column;
            r = err_prefix(err, r, "column %u", column);
        }
        filter_free(filter);
        return r;
    }
    if (!filter->root)
        filter = filter_free(filter);
    *ret = filter;
    return 0;
}
