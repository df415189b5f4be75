// Instrumentation manifests: what is read out of them, and what is refused.
#include "blob.h"

#include "schema/manifest_xml.h"
#include "util/buf.h"
#include "util/mem.h"

#define HEAD                                                                                       \
    "<instrumentationManifest xmlns='http://schemas.microsoft.com/win/2004/08/events'>"            \
    "<instrumentation xmlns:win='http://manifests.microsoft.com/win/2004/08/windows/events'>"      \
    "<events><provider name='Test-Provider' guid='{11111111-2222-3333-4444-555555555555}'>"
#define FOOT "</provider></events></instrumentation>"
#define END  "</instrumentationManifest>"

static Manifest *manifest;
static Schema *schema;
static Err err;
static size_t before;

static void set_up(void) {
    before = mem_in_use();
    manifest = NULL;
    schema = NULL;
}

static void tear_down(void) {
    schema = schema_unref(schema);
    manifest = manifest_free(manifest);
    cr_assert(mem_in_use() == before, "%zu bytes are left", mem_in_use() - before);
}

static int keep(void *user, Manifest *m) {
    (void)user;
    manifest_free(manifest);
    manifest = m;
    return 0;
}

static int parse(const char *xml, bool event_source) {
    manifest = manifest_free(manifest);
    err = (Err)ERR_INIT;
    return manifest_parse(xml, strlen(xml), event_source, keep, NULL, &err);
}

static int compile(uint16_t id, uint8_t version) {
    schema = schema_unref(schema);
    return manifest_compile(manifest, manifest_event(manifest, id, version), NULL, &schema);
}

static const char whole[] = HEAD
    "<channels><channel name='Test/Operational' chid='Op' type='Operational' value='17'/>"
    "<importChannel name='System' chid='Sys' value='8'/></channels>"
    "<levels><level name='Chatty' value='20' message='$(string.chatty)'/></levels>"
    "<tasks><task name='Work' value='3' message='$(string.work)'>"
    "<opcodes><opcode name='Special' value='11'/></opcodes></task>"
    "<task name='Play' value='4'/></tasks>"
    "<opcodes><opcode name='Special' value='10'/></opcodes>"
    "<keywords><keyword name='Read' mask='0x1'/><keyword name='Write' mask='0x2'/></keywords>"
    "<maps><valueMap name='Kind'><map value='2' message='$(string.two)'/>"
    "<map value='0x1' message='$(string.one)'/></valueMap>"
    "<bitMap name='Bits'><map value='1' message='$(string.one)'/></bitMap></maps>"
    "<events>"
    "<event value='2' version='1' level='win:Error' task='Work' opcode='Special' keywords='Read "
    "Write'"
    " channel='Op' template='T' message='$(string.msg)'/>"
    "<event value='2' version='0' level='Chatty' task='Play' opcode='Special' template='T'/>"
    "<event value='1' symbol='One' level='win:Informational' task='Work' opcode='win:Start'"
    " keywords='win:ResponseTime'/>"
    "<event value='9' task='Work' opcode='win:DC_Stop'/>"
    "</events>"
    "<templates><template tid='T'>"
    "<data name='n' inType='win:UInt16'/>"
    "<data name='kind' inType='win:UInt32' map='Kind'/>"
    "<data name='text' inType='win:UnicodeString' length='n'/>"
    "<data name='addr' inType='win:Binary' outType='win:IPv6'/>"
    "<data name='port' inType='win:UInt16' outType='win:Port' count='2'/>"
    "<struct name='S' count='n'><data name='x' inType='win:Int8'/>"
    "<data name='y' inType='win:AnsiString' length='x'/></struct>"
    "<data name='last' inType='win:Pointer'/>"
    "<UserData><E xmlns='x'><data>%1</data><event value='77'/></E></UserData>"
    "</template></templates>" FOOT "<localization><resources culture='de-DE'><stringTable>"
    "<string id='msg' value='auf deutsch'/><string id='one' "
    "value='eins'/></stringTable></resources>"
    "<resources culture='en-US'><stringTable>"
    "<string id='msg' value='n is %1 &amp; kind %2'/><string id='one' value='one'/>"
    "<string id='two' value='two'/><string id='work' value='The work'/></stringTable></resources>"
    "</localization>" END;

