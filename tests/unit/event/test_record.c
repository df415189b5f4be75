// Extended items: stepping, finding, checking, writing.
#include "event/record.h"

#include <criterion/criterion.h>

// Two items: type 3 with 4 bytes, type 13 with 8.
static const uint8_t two[] = {16, 0, 3,  0, 0, 0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0,
                              16, 0, 13, 0, 0, 0, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8};

Test(record, items_in_order) {
    uint32_t at = 0;
    EventItem item;
    cr_assert(event_item_next(two, sizeof two, &at, &item));
    cr_assert(item.type == 3 && item.bytes == 4 && item.data == two + 8);
    cr_assert(event_item_next(two, sizeof two, &at, &item));
    cr_assert(item.type == 13 && item.bytes == 8 && item.data == two + 24);
    cr_assert(!event_item_next(two, sizeof two, &at, &item));
    cr_assert(!event_item_next(NULL, 0, &(uint32_t){0}, &item));
}

Test(record, find) {
    EventRecord r = {.ext = two, .ext_bytes = sizeof two};
    EventItem item;
    cr_assert(event_item_find(&r, 13, &item) && item.bytes == 8);
    cr_assert(!event_item_find(&r, 5, &item));
}

typedef struct Broken {
    size_t at;
    uint8_t value;
    uint32_t intact;
} Broken;

Test(record, intact_prefix) {
    cr_assert_eq(event_items_valid(two, sizeof two), 32);
    cr_assert_eq(event_items_valid(two, 31), 16, "the second is cut");
    cr_assert_eq(event_items_valid(two, 16), 16);
    cr_assert_eq(event_items_valid(two, 15), 0);
    cr_assert_eq(event_items_valid(two, 7), 0);
    cr_assert_eq(event_items_valid(NULL, 0), 0);
    static const Broken cases[] = {
        {0, 0, 0},    // size 0
        {0, 7, 0},    // below the head
        {0, 12, 0},   // not a multiple of 8
        {0, 40, 0},   // past the end
        {6, 9, 0},    // data beyond the item
        {16, 8, 16},  // the second: its data do not fit any more
        {16, 24, 16}, // past the end
        {22, 9, 16},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        uint8_t copy[sizeof two];
        memcpy(copy, two, sizeof two);
        copy[cases[i].at] = cases[i].value;
        cr_assert_eq(event_items_valid(copy, sizeof copy), cases[i].intact, "case %zu", i);
    }
    uint8_t copy[sizeof two];
    memcpy(copy, two, sizeof two);
    copy[6] = 8; // exactly the item
    cr_assert_eq(event_items_valid(copy, sizeof copy), 32);
}

Test(record, stepping_survives_unchecked_chains) {
    uint8_t copy[sizeof two];
    memcpy(copy, two, sizeof two);
    copy[0] = 0;
    uint32_t at = 0;
    EventItem item;
    cr_assert(!event_item_next(copy, sizeof copy, &at, &item), "size 0 would step for ever");
    copy[0] = 16;
    copy[6] = 200;
    at = 0;
    cr_assert(event_item_next(copy, sizeof copy, &at, &item));
    cr_assert_eq(item.bytes, 8, "never beyond the item");
    at = 100;
    cr_assert(!event_item_next(copy, sizeof copy, &at, &item));
}

Test(record, put) {
    uint8_t to[64];
    memset(to, 0xee, sizeof to);
    uint32_t n = event_item_put(to, 3, "\x02\0\0\0", 4);
    cr_assert_eq(n, 16);
    n += event_item_put(to + n, 13, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
    cr_assert_eq(n, 32);
    cr_assert_eq(memcmp(to, two, sizeof two), 0);
    cr_assert_eq(event_item_put(to, 9, NULL, 0), 8);
    cr_assert_eq(event_items_valid(to, 8), 8);
    cr_assert_eq(event_item_put(to, 9, "123456789", 9), 24);
    static uint8_t large[65536 + 8], data[65535];
    cr_assert_eq(event_item_put(large, 5, data, 65520), 65528);
    cr_assert_eq(event_items_valid(large, 65528), 65528);
    cr_assert_eq(event_item_put(large, 5, data, 65535), 65528, "cut to what a size can tell");
}
