"""Histories with huge pages of the kernel's pools.

Kind 64-hugetlb fills the kernel's pool of the default size, 64-gigantic that of
1 GiB; both put back what was there, and tell if pages or promises were lost.
Kind 64-gigantic-empty leaves the pool of 1 GiB as it is, which must be empty:
what needs no page is compared, and what is refused for want of one.
"""
import atexit
import fcntl
import os
import random
import sys
import time

PAGE = 4096
BASE = 0x40000000  # the window in which mappings meet
WINDOW = 5         # huge pages of it
DIR = "/sys/kernel/mm/hugepages/hugepages-%dkB/"


class Size:
    """Huge pages of a size, and how many are free when a history begins."""

    def __init__(self, log2, flags, nr):
        self.bytes, self.flags, self.nr = 1 << log2, flags, nr
        self.dir = DIR % (self.bytes >> 10)
        self.setup = f"hugetlb H {3 * self.bytes} {log2}\n"

    def number(self, name):
        with open(self.dir + name) as f:
            return int(f.read())


# MAP_HUGE_1GB is 30 << 26
SIZES = {"64-hugetlb": Size(21, ["HUGETLB"], 16),
         "64-gigantic": Size(30, ["HUGETLB", "0x78000000"], 2),
         "64-gigantic-empty": Size(30, ["HUGETLB", "0x78000000"], 0)}


def can_ask(op):
    """Whether the kernel's pool of the size that a call asks for is empty, as
    the machine's is."""
    if "HUGETLB" not in op:
        return True
    size = SIZES["64-gigantic" if "0x78000000" in op else "64-hugetlb"]
    try:
        return not any(size.number(name) for name in
                       ("nr_hugepages", "nr_overcommit_hugepages"))
    except FileNotFoundError:
        return False


class Ops:
    """The calls of a history, drawn one by one."""

    def __init__(self, rnd, size):
        self.rnd, self.size, self.huge = rnd, size, size.bytes

    def place(self):
        at = BASE + self.rnd.randrange(WINDOW) * self.huge
        return at + self.rnd.choice([0] * 12 + [PAGE, -PAGE])

    def length(self):
        return self.rnd.choice([1, 1, 1, 2, 2, 3, 4]) * self.huge + \
            self.rnd.choice([0] * 12 + [PAGE, -PAGE])

    def map(self):
        rnd = self.rnd
        flags = [rnd.choice(["SHARED", "PRIVATE", "PRIVATE"]),
                 *self.size.flags]
        addr, tail = self.place(), ""
        kind = rnd.random()
        flags.append("FIXED" if kind < .7 else
                     "NOREPLACE" if kind < .75 else "")
        if kind > .85:
            addr = 0
        for name, share in (("NORESERVE", .5 if not self.size.nr else .15),
                            ("LOCKED", .03), ("STACK", .03), ("POPULATE", .1),
                            ("0x54000000", .05 if not self.size.flags[1:]
                             else 0)):
            if rnd.random() < share:
                flags.append(name)
        if rnd.random() < .3:
            if rnd.random() < .5:
                flags = [f for f in flags if f not in self.size.flags]
            offset = rnd.choice([0, 0, self.huge, 2 * self.huge, PAGE])
            tail = f" H {offset}"
        else:
            flags.append("ANON")
        prot = rnd.choice(["rw"] * 5 + ["r", "none"])
        return f"mmap {addr:#x} {self.length():#x} {prot} " \
               f"{'|'.join(f for f in flags if f)}{tail}"

    def access(self):
        at = self.place() + self.rnd.randrange(self.huge)
        return self.rnd.choice(
            [f"write {at:#x} 1", f"write {at:#x} 1", f"write {at:#x} 1",
             f"read {at:#x}", f"read {at:#x}",
             f"kpages {at & -PAGE:#x} {PAGE}"])

    def move(self):
        """In place, as the kernel loses promises for good when a part of a
        private mapping moves."""
        old, n = self.place(), self.length()
        new = self.rnd.choice([n, n, n, self.length()])
        how = self.rnd.choice(["0", "0", "MAYMOVE|DONTUNMAP"])
        return f"mremap {old:#x} {n:#x} {new:#x} {how} {self.place():#x}"

    def protect(self):
        prot = self.rnd.choice(["rw"] * 3 + ["r", "none", "rwx"])
        return f"mprotect {self.place():#x} {self.length():#x} {prot}"

    def discard(self):
        return f"madvise {self.place():#x} {self.length():#x} DONTNEED"

    def advise(self):
        advice = self.rnd.choice(
            ["DONTFORK", "DOFORK", "RANDOM", "NORMAL", "SEQUENTIAL", "FREE",
             "WIPEONFORK", "KEEPONFORK", "DONTDUMP", "DODUMP", "HUGEPAGE",
             "NOHUGEPAGE", "WILLNEED", "COLD", "POPULATE_READ",
             "POPULATE_WRITE", "DONTNEED_LOCKED", "COLLAPSE", "GUARD_INSTALL",
             "PAGEOUT"])
        return f"madvise {self.place():#x} {self.length():#x} {advice}"

    def truncate(self):
        return f"ftruncate H {self.rnd.choice([0, 1, 2, 3, 4]) * self.huge}"

    def range(self, call):
        return f"{call} {self.place():#x} {self.length():#x}"


