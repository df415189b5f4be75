// Which events the caches learn from: asked for each record of a file's scan, so it looks at the
// provider and the descriptor only.
#include "enrich/enrich.h"

// clang-format off
static const struct {
    Guid guid;
    bool classic;
    uint64_t bits[4]; // opcodes of classic events, ids below 256 of others
} feeders[] = {
#define OPS(a, b) ((~UINT64_C(0) >> (63 - ((b) - (a)))) << (a))
#define OP(a)     (UINT64_C(1) << (a))
    // Process: Start, Stop, DCStart, DCStop, Defunct
    {GUID_INIT(0x3d6fa8d0, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c), true,
     {OPS(1, 4) | OP(39), 0, 0, 0}},
    // Thread: Start, Stop, DCStart, DCStop
    {GUID_INIT(0x3d6fa8d1, 0xfe05, 0x11d0, 0x9d, 0xda, 0, 0xc0, 0x4f, 0xd7, 0xba, 0x7c), true,
     {OPS(1, 4), 0, 0, 0}},
    // Image: Unload, DCStart, DCStop, Load
    {GUID_INIT(0x2cb15d1d, 0x5fc1, 0x11d2, 0xab, 0xe1, 0, 0xa0, 0xc9, 0x11, 0xf5, 0x18), true,
     {OPS(2, 4) | OP(10), 0, 0, 0}},
    // FileIo: names, and every operation that has FileObject and FileKey
    {GUID_INIT(0x90cbdc39, 0x4a3e, 0x11d1, 0x84, 0xf4, 0, 0, 0xf8, 0x04, 0x64, 0xe3), true,
     {OP(0) | OP(32) | OPS(35, 36), OPS(64 - 64, 84 - 64), 0, 0}},
    // Registry: KCBs
    {GUID_INIT(0xae53722e, 0xc863, 0x11d2, 0x86, 0x59, 0, 0xc0, 0x4f, 0xa3, 0x21, 0xa1), true,
     {OPS(22, 25), 0, 0, 0}},
    // ObTrace: handles and types
    {GUID_INIT(0x89497f50, 0xeffe, 0x4440, 0x8c, 0xf2, 0xce, 0x6b, 0x1c, 0xdc, 0xac, 0xa7), true,
     {OP(32) | OPS(36, 39) | OPS(48, 49), 0, 0, 0}},
    // StackWalk
    {GUID_INIT(0xdef2fe46, 0x7bd6, 0x4b80, 0xbd, 0x94, 0xf5, 0x7f, 0xe2, 0x0d, 0x0c, 0xe3), true,
     {OP(32) | OPS(34, 38), 0, 0, 0}},
    // SystemConfig: Services
    {GUID_INIT(0x01853a65, 0x418f, 0x4f36, 0xae, 0xfc, 0xdc, 0x0f, 0x1d, 0x2f, 0xd2, 0x35), true,
     {OP(15), 0, 0, 0}},
    // SysConfigEx: SystemPaths, VolumeMapping
    {GUID_INIT(0x9b79ee91, 0xb5fd, 0x41c0, 0xa2, 0x43, 0x42, 0x48, 0xe2, 0x66, 0xe9, 0xd0), true,
     {OP(33) | OP(35), 0, 0, 0}},
    // ImageID: time stamps and PDB identities
    {GUID_INIT(0xb3e675d7, 0x2554, 0x4f18, 0x83, 0x0b, 0x27, 0x62, 0x73, 0x25, 0x60, 0xde), true,
     {OP(0) | OPS(36, 37), 0, 0, 0}},
    // Microsoft-Windows-Kernel-Process: process start and stop, image load and unload, rundown
    {GUID_INIT(0x22fb2cd6, 0x0e7b, 0x422b, 0xa0, 0xc7, 0x2f, 0xad, 0x1f, 0xd0, 0xe7, 0x16), false,
     {OPS(1, 6) | OP(15), 0, 0, 0}},
    // Microsoft-Windows-Kernel-File
    {GUID_INIT(0xedd08927, 0x9cc4, 0x4e65, 0xb9, 0x70, 0xc2, 0x56, 0x0f, 0xb5, 0xc2, 0x89), false,
     {OPS(10, 34), 0, 0, 0}},
    // Microsoft-Windows-Kernel-Registry: CreateKey, OpenKey, CloseKey
    {GUID_INIT(0x70eb4f03, 0xc1de, 0x4f73, 0xa0, 0x51, 0x33, 0xd1, 0x3d, 0x54, 0x13, 0xbd), false,
     {OPS(1, 2) | OP(13), 0, 0, 0}},
    // The CLR's providers: a stack walk belongs to the event before it on its thread
    {GUID_INIT(0xe13c0d23, 0xccbc, 0x4e12, 0x93, 0x1b, 0xd9, 0xcc, 0x2e, 0xee, 0x27, 0xe4), false,
     {~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0)}},
    {GUID_INIT(0x763fd754, 0x7086, 0x4dfe, 0x95, 0xeb, 0xc0, 0x1a, 0x46, 0xfa, 0xf4, 0xca), false,
     {~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0)}},
#undef OPS
#undef OP
};
// clang-format on

bool enrich_is_feeder(const EventRecord *record) {
    bool classic = (record->flags & EVENT_CLASSIC) != 0;
    uint32_t number = classic ? record->desc.opcode : record->desc.id;
    if (number < 256) {
        for (uint32_t i = 0; i < ARRAY_COUNT(feeders); i++)
            if (guid_equal(&feeders[i].guid, &record->provider) && feeders[i].classic == classic &&
                ((feeders[i].bits[number / 64] >> (number % 64)) & 1))
                return true;
    }
    return record->ext_bytes != 0 && stacks_has_linked_items(record);
}
