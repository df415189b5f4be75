#include <criterion/criterion.h>

#include "make.h"
#include "util/mem.h"

static void refused(const char *json, Status status, const char *part) {
    Err err = ERR_INIT;
    size_t before = mem_in_use();
    cr_assert_null(spec_of(json, NULL, &err), "%s is accepted", json);
    cr_assert_eq(err.status, (int)status, "%s: %s", json, err.text);
    cr_assert_not_null(strstr(err.text, part), "%s: '%s' lacks '%s'", json, err.text, part);
    cr_assert_eq(mem_in_use(), before, "%s leaks", json);
}

Test(spec, reads_its_options) {
    Spec *s = spec_of(
        "{'wants':[{'provider':'DNS-Client'},{'kernel':'File'}],'name':'n','queue_bytes':'1048576',"
        "'queue_policy':'drop-newest','include_rundown':true,'capture_state':true,'include_self':"
        "true,"
        "'stacks':['File','DNS-Client'],'enrich':'none'}",
        NULL, NULL);
    cr_assert_eq(s->n_wants, 2);
    cr_assert_str_eq(s->name, "n");
    cr_assert_eq(s->queue_bytes, 1048576);
    cr_assert_eq(s->queue_policy, SPEC_QUEUE_DROP_NEWEST);
    cr_assert(s->include_rundown && s->capture_state && s->include_self && !s->stack_providers);
    cr_assert_eq(s->stack_kernel, kernel_types_match("File"));
    cr_assert_eq(s->n_stack_guids, 1);
    cr_assert_eq(s->enrich, SPEC_ENRICH_NONE);
    cr_assert_gt(spec_bytes(s), sizeof *s);
    cr_assert_eq(spec_ref(s), s);
    spec_unref(s);
    spec_unref(s);
    s = spec_of("{'wants':[{}]}", NULL, NULL);
    cr_assert_eq(s->queue_policy, SPEC_QUEUE_DEFAULT);
    cr_assert_str_eq(s->name, "");
    spec_unref(s);
    refused("{}", STATUS_INVALID_ARGUMENT, "wants");
    refused("{'wants':[]}", STATUS_INVALID_ARGUMENT, "wants");
    refused("{'wants':[{}],'nmae':'x'}", STATUS_INVALID_ARGUMENT, "nmae");
    refused("{'wants':[{}],'queue_policy':'lossy'}", STATUS_INVALID_ARGUMENT, "lossy");
    refused("{'wants':[{}],'enrich':'some'}", STATUS_INVALID_ARGUMENT, "some");
    refused("{'wants':[{}],'include_self':1}", STATUS_INVALID_ARGUMENT, "include_self");
    refused("{'wants':[{}],'stacks':['SplitIO']}", STATUS_UNSUPPORTED, "SplitIO");
    refused("{'wants':[{},{'provider':'Nothing-*'}]}", STATUS_NOT_FOUND, "want 2");
}

Test(spec, want_and_name_limits) {
    for (uint32_t n = SPEC_MAX_WANTS - 1; n <= SPEC_MAX_WANTS + 1; n++) {
        Buf text = BUF_INIT;
        buf_text(&text, "{'wants':[{}");
        for (uint32_t i = 1; i < n; i++)
            buf_text(&text, ",{}");
        buf_text(&text, "]}");
        Err err = ERR_INIT;
        Spec *s = spec_of(buf_str(&text), NULL, &err);
        cr_assert_eq(s != NULL, n <= SPEC_MAX_WANTS);
        spec_unref(s);
        buf_deinit(&text);
    }
    for (uint32_t n = SPEC_MAX_NAME_BYTES - 1; n <= SPEC_MAX_NAME_BYTES + 1; n++) {
        Buf text = BUF_INIT;
        buf_text(&text, "{'wants':[{}],'name':'");
        for (uint32_t i = 0; i < n; i++)
            buf_char(&text, 'n');
        buf_text(&text, "'}");
        Err err = ERR_INIT;
        Spec *s = spec_of(buf_str(&text), NULL, &err);
        cr_assert_eq(s != NULL, n <= SPEC_MAX_NAME_BYTES);
        spec_unref(s);
        buf_deinit(&text);
    }
}

