// Binds filters to event types: resolves names to fields, folds what the type decides, orders
// chains by cost and lays the tree out as steps with two jumps, so that evaluating needs no stack.
#include "route/filter_bind.h"
#include "util/mem.h"
#include "util/utf.h"

typedef struct Draft Draft;
struct Draft {       // a node on its way to steps
    uint8_t kind;    // FilterNodeKind
    uint8_t verdict; // FilterVerdict
    uint32_t cost;
    uint32_t n;
    Draft **children;
    BoundStep step;
};

typedef struct Binder {
    const RouteType *type;
    Arena arena;
    BoundFilter *bound;
    bool failed;
} Binder;

static int member_index(const Schema *schema, const SchemaField *structure, const char *name,
                        size_t bytes) {
    for (uint16_t i = 0; i < structure->n_members; i++) {
        const SchemaField *f = &schema->fields[structure->first_member + i];
        if (fold_compare(f->name, strlen(f->name), name, bytes) == 0)
            return i;
    }
    return -1;
}

// A payload name: a field, or struct.member.member. Names may contain dots themselves, so the
// longest field name wins.
static uint8_t resolve_path(const Schema *schema, const char *name, uint16_t path[BOUND_MAX_PATH]) {
    int index = schema_field_index(schema, name);
    if (index >= 0) {
        path[0] = (uint16_t)index;
        return 1;
    }
    size_t n = strlen(name);
    for (size_t cut = n; cut-- > 0;) {
        if (name[cut] != '.')
            continue;
        const SchemaField *f = NULL;
        for (uint16_t i = 0; i < schema->n_top && !f; i++)
            if (schema->fields[i].in_type == IN_STRUCT &&
                fold_compare(schema->fields[i].name, strlen(schema->fields[i].name), name, cut) ==
                    0) {
                f = &schema->fields[i];
                path[0] = i;
            }
        if (!f)
            continue;
        uint8_t depth = 1;
        const char *rest = name + cut + 1;
        while (f && depth < BOUND_MAX_PATH) {
            int member = member_index(schema, f, rest, strlen(rest));
            if (member >= 0) {
                path[depth++] = (uint16_t)member;
                return depth;
            }
            const char *dot = strchr(rest, '.');
            member = dot ? member_index(schema, f, rest, (size_t)(dot - rest)) : -1;
            if (member < 0)
                break;
            path[depth++] = (uint16_t)member;
            f = &schema->fields[f->first_member + member];
            rest = dot + 1;
        }
    }
    return 0;
}

static bool fixed_offset(const Schema *schema, const BoundStep *step) {
    return step->n_path == 1 && schema->fields[step->path[0]].offset32 >= 0 &&
           schema->fields[step->path[0]].offset64 >= 0;
}

enum { // relative costs, measured in the order of magnitude of nanoseconds
    COST_HEADER = 2,
    COST_FIXED = 8,
    COST_SCAN = 30,
    COST_TEXT = 20,
    COST_LIKE = 80,
    COST_RESOLVE = 150,
    COST_LITERAL = 1,
};

static uint32_t step_cost(const Schema *schema, const BoundStep *step) {
    const FilterPredicate *p = step->predicate;
    uint32_t cost = 0;
    switch (step->source) {
    case BOUND_HEADER:
        cost = COST_HEADER;
        break;
    case BOUND_PAYLOAD:
        cost = fixed_offset(schema, step) ? COST_FIXED : COST_SCAN;
        break;
    case BOUND_ENRICHED:
        cost = COST_RESOLVE;
        break;
    default:
        return 0;
    }
    if (p->op == OP_LIKE)
        cost += COST_LIKE;
    else if (p->n_literals != 0 && p->literals[0].kind == LITERAL_TEXT && !p->literals[0].has_guid)
        cost += COST_TEXT;
    return cost + COST_LITERAL * p->n_literals;
}

static void draft_predicate(Binder *b, Draft *d, const FilterPredicate *p) {
    const Schema *schema = b->type->schema;
    BoundStep *s = &d->step;
    s->predicate = p;
    if (p->header != HEADER_NONE) {
        s->source = BOUND_HEADER;
    } else {
        s->n_path = resolve_path(schema, p->name, s->path);
        s->source = p->enriched != ENRICHED_NONE ? BOUND_ENRICHED
                    : s->n_path != 0             ? BOUND_PAYLOAD
                                                 : BOUND_MISSING;
    }
    d->cost = step_cost(schema, s);
    if (header_field_by_type((HeaderField)p->header) && !b->type->open) {
        EventRecord record = {
            .provider = *b->type->provider, .desc = *b->type->desc, .flags = b->type->event_flags};
        FilterEval eval = {.type = b->type, .record = &record};
        bool result = filter_compare_step(&eval, s);
        // A missing value is counted when events come, so that one stays a step.
        if (!eval.unjudged)
            d->verdict = result ? FILTER_ALWAYS : FILTER_NEVER;
    }
    if (d->verdict != FILTER_DEPENDS)
        return;
    if (s->n_path != 0) {
        b->bound->reads_payload = true;
        if (!fixed_offset(schema, s))
            b->bound->needs_slices = true;
    }
}

