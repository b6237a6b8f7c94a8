#!/bin/bash
# Many clients at once: readers of everything, writers of their own process,
# changes on disk/; each client's replies are its own and nothing is lost.
. "$(dirname "$0")/lib.sh"
start
python3 - "$m" <<'PY' || fail "clients"
import os, sys, threading
m = sys.argv[1]
errors = []

def run(what):
    try:
        what()
    except BaseException as e:
        errors.append(repr(e))

def writer():
    fd = os.open(m + "/ctl", os.O_RDWR)
    os.write(fd, b"spawn\n")
    pid = int(os.read(fd, 100))
    os.close(fd)
    fd = os.open("%s/proc/%d/ctl" % (m, pid), os.O_RDWR)
    os.write(fd, b"sbrk 0\n")
    begin = int(os.read(fd, 100), 16)
    for i in range(200):
        os.write(fd, b"sbrk 4K\nsbrk 0\n")
        old, new = os.read(fd, 200).split()
        assert int(new, 16) == begin + (i + 1) * 4096, (new, begin, i)
    os.close(fd)
    with open("%s/proc/%d/maps" % (m, pid)) as f:
        assert "[heap]" in f.read()
    with open(m + "/ctl", "w") as f:
        f.write("kill %d 9\n" % pid)

def reader():
    for i in range(30):
        for name in os.listdir(m + "/proc"):
            if not name.isdigit():
                continue
            for f in ("maps", "smaps", "status", "pagetable", "last"):
                try:
                    with open("%s/proc/%s/%s" % (m, name, f)) as fd:
                        fd.read()
                except (FileNotFoundError, ProcessLookupError):
                    pass
        for f in ("log", "stats", "proc/buddyinfo", "proc/meminfo", "cpu/0/tlb"):
            with open(m + "/" + f) as fd:
                fd.read()

def disk(n):
    d = "%s/disk/d%d" % (m, n)
    for i in range(20):
        os.mkdir(d)
        data = os.urandom(50000)
        with open(d + "/f", "wb") as f:
            f.write(data)
        os.rename(d + "/f", d + "/g")
        with open(d + "/g", "rb") as f:
            assert f.read() == data
        os.unlink(d + "/g")
        os.rmdir(d)

work = [writer] * 4 + [reader] * 3 + [lambda: disk(1), lambda: disk(2)]
threads = [threading.Thread(target=run, args=(w,)) for w in work]
for t in threads:
    t.start()
for t in threads:
    t.join()
for e in errors:
    print(e)
sys.exit(len(errors))
PY
is "processes left" "$(ls "$m/proc" | grep -c '^[0-9]')" 1

# The same with checkpoints and past moments.
"$(dirname "$0")/../soak/stress.py" "$m" 5 || fail "stress"
rss=$(awk '/^VmHWM/ { print $2 }' "/proc/$(daemon)/status")
# AddressSanitizer keeps what was freed.
[ "$rss" -lt 200000 ] || ldd "$PAGEFS" | grep -q libasan ||
	fail "took $rss kB"
