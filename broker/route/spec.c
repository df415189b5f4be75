#include "route/spec.h"

#include <stdlib.h>

#include "util/mem.h"
#include "util/utf.h"
#include "wire/json.h"

static const char *const policy_names[] = {"default", "drop-oldest", "drop-newest", "disconnect",
                                           "wait"};
static const char *const enrich_names[] = {"default", "none", "all"};

Spec *spec_ref(Spec *spec) {
    spec->refs++;
    return spec;
}

Spec *spec_unref(Spec *spec) {
    if (spec && --spec->refs == 0) {
        for (uint32_t i = 0; i < spec->n_wants; i++)
            want_free(spec->wants[i]);
        mem_free(spec->name);
        mem_free(spec->stack_guids);
        mem_free(spec);
    }
    return NULL;
}

const char *spec_queue_policy_name(uint8_t policy) {
    return policy < ARRAY_COUNT(policy_names) ? policy_names[policy] : "";
}

// Case and dashes do not matter: DropOldest, drop-oldest.
static int find_word(const char *const *words, size_t n, const char *text) {
    for (size_t i = 0; i < n; i++) {
        const char *a = words[i], *b = text;
        for (;;) {
            while (*a == '-')
                a++;
            while (*b == '-')
                b++;
            if (*a == 0 || *b == 0 || fold_char((uint8_t)*a) != fold_char((uint8_t)*b))
                break;
            a++;
            b++;
        }
        if (*a == 0 && *b == 0)
            return (int)i;
    }
    return -1;
}

bool spec_parse_queue_policy(const char *text, uint8_t *ret) {
    int i = find_word(policy_names, ARRAY_COUNT(policy_names), text);
    if (i < 0)
        return false;
    *ret = (uint8_t)i;
    return true;
}

static void add_guid(void *user, const Guid *guid, const char *name) {
    (void)name;
    Spec *spec = user;
    for (uint32_t i = 0; i < spec->n_stack_guids; i++)
        if (guid_equal(&spec->stack_guids[i], guid))
            return;
    if (spec->n_stack_guids < WANT_MAX_PROVIDERS)
        spec->stack_guids[spec->n_stack_guids++] = *guid;
}

static int compare_guid(const void *a, const void *b) {
    return memcmp(a, b, sizeof(Guid));
}

// A want that names nothing takes every event of the source, so it may have stacks on all of them.
static KernelSet all_if_open(const Want *want) {
    return want->n_providers == 0 && want->kernel == 0 ? KERNEL_ALL : 0;
}

// Which types of the same classes do have: the start of a request rather than its end.
static int no_stacks(const KernelType *type, Err *err) {
    Buf others = BUF_INIT;
    for (uint32_t k = 0; kernel_type(k); k++)
        if (kernel_type(k)->n_stacks != 0 &&
            guid_equal(kernel_type(k)->classes[0].class_guid, type->classes[0].class_guid))
            buf_printf(&others, "%s%s", others.bytes > 0 ? ", " : "; of its class these have: ",
                       kernel_type(k)->name);
    int r = err_set(err, STATUS_UNSUPPORTED,
                    "kernel type %s has no events that carry stacks; leave it out of 'stacks'%s",
                    type->name, buf_str(&others));
    buf_deinit(&others);
    return r;
}

