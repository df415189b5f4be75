"""What symbols.sh expects, from binutils' and LLVM's own readers:

    symbols_truth.py DLL --questions MODULE FILE [--identity none|pdb|wrong]
    symbols_truth.py DLL --expect exports|pdb FILE [--guess]

Questions are asked for every byte of the code section. Functions come from the PDB (llvm-pdbutil) when there is one
beside the DLL, else from nm and .pdata (llvm-readobj); exports from llvm-readobj. --guess: without an identity in
the trace, so every name is one.
"""
import argparse
import os
import re
import subprocess


def tool(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def number(pattern, text):
    return int(re.search(pattern, text).group(1), 0)


class Dll:
    def __init__(self, path):
        head = tool("llvm-readobj", "--file-headers", "--sections", "--coff-debug-directory", path)
        self.timestamp = number(r"TimeDateStamp:.*\((0x[0-9A-F]+)\)", head)
        self.size = number(r"SizeOfImage: (\d+)", head)
        with open(path, "rb") as file:
            data = file.read()
        at = int.from_bytes(data[60:64], "little")
        self.checksum = int.from_bytes(data[at + 88 : at + 92], "little")
        self.base = number(r"ImageBase: (0x[0-9A-F]+)", head)
        self.bounded = "Arch: i386" not in head
        guid = re.search(r"PDBGUID: \(([0-9A-F ]+)\)", head)
        self.guid = guid.group(1).replace(" ", "") if guid else "-"
        self.age = number(r"PDBAge: (\d+)", head) if guid else 0
        self.pdb_name = re.search(r"PDBFileName: (.*)", head).group(1) if guid else "-"
        text = re.search(r"Name: \.text.*?VirtualSize: (0x[0-9A-F]+).*?VirtualAddress: (0x[0-9A-F]+)", head, re.S)
        self.text_bytes, self.text = int(text.group(1), 16), int(text.group(2), 16)
        pdb = path[:-4] + ".pdb"
        self.functions = self.from_pdb(pdb) if os.path.exists(pdb) else self.from_nm(path)
        self.exports = {}
        for ordinal, name, rva in re.findall(r"Ordinal: (\d+)\s+Name:(.*)\s+RVA: (0x[0-9A-F]+)",
                                             tool("llvm-readobj", "--coff-exports", path)):
            rva = int(rva, 16)
            if self.text <= rva < self.text + self.text_bytes:
                self.exports[rva] = name.strip() or "#" + ordinal

    def from_pdb(self, pdb):
        found = {}
        for name, offset, size in re.findall(r"S_[GL]PROC32 .*?`(.*?)`.*?addr = 0001:(\d+), code size = (\d+)",
                                             tool("llvm-pdbutil", "dump", "--symbols", pdb), re.S):
            begin = self.text + int(offset)
            found[begin] = (begin + int(size), name)
        return found

    def from_nm(self, path):
        names = {}
        for address, kind, name in re.findall(r"^(\w+) ([tT]) (\S+)$", tool("x86_64-w64-mingw32-nm", path), re.M):
            if not name.startswith((".", "__")):
                names[int(address, 16) - self.base] = name
        unwind = tool("llvm-readobj", "--unwind", path)
        return {int(b, 16) - self.base: (int(e, 16) - self.base, names[int(b, 16) - self.base])
                for b, e in re.findall(r"StartAddress:.*\((0x\w+)\)\s+EndAddress:.*\((0x\w+)\)", unwind)}

    def offsets(self):
        return range(self.text, self.text + self.text_bytes)

    def expect(self, offset, with_pdb, guess):
        def told(name, begin, certain, source):
            more = f"+0x{offset - begin:x}" if offset > begin else ""
            mark = "" if certain and not guess else "?"
            return f"{offset:x}\t{name}{more}{mark}\t{source}"

        inside = [(b, e, n) for b, (e, n) in self.functions.items() if b <= offset < e]
        if with_pdb and inside:
            return told(inside[0][2], inside[0][0], True, "pdb")
        below = [rva for rva in self.exports if rva <= offset]
        if not below:
            return f"{offset:x}\tNOT_FOUND\t-"
        begin = max(below)
        certain = begin == offset or (self.bounded and bool(inside) and inside[0][0] == begin)
        return told(self.exports[begin], begin, certain, "exports")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dll")
    parser.add_argument("--questions", nargs=2)
    parser.add_argument("--identity", default="stamp")
    parser.add_argument("--expect", nargs=2)
    parser.add_argument("--guess", action="store_true")
    args = parser.parse_args()
    dll = Dll(args.dll)
    assert len(dll.functions) >= 4 and len(dll.exports) >= 2, (dll.functions, dll.exports)
    if args.questions:
        module, file = args.questions
        stamp = {"stamp": f"{dll.size:x}\t{dll.timestamp:x}\t{dll.checksum:x}\t-\t0\t-",
                 "none": "0\t0\t0\t-\t0\t-",
                 "pdb": f"{dll.size:x}\t0\t0\t{dll.guid}\t{dll.age:x}\t{dll.pdb_name}",
                 "wrong": f"{dll.size:x}\t{dll.timestamp ^ 1:x}\t0\t-\t0\t-",
                 "wrong-pdb": f"{dll.size:x}\t{dll.timestamp:x}\t0\t{dll.guid[::-1]}\t{dll.age:x}\t{dll.pdb_name}"}
        with open(file, "w", newline="\n") as out:
            for offset in dll.offsets():
                out.write(f"{module}\t{offset:x}\t{stamp[args.identity]}\n")
    if args.expect:
        source, file = args.expect
        with open(file, "w", newline="\n") as out:
            for offset in dll.offsets():
                out.write((f"{offset:x}\tNOT_FOUND\t-" if source == "nothing" else
                           dll.expect(offset, source == "pdb", args.guess)) + "\n")


main()
