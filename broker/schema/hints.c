// What manifests leave bare. Sources: field names and types of Windows 10 manifests (public lists),
// winnt.h and windns.h for the numbers. A hint applies only to the type that it expects, so that a
// manifest that becomes better wins.

#include "schema/hints.h"

#include "util/utf.h"

#define ANY UINT16_MAX // event id, in-type: any; out-type: keep it

// clang-format off
#define DNS_CLIENT    GUID_INIT(0x1c95126e, 0x7eea, 0x49a9, 0xa3, 0xfe, 0xa3, 0x78, 0xb0, 0x3d, 0xdb, 0x4d)
#define WMI_ACTIVITY  GUID_INIT(0x1418ef04, 0xb0b4, 0x4623, 0xbf, 0x7e, 0xd7, 0x4a, 0xb4, 0x7b, 0xbd, 0xaa)
#define KERNEL_REGISTRY GUID_INIT(0x70eb4f03, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd)
#define KERNEL_FILE   GUID_INIT(0xedd08927, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89)
#define KERNEL_PROCESS GUID_INIT(0x22fb2cd6, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16)
#define AMSI          GUID_INIT(0x2a576b87, 0x09a7, 0x520e, 0xc2, 0x1a, 0x49, 0x42, 0xf0, 0x27, 0x1d, 0x67)
#define SMB_SERVER    GUID_INIT(0xd48ce617, 0x33a2, 0x4bc3, 0xa5, 0xc7, 0x11, 0xaa, 0x4f, 0x29, 0x61, 0x9e)
#define SMB_CLIENT    GUID_INIT(0x988c59c5, 0x0a1c, 0x45b6, 0xa5, 0x55, 0x0c, 0x62, 0x27, 0x6e, 0x32, 0x7d)
#define TCPIP         GUID_INIT(0x2f07e2ee, 0x15db, 0x40f1, 0x90, 0xef, 0x9d, 0x7b, 0xa2, 0x82, 0x18, 0x8a)
#define WINSOCK_AFD   GUID_INIT(0xe53c6823, 0x7bb8, 0x44bb, 0x90, 0xdc, 0x3f, 0x86, 0x09, 0x0d, 0x48, 0xa6)
#define IMAGE_CLASS   GUID_INIT(0x2cb15d1d, 0x5fc1, 0x11d2, 0xab, 0xe1, 0x00, 0xa0, 0xc9, 0x11, 0xf5, 0x18)
#define CLR           GUID_INIT(0xe13c0d23, 0xccbc, 0x4e12, 0x93, 0x1b, 0xd9, 0xcc, 0x2e, 0xee, 0x27, 0xe4)
#define CLR_RUNDOWN   GUID_INIT(0xa669021c, 0xc450, 0x4609, 0xa0, 0x35, 0x5a, 0xf5, 0x9a, 0xf4, 0xdf, 0x18)
#define CLR_PRIVATE   GUID_INIT(0x763fd754, 0x7086, 0x4dfe, 0x95, 0xeb, 0xc0, 0x1a, 0x46, 0xfa, 0xf4, 0xca)
// clang-format on

#define MAP_OF(map_name, list)                                                                     \
    { .name = map_name, .n_entries = ARRAY_COUNT(list), .entries = list }

static const SchemaMapEntry dns_types[] = {
    {1, "A"},      {2, "NS"},          {5, "CNAME"},      {6, "SOA"},     {7, "MB"},
    {8, "MG"},     {9, "MR"},          {10, "NULL"},      {11, "WKS"},    {12, "PTR"},
    {13, "HINFO"}, {14, "MINFO"},      {15, "MX"},        {16, "TXT"},    {17, "RP"},
    {18, "AFSDB"}, {24, "SIG"},        {25, "KEY"},       {28, "AAAA"},   {29, "LOC"},
    {33, "SRV"},   {35, "NAPTR"},      {37, "CERT"},      {39, "DNAME"},  {41, "OPT"},
    {43, "DS"},    {46, "RRSIG"},      {47, "NSEC"},      {48, "DNSKEY"}, {49, "DHCID"},
    {50, "NSEC3"}, {51, "NSEC3PARAM"}, {52, "TLSA"},      {64, "SVCB"},   {65, "HTTPS"},
    {249, "TKEY"}, {250, "TSIG"},      {251, "IXFR"},     {252, "AXFR"},  {255, "ANY"},
    {257, "CAA"},  {0xff01, "WINS"},   {0xff02, "WINSR"},
};
static const SchemaMap dns_type_map = MAP_OF("DnsRecordType", dns_types);

