// Every union rule of peers-and-asks.md, and the faults of krabsetw and Velociraptor that they prevent.
#include <criterion/criterion.h>

#include "make.h"
#include "util/mem.h"

typedef struct Bench {
    Plan *plan;
    PlanDeltas deltas;
    uint32_t facts;     // of every provider
    uint32_t alive[16]; // pids
    uint32_t exited[16];
    uint32_t n_alive, n_exited;
} Bench;

static uint32_t facts_of(void *user, const Guid *guid) {
    (void)guid;
    return ((Bench *)user)->facts;
}

static PlanPid pid_of(void *user, uint64_t member, uint32_t pid) {
    (void)member;
    const Bench *b = user;
    for (uint32_t i = 0; i < b->n_alive; i++)
        if (b->alive[i] == pid)
            return PLAN_PID_ALIVE;
    for (uint32_t i = 0; i < b->n_exited; i++)
        if (b->exited[i] == pid)
            return PLAN_PID_EXITED;
    return PLAN_PID_UNKNOWN;
}

static void begin(Bench *b) {
    memset(b, 0, sizeof *b);
    PlanFacts facts = {b, facts_of, pid_of};
    cr_assert_eq(plan_new(&facts, &b->plan), 0);
}

static void end(Bench *b) {
    plan_free(b->plan);
    plan_deltas_deinit(&b->deltas);
}

static void join(Bench *b, uint64_t id, const char *json) {
    Spec *spec = spec_of(json, NULL, NULL);
    cr_assert_eq(plan_join(b->plan, id, spec, 0, &b->deltas), 0);
    spec_unref(spec);
}

static void leave(Bench *b, uint64_t id) {
    cr_assert_eq(plan_leave(b->plan, id, &b->deltas), 0);
}

static void change_begin(Bench *b, uint64_t id, const char *json) {
    Spec *spec = spec_of(json, NULL, NULL);
    cr_assert_eq(plan_change_begin(b->plan, id, spec, &b->deltas), 0);
    spec_unref(spec);
}

static const PlanAsk *ask(const Bench *b, const Guid *guid) {
    static const PlanAsk none;
    const PlanProvider *p = plan_provider(b->plan, guid);
    return p ? &p->ask : &none;
}

#define ONE(rest) "{'wants':[{'provider':'Kernel-Process'" rest "}]}"
#define KP        &guid_kernel_process

Test(plan, level_is_the_highest_and_any_is_ored_and_all_is_anded) {
    Bench b;
    begin(&b);
    join(&b, 1, ONE(",'any':'0x10','all':'0x30','level':4"));
    cr_assert(ask(&b, KP)->any == 0x10 && ask(&b, KP)->all == 0x30 && ask(&b, KP)->level == 4);
    join(&b, 2, ONE(",'any':'0x40','all':'0x50','level':3"));
    // krabsetw: levels ORed (4|3 = 7), `all` ORed (0x70: both lose events).
    cr_assert(ask(&b, KP)->any == 0x50 && ask(&b, KP)->all == 0x10 && ask(&b, KP)->level == 4);
    leave(&b, 1);
    // Velociraptor: nothing narrows when a watcher leaves.
    cr_assert(ask(&b, KP)->any == 0x40 && ask(&b, KP)->all == 0x50 && ask(&b, KP)->level == 3);
    leave(&b, 2);
    cr_assert_null(plan_provider(b.plan, KP));
    cr_assert_eq(plan_members(b.plan), 0);
    end(&b);
}

Test(plan, everything_is_asked_with_all_ones_and_never_with_0) {
    Bench b;
    begin(&b);
    join(&b, 1, ONE(""));
    cr_assert(ask(&b, KP)->any == UINT64_MAX && ask(&b, KP)->all == 0 && ask(&b, KP)->level == 5);
    join(&b, 2, ONE(",'level':'All'"));
    cr_assert_eq(ask(&b, KP)->level, PLAN_LEVEL_ALL);
    leave(&b, 1);
    leave(&b, 2);
    join(&b, 3, ONE(",'level':0"));
    cr_assert_eq(ask(&b, KP)->level, PLAN_LEVEL_ALL, "0 means everything in a subscription");
    end(&b);
}

