"""What the files say of memory adds up, under pressure.

    sums.py MOUNTPOINT [SEED [STEPS]]

A random run of processes that need more memory than there is; after each
command all files are read, and every number that can be had in two ways is.
"""

import os
import random
import struct
import sys

mnt = sys.argv[1]
seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
steps = int(sys.argv[3]) if len(sys.argv) > 3 else 120
rng = random.Random(seed)
failures = 0
history = []

LISTS = ("inactive_anon", "active_anon", "inactive_file", "active_file",
         "unevictable")
# /proc/meminfo's lines and the counters of vmstat that they are
SAME = {"MemFree": "nr_free_pages", "Active(anon)": "nr_active_anon",
        "Inactive(anon)": "nr_inactive_anon", "Active(file)": "nr_active_file",
        "Inactive(file)": "nr_inactive_file", "Unevictable": "nr_unevictable",
        "Mlocked": "nr_mlock", "AnonPages": "nr_anon_pages",
        "Mapped": "nr_mapped", "Shmem": "nr_shmem", "Dirty": "nr_dirty",
        "PageTables": "nr_page_table_pages", "SwapCached": "nr_swapcached",
        "Writeback": "nr_writeback"}
NEVER_LESS = ("pgfault", "pgmajfault", "pswpin", "pswpout", "pgfree",
              "pgpgin", "pgpgout", "pgscan_anon", "pgscan_file",
              "pgsteal_anon", "pgsteal_file", "pgactivate", "oom_kill")
KPF_LRU, KPF_ANON, KPF_SWAPCACHE = 5, 12, 13


def fail(what, got, wanted):
    global failures
    failures += 1
    print(f"FAIL: seed {seed}, after {history[-3:]}: {what}: {got}, {wanted}",
          file=sys.stderr)
    if failures > 20:
        sys.exit(1)


def same(what, a, b):
    if a != b:
        fail(what, a, b)


def read(path):
    with open(f"{mnt}/{path}", encoding="ascii") as f:
        return f.read()


def fields(path):
    """First word to the number behind it."""
    out = {}
    for line in read(path).splitlines():
        words = line.split()
        if len(words) > 1 and words[1].isdigit():
            out[words[0].rstrip(":")] = int(words[1])
    return out


def zones():
    """Of each zone its numbers; per-node stats; pages on processors' lists."""
    out, stats, zone, cpus = [], {}, None, False
    for line in read("proc/zoneinfo").splitlines():
        words = line.split()
        if words[0] == "Node":
            zone, cpus = {"name": " ".join(words), "pcp": 0}, False
            out.append(zone)
        elif words[0] == "per-node":
            zone["node"] = True
        elif words[0] == "pages" and words[1] == "free":
            zone.pop("node", None)
            zone["free"] = int(words[2])
        elif words[0] == "pagesets":
            cpus = True
        elif cpus and words[0] == "count:":
            zone["pcp"] += int(words[1])
        elif len(words) == 2 and words[1].isdigit():
            at = stats if zone.get("node") else zone
            at[words[0]] = at.get(words[0], 0) + int(words[1])
    return out, stats


def total(zone_list, key):
    return sum(z.get(key, 0) for z in zone_list)


def check_zones(mem, vm):
    zone_list, stats = zones()
    free = [z["free"] for z in zone_list if z.get("managed")]
    buddy = []
    for line in read("proc/buddyinfo").splitlines():
        counts = map(int, line.split()[4:])
        buddy.append(sum(n << order for order, n in enumerate(counts)))
    same("zoneinfo's free pages and buddyinfo", free, buddy)
    same("nr_free_pages", vm["nr_free_pages"], sum(free))
    same("MemTotal", mem["MemTotal"], total(zone_list, "managed") * 4)
    for name in LISTS:
        same(f"zones' {name}", total(zone_list, "nr_zone_" + name),
             vm["nr_" + name])
    for name, value in stats.items():
        same(f"zoneinfo's {name} and vmstat", value, vm[name])
    same("pages that wait to be written", total(zone_list,
         "nr_zone_write_pending"), vm["nr_dirty"] + vm["nr_writeback"])
    same("nr_vmscan_write", vm["nr_vmscan_write"],
         vm["pswpout"] + vm["swpout_zero"])
    for name in ("nr_mlock", "nr_zspages", "numa_hit", "numa_local"):
        same(f"zones' {name}", total(zone_list, name), vm[name])
    return total(zone_list, "pcp")


