// The whole event as one JSON object; docs/EVENT.md is the contract.
//
// Numbers that only identify (addresses, keys, masks) are hexadecimal strings, so that no reader
// rounds them; counts are numbers up to 2^53 and strings beyond.
#include "event/format.h"
#include "event/format_json.h"
#include "event/put.h"

#define JSON_EXACT (UINT64_C(1) << 53)

// ---- Members. `label` is `"Name":` with the comma in front where one belongs. ----

static void member_number(Buf *out, const char *label, uint64_t v) {
    buf_text(out, label);
    char local[PUT_DECIMAL + 2], *p = local;
    if (v > JSON_EXACT)
        *p++ = '"';
    p = put_decimal(p, v);
    if (v > JSON_EXACT)
        *p++ = '"';
    buf_append(out, local, (size_t)(p - local));
}

static char *put_quoted_hex(char *p, uint64_t v) {
    *p++ = '"';
    p = put_hex(p, v, 1);
    *p++ = '"';
    return p;
}

static void member_hex(Buf *out, const char *label, uint64_t v) {
    char local[PUT_HEX + 2];
    buf_text(out, label);
    buf_append(out, local, (size_t)(put_quoted_hex(local, v) - local));
}

static void member_guid(Buf *out, const char *label, const void *guid) {
    char local[PUT_GUID + 2], *p = local;
    *p++ = '"';
    p = put_guid(p, guid);
    *p++ = '"';
    buf_text(out, label);
    buf_append(out, local, (size_t)(p - local));
}

static void member_bytes(Buf *out, const char *label, const void *data, size_t bytes) {
    buf_text(out, label);
    put_char(out, '"');
    put_hex_bytes(out, data, bytes);
    put_char(out, '"');
}

// ---- System ----

static char *put_id(char *p, uint32_t id) {
    return id == UINT32_MAX ? PUT_LITERAL(p, "null") : put_decimal(p, id);
}

static void write_system(Buf *out, const EventRecord *r, const Schema *s) {
    if (s->provider_name[0])
        PUT_MEMBER(out, "{\"System\":{\"Provider\":{\"Name\":", s->provider_name);
    else
        BUF_LITERAL(out, "{\"System\":{\"Provider\":{\"Name\":null");
    char *p = put_room(out, 320);
    if (!p)
        return;
    p = PUT_LITERAL(p, ",\"Guid\":\"");
    p = put_guid(p, r->provider.b);
    p = PUT_LITERAL(p, "\"},\"EventID\":");
    p = put_decimal(p, r->desc.id);
    p = PUT_LITERAL(p, ",\"Version\":");
    p = put_decimal(p, r->desc.version);
    p = PUT_LITERAL(p, ",\"Channel\":");
    p = put_decimal(p, r->desc.channel);
    p = PUT_LITERAL(p, ",\"Level\":");
    p = put_decimal(p, r->desc.level);
    p = PUT_LITERAL(p, ",\"Task\":");
    p = put_decimal(p, r->desc.task);
    p = PUT_LITERAL(p, ",\"Opcode\":");
    p = put_decimal(p, r->desc.opcode);
    p = PUT_LITERAL(p, ",\"Keywords\":");
    put_done(out, put_quoted_hex(p, r->desc.keyword));

    PUT_MEMBER(out, ",\"EventName\":", s->event_name);
    PUT_MEMBER(out, ",\"LevelName\":", s->level_name);
    PUT_MEMBER(out, ",\"TaskName\":", s->task_name);
    PUT_MEMBER(out, ",\"OpcodeName\":", s->opcode_name);
    PUT_MEMBER(out, ",\"ChannelName\":", s->channel_name);
    PUT_MEMBER(out, ",\"KeywordNames\":", s->keyword_names);

    p = put_room(out, 256);
    if (!p)
        return;
    p = put_time(PUT_LITERAL(p, ",\"TimeStamp\":\""), r->time);
    p = PUT_LITERAL(p, "\",\"ProcessID\":");
    p = put_id(p, r->pid);
    p = PUT_LITERAL(p, ",\"ThreadID\":");
    p = put_id(p, r->tid);
    p = PUT_LITERAL(p, ",\"Processor\":");
    put_done(out, put_decimal(p, r->cpu));
    if (r->flags & EVENT_HAS_ACTIVITY)
        member_guid(out, ",\"ActivityID\":", r->activity.b);
    EventItem item;
    if (r->ext_bytes > 0 && event_item_find(r, EVENT_ITEM_RELATED_ACTIVITY, &item) &&
        item.bytes == 16)
        member_guid(out, ",\"RelatedActivityID\":", item.data);
    put_char(out, '}');
}

// ---- Extended ----

static void write_stack(Buf *out, const EventItem *item, uint32_t width) {
    uint32_t n = (item->bytes - 8u) / width;
    BUF_LITERAL(out, "\"StackTrace\":[");
    put_hex_array(out, item->data + 8, n, width);
    put_char(out, ']');
    member_hex(out, ",\"StackMatchId\":", load_u64(item->data));
}