Test(manifest, everything, .init = set_up, .fini = tear_down) {
    cr_assert(parse(whole, false) == 0, "%s", err.text);
    cr_assert(strcmp(manifest->name, "Test-Provider") == 0);
    cr_assert(manifest->n_events == 4 && !manifest->event_source, "%u", manifest->n_events);
    cr_assert(manifest->events[0].desc.id == 1 && manifest->events[1].desc.version == 0);

    cr_assert(compile(2, 1) == 0);
    cr_assert(schema->source == SCHEMA_MANIFEST && schema->desc.keyword == 3);
    cr_assert(strcmp(schema->provider_name, "Test-Provider") == 0);
    cr_assert(strcmp(schema->task_name, "Work") == 0 && schema->desc.task == 3);
    cr_assert(schema->desc.opcode == 11, "the task's own opcode of that name: %u",
              schema->desc.opcode);
    cr_assert(strcmp(schema->event_name, "Work/Special") == 0, "%s", schema->event_name);
    cr_assert(strcmp(schema->level_name, "Error") == 0);
    cr_assert(strcmp(schema->channel_name, "Test/Operational") == 0 && schema->desc.channel == 17,
              "%s %u", schema->channel_name, schema->desc.channel);
    cr_assert(strcmp(schema->keyword_names, "Read, Write") == 0);
    cr_assert(strcmp(schema->message, "n is %1 & kind %2") == 0, "English wins: %s",
              schema->message);

    cr_assert(schema->n_top == 7 && schema->n_fields == 9);
    const SchemaField *f = schema->fields;
    cr_assert(f[1].map && f[1].map->n_entries == 2 && f[1].map->entries[0].value == 1);
    cr_assert(strcmp(f[1].map->entries[1].text, "two") == 0);
    cr_assert(f[2].length_kind == EXTENT_FIELD && f[2].length == 0);
    cr_assert(f[3].length_kind == EXTENT_FIXED && f[3].length == 16 && f[3].out_type == OUT_IPV6);
    cr_assert(f[4].count_kind == EXTENT_FIXED && f[4].count == 2 && f[4].out_type == OUT_PORT);
    cr_assert(f[5].in_type == IN_STRUCT && f[5].count_kind == EXTENT_FIELD && f[5].n_members == 2);
    cr_assert(strcmp(f[6].name, "last") == 0 && f[6].in_type == IN_POINTER);
    cr_assert(strcmp(f[8].name, "y") == 0 && f[8].length_kind == EXTENT_FIELD && f[8].length == 7);

    cr_assert(compile(2, 0) == 0);
    cr_assert(schema->desc.opcode == 10 && strcmp(schema->event_name, "Play/Special") == 0);
    cr_assert(strcmp(schema->level_name, "Chatty") == 0 && schema->desc.level == 20);
    cr_assert(compile(1, 0) == 0);
    cr_assert(strcmp(schema->event_name, "Work/Start") == 0 && schema->n_fields == 0);
    cr_assert(schema->desc.keyword == UINT64_C(0x1000000000000));
    cr_assert(compile(9, 0) == 0 && (schema->flags & SCHEMA_RUNDOWN));
    cr_assert(strcmp(schema->event_name, "Work/DCStop") == 0, "%s", schema->event_name);
    cr_assert(compile(77, 0) == MANIFEST_NONE, "UserData defines nothing");
    cr_assert(compile(2, 2) == MANIFEST_NONE, "a version that the manifest does not know");
}

Test(manifest, an_event_source, .init = set_up, .fini = tear_down) {
    cr_assert(parse(HEAD "<events><event value='5' version='1' symbol='Log' template='LogArgs'/>"
                         "<event value='6' symbol='Done' task='Job' opcode='win:Stop'/></events>"
                         "<tasks><task name='Job' value='1'/></tasks>"
                         "<templates><template tid='LogArgs'>"
                         "<data name='ok' inType='win:Boolean'/>"
                         "<data name='bytesSize' inType='win:UInt32'/>"
                         "<data name='bytes' inType='win:Binary' length='bytesSize'/>"
                         "</template></templates>" FOOT END,
                    true) == 0);
    cr_assert(compile(5, 1) == 0);
    cr_assert(strcmp(schema->event_name, "Log") == 0, "named by its symbol: %s",
              schema->event_name);
    cr_assert(schema->flags & SCHEMA_EVENTSOURCE);
    cr_assert(schema->fields[0].in_type == IN_BOOL32 && schema->fields[1].offset64 == 4);
    cr_assert(schema->fields[2].length_kind == EXTENT_FIELD && schema->fields[2].length == 1);
    cr_assert(compile(5, 0) == 0, "another version of the code: the nearest description");
    cr_assert(compile(6, 0) == 0 && strcmp(schema->event_name, "Job/Stop") == 0);
}

