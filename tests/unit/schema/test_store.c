// The store: learning from records, finding by record, replacement, limits, names.
#include "blob.h"

#include <stdio.h>

#include "schema/chunks.h"
#include "util/buf.h"
#include "util/mem.h"
#include "util/utf.h"

static SchemaStore *store;
static Schema *schema;
static TestBlob blob;
static uint8_t room[70000];
static Guid learned;
static size_t before;

static void set_up(void) {
    before = mem_in_use();
    schema = NULL;
    cr_assert(schema_store_new(&store) == 0);
}

static void tear_down(void) {
    schema = schema_unref(schema);
    store = schema_store_free(store);
    cr_assert(mem_in_use() == before, "%zu bytes are left", mem_in_use() - before);
}

static int feed(EventRecord r) {
    learned = GUID_NULL;
    return schema_store_feed(store, &r, &learned);
}

static void find(EventRecord r) {
    schema = schema_unref(schema);
    cr_assert(schema_store_find(store, &r, &schema) == 0 && schema != NULL);
}

static void event_blob(const char *task) {
    blob_start(&blob, &test_provider, 1, 1);
    blob_property(&blob, 0, "value", 0, IN_U32, 0, 1, 4);
    blob_name(&blob, 0x34, "Test-Provider");
    blob_name(&blob, 0x44, task);
}

Test(store, nothing_is_known, .init = set_up, .fini = tear_down) {
    find(test_event(&test_provider, 7, 2));
    cr_assert(schema->source == SCHEMA_NONE && schema->undecodable == UNDECODABLE_NO_SCHEMA);
    cr_assert(strcmp(schema->event_name, "EventID(7)") == 0 && schema->n_fields == 0);
    find(test_classic(&test_provider, 9, 0));
    cr_assert(strcmp(schema->event_name, "Opcode(9)") == 0);
    EventRecord wpp = test_event(&test_provider, 3, 0);
    wpp.flags = EVENT_WPP;
    find(wpp);
    cr_assert(schema->undecodable == UNDECODABLE_WPP && schema->event_flags == EVENT_WPP);
    static const Guid process =
        GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0x00, 0xc0, 0x4f, 0xd7, 0xba, 0x7c);
    find(test_classic(&process, 250, 4));
    cr_assert(strcmp(schema->event_name, "Process/Opcode(250)") == 0, "%s", schema->event_name);
    cr_assert(strcmp(schema->provider_name, "Windows Kernel") == 0 &&
              schema->source == SCHEMA_NONE);
    // the same numbers as a manifest event are another thing
    find(test_event(&process, 1, 4));
    cr_assert(schema->source == SCHEMA_NONE);
    find(test_classic(&process, 1, 4));
    cr_assert(schema->source == SCHEMA_MOF);
}

Test(store, one_string, .init = set_up, .fini = tear_down) {
    EventRecord r = test_event(&test_provider, 0, 0);
    r.flags = EVENT_STRING_ONLY;
    find(r);
    cr_assert(schema->source == SCHEMA_STRING && schema->n_top == 1);
    cr_assert(schema->fields[0].in_type == IN_UTF16);
    cr_assert(strcmp(schema->event_name, "EventWriteString") == 0);
}

Test(store, event_info, .init = set_up, .fini = tear_down) {
    event_blob("Task");
    EventRecord meta = test_metadata(32, blob.data, blob.bytes);
    cr_assert(feed(meta) == 1 && guid_equal(&learned, &test_provider));
    cr_assert(feed(meta) == 0, "the same again is nothing new");
    find(test_event(&test_provider, 7, 2));
    cr_assert(schema->source == SCHEMA_EVENT_INFO && strcmp(schema->event_name, "Task") == 0);
    find(test_event(&test_provider, 7, 1));
    cr_assert(schema->source == SCHEMA_NONE, "another version");
    cr_assert(strcmp(schema->provider_name, "Test-Provider") == 0, "but the name is known");
    find(test_event(&test_provider, 8, 2));
    cr_assert(schema->source == SCHEMA_NONE);
    find(test_classic(&test_provider, 0, 2));
    cr_assert(schema->source == SCHEMA_NONE, "classic events have another key");
    SchemaStoreStats stats = schema_store_stats(store);
    cr_assert(stats.event_infos == 1 && stats.rejected == 0 && stats.bytes > blob.bytes);
}

Test(store, event_info_of_a_class, .init = set_up, .fini = tear_down) {
    event_blob("Task");
    blob_set32(&blob, 0x30, DECODING_WBEM);
    blob.data[0x25] = 44;
    cr_assert(feed(test_metadata(32, blob.data, blob.bytes)) == 1);
    find(test_classic(&test_provider, 44, 2));
    cr_assert(schema->source == SCHEMA_EVENT_INFO && (schema->event_flags & EVENT_CLASSIC));
    find(test_event(&test_provider, 7, 2));
    cr_assert(schema->source == SCHEMA_NONE);
}

