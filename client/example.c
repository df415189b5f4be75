/* Watches DNS queries until a minute has passed without one, and prints who asked for what. Copy it: it uses
 * all that most programs need.
 *
 * From the folder that holds client/ (the sources after 'make linux', or an unpacked archive with -L.):
 *
 *   gcc -I. client/example.c -Lbuild/linux -letwclient -Wl,-rpath,$PWD/build/linux -o example
 *   x86_64-w64-mingw32-gcc -I. client/example.c build/win64/libetwclient.dll.a -o example.exe
 *   ./example [ENDPOINT [SPEC]]          SPEC: JSON, as in docs/PROTOCOL.md
 */
#include "client/etwclient.h"

#include <stdio.h>

#define SECONDS 60

static int fail(EtwClient *client, const char *what, int32_t status) {
    EtwError error = {.struct_size = sizeof error};
    if (client != NULL && etw_error(client, &error) == ETW_STATUS_OK && error.status == status)
        fprintf(stderr, "%s: %s\n%s\n", what, error.message, error.remedy);
    else
        fprintf(stderr, "%s: %s\n", what, etw_status_text(status));
    return 1;
}

static void print_event(const EtwEvent *event) {
    EtwHeader header = {.struct_size = sizeof header};
    EtwValue name = {.struct_size = sizeof name};
    char label[128], text[512];

    /* The header is at hand; fields are decoded when they are asked for. */
    etw_event_header(event, &header);
    etw_event_text(event, ETW_TEXT_LABEL, label, sizeof label, NULL);
    /* OVERSIZE would still give the front of a long text: good enough for a line. */
    if (etw_field(event, "QueryName", &name) == ETW_STATUS_OK)
        etw_value_text(event, &name, text, sizeof text, NULL);
    else
        etw_event_text(event, ETW_TEXT_SUMMARY, text, sizeof text, NULL);
    if (header.process_id == UINT32_MAX)
        printf("     - %-30s %s\n", label, text);
    else
        printf("%6u %-30s %s\n", header.process_id, label, text);
}

/* Returns 0 to go on. Items stand in order: a gap tells where events are missing. */
static int print_batch(EtwBatch *batch, unsigned long long *n_events) {
    EtwItem item = {.struct_size = sizeof item};
    while (etw_batch_next(batch, &item) == ETW_STATUS_OK) {
        switch (item.kind) {
        case ETW_ITEM_EVENT:
            print_event(item.event);
            ++*n_events;
            break;
        case ETW_ITEM_GAP:
            if (item.gap_count == UINT64_MAX)
                printf("-- events are missing: %s\n", etw_reason_text(item.kind, item.reason));
            else
                printf("-- %llu events are missing: %s\n", (unsigned long long)item.gap_count,
                       etw_reason_text(item.kind, item.reason));
            break;
        case ETW_ITEM_END:
            printf("-- end: %s\n", etw_reason_text(item.kind, item.reason));
            return 1;
        default: /* changes of the subscription, epochs of the source */
            break;
        }
    }
    return 0;
}

int main(int argc, char **argv) {
    EtwConnectOptions options = {.struct_size = sizeof options, .agent = "example 1.0"};
    EtwClient *client = NULL;
    EtwSubscription *subscription = NULL;
    const char *spec =
        "{\"wants\":[{\"provider\":\"Microsoft-Windows-DNS-Client\",\"event_ids\":[3008]}],"
        "\"name\":\"example\"}";
    unsigned long long n_events = 0;
    int code = 0, done = 0;

    options.endpoint = argc > 1 ? argv[1] : NULL; /* NULL: the default endpoint */
    if (argc > 2)
        spec = argv[2];

    int32_t status = etw_connect(&options, &client);
    if (status != ETW_STATUS_OK) {
        code = fail(client, "connect", status);
        goto out;
    }
    status = etw_subscribe(client, spec, 0, &subscription);
    if (status != ETW_STATUS_OK) {
        code = fail(client, "subscribe", status);
        goto out;
    }
    for (int idle = 0; !done && idle < SECONDS;) {
        EtwBatch *batch = NULL;
        status = etw_read(subscription, 1000, &batch);
        if (status == ETW_STATUS_TIMEOUT) {
            idle++; /* nothing in this second */
            continue;
        }
        if (status == ETW_STATUS_END)
            break;
        if (status != ETW_STATUS_OK) {
            code = fail(client, "read", status);
            break;
        }
        done = print_batch(batch, &n_events);
        fflush(stdout);        /* a pipe's reader sees each batch as it comes */
        etw_batch_free(batch); /* its events are gone now; etw_event_copy keeps one */
    }
    printf("%llu events\n", n_events);
out:
    etw_close(subscription);
    etw_disconnect(client);
    return code;
}
