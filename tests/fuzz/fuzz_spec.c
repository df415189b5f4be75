// Subscriptions and the plan that follows from them. Input: lines; each is a specification as JSON,
// and its place decides what is done with it. A specification that is taken is written and read
// again; after every join, change and leave the plan equals the one made from scratch.
#include "tests/fuzz/fuzz.h"

#include "idl/wire.h"
#include "route/plan.h"
#include "wire/json.h"

#define MOST_LINES   8u
#define MOST_TOUCHED 4096u

static RouteNames names;

static uint32_t facts_of(void *user, const Guid *guid) {
    (void)user;
    return guid->b[0] & 31u;
}

static PlanPid pid_of(void *user, uint64_t member, uint32_t pid) {
    (void)user;
    return (PlanPid)((member + pid) % 3);
}

static const PlanFacts facts = {NULL, facts_of, pid_of};

static char *text_of(const Spec *s) {
    Buf out = BUF_INIT;
    JsonWriter w = jsonw(&out);
    spec_to_json(s, &w);
    fuzz_check(!out.failed, "a specification can be written");
    char *text = mem_strdup(buf_str(&out));
    buf_deinit(&out);
    return text;
}

// NULL when the text is refused.
static Spec *spec_of(const char *text, size_t bytes, bool ours) {
    cJSON *json = NULL;
    Err err = ERR_INIT;
    Spec *s = NULL;
    Buf warnings = BUF_INIT;
    int r = json_parse(text, bytes, &json, &err);
    if (r == 0) {
        r = spec_from_json(json, &names, &s, &warnings, &err);
        fuzz_check(r == 0 || (r < 0 && err.text[0] && !s),
                   "a specification is refused with a text");
    }
    if (ours && r != 0)
        fprintf(stderr, "text: %s\nerror: %s\n", text, err.text);
    fuzz_check(!ours || r == 0, "what was written is a specification");
    fuzz_check(!warnings.failed && warnings.bytes < 1u << 20, "warnings are bounded");
    buf_deinit(&warnings);
    json_free(json);
    return s;
}

static void round_trip(const Spec *s) {
    fuzz_check(s->n_wants >= 1 && s->n_wants <= SPEC_MAX_WANTS, "it has one to sixteen wants");
    fuzz_check(spec_bytes(s) < 32u << 20, "its memory is bounded");
    char *text = text_of(s);
    if (strlen(text) < WIRE_MAX_IN) {
        Spec *again = spec_of(text, strlen(text), true);
        char *twice = text_of(again);
        if (strcmp(text, twice) != 0)
            fprintf(stderr, "1: %s\n2: %s\n", text, twice);
        fuzz_check(strcmp(text, twice) == 0, "that is written the same again");
        Buf a = BUF_INIT, b = BUF_INIT;
        spec_key(s, &a);
        spec_key(again, &b);
        fuzz_check(!a.failed && a.bytes == b.bytes && memcmp(a.data, b.data, a.bytes) == 0,
                   "and shares a feed with the first");
        buf_deinit(&a);
        buf_deinit(&b);
        fuzz_check(spec_enriched(s) == spec_enriched(again), "and its enrichment");
        mem_free(twice);
        spec_unref(again);
    }
    mem_free(text);
}

typedef struct Member {
    uint64_t id;
    const Spec *spec;
    bool caches;
} Member;

typedef struct World {
    Plan *plan;
    PlanDeltas deltas;
    Member members[MOST_LINES];
    uint32_t n;
    // What the source was told, from the differences alone.
    struct {
        Guid guid;
        PlanAsk ask;
    } told[MOST_TOUCHED];
    uint32_t n_told;
} World;

static void check_same(const Plan *a, const Plan *b) {
    const PlanProvider *p, *q;
    uint32_t n = 0;
    for (uint32_t i = 0; (p = plan_next(a, &i)) != NULL; n++) {
        q = plan_provider(b, &p->guid);
        fuzz_check(q != NULL, "no provider too many");
        fuzz_check(plan_ask_equal(&p->ask, &q->ask), "a provider is asked as from scratch");
        fuzz_check(p->n_watchers == q->n_watchers && p->n_wants == q->n_wants &&
                       p->caches == q->caches && p->capture_state == q->capture_state,
                   "and counted so");
    }
    for (uint32_t i = 0; plan_next(b, &i) != NULL;)
        n--;
    fuzz_check(n == 0, "no provider is missing");
    const PlanKernel *k = plan_kernel(a), *m = plan_kernel(b);
    fuzz_check(k->types == m->types && memcmp(k->masks, m->masks, sizeof k->masks) == 0 &&
                   k->stack_types == m->stack_types && k->n_stacks == m->n_stacks &&
                   k->n_watchers == m->n_watchers && k->caches == m->caches,
               "the kernel is asked as from scratch");
    fuzz_check(plan_members(a) == plan_members(b), "as many members");
}

