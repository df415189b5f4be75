#include "tests/etlgen/demo_providers.h"

#define FIELDS(list) .fields = list, .n_fields = ARRAY_COUNT(list), .n_top = ARRAY_COUNT(list)
#define ANALYTIC     0x8000000000000000u // the channel's bit

#define DNS_GUID                                                                                   \
    GUID_INIT(0x1c95126eu, 0x7eea, 0x49a9, 0xa3, 0xfe, 0xa3, 0x78, 0xb0, 0x3d, 0xdb, 0x4d)
#define DNS_NAME "Microsoft-Windows-DNS-Client"

static const TeiField dns_called_fields[] = {
    {.name = "QueryName", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "QueryType", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "QueryOptions", .in_type = IN_U64, .out_type = OUT_ULONG},
    {.name = "ServerList", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "IsNetworkQuery", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "NetworkQueryIndex", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "InterfaceIndex", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "IsAsyncQuery", .in_type = IN_U32, .out_type = OUT_UINT},
};
const TeiEvent dns_query_called = {
    .provider = DNS_GUID,
    .desc = {.id = 3006, .channel = 16, .level = 4, .keyword = ANALYTIC},
    .provider_name = DNS_NAME,
    .level_name = "Information ",
    .channel_name = DNS_NAME "/Operational",
    .message = "DNS query is called for the name %1, type %2, query options %3, Server List %4, "
               "isNetwork query "
               "%5, network index %6, interface index %7, is asynchronous query %8 ",
    FIELDS(dns_called_fields),
};

static const TeiField dns_completed_fields[] = {
    {.name = "QueryName", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "QueryType", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "QueryOptions", .in_type = IN_U64, .out_type = OUT_ULONG},
    {.name = "QueryStatus", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "QueryResults", .in_type = IN_UTF16, .out_type = OUT_STRING},
};
const TeiEvent dns_query_completed = {
    .provider = DNS_GUID,
    .desc = {.id = 3008, .channel = 16, .level = 4, .keyword = ANALYTIC},
    .provider_name = DNS_NAME,
    .level_name = "Information ",
    .channel_name = DNS_NAME "/Operational",
    .message = "DNS query is completed for the name %1, type %2, query options %3 with status %4 "
               "Results %5 ",
    FIELDS(dns_completed_fields),
};

#define PROCESS_GUID                                                                               \
    GUID_INIT(0x22fb2cd6u, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16)
#define PROCESS_NAME "Microsoft-Windows-Kernel-Process"

static const TeiField process_started_fields[] = {
    {.name = "ProcessID", .in_type = IN_U32, .out_type = OUT_PID},
    {.name = "ProcessSequenceNumber", .in_type = IN_U64, .out_type = OUT_ULONG},
    {.name = "CreateTime", .in_type = IN_FILETIME, .out_type = OUT_DATETIME},
    {.name = "ParentProcessID", .in_type = IN_U32, .out_type = OUT_PID},
    {.name = "ParentProcessSequenceNumber", .in_type = IN_U64, .out_type = OUT_ULONG},
    {.name = "SessionID", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "Flags", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "ProcessTokenElevationType", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "ProcessTokenIsElevated", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "MandatoryLabel", .in_type = IN_SID, .out_type = OUT_STRING},
    {.name = "ImageName", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "ImageChecksum", .in_type = IN_HEX32, .out_type = OUT_HEX32},
    {.name = "TimeDateStamp", .in_type = IN_HEX32, .out_type = OUT_HEX32},
    {.name = "PackageFullName", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "PackageRelativeAppId", .in_type = IN_UTF16, .out_type = OUT_STRING},
};
const TeiEvent process_started = {
    .provider = PROCESS_GUID,
    .desc = {.id = 1,
             .version = 3,
             .channel = 16,
             .level = 4,
             .opcode = 1,
             .task = 1,
             .keyword = ANALYTIC | 0x10},
    .provider_name = PROCESS_NAME,
    .level_name = "Information ",
    .channel_name = PROCESS_NAME "/Analytic",
    .keyword_names = "WINEVENT_KEYWORD_PROCESS ",
    .task_name = "ProcessStart",
    .opcode_name = "Start ",
    .message = "Process %1 started at time %3 by parent %4 running in session %6 with name %11. ",
    FIELDS(process_started_fields),
};