static int read_stacks(Spec *spec, const cJSON *json, const RouteNames *names, Buf *warnings,
                       Err *err) {
    const cJSON *list;
    int r = json_get_array(json, "stacks", &list, err);
    if (r != 0)
        return r == JSON_ABSENT ? 0 : r;
    if ((uint32_t)cJSON_GetArraySize(list) > SPEC_MAX_STACKS)
        return err_set(err, STATUS_INVALID_ARGUMENT, "'stacks' has at most %u values",
                       SPEC_MAX_STACKS);
    spec->stack_guids = mem_array(WANT_MAX_PROVIDERS, sizeof *spec->stack_guids);
    if (!spec->stack_guids)
        return err_set(err, STATUS_NO_MEMORY, "out of memory while reading 'stacks'");
    for (const cJSON *v = list->child; v; v = v->next) {
        if (!cJSON_IsString(v) || v->valuestring[0] == 0 ||
            strlen(v->valuestring) > WANT_MAX_NAME_BYTES)
            return err_set(err, STATUS_INVALID_ARGUMENT,
                           "'stacks' takes kernel types, provider names or GUIDs, and \"*\"");
        const char *word = v->valuestring;
        if (strcmp(word, "*") == 0) {
            // Everything that is wanted: what the wants name, as far as it can carry stacks.
            spec->stack_providers = true;
            for (uint32_t i = 0; i < spec->n_wants; i++)
                spec->stack_kernel |= all_if_open(spec->wants[i]);
            for (uint32_t i = 0; i < spec->n_wants; i++)
                for (uint32_t k = 0; kernel_type(k); k++)
                    if ((spec->wants[i]->kernel & KERNEL_BIT(k)) && kernel_type(k)->n_stacks != 0)
                        spec->stack_kernel |= KERNEL_BIT(k);
            continue;
        }
        int index = kernel_type_find(word);
        if (index >= 0) {
            if (kernel_type((uint32_t)index)->n_stacks == 0)
                return no_stacks(kernel_type((uint32_t)index), err);
            spec->stack_kernel |= KERNEL_BIT(index);
            continue;
        }
        Guid guid;
        if (guid_parse(word, &guid)) {
            add_guid(spec, &guid, "");
        } else if (names->providers(names->user, word, add_guid, spec) == 0) {
            if (strpbrk(word, "*?"))
                return err_set(err, STATUS_NOT_FOUND, "'stacks': nothing known matches '%.60s'",
                               word);
            guid = guid_from_name(word);
            add_guid(spec, &guid, "");
            if (warnings)
                buf_printf(warnings,
                           "'stacks': '%.60s' is no kernel type and no known provider; it is taken "
                           "for the name of an EventSource\n",
                           word);
        }
    }
    if (spec->n_stack_guids != 0)
        qsort(spec->stack_guids, spec->n_stack_guids, sizeof(Guid), compare_guid);
    KernelSet wanted = 0;
    for (uint32_t i = 0; i < spec->n_wants; i++)
        wanted |= spec->wants[i]->kernel | all_if_open(spec->wants[i]);
    if (warnings && (spec->stack_kernel & ~wanted) != 0)
        buf_text(warnings,
                 "'stacks' names kernel types that no want asks for; they have no effect\n");
    spec->stack_kernel &= wanted;
    return 0;
}

// Names and paths come from the caches, which 'none' refuses: such a filter would never match.
static int check_enrich(const Spec *spec, Buf *warnings, Err *err) {
    if (spec->enrich != SPEC_ENRICH_NONE)
        return 0;
    uint64_t fields = spec_enriched(spec) & enriched_of_caches();
    for (uint32_t i = 1; i < ENRICHED_N; i++) {
        const char *name = enriched_field_name((EnrichedField)i);
        if (fields & ENRICHED_BIT(i))
            return err_set(err, STATUS_INVALID_ARGUMENT,
                           "the filter names '%s', which comes with enrichment, and 'enrich' is "
                           "none: leave 'enrich' out, or write EventData.%s for a field of the "
                           "event itself",
                           name, name);
    }
    if (warnings && (spec->stack_kernel != 0 || spec->stack_providers || spec->n_stack_guids != 0))
        buf_text(warnings, "'stacks' with enrich 'none': the source is asked for stacks, and none "
                           "goes with an event\n");
    return 0;
}

