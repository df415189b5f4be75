#include <criterion/criterion.h>
#include <stdio.h>

#include "policy/config.h"
#include "util/buf.h"

static int parse(Config *config, const char *text, Err *err) {
    config_init(config);
    *err = (Err)ERR_INIT;
    return config_parse(config, text, strlen(text), "test.ini", err);
}

static void refused(const char *text, const char *where, const char *what) {
    Config config;
    Err err;
    cr_assert_eq(parse(&config, text, &err), -STATUS_FORMAT, "accepted: %s", text);
    cr_assert_not_null(strstr(err.text, where), "'%s' lacks '%s'", err.text, where);
    cr_assert_not_null(strstr(err.text, what), "'%s' lacks '%s'", err.text, what);
    config_deinit(&config);
}

Test(config, takes_every_kind_of_key) {
    Config config;
    Err err;
    cr_assert_eq(
        parse(&config,
              "; comment\n[broker]\nendpoint = lab\nmanifests = /srv/man\n"
              "[limits]\nqueue = 16 MB\nqueue_max=1GB\nconnections = 7\nhandshake_ms = 250\n",
              &err),
        0, "%s", err.text);
    cr_assert_str_eq(config.endpoint, "lab");
    cr_assert_str_eq(config.manifests, "/srv/man");
    cr_assert_eq(config.limits.queue_default, 16u << 20);
    cr_assert_eq(config.limits.queue_max, 1u << 30);
    cr_assert_eq(config.limits.connections_all, 7);
    cr_assert_eq(config.handshake_ms, 250);
    config_deinit(&config);
}

Test(config, an_empty_file_is_the_defaults) {
    Config config, defaults;
    Err err;
    config_init(&defaults);
    cr_assert_eq(parse(&config, "", &err), 0);
    cr_assert_eq(config.limits.queue_default, defaults.limits.queue_default);
    config_deinit(&config);
}

Test(config, fails_closed_and_names_the_line) {
    refused("[broker]\nendpont = x\n", "test.ini:2", "endpont");
    refused("[limit]\n", "test.ini:1", "limit");
    refused("endpoint = x\n", "test.ini:1", "before any section");
    refused("[broker]\nendpoint = a\nendpoint = b\n", "test.ini:3", "twice");
    refused("[limits]\n\nqueue = lots\n", "test.ini:3", "lots");
    refused("[limits]\nqueue = 1 KB\n", "test.ini:2", "out of range");
    refused("[limits]\nconnections = 0\n", "test.ini:2", "out of range");
    refused("[limits]\nconnections = 1 KB\n", "test.ini:2", "whole number");
    refused("[limits]\nqueue = 512 MB\nqueue_max = 256 MB\n", "test.ini", "queue_max");
    refused("[broker]\nendpoint\n", "test.ini:2", "key = value");
}