static const TeiField process_stopped_fields[] = {
    {.name = "ProcessID", .in_type = IN_U32, .out_type = OUT_PID},
    {.name = "ProcessSequenceNumber", .in_type = IN_U64, .out_type = OUT_ULONG},
    {.name = "CreateTime", .in_type = IN_FILETIME, .out_type = OUT_DATETIME},
    {.name = "ExitTime", .in_type = IN_FILETIME, .out_type = OUT_DATETIME},
    {.name = "ExitCode", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "TokenElevationType", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "HandleCount", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "CommitCharge", .in_type = IN_U64, .out_type = OUT_ULONG},
    {.name = "CommitPeak", .in_type = IN_U64, .out_type = OUT_ULONG},
    {.name = "CPUCycleCount", .in_type = IN_U64, .out_type = OUT_ULONG},
    {.name = "ReadOperationCount", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "WriteOperationCount", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "ReadTransferKiloBytes", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "WriteTransferKiloBytes", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "HardFaultCount", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "ImageName", .in_type = IN_ANSI, .out_type = OUT_STRING},
};
const TeiEvent process_stopped = {
    .provider = PROCESS_GUID,
    .desc = {.id = 2,
             .version = 2,
             .channel = 16,
             .level = 4,
             .opcode = 2,
             .task = 2,
             .keyword = ANALYTIC | 0x10},
    .provider_name = PROCESS_NAME,
    .level_name = "Information ",
    .channel_name = PROCESS_NAME "/Analytic",
    .keyword_names = "WINEVENT_KEYWORD_PROCESS ",
    .task_name = "ProcessStop",
    .opcode_name = "Stop ",
    .message = "Process %1 (which started at time %3) stopped at time %4 with exit code %5. ",
    FIELDS(process_stopped_fields),
};

static const TeiField image_loaded_fields[] = {
    {.name = "ImageBase", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "ImageSize", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "ProcessID", .in_type = IN_U32, .out_type = OUT_PID},
    {.name = "ImageCheckSum", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "TimeDateStamp", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "DefaultBase", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "ImageName", .in_type = IN_UTF16, .out_type = OUT_STRING},
};
const TeiEvent image_loaded = {
    .provider = PROCESS_GUID,
    .desc = {.id = 5, .channel = 16, .level = 4, .task = 5, .keyword = ANALYTIC | 0x40},
    .provider_name = PROCESS_NAME,
    .level_name = "Information ",
    .channel_name = PROCESS_NAME "/Analytic",
    .keyword_names = "WINEVENT_KEYWORD_IMAGE ",
    .task_name = "ImageLoad",
    .opcode_name = "Info ",
    .message = "Process %3 had an image loaded with name %7. ",
    FIELDS(image_loaded_fields),
};

#define FILE_GUID                                                                                  \
    GUID_INIT(0xedd08927u, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89)
#define FILE_PROVIDER "Microsoft-Windows-Kernel-File"

static const TeiField file_created_fields[] = {
    {.name = "Irp", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "FileObject", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "IssuingThreadId", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "CreateOptions", .in_type = IN_U32, .out_type = OUT_HEX32},
    {.name = "CreateAttributes", .in_type = IN_U32, .out_type = OUT_HEX32},
    {.name = "ShareAccess", .in_type = IN_U32, .out_type = OUT_HEX32},
    {.name = "FileName", .in_type = IN_UTF16, .out_type = OUT_STRING},
};
const TeiEvent file_created = {
    .provider = FILE_GUID,
    .desc =
        {.id = 12, .version = 1, .channel = 16, .level = 4, .task = 12, .keyword = ANALYTIC | 0xa0},
    .provider_name = FILE_PROVIDER,
    .level_name = "Information ",
    .channel_name = FILE_PROVIDER "/Analytic",
    .keyword_names = "KERNEL_FILE_KEYWORD_FILEIO |KERNEL_FILE_KEYWORD_CREATE ",
    .task_name = "Create",
    .opcode_name = "Info ",
    FIELDS(file_created_fields),
};
const TeiEvent file_new_created = {
    .provider = FILE_GUID,
    .desc = {.id = 30,
             .version = 1,
             .channel = 16,
             .level = 4,
             .task = 30,
             .keyword = ANALYTIC | 0x1000},
    .provider_name = FILE_PROVIDER,
    .level_name = "Information ",
    .channel_name = FILE_PROVIDER "/Analytic",
    .keyword_names = "KERNEL_FILE_KEYWORD_CREATE_NEW_FILE ",
    .task_name = "CreateNewFile",
    .opcode_name = "Info ",
    FIELDS(file_created_fields),
};

