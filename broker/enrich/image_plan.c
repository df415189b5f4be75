// Which events tell of images, and where in them.
#include "enrich/images.h"

static const Guid image_class =
    GUID_INIT(0x2cb15d1d, 0x5fc1, 0x11d2, 0xab, 0xe1, 0x00, 0xa0, 0xc9, 0x11, 0xf5, 0x18);
static const Guid process_class =
    GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid image_id_class =
    GUID_INIT(0xb3e675d7, 0x2554, 0x4f18, 0x83, 0x0b, 0x27, 0x62, 0x73, 0x25, 0x60, 0xde);
static const Guid kernel_process =
    GUID_INIT(0x22fb2cd6, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16);

static uint8_t classic_role(const Guid *class, uint8_t opcode) {
    if (guid_equal(class, &image_class)) {
        switch (opcode) {
        case 10:
            return IMAGE_LOAD;
        case 2:
            return IMAGE_UNLOAD;
        case 3:
        case 4:
            return IMAGE_STATE;
        default:
            return IMAGE_NOTHING;
        }
    }
    if (guid_equal(class, &process_class))
        return opcode == 1 ? IMAGE_START : opcode == 2 ? IMAGE_EXIT : IMAGE_NOTHING;
    if (guid_equal(class, &image_id_class))
        return opcode == 0                    ? IMAGE_IDENTITY
               : opcode == 36 || opcode == 37 ? IMAGE_PDB
                                              : IMAGE_NOTHING;
    return IMAGE_NOTHING;
}

static uint8_t manifest_role(uint16_t id) {
    switch (id) {
    case 1:
        return IMAGE_START;
    case 2:
        return IMAGE_EXIT;
    case 5:
        return IMAGE_LOAD;
    case 6:
        return IMAGE_UNLOAD;
    default:
        return IMAGE_NOTHING;
    }
}

static PayloadRef ref_of(const Schema *schema, const char *name, const char *other) {
    PayloadRef ref = payload_ref(schema, name);
    return ref.bytes64 != 0 ? ref : payload_ref(schema, other);
}

ImagePlan images_plan(const Schema *schema) {
    static const char *const names[] = {"FileName", "ImageFileName", "ImageName", "PdbFileName",
                                        NULL};
    static const char *const guids[] = {"GuidSig", NULL};
    ImagePlan plan = {.role = IMAGE_NOTHING, .name = -1, .guid = -1};
    if (schema->source == SCHEMA_NONE)
        return plan;
    if (schema->event_flags & EVENT_CLASSIC)
        plan.role = classic_role(&schema->provider, schema->desc.opcode);
    else if (guid_equal(&schema->provider, &kernel_process))
        plan.role = manifest_role(schema->desc.id);
    plan.pid = payload_ref(schema, "ProcessId");
    plan.base = ref_of(schema, "ImageBase", "BaseAddress"); // v0
    plan.size = ref_of(schema, "ImageSize", "ModuleSize");
    plan.timestamp = payload_ref(schema, "TimeDateStamp");
    plan.checksum = payload_ref(schema, "ImageChecksum");
    plan.age = payload_ref(schema, "Age");
    plan.name = fact_field(schema, names);
    plan.guid = fact_field(schema, guids);
    plan.il = schema->desc.opcode == 37;
    return plan;
}
