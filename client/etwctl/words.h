// A list of words from the command line.
#pragma once

#include "util/base.h"

typedef struct Words {
    char **items; // owned
    uint32_t n, capacity;
} Words;

// false: no memory. words_add_list splits at commas and leaves out empty parts and white space around.
bool words_add(Words *words, const char *text, size_t bytes);
bool words_add_list(Words *words, const char *text);
void words_deinit(Words *words);