Test(config, limits_of_the_caches) {
    Config config;
    Err err;
    EnrichLimits defaults = enrich_limits_default();
    cr_assert_eq(parse(&config, "", &err), 0);
    cr_assert_eq(config.caches.files, defaults.files);
    cr_assert_eq(config.caches.image_processes, defaults.image_processes);
    cr_assert_eq(config.caches.memory_bytes, defaults.memory_bytes);
    cr_assert_eq(config.scan_bytes, 512u << 20);
    config_deinit(&config);
    cr_assert_eq(parse(&config,
                       "[caches]\nfiles = 1\nfile_objects = 2\nrequests = 3\nkeys = 4\n"
                       "processes = 5\nthreads = 6\nservices = 7\nobjects = 8\n"
                       "image_processes = 100000000\nmemory = 1 MB\nscan_memory = 64 GB\n",
                       &err),
                 0, "%s", err.text);
    EnrichLimits set = {1, 2, 3, 4, 5, 6, 7, 8, 100000000, 1u << 20};
    cr_assert_eq(config.caches.files, set.files);
    cr_assert_eq(config.caches.file_objects, set.file_objects);
    cr_assert_eq(config.caches.requests, set.requests);
    cr_assert_eq(config.caches.keys, set.keys);
    cr_assert_eq(config.caches.processes, set.processes);
    cr_assert_eq(config.caches.threads, set.threads);
    cr_assert_eq(config.caches.services, set.services);
    cr_assert_eq(config.caches.objects, set.objects);
    cr_assert_eq(config.caches.image_processes, set.image_processes);
    cr_assert_eq(config.caches.memory_bytes, set.memory_bytes);
    cr_assert_eq(config.scan_bytes, UINT64_C(64) << 30);
    config_deinit(&config);
    refused("[caches]\nfiles = 0\n", "test.ini:2", "out of range");
    refused("[caches]\nthreads = 100000001\n", "test.ini:2", "out of range");
    refused("[caches]\nfiles = 1 MB\n", "test.ini:2", "whole number");
    refused("[caches]\nmemory = 1048575\n", "test.ini:2", "out of range");
    refused("[caches]\nmemory = 65 GB\n", "test.ini:2", "out of range");
    refused("[caches]\nscan_memory = 1023 KB\n", "test.ini:2", "out of range");
    refused("[caches]\nstacks = 1\n", "test.ini:2", "stacks");
    refused("[caches]\nkeys = 1\nkeys = 2\n", "test.ini:3", "twice");
}

Test(config, goes_no_further_after_an_error) {
    Config config;
    Err err;
    cr_assert_lt(parse(&config, "[broker]\nnonsense = 1\nendpoint = evil\n", &err), 0);
    cr_assert_null(config.endpoint);
    config_deinit(&config);
}

// inih as it is shipped would read the tail of an overlong line as a new directive.
Test(config, long_lines_are_refused_at_the_limit) {
    for (int extra = -1; extra <= 1; extra++) {
        Buf text = BUF_INIT;
        Config config;
        Err err;
        buf_text(&text, "[broker]\n; ");
        while (text.bytes < 9 + CONFIG_MAX_LINE + (size_t)extra)
            buf_char(&text, 'x');
        buf_text(&text, "\nendpoint = here\n");
        int r = parse(&config, buf_str(&text), &err);
        if (extra <= 0) {
            cr_assert_eq(r, 0, "%s", err.text);
            cr_assert_str_eq(config.endpoint, "here");
        } else {
            cr_assert_eq(r, -STATUS_FORMAT);
            cr_assert_not_null(strstr(err.text, "test.ini:2"));
        }
        config_deinit(&config);
        buf_deinit(&text);
    }
}

Test(config, nul_bytes_are_refused) {
    Config config;
    Err err = ERR_INIT;
    config_init(&config);
    cr_assert_eq(config_parse(&config, "[broker]\nend\0point = x\n", 22, "test.ini", &err),
                 -STATUS_FORMAT);
    config_deinit(&config);
}

Test(config, sizes) {
    uint64_t v;
    cr_assert(config_parse_bytes("0", &v) && v == 0);
    cr_assert(config_parse_bytes("8 MB", &v) && v == 8u << 20);
    cr_assert(config_parse_bytes("8mb", &v) && v == 8u << 20);
    cr_assert(config_parse_bytes("3 KB", &v) && v == 3072);
    cr_assert_not(config_parse_bytes("", &v));
    cr_assert_not(config_parse_bytes("-1", &v));
    cr_assert_not(config_parse_bytes("8 MB ", &v));
    cr_assert_not(config_parse_bytes("8 TB", &v));
    cr_assert_not(config_parse_bytes("99999999999999999999", &v));
}

Test(config, a_missing_file_says_so) {
    Config config;
    Err err = ERR_INIT;
    config_init(&config);
    cr_assert_eq(config_load(&config, "no-such-file.ini", &err), -STATUS_NOT_FOUND);
    cr_assert_not_null(strstr(err.text, "no-such-file.ini"));
    config_deinit(&config);
}
