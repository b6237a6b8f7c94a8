"""Random histories of memory calls: a seed gives a list of script lines.

Mappings meet in a small window; where it lies, what the history is about, and
how often each kind of call comes, are the seed's.
"""
import random

PAGE = 4096
HUGE = 2 << 20
TOP = {64: 0x7ffffffff000, 32: 0xffffe000}

# Where the window begins: alone, across tables of the last level, across
# tables of the levels above, in reach of a stack of 8 MiB.  The third of 32
# bits is left out where a stack of 2 GiB would reach it.
WINDOWS = {
    64: [0x400000] * 6 + [0x3f8000, 0x3fff8000, 0x7ffffff8000,
                          0x555556000000, 0x7fffff7f8000],
    32: [0x400000] * 6 + [0x3f8000, 0x3fdf8000, 0xff7f8000, 0x7fdf8000],
}

# Arguments out of this world; those of 64 bits arrive cut in 32-bit programs.
# None of them, nor a sum with an address of the window, is near the stack.
STRANGE = [0, 1, PAGE - 1, PAGE, 0x7ffffffff000, 0x7ffffffff001,
           0x800000000000, 0xffff800000000000,
           0x8000000000000000, 0xfffffffffffff000, 0xffffffffffffffff,
           0xffffffffff600000, 0xffffffffffffe001, 0xffffffff80000000,
           1 << 47, (1 << 47) - 1, 1 << 63, 1 << 52, 1 << 32, 1 << 40,
           0xffffe000, 0xfffff000, 0xffffffff, 0x80000000, 0xc0000000,
           (1 << 64) - HUGE]
# Addresses that a stack without limit would reach: too much to lock.
IN_REACH = [0x80000000, 0xc0000000, 0xffffffff80000000]

PROTS = ["rw"] * 4 + ["r", "rwx", "none", "rx", "w", "x", "wx"]
ODD_PROTS = ["r", "rw", "none", "0x100", "0xffffffff", "rwg", "rG", "rgG",
             "8", "rx", "16", "0x2000000", "0x1000000"]
MMAP_FLAGS = ["FIXED", "NOREPLACE", "32BIT", "ABOVE4G", "GROWSDOWN",
              "DENYWRITE", "EXECUTABLE", "LOCKED", "NORESERVE", "POPULATE",
              "NONBLOCK", "STACK", "SYNC", "UNINIT"]
ADVICE = ["DONTFORK", "DOFORK", "RANDOM", "NORMAL", "SEQUENTIAL", "DONTNEED",
          "DONTNEED", "FREE", "WIPEONFORK", "KEEPONFORK", "DONTDUMP",
          "DODUMP", "HUGEPAGE", "NOHUGEPAGE", "WILLNEED", "COLD",
          "POPULATE_READ", "POPULATE_WRITE", "MERGEABLE", "UNMERGEABLE",
          "DONTNEED_LOCKED"]
ODD_ADVICE = ["DONTNEED", "FREE", "5", "6", "7", "26", "99", "NORMAL", "COLD",
              "REMOVE", "POPULATE_READ", "POPULATE_WRITE", "WILLNEED",
              "COLLAPSE", "104", "-1", "GUARD_INSTALL", "GUARD_REMOVE",
              "HUGEPAGE", "DONTFORK", "WIPEONFORK", "MERGEABLE", "DODUMP"]
IDS = [0, 0, 0, 1000, 1000, 1001, 65534, 0xffffffff]
CAPS = [1, 2, 6, 7, 8, 14, 14, 17, 17, 19, 21, 21, 24]
FILES = ["M", "F", "E", "R", "W"]
SETUP = f"memfd M {16 * PAGE}\nfile F {16 * PAGE}\nfile E 9000\n" \
        "reopen R F ro\nreopen W M wo\n"


