#include "event/subject.h"

static uint8_t width_of(const SchemaField *field, uint8_t pointer_size) {
    switch (field->in_type) {
    case IN_I8:
    case IN_U8:
        return 1;
    case IN_I16:
    case IN_U16:
        return 2;
    case IN_I32:
    case IN_U32:
    case IN_HEX32:
    case IN_BOOL32:
        return 4;
    case IN_I64:
    case IN_U64:
    case IN_HEX64:
    case IN_FILETIME:
        return 8;
    case IN_POINTER:
    case IN_SIZET:
        return pointer_size;
    default:
        return 0;
    }
}

PayloadRef payload_ref(const Schema *schema, const char *name) {
    PayloadRef ref = PAYLOAD_REF_NONE;
    int i = schema_field_index(schema, name);
    if (i < 0)
        return ref;
    const SchemaField *field = &schema->fields[i];
    if (field->count_kind != EXTENT_ONE)
        return ref;
    ref.bytes32 = width_of(field, 4);
    ref.bytes64 = width_of(field, 8);
    if (ref.bytes32 == 0)
        return (PayloadRef)PAYLOAD_REF_NONE;
    if (field->offset32 >= 0 && field->offset32 <= INT16_MAX)
        ref.at32 = (int16_t)field->offset32;
    if (field->offset64 >= 0 && field->offset64 <= INT16_MAX)
        ref.at64 = (int16_t)field->offset64;
    return ref;
}