static int read_options(Spec *spec, const cJSON *json, const RouteNames *names, Buf *warnings,
                        Err *err) {
    const char *text = "";
    int r = json_get_string(json, "name", &text, err);
    if (r < 0)
        return r;
    if (strlen(text) > SPEC_MAX_NAME_BYTES)
        return err_set(err, STATUS_INVALID_ARGUMENT, "'name' has at most %u bytes",
                       SPEC_MAX_NAME_BYTES);
    spec->name = mem_strdup(text);
    if (!spec->name)
        return err_set(err, STATUS_NO_MEMORY, "out of memory while reading a subscription");
    if ((r = json_get_u64(json, "queue_bytes", &spec->queue_bytes, err)) < 0)
        return r;
    if ((r = json_get_string(json, "queue_policy", &text, err)) < 0)
        return r;
    if (r == 0 && !spec_parse_queue_policy(text, &spec->queue_policy))
        return err_set(err, STATUS_INVALID_ARGUMENT,
                       "queue_policy '%.40s' is none of drop-oldest, drop-newest, disconnect, wait",
                       text);
    if ((r = json_get_string(json, "enrich", &text, err)) < 0)
        return r;
    if (r == 0) {
        int i = find_word(enrich_names, ARRAY_COUNT(enrich_names), text);
        if (i < 0)
            return err_set(err, STATUS_INVALID_ARGUMENT,
                           "enrich '%.40s' is none of default, none, all", text);
        spec->enrich = (uint8_t)i;
    }
    if ((r = json_get_bool(json, "include_rundown", &spec->include_rundown, err)) < 0 ||
        (r = json_get_bool(json, "capture_state", &spec->capture_state, err)) < 0 ||
        (r = json_get_bool(json, "include_self", &spec->include_self, err)) < 0)
        return r;
    r = read_stacks(spec, json, names, warnings, err);
    return r < 0 ? r : check_enrich(spec, warnings, err);
}

static int read_wants(Spec *spec, const cJSON *json, const RouteNames *names, Buf *warnings,
                      Err *err) {
    const cJSON *list;
    int r = json_get_array(json, "wants", &list, err);
    if (r < 0)
        return r;
    int n = r == JSON_ABSENT ? 0 : cJSON_GetArraySize(list);
    if (n == 0)
        return err_set(
            err, STATUS_INVALID_ARGUMENT,
            "a subscription needs 'wants', an array of at least one; {} asks for everything");
    if ((uint32_t)n > SPEC_MAX_WANTS)
        return err_set(
            err, STATUS_INVALID_ARGUMENT,
            "a subscription has at most %u wants; lists of providers and ids go into one",
            SPEC_MAX_WANTS);
    for (const cJSON *v = list->child; v; v = v->next) {
        r = want_from_json(v, names, &spec->wants[spec->n_wants], warnings, err);
        if (r != 0)
            return n == 1 ? r : err_prefix(err, r, "want %u", spec->n_wants + 1);
        spec->n_wants++;
    }
    return 0;
}

int spec_from_json(const cJSON *json, const RouteNames *names, Spec **ret, Buf *warnings,
                   Err *err) {
    static const char *const keys[] = {
        "wants",         "name",         "queue_bytes", "queue_policy", "include_rundown",
        "capture_state", "include_self", "stacks",      "enrich",       NULL};
    Err local = ERR_INIT;
    if (!err)
        err = &local;
    if (!cJSON_IsObject(json))
        return err_set(err, STATUS_INVALID_ARGUMENT, "a subscription is a JSON object");
    int r = json_refuse_unknown(json, keys, err);
    if (r != 0)
        return r;
    for (const cJSON *a = json->child; a; a = a->next)
        for (const cJSON *b = a->next; b; b = b->next)
            if (a->string && b->string && strcmp(a->string, b->string) == 0)
                return err_set(err, STATUS_INVALID_ARGUMENT, "key '%.60s' stands twice", a->string);
    Spec *spec = mem_zalloc(sizeof *spec);
    if (!spec)
        return err_set(err, STATUS_NO_MEMORY, "out of memory while reading a subscription");
    spec->refs = 1;
    r = read_wants(spec, json, names, warnings, err);
    if (r == 0)
        r = read_options(spec, json, names, warnings, err);
    if (r != 0) {
        spec_unref(spec);
        return r;
    }
    *ret = spec;
    return 0;
}