Test(store, a_malformed_blob_is_reported_once_and_delivered_raw, .init = set_up,
     .fini = tear_down) {
    event_blob("Task");
    cr_assert(feed(test_metadata(32, blob.data, 111)) == 0);
    cr_assert(schema_store_stats(store).rejected == 1);
    blob_set32(&blob, 0x44, (uint32_t)blob.bytes); // only compiling shows it
    cr_assert(feed(test_metadata(32, blob.data, blob.bytes)) == 1);
    find(test_event(&test_provider, 7, 2));
    cr_assert(schema->undecodable == UNDECODABLE_BAD_SCHEMA && schema->n_fields == 0);
    cr_assert(schema_store_stats(store).rejected == 2);
}

Test(store, maps_come_before_or_after, .init = set_up, .fini = tear_down) {
    static const TestMapEntry entries[] = {{1, "one"}};
    static TestBlob map;
    uint8_t payload[512];
    event_blob("Task");
    blob_set32(&blob, EVENT_INFO_HEAD + 12, blob_string(&blob, "Map"));
    cr_assert(feed(test_metadata(32, blob.data, blob.bytes)) == 1);
    find(test_event(&test_provider, 7, 2));
    cr_assert(schema->fields[0].map == NULL);
    blob_map(&map, "Map", 1, entries, 1);
    memcpy(payload, test_provider.b, 16);
    memcpy(payload + 16, map.data, map.bytes);
    cr_assert(feed(test_metadata(33, payload, map.bytes + 16)) == 1);
    cr_assert(guid_equal(&learned, &test_provider), "its types are to be looked up again");
    find(test_event(&test_provider, 7, 2));
    cr_assert(schema->fields[0].map && strcmp(schema->fields[0].map->entries[0].text, "one") == 0);
    cr_assert(feed(test_metadata(33, payload, 15)) == 0 && schema_store_stats(store).rejected == 1);
    cr_assert(schema_store_stats(store).map_infos == 1);
}

Test(store, replacements_at_the_limit, .init = set_up, .fini = tear_down) {
    char task[32];
    for (int i = 0; i <= 17; i++) { // the first and 16 others; the 17th other is refused
        snprintf(task, sizeof task, "Task%d", i);
        event_blob(task);
        int r = feed(test_metadata(32, blob.data, blob.bytes));
        cr_assert(r == (i <= 16 ? 1 : 0), "replacement %d: %d", i, r);
    }
    find(test_event(&test_provider, 7, 2));
    cr_assert(strcmp(schema->event_name, "Task16") == 0, "%s", schema->event_name);
    cr_assert(schema_store_stats(store).rejected == 1);
}

Test(store, bytes_at_the_limit, .init = set_up, .fini = tear_down) {
    event_blob("Task");
    cr_assert(feed(test_metadata(32, blob.data, blob.bytes)) == 1);
    uint64_t one = schema_store_stats(store).bytes;
    blob_set16(&blob, 0x20, 8); // the second is as long; the provider's name is known by now
    cr_assert(feed(test_metadata(32, blob.data, blob.bytes)) == 1);
    size_t second = (size_t)(schema_store_stats(store).bytes - one);
    for (int d = -1; d <= 1; d++) {
        blob_set16(&blob, 0x20, (uint16_t)(10 + d));
        size_t now = (size_t)schema_store_stats(store).bytes;
        schema_store_set_limit(store, (size_t)((int64_t)(now + second) + d));
        int r = feed(test_metadata(32, blob.data, blob.bytes));
        cr_assert(r == (d >= 0), "%d: %d", d, r);
        cr_assert(schema_store_stats(store).bytes <= now + second);
    }
    cr_assert(schema_store_stats(store).rejected == 1);
}

static const char xml_head[] = "<m><instrumentation><events><provider name='Test-Source' "
                               "guid='{11111111-2222-3333-4444-555555555555}'><events>";

static const char *source_xml(Buf *xml, const char *symbol) {
    buf_clear(xml);
    buf_printf(
        xml,
        "%s<event value='3' version='0' symbol='%s' template='T'/></events><templates>"
        "<template tid='T'><data name='text' inType='win:UnicodeString'/></template></templates>"
        "<keywords><keyword name='K1' mask='1'/><keyword name='K2' mask='0x20'/></keywords>"
        "</provider></events></instrumentation></m>",
        xml_head, symbol);
    return buf_str(xml);
}

static int feed_xml(const char *xml, uint32_t pid) {
    return feed(test_chunk(&test_provider, pid, 1, 0, xml, strlen(xml), room));
}