Test(plan, classic_providers_have_32_bits_and_no_filters) {
    Bench b;
    begin(&b);
    b.facts = PLAN_FACT_CLASSIC | PLAN_FACT_USER_MODE | PLAN_FACT_EVENTSOURCE;
    b.alive[b.n_alive++] = 5;
    join(&b, 1, ONE(",'event_ids':[1],'pids':[5],'ignore_keyword0':true"));
    const PlanAsk *a = ask(&b, KP);
    cr_assert(a->any == UINT32_MAX && a->all == 0 && a->n_ids == 0 && a->n_pids == 0 &&
              a->properties == 0);
    leave(&b, 1);
    join(&b, 1, ONE(",'any':'0x8000000000000012','all':'0x10'"));
    cr_assert(ask(&b, KP)->any == 0x12 && ask(&b, KP)->all == 0);
    leave(&b, 1);
    join(&b, 1, ONE(",'any':'0x8000000000000000'"));
    cr_assert_eq(ask(&b, KP)->any, UINT32_MAX, "0 would mean the provider's default");
    end(&b);
}

Test(plan, a_want_with_any_0_contributes_all_0) {
    Bench b;
    begin(&b);
    // The example of the rule: A(any 0, all 0x400) + B(any 0x400, all 0x400).
    join(&b, 1, ONE(",'all':'0x400'"));
    cr_assert(ask(&b, KP)->any == UINT64_MAX && ask(&b, KP)->all == 0,
              "all is not used with any 0");
    join(&b, 2, ONE(",'any':'0x400','all':'0x400'"));
    cr_assert(ask(&b, KP)->any == UINT64_MAX && ask(&b, KP)->all == 0);
    leave(&b, 1);
    cr_assert(ask(&b, KP)->any == 0x400 && ask(&b, KP)->all == 0x400);
    end(&b);
}

Test(plan, keyword_0_is_ignored_only_if_everybody_does) {
    Bench b;
    begin(&b);
    join(&b, 1, ONE(",'any':1,'ignore_keyword0':true"));
    cr_assert_eq(ask(&b, KP)->properties, PLAN_PROPERTY_IGNORE_KEYWORD_0);
    join(&b, 2, ONE(",'any':1"));
    cr_assert_eq(ask(&b, KP)->properties, 0);
    leave(&b, 2);
    cr_assert_eq(ask(&b, KP)->properties, PLAN_PROPERTY_IGNORE_KEYWORD_0);
    end(&b);
}

Test(plan, id_filters_only_if_everybody_has_one) {
    Bench b;
    begin(&b);
    join(&b, 1, ONE(",'event_ids':[5,1]"));
    cr_assert(ask(&b, KP)->n_ids == 2 && ask(&b, KP)->ids[0] == 1 && ask(&b, KP)->ids[1] == 5);
    join(&b, 2, ONE(",'event_ids':[2,5]"));
    cr_assert(ask(&b, KP)->n_ids == 3 && ask(&b, KP)->ids[1] == 2);
    // krabsetw: one id filter starves subscribers who want everything.
    join(&b, 3, ONE(""));
    cr_assert_eq(ask(&b, KP)->n_ids, 0);
    leave(&b, 3);
    cr_assert_eq(ask(&b, KP)->n_ids, 3);
    // One subscription of two wants counts as both.
    join(&b, 4,
         "{'wants':[{'provider':'Kernel-Process','event_ids':[9]},{'provider':'Kernel-*','level':1}"
         "]}");
    cr_assert_eq(ask(&b, KP)->n_ids, 0);
    end(&b);
}

static void join_ids(Bench *b, uint64_t id, uint32_t first, uint32_t n) {
    Buf text = BUF_INIT;
    buf_text(&text, "{'wants':[{'provider':'Kernel-Process','event_ids':[");
    for (uint32_t i = 0; i < n; i++)
        buf_printf(&text, "%s%u", i ? "," : "", first + i);
    buf_text(&text, "]}]}");
    join(b, id, buf_str(&text));
    buf_deinit(&text);
}

