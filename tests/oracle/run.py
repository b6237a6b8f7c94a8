#!/usr/bin/env python3
"""Compares the machine with the running kernel.

    run.py [--seconds=S] [--build=DIR] FROM TO OPS   random histories, by seed
    run.py [--build=DIR] SCRIPT...                   scripts of calls

Each call's answer and the whole list of mappings after it must be equal.  At
a difference the history is made as short as it can be, and printed with both
answers.  Exit status: 0 equal, 1 different, 77 if the probe cannot run here.
"""
import os
import random
import subprocess
import sys
import tempfile
import time

PAGE = 4096
HUGE = 2 << 20
BASE = 0x400000  # the window in which mappings meet
WINDOW = 24      # pages of it
SKIP = 77


class Judge:
    """The two programs, and the mappings of a fresh probe."""

    def __init__(self, build, options=()):
        self.options = options
        self.probe = os.path.join(build, "tests/oracle/probe")
        self.replay = os.path.join(build, "tests/oracle/replay")
        self.own = tempfile.NamedTemporaryFile("w", suffix=".maps")
        own = self.run([self.probe], "dump own\n"
                       "stat 26 27 28 45 46 47 48 49 50 51\n"
                       "status CapInh CapPrm CapEff CapBnd CapAmb\n"
                       "limits 3 4 8 9 10\n")
        if "[stack]" not in own:
            print("the probe does not run here", file=sys.stderr)
            sys.exit(SKIP)
        self.own.write(own)
        self.own.flush()

    @staticmethod
    def run(cmd, script):
        try:
            p = subprocess.run(cmd, input=script.encode(),
                               capture_output=True, timeout=5)
        except subprocess.TimeoutExpired as e:
            return (e.stdout or b"").decode() + "(hangs)\n"
        return p.stdout.decode() + p.stderr.decode()

    def ask(self, script, *opts):
        opts = [f"--tag={os.getpid()}-", *self.options, *opts]
        kernel = self.run([self.probe, *opts], script)
        machine = self.run(
            [self.replay, "--own=" + self.own.name, *opts], script)
        return kernel, machine


# ---- random histories ----------------------------------------------------

def pages(rnd):
    return rnd.choice([1, 1, 1, 2, 2, 3, 4, 6]) * PAGE


def place(rnd):
    return BASE + rnd.randrange(WINDOW) * PAGE


