#!/usr/bin/env python3
"""Compares compressed swap with the running kernel's /dev/zram0.

    zram.py [--build=DIR] FROM TO OPS [ALGORITHM]

Pages of random kinds are stored, freed and compacted in the same order on both
devices, and after each step mm_stat must be the same: bytes stored and
compressed, frames of the pool, the most so far, same, compacted and huge pages.
The kernel's copy of LZ4 is another version than the library: where a page
becomes longer or shorter by that, the difference is carried on, and a history
in which such a page comes into another size class ends there.

The host's zram0 is reset before and after; one that is in use is left alone.
Needs root.  Exit status: 0 equal, 1 different.
"""
import fcntl
import mmap
import os
import random
import struct
import subprocess
import sys
import tempfile

KERNEL = "/sys/block/zram0/"
PAGE = 4096
SIZE = 16 << 20
SWAP_HEADER = bytes(1024) + struct.pack("<III", 1, SIZE // PAGE - 1, 0)
SWAP_HEADER += bytes(PAGE - 10 - len(SWAP_HEADER)) + b"SWAPSPACE2"
BLKDISCARD = 0x1277


def write(name, text):
    with open(name, "w") as f:
        f.write(text + "\n")


def mm_stat(where):
    return [int(n) for n in open(where + "mm_stat").read().split()]


def random_page(rng):
    """One word, noise, some noise, letters, words, single bytes."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randbytes(8) * 512
    if kind == 1:
        return rng.randbytes(PAGE)
    if kind == 2:
        noise = rng.randrange(1, PAGE)
        return rng.randbytes(noise) + bytes(PAGE - noise)
    if kind == 3:
        return bytes(rng.choice(b"abcdefgh") for _ in range(PAGE))
    if kind == 4:
        words = [rng.randbytes(rng.randrange(2, 12))
                 for _ in range(rng.randrange(2, 60))]
        return b"".join(rng.choice(words) for _ in range(2048))[:PAGE]
    page = bytearray(PAGE)
    for _ in range(rng.randrange(1, 200)):
        page[rng.randrange(PAGE)] = rng.randrange(1, 256)
    return bytes(page)


class Kernel:
    def __init__(self, algorithm):
        write(KERNEL + "reset", "1")
        write(KERNEL + "comp_algorithm", algorithm)
        write(KERNEL + "disksize", str(SIZE))
        self.fd = os.open("/dev/zram0", os.O_RDWR | os.O_DIRECT)
        self.buf = mmap.mmap(-1, PAGE)

    def put(self, slot, page):
        self.buf[:] = page
        os.pwritev(self.fd, [self.buf], slot * PAGE)

    def free(self, slot):
        fcntl.ioctl(self.fd, BLKDISCARD,
                    struct.pack("QQ", slot * PAGE, PAGE))

    def end(self):
        os.close(self.fd)
        write(KERNEL + "reset", "1")


class Machine:
    """Slot n is the n-th page of a mapping that goes out."""

    def __init__(self, pagefs, algorithm):
        self.dir = tempfile.TemporaryDirectory()
        self.mnt = self.dir.name + "/mnt"
        self.zram = self.mnt + "/sys/block/zram0/"
        os.mkdir(self.mnt)
        subprocess.check_call([pagefs, "-o", "ram=64M,swap=0",
                               self.dir.name + "/db", self.mnt])
        self.fd = os.open(self.mnt + "/ctl", os.O_RDWR)
        write(self.zram + "comp_algorithm", algorithm)
        write(self.zram + "disksize", str(SIZE))
        self.say("mkswap /dev/zram0", "swapon /dev/zram0")
        pid = self.say("spawn name=x")[0]
        os.close(self.fd)
        self.fd = os.open(f"{self.mnt}/proc/{pid}/ctl", os.O_RDWR)
        self.say(f"mmap {SIZE} rw as=b addr=0x10000000")

    def say(self, *lines):
        os.write(self.fd, ("\n".join(lines) + "\n").encode())
        said = os.read(self.fd, 1 << 16).decode().split("\n")
        bad = [s for s in said if s.startswith("-")]
        if bad:
            sys.exit(f"{lines}: {bad}")
        return said

    def put(self, slot, page):
        at = slot * PAGE
        self.say(*[f"write b+{at + i} hex:{page[i:i + 1024].hex()}"
                   for i in range(0, PAGE, 1024)],
                 f"madvise b+{at} {PAGE} pageout")

    def free(self, slot):
        self.say(f"touch b+{slot * PAGE} w")

    def end(self):
        os.close(self.fd)
        subprocess.check_call(["fusermount3", "-u", self.mnt])
        self.dir.cleanup()


def size_class(length):
    return (length + 8 + 15) // 16


class History:
    def __init__(self, pagefs, algorithm, seed):
        self.rng = random.Random(seed)
        self.both = Kernel(algorithm), Machine(pagefs, algorithm)
        self.both[0].put(0, SWAP_HEADER)
        self.live = {}  # slot: how much longer the kernel's is
        self.slot = 0
        self.lengths = [s[1] for s in self.stats()]

    def stats(self):
        return mm_stat(KERNEL), mm_stat(self.both[1].zram)

    def step(self):
        """What was done, or None: from here on the two differ."""
        k = self.rng.random()
        if k < 0.62 or not self.live:
            page = random_page(self.rng)
            self.slot += 1
            for device in self.both:
                device.put(self.slot, page)
            longer = [s[1] - was for s, was in
                      zip(self.stats(), self.lengths)]
            self.live[self.slot] = longer[0] - longer[1]
            if size_class(longer[0]) != size_class(longer[1]):
                return None
            return f"store of slot {self.slot}"
        if k < 0.98:
            slot = self.rng.choice(list(self.live))
            del self.live[slot]
            for device in self.both:
                device.free(slot)
            return f"free of slot {slot}"
        write(KERNEL + "compact", "1")
        write(self.both[1].zram + "compact", "1")
        return "compact"

    def run(self, ops):
        """Steps that were equal; -1 after a difference."""
        for op in range(ops):
            what = self.step()
            kernel, machine = self.stats()
            self.lengths = [kernel[1], machine[1]]
            if what is None:
                return op
            machine[1] += sum(self.live.values())
            if kernel != machine:
                print(f"op {op}, {what}:\n  kernel  {kernel}\n"
                      f"  machine {machine}")
                return -1
        return ops

    def end(self):
        for device in self.both:
            device.end()


def main():
    args = sys.argv[1:]
    build = "build"
    if args and args[0].startswith("--build="):
        build = args.pop(0)[8:]
    if len(args) < 3:
        sys.exit(__doc__)
    first, last, ops = (int(a) for a in args[:3])
    algorithm = args[3] if len(args) > 3 else "lz4"
    if not os.path.exists(KERNEL) or mm_stat(KERNEL)[0] or \
            open(KERNEL + "disksize").read() != "0\n":
        sys.exit("zram.py: this kernel has no /dev/zram0 that is free")
    lock = open("/tmp/pagefs-sysctl.lock", "w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    steps = 0
    for seed in range(first, last):
        history = History(build + "/fs/pagefs", algorithm, seed)
        try:
            n = history.run(ops)
        finally:
            history.end()
        if n < 0:
            print(f"seed {seed} differs")
            sys.exit(1)
        steps += n
    print(f"{last - first} histories, {steps} steps: all equal")


main()
