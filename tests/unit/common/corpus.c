#include "corpus.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

const char *corpus_file(const char *name, char *buf, size_t cap) {
    const char *folder = getenv("ETW_CORPUS");
    // An empty variable is how the test runner says that there is none.
    if (folder == NULL)
        folder = "../shared/corpus";
    int n = snprintf(buf, cap, "%s/%s", folder, name);
    cr_assert(n > 0 && (size_t)n < cap, "path of %s is too long", name);
    FILE *file = folder[0] != 0 ? fopen(buf, "rb") : NULL;
    if (file != NULL) {
        fclose(file);
        return buf;
    }
    const char *ci = getenv("CI");
    cr_assert(ci == NULL || strcmp(ci, "true") != 0, "no corpus: %s", buf);
    fprintf(stderr, "SKIP %s: no corpus\n", name);
    return NULL;
}

void *corpus_load(const char *name, size_t *ret_bytes) {
    char path[1024];
    if (corpus_file(name, path, sizeof path) == NULL)
        return NULL;
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    long bytes = ftell(file);
    cr_assert(bytes > 0);
    rewind(file);
    void *data = mem_alloc((size_t)bytes);
    cr_assert_not_null(data);
    cr_assert_eq(fread(data, 1, (size_t)bytes, file), (size_t)bytes);
    fclose(file);
    *ret_bytes = (size_t)bytes;
    return data;
}
