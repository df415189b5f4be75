#include "client/etwctl/spec.h"

#include "platform/file.h"

#define SPEC_FILE_MOST (64u * 1024u) // a request's limit

const Option spec_options[] = {
    {"spec", "filter-hashtable", OPTION_TEXT, offsetof(SpecOptions, spec), "JSON|@FILE",
     "a whole subscription as JSON instead of the options "
     "above:\n{\"wants\":[{\"provider\":...},...],...}"},
    {"include-rundown", NULL, OPTION_FLAG, offsetof(SpecOptions, include_rundown), NULL,
     "also events that only list what there already was"},
    {"include-self", NULL, OPTION_FLAG, offsetof(SpecOptions, include_self), NULL,
     "also events of etwctl itself"},
    {"stack", "stacks", OPTION_LIST, offsetof(SpecOptions, stacks), "TYPE|PROVIDER,...",
     "with the call stacks of these kernel types' or\nproviders' events; '*' for all"},
    {"enrich", NULL, OPTION_TEXT, offsetof(SpecOptions, enrich), "default|none|all",
     "none: without names of processes, files and keys\n(docs/FIELDS.md), and at no cost for them"},
    {"name", "description", OPTION_TEXT, offsetof(SpecOptions, name), "TEXT",
     "a name for 'etwctl profile'"},
    {"queue-policy", NULL, OPTION_TEXT, offsetof(SpecOptions, queue_policy),
     "drop-oldest|drop-newest|disconnect|wait",
     "when the queue is full (wait: lossless replay only)"},
    {"queue", NULL, OPTION_BYTES, offsetof(SpecOptions, queue), "SIZE",
     "size of the queue in the broker: 8MB"},
    {0},
};

static int read_spec(const char *path, Buf *out, Err *err) {
    PlatFile *file = NULL;
    int r = plat_file_open(path, &file, err);
    if (r < 0)
        return err_prefix(err, r, "--spec");
    uint64_t bytes = plat_file_size(file);
    size_t got = 0;
    if (bytes > SPEC_FILE_MOST)
        r = err_set(err, STATUS_OVERSIZE,
                    "--spec: %.200s has %llu bytes; a subscription has at most %u", path,
                    (unsigned long long)bytes, SPEC_FILE_MOST);
    else if (!buf_reserve(out, (size_t)bytes + 1))
        r = err_set(err, STATUS_NO_MEMORY, "no memory to read %.200s", path);
    else
        r = plat_file_read_at(file, 0, out->data + out->bytes, (size_t)bytes, &got, err);
    if (r == 0) {
        out->bytes += got;
        out->data[out->bytes] = '\0';
    }
    plat_file_close(file);
    return r;
}

int spec_text(const SpecOptions *o, Buf *out, Err *err) {
    bool others = !want_is_empty(&o->want) || o->include_rundown || o->include_self || o->name ||
                  o->queue_policy || o->queue.set || o->enrich || o->stacks.n > 0;
    if (o->spec) {
        if (others)
            return err_set(
                err, STATUS_INVALID_ARGUMENT,
                "--spec is a whole subscription: leave out the other filters and options of it");
        if (o->spec[0] == '@')
            return read_spec(o->spec + 1, out, err);
        buf_text(out, o->spec);
        return 0;
    }
    JsonWriter w = jsonw(out);
    jsonw_object(&w);
    jsonw_key(&w, "wants");
    jsonw_array(&w);
    jsonw_object(&w);
    int r = want_members(&o->want, &w, err);
    if (r < 0)
        return r;
    jsonw_object_end(&w);
    jsonw_array_end(&w);
    const struct {
        const char *key, *value;
    } texts[] = {{"name", o->name}, {"queue_policy", o->queue_policy}, {"enrich", o->enrich}};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        if (!texts[i].value)
            continue;
        jsonw_key(&w, texts[i].key);
        jsonw_text(&w, texts[i].value);
    }
    if (o->stacks.n > 0) {
        jsonw_key(&w, "stacks");
        jsonw_array(&w);
        for (uint32_t i = 0; i < o->stacks.n; i++)
            jsonw_text(&w, o->stacks.items[i]);
        jsonw_array_end(&w);
    }
    if (o->queue.set) {
        jsonw_key(&w, "queue_bytes");
        jsonw_u64_text(&w, o->queue.value);
    }
    const struct {
        const char *key;
        bool value;
    } flags[] = {{"include_rundown", o->include_rundown}, {"include_self", o->include_self}};
    for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
        if (!flags[i].value)
            continue;
        jsonw_key(&w, flags[i].key);
        jsonw_bool(&w, true);
    }
    jsonw_object_end(&w);
    return out->failed ? err_set(err, STATUS_NO_MEMORY, "no memory for the subscription") : 0;
}
