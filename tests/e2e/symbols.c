// Resolves frames with the public functions, as symbols.sh asks:  e2e_symbols FLAGS PATH QUESTIONS
//
// PATH: the search path; "-" takes the environment's. QUESTIONS: a file of lines with tabs:
//   MODULE OFFSET SIZE TIMESTAMP CHECKSUM PDB_GUID PDB_AGE PDB_NAME        (hexadecimal numbers, "-" for none)
// Prints for each: OFFSET, its text or the status' name, and where it comes from. Then one line
// "stats …".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/etwclient.h"
#include "platform/args.h"

static unsigned long long hex(const char *text) {
    return strtoull(text, NULL, 16);
}

// 32 digits: the bytes in order.
static void guid_of(const char *text, EtwGuid *ret) {
    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < 16 && strlen(text) == 32; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], 0};
        ret->bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

static void answer(EtwSymbols *symbols, char *line) {
    char *part[8];
    size_t n = 0;
    for (char *p = strtok(line, "\t\r\n"); p != NULL && n < 8; p = strtok(NULL, "\t\r\n"))
        part[n++] = p;
    if (n != 8)
        return;
    EtwFrame frame = {.struct_size = sizeof frame,
                      .module = part[0],
                      .offset = hex(part[1]),
                      .module_size = hex(part[2]),
                      .time_stamp = (uint32_t)hex(part[3]),
                      .checksum = (uint32_t)hex(part[4]),
                      .pdb_age = (uint32_t)hex(part[6]),
                      .pdb_name = strcmp(part[7], "-") != 0 ? part[7] : ""};
    guid_of(part[5], &frame.pdb_guid);
    char text[4096];
    EtwSymbol symbol = {.struct_size = sizeof symbol};
    int32_t status = etw_symbol_text(symbols, &frame, text, sizeof text, NULL);
    if (status == ETW_STATUS_OK)
        status = etw_symbol(symbols, &frame, &symbol);
    if (status != ETW_STATUS_OK)
        printf("%s\t%s\t-\n", part[1], etw_status_name(status));
    else
        printf("%s\t%s\t%s\n", part[1], text,
               (symbol.flags & ETW_SYMBOL_PDB) != 0       ? "pdb"
               : (symbol.flags & ETW_SYMBOL_EXPORTS) != 0 ? "exports"
                                                          : "?");
}

int main(int argc, char **argv) {
    if (!plat_args(&argc, &argv) || argc != 4)
        return 2;
    EtwSymbolsOptions options = {.struct_size = sizeof options,
                                 .flags = (uint32_t)hex(argv[1]),
                                 .path = strcmp(argv[2], "-") != 0 ? argv[2] : NULL};
    EtwSymbols *symbols = NULL;
    int32_t status = etw_symbols_open(&options, &symbols);
    if (status != ETW_STATUS_OK) {
        printf("open\t%s\n", etw_status_name(status));
        return 1;
    }
    FILE *questions = fopen(argv[3], "r");
    if (questions == NULL)
        return 2;
    char line[8192];
    while (fgets(line, sizeof line, questions) != NULL)
        answer(symbols, line);
    fclose(questions);
    EtwSymbolsStats s = {.struct_size = sizeof s};
    etw_symbols_stats(symbols, &s);
    printf("stats\tlookups %llu hits %llu misses %llu found %llu modules %llu negative %llu opened "
           "%llu refused %llu\n",
           (unsigned long long)s.lookups, (unsigned long long)s.hits, (unsigned long long)s.misses,
           (unsigned long long)s.found, (unsigned long long)s.modules,
           (unsigned long long)s.negative, (unsigned long long)s.opened,
           (unsigned long long)s.refused);
    etw_symbols_close(symbols);
    return 0;
}
