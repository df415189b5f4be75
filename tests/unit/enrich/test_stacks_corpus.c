// Stacks of real traces, against what Microsoft's library says of them (corpus/traceevent, log).
#include "enrich/stacks.h"
#include "schema/types.h"
#include "source/etl_reader.h"
#include "unit/common/corpus.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/utf.h"

#include <criterion/criterion.h>

typedef struct Plans {
    ImagePlan image;
    StackPlan stack;
    SubjectPlan subject;
} Plans;

typedef struct Walk {
    EtlReader *reader;
    SchemaStore *store;
    TypeTable *types;
    Volumes *volumes;
    Images *images;
    Stacks *stacks;
    EventRecord record;
    const Type *type;
    uint64_t n;
    Err err;
} Walk;

static const Plans *plans_of(Type *type) {
    if (!type->routes) {
        Plans *plans = mem_zalloc(sizeof *plans);
        cr_assert(plans != NULL);
        plans->image = images_plan(type->schema);
        plans->stack = stacks_plan(type->schema);
        plans->subject = subject_plan(type->schema);
        type->routes = plans;
    }
    return type->routes;
}

static const Plans *next(Walk *w) {
    int r = etl_next(w->reader, &w->record, &w->err);
    cr_assert(r >= 0, "%s", w->err.text);
    if (r == 0)
        return NULL;
    w->record.ordinal = w->n++;
    Type *type = type_table_find(w->types, &w->record);
    cr_assert(type != NULL);
    w->type = type;
    return plans_of(type);
}

static void observe(Walk *w, const Plans *plans) {
    static const Guid config =
        GUID_INIT(0x9b79ee91, 0xb5fd, 0x41c0, 0xa2, 0x43, 0x42, 0x48, 0xe2, 0x66, 0xe9, 0xd0);
    if (guid_equal(&w->type->provider, &config) && w->type->desc.opcode == 35) {
        Text *nt = fact_text(&w->record, w->type->schema, 0);
        Text *dos = fact_text(&w->record, w->type->schema, 1);
        if (nt)
            cr_assert(volumes_add(w->volumes, nt->s, dos ? dos->s : "") == 0);
        text_unref(nt);
        text_unref(dos);
    }
    images_observe(w->images, &plans->image, &w->record, w->type->schema);
    stacks_observe(w->stacks, &plans->stack, &w->record, w->type->schema);
    stacks_observe_items(w->stacks, &w->record);
}

static bool walk_open(Walk *w, const char *file, bool looks_ahead) {
    char path[1024];
    const EtlOptions schemas = {.schema_only = true}, all = {.schema_only = false};
    const ImagesOptions images = {4096, 64u << 20, looks_ahead};
    const StacksOptions stacks = {256u << 20, looks_ahead};
    *w = (Walk){.err = ERR_INIT};
    if (!corpus_file(file, path, sizeof path))
        return false;
    cr_assert(schema_store_new(&w->store) == 0);
    cr_assert(type_table_new(w->store, mem_free, &w->types) == 0);
    cr_assert(etl_open(path, &schemas, &w->reader, &w->err) == 0, "%s", w->err.text);
    while (etl_next(w->reader, &w->record, &w->err) == 1) {
        Guid provider;
        cr_assert(schema_store_feed(w->store, &w->record, &provider) >= 0);
    }
    etl_close(w->reader);
    cr_assert(etl_open(path, &all, &w->reader, &w->err) == 0);
    cr_assert(volumes_new(&w->volumes) == 0);
    cr_assert(images_new(&images, w->volumes, &w->images) == 0);
    cr_assert(stacks_new(&stacks, w->images, &w->stacks) == 0);
    return true;
}

static void scan(Walk *w) {
    for (const Plans *plans; (plans = next(w)) != NULL;)
        observe(w, plans);
    cr_assert(etl_rewind(w->reader, &w->err) == 0);
    w->n = 0;
}

static void walk_close(Walk *w) {
    stacks_free(w->stacks);
    images_free(w->images);
    volumes_free(w->volumes);
    etl_close(w->reader);
    type_table_free(w->types);
    schema_store_free(w->store);
}

static const StackView *find(Walk *w, const Plans *plans) {
    Subject subject;
    if (plans->subject.no_stack)
        return NULL;
    subject_read(&plans->subject, &w->record, &subject);
    return stacks_find(w->stacks, &w->record, &subject);
}