static const SchemaMapEntry registry_types[] = {
    {0, "REG_NONE"},
    {1, "REG_SZ"},
    {2, "REG_EXPAND_SZ"},
    {3, "REG_BINARY"},
    {4, "REG_DWORD"},
    {5, "REG_DWORD_BIG_ENDIAN"},
    {6, "REG_LINK"},
    {7, "REG_MULTI_SZ"},
    {8, "REG_RESOURCE_LIST"},
    {9, "REG_FULL_RESOURCE_DESCRIPTOR"},
    {10, "REG_RESOURCE_REQUIREMENTS_LIST"},
    {11, "REG_QWORD"},
};
static const SchemaMap registry_type_map = MAP_OF("RegistryValueType", registry_types);

static const SchemaMapEntry dispositions[] = {
    {1, "REG_CREATED_NEW_KEY"},
    {2, "REG_OPENED_EXISTING_KEY"},
};
static const SchemaMap disposition_map = MAP_OF("RegistryDisposition", dispositions);

// 16384 … 20479 is the range of "blocked by the administrator"; only its ends are named here.
static const SchemaMapEntry amsi_results[] = {
    {0, "AMSI_RESULT_CLEAN"},
    {1, "AMSI_RESULT_NOT_DETECTED"},
    {16384, "AMSI_RESULT_BLOCKED_BY_ADMIN_START"},
    {20479, "AMSI_RESULT_BLOCKED_BY_ADMIN_END"},
    {32768, "AMSI_RESULT_DETECTED"},
};
static const SchemaMap amsi_result_map = MAP_OF("AmsiResult", amsi_results);

static const SchemaMapEntry signing_levels[] = {
    {0, "Unchecked"},    {1, "Unsigned"}, {2, "Enterprise"},  {3, "Developer"},
    {4, "Authenticode"}, {5, "Custom2"},  {6, "Store"},       {7, "Antimalware"},
    {8, "Microsoft"},    {9, "Custom4"},  {10, "Custom5"},    {11, "DynamicCodegen"},
    {12, "Windows"},     {13, "Custom7"}, {14, "WindowsTcb"}, {15, "Custom6"},
};
static const SchemaMap signing_level_map = MAP_OF("ImageSigningLevel", signing_levels);

static const SchemaMapEntry signature_types[] = {
    {0, "None"},           {1, "Embedded"},         {2, "Cache"},
    {3, "CatalogCached"},  {4, "CatalogNotCached"}, {5, "CatalogHint"},
    {6, "PackageCatalog"}, {7, "PplMitigated"},
};
static const SchemaMap signature_type_map = MAP_OF("ImageSignatureType", signature_types);

typedef struct Hint {
    Guid provider;
    uint16_t id;       // ANY
    const char *field; // a glob
    uint16_t expect;   // the in-type it applies to
    uint16_t in, out;  // the new types; ANY: as it is
    const SchemaMap *map;
} Hint;

static const Hint hints[] = {
    {DNS_CLIENT, ANY, "QueryType", IN_U32, ANY, ANY, &dns_type_map},
    {DNS_CLIENT, ANY, "QueryOptions", IN_U64, ANY, OUT_HEX64, NULL},
    {DNS_CLIENT, ANY, "*Status", IN_U32, ANY, OUT_WIN32_ERROR, NULL},
    {DNS_CLIENT, ANY, "ErrorCode", IN_U32, ANY, OUT_WIN32_ERROR, NULL},
    {DNS_CLIENT, ANY, "*Address", IN_BINARY, ANY, OUT_SOCKADDR, NULL},
    {WMI_ACTIVITY, ANY, "*CreationTime", IN_U64, IN_FILETIME, OUT_DATETIME, NULL},
    {WMI_ACTIVITY, ANY, "*ProcessId", IN_U32, ANY, OUT_PID, NULL},
    {WMI_ACTIVITY, ANY, "ResultCode", IN_HEX32, ANY, OUT_HRESULT, NULL},
    {KERNEL_REGISTRY, ANY, "Status", IN_U32, ANY, OUT_NTSTATUS, NULL},
    {KERNEL_REGISTRY, ANY, "StatusCode", IN_HEX32, ANY, OUT_NTSTATUS, NULL},
    {KERNEL_REGISTRY, ANY, "Disposition", IN_U32, ANY, ANY, &disposition_map},
    {KERNEL_REGISTRY, 5, "Type", IN_U32, ANY, ANY, &registry_type_map},
    {KERNEL_REGISTRY, 5, "PreviousDataType", IN_U32, ANY, ANY, &registry_type_map},
    {KERNEL_FILE, ANY, "Status", IN_U32, ANY, OUT_NTSTATUS, NULL},
    {KERNEL_FILE, ANY, "CreateOptions", IN_U32, ANY, OUT_HEX32, NULL},
    {KERNEL_FILE, ANY, "CreateAttributes", IN_U32, ANY, OUT_HEX32, NULL},
    {KERNEL_FILE, ANY, "ShareAccess", IN_U32, ANY, OUT_HEX32, NULL},
    {KERNEL_FILE, ANY, "IOFlags", IN_U32, ANY, OUT_HEX32, NULL},
    {AMSI, ANY, "content", IN_BINARY, ANY, OUT_STRING, NULL}, // UTF-16
    {AMSI, ANY, "scanResult", IN_U32, ANY, ANY, &amsi_result_map},
    {SMB_SERVER, ANY, "*Address", IN_BINARY, ANY, OUT_SOCKADDR, NULL},
    {SMB_CLIENT, ANY, "*Address", IN_BINARY, ANY, OUT_SOCKADDR, NULL},
    {TCPIP, ANY, "*SockAddr", IN_BINARY, ANY, OUT_SOCKADDR, NULL},
    {TCPIP, ANY, "*Address", IN_BINARY, ANY, OUT_SOCKADDR, NULL},
    {WINSOCK_AFD, ANY, "Address", IN_BINARY, ANY, OUT_SOCKADDR, NULL},
    {IMAGE_CLASS, ANY, "SignatureLevel", IN_U8, ANY, ANY, &signing_level_map},
    {IMAGE_CLASS, ANY, "SignatureType", IN_U8, ANY, ANY, &signature_type_map},
    {KERNEL_PROCESS, ANY, "*SignatureLevel", IN_U8, ANY, ANY, &signing_level_map},
    {KERNEL_PROCESS, ANY, "*SignatureType", IN_U8, ANY, ANY, &signature_type_map},
};

