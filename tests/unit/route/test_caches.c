// What "(caches)" asks for, for whom, and that it is told and taken back exactly.
#include <criterion/criterion.h>

#include "enrich/enrich.h"
#include "make.h"
#include "route/caches.h"
#include "util/mem.h"

#define REGISTRY "{70eb4f03-c1de-4f73-a051-33d13d5413bd}"

static CachesNeed need_of(const char *json) {
    CachesNeed need = {0, 0};
    Spec *spec = spec_of(json, NULL, NULL);
    caches_need(&need, spec);
    spec_unref(spec);
    return need;
}

static void kernel_is(const char *json, const char *names) {
    CachesNeed need = need_of(json);
    Buf text = BUF_INIT;
    for (uint32_t i = 0; i < kernel_type_count(); i++)
        if (need.kernel & KERNEL_BIT(i)) {
            buf_printf(&text, text.bytes ? ",%s" : "%s", kernel_type(i)->name);
            cr_assert_neq(*caches_kernel_reason(i), 0, "%s has a reason", kernel_type(i)->name);
        }
    cr_assert_str_eq(buf_str(&text), names, "%s", json);
    buf_deinit(&text);
}

Test(caches, kernel_types_by_what_is_wanted) {
    kernel_is("{'wants':[{'provider':'DNS-Client'}],'enrich':'none'}", "");
    kernel_is("{'wants':[{'provider':'DNS-Client'}]}", "Process");
    kernel_is("{'wants':[{}]}", "Process");
    kernel_is("{'wants':[{'kernel':['Process','Image','Network','Registry']}]}", "Process");
    kernel_is("{'wants':[{'kernel':'DiskIO'}]}", "Process,Thread,FileName");
    kernel_is("{'wants':[{'kernel':'Driver'}]}", "Process,Thread,FileName");
    kernel_is("{'wants':[{'kernel':'SplitIO'}]}", "Process,Thread");
    kernel_is("{'wants':[{'kernel':'CSwitch'}]}", "Process,Thread");
    kernel_is("{'wants':[{'kernel':'MapFile'}]}", "Process,FileName");
    kernel_is("{'wants':[{'kernel':'*'}]}", "Process,Thread,FileName");
    // A class by its GUID is the types that have it.
    kernel_is("{'wants':[{'provider':'{3d6fa8d4-fe05-11d0-9dda-00c04fd7ba7c}'}]}",
              "Process,Thread,FileName");
    kernel_is("{'wants':[{'kernel':'Network'}],'stacks':['Network']}", "Process,Thread,Image");
    kernel_is("{'wants':[{'provider':'DNS-Client'}],'stacks':['*']}", "Process,Thread,Image");
    kernel_is("{'wants':[{'provider':'DNS-Client','filter':'ServiceName -eq Dnscache'}]}",
              "Process,Thread");
    kernel_is("{'wants':[{'provider':'DNS-Client'}],'enrich':'all'}", "Process,Thread");
}

static void providers_are(const char *json, uint32_t bits) {
    cr_assert_eq(need_of(json).providers, bits, "%s", json);
}

Test(caches, providers_only_for_what_their_watchers_leave_out) {
    providers_are("{'wants':[{'provider':'Kernel-File','any':'0x200'}]}", 1);
    providers_are("{'wants':[{'provider':'Kernel-File','any':'0x210'}]}", 1);
    providers_are("{'wants':[{'provider':'Kernel-File','any':'0x290'}]}", 0);
    providers_are("{'wants':[{'provider':'Kernel-File','any':'0x90'}]}", 0);
    providers_are("{'wants':[{'provider':'Kernel-File'}]}", 0);
    providers_are("{'wants':[{'provider':'Kernel-File','any':'0x290','all':'0x200'}]}", 1);
    providers_are("{'wants':[{'provider':'Kernel-File','level':3}]}", 1);
    providers_are("{'wants':[{'provider':'Kernel-File','level':4}]}", 0);
    providers_are("{'wants':[{'provider':'Kernel-File','event_ids':[15]}]}", 1);
    providers_are("{'wants':[{'provider':'Kernel-File','event_ids':[10,11,12,14,15,30]}]}", 0);
    providers_are("{'wants':[{'provider':'Kernel-File','any':'0x200'},{'provider':'Kernel-File'}]}",
                  0);
    providers_are("{'wants':[{'provider':'Kernel-File','any':'0x200'}],'enrich':'none'}", 0);
    providers_are("{'wants':[{'provider':'" REGISTRY "','any':'0x100'}]}", 2);
    providers_are("{'wants':[{'provider':'" REGISTRY "','any':'0x3100'}]}", 0);
    providers_are("{'wants':[{'provider':'DNS-Client'}]}", 0);
}