def check_meminfo(mem, vm):
    for name, counter in SAME.items():
        same(f"{name} and {counter}", mem[name], vm[counter] * 4)
    for name in ("Active", "Inactive"):
        same(name, mem[name], mem[f"{name}(anon)"] + mem[f"{name}(file)"])
    same("Cached", mem["Cached"] + mem["SwapCached"] + mem["Buffers"],
         vm["nr_file_pages"] * 4)
    lists = mem["Active"] + mem["Inactive"] + mem["Unevictable"]
    known = mem["AnonPages"] + mem["Cached"]
    if not known <= lists <= known + mem["SwapCached"]:
        fail("pages on lists", lists, (known, mem["SwapCached"]))


def check_nodes(mem, vm):
    sums, kb = {}, {}
    where = "sys/devices/system/node"
    nodes = [n for n in os.listdir(f"{mnt}/{where}")
             if n.startswith("node") and n[4:].isdigit()]
    for node in nodes:
        for name, value in fields(f"{where}/{node}/vmstat").items():
            sums[name] = sums.get(name, 0) + value
        for line in read(f"{where}/{node}/meminfo").splitlines():
            words = line.split()
            name = words[2].rstrip(":")
            kb[name] = kb.get(name, 0) + int(words[3])
    for name, value in sums.items():
        same(f"nodes' {name}", value, vm[name])
    for name in ("MemTotal", "MemFree", "Active", "Inactive", "Unevictable",
                 "Dirty", "AnonPages", "Mapped", "Shmem", "PageTables",
                 "KernelStack", "SwapCached"):
        same(f"nodes' {name}", kb[name], mem[name])


def check_events(vm, before, used):
    for who in ("pgscan", "pgsteal"):
        by = sum(vm[f"{who}_{w}"] for w in
                 ("kswapd", "direct", "khugepaged", "proactive"))
        same(who, by, vm[f"{who}_anon"] + vm[f"{who}_file"])
    for name in NEVER_LESS:
        if vm[name] < before.get(name, 0):
            fail(name, vm[name], f"not less than {before[name]}")
    given = sum(v for k, v in vm.items() if k.startswith("pgalloc_"))
    return given - vm["pgfree"] - used


def check_disks(vm):
    """The same numbers of disks wherever they are; what zram0 holds."""
    sizes = {w[3]: int(w[2]) for w in
             map(str.split, read("proc/partitions").splitlines()[2:])}
    for line in read("proc/diskstats").splitlines():
        w = line.split()
        name = w[2]
        same(f"{name}: diskstats and stat", " ".join(w[3:]),
             " ".join(read(f"sys/block/{name}/stat").split()))
        same(f"{name}: dev", f"{w[0]}:{w[1]}",
             read(f"sys/block/{name}/dev").strip())
        same(f"{name}: size and partitions",
             int(read(f"sys/block/{name}/size")),
             2 * sizes.get(name, 0))
    zram = [int(n) for n in read("sys/block/zram0/mm_stat").split()]
    same("zram0: mem_used_total and zspages", zram[2] // 4096,
         vm["nr_zspages"])
    same("zram0: disksize and size",
         int(read("sys/block/zram0/disksize")),
         512 * int(read("sys/block/zram0/size")))
    if zram[3] and zram[4] < zram[2]:
        fail("zram0: the most that was used", zram[4], zram[2])


def check_swaps(mem, vm, processes):
    size = used = 0
    for line in read("proc/swaps").splitlines()[1:]:
        size += int(line.split()[2])
        used += int(line.split()[3])
    same("SwapTotal", mem["SwapTotal"], size)
    same("swap in use", mem["SwapTotal"] - mem["SwapFree"], used)
    named = set()
    for p in processes:
        named |= p["slots"]
    shmem = shmem_pages[0] * 4 # of which some may be out
    if not len(named) * 4 <= used <= len(named) * 4 + mem[
            "SwapCached"] + shmem:
        fail("slots that entries name, SwapCached and swaps",
             (len(named) * 4, mem["SwapCached"], shmem), used)


