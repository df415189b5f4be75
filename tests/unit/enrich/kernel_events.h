// More events of the kernel's classes with their real schemas (make.h). Apart from the headers of
// the enrich room, whose roles have the names of etlgen's opcodes.
#pragma once

#include "make.h"

enum { // opcodes
    OP_START = 1,
    OP_END = 2,
    OP_DC_START = 3,
    OP_DC_END = 4,
    OP_NAME = 0,
    OP_NAME_RUNDOWN = 36,
    OP_IMAGE_LOAD = 10,
    OP_QUERY = 13,
    OP_SET_VALUE = 14,
    OP_KCB_CREATE = 22,
    OP_KCB_RUNDOWN = 25,
};

MakeEvent event_file_name(uint8_t opcode, uint64_t key, const char *name);
MakeEvent event_disk_read(uint64_t key, uint32_t tid);
MakeEvent event_file_create(uint64_t irp, uint64_t object, uint32_t tid, const char *name);
MakeEvent event_file_read(uint64_t irp, uint64_t object, uint64_t key, uint32_t tid);
MakeEvent event_file_rename(uint64_t irp, uint64_t object, uint64_t key, const char *to);
MakeEvent event_file_end(uint64_t irp);
MakeEvent event_key(uint8_t opcode, uint64_t handle, const char *name);
MakeEvent event_object_type(uint16_t type, const char *name);
MakeEvent event_handle(bool close, uint64_t object, uint16_t type, const char *name);
MakeEvent event_process(uint8_t opcode, uint32_t pid, uint32_t parent, const char *name,
                        const uint8_t *sid);
