// e2e_tables ENDPOINT SPEC: what the tables of a subscription's batches cost. Reads to the end and
// prints one line: events, and the bytes of the table's entries for each event, by kind. The
// library hides tables, so this looks into it.
#include <inttypes.h>
#include <stdio.h>

#include "client/lib/internal.h"
#include "platform/args.h"

#define KINDS (WIRE_TABLE_NUMBER + 1u)

static uint64_t n_events, n_batches, entries[KINDS], bytes[KINDS];

static void count(const EtwBatch *batch) {
    BatchReader reader = batch->table.reader;
    WireTableEntry e;
    n_events += batch->n_events;
    n_batches++;
    for (uint32_t at = 0, from = 0; wire_table_next(&reader, &at, &e); from = at) {
        uint32_t kind = e.kind < KINDS ? e.kind : 0;
        entries[kind]++;
        bytes[kind] += at - from; // with head and padding
    }
}

int main(int argc, char **argv) {
    static const char *const names[KINDS] = {"other", "process", "text",
                                             "stack", "module",  "number"};
    EtwClient *client = NULL;
    EtwSubscription *s = NULL;
    EtwBatch *batch;
    int32_t status;
    if (!plat_args(&argc, &argv) || argc != 3)
        return 2;
    EtwConnectOptions options = {.struct_size = sizeof options, .endpoint = argv[1]};
    if (etw_connect(&options, &client) != ETW_STATUS_OK ||
        etw_subscribe(client, argv[2], 0, &s) != ETW_STATUS_OK) {
        EtwError error = {.struct_size = sizeof error};
        etw_error(client, &error);
        fprintf(stderr, "e2e_tables: %s\n", error.message);
        return 1;
    }
    while ((status = etw_read(s, 60000, &batch)) == ETW_STATUS_OK) {
        count(batch);
        etw_batch_free(batch);
    }
    etw_close(s);
    etw_disconnect(client);
    if (status != ETW_STATUS_END || n_events == 0) {
        fprintf(stderr, "e2e_tables: %s\n", etw_status_text(status));
        return 1;
    }
    printf("events %" PRIu64 " batches %" PRIu64, n_events, n_batches);
    for (uint32_t i = 0; i < KINDS; i++)
        if (entries[i] != 0)
            printf(" %s %.2f", names[i], (double)bytes[i] / (double)n_events);
    printf("\n");
    return 0;
}
