// See etl_input.h.
#include "source/etl_input.h"

int etl_input_read(EtlInput *input, uint64_t offset, void *to, size_t n, size_t *ret_got,
                   Err *err) {
    if (input->file != NULL)
        return plat_file_read_at(input->file, offset, to, n, ret_got, err);
    size_t got = 0;
    if (offset < input->bytes) {
        uint64_t left = input->bytes - offset;
        got = left < n ? (size_t)left : n;
        memcpy(to, input->memory + offset, got);
    }
    *ret_got = got;
    return 0;
}

void etl_log_add(EtlLog *log, uint64_t offset, uint32_t at, const char *what, uint64_t value) {
    if (log->n < ETL_DIAGNOSTICS_KEPT)
        log->kept[log->n] = (EtlDiagnostic){offset, at, what, value};
    if (log->n < UINT32_MAX)
        log->n++;
}
