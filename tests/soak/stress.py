#!/usr/bin/env python3
"""stress.py MOUNT SECONDS [restore]: many clients of one mount at once.

Writers, readers of everything, users of disk/, makers of checkpoints, visitors
of at/; with `restore` also one who goes back now and then.  What can be known
is checked: a writer's replies are its own, a row's state is the same whenever
it is visited, a checkpoint is the state of its row.  Exit status 0 if all held.
"""
import errno, os, random, sys, threading, time

m, seconds = sys.argv[1], float(sys.argv[2])
restores = "restore" in sys.argv[3:]
end = time.monotonic() + seconds
errors, counts, slowest = [], {}, 0.0
hashes, lock = {}, threading.Lock()


def read(path):
    with open(m + "/" + path, "rb") as f:
        return f.read()


def newest():
    """The number of a line that has run."""
    lines = read("log")[-4096:].split(b"\n")
    return int(lines[-2].split()[0]) if len(lines) > 1 else 0


def seen(row, state):
    """A row has one state."""
    with lock:
        assert hashes.setdefault(row, state) == state, "row %d changed" % row


def command(text, path="/ctl"):
    fd = os.open(m + path, os.O_RDWR)
    try:
        os.write(fd, text.encode() + b"\n")
        return os.read(fd, 4096).decode().split()
    finally:
        os.close(fd)


def writer(n):
    pid = int(command("spawn")[0])
    ctl = "/proc/%d/ctl" % pid
    fd = os.open(m + ctl, os.O_RDWR)
    try:
        for _ in range(20):
            os.write(fd, b"mmap 64K rw as=x\ntouch x 64K\n")
            address, done = os.read(fd, 200).split()
            assert int(address, 16) and done == b"0", (address, done)
            os.write(fd, b"munmap x 64K\n")
            assert os.read(fd, 200) == b"0\n"
    finally:
        os.close(fd)
    command("kill %d 9" % pid)


def reader(n):
    for name in os.listdir(m + "/proc"):
        if name.isdigit():
            for f in ("maps", "smaps", "status", "pagetable", "last"):
                try:
                    read("proc/%s/%s" % (name, f))
                except (FileNotFoundError, ProcessLookupError):
                    pass
    for f in ("log", "stats", "proc/buddyinfo", "phys/frames", "cpu/0/tlb",
            "state_hash", "timelines", "proc/meminfo"):
        read(f)


def prompt(n):
    """A read of the live machine waits for one command, not for a build."""
    global slowest
    for _ in range(50):
        begin = time.monotonic()
        read("proc/uptime")
        slowest = max(slowest, time.monotonic() - begin)
        time.sleep(0.005)


def disk(n):
    d = "%s/disk/d%d" % (m, n)
    data = os.urandom(20000)
    os.mkdir(d)
    with open(d + "/f", "wb") as f:
        f.write(data)
    os.rename(d + "/f", d + "/g")
    with open(d + "/g", "rb") as f:
        assert f.read() == data
    os.unlink(d + "/g")
    os.rmdir(d)


def saver(n):
    d = "checkpoints/c%d" % n
    if n % 2:
        os.mkdir(m + "/" + d)
    else:
        assert command("checkpoint c%d" % n)[0].isdigit()
    row = os.stat(m + "/" + d).st_size
    state = read(d + "/state_hash")
    seen(row, state)
    log = read(d + "/log").split(b"\n")
    assert row == 0 or int(log[-2].split()[0]) == row, (row, log[-2])
    assert read("at/%d/state_hash" % row) == state
    os.rename(m + "/" + d, m + "/" + d + "x")
    assert read(d + "x/state_hash") == state
    os.listdir(m + "/checkpoints")
    os.rmdir(m + "/" + d + "x")
    if n % 4 == 3:
        assert command("vacuum")[0].isdigit()


def visitor(n):
    back = random.randrange(60)
    try:
        read("at/-%d/log" % back)
    except FileNotFoundError:
        pass
    row = max(0, newest() - random.randrange(100))
    seen(row, read("at/%d/state_hash" % row))
    d = "%s/at/%d/proc" % (m, row)
    for name in os.listdir(d):
        if name.isdigit():
            read("at/%d/proc/%s/maps" % (row, name))
    try:
        os.stat("%s/at/%d" % (m, row + 10000000))
        assert False, "a row of the future"
    except FileNotFoundError:
        pass


def restorer(n):
    time.sleep(0.3)
    row = max(0, newest() - random.randrange(30))
    reply = command("restore %d" % row)
    assert reply[0].isdigit(), reply


def run(worker, n):
    while time.monotonic() < end and not errors:
        try:
            worker(n)
            with lock:
                counts[worker.__name__] = counts.get(worker.__name__, 0) + 1
        except BaseException as e:
            # After a restore processes and files are others.
            if restores and worker in (writer, disk, reader):
                if worker is disk:
                    os.system("rm -rf '%s/disk/d%d'" % (m, n))
                continue
            errors.append("%s: %r" % (worker.__name__, e))
            raise


work = [writer] * 3 + [reader] * 2 + [disk] * 2 + [saver] * 2 + [visitor] * 4
work += [prompt] + [restorer] * restores
threads = [threading.Thread(target=run, args=w)
    for w in [(w, n) for n, w in enumerate(work)]]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(", ".join("%s %d" % (k, counts[k]) for k in sorted(counts)),
    "; slowest read of the live machine %.3f s" % slowest)
for e in errors:
    print("FAIL:", e)
missing = {w.__name__ for w in work} - set(counts)
if missing and not errors:
    print("FAIL: never finished:", missing)
sys.exit(bool(errors or missing))
