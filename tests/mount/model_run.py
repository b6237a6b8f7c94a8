#!/usr/bin/env python3
"""The model of mappings and the machine beside it.

    model_run.py MOUNT FROM TO OPS      random calls, one process a seed

Every reply and every line of maps must be equal.
"""
import random
import sys

from model import EXEC, FILE_PAGES, HUGE, PAGE, READ, WRITE, Refused, Space


def letters(rights):
    return "".join(c for c, bit in zip("rwx", (READ, WRITE, EXEC))
                   if rights & bit) or "none"


def random_mmap(rnd, at, size):
    flags, kind, off = [], rnd.random(), None
    if rnd.random() < .12:
        flags.append("shared")
    addr = at()
    if kind < .8:
        flags.append("fixed")
    elif kind < .87:
        flags.append("noreplace")
    else:
        addr = rnd.choice([0, 0, 0, addr])
    for name, share in (("noreserve", .08), ("stack", .05), ("locked", .05),
                        ("growsdown", .03)):
        if rnd.random() < share:
            flags.append(name)
    if not addr and rnd.random() < .3:
        size = rnd.choice([HUGE, 2 * HUGE, HUGE + PAGE, HUGE // 2])
    if "growsdown" not in flags and rnd.random() < .2:
        off = rnd.randrange(12) * PAGE
        rights = rnd.choice([3, 3, 1])
    else:
        rights = rnd.choice([3, 3, 3, 3, 1, 7, 0, 5])
    line = f"mmap {size} {letters(rights)} addr={addr:#x}"
    line += f" flags={','.join(flags)}" if flags else ""
    line += f" fd=0 off={off}" if off is not None else ""
    return line, lambda s: s.mmap(addr, size, rights, flags, off)


def random_mremap(rnd, at, size):
    old, to, kind = at(), at(), rnd.random()
    new = rnd.choice([size, size, rnd.choice([1, 2, 3, 6]) * PAGE])
    if kind < .45:
        flags = ["maymove", "fixed"]
    elif kind < .7:
        flags, to = ["maymove"], 0
    elif kind < .85:
        flags, to = ["none"], 0
    else:
        flags, new, to = ["maymove", "dontunmap"], size, rnd.choice([0, to])
    line = f"mremap {old:#x} {size} {new} flags={','.join(flags)}" \
           f" addr={to:#x}"
    return line, lambda s: s.mremap(old, size, new, flags, to)


def random_call(rnd):
    def at():
        return 0x400000 + rnd.randrange(24) * PAGE

    addr, size = at(), rnd.choice([1, 1, 1, 2, 2, 3, 4, 6]) * PAGE
    rights = rnd.choice([3, 3, 3, 1, 1, 7, 0, 5])
    advice = rnd.choice(["dontfork", "dofork", "random", "normal",
                         "sequential"])
    byte = addr + rnd.randrange(PAGE)
    simple = f"{addr:#x} {size}"
    return rnd.choices([
        lambda: random_mmap(rnd, at, size),
        lambda: (f"munmap {simple}", lambda s: s.munmap(addr, size)),
        lambda: (f"mprotect {simple} {letters(rights)}",
                 lambda s: s.mprotect(addr, size, rights)),
        lambda: (f'write {byte:#x} "x"', lambda s: s.write(byte)),
        lambda: (f"mlock {simple}", lambda s: s.mlock(addr, size)),
        lambda: (f"munlock {simple}", lambda s: s.munlock(addr, size)),
        lambda: (f"madvise {simple} {advice}",
                 lambda s: s.madvise(addr, size, advice)),
        lambda: random_mremap(rnd, at, size),
        lambda: ("fork", None),
    ], [24, 10, 20, 18, 6, 5, 5, 12, .8])[0]()


# ---- the comparison --------------------------------------------------------


class Process:
    """One of the machine's."""

    def __init__(self, mount, pid):
        self.dir = f"{mount}/proc/{pid}"
        self.ctl = open(self.dir + "/ctl", "r+b", buffering=0)

    def say(self, line):
        try:
            self.ctl.write(line.encode() + b"\n")
        except OSError:
            pass  # the reply tells
        return self.ctl.readline().decode().strip()

    def maps(self):
        with open(self.dir + "/maps") as f:
            return [" ".join(l.split()[:3]) if "[" not in l else l.strip()
                    for l in f]


def expected(call, space):
    try:
        r = call(space)
    except Refused as e:
        return f"-{e} "
    return f" {r} " if isinstance(r, str) else r


def agrees(want, reply):
    if isinstance(want, str):
        return want in reply + " "
    return int(reply, 0) == want if reply[:1] != "-" else False


def run(mount, seed, nr):
    rnd = random.Random(seed)
    with open(mount + "/ctl", "r+b", buffering=0) as f:
        f.write(b"spawn name=model\n")
        p = Process(mount, int(f.readline()))
    first = p.maps()
    space = Space(first)
    p.say(f"memfd M {FILE_PAGES * PAGE}")
    said = []
    for _ in range(nr):
        line, call = random_call(rnd)
        said.append(line)
        reply = p.say(line)
        want = None
        if call:
            want = expected(call, space)
        else:
            space.fork()
            p = Process(mount, int(reply))
        maps = [l for l in p.maps() if "[" not in l]
        if (call and not agrees(want, reply)) or maps != space.maps():
            print(f"seed {seed}: {line}\nmachine: {reply}\nmodel: {want}",
                  *maps, "model:", *space.maps(), "after:", *said[-12:],
                  sep="\n")
            return 1
    p.say("exit_group")
    return 0


def main():
    mount, first, last, nr = sys.argv[1], *map(int, sys.argv[2:])
    for seed in range(first, last):
        if run(mount, seed, nr):
            return 1
    print(f"{(last - first) * nr} calls: the machine agrees with the model")
    return 0


if __name__ == "__main__":
    sys.exit(main())