def gen_mmap(rnd):
    flags = ["SHARED" if rnd.random() < .12 else "PRIVATE", "ANON"]
    prot = rnd.choice(["rw"] * 4 + ["r", "rwx", "none", "rx"])
    length, addr, tail = pages(rnd), 0, ""
    kind = rnd.random()
    if kind < .8:
        flags.append("FIXED" if rnd.random() < .94 else "NOREPLACE")
        addr = place(rnd)
    elif kind < .87:
        addr = place(rnd) + rnd.choice([0, 0, 1])
    elif rnd.random() < .3:
        length = rnd.choice([HUGE, 2 * HUGE, HUGE + PAGE, HUGE // 2])
    for name, share in (("NORESERVE", .08), ("STACK", .05), ("LOCKED", .05),
                        ("GROWSDOWN", .04), ("POPULATE", .04),
                        ("32BIT", .01)):
        if rnd.random() < share:
            flags.append(name)
    if rnd.random() < .2 and "GROWSDOWN" not in flags:
        flags.remove("ANON")
        off = rnd.choice([addr % (WINDOW * PAGE) // PAGE * PAGE,
                          rnd.randrange(12) * PAGE])
        prot = rnd.choice(["rw", "rw", "r"])
        tail = f" {rnd.choice('MMF')} {off}"
    return f"mmap {addr:#x} {length} {prot} {'|'.join(flags)}{tail}"


def gen_mremap(rnd):
    old, old_len = place(rnd), pages(rnd)
    new_len = rnd.choice([old_len, old_len, pages(rnd)])
    kind = rnd.random()
    if kind < .45:
        flags, to = "MAYMOVE|FIXED", place(rnd)
    elif kind < .7:
        flags, to = "MAYMOVE", 0
    elif kind < .85:
        flags, to = "0", 0
    else:
        flags, to, new_len = "MAYMOVE|DONTUNMAP", rnd.choice(
            [0, place(rnd)]), old_len
    if rnd.random() < .03:
        old_len = 0
    return f"mremap {old:#x} {old_len} {new_len} {flags} {to:#x}"


def gen_brk(rnd):
    return f"brk {rnd.choice(['+', '+', '+', '-'])}" \
           f"{rnd.choice([1, 100, PAGE, 2 * PAGE, 5 * PAGE])}"


ADVICE = ["DONTFORK", "DOFORK", "RANDOM", "NORMAL", "SEQUENTIAL", "DONTNEED",
          "DONTNEED", "FREE", "WIPEONFORK", "KEEPONFORK", "DONTDUMP",
          "DODUMP", "HUGEPAGE", "NOHUGEPAGE", "WILLNEED", "COLD",
          "POPULATE_READ", "POPULATE_WRITE", "MERGEABLE", "UNMERGEABLE",
          "DONTNEED_LOCKED"]


def gen_heap(rnd):
    """A call on the heap, so that brk meets holes and splits."""
    at = f"brk0+{rnd.randrange(8) * PAGE}"
    return rnd.choice([
        f"munmap {at} {pages(rnd)}",
        f"mprotect {at} {pages(rnd)} {rnd.choice(['r', 'rw'])}",
        f"mmap {at} {pages(rnd)} rw PRIVATE|ANON|FIXED",
        f"write {at} 1",
    ])


def gen_truncate(rnd):
    size = rnd.choice([0, 1, 2, 3, 5, 8, 12, 16, 20]) * PAGE
    return f"ftruncate {rnd.choice('MF')} " \
           f"{size + rnd.choice([0, 0, 0, 100, 4095])}"


def gen_access(rnd):
    at = place(rnd) + rnd.choice([0, 0, 1, 4095, rnd.randrange(PAGE)])
    kind = rnd.choice(["read", "write", "touch", "peek", "peek", "touch",
                       "write", "write", "jump"])
    if kind in ("touch", "peek"):
        return f"{kind} {at & -PAGE:#x} {pages(rnd)}"
    if kind == "write":
        return f"write {at:#x} {rnd.choice([1, 0xc3, 0xc3])}"
    return f"{kind} {at:#x}"


STRANGE = [0, 1, PAGE - 1, PAGE, 0x7ffffffff000, 0x7ffffffff001,
           0x800000000000, 0xffff800000000000, 0x8000000000000000,
           0xfffffffffffff000, 0xffffffffffffffff, 0xffffffffff600000,
           0xffffffffffffe001, 1 << 47, (1 << 47) - 1, 1 << 63, 1 << 52]


def strange(rnd, sane):
    """An argument that is sane, a bit off, or out of this world."""
    kind = rnd.random()
    if kind < .45:
        return sane
    if kind < .65:
        return (sane + rnd.choice([1, 7, -1, 2048])) % (1 << 64)
    return (rnd.choice(STRANGE) + rnd.choice([0, 0, sane])) % (1 << 64)


def gen_nonsense(rnd):
    at, n = strange(rnd, place(rnd)), strange(rnd, pages(rnd))
    # Not of what the probe lives in.
    few = n if n < 64 * PAGE or n >= (1 << 47) - 1 else PAGE
    flags = rnd.choice(["PRIVATE|ANON|FIXED", "SHARED|ANON", "PRIVATE|ANON",
                        "SHARED_VALIDATE|ANON", "0", "ANON", "DROPPABLE|ANON",
                        "PRIVATE|ANON|NOREPLACE", "PRIVATE|ANON|HUGETLB",
                        "PRIVATE|ANON|GROWSDOWN|FIXED", "4|ANON", "15|ANON",
                        "PRIVATE|ANON|FIXED|0x80000000"])
    fd = rnd.choice(["M", "F", "M", "99", "-1"])
    off = strange(rnd, rnd.randrange(16) * PAGE)
    prot = rnd.choice(["r", "rw", "none", "0x100", "0xffffffff", "rwg", "rG",
                       "rgG", "8", "rx"])
    new = strange(rnd, place(rnd))
    return rnd.choice([
        f"mmap {at:#x} {few:#x} {prot} {flags}",
        f"mmap {at:#x} {few:#x} {prot} "
        + rnd.choice(["SHARED", "PRIVATE", "SHARED_VALIDATE", "0",
                      "DROPPABLE", "PRIVATE|GROWSDOWN", "SHARED|FIXED",
                      "SHARED_VALIDATE|0x8000000", "SHARED|SYNC",
                      "PRIVATE|HUGETLB"]) + f" {fd} {off:#x}",
        f"munmap {at:#x} {few:#x}",
        f"mprotect {at:#x} {few:#x} {prot}",
        f"mremap {at:#x} {n:#x} {strange(rnd, pages(rnd)):#x} "
        f"{rnd.choice(['0', '1', '2', '3', '5', '7', '8', '4', '6'])} "
        f"{new:#x}",
        f"madvise {at:#x} {few if few < 1 << 46 or few >> 20 == (1 << 44) - 1 else 1:#x} "
        f"{rnd.choice(['DONTNEED', 'FREE', '5', '7', '99', 'NORMAL', 'COLD', 'REMOVE', 'POPULATE_READ', 'POPULATE_WRITE', 'WILLNEED', 'COLLAPSE', '104', '-1', 'GUARD_INSTALL', 'GUARD_REMOVE'])}",
        f"msync {at:#x} {n:#x} {rnd.choice(['0', '1', '2', '4', '5', '8'])}",
        f"mlock {at:#x} {few:#x}",
        f"mlock2 {at:#x} {few:#x} {rnd.choice(['0', '1', '2', '3'])}",
        f"munlock {at:#x} {n:#x}",
        f"mlockall {rnd.choice(['0', '4', '8', '-1'])}",
        f"mincore {at:#x} {few:#x}",
        f"mseal {at:#x} {few if at > 1 << 40 or few > 1 << 40 else 0:#x} "
        f"{rnd.choice(['0', '1'])}",
        f"remap_file_pages {at:#x} {few:#x} "
        f"{rnd.choice(['none', 'none', 'r'])} "
        f"{rnd.choice([0, 3, 1 << 40, 1 << 52, (1 << 64) - 1])} "
        f"{rnd.choice(['0', 'NONBLOCK', '0xffff'])}",
        f"read {at:#x}", f"write {at:#x} 1",
        # The kernel runs the calls of the vsyscall page itself.
        f"jump {at if at >> 12 != 0xffffffffff600 else 0:#x}",
        f"ftruncate {rnd.choice(['M', 'F', '99'])} {off % (1 << 17)}",
    ])


def gen_object(rnd):
    """What needs a file or an object behind the mapping."""
    return rnd.choice([
        f"remap_file_pages {place(rnd):#x} {pages(rnd)} none "
        f"{rnd.randrange(12)} {rnd.choice(['0', 'NONBLOCK'])}",
        f"madvise {place(rnd):#x} {pages(rnd)} REMOVE",
        f"mremap {place(rnd):#x} 0 {pages(rnd)} 3 {place(rnd):#x}",
        gen_truncate(rnd),
        f"madvise {place(rnd):#x} {pages(rnd)} "
        f"{rnd.choice(['GUARD_INSTALL', 'GUARD_REMOVE', 'FREE'])}",
        f"mmap {place(rnd):#x} {pages(rnd)} {rnd.choice(['rw', 'r'])} "
        f"{rnd.choice(['SHARED', 'PRIVATE'])}|FIXED {rnd.choice('MF')} "
        f"{rnd.randrange(16) * PAGE}",
    ])


def gen_limits(rnd):
    """Limits near what is used, calls that run into them, low addresses."""
    which = rnd.choice(["as", "data", "stack", "memlock"])
    base = {"as": 1900, "data": 1712, "stack": 132, "memlock": 0}[which]
    low = rnd.choice([0, PAGE, 8 * PAGE, 15 * PAGE, 16 * PAGE, 17 * PAGE])
    return rnd.choice([
        f"rlimit {which} {(base + rnd.choice([0, 4, 8, 20, 40, 80])) << 10}",
        f"rlimit {which} {rnd.choice([0, 4095, 4096, 1 << 20, 1 << 23])}",
        f"brk +{rnd.choice([1, PAGE, 4 * PAGE, 30 * PAGE])}",
        f"mmap {low:#x} {pages(rnd)} rw PRIVATE|ANON|"
        f"{rnd.choice(['FIXED', 'NORESERVE', 'GROWSDOWN'])}",
        f"mremap {place(rnd):#x} {pages(rnd)} {pages(rnd)} 3 {low:#x}",
        f"munmap 0 {17 * PAGE}",
        f"mmap {place(rnd):#x} {PAGE} rw PRIVATE|ANON|FIXED|GROWSDOWN",
        f"write {place(rnd) - rnd.choice([1, 2, 255, 256, 257]) * PAGE:#x} 1",
        f"mmap 0 {pages(rnd)} rw PRIVATE|ANON|LOCKED",
        f"mprotect {place(rnd):#x} {pages(rnd)} "
        f"{rnd.choice(['rwg', 'rg', 'rw'])}",
        "dropcap 14\ndropcap 17",
    ])


IDS = [0, 0, 0, 1000, 1000, 1001, 65534, 0xffffffff]
CAPS = [1, 2, 6, 7, 8, 14, 14, 17, 17, 19, 21, 21, 24]


def cap_change(rnd):
    return rnd.choice(["same", "same", "same", f"-{rnd.choice(CAPS)}",
                       f"-{rnd.choice(CAPS)}", f"+{rnd.choice(CAPS)}",
                       rnd.choice(["0", "0x1ffffffffff", "0xffffffffffffffff",
                                   "0x1fffeffffff"])])


def gen_ids(rnd):
    one, two, three = (rnd.choice(IDS) for _ in range(3))
    kind = rnd.choice(["uid", "uid", "gid"])
    return rnd.choice([
        f"set{kind} {one}", f"setre{kind} {one} {two}",
        f"setres{kind} {one} {two} {three}",
        f"setres{kind} {one} {two} 0", f"setfs{kind} {one}",
    ])


def gen_prctl(rnd):
    cap = rnd.choice(CAPS + [40, 41, 64, (1 << 64) - 1])
    few = rnd.choice([0, 1, 1, 2, 3, 4])
    stray = rnd.choice([0] * 8 + [1])
    return rnd.choice([
        "prctl 3", f"prctl 4 {few}",           # dumpable
        "prctl 7", f"prctl 8 {few}",           # keepcaps
        f"prctl 23 {cap}", f"prctl 24 {cap}",  # bounding set
        "prctl 27",
        f"prctl 28 {rnd.choice([0, 1, 3, 4, 16, 17, 32, 48, 64, 192, 256, 512, 0x1000])}",
        f"prctl 38 {rnd.choice([1, 1, 0])} {stray}", f"prctl 39 {stray}",
        f"prctl 41 {few} {rnd.choice([0, 0, 2, 1])} {stray}",
        f"prctl 42 {stray}",
        f"prctl 47 {rnd.choice([1, 2, 2, 2, 3, 4, 5])} {cap} {stray}",
        "prctl 47 4",
        f"prctl 65 {few} {stray}", f"prctl 66 {stray}",
        f"prctl 0x53564d41 0 {place(rnd)} {PAGE} 0",
    ])


def gen_rights(rnd):
    """Credentials, and calls that depend on them."""
    which = rnd.choice(["as", "data", "stack", "memlock"])
    soft, hard = (rnd.choice([0, PAGE, 1 << 20, 8 << 20, 1 << 21, "unlimited"])
                  for _ in range(2))
    low = rnd.choice([0, PAGE, 8 * PAGE, 16 * PAGE])
    return rnd.choice([
        gen_ids(rnd), gen_ids(rnd), gen_prctl(rnd), gen_prctl(rnd),
        f"capset {cap_change(rnd)} {cap_change(rnd)} {cap_change(rnd)}",
        f"capset {cap_change(rnd)} {cap_change(rnd)} {cap_change(rnd)}",
        f"setrlimit memlock {rnd.choice([0, PAGE, 3 * PAGE, 8 << 20])} "
        f"{rnd.choice(['unlimited', 'unlimited', 8 << 20])}",
        f"setrlimit {which} {soft} {hard}",
        "setrlimit nofile 256 "
        + rnd.choice(["128", "256", "4096", "0x100000", "0x100001"]),
        f"mmap {low:#x} {pages(rnd)} rw PRIVATE|ANON|FIXED",
        f"mremap {place(rnd):#x} {pages(rnd)} {pages(rnd)} 3 {low:#x}",
        f"mlock {place(rnd):#x} {pages(rnd)}",
        f"mlockall {rnd.choice(['CURRENT', 'FUTURE'])}", "munlockall",
        f"mmap 0 {pages(rnd)} rw PRIVATE|ANON|LOCKED",
        f"limits {rnd.choice([3, 4, 8, 9, 10])}",
    ])


# ---- transparent huge pages: a window of some of them ---------------------

HUGE_BASE = 0x40000000
HUGE_WINDOW = 5


def huge_place(rnd):
    """Mostly a multiple of 2 MiB, else near one, else anywhere."""
    at = HUGE_BASE + rnd.randrange(HUGE_WINDOW) * HUGE
    return at + rnd.choice([0, 0, 0, 0, PAGE, -PAGE, HUGE // 2,
                            rnd.randrange(HUGE // PAGE) * PAGE])


def huge_length(rnd):
    return rnd.choice([HUGE] * 4 + [2 * HUGE, 2 * HUGE, 3 * HUGE, PAGE, PAGE,
                                    HUGE - PAGE, HUGE + PAGE, 16 * PAGE,
                                    HUGE // 2])


def huge_advise(rnd, advice):
    return f"madvise {huge_place(rnd):#x} {huge_length(rnd):#x} {advice}"


def huge_map(rnd):
    at, n = huge_place(rnd), huge_length(rnd)
    flags = "PRIVATE|ANON|FIXED"
    for name, share in (("NORESERVE", .05), ("STACK", .03), ("LOCKED", .02),
                        ("POPULATE", .05), ("GROWSDOWN", .02)):
        if rnd.random() < share:
            flags += "|" + name
    prot = rnd.choice(["rw"] * 6 + ["r", "none"])
    advice = rnd.choice(["HUGEPAGE"] * 4 + ["NORMAL"])
    return f"mmap {at:#x} {n:#x} {prot} {flags}\n" \
           f"madvise {at:#x} {n:#x} {advice}"


def huge_access(rnd):
    at = huge_place(rnd)
    return rnd.choice([f"write {at:#x} 1", f"write {at:#x} 1",
                       f"read {at:#x}", f"read {at + 77:#x}",
                       f"touch {at:#x} {rnd.choice([1, 3, 40]) * PAGE}",
                       f"peek {at:#x} {rnd.choice([1, 3, 40]) * PAGE}",
                       f"kpages {at:#x} {PAGE}", "faults"])


def huge_move(rnd):
    old, n = huge_place(rnd), huge_length(rnd)
    new, to = rnd.choice([n, n, huge_length(rnd)]), huge_place(rnd)
    how = rnd.choice(["MAYMOVE|FIXED", "MAYMOVE|FIXED", "MAYMOVE", "0",
                      "MAYMOVE|DONTUNMAP"])
    if "DONTUNMAP" in how:
        new, to = n, rnd.choice([0, to])
    return f"mremap {old:#x} {n:#x} {new:#x} {how} {to:#x}"


HUGE_GENERATORS = [
    (.16, huge_map),
    (.34, huge_access),
    (.05, lambda r: f"munmap {huge_place(r):#x} {huge_length(r):#x}"),
    (.09, lambda r: f"mprotect {huge_place(r):#x} {huge_length(r):#x} "
     + r.choice(["rw"] * 4 + ["r", "r", "none", "rwx"])),
    (.10, huge_move),
    (.05, lambda r: huge_advise(r, "HUGEPAGE")),
    (.02, lambda r: huge_advise(r, "NOHUGEPAGE")),
    (.05, lambda r: huge_advise(r, "DONTNEED")),
    (.03, lambda r: huge_advise(r, "FREE")),
    (.02, lambda r: huge_advise(r, "COLD")),
    (.05, lambda r: huge_advise(r, r.choice(
        ["WIPEONFORK", "KEEPONFORK", "DONTFORK", "DOFORK", "POPULATE_READ",
         "POPULATE_WRITE", "GUARD_INSTALL", "GUARD_REMOVE", "RANDOM",
         "NORMAL", "DONTDUMP"]))),
    (.01, lambda r: f"mincore {huge_place(r):#x} {huge_length(r):#x}"),
    (.01, lambda r: f"mlock {huge_place(r):#x} {huge_length(r):#x}"),
    (.01, lambda r: f"munlock {huge_place(r):#x} {huge_length(r):#x}"),
    (.01, lambda r: "clear_refs 1"),
]

GENERATORS = [
    (.24, gen_mmap),
    (.10, lambda r: f"munmap {place(r):#x} {pages(r)}"),
    (.18, lambda r: f"mprotect {place(r):#x} {pages(r)} "
     + r.choice(["rw"] * 3 + ["r", "r", "rwx", "none", "rx"])),
    (.16, lambda r: f"write {place(r) + r.randrange(PAGE):#x} 1"),
    (.03, lambda r: f"read {place(r):#x}"),
    (.05, lambda r: f"mlock {place(r) + r.choice([0, 0, 9]):#x} {pages(r)}"),
    (.01, lambda r: f"mlock2 {place(r):#x} {pages(r)} 1"),
    (.04, lambda r: f"munlock {place(r):#x} {pages(r)}"),
    (.06, lambda r: f"madvise {place(r):#x} {pages(r)} {r.choice(ADVICE)}"),
    (.10, gen_mremap),
    (.02, gen_brk),
    (.01, gen_heap),
    (.005, lambda r: f"msync {place(r):#x} {pages(r)} "
     + r.choice(["ASYNC", "SYNC", "INVALIDATE", "0"])),
    (.005, lambda r: "mincore " + f"{place(r):#x} {pages(r)}"),
    (.004, lambda r: "mlockall " + r.choice(
        ["CURRENT", "FUTURE", "CURRENT|FUTURE", "CURRENT|ONFAULT"])),
    (.006, lambda r: "munlockall"),
]


# What a history is about: how often the other generators take a turn.
PROFILES = [
    {},
    {gen_access: .6, gen_truncate: .02},
    {gen_access: .5, gen_object: .4},
    {gen_nonsense: .8},
    {gen_access: .2, gen_object: .2, gen_nonsense: .2},
    {gen_access: .2, gen_limits: .5},
    {gen_access: .1, gen_rights: 1.5},
]


def add_forks(rnd, ops):
    """Children that live on, children that end, parents that end."""
    nr = len(ops)
    for chance in (.5, .2):
        if rnd.random() < chance:
            ops.insert(rnd.randrange(nr // 3, nr), "fork")
    if rnd.random() < .4 and "fork" not in ops:
        start = rnd.randrange(nr // 4, nr)
        stop = min(nr, start + rnd.randrange(1, 25))
        ops.insert(stop, "exit")
        ops.insert(start, "fork")
    if rnd.random() < .2 and "fork" not in ops:
        ops.insert(rnd.randrange(nr // 3, nr), "orphan")


def generate(seed, nr, huge=False):
    rnd = random.Random(seed)
    if huge:
        weights = [w for w, _ in HUGE_GENERATORS]
        ops = [g(rnd) for _, g in rnd.choices(HUGE_GENERATORS, weights, k=nr)]
        add_forks(rnd, ops)
        # After a fork the probe's own pages fault.
        if "fork" in ops or "orphan" in ops:
            ops = [o for o in ops if o != "faults"]
        return ops
    table = GENERATORS + [
        (w, g) for g, w in PROFILES[seed % len(PROFILES)].items()]
    weights = [w for w, _ in table]
    ops = [g(rnd) for _, g in rnd.choices(table, weights, k=nr)]
    # A child could not open its own pagemap any more.
    if gen_rights not in PROFILES[seed % len(PROFILES)]:
        add_forks(rnd, ops)
    if rnd.random() < .1:
        ops.insert(rnd.randrange(nr), "dropcap 14\ndropcap 17")
    return ops


# ---- comparison ----------------------------------------------------------

SETUP = f"memfd M {16 * PAGE}\nfile F {16 * PAGE}\n"


def steps(output):
    return output.split("@@\n")


def first_difference(judge, ops):
    """Number of the first operation with different answers, or None."""
    script = SETUP + "".join(o + "\ndump\nstate\nprint @@\n" for o in ops)
    kernel, machine = (steps(x) for x in judge.ask(script))
    for i, op in enumerate(ops):
        k = kernel[i] if i < len(kernel) else "(no answer)\n"
        g = machine[i] if i < len(machine) else "(no answer)\n"
        if k != g:
            return i, k, g
    return None


def shorten(judge, ops):
    """Drops operations as long as some difference stays."""
    found = first_difference(judge, ops)
    ops = ops[:found[0] + 1]
    size = max(1, len(ops) // 2)
    while size:
        i = 0
        while i < len(ops):
            fewer = ops[:i] + ops[i + size:]
            d = first_difference(judge, fewer) if fewer else None
            if d:
                ops, found = fewer[:d[0] + 1], d
            else:
                i += size
        size //= 2
    return ops, found


def report(ops, found):
    print("\n".join("    " + o for o in ops))
    for who, text in (("kernel", found[1]), ("machine", found[2])):
        print(who)
        print("".join("    " + l for l in text.splitlines(True)), end="")


def random_histories(judge, first, last, nr, seconds):
    start, done = time.time(), 0
    for seed in range(first, last):
        if seconds and time.time() - start > seconds:
            break
        ops = generate(seed, nr, "--thp" in judge.options)
        # Twice: what does not come again was another program's doing.
        if first_difference(judge, ops) and first_difference(judge, ops):
            print(f"seed {seed}: the machine differs from the kernel")
            report(*shorten(judge, ops))
            return 1
        done += 1
    print(f"{done} histories of {nr} calls: no difference")
    return 0


def scripts(judge, paths):
    bad = 0
    for path in paths:
        with open(path) as f:
            kernel, machine = judge.ask(f.read(), "--echo")
        if kernel == machine:
            print(f"same  {path}")
            continue
        bad = 1
        print(f"DIFFERENT  {path}")
        for k, g in zip(kernel.split("\n> "), machine.split("\n> ")):
            if k != g:
                print(f"> {k.strip()}\n  machine:", *g.splitlines()[1:],
                      sep="\n  ")
    return bad


def main():
    opts = dict(a[2:].partition("=")[::2]
                for a in sys.argv[1:] if a[:2] == "--")
    args = [a for a in sys.argv[1:] if a[:2] != "--"]
    judge = Judge(opts.get("build", "build"),
                  ("--thp",) if "thp" in opts else ())
    if len(args) == 3 and all(a.isdigit() for a in args):
        return random_histories(judge, *map(int, args),
                                float(opts.get("seconds", 0)))
    return scripts(judge, args)


if __name__ == "__main__":
    sys.exit(main())
