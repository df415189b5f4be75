// Inputs that once broke something, as the fuzz targets found them.
#include "blob.h"

#include "schema/tracelogging.h"
#include "wire/schema_wire.h"

// A name with a byte that is no UTF-8 went into the schema as it was; the client refuses such a SCHEMA
// frame and closes, so that one provider's odd event ended every watcher's connection.
Test(regressions, tracelogging_names_are_text_whatever_the_provider_wrote) {
    static const char meta[] = "\0Ev\xc1nt\0f\xffield\0\x08"
                               "\xed\xa0\x80\0\x08";
    static const uint8_t traits[] = {8, 0, 'P', 0xfe, 'r', 'o', 'v', 0};
    uint8_t ext[256];
    EventRecord r = test_event(&test_provider, 0, 0);
    r.flags = EVENT_TRACELOGGING;
    r.ext = ext;
    r.ext_bytes = test_tl_item(ext, 0, meta, sizeof meta - 1);
    r.ext_bytes += event_item_put(ext + r.ext_bytes, EVENT_ITEM_TRAITS, traits, sizeof traits);
    Schema *schema = NULL, *there = NULL;
    cr_assert_eq(tracelogging_compile(&r, NULL, &schema), 0);
    cr_assert_str_eq(schema->event_name, "Ev\xef\xbf\xbdnt");
    cr_assert_str_eq(schema->provider_name, "P\xef\xbf\xbdrov");
    cr_assert_str_eq(schema->fields[0].name, "f\xef\xbf\xbdield");
    cr_assert_str_eq(schema->fields[1].name, "\xed\xa0\x80", "lone surrogates pass");
    Buf frame = BUF_INIT;
    Err err = ERR_INIT;
    uint32_t type;
    cr_assert_eq(schema_wire_put(&frame, 1, schema), 0);
    cr_assert_eq(schema_wire_get(frame.data, frame.bytes, &type, &there, &err), 0, "%s", err.text);
    cr_assert_str_eq(there->event_name, schema->event_name);
    schema_unref(there);
    schema_unref(schema);
    buf_deinit(&frame);
}
