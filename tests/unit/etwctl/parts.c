// The parts of etwctl that can be tested without a broker. Its objects are in no library, so they
// are compiled here.
#include "client/etwctl/crc32.c"
#include "client/etwctl/dump_enrich.c"
#include "client/etwctl/held.c"
#include "client/etwctl/options.c"
#include "client/etwctl/row.c"
#include "client/etwctl/symbols_option.c"
#include "client/etwctl/table.c"
#include "client/etwctl/text.c"
#include "client/etwctl/tsv.c"
#include "client/etwctl/words.c"
