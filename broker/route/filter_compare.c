// One comparison of a filter: takes the value out of header, enrichment or payload and compares it
// with the literals, without allocating. Texts are compared character by character as they stand.
#include "event/codes.h"
#include "event/format.h"
#include "route/filter_bind.h"
#include "util/utf.h"

// Formatted values (times, codes, addresses under -like) are judged by their first bytes.
#define SCRATCH_BYTES 1024u

typedef enum Outcome { OUTCOME_NO = 0, OUTCOME_YES, OUTCOME_INCOMPARABLE } Outcome;

// --- characters of a value, whatever its encoding ---

typedef struct TextIter {
    const uint8_t *p, *end;
    uint8_t kind; // VALUE_UTF16, VALUE_ANSI or VALUE_UTF8
} TextIter;

static TextIter text_iter(uint8_t kind, const void *data, uint32_t bytes) {
    if (kind == VALUE_BINARY)
        kind = VALUE_UTF16;
    if (kind == VALUE_UTF16)
        bytes &= ~1u;
    const uint8_t *p = data;
    return (TextIter){p, bytes ? p + bytes : p, kind};
}

static inline bool next_folded(TextIter *it, uint32_t *ret) {
    if (it->p == it->end)
        return false;
    uint32_t cp;
    if (it->kind == VALUE_UTF16) {
        cp = load_u16(it->p);
        it->p += 2;
        if ((cp & 0xfc00) == 0xd800 && it->p != it->end) {
            uint32_t low = load_u16(it->p);
            if ((low & 0xfc00) == 0xdc00) {
                cp = 0x10000 + ((cp & 0x3ff) << 10) + (low & 0x3ff);
                it->p += 2;
            }
        }
    } else if (it->kind == VALUE_ANSI) {
        cp = *it->p++;
    } else {
        it->p += utf8_next((const char *)it->p, (const char *)it->end, &cp);
    }
    *ret = cp < 128 ? (cp - 'A' < 26u ? cp + 32 : cp) : fold_char(cp);
    return true;
}

static bool text_equal(FilterEval *e, uint8_t kind, const void *data, uint32_t bytes,
                       const Literal *l) {
    // Simple folding keeps the number of units, so lengths decide most comparisons.
    if (kind == VALUE_UTF16 && bytes / 2 != l->n_units)
        return false;
    if (kind == VALUE_ANSI && bytes != l->n_folded)
        return false;
    TextIter it = text_iter(kind, data, bytes);
    const uint8_t *start = it.p;
    uint32_t cp, n = 0;
    while (next_folded(&it, &cp) && n < l->n_folded && cp == l->folded[n])
        n++;
    e->examined += (uint64_t)(it.p - start);
    return n == l->n_folded && it.p == it.end;
}

static int text_order(FilterEval *e, uint8_t kind, const void *data, uint32_t bytes,
                      const Literal *l) {
    TextIter it = text_iter(kind, data, bytes);
    const uint8_t *start = it.p;
    uint32_t cp;
    int order = 0;
    for (uint32_t n = 0;; n++) {
        bool more = next_folded(&it, &cp);
        if (!more || n == l->n_folded) {
            order = more ? 1 : n < l->n_folded ? -1 : 0;
            break;
        }
        if (cp != l->folded[n]) {
            order = cp < l->folded[n] ? -1 : 1;
            break;
        }
    }
    e->examined += (uint64_t)(it.p - start);
    return order;
}

static bool text_like(FilterEval *e, uint8_t kind, const void *data, uint32_t bytes,
                      const Like *like) {
    TextIter it = text_iter(kind, data, bytes);
    if (like->suffix_units != 0 &&
        it.kind != VALUE_UTF8) { // the commonest form: look at the end only
        size_t tail = (size_t)like->suffix_units * (it.kind == VALUE_UTF16 ? 2 : 1);
        if ((size_t)(it.end - it.p) < tail)
            return false;
        it.p = it.end - tail;
    }
    const uint8_t *start = it.p;
    LikeState state;
    like_start(&state, like);
    uint32_t cp;
    while (next_folded(&it, &cp) && like_step(&state, cp)) {
    }
    e->examined += (uint64_t)(it.p - start);
    return like_end(&state);
}