// "path+0xoffset|…" or "0xaddress".
static void write_stack(Buf *out, const StackView *view) {
    buf_clear(out);
    for (uint32_t i = 0; i < view->n; i++) {
        const FrameView *f = &view->frames[i];
        buf_text(out, i > 0 ? "|" : "");
        if (f->module)
            buf_printf(out, "%s+0x%llx", f->module->path, (unsigned long long)f->offset);
        else
            buf_printf(out, "0x%llx", (unsigned long long)f->address);
    }
}

typedef struct Expected {
    uint64_t n;
    uint32_t frames;
    const char *begins, *ends;
} Expected;

#define SYSTEM32 "C:\\Windows\\system32\\"

static const Expected some[] = {
    // A kernel part and a user part with frames of both widths.
    {1637, 42,
     "0xffffffffffd03003|" SYSTEM32 "ntoskrnl.exe+0x151e37|" SYSTEM32 "ntdll.dll+0x455b|" SYSTEM32
     "wow64.dll+0x2aeb9|" SYSTEM32 "wow64.dll+0xc363|" SYSTEM32 "wow64cpu.dll+0x25a7|",
     "|C:\\Windows\\SysWOW64\\ntdll.dll+0x5ac69|C:\\Windows\\SysWOW64\\ntdll.dll+0x5ac3c"},
    // Completed by a user part more than 2,048 events later, where Microsoft's library stops.
    {2114, 53, "", "|C:\\Windows\\SysWOW64\\ntdll.dll+0x5ac3c"},
    {5261, 57, "", "|C:\\Windows\\SysWOW64\\ntdll.dll+0x5ac3c"},
    // The process's first Image/Load: ntdll.dll is told of a moment later.
    {29436, 6,
     SYSTEM32 "ntoskrnl.exe+0x4d432c|" SYSTEM32 "ntoskrnl.exe+0x4314c8|" SYSTEM32
              "ntoskrnl.exe+0x4327d6|" SYSTEM32 "ntoskrnl.exe+0x60f05|" SYSTEM32
              "ntoskrnl.exe+0x60e87|",
     "|C:\\Windows\\SYSTEM32\\ntdll.dll+0x1c3d0"},
    // Resolved at the time of the event: what was unloaded when the stack was defined.
    {32726, 0, "", ""},
};

static bool begins(const char *text, const char *with) {
    size_t m = strlen(with); // without case: Windows writes its folders as it likes
    return strlen(text) >= m && fold_compare(text, m, with, m) == 0;
}

static bool ends(const char *text, const char *with) {
    size_t n = strlen(text), m = strlen(with);
    return n >= m && fold_equal(text + n - m, with);
}

static uint32_t check_some(const StackView *view, uint64_t n, Buf *text) {
    for (uint32_t i = 0; i < ARRAY_COUNT(some); i++) {
        if (some[i].n != n)
            continue;
        write_stack(text, view);
        const char *line = buf_str(text);
        cr_assert(begins(line, some[i].begins), "%llu: %s", (unsigned long long)n, line);
        cr_assert(ends(line, some[i].ends), "%llu: %s", (unsigned long long)n, line);
        cr_assert(some[i].frames == 0 || view->n == some[i].frames, "%llu: %u",
                  (unsigned long long)n, view->n);
        return 1;
    }
    return 0;
}

Test(stacks_corpus, every_stack_finds_its_event, .timeout = 120) {
    Walk w;
    Buf text = BUF_INIT;
    size_t before = mem_in_use();
    if (!walk_open(&w, "net.4.5.2.x64.etl", true))
        cr_skip_test("no corpus");
    scan(&w);
    uint32_t stacks = 0, incomplete = 0, checked = 0, pdb = 0, modules = 0;
    for (const Plans *plans; (plans = next(&w)) != NULL;) {
        const StackView *view = find(&w, plans);
        if (!view)
            continue;
        stacks++;
        incomplete += view->incomplete;
        checked += check_some(view, w.record.ordinal, &text);
        for (uint32_t i = 0; i < view->n; i++) {
            modules += view->frames[i].module != NULL;
            pdb += view->frames[i].module && view->frames[i].module->pdb_age != 0;
        }
    }
    cr_assert(checked == ARRAY_COUNT(some));
    StackTotals totals = stacks_totals(w.stacks);
    cr_assert(totals.fragments == 9359 && totals.attached == 9359, "%llu of %llu",
              (unsigned long long)totals.attached, (unsigned long long)totals.fragments);
    cr_assert(totals.references == 9107 && totals.resolved == 9107);
    cr_assert(totals.linked == 14983 && totals.linked_attached == 14983); // CLR
    cr_assert(stacks == 23384, "%u", stacks);
    // Threads that never came back to user mode before the trace ended.
    cr_assert(incomplete == 17, "%u", incomplete);
    cr_assert(totals.frames == 575310 && totals.in_modules == 511679 && modules == 511679);
    cr_assert(pdb == 511679, "%u", pdb);
    cr_assert(!stacks_degraded(w.stacks));
    // Stacks that come again are shared.
    const ModuleView *ntdll = images_find(w.images, 3676, 0x7f9d030c3d0, 8, 40000);
    cr_assert(ntdll != NULL && ntdll->pdb_age == 2 && strcmp(ntdll->pdb_name, "ntdll.pdb") == 0);
    char guid[GUID_TEXT];
    cr_assert(strcmp(guid_format(&ntdll->pdb_guid, guid), "6048fdb6-2dcd-41c1-8835-594844ce7143") ==
              0);
    cr_assert(ntdll->timestamp == 1343270098 && ntdll->size == 1826816);
    buf_deinit(&text);
    walk_close(&w);
    cr_assert(mem_in_use() == before);
}

