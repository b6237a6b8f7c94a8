"""Histories whose pages go to swap, and an area of the kernel's for them.

What the swap cache still has of a page that was written out is a matter of
time; so nothing is asked that depends on it: faults, mincore, map counts.
"""
import atexit
import os
import subprocess
import tempfile

from histories import PAGE, Generator

SIZE = 64 << 20
SETTLED = ("faults", "mincore", "kpages")


def swap_on():
    """A swap area of the running kernel, for as long as this judge runs."""
    area = tempfile.NamedTemporaryFile(prefix="oracle-swap-")
    os.posix_fallocate(area.fileno(), 0, SIZE)
    subprocess.run(["mkswap", area.name], check=True, capture_output=True)
    atexit.register(swap_off, area)
    subprocess.run(["swapon", area.name], check=True)


def swap_off(area):
    with open("/proc/swaps") as f:
        if area.name in f.read():
            subprocess.run(["swapoff", area.name], check=True)
    area.close()


class Swapped(Generator):
    """Pages of memory alone: those of files would only be dropped."""

    def page_out(self):
        at, n = self.place(), self.pages()
        return self.one([
            f"madvise {at} {n} PAGEOUT", f"madvise {at} {n} PAGEOUT",
            f"madvise {at} {n} PAGEOUT", f"touch {at} {n}", f"peek {at} {n}",
            f"write {at} 1", f"madvise {at} {n} WILLNEED",
            f"mremap {at} {n} {n} 3 {self.place()}",
            f"mprotect {at} {n} {self.one(['rw', 'r', 'none'])}",
            f"madvise {at} {n} {self.one(['DONTNEED', 'FREE', 'COLD'])}",
            f"mlock {at} {n}", f"munmap {at} {n}",
            f"mmap {at} {n} rw PRIVATE|ANON|FIXED",
            f"mmap {at} {n} rw SHARED|FIXED M {self.rnd.randrange(9) * PAGE}",
            f"mmap {at} {n} rw SHARED|ANON|FIXED",
            f"mmap {at} {n} rw PRIVATE|FIXED M {self.rnd.randrange(9) * PAGE}",
        ])

    def table(self):
        return super().table() + [(.8, self.page_out)]

    def weights(self, table):
        return [*super().weights(table[:-1]), self.one([.2, 1, 3])]

    def history(self, nr):
        self.files = [f for f in self.files if f in "MWQSZ"]
        self.cut = [f for f in self.cut if f in "MQSZ"]
        return [o for o in super().history(nr)
                if not o.startswith(SETTLED)]