def words_of(path, off=0, size=-1):
    with open(f"{mnt}/{path}", "rb", buffering=0) as f:
        f.seek(off)
        data = b""
        while size < 0 or len(data) < size:
            piece = f.read(1 << 20 if size < 0 else size - len(data))
            if not piece:
                break
            data += piece
    return struct.unpack(f"<{len(data) // 8}Q", data[:len(data) // 8 * 8])


def process(pid):
    """Sums of smaps, and what pagemap says of its mappings."""
    p = {"pid": pid, "Rss": 0, "Swap": 0, "Locked": 0, "slots": set(),
         "anon_swap": 0}
    shared = False
    for line in read(f"proc/{pid}/smaps").splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            start, end = (int(a, 16) for a in words[0].split("-"))
            shared = words[1][3] == "s"
            if start < 1 << 47 and not line.endswith("[vsyscall]"):
                for e in words_of(f"proc/{pid}/pagemap", start // 4096 * 8,
                                  (end - start) // 4096 * 8):
                    if e >> 62 & 1:
                        p["slots"].add(e & (1 << 55) - 1)
        elif words[0] in ("Rss:", "Swap:", "Locked:"):
            p[words[0][:-1]] += int(words[1])
            if words[0] == "Swap:" and not shared:
                p["anon_swap"] += int(words[1])
    status = fields(f"proc/{pid}/status")
    same(f"{pid}: VmRSS and smaps", status["VmRSS"], p["Rss"])
    same(f"{pid}: VmRSS", status["VmRSS"],
         status["RssAnon"] + status["RssFile"] + status["RssShmem"])
    same(f"{pid}: VmSwap and smaps", status["VmSwap"], p["anon_swap"])
    statm = list(map(int, read(f"proc/{pid}/statm").split()))
    same(f"{pid}: statm", statm[:3],
         [status["VmSize"] // 4, status["VmRSS"] // 4,
          (status["RssFile"] + status["RssShmem"]) // 4])
    rollup = fields(f"proc/{pid}/smaps_rollup")
    same(f"{pid}: smaps_rollup", (rollup["Rss"], rollup["Swap"]),
         (p["Rss"], p["Swap"]))
    return p


def check_frames(mem, processes):
    counts = words_of("proc/kpagecount")
    flags = words_of("proc/kpageflags")
    same("kpagecount and RSS", sum(counts) * 4,
         sum(p["Rss"] for p in processes))
    cached = sum(1 for f in flags if f >> KPF_SWAPCACHE & 1)
    same("kpageflags: swap cache", cached * 4, mem["SwapCached"])
    same("kpageflags: lists", sum(1 for f in flags if f >> KPF_LRU & 1) * 4,
         mem["Active"] + mem["Inactive"] + mem["Unevictable"])
    anon = sum(1 for f, n in zip(flags, counts) if f >> KPF_ANON & 1 and n)
    same("kpageflags: anonymous, mapped", anon * 4, mem["AnonPages"])


def check_pressure():
    for line in read("proc/pressure/memory").splitlines():
        kind, *rest = line.split()
        values = dict(word.split("=") for word in rest)
        if not all(0 <= float(values[a]) <= 100 for a in
                   ("avg10", "avg60", "avg300")):
            fail("pressure", line, "0 to 100")
        if kind == "some":
            some = int(values["total"])
        elif int(values["total"]) > some:
            fail("pressure: full", line, some)
    return some


state = {"vm": {}, "given": None, "pressure": 0}
shmem_pages = [0]


def check():
    found = read("check")
    if not found.startswith("ok: "):
        fail("check", found, "ok")
    mem, vm = fields("proc/meminfo"), fields("proc/vmstat")
    pids = [d for d in os.listdir(f"{mnt}/proc") if d.isdigit()]
    processes = [process(p) for p in pids
                 if fields(f"proc/{p}/status").get("VmSize") is not None]
    pcp = check_zones(mem, vm)
    check_meminfo(mem, vm)
    check_nodes(mem, vm)
    used = mem["MemTotal"] // 4 - vm["nr_free_pages"] - pcp
    given = check_events(vm, state["vm"], used)
    # compaction takes free pages without counting, as Linux's does
    if state["vm"].get("compact_migrate_scanned") == vm[
            "compact_migrate_scanned"]:
        same("pgalloc - pgfree - pages in use", given, state["given"])
    check_swaps(mem, vm, processes)
    check_disks(vm)
    check_frames(mem, processes)
    some = check_pressure()
    if some < state["pressure"]:
        fail("pressure: total", some, state["pressure"])
    state.update(vm=vm, given=given, pressure=some)
    return mem


def command(path, line):
    """Its reply, a refusal too."""
    history.append(f"{path}: {line}")
    fd = os.open(f"{mnt}/{path}", os.O_RDWR)
    try:
        os.write(fd, line.encode() + b"\n")
        return os.read(fd, 4096).decode().strip()
    except OSError as e:
        return "-" + os.strerror(e.errno)
    finally:
        os.close(fd)


areas = {} # by process: (address, bytes)


def mapping(pid):
    kind = rng.choice(("", "", " flags=shared", " file=/f",
                       " flags=shared file=/f"))
    size = rng.randrange(1, 2500) * 4096
    reply = command(f"proc/{pid}/ctl", f"mmap {size} rw{kind}")
    if reply.startswith("0x"):
        areas.setdefault(pid, []).append((int(reply, 16), size))
        if kind == " flags=shared":
            shmem_pages[0] += size // 4096


def fill(pid, at, length):
    """Bytes that are no zeros."""
    history.append(f"proc/{pid}/mem: {at:#x} {length}")
    fd = os.open(f"{mnt}/proc/{pid}/mem", os.O_WRONLY)
    try:
        os.pwrite(fd, rng.randbytes(min(length, 1 << 20)), at)
    except OSError:
        pass # no mapping, not writable, or out of memory
    os.close(fd)


def in_area(pid):
    if not areas.get(pid):
        return mapping(pid)
    at, size = rng.choice(areas[pid])
    off = rng.randrange(size // 4096) * 4096
    length = rng.randrange(1, (size - off) // 4096 + 1) * 4096
    if rng.random() < 0.6:
        return fill(pid, at + off, length)
    what = rng.choice(("touch {} {}", "touch {} {}", "touch {} {} w",
                       "madvise {} {} dontneed", "madvise {} {} pageout",
                       "madvise {} {} cold", "madvise {} {} free",
                       "mlock {} {}", "munlock {} {}", "munmap {} {}",
                       "msync {} {} sync", "mprotect {} {} r",
                       "mprotect {} {} rw"))
    command(f"proc/{pid}/ctl", what.format(hex(at + off), length))
    return None


def on_machine():
    what = rng.choice(("tick 1s", "tick 100ms", "reclaim 300", "swapoff",
                       "swapon", "swapon", "zram", "drop", "compact"))
    if what == "drop":
        command("proc/sys/vm/drop_caches", str(rng.randrange(1, 4)))
    elif what == "compact":
        command("proc/sys/vm/compact_memory", "1")
    elif what == "zram":
        command("ctl", rng.choice((
            "swapon /dev/zram0 size=8M prio=5", "swapoff /dev/zram0",
            "swapon /dev/zram0 size=4M prio=5", "zram reset 1",
            "zram compact 1", "zram mem_limit 2M", "zram mem_limit 0",
            "zram recomp_algorithm algo=zstd", "zram idle all",
            "zram recompress type=huge", "zram mem_used_max 0")))
    elif what.startswith("swapo"):
        command("ctl", what + " /dev/vdb")
    else:
        command("ctl", what)


def step(pids):
    pid = rng.choice(pids)
    kind = rng.random()
    if kind < 0.2:
        mapping(pid)
    elif kind < 0.7:
        in_area(pid)
    elif kind < 0.85:
        on_machine()
    elif kind < 0.9:
        command(f"proc/{pid}/ctl", rng.choice(
            ("open /f rdwr", "pread 0 64K 0", 'pwrite 0 "abc" 100K')))
    elif kind < 0.95 and len(pids) < 5:
        reply = command(f"proc/{pid}/ctl", "fork")
        if reply.isdigit():
            areas[reply] = list(areas.get(pid, []))
    elif pid not in ("1", "2", "3"):
        command(f"proc/{pid}/ctl", "exit 0")


def main():
    out = os.open(f"{mnt}/disk/f", os.O_CREAT | os.O_WRONLY)
    os.write(out, random.Random(1).randbytes(4 << 20))
    os.close(out)
    command("ctl", "spawn")
    command("ctl", "spawn")
    size = check()["MemTotal"] * 4 // 9 >> 10 << 20
    for pid in ("1", "2", "3"):
        at = int(command(f"proc/{pid}/ctl", f"mmap {size} rw"), 16)
        areas[pid] = [(at, size)]
        for off in range(0, size, 1 << 20):
            fill(pid, at + off, 1 << 20)
        check()
    for _ in range(steps):
        pids = [d for d in os.listdir(f"{mnt}/proc") if d.isdigit()
                and "VmSize" in read(f"proc/{d}/status")]
        step(pids)
        check()
    vm = state["vm"]
    print(f"pswpout {vm['pswpout']} pswpin {vm['pswpin']} "
          f"pgscan {vm['pgscan_anon'] + vm['pgscan_file']} "
          f"oom_kill {vm['oom_kill']}")
    if not (vm["pswpout"] and vm["pswpin"]):
        fail("pressure", "nothing was swapped", "a run that swaps")
    sys.exit(failures > 0)


main()
