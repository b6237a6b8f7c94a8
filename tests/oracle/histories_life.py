"""Random histories of processes and threads, for conduct.c.

A task of the script's own tree is chosen, makes some calls, forks, executes a
program, ends or waits; whom the kernel has is what the generator guesses: a
line for a task that is gone or suspended is answered the same by both sides.
"""
import histories
from histories import PAGE

STACK = {"64-life": "0x7ffffffde000", "32-life": "0xfffdd000"}


def setup(kind):
    return f"memfd M {16 * PAGE}\nfile F {16 * PAGE}\n" \
        "file E 9000\nreopen R F ro\nreopen W M wo\nbegin\n" \
        f"set stack {STACK[kind]}\nclone fork\ntask 3\n"


FIRST = 3
# What asks for more than a few instructions: code of one's own, vectors.
NOT_HERE = ("rlimit", "setrlimit", "jump", "mincore", "dropcap", "capset",
            "move_pages", "move_nodes")
# Bits of personality(2), which begin at UNAME26; PER_LINUX32 is 8.
PERSONA = [0x20000, 0x80000, 0x100000, 0x100000, 0x200000, 0x400000,
           0x400000, 0x800000, 0x1000000, 0x2000000, 0x4000000, 0x8000000,
           0x8000000, 8]
NO_RANDOMIZE = 0x40000  # or no two runs would be the same
# Numbers of limits, and what may be said of them.
LIMITS = [2, 3, 3, 7, 8, 9, 12, 16]
BYTES = [0, 4096, 64 << 10, 200 << 10, 1 << 20, 8 << 20, 16 << 20, 1 << 31,
         (1 << 64) - 1, (1 << 64) - 1]
PROGRAMS = ["64", "32", "copy64", "copy32"]


class LifeGenerator(histories.Generator):
    shares = .25, .5  # how often another task acts; up to a call of memory

    def __init__(self, *args):
        super().__init__(*args)
        self.last = FIRST

    def add_forks(self, ops):
        """Those are clones here."""

    def tid(self):
        # The newest ones more often.
        n = min(int(self.rnd.expovariate(.3)), self.last - FIRST)
        return self.last - n

    def clone(self):
        self.last += 1
        kind = self.one(["fork"] * 6 + ["vfork"] * 2 + ["thread"] * 4 +
                        ["vm"] * 2 + ["0x8000", "0x8100", "0x14900",
                                      "0x10900", "0x4000"])
        if self.chance(.05):
            self.last -= 1
            kind = self.one(["0x10000", "0x800", "0x10100"])
        return f"clone {kind}"

    def execve(self):
        """Of either width; mostly its own."""
        return f"execve {self.one(PROGRAMS + [''] * 4)}".strip()

    def personality(self):
        bits = NO_RANDOMIZE
        for bit in self.rnd.sample(PERSONA, self.one([0, 1, 1, 2, 3])):
            bits |= bit
        return f"personality {self.one([bits, bits, bits, -1])}"

    def prlimit(self):
        """Of itself and of others, whose credentials may differ."""
        pid = self.one([0, self.tid(), self.tid(), self.one([1, 2, -1, 999])])
        which, old = self.one(LIMITS), self.one([0, self.place()])
        if self.chance(.3):
            return f"prlimit {pid} {which} 0 {old}"
        soft, hard = sorted([self.one(BYTES), self.one(BYTES)])
        if self.chance(.7):
            hard = BYTES[-1]
        if self.chance(.05):
            soft, hard = hard, soft
        at = hex(self.number())  # not in the vdso, which may lie near others
        return f"store {at} {soft:#x} {hard:#x}\n" \
               f"prlimit {pid} {which} {at} {old}"

    def memory(self):
        """What is stored in the task's memory, or read from there."""
        at, to = hex(self.number()), hex(self.number())
        return self.one([
            f"mincore_to {at} {self.pages()} {to}\nread {to} 4",
            f"mincore_to {self.number() + self.one([0, 1])} {self.pages()} "
            f"{self.one([0, to])}",
            f"get_mempolicy {self.one([0, to])} {self.one([0, at])} 0 "
            f"{self.one([0, 0, 4, 8, 1])}\nread {to} 4",
            f"get_mempolicy {to} {self.one([0, at])} {self.place()} "
            f"{self.one([2, 2, 3, 0, 6])}\nread {to} 4\nread {at} 8",
        ])

    def busy(self):
        """Programs that are open for writing, and run."""
        name = self.one("XYZ")
        program = self.one(["copy64", "copy32"])
        return self.one([
            f"open_program {program} {self.one([0, 1, 1, 2])} {name}",
            f"close {name}", f"close {name}",
            f"mmap {self.place()} {PAGE} {self.one(['r', 'none'])} "
            f"{self.one(['SHARED', 'PRIVATE'])}|FIXED {name} {16 * PAGE}",
            f"execve {program}", f"execve {program}", self.execve(),
        ])

    def life(self):
        return self.one([
            self.clone, self.clone, self.clone,
            self.execve,
            lambda: f"quit {self.rnd.randrange(256)}",
            lambda: f"quit_group {self.rnd.randrange(256)}",
            lambda: f"kill {self.tid()}",
            self.wait, self.wait, self.wait,
            lambda: f"prctl 36 {self.one([1, 1, 0])}",
            lambda: f"oom_score_adj {self.one([0, 1, 300, 999, 1000, -5])}",
            lambda: f"setresuid {self.one([0, 1000])} 1000 0"
                    if self.chance(.2) else self.wait(),
            self.personality, self.prlimit, self.memory, self.busy,
            lambda: f"migrate_pages {self.tid()} {self.one([0, 1, 3])} "
                    f"{self.one([0, 1, 3, 2])}",
        ])()

    def wait(self):
        pid = self.one([-1, -1, -1, 0, self.tid(), -2, -self.tid()])
        return f"wait {pid} {self.one([0, 0, 0, 1 << 30, 1 << 29, 1 << 31])}"

    def history(self, nr):
        ops = []
        calls = iter(super().history(nr))
        for call in calls:
            kind = self.rnd.random()
            if kind < self.shares[0]:
                call = f"task {self.tid()}"
            elif kind < self.shares[1]:
                call = self.life()
            elif call.split()[0] in NOT_HERE:
                continue
            ops.append(call)
        return ops
