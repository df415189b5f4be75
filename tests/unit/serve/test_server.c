#include <criterion/criterion.h>

#include "client/etwclient.h"
#include "idl/wire.h"
#include "unit/common/rig.h"
#include "wire/frame.h"

#define SECOND INT64_C(1000000000)

static PlatChannel *open_channel(const Rig *rig) {
    PlatChannel *channel = NULL;
    Err err = ERR_INIT;
    cr_assert_eq(plat_channel_open(rig_endpoint(rig), 10 * SECOND, &channel, &err), 0, "%s",
                 err.text);
    return channel;
}

// True when the broker has ended the connection within ten seconds, without a word.
static bool closed_silently(PlatChannel *channel) {
    uint8_t byte;
    size_t got = 0;
    int r = plat_channel_read(channel, &byte, 1, 10 * SECOND, &got);
    return (r == 0 && got == 0) || r == -STATUS_CLOSED || r == -STATUS_IO;
}

static void ping(const Rig *rig) {
    EtwConnectOptions options = {.struct_size = sizeof options, .endpoint = rig_endpoint(rig)};
    EtwClient *client = NULL;
    char *reply = NULL;
    cr_assert_eq(etw_connect(&options, &client), ETW_STATUS_OK);
    cr_assert_eq(etw_request(client, "ping", NULL, 0, &reply), ETW_STATUS_OK);
    etw_free(reply);
    etw_disconnect(client);
}

Test(server, silent_connections_make_way_for_others) {
    Rig *rig = rig_start(&(RigOptions){.handshake_ms = 600000});
    static PlatChannel *silent[SERVER_HELLO_MAX + 2];
    for (size_t i = 0; i < ARRAY_COUNT(silent); i++)
        silent[i] = open_channel(rig);
    ping(rig);
    cr_assert(closed_silently(silent[0]), "the oldest gave way");
    cr_assert(closed_silently(silent[1]));
    // The newest is still welcome.
    uint8_t hello[WIRE_HELLO_BYTES], answer[WIRE_HEAD_BYTES];
    size_t got = 0;
    WireHello h = {.min_version = 1, .max_version = 1};
    PlatChannel *last = silent[ARRAY_COUNT(silent) - 1];
    wire_hello_put(hello, &h);
    cr_assert_eq(plat_channel_write(last, hello, sizeof hello, 10 * SECOND), 0);
    cr_assert_eq(plat_channel_read(last, answer, sizeof answer, 10 * SECOND, &got), 0);
    cr_assert_gt(got, 0);
    for (size_t i = 0; i < ARRAY_COUNT(silent); i++)
        plat_channel_close(silent[i]);
    rig_stop(rig);
}

Test(server, a_connection_that_says_nothing_is_closed_by_its_deadline) {
    Rig *rig = rig_start(&(RigOptions){.handshake_ms = 100});
    PlatChannel *silent = open_channel(rig);
    PlatChannel *half = open_channel(rig);
    uint8_t hello[WIRE_HELLO_BYTES];
    WireHello h = {.min_version = 1, .max_version = 1};
    wire_hello_put(hello, &h);
    cr_assert_eq(plat_channel_write(half, hello, sizeof hello - 1, 10 * SECOND), 0);
    cr_assert(closed_silently(silent));
    cr_assert(closed_silently(half), "all but the last byte of HELLO is not HELLO");
    ping(rig);
    plat_channel_close(silent);
    plat_channel_close(half);
    rig_stop(rig);
}

Test(server, another_protocol_gets_no_answer) {
    Rig *rig = rig_start(NULL);
    PlatChannel *channel = open_channel(rig);
    cr_assert_eq(plat_channel_write(channel, "GET / HTTP/1.1\r\n\r\n", 18, 10 * SECOND), 0);
    cr_assert(closed_silently(channel));
    plat_channel_close(channel);
    ping(rig);
    rig_stop(rig);
}

Test(server, versions_without_overlap_are_told) {
    Rig *rig = rig_start(NULL);
    PlatChannel *channel = open_channel(rig);
    uint8_t hello[WIRE_HELLO_BYTES];
    WireHello h = {.min_version = WIRE_VERSION + 1, .max_version = WIRE_VERSION + 5};
    wire_hello_put(hello, &h);
    cr_assert_eq(plat_channel_write(channel, hello, sizeof hello, 10 * SECOND), 0);
    FrameReader reader;
    Frame frame;
    Err err = ERR_INIT;
    frame_reader_init(&reader, FRAME_TO_CLIENT);
    int r;
    while ((r = frame_reader_next(&reader, &frame, &err)) == 0) {
        uint8_t *room;
        size_t n = frame_reader_room(&reader, &room), got = 0;
        cr_assert_eq(plat_channel_read(channel, room, n, 10 * SECOND, &got), 0);
        cr_assert_gt(got, 0);
        frame_reader_commit(&reader, got);
    }
    cr_assert_eq(r, 1);
    cr_assert_eq(frame.type, WIRE_REPLY);
    cr_assert_eq(frame.request, 0);
    char text[1024] = {0};
    memcpy(text, frame.payload, MIN_OF(frame.payload_bytes, sizeof text - 1));
    cr_assert_not_null(strstr(text, "\"VERSION\""), "%s", text);
    frame_reader_deinit(&reader);
    cr_assert(closed_silently(channel));
    plat_channel_close(channel);
    rig_stop(rig);
}