GENERATORS = [
    (.20, Ops.map),
    (.40, Ops.access),
    (.07, lambda o: o.range("munmap")),
    (.08, Ops.protect),
    (.04, Ops.move),
    (.06, Ops.discard),
    (.08, Ops.advise),
    (.02, Ops.truncate),
    (.01, lambda o: f"ftruncate H {PAGE}"),
    (.01, lambda o: f"mincore {o.place():#x} {8 * PAGE}"),
    (.01, lambda o: o.range("mlock")),
    (.01, lambda o: o.range("munlock")),
    (.005, lambda o: "clear_refs 1"),
    (.005, lambda o: o.range("msync") + " SYNC"),
]


class PoolGenerator:
    def __init__(self, seed, kind):
        self.rnd = random.Random(seed)
        self.ops = Ops(self.rnd, SIZES[kind])

    def history(self, nr):
        rnd = self.rnd
        weights = [w for w, _ in GENERATORS]
        ops = [g(self.ops)
               for _, g in rnd.choices(GENERATORS, weights, k=nr)]
        for share in (.5, .2):
            if rnd.random() < share:
                ops.insert(rnd.randrange(nr // 3, nr), "fork")
        if rnd.random() < .4 and "fork" not in ops:
            start = rnd.randrange(nr // 4, nr)
            ops.insert(min(nr, start + rnd.randrange(1, 25)), "exit")
            ops.insert(start, "fork")
        if rnd.random() < .2 and "fork" not in ops:
            ops.insert(rnd.randrange(nr // 3, nr), "orphan")
        return ops


class Pool:
    """The running kernel's pool, put back when this judge ends."""

    def __init__(self, kind):
        self.size = size = SIZES[kind]
        self.lock = open("/tmp/oracle-hugetlb.lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        if not os.path.isdir(size.dir):
            sys.exit(f"this kernel or processor has no {size.dir}")
        self.lost = self.number("resv_hugepages")
        self.was = self.number("nr_hugepages") - self.number(
            "surplus_hugepages")
        self.empty = not size.nr
        if size.nr and not self.fill():
            print("the kernel has no huge pages to give: what is compared is "
                  "what mappings without pages do")
            self.empty = True
        if self.empty and self.number("free_hugepages") > self.lost:
            sys.exit("the kernel's pool of huge pages is neither ours nor "
                     "empty")

    def fill(self):
        """False if the kernel, or who runs it, has none to give."""
        atexit.register(self.put, self.was)
        try:
            self.put(self.size.nr + self.lost)
        except OSError:
            return False
        if self.number("free_hugepages") == self.size.nr + self.lost:
            return True
        self.put(self.was)
        return False

    def option(self):
        """The machine's pool: pages, surplus, promises lost."""
        nr = 0 if self.empty else self.size.nr
        if self.size.bytes == 1 << 30:
            return f"--gigantic={nr}"
        more = self.number("nr_overcommit_hugepages")
        return f"--hugetlb={nr + self.lost},{more},{self.lost}"

    def await_pages(self):
        """Until the last orphan of the history before is gone."""
        for _ in range(1000):
            if self.empty or self.number("free_hugepages") - \
                    self.number("resv_hugepages") == self.size.nr:
                return
            time.sleep(.001)

    def missing(self):
        """0 if nothing is lost, 1 with a word about what is."""
        self.await_pages()
        lost = self.number("resv_hugepages") - self.lost
        used = self.number("nr_hugepages") - self.number("free_hugepages")
        if not lost and not used:
            return 0
        print(f"the histories left {lost} promises and {used} pages in use "
              "behind", file=sys.stderr)
        return 1

    def number(self, name):
        return self.size.number(name)

    def put(self, value):
        with open(self.size.dir + "nr_hugepages", "w") as f:
            f.write(str(value))
