#include "tests/etlgen/es_manifest.h"

#include "tests/etlgen/blob.h"

static void escaped(Buf *out, const char *text) {
    for (; *text != 0; text++) {
        switch (*text) {
        case '&':
            buf_text(out, "&amp;");
            break;
        case '<':
            buf_text(out, "&lt;");
            break;
        case '>':
            buf_text(out, "&gt;");
            break;
        case '"':
            buf_text(out, "&quot;");
            break;
        default:
            buf_char(out, *text);
        }
    }
}

static const char *name_of(const EsManifestName *names, uint32_t n, uint64_t value) {
    for (uint32_t i = 0; i < n; i++)
        if (names[i].value == value)
            return names[i].name;
    return NULL;
}

static void attribute(Buf *out, const char *name, const char *value) {
    if (value == NULL)
        return;
    buf_printf(out, " %s=\"", name);
    escaped(out, value);
    buf_char(out, '"');
}

static void put_names(Buf *out, const EsManifest *m) {
    static const char *const standard_levels[] = {"win:LogAlways",     "win:Critical",
                                                  "win:Error",         "win:Warning",
                                                  "win:Informational", "win:Verbose"};
    if (m->n_keywords > 0) {
        buf_text(out, "  <keywords>\n");
        for (uint32_t i = 0; i < m->n_keywords; i++)
            buf_printf(
                out, "   <keyword name=\"%s\" message=\"$(string.keyword_%s)\" mask=\"0x%llx\"/>\n",
                m->keywords[i].name, m->keywords[i].name, (unsigned long long)m->keywords[i].value);
        buf_text(out, "  </keywords>\n");
    }
    buf_text(out, "  <tasks>\n");
    for (uint32_t i = 0; i < m->n_tasks; i++)
        buf_printf(out, "   <task name=\"%s\" message=\"$(string.task_%s)\" value=\"%llu\"/>\n",
                   m->tasks[i].name, m->tasks[i].name, (unsigned long long)m->tasks[i].value);
    buf_text(out, "  </tasks>\n");
    if (m->n_opcodes > 0) {
        buf_text(out, "  <opcodes>\n");
        for (uint32_t i = 0; i < m->n_opcodes; i++)
            buf_printf(
                out, "   <opcode name=\"%s\" message=\"$(string.opcode_%s)\" value=\"%llu\"/>\n",
                m->opcodes[i].name, m->opcodes[i].name, (unsigned long long)m->opcodes[i].value);
        buf_text(out, "  </opcodes>\n");
    }
    if (m->n_maps > 0) {
        buf_text(out, "  <maps>\n");
        for (uint32_t i = 0; i < m->n_maps; i++) {
            const EsManifestMap *map = &m->maps[i];
            const char *kind = map->bitmap ? "bitMap" : "valueMap";
            buf_printf(out, "   <%s name=\"%s\">\n", kind, map->name);
            for (uint32_t k = 0; k < map->n_entries; k++)
                buf_printf(out, "    <map value=\"0x%llx\" message=\"$(string.map_%s%s)\"/>\n",
                           (unsigned long long)map->entries[k].value, map->name,
                           map->entries[k].name);
            buf_printf(out, "   </%s>\n", kind);
        }
        buf_text(out, "  </maps>\n");
    }
    buf_text(out, "  <events>\n");
    for (uint32_t i = 0; i < m->n_events; i++) {
        const EsManifestEvent *e = &m->events[i];
        buf_printf(out, "   <event value=\"%u\" version=\"%u\"", e->id, e->version);
        if (e->level < ARRAY_COUNT(standard_levels))
            attribute(out, "level", standard_levels[e->level]);
        attribute(out, "symbol", e->symbol);
        if (e->message != NULL)
            buf_printf(out, " message=\"$(string.event_%s)\"", e->symbol);
        attribute(out, "keywords", e->keywords);
        const char *opcode = name_of(m->opcodes, m->n_opcodes, e->opcode);
        attribute(out, "opcode",
                  opcode != NULL   ? opcode
                  : e->opcode == 1 ? "win:Start"
                  : e->opcode == 2 ? "win:Stop"
                                   : NULL);
        attribute(out, "task", name_of(m->tasks, m->n_tasks, e->task));
        if (e->n_fields > 0)
            buf_printf(out, " template=\"%sArgs\"", e->symbol);
        buf_text(out, "/>\n");
    }
    buf_text(out, "  </events>\n");
}