Test(plan, id_filters_keep_one_of_64_free_for_the_manifest) {
    static const uint32_t facts[] = {0, PLAN_FACT_EVENTSOURCE,
                                     PLAN_FACT_EVENTSOURCE | PLAN_FACT_MANIFEST_KNOWN};
    for (size_t f = 0; f < ARRAY_COUNT(facts); f++) {
        for (uint32_t n = 62; n <= 65; n++) {
            Bench b;
            begin(&b);
            b.facts = facts[f];
            join_ids(&b, 1, 100, n / 2);
            join_ids(&b, 2, 100 + n / 2, n - n / 2);
            uint32_t manifest = facts[f] == PLAN_FACT_EVENTSOURCE;
            cr_assert_eq(ask(&b, KP)->n_ids, n <= 63 ? n + manifest : 0, "%u with facts %u", n,
                         facts[f]);
            if (n <= 63)
                cr_assert_eq(ask(&b, KP)->ids[n + manifest - 1],
                             manifest ? PLAN_MANIFEST_ID : 99 + n, "ascending");
            end(&b);
        }
    }
    // A name nobody knows may be an EventSource's.
    Bench b;
    begin(&b);
    join(&b, 1, "{'wants':[{'provider':'Contoso-Unknown','event_ids':[7]}]}");
    Guid guid = guid_from_name("Contoso-Unknown");
    cr_assert(ask(&b, &guid)->n_ids == 2 && ask(&b, &guid)->ids[1] == PLAN_MANIFEST_ID);
    end(&b);
    // So may a bare GUID, and a known name whose GUID is its hash.
    begin(&b);
    join(&b, 1,
         "{'wants':[{'provider':'{11111111-2222-3333-4444-555555555555}','event_ids':[7]}]}");
    cr_assert(guid_parse("11111111-2222-3333-4444-555555555555", &guid));
    cr_assert(ask(&b, &guid)->n_ids == 2 && ask(&b, &guid)->ids[1] == PLAN_MANIFEST_ID);
    guid = guid_from_name("Microsoft-Antimalware-Scan-Interface");
    join(&b, 2, "{'wants':[{'provider':'Antimalware-Scan-Interface','event_ids':[1101]}]}");
    cr_assert(ask(&b, &guid)->n_ids == 2 && ask(&b, &guid)->ids[1] == PLAN_MANIFEST_ID);
    end(&b);
    begin(&b);
    b.facts = PLAN_FACT_TRACELOGGING;
    join(&b, 1, ONE(",'event_ids':[1]"));
    cr_assert_eq(ask(&b, KP)->n_ids, 0, "TraceLogging ids are all 0");
    end(&b);
}

Test(plan, pid_filters_need_user_mode_and_live_processes) {
    Bench b;
    begin(&b);
    for (uint32_t i = 0; i < 10; i++)
        b.alive[b.n_alive++] = 100 + i;
    b.exited[b.n_exited++] = 50;
    join(&b, 1, ONE(",'pids':[100]"));
    cr_assert_eq(ask(&b, KP)->n_pids, 0,
                 "a kernel-registered provider would not be enabled at all");
    b.facts = PLAN_FACT_USER_MODE;
    cr_assert_eq(plan_refresh(b.plan, KP, &b.deltas), 0);
    cr_assert(ask(&b, KP)->n_pids == 1 && b.deltas.n == 1 && b.deltas.items[0].narrows &&
              !b.deltas.items[0].widens && b.deltas.items[0].filters_only);
    join(&b, 2, ONE(",'pids':[101,50]"));
    cr_assert(ask(&b, KP)->n_pids == 2 && ask(&b, KP)->pids[1] == 101,
              "a process that is gone is left out");
    join(&b, 3, ONE(",'pids':[7777]"));
    cr_assert_eq(ask(&b, KP)->n_pids, 0, "one that may start later would be missed");
    leave(&b, 3);
    cr_assert_eq(ask(&b, KP)->n_pids, 2);
    join(&b, 3, ONE(""));
    cr_assert_eq(ask(&b, KP)->n_pids, 0, "somebody wants all processes");
    leave(&b, 3);
    // 101 exits: applied anew.
    b.alive[1] = 0;
    b.exited[b.n_exited++] = 101;
    cr_assert_eq(plan_refresh(b.plan, NULL, &b.deltas), 0);
    cr_assert(b.deltas.n == 1 && ask(&b, KP)->n_pids == 1 && ask(&b, KP)->pids[0] == 100);
    cr_assert_eq(plan_refresh(b.plan, NULL, &b.deltas), 0);
    cr_assert_eq(b.deltas.n, 0, "nothing new, nothing to do");
    end(&b);
    for (uint32_t n = 7; n <= 9; n++) {
        begin(&b);
        b.facts = PLAN_FACT_USER_MODE;
        Buf text = BUF_INIT;
        buf_text(&text, "{'wants':[{'provider':'Kernel-Process','pids':[");
        for (uint32_t i = 0; i < n; i++) {
            b.alive[b.n_alive++] = 100 + i;
            buf_printf(&text, "%s%u", i ? "," : "", 100 + i);
        }
        buf_text(&text, "]}]}");
        join(&b, 1, buf_str(&text));
        cr_assert_eq(ask(&b, KP)->n_pids, n <= 8 ? n : 0);
        buf_deinit(&text);
        end(&b);
    }
}