static void write_stacks(const Spec *spec, JsonWriter *w) {
    if (spec->stack_kernel == 0 && spec->n_stack_guids == 0 && !spec->stack_providers)
        return;
    jsonw_key(w, "stacks");
    jsonw_array(w);
    if (spec->stack_providers)
        jsonw_text(w, "*");
    for (uint32_t i = 0; kernel_type(i) && spec->stack_kernel != KERNEL_ALL; i++)
        if (spec->stack_kernel & KERNEL_BIT(i))
            jsonw_text(w, kernel_type(i)->name);
    for (uint32_t i = 0; i < spec->n_stack_guids; i++) {
        char text[GUID_TEXT];
        jsonw_text(w, guid_format(&spec->stack_guids[i], text));
    }
    jsonw_array_end(w);
}

void spec_to_json(const Spec *spec, JsonWriter *w) {
    jsonw_object(w);
    jsonw_key(w, "wants");
    jsonw_array(w);
    for (uint32_t i = 0; i < spec->n_wants; i++)
        want_to_json(spec->wants[i], w);
    jsonw_array_end(w);
    if (*spec->name) {
        jsonw_key(w, "name");
        jsonw_text(w, spec->name);
    }
    if (spec->queue_bytes != 0) {
        jsonw_key(w, "queue_bytes");
        jsonw_u64_text(w, spec->queue_bytes);
    }
    if (spec->queue_policy != SPEC_QUEUE_DEFAULT) {
        jsonw_key(w, "queue_policy");
        jsonw_text(w, spec_queue_policy_name(spec->queue_policy));
    }
    const struct {
        const char *key;
        bool value;
    } flags[] = {{"include_rundown", spec->include_rundown},
                 {"capture_state", spec->capture_state},
                 {"include_self", spec->include_self}};
    for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
        if (!flags[i].value)
            continue;
        jsonw_key(w, flags[i].key);
        jsonw_bool(w, true);
    }
    write_stacks(spec, w);
    if (spec->enrich != SPEC_ENRICH_DEFAULT) {
        jsonw_key(w, "enrich");
        jsonw_text(w, enrich_names[spec->enrich]);
    }
    jsonw_object_end(w);
}

// --- the key ---

static void key_text(Buf *out, const char *text) {
    buf_u32(out, (uint32_t)strlen(text));
    buf_text(out, text);
}

static void key_want(Buf *out, const Want *w) {
    buf_u32(out, w->n_providers);
    for (uint32_t i = 0; i < w->n_providers; i++) {
        const WantProvider *p = &w->providers[i];
        buf_append(out, p->guid.b, sizeof p->guid.b);
        buf_u64(out, p->any);
        buf_u64(out, p->any == 0 ? 0 : p->all); // unused, so no difference
    }
    buf_u64(out, w->kernel);
    buf_u64(out, w->any);
    buf_u64(out, w->any == 0 ? 0 : w->all);
    buf_char(out, (char)w->level);
    buf_char(out, w->ignore_keyword0);
    buf_char(out, w->has_opcodes);
    buf_append(out, w->opcodes, sizeof w->opcodes);
    buf_u32(out, w->n_ids);
    for (uint32_t i = 0; i < w->n_ids; i++)
        buf_u16(out, w->ids[i]);
    buf_u32(out, w->n_names);
    for (uint32_t i = 0; i < w->n_names; i++)
        key_text(out, w->names[i]);
    buf_u32(out, w->n_pids);
    for (uint32_t i = 0; i < w->n_pids; i++)
        buf_u32(out, w->pids[i]);
    key_text(out, w->filter ? filter_text(w->filter) : "");
}

