#include <criterion/criterion.h>
#include <stdio.h>

#include "enrich/volumes.h"
#include "util/err.h"
#include "util/mem.h"

static Volumes *volumes;
static size_t in_use;

static void start(void) {
    in_use = mem_in_use();
    cr_assert_eq(volumes_new(&volumes), 0);
}

static void finish(void) {
    mem_fail_at(0);
    volumes = volumes_free(volumes);
    cr_assert_eq(mem_in_use(), in_use);
}

static void add(const char *nt_path, const char *dos_path) {
    cr_assert_eq(volumes_add(volumes, nt_path, dos_path), 0, "%s", nt_path);
}

static void is(const char *raw, const char *shown) {
    Text *text = text_new(raw, strlen(raw));
    cr_assert_not_null(text);
    Text *mapped = volumes_map(volumes, text);
    cr_assert_not_null(mapped);
    cr_assert(strcmp(mapped->s, shown) == 0, "%s gives %s, not %s", raw, mapped->s, shown);
    cr_assert_eq(mapped->generation, volumes_generation(volumes));
    cr_assert_eq(mapped == text, strcmp(raw, shown) == 0, "%s", raw);
    text_unref(mapped);
    text_unref(text);
}

static void stays(const char *raw) {
    is(raw, raw);
}

Test(volumes, device_to_drive, .init = start, .fini = finish) {
    add("\\Device\\HarddiskVolume2\\", "C:\\");
    add("\\Device\\HarddiskVolume3", "D:");
    is("\\Device\\HarddiskVolume2\\Windows\\a.txt", "C:\\Windows\\a.txt");
    is("\\Device\\HarddiskVolume2\\", "C:\\");
    is("\\Device\\HarddiskVolume2", "C:");
    is("\\Device\\HarddiskVolume3\\x", "D:\\x");
    is("\\Device\\HarddiskVolume3\\", "D:\\");
    is("\\DEVICE\\harddiskvolume2\\WINDOWS", "C:\\WINDOWS");
    stays("\\Device\\HarddiskVolume");
    stays("\\Device\\HarddiskVolume1\\x");
    stays("\\Device\\HarddiskVolume20\\x");
    stays("\\Device\\HarddiskVolume2x");
}

Test(volumes, whole_numbers, .init = start, .fini = finish) {
    add("\\Device\\HarddiskVolume1\\", "C:\\");
    add("\\Device\\HarddiskVolume10\\", "J:\\");
    is("\\Device\\HarddiskVolume1\\x", "C:\\x");
    is("\\Device\\HarddiskVolume10\\x", "J:\\x");
    stays("\\Device\\HarddiskVolume100\\x");
}

Test(volumes, longest_prefix, .init = start, .fini = finish) {
    add("\\Device\\HarddiskVolume4", "C:\\mount\\data");
    add("\\Device\\HarddiskVolume4\\a\\b\\", "E:\\");
    add("\\Device\\", "\\\\.\\");
    is("\\Device\\HarddiskVolume4\\a\\b\\c", "E:\\c");
    is("\\Device\\HarddiskVolume4\\a\\bc", "C:\\mount\\data\\a\\bc");
    is("\\Device\\HarddiskVolume4\\A\\B", "E:");
    is("\\Device\\NamedPipe\\x", "\\\\.\\NamedPipe\\x");
    is("\\Device\\HarddiskVolume40\\a\\b", "\\\\.\\HarddiskVolume40\\a\\b");
}

Test(volumes, case_blind_beyond_ascii, .init = start, .fini = finish) {
    add("\\Device\\\xC3\x84rger\\", "\xC3\x84:\\"); // A with diaeresis
    add("\\Device\\\xE2\x84\xAA\\", "K:\\");        // Kelvin sign: three bytes fold to one
    add("\\Device\\bad\xFF\\", "B:\\");             // no UTF-8
    is("\\device\\\xC3\xA4RGER\\x", "\xC3\x84:\\x");
    is("\\device\\k\\x", "K:\\x");
    is("\\device\\BAD\xFF\\x", "B:\\x");
    stays("\\device\\BAD\xEF\xBF\xBD\\x");
    stays("\\device\\bad\xFE\\x");
}