static bool is_text(uint8_t kind) {
    return kind == VALUE_UTF16 || kind == VALUE_ANSI || kind == VALUE_UTF8;
}

// The value as text, in caller's scratch.
static uint32_t formatted(FilterEval *e, const Value *v, uint32_t options, char *scratch) {
    // The limit lies below the capacity: the buffer never grows, so nothing is allocated.
    Buf out = {(uint8_t *)scratch, 0, SCRATCH_BYTES, SCRATCH_BYTES - 1, false};
    Payload none = {0};
    static const SchemaField plain[] = {
        [VALUE_I64] = {.name = "", .in_type = IN_I64},
        [VALUE_U64] = {.name = "", .in_type = IN_U64},
        [VALUE_BOOL] = {.name = "", .in_type = IN_BOOL32},
        [VALUE_DOUBLE] = {.name = "", .in_type = IN_DOUBLE},
        [VALUE_GUID] = {.name = "", .in_type = IN_GUID},
        [VALUE_SID] = {.name = "", .in_type = IN_SID},
        [VALUE_TIME] = {.name = "", .in_type = IN_FILETIME},
    };
    Value typed = *v;
    if (!typed.field) { // from the header or the resolver
        if (typed.kind >= ARRAY_COUNT(plain) || !plain[typed.kind].name)
            return 0;
        typed.field = &plain[typed.kind];
    }
    value_text(&out, e->payload ? e->payload : &none, &typed, options);
    e->examined += out.bytes;
    return (uint32_t)out.bytes;
}

// --- numbers ---

static int compare_magnitude(bool a_negative, uint64_t a, const Literal *l) {
    if (a_negative != l->negative)
        return a_negative ? -1 : 1;
    if (a == l->magnitude)
        return 0;
    return (a < l->magnitude) != a_negative ? -1 : 1;
}

static bool integer_of(const Value *v, bool *ret_negative, uint64_t *ret) {
    *ret_negative = v->kind == VALUE_I64 && v->i64 < 0;
    *ret = *ret_negative ? 0 - v->u64 : v->u64;
    return v->kind == VALUE_I64 || v->kind == VALUE_U64 || v->kind == VALUE_BOOL;
}

static bool same_bits(const Value *v, const Literal *l) {
    if (!l->hex || v->kind != VALUE_I64 || v->i64 >= 0)
        return false;
    return l->magnitude == v->u64 ||
           (v->i64 >= INT32_MIN && l->magnitude == (uint32_t)(v->u64 & UINT32_MAX));
}

// --- equality ---

static bool sockaddr_equal(const Value *v, const Literal *l) {
    if (v->bytes >= 8 && load_u16(v->data) == 2) // AF_INET: port 2..4, address 4..8
        return l->has_ip4 && memcmp(v->data + 4, l->ip4, 4) == 0;
    if (v->bytes >= 24 && load_u16(v->data) == 23) // AF_INET6: flow 4..8, address 8..24
        return l->has_ip6 && memcmp(v->data + 8, l->ip6, 16) == 0;
    return false;
}

static bool formatted_equal(FilterEval *e, const Value *v, const Literal *l) {
    char scratch[SCRATCH_BYTES];
    uint32_t n = formatted(e, v, 0, scratch);
    return text_equal(e, VALUE_UTF8, scratch, n, l);
}

// STATUS_ACCESS_DENIED alone is equal too: nobody writes "0xC0000022 (STATUS_ACCESS_DENIED)".
static bool code_named(FilterEval *e, uint16_t out_type, uint32_t code, const Literal *l) {
    const char *name = out_type == OUT_NTSTATUS      ? code_ntstatus_name(code)
                       : out_type == OUT_WIN32_ERROR ? code_win32_name(code)
                       : out_type == OUT_HRESULT     ? code_hresult_name(code)
                                                     : NULL;
    return name && text_equal(e, VALUE_UTF8, name, (uint32_t)strlen(name), l);
}

