#!/usr/bin/env python3
"""Compares what overcommit refuses, and Committed_AS, with the running kernel.

    commit.py [--build=DIR] FROM TO OPS      random histories, by seed
    commit.py --record=FILE FROM TO OPS      keep the kernel's answers
    commit.py [--build=DIR] FILE             compare the machine with them

The settings belong to the whole host: they are changed while this runs, and
put back.  The limit of mode 2 is far above what other processes need, and the
histories reserve memory by the TiB, so that neither disturbs the other.
Needs root.  Exit status: 0 equal, 1 different.
"""
import fcntl
import random
import re
import sys

import programs
import run

T = 1 << 40
PAGE = 4096
SLOTS = 8
SLOT = 6 * T
FIRST = 16 * T
NAMES = ["overcommit_memory", "overcommit_ratio", "overcommit_kbytes",
         "admin_reserve_kbytes", "user_reserve_kbytes"]
LOOK = "committed 40\n"


class Settings:
    """Those of the host, put back in the end; one user at a time."""

    def __enter__(self):
        self.lock = open("/tmp/pagefs-sysctl.lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.was = {n: self.read(n) for n in NAMES}
        return self

    @staticmethod
    def read(name):
        with open("/proc/sys/vm/" + name) as f:
            return f.read().strip()

    def __exit__(self, *error):
        # Of ratio and kbytes the one that counted comes last.
        last = "overcommit_kbytes" if self.was["overcommit_kbytes"] != "0" \
            else "overcommit_ratio"
        for name in sorted(self.was, key=lambda n: n == last):
            with open("/proc/sys/vm/" + name, "w") as f:
                f.write(self.was[name])


# So many TiB more than is in use: never a whole number of them.
MORE, MORE_OBJECTS = ((n * T + T // 2 + T // 64 >> 10) for n in (100, 3))


def limit_kb(more):
    with open("/proc/meminfo") as f:
        used = [l for l in f if l.startswith("Committed_AS")][0]
    return int(used.split()[1]) + more


def own_of(own, sysctls, ops):
    """What the process begins with, with what was in use when the limit was
    made: others take and give back meanwhile."""
    limit = int(re.search(r"overcommit_kbytes (\d+)", sysctls)[1])
    used = limit - (MORE_OBJECTS if ops[0] == OBJECT_FILE else MORE)
    return re.sub(r"Committed_AS:.*", f"Committed_AS: {used} kB", own)


def slot(rnd):
    return FIRST + rnd.randrange(SLOTS) * SLOT


def size(rnd):
    return rnd.choice([1, 1, 2, 3, 4, 6]) * T


def gen_mmap(rnd):
    kind = rnd.choice(["PRIVATE"] * 4 + ["SHARED"])
    flags = [kind, "ANON", "FIXED"]
    if rnd.random() < .25:
        flags.append("NORESERVE")
    if kind == "PRIVATE" and rnd.random() < .1:
        flags.append("GROWSDOWN")
    at = slot(rnd) + rnd.choice([0, 0, T, 2 * T])
    return f"mmap {at:#x} {size(rnd)} " \
        f"{rnd.choice(['rw', 'rw', 'rw', 'r', 'none'])} {'|'.join(flags)}"


def gen_mremap(rnd):
    old, to = slot(rnd) + rnd.choice([0, 0, T]), slot(rnd)
    # No move with a cut: what Linux leaks there it leaks for ever.
    a, b = sorted([size(rnd), size(rnd)])
    return rnd.choice([
        f"mremap {old:#x} {a} {b} 0 0", f"mremap {old:#x} {a} {b} 1 0",
        f"mremap {old:#x} {a} {b} 3 {to:#x}",
        f"mremap {old:#x} {a} {a} 5 {rnd.choice([0, to]):#x}",
        f"mremap {old:#x} 0 {a} 1 0",
    ])


def gen_near_ram(rnd):
    """Mode 0 refuses what is larger than all memory, once for each call."""
    with open("/proc/meminfo") as f:
        ram = int(f.readline().split()[1]) << 10
    n = ram + rnd.choice([-PAGE, 0, PAGE, 2 * PAGE])
    return rnd.choice([
        f"mmap {slot(rnd):#x} {n} rw PRIVATE|ANON|FIXED",
        f"mmap {slot(rnd):#x} {n} rw SHARED|ANON|FIXED",
        f"mprotect {slot(rnd):#x} {n} rw", f"brk +{n}", f"brk -{n}",
        f"mremap {slot(rnd):#x} {PAGE} {n} 1 0",
    ])


def setting(rnd):
    return rnd.choice([
        f"sysctl overcommit_memory {rnd.choice([0, 1, 1, 2, 2, 2, 3, -1])}",
        f"sysctl user_reserve_kbytes {rnd.choice([0, 1, 4]) * T >> 10}",
        f"sysctl admin_reserve_kbytes {rnd.choice([0, 8, 20]) * T >> 10}",
        "dropcap 21",
    ])


TABLE = [
    (.30, gen_mmap),
    (.12, lambda r: f"munmap {slot(r) + r.choice([0, T]):#x} {size(r)}"),
    (.22, lambda r: f"mprotect {slot(r) + r.choice([0, T]):#x} {size(r)} "
     + r.choice(["rw", "rw", "r", "none"])),
    (.12, gen_mremap),
    (.06, lambda r: f"brk {r.choice('++-')}{r.choice([1, 2, 3]) * T}"),
    (.03, lambda r: f"madvise {slot(r):#x} {size(r)} "
     + r.choice(["DONTFORK", "DOFORK"])),
    (.04, gen_near_ram),
    (.05, setting),
    (.02, lambda r: "meminfo CommitLimit"),
]


# Objects in memory are granted page by page.  What a process may not commit
# because it is large itself, others still may: so it runs into its limit.
OBJECT = 0x10000000
OBJECT_FILE = "memfd O 8192"
OBJECTS = [
    (.30, lambda r: f"touch {OBJECT + r.randrange(512) * PAGE:#x} "
     f"{r.choice([1, 1, 2, 5]) * PAGE}"),
    (.05, lambda r: f"peek {OBJECT + r.randrange(512) * PAGE:#x} {PAGE}"),
    (.05, lambda r: f"madvise {OBJECT + r.randrange(512) * PAGE:#x} "
     f"{4 * PAGE} " + r.choice(["POPULATE_READ", "POPULATE_WRITE", "REMOVE"])),
    (.10, lambda r: f"mmap {FIRST + SLOTS * SLOT:#x} "
     f"{r.choice([1, 8, 16, 20]) * T} r PRIVATE|ANON|FIXED"),
    (.05, lambda r: f"munmap {FIRST + SLOTS * SLOT:#x} {20 * T}"),
]


def generate(seed, nr):
    rnd = random.Random(seed)
    objects = seed % 4 == 3
    table = TABLE + OBJECTS if objects else TABLE
    ops = [g(rnd) for _, g in rnd.choices(
        table, [w for w, _ in table], k=nr)]
    if objects:
        ops = [OBJECT_FILE, "ftruncate O 0x200000",
               f"mmap {OBJECT:#x} 0x200000 rw SHARED|FIXED O 0"] + ops
    if rnd.random() < .5:
        start = rnd.randrange(nr // 4, nr)
        ops.insert(min(nr, start + rnd.randrange(1, 12)), "exit")
        ops.insert(start, "fork")
    return (f"sysctl overcommit_kbytes {limit_kb(MORE_OBJECTS if objects else MORE)}\n"
            f"sysctl admin_reserve_kbytes {8 * T >> 10}\n"
            f"sysctl user_reserve_kbytes {2 * T >> 10}\n"
            f"sysctl overcommit_memory {rnd.choice([0, 1, 2, 2, 2])}\n"), ops


def compare(judge, first, last, nr):
    plain, own = judge.setup, judge.look()
    judge.host = run.Host({})  # the settings are changed on purpose
    judge.looks += LOOK

    def history(seed):
        sysctls, ops = generate(seed, nr)
        judge.setup = plain + sysctls
        judge.own_is(own_of(own, sysctls, ops))
        return ops

    return run.one_by_one(judge, range(first, last), nr, history)


# ---- answers that were kept ----------------------------------------------

# What a history depends on that is the host's, of all that Judge.look() says.
HOST = ("Cap", "MemTotal", "SwapTotal", "Committed", "admin", "user")


def is_host(line):
    return line.startswith(HOST)


def answers(who, setup, ops):
    """What comes of each call, and Committed_AS after it; of a child that was
    not born nothing."""
    script = setup + "".join(f"{o}\n{LOOK}print @@\n" for o in ops)
    text = who(script).split("@@\n") + len(ops) * [""]
    return [" ".join(t.split("\n")).strip() for t in text[:len(ops)]]


def record(judge, path, first, last, nr):
    """The host's lines; for each history, behind an empty line, its settings,
    and its calls with the kernel's answer behind a tab."""
    with open(path, "w") as f:
        for line in filter(is_host, judge.look().split("\n")):
            f.write(line + "\n")
        for seed in range(first, last):
            sysctls, ops = generate(seed, nr)
            f.write("\n" + sysctls)
            kernel = answers(lambda s: judge.run(judge.probe, s), sysctls, ops)
            f.writelines(f"{o}\t{k}\n" for o, k in zip(ops, kernel))
    return 0


def replay(judge, path):
    with open(path) as f:
        host, *histories = f.read().strip("\n").split("\n\n")
    own = [l for l in judge.look().split("\n") if l and not is_host(l)]
    own = "\n".join(own + [host]) + "\n"
    for text in histories:
        lines = text.split("\n")
        sysctls = "".join(l + "\n" for l in lines if "\t" not in l)
        calls = [l.split("\t") for l in lines if "\t" in l]
        judge.own_is(own_of(own, sysctls, [calls[0][0]]))
        machine = answers(lambda s: judge.run(judge.replay, s), sysctls,
                          [op for op, _ in calls])
        for i, (op, want) in enumerate(calls):
            if machine[i] != want:
                print("\n".join("    " + o for o, _ in calls[:i + 1]))
                print(f"kernel: {want}\nmachine: {machine[i]}")
                return 1
    print(f"{len(histories)} histories: as the kernel answered")
    return 0


def main():
    opts = dict(a[2:].split("=", 1) for a in sys.argv[1:] if a[:2] == "--")
    args = [a for a in sys.argv[1:] if a[:2] != "--"]
    judge = run.Judge(opts.get("build", "build"), "64", opts)
    judge.host = run.Host({})  # the settings are changed here
    if len(args) == 1:
        return replay(judge, args[0])
    with Settings():
        if "record" in opts:
            return record(judge, opts["record"], *map(int, args))
        return compare(judge, *map(int, args))


if __name__ == "__main__":
    programs.judge(main)