static void apply(const Hint *h, SchemaField *f) {
    // What the provider says in its own words stays.
    if (f->in_type != h->expect || (f->map && h->map) || f->in_type == IN_STRUCT)
        return;
    bool bare = f->out_type == OUT_DEFAULT || f->out_type == OUT_HEXBINARY ||
                f->out_type == OUT_UINT || f->out_type == OUT_ULONG;
    if (h->out != ANY && !bare)
        return;
    if (h->in != ANY)
        f->in_type = h->in;
    if (h->out != ANY)
        f->out_type = h->out;
    if (h->map)
        f->map = h->map;
    f->flags |= FIELD_HINTED;
}

// CLRStackWalk declares Stack[2] and stores FrameCount entries (etl-format F).
static void stack_walk(const Schema *s, SchemaField *fields) {
    int count = schema_field_index(s, "FrameCount"), stack = schema_field_index(s, "Stack");
    if (count >= 0 && stack > count && fields[stack].count_kind == EXTENT_FIXED) {
        fields[stack].count_kind = EXTENT_FIELD;
        fields[stack].count = (uint16_t)count;
        fields[stack].flags |= FIELD_HINTED;
    }
}

// Providers whose pointers are of the process that writes them.
static bool user_mode(const Schema *s) {
    static const Guid known[] = {CLR, CLR_RUNDOWN, CLR_PRIVATE, AMSI, WMI_ACTIVITY};
    if (s->flags & SCHEMA_EVENTSOURCE)
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(known); i++)
        if (guid_equal(&known[i], &s->provider))
            return true;
    return false;
}

// Kernel addresses in fields that are no pointers by type.
static bool named_address(const Schema *s, const SchemaField *f) {
    static const char *const names[] = {"*Object", "*Address", "*Base", "Irp*", "*Ptr", "connid"};
    if (f->in_type != IN_HEX64 && !(f->in_type == IN_U64 && f->out_type == OUT_HEX64))
        return false;
    if (!fold_glob("Microsoft-Windows-Kernel-*", s->provider_name))
        return false;
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        if (fold_glob(names[i], f->name))
            return true;
    return false;
}

void hints_apply(Schema *schema, SchemaField *fields) {
    for (size_t h = 0; h < ARRAY_COUNT(hints); h++) {
        if (!guid_equal(&hints[h].provider, &schema->provider) ||
            (hints[h].id != ANY && hints[h].id != schema->desc.id))
            continue;
        for (uint32_t i = 0; i < schema->n_fields; i++)
            if (fold_glob(hints[h].field, fields[i].name))
                apply(&hints[h], &fields[i]);
    }
    static const Guid clr = CLR;
    if (schema->desc.id == 82 && guid_equal(&schema->provider, &clr))
        stack_walk(schema, fields);
    // The kernel's own classes are marked in their table. Any other provider may run in the kernel:
    // a pointer of it counts as a kernel address unless it is known to be none.
    if (schema->source == SCHEMA_MOF || user_mode(schema))
        return;
    for (uint32_t i = 0; i < schema->n_fields; i++)
        if (fields[i].in_type == IN_POINTER || fields[i].out_type == OUT_CODE_POINTER ||
            named_address(schema, &fields[i]))
            fields[i].flags |= FIELD_KERNEL_ADDRESS;
}