static bool integer_equal(FilterEval *e, const Value *v, const Literal *l) {
    bool negative;
    uint64_t magnitude;
    integer_of(v, &negative, &magnitude);
    e->examined += 8;
    if (l->has_int) {
        if (compare_magnitude(negative, magnitude, l) == 0 || same_bits(v, l))
            return true;
    } else if (l->has_float) {
        return (negative ? -(double)magnitude : (double)magnitude) == l->number;
    }
    uint16_t out_type = v->field ? v->field->out_type : OUT_DEFAULT;
    if (out_type == OUT_IPV4 && l->has_ip4)
        return (uint32_t)v->u64 == load_u32(l->ip4);
    if (l->kind != LITERAL_TEXT || !v->field)
        return false;
    if (!l->has_int && code_named(e, out_type, (uint32_t)v->u64, l))
        return true;
    // A mapped value is its text too; so is one with a format of its own (codes, times).
    if (v->field->map || (out_type != OUT_DEFAULT && !l->has_int))
        return formatted_equal(e, v, l);
    return false;
}

static int hex_value(uint32_t cp) {
    return cp - '0' < 10u ? (int)(cp - '0') : cp - 'a' < 6u ? (int)(cp - 'a') + 10 : -1;
}

static bool binary_equal(FilterEval *e, const Value *v, const Literal *l) {
    uint16_t out_type = v->field ? v->field->out_type : OUT_DEFAULT;
    if (out_type == OUT_IPV6 && v->bytes == 16 && l->has_ip6)
        return memcmp(v->data, l->ip6, 16) == 0;
    if (out_type == OUT_SOCKADDR)
        return l->has_ip4 || l->has_ip6 ? sockaddr_equal(v, l) : formatted_equal(e, v, l);
    if (l->n_folded == 2 * v->bytes && v->bytes != 0) { // as hexadecimal text
        uint32_t i = 0;
        while (i < v->bytes && hex_value(l->folded[2 * i]) >= 0 &&
               hex_value(l->folded[2 * i + 1]) >= 0 &&
               (hex_value(l->folded[2 * i]) << 4 | hex_value(l->folded[2 * i + 1])) == v->data[i])
            i++;
        e->examined += i;
        if (i == v->bytes)
            return true;
    }
    uint32_t bytes = v->bytes & ~1u; // as UTF-16 text, without the NULs at its end
    while (bytes >= 2 && load_u16(v->data + bytes - 2) == 0)
        bytes -= 2;
    return text_equal(e, VALUE_UTF16, v->data, bytes, l);
}

static bool value_equal(FilterEval *e, const Value *v, const Literal *l) {
    if (l->kind == LITERAL_NULL)
        return false; // the value is there
    switch (v->kind) {
    case VALUE_I64:
    case VALUE_U64:
        return integer_equal(e, v, l);
    case VALUE_BOOL:
        e->examined += 1;
        if (l->has_bool)
            return (v->u64 != 0) == l->boolean;
        return integer_equal(e, v, l);
    case VALUE_DOUBLE:
        e->examined += 8;
        return l->has_float && v->f64 == l->number;
    case VALUE_UTF16:
    case VALUE_ANSI:
    case VALUE_UTF8:
        return text_equal(e, v->kind, v->data, v->bytes, l);
    case VALUE_BINARY:
        return binary_equal(e, v, l);
    case VALUE_GUID:
        e->examined += 16;
        return l->has_guid && memcmp(v->data, l->guid.b, 16) == 0;
    case VALUE_SID:
        e->examined += v->bytes;
        return l->sid_bytes != 0 && v->bytes == l->sid_bytes &&
               memcmp(v->data, l->sid, v->bytes) == 0;
    case VALUE_TIME:
        e->examined += 8;
        if (l->has_time)
            return v->i64 == l->time;
        if (l->has_int)
            return compare_magnitude(v->i64 < 0, v->i64 < 0 ? 0 - v->u64 : v->u64, l) == 0;
        return formatted_equal(e, v, l);
    default:
        return formatted_equal(e, v, l);
    }
}

