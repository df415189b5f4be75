// Values as text: arrays as "[a, b]", structures as "{x: 1, y: 2}".
//
// Bounded: elements and members are paid from one budget for the whole value, names by their length,
// so that a hostile schema (counts times names) cannot make megabytes out of bytes.
#include "event/format_scalar.h"
#include "event/put.h"

typedef struct TextOut {
    Buf *out;
    Payload *p;
    uint32_t options;
    uint32_t budget;
} TextOut;

static void write_value(TextOut *t, const Value *v);

static bool pay(TextOut *t, const char *name) {
    uint32_t price = 1 + (name ? (uint32_t)(strlen(name) / 64) : 0);
    if (t->budget < price) {
        t->budget = 0;
        return false;
    }
    t->budget -= price;
    return true;
}

static void write_group(TextOut *t, const Value *v, bool is_struct) {
    ValueIter it;
    Value item;
    buf_char(t->out, is_struct ? '{' : '[');
    bool more = value_first(t->p, v, &it, &item);
    for (bool first = true; more; more = value_next(t->p, &it, &item), first = false) {
        const char *name = is_struct ? item.field->name : NULL;
        if (!first)
            BUF_LITERAL(t->out, ", ");
        if (!pay(t, name)) {
            BUF_LITERAL(t->out, "\xe2\x80\xa6");
            break;
        }
        if (name) {
            buf_text(t->out, name);
            BUF_LITERAL(t->out, ": ");
        }
        write_value(t, &item);
    }
    buf_char(t->out, is_struct ? '}' : ']');
}

static void write_value(TextOut *t, const Value *v) {
    ScalarForm form = scalar_form(v, t->options);
    if (form == FORM_STRUCT || form == FORM_ARRAY)
        write_group(t, v, form == FORM_STRUCT);
    else
        scalar_text(t->out, v, form);
}

void value_text(Buf *out, Payload *p, const Value *v, uint32_t options) {
    TextOut t = {out, p, options, PAYLOAD_BUDGET};
    write_value(&t, v);
}