Test(store, an_in_stream_manifest, .init = set_up, .fini = tear_down) {
    Buf xml = BUF_INIT;
    cr_assert(feed_xml(source_xml(&xml, "Log"), 1) == 1 && guid_equal(&learned, &test_provider));
    cr_assert(feed_xml(source_xml(&xml, "Log"), 2) == 0, "another process says the same");
    find(test_event(&test_provider, 3, 0));
    cr_assert(schema->source == SCHEMA_MANIFEST && (schema->flags & SCHEMA_EVENTSOURCE));
    cr_assert(strcmp(schema->event_name, "Log") == 0);
    cr_assert(strcmp(schema->provider_name, "Test-Source") == 0);
    find(test_event(&test_provider, 4, 0));
    cr_assert(schema->source == SCHEMA_NONE && strcmp(schema->provider_name, "Test-Source") == 0);
    find(test_chunk(&test_provider, 1, 1, 0, "x", 1, room));
    cr_assert(strcmp(schema->event_name, "ManifestData") == 0 && schema->n_top == 7);
    cr_assert(feed_xml(source_xml(&xml, "Log2"), 1) == 1, "the last complete one counts");
    find(test_event(&test_provider, 3, 0));
    cr_assert(strcmp(schema->event_name, "Log2") == 0);
    SchemaStoreStats stats = schema_store_stats(store);
    cr_assert(stats.manifests == 2 && stats.manifest_chunks == 3 && stats.rejected == 0);
    buf_deinit(&xml);
}

Test(store, a_manifest_for_somebody_else, .init = set_up, .fini = tear_down) {
    Buf xml = BUF_INIT;
    source_xml(&xml, "Log");
    EventRecord r = test_chunk(&test_metadata_class, 1, 1, 0, buf_str(&xml), xml.bytes, room);
    cr_assert(feed(r) == 0 && schema_store_stats(store).rejected == 1);
    find(test_event(&test_provider, 3, 0));
    cr_assert(schema->source == SCHEMA_NONE);
    buf_deinit(&xml);
}

Test(store, quarrelling_manifests_are_settled, .init = set_up, .fini = tear_down) {
    Buf xml = BUF_INIT;
    char symbol[32];
    int news = 0;
    for (int i = 0; i < 40; i++) {
        snprintf(symbol, sizeof symbol, "Log%d", i);
        news += feed_xml(source_xml(&xml, symbol), 1);
    }
    cr_assert(news == 17, "%d", news);
    buf_deinit(&xml);
}

Test(store, bad_manifests_are_not_parsed_for_ever, .init = set_up, .fini = tear_down) {
    char text[64];
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof text, "<a><b></a> %d", i);
        cr_assert(feed_xml(text, 1) == 0);
    }
    cr_assert(schema_store_stats(store).rejected == 16, "%u",
              (unsigned)schema_store_stats(store).rejected);
}

typedef struct Seen {
    uint32_t n;
    uint64_t masks;
    char names[256];
} Seen;

static void see_provider(void *user, const Guid *guid, const char *name) {
    Seen *seen = user;
    (void)guid;
    seen->n++;
    snprintf(seen->names, sizeof seen->names, "%s", name);
}

static void see_keyword(void *user, uint64_t mask, const char *name) {
    Seen *seen = user;
    (void)name;
    seen->n++;
    seen->masks |= mask;
}

static void see_event(void *user, const Schema *s) {
    Seen *seen = user;
    seen->n++;
    snprintf(seen->names, sizeof seen->names, "%s", s->event_name);
}

static uint32_t providers(const char *pattern, Seen *seen) {
    *seen = (Seen){0};
    uint32_t n = schema_store_providers(store, pattern, see_provider, seen);
    cr_assert(n == seen->n);
    return n;
}

Test(store, enumeration, .init = set_up, .fini = tear_down) {
    Buf xml = BUF_INIT;
    Err err;
    source_xml(&xml, "Log");
    cr_assert(schema_store_xml(store, buf_str(&xml), xml.bytes, &err) == 0, "%s", err.text);
    Seen seen = {0};
    cr_assert(schema_store_keywords(store, &test_provider, see_keyword, &seen) == 2);
    cr_assert(seen.masks == 0x21);
    event_blob("Task"); // id 7 of the same provider
    cr_assert(feed(test_metadata(32, blob.data, blob.bytes)) == 1);
    seen = (Seen){0};
    cr_assert(schema_store_events(store, &test_provider, see_event, &seen) == 2 && seen.n == 2);
    static const Guid tcp =
        GUID_INIT(0x9a280ac0, 0xc8e0, 0x11d1, 0x84, 0xe2, 0x00, 0xc0, 0x4f, 0xb9, 0x98, 0xa2);
    seen = (Seen){0};
    cr_assert(schema_store_events(store, &tcp, see_event, &seen) > 30);
    cr_assert(schema_store_keywords(store, &tcp, see_keyword, &seen) == 0);
    cr_assert(providers("test-source", &seen) == 1);
    cr_assert(providers("Test*", &seen) == 1 && strcmp(seen.names, "Test-Source") == 0);
    cr_assert(providers("DNS-Client", &seen) == 1);
    cr_assert(strcmp(seen.names, "Microsoft-Windows-DNS-Client") == 0);
    cr_assert(providers("microsoft-windows-dns-client", &seen) == 1);
    cr_assert(providers("Antimalware-Scan-Interface", &seen) == 1);
    cr_assert(providers("Kernel-*", &seen) > 20);
    cr_assert(providers("No such provider", &seen) == 0);
    cr_assert(providers("PowerShellCore", &seen) == 1);
    cr_assert(strcmp(schema_store_provider_name(store, &test_provider), "Test-Source") == 0);
    cr_assert(schema_store_provider_name(store, &GUID_NULL) == NULL);
    buf_deinit(&xml);
}

