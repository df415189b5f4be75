#include "schema/kernel_mof.h"

const MofClass *kernel_mof_class(const Guid *guid) {
    for (uint32_t i = 0; i < kernel_mof_n_classes; i++)
        if (guid_equal(&kernel_mof_classes[i].guid, guid))
            return &kernel_mof_classes[i];
    return NULL;
}

const MofEvent *kernel_mof_event(const MofClass *class, uint8_t opcode, uint8_t version) {
    const MofEvent *best = NULL;
    for (uint32_t i = 0; i < class->n_events; i++) {
        const MofEvent *e = &kernel_mof_events[class->first_event + i];
        if (e->opcode == opcode && e->version <= version && (!best || e->version > best->version))
            best = e;
    }
    return best;
}

static int compile(SchemaBuilder *b, const MofClass *class, const MofEvent *event) {
    Schema *s = b->schema;
    s->source = SCHEMA_MOF;
    s->event_flags = EVENT_CLASSIC;
    s->provider_name = class->provider;
    s->task_name = class->name;
    s->opcode_name = event->name;
    s->event_name = event->event_name;
    s->level_name = s->desc.level ? level_default_name(s->desc.level) : "";
    if (event->rundown)
        s->flags |= SCHEMA_RUNDOWN;
    for (uint32_t i = 0; i < event->n_fields; i++) {
        const MofField *m = &kernel_mof_fields[event->first_field + i];
        SchemaField *f;
        int r = builder_add(b, BUILDER_TOP, &f, NULL);
        if (r != 0)
            return r;
        *f = (SchemaField){.name = m->name,
                           .in_type = m->in_type,
                           .out_type = m->out_type,
                           .flags = m->flags,
                           .count_kind = m->count_kind,
                           .length_kind = m->length_kind,
                           .count = m->count,
                           .length = m->length};
    }
    return 0;
}

int kernel_mof_compile(const Guid *guid, const EventDescriptor *desc, Schema **ret) {
    const MofClass *class = kernel_mof_class(guid);
    const MofEvent *event = class ? kernel_mof_event(class, desc->opcode, desc->version) : NULL;
    if (!event)
        return BUILDER_BAD;
    SchemaBuilder b;
    int r = builder_init(&b);
    if (r < 0)
        return r;
    b.schema->provider = *guid;
    b.schema->desc = *desc;
    r = compile(&b, class, event);
    if (r == 0)
        r = builder_finish(&b, ret);
    builder_deinit(&b);
    return r;
}