static const TeiField file_path_fields[] = {
    {.name = "Irp", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "FileObject", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "FileKey", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "ExtraInformation", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "IssuingThreadId", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "InfoClass", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "FilePath", .in_type = IN_UTF16, .out_type = OUT_STRING},
};
const TeiEvent file_path_deleted = {
    .provider = FILE_GUID,
    .desc = {.id = 26,
             .version = 1,
             .channel = 16,
             .level = 4,
             .task = 26,
             .keyword = ANALYTIC | 0x400},
    .provider_name = FILE_PROVIDER,
    .level_name = "Information ",
    .channel_name = FILE_PROVIDER "/Analytic",
    .keyword_names = "KERNEL_FILE_KEYWORD_DELETE_PATH ",
    .task_name = "DeletePath",
    .opcode_name = "Info ",
    FIELDS(file_path_fields),
};
const TeiEvent file_path_renamed = {
    .provider = FILE_GUID,
    .desc = {.id = 27,
             .version = 1,
             .channel = 16,
             .level = 4,
             .task = 27,
             .keyword = ANALYTIC | 0x800},
    .provider_name = FILE_PROVIDER,
    .level_name = "Information ",
    .channel_name = FILE_PROVIDER "/Analytic",
    .keyword_names = "KERNEL_FILE_KEYWORD_RENAME_SETLINK_PATH ",
    .task_name = "RenamePath",
    .opcode_name = "Info ",
    FIELDS(file_path_fields),
};

#define REGISTRY_PROVIDER "Microsoft-Windows-Kernel-Registry"

static const TeiField value_set_fields[] = {
    {.name = "KeyObject", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "Status", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "Type", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "DataSize", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "KeyName", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "ValueName", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "CapturedDataSize", .in_type = IN_U16, .out_type = OUT_USHORT},
    {.name = "CapturedData",
     .in_type = IN_BINARY,
     .out_type = OUT_HEXBINARY,
     .flags = TEI_PARAM_LENGTH,
     .length = 6},
    {.name = "PreviousDataType", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "PreviousDataSize", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "PreviousDataCapturedSize", .in_type = IN_U16, .out_type = OUT_USHORT},
    {.name = "PreviousData",
     .in_type = IN_BINARY,
     .out_type = OUT_HEXBINARY,
     .flags = TEI_PARAM_LENGTH,
     .length = 10},
};
const TeiEvent registry_value_set = {
    .provider =
        GUID_INIT(0x70eb4f03u, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd),
    .desc = {.id = 5, .channel = 16, .level = 4, .opcode = 36, .keyword = ANALYTIC | 0x100},
    .provider_name = REGISTRY_PROVIDER,
    .level_name = "Information ",
    .channel_name = REGISTRY_PROVIDER "/Analytic",
    .keyword_names = "SetValueKey ",
    .opcode_name = "SetValueKey ",
    FIELDS(value_set_fields),
};

#define AMSI_NAME "Microsoft-Antimalware-Scan-Interface"

static const TeiField amsi_fields[] = {
    {.name = "session", .in_type = IN_POINTER, .out_type = OUT_HEX64},
    {.name = "scanStatus", .in_type = IN_U8, .out_type = OUT_UBYTE},
    {.name = "scanResult", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "appname", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "contentname", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "contentsize", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "originalsize", .in_type = IN_U32, .out_type = OUT_UINT},
    {.name = "content",
     .in_type = IN_BINARY,
     .out_type = OUT_HEXBINARY,
     .flags = TEI_PARAM_LENGTH,
     .length = 5},
    {.name = "hash",
     .in_type = IN_BINARY,
     .out_type = OUT_HEXBINARY,
     .flags = TEI_FIXED_LENGTH,
     .length = 32},
    {.name = "contentFiltered", .in_type = IN_BOOL32, .out_type = OUT_BOOL},
};
const TeiEvent amsi_scanned = {
    .provider =
        GUID_INIT(0x2a576b87u, 0x09a7, 0x520e, 0xc2, 0x1a, 0x49, 0x42, 0xf0, 0x27, 0x1d, 0x67),
    .desc = {.id = 1101, .channel = 16, .level = 4, .keyword = ANALYTIC | 0x1},
    .provider_name = AMSI_NAME,
    .level_name = "Information ",
    .channel_name = "AMSI/Debug",
    .keyword_names = "Event1 ",
    FIELDS(amsi_fields),
};

#define POWERSHELL_NAME "Microsoft-Windows-PowerShell"

