// Payloads of the kernel's classic events, as etl-format H lays them out: packed, pointers as wide as
// the header says. Names are UTF-8. Any thread; failure is the Buf's sticky one.
#pragma once

#include "tests/etlgen/blob.h"

// Event groups.
enum {
    GROUP_TRACE = 0x00,
    GROUP_DISK = 0x01,
    GROUP_MEMORY = 0x02,
    GROUP_PROCESS = 0x03,
    GROUP_FILE = 0x04,
    GROUP_THREAD = 0x05,
    GROUP_TCP = 0x06,
    GROUP_UDP = 0x08,
    GROUP_REGISTRY = 0x09,
    GROUP_CONFIG = 0x0b,
    GROUP_PERF = 0x0f,
    GROUP_IMAGE = 0x14,
    GROUP_STACK = 0x18,
};

// Opcodes used here.
enum {
    PROCESS_START = 1,
    PROCESS_END = 2,
    PROCESS_DC_START = 3,
    PROCESS_DC_END = 4,
    PROCESS_TERMINATE = 11,
    PROCESS_DEFUNCT = 39,
    THREAD_START = 1,
    THREAD_END = 2,
    THREAD_DC_START = 3,
    THREAD_DC_END = 4,
    THREAD_CSWITCH = 36,
    THREAD_READY = 50,
    THREAD_SET_NAME = 72,
    IMAGE_UNLOAD = 2,
    IMAGE_DC_START = 3,
    IMAGE_DC_END = 4,
    IMAGE_LOAD = 10,
    FILE_NAME = 0,
    FILE_CREATE_NAME = 32,
    FILE_DELETE_NAME = 35,
    FILE_RUNDOWN = 36,
    FILE_CREATE = 64,
    FILE_CLEANUP = 65,
    FILE_CLOSE = 66,
    FILE_READ = 67,
    FILE_WRITE = 68,
    FILE_SET_INFO = 69,
    FILE_DELETE = 70,
    FILE_RENAME = 71,
    FILE_DIR_ENUM = 72,
    FILE_FLUSH = 73,
    FILE_QUERY_INFO = 74,
    FILE_OPERATION_END = 76,
    FILE_DELETE_PATH = 79,
    FILE_RENAME_PATH = 80,
    DISK_READ = 10,
    DISK_WRITE = 11,
    DISK_READ_INIT = 12,
    DISK_WRITE_INIT = 13,
    MEMORY_HARD_FAULT = 32,
    REG_CREATE = 10,
    REG_OPEN = 11,
    REG_QUERY = 13,
    REG_SET_VALUE = 14,
    REG_DELETE_VALUE = 15,
    REG_QUERY_VALUE = 16,
    REG_KCB_CREATE = 22,
    REG_KCB_DELETE = 23,
    REG_KCB_RUNDOWN_BEGIN = 24,
    REG_KCB_RUNDOWN_END = 25,
    REG_CLOSE = 27,
    TCP_SEND = 10,
    TCP_RECV = 11,
    TCP_CONNECT = 12,
    TCP_DISCONNECT = 13,
    TCP_ACCEPT = 15,
    UDP_SEND = 10,
    UDP_RECV = 11,
    NET_IPV6 = 16, // added to the IPv4 opcode
    PERF_SAMPLE = 46,
    STACK_WALK = 32,
    STACK_KEY_CREATE = 34,
    STACK_KEY_DELETE = 35,
    STACK_KEY_RUNDOWN = 36,
    STACK_KERNEL_KEY = 37,
    STACK_USER_KEY = 38,
    CONFIG_CPU = 10,
    CONFIG_SERVICES = 15,
    CONFIG_PLATFORM = 25,
};

typedef struct KpProcess {
    uint64_t key, directory_table; // key: EPROCESS
    uint32_t pid, parent_pid, session;
    int32_t exit_status;
    uint32_t flags;
    const SidSpec *sid; // or NULL
    const char *image, *command_line, *package, *application;
    int64_t exit_time; // version 5 (Defunct)
} KpProcess;
void kp_process(Buf *out, uint8_t pointer_size, uint8_t version, const KpProcess *p); // 1 … 5

typedef struct KpThread {
    uint32_t pid, tid;
    uint64_t stack_base, stack_limit, user_stack_base, user_stack_limit, affinity, start, teb;
    uint32_t service_tag;
    uint8_t base_priority, page_priority, io_priority, flags;
    const char *name; // NULL: no such tail (Windows 8)
} KpThread;
void kp_thread(Buf *out, uint8_t pointer_size, const KpThread *t); // version 3
void kp_thread_name(Buf *out, uint32_t pid, uint32_t tid, const char *name);

typedef struct KpImage {
    uint64_t base, size;
    uint32_t pid, checksum, time_date_stamp;
    uint8_t signature_level, signature_type;
    const char *file_name;
} KpImage;
void kp_image(Buf *out, uint8_t pointer_size, uint8_t version, const KpImage *i); // 1 … 3