// --- order ---

static Outcome order_outcome(uint8_t op, int order) {
    bool yes = op == OP_LT   ? order < 0
               : op == OP_LE ? order <= 0
               : op == OP_GT ? order > 0
                             : order >= 0;
    return yes ? OUTCOME_YES : OUTCOME_NO;
}

static Outcome value_order(FilterEval *e, const Value *v, uint8_t op, const Literal *l) {
    bool negative;
    uint64_t magnitude;
    e->examined += 8;
    if (is_text(v->kind))
        return l->kind == LITERAL_NULL
                   ? OUTCOME_INCOMPARABLE
                   : order_outcome(op, text_order(e, v->kind, v->data, v->bytes, l));
    if (v->kind == VALUE_TIME && l->has_time)
        return order_outcome(op, v->i64 < l->time ? -1 : v->i64 > l->time);
    if (integer_of(v, &negative, &magnitude) || v->kind == VALUE_TIME) {
        if (v->kind == VALUE_TIME) {
            negative = v->i64 < 0;
            magnitude = negative ? 0 - v->u64 : v->u64;
        }
        if (l->has_int)
            return order_outcome(op, compare_magnitude(negative, magnitude, l));
        if (!l->has_float)
            return OUTCOME_INCOMPARABLE;
        double d = negative ? -(double)magnitude : (double)magnitude;
        return order_outcome(op, d < l->number ? -1 : d > l->number);
    }
    if (v->kind == VALUE_DOUBLE && l->has_float && v->f64 == v->f64)
        return order_outcome(op, v->f64 < l->number ? -1 : v->f64 > l->number);
    return OUTCOME_INCOMPARABLE;
}

static bool value_like(FilterEval *e, const Value *v, const Like *like) {
    if (is_text(v->kind) ||
        (v->kind == VALUE_BINARY &&
         (!v->field || (v->field->out_type != OUT_IPV6 && v->field->out_type != OUT_SOCKADDR))))
        return text_like(e, v->kind, v->data, v->bytes, like);
    char scratch[SCRATCH_BYTES];
    uint32_t n = formatted(e, v, 0, scratch);
    if (text_like(e, VALUE_UTF8, scratch, n, like))
        return true;
    if (!v->field || !v->field->map)
        return false;
    n = formatted(e, v, FORMAT_NO_MAPS, scratch);
    return text_like(e, VALUE_UTF8, scratch, n, like);
}

static Outcome compare_one(FilterEval *e, const Value *v, const FilterPredicate *p) {
    if (v->kind == VALUE_NONE || v->kind == VALUE_NULL)
        return OUTCOME_INCOMPARABLE;
    switch (p->op) {
    case OP_EQ:
        for (uint32_t i = 0; i < p->n_literals; i++)
            if (value_equal(e, v, &p->literals[i]))
                return OUTCOME_YES;
        return OUTCOME_NO;
    case OP_LIKE:
        return value_like(e, v, p->like) ? OUTCOME_YES : OUTCOME_NO;
    default:
        return value_order(e, v, p->op, &p->literals[0]);
    }
}

// --- getting values ---

static Value text_value(const char *text) {
    return (Value){
        .kind = VALUE_UTF8, .data = (const uint8_t *)text, .bytes = (uint32_t)strlen(text)};
}

static Value number_value(uint64_t n) {
    return (Value){.kind = VALUE_U64, .u64 = n};
}

