// Schemas of the manifest events in the sample trace, as the providers of Windows declare them, and the
// sample's own TraceLogging and EventSource providers. Constants; any thread.
#pragma once

#include "tests/etlgen/es_manifest.h"
#include "tests/etlgen/tei.h"

extern const TeiEvent dns_query_called;    // 3006
extern const TeiEvent dns_query_completed; // 3008
extern const TeiEvent process_started;     // Kernel-Process 1
extern const TeiEvent process_stopped;     // Kernel-Process 2
extern const TeiEvent image_loaded;        // Kernel-Process 5
extern const TeiEvent file_created;        // Kernel-File 12
extern const TeiEvent file_path_deleted;   // Kernel-File 26
extern const TeiEvent file_path_renamed;   // Kernel-File 27
extern const TeiEvent file_new_created;    // Kernel-File 30
extern const TeiEvent registry_value_set;  // Kernel-Registry 5
extern const TeiEvent amsi_scanned;        // Antimalware-Scan-Interface 1101
extern const TeiEvent script_block;        // PowerShell 4104

extern const Guid agent_guid; // EventSource
extern const EsManifest agent_manifest;
extern const char addin_name[];     // TraceLogging provider; its GUID comes from the name
extern const Guid vpn_message_guid; // WPP
extern const Guid undescribed_guid; // a provider without any schema
