#!/usr/bin/env python3
"""kill.py PAGEFS WORK ROUNDS SEED: what kill.sh runs.

One client works in a round alone, and knows what the log, disk/ and
checkpoints/ must be after each of its calls that returned; or several work at
once, and each knows its own lines.  The call during which the daemon dies may
have happened or not; of a write of many lines, the first ones may have.
"""
import os, random, shutil, signal, sqlite3, subprocess, sys, threading, time

pagefs, work, rounds, seed = sys.argv[1:3] + [int(a) for a in sys.argv[3:]]
rnd = random.Random(seed)
m, db = work + "/mnt", work + "/machine.db"
OPTIONS = ["ram=64M,disk=32M,swap=0", "ram=64M,disk=32M,swap=0,durability=power"]
done = {}


class Died(Exception):
    """The daemon was killed under a call."""


class Moment:
    """What the mount must show: lines of ctl files, files, checkpoints."""

    def __init__(self, lines=(), files=None, names=None):
        self.lines = list(lines)     # (actor, command)
        self.files = dict(files or {})
        # name: (Moment or None, state hash or None)
        self.names = dict(names or {})

    def copy(self):
        return Moment(self.lines, self.files, self.names)


def fail(text):
    print("FAIL: round %d, seed %d: %s" % (number, seed, text), flush=True)
    subprocess.call(["fusermount3", "-uzq", m])
    os._exit(1)


def read(path):
    with open(m + "/" + path, "rb") as f:
        return f.read()


def is_mounted():
    return os.path.ismount(m)


# ---- the daemon ------------------------------------------------------------

class Daemon:
    def __init__(self, where=db):
        self.killed = False
        self.out = open(work + "/out", "ab")
        self.p = subprocess.Popen([pagefs, "-f", "-o", rnd.choice(OPTIONS),
            where, m], stdout=self.out, stderr=self.out)

    def wait(self):
        """Until the mount stands, or the daemon has gone."""
        while not is_mounted():
            if self.p.poll() is not None:
                return False
            time.sleep(0.005)
        return True

    def kill(self):
        self.killed = True
        self.p.kill()
        self.p.wait()
        subprocess.call(["fusermount3", "-uzq", m])

    def unmount(self):
        subprocess.check_call(["fusermount3", "-u", m])
        if self.p.wait() != 0:
            fail("the daemon ended with %d" % self.p.returncode)


def mount(where=db):
    d = Daemon(where)
    if not d.wait():
        with open(work + "/out", "rb") as f:
            fail("no mount: %r" % f.read()[-600:])
    return d


# ---- what a client does ----------------------------------------------------

