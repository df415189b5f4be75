// Control messages: what json_parse lets through is within its budgets, prints and parses again as the
// same tree, and costs a bounded multiple of its text.
#include "tests/fuzz/fuzz.h"

#include "wire/json.h"

// A tree's node has about 64 bytes and needs at least two of text ("1,").
#define HEAP_FACTOR 64u
#define HEAP_BASE   4096u

typedef struct Walk {
    uint32_t tokens, depth;
} Walk;

static void walk(const cJSON *v, uint32_t depth, Walk *w) {
    w->tokens++;
    w->depth = MAX_OF(w->depth, depth);
    fuzz_check(!cJSON_IsInvalid(v) && !cJSON_IsRaw(v), "only JSON's own kinds");
    if (cJSON_IsNumber(v))
        fuzz_check(v->valuedouble - v->valuedouble == 0, "numbers are finite");
    uint32_t members = 0;
    for (const cJSON *child = v->child; child; child = child->next) {
        members++;
        if (cJSON_IsObject(v)) {
            w->tokens++;
            fuzz_check(child->string != NULL, "a member has a key");
            for (const cJSON *other = child->next; other; other = other->next)
                fuzz_check(strcmp(child->string, other->string) != 0, "no key stands twice");
            const cJSON *found = json_member(v, child->string);
            fuzz_check(found == (cJSON_IsNull(child) ? NULL : child),
                       "a member is found by its name");
        }
        walk(child, depth + 1, w);
    }
    if (cJSON_IsObject(v))
        fuzz_check(members <= JSON_MAX_MEMBERS, "an object keeps its limit");
}

static void check_get(int r, const Err *err) {
    fuzz_check(r == 0 || r == JSON_ABSENT || (r == -STATUS_INVALID_ARGUMENT && err->text[0]),
               "a member is given, absent, or refused with a text");
}

static void get_all(const cJSON *object) {
    static const char *const allowed[] = {"wants", "name", "level", NULL};
    Err err = ERR_INIT;
    check_get(json_refuse_unknown(object, allowed, &err), &err);
    for (const cJSON *m = object->child; m; m = m->next) {
        const char *text = NULL;
        const cJSON *inner = NULL;
        bool flag = false;
        uint64_t u64 = 0, again = 0;
        uint32_t u32 = 0;
        check_get(json_get_string(object, m->string, &text, &err), &err);
        check_get(json_get_bool(object, m->string, &flag, &err), &err);
        check_get(json_get_array(object, m->string, &inner, &err), &err);
        check_get(json_get_object(object, m->string, &inner, &err), &err);
        int r = json_get_u64(object, m->string, &u64, &err);
        check_get(r, &err);
        if (r == 0) {
            fuzz_check(json_value_u64(m, "m", &again, &err) == 0 && again == u64,
                       "both read the same");
            fuzz_check((json_get_u32(object, m->string, &u32, &err) == 0) == (u64 <= UINT32_MAX),
                       "32 bits are taken when they are enough");
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool set;
    if (!set) {
        json_use_mem();
        set = true;
    }
    if (size > 64u * 1024u)
        return 0;
    FuzzLeaks leaks = fuzz_leaks_begin();
    uint32_t bytes;
    FuzzInput in = {data, size};
    uint8_t *text = fuzz_take(&in, size, &bytes);
    mem_reset_peak();
    size_t base = mem_in_use();
    cJSON *tree = NULL;
    Err err = ERR_INIT;
    int r = json_parse((const char *)text, size, &tree, &err);
    fuzz_check(mem_peak() - base <= HEAP_BASE + HEAP_FACTOR * size,
               "the heap is bounded by the text");
    fuzz_check(r == 0 || (r == -STATUS_INVALID_ARGUMENT && err.text[0] && !tree),
               "a text is refused with a reason");
    if (r == 0) {
        Walk w = {0, 0};
        walk(tree, 1, &w);
        fuzz_check(w.depth <= JSON_MAX_DEPTH + 1 && w.tokens <= JSON_MAX_TOKENS,
                   "a tree keeps its budgets");
        if (cJSON_IsObject(tree))
            get_all(tree);
        char *printed = cJSON_PrintUnformatted(tree);
        cJSON *again = NULL;
        fuzz_check(printed != NULL, "a tree can be printed");
        fuzz_check(json_parse(printed, strlen(printed), &again, &err) == 0, "and parsed again");
        fuzz_check(cJSON_Compare(tree, again, true), "as the same tree");
        json_free(again);
        cJSON_free(printed);
    }
    json_free(tree);
    mem_free(text);
    fuzz_leaks_end(&leaks);
    return 0;
}
