#!/usr/bin/env python3
"""Compares execve of damaged ELF files: exec_damage.py TOOL FROM TO.

A seed makes a small program of 64 or 32 bits, some with an interpreter, and
damages its headers.  Whether the running kernel refuses it (an errno), kills
the process because the old image is gone, or runs it, and with which mappings,
must be what the machine does.
"""
import collections
import difflib
import os
import random
import struct
import sys
import tempfile

import programs

PAGE = 4096
PT_LOAD, PT_INTERP, PT_NOTE, PT_STACK = 1, 3, 4, 0x6474e551
EHDR = {64: "<16sHHIQQQIHHHHHH", 32: "<16sHHIIIIIHHHHHH"}
EHDR_FIELDS = ["ident", "type", "machine", "version", "entry", "phoff",
               "shoff", "flags", "ehsize", "phentsize", "phnum", "shentsize",
               "shnum", "shstrndx"]
PHDR = {64: ("<IIQQQQQQ", ["type", "flags", "offset", "vaddr", "paddr",
                           "filesz", "memsz", "align"]),
        32: ("<IIIIIIII", ["type", "offset", "vaddr", "paddr", "filesz",
                           "memsz", "flags", "align"])}
SIZE = 5 * PAGE


class Program:
    """Headers as dictionaries; `bytes` makes the file."""

    def __init__(self, rnd, bits, dyn, interp):
        self.rnd, self.bits = rnd, bits
        base = 0 if dyn else 0x400000 if bits == 64 else 0x8048000
        self.ehdr = dict(zip(EHDR_FIELDS, [
            b"\x7fELF" + bytes([bits // 32, 1, 1]) + bytes(9),
            3 if dyn else 2, 62 if bits == 64 else 3, 1, base + 0x1000,
            struct.calcsize(EHDR[bits]), 0, 0, struct.calcsize(EHDR[bits]),
            struct.calcsize(PHDR[bits][0]), 0, 0, 0, 0]))
        self.phdrs = []
        self.interp = interp
        if interp:
            self.add(PT_INTERP, 4, 0x800, base + 0x800, len(interp) + 1)
        self.add(PT_LOAD, 4, 0, base, 0x1000)
        self.add(PT_LOAD, 5, 0x1000, base + 0x1000, 0x1000)
        self.add(PT_LOAD, 6, 0x2000, base + 0x2000, 0x1234,
                 rnd.choice([0x1234, 0x1500, 0x3000, 0x12345]))
        if rnd.random() < .7:
            self.add(PT_STACK, rnd.choice([6, 6, 7]), 0, 0, 0)
        self.ehdr["phnum"] = len(self.phdrs)

    def add(self, kind, flags, offset, vaddr, filesz, memsz=None):
        self.phdrs.append({
            "type": kind, "flags": flags, "offset": offset, "vaddr": vaddr,
            "paddr": vaddr, "filesz": filesz,
            "memsz": filesz if memsz is None else memsz, "align": PAGE})

    def numbers(self, now):
        """Near to what it is, beyond the file, out of this world; nothing
        between the sizes of the machine's and the host's memory."""
        one = self.rnd.choice
        top = 0x7ffffffff000 if self.bits == 64 else 0xffffe000
        mask = (1 << self.bits) - 1
        return one([
            0, 1, PAGE, 2 * PAGE, 3 * PAGE, 0x1234, now + 1, now - 1,
            now + PAGE, now - PAGE, now + 5 * PAGE, now ^ 0x800, now + 0x10000,
            0x10000, 0x8000, 0x600000, SIZE, SIZE + 1, 64 * PAGE,
            top, top - 1, top - PAGE, top - 2 * PAGE, top - 0x21000,
            top - 0x4000, top - 0x400000, mask, mask - PAGE, mask - 0xfff,
            1 << (self.bits - 1), one([1 << 47, 1 << 46, 1 << 45])]) & mask

    def damage(self):
        one = self.rnd.choice
        if self.rnd.random() < .15:
            name = one(["type", "machine", "entry", "phoff", "phentsize",
                        "phnum", "ident"])
            now = self.ehdr[name]
            self.ehdr[name] = \
                bytes([one([0x7f, 0x7e])]) + now[1:4] + \
                bytes([self.rnd.randrange(4)]) + now[5:] \
                if name == "ident" else \
                self.numbers(now) if name in ("entry", "phoff") else \
                one([now + 1, now - 1, 0, 2, 3, 4, 1, 6, 62, 0xffff])
            return
        p = one(self.phdrs)
        name = one(["type", "flags", "offset", "vaddr", "filesz", "memsz",
                    "align", "offset", "vaddr", "filesz", "memsz"])
        if name == "type":
            p[name] = one([PT_LOAD, PT_LOAD, PT_NOTE, PT_INTERP, PT_STACK])
        elif name == "flags":
            p[name] = self.rnd.randrange(8)
        elif name == "align":
            p[name] = one([0, 1, PAGE, 2 * PAGE, 0x10000, 1 << 21, 3 * PAGE,
                           1 << 40])
        elif name in ("offset", "vaddr") and self.rnd.random() < .5:
            by = one([PAGE, 2 * PAGE, -PAGE, 0x100, 0x10000])
            p["offset"] += by  # both: they still fit each other
            p["vaddr"] += by
        else:
            p[name] = self.numbers(p[name])
        if p["filesz"] > p["memsz"] and self.rnd.random() < .7:
            p["memsz"] = p["filesz"]

    def bytes(self):
        fmt, names = PHDR[self.bits]
        widths = {"B": 8, "H": 16, "I": 32, "Q": 64}
        cut = [(1 << widths[c]) - 1 for c in fmt[1:]]
        table = b"".join(
            struct.pack(fmt, *(p[n] & c for n, c in zip(names, cut)))
            for p in self.phdrs)
        e = dict(self.ehdr)
        at = struct.calcsize(EHDR[self.bits])
        for n in ("type", "machine", "phentsize", "phnum"):
            e[n] &= 0xffff
        data = bytearray(b"".join(bytes([65 + i]) * PAGE for i in range(5)))
        data[0:at] = struct.pack(EHDR[self.bits], *e.values())
        data[at:at + len(table)] = table
        if self.interp:
            data[0x800:0x800 + len(self.interp) + 1] = \
                self.interp.encode() + b"\0"
        return bytes(data)


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o755)


def make(rnd, directory):
    """Writes the program, and its interpreter; the limits it runs with."""
    bits = rnd.choice([64, 64, 32])
    interp = os.path.join(directory, "ld") if rnd.random() < .4 else None
    p = Program(rnd, bits, rnd.random() < .6, interp)
    parts = [p]
    if interp:
        parts.append(Program(rnd, bits if rnd.random() < .97 else 96 - bits,
                             rnd.random() < .9, None))
    for _ in range(rnd.choice([0, 1, 1, 1, 2, 2, 3, 5])):
        rnd.choice(parts).damage()
    for part, name in zip(parts, ("program", "ld")):
        data = part.bytes()
        if rnd.random() < .1:
            data = data[:rnd.choice([3, 51, 52, 63, 64, 100, 200, 0x803,
                                     0x1000, 0x1800, 0x2000, 0x2100, 0x3000])]
        write(os.path.join(directory, name), data)
    return rnd.choice([None] * 8 + [4096, 8192, 16384, 40960, 135168, 139264,
                                    151552, 192512, 229376, 1 << 20])


def ask(tool, who, directory, limit):
    return programs.run(
        [tool, who] + (["-a", str(limit)] if limit else []) +
        ["-i", os.path.join(directory, "ld"),
         os.path.join(directory, "program")], env={})[:2]


def main():
    tool, first, last = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    seen = collections.Counter()

    def compared():
        return f"{seen.total()} programs, no difference: " + \
            ", ".join(f"{n} {how}" for how, n in sorted(seen.items()))

    with tempfile.TemporaryDirectory() as directory, \
            programs.telling(compared):
        os.chmod(directory, 0o755)
        for seed in range(first, last):
            limit = make(random.Random(seed), directory)
            kernel, kernel_err = ask(tool, "kernel", directory, limit)
            model, model_err = ask(tool, "model", directory, limit)
            if kernel != model or not kernel:
                print(f"seed {seed}, RLIMIT_AS {limit}")
                print("".join(difflib.unified_diff(
                    kernel.splitlines(True), model.splitlines(True),
                    "kernel", "machine", n=1)) + kernel_err + model_err)
                print(programs.run(["readelf", "-Wl", os.path.join(
                    directory, "program")])[0])
                return 1
            first_line = kernel.split("\n")[0]
            seen[first_line if first_line[:1] in "Ek" else "runs"] += 1
    print(compared())
    return 0


if __name__ == "__main__":
    programs.judge(main)
