"""Random histories of processes and threads, for conduct.c.

A task of the script's own tree is chosen, makes some calls, forks, executes a
program, ends or waits; whom the kernel has is what the generator guesses: a
line for a task that is gone or suspended is answered the same by both sides.
"""
import histories

SETUP = f"memfd M {16 * histories.PAGE}\nfile F {16 * histories.PAGE}\n" \
        "file E 9000\nreopen R F ro\nreopen W M wo\nbegin\n" \
        "set stack 0x7ffffffde000\nclone fork\ntask 3\n"
FIRST = 3
# What asks for more than a few instructions: code of one's own, vectors; and
# limits at which execve kills.
NOT_HERE = ("rlimit", "setrlimit", "jump", "mincore", "dropcap", "capset")


class LifeGenerator(histories.Generator):
    shares = .25, .5  # how often another task acts; up to a call of memory

    def __init__(self, *args):
        super().__init__(*args)
        self.last = FIRST

    def add_forks(self, ops):
        """Those are clones here."""

    def policies(self):
        """Not here: their masks lie in memory, calls have numbers alone."""
        return self.access()

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

    def life(self):
        return self.one([
            self.clone, self.clone, self.clone,
            lambda: "execve",
            lambda: f"quit {self.rnd.randrange(256)}",
            lambda: f"quit_group {self.rnd.randrange(256)}",
            lambda: f"kill {self.tid()}",
            self.wait, self.wait, self.wait,
            lambda: f"prctl 36 {self.one([1, 1, 0])}",
            lambda: f"oom_score_adj {self.one([0, 1, 300, 999, 1000, -5])}",
            lambda: f"setrlimit {self.one(['data', 'stack', 'nofile'])} "
                    f"{self.one([1 << 20, 8 << 20])} {16 << 20}"
                    if self.chance(.1) else self.wait(),
        ])()

    def wait(self):
        pid = self.one([-1, -1, -1, 0, self.tid(), -2, -self.tid()])
        return f"wait {pid} {self.one([0, 0, 0, 1 << 30, 1 << 29, 1 << 31])}"

    def history(self, nr):
        ops, changed = [], False
        calls = iter(super().history(nr))
        for call in calls:
            kind = self.rnd.random()
            if kind < self.shares[0]:
                call = f"task {self.tid()}"
            elif kind < self.shares[1]:
                call = self.life()
            elif call.split()[0] in NOT_HERE:
                continue
            name = call.split()[0]
            changed |= name[:3] == "set" and name[-2:] == "id"
            if changed and name == "setrlimit":
                continue  # by the tracer, whom other users do not obey
            ops.append(call)
        return ops