static void check_step(World *w) {
    const PlanDeltas *d = &w->deltas;
    fuzz_check(!d->incomplete, "memory did not run out");
    for (uint32_t i = 0; i < d->n; i++) {
        const PlanDelta *delta = &d->items[i];
        uint32_t k = 0;
        while (k < w->n_told && !guid_equal(&w->told[k].guid, &delta->guid))
            k++;
        if (k == w->n_told) {
            if (k == MOST_TOUCHED)
                return;
            w->told[w->n_told++].guid = delta->guid;
            w->told[k].ask = (PlanAsk){0};
        }
        fuzz_check(plan_ask_equal(&w->told[k].ask, &delta->old_ask),
                   "a difference begins where we are");
        fuzz_check(!plan_ask_equal(&delta->old_ask, &delta->new_ask) || delta->capture_state,
                   "and leads elsewhere");
        fuzz_check(delta->widens == !plan_ask_covers(&delta->old_ask, &delta->new_ask),
                   "widens: the new ask passes more");
        fuzz_check(delta->narrows == !plan_ask_covers(&delta->new_ask, &delta->old_ask),
                   "narrows: the old ask passed more");
        w->told[k].ask = delta->new_ask;
        Buf text = BUF_INIT;
        plan_delta_text(delta, &text);
        fuzz_check(!text.failed && text.bytes < 64u * 1024u, "a difference can be told");
        buf_deinit(&text);
    }
    for (uint32_t k = 0; k < w->n_told; k++) {
        const PlanProvider *p = plan_provider(w->plan, &w->told[k].guid);
        PlanAsk none = {0};
        fuzz_check(plan_ask_equal(p ? &p->ask : &none, &w->told[k].ask), "the differences add up");
    }
    Plan *fresh;
    PlanDeltas ignored = PLAN_DELTAS_INIT;
    if (plan_new(&facts, &fresh) != 0)
        abort();
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t options = w->members[i].caches ? PLAN_MEMBER_CACHES : 0;
        fuzz_check(plan_join(fresh, w->members[i].id, w->members[i].spec, options, &ignored) == 0,
                   "members can join");
    }
    check_same(w->plan, fresh);
    check_same(fresh, w->plan);
    plan_free(fresh);
    plan_deltas_deinit(&ignored);
}

static void run(World *w, Spec *const *specs, uint32_t n, uint64_t random) {
    if (plan_new(&facts, &w->plan) != 0)
        abort();
    for (uint32_t i = 0; i < n; i++) {
        bool caches = i == 5;
        PlanDeltas preview = PLAN_DELTAS_INIT;
        fuzz_check(plan_preview(w->plan, i + 1, specs[i], &preview) == 0,
                   "a join can be previewed");
        plan_deltas_clear(&w->deltas);
        check_step(w); // (that changed nothing)
        fuzz_check(
            plan_join(w->plan, i + 1, specs[i], caches ? PLAN_MEMBER_CACHES : 0, &w->deltas) == 0,
            "a member can join");
        if (!caches)
            fuzz_check(preview.n == w->deltas.n, "as the preview said");
        plan_deltas_deinit(&preview);
        fuzz_check(plan_join(w->plan, i + 1, specs[i], 0, &preview) == -STATUS_CONFLICT, "once");
        plan_deltas_deinit(&preview);
        w->members[w->n++] = (Member){i + 1, specs[i], caches};
        check_step(w);
        uint32_t x = fuzz_random(&random);
        uint32_t who = (x >> 8) % w->n;
        const Spec *other = specs[(x >> 16) % n];
        if (x % 3 != 0) {
            fuzz_check(plan_change_begin(w->plan, w->members[who].id, other, &w->deltas) == 0,
                       "a member can change");
            for (uint32_t k = 0; k < w->deltas.n; k++)
                fuzz_check(!w->deltas.items[k].narrows, "a change widens first");
            if (x % 3 == 1) {
                // Between begin and commit both sets of asks are there: nothing to compare it with.
                World *v = w;
                for (uint32_t k = 0; k < v->deltas.n; k++) {
                    uint32_t t = 0;
                    while (t < v->n_told && !guid_equal(&v->told[t].guid, &v->deltas.items[k].guid))
                        t++;
                    if (t == v->n_told && t < MOST_TOUCHED)
                        v->told[v->n_told++].guid = v->deltas.items[k].guid;
                    if (t < MOST_TOUCHED)
                        v->told[t].ask = v->deltas.items[k].new_ask;
                }
                fuzz_check(plan_change_commit(w->plan, w->members[who].id, &w->deltas) == 0,
                           "a change can be committed");
                w->members[who].spec = other;
                check_step(w);
            } else {
                fuzz_check(plan_change_abort(w->plan, w->members[who].id, &w->deltas) == 0,
                           "or undone");
                plan_deltas_clear(
                    &w->deltas); // begin and abort cancel out; the comparison below shows it
                check_step(w);
            }
        }
    }
    while (w->n > 0) {
        uint32_t who = fuzz_random(&random) % w->n;
        fuzz_check(plan_leave(w->plan, w->members[who].id, &w->deltas) == 0, "a member can leave");
        w->members[who] = w->members[--w->n];
        check_step(w);
    }
    uint32_t i = 0;
    fuzz_check(plan_next(w->plan, &i) == NULL && plan_kernel(w->plan)->types == 0 &&
                   plan_members(w->plan) == 0,
               "without members nothing is asked");
    plan_free(w->plan);
    plan_deltas_deinit(&w->deltas);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static SchemaStore *store;
    static World world;
    if (!store) {
        json_use_mem();
        if (schema_store_new(&store) != 0)
            abort();
        names = names_of_store(store);
    }
    if (size > WIRE_MAX_IN)
        return 0;
    FuzzLeaks leaks = fuzz_leaks_begin();
    Spec *specs[MOST_LINES];
    uint32_t n = 0;
    const char *at = (const char *)data, *end = at + size;
    for (uint32_t line = 0; line < MOST_LINES && at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t bytes = (size_t)((stop ? stop : end) - at);
        char *text = mem_dup(at, bytes); // of its exact size, for the sanitizer
        Spec *s = spec_of(text, bytes, false);
        mem_free(text);
        if (s) {
            round_trip(s);
            specs[n++] = s;
        }
        at = stop ? stop + 1 : end;
    }
    if (n > 0) {
        memset(&world, 0, offsetof(World, told));
        world.n_told = 0;
        run(&world, specs, n, fuzz_hash(FUZZ_HASH_START, data, size));
    }
    for (uint32_t i = 0; i < n; i++)
        spec_unref(specs[i]);
    fuzz_leaks_end(&leaks);
    return 0;
}
