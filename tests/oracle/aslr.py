#!/usr/bin/env python3
"""Random addresses: the kernel's and the machine's have one range.

    aslr.py [--build=DIR] [RUNS]

Many processes of each are asked where their stack ends, where the vdso lies
and where the heap begins.  From both all values must lie in the same range of
the same number of bits, use most of it, and be multiples of a page.  PIE bases
are taken from /bin/cat on the kernel; tests/unit/test_aslr.c has the machine's.
"""
import os
import re
import sys

import programs

PAGE = 4096
GAP = 256 * PAGE + (8 << 20)
# What randomness adds at most, in pages: the stack's top, where mappings
# begin, the heap; and the places without it.
RANGES = {
    "probe": {"stack": (1 << 22, 0x7ffffffff000), "map": 1 << 28,
              "heap": 1 << 18, "task": 0x7ffffffff000,
              "brk": 0x555555a00000},
    "probe32": {"stack": (1 << 11, 0xffffe000), "map": 1 << 8,
                "heap": 1 << 13, "task": 0xffffe000, "brk": 0x56a00000},
}
SCRIPT = "dump all\nbrk +0\n"


def distances(text, r):
    """Pages from the fixed places: stack, mappings, heap."""
    stack = int(re.search(r"-(\w+) .*\[stack\]", text)[1], 16)
    vdso = int(re.search(r"-(\w+) .*\[vdso\]", text)[1], 16)
    brk = int(text.split()[-1], 16)
    room = max(GAP + (r["stack"][0] - 1) * PAGE, 128 << 20)
    found = {"stack": r["stack"][1] - stack,
             "map": r["task"] - room - vdso,
             "heap": brk - r["brk"] - PAGE}  # one page stays free
    for what, far in found.items():
        if far % PAGE:
            sys.exit(f"{what}: {far:#x} is no multiple of a page")
    return {what: far // PAGE for what, far in found.items()}


def check(who, what, values, limit):
    low, high = min(values), max(values)
    print(f"{who} {what}: {low:#x} to {high:#x} of {limit:#x} pages, "
          f"{len(set(values))} different")
    # The stack's top moves by another page at most, with the pointer in it.
    if low < 0 or high > limit or high - low < limit * .85:
        sys.exit("that is not the range")


def sample(name, command, r, runs):
    all_of = [distances(programs.run(command(i), SCRIPT)[0], r)
              for i in range(runs)]
    for what in ("stack", "map", "heap"):
        limit = r["stack"][0] if what == "stack" else r[what]
        check(name, what, [d[what] for d in all_of], limit)


def pie_bases(runs):
    values = []
    for _ in range(runs):
        text = programs.run(["cat", "/proc/self/maps"])[0]
        values.append((int(text.split("-")[0], 16) - 0x555555554000) // PAGE)
    check("cat", "PIE", values, 1 << 28)


def main():
    build = next((a[8:] for a in sys.argv[1:] if a[:8] == "--build="), "build")
    runs = int(next((a for a in sys.argv[1:] if a.isdigit()), 150))
    replay = os.path.join(build, "tests/oracle/replay")
    for name, r in RANGES.items():
        probe = os.path.join(build, "tests/oracle", name)
        sample(f"kernel {name}", lambda i: [probe, "--random"], r, runs)
        sample(f"machine {name}", lambda i: [
            replay, "--program=" + probe, f"--random={i + 1}"], r, runs)
    pie_bases(runs)
    return 0


if __name__ == "__main__":
    programs.judge(main)
