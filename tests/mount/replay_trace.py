"""Traces that lie on disk/, run by `replay_trace`.

    replay_trace.py MOUNTPOINT [SEED [MEBIBYTES]]

opt must make as many faults as Belady's rule, computed here, allows, over the
whole of a trace of several MiB; and as many in parts.  With every other policy
the machine must be where it is when the trace is written to proc/1/trace.
"""

import heapq
import os
import random
import struct
import sys

mnt = sys.argv[1]
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
size = int(sys.argv[3]) if len(sys.argv) > 3 else 2
BASE = 0x20000000
PAGES = 1024
NEVER = 1 << 60
failures = 0


def fail(what, got, wanted):
    global failures
    failures += 1
    print(f"FAIL: seed {seed}, {what}: got {got}, wanted {wanted}",
          file=sys.stderr)


def do(path, *lines):
    """The reply of the last line."""
    with open(f"{mnt}/{path}", "r+", encoding="ascii", buffering=1) as f:
        for line in lines:
            f.write(line + "\n")
            reply = f.readline().strip()
            if reply.startswith("-"):
                fail(line, reply, "no refusal")
    return reply


def read(path):
    with open(f"{mnt}/{path}", encoding="ascii") as f:
        return f.read()


def put(path, data):
    with open(f"{mnt}/{path}", "wb", buffering=0) as f:
        for at in range(0, len(data), 1 << 20):
            f.write(data[at:at + (1 << 20)])


def pages_of(rng, nr):
    """Phases: loops, hot sets, random jumps, over PAGES pages."""
    out = []
    while len(out) < nr:
        first, width = rng.randrange(PAGES), rng.randrange(1, 400)
        kind, left = rng.randrange(3), rng.randrange(1, 6000)
        for i in range(left):
            if kind == 0:
                page = first + i % width
            elif kind == 1:
                page = first + int(width * rng.random() ** 4)
            else:
                page = rng.randrange(PAGES)
            out.append(page % PAGES)
    return out[:nr]


def records(rng, pages, crossing):
    """Loads, stores and modifies; `crossing`: some lie across two pages."""
    out = []
    for page in pages:
        at = rng.randrange(4096 - 8)
        if crossing and rng.random() < 0.02 and page < PAGES - 1:
            at = 4092
        kind = rng.choice((0, 0, 1, 3))
        out.append(kind << 62 | 3 << 58 | BASE + page * 4096 + at)
    return struct.pack(f"<{len(out)}Q", *out)


def belady(pages, frames):
    """Faults of the optimal policy, and which pages are in memory then."""
    after, last = [NEVER] * len(pages), {}
    for i in range(len(pages) - 1, -1, -1):
        after[i] = last.get(pages[i], NEVER)
        last[pages[i]] = i
    there, heap, faults = {}, [], 0
    for i, page in enumerate(pages):
        if page not in there:
            faults += 1
            if len(there) == frames:
                while True:
                    use, old = heapq.heappop(heap)
                    if there.get(old) == -use:
                        break
                del there[old]
        there[page] = after[i]
        heapq.heappush(heap, (-after[i], page))
    return faults


def page_ins():
    for line in read("phys/policy").splitlines():
        if line.startswith("page_ins "):
            return int(line.split()[1])
    return None


def settings(policy, frames):
    do("ctl", "set policy linux", f"set policy {policy}",
       f"set frames {frames}")


def check_opt(rng):
    for frames in (1, 7, 100, 500):
        pages = pages_of(rng, size * 131072 + rng.randrange(1000))
        put("disk/trace", records(rng, pages, False))
        wanted = belady(pages, frames)
        settings("opt", frames)
        ran = do("proc/1/ctl", "replay_trace /trace")
        if int(ran) != len(pages):
            fail(f"opt, frames={frames}, accesses", ran, len(pages))
        if page_ins() != wanted:
            fail(f"opt, frames={frames}, faults", page_ins(), wanted)
        settings("opt", frames)
        cut = rng.randrange(len(pages))
        do("proc/1/ctl", f"replay_trace /trace 0 {cut}",
           f"replay_trace /trace {cut}")
        if page_ins() != wanted:
            fail(f"opt, frames={frames}, cut at {cut}", page_ins(), wanted)


def state():
    return [read(path) for path in
            ("phys/policy", "phys/evictions", "proc/1/trace", "proc/1/smaps",
             "cpu/0/tlb", "proc/buddyinfo")]


def lackey(data):
    """The same as text."""
    out = ["==1== Lackey"]
    for (rec,) in struct.iter_unpack("<Q", data):
        kind = (" L", " S", "I ", " M")[rec >> 62]
        out.append(f"{kind} {rec & (1 << 58) - 1:x},{1 << (rec >> 58 & 15)}")
    return ("\n".join(out) + "\nnonsense").encode()


def check_same(rng, policy, text):
    """Replayed, and written; a trace of one piece for opt, for more than that
    is not known of a write."""
    nr = 100000 if policy == "opt" else size * 70000
    data = records(rng, pages_of(rng, nr), True)
    data = lackey(data[:1 << 18]) if text else data
    put("disk/trace", data)
    if policy == "linux":
        do("ctl", "set policy linux")
    else:
        settings(policy, rng.choice((0, 9, 200)))
        do("ctl", "set policy_tick 1000", "set ws_window 3000")
    name = f"{policy}{len(data)}"
    do("ctl", f"checkpoint {name}")
    do("proc/1/ctl", "replay_trace /trace")
    replayed = state()
    do("ctl", f"restore {name}")
    put("proc/1/trace", data)
    written = state()
    for i, (got, wanted) in enumerate(zip(replayed, written)):
        if got != wanted:
            fail(f"{policy}, {'text' if text else 'binary'}, file {i}", got,
                 wanted)


def check_refused():
    put("disk/half", b"\0" * 12)
    for line, error in (("replay_trace /none", "-ENOENT"),
                        ("replay_trace /half", "-EINVAL"),
                        ("replay_trace /bin", "-EISDIR")):
        fd = os.open(f"{mnt}/proc/1/ctl", os.O_RDWR)
        try:
            os.write(fd, line.encode() + b"\n")
            fail(line, "accepted", error)
        except OSError:
            said = read("proc/1/last")
            if not said.startswith(error):
                fail(line, said, error)
        os.close(fd)
    put("disk/empty", b"")
    if do("proc/1/ctl", "replay_trace /empty") != "0":
        fail("an empty trace", read("proc/1/last"), 0)


def main():
    rng = random.Random(seed)
    os.mkdir(f"{mnt}/disk/bin")
    do("proc/1/ctl",
       f"mmap {PAGES * 4}K rw addr={BASE:#x} flags=fixed,noreserve")
    check_refused()
    check_opt(rng)
    for policy in ("linux fifo lru mru clock eclock nru lfu aging random ws "
                   "opt").split():
        check_same(rng, policy, False)
        check_same(rng, policy, True)
    do("ctl", "set policy linux", "set frames 0")
    sys.exit(failures > 0)


main()
