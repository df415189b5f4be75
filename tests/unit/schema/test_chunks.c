// In-stream manifests in pieces: order, repetition, restarts, limits.
#include "blob.h"

#include "schema/chunks.h"
#include "schema/manifest_xml.h"
#include "util/mem.h"

static Chunks chunks;
static uint8_t room[70000];
static char *xml;
static size_t bytes, before;

static void set_up(void) {
    before = mem_in_use();
    memset(&chunks, 0, sizeof chunks);
    xml = NULL;
}

static void tear_down(void) {
    mem_free(xml);
    chunks_deinit(&chunks);
    cr_assert(chunks.bytes == 0, "%zu bytes are still counted", chunks.bytes);
    cr_assert(mem_in_use() == before);
}

static int feed(uint32_t pid, uint16_t total, uint16_t number, const char *text) {
    EventRecord r = test_chunk(&test_provider, pid, total, number, text, strlen(text), room);
    cr_assert(chunk_is(&r));
    mem_free(xml);
    xml = NULL;
    return chunks_feed(&chunks, &r, SIZE_MAX, &xml, &bytes);
}

static bool complete_is(const char *text) {
    return xml && bytes == strlen(text) && memcmp(xml, text, bytes) == 0;
}

Test(chunks, what_is_one) {
    EventRecord r = test_chunk(&test_provider, 1, 1, 0, "x", 1, room);
    cr_assert(chunk_is(&r));
    EventRecord w = r;
    w.desc.opcode = 0;
    cr_assert(!chunk_is(&w));
    w = r, w.desc.task = 0;
    cr_assert(!chunk_is(&w));
    w = r, w.desc.id = 0xfffd;
    cr_assert(!chunk_is(&w));
    w = r, w.flags |= EVENT_CLASSIC;
    cr_assert(!chunk_is(&w));
    w = r, w.payload_bytes = 8; // no text at all
    cr_assert(!chunk_is(&w));
    room[3] = 0x5a;
    cr_assert(!chunk_is(&r));
    room[3] = 0x5b, room[0] = 2;
    cr_assert(!chunk_is(&r));
}

Test(chunks, one_and_many, .init = set_up, .fini = tear_down) {
    cr_assert(feed(1, 1, 0, "whole") == CHUNK_COMPLETE && complete_is("whole"));
    cr_assert(feed(1, 3, 0, "a") == CHUNK_TAKEN && feed(1, 3, 1, "b") == CHUNK_TAKEN);
    cr_assert(feed(1, 3, 2, "c") == CHUNK_COMPLETE && complete_is("abc"));
    cr_assert(chunks.bytes == 0 && chunks.streams.n_live == 0);
}

Test(chunks, out_of_order, .init = set_up, .fini = tear_down) {
    cr_assert(feed(1, 3, 2, "c") == CHUNK_TAKEN && feed(1, 3, 0, "a") == CHUNK_TAKEN);
    cr_assert(feed(1, 3, 1, "b") == CHUNK_COMPLETE && complete_is("abc"));
}

Test(chunks, processes_do_not_mix, .init = set_up, .fini = tear_down) {
    cr_assert(feed(1, 2, 0, "a") == CHUNK_TAKEN && feed(2, 2, 0, "x") == CHUNK_TAKEN);
    cr_assert(feed(2, 2, 1, "y") == CHUNK_COMPLETE && complete_is("xy"));
    cr_assert(feed(1, 2, 1, "b") == CHUNK_COMPLETE && complete_is("ab"));
}

Test(chunks, repetition_and_restart, .init = set_up, .fini = tear_down) {
    cr_assert(feed(1, 2, 0, "a") == CHUNK_TAKEN && feed(1, 2, 0, "a") == CHUNK_TAKEN);
    cr_assert(feed(1, 2, 1, "b") == CHUNK_COMPLETE && complete_is("ab"));
    // another text begins before the first was complete
    cr_assert(feed(1, 3, 0, "a") == CHUNK_TAKEN && feed(1, 3, 1, "b") == CHUNK_TAKEN);
    cr_assert(feed(1, 3, 0, "x") == CHUNK_TAKEN);
    cr_assert(feed(1, 3, 1, "y") == CHUNK_TAKEN);
    cr_assert(feed(1, 3, 2, "z") == CHUNK_COMPLETE && complete_is("xyz"));
    // with another number of chunks
    cr_assert(feed(1, 3, 0, "a") == CHUNK_TAKEN && feed(1, 2, 0, "x") == CHUNK_TAKEN);
    cr_assert(feed(1, 2, 1, "y") == CHUNK_COMPLETE && complete_is("xy"));
}

