#!/usr/bin/env python3
"""What a user may see of a process: one line a file of /proc/PID.

    look.py UID PROC PID     PROC is /proc, or proc of a machine
"""
import errno
import os
import struct
import sys

uid, proc, pid = sys.argv[1:]
os.setgroups([])
os.setresgid(*3 * [int(uid)])
os.setresuid(*3 * [int(uid)])
here = f"{proc}/{pid}"
STACK = 0x7fffffffe000  # the page at the top of every stack, without ASLR


def answer(f):
    try:
        return f() or "ok"
    except OSError as e:
        return errno.errorcode[e.errno]


def owner(path):
    st = os.lstat(path)
    return f"{st.st_uid}:{st.st_gid} {st.st_mode & 0o7777:o}"


def look(path, flags):
    os.close(os.open(path, flags))


def first_target():
    directory = here + "/map_files"
    os.readlink(f"{directory}/{os.listdir(directory)[0]}")


def stat_fields():
    """Which addresses of stat are there, are 1, or are 0."""
    with open(here + "/stat") as f:
        words = f.read().rsplit(")", 1)[1].split()
    fields = [int(words[n - 3]) for n in (26, 27, 28, 45, 46, 47, 48, 49)]
    return "".join(str(min(v, 2)) for v in fields)


def frame():
    fd = os.open(here + "/pagemap", os.O_RDONLY)
    word, = struct.unpack("Q", os.pread(fd, 8, STACK // 4096 * 8))
    return f"{word >> 63} {'frame' if word << 9 & (1 << 64) - 1 else 'none'}"


def iomem():
    with open(proc + "/iomem") as f:
        return "zeros" if all(l.lstrip().startswith("00000000-00000000 ")
                              for l in f) else "addresses"


print("directory", owner(here))
for name in ("maps", "smaps", "smaps_rollup", "numa_maps", "stat", "statm",
             "status", "limits", "cmdline", "comm", "environ", "auxv", "mem",
             "pagemap", "oom_score", "oom_score_adj", "task", "map_files", "fd",
             "fdinfo", "io", "personality"):
    print(name, owner(f"{here}/{name}") if name != "comm" else "",
          answer(lambda: look(f"{here}/{name}", os.O_RDONLY)))
for name in ("mem", "clear_refs", "oom_score_adj"):
    print("write", name, answer(lambda: look(f"{here}/{name}", os.O_WRONLY)))
for name in ("exe", "cwd", "root"):
    print(name, owner(f"{here}/{name}"),
          answer(lambda: (os.readlink(f"{here}/{name}"), None)[1]))
print("list map_files",
      answer(lambda: (os.listdir(here + "/map_files"), None)[1]))
print("target", answer(first_target))
print("fields", answer(stat_fields))
print("frame", answer(frame))
for name in ("kpagecount", "kpageflags", "slabinfo", "meminfo", "vmstat"):
    print(name, answer(lambda: look(f"{proc}/{name}", os.O_RDONLY)))
print("iomem", iomem())
for name in ("overcommit_memory", "max_map_count", "mmap_min_addr"):
    path = f"{proc}/sys/vm/{name}"
    print(name, owner(path), answer(lambda: look(path, os.O_WRONLY)))
