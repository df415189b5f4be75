// The configuration file: what is taken is within the documented ranges and the same each time; what is
// refused names its reason; a comment more changes nothing.
#include "tests/fuzz/fuzz.h"

#include "policy/config.h"
#include "util/buf.h"
#include "util/utf.h"

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool in_range(uint64_t v, uint64_t least, uint64_t most) {
    return v >= least && v <= most;
}

static void check_ranges(const Config *c) {
    const uint64_t mib = 1u << 20;
    const UserLimits *l = &c->limits;
    fuzz_check(in_range(c->handshake_ms, 100, 600000) && in_range(c->stalled_ms, 1000, 86400000) &&
                   in_range(c->slow_ms, 1000, 86400000),
               "times are in range");
    fuzz_check(in_range(l->connections, 1, 10000) && in_range(l->connections_all, 1, 10000) &&
                   in_range(l->admin_reserve, 1, 10000) && in_range(l->subscriptions, 1, 10000),
               "numbers are in range");
    fuzz_check(in_range(l->queue_default, 128 * 1024, 4096 * mib) &&
                   in_range(l->queue_max, 128 * 1024, 16384 * mib) &&
                   in_range(l->queue_bytes, 128 * 1024, 65536 * mib) &&
                   l->queue_default <= l->queue_max,
               "sizes are in range");
    fuzz_check(!c->endpoint || (c->endpoint[0] && utf8_valid(c->endpoint, strlen(c->endpoint))),
               "the endpoint is text");
    fuzz_check(!c->manifests || (c->manifests[0] && utf8_valid(c->manifests, strlen(c->manifests))),
               "so is the folder");
}

static bool same(const Config *a, const Config *b) {
    const UserLimits *k = &a->limits, *l = &b->limits;
    return same_text(a->endpoint, b->endpoint) && same_text(a->manifests, b->manifests) &&
           a->handshake_ms == b->handshake_ms && a->stalled_ms == b->stalled_ms &&
           a->slow_ms == b->slow_ms && k->connections == l->connections &&
           k->connections_all == l->connections_all && k->admin_reserve == l->admin_reserve &&
           k->subscriptions == l->subscriptions && k->queue_default == l->queue_default &&
           k->queue_max == l->queue_max && k->queue_bytes == l->queue_bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FuzzLeaks leaks = fuzz_leaks_begin();
    uint32_t bytes;
    FuzzInput in = {data, size};
    char *text = (char *)fuzz_take(&in, size, &bytes);
    Config config, again;
    Err err = ERR_INIT;
    config_init(&config);
    int r = config_parse(&config, text, bytes, "fuzz.ini", &err);
    if (r == 0) {
        check_ranges(&config);
    } else {
        fuzz_check(r == -STATUS_FORMAT || r == -STATUS_OVERSIZE,
                   "a file is refused for what it says");
        fuzz_check(strncmp(err.text, "fuzz.ini", 8) == 0, "and the reason names it");
        fuzz_check(utf8_valid(err.text, strlen(err.text)), "in UTF-8");
    }
    Buf more = BUF_INIT;
    buf_append(&more, text, bytes);
    buf_text(&more, "\n; a comment\n\n# another\n");
    config_init(&again);
    int s = config_parse(&again, (const char *)more.data, more.bytes, "fuzz.ini", NULL);
    if (more.bytes <= CONFIG_MAX_BYTES) {
        fuzz_check(r == s, "a comment more changes nothing");
        fuzz_check(r != 0 || same(&config, &again), "of the values either");
    }
    buf_deinit(&more);
    config_deinit(&again);
    config_deinit(&config);

    char *line = mem_strndup(text, MIN_OF(bytes, 64u));
    uint64_t value;
    if (config_parse_bytes(line, &value))
        fuzz_check(line[0] >= '0' && line[0] <= '9', "a size begins with a digit");
    mem_free(line);
    mem_free(text);
    fuzz_leaks_end(&leaks);
    return 0;
}
