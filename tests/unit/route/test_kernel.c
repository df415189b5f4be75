#include "route/kernel.h"

#include <criterion/criterion.h>

static KernelSet set_of(const char *name) {
    return kernel_types_match(name);
}

static bool covers(const char *name, uint8_t group, uint8_t opcode) {
    return kernel_matches(set_of(name), kernel_class(group), opcode);
}

Test(kernel, names_of_both_worlds) {
    // interface.md and Velociraptor's kernel_tracer_type.
    static const struct {
        const char *a, *b;
    } same[] = {{"Registry", "registry"},    {"Process", "process"}, {"Image", "image_load"},
                {"Network", "network"},      {"Driver", "driver"},   {"File", "file"},
                {"Thread", "thread"},        {"Handle", "handle"},   {"Image", "ImageLoad"},
                {"Network", "NETWORK_TCPIP"}};
    for (size_t i = 0; i < ARRAY_COUNT(same); i++) {
        cr_assert_geq(kernel_type_find(same[i].a), 0, "%s", same[i].a);
        cr_assert_eq(kernel_type_find(same[i].a), kernel_type_find(same[i].b), "%s", same[i].b);
    }
    cr_assert_eq(kernel_type_find("nothing"), -1);
    cr_assert_eq(kernel_type_find(""), -1);
    cr_assert_eq(kernel_type_find("_"), -1);
    cr_assert_eq(kernel_types_match("*"), KERNEL_ALL);
    cr_assert_eq(kernel_types_match("nothing*"), 0);
    cr_assert_eq(kernel_types_match("file*"),
                 set_of("File") | set_of("FileInit") | set_of("FileName"));
    for (uint32_t i = 0; kernel_type(i); i++)
        cr_assert_eq(kernel_type_find(kernel_type(i)->name), (int)i);
}

Test(kernel, masks_are_the_sdks) {
    static const struct {
        const char *name;
        uint32_t flags, word4;
    } cases[] = {
        {"Process", 0x1, 0},     {"Thread", 0x2, 0},       {"Image", 0x4, 0},
        {"File", 0x06000200, 0}, {"Registry", 0x20000, 0}, {"Network", 0x10000, 0},
        {"Driver", 0x800000, 0}, {"Handle", 0, 0x40},      {"Object", 0, 0x80},
        {"DiskIO", 0x100, 0},    {"CSwitch", 0x10, 0},     {"Profile", 0x1000000, 0},
    };
    uint32_t words[KERNEL_MASK_WORDS];
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        kernel_masks(set_of(cases[i].name), words);
        cr_assert_eq(words[0], cases[i].flags, "%s", cases[i].name);
        cr_assert_eq(words[4], cases[i].word4, "%s", cases[i].name);
        cr_assert(words[2] == 0 && words[3] == 0 && words[5] == 0);
    }
    kernel_masks(set_of("Process") | set_of("Handle") | set_of("Image"), words);
    cr_assert(words[0] == 0x5 && words[4] == 0x40);
}

Test(kernel, types_take_their_own_events_only) {
    // Velociraptor 2: every kernel watcher receives every kernel event.
    cr_assert(covers("Process", 3, 1) && covers("Process", 3, 2) && covers("Process", 3, 39));
    cr_assert_not(covers("Process", 3, 32), "counters are a type of their own");
    cr_assert_not(covers("Process", 5, 1));
    cr_assert(covers("Thread", 5, 1) && !covers("Thread", 5, 36) && covers("CSwitch", 5, 36));
    cr_assert(covers("Image", 0x14, 10) && covers("Image", 0x14, 2));
    cr_assert(covers("File", 4, 0) && covers("File", 4, 36) && covers("File", 4, 64) &&
              covers("File", 4, 76) && covers("File", 4, 84));
    cr_assert(!covers("File", 4, 37) && !covers("File", 4, 63) && !covers("File", 4, 85) &&
              covers("MapFile", 4, 37));
    cr_assert(!covers("FileInit", 4, 76) && covers("FileInit", 4, 75) && covers("FileInit", 4, 77));
    cr_assert(covers("Registry", 9, 10) && covers("Registry", 9, 49));
    cr_assert(covers("Network", 6, 12) && covers("Network", 8, 10) && !covers("Network", 9, 10));
    cr_assert(covers("DiskIO", 1, 10) && !covers("DiskIO", 1, 12) && covers("DiskInit", 1, 12) &&
              covers("Driver", 1, 34) && !covers("Driver", 1, 10));
    cr_assert(covers("Handle", 0x11, 32) && !covers("Handle", 0x11, 48) &&
              covers("Object", 0x11, 48));
    cr_assert(kernel_matches(KERNEL_ALL, kernel_class(0x0b), 10),
              "* has the classes of no type as well");
    Guid other = {{1}};
    cr_assert_not(kernel_matches(KERNEL_ALL, &other, 10));
    cr_assert_not(kernel_matches(0, kernel_class(3), 1));
}

Test(kernel, stack_lists) {
    // Velociraptor 3: 16 is QueryValue (hot), DeleteValue is 15.
    const KernelType *registry = kernel_type((uint32_t)kernel_type_find("Registry"));
    static const uint8_t expected[] = {10, 11, 14, 15};
    cr_assert_eq(registry->n_stacks, 4);
    for (uint8_t i = 0; i < 4; i++)
        cr_assert_eq(registry->stacks[i].opcode, expected[i]);
    // Every stack id belongs to an event of its type.
    for (uint32_t i = 0; kernel_type(i); i++)
        for (uint8_t k = 0; k < kernel_type(i)->n_stacks; k++)
            cr_assert(kernel_matches(KERNEL_BIT(i), kernel_type(i)->stacks[k].class_guid,
                                     kernel_type(i)->stacks[k].opcode),
                      "%s", kernel_type(i)->name);
}

Test(kernel, classes) {
    uint8_t group = 0;
    Guid image = {{0}};
    cr_assert(guid_parse("{2cb15d1d-5fc1-11d2-abe1-00a0c911f518}", &image));
    cr_assert(kernel_is_class(&image, &group));
    cr_assert_eq(group, 0x14);
    cr_assert_str_eq(kernel_class_name(group), "Image");
    cr_assert_not(kernel_is_class(&kernel_control_guid, NULL));
    cr_assert_not_null(kernel_class(0x1e));
    cr_assert_null(kernel_class(0x1f));
}