Test(plan, velociraptors_conflict_5_6_7_11) {
    Bench b;
    begin(&b);
    join(&b, 6, ONE(",'any':'0x10','event_ids':[1]"));
    join(&b, 7, ONE(",'any':'0x10','event_ids':[1]"));
    join(&b, 11,
         "{'wants':[{'provider':'{1418ef04-b0b4-4623-bf7e-d74ab47bbdaa}','event_ids':[11]},"
         "{'provider':'Kernel-Process','any':'0x10'}]}");
    join(&b, 5, ONE(",'any':'0x50','event_ids':[1,2,5,6]"));
    // With first-watcher-wins, 5 never sees images.
    EventDescriptor image = {.id = 5, .level = 4, .keyword = 0x40};
    cr_assert(plan_ask_passes(ask(&b, KP), &image, 4));
    cr_assert(ask(&b, KP)->any == 0x50 && ask(&b, KP)->n_ids == 0);
    cr_assert(b.deltas.n == 1 && b.deltas.items[0].widens &&
              b.deltas.items[0].old_ask.any == 0x10 && b.deltas.items[0].other_watchers == 3);
    cr_assert_eq(plan_provider(b.plan, KP)->n_watchers, 4);
    leave(&b, 5);
    cr_assert_not(plan_ask_passes(ask(&b, KP), &image, 4));
    cr_assert(b.deltas.n == 1 && b.deltas.items[0].narrows && !b.deltas.items[0].widens);
    leave(&b, 11);
    cr_assert_eq(b.deltas.n, 2, "both of its providers");
    cr_assert(ask(&b, KP)->n_ids == 1 && ask(&b, KP)->ids[0] == 1);
    leave(&b, 6);
    cr_assert_eq(b.deltas.n, 0, "7 asks for the same");
    end(&b);
}

Test(plan, only_touched_providers_differ) {
    Bench b;
    begin(&b);
    join(&b, 1, "{'wants':[{'providers':['Kernel-*','DNS-Client'],'level':4}]}");
    cr_assert_eq(b.deltas.n, 3);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert(!b.deltas.items[i].old_ask.enabled && b.deltas.items[i].new_ask.enabled &&
                  b.deltas.items[i].widens && !b.deltas.items[i].narrows &&
                  b.deltas.items[i].other_watchers == 0);
    join(&b, 2, "{'wants':[{'provider':'DNS-Client','level':5}]}");
    cr_assert_eq(b.deltas.n, 1);
    cr_assert(guid_equal(&b.deltas.items[0].guid, &guid_dns));
    join(&b, 3, "{'wants':[{'provider':'DNS-Client','level':3}]}");
    cr_assert_eq(b.deltas.n, 0, "asked for already");
    cr_assert_eq(plan_provider(b.plan, &guid_dns)->n_watchers, 3);
    join(&b, 4, "{'wants':[{}]}");
    cr_assert(b.deltas.n == 0 && !b.deltas.kernel_changed,
              "everything asks the source for nothing");
    leave(&b, 1);
    cr_assert_eq(b.deltas.n, 2, "the kernel ones; DNS-Client is held by others");
    uint32_t n = 0;
    for (uint32_t i = 0; plan_next(b.plan, &i);)
        n++;
    cr_assert_eq(n, 1);
    end(&b);
}

