// Events for people: the provider's message with its values, the one-line summary, the short label.
#include "event/format.h"

#include <stdio.h>

#include "event/format_scalar.h"
#include "event/put.h"
#include "util/utf.h"

#define ELLIPSIS "\xe2\x80\xa6"
// A message may name a field any number of times; nobody reads beyond this.
#define MESSAGE_MOST 65536u
#define WIDTH_MOST   256u

// ---- Inserts: %1 … %99, %1!spec! with a printf specification (FormatMessage's language) ----

typedef struct Spec {
    bool left, zero, plus, sharp;
    uint32_t width;
    uint32_t precision; // UINT32_MAX: none
    char conversion;
} Spec;

static const char *number(const char *p, uint32_t *ret) {
    uint32_t n = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        n = MIN_OF(n * 10 + (uint32_t)(*p - '0'), 9999u);
    *ret = n;
    return p;
}

// p stands behind the first '!'. Returns the place behind the second, or NULL: this is no
// specification, the '!' belongs to the text.
static const char *parse_spec(const char *p, Spec *ret) {
    Spec s = {.precision = UINT32_MAX, .conversion = 's'};
    for (;; p++) {
        if (*p == '-')
            s.left = true;
        else if (*p == '0')
            s.zero = true;
        else if (*p == '+')
            s.plus = true;
        else if (*p == '#')
            s.sharp = true;
        else if (*p != ' ')
            break;
    }
    // '*' would take widths from other inserts: no event has been seen to do that; it means none.
    p = *p == '*' ? p + 1 : number(p, &s.width);
    if (*p == '.') {
        uint32_t n = 0;
        p = p[1] == '*' ? p + 2 : number(p + 1, &n);
        s.precision = n;
    }
    if (strncmp(p, "I64", 3) == 0 || strncmp(p, "I32", 3) == 0)
        p += 3;
    else
        while (*p == 'h' || *p == 'l' || *p == 'w' || *p == 'I' || *p == 'z' || *p == 'j')
            p++;
    if (*p == '\0' || strchr("sScCdiuxXpoeEfgG", *p) == NULL || p[1] != '!')
        return NULL;
    s.conversion = *p;
    s.width = MIN_OF(s.width, WIDTH_MOST);
    *ret = s;
    return p + 2;
}

static bool is_number(const Value *v) {
    return v->kind == VALUE_U64 || v->kind == VALUE_I64 || v->kind == VALUE_BOOL;
}

static uint64_t raw_bits(const Value *v) {
    return v->bytes > 0 && v->bytes < 8 ? v->u64 & ((UINT64_C(1) << (8 * v->bytes)) - 1) : v->u64;
}

// Puts `text` into out, padded to the width; zeros go behind sign and 0x.
static void put_padded(Buf *out, const Spec *s, const char *text, size_t bytes, size_t chars,
                       bool numeric) {
    size_t pad = s->width > chars ? s->width - chars : 0;
    bool zeros = numeric && s->zero && !s->left;
    if (zeros) {
        size_t head = bytes > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
        if (bytes > head + 1 && text[head] == '0' && (text[head + 1] | 0x20) == 'x')
            head += 2;
        buf_append(out, text, head);
        text += head;
        bytes -= head;
    }
    for (size_t i = 0; i < pad && !s->left; i++)
        buf_char(out, zeros ? '0' : ' ');
    buf_append(out, text, bytes);
    for (size_t i = 0; i < pad && s->left; i++)
        buf_char(out, ' ');
}

static void put_number(Buf *out, const Spec *s, const Value *v) {
    char local[80], *p = local;
    uint64_t raw = raw_bits(v);
    switch (s->conversion) {
    case 'x':
    case 'X':
    case 'p': {
        char hex[PUT_HEX];
        int digits = s->precision == UINT32_MAX ? 1 : (int)MIN_OF(s->precision, 16u);
        char *end = put_hex(hex, raw, digits);
        p = put_bytes(p, hex + (s->sharp ? 0 : 2), (size_t)(end - hex) - (s->sharp ? 0 : 2));
        if (s->conversion == 'x')
            for (char *c = local; c < p; c++)
                if (*c >= 'A' && *c <= 'F')
                    *c = (char)(*c + 32);
        break;
    }
    case 'o':
        p += snprintf(local, sizeof local, "%llo", (unsigned long long)raw);
        break;
    case 'u':
        p = put_decimal(p, raw);
        break;
    default: { // d, i: signed in the width of the value
        uint32_t shift = v->bytes > 0 && v->bytes < 8 ? 64 - 8 * v->bytes : 0;
        int64_t n = (int64_t)(raw << shift) >> shift;
        if (s->plus && n >= 0)
            *p++ = '+';
        p = put_signed(p, n);
        break;
    }
    }
    put_padded(out, s, local, (size_t)(p - local), (size_t)(p - local), true);
}

