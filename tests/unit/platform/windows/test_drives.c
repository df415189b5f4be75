#include <criterion/criterion.h>
#include <stdio.h>

#include "platform/mounts.h"
#include "platform/windows/win.h"

static const char *system_drive;
static char device_of_drive[600];

static void see(void *user, const char *nt_path, const char *dos_path) {
    int *n = user;
    if (strcmp(dos_path, system_drive) != 0 || strncmp(nt_path, "\\Device\\", 8) != 0)
        return;
    ++*n;
    if (strlen(nt_path) < sizeof device_of_drive)
        memcpy(device_of_drive, nt_path, strlen(nt_path) + 1);
}

Test(mounts, system_drive_has_a_device) {
    char folder[MAX_PATH + 1] = "", drive[] = "?:\\";
    cr_assert_neq(GetWindowsDirectoryA(folder, sizeof folder), 0u);
    drive[0] = folder[0];
    system_drive = drive;
    int n = 0;
    cr_assert_eq(plat_mounts(see, &n), 0);
    cr_assert_gt(n, 0, "no device for %s", drive);
    char target[600] = "";
    drive[2] = 0;
    cr_assert_neq(QueryDosDeviceA(drive, target, sizeof target), 0u);
    cr_assert_str_eq(device_of_drive, target);
}

static void see_root(void *user, const char *nt_path, const char *dos_path) {
    if (strcmp(nt_path, "\\SystemRoot") == 0)
        snprintf(user, MAX_PATH + 2, "%s", dos_path);
}

Test(mounts, system_root_is_the_folder_of_windows) {
    char told[MAX_PATH + 2] = "", folder[MAX_PATH + 2] = "";
    cr_assert_eq(plat_mounts(see_root, told), 0);
    UINT n = GetSystemWindowsDirectoryA(folder, MAX_PATH);
    cr_assert(n > 3 && n < MAX_PATH);
    strcat(folder, "\\");
    cr_assert_str_eq(told, folder);
}
