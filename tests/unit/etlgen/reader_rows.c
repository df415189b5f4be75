#include "tests/unit/etlgen/reader_rows.h"

#include <criterion/criterion.h>

#include "source/etl_reader.h"
#include "tests/etlgen/crc32.h"

static void put_row(Buf *lines, uint64_t n, const EventRecord *r) {
    char guid[GUID_TEXT];
    bool wpp = (r->flags & EVENT_WPP) != 0;
    int id = wpp || (r->flags & EVENT_CLASSIC) ? -1 : r->desc.id;
    buf_printf(lines, "%llu\t%lld\t%lld\t%u\t%u\t", (unsigned long long)n, (long long)r->raw_time,
               (long long)r->time, r->cpu, r->header_type);
    if (wpp && (r->header_flags & 4))
        buf_printf(lines, "component-%08x", load_u32(r->provider.b));
    else if (wpp && !(r->header_flags & 2))
        buf_text(lines, "message-noguid");
    else
        buf_text(lines, guid_format(&r->provider, guid));
    buf_printf(lines, "\t%d\t%u\t%u\t%u\t%u\t%u\t%llu", id, r->desc.version, r->desc.level,
               r->desc.opcode, r->desc.task, r->desc.channel, (unsigned long long)r->desc.keyword);
    if (r->flags & EVENT_NO_IDS)
        buf_text(lines, "\t-1\t-1");
    else
        buf_printf(lines, "\t%u\t%u", r->pid, r->tid);
    buf_printf(lines, "\t%u\t%u\t%u\t%08x\t", event_pointer_size(r), r->header_flags,
               r->payload_bytes, etlgen_crc32(0, r->payload, r->payload_bytes));
    uint32_t at = 0, crc = 0;
    bool any = false;
    EventItem item;
    while (event_item_next(r->ext, r->ext_bytes, &at, &item)) {
        buf_printf(lines, "%s%u:%u", any ? "," : "", item.type, item.bytes);
        crc = etlgen_crc32(crc, item.data, item.bytes);
        any = true;
    }
    if (any)
        buf_printf(lines, "\t%08x\n", crc);
    else
        buf_text(lines, "\t-\n");
}

void reader_rows(const Buf *file, Buf *lines, uint64_t *ret_out_of_order) {
    Err err = ERR_INIT;
    EtlReader *reader = NULL;
    cr_assert_eq(etl_open_memory(file->data, file->bytes, NULL, &reader, &err), 0, "%s", err.text);
    buf_text(
        lines,
        "#n\traw_ts\tfiletime\tcpu\thdrtype\tguid\tid(-1 classic)\tversion\tlevel\topcode\ttask\t"
        "channel\tkeyword\tpid\ttid\tptrsize\thdrflags\tdatalen\tcrc32(data)\text(type:len,...)\t"
        "crc32(ext datas concatenated)\n");
    EventRecord record;
    int result;
    for (uint64_t n = 0; (result = etl_next(reader, &record, &err)) == 1; n++)
        put_row(lines, n, &record);
    cr_assert_eq(result, 0, "%s", err.text);
    *ret_out_of_order = etl_stats(reader)->out_of_order;
    etl_close(reader);
    cr_assert_not(lines->failed);
}

void rows_equal(const char *what, Buf *actual, Buf *expected) {
    const char *a = buf_str(actual), *e = buf_str(expected);
    for (size_t line = 1; *a != 0 || *e != 0; line++) {
        size_t a_bytes = strcspn(a, "\n"), e_bytes = strcspn(e, "\n");
        if (a_bytes != e_bytes || memcmp(a, e, a_bytes) != 0)
            cr_assert_fail("%s, line %zu:\n  reader   %.*s\n  expected %.*s", what, line,
                           (int)a_bytes, a, (int)e_bytes, e);
        a += a_bytes + (a[a_bytes] != 0);
        e += e_bytes + (e[e_bytes] != 0);
    }
}
