#!/usr/bin/env python3
"""Compares the machine with the running kernel.

    run.py [OPTION...] FROM TO OPS   random histories, by seed
    run.py [OPTION...] SCRIPT...     scripts of calls
    --build=DIR      where the programs were built (build)
    --jobs=N         histories at the same time (one a processor)
    --seconds=S      begin no history after S seconds
    --kind=NAME      histories of one kind, see README.md
    --mix[=GROUP]    histories of histories_mix.py; GROUP has most of the calls
    --lines          the machine gets the calls as lines of a ctl file
    --all            go on after a difference
    --recorded       compare SCRIPT.orc with SCRIPT.out, what the kernel said
                     when it was asked (probe --echo)

Each call's answer, the list of mappings after it and what /proc tells of them
must be equal.  At a difference the history is made as short as it can be, and
printed with both answers.  Exit status: 0 equal, 1 different, 130 interrupted
before it found one.
"""
import difflib
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import traceback
from concurrent import futures

import histories
import histories_jobs
import histories_life
import histories_mix
import histories_pool
import histories_swap
import histories_thp
import programs

# A 64- or 32-bit process, mappings below an 8 MiB stack or an endless one, or
# from a third of the address space upwards.  Of 20 seeds, these share:
KINDS = [("64", 11), ("32", 4), ("64-unlimited", 2), ("32-unlimited", 1),
         ("64-up", 1), ("32-up", 1)]