static void write_counters(Buf *out, const EventItem *item) {
    BUF_LITERAL(out, "\"PmcCounters\":[");
    for (uint32_t i = 0; i < item->bytes / 8u; i++)
        member_number(out, i > 0 ? "," : "", load_u64(item->data + 8 * i));
    put_char(out, ']');
}

// u16 size of all, provider name as u8z, then chunks {u16 size, u8 type, data}: type 1 is the
// group's GUID, 2 the decode GUID (etl-format C).
static void write_traits(Buf *out, const EventItem *item) {
    uint32_t bytes = MIN_OF(load_u16(item->data), item->bytes);
    const uint8_t *name = item->data + 2, *nul = bytes > 2 ? memchr(name, 0, bytes - 2u) : NULL;
    uint32_t name_bytes = nul ? (uint32_t)(nul - name) : bytes > 2 ? bytes - 2u : 0;
    BUF_LITERAL(out, "\"ProviderTraits\":{\"Name\":\"");
    put_json_utf8(out, (const char *)name, name_bytes);
    put_char(out, '"');
    bool group = false, decode = false;
    for (uint32_t at = 2 + name_bytes + 1; at + 3 <= bytes;) {
        uint32_t chunk = load_u16(item->data + at);
        if (chunk < 3 || chunk > bytes - at)
            break;
        uint8_t type = item->data[at + 2];
        if (chunk == 19 && type == 1 && !group) {
            member_guid(out, ",\"GroupGuid\":", item->data + at + 3);
            group = true;
        } else if (chunk == 19 && type == 2 && !decode) {
            member_guid(out, ",\"DecodeGuid\":", item->data + at + 3);
            decode = true;
        }
        at += chunk;
    }
    put_char(out, '}');
}

// Items that write the same members count as one kind: only the first is shown so.
static uint32_t item_kind(uint16_t type) {
    switch (type) {
    case EVENT_ITEM_STACK32:
        return EVENT_ITEM_STACK64;
    case EVENT_ITEM_STACK_KEY32:
        return EVENT_ITEM_STACK_KEY64;
    default:
        return type;
    }
}

// Is the item of a known type and long enough for it?
static bool item_good(const EventItem *item) {
    static const uint8_t least[] = {
        [EVENT_ITEM_RELATED_ACTIVITY] = 16,
        [EVENT_ITEM_SID] = 8,
        [EVENT_ITEM_SESSION_ID] = 4,
        [EVENT_ITEM_INSTANCE] = 24,
        [EVENT_ITEM_STACK32] = 8,
        [EVENT_ITEM_STACK64] = 8,
        [EVENT_ITEM_PEBS] = 8,
        [EVENT_ITEM_PMC] = 8,
        [EVENT_ITEM_PSM_KEY] = 2,
        [EVENT_ITEM_EVENT_KEY] = 8,
        [EVENT_ITEM_TRACELOGGING] = 2,
        [EVENT_ITEM_TRAITS] = 2,
        [EVENT_ITEM_START_KEY] = 8,
        [EVENT_ITEM_CONTROL_GUID] = 16,
        [EVENT_ITEM_QPC_DELTA] = 8,
        [EVENT_ITEM_CONTAINER] = 16,
        [EVENT_ITEM_STACK_KEY32] = 12,
        [EVENT_ITEM_STACK_KEY64] = 16,
    };
    if (item->type == 0 || item->type >= ARRAY_COUNT(least) || item->bytes < least[item->type])
        return false;
    return item->type != EVENT_ITEM_SID || sid_length(item->data, item->bytes) != 0;
}

static void write_item(Buf *out, const EventItem *item) {
    const uint8_t *d = item->data;
    switch (item->type) {
    case EVENT_ITEM_SID:
        BUF_LITERAL(out, "\"UserSid\":\"");
        sid_text(out, d, item->bytes);
        put_char(out, '"');
        break;
    case EVENT_ITEM_SESSION_ID:
        member_number(out, "\"SessionID\":", load_u32(d));
        break;
    case EVENT_ITEM_INSTANCE:
        member_number(out, "\"InstanceId\":", load_u32(d));
        member_number(out, ",\"ParentInstanceId\":", load_u32(d + 4));
        member_guid(out, ",\"ParentGuid\":", d + 8);
        break;
    case EVENT_ITEM_STACK32:
        write_stack(out, item, 4);
        break;
    case EVENT_ITEM_STACK64:
        write_stack(out, item, 8);
        break;
    case EVENT_ITEM_PEBS:
        member_hex(out, "\"PebsIndex\":", load_u64(d));
        break;
    case EVENT_ITEM_PMC:
        write_counters(out, item);
        break;
    case EVENT_ITEM_PSM_KEY: {
        size_t units = item->bytes / 2;
        while (units > 0 && load_u16(d + 2 * (units - 1)) == 0)
            units--;
        BUF_LITERAL(out, "\"PsmKey\":\"");
        put_json_utf16(out, d, units);
        put_char(out, '"');
        break;
    }
    case EVENT_ITEM_EVENT_KEY:
        member_hex(out, "\"EventKey\":", load_u64(d));
        break;
    case EVENT_ITEM_TRAITS:
        write_traits(out, item);
        break;
    case EVENT_ITEM_START_KEY:
        member_number(out, "\"ProcessStartKey\":", load_u64(d));
        break;
    case EVENT_ITEM_CONTROL_GUID:
        member_guid(out, "\"ControlGuid\":", d);
        break;
    case EVENT_ITEM_QPC_DELTA:
        member_number(out, "\"QpcDelta\":", load_u64(d));
        break;
    case EVENT_ITEM_CONTAINER:
        member_guid(out, "\"ContainerID\":", d);
        break;
    case EVENT_ITEM_STACK_KEY32:
    case EVENT_ITEM_STACK_KEY64:
        member_hex(out, "\"StackKey\":",
                   item->type == EVENT_ITEM_STACK_KEY32 ? load_u32(d + 8) : load_u64(d + 8));
        member_hex(out, ",\"StackKeyMatchId\":", load_u64(d));
        break;
    default:
        break;
    }
}

