// enrich_is_feeder knows by the descriptor alone what the plans of the modules know by the schema.
#include <criterion/criterion.h>

#include "enrich/enrich.h"
#include "schema/kernel_mof.h"
#include "schema/store.h"

static SchemaStore *store;

static void begin(void) {
    cr_assert_eq(schema_store_new(&store), 0);
}

static void finish(void) {
    store = schema_store_free(store);
}

static bool any_learns(const EnrichPlan *p) {
    return p->volume.role != VOLUME_NOTHING || p->process.role != PROCESS_NOTHING ||
           p->image.role != IMAGE_NOTHING || p->stack.role != STACK_NOTHING ||
           (p->file.role != FILE_NOTHING && p->file.role != FILE_DISK &&
            p->file.role != FILE_IMAGE) ||
           (p->key.role >= KEY_KCB_OPEN && p->key.role <= KEY_KCB_STATE) ||
           p->key.role == KEY_MANIFEST_OPEN || p->key.role == KEY_MANIFEST_CLOSE ||
           (p->object.role != OBJECT_NOTHING && p->object.role != OBJECT_USE);
}

static EnrichPlan plan_of(const EventRecord *record) {
    Schema *schema;
    cr_assert_eq(schema_store_find(store, record, &schema), 0);
    EnrichPlan plan = enrich_plan(schema);
    cr_assert_eq(plan.feeder, enrich_is_feeder(record));
    schema_unref(schema);
    return plan;
}

Test(feeder, kernel_classes, .init = begin, .fini = finish, .timeout = 30) {
    uint32_t feeders = 0;
    for (uint32_t c = 0; c < kernel_mof_n_classes; c++) {
        for (uint32_t opcode = 0; opcode < 256; opcode++) {
            EventRecord r = {.provider = kernel_mof_classes[c].guid, .flags = EVENT_CLASSIC};
            r.desc.opcode = (uint8_t)opcode;
            bool learns = false;
            for (uint8_t version = 0; version < 7; version++) {
                r.desc.version = version;
                EnrichPlan plan = plan_of(&r);
                learns = any_learns(&plan) || learns;
            }
            bool feeder = enrich_is_feeder(&r);
            feeders += feeder;
            if (strcmp(kernel_mof_classes[c].name, "FileIo") == 0 && opcode > 82 && opcode < 85)
                continue; // newer than the table
            cr_assert_eq(feeder, learns, "%s/%u: feeder %d, learnt from %d",
                         kernel_mof_classes[c].name, opcode, feeder, learns);
        }
    }
    cr_assert(feeders > 50, "%u", feeders);
}

// All that a plan may ask for.
static const char fields[] =
    "<data name='ProcessID' inType='win:UInt32'/><data name='ThreadID' inType='win:UInt32'/>"
    "<data name='Irp' inType='win:Pointer'/><data name='FileObject' inType='win:Pointer'/>"
    "<data name='FileKey' inType='win:Pointer'/><data name='ImageBase' inType='win:Pointer'/>"
    "<data name='ImageSize' inType='win:Pointer'/><data name='BaseObject' inType='win:Pointer'/>"
    "<data name='KeyObject' inType='win:Pointer'/><data name='Status' inType='win:UInt32'/>"
    "<data name='ImageName' inType='win:UnicodeString'/>"
    "<data name='FileName' inType='win:UnicodeString'/>"
    "<data name='BaseName' inType='win:UnicodeString'/>"
    "<data name='RelativeName' inType='win:UnicodeString'/>"
    "<data name='KeyName' inType='win:UnicodeString'/>";