Test(caches, their_spec_asks_for_no_more) {
    CachesNeed need = need_of("{'wants':[{'provider':'Kernel-File','any':'0x200','event_ids':[16]},"
                              "{'provider':'" REGISTRY "','any':'0x100'}]}");
    cr_assert_eq(need.providers, 3);
    Spec *spec = NULL, *watcher = spec_of("{'wants':[{'provider':'Kernel-File','any':'0x200',"
                                          "'event_ids':[16],'level':4}]}",
                                          NULL, NULL);
    cr_assert_eq(caches_spec(&need, &spec), 0);
    cr_assert_eq(spec->n_wants, 3);
    cr_assert_eq(spec->wants[0]->kernel, kernel_types_match("Process"));
    PlanFacts facts = {0};
    Plan *plan;
    PlanDeltas deltas = PLAN_DELTAS_INIT;
    cr_assert_eq(plan_new(&facts, &plan), 0);
    cr_assert_eq(plan_join(plan, 1, watcher, 0, &deltas), 0);
    cr_assert_eq(plan_join(plan, PLAN_CACHES, spec, PLAN_MEMBER_CACHES, &deltas), 0);
    const PlanProvider *p = plan_provider(plan, &guid_kernel_file);
    cr_assert_eq(p->ask.any, 0x290);
    cr_assert_eq(p->ask.level, 4);
    cr_assert_eq(p->ask.n_ids, 6, "still a filter by id: 10, 11, 12, 14, 16, 30");
    cr_assert(p->caches);
    cr_assert_eq(p->n_watchers, 1);
    plan_deltas_deinit(&deltas);
    plan_free(plan);
    spec_unref(spec);
    spec_unref(watcher);
}

static bool asks(const CachesNeed *need, const Guid *provider, uint16_t id, uint8_t level,
                 uint64_t keyword) {
    EventDescriptor desc = {.id = id, .level = level, .keyword = keyword};
    RouteType type = {.provider = provider, .desc = &desc};
    return caches_ask_for(need, &type);
}

Test(caches, know_their_own_events) {
    CachesNeed need = need_of("{'wants':[{'provider':'Kernel-File','any':'0x200'}]}");
    cr_assert(asks(&need, &guid_kernel_file, 12, 4, 0xA0));
    cr_assert(asks(&need, &guid_kernel_file, 10, 4, 0x10));
    cr_assert_not(asks(&need, &guid_kernel_file, 12, 5, 0xA0), "level");
    cr_assert_not(asks(&need, &guid_kernel_file, 12, 4, 0x20), "keyword");
    cr_assert_not(asks(&need, &guid_kernel_file, 15, 4, 0x90), "id");
    cr_assert_not(asks(&need, &guid_dns, 12, 4, 0x90));
    EventDescriptor desc = {.opcode = 3};
    RouteType type = {.provider = kernel_class(3), .desc = &desc, .event_flags = EVENT_CLASSIC};
    cr_assert(caches_ask_for(&need, &type), "Process/DCStart");
    desc.opcode = 32;
    cr_assert_not(caches_ask_for(&need, &type), "PerfCtr");
    CachesNeed nothing = {0, 0};
    cr_assert_not(caches_ask_for(&nothing, &type));
    cr_assert(caches_need_nothing(&nothing));
}