static bool same_key(const char *a, const char *b) {
    Spec *x = spec_of(a, NULL, NULL), *y = spec_of(b, NULL, NULL);
    Buf i = BUF_INIT, k = BUF_INIT;
    spec_key(x, &i);
    spec_key(y, &k);
    bool same = i.bytes == k.bytes && memcmp(i.data, k.data, i.bytes) == 0;
    buf_deinit(&i);
    buf_deinit(&k);
    spec_unref(x);
    spec_unref(y);
    return same;
}

Test(spec, key_is_what_matters_to_events) {
    cr_assert(same_key(
        "{'wants':[{'provider':'DNS-Client'}],'name':'a','queue_bytes':1000000}",
        "{'wants':[{'provider':'{1c95126e-7eea-49a9-a3fe-a378b03ddb4d}'}],'queue_policy':'wait'}"));
    cr_assert(same_key(
        "{'wants':[{'provider':'Kernel-Process','any':'Process'}]}",
        "{'wants':[{'provider':'Kernel-Process','any':'0x10','level':5}],'include_self':true}"));
    cr_assert(same_key("{'wants':[{'filter':'a eq 1 and b eq 2'}]}",
                       "{'wants':[{'filter':'{ a -eq 1 -and (b -eq 2) }'}]}"));
    cr_assert(same_key("{'wants':[{'event_ids':[1,2]}]}", "{'wants':[{'event_ids':[2,1,1]}]}"));
    cr_assert(same_key("{'wants':[{'provider':'DNS-Client','all':5}]}",
                       "{'wants':[{'provider':'DNS-Client'}]}"));
    static const char *const different[] = {"{'wants':[{}]}",
                                            "{'wants':[{'level':4}]}",
                                            "{'wants':[{'pids':[1]}]}",
                                            "{'wants':[{'any':1}]}",
                                            "{'wants':[{'event_ids':[1]}]}",
                                            "{'wants':[{'event_names':'a'}]}",
                                            "{'wants':[{'event_names':['a','b']}]}",
                                            "{'wants':[{'event_names':'ab'}]}",
                                            "{'wants':[{'opcodes':[1]}]}",
                                            "{'wants':[{'kernel':'File'}]}",
                                            "{'wants':[{'kernel':'File'}],'stacks':['File']}",
                                            "{'wants':[{}],'include_rundown':true}",
                                            "{'wants':[{}],'enrich':'none'}",
                                            "{'wants':[{'filter':'a'}]}",
                                            "{'wants':[{'filter':'b'}]}",
                                            "{'wants':[{'ignore_keyword0':true}]}",
                                            "{'wants':[{},{}]}",
                                            "{'wants':[{'provider':'DNS-Client'}]}",
                                            "{'wants':[{'provider':'DNS-Client','any':1}]}",
                                            "{'wants':[{'provider':'DNS-Client'}],'stacks':['*']}"};
    for (size_t i = 0; i < ARRAY_COUNT(different); i++)
        for (size_t k = 0; k < ARRAY_COUNT(different); k++)
            cr_assert_eq(same_key(different[i], different[k]), i == k, "%s and %s", different[i],
                         different[k]);
}

Test(spec, echo_is_read_again) {
    Spec *a = spec_of(
        "{'wants':[{'provider':'DNS-Client','filter':'ProcessName -eq x'},{'kernel':'File'}],"
        "'name':'n','queue_bytes':1000000,'queue_policy':'Wait','stacks':['File','*'],'enrich':'"
        "all'}",
        NULL, NULL);
    cr_assert_eq(spec_enriched(a), ENRICHED_BIT(ENRICHED_PROCESS_NAME));
    Buf first = BUF_INIT;
    JsonWriter w = jsonw(&first);
    spec_to_json(a, &w);
    cr_assert_not_null(strstr(buf_str(&first), "\"queue_bytes\":\"1000000\""));
    // The test's reader takes ' for ", and the canonical filter has single quotes.
    cr_assert_not_null(strstr(buf_str(&first), "ProcessName -eq 'x'"), "%s", buf_str(&first));
    buf_deinit(&first);
    spec_unref(a);
    a = spec_of(
        "{'wants':[{'kernel':'File'}],'queue_policy':'wait','stacks':['*'],'capture_state':true}",
        NULL, NULL);
    w = jsonw(&first);
    spec_to_json(a, &w);
    Spec *b = spec_of(buf_str(&first), NULL, NULL);
    Buf second = BUF_INIT;
    w = jsonw(&second);
    spec_to_json(b, &w);
    cr_assert_str_eq(buf_str(&first), buf_str(&second));
    buf_deinit(&first);
    buf_deinit(&second);
    spec_unref(a);
    spec_unref(b);
}

