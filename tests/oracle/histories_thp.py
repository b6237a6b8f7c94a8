"""Random histories over transparent huge pages, in a window of some of them."""
import atexit
import fcntl
import re
import signal
import sys

from histories import HUGE, PAGE, Generator

ENABLED = "/sys/kernel/mm/transparent_hugepage/enabled"

BASE = 0x40000000
WINDOW = 5


def switch_host(word):
    """The running kernel's setting, for as long as this judge runs."""
    lock = open("/tmp/oracle-thp.lock", "w")
    fcntl.flock(lock, fcntl.LOCK_SH)
    now = enabled()
    if word == now:  # judges that change nothing run together
        atexit.register(lock.close)
        return
    fcntl.flock(lock, fcntl.LOCK_EX)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    atexit.register(put, now, lock)
    put(word, lock)


def enabled():
    with open(ENABLED) as f:
        return re.search(r"\[(.*)\]", f.read())[1]


def put(word, lock):
    with open(ENABLED, "w") as f:
        f.write(word)


class HugeGenerator(Generator):
    def place(self):
        """Mostly a multiple of 2 MiB, else near one, else anywhere."""
        at = BASE + self.rnd.randrange(WINDOW) * HUGE
        return at + self.one([0, 0, 0, 0, PAGE, -PAGE, HUGE // 2,
                              self.rnd.randrange(HUGE // PAGE) * PAGE])

    def length(self):
        return self.one([HUGE] * 4 + [2 * HUGE, 2 * HUGE, 3 * HUGE, PAGE, PAGE,
                                      HUGE - PAGE, HUGE + PAGE, 16 * PAGE,
                                      HUGE // 2])

    def over(self, call, *more):
        return " ".join([call, f"{self.place():#x} {self.length():#x}", *more])

    def map(self):
        at, n = self.place(), self.length()
        flags = "PRIVATE|ANON|FIXED"
        for name, share in (("NORESERVE", .05), ("STACK", .03),
                            ("LOCKED", .02), ("POPULATE", .05),
                            ("GROWSDOWN", .02)):
            if self.chance(share):
                flags += "|" + name
        prot = self.one(["rw"] * 6 + ["r", "none"])
        advice = self.one(["HUGEPAGE"] * 4 + ["NORMAL"])
        return f"mmap {at:#x} {n:#x} {prot} {flags}\n" \
               f"madvise {at:#x} {n:#x} {advice}"

    def access(self):
        at = self.place()
        return self.one([f"write {at:#x} 1", f"write {at:#x} 1",
                         f"read {at:#x}", f"read {at + 77:#x}",
                         f"touch {at:#x} {self.one([1, 3, 40]) * PAGE}",
                         f"peek {at:#x} {self.one([1, 3, 40]) * PAGE}",
                         f"kpages {at:#x} {PAGE}", "faults"])

    def move(self):
        old, n, to = self.place(), self.length(), self.place()
        new = self.one([n, n, self.length()])
        how = self.one(["MAYMOVE|FIXED", "MAYMOVE|FIXED", "MAYMOVE", "0",
                        "MAYMOVE|DONTUNMAP"])
        if "DONTUNMAP" in how:
            new, to = n, self.one([0, to])
        return f"mremap {old:#x} {n:#x} {new:#x} {how} {to:#x}"

    def table(self):
        def advise(*names):
            return lambda: self.over("madvise", self.one(names))

        return [
            (.16, self.map),
            (.34, self.access),
            (.05, lambda: self.over("munmap")),
            (.09, lambda: self.over("mprotect", self.one(
                ["rw"] * 4 + ["r", "r", "none", "rwx"]))),
            (.10, self.move),
            (.05, advise("HUGEPAGE")),
            (.02, advise("NOHUGEPAGE")),
            (.05, advise("DONTNEED")),
            (.03, advise("FREE")),
            (.02, advise("COLD")),
            (.08, advise("COLLAPSE")),
            (.05, advise("WIPEONFORK", "KEEPONFORK", "DONTFORK", "DOFORK",
                         "POPULATE_READ", "POPULATE_WRITE", "GUARD_INSTALL",
                         "GUARD_REMOVE", "RANDOM", "NORMAL", "DONTDUMP")),
            (.01, lambda: self.over("mincore")),
            (.01, lambda: self.over("mlock")),
            (.01, lambda: self.over("munlock")),
            (.01, lambda: "clear_refs 1"),
        ]

    def history(self, nr):
        table = self.table()
        ops = [g() for _, g in self.rnd.choices(
            table, [w for w, _ in table], k=nr)]
        self.add_forks(ops)
        # After a fork the probe's own pages fault.
        if "fork" in ops or "orphan" in ops:
            ops = [o for o in ops if o != "faults"]
        return ops
