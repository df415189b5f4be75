#include "client/lib/pe.h"

#include "util/mem.h"

// Small reads go through blocks: names, unwind data and tables lie close to each other.
#define BLOCK_BYTES     8192u
#define N_BLOCKS        32u

#define DOS_BYTES       64u
#define COFF_BYTES      24u // with the signature
#define OPTIONAL_BYTES  (112u + PE_DIR_N * 8u)
#define SECTION_BYTES   40u
#define DEBUG_BYTES     28u
#define DEBUG_ENTRIES   64u // looked at; linkers write five or so

#define SECTION_CODE    0x00000020u
#define SECTION_EXECUTE 0x20000000u

typedef struct Block {
    uint64_t index; // + 1; 0: empty
    size_t got;
    uint8_t data[BLOCK_BYTES];
} Block;

struct PeReader {
    PeSource source;
    uint64_t budget;
    uint64_t work; // steps that are left
    uint32_t headers_bytes;
    PeHeader header;
    PeSection *sections;
    Block blocks[N_BLOCKS];
};

static bool source_read(PeReader *pe, uint64_t offset, void *buf, size_t bytes, size_t *ret_got) {
    if (bytes > pe->budget)
        return false;
    pe->budget -= bytes;
    return pe->source.read(pe->source.user, offset, buf, bytes, ret_got) == 0;
}

// All of the bytes at an offset of the file.
static bool file_read(PeReader *pe, uint64_t offset, void *buf, size_t bytes) {
    if (bytes > BLOCK_BYTES) {
        size_t got;
        return source_read(pe, offset, buf, bytes, &got) && got == bytes;
    }
    uint8_t *to = buf;
    while (bytes > 0) {
        uint64_t index = offset / BLOCK_BYTES;
        size_t at = (size_t)(offset % BLOCK_BYTES);
        Block *block = &pe->blocks[index % N_BLOCKS];
        if (block->index != index + 1) {
            block->index = 0;
            if (!source_read(pe, index * BLOCK_BYTES, block->data, BLOCK_BYTES, &block->got))
                return false;
            block->index = index + 1;
        }
        size_t n = MIN_OF(bytes, BLOCK_BYTES - at);
        if (at + n > block->got)
            return false;
        memcpy(to, block->data + at, n);
        to += n;
        offset += n;
        bytes -= n;
    }
    return true;
}

// Bytes that the file has from rva on, to the end of its section; 0: none.
static size_t extent_at(PeReader *pe, uint32_t rva, uint64_t *ret_offset) {
    if (pe->work <= pe->header.n_sections)
        return 0;
    pe->work--;
    for (uint32_t i = 0; i < pe->header.n_sections; i++, pe->work--) {
        const PeSection *s = &pe->sections[i];
        if (rva >= s->rva && rva - s->rva < s->n_bytes) {
            *ret_offset = (uint64_t)s->raw + (rva - s->rva);
            return s->n_bytes - (rva - s->rva);
        }
    }
    if (rva >= pe->headers_bytes)
        return 0;
    *ret_offset = rva;
    return pe->headers_bytes - rva;
}

bool pe_read(PeReader *pe, uint32_t rva, void *buf, size_t bytes) {
    uint64_t offset;
    if (bytes == 0)
        return true;
    return extent_at(pe, rva, &offset) >= bytes && file_read(pe, offset, buf, bytes);
}

int pe_read_text(PeReader *pe, uint32_t rva, char *buf, size_t cap) {
    uint64_t offset;
    size_t extent = extent_at(pe, rva, &offset);
    size_t most = MIN_OF(extent, cap);
    for (size_t n = 0; n < most;) {
        size_t piece = MIN_OF((size_t)32, most - n);
        if (!file_read(pe, offset + n, buf + n, piece)) {
            // The file may end in the middle of a piece, and the text before that.
            piece = 1;
            if (!file_read(pe, offset + n, buf + n, piece))
                return -1;
        }
        const char *end = memchr(buf + n, 0, piece);
        if (end != NULL)
            return (int)(end - buf);
        n += piece;
    }
    return -1;
}

const PeHeader *pe_header(const PeReader *pe) {
    return &pe->header;
}