// Characters of UTF-8 text, at most `most`; *bytes becomes their length.
static size_t count_chars(const char *text, size_t *bytes, size_t most) {
    size_t n = 0, at = 0;
    while (at < *bytes && n < most) {
        at++;
        while (at < *bytes && ((uint8_t)text[at] & 0xc0) == 0x80)
            at++;
        n++;
    }
    *bytes = at;
    return n;
}

static void put_insert(Buf *out, Payload *p, const Value *v, const Spec *s) {
    if (!s) {
        value_text(out, p, v, 0);
        return;
    }
    // A number with a map or a form of its own (code, address) still means the number here: the
    // author of "%1!X!" asked for it.
    if (is_number(v) && strchr("diuxXpo", s->conversion)) {
        put_number(out, s, v);
        return;
    }
    if (v->kind == VALUE_DOUBLE && strchr("eEfgG", s->conversion)) {
        char local[400], format[8] = {'%', '.', '*', s->conversion, 0};
        int digits = s->precision == UINT32_MAX ? 6 : (int)MIN_OF(s->precision, 40u);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        int n = snprintf(local, sizeof local, format, digits, v->f64);
#pragma GCC diagnostic pop
        size_t bytes = n < 0 ? 0 : MIN_OF((size_t)n, sizeof local - 1);
        put_padded(out, s, local, bytes, bytes, true);
        return;
    }
    size_t mark = out->bytes;
    value_text(out, p, v, 0);
    if (out->failed || (s->width == 0 && s->precision == UINT32_MAX))
        return;
    size_t bytes = out->bytes - mark;
    size_t chars = count_chars((const char *)out->data + mark, &bytes, s->precision);
    put_done(out, (char *)out->data + mark + bytes);
    size_t pad = s->width > chars ? s->width - chars : 0;
    if (pad == 0 || !buf_reserve(out, pad))
        return;
    uint8_t *text = out->data + mark;
    if (!s->left)
        memmove(text + pad, text, bytes);
    memset(s->left ? text + bytes : text, ' ', pad);
    put_done(out, (char *)text + bytes + pad);
}

// ---- The message ----

// Writes what stands behind a '%'; returns the place to go on from, NULL at the message's end.
static const char *put_percent(Buf *out, Payload *p, const char *at) {
    if (*at >= '1' && *at <= '9') {
        const char *start = at;
        uint32_t index = (uint32_t)(*at++ - '0');
        if (*at >= '0' && *at <= '9')
            index = index * 10 + (uint32_t)(*at++ - '0');
        if (index > p->schema->n_top) { // names nothing: left as it stands
            buf_char(out, '%');
            buf_append(out, start, (size_t)(at - start));
            return at;
        }
        Spec spec;
        const char *behind = *at == '!' ? parse_spec(at + 1, &spec) : NULL;
        Value v = payload_value(p, (uint16_t)(index - 1));
        put_insert(out, p, &v, behind ? &spec : NULL);
        return behind ? behind : at;
    }
    switch (*at) {
    case '0':
        return NULL;
    case '\0':
        buf_char(out, '%');
        return at;
    case 'n':
        buf_char(out, '\n');
        break;
    case 'r':
        buf_char(out, '\r');
        break;
    case 't':
        buf_char(out, '\t');
        break;
    case 'b':
        buf_char(out, ' ');
        break;
    default: // %% %. %! %space and any other: the character itself
        buf_char(out, *at);
        break;
    }
    return at + 1;
}

