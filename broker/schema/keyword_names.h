// Keywords of the providers that people watch most, for machines and files without their manifests.
//
// Names as in the manifests (public lists); masks of the low 48 bits. No state.
#pragma once

#include "util/guid.h"

typedef struct KeywordName {
    uint64_t mask;
    const char *name;
} KeywordName;

// The table of a provider and its length, or NULL.
const KeywordName *keyword_names_of(const Guid *provider, uint32_t *ret_n);
