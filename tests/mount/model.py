"""The rules of mappings as a plain model.

The model is a sorted list that is searched from one end to the other: none of
the machine's trees, tables and caches.  It was compared with the kernel before
it was compared with this.
"""

PAGE = 4096
HUGE = 1 << 21
TOP = 0x7ffffffff000
BASE = 0x7ffff7fff000  # where mappings without a hint end
MINIMUM = 0x10000
LOWEST = 0x2aaaaaaab000  # the search upwards begins there
GUARD = 256 * PAGE
STACK = 8 << 20
READ, WRITE, EXEC, SHARED, ACCOUNT, NORESERVE, LOCKED, NOCOPY, RANDOM, \
    SEQUENTIAL, DOWN, NOHUGE = (1 << i for i in range(12))
RIGHTS = READ | WRITE | EXEC
FILE_PAGES = 16


class Refused(Exception):
    pass


def pages_up(n):
    return -(-n // PAGE) * PAGE


class Vma:
    """[start, end) of an object (None: private memory) from a page on.  anon
    tells whose private pages it has, None before the first; forked: others
    may have them, too."""

    def __init__(self, start, end, flags, page, obj=None, anon=None,
                 forked=False):
        self.start, self.end, self.flags = start, end, flags
        self.page, self.obj = page, obj
        self.anon, self.forked = anon, forked

    def page_at(self, addr):
        return self.page + (addr - self.start) // PAGE

    def line(self):
        rights = "".join(c if self.flags & bit else "-"
                         for c, bit in zip("rwx", (READ, WRITE, EXEC)))
        kind = "s" if self.flags & SHARED else "p"
        off = self.page * PAGE if self.obj else 0
        return f"{self.start:08x}-{self.end:08x} {rights}{kind} {off:08x}"


class Space:
    def __init__(self, own):
        """own: lines of maps that were there before."""
        self.vmas = []
        self.size = {}  # pages of each object
        self.names = 0
        for i, line in enumerate(own):
            start, end = (int(x, 16) for x in line.split()[0].split("-"))
            down = DOWN if "[stack]" in line else 0
            if start < TOP:
                self.vmas.append(Vma(start, end, READ | down, 0, ("own", i)))

    def name(self):
        self.names += 1
        return self.names

    # ---- search ----

    def above(self, addr):
        """The first mapping that ends above addr."""
        return next((v for v in self.vmas if v.end > addr), None)

    def holding(self, addr):
        v = self.above(addr)
        return v if v and v.start <= addr else None

    def within(self, start, end):
        return [v for v in self.vmas if v.start < end and v.end > start]

    def insert(self, v):
        self.vmas.append(v)
        self.vmas.sort(key=lambda w: w.start)
        return v

    @staticmethod
    def gap_start(v):
        return max(0, v.start - GUARD) if v.flags & DOWN else v.start

    def from_top(self, size):
        """The highest hole; the guard gap of a mapping that grows down lowers
        the limit only if it lies directly above the hole."""
        limit = BASE
        while True:
            end, upper, found = limit, None, False
            for v in reversed(self.vmas):
                if v.start >= limit:
                    upper = v
                    continue
                if end - max(v.end, MINIMUM) >= size:
                    found = True
                    break
                end, upper = min(end, v.start), v
            if not found and end - MINIMUM < size:
                return None
            if not upper or self.gap_start(upper) >= end:
                return end - size
            limit = self.gap_start(upper)

    def from_bottom(self, size):
        low = LOWEST
        while True:
            at, upper = low, None
            for v in self.vmas:
                if v.end <= at:
                    continue
                if v.start >= at + size:
                    upper = v
                    break
                at = max(at, v.end)
            if at + size > TOP:
                return None
            if not upper or self.gap_start(upper) >= at + size:
                return at
            low = upper.end

    def search(self, size):
        at = self.from_top(size)
        return self.from_bottom(size) if at is None else at

    def choose(self, hint, size, anonymous):
        if size > TOP:
            raise Refused("ENOMEM")
        hint &= -PAGE
        if hint and hint + size <= TOP:
            v = self.above(hint)
            if not v or hint + size <= self.gap_start(v):
                return hint
        if anonymous and not hint and size % HUGE == 0:
            at = self.search(size + HUGE)
            if at is not None:
                return at + (-at % HUGE or HUGE)
        at = self.search(size)
        if at is None:
            raise Refused("ENOMEM")
        return at

    # ---- merging ----

    @staticmethod
    def anon_fits(neighbour, anon, source):
        """Private pages of two mappings may be mixed if they are one's own."""
        if neighbour.anon is None and anon is not None:
            return not (source and source.forked)
        if neighbour.anon is not None and anon is None:
            return not neighbour.forked
        return neighbour.anon == anon

    def fits(self, neighbour, joins, flags, obj, anon, source):
        return neighbour and joins and neighbour.flags == flags and \
            neighbour.obj == obj and self.anon_fits(neighbour, anon, source)

    @staticmethod
    def inherit(v, *others):
        for o in others:
            if v.anon is None and o.anon is not None:
                v.anon, v.forked = o.anon, o.forked

    def neighbours(self, start, end, flags, page, obj, anon, source):
        """Those on both sides that the range may become a part of."""
        left = next((v for v in self.vmas if v.end == start), None)
        right = next((v for v in self.vmas if v.start == end), None)
        if not self.fits(left, left and left.page_at(start) == page, flags,
                         obj, anon, source):
            left = None
        if not self.fits(right,
                         right and right.page == page + (end - start) // PAGE,
                         flags, obj, anon, source):
            right = None
        if left and right and None not in (left.anon, right.anon) and \
                left.anon != right.anon:
            right = None
        return left, right

    def add(self, start, end, flags, page, obj, anon=None, source=None):
        left, right = self.neighbours(start, end, flags, page, obj, anon,
                                      source)
        if left and right:
            left.end = right.end
            self.inherit(left, right)
            self.vmas.remove(right)
        elif left:
            left.end = end
        elif right:
            right.start, right.page = start, page
        else:
            return self.insert(Vma(start, end, flags, page, obj, anon))
        return left or right

    def split(self, v, addr):
        upper = Vma(addr, v.end, v.flags, v.page_at(addr), v.obj, v.anon,
                    v.forked)
        v.end = addr
        return self.insert(upper)

    def cut(self, v, start, end):
        """Takes [start, end), at one end of v, from it."""
        if v.start == start and v.end == end:
            self.vmas.remove(v)
        elif v.start == start:
            v.page = v.page_at(end)
            v.start = end
        else:
            v.end = start

    def change(self, v, start, end, flags):
        """Other flags for a part of v; the mapping that holds it then."""
        page = v.page_at(start)
        left, right = self.neighbours(start, end, flags, page, v.obj, v.anon,
                                      v)
        left = left if start == v.start else None
        right = right if end == v.end else None
        if left and right:
            left.end = right.end
            self.inherit(left, right, v)
            self.vmas.remove(v)
            self.vmas.remove(right)
        elif left:
            self.cut(v, start, end)
            left.end = end
            self.inherit(left, v)
        elif right:
            self.cut(v, start, end)
            right.start, right.page = start, page
            self.inherit(right, v)
        else:
            if start > v.start:
                v = self.split(v, start)
            if end < v.end:
                self.split(v, end)
            v.flags = flags
            return v
        return left or right

    # ---- pages ----

    def own_pages(self, v):
        """The first private page: with those of a neighbour, if they may
        become one mapping later."""
        if v.anon is not None:
            return
        i = self.vmas.index(v)
        for w in self.vmas[i + 1:i + 2] + self.vmas[max(i - 1, 0):i]:
            low, high = sorted((v, w), key=lambda x: x.start)
            if low.end == high.start and v.obj == w.obj and \
                    not (v.flags ^ w.flags) & ~RIGHTS and \
                    high.page == low.page_at(high.start) and \
                    w.anon is not None and not w.forked:
                v.anon = w.anon
                return
        v.anon = self.name()

    def populate(self, start, end, must=False):
        for v in self.within(start, end):
            if not v.flags & LOCKED:
                continue
            if not v.flags & RIGHTS:
                if must:
                    raise Refused("ENOMEM")
                return
            if v.flags & (WRITE | SHARED) == WRITE:
                self.own_pages(v)
            if v.obj and v.page_at(min(end, v.end)) > self.size[v.obj]:
                if must:
                    raise Refused("ENOMEM")
                return

    # ---- calls ----

    def mmap(self, addr, size, rights, flags, off):
        size = pages_up(size)
        fixed = "fixed" in flags or "noreplace" in flags
        shared = "shared" in flags
        if not fixed:
            addr &= -PAGE
            addr = max(addr, MINIMUM) if addr else 0
            addr = self.choose(addr, size, not shared and off is None)
        if "noreplace" in flags and self.within(addr, addr + size):
            raise Refused("EEXIST")
        bits = rights
        for name, bit in (("locked", LOCKED), ("stack", NOHUGE),
                          ("growsdown", DOWN), ("noreserve", NORESERVE),
                          ("shared", SHARED)):
            bits |= bit if name in flags else 0
        if "growsdown" in flags and shared:
            raise Refused("EINVAL")
        obj, page = None, addr // PAGE
        if off is not None:
            obj, page = "M", off // PAGE
            self.size["M"] = FILE_PAGES
        elif shared:
            obj, page = self.name(), 0
            self.size[obj] = size // PAGE
        self.unmap(addr, addr + size)
        if bits & (WRITE | NORESERVE | SHARED) == WRITE:
            bits |= ACCOUNT
        self.add(addr, addr + size, bits, page, obj)
        self.populate(addr, addr + size)
        return addr

    def unmap(self, start, end):
        for v in self.within(start, end):
            if v.start < start:
                v = self.split(v, start)
            if v.end > end:
                self.split(v, end)
            self.vmas.remove(v)

    def munmap(self, addr, size):
        self.unmap(addr, addr + pages_up(size))
        return 0

    def mprotect(self, addr, size, rights):
        at, end = addr, addr + pages_up(size)
        while at < end:
            v = self.holding(at)
            if not v:
                raise Refused("ENOMEM")
            stop = min(v.end, end)
            flags = v.flags & ~RIGHTS | rights
            if flags != v.flags:
                if rights & WRITE:
                    if not v.flags & (ACCOUNT | WRITE | SHARED | NORESERVE):
                        flags |= ACCOUNT
                elif not v.obj and v.anon is None:
                    flags &= ~ACCOUNT
                gains = v.flags & (WRITE | SHARED | LOCKED) == LOCKED and \
                    rights & WRITE
                stop = max(stop, self.change(v, at, stop, flags).end)
                if gains:
                    self.populate(at, min(stop, end))
            at = stop
        return 0

    def madvise(self, addr, size, advice):
        give, take = {
            "dontfork": (NOCOPY, 0), "dofork": (0, NOCOPY),
            "random": (RANDOM, SEQUENTIAL), "sequential": (SEQUENTIAL, RANDOM),
            "normal": (0, RANDOM | SEQUENTIAL)}[advice]
        at, end, hole = addr, addr + pages_up(size), False
        while at < end:
            v = self.above(at)
            if not v or v.start >= end:
                raise Refused("ENOMEM")
            hole |= v.start > at
            at = max(at, v.start)
            stop = min(v.end, end)
            flags = v.flags & ~take | give
            if flags != v.flags:
                stop = max(stop, self.change(v, at, stop, flags).end)
            at = stop
        if hole:
            raise Refused("ENOMEM")
        return 0

    def mlock(self, addr, size, on=True):
        at, end = addr, addr + pages_up(size)
        while at < end:
            v = self.holding(at)
            if not v:
                raise Refused("ENOMEM")
            flags = v.flags & ~LOCKED | (LOCKED if on else 0)
            stop = min(v.end, end)
            if flags != v.flags:
                stop = max(stop, self.change(v, at, stop, flags).end)
            at = stop
        if on:
            self.populate(addr, end, True)
        return 0

    def munlock(self, addr, size):
        return self.mlock(addr, size, False)

    def mremap(self, old, old_size, size, flags, to):
        fixed, keep = "fixed" in flags, "dontunmap" in flags
        if (fixed or keep) and old + old_size > to and to + size > old:
            raise Refused("EINVAL")
        if fixed and old_size == size:
            return self.move_all(old, size, to)
        v = self.holding(old)
        if not v:
            raise Refused("EFAULT")
        if (fixed or keep or size > old_size) and \
                min(old_size, size) > v.end - old:
            raise Refused("EFAULT")
        if fixed or keep:
            return self.move_to(old, old_size, size, to, fixed, keep)
        if size == old_size:
            return old
        if size < old_size:
            self.unmap(old + size, old + old_size)
            return old
        if v.end == old + old_size and not \
                self.within(v.end, old + size):
            w = self.add(v.end, old + size, v.flags, v.page_at(v.end), v.obj,
                         v.anon)
            if w.flags & LOCKED:
                self.populate(old + old_size, old + size)
            return old
        if "maymove" not in flags:
            raise Refused("ENOMEM")
        to = self.choose(0, size, v.obj is None)
        self.move(v, old, old_size, size, to, False)
        return to

    def move_to(self, old, old_size, size, to, fixed, keep):
        if fixed:
            self.unmap(to, to + size)
        if not self.holding(old):
            raise Refused("EFAULT")
        if old_size > size:
            self.unmap(old + size, old + old_size)
            old_size = size
        v = self.holding(old)
        if not fixed:
            to = self.choose(to, size, v.obj is None)
        self.move(v, old, old_size, size, to, keep)
        return to

    def move_all(self, old, size, to):
        """Several mappings at once, with the holes between them."""
        if not self.holding(old):
            raise Refused("EFAULT")
        at = old
        while (v := self.above(at)) and v.start < old + size:
            start, end = max(v.start, at), min(v.end, old + size)
            self.unmap(to + start - old, to + end - old)
            self.move(self.holding(start), start, end - start, end - start,
                      to + start - old, False)
            at = end
        return to

    def move(self, v, old, old_size, size, to, keep):
        page = v.page_at(old)
        if not v.obj and v.anon is None:
            page = to // PAGE
        flags, anon, forked = v.flags, v.anon, v.forked
        new = self.add(to, to + size, flags, page, v.obj, anon, v)
        if new.anon is None or (new.start, new.end, new.anon) == \
                (to, to + size, anon):
            new.anon, new.forked = anon, forked
        if not keep:
            self.unmap(old, old + old_size)
        else:
            w = self.holding(old)
            w.flags &= ~LOCKED
            if (w.start, w.end) == (old, old + old_size) and w is not new:
                w.anon, w.forked = None, False
        if flags & LOCKED and size > old_size:
            self.populate(to + old_size, to + size)

    def write(self, addr):
        v = self.above(addr)
        if v and v.start > addr and v.flags & DOWN:
            if not self.grow(v, addr & -PAGE):
                return "MAPERR"
        elif not v or v.start > addr:
            return "MAPERR"
        if not v.flags & WRITE:
            return "ACCERR"
        if not v.flags & SHARED:
            self.own_pages(v)
        if v.obj and v.page_at(addr) >= self.size[v.obj]:
            return "ADRERR"
        return 0

    def grow(self, v, addr):
        """A stack, down to an address; false if something is in its way."""
        low = [w for w in self.vmas if w.end <= v.start]
        low = low[-1] if low else None
        if addr < MINIMUM or v.end - addr > STACK or (
                low and not low.flags & DOWN and low.flags & RIGHTS and
                addr - low.end < GUARD):
            return False
        self.own_pages(v)
        v.page -= (v.start - addr) // PAGE
        v.start = addr
        return True

    def fork(self):
        self.vmas = [v for v in self.vmas if not v.flags & NOCOPY]
        for v in self.vmas:
            v.flags &= ~LOCKED
            if v.anon is not None:
                v.anon, v.forked = self.name(), True

    def maps(self):
        return [v.line() for v in self.vmas if not isinstance(v.obj, tuple)]