Test(caches, spec_survives_every_failing_allocation) {
    CachesNeed need = {KERNEL_BIT(0), 3};
    bool done = false;
    for (size_t nth = 1; !done; nth++) {
        size_t before = mem_in_use();
        Spec *spec = NULL;
        mem_fail_at(nth);
        done = caches_spec(&need, &spec) == 0;
        mem_fail_at(0);
        spec_unref(spec);
        cr_assert_eq(mem_in_use(), before, "allocation %zu", nth);
        cr_assert_lt(nth, 100);
    }
}

// ---- Differences ----

typedef struct World {
    Plan *plan;
    PlanDeltas told, step;
} World;

static void open_world(World *w) {
    PlanFacts facts = {0};
    *w = (World){.told = PLAN_DELTAS_INIT, .step = PLAN_DELTAS_INIT};
    cr_assert_eq(plan_new(&facts, &w->plan), 0);
}

static void close_world(World *w) {
    plan_deltas_deinit(&w->told);
    plan_deltas_deinit(&w->step);
    plan_free(w->plan);
}

static void join(World *w, uint64_t id, const char *json, PlanDeltas *deltas) {
    Spec *spec = spec_of(json, NULL, NULL);
    cr_assert_eq(plan_join(w->plan, id, spec, id == PLAN_CACHES ? PLAN_MEMBER_CACHES : 0, deltas),
                 0);
    spec_unref(spec);
}

Test(plan_deltas, two_steps_are_told_as_one) {
    World w;
    open_world(&w);
    join(&w, 1, "{'wants':[{'provider':'Kernel-File','any':'0x200','level':4},{'kernel':'Image'}]}",
         &w.told);
    join(&w, PLAN_CACHES,
         "{'wants':[{'provider':'Kernel-File','any':'0x90','level':4},{'provider':'DNS-Client'},"
         "{'kernel':'Process'}]}",
         &w.step);
    plan_deltas_add(&w.told, &w.step);
    cr_assert_eq(w.told.n, 2);
    const PlanDelta *file = &w.told.items[0], *dns = &w.told.items[1];
    cr_assert(guid_equal(&file->guid, &guid_kernel_file) && guid_equal(&dns->guid, &guid_dns));
    cr_assert_not(file->old_ask.enabled);
    cr_assert_eq(file->new_ask.any, 0x290);
    cr_assert(file->widens && !file->narrows);
    cr_assert_eq(w.told.old_kernel.types, 0);
    cr_assert_eq(w.told.new_kernel.types,
                 kernel_types_match("Process") | kernel_types_match("Image"));
    cr_assert_eq(w.told.rundown, w.told.new_kernel.types);
    // What comes back to where it was is no difference.
    cr_assert_eq(plan_leave(w.plan, PLAN_CACHES, &w.step), 0);
    plan_deltas_add(&w.told, &w.step);
    cr_assert_eq(w.told.n, 1);
    cr_assert_eq(w.told.items[0].new_ask.any, 0x200);
    cr_assert_eq(plan_leave(w.plan, 1, &w.step), 0);
    plan_deltas_add(&w.told, &w.step);
    cr_assert_eq(w.told.n, 0);
    cr_assert_not(w.told.kernel_changed);
    close_world(&w);
}