const PeSection *pe_code_at(const PeReader *pe, uint32_t rva) {
    for (uint32_t i = 0; i < pe->header.n_sections; i++) {
        const PeSection *s = &pe->sections[i];
        if (s->code && rva >= s->rva && rva - s->rva < s->bytes)
            return s;
    }
    return NULL;
}

static int read_sections(PeReader *pe, uint64_t offset, uint32_t n, uint32_t alignment) {
    if (n > PE_MAX_SECTIONS)
        return -STATUS_FORMAT;
    pe->sections = mem_array(n, sizeof *pe->sections);
    if (pe->sections == NULL)
        return -STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < n; i++) {
        uint8_t h[SECTION_BYTES];
        if (!file_read(pe, offset + (uint64_t)i * SECTION_BYTES, h, sizeof h))
            return -STATUS_FORMAT;
        uint32_t virtual_bytes = load_u32(h + 8), rva = load_u32(h + 12);
        uint32_t raw_bytes = load_u32(h + 16), raw = load_u32(h + 20), flags = load_u32(h + 36);
        // The loader rounds down to a disk sector, whatever the header says.
        if (alignment >= 0x1000)
            raw &= ~UINT32_C(0x1ff);
        if (virtual_bytes == 0)
            virtual_bytes = raw_bytes;
        if (rva > UINT32_MAX - virtual_bytes)
            continue;
        PeSection *s = &pe->sections[pe->header.n_sections++];
        *s = (PeSection){.rva = rva,
                         .bytes = virtual_bytes,
                         .raw = raw,
                         .n_bytes = MIN_OF(raw_bytes, virtual_bytes),
                         .code = (flags & (SECTION_CODE | SECTION_EXECUTE)) != 0};
    }
    pe->header.sections = pe->sections;
    return 0;
}

static int read_headers(PeReader *pe) {
    uint8_t dos[DOS_BYTES], coff[COFF_BYTES], optional[OPTIONAL_BYTES] = {0};
    if (!file_read(pe, 0, dos, sizeof dos) || load_u16(dos) != 0x5a4d)
        return -STATUS_FORMAT;
    uint64_t at = load_u32(dos + 60);
    if (!file_read(pe, at, coff, sizeof coff) || load_u32(coff) != 0x00004550)
        return -STATUS_FORMAT;
    PeHeader *h = &pe->header;
    h->machine = load_u16(coff + 4);
    h->timestamp = load_u32(coff + 8);
    uint32_t n_sections = load_u16(coff + 6), optional_bytes = load_u16(coff + 20);
    // Up to the first directory: 96 bytes, or 112 with 64-bit sizes.
    if (optional_bytes < 96 ||
        !file_read(pe, at + COFF_BYTES, optional, MIN_OF(optional_bytes, OPTIONAL_BYTES)))
        return -STATUS_FORMAT;
    uint16_t magic = load_u16(optional);
    if (magic != 0x10b && magic != 0x20b)
        return -STATUS_FORMAT;
    h->pe32_plus = magic == 0x20b;
    uint32_t fixed = h->pe32_plus ? 112 : 96;
    if (optional_bytes < fixed)
        return -STATUS_FORMAT;
    h->image_bytes = load_u32(optional + 56);
    pe->headers_bytes = load_u32(optional + 60);
    h->checksum = load_u32(optional + 64);
    uint32_t n = MIN_OF(load_u32(optional + fixed - 4), (uint32_t)PE_DIR_N);
    n = MIN_OF(n, (optional_bytes - fixed) / 8);
    for (uint32_t i = 0; i < n; i++) {
        const uint8_t *d = optional + fixed + (size_t)i * 8;
        PeDirectory directory = {load_u32(d), load_u32(d + 4)};
        if (directory.rva != 0 && directory.bytes != 0)
            h->directories[i] = directory;
    }
    return read_sections(pe, at + COFF_BYTES + optional_bytes, n_sections, load_u32(optional + 32));
}

int pe_open(const PeSource *source, PeReader **ret) {
    PeReader *pe = mem_zalloc(sizeof *pe);
    if (pe == NULL)
        return -STATUS_NO_MEMORY;
    pe->source = *source;
    pe->budget = PE_READ_BUDGET;
    pe->work = PE_WORK_BUDGET;
    int result = read_headers(pe);
    if (result != 0) {
        pe_close(pe);
        return result;
    }
    *ret = pe;
    return 0;
}

