"""Random histories of job control, for jobs.c: signals, stops, wait, process
groups and sessions."""
import random

FIRST = 2
STOPS = [19, 19, 19, 20, 21, 22]
HARMLESS = STOPS + [18] * 7 + [0, 17, 23, 28, 65]
DEADLY = [9, 15, 1, 2, 3, 11, 14, 33, 64, 10, 6]


class JobsGenerator:
    """Who lives, and in which group, is what the generator guesses: a line for
    a task that is gone is answered the same by both sides."""

    def __init__(self, seed, kind, used):
        self.rnd = random.Random(f"{seed} {kind}")
        self.last = FIRST
        self.alive = [FIRST]
        # What a history has more of.
        self.weights = [self.rnd.choice([.3, 1, 1, 3]) for _ in self.calls()]
        # Not both: while vfork has suspended one of several threads, it is a
        # matter of chance which of the others notices a signal.
        self.threads = self.rnd.random() < .6

    def one(self, choices):
        return self.rnd.choice(choices)

    def chance(self, share):
        return self.rnd.random() < share

    def tid(self):
        if self.chance(.1):
            return self.rnd.randint(FIRST, self.last)
        return self.one(self.alive[-8:] if self.chance(.6) else self.alive)

    def born(self, how):
        if how == ("vfork" if self.threads else "thread"):
            how = "fork"
        self.last += 1
        self.alive.append(self.last)
        return how

    def ends(self, how):
        if self.me == FIRST and self.chance(.95):
            return self.born("fork")
        self.dies(self.me)
        return how

    def dies(self, tid):
        if tid in self.alive and len(self.alive) > 1:
            self.alive.remove(tid)

    def group(self):
        return self.one([0, self.tid(), self.tid(), -5])

    def waited(self):
        return self.one([-1, -1, -1, -1, 0, self.tid(), -self.tid()])

    def kill(self):
        kind = self.rnd.random()
        sig = self.one(HARMLESS)
        if kind < .6:
            who = self.tid()
            if self.chance(.25) and who != FIRST:
                sig = self.one(DEADLY)
                if self.chance(.7):
                    self.dies(who)
        elif kind < .95:
            who = self.one([0, -self.tid(), -self.tid()])
            if self.chance(.1) and who not in (0, -FIRST):
                sig = self.one(DEADLY)
        else:
            who = self.one([-1, 1, 999, -999, -(1 << 31), self.last + 1])
        return f"kill {who} {sig}"

    def calls(self):
        one = self.one
        return [
            (4, lambda: self.born("fork")),
            (.5, lambda: self.born("vfork")),
            (1.5, lambda: self.born("thread")),
            (1.5, lambda: "exec"),
            (1, lambda: self.ends(f"quit {self.rnd.randrange(256)}")),
            (.5, lambda: self.ends(f"quit_group {self.rnd.randrange(256)}")),
            (9, self.kill),
            (1.5, lambda: f"sigaction "
                          f"{one(HARMLESS + DEADLY + [17, 17, 17])} "
                          f"{one([0, 1])}"),
            (4, lambda: f"wait {self.waited()} "
                        f"{one([0, 2, 2, 8, 10, 10, 10, 1 << 29, 1 << 30])}"),
            (2, lambda: f"waitid {self.waited()} "
                        f"{one([4, 2, 8, 14, 14]) | one([0, 0, 1 << 24])}"),
            (1, lambda: "setsid"),
            (4, lambda: f"setpgid {self.group()} {self.group()}"),
            (.5, lambda: f"getpgid {self.group()}"),
            (.5, lambda: f"getsid {self.group()}"),
            (.2, lambda: f"setresuid {one([0, 1000, 1000, 1001])}"),
            (.5, lambda: f"subreaper {one([0, 1, 1])}"),
            (1.5, lambda: f"pdeathsig {one(STOPS + DEADLY + [18, 0, 65])}"),
        ]

    def history(self, nr):
        table = self.calls()
        weights = [w * f for (w, _), f in zip(table, self.weights)]
        ops = []
        for i in range(nr):
            self.me = FIRST if i < 2 else self.tid()
            call = "fork" if i < 2 else None
            ops.append(f"{self.me} "
                       + (self.born(call) if call else
                          self.rnd.choices(table, weights)[0][1]()))
        return ops
