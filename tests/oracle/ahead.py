#!/usr/bin/env python3
"""Compares readahead with the running kernel: which pages of a file are cached
after each read, fault and advice, and how faults are counted.

    ahead.py [--build=DIR] FROM TO OPS      random histories, by seed
    ahead.py --record=FILE FROM TO OPS      keep the kernel's answers
    ahead.py [--build=DIR] FILE             compare the machine with them

The kernel is asked on an ext4 of its own on a loop device, with data=journal,
so that pages of its cache have one size, and with requests no longer than a
window of readahead.  Needs root.  Exit status: 0 equal, 1 different.
"""
import os
import random
import re
import subprocess
import sys
import tempfile

PAGE = 4096
PAGES = 400
SIZE = PAGES * PAGE
BASE, STEP = 0x10000000, 0x1000000  # where mappings lie
LOOK = 0x20000000


# ---- histories --------------------------------------------------------------

class History:
    def __init__(self, seed, nr):
        self.rnd = random.Random(seed)
        self.ops = []
        self.pos, self.maps = [], []
        self.longest = self.rnd.choice([1, 4, 40])
        weights = {self.read: 10 * self.rnd.random() + 2, self.open: .4,
                   self.fadvise: self.rnd.random(), self.drop: .5,
                   self.range: self.rnd.random(), self.map: 1,
                   self.touch: 10 * self.rnd.random(),
                   self.madvise: self.rnd.random()}
        self.open()
        while len(self.ops) < nr:
            self.rnd.choices(list(weights), weights.values())[0]()

    def file(self):
        return self.rnd.randrange(len(self.pos))

    def open(self):
        if len(self.pos) < 4:
            self.ops.append("open /f rdwr")
            self.pos.append(0)

    def read(self):
        fd, rnd = self.file(), self.rnd
        n = rnd.choice([1, 1, PAGE, 2 * PAGE,
                        rnd.randrange(1, PAGE * self.longest + 1)])
        off = rnd.choice([self.pos[fd]] * 5 + [rnd.randrange(SIZE)] * 3 + [
            (self.pos[fd] // PAGE + rnd.randrange(3)) * PAGE] * 2) % SIZE
        if rnd.random() < .3:
            self.ops += [f"lseek {fd} {off}", f"pread {fd} {n}"]
        else:
            self.ops.append(f"pread {fd} {n} {off}")
        self.pos[fd] = min(off + n, SIZE - 1)

    def some(self):
        return f"{self.rnd.randrange(SIZE)} {self.rnd.randrange(1, SIZE // 4)}"

    def fadvise(self):
        word = self.rnd.choice(["normal", "random", "sequential"])
        self.ops.append(f"posix_fadvise {self.file()} 0 0 {word}")

    def drop(self):
        self.ops.append(f"posix_fadvise {self.file()} 0 0 dontneed")

    def range(self):
        self.ops.append(self.rnd.choice([
            f"posix_fadvise {self.file()} {self.some()} willneed",
            f"posix_fadvise {self.file()} {self.some()} dontneed",
            f"readahead {self.file()} {self.some()}"]))

    def map(self):
        if len(self.maps) == 4:
            return
        prot = self.rnd.choice(["r", "r", "rx", "rw", "rw"])
        kind = self.rnd.choice(["shared", "private"])
        self.ops.append(f"mmap {SIZE} {prot} flags={kind} fd={self.file()} "
                        f"addr={BASE + len(self.maps) * STEP:#x}")
        self.maps.append([prot, 0])

    def touch(self):
        if not self.maps:
            return
        rnd, i = self.rnd, self.rnd.randrange(len(self.maps))
        prot, last = self.maps[i]
        page = rnd.choice([last + 1, last + 1, last + rnd.randrange(1, 20),
                           rnd.randrange(PAGES)]) % PAGES
        self.maps[i][1] = page
        # No store that makes the file dirty: the kernel's journal keeps it.
        how = rnd.choice("rw") if prot == "rw" and \
            any(f"addr={BASE + i * STEP:#x}" in o and "private" in o
                for o in self.ops) else "r"
        self.ops.append(f"touch {BASE + i * STEP + page * PAGE:#x} 1 {how}")

    def madvise(self):
        if not self.maps:
            return
        first = self.rnd.randrange(PAGES // 2)
        nr = self.rnd.randrange(1, PAGES // 2)
        at = BASE + self.rnd.randrange(len(self.maps)) * STEP + first * PAGE
        word = self.rnd.choice(["normal", "random", "sequential", "willneed",
                                "dontneed"])
        self.ops.append(f"madvise {at:#x} {nr * PAGE} {word}")


def many_misses(seed):
    """Stores, which fault-around does not help: misses add up to 100."""
    rnd = random.Random(seed)
    ops = ["open /f rdwr", f"mmap {SIZE} rw flags=private fd=0 addr={BASE:#x}"]
    while len(ops) < 240:
        ops += [f"touch {BASE + rnd.randrange(PAGES) * PAGE:#x} 1 w",
                "posix_fadvise 0 0 0 dontneed"]
    return ops + [f"madvise {BASE:#x} {SIZE} dontneed",
                  "posix_fadvise 0 0 0 dontneed", f"touch {BASE:#x} 1 r"]


def history(seed, nr):
    return many_misses(seed) if seed % 20 == 19 else History(seed, nr).ops


# ---- who answers ------------------------------------------------------------

class Kernel:
    """ext4 on a loop device, for a while."""

    def __init__(self, build):
        self.ask = f"{build}/tests/oracle/ahead"
        self.work = tempfile.mkdtemp(prefix="pagefs-ahead.")
        self.image, self.dir = f"{self.work}/image", f"{self.work}/mnt"

    def __enter__(self):
        os.mkdir(self.dir)
        with open(self.image, "wb") as f:
            f.truncate(64 << 20)
        sh("mkfs.ext4", "-q", "-b", "4096", self.image)
        self.loop = sh("losetup", "-f", "--show", self.image).strip()
        queue = f"/sys/block/{os.path.basename(self.loop)}/queue"
        for name in ("max_sectors_kb", "read_ahead_kb"):
            with open(f"{queue}/{name}", "w") as f:
                f.write("128")
        sh("mount", "-o", "data=journal", self.loop, self.dir)
        with open(f"{self.dir}/f", "wb") as f:
            f.write(b"x" * SIZE)
            os.fsync(f.fileno())
        return self

    def __exit__(self, *error):
        sh("umount", self.dir)
        sh("losetup", "-d", self.loop)
        sh("rm", "-r", self.work)

    def once(self, ops):
        return sh(self.ask, f"{self.dir}/f", str(PAGES),
                  os.path.basename(self.loop),
                  input="".join(o + "\n" for o in ops)).splitlines()

    def answers(self, ops):
        """A page may come a moment late: what comes twice is the answer."""
        seen = []
        while True:
            seen.append(self.once(ops))
            if seen.count(seen[-1]) == 2:
                return seen[-1]


class Machine:
    """One mount; each history is one process."""

    def __init__(self, build):
        self.pagefs = f"{build}/fs/pagefs"
        self.work = tempfile.mkdtemp(prefix="pagefs-ahead.")
        self.mnt = f"{self.work}/mnt"

    def __enter__(self):
        os.mkdir(self.mnt)
        sh(self.pagefs, "-o", "ram=64M", f"{self.work}/db", self.mnt)
        with open(f"{self.mnt}/disk/f", "wb") as f:
            f.write(b"x" * SIZE)
        return self

    def __exit__(self, *error):
        sh("fusermount3", "-u", self.mnt)
        sh("rm", "-r", self.work)

    @staticmethod
    def do(ctl, line):
        ctl.write(line.encode() + b"\n")
        reply = ctl.read(1 << 16).decode().strip()
        if reply.startswith("-E"):
            sys.exit(f"{line}: {reply}")
        return reply

    def faults(self, pid):
        with open(f"{self.mnt}/proc/{pid}/stat") as f:
            words = f.read().split()
        return int(words[11]), int(words[9])

    def cached(self, ctl):
        half = SIZE // 2
        bits = "".join(self.do(ctl, f"mincore {LOOK + i * half:#x} {half}")
                       for i in range(2))
        return "".join(f" {r.start()}-{r.end() - 1}"
                       for r in re.finditer("1+", re.sub("[^01]", "", bits)))

    def answers(self, ops):
        out = []
        with open(f"{self.mnt}/ctl", "r+b", buffering=0) as f:
            pid = self.do(f, "spawn")
            self.do(f, "drop_caches 1")
        with open(f"{self.mnt}/proc/{pid}/ctl", "r+b", buffering=0) as f:
            self.do(f, f"mmap {SIZE} r flags=shared file=/f addr={LOOK:#x}")
            for op in ops:
                before = self.faults(pid)
                self.do(f, op)
                after = self.faults(pid)
                major, minor = (b - a for a, b in zip(before, after))
                if not op.startswith("touch"):
                    major = minor = 0
                out.append(f"{major}/{minor}{self.cached(f)}")
            self.do(f, "exit")
        return out


def sh(*command, **more):
    return subprocess.run(command, check=True, text=True,
                          stdout=subprocess.PIPE, **more).stdout


# ---- comparing --------------------------------------------------------------

def same(ops, kernel, machine):
    for i, (want, got) in enumerate(zip(kernel, machine)):
        if want != got:
            print("\n".join("    " + o for o in ops[:i + 1]))
            print(f"kernel:  {want}\nmachine: {got}")
            return False
    return len(kernel) == len(machine) == len(ops)


def record(path, kernel, seeds, nr):
    with open(path, "w") as f:
        for seed in seeds:
            ops = history(seed, nr)
            f.writelines(f"{o}\t{a}\n"
                         for o, a in zip(ops, kernel.answers(ops)))
            f.write("\n")
    return 0


def replay(path, machine):
    with open(path) as f:
        texts = f.read().strip("\n").split("\n\n")
    for text in texts:
        ops, answers = zip(*(l.split("\t") for l in text.split("\n")))
        if not same(ops, answers, machine.answers(ops)):
            return 1
    print(f"{len(texts)} histories: as the kernel answered")
    return 0


def main():
    opts = dict(a[2:].split("=", 1) for a in sys.argv[1:] if a[:2] == "--")
    args = [a for a in sys.argv[1:] if a[:2] != "--"]
    build = opts.get("build", "build")
    if len(args) == 1:
        with Machine(build) as machine:
            return replay(args[0], machine)
    seeds, nr = range(int(args[0]), int(args[1])), int(args[2])
    with Kernel(build) as kernel:
        if "record" in opts:
            return record(opts["record"], kernel, seeds, nr)
        with Machine(build) as machine:
            for seed in seeds:
                ops = history(seed, nr)
                if not same(ops, kernel.answers(ops), machine.answers(ops)):
                    print("seed", seed)
                    return 1
    print(f"{len(seeds)} histories: equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