PeReader *pe_close(PeReader *pe) {
    if (pe != NULL) {
        mem_free(pe->sections);
        mem_free(pe);
    }
    return NULL;
}

bool pe_pdb(PeReader *pe, PePdb *ret) {
    PeDirectory debug = pe->header.directories[PE_DIR_DEBUG];
    uint32_t n = MIN_OF(debug.bytes / DEBUG_BYTES, DEBUG_ENTRIES);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t entry[DEBUG_BYTES], record[24];
        if (debug.rva > UINT32_MAX - n * DEBUG_BYTES ||
            !pe_read(pe, debug.rva + i * DEBUG_BYTES, entry, sizeof entry))
            return false;
        uint32_t bytes = load_u32(entry + 16), rva = load_u32(entry + 20);
        if (load_u32(entry + 12) != 2 || bytes <= sizeof record || rva > UINT32_MAX - bytes)
            continue;
        if (!pe_read(pe, rva, record, sizeof record) || load_u32(record) != 0x53445352)
            continue;
        char name[PE_MAX_PDB_NAME];
        size_t cap = MIN_OF((size_t)(bytes - sizeof record), sizeof name);
        int length = pe_read_text(pe, rva + (uint32_t)sizeof record, name, cap);
        if (length < 0)
            continue;
        memcpy(ret->guid.b, record + 4, sizeof ret->guid.b);
        ret->age = load_u32(record + 20);
        memcpy(ret->name, name, (size_t)length + 1);
        return true;
    }
    return false;
}

// ---- PDB files
// ------------------------------------------------------------------------------------
//
// MSF 7: blocks; the superblock names the blocks of a list of the directory's blocks; the directory
// is u32 streams, their sizes, then their blocks. Stream 1 begins with version, signature, age,
// GUID.

typedef struct Msf {
    const PeSource *source;
    uint32_t block_bytes;
    uint32_t list; // offset in blocks of the list of the directory's blocks
    uint32_t directory_bytes;
} Msf;

static bool msf_read(const Msf *msf, uint64_t offset, void *buf, size_t bytes) {
    size_t got;
    return msf->source->read(msf->source->user, offset, buf, bytes, &got) == 0 && got == bytes;
}

// Word i of the directory.
static bool msf_word(const Msf *msf, uint64_t i, uint32_t *ret) {
    uint8_t word[4];
    uint64_t offset = i * 4;
    if (offset + 4 > msf->directory_bytes)
        return false;
    uint64_t entry = offset / msf->block_bytes;
    uint64_t list = (uint64_t)msf->list * msf->block_bytes;
    if (!msf_read(msf, list + entry * 4, word, 4))
        return false;
    uint64_t at = (uint64_t)load_u32(word) * msf->block_bytes + offset % msf->block_bytes;
    if (!msf_read(msf, at, word, 4))
        return false;
    *ret = load_u32(word);
    return true;
}

bool pdb_guid(const PeSource *source, Guid *ret) {
    static const char magic[32] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
                                  "DS\0\0";
    uint8_t super[56], info[28];
    Msf msf = {.source = source};
    if (!msf_read(&msf, 0, super, sizeof super) || memcmp(super, magic, sizeof magic) != 0)
        return false;
    msf.block_bytes = load_u32(super + 32);
    msf.directory_bytes = load_u32(super + 44);
    msf.list = load_u32(super + 52);
    // Powers of two from 512 to 64 KiB.
    if (msf.block_bytes < 512 || msf.block_bytes > 65536 ||
        (msf.block_bytes & (msf.block_bytes - 1)) != 0)
        return false;
    uint32_t n, old_bytes, info_bytes, block;
    if (!msf_word(&msf, 0, &n) || n < 2 || !msf_word(&msf, 1, &old_bytes) ||
        !msf_word(&msf, 2, &info_bytes) || info_bytes == UINT32_MAX || info_bytes < sizeof info)
        return false;
    if (old_bytes == UINT32_MAX) // a stream that was deleted
        old_bytes = 0;
    uint64_t before = ((uint64_t)old_bytes + msf.block_bytes - 1) / msf.block_bytes;
    if (!msf_word(&msf, 1 + (uint64_t)n + before, &block) ||
        !msf_read(&msf, (uint64_t)block * msf.block_bytes, info, sizeof info))
        return false;
    memcpy(ret->b, info + 12, sizeof ret->b);
    return true;
}
