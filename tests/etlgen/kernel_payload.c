#include "tests/etlgen/kernel_payload.h"

const Guid image_id_guid =
    GUID_INIT(0xb3e675d7u, 0x2554, 0x4f18, 0x83, 0x0b, 0x27, 0x62, 0x73, 0x25, 0x60, 0xde);
const Guid sys_config_ex_guid =
    GUID_INIT(0x9b79ee91u, 0xb5fd, 0x41c0, 0xa2, 0x43, 0x42, 0x48, 0xe2, 0x66, 0xe9, 0xd0);
const Guid event_metadata_guid =
    GUID_INIT(0xbbccf6c1u, 0x6cd1, 0x48c4, 0x80, 0xff, 0x83, 0x94, 0x82, 0xe3, 0x76, 0x71);

void kp_process(Buf *out, uint8_t ps, uint8_t version, const KpProcess *p) {
    if (version >= 2)
        blob_pointer(out, ps, p->key);
    else
        blob_pointer(out, ps, p->directory_table);
    buf_u32(out, p->pid);
    buf_u32(out, p->parent_pid);
    buf_u32(out, p->session);
    buf_u32(out, (uint32_t)p->exit_status);
    if (version >= 3)
        blob_pointer(out, ps, p->directory_table);
    if (version >= 4)
        buf_u32(out, p->flags);
    blob_user_sid(out, ps, p->sid);
    blob_ansiz(out, p->image);
    if (version >= 2)
        blob_utf16z(out, p->command_line != NULL ? p->command_line : "");
    if (version >= 4) {
        blob_utf16z(out, p->package != NULL ? p->package : "");
        blob_utf16z(out, p->application != NULL ? p->application : "");
    }
    if (version >= 5)
        buf_u64(out, (uint64_t)p->exit_time);
}

void kp_thread(Buf *out, uint8_t ps, const KpThread *t) {
    buf_u32(out, t->pid);
    buf_u32(out, t->tid);
    blob_pointer(out, ps, t->stack_base);
    blob_pointer(out, ps, t->stack_limit);
    blob_pointer(out, ps, t->user_stack_base);
    blob_pointer(out, ps, t->user_stack_limit);
    blob_pointer(out, ps, t->affinity);
    blob_pointer(out, ps, t->start);
    blob_pointer(out, ps, t->teb);
    buf_u32(out, t->service_tag);
    blob_u8(out, t->base_priority);
    blob_u8(out, t->page_priority);
    blob_u8(out, t->io_priority);
    blob_u8(out, t->flags);
    if (t->name != NULL)
        blob_utf16z(out, t->name);
}

void kp_thread_name(Buf *out, uint32_t pid, uint32_t tid, const char *name) {
    buf_u32(out, pid);
    buf_u32(out, tid);
    blob_utf16z(out, name);
}

void kp_image(Buf *out, uint8_t ps, uint8_t version, const KpImage *i) {
    blob_pointer(out, ps, i->base);
    blob_pointer(out, ps, i->size);
    buf_u32(out, i->pid);
    if (version >= 2) {
        buf_u32(out, i->checksum);
        buf_u32(out, i->time_date_stamp);
        uint32_t signature = (uint32_t)i->signature_level | (uint32_t)i->signature_type << 8;
        buf_u32(out, version >= 3 ? signature : 0);
        blob_pointer(out, ps, i->base);
        buf_zero(out, 16);
    }
    blob_utf16z(out, i->file_name);
}

void kp_file_name(Buf *out, uint8_t ps, uint64_t file_key, const char *name) {
    blob_pointer(out, ps, file_key);
    blob_utf16z(out, name);
}

void kp_file_create(Buf *out, uint8_t ps, const KpFile *f, uint32_t options, uint32_t attributes,
                    uint32_t share, const char *path) {
    blob_pointer(out, ps, f->irp);
    blob_pointer(out, ps, f->object);
    buf_u32(out, f->tid);
    buf_u32(out, options);
    buf_u32(out, attributes);
    buf_u32(out, share);
    blob_utf16z(out, path);
}

static void irp_object_key(Buf *out, uint8_t ps, const KpFile *f) {
    blob_pointer(out, ps, f->irp);
    blob_pointer(out, ps, f->object);
    blob_pointer(out, ps, f->key);
}

void kp_file_simple(Buf *out, uint8_t ps, const KpFile *f) {
    irp_object_key(out, ps, f);
    buf_u32(out, f->tid);
}