static Draft *draft(Binder *b, const FilterNode *node) {
    Draft *d = arena_alloc(&b->arena, sizeof *d);
    if (!d) {
        b->failed = true;
        return NULL;
    }
    d->kind = node->kind;
    if (node->kind == NODE_PREDICATE) {
        draft_predicate(b, d, node->predicate);
        return d;
    }
    d->children = arena_array(&b->arena, node->n, sizeof(Draft *));
    if (!d->children) {
        b->failed = true;
        return NULL;
    }
    if (node->kind == NODE_NOT) {
        Draft *inner = draft(b, node->first);
        if (!inner)
            return NULL;
        d->children[d->n++] = inner;
        d->cost = inner->cost;
        d->verdict = inner->verdict == FILTER_ALWAYS  ? FILTER_NEVER
                     : inner->verdict == FILTER_NEVER ? FILTER_ALWAYS
                                                      : FILTER_DEPENDS;
        return d;
    }
    uint8_t decides = node->kind == NODE_AND ? FILTER_NEVER : FILTER_ALWAYS;
    for (const FilterNode *child = node->first; child; child = child->next) {
        Draft *c = draft(b, child);
        if (!c)
            return NULL;
        if (c->verdict == decides)
            d->verdict = decides;
        if (c->verdict != FILTER_DEPENDS)
            continue;
        d->cost += c->cost;
        uint32_t at = d->n++; // stable insertion by cost
        while (at > 0 && d->children[at - 1]->cost > c->cost) {
            d->children[at] = d->children[at - 1];
            at--;
        }
        d->children[at] = c;
    }
    if (d->n == 0 && d->verdict == FILTER_DEPENDS)
        d->verdict = node->kind == NODE_AND ? FILTER_ALWAYS : FILTER_NEVER;
    return d;
}

static uint16_t emit(Binder *b, const Draft *d, uint16_t on_true, uint16_t on_false) {
    if (d->verdict != FILTER_DEPENDS)
        return d->verdict == FILTER_ALWAYS ? on_true : on_false;
    if (d->kind == NODE_NOT)
        return emit(b, d->children[0], on_false, on_true);
    if (d->kind == NODE_PREDICATE) {
        BoundStep *s = &b->bound->steps[b->bound->n_steps];
        *s = d->step;
        s->on_true = on_true;
        s->on_false = on_false;
        return b->bound->n_steps++;
    }
    uint16_t next = d->kind == NODE_AND ? on_true : on_false;
    for (uint32_t i = d->n; i-- > 0;)
        next = d->kind == NODE_AND ? emit(b, d->children[i], next, on_false)
                                   : emit(b, d->children[i], on_true, next);
    return next;
}

int filter_bind(const Filter *filter, const RouteType *type, BoundFilter **ret) {
    Binder b = {.type = type, .arena = ARENA_INIT};
    b.bound = mem_zalloc(sizeof *b.bound + filter->n_predicates * sizeof(BoundStep));
    if (!b.bound)
        return -(int)STATUS_NO_MEMORY;
    b.bound->type = *type;
    b.bound->subject = subject_plan(type->schema);
    Draft *root = draft(&b, filter->root);
    if (root)
        b.bound->entry = emit(&b, root, BOUND_TRUE, BOUND_FALSE);
    arena_deinit(&b.arena);
    if (b.failed) {
        mem_free(b.bound);
        return -(int)STATUS_NO_MEMORY;
    }
    *ret = b.bound;
    return 0;
}

BoundFilter *filter_unbind(BoundFilter *bound) {
    mem_free(bound);
    return NULL;
}

FilterVerdict filter_verdict(const BoundFilter *bound) {
    if (!bound || bound->entry == BOUND_TRUE)
        return FILTER_ALWAYS;
    return bound->entry == BOUND_FALSE ? FILTER_NEVER : FILTER_DEPENDS;
}

bool filter_reads_payload(const BoundFilter *bound) {
    return bound && bound->reads_payload;
}

static bool run(const BoundFilter *bound, FilterEval *eval) {
    uint16_t at = bound->entry;
    while (at < BOUND_FALSE) {
        const BoundStep *s = &bound->steps[at];
        at = filter_compare_step(eval, s) ? s->on_true : s->on_false;
    }
    return at == BOUND_TRUE;
}

// Apart from filter_eval, so that its 16 KiB of stack are taken only when fields must be located.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static bool
run_with_slices(const BoundFilter *bound, FilterEval *eval) {
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    Payload payload;
    payload_open(&payload, bound->type.schema, eval->record, slices);
    eval->payload = &payload;
    bool result = run(bound, eval);
    eval->payload = NULL;
    return result;
}

bool filter_eval(const BoundFilter *bound, const FilterInput *input, FilterCounters *counters) {
    if (!bound || bound->entry >= BOUND_FALSE)
        return !bound || bound->entry == BOUND_TRUE;
    FilterEval eval = {.type = &bound->type,
                       .subject = &bound->subject,
                       .record = input->record,
                       .input = input,
                       .payload = input->payload};
    bool result;
    if (bound->reads_payload && !input->payload) {
        if (bound->needs_slices) {
            result = run_with_slices(bound, &eval);
        } else {
            Payload payload;
            payload_open(&payload, bound->type.schema, input->record, NULL);
            eval.payload = &payload;
            result = run(bound, &eval);
        }
    } else {
        result = run(bound, &eval);
    }
    counters->evaluated++;
    counters->unjudged += eval.unjudged;
    counters->examined += eval.examined;
    return result;
}