Test(plan_deltas, a_preview_with_caches_is_what_then_happens) {
    static const char *const specs[] = {
        "{'wants':[{'provider':'Kernel-File','any':'0x200','level':4}]}",
        "{'wants':[{'provider':'Kernel-File','any':'0x90','level':4},{'kernel':'Process'}]}",
        "{'wants':[{'provider':'DNS-Client','event_ids':[3008]}]}", NULL};
    for (size_t m = 0; m < 3; m++)
        for (size_t c0 = 0; c0 < 4; c0++)
            for (size_t c1 = 0; c1 < 4; c1++)
                for (int fresh = 0; fresh < 2; fresh++) {
                    World w;
                    open_world(&w);
                    if (!fresh)
                        join(&w, 1, specs[(m + 1) % 3], &w.step);
                    if (specs[c0])
                        join(&w, PLAN_CACHES, specs[c0], &w.step);
                    Spec *spec = spec_of(specs[m], NULL, NULL);
                    Spec *caches = specs[c1] ? spec_of(specs[c1], NULL, NULL) : NULL;
                    KernelSet kernel = plan_kernel(w.plan)->types;
                    cr_assert_eq(plan_preview_caches(w.plan, 1, spec, caches, &w.told), 0);
                    cr_assert_eq(plan_kernel(w.plan)->types, kernel);
                    // The same for real.
                    if (!fresh)
                        plan_leave(w.plan, 1, &w.step);
                    if (specs[c0])
                        plan_leave(w.plan, PLAN_CACHES, &w.step);
                    join(&w, 1, specs[m], &w.step);
                    if (specs[c1])
                        join(&w, PLAN_CACHES, specs[c1], &w.step);
                    for (uint32_t i = 0; i < w.told.n; i++) {
                        static const PlanAsk none;
                        const PlanProvider *p = plan_provider(w.plan, &w.told.items[i].guid);
                        cr_assert(plan_ask_equal(&w.told.items[i].new_ask, p ? &p->ask : &none));
                    }
                    if (w.told.kernel_changed)
                        cr_assert_eq(w.told.new_kernel.types, plan_kernel(w.plan)->types);
                    else
                        cr_assert_eq(kernel, plan_kernel(w.plan)->types);
                    spec_unref(spec);
                    spec_unref(caches);
                    close_world(&w);
                }
}

Test(plan_deltas, a_preview_survives_every_failing_allocation) {
    World w;
    open_world(&w);
    Spec *spec = spec_of("{'wants':[{'provider':'Kernel-File','any':'0x200'}]}", NULL, NULL);
    Spec *caches = spec_of("{'wants':[{'provider':'Kernel-File','any':'0x90'}]}", NULL, NULL);
    bool done = false;
    for (size_t nth = 1; !done; nth++) {
        plan_deltas_deinit(&w.told);
        size_t before = mem_in_use();
        mem_fail_at(nth);
        done = plan_preview_caches(w.plan, 1, spec, caches, &w.told) == 0;
        mem_fail_at(0);
        cr_assert_null(plan_provider(w.plan, &guid_kernel_file));
        cr_assert_eq(plan_members(w.plan), 0);
        cr_assert_lt(nth, 100);
        (void)before;
    }
    cr_assert_eq(w.told.items[0].new_ask.any, 0x290);
    spec_unref(spec);
    spec_unref(caches);
    close_world(&w);
}

// ---- enrich 'none', and names that nothing has ----

static void refused(const char *json, const char *part) {
    Err err = ERR_INIT;
    cr_assert_null(spec_of(json, NULL, &err), "%s is accepted", json);
    cr_assert_eq(err.status, (int)STATUS_INVALID_ARGUMENT);
    cr_assert_not_null(strstr(err.text, part), "%s: '%s' lacks '%s'", json, err.text, part);
}

Test(caches, none_refuses_what_only_they_know) {
    refused("{'wants':[{'kernel':'File','filter':'FileName -like *.docx'}],'enrich':'none'}",
            "EventData.FileName");
    refused("{'wants':[{},{'filter':'ProcessName -eq a'}],'enrich':'none'}", "'ProcessName'");
    static const char *const fine[] = {
        "{'wants':[{'filter':'EventData.FileName -eq a'}],'enrich':'none'}",
        "{'wants':[{'filter':'RemotePort -eq 443 -and ValueName -eq x'}],'enrich':'none'}",
        "{'wants':[{'filter':'UserSid -eq S-1-5-18'}],'enrich':'none'}",
        "{'wants':[{'filter':'ProcessName -eq a'}]}"};
    for (size_t i = 0; i < ARRAY_COUNT(fine); i++)
        spec_unref(spec_of(fine[i], NULL, NULL));
    Buf warnings = BUF_INIT;
    spec_unref(spec_of("{'wants':[{'kernel':'File'}],'stacks':['File'],'enrich':'none'}", &warnings,
                       NULL));
    cr_assert_not_null(strstr(buf_str(&warnings), "'stacks' with enrich 'none'"));
    buf_deinit(&warnings);
}