Test(chunks, numbers_out_of_range, .init = set_up, .fini = tear_down) {
    cr_assert(feed(1, 0, 0, "a") == CHUNK_BAD);
    cr_assert(feed(1, 2, 2, "a") == CHUNK_BAD && feed(1, 2, 0xffff, "a") == CHUNK_BAD);
    cr_assert(feed(1, CHUNKS_MAX_TOTAL + 1, 0, "a") == CHUNK_BAD);
    cr_assert(feed(1, CHUNKS_MAX_TOTAL, 0, "a") == CHUNK_TAKEN);
    cr_assert(feed(2, CHUNKS_MAX_TOTAL - 1, 0, "a") == CHUNK_TAKEN);
}

Test(chunks, streams_at_the_limit, .init = set_up, .fini = tear_down) {
    for (uint32_t pid = 0; pid < CHUNKS_MAX_STREAMS; pid++)
        cr_assert(feed(pid, 2, 0, "a") == CHUNK_TAKEN);
    cr_assert(chunks.streams.n_live == CHUNKS_MAX_STREAMS);
    cr_assert(feed(1000, 2, 0, "x") == CHUNK_TAKEN); // the oldest, 0, makes room
    cr_assert(chunks.streams.n_live == CHUNKS_MAX_STREAMS);
    cr_assert(feed(1, 2, 1, "b") == CHUNK_COMPLETE && complete_is("ab"));
    cr_assert(feed(0, 2, 1, "b") == CHUNK_TAKEN, "its first part is gone");
}

Test(chunks, bytes_at_the_limit, .init = set_up, .fini = tear_down) {
    // 16 MiB in 257 parts of up to 0xff00 bytes; the last one as given.
    static char text[0xff00];
    memset(text, 'x', sizeof text);
    uint32_t full = MANIFEST_MAX_BYTES / sizeof text;
    size_t rest = MANIFEST_MAX_BYTES - full * sizeof text;
    for (size_t over = 0; over <= 2; over++) { // n-1, n, n+1
        for (uint32_t i = 0; i < full; i++) {
            EventRecord r = test_chunk(&test_provider, 1, (uint16_t)(full + 1), (uint16_t)i, text,
                                       sizeof text, room);
            cr_assert(chunks_feed(&chunks, &r, SIZE_MAX, &xml, &bytes) == CHUNK_TAKEN);
        }
        EventRecord r = test_chunk(&test_provider, 1, (uint16_t)(full + 1), (uint16_t)full, text,
                                   rest + over - 1, room);
        int result = chunks_feed(&chunks, &r, SIZE_MAX, &xml, &bytes);
        cr_assert(result == (over <= 1 ? CHUNK_COMPLETE : CHUNK_BAD), "%zu: %d", over, result);
        if (over <= 1)
            mem_free(xml);
        xml = NULL;
        cr_assert(chunks.bytes == 0 && chunks.streams.n_live == 0);
    }
}

Test(chunks, room_of_the_store, .init = set_up, .fini = tear_down) {
    EventRecord r = test_chunk(&test_provider, 1, 2, 0, "12345", 5, room);
    cr_assert(chunks_feed(&chunks, &r, 4, &xml, &bytes) == CHUNK_BAD);
    cr_assert(chunks_feed(&chunks, &r, 5, &xml, &bytes) == CHUNK_TAKEN);
}

Test(chunks, each_allocation_fails, .init = set_up, .fini = tear_down) {
    size_t n = 1;
    for (;; n++) {
        mem_fail_at(n);
        int a = feed(1, 2, 0, "a"), b = a < 0 ? a : feed(1, 2, 1, "b");
        mem_fail_at(0);
        if (b == CHUNK_COMPLETE)
            break;
        cr_assert(a == -STATUS_NO_MEMORY || b == -STATUS_NO_MEMORY, "allocation %zu", n);
    }
    cr_assert(complete_is("ab") && n > 3);
}
