// PE files read piece by piece, never as a whole: headers, sections, the identity by which a trace
// names an image, and the PDB that belongs to it. Everything in the file is hostile: each read is
// bounded by the file, by its section, and by a budget for the whole reader. One owner; not
// thread-safe.
#pragma once

#include "util/err.h"
#include "util/guid.h"

// Where the bytes come from. read: at most `bytes` at offset; *ret_got is less only at the end; 0
// or -STATUS_*.
typedef struct PeSource {
    int (*read)(void *user, uint64_t offset, void *buf, size_t bytes, size_t *ret_got);
    void *user;
} PeSource;

#define PE_MAX_SECTIONS 1024u
#define PE_MAX_PDB_NAME 1024u
// What one reader reads from its source at most: a file that sends it to and fro ends here.
#define PE_READ_BUDGET (UINT64_C(128) << 20)
// Sections that it looks at for what it reads, one by one: a million functions take ten million.
#define PE_WORK_BUDGET (UINT64_C(64) << 20)

enum { // PeHeader.machine
    PE_MACHINE_I386 = 0x014c,
    PE_MACHINE_AMD64 = 0x8664,
    PE_MACHINE_ARM64 = 0xaa64,
};

enum { PE_DIR_EXPORT = 0, PE_DIR_EXCEPTION = 3, PE_DIR_DEBUG = 6, PE_DIR_N = 16 };

typedef struct PeDirectory {
    uint32_t rva, bytes;
} PeDirectory;

typedef struct PeSection {
    uint32_t rva, bytes;   // in memory
    uint32_t raw, n_bytes; // in the file: what is there of it
    bool code;
} PeSection;

typedef struct PeHeader {
    uint16_t machine;
    bool pe32_plus;
    uint32_t timestamp, checksum, image_bytes; // as in the header
    PeDirectory directories[PE_DIR_N];         // 0, 0: absent
    uint32_t n_sections;
    const PeSection *sections;
} PeHeader;

// The CodeView record (RSDS).
typedef struct PePdb {
    Guid guid;
    uint32_t age;
    char name[PE_MAX_PDB_NAME]; // as the linker wrote it, often a path: untrusted
} PePdb;

typedef struct PeReader PeReader;

// -STATUS_FORMAT: no PE file. The source must outlive the reader.
int pe_open(const PeSource *source, PeReader **ret);
PeReader *pe_close(PeReader *pe); // NULL allowed; returns NULL
const PeHeader *pe_header(const PeReader *pe);
// All of [rva, rva + bytes) as the file has it, or false: never a part.
bool pe_read(PeReader *pe, uint32_t rva, void *buf, size_t bytes);
// Text up to its NUL, without it: its length, or -1 when it is unreadable or has cap bytes or more.
int pe_read_text(PeReader *pe, uint32_t rva, char *buf, size_t cap);
// The section of code that holds rva, or NULL.
const PeSection *pe_code_at(const PeReader *pe, uint32_t rva);
// False: the file names no PDB.
bool pe_pdb(PeReader *pe, PePdb *ret);
// GUID of a PDB file; false when it is none of the kind that PE files name (MSF 7).
bool pdb_guid(const PeSource *source, Guid *ret);