Test(volumes, dos_devices, .init = start, .fini = finish) {
    is("\\??\\C:\\x", "C:\\x");
    is("\\??\\c:", "c:");
    is("\\DosDevices\\Z:\\x", "Z:\\x");
    is("\\GLOBAL??\\D:\\", "D:\\");
    is("\\??\\UNC\\server\\share\\x", "\\\\server\\share\\x");
    stays("\\??\\UNC");
    stays("\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}\\x");
    stays("\\??\\CC:\\x");
    stays("\\??\\C:x");
    stays("\\??\\");
    stays("\\??");
    add("\\Device\\HarddiskVolume2\\", "C:\\");
    is("\\??\\GLOBALROOT\\Device\\HarddiskVolume2\\x", "C:\\x");
    is("\\??\\GLOBALROOT\\??\\GLOBALROOT\\Device\\HarddiskVolume2", "C:");
    stays("\\??\\GLOBALROOT\\Device\\HarddiskVolume3\\x");
    stays("\\GLOBALROOT\\Device\\HarddiskVolume2\\x");
    add("\\??\\", "");
    is("\\??\\C:\\x", "C:\\x");
    is("\\??\\UNC\\server\\share", "\\\\server\\share");
    is("\\??\\pipe\\x", "pipe\\x");
    stays("\\??\\"); // never to nothing
    stays("\\??");
    add("\\??\\Volume{01234567-89ab-cdef-0123-456789abcdef}", "C:\\folder\\");
    is("\\??\\Volume{01234567-89AB-cdef-0123-456789abcdef}\\x", "C:\\folder\\x");
}