class Client:
    """`now` is what has been acknowledged; `next`, what may have happened."""

    def __init__(self, daemon, now):
        self.d, self.now, self.next = daemon, now, None
        self.marks = []  # (seq, Moment) to restore
        self.n = 0

    def call(self, fn, after):
        """Runs what leads to `after`, if it returns."""
        self.next = after
        try:
            fn()
        except OSError as e:
            time.sleep(0.3)
            if self.d.killed:
                raise Died()
            fail("%s: %r" % (sys._getframe(1).f_code.co_name, e))
        self.now, self.next = after, None

    def put(self, path, data):
        """All of it in as many calls as it takes."""
        fd = os.open(m + path, os.O_WRONLY)
        try:
            while data:
                data = data[os.write(fd, data):]
        finally:
            os.close(fd)

    def lines(self, path, lines):
        after = self.now.copy()
        after.lines += [(path[1:-4].lstrip("/") or "ctl", l) for l in lines]
        text = "".join(l + "\n" for l in lines).encode()
        self.call(lambda: self.put(path, text), after)

    def line(self):
        self.n += 1
        self.lines("/proc/1/ctl", ['write a+%d "%d.%d"' %
            (rnd.randrange(1000000), number, self.n)])

    def many(self):
        self.n += 1
        self.lines("/proc/1/ctl", ['write a+%d "%d.%d.%d"' %
            (rnd.randrange(1000000), number, self.n, i)
            for i in range(rnd.randrange(2, 3000))])

    def heavy(self):
        """What takes long to replay: an automatic checkpoint is due."""
        self.n += 1
        self.lines("/proc/1/ctl", (["touch b 8M w", "madvise b 8M dontneed"]
            * rnd.randrange(200, 800))[:-1])

    def disk(self):
        name = "f%d" % rnd.randrange(4)
        data = os.urandom(rnd.randrange(1, 400000))
        after = self.now.copy()
        after.files[name] = b""
        self.call(lambda: open(m + "/disk/" + name, "wb").close(), after)
        fds = []
        self.call(lambda: fds.append(
            os.open(m + "/disk/" + name, os.O_WRONLY)), after)
        fd = fds[0]
        try:
            step = rnd.choice([4096, 65536, 1 << 20])
            for at in range(0, len(data), step):
                after = self.now.copy()
                after.files[name] = data[:at + step]
                self.call(lambda: os.pwrite(fd, data[at:at + step], at), after)
        finally:
            try:
                os.close(fd)
            except OSError:
                pass

    def save(self):
        self.n += 1
        name = "c%d.%d" % (number, self.n)
        after = self.now.copy()
        after.names[name] = (self.now.copy(), None)
        self.call(lambda: os.mkdir(m + "/checkpoints/" + name), after)
        self.call(lambda: self.learn(name), self.now)

    def learn(self, name):
        state = read("checkpoints/%s/state_hash" % name)
        live = read("state_hash")
        if state != live:
            fail("checkpoint %s has %r, the machine %r" % (name, state, live))
        self.now.names[name] = (self.now.names[name][0], state)

    def remove(self):
        if not self.now.names:
            return
        name = rnd.choice(sorted(self.now.names))
        after = self.now.copy()
        del after.names[name]
        self.call(lambda: os.rmdir(m + "/checkpoints/" + name), after)

    def seq(self):
        log = []
        self.call(lambda: log.append(read("log")[-5000:]), self.now)
        lines = log[0].split(b"\n")
        return int(lines[-2].split()[0]) if len(lines) > 1 else 0

    def mark(self):
        if self.now.lines:
            self.marks.append((self.seq(), self.now.copy()))

    def restore(self):
        kept = [(n, c[0]) for n, c in self.now.names.items() if c[0]]
        if not kept + self.marks:
            return
        where, then = rnd.choice(kept + self.marks)
        after = Moment(then.lines, then.files, self.now.names)
        self.call(lambda: self.put("/ctl", b"restore %s\n" %
            str(where).encode()), after)

    def forget(self):
        if rnd.random() < 0.7 or not self.now.lines:
            return
        while self.now.names:
            self.remove()
        seq, after = self.seq(), self.now.copy()
        after.lines = []
        self.marks = []
        self.call(lambda: self.put("/ctl", b"forget before=%d\n" % seq), after)

    def vacuum(self):
        self.call(lambda: self.put("/ctl", b"vacuum\n"), self.now)

    def rest(self):
        time.sleep(0.12)  # the journal finds the mount idle

    def work(self):
        what = [self.line] * 8 + [self.many] * 3 + [self.heavy] * 2
        what += [self.disk, self.disk, self.save, self.save, self.remove]
        what += [self.mark, self.mark, self.restore, self.restore]
        what += [self.forget, self.vacuum, self.rest]
        try:
            while True:
                f = rnd.choice(what)
                f()
                done[f.__name__] = done.get(f.__name__, 0) + 1
        except Died:
            pass

    # ---- of several at once: each has its own process or checkpoints -------

    def lines_for_ever(self, pid):
        try:
            while True:
                self.n += 1
                if self.n % 10:
                    self.lines("/proc/%d/ctl" % pid, ["sbrk 4K"])
                else:
                    self.lines("/proc/%d/ctl" % pid, ["mmap 64K rw as=x",
                        "touch x 64K w", "munmap x 64K"] * 300)
        except Died:
            pass

    def checkpoints_for_ever(self):
        try:
            while True:
                self.save_one()
                if len(self.now.names) > 3:
                    self.remove()
                if rnd.random() < 0.1:
                    self.vacuum()
        except Died:
            pass

    def save_one(self):
        self.n += 1
        name = "c%d.%d" % (number, self.n)
        after = self.now.copy()
        after.names[name] = (None, None)
        self.call(lambda: os.mkdir(m + "/checkpoints/" + name), after)


# ---- what the mount shows --------------------------------------------------

def shown_lines():
    """(actor, command) of each line, without disk's."""
    lines = []
    for l in read("log").decode().split("\n")[:-1]:
        seq, when, actor, rest = l.split(" ", 3)
        if actor != "disk":
            lines.append((actor, rest.rsplit(" = ", 1)[0]))
    return lines


def shown():
    now = Moment(shown_lines())
    for name in os.listdir(m + "/disk"):
        now.files[name] = read("disk/" + name)
    for name in os.listdir(m + "/checkpoints"):
        now.names[name] = (None, None)
    return now


def lines_fit(got, now, after):
    """All that was acknowledged, and of the call in progress the first."""
    if got in (now.lines, after.lines):
        return True
    n = len(now.lines)
    return got[:n] == now.lines and got == after.lines[:len(got)]


def files_fit(got, now, after):
    for name in set(got) | set(now.files) | set(after.files):
        g, a = got.get(name), after.files.get(name)
        n = now.files.get(name)
        if g in (n, a):
            continue
        if None in (g, a) or not a.startswith(g) or len(g) < len(n or b""):
            return False
    return True