void kp_file_io(Buf *out, uint8_t ps, const KpFile *f, uint64_t offset, uint32_t bytes,
                uint32_t io_flags) {
    buf_u64(out, offset);
    irp_object_key(out, ps, f);
    buf_u32(out, f->tid);
    buf_u32(out, bytes);
    buf_u32(out, io_flags);
    buf_u32(out, 0); // ExtraFlags: on disk, not in the MOF class
}

void kp_file_info(Buf *out, uint8_t ps, const KpFile *f, uint64_t extra, uint32_t info_class) {
    irp_object_key(out, ps, f);
    blob_pointer(out, ps, extra);
    buf_u32(out, f->tid);
    buf_u32(out, info_class);
}

void kp_file_path(Buf *out, uint8_t ps, const KpFile *f, uint64_t extra, uint32_t info_class,
                  const char *path) {
    kp_file_info(out, ps, f, extra, info_class);
    blob_utf16z(out, path);
}

void kp_file_dir(Buf *out, uint8_t ps, const KpFile *f, uint32_t bytes, uint32_t info_class,
                 const char *pattern) {
    irp_object_key(out, ps, f);
    buf_u32(out, f->tid);
    buf_u32(out, bytes);
    buf_u32(out, info_class);
    buf_u32(out, 0); // FileIndex
    blob_utf16z(out, pattern);
}

void kp_file_end(Buf *out, uint8_t ps, const KpFile *f, uint64_t extra, uint32_t nt_status) {
    blob_pointer(out, ps, f->irp);
    blob_pointer(out, ps, extra);
    buf_u32(out, nt_status);
}

void kp_disk_io(Buf *out, uint8_t ps, const KpFile *f, uint32_t disk, uint32_t bytes,
                uint64_t offset, uint64_t response_time) {
    buf_u32(out, disk);
    buf_u32(out, 0x00020043); // IrpFlags of a paging read, as seen
    buf_u32(out, bytes);
    buf_u32(out, 0);
    buf_u64(out, offset);
    blob_pointer(out, ps, f->key); // the field is named FileObject
    blob_pointer(out, ps, f->irp);
    buf_u64(out, response_time);
    buf_u32(out, f->tid);
}

void kp_disk_init(Buf *out, uint8_t ps, const KpFile *f) {
    blob_pointer(out, ps, f->irp);
    buf_u32(out, f->tid);
}

void kp_hard_fault(Buf *out, uint8_t ps, int64_t since_raw, uint64_t read_offset, uint64_t address,
                   const KpFile *f, uint32_t bytes) {
    buf_u64(out, (uint64_t)since_raw);
    buf_u64(out, read_offset);
    blob_pointer(out, ps, address);
    blob_pointer(out, ps, f->key);
    buf_u32(out, f->tid);
    buf_u32(out, bytes);
}

void kp_registry(Buf *out, uint8_t ps, int64_t since_raw, uint32_t nt_status, uint32_t index,
                 uint64_t key_handle, const char *name) {
    buf_u64(out, (uint64_t)since_raw);
    buf_u32(out, nt_status);
    buf_u32(out, index);
    blob_pointer(out, ps, key_handle);
    blob_utf16z(out, name);
}

static void flow(Buf *out, const KpFlow *f) {
    buf_u32(out, f->pid);
    buf_u32(out, f->bytes);
    if (f->ipv6) {
        blob_ipv6(out, f->remote6);
        blob_ipv6(out, f->local6);
    } else {
        blob_ipv4(out, f->remote4);
        blob_ipv4(out, f->local4);
    }
    blob_be16(out, f->remote_port);
    blob_be16(out, f->local_port);
}

void kp_tcp_send(Buf *out, uint8_t ps, const KpFlow *f, uint32_t start, uint32_t end,
                 uint32_t seq) {
    flow(out, f);
    buf_u32(out, start);
    buf_u32(out, end);
    buf_u32(out, seq);
    blob_pointer(out, ps, f->connection);
}

void kp_tcp_connect(Buf *out, uint8_t ps, const KpFlow *f, uint32_t seq) {
    flow(out, f);
    buf_u16(out, 1460); // mss
    buf_u16(out, 1);    // sackopt, tsopt, wsopt
    buf_u16(out, 0);
    buf_u16(out, 1);
    buf_u32(out, 65535); // rcvwin
    buf_u16(out, 8);     // scales
    buf_u16(out, 7);
    buf_u32(out, seq);
    blob_pointer(out, ps, f->connection);
}

void kp_net_plain(Buf *out, uint8_t ps, const KpFlow *f, uint32_t seq) {
    flow(out, f);
    buf_u32(out, seq);
    blob_pointer(out, ps, f->connection);
}

