#!/usr/bin/env python3
"""numa_tools.py MOUNT DIR: what numactl -H and numastat printed (DIR/told...)
against the files of the machine.  Ends with status 1 at the first difference."""
import re
import sys

mount, work = sys.argv[1:]
NODE = mount + "/sys/devices/system/node/node%d/"
checked = 0


def read(path):
    with open(path) as f:
        return f.read()


def same(what, told, want):
    global checked
    checked += 1
    if told != want:
        sys.exit(f"{what}: the tool says {told}, the files {want}")


def node_list():
    last = read(mount + "/sys/devices/system/node/online").strip().split("-")
    return range(int(last[-1]) + 1)


def meminfo(node):
    return {label: int(value) for label, value in re.findall(
        r"Node \d+ (\S+):\s+(\d+)", read(NODE % node + "meminfo"))}


def table(name):
    """Rows of a table of numastat: the label, and a number a column."""
    return {row[0]: row[1:] for row in (
        line.split() for line in read(f"{work}/told{name}").splitlines())
        if len(row) > 2 and re.fullmatch(r"[\d.]+", row[-1])}


def rounded(values):
    """As numastat prints megabytes: by column, and the sum."""
    return [f"{v:.2f}" for v in values + [sum(values)]]


def check_hardware(nodes):
    told = dict(re.findall(r"(?m)^ *(node \d+ \w+|\d+): *(.*?) *$",
                           read(work + "/told-H")))
    for n in nodes:
        kb = meminfo(n)
        cpus = read(NODE % n + "cpulist").strip()
        first, _, last = cpus.partition("-")
        same(f"cpus of {n}", told[f"node {n} cpus"], " ".join(
            str(c) for c in range(int(first), int(last or first) + 1)))
        same(f"size of {n}", told[f"node {n} size"],
             f"{kb['MemTotal'] // 1024} MB")
        same(f"free of {n}", told[f"node {n} free"],
             f"{kb['MemFree'] // 1024} MB")
        same(f"distances of {n}", told[str(n)].split(),
             read(NODE % n + "distance").split())


def check_events(nodes):
    files = [dict(line.split() for line in
                  read(NODE % n + "numastat").splitlines()) for n in nodes]
    pages, megabytes = table(""), table("-n")
    for event in files[0]:
        values = [int(f[event]) for f in files]
        same(event, pages[event], [str(v) for v in values])
        same(event + " in MB", megabytes[event.title()],
             rounded([v / 256 for v in values]))


def check_meminfo(nodes):
    told, files = table("-m"), [meminfo(n) for n in nodes]
    # numastat 2.0 leaves out what it does not know
    unknown = {"SwapCached", "SecPageTables", "FileHugePages", "FilePmdMapped"}
    for label in files[0].keys() - unknown:
        unit = 2 if label.startswith("HugePages_") else 1 / 1024
        same(label, told[label], rounded([f[label] * unit for f in files]))


def check_process(nodes):
    told, sums = table("-p1"), {}
    for line in read(mount + "/proc/1/numa_maps").splitlines():
        kind = ("Huge" if " huge" in line else "Heap" if " heap" in line else
                "Stack" if " stack" in line else "Private")
        kb = int((re.findall(r"kernelpagesize_kB=(\d+)", line) or [4])[0])
        for node, pages in re.findall(r" N(\d+)=(\d+)", line):
            for row in kind, "Total":
                sums.setdefault(row, [0] * len(nodes))[int(node)] += (
                    int(pages) * kb / 1024)
    for row in "Huge", "Heap", "Stack", "Private", "Total":
        same(row, told[row], rounded(sums[row]))


def main():
    nodes = node_list()
    check_hardware(nodes)
    check_events(nodes)
    check_meminfo(nodes)
    check_process(nodes)
    if checked < 40:
        sys.exit(f"only {checked} numbers were compared")


main()