Test(store, a_loaded_manifest_is_strict, .init = set_up, .fini = tear_down) {
    Buf xml = BUF_INIT;
    Err err = ERR_INIT;
    source_xml(&xml, "Log");
    cr_assert(schema_store_xml(store, buf_str(&xml), xml.bytes, &err) == 0);
    find(test_event(&test_provider, 3, 0));
    cr_assert(schema->source == SCHEMA_MANIFEST && !(schema->flags & SCHEMA_EVENTSOURCE));
    find(test_event(&test_provider, 3, 1));
    cr_assert(schema->source == SCHEMA_NONE, "another version is another layout");
    cr_assert(schema_store_xml(store, "<x>", 3, &err) == -STATUS_FORMAT && err.text[0]);
    schema_store_set_limit(store, 0);
    cr_assert(schema_store_xml(store, buf_str(&xml), xml.bytes, &err) == -STATUS_OVERSIZE);
    buf_deinit(&xml);
}

Test(store, files, .init = set_up, .fini = tear_down) {
    Err err = ERR_INIT;
    cr_assert(schema_store_load(store, "/no/such/file.man", &err) < 0 && err.text[0]);
}

Test(store, tracelogging_names_its_provider, .init = set_up, .fini = tear_down) {
    uint8_t ext[256], traits[] = {8, 0, 'N', 'a', 'm', 'e', '!', 0};
    EventRecord r = test_event(&test_provider, 0, 0);
    r.flags = EVENT_TRACELOGGING;
    r.ext = ext;
    r.ext_bytes = event_item_put(ext, EVENT_ITEM_TRAITS, traits, sizeof traits);
    r.ext_bytes = test_tl_item(ext, r.ext_bytes, "\0Event\0", 7);
    find(r);
    cr_assert(schema->source == SCHEMA_TRACELOGGING && strcmp(schema->event_name, "Event") == 0);
    cr_assert(strcmp(schema_store_provider_name(store, &test_provider), "Name!") == 0);
    // metadata that cannot be
    r.ext_bytes = test_tl_item(ext, 0, "\0Event", 6);
    find(r);
    cr_assert(schema->undecodable == UNDECODABLE_BAD_SCHEMA);
    cr_assert(schema->event_flags == EVENT_TRACELOGGING);
    // none at all
    r.ext_bytes = 0;
    find(r);
    cr_assert(schema->undecodable == UNDECODABLE_BAD_SCHEMA);
}

Test(store, each_allocation_fails, .init = set_up, .fini = tear_down) {
    Buf xml = BUF_INIT;
    source_xml(&xml, "Log");
    event_blob("Task");
    uint32_t failures = 0;
    for (size_t n = 1; n <= 200; n++) {
        store = schema_store_free(store);
        schema = schema_unref(schema);
        mem_fail_at(n);
        int r = schema_store_new(&store);
        Guid g;
        EventRecord meta = test_metadata(32, blob.data, blob.bytes);
        if (r == 0)
            r = schema_store_feed(store, &meta, &g);
        EventRecord chunk = test_chunk(&test_provider, 1, 1, 0, buf_str(&xml), xml.bytes, room);
        if (r >= 0)
            r = schema_store_feed(store, &chunk, &g);
        EventRecord event = test_event(&test_provider, 7, 2);
        if (r >= 0)
            r = schema_store_find(store, &event, &schema);
        mem_fail_at(0);
        cr_assert(r == 0 || r == -STATUS_NO_MEMORY, "allocation %zu: %d", n, r);
        failures += r < 0;
        // What can fail without an error is dispensable (a provider's name).
        cr_assert(r < 0 || schema->source == SCHEMA_EVENT_INFO);
    }
    cr_assert(failures > 20 && failures < 200, "%u", failures);
    buf_deinit(&xml);
}