bool event_message(Buf *out, const EventRecord *r, const Schema *schema) {
    if (!schema || !schema->message[0])
        return false;
    Payload p;
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    payload_open(&p, schema, r, slices);
    size_t start = out->bytes;
    for (const char *at = schema->message; at && *at;) {
        const char *percent = strchr(at, '%');
        buf_append(out, at, percent ? (size_t)(percent - at) : strlen(at));
        if (!percent)
            break;
        if (out->failed || out->bytes - start > MESSAGE_MOST) {
            BUF_LITERAL(out, ELLIPSIS);
            break;
        }
        at = put_percent(out, &p, percent + 1);
    }
    return true;
}

// ---- The summary ----

// One line: runs of white space and controls become one space, none at the ends. In place.
static void one_line(Buf *out, size_t mark) {
    if (out->bytes == mark)
        return;
    char *text = (char *)out->data;
    size_t to = mark;
    bool space = true;
    for (size_t from = mark; from < out->bytes; from++) {
        uint8_t c = (uint8_t)text[from];
        bool blank = c <= 0x20 || c == 0x7f;
        if (!blank)
            text[to++] = (char)c;
        else if (!space)
            text[to++] = ' ';
        space = blank;
    }
    if (to > mark && text[to - 1] == ' ')
        to--;
    put_done(out, text + to);
}

// Cuts what stands behind mark to max bytes, between characters, with an ellipsis inside the limit.
static void cut(Buf *out, size_t mark, size_t max) {
    if (out->bytes - mark <= max)
        return;
    size_t dots = sizeof ELLIPSIS - 1;
    size_t end = max >= dots ? max - dots : 0;
    while (end > 0 && (out->data[mark + end] & 0xc0) == 0x80)
        end--;
    put_done(out, (char *)out->data + mark + end);
    if (max >= dots)
        BUF_LITERAL(out, ELLIPSIS);
}

// Fields that tell what an event is about, the best first; compared without case.
static const char *const telling[] = {
    "ImageFileName", "ImageName",       "ProcessName",  "CommandLine",   "FileName",
    "OpenPath",      "FilePath",        "Path",         "KeyName",       "RelativeName",
    "ValueName",     "QueryName",       "QueryResults", "Url",           "daddr",
    "dport",         "saddr",           "sport",        "RemoteAddress", "RemotePort",
    "DestAddress",   "DestPort",        "ServiceName",  "TaskName",      "ObjectName",
    "TypeName",      "MethodNamespace", "MethodName",   "ModuleILPath",  "AssemblyName",
    "ScriptName",    "Operation",       "User",         "UserName",      "UserSID",
    "SessionName",   "ProviderName",    "NtStatus",     "Status",        "ErrorCode",
    "Error",         "Result",          "Reason",       "Message",
};

static uint32_t rank_of(const char *name) {
    for (uint32_t i = 0; i < ARRAY_COUNT(telling); i++)
        if ((name[0] | 0x20) == (telling[i][0] | 0x20) && fold_equal(name, telling[i]))
            return i;
    return UINT32_MAX;
}

static bool starts_with(const char *text, const char *head) {
    return strncmp(text, head, strlen(head)) == 0;
}

static bool is_padding(const char *name) {
    return starts_with(name, "Reserved") || starts_with(name, "Pad") || starts_with(name, "Spare");
}

// Does the field say something to a reader of one line?
static bool is_worth(const Value *v) {
    const SchemaField *f = v->field;
    if ((f->flags & (FIELD_NO_PRINT | FIELD_KERNEL_ADDRESS)) || f->out_type == OUT_NO_PRINT ||
        f->out_type == OUT_ETW_TIME)
        return false;
    switch (v->kind) {
    case VALUE_NONE:
    case VALUE_NULL:
        return false;
    case VALUE_U64:
    case VALUE_I64:
    case VALUE_BOOL:
        return f->in_type != IN_POINTER && !is_padding(f->name);
    case VALUE_UTF16:
    case VALUE_ANSI:
    case VALUE_UTF8:
        return v->bytes > 0;
    case VALUE_BINARY:
        return v->bytes > 0 && scalar_form(v, 0) != FORM_BYTES;
    case VALUE_GUID:
        return load_u64(v->data) != 0 || load_u64(v->data + 8) != 0;
    case VALUE_ARRAY:
        return v->n_elements > 0 && f->in_type != IN_POINTER;
    default:
        return true;
    }
}