def compare(c):
    got, after = shown(), c.next or c.now
    for w in ("lines", "files", "names"):
        fit = {"lines": lambda: lines_fit(got.lines, c.now, after),
            "files": lambda: files_fit(got.files, c.now, after),
            "names": lambda: set(got.names) in (set(c.now.names),
                set(after.names))}[w]()
        if not fit:
            with open(work + "/wanted", "w") as f:
                print(getattr(c.now, w), "\n", getattr(after, w), "\n",
                    getattr(got, w), file=f)
            fail("%s: see %s/wanted" % (w, work))
    # a restore turns back all at once
    back = [x for x in (c.now, after) if got.lines == x.lines]
    if back and not any(files_fit(got.files, x, after) for x in back):
        fail("files of another moment than the lines")
    for name in got.names:
        got.names[name] = c.now.names.get(name) or after.names[name]
        state = got.names[name][1]
        if state and read("checkpoints/%s/state_hash" % name) != state:
            fail("checkpoint %s has changed" % name)
    return got


def compare_several(clients, saver, before):
    got = shown()
    if got.lines[:len(before)] != before:
        fail("lines of rounds before are lost")
    for pid, c in clients.items():
        actor = "proc/%d" % pid
        mine = [l for l in got.lines[len(before):] if l[0] == actor]
        if not lines_fit(mine, c.now, c.next or c.now):
            fail("lines of %s: %d acknowledged, %d there" %
                (actor, len(c.now.lines), len(mine)))
    saver.now.lines, saver.now.files = got.lines, got.files
    if saver.next:
        saver.next.lines, saver.next.files = got.lines, got.files
    return compare(saver)


# ---- rounds ----------------------------------------------------------------

def killer(d, delay):
    def run():
        time.sleep(delay)
        d.kill()
    t = threading.Thread(target=run)
    t.start()
    return t


def examine(whole):
    """A copy of the files as the kill left them.  Returns the state that the
    journal alone gives, where it is whole."""
    copy = work + "/copy.db"
    for suffix in ("", "-wal"):
        if os.path.exists(copy + suffix):
            os.unlink(copy + suffix)
        if os.path.exists(db + suffix):
            shutil.copy(db + suffix, copy + suffix)
    p = subprocess.run([pagefs, "--check", copy], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    if p.returncode:
        fail("--check: %r" % p.stdout)
    with sqlite3.connect(copy) as c:
        ok = c.execute("PRAGMA integrity_check").fetchall()
        if ok != [("ok",)]:
            fail("integrity_check: %r" % ok)
        if whole:
            c.execute("DELETE FROM pack")
            c.execute("DELETE FROM checkpoint")
    c.close()
    if not whole:
        return None
    d = mount(copy)
    state = read("state_hash")
    d.unmount()
    return state


FIRST = [("proc/1", "mmap 1M rw as=a"), ("proc/1", "mmap 8M rw as=b")]


def fresh():
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(db + suffix):
            os.unlink(db + suffix)
    d = mount()
    c = Client(d, Moment())
    c.lines("/proc/1/ctl", [l for actor, l in FIRST])
    d.unmount()
    return c.now


def alone(d, now):
    """Returns what compares the mount that comes next."""
    c = Client(d, now)
    t = killer(d, rnd.choice([0.02, 0.1, 0.4, 1.0]) * (0.5 + rnd.random()))
    c.work()
    t.join()
    whole = c.now.lines[:2] == (c.next or c.now).lines[:2] == FIRST
    return whole, lambda: compare(c)


def several(d, now):
    clients = {}
    for _ in range(3):
        with open(m + "/ctl", "r+b", buffering=0) as f:
            f.write(b"spawn\n")
            clients[int(f.read(100))] = Client(d, Moment())
    before = shown_lines()
    saver = Client(d, Moment(names=now.names))
    threads = [threading.Thread(target=c.lines_for_ever, args=(pid,))
        for pid, c in clients.items()]
    threads.append(threading.Thread(target=saver.checkpoints_for_ever))
    for t in threads:
        t.start()
    threads.append(killer(d, 0.1 + rnd.random()))
    for t in threads:
        t.join()
    return before[:2] == FIRST, lambda: compare_several(clients, saver, before)


def opening():
    """Dies while it opens what was killed."""
    d = Daemon()
    time.sleep(rnd.random() * rnd.choice([0.02, 0.2, 0.6]))
    d.kill()


os.makedirs(m)
number, opened = 0, 0
now = fresh()
while number < rounds:
    number += 1
    whole, compare_it = (alone if number % 4 else several)(mount(), now)
    state = examine(whole)
    while rnd.random() < 0.3:
        opening()
        opened += 1
    d = mount()
    now = compare_it()
    if state and state != read("state_hash"):
        fail("a replay from boot gives another state")
    if rnd.random() < 0.3:
        d.unmount()
    else:
        d.kill()
    if len(now.lines) > 60000 or not whole and rnd.random() < 0.3:
        now = fresh()
    if number % 20 == 0:
        print("%d rounds, seed %d" % (number, seed), flush=True)
print("%d rounds, %d killed while opening: %s" % (rounds, opened,
    ", ".join("%s %d" % x for x in sorted(done.items()))))
