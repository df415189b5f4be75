#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/lib/module_path.h"
#include "util/mem.h"

static ModulePath path;

// root, then the parts with '/' between them; "refused".
static const char *parsed(const char *text) {
    static char out[MODULE_PATH_MAX + 64];
    if (!module_path_parse(text, &path))
        return "refused";
    static const char *const roots[] = {"relative", "rooted", "drive", "device", "system", "unc"};
    int n = snprintf(out, sizeof out, "%s", roots[path.root]);
    if (path.root == MODULE_DRIVE)
        n += snprintf(out + n, sizeof out - (size_t)n, " %c", path.drive);
    if (path.root == MODULE_DEVICE)
        n += snprintf(out + n, sizeof out - (size_t)n, " %u", (unsigned)path.volume);
    if (path.root == MODULE_UNC)
        n += snprintf(out + n, sizeof out - (size_t)n, " %s %s", path.server, path.share);
    for (uint32_t i = 0; i < path.n_parts; i++)
        n += snprintf(out + n, sizeof out - (size_t)n, "%c%s", i == 0 ? ':' : '/', path.parts[i]);
    return out;
}

Test(module_path, roots) {
    static const char *const expected[][2] = {
        {"ntdll.dll", "relative:ntdll.dll"},
        {"system32\\drivers\\x.sys", "relative:system32/drivers/x.sys"},
        {"\\Windows\\System32\\ntdll.dll", "rooted:Windows/System32/ntdll.dll"},
        {"C:\\Windows\\ntdll.dll", "drive C:Windows/ntdll.dll"},
        {"c:/Windows/ntdll.dll", "drive C:Windows/ntdll.dll"},
        {"\\??\\D:\\a b\\x.dll", "drive D:a b/x.dll"},
        {"\\\\?\\D:\\x.dll", "drive D:x.dll"},
        {"\\Device\\HarddiskVolume3\\Windows\\x.dll", "device 3:Windows/x.dll"},
        {"\\device\\harddiskvolume12\\x.dll", "device 12:x.dll"},
        {"\\Device\\HarddiskVolume\\x.dll", "device 0:x.dll"},
        {"\\Device\\HarddiskVolume3x\\x.dll", "device 0:x.dll"},
        {"\\Device\\HarddiskVolume99999999999\\x.dll", "device 0:x.dll"},
        {"\\Device\\CdRom0\\x.dll", "device 0:x.dll"},
        {"\\SystemRoot\\System32\\drivers\\tcpip.sys", "system:System32/drivers/tcpip.sys"},
        {"\\systemroot\\ntoskrnl.exe", "system:ntoskrnl.exe"},
        {"\\\\server\\share\\x.dll", "unc server share:x.dll"},
        {"//server/share/a/x.dll", "unc server share:a/x.dll"},
        {"\\\\?\\UNC\\server\\share\\x.dll", "unc server share:x.dll"},
        {"\\??\\UNC\\server\\share\\x.dll", "unc server share:x.dll"},
        {"//?/UNC/server/share/x.dll", "unc server share:x.dll"},
        {"\\/?\\unc/server\\share/x.dll", "unc server share:x.dll"},
        {"/?\?/unc/server/share/x.dll", "unc server share:x.dll"},
        {"/\\server/share\\x.dll", "unc server share:x.dll"},
        {"\\Device\\Mup\\server\\share\\x.dll", "unc server share:x.dll"},
        {"/device/mup/server/share/x.dll", "unc server share:x.dll"},
        {"\\Device\\LanmanRedirector\\server\\share\\x.dll", "unc server share:x.dll"},
        {"C:\\\xc3\xa4\xe2\x82\xac.dll", "drive C:\xc3\xa4\xe2\x82\xac.dll"},
        {"C:\\.hidden\\a..b.dll", "drive C:.hidden/a..b.dll"},
        {"C:\\console\\com\\com10.dll", "drive C:console/com/com10.dll"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++)
        cr_assert_str_eq(parsed(expected[i][0]), expected[i][1], "%s", expected[i][0]);
}

Test(module_path, refused) {
    static const char *const hostile[] = {
        "",
        "\\",
        "C:",
        "C:\\",
        "C:x.dll",
        "C:\\x\\",
        "\\\\?\\C:x.dll",
        "\\??\\C:..\\x.dll",
        "//?/C:/../x.dll",
        "\\\\?\\\\server\\share\\x.dll",
        "\\Device\\Mup\\;Z:0000000000020d40\\server\\share\\x.dll",
        "\\GLOBAL??\\UNC\\server\\share\\x.dll",
        "..\\x.dll",
        "..",
        "C:\\..\\x.dll",
        "C:\\a\\..\\..\\x.dll",
        "C:\\a\\.\\x.dll",
        "C:\\...\\x.dll",
        "C:\\.. \\x.dll",
        "C:\\a\\x.dll.",
        "C:\\a\\x.dll ",
        "C:\\a\\\\x.dll",
        "C:\\x.dll:stream",
        "C:\\x.dll::$DATA",
        "C:\\a\nb.dll",
        "C:\\a\x7f.dll",
        "C:\\*.dll",
        "C:\\a?.dll",
        "C:\\\xff.dll",
        "C:\\\xed\xa0\x80.dll",
        "\\\\.\\C:\\x.dll",
        "\\\\.\\pipe\\x",
        "//./pipe/x",
        "\\\\?\\GLOBALROOT\\Device\\HarddiskVolume1\\x.dll",
        "\\\\?\\Volume{00000000-0000-0000-0000-000000000000}\\x.dll",
        "\\??\\GLOBALROOT\\x",
        "\\\\server",
        "\\\\server\\share",
        "\\\\server\\share\\",
        "\\\\server\\..\\x.dll",
        "\\\\\\share\\x.dll",
        "\\Device\\HarddiskVolume3",
        "\\Device\\HarddiskVolume3\\",
        "\\Device\\Mup\\x.dll",
        "NUL",
        "nul.dll",
        "C:\\con.txt\\x.dll",
        "C:\\aux .dll",
        "C:\\COM1.dll",
        "C:\\lpt0",
        "C:\\com\xc2\xb9.dll",
        "CONIN$",
        "http://server/x.dll",
        "[vdso]/../x",
    };
    for (size_t i = 0; i < ARRAY_COUNT(hostile); i++)
        cr_assert_str_eq(parsed(hostile[i]), "refused", "%s", hostile[i]);
}

Test(module_path, limits) {
    char text[2 * MODULE_PATH_MAX];
    for (size_t n = MODULE_PART_MAX - 1; n <= MODULE_PART_MAX + 1; n++) {
        memset(text, 'x', n);
        text[n] = 0;
        cr_assert_eq(module_path_parse(text, &path), n <= MODULE_PART_MAX);
    }
    for (uint32_t n = MODULE_PARTS_MAX - 1; n <= MODULE_PARTS_MAX + 1; n++) {
        for (uint32_t i = 0; i < n; i++)
            memcpy(text + 2 * i, "a\\", 2);
        text[2 * n - 1] = 0;
        cr_assert_eq(module_path_parse(text, &path), n <= MODULE_PARTS_MAX);
    }
    for (size_t n = MODULE_PATH_MAX - 2; n <= MODULE_PATH_MAX; n++) {
        memset(text, 'y', n);
        for (size_t i = 200; i < n - 1; i += 200)
            text[i] = '\\';
        text[n] = 0;
        cr_assert_eq(module_path_parse(text, &path), n < MODULE_PATH_MAX);
    }
}

// Folders with '|' between them.
static const char *folders(const char *text, char separator, bool allow, uint32_t *ret_refused) {
    static char out[4096];
    FolderList list = {0};
    out[0] = 0;
    cr_assert_eq(folder_list_add(&list, text, separator, allow), 0);
    for (uint32_t i = 0; i < list.n; i++) {
        if (i > 0)
            strcat(out, "|");
        strcat(out, list.folders[i]);
    }
    *ret_refused = list.refused;
    folder_list_deinit(&list);
    return out;
}

Test(module_path, search_paths) {
    static const struct {
        const char *text;
        char separator;
        bool allow;
        const char *expected;
        uint32_t refused;
    } cases[] = {
        {"", 0, false, "", 0},
        {"C:\\a;D:\\b", 0, false, "C:\\a|D:\\b", 0},
        {";;C:\\a;", 0, false, "C:\\a", 0},
        {"/a:/b;/c", ':', false, "/a|/b|/c", 0},
        {"/a:/b", 0, false, "/a:/b", 0},
        {"C:\\a:D:/b", ':', false, "C:\\a|D:/b", 0},
        {"srv*C:\\a*https://example.org/symbols", 0, false, "C:\\a", 0},
        {"srv*/a*https://example.org/s:/b", ':', false, "/a|/b", 0},
        {"srv*C:\\a*D:\\b;cache*E:\\c", 0, false, "C:\\a|D:\\b|E:\\c", 0},
        {"SYMSRV*symsrv.dll*C:\\a*D:\\b", 0, false, "C:\\a|D:\\b", 0},
        {"srv*", 0, false, "", 0},
        {"https://example.org;HTTP://x", 0, false, "", 0},
        {"\\\\server\\a;C:\\b", 0, false, "C:\\b", 1},
        {"\\\\server\\a;C:\\b", 0, true, "\\\\server\\a|C:\\b", 0},
        {"//server/a", ':', false, "", 1},
        {"srv*\\\\server\\a*C:\\b", 0, false, "C:\\b", 1},
        {"\\\\?\\UNC\\server\\a;\\\\?\\C:\\b;\\\\.\\pipe\\x", 0, false, "\\\\?\\C:\\b", 2},
        {"\\\\?\\Volume{1}\\a;\\\\?\\GLOBALROOT\\Device\\Mup\\x", 0, false, "\\\\?\\Volume{1}\\a",
         1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint32_t refused;
        cr_assert_str_eq(folders(cases[i].text, cases[i].separator, cases[i].allow, &refused),
                         cases[i].expected, "%s", cases[i].text);
        cr_assert_eq(refused, cases[i].refused, "%s", cases[i].text);
    }
}

Test(module_path, search_path_limit) {
    size_t in_use = mem_in_use();
    for (uint32_t n = FOLDER_LIST_MAX - 1; n <= FOLDER_LIST_MAX + 1; n++) {
        char text[4 * FOLDER_LIST_MAX] = "";
        for (uint32_t i = 0; i < n; i++)
            strcat(text, "/a;");
        FolderList list = {0};
        cr_assert_eq(folder_list_add(&list, text, 0, false),
                     n <= FOLDER_LIST_MAX ? 0 : -STATUS_OVERSIZE);
        cr_assert_eq(list.n, MIN_OF(n, FOLDER_LIST_MAX));
        folder_list_deinit(&list);
        for (size_t k = 1; k <= 3; k++) {
            mem_fail_at(k);
            cr_assert_eq(folder_list_add(&list, text, 0, false), -STATUS_NO_MEMORY);
            mem_fail_at(0);
            folder_list_deinit(&list);
        }
    }
    cr_assert_eq(mem_in_use(), in_use);
}