static void summary_field(Buf *out, size_t mark, Payload *p, uint16_t i, size_t most) {
    Value v = payload_value(p, i);
    if (!is_worth(&v))
        return;
    if (out->bytes > mark)
        buf_char(out, ' ');
    if (p->schema->source != SCHEMA_STRING) {
        buf_text(out, v.field->name);
        buf_char(out, '=');
    }
    size_t start = out->bytes;
    value_text(out, p, &v, 0);
    if (out->failed)
        return;
    one_line(out, start);
    cut(out, start, most);
}

static void summary_fields(Buf *out, const EventRecord *r, const Schema *s, size_t max_bytes) {
    Payload p;
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    payload_open(&p, s, r, slices);
    size_t mark = out->bytes;
    uint16_t best[ARRAY_COUNT(telling)]; // field index + 1, by rank
    memset(best, 0, sizeof best);
    for (uint32_t i = 0; i < s->n_top; i++) {
        uint32_t rank = rank_of(s->fields[i].name);
        if (rank != UINT32_MAX && best[rank] == 0)
            best[rank] = (uint16_t)(i + 1);
    }
    for (uint32_t k = 0; k < ARRAY_COUNT(best) && out->bytes - mark <= max_bytes; k++)
        if (best[k] != 0)
            summary_field(out, mark, &p, (uint16_t)(best[k] - 1), SIZE_MAX);
    for (uint32_t i = 0; i < s->n_top && out->bytes - mark <= max_bytes && !out->failed; i++) {
        uint32_t rank = rank_of(s->fields[i].name);
        if (rank == UINT32_MAX || best[rank] != i + 1)
            summary_field(out, mark, &p, (uint16_t)i, s->source == SCHEMA_STRING ? SIZE_MAX : 96);
    }
}

void event_summary(Buf *out, const EventRecord *r, const Schema *schema, size_t max_bytes) {
    size_t mark = out->bytes;
    bool decodable = schema && schema->undecodable == DECODABLE && schema->source != SCHEMA_NONE;
    if (!decodable) {
        char local[PUT_DECIMAL];
        buf_append(out, local, (size_t)(put_decimal(local, r->payload_bytes) - local));
        buf_text(out, r->payload_bytes == 1 ? " byte (" : " bytes (");
        const char *why = undecodable_text(schema ? schema->undecodable : UNDECODABLE_NO_SCHEMA);
        buf_text(out, why[0] ? why : "nothing describes it");
        buf_text(out, r->payload_bytes > 0 ? ") " : ")");
        put_hex_bytes(out, r->payload, MIN_OF(r->payload_bytes, 32u));
        if (r->payload_bytes > 32)
            BUF_LITERAL(out, ELLIPSIS);
    } else if (schema->message[0]) {
        event_message(out, r, schema);
    } else {
        summary_fields(out, r, schema, max_bytes);
    }
    if (out->failed)
        return;
    one_line(out, mark);
    cut(out, mark, max_bytes);
}

// ---- The label ----

void event_label(Buf *out, const EventRecord *r, const Schema *schema) {
    const char *provider = schema ? schema->provider_name : "";
    const char *name = schema ? schema->event_name : "";
    // Kernel classes: the event's own name says it all ("FileIO/Create").
    if ((r->flags & EVENT_CLASSIC) && name[0]) {
        buf_text(out, name);
        return;
    }
    if (starts_with(provider, "Microsoft-Windows-"))
        provider += sizeof "Microsoft-Windows-" - 1;
    char local[PUT_GUID];
    if (provider[0]) {
        buf_text(out, provider);
    } else {
        put_guid(local, r->provider.b);
        buf_append(out, local + 1, PUT_GUID - 2);
    }
    buf_char(out, '/');
    if ((r->flags & EVENT_TRACELOGGING) && name[0]) {
        buf_text(out, name);
        return;
    }
    uint32_t id = (r->flags & EVENT_CLASSIC) ? r->desc.opcode : r->desc.id;
    buf_append(out, local, (size_t)(put_decimal(local, id) - local));
}
