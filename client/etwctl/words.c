#include "client/etwctl/words.h"

#include "util/mem.h"

bool words_add(Words *words, const char *text, size_t bytes) {
    if (words->n == words->capacity) {
        uint32_t capacity = words->capacity ? words->capacity * 2 : 8;
        size_t size;
        if (capacity < words->capacity || !size_mul(capacity, sizeof *words->items, &size))
            return false;
        char **items = mem_resize(words->items, size);
        if (!items)
            return false;
        words->items = items;
        words->capacity = capacity;
    }
    words->items[words->n] = mem_strndup(text, bytes);
    return words->items[words->n] != NULL && ++words->n != 0;
}

bool words_add_list(Words *words, const char *text) {
    while (*text) {
        size_t bytes = strcspn(text, ",");
        const char *end = text + bytes, *next = *end ? end + 1 : end;
        while (text < end && *text == ' ')
            text++;
        while (end > text && end[-1] == ' ')
            end--;
        if (end > text && !words_add(words, text, (size_t)(end - text)))
            return false;
        text = next;
    }
    return true;
}

void words_deinit(Words *words) {
    for (uint32_t i = 0; i < words->n; i++)
        mem_free(words->items[i]);
    mem_free(words->items);
    *words = (Words){0};
}
