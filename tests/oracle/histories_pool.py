"""Histories with huge pages of the kernel's pool, which they fill."""
import atexit
import fcntl
import random
import signal
import sys
import time

PAGE = 4096
HUGE = 2 << 20
HUGE_BASE = 0x40000000  # the window in which mappings meet
HUGE_WINDOW = 5         # huge pages of it
SKIP = 77
SETUP = f"hugetlb H {3 * HUGE}\n"

POOL_DIR = "/sys/kernel/mm/hugepages/hugepages-2048kB/"
POOL = 16  # pages free for all at the start of a history
POOL_MORE = 0  # and beyond the pool, on demand


def pool_place(rnd):
    at = HUGE_BASE + rnd.randrange(HUGE_WINDOW) * HUGE
    return at + rnd.choice([0] * 12 + [PAGE, -PAGE])


def pool_length(rnd):
    return rnd.choice([1, 1, 1, 2, 2, 3, 4]) * HUGE + rnd.choice(
        [0] * 12 + [PAGE, -PAGE])


def pool_map(rnd):
    flags = [rnd.choice(["SHARED", "PRIVATE", "PRIVATE"]), "HUGETLB"]
    addr, tail = pool_place(rnd), ""
    kind = rnd.random()
    flags.append("FIXED" if kind < .7 else "NOREPLACE" if kind < .75 else "")
    if kind > .85:
        addr = 0
    for name, share in (("NORESERVE", .15), ("LOCKED", .03), ("STACK", .03),
                        ("POPULATE", .1), ("0x54000000", .05)):
        if rnd.random() < share:
            flags.append(name)
    if rnd.random() < .3:
        if rnd.random() < .5:
            flags.remove("HUGETLB")
        tail = f" H {rnd.choice([0, 0, HUGE, 2 * HUGE, PAGE])}"
    else:
        flags.append("ANON")
    prot = rnd.choice(["rw"] * 5 + ["r", "none"])
    return f"mmap {addr:#x} {pool_length(rnd):#x} {prot} " \
           f"{'|'.join(f for f in flags if f)}{tail}"


def pool_access(rnd):
    at = pool_place(rnd) + rnd.randrange(HUGE)
    return rnd.choice([f"write {at:#x} 1", f"write {at:#x} 1",
                       f"write {at:#x} 1", f"read {at:#x}", f"read {at:#x}",
                       f"kpages {at & -PAGE:#x} {PAGE}"])


def pool_move(rnd):
    old, n = pool_place(rnd), pool_length(rnd)
    new, to = rnd.choice([n, n, n, pool_length(rnd)]), pool_place(rnd)
    # The kernel loses promises for good when a part of a mapping moves.
    how = rnd.choice(["0", "0", "MAYMOVE|DONTUNMAP"])
    return f"mremap {old:#x} {n:#x} {new:#x} {how} {to:#x}"


def pool_advise(rnd, advice):
    return f"madvise {pool_place(rnd):#x} {pool_length(rnd):#x} {advice}"


POOL_GENERATORS = [
    (.20, pool_map),
    (.40, pool_access),
    (.07, lambda r: f"munmap {pool_place(r):#x} {pool_length(r):#x}"),
    (.08, lambda r: f"mprotect {pool_place(r):#x} {pool_length(r):#x} "
     + r.choice(["rw"] * 3 + ["r", "none", "rwx"])),
    (.04, pool_move),
    (.06, lambda r: pool_advise(r, "DONTNEED")),
    (.08, lambda r: pool_advise(r, r.choice(
        ["DONTFORK", "DOFORK", "RANDOM", "NORMAL", "SEQUENTIAL", "FREE",
         "WIPEONFORK", "KEEPONFORK", "DONTDUMP", "DODUMP", "HUGEPAGE",
         "NOHUGEPAGE", "WILLNEED", "COLD", "POPULATE_READ", "POPULATE_WRITE",
         "DONTNEED_LOCKED", "COLLAPSE", "GUARD_INSTALL", "PAGEOUT"]))),
    (.02, lambda r: f"ftruncate H {r.choice([0, 1, 2, 3, 4]) * HUGE}"),
    (.01, lambda r: f"ftruncate H {PAGE}"),
    (.01, lambda r: f"mincore {pool_place(r):#x} {pool_length(r):#x}"),
    (.01, lambda r: f"mlock {pool_place(r):#x} {pool_length(r):#x}"),
    (.01, lambda r: f"munlock {pool_place(r):#x} {pool_length(r):#x}"),
    (.005, lambda r: "clear_refs 1"),
    (.005, lambda r: f"msync {pool_place(r):#x} {pool_length(r):#x} SYNC"),
]


class PoolGenerator:
    def __init__(self, seed):
        self.rnd = random.Random(seed)

    def history(self, nr):
        rnd = self.rnd
        weights = [w for w, _ in POOL_GENERATORS]
        ops = [g(rnd) for _, g in rnd.choices(POOL_GENERATORS, weights, k=nr)]
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


def fill_pool():
    """The running kernel's pool, for as long as this judge runs."""
    lock = open("/tmp/oracle-hugetlb.lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    lost = pool_number("resv_hugepages")
    for name, value in (("nr_hugepages", POOL + lost),
                        ("nr_overcommit_hugepages", POOL_MORE)):
        atexit.register(put, name, pool_number(name), lock)
        if put(name, value, lock) != value:
            print("the kernel has no huge pages to give", file=sys.stderr)
            sys.exit(SKIP)
    return f"--hugetlb={POOL + lost},{POOL_MORE},{lost}"


def await_pool():
    """Until the last orphan of the history before is gone."""
    for _ in range(1000):
        if pool_number("free_hugepages") - pool_number("resv_hugepages") \
                == POOL:
            return
        time.sleep(.001)


def pool_number(name):
    with open(POOL_DIR + name) as f:
        return int(f.read())


def put(name, value, lock):
    with open(POOL_DIR + name, "w") as f:
        f.write(str(value))
    return pool_number(name)
