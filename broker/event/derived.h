// Values that stand in the payload itself under other names or in other forms: network addresses
// and ports, names of registry values, their data. Computed alike in the broker and in clients, so
// they need no bytes on the wire. Pure; any thread.
#pragma once

#include "event/enriched.h"

// LocalAddress, LocalPort, RemoteAddress, RemotePort, Direction (classic TcpIp and UdpIp, manifest
// Kernel-Network): saddr and sport are the local side, but for UDP's Recv, which has the packet's
// own source, the remote side. Direction: "Outbound" for Send and Connect, "Inbound" for Recv and
// Accept. ValueName (classic SetValue, DeleteValue, QueryValue: KeyName; manifest ValueName): "" is
// the default value. Data (manifest SetValueKey: CapturedData by Type): REG_SZ and EXPAND_SZ as
// text, DWORD and QWORD as numbers, MULTI_SZ as text with "; " between, all else, and what does not
// fit its type, as hex text. False: this event has no such value. ret: VALUE_UTF8 or VALUE_U64,
// without schema and field; scratch is cleared, and holds a text until it is used again.
bool derived_value(const EventRecord *record, const Schema *schema, EnrichedField field,
                   Buf *scratch, Value *ret);
// Fields that events of a type can have, as ENRICHED_BITs.
uint64_t derived_fields(const Schema *schema);
