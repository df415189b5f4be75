// Names of files by FileKey and FileObject, and what happened to an I/O request (etl-format H.4,
// I.4).
//
// FileKey -> name with intervals (Name, FileCreate, FileDelete, FileRundown; RenamePath;
// Kernel-File NameCreate, NameDelete); FileObject -> name from Create (64) to Close (66), also
// Kernel-File 12, 14; an operation that has both lends the object's name to a key without one.
// Owner: the loop.
#pragma once

#include "enrich/facts.h"
#include "enrich/history.h"
#include "enrich/volumes.h"

typedef struct Files Files;

typedef struct FilesOptions {
    uint32_t max_files, max_objects, max_operations;
    size_t max_bytes; // of names
    bool looks_ahead; // file knowledge
} FilesOptions;

int files_new(const FilesOptions *options, Volumes *volumes, Files **ret);
Files *files_free(Files *files);
void files_clear(Files *files);

typedef enum FileRole { // what an event of a type tells or needs
    FILE_NOTHING = 0,
    FILE_NAME_OPEN,  // Name, FileCreate, NameCreate: key, name
    FILE_NAME_CLOSE, // FileDelete, NameDelete
    FILE_NAME_STATE, // FileRundown
    FILE_CREATE,     // object, name; starts a request
    FILE_CLOSE,      // object, key; ends the object's name
    FILE_OPERATION,  // object, key; starts a request
    FILE_RENAME_PATH, // object, key, name in the payload: the new one, of a link (81), or its own (79)
    FILE_END,         // OperationEnd: request, status, bytes
    FILE_DISK,        // DiskIo, HardFault, MapFile: key only, or a key that may be an object
    FILE_IMAGE,       // Image events: name in the payload, only mapped
} FileRole;

typedef struct FilePlan { // of one event type
    uint8_t role;         // FileRole
    bool new_name;        // RENAME_PATH: the name is the new one
    bool file_keyed;      // FileRole FILE_DISK etc.: `object` field holds a key
    PayloadRef irp, object, key;
    int16_t name;      // top-level field with a name, or -1
    PayloadRef status; // FILE_END
    bool own_name;     // RENAME_PATH: the name is the file's own (DeletePath)
    bool manifest;     // Kernel-File: `id` counts, not the opcode
} FilePlan;

FilePlan files_plan(const Schema *schema);
// Learns from the event. scanning: the pre-scan of file knowledge; what it has learnt is not learnt
// again when the same events pass. Ordinals ascend but for the start of another pass.
void files_observe(Files *files, const FilePlan *plan, const EventRecord *record,
                   const Schema *schema, bool scanning);
// The file's name, ready to be shown; borrowed until the next event. A Create with a name that is
// relative to a directory handle gives the name that its FileKey turns out to have (file
// knowledge), else the name as it stands, as a guess. FILE_END: of the file of the operation that
// ends. NULL: not known.
const Text *files_name(Files *files, const FilePlan *plan, const EventRecord *record,
                       const Schema *schema, uint8_t *ret_provenance);
// FILE_END, after it was observed: the operation that it ends; false: its start was not seen.
typedef struct FileOperation {
    const Text *event_name; // "FileIO/Read"; lives as long as the Files; NULL: no memory
    int64_t duration;       // 100 ns
    const Text *name;       // or NULL
    uint8_t provenance;     // of the name
} FileOperation;
bool files_operation(Files *files, const FilePlan *plan, const EventRecord *record,
                     FileOperation *ret);
uint32_t files_stats(const Files *files, CacheStats ret[3]); // "Files", "File objects", "Requests"