Test(plan, a_change_widens_first_and_narrows_after) {
    Bench b;
    begin(&b);
    join(&b, 1, ONE(",'any':'0x10','event_ids':[1]"));
    change_begin(&b, 1, ONE(",'any':'0x40','event_ids':[5]"));
    cr_assert(b.deltas.n == 1 && b.deltas.items[0].widens && !b.deltas.items[0].narrows);
    cr_assert(ask(&b, KP)->any == 0x50 && ask(&b, KP)->n_ids == 2, "old and new");
    cr_assert_eq(plan_provider(b.plan, KP)->n_watchers, 1);
    cr_assert_eq(plan_change_commit(b.plan, 1, &b.deltas), 0);
    cr_assert(b.deltas.n == 1 && b.deltas.items[0].narrows && !b.deltas.items[0].widens);
    cr_assert(ask(&b, KP)->any == 0x40 && ask(&b, KP)->n_ids == 1 && ask(&b, KP)->ids[0] == 5);
    // Abort: as it was.
    change_begin(&b, 1, "{'wants':[{'provider':'DNS-Client'},{'kernel':'File'}]}");
    cr_assert(b.deltas.n == 1 && b.deltas.kernel_changed && ask(&b, &guid_dns)->enabled);
    cr_assert_eq(plan_change_abort(b.plan, 1, &b.deltas), 0);
    cr_assert(b.deltas.n == 1 && b.deltas.kernel_changed && plan_kernel(b.plan)->types == 0);
    cr_assert(ask(&b, KP)->any == 0x40 && !plan_provider(b.plan, &guid_dns));
    // Out of turn.
    Spec *spec = spec_of(ONE(""), NULL, NULL);
    cr_assert_eq(plan_change_commit(b.plan, 1, &b.deltas), -(int)STATUS_CONFLICT);
    cr_assert_eq(plan_change_begin(b.plan, 2, spec, &b.deltas), -(int)STATUS_NOT_FOUND);
    cr_assert_eq(plan_join(b.plan, 1, spec, 0, &b.deltas), -(int)STATUS_CONFLICT);
    cr_assert_eq(plan_leave(b.plan, 2, &b.deltas), -(int)STATUS_NOT_FOUND);
    cr_assert_eq(plan_change_begin(b.plan, 1, spec, &b.deltas), 0);
    cr_assert_eq(plan_change_begin(b.plan, 1, spec, &b.deltas), -(int)STATUS_CONFLICT);
    leave(&b, 1); // in the middle of it
    cr_assert_null(plan_provider(b.plan, KP));
    spec_unref(spec);
    end(&b);
}

Test(plan, preview_tells_the_net_difference_and_changes_nothing) {
    Bench b;
    begin(&b);
    join(&b, 1, ONE(",'any':'0x10'"));
    join(&b, 2, ONE(",'any':'0x1'"));
    Spec *spec = spec_of(ONE(",'any':'0x50'"), NULL, NULL);
    cr_assert_eq(plan_preview(b.plan, 1, spec, &b.deltas), 0);
    cr_assert_eq(b.deltas.n, 1);
    Buf text = BUF_INIT;
    plan_delta_text(&b.deltas.items[0], &text);
    cr_assert_str_eq(buf_str(&text), "any 0x11 -> 0x51; 1 other watcher");
    cr_assert_eq(ask(&b, KP)->any, 0x11);
    spec_unref(spec);
    spec = spec_of("{'wants':[{'provider':'DNS-Client','event_ids':[3008]},{'kernel':'File'}]}",
                   NULL, NULL);
    cr_assert_eq(plan_preview(b.plan, 9, spec, &b.deltas), 0); // a join
    cr_assert(b.deltas.n == 1 && b.deltas.kernel_changed);
    buf_clear(&text);
    plan_delta_text(&b.deltas.items[0], &text);
    cr_assert_str_eq(buf_str(&text), "enabled with any all, level 5, ids 3008; no other watcher");
    cr_assert(!plan_provider(b.plan, &guid_dns) && plan_kernel(b.plan)->types == 0 &&
              plan_members(b.plan) == 2);
    cr_assert_eq(plan_preview(b.plan, 2, spec, &b.deltas), 0); // 2 would leave Kernel-Process to 1
    cr_assert_eq(b.deltas.n, 2);
    for (uint32_t i = 0; i < 2; i++) {
        if (guid_equal(&b.deltas.items[i].guid, KP))
            cr_assert(b.deltas.items[i].new_ask.any == 0x10 && b.deltas.items[i].narrows);
    }
    cr_assert_eq(plan_provider(b.plan, KP)->n_watchers, 2);
    spec_unref(spec);
    buf_deinit(&text);
    end(&b);
}