static bool payload_path(const FilterEval *e, const BoundStep *step, Value *ret) {
    if (!e->payload || step->n_path == 0)
        return false;
    Value v = payload_value(e->payload, step->path[0]);
    for (uint8_t i = 1; i < step->n_path; i++) {
        if (v.kind != VALUE_STRUCT)
            return false;
        v = value_member(e->payload, &v, step->path[i]);
    }
    *ret = v;
    return v.kind != VALUE_NONE && v.kind != VALUE_NULL;
}

// The effective ids, not those of the header.
static Subject subject_of(const FilterEval *e) {
    Subject subject;
    if (e->input && e->input->subject)
        return *e->input->subject;
    subject_read(e->subject, e->record, &subject);
    return subject;
}

static bool id_value(uint32_t id, Value *ret) {
    *ret = number_value(id);
    return id != UINT32_MAX;
}

static const char *first_of(const char *a, const char *b) {
    return *a ? a : b;
}

// The value of a header field, and the text that it also goes by ("" for none).
static bool header_value(const FilterEval *e, const BoundStep *step, Value *ret,
                         const char **ret_text) {
    const EventRecord *r = e->record;
    const Schema *s = e->type->schema;
    EventItem item;
    switch ((HeaderField)step->predicate->header) {
    case HEADER_EVENT_ID:
        if ((r->flags & EVENT_CLASSIC) && !(r->flags & EVENT_WPP))
            return false;
        *ret = number_value(r->desc.id);
        return true;
    case HEADER_VERSION:
        *ret = number_value(r->desc.version);
        return true;
    case HEADER_CHANNEL:
        *ret = number_value(r->desc.channel);
        *ret_text = s->channel_name;
        return true;
    case HEADER_LEVEL:
        *ret = number_value(r->desc.level);
        *ret_text = first_of(s->level_name, level_default_name(r->desc.level));
        return true;
    case HEADER_OPCODE:
        *ret = number_value(r->desc.opcode);
        *ret_text = first_of(s->opcode_name, opcode_default_name(r->desc.opcode));
        return true;
    case HEADER_TASK:
        *ret = number_value(r->desc.task);
        *ret_text = s->task_name;
        return true;
    case HEADER_KEYWORD:
        *ret = number_value(r->desc.keyword);
        *ret_text = s->keyword_names;
        return true;
    case HEADER_PROVIDER_NAME:
        *ret = text_value(s->provider_name);
        return *s->provider_name != 0;
    case HEADER_PROVIDER_ID:
        *ret = (Value){.kind = VALUE_GUID, .data = r->provider.b, .bytes = 16};
        return true;
    case HEADER_EVENT_NAME:
        *ret = text_value(s->event_name);
        return *s->event_name != 0;
    case HEADER_PROCESS_ID:
        return id_value(subject_of(e).pid, ret);
    case HEADER_THREAD_ID:
        return id_value(subject_of(e).tid, ret);
    case HEADER_PROCESSOR:
        *ret = number_value(r->cpu);
        return true;
    case HEADER_TIME:
        *ret = (Value){.kind = VALUE_TIME, .i64 = r->time};
        return true;
    case HEADER_ACTIVITY_ID:
        *ret = (Value){.kind = VALUE_GUID, .data = r->activity.b, .bytes = 16};
        return !guid_is_null(&r->activity);
    case HEADER_RELATED_ACTIVITY_ID:
        if (!event_item_find(r, EVENT_ITEM_RELATED_ACTIVITY, &item) || item.bytes != 16)
            return false;
        *ret = (Value){.kind = VALUE_GUID, .data = item.data, .bytes = 16};
        return true;
    default:
        return false;
    }
}

