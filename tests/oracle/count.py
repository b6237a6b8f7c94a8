#!/usr/bin/env python3
"""Compares what max_map_count refuses with the running kernel.

    count.py [--build=DIR] FROM TO OPS      random histories, by seed
    count.py --limit=N FROM TO OPS          with that limit on the host

The process is filled up to the limit, less a few mappings; then come calls
that split, join, move and grow.  With a limit of one's own, programs of about
so many segments are executed, too.  That one is the whole host's meanwhile, and
put back: let it be more than other processes have (512 is).  Needs root then.
Exit status: 0 equal, 1 different.
"""
import contextlib
import difflib
import fcntl
import os
import random
import struct
import sys
import tempfile

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


LIMIT = "/proc/sys/vm/max_map_count"


def host_limit(new=None):
    with open(LIMIT, "w" if new else "r") as f:
        return f.write(f"{new}\n") if new else int(f.read())


@contextlib.contextmanager
def limited(limit):
    """The host's limit; one user at a time."""
    with open("/tmp/pagefs-sysctl.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        was = host_limit()
        host_limit(limit)
        try:
            yield
        finally:
            host_limit(was)


# ---- execve ---------------------------------------------------------------


def program(nr, flags, bss):
    """A 64-bit program of nr segments of a page, a page apart; of the last one
    more memory than file makes another mapping."""
    ehdr = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, BASE,
                       64, 0, 0, 64, 56, nr, 0, 0, 0)
    phdrs = b"".join(
        struct.pack("<IIQQQQQQ", 1, flags, 0, BASE + 2 * i * PAGE, 0, PAGE,
                    PAGE * (2 if bss and i == nr - 1 else 1), PAGE)
        for i in range(nr))
    return (ehdr + phdrs).ljust(17 * PAGE, b"\0")


def executes(tool, path, limit):
    kernel = programs.run([tool, "kernel", path], env={})[0]
    model = programs.run([tool, "model", "-m", str(limit), path], env={})[0]
    if kernel == model and kernel:
        return kernel.split("\n")[0][:6] != "killed"
    print("".join(difflib.unified_diff(
        kernel.splitlines(True), model.splitlines(True), "kernel", "machine",
        n=1)))
    return None


def programs_at(tool, limit):
    """0 if all are executed, or kill their process, as the kernel has it."""
    answers = []
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        path = os.path.join(directory, "program")
        for nr in range(limit - 9, limit + 3):
            for flags, bss in ((4, False), (6, False), (6, True)):
                with open(path, "wb") as f:
                    f.write(program(nr, flags, bss))
                os.chmod(path, 0o755)
                answers.append(executes(tool, path, limit))
                if answers[-1] is None:
                    print(f"{nr} segments, flags {flags}, bss {bss}")
                    return 1
    print(f"{len(answers)} programs, {answers.count(True)} of them run: "
          "no difference")
    return 0


# ---- histories ------------------------------------------------------------


def compare(opts, args):
    limit = host_limit()
    build = opts.get("build", "build")
    judge = run.Judge(build, "64", opts)
    # Of all 65530 mappings it would take too long.
    judge.looks = "dump below 0x1000000\n"
    judge.setup += f"sysctl max_map_count {limit}\n" if "limit" in opts else ""
    different = run.one_by_one(judge, range(args[0], args[1]), args[2],
                               lambda seed: generate(seed, args[2], limit))
    if "limit" in opts:
        different |= programs_at(
            os.path.join(build, "tests/oracle/exec_compare"), limit)
    return different


def main():
    opts = dict(a[2:].split("=", 1) for a in sys.argv[1:] if a[:2] == "--")
    args = [int(a) for a in sys.argv[1:] if a[:2] != "--"]
    with limited(int(opts["limit"])) if "limit" in opts else \
            contextlib.nullcontext():
        return compare(opts, args)


if __name__ == "__main__":
    programs.judge(main)