Test(plan, capture_state_only_for_what_is_newly_wanted) {
    Bench b;
    begin(&b);
    join(&b, 1, ONE(""));
    cr_assert_not(b.deltas.items[0].capture_state);
    // Velociraptor: only the first subscriber's capture-state is sent.
    join(&b, 2, "{'wants':[{'provider':'Kernel-Process'}],'capture_state':true}");
    cr_assert(b.deltas.n == 1 && b.deltas.items[0].capture_state && !b.deltas.items[0].widens);
    cr_assert(plan_provider(b.plan, KP)->capture_state);
    change_begin(&b, 2,
                 "{'wants':[{'providers':['Kernel-Process','DNS-Client']}],'capture_state':true}");
    cr_assert_eq(b.deltas.n, 1);
    cr_assert(guid_equal(&b.deltas.items[0].guid, &guid_dns) && b.deltas.items[0].capture_state);
    cr_assert_eq(plan_change_commit(b.plan, 2, &b.deltas), 0);
    cr_assert_eq(b.deltas.n, 0);
    leave(&b, 2);
    cr_assert_not(plan_provider(b.plan, KP)->capture_state);
    end(&b);
}

Test(plan, kernel_types_flags_masks_and_stacks) {
    Bench b;
    begin(&b);
    join(&b, 1, "{'wants':[{'kernel':['File','Process']}],'stacks':['File']}");
    cr_assert(b.deltas.kernel_changed && b.deltas.n == 0);
    cr_assert_eq(plan_kernel(b.plan)->masks[0], 0x06000201);
    cr_assert_eq(plan_kernel(b.plan)->n_stacks, 3);
    cr_assert_eq(b.deltas.rundown, kernel_types_match("File") | kernel_types_match("Process"));
    // Velociraptor 3: stack options are not merged.
    join(&b, 2,
         "{'wants':[{'kernel':['Registry','Handle','File']}],'stacks':['Registry','FileInit']}");
    cr_assert_eq(plan_kernel(b.plan)->masks[0], 0x06020201);
    cr_assert_eq(plan_kernel(b.plan)->masks[4], 0x40);
    cr_assert_eq(plan_kernel(b.plan)->n_stacks, 7);
    cr_assert_eq(b.deltas.rundown, kernel_types_match("Registry") | kernel_types_match("Handle"),
                 "only what is newly wanted");
    cr_assert_eq(plan_kernel(b.plan)->n_watchers, 2);
    leave(&b, 1);
    cr_assert(plan_kernel(b.plan)->masks[0] == 0x06020200 && plan_kernel(b.plan)->n_stacks == 4);
    cr_assert(b.deltas.kernel_changed && b.deltas.rundown == 0);
    // A class by its GUID is switched on by kernel types.
    join(&b, 3, "{'wants':[{'provider':'3d6fa8d0-fe05-11d0-9dda-00c04fd7ba7c'}]}");
    cr_assert(b.deltas.n == 0 && plan_kernel(b.plan)->masks[0] == 0x06020209);
    end(&b);
}

Test(plan, caches_are_watchers_of_their_own_kind) {
    Bench b;
    begin(&b);
    Spec *spec = spec_of(
        "{'wants':[{'provider':'Kernel-Process','any':'0x10'},{'kernel':'Process'}]}", NULL, NULL);
    cr_assert_eq(plan_join(b.plan, 0, spec, PLAN_MEMBER_CACHES, &b.deltas), 0);
    spec_unref(spec);
    const PlanProvider *p = plan_provider(b.plan, KP);
    cr_assert(p->caches && p->n_watchers == 0 && p->n_wants == 1 && p->ask.enabled);
    cr_assert(plan_kernel(b.plan)->caches && plan_kernel(b.plan)->n_watchers == 0);
    join(&b, 1, ONE(",'any':'0x40'"));
    cr_assert(p->n_watchers == 1 && p->ask.any == 0x50 && b.deltas.items[0].other_watchers == 0);
    end(&b);
}

