#include "platform/file.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "util/mem.h"

static void write_bytes(const char *path, size_t n) {
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    for (size_t i = 0; i < n; i++)
        fputc((int)(i & 0xff), f);
    cr_assert_eq(fclose(f), 0);
}

Test(file, positioned_reads) {
    size_t before = mem_in_use();
    const char *path = "unit_platform_file.tmp";
    write_bytes(path, 1000);
    PlatFile *file;
    Err err = ERR_INIT;
    cr_assert_eq(plat_file_open(path, &file, &err), 0, "%s", err.text);
    cr_assert_eq(plat_file_size(file), 1000);
    uint8_t buf[64];
    size_t got;
    for (size_t at = 930; at <= 1001; at++) {
        size_t left = at < 1000 ? 1000 - at : 0;
        cr_assert_eq(plat_file_read_at(file, at, buf, sizeof buf, &got, &err), 0);
        cr_assert_eq(got, left < sizeof buf ? left : sizeof buf, "at %zu", at);
        for (size_t i = 0; i < got; i++)
            cr_assert_eq(buf[i], (at + i) & 0xff);
    }
    cr_assert_eq(plat_file_read_at(file, 5, buf, 0, &got, &err), 0);
    cr_assert_eq(got, 0);
    cr_assert_eq(plat_file_read_at(file, UINT64_C(1) << 40, buf, 1, &got, &err), 0);
    cr_assert_eq(got, 0);
    // Others may write, shorten and read it meanwhile.
    write_bytes(path, 500);
    cr_assert_eq(plat_file_read_at(file, 490, buf, sizeof buf, &got, &err), 0);
    cr_assert_eq(got, 10);
    cr_assert_null(plat_file_close(file));
    cr_assert_null(plat_file_close(NULL));
    cr_assert_eq(mem_in_use(), before);
    remove(path);
}

Test(file, maps) {
    const char *path = "unit_platform_map.tmp";
    write_bytes(path, 5000);
    PlatFile *file;
    Err err = ERR_INIT;
    cr_assert_eq(plat_file_open(path, &file, &err), 0, "%s", err.text);
    const void *data = NULL, *again = NULL;
    cr_assert_eq(plat_file_map(file, &data, &err), 0, "%s", err.text);
    cr_assert_eq(((const uint8_t *)data)[4999], 4999 & 0xff);
    cr_assert_eq(plat_file_map(file, &again, &err), 0);
    cr_assert_eq(data, again);
    plat_file_close(file);
    write_bytes(path, 0);
    cr_assert_eq(plat_file_open(path, &file, &err), 0);
    cr_assert_eq(plat_file_map(file, &data, &err), -(int)STATUS_UNSUPPORTED);
    plat_file_close(file);
    remove(path);
}

Test(file, what_cannot_be_opened) {
    PlatFile *file = NULL;
    Err err = ERR_INIT;
    cr_assert_eq(plat_file_open("no/such/file", &file, &err), -(int)STATUS_NOT_FOUND);
    cr_assert(strstr(err.text, "no/such/file") != NULL, "%s", err.text);
    cr_assert_eq(plat_file_open(".", &file, &err), -(int)STATUS_INVALID_ARGUMENT, "%s", err.text);
    cr_assert_eq(plat_file_open("no_\xc3\xa4_such", &file, &err), -(int)STATUS_NOT_FOUND, "%s",
                 err.text);
    cr_assert_null(file);
}