Test(feeder, manifests, .init = begin, .fini = finish, .timeout = 30) {
    static const struct {
        Guid guid;
        const char *text;
    } providers[] = {
        {GUID_INIT(0x22fb2cd6, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16),
         "{22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716}"},
        {GUID_INIT(0xedd08927, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89),
         "{edd08927-9cc4-4e65-b970-c2560fb5c289}"},
        {GUID_INIT(0x70eb4f03, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd),
         "{70eb4f03-c1de-4f73-a051-33d13d5413bd}"},
        {GUID_INIT(0x7dd42a49, 0x5329, 0x4832, 0x8d, 0xfd, 0x43, 0xd9, 0x79, 0x15, 0x3a, 0x88),
         "{7dd42a49-5329-4832-8dfd-43d979153a88}"}, // Kernel-Network
        {GUID_INIT(0xc7bde69a, 0xe1e0, 0x4177, 0xb6, 0xef, 0x28, 0x3a, 0xd1, 0x52, 0x52, 0x71),
         "{c7bde69a-e1e0-4177-b6ef-283ad1525271}"}, // Kernel-Disk
    };
    enum { IDS = 300 };
    for (uint32_t p = 0; p < ARRAY_COUNT(providers); p++) {
        Buf xml = BUF_INIT;
        Err err = ERR_INIT;
        buf_printf(&xml,
                   "<events xmlns:win='http://manifests.microsoft.com/win/2004/08/windows/events'>"
                   "<provider name='P%u' guid='%s'><events>",
                   p, providers[p].text);
        for (uint32_t id = 0; id < IDS; id++)
            buf_printf(&xml, "<event value='%u' version='0' template='T'/>", id);
        buf_printf(&xml,
                   "</events><templates><template tid='T'>%s</template></templates>"
                   "</provider></events>",
                   fields);
        cr_assert_eq(schema_store_xml(store, buf_str(&xml), xml.bytes, &err), 0, "%s", err.text);
        buf_deinit(&xml);
        for (uint32_t id = 0; id < IDS; id++) {
            EventRecord r = {.provider = providers[p].guid};
            r.desc.id = (uint16_t)id;
            EnrichPlan plan = plan_of(&r);
            bool learns = any_learns(&plan), feeder = enrich_is_feeder(&r);
            cr_assert_eq(feeder, learns, "%s %u: feeder %d, learnt from %d", providers[p].text, id,
                         feeder, learns);
        }
    }
}

// Its stack is in events of other types, whatever its own type is.
Test(feeder, linked_items, .init = begin, .fini = finish) {
    uint8_t key[24] = {24, 0, EVENT_ITEM_STACK_KEY64, 0, 0, 0, 16, 0};
    uint8_t match[24] = {24, 0, EVENT_ITEM_STACK64, 0, 0, 0, 16, 0, 1};
    key[16] = match[16] = 77;
    uint8_t sid[24] = {24, 0, EVENT_ITEM_SID, 0, 0, 0, 12, 0, 1, 1, 0, 0, 0, 0, 0, 5, 18};
    static const Guid other =
        GUID_INIT(0x51c3a7e2u, 0x0d4b, 0x4f0a, 0x9b, 0x3c, 0x2e, 0x77, 0x15, 0xd0, 0x6a, 0x84);
    static const Guid registry =
        GUID_INIT(0x70eb4f03, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd);
    for (int i = 0; i < 2; i++) {
        EventRecord r = {.provider = i ? registry : other, .desc.id = 5};
        EnrichPlan plan = plan_of(&r);
        cr_assert(!enrich_is_feeder(&r) && !enrich_learns_from(&plan, &r));
        r.ext = sid;
        r.ext_bytes = sizeof sid;
        cr_assert(!enrich_is_feeder(&r) && !enrich_learns_from(&plan, &r));
        r.ext = key;
        r.ext_bytes = sizeof key;
        cr_assert(enrich_is_feeder(&r) && enrich_learns_from(&plan, &r), "key, %d", i);
        r.ext = match;
        cr_assert(enrich_is_feeder(&r) && enrich_learns_from(&plan, &r), "match, %d", i);
        // The CLR's are feeders anyway; a class with opcodes that are none.
        r.provider = kernel_mof_classes[0].guid;
        r.flags = EVENT_CLASSIC;
        r.desc.opcode = 250;
        cr_assert(enrich_is_feeder(&r), "classic");
    }
}