static bool value_of_enriched(const FilterEval *e, const BoundStep *step, Value *ret) {
    EnrichedField field = (EnrichedField)step->predicate->enriched;
    if (e->input && e->input->resolve &&
        e->input->resolve(e->input->resolve_user, e->record, field, ret))
        return ret->kind != VALUE_NONE && ret->kind != VALUE_NULL;
    if (payload_path(e, step, ret))
        return true;
    EventItem item;
    if (field == ENRICHED_USER_SID && event_item_find(e->record, EVENT_ITEM_SID, &item)) {
        *ret = (Value){.kind = VALUE_SID, .data = item.data, .bytes = item.bytes};
        return true;
    }
    if (field == ENRICHED_SESSION_ID && event_item_find(e->record, EVENT_ITEM_SESSION_ID, &item) &&
        item.bytes >= 4) {
        *ret = number_value(load_u32(item.data));
        return true;
    }
    return false;
}

// --- the step ---

static bool truth(const FilterEval *e, const Value *v) {
    switch (v->kind) {
    case VALUE_I64:
    case VALUE_U64:
    case VALUE_BOOL:
        return v->u64 != 0;
    case VALUE_DOUBLE:
        return v->f64 != 0;
    case VALUE_UTF16:
    case VALUE_ANSI:
    case VALUE_UTF8:
    case VALUE_BINARY:
        return v->bytes != 0;
    case VALUE_ARRAY: {
        if (v->n_elements != 1)
            return v->n_elements > 1;
        Value element;
        ValueIter it;
        return e->payload && value_first(e->payload, v, &it, &element) &&
               element.kind != VALUE_ARRAY && truth(e, &element);
    }
    default:
        return v->kind != VALUE_NONE && v->kind != VALUE_NULL;
    }
}

static bool null_listed(const FilterPredicate *p) {
    for (uint32_t i = 0; i < p->n_literals; i++)
        if (p->literals[i].kind == LITERAL_NULL)
            return true;
    return false;
}

// Each name of "A, B, C".
static bool any_name(FilterEval *e, const char *names, const FilterPredicate *p) {
    while (*names) {
        const char *end = strstr(names, ", ");
        size_t n = end ? (size_t)(end - names) : strlen(names);
        Value v = {.kind = VALUE_UTF8, .data = (const uint8_t *)names, .bytes = (uint32_t)n};
        if (compare_one(e, &v, p) == OUTCOME_YES)
            return true;
        names += n + (end ? 2 : 0);
    }
    return false;
}

static bool compare_array(FilterEval *e, const Value *array, const FilterPredicate *p) {
    Value element;
    ValueIter it;
    bool each = p->negate == NEGATE_EACH;
    bool found = false;
    for (bool more = value_first(e->payload, array, &it, &element); more && !found;
         more = value_next(e->payload, &it, &element))
        found = (compare_one(e, &element, p) == OUTCOME_YES) != each;
    return found != (p->negate == NEGATE_ALL);
}

bool filter_compare_step(FilterEval *e, const BoundStep *step) {
    const FilterPredicate *p = step->predicate;
    Value v = {0};
    const char *text = "";
    bool there = false;
    switch (step->source) {
    case BOUND_HEADER:
        there = header_value(e, step, &v, &text);
        break;
    case BOUND_ENRICHED:
        there = value_of_enriched(e, step, &v);
        break;
    case BOUND_PAYLOAD:
        there = payload_path(e, step, &v);
        break;
    default:
        break;
    }
    if (p->op == OP_TRUTH)
        return there && truth(e, &v);
    if (!there) {
        if (p->op == OP_EQ && null_listed(p))
            return p->negate == NEGATE_NO;
        e->unjudged = true;
        return p->negate != NEGATE_NO;
    }
    if (v.kind == VALUE_ARRAY && e->payload)
        return compare_array(e, &v, p);
    Outcome outcome = compare_one(e, &v, p);
    if (outcome != OUTCOME_YES && *text && (p->op == OP_EQ || p->op == OP_LIKE) &&
        any_name(e, text, p))
        outcome = OUTCOME_YES;
    if (outcome == OUTCOME_INCOMPARABLE)
        e->unjudged = true;
    return (outcome == OUTCOME_YES) != (p->negate != NEGATE_NO);
}
