"""Random histories over transparent huge pages, in a window of some of them."""
import atexit
import fcntl
import re

from histories import HUGE, PAGE, Generator

WHERE = "/sys/kernel/mm/transparent_hugepage/"

BASE = 0x40000000
WINDOW = 5


def switch_host(name, word):
    """The running kernel's setting, for as long as this judge runs."""
    lock = open(f"/tmp/oracle-thp-{name}.lock", "w")
    fcntl.flock(lock, fcntl.LOCK_SH)
    now = setting(name)
    if word == now:  # judges that change nothing run together
        atexit.register(lock.close)
        return
    fcntl.flock(lock, fcntl.LOCK_EX)
    atexit.register(put, name, now, lock)
    put(name, word, lock)


def setting(name):
    with open(WHERE + name) as f:
        return re.search(r"\[(.*)\]", f.read())[1]


def put(name, word, lock):
    with open(WHERE + name, "w") as f:
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


OBJECTS = ["A", "B", "C", "T"]
SHM_SETUP = f"memfd A 0\nftruncate A {3 * HUGE}\nmemfd B 0\n" \
            f"ftruncate B {2 * HUGE + 40 * PAGE}\nmemfd C {30 * PAGE + 5}\n" \
            f"shm T {20 * PAGE}\nftruncate T {2 * HUGE}\n"


class ShmGenerator(HugeGenerator):
    """The same over memory that is shared, by files and without."""

    def span(self):
        return BASE + self.rnd.randrange(WINDOW) * HUGE

    def place(self):
        """A page of some span, its first ones and last one often."""
        return self.span() + PAGE * self.one(
            [0, 0, 0, 0, 0, 1, 15, 16, 17, 511, 256, 256,
             self.rnd.randrange(HUGE // PAGE)])

    def length(self):
        return self.one([HUGE] * 5 + [2 * HUGE, 3 * HUGE, PAGE, PAGE, 2 * PAGE,
                                      HUGE - PAGE, HUGE + PAGE, 16 * PAGE,
                                      HUGE // 2])

    def offset(self, at):
        """Where a huge page fits, or not."""
        off = self.one([0, 0, 0, HUGE, HUGE, 2 * HUGE]) + at % HUGE
        return off if self.chance(.85) else self.one(
            [0, PAGE, self.rnd.randrange(3 * HUGE // PAGE) * PAGE])

    def map(self):
        if self.chance(.1):
            return super().map()
        at = self.one([self.span(), self.span(), self.place()])
        n = self.one([HUGE, 2 * HUGE, 3 * HUGE, self.length()])
        flags = self.one(["SHARED"] * 4 + ["PRIVATE"]) + "|FIXED"
        for name, share in (("NORESERVE", .05), ("LOCKED", .03),
                            ("POPULATE", .05)):
            if self.chance(share):
                flags += "|" + name
        behind = ""
        if self.chance(.25):
            flags = flags.replace("PRIVATE", "SHARED") + "|ANON"
        else:
            behind = f" {self.one(OBJECTS)} {self.offset(at):#x}"
        prot = self.one(["rw"] * 7 + ["r", "none"])
        call = f"mmap {at:#x} {n:#x} {prot} {flags}{behind}"
        if self.chance(.6):
            call += f"\nmadvise {at:#x} {n:#x} HUGEPAGE"
        return call

    def access(self):
        at = self.place() + self.one([0, 0, 77])
        return self.one([f"write {at:#x} 1", f"write {at:#x} 1",
                         f"read {at:#x}", f"read {at:#x}",
                         f"touch {at:#x} {self.one([1, 3, 40]) * PAGE}",
                         f"peek {at:#x} {self.one([1, 3, 40]) * PAGE}",
                         "faults"])

    def look(self):
        at = self.span()
        return "\n".join(f"kpages {at + page * PAGE:#x} {2 * PAGE}"
                         for page in (0, 14, 255, 510))

    def collapse(self):
        return f"madvise {self.span():#x} {self.one([HUGE, HUGE, 2 * HUGE]):#x}"\
               " COLLAPSE"

    def truncate(self):
        size = self.one([0, HUGE, 2 * HUGE, 3 * HUGE, 3 * HUGE,
                         self.rnd.randrange(3 * HUGE // PAGE) * PAGE,
                         self.rnd.randrange(3 * HUGE)])
        return f"ftruncate {self.one(OBJECTS)} {size}"

    def elsewhere(self):
        """An address that the kernel chooses; the mapping goes again."""
        n, off = self.length(), self.one([0, 0, HUGE, PAGE, HUGE // 2])
        what = self.one([f"SHARED {self.one(OBJECTS)} {off:#x}",
                         f"PRIVATE {self.one(OBJECTS)} {off:#x}",
                         "SHARED|ANON"])
        return f"mmap 0 {n:#x} rw {what}\nmunmap $ {n:#x}"

    def table(self):
        def advise(*names):
            return lambda: self.over("madvise", self.one(names))

        return super().table() + [
            (.25, self.access), (.08, self.look), (.12, self.collapse),
            (.03, self.truncate), (.02, self.elsewhere),
            (.05, advise("REMOVE")), (.05, advise("COLD")),
            (.03, advise("POPULATE_READ", "POPULATE_WRITE")),
            (.01, lambda: self.over("msync", self.one(["SYNC", "ASYNC"])))]

    def history(self, nr):
        """Begins with all of the window mapped."""
        full = f"mmap {BASE:#x} {WINDOW * HUGE:#x} rw SHARED|FIXED"
        first = self.one([full + "|ANON", full + " A 0", full + " B 0",
                          self.map()])
        return [first] + super().history(nr - 1)
