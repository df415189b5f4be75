// Manifests from files and folders.
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema/store.h"
#include "util/mem.h"

static char folder[] = "/tmp/etw-schema-XXXXXX";
static SchemaStore *store;
static size_t before;

static const char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text) {
    FILE *f = fopen(in_folder(name), "wb");
    cr_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void put_provider(const char *name, int number) {
    char text[512];
    snprintf(text, sizeof text,
             "<m><provider name='P%d' guid='{11111111-2222-3333-4444-5555555555%02d}'><events>"
             "<event value='1' symbol='E'/></events></provider></m>",
             number, number);
    put(name, text);
}

static void set_up(void) {
    before = mem_in_use();
    cr_assert(schema_store_new(&store) == 0);
    cr_assert(mkdtemp(folder) != NULL);
}

static void tear_down(void) {
    static const char *const names[] = {"a.man", "b.xml", "c.MAN", "d.txt", "bad.man"};
    store = schema_store_free(store);
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        unlink(in_folder(names[i]));
    rmdir(folder);
    cr_assert(mem_in_use() == before);
}

Test(load, one_file, .init = set_up, .fini = tear_down) {
    Err err = ERR_INIT;
    put_provider("a.man", 1);
    cr_assert(schema_store_load(store, in_folder("a.man"), &err) == 0, "%s", err.text);
    cr_assert(schema_store_stats(store).manifests == 1);
    put("bad.man", "<m><provider");
    cr_assert(schema_store_load(store, in_folder("bad.man"), &err) == -STATUS_FORMAT);
    cr_assert(strstr(err.text, "bad.man") != NULL && strstr(err.text, "line") != NULL, "%s",
              err.text);
    cr_assert(schema_store_load(store, in_folder("none.man"), &err) == -STATUS_NOT_FOUND);
}

Test(load, a_folder, .init = set_up, .fini = tear_down) {
    Err err = ERR_INIT;
    put_provider("a.man", 1);
    put_provider("b.xml", 2);
    put_provider("c.MAN", 3);
    put_provider("d.txt", 4);
    cr_assert(schema_store_load(store, folder, &err) == 0, "%s", err.text);
    cr_assert(schema_store_stats(store).manifests == 3);
}

Test(load, a_bad_file_in_a_folder_stops_nothing, .init = set_up, .fini = tear_down) {
    Err err = ERR_INIT;
    put("bad.man", "no manifest");
    put_provider("c.MAN", 3);
    put_provider("b.xml", 2);
    cr_assert(schema_store_load(store, folder, &err) == -STATUS_FORMAT);
    cr_assert(strstr(err.text, "bad.man") != NULL, "%s", err.text);
    cr_assert(schema_store_stats(store).manifests == 2);
}