void kp_file_name(Buf *out, uint8_t pointer_size, uint64_t file_key, const char *name);
// Operations, version 3. irp and object: kernel addresses.
typedef struct KpFile {
    uint64_t irp, object, key;
    uint32_t tid;
} KpFile;
#define FILE_DISPOSITION(d)                                                                        \
    ((uint32_t)(d) << 24) // 0 supersede, 1 open, 2 create, 3 open-if, 5 overwrite-if
void kp_file_create(Buf *out, uint8_t pointer_size, const KpFile *f, uint32_t options,
                    uint32_t attributes, uint32_t share, const char *path);
void kp_file_simple(Buf *out, uint8_t pointer_size, const KpFile *f); // cleanup, close, flush
void kp_file_io(Buf *out, uint8_t pointer_size, const KpFile *f, uint64_t offset, uint32_t bytes,
                uint32_t io_flags);
void kp_file_info(Buf *out, uint8_t pointer_size, const KpFile *f, uint64_t extra,
                  uint32_t info_class);
void kp_file_path(Buf *out, uint8_t pointer_size, const KpFile *f, uint64_t extra,
                  uint32_t info_class, const char *path);
void kp_file_dir(Buf *out, uint8_t pointer_size, const KpFile *f, uint32_t bytes,
                 uint32_t info_class, const char *pattern);
void kp_file_end(Buf *out, uint8_t pointer_size, const KpFile *f, uint64_t extra,
                 uint32_t nt_status);

void kp_disk_io(Buf *out, uint8_t pointer_size, const KpFile *f, uint32_t disk, uint32_t bytes,
                uint64_t offset, uint64_t response_time);
void kp_disk_init(Buf *out, uint8_t pointer_size, const KpFile *f);
void kp_hard_fault(Buf *out, uint8_t pointer_size, int64_t since_raw, uint64_t read_offset,
                   uint64_t address, const KpFile *f, uint32_t bytes);

void kp_registry(Buf *out, uint8_t pointer_size, int64_t since_raw, uint32_t nt_status,
                 uint32_t index, uint64_t key_handle, const char *name); // version 2

typedef struct KpFlow {
    uint32_t pid, bytes;
    bool ipv6;
    uint32_t local4, remote4;
    const uint16_t *local6, *remote6; // 8 groups
    uint16_t local_port, remote_port;
    uint64_t connection;
} KpFlow;
void kp_tcp_send(Buf *out, uint8_t pointer_size, const KpFlow *f, uint32_t start, uint32_t end,
                 uint32_t seq);
void kp_tcp_connect(Buf *out, uint8_t pointer_size, const KpFlow *f, uint32_t seq); // also accept
void kp_net_plain(Buf *out, uint8_t pointer_size, const KpFlow *f,
                  uint32_t seq); // recv, disconnect, UDP

void kp_cswitch(Buf *out, uint32_t new_tid, uint32_t old_tid, uint8_t new_priority,
                uint8_t old_priority, uint8_t wait_reason, uint32_t wait_time);
void kp_ready(Buf *out, uint32_t tid);
void kp_sample(Buf *out, uint8_t pointer_size, uint64_t ip, uint32_t tid, uint16_t count);

void kp_stack(Buf *out, uint8_t pointer_size, int64_t event_raw, uint32_t pid, uint32_t tid,
              const uint64_t *frames, uint32_t n_frames);
void kp_stack_key(Buf *out, uint8_t pointer_size, int64_t event_raw, uint32_t pid, uint32_t tid,
                  uint64_t key);
void kp_stack_definition(Buf *out, uint8_t pointer_size, uint64_t key, const uint64_t *frames,
                         uint32_t n_frames);

void kp_config_service(Buf *out, uint32_t pid, uint32_t tag, const char *name, const char *display,
                       const char *process, const char *group);
void kp_config_platform(Buf *out, const char *manufacturer, const char *product,
                        const char *bios_date,
                        const char *bios_version); // version 2
void kp_config_cpu(Buf *out, uint8_t pointer_size, uint32_t mhz, uint32_t n_cpus,
                   const char *computer,
                   const char *domain); // version 3

// Injected by merging tools: {b3e675d7…} and {9b79ee91…} of etl-format F.
extern const Guid image_id_guid, sys_config_ex_guid, event_metadata_guid;
enum {
    IMAGE_ID_INFO = 0,
    IMAGE_ID_RSDS = 36,
    SYS_CONFIG_BUILD = 32,
    SYS_CONFIG_PATHS = 33,
    SYS_CONFIG_UNKNOWN_VOLUME = 34,
    SYS_CONFIG_VOLUME = 35,
    METADATA_EVENT_INFO = 32,
    METADATA_MAP_INFO = 33,
};
void kp_image_id(Buf *out, uint8_t pointer_size, const KpImage *image, const char *original_name);
void kp_image_rsds(Buf *out, uint8_t pointer_size, const KpImage *image, const Guid *signature,
                   uint32_t age, const char *pdb);