Test(manifest, every_in_type, .init = set_up, .fini = tear_down) {
    static const struct {
        const char *name;
        uint16_t type;
    } types[] = {
        {"win:UnicodeString", 1}, {"win:AnsiString", 2}, {"win:Int8", 3},
        {"win:UInt8", 4},         {"win:Int16", 5},      {"win:UInt16", 6},
        {"win:Int32", 7},         {"win:UInt32", 8},     {"win:Int64", 9},
        {"win:UInt64", 10},       {"win:Float", 11},     {"win:Double", 12},
        {"win:Boolean", 13},      {"win:Binary", 14},    {"win:GUID", 15},
        {"win:Pointer", 16},      {"win:FILETIME", 17},  {"win:SYSTEMTIME", 18},
        {"win:SID", 19},          {"win:HexInt32", 20},  {"win:HexInt64", 21},
        {"trace:UInt8", 4},       {"UInt8", 4},          {"win:CountedUnicodeString", 22},
    };
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        bool known;
        cr_assert(manifest_in_type(types[i].name, &known) == types[i].type && known, "%s",
                  types[i].name);
    }
    bool known;
    manifest_in_type("win:Nothing", &known);
    cr_assert(!known);
    manifest_in_type("", &known);
    cr_assert(!known);
    cr_assert(manifest_out_type("xs:dateTime") == OUT_DATETIME);
    cr_assert(manifest_out_type("win:SocketAddress") == OUT_SOCKADDR);
    cr_assert(manifest_out_type("xs:what") == OUT_DEFAULT && manifest_out_type("") == OUT_DEFAULT);
}

static void field_is_bad(const char *field) {
    Buf xml = BUF_INIT;
    buf_printf(&xml,
               HEAD "<events><event value='1' template='T'/></events><templates><template tid='T'>"
                    "<data name='a' inType='win:UInt32'/>%s<data name='z' inType='win:UInt32'/>"
                    "</template></templates>" FOOT END,
               field);
    cr_assert(parse(buf_str(&xml), false) == 0, "%s", err.text);
    cr_assert(compile(1, 0) == BUILDER_BAD, "%s", field);
    buf_deinit(&xml);
}

Test(manifest, fields_that_cannot_be, .init = set_up, .fini = tear_down) {
    field_is_bad("<data name='b' inType='win:Nothing'/>");
    field_is_bad("<data name='b'/>");
    field_is_bad("<data name='b' inType='win:Binary' length='z'/>"); // behind it
    field_is_bad("<data name='b' inType='win:Binary' length='b'/>"); // itself
    field_is_bad("<data name='b' inType='win:UInt8' count='nobody'/>");
    field_is_bad("<data name='b' inType='win:UInt8' count='65536'/>");
    field_is_bad("<data name='b' inType='win:UInt8' count='-1'/>");
    field_is_bad("<struct name='s'><data name='b' inType='win:UInt8' count='a'/></struct>");
}

Test(manifest, missing_references_are_left_out, .init = set_up, .fini = tear_down) {
    cr_assert(parse(HEAD "<events><event value='1' task='No' opcode='No' level='No' keywords='No'"
                         " template='No' message='$(string.no)'/></events>" FOOT END,
                    false) == 0);
    cr_assert(compile(1, 0) == 0);
    cr_assert(schema->n_fields == 0 && schema->message[0] == '\0');
    cr_assert(strcmp(schema->event_name, "EventID(1)") == 0, "%s", schema->event_name);
}

static void refused(const char *xml, int status) {
    int r = parse(xml, false);
    cr_assert(r == -status, "%d for %.60s: %s", r, xml, err.text);
    cr_assert(manifest == NULL && err.text[0] != '\0');
}

Test(manifest, doctype_and_entities_are_refused, .init = set_up, .fini = tear_down) {
    refused("<!DOCTYPE x><instrumentationManifest/>", STATUS_FORMAT);
    refused("<!DOCTYPE x SYSTEM 'file:///etc/passwd'><x/>", STATUS_FORMAT);
    refused("<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><x>&b;</x>", STATUS_FORMAT);
    refused("<!DOCTYPE x [<!ENTITY % a SYSTEM 'http://x/'>%a;]><x/>", STATUS_FORMAT);
    cr_assert(strstr(err.text, "document type") != NULL, "%s", err.text);
}