static void put_templates(Buf *out, const EsManifest *m) {
    buf_text(out, "  <templates>\n");
    for (uint32_t i = 0; i < m->n_events; i++) {
        const EsManifestEvent *e = &m->events[i];
        if (e->n_fields == 0)
            continue;
        buf_printf(out, "   <template tid=\"%sArgs\">\n", e->symbol);
        for (uint32_t k = 0; k < e->n_fields; k++) {
            const EsManifestField *f = &e->fields[k];
            buf_text(out, "    <data");
            attribute(out, "name", f->name);
            attribute(out, "inType", f->in_type);
            attribute(out, "outType", f->out_type);
            attribute(out, "map", f->map);
            attribute(out, "length", f->length);
            buf_text(out, "/>\n");
        }
        buf_text(out, "   </template>\n");
    }
    buf_text(out, "  </templates>\n");
}

static void string_row(Buf *out, const char *prefix, const char *name, const char *value) {
    buf_printf(out, "    <string id=\"%s%s\" value=\"", prefix, name);
    escaped(out, value);
    buf_text(out, "\"/>\n");
}

static void put_strings(Buf *out, const EsManifest *m) {
    buf_text(out, " <localization>\n  <resources culture=\"en-US\">\n   <stringTable>\n");
    for (uint32_t i = 0; i < m->n_events; i++)
        if (m->events[i].message != NULL)
            string_row(out, "event_", m->events[i].symbol, m->events[i].message);
    for (uint32_t i = 0; i < m->n_keywords; i++)
        string_row(out, "keyword_", m->keywords[i].name, m->keywords[i].name);
    for (uint32_t i = 0; i < m->n_tasks; i++)
        string_row(out, "task_", m->tasks[i].name, m->tasks[i].name);
    for (uint32_t i = 0; i < m->n_opcodes; i++)
        string_row(out, "opcode_", m->opcodes[i].name, m->opcodes[i].name);
    for (uint32_t i = 0; i < m->n_maps; i++)
        for (uint32_t k = 0; k < m->maps[i].n_entries; k++) {
            char prefix[96];
            size_t n = MIN_OF(strlen(m->maps[i].name), sizeof prefix - 5);
            memcpy(prefix, "map_", 4);
            memcpy(prefix + 4, m->maps[i].name, n);
            prefix[4 + n] = 0;
            string_row(out, prefix, m->maps[i].entries[k].name, m->maps[i].entries[k].name);
        }
    buf_text(out, "   </stringTable>\n  </resources>\n </localization>\n");
}

void es_manifest_xml(Buf *out, const EsManifest *m) {
    char guid[GUID_TEXT];
    buf_text(out,
             "<instrumentationManifest xmlns=\"http://schemas.microsoft.com/win/2004/08/events\">\n"
             " <instrumentation xmlns:xs=\"http://www.w3.org/2001/XMLSchema\""
             " xmlns:win=\"http://manifests.microsoft.com/win/2004/08/windows/events\">\n"
             " <events xmlns=\"http://schemas.microsoft.com/win/2004/08/events\">\n");
    buf_printf(out,
               "<provider name=\"%s\" guid=\"{%s}\" resourceFileName=\"%s.dll\""
               " messageFileName=\"%s.dll\" symbol=\"Source\" >\n",
               m->name, guid_format(&m->guid, guid), m->name, m->name);
    put_names(out, m);
    put_templates(out, m);
    buf_text(out, "</provider>\n </events>\n </instrumentation>\n");
    put_strings(out, m);
    buf_text(out, "</instrumentationManifest>");
}

uint32_t es_manifest_chunks(size_t xml_bytes, uint32_t chunk_bytes) {
    return (uint32_t)((xml_bytes + chunk_bytes - 1) / chunk_bytes);
}

void es_manifest_chunk(Buf *out, const void *xml, size_t xml_bytes, uint32_t chunk_bytes,
                       uint32_t i) {
    size_t at = (size_t)i * chunk_bytes;
    blob_u8(out, 1); // format
    blob_u8(out, 1); // major, minor version
    blob_u8(out, 0);
    blob_u8(out, 0x5b); // magic
    buf_u16(out, (uint16_t)es_manifest_chunks(xml_bytes, chunk_bytes));
    buf_u16(out, (uint16_t)i);
    buf_append(out, (const uint8_t *)xml + at, MIN_OF(xml_bytes - at, (size_t)chunk_bytes));
}
