// Which events tell of files, and where in them (etl-format H.3-H.5, H.9).
#include "enrich/files.h"

static const Guid file_io =
    GUID_INIT(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3);
static const Guid disk_io =
    GUID_INIT(0x3d6fa8d4, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid page_fault =
    GUID_INIT(0x3d6fa8d3, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
static const Guid image =
    GUID_INIT(0x2cb15d1d, 0x5fc1, 0x11d2, 0xab, 0xe1, 0, 0xa0, 0xc9, 0x11, 0xf5, 0x18);
static const Guid kernel_file =
    GUID_INIT(0xedd08927, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89);
static const Guid kernel_disk =
    GUID_INIT(0xc7bde69a, 0xe1e0, 0x4177, 0xb6, 0xef, 0x28, 0x3a, 0xd1, 0x52, 0x52, 0x71);
static const Guid kernel_process =
    GUID_INIT(0x22fb2cd6, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16);

static PayloadRef any_ref(const Schema *schema, const char *a, const char *b) {
    PayloadRef ref = payload_ref(schema, a);
    return ref.at32 < 0 && ref.at64 < 0 ? payload_ref(schema, b) : ref;
}

static bool is_there(const PayloadRef *ref) {
    return ref->at32 >= 0 || ref->at64 >= 0;
}

static uint8_t file_io_role(uint8_t opcode) {
    switch (opcode) {
    case 0:
    case 32:
        return FILE_NAME_OPEN;
    case 35:
        return FILE_NAME_CLOSE;
    case 36:
        return FILE_NAME_STATE;
    case 37:
    case 38:
    case 39:
    case 40:
        return FILE_DISK;
    case 64:
    case 78:
        return FILE_CREATE;
    case 66:
        return FILE_CLOSE;
    case 76:
        return FILE_END;
    case 79:
    case 80:
    case 81:
        return FILE_RENAME_PATH;
    default:
        if ((opcode >= 65 && opcode <= 77) || (opcode >= 82 && opcode <= 84))
            return FILE_OPERATION;
        return opcode >= 96 && opcode <= 101 ? FILE_DISK : FILE_NOTHING;
    }
}

static uint8_t kernel_file_role(uint16_t id) {
    switch (id) {
    case 10:
        return FILE_NAME_OPEN;
    case 11:
        return FILE_NAME_CLOSE;
    case 12:
    case 30:
        return FILE_CREATE;
    case 14:
        return FILE_CLOSE;
    case 24:
        return FILE_END;
    case 26:
    case 27:
    case 28:
        return FILE_RENAME_PATH;
    default:
        return id >= 13 && id <= 34 ? FILE_OPERATION : FILE_NOTHING;
    }
}

static void plan_operation(const Schema *schema, FilePlan *plan) {
    static const char *const names[] = {"OpenPath", "FilePath", "FileName", NULL};
    plan->irp = any_ref(schema, "IrpPtr", "Irp");
    plan->object = payload_ref(schema, "FileObject");
    plan->key = payload_ref(schema, "FileKey");
    if (plan->role == FILE_CREATE || plan->role == FILE_RENAME_PATH)
        plan->name = fact_field(schema, names); // elsewhere it is a pattern
    if (plan->role == FILE_END)
        plan->status = any_ref(schema, "NtStatus", "Status");
}

static void plan_name(const Schema *schema, FilePlan *plan) {
    static const char *const names[] = {"FileName", NULL};
    plan->key = any_ref(schema, "FileKey", "FileObject"); // the FileKey, whatever it is called
    plan->name = fact_field(schema, names);
    if (!is_there(&plan->key))
        plan->role = FILE_NOTHING;
}

static void plan_disk(const Schema *schema, FilePlan *plan, bool may_be_object) {
    plan->file_keyed = true;
    plan->key = any_ref(schema, "FileContext", "FileObject");
    if (may_be_object)
        plan->object = payload_ref(schema, "FileObject");
    plan->role = (uint8_t)(is_there(&plan->key) ? FILE_DISK : FILE_NOTHING);
}

static void plan_image(const Schema *schema, FilePlan *plan) {
    static const char *const names[] = {"FileName", "ImageFileName", "ImageName", NULL};
    plan->name = fact_field(schema, names);
    plan->role = (uint8_t)(plan->name >= 0 ? FILE_IMAGE : FILE_NOTHING);
}

static void plan_file(const Schema *schema, FilePlan *plan) {
    switch (plan->role) {
    case FILE_NOTHING:
        return;
    case FILE_NAME_OPEN:
    case FILE_NAME_CLOSE:
    case FILE_NAME_STATE:
        plan_name(schema, plan);
        return;
    case FILE_DISK:
        plan_disk(schema, plan, true);
        return;
    default:
        plan_operation(schema, plan);
    }
}

static void plan_classic(const Schema *schema, FilePlan *plan) {
    const Guid *class = &schema->provider;
    uint8_t opcode = schema->desc.opcode;
    if (guid_equal(class, &file_io)) {
        plan->role = file_io_role(opcode);
        plan_file(schema, plan);
        plan->new_name = opcode == 80;
        plan->own_name = opcode == 79;
    } else if (guid_equal(class, &disk_io)) {
        plan_disk(schema, plan, opcode == 34); // DrvMjFnCall
    } else if (guid_equal(class, &page_fault)) {
        if (opcode == 32 || opcode == 105)
            plan_disk(schema, plan, opcode == 105);
    } else if (guid_equal(class, &image)) {
        if (opcode == 10 || (opcode >= 2 && opcode <= 4))
            plan_image(schema, plan);
    }
}

static void plan_manifest(const Schema *schema, FilePlan *plan) {
    const Guid *provider = &schema->provider;
    uint16_t id = schema->desc.id;
    if (guid_equal(provider, &kernel_file)) {
        plan->role = kernel_file_role(id);
        plan->manifest = true;
        plan_file(schema, plan);
        plan->new_name = id == 27;
        plan->own_name = id == 26;
    } else if (guid_equal(provider, &kernel_disk)) {
        plan_disk(schema, plan, false);
    } else if (guid_equal(provider, &kernel_process)) {
        if (id == 1 || id == 5 || id == 6 ||
            id == 15) // ProcessStart, ImageLoad, ImageUnload, rundown
            plan_image(schema, plan);
    }
}

FilePlan files_plan(const Schema *schema) {
    FilePlan plan = {.irp = PAYLOAD_REF_NONE,
                     .object = PAYLOAD_REF_NONE,
                     .key = PAYLOAD_REF_NONE,
                     .status = PAYLOAD_REF_NONE,
                     .name = -1};
    if (schema->source == SCHEMA_NONE || schema->source == SCHEMA_TRACELOGGING)
        return plan;
    if (schema->event_flags & EVENT_CLASSIC)
        plan_classic(schema, &plan);
    else
        plan_manifest(schema, &plan);
    return plan;
}
