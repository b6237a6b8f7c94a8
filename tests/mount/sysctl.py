#!/usr/bin/env python3
"""sysctl.py MOUNT: what the files of proc/sys/vm refuse, against the kernel's own
files.  Nothing is written to those but what no file takes, or what was refused
by the machine's; should the kernel take it, the old value goes back at once."""
import errno
import os
import sys

mount = sys.argv[1]
failed = 0

# No number, for proc_get_long(); one that no int and no unsigned long holds.
BAD = [b"x", b"\n", b" ", b"-", b"+1", b"- 1", b"1x", b"1,2", b"1\0", b"1\r",
       b"08", b"0x", b"0xg", b"1K", b"0" * 20 + b"1", b"18446744073709551616",
       b"-18446744073709551615"]
NO_INT = [b"2147483648", b"-2147483649", b"4294967295"]
NO_LONG = [b"-1", b"-0"]
LONGS = ("admin_reserve_kbytes", "dirty_background_bytes", "dirty_bytes",
         "mmap_min_addr", "nr_hugepages", "nr_hugepages_mempolicy",
         "nr_overcommit_hugepages", "overcommit_kbytes", "user_reserve_kbytes")
# Just beyond what each takes, beside -1 for those from 0 on.
BEYOND = {
    "compact_memory": [b"0", b"2", b"-1"],
    "compact_unevictable_allowed": [b"2"],
    "compaction_proactiveness": [b"101"],
    "dirty_background_bytes": [b"0", b"17592186040321"],
    "dirty_background_ratio": [b"101"],
    "dirty_bytes": [b"0", b"1", b"8191", b"9223372036854775808"],
    "dirty_ratio": [b"101"],
    "extfrag_threshold": [b"1001"],
    "min_slab_ratio": [b"101"],
    "min_unmapped_ratio": [b"101"],
    "mmap_rnd_bits": [b"27", b"33"],
    "mmap_rnd_compat_bits": [b"7", b"17"],
    "numa_stat": [b"2"],
    "overcommit_memory": [b"3"],
    "page-cluster": [b"32"],
    "panic_on_oom": [b"3"],
    "percpu_pagelist_high_fraction": [b"1", b"7"],
    "stat_interval": [b"8589935", b"-8589935"],
    "swappiness": [b"201"],
    "vfs_cache_pressure_denom": [b"99", b"0"],
    "watermark_scale_factor": [b"0", b"3001"],
}
FROM_0 = ("compact_unevictable_allowed", "compaction_proactiveness",
          "dirty_background_ratio", "dirty_expire_centisecs", "dirty_ratio",
          "extfrag_threshold", "legacy_va_layout", "max_map_count",
          "min_free_kbytes", "min_slab_ratio", "min_unmapped_ratio",
          "numa_stat", "overcommit_memory", "page-cluster", "panic_on_oom",
          "percpu_pagelist_high_fraction", "swappiness", "vfs_cache_pressure",
          "vfs_cache_pressure_denom", "watermark_boost_factor",
          "watermark_scale_factor", "zone_reclaim_mode")


def write(path, text):
    fd = os.open(path, os.O_WRONLY)
    try:
        return "taken" if os.write(fd, text) else "nothing"
    except OSError as e:
        return errno.errorcode[e.errno]
    finally:
        os.close(fd)


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except PermissionError:
        return None  # it can only be written
    except OSError as e:
        return None if e.errno in (errno.EINVAL, errno.EIO) else e.errno


def host(name, text):
    path = "/proc/sys/vm/" + name
    if not os.access(path, os.W_OK):
        return None
    old = read(path)
    said = write(path, text)
    if old is not None and read(path) != old:
        write(path, old)
    return said


def texts(name):
    yield from BAD
    yield from BEYOND.get(name, [])
    yield from NO_LONG if name in LONGS else NO_INT
    if name in FROM_0:
        yield b"-1"


def differ(name, text, what):
    global failed
    failed += 1
    print(f"{name} {text!r}: {what}")


def taken(name, text, want):
    """Of the machine alone: what it takes, and shows then."""
    path = f"{mount}/proc/sys/vm/{name}"
    said = write(path, text)
    if said != "taken" or read(path) != want:
        differ(name, text, f"{said}, then {read(path)}, wanted {want}")


for name in sorted(os.listdir(mount + "/proc/sys/vm")):
    path = f"{mount}/proc/sys/vm/{name}"
    old = read(path)
    # an array says nothing of its mistakes, a name has no numbers
    want = "taken" if name == "lowmem_reserve_ratio" else "EINVAL"
    for text in texts(name):
        if name == "numa_zonelist_order" and text[:1] in b"dDnN":
            continue
        said = write(path, text)
        if said != want and (name, said) not in (
                ("dirty_bytes", "ERANGE"), ("dirty_background_bytes", "ERANGE")):
            differ(name, text, said)
            continue
        if read(path) != old:
            differ(name, text, f"{old} became {read(path)}")
        kernel = host(name, text)
        if kernel not in (None, said):
            differ(name, text, f"{said}, the kernel: {kernel}")

taken("swappiness", b" \t\r010 201 x\n", b"8\n")
taken("oom_dump_tasks", b"-2147483648", b"-2147483648\n")
taken("page-cluster", b"0x1f\n", b"31\n")
taken("dirty_bytes", b"18446744073709551615", b"18446744073709551615\n")
taken("dirty_ratio", b"20", b"20\n")
taken("nr_overcommit_hugepages", b"9223372036854775808", b"9223372036854775808\n")
taken("numa_zonelist_order", b"node,\0x", b"Node\n")
taken("lowmem_reserve_ratio", b"16", b"16\t256\t32\t0\t0\n")
taken("lowmem_reserve_ratio", b"-1 64 x 8", b"0\t64\t32\t0\t0\n")
taken("lowmem_reserve_ratio", b"256 256 32 1 2 3 4", b"256\t256\t32\t1\t2\n")
sys.exit(1 if failed else 0)