static void warns(const char *json, const char *part) {
    Buf warnings = BUF_INIT;
    want_free(want_of(json, &warnings, NULL));
    if (part)
        cr_assert_not_null(strstr(buf_str(&warnings), part), "%s: '%s'", json, buf_str(&warnings));
    else
        cr_assert_null(strstr(buf_str(&warnings), "no event that is asked for"), "%s: '%s'", json,
                       buf_str(&warnings));
    buf_deinit(&warnings);
}

Test(caches, warn_of_names_that_no_wanted_event_has) {
    warns("{'kernel':'Registry','filter':'FileName -eq a'}", "a value for FileName:");
    warns("{'kernel':'File','filter':'RegistryPath -eq a -or LocalPort -eq 1'}",
          "a value for RegistryPath, LocalPort:");
    warns("{'kernel':['File','Registry'],'filter':'RegistryPath -eq a'}", NULL);
    warns("{'kernel':'File','filter':'FileName -like *x -and ProcessName -eq a'}", NULL);
    warns("{'kernel':'*','filter':'RegistryPath -eq a'}", NULL);
    warns("{'filter':'RegistryPath -eq a'}", NULL);
    warns("{'provider':'Kernel-File','filter':'FileName -eq a'}", NULL);
    warns("{'provider':'{ae53722e-c863-11d2-8659-00c04fa321a1}','filter':'FileName -eq a'}",
          "a value for FileName:");
}

// What enrichment can give for events of a kernel type, by the plans of all that the type logs.
static uint64_t fields_of_type(SchemaStore *store, uint32_t type) {
    uint64_t fields = 0;
    const KernelType *k = kernel_type(type);
    for (uint32_t c = 0; c < k->n_classes; c++) {
        for (uint32_t op = 0; op < 256; op++) {
            if (!kernel_matches(KERNEL_BIT(type), k->classes[c].class_guid, (uint8_t)op))
                continue;
            for (uint8_t version = 0; version < 6; version++) {
                EventRecord r = {.provider = *k->classes[c].class_guid,
                                 .desc = {.opcode = (uint8_t)op, .version = version},
                                 .flags = EVENT_CLASSIC};
                Schema *schema;
                cr_assert_eq(schema_store_find(store, &r, &schema), 0);
                if (schema->undecodable == DECODABLE)
                    fields |= enrich_plan(schema).fields;
                schema_unref(schema);
            }
        }
    }
    return fields;
}

Test(caches, the_table_of_fields_is_what_enrichment_gives) {
    const uint64_t creators =
        ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_ID) | ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_NAME) |
        ENRICHED_BIT(ENRICHED_CREATOR_PROCESS_PATH) | ENRICHED_BIT(ENRICHED_CREATOR_COMMAND_LINE);
    SchemaStore *store;
    cr_assert_eq(schema_store_new(&store), 0);
    for (uint32_t i = 0; i < kernel_type_count(); i++) {
        // Of what tells of a process only some events have a creator: the table knows.
        uint64_t fields = fields_of_type(store, i);
        fields &= ~creators |
                  (enriched_of_kernel(ENRICHED_CREATOR_PROCESS_ID, KERNEL_BIT(i)) ? UINT64_MAX : 0);
        for (uint32_t f = 1; f < ENRICHED_N && fields != 0; f++) {
            EnrichedField field = (EnrichedField)f;
            if ((fields & ENRICHED_BIT(f)) && !enriched_of_kernel(field, KERNEL_BIT(i)))
                cr_assert(false, "%s of %s is not in the table", enriched_field_name(field),
                          kernel_type(i)->name);
            // Other processes are named by providers only.
            if (!(fields & ENRICHED_BIT(f)) && enriched_of_kernel(field, KERNEL_BIT(i)) &&
                (f < ENRICHED_TARGET_PROCESS_NAME || f > ENRICHED_CREATED_COMMAND_LINE))
                cr_assert(false, "%s of %s is in the table, and never there",
                          enriched_field_name(field), kernel_type(i)->name);
        }
    }
    schema_store_free(store);
}