Test(manifest, malformed_text_is_refused, .init = set_up, .fini = tear_down) {
    refused("", STATUS_FORMAT);
    refused("no xml", STATUS_FORMAT);
    refused("<a/>", STATUS_FORMAT);
    refused(HEAD, STATUS_FORMAT);
    refused(HEAD FOOT "</wrong>", STATUS_FORMAT);
    refused("<p><provider name='x' guid='not one'/></p>", STATUS_FORMAT);
    cr_assert(parse("<p><provider name='x' guid='{11111111-2222-3333-4444-555555555555}'/></p>",
                    false) == 0);
}

Test(manifest, cut_anywhere, .init = set_up, .fini = tear_down) {
    for (size_t n = 0; n < sizeof whole - 1; n += 7) {
        char *exact = mem_dup(whole, n ? n : 1);
        cr_assert(manifest_parse(exact, n, false, keep, NULL, NULL) == -STATUS_FORMAT, "%zu bytes",
                  n);
        mem_free(exact);
    }
}

Test(manifest, depth_at_the_limit, .init = set_up, .fini = tear_down) {
    for (uint32_t n = MANIFEST_MAX_DEPTH - 1; n <= MANIFEST_MAX_DEPTH + 1; n++) {
        Buf xml = BUF_INIT;
        for (uint32_t i = 0; i + 1 < n; i++)
            buf_text(&xml, "<a>");
        buf_text(&xml, "<provider name='x' guid='{11111111-2222-3333-4444-555555555555}'/>");
        for (uint32_t i = 0; i + 1 < n; i++)
            buf_text(&xml, "</a>");
        cr_assert((parse(buf_str(&xml), false) == 0) == (n <= MANIFEST_MAX_DEPTH), "%u elements",
                  n);
        buf_deinit(&xml);
    }
}

Test(manifest, providers_at_the_limit, .init = set_up, .fini = tear_down) {
    for (uint32_t n = MANIFEST_MAX_PROVIDERS - 1; n <= MANIFEST_MAX_PROVIDERS + 1; n++) {
        Buf xml = BUF_INIT;
        buf_text(&xml, "<a>");
        for (uint32_t i = 0; i < n; i++)
            buf_text(&xml, "<provider name='x' guid='{11111111-2222-3333-4444-555555555555}'/>");
        buf_text(&xml, "</a>");
        int r = parse(buf_str(&xml), false);
        cr_assert(r == (n <= MANIFEST_MAX_PROVIDERS ? 0 : -STATUS_OVERSIZE), "%u: %d", n, r);
        buf_deinit(&xml);
    }
}

Test(manifest, bytes_at_the_limit, .init = set_up, .fini = tear_down, .timeout = 60) {
    static const char head[] =
        "<a><provider name='x' guid='{11111111-2222-3333-4444-555555555555}'/>";
    static const char foot[] = "</a>";
    for (size_t n = MANIFEST_MAX_BYTES - 1; n <= MANIFEST_MAX_BYTES + 1; n++) {
        char *xml = mem_alloc(n);
        cr_assert(xml != NULL);
        memset(xml, ' ', n);
        memcpy(xml, head, sizeof head - 1);
        memcpy(xml + n - (sizeof foot - 1), foot, sizeof foot - 1);
        int r = manifest_parse(xml, n, false, keep, NULL, &err);
        cr_assert(r == (n <= MANIFEST_MAX_BYTES ? 0 : -STATUS_OVERSIZE), "%zu: %d %s", n, r,
                  err.text);
        mem_free(xml);
    }
}

Test(manifest, utf16_text, .init = set_up, .fini = tear_down) {
    static const char ascii[] =
        "<?xml version='1.0' encoding='UTF-16'?><a>"
        "<provider name='Wide' guid='{11111111-2222-3333-4444-555555555555}'/></a>";
    uint8_t wide[2 * sizeof ascii];
    size_t n = 0;
    wide[n++] = 0xff;
    wide[n++] = 0xfe;
    for (size_t i = 0; i + 1 < sizeof ascii; i++) {
        wide[n++] = (uint8_t)ascii[i];
        wide[n++] = 0;
    }
    cr_assert(manifest_parse((const char *)wide, n, false, keep, NULL, &err) == 0, "%s", err.text);
    cr_assert(strcmp(manifest->name, "Wide") == 0);
}

Test(manifest, each_allocation_fails, .init = set_up, .fini = tear_down, .timeout = 60) {
    size_t n = 1;
    for (;; n++) {
        mem_fail_at(n);
        int r = parse(whole, false);
        if (r == 0)
            r = compile(2, 1);
        mem_fail_at(0);
        if (r == 0)
            break;
        cr_assert(r == -STATUS_NO_MEMORY, "allocation %zu: %d %s", n, r, err.text);
    }
    cr_assert(n > 20);
}