// Every event waits, as in a live session; what is defined in time gives the same stacks.
Test(stacks_corpus, live_waits_give_the_same, .timeout = 120) {
    enum { HELD = 200000 };
    Walk file, live;
    if (!walk_open(&file, "net.4.5.2.x64.etl", true))
        cr_skip_test("no corpus");
    StackWait **waits = mem_array(HELD, sizeof(*waits));
    cr_assert(waits != NULL);
    scan(&file);
    cr_assert(walk_open(&live, "net.4.5.2.x64.etl", false));
    uint32_t equal = 0, complete = 0, part = 0, none = 0, keys_only = 0;
    for (const Plans *plans; (plans = next(&live)) != NULL;) {
        Subject subject;
        observe(&live, plans);
        uint64_t n = live.record.ordinal;
        if (n < HELD && !plans->subject.no_stack) {
            subject_read(&plans->subject, &live.record, &subject);
            waits[n] = stacks_expect(live.stacks, &live.record, &subject);
            cr_assert(waits[n] != NULL);
        }
        // 60,000 events are more than this file has in a second.
        if (n < 60000 || !waits[n - 60000] || stack_wait_complete(waits[n - 60000]))
            continue;
        const StackView *view = stack_wait_view(live.stacks, waits[n - 60000]);
        keys_only += view && view->n == 0 && view->incomplete;
        if (!view || view->n == 0)
            waits[n - 60000] = stack_wait_unref(waits[n - 60000]);
    }
    for (const Plans *plans; (plans = next(&file)) != NULL;) {
        const StackView *a = find(&file, plans);
        StackWait *wait = file.record.ordinal < HELD ? waits[file.record.ordinal] : NULL;
        if (!a)
            continue;
        const StackView *b = wait ? stack_wait_view(live.stacks, wait) : NULL;
        if (!b) {
            none++;
            continue;
        }
        if (b->incomplete || !stack_wait_complete(wait)) {
            part++;
            continue;
        }
        complete++;
        bool same = a->n == b->n;
        for (uint32_t i = 0; same && i < a->n; i++)
            same = a->frames[i].address == b->frames[i].address;
        equal += same;
    }
    cr_assert(complete == equal, "%u of %u", equal, complete);
    // The rest waits for keys that are defined when it is too late.
    cr_assert(complete == 19882, "%u, %u without a part, %u without any", complete, part, none);
    cr_assert(part + none + complete == 23384);
    cr_assert(keys_only == 3487, "%u", keys_only);
    for (uint32_t i = 0; i < HELD; i++)
        stack_wait_unref(waits[i]);
    mem_free(waits);
    walk_close(&live);
    walk_close(&file);
}

Test(stacks_corpus, stacks_in_items, .timeout = 60) {
    Walk w;
    if (!walk_open(&w, "diaghub.user_paged.1.etl", true))
        cr_skip_test("no corpus");
    scan(&w);
    uint32_t stacks = 0, frames = 0;
    for (const Plans *plans; (plans = next(&w)) != NULL;) {
        const StackView *view = find(&w, plans);
        if (!view)
            continue;
        cr_assert(stacks_in_items(&w.record) && !view->incomplete);
        stacks++;
        frames += view->n;
    }
    cr_assert(stacks == 176 && frames == 7832, "%u, %u", stacks, frames);
    walk_close(&w);
}
