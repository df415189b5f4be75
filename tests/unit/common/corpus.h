// The corpus of real and made .etl files, for tests that need it.
#pragma once

#include <stddef.h>

// Path of a file of the corpus ("net.4.5.2.x64.etl", "made/features.etl") in buf, or NULL when there
// is no corpus: then "SKIP" has been written to stderr, and with CI=true the test has failed.
// The folder is named by ETW_CORPUS; without it ../shared/corpus, seen from the project's root.
const char *corpus_file(const char *name, char *buf, size_t cap);
// The whole file in memory (mem_free), or NULL as above.
void *corpus_load(const char *name, size_t *ret_bytes);
