// The names of a real trace's disk events, with what the whole file tells and with what was known
// then.
#include <criterion/criterion.h>
#include <stdio.h>

#include "enrich/files.h"
#include "schema/types.h"
#include "source/etl_reader.h"
#include "unit/common/corpus.h"
#include "util/mem.h"

static const Guid sys_config =
    GUID_INIT(0x9b79ee91, 0xb5fd, 0x41c0, 0xa2, 0x43, 0x42, 0x48, 0xe2, 0x66, 0xe9, 0xd0);

typedef struct Figures {
    uint32_t disk, disk_known, disk_guesses; // DiskIo Read and Write, HardFault
    uint32_t creates, creates_known;
    uint32_t images, images_known;
    uint32_t raw; // names that begin with the mapped volume's device
} Figures;

typedef struct Trace {
    SchemaStore *store;
    TypeTable *types;
    Volumes *volumes;
    Files *files;
    EtlReader *reader;
    uint64_t ordinal;
    Figures figures;
} Trace;

static FilePlan *plan_of(Type *type) {
    if (!type->routes) {
        FilePlan plan = files_plan(type->schema);
        type->routes = mem_dup(&plan, sizeof plan);
        cr_assert_not_null(type->routes);
    }
    return type->routes;
}

static void learn_volumes(Trace *t, const EventRecord *record, const Schema *schema) {
    static const char *const nt[] = {"NtPath", NULL}, *const dos[] = {"DosPath", NULL};
    static const char *const windows[] = {"SystemWindowsDirectory", NULL};
    if (record->desc.opcode == 35) {
        Text *from = fact_text(record, schema, fact_field(schema, nt));
        Text *to = fact_text(record, schema, fact_field(schema, dos));
        cr_assert_not_null(from);
        cr_assert_eq(volumes_add(t->volumes, from->s, to ? to->s : ""), 0);
        text_unref(from);
        text_unref(to);
    } else if (record->desc.opcode == 33) {
        Text *folder = fact_text(record, schema, fact_field(schema, windows));
        cr_assert_not_null(folder);
        cr_assert_eq(volumes_set_windows(t->volumes, folder->s), 0);
        text_unref(folder);
    }
}

static void count(Trace *t, const FilePlan *plan, const EventRecord *record, const Schema *schema) {
    static const char device[] = "\\Device\\HarddiskVolume2";
    Figures *f = &t->figures;
    uint8_t provenance = PROVENANCE_NONE;
    const Text *name = files_name(t->files, plan, record, schema, &provenance);
    cr_assert_eq(name != NULL, provenance != PROVENANCE_NONE);
    if (name && strncmp(name->s, device, sizeof device - 1) == 0)
        f->raw++;
    switch (plan->role) {
    case FILE_DISK:
        f->disk++;
        f->disk_known += name != NULL;
        f->disk_guesses += provenance == PROVENANCE_GUESS;
        break;
    case FILE_CREATE:
        f->creates++;
        f->creates_known += provenance == PROVENANCE_LIVE;
        break;
    case FILE_IMAGE:
        f->images++;
        f->images_known += name != NULL;
        break;
    default:
        break;
    }
}

static void pass(Trace *t, bool scanning) {
    Err err = ERR_INIT;
    EventRecord record;
    uint64_t ordinal = 0;
    cr_assert_eq(etl_rewind(t->reader, &err), 0, "%s", err.text);
    while (etl_next(t->reader, &record, &err) > 0) {
        record.ordinal = ordinal++;
        Type *type = type_table_find(t->types, &record);
        cr_assert_not_null(type);
        const FilePlan *plan = plan_of(type);
        if (guid_equal(&record.provider, &sys_config))
            learn_volumes(t, &record, type->schema);
        files_observe(t->files, plan, &record, type->schema, scanning);
        if (!scanning && plan->role != FILE_NOTHING)
            count(t, plan, &record, type->schema);
    }
    cr_assert_eq(err.status, 0, "%s", err.text);
}

static bool walk(const char *file, bool live, Figures *ret) {
    char path[1024];
    if (!corpus_file(file, path, sizeof path))
        return false;
    size_t before = mem_in_use();
    Trace t = {0};
    Err err = ERR_INIT;
    EventRecord record;
    Guid provider;
    FilesOptions options = {100000, 100000, 1000, 0, !live};
    cr_assert_eq(schema_store_new(&t.store), 0);
    cr_assert_eq(type_table_new(t.store, mem_free, &t.types), 0);
    cr_assert_eq(volumes_new(&t.volumes), 0);
    cr_assert_eq(files_new(&options, t.volumes, &t.files), 0);
    EtlOptions schemas = {.schema_only = true}, all = {.schema_only = false};
    cr_assert_eq(etl_open(path, &schemas, &t.reader, &err), 0, "%s", err.text);
    while (etl_next(t.reader, &record, &err) > 0)
        cr_assert_geq(schema_store_feed(t.store, &record, &provider), 0);
    etl_close(t.reader);
    cr_assert_eq(etl_open(path, &all, &t.reader, &err), 0, "%s", err.text);
    if (!live)
        pass(&t, true);
    pass(&t, false);
    *ret = t.figures;
    printf("%s %s: disk %u of %u (%u guesses), creates %u of %u, images %u of %u\n", file,
           live ? "live" : "file", ret->disk_known, ret->disk, ret->disk_guesses,
           ret->creates_known, ret->creates, ret->images_known, ret->images);
    etl_close(t.reader);
    files_free(t.files);
    volumes_free(t.volumes);
    type_table_free(t.types);
    schema_store_free(t.store);
    cr_assert_eq(mem_in_use(), before);
    return true;
}

Test(files_corpus, all_disk_events_have_names, .timeout = 120) {
    Figures f;
    if (!walk("net.4.5.2.x64.etl", false, &f))
        return;
    cr_assert_eq(f.disk, 1382u, "%u", f.disk);
    cr_assert_eq(f.disk_known, 1382u, "%u", f.disk_known);
    cr_assert_eq(f.disk_guesses, 2u, "%u", f.disk_guesses); // used a moment before they are named
    cr_assert_eq(f.creates, 562u, "%u", f.creates);
    cr_assert_eq(f.creates_known, 562u, "%u", f.creates_known);
    cr_assert_eq(f.images_known, f.images);
    cr_assert_eq(f.raw, 0u);
}

Test(files_corpus, what_was_known_then, .timeout = 120) {
    Figures f;
    if (!walk("net.4.5.2.x64.etl", true, &f))
        return;
    cr_assert_eq(f.disk, 1382u);
    cr_assert_eq(f.disk_known, 6u, "%u", f.disk_known); // the others are named by the rundown
    cr_assert_eq(f.disk_guesses, 0u);
    cr_assert_eq(f.creates_known, 562u);
}
