"""Mixes: histories whose every proportion is the seed's.

Where and how large the windows are in which mappings meet, how long ranges
are, which files there are, how often each call comes: all of it is drawn, and
the weights are drawn anew every few hundred calls.  A name of GROUPS gives
that group of calls most of the history.
"""
import histories
import histories_life
import histories_swap
import histories_thp
from histories import ADVICE, HUGE, PAGE, PROTS, TOP

# Windows of their own: at the least address that all may map (where what lies
# below it would be the end of 32 bits' addresses: higher), across tables.
MORE_WINDOWS = {
    64: [0xc000, 0x10000, 0x1ff000, 0x3ffff000, 0x7fffff000, 0x100000000,
         0x7ffe00000000],
    32: [0x210000, 0x3ffff000, 0x60000000],
}
SPECIAL_AT = 0x20000000  # where no access meets the kernel's own bytes
GROUPS = ("alias", "files", "fixed", "lengths", "locks", "merge", "moves",
          "persona", "seals", "stacks", "special", "limits")
NO_RANDOMIZE, COMPAT_LAYOUT, READ_EXEC = 0x40000, 0x200000, 0x400000


class Mix(histories.Generator):
    """What is drawn instead of fixed; a class of histories stands behind."""

    def __init__(self, seed, kind, used, group, special):
        super().__init__(f"{group} {seed}", kind, used)
        self.group = group
        self.special = special  # addresses of [vvar] and [vdso]
        one = self.one
        # A stack without limit would grow from one down to the other.
        self.at = self.rnd.sample(
            self.windows_of(kind),
            1 if kind[3:] == "unlimited" else one([1, 1, 2, 2, 3, 4]))
        self.base = max(self.at)
        self.window = one([3, 6, 10, 24, 24, 48, 100, 300])
        self.longest = one([1, 2, 4, 8, 20, self.window])
        self.odd_lengths = one([0, 0, 0, .1, .3])
        self.advices = self.rnd.sample(ADVICE, self.rnd.randrange(
            1, len(ADVICE)))
        self.rights_of = self.rnd.choices(PROTS, k=one([2, 4, 30]))
        self.fork_often = one([0, .3, .6, .8])
        self.own_files()

    def windows_of(self, kind):
        """Not where an endless stack would reach them from far."""
        top = TOP[self.bits] // (6 if kind[3:] == "unlimited" else 1)
        return [at for at in sorted(set(
            histories.WINDOWS[self.bits] + MORE_WINDOWS[self.bits]))
            if at < top]

    def own_files(self):
        """A file of odd length, one of nothing, one that is all hole."""
        rnd, self.make = self.rnd, []
        self.files = list(self.files)
        for name, call in (
                ("P", "file P {odd}"), ("Q", "memfd Q {odd}"),
                ("Z", "memfd Z 0"), ("S", "memfd S 0\nftruncate S {odd}"),
                ("B", "file B {big}")):
            if not self.chance(.5):
                continue
            self.make.append(call.format(
                odd=rnd.randrange(1, 30 * PAGE),
                big=self.one([63, 64, 100, 400]) * PAGE))
            self.files += [name] * self.one([1, 1, 5])
        self.cut = [f for f in self.files if f not in "RWB"]

    # ---- arguments ----

    def pages(self):
        n = 1 + min(int(self.rnd.expovariate(3 / self.longest)), 511)
        if self.chance(self.odd_lengths):
            return n * PAGE - self.one([1, 8, 2048, 4095])
        return n * PAGE

    def number(self):
        return self.one(self.at) + self.rnd.randrange(self.window) * PAGE

    def place(self):
        if self.names and self.chance(.05):
            return super().place()
        return hex(self.number())

    def whole(self):
        """A window, or most of it."""
        return f"{self.one(self.at):#x} " \
               f"{self.window * PAGE * self.one([1, 1, 2, 3]) // 3 or PAGE:#x}"

    def range(self):
        if self.chance(.15):
            return self.whole()
        return f"{self.place()} {self.pages()}"

    # ---- groups of calls ----

    def alias(self):
        """Many mappings of few pages."""
        at, n = self.place(), self.pages()
        page = self.rnd.randrange(8)
        return self.one([
            f"mmap {at} {n} rw SHARED|ANON|FIXED",
            f"mremap {at} 0 {n} MAYMOVE|FIXED {self.place()}",
            f"mremap {at} 0 {n} MAYMOVE 0",
            f"mmap {at} {n} {self.one(['rw', 'r'])} SHARED|FIXED "
            f"{self.one(self.files)} {page * PAGE}",
            f"mmap {at} {n} rw PRIVATE|FIXED {self.one(self.files)} "
            f"{page * PAGE}",
            f"remap_file_pages {at} {n} none {page} 0",
            f"madvise {at} {n} {self.one(['REMOVE', 'DONTNEED', 'WILLNEED'])}",
            f"touch {at} {PAGE}", f"peek {at} {PAGE}", f"touch {at} {n}",
            f"kpages {at} {PAGE}", f"mprotect {at} {n} r",
            f"mincore {self.range()}",
        ])

    def file_calls(self):
        file = self.one(self.cut)
        at, n = self.place(), self.pages()
        return self.one([
            f"ftruncate {file} {self.rnd.randrange(24 * PAGE)}",
            f"ftruncate {file} {self.rnd.randrange(24) * PAGE}",
            f"ftruncate {file} {self.one([0, 1, PAGE, PAGE + 1])}",
            f"mmap {at} {n} {self.one(['rw', 'r', 'rx'])} "
            f"{self.one(['SHARED', 'PRIVATE', 'SHARED_VALIDATE'])}|FIXED "
            f"{self.one(self.files)} {self.rnd.randrange(20) * PAGE}",
            f"mmap {at} {n} rw {self.one(['SHARED', 'PRIVATE'])}|FIXED|"
            f"{self.one(['POPULATE', 'LOCKED', 'NORESERVE', 'NONBLOCK'])} "
            f"{file} {self.rnd.randrange(20) * PAGE}",
            f"mmap 0 {n} rw SHARED {file} {self.rnd.randrange(9) * PAGE}",
            f"read {at}+{self.rnd.randrange(PAGE)} 3",
            f"write {at}+{self.rnd.randrange(PAGE)} 1",
            f"touch {at} {n}", f"peek {at} {n}",
            f"madvise {self.range()} " + self.one(
                ["REMOVE", "DONTNEED", "WILLNEED", "POPULATE_READ",
                 "POPULATE_WRITE", "FREE", "COLD"]),
            f"msync {self.range()} {self.rnd.randrange(8)}",
            f"mincore {self.range()}",
        ])

    def fixed(self):
        """Over everything that is there."""
        area, flags = self.range(), "PRIVATE|ANON|FIXED"
        for name in ("NORESERVE", "STACK", "LOCKED", "POPULATE", "GROWSDOWN"):
            if self.chance(.1):
                flags += "|" + name
        return self.one([
            f"mmap {area} {self.one(PROTS)} {flags}",
            f"mmap {area} {self.one(PROTS)} {flags}",
            f"mmap {self.whole()} {self.one(PROTS)} {flags}",
            f"mmap {area} {self.one(PROTS)} SHARED|ANON|FIXED",
            f"mmap {area} rw PRIVATE|ANON|NOREPLACE",
            f"mmap {area} r PRIVATE|FIXED {self.one(self.files)} 0",
            f"munmap {self.whole()}",
            f"mprotect {self.whole()} {self.one(PROTS)}",
            f"madvise {self.whole()} {self.one(self.advices)}",
            f"mmap brk0+{self.rnd.randrange(8) * PAGE} {self.pages()} rw "
            f"{flags}",
        ])

    def lengths(self):
        """Lengths that end within a page, addresses that begin in one."""
        at = f"{self.place()}+{self.one([0, 0, 1, 8, 4095])}"
        n = self.one([1, 2, 4095, 4096, 4097, 8191, 8193,
                      self.rnd.randrange(1, 12 * PAGE)])
        return self.one([
            f"munmap {at} {n}", f"mprotect {at} {n} {self.one(PROTS)}",
            f"madvise {at} {n} {self.one(ADVICE)}", f"mlock {at} {n}",
            f"munlock {at} {n}", f"mlock2 {at} {n} 1",
            f"msync {at} {n} {self.rnd.randrange(5)}", f"mincore {at} {n}",
            f"mremap {self.number():#x} {n} {self.pages()} "
            f"{self.one([0, 1])}",
            f"mremap {self.number():#x} {self.pages()} {n} "
            f"{self.one([0, 1, 3])} {self.place()}",
            f"mmap {at} {n} rw PRIVATE|ANON",
            f"mmap {self.place()} {n} rw PRIVATE|ANON|FIXED",
            f"mmap {self.place()} {n} r PRIVATE|FIXED {self.one(self.files)} "
            f"{self.rnd.randrange(6) * PAGE}",
        ])

    def locks(self):
        """As much locked memory as is allowed, and a bit more."""
        pages = self.rnd.randrange(3 * self.longest + 2)
        return self.one([
            f"rlimit memlock {pages * PAGE}",
            f"rlimit memlock {pages * PAGE + self.one([1, 4095])}",
            "dropcap 14", f"mlock {self.range()}", f"mlock {self.range()}",
            f"mlock2 {self.range()} {self.one([0, 1])}",
            f"munlock {self.range()}",
            f"mlockall {self.one([1, 2, 3, 5, 6, 7])}", "munlockall",
            f"mmap {self.place()} {self.pages()} {self.one(PROTS)} "
            "PRIVATE|ANON|FIXED|LOCKED",
            f"mmap 0 {self.pages()} rw SHARED|ANON|LOCKED",
            f"mremap {self.number():#x} {self.pages()} {self.pages()} "
            f"{self.one([0, 1, 3, 5])} {self.place()}",
            f"munmap {self.range()}", self.brk(),
            f"mprotect {self.range()} {self.one(PROTS)}",
            f"madvise {self.range()} "
            f"{self.one(['DONTNEED', 'DONTNEED_LOCKED', 'FREE', 'REMOVE'])}",
            f"write {self.place()} 1",
            f"msync {self.range()} {self.one([2, 3, 6])}",
        ])

    def merge(self):
        """Neighbours that differ in one thing, which then goes."""
        at, n = self.place(), self.pages()
        here = f"{at} {n}"
        return self.one([
            f"mmap {here} rw PRIVATE|ANON|FIXED",
            f"mmap {here} rw PRIVATE|ANON|FIXED",
            f"write {at} 1", f"mprotect {here} rw", f"mprotect {here} r",
            f"madvise {here} "
            + self.one(["DONTFORK", "DOFORK", "DONTDUMP", "DODUMP", "NORMAL",
                        "RANDOM", "SEQUENTIAL", "WIPEONFORK", "KEEPONFORK",
                        "MERGEABLE", "UNMERGEABLE", "HUGEPAGE",
                        "NOHUGEPAGE", "GUARD_INSTALL", "GUARD_REMOVE"]),
            f"mlock {here}", f"munlock {here}", f"munmap {here}",
            f"mremap {at} {n} {n} 3 {self.place()}",
            f"mremap {at} {n} {self.pages()} 0",
            f"mprotect {self.whole()} rw", f"munlock {self.whole()}",
            f"madvise {self.whole()} "
            f"{self.one(['DOFORK', 'DODUMP', 'NORMAL', 'KEEPONFORK'])}",
        ])

    def moves(self):
        """mremap of any range, of several mappings at once."""
        old, n = self.number(), self.pages() * self.one([1, 1, 2, 5])
        new = self.one([n, n, n, self.pages(), 0])
        how = self.rnd.choice([0, 1, 1, 3, 3, 3, 3, 5, 7])
        if how & 4:
            new = n
        if self.chance(.1):
            n = 0
        return f"mremap {old:#x} {n} {new} {how} {self.place()}"

    def persona(self):
        return self.one([
            f"personality {NO_RANDOMIZE | self.one([0, READ_EXEC])}",
            f"personality {NO_RANDOMIZE | COMPAT_LAYOUT | READ_EXEC}",
            "personality 0xffffffff",
            f"mmap 0 {self.pages()} {self.one(PROTS)} PRIVATE|ANON",
            f"mmap {self.range()} {self.one(PROTS)} PRIVATE|ANON|FIXED",
            f"mmap {self.range()} {self.one(PROTS)} "
            f"{self.one(['PRIVATE', 'SHARED'])}|FIXED {self.one(self.files)} "
            "0",
            f"mprotect {self.range()} {self.one(PROTS)}",
            f"mprotect {self.range()} {self.one(['rg', 'rwg', 'xg'])}",
            self.brk(), f"jump {self.place()}", f"write {self.place()} 0xc3",
            f"mremap {self.number():#x} {self.pages()} {self.pages()} "
            f"{self.one([0, 1])}",
            f"prctl 67 {self.one([0, 1, 1, 2])} {self.one([0, 0, 0, 1])}",
            f"prctl 68 {self.one([0, 0, 1])}",
        ])

    def seals(self):
        area = self.range()
        return self.one([
            f"mseal {area} 0" if self.chance(.4) else f"write {self.place()} 1",
            f"munmap {area}", f"mprotect {area} {self.one(PROTS)}",
            self.moves(), self.moves(),
            f"mmap {area} rw PRIVATE|ANON|FIXED",
            f"madvise {area} {self.one(ADVICE)}",
            f"madvise {area} {self.one(['DONTNEED', 'FREE', 'REMOVE'])}",
            f"mlock {area}", f"munlock {area}", self.brk(),
            f"brk brk0+{self.rnd.randrange(10 * PAGE)}",
            f"mseal brk0+{self.rnd.randrange(4) * PAGE} {PAGE} 0"
            if self.chance(.2) else self.brk(),
            f"remap_file_pages {area} none {self.rnd.randrange(9)} 0",
            f"mmap {area} r SHARED|FIXED {self.one(self.files)} 0",
            f"mmap {area} rw PRIVATE|FIXED {self.one(self.files)} 0",
        ])

    def stacks(self):
        """Mappings that grow, close to each other, under changing limits."""
        at = self.place()
        below = self.one([1, 1, 2, 3, 8, 100, 255, 256, 257, 511, 513]) * PAGE
        flags = "PRIVATE|ANON|FIXED|GROWSDOWN" + self.one(
            ["", "", "|LOCKED", "|NORESERVE", "|POPULATE"])
        return self.one([
            f"mmap {at} {self.pages()} {self.one(PROTS)} {flags}",
            f"mmap {at}-{below} {PAGE} {self.one(PROTS)} {flags}",
            f"write {at}-{below} 1", f"write {at}-{self.one([1, 8])} 1",
            f"read {at}-{below}", f"jump {at}-{below}",
            f"mmap {at}-{below} {self.pages()} {self.one(['rw', 'none'])} "
            f"PRIVATE|ANON|{self.one(['FIXED', 'NOREPLACE'])}",
            f"munmap {at}-{below} {self.pages()}",
            f"mprotect {at} {self.pages()} "
            f"{self.one(['rwg', 'rg', 'g', 'rwxg', 'rwG', 'rw', 'none'])}",
            f"rlimit stack {self.one([0, 1, 4, 33, 40, 300, 2048]) * PAGE}",
            f"rlimit stack {self.one([PAGE + 1, 8 << 20])}",
            f"mlock {at}-{below} {self.pages()}",
            f"mlockall {self.one([2, 3, 6])}", "munlockall",
            f"mremap {at} {self.pages()} {self.pages()} "
            f"{self.one([0, 1, 3])} {self.place()}",
            f"madvise {at} {self.pages()} {self.one(self.advices)}",
            f"mmap {at}+{below} {self.pages()} rw PRIVATE|ANON",
            f"mmap 0 {self.pages()} rw PRIVATE|ANON|GROWSDOWN"
            if not self.endless else f"mincore {at} {self.pages()}",
            f"write stack-{below} 1",
        ])

    def special_calls(self):
        """The pages of the kernel that every process maps."""
        if not self.special:
            return self.access()
        at, n = self.one(self.special)
        at += self.rnd.randrange(n // PAGE) * PAGE
        n = self.one([PAGE, n, 2 * PAGE])
        return self.one([
            f"mprotect {at:#x} {n} {self.one(PROTS)}",
            f"madvise {at:#x} {n} {self.one(histories.ODD_ADVICE)}",
            f"madvise {at:#x} {n} {self.one(ADVICE)}",
            f"mlock {at:#x} {n}", f"munlock {at:#x} {n}",
            f"mlock2 {at:#x} {n} 1", f"msync {at:#x} {n} 4",
            f"mincore {at:#x} {n}", "mlockall 1", "munlockall",
            f"mremap {at:#x} {n} {n} {self.one([0, 1, 3, 5])} "
            f"{SPECIAL_AT + self.rnd.randrange(8) * PAGE:#x}" if self.chance(.2) else f"mincore {at:#x} {n}",
            f"mremap {at:#x} {n} {n + PAGE} {self.one([0, 1])}",
            f"mremap {at:#x} 0 {n} 1",
            f"munmap {at:#x} {n}" if self.chance(.2)
            else f"peek {at:#x} {PAGE}",
            f"remap_file_pages {at:#x} {n} none 0 0",
            f"mmap {at - PAGE:#x} {PAGE} r PRIVATE|ANON|NOREPLACE",
            f"mmap {at:#x} {PAGE} rw PRIVATE|ANON|FIXED"
            if self.chance(.2) else self.access(),
        ])

    def faults(self):
        return "faults"

    def clear(self):
        return f"clear_refs {self.rnd.randrange(1, 6)}"

    # ---- the mix ----

    def groups(self):
        return dict(zip(GROUPS, (
            self.alias, self.file_calls, self.fixed, self.lengths, self.locks,
            self.merge, self.moves, self.persona, self.seals, self.stacks,
            self.special_calls, self.limits)))

    def draw(self, table):
        """Weights: some calls not at all, others often or now and then."""
        weights = [0 if self.chance(.4) else 10 ** self.rnd.uniform(-2.5, 0)
                   for _ in table]
        weights = [0 if g == self.rights else w
                   for (_, g), w in zip(table, weights)]
        group = self.groups().get(self.group)
        if group:
            weights[[g for _, g in table].index(group)] = sum(weights) + 1
        return weights

    def add_forks(self, ops):
        super().add_forks(ops)
        nr = len(ops)
        while self.chance(self.fork_often):
            start = self.rnd.randrange(nr)
            ops.insert(min(nr, start + self.rnd.randrange(1, 60)), "exit")
            ops.insert(start, "fork")
        # Who has a parent that waits for it cannot give it up.
        first = ops.index("fork") if "fork" in ops else nr
        ops[first:] = [o for o in ops[first:] if o != "orphan"]

    def table(self):
        more = [*self.groups().values(), self.clear, self.faults]
        table = super().table()
        return table + [(0, g) for g in more
                        if g not in [old for _, old in table]]

    def history(self, nr):
        table, ops = self.table(), []
        while len(ops) < nr:
            weights = self.draw(table)
            for _ in range(self.one([20, 100, 100, 400])):
                ops.append(self.rnd.choices(table, weights)[0][1]())
        ops = ops[:nr]
        self.add_forks(ops)
        if "fork" in ops or "orphan" in ops:
            # after one the probe's own pages fault
            ops = [o for o in ops if o != "faults"]
        return self.make + ops


class Address(int):
    """In calls an address as in the scripts, else a number."""
    def __str__(self):
        return hex(self)


class MixHuge(Mix, histories_thp.HugeGenerator):
    """With transparent huge pages: windows of some, lengths near whole."""

    def windows_of(self, _):
        return [0x40000000, 0x7fe00000, 0x200000,
                0x20000000 if self.bits == 32 else 0x554fffe00000]

    def __init__(self, *args):
        super().__init__(*args)
        self.window = self.one([512, 1024, 2000])

    def number(self):
        at = self.one(self.at) + self.rnd.randrange(self.window) * PAGE
        near = at // HUGE * HUGE
        return Address(self.one([near, near, near + PAGE, near - PAGE, at]))

    def place(self):
        return self.number()

    def history(self, nr):
        """Not what the machine has not, huge pages of files."""
        ops = super().history(nr)
        left_out = ["COLLAPSE"] if self.chance(.6) else [
            " SHARED", "PRIVATE|FIXED ", *(" " + f for f in "MFEPQZSBRW")]
        return [o for o in ops if not any(w in o for w in left_out)]

    def pages(self):
        return self.length() if self.chance(.7) else super().pages()


class MixLife(histories_life.LifeGenerator, Mix):
    """Of many processes: some histories are about calls, some about them."""

    def __init__(self, *args):
        super().__init__(*args)
        task = self.one([.05, .1, .25, .4])
        self.shares = task, task + self.one([.05, .1, .25, .5])

    def own_files(self):
        self.make = []  # files are there before the first process

    def history(self, nr):
        return [o for o in super().history(nr)
                if o.split()[0] not in ("kpages", "faults")]


class MixSwap(histories_swap.Swapped, Mix):
    """Pages in swap, whatever else there is."""


def generator(kind):
    return {"thp": MixHuge, "thp-always": MixHuge,
            "life": MixLife, "swap": MixSwap}.get(kind[3:], Mix)