static void write_odd_item(Buf *out, const EventItem *item, bool first) {
    member_number(out, first ? "{\"Type\":" : ",{\"Type\":", item->type);
    member_bytes(out, ",\"Data\":", item->data, item->bytes);
    put_char(out, '}');
}

// Two passes: the items that are as they should be, then the malformed, repeated and unknown ones
// raw, so that nothing is lost.
static void write_extended(Buf *out, const EventRecord *r) {
    // Shown elsewhere: the related activity in System, TraceLogging metadata as the fields they
    // name.
    const uint32_t elsewhere = 1u << EVENT_ITEM_RELATED_ACTIVITY | 1u << EVENT_ITEM_TRACELOGGING;
    bool any = false, any_odd = false;
    for (int pass = 0; pass < 2; pass++) {
        EventItem item;
        uint32_t seen = 0;
        for (uint32_t at = 0; event_item_next(r->ext, r->ext_bytes, &at, &item);) {
            uint32_t bit = item_good(&item) ? 1u << item_kind(item.type) : 0;
            bool good = bit != 0 && !(seen & bit);
            seen |= bit;
            if (good != (pass == 0) || (good && (bit & elsewhere)))
                continue;
            if (!any_odd)
                buf_text(out, any ? "," : ",\"Extended\":{");
            any = true;
            if (good) {
                write_item(out, &item);
                continue;
            }
            if (!any_odd)
                BUF_LITERAL(out, "\"Items\":[");
            write_odd_item(out, &item, !any_odd);
            any_odd = true;
        }
    }
    if (any_odd)
        put_char(out, ']');
    if (any)
        put_char(out, '}');
}

// ---- All ----

// The message is written raw behind `,"Message":"` and then escaped, when it needs to be, through
// the room behind it: the hot path takes no memory of its own.
static void write_message(Buf *out, const EventRecord *r, const Schema *s) {
    if (!s->message[0])
        return;
    BUF_LITERAL(out, ",\"Message\":\"");
    size_t mark = out->bytes;
    event_message(out, r, s);
    if (out->failed)
        return;
    size_t raw = out->bytes - mark;
    if (!put_is_clean((const char *)out->data + mark, raw)) {
        size_t worst;
        if (!size_mul(raw, 6, &worst) || !buf_reserve(out, worst))
            return;
        put_json_utf8(out, (const char *)out->data + mark, raw);
        size_t escaped = out->bytes - mark - raw;
        memmove(out->data + mark, out->data + mark + raw, escaped);
        put_done(out, (char *)out->data + mark + escaped);
    }
    put_char(out, '"');
}

void event_json(Buf *out, const EventRecord *r, const Schema *schema, uint32_t options,
                const char *tail) {
    static const Schema nothing = {
        .undecodable = UNDECODABLE_NO_SCHEMA,
        .provider_name = "",
        .event_name = "",
        .task_name = "",
        .opcode_name = "",
        .level_name = "",
        .channel_name = "",
        .keyword_names = "",
        .message = "",
    };
    const Schema *s = schema ? schema : &nothing;
    bool decodable = s->undecodable == DECODABLE && s->source != SCHEMA_NONE;
    write_system(out, r, s);
    Payload p = {0};
    FieldSlice slices[SCHEMA_MAX_FIELDS];
    if (decodable) {
        write_message(out, r, s);
        BUF_LITERAL(out, ",\"EventData\":");
        payload_open(&p, s, r, slices);
        json_payload(out, &p, options);
    }
    if (r->ext_bytes > 0)
        write_extended(out, r);
    if (!decodable) {
        const char *why = undecodable_text(s->undecodable);
        PUT_MEMBER(out, ",\"Undecodable\":", why[0] ? why : "nothing describes it");
        member_bytes(out, ",\"Raw\":", r->payload, r->payload_bytes);
    } else {
        if (p.truncated)
            BUF_LITERAL(out, ",\"Incomplete\":true");
        if (p.consumed < r->payload_bytes)
            member_bytes(out, ",\"Trailing\":", r->payload + p.consumed,
                         r->payload_bytes - p.consumed);
    }
    if (tail)
        buf_text(out, tail);
    put_char(out, '}');
}
