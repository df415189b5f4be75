#include "schema/keyword_names.h"

static const KeywordName kernel_process[] = {
    {0x10, "WINEVENT_KEYWORD_PROCESS"},
    {0x20, "WINEVENT_KEYWORD_THREAD"},
    {0x40, "WINEVENT_KEYWORD_IMAGE"},
    {0x80, "WINEVENT_KEYWORD_CPU_PRIORITY"},
    {0x100, "WINEVENT_KEYWORD_OTHER_PRIORITY"},
    {0x200, "WINEVENT_KEYWORD_PROCESS_FREEZE"},
    {0x400, "WINEVENT_KEYWORD_JOB"},
};

static const KeywordName kernel_file[] = {
    {0x10, "KERNEL_FILE_KEYWORD_FILENAME"},
    {0x20, "KERNEL_FILE_KEYWORD_FILEIO"},
    {0x40, "KERNEL_FILE_KEYWORD_OP_END"},
    {0x80, "KERNEL_FILE_KEYWORD_CREATE"},
    {0x100, "KERNEL_FILE_KEYWORD_READ"},
    {0x200, "KERNEL_FILE_KEYWORD_WRITE"},
    {0x400, "KERNEL_FILE_KEYWORD_DELETE_PATH"},
    {0x800, "KERNEL_FILE_KEYWORD_RENAME_SETLINK_PATH"},
    {0x1000, "KERNEL_FILE_KEYWORD_CREATE_NEW_FILE"},
};

static const KeywordName kernel_network[] = {
    {0x10, "KERNEL_NETWORK_KEYWORD_IPV4"},
    {0x20, "KERNEL_NETWORK_KEYWORD_IPV6"},
};

static const KeywordName kernel_registry[] = {
    {0x1, "CloseKey"},           {0x2, "QuerySecurityKey"},       {0x4, "SetSecurityKey"},
    {0x10, "EnumerateValueKey"}, {0x20, "QueryMultipleValueKey"}, {0x40, "SetInformationKey"},
    {0x80, "FlushKey"},          {0x100, "SetValueKey"},          {0x200, "DeleteValueKey"},
    {0x400, "QueryValueKey"},    {0x800, "EnumerateKey"},         {0x1000, "CreateKey"},
    {0x2000, "OpenKey"},         {0x4000, "DeleteKey"},           {0x8000, "QueryKey"},
};

static const KeywordName kernel_eventtracing[] = {
    {0x10, "ETW_KEYWORD_SESSION"},
    {0x20, "ETW_KEYWORD_PROVIDER"},
    {0x40, "ETW_KEYWORD_LOST_EVENT"},
    {0x400, "ETW_KEYWORD_ENABLEMENT"},
};

static const KeywordName ldap_client[] = {{0x1, "Search"}};

static const KeywordName clr[] = {
    {0x1, "GCKeyword"},
    {0x2, "GCHandleKeyword"},
    {0x4, "FusionKeyword"},
    {0x8, "LoaderKeyword"},
    {0x10, "JitKeyword"},
    {0x20, "NGenKeyword"},
    {0x40, "StartEnumerationKeyword"},
    {0x80, "EndEnumerationKeyword"},
    {0x400, "SecurityKeyword"},
    {0x800, "AppDomainResourceManagementKeyword"},
    {0x1000, "JitTracingKeyword"},
    {0x2000, "InteropKeyword"},
    {0x4000, "ContentionKeyword"},
    {0x8000, "ExceptionKeyword"},
    {0x10000, "ThreadingKeyword"},
    {0x20000, "JittedMethodILToNativeMapKeyword"},
    {0x40000, "OverrideAndSuppressNGenEventsKeyword"},
    {0x80000, "TypeKeyword"},
    {0x100000, "GCHeapDumpKeyword"},
    {0x200000, "GCSampledObjectAllocationHighKeyword"},
    {0x400000, "GCHeapSurvivalAndMovementKeyword"},
    {0x800000, "GCHeapCollectKeyword"},
    {0x1000000, "GCHeapAndTypeNamesKeyword"},
    {0x2000000, "GCSampledObjectAllocationLowKeyword"},
    {0x20000000, "PerfTrackKeyword"},
    {0x40000000, "StackKeyword"},
};

const KeywordName *keyword_names_of(const Guid *provider, uint32_t *ret_n) {
    static const struct {
        Guid guid;
        const KeywordName *names;
        uint32_t n;
    } tables[] = {
        {GUID_INIT(0x22fb2cd6, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16),
         kernel_process, ARRAY_COUNT(kernel_process)},
        {GUID_INIT(0xedd08927, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89),
         kernel_file, ARRAY_COUNT(kernel_file)},
        {GUID_INIT(0x7dd42a49, 0x5329, 0x4832, 0x8d, 0xfd, 0x43, 0xd9, 0x79, 0x15, 0x3a, 0x88),
         kernel_network, ARRAY_COUNT(kernel_network)},
        {GUID_INIT(0x70eb4f03, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd),
         kernel_registry, ARRAY_COUNT(kernel_registry)},
        {GUID_INIT(0xb675ec37, 0xbdb6, 0x4648, 0xbc, 0x92, 0xf3, 0xfd, 0xc7, 0x4d, 0x3c, 0xa2),
         kernel_eventtracing, ARRAY_COUNT(kernel_eventtracing)},
        {GUID_INIT(0x099614a5, 0x5dd7, 0x4788, 0x8b, 0xc9, 0xe2, 0x9f, 0x43, 0xdb, 0x28, 0xfc),
         ldap_client, ARRAY_COUNT(ldap_client)},
        {GUID_INIT(0xe13c0d23, 0xccbc, 0x4e12, 0x93, 0x1b, 0xd9, 0xcc, 0x2e, 0xee, 0x27, 0xe4), clr,
         ARRAY_COUNT(clr)},
    };
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++)
        if (guid_equal(&tables[i].guid, provider)) {
            *ret_n = tables[i].n;
            return tables[i].names;
        }
    *ret_n = 0;
    return NULL;
}
