// Linux reads no PDB files: exports only.
#include "client/lib/pdb.h"

int pdb_session_new(PdbSession **ret) {
    (void)ret;
    return -STATUS_UNSUPPORTED;
}

PdbSession *pdb_session_free(PdbSession *session) {
    (void)session;
    return NULL;
}

int pdb_load(PdbSession *session, const PdbImage *image, uint64_t *ret_base) {
    (void)session;
    (void)image;
    (void)ret_base;
    return -STATUS_UNSUPPORTED;
}

void pdb_unload(PdbSession *session, uint64_t base) {
    (void)session;
    (void)base;
}

bool pdb_find(PdbSession *session, uint64_t base, uint32_t rva, PdbFound *ret) {
    (void)session;
    (void)base;
    (void)rva;
    (void)ret;
    return false;
}

const char *pdb_environment(void) {
    return NULL;
}