void spec_key(const Spec *spec, Buf *out) {
    buf_u32(out, spec->n_wants);
    for (uint32_t i = 0; i < spec->n_wants; i++)
        key_want(out, spec->wants[i]);
    buf_char(out, spec->include_rundown);
    buf_char(out, (char)spec->enrich);
    buf_char(out, spec->stack_providers);
    buf_u64(out, spec->stack_kernel);
    buf_u32(out, spec->n_stack_guids);
    for (uint32_t i = 0; i < spec->n_stack_guids; i++)
        buf_append(out, spec->stack_guids[i].b, sizeof spec->stack_guids[i].b);
}

uint64_t spec_enriched(const Spec *spec) {
    uint64_t set = 0;
    for (uint32_t i = 0; i < spec->n_wants; i++)
        if (spec->wants[i]->filter)
            set |= filter_enriched(spec->wants[i]->filter);
    return set;
}

bool spec_wants_provider_stack(const Spec *spec, const Guid *provider) {
    if (spec->stack_providers)
        return true;
    for (uint32_t i = 0; i < spec->n_stack_guids; i++)
        if (guid_equal(&spec->stack_guids[i], provider))
            return true;
    return false;
}

size_t spec_bytes(const Spec *spec) {
    size_t n = sizeof *spec + strlen(spec->name) + 1;
    if (spec->stack_guids)
        n += WANT_MAX_PROVIDERS * sizeof(Guid);
    for (uint32_t i = 0; i < spec->n_wants; i++)
        n += sizeof(Want) + spec->wants[i]->arena.bytes + filter_bytes(spec->wants[i]->filter);
    return n;
}

// --- programs ---

int spec_bind(const Spec *spec, const RouteType *type, BoundSpec **ret) {
    BoundSpec *b = mem_zalloc(sizeof *b);
    if (!b)
        return -(int)STATUS_NO_MEMORY;
    b->open = type->open;
    b->include_rundown = spec->include_rundown;
    b->type = *type;
    *ret = NULL;
    bool matched = type->open;
    for (uint32_t i = 0; i < spec->n_wants && !b->always; i++) {
        if (!type->open && !want_matches_type(spec->wants[i], type, spec->include_rundown))
            continue;
        matched = true;
        BoundWant bound;
        int r = want_bind(spec->wants[i], type, &bound);
        if (r != 0) {
            spec_unbind(b);
            return r;
        }
        if (!type->open && bound.want->n_pids == 0) {
            FilterVerdict verdict = filter_verdict(bound.filter);
            b->always = verdict == FILTER_ALWAYS;
            if (verdict == FILTER_NEVER) { // offered, and always filtered
                want_unbind(&bound);
                continue;
            }
        }
        if (b->always)
            while (b->n > 0)
                want_unbind(&b->wants[--b->n]);
        b->wants[b->n++] = bound;
    }
    if (!matched) {
        spec_unbind(b);
        return 1;
    }
    *ret = b;
    return 0;
}

BoundSpec *spec_unbind(BoundSpec *bound) {
    if (bound) {
        for (uint32_t i = 0; i < bound->n; i++)
            want_unbind(&bound->wants[i]);
        mem_free(bound);
    }
    return NULL;
}

bool spec_matches(const BoundSpec *bound, const FilterInput *input, FilterCounters *counters,
                  bool *ret_offered) {
    bool offered = !bound->open;
    bool matched = bound->always;
    RouteType type = bound->type;
    if (bound->open) {
        type.provider = &input->record->provider;
        type.desc = &input->record->desc;
        type.event_flags = input->record->flags;
    }
    for (uint32_t i = 0; i < bound->n && !matched; i++) {
        if (bound->open) {
            if (!want_matches_type(bound->wants[i].want, &type, bound->include_rundown))
                continue;
            offered = true;
        }
        matched = want_matches_event(&bound->wants[i], input, counters);
    }
    if (ret_offered)
        *ret_offered = offered;
    return matched;
}