Test(plan, stacks_of_providers) {
    Bench b;
    begin(&b);
    join(&b, 1,
         "{'wants':[{'providers':['Kernel-Process','DNS-Client']}],'stacks':['DNS-Client']}");
    cr_assert(ask(&b, &guid_dns)->properties == PLAN_PROPERTY_STACK &&
              ask(&b, KP)->properties == 0);
    join(&b, 2, "{'wants':[{'provider':'Kernel-Process'}],'stacks':['*']}");
    cr_assert_eq(ask(&b, KP)->properties, PLAN_PROPERTY_STACK);
    cr_assert(b.deltas.items[0].widens);
    end(&b);
}

Test(plan, delta_texts) {
    PlanDelta d = {.old_ask = {.enabled = true, .any = 0x10, .level = 4, .n_ids = 2, .ids = {1, 5}},
                   .new_ask = {.enabled = true, .any = UINT64_MAX, .level = 255, .properties = 4},
                   .other_watchers = 2};
    Buf text = BUF_INIT;
    plan_delta_text(&d, &text);
    cr_assert_str_eq(
        buf_str(&text),
        "any 0x10 -> all, level 4 -> all, ids 1,5 -> all, properties 0x0 -> 0x4; 2 other watchers");
    buf_clear(&text);
    d.new_ask.enabled = false;
    plan_delta_text(&d, &text);
    cr_assert_str_eq(buf_str(&text), "disabled; 2 other watchers");
    buf_deinit(&text);
}

Test(plan, leaving_needs_no_memory) {
    Bench b;
    begin(&b);
    join(&b, 1, "{'wants':[{'providers':['Kernel-*','DNS-Client']}]}");
    change_begin(&b, 1, "{'wants':[{'providers':['Kernel-*','PowerShellCore']}]}");
    plan_deltas_deinit(&b.deltas);
    mem_fail_at(1);
    cr_assert_eq(plan_change_commit(b.plan, 1, &b.deltas), 0);
    mem_fail_at(0);
    cr_assert(b.deltas.incomplete && b.deltas.n == 0 && !plan_provider(b.plan, &guid_dns));
    mem_fail_at(1);
    cr_assert_eq(plan_leave(b.plan, 1, &b.deltas), 0);
    mem_fail_at(0);
    cr_assert(b.deltas.incomplete && !plan_provider(b.plan, KP));
    join(&b, 1, ONE(""));
    cr_assert(!b.deltas.incomplete && b.deltas.n == 1);
    end(&b);
}

Test(plan, each_allocation_may_fail) {
    Bench b;
    begin(&b);
    join(&b, 1, ONE(",'any':'0x10'"));
    Spec *spec = spec_of("{'wants':[{'providers':['Kernel-*','DNS-Client','PowerShellCore']},"
                         "{'provider':'PowerShellCore','any':1},{'kernel':'File'}]}",
                         NULL, NULL);
    for (int what = 0; what < 3; what++) {
        plan_deltas_deinit(&b.deltas);
        size_t failures = 0;
        for (size_t nth = 1;; nth++) {
            mem_fail_at(nth);
            int r = what == 0   ? plan_preview(b.plan, 2, spec, &b.deltas)
                    : what == 1 ? plan_join(b.plan, 2, spec, 0, &b.deltas)
                                : plan_change_begin(b.plan, 1, spec, &b.deltas);
            mem_fail_at(0);
            if (r == 0)
                break;
            failures++;
            cr_assert_eq(r, -(int)STATUS_NO_MEMORY);
            cr_assert_eq(plan_members(b.plan), what == 2 ? 2 : 1);
            cr_assert_eq(plan_provider(b.plan, &guid_dns) != NULL, what == 2,
                         "step %d, allocation %zu", what, nth);
            cr_assert_eq(plan_kernel(b.plan)->types != 0, what == 2);
            cr_assert_eq(ask(&b, KP)->any, what == 2 ? UINT64_MAX : 0x10);
        }
        cr_assert_gt(failures, 5);
    }
    spec_unref(spec);
    end(&b);
}