void kp_cswitch(Buf *out, uint32_t new_tid, uint32_t old_tid, uint8_t new_priority,
                uint8_t old_priority, uint8_t wait_reason, uint32_t wait_time) {
    buf_u32(out, new_tid);
    buf_u32(out, old_tid);
    blob_u8(out, new_priority);
    blob_u8(out, old_priority);
    blob_u8(out, 0); // PreviousCState
    blob_u8(out, 0);
    blob_u8(out, wait_reason);
    blob_u8(out, 1); // wait mode: user
    blob_u8(out, 5); // state: waiting
    blob_u8(out, 0);
    buf_u32(out, wait_time);
    buf_u32(out, 0);
}

void kp_ready(Buf *out, uint32_t tid) {
    buf_u32(out, tid);
    buf_zero(out, 4);
}

void kp_sample(Buf *out, uint8_t ps, uint64_t ip, uint32_t tid, uint16_t count) {
    blob_pointer(out, ps, ip);
    buf_u32(out, tid);
    buf_u16(out, count);
    buf_u16(out, 0x40); // priority 8
}

void kp_stack(Buf *out, uint8_t ps, int64_t event_raw, uint32_t pid, uint32_t tid,
              const uint64_t *frames, uint32_t n_frames) {
    buf_u64(out, (uint64_t)event_raw);
    buf_u32(out, pid);
    buf_u32(out, tid);
    for (uint32_t i = 0; i < n_frames; i++)
        blob_pointer(out, ps, frames[i]);
}

void kp_stack_key(Buf *out, uint8_t ps, int64_t event_raw, uint32_t pid, uint32_t tid,
                  uint64_t key) {
    buf_u64(out, (uint64_t)event_raw);
    buf_u32(out, pid);
    buf_u32(out, tid);
    blob_pointer(out, ps, key);
}

void kp_stack_definition(Buf *out, uint8_t ps, uint64_t key, const uint64_t *frames,
                         uint32_t n_frames) {
    blob_pointer(out, ps, key);
    for (uint32_t i = 0; i < n_frames; i++)
        blob_pointer(out, ps, frames[i]);
}

void kp_config_service(Buf *out, uint32_t pid, uint32_t tag, const char *name, const char *display,
                       const char *process, const char *group) {
    buf_u32(out, pid);
    buf_u32(out, 4); // running
    buf_u32(out, tag);
    blob_utf16z(out, name);
    blob_utf16z(out, display);
    blob_utf16z(out, process);
    blob_utf16z(out, "");
    blob_utf16z(out, group);
}

void kp_config_platform(Buf *out, const char *manufacturer, const char *product,
                        const char *bios_date, const char *bios_version) {
    blob_utf16z(out, manufacturer);
    blob_utf16z(out, product);
    blob_utf16z(out, bios_date);
    blob_utf16z(out, bios_version);
}

static void fixed_utf16(Buf *out, const char *text, size_t units) {
    size_t start = out->bytes;
    blob_utf16(out, text);
    buf_zero(out, units * 2 - (out->bytes - start));
}

void kp_config_cpu(Buf *out, uint8_t ps, uint32_t mhz, uint32_t n_cpus, const char *computer,
                   const char *domain) {
    buf_u32(out, mhz);
    buf_u32(out, n_cpus);
    buf_u32(out, 16384); // MB of memory
    buf_u32(out, 4096);  // page
    buf_u32(out, 65536); // allocation granularity
    fixed_utf16(out, computer, 256);
    fixed_utf16(out, domain, 134);
    blob_pointer(out, ps, 1); // HyperThreadingFlag
    blob_pointer(out, ps, ps == 4 ? 0x7ffeffffu : 0x00007ffffffeffffu);
    buf_u16(out, 9); // AMD64
    buf_u16(out, 6);
    buf_u16(out, 0x9a03);
    blob_u8(out, 1); // PAE, NX
    blob_u8(out, 1);
    buf_u32(out, 3200); // MHz of the memory
}

void kp_image_id(Buf *out, uint8_t ps, const KpImage *image, const char *original_name) {
    blob_pointer(out, ps, image->base);
    blob_pointer(out, ps, image->size);
    buf_u32(out, image->pid);
    buf_u32(out, image->time_date_stamp);
    blob_utf16z(out, original_name);
}

void kp_image_rsds(Buf *out, uint8_t ps, const KpImage *image, const Guid *signature, uint32_t age,
                   const char *pdb) {
    blob_pointer(out, ps, image->base);
    buf_u32(out, image->pid);
    blob_guid(out, signature);
    buf_u32(out, age);
    blob_ansiz(out, pdb);
}
