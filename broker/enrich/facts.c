#include "enrich/facts.h"

int16_t fact_field(const Schema *schema, const char *const *names) {
    for (; *names; names++) {
        int i = schema_field_index(schema, *names);
        if (i >= 0)
            return (int16_t)i;
    }
    return -1;
}

bool fact_value(const EventRecord *record, const Schema *schema, int16_t field, Value *ret) {
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    Payload payload;
    if (field < 0)
        return false;
    payload_open(&payload, schema, record, slices);
    *ret = payload_value(&payload, (uint16_t)field);
    return ret->kind != VALUE_NONE && ret->kind != VALUE_NULL;
}

bool fact_u64(const EventRecord *record, const Schema *schema, int16_t field, uint64_t *ret) {
    Value v;
    if (!fact_value(record, schema, field, &v) || (v.kind != VALUE_U64 && v.kind != VALUE_I64 &&
                                                   v.kind != VALUE_BOOL && v.kind != VALUE_TIME))
        return false;
    *ret = v.u64;
    return true;
}

Text *fact_value_text(const Value *value) {
    if (value->bytes == 0)
        return NULL;
    switch (value->kind) {
    case VALUE_UTF16:
        return text_from_utf16(value->data, value->bytes);
    case VALUE_UTF8:
        return text_new((const char *)value->data, value->bytes);
    case VALUE_ANSI: { // read as Latin-1, as everywhere
        Buf out = BUF_INIT;
        value_text(&out, NULL, value, 0);
        Text *text = out.failed || out.bytes == 0 ? NULL : text_new(buf_str(&out), out.bytes);
        buf_deinit(&out);
        return text;
    }
    default:
        return NULL;
    }
}

Text *fact_text(const EventRecord *record, const Schema *schema, int16_t field) {
    Value value;
    return fact_value(record, schema, field, &value) ? fact_value_text(&value) : NULL;
}