Test(volumes, windows_folder, .init = start, .fini = finish) {
    stays("\\SystemRoot\\x");
    stays("\\Windows\\x");
    cr_assert_eq(volumes_set_windows(volumes, "C:\\Windows\\"), 0);
    is("\\SystemRoot\\system32\\x.sys", "C:\\Windows\\system32\\x.sys");
    is("\\systemroot", "C:\\Windows");
    is("\\Windows\\System32\\x.dll", "C:\\Windows\\System32\\x.dll");
    is("\\windows", "C:\\windows");
    stays("\\WindowsApps\\x");
    stays("\\SystemRoots\\x");
    stays("\\Program Files\\x");
    uint32_t generation = volumes_generation(volumes);
    cr_assert_eq(volumes_set_windows(volumes, "C:\\Windows"), 0);
    cr_assert_eq(volumes_generation(volumes), generation, "nothing new");
    static const char *const bad[] = {"",        "C:",          "C:\\",     "\\Windows",
                                      "Windows", "1:\\Windows", "C:Windows"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        cr_assert_eq(volumes_set_windows(volumes, bad[i]), 1, "%s", bad[i]);
    cr_assert_eq(volumes_generation(volumes), generation);
    cr_assert_eq(volumes_set_windows(volumes, "e:\\WINNT"), 0);
    cr_assert_neq(volumes_generation(volumes), generation);
    is("\\WinNT\\x", "e:\\WinNT\\x");
    is("\\Windows\\x", "e:\\Windows\\x");
    add("\\SystemRoot\\", "F:\\W\\"); // told by the trace
    is("\\SystemRoot\\x", "F:\\W\\x");
}

Test(volumes, redirectors, .init = start, .fini = finish) {
    for (int mapped = 0; mapped < 2; mapped++) {
        is("\\Device\\Mup\\server\\share\\x", "\\\\server\\share\\x");
        is("\\Device\\Mup\\DfsClient\\;Z:0000000000020d40\\server\\share\\x",
           "\\\\server\\share\\x");
        is("\\Device\\Mup\\;LanmanRedirector\\;Z:0000000000020d40\\server\\share",
           "\\\\server\\share");
        is("\\Device\\LanmanRedirector\\;Z:0000000000020d40\\server\\share", "\\\\server\\share");
        is("\\Device\\LanmanRedirector\\server\\share", "\\\\server\\share");
        is("\\device\\mup\\;WebDavRedirector\\;W:1\\host@SSL\\DavWWWRoot",
           "\\\\host@SSL\\DavWWWRoot");
        is("\\Device\\WebDavRedirector\\host\\DavWWWRoot", "\\\\host\\DavWWWRoot");
        is("\\Device\\Mup\\server\\share;1\\;x", "\\\\server\\share;1\\;x");
        is("\\Device\\Mup\\DfsClients\\x", "\\\\DfsClients\\x");
        stays("\\Device\\Mup");
        stays("\\Device\\Mup\\");
        stays("\\Device\\Mup\\;Z:1");
        stays("\\Device\\Mup\\;Z:1\\");
        stays("\\Device\\Mupx\\server\\share");
        add("\\Device\\Mup\\", "\\\\"); // what traces say changes nothing
        add("\\Device\\LanmanRedirector\\", "\\\\");
    }
    add("\\Device\\LanmanRedirector\\;Z:1\\server\\share", "Z:\\");
    is("\\Device\\LanmanRedirector\\;z:1\\server\\share\\x", "Z:\\x");
    is("\\Device\\LanmanRedirector\\;z:1\\server\\shares\\x", "\\\\server\\shares\\x");
}

Test(volumes, others_stay, .init = start, .fini = finish) {
    add("\\Device\\HarddiskVolume2\\", "C:\\");
    add("\\\\", "\\\\"); // as files have it
    static const char *const paths[] = {"",
                                        "\\",
                                        "$Mft",
                                        "x",
                                        "a\\b",
                                        "C:\\x",
                                        "C:",
                                        "\\\\server\\share",
                                        "\\\\?\\C:\\x",
                                        "\\Device\\NamedPipe\\lsass",
                                        "\\Device\\",
                                        "\\Device",
                                        "\\$Extend\\$UsnJrnl"};
    for (size_t i = 0; i < ARRAY_COUNT(paths); i++)
        stays(paths[i]);
}

Test(volumes, mapped_text_is_settled, .init = start, .fini = finish) {
    Text *raw = text_new("\\Device\\HarddiskVolume2\\x", 25);
    Text *same = volumes_map(volumes, raw);
    cr_assert(same == raw);
    cr_assert_eq(raw->refs, 2u);
    add("\\Device\\HarddiskVolume2\\", "C:\\");
    Text *mapped = volumes_map(volumes, raw);
    cr_assert(mapped != raw);
    cr_assert_eq(mapped->refs, 1u);
    Text *again = volumes_map(volumes, mapped);
    cr_assert(again == mapped);
    add("\\Device\\HarddiskVolume2", "C:"); // the same
    cr_assert_eq(mapped->generation, volumes_generation(volumes));
    add("\\Device\\HarddiskVolume2\\", "D:\\");
    cr_assert_neq(mapped->generation, volumes_generation(volumes));
    size_t calls = mem_calls();
    Text *later = volumes_map(volumes, mapped); // not mapped twice
    cr_assert(later == mapped);
    cr_assert_eq(mem_calls(), calls, "nothing is allocated when nothing changes");
    is("\\Device\\HarddiskVolume2\\x", "D:\\x");
    text_unref(raw);
    text_unref(same);
    text_unref(mapped);
    text_unref(again);
    text_unref(later);
}

Test(volumes, unknown_volumes_are_counted_once, .init = start, .fini = finish) {
    stays("\\Device\\HarddiskVolume7\\a");
    stays("\\Device\\HarddiskVolume7\\b");
    stays("\\Device\\HarddiskVolume7");
    cr_assert_eq(volumes_unknown(volumes), 1u);
    stays("\\Device\\HarddiskVolume8\\b");
    stays("\\Device\\CdRom0\\b");
    cr_assert_eq(volumes_unknown(volumes), 3u);
    stays("\\Device\\NamedPipe\\x");
    stays("$Mft");
    cr_assert_eq(volumes_unknown(volumes), 3u);
    add("\\Device\\HarddiskVolume8\\", "E:\\");
    is("\\Device\\HarddiskVolume8\\b", "E:\\b");
    cr_assert_eq(volumes_unknown(volumes), 3u);
    stays("\\Device\\HarddiskVolume7\\a");
    cr_assert_eq(volumes_unknown(volumes), 4u, "the mount table has changed since");
    for (int round = 0; round < 3; round++)
        for (int i = 100; i < 400; i++) {
            char path[64];
            snprintf(path, sizeof path, "\\Device\\HarddiskVolume%d\\x", i);
            stays(path);
        }
    cr_assert_geq(volumes_unknown(volumes), 304u);
}

Test(volumes, generation_is_never_zero, .init = start, .fini = finish) {
    cr_assert_neq(volumes_generation(volumes), 0u);
    uint32_t before = volumes_generation(volumes);
    add("\\a", "A:");
    cr_assert_neq(volumes_generation(volumes), before);
    before = volumes_generation(volumes);
    add("\\a\\", "A:\\"); // the same in another form
    cr_assert_eq(volumes_generation(volumes), before);
    add("\\a", "");
    cr_assert_neq(volumes_generation(volumes), before);
    before = volumes_generation(volumes);
    volumes_clear(volumes);
    cr_assert_neq(volumes_generation(volumes), before);
    stays("\\a\\x");
}

Test(volumes, mappings_are_bounded, .init = start, .fini = finish) {
    char nt_path[64];
    for (unsigned i = 0; i < VOLUMES_MAX; i++) {
        snprintf(nt_path, sizeof nt_path, "\\Device\\HarddiskVolume%u\\", i);
        add(nt_path, "C:\\");
    }
    uint32_t generation = volumes_generation(volumes);
    cr_assert_eq(volumes_add(volumes, "\\Device\\one more", "D:\\"), 1);
    cr_assert_eq(volumes_generation(volumes), generation);
    stays("\\Device\\one more\\x");
    add("\\Device\\HarddiskVolume511\\", "E:\\"); // replacing goes on
    is("\\Device\\HarddiskVolume511\\x", "E:\\x");
    is("\\Device\\HarddiskVolume0\\x", "C:\\x");
    is("\\Device\\HarddiskVolume51\\x", "C:\\x");
    stays("\\Device\\HarddiskVolume512\\x");
}

static char *long_path(size_t bytes, char c) {
    char *path = mem_alloc(bytes + 1);
    cr_assert_not_null(path);
    memset(path, c, bytes);
    path[0] = '\\';
    path[bytes] = 0;
    return path;
}

Test(volumes, lengths_are_bounded, .init = start, .fini = finish) {
    for (size_t n = VOLUMES_PATH_MAX - 1; n <= VOLUMES_PATH_MAX + 1; n++) {
        char *path = long_path(n, 'p');
        int expected = n > VOLUMES_PATH_MAX ? 1 : 0;
        cr_assert_eq(volumes_add(volumes, path, "C:\\"), expected, "%zu", n);
        is(path, expected ? path : "C:");
        cr_assert_eq(volumes_add(volumes, "\\Device\\X", path), expected);
        mem_free(path);
    }
    char *folder = long_path(VOLUMES_PATH_MAX + 1, 'w');
    memcpy(folder, "C:\\", 3);
    cr_assert_eq(volumes_set_windows(volumes, folder), 1);
    folder[VOLUMES_PATH_MAX] = 0;
    cr_assert_eq(volumes_set_windows(volumes, folder), 0);
    mem_free(folder);
    static const char *const bad[] = {"", "\\", "C:\\", "Device"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
        cr_assert_eq(volumes_add(volumes, bad[i], "C:\\"), 1, "%s", bad[i]);
}

Test(volumes, total_is_bounded, .init = start, .fini = finish) {
    uint32_t taken = 0;
    for (unsigned i = 0; i < VOLUMES_MAX; i++) {
        char *path = long_path(VOLUMES_PATH_MAX, 'p');
        memcpy(path + 1, "0000", 4);
        for (unsigned k = 0, left = i; k < 4; k++, left /= 10)
            path[1 + k] = (char)('0' + left % 10);
        taken += volumes_add(volumes, path, "") == 0;
        mem_free(path);
    }
    cr_assert_eq(taken, VOLUMES_BYTES_MAX / VOLUMES_PATH_MAX);
    cr_assert_leq(mem_in_use() - in_use, VOLUMES_BYTES_MAX + (1u << 20));
}

// Prefixes that share all but their ends, and a path of nothing but components.
Test(volumes, hostile_prefixes_are_linear, .init = start, .fini = finish, .timeout = 60) {
    char *path = long_path(VOLUMES_PATH_MAX, '\\');
    for (size_t i = 1; i < VOLUMES_PATH_MAX; i += 2)
        path[i] = 'a';
    uint32_t n = 0;
    for (size_t bytes = VOLUMES_PATH_MAX - 400; bytes < VOLUMES_PATH_MAX - 160; bytes += 2) {
        char end = path[bytes];
        path[bytes] = 0;
        n += volumes_add(volumes, path, "C:") == 0;
        path[bytes] = end;
    }
    cr_assert_gt(n, 100u);
    path[VOLUMES_PATH_MAX - 500] = 'b'; // none fits
    for (int i = 0; i < 200; i++)
        stays(path);
    mem_free(path);
    char *deep = long_path(15 * 6000, 'x');
    for (size_t i = 0; i < 6000; i++)
        memcpy(deep + i * 15, "\\??\\GLOBALROOT", 14), deep[i * 15 + 14] = '\\';
    stays(deep);
    mem_free(deep);
}

Test(volumes, no_memory, .init = start, .fini = finish) {
    add("\\Device\\HarddiskVolume2\\", "C:\\");
    int tried = 0;
    for (size_t nth = 1;; nth++, tried++) {
        Volumes *v = NULL;
        Text *raw = text_new("\\Device\\HarddiskVolume2\\x", 25), *mapped = NULL;
        size_t before = mem_in_use();
        mem_fail_at(nth);
        int r = volumes_new(&v);
        if (r == 0)
            r = volumes_add(v, "\\Device\\HarddiskVolume2\\", "C:\\");
        if (r == 0)
            r = volumes_add(v, "\\Device\\HarddiskVolume2\\", "LONGER:\\");
        if (r == 0)
            r = volumes_set_windows(v, "C:\\Windows");
        if (r == 0) {
            mapped = volumes_map(v, raw);
            r = mapped ? 0 : -STATUS_NO_MEMORY;
        }
        mem_fail_at(0);
        cr_assert(r == 0 || r == -STATUS_NO_MEMORY);
        text_unref(mapped);
        volumes_free(v);
        cr_assert_eq(mem_in_use(), before);
        text_unref(raw);
        if (r == 0)
            break;
    }
    cr_assert_geq(tried, 6);
}
