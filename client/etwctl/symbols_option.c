#include "client/etwctl/symbols_option.h"

int symbols_option_open(const char *path, EtwSymbols **ret, Err *err) {
    const EtwSymbolsOptions options = {.struct_size = sizeof options,
                                       .path = path[0] ? path : NULL};
    int32_t status = etw_symbols_open(&options, ret);
    if (status == ETW_STATUS_OK)
        return 0;
    return err_set(err, (Status)status, "--symbols=%.300s: %s", path,
                   status == ETW_STATUS_DENIED ? "a folder on a server is not looked into"
                                               : etw_status_text(status));
}
