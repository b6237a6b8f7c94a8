#!/usr/bin/env python3
"""Compares what max_map_count refuses with the running kernel.

    count.py [--build=DIR] FROM TO OPS      random histories, by seed

The process is filled up to the limit, less a few mappings; then come calls
that split, join, move and grow.  Exit status: 0 equal, 1 different.
"""
import random
import sys

import programs
import run

PAGE = 4096
BASE = 0x400000
FILL = 0x100000000000


def generate(seed, nr, limit):
    rnd = random.Random(seed)

    def at():
        return BASE + rnd.randrange(24) * PAGE

    def size():
        return rnd.choice([1, 1, 1, 2, 2, 3, 4]) * PAGE

    def op():
        return rnd.choice([
            f"mmap {at():#x} {size()} {rnd.choice(['rw', 'r'])} "
            "PRIVATE|ANON|FIXED",
            f"mmap {at():#x} {size()} rw SHARED|ANON|FIXED",
            "mmap 0 4096 rw PRIVATE|ANON",
            f"munmap {at():#x} {size()}",
            f"mprotect {at():#x} {size()} {rnd.choice(['rw', 'r', 'none'])}",
            f"madvise {at():#x} {size()} "
            + rnd.choice(["DONTFORK", "DOFORK", "DONTDUMP", "RANDOM"]),
            f"mlock {at():#x} {size()}", f"munlock {at():#x} {size()}",
            f"mlock2 {at():#x} {size()} 1", f"mmap {at():#x} {size()} rw "
            "PRIVATE|ANON|FIXED|GROWSDOWN|LOCKED",
            f"mmap {at():#x} {size()} rw SHARED|FIXED O "
            f"{rnd.randrange(4) * PAGE}",
            f"mmap {at():#x} {size()} rw PRIVATE|ANON|NOREPLACE",
            f"remap_file_pages {at():#x} {size()} none {rnd.randrange(4)} 0",
            f"mprotect {at():#x} {size()} {rnd.choice(['rwg', 'rg'])}",
            f"madvise {at():#x} {size()} "
            + rnd.choice(["GUARD_INSTALL", "GUARD_REMOVE", "POPULATE_WRITE",
                          "WIPEONFORK", "MERGEABLE", "REMOVE"]),
            f"mbind {at():#x} {size()} {rnd.choice([0, 2, 3])} 1 0",
            f"mremap {at():#x} {size() * 3} {size() * 3} 3 {at():#x}",
            f"mremap {at():#x} {size()} {4 * PAGE} "
            f"{rnd.choice([0, 1])} 0", f"mremap {at():#x} 0 {size()} 1 0",
            f"write {at() - rnd.choice([0, 0, PAGE, 2 * PAGE]):#x} 1",
            "fork", "exit", f"prctl 67 {rnd.choice([0, 1])}",
            rnd.choice(["mlockall 2", "munlockall"]),
            f"personality {rnd.choice([0x40000, 0x440000]):#x}",
            f"mremap {at():#x} {size()} {size()} "
            f"{rnd.choice([0, 1, 1, 3, 3, 5])} {at():#x}",
            f"brk +{rnd.choice([0, 1, 2]) * PAGE}",
            f"mprotect brk0 {size()} {rnd.choice(['r', 'rw'])}",
            f"mseal {at():#x} {rnd.choice([0, 0, 0, 0, PAGE])} 0",
            "count",
            f"fill {FILL:#x} {limit - rnd.choice([0, 0, 1, 1, 2, 3, 4, 5, 6])}",
        ])

    ops = [f"memfd O {8 * PAGE}", f"mmap {BASE:#x} {24 * PAGE} rw PRIVATE|ANON|FIXED",
           f"fill {FILL:#x} {limit - rnd.choice([0, 2, 4, 6])}"]
    return ops + [op() for _ in range(nr)]


def main():
    opts = dict(a[2:].split("=", 1) for a in sys.argv[1:] if a[:2] == "--")
    args = [int(a) for a in sys.argv[1:] if a[:2] != "--"]
    judge = run.Judge(opts.get("build", "build"), "64", opts)
    # Of all 65530 mappings it would take too long.
    judge.looks = "dump below 0x1000000\n"
    with open("/proc/sys/vm/max_map_count") as f:
        limit = int(f.read())
    return run.one_by_one(judge, range(args[0], args[1]), args[2],
                          lambda seed: generate(seed, args[2], limit))


if __name__ == "__main__":
    programs.judge(main)