static const TeiField script_fields[] = {
    {.name = "MessageNumber", .in_type = IN_I32, .out_type = OUT_INT},
    {.name = "MessageTotal", .in_type = IN_I32, .out_type = OUT_INT},
    {.name = "ScriptBlockText", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "ScriptBlockId", .in_type = IN_UTF16, .out_type = OUT_STRING},
    {.name = "Path", .in_type = IN_UTF16, .out_type = OUT_STRING},
};
const TeiEvent script_block = {
    .provider =
        GUID_INIT(0xa0c1853bu, 0x5c40, 0x4b15, 0x87, 0x66, 0x3c, 0xf1, 0xc5, 0x8f, 0x98, 0x5a),
    .desc = {.id = 4104, .version = 1, .channel = 16, .level = 5, .opcode = 15, .task = 2},
    .provider_name = POWERSHELL_NAME,
    .level_name = "Verbose ",
    .channel_name = POWERSHELL_NAME "/Operational",
    .task_name = "Execute a Remote Command ",
    .opcode_name = "On create calls ",
    .message = "Creating Scriptblock text (%1 of %2):%n%3%n%nScriptBlock ID: %4%nPath: %5 ",
    FIELDS(script_fields),
};

// --- the sample's own ---

const Guid agent_guid =
    GUID_INIT(0x8d2f1c60u, 0x3a44, 0x5b1e, 0xb7, 0x62, 0x0c, 0x4e, 0x61, 0x9a, 0x5d, 0x10);
const char addin_name[] = "Contoso.Office.AddIn";
const Guid vpn_message_guid =
    GUID_INIT(0x3f6d0a91u, 0x77c2, 0x3e58, 0x9a, 0x0e, 0x51, 0x2b, 0xd4, 0x86, 0x1f, 0x73);
const Guid undescribed_guid =
    GUID_INIT(0xc9e1d3b7u, 0x5a20, 0x4d7f, 0x86, 0x19, 0xe0, 0x4a, 0x92, 0x7b, 0x35, 0xcc);

static const EsManifestName agent_tasks[] = {{1, "Inventory"}};
static const EsManifestName agent_keywords[] = {{1, "Jobs"}, {2, "Software"}};
static const EsManifestName job_states[] = {
    {0, "Queued"}, {1, "Running"}, {2, "Done"}, {3, "Failed"}};
static const EsManifestName scan_flags[] = {{1, "Registry"}, {2, "Files"}, {4, "Services"}};
static const EsManifestMap agent_maps[] = {
    {"JobState", false, job_states, ARRAY_COUNT(job_states)},
    {"ScanScope", true, scan_flags, ARRAY_COUNT(scan_flags)},
};
static const EsManifestField job_fields[] = {
    {"jobId", "win:Int32", NULL, NULL, NULL},
    {"state", "win:Int32", NULL, "JobState", NULL},
    {"scope", "win:UInt32", NULL, "ScanScope", NULL},
    {"computer", "win:UnicodeString", NULL, NULL, NULL},
};
static const EsManifestField product_fields[] = {
    {"jobId", "win:Int32", NULL, NULL, NULL},
    {"name", "win:UnicodeString", NULL, NULL, NULL},
    {"version", "win:UnicodeString", NULL, NULL, NULL},
    {"installed", "win:FILETIME", NULL, NULL, NULL},
    {"managed", "win:Boolean", NULL, NULL, NULL},
};
static const EsManifestEvent agent_events[] = {
    {1, 0, 4, 1, 1, "InventoryStart", "Jobs", "Inventory job %1 is %2 on %4", job_fields,
     ARRAY_COUNT(job_fields)},
    {2, 0, 4, 2, 1, "InventoryStop", "Jobs", "Inventory job %1 is %2", job_fields,
     ARRAY_COUNT(job_fields)},
    {3, 0, 5, 0, 65531, "ProductFound", "Software", "Found %2 %3", product_fields,
     ARRAY_COUNT(product_fields)},
};

const EsManifest agent_manifest = {
    .guid = GUID_INIT(0x8d2f1c60u, 0x3a44, 0x5b1e, 0xb7, 0x62, 0x0c, 0x4e, 0x61, 0x9a, 0x5d, 0x10),
    .name = "Contoso-Inventory-Agent",
    .tasks = agent_tasks,
    .n_tasks = ARRAY_COUNT(agent_tasks),
    .keywords = agent_keywords,
    .n_keywords = ARRAY_COUNT(agent_keywords),
    .maps = agent_maps,
    .n_maps = ARRAY_COUNT(agent_maps),
    .events = agent_events,
    .n_events = ARRAY_COUNT(agent_events),
};