class Judge:
    """The two programs, and the mappings of a fresh probe."""

    def __init__(self, build, kind, opts):
        self.kind, self.mix = kind, opts.get("mix")
        self.setup = ""
        self.pool = None
        # Where any user may execute programs.
        self.dir = tempfile.TemporaryDirectory(prefix="oracle-")
        os.chmod(self.dir.name, 0o755)
        if kind == "jobs":
            where = os.path.join(build, "tests/oracle/")
            self.probe = [shutil.copy(where + "jobs", self.dir.name)]
            os.chmod(self.probe[0], 0o755)
            self.replay = [where + "replay_jobs",
                           "--program=" + where + "stub"]
            self.looks = "tree\n"
            self.used = {}
            self.host = Host(SETTINGS)
            return
        probe = ("stub" if kind[2:] == "-life" else "probe") + \
            ("" if kind[:2] == "64" else "32")
        probe = os.path.join(build, "tests/oracle", probe)
        options = {"unlimited": ["--stack=unlimited"], "thp": ["--thp"],
                   "thp-always": ["--thp=always"],
                   "up": ["--bottom-up"]}.get(
            kind[3:], [])
        if kind[3:6] == "thp":
            histories_thp.switch_host(
                "enabled", "always" if kind[3:] == "thp-always" else "madvise")
        shmem = kind[11:] or "never" if kind[:10] == "64-thp-shm" else None
        if shmem:
            histories_thp.switch_host("shmem_enabled", shmem)
            options = ["--thp", "--shmem=" + shmem]
        if kind in histories_pool.SIZES:
            self.pool = histories_pool.Pool(kind)
            options = [self.pool.option()]
        if kind == "64-swap":
            histories_swap.swap_on()
        self.host = Host(
            {**SETTINGS, THP + "shmem_enabled": f"[{shmem or 'never'}]"})
        self.own = os.path.join(self.dir.name, "own")
        self.probe = [probe, *options]
        if kind[2:] == "-life":
            self.probe = [os.path.join(build, "tests/oracle/conduct"),
                          "--program=" + probe, "--dir=" + self.dir.name]
        self.replay = [os.path.join(build, "tests/oracle/replay"), *options,
                       "--program=" + probe, "--own=" + self.own]
        if "lines" in opts:
            self.replay.append("--lines")
        own = self.look()
        if kind[2:] == "-life":
            self.own_is(own)
            self.looks = "state\nlife\ntree\n"
            self.setup = histories_life.setup(kind)
            self.used = {"VmSize": 188, "VmData": 16}
            self.special = []
            return
        stack = re.search(r"^(\w+)-\w+ .*\[stack\]", own, re.M)
        if not stack:
            sys.exit(f"{probe} does not run here:\n{own}")
        self.own_is(own)
        self.special = [
            (int(a, 16), int(b, 16) - int(a, 16)) for a, b in
            re.findall(r"^(\w+)-(\w+) .*\[v(?:var|dso)", own, re.M)]
        self.looks = "state\n"  # what is compared after each call
        self.setup = histories.SETUP + f"set stack 0x{stack[1]}\n"
        if self.pool:
            self.setup += self.pool.size.setup
        if shmem:
            self.setup += histories_thp.SHM_SETUP
        status = self.run(self.probe, "status VmSize VmData\n")
        self.used = {name: int(kb) for name, kb in
                     re.findall(r"(\w+):\s*(\d+)", status)}

    def look(self):
        """What the machine's process begins with; see replay_own.c."""
        own = self.run(self.probe,
                       ("begin\n" if self.kind[2:] == "-life" else
                        "dump own\nstat 26 27 28 45 46 47 48 49 50 51\n") +
                       "status CapInh CapPrm CapEff CapBnd CapAmb\n"
                       "limits 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                       "meminfo MemTotal SwapTotal Committed_AS\n")
        for name in ("admin_reserve_kbytes", "user_reserve_kbytes"):
            with open("/proc/sys/vm/" + name) as f:
                own += f"{name} {f.read()}"
        return own

    def own_is(self, own):
        with open(self.own, "w") as f:
            f.write(own)

    @staticmethod
    def run(cmd, script):
        out, err, hangs = programs.run(cmd, script, timeout=20)
        return out + ("(hangs)\n" if hangs else err)

    def ask(self, script, *opts):
        if self.pool:
            self.pool.await_pages()
        return (self.run([*self.probe, *opts], script),
                self.run([*self.replay, *opts], script))

    def history(self, seed, nr):
        if self.pool:
            return histories_pool.PoolGenerator(seed, self.kind).history(nr)
        if self.mix is not None:
            ops = histories_mix.generator(self.kind)(
                seed, self.kind, self.used, self.mix, self.special)
            return ops.history(nr)
        generator = histories_jobs.JobsGenerator if self.kind == "jobs" else \
            histories_thp.ShmGenerator \
            if self.kind[:10] == "64-thp-shm" else {
            "thp": histories_thp.HugeGenerator,
            "thp-always": histories_thp.HugeGenerator,
            "life": histories_life.LifeGenerator,
            "swap": histories_swap.Swapped,
        }.get(self.kind[3:], histories.Generator)
        ops = generator(seed, self.kind, self.used).history(nr)
        # The machine's pools are empty; where the kernel's is not, it cannot
        # be asked.
        ops = [o for o in ops if histories_pool.can_ask(o)]
        return ops


# ---- the host ------------------------------------------------------------

# What the kernel's answers depend on: the first two have to be so, the others
# to stay as they were.
THP = "/sys/kernel/mm/transparent_hugepage/"
SETTINGS = {"/proc/sys/vm/overcommit_memory": "0",
            THP + "shmem_enabled": "[never]",
            THP + "enabled": "", THP + "defrag": "",
            "/proc/sys/vm/overcommit_kbytes": "",
            "/proc/sys/vm/max_map_count": "",
            "/proc/sys/vm/mmap_min_addr": ""}
# What its daemon made huge, unasked.
COLLAPSED = THP + "khugepaged/pages_collapsed"


def contents(path):
    with open(path) as f:
        return f.read()


class Host:
    """Tells whether another program came in between: one that changes
    settings, or the kernel's daemon."""

    def __init__(self, settings):
        self.settings = settings
        self.was = {p: contents(p) for p, must in settings.items() if not must}

    def is_ours(self):
        return all(must in text if must else text == self.was[p] for
                   p, must, text in ((p, must, contents(p))
                                     for p, must in self.settings.items()))

    def wait(self):
        """Until all is as it should be."""
        for _ in range(300):
            if self.is_ours() or programs.stopped.wait(.1):
                break

    def came_between(self, begun):
        return not self.is_ours() or contents(COLLAPSED) != begun


# ---- comparison ----------------------------------------------------------


def undisturbed(judge, question):
    """The answer of question(): true if the two differ.  It is asked again if
    something on the host may have been the reason."""
    for _ in range(20):
        begun = contents(COLLAPSED)
        answer = question()
        if not answer or not judge.host.came_between(begun):
            break
        judge.host.wait()
    return answer


def first_difference(judge, ops):
    """Number of the first operation with different answers and both answers,
    or None."""
    return undisturbed(judge, lambda: difference(judge, ops))


def difference(judge, ops):
    script = judge.setup + "".join(
        f"{o}\n{judge.looks}print @@\n" for o in ops)
    kernel, machine = judge.ask(script)
    if kernel == machine:
        return None
    kernel, machine = kernel.split("@@\n"), machine.split("@@\n")
    for i in range(len(ops) + 1):
        k = kernel[i] if i < len(kernel) else "(no answer)\n"
        g = machine[i] if i < len(machine) else "(no answer)\n"
        if k != g:
            return min(i, len(ops) - 1), k, g
    return None


def one_by_one(judge, seeds, nr, generate):
    """Histories that share something of the host: 0 equal, 1 different."""
    done = 0

    def compared():
        return f"{done} histories of {nr} calls: no difference"

    with programs.telling(compared):
        for seed in seeds:
            ops = generate(seed)
            # Twice: what does not come again was another program's doing.
            found = first_difference(judge, ops) and \
                first_difference(judge, ops)
            if found:
                print(f"seed {seed}: the machine differs from the kernel")
                report(*shorten(judge, ops, found))
                return 1
            done += 1
    print(compared())
    return 0


def shorten(judge, ops, found):
    """Drops operations as long as some difference stays."""
    ops = ops[:found[0] + 1]
    size = max(1, len(ops) // 2)
    while size:
        i = 0
        while i < len(ops):
            fewer = ops[:i] + ops[i + size:]
            d = first_difference(judge, fewer) if fewer else None
            if d:
                ops, found = fewer[:d[0] + 1], d
            else:
                i += size
        size //= 2
    return ops, found


def sysctl(name):
    with open("/proc/sys/vm/" + name) as f:
        return int(f.read())


def comes_again(judge, ops):
    """What does not was another program's doing; the pool of huge pages is
    everybody's, and some hold a page of it for long; a page that has just come
    from swap may be held by what a CPU collects."""
    found = first_difference(judge, ops)
    for _ in range(4 if judge.pool or judge.kind == "64-swap" else 0):
        found = found and first_difference(judge, ops)
    return found


def report(ops, found):
    print("\n".join("    " + o for o in ops))
    kernel, machine = (text.splitlines(True) for text in found[1:])
    if len(kernel) + len(machine) > 12:
        print("".join(difflib.unified_diff(
            kernel, machine, "kernel", "machine", n=2)), end="")
        return
    for who, lines in (("kernel", kernel), ("machine", machine)):
        print(who)
        print("".join("    " + l for l in lines), end="")


class Histories:
    """Random histories of seeds first to last - 1, by several threads."""

    def __init__(self, judges, first, last, nr, opts):
        self.judges, self.nr = judges, nr
        self.next, self.last = first, last
        self.stop_at = time.time() + float(opts.get("seconds", 1e9))
        self.go_on = "all" in opts
        self.lock = threading.Lock()
        self.done = self.different = 0
        self.broken = False

    def take(self):
        """The next seed, or None."""
        with self.lock:
            if self.next >= self.last or time.time() > self.stop_at or \
                    (self.different and not self.go_on):
                return None
            self.next += 1
            return self.next - 1

    def judge_of(self, seed):
        place = seed % sum(share for _, share in KINDS)
        for kind, share in KINDS:
            place -= share
            if place < 0 or len(self.judges) == 1:
                return next(iter(self.judges.values())) \
                    if len(self.judges) == 1 else self.judges[kind]

    def one(self, seed):
        judge = self.judge_of(seed)
        ops = judge.history(seed, self.nr)
        if first_difference(judge, ops):
            found = comes_again(judge, ops)
            if found:
                self.differs(seed, judge, *shorten(judge, ops, found))
        with self.lock:
            self.done += 1

    def differs(self, seed, judge, ops, found):
        with self.lock:
            self.different += 1
            print(f"seed {seed} ({judge.kind}): "
                  "the machine differs from the kernel")
            report(ops, found)
            sys.stdout.flush()

    def work(self):
        try:
            seed = self.take()
            while seed is not None:
                self.one(seed)
                seed = self.take()
        except programs.Stopped:
            pass
        except Exception:
            self.broken = True
            traceback.print_exc()

    def run(self, jobs):
        start = time.time()
        with futures.ThreadPoolExecutor(jobs) as threads:
            try:
                futures.wait([threads.submit(self.work) for _ in range(jobs)])
            except KeyboardInterrupt:
                programs.stop()
        interrupted = programs.stopped.is_set()
        print(f"{'interrupted: ' if interrupted else ''}"
              f"{self.done} histories of {self.nr} calls in "
              f"{time.time() - start:.0f} s: {self.different or 'no'} "
              f"difference{'s' if self.different > 1 else ''}")
        if self.different or self.broken:
            return 1
        return programs.INTERRUPTED if interrupted else 0


def answers(judge, path, recorded):
    """The kernel's and the machine's, if they differ."""
    with open(path) as f:
        script = f.read()
    if recorded:
        with open(path.removesuffix(".orc") + ".out") as f:
            kernel = f.read()
        machine = judge.run([*judge.replay, "--echo"], script)
    else:
        kernel, machine = judge.ask(script, "--echo")
    return (kernel, machine) if kernel != machine else None


def scripts(judge, paths, recorded):
    done = bad = 0
    with programs.telling(
            lambda: f"{done} of {len(paths)} scripts, {bad} different"):
        for path in paths:
            found = undisturbed(judge, lambda: answers(judge, path, recorded))
            done += 1
            if not found:
                print(f"same  {path}")
                continue
            bad += 1
            print(f"DIFFERENT  {path}")
            for k, g in zip(*(text.split("\n> ") for text in found)):
                if k != g:
                    print(f"> {k.strip()}\n  machine:", *g.splitlines()[1:],
                          sep="\n  ")
    return 1 if bad else 0


def with_pool(judges, args, opts):
    """One history after the other, as they share the kernel's pool."""
    pool = next(iter(judges.values())).pool
    different = Histories(judges, *map(int, args), opts).run(1)
    return pool.missing() or different


def main():
    opts = dict((a[2:] + "=").split("=")[:2]
                for a in sys.argv[1:] if a[:2] == "--")
    args = [a for a in sys.argv[1:] if a[:2] != "--"]
    build = opts.get("build", "build")
    if len(args) != 3 or not all(a.isdigit() for a in args):
        return scripts(Judge(build, opts.get("kind", "64"), opts), args,
                       "recorded" in opts)
    kinds = [opts["kind"]] if "kind" in opts else [k for k, _ in KINDS]
    judges = {kind: Judge(build, kind, opts) for kind in kinds}
    jobs = int(opts.get("jobs", os.cpu_count()))
    if judges[kinds[0]].pool:
        return with_pool(judges, args, opts)
    return Histories(judges, *map(int, args), opts).run(jobs)


if __name__ == "__main__":
    programs.judge(main)