// --- programs ---

static Event *numbered(void) {
    Event *e = event_new();
    event_field(e, "Number", IN_U32, OUT_DEFAULT);
    event_put_u32(e, 5);
    event_ready(e);
    return e;
}

// -1: not offered; 0: filtered; 1: matched.
static int outcome(const char *json, Event *e, FilterCounters *counters) {
    Spec *s = spec_of(json, NULL, NULL);
    BoundSpec *bound;
    int r = spec_bind(s, &e->type, &bound);
    cr_assert(r == 0 || r == 1);
    int result = -1;
    if (r == 0) {
        FilterInput input = {.record = &e->record};
        bool offered = false;
        bool matched = spec_matches(bound, &input, counters, &offered);
        cr_assert(offered || !matched);
        result = offered ? matched : -1;
        spec_unbind(bound);
    }
    spec_unref(s);
    return result;
}

Test(spec, wants_are_an_or) {
    Event *e = numbered();
    FilterCounters c = {0, 0, 0};
    cr_assert_eq(outcome("{'wants':[{'event_ids':[1]},{'event_ids':[2]}]}", e, &c), -1);
    cr_assert_eq(outcome("{'wants':[{'event_ids':[1]},{'event_ids':[3008]}]}", e, &c), 1);
    cr_assert_eq(c.evaluated, 0, "nothing to look at");
    cr_assert_eq(outcome("{'wants':[{'filter':'Number -eq 6'},{'filter':'Number -eq 5'}]}", e, &c),
                 1);
    cr_assert_eq(c.evaluated, 2);
    cr_assert_eq(outcome("{'wants':[{'filter':'Number -eq 6'},{'filter':'Id -eq 1'}]}", e, &c), 0);
    cr_assert_eq(outcome("{'wants':[{'filter':'Id -eq 1'}]}", e, &c), 0,
                 "offered, and filtered by its type");
    cr_assert_eq(outcome("{'wants':[{'filter':'Number -eq 6'},{'filter':'Id -eq 3008'}]}", e, &c),
                 1);
    cr_assert_eq(outcome("{'wants':[{'pids':[1],'filter':'Id -eq 3008'}]}", e, &c), 0);
    event_free(e);
}

Test(spec, the_overflow_type_is_matched_event_by_event) {
    Event *e = numbered();
    FilterCounters c = {0, 0, 0};
    e->type.open = true;
    static const Guid nobody = {{0}};
    static const EventDescriptor none = {0};
    e->type.provider = &nobody; // what the type says means nothing
    e->type.desc = &none;
    cr_assert_eq(outcome("{'wants':[{'event_ids':[3008]}]}", e, &c), 1);
    cr_assert_eq(outcome("{'wants':[{'event_ids':[1]}]}", e, &c), -1);
    cr_assert_eq(outcome("{'wants':[{'event_ids':[3008],'filter':'Level -eq 1'}]}", e, &c), 0);
    cr_assert_eq(
        outcome("{'wants':[{'provider':'11111111-1111-1111-1111-111111111111','level':4}]}", e, &c),
        1);
    event_free(e);
}

Test(spec, each_allocation_may_fail) {
    Event *e = numbered();
    Spec *s = spec_of(
        "{'wants':[{'filter':'Number -eq 6 -or Number -eq 7'},{'filter':'Number -in 1,2'}]}", NULL,
        NULL);
    size_t base = mem_in_use();
    for (size_t nth = 1;; nth++) {
        BoundSpec *bound = NULL;
        mem_fail_at(nth);
        int r = spec_bind(s, &e->type, &bound);
        mem_fail_at(0);
        if (r == 0) {
            cr_assert_gt(nth, 3);
            spec_unbind(bound);
            break;
        }
        cr_assert_eq(r, -(int)STATUS_NO_MEMORY);
        cr_assert_eq(mem_in_use(), base);
    }
    cr_assert_eq(mem_in_use(), base);
    spec_unref(s);
    event_free(e);
}