class Generator:
    """The calls of one history.  `used` has what the fresh probe uses, in
    kilobytes: VmSize and VmData."""

    def __init__(self, seed, kind, used):
        self.rnd = random.Random(f"{seed} {kind}")
        self.bits = int(kind[:2])
        self.used = used
        self.base = self.rnd.choice(
            WINDOWS[self.bits][:-1 if kind == "32-unlimited" else None])
        self.window = self.rnd.choice([24, 24, 24, 10, 48])
        self.odd = [n for n in STRANGE if kind != "32-unlimited"
                    or n not in IN_REACH]
        self.endless = kind == "32-unlimited"
        self.names = 0
        self.forks = True
        self.files, self.cut = FILES, ["M", "F", "E"]

    # ---- arguments ----

    def one(self, choices):
        return self.rnd.choice(choices)

    def chance(self, share):
        return self.rnd.random() < share

    def pages(self):
        return self.one([1, 1, 1, 2, 2, 3, 4, 6]) * PAGE

    def place(self):
        if self.names and self.chance(.08):
            return f"m{self.rnd.randrange(self.names)}" \
                   f"+{self.rnd.randrange(8) * PAGE}"
        return hex(self.base + self.rnd.randrange(self.window) * PAGE)

    def number(self):
        return self.base + self.rnd.randrange(self.window) * PAGE

    def strange(self, sane):
        """An argument that is sane, a bit off, or out of this world."""
        kind = self.rnd.random()
        if kind < .45:
            return sane
        if kind < .65:
            return (sane + self.one([1, 7, -1, 2048])) % (1 << 64)
        return (self.one(self.odd) + self.one([0, 0, sane])) % (1 << 64)

    def small(self):
        """A strange length that does not reach what the probe lives in: all
        that is refused anyway, and short ones."""
        n = self.strange(self.pages())
        top = TOP[self.bits]
        low = n & ((1 << self.bits) - 1)
        if low > top and self.base > top - 16 * HUGE:
            return PAGE  # the stack is in reach
        return n if low < 64 * PAGE or low > top else PAGE

    def wrapping(self, at):
        """The same for madvise, which skips holes: a long one must wrap."""
        if self.bits == 64 and at >= 1 << 20 and self.chance(.2):
            return (1 << 64) - self.rnd.randrange(1 << 16)
        n = self.small()
        return n if n < 64 * PAGE else PAGE

    # ---- calls ----

    def mmap(self):
        flags = ["SHARED" if self.chance(.12) else "PRIVATE", "ANON"]
        prot = self.one(PROTS)
        length, addr, tail = self.pages(), "0", ""
        kind = self.rnd.random()
        if kind < .8:
            flags.append("FIXED" if self.chance(.94) else "NOREPLACE")
            addr = self.place()
        elif kind < .87:
            addr = f"{self.place()}+{self.one([0, 0, 1])}"
        elif self.chance(.3):
            length = self.one([HUGE, 2 * HUGE, HUGE + PAGE, HUGE // 2])
        for name, share in (("NORESERVE", .08), ("STACK", .05),
                            ("LOCKED", .05), ("GROWSDOWN", .04),
                            ("POPULATE", .04), ("32BIT", .02),
                            ("ABOVE4G", .01)):
            if self.chance(share) and not (
                    name == "GROWSDOWN" and kind >= .8 and self.endless):
                flags.append(name)
        if self.chance(.2) and "GROWSDOWN" not in flags:
            flags.remove("ANON")
            off = self.rnd.randrange(12) * PAGE
            if addr[:2] == "0x" and self.chance(.5):
                off = (int(addr.split("+")[0], 16) - self.base) % (12 * PAGE)
            prot = self.one(["rw", "rw", "r"])
            tail = f" {self.one(self.cut + ['M'])} {off}"
        call = f"mmap {addr} {length} {prot} {'|'.join(flags)}{tail}"
        if kind > .8 and self.names < 6:
            call += f"\nset m{self.names}"
            self.names += 1
        return call

    def mremap(self):
        # Not of what the kernel placed: the vdso may lie behind it, and its
        # bytes are not told.
        old, old_len = hex(self.number()), self.pages()
        new_len = self.one([old_len, old_len, self.pages()])
        kind = self.rnd.random()
        if kind < .45:
            flags, to = "MAYMOVE|FIXED", self.place()
        elif kind < .7:
            flags, to = "MAYMOVE", "0"
        elif kind < .85:
            flags, to = "0", "0"
        else:
            flags, to = "MAYMOVE|DONTUNMAP", self.one(["0", self.place()])
            new_len = old_len
        if self.chance(.03):
            old_len = 0
        if self.chance(.05):
            old_len, new_len = old_len * 6, new_len * 6
        return f"mremap {old} {old_len} {new_len} {flags} {to}"

    def brk(self):
        return f"brk {self.one(['+', '+', '+', '-'])}" \
               f"{self.one([1, 100, PAGE, 2 * PAGE, 5 * PAGE])}"

    def heap(self):
        """A call on the heap, so that brk meets holes and splits."""
        at = f"brk0+{self.rnd.randrange(8) * PAGE}"
        return self.one([
            f"munmap {at} {self.pages()}",
            f"mprotect {at} {self.pages()} {self.one(['r', 'rw'])}",
            f"mmap {at} {self.pages()} rw PRIVATE|ANON|FIXED",
            f"write {at} 1",
            f"brk brk0+{self.rnd.randrange(10 * PAGE)}",
            f"madvise {at} {self.pages()} {self.one(ADVICE)}",
            f"mremap {at} {self.pages()} {self.pages()} 3 {self.place()}",
        ])

    def stack(self):
        """At and below the lowest page of a stack: growth and guard gap."""
        at = "stack" if self.chance(.3) else self.place()
        below = self.one([1, 2, 3, 16, 255, 256, 257, 258, 300]) * PAGE
        return self.one([
            f"write {at}-{below} 1", f"peek {at}-{below} 1",
            f"mmap {at} {self.pages()} rw PRIVATE|ANON|FIXED|GROWSDOWN"
            if at != "stack" else "brk +1",
            f"mmap {at}-{below} {PAGE} {self.one(['rw', 'none', 'r'])} "
            f"PRIVATE|ANON|{self.one(['FIXED', 'NOREPLACE'])}"
            + self.one(["", "", "|GROWSDOWN"]),
            f"munmap {at}-{below} {PAGE}",
            f"mprotect {self.place()} {self.pages()} "
            f"{self.one(['rwg', 'rg', 'g', 'rwxg', 'rw'])}",
            f"mlock {at}-{below} {PAGE}",
            f"mremap {at}-{below} {PAGE} {self.one([1, 2, 9]) * PAGE} 1",
        ])

    def truncate(self):
        size = self.one([0, 1, 2, 3, 5, 8, 12, 16, 20]) * PAGE
        return f"ftruncate {self.one(self.cut)} " \
               f"{size + self.one([0, 0, 0, 100, 4095])}"

    def access(self):
        at = f"{self.place()}+" \
             f"{self.one([0, 0, 1, 4095, self.rnd.randrange(PAGE)])}"
        kind = self.one(["read", "write", "touch", "peek", "peek", "touch",
                         "write", "write", "jump"])
        if at[0] == "m" and kind != "write":
            kind = "peek"  # the vdso may lie there
        if kind in ("touch", "peek"):
            return f"{kind} {self.place()} {self.pages()}"
        if kind == "write":
            return f"write {at} {self.one([1, 0xc3, 0xc3])}"
        return f"{kind} {at}"

    def nonsense(self):
        at, n = self.strange(self.number()), self.strange(self.pages())
        few = self.small()
        flags = self.one(["PRIVATE|ANON|FIXED", "SHARED|ANON", "PRIVATE|ANON",
                          "SHARED_VALIDATE|ANON", "0", "ANON",
                          "DROPPABLE|ANON", "PRIVATE|ANON|NOREPLACE",
                          "4|ANON", "15|ANON",
                          "PRIVATE|ANON|GROWSDOWN|FIXED",
                          "PRIVATE|ANON|FIXED|0x80000000"])
        fd = self.one(["M", "F", "E", "R", "W", "99", "-1"])
        off = self.strange(self.rnd.randrange(16) * PAGE)
        prot = self.one(ODD_PROTS)
        new = self.strange(self.number())
        # The kernel runs the calls of the vsyscall page itself.
        code = at if at >> 12 != 0xffffffffff600 else 0
        return self.one([
            f"mmap {at:#x} {few:#x} {prot} {flags}",
            f"mmap {at:#x} {few:#x} {prot} "
            + self.one(["SHARED", "PRIVATE", "SHARED_VALIDATE", "0",
                        "DROPPABLE", "PRIVATE|GROWSDOWN", "SHARED|FIXED",
                        "SHARED_VALIDATE|0x8000000", "SHARED|SYNC",
                        "PRIVATE|HUGETLB", "PRIVATE|HUGETLB|0x78000000",
                        "SHARED|ANON|HUGETLB|0x78000000"]) +
            f" {fd} {off:#x}",
            f"munmap {at:#x} {few:#x}",
            f"mprotect {at:#x} {few:#x} {prot}",
            self.strange_mremap(at, n, new),
            f"madvise {at:#x} {self.wrapping(at):#x} {self.one(ODD_ADVICE)}",
            f"msync {at:#x} {n:#x} {self.rnd.randrange(9)}",
            f"mlock {at:#x} {few:#x}",
            f"mlock2 {at:#x} {few:#x} {self.rnd.randrange(4)}",
            f"munlock {at:#x} {n:#x}",
            f"mlockall {self.one(['0', '4', '8', '-1'])}",
            f"mincore {at:#x} {few:#x}",
            f"mseal {at:#x} "
            f"{few if at > 1 << 40 or few > 1 << 40 else 0:#x} "
            f"{self.one(['0', '1'])}",
            f"remap_file_pages {at:#x} {few:#x} "
            f"{self.one(['none', 'none', 'r'])} "
            f"{self.one([0, 3, 1 << 40, 1 << 52, (1 << 64) - 1])} "
            f"{self.one(['0', 'NONBLOCK', '0xffff'])}",
            f"read {at:#x}", f"write {at:#x} 1", f"jump {code:#x}",
            f"ftruncate {self.one(['M', 'F', 'R', 'W', '99'])} "
            f"{off % (1 << 17)}",
            f"brk {self.one([0, 1, PAGE, TOP[self.bits], 1 << 63]):#x}",
        ])

    def strange_mremap(self, at, n, new):
        """Not one that moves over, or unmaps, what the probe lives in: a
        32-bit process has it in reach."""
        how = self.rnd.randrange(9)
        old = n if self.bits == 64 else self.small()
        to = self.small() if how & 2 else self.strange(self.pages())
        return f"mremap {at:#x} {old:#x} {to:#x} {how} {new:#x}"

    def flags(self):
        """Any set of flags, on mappings that are there."""
        some = self.rnd.sample(MMAP_FLAGS, self.rnd.randrange(4))
        kind = self.one(["PRIVATE", "PRIVATE", "SHARED", "SHARED_VALIDATE",
                         "DROPPABLE", "0"])
        behind = self.one(["ANON", "ANON", "file"])
        tail = ""
        if behind == "ANON":
            some.append("ANON")
        else:
            tail = f" {self.one(self.files)} {self.rnd.randrange(18) * PAGE}"
        return self.one([
            f"mmap {self.place()} {self.pages()} {self.one(PROTS)} "
            f"{'|'.join([kind] + some)}{tail}",
            f"mremap {self.number():#x} {self.pages()} {self.pages()} "
            f"{self.rnd.randrange(8)} {self.place()}",
            f"madvise {self.place()} {self.pages()} {self.one(ODD_ADVICE)}",
            f"mprotect {self.place()} {self.pages()} {self.one(ODD_PROTS)}",
            f"msync {self.place()} {self.pages()} {self.rnd.randrange(8)}",
            f"mlock2 {self.place()} {self.pages()} {self.one([0, 1, 1, 2])}",
            f"mlockall {self.one([1, 2, 3, 4, 5, 6, 7])}",
        ])

    def objects(self):
        """What needs a file or an object behind the mapping."""
        return self.one([
            f"remap_file_pages {self.place()} {self.pages()} none "
            f"{self.rnd.randrange(12)} {self.one(['0', 'NONBLOCK'])}",
            f"madvise {self.place()} {self.pages()} REMOVE",
            f"mremap {self.place()} 0 {self.pages()} 3 {self.place()}",
            self.truncate(),
            f"madvise {self.place()} {self.pages()} "
            f"{self.one(['GUARD_INSTALL', 'GUARD_REMOVE', 'FREE'])}",
            f"mmap {self.place()} {self.pages()} {self.one(['rw', 'r'])} "
            f"{self.one(['SHARED', 'PRIVATE'])}|FIXED {self.one(self.files)} "
            f"{self.rnd.randrange(16) * PAGE}",
            f"mseal {self.place()} {self.pages()} 0"
            if self.chance(.1) else self.access(),
        ])

    def policies(self):
        """Memory policies of the one node that there is."""
        mode = self.one([0, 0, 1, 2, 2, 3, 4, 5, 6, 7]) | self.one(
            [0, 0, 0, 0x2000, 0x4000, 0x8000, 0xc000])
        nodes = self.one([0, 1, 1, 1, 3, 2, 1 << 63 | 1])
        # Pages that move to where they are change what nobody sees.
        how = self.one([0, 0, 0, 1, 1, 2, 3, 4, 6, 7, 8])
        call = self.one([
            f"mbind {self.place()} {self.pages()} {mode} {nodes} {how}",
            f"mbind {self.place()} {self.pages()} 2 1 0",
            f"mbind {self.place()} {self.pages()} 0 0 0",
            f"mbind {self.place()}+{self.one([0, 1, PAGE])} "
            f"{self.strange(self.pages()):#x} {mode} {nodes} 0",
            f"set_mempolicy {mode} {nodes}",
            f"move_pages 0 {self.one([0, 2, 4, 1])} {self.place()} "
            f"{self.place()} {self.place()}",
            f"move_nodes 0 {self.one([0, 2, 4, 8])} {self.place()} 0 "
            f"{self.place()} {self.one([0, 0, 0, 1, -1])}",
            f"migrate_pages 0 {self.one([0, 1, 3])} {nodes}",
            f"home_node {self.place()}+{self.one([0, 0, 0, 1])} "
            f"{self.pages()} {self.one([0, 0, 0, 1, 1023])} "
            f"{self.one([0, 0, 0, 0, 1])}",
        ])
        return call

    def limits(self):
        """Limits near what is used, calls that run into them, low
        addresses."""
        which = self.one(["as", "data", "stack", "memlock"])
        base = {"as": self.used["VmSize"] - 40,
                "data": self.used["VmData"] - 24,
                "stack": 132, "memlock": 0}[which]
        low = self.one([0, PAGE, 8 * PAGE, 15 * PAGE, 16 * PAGE, 17 * PAGE])
        down = self.one([1, 2, 255, 256, 257]) * PAGE
        return self.one([
            f"rlimit {which} "
            f"{(base + self.one([0, 4, 8, 20, 40, 80])) << 10}",
            f"rlimit {which} {self.one([0, 4095, 4096, 1 << 20, 1 << 23])}",
            f"brk +{self.one([1, PAGE, 4 * PAGE, 30 * PAGE])}",
            f"mmap {low:#x} {self.pages()} rw PRIVATE|ANON|"
            f"{self.one(['FIXED', 'NORESERVE', 'GROWSDOWN'])}",
            f"mremap {self.number():#x} {self.pages()} {self.pages()} 3 "
            f"{low:#x}",
            f"munmap 0 {17 * PAGE}",
            f"mmap {self.place()} {PAGE} rw PRIVATE|ANON|FIXED|GROWSDOWN",
            f"write {self.place()}-{down} 1",
            f"mmap 0 {self.pages()} rw PRIVATE|ANON|LOCKED",
            f"mprotect {self.place()} {self.pages()} "
            f"{self.one(['rwg', 'rg', 'rw'])}",
            "dropcap 14\ndropcap 17",
        ])

    def cap_change(self):
        return self.one(["same", "same", "same", f"-{self.one(CAPS)}",
                         f"-{self.one(CAPS)}", f"+{self.one(CAPS)}",
                         self.one(["0", "0x1ffffffffff", "0x1fffeffffff",
                                   "0xffffffffffffffff"])])

    def ids(self):
        one, two, three = (self.one(IDS) for _ in range(3))
        kind = self.one(["uid", "uid", "gid"])
        return self.one([
            f"set{kind} {one}", f"setre{kind} {one} {two}",
            f"setres{kind} {one} {two} {three}",
            f"setres{kind} {one} {two} 0", f"setfs{kind} {one}",
        ])

    def prctl(self):
        cap = self.one(CAPS + [40, 41, 64, (1 << 64) - 1])
        few = self.one([0, 1, 1, 2, 3, 4])
        stray = self.one([0] * 8 + [1])
        bits = self.one([0, 1, 3, 4, 16, 17, 32, 48, 64, 192, 256, 512, 4096])
        return self.one([
            f"prctl 1 {self.one([0, 9, 64, 65])}",  # signal at parent's end
            f"prctl 2 {hex(self.number())}",
            "prctl 3", f"prctl 4 {few}",           # dumpable
            "prctl 7", f"prctl 8 {few}",           # keepcaps
            f"prctl 23 {cap}", f"prctl 24 {cap}",  # bounding set
            "prctl 27", f"prctl 28 {bits}",
            f"prctl 38 {self.one([1, 1, 0])} {stray}", f"prctl 39 {stray}",
            f"prctl 41 {few} {self.one([0, 0, 2, 1])} {stray}",
            f"prctl 42 {stray}",
            f"prctl 47 {self.one([1, 2, 2, 2, 3, 4, 5])} {cap} {stray}",
            "prctl 47 4",
            f"prctl 65 {few} {stray}", f"prctl 66 {stray}",
            f"prctl 0x53564d41 0 {self.place()} {PAGE} 0",
        ])

    def rights(self):
        """Credentials, and calls that depend on them."""
        which = self.one(["as", "data", "stack", "memlock"])
        soft, hard = (self.one([0, PAGE, 1 << 20, 8 << 20, 1 << 21,
                                "unlimited"]) for _ in range(2))
        low = self.one([0, PAGE, 8 * PAGE, 16 * PAGE])
        return self.one([
            self.ids(), self.ids(), self.prctl(), self.prctl(),
            f"capset {self.cap_change()} {self.cap_change()} "
            f"{self.cap_change()}",
            f"capset {self.cap_change()} {self.cap_change()} "
            f"{self.cap_change()}",
            f"setrlimit memlock {self.one([0, PAGE, 3 * PAGE, 8 << 20])} "
            f"{self.one(['unlimited', 'unlimited', 8 << 20])}",
            f"setrlimit {which} {soft} {hard}",
            "setrlimit nofile 256 "
            + self.one(["128", "256", "4096", "0x100000", "0x100001"]),
            f"mmap {low:#x} {self.pages()} rw PRIVATE|ANON|FIXED",
            f"mremap {self.number():#x} {self.pages()} {self.pages()} 3 "
            f"{low:#x}",
            self.simple("mlock"),
            f"mlockall {self.one(['CURRENT', 'FUTURE'])}", "munlockall",
            f"mmap 0 {self.pages()} rw PRIVATE|ANON|LOCKED",
            f"limits {self.one([3, 4, 8, 9, 10])}",
        ])

    def simple(self, name, *more):
        return " ".join([name, self.place(), str(self.pages()), *more])

    def table(self):
        """Weights of all kinds of calls."""
        simple, one = self.simple, self.one
        return [
            (.24, self.mmap),
            (.10, lambda: simple("munmap")),
            (.18, lambda: simple("mprotect", one(PROTS))),
            (.16, lambda: f"write {self.place()}"
                          f"+{self.rnd.randrange(PAGE)} 1"),
            (.03, lambda: f"read {self.number():#x}"),
            (.05, lambda: f"mlock {self.place()}+{one([0, 0, 9])} "
                          f"{self.pages()}"),
            (.01, lambda: simple("mlock2", "1")),
            (.04, lambda: simple("munlock")),
            (.06, lambda: simple("madvise", one(ADVICE))),
            (.10, self.mremap),
            (.02, self.brk),
            (.01, self.heap),
            (.005, lambda: simple("msync", one(
                ["ASYNC", "SYNC", "INVALIDATE", "0"]))),
            (.005, lambda: simple("mincore")),
            (.004, lambda: "mlockall " + one(
                ["CURRENT", "FUTURE", "CURRENT|FUTURE", "CURRENT|ONFAULT"])),
            (.006, lambda: "munlockall"),
            (0, self.access), (0, self.truncate), (0, self.objects),
            (0, self.nonsense), (0, self.limits), (0, self.stack),
            (0, self.flags), (0, self.rights), (0, self.policies),
        ]

    def weights(self, table):
        """What the history is about."""
        extra = self.one([
            {},
            {self.access: .6, self.truncate: .02},
            {self.access: .5, self.objects: .4},
            {self.nonsense: .8},
            {self.access: .2, self.objects: .2, self.nonsense: .2},
            {self.access: .2, self.limits: .5},
            {self.access: .2, self.stack: .6},
            {self.access: .3, self.flags: .6},
            {self.access: .3, self.heap: .8},
            {self.access: .2, self.policies: .8},
            {self.access: .1, self.rights: 1.5},
            None,
        ])
        if extra is None:  # anything goes, but rights: they end forks
            return [0 if g == self.rights
                    else 10 ** self.rnd.uniform(-2.5, 0) for _, g in table]
        self.forks = self.rights not in extra
        return [w + extra.get(g, 0) for w, g in table]

    # ---- histories ----

    def add_forks(self, ops):
        """Children that live on, children that end, parents that end."""
        rnd, nr = self.rnd, len(ops)
        for chance in (.5, .2):
            if self.chance(chance):
                ops.insert(rnd.randrange(nr // 3, nr), "fork")
        while self.chance(.4):
            start = rnd.randrange(nr // 4, nr)
            stop = min(nr, start + rnd.randrange(1, 25))
            ops.insert(stop, "exit")
            ops.insert(start, "fork")
        while self.chance(.2):  # before any fork, whose child it would be
            nr = ops.index("fork") if "fork" in ops else nr
            ops.insert(rnd.randrange(nr // 2, nr + 1), "orphan")

    def history(self, nr):
        table = self.table()
        ops = [g() for _, g in self.rnd.choices(
            table, self.weights(table), k=nr)]
        if self.forks:  # else a child could not open its own pagemap
            self.add_forks(ops)
        if self.chance(.1):
            ops.insert(self.rnd.randrange(nr), "dropcap 14\ndropcap 17")
        return ops
